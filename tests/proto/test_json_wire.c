/* Document 003: JSON datagrams as the program writes them. */
#include "proto/dialect.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct dialect *const d = &dialect_json;

static struct bytes str(const char *s)
{
	return (struct bytes){(const uint8_t *)s, strlen(s)};
}

/* In memory of exactly its length, so that a sanitizer sees what is read
 * behind it. */
struct heard {
	enum err err;
	struct packet p;
	uint8_t *frame, scratch[4096];
};

static void hear(struct heard *h, struct bytes in)
{
	struct arena a = {.p = h->scratch, .cap = sizeof h->scratch};

	h->frame = xmalloc(in.n ? in.n : 1);
	if (in.n)
		memcpy(h->frame, in.p, in.n);
	h->err = d->decode((struct bytes){h->frame, in.n}, &a, &h->p);
}

static enum err verdict_on(const char *s)
{
	struct heard h;

	hear(&h, str(s));
	free(h.frame);
	return h.err;
}

static struct buf vector(const char *name)
{
	char path[4096];
	struct buf b = {0};
	FILE *f;

	snprintf(path, sizeof path, "%s/proto/vectors/json/%s", TESTS_DIR,
		 name);
	f = fopen(path, "rb");
	assert_non_null(f);
	buf_room(&b, 4096);
	b.n = fread(b.p, 1, 4096, f);
	fclose(f);
	return b;
}

static void assert_text(struct bytes got, const char *want)
{
	if (got.n != strlen(want) || (got.n && memcmp(got.p, want, got.n) != 0))
		fail_msg("%.*s, not %s", (int)got.n, (const char *)got.p, want);
}

static void assert_said(const struct packet *p, const char *want)
{
	struct buf out = {0};

	assert_int_equal(d->encode(p, &out), OK);
	assert_text((struct bytes){out.p, out.n}, want);
	buf_free(&out);
}

/* ---- what the program sent ---- */

static void json__reads_and_writes__what_the_program_sent(void **state)
{
	static const char *const name[] = {
	    "01_from_5001.json", "02_from_5002.json", "03_from_5001.json",
	    "04_from_5002.json", "05_from_5001.json", "06_from_5002.json"};

	(void)state;
	for (size_t i = 0; i < sizeof name / sizeof *name; i++) {
		struct buf v = vector(name[i]), out = {0};
		struct heard h;
		size_t len;

		hear(&h, (struct bytes){v.p, v.n});
		assert_int_equal(h.err, OK);
		assert_int_equal(h.p.kind, i % 2 ? PKT_ACK : PKT_MESSAGE);
		assert_int_equal(h.p.from.port, i % 2 ? 5002 : 5001);
		assert_int_equal(h.p.to.port, i % 2 ? 5001 : 5002);
		assert_true(addr_loopback(&h.p.from) && addr_loopback(&h.p.to));
		assert_int_equal(
		    d->split((struct bytes){v.p, v.n}, false, false, &len), OK);
		assert_int_equal(len, v.n);
		assert_int_equal(d->encode(&h.p, &out), OK);
		assert_int_equal(out.n, v.n);
		assert_memory_equal(out.p, v.p, v.n);
		buf_free(&v);
		buf_free(&out);
		free(h.frame);
	}
}

static void json__understands__a_message_and_its_ack(void **state)
{
	struct buf v = vector("01_from_5001.json");
	struct heard h;

	(void)state;
	hear(&h, (struct bytes){v.p, v.n});
	assert_text(h.p.text, "ol\xc3\xa1, a\xc3\xa7\xc3\xa3o \xe2\x9c\x93");
	assert_text(h.p.stamp, "1795219701.671704");
	assert_int_equal(h.p.sent_us, INT64_C(1795219701671704));
	free(h.frame);
	buf_free(&v);
	v = vector("02_from_5002.json");
	hear(&h, (struct bytes){v.p, v.n});
	assert_text(h.p.orig_stamp, "1795219701.671704");
	assert_text(h.p.stamp, "1795219701.672445");
	assert_int_equal(h.p.orig_us, INT64_C(1795219701671704));
	assert_int_equal(h.p.verdict, V_SUCCESS);
	free(h.frame);
	buf_free(&v);
}

#define ADDRESSES                                                              \
	"{\"Ip_origem\": \"10.0.0.1\", \"Ip_destino\": \"10.0.0.2\", "         \
	"\"Porta_origem\": 1, \"Porta_destino\": 65535, "

