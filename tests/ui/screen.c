#include "tests/ui/screen.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#include <utmp.h>
#include <vterm.h>

enum { DEADLINE_MS = 10000, ROW_MAX = 2048 };

struct screen {
	struct peer *beside;
	VTerm *vt;
	VTermScreen *scr;
	int fd, slave, rows, cols, status;
	pid_t pid;
	bool ended, alt, paste, cursor;
	char tail[16];
};

static long long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

static int on_prop(VTermProp prop, VTermValue *val, void *user)
{
	struct screen *s = user;

	if (prop == VTERM_PROP_ALTSCREEN)
		s->alt = val->boolean;
	if (prop == VTERM_PROP_CURSORVISIBLE)
		s->cursor = val->boolean;
	return 1;
}

struct screen *screen_new(int rows, int cols, char *const argv[])
{
	static const VTermScreenCallbacks calls = {.settermprop = on_prop};
	struct winsize w = {.ws_row = (unsigned short)rows,
			    .ws_col = (unsigned short)cols};
	struct screen *s = calloc(1, sizeof(*s));

	if (!s || openpty(&s->fd, &s->slave, NULL, NULL, &w))
		abort();
	s->rows = rows;
	s->cols = cols;
	s->cursor = true;
	s->vt = vterm_new(rows, cols);
	vterm_set_utf8(s->vt, 1);
	s->scr = vterm_obtain_screen(s->vt);
	vterm_screen_set_callbacks(s->scr, &calls, s);
	vterm_screen_enable_altscreen(s->scr, 1);
	vterm_screen_reset(s->scr, 1);
	fcntl(s->fd, F_SETFD, FD_CLOEXEC);
	s->pid = fork();
	if (!s->pid) {
		setenv("TERM", "xterm-256color", 1);
		setenv("LC_ALL", "C.UTF-8", 1);
		if (login_tty(s->slave))
			_exit(126);
		execv(argv[0], argv);
		_exit(127);
	}
	return s;
}

/* The one mode that libvterm keeps to itself. */
static void note_paste(struct screen *s, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		memmove(s->tail, s->tail + 1, 7);
		s->tail[7] = p[i];
		if (memcmp(s->tail, "\033[?2004h", 8) == 0)
			s->paste = true;
		if (memcmp(s->tail, "\033[?2004l", 8) == 0)
			s->paste = false;
	}
}

/* Ends of lines tell: a line is counted where its end came. */
static unsigned results_from(struct peer *p, size_t n)
{
	unsigned found = 0;

	for (; n; n--) {
		if (p->text[p->n++] != '\n')
			continue;
		p->text[p->n - 1] = '\0';
		const char *line = p->text + p->n - 1;
		while (line > p->text && line[-1] && line[-1] != '\n')
			line--;
		found += strstr(line, "\"event\":\"result\"") != NULL;
		p->text[p->n - 1] = '\n';
	}
	p->text[p->n] = '\0';
	return found;
}

/* Keeps the newest part of what was written; false: nothing was. */
static bool peer_read(struct peer *p, int ms)
{
	struct pollfd q = {.fd = p->out, .events = POLLIN};

	if (poll(&q, 1, ms) <= 0)
		return false;
	if (p->n > sizeof(p->text) / 2) {
		size_t drop = p->n - sizeof(p->text) / 4;
		memmove(p->text, p->text + drop, p->n - drop);
		p->n -= drop;
	}
	ssize_t n = read(p->out, p->text + p->n, sizeof(p->text) - 1 - p->n);
	if (n <= 0)
		return false;
	p->results += results_from(p, (size_t)n);
	return true;
}

void screen_beside(struct screen *s, struct peer *p)
{
	s->beside = p;
}

void screen_read(struct screen *s, int ms)
{
	struct pollfd p = {.fd = s->fd, .events = POLLIN};
	char buf[8192];

	while (s->beside && peer_read(s->beside, 0))
		;
	while (poll(&p, 1, ms) > 0 && p.revents & POLLIN) {
		ssize_t n = read(s->fd, buf, sizeof(buf));
		if (n <= 0)
			return;
		vterm_input_write(s->vt, buf, (size_t)n);
		note_paste(s, buf, (size_t)n);
		ms = 0;
	}
}

