/* Document 002: a centre and its clients. */
#include "proto/dialect.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct dialect *const d = &dialect_center;

static struct bytes str(const char *s)
{
	return (struct bytes){(const uint8_t *)s, strlen(s)};
}

static struct bytes all(const struct buf *b)
{
	return (struct bytes){b->p, b->n};
}

static bool same(struct bytes a, struct bytes b)
{
	return a.n == b.n && (!a.n || !memcmp(a.p, b.p, a.n));
}

static void assert_text(struct bytes got, const char *want)
{
	if (!same(got, str(want)))
		fail_msg("%.*s, not %s", (int)got.n, (const char *)got.p, want);
}

static void put_frame(struct buf *b, struct bytes body)
{
	uint8_t head[4] = {(uint8_t)(body.n >> 24), (uint8_t)(body.n >> 16),
			   (uint8_t)(body.n >> 8), (uint8_t)body.n};

	buf_put(b, (struct bytes){head, 4});
	buf_put(b, body);
}

/* In memory of exactly its length, so that a sanitizer sees what is read
 * behind it. */
struct heard {
	enum err err;
	struct packet p;
	uint8_t *frame;
};

static void hear(struct heard *h, struct bytes frame)
{
	h->frame = xmalloc(frame.n ? frame.n : 1);
	if (frame.n)
		memcpy(h->frame, frame.p, frame.n);
	h->err = d->decode((struct bytes){h->frame, frame.n}, NULL, &h->p);
}

static void hear_body(struct heard *h, struct bytes body)
{
	struct buf b = {0};

	put_frame(&b, body);
	hear(h, all(&b));
	buf_free(&b);
}

/* ---- the captured session ---- */

enum { CONNECTIONS = 66, SIDES = 2 };
/* What each side of each connection wrote; 0: who opened it. */
static struct buf wire[CONNECTIONS][SIDES];

static void take_hex(struct buf *to, const char *line)
{
	for (const char *s = line + 10; *s != '|'; s++) {
		char pair[3] = {s[0], s[1]};
		uint8_t c;

		if (*s == ' ')
			continue;
		c = (uint8_t)strtoul(pair, NULL, 16);
		buf_put(to, (struct bytes){&c, 1});
		s++;
	}
}

/* Lines "[ t] TCP#n ... opener->listener  n bytes", each with a dump below. */
static int load(void **state)
{
	FILE *f = fopen(TESTS_DIR "/proto/vectors/center/session.txt", "r");
	struct buf *to = NULL;
	char line[256];

	(void)state;
	if (!f)
		return -1;
	while (fgets(line, sizeof line, f)) {
		const char *tcp = strstr(line, "TCP#");

		if (tcp && strstr(line, " bytes")) {
			unsigned long n = strtoul(tcp + 4, NULL, 10);

			assert_true(n < CONNECTIONS);
			to = &wire[n][!strstr(line, "opener->listener")];
		} else if (*line == ' ' && to) {
			take_hex(to, line);
		}
	}
	return fclose(f);
}

static int unload(void **state)
{
	(void)state;
	for (int i = 0; i < CONNECTIONS; i++)
		for (int side = 0; side < SIDES; side++)
			buf_free(&wire[i][side]);
	return 0;
}

/* A stream into packets: as packet_dump has them, a line each. */
struct ear {
	struct buf in, said;
};

static void listen(struct ear *e, struct bytes in)
{
	size_t len;

	buf_put(&e->in, in);
	for (;;) {
		struct heard h;

		assert_int_equal(d->split(all(&e->in), true, false, &len), OK);
		assert_true(len <= e->in.n);
		if (!len)
			return;
		hear(&h, (struct bytes){e->in.p, len});
		assert_int_equal(h.err, OK);
		packet_dump(&e->said, &h.p);
		buf_put(&e->said, str("\n"));
		free(h.frame);
		buf_drop(&e->in, len);
	}
}

static void ear_free(struct ear *e)
{
	buf_free(&e->in);
	buf_free(&e->said);
	*e = (struct ear){0};
}

static struct buf dump_of(enum center_verb verb, const char *rest)
{
	struct buf b = {0};

	buf_printf(&b, "center verb=%u%s\n", verb, rest);
	return b;
}

