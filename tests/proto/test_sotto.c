/* Our own JSON, there and back. */
#include "proto/dialect.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct bytes str(const char *s)
{
	return (struct bytes){(const uint8_t *)s, strlen(s)};
}

static struct arena arena_of(size_t n)
{
	return (struct arena){.p = xmalloc(n), .cap = n};
}

/* decode(encode(p)) says what p says. */
static void there_and_back(const struct packet *p)
{
	struct buf json = {0}, want = {0}, got = {0};
	struct arena a = arena_of(2 * PACKET_MAX);
	struct packet out;

	assert_int_equal(dialect_check(&dialect_sotto, p), OK);
	assert_int_equal(dialect_sotto.encode(p, &json), OK);
	assert_int_equal(
	    dialect_sotto.decode((struct bytes){json.p, json.n}, &a, &out), OK);
	packet_dump(&want, p);
	packet_dump(&got, &out);
	if (want.n != got.n || memcmp(want.p, got.p, want.n) != 0)
		fail_msg("%.*s\n%.*s\n%.*s", (int)json.n, (char *)json.p,
			 (int)want.n, (char *)want.p, (int)got.n,
			 (char *)got.p);
	buf_free(&json);
	buf_free(&want);
	buf_free(&got);
	free(a.p);
}

static struct packet base(enum packet_kind kind)
{
	struct packet p = {.kind = kind,
			   .stamp = str("2026-11-20T14:02:03.1"
					"20Z")};

	assert_true(ip_parse(str("192.0.2.1"), p.from.ip));
	assert_true(ip_parse(str("2001:db8::7"), p.to.ip));
	p.from.port = 6327;
	p.to.port = 6328;
	return p;
}

static void uuid_fill(struct uuid *u, struct rng *r)
{
	rng_fill(r, u->b, sizeof u->b);
	u->b[0] |= 1;
}

static void sotto__carries__every_kind(void **state)
{
	struct rng r = {.seed = {3}};
	struct range gap[] = {{12, 12}, {14, 20}};
	struct packet p = base(PKT_HELLO);

	(void)state;
	p.peer = str("0123456789abcdef0123456789abcdef");
	p.nick = str("ana \"x\" \xc3\xa9");
	p.version = str("sotto/1");
	p.features = str("reply peers");
	p.prekey = str("a bundle");
	p.center = str("00ff@center.example:6327");
	p.listen_port = 6327;
	uuid_fill(&p.instance, &r);
	rng_fill(&r, p.epoch, 8);
	there_and_back(&p);
	p.have = true;
	rng_fill(&r, p.have_epoch, 8);
	p.have_upto = 41;
	p.ranges = gap;
	p.n_ranges = 2;
	there_and_back(&p);

	p = base(PKT_ACK);
	uuid_fill(&p.id, &r);
	p.orig_stamp = str("2026-11-20T14:02:03.120Z");
	for (unsigned v = V_SUCCESS; v <= V_SEQ_REUSED; v++) {
		p.verdict = (enum verdict)v;
		there_and_back(&p);
	}
	p = (struct packet){.kind = PKT_SKIP, .ranges = gap, .n_ranges = 2};
	rng_fill(&r, p.epoch, 8);
	there_and_back(&p);
	p = (struct packet){.kind = PKT_READ};
	uuid_fill(&p.id, &r);
	there_and_back(&p);
	p = (struct packet){.kind = PKT_ERROR, .n_words = 2};
	p.word[0] = str("id_taken");
	p.word[1] = str("words");
	there_and_back(&p);
	there_and_back(&(struct packet){.kind = PKT_TYPING});
}

/* Every code point, every length up to the limit. */
static void sotto__keeps__texts_exactly(void **state)
{
	struct rng r = {.seed = {4}};
	uint8_t *text = xmalloc(TEXT_MAX);

	(void)state;
	for (int i = 0; i < 300; i++) {
		struct packet p = base(i % 2 ? PKT_MESSAGE : PKT_REPLY);
		uint16_t len;
		size_t n = 0;

		rng_fill(&r, (uint8_t *)&len, 2);
		while (n < (size_t)len % 500 + 1) {
			static const char *const some[] = {"a",
							   "\"",
							   "\\",
							   "/",
							   "\n",
							   "\x01",
							   "\x1f",
							   "\x7f",
							   "\xc2\x85",
							   "\xe2\x80\xae",
							   "\xf0\x9f\x98\x80"};
			uint8_t k;

			rng_fill(&r, &k, 1);
			size_t m = strlen(some[k % 11]);

			memcpy(text + n, some[k % 11], m);
			n += m;
		}
		p.text = (struct bytes){text, n};
		p.seq = (uint64_t)i + 1;
		rng_fill(&r, p.epoch, 8);
		uuid_fill(&p.id, &r);
		if (p.kind == PKT_REPLY) {
			uuid_fill(&p.reply_to, &r);
			p.orig_stamp = str("1970-01-01T00:00:00.000Z");
			p.quoted = str("what?");
		}
		there_and_back(&p);
	}
	memset(text, 1, TEXT_MAX); /* six bytes each */
	struct packet p = base(PKT_MESSAGE);

	p.text = (struct bytes){text, TEXT_MAX};
	uuid_fill(&p.id, &r);
	there_and_back(&p);
	p.text.n++;
	assert_int_equal(dialect_check(&dialect_sotto, &p), ERR_LIMIT);
	free(text);
}

static enum err decode(const char *json, struct packet *out)
{
	static uint8_t room[65536];
	struct arena a = {.p = room, .cap = sizeof room};

	return dialect_sotto.decode(str(json), &a, out);
}

#define ID "\"id\":\"01930000-0000-7000-8000-000000000001\""

