#include "proto/guard.h"
#include "src/lines.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka needs the first two */
#include <cmocka.h>

static struct now at = {.mono_us = 1000000, .wall_us = 1000000};

static struct bytes view(const char *s)
{
	return (struct bytes){(const uint8_t *)s, strlen(s)};
}

/* ---- the server's end, as a front end drives it ---- */

struct server {
	struct lines *l;
	struct buf out;
};

static struct server server_new(void)
{
	at = (struct now){.mono_us = 1000000, .wall_us = 1000000};
	return (struct server){.l = lines_new()};
}

static void server_free(struct server *s)
{
	lines_free(s->l);
	buf_free(&s->out);
}

/* What has been written since; good until the next call. */
static const char *said(struct server *s)
{
	static char *text;

	free(text);
	text = xstrndup((struct bytes){s->out.p, s->out.n});
	s->out.n = 0;
	return text;
}

/* Feeds a line; the command that comes of it, or NULL. */
static struct command *ask(struct server *s, const char *line)
{
	struct command *cmd = NULL;

	lines_feed(s->l, view(line));
	lines_feed(s->l, view("\n"));
	return lines_next(s->l, &at, &cmd, &s->out) ? cmd : NULL;
}

static uint64_t ref_of(struct command *cmd)
{
	uint64_t ref;

	assert_non_null(cmd);
	ref = cmd->ref;
	command_free(cmd);
	return ref;
}

static struct uuid number(unsigned n)
{
	struct uuid id = {{0}};

	memcpy(id.b, &n, sizeof n);
	id.b[15] = 1;
	return id;
}

static char hello[] = "hello";

static struct message message(unsigned n, enum delivery d)
{
	return (struct message){.n = n,
				.with = 7,
				.id = number(n),
				.delivery = d,
				.incoming = d == D_RECEIVED || d == D_REQUEST,
				.text = hello};
}

static void tell(struct server *s, enum event_kind kind, uint64_t ref,
		 struct message *m)
{
	struct event ev = {.kind = kind, .ref = ref, .message = m};

	lines_event(s->l, &at, &ev, &s->out);
}

static void tell_result(struct server *s, uint64_t ref, enum code code)
{
	struct event ev = {.kind = EV_RESULT, .ref = ref, .code = code};

	lines_event(s->l, &at, &ev, &s->out);
}

/* A send that the engine took, as message n. */
static void sent(struct server *s, const char *line, unsigned n)
{
	struct message m = message(n, D_QUEUED);
	uint64_t ref = ref_of(ask(s, line));

	tell(s, EV_RESULT, ref, &m);
}

static void status(struct server *s, unsigned n, enum delivery d)
{
	struct message m = message(n, d);

	tell(s, EV_STATUS, 0, &m);
}

static unsigned count(const char *text, const char *what)
{
	unsigned n = 0;

	for (; (text = strstr(text, what)); text++)
		n++;
	return n;
}

#define assert_says(s, what)                                                   \
	do {                                                                   \
		const char *text_ = said(s);                                   \
		if (!strstr(text_, what))                                      \
			fail_msg("no %s in: %s", what, text_);                 \
	} while (0)

/* ---- bytes become lines ---- */

static void lines__splits__what_comes_in_any_pieces(void **state)
{
	static const char in[] = "one\ntwo\r\n\nfour";
	struct lines *l = lines_new();
	struct bytes line;
	bool too_long;
	unsigned n = 0;

	(void)state;
	for (const char *p = in; *p; p++) {
		static const char *const want[] = {"one", "two", ""};

		lines_feed(l, (struct bytes){(const uint8_t *)p, 1});
		while (lines_split(l, &line, &too_long)) {
			assert_false(too_long);
			assert_int_equal(line.n, strlen(want[n]));
			assert_memory_equal(line.p, want[n], line.n);
			n++;
		}
	}
	assert_int_equal(n, 3);
	lines_free(l);
}

static void lines__forgets__the_rest_of_a_long_line(void **state)
{
	struct lines *l = lines_new();
	char *piece = malloc(100000);
	struct bytes line;
	bool too_long;
	unsigned n = 0;

	(void)state;
	memset(piece, 'x', 100000);
	for (int i = 0; i < 50; i++) {
		lines_feed(l, (struct bytes){(uint8_t *)piece, 100000});
		while (lines_split(l, &line, &too_long)) {
			assert_true(too_long);
			n++;
		}
	}
	assert_int_equal(n, 1);
	lines_feed(l, view("tail\nnext\n"));
	assert_true(lines_split(l, &line, &too_long));
	assert_false(too_long);
	assert_memory_equal(line.p, "next", 4);
	assert_false(lines_split(l, &line, &too_long));
	free(piece);
	lines_free(l);
}

static void lines__takes__256_kib_and_no_byte_more(void **state)
{
	struct lines *l = lines_new();
	char *piece = malloc(LINE_MAX_BYTES + 1);
	struct bytes line;
	bool too_long;

	(void)state;
	memset(piece, 'x', LINE_MAX_BYTES + 1);
	for (size_t more = 0; more < 2; more++) {
		lines_feed(
		    l, (struct bytes){(uint8_t *)piece, LINE_MAX_BYTES + more});
		lines_feed(l, view("\r\n"));
		assert_true(lines_split(l, &line, &too_long));
		assert_int_equal(too_long, more);
		assert_false(lines_split(l, &line, &too_long));
	}
	free(piece);
	lines_free(l);
}

/* ---- results ---- */

