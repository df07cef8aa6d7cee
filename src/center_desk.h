#ifndef SOTTO_SRC_CENTER_DESK_H
#define SOTTO_SRC_CENTER_DESK_H
#include "proto/letter.h"
#include "src/center.h"
#include <string.h>
/* What the files of the center's policy share: its state, its desks, and how
 * it speaks. Thread: the center's. */
enum {
	DESK_BUCKETS = 4096,
	MAIL_GATHER = 128, /* letters kept in one go */
	ASKS_MAX = 256,
	KNOCKS_MAX = 16, /* log-ins by a password that wait for their turn */
	KNOCKS_EACH = 4, /* from one source */
	NOTE_FIELDS = 3,
};

/* Whom an account blocks, as of the log-in or the last change. */
struct desk_blocks {
	char (*name)[CENTER_NAME_MAX + 1]; /* owned */
	size_t n;
};

/* A link: a device, and the account it is logged in at, if it is. */
struct desk {
	link_id link;
	struct pubkey key;
	struct uuid box; /* its peer id */
	char id[33];
	struct addr at;
	char user[CENTER_NAME_MAX + 1]; /* "": not logged in */
	struct uuid token;
	uint64_t given, trimmed; /* letters: given out, known to be taken */
	bool reading, more;      /* it fetched; there are more than a page */
	bool behind;             /* the box could not be read */
	int64_t look_ms;         /* when it was */
	int64_t refresh_ms, broadcast_ms, minute_ms;
	unsigned letters;        /* in this minute */
	int64_t relay_ms;        /* when a minute of relays began */
	unsigned relays;         /* asked for in it */
	int64_t spare, spare_ms; /* desk_may: what is left, and of when */
	struct desk_blocks blocks;
	struct desk *next_link, *next_box;
};

/* Somebody was asked for his address. */
struct ask {
	char from[CENTER_NAME_MAX + 1], to[CENTER_NAME_MAX + 1];
	int64_t until_ms;
};

/* Somebody who is logged in, at some node. */
struct person {
	char user[CENTER_NAME_MAX + 1];
	char key[65]; /* in hex, of the device; "": not known yet */
	bool fresh;   /* nobody has been told */
	struct person *next;
};

/* A log-in by a password: one in a turn, for each takes some 30 ms. */
struct knock {
	link_id link;
	uint64_t ref;
	char user[CENTER_NAME_MAX + 1];
	char source[CENTER_SOURCE_MAX + 1];
	struct bytes password; /* owned */
};

struct center {
	struct center_backend *b;
	struct center_terms terms;
	bool held; /* center_hold */
	struct center_watch watch;
	struct effects *fx;
	struct desk *link[DESK_BUCKETS], *box[DESK_BUCKETS];
	struct person *person[DESK_BUCKETS]; /* by name */
	struct changes *changes;             /* of center_presence.c, or NULL */
	struct center_mail mail[MAIL_GATHER];
	struct {
		link_id link;
		uint64_t ref;
	} from[MAIL_GATHER];
	size_t n_mail;
	struct knock knock[KNOCKS_MAX]; /* the first is next */
	size_t n_knock;
	struct ask ask[ASKS_MAX];
	size_t n_ask;
	struct relay_way *way;     /* of center_relay.c; WAYS_MAX, or NULL */
	size_t n_way, n_way_asked; /* asked: of the other nodes */
	int64_t now_ms;
	struct rng *rng;
	struct buf note; /* heard in a tick: u32 length, bytes ... */
	bool away;       /* the backend was, since notes were sure to come */
};

/* ---- center_desk.c ---- */
struct desk *desk_find(const struct center *c, link_id id);
struct desk *desk_next(const struct center *c, size_t *i, struct desk *d);
/* All there are, in no order. */
#define EACH_DESK(c, d)                                                        \
	for (size_t i_ = 0, on_ = 1; on_; on_ = 0)                             \
		for (struct desk *d = desk_next(c, &i_, NULL); d;              \
		     d = desk_next(c, &i_, d))
/* Those whose box that is, among others. */
struct desk *desk_of_box(const struct center *c, struct uuid box);
void desk_open(struct center *c, link_id id, const struct pubkey *key,
	       const struct addr *at);
void desk_close(struct center *c, struct desk *d);
bool desk_same(struct uuid a, struct uuid b);
/* An id as text; hex_id: false: it is none. */
bool hex_id(struct bytes s, char out[static 33]);
struct uuid box_of(const char id[static 33]);
void key_hex(char out[static 65], const struct pubkey *key);

