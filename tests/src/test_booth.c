/* Document 002's center against its clients, whose connections are made up
 * here: a frame that comes is said by hand, and what is brought to a client
 * is written down. */
#include "src/booth.h"
#include "src/center_account.h"
#include "src/clock.h"
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
/* cmocka needs some of those above */
#include <cmocka.h>

enum { TEXT = 4096, SAID = 4096, MOST_MS = 2500, HERE = 6067, THERE = 6068 };
#define SEC INT64_C(1000000)

/* To a port, or on a connection that came: port 0. */
struct said {
	int port;
	link_id link;
	char text[TEXT];
};

struct world {
	char dir[40], path[80];
	struct center_backend *b;
	struct booth *booth;
	struct effects *fx;
	struct rng rng;
	struct now now;
	link_id links, open[64]; /* came, and were not closed */
	size_t n_open, n_said, n_asserted;
	struct said *said;
	bool dead[65536]; /* nobody listens there */
	bool hold;        /* what is dialled stays on its way */
	contact_id held[128];
	char held_text[128][TEXT];
	size_t n_held;
};

static struct bytes view(const char *s)
{
	return (struct bytes){(const uint8_t *)s, strlen(s)};
}

static void ok(enum err err)
{
	if (err)
		fail_msg("%s", err_text(err));
}

/* ---- the world ---- */

static void begin(struct world *w)
{
	char why[256];

	ok(center_open(w->path, &center_beside_rules, &w->b, why));
	w->fx = effects_new();
	w->booth = booth_new(w->b, "one", w->fx);
	assert_non_null(w->booth);
}

static void end(struct world *w)
{
	booth_free(w->booth);
	center_close(w->b);
	effects_free(w->fx);
	w->n_open = 0;
}

static void account(struct world *w, const char *user, const char *password)
{
	ok(account_add(w->b, user, view(password), &w->now));
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof *w);

	if (!w || !(w->said = calloc(SAID, sizeof *w->said)))
		return -1;
	strcpy(w->dir, "/tmp/sotto-booth-XXXXXX");
	if (!mkdtemp(w->dir))
		return -1;
	snprintf(w->path, sizeof w->path, "%s/plain.db", w->dir);
	clock_seed(&w->rng);
	w->now = clock_now(&w->rng, NULL);
	begin(w);
	account(w, "seas", "summerisover");
	account(w, "google", "hasglasses");
	account(w, "wikipedia", "donation");
	account(w, "foobar", "passpass");
	*state = w;
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int type,
		      struct FTW *at)
{
	(void)st, (void)type, (void)at;
	return remove(path);
}

