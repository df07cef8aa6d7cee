#include "src/clock.h"
#include "src/lines_json.h"
#include "ui/shell.h"
#include <errno.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
/* sotto send, recv, tail */

enum {
	EXIT_USAGE = 2,
	EXIT_TIMEOUT = 3,
	YEAR_S = 31536000,
	TAIL_MAX = 100000,
};

static struct bytes view(const char *s)
{
	return (struct bytes){(const uint8_t *)s, s ? strlen(s) : 0};
}

static char *copy_of(struct bytes s)
{
	return xstrndup(s);
}

/* ---- send ---- */

struct sending {
	const char *to, *wait, *reply_to;
	int64_t timeout_s;
	bool queue;
	char *text; /* owned */
};

/* All of stdin; of what is longer than a message only the length. */
static bool read_stdin(struct buf *b, size_t *total)
{
	char chunk[4096], last = 0;
	size_t n;

	*total = 0;
	while ((n = fread(chunk, 1, sizeof chunk, stdin)) > 0) {
		*total += n;
		last = chunk[n - 1];
		if (b->n <= TEXT_MAX + 1)
			buf_put(b, (struct bytes){(uint8_t *)chunk, n});
	}
	/* What `echo text |` adds is not part of the text. */
	if (last == '\n') {
		b->n -= *total == b->n;
		--*total;
	}
	return !ferror(stdin);
}

static int take_stdin(struct sending *m)
{
	struct buf b = {0};
	size_t total;
	int status = 0;

	if (!read_stdin(&b, &total)) {
		status = shell_fail(EXIT_FAILURE, "standard input: %s",
				    strerror(errno));
	} else {
		if (total > TEXT_MAX)
			status = shell_fail(EXIT_USAGE,
					    "%zu bytes; a message holds %d",
					    total, TEXT_MAX);
		else if (memchr(b.n ? (char *)b.p : "", 0, b.n))
			status = shell_fail(EXIT_USAGE, "not text: a NUL byte");
		else
			m->text = copy_of((struct bytes){b.p, b.n});
	}
	buf_free(&b);
	return status;
}

static int check_text(const struct sending *m)
{
	struct bytes s = view(m->text);

	if (!s.n)
		return shell_fail(EXIT_USAGE, "nothing to send");
	if (s.n > TEXT_MAX)
		return shell_fail(EXIT_USAGE, "%zu bytes; a message holds %d",
				  s.n, TEXT_MAX);
	if (!utf8_ok(s) || !utf8_ok(view(m->to)))
		return shell_fail(EXIT_USAGE, "that is not UTF-8");
	return 0;
}

static int read_sending(struct sending *m, struct words *w)
{
	static const char *const waits[] = {"ack", "sent", "none", NULL};
	struct uuid id;
	bool bad = false;

	m->queue = words_flag(w, "--queue");
	words_number(w, "--timeout", YEAR_S, &m->timeout_s, &bad);
	if (words_value(w, "--wait", &bad))
		m->wait = w->value;
	if (words_value(w, "--reply-to", &bad))
		m->reply_to = w->value;
	if (bad)
		return EXIT_USAGE;
	if (word_find(waits, m->wait) < 0)
		return shell_fail(EXIT_USAGE, "--wait ack, sent or none");
	if (m->reply_to && !uuid_parse(view(m->reply_to), &id))
		return shell_fail(EXIT_USAGE, "--reply-to takes a message id");
	if (!words_end(w, 3))
		return EXIT_USAGE;
	/* "--" ends options: a text may begin with a dash */
	for (int i = 1; i < w->argc; i++) {
		if (strcmp(w->argv[i], "--"))
			continue;
		for (; i + 1 < w->argc; i++)
			w->argv[i] = w->argv[i + 1];
		w->argc--;
	}
	if (w->argc < 2 || w->argc > 3)
		return shell_fail(EXIT_USAGE,
				  "usage: sotto send PEER [TEXT|-]");
	m->to = w->argv[1];
	if (w->argc == 3 && strcmp(w->argv[2], "-"))
		m->text = copy_of(view(w->argv[2]));
	else
		return take_stdin(m);
	return 0;
}

