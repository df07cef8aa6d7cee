/* sotto-web: the page. A process of its own between a browser and an engine's
 * control.sock: whatever a browser sends is read here, where no key is, and
 * when this one falls the engine does not notice.
 *
 *   sotto-web --dir FOLDER [--port N] [--next] [--idle SECONDS]
 *
 * FOLDER is where control.sock is. It says "port N" on standard output when it
 * listens, or "error WORDS"; it ends when standard input ends. */
#include "ui/web.h"
#include "src/client.h"
#include "src/clock.h"
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	PORT_USUAL = 5081, /* document 004 */
	REDIAL_US = 250000,
	LOCK_TRIES = 50,
	LOCK_STEP_MS = 10,
	EVENTS_A_TURN = 256,
};

struct options {
	const char *dir;
	struct http_options http;
	char control[4096], lock[4096], links[4096], sessions[4096];
	int lock_fd;
};

static int fail(const char *what, const char *why)
{
	printf("error %s%s%s\n", what, *why ? ": " : "", why);
	fflush(stdout);
	return EXIT_FAILURE;
}

/* ---- the engine ---- */

static void engine_close(struct site *s)
{
	if (!s->client)
		return;
	client_close(s->client);
	s->client = NULL;
	s->ready.n = 0;
	s->newest = -1;
	s->heard = 0;
	s->redial_us = clock_mono_us() + REDIAL_US;
	api_lost(s);
	events_gone(s);
}

static void engine_open(struct site *s, int64_t now_us)
{
	if (s->client || now_us < s->redial_us)
		return;
	if (client_connect(s->control, &s->client))
		s->redial_us = clock_mono_us() + REDIAL_US;
}

static void on_ready(struct site *s, const struct event *ev)
{
	struct now now = clock_now(&s->rng, NULL);

	s->ready.n = 0;
	lines_event(s->lines, &now, ev, &s->ready);
	s->newest_us = 0;
}

static void on_event(struct site *s, const struct event *ev)
{
	switch (ev->kind) {
	case EV_READY:
		on_ready(s, ev);
		break;
	case EV_ITEM:
		api_item(s, ev);
		break;
	case EV_RESULT:
		api_result(s, ev);
		break;
	case EV_BYE:
		engine_close(s);
		break;
	case EV_LOST:
		api_holes(s);
		events_tell(s, ev);
		break;
	case EV_PEER:
	case EV_MESSAGE:
	case EV_STATUS:
	case EV_SECURITY:
	case EV_NOTICE:
	case EV_CONSENT:
		events_tell(s, ev);
		break;
	}
}

/* False: there is more, and others have their turn first. */
static bool hear(struct site *s)
{
	const struct event *ev;

	for (int i = 0; i < EVENTS_A_TURN; i++) {
		if (!s->client || !(ev = client_next(s->client)))
			return true;
		on_event(s, ev);
	}
	return false;
}

/* ---- the loop ---- */

static int wait_ms(struct site *s, bool all_heard)
{
	int64_t at = api_deadline(s), now = clock_mono_us(), left;
	int64_t other = events_deadline(s);
	int http = http_wait_ms(s->http), ms = -1;

	if (!all_heard)
		return 0;
	if (other < at)
		at = other;
	if (!s->client && s->redial_us < at)
		at = s->redial_us;
	if (at != INT64_MAX) {
		left = at - now;
		ms = left > 0 ? (int)(left / 1000) + 1 : 0;
	}
	return http >= 0 && (ms < 0 || http < ms) ? http : ms;
}

/* What has an answer goes out before anything is waited for. */
static bool work(struct site *s)
{
	int64_t now = clock_mono_us();
	struct request *r;
	bool all;

	engine_open(s, now);
	all = hear(s);
	while ((r = http_next(s->http)))
		api_request(s, r);
	api_tick(s, now);
	events_turn(s, now);
	http_turn(s->http, NULL, 0);
	return all;
}

static void serve(struct site *s, int signal_fd)
{
	struct pollfd p[HTTP_FDS + 3];

	while (!s->stop) {
		bool all = work(s);
		size_t n = http_watch(s->http, p);

		p[n] = (struct pollfd){.fd = signal_fd, .events = POLLIN};
		p[n + 1] = (struct pollfd){.fd = STDIN_FILENO};
		p[n + 2] =
		    (struct pollfd){.fd = s->client ? client_fd(s->client) : -1,
				    .events = POLLIN};
		if (poll(p, n + 3, s->stop ? 0 : wait_ms(s, all)) < 0)
			continue;
		if (p[n].revents || p[n + 1].revents)
			return;
		http_turn(s->http, p, n);
	}
}

