/* What is written, to whom, and the commands among it. */
#include "src/clock.h"
#include "src/config.h"
#include "ui/tui_impl.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool none(struct uuid id)
{
	return memcmp(&id, &(struct uuid){0}, sizeof(id)) == 0;
}

static void clean(char *out, size_t size, const char *s, int cols)
{
	text_line(out, size, text_of(s), cols);
}

void tui_say(struct tui *t, int level, const char *fmt, ...)
{
	char s[SAID_MAX + 200];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(s, sizeof(s), fmt, ap);
	va_end(ap);
	text_line(t->view.notice, sizeof(t->view.notice), text_of(s), 240);
	t->view.notice_level = level;
	t->dirty = true;
}

/* ---- drafts and conversations ---- */

struct draft *tui_draft_of(struct tui *t, contact_id c)
{
	for (size_t i = 0; i < t->n_draft; i++)
		if (t->draft[i].with == c)
			return &t->draft[i];
	t->draft = xrealloc(t->draft, (t->n_draft + 1) * sizeof(*t->draft));
	t->draft[t->n_draft] = (struct draft){.with = c};
	return &t->draft[t->n_draft++];
}

static bool draft_same(const struct draft *d, struct bytes s, size_t at,
		       struct uuid answers)
{
	return d->text.n == s.n && d->cursor == at &&
	       (!s.n || memcmp(d->text.p, s.p, s.n) == 0) &&
	       memcmp(&d->answers, &answers, sizeof(answers)) == 0;
}

static void draft_tell(struct tui *t, struct draft *d)
{
	struct bytes s = {d->text.p, d->text.n};

	d->untold = d->unknown = false;
	tui_send(t,
		 &(struct command){.kind = CMD_DRAFT,
				   .contact = d->with,
				   .id = d->answers,
				   .cursor = d->cursor,
				   .text = xstrndup(s)},
		 WHY_DRAFT, NULL);
}

void tui_draft_untold(struct tui *t, contact_id c)
{
	for (size_t i = 0; i < t->n_draft; i++)
		if (t->draft[i].text.n && (!c || t->draft[i].with == c)) {
			t->draft[i].untold = true;
			t->draft_us = tui_now() + DRAFT_US;
		}
}

void tui_draft_save(struct tui *t)
{
	contact_id c = model_opened(t->model);
	struct bytes s = edit_text(t->edit);
	size_t at = edit_cursor(t->edit);

	t->draft_us = 0;
	for (size_t i = 0; i < t->n_draft; i++)
		if (t->draft[i].untold && (t->aside || t->draft[i].with != c))
			draft_tell(t, &t->draft[i]);
	if (!c || t->aside)
		return;
	struct draft *d = tui_draft_of(t, c);
	if (draft_same(d, s, at, t->view.answers) && !d->untold)
		return;
	d->text.n = 0;
	buf_put(&d->text, s);
	d->cursor = at;
	d->answers = t->view.answers;
	draft_tell(t, d);
}

void tui_draft_aside(struct tui *t)
{
	if (!model_opened(t->model))
		return;
	tui_draft_save(t);
	if (t->aside) /* another command was begun there */
		edit_keep(t->edit, edit_text(t->edit));
	t->aside = true;
	edit_set(t->edit, (struct bytes){0}, 0);
}

void tui_draft_back(struct tui *t)
{
	struct draft *d;

	if (!t->aside)
		return;
	d = tui_draft_of(t, model_opened(t->model));
	edit_keep(t->edit, edit_text(t->edit));
	edit_set(t->edit, (struct bytes){d->text.p, d->text.n}, d->cursor);
	/* The engine forgot it if the command sent something there. */
	d->untold = d->text.n > 0;
	t->aside = false;
}