/* sotto(1): "every command gets exactly one `result` with its `ref`" */
static void lines__answers__with_the_callers_ref(void **state)
{
	struct server s = server_new();
	uint64_t ref =
	    ref_of(ask(&s, "{\"cmd\":\"peers\",\"ref\":\"\\\"p1\\u00e9\"}"));

	(void)state;
	assert_true(lines_open(s.l));
	tell_result(&s, ref, CODE_OK);
	assert_string_equal(
	    said(&s), "{\"v\":1,\"event\":\"result\",\"ref\":\"\\\"p1\u00e9\","
		      "\"ok\":true,\"more\":false}\n");
	assert_false(lines_open(s.l));
	tell_result(&s, ref, CODE_OK);
	assert_string_equal(said(&s), "");
	server_free(&s);
}

static void lines__refuses__what_is_no_command(void **state)
{
	static const char *const bad[] = {
	    "x",
	    "{}",
	    "[1]",
	    "{\"cmd\":5}",
	    "{\"cmd\":\"dance\"}",
	    "{\"cmd\":\"id\",\"ref\":1}",
	    "{\"cmd\":\"send\",\"text\":{}}",
	    "{\"cmd\":\"send\",\"contact\":\"7\"}",
	    "{\"cmd\":\"history\",\"limit\":-1}",
	    "{\"cmd\":\"send\",\"wait\":\"\"}",
	    "{\"cmd\":\"send\",\"on_timeout\":\"drop\"}",
	    "{\"cmd\":\"send\",\"timeout_ms\":true}",
	    "{\"cmd\":\"reply\",\"reply_to\":\"0199\"}",
	};
	struct server s = server_new();

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert_null(ask(&s, bad[i]));
		const char *text = said(&s);

		assert_int_equal(count(text, "\n"), 1);
		assert_non_null(strstr(text, "\"code\":\"bad_command\""));
	}
	assert_null(ask(&s, "{\"cmd\":\"id\",\"ref\":\"r1\""));
	assert_says(&s, "\"ref\":\"r1\"");
	assert_false(lines_open(s.l));
	server_free(&s);
}

static void lines__keeps__at_most_256_open(void **state)
{
	struct server s = server_new();
	uint64_t first = 0;

	(void)state;
	for (int i = 0; i < REFS_MAX; i++) {
		uint64_t ref =
		    ref_of(ask(&s, "{\"cmd\":\"id\",\"ref\":\"r\"}"));

		first = first ? first : ref;
	}
	assert_string_equal(said(&s), "");
	assert_null(ask(&s, "{\"cmd\":\"id\",\"ref\":\"over\"}"));
	assert_says(&s,
		    "\"ref\":\"over\",\"ok\":false,\"code\":\"queue_full\"");
	tell_result(&s, first, CODE_OK);
	command_free(ask(&s, "{\"cmd\":\"id\",\"ref\":\"again\"}"));
	assert_says(&s, "\"ok\":true");
	server_free(&s);
}

static void lines__says__when_the_engine_refuses(void **state)
{
	struct server s = server_new();
	uint64_t ref = ref_of(ask(&s, "{\"cmd\":\"id\",\"ref\":\"a\"}"));

	(void)state;
	lines_refused(s.l, &at, ref, ERR_FULL, &s.out);
	assert_says(&s, "\"ref\":\"a\",\"ok\":false,\"code\":\"queue_full\"");
	assert_false(lines_open(s.l));
	server_free(&s);
}

/* What comes after the key, and is what one types next. */
static void lines__waits__for_the_name_of_whom_we_connect(void **state)
{
	struct server s = server_new();
	struct contact c = {.id = 7, .dialect = "sotto", .trust = TRUST_NEW};
	struct event ev = {.kind = EV_RESULT, .contact = &c};
	static const char connect[] = "{\"cmd\":\"connect\",\"ref\":\"c\","
				      "\"to\":\"b\"}";

	(void)state;
	ev.ref = ref_of(ask(&s, connect));
	lines_event(s.l, &at, &ev, &s.out);
	assert_string_equal(said(&s), "");
	ev = (struct event){.kind = EV_PEER, .contact = &c};
	c.presence = P_ONLINE;
	lines_event(s.l, &at, &ev, &s.out);
	assert_null(strstr(said(&s), "result"));
	c.id = 8;
	c.nick[0] = 'x';
	lines_event(s.l, &at, &ev, &s.out);
	assert_null(strstr(said(&s), "result"));
	c.id = 7;
	lines_event(s.l, &at, &ev, &s.out);
	assert_says(&s, "\"ref\":\"c\",\"ok\":true,\"peer\":{\"id\":null,"
			"\"nick\":\"x\"");
	assert_false(lines_open(s.l));
	c.nick[0] = 0; /* whoever says none is waited for two seconds */
	ev = (struct event){.kind = EV_RESULT, .contact = &c};
	ev.ref = ref_of(ask(&s, connect));
	lines_event(s.l, &at, &ev, &s.out);
	at.mono_us = lines_deadline(s.l);
	lines_tick(s.l, &at, &s.out);
	assert_says(&s, "\"ref\":\"c\",\"ok\":true");
	assert_false(lines_open(s.l));
	server_free(&s);
}

/* ---- wait ---- */

static const char send_ack[] =
    "{\"cmd\":\"send\",\"ref\":\"s\",\"to\":\"bob\",\"text\":\"x\"}";
static const char done[] = "\"ref\":\"s\",\"ok\":true";

static void lines__waits__for_the_ack(void **state)
{
	struct server s = server_new();

	(void)state;
	sent(&s, send_ack, 1);
	status(&s, 1, D_SENT);
	status(&s, 2, D_DELIVERED);
	assert_null(strstr(said(&s), "\"result\""));
	assert_int_equal(lines_deadline(s.l), at.mono_us + 30000000);
	status(&s, 1, D_DELIVERED);
	const char *text = said(&s);

	assert_non_null(strstr(text, done));
	assert_non_null(strstr(text, "\"state\":\"delivered\""));
	assert_int_equal(lines_deadline(s.l), INT64_MAX);
	server_free(&s);
}

