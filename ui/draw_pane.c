/* The messages: which rows stand in the pane, counted up from its lower edge.
 */
#include "src/clock.h"
#include "ui/draw_impl.h"
#include <stdio.h>
#include <string.h>

enum { NAME_MOST = 12, SIGN_COLS = 3 };

static int time_cols(const struct view *v)
{
	return v->set.clock12 ? 8 : 5;
}

/* ---- how a message falls into rows ---- */

static struct bytes me_text(const struct message *m)
{
	struct bytes s = text_of(m->text);

	if (s.n < 4 || memcmp(s.p, "/me ", 4) != 0)
		return (struct bytes){0};
	return (struct bytes){s.p + 4, s.n - 4};
}

static const char *speaker(const struct model *m, const struct message *msg)
{
	const struct contact *c =
	    msg->incoming ? model_find(m, msg->with) : model_self(m);

	return c ? model_name(c) : "";
}

static int text_x(const struct view *v, const struct cut *c)
{
	int name = text_cols(text_of(c->name));

	return time_cols(v) + 1 + name + (name ? 2 : 0);
}

/* `(sent 14:02)` when it was long on its way. */
static void late(const struct message *msg, bool clock12, struct buf *b)
{
	enum { LATE_MS = 120000 };
	char sent[64];

	if (!msg->incoming || !msg->sent_ms || !msg->stored_ms)
		return;
	if (msg->stored_ms - msg->sent_ms < LATE_MS)
		return;
	if (msg->stored_ms - msg->sent_ms < 86400000)
		clock_local(sent, msg->sent_ms,
			    clock12 ? CLOCK_HM12 : CLOCK_HM);
	else
		clock_local(sent, msg->sent_ms, CLOCK_FULL);
	buf_printf(b, _(" (sent %s)"), sent);
}

static void cut_mark(struct cut *c, const struct view *v, const struct model *m,
		     const struct message *msg)
{
	const struct contact *self = msg->incoming ? model_self(m) : NULL;

	highlight_find(&c->marks,
		       (struct bytes){c->rows.text.p, c->rows.text.n},
		       text_of(v->words), text_of(self ? self->nick : NULL));
}

static void cut_fill(struct cut *c, const struct view *v, const struct model *m,
		     const struct message *msg, int cols)
{
	struct bytes me = me_text(msg);
	struct buf b = {0};
	char name[NICK_MAX + 1];

	text_line(name, sizeof(name), text_of(speaker(m, msg)), NAME_MOST);
	c->n = msg->n;
	c->cols = cols;
	snprintf(c->who, sizeof(c->who), "%s", speaker(m, msg));
	c->name[0] = c->quote[0] = '\0';
	if (cols >= 30 && !me.n)
		memcpy(c->name, name, sizeof(name));
	if (me.p || cols < 30)
		buf_printf(&b, me.p ? "* %s " : "%s: ", name);
	buf_put(&b, me.p ? me : text_of(msg->text));
	late(msg, v->set.clock12, &b);
	if (msg->quote)
		text_line(c->quote, sizeof(c->quote), text_of(msg->quote),
			  cols - text_x(v, c) - SIGN_COLS - 2);
	rows_make(&c->rows, (struct bytes){b.p, b.n},
		  cols - text_x(v, c) - SIGN_COLS);
	buf_free(&b);
	c->marked = v->marked;
	cut_mark(c, v, m, msg);
}

static const struct cut *cut_of(struct draw *d, const struct view *v,
				const struct model *m,
				const struct message *msg, int cols)
{
	struct cut *c = &d->cut[(size_t)msg->n % CACHE];

	if (c->n != msg->n || c->cols != cols || c->marked != v->marked ||
	    strcmp(c->who, speaker(m, msg)) != 0)
		cut_fill(c, v, m, msg, cols);
	return c;
}

static bool day_new(const struct message *msg, const struct message *before)
{
	if (!before)
		return true;
	if (msg->stored_ms / 900000 == before->stored_ms / 900000)
		return false;
	struct clock_date a = clock_date(msg->stored_ms);
	struct clock_date b = clock_date(before->stored_ms);
	return a.day != b.day || a.month != b.month || a.year != b.year;
}

/* What stands above a message, and how many rows it has in all. */
struct block {
	const struct message *msg;
	const struct cut *cut;
	bool day, marker, quote;
	size_t rows;
};