static int teardown(void **state)
{
	struct world *w = *state;

	end(w);
	nftw(w->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(w->said);
	free(w);
	return 0;
}

/* ---- what it says ---- */

static void text_of(const struct packet *p, char out[static TEXT])
{
	struct buf b = {0};

	ok(dialect_center.encode(p, &b));
	assert_true(b.n <= 1400 && b.n - 4 < TEXT); /* one segment */
	memcpy(out, b.p + 4, b.n - 4);
	out[b.n - 4] = 0;
	buf_free(&b);
}

static void write_down(struct world *w, int port, link_id link,
		       const struct packet *p)
{
	struct said *s = &w->said[w->n_said++];

	assert_true(w->n_said < SAID);
	s->port = port;
	s->link = link;
	text_of(p, s->text);
}

static bool is_open(const struct world *w, link_id id)
{
	for (size_t i = 0; i < w->n_open; i++)
		if (w->open[i] == id)
			return true;
	return false;
}

static void closed(struct world *w, link_id id)
{
	for (size_t i = 0; i < w->n_open; i++)
		if (w->open[i] == id)
			w->open[i--] = w->open[--w->n_open];
}

static void dialled(struct world *w, const struct effect *e)
{
	assert_ptr_equal(e->dialect, &dialect_center);
	assert_true(e->contact >= BOOTH_FLIGHT);
	if (w->hold) {
		assert_true(w->n_held < 128);
		text_of(e->packet, w->held_text[w->n_held]);
		w->held[w->n_held++] = e->contact;
	} else if (w->dead[e->at.port]) {
		booth_missed(w->booth, &w->now, e->contact);
	} else {
		write_down(w, e->at.port, 0, e->packet);
		booth_reached(w->booth, &w->now, ++w->links, e->contact);
		/* its listener was the quicker one to close */
		booth_missed(w->booth, &w->now, e->contact);
	}
}

/* False: nothing was said. */
static bool obey(struct world *w)
{
	struct effects *fx = w->fx;
	struct effect e;
	bool any = false;

	w->fx = effects_new();
	booth_say_into(w->booth, w->fx);
	for (; effects_next(fx, 0, &e); any = true)
		if (e.kind == FX_SEND)
			write_down(w, 0, e.link, e.packet);
		else if (e.kind == FX_CLOSE)
			closed(w, e.link);
		else if (e.kind == FX_DIAL)
			dialled(w, &e);
		else
			assert_int_equal(e.kind, FX_EVENT);
	effects_free(fx);
	return any;
}

static void later(struct world *w, int64_t us)
{
	w->now.mono_us += us;
	w->now.wall_us += us;
}

/* Until it is quiet. */
static void settle(struct world *w)
{
	do {
		int ms = booth_wait(w->booth, &w->now, MOST_MS);
		if (ms < MOST_MS)
			later(w, ms * INT64_C(1000));
		booth_turn(w->booth, &w->now);
		booth_tick(w->booth, &w->now);
	} while (obey(w));
}

static void wait_s(struct world *w, int seconds)
{
	for (int i = 0; i < seconds; i++) {
		later(w, SEC);
		settle(w);
	}
}

/* ---- what clients say ---- */

static link_id come(struct world *w, const char *ip)
{
	struct addr at = {.port = 40000};

	assert_true(ip_parse(view(ip), at.ip));
	booth_up(w->booth, &w->now, ++w->links, &at);
	assert_true(w->n_open < 64);
	w->open[w->n_open++] = w->links;
	return w->links;
}

static void say_bytes(struct world *w, link_id link, struct bytes body)
{
	uint8_t head[4] = {(uint8_t)(body.n >> 24), (uint8_t)(body.n >> 16),
			   (uint8_t)(body.n >> 8), (uint8_t)body.n};
	struct buf b = {0};
	struct packet p;

	buf_put(&b, (struct bytes){head, 4});
	buf_put(&b, body);
	p.malformed =
	    dialect_center.decode((struct bytes){b.p, b.n}, NULL, &p) != OK;
	booth_packet(w->booth, &w->now, link, &p);
	buf_free(&b);
	settle(w);
}

static void say(struct world *w, link_id link, const char *body)
{
	say_bytes(w, link, view(body));
}

static void hang_up(struct world *w, link_id link)
{
	booth_down(w->booth, &w->now, link);
	closed(w, link);
	settle(w);
}

/* One connection, one frame; its answer, or "". It is closed in any case. */
PRINTF(2, 3)
static const char *request(struct world *w, const char *fmt, ...)
{
	char body[TEXT];
	size_t before = w->n_said;
	link_id link = come(w, "127.0.0.1");
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(body, sizeof body, fmt, ap);
	va_end(ap);
	say(w, link, body);
	assert_false(is_open(w, link));
	for (size_t i = before; i < w->n_said; i++)
		if (w->said[i].link == link)
			return w->said[i].text;
	return "";
}

/* The last word on a connection that came. */
static const char *answer(const struct world *w, link_id link)
{
	for (size_t i = w->n_said; i-- > 0;)
		if (w->said[i].link == link)
			return w->said[i].text;
	return "";
}

static const char *try_it(struct world *w, link_id link, const char *user,
			  const char *password)
{
	say(w, link, user);
	say(w, link, password);
	return answer(w, link);
}

struct place {
	char token[16];
	int port;
};

static struct place log_in_from(struct world *w, const char *user,
				const char *password, const char *ip, int port)
{
	struct place at = {.port = port};
	link_id link = come(w, ip);
	char number[16];

	say(w, link, "LIN");
	const char *token = try_it(w, link, user, password);
	assert_int_equal(strlen(token), 10);
	assert_int_equal(strspn(token, "0123456789abcdef"), 10);
	strcpy(at.token, token);
	assert_string_equal(w->said[w->n_said - 2].text, "LOGIN_OKAY");
	say(w, link, "localhost");
	assert_true(is_open(w, link));
	snprintf(number, sizeof number, "%d", port);
	say(w, link, number);
	assert_false(is_open(w, link));
	return at;
}

static struct place log_in(struct world *w, const char *user, int port)
{
	return log_in_from(w, user,
			   !strcmp(user, "seas")     ? "summerisover"
			   : !strcmp(user, "google") ? "hasglasses"
			   : !strcmp(user, "foobar") ? "passpass"
						     : "donation",
			   "127.0.0.1", port);
}

/* ---- what clients heard ---- */

static unsigned count(const struct world *w, int port, const char *text)
{
	unsigned n = 0;

	for (size_t i = 0; i < w->n_said; i++)
		n += w->said[i].port == port && !strcmp(w->said[i].text, text);
	return n;
}

/* All that this port heard since the last time it was asked for, in order, a
 * "/" behind each. */
static void heard(struct world *w, int port, const char *want)
{
	struct buf b = {0};

	for (size_t i = 0; i < w->n_said; i++) {
		if (w->said[i].port != port)
			continue;
		buf_printf(&b, "%s/", w->said[i].text);
		w->said[i].port = -1;
	}
	buf_put(&b, (struct bytes){(const uint8_t *)"", 1});
	assert_string_equal((char *)b.p, want);
	buf_free(&b);
}

/* ---- the captured session ---- */

enum { CONNECTIONS = 66, REPLAYED = 43, PORTS = 3 };
/* What was written on each connection by who opened it, and to which port. */
static struct buf wire[CONNECTIONS];
static int wire_port[CONNECTIONS];

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

/* Lines "[ t] TCP#n IP:PORT -> NAME(IP:PORT) opener->listener n bytes", each
 * with a dump below. */
static void load(void)
{
	FILE *f = fopen(TESTS_DIR "/proto/vectors/center/session.txt", "r");
	struct buf *to = NULL;
	char line[256];

	assert_non_null(f);
	while (fgets(line, sizeof line, f)) {
		const char *tcp = strstr(line, "TCP#");
		const char *name = strchr(line, '(');

		if (tcp)
			to = NULL;
		if (tcp && name && strstr(line, "opener->listener")) {
			unsigned long n = strtoul(tcp + 4, NULL, 10);

			to = &wire[n];
			wire_port[n] = atoi(strchr(name, ':') + 1);
		} else if (*line == ' ' && to) {
			take_hex(to, line);
		}
	}
	fclose(f);
}

/* Tokens as they were captured, and as ours are. */
static struct {
	const char *theirs;
	char ours[16];
} tokens[] = {{"a698acf624", ""}, {"a7310bf6e3", ""}, {"4c9d189a54", ""}};

static void with_our_tokens(struct bytes frame)
{
	for (size_t i = 0; i < sizeof tokens / sizeof *tokens; i++) {
		uint8_t *at = memmem(frame.p, frame.n, tokens[i].theirs, 10);

		if (at && tokens[i].ours[0])
			memcpy(at, tokens[i].ours, 10);
	}
}

static void replay(struct world *w, int n, size_t *logins)
{
	link_id link = come(w, "127.0.0.1");
	struct bytes all = {wire[n].p, wire[n].n};
	bool login = all.n > 7 && !memcmp(all.p + 4, "LIN", 3);

	for (size_t len; all.n; all.p += len, all.n -= len) {
		ok(dialect_center.split(all, true, false, &len));
		assert_true(len >= 4);
		with_our_tokens((struct bytes){all.p, len});
		say_bytes(w, link, (struct bytes){all.p + 4, len - 4});
	}
	assert_false(is_open(w, link));
	if (login)
		strcpy(tokens[(*logins)++].ours, answer(w, link));
}

/* What it never said: a text is not cut at a bar, the first block is not done
 * in silence, and the first of two that waited ends its line. */
static const char *as_ours(const char *theirs)
{
	if (!strcmp(theirs, "[seas]: Hello"))
		return "[seas]: Hello\xc2\xa6"
		       "cut here";
	if (strstr(theirs, "[seas]: one[seas]"))
		return "While you were away...\n[seas]: one\n[seas]: two\n";
	return theirs;
}

static void session__is_served__as_it_was(void **state)
{
	struct world *w = *state;
	struct buf want[PORTS] = {0};
	size_t logins = 0;

	load();
	for (int n = 0; n < REPLAYED; n++) {
		char text[TEXT] = "";
		int port = wire_port[n] - HERE;

		if (wire_port[n] == 6066) {
			replay(w, n, &logins);
			if (n == 20) /* BLC */
				buf_printf(&want[1], "You have blocked seas/");
			continue;
		}
		/* one client to another: not our business */
		if (wire[n].n < 5 || wire[n].p[4] == '<')
			continue;
		assert_true(port >= 0 && port < PORTS);
		memcpy(text, wire[n].p + 4, wire[n].n - 4);
		buf_printf(&want[port], "%s/", as_ours(text));
	}
	for (int i = 0; i < PORTS; i++) {
		buf_put(&want[i], (struct bytes){(const uint8_t *)"", 1});
		heard(w, HERE + i, (char *)want[i].p);
		buf_free(&want[i]);
	}
	for (int n = 0; n < CONNECTIONS; n++)
		buf_free(&wire[n]);
}

/* ---- log-in ---- */

static void login__is_refused__in_its_words(void **state)
{
	struct world *w = *state;
	static const char *const users[] = {"seas", "nosuchuser"};

	for (int i = 0; i < 2; i++) {
		link_id link = come(w, "127.0.0.1");

		say(w, link, "LIN");
		assert_string_equal(try_it(w, link, users[i], "x"),
				    "LOGIN_FAILED|2");
		assert_string_equal(try_it(w, link, users[i], "x"),
				    "LOGIN_FAILED|1");
		assert_string_equal(try_it(w, link, users[i], "x"),
				    "JUST_PENNED|60");
		later(w, 10 * SEC);
		const char *said = try_it(w, link, users[i], "summerisover");
		assert_memory_equal(said, "PENNED|50", 8);
		hang_up(w, link);
		/* by another connection neither */
		link = come(w, "127.0.0.1");
		say(w, link, "LIN");
		said = try_it(w, link, users[i], "summerisover");
		assert_memory_equal(said, "PENNED|", 7);
		hang_up(w, link);
	}
	/* from elsewhere its owner gets in */
	log_in_from(w, "seas", "summerisover", "127.0.0.2", HERE);
	later(w, 61 * SEC);
	log_in(w, "seas", HERE);
}

static void login__counts__one_source_only_for_one_user(void **state)
{
	struct world *w = *state;
	link_id link = come(w, "127.0.0.1");

	say(w, link, "LIN");
	assert_string_equal(try_it(w, link, "seas", "x"), "LOGIN_FAILED|2");
	assert_string_equal(try_it(w, link, "seas", "x"), "LOGIN_FAILED|1");
	assert_string_equal(try_it(w, link, "google", "x"), "LOGIN_FAILED|2");
	assert_int_equal(strlen(try_it(w, link, "seas", "summerisover")), 10);
}

static void login__takes__no_name_for_a_user(void **state)
{
	struct world *w = *state;
	link_id link = come(w, "127.0.0.1");
	static const char *const names[] = {
	    "",         "two words",   "a|b",           "a]b",
	    "\x1b[31m", "LOGIN_OKAY|", "MSG|seas|x|y|z"};

	say(w, link, "LIN");
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		assert_string_equal(try_it(w, link, names[i], "x"),
				    "LOGIN_FAILED|2");
	assert_string_equal(try_it(w, link, "seas", ""), "LOGIN_FAILED|2");
	hang_up(w, link);
}

/* Twelve tries, then it ends. */
static void login__ends__after_many_tries(void **state)
{
	struct world *w = *state;
	link_id link = come(w, "127.0.0.1");

	say(w, link, "LIN");
	for (int i = 0; i < 12; i++) {
		assert_true(is_open(w, link));
		try_it(w, link, "", "x");
	}
	assert_false(is_open(w, link));
}

static void login__needs__a_port_of_people(void **state)
{
	static const char *const ports[] = {"80", "1023",  "0",
					    "x",  "99999", ""};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof ports / sizeof *ports; i++) {
		link_id link = come(w, "127.0.0.1");

		say(w, link, "LIN");
		try_it(w, link, "seas", "summerisover");
		say(w, link, "192.0.2.7"); /* we come to 127.0.0.1 anyway */
		say(w, link, ports[i]);
		assert_false(is_open(w, link));
	}
	for (size_t i = 0; i < w->n_said; i++)
		assert_int_equal(w->said[i].port, 0); /* nobody was told */
	log_in(w, "seas", 1024);
	assert_int_equal(count(w, 1024, "seas has logged on."), 1);
}

