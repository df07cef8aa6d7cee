/* link.c: two ends in memory. What one writes the other is fed, in any cuts,
 * with every bit turned, and short of every byte. */
#include "proto/link.h"
#include <malloc.h>
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

/* ---- a peer that says what no link says ---- */

/* Who dials by hand, with noise.c alone. */
struct hand {
	struct pair p;
	struct noise noise;
	struct noise_cipher send, receive;
};

static struct buf framed(struct bytes m)
{
	struct buf b = {0};
	uint8_t len[2] = {(uint8_t)(m.n >> 8), (uint8_t)m.n};

	buf_put(&b, (struct bytes){len, 2});
	buf_put(&b, m);
	return b;
}

static enum err hand_over(struct hand *h, struct bytes m)
{
	struct buf b = framed(m);
	enum err err = fed(&h->p, &h->p.b, (struct bytes){b.p, b.n});

	buf_free(&b);
	return err;
}

static enum err hand_write(struct hand *h, struct bytes payload)
{
	struct buf m = {0};
	enum err err;

	assert_int_equal(noise_write(&h->noise, payload, &m), OK);
	err = hand_over(h, (struct bytes){m.p, m.n});
	buf_free(&m);
	return err;
}

static void hand_init(struct hand *h)
{
	static const uint8_t preface[8] = {'S', 'V', 1};
	uint8_t prologue[22] = "sotto/1 noise", e[32] = {5};
	struct noise_start s = {
	    .protocol = "Noise_XX_25519_ChaChaPoly_BLAKE2b",
	    .initiator = true,
	    .prologue = {prologue, sizeof prologue},
	};
	struct buf m, payload = {0};

	*h = (struct hand){0};
	pair_init(&h->p, NULL);
	memcpy(prologue + 14, preface, sizeof preface);
	s.s = h->p.a.keys->noise;
	noise_pair_of(&s.e, e);
	assert_int_equal(noise_begin(&h->noise, &s), OK);
	assert_int_equal(
	    fed(&h->p, &h->p.b, (struct bytes){preface, sizeof preface}), OK);
	assert_int_equal(hand_write(h, (struct bytes){0}), OK);
	m = taken(h->p.b.link);
	assert_int_equal(
	    noise_read(&h->noise, (struct bytes){m.p + 2, m.n - 2}, &payload),
	    OK);
	buf_free(&m);
	buf_free(&payload);
}

static void hand_up(struct hand *h)
{
	hand_init(h);
	assert_int_equal(hand_write(h, (struct bytes){h->p.a.keys->certificate,
						      CERTIFICATE}),
			 OK);
	noise_split(&h->noise, &h->send, &h->receive);
	assert_true(link_up(h->p.b.link));
}

static void hand_free(struct hand *h)
{
	pair_free(&h->p);
	noise_wipe(&h->noise);
}

static enum err hand_seal(struct hand *h, struct bytes plain)
{
	struct buf m = {0};
	enum err err;

	buf_room(&m, plain.n + NOISE_TAG);
	m.n = plain.n + NOISE_TAG;
	assert_int_equal(noise_encrypt(&h->send, (struct bytes){0}, plain, m.p),
			 OK);
	err = hand_over(h, (struct bytes){m.p, m.n});
	buf_free(&m);
	return err;
}

/* A record of n bytes of body in a bucket of `plain`. */
static enum err hand_record(struct hand *h, uint8_t type, size_t n,
			    size_t plain)
{
	uint8_t *p = xmalloc(plain);
	enum err err;

	memset(p, 0, plain);
	memset(p + 3, ' ', n < plain - 3 ? n : plain - 3);
	p[0] = (uint8_t)(n >> 8);
	p[1] = (uint8_t)n;
	p[2] = type;
	err = hand_seal(h, (struct bytes){p, plain});
	free(p);
	return err;
}