static void lines__waits__as_it_is_told(void **state)
{
	struct server s = server_new();

	(void)state;
	sent(&s,
	     "{\"cmd\":\"send\",\"ref\":\"s\",\"to\":\"b\",\"text\":\"x\","
	     "\"wait\":\"none\"}",
	     1);
	assert_says(&s, done);
	sent(&s,
	     "{\"cmd\":\"send\",\"ref\":\"s\",\"to\":\"b\",\"text\":\"x\","
	     "\"wait\":\"sent\"}",
	     2);
	assert_string_equal(said(&s), "");
	status(&s, 2, D_SENT);
	assert_says(&s, done);
	assert_false(lines_open(s.l));
	server_free(&s);
}

static void lines__says__what_the_peer_refused(void **state)
{
	struct server s = server_new();
	struct message m = message(1, D_FAILED);
	char refused[] = "refused";

	(void)state;
	sent(&s, send_ack, 1);
	m.error = refused;
	tell(&s, EV_STATUS, 0, &m);
	assert_says(&s,
		    "\"ok\":false,\"code\":\"refused\",\"error\":\"refused\"");
	server_free(&s);
}

static void lines__takes_back__what_is_too_late(void **state)
{
	struct server s = server_new();
	struct command *cmd;

	(void)state;
	sent(&s,
	     "{\"cmd\":\"send\",\"ref\":\"s\",\"to\":\"b\",\"text\":\"x\","
	     "\"timeout_ms\":50}",
	     1);
	status(&s, 1, D_SENT);
	lines_tick(s.l, &at, &s.out);
	assert_false(lines_next(s.l, &at, &cmd, &s.out));
	at.mono_us += 50000;
	lines_tick(s.l, &at, &s.out);
	assert_true(lines_next(s.l, &at, &cmd, &s.out));
	assert_int_equal(cmd->kind, CMD_CANCEL);
	struct uuid want = number(1);

	assert_memory_equal(&cmd->id, &want, sizeof want);
	said(&s);
	uint64_t ref = ref_of(cmd);

	status(&s, 1, D_CANCELLED);
	assert_null(strstr(said(&s), "\"result\""));
	tell_result(&s, ref, CODE_OK);
	const char *text = said(&s);

	assert_non_null(strstr(text, "\"code\":\"timeout\""));
	assert_non_null(strstr(text, "\"state\":\"sent\""));
	assert_false(lines_open(s.l));
	server_free(&s);
}

static void lines__believes__an_ack_that_beats_the_cancel(void **state)
{
	for (int by_status = 0; by_status < 2; by_status++) {
		struct server s = server_new();
		struct command *cmd;
		uint64_t ref;

		(void)state;
		sent(&s, send_ack, 1);
		at.mono_us += 30000000;
		lines_tick(s.l, &at, &s.out);
		assert_true(lines_next(s.l, &at, &cmd, &s.out));
		ref = ref_of(cmd);
		if (by_status)
			status(&s, 1, D_DELIVERED);
		tell_result(&s, ref, CODE_ERROR);
		const char *text = said(&s);

		assert_int_equal(count(text, "\"event\":\"result\""), 1);
		assert_non_null(strstr(text, done));
		server_free(&s);
	}
}

static void lines__leaves__queued_what_may_stay(void **state)
{
	struct server s = server_new();
	struct command *cmd;

	(void)state;
	sent(&s,
	     "{\"cmd\":\"send\",\"ref\":\"s\",\"to\":\"b\",\"text\":\"x\","
	     "\"timeout_ms\":5,\"on_timeout\":\"queue\"}",
	     1);
	at.mono_us += 5000;
	lines_tick(s.l, &at, &s.out);
	assert_says(&s, "\"code\":\"queued\"");
	assert_false(lines_next(s.l, &at, &cmd, &s.out));
	server_free(&s);
}

static void lines__gives_up__when_the_key_changed(void **state)
{
	struct server s = server_new();
	struct message m = message(1, D_QUEUED);
	struct command *cmd;

	(void)state;
	sent(&s, send_ack, 1);
	m.held = true;
	tell(&s, EV_STATUS, 0, &m);
	assert_true(lines_next(s.l, &at, &cmd, &s.out));
	assert_int_equal(cmd->kind, CMD_CANCEL);
	tell_result(&s, ref_of(cmd), CODE_OK);
	assert_says(&s, "\"code\":\"key\"");
	server_free(&s);
}

static void lines__answers__everything_at_the_end(void **state)
{
	struct server s = server_new();
	struct event bye = {.kind = EV_BYE};

	(void)state;
	sent(&s, send_ack, 1);
	command_free(ask(&s, "{\"cmd\":\"id\",\"ref\":\"i\"}"));
	lines_event(s.l, &at, &bye, &s.out);
	const char *text = said(&s);

	assert_non_null(
	    strstr(text, "\"ref\":\"s\",\"ok\":false,\"code\":\"queued\""));
	assert_non_null(
	    strstr(text, "\"ref\":\"i\",\"ok\":false,\"code\":\"error\""));
	assert_string_equal(
	    strstr(text, "{\"v\":1,\"event\":\"bye\""),
	    "{\"v\":1,\"event\":\"bye\",\"reason\":\"quit\"}\n");
	assert_false(lines_open(s.l));
	server_free(&s);
}

/* ---- who wrote last ---- */