static void login__ends__with_a_frame_too_many(void **state)
{
	struct world *w = *state;
	link_id link = come(w, "127.0.0.1");
	struct packet p = {.kind = PKT_CENTER, .frame = view("seas")};

	say(w, link, "LIN");
	say(w, link, "seas");
	booth_packet(w->booth, &w->now, link, &p); /* the password */
	booth_packet(w->booth, &w->now, link, &p);
	settle(w);
	assert_false(is_open(w, link));
	assert_string_equal(answer(w, link), "");
}

static void login__waits__as_long_as_a_person_types(void **state)
{
	struct world *w = *state;
	link_id typing = come(w, "127.0.0.1"), half = come(w, "127.0.0.1");
	link_id silent = come(w, "127.0.0.1");

	say(w, typing, "LIN");
	say(w, half, "LIN");
	say(w, half, "seas");
	wait_s(w, 9);
	assert_true(is_open(w, half) && is_open(w, silent));
	wait_s(w, 2);
	assert_false(is_open(w, half) || is_open(w, silent));
	wait_s(w, 100);
	assert_true(is_open(w, typing));
	assert_int_equal(strlen(try_it(w, typing, "seas", "summerisover")), 10);
	wait_s(w, 11);
	assert_false(is_open(w, typing));
}

/* One that guesses keeps nobody else waiting for long. */
static void login__looks__at_who_asked_least(void **state)
{
	struct world *w = *state;
	link_id bad[8], good;

	for (int i = 0; i < 8; i++) {
		bad[i] = come(w, "127.0.0.9");
		say(w, bad[i], "LIN");
		try_it(w, bad[i], "", "x");
	}
	good = come(w, "127.0.0.1");
	say(w, good, "LIN");
	struct packet p = {.kind = PKT_CENTER, .frame = view("seas")};
	for (int k = 0; k < 2; k++)
		for (int i = 0; i < 8; i++)
			booth_packet(w->booth, &w->now, bad[i], &p);
	booth_packet(w->booth, &w->now, good, &p);
	p.frame = view("summerisover");
	booth_packet(w->booth, &w->now, good, &p);
	later(w, SEC);
	assert_true(booth_turn(w->booth, &w->now));
	obey(w);
	assert_int_equal(strlen(answer(w, good)), 10);
}

