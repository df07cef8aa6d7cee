#include "src/client.h"
#include "src/clock.h"
#include "src/config.h"
#include "src/lines.h"
#include "ui/front.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>
/* JSON lines in on stdin, out on stdout. Neither can hold up the other, nor
 * the engine: while nobody reads stdout, at most PENDING_MAX bytes and a page
 * wait here, then events wait in the client's queue, and what that drops is
 * read again from the store (lines_replay). */
enum {
	PENDING_MAX = 262144,
	CHUNK = 65536,
	EXIT_INTERRUPTED = 130,
};
static const int64_t farewell_us = 5000000;

struct headless {
	struct client *client;
	const struct config *cfg;
	struct lines *lines;
	struct rng rng;
	struct buf out;
	size_t written; /* of out */
	size_t piece;   /* what stdout takes at once without blocking */
	int signal_fd;
	bool in_over, out_over, quitting, over;
	int status;
	int64_t until_us; /* quitting: not longer than this */
};

static size_t pending(const struct headless *h)
{
	return h->out.n - h->written;
}

static void quit(struct headless *h, int status)
{
	struct command *cmd;

	if (h->quitting)
		return;
	cmd = xmalloc(sizeof *cmd);
	*cmd = (struct command){.kind = CMD_QUIT};
	h->quitting = true;
	h->status = status;
	h->until_us = clock_mono_us() + farewell_us;
	if (client_send(h->client, cmd))
		h->over = true;
}

/* ---- stdout ---- */

/* A pipe that poll finds writable takes PIPE_BUF bytes; files and terminals
 * take what comes. stdout itself is never made non-blocking: it belongs to
 * others, too. */
static size_t piece_of(int fd)
{
	struct stat st;

	if (fstat(fd, &st) || S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode))
		return 4096;
	return CHUNK;
}

static void write_some(struct headless *h)
{
	size_t left = pending(h);
	ssize_t n;

	n = write(STDOUT_FILENO, h->out.p + h->written,
		  left < h->piece ? left : h->piece);
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n < 0) { /* nobody reads any more */
		h->out_over = true;
		h->written = h->out.n = 0;
		quit(h, 0);
		return;
	}
	h->written += (size_t)n;
	if (h->written < h->out.n)
		return;
	h->written = h->out.n = 0;
	if (h->out.cap > PENDING_MAX)
		buf_free(&h->out);
}

static void write_all(struct headless *h)
{
	struct pollfd p = {.fd = STDOUT_FILENO, .events = POLLOUT};

	while (pending(h) && !h->out_over && poll(&p, 1, 0) > 0)
		write_some(h);
}

/* ---- events and commands ---- */

/* Whoever runs a center looks at its stderr, or at the system's journal. */
static void complain(const struct event *ev)
{
	const char *text = ev->text ? ev->text : "";
	struct buf clean = {0};

	text_clean(&clean, (struct bytes){(const uint8_t *)text, strlen(text)});
	fprintf(stderr, "sotto: %.*s\n", (int)clean.n, (const char *)clean.p);
	buf_free(&clean);
}

static void hear(struct headless *h, const struct event *ev,
		 const struct now *now)
{
	if (ev->kind == EV_NOTICE && h->cfg->center && h->cfg->verbose >= 0)
		complain(ev);
	lines_event(h->lines, now, ev, &h->out);
	if (ev->kind == EV_BYE) {
		h->over = true;
		h->status = h->quitting ? h->status : 1;
	}
	if (h->out_over)
		h->out.n = h->written = 0;
}

static void hear_all(struct headless *h)
{
	struct now now = clock_now(&h->rng, NULL);
	const struct event *ev;

	while (!h->over && pending(h) < PENDING_MAX &&
	       (ev = client_next(h->client)))
		hear(h, ev, &now);
	lines_tick(h->lines, &now, &h->out);
}

