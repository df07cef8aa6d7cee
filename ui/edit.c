#include "ui/edit.h"
#include "ui/text.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { KILLS = 16, UNDOS = 64, SENT = 256, UNDO_BYTES = 1 << 20 };

/* A text and where the cursor stood in it. */
struct state {
	struct buf text;
	size_t at;
};

struct edit {
	struct state now;
	struct state undo[UNDOS]; /* oldest first */
	size_t n_undo, undo_bytes;
	struct buf kill[KILLS]; /* newest first */
	size_t n_kill, yank;    /* yank: which one stands there */
	size_t yank_from;
	struct buf sent[SENT]; /* oldest first */
	size_t n_sent, place;  /* place == n_sent: the draft itself */
	struct state draft;    /* kept while place < n_sent */
	/* What the last call was: kills in a row are one, letters in a row
	 * are one undo, only a yank can be popped. */
	enum { LAST_NONE, LAST_TYPED, LAST_KILL, LAST_YANK, LAST_FIND } last;
	struct buf find; /* letters that are looked for */
};

struct edit *edit_new(void)
{
	struct edit *e = xmalloc(sizeof(*e));

	*e = (struct edit){0};
	return e;
}

static void undo_forget(struct edit *e)
{
	for (size_t i = 0; i < e->n_undo; i++)
		buf_free(&e->undo[i].text);
	e->n_undo = e->undo_bytes = 0;
}

void edit_free(struct edit *e)
{
	if (!e)
		return;
	undo_forget(e);
	for (size_t i = 0; i < e->n_kill; i++)
		buf_free(&e->kill[i]);
	for (size_t i = 0; i < e->n_sent; i++)
		buf_free(&e->sent[i]);
	buf_free(&e->now.text);
	buf_free(&e->draft.text);
	buf_free(&e->find);
	free(e);
}

static struct bytes whole(const struct buf *b)
{
	return (struct bytes){b->p, b->n};
}

struct bytes edit_text(const struct edit *e)
{
	return whole(&e->now.text);
}

size_t edit_cursor(const struct edit *e)
{
	return e->now.at;
}

/* ---- undo ---- */

static void undo_oldest_out(struct edit *e)
{
	e->undo_bytes -= e->undo[0].text.n;
	buf_free(&e->undo[0].text);
	memmove(e->undo, e->undo + 1, --e->n_undo * sizeof(e->undo[0]));
}

static void undo_mark(struct edit *e)
{
	struct state *s;

	while (e->n_undo == UNDOS || (e->n_undo && e->undo_bytes > UNDO_BYTES))
		undo_oldest_out(e);
	s = &e->undo[e->n_undo++];
	*s = (struct state){.at = e->now.at};
	buf_put(&s->text, whole(&e->now.text));
	e->undo_bytes += s->text.n;
}

static bool undo(struct edit *e)
{
	if (!e->n_undo)
		return false;
	buf_free(&e->now.text);
	e->now = e->undo[--e->n_undo];
	e->undo_bytes -= e->now.text.n;
	return true;
}

/* ---- changing the text ---- */

static void text_cut(struct edit *e, size_t from, size_t to)
{
	struct buf *t = &e->now.text;

	if (to > from)
		memmove(t->p + from, t->p + to, t->n - to);
	t->n -= to - from;
	e->now.at = from;
}

static void text_put(struct edit *e, struct bytes s)
{
	struct buf *t = &e->now.text;
	size_t at = e->now.at;

	if (!s.n)
		return;
	buf_room(t, s.n);
	memmove(t->p + at + s.n, t->p + at, t->n - at);
	memcpy(t->p + at, s.p, s.n);
	t->n += s.n;
	e->now.at += s.n;
}

/* Well-formed: what is not becomes U+FFFD a byte; NUL is left out. */
static void put_well(struct buf *out, struct bytes s)
{
	for (size_t i = 0; i < s.n;) {
		size_t len = s.p[i] < 0x80   ? 1
			     : s.p[i] < 0xe0 ? 2
			     : s.p[i] < 0xf0 ? 3
					     : 4;
		struct bytes one = {s.p + i, len};
		if (s.p[i] == 0) {
			i++;
			continue;
		}
		if (i + len > s.n || !utf8_ok(one)) {
			one = text_of("\xef\xbf\xbd");
			len = 1;
		}
		buf_put(out, one);
		i += len;
	}
}