static void link__refuses__other_prefaces(void **state)
{
	(void)state;
	for (size_t at = 0; at < 8; at++)
		for (unsigned v = 0; v < 256; v++) {
			uint8_t preface[8] = {'S', 'V', 1};
			struct pair p;

			if (preface[at] == v)
				continue;
			preface[at] = (uint8_t)v; /* at 3: 1 is XXpsk0 */
			pair_init(&p, NULL);
			assert_int_equal(
			    fed(&p, &p.b, (struct bytes){preface, 8}),
			    ERR_PARSE);
			assert_int_equal(link_output(p.b.link).n, 0);
			pair_free(&p);
		}
}

static void link__refuses__a_certificate_of_somebody_else(void **state)
{
	struct hand h;
	struct pubkey met;

	(void)state;
	hand_init(&h);
	assert_int_equal(hand_write(&h, (struct bytes){h.p.b.keys->certificate,
						       CERTIFICATE}),
			 ERR_AUTH);
	met = link_key(h.p.b.link);
	assert_true(pubkey_none(&met));
	assert_false(link_up(h.p.b.link));
	hand_free(&h);
}

static void link__refuses__types_it_has_not(void **state)
{
	(void)state;
	for (unsigned type = 0; type < 256; type++) {
		struct hand h;
		bool known = (type >= 1 && type <= 2) || /* 3 ends nothing */
			     (type >= 5 && type <= 7);

		hand_up(&h);
		assert_int_equal(hand_record(&h, (uint8_t)type, 0, 64),
				 known ? OK : ERR_PARSE);
		hand_free(&h);
	}
}

static void link__refuses__padding_that_is_not_zero(void **state)
{
	(void)state;
	for (size_t at = 3; at < 64; at++) {
		uint8_t plain[64] = {0, 0, 6};
		struct hand h;

		plain[at] = 1;
		hand_up(&h);
		assert_int_equal(
		    hand_seal(&h, (struct bytes){plain, sizeof plain}),
		    ERR_PARSE);
		hand_free(&h);
	}
}

static void link__refuses__lengths_that_no_record_has(void **state)
{
	static const struct {
		uint8_t type;
		size_t n, plain;
		enum err err;
	} a[] = {
	    {1, 61, 64, OK},           {1, 62, 64, ERR_PARSE},
	    {1, 61, 128, ERR_PARSE},   {1, 62, 128, OK},
	    {1, 0, 63, ERR_PARSE},     {1, 0, 65, ERR_PARSE},
	    {1, 65516, 65519, OK},     {1, 65517, 65519, ERR_PARSE},
	    {1, 65535, 64, ERR_PARSE}, {5, 1, 64, ERR_PARSE},
	    {6, 1, 64, ERR_PARSE},     {7, 1, 64, ERR_PARSE},
	};

	(void)state;
	for (size_t i = 0; i < sizeof a / sizeof *a; i++) {
		struct hand h;

		hand_up(&h);
		if (hand_record(&h, a[i].type, a[i].n, a[i].plain) != a[i].err)
			fail_msg("row %zu", i);
		hand_free(&h);
	}
}

static void link__refuses__parts_without_an_order_or_end(void **state)
{
	struct hand h;

	(void)state;
	hand_up(&h); /* a whole packet inside another */
	assert_int_equal(hand_record(&h, 2, 10, 64), OK);
	assert_int_equal(hand_record(&h, 1, 10, 64), ERR_PARSE);
	hand_free(&h);
	hand_up(&h); /* nine parts */
	for (int i = 0; i < 8; i++)
		assert_int_equal(hand_record(&h, 2, 10, 64), OK);
	assert_int_equal(hand_record(&h, 3, 10, 64), ERR_LIMIT);
	hand_free(&h);
	hand_up(&h); /* longer than a packet may be */
	assert_int_equal(hand_record(&h, 2, 65516, 65519), OK);
	assert_int_equal(hand_record(&h, 2, 65516, 65519), OK);
	assert_int_equal(hand_record(&h, 3, 41, 64), ERR_LIMIT);
	hand_free(&h);
	hand_up(&h); /* a sign of life between two parts is fine */
	assert_int_equal(hand_record(&h, 2, 10, 64), OK);
	assert_int_equal(hand_record(&h, 6, 0, 64), OK);
	assert_int_equal(hand_record(&h, 3, 10, 64), OK);
	assert_true(link_ready(h.p.b.link));
	hand_free(&h);
}

