#ifndef SOTTO_TESTS_WIRE_H
#define SOTTO_TESTS_WIRE_H
/* What the tests of dialects with RSA share: files, an arena, keys, and the
 * question whether a stream gives the same frames however it is cut. */
#include "proto/dialect.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka needs four of the above */
#include <cmocka.h>

#define VECTORS TESTS_DIR "/proto/vectors/"

struct wire {
	const struct dialect *d;
	struct keys *keys;
	struct buf public; /* of our RSA key, as announced */
	struct arena arena;
	uint8_t memory[8192];
};

static inline struct bytes view(const char *s)
{
	return (struct bytes){(const uint8_t *)s, strlen(s)};
}

static inline struct bytes all(const struct buf *b)
{
	return (struct bytes){b->p, b->n};
}

static inline void slurp(const char *name, struct buf *out)
{
	static uint8_t data[8192];
	char path[512];
	FILE *f;

	snprintf(path, sizeof path, VECTORS "%s", name);
	f = fopen(path, "rb");
	assert_non_null(f);
	buf_put(out, (struct bytes){data, fread(data, 1, sizeof data, f)});
	fclose(f);
}

/* With the private key of the captures. */
static inline struct wire *wire_new(const struct dialect *d, const char *key)
{
	struct wire *w = test_calloc(1, sizeof *w);
	uint8_t seed[32] = {1};
	struct buf pem = {0};

	w->d = d;
	w->keys = keys_new(seed);
	w->arena = (struct arena){.p = w->memory, .cap = sizeof w->memory};
	slurp(key, &pem);
	if (seal_built(d->seal)) {
		assert_int_equal(keys_add(w->keys, d->seal, all(&pem)), OK);
		assert_int_equal(keys_pem(w->keys, d->seal, &w->public), OK);
	}
	buf_free(&pem);
	return w;
}

static inline void wire_free(struct wire *w)
{
	keys_free(w->keys);
	buf_free(&w->public);
	test_free(w);
}

/* From memory of its own, so that a sanitizer sees what is read behind it. */
static inline enum err decode(struct wire *w, struct bytes frame,
			      struct packet *out)
{
	static struct buf copy;

	buf_free(&copy);
	copy.p = xmalloc(frame.n ? frame.n : 1);
	if (frame.n)
		memcpy(copy.p, frame.p, frame.n);
	arena_empty(&w->arena);

	enum err err =
	    w->d->decode((struct bytes){copy.p, frame.n}, &w->arena, out);

	return err;
}

static inline enum err split(const struct wire *w, struct bytes in, size_t *n)
{
	uint8_t *copy = xmalloc(in.n ? in.n : 1);

	if (in.n)
		memcpy(copy, in.p, in.n);

	enum err err = w->d->split((struct bytes){copy, in.n}, true, false, n);

	free(copy);
	return err;
}

static inline void assert_bytes(struct bytes got, struct bytes want)
{
	assert_int_equal(got.n, want.n);
	if (want.n)
		assert_memory_equal(got.p, want.p, want.n);
}

static inline void assert_encodes(const struct wire *w, const struct packet *p,
				  struct bytes want)
{
	struct buf out = {0};

	buf_put(&out, view("before"));
	assert_int_equal(w->d->encode(p, &out), OK);
	assert_true(out.n - 6 <= w->d->send_max);
	assert_bytes((struct bytes){out.p + 6, out.n - 6}, want);
	assert_memory_equal(out.p, "before", 6);
	buf_free(&out);
}

/* Nothing is written when it is refused. */
static inline void assert_unsaid(const struct wire *w, const struct packet *p,
				 enum err want)
{
	struct buf out = {0};

	assert_int_equal(w->d->encode(p, &out), want);
	assert_int_equal(out.n, 0);
	buf_free(&out);
}

/* A stream of frames: every prefix is either not a frame yet or has the same
 * first frame, and behind each frame comes the next. */
static inline void assert_splits(const struct wire *w, struct bytes stream,
				 const size_t *len, size_t n_len)
{
	size_t at = 0;

	for (size_t i = 0; i < n_len; i++) {
		for (size_t n = at; n <= stream.n; n++) {
			size_t got;

			assert_int_equal(
			    split(w, (struct bytes){stream.p + at, n - at},
				  &got),
			    OK);
			assert_int_equal(got, n - at < len[i] ? 0 : len[i]);
		}
		at += len[i];
	}
	assert_int_equal(at, stream.n);
}
#endif
