#include "ui/tui_term.h"
#include "src/clock.h"
#include "ui/tui_script.h"
#include "ui/words.h"
#include <curses.h>
#include <errno.h>
#include <langinfo.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <term.h>
#include <termios.h>
#include <unistd.h>
#include <wchar.h>

enum { ESC = 27, OURS = 0x1000 };
/* Keys that terminfo has no names for. */
static const struct {
	const char *bytes, *name;
} extra[] = {
    {"\033[200~", "paste"},
    {"\033[201~", "pasted"},
    {"\033[I", "looking"},
    {"\033[O", "away"},
    {"\033[<", "mouse"}, /* behind the signs */
    {"\033[1;3A", "Alt-Up"},
    {"\033[1;3B", "Alt-Down"},
    {"\033[1;3C", "Alt-Right"},
    {"\033[1;3D", "Alt-Left"},
    {"\033[1;5C", "Ctrl-Right"},
    {"\033[1;5D", "Ctrl-Left"},
    {"\033[Z", "Shift-Tab"},
    {"\033[A", "Up"},
    {"\033[B", "Down"},
    {"\033[C", "Right"},
    {"\033[D", "Left"},
    {"\033[H", "Home"},
    {"\033[F", "End"},
    {"\033[1~", "Home"},
    {"\033[4~", "End"},
    {"\033OP", "F1"},
    {"\033OQ", "F2"},
};
enum { N_EXTRA = sizeof(extra) / sizeof(extra[0]), N_SIGNS = 4 };

/* What a signal handler needs: the only state that is not an argument. */
static struct termios before;
static volatile sig_atomic_t resized, quit, on;
static bool moused;
/* There is no terminal: its keys and its end. */
static struct script *script;
static int64_t script_heard_us; /* when something last happened */

static void say(const char *s)
{
	size_t n = strlen(s);

	while (n) {
		ssize_t k = write(STDOUT_FILENO, s, n);
		if (k <= 0 && errno != EINTR)
			return;
		if (k > 0) {
			s += k;
			n -= (size_t)k;
		}
	}
}

static void on_signal(int sig)
{
	if (sig == SIGWINCH)
		resized = 1;
	else
		quit = 1;
}

/* The program is lost; the terminal need not be. */
static void on_crash(int sig)
{
	if (on) {
		frame_break();
		say("\033[?1000l\033[?1006l\033[?1004l\033[?2004l\033[?"
		    "1007h\033[0m\033[?25h\033[?"
		    "1049l\033[?1l"
		    "\033>");
		tcsetattr(STDIN_FILENO, TCSANOW, &before);
	}
	signal(sig, SIG_DFL);
	raise(sig);
}

static void hear(int sig, void (*how)(int))
{
	struct sigaction a = {.sa_handler = how};

	sigfillset(&a.sa_mask);
	sigaction(sig, &a, NULL);
}

static void signals(void)
{
	static const int crash[] = {SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL};
	static const int heard[] = {SIGWINCH, SIGTERM, SIGHUP, SIGINT};
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(heard) / sizeof(heard[0]); i++) {
		sigaddset(&set, heard[i]);
		hear(heard[i], on_signal);
	}
	sigprocmask(SIG_BLOCK, &set, NULL);
	for (size_t i = 0; i < sizeof(crash) / sizeof(crash[0]); i++)
		hear(crash[i], on_crash);
}

static void modes(void)
{
	say("\033[?2004h\033[?1004h\033[?1007l");
}

/* It is known, and the cursor can be put somewhere on it. */
static bool able(void)
{
	int err;

	if (setupterm(NULL, STDOUT_FILENO, &err) != OK)
		return false;
	bool places = cursor_address != NULL;
	del_curterm(cur_term);
	return places;
}

bool term_start(void)
{
	const char *type = getenv("TERM");

	tcgetattr(STDIN_FILENO, &before);
	if (!getenv("ESCDELAY"))
		set_escdelay(25);
	if (!able() || !newterm(NULL, stdout, stdin)) {
		fprintf(stderr,
			_("sotto: no screen on a terminal of type %s: set "
			  "TERM, or use sotto --plain\n"),
			type && *type ? type : "(-)");
		return false;
	}
	raw();
	nonl();
	noecho();
	intrflush(stdscr, FALSE);
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	idlok(stdscr, FALSE);
	idcok(stdscr, FALSE); /* it goes wrong where wide letters are */
	typeahead(-1); /* a frame is one write, not one for each key looked for
			*/
	for (int i = 0; i < N_EXTRA; i++)
		define_key(extra[i].bytes, OURS + i);
	signals();
	on = 1;
	modes();
	frame_start();
	return true;
}

