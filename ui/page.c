#include "ui/page.h"
#include "src/clock.h"
#include "src/config.h"
#include "ui/page_token.h"
#include "ui/words.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef SOTTO_QR
#include <qrencode.h>
#endif
#ifndef SOTTO_PAGE_DIR /* where the build installs sotto-web */
#define SOTTO_PAGE_DIR "/usr/libexec/sotto"
#endif

enum {
	LINK_S = 600,
	START_MS = 5000,
	END_MS = 2000,
	STEP_MS = 10,
	LINE_MOST = 200,
};
extern char **environ;

/* ---- is it there? ---- */

/* The port of who holds web.lock; 0: nobody does. */
static unsigned served(const struct config *cfg)
{
	struct buf path = {0};
	char text[16] = "";
	bool held;
	int fd;

	buf_printf(&path, "%s/web.lock", cfg->run_dir);
	buf_put(&path, (struct bytes){(const uint8_t *)"", 1});
	fd = open((const char *)path.p, O_RDWR | O_CLOEXEC);
	buf_free(&path);
	if (fd < 0)
		return 0;
	held = flock(fd, LOCK_SH | LOCK_NB) && errno == EWOULDBLOCK;
	/* It writes the port when it listens. */
	for (int i = 0; held && i < START_MS / STEP_MS; i++) {
		if (pread(fd, text, sizeof text - 1, 0) > 0 &&
		    strchr(text, '\n'))
			break;
		poll(NULL, 0, STEP_MS);
	}
	close(fd);
	return held ? (unsigned)strtoul(text, NULL, 10) : 0;
}

/* ---- starting it ---- */

/* Beside us in a build tree, else where it was installed. */
static char *program(void)
{
	static const char *const places[] = {"sotto-web",
					     "../libexec/sotto/sotto-web"};
	char self[4096], *found = NULL;
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);

	while (n > 0 && self[n - 1] != '/')
		n--;
	for (size_t i = 0; i < 2 && n > 0 && !found; i++) {
		if (asprintf(&found, "%.*s%s", (int)n, self, places[i]) < 0)
			abort();
		if (!access(found, X_OK))
			break;
		free(found);
		found = NULL;
	}
	if (!found && !access(SOTTO_PAGE_DIR "/sotto-web", X_OK))
		found = strdup(SOTTO_PAGE_DIR "/sotto-web");
	return found;
}

/* Its signals are as if nobody had blocked any. */
static int spawn_it(struct page *page, char **argv, int in, int out)
{
	posix_spawn_file_actions_t fa;
	posix_spawnattr_t at;
	sigset_t none, all;
	int bad;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawn_file_actions_init(&fa);
	posix_spawnattr_init(&at);
	posix_spawnattr_setsigmask(&at, &none);
	posix_spawnattr_setsigdefault(&at, &all);
	posix_spawnattr_setflags(&at, POSIX_SPAWN_SETSIGMASK |
					  POSIX_SPAWN_SETSIGDEF |
					  POSIX_SPAWN_SETPGROUP);
	posix_spawn_file_actions_adddup2(&fa, in, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&fa, out, STDOUT_FILENO);
	if (isatty(STDERR_FILENO)) /* a screen is painted there */
		posix_spawn_file_actions_addopen(&fa, STDERR_FILENO,
						 "/dev/null", O_WRONLY, 0);
	bad = posix_spawn(&page->pid, argv[0], &fa, &at, argv, environ);
	posix_spawn_file_actions_destroy(&fa);
	posix_spawnattr_destroy(&at);
	return bad;
}

/* The first line it says; empty: it said none. */
static void first_line(int fd, char line[static LINE_MOST])
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	size_t n = 0;

	while (n < LINE_MOST - 1 && poll(&p, 1, START_MS) > 0 &&
	       read(fd, line + n, 1) == 1 && line[n] != '\n')
		n++;
	line[n] = 0;
}

static enum err say_no(char why[static 256], enum err err, const char *words)
{
	snprintf(why, 256, "%s", words);
	return err;
}

