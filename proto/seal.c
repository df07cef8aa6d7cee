#include "proto/seal.h"
#include "proto/noise.h"
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One context a use; the generation is the number. */
static void derive(uint8_t out[static 32], const char *context, uint64_t number,
		   const uint8_t seed[static 32])
{
	crypto_kdf_derive_from_key(out, 32, number, context, seed);
}

struct keys *keys_new(const uint8_t seed[static 32])
{
	struct keys *k = xzalloc(sizeof *k);
	uint8_t part[32];

	/* Picks what this processor does fastest; once is enough. */
	if (sodium_init() < 0)
		abort();
	derive(part, "sottosig", 1, seed);
	crypto_sign_seed_keypair(k->public.b, k->sign, part);
	derive(part, "sottonoi", 0, seed);
	noise_pair_of(&k->noise, part);
	sodium_memzero(part, sizeof part);
	certificate_make(k->certificate, k);
	return k;
}

void keys_free(struct keys *k)
{
	if (!k)
		return;
	keys_drop(k);
	sodium_memzero(k, sizeof *k);
	free(k);
}

struct pubkey keys_public(const struct keys *k)
{
	return k->public;
}

/* "sotto/1 device" 0 ed25519 x25519 not_before not_after */
enum { SIGNED = 15 + 32 + 32 + 16 };

static void signed_part(uint8_t out[static SIGNED], const uint8_t *ed,
			const uint8_t *x, const uint8_t *times)
{
	memcpy(out, "sotto/1 device", 15);
	memcpy(out + 15, ed, 32);
	memcpy(out + 47, x, 32);
	memcpy(out + 79, times, 16);
}

/* ed25519[32] not_before[8] not_after[8] signature[64]; without an end in
 * version 1. */
void certificate_make(uint8_t out[static CERTIFICATE], const struct keys *k)
{
	uint8_t text[SIGNED];

	memcpy(out, k->public.b, 32);
	memset(out + 32, 0, 8);
	memset(out + 40, 0xff, 8);
	out[40] = 0x7f;
	signed_part(text, out, k->noise.public, out + 32);
	crypto_sign_detached(out + 48, NULL, text, sizeof text, k->sign);
}

enum err certificate_check(struct bytes c, const uint8_t x25519[static 32],
			   struct pubkey *who)
{
	uint8_t text[SIGNED];
	static const uint8_t forever[16] = {[8] = 0x7f, 0xff, 0xff, 0xff,
					    0xff,       0xff, 0xff, 0xff};

	if (c.n != CERTIFICATE)
		return ERR_PARSE;
	if (memcmp(c.p + 32, forever, sizeof forever) != 0)
		return ERR_AUTH;
	signed_part(text, c.p, x25519, c.p + 32);
	if (crypto_sign_verify_detached(c.p + 48, text, sizeof text, c.p))
		return ERR_AUTH;
	memcpy(who->b, c.p, 32);
	return OK;
}

void seal_peer_id(char out[static 33], const struct pubkey *k)
{
	crypto_generichash_state st;
	uint8_t id[16];

	crypto_generichash_init(&st, NULL, 0, sizeof id);
	crypto_generichash_update(&st, (const uint8_t *)"sotto/1 id", 10);
	crypto_generichash_update(&st, k->b, sizeof k->b);
	crypto_generichash_final(&st, id, sizeof id);
	sodium_bin2hex(out, 33, id, sizeof id);
}

/* Thirty digits of a key, hashed 5,200 times so that a search for a like one
 * costs that much more. */
static void half_number(char out[static 37], const struct pubkey *k)
{
	uint8_t h[64] = {0}, in[96];

	memcpy(h, k->b, 32);
	for (int i = 0; i < 5200; i++) {
		memcpy(in, h, 64);
		memcpy(in + 64, k->b, 32);
		crypto_generichash(h, sizeof h, in, sizeof in, NULL, 0);
	}
	for (int i = 0; i < 6; i++) {
		uint64_t v = 0;

		for (int j = 0; j < 5; j++)
			v = v << 8 | h[i * 5 + j];
		snprintf(out + i * 6, 7, "%05u ", (unsigned)(v % 100000));
	}
}

void seal_safety_number(char out[static 72], const struct pubkey *a,
			const struct pubkey *b)
{
	bool first = memcmp(a->b, b->b, sizeof a->b) < 0;

	char half[2][37];

	half_number(half[0], first ? a : b);
	half_number(half[1], first ? b : a);
	memcpy(out, half[0], 36);
	memcpy(out + 36, half[1], 35);
	out[71] = 0;
}
