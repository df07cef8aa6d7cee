/* link.c: two ends in memory. What one writes the other is fed, in any cuts,
 * with every bit turned, and short of every byte. */
#include "proto/link.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { PREFACE_M1 = 8 + 2 + 32, M2 = 2 + 208, M3 = 2 + 176 };

struct end {
	struct keys *keys;
	struct link *link;
	struct rng rng;
};
struct pair {
	struct end a, b; /* a dialled */
	int64_t now_us;
};

static struct now now_of(struct pair *p, struct end *e)
{
	return (struct now){
	    .mono_us = p->now_us, .wall_us = 1700000000000000, .rng = &e->rng};
}

static void end_init(struct end *e, uint8_t seed)
{
	uint8_t key[32] = {seed};

	*e = (struct end){.keys = keys_new(key)};
	e->rng.seed[0] = seed;
}

static void pair_init(struct pair *p, const struct pubkey *pin)
{
	*p = (struct pair){.now_us = 1000000};
	end_init(&p->a, 1);
	end_init(&p->b, 2);
	struct now na = now_of(p, &p->a), nb = now_of(p, &p->b);

	p->a.link = link_new(&dialect_sotto, DIALLED, p->a.keys, pin, &na);
	p->b.link = link_new(&dialect_sotto, ACCEPTED, p->b.keys, NULL, &nb);
}

static void pair_free(struct pair *p)
{
	link_free(p->a.link);
	link_free(p->b.link);
	keys_free(p->a.keys);
	keys_free(p->b.keys);
}

static struct buf taken(struct link *l)
{
	struct buf b = {0};

	buf_put(&b, link_output(l));
	link_wrote(l, b.n);
	return b;
}

static enum err fed(struct pair *p, struct end *to, struct bytes s)
{
	struct now now = now_of(p, to);

	return link_feed(to->link, &now, s);
}

/* Everything from one to the other; its error. */
static enum err carry(struct pair *p, struct end *from, struct end *to)
{
	struct buf b = taken(from->link);
	enum err err = fed(p, to, (struct bytes){b.p, b.n});

	buf_free(&b);
	return err;
}

static void shake(struct pair *p)
{
	assert_int_equal(carry(p, &p->a, &p->b), OK);
	assert_int_equal(carry(p, &p->b, &p->a), OK);
	assert_int_equal(carry(p, &p->a, &p->b), OK);
	assert_true(link_up(p->a.link) && link_up(p->b.link));
}

static struct bytes str(const char *s)
{
	return (struct bytes){(const uint8_t *)s, strlen(s)};
}

static struct packet message(struct bytes text)
{
	struct packet m = {.kind = PKT_MESSAGE, .text = text, .seq = 1};

	m.id.b[0] = 9;
	m.epoch[0] = 1;
	m.stamp = str("2026-11-20T14:02:03.120Z");
	return m;
}

static void say(struct pair *p, struct end *e, struct bytes text)
{
	struct packet m = message(text);
	struct now now = now_of(p, e);

	assert_int_equal(link_send(e->link, &now, &m), OK);
}

static void link__proves__both_keys(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p, NULL);
	shake(&p);
	struct pubkey a = link_key(p.b.link), b = link_key(p.a.link);
	struct pubkey ka = keys_public(p.a.keys), kb = keys_public(p.b.keys);

	assert_memory_equal(&a, &ka, sizeof a);
	assert_memory_equal(&b, &kb, sizeof b);
	pair_free(&p);
}

static void link__says_no_m3__to_another_key_than_the_pin(void **state)
{
	struct pair p;
	struct pubkey pin = {{7}}, met, real;

	(void)state;
	pair_init(&p, &pin);
	assert_int_equal(carry(&p, &p.a, &p.b), OK);
	assert_int_equal(carry(&p, &p.b, &p.a), ERR_AUTH);
	assert_int_equal(link_output(p.a.link).n, 0);
	met = link_key(p.a.link);
	real = keys_public(p.b.keys);
	assert_memory_equal(&met, &real, sizeof met);
	pair_free(&p);
}

/* Runs the handshake up to message `which`, hands that one over changed, and
 * says whether the conversation came about all the same. */
