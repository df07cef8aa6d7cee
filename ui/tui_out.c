/* What the terminal is told beside the picture, and programs. */
#include "ui/tui_term.h"
#include <curses.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <term.h>
#include <unistd.h>

/* The title there was is on the terminal's stack. */
static bool titled;

static void say(const char *s)
{
	if (!term_on())
		return;
	fputs(s, stdout);
	fflush(stdout);
}

static bool term_is(const char *name)
{
	const char *term = getenv("TERM");

	return term && strncmp(term, name, strlen(name)) == 0;
}

void term_title(unsigned unread)
{
	char s[64];

	if (!getenv("TERM") || term_is("linux"))
		return;
	if (!titled)
		say("\033[22;0t");
	titled = true;
	if (unread)
		snprintf(s, sizeof(s), "\033]0;(%u) sotto\a", unread);
	else
		snprintf(s, sizeof(s), "\033]0;sotto\a");
	say(s);
}

void term_title_back(void)
{
	if (titled)
		say("\033[23;0t");
	titled = false;
}

void term_bell(void)
{
	say("\a");
}

/* ---- the clipboard ---- */

void term_copy(struct bytes s)
{
	static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "abcdefghijklmnopqrstuvwxyz0123456789+/";

	if (!term_on() || term_is("linux"))
		return;
	fputs("\033]52;c;", stdout);
	for (size_t i = 0; i < s.n; i += 3) {
		size_t n = s.n - i < 3 ? s.n - i : 3;
		unsigned v = (unsigned)s.p[i] << 16;
		v |= n > 1 ? (unsigned)s.p[i + 1] << 8 : 0;
		v |= n > 2 ? s.p[i + 2] : 0;
		for (size_t k = 0; k < 4; k++)
			putchar(k <= n ? digit[v >> (18 - 6 * k) & 63] : '=');
	}
	say("\a");
}

/* ---- links ---- */

bool term_has_links(void)
{
	/* these print what they do not know, or have lost it on the way */
	return term_on() && getenv("TERM") && !term_is("linux") &&
	       !term_is("vt") && !term_is("screen.") &&
	       !(term_is("screen") && !getenv("TMUX"));
}

/* Both rows of an address that is longer than one light up together. */
static unsigned number(struct bytes s)
{
	unsigned h = 5381;

	for (size_t i = 0; i < s.n; i++)
		h = h * 33 + s.p[i];
	return h;
}

void term_link(int y, int x, unsigned long attr, struct bytes shown,
	       struct bytes whole)
{
	int cy, cx;
	attr_t a = (attr_t)attr;

	getyx(curscr, cy, cx);
	printf("\033[%d;%dH", y + 1, x + 1);
	/* curses knows by this what the terminal writes in now */
	vid_puts(a, (short)PAIR_NUMBER(a), NULL, putchar);
	printf("\033]8;id=%x;%.*s\033\\%.*s\033]8;;\033\\", number(whole),
	       (int)whole.n, (const char *)whole.p, (int)shown.n,
	       (const char *)shown.p);
	vid_puts(A_NORMAL, 0, NULL, putchar);
	printf("\033[%d;%dH", cy + 1, cx + 1);
	fflush(stdout);
}

/* ---- programs ---- */

extern char **environ;

/* A program of its own: no signal of ours is ignored or blocked there. */
static bool spawn(const char *const *argv, const int fd[3], bool apart,
		  pid_t *child)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t none, usual;
	short flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;

	posix_spawn_file_actions_init(&files);
	for (int i = 0; i < 3; i++)
		if (fd[i] < 0)
			posix_spawn_file_actions_addopen(
			    &files, i, "/dev/null", i ? O_WRONLY : O_RDONLY, 0);
		else if (fd[i] != i)
			posix_spawn_file_actions_adddup2(&files, fd[i], i);
	posix_spawnattr_init(&attr);
	sigemptyset(&none);
	posix_spawnattr_setsigmask(&attr, &none);
	sigemptyset(&usual); /* what we ignore, others may live by */
	sigaddset(&usual, SIGPIPE);
	sigaddset(&usual, SIGXFSZ);
	posix_spawnattr_setsigdefault(&attr, &usual);
	posix_spawnattr_setpgroup(&attr, 0);
	if (apart)
		flags |= POSIX_SPAWN_SETPGROUP;
	posix_spawnattr_setflags(&attr, flags);
	char **words = (char **)(uintptr_t)argv; /* it changes none of them */
	int bad = posix_spawnp(child, argv[0], &files, &attr, words, environ);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&files);
	return !bad;
}

/* One whose end nobody waits for. */
static bool spawn_away(const char *const *argv)
{
	static pid_t before;
	static const int nowhere[3] = {-1, -1, -1};
	pid_t child;

	/* The one before has long said its word to a running program. */
	if (before > 0)
		waitpid(before, NULL, WNOHANG);
	if (!spawn(argv, nowhere, true, &child))
		return false;
	before = child;
	return true;
}

bool term_browse(const char *url)
{
	const char *browser = getenv("BROWSER");
	const char *argv[] = {browser && *browser ? browser : "xdg-open", url,
			      NULL};

	if (strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0)
		return false;
	return spawn_away(argv);
}

/* Which terminal it is tells which of the two sequences it knows. */
static bool notified_by_terminal(const char *title, const char *text)
{
	const char *program = getenv("TERM_PROGRAM");
	bool nine = term_is("xterm-kitty") || term_is("xterm-ghostty");

	if (program)
		nine |= !strcmp(program, "iTerm.app") ||
			!strcmp(program, "WezTerm") ||
			!strcmp(program, "ghostty");
	if (!term_on())
		return false;
	if (nine) {
		printf("\033]9;%s: %s\033\\", title, text);
	} else if (getenv("VTE_VERSION") || term_is("foot") ||
		   term_is("rxvt")) {
		printf("\033]777;notify;");
		for (const char *s = title; *s; s++)
			putchar(*s == ';' ? ',' : *s);
		printf(";%s\033\\", text);
	} else {
		return false;
	}
	fflush(stdout);
	return true;
}

bool term_notify(const char *title, const char *text)
{
	const char *argv[] = {"notify-send", "-a", "sotto", "--",
			      title,         text, NULL};

	if (notified_by_terminal(title, text))
		return true;
	if (!term_on() || !getenv("DBUS_SESSION_BUS_ADDRESS") ||
	    getenv("SSH_CONNECTION"))
		return false;
	return spawn_away(argv);
}

int term_run(const char *command)
{
	static const int ours[3] = {0, 1, 2};
	const char *argv[] = {"sh", "-c", command, NULL};
	int status = -1;
	pid_t child;

	if (!term_on())
		return -1;
	term_leave();
	if (spawn(argv, ours, false, &child))
		while (waitpid(child, &status, 0) < 0 && errno == EINTR)
			;
	term_back();
	return status;
}

int term_pipe(const char *command, struct bytes in, pid_t *child)
{
	const char *argv[] = {"sh", "-c", command, NULL};
	int memory = memfd_create("message", MFD_CLOEXEC), out[2];
	bool began = false;

	if (memory < 0)
		return -1;
	if (pipe2(out, O_CLOEXEC)) {
		close(memory);
		return -1;
	}
	if (write(memory, in.p, in.n) == (ssize_t)in.n &&
	    !lseek(memory, 0, SEEK_SET))
		began =
		    spawn(argv, (int[]){memory, out[1], out[1]}, true, child);
	close(memory);
	close(out[1]);
	if (!began) {
		close(out[0]);
		return -1;
	}
	fcntl(out[0], F_SETFL, O_NONBLOCK);
	return out[0];
}