static void login__at_another_place__is_told_at_the_first(void **state)
{
	struct world *w = *state;
	struct place one = log_in(w, "seas", HERE), two;

	heard(w, HERE, "seas has logged on./");
	two = log_in(w, "seas", THERE);
	heard(w, HERE, "Logged on different location!/");
	assert_string_not_equal(one.token, two.token);
	request(w, "ONL|seas|%s|", one.token);
	heard(w, HERE, "");
	heard(w, THERE, "");
	request(w, "ONL|seas|%s|", two.token);
	heard(w, THERE, "[CURRENTLY ONLINE]: seas /");
	/* at the same place: it is no other */
	log_in(w, "seas", THERE);
	heard(w, THERE, "");
	/* and the old one may be gone for good */
	w->dead[THERE] = true;
	log_in(w, "seas", HERE);
	heard(w, HERE, "");
}

/* ---- coming and going ---- */

static void silence__of_30_seconds__is_said_once(void **state)
{
	struct world *w = *state;
	struct place seas = log_in(w, "seas", HERE);
	struct place google = log_in(w, "google", THERE);

	for (int i = 0; i < 8; i++) {
		wait_s(w, 20);
		request(w, "HEY|seas|%s|", seas.token);
		request(w, "HEY|google|%s|", google.token);
	}
	assert_int_equal(count(w, HERE, "google is offline."), 0);
	heard(w, THERE, "google has logged on./");
	for (int i = 0; i < 10; i++) {
		wait_s(w, 20);
		request(w, "HEY|seas|%s|", seas.token);
		if (!i)
			assert_int_equal(count(w, HERE, "google is offline."),
					 0);
	}
	assert_int_equal(count(w, HERE, "google is offline."), 1);
	request(w, "ONL|seas|%s|", seas.token);
	heard(w, THERE, "");
	/* it had slept: its token is good still */
	request(w, "HEY|google|%s|", google.token);
	assert_int_equal(count(w, HERE, "google has logged on."), 2);
	heard(w, THERE, "google has logged on./");
	/* not for ever */
	wait_s(w, 31);
	later(w, 3700 * SEC);
	settle(w);
	request(w, "HEY|google|%s|", google.token);
	heard(w, THERE, "");
}

static void logout__is_said__to_the_rest(void **state)
{
	struct world *w = *state;
	struct place google;

	log_in(w, "seas", HERE);
	google = log_in(w, "google", THERE);
	request(w, "OUT|google|%s|", google.token);
	request(w, "OUT|google|%s|", google.token);
	heard(w, HERE,
	      "seas has logged on./google has logged on./google is offline./");
	heard(w, THERE, "google has logged on./");
	request(w, "HEY|google|%s|", google.token);
	heard(w, HERE, "");
}

static void token__that_is_wrong__hears_nothing(void **state)
{
	struct world *w = *state;
	struct place seas = log_in(w, "seas", HERE);
	size_t before = w->n_said;

	log_in(w, "google", THERE);
	heard(w, HERE, "seas has logged on./google has logged on./");
	heard(w, THERE, "google has logged on./");
	before = w->n_said;
	for (const char *s =
		 "MSG|seas|%s|google|x\0BRD|seas|%s|x\0ONL|seas|%s|\0"
		 "BLC|seas|%s|1|google\0OUT|seas|%s|\0GET|seas|%s|google\0"
		 "ALL|seas|%s|google\0HEY|seas|%s|\0";
	     *s; s += strlen(s) + 1) {
		char body[128], *at;

		snprintf(body, sizeof body, "%s", s);
		at = strstr(body, "%s");
		memmove(at + 10, at + 2, strlen(at + 2) + 1);
		memcpy(at, "0123456789", 10);
		assert_string_equal(request(w, "%s", body), "");
		memcpy(at, seas.token, 10);
		memcpy(strstr(body, "seas"), "goog", 4); /* somebody else's */
		assert_string_equal(request(w, "%s", body), "");
	}
	assert_int_equal(w->n_said, before);
}

