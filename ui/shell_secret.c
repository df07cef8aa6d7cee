#include "ui/shell_secret.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

struct terminal {
	const char *prompt;
	struct termios before;
	sigset_t mask;
	int signal_fd;
};

bool secret_terminal(void)
{
	return isatty(STDIN_FILENO);
}

static void prompt(const struct terminal *t)
{
	fputs(t->prompt, stderr);
	fflush(stderr);
}

/* What was typed too early was seen: it does not count. */
static bool hide(const struct terminal *t)
{
	struct termios dark = t->before;

	dark.c_lflag &= ~(tcflag_t)ECHO;
	dark.c_lflag |= ICANON | ISIG | ECHONL;
	return !tcsetattr(STDIN_FILENO, TCSAFLUSH, &dark);
}

static void show(const struct terminal *t)
{
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &t->before);
}

static bool terminal_open(struct terminal *t, const char *words)
{
	static const int heard[] = {SIGINT,  SIGTERM, SIGHUP,
				    SIGQUIT, SIGTSTP, SIGALRM};
	sigset_t set;

	t->prompt = words;
	t->signal_fd = -1;
	if (tcgetattr(STDIN_FILENO, &t->before))
		return false;
	sigemptyset(&set);
	for (size_t i = 0; i < sizeof heard / sizeof *heard; i++)
		sigaddset(&set, heard[i]);
	if (sigprocmask(SIG_BLOCK, &set, &t->mask))
		return false;
	t->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	prompt(t);
	if (t->signal_fd >= 0 && hide(t))
		return true;
	if (t->signal_fd >= 0)
		close(t->signal_fd);
	sigprocmask(SIG_SETMASK, &t->mask, NULL);
	return false;
}

static void terminal_close(const struct terminal *t)
{
	show(t);
	close(t->signal_fd);
	sigprocmask(SIG_SETMASK, &t->mask, NULL);
}

/* ^Z holds us up, and the prompt comes again with us. False: another one. */
static bool obey_signal(const struct terminal *t)
{
	struct signalfd_siginfo info;

	if (read(t->signal_fd, &info, sizeof info) != sizeof info)
		return true;
	show(t);
	if (info.ssi_signo != SIGTSTP) {
		fputc('\n', stderr);
		return false;
	}
	raise(SIGSTOP);
	prompt(t);
	hide(t);
	return true;
}

/* Until there is something to read. False: a signal. */
static bool wait_for_line(const struct terminal *t)
{
	struct pollfd p[] = {{.fd = STDIN_FILENO, .events = POLLIN},
			     {.fd = t->signal_fd, .events = POLLIN}};

	for (;;) {
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			return true; /* read will say it */
		if (p[1].revents && !obey_signal(t))
			return false;
		if (p[0].revents)
			return true;
	}
}

/* A byte at a time: the next line is not ours. What is too long is taken to
 * its end. */
static enum secret read_line(struct secret_line *out)
{
	uint8_t c = 0;
	ssize_t n;

	out->n = 0;
	while ((n = read(STDIN_FILENO, &c, 1)) == 1 && c != '\n')
		if (out->n < sizeof out->p)
			out->p[out->n++] = c;
	if (n < 0)
		return SECRET_NONE;
	if (out->n && out->n < sizeof out->p && out->p[out->n - 1] == '\r')
		out->n--;
	if (!out->n)
		return SECRET_NONE;
	if (out->n > SECRET_MAX)
		return SECRET_LONG;
	bool good = utf8_ok((struct bytes){out->p, out->n}) &&
		    !memchr(out->p, 0, out->n);
	return good ? SECRET_OK : SECRET_BAD;
}

enum secret secret_ask(const char *words, struct secret_line *out)
{
	struct terminal t;
	enum secret s = SECRET_SIGNAL;

	if (!secret_terminal())
		return read_line(out);
	if (!terminal_open(&t, words))
		return SECRET_NONE;
	if (wait_for_line(&t))
		s = read_line(out);
	terminal_close(&t);
	return s;
}
