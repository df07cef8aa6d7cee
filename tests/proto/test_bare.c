/* Links of the plain dialects: frames, silence, datagrams. */
#include "proto/link.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MS INT64_C(1000)
#define SEC INT64_C(1000000)
enum { BLOCK = 4096 };

struct end {
	struct link *link;
	int64_t mono;
};

static struct bytes str(const char *s)
{
	return (struct bytes){(const uint8_t *)s, strlen(s)};
}

static struct now at(const struct end *e)
{
	return (struct now){.mono_us = e->mono, .wall_us = 1790000000 * SEC};
}

static struct end begin(const struct dialect *d, enum role r)
{
	struct end e = {.mono = 1000 * SEC};
	struct now now = at(&e);

	e.link = link_new(d, r, NULL, NULL, &now);
	return e;
}

static void feed(struct end *e, struct bytes in)
{
	struct now now = at(e);

	assert_int_equal(link_feed(e->link, &now, in), OK);
}

static enum err later(struct end *e, int64_t us)
{
	e->mono += us;
	struct now now = at(e);

	return link_tick(e->link, &now);
}

/* The next packet is a text that says this. */
static void expect_text(struct end *e, const char *text)
{
	struct packet p;

	assert_true(link_next(e->link, &p));
	assert_false(p.malformed);
	assert_int_equal(p.kind, PKT_MESSAGE);
	assert_int_equal(p.text.n, strlen(text));
	assert_memory_equal(p.text.p, text, p.text.n);
}

static void expect_nothing(struct end *e)
{
	struct packet p;

	assert_false(link_ready(e->link));
	assert_false(link_next(e->link, &p));
}

static void say(struct end *e, const struct packet *p)
{
	struct now now = at(e);

	assert_int_equal(link_send(e->link, &now, p), OK);
}

/* What the next write would be; it is written. */
static size_t written(struct end *e, uint8_t *out, size_t max)
{
	struct bytes b = link_output(e->link);

	assert_true(b.n <= max);
	if (b.n)
		memcpy(out, b.p, b.n);
	link_wrote(e->link, b.n);
	return b.n;
}

static const struct packet hello = {
    .kind = PKT_HELLO,
    .peer = {(const uint8_t *)"abc", 3},
    .version = {(const uint8_t *)"1.2", 3},
    .listen_port = 6400,
};

static struct packet text(const char *s)
{
	return (struct packet){.kind = PKT_MESSAGE, .text = str(s)};
}

/* ---- mesh ---- */

static void mesh__shakes_hands__and_sends_blocks(void **state)
{
	struct end a = begin(&dialect_mesh, DIALLED);
	struct end b = begin(&dialect_mesh, ACCEPTED);
	uint8_t wire[2 * BLOCK];
	struct packet p, one = text("one"), two = text("two words & more");
	size_t n;

	(void)state;
	assert_true(link_up(a.link));
	assert_false(link_up(b.link));
	say(&a, &hello);
	n = written(&a, wire, sizeof wire);
	feed(&b, (struct bytes){wire, n});
	expect_nothing(&b);
	assert_int_equal(link_deadline(b.link), b.mono + 150 * MS);
	assert_int_equal(later(&b, 150 * MS), OK);
	assert_true(link_next(b.link, &p));
	assert_int_equal(p.kind, PKT_HELLO);
	assert_int_equal(p.listen_port, 6400);
	assert_true(link_up(b.link));
	/* one write a frame, whatever waits */
	say(&a, &one);
	say(&a, &two);
	assert_int_equal(link_output(a.link).n, BLOCK);
	n = written(&a, wire, sizeof wire);
	n += written(&a, wire + n, sizeof wire - n);
	assert_int_equal(n, 2 * BLOCK);
	feed(&b, (struct bytes){wire, n});
	expect_text(&b, "one");
	expect_text(&b, "two words & more");
	expect_nothing(&b);
	link_free(a.link);
	link_free(b.link);
}

