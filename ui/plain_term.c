/* A terminal of which nothing is asked but lines.
 *
 * Who types is shown what he types by us and not by the kernel, and a line is
 * put together here. The kernel would do both (canonical mode), but it keeps
 * the half-typed line to itself: when something arrives in between nobody
 * could say what stands there already, and who hears his screen instead of
 * seeing it has no way to find out. So the prompt comes again with the line as
 * far as it goes: whom it is for, and what it says. Besides, the kernel cuts
 * a line at 4095 bytes and does not say so, and a message holds more.
 *
 * The keys are those that the terminal was set to (stty), the way to show what
 * is erased, too; where it does not show what is typed (in an Emacs, say)
 * neither do we. A process killed with -9 leaves modes as they are. */
#include "ui/plain_term.h"
#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

enum {
	CHUNK = 4096,
	ESC = 27,
	KEEP_MAX = 65536, /* of a buffer that is empty */
};
enum escape { ESC_NONE, ESC_BEGUN, ESC_CSI, ESC_LAST };

struct pterm {
	bool prompts, echo, utf8;
	bool secret; /* the line is not shown */
	size_t most;

	struct buf in; /* read, and from in_at on not looked at */
	size_t in_at;
	bool in_over;

	struct buf line;
	bool too_long, complete; /* complete: it was handed out */
	enum escape escape;
	uint8_t part[4]; /* of a character */
	size_t n_part, part_needs;

	char prompt[256];
	bool shown; /* prompt and line are what was written last */
	struct buf out;
	size_t written; /* of out */
	int out_fd;
	size_t piece; /* what out_fd takes at once without blocking */
	bool out_over;
};

static bool echoes(const struct pterm *t)
{
	return t->echo && !t->secret;
}

/* What a signal handler needs: the only state that is not an argument. */
static struct termios before;
static volatile sig_atomic_t changed;

/* ---- modes ---- */

static bool foreground(void)
{
	return tcgetpgrp(STDIN_FILENO) == getpgrp();
}

static void modes_ours(const struct pterm *t)
{
	struct termios ours = before;

	if (!t->prompts || !foreground())
		return;
	ours.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	ours.c_cc[VMIN] = 1;
	ours.c_cc[VTIME] = 0;
	changed = 1;
	tcsetattr(STDIN_FILENO, TCSANOW, &ours);
}

static void modes_back(void)
{
	if (changed && foreground())
		tcsetattr(STDIN_FILENO, TCSANOW, &before);
	changed = 0;
}

/* The program is lost; the terminal need not be. */
static void on_end(int sig)
{
	modes_back();
	signal(sig, SIG_DFL);
	raise(sig);
}

static void hear_ends(void)
{
	static const int ends[] = {SIGSEGV, SIGABRT, SIGBUS,  SIGFPE, SIGILL,
				   SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM};
	struct sigaction a = {.sa_handler = on_end};

	sigfillset(&a.sa_mask);
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		sigaction(ends[i], &a, NULL);
}

void pterm_aside(struct pterm *t)
{
	if (t->shown)
		buf_put(&t->out, text_of("\n"));
	t->shown = false;
	pterm_write(t);
	modes_back();
}

void pterm_back(struct pterm *t)
{
	if (t->shown) /* stopped without a word */
		buf_put(&t->out, text_of("\n"));
	t->shown = false;
	modes_ours(t);
}

/* ---- writing ---- */

/* Of our own, so that it can be non-blocking without being so for others. */
static void out_open(struct pterm *t)
{
	struct stat st;
	bool fifo = !fstat(STDOUT_FILENO, &st) && S_ISFIFO(st.st_mode);

	t->piece = CHUNK;
	t->out_fd = STDOUT_FILENO;
	if (!fifo && !isatty(STDOUT_FILENO))
		return;
	int fd = open("/proc/self/fd/1",
		      O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd >= 0)
		t->out_fd = fd;
}

size_t pterm_pending(const struct pterm *t)
{
	return t->out.n - t->written;
}

int pterm_out(const struct pterm *t)
{
	return pterm_pending(t) && !t->out_over ? t->out_fd : -1;
}

bool pterm_gone(const struct pterm *t)
{
	return t->out_over;
}

void pterm_write(struct pterm *t)
{
	size_t left = pterm_pending(t);
	ssize_t n;

	if (!left)
		return;
	n = t->out_over ? (ssize_t)left
			: write(t->out_fd, t->out.p + t->written,
				left < t->piece ? left : t->piece);
	if (n < 0 && errno != EINTR && errno != EAGAIN)
		t->out_over = true;
	if (n > 0)
		t->written += (size_t)n;
	if (pterm_pending(t))
		return;
	t->out.n = t->written = 0;
	if (t->out.cap > KEEP_MAX)
		buf_free(&t->out);
}

