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
	int mouse;
	unsigned bells;
	char tail[16];
	/* of what the terminal is told: the one that is coming, and all */
	enum { IN_TEXT, IN_ESC, IN_OSC, IN_OSC_ESC } in;
	char *coming;
	size_t n_coming, cap_coming;
	char **told;
	size_t n_told;
	size_t link;  /* 0, or 1 + which of told the pen links to */
	size_t *cell; /* the same, of each cell */
	int cell_rows, cell_cols;
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
	if (prop == VTERM_PROP_MOUSE)
		s->mouse = val->number;
	return 1;
}

static int on_bell(void *user)
{
	((struct screen *)user)->bells++;
	return 1;
}

/* Cells are written with the link that the pen has. */
static int on_damage(VTermRect r, void *user)
{
	struct screen *s = user;

	for (int y = r.start_row; y < r.end_row && y < s->cell_rows; y++)
		for (int x = r.start_col; x < r.end_col && x < s->cell_cols;
		     x++)
			s->cell[y * s->cell_cols + x] = s->link;
	return 1;
}

static void cells_new(struct screen *s)
{
	free(s->cell);
	s->cell_rows = s->rows;
	s->cell_cols = s->cols;
	s->cell = calloc((size_t)s->rows * (size_t)s->cols, sizeof(*s->cell));
	if (!s->cell)
		abort();
}

static void on_key(const char *keys, size_t n, void *user)
{
	struct screen *s = user;

	if (write(s->fd, keys, n) != (ssize_t)n)
		abort();
}

/* The terminal's own variables do not leak from that of who runs this. */
static void surroundings(const char *const *env)
{
	static const char *const mine[] = {
	    "VTE_VERSION", "TERM_PROGRAM", "DBUS_SESSION_BUS_ADDRESS",
	    "TMUX",        "VISUAL",       "EDITOR",
	    "NO_COLOR",    "BROWSER",      "SSH_CONNECTION"};

	for (size_t i = 0; i < sizeof(mine) / sizeof(mine[0]); i++)
		unsetenv(mine[i]);
	setenv("TERM", "xterm-256color", 1);
	setenv("LC_ALL", "C.UTF-8", 1);
	for (; env && *env; env++)
		putenv(strdup(*env));
}