static bool insert(struct edit *e, struct bytes s)
{
	struct buf well = {0};
	size_t room = EDIT_MAX - e->now.text.n;
	bool fits;

	put_well(&well, s);
	s = whole(&well);
	fits = s.n <= room;
	if (!fits)
		s.n = utf8_cut(s, room);
	text_put(e, s);
	buf_free(&well);
	return fits;
}

bool edit_insert(struct edit *e, struct bytes s)
{
	bool blank = s.n == 1 && s.p[0] == ' ';

	if (e->last != LAST_TYPED || blank || s.n > 16)
		undo_mark(e);
	e->last = LAST_TYPED;
	return insert(e, s);
}

void edit_replace(struct edit *e, size_t from, struct bytes s)
{
	assert(from <= e->now.at);
	undo_mark(e);
	e->last = LAST_NONE;
	text_cut(e, from, e->now.at);
	insert(e, s);
}

static void state_set(struct state *st, struct bytes s, size_t at)
{
	st->text.n = 0;
	buf_put(&st->text, s);
	st->at = at < s.n ? at : s.n;
	while (st->at && st->at < s.n && (s.p[st->at] & 0xc0) == 0x80)
		st->at--;
}

/* What was written before Up brought something else is kept among the cut
 * ones when the line is over. */
static void draft_keep(struct edit *e)
{
	if (e->place < e->n_sent)
		edit_keep(e, whole(&e->draft.text));
	e->place = e->n_sent;
}

void edit_set(struct edit *e, struct bytes s, size_t cursor)
{
	struct buf well = {0};

	draft_keep(e);
	put_well(&well, s);
	if (well.n > EDIT_MAX)
		well.n = utf8_cut(whole(&well), EDIT_MAX);
	state_set(&e->now, whole(&well), cursor);
	buf_free(&well);
	undo_forget(e);
	e->last = LAST_NONE;
}

/* ---- the kill ring ---- */

static void kill_push(struct edit *e)
{
	if (e->n_kill == KILLS)
		buf_free(&e->kill[--e->n_kill]);
	memmove(e->kill + 1, e->kill, e->n_kill++ * sizeof(e->kill[0]));
	e->kill[0] = (struct buf){0};
}

void edit_keep(struct edit *e, struct bytes s)
{
	if (!s.n)
		return;
	kill_push(e);
	buf_put(&e->kill[0], s);
	e->last = LAST_NONE;
}

/* Kills in a row grow one entry, at the end they came from. */
static void kill_note(struct edit *e, struct bytes s, bool back)
{
	struct buf joined = {0};

	if (e->last != LAST_KILL || !e->n_kill)
		kill_push(e);
	if (back)
		buf_put(&joined, s);
	buf_put(&joined, whole(&e->kill[0]));
	if (!back)
		buf_put(&joined, s);
	buf_free(&e->kill[0]);
	e->kill[0] = joined;
}

static bool kill_span(struct edit *e, size_t from, size_t to)
{
	if (from >= to)
		return false;
	undo_mark(e);
	kill_note(e, (struct bytes){e->now.text.p + from, to - from},
		  to == e->now.at);
	text_cut(e, from, to);
	e->last = LAST_KILL;
	return true;
}

static bool yank(struct edit *e)
{
	if (!e->n_kill)
		return false;
	undo_mark(e);
	e->yank = 0;
	e->yank_from = e->now.at;
	insert(e, whole(&e->kill[0]));
	e->last = LAST_YANK;
	return true;
}

static bool yank_pop(struct edit *e)
{
	if (e->last != LAST_YANK || e->n_kill < 2)
		return false;
	e->yank = (e->yank + 1) % e->n_kill;
	text_cut(e, e->yank_from, e->now.at);
	insert(e, whole(&e->kill[e->yank]));
	e->last = LAST_YANK;
	return true;
}