void screen_wait(struct screen *s, int ms)
{
	long long until = now_ms() + ms;

	while (now_ms() < until)
		screen_read(s, 20);
}

void screen_type(struct screen *s, const char *keys)
{
	size_t n = strlen(keys);

	if (write(s->fd, keys, n) != (ssize_t)n)
		abort();
}

void screen_resize(struct screen *s, int rows, int cols)
{
	struct winsize w = {.ws_row = (unsigned short)rows,
			    .ws_col = (unsigned short)cols};

	screen_read(s, 0);
	s->rows = rows;
	s->cols = cols;
	vterm_set_size(s->vt, rows, cols);
	ioctl(s->fd, TIOCSWINSZ, &w);
}

static void row_get(struct screen *s, int row, char out[static ROW_MAX])
{
	VTermRect r = {row, row + 1, 0, s->cols};
	size_t n = vterm_screen_get_text(s->scr, out, ROW_MAX - 1, r);

	out[n < ROW_MAX ? n : ROW_MAX - 1] = '\0';
}

static void show(struct screen *s)
{
	char row[ROW_MAX];

	for (int i = 0; i < s->rows; i++) {
		row_get(s, i, row);
		fprintf(stderr, "%3d|%s|\n", i, row);
	}
}

static void give_up(struct screen *s, const char *what, const char *part)
{
	fprintf(stderr, "%s: %s\n", what, part);
	show(s);
	fflush(stderr);
	kill(s->pid, SIGKILL);
	abort();
}

bool screen_has(struct screen *s, const char *part)
{
	char row[ROW_MAX];

	for (int i = 0; i < s->rows; i++) {
		row_get(s, i, row);
		if (strstr(row, part))
			return true;
	}
	return false;
}

static bool row_has(struct screen *s, int row, const char *part)
{
	char text[ROW_MAX];

	row_get(s, row < 0 ? s->rows + row : row, text);
	return strstr(text, part) != NULL;
}

void expect_text(struct screen *s, const char *part)
{
	long long until = now_ms() + DEADLINE_MS;

	while (!screen_has(s, part)) {
		if (now_ms() > until)
			give_up(s, "not on the screen", part);
		screen_read(s, 20);
	}
}

void expect_row(struct screen *s, int row, const char *part)
{
	long long until = now_ms() + DEADLINE_MS;

	while (!row_has(s, row, part)) {
		if (now_ms() > until)
			give_up(s, "not in its row", part);
		screen_read(s, 20);
	}
}

void expect_gone(struct screen *s, const char *part)
{
	long long until = now_ms() + DEADLINE_MS;

	while (screen_has(s, part)) {
		if (now_ms() > until)
			give_up(s, "still on the screen", part);
		screen_read(s, 20);
	}
}

void expect_cursor(struct screen *s, int row, int col)
{
	long long until = now_ms() + DEADLINE_MS;
	VTermPos at;
	char text[64];

	for (;;) {
		vterm_state_get_cursorpos(vterm_obtain_state(s->vt), &at);
		if (at.row == (row < 0 ? s->rows + row : row) && at.col == col)
			return;
		snprintf(text, sizeof(text), "%d, %d; not %d, %d", at.row,
			 at.col, row, col);
		if (now_ms() > until)
			give_up(s, "cursor", text);
		screen_read(s, 20);
	}
}

pid_t screen_pid(const struct screen *s)
{
	return s->pid;
}

void screen_orphan(struct screen *s)
{
	long long until = now_ms() + DEADLINE_MS;

	prctl(PR_SET_CHILD_SUBREAPER, 1);
	kill(s->pid, SIGKILL);
	screen_end(s);
	while (waitpid(-s->pid, NULL, WNOHANG) >= 0) {
		if (now_ms() > until)
			give_up(s, "lives without its parent", "");
		screen_read(s, 20);
	}
}