/* p's kind is set. */
void desk_say(struct center *c, link_id to, struct packet *p);
/* What a link asks takes this much of what it may ask, which comes back by the
 * millisecond. False: too much; who wants to know was told. */
enum { DESK_SPARE = 60000 };
bool desk_may(struct center *c, struct desk *d, const struct packet *p,
	      int64_t cost);
/* To what `to` asked; word may be NULL. Nothing to who did not ask for an
 * answer: he would take a FAIL for the end of his log-in. */
void desk_answer(struct center *c, const struct desk *d,
		 const struct packet *to, enum center_verb verb,
		 const char *word);
/* Not now: the backend does not answer. Who asks knows by the second word that
 * it may ask again. */
void desk_later(struct center *c, const struct desk *d,
		const struct packet *to);
/* false: no name of a user. */
bool word_get(const struct packet *p, size_t i,
	      char out[static CENTER_NAME_MAX + 1]);

/* Between nodes, and to ourselves; a hint, which may be lost. */
struct note {
	char field[NOTE_FIELDS][CENTER_NAME_MAX + 1];
	struct bytes text;
};
/* False: it was not. */
bool note_send(struct center *c, const char *what, const char *a, const char *b,
	       struct bytes text);
bool note_read(struct bytes s, struct note *out);

static inline struct bytes desk_view(const char *s)
{
	return (struct bytes){(const uint8_t *)s, strlen(s)};
}

/* ---- center_mail.c: letters and prekeys ---- */
void mail_store(struct center *c, struct desk *d, const struct packet *p);
void mail_settle(struct center *c); /* what was gathered is kept */
void mail_fetch(struct center *c, struct desk *d, const struct packet *p);
void mail_taken(struct center *c, struct desk *d, const struct packet *p);
void mail_trim(struct center *c, struct desk *d);
void mail_came(struct center *c, struct uuid box);
void mail_look(struct center *c); /* where nobody may have told us */
void mail_prekey(struct center *c, struct desk *d, const struct packet *p);
void mail_bundle(struct center *c, struct desk *d, const struct packet *p);

/* ---- center_login.c ---- */
void login_try(struct center *c, struct desk *d, const struct packet *p);
void login_work(struct center *c); /* one by a password */
void knocks_free(struct center *c);
void login_end(struct center *c, struct desk *d);
/* Now and then. False: the backend does not answer. */
bool login_refresh(struct center *c, struct desk *d);
/* The user has logged in elsewhere: those of older tokens are told. */
void login_moved(struct center *c, const char *user, const struct uuid *token);

/* ---- center_relay.c: two who cannot reach each other ---- */
void relay_ask(struct center *c, struct desk *d, const struct packet *p);
/* Notes: who has him? A node has; it shall call him. */
void relay_who(struct center *c, const struct note *n);
void relay_has(struct center *c, const struct note *n);
void relay_call(struct center *c, const struct note *n);
void relay_tick(struct center *c); /* no node has */

/* ---- center_presence.c: who is there ---- */
void people_presence(void *ctx, const char *user, const char *node);
void people_settle(struct center *c); /* tells who came and went */
/* When there is more to tell; INT32_MAX: there is not. */
int people_wait_ms(const struct center *c);
void people_free(struct center *c);
struct person *person_of(struct center *c, const char *user); /* or NULL */
/* Of the device he used last. */
bool person_key(struct center *c, const char *user, struct pubkey *key);

/* ---- center_people.c: who says what to whom ---- */
/* A note for those who are at this node. */
void people_told(struct center *c, const struct note *n);
void people_online(struct center *c, struct desk *d, const struct packet *p);
void people_broadcast(struct center *c, struct desk *d, const struct packet *p);
void people_get(struct center *c, struct desk *d, const struct packet *p);
void people_allow(struct center *c, struct desk *d, const struct packet *p);
void people_block(struct center *c, struct desk *d, const struct packet *p);
/* Whether user's account blocks who ("": nobody). */
bool people_blocked(struct center *c, const char *user, const char *who);
/* The box of the device he used last; false: none. */
bool people_box(struct center *c, const char *user, struct uuid *box,
		char key[static 65]);
void people_blocks(struct desk *d, const struct center_acct *a);
#endif
