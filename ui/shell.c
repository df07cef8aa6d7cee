#include "ui/shell.h"
#include "src/clock.h"
#include "src/lines_json.h"
#include "ui/front.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum { EXIT_USAGE = 2, EXIT_INTERRUPTED = 130 };

/* ---- words ---- */

static struct bytes view(const char *s)
{
	return (struct bytes){(const uint8_t *)s, s ? strlen(s) : 0};
}

static void words_drop(struct words *w, int at, int n)
{
	for (int i = at; i + n < w->argc; i++)
		w->argv[i] = w->argv[i + n];
	w->argc -= n;
}

/* The place of an option before a "--", with its value behind "="; or -1. */
static int words_find(const struct words *w, const char *name)
{
	size_t n = strlen(name);

	for (int i = 1; i < w->argc && strcmp(w->argv[i], "--"); i++)
		if (!strncmp(w->argv[i], name, n) &&
		    (!w->argv[i][n] || (w->argv[i][n] == '=' && n > 2)))
			return i;
	return -1;
}

bool words_flag(struct words *w, const char *name)
{
	int i = words_find(w, name);

	if (i < 0 || strcmp(w->argv[i], name))
		return false;
	words_drop(w, i, 1);
	return true;
}

bool words_value(struct words *w, const char *name, bool *bad)
{
	int i = words_find(w, name);
	char *equal;

	if (i < 0)
		return false;
	equal = strchr(w->argv[i], '=');
	if (equal) {
		w->value = equal + 1;
		words_drop(w, i, 1);
		return true;
	}
	if (i + 1 == w->argc) {
		shell_fail(EXIT_USAGE, "%s needs a value", name);
		*bad = true;
		return false;
	}
	w->value = w->argv[i + 1];
	words_drop(w, i, 2);
	return true;
}

bool words_number(struct words *w, const char *name, int64_t max, int64_t *out,
		  bool *bad)
{
	char *end;
	long long n;

	if (!words_value(w, name, bad))
		return false;
	errno = 0;
	n = strtoll(w->value, &end, 10);
	if (*w->value >= '0' && *w->value <= '9' && !*end && !errno &&
	    n <= max) {
		*out = n;
		return true;
	}
	shell_fail(EXIT_USAGE, "%s takes a number up to %lld, not %s", name,
		   (long long)max, w->value);
	*bad = true;
	return false;
}

bool words_end(const struct words *w, int max)
{
	for (int i = 1; i < w->argc; i++) {
		const char *word = w->argv[i];

		if (!strcmp(word, "--"))
			break;
		if (word[0] == '-' && word[1]) {
			shell_fail(EXIT_USAGE,
				   "%s knows no option %s; see "
				   "sotto help commands",
				   w->argv[0], word);
			return false;
		}
	}
	if (w->argc - 1 <= max)
		return true;
	shell_fail(EXIT_USAGE, "%s: too many words after it", w->argv[0]);
	return false;
}

/* ---- saying ---- */

void shell_line(struct bytes line)
{
	fwrite(line.p, line.n, 1, stdout);
	putchar('\n');
}

static void say_clean(FILE *to, struct buf *text)
{
	struct buf clean = {0};

	text_clean(&clean, (struct bytes){text->p, text->n});
	if (clean.n)
		fwrite(clean.p, clean.n, 1, to);
	putc('\n', to);
	buf_free(&clean);
	buf_free(text);
}

static void format(struct buf *b, const char *fmt, va_list ap) PRINTF(2, 0);
static void format(struct buf *b, const char *fmt, va_list ap)
{
	char *s;

	if (vasprintf(&s, fmt, ap) < 0)
		abort();
	buf_put(b, view(s));
	free(s);
}

void shell_say(const char *fmt, ...)
{
	struct buf b = {0};
	va_list ap;

	va_start(ap, fmt);
	format(&b, fmt, ap);
	va_end(ap);
	say_clean(stdout, &b);
}

int shell_fail(int status, const char *fmt, ...)
{
	struct buf b = {0};
	va_list ap;

	buf_printf(&b, "sotto: ");
	va_start(ap, fmt);
	format(&b, fmt, ap);
	va_end(ap);
	say_clean(stderr, &b);
	return status;
}

bool shell_flush(void)
{
	return !fflush(stdout) && !ferror(stdout);
}

const char *shell_name(const struct contact *c)
{
	if (!c)
		return "?";
	if (c->petname[0])
		return c->petname;
	if (c->nick[0])
		return c->nick;
	/* core marks those whose key it never saw by a "?" */
	return c->ident[0] == '?' ? c->ident + 1 : c->ident;
}

/* 004: "[éééé.hh.nn óó:pp:mm]" before each line; a text of several lines
 * goes on below, indented, so that nobody can forge a line. */