/* ---- places in the text ---- */

static size_t next_at(const struct edit *e, size_t at)
{
	return at + glyph_at(whole(&e->now.text), at).len;
}

static size_t prev_at(const struct edit *e, size_t at)
{
	return glyph_before(whole(&e->now.text), at);
}

static size_t word_end(const struct edit *e)
{
	struct bytes s = whole(&e->now.text);
	size_t at = e->now.at;

	while (at < s.n && !glyph_word(s, at))
		at = next_at(e, at);
	while (at < s.n && glyph_word(s, at))
		at = next_at(e, at);
	return at;
}

static size_t word_start(const struct edit *e)
{
	struct bytes s = whole(&e->now.text);
	size_t at = e->now.at;

	while (at && !glyph_word(s, prev_at(e, at)))
		at = prev_at(e, at);
	while (at && glyph_word(s, prev_at(e, at)))
		at = prev_at(e, at);
	return at;
}

static bool blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\n';
}

static size_t blank_start(const struct edit *e)
{
	const uint8_t *p = e->now.text.p;
	size_t at = e->now.at;

	while (at && blank(p[at - 1]))
		at--;
	while (at && !blank(p[at - 1]))
		at--;
	return at;
}

static size_t line_start(const struct edit *e, size_t at)
{
	while (at && e->now.text.p[at - 1] != '\n')
		at--;
	return at;
}

static size_t line_end(const struct edit *e, size_t at)
{
	while (at < e->now.text.n && e->now.text.p[at] != '\n')
		at++;
	return at;
}

static bool go(struct edit *e, size_t to)
{
	bool moved = to != e->now.at;

	e->now.at = to;
	e->last = LAST_NONE;
	return moved;
}

static bool cut(struct edit *e, size_t from, size_t to)
{
	if (from >= to)
		return false;
	undo_mark(e);
	text_cut(e, from, to);
	e->last = LAST_NONE;
	return true;
}

/* readline: the cluster before the cursor goes behind the one at it. */
static bool transpose(struct edit *e)
{
	size_t b = e->now.at, a, c;
	struct buf two = {0};

	if (b == e->now.text.n)
		b = prev_at(e, b);
	if (!b)
		return false;
	a = prev_at(e, b);
	c = next_at(e, b);
	undo_mark(e);
	buf_put(&two, (struct bytes){e->now.text.p + b, c - b});
	buf_put(&two, (struct bytes){e->now.text.p + a, b - a});
	memcpy(e->now.text.p + a, two.p, two.n);
	buf_free(&two);
	e->now.at = c;
	e->last = LAST_NONE;
	return true;
}

/* ---- what was sent ---- */

/* It was changed, so it is not among what was sent. */
static bool changed(const struct edit *e)
{
	const struct buf *sent = &e->sent[e->place];

	return sent->n != e->now.text.n ||
	       (sent->n && memcmp(sent->p, e->now.text.p, sent->n) != 0);
}

static bool recall(struct edit *e, size_t place)
{
	if (e->place == e->n_sent) {
		state_set(&e->draft, whole(&e->now.text), e->now.at);
		undo_mark(e);
	} else if (changed(e)) {
		edit_keep(e, whole(&e->now.text));
	}
	e->place = place;
	if (place == e->n_sent)
		state_set(&e->now, whole(&e->draft.text), e->draft.at);
	else
		state_set(&e->now, whole(&e->sent[place]), SIZE_MAX);
	e->last = LAST_NONE;
	return true;
}

/* Where the cluster begins that at lies in. */
static size_t cluster_at(struct bytes s, size_t at)
{
	size_t from = 0, n;

	while (from < at && from + (n = glyph_at(s, from).len) <= at)
		from += n;
	return from;
}

