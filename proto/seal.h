#ifndef SOTTO_PROTO_SEAL_H
#define SOTTO_PROTO_SEAL_H
#include "proto/base.h"
/* Who we are: the keys derived from one seed, and what of them is shown to
 * people. The only place, with noise.c, that holds private keys. */
enum seal {
	SEAL_NONE,
	SEAL_NOISE, /* sotto: the whole link; see noise.h */
};

/* Our private keys, derived from one seed of 32 bytes: "sottosig"/1 signs,
 * "sottonoi"/generation is the Noise key, "sottostr"/1 protects small files. */
struct keys;
struct keys *keys_new(const uint8_t seed[static 32]);
void keys_free(struct keys *k); /* wipes them */
struct pubkey keys_public(const struct keys *k);

/* Shown to people, computed when shown. 1.3 ms for the safety number. */
void seal_peer_id(char out[static 33], const struct pubkey *k);
void seal_safety_number(char out[static 72], const struct pubkey *a,
                        const struct pubkey *b);
#endif