static bool comes_about(int which, size_t bit, size_t length)
{
	struct pair p;
	bool up;
	enum err err = OK;

	pair_init(&p, NULL);
	for (int i = 0; i < 3 && !err; i++) {
		struct end *from = i % 2 ? &p.b : &p.a;
		struct end *to = i % 2 ? &p.a : &p.b;
		struct buf m = taken(from->link);

		if (i == which && bit < m.n * 8)
			m.p[bit / 8] ^= (uint8_t)(1 << bit % 8);
		if (i == which && length < m.n)
			m.n = length;
		err = fed(&p, to, (struct bytes){m.p, m.n});
		buf_free(&m);
	}
	up = !err && link_up(p.a.link) && link_up(p.b.link);
	pair_free(&p);
	return up;
}

static void link__refuses__every_bit_flip_of_the_handshake(void **state)
{
	static const size_t size[] = {PREFACE_M1, M2, M3};

	(void)state;
	assert_true(comes_about(0, SIZE_MAX, SIZE_MAX));
	for (int which = 0; which < 3; which++)
		for (size_t bit = 0; bit < size[which] * 8; bit++)
			/* the top bit of a public key is not looked at by
			 * X25519, but it is hashed */
			if (comes_about(which, bit, SIZE_MAX))
				fail_msg("message %d, bit %zu", which + 1, bit);
}

/* A key of small order gives no secret: refused, and nothing ends. */
static void link__refuses__a_key_of_zeros(void **state)
{
	struct pair p;
	uint8_t m1[PREFACE_M1] = {'S', 'V', 1, [9] = 32};

	(void)state;
	pair_init(&p, NULL);
	assert_int_equal(fed(&p, &p.b, (struct bytes){m1, sizeof m1}),
			 ERR_AUTH);
	pair_free(&p);
}

static void link__refuses__every_truncation_of_the_handshake(void **state)
{
	static const size_t size[] = {PREFACE_M1, M2, M3};

	(void)state;
	for (int which = 0; which < 3; which++)
		for (size_t n = 0; n < size[which]; n++)
			assert_false(comes_about(which, SIZE_MAX, n));
}

static void link__refuses__every_bit_flip_of_a_record(void **state)
{
	struct pair p;
	struct packet out;
	size_t bits = SIZE_MAX;

	(void)state;
	for (size_t bit = 0; bit < bits; bit++) {
		pair_init(&p, NULL);
		shake(&p);
		say(&p, &p.a, str("hello"));
		struct buf m = taken(p.a.link);

		bits = m.n * 8;
		m.p[bit / 8] ^= (uint8_t)(1 << bit % 8);
		enum err err = fed(&p, &p.b, (struct bytes){m.p, m.n});

		/* a longer length only waits, for at most 20 s */
		if (!err) {
			assert_false(link_next(p.b.link, &out));
			p.now_us = link_deadline(p.b.link);
			struct now now = now_of(&p, &p.b);

			assert_int_equal(link_tick(p.b.link, &now), ERR_CLOSED);
		}
		buf_free(&m);
		pair_free(&p);
	}
}

static void link__gives_nothing__of_a_truncated_record(void **state)
{
	struct pair p;
	struct packet out;

	(void)state;
	pair_init(&p, NULL);
	shake(&p);
	say(&p, &p.a, str("hello"));
	struct buf m = taken(p.a.link);

	for (size_t i = 0; i < m.n; i++) {
		assert_false(link_next(p.b.link, &out));
		assert_int_equal(fed(&p, &p.b, (struct bytes){m.p + i, 1}), OK);
	}
	assert_true(link_next(p.b.link, &out));
	assert_int_equal(out.text.n, 5);
	buf_free(&m);
	pair_free(&p);
}

