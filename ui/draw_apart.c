/* Clusters of which terminals do not agree how wide they are (families, flags,
 * hearts, what is newer than the terminal): one that curses writes in passing
 * would shift all that follows in its row. So curses gets stand-ins of a width
 * that is the same everywhere, as many columns as any terminal takes; when it
 * has written the frame, the clusters are put over them, each at its own
 * place. */
#include "ui/draw_impl.h"
#include <curses.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <wchar.h>

/* Blanks to look at, but not to curses: it writes them again when something
 * else comes there. */
static const wchar_t one = 0xa0, two = 0x3000;

size_t draw_apart(const struct view *v, const struct apart *where,
		  struct bytes s, wchar_t out[static 16])
{
	struct aparts *a = v->aparts;
	int cols = where->cols;
	size_t n = 0;

	if (a->n == a->cap) {
		a->cap = a->cap ? 2 * a->cap : 8;
		a->at = xrealloc(a->at, a->cap * sizeof(*a->at));
	}
	a->at[a->n] = *where;
	a->at[a->n++].from = a->text.n;
	buf_put(&a->text, s);
	buf_put(&a->text, (struct bytes){(const uint8_t *)"", 1});
	for (; cols >= 2 && n < 15; cols -= 2)
		out[n++] = two;
	if (cols == 1 && n < 15)
		out[n++] = one;
	return n;
}

struct cell {
	wchar_t c[CCHARW_MAX + 1];
	attr_t attr;
	short pair;
};

static bool cell_at(struct cell *cell, int y, int x)
{
	cchar_t c;

	*cell = (struct cell){0};
	return mvin_wch(y, x, &c) != ERR &&
	       getcchar(&c, cell->c, &cell->attr, &cell->pair, NULL) != ERR;
}

static void put_text(const struct cell *look, const char *text)
{
	vid_puts(look->attr, look->pair, NULL, putchar);
	fputs(text, stdout);
}

/* What the cluster may have been written over is written again. */
static void put_again(int y, int x, int cols)
{
	struct cell cell;
	char text[MB_LEN_MAX * (CCHARW_MAX + 1) + 1];

	for (int end = x + cols, w; x < end; x += w) {
		if (!cell_at(&cell, y, x) ||
		    wcstombs(text, cell.c, sizeof(text)) == (size_t)-1)
			return;
		w = wcwidth(cell.c[0]);
		w = w > 1 ? w : 1;
		mvcur(-1, -1, y, x); /* from anywhere: absolutely */
		put_text(&cell, text);
	}
}

static void put_apart(const struct apart *at, const char *text)
{
	char blanks[GLYPH_COLS + 1];
	struct cell cell;

	/* something else may have been drawn there since */
	if (!cell_at(&cell, at->y, at->x) ||
	    cell.c[0] != (at->cols > 1 ? two : one))
		return;
	snprintf(blanks, sizeof(blanks), "%*s", at->cols, "");
	mvcur(-1, -1, at->y, at->x);
	put_text(&cell, blanks);
	mvcur(-1, -1, at->y, at->x);
	put_text(&cell, text);
	put_again(at->y, at->x + at->cols, at->over);
}

void draw_apart_show(const struct aparts *a)
{
	int y, x;

	if (!a->n)
		return;
	getyx(curscr, y, x);
	for (size_t i = 0; i < a->n; i++)
		put_apart(&a->at[i], (const char *)a->text.p + a->at[i].from);
	vid_puts(A_NORMAL, 0, NULL, putchar);
	mvcur(-1, -1, y, x);
	fflush(stdout);
	move(y, x);
}

void draw_apart_clear(struct aparts *a)
{
	a->n = a->text.n = 0;
}

void draw_apart_free(struct aparts *a)
{
	buf_free(&a->text);
	free(a->at);
}