static const char reply[] = "{\"cmd\":\"reply\",\"ref\":\"r\",\"text\":\"x\"}";

static void arrives(struct server *s, unsigned n, contact_id who)
{
	struct message m = message(n, D_RECEIVED);
	struct contact c = {.id = who, .dialect = "sotto"};
	struct event ev = {.kind = EV_MESSAGE, .message = &m, .contact = &c};

	m.with = who;
	snprintf(c.nick, sizeof c.nick, "peer%d", (int)who);
	lines_event(s->l, &at, &ev, &s->out);
}

static void lines__replies__to_the_last_line_written(void **state)
{
	struct server s = server_new();
	struct command *cmd;
	struct uuid two = number(2);

	(void)state;
	assert_null(ask(&s, reply));
	assert_says(&s, "\"code\":\"unknown\"");
	arrives(&s, 1, 7);
	arrives(&s, 2, 7);
	said(&s);
	cmd = ask(&s, reply);
	assert_non_null(cmd);
	assert_int_equal(cmd->contact, 7);
	assert_memory_equal(&cmd->id, &two, sizeof two);
	command_free(cmd);
	arrives(&s, 3, 8); /* 7 is answered: this is the only one open */
	cmd = ask(&s, reply);
	assert_non_null(cmd);
	assert_int_equal(cmd->contact, 8);
	command_free(cmd);
	arrives(&s, 4, 7);
	arrives(&s, 5, 8);
	said(&s);
	assert_null(ask(&s, reply));
	const char *text = said(&s);

	assert_non_null(strstr(text, "\"code\":\"ambiguous\""));
	assert_non_null(strstr(text, "peer7"));
	assert_non_null(strstr(text, "peer8"));
	server_free(&s);
}

/* ---- all ---- */

static void give_contacts(struct server *s, uint64_t ref, int from, int n,
			  bool more)
{
	struct contact c = {
	    .dialect = "sotto", .presence = P_ONLINE, .trust = TRUST_PINNED};
	struct event ev = {.kind = EV_ITEM, .ref = ref, .contact = &c};

	for (c.id = from; c.id < from + n; c.id++)
		lines_event(s->l, &at, &ev, &s->out);
	ev = (struct event){.kind = EV_RESULT, .ref = ref, .more = more};
	ev.next = from + n - 1;
	lines_event(s->l, &at, &ev, &s->out);
}

static void lines__tells__the_fate_of_an_all(void **state)
{
	struct server s = server_new();
	struct command *cmd =
	    ask(&s, "{\"cmd\":\"all\",\"ref\":\"a\",\"text\":\"x\"}");
	unsigned n = 0, open = 0;
	uint64_t ref;

	(void)state;
	assert_int_equal(cmd->kind, CMD_SNAPSHOT);
	ref = ref_of(cmd);
	give_contacts(&s, ref, 1, 100, true);
	assert_true(lines_next(s.l, &at, &cmd, &s.out));
	assert_int_equal(cmd->kind, CMD_SNAPSHOT);
	assert_int_equal(cmd->n, 100);
	ref = ref_of(cmd);
	give_contacts(&s, ref, 101, 50, false);
	while (lines_next(s.l, &at, &cmd, &s.out)) {
		struct message m = message(++n, D_QUEUED);

		assert_int_equal(cmd->kind, CMD_SEND);
		assert_int_equal(cmd->contact, n);
		assert_string_equal(cmd->text, "x");
		tell(&s, EV_RESULT, ref_of(cmd), &m);
		open++;
		assert_true(open <= 64);
		if (open < 32)
			continue;
		for (; open; open--)
			status(&s, n - open + 1,
			       n - open + 1 == 77 ? D_FAILED : D_DELIVERED);
	}
	for (; open; open--)
		status(&s, n - open + 1, D_DELIVERED);
	assert_int_equal(n, 150);
	const char *text = strstr(said(&s), "\"event\":\"result\"");

	assert_non_null(text);
	assert_non_null(strstr(text, "\"code\":\"partly\""));
	assert_non_null(
	    strstr(text, "\"acknowledged\":149,\"recipients\":150"));
	assert_int_equal(count(text, "\"state\":\"delivered\""), 149);
	assert_int_equal(count(text, "\"code\":\"refused\""), 1);
	assert_false(lines_open(s.l));
	server_free(&s);
}

static void lines__finds__nobody_for_an_all(void **state)
{
	struct server s = server_new();

	(void)state;
	tell_result(&s,
		    ref_of(ask(&s, "{\"cmd\":\"all\",\"ref\":\"a\","
				   "\"text\":\"x\"}")),
		    CODE_OK);
	assert_says(&s, "\"code\":\"unreachable\"");
	server_free(&s);
}

/* ---- what EV_LOST took ---- */

static void told(struct server *s, unsigned n)
{
	struct message m = message(n, D_RECEIVED);

	tell(s, EV_MESSAGE, 0, &m);
}

static void page(struct server *s, uint64_t ref, unsigned from, unsigned to,
		 bool more)
{
	struct event ev = {.kind = EV_RESULT, .ref = ref, .more = more};

	for (unsigned n = from; n <= to; n++) {
		struct message m = message(n, D_RECEIVED);

		tell(s, EV_ITEM, ref, &m);
	}
	ev.next = to;
	lines_event(s->l, &at, &ev, &s->out);
}