static void session__means__what_it_says(void **state)
{
	static const struct {
		int connection, side;
		enum center_verb verb;
		const char *words;
	} t[] = {
	    {1, 0, CENTER_ONLINE, " word=\"seas\""},
	    {9, 0, CENTER_BRD, " word=\"google\" word=\"a7310bf6e3\""},
	    {12, 0, CENTER_ONL, " word=\"seas\" word=\"a698acf624\""},
	    {13, 0, CENTER_LIST, ""},
	    {14, 0, CENTER_GET,
	     " word=\"seas\" word=\"a698acf624\" word=\"google\""},
	    {14, 1, CENTER_OKAY, ""},
	    {15, 0, CENTER_WANTS, " word=\"seas\""},
	    {16, 0, CENTER_ALL,
	     " word=\"google\" word=\"a7310bf6e3\" word=\"seas\""},
	    {17, 0, CENTER_ADR,
	     " word=\"google\" word=\"127.0.0.1\" word=\"6068\""},
	    {19, 1, CENTER_FAIL, ""},
	    {20, 0, CENTER_BLC,
	     " word=\"google\" word=\"a7310bf6e3\" word=\"1\" word=\"seas\""},
	    {22, 0, CENTER_REFUSED, ""},
	    {26, 0, CENTER_SOME_REFUSED, ""},
	    {28, 0, CENTER_BLOCKED, " word=\"foobar\""},
	    {29, 0, CENTER_BLC,
	     " word=\"google\" word=\"a7310bf6e3\" word=\"0\" word=\"seas\""},
	    {30, 0, CENTER_UNBLOCKED, " word=\"seas\""},
	    {32, 0, CENTER_KEPT, ""},
	    {36, 0, CENTER_AWAY, ""},
	    {40, 0, CENTER_OUT, " word=\"google\" word=\"a7310bf6e3\""},
	    {41, 0, CENTER_OFFLINE, " word=\"google\""},
	    {44, 0, CENTER_MOVED, ""},
	    {49, 0, CENTER_HEY, " word=\"seas\" word=\"a698acf624\""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		struct heard h;
		struct buf got = {0}, want = dump_of(t[i].verb, t[i].words);

		hear(&h, all(&wire[t[i].connection][t[i].side]));
		assert_int_equal(h.err, OK);
		h.p.text.n = 0; /* below */
		packet_dump(&got, &h.p);
		buf_put(&got, str("\n"));
		if (!same(all(&got), all(&want)))
			fail_msg("#%d: %.*s", t[i].connection, (int)got.n,
				 (char *)got.p);
		buf_free(&got);
		buf_free(&want);
		free(h.frame);
	}
}

static void session__carries__texts(void **state)
{
	static const struct {
		int connection;
		enum packet_kind kind;
		const char *peer, *text;
		bool private;
	} t[] = {
	    {5, PKT_CENTER, "", "Hello|cut here", false},
	    {6, PKT_MESSAGE, "seas", "Hello", false},
	    {7, PKT_CENTER, "", "\xc3\x81rv\xc3\xadz \xe2\x9c\x93", false},
	    {8, PKT_MESSAGE, "seas", "\xc3\x81rv\xc3\xadz \xe2\x9c\x93", false},
	    {9, PKT_CENTER, "", "hi all", false},
	    {10, PKT_MESSAGE, "google", "hi all", false},
	    {13, PKT_CENTER, "", "seas google", false},
	    {18, PKT_MESSAGE, "seas", "Hello.", true},
	    {36, PKT_CENTER, "", "[seas]: one[seas]: two\n", false},
	    {65, PKT_CENTER, "", "seas wikipedia", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		struct heard h;

		hear(&h, all(&wire[t[i].connection][0]));
		assert_int_equal(h.err, OK);
		assert_int_equal(h.p.kind, t[i].kind);
		assert_text(h.p.peer, t[i].peer);
		assert_text(h.p.text, t[i].text);
		assert_int_equal(h.p.private, t[i].private);
		free(h.frame);
	}
}

/* Every frame of it, said again, is the same bytes; one held a bar. */
static void session__is_written__as_it_was(void **state)
{
	size_t frames = 0;

	(void)state;
	for (int i = 0; i < CONNECTIONS * SIDES; i++) {
		struct buf said = {0}, *was = &wire[i / SIDES][i % SIDES];
		size_t len;

		for (size_t at = 0; at < was->n; at += len, frames++) {
			struct heard h;

			assert_int_equal(
			    d->split((struct bytes){was->p + at, was->n - at},
				     false, false, &len),
			    OK);
			assert_true(len > 0);
			hear(&h, (struct bytes){was->p + at, len});
			assert_int_equal(h.err, OK);
			assert_int_equal(h.p.frame.n, len - 4);
			assert_int_equal(dialect_check(d, &h.p), OK);
			assert_int_equal(d->encode(&h.p, &said), OK);
			free(h.frame);
		}
		if (i == 5 * SIDES) {
			said.n = 0;
			put_frame(&said, str("MSG|seas|a698acf624|google|Hello"
					     "|cut here"));
		}
		assert_true(same(all(&said), all(was)));
		buf_free(&said);
	}
	assert_int_equal(frames, 104);
}

static void session__gives_the_same__however_it_is_cut(void **state)
{
	struct buf stream = {0};
	struct ear whole = {0}, e = {0};
	struct rng rng = {.seed = {3}};

	(void)state;
	for (int i = 0; i < CONNECTIONS * SIDES; i++)
		buf_put(&stream, all(&wire[i / SIDES][i % SIDES]));
	listen(&whole, all(&stream));
	assert_int_equal(whole.in.n, 0);
	for (size_t cut = 0; cut <= stream.n; cut += 1 + cut / 400) {
		listen(&e, (struct bytes){stream.p, cut});
		listen(&e, (struct bytes){stream.p + cut, stream.n - cut});
		assert_true(same(all(&e.said), all(&whole.said)));
		ear_free(&e);
	}
	for (int k = 0; k < 50; k++) {
		for (size_t at = 0, n; at < stream.n; at += n) {
			uint8_t r;

			rng_fill(&rng, &r, 1);
			n = r % 32U + 1;
			n = n < stream.n - at ? n : stream.n - at;
			listen(&e, (struct bytes){stream.p + at, n});
		}
		assert_true(same(all(&e.said), all(&whole.said)));
		ear_free(&e);
	}
	ear_free(&whole);
	buf_free(&stream);
}

/* ---- the login ---- */

/* Says all there is to be said, into `to`. */
static enum err speak(unsigned *s, const struct packet *want, struct buf *to)
{
	struct packet say;
	enum err err;

	for (;;) {
		err = d->step(s, want, NULL, &say);
		if (err || say.verb == CENTER_NOTHING)
			return err;
		assert_int_equal(d->encode(&say, to), OK);
	}
}

static enum err tell(unsigned *s, const struct packet *want, struct bytes frame,
		     struct buf *to)
{
	struct heard h;
	struct packet say;
	enum err err;

	hear(&h, frame);
	err = d->step(s, want, &h.p, &say);
	if (!err && say.verb != CENTER_NOTHING)
		assert_int_equal(d->encode(&say, to), OK);
	free(h.frame);
	return err ? err : speak(s, want, to);
}

static struct packet login(const char *name, const char *password,
			   const char *port)
{
	struct packet p = {.kind = PKT_CENTER, .verb = CENTER_WORD};

	p.word[p.n_words++] = str(name);
	p.word[p.n_words++] = str(password);
	p.word[p.n_words++] = str("127.0.0.1");
	p.word[p.n_words++] = str(port);
	return p;
}

static struct packet answer(enum center_verb verb, const char *word)
{
	struct packet p = {.kind = PKT_CENTER, .verb = verb};

	p.word[p.n_words++] = str(word);
	return p;
}

static struct bytes frame_at(const struct buf *b, size_t *at)
{
	size_t len;
	struct bytes rest = {b->p + *at, b->n - *at};

	assert_int_equal(d->split(rest, true, false, &len), OK);
	*at += len;
	return (struct bytes){rest.p, len};
}

static void login__says__what_the_program_says(void **state)
{
	struct packet want = login("seas", "summerisover", "6067");
	unsigned s = 0;
	struct buf up = {0};
	size_t at = 0;

	(void)state;
	assert_int_equal(speak(&s, &want, &up), OK);
	assert_int_equal(s, LOGIN_ASKED);
	assert_int_equal(tell(&s, &want, frame_at(&wire[0][1], &at), &up), OK);
	assert_int_equal(s, LOGIN_TOKEN);
	assert_int_equal(tell(&s, &want, frame_at(&wire[0][1], &at), &up), OK);
	assert_int_equal(s, LOGIN_OVER);
	assert_int_equal(at, wire[0][1].n);
	assert_true(same(all(&up), all(&wire[0][0])));
	buf_free(&up);
}

static void login__answers__as_the_program_answers(void **state)
{
	static const unsigned after[] = {LOGIN_HEAR_NAME, LOGIN_HEAR_SECRET,
					 LOGIN_DECIDE};
	struct packet okay = answer(CENTER_LOGIN_OKAY, "a698acf624");
	unsigned s = 0;
	struct buf down = {0};
	size_t at = 0;

	(void)state;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(
		    tell(&s, NULL, frame_at(&wire[0][0], &at), &down), OK);
		assert_int_equal(s, after[i]);
		assert_int_equal(down.n, 0);
	}
	assert_int_equal(speak(&s, &okay, &down), OK);
	assert_int_equal(s, LOGIN_HEAR_HOST);
	assert_int_equal(tell(&s, NULL, frame_at(&wire[0][0], &at), &down), OK);
	assert_int_equal(s, LOGIN_HEAR_PORT);
	assert_int_equal(tell(&s, NULL, frame_at(&wire[0][0], &at), &down), OK);
	assert_int_equal(s, LOGIN_OVER);
	assert_int_equal(at, wire[0][0].n);
	assert_true(same(all(&down), all(&wire[0][1])));
	buf_free(&down);
}

/* Connection 48: wrong four times, locked out, then an unknown name. */
static void login__goes_on__after_a_refusal(void **state)
{
	static const struct {
		const char *name, *password;
		enum center_verb verb;
		const char *word;
	} t[] = {
	    {"foobar", "x", CENTER_LOGIN_FAILED, "2"},
	    {"foobar", "x", CENTER_LOGIN_FAILED, "1"},
	    {"foobar", "x", CENTER_JUST_PENNED, "59.9999918938"},
	    {"foobar", "passpass", CENTER_PENNED, "59.8560299873"},
	    {"nosuchuser", "x", CENTER_LOGIN_FAILED, "2"},
	};
	unsigned client = 0, centre = 0;
	struct buf up = {0}, down = {0};
	size_t heard = 0, read = 0;

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		struct packet want = login(t[i].name, t[i].password, "1");
		struct packet no = answer(t[i].verb, t[i].word);
		struct heard h;
		struct packet say;

		assert_int_equal(speak(&client, &want, &up), OK);
		while (heard < up.n)
			assert_int_equal(
			    tell(&centre, NULL, frame_at(&up, &heard), &down),
			    OK);
		assert_int_equal(centre, LOGIN_DECIDE);
		assert_int_equal(speak(&centre, &no, &down), OK);
		assert_int_equal(centre, LOGIN_HEAR_NAME);
		hear(&h, frame_at(&down, &read));
		assert_int_equal(d->step(&client, &want, &h.p, &say), ERR_AUTH);
		assert_int_equal(h.p.verb, t[i].verb);
		assert_text(h.p.word[0], t[i].word);
		assert_int_equal(client, LOGIN_AGAIN);
		free(h.frame);
	}
	assert_true(same(all(&up), all(&wire[48][0])));
	assert_true(same(all(&down), all(&wire[48][1])));
	buf_free(&up);
	buf_free(&down);
}