/* A locale without UTF-8: of bytes that it would read as something else, or
 * as controls, none gets out. */
static size_t to_ascii(uint8_t *p, size_t n)
{
	size_t k = 0;

	for (size_t i = 0; i < n; i++)
		if (p[i] < 0x80)
			p[k++] = p[i];
		else if (p[i] >= 0xc0)
			p[k++] = '?';
	return k;
}

/* As it is shown. */
static void shape(const struct pterm *t, struct buf *out, struct bytes s)
{
	size_t from = out->n;

	while (s.n) {
		const uint8_t *tab = memchr(s.p, '\t', s.n);
		size_t n = tab ? (size_t)(tab - s.p) : s.n;

		text_clean(out, (struct bytes){s.p, n});
		if (tab)
			buf_put(out, text_of(" "));
		n += tab != NULL;
		s = (struct bytes){s.p + n, s.n - n};
	}
	if (!t->utf8)
		out->n = from + to_ascii(out->p + from, out->n - from);
}

static int shown_cols(const struct pterm *t, size_t n)
{
	struct buf b = {0};
	int cols;

	shape(t, &b, (struct bytes){t->line.p, n});
	cols = text_cols((struct bytes){b.p, b.n});
	buf_free(&b);
	return cols;
}

static void leave_prompt(struct pterm *t)
{
	if (t->shown)
		buf_put(&t->out, text_of("\n"));
	t->shown = false;
}

void pterm_line(struct pterm *t, struct bytes s)
{
	leave_prompt(t);
	shape(t, &t->out, s);
	buf_put(&t->out, text_of("\n"));
}

void pterm_prompt(struct pterm *t, const char *s)
{
	if (strcmp(t->prompt, s) == 0)
		return;
	leave_prompt(t);
	size_t n = utf8_cut(text_of(s), sizeof(t->prompt) - 1);
	memcpy(t->prompt, s, n);
	t->prompt[n] = '\0';
}

void pterm_show(struct pterm *t)
{
	if (!t->prompts || t->shown)
		return;
	t->shown = true;
	shape(t, &t->out, text_of(t->prompt));
	if (echoes(t) && !t->complete)
		shape(t, &t->out, pterm_text(t));
}

bool pterm_shown(const struct pterm *t)
{
	return t->shown || !t->prompts;
}

/* ---- the line ---- */

void pterm_secret(struct pterm *t, bool on)
{
	t->secret = on;
	if (on)
		return;
	if (t->line.p)
		secret_wipe(t->line.p, t->line.cap);
	t->line.n = 0;
}

struct bytes pterm_text(const struct pterm *t)
{
	return (struct bytes){t->line.p, t->line.n};
}

static bool is_key(uint8_t c, int which)
{
	return c != _POSIX_VDISABLE && c == before.c_cc[which];
}

static void line_empty(struct pterm *t)
{
	t->line.n = t->n_part = 0;
	t->too_long = t->complete = false;
	if (t->line.cap > KEEP_MAX)
		buf_free(&t->line);
}

void pterm_forget(struct pterm *t)
{
	leave_prompt(t);
	line_empty(t);
	t->in.n = t->in_at = 0;
	t->escape = ESC_NONE;
}

/* What cannot be wiped out is shown anew. */
static void cut(struct pterm *t, size_t n)
{
	int cols = shown_cols(t, t->line.n) - shown_cols(t, n);

	t->line.n = n;
	t->too_long = false;
	if (!echoes(t))
		return;
	if (!(before.c_lflag & ECHOE)) {
		leave_prompt(t);
		return;
	}
	while (cols-- > 0)
		buf_put(&t->out, text_of("\b \b"));
}

static void cut_word(struct pterm *t)
{
	struct bytes s = pterm_text(t);
	size_t n = s.n;

	while (n && s.p[n - 1] == ' ')
		n--;
	while (n && s.p[n - 1] != ' ')
		n--;
	cut(t, n);
}

static void add(struct pterm *t, struct bytes s)
{
	if (t->too_long || t->line.n + s.n > t->most) {
		t->too_long = true;
		return;
	}
	buf_put(&t->line, s);
	if (echoes(t))
		shape(t, &t->out, s);
}

/* Bytes of a character come one by one. What is none stays as it is: the line
 * will be refused, and not lose a letter in silence. */
static void add_byte(struct pterm *t, uint8_t c)
{
	if (t->n_part && (c & 0xc0) != 0x80) {
		add(t, (struct bytes){t->part, t->n_part});
		t->n_part = 0;
	}
	if (!t->n_part)
		t->part_needs = c >= 0xf0   ? 4
				: c >= 0xe0 ? 3
				: c >= 0xc0 ? 2
					    : 1;
	t->part[t->n_part++] = c;
	if (t->n_part < t->part_needs)
		return;
	add(t, (struct bytes){t->part, t->n_part});
	t->n_part = 0;
}