void tui_draft_take(struct tui *t)
{
	const struct contact *c;

	for (size_t i = 0; (c = model_contact(t->model, i)); i++) {
		struct draft d = {.with = c->id};
		if (!model_draft(t->model, c->id, &d.text, &d.cursor,
				 &d.answers))
			continue;
		struct draft *mine = tui_draft_of(t, c->id);
		if (mine->text.n || c->id == model_opened(t->model)) {
			buf_free(&d.text);
			continue;
		}
		buf_free(&mine->text);
		*mine = d;
	}
}

/* Another screen changed a draft. A line that somebody writes here is not
 * touched: then ours is told to the others at the next pause. */
static void draft_heard(struct tui *t, contact_id c, struct bytes s, size_t at,
			struct uuid answers)
{
	struct draft *d = tui_draft_of(t, c);
	bool open = c == model_opened(t->model);
	bool ours = open && !draft_same(d, edit_text(t->edit),
					edit_cursor(t->edit), t->view.answers);

	if (ours || d->unknown || t->drafts_asked ||
	    draft_same(d, s, at, answers))
		return;
	struct buf text = {0}; /* s may lie in what is replaced */
	buf_put(&text, s);
	buf_free(&d->text);
	*d = (struct draft){
	    .with = c, .text = text, .cursor = at, .answers = answers};
	if (!open)
		return;
	edit_set(t->edit, (struct bytes){text.p, text.n}, at);
	tui_answering(t, answers);
	tui_whom(t);
	t->dirty = t->line_dirty = true;
}

void tui_draft_heard(struct tui *t, const struct event *ev)
{
	const struct contact *c = ev->contact;
	const struct message *m = ev->message;

	if (ev->kind == EV_PEER && c && c->draft)
		draft_heard(t, c->id, text_of(c->draft), c->cursor,
			    c->draft_answers);
	if (ev->kind == EV_LOST)
		tui_draft_untold(t, 0);
	if (ev->kind != EV_MESSAGE || !m || m->incoming)
		return;
	/* Sent over there: what stands here, too, is done with. */
	struct draft *d = tui_draft_of(t, m->with);
	if (d->text.n == strlen(m->text) &&
	    (!d->text.n || memcmp(d->text.p, m->text, d->text.n) == 0))
		draft_heard(t, m->with, (struct bytes){0}, 0, (struct uuid){0});
	else if (d->text.n)
		tui_draft_untold(t, m->with); /* the engine forgot it */
}

/* Somebody turned out to be somebody else: what was to be said to one is said
 * to the other; what has no place there goes where Ctrl-Y finds it. */
static void draft_moves(struct tui *t, struct draft *from, struct draft *to,
			bool line)
{
	contact_id open = model_opened(t->model);
	struct bytes s = {from->text.p, from->text.n};

	if (line) { /* it stands there, and goes on */
		edit_keep(t->edit, (struct bytes){to->text.p, to->text.n});
		return;
	}
	if (to->text.n || (to->with == open && edit_text(t->edit).n)) {
		edit_keep(t->edit, s);
		return;
	}
	buf_put(&to->text, s);
	to->cursor = from->cursor;
	to->answers = from->answers;
	if (to->with == open && !t->aside)
		edit_set(t->edit, s, to->cursor);
	draft_tell(t, to);
}

void tui_draft_gone(struct tui *t, const struct contact *c, contact_id open)
{
	bool line = open == c->id && !t->aside;

	if (t->latch == c->id && c->became)
		t->latch = c->became;
	if (c->became) {
		tui_draft_of(t, c->id); /* it may move the others */
		struct draft *to = tui_draft_of(t, c->became);
		draft_moves(t, tui_draft_of(t, c->id), to, line);
	} else if (open == c->id) {
		t->aside = false; /* nothing is there to come back to */
	}
	buf_free(&tui_draft_of(t, c->id)->text);
}

/* The words that the line answers. */
static void quote(struct tui *t)
{
	contact_id c = t->latch ? t->latch : model_opened(t->model);
	struct uuid id = t->latch ? t->latch_id : t->view.answers;
	const struct message *msg =
	    none(id) ? NULL : model_by_id(t->model, c, id);

	t->view.quote[0] = '\0';
	if (msg)
		clean(t->view.quote, sizeof(t->view.quote), msg->text, 40);
}