static void say_sent(struct shell *s)
{
	const struct event *a = s->answer;
	char id[37] = "";

	if (!s->text) {
		shell_line((struct bytes){s->answer_line.p, s->answer_line.n});
		return;
	}
	if (!a->message)
		return;
	uuid_text(id, &a->message->id);
	if (a->code == CODE_OK && s->cfg->verbose >= 0)
		shell_say("%s to %s (%s)", words_delivery[a->message->delivery],
			  shell_name(a->contact), id);
}

static int send_it(struct shell *s, const struct sending *m)
{
	struct buf line = {0};
	const struct event *a;

	shell_begin(s, &line, m->reply_to ? "reply" : "send");
	json_string(&line, "to", m->to);
	json_string(&line, "text", m->text);
	json_string(&line, "wait", m->wait);
	json_number(&line, "timeout_ms", m->timeout_s * 1000);
	if (m->reply_to)
		json_string(&line, "reply_to", m->reply_to);
	if (m->queue)
		json_string(&line, "on_timeout", "queue");
	shell_ask(s, &line);
	if (!shell_wait(s, INT64_MAX))
		return s->over;
	a = s->answer;
	say_sent(s);
	if (a->code == CODE_OK)
		return 0;
	return shell_fail(code_exit(a->code), "%s%s%s%s",
			  a->text ? a->text : code_word(a->code),
			  a->message ? " (it was " : "",
			  a->message ? words_delivery[a->message->delivery]
				     : "",
			  a->message ? ")" : "");
}

int shell_send(struct shell *s, struct words *w)
{
	struct sending m = {.wait = "ack", .timeout_s = 30};
	int status = read_sending(&m, w);

	if (!status)
		status = check_text(&m);
	if (!status)
		status = send_it(s, &m);
	free(m.text);
	return status;
}

/* ---- recv ---- */

struct receiving {
	const char *from;
	bool match;
	regex_t regex;
	int64_t count, got; /* count 0: as many as come */
};

static void hear_recv(struct shell *s, struct bytes line,
		      const struct event *ev)
{
	struct receiving *r = s->state;

	if (ev->kind != EV_MESSAGE || !ev->message->incoming ||
	    (r->count && r->got == r->count))
		return;
	if (r->from && !shell_is(ev->contact, r->from))
		return;
	if (r->match && regexec(&r->regex, ev->message->text, 0, NULL, 0))
		return;
	if (s->text)
		shell_message(s, ev);
	else
		shell_line(line);
	r->got++;
	if (r->got == r->count && s->over < 0)
		s->over = 0;
}

static bool take_regex(struct receiving *r, const char *text)
{
	char why[128];
	int err = regcomp(&r->regex, text, REG_EXTENDED | REG_NOSUB);

	if (!err)
		return r->match = true;
	regerror(err, &r->regex, why, sizeof why);
	shell_fail(EXIT_USAGE, "--match %s: %s", text, why);
	return false;
}

int shell_recv(struct shell *s, struct words *w)
{
	struct receiving r = {0};
	int64_t timeout_s = -1, until = INT64_MAX;
	bool bad = false;
	int status;

	words_number(w, "--count", INT32_MAX, &r.count, &bad);
	words_number(w, "--timeout", YEAR_S, &timeout_s, &bad);
	if (words_value(w, "--from", &bad))
		r.from = w->value;
	if (words_value(w, "--match", &bad) && !take_regex(&r, w->value))
		bad = true;
	if (bad || !words_end(w, 0)) {
		if (r.match)
			regfree(&r.regex);
		return EXIT_USAGE;
	}
	if (timeout_s >= 0)
		until = clock_mono_us() + timeout_s * 1000000;
	s->state = &r;
	s->hear = hear_recv;
	lines_replay(s->lines);
	shell_wait(s, until);
	status = s->over;
	if (status < 0) /* the time is over */
		status = r.got && !r.count ? 0 : EXIT_TIMEOUT;
	if (status == EXIT_TIMEOUT && s->cfg->verbose >= 0)
		shell_fail(status, "%lld received in time", (long long)r.got);
	if (r.match)
		regfree(&r.regex);
	return status;
}

/* ---- tail ---- */

/* Pages come from the newest back; they are printed from the oldest on. */
struct stored {
	struct event *ev; /* with a message; owned */
	char *line;       /* owned */
};
struct tailing {
	const char *peer; /* or NULL */
	contact_id who;   /* when a row has told it */
	bool following;
	struct stored *page; /* the one that comes */
	size_t n;
	struct stored *all;
	size_t n_all;
	struct stored *live; /* what came meanwhile */
	size_t n_live;
	message_n newest;
};