/* A name or a password may look like anything a centre says. */
static void login__takes__any_word(void **state)
{
	static const char *const word[] = {
	    "LIN",     "LOGIN_OKAY", "MSG|a|b|c|d",   "MSG|",
	    "ADR|x",   "[a]: b",     "x is offline.", "",
	    "p|a|s|s", "PENNED|1",
	};

	(void)state;
	for (size_t i = 0; i < sizeof word / sizeof *word; i++) {
		struct packet want = login(word[i], word[i], "1");
		unsigned client = 0, centre = 0;
		struct buf up = {0}, down = {0};
		size_t at = 0;

		assert_int_equal(speak(&client, &want, &up), OK);
		for (int k = 0; k < 3; k++) {
			struct bytes f = frame_at(&up, &at);

			if (k)
				assert_text((struct bytes){f.p + 4, f.n - 4},
					    word[i]);
			assert_int_equal(tell(&centre, NULL, f, &down), OK);
		}
		assert_int_equal(centre, LOGIN_DECIDE);
		buf_free(&up);
		buf_free(&down);
	}
}

static void step_with(unsigned s, const struct packet *want, const char *body,
		      enum err err)
{
	struct packet say;
	struct heard h;
	unsigned before = s;

	hear_body(&h, str(body));
	if (d->step(&s, want, &h.p, &say) != err)
		fail_msg("%u: %s", s, body);
	if (err && err != ERR_AUTH) {
		assert_int_equal(s, before);
		assert_int_equal(say.verb, CENTER_NOTHING);
	}
	free(h.frame);
}