static const char typing[] = "{\"type\":\"typing\"}";

static size_t memory(void)
{
	return mallinfo2().uordblks;
}

/* Each piece that arrives ends within a packet: what was before it goes. */
static void link__forgets__packets_before_the_one_in_parts(void **state)
{
	struct hand h;
	struct packet out;
	size_t before = 0;

	(void)state;
	hand_up(&h);
	assert_int_equal(hand_record(&h, 2, 10, 64), OK);
	for (int i = 0; i < 200; i++) {
		uint8_t part[2048] = {7, 0xfd, 3};

		memset(part + 3, ' ', sizeof part - 3);
		assert_int_equal(
		    hand_seal(&h, (struct bytes){part, sizeof part}), OK);
		memset(part, 0, 64);
		part[1] = sizeof typing - 1;
		part[2] = 2;
		memcpy(part + 3, typing, sizeof typing - 1);
		assert_int_equal(hand_seal(&h, (struct bytes){part, 64}), OK);
		while (link_next(h.p.b.link, &out))
			;
		if (i == 0)
			before = memory();
	}
	assert_true(memory() < before + 8192);
	hand_free(&h);
}

static void link__holds__little_when_idle(void **state)
{
	enum { PAIRS = 50 };
	static struct pair p[PAIRS];
	struct packet out;
	size_t before, keys;

	(void)state;
	before = memory();
	for (int i = 0; i < PAIRS; i++) {
		end_init(&p[i].a, 1);
		end_init(&p[i].b, 2);
	}
	keys = memory() - before;
	for (int i = 0; i < PAIRS; i++) {
		keys_free(p[i].a.keys);
		keys_free(p[i].b.keys);
		pair_init(&p[i], NULL);
		shake(&p[i]);
		say(&p[i], &p[i].a, str("hello"));
		struct buf m = taken(p[i].a.link);

		for (size_t at = 0; at < m.n; at++)
			assert_int_equal(
			    fed(&p[i], &p[i].b, (struct bytes){m.p + at, 1}),
			    OK);
		buf_free(&m);
		assert_true(link_next(p[i].b.link, &out));
		assert_false(link_next(p[i].b.link, &out));
	}
	assert_true(memory() < before + keys + PAIRS * 2 * (size_t)600);
	for (int i = 0; i < PAIRS; i++)
		pair_free(&p[i]);
}

static void link__answers__a_ping(void **state)
{
	struct pair p;
	struct packet out;

	(void)state;
	pair_init(&p, NULL);
	shake(&p);
	p.now_us += 5000000;
	struct now now = now_of(&p, &p.b);

	link_ping(p.b.link, &now);
	assert_int_equal(carry(&p, &p.b, &p.a), OK);
	assert_false(link_next(p.a.link, &out));
	assert_true(link_output(p.a.link).n > 0);
	p.now_us += 5000000;
	assert_int_equal(carry(&p, &p.a, &p.b), OK);
	assert_int_equal(link_heard(p.b.link), p.now_us);
	assert_int_equal(link_output(p.b.link).n, 0); /* a pong has none */
	pair_free(&p);
}