/* *port: where it listens. */
static enum err start(struct page *page, const struct config *cfg, char *path,
		      unsigned *port, char why[static 256])
{
	bool next = cfg->web_port < 0;
	char number[16], line[LINE_MOST];
	char w_dir[] = "--dir", w_port[] = "--port", w_next[] = "--next";
	char *argv[] = {path,   w_dir,  cfg->run_dir,
			w_port, number, next ? w_next : NULL,
			NULL};
	int in[2], out[2], bad;

	snprintf(number, sizeof number, "%d", next ? 5081 : cfg->web_port);
	if (pipe2(in, O_CLOEXEC))
		return say_no(why, ERR_SYS, strerror(errno));
	if (pipe2(out, O_CLOEXEC)) {
		say_no(why, ERR_SYS, strerror(errno));
		close(in[0]);
		close(in[1]);
		return ERR_SYS;
	}
	bad = spawn_it(page, argv, in[0], out[1]);
	page->hold = in[1]; /* never 0: standard input is open */
	close(in[0]);
	close(out[1]);
	page->end = out[0];
	first_line(out[0], line);
	*port = strncmp(line, "port ", 5)
		    ? 0
		    : (unsigned)strtoul(line + 5, NULL, 10);
	if (bad)
		page->pid = 0;
	if (bad || !*port)
		page_close(page);
	if (bad)
		return say_no(why, ERR_SYS, strerror(bad));
	if (*port)
		return OK;
	return say_no(why, ERR_SYS,
		      strncmp(line, "error ", 6) ? _("it did not start")
						 : line + 6);
}

static enum err find_or_start(struct page *page, const struct config *cfg,
			      unsigned *port, char why[static 256])
{
	char *path;
	enum err err;

	*port = served(cfg);
	if (*port)
		return OK;
	page_close(page); /* it fell, perhaps */
	path = program();
	if (!path)
		return say_no(why, ERR_STATE,
			      _("this sotto is without the page: it was built "
				"where libmicrohttpd is not"));
	err = start(page, cfg, path, port, why);
	free(path);
	return err;
}

enum err page_open(struct page *page, const struct config *cfg,
		   char link[static PAGE_LINK], char why[static 256])
{
	int64_t now_s = clock_now(NULL, NULL).wall_us / 1000000;
	char token[TOKEN_TEXT];
	struct buf path = {0};
	unsigned port;
	enum err err = find_or_start(page, cfg, &port, why);

	if (err)
		return err;
	token_make(token);
	buf_printf(&path, "%s/web.links", cfg->run_dir);
	buf_put(&path, (struct bytes){(const uint8_t *)"", 1});
	err = token_keep((const char *)path.p, token, now_s + LINK_S);
	if (err)
		say_no(why, err, strerror(errno));
	else
		snprintf(link, PAGE_LINK, "http://127.0.0.1:%u/#%s", port,
			 token);
	buf_free(&path);
	secret_wipe(token, sizeof token);
	return err;
}

/* It ends when its standard input does; and if not, then so. */
void page_close(struct page *page)
{
	pid_t pid = page->pid;
	int ms = 0;

	if (page->hold > 0) {
		close(page->hold);
		close(page->end);
	}
	*page = (struct page){0};
	if (pid <= 0)
		return;
	while (!waitpid(pid, NULL, WNOHANG)) {
		if (ms >= END_MS)
			kill(pid, SIGKILL);
		poll(NULL, 0, STEP_MS);
		ms += STEP_MS;
	}
}

/* ---- the link as a picture ---- */

#ifdef SOTTO_QR
enum { QUIET = 2 }; /* modules around it; readers want some */

static bool dark(const QRcode *q, int x, int y)
{
	if (x < 0 || y < 0 || x >= q->width || y >= q->width)
		return false;
	return q->data[y * q->width + x] & 1;
}

void page_qr(struct buf *out, const char *link, bool light_letters)
{
	static const char *const block[] = {" ", "▄", "▀", "█"};
	QRcode *q = QRcode_encodeString(link, 0, QR_ECLEVEL_L, QR_MODE_8, 1);

	for (int y = -QUIET; q && y < q->width + QUIET; y += 2) {
		for (int x = -QUIET; x < q->width + QUIET; x++) {
			bool up = dark(q, x, y) != light_letters;
			bool down = dark(q, x, y + 1) != light_letters;

			buf_printf(out, "%s", block[2 * up + down]);
		}
		buf_printf(out, "\n");
	}
	QRcode_free(q);
}
#else
void page_qr(struct buf *out, const char *link, bool light_letters)
{
	(void)out, (void)link, (void)light_letters;
}
#endif