static void login__refuses__what_may_not_come(void **state)
{
	static const unsigned closed[] = {
	    LOGIN_NAME,   LOGIN_SECRET, LOGIN_AGAIN, LOGIN_WHERE,
	    LOGIN_DECIDE, LOGIN_OKAYED, LOGIN_OVER,  LOGIN_OVER + 1};
	struct packet want = login("seas", "x", "1"), say;
	unsigned s;

	(void)state;
	for (size_t i = 0; i < sizeof closed / sizeof *closed; i++)
		step_with(closed[i], &want, "LOGIN_OKAY", ERR_STATE);
	step_with(LOGIN_NONE, NULL, "HEY|a|b|", ERR_PARSE);
	step_with(LOGIN_NONE, NULL, "", ERR_PARSE);
	step_with(LOGIN_NONE, NULL, "LIN|", ERR_PARSE);
	step_with(LOGIN_ASKED, &want, "welcome", ERR_PARSE);
	step_with(LOGIN_ASKED, &want, "LOGIN_FAILED|x", ERR_PARSE);
	step_with(LOGIN_ASKED, &want, "LOGIN_FAILED|2", ERR_AUTH);
	step_with(LOGIN_TOKEN, &want, "", ERR_PARSE);
	step_with(LOGIN_TOKEN, &want, "a|b", ERR_PARSE);
	step_with(LOGIN_TOKEN, &want, "a b", ERR_PARSE);
	step_with(LOGIN_TOKEN, NULL, "abc", ERR_STATE);
	step_with(LOGIN_HEAR_HOST, NULL, "", ERR_PARSE);
	step_with(LOGIN_HEAR_HOST, NULL, "a|b", ERR_PARSE);
	step_with(LOGIN_HEAR_PORT, NULL, "", ERR_PARSE);
	step_with(LOGIN_HEAR_PORT, NULL, "0", ERR_PARSE);
	step_with(LOGIN_HEAR_PORT, NULL, "65536", ERR_PARSE);
	step_with(LOGIN_HEAR_PORT, NULL, "6067 ", ERR_PARSE);
	step_with(LOGIN_HEAR_PORT, NULL, "65535", OK);
	/* nobody said what */
	s = LOGIN_NAME;
	assert_int_equal(d->step(&s, NULL, NULL, &say), ERR_STATE);
	want.n_words = 3;
	s = LOGIN_WHERE;
	assert_int_equal(d->step(&s, &want, NULL, &say), ERR_STATE);
	assert_int_equal(s, LOGIN_WHERE);
	/* not decided yet */
	s = LOGIN_DECIDE;
	assert_int_equal(d->step(&s, NULL, NULL, &say), OK);
	assert_int_equal(d->step(&s, &want, NULL, &say), OK);
	assert_int_equal(say.verb, CENTER_NOTHING);
	assert_int_equal(s, LOGIN_DECIDE);
}

