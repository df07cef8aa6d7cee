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

/* It says nothing of what was: "ESC [ m", "ESC [ 0 m", "ESC [ 0 ; ...". */
static bool begins_anew(const uint8_t *p)
{
	return p[2] == 'm' || (p[2] == '0' && (p[3] == 'm' || p[3] == ';'));
}

static size_t parts(const uint8_t *p, size_t n)
{
	size_t k = 1;

	for (size_t i = 0; i < n; i++)
		k += p[i] == ';';
	return k;
}

/* What was put: `last` bytes, then a look of `had`, if nothing came since.
 * normal: nothing is on; was_normal: before that look. */
struct shorter {
	uint8_t *p;
	size_t n, last, had;
	bool normal, was_normal;
};

static void put_part(struct shorter *s, const uint8_t *from, size_t n)
{
	memmove(s->p + s->n, from, n);
	s->n += n;
}

/* One behind the other: "ESC [ 1 m", "ESC [ 3 6 m" are "ESC [ 1 ; 3 6 m". */
static bool joined(struct shorter *s, const uint8_t *look, size_t n)
{
	if (s->had <= 3 || n <= 3 ||
	    parts(s->p + s->last, s->had) + parts(look, n) > PARTS_MOST)
		return false;
	s->p[s->n - 1] = ';';
	put_part(s, look + 2, n - 2);
	s->had = s->n - s->last;
	s->normal = false;
	return true;
}

static void put_look(struct shorter *s, const uint8_t *look, size_t n)
{
	bool anew = begins_anew(look),
	     off = anew && look[n - 2] != ';' && parts(look, n) == 1;

	if (anew && s->had) { /* the one before was for nothing */
		s->n = s->last;
		s->had = 0;
		s->normal = s->was_normal;
	}
	if (off && s->normal)
		return;
	if (!anew && joined(s, look, n))
		return;
	s->last = s->n;
	s->was_normal = s->normal;
	if (anew && !off && s->normal) { /* without the "0;" */
		put_part(s, look, 2);
		put_part(s, look + 4, n - 4);
	} else {
		put_part(s, look, n);
	}
	s->had = s->n - s->last;
	s->normal = off;
}

size_t frame_shorten(uint8_t *p, size_t n)
{
	struct shorter s = {.p = p};
	bool drawn = memmem(p, n, "\033(0", 3) != NULL;

	for (size_t i = 0, len; i < n; i += len) {
		/* nothing was drawn in the other set of signs */
		if (!drawn && n - i >= 3 && memcmp(p + i, "\033(B", 3) == 0) {
			len = 3;
			continue;
		}
		len = look_at(p + i, n - i);
		if (len) {
			put_look(&s, p + i, len);
			continue;
		}
		p[s.n++] = p[i];
		s.had = 0;
		len = 1;
	}
	return s.n;
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
