#include "ui/command.h"
#include "ui/draw_impl.h"
#include "ui/edit.h"
#include "ui/tui_term.h"
#include <assert.h>
#include <curses.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

struct draw *draw_new(void)
{
	return xzalloc(sizeof(struct draw));
}

static void cut_free(struct cut *c)
{
	rows_free(&c->rows);
	highlight_free(&c->marks);
}

void draw_free(struct draw *d)
{
	if (!d)
		return;
	for (size_t i = 0; i < CACHE; i++)
		cut_free(&d->cut[i]);
	rows_free(&d->line);
	draw_apart_free(&d->aparts);
	free(d->row);
	free(d->link);
	free(d);
}

void draw_forget(struct draw *d)
{
	d->input_rows = 0;
	for (size_t i = 0; i < CACHE; i++)
		d->cut[i].n = 0;
	clearok(curscr, TRUE);
}

message_n draw_newest(const struct draw *d)
{
	return d->newest;
}

bool draw_at_top(const struct draw *d)
{
	return d->top;
}

bool draw_at_bottom(const struct draw *d)
{
	return d->bottom;
}

int draw_page(const struct draw *d)
{
	return d->pane.rows > 1 ? d->pane.rows - 1 : 1;
}

/* ---- words on the screen ---- */

unsigned long draw_attr(const struct view *v, struct look look)
{
	attr_t a = A_NORMAL;

	if (look.attr & ATTR_DIM && v->set.theme != THEME_CONTRAST)
		a |= A_DIM;
	if (look.attr & ATTR_BOLD)
		a |= A_BOLD;
	if (look.attr & ATTR_REVERSE)
		a |= A_REVERSE;
	if (look.attr & ATTR_UNDERLINE)
		a |= A_UNDERLINE;
	if (v->color && look.pair)
		a |= (attr_t)COLOR_PAIR(look.pair);
	return a;
}

static void use(const struct view *v, struct look look)
{
	attr_set((attr_t)draw_attr(v, look), v->color ? look.pair : 0, NULL);
}