static void lines__misses__no_message(void **state)
{
	struct server s = server_new();
	struct event lost = {.kind = EV_LOST};
	struct command *cmd;
	uint64_t ref;

	(void)state;
	lines_replay(s.l);
	assert_true(lines_next(s.l, &at, &cmd, &s.out));
	assert_int_equal(cmd->kind, CMD_HISTORY);
	page(&s, ref_of(cmd), 10, 10, true);
	assert_string_equal(said(&s), ""); /* what was there is not told */
	told(&s, 11);
	lines_event(s.l, &at, &lost, &s.out); /* 12 to 20 are gone */
	told(&s, 21); /* and this one is not told before its turn */
	assert_int_equal(count(said(&s), "\"event\":\"message\""), 1);
	assert_true(lines_next(s.l, &at, &cmd, &s.out));
	assert_int_equal(cmd->kind, CMD_SINCE);
	assert_int_equal(cmd->n, 11);
	ref = ref_of(cmd);
	page(&s, ref, 12, 15, true);
	assert_int_equal(count(said(&s), "\"event\":\"message\""), 4);
	assert_true(lines_next(s.l, &at, &cmd, &s.out));
	assert_int_equal(cmd->n, 15);
	told(&s, 22);
	page(&s, ref_of(cmd), 16, 20, false); /* read before 21 was there */
	assert_int_equal(count(said(&s), "\"event\":\"message\""), 5);
	assert_true(lines_next(s.l, &at, &cmd, &s.out));
	assert_int_equal(cmd->n, 20);
	page(&s, ref_of(cmd), 21, 22, false);
	assert_int_equal(count(said(&s), "\"event\":\"message\""), 2);
	assert_false(lines_next(s.l, &at, &cmd, &s.out));
	told(&s, 23);
	assert_int_equal(count(said(&s), "\"event\":\"message\""), 1);
	assert_false(lines_open(s.l));
	server_free(&s);
}

static void lines__reads_again__a_page_with_holes(void **state)
{
	struct server s = server_new();
	struct event lost = {.kind = EV_LOST};
	struct command *cmd;
	uint64_t ref;

	(void)state;
	lines_replay(s.l);
	command_free(ask(&s, ""));
	told(&s, 5);
	lines_event(s.l, &at, &lost, &s.out);
	assert_true(lines_next(s.l, &at, &cmd, &s.out));
	ref = ref_of(cmd);
	said(&s);
	lines_event(s.l, &at, &lost, &s.out);
	page(&s, ref, 8, 9, false); /* 6 and 7 went with the second one */
	assert_null(strstr(said(&s), "\"event\":\"message\""));
	assert_true(lines_next(s.l, &at, &cmd, &s.out));
	assert_int_equal(cmd->n, 5);
	page(&s, ref_of(cmd), 6, 9, false);
	assert_int_equal(count(said(&s), "\"event\":\"message\""), 4);
	assert_false(lines_next(s.l, &at, &cmd, &s.out));
	server_free(&s);
}

static void lines__ends__reading_what_was_forgotten(void **state)
{
	struct server s = server_new();
	struct event lost = {.kind = EV_LOST};
	struct command *cmd;

	(void)state;
	lines_replay(s.l);
	command_free(ask(&s, ""));
	told(&s, 5);
	lines_event(s.l, &at, &lost, &s.out);
	told(&s, 9); /* its contact is forgotten before the page is read */
	for (int i = 0; i < 2; i++) {
		assert_true(lines_next(s.l, &at, &cmd, &s.out));
		assert_int_equal(cmd->kind, CMD_SINCE);
		tell_result(&s, ref_of(cmd), CODE_OK);
	}
	assert_false(lines_next(s.l, &at, &cmd, &s.out));
	said(&s);
	told(&s, 10);
	assert_says(&s, "\"n\":10");
	server_free(&s);
}

static void lines__answers__a_send_whose_status_was_lost(void **state)
{
	struct server s = server_new();
	struct event lost = {.kind = EV_LOST};
	struct message m = message(4, D_DELIVERED);
	struct command *cmd;
	uint64_t ref;

	(void)state;
	sent(&s, send_ack, 4);
	lines_event(s.l, &at, &lost, &s.out);
	assert_says(&s, "{\"v\":1,\"event\":\"lost\"}\n");
	assert_true(lines_next(s.l, &at, &cmd, &s.out));
	assert_int_equal(cmd->kind, CMD_SINCE);
	assert_int_equal(cmd->n, 3);
	ref = ref_of(cmd);
	tell(&s, EV_ITEM, ref, &m);
	const char *text = said(&s);

	assert_int_equal(count(text, "\n"), 1); /* and no message line */
	assert_non_null(strstr(text, done));
	tell_result(&s, ref, CODE_OK);
	assert_false(lines_next(s.l, &at, &cmd, &s.out));
	server_free(&s);
}

static void lines__asks_again__when_the_disk_was_ill(void **state)
{
	struct server s = server_new();
	struct event lost = {.kind = EV_LOST};
	struct command *cmd;

	(void)state;
	sent(&s, send_ack, 4);
	lines_event(s.l, &at, &lost, &s.out);
	assert_true(lines_next(s.l, &at, &cmd, &s.out));
	tell_result(&s, ref_of(cmd), CODE_DISK_FULL);
	assert_false(lines_next(s.l, &at, &cmd, &s.out));
	assert_int_equal(lines_deadline(s.l), at.mono_us + 1000000);
	at.mono_us += 1000000;
	lines_tick(s.l, &at, &s.out);
	assert_true(lines_next(s.l, &at, &cmd, &s.out));
	assert_int_equal(cmd->n, 3);
	command_free(cmd);
	server_free(&s);
}

/* ---- there and back ---- */

static char draft[] =
    "half a \"line\"\n\\ \x01\x7f /\xe2\x80\xa8 \xf0\x9f\x98\x80";