static void frames__of_no_sense__end_the_connection(void **state)
{
	static const char *const bodies[] = {"",
					     "XYZ|seas|t|",
					     "MSG",
					     "MSG|seas",
					     "MSG|seas|t",
					     "MSG|seas|t|x|",
					     "<seas>: x",
					     "[seas]: x",
					     "seas is offline.",
					     "ADR|a|127.0.0.1|6067",
					     "OKAY",
					     "\xff\xfe",
					     "BLC|seas|t|2|google",
					     "LOGIN_OKAY"};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++)
		assert_string_equal(request(w, "%s", bodies[i]), "");
	assert_int_equal(w->n_said, 0);
}

/* ---- texts ---- */

static void message__is_brought__clean(void **state)
{
	struct world *w = *state;
	struct place seas = log_in(w, "seas", HERE);

	log_in(w, "google", THERE);
	heard(w, THERE, "google has logged on./");
	request(w, "MSG|seas|%s|google|a|b \x1b[2J\nADR|x", seas.token);
	heard(w, THERE,
	      "[seas]: a\xc2\xa6"
	      "b \xe2\x90\x9b[2J\xe2\x90\x8a"
	      "ADR\xc2\xa6x/");
	request(w, "MSG|seas|%s|nobody|x", seas.token);
	assert_int_equal(
	    count(w, HERE, "Not delivered: nobody here is called nobody"), 1);
	/* nothing waits for a name that nobody has */
	account(w, "nobody", "sesame");
	log_in_from(w, "nobody", "sesame", "127.0.0.1", 6069);
	heard(w, 6069, "nobody has logged on./");
}

static void message__that_is_long__comes_in_pieces(void **state)
{
	struct world *w = *state;
	struct place seas = log_in(w, "seas", HERE);
	char text[3001], want[3300];

	log_in(w, "google", THERE);
	heard(w, THERE, "google has logged on./");
	memset(text, 'x', 3000);
	text[3000] = 0;
	request(w, "MSG|seas|%s|google|%s", seas.token, text);
	snprintf(want, sizeof want,
		 "[seas]: %.1200s/[seas]: %.1200s/[seas]: "
		 "%.600s/",
		 text, text, text);
	heard(w, THERE, want);
}

static void broadcast__comes__to_all_but_who_blocks(void **state)
{
	struct world *w = *state;
	struct place seas = log_in(w, "seas", HERE), google;

	google = log_in(w, "google", THERE);
	log_in(w, "foobar", 6069);
	request(w, "BLC|google|%s|1|seas", google.token);
	heard(w, HERE,
	      "seas has logged on./google has logged on./"
	      "foobar has logged on./");
	heard(w, THERE,
	      "google has logged on./foobar has logged on./"
	      "You have blocked seas/");
	heard(w, 6069, "foobar has logged on./");
	request(w, "BRD|seas|%s|hi all", seas.token);
	heard(w, HERE,
	      "[seas]: hi all/Your message could not be delivered to some "
	      "recipients./");
	heard(w, THERE, "");
	heard(w, 6069, "[seas]: hi all/");
	request(w, "BRD|google|%s|hi seas", google.token);
	heard(w, HERE, "[google]: hi seas/");
}

static void block__is_kept__with_the_account(void **state)
{
	struct world *w = *state;
	struct place seas, google = log_in(w, "google", THERE);

	request(w, "BLC|google|%s|0|seas", google.token);
	request(w, "BLC|google|%s|1|seas", google.token);
	request(w, "BLC|google|%s|1|seas", google.token);
	heard(w, THERE,
	      "google has logged on./You have unblocked seas/"
	      "You have blocked seas/You have blocked seas/");
	request(w, "OUT|google|%s|", google.token);
	end(w);
	begin(w);
	seas = log_in(w, "seas", HERE);
	heard(w, HERE, "seas has logged on./");
	request(w, "MSG|seas|%s|google|away", seas.token);
	google = log_in(w, "google", THERE);
	request(w, "MSG|seas|%s|google|here", seas.token);
	heard(w, THERE, "google has logged on./");
	heard(w, HERE,
	      "Your message could not be delivered as the recipient has "
	      "blocked you./google has logged on./Your message could not be "
	      "delivered as the recipient has blocked you./");
	request(w, "BLC|google|%s|0|seas", google.token);
	request(w, "MSG|seas|%s|google|again", seas.token);
	heard(w, THERE, "You have unblocked seas/[seas]: again/");
}

static const char kept[] = "The recipient is offline. Messages will be "
			   "delivered when they log on again.";

static void letters__wait__also_for_the_next_center(void **state)
{
	struct world *w = *state;
	struct place seas = log_in(w, "seas", HERE);

	request(w, "MSG|seas|%s|google|one", seas.token);
	request(w, "MSG|seas|%s|google|two", seas.token);
	assert_int_equal(count(w, HERE, kept), 2);
	end(w);
	begin(w);
	request(w, "MSG|seas|%s|google|x", seas.token); /* nobody now */
	log_in(w, "google", THERE);
	heard(w, THERE,
	      "While you were away...\n[seas]: one\n[seas]: two\n/"
	      "google has logged on./");
	/* once */
	log_in(w, "google", 6069);
	heard(w, 6069, "");
	end(w);
	begin(w);
	log_in(w, "google", THERE);
	heard(w, THERE, "Logged on different location!/google has logged on./");
}