/* ---- frames ---- */

static void center_split__waits__for_the_whole(void **state)
{
	struct buf b = {0};
	size_t len;

	(void)state;
	put_frame(&b, str("OKAY"));
	put_frame(&b, str(""));
	for (size_t n = 0; n < 12; n++)
		for (int quiet = 0; quiet < 2; quiet++) {
			uint8_t *copy = xmalloc(n ? n : 1);

			memcpy(copy, b.p, n);
			assert_int_equal(d->split((struct bytes){copy, n}, true,
						  quiet, &len),
					 OK);
			assert_int_equal(len, n < 8 ? 0 : 8);
			free(copy);
		}
	assert_int_equal(d->split((struct bytes){b.p + 8, 4}, true, true, &len),
			 OK);
	assert_int_equal(len, 4);
	buf_free(&b);
}

static void center_split__bounds__lengths(void **state)
{
	static const struct {
		uint8_t head[4];
		enum err err;
	} t[] = {
	    {{0, 0, 0xff, 0xfc}, OK},     {{0, 0, 0xff, 0xfd}, ERR_LIMIT},
	    {{0, 1, 0, 0}, ERR_LIMIT},    {{0xff, 0xff, 0xff, 0xff}, ERR_LIMIT},
	    {{0x80, 0, 0, 0}, ERR_LIMIT}, {"GET ", ERR_LIMIT},
	    {"LIN|", ERR_LIMIT},
	};
	size_t len;

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		struct bytes in = {t[i].head, 4};

		assert_int_equal(d->split(in, true, false, &len), t[i].err);
		assert_int_equal(len, 0);
	}
	assert_int_equal(d->frame_max, 65536);
}

static void center_decode__wants__one_whole_frame(void **state)
{
	uint8_t f[] = {0, 0, 0, 2, 'h', 'i', '!'};
	struct heard h;

	(void)state;
	for (size_t n = 0; n <= sizeof f; n++) {
		hear(&h, (struct bytes){f, n});
		assert_int_equal(h.err, n == 6 ? OK : ERR_PARSE);
		free(h.frame);
	}
}

/* ---- words ---- */