static struct contact some_contact(void)
{
	struct contact c = {.id = 7,
			    .dialect = "sotto",
			    .trust = TRUST_VERIFIED,
			    .blocked = true,
			    .changed = true,
			    .secure = true,
			    .gone = true,
			    .became = 9,
			    .presence = P_DIALLING,
			    .via = VIA_LAN,
			    .unread = 3,
			    .waiting = 4,
			    .requests = 5,
			    .read_upto = 1234567890123,
			    .last = 1234567890125,
			    .draft = draft,
			    .cursor = 6};

	memset(c.key.b, 0xa5, sizeof c.key.b);
	memset(c.draft_answers.b, 0x17, sizeof c.draft_answers.b);
	c.at.port = 6327;
	assert_true(ip_parse(view("2001:db8::1"), c.at.ip));
	snprintf(c.nick, sizeof c.nick, "bob \xc3\xa9");
	snprintf(c.petname, sizeof c.petname, "Robert");
	snprintf(c.ident, sizeof c.ident, "sotto://[2001:db8::1]:6327");
	return c;
}

static struct message some_message(void)
{
	struct message m = {.n = 42,
			    .with = 7,
			    .incoming = true,
			    .secure = true,
			    .seq = 12,
			    .sent_ms = 1795183200123,
			    .stored_ms = 1795442400125,
			    .acked_ms = 1795442400130,
			    .next_ms = 1795442400140,
			    .expire_ms = 1795442400150,
			    .rtt_us = 3125,
			    .delivery = D_RECEIVED,
			    .text = draft,
			    .quote = hello,
			    .error = hello,
			    .tries = 3,
			    .held = true};

	memset(m.id.b, 0x42, sizeof m.id.b);
	memset(m.answers.b, 0x43, sizeof m.answers.b);
	snprintf(m.stamp, sizeof m.stamp, "2026-11-20T14:00:00.123Z");
	strcpy(m.ack_stamp, "2026-11-20T14:00:00.130Z");
	strcpy(m.quote_stamp, "2026-11-20T13:00:00+01:00");
	assert_true(ip_parse(view("192.0.2.1"), m.from.ip));
	m.from.port = 1;
	assert_true(ip_parse(view("2001:db8::2"), m.to.ip));
	m.to.port = 65535;
	return m;
}

static struct event *back(struct server *s)
{
	struct event *ev = NULL;
	const char *text = said(s);
	size_t n = strlen(text);

	assert_true(n > 1 && text[n - 1] == '\n');
	assert_int_equal(count(text, "\n"), 1);
	assert_int_equal(
	    lines_get((struct bytes){(const uint8_t *)text, n - 1}, &ev), OK);
	assert_non_null(ev);
	return ev;
}

static void assert_contact(const struct contact *a, const struct contact *b)
{
	struct contact x = *a, y = *b;

	assert_string_equal(x.dialect, y.dialect);
	assert_string_equal(x.draft, y.draft);
	assert_string_equal(x.nick, y.nick);
	assert_string_equal(x.petname, y.petname);
	assert_string_equal(x.ident, y.ident);
	x.dialect = y.dialect = NULL;
	x.draft = y.draft = NULL;
	assert_int_equal(x.id, y.id);
	assert_memory_equal(&x.key, &y.key, sizeof x.key);
	assert_int_equal(x.trust, y.trust);
	assert_true(x.blocked == y.blocked && x.changed == y.changed);
	assert_true(x.secure == y.secure && x.gone == y.gone);
	assert_int_equal(x.became, y.became);
	assert_int_equal(x.presence, y.presence);
	assert_memory_equal(x.at.ip, y.at.ip, 16);
	assert_int_equal(x.at.port, y.at.port);
	assert_int_equal(x.via, y.via);
	assert_int_equal(x.unread, y.unread);
	assert_int_equal(x.waiting, y.waiting);
	assert_int_equal(x.requests, y.requests);
	assert_int_equal(x.read_upto, y.read_upto);
	assert_int_equal(x.last, y.last);
	assert_int_equal(x.cursor, y.cursor);
	assert_memory_equal(&x.draft_answers, &y.draft_answers, 16);
}

static void assert_message(const struct message *x, const struct message *y)
{
	assert_string_equal(x->text, y->text);
	assert_string_equal(x->quote, y->quote);
	assert_string_equal(x->error, y->error);
	assert_string_equal(x->stamp, y->stamp);
	assert_string_equal(x->ack_stamp, y->ack_stamp);
	assert_string_equal(x->quote_stamp, y->quote_stamp);
	assert_memory_equal(&x->id, &y->id, 16);
	assert_memory_equal(&x->answers, &y->answers, 16);
	assert_memory_equal(x->from.ip, y->from.ip, 16);
	assert_memory_equal(x->to.ip, y->to.ip, 16);
	assert_int_equal(x->from.port, y->from.port);
	assert_int_equal(x->to.port, y->to.port);
	assert_int_equal(x->n, y->n);
	assert_int_equal(x->with, y->with);
	assert_true(x->incoming == y->incoming && x->secure == y->secure);
	assert_true(x->held == y->held);
	assert_int_equal(x->seq, y->seq);
	assert_int_equal(x->sent_ms, y->sent_ms);
	assert_int_equal(x->stored_ms, y->stored_ms);
	assert_int_equal(x->acked_ms, y->acked_ms);
	assert_int_equal(x->next_ms, y->next_ms);
	assert_int_equal(x->expire_ms, y->expire_ms);
	assert_int_equal(x->rtt_us, y->rtt_us);
	assert_int_equal(x->delivery, y->delivery);
	assert_int_equal(x->tries, y->tries);
}

