#ifndef SOTTO_PROTO_NOISE_H
#define SOTTO_PROTO_NOISE_H
#include "proto/base.h"
/* The Noise protocol framework, revision 34, over libsodium's primitives:
 * 25519, ChaChaPoly, BLAKE2b. The handshake patterns are a table; sotto's wire
 * uses XX, the test vectors use the rest. No sockets, no randomness of its
 * own: ephemeral keys are brought by the caller. */
enum {
	NOISE_KEY = 32,
	NOISE_TAG = 16,
	NOISE_HASH = 64,
	NOISE_MESSAGE_MAX = 65535,
	NOISE_PSKS = 4
};

struct noise_pair {
	uint8_t secret[NOISE_KEY], public[NOISE_KEY];
};
/* The public key of a secret one. */
void noise_pair_of(struct noise_pair *p,
		   const uint8_t secret[static NOISE_KEY]);

/* One direction of a conversation. All zero: no key yet. */
struct noise_cipher {
	uint8_t k[NOISE_KEY];
	uint64_t n;
	bool keyed;
};
/* out has room for in.n + NOISE_TAG and may be in.p. ERR_LIMIT: the counter
 * is used up. */
enum err noise_encrypt(struct noise_cipher *c, struct bytes ad, struct bytes in,
		       uint8_t *out) MUST_USE;
/* ERR_AUTH: tampered with; nothing of out is to be used. out has room for
 * in.n - NOISE_TAG and may be in.p. */
enum err noise_decrypt(struct noise_cipher *c, struct bytes ad, struct bytes in,
		       uint8_t *out) MUST_USE;
void noise_rekey(struct noise_cipher *c); /* section 4.2; n goes on */

/* A handshake on its way; about 500 bytes, wiped by noise_wipe. */
struct noise {
	char message[5][24];  /* tokens of each message; "" ends */
	int at;               /* the next one */
	bool initiator, ours; /* ours: it is our turn to write */
	struct noise_cipher cipher;
	uint8_t ck[NOISE_HASH], h[NOISE_HASH];
	struct noise_pair s, e;
	uint8_t rs[NOISE_KEY], re[NOISE_KEY];
	uint8_t psk[NOISE_PSKS][NOISE_KEY];
	unsigned n_psks, psk_at;
	bool has_psk, done;
};
struct noise_start {
	const char *protocol; /* Noise_XX_25519_ChaChaPoly_BLAKE2b */
	bool initiator;
	struct bytes prologue;
	struct noise_pair s, e;          /* zero: the pattern has none */
	const uint8_t *rs;               /* known before, or NULL */
	const uint8_t (*psk)[NOISE_KEY]; /* in their order, or NULL */
	unsigned n_psks;
};
/* ERR_STATE: a protocol that is not in the table. */
enum err noise_begin(struct noise *n, const struct noise_start *s) MUST_USE;
/* Appends the next handshake message with a payload. */
enum err noise_write(struct noise *n, struct bytes payload,
		     struct buf *out) MUST_USE;
/* Appends its payload. ERR_AUTH: refused; ERR_PARSE: too short. */
enum err noise_read(struct noise *n, struct bytes in,
		    struct buf *payload) MUST_USE;
/* After the last message: what we send with, what we receive with. */
void noise_split(struct noise *n, struct noise_cipher *send,
		 struct noise_cipher *receive);
void noise_wipe(struct noise *n);
#endif