/* The same conversation, cut by a seeded generator. */
static void converse(uint8_t seed, size_t largest)
{
	struct pair p;
	struct rng cuts = {.seed = {seed}};
	struct buf wire;
	struct packet out;
	size_t at = 0;
	unsigned heard = 0;
	char text[400];

	pair_init(&p, NULL);
	shake(&p);
	for (int i = 0; i < 100; i++) {
		memset(text, 'x', sizeof text);
		say(&p, &p.a,
		    (struct bytes){(uint8_t *)text, (size_t)i * 3 + 1});
	}
	wire = taken(p.a.link);
	while (at < wire.n) {
		uint16_t r;

		rng_fill(&cuts, (uint8_t *)&r, sizeof r);
		size_t n = 1 + r % largest;

		if (n > wire.n - at)
			n = wire.n - at;
		assert_int_equal(fed(&p, &p.b, (struct bytes){wire.p + at, n}),
				 OK);
		at += n;
		while (link_next(p.b.link, &out))
			assert_int_equal(out.text.n, heard++ * 3 + 1);
	}
	assert_int_equal(heard, 100);
	buf_free(&wire);
	pair_free(&p);
}

static void link__hears_the_same__in_all_cuts(void **state)
{
	(void)state;
	for (uint8_t seed = 1; seed < 20; seed++) {
		converse(seed, 7);
		converse(seed, 700);
		converse(seed, 65535);
	}
}

static void link__rekeys__both_ways(void **state)
{
	struct pair p;
	struct packet out;

	(void)state;
	pair_init(&p, NULL);
	shake(&p);
	for (int i = 0; i < 5 * REKEY; i++) {
		struct end *from = i % 2 ? &p.b : &p.a;
		struct end *to = i % 2 ? &p.a : &p.b;

		say(&p, from, str("tick"));
		assert_int_equal(carry(&p, from, to), OK);
		assert_true(link_next(to->link, &out));
		assert_false(link_next(to->link, &out));
	}
	pair_free(&p);
}

static void link__pads__to_buckets(void **state)
{
	struct pair p;
	size_t sizes = 0, last = 0;
	struct buf text = {0};

	(void)state;
	pair_init(&p, NULL);
	shake(&p);
	for (int n = 1; n < 60; n++) {
		buf_put(&text, str("x"));
		say(&p, &p.a, (struct bytes){text.p, text.n});
		struct buf m = taken(p.a.link);
		size_t bucket = m.n - 2 - 16;

		assert_int_equal(bucket & (bucket - 1), 0);
		sizes += m.n != last; /* the length tells next to nothing */
		last = m.n;
		buf_free(&m);
	}
	assert_true(sizes <= 2);
	buf_free(&text);
	pair_free(&p);
}

/* 16 KiB of control characters are six times as long in JSON. */
static void link__carries__the_longest_text_in_parts(void **state)
{
	struct pair p;
	struct packet out;
	struct buf text = {0};

	(void)state;
	pair_init(&p, NULL);
	shake(&p);
	for (int i = 0; i < TEXT_MAX; i++)
		buf_put(&text, str("\x01"));
	say(&p, &p.a, (struct bytes){text.p, text.n});
	assert_true(link_output(p.a.link).n > 65536);
	assert_int_equal(carry(&p, &p.a, &p.b), OK);
	assert_true(link_next(p.b.link, &out));
	assert_int_equal(out.text.n, TEXT_MAX);
	assert_memory_equal(out.text.p, text.p, TEXT_MAX);
	buf_free(&text);
	pair_free(&p);
}

static void link__hears__a_thousand_in_one_piece(void **state)
{
	struct pair p;
	struct packet out;
	int n = 0;

	(void)state;
	pair_init(&p, NULL);
	shake(&p);
	for (int i = 0; i < 1000; i++)
		say(&p, &p.a, str("one"));
	assert_int_equal(carry(&p, &p.a, &p.b), OK);
	while (link_ready(p.b.link) && link_next(p.b.link, &out))
		n++;
	assert_int_equal(n, 1000);
	assert_false(link_ready(p.b.link));
	pair_free(&p);
}

static void link__knows__an_end_without_a_bye(void **state)
{
	struct pair p;
	struct packet out;

	(void)state;
	pair_init(&p, NULL);
	shake(&p);
	assert_int_equal(link_eof(p.b.link), ERR_CLOSED);
	pair_free(&p);
	pair_init(&p, NULL);
	shake(&p);
	struct now now = now_of(&p, &p.a);

	link_bye(p.a.link, &now);
	assert_int_equal(carry(&p, &p.a, &p.b), OK);
	assert_false(link_next(p.b.link, &out));
	assert_true(link_over(p.a.link) && link_over(p.b.link));
	assert_int_equal(link_eof(p.b.link), OK);
	pair_free(&p);
}