/* Arrows and the like are bytes, too; false: c is none of them. */
static bool escaped(struct pterm *t, uint8_t c)
{
	switch (t->escape) {
	case ESC_NONE:
		break;
	case ESC_BEGUN:
		t->escape = c == '[' ? ESC_CSI : c == 'O' ? ESC_LAST : ESC_NONE;
		if (t->escape != ESC_NONE)
			return true;
		break;
	case ESC_CSI:
		if (c == '[') /* F1 of a console */
			t->escape = ESC_LAST;
		else if (c < 0x20 || c >= 0x40)
			t->escape = ESC_NONE;
		if (c >= 0x20)
			return true;
		break;
	case ESC_LAST:
		t->escape = ESC_NONE;
		return true;
	}
	if (c == ESC)
		t->escape = ESC_BEGUN;
	return c == ESC;
}

static enum typed entered(struct pterm *t)
{
	enum typed what = t->too_long ? TYPED_LONG : TYPED_LINE;

	if (t->n_part)
		add(t, (struct bytes){t->part, t->n_part});
	t->complete = true;
	if (t->echo)
		leave_prompt(t);
	t->shown = false;
	return what;
}

static enum typed key(struct pterm *t, uint8_t c)
{
	struct bytes s = pterm_text(t);

	pterm_show(t);
	if (escaped(t, c))
		return TYPED_KEY;
	if (c == '\n' || c == '\r')
		return entered(t);
	if (is_key(c, VEOF))
		return s.n ? TYPED_KEY : TYPED_END;
	if (is_key(c, VERASE) || c == '\b' || c == 127)
		cut(t, glyph_before(s, s.n));
	else if (is_key(c, VKILL))
		cut(t, 0);
	else if (is_key(c, VWERASE))
		cut_word(t);
	else if (is_key(c, VREPRINT))
		leave_prompt(t);
	else if (c >= 0x20 || c == '\t')
		add_byte(t, c);
	return TYPED_KEY;
}

/* ---- reading ---- */

int pterm_in(const struct pterm *t)
{
	return t->in_over || t->in.n - t->in_at >= CHUNK ? -1 : STDIN_FILENO;
}

void pterm_read(struct pterm *t)
{
	ssize_t n;

	buf_drop(&t->in, t->in_at);
	t->in_at = 0;
	buf_room(&t->in, CHUNK);
	n = read(STDIN_FILENO, t->in.p + t->in.n, CHUNK);
	if (n > 0)
		t->in.n += (size_t)n;
	else if (!n || (errno != EINTR && errno != EAGAIN))
		t->in_over = true;
}

/* Of a pipe, or of a terminal that puts lines together itself. */
static enum typed whole_line(struct pterm *t)
{
	struct bytes s = {t->in.p + t->in_at, t->in.n - t->in_at};
	const uint8_t *end = s.n ? memchr(s.p, '\n', s.n) : NULL;

	s.n = end ? (size_t)(end - s.p) : s.n;
	t->in_at += s.n + (end != NULL);
	add(t, s);
	if (!end && !t->in_over)
		return TYPED_NOTHING;
	if (!end && !t->line.n && !t->too_long)
		return TYPED_END;
	if (t->line.n && t->line.p[t->line.n - 1] == '\r')
		t->line.n--;
	t->complete = true;
	return t->too_long ? TYPED_LONG : TYPED_LINE;
}

enum typed pterm_next(struct pterm *t)
{
	if (t->complete)
		line_empty(t);
	if (!t->prompts)
		return whole_line(t);
	if (t->in_at == t->in.n)
		return t->in_over ? TYPED_END : TYPED_NOTHING;
	return key(t, t->in.p[t->in_at++]);
}

/* ---- beginning and end ---- */

struct pterm *pterm_open(size_t most)
{
	struct pterm *t = xmalloc(sizeof(*t));
	bool tty = isatty(STDOUT_FILENO);

	*t = (struct pterm){.most = most};
	t->prompts = tty && !tcgetattr(STDIN_FILENO, &before);
	t->echo = t->prompts && (before.c_lflag & ECHO);
	t->utf8 = !tty || strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	out_open(t);
	if (t->prompts)
		hear_ends();
	modes_ours(t);
	return t;
}

bool pterm_prompts(const struct pterm *t)
{
	return t->prompts;
}

void pterm_close(struct pterm *t)
{
	leave_prompt(t);
	pterm_write(t);
	if (changed && foreground())
		tcflush(STDIN_FILENO, TCIFLUSH);
	modes_back();
	if (t->out_fd != STDOUT_FILENO)
		close(t->out_fd);
	buf_free(&t->in);
	buf_free(&t->line);
	buf_free(&t->out);
	free(t);
}