static struct packet between(enum packet_kind kind)
{
	struct packet p = {.kind = kind,
			   .stamp = str("7.5"),
			   .orig_stamp = str("7.25"),
			   .from = {.port = 1},
			   .to = {.port = 65535}};

	assert_true(ip_parse(str("10.0.0.1"), p.from.ip));
	assert_true(ip_parse(str("10.0.0.2"), p.to.ip));
	return p;
}

static void json__writes__keys_in_the_order_of_the_program(void **state)
{
	struct packet p = between(PKT_MESSAGE);

	(void)state;
	p.text = str("oi");
	assert_said(&p, ADDRESSES "\"Timestamp da mensagem\": 7.5, "
				  "\"Mensagem\": \"oi\"}");
	p.kind = PKT_REPLY;
	p.quoted = str("e a\xc3\xad?");
	assert_said(&p, ADDRESSES "\"Timestamp da mensagem original\": 7.25, "
				  "\"Timestamp da mensagem de resposta\": 7.5, "
				  "\"Mensagem original\": \"e a\\u00ed?\", "
				  "\"Mensagem de resposta\": \"oi\"}");
	p.kind = PKT_ACK;
	assert_said(&p, ADDRESSES "\"Timestamp da mensagem original\": 7.25, "
				  "\"Timestamp da mensagem de resposta\": 7.5, "
				  "\"ACK\": true}");
	p.verdict = V_INVALID;
	assert_said(&p, ADDRESSES "\"Timestamp da mensagem original\": 7.25, "
				  "\"Timestamp da mensagem de resposta\": 7.5, "
				  "\"ACK\": false}");
}

static void json__escapes__as_python_does(void **state)
{
	static const struct {
		const char *text, *json;
	} t[] = {
	    {"\"\\/", "\\\"\\\\/"},
	    {"\b\t\n\f\r", "\\b\\t\\n\\f\\r"},
	    {"\x01\x1f\x7f ~", "\\u0001\\u001f\\u007f ~"},
	    {"\xc2\x80\xdf\xbf", "\\u0080\\u07ff"},
	    {"\xe0\xa0\x80\xef\xbf\xbf", "\\u0800\\uffff"},
	    {"\xf0\x90\x80\x80", "\\ud800\\udc00"},
	    {"\xf0\x9f\x98\x80", "\\ud83d\\ude00"},
	    {"\xf4\x8f\xbf\xbf", "\\udbff\\udfff"},
	    {"\xe2\x80\xa8", "\\u2028"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		struct packet p = between(PKT_MESSAGE);
		char want[512];
		struct heard h;

		p.text = str(t[i].text);
		snprintf(want, sizeof want,
			 ADDRESSES "\"Timestamp da mensagem\": 7.5, "
				   "\"Mensagem\": \"%s\"}",
			 t[i].json);
		assert_said(&p, want);
		hear(&h, str(want));
		assert_int_equal(h.err, OK);
		assert_text(h.p.text, t[i].text);
		free(h.frame);
	}
}

/* Every code point there and back. */
static void json__keeps__every_character(void **state)
{
	(void)state;
	for (uint32_t c = 1; c < 0x110000; c += c < 0x3000 ? 1 : 251) {
		uint8_t s[4] = {(uint8_t)c};
		struct packet p = between(PKT_MESSAGE);
		struct buf out = {0};
		struct heard h;
		size_t n = 1;

		if (c >= 0xd800 && c < 0xe000)
			continue;
		if (c >= 0x10000) {
			s[0] = (uint8_t)(0xf0 | c >> 18);
			s[n++] = (uint8_t)(0x80 | (c >> 12 & 0x3f));
			s[n++] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
			s[n++] = (uint8_t)(0x80 | (c & 0x3f));
		} else if (c >= 0x800) {
			s[0] = (uint8_t)(0xe0 | c >> 12);
			s[n++] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
			s[n++] = (uint8_t)(0x80 | (c & 0x3f));
		} else if (c >= 0x80) {
			s[0] = (uint8_t)(0xc0 | c >> 6);
			s[n++] = (uint8_t)(0x80 | (c & 0x3f));
		}
		p.text = (struct bytes){s, n};
		assert_int_equal(d->encode(&p, &out), OK);
		hear(&h, (struct bytes){out.p, out.n});
		assert_int_equal(h.err, OK);
		assert_int_equal(h.p.text.n, n);
		assert_memory_equal(h.p.text.p, s, n);
		free(h.frame);
		buf_free(&out);
	}
}

/* ---- what others may send ---- */

static void json__takes__other_spellings(void **state)
{
	static const char *const same[] = {
	    /* compact, raw UTF-8, another order */
	    "{\"Mensagem\":\"ol\xc3\xa1\",\"Timestamp da mensagem\":7.5,"
	    "\"Porta_destino\":65535,\"Porta_origem\":1,"
	    "\"Ip_destino\":\"10.0.0.2\",\"Ip_origem\":\"10.0.0.1\"}",
	    /* blanks, extra keys of any kind, keys with escapes */
	    " {\r\n\t\"Ip_orige\\u006d\" : \"10.0.0.1\" , \"x\\\"}\" : "
	    "[ {\"ACK\": \"]}\"}, 1 ] , \"Ip_destino\": \"10.0.0.2\" , "
	    "\"Porta_origem\" : 1 , \"Porta_destino\":65535\n, "
	    "\"null\": null, \"Timestamp da mensagem\": 7.5 , "
	    "\"Mensagem\" : \"ol\\u00E1\" } ",
	};

	(void)state;
	for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
		struct heard h;

		hear(&h, str(same[i]));
		assert_int_equal(h.err, OK);
		assert_int_equal(h.p.kind, PKT_MESSAGE);
		assert_said(&h.p, ADDRESSES "\"Timestamp da mensagem\": 7.5, "
					    "\"Mensagem\": \"ol\\u00e1\"}");
		free(h.frame);
	}
}

