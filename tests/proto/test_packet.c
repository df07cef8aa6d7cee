/* packet.c: addresses and ids as text, and what no dialect may hand up. */
#include "proto/packet.h"
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct bytes view(const char *s)
{
	return (struct bytes){(const uint8_t *)s, strlen(s)};
}

/* The C library's opinion, in our form. */
static bool theirs(const char *s, uint8_t ip[static 16])
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

	if (inet_pton(AF_INET, s, ip + 12) == 1) {
		memcpy(ip, mapped, sizeof mapped);
		return true;
	}
	return inet_pton(AF_INET6, s, ip) == 1;
}

/* ---- addresses ---- */

static void ip_parse__takes__numeric_forms(void **state)
{
	static const char *const good[] = {
	    "0.0.0.0",
	    "192.0.2.1",
	    "255.255.255.255",
	    "::",
	    "::1",
	    "1::",
	    "2001:db8::1",
	    "2001:DB8::A",
	    "1:2:3:4:5:6:7:8",
	    "1:2:3:4:5:6:7::",
	    "::2:3:4:5:6:7:8",
	    "0001:0:0:0:0:0:0:ffff",
	    "::ffff:192.0.2.1",
	    "64:ff9b::192.0.2.33",
	    "1:2:3:4:5:6:1.2.3.4",
	    "fe80::1",
	};

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		uint8_t ip[16], want[16];

		if (!ip_parse(view(good[i]), ip))
			fail_msg("refused: %s", good[i]);
		assert_true(theirs(good[i], want));
		assert_memory_equal(ip, want, 16);
	}
}

static void ip_parse__refuses__everything_else(void **state)
{
	static const char *const bad[] = {
	    "",
	    " ",
	    ".",
	    ":",
	    ":::",
	    "1",
	    "1.2.3",
	    "1.2.3.",
	    "1.2.3.4.",
	    "1.2.3.4.5",
	    ".1.2.3.4",
	    "1..3.4",
	    "256.1.1.1",
	    "1.2.3.999",
	    "1.2.3.1000",
	    "01.2.3.4",
	    "1.2.3.00",
	    "0x1.2.3.4",
	    "1.2.3.4 ",
	    " 1.2.3.4",
	    "-1.2.3.4",
	    "+1.2.3.4",
	    "1.2.3.4:80",
	    "[::1]",
	    "::1]",
	    "::1%lo",
	    "fe80::1%eth0",
	    "1:2:3:4:5:6:7",
	    "1:2:3:4:5:6:7:8:9",
	    "1:2:3:4:5:6:7:8::",
	    "::1:2:3:4:5:6:7:8",
	    "1::2::3",
	    "1:::2",
	    "1:",
	    ":1",
	    "1::2:",
	    ":1::2",
	    "12345::",
	    "::g",
	    "::1.2.3",
	    "::1.2.3.4.5",
	    "::1.2.3.4:5",
	    "::256.2.3.4",
	    "::ff.2.3.4",
	    "1.2.3.4::",
	    "1:2:3:4:5:6:7:1.2.3.4",
	    "1:2:3:4:5:1.2.3.4",
	    "localhost",
	    "::ffff:",
	    "٠.٠.٠.٠",
	};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		uint8_t ip[16], want[16];

		if (ip_parse(view(bad[i]), ip))
			fail_msg("taken: %s", bad[i]);
		assert_false(theirs(bad[i], want));
	}
	uint8_t ip[16];

	assert_false(ip_parse((struct bytes){0}, ip));
	assert_false(ip_parse((struct bytes){(const uint8_t *)"::1\0", 4}, ip));
}

/* Half good addresses with letters exchanged, lost and doubled, out of memory
 * that ends with them: taken when and as the C library takes them. */
