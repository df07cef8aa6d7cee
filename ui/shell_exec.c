#include "src/clock.h"
#include "src/lines_json.h"
#include "ui/shell.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>
/* sotto run: CMD's output passes through, then how it ended and its last
 * lines are sent. */

enum {
	EXIT_USAGE = 2,
	LAST_LINES = 20,
	LAST_BYTES = 3000,
	CHUNK = 16384,
};
extern char **environ;

struct running {
	pid_t pid;
	int from[2], to[2]; /* its stdout and stderr; ours */
	struct buf last;    /* the end of both */
	int64_t began_us;
	int status; /* of wait */
};

static struct bytes view(const char *s)
{
	return (struct bytes){(const uint8_t *)s, s ? strlen(s) : 0};
}

/* ---- the command ---- */

/* Signals as we found them: ours are blocked. */
static void plain_signals(posix_spawnattr_t *a)
{
	sigset_t none, usual;

	sigemptyset(&none);
	sigemptyset(&usual);
	sigaddset(&usual, SIGPIPE);
	sigaddset(&usual, SIGXFSZ);
	posix_spawnattr_init(a);
	posix_spawnattr_setsigmask(a, &none);
	posix_spawnattr_setsigdefault(a, &usual);
	posix_spawnattr_setflags(a, POSIX_SPAWN_SETSIGMASK |
					POSIX_SPAWN_SETSIGDEF);
}

/* The error of starting it, or 0. */
static int start(struct running *r, char **argv)
{
	int out[2], err[2], bad;
	posix_spawn_file_actions_t fa;
	posix_spawnattr_t a;

	if (pipe2(out, O_CLOEXEC))
		return errno;
	if (pipe2(err, O_CLOEXEC)) {
		bad = errno;
		close(out[0]);
		close(out[1]);
		return bad;
	}
	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_adddup2(&fa, out[1], STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&fa, err[1], STDERR_FILENO);
	plain_signals(&a);
	bad = posix_spawnp(&r->pid, argv[0], &fa, &a, argv, environ);
	posix_spawn_file_actions_destroy(&fa);
	posix_spawnattr_destroy(&a);
	close(out[1]);
	close(err[1]);
	r->from[0] = out[0];
	r->from[1] = err[0];
	r->to[0] = STDOUT_FILENO;
	r->to[1] = STDERR_FILENO;
	if (bad) {
		close(out[0]);
		close(err[0]);
	}
	return bad;
}

static void write_all(int fd, struct bytes s)
{
	while (s.n) {
		ssize_t n = write(fd, s.p, s.n);

		if (n < 0 && errno != EINTR)
			return; /* the command goes on all the same */
		if (n > 0)
			s = (struct bytes){s.p + n, s.n - (size_t)n};
	}
}

static void pass_on(struct running *r, int i)
{
	uint8_t chunk[CHUNK];
	ssize_t n = read(r->from[i], chunk, sizeof chunk);

	if (n < 0 && errno == EINTR)
		return;
	if (n <= 0) {
		close(r->from[i]);
		r->from[i] = -1;
		return;
	}
	write_all(r->to[i], (struct bytes){chunk, (size_t)n});
	buf_put(&r->last, (struct bytes){chunk, (size_t)n});
	if (r->last.n > 4 * LAST_BYTES)
		buf_drop(&r->last, r->last.n - LAST_BYTES);
}

/* Until it has ended and everything it wrote has passed. A child of it that
 * keeps the pipe is not waited for longer than the command itself lives. */
static void wait_end(struct shell *s, struct running *r)
{
	int pid_fd = pidfd_open(r->pid, 0); /* or it is looked at often */
	bool ended = false;

	while (r->from[0] >= 0 || r->from[1] >= 0) {
		struct pollfd p[] = {
		    {.fd = r->from[0], .events = POLLIN},
		    {.fd = r->from[1], .events = POLLIN},
		    {.fd = client_fd(s->client), .events = POLLIN},
		    {.fd = s->signal_fd, .events = POLLIN},
		    {.fd = ended ? -1 : pid_fd, .events = POLLIN},
		};
		int n = poll(p, 5, ended ? 0 : pid_fd < 0 ? 100 : -1);

		for (int i = 0; i < 2; i++)
			if (n > 0 && p[i].revents)
				pass_on(r, i);
		if (n > 0 && (p[2].revents || p[3].revents)) {
			event_free(s->answer);
			s->answer = NULL;
			s->over = -1;
			shell_wait(s, 0); /* events must not pile up */
		}
		if (s->signal && !ended) {
			kill(r->pid, s->signal);
			s->signal = 0;
		}
		if (!ended)
			ended = waitpid(r->pid, &r->status, WNOHANG) == r->pid;
		else if (n == 0)
			break;
	}
	for (int i = 0; i < 2; i++)
		if (r->from[i] >= 0)
			close(r->from[i]);
	if (pid_fd >= 0)
		close(pid_fd);
	while (!ended && waitpid(r->pid, &r->status, 0) < 0 && errno == EINTR)
		;
}