/* However TCP cuts it, the same texts come out. */
static void mesh__cuts__blocks_alike_in_any_pieces(void **state)
{
	uint8_t wire[3 * BLOCK];
	static const size_t piece[] = {1, 2, 3, 100, 4095, 4096, 4097, 12288};

	(void)state;
	memset(wire, 'z', sizeof wire); /* scraps behind each NUL */
	for (int i = 0; i < 3; i++)
		snprintf((char *)wire + i * BLOCK, 64, "@message=text%%20%d",
			 i);
	for (size_t k = 0; k < sizeof piece / sizeof *piece; k++) {
		struct end e = begin(&dialect_mesh, ACCEPTED);

		feed(&e, str("@id=x&port=1"));
		assert_int_equal(later(&e, 200 * MS), OK);
		struct packet p;
		assert_true(link_next(e.link, &p));
		for (size_t at_byte = 0; at_byte < sizeof wire;) {
			size_t n = sizeof wire - at_byte;

			n = n < piece[k] ? n : piece[k];
			feed(&e, (struct bytes){wire + at_byte, n});
			at_byte += n;
		}
		expect_text(&e, "text 0");
		expect_text(&e, "text 1");
		expect_text(&e, "text 2");
		expect_nothing(&e);
		link_free(e.link);
	}
}

static void mesh__takes__short_texts_after_silence(void **state)
{
	struct end e = begin(&dialect_mesh, ACCEPTED);
	struct packet p;

	(void)state;
	feed(&e, str("@id=x&po"));
	assert_int_equal(later(&e, 100 * MS), OK);
	feed(&e, str("rt=1"));
	assert_int_equal(later(&e, 149 * MS), OK);
	expect_nothing(&e);
	assert_int_equal(later(&e, 1 * MS), OK);
	assert_true(link_next(e.link, &p));
	feed(&e, str("@message=a@message=b"));
	expect_text(&e, "a");
	assert_int_equal(later(&e, 150 * MS), OK);
	expect_text(&e, "b");
	/* one with a NUL waits ten seconds for the rest of its block */
	feed(&e, (struct bytes){(const uint8_t *)"@message=c", 11});
	assert_int_equal(later(&e, 9900 * MS), OK);
	expect_nothing(&e);
	assert_int_equal(later(&e, 100 * MS), OK);
	expect_text(&e, "c");
	/* or for the end */
	feed(&e, (struct bytes){(const uint8_t *)"@message=d", 11});
	assert_int_equal(link_eof(e.link), ERR_CLOSED);
	expect_text(&e, "d");
	link_free(e.link);
}

static void mesh__has__no_deadline_when_it_is_idle(void **state)
{
	struct end e = begin(&dialect_mesh, DIALLED);

	(void)state;
	assert_int_equal(link_deadline(e.link), e.mono + 10 * SEC);
	feed(&e, str("@id=x&port=1"));
	assert_int_equal(later(&e, 200 * MS), OK);
	struct packet p;
	assert_true(link_next(e.link, &p));
	assert_int_equal(link_deadline(e.link), INT64_MAX);
	link_free(e.link);
	e = begin(&dialect_mesh, ACCEPTED);
	assert_int_equal(later(&e, 10 * SEC), ERR_CLOSED);
	link_free(e.link);
}

static void mesh__hands_up__what_it_cannot_read_eight_times(void **state)
{
	struct end e = begin(&dialect_mesh, ACCEPTED);
	struct packet p;

	(void)state;
	for (int i = 0; i < 9; i++) {
		assert_false(link_over(e.link));
		feed(&e, str("@nothing=1"));
		assert_int_equal(later(&e, 200 * MS), OK);
		assert_true(link_next(e.link, &p));
		assert_true(p.malformed);
	}
	assert_true(link_over(e.link));
	link_free(e.link);
}

/* ---- json ---- */

static const char datagram[] =
    "{\"Ip_origem\": \"127.0.0.1\", \"Ip_destino\": \"127.0.0.1\", "
    "\"Porta_origem\": 5001, \"Porta_destino\": 5002, "
    "\"Timestamp da mensagem\": 1795219701.671704, \"Mensagem\": \"%s\"}";

static void json__keeps__datagrams_apart(void **state)
{
	struct end e = begin(&dialect_json, ACCEPTED);
	struct packet p;
	char one[400], two[400];

	(void)state;
	snprintf(one, sizeof one, datagram, "one");
	snprintf(two, sizeof two, datagram, "two");
	feed(&e, str(one));
	feed(&e, str(""));
	feed(&e, str(two));
	assert_true(link_up(e.link));
	expect_text(&e, "one");
	assert_true(link_next(e.link, &p));
	assert_true(p.malformed);
	expect_text(&e, "two");
	expect_nothing(&e);
	link_free(e.link);
}

