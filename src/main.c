/* Puts the parts together: configuration, identity, engine, front end. */
#include "proto/base.h"
#include "src/client.h"
#include "src/clock.h"
#include "src/config.h"
#include "src/engine.h"
#include "src/identity.h"
#include "ui/front.h"
#include "ui/page.h"
#include "ui/version.h"
#include "ui/words.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	EXIT_USAGE = 2,
	EXIT_IN_USE = 9,
	PATIENCE_US = 10000000, /* for an engine that does not answer */
	STEP_MS = 20,
};

/* 24 rows of 80 columns. */
static const char usage[] =
    "usage: sotto [OPTIONS]                    the full-screen messenger\n"
    "       sotto --plain [OPTIONS]            line by line, for a screen "
    "reader\n"
    "       sotto --headless [OPTIONS]         JSON lines on stdin and stdout\n"
    "       sotto send PEER [TEXT|-]           one message, then wait for its "
    "ACK\n"
    "       sotto recv [--count N] [--from PEER] [--match REGEX]\n"
    "       sotto tail [PEER] [-n N] [-f]      the stored conversation\n"
    "       sotto run [--to PEER] -- CMD...    run CMD and send how it ended\n"
    "       sotto connect ADDR                 add and dial a peer\n"
    "       sotto peers | id | outbox          who is there, who we are, what "
    "waits\n"
    "       sotto trust | block | unblock PEER\n"
    "       sotto web                          a link to the page in the "
    "browser\n"
    "       sotto demo | doctor                try it alone; what works here\n"
    "\n"
    "  --home DIR          everything of this identity in one folder\n"
    "  --profile NAME      a second identity beside the first\n"
    "  --ephemeral         a throw-away identity, removed at the end\n"
    "  --nick NAME         --port N  --bind ADDR  --discover all|off\n"
    "  --json, --text      how sub-commands print\n"
    "  --trust-new ask|accept|refuse          a key never seen before\n"
    "  --ready-file FILE   what it listens on     --stay  --web[=PORT]\n"
    "  --color auto|never|always  -q  -v  --help  --version\n"
    "\n"
    "PEER: a name, an id or its first 8 digits, HOST:PORT, [V6]:PORT\n"
    "more: sotto help options|commands|exit|keys|config   man sotto\n";

static int complain(int status, const char *fmt, ...) PRINTF(2, 3);
static int complain(int status, const char *fmt, ...)
{
	va_list ap;

	fputs("sotto: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return status;
}

/* A descriptor 0, 1 or 2 that came closed would become a socket or the store.
 */
static void keep_standard_files(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	while (fd >= 0 && fd <= 2);
	if (fd >= 0)
		close(fd);
}

/* ---- signals: no thread but this one hears any, and this one only in its
 * front end's ppoll or signalfd ---- */

static void threads_deaf(sigset_t *before)
{
	sigset_t all;

	signal(SIGPIPE, SIG_IGN); /* every write looks at its result */
	signal(SIGXFSZ, SIG_IGN); /* too long a file is a full disk */
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, before);
}

static void main_hears(const sigset_t *before)
{
	sigset_t set = *before;

	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGWINCH);
	pthread_sigmask(SIG_SETMASK, &set, NULL);
}

/* ---- control.sock and its thread ---- */

struct aux {
	struct engine *engine;
	int listen_fd, stop_fd;
	pthread_t thread;
	bool running;
};

/* A path that is too long for an address is reached through its folder. */
static int bind_at(int fd, const struct config *cfg)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int dir = open(cfg->run_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int bad;

	if (dir < 0)
		return -1;
	snprintf(a.sun_path, sizeof a.sun_path, "/proc/self/fd/%d/%s", dir,
		 strrchr(cfg->control_path, '/') + 1);
	bad = bind(fd, (const struct sockaddr *)&a, sizeof a);
	close(dir);
	return bad;
}

/* What is there already is a dead engine's: we hold the lock. Nobody gets in
 * before its mode is right, since nobody listens yet. */
static int control_open(const struct config *cfg)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (unlink(cfg->control_path) && errno != ENOENT)
		goto bad;
	if (bind_at(fd, cfg) || chmod(cfg->control_path, 0600) ||
	    listen(fd, 16))
		goto bad;
	return fd;
bad:
	close(fd);
	return -1;
}

static void *aux_body(void *arg)
{
	struct aux *a = arg;

	control_run(a->engine, a->listen_fd, a->stop_fd);
	return NULL;
}

/* Without it we go on: only sub-commands beside us do not work. */
static void aux_start(struct aux *a, struct engine *e, const struct config *cfg)
{
	*a = (struct aux){.engine = e};
	a->listen_fd = control_open(cfg);
	a->stop_fd = eventfd(0, EFD_CLOEXEC);
	if (a->listen_fd >= 0 && a->stop_fd >= 0)
		a->running = !pthread_create(&a->thread, NULL, aux_body, a);
	if (!a->running)
		complain(0, "%s: %s; sub-commands will not find this sotto",
			 cfg->control_path, strerror(errno));
}

static void aux_stop(struct aux *a, const struct config *cfg)
{
	uint64_t one = 1;

	if (!a->engine)
		return;
	if (a->running && write(a->stop_fd, &one, sizeof one) == sizeof one)
		pthread_join(a->thread, NULL);
	if (a->listen_fd >= 0) {
		unlink(cfg->control_path);
		close(a->listen_fd);
	}
	if (a->stop_fd >= 0)
		close(a->stop_fd);
}