static void link__ends__a_handshake_that_takes_too_long(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p, NULL);
	p.now_us = 1000000 + 3000000;
	struct now now = now_of(&p, &p.b);

	assert_int_equal(link_deadline(p.b.link), p.now_us);
	assert_int_equal(link_tick(p.b.link, &now), ERR_CLOSED);
	p.now_us = 1000000 + 10000000;
	now = now_of(&p, &p.a);
	assert_int_equal(link_tick(p.a.link, &now), ERR_CLOSED);
	pair_free(&p);
}

static void link__wakes__once_in_thirty_seconds(void **state)
{
	struct pair p;
	struct packet out;

	(void)state;
	pair_init(&p, NULL);
	shake(&p);
	for (int i = 0; i < 10; i++) {
		int64_t at = link_deadline(p.a.link);

		assert_true(at - p.now_us >= 30000000 - 1);
		assert_true(link_deadline(p.b.link) > at);
		p.now_us = at;
		struct now now = now_of(&p, &p.a);

		assert_int_equal(link_tick(p.a.link, &now), OK);
		assert_int_equal(carry(&p, &p.a, &p.b), OK);
		assert_false(link_next(p.b.link, &out));
		assert_int_equal(link_output(p.b.link).n, 0); /* no answer */
	}
	p.now_us = link_deadline(p.b.link); /* 75 s of nothing */
	struct now now = now_of(&p, &p.b);

	assert_int_equal(link_tick(p.b.link, &now), ERR_CLOSED);
	pair_free(&p);
}

/* A dialect like our own, but what it says is not for anybody to read. */
static enum err garbled(const struct packet *p, struct buf *out)
{
	buf_printf(out, "{\"type\":\"message\",\"id\":\"01930000-0000-7000-"
			"8000-000000000001\",\"message\":\"\"}");
	(void)p;
	return OK;
}

static void link__answers__what_is_malformed_eight_times(void **state)
{
	struct pair p;
	struct dialect bad = dialect_sotto;
	struct packet out, m = message(str("x"));
	unsigned answers = 0;

	(void)state;
	bad.encode = garbled;
	pair_init(&p, NULL);
	link_free(p.a.link);
	struct now now = now_of(&p, &p.a);

	p.a.link = link_new(&bad, DIALLED, p.a.keys, NULL, &now);
	shake(&p);
	for (int i = 0; i < MALFORMED_MAX + 1; i++) {
		assert_int_equal(link_send(p.a.link, &now, &m), OK);
		assert_int_equal(carry(&p, &p.a, &p.b), OK);
		assert_false(link_next(p.b.link, &out));
		assert_int_equal(carry(&p, &p.b, &p.a), OK);
		while (link_next(p.a.link, &out)) {
			assert_int_equal(out.kind, PKT_ACK);
			assert_int_equal(out.verdict, V_INVALID);
			answers++;
		}
	}
	assert_int_equal(answers, MALFORMED_MAX);
	assert_true(link_over(p.b.link));
	pair_free(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(link__proves__both_keys),
	    cmocka_unit_test(link__says_no_m3__to_another_key_than_the_pin),
	    cmocka_unit_test(link__refuses__every_bit_flip_of_the_handshake),
	    cmocka_unit_test(link__refuses__every_truncation_of_the_handshake),
	    cmocka_unit_test(link__refuses__a_key_of_zeros),
	    cmocka_unit_test(link__refuses__every_bit_flip_of_a_record),
	    cmocka_unit_test(link__gives_nothing__of_a_truncated_record),
	    cmocka_unit_test(link__hears_the_same__in_all_cuts),
	    cmocka_unit_test(link__rekeys__both_ways),
	    cmocka_unit_test(link__pads__to_buckets),
	    cmocka_unit_test(link__carries__the_longest_text_in_parts),
	    cmocka_unit_test(link__hears__a_thousand_in_one_piece),
	    cmocka_unit_test(link__knows__an_end_without_a_bye),
	    cmocka_unit_test(link__ends__a_handshake_that_takes_too_long),
	    cmocka_unit_test(link__wakes__once_in_thirty_seconds),
	    cmocka_unit_test(link__answers__what_is_malformed_eight_times),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