void tui_answering(struct tui *t, struct uuid id)
{
	t->view.answers = id;
	t->view.answering = !none(id);
	quote(t);
}

void tui_named(struct tui *t)
{
	contact_id c = t->latch ? t->latch : model_opened(t->model);
	const struct contact *who = model_find(t->model, c);
	char whom[sizeof(t->view.whom)] = "";

	/* a draft is there before what it answers */
	if (!none(t->view.answers) && !*t->view.quote)
		quote(t);
	if (who)
		clean(whom, sizeof(whom), model_name(who), 32);
	if (strcmp(whom, t->view.whom) != 0) {
		memcpy(t->view.whom, whom, sizeof(whom));
		/* seen before the next key is: it may be Enter */
		t->dirty = t->line_dirty = true;
	}
	t->view.answering = t->latch || !none(t->view.answers);
}

void tui_whom(struct tui *t)
{
	const struct slash_row *row = command_begun(edit_text(t->edit));
	bool r = row && row->kind == SL_REPLY;
	contact_id before = t->latch;

	if (r && !t->latch)
		t->latch = model_last_sender(t->model, 0, &t->latch_id);
	else if (!r)
		t->latch = 0;
	if (t->latch != before)
		quote(t);
	tui_named(t);
}

void tui_open(struct tui *t, contact_id c)
{
	size_t n;
	contact_id old = model_opened(t->model);

	if (c == old) {
		tui_over_close(t);
		return;
	}
	tui_draft_save(t);
	/* a line to nobody, a command not finished */
	if (!old || t->aside)
		edit_keep(t->edit, edit_text(t->edit));
	t->aside = false;
	if (old)
		t->last_open = old;
	model_open(t->model, c);
	t->opened = true;
	model_lines(t->model, c, &n);
	if (n <= 1)
		tui_await(t);
	struct draft *d = tui_draft_of(t, c);
	edit_set(t->edit, (struct bytes){d->text.p, d->text.n}, d->cursor);
	t->view.at = t->view.selected = 0;
	t->view.below = 0;
	t->view.pointed = 0;
	tui_answering(t, d->answers);
	t->latch = 0;
	tui_over_close(t);
	tui_whom(t);
	t->dirty = true;
}

contact_id tui_who(struct tui *t, struct bytes name, bool *several)
{
	const struct contact *c;
	contact_id found = 0;
	unsigned whole = 0, part = 0;

	for (size_t i = 0; (c = model_contact(t->model, i)); i++) {
		const char *s = model_name(c);
		if (strlen(s) < name.n || memcmp(s, name.p, name.n) != 0)
			continue;
		bool same = strlen(s) == name.n;
		if (whole && !same)
			continue;
		if (same ? !whole : !part)
			found = c->id;
		whole += same;
		part += !same;
	}
	*several = whole ? whole > 1 : part > 1;
	return *several ? 0 : found;
}

void tui_step(struct tui *t, int by)
{
	size_t n = model_count(t->model);
	size_t at = model_index(t->model, model_opened(t->model));

	if (!n)
		return;
	if (at == SIZE_MAX)
		at = by > 0 ? n - 1 : 0;
	at = (at + n + (size_t)(by > 0 ? 1 : n - 1)) % n;
	tui_open(t, model_contact(t->model, at)->id);
}

void tui_next_unread(struct tui *t)
{
	size_t n = model_count(t->model);
	size_t at = model_index(t->model, model_opened(t->model));

	for (size_t k = 1; k <= n; k++) {
		size_t i = at == SIZE_MAX ? k - 1 : (at + k) % n;
		const struct contact *c = model_contact(t->model, i);
		/* who asks and was not looked at is no less to be read */
		bool asks = c->requests && !c->blocked && i != at;
		if (!draw_unread(&t->view, t->model, c) && !asks)
			continue;
		tui_open(t, c->id);
		return;
	}
	tui_say(t, LEVEL_INFO, _("nothing unread"));
}