/* The first that came since the marker; ours may lie between. */
static bool marked(const struct message *const *line, size_t i,
		   message_n marker)
{
	if (!marker || !line[i]->incoming || line[i]->n < marker)
		return false;
	while (i-- && line[i]->n >= marker)
		if (line[i]->incoming)
			return false;
	return true;
}

static struct block block_at(struct draw *d, const struct view *v,
			     const struct model *m, contact_id with,
			     const struct message *const *line, size_t i)
{
	struct block b = {.msg = line[i]};
	const struct message *before = i ? line[i - 1] : NULL;

	b.cut = cut_of(d, v, m, b.msg, d->pane.cols);
	b.day = day_new(b.msg, before) && (i || !model_more(m, with));
	b.marker = marked(line, i, model_marker(m, with)) &&
		   (i || !model_more(m, with));
	b.quote = b.cut->quote[0] != '\0';
	b.rows = b.cut->rows.n + b.day + b.marker + b.quote;
	return b;
}

/* ---- places ---- */

/* Index of the lowest one shown; a place whose message went is the next
 * older one's. SIZE_MAX: there is nothing. */
static size_t lowest(const struct view *v, const struct message *const *line,
		     size_t n)
{
	size_t i = n;

	if (!v->at)
		return n ? n - 1 : SIZE_MAX;
	while (i && line[i - 1]->n > v->at)
		i--;
	if (!i)
		return n ? 0 : SIZE_MAX;
	return i - 1;
}

static void settle(struct view *v, const struct model *m,
		   const struct message *const *line, size_t n, size_t i,
		   size_t below)
{
	if (i + 1 == n && !below && !model_later(m, model_opened(m))) {
		v->at = 0;
		v->below = 0;
		return;
	}
	if (!v->at)
		v->arrived_at = model_arrived(m, model_opened(m));
	v->at = line[i]->n;
	v->below = below;
}

/* How many rows stand above the edge, as far as `enough`. */
static size_t rows_above(struct draw *d, const struct view *v,
			 const struct model *m,
			 const struct message *const *line, size_t i,
			 size_t below, size_t enough)
{
	contact_id with = model_opened(m);
	size_t have = 0;

	for (;; i--) {
		have += block_at(d, v, m, with, line, i).rows;
		if (!i || have >= below + enough)
			break;
	}
	return have > below ? have - below : 0;
}

void draw_scroll(struct draw *d, struct view *v, const struct model *m,
		 int rows)
{
	contact_id with = model_opened(m);
	size_t n, i, below = v->at ? v->below : 0;
	const struct message *const *line = model_lines(m, with, &n);

	i = lowest(v, line, n);
	if (i == SIZE_MAX)
		return;
	for (; rows < 0; rows++) {
		size_t page = (size_t)(d->pane.rows > 0 ? d->pane.rows : 1);
		if (rows_above(d, v, m, line, i, below, page + 1) <= page)
			break;
		if (++below < block_at(d, v, m, with, line, i).rows)
			continue;
		if (!i) {
			below--;
			break;
		}
		i--;
		below = 0;
	}
	for (; rows > 0; rows--) {
		if (below) {
			below--;
			continue;
		}
		if (i + 1 >= n)
			break;
		i++;
		below = block_at(d, v, m, with, line, i).rows - 1;
	}
	settle(v, m, line, n, i, below);
}

void draw_top(struct draw *d, struct view *v, const struct model *m)
{
	draw_scroll(d, v, m, -(1 << 24));
}

void draw_reveal(struct draw *d, struct view *v, const struct model *m)
{
	contact_id with = model_opened(m);
	size_t n, i, at;
	const struct message *const *line = model_lines(m, with, &n);

	at = lowest(v, line, n);
	if (at == SIZE_MAX || !v->selected)
		return;
	for (i = n; i && line[i - 1]->n > v->selected;)
		i--;
	if (i)
		i--;
	if (i > at || (i == at && v->at && v->below)) {
		settle(v, m, line, n, i, 0);
		return;
	}
	size_t rows = 0;
	for (size_t k = at;; k--) {
		rows += block_at(d, v, m, with, line, k).rows;
		if (k == at)
			rows -= v->at ? v->below : 0;
		if (k == i)
			break;
	}
	if (d->pane.rows > 0 && rows > (size_t)d->pane.rows)
		draw_scroll(d, v, m, -(int)(rows - (size_t)d->pane.rows));
}

/* ---- painting ---- */