static void link__hears__what_was_said_before_a_bye(void **state)
{
	struct pair p;
	struct packet out;
	struct packet m = message(str("late"));

	(void)state;
	pair_init(&p, NULL);
	shake(&p);
	struct now now = now_of(&p, &p.a);

	say(&p, &p.a, str("one"));
	say(&p, &p.a, str("two"));
	link_bye(p.a.link, &now);
	assert_int_equal(link_send(p.a.link, &now, &m), ERR_STATE);
	assert_int_equal(carry(&p, &p.a, &p.b), OK);
	assert_true(link_next(p.b.link, &out));
	assert_true(link_next(p.b.link, &out));
	assert_memory_equal(out.text.p, "two", 3);
	assert_false(link_next(p.b.link, &out));
	pair_free(&p);
}

/* One byte does not buy the ten seconds of a handshake. */
static void link__wants__the_preface_within_three_seconds(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p, NULL);
	struct buf m = taken(p.a.link);

	p.now_us += 1000000;
	assert_int_equal(fed(&p, &p.b, (struct bytes){m.p, 7}), OK);
	assert_int_equal(link_deadline(p.b.link), 1000000 + 3000000);
	assert_int_equal(fed(&p, &p.b, (struct bytes){m.p + 7, 1}), OK);
	assert_int_equal(link_deadline(p.b.link), 1000000 + 10000000);
	buf_free(&m);
	pair_free(&p);
}

/* A byte a second does not keep a record open. */
static void link__wants__a_record_within_twenty_seconds(void **state)
{
	struct pair p;

	(void)state;
	pair_init(&p, NULL);
	shake(&p);
	say(&p, &p.a, str("slow"));
	struct buf m = taken(p.a.link);
	int64_t began = p.now_us;

	for (size_t i = 0; i < 19; i++) {
		assert_int_equal(fed(&p, &p.b, (struct bytes){m.p + i, 1}), OK);
		assert_int_equal(link_deadline(p.b.link), began + 20000000);
		p.now_us += 1000000;
	}
	p.now_us = began + 20000000;
	struct now now = now_of(&p, &p.b);

	assert_int_equal(link_tick(p.b.link, &now), ERR_CLOSED);
	buf_free(&m);
	pair_free(&p);
}

/* What came behind the ninth is not offered: nobody would ever take it. */
static void link__offers__nothing_after_its_own_bye(void **state)
{
	struct hand h;
	struct packet out;
	uint8_t plain[64] = {0, 0, 1};

	(void)state;
	hand_up(&h);
	for (int i = 0; i < MALFORMED_MAX + 5; i++)
		assert_int_equal(hand_record(&h, 1, 10, 64), OK);
	plain[1] = sizeof typing - 1;
	memcpy(plain + 3, typing, sizeof typing - 1);
	assert_int_equal(hand_seal(&h, (struct bytes){plain, 64}), OK);
	assert_true(link_ready(h.p.b.link));
	assert_false(link_next(h.p.b.link, &out));
	assert_false(link_ready(h.p.b.link));
	struct buf m = taken(h.p.b.link);

	assert_true(link_over(h.p.b.link));
	buf_free(&m);
	hand_free(&h);
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
	    cmocka_unit_test(link__refuses__other_prefaces),
	    cmocka_unit_test(link__refuses__a_certificate_of_somebody_else),
	    cmocka_unit_test(link__refuses__types_it_has_not),
	    cmocka_unit_test(link__refuses__padding_that_is_not_zero),
	    cmocka_unit_test(link__refuses__lengths_that_no_record_has),
	    cmocka_unit_test(link__refuses__parts_without_an_order_or_end),
	    cmocka_unit_test(link__forgets__packets_before_the_one_in_parts),
	    cmocka_unit_test(link__holds__little_when_idle),
	    cmocka_unit_test(link__answers__a_ping),
	    cmocka_unit_test(link__hears__what_was_said_before_a_bye),
	    cmocka_unit_test(link__wants__the_preface_within_three_seconds),
	    cmocka_unit_test(link__wants__a_record_within_twenty_seconds),
	    cmocka_unit_test(link__offers__nothing_after_its_own_bye),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