static void sotto__refuses__wrong_types_and_ranges(void **state)
{
	static const char *const bad[] = {
	    "[]",
	    "{}",
	    "{\"type\":1}",
	    "{\"type\":\"message\"}",
	    "{\"type\":\"message\"," ID "}",
	    "{\"type\":\"message\"," ID ",\"message\":1,\"timestamp\":\"x\"}",
	    "{\"type\":\"message\"," ID
	    ",\"message\":\"\",\"timestamp\":\"x\"}",
	    "{\"type\":\"message\"," ID
	    ",\"message\":\"x\",\"timestamp\":\"x\",\"seq\":-1}",
	    "{\"type\":\"message\"," ID
	    ",\"message\":\"x\",\"timestamp\":\"x\",\"origin_port\":65536}",
	    "{\"type\":\"message\"," ID
	    ",\"message\":\"x\",\"timestamp\":\"x\",\"origin_ip\":\"1.2.3\"}",
	    "{\"type\":\"message\",\"id\":\"x\",\"message\":\"x\","
	    "\"timestamp\":\"x\"}",
	    "{\"type\":\"reply\"," ID ",\"message\":\"x\",\"timestamp\":\"x\"}",
	    "{\"type\":\"ack\"}",
	    "{\"type\":\"ack\"," ID ",\"code\":\"maybe\"}",
	    "{\"type\":\"skip\",\"epoch\":\"0011223344556677\","
	    "\"gone\":[[3,2]]}",
	    "{\"type\":\"skip\",\"epoch\":\"0011223344556677\","
	    "\"gone\":[[1,2],[2,3]]}",
	    "{\"type\":\"hello\",\"have\":{}}",
	};
	struct packet out;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (!decode(bad[i], &out))
			fail_msg("%s", bad[i]);
}

/* So that its sender can be told which one it was. */
static void sotto__reads_the_id__of_what_it_refuses(void **state)
{
	struct packet out;

	(void)state;
	assert_int_not_equal(
	    decode("{\"type\":\"message\",\"message\":1," ID "}", &out), OK);
	assert_int_equal(out.id.b[0], 1);
	assert_int_equal(out.id.b[15], 1);
}

static void sotto__passes_over__what_a_later_version_says(void **state)
{
	struct packet out;

	(void)state;
	assert_int_equal(decode("{\"type\":\"waves\",\"x\":[1,2]}", &out),
			 ERR_STATE);
	assert_int_equal(
	    decode("{\"type\":\"typing\",\"colour\":\"red\"}", &out), OK);
}

/* A center's words, its letters and bundles. */
static void sotto__carries__what_a_center_says(void **state)
{
	static const enum center_verb said[] = {
	    CENTER_TEXT,   CENTER_LIN,   CENTER_BRD,    CENTER_ONL,
	    CENTER_BLC,    CENTER_OUT,   CENTER_GET,    CENTER_ALL,
	    CENTER_HEY,    CENTER_FAIL,  CENTER_PENNED, CENTER_ONLINE,
	    CENTER_STORE,  CENTER_MAIL,  CENTER_TRIM,   CENTER_FETCH,
	    CENTER_PREKEY, CENTER_BUNDLE};
	struct packet out;
	uint8_t blob[301];

	(void)state;
	for (size_t i = 0; i < sizeof blob; i++)
		blob[i] = (uint8_t)(i * 7);
	for (size_t i = 0; i < sizeof said / sizeof *said; i++) {
		struct packet p = {.kind = PKT_CENTER,
				   .verb = said[i],
				   .ref = i * 1000,
				   .seq = i,
				   .n_words = i % (WORDS_MAX + 1),
				   .text = str(i % 2 ? "a \"b\" \n c" : ""),
				   .blob = {blob, i * 17}};
		for (size_t k = 0; k < p.n_words; k++)
			p.word[k] = str(k ? "a \u00e7 b" : "x");
		there_and_back(&p);
	}
	assert_int_equal(decode("{\"type\":\"center\"}", &out), ERR_PARSE);
	assert_int_equal(decode("{\"type\":\"center\",\"verb\":\"-\"}", &out),
			 ERR_STATE);
	assert_int_equal(
	    decode("{\"type\":\"center\",\"verb\":\"sing\"}", &out), ERR_STATE);
	assert_int_equal(decode("{\"type\":\"center\",\"verb\":\"mail\","
				"\"blob\":\"AAA\"}",
				&out),
			 ERR_PARSE);
	assert_int_equal(decode("{\"type\":\"center\",\"verb\":\"mail\","
				"\"blob\":\"A*==\"}",
				&out),
			 ERR_PARSE);
	assert_int_equal(decode("{\"type\":\"center\",\"verb\":\"login\","
				"\"words\":[1]}",
				&out),
			 ERR_PARSE);
	assert_int_equal(decode("{\"type\":\"center\",\"verb\":\"login\","
				"\"words\":[\"1\",\"2\",\"3\",\"4\",\"5\","
				"\"6\",\"7\",\"8\",\"9\"]}",
				&out),
			 ERR_LIMIT);
	struct packet login = {.kind = PKT_CENTER, .verb = CENTER_WORD};
	struct buf none = {0};
	assert_int_equal(dialect_sotto.encode(&login, &none), ERR_STATE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(sotto__carries__every_kind),
	    cmocka_unit_test(sotto__keeps__texts_exactly),
	    cmocka_unit_test(sotto__refuses__wrong_types_and_ranges),
	    cmocka_unit_test(sotto__reads_the_id__of_what_it_refuses),
	    cmocka_unit_test(sotto__carries__what_a_center_says),
	    cmocka_unit_test(sotto__passes_over__what_a_later_version_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