struct screen *screen_new(int rows, int cols, char *const argv[],
			  const char *const *env)
{
	static const VTermScreenCallbacks calls = {
	    .settermprop = on_prop, .bell = on_bell, .damage = on_damage};
	struct winsize w = {.ws_row = (unsigned short)rows,
			    .ws_col = (unsigned short)cols};
	struct screen *s = calloc(1, sizeof(*s));

	if (!s || openpty(&s->fd, &s->slave, NULL, NULL, &w))
		abort();
	s->rows = rows;
	s->cols = cols;
	s->cursor = true;
	cells_new(s);
	s->vt = vterm_new(rows, cols);
	vterm_set_utf8(s->vt, 1);
	vterm_output_set_callback(s->vt, on_key, s);
	s->scr = vterm_obtain_screen(s->vt);
	vterm_screen_set_callbacks(s->scr, &calls, s);
	vterm_screen_enable_altscreen(s->scr, 1);
	vterm_screen_reset(s->scr, 1);
	fcntl(s->fd, F_SETFD, FD_CLOEXEC);
	s->pid = fork();
	if (!s->pid) {
		surroundings(env);
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

/* One whole sequence: kept; 8 is a link, or its end. */
static void told(struct screen *s)
{
	const char *url;

	s->coming[s->n_coming] = '\0';
	s->told = realloc(s->told, (s->n_told + 1) * sizeof(*s->told));
	if (!s->told)
		abort();
	s->told[s->n_told++] = strdup(s->coming);
	if (strncmp(s->coming, "8;", 2) != 0)
		return;
	url = strchr(s->coming + 2, ';');
	s->link = url && url[1] ? s->n_told : 0;
}

static void coming(struct screen *s, char c)
{
	if (s->n_coming + 2 > s->cap_coming) {
		s->cap_coming = 2 * s->cap_coming + 64;
		s->coming = realloc(s->coming, s->cap_coming);
		if (!s->coming)
			abort();
	}
	s->coming[s->n_coming++] = c;
}

/* Says whether an operating system command ends with c. */
static bool osc(struct screen *s, char c)
{
	switch (s->in) {
	case IN_TEXT:
		s->in = c == 27 ? IN_ESC : IN_TEXT;
		return false;
	case IN_ESC:
		s->in = c == ']' ? IN_OSC : IN_TEXT;
		s->n_coming = 0;
		return false;
	case IN_OSC:
		s->in = c == 27 ? IN_OSC_ESC : c == 7 ? IN_TEXT : IN_OSC;
		if (s->in == IN_OSC)
			coming(s, c);
		break;
	case IN_OSC_ESC:
		s->in = IN_TEXT;
	}
	if (s->in != IN_TEXT)
		return false;
	coming(s, '\0');
	return true;
}

/* What the pen links to changes between two cells: they are written so. */
static void hear(struct screen *s, const char *p, size_t n)
{
	size_t from = 0;

	for (size_t i = 0; i < n; i++) {
		if (!osc(s, p[i]))
			continue;
		vterm_input_write(s->vt, p + from, i + 1 - from);
		from = i + 1;
		told(s);
	}
	vterm_input_write(s->vt, p + from, n - from);
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
		hear(s, buf, (size_t)n);
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
	cells_new(s);
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
	if (!s->ended && waitpid(s->pid, &s->status, WNOHANG) == s->pid)
		fprintf(stderr, "the program has ended: wait status %#x\n",
			(unsigned)s->status);
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

void expect_whole(struct screen *s, int row, const char *text)
{
	long long until = now_ms() + DEADLINE_MS;
	char have[ROW_MAX];

	for (;;) {
		row_get(s, row < 0 ? s->rows + row : row, have);
		size_t n = strlen(have);
		while (n && have[n - 1] == ' ')
			have[--n] = '\0';
		if (strcmp(have, text) == 0)
			return;
		if (now_ms() > until)
			give_up(s, "is not that row", text);
		screen_read(s, 20);
	}
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

static bool both(struct screen *s, const char *part, const char *behind)
{
	char row[ROW_MAX];

	for (int i = 0; i < s->rows; i++) {
		row_get(s, i, row);
		const char *at = strstr(row, part);
		if (at && strstr(at, behind))
			return true;
	}
	return false;
}

void expect_both(struct screen *s, const char *part, const char *behind)
{
	long long until = now_ms() + DEADLINE_MS;

	while (!both(s, part, behind)) {
		if (now_ms() > until)
			give_up(s, part, behind);
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

/* ---- how it looks, and what the terminal is told ---- */

/* Where in its row the text begins, from column `from` on; -1: nowhere. */
static int row_find(struct screen *s, int row, const char *part, int from)
{
	char text[ROW_MAX];

	for (int x = from; x < s->cols; x++) {
		VTermRect r = {row, row + 1, x, s->cols};
		size_t n =
		    vterm_screen_get_text(s->scr, text, sizeof(text) - 1, r);
		text[n] = '\0';
		if (strncmp(text, part, strlen(part)) == 0)
			return x;
		if (!strstr(text, part))
			return -1;
	}
	return -1;
}

bool screen_find(struct screen *s, const char *part, int *row, int *col)
{
	for (*row = 0; *row < s->rows; ++*row) {
		*col = row_find(s, *row, part, 0);
		if (*col >= 0)
			return true;
	}
	return false;
}

static size_t columns(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += (*s & 0xc0) != 0x80;
	return n;
}

static unsigned look_at(struct screen *s, int row, int col)
{
	VTermScreenCell c;

	vterm_screen_get_cell(s->scr, (VTermPos){row, col}, &c);
	return (c.attrs.bold ? LOOK_BOLD : 0) |
	       (c.attrs.underline ? LOOK_UNDERLINE : 0) |
	       (c.attrs.reverse ? LOOK_REVERSE : 0) |
	       (VTERM_COLOR_IS_DEFAULT_FG(&c.fg) ? 0 : LOOK_COLOUR) |
	       (VTERM_COLOR_IS_DEFAULT_BG(&c.bg) ? 0 : LOOK_GROUND);
}

static int colour_at(struct screen *s, const char *part)
{
	VTermScreenCell c;
	int y, x;

	if (!screen_find(s, part, &y, &x))
		return -2;
	vterm_screen_get_cell(s->scr, (VTermPos){y, x}, &c);
	return VTERM_COLOR_IS_DEFAULT_FG(&c.fg) ? -1
	       : VTERM_COLOR_IS_INDEXED(&c.fg)  ? c.fg.indexed.idx
						: 256;
}

void expect_colour(struct screen *s, const char *part, int colour)
{
	long long until = now_ms() + DEADLINE_MS;

	while (colour_at(s, part) != colour) {
		if (now_ms() > until) {
			fprintf(stderr, "%d, not %d\n", colour_at(s, part),
				colour);
			give_up(s, "has another colour", part);
		}
		screen_read(s, 20);
	}
}

/* All of some place where it stands looks so. */
static bool looks(struct screen *s, const char *part, unsigned look)
{
	for (int y = 0; y < s->rows; y++)
		for (int x = row_find(s, y, part, 0); x >= 0;
		     x = row_find(s, y, part, x + 1)) {
			size_t n = columns(part), i = 0;
			while (i < n && look_at(s, y, x + (int)i) == look)
				i++;
			if (i == n)
				return true;
		}
	return false;
}

void expect_look(struct screen *s, const char *part, unsigned look)
{
	long long until = now_ms() + DEADLINE_MS;
	int y, x;

	while (!looks(s, part, look)) {
		if (now_ms() > until) {
			if (screen_find(s, part, &y, &x))
				fprintf(stderr, "looks %x, not %x\n",
					look_at(s, y, x), look);
			give_up(s, "does not look so", part);
		}
		screen_read(s, 20);
	}
}

/* What the cell links to; NULL: nothing. */
static const char *link_at(const struct screen *s, int row, int col)
{
	size_t i = s->cell[row * s->cell_cols + col];
	const char *url = i ? strchr(s->told[i - 1] + 2, ';') : NULL;

	return url ? url + 1 : NULL;
}

static bool linked(struct screen *s, int row, const char *part, const char *url)
{
	int y = row < 0 ? s->rows + row : row, x = row_find(s, y, part, 0);
	int n = (int)columns(part);

	if (x < 0 || (x > 0 && link_at(s, y, x - 1)) ||
	    (x + n < s->cols && link_at(s, y, x + n)))
		return false; /* it begins before, or goes on behind */
	for (int i = 0; i < n; i++) {
		const char *to = link_at(s, y, x + i);
		if (!to || strcmp(to, url) != 0)
			return false;
	}
	return true;
}

void expect_link(struct screen *s, int row, const char *part, const char *url)
{
	long long until = now_ms() + DEADLINE_MS;

	while (!linked(s, row, part, url)) {
		if (now_ms() > until)
			give_up(s, "is not that link, or not all of it", part);
		screen_read(s, 20);
	}
}

unsigned screen_links(const struct screen *s)
{
	unsigned n = 0;

	for (int i = 0; i < s->cell_rows * s->cell_cols; i++)
		n += s->cell[i] != 0;
	return n;
}

void expect_no_links(struct screen *s)
{
	long long until = now_ms() + DEADLINE_MS;

	while (screen_links(s)) {
		if (now_ms() > until)
			give_up(s, "there are links", "");
		screen_read(s, 20);
	}
}

unsigned screen_told(const struct screen *s, const char *begin)
{
	unsigned n = 0;

	for (size_t i = 0; i < s->n_told; i++)
		n += strncmp(s->told[i], begin, strlen(begin)) == 0;
	return n;
}

void expect_told(struct screen *s, const char *begin)
{
	long long until = now_ms() + DEADLINE_MS;

	while (!screen_told(s, begin)) {
		for (size_t i = 0; now_ms() > until && i < s->n_told; i++)
			fprintf(stderr, "told: %s\n", s->told[i]);
		if (now_ms() > until)
			give_up(s, "the terminal was not told", begin);
		screen_read(s, 20);
	}
}

unsigned screen_bells(const struct screen *s)
{
	return s->bells;
}

void expect_bells(struct screen *s, unsigned n)
{
	long long until = now_ms() + DEADLINE_MS;

	while (s->bells < n) {
		if (now_ms() > until)
			give_up(s, "no bell", "");
		screen_read(s, 20);
	}
}

void expect_mouse(struct screen *s, bool on)
{
	long long until = now_ms() + DEADLINE_MS;

	while ((s->mouse != VTERM_PROP_MOUSE_NONE) != on) {
		if (now_ms() > until)
			give_up(s, "mouse", on ? "is not on" : "is on");
		screen_read(s, 20);
	}
}

void screen_scribble(struct screen *s, int row, const char *text)
{
	char out[200];
	int n =
	    snprintf(out, sizeof(out), "\0337\033[%d;1H%s\0338", row + 1, text);

	vterm_input_write(s->vt, out, (size_t)n);
}

/* ---- keys ---- */

void screen_button(struct screen *s, int button, int row, int col)
{
	if (s->mouse == VTERM_PROP_MOUSE_NONE)
		return;
	vterm_mouse_move(s->vt, row < 0 ? s->rows + row : row, col,
			 VTERM_MOD_NONE);
	vterm_mouse_button(s->vt, button, true, VTERM_MOD_NONE);
	if (button < 4)
		vterm_mouse_button(s->vt, button, false, VTERM_MOD_NONE);
}

static const struct {
	const char *name;
	VTermKey key;
} named[] = {
    {"Enter", VTERM_KEY_ENTER},
    {"Tab", VTERM_KEY_TAB},
    {"Backspace", VTERM_KEY_BACKSPACE},
    {"Esc", VTERM_KEY_ESCAPE},
    {"Up", VTERM_KEY_UP},
    {"Down", VTERM_KEY_DOWN},
    {"Left", VTERM_KEY_LEFT},
    {"Right", VTERM_KEY_RIGHT},
    {"Delete", VTERM_KEY_DEL},
    {"Home", VTERM_KEY_HOME},
    {"End", VTERM_KEY_END},
    {"PgUp", VTERM_KEY_PAGEUP},
    {"PgDn", VTERM_KEY_PAGEDOWN},
    {"F1", VTERM_KEY_FUNCTION(1)},
    {"F2", VTERM_KEY_FUNCTION(2)},
};

static bool taken(const char **name, const char *prefix)
{
	size_t n = strlen(prefix);

	if (strncmp(*name, prefix, n) != 0 || !(*name)[n])
		return false;
	*name += n;
	return true;
}

void screen_key(struct screen *s, const char *name)
{
	VTermModifier mod = VTERM_MOD_NONE;
	const char *rest = strchr(name, '+');
	char first[16];

	if (rest && rest > name && rest[1]) {
		snprintf(first, sizeof(first), "%.*s", (int)(rest - name),
			 name);
		screen_key(s, first);
		name = rest + 1;
	}
	if (taken(&name, "Alt-"))
		mod |= VTERM_MOD_ALT;
	if (taken(&name, "Ctrl-"))
		mod |= VTERM_MOD_CTRL;
	if (taken(&name, "Shift-"))
		mod |= VTERM_MOD_SHIFT;
	for (size_t i = 0; i < sizeof(named) / sizeof(named[0]); i++)
		if (strcmp(named[i].name, name) == 0) {
			vterm_keyboard_key(s->vt, named[i].key, mod);
			return;
		}
	/* as every terminal does it, which libvterm does not for all */
	if (mod & VTERM_MOD_ALT)
		on_key("\033", 1, s);
	char c = (char)(mod & VTERM_MOD_CTRL ? name[0] & 31 : name[0]);
	on_key(&c, 1, s);
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
	if (s->mouse != VTERM_PROP_MOUSE_NONE)
		return "mouse";
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
	for (size_t i = 0; i < s->n_told; i++)
		free(s->told[i]);
	free(s->told);
	free(s->coming);
	free(s->cell);
	free(s);
}

/* ---- the other side ---- */

void peer_start(struct peer *p, const char *home, const char *nick, int port)
{
	char program[] = SOTTO_PATH, path[256], name[64], at[16];
	char *argv[] = {program,
			strcmp(nick, "center") ? (char[]){"--headless"}
					       : (char[]){"center"},
			(char[]){"--stay"},
			(char[]){"--home"},
			path,
			(char[]){"--port"},
			at,
			(char[]){"--nick"},
			name,
			(char[]){"--no-discover"},
			NULL};
	int in[2], out[2];

	snprintf(path, sizeof(path), "%s/%s", home, nick);
	snprintf(name, sizeof(name), "%s", nick);
	snprintf(at, sizeof(at), "%d", port);
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
	const char *said = strstr(p->text, "\"port\":");
	p->port = said ? (int)strtol(said + 7, NULL, 10) : 0;
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