static struct bytes delivery_sign(const struct view *v, const struct message *m,
				  struct look *look)
{
	*look = (struct look){ATTR_DIM, PAIR_NONE};
	if (m->incoming)
		return (struct bytes){0};
	if (m->n >= MODEL_PENDING)
		return draw_sign(v, "·", ".");
	switch (m->delivery) {
	case D_QUEUED:
		return draw_sign(v, "…", "~");
	case D_SENT:
	case D_HANDED:
		return draw_sign(v, "→", ">");
	case D_STORED:
		return draw_sign(v, "⌂", "^");
	case D_DELIVERED:
		*look = (struct look){0, PAIR_GOOD};
		return draw_sign(v, "✓✓", "ok");
	case D_FAILED:
		*look = (struct look){ATTR_BOLD, PAIR_BAD};
		return draw_sign(v, "✗", "x");
	case D_CANCELLED:
		return draw_sign(v, "-", "-");
	case D_RECEIVED:
	case D_REQUEST:
		break;
	}
	return (struct bytes){0};
}

static struct look mark_look(enum mark_kind kind, struct look look)
{
	switch (kind) {
	case MARK_URL:
		look.attr |= ATTR_UNDERLINE;
		look.pair = PAIR_LINK;
		break;
	case MARK_NAME:
		look.attr |= ATTR_BOLD | ATTR_UNDERLINE;
		look.pair = PAIR_WARN;
		break;
	case MARK_HIT:
		/* told from its surroundings on a selected row, too */
		look.attr = (look.attr ^ ATTR_REVERSE) | ATTR_BOLD;
		look.pair = PAIR_HIT;
		break;
	}
	return look;
}

/* What of the mark lies in the row: it may go on in the next one. */
static void put_mark(const struct view *v, int y, int x, int cols,
		     const struct cut *c, size_t k, const struct mark *mark,
		     struct look look)
{
	const struct span *row = &c->rows.row[k];
	size_t from = mark->from > row->from ? mark->from : row->from;
	size_t end = mark->from + mark->n, row_end = row->from + row->n;
	const uint8_t *text = c->rows.text.p;

	if (end > row_end)
		end = row_end;
	if (from >= end)
		return;
	int before =
	    text_cols((struct bytes){text + row->from, from - row->from});
	struct bytes s = {text + from, end - from};
	look = mark_look(mark->kind, look);
	if (before >= cols)
		return;
	draw_word(v, y, x + before, cols - before, s, look);
}

/* What is drawn over a link there, or NULL; *to: it is the same up to it. */
static const struct mark *over_link(const struct cut *c, size_t at, size_t *to)
{
	const struct mark *over = NULL;

	for (size_t i = 0; i < c->marks.n; i++) {
		const struct mark *m = &c->marks.mark[i];
		size_t end = m->from + m->n;
		if (m->kind == MARK_URL || end <= at)
			continue;
		if (m->from <= at)
			over = m;
		else
			end = m->from;
		if (end < *to)
			*to = end;
	}
	return over;
}

/* The terminal hears of a link by writing it: each part as it looks. */
static void put_link(struct draw *d, const struct view *v, int y, int x,
		     int cols, const struct cut *c, size_t k,
		     const struct mark *mark, struct look look)
{
	const struct span *row = &c->rows.row[k];
	const uint8_t *text = c->rows.text.p;
	size_t at = mark->from > row->from ? mark->from : row->from;
	size_t end = mark->from + mark->n, to;

	if (end > row->from + row->n)
		end = row->from + row->n;
	for (; at < end; at = to) {
		to = end;
		const struct mark *over = over_link(c, at, &to);
		struct bytes left = {text + row->from, at - row->from};
		int before = text_cols(left);
		if (before >= cols)
			return;
		enum mark_kind kind = over ? over->kind : MARK_URL;
		draw_link(d, (struct link){y,
					   x + before,
					   draw_attr(v, mark_look(kind, look)),
					   {text + at, to - at},
					   {text + mark->from, mark->n}});
	}
}

static void put_text(struct draw *d, const struct view *v, int y, int x,
		     int cols, const struct cut *c, size_t k, struct look look)
{
	draw_put(v, y, x, cols, rows_at(&c->rows, k), look);
	for (size_t i = 0; i < c->marks.n; i++)
		put_mark(v, y, x, cols, c, k, &c->marks.mark[i], look);
	for (size_t i = 0; i < c->marks.n; i++)
		if (c->marks.mark[i].kind == MARK_URL)
			put_link(d, v, y, x, cols, c, k, &c->marks.mark[i],
				 look);
}

