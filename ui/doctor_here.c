/* What is around us: the clock, the terminal, programs, this build. */
#include "src/clock.h"
#include "src/look.h"
#include "ui/doctor_impl.h"
#include "ui/version.h"
#include "ui/words.h"
#include <curses.h>
#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <term.h>
#include <unistd.h>

/* ---- the clock ---- */

enum {
	NEAR_MS = 10000,     /* file systems and networks have their own idea */
	START_US = 20000000, /* from the start of a process to its lock */
};

static int64_t file_ms(const char *path)
{
	struct stat st;

	if (stat(path, &st))
		return 0;
	return (int64_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000;
}

/* Nothing of ours can have been written later than now. */
static bool from_the_future(struct doctor *d, int64_t now_ms)
{
	const struct config *c = d->cfg;
	const char *const paths[] = {c->store_path, c->log_path, c->lock_path,
				     c->identity_path, c->config_path};
	const char *which = _("the last message");
	int64_t newest = d->newest_ms;
	char ahead[32];

	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
		int64_t ms = file_ms(paths[i]);

		if (ms > newest) {
			newest = ms;
			which = paths[i];
		}
	}
	if (newest <= now_ms + NEAR_MS)
		return false;
	doctor_span(ahead, newest - now_ms);
	found(d, FOUND_PROBLEM,
	      _("the clock is behind: %s was written %s later than now"), which,
	      ahead);
	todo(d, _("set the clock: messages carry its time"));
	return true;
}

/* The lock is written when an engine starts: by the clock there was then. */
static void jumped(struct doctor *d, int64_t now_us)
{
	int64_t began = look_began_us(d->pid),
		lock = file_ms(d->cfg->lock_path);
	int64_t by_clock = now_us - lock * 1000;
	int64_t by_boot = clock_boot_us() - began;
	int64_t by = by_clock - by_boot;
	char span[32];

	if (!d->running || !began || !lock ||
	    (by < START_US && by > -START_US - START_US))
		return;
	doctor_span(span, (by < 0 ? -by : by) / 1000);
	found(d, FOUND_NOTE,
	      by > 0 ? _("the clock was set forward by %s since sotto started")
		     : _("the clock was set back by %s since sotto started"),
	      span);
	todo(d, _("nothing: the order of messages does not depend on it"));
}

void doctor_clock(struct doctor *d)
{
	int64_t now_us = clock_now(NULL, NULL).wall_us;
	/* This program is younger than that. */
	static const int64_t first_us = 1735689600000000; /* 1 January 2025 */
	char text[64];
	bool bad = false;

	clock_local(text, now_us / 1000, CLOCK_FULL);
	if (now_us < first_us) {
		found(d, FOUND_PROBLEM, _("the clock is wrong: %s"), text);
		todo(d, _("set the clock: messages carry its time"));
		bad = true;
	}
	bad |= from_the_future(d, now_us / 1000);
	jumped(d, now_us);
	if (!bad)
		found(d, FOUND_OK,
		      clock_kept() ? _("%s, kept right by a time service")
				   : _("%s; no time service keeps it right"),
		      text);
}

/* ---- the terminal ---- */

/* One of our three files, or the terminal we were started from; -1: none. */
static int terminal(bool *opened)
{
	for (int fd = 0; fd < 3; fd++)
		if (isatty(fd))
			return fd;
	int fd = open("/dev/tty", O_RDONLY | O_CLOEXEC | O_NOCTTY);
	*opened = fd >= 0;
	return fd;
}

/* Colours it has; -1: its type is not known here. */
static int colors_of(const char *type)
{
	int known = 0, n;

	if (setupterm(type, STDOUT_FILENO, &known) != OK || known != 1)
		return -1;
	n = tigetnum("colors");
	del_curterm(cur_term);
	return n > 0 ? n : 0;
}

static void say_type(struct doctor *d)
{
	const char *type = getenv("TERM");
	int colors;

	if (!type || !*type) {
		found(d, FOUND_PROBLEM, _("TERM is not set"));
		todo(d, "export TERM=xterm-256color");
		return;
	}
	if (!strcmp(type, "dumb")) {
		found(d, FOUND_NOTE,
		      _("TERM is dumb: sotto goes line by line, "
			"as with --plain"));
		return;
	}
	colors = d->who == DOCTOR_SCREEN ? tigetnum("colors") : colors_of(type);
	if (colors < 0 && d->who != DOCTOR_SCREEN) {
		found(d, FOUND_PROBLEM,
		      _("TERM is %s, which is not known here"), type);
		todo(d, _("install ncurses-term, or: TERM=xterm-256color "
			  "sotto; `sotto --plain` needs nothing"));
	} else if (d->cfg->color == SW_OFF) {
		found(d, FOUND_OK, _("%s, without colours as asked for"), type);
	} else {
		found(d, FOUND_OK, _("%s, %d colours"), type,
		      colors > 0 ? colors : 0);
	}
}