/* One well-formed code point of clean text. */
static wchar_t point_get(const uint8_t *p, size_t *len)
{
	static const uint8_t mask[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
	size_t n = p[0] < 0x80 ? 1 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	uint32_t c = p[0] & mask[n];

	for (size_t i = 1; i < n; i++)
		c = c << 6 | (p[i] & 0x3f);
	*len = n;
	return (wchar_t)c;
}

/* The columns that the C library, by which curses goes, gives it; -1: it knows
 * nothing of it. */
static int glyph_wide(struct bytes s, size_t at, struct glyph g,
		      wchar_t out[static 16], size_t *n)
{
	size_t len;
	int cols = 0;

	*n = 0;
	for (size_t i = 0; i < g.len && *n < 15; i += len) {
		wchar_t c = point_get(s.p + at + i, &len);
		int w = wcwidth(c);
		if (w < 0 || (w == 0 && !*n))
			return -1;
		cols += w;
		out[(*n)++] = c;
	}
	return cols;
}

static size_t stand_in(const struct view *v, int cols, wchar_t out[static 16])
{
	size_t n = 0;

	for (; n < (size_t)cols && n < 15; n++)
		out[n] = v->utf8 ? (wchar_t)0xfffd : L'?';
	return n;
}

/* What curses gets for the cluster: itself, room for it, or signs that stand
 * in. */
static size_t glyph_put(const struct view *v, int y, int x, struct bytes s,
			size_t at, struct glyph g, wchar_t out[static 16])
{
	bool ascii = g.len == 1 && s.p[at] < 0x80, doubt = false;
	size_t n, len;
	int over = 0, cols;

	if (!v->utf8 && !ascii)
		return stand_in(v, g.cols, out);
	if (!ascii && v->aparts)
		doubt = glyph_doubtful(s, at, g, &over);
	/* a mark in the last column could go beyond it, and scroll */
	bool edge = x + g.cols + over >= v->cols;
	cols = glyph_wide(s, at, g, out, &n);
	if (cols == g.cols && !doubt)
		return edge && wcwidth(out[0]) == g.cols ? 1 : n;
	/* a mark alone would go to what stands before it */
	bool alone = wcwidth(point_get(s.p + at, &len)) == 0;
	if (v->aparts && g.cols && !alone)
		return draw_apart(
		    v, &(struct apart){y, x, g.cols, edge ? 0 : over, 0},
		    (struct bytes){s.p + at, edge ? len : g.len}, out);
	if (cols < 0 || cols > g.cols)
		return stand_in(v, g.cols, out);
	while (cols++ < g.cols && n < 15)
		out[n++] = L' ';
	return n;
}

/* Blanks. What is written over half of a wide letter leaves its other half to
 * curses, which then shifts the row; this does not. */
static void wipe(const struct view *v, int y, int x, int cols, struct look look)
{
	mvhline(y, x, ' ' | (chtype)draw_attr(v, look), cols);
}

/* A letter and its marks are one cell: added one after the other the marks of
 * a wide letter would stick to its second half. */
static void add(const wchar_t *wide, size_t n)
{
	wchar_t one[CCHARW_MAX + 1];
	cchar_t c;

	for (size_t i = 0, k; i < n;) {
		for (k = 0; i < n && (!k || wcwidth(wide[i]) == 0); i++)
			if (k < CCHARW_MAX)
				one[k++] = wide[i];
		one[k] = L'\0';
		if (setcchar(&c, one, A_NORMAL, 0, NULL) == OK)
			add_wch(&c);
	}
}

/* Into blanks. */
static int put(const struct view *v, int y, int x, int cols, struct bytes s)
{
	wchar_t wide[16];
	int used = 0;

	move(y, x);
	for (size_t at = 0; at < s.n;) {
		struct glyph g = glyph_at(s, at);
		if (used + g.cols > cols)
			break;
		size_t n = glyph_put(v, y, x + used, s, at, g, wide);
		if (n == 1)
			addnwstr(wide, 1);
		else
			add(wide, n);
		used += g.cols;
		at += g.len;
	}
	return used;
}

static bool on_screen(const struct view *v, int y, int x, int *cols)
{
	if (x + *cols > v->cols)
		*cols = v->cols - x;
	return *cols > 0 && y >= 0 && y < v->rows && x >= 0;
}

int draw_word(const struct view *v, int y, int x, int cols, struct bytes s,
	      struct look look)
{
	int used;

	if (!on_screen(v, y, x, &cols))
		return 0;
	text_fit(s, cols, &used);
	use(v, look);
	if (used)
		wipe(v, y, x, used, look);
	return put(v, y, x, cols, s);
}

int draw_put(const struct view *v, int y, int x, int cols, struct bytes s,
	     struct look look)
{
	if (!on_screen(v, y, x, &cols))
		return 0;
	use(v, look);
	wipe(v, y, x, cols, look);
	return put(v, y, x, cols, s);
}

struct bytes draw_sign(const struct view *v, const char *utf8,
		       const char *ascii)
{
	return text_of(v->utf8 ? utf8 : ascii);
}

void draw_rule(const struct view *v, int y, int x, int cols, const char *title)
{
	struct bytes bar = draw_sign(v, "─", "-");
	struct look dim = {ATTR_DIM, PAIR_NONE};
	int n = title ? text_cols(text_of(title)) : 0;

	for (int i = 0; i < cols; i++)
		draw_word(v, y, x + i, 1, bar, dim);
	if (!n || n + 4 > cols)
		return;
	int at = (cols - n - 2) / 2;
	draw_word(v, y, x + at, 1, text_of(" "), dim);
	draw_word(v, y, x + at + 1, n, text_of(title), dim);
	draw_word(v, y, x + at + 1 + n, 1, text_of(" "), dim);
}

/* ---- header, sidebar, contact ---- */

static void put_right(const struct view *v, int y, int right, int least,
		      const char *s, struct look look)
{
	int n = text_cols(text_of(s));

	if (right - n >= least)
		draw_word(v, y, right - n, n, text_of(s), look);
}

/* "2 online · 1 waiting" */
static void counts(const struct view *v, const struct model *m,
		   char out[static 80])
{
	const struct contact *c;
	unsigned online = 0, waiting = 0;

	for (size_t i = 0; (c = model_contact(m, i)); i++) {
		online += c->presence == P_ONLINE;
		waiting += c->waiting;
	}
	int n = snprintf(out, 80, words_count("%u online", "%u online", online),
			 online);
	if (waiting && n < 79)
		snprintf(
		    out + n, 80 - (size_t)n,
		    words_count(" %s %u waiting", " %s %u waiting", waiting),
		    v->utf8 ? "·" : "-", waiting);
}

/* Who we are; where, when there is room for both that and the counts. */
static void header(const struct view *v, const struct model *m)
{
	const struct contact *self = model_self(m);
	struct look look = {ATTR_REVERSE, PAIR_NONE};
	char left[300] = " sotto", right[80], at[ADDR_TEXT] = "", tag[6];
	char name[NICK_MAX + 1];
	int n = 0;

	counts(v, m, right);
	if (self) {
		text_line(name, sizeof(name), text_of(model_name(self)), 32);
		model_tag(tag, self);
		n = snprintf(left, sizeof(left), " sotto  %s%s", name, tag);
	}
	if (self && self->at.port)
		addr_text(at, &self->at);
	if (at[0] && text_cols(text_of(left)) + text_cols(text_of(right)) + 4 +
			     (int)strlen(at) <=
			 v->cols)
		snprintf(left + n, sizeof(left) - (size_t)n, "  %s", at);
	int used = draw_put(v, 0, 0, v->cols, text_of(left), look);
	put_right(v, 0, v->cols - 1, used + 1, right, look);
}

static struct bytes presence_sign(const struct view *v, const struct contact *c,
				  struct look *look)
{
	*look = (struct look){ATTR_DIM, PAIR_NONE};
	if (c->changed) {
		*look = (struct look){ATTR_BOLD, PAIR_BAD};
		return text_of("!");
	}
	if (c->requests && !c->blocked) {
		*look = (struct look){ATTR_BOLD, PAIR_WARN};
		return text_of("?");
	}
	if (c->presence == P_ONLINE) {
		*look = (struct look){0, PAIR_GOOD};
		return draw_sign(v, "●", "*");
	}
	return draw_sign(v, "○", "o");
}

unsigned draw_unread(const struct view *v, const struct model *m,
		     const struct contact *c)
{
	return v->here && model_opened(m) == c->id ? 0 : c->unread;
}

static void contact_words(const struct contact *c, unsigned unread, bool named,
			  char out[static 64])
{
	if (c->changed)
		snprintf(out, 64, "%s", _("key changed"));
	else if (c->blocked)
		snprintf(out, 64, "%s", _("blocked"));
	else if (c->requests)
		snprintf(out, 64, "%s", _("asks"));
	else if (c->waiting)
		snprintf(out, 64, words_count("%u wait", "%u wait", c->waiting),
			 c->waiting);
	else
		snprintf(out, 64, "%s", model_plain(c) ? _("PLAIN") : "");
	if (unread) {
		size_t n = strlen(out);
		snprintf(out + n, 64 - n, "%s%s%u", n ? " + " : "",
			 named ? "@" : "", unread);
	}
}

static void sidebar_row(struct draw *d, const struct view *v,
			const struct model *m, const struct contact *c, int y,
			int width)
{
	contact_id at = v->pointed ? v->pointed : model_opened(m);
	bool pointed = v->focus == FOCUS_PEERS && at == c->id;
	struct look look = {0}, sign;
	char name[NICK_MAX + 1], words[64];
	int cols = width - 1, n;

	if (pointed) {
		look.attr |= ATTR_REVERSE;
		d->select_y = y;
		d->select_x = 1;
	} else if (model_opened(m) == c->id) {
		look.attr |= ATTR_BOLD;
	}
	contact_words(c, draw_unread(v, m, c), model_named(m, c->id), words);
	n = text_cols(text_of(words));
	text_line(name, sizeof(name), text_of(model_name(c)),
		  n ? cols - n - 4 : cols - 3);
	struct look blank = {look.attr & ATTR_REVERSE, PAIR_NONE};
	draw_put(v, y, 0, width, (struct bytes){0}, blank);
	struct bytes s = presence_sign(v, c, &sign);
	sign.attr |= look.attr & ATTR_REVERSE;
	draw_word(v, y, 1, 1, s, sign);
	draw_word(v, y, 3, cols - 3, text_of(name), look);
	if (model_named(m, c->id)) {
		look.attr |= ATTR_BOLD;
		look.pair = PAIR_WARN;
	}
	put_right(v, y, cols, 3, words, look);
}

static void sidebar(struct draw *d, const struct view *v, const struct model *m,
		    int y, int rows, int width)
{
	contact_id at = v->pointed ? v->pointed : model_opened(m);
	size_t index = model_index(m, at), top = 0;
	struct look dim = {ATTR_DIM, PAIR_NONE};
	/* a list of people speaks for itself */
	bool title = rows > 4 && !model_count(m);

	for (int i = 0; i < rows && width < v->cols; i++)
		draw_put(v, y + i, width, 2, draw_sign(v, "│", "|"), dim);
	if (title) {
		draw_put(v, y++, 0, width, text_of(_(" PEERS")), dim);
		rows--;
	}
	if (index != SIZE_MAX && index >= (size_t)rows)
		top = index - (size_t)rows + 1;
	d->side = (struct box){y, 0, rows, width};
	d->side_top = top;
	for (int i = 0; i < rows; i++) {
		const struct contact *c = model_contact(m, top + (size_t)i);
		if (c)
			sidebar_row(d, v, m, c, y + i, width);
		else
			draw_put(v, y + i, 0, width, (struct bytes){0},
				 (struct look){0});
	}
}

static void contact_line(const struct view *v, const struct model *m, int y,
			 int x, int cols)
{
	const struct contact *c = model_find(m, model_opened(m));
	char name[NICK_MAX + 1], tag[6], at[ADDR_TEXT] = "", line[400];
	struct look look = {ATTR_BOLD, PAIR_NONE};

	if (v->over) {
		draw_put(v, y, x, cols, text_of(v->over_title), look);
		return;
	}
	if (!c) {
		draw_put(v, y, x, cols, (struct bytes){0}, look);
		return;
	}
	text_line(name, sizeof(name), text_of(model_name(c)), 32);
	model_tag(tag, c);
	if (c->at.port)
		addr_text(at, &c->at);
	const char *presence = _(model_presence_word(c));
	int n = snprintf(line, sizeof(line), "%s%s   %s", name, tag,
			 _(model_trust_word(c)));
	if (model_plain(c)) /* for as long as one looks at it */
		n += snprintf(line + n, sizeof(line) - (size_t)n, " - %s",
			      _("anyone on the network can read and forge "
				"this"));
	/* whether they are there weighs more than where */
	if (text_cols(text_of(line)) + 5 + (int)strlen(at) +
		text_cols(text_of(presence)) <=
	    cols)
		snprintf(line + n, sizeof(line) - (size_t)n, "   %s", at);
	int used = draw_put(v, y, x, cols, text_of(line), look);
	put_right(v, y, x + cols - 1, x + used + 1, presence, (struct look){0});
}

/* ---- what stands in the place of messages ---- */

static void over_list(struct draw *d, struct view *v)
{
	const struct box *p = &d->pane;
	size_t page = p->rows > 0 ? (size_t)p->rows : 1;

	if (v->over_select && v->over_at < v->over_top)
		v->over_top = v->over_at;
	if (v->over_select && v->over_at >= v->over_top + page)
		v->over_top = v->over_at - page + 1;
	if (v->over_top + page > v->over->n)
		v->over_top = v->over->n > page ? v->over->n - page : 0;
	for (int i = 0; i < p->rows; i++) {
		size_t k = v->over_top + (size_t)i;
		struct look look = {0};
		struct bytes s = {0};
		if (k < v->over->n)
			s = rows_at(v->over, k);
		if (v->over_select && k == v->over_at) {
			look.attr = ATTR_REVERSE;
			d->select_y = p->y + i;
			d->select_x = p->x;
		}
		draw_put(v, p->y + i, p->x, p->cols, s, look);
	}
}

static void card_lines(const struct view *v, const struct model *m,
		       struct buf *b)
{
	const struct contact *self = model_self(m);
	char at[ADDR_TEXT] = "-", name[NICK_MAX + 1] = "";

	if (self) {
		text_line(name, sizeof(name), text_of(model_name(self)), 32);
		if (self->at.port)
			addr_text(at, &self->at);
	}
	buf_printf(b, _("Welcome to sotto%s%s.\nTell others: /connect %s\n"),
		   name[0] ? ", " : "", name, at);
	buf_printf(b, _("Your key was made and stays on this machine.\n"));
	buf_printf(b, _("F1 help   : begins a command   /connect HOST:PORT\n"));
	(void)v;
}

/* A stranger's first words, or nobody there yet. */
static bool card(struct draw *d, const struct view *v, const struct model *m)
{
	const struct contact *c = model_find(m, model_opened(m));
	/* a stranger's words have a row left */
	size_t most = (size_t)(d->pane.rows - (c && d->pane.rows > 0));
	bool input = v->focus == FOCUS_INPUT; /* letters are text there */
	struct buf b = {0};
	struct rows r = {0};

	if (c && c->changed)
		buf_printf(&b,
			   _("! Its key CHANGED. What you write waits. Compare "
			     "the numbers (%s), then: a accept   b block\n"),
			   input ? "Esc, d" : "d");
	else if (c && c->blocked)
		buf_printf(&b, _("Blocked: nothing of theirs is heard. "
				 "/unblock\n"));
	else if (c && c->requests)
		buf_printf(&b, input
				   ? _("? A stranger asks. Answer, or Esc and "
				       "a accept, b block\n")
				   : _("? A stranger asks. a accept   b block  "
				       " or just answer\n"));
	else if (!c && v->card)
		card_lines(v, m, &b);
	if (!b.n) {
		buf_free(&b);
		return false;
	}
	rows_make(&r, (struct bytes){b.p, b.n - 1}, d->pane.cols);
	size_t n = r.n < most ? r.n : most;
	for (size_t i = 0; i < n; i++)
		draw_put(v, d->pane.y + (int)i, d->pane.x, d->pane.cols,
			 rows_at(&r, i), (struct look){ATTR_BOLD, PAIR_WARN});
	d->pane.y += (int)n;
	d->pane.rows -= (int)n;
	rows_free(&r);
	buf_free(&b);
	return true;
}

/* ---- the line ---- */

static int prompt(const struct view *v, char out[static 128])
{
	int most = v->cols / 2 - 5;
	char name[104];

	if (!v->whom[0]) {
		snprintf(out, 128, "> ");
		return 2;
	}
	text_line(name, sizeof(name), text_of(v->whom), most > 4 ? most : 4);
	snprintf(out, 128, _("to %s> "), name);
	return text_cols(text_of(out));
}

/* Control characters of a literal are one column: `^`-less signs made by
 * text_clean. Rows of the line, and where the cursor stands in them. */
struct spot {
	size_t row;
	int col;
};

/* The line is cut where it is full, not at blanks, so that the cursor never
 * jumps. */
static struct spot line_cut(struct rows *r, const struct edit *e, int cols)
{
	struct bytes s = edit_text(e);
	size_t cursor = edit_cursor(e);
	struct spot at = {0};
	size_t from = 0;
	int col = 0;

	r->n = r->text.n = 0;
	for (size_t i = 0;;) {
		struct glyph g = glyph_at(s, i);
		bool end = i >= s.n, newline = !end && s.p[i] == '\n';
		size_t clean = r->text.n;
		int w = 0;

		if (!end && !newline) {
			text_clean(&r->text, (struct bytes){s.p + i, g.len});
			w = text_cols((struct bytes){r->text.p + clean,
						     r->text.n - clean});
		}
		/* behind a full row the cursor has one of its own */
		bool behind = end || (newline && i == cursor);
		if (col + w > cols || (behind && col == cols)) {
			if (r->n == r->cap) {
				r->cap = r->cap ? 2 * r->cap : 8;
				r->row =
				    xrealloc(r->row, r->cap * sizeof(*r->row));
			}
			r->row[r->n++] = (struct span){from, clean - from};
			from = clean;
			col = 0;
		}
		if (i == cursor)
			at = (struct spot){r->n, col};
		col += w;
		if (end || newline) {
			if (r->n == r->cap) {
				r->cap = r->cap ? 2 * r->cap : 8;
				r->row =
				    xrealloc(r->row, r->cap * sizeof(*r->row));
			}
			r->row[r->n++] = (struct span){from, r->text.n - from};
			from = r->text.n;
			col = 0;
		}
		if (end)
			return at;
		i += g.len;
	}
}

static int input_most(const struct view *v)
{
	int most = v->rows - 5;

	return most < 1 ? 1 : most > INPUT_MOST ? INPUT_MOST : most;
}

static int input_height(const struct view *v, const struct rows *r)
{
	int most = input_most(v);

	return r->n > (size_t)most ? most : (int)r->n;
}

/* How long the line is, in the hint line, when a message soon holds no more.
 */
bool draw_counted(const struct edit *e)
{
	return edit_text(e).n > TEXT_MAX / 5 * 4;
}

static void input(struct draw *d, const struct view *v, struct spot at)
{
	char left[128];
	int x = 1 + prompt(v, left);
	size_t rows = (size_t)d->input_rows;

	if (at.row < d->input_top)
		d->input_top = at.row;
	if (at.row >= d->input_top + rows)
		d->input_top = at.row - rows + 1;
	if (d->input_top + rows > d->line.n)
		d->input_top = d->line.n - rows;
	for (size_t i = 0; i < rows; i++) {
		int y = d->input_y + (int)i;
		draw_put(v, y, 0, x, (struct bytes){0}, (struct look){0});
		if (!i)
			draw_word(v, y, 1, x - 1, text_of(left),
				  (struct look){ATTR_BOLD, PAIR_NONE});
		draw_put(v, y, x, v->cols - x,
			 rows_at(&d->line, d->input_top + i), (struct look){0});
	}
	d->cursor_y = d->input_y + (int)(at.row - d->input_top);
	d->cursor_x = x + at.col < v->cols ? x + at.col : v->cols - 1;
}

/* ---- all of it ---- */

void draw_link(struct draw *d, struct link l)
{
	if (d->n_link == d->cap_link) {
		d->cap_link = d->cap_link ? 2 * d->cap_link : 8;
		d->link = xrealloc(d->link, d->cap_link * sizeof(*d->link));
	}
	d->link[d->n_link++] = l;
}

const struct link *draw_links(const struct draw *d, size_t *n)
{
	*n = d->n_link;
	return d->link;
}

static bool in(const struct box *b, int y, int x)
{
	return y >= b->y && y < b->y + b->rows && x >= b->x &&
	       x < b->x + b->cols;
}

struct place draw_at(const struct draw *d, const struct view *v,
		     const struct model *m, int y, int x)
{
	struct place p = {.what = AT_NOTHING};

	if (in(&d->side, y, x)) {
		size_t i = d->side_top + (size_t)(y - d->side.y);
		const struct contact *c = model_contact(m, i);
		p.what = c ? AT_PEER : AT_NOTHING;
		p.peer = c ? c->id : 0;
	} else if (v->over && in(&d->pane, y, x)) {
		p.row = v->over_top + (size_t)(y - d->pane.y);
		p.what = p.row < v->over->n ? AT_ROW : AT_NOTHING;
	} else if (in(&d->pane, y, x) && y < d->n_row && d->row[y]) {
		p.what = AT_MESSAGE;
		p.message = d->row[y];
	} else if (y >= d->input_y && y < d->input_y + d->input_rows) {
		p.what = AT_INPUT;
	}
	return p;
}

static void cursor(const struct draw *d, const struct view *v)
{
	bool list = v->focus != FOCUS_INPUT;

	if (list && d->select_y >= 0)
		move(d->select_y, d->select_x);
	else
		move(d->cursor_y, d->cursor_x);
	wnoutrefresh(stdscr);
	frame_show();
	draw_apart_show(&d->aparts);
}

static void too_small(const struct view *v)
{
	erase();
	draw_put(v, 0, 0, v->cols, text_of(_("sotto: needs 20x5")),
		 (struct look){0});
	wnoutrefresh(stdscr);
	frame_show();
}

bool draw_quotes(const struct view *v)
{
	return v->answering && v->quote[0] && v->rows >= 6 && !v->zoom;
}

/* What the line answers, right above it. */
static void answered(const struct view *v, int y)
{
	struct look look = {ATTR_BOLD, PAIR_NONE};
	int x = 1;

	x += draw_word(v, y, x, 3, draw_sign(v, "↩ ", "<- "), look);
	x += draw_word(v, y, x, v->cols - x - 2, text_of(v->quote), look);
	draw_word(v, y, x, 1, text_of(" "), look);
}

static void frame(struct draw *d, struct view *v, struct model *m)
{
	/* lists and texts have the whole width */
	bool side = !v->zoom && !v->over && v->cols >= SIDEBAR_FROM;
	bool rule = v->rows >= 6 && !v->zoom;
	int top = v->zoom ? 0 : 1, end = d->input_y - rule;
	int x = side ? SIDEBAR + 2 : v->zoom ? 0 : v->cols >= 40 ? 1 : 0;

	/* On a narrow screen the list of peers takes the pane's place. */
	if (!side && v->focus == FOCUS_PEERS && !v->zoom && !v->over) {
		sidebar(d, v, m, top, end - top, v->cols);
		d->pane.rows = 0;
	} else {
		if (x == 1)
			for (int y = top; y < end; y++)
				draw_put(v, y, 0, 1, (struct bytes){0},
					 (struct look){0});
		if (side)
			sidebar(d, v, m, top, end - top, SIDEBAR);
		d->pane = (struct box){top, x, end - top, v->cols - x};
		if (!v->zoom && d->pane.rows > 4) {
			contact_line(v, m, top, x, v->cols - x);
			d->pane.y++;
			d->pane.rows--;
		}
		if (v->over)
			over_list(d, v);
		else if (!card(d, v, m) || d->pane.rows > 0)
			draw_messages(d, v, m);
	}
	if (rule) {
		draw_rule(v, end, 0, v->cols, NULL);
		if (side)
			draw_word(v, end, SIDEBAR, 1, draw_sign(v, "┴", "+"),
				  (struct look){ATTR_DIM, PAIR_NONE});
		if (draw_quotes(v))
			answered(v, end);
	}
	if (!v->zoom)
		header(v, m);
}

/* Nothing of the last picture is there any more. */
static void begin(struct draw *d, struct view *v)
{
	if (d->n_row < v->rows) {
		d->row = xrealloc(d->row, (size_t)v->rows * sizeof(*d->row));
		d->n_row = v->rows;
	}
	for (int i = 0; i < d->n_row; i++)
		d->row[i] = 0;
	d->select_y = -1;
	d->n_link = 0;
	d->side.rows = 0;
	draw_apart_clear(&d->aparts);
	v->aparts = v->still ? NULL : &d->aparts;
}

void draw_all(struct draw *d, struct view *v, struct model *m,
	      const struct edit *e)
{
	char left[128];

	begin(d, v);
	if (v->rows < 5 || v->cols < 20) {
		d->input_rows = 0;
		too_small(v);
		return;
	}
	struct spot at = line_cut(&d->line, e, v->cols - 1 - prompt(v, left));
	d->input_rows = input_height(v, &d->line);
	d->input_y = v->rows - 1 - d->input_rows;
	frame(d, v, m);
	input(d, v, at);
	draw_hint(v, m, e, v->rows - 1);
	d->counted = draw_counted(e);
	cursor(d, v);
}

bool draw_line(struct draw *d, struct view *v, const struct model *m,
	       const struct edit *e)
{
	char left[128];

	if (!d->input_rows || v->rows < 5 || v->cols < 20 ||
	    v->focus != FOCUS_INPUT)
		return false;
	struct spot at = line_cut(&d->line, e, v->cols - 1 - prompt(v, left));
	if (input_height(v, &d->line) != d->input_rows)
		return false;
	if (draw_counted(e) || d->counted)
		return false;
	draw_apart_clear(&d->aparts);
	input(d, v, at);
	cursor(d, v);
	(void)m;
	return true;
}
