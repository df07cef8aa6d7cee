/* A frame is one write. curses writes to the terminal each time it has moved
 * the cursor, thirty times a frame, and whoever shows the terminal is woken
 * and draws each time. Here it writes into memory; what comes out is made
 * shorter and goes to the terminal in one piece. */
#include "ui/tui_term.h"
#include <curses.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PARTS_MOST = 8 };

/* Both -1: curses writes itself. */
static int memory = -1, terminal = -1;

void frame_start(void)
{
	terminal = dup(STDOUT_FILENO);
	memory = memfd_create("frame", MFD_CLOEXEC);
}

void frame_stop(void)
{
	if (memory >= 0)
		close(memory);
	if (terminal >= 0)
		close(terminal);
	memory = terminal = -1;
}

void frame_break(void)
{
	if (terminal >= 0)
		dup2(terminal, STDOUT_FILENO);
}

/* ---- shorter ---- */

/* Length of "ESC [ 0-9; ... m" at p; 0: it is something else. */
static size_t look_at(const uint8_t *p, size_t n)
{
	size_t i = 2;

	if (n < 3 || p[0] != 033 || p[1] != '[')
		return 0;
	while (i < n && ((p[i] >= '0' && p[i] <= '9') || p[i] == ';'))
		i++;
	return i < n && p[i] == 'm' ? i + 1 : 0;
}

/* It begins with what was: "ESC [ m", "ESC [ 0 ...". */
static bool begins_anew(const uint8_t *p, size_t n)
{
	return p[2] == 'm' ||
	       (p[2] == '0' && n > 3 && !(p[3] >= '0' && p[3] <= '9'));
}

static size_t parts(const uint8_t *p, size_t n)
{
	size_t k = 1;

	for (size_t i = 0; i < n; i++)
		k += p[i] == ';';
	return k;
}

size_t frame_shorten(uint8_t *p, size_t n)
{
	size_t out = 0, last = 0, len, had = 0; /* the look just put, if any */
	bool drawn = memmem(p, n, "\033(0", 3) != NULL;

	for (size_t i = 0; i < n; i += len) {
		len = 1;
		/* nothing was drawn in the other set of signs */
		if (!drawn && n - i >= 3 && memcmp(p + i, "\033(B", 3) == 0) {
			len = 3;
			continue;
		}
		size_t look = look_at(p + i, n - i);
		if (!look) {
			p[out++] = p[i];
			had = 0;
			continue;
		}
		len = look;
		if (had && begins_anew(p + i, look)) {
			out = last;
			had = 0;
		}
		if (had && had > 3 && look > 3 &&
		    parts(p + last, had) + parts(p + i, look) <= PARTS_MOST) {
			p[out - 1] = ';';
			memmove(p + out, p + i + 2, look - 2);
			out += look - 2;
			had = out - last;
			continue;
		}
		last = out;
		memmove(p + out, p + i, look);
		out += look;
		had = look;
	}
	return out;
}

/* ---- the frame ---- */

static void put(const uint8_t *p, size_t n)
{
	while (n) {
		ssize_t k = write(STDOUT_FILENO, p, n);
		if (k < 0 && errno != EINTR)
			return;
		if (k > 0) {
			p += k;
			n -= (size_t)k;
		}
	}
}

void frame_show(void)
{
	off_t n;

	/* coming back it talks to the terminal, not only writes to it */
	if (memory < 0 || terminal < 0 || isendwin()) {
		doupdate();
		return;
	}
	lseek(memory, 0, SEEK_SET);
	dup2(memory, STDOUT_FILENO);
	doupdate();
	dup2(terminal, STDOUT_FILENO);
	n = lseek(memory, 0, SEEK_CUR);
	if (n <= 0)
		return;
	uint8_t *p = xmalloc((size_t)n);
	if (pread(memory, p, (size_t)n, 0) == n)
		put(p, frame_shorten(p, (size_t)n));
	free(p);
}