void shell_message(const struct shell *s, const struct event *ev)
{
	const struct message *m = ev->message;
	struct bytes text = view(m->text);
	struct buf b = {0};
	char time[64];

	clock_local(time, m->incoming ? m->stored_ms : m->sent_ms, CLOCK_LOG);
	if (m->incoming)
		buf_printf(&b, "[%s] %s%s: ", time, shell_name(ev->contact),
			   m->delivery == D_REQUEST ? " (not accepted)" : "");
	else
		buf_printf(&b, "[%s] %s > %s: ", time, s->me,
			   shell_name(ev->contact));
	for (size_t from = 0;; from++) {
		const uint8_t *nl =
		    from < text.n ? memchr(text.p + from, '\n', text.n - from)
				  : NULL;
		size_t end = nl ? (size_t)(nl - text.p) : text.n;

		buf_put(&b, (struct bytes){text.p + from, end - from});
		if (!nl)
			break;
		say_clean(stdout, &b);
		buf_printf(&b, "    ");
		from = end;
	}
	say_clean(stdout, &b);
}

/* ---- PEER, as far as what is shown tells ---- */

/* 32 hex digits; "-" of whoever has no key. */
static void id_of(const struct contact *c, char out[static 40])
{
	struct buf b = {0};

	snprintf(out, 40, "-");
	json_id(&b, NULL, &c->key); /* in quotation marks, or null */
	if (b.n == 34)
		snprintf(out, 40, "%.32s", (const char *)b.p + 1);
	buf_free(&b);
}

bool shell_is(const struct contact *c, const char *peer)
{
	char at[ADDR_TEXT], id[40];

	if (!c)
		return false;
	if (!strcmp(peer, c->petname) || !strcmp(peer, c->ident) ||
	    !strcmp(peer, c->nick))
		return true;
	addr_text(at, &c->at);
	id_of(c, id);
	return !strcmp(peer, at) ||
	       (strlen(peer) >= 8 && !strncmp(peer, id, strlen(peer)));
}

/* ---- asking ---- */

void shell_begin(struct shell *s, struct buf *line, const char *cmd)
{
	char ref[24];

	snprintf(ref, sizeof ref, "%llu", (unsigned long long)++s->ref);
	json_open(line, NULL);
	json_string(line, "cmd", cmd);
	json_string(line, "ref", ref);
}

void shell_ask(struct shell *s, struct buf *line)
{
	event_free(s->answer);
	s->answer = NULL;
	buf_put(line, view("}\n"));
	lines_feed(s->lines, (struct bytes){line->p, line->n});
	buf_free(line);
}

static void hear_line(struct shell *s, struct bytes line)
{
	struct event *ev = NULL;

	if (lines_get(line, &ev) || !ev)
		return;
	if (ev->kind == EV_READY && ev->contact)
		memcpy(s->me, ev->contact->nick, sizeof s->me);
	if (s->hear)
		s->hear(s, line, ev);
	if (ev->kind == EV_BYE && s->over < 0)
		s->over = shell_fail(EXIT_FAILURE, "the engine has ended: %s",
				     ev->text ? ev->text : "");
	if (ev->kind != EV_RESULT || ev->ref != s->ref) {
		event_free(ev);
		return;
	}
	event_free(s->answer);
	s->answer = ev;
	s->answer_line.n = 0;
	buf_put(&s->answer_line, line);
}

/* Events become lines, commands go. */
static void exchange(struct shell *s)
{
	struct now now = clock_now(&s->rng, NULL);
	const struct event *ev;
	struct command *cmd;

	while ((ev = client_next(s->client)))
		lines_event(s->lines, &now, ev, &s->out);
	lines_tick(s->lines, &now, &s->out);
	while (lines_next(s->lines, &now, &cmd, &s->out)) {
		uint64_t ref = cmd->ref;
		enum err err = client_send(s->client, cmd);

		if (err)
			lines_refused(s->lines, &now, ref, err, &s->out);
	}
}

/* All that has come is heard; what is asked while hearing goes, too. */
static void work(struct shell *s)
{
	for (exchange(s); s->out.n; exchange(s)) {
		struct buf out = s->out;
		size_t from = 0;

		s->out = (struct buf){0};
		while (from < out.n) {
			const uint8_t *line = out.p + from;
			const uint8_t *nl = memchr(line, '\n', out.n - from);
			size_t n = nl ? (size_t)(nl - line) : out.n - from;

			hear_line(s, (struct bytes){line, n});
			from += n + 1;
		}
		buf_free(&out);
	}
}

static int left_ms(const struct shell *s, int64_t until_us)
{
	int64_t at = lines_deadline(s->lines), left;

	if (until_us < at)
		at = until_us;
	if (at == INT64_MAX)
		return -1;
	left = at - clock_mono_us();
	if (left <= 0)
		return 0;
	return left > 1000000000 ? 1000000 : (int)(left / 1000) + 1;
}