static void json__takes__addresses_as_claims(void **state)
{
	static const uint8_t none[16];
	static const char *const ip[] = {"0.0.0.0", "::", "localhost", "",
					 "10.0.0.256"};
	struct heard h;

	(void)state;
	for (size_t i = 0; i < sizeof ip / sizeof *ip; i++) {
		char json[256];

		snprintf(json, sizeof json,
			 "{\"Ip_origem\": \"%s\", \"Porta_origem\": 0, "
			 "\"Timestamp da mensagem\": 1, \"Mensagem\": \"x\"}",
			 ip[i]);
		hear(&h, str(json));
		assert_int_equal(h.err, OK);
		assert_memory_equal(h.p.from.ip, none, 16);
		assert_int_equal(h.p.from.port, 0);
		assert_memory_equal(h.p.to.ip, none, 16);
		assert_said(&h.p, "{\"Ip_origem\": \"0.0.0.0\", "
				  "\"Ip_destino\": \"0.0.0.0\", "
				  "\"Porta_origem\": 0, \"Porta_destino\": 0, "
				  "\"Timestamp da mensagem\": 1, "
				  "\"Mensagem\": \"x\"}");
		free(h.frame);
	}
}

static void json__keeps__timestamps_as_written(void **state)
{
	static const struct {
		const char *written;
		int64_t us;
	} t[] = {
	    {"1795219709.43537", INT64_C(1795219709435370)},
	    {"1795219709.0", INT64_C(1795219709000000)},
	    {"1795219709", INT64_C(1795219709000000)},
	    {"1795219709.1234567891234", INT64_C(1795219709123456)},
	    {"1795219709.4353700000000", INT64_C(1795219709435370)},
	    {"1.79522e+09", INT64_C(1795220000000000)},
	    {"1.79522E9", INT64_C(1795220000000000)},
	    {"179522e4", INT64_C(1795220000000000)},
	    {"17952200000e-1", INT64_C(1795220000000000)},
	    {"0", 0},
	    {"-1.5", 0},
	    {"9223372036853", INT64_C(9223372036853000000)},
	    {"9223372036855", 0},
	    {"1e99", 0},
	    {"1e-99", 0},
	    {"999999999999999999999999", 0},
	    {"0.0000000000000000000001", 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		char json[512];
		struct heard h;

		snprintf(json, sizeof json,
			 ADDRESSES "\"Timestamp da mensagem original\": %s , "
				   "\"ACK\" :true }",
			 t[i].written);
		hear(&h, str(json));
		if (h.err || h.p.orig_us != t[i].us)
			fail_msg("%s: %d %lld", t[i].written, (int)h.err,
				 (long long)h.p.orig_us);
		assert_text(h.p.orig_stamp, t[i].written);
		free(h.frame);
		/* and echoed */
		struct packet p = between(PKT_ACK);
		struct buf out = {0};

		p.orig_stamp = str(t[i].written);
		assert_int_equal(d->encode(&p, &out), OK);
		buf_put(&out, (struct bytes){(const uint8_t *)"", 1});
		assert_non_null(strstr((char *)out.p, t[i].written));
		buf_free(&out);
	}
}

static void json__knows__a_refusal(void **state)
{
	struct heard h;

	(void)state;
	hear(&h, str(ADDRESSES "\"Timestamp da mensagem original\": 7, "
			       "\"Mensagem original\": \"x\", "
			       "\"ACK\": false}"));
	assert_int_equal(h.err, OK);
	assert_int_equal(h.p.kind, PKT_ACK); /* whatever else it has */
	assert_int_equal(h.p.verdict, V_REFUSED);
	free(h.frame);
}

#define MESSAGE(ip, port, stamp, text)                                         \
	"{\"Ip_origem\": " ip ", \"Porta_origem\": " port                      \
	", \"Timestamp da mensagem\": " stamp ", \"Mensagem\": " text "}"
#define IP "\"10.0.0.1\""

static void json__refuses__what_kills_the_program(void **state)
{
	static const char *const bad[] = {
	    "",
	    " ",
	    "{",
	    "{}",
	    "[]",
	    "null",
	    "\"x\"",
	    "17",
	    "{\"a\":1}",
	    "hello",
	    "[" MESSAGE(IP, "1", "7", "\"x\"") "]",
	    MESSAGE(IP, "1", "7", "\"x\"") "x",
	    MESSAGE(IP, "1", "7", "\"\xff\""),
	    MESSAGE(IP, "1", "7", "\"\xed\xa0\x80\""),
	    MESSAGE(IP, "1", "7", "\"\\ud800\""),
	    MESSAGE(IP, "1", "7", "\"\\u0000\""),
	    MESSAGE(IP, "1", "7", "'x'"),
	    MESSAGE(IP, "1", "7", "x"),
	    MESSAGE(IP, "1", "7", "\"\""),
	    MESSAGE(IP, "1", "7", "null"),
	    MESSAGE(IP, "1", "7", "17"),
	    MESSAGE(IP, "1", "7", "[\"x\"]"),
	    MESSAGE(IP, "1", "7", "{\"x\":1}"),
	    MESSAGE(IP, "1", "\"7\"", "\"x\""),
	    MESSAGE(IP, "1", "null", "\"x\""),
	    MESSAGE(IP, "1", "true", "\"x\""),
	    MESSAGE(IP, "1", "NaN", "\"x\""),
	    MESSAGE(IP, "1", "Infinity", "\"x\""),
	    MESSAGE(IP, "1", "1e100", "\"x\""),
	    MESSAGE(IP, "1", "[7]", "\"x\""),
	    MESSAGE(IP, "1", "1.0000000000000000000000000", "\"x\""),
	    MESSAGE(IP, "\"1\"", "7", "\"x\""),
	    MESSAGE(IP, "-1", "7", "\"x\""),
	    MESSAGE(IP, "1.0", "7", "\"x\""),
	    MESSAGE(IP, "1e1", "7", "\"x\""),
	    MESSAGE(IP, "65536", "7", "\"x\""),
	    MESSAGE(IP, "100000", "7", "\"x\""),
	    MESSAGE(IP, "4294967297", "7", "\"x\""),
	    MESSAGE(IP, "null", "7", "\"x\""),
	    MESSAGE(IP, "[1]", "7", "\"x\""),
	    MESSAGE("167772161", "1", "7", "\"x\""),
	    MESSAGE("null", "1", "7", "\"x\""),
	    MESSAGE("[" IP "]", "1", "7", "\"x\""),
	    /* keys that are not there, or twice, or nearly */
	    "{\"Porta_origem\": 1, \"Timestamp da mensagem\": 7, "
	    "\"Mensagem\": \"x\"}",
	    "{\"Ip_origem\": \"1.1.1.1\", \"Timestamp da mensagem\": 7, "
	    "\"Mensagem\": \"x\"}",
	    "{\"Ip_origem\": \"1.1.1.1\", \"Porta_origem\": 1, "
	    "\"Mensagem\": \"x\"}",
	    "{\"Ip_origem\": \"1.1.1.1\", \"Porta_origem\": 1, "
	    "\"Timestamp da mensagem\": 7}",
	    "{\"ip_origem\": \"1.1.1.1\", \"Porta_origem\": 1, "
	    "\"Timestamp da mensagem\": 7, \"Mensagem\": \"x\"}",
	    ADDRESSES "\"Porta_origem\": 2, \"Timestamp da mensagem\": 7, "
		      "\"Mensagem\": \"x\"}",
	    ADDRESSES "\"ACK\": true}",
	    ADDRESSES "\"ACK\": 1, \"Timestamp da mensagem original\": 7}",
	    ADDRESSES "\"ACK\": \"true\", "
		      "\"Timestamp da mensagem original\": 7}",
	    ADDRESSES "\"ACK\": null, "
		      "\"Timestamp da mensagem original\": 7}",
	    ADDRESSES "\"ACK\": true, \"Timestamp da mensagem\": 7}",
	    ADDRESSES "\"ACK\": true, \"Timestamp da mensagem original\": 7, "
		      "\"Timestamp da mensagem de resposta\": \"x\"}",
	    ADDRESSES "\"Mensagem original\": \"x\", \"Mensagem\": \"y\", "
		      "\"Timestamp da mensagem original\": 7}",
	    ADDRESSES "\"Mensagem original\": 7, "
		      "\"Mensagem de resposta\": \"y\", "
		      "\"Timestamp da mensagem original\": 7, "
		      "\"Timestamp da mensagem de resposta\": 8}",
	};

	(void)state;
	assert_int_equal(verdict_on(MESSAGE(IP, "1", "7", "\"x\"")), OK);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (!verdict_on(bad[i]))
			fail_msg("taken: %s", bad[i]);
}

static void json__tells__what_it_refuses(void **state)
{
	struct heard h;

	(void)state;
	hear(&h, str(MESSAGE(IP, "1", "7.125", "\"\"")));
	assert_int_equal(h.err, ERR_PARSE);
	assert_int_equal(h.p.kind, PKT_MESSAGE);
	assert_text(h.p.stamp, "7.125");
	free(h.frame);
}

/* ---- limits ---- */

static void json__holds__1024_bytes(void **state)
{
	uint8_t text[1024];
	struct packet p = between(PKT_MESSAGE);
	struct buf json = {0}, out = {0};
	struct heard h;
	size_t len;

	(void)state;
	memset(text, 'x', sizeof text);
	p.text = (struct bytes){text, 1};
	assert_int_equal(d->encode(&p, &json), OK);
	p.text.n = 1024 - json.n + 1;
	json.n = 0;
	assert_int_equal(d->encode(&p, &json), OK);
	assert_int_equal(json.n, 1024);
	hear(&h, (struct bytes){json.p, json.n});
	assert_int_equal(h.err, OK);
	free(h.frame);
	assert_int_equal(
	    d->split((struct bytes){json.p, 1024}, true, true, &len), OK);
	buf_put(&json, str(" "));
	hear(&h, (struct bytes){json.p, json.n});
	assert_int_equal(h.err, ERR_LIMIT);
	free(h.frame);
	assert_int_equal(
	    d->split((struct bytes){json.p, 1025}, true, true, &len),
	    ERR_LIMIT);
	buf_free(&json);

	/* the longest text with the longest addresses */
	assert_true(ip_parse(str("255.255.255.255"), p.from.ip));
	p.to = p.from;
	p.from.port = p.to.port = 65535;
	p.stamp = str("1795219701.671704");
	p.text.n = d->text_max;
	assert_int_equal(dialect_check(d, &p), OK);
	assert_int_equal(d->encode(&p, &out), OK);
	assert_int_equal(out.n, 1024);
	p.text.n++;
	assert_int_equal(dialect_check(d, &p), ERR_LIMIT);
	/* escapes count as what they are written as */
	for (size_t i = 0; i < 512; i += 2)
		memcpy(text + i, "\xc3\xa9", 2);
	p.text.n = 284;
	assert_int_equal(dialect_check(d, &p), OK);
	p.text.n = 286;
	assert_int_equal(dialect_check(d, &p), ERR_LIMIT);
	buf_free(&out);
}

static void json__has_no_word__for_the_rest(void **state)
{
	(void)state;
	for (int k = PKT_HELLO; k <= PKT_CENTER; k++) {
		struct packet p = between((enum packet_kind)k);
		struct buf out = {0};
		bool ours = k == PKT_MESSAGE || k == PKT_REPLY || k == PKT_ACK;

		p.text = str("x");
		memset(p.id.b, 1, sizeof p.id.b);
		memset(p.epoch, 1, sizeof p.epoch);
		assert_int_equal(d->encode(&p, &out), ours ? OK : ERR_STATE);
		assert_true(ours || !out.n);
		buf_free(&out);
	}
	for (int v = V_SUCCESS; v <= V_SEQ_REUSED; v++) {
		struct packet p = between(PKT_ACK);
		bool ours = v == V_SUCCESS || v == V_INVALID || v == V_REFUSED;

		p.verdict = (enum verdict)v; /* "false" is final */
		assert_int_equal(dialect_check(d, &p), ours ? OK : ERR_STATE);
	}
}

/* A timestamp is written without quotes. */
static void json__writes__no_other_timestamps(void **state)
{
	static const char *const bad[] = {
	    "",
	    " 7",
	    "7 ",
	    "x",
	    "7,\"ACK\":true",
	    "\"7\"",
	    "null",
	    "true",
	    "{}",
	    "[7]",
	    "-",
	    "7.",
	    "07",
	    "2026-11-20T14:02:03.120Z",
	    "1e100",
	};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct packet p = between(PKT_MESSAGE);

		p.text = str("x");
		p.stamp = str(bad[i]);
		if (!dialect_check(d, &p))
			fail_msg("written: %s", bad[i]);
		p = between(PKT_ACK);
		p.orig_stamp = str(bad[i]);
		assert_int_not_equal(dialect_check(d, &p), OK);
		p = between(PKT_REPLY);
		p.text = str("x");
		p.orig_stamp = str(bad[i]);
		assert_int_not_equal(dialect_check(d, &p), OK);
	}
}