static void ip_parse__agrees__with_the_c_library(void **state)
{
	static const char *const seed[] = {"192.0.2.10", "2001:db8::1:0",
					   "::ffff:10.0.0.255",
					   "1:2:3:4:5:6:7:8", "a:b::"};
	static const char letters[] = "0123456789abcdefABF::::....g";
	struct rng rng = {.seed = {5}};
	size_t taken = 0;

	(void)state;
	for (int i = 0; i < 300000; i++) {
		char text[48] = "";
		uint8_t r[8], got[16] = {0}, want[16] = {0};
		size_t n;

		rng_fill(&rng, r, sizeof r);
		strcpy(text, seed[r[0] % 5]);
		for (size_t k = 1; k + 1 < sizeof r; k += 2) {
			size_t len = strlen(text), at = r[k] % (len + 1);
			char c = letters[r[k + 1] % (sizeof letters - 1)];

			if (r[0] & 0x40 && at < len)
				text[at] = c;
			else if (r[k + 1] & 0x80 && at < len)
				memmove(text + at, text + at + 1, len - at);
			else if (r[k + 1] & 0x40)
				memmove(text + at + 1, text + at, len - at + 1),
				    text[at] = c;
		}
		n = strlen(text);
		uint8_t *s = xmalloc(n);
		memcpy(s, text, n);
		bool good = ip_parse((struct bytes){s, n}, got);
		free(s);
		if (good != theirs(text, want))
			fail_msg("%s %s", good ? "taken:" : "refused:", text);
		if (good)
			assert_memory_equal(got, want, 16);
		taken += good;
	}
	assert_true(taken > 3000); /* both kinds were seen */
	assert_true(taken < 290000);
}