void tui_focus(struct tui *t, enum focus f)
{
	t->view.focus = f;
	if (f == FOCUS_PEERS && !t->view.pointed)
		t->view.pointed = model_opened(t->model);
	if (f == FOCUS_PEERS && !t->view.pointed && model_count(t->model))
		t->view.pointed = model_contact(t->model, 0)->id;
	t->dirty = true;
}

/* ---- sending ---- */

static int64_t wall_ms(void)
{
	return clock_now(NULL, NULL).wall_us / 1000;
}

/* What goes where nobody looks. */
static void say_elsewhere(struct tui *t, contact_id c, struct bytes s)
{
	const struct contact *who = model_find(t->model, c);
	char name[NICK_MAX + 1], text[200];

	clean(name, sizeof(name), who ? model_name(who) : "", 32);
	text_line(text, sizeof(text), s, 40);
	tui_say(t, LEVEL_INFO, _("to %s: %s"), name, text);
}

/* The first time in a run it takes a second Enter. */
bool tui_plain_meant(struct tui *t)
{
	if (t->sure)
		t->plain_meant = true;
	if (t->plain_meant)
		return true;
	t->sure = true;
	tui_say(t, LEVEL_WARN,
		_("PLAIN: anyone on the network can read and forge this; "
		  "Enter again sends it"));
	return false;
}

bool tui_send_text(struct tui *t, contact_id c, struct uuid answers,
		   struct bytes s)
{
	if (s.n > TEXT_MAX) {
		tui_say(
		    t, LEVEL_ERROR,
		    _("too long: %zu bytes, a message holds %d; nothing sent"),
		    s.n, TEXT_MAX);
		return false;
	}
	const struct contact *to = model_find(t->model, c);
	if (to && model_plain(to) && !tui_plain_meant(t))
		return false;
	if (c != model_opened(t->model))
		say_elsewhere(t, c, s);
	char *text = xstrndup(s);
	model_pending(t->model, c, t->ref + 1, text, answers, wall_ms());
	tui_send(t,
		 &(struct command){.kind = none(answers) ? CMD_SEND : CMD_REPLY,
				   .contact = c,
				   .id = answers,
				   .text = text},
		 WHY_SEND, NULL);
	if (c == model_opened(t->model)) {
		t->view.at = 0;
		t->view.below = 0;
		t->view.selected = 0;
	}
	return true;
}

/* The line was sent: it and its draft are over. The engine forgets the draft
 * by itself when a message goes there. */
void tui_line_over(struct tui *t)
{
	edit_sent(t->edit);
	tui_draft_back(t);
	tui_answering(t, (struct uuid){0});
	t->latch = 0;
	tui_whom(t);
	t->draft_us = 0;
	tui_draft_save(t);
	t->dirty = true;
}

void tui_reply(struct tui *t)
{
	contact_id c;
	struct uuid id;
	const struct message *msg = NULL;

	if (t->view.focus == FOCUS_MESSAGES && t->view.selected) {
		size_t n;
		const struct message *const *line =
		    model_lines(t->model, model_opened(t->model), &n);
		for (size_t i = 0; i < n; i++)
			if (line[i]->n == t->view.selected)
				msg = line[i];
	}
	t->again = t->replied ? t->again + 1 : 0;
	if (msg && msg->n < MODEL_PENDING) {
		c = model_opened(t->model);
		id = msg->id;
	} else {
		c = model_last_sender(t->model, t->again, &id);
		t->replied = true;
	}
	if (!c) {
		tui_say(t, LEVEL_INFO, _("nobody waits for an answer"));
		return;
	}
	tui_open(t, c);
	tui_answering(t, id);
	tui_whom(t);
	tui_focus(t, FOCUS_INPUT);
	t->touched = true;
}