bool term_picture(int rows, int cols, const char *keys)
{
	char why[256];
	FILE *in = fopen("/dev/null", "re"), *out = fopen("/dev/null", "we");

	if (keys && !(script = script_open(keys, why))) {
		fprintf(stderr, "sotto: %s\n", why);
		return false;
	}
	if (!script)
		script = script_open("/dev/null", why);
	if (!in || !out || !script || !newterm("xterm-256color", out, in)) {
		fprintf(stderr, "sotto: no picture can be made: terminfo has "
				"no xterm-256color\n");
		return false;
	}
	resizeterm(rows, cols);
	script_heard_us = clock_mono_us();
	signals();
	return true;
}

bool term_on(void)
{
	return on;
}

void term_stop(void)
{
	if (script) {
		script_show();
		endwin();
		script_free(script);
		script = NULL;
	}
	if (!on)
		return;
	term_mouse(false);
	say("\033[?1004l\033[?2004l\033[?1007h");
	term_title_back();
	on = 0;
	frame_stop();
	endwin();
	tcsetattr(STDIN_FILENO, TCSANOW, &before);
}

int term_colors(void)
{
	return has_colors() ? COLORS : 0;
}

static void mouse_say(bool on_)
{
	say(on_ ? "\033[?1000h\033[?1006h" : "\033[?1000l\033[?1006l");
}

void term_mouse(bool on_)
{
	if (!on || on_ == moused)
		return; /* a script has none */
	mouse_say(on_);
	moused = on_;
}

void term_leave(void)
{
	if (moused)
		mouse_say(false);
	say("\033[?1004l\033[?2004l\033[?1007h");
	endwin();
	on = 0;
}

void term_back(void)
{
	on = 1;
	modes();
	if (moused)
		mouse_say(true);
	clearok(curscr, TRUE);
	resized = 1;
}

void term_suspend(void)
{
	term_leave();
	kill(0, SIGTSTP);
	term_back();
}

void term_resize(int *rows, int *cols)
{
	struct winsize w;

	if (!script && !ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) && w.ws_row &&
	    w.ws_col)
		resizeterm(w.ws_row, w.ws_col);
	getmaxyx(stdscr, *rows, *cols);
}