static void say_stored(struct shell *s, const struct stored *i)
{
	if (s->text)
		shell_message(s, i->ev);
	else
		shell_line(view(i->line));
}

static bool of_tail(struct tailing *t, const struct event *ev)
{
	if (!t->peer)
		return true;
	if (t->who)
		return ev->message->with == t->who;
	return shell_is(ev->contact, t->peer);
}

static void keep(struct stored **list, size_t *n, struct bytes line,
		 const struct event *ev)
{
	*list = xrealloc(*list, (*n + 1) * sizeof **list);
	(*list)[(*n)++] =
	    (struct stored){.ev = event_copy(ev), .line = copy_of(line)};
}

static void hear_tail(struct shell *s, struct bytes line,
		      const struct event *ev)
{
	struct tailing *t = s->state;

	if (ev->kind == EV_ITEM && ev->message) {
		keep(&t->page, &t->n, line, ev);
		t->who = ev->message->with;
		if (ev->message->n > t->newest)
			t->newest = ev->message->n;
		return;
	}
	if (ev->kind != EV_MESSAGE)
		return;
	if (!t->following)
		keep(&t->live, &t->n_live, line, ev);
	else if (of_tail(t, ev) && s->text)
		shell_message(s, ev);
	else if (of_tail(t, ev))
		shell_line(line);
}

/* The page is older than all we have. */
static void put_before(struct tailing *t)
{
	t->page = xrealloc(t->page, (t->n + t->n_all + 1) * sizeof *t->page);
	if (t->n_all)
		memcpy(t->page + t->n, t->all, t->n_all * sizeof *t->all);
	free(t->all);
	t->all = t->page;
	t->n_all += t->n;
	t->page = NULL;
	t->n = 0;
}

static int fetch(struct shell *s, struct tailing *t, int64_t want)
{
	message_n before = 0;
	int status = 0;

	while (want > 0) {
		struct buf line = {0};
		int64_t limit = want < PAGE_MAX ? want : PAGE_MAX;

		shell_begin(s, &line, "history");
		if (t->peer)
			json_string(&line, "peer", t->peer);
		if (before)
			json_number(&line, "n", before);
		json_number(&line, "limit", limit);
		status = shell_do(s, &line);
		if (status)
			break;
		want -= (int64_t)t->n;
		if (!t->n || !s->answer->more)
			want = 0;
		before = s->answer->next;
		put_before(t);
	}
	return status;
}

/* From now on as it comes; first what came while the pages were read. */
static int follow(struct shell *s, struct tailing *t)
{
	t->following = true;
	for (size_t i = 0; i < t->n_live; i++)
		if (of_tail(t, t->live[i].ev) &&
		    t->live[i].ev->message->n > t->newest)
			say_stored(s, &t->live[i]);
	event_free(s->answer);
	s->answer = NULL;
	shell_wait(s, INT64_MAX);
	return s->over;
}

static void stored_free(struct stored *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		event_free(list[i].ev);
		free(list[i].line);
	}
	free(list);
}

static void tail_free(struct tailing *t)
{
	stored_free(t->page, t->n);
	stored_free(t->all, t->n_all);
	stored_free(t->live, t->n_live);
}

int shell_tail(struct shell *s, struct words *w)
{
	struct tailing t = {0};
	int64_t n = 20;
	bool bad = false, goes_on = words_flag(w, "-f");
	int status;

	words_number(w, "-n", TAIL_MAX, &n, &bad);
	if (bad || !words_end(w, 1))
		return EXIT_USAGE;
	if (w->argc == 2)
		t.peer = w->argv[1];
	if (t.peer && !utf8_ok(view(t.peer)))
		return shell_fail(EXIT_USAGE, "that is not UTF-8");
	s->state = &t;
	s->hear = hear_tail;
	if (goes_on)
		lines_replay(s->lines);
	status = fetch(s, &t, n);
	for (size_t i = 0; i < t.n_all && !status; i++)
		say_stored(s, &t.all[i]);
	if (!status && goes_on)
		status = follow(s, &t);
	tail_free(&t);
	return status;
}
