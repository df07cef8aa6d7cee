#include "tests/bench/cells.h"
#include <stdlib.h>
#include <string.h>
#include <vterm.h>

struct cells {
	VTerm *vt; /* NULL: a copy */
	VTermScreen *screen;
	VTermScreenCell *copy;
	VTermPos cursor;
	int rows, cols;
	char row[4096];
};

struct cells *cells_new(int rows, int cols)
{
	struct cells *c = xzalloc(sizeof *c);

	c->vt = vterm_new(rows, cols);
	c->rows = rows;
	c->cols = cols;
	vterm_set_utf8(c->vt, 1);
	c->screen = vterm_obtain_screen(c->vt);
	vterm_screen_enable_altscreen(c->screen, 1);
	vterm_screen_reset(c->screen, 1);
	return c;
}

void cells_free(struct cells *c)
{
	if (c && c->vt)
		vterm_free(c->vt);
	if (c)
		free(c->copy);
	free(c);
}

static void see(void *to, const char *p, size_t n)
{
	struct cells *c = to;

	vterm_input_write(c->vt, p, n);
}

void cells_watch(struct cells *c, struct term *t)
{
	t->also = see;
	t->to = c;
}

void cells_resize(struct cells *c, int rows, int cols)
{
	c->rows = rows;
	c->cols = cols;
	vterm_set_size(c->vt, rows, cols);
}

int cells_rows(const struct cells *c)
{
	return c->rows;
}

static VTermScreenCell cell_at(struct cells *c, int y, int x)
{
	VTermScreenCell cell;

	if (c->copy)
		return c->copy[y * c->cols + x];
	memset(&cell, 0, sizeof cell);
	vterm_screen_get_cell(c->screen, (VTermPos){y, x}, &cell);
	return cell;
}

const char *cells_row(struct cells *c, int row)
{
	VTermRect r = {row, row + 1, 0, c->cols};
	size_t n =
	    vterm_screen_get_text(c->screen, c->row, sizeof c->row - 1, r);

	c->row[n < sizeof c->row ? n : sizeof c->row - 1] = 0;
	return c->row;
}

static VTermPos cursor_of(struct cells *c)
{
	VTermPos p = c->cursor;

	if (c->vt)
		vterm_state_get_cursorpos(vterm_obtain_state(c->vt), &p);
	return p;
}

/* A blank that was never written is a blank. */
static uint32_t sign_of(const VTermScreenCell *c)
{
	return c->chars[0] ? c->chars[0] : ' ';
}

static bool same(const VTermScreenCell *a, const VTermScreenCell *b)
{
	if (sign_of(a) != sign_of(b) || a->attrs.reverse != b->attrs.reverse ||
	    a->attrs.underline != b->attrs.underline ||
	    !vterm_color_is_equal(&a->bg, &b->bg))
		return false;
	if (sign_of(a) == ' ')
		return true;
	return a->attrs.bold == b->attrs.bold &&
	       memcmp(a->chars + 1, b->chars + 1, sizeof a->chars[0]) == 0 &&
	       vterm_color_is_equal(&a->fg, &b->fg);
}

size_t cells_differ(struct cells *a, struct cells *b)
{
	VTermPos p = cursor_of(a), q = cursor_of(b);
	size_t n = p.row != q.row || p.col != q.col;

	for (int y = 0; y < a->rows; y++)
		for (int x = 0; x < a->cols; x++) {
			VTermScreenCell k = cell_at(a, y, x),
					l = cell_at(b, y, x);
			n += !same(&k, &l);
		}
	return n;
}

struct cells *cells_copy(struct cells *c)
{
	struct cells *k = xzalloc(sizeof *k);

	k->rows = c->rows;
	k->cols = c->cols;
	k->cursor = cursor_of(c);
	k->copy = xmalloc((size_t)(c->rows * c->cols) * sizeof *k->copy);
	for (int y = 0; y < c->rows; y++)
		for (int x = 0; x < c->cols; x++)
			k->copy[y * c->cols + x] = cell_at(c, y, x);
	return k;
}
