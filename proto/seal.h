#ifndef SOTTO_PROTO_SEAL_H
#define SOTTO_PROTO_SEAL_H
#include "proto/base.h"
#include "proto/noise.h"
/* Who we are: the keys derived from one seed, and what of them is shown to
 * people. The only place, with noise.c and link.c, that holds private keys. */
enum seal {
	SEAL_NONE,
	SEAL_OAEP,  /* binary: each text, RSA-2048, OAEP with SHA-1 */
	SEAL_RAW,   /* nul: each text, textbook RSA-1024; hides nothing */
	SEAL_NOISE, /* sotto: the whole link; see noise.h */
};
enum { CERTIFICATE = 112 };

/* Our private keys, derived from one seed of 32 bytes: "sottosig"/1 signs,
 * "sottonoi"/generation is the Noise key, "sottostr"/1 protects small files. */
struct keys {
	struct pubkey public; /* Ed25519: who we are */
	uint8_t sign[64];
	struct noise_pair noise; /* X25519: the static key of the channel */
	uint8_t certificate[CERTIFICATE];
};
struct keys *keys_new(const uint8_t seed[static 32]);
void keys_free(struct keys *k); /* wipes them */
struct pubkey keys_public(const struct keys *k);

/* That this Noise key is of that identity. */
void certificate_make(uint8_t out[static CERTIFICATE], const struct keys *k);
/* ERR_AUTH: not signed, or for another Noise key. */
enum err certificate_check(struct bytes c, const uint8_t x25519[static 32],
			   struct pubkey *who) MUST_USE;

/* Shown to people, computed when shown. 1.3 ms for the safety number: 60
 * digits in 12 groups, the same for both. */
void seal_peer_id(char out[static 33], const struct pubkey *k);
void seal_safety_number(char out[static 72], const struct pubkey *a,
			const struct pubkey *b);
#endif
