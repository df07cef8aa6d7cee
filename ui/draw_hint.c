/* The lowest row: which keys work now, what just happened, how much is new. */
#include "ui/draw_impl.h"
#include "ui/edit.h"
#include <stdio.h>
#include <string.h>

/* The first ones are the most useful; a part that does not fit is left out. */
static void hint_key(struct buf *b, int room, const char *key)
{
	int used = text_cols((struct bytes){b->p, b->n});

	if (used + (used ? 3 : 1) + text_cols(text_of(_(key))) <= room)
		buf_printf(b, b->n ? "   %s" : " %s", _(key));
}

static void hint_keys(struct buf *b, int room, const char *const *key)
{
	for (; *key; key++)
		hint_key(b, room, *key);
}

/* What can be done with the selected one. */
static void hint_selected(const struct message *msg, int room, struct buf *b)
{
	static const char *const keys[] = {N_("r reply to it"), N_("d details"),
					   N_("y copy"), NULL};
	size_t at = 0, n;

	if (!msg->incoming && msg->delivery == D_FAILED)
		hint_key(b, room, N_("R send again"));
	if (!msg->incoming &&
	    (msg->delivery == D_QUEUED || msg->delivery == D_SENT))
		hint_key(b, room, N_("x take back"));
	hint_keys(b, room, keys);
	if (text_url(text_of(msg->text), &at, &n))
		hint_key(b, room, N_("u open link"));
	if (msg->quote)
		hint_key(b, room, N_("p what it answers"));
	if (!msg->incoming && msg->delivery == D_QUEUED)
		hint_key(b, room, N_("e edit"));
	hint_key(b, room, N_("Esc"));
}

static const struct message *selected(const struct view *v,
				      const struct model *m)
{
	size_t n;
	const struct message *const *line = model_lines(m, model_opened(m), &n);

	if (v->focus != FOCUS_MESSAGES || !v->selected)
		return NULL;
	for (size_t i = n; i-- > 0;)
		if (line[i]->n == v->selected)
			return line[i];
	return NULL;
}

static void hint_answering(const struct view *v, const struct edit *e,
			   struct buf *b)
{
	bool above = draw_quotes(v), named = !v->quote[0] || above;

	if (v->quote[0] && !above)
		buf_printf(b, v->utf8 ? " ↩ %s  " : " <- %s  ", v->quote);
	if (!edit_text(e).n)
		buf_printf(b, "%s", _(" Backspace: not an answer"));
	else if (named)
		buf_printf(b, _(" Enter answers %s"), v->whom);
	else
		buf_printf(b, "%s", _(" Enter answers"));
}

static void hint_reply(const struct view *v, const struct model *m,
		       struct buf *b)
{
	struct uuid id;
	contact_id last = model_last_sender(m, 0, &id);
	char name[NICK_MAX + 1], said[64];

	if (!last)
		return;
	text_line(name, sizeof(name), text_of(model_name(model_find(m, last))),
		  16);
	buf_printf(b, _(" %s reply to %s"),
		   v->focus == FOCUS_INPUT ? "Alt-r" : "r", name);
	const struct message *msg = model_by_id(m, last, id);
	/* what stands right above need not be said again */
	bool above = last == model_opened(m) && !v->at;
	if (!msg || above || v->cols < 60)
		return;
	text_line(said, sizeof(said), text_of(msg->text), 18);
	bool cut = strlen(said) < strlen(msg->text);
	buf_printf(b, " \"%s%s\"", said, !cut ? "" : v->utf8 ? "…" : "...");
}

static void hint_words(const struct view *v, const struct model *m,
		       const struct edit *e, int room, struct buf *b)
{
	static const char *const keys[][7] = {
	    [FOCUS_INPUT] = {N_("F1 help"), N_("^N/^P peers"),
			     N_("Alt-a next unread")},
	    [FOCUS_MESSAGES] = {N_("i write"), N_("F1 help"), N_("j/k select"),
				N_("Tab peers"), N_(": command"), N_("q quit")},
	    [FOCUS_PEERS] = {N_("Enter open"), N_("F1 help"), N_("j/k move"),
			     N_(": command"), N_("q quit")},
	};
	static const char *const asks[] = {N_("a accept"), N_("b block"),
					   N_("i write"), N_("F1 help"), NULL};
	const struct contact *c = model_find(m, model_opened(m));
	const struct message *msg = selected(v, m);

	if (v->paste) {
		buf_printf(b, " %s", v->paste);
		return;
	}
	if (v->over) {
		hint_keys(b, room, v->over_keys);
		return;
	}
	if (v->answering && v->focus == FOCUS_INPUT) {
		hint_answering(v, e, b);
		return;
	}
	if (v->zoom)
		hint_key(b, room, N_("F2 back"));
	if (msg) {
		hint_selected(msg, room, b);
		return;
	}
	if (v->focus != FOCUS_INPUT && c &&
	    ((c->requests && !c->blocked) || c->changed)) {
		hint_keys(b, room, asks);
		return;
	}
	hint_reply(v, m, b);
	if (v->at)
		hint_key(b, room,
			 v->focus == FOCUS_INPUT ? N_("Alt-> newest")
						 : N_("G newest"));
	hint_keys(b, room, keys[v->focus]);
}

void draw_hint(const struct view *v, const struct model *m,
	       const struct edit *e, int y)
{
	struct buf b = {0};
	char right[64] = "";
	unsigned unread = 0;
	const struct contact *c;
	uint64_t below =
	    v->at ? model_arrived(m, model_opened(m)) - v->arrived_at : 0;
	struct look dim = {ATTR_DIM, PAIR_NONE};

	for (size_t i = 0; (c = model_contact(m, i)); i++)
		unread += draw_unread(v, m, c);
	if (draw_counted(e))
		snprintf(right, sizeof(right), "%zu/%d", edit_text(e).n,
			 TEXT_MAX);
	else if (below)
		snprintf(right, sizeof(right),
			 words_count("%s %lu new", "%s %lu new", below),
			 v->utf8 ? "↓" : "v", (unsigned long)below);
	else if (unread)
		snprintf(right, sizeof(right),
			 words_count("%u unread", "%u unread", unread), unread);
	int room = v->cols - 1 - text_cols(text_of(right));
	if (v->notice[0]) {
		struct look look = {0, v->notice_level == LEVEL_INFO ? PAIR_NONE
				       : v->notice_level == LEVEL_WARN
					   ? PAIR_WARN
					   : PAIR_BAD};
		draw_put(v, y, 0, 1, text_of(" "), look);
		draw_put(v, y, 1, v->cols - 1, text_of(v->notice), look);
		if (1 + text_cols(text_of(v->notice)) >= room)
			right[0] = '\0'; /* what just happened weighs more */
	} else {
		hint_words(v, m, e, room - 1, &b);
		draw_put(v, y, 0, v->cols, (struct bytes){0}, dim);
		draw_word(v, y, 0, room - 1, (struct bytes){b.p, b.n}, dim);
	}
	if (right[0] && room > 0) {
		draw_put(v, y, room - 1, 1, text_of(" "), dim);
		short pair = draw_counted(e) && edit_text(e).n > TEXT_MAX
				 ? PAIR_BAD
				 : PAIR_NONE;
		draw_word(v, y, room, v->cols - 1 - room, text_of(right),
			  (struct look){ATTR_BOLD, pair});
	}
	buf_free(&b);
}