/* ---- which front end, on which engine ---- */

static int front(struct client *c, const struct config *cfg)
{
	switch (cfg->mode) {
	case RUN_SCREEN:
		return tui_run(c, cfg);
	case RUN_PLAIN:
		return plain_run(c, cfg);
	case RUN_HEADLESS:
		return headless_run(c, cfg);
	case RUN_COMMAND:
		return shell_run(c, cfg, cfg->argc, cfg->argv);
	case RUN_HELP:
	case RUN_VERSION:
		break;
	}
	return EXIT_FAILURE;
}

/* A command that is over in a moment is no engine for others. */
static bool serves(const struct config *cfg)
{
	return cfg->mode != RUN_COMMAND || cfg->listen;
}

/* Of a screen it is the screen's: it shows the link. */
static void page_start(struct page *page, const struct config *cfg)
{
	char link[PAGE_LINK], why[256];

	if (!cfg->web || cfg->mode != RUN_HEADLESS)
		return;
	if (page_open(page, cfg, link, why))
		complain(0, "the page: %s", why);
	else
		complain(0, "the page, good once: %s", link);
}

/* A center needs one for each of its people. */
static void many_files(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r))
		return;
	r.rlim_cur = r.rlim_max;
	setrlimit(RLIMIT_NOFILE, &r);
}

/* Document 004: configuration, identity, listening, peers, interface, main
 * loop. Listening and peers are engine_start's. */
static int run_here(const struct config *cfg, const struct identity *id)
{
	struct aux aux = {0};
	struct page page = {0};
	struct engine *engine;
	char why[256] = "";
	sigset_t before;
	int status;

	threads_deaf(&before);
	if (cfg->center)
		many_files();
	if (engine_start(cfg, id, &engine, why))
		return complain(EXIT_FAILURE, "%s", why);
	if (serves(cfg))
		aux_start(&aux, engine, cfg);
	if (serves(cfg) && cfg->ready_file)
		ready_write(client_open(engine), cfg->ready_file);
	page_start(&page, cfg);
	main_hears(&before);
	status = front(client_open(engine), cfg);
	page_close(&page);
	aux_stop(&aux, cfg);
	engine_stop(engine);
	return status;
}

/* An engine that just starts holds the lock and does not answer yet, and a
 * command beside us holds it for a moment: both are worth waiting for. A
 * command looks for an engine first, a screen only when the identity is in
 * use: then it is one more screen of that engine. */
static enum err find_engine(const struct config *cfg, struct identity *id,
			    struct client **c, char why[static 256])
{
	int64_t until = clock_mono_us() + PATIENCE_US;
	enum err err;

	*c = NULL;
	for (;;) {
		if (cfg->mode == RUN_COMMAND &&
		    !client_connect(cfg->control_path, c))
			return OK;
		err =
		    identity_open(id, cfg->identity_path, cfg->lock_path, why);
		if (err != ERR_EXISTS || cfg->mode == RUN_HEADLESS)
			return err;
		if (cfg->mode != RUN_COMMAND &&
		    !client_connect(cfg->control_path, c))
			return OK;
		if (clock_mono_us() > until)
			return err;
		poll(NULL, 0, STEP_MS);
	}
}

static int run(const struct config *cfg)
{
	struct identity id = {.lock_fd = -1};
	struct client *c;
	char why[256];
	sigset_t before;
	enum err err = find_engine(cfg, &id, &c, why);
	int status;

	if (err == ERR_EXISTS)
		return complain(EXIT_IN_USE,
				"%s is %s. Another person on this machine: "
				"sotto --profile NAME",
				cfg->nick, why);
	if (err)
		return complain(EXIT_FAILURE, "%s", why);
	if (c) {
		threads_deaf(&before);
		main_hears(&before);
		return front(c, cfg);
	}
	status = run_here(cfg, &id);
	identity_close(&id);
	return status;
}

static int start(const struct config *cfg)
{
	bool screen = cfg->mode == RUN_SCREEN;

	if (cfg->language[0])
		words_language(cfg->language);
	if (cfg->mode == RUN_HELP) {
		fputs(usage, stdout);
		return fflush(stdout) ? EXIT_FAILURE : 0;
	}
	if (cfg->mode == RUN_VERSION) {
		version_print();
		return fflush(stdout) ? EXIT_FAILURE : 0;
	}
	if (cfg->mode == RUN_COMMAND && config_command(cfg->argv[0])->bare)
		return shell_run(NULL, cfg, cfg->argc, cfg->argv);
	if (screen && !cfg->screen_rows &&
	    !(isatty(STDIN_FILENO) && isatty(STDOUT_FILENO)))
		return complain(EXIT_USAGE,
				"no terminal here; "
				"sotto --headless works without one");
	for (size_t i = 0; i < cfg->n_warnings && cfg->verbose >= 0; i++)
		complain(0, "%s", cfg->warning[i]);
	return run(cfg);
}

int main(int argc, char **argv)
{
	struct config cfg;
	char why[256] = "";
	int status;

	keep_standard_files();
	words_start();
	clock_start();
	if (config_load(&cfg, argc, argv, &status, why))
		complain(status, "%s", why);
	else
		status = start(&cfg);
	config_free(&cfg);
	return status;
}