static void json_stamp__writes__as_python_does(void **state)
{
	static const struct {
		int64_t us;
		const char *text;
	} t[] = {
	    {INT64_C(1795219701671704), "1795219701.671704"},
	    {INT64_C(1795219709435370), "1795219709.43537"},
	    {INT64_C(1795219709000000), "1795219709.0"},
	    {INT64_C(1795219709100000), "1795219709.1"},
	    {INT64_C(1795219709000001), "1795219709.000001"},
	    {0, "0.0"},
	    {-5, "0.0"},
	    {INT64_MAX, "9223372036854.775807"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		char s[STAMP_MAX + 1];
		struct packet p = between(PKT_MESSAGE);

		d->stamp(s, t[i].us);
		assert_string_equal(s, t[i].text);
		p.text = str("x");
		p.stamp = str(s);
		assert_int_equal(dialect_check(d, &p), OK);
	}
}

/* Cut anywhere, or one byte changed: refused or understood, never read
 * behind its end. */
static void json__survives__damage(void **state)
{
	struct buf v = vector("01_from_5001.json");
	struct rng rng = {.seed = {9}};
	size_t taken = 0;

	(void)state;
	for (size_t n = 0; n < v.n; n++) {
		struct heard h;

		hear(&h, (struct bytes){v.p, n});
		assert_int_not_equal(h.err, OK);
		free(h.frame);
	}
	for (int i = 0; i < 100000; i++) {
		uint8_t r[4], was;
		struct heard h;

		rng_fill(&rng, r, sizeof r);
		size_t at = (r[0] | (size_t)r[1] << 8) % v.n;

		was = v.p[at];
		v.p[at] =
		    r[2] & 1 ? r[3] : (uint8_t) "{}[]\",:\\u0e."[r[3] % 13];
		hear(&h, (struct bytes){v.p, v.n});
		if (!h.err) {
			assert_int_equal(packet_check_plain(&h.p), OK);
			assert_int_equal(dialect_check(d, &h.p), OK);
			taken++;
		}
		free(h.frame);
		v.p[at] = was;
	}
	assert_true(taken > 1000 && taken < 90000);
	buf_free(&v);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(json__reads_and_writes__what_the_program_sent),
	    cmocka_unit_test(json__understands__a_message_and_its_ack),
	    cmocka_unit_test(json__writes__keys_in_the_order_of_the_program),
	    cmocka_unit_test(json__escapes__as_python_does),
	    cmocka_unit_test(json__keeps__every_character),
	    cmocka_unit_test(json__takes__other_spellings),
	    cmocka_unit_test(json__takes__addresses_as_claims),
	    cmocka_unit_test(json__keeps__timestamps_as_written),
	    cmocka_unit_test(json__knows__a_refusal),
	    cmocka_unit_test(json__refuses__what_kills_the_program),
	    cmocka_unit_test(json__tells__what_it_refuses),
	    cmocka_unit_test(json__holds__1024_bytes),
	    cmocka_unit_test(json__has_no_word__for_the_rest),
	    cmocka_unit_test(json__writes__no_other_timestamps),
	    cmocka_unit_test(json_stamp__writes__as_python_does),
	    cmocka_unit_test(json__survives__damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
