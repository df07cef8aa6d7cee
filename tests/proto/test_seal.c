/* seal.c: keys, certificates, and what people compare. The expected values
 * were computed with Python's hashlib and cryptography. */
#include "proto/seal.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Seed 0 is 00 01 02 .. 1f, seed 1 goes on with 20. */
static struct keys *some_keys(int which)
{
	uint8_t seed[32];

	for (int i = 0; i < 32; i++)
		seed[i] = (uint8_t)(which * 32 + i);
	return keys_new(seed);
}

static void assert_hex(const uint8_t *got, size_t n, const char *want)
{
	assert_int_equal(strlen(want), 2 * n);
	for (size_t i = 0; i < n; i++) {
		char two[3] = {want[2 * i], want[2 * i + 1], 0};

		assert_int_equal(got[i], strtoul(two, NULL, 16));
	}
}

static void seal__derives__a_key_a_use(void **state)
{
	struct keys *a = some_keys(0), *b = some_keys(1);
	struct pubkey ka = keys_public(a), kb = keys_public(b);

	(void)state;
	assert_hex(ka.b, 32,
		   "eb1860f00e293929f40f46eee595689f"
		   "7076e06775c1d76ee74a8875f395edf3");
	assert_hex(kb.b, 32,
		   "420b4de437f60162ac616fb48a62c914"
		   "ebcea2ded09c04fceafd33e01741fa27");
	assert_hex(a->noise.public, 32,
		   "49624782e570331f9dd1a59c9346fd21"
		   "1419e06b4177d1855b35fb422b284660");
	keys_free(a);
	keys_free(b);
	keys_free(NULL);
}

static void seal__certifies__the_noise_key(void **state)
{
	struct keys *k = some_keys(0);
	struct pubkey who;

	(void)state;
	assert_hex(k->certificate, CERTIFICATE,
		   "eb1860f00e293929f40f46eee595689f"
		   "7076e06775c1d76ee74a8875f395edf3"
		   "00000000000000007fffffffffffffff"
		   "0c2114f81d1020c3e03bd09e1d10c23a"
		   "d56cb22d1872fd8004d8905a2a0784a3"
		   "5a25ad8bd6604904d9551384cf12cca6"
		   "1b1a9bd461a4eb5391074c8d717db50c");
	assert_int_equal(
	    certificate_check((struct bytes){k->certificate, CERTIFICATE},
			      k->noise.public, &who),
	    OK);
	assert_memory_equal(&who, &k->public, sizeof who);
	keys_free(k);
}

static void seal__refuses__every_bit_flip_and_length(void **state)
{
	struct keys *k = some_keys(0);
	struct pubkey who;
	uint8_t c[CERTIFICATE + 1] = {0};

	(void)state;
	memcpy(c, k->certificate, CERTIFICATE);
	for (size_t bit = 0; bit < CERTIFICATE * 8; bit++) {
		c[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(
		    certificate_check((struct bytes){c, CERTIFICATE},
				      k->noise.public, &who),
		    ERR_AUTH);
		c[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (size_t n = 0; n <= sizeof c; n++)
		if (n != CERTIFICATE)
			assert_int_equal(certificate_check((struct bytes){c, n},
							   k->noise.public,
							   &who),
					 ERR_PARSE);
	keys_free(k);
}

static void seal__refuses__the_certificate_of_another_key(void **state)
{
	struct keys *a = some_keys(0), *b = some_keys(1);
	struct pubkey who;

	(void)state;
	assert_int_equal(
	    certificate_check((struct bytes){a->certificate, CERTIFICATE},
			      b->noise.public, &who),
	    ERR_AUTH);
	keys_free(a);
	keys_free(b);
}

static void seal__shows__an_id_of_32_digits(void **state)
{
	struct keys *a = some_keys(0), *b = some_keys(1);
	char id[33];

	(void)state;
	seal_peer_id(id, &a->public);
	assert_string_equal(id, "cd0062fa96ffae390653f27409278e9c");
	seal_peer_id(id, &b->public);
	assert_string_equal(id, "5cf9e34cdc07961e1569ab4c28c4375c");
	keys_free(a);
	keys_free(b);
}

static void seal__shows__both_the_same_number(void **state)
{
	struct keys *a = some_keys(0), *b = some_keys(1);
	char ab[72], ba[72];

	(void)state;
	seal_safety_number(ab, &a->public, &b->public);
	seal_safety_number(ba, &b->public, &a->public);
	assert_string_equal(ab, "67550 35268 76499 05774 04713 70133 "
				"08879 80240 27569 51029 34006 08674");
	assert_string_equal(ab, ba);
	keys_free(a);
	keys_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(seal__derives__a_key_a_use),
	    cmocka_unit_test(seal__certifies__the_noise_key),
	    cmocka_unit_test(seal__refuses__every_bit_flip_and_length),
	    cmocka_unit_test(seal__refuses__the_certificate_of_another_key),
	    cmocka_unit_test(seal__shows__an_id_of_32_digits),
	    cmocka_unit_test(seal__shows__both_the_same_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