static int status_of(int status)
{
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : EXIT_FAILURE;
}

/* ---- what is sent ---- */

/* Where the last lines begin. */
static size_t last_from(const struct buf *b)
{
	size_t at = b->n, lines = 0;

	while (at > 0 && b->n - at < LAST_BYTES) {
		if (b->p[at - 1] == '\n' && at < b->n && ++lines == LAST_LINES)
			break;
		at--;
	}
	return at;
}

/* Output may be of any kind: what is not UTF-8 becomes a question mark. */
static void put_utf8(struct buf *out, struct bytes s)
{
	for (size_t i = 0; i < s.n;) {
		size_t n = 1;

		while (n < 4 && i + n < s.n && (s.p[i + n] & 0xc0) == 0x80)
			n++;
		if (utf8_ok((struct bytes){s.p + i, n}))
			buf_put(out, (struct bytes){s.p + i, n});
		else
			buf_printf(out, "?");
		i += n;
	}
}

static char *report(const struct running *r, int argc, char **argv)
{
	int64_t ms = (clock_mono_us() - r->began_us) / 1000;
	int status = status_of(r->status);
	struct buf words = {0}, b = {0};
	size_t from = last_from(&r->last), n;
	char *text;

	for (int i = 0; i < argc; i++)
		buf_printf(&words, "%s%s", i ? " " : "", argv[i]);
	if (status)
		buf_printf(&b, "failed with %d", status);
	else
		buf_printf(&b, "done");
	buf_printf(&b, " after %lld.%lld s: ", (long long)(ms / 1000),
		   (long long)(ms % 1000 / 100));
	n = words.n < 400 ? words.n : 400;
	put_utf8(&b, (struct bytes){words.p, n});
	if (r->last.n > from)
		buf_printf(&b, "\n");
	put_utf8(&b, (struct bytes){r->last.p + from, r->last.n - from});
	while (b.n && b.p[b.n - 1] == '\n')
		b.n--;
	text = xstrndup((struct bytes){b.p, b.n});
	buf_free(&words);
	buf_free(&b);
	return text;
}

/* ---- to whom ---- */

struct only {
	char id[40];
	contact_id who;
	unsigned n;
};

static void hear_only(struct shell *s, struct bytes line,
		      const struct event *ev)
{
	struct only *o = s->state;

	(void)line;
	if (ev->kind != EV_ITEM || !ev->contact || ev->contact->blocked)
		return;
	o->n++;
	o->who = ev->contact->id;
}

/* Without --to it goes to the only one there is; never to a crowd. */
static int find_only(struct shell *s, contact_id *who)
{
	struct only o = {.n = 0};
	struct buf line = {0};
	int status;

	s->state = &o;
	s->hear = hear_only;
	shell_begin(s, &line, "peers");
	status = shell_do(s, &line);
	s->hear = NULL;
	if (!status && o.n != 1)
		status = shell_fail(EXIT_USAGE, o.n ? "more than one peer is "
						      "known: say --to PEER"
						    : "nobody is known: say "
						      "--to PEER");
	*who = o.who;
	return status;
}

static void send_report(struct shell *s, const char *to, contact_id who,
			const char *text)
{
	struct buf line = {0};

	s->over = -1; /* the command had the signal; this is still to be said */
	shell_begin(s, &line, "send");
	if (to)
		json_string(&line, "to", to);
	else
		json_number(&line, "contact", who);
	json_string(&line, "text", text);
	json_string(&line, "on_timeout", "queue");
	shell_ask(s, &line);
	if (shell_wait(s, INT64_MAX) && s->answer->code != CODE_OK)
		shell_fail(0, "the message: %s",
			   s->answer->text ? s->answer->text
					   : code_word(s->answer->code));
}

int shell_exec(struct shell *s, struct words *w)
{
	struct running r = {.began_us = clock_mono_us()};
	const char *to = NULL;
	contact_id who = 0;
	bool bad = false;
	int first, status;

	if (words_value(w, "--to", &bad))
		to = w->value;
	for (first = 1; first < w->argc && strcmp(w->argv[first], "--");)
		first++;
	if (bad || first + 1 >= w->argc || first != 1 ||
	    (to && !utf8_ok(view(to))))
		return shell_fail(EXIT_USAGE,
				  "usage: sotto run [--to PEER] -- CMD...");
	first++;
	if (!to && (status = find_only(s, &who)))
		return status;
	status = start(&r, w->argv + first);
	if (status)
		return shell_fail(status == ENOENT ? 127 : 126, "%s: %s",
				  w->argv[first], strerror(status));
	wait_end(s, &r);
	char *text = report(&r, w->argc - first, w->argv + first);

	send_report(s, to, who, text);
	free(text);
	buf_free(&r.last);
	return status_of(r.status);
}