static void lines__brings_back__peers_and_messages(void **state)
{
	static const enum event_kind kinds[] = {EV_PEER, EV_SECURITY, EV_READY,
						EV_MESSAGE};
	struct server s = server_new();
	struct contact c = some_contact();
	struct message m = some_message();
	char text[] = "key_changed";
	struct event ev = {.contact = &c, .message = &m, .text = text};

	(void)state;
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		ev.kind = kinds[i];
		lines_event(s.l, &at, &ev, &s.out);
		struct event *got = back(&s);

		assert_int_equal(got->kind, ev.kind);
		assert_contact(got->contact, &c);
		if (ev.kind == EV_MESSAGE)
			assert_message(got->message, &m);
		else
			assert_null(got->message);
		if (ev.kind == EV_SECURITY || ev.kind == EV_READY)
			assert_string_equal(got->text, text);
		event_free(got);
	}
	server_free(&s);
}

static void lines__brings_back__rows_and_results(void **state)
{
	static const char *const line[] = {
	    "{\"cmd\":\"history\",\"ref\":\"77\",\"peer\":\"b\"}",
	    "{\"cmd\":\"outbox\",\"ref\":\"77\"}",
	    "{\"cmd\":\"snapshot\",\"ref\":\"77\"}"};
	struct contact c = some_contact();
	struct message m = some_message();

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct server s = server_new();
		struct event ev = {.kind = EV_ITEM, .contact = &c};
		struct event *got;

		ev.ref = ref_of(ask(&s, line[i]));
		ev.message = i < 2 ? &m : NULL;
		lines_event(s.l, &at, &ev, &s.out);
		got = back(&s);
		assert_int_equal(got->kind, EV_ITEM);
		assert_int_equal(got->ref, 77);
		assert_contact(got->contact, &c);
		if (i < 2)
			assert_message(got->message, &m);
		event_free(got);
		ev.kind = EV_RESULT;
		ev.message = NULL;
		ev.contact = NULL;
		ev.more = true;
		ev.next = 40;
		lines_event(s.l, &at, &ev, &s.out);
		got = back(&s);
		assert_int_equal(got->kind, EV_RESULT);
		assert_int_equal(got->ref, 77);
		assert_int_equal(got->code, CODE_OK);
		assert_true(got->more);
		assert_int_equal(got->next, 40);
		event_free(got);
		server_free(&s);
	}
}

static void lines__brings_back__a_status(void **state)
{
	struct server s = server_new();
	struct message m = some_message();
	struct event ev = {.kind = EV_STATUS, .message = &m}, *got;

	(void)state;
	m.delivery = D_DELIVERED;
	m.incoming = false;
	lines_event(s.l, &at, &ev, &s.out);
	got = back(&s);
	assert_int_equal(got->message->delivery, D_DELIVERED);
	assert_memory_equal(&got->message->id, &m.id, 16);
	assert_int_equal(got->message->n, 42);
	assert_int_equal(got->message->with, 7);
	assert_string_equal(got->message->stamp, m.stamp);
	assert_string_equal(got->message->ack_stamp, m.ack_stamp);
	assert_int_equal(got->message->rtt_us, 3125);
	assert_int_equal(got->message->acked_ms, m.acked_ms);
	assert_true(got->message->held);
	assert_string_equal(got->message->error, hello);
	event_free(got);
	server_free(&s);
}

static void lines__brings_back__every_code(void **state)
{
	static const int exits[] = {0, 1, 2, 2, 2, 2, 3, 4, 5,
				    6, 6, 6, 6, 7, 8, 1, 1};

	(void)state;
	for (int i = CODE_OK; i <= CODE_DISK_FULL; i++) {
		struct server s = server_new();
		uint64_t ref =
		    ref_of(ask(&s, "{\"cmd\":\"id\",\"ref\":\"5\"}"));
		struct event *got;

		assert_int_equal(code_exit((enum code)i), exits[i]);
		tell_result(&s, ref, (enum code)i);
		got = back(&s);
		assert_int_equal(got->code, i);
		assert_int_equal(got->ref, 5);
		event_free(got);
		server_free(&s);
	}
}

static void lines__brings_back__every_command(void **state)
{
	(void)state;
	for (int i = CMD_SEND; i <= CMD_QUIT; i++) {
		struct server s = server_new();
		struct command cmd = {.kind = (enum command_kind)i,
				      .ref = 123456789012345,
				      .contact = 7,
				      .to = hello,
				      .n = 8,
				      .limit = 9,
				      .cursor = 10,
				      .yes = true,
				      .text = draft,
				      .name = hello};
		struct command *got;

		cmd.id = number(5);
		lines_put(&cmd, &s.out);
		assert_int_equal(s.out.p[s.out.n - 1], '\n');
		lines_feed(s.l, (struct bytes){s.out.p, s.out.n});
		s.out.n = 0;
		assert_true(lines_next(s.l, &at, &got, &s.out));
		assert_string_equal(said(&s), "");
		if (i == CMD_ALL) {
			assert_int_equal(got->kind, CMD_SNAPSHOT);
		} else {
			assert_int_equal(got->kind, i);
			assert_string_equal(got->text, draft);
		}
		assert_int_equal(got->contact, 7);
		assert_string_equal(got->to, hello);
		assert_string_equal(got->name, hello);
		assert_memory_equal(&got->id, &cmd.id, 16);
		assert_int_equal(got->n, 8);
		assert_int_equal(got->limit, 9);
		assert_int_equal(got->cursor, 10);
		assert_true(got->yes);
		tell_result(&s, ref_of(got), CODE_OK);
		assert_says(&s, "\"ref\":\"123456789012345\"");
		server_free(&s);
	}
}

