#ifndef SOTTO_UI_TEXT_H
#define SOTTO_UI_TEXT_H
#include "proto/base.h"
/* How text falls into columns and rows. Everything here counts in bytes of
 * UTF-8 and in columns; ill-formed bytes count as one column each. */

/* One grapheme cluster, the unit a cursor moves by. len is 0 at the end. */
struct glyph {
	size_t len;
	int cols;
};
enum { GLYPH_COLS = 12 }; /* a cluster that would be wider is cut there */
struct glyph glyph_at(struct bytes s, size_t at);
/* Not all terminals draw it as wide as that: some narrower, and some at most
 * *over columns wider. */
bool glyph_doubtful(struct bytes s, size_t at, struct glyph g, int *over);
/* Where the cluster that ends at `at` begins. */
size_t glyph_before(struct bytes s, size_t at);
/* A letter, a digit or a part of one: what words are made of. */
bool glyph_word(struct bytes s, size_t at);

/* Columns of one code point: 0, 1 or 2. */
int point_cols(int32_t c);
int text_cols(struct bytes s);
/* The longest prefix of s that fits into cols columns. Never splits a
 * character. *width gets its width in columns. */
size_t text_fit(struct bytes s, int cols, int *width);

/* A text made harmless and cut into rows of at most `cols` columns. All zero
 * is a valid empty one. */
struct span {
	size_t from, n; /* bytes of `text` */
};
struct rows {
	struct buf text;
	struct span *row;
	size_t n, cap;
	int cols;
};
/* Replaces what is in r. At least one row; cols at least 2. */
void rows_make(struct rows *r, struct bytes s, int cols);
void rows_free(struct rows *r);
struct bytes rows_at(const struct rows *r, size_t i);

/* One line of s, harmless, at most cols columns; NUL-terminated in out, which
 * holds size bytes. For names and quotations. */
void text_line(char *out, size_t size, struct bytes s, int cols);

/* s and blanks up to `cols` columns, before it when they are negative. */
void text_pad(struct buf *out, struct bytes s, int cols);

/* The next http:// or https:// address at or after *at. */
bool text_url(struct bytes s, size_t *at, size_t *n);
struct bytes text_of(const char *s); /* a view of a C string; NULL: empty */
#endif
