/* seal_rsa.c: the RSA of documents 000 and 001. What the original programs
 * encrypted is read, and the openssl command is the judge of the rest. */
#include "proto/seal.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define VECTORS TESTS_DIR "/proto/vectors/"

struct world {
	struct keys *keys;
	struct arena arena;
	uint8_t memory[4096];
	char dir[64];
};

static int setup(void **state)
{
	struct world *w = test_calloc(1, sizeof *w);
	uint8_t seed[32] = {1};

	w->keys = keys_new(seed);
	w->arena = (struct arena){.p = w->memory, .cap = sizeof w->memory};
	snprintf(w->dir, sizeof w->dir, "/tmp/sotto-test-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	char command[96];

	keys_free(w->keys);
	snprintf(command, sizeof command, "rm -rf %s", w->dir);
	assert_int_equal(system(command), 0);
	test_free(w);
	return 0;
}

static struct bytes view(const char *s)
{
	return (struct bytes){(const uint8_t *)s, strlen(s)};
}

static struct bytes all(const struct buf *b)
{
	return (struct bytes){b->p, b->n};
}

static void slurp(const char *path, struct buf *out)
{
	uint8_t data[8192];
	FILE *f = fopen(path, "rb");

	assert_non_null(f);
	buf_put(out, (struct bytes){data, fread(data, 1, sizeof data, f)});
	fclose(f);
}

static void spit(const char *path, struct bytes s)
{
	FILE *f = fopen(path, "wb");

	assert_non_null(f);
	assert_int_equal(fwrite(s.p, 1, s.n, f), s.n);
	assert_int_equal(fclose(f), 0);
}

static void add_file(struct world *w, enum seal how, const char *path)
{
	struct buf pem = {0};

	slurp(path, &pem);
	assert_int_equal(keys_add(w->keys, how, all(&pem)), OK);
	buf_free(&pem);
}

static void add_new(struct world *w, enum seal how, struct buf *public)
{
	struct buf pem = {0};

	assert_int_equal(seal_make(how, &pem), OK);
	assert_int_equal(keys_add(w->keys, how, all(&pem)), OK);
	public->n = 0;
	assert_int_equal(keys_pem(w->keys, how, public), OK);
	buf_free(&pem);
}

static void assert_opens(struct world *w, enum seal how, struct bytes sealed,
			 struct bytes want)
{
	struct bytes text;

	arena_empty(&w->arena);
	assert_int_equal(seal_open(w->keys, how, sealed, &w->arena, &text), OK);
	assert_int_equal(text.n, want.n);
	assert_memory_equal(text.p, want.p, want.n);
}

static enum err opening(struct world *w, enum seal how, struct bytes sealed)
{
	struct bytes text;

	arena_empty(&w->arena);
	return seal_open(w->keys, how, sealed, &w->arena, &text);
}

/* ---- what the original programs encrypted ---- */

static void seal__reads__texts_of_document_000(void **state)
{
	static const char *const name[] = {"one", "two"};
	struct world *w = *state;

	add_file(w, SEAL_OAEP, VECTORS "binary/recipient_private.pem");
	for (size_t i = 0; i < 2; i++) {
		char path[256];
		struct buf frame = {0};

		snprintf(path, sizeof path,
			 VECTORS "binary/TEXT_from_real_P1_%s.bin", name[i]);
		slurp(path, &frame);
		buf_drop(&frame, 8);
		assert_opens(w, SEAL_OAEP, all(&frame), view(name[i]));
		buf_free(&frame);
	}
}

/* Textbook RSA: who encrypts the same again gets the same. */
static void seal__raw__is_repeatable(void **state)
{
	struct world *w = *state;
	struct buf public = {0}, a = {0}, b = {0};
	struct bytes text = view("deliver split me");

	add_file(w, SEAL_RAW, VECTORS "nul/recipient_private.pem");
	assert_int_equal(keys_pem(w->keys, SEAL_RAW, &public), OK);
	assert_int_equal(seal_text(SEAL_RAW, all(&public), text, &a), OK);
	assert_int_equal(seal_text(SEAL_RAW, all(&public), text, &b), OK);
	assert_int_equal(a.n, b.n);
	assert_memory_equal(a.p, b.p, a.n);
	assert_int_equal(a.n, 128);
	assert_memory_equal(a.p,
			    "\x03S\x15"
			    "8\x1b\xc8\x84\xc4>+\x9bh72F",
			    15);
	assert_opens(w, SEAL_RAW, all(&a), text);
	buf_free(&public);
	buf_free(&a);
	buf_free(&b);
}

/* ---- ourselves ---- */

static void assert_round_trip(struct world *w, enum seal how,
			      struct bytes to_key, struct bytes text)
{
	struct buf sealed = {0};

	assert_int_equal(seal_text(how, to_key, text, &sealed), OK);
	assert_true(sealed.n && sealed.n <= (how == SEAL_RAW ? 128 : 256));
	assert_opens(w, how, all(&sealed), text);
	buf_free(&sealed);
}

static void seal__opens__what_it_sealed(void **state)
{
	static const struct {
		enum seal how;
		size_t max, pem;
	} row[] = {{SEAL_OAEP, OAEP_TEXT_MAX, 450},
		   {SEAL_RAW, RAW_TEXT_MAX, 271}};
	struct world *w = *state;
	uint8_t text[256];

	memset(text, 'x', sizeof text);
	for (size_t i = 0; i < 2; i++) {
		struct buf public = {0}, sealed = {0};

		add_new(w, row[i].how, &public);
		assert_int_equal(public.n, row[i].pem);
		assert_int_equal(public.p[public.n - 1], '-');
		for (size_t n = 1; n <= row[i].max; n += 1 + n / 3)
			assert_round_trip(w, row[i].how, all(&public),
					  (struct bytes){text, n});
		assert_round_trip(w, row[i].how, all(&public),
				  (struct bytes){text, row[i].max});
		assert_int_equal(seal_text(row[i].how, all(&public),
					   (struct bytes){text, row[i].max + 1},
					   &sealed),
				 ERR_LIMIT);
		assert_int_equal(seal_text(row[i].how, all(&public),
					   (struct bytes){text, 0}, &sealed),
				 ERR_PARSE);
		assert_int_equal(sealed.n, 0);
		buf_free(&public);
		buf_free(&sealed);
	}
}

/* Numbers are as short as they are: one in 256 has a byte less. */
static void seal__raw__takes_short_numbers(void **state)
{
	struct world *w = *state;
	struct buf public = {0}, sealed = {0};
	uint8_t longer[128] = {0};
	char text[16] = "";

	add_new(w, SEAL_RAW, &public);
	for (int i = 0; i < 20000 && sealed.n != 127; i++) {
		snprintf(text, sizeof text, "%d", i);
		sealed.n = 0;
		assert_int_equal(
		    seal_text(SEAL_RAW, all(&public), view(text), &sealed), OK);
	}
	assert_int_equal(sealed.n, 127);
	assert_opens(w, SEAL_RAW, all(&sealed), view(text));
	memcpy(longer + 1, sealed.p, 127);
	assert_opens(w, SEAL_RAW, (struct bytes){longer, 128}, view(text));
	buf_free(&public);
	buf_free(&sealed);
}

static void seal__raw__refuses_numbers_over_the_key(void **state)
{
	struct world *w = *state;
	struct buf public = {0}, sealed = {0};
	uint8_t big[129];

	memset(big, 0xff, sizeof big);
	add_new(w, SEAL_RAW, &public);
	assert_int_equal(seal_text(SEAL_RAW, all(&public),
				   (struct bytes){big, 128}, &sealed),
			 ERR_LIMIT);
	assert_int_equal(opening(w, SEAL_RAW, (struct bytes){big, 128}),
			 ERR_AUTH);
	assert_int_equal(opening(w, SEAL_RAW, (struct bytes){big, 129}),
			 ERR_AUTH);
	memset(big, 0, sizeof big);
	assert_int_equal(opening(w, SEAL_RAW, (struct bytes){big, 128}),
			 ERR_AUTH);
	assert_int_equal(opening(w, SEAL_RAW, (struct bytes){big, 0}),
			 ERR_AUTH);
	buf_free(&public);
	buf_free(&sealed);
}

static void seal__oaep__refuses_what_was_touched(void **state)
{
	struct world *w = *state;
	struct buf public = {0}, sealed = {0};

	add_new(w, SEAL_OAEP, &public);
	assert_int_equal(
	    seal_text(SEAL_OAEP, all(&public), view("hi"), &sealed), OK);
	for (size_t i = 0; i < sealed.n; i += 5) {
		sealed.p[i] ^= 1;
		assert_int_equal(opening(w, SEAL_OAEP, all(&sealed)), ERR_AUTH);
		sealed.p[i] ^= 1;
	}
	for (size_t n = 0; n < sealed.n; n += 15)
		assert_int_equal(
		    opening(w, SEAL_OAEP, (struct bytes){sealed.p, n}),
		    ERR_AUTH);
	assert_opens(w, SEAL_OAEP, all(&sealed), view("hi"));
	add_new(w, SEAL_OAEP, &public); /* for another key */
	assert_int_equal(opening(w, SEAL_OAEP, all(&sealed)), ERR_AUTH);
	buf_free(&public);
	buf_free(&sealed);
}

static void seal__needs__the_key_and_the_room(void **state)
{
	struct world *w = *state;
	struct buf public = {0}, sealed = {0};
	struct bytes text, one = view("1");

	for (unsigned how = SEAL_NONE; how <= SEAL_NOISE + 1; how++) {
		assert_int_equal(opening(w, (enum seal)how, one), ERR_STATE);
		assert_int_equal(keys_pem(w->keys, (enum seal)how, &public),
				 ERR_STATE);
	}
	assert_int_equal(keys_add(w->keys, SEAL_NOISE, one), ERR_STATE);
	assert_int_equal(seal_make(SEAL_NONE, &public), ERR_STATE);
	assert_int_equal(seal_text(SEAL_NONE, one, one, &sealed), ERR_STATE);
	add_new(w, SEAL_RAW, &public);
	assert_int_equal(seal_text(SEAL_RAW, all(&public), one, &sealed), OK);
	w->arena.n = w->arena.cap - 255;
	assert_int_equal(
	    seal_open(w->keys, SEAL_RAW, all(&sealed), &w->arena, &text),
	    ERR_LIMIT);
	keys_drop(w->keys);
	assert_int_equal(opening(w, SEAL_RAW, all(&sealed)), ERR_STATE);
	buf_free(&public);
	buf_free(&sealed);
}

/* ---- keys of others ---- */

static enum err sealing_to(enum seal how, struct bytes key)
{
	struct buf sealed = {0};
	enum err err = seal_text(how, key, view("hi"), &sealed);

	assert_true((err == OK) == (sealed.n > 0));
	buf_free(&sealed);
	return err;
}

static void seal__refuses__keys_that_are_none(void **state)
{
	static char big[2000];
	struct world *w = *state;
	struct buf two[2] = {{0}, {0}}, private = {0};

	add_new(w, SEAL_OAEP, &two[0]);
	add_new(w, SEAL_RAW, &two[1]);
	assert_int_equal(sealing_to(SEAL_OAEP, all(&two[1])), ERR_PARSE);
	assert_int_equal(sealing_to(SEAL_RAW, all(&two[0])), ERR_PARSE);
	assert_int_equal(sealing_to(SEAL_OAEP, view("")), ERR_PARSE);
	assert_int_equal(sealing_to(SEAL_OAEP, view("hello")), ERR_PARSE);
	assert_int_equal(seal_make(SEAL_RAW, &private), OK);
	assert_int_equal(sealing_to(SEAL_RAW, all(&private)), ERR_PARSE);
	memset(big, '-', sizeof big);
	memcpy(big, two[0].p, two[0].n);
	big[two[0].n] = '\n';
	assert_int_equal(
	    sealing_to(SEAL_OAEP, (struct bytes){(uint8_t *)big, sizeof big}),
	    ERR_PARSE);
	for (size_t n = 0; n < two[1].n; n++)
		assert_int_equal(
		    sealing_to(SEAL_RAW, (struct bytes){two[1].p, n}),
		    ERR_PARSE);
	for (size_t i = 0; i < two[1].n; i++) {
		two[1].p[i] ^= 0x80;
		assert_int_equal(sealing_to(SEAL_RAW, all(&two[1])), ERR_PARSE);
		two[1].p[i] ^= 0x80;
	}
	for (size_t i = 0; i < 2; i++)
		buf_free(&two[i]);
	buf_free(&private);
}

/* What a line end is and what stands behind the last does not matter. */
static void seal__takes__keys_however_they_are_wrapped(void **state)
{
	struct world *w = *state;
	struct buf public = {0}, other = {0};

	add_new(w, SEAL_OAEP, &public);
	for (size_t i = 0; i < public.n; i++) {
		if (public.p[i] == '\n')
			buf_put(&other, view("\r"));
		buf_put(&other, (struct bytes){public.p + i, 1});
	}
	assert_int_equal(sealing_to(SEAL_OAEP, all(&public)), OK);
	assert_int_equal(sealing_to(SEAL_OAEP, all(&other)), OK);
	buf_put(&other, view("\r\n\r\n"));
	assert_int_equal(sealing_to(SEAL_OAEP, all(&other)), OK);
	buf_free(&public);
	buf_free(&other);
}

/* ---- our own files ---- */

static void keys_add__refuses__what_is_damaged(void **state)
{
	struct world *w = *state;
	struct buf pem = {0}, public = {0}, again = {0}, sealed = {0};
	int refused = 0;

	assert_int_equal(seal_make(SEAL_RAW, &pem), OK);
	assert_int_equal(keys_add(w->keys, SEAL_OAEP, all(&pem)), ERR_PARSE);
	assert_int_equal(keys_add(w->keys, SEAL_RAW, view("")), ERR_PARSE);
	assert_int_equal(keys_add(w->keys, SEAL_RAW, all(&pem)), OK);
	assert_int_equal(keys_pem(w->keys, SEAL_RAW, &public), OK);
	assert_int_equal(keys_add(w->keys, SEAL_RAW, all(&public)), ERR_PARSE);
	assert_int_equal(seal_text(SEAL_RAW, all(&public), view("hi"), &sealed),
			 OK);
	/* where the numbers are */
	for (size_t i = 70; i < pem.n - 70; i += 3) {
		uint8_t was = pem.p[i];

		if (was == '\n')
			continue;
		pem.p[i] = was == 'A' ? 'B' : 'A';
		/* of some numbers in there one does without */
		if (!keys_add(w->keys, SEAL_RAW, all(&pem)))
			assert_opens(w, SEAL_RAW, all(&sealed), view("hi"));
		else
			refused++;
		pem.p[i] = was;
	}
	assert_true(refused > 30);
	/* the one before is still there */
	assert_int_equal(keys_pem(w->keys, SEAL_RAW, &again), OK);
	assert_int_equal(again.n, public.n);
	assert_memory_equal(again.p, public.p, public.n);
	buf_free(&pem);
	buf_free(&public);
	buf_free(&again);
	buf_free(&sealed);
}

/* ---- the openssl command as the other side ---- */

static int openssl(const struct world *w, const char *arguments)
{
	char command[512];

	snprintf(command, sizeof command, "cd %s && openssl %s 2>err", w->dir,
		 arguments);
	return system(command);
}

static void in_folder(const struct world *w, char path[static 128],
		      const char *name)
{
	snprintf(path, 128, "%s/%s", w->dir, name);
}

static void spit_in(const struct world *w, const char *name, struct bytes s)
{
	char path[128];

	in_folder(w, path, name);
	spit(path, s);
}

static void slurp_in(const struct world *w, const char *name, struct buf *out)
{
	char path[128];

	in_folder(w, path, name);
	out->n = 0;
	slurp(path, out);
}

#define OAEP_ARGS                                                              \
	" -pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha1"            \
	" -pkeyopt rsa_mgf1_md:sha1"

static void openssl__reads__what_oaep_sealed(void **state)
{
	struct world *w = *state;
	struct buf pem = {0}, public = {0}, sealed = {0}, text = {0};

	if (openssl(w, "version >out"))
		skip();
	assert_int_equal(seal_make(SEAL_OAEP, &pem), OK);
	spit_in(w, "key", all(&pem));
	assert_int_equal(openssl(w, "rsa -in key -check -noout >out"), 0);
	assert_int_equal(keys_add(w->keys, SEAL_OAEP, all(&pem)), OK);
	assert_int_equal(keys_pem(w->keys, SEAL_OAEP, &public), OK);
	assert_int_equal(openssl(w, "rsa -in key -pubout -out pub"), 0);
	slurp_in(w, "pub", &text);
	assert_int_equal(text.n, public.n + 1);
	assert_memory_equal(text.p, public.p, public.n);

	assert_int_equal(seal_text(SEAL_OAEP, all(&public),
				   view("ol\xc3\xa1, a\xc3\xa7\xc3\xa3o"),
				   &sealed),
			 OK);
	spit_in(w, "sealed", all(&sealed));
	assert_int_equal(openssl(w, "pkeyutl -decrypt -inkey key -in sealed "
				    "-out text" OAEP_ARGS),
			 0);
	slurp_in(w, "text", &text);
	assert_int_equal(text.n, 12);
	assert_memory_equal(text.p, "ol\xc3\xa1, a\xc3\xa7\xc3\xa3o", 12);
	buf_free(&pem);
	buf_free(&public);
	buf_free(&sealed);
	buf_free(&text);
}

static void oaep__reads__what_openssl_sealed(void **state)
{
	struct world *w = *state;
	struct buf public = {0}, sealed = {0};

	if (openssl(w, "version >out"))
		skip();
	assert_int_equal(openssl(w, "genrsa -out key 2048"), 0);

	char path[128];

	in_folder(w, path, "key");
	add_file(w, SEAL_OAEP, path);
	assert_int_equal(keys_pem(w->keys, SEAL_OAEP, &public), OK);
	spit_in(w, "pub", all(&public));
	spit_in(w, "text", view("from the command"));
	assert_int_equal(openssl(w, "pkeyutl -encrypt -pubin -inkey pub "
				    "-in text -out sealed" OAEP_ARGS),
			 0);
	slurp_in(w, "sealed", &sealed);
	assert_opens(w, SEAL_OAEP, all(&sealed), view("from the command"));
	buf_free(&public);
	buf_free(&sealed);
}

/* An exponent of 1, which openssl will not make, written over in a key. */
static void seal__refuses__an_exponent_of_one(void **state)
{
	static const char key[] =
	    "-----BEGIN PUBLIC KEY-----\n"
	    "MIGdMA0GCSqGSIb3DQEBAQUAA4GLADCBhwKBgQDAB7NUoP8KT/XpyBF2qJIF+QXA\n"
	    "Nce0iJMPa26KBGXVSrxEyyGYOsaDg98DXZ8ru62dLVhBs9AHpp1NJg5O8sSyeSzJ\n"
	    "CO6rYkBAZxX22DCosQYkc71NEud+M5fRrjcwYjcBIzuv+0DnVoImMdh3jF5mz3Zu\n"
	    "FFfWPQVNUlFSLy2WSwIBAQ==\n"
	    "-----END PUBLIC KEY-----";
	static const char same_with_65537[] =
	    "-----BEGIN PUBLIC KEY-----\n"
	    "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDAB7NUoP8KT/XpyBF2qJIF+QXA\n"
	    "Nce0iJMPa26KBGXVSrxEyyGYOsaDg98DXZ8ru62dLVhBs9AHpp1NJg5O8sSyeSzJ\n"
	    "CO6rYkBAZxX22DCosQYkc71NEud+M5fRrjcwYjcBIzuv+0DnVoImMdh3jF5mz3Zu\n"
	    "FFfWPQVNUlFSLy2WSwIDAQAB\n"
	    "-----END PUBLIC KEY-----";

	(void)state;
	assert_int_equal(sealing_to(SEAL_RAW, view(same_with_65537)), OK);
	assert_int_equal(sealing_to(SEAL_RAW, view(key)), ERR_PARSE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(seal__reads__texts_of_document_000),
	    TEST(seal__raw__is_repeatable),
	    TEST(seal__opens__what_it_sealed),
	    TEST(seal__raw__takes_short_numbers),
	    TEST(seal__raw__refuses_numbers_over_the_key),
	    TEST(seal__oaep__refuses_what_was_touched),
	    TEST(seal__needs__the_key_and_the_room),
	    TEST(seal__refuses__keys_that_are_none),
	    TEST(seal__takes__keys_however_they_are_wrapped),
	    TEST(keys_add__refuses__what_is_damaged),
	    TEST(openssl__reads__what_oaep_sealed),
	    TEST(oaep__reads__what_openssl_sealed),
	    TEST(seal__refuses__an_exponent_of_one),
	};

	if (!seal_built(SEAL_OAEP)) {
		puts("built without RSA");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