static void lines__brings_back__the_small_events(void **state)
{
	struct server s = server_new();
	char text[] = "words";
	struct event ev = {.text = text}, *got;

	(void)state;
	ev.kind = EV_LOST;
	lines_event(s.l, &at, &ev, &s.out);
	got = back(&s);
	assert_int_equal(got->kind, EV_LOST);
	event_free(got);
	ev.kind = EV_NOTICE;
	ev.level = LEVEL_WARN;
	lines_event(s.l, &at, &ev, &s.out);
	got = back(&s);
	assert_int_equal(got->kind, EV_NOTICE);
	assert_int_equal(got->level, LEVEL_WARN);
	assert_string_equal(got->text, text);
	event_free(got);
	ev.kind = EV_BYE;
	lines_event(s.l, &at, &ev, &s.out);
	got = back(&s);
	assert_int_equal(got->kind, EV_BYE);
	assert_string_equal(got->text, text);
	event_free(got);
	server_free(&s);
}

static void lines__ignores__a_later_version(void **state)
{
	struct event *ev = NULL;

	(void)state;
	assert_int_equal(lines_get(view("{\"v\":2,\"event\":\"colour\"}"), &ev),
			 OK);
	assert_null(ev);
	assert_int_equal(lines_get(view("{\"v\":1}"), &ev), ERR_PARSE);
	assert_int_equal(lines_get(view("nonsense"), &ev), ERR_PARSE);
	assert_int_equal(lines_get((struct bytes){0}, &ev), ERR_PARSE);
}

/* The fields that sotto(1) promises, as they are written there. */
static void lines__writes__what_was_promised(void **state)
{
	struct server s = server_new();
	struct contact c = some_contact();
	struct message m = some_message();
	struct event ev = {.kind = EV_MESSAGE, .message = &m, .contact = &c};

	(void)state;
	c.petname[0] = c.ident[0] = 0;
	lines_event(s.l, &at, &ev, &s.out);
	const char *text = said(&s);
	const char *want[] = {
	    "{\"v\":1,\"event\":\"message\",\"id\":\"42424242-4242-4242-4242-"
	    "424242424242\",\"seq\":12,\"dir\":\"in\",\"peer\":{\"id\":\"",
	    "\"nick\":\"bob \xc3\xa9\",\"addr\":\"[2001:db8::1]:6327\","
	    "\"dialect\":\"sotto\",\"secure\":true,\"state\":\"dialling\","
	    "\"trust\":\"verified\",\"changed\":true,\"blocked\":true,"
	    "\"unread\":3",
	    "\"origin_ip\":\"192.0.2.1\",\"origin_port\":1,"
	    "\"destination_ip\":\"2001:db8::2\",\"destination_port\":65535,"
	    "\"timestamp\":\"2026-11-20T14:00:00.123Z\","
	    "\"received\":\"2026-11-23",
	    "\"text\":\"half a \\\"line\\\"\\n\\\\ \\u0001\x7f /\xe2\x80\xa8 "
	    "\xf0\x9f\x98\x80\",\"reply_to\":\"43434343-",
	    "\"original_timestamp\":\"2026-11-20T13:00:00+01:00\","
	    "\"original\":\"hello\",\"secure\":true,\"request\":false",
	};

	for (size_t i = 0; i < sizeof want / sizeof *want; i++)
		if (!strstr(text, want[i]))
			fail_msg("no %s in %s", want[i], text);
	server_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(lines__splits__what_comes_in_any_pieces),
	    cmocka_unit_test(lines__forgets__the_rest_of_a_long_line),
	    cmocka_unit_test(lines__takes__256_kib_and_no_byte_more),
	    cmocka_unit_test(lines__answers__with_the_callers_ref),
	    cmocka_unit_test(lines__refuses__what_is_no_command),
	    cmocka_unit_test(lines__keeps__at_most_256_open),
	    cmocka_unit_test(lines__says__when_the_engine_refuses),
	    cmocka_unit_test(lines__waits__for_the_name_of_whom_we_connect),
	    cmocka_unit_test(lines__waits__for_the_ack),
	    cmocka_unit_test(lines__waits__as_it_is_told),
	    cmocka_unit_test(lines__says__what_the_peer_refused),
	    cmocka_unit_test(lines__takes_back__what_is_too_late),
	    cmocka_unit_test(lines__believes__an_ack_that_beats_the_cancel),
	    cmocka_unit_test(lines__leaves__queued_what_may_stay),
	    cmocka_unit_test(lines__gives_up__when_the_key_changed),
	    cmocka_unit_test(lines__answers__everything_at_the_end),
	    cmocka_unit_test(lines__replies__to_the_last_line_written),
	    cmocka_unit_test(lines__tells__the_fate_of_an_all),
	    cmocka_unit_test(lines__finds__nobody_for_an_all),
	    cmocka_unit_test(lines__misses__no_message),
	    cmocka_unit_test(lines__reads_again__a_page_with_holes),
	    cmocka_unit_test(lines__ends__reading_what_was_forgotten),
	    cmocka_unit_test(lines__answers__a_send_whose_status_was_lost),
	    cmocka_unit_test(lines__asks_again__when_the_disk_was_ill),
	    cmocka_unit_test(lines__brings_back__peers_and_messages),
	    cmocka_unit_test(lines__brings_back__rows_and_results),
	    cmocka_unit_test(lines__brings_back__a_status),
	    cmocka_unit_test(lines__brings_back__every_code),
	    cmocka_unit_test(lines__brings_back__every_command),
	    cmocka_unit_test(lines__brings_back__the_small_events),
	    cmocka_unit_test(lines__ignores__a_later_version),
	    cmocka_unit_test(lines__writes__what_was_promised),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
