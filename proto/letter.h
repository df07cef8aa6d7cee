#ifndef SOTTO_PROTO_LETTER_H
#define SOTTO_PROTO_LETTER_H
#include "proto/seal.h"
/* What is said to somebody who is not there, so that whoever keeps it cannot
 * read it: sealed to a prekey that the recipient signed and handed over when
 * we last met. Pure: no clock, no randomness but what the caller brings.
 *
 *   bundle   ed25519[32] x25519[32] prekey_id[4] prekey[32] not_after[8]
 *            signature[64] by the ed25519 key, over "sotto/1 prekey" 0 and all
 *            before it. not_after: Unix seconds.
 *   letter   prekey_id[4], a message of Noise_X_25519_ChaChaPoly_BLAKE2b to
 *            the prekey with the prologue "sotto/1 sealed" 0 ed25519[32] (of
 *            the recipient) prekey_id[4]; its payload is the sender's
 *            certificate, the length of the text[4], the text, and zeros up
 *            to the next of 256, 512, 1024 ... 32768, 65536, 98304 ... bytes.
 * What does not fit into 65535 bytes follows in pieces of at most so many, each
 * encrypted with the handshake's first key.
 *
 * Numbers are big-endian. Who steals a device can open letters whose prekey it
 * still has, and no older ones: forget prekeys in time. */
enum {
	BUNDLE = 172,
	LETTER_MAX = 163972, /* a sealed letter, bytes */
	LETTER_TEXT = 131072 /* what is in it, bytes; as PACKET_MAX */
};

struct prekey {
	uint32_t id;
	struct noise_pair pair;
	uint64_t not_after; /* Unix seconds */
};
struct bundle {
	struct pubkey who;
	uint32_t id;
	uint8_t noise[32], prekey[32];
	uint64_t not_after;
};

void bundle_make(uint8_t out[static BUNDLE], const struct keys *k,
		 const struct prekey *p);
/* ERR_PARSE: no bundle; ERR_AUTH: not signed by `who`, the key that is pinned;
 * ERR_LIMIT: its time is over. Never seal to one that was refused. */
enum err bundle_read(struct bytes in, const struct pubkey *who, uint64_t now_s,
		     struct bundle *out) MUST_USE;

/* Appends the letter. ephemeral: 32 bytes that nobody else can know, never the
 * same for two texts or two bundles; the same letter for the same ones.
 * ERR_LIMIT: too long a text. 0.3 ms. */
enum err letter_seal(const struct keys *from, const struct bundle *to,
		     const uint8_t ephemeral[static 32], struct bytes text,
		     struct buf *out) MUST_USE;
/* Which prekey it wants; ERR_PARSE: it is no letter. */
enum err letter_prekey(struct bytes in, uint32_t *id) MUST_USE;
/* Appends the text and says who wrote it. ERR_AUTH: not for this prekey, or
 * tampered with; nothing was appended. 0.2 ms. */
enum err letter_open(const struct keys *self, const struct prekey *p,
		     struct bytes in, struct pubkey *from,
		     struct buf *text) MUST_USE;
/* By what a letter is known, wherever it comes from: BLAKE2b of it. */
void letter_id(uint8_t out[static 16], struct bytes letter);
#endif
