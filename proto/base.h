#ifndef SOTTO_PROTO_BASE_H
#define SOTTO_PROTO_BASE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#define MUST_USE __attribute__((warn_unused_result))
#define PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))
/* Everything that can go wrong, for the whole program. OK is 0.
 * "Not enough bytes yet" is not an error and has no code here. */
enum err {
	OK = 0,
	ERR_SYS,    /* a system call failed; errno says which way */
	ERR_PARSE,  /* the bytes are not of the format */
	ERR_LIMIT,  /* longer, deeper or more than we accept */
	ERR_STATE,  /* right thing, wrong moment, or not built in */
	ERR_AUTH,   /* refused: key, pin, password, token, block, consent */
	ERR_ABSENT, /* no such contact, message, file */
	ERR_EXISTS, /* already there: duplicate message, taken id */
	ERR_FULL,   /* a bounded queue, table or disk is full; try later */
	ERR_CLOSED, /* the other side is gone */
};
const char *err_text(enum err e);

/* A borrowed view. Never NUL-terminated, may hold any byte. */
struct bytes {
	const uint8_t *p;
	size_t n;
};

/* An owned, growing byte string; all zero is a valid empty one. */
struct buf {
	uint8_t *p;
	size_t n, cap;
};
/* Room for `more` bytes behind n; they are not counted yet. */
void buf_room(struct buf *b, size_t more);
void buf_put(struct buf *b, struct bytes s);
void buf_printf(struct buf *b, const char *fmt, ...) PRINTF(2, 3);
void buf_drop(struct buf *b, size_t n); /* forget the first n bytes */
void buf_free(struct buf *b);

/* Scratch memory that is emptied all at once. */
struct arena {
	uint8_t *p;
	size_t n, cap;
};
void *arena_get(struct arena *a, size_t n); /* NULL when full */
void arena_empty(struct arena *a);

/* Aborts the program when memory is out; n must be bounded by the caller. */
void *xmalloc(size_t n);
void *xzalloc(size_t n); /* zeros; what is never written to costs no memory */
void *xrealloc(void *p, size_t n);
char *xstrndup(struct bytes s);
/* As a search sees it: without case and accents, compatibility forms as one. */
void text_fold(struct buf *out, struct bytes s);
/* RFC 4648, with its padding. base64_get: ERR_PARSE unless it is just that;
 * ERR_LIMIT: the arena is full. */
void base64_put(struct buf *out, struct bytes s);
enum err base64_get(struct arena *a, struct bytes s,
		    struct bytes *out) MUST_USE;
bool utf8_ok(struct bytes s); /* RFC 3629, and without NUL */
/* The longest prefix of at most max bytes that splits no grapheme. */
size_t utf8_cut(struct bytes s, size_t max);
/* Appends s harmless for a terminal, a log or a page: control characters and
 * bidi overrides become visible signs. Everything shown goes through here. */
void text_clean(struct buf *out, struct bytes s);

/* Sixteen bytes: message ids (UUIDv7), instances. All zero: none. */
struct uuid {
	uint8_t b[16];
};
/* The Ed25519 key that *is* a peer. All zero: none, or "any" as a pin. */
struct pubkey {
	uint8_t b[32];
};
bool pubkey_none(const struct pubkey *k);

/* The three things policy needs of libsodium, so that it needs no header. */
void digest(uint8_t out[static 32], struct bytes s); /* BLAKE2b */
bool secret_same(struct bytes a, struct bytes b);    /* in constant time */
void secret_wipe(void *p, size_t n);

/* A seeded ChaCha20 stream. src/clock.c seeds it from the kernel, a test or
 * the simulation with a number. */
struct rng {
	uint8_t seed[32];
	uint64_t used;
};
void rng_fill(struct rng *r, uint8_t *out, size_t n);

/* What a decision may know of the world outside: always an argument. */
struct now {
	int64_t mono_us; /* deadlines, back-off, round trips */
	int64_t wall_us; /* stamps and expiry only; Unix time, may jump */
	bool woke;       /* first turn after the machine slept */
	struct rng *rng;
};
void uuid_make(struct uuid *out, const struct now *now); /* UUIDv7 */
enum { STAMP_MAX = 40 };
/* RFC 3339, UTC, milliseconds. Parsing takes any offset and precision. */
void rfc3339_put(char out[static STAMP_MAX + 1], int64_t unix_us);
enum err rfc3339_get(struct bytes s, int64_t *unix_us) MUST_USE;
#endif