static void json__drops__what_nobody_takes(void **state)
{
	struct end e = begin(&dialect_json, ACCEPTED);
	char one[400];
	unsigned n = 0;
	struct packet p;

	(void)state;
	snprintf(one, sizeof one, datagram, "one");
	for (int i = 0; i < 2000; i++)
		feed(&e, str(one));
	while (link_next(e.link, &p))
		n++;
	assert_in_range(n, 100, 400);
	link_free(e.link);
}

static void json__ends__after_ten_minutes_of_silence(void **state)
{
	struct end e = begin(&dialect_json, DIALLED);

	(void)state;
	assert_int_equal(later(&e, 599 * SEC), OK);
	assert_int_equal(later(&e, 1 * SEC), ERR_CLOSED);
	link_free(e.link);
}

static void bare__bounds__what_waits_to_be_written(void **state)
{
	struct end e = begin(&dialect_mesh, DIALLED);
	struct packet one = text("one");
	struct now now = at(&e);
	int n = 0;

	(void)state;
	while (!link_send(e.link, &now, &one))
		n++;
	assert_in_range(n, 32, 64);
	/* and what cannot be said at all is no frame */
	one.kind = PKT_SKIP;
	assert_int_not_equal(link_send(e.link, &now, &one), OK);
	link_free(e.link);
}

/* ---- sealed texts ---- */

static void binary__seals__to_the_key_that_is_given(void **state)
{
	struct keys *k = keys_new((const uint8_t[32]){7});
	struct buf pem = {0}, public = {0};
	struct packet p = text("secret"), heard;
	struct end a, b = {.mono = 1000 * SEC};
	struct now now = at(&b);
	uint8_t wire[512];
	size_t n;

	(void)state;
	if (!seal_built(SEAL_OAEP))
		skip();
	assert_int_equal(seal_make(SEAL_OAEP, &pem), OK);
	assert_int_equal(keys_add(k, SEAL_OAEP, (struct bytes){pem.p, pem.n}),
			 OK);
	assert_int_equal(keys_pem(k, SEAL_OAEP, &public), OK);
	a = begin(&dialect_binary, DIALLED);
	b.link = link_new(&dialect_binary, ACCEPTED, k, NULL, &now);
	now = at(&a);
	assert_int_not_equal(link_send(a.link, &now, &p), OK);
	p.seal_to = (struct bytes){public.p, public.n};
	say(&a, &p);
	n = written(&a, wire, sizeof wire);
	assert_int_equal(n, 264);
	feed(&b, (struct bytes){wire, 100});
	expect_nothing(&b);
	feed(&b, (struct bytes){wire + 100, n - 100});
	expect_text(&b, "secret");
	/* one that is not for us is told, still sealed */
	wire[20] ^= 1;
	feed(&b, (struct bytes){wire, n});
	assert_true(link_next(b.link, &heard));
	assert_true(heard.sealed && !heard.malformed);
	assert_int_equal(later(&b, 20 * SEC), ERR_CLOSED);
	link_free(a.link);
	link_free(b.link);
	keys_free(k);
	buf_free(&pem);
	buf_free(&public);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(mesh__shakes_hands__and_sends_blocks),
	    cmocka_unit_test(mesh__cuts__blocks_alike_in_any_pieces),
	    cmocka_unit_test(mesh__takes__short_texts_after_silence),
	    cmocka_unit_test(mesh__has__no_deadline_when_it_is_idle),
	    cmocka_unit_test(mesh__hands_up__what_it_cannot_read_eight_times),
	    cmocka_unit_test(json__keeps__datagrams_apart),
	    cmocka_unit_test(json__drops__what_nobody_takes),
	    cmocka_unit_test(json__ends__after_ten_minutes_of_silence),
	    cmocka_unit_test(bare__bounds__what_waits_to_be_written),
	    cmocka_unit_test(binary__seals__to_the_key_that_is_given),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