static void center__refuses__broken_words(void **state)
{
	static const char *const bad[] = {
	    "MSG|",
	    "MSG|seas",
	    "MSG|seas|token",
	    "MSG|seas|token|google",
	    "MSG|seas|token|google|",
	    "MSG||token|google|hi",
	    "MSG|seas||google|hi",
	    "MSG|seas|token||hi",
	    "MSG|se as|token|google|hi",
	    "MSG|seas|to\nken|google|hi",
	    "MSG|seas|token|goo\x7fgle|hi",
	    "BRD|seas|token",
	    "BRD|seas|token|",
	    "ONL|",
	    "ONL|seas",
	    "ONL|seas|",
	    "ONL|seas|token|x",
	    "BLC|seas|token|1",
	    "BLC|seas|token|2|google",
	    "BLC|seas|token||google",
	    "BLC|seas|token|11|google",
	    "BLC|seas|token|1|google|x",
	    "OUT|seas",
	    "GET|seas|token",
	    "GET|seas|token|",
	    "ALL|seas|token|a|b",
	    "HEY||",
	    /* what ends the listener of the program for good */
	    "ADR|",
	    "ADR|google",
	    "ADR|google|127.0.0.1",
	    "ADR|google|127.0.0.1|",
	    "ADR|google|127.0.0.1|x",
	    "ADR|google|127.0.0.1|0",
	    "ADR|google|127.0.0.1|65536",
	    "ADR|google|127.0.0.1|4294967297",
	    "ADR|google|127.0.0.1|-1",
	    "ADR|google||6068",
	    "ADR||127.0.0.1|6068",
	    "ADR|google|127.0.0.1|6068|x",
	    "hello \xff",
	    "[seas]: \xc3",
	};
	struct heard h;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		hear_body(&h, str(bad[i]));
		if (h.err != ERR_PARSE)
			fail_msg("%s", bad[i]);
		assert_int_equal(h.p.frame.n, strlen(bad[i]));
		free(h.frame);
	}
	hear_body(&h, (struct bytes){(const uint8_t *)"a\0b", 3});
	assert_int_equal(h.err, ERR_PARSE);
	free(h.frame);
}

static void center__takes__bars_left_out_and_put_in(void **state)
{
	static const struct {
		const char *in, *out;
	} t[] = {
	    {"ONL|seas|token", "ONL|seas|token|"},
	    {"OUT|seas|token", "OUT|seas|token|"},
	    {"HEY|seas|token", "HEY|seas|token|"},
	    {"GET|seas|token|who|", "GET|seas|token|who"},
	    {"ADR|a|host.example|1|", "ADR|a|host.example|1"},
	    {"[CURRENTLY ONLINE]: a b", "[CURRENTLY ONLINE]: a b "},
	    {"[CURRENTLY ONLINE]: ", "[CURRENTLY ONLINE]: "},
	    {"MSG|a|b|c||x|", "MSG|a|b|c|\xc2\xa6x\xc2\xa6"},
	    {"BRD|a|b|x|y", "BRD|a|b|x\xc2\xa6y"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		struct heard h;
		struct buf out = {0};

		hear_body(&h, str(t[i].in));
		assert_int_equal(h.err, OK);
		assert_int_equal(d->encode(&h.p, &out), OK);
		assert_text((struct bytes){out.p + 4, out.n - 4}, t[i].out);
		buf_free(&out);
		free(h.frame);
	}
}

/* Nearly a word or a sentence of the centre: only words for a person. */
static void center__takes__the_rest_as_text(void **state)
{
	static const char *const text[] = {
	    "",
	    "hello",
	    "LIN ",
	    "lin",
	    "OKAY.",
	    "XYZ|a|b|c",
	    "msg|a|b|c|d",
	    "LOGIN_FAILED",
	    "LOGIN_FAILED|",
	    "LOGIN_FAILED|x",
	    "LOGIN_FAILED|-1",
	    "PENNED|1e5",
	    "PENNED|.5",
	    "PENNED|0123456789.01234567890123",
	    "You are offline.",
	    " is offline.",
	    "a b has logged on.",
	    "seas is offline. ",
	    "You have blocked ",
	    "You have blocked a b",
	    "Request: seas wants your address. [allow google] to accept.",
	    "Request: seas wants your address. [allow seas] to accept",
	    "Request: ",
	    "Request:  wants your address. [allow ] to accept.",
	    "[seas]:hi",
	    "[seas]: ",
	    "[se as]: hi",
	    "[]: hi",
	    "[seas: hi",
	    "[",
	    "<",
	    "<seas]: hi",
	    "<seas>: ",
	    "<>: hi",
	    "seas: hi",
	};

	(void)state;
	for (size_t i = 0; i < sizeof text / sizeof *text; i++) {
		struct heard h;
		struct buf out = {0};

		hear_body(&h, str(text[i]));
		if (h.err || h.p.kind != PKT_CENTER || h.p.verb != CENTER_TEXT)
			fail_msg("%s: %d %u", text[i], (int)h.err, h.p.verb);
		assert_text(h.p.text, text[i]);
		assert_int_equal(d->encode(&h.p, &out), OK);
		assert_text((struct bytes){out.p + 4, out.n - 4}, text[i]);
		buf_free(&out);
		free(h.frame);
	}
}

static void center__tells__sentences_from_messages(void **state)
{
	static const struct {
		const char *body;
		enum packet_kind kind;
		enum center_verb verb;
	} t[] = {
	    {"[seas]: google is offline.", PKT_MESSAGE, CENTER_NOTHING},
	    {"<seas>: ADR|a|b|1", PKT_MESSAGE, CENTER_NOTHING},
	    {"[seas]: [google]: hi", PKT_MESSAGE, CENTER_NOTHING},
	    {"seas has gone offline. Please allow access when they are online "
	     "again.",
	     PKT_CENTER, CENTER_GONE},
	    {"MSG is offline.", PKT_CENTER, CENTER_OFFLINE},
	    {"While you were away...\n", PKT_CENTER, CENTER_AWAY},
	};

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		struct heard h;
		struct buf out = {0};

		hear_body(&h, str(t[i].body));
		assert_int_equal(h.err, OK);
		assert_int_equal(h.p.kind, t[i].kind);
		assert_int_equal(h.p.verb, t[i].verb);
		assert_int_equal(d->encode(&h.p, &out), OK);
		assert_text((struct bytes){out.p + 4, out.n - 4}, t[i].body);
		buf_free(&out);
		free(h.frame);
	}
}

