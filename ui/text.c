/* Clusters, columns and rows. Most terminals' grids know code points, not
 * clusters, and add the columns of the parts; so do we, and a cursor still
 * never stops inside a cluster. */
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

static bool between(int32_t c, int32_t from, int32_t to)
{
	return c >= from && c <= to;
}

/* Vowels and finals of a Hangul syllable: they stand in the first one's. */
static bool jamo_behind(int32_t c)
{
	return between(c, 0x1160, 0x11ff);
}

/* Where terminals do not agree, what the widest of them takes: what is drawn
 * there may be narrower. */
int point_cols(int32_t c)
{
	if (c < 0)
		return 1;
	if (c < 0x300)
		return c >= 0x20 && c < 0x7f ? 1 : utf8proc_charwidth(c);
	if (jamo_behind(c))
		return 0;
	if (between(c, 0x3248, 0x324f) || between(c, 0x4dc0, 0x4dff) ||
	    c == 0x1f93b || c == 0x1f946)
		return 2;
	if (utf8proc_category(c) == UTF8PROC_CATEGORY_MC)
		return 1;
	return utf8proc_charwidth(c);
}

static bool doubtful(int32_t c)
{
	/* joined, shown as a picture, in a box, or a part of a syllable */
	if (c == 0x200d || between(c, 0xfe0e, 0xfe0f) || c == 0x20e3 ||
	    jamo_behind(c) || between(c, 0xd7b0, 0xd7ff))
		return true;
	/* other editions of Unicode have them as something else */
	if (c == 0x6de || between(c, 0x3248, 0x324f) ||
	    between(c, 0x4dc0, 0x4dff))
		return true;
	/* newer than many terminals; flags, tones of skin */
	return between(c, 0x16fe0, 0x1b2ff) || between(c, 0x1f000, 0x1fbff);
}

/* A mark that not every terminal knows for one: it came after Unicode 5. */
static bool mark_newer(int32_t c)
{
	static const struct {
		int32_t from, to;
	} newer[] = {{0x0487, 0x0487}, {0x0616, 0x061a},  {0x065f, 0x065f},
		     {0x06de, 0x06de}, {0x07fd, 0x0900},  {0x093a, 0x093a},
		     {0x0955, 0x0957}, {0x09fe, 0x09fe},  {0x0a51, 0x0a51},
		     {0x0a75, 0x0a75}, {0x0afa, 0x0aff},  {0x0b44, 0x0b44},
		     {0x0b55, 0x0b55}, {0x0b62, 0x0b63},  {0x0c00, 0x0c00},
		     {0x0c04, 0x0c04}, {0x0c3c, 0x0c3c},  {0x0c62, 0x0c63},
		     {0x0c81, 0x0c81}, {0x0d00, 0x0d01},  {0x0d3b, 0x0d3c},
		     {0x0d44, 0x0d44}, {0x0d62, 0x0d63},  {0x0d81, 0x0d81},
		     {0x0eba, 0x0ece}, {0x0f8d, 0x0f8f},  {0x1033, 0x16ff},
		     {0x1734, 0x1734}, {0x180f, 0x20cf},  {0x20f0, 0x20f0},
		     {0x2cef, 0xfe1f}, {0xfe24, 0x10ffff}};
	utf8proc_category_t k;

	if (c < 0x487 || between(c, 0xfe0e, 0xfe0f))
		return false;
	k = utf8proc_category(c);
	if (k != UTF8PROC_CATEGORY_MN && k != UTF8PROC_CATEGORY_ME &&
	    k != UTF8PROC_CATEGORY_MC)
		return false;
	for (size_t i = 0; i < sizeof(newer) / sizeof(newer[0]); i++)
		if (between(c, newer[i].from, newer[i].to))
			return true;
	return false;
}

bool glyph_doubtful(struct bytes s, size_t at, struct glyph g, int *over)
{
	bool doubt = false;
	size_t len;

	*over = 0;
	for (size_t i = 0; i < g.len; i += len) {
		int32_t c = point_at(s, at + i, &len);
		bool newer = i && mark_newer(c);
		doubt |= newer || doubtful(c);
		*over += newer ? 2 : 0;
	}
	return doubt;
}

struct glyph glyph_at(struct bytes s, size_t at)
{
	struct glyph g = {0};
	utf8proc_int32_t state = 0;
	bool picture = false;
	size_t len;

	if (at >= s.n)
		return g;
	if (s.p[at] < 0x80 && (at + 1 >= s.n || s.p[at + 1] < 0x80))
		return (struct glyph){1, point_cols(s.p[at])};
	int32_t c = point_at(s, at, &len);
	g.len = len;
	g.cols = jamo_behind(c) ? 1 : point_cols(c);
	while (c >= 0 && at + g.len < s.n) {
		int32_t next = point_at(s, at + g.len, &len);
		if (next < 0 ||
		    utf8proc_grapheme_break_stateful(c, next, &state) ||
		    g.cols + point_cols(next) > GLYPH_COLS)
			break;
		g.len += len;
		g.cols += point_cols(next);
		picture |= next == 0xfe0f;
		c = next;
	}
	if (picture && g.cols == 1)
		g.cols = 2;
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

void text_pad(struct buf *out, struct bytes s, int cols)
{
	int pad = abs(cols) - text_cols(s);

	pad = pad > 0 ? pad : 0;
	if (cols < 0)
		buf_printf(out, "%*s", pad, "");
	buf_put(out, s);
	if (cols > 0)
		buf_printf(out, "%*s", pad, "");
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