static void say_size(struct doctor *d, int fd)
{
	enum { LEAST_COLS = 20, LEAST_ROWS = 5 };
	struct winsize w = {0};

	if (ioctl(fd, TIOCGWINSZ, &w) || !w.ws_col || !w.ws_row) {
		found(d, FOUND_NOTE, _("it does not say how large it is"));
		todo(d, "stty rows 24 cols 80");
	} else if (w.ws_col < LEAST_COLS || w.ws_row < LEAST_ROWS) {
		found(d, FOUND_PROBLEM,
		      _("%d columns, %d rows: the screen needs %d and %d"),
		      w.ws_col, w.ws_row, LEAST_COLS, LEAST_ROWS);
		todo(d, _("make it larger"));
	} else {
		found(d, FOUND_OK, _("%d columns, %d rows"), w.ws_col,
		      w.ws_row);
	}
}

static const char *locale_name(void)
{
	static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};

	for (size_t i = 0; i < 3; i++) {
		const char *s = getenv(names[i]);

		if (s && *s)
			return s;
	}
	return "C";
}

static void say_locale(struct doctor *d)
{
	const char *name = locale_name(), *set = nl_langinfo(CODESET);
	locale_t l = newlocale(LC_CTYPE_MASK, "", (locale_t)0);

	if (l)
		freelocale(l);
	if (strcmp(set, "UTF-8") != 0) {
		found(d, FOUND_NOTE,
		      _("the locale %s has no UTF-8: letters beyond ASCII are "
			"shown as signs"),
		      name);
		todo(d, "export LC_CTYPE=C.UTF-8");
	} else if (!l) {
		found(d, FOUND_NOTE, _("the locale %s is not installed"), name);
		todo(d, _("choose one that `locale -a` shows"));
	} else {
		found(d, FOUND_OK, _("locale %s, %s"), name, set);
	}
}

void doctor_terminal(struct doctor *d)
{
	bool opened = false;
	int fd = terminal(&opened);

	if (fd < 0) {
		found(d, FOUND_OK,
		      _("none here; sotto --headless and the "
			"sub-commands need none"));
	} else {
		say_type(d);
		say_size(d, fd);
	}
	say_locale(d);
	if (opened)
		close(fd);
}

/* ---- programs ---- */

static bool is_program(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISREG(st.st_mode) && !access(path, X_OK);
}

/* The first word of a command, as a shell looks for it. */
static bool there(const char *command)
{
	size_t n = strcspn(command, " \t");
	const char *path = getenv("PATH");
	bool found_it = false;

	if (memchr(command, '/', n)) {
		char *word =
		    xstrndup((struct bytes){(const uint8_t *)command, n});

		found_it = is_program(word);
		free(word);
		return found_it;
	}
	for (path = path ? path : "/usr/bin:/bin"; n && *path && !found_it;) {
		size_t len = strcspn(path, ":");
		struct buf b = {0};

		buf_printf(&b, "%.*s/%.*s", (int)len, path, (int)n, command);
		found_it = is_program((const char *)b.p);
		buf_free(&b);
		path += len + (path[len] == ':');
	}
	return found_it;
}

static void say_program(struct doctor *d, const char *command, const char *does,
			const char *get)
{
	if (there(command)) {
		found(d, FOUND_OK, "%s: %s", does, command);
		return;
	}
	found(d, FOUND_NOTE, _("%s: there is no %s here"), does, command);
	todo(d, "%s", get);
}

static const char *first_set(const char *a, const char *b, const char *other)
{
	const char *s = getenv(a);

	if (s && *s)
		return s;
	s = b ? getenv(b) : NULL;
	return s && *s ? s : other;
}

void doctor_tools(struct doctor *d)
{
	bool desktop =
	    getenv("DBUS_SESSION_BUS_ADDRESS") && !getenv("SSH_CONNECTION");

	say_program(d, first_set("VISUAL", "EDITOR", "vi"),
		    _("to edit a message (Ctrl-X Ctrl-E)"),
		    _("install it, or set EDITOR to one you have"));
	say_program(d, first_set("BROWSER", NULL, "xdg-open"),
		    _("to open links (u)"),
		    _("install xdg-utils, or set BROWSER; y copies a link"));
	if (desktop)
		say_program(d, "notify-send", _("to notify the desktop"),
			    _("install libnotify-bin; a terminal that has "
			      "notifications shows them anyway"));
	else
		found(d, FOUND_OK,
		      _("no desktop here: notifications are "
			"shown where the terminal has them"));
}

/* ---- this build ---- */

void doctor_build(struct doctor *d)
{
	char text[256];
	const char *without;

	version_libraries(text);
	found(d, FOUND_OK, "sotto %s: %s", SOTTO_VERSION, text);
	for (size_t i = 0; (without = version_without(i)); i++)
		found(d, FOUND_NOTE, _("built without %s"), _(without));
}