/* ---- what is not said ---- */

static enum err check(enum center_verb verb, const char *a, const char *b,
		      const char *c, const char *text)
{
	struct packet p = {.kind = PKT_CENTER, .verb = verb, .text = str(text)};
	const char *const word[] = {a, b, c};

	for (int i = 0; i < 3 && word[i]; i++)
		p.word[p.n_words++] = str(word[i]);
	return dialect_check(d, &p);
}

static void center__says__nothing_broken(void **state)
{
	(void)state;
	assert_int_equal(check(CENTER_MSG, "a", "b", "c", "x"), OK);
	assert_int_equal(check(CENTER_MSG, "a", "b", "c", ""), ERR_PARSE);
	assert_int_equal(check(CENTER_MSG, "a", "b", NULL, "x"), ERR_PARSE);
	assert_int_equal(check(CENTER_MSG, "a", "b", "c|d", "x"), ERR_PARSE);
	assert_int_equal(check(CENTER_MSG, "a", "", "c", "x"), ERR_PARSE);
	assert_int_equal(check(CENTER_MSG, "a", "b", "c d", "x"), ERR_PARSE);
	assert_int_equal(check(CENTER_BRD, "a", "b", "c", "x"), ERR_PARSE);
	assert_int_equal(check(CENTER_ADR, "a", "h", "1", ""), OK);
	assert_int_equal(check(CENTER_ADR, "a", "h", "x", ""), ERR_PARSE);
	assert_int_equal(check(CENTER_ONLINE, "a b", NULL, NULL, ""),
			 ERR_PARSE);
	assert_int_equal(check(CENTER_ONLINE, NULL, NULL, NULL, ""), ERR_PARSE);
	assert_int_equal(check(CENTER_WANTS, NULL, NULL, NULL, ""), ERR_PARSE);
	assert_int_equal(check(CENTER_PENNED, "soon", NULL, NULL, ""),
			 ERR_PARSE);
	assert_int_equal(check(CENTER_WORD, NULL, NULL, NULL, ""), ERR_PARSE);
	assert_int_equal(check(CENTER_NOTHING, NULL, NULL, NULL, ""),
			 ERR_STATE);
	/* words for a person that would be obeyed */
	assert_int_equal(check(CENTER_TEXT, NULL, NULL, NULL, "hi"), OK);
	assert_int_equal(check(CENTER_TEXT, NULL, NULL, NULL, "ADR|a|h|1"),
			 ERR_PARSE);
	assert_int_equal(check(CENTER_TEXT, NULL, NULL, NULL, "ADR|a"),
			 ERR_PARSE);
	assert_int_equal(check(CENTER_TEXT, NULL, NULL, NULL, "[a]: b"),
			 ERR_PARSE);
	assert_int_equal(check(CENTER_TEXT, NULL, NULL, NULL, "OKAY"),
			 ERR_PARSE);
}

