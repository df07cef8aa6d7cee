#include "ui/highlight.h"
#include "ui/text.h"
#include <stdlib.h>
#include <string.h>

static void mark_add(struct highlights *m, size_t from, size_t n,
		     enum mark_kind kind)
{
	if (m->n >= MARKS_MOST)
		return;
	if (m->n == m->cap) {
		m->cap = m->cap ? 2 * m->cap : 4;
		m->mark = xrealloc(m->mark, m->cap * sizeof(*m->mark));
	}
	m->mark[m->n++] = (struct mark){from, n, kind};
}

void highlight_free(struct highlights *m)
{
	free(m->mark);
	*m = (struct highlights){0};
}

/* A text as a search sees it, and where each byte of it came from. */
struct folded {
	struct buf text;
	size_t *from; /* text.n + 1 of them, or NULL: where it is, it was */
};

static void fold_by_glyph(struct folded *f, struct bytes s)
{
	size_t cap = 0;

	for (size_t at = 0; at < s.n;) {
		size_t len = glyph_at(s, at).len, had = f->text.n;
		text_fold(&f->text, (struct bytes){s.p + at, len});
		if (f->text.n + 1 > cap) {
			cap = 2 * (f->text.n + 1);
			f->from = xrealloc(f->from, cap * sizeof(*f->from));
		}
		while (had < f->text.n)
			f->from[had++] = at;
		at += len;
	}
	if (f->from)
		f->from[f->text.n] = s.n;
}

static bool ascii(struct bytes s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] >= 0x80)
			return false;
	return true;
}

static struct folded fold(struct bytes s)
{
	struct folded f = {0};

	if (ascii(s))
		text_fold(&f.text, s);
	else
		fold_by_glyph(&f, s);
	return f;
}

static void unfold(struct folded *f)
{
	buf_free(&f->text);
	free(f->from);
}

static size_t came_from(const struct folded *f, size_t i)
{
	return f->from ? f->from[i] : i;
}

/* Where what began at `from` of the text ends: a letter may have become
 * several. */
static size_t ends_at(const struct folded *f, size_t end)
{
	if (!f->from)
		return end;
	while (end < f->text.n && f->from[end] == f->from[end - 1])
		end++;
	return f->from[end];
}

/* The next place of word at or after *at; false: there is none. */
static bool find(const struct folded *f, struct bytes word, size_t at,
		 size_t *from, size_t *n, size_t *next)
{
	if (!word.n || at >= f->text.n)
		return false;
	const uint8_t *p =
	    memmem(f->text.p + at, f->text.n - at, word.p, word.n);
	if (!p)
		return false;
	size_t i = (size_t)(p - f->text.p);
	*from = came_from(f, i);
	*n = ends_at(f, i + word.n) - *from;
	*next = i + word.n;
	return true;
}

static bool alone(struct bytes text, size_t from, size_t n)
{
	bool before = from && glyph_word(text, glyph_before(text, from));

	return !before && !glyph_word(text, from + n);
}

/* The next time that somebody is named. */
static bool named(const struct folded *f, struct bytes text, struct bytes nick,
		  size_t *at, size_t *from, size_t *n)
{
	while (find(f, nick, *at, from, n, at))
		if (alone(text, *from, *n))
			return true;
	return false;
}

bool highlight_named(struct bytes text, struct bytes nick)
{
	struct folded f = fold(text), who = fold(nick);
	size_t at = 0, from, n;
	bool is = named(&f, text, (struct bytes){who.text.p, who.text.n}, &at,
			&from, &n);

	unfold(&f);
	unfold(&who);
	return is;
}

static void mark_names(struct highlights *m, const struct folded *f,
		       struct bytes text, struct bytes nick)
{
	struct folded who = fold(nick);
	size_t at = 0, from, n;

	while (named(f, text, (struct bytes){who.text.p, who.text.n}, &at,
		     &from, &n))
		mark_add(m, from, n, MARK_NAME);
	unfold(&who);
}

static void mark_hits(struct highlights *m, const struct folded *f,
		      struct bytes words)
{
	struct folded w = fold(words);
	struct bytes rest = {w.text.p, w.text.n};

	while (rest.n) {
		size_t len = 0, at = 0, from, n;
		while (len < rest.n && rest.p[len] != ' ')
			len++;
		while (find(f, (struct bytes){rest.p, len}, at, &from, &n, &at))
			mark_add(m, from, n, MARK_HIT);
		len += len < rest.n;
		rest = (struct bytes){rest.p + len, rest.n - len};
	}
	unfold(&w);
}

void highlight_find(struct highlights *m, struct bytes text, struct bytes words,
		    struct bytes nick)
{
	size_t at = 0, n;

	m->n = 0;
	for (; text_url(text, &at, &n); at += n)
		mark_add(m, at, n, MARK_URL);
	if (!words.n && !nick.n)
		return;
	struct folded f = fold(text);
	mark_names(m, &f, text, nick);
	mark_hits(m, &f, words);
	unfold(&f);
}