static void ip_text__is__the_shortest_form(void **state)
{
	static const struct {
		const char *from, *text;
	} t[] = {
	    {"0.0.0.0", "0.0.0.0"},
	    {"::ffff:192.0.2.1", "192.0.2.1"},
	    {"255.255.255.255", "255.255.255.255"},
	    {"0:0:0:0:0:0:0:0", "::"},
	    {"0:0:0:0:0:0:0:1", "::1"},
	    {"1:0:0:0:0:0:0:0", "1::"},
	    {"2001:DB8:0:0:0:0:0:1", "2001:db8::1"},
	    {"2001:db8:0:1:1:1:1:1",
	     "2001:db8:0:1:1:1:1:1"}, /* RFC 5952 4.2.2 */
	    {"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},
	    {"2001:db8:0:0:1:0:0:1",
	     "2001:db8::1:0:0:1"}, /* the first of two */
	    {"0:0:1:0:0:0:0:0", "0:0:1::"},
	    {"1:2:3:4:5:6:0:0", "1:2:3:4:5:6::"},
	    {"0:0:3:4:5:6:7:8", "::3:4:5:6:7:8"},
	    {"0:2:0:4:0:6:0:8", "0:2:0:4:0:6:0:8"},
	    {"0123:00ab:000c:0:1:2:3:4", "123:ab:c:0:1:2:3:4"},
	    {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
	     "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		struct addr a = {.port = 6327};
		char text[ADDR_TEXT], want[2 * ADDR_TEXT];

		assert_true(ip_parse(view(t[i].from), a.ip));
		ip_text(text, &a);
		assert_string_equal(text, t[i].text);
		addr_text(text, &a);
		snprintf(want, sizeof want,
			 strchr(t[i].text, ':') ? "[%s]:6327" : "%s:6327",
			 t[i].text);
		assert_string_equal(text, want);
	}
}

/* Every pattern of zeros, and every port. */
static void addr_text__comes_back__as_it_was(void **state)
{
	struct rng rng = {.seed = {6}};

	(void)state;
	for (unsigned zeros = 0; zeros < 256; zeros++)
		for (int k = 0; k < 20; k++) {
			struct addr a = {0};
			uint8_t back[16], lib[16];
			char text[ADDR_TEXT];

			rng_fill(&rng, a.ip, 16);
			for (int g = 0; g < 8; g++)
				if (zeros >> g & 1)
					a.ip[2 * g] = a.ip[2 * g + 1] = 0;
			ip_text(text, &a);
			assert_true(ip_parse(view(text), back));
			assert_memory_equal(back, a.ip, 16);
			assert_true(theirs(text, lib));
			assert_memory_equal(lib, a.ip, 16);
		}
	for (unsigned port = 0; port <= UINT16_MAX; port++) {
		struct addr a = {.port = (uint16_t)port};
		char text[ADDR_TEXT], want[ADDR_TEXT];

		addr_text(text, &a);
		snprintf(want, sizeof want, "[::]:%u", port);
		assert_string_equal(text, want);
	}
}

static void addr_loopback__is__this_machine(void **state)
{
	static const struct {
		const char *ip;
		bool yes;
	} t[] = {
	    {"127.0.0.1", true},
	    {"127.255.255.255", true},
	    {"127.0.0.0", true},
	    {"126.255.255.255", false},
	    {"128.0.0.1", false},
	    {"0.0.0.0", false},
	    {"192.168.1.127", false},
	    {"::1", true},
	    {"::", false},
	    {"::2", false},
	    {"1::1", false},
	    {"::ffff:127.0.0.1", true},
	    {"::127.0.0.1", false}, /* not mapped */
	    {"fe80::1", false},
	    {"::1:0:0:1", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		struct addr a = {.port = 1};

		assert_true(ip_parse(view(t[i].ip), a.ip));
		if (addr_loopback(&a) != t[i].yes)
			fail_msg("%s", t[i].ip);
	}
}

/* ---- ids ---- */

static void uuid_text__comes_back__as_it_was(void **state)
{
	struct rng rng = {.seed = {8}};
	struct uuid u = {{0}}, back;
	char text[37];

	(void)state;
	uuid_text(text, &u);
	assert_string_equal(text, "00000000-0000-0000-0000-000000000000");
	for (int i = 0; i < 16; i++)
		u.b[i] = (uint8_t)(i * 0x11);
	uuid_text(text, &u);
	assert_string_equal(text, "00112233-4455-6677-8899-aabbccddeeff");
	assert_true(
	    uuid_parse(view("00112233-4455-6677-8899-AABBCCDDEEFF"), &back));
	assert_memory_equal(&back, &u, sizeof u);
	for (int i = 0; i < 1000; i++) {
		rng_fill(&rng, u.b, sizeof u.b);
		uuid_text(text, &u);
		assert_int_equal(strlen(text), 36);
		assert_true(uuid_parse(view(text), &back));
		assert_memory_equal(&back, &u, sizeof u);
	}
}

static void uuid_parse__refuses__everything_else(void **state)
{
	static const char *const bad[] = {
	    "",
	    "0011223344556677-8899-aabbccddeeff",
	    "00112233445566778899aabbccddeeff",
	    "00112233-4455-6677-8899-aabbccddeef",
	    "00112233-4455-6677-8899-aabbccddeefff",
	    "{0112233-4455-6677-8899-aabbccddeef}",
	    "{00112233-4455-6677-8899-aabbccddeeff}",
	    "0011223-34455-6677-8899-aabbccddeeff",
	    " 0112233-4455-6677-8899-aabbccddeeff",
	    "00112233-4455-6677-8899-aabbccddeef ",
	    "------------------------------------",
	};
	static const char good[] = "00112233-4455-6677-8899-aabbccddeeff";
	struct uuid before, u;

	(void)state;
	memset(&before, 0xa5, sizeof before);
	u = before;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (uuid_parse(view(bad[i]), &u))
			fail_msg("taken: %s", bad[i]);
	assert_false(uuid_parse((struct bytes){0}, &u));
	/* every byte at every place */
	for (size_t at = 0; at < 36; at++)
		for (unsigned c = 0; c < 256; c++) {
			bool dash = good[at] == '-', hex;
			char text[37];

			memcpy(text, good, sizeof text);
			text[at] = (char)c;
			hex = c && strchr("0123456789abcdefABCDEF", (int)c);
			u = before;
			bool got =
			    uuid_parse((struct bytes){(uint8_t *)text, 36}, &u);
			if (got != (dash ? c == '-' : hex))
				fail_msg("%u at %zu", c, at);
			if (!got) /* and nothing is half written */
				assert_memory_equal(&u, &before, sizeof u);
		}
}

/* ---- what may be sent and handed up ---- */

static struct packet some(enum packet_kind kind)
{
	struct packet p = {.kind = kind};

	p.stamp = view("2026-11-20T14:02:03.125Z");
	p.orig_stamp = view("20/11/2026 14:02");
	memset(p.id.b, 1, sizeof p.id.b);
	memset(p.reply_to.b, 2, sizeof p.reply_to.b);
	memset(p.epoch, 3, sizeof p.epoch);
	p.seq = 7;
	p.text = view("hello");
	p.quoted = view("what was said");
	p.nick = view("ana");
	return p;
}

static void packet_check__takes__each_kind(void **state)
{
	(void)state;
	for (int k = PKT_HELLO; k <= PKT_CENTER; k++) {
		struct packet p = some((enum packet_kind)k);

		assert_int_equal(packet_check(&p), OK);
	}
	struct packet p = some((enum packet_kind)(PKT_CENTER + 1));

	assert_int_equal(packet_check(&p), ERR_PARSE);
}

static void packet_check__refuses__stamps_not_to_be_echoed(void **state)
{
	static const char longest[] = "0123456789012345678901234567890123456789"
				      "x";

	(void)state;
	for (int k = PKT_HELLO; k <= PKT_CENTER; k++)
		for (unsigned c = 0; c < 256; c++) {
			uint8_t s[] = {'1', (uint8_t)c, '2'};
			struct packet p = some((enum packet_kind)k), q = p;
			bool good = c >= 0x20 && c < 0x7f;

			p.stamp = (struct bytes){s, sizeof s};
			q.orig_stamp = p.stamp;
			assert_int_equal(packet_check(&p),
					 good ? OK : ERR_PARSE);
			assert_int_equal(packet_check(&q),
					 good ? OK : ERR_PARSE);
		}
	struct packet p = some(PKT_MESSAGE);

	p.stamp = (struct bytes){(const uint8_t *)longest, STAMP_MAX};
	assert_int_equal(packet_check(&p), OK);
	p.stamp.n++;
	assert_int_equal(packet_check(&p), ERR_PARSE);
	p.stamp.n = 0; /* a text says when it was written */
	assert_int_equal(packet_check(&p), ERR_PARSE);
}

static void packet_check__bounds__texts(void **state)
{
	static uint8_t long_text[TEXT_MAX + 1];

	(void)state;
	memset(long_text, 'x', sizeof long_text);
	for (int k = PKT_MESSAGE; k <= PKT_REPLY; k++) {
		struct packet good = some((enum packet_kind)k), p = good;

		p.text = (struct bytes){long_text, TEXT_MAX};
		assert_int_equal(packet_check(&p), OK);
		p.text.n++;
		assert_int_equal(packet_check(&p), ERR_LIMIT);
		p.text.n = 0;
		assert_int_equal(packet_check(&p), ERR_PARSE);
		p.text = view("bad \xff");
		assert_int_equal(packet_check(&p), ERR_PARSE);
		p.text = (struct bytes){(const uint8_t *)"a\0b", 3};
		assert_int_equal(packet_check(&p), ERR_PARSE);
		p = good;
		p.quoted = (struct bytes){long_text, QUOTE_MAX};
		assert_int_equal(packet_check(&p), OK);
		p.quoted.n++;
		assert_int_equal(packet_check(&p), ERR_LIMIT);
		p.quoted = view("\xc0\x80");
		assert_int_equal(packet_check(&p), ERR_PARSE);
		p = good;
		memset(&p.id, 0, sizeof p.id);
		assert_int_equal(packet_check(&p), ERR_PARSE);
		p = good;
		memset(p.epoch, 0, sizeof p.epoch); /* a number of what? */
		assert_int_equal(packet_check(&p), ERR_PARSE);
		p.seq = 0;
		assert_int_equal(packet_check(&p), OK);
		p = good;
		memset(&p.reply_to, 0, sizeof p.reply_to);
		assert_int_equal(packet_check(&p),
				 k == PKT_REPLY ? ERR_PARSE : OK);
	}
}

static void packet_check__bounds__a_hello(void **state)
{
	static uint8_t x[257];
	struct packet good = some(PKT_HELLO), p = good;
	struct {
		struct bytes *field;
		size_t max;
	} t[] = {{&p.peer, 64},
		 {&p.nick, NICK_MAX},
		 {&p.version, 64},
		 {&p.features, 256}};

	(void)state;
	memset(x, 'x', sizeof x);
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		p = good;
		*t[i].field = (struct bytes){x, t[i].max};
		assert_int_equal(packet_check(&p), OK);
		t[i].field->n++;
		assert_int_equal(packet_check(&p), ERR_LIMIT);
		*t[i].field = view("\xed\xa0\x80");
		assert_int_equal(packet_check(&p), ERR_PARSE);
	}
	p = good;
	p.n_peers = PEERS_MAX;
	assert_int_equal(packet_check(&p), OK);
	p.n_peers++;
	assert_int_equal(packet_check(&p), ERR_LIMIT);
}

static void packet_check__wants_ranges__ascending_and_apart(void **state)
{
	static const struct {
		size_t n;
		struct range r[3];
		bool good;
	} t[] = {
	    {0, {{0}}, true},
	    {1, {{1, 1}}, true},
	    {1, {{1, UINT64_MAX}}, true},
	    {3, {{1, 2}, {3, 3}, {9, 12}}, true},
	    {1, {{0, 4}}, false},
	    {1, {{5, 4}}, false},
	    {2, {{1, 2}, {2, 3}}, false},
	    {2, {{3, 4}, {1, 2}}, false},
	    {2, {{3, 4}, {3, 4}}, false},
	    {2, {{1, UINT64_MAX}, {1, 1}}, false},
	};
	struct range many[RANGES_MAX + 1];
	struct packet hello = some(PKT_HELLO), skip = some(PKT_SKIP);

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		struct range r[3];

		memcpy(r, t[i].r, sizeof r);
		hello.ranges = skip.ranges = r;
		hello.n_ranges = skip.n_ranges = t[i].n;
		assert_int_equal(packet_check(&hello),
				 t[i].good ? OK : ERR_LIMIT);
		assert_int_equal(packet_check(&skip),
				 t[i].good ? OK : ERR_PARSE);
	}
	for (size_t i = 0; i <= RANGES_MAX; i++)
		many[i] = (struct range){2 * i + 1, 2 * i + 1};
	skip.ranges = many;
	skip.n_ranges = RANGES_MAX;
	assert_int_equal(packet_check(&skip), OK);
	skip.n_ranges++;
	assert_int_equal(packet_check(&skip), ERR_PARSE);
	skip.n_ranges = 1;
	memset(skip.epoch, 0, sizeof skip.epoch);
	assert_int_equal(packet_check(&skip), ERR_PARSE);
}

static void packet_check__wants__what_is_spoken_of(void **state)
{
	struct packet ack = some(PKT_ACK), read = some(PKT_READ);

	(void)state;
	for (int v = V_SUCCESS; v <= V_SEQ_REUSED; v++) {
		ack.verdict = (enum verdict)v;
		assert_int_equal(packet_check(&ack), OK);
	}
	ack.verdict = (enum verdict)(V_SEQ_REUSED + 1);
	assert_int_equal(packet_check(&ack), ERR_PARSE);
	ack.verdict = V_SUCCESS;
	memset(&ack.id, 0, sizeof ack.id);
	memset(&read.id, 0, sizeof read.id);
	assert_int_equal(packet_check(&ack), ERR_PARSE);
	assert_int_equal(packet_check(&read), ERR_PARSE);
}

static void packet_check__bounds__words(void **state)
{
	static uint8_t x[513];
	struct packet p = some(PKT_ERROR);

	(void)state;
	memset(x, 'x', sizeof x);
	for (size_t i = 0; i < WORDS_MAX; i++)
		p.word[i] = (struct bytes){x, 512};
	p.n_words = WORDS_MAX;
	assert_int_equal(packet_check(&p), OK);
	p.word[WORDS_MAX - 1].n++;
	assert_int_equal(packet_check(&p), ERR_LIMIT);
	p.word[WORDS_MAX - 1] = view("\xf5");
	assert_int_equal(packet_check(&p), ERR_PARSE);
	p.n_words--; /* what is not counted is not there */
	assert_int_equal(packet_check(&p), OK);
	p.n_words = WORDS_MAX + 1;
	assert_int_equal(packet_check(&p), ERR_LIMIT);
}

static void packet_check_plain__does_without__ids_and_stamps(void **state)
{
	static uint8_t x[TEXT_MAX + 1];

	(void)state;
	memset(x, 'x', sizeof x);
	for (int k = PKT_MESSAGE; k <= PKT_ACK; k++) {
		struct packet p = {.kind = (enum packet_kind)k};

		p.text = view("hi");
		assert_int_equal(packet_check_plain(&p), OK);
		p.stamp = view("1\n");
		assert_int_equal(packet_check_plain(&p), ERR_PARSE);
		p.stamp = (struct bytes){0};
		p.orig_stamp = view("\x7f");
		assert_int_equal(packet_check_plain(&p), ERR_PARSE);
	}
	struct packet p = {.kind = PKT_MESSAGE};

	assert_int_equal(packet_check_plain(&p), ERR_PARSE);
	p.text = view("\xff");
	assert_int_equal(packet_check_plain(&p), ERR_PARSE);
	p.sealed = true; /* any bytes */
	assert_int_equal(packet_check_plain(&p), OK);
	p.text = (struct bytes){x, TEXT_MAX};
	p.quoted = p.text; /* whole, not cut */
	assert_int_equal(packet_check_plain(&p), OK);
	p.text.n++;
	assert_int_equal(packet_check_plain(&p), ERR_LIMIT);
	p.text.n = 1;
	p.peer = (struct bytes){x, 65};
	assert_int_equal(packet_check_plain(&p), ERR_LIMIT);
	p = (struct packet){.kind = PKT_ACK,
			    .verdict = (enum verdict)(V_SEQ_REUSED + 1)};
	assert_int_equal(packet_check_plain(&p), ERR_PARSE);
	p = some(PKT_HELLO); /* the rest is as ever */
	p.nick = (struct bytes){x, NICK_MAX + 1};
	assert_int_equal(packet_check_plain(&p), ERR_LIMIT);
}

static void packet_check__bounds__what_a_centre_says(void **state)
{
	static uint8_t x[PACKET_MAX + 1];
	struct packet p = {.kind = PKT_CENTER, .verb = CENTER_AWAY};

	(void)state;
	memset(x, 'x', sizeof x);
	p.text = (struct bytes){x, PACKET_MAX};
	assert_int_equal(packet_check(&p), OK);
	p.text.n++;
	assert_int_equal(packet_check(&p), ERR_LIMIT);
	p.text = view("\xff");
	assert_int_equal(packet_check(&p), ERR_PARSE);
	p.text.n = 0;
	p.word[p.n_words++] = (struct bytes){x, 513};
	assert_int_equal(packet_check(&p), ERR_LIMIT);
	p.n_words = 0;
	p.verb = (enum center_verb)(CENTER_RELAY + 1);
	assert_int_equal(packet_check(&p), ERR_PARSE);
}

/* ---- packets as text ---- */

static void assert_dump(const struct packet *p, const char *want)
{
	struct buf b = {0};

	packet_dump(&b, p);
	assert_int_equal(b.n, strlen(want));
	assert_memory_equal(b.p, want, b.n);
	buf_free(&b);
}

static void packet_dump__says__all_that_is_not_zero(void **state)
{
	struct packet p = {.kind = PKT_WHO};
	struct range r[] = {{1, 2}, {5, UINT64_MAX}};

	(void)state;
	assert_dump(&p, "who");
	p = (struct packet){.kind = PKT_ACK, .verdict = V_BUSY};
	p.id.b[15] = 0xfe;
	assert_dump(&p, "ack id=000000000000000000000000000000fe verdict=4");
	p = (struct packet){.kind = PKT_HELLO,
			    .nick = view("a\"b\\c\n\xc3\xa1~"),
			    .listen_port = 6327,
			    .have = true,
			    .have_epoch = {9},
			    .have_upto = 12,
			    .ranges = r,
			    .n_ranges = 2,
			    .from = {.port = 80}};
	p.from.ip[15] = 1;
	assert_dump(&p, "hello from=00000000000000000000000000000001:80"
			" nick=\"a\\22b\\5cc\\0a\\c3\\a1~\" listen_port=6327"
			" have=0900000000000000 upto=12 [1,2]"
			" [5,18446744073709551615]");
	p = (struct packet){.kind = PKT_ERROR, .n_words = 2};
	p.word[0] = view("no");
	p.word[1] = view("room");
	assert_dump(&p, "error word=\"no\" word=\"room\"");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(ip_parse__takes__numeric_forms),
	    cmocka_unit_test(ip_parse__refuses__everything_else),
	    cmocka_unit_test(ip_parse__agrees__with_the_c_library),
	    cmocka_unit_test(ip_text__is__the_shortest_form),
	    cmocka_unit_test(addr_text__comes_back__as_it_was),
	    cmocka_unit_test(addr_loopback__is__this_machine),
	    cmocka_unit_test(uuid_text__comes_back__as_it_was),
	    cmocka_unit_test(uuid_parse__refuses__everything_else),
	    cmocka_unit_test(packet_check__takes__each_kind),
	    cmocka_unit_test(packet_check__refuses__stamps_not_to_be_echoed),
	    cmocka_unit_test(packet_check__bounds__texts),
	    cmocka_unit_test(packet_check__bounds__a_hello),
	    cmocka_unit_test(packet_check__wants_ranges__ascending_and_apart),
	    cmocka_unit_test(packet_check__wants__what_is_spoken_of),
	    cmocka_unit_test(packet_check__bounds__words),
	    cmocka_unit_test(packet_check_plain__does_without__ids_and_stamps),
	    cmocka_unit_test(packet_check__bounds__what_a_centre_says),
	    cmocka_unit_test(packet_dump__says__all_that_is_not_zero),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
