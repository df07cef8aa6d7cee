/* Clusters, columns and rows. A terminal's grid knows code points, not
 * clusters: ncurses and every terminal below it add the columns of the parts,
 * so do we, and a cursor still never stops inside a cluster. */
#include "ui/text.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

enum { TAB_COLS = 8 };

struct bytes text_of(const char *s)
{
	return (struct bytes){(const uint8_t *)s, s ? strlen(s) : 0};
}

static struct bytes part(struct bytes s, size_t from, size_t n)
{
	return (struct bytes){s.p + from, n};
}

/* -1: ill-formed, one byte. */
static int32_t point_at(struct bytes s, size_t at, size_t *len)
{
	utf8proc_int32_t c;
	utf8proc_ssize_t n =
	    utf8proc_iterate(s.p + at, (utf8proc_ssize_t)(s.n - at), &c);

	if (n > 0) {
		*len = (size_t)n;
		return c;
	}
	*len = 1;
	return -1;
}

int point_cols(int32_t c)
{
	if (c < 0)
		return 1;
	if (c >= 0x20 && c < 0x7f)
		return 1;
	return utf8proc_charwidth(c);
}

struct glyph glyph_at(struct bytes s, size_t at)
{
	struct glyph g = {0};
	utf8proc_int32_t state = 0;
	size_t len;

	if (at >= s.n)
		return g;
	if (s.p[at] < 0x80 && (at + 1 >= s.n || s.p[at + 1] < 0x80))
		return (struct glyph){1, point_cols(s.p[at])};
	int32_t c = point_at(s, at, &len);
	g.len = len;
	g.cols = point_cols(c);
	while (c >= 0 && at + g.len < s.n) {
		int32_t next = point_at(s, at + g.len, &len);
		if (next < 0 ||
		    utf8proc_grapheme_break_stateful(c, next, &state))
			break;
		g.len += len;
		g.cols += point_cols(next);
		c = next;
	}
	return g;
}

/* Clusters are found forwards only; a line break or ASCII letter before
 * another ASCII one is a safe place to begin. */
size_t glyph_before(struct bytes s, size_t at)
{
	size_t from = at < s.n ? at : s.n, last;

	if (!from)
		return 0;
	at = from--;
	while (from && !(s.p[from] < 0x80 && s.p[from - 1] < 0x80))
		from--;
	for (last = from; from < at; from += glyph_at(s, from).len)
		last = from;
	return last;
}

bool glyph_word(struct bytes s, size_t at)
{
	size_t len;

	if (at >= s.n)
		return false;
	int32_t c = point_at(s, at, &len);
	if (c < 0)
		return false;
	return strchr("LMN", *utf8proc_category_string(c)) != NULL;
}

size_t text_fit(struct bytes s, int cols, int *width)
{
	size_t n = 0;

	*width = 0;
	while (n < s.n) {
		struct glyph g = glyph_at(s, n);
		if (*width + g.cols > cols)
			break;
		*width += g.cols;
		n += g.len;
	}
	return n;
}

int text_cols(struct bytes s)
{
	int width;

	text_fit(s, 1 << 30, &width);
	return width;
}

/* ---- rows ---- */

static void row_add(struct rows *r, size_t from, size_t n)
{
	if (r->n == r->cap) {
		r->cap = r->cap ? 2 * r->cap : 4;
		r->row = xrealloc(r->row, r->cap * sizeof(*r->row));
	}
	r->row[r->n++] = (struct span){from, n};
}

/* Where to cut s, which is wider than a row: behind the last blank that
 * fits, else where the row is full. A cluster wider than a row stands alone. */
static size_t row_cut(struct bytes s, int cols)
{
	int width;
	size_t fit = text_fit(s, cols, &width), n = fit;

	if (fit == s.n)
		return fit;
	if (s.p[fit] == ' ')
		return fit;
	while (n && s.p[n - 1] != ' ')
		n--;
	if (n)
		return n;
	return fit ? fit : glyph_at(s, 0).len;
}