static void hear_signal(struct shell *s)
{
	struct signalfd_siginfo info;

	if (read(s->signal_fd, &info, sizeof info) != sizeof info)
		return;
	s->signal = (int)info.ssi_signo;
	s->over = EXIT_INTERRUPTED;
}

bool shell_wait(struct shell *s, int64_t until_us)
{
	struct pollfd p[] = {
	    {.fd = client_fd(s->client), .events = POLLIN},
	    {.fd = s->signal_fd, .events = POLLIN},
	};

	for (;;) {
		work(s);
		if (s->over < 0 && !shell_flush())
			s->over = EXIT_FAILURE;
		if (s->answer || s->over >= 0)
			return s->answer;
		if (poll(p, 2, left_ms(s, until_us)) > 0 && p[1].revents)
			hear_signal(s);
		else if (clock_mono_us() >= until_us)
			return false;
	}
}

int shell_do(struct shell *s, struct buf *line)
{
	shell_ask(s, line);
	if (!shell_wait(s, INT64_MAX))
		return s->over >= 0 ? s->over : EXIT_FAILURE;
	if (s->answer->code == CODE_OK)
		return 0;
	if (!s->text)
		shell_line((struct bytes){s->answer_line.p, s->answer_line.n});
	return shell_fail(code_exit(s->answer->code), "%s",
			  s->answer->text ? s->answer->text
					  : code_word(s->answer->code));
}

/* ---- peers, id, outbox, connect, trust, block, unblock ---- */

static void say_answer(struct shell *s)
{
	shell_line((struct bytes){s->answer_line.p, s->answer_line.n});
}

static const char *trust_words(const struct contact *c)
{
	if (c->blocked)
		return "blocked";
	return c->changed ? "key changed" : words_trust[c->trust];
}

static void say_contact(const struct contact *c)
{
	char at[ADDR_TEXT], id[40];

	addr_text(at, &c->at);
	id_of(c, id);
	id[8] = 0;
	shell_say("%s %-16s %-8s %-11s %-22s %u unread, %u waiting",
		  c->presence == P_ONLINE ? "*" : " ", shell_name(c), id,
		  trust_words(c), c->at.port ? at : c->ident, c->unread,
		  c->waiting);
}

static void say_waiting(const struct message *m, const struct contact *c)
{
	char time[64], id[37];

	clock_local(time, m->sent_ms, CLOCK_LOG);
	uuid_text(id, &m->id);
	shell_say("[%s] %s to %s, %s%s, tries %u: %.*s", time, id,
		  shell_name(c), words_delivery[m->delivery],
		  m->held ? " (key changed)" : "", m->tries,
		  (int)utf8_cut(view(m->text), 60), m->text);
}

static void hear_item(struct shell *s, struct bytes line,
		      const struct event *ev)
{
	if (ev->kind != EV_ITEM)
		return;
	if (!s->text)
		shell_line(line);
	else if (ev->message)
		say_waiting(ev->message, ev->contact);
	else if (ev->contact)
		say_contact(ev->contact);
}

/* Every page of a question. */
static int list(struct shell *s, const char *cmd)
{
	message_n after = 0;
	int status;

	s->hear = hear_item;
	do {
		struct buf line = {0};

		shell_begin(s, &line, cmd);
		if (after)
			json_number(&line, "after", after);
		status = shell_do(s, &line);
		after = status ? 0 : s->answer->next;
	} while (!status && s->answer->more);
	if (!status && !s->text)
		say_answer(s);
	return status;
}

static int shell_peers(struct shell *s, struct words *w)
{
	return words_end(w, 0) ? list(s, "peers") : EXIT_USAGE;
}

static int shell_outbox(struct shell *s, struct words *w)
{
	return words_end(w, 0) ? list(s, "outbox") : EXIT_USAGE;
}

static void hear_found(struct shell *s, struct bytes line,
		       const struct event *ev)
{
	if (ev->kind != EV_ITEM || !ev->message)
		return;
	if (s->text)
		shell_message(s, ev);
	else
		shell_line(line);
}

/* The words may be one argument or many. */
static char *words_joined(const struct words *w)
{
	struct buf b = {0};

	for (int i = 1; i < w->argc; i++)
		buf_printf(&b, "%s%s", i > 1 ? " " : "", w->argv[i]);
	char *text = xstrndup((struct bytes){b.p, b.n});
	buf_free(&b);
	return text;
}