/* Again: the same letters, further back. */
static bool find(struct edit *e)
{
	struct bytes what = {e->now.text.p, e->now.at};

	if (e->last != LAST_FIND) {
		e->find.n = 0;
		buf_put(&e->find, what);
	}
	what = whole(&e->find);
	for (size_t i = e->place; i-- > 0;) {
		const uint8_t *p = e->sent[i].p, *at = p;
		if (what.n)
			at = memmem(p, e->sent[i].n, what.p, what.n);
		if (!at)
			continue;
		recall(e, i);
		e->now.at =
		    cluster_at(whole(&e->now.text), (size_t)(at - p) + what.n);
		e->last = LAST_FIND;
		return true;
	}
	return false;
}

void edit_sent(struct edit *e)
{
	struct bytes s = whole(&e->now.text);
	bool recalled = e->place < e->n_sent;
	const struct buf *newest = e->n_sent ? &e->sent[e->n_sent - 1] : NULL;
	bool same =
	    newest && newest->n == s.n && memcmp(newest->p, s.p, s.n) == 0;

	if (s.n && !same) {
		if (e->n_sent == SENT) {
			buf_free(&e->sent[0]);
			memmove(e->sent, e->sent + 1,
				--e->n_sent * sizeof(e->sent[0]));
		}
		e->sent[e->n_sent] = (struct buf){0};
		buf_put(&e->sent[e->n_sent++], s);
	}
	e->place = e->n_sent;
	if (recalled)
		edit_set(e, whole(&e->draft.text), e->draft.at);
	else
		edit_set(e, (struct bytes){0}, 0);
}

static size_t columns_in(const struct edit *e, size_t from, size_t to)
{
	return (size_t)text_cols(
	    (struct bytes){e->now.text.p + from, to - from});
}

static bool up(struct edit *e, bool down)
{
	size_t from = line_start(e, e->now.at);
	size_t end = line_end(e, e->now.at), col;
	int width;

	if (down ? end == e->now.text.n : !from) {
		if (down)
			return e->place < e->n_sent && recall(e, e->place + 1);
		return e->place && recall(e, e->place - 1);
	}
	col = columns_in(e, from, e->now.at);
	from = down ? end + 1 : line_start(e, from - 1);
	end = line_end(e, from);
	return go(
	    e, from + text_fit((struct bytes){e->now.text.p + from, end - from},
			       (int)col, &width));
}

bool edit_do(struct edit *e, enum edit_op op)
{
	size_t at = e->now.at, n = e->now.text.n;

	switch (op) {
	case ED_LEFT:
		return go(e, prev_at(e, at));
	case ED_RIGHT:
		return go(e, next_at(e, at));
	case ED_WORD_LEFT:
		return go(e, word_start(e));
	case ED_WORD_RIGHT:
		return go(e, word_end(e));
	case ED_HOME:
		return go(e, line_start(e, at));
	case ED_END:
		return go(e, line_end(e, at));
	case ED_DELETE:
		return cut(e, at, next_at(e, at));
	case ED_BACKSPACE:
		return cut(e, prev_at(e, at), at);
	case ED_KILL_BLANK:
		return kill_span(e, blank_start(e), at);
	case ED_KILL_BACK:
		return kill_span(e, word_start(e), at);
	case ED_KILL_WORD:
		return kill_span(e, at, word_end(e));
	case ED_KILL_END:
		return kill_span(e, at, line_end(e, at));
	case ED_KILL_START:
		return kill_span(e, line_start(e, at), at);
	case ED_CLEAR:
		draft_keep(e);
		e->last = LAST_NONE;
		e->now.at = n;
		return kill_span(e, 0, n);
	case ED_YANK:
		return yank(e);
	case ED_YANK_POP:
		return yank_pop(e);
	case ED_TRANSPOSE:
		return transpose(e);
	case ED_UNDO:
		e->last = LAST_NONE;
		return undo(e);
	case ED_UP:
		return up(e, false);
	case ED_DOWN:
		return up(e, true);
	case ED_OLDER:
		return e->place && recall(e, e->place - 1);
	case ED_NEWER:
		return e->place < e->n_sent && recall(e, e->place + 1);
	case ED_FIND:
		return find(e);
	}
	return false;
}