static short name_pair(const struct view *v, const struct model *m,
		       const struct message *msg)
{
	const struct contact *c =
	    msg->incoming ? model_find(m, msg->with) : model_self(m);
	unsigned hash = 0;

	if (!c)
		return PAIR_NAME;
	/* a plain one has no key, and only its address lasts */
	for (const char *s = c->ident; pubkey_none(&c->key) && *s; s++)
		hash = hash * 31 + (uint8_t)*s;
	hash += c->key.b[0] + 256u * c->key.b[1];
	return (short)(PAIR_NAME + hash % (unsigned)v->names);
}

static void put_head(const struct view *v, const struct model *m,
		     const struct block *b, int y, const struct box *p,
		     struct look look)
{
	char clock[64];
	struct look name = look;
	int at = time_cols(v);

	clock_local(clock, b->msg->stored_ms,
		    v->set.clock12 ? CLOCK_HM12 : CLOCK_HM);
	struct look dim = look;
	dim.attr |= ATTR_DIM;
	draw_word(v, y, p->x, at, text_of(clock), dim);
	name.pair = name_pair(v, m, b->msg);
	name.attr |= ATTR_BOLD;
	draw_word(v, y, p->x + at + 1, p->cols - at - 1, text_of(b->cut->name),
		  name);
}

/* Row k of the block, k from 0 at its top. */
static void put_row(struct draw *d, const struct view *v, const struct model *m,
		    const struct block *b, size_t k, int y)
{
	const struct box *p = &d->pane;
	struct look look = {0};
	struct bytes blank = {0};
	int x = text_x(v, b->cut);

	if (b->day && k-- == 0) {
		char day[96];
		words_day(day, b->msg->stored_ms, true);
		draw_rule(v, y, p->x, p->cols, day);
		return;
	}
	if (b->marker && k-- == 0) {
		draw_rule(v, y, p->x, p->cols, _("new"));
		return;
	}
	if (v->selected == b->msg->n && v->focus == FOCUS_MESSAGES)
		look.attr |= ATTR_REVERSE;
	if (b->msg->n >= MODEL_PENDING)
		look.attr |= ATTR_DIM;
	draw_put(v, y, p->x, p->cols, blank, look);
	if (k == 0)
		put_head(v, m, b, y, p, look);
	if (look.attr & ATTR_REVERSE) { /* the upmost row of it comes last */
		d->select_y = y;
		d->select_x = p->x;
	}
	if (b->quote && k-- == 0) {
		struct bytes bar = draw_sign(v, "┆ ", "| ");
		struct look dim = look;
		dim.attr |= ATTR_DIM;
		draw_word(v, y, p->x + x, 2, bar, dim);
		draw_word(v, y, p->x + x + 2, p->cols - x - SIGN_COLS - 2,
			  text_of(b->cut->quote), dim);
		return;
	}
	put_text(d, v, y, p->x + x, p->cols - x - SIGN_COLS, b->cut, k, look);
	if (k + 1 == b->cut->rows.n) {
		struct look sign;
		struct bytes s = delivery_sign(v, b->msg, &sign);
		sign.attr |= look.attr;
		draw_word(v, y, p->x + p->cols - 2, 2, s, sign);
	}
}

void draw_messages(struct draw *d, struct view *v, struct model *m)
{
	contact_id with = model_opened(m);
	size_t n, i, below = v->at ? v->below : 0;
	const struct message *const *line = model_lines(m, with, &n);
	int y = d->pane.y + d->pane.rows - 1;

	d->newest = 0;
	d->top = d->bottom = true;
	i = lowest(v, line, n);
	if (i != SIZE_MAX) {
		d->newest = line[i]->n;
		d->bottom = n - i <= (size_t)d->pane.rows;
	}
	for (; i != SIZE_MAX && y >= d->pane.y; i--) {
		struct block b = block_at(d, v, m, with, line, i);
		size_t k = b.rows > below ? b.rows - below : 0;
		below = 0;
		while (k && y >= d->pane.y) {
			d->row[y] = b.msg->n;
			put_row(d, v, m, &b, --k, y--);
		}
		d->top = i < (size_t)d->pane.rows;
		if (!i)
			break;
	}
	while (y >= d->pane.y)
		draw_put(v, y--, d->pane.x, d->pane.cols, (struct bytes){0},
			 (struct look){0});
}