static void command_all(struct headless *h)
{
	struct now now = clock_now(&h->rng, NULL);
	struct command *cmd;

	while (pending(h) < PENDING_MAX &&
	       lines_next(h->lines, &now, &cmd, &h->out)) {
		uint64_t ref = cmd->ref;
		bool ends = cmd->kind == CMD_QUIT;
		enum err err = client_send(h->client, cmd);

		if (err)
			lines_refused(h->lines, &now, ref, err, &h->out);
		if (!ends || err)
			continue;
		h->quitting = true;
		h->until_us = now.mono_us + farewell_us;
	}
}

/* ---- stdin ---- */

static void read_some(struct headless *h)
{
	uint8_t chunk[CHUNK];
	ssize_t n = read(STDIN_FILENO, chunk, sizeof chunk);

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n > 0) {
		lines_feed(h->lines, (struct bytes){chunk, (size_t)n});
		return;
	}
	h->in_over = true;
	lines_feed(h->lines, (struct bytes){(const uint8_t *)"\n", 1});
}

/* ---- signals ---- */

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

static void hear_signal(struct headless *h)
{
	struct signalfd_siginfo info;

	if (read(h->signal_fd, &info, sizeof info) != sizeof info)
		return;
	if (h->quitting) /* a second one does not wait */
		h->over = true;
	quit(h, info.ssi_signo == SIGINT ? EXIT_INTERRUPTED : 0);
}

/* ---- the loop ---- */

static int timeout_ms(const struct headless *h)
{
	int64_t at = lines_deadline(h->lines), left;

	if (h->quitting && h->until_us < at)
		at = h->until_us;
	if (at == INT64_MAX)
		return -1;
	left = at - clock_mono_us();
	if (left <= 0)
		return 0;
	return left > 1000000000 ? 1000000 : (int)(left / 1000) + 1;
}

static void wait_for_more(struct headless *h)
{
	bool full = pending(h) >= PENDING_MAX;
	struct pollfd p[] = {
	    {.fd = h->in_over || h->quitting || full ? -1 : STDIN_FILENO,
	     .events = POLLIN},
	    {.fd = pending(h) ? STDOUT_FILENO : -1, .events = POLLOUT},
	    {.fd = full ? -1 : client_fd(h->client), .events = POLLIN},
	    {.fd = h->signal_fd, .events = POLLIN},
	};

	if (poll(p, 4, timeout_ms(h)) < 0)
		return;
	if (p[0].revents)
		read_some(h);
	if (p[1].revents)
		write_some(h);
	if (p[3].revents)
		hear_signal(h);
}

static void turn(struct headless *h)
{
	bool full;

	do { /* what was left because there was no room has some now */
		hear_all(h);
		if (!h->quitting)
			command_all(h);
		full = pending(h) >= PENDING_MAX;
		write_all(h);
	} while (full && pending(h) < PENDING_MAX && !h->over);
	if (h->in_over && !lines_open(h->lines) && !h->cfg->stay &&
	    pending(h) < PENDING_MAX)
		quit(h, 0);
	if (h->quitting && clock_mono_us() > h->until_us)
		h->over = true;
}

/* What was said last is worth a moment. */
static void flush_last(struct headless *h)
{
	int64_t until = clock_mono_us() + farewell_us, left;

	while (pending(h) && !h->out_over &&
	       (left = until - clock_mono_us()) > 0) {
		struct pollfd p = {.fd = STDOUT_FILENO, .events = POLLOUT};

		if (poll(&p, 1, (int)(left / 1000) + 1) > 0)
			write_some(h);
	}
}

int headless_run(struct client *c, const struct config *cfg)
{
	struct headless h = {.client = c, .cfg = cfg};

	h.lines = lines_new();
	h.piece = piece_of(STDOUT_FILENO);
	h.signal_fd = signals_open();
	clock_seed(&h.rng);
	signal(SIGPIPE, SIG_IGN);
	lines_replay(h.lines);
	for (;;) {
		turn(&h);
		if (h.over)
			break;
		wait_for_more(&h);
	}
	flush_last(&h);
	if (h.signal_fd >= 0)
		close(h.signal_fd);
	lines_free(h.lines);
	buf_free(&h.out);
	client_close(c);
	return h.status;
}