bool term_utf8(void)
{
	return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

/* ---- keys ---- */

static const char *key_words(wint_t c)
{
	switch (c) {
	case KEY_UP:
		return "Up";
	case KEY_DOWN:
		return "Down";
	case KEY_LEFT:
		return "Left";
	case KEY_RIGHT:
		return "Right";
	case KEY_PPAGE:
		return "PgUp";
	case KEY_NPAGE:
		return "PgDn";
	case KEY_HOME:
		return "Home";
	case KEY_END:
		return "End";
	case KEY_DC:
		return "Delete";
	case KEY_BACKSPACE:
		return "Backspace";
	case KEY_BTAB:
		return "Shift-Tab";
	case KEY_ENTER:
		return "Enter";
	case KEY_F(1):
		return "F1";
	case KEY_F(2):
		return "F2";
	default: /* of hundreds */
		return NULL;
	}
}

static void name_set(struct key *k, bool alt, const char *name)
{
	k->kind = KEY_NAMED;
	snprintf(k->name, sizeof(k->name), "%s%s", alt ? "Alt-" : "", name);
}

static void char_key(struct key *k, wchar_t c, bool alt)
{
	mbstate_t st = {0};
	char ctrl[8];
	size_t n = wcrtomb(k->text, c, &st);

	k->n = n <= sizeof(k->text) ? n : 0;
	if (c == '\t') {
		name_set(k, alt, "Tab");
	} else if (c == '\r') {
		name_set(k, alt, "Enter");
	} else if (c == ESC) {
		name_set(k, alt, "Esc");
	} else if (c == 127) {
		name_set(k, alt, "Backspace");
	} else if (c >= 0 && c < 32) {
		snprintf(ctrl, sizeof(ctrl), "Ctrl-%c", (char)(c + 64));
		name_set(k, alt, ctrl);
	} else {
		char one[sizeof(k->text) + 1];
		memcpy(one, k->text, k->n);
		one[k->n] = '\0';
		name_set(k, alt, one);
		if (!alt)
			k->kind = KEY_CHAR;
	}
}

static bool mouse_number(unsigned *n, wint_t *end)
{
	for (*n = 0; get_wch(end) == OK; *n = *n * 10 + (*end - '0'))
		if (*end < '0' || *end > '9' || *n > 9999)
			return true;
	return false;
}

/* What a terminal writes for a button behind "\033[<": 0;12;3M. ncurses would
 * wait for another key when one is let go, and takes two quick ones for one.
 */
static void mouse(struct key *k)
{
	enum { REST_MS = 100, WHEEL = 64, MODIFIERS = 4 | 8 | 16 };
	unsigned button, x, y;
	wint_t end = 0;

	k->kind = KEY_NAMED; /* no key of ours */
	timeout(REST_MS);
	bool whole = mouse_number(&button, &end) && end == ';' &&
		     mouse_number(&x, &end) && end == ';' &&
		     mouse_number(&y, &end) && end == 'M' && x && y;
	timeout(0);
	if (!whole)
		return;
	k->x = (int)x - 1;
	k->y = (int)y - 1;
	button &= ~(unsigned)MODIFIERS;
	if (button == 0)
		k->kind = KEY_CLICK;
	else if (button == WHEEL)
		k->kind = KEY_WHEEL_UP;
	else if (button == WHEEL + 1)
		k->kind = KEY_WHEEL_DOWN;
}

static void special(struct key *k, wint_t c, bool alt)
{
	static const unsigned char sign[N_SIGNS] = {KEY_PASTE, KEY_PASTED,
						    KEY_LOOKING, KEY_AWAY};
	const char *name = key_words(c);

	if (c >= OURS && c < OURS + N_EXTRA) {
		name = extra[c - OURS].name;
		if (c == OURS + N_SIGNS) {
			mouse(k);
			return;
		}
		if (c < OURS + N_SIGNS) {
			k->kind = sign[c - OURS];
			return;
		}
	}
	if (name)
		name_set(k, alt, name);
	else
		k->kind = KEY_NAMED; /* no key of ours */
}

struct key term_key(bool pasting)
{
	struct key k = {0};

	if (script)
		return script_key(script);
	wint_t c;
	int what = get_wch(&c);

	if (what == ERR)
		return k;
	if (what == KEY_CODE_YES) {
		special(&k, c, false);
		return k;
	}
	char_key(&k, (wchar_t)c, false);
	if (c != ESC || pasting)
		return k;
	/* Alt comes as Esc and the key in one go. */
	what = get_wch(&c);
	if (what == ERR)
		return k;
	k = (struct key){0};
	if (what == KEY_CODE_YES)
		special(&k, c, true);
	else
		char_key(&k, (wchar_t)c, true);
	return k;
}

/* ---- waiting ---- */

/* What a script makes of the wait; true: it need not be waited. */
static bool script_news(bool keys, struct term_news *news, long long *wait_us)
{
	enum { LOOK_US = 5000, QUIET_US = 100000 };
	enum script_state state =
	    keys ? script_step(script, &news->resized) : SCRIPT_WAITS;

	/* what was asked for is still on its way, or not painted yet */
	if ((state == SCRIPT_END || state == SCRIPT_SHOW) &&
	    clock_mono_us() - script_heard_us < QUIET_US)
		state = SCRIPT_WAITS;
	if (state == SCRIPT_SHOW)
		script_shown(script);
	if (state == SCRIPT_KEYS)
		script_heard_us = clock_mono_us();
	if (*wait_us < 0 || *wait_us > LOOK_US)
		*wait_us = LOOK_US;
	news->keys = state == SCRIPT_KEYS;
	news->quit = state == SCRIPT_END || state == SCRIPT_LATE;
	news->late = state == SCRIPT_LATE;
	return news->keys || news->quit || news->resized;
}

struct term_news term_wait(bool keys, int client_fd, long long timeout_us)
{
	struct pollfd p[2] = {
	    {.fd = keys ? STDIN_FILENO : -1, .events = POLLIN},
	    {.fd = client_fd, .events = POLLIN}};
	struct timespec ts = {timeout_us / 1000000,
			      timeout_us % 1000000 * 1000};
	struct term_news news = {0};
	static const int heard[] = {SIGWINCH, SIGTERM, SIGHUP, SIGINT};
	sigset_t set;

	if (script && script_news(keys, &news, &timeout_us))
		return news;
	if (script) {
		ts = (struct timespec){0, timeout_us * 1000};
		p[0].fd = -1;
	}
	sigprocmask(SIG_BLOCK, NULL, &set);
	for (size_t i = 0; i < sizeof(heard) / sizeof(heard[0]); i++)
		sigdelset(&set, heard[i]);
	if (ppoll(p, 2, timeout_us < 0 ? NULL : &ts, &set) < 0)
		p[0].revents = p[1].revents = 0;
	news.keys = p[0].revents & POLLIN;
	news.gone = (p[0].revents & (POLLHUP | POLLERR | POLLNVAL)) != 0;
	news.client = p[1].revents != 0;
	if (script && news.client)
		script_heard_us = clock_mono_us();
	news.resized = resized;
	news.quit = quit;
	resized = 0;
	return news;
}