/* ---- beginning ---- */

static int signals_open(void)
{
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	if (sigprocmask(SIG_SETMASK, &set, NULL))
		return -1;
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static bool options_read(struct options *o, int argc, char **argv)
{
	*o = (struct options){.lock_fd = -1, .http = {.port = PORT_USUAL}};
	for (int i = 1; i < argc; i++) {
		const char *value = i + 1 < argc ? argv[i + 1] : NULL;

		if (!strcmp(argv[i], "--next")) {
			o->http.next = true;
			continue;
		}
		if (!value)
			return false;
		if (!strcmp(argv[i], "--dir"))
			o->dir = value;
		else if (!strcmp(argv[i], "--port"))
			o->http.port = atoi(value);
		else if (!strcmp(argv[i], "--idle"))
			o->http.idle_s = (unsigned)atoi(value);
		else
			return false;
		i++;
	}
	return o->dir && strlen(o->dir) < sizeof o->lock - 32;
}

static void names(struct options *o)
{
	snprintf(o->control, sizeof o->control, "%s/control.sock", o->dir);
	snprintf(o->lock, sizeof o->lock, "%s/web.lock", o->dir);
	snprintf(o->links, sizeof o->links, "%s/web.links", o->dir);
	snprintf(o->sessions, sizeof o->sessions, "%s/web.sessions", o->dir);
	o->http.links = o->links;
	o->http.sessions = o->sessions;
}

/* One page a folder. Who was killed a moment ago holds it a moment longer. */
static bool lock(struct options *o)
{
	o->lock_fd = open(o->lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (o->lock_fd < 0)
		return false;
	for (int i = 0; flock(o->lock_fd, LOCK_EX | LOCK_NB); i++) {
		if (errno != EWOULDBLOCK || i == LOCK_TRIES)
			return false;
		poll(NULL, 0, LOCK_STEP_MS);
	}
	return true;
}

/* The port of last time: pages that are still open come back to it. */
static void port_before(struct options *o)
{
	char text[16] = "";
	long n;

	if (!o->http.next || pread(o->lock_fd, text, sizeof text - 1, 0) <= 0)
		return;
	n = strtol(text, NULL, 10);
	if (n >= 1024 && n <= UINT16_MAX)
		o->http.port = (int)n;
}

static bool port_say(struct options *o, unsigned port)
{
	char text[16];
	int n = snprintf(text, sizeof text, "%u\n", port);

	if (ftruncate(o->lock_fd, 0) ||
	    pwrite(o->lock_fd, text, (size_t)n, 0) != n)
		return false;
	printf("port %u\n", port);
	return !fflush(stdout);
}

static int run(struct site *s, struct options *o)
{
	int signal_fd = signals_open();

	if (signal_fd < 0)
		return fail("signals", strerror(errno));
	if (!port_say(o, http_port(s->http)))
		return fail(o->lock, strerror(errno));
	serve(s, signal_fd);
	close(signal_fd);
	/* Shut down from the page: nobody stays signed in. */
	if (s->stop)
		unlink(o->sessions);
	return EXIT_SUCCESS;
}

static int start(struct options *o)
{
	struct site s = {.control = o->control, .newest = -1};
	char why[64];
	enum err err;
	int status;

	if (!lock(o))
		return fail("the page is served already", "");
	port_before(o);
	err = http_open(&s.http, &o->http);
	snprintf(why, sizeof why, "port %d is taken", o->http.port);
	if (err == ERR_EXISTS)
		return fail(why, "");
	if (err)
		return fail("cannot listen", strerror(errno));
	clock_seed(&s.rng);
	s.lines = lines_new();
	status = run(&s, o);
	api_lost(&s);
	events_close(&s);
	http_close(s.http);
	client_close(s.client);
	lines_free(s.lines);
	buf_free(&s.ready);
	return status;
}

int main(int argc, char **argv)
{
	struct options o;
	int status;

	setlocale(LC_CTYPE, "");
	clock_start();
	umask(077);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (!options_read(&o, argc, argv)) {
		fputs("usage: sotto-web --dir FOLDER [--port N] [--next] "
		      "[--idle SECONDS]\nIt is started by sotto web.\n",
		      stderr);
		return 2;
	}
	names(&o);
	status = start(&o);
	if (o.lock_fd >= 0)
		close(o.lock_fd);
	return status;
}