static void letters__that_are_many__come_in_frames(void **state)
{
	struct world *w = *state;
	struct place seas = log_in(w, "seas", HERE);
	unsigned n = 0;
	char text[2][900];

	memset(text, 'x', sizeof text);
	text[0][899] = text[1][20] = 0;
	for (int i = 0; i < 100; i++) {
		request(w, "MSG|seas|%s|google|%03d%s", seas.token, i,
			text[i % 2]);
		wait_s(w, 1);
	}
	log_in(w, "google", THERE);
	for (size_t i = 0; i < w->n_said; i++) {
		if (w->said[i].port != THERE)
			continue;
		const char *at = w->said[i].text;
		while ((at = strstr(at, "[seas]: ")))
			assert_int_equal(atoi(at += 8), n++);
	}
	assert_int_equal(n, 100);
}

static void letters__are_bounded__for_each(void **state)
{
	struct world *w = *state;
	struct place seas = log_in(w, "seas", HERE);

	for (int i = 0; i < 1000; i++) {
		if (i % 100 == 0)
			wait_s(w, 11);
		request(w, "MSG|seas|%s|google|%d", seas.token, i);
	}
	assert_int_equal(count(w, HERE, kept), 1000);
	request(w, "MSG|seas|%s|google|x", seas.token);
	assert_int_equal(count(w, HERE,
			       "Not kept, too many wait there: your message "
			       "to google"),
			 1);
	request(w, "MSG|seas|%s|foobar|x", seas.token);
	assert_int_equal(count(w, HERE, kept), 1001);
}

/* A client whose listener died goes on with its HEY. */
static void letters__wait__for_who_is_deaf(void **state)
{
	struct world *w = *state;
	struct place seas = log_in(w, "seas", HERE), google;

	google = log_in(w, "google", THERE);
	heard(w, THERE, "google has logged on./");
	heard(w, HERE, "seas has logged on./google has logged on./");
	w->dead[THERE] = true;
	request(w, "MSG|seas|%s|google|one", seas.token);
	request(w, "MSG|seas|%s|google|two", seas.token);
	assert_int_equal(count(w, HERE, kept), 2);
	assert_string_equal(request(w, "GET|seas|%s|google", seas.token),
			    "FAIL");
	request(w, "HEY|google|%s|", google.token);
	w->dead[THERE] = false;
	request(w, "MSG|seas|%s|google|three", seas.token);
	heard(w, THERE, "");
	request(w, "HEY|google|%s|", google.token);
	heard(w, THERE,
	      "While you were away...\n[seas]: one\n[seas]: two\n"
	      "[seas]: three\n/");
	request(w, "MSG|seas|%s|google|four", seas.token);
	heard(w, THERE, "[seas]: four/");
}

/* What is on its way when somebody leaves, or we do, is not lost. */
static void letters__wait__when_a_place_is_left(void **state)
{
	struct world *w = *state;
	struct place seas = log_in(w, "seas", HERE), google;

	google = log_in(w, "google", THERE);
	w->hold = true;
	request(w, "MSG|seas|%s|google|one", seas.token);
	request(w, "MSG|seas|%s|google|two", seas.token);
	request(w, "OUT|google|%s|", google.token);
	for (size_t i = 0; i < w->n_held; i++)
		booth_missed(w->booth, &w->now, w->held[i]);
	w->n_held = 0;
	w->hold = false;
	settle(w);
	heard(w, THERE, "google has logged on./");
	log_in(w, "google", 6069);
	/* the first one was in the air, and came down last */
	heard(w, 6069,
	      "While you were away...\n[seas]: two\n[seas]: one\n/"
	      "google has logged on./");
	w->hold = true;
	request(w, "MSG|seas|%s|google|three", seas.token);
	w->hold = false;
	w->n_held = 0;
	end(w);
	begin(w);
	log_in(w, "google", THERE);
	heard(w, THERE,
	      "While you were away...\n[seas]: three\n/"
	      "google has logged on./");
}

/* ---- addresses ---- */

static void address__is_given__with_consent_and_once(void **state)
{
	struct world *w = *state;
	struct place seas = log_in(w, "seas", HERE), google;
	static const char nobody[] = "Nobody asked for your address as seas";

	google = log_in_from(w, "google", "hasglasses", "127.0.0.2", THERE);
	heard(w, HERE, "seas has logged on./google has logged on./");
	request(w, "ALL|google|%s|seas", google.token);
	assert_int_equal(count(w, THERE, nobody), 1);
	assert_string_equal(request(w, "GET|seas|%s|google", seas.token),
			    "OKAY");
	assert_int_equal(count(w, THERE,
			       "Request: seas wants your address. [allow "
			       "seas] to accept."),
			 1);
	request(w, "ALL|google|%s|seas", google.token);
	heard(w, HERE, "ADR|google|127.0.0.2|6068/");
	request(w, "ALL|google|%s|seas", google.token);
	assert_int_equal(count(w, THERE, nobody), 2);
	heard(w, HERE, "");
	/* not after five minutes */
	request(w, "GET|seas|%s|google", seas.token);
	for (int i = 0; i < 16; i++) {
		wait_s(w, 19);
		request(w, "HEY|seas|%s|", seas.token);
		request(w, "HEY|google|%s|", google.token);
	}
	request(w, "ALL|google|%s|seas", google.token);
	assert_int_equal(count(w, THERE, nobody), 3);
	heard(w, HERE, "");
}