int screen_end(struct screen *s)
{
	long long until = now_ms() + DEADLINE_MS;

	while (!s->ended && waitpid(s->pid, &s->status, WNOHANG) == 0) {
		if (now_ms() > until)
			give_up(s, "does not end", "");
		if (s->fd >= 0)
			screen_read(s, 20);
		else
			poll(NULL, 0, 20);
	}
	s->ended = true;
	if (s->fd >= 0)
		screen_read(s, 50);
	return s->status;
}

static const char *insane(const struct screen *s)
{
	struct termios t;

	if (tcgetattr(s->slave, &t))
		return strerror(errno);
	if (!(t.c_lflag & ECHO) || !(t.c_lflag & ICANON) ||
	    !(t.c_lflag & ISIG) || !(t.c_oflag & OPOST))
		return "modes";
	if (s->alt)
		return "screen";
	return s->paste ? "paste" : s->cursor ? NULL : "cursor";
}

void expect_sane(struct screen *s)
{
	long long until = now_ms() + DEADLINE_MS;

	while (insane(s)) {
		if (now_ms() > until)
			give_up(s, "not sane", insane(s));
		screen_read(s, 20);
	}
}

void screen_hang_up(struct screen *s)
{
	close(s->fd);
	close(s->slave);
	s->fd = s->slave = -1;
}

void screen_free(struct screen *s)
{
	if (!s->ended) {
		kill(s->pid, SIGKILL);
		waitpid(s->pid, NULL, 0);
	}
	if (s->fd >= 0)
		screen_hang_up(s);
	vterm_free(s->vt);
	free(s);
}

/* ---- the other side ---- */

void peer_start(struct peer *p, const char *home)
{
	char program[] = SOTTO_PATH, path[256];
	char *argv[] = {program,
			(char[]){"--headless"},
			(char[]){"--stay"},
			(char[]){"--home"},
			path,
			(char[]){"--port"},
			(char[]){"0"},
			(char[]){"--nick"},
			(char[]){"bob"},
			(char[]){"--no-discover"},
			NULL};
	int in[2], out[2];

	snprintf(path, sizeof(path), "%s/bob", home);
	memset(p, 0, sizeof(*p));
	if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC))
		abort();
	p->pid = fork();
	if (!p->pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(in[0], 0);
		dup2(out[1], 1);
		execv(argv[0], argv);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	p->in = in[1];
	p->out = out[0];
	peer_expect(p, "\"event\":\"ready\"");
	const char *port = strstr(p->text, "\"port\":");
	p->port = port ? (int)strtol(port + 7, NULL, 10) : 0;
}

/* Also hears it, so that it never waits for us. */
void peer_say(struct peer *p, const char *line)
{
	size_t n = strlen(line);

	if (write(p->in, line, n) != (ssize_t)n || write(p->in, "\n", 1) != 1)
		abort();
	while (peer_read(p, 0))
		;
}

void peer_expect(struct peer *p, const char *part)
{
	long long until = now_ms() + DEADLINE_MS;

	while (!strstr(p->text, part)) {
		if (now_ms() > until) {
			fprintf(stderr, "peer never said %s:\n%s\n", part,
				p->text);
			kill(p->pid, SIGKILL);
			abort();
		}
		peer_read(p, 50);
	}
}

void peer_results(struct peer *p, unsigned n)
{
	long long until = now_ms() + DEADLINE_MS;

	while (p->results < n) {
		if (now_ms() > until) {
			fprintf(stderr, "%u results, not %u\n%s\n", p->results,
				n, p->text);
			kill(p->pid, SIGKILL);
			abort();
		}
		peer_read(p, 50);
	}
}

void peer_stop(struct peer *p)
{
	kill(p->pid, SIGKILL);
	waitpid(p->pid, NULL, 0);
	close(p->in);
	close(p->out);
}

char *folder_new(void)
{
	char path[] = "/tmp/sotto-screen-XXXXXX";

	if (!mkdtemp(path))
		abort();
	return strdup(path);
}

void folder_remove(char *path)
{
	char rm[] = "rm", rf[] = "-rf";
	char *argv[] = {rm, rf, path, NULL};
	pid_t pid = fork();

	if (!pid) {
		execvp(rm, argv);
		_exit(127);
	}
	waitpid(pid, NULL, 0);
	free(path);
}
