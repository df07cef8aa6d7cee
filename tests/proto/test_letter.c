/* Letters: what is kept for somebody who is not there. */
#include "proto/letter.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { NOW = 1795000000 };
static const uint8_t once[32] = {7, 7, 7};

struct people {
	struct keys *ana, *bob, *eve;
	struct prekey prekey;
	struct bundle bundle;
};

static struct keys *some_keys(int which)
{
	uint8_t seed[32];

	for (int i = 0; i < 32; i++)
		seed[i] = (uint8_t)(which * 32 + i);
	return keys_new(seed);
}

static int begin(void **state)
{
	struct people *p = xzalloc(sizeof *p);
	uint8_t secret[32] = {9, 9, 9}, bytes[BUNDLE];

	p->ana = some_keys(0);
	p->bob = some_keys(1);
	p->eve = some_keys(2);
	p->prekey = (struct prekey){.id = 0x01020304, .not_after = NOW + 60};
	noise_pair_of(&p->prekey.pair, secret);
	bundle_make(bytes, p->bob, &p->prekey);
	assert_int_equal(bundle_read((struct bytes){bytes, BUNDLE},
				     &p->bob->public, NOW, &p->bundle),
			 OK);
	*state = p;
	return 0;
}

static int end(void **state)
{
	struct people *p = *state;

	keys_free(p->ana);
	keys_free(p->bob);
	keys_free(p->eve);
	free(p);
	return 0;
}

static struct bytes all(const struct buf *b)
{
	return (struct bytes){b->p, b->n};
}

/* Of any length it comes out as it went in, and says who wrote it. */
static void letter__carries__any_text(void **state)
{
	static const size_t length[] = {
	    0, 1, 139, 140, 141, 16384, 65000, 65535, 90000, LETTER_TEXT};
	struct people *p = *state;
	uint8_t *text = xzalloc(LETTER_TEXT + 1);

	for (size_t i = 0; i <= LETTER_TEXT; i++)
		text[i] = (uint8_t)(i * 31 >> 3);
	for (size_t i = 0; i < sizeof length / sizeof *length; i++) {
		struct buf letter = {0}, out = {0};
		struct pubkey from;
		uint32_t id;
		assert_int_equal(letter_seal(p->ana, &p->bundle, once,
					     (struct bytes){text, length[i]},
					     &letter),
				 OK);
		assert_in_range(letter.n, 356, LETTER_MAX);
		assert_int_equal(letter_prekey(all(&letter), &id), OK);
		assert_int_equal(id, 0x01020304);
		assert_int_equal(
		    letter_open(p->bob, &p->prekey, all(&letter), &from, &out),
		    OK);
		assert_int_equal(out.n, length[i]);
		assert_true(!out.n || !memcmp(out.p, text, out.n));
		assert_memory_equal(&from, &p->ana->public, sizeof from);
		buf_free(&letter);
		buf_free(&out);
	}
	struct buf letter = {0};
	assert_int_equal(letter_seal(p->ana, &p->bundle, once,
				     (struct bytes){text, LETTER_TEXT + 1},
				     &letter),
			 ERR_LIMIT);
	assert_int_equal(letter.n, 0);
	free(text);
}

/* Lengths tell little: they come in steps. */
static void letter__hides__its_length(void **state)
{
	struct people *p = *state;
	struct buf a = {0}, b = {0};
	uint8_t text[140] = {0};

	assert_int_equal(
	    letter_seal(p->ana, &p->bundle, once, (struct bytes){text, 1}, &a),
	    OK);
	assert_int_equal(letter_seal(p->ana, &p->bundle, once,
				     (struct bytes){text, 140}, &b),
			 OK);
	assert_int_equal(a.n, b.n);
	assert_int_equal(a.n, 4 + 96 + 256);
	buf_free(&a);
	buf_free(&b);
}

static void expect_refused(struct people *p, struct bytes letter)
{
	struct buf out = {0};
	struct pubkey from;

	assert_int_not_equal(
	    letter_open(p->bob, &p->prekey, letter, &from, &out), OK);
	assert_int_equal(out.n, 0);
}