static void center__names__who_wrote(void **state)
{
	static const struct {
		const char *peer;
		bool private;
		enum err err;
	} t[] = {
	    {"seas", false, OK},       {"seas", true, OK},
	    {"", false, ERR_PARSE},    {"a b", true, ERR_PARSE},
	    {"a]", false, ERR_PARSE},  {"a]", true, OK},
	    {"a>", true, ERR_PARSE},   {"a>", false, OK},
	    {"a|b", false, ERR_PARSE},
	};

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		struct packet p = {.kind = PKT_MESSAGE,
				   .peer = str(t[i].peer),
				   .private = t[i].private,
				   .text = str("hi")};

		if (dialect_check(d, &p) != t[i].err)
			fail_msg("%s", t[i].peer);
	}
}

static void center__bounds__what_it_says(void **state)
{
	static uint8_t x[20000];
	struct packet p = {.kind = PKT_CENTER, .verb = CENTER_MSG};
	struct buf b = {0};
	struct heard h;

	(void)state;
	memset(x, 'x', sizeof x);
	for (int i = 0; i < 3; i++)
		p.word[p.n_words++] = (struct bytes){x, 20};
	p.text = (struct bytes){x, 1300};
	assert_int_equal(d->text_max, 1300);
	assert_int_equal(dialect_check(d, &p), OK);
	p.text.n++;
	assert_int_equal(dialect_check(d, &p), ERR_LIMIT);
	/* a segment, whatever of it is text */
	p.text.n = 1300;
	for (int i = 0; i < 3; i++)
		p.word[i].n = 64;
	assert_int_equal(dialect_check(d, &p), ERR_LIMIT);
	p.word[0].n = 65;
	p.text.n = 1;
	assert_int_equal(dialect_check(d, &p), ERR_PARSE);
	/* bars count twice */
	p.word[0].n = 64;
	memset(x, '|', 700);
	for (int i = 0; i < 3; i++)
		p.word[i].p = x + 1000;
	p.text.n = 598;
	assert_int_equal(dialect_check(d, &p), OK);
	p.text.n = 599;
	assert_int_equal(dialect_check(d, &p), ERR_LIMIT);
	/* a text is never longer than anywhere else */
	memset(x, 'x', sizeof x);
	memcpy(x, "[a]: ", 5);
	put_frame(&b, (struct bytes){x, 5 + TEXT_MAX});
	hear(&h, all(&b));
	assert_int_equal(h.err, OK);
	free(h.frame);
	b.n = 0;
	put_frame(&b, (struct bytes){x, 6 + TEXT_MAX});
	hear(&h, all(&b));
	assert_int_equal(h.err, ERR_LIMIT);
	free(h.frame);
	buf_free(&b);
}

static void center__has_no_word__for_the_rest(void **state)
{
	(void)state;
	for (int k = PKT_HELLO; k < PKT_CENTER; k++) {
		struct packet p = {.kind = (enum packet_kind)k,
				   .peer = str("a"),
				   .text = str("x")};
		struct buf out = {0};

		memset(p.id.b, 1, sizeof p.id.b);
		memset(p.epoch, 1, sizeof p.epoch);
		assert_int_equal(d->encode(&p, &out),
				 k == PKT_MESSAGE ? OK : ERR_STATE);
		buf_free(&out);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(session__means__what_it_says),
	    cmocka_unit_test(session__carries__texts),
	    cmocka_unit_test(session__is_written__as_it_was),
	    cmocka_unit_test(session__gives_the_same__however_it_is_cut),
	    cmocka_unit_test(login__says__what_the_program_says),
	    cmocka_unit_test(login__answers__as_the_program_answers),
	    cmocka_unit_test(login__goes_on__after_a_refusal),
	    cmocka_unit_test(login__takes__any_word),
	    cmocka_unit_test(login__refuses__what_may_not_come),
	    cmocka_unit_test(center_split__waits__for_the_whole),
	    cmocka_unit_test(center_split__bounds__lengths),
	    cmocka_unit_test(center_decode__wants__one_whole_frame),
	    cmocka_unit_test(center__refuses__broken_words),
	    cmocka_unit_test(center__takes__bars_left_out_and_put_in),
	    cmocka_unit_test(center__takes__the_rest_as_text),
	    cmocka_unit_test(center__tells__sentences_from_messages),
	    cmocka_unit_test(center__says__nothing_broken),
	    cmocka_unit_test(center__names__who_wrote),
	    cmocka_unit_test(center__bounds__what_it_says),
	    cmocka_unit_test(center__has_no_word__for_the_rest),
	};

	return cmocka_run_group_tests(tests, load, unload);
}