static void address__is_not_asked__of_who_is_not_there(void **state)
{
	struct world *w = *state;
	struct place seas = log_in(w, "seas", HERE), google;

	assert_string_equal(request(w, "GET|seas|%s|google", seas.token),
			    "FAIL");
	assert_string_equal(request(w, "GET|seas|%s|nobody", seas.token),
			    "FAIL");
	google = log_in(w, "google", THERE);
	request(w, "BLC|google|%s|1|seas", google.token);
	assert_string_equal(request(w, "GET|seas|%s|google", seas.token),
			    "FAIL");
	request(w, "BLC|google|%s|0|seas", google.token);
	assert_string_equal(request(w, "GET|seas|%s|google", seas.token),
			    "OKAY");
	request(w, "OUT|seas|%s|", seas.token);
	request(w, "ALL|google|%s|seas", google.token);
	assert_int_equal(count(w, THERE,
			       "seas has gone offline. Please allow access "
			       "when they are online again."),
			 1);
	heard(w, HERE, "seas has logged on./google has logged on./");
	log_in(w, "seas", HERE);
	request(w, "ALL|google|%s|seas", google.token);
	heard(w, HERE, "seas has logged on./ADR|google|127.0.0.1|6068/");
}

/* ---- bounds ---- */

static void visitors__who_are_too_many__go_by_source(void **state)
{
	struct world *w = *state;
	link_id honest = come(w, "127.0.0.1");

	say(w, honest, "LIN");
	for (int i = 0; i < 600; i++) {
		come(w, "127.0.0.9");
		w->n_open--; /* we do not look at these */
		obey(w);
		assert_true(is_open(w, honest));
	}
	assert_int_equal(strlen(try_it(w, honest, "seas", "summerisover")), 10);
}

static void requests__are_bounded__in_time(void **state)
{
	struct world *w = *state;
	struct place seas = log_in(w, "seas", HERE);

	for (int i = 0; i < 250; i++)
		request(w, "ONL|seas|%s|", seas.token);
	assert_int_equal(count(w, HERE, "[CURRENTLY ONLINE]: seas "), 200);
	wait_s(w, 11);
	request(w, "ONL|seas|%s|", seas.token);
	assert_int_equal(count(w, HERE, "[CURRENTLY ONLINE]: seas "), 201);
}

/* One at a time for each; what is too much for a line waits in the box. */
static void line__that_is_full__loses_no_text(void **state)
{
	struct world *w = *state;
	struct place seas = log_in(w, "seas", HERE), google;
	unsigned n = 0;

	google = log_in(w, "google", THERE);
	w->hold = true;
	for (int i = 0; i < 100; i++)
		request(w, "MSG|seas|%s|google|%03d", seas.token, i);
	/* one to google, one to seas: KEPT */
	assert_int_equal(w->n_held, 2);
	w->hold = false;
	w->n_said = 0;
	for (size_t i = 0; i < 2; i++)
		booth_reached(w->booth, &w->now, ++w->links, w->held[i]);
	settle(w);
	request(w, "HEY|google|%s|", google.token);
	for (size_t i = 0; i < w->n_said; i++) {
		const char *at = w->said[i].text;
		while (w->said[i].port == THERE &&
		       (at = strstr(at, "[seas]: ")))
			assert_int_equal(atoi(at += 8), ++n);
	}
	assert_int_equal(n, 99); /* the first one is in the air */
}

/* A connection that is never heard of again. */
static void line__that_is_lost__is_tried_again(void **state)
{
	struct world *w = *state;
	struct place seas = log_in(w, "seas", HERE), google;

	google = log_in(w, "google", THERE);
	heard(w, THERE, "google has logged on./");
	w->hold = true;
	request(w, "MSG|seas|%s|google|one", seas.token);
	w->hold = false;
	for (int i = 0; i < 5; i++) {
		wait_s(w, 10);
		request(w, "HEY|seas|%s|", seas.token);
		request(w, "HEY|google|%s|", google.token);
	}
	heard(w, THERE, "While you were away...\n[seas]: one\n/");
}

/* ---- anything, in any order ---- */

enum { STEPS = 3000, WRITTEN = 2000, PEOPLE = 4, PASSWORDS = 40 };

struct walk {
	struct world *w;
	uint64_t seed;
	struct place at[PEOPLE];
	int port, logins, written;
	unsigned came[WRITTEN];
	size_t seen;
	int64_t held_us; /* since when something may be in the air */
	bool moved;      /* somebody left a place with something in the air */
};

static const char *const people[] = {"seas", "google", "foobar", "wikipedia"};

static unsigned chance(struct walk *k, unsigned n)
{
	k->seed = k->seed * 6364136223846793005 + 1442695040888963407;
	return (unsigned)(k->seed >> 33) % n;
}

/* Which texts came: "[seas]: #12". */
static void look_at(struct walk *k, const char *text)
{
	while ((text = strstr(text, "]: #"))) {
		text += 4;
		assert_in_range(atoi(text), 0, k->written - 1);
		k->came[atoi(text)]++;
	}
}

static void look_at_all(struct walk *k)
{
	for (; k->seen < k->w->n_said; k->seen++)
		if (k->w->said[k->seen].port)
			look_at(k, k->w->said[k->seen].text);
	k->w->n_said = k->seen = 0;
}

static void walk_in(struct walk *k, unsigned who)
{
	k->moved |= k->w->n_held > 0;
	k->at[who] = log_in(k->w, people[who], ++k->port);
	k->logins++;
}

/* What is in the air comes down, here or nowhere. */
static void come_down(struct walk *k)
{
	struct world *w = k->w;

	for (size_t i = 0; i < w->n_held; i++) {
		bool there = chance(k, 2);

		if (there) {
			look_at(k, w->held_text[i]);
			booth_reached(w->booth, &w->now, ++w->links,
				      w->held[i]);
		}
		booth_missed(w->booth, &w->now, w->held[i]);
	}
	w->n_held = 0;
	w->hold = false;
	settle(w);
}