static void letter__is_refused__when_a_bit_is_wrong(void **state)
{
	struct people *p = *state;
	struct buf letter = {0};

	assert_int_equal(letter_seal(p->ana, &p->bundle, once,
				     (struct bytes){(const uint8_t *)"hi", 2},
				     &letter),
			 OK);
	for (size_t i = 0; i < letter.n * 8; i++) {
		/* of an X25519 key the highest bit does not count, but the
		 * handshake's hash knows it */
		letter.p[i / 8] ^= (uint8_t)(1 << i % 8);
		expect_refused(p, all(&letter));
		letter.p[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	for (size_t n = 0; n < letter.n; n++)
		expect_refused(p, (struct bytes){letter.p, n});
	buf_put(&letter, (struct bytes){(const uint8_t *)"\0", 1});
	expect_refused(p, all(&letter));
	buf_free(&letter);
}

/* Long ones come in pieces: none may be cut off, changed or exchanged. */
static void pieces__cannot_be_taken_away(void **state)
{
	struct people *p = *state;
	struct buf letter = {0};
	uint8_t *text = xzalloc(LETTER_TEXT);

	assert_int_equal(letter_seal(p->ana, &p->bundle, once,
				     (struct bytes){text, LETTER_TEXT},
				     &letter),
			 OK);
	size_t first = 4 + 65535;
	expect_refused(p, (struct bytes){letter.p, first});
	expect_refused(p, (struct bytes){letter.p, first + 65535});
	expect_refused(p, (struct bytes){letter.p, letter.n - 1});
	for (size_t i = first; i < first + 100; i++) { /* the next two */
		uint8_t c = letter.p[i];
		letter.p[i] = letter.p[i + 65535];
		letter.p[i + 65535] = c;
	}
	expect_refused(p, all(&letter));
	free(text);
	buf_free(&letter);
}

static void letter__is_for_one_person_and_one_prekey(void **state)
{
	struct people *p = *state;
	struct buf letter = {0}, out = {0};
	struct prekey other = p->prekey;
	struct pubkey from;
	uint8_t secret[32] = {1, 2};

	assert_int_equal(letter_seal(p->ana, &p->bundle, once,
				     (struct bytes){(const uint8_t *)"hi", 2},
				     &letter),
			 OK);
	assert_int_equal(
	    letter_open(p->eve, &p->prekey, all(&letter), &from, &out),
	    ERR_AUTH);
	noise_pair_of(&other.pair, secret);
	assert_int_equal(letter_open(p->bob, &other, all(&letter), &from, &out),
			 ERR_AUTH);
	other = p->prekey;
	other.id++;
	assert_int_equal(letter_open(p->bob, &other, all(&letter), &from, &out),
			 ERR_AUTH);
	assert_int_equal(out.n, 0);
	buf_free(&letter);
}

/* What a center hands out must be what the person signed. */
static void bundle__is_the_persons_own(void **state)
{
	struct people *p = *state;
	uint8_t bytes[BUNDLE], evil[BUNDLE];
	struct bundle out;

	bundle_make(bytes, p->bob, &p->prekey);
	bundle_make(evil, p->eve, &p->prekey);
	struct bytes b = {bytes, BUNDLE}, e = {evil, BUNDLE};
	assert_int_equal(bundle_read(e, &p->bob->public, NOW, &out), ERR_AUTH);
	memcpy(evil, p->bob->public.b, 32);
	assert_int_equal(bundle_read(e, &p->bob->public, NOW, &out), ERR_AUTH);
	assert_int_equal(bundle_read(b, &p->bob->public, NOW + 61, &out),
			 ERR_LIMIT);
	assert_int_equal(bundle_read((struct bytes){bytes, BUNDLE - 1},
				     &p->bob->public, NOW, &out),
			 ERR_PARSE);
	for (size_t i = 0; i < BUNDLE * 8; i += 3) {
		bytes[i / 8] ^= (uint8_t)(1 << i % 8);
		assert_int_equal(bundle_read(b, &p->bob->public, NOW, &out),
				 ERR_AUTH);
		bytes[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	assert_int_equal(bundle_read(b, &p->bob->public, NOW, &out), OK);
	assert_memory_equal(out.noise, p->bob->noise.public, 32);
}

#define LETTER(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    LETTER(letter__carries__any_text),
	    LETTER(letter__hides__its_length),
	    LETTER(letter__is_refused__when_a_bit_is_wrong),
	    LETTER(pieces__cannot_be_taken_away),
	    LETTER(letter__is_for_one_person_and_one_prekey),
	    LETTER(bundle__is_the_persons_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