/* Cleans the line and cuts it; a blank at a cut is not shown. */
static void line_rows(struct rows *r, size_t from)
{
	struct bytes s = {r->text.p + from, r->text.n - from};

	do {
		size_t cut = row_cut(s, r->cols), n = cut;
		if (cut < s.n)
			while (n > 1 && s.p[n - 1] == ' ')
				n--;
		row_add(r, from, n);
		if (cut < s.n && s.p[cut] == ' ')
			cut++;
		from += cut;
		s = part(s, cut, s.n - cut);
	} while (s.n);
}

static void line_clean(struct buf *out, struct bytes line)
{
	int cols = 0;

	while (line.n) {
		const uint8_t *tab = memchr(line.p, '\t', line.n);
		size_t n = tab ? (size_t)(tab - line.p) : line.n;
		size_t from = out->n;
		text_clean(out, part(line, 0, n));
		if (!tab)
			return;
		cols += text_cols(
		    part((struct bytes){out->p, out->n}, from, out->n - from));
		int pad = TAB_COLS - cols % TAB_COLS;
		buf_printf(out, "%*s", pad, "");
		cols += pad;
		line = part(line, n + 1, line.n - n - 1);
	}
}

void rows_make(struct rows *r, struct bytes s, int cols)
{
	r->n = r->text.n = 0;
	r->cols = cols < 2 ? 2 : cols;
	for (;;) {
		const uint8_t *end = s.n ? memchr(s.p, '\n', s.n) : NULL;
		size_t n = end ? (size_t)(end - s.p) : s.n, from = r->text.n;
		size_t shown = n && s.p[n - 1] == '\r' ? n - 1 : n;

		line_clean(&r->text, part(s, 0, shown));
		line_rows(r, from);
		if (!end)
			return;
		s = part(s, n + 1, s.n - n - 1);
	}
}

void rows_free(struct rows *r)
{
	buf_free(&r->text);
	free(r->row);
	*r = (struct rows){0};
}

struct bytes rows_at(const struct rows *r, size_t i)
{
	if (!r->row[i].n)
		return (struct bytes){0};
	return (struct bytes){r->text.p + r->row[i].from, r->row[i].n};
}

void text_line(char *out, size_t size, struct bytes s, int cols)
{
	struct buf clean = {0};
	const uint8_t *end = s.n ? memchr(s.p, '\n', s.n) : NULL;
	int width;

	if (end)
		s.n = (size_t)(end - s.p);
	line_clean(&clean, s);
	struct bytes all = {clean.p, clean.n};
	size_t n = text_fit(all, cols, &width);
	all.n = n;
	if (n >= size)
		n = utf8_cut(all, size - 1);
	if (n)
		memcpy(out, clean.p, n);
	out[n] = '\0';
	buf_free(&clean);
}

/* ---- addresses of pages ---- */

static bool begins(struct bytes s, size_t at, const char *what)
{
	size_t n = strlen(what);

	return s.n - at >= n && memcmp(s.p + at, what, n) == 0;
}

static bool url_byte(uint8_t c)
{
	return c > 0x20 && c < 0x7f && !strchr("<>\"`{}|\\^", c);
}

bool text_url(struct bytes s, size_t *at, size_t *n)
{
	for (size_t i = *at; i < s.n; i++) {
		size_t head = begins(s, i, "https://")  ? 8
			      : begins(s, i, "http://") ? 7
							: 0;
		if (!head)
			continue;
		size_t end = i + head;
		while (end < s.n && url_byte(s.p[end]))
			end++;
		/* The full stop of the sentence is not the page's. */
		while (end > i + head && strchr(".,;:!?)'", s.p[end - 1]))
			end--;
		if (end == i + head)
			continue;
		*at = i;
		*n = end - i;
		return true;
	}
	return false;
}