static void write_to(struct walk *k, unsigned who, unsigned to)
{
	if (!k->at[who].token[0] || k->written == WRITTEN)
		return;
	int n = k->written++;
	request(k->w, "MSG|%s|%s|%s|#%d", people[who], k->at[who].token,
		people[to], n);
}

static void step(struct walk *k)
{
	struct world *w = k->w;
	unsigned who = chance(k, PEOPLE), what = chance(k, 100);
	const char *token = k->at[who].token;

	if (what < 55) {
		write_to(k, who, chance(k, PEOPLE));
	} else if (what < 70) {
		request(w, "HEY|%s|%s|", people[who], token);
	} else if (what < 74) {
		w->dead[k->at[who].port] = !w->dead[k->at[who].port];
	} else if (what < 80) {
		if (!w->hold)
			k->held_us = w->now.mono_us;
		w->hold = true;
	} else if (what < 88) {
		come_down(k);
	} else if (what < 97) {
		wait_s(w, (int)chance(k, w->hold ? 10 : 20));
	} else if (what < 98 && k->logins < PASSWORDS) {
		k->moved |= w->n_held > 0;
		request(w, "OUT|%s|%s|", people[who], token);
		k->at[who].token[0] = 0;
	} else if (k->logins < PASSWORDS) {
		walk_in(k, who);
	}
	look_at_all(k);
	/* a connection comes about within 20 s, or it fails */
	if (w->n_held > 100 || w->now.mono_us - k->held_us > 10 * SEC)
		come_down(k);
}

/* No text that was taken is lost, and none comes twice unless its reader went
 * somewhere else while it was on its way. */
static void walk(struct world *w, int logins)
{
	struct walk k = {.w = w, .port = 10000, .logins = PASSWORDS - logins};
	const char *given = getenv("SOTTO_SEED");

	k.seed = given ? strtoull(given, NULL, 10) : (uint64_t)k.w->now.wall_us;
	print_message("    SOTTO_SEED=%llu\n", (unsigned long long)k.seed);
	for (unsigned i = 0; i < PEOPLE; i++)
		walk_in(&k, i);
	for (int i = 0; i < STEPS; i++)
		step(&k);
	come_down(&k);
	wait_s(k.w, 12);
	for (unsigned i = 0; i < PEOPLE; i++) {
		if (logins > PEOPLE)
			walk_in(&k, i);
		w->dead[k.at[i].port] = false;
		for (int n = 0; n < 40; n++) {
			request(k.w, "HEY|%s|%s|", people[i], k.at[i].token);
			look_at_all(&k);
		}
	}
	look_at_all(&k);
	for (int i = 0; i < k.written; i++)
		if (!k.came[i] || (k.came[i] > 1 && !k.moved))
			fail_msg("text %d of %d came %u times", i, k.written,
				 k.came[i]);
}

static void walk__loses__nothing(void **state)
{
	walk(*state, PASSWORDS);
}

static void walk__brings__once_to_who_stays(void **state)
{
	walk(*state, PEOPLE);
}

/* ---- where it is kept ---- */

static void store__is_beside__that_of_the_center(void **state)
{
	static const char *const row[][2] = {
	    {"/home/c/center.db", "/home/c/plain.db"},
	    {"center.db", "plain.db"},
	    {"nats://h", "nats://h?prefix=sotto-plain"},
	    {"tls://h?shards=2", "tls://h?shards=2&prefix=sotto-plain"},
	    {"nats://h?prefix=a&shards=2", "nats://h?prefix=a-plain&shards=2"},
	    {"nats://h?shards=2&prefix=a", "nats://h?shards=2&prefix=a-plain"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		char *got = center_beside(row[i][0]);

		assert_string_equal(got, row[i][1]);
		free(got);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(session__is_served__as_it_was),
	    TEST(login__is_refused__in_its_words),
	    TEST(login__counts__one_source_only_for_one_user),
	    TEST(login__takes__no_name_for_a_user),
	    TEST(login__ends__after_many_tries),
	    TEST(login__needs__a_port_of_people),
	    TEST(login__ends__with_a_frame_too_many),
	    TEST(login__waits__as_long_as_a_person_types),
	    TEST(login__looks__at_who_asked_least),
	    TEST(login__at_another_place__is_told_at_the_first),
	    TEST(silence__of_30_seconds__is_said_once),
	    TEST(logout__is_said__to_the_rest),
	    TEST(token__that_is_wrong__hears_nothing),
	    TEST(frames__of_no_sense__end_the_connection),
	    TEST(message__is_brought__clean),
	    TEST(message__that_is_long__comes_in_pieces),
	    TEST(broadcast__comes__to_all_but_who_blocks),
	    TEST(block__is_kept__with_the_account),
	    TEST(letters__wait__also_for_the_next_center),
	    TEST(letters__that_are_many__come_in_frames),
	    TEST(letters__are_bounded__for_each),
	    TEST(letters__wait__for_who_is_deaf),
	    TEST(letters__wait__when_a_place_is_left),
	    TEST(address__is_given__with_consent_and_once),
	    TEST(address__is_not_asked__of_who_is_not_there),
	    TEST(visitors__who_are_too_many__go_by_source),
	    TEST(requests__are_bounded__in_time),
	    TEST(line__that_is_full__loses_no_text),
	    TEST(line__that_is_lost__is_tried_again),
	    TEST(walk__loses__nothing),
	    TEST(walk__brings__once_to_who_stays),
	    cmocka_unit_test(store__is_beside__that_of_the_center),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