static int search_pages(struct shell *s, const char *text, const char *peer,
			int64_t count)
{
	message_n before = 0;
	int status;

	do {
		struct buf line = {0};
		int64_t page = count < PAGE_MAX ? count : PAGE_MAX;

		shell_begin(s, &line, "search");
		json_string(&line, "text", text);
		json_number(&line, "limit", page);
		if (peer)
			json_string(&line, "peer", peer);
		if (before)
			json_number(&line, "n", before);
		status = shell_do(s, &line);
		before = status ? 0 : s->answer->next;
		count -= page;
	} while (!status && s->answer->more && count > 0);
	if (!status && !s->text)
		say_answer(s);
	return status;
}

static int shell_search(struct shell *s, struct words *w)
{
	int64_t count = PAGE_USUAL;
	const char *peer = NULL;
	bool bad = false;

	if (words_value(w, "--peer", &bad))
		peer = w->value;
	words_number(w, "--count", 1000000, &count, &bad);
	if (bad || !words_end(w, w->argc))
		return EXIT_USAGE;
	s->hear = hear_found;
	char *text = words_joined(w);
	int status = search_pages(s, text, peer, count ? count : 1);
	free(text);
	return status;
}

static int shell_id(struct shell *s, struct words *w)
{
	struct buf line = {0};
	char at[ADDR_TEXT], id[40];
	int status;

	if (!words_end(w, 0))
		return EXIT_USAGE;
	shell_begin(s, &line, "id");
	status = shell_do(s, &line);
	if (status || !s->answer->contact)
		return status ? status : EXIT_FAILURE;
	if (!s->text) {
		say_answer(s);
		return 0;
	}
	addr_text(at, &s->answer->contact->at);
	id_of(s->answer->contact, id);
	shell_say("%s %s", s->answer->contact->nick, id);
	if (s->answer->contact->at.port)
		shell_say("address %s", at);
	else
		shell_say("no address: it is not running");
	return 0;
}

/* connect, trust, block, unblock: one PEER, one contact as the answer. */
static int shell_one(struct shell *s, struct words *w)
{
	struct buf line = {0};
	int status;

	if (!words_end(w, 1))
		return EXIT_USAGE;
	if (w->argc < 2)
		return shell_fail(EXIT_USAGE, "%s needs a peer", w->argv[0]);
	if (!utf8_ok(view(w->argv[1])))
		return shell_fail(EXIT_USAGE, "that is not UTF-8");
	shell_begin(s, &line, w->argv[0]);
	json_string(&line, "to", w->argv[1]);
	status = shell_do(s, &line);
	if (status)
		return status;
	if (!s->text)
		say_answer(s);
	else if (s->answer->contact)
		say_contact(s->answer->contact);
	return 0;
}

/* ---- which one ---- */

static const struct {
	const char *name;
	int (*run)(struct shell *s, struct words *w);
} table[] = {
    {"send", shell_send},     {"recv", shell_recv},     {"tail", shell_tail},
    {"run", shell_exec},      {"peers", shell_peers},   {"id", shell_id},
    {"outbox", shell_outbox}, {"search", shell_search}, {"connect", shell_one},
    {"trust", shell_one},     {"block", shell_one},     {"unblock", shell_one},
    {"demo", shell_demo},     {"web", shell_web},
};

/* Those that need no engine. */
static const struct {
	const char *name;
	int (*run)(const struct config *cfg, struct words *w);
} bare[] = {
    {"help", shell_help},
    {"doctor", shell_doctor},
    {"center", shell_center},
    {"completions", shell_complete},
};

static int signals_open(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return -1;
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void shell_start(struct shell *s, struct client *c,
			const struct config *cfg)
{
	*s = (struct shell){.client = c, .cfg = cfg, .over = -1};
	s->lines = lines_new();
	s->signal_fd = signals_open();
	s->text = cfg->output == SW_OFF ||
		  (cfg->output == SW_AUTO && isatty(STDOUT_FILENO));
	clock_seed(&s->rng);
	signal(SIGPIPE, SIG_IGN);
}

static void shell_end(struct shell *s)
{
	if (s->signal_fd >= 0)
		close(s->signal_fd);
	event_free(s->answer);
	buf_free(&s->answer_line);
	buf_free(&s->out);
	lines_free(s->lines);
	client_close(s->client);
}

int shell_run(struct client *c, const struct config *cfg, int argc, char **argv)
{
	struct words w = {.argc = argc, .argv = argv};
	struct shell s;
	int status = EXIT_USAGE;

	for (size_t i = 0; i < sizeof bare / sizeof *bare; i++)
		if (!strcmp(bare[i].name, argv[0])) {
			client_close(c);
			return bare[i].run(cfg, &w);
		}
	if (!c)
		return shell_fail(EXIT_FAILURE, "%s needs an engine", argv[0]);
	shell_start(&s, c, cfg);
	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		if (!strcmp(table[i].name, argv[0]))
			status = table[i].run(&s, &w);
	if (!shell_flush() && !status)
		status = EXIT_FAILURE;
	shell_end(&s);
	return status;
}
