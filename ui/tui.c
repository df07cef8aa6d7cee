/* The full screen: one loop that waits for keys and for the engine. What
 * arrives changes the model; keys change the view and the line; painting
 * looks at all three and changes none. */
#include "src/client.h"
#include "src/clock.h"
#include "src/config.h"
#include "ui/front.h"
#include "ui/highlight.h"
#include "ui/tui_impl.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	FRAME_US = 1000000 / 30,
	FIRST_US = 50000,   /* a frame without contacts, if need be */
	READ_US = 2000000,  /* seen for so long is read */
	PASTE_US = 2000000, /* the end mark is lost */
	NOTICE_US = 2000000,
	AWAIT_US = 15000,
	QUIT_US = 5000000,   /* for the engine to say goodbye */
	EVENTS_A_TURN = 256, /* then keys are looked at again */
	EMPTY_MOST = 20,
};

int64_t tui_now(void)
{
	return clock_mono_us();
}

/* ---- commands and their results ---- */

static void refused(struct tui *t, uint64_t ref);

void tui_send(struct tui *t, struct command *cmd, enum why why,
	      const char *said)
{
	struct command *mine = xmalloc(sizeof(*mine));
	struct asked *a;
	contact_id with = cmd->contact;

	*mine = *cmd;
	mine->ref = ++t->ref;
	a = &t->asked[t->ref % ASKED_MAX];
	if (a->why == WHY_DRAFT)
		t->drafts_asked = 0; /* too long ago */
	*a = (struct asked){.ref = t->ref, .why = why, .with = with};
	if (why == WHY_DRAFT)
		t->drafts_asked++;
	snprintf(a->said, sizeof(a->said), "%s", said ? said : "");
	if (client_send(t->client, mine)) {
		*a = (struct asked){.why = WHY_NOTHING};
		if (why == WHY_DRAFT) {
			t->drafts_asked--;
			struct draft *d = tui_draft_of(t, with);
			d->untold = d->unknown = true;
			return;
		}
		tui_say(t, LEVEL_ERROR, _("too much at once: not done"));
		refused(t, t->ref);
	}
}

void tui_await(struct tui *t)
{
	t->await_us = tui_now() + AWAIT_US;
}

static void came(struct tui *t)
{
	if (!t->await_us)
		return;
	t->await_us = 0;
	t->dirty = t->line_dirty = true;
}

static void ask(struct tui *t)
{
	struct command cmd, *mine;

	while (model_wants(t->model, &cmd)) {
		mine = xmalloc(sizeof(*mine));
		*mine = cmd;
		if (client_send(t->client, mine))
			return;
	}
}

/* A line that was not taken goes back to where it was typed, or, when
 * something else stands there by now, to where Ctrl-Y finds it. */
static void refused(struct tui *t, uint64_t ref)
{
	contact_id with;
	char *text = model_refused(t->model, ref, &with);

	if (!text)
		return;
	struct buf line = {0};
	/* as it was typed: no command */
	if (text[0] == '/' && strncmp(text, "/me ", 4) != 0)
		buf_printf(&line, "/");
	buf_put(&line, text_of(text));
	struct bytes s = {line.p, line.n};
	if (with == model_opened(t->model) && !edit_text(t->edit).n)
		edit_set(t->edit, s, SIZE_MAX);
	else
		edit_keep(t->edit, s);
	buf_free(&line);
	free(text);
	t->dirty = true;
}

static const char *failure(enum code code)
{
	return code == CODE_DISK_FULL ? _("the disk is full: nothing was lost")
				      : _("not done");
}

/* Another key was trusted: who has it now is somebody else's conversation, to
 * which what waited went. */
static void follow(struct tui *t, contact_id old, contact_id c)
{
	if (old && old != c && old == model_opened(t->model) &&
	    !edit_text(t->edit).n && t->over == OVER_NONE &&
	    model_find(t->model, c))
		tui_open(t, c);
}

static void worked(struct tui *t, const struct asked *a, const struct event *ev)
{
	char said[SAID_MAX];

	switch (a->why) {
	case WHY_NOTHING:
	case WHY_SEND:
	case WHY_DRAFT:
		return;
	case WHY_NICK:
		tui_send(t, &(struct command){.kind = CMD_ID}, WHY_SELF, NULL);
		return;
	case WHY_SELF:
		if (!ev->contact)
			return;
		model_rename_self(t->model, ev->contact->nick);
		tui_say(t, LEVEL_INFO,
			_("you are %s now; /set -s nickname keeps it"),
			ev->contact->nick);
		return;
	case WHY_ALL:
		tui_say(t, LEVEL_INFO, _("sent %s"),
			ev->text ? words_said(said, ev->text)
				 : _("to everybody online"));
		return;
	case WHY_SAY:
		if (a->said[0] && ev->contact)
			tui_say(t, LEVEL_INFO, "%s: %s", a->said,
				model_name(ev->contact));
		else if (a->said[0] || ev->text)
			tui_say(t, LEVEL_INFO, "%s",
				a->said[0] ? a->said
					   : words_said(said, ev->text));
		if (ev->contact)
			follow(t, a->with, ev->contact->id);
		return;
	case WHY_OPEN:
		if (!ev->contact)
			return;
		tui_say(t, LEVEL_INFO, _("connected to %s"),
			model_name(ev->contact));
		/* Nothing that arrives moves a line that is being typed, or
		 * what is being read. */
		if (edit_text(t->edit).n || t->over != OVER_NONE ||
		    !model_find(t->model, ev->contact->id))
			return;
		tui_open(t, ev->contact->id);
		if (!t->touched)
			tui_focus(t, FOCUS_INPUT);
		return;
	case WHY_INFO:
		if (ev->contact)
			tui_info(t, ev->contact, ev->text);
		return;
	case WHY_FIND:
		if (ev->ref != t->find_ref)
			return;
		came(t);
		tui_found_all(t, ev->more, ev->next);
		return;
	case WHY_WHERE:
		if (ev->ref == t->where_ref)
			tui_parent_at(t);
		return;
	case WHY_EXPORT:
		tui_export_end(t, true, ev->more, ev->next);
		return;
	case WHY_LOGIN:
		tui_say(t, LEVEL_INFO, "%s", ev->text ? ev->text : "");
		return;
	case WHY_EDIT:
		tui_edited(t, ev->text && strcmp(ev->text, "not sent") != 0);
		return;
	}
}

static void on_result(struct tui *t, const struct event *ev)
{
	struct asked *a = &t->asked[ev->ref % ASKED_MAX];
	struct asked mine = {.why = WHY_NOTHING};

	if (model_asked(ev->ref)) {
		tui_draft_take(t);
		if (model_asked_page(ev->ref))
			came(t);
		tui_seek(t);
		if (t->over == OVER_OUTBOX && model_asked_outbox(ev->ref) &&
		    !ev->more)
			tui_outbox_list(t);
		return;
	}
	if (a->ref == ev->ref) {
		mine = *a;
		*a = (struct asked){.why = WHY_NOTHING};
	}
	if (mine.why == WHY_DRAFT)
		t->drafts_asked--;
	if (ev->code == CODE_OK || ev->code == CODE_QUEUED ||
	    ev->code == CODE_PARTLY) {
		worked(t, &mine, ev);
		return;
	}
	refused(t, ev->ref);
	if (mine.why == WHY_LOGIN && tui_login_refused(t, ev->text))
		return;
	if (mine.why == WHY_EXPORT)
		tui_export_end(t, false, false, 0);
	if (mine.why == WHY_NOTHING || mine.why == WHY_DRAFT)
		return;
	char said[SAID_MAX];
	tui_say(t, LEVEL_ERROR, "%s",
		ev->text ? words_said(said, ev->text) : failure(ev->code));
}

/* ---- events ---- */

static bool on_screen(const struct tui *t, contact_id c)
{
	return model_opened(t->model) == c && !t->view.at &&
	       t->over == OVER_NONE && !t->away;
}

/* Was there nothing for a while? Then there is something now. */
static bool quiet(int64_t *last_us)
{
	int64_t now = tui_now();

	if (*last_us && now - *last_us < NOTICE_US)
		return false;
	*last_us = now;
	return true;
}

/* One message of somebody known that nobody looks at: rung and shown at most
 * once in a while. */
static void noticed(struct tui *t, const struct contact *c,
		    const struct message *m)
{
	const struct contact *self = model_self(t->model);
	char name[NICK_MAX + 1], text[200];
	enum notify when = t->view.set.notify;

	if (t->view.set.bell && quiet(&t->bell_us))
		term_bell();
	if (when == NOTIFY_OFF ||
	    (when == NOTIFY_MENTIONS &&
	     !(self && highlight_named(text_of(m->text), text_of(self->nick)))))
		return;
	if (!quiet(&t->notice_us))
		return;
	text_line(name, sizeof(name), text_of(model_name(c)), 32);
	text_line(text, sizeof(text), text_of(m->text), 80);
	term_notify(name, text);
}

static void arrived(struct tui *t, const struct event *ev)
{
	const struct contact *c = ev->contact;

	if (!ev->message->incoming || !c)
		return;
	/* The start screen opens what comes first, in list focus. */
	if (!model_opened(t->model) && model_complete(t->model) &&
	    !edit_text(t->edit).n && t->view.focus != FOCUS_INPUT &&
	    t->over == OVER_NONE) {
		tui_open(t, c->id);
		t->view.focus = FOCUS_MESSAGES;
	}
	/* What comes until somebody is back is new to them. */
	if (t->away && !t->away_new && c->id == model_opened(t->model)) {
		t->away_new = true;
		model_mark(t->model, c->id, ev->message->n);
	}
	if (!c->blocked && c->trust >= TRUST_PINNED && !on_screen(t, c->id))
		noticed(t, c, ev->message);
}

static void security(struct tui *t, const struct event *ev)
{
	const char *name =
	    ev->contact ? model_name(ev->contact) : _("somebody");

	if (ev->text && strcmp(ev->text, "key_changed") == 0)
		tui_say(t, LEVEL_ERROR,
			_("the key of %s CHANGED: compare the numbers (/info)"),
			name);
	else
		tui_say(t, LEVEL_WARN, "%s: %s", name,
			words_security(ev->text));
}

static void bye(struct tui *t, const struct event *ev)
{
	bool asked = t->quitting || (ev->text && strcmp(ev->text, "quit") == 0);
	char said[SAID_MAX];

	t->done = true;
	if (!asked)
		t->status = EXIT_FAILURE;
	if (!asked && ev->text)
		snprintf(t->view.notice, sizeof(t->view.notice), "%s",
			 words_said(said, ev->text));
}

static void notice(struct tui *t, const struct event *ev)
{
	char said[SAID_MAX];

	tui_say(t, (int)ev->level, "%s", words_said(said, ev->text));
}

/* The conversation last written in, when all are known. */
static void first_open(struct tui *t)
{
	const struct contact *c;
	contact_id best = 0;
	message_n last = 0;

	if (!model_complete(t->model) || model_opened(t->model) || t->touched)
		return;
	for (size_t i = 0; (c = model_contact(t->model, i)); i++) {
		if (c->last <= last || c->blocked)
			continue;
		best = c->id;
		last = c->last;
	}
	if (best) {
		tui_open(t, best);
		t->view.focus = FOCUS_MESSAGES;
	}
}

static void on_event(struct tui *t, const struct event *ev)
{
	contact_id open = model_opened(t->model);
	bool complete = model_complete(t->model);

	t->dirty |= model_apply(t->model, ev);
	if (model_opened(t->model) != open)
		t->view.at = t->view.selected = 0;
	if (ev->kind == EV_PEER && ev->contact && ev->contact->gone)
		tui_draft_gone(t, ev->contact, open);
	tui_draft_heard(t, ev);
	if (ev->kind == EV_MESSAGE && ev->message)
		arrived(t, ev);
	else if (ev->kind == EV_ITEM && ev->message && ev->ref == t->where_ref)
		t->where = ev->message->n;
	else if (ev->kind == EV_ITEM && ev->message && ev->ref == t->find_ref)
		tui_found(t, ev->message);
	else if (ev->kind == EV_ITEM && ev->message &&
		 ev->ref == t->export_ref && t->export_file)
		tui_exported(t, ev->message);
	else if (ev->kind == EV_STATUS && t->over == OVER_OUTBOX)
		model_ask_outbox(t->model);
	else if (ev->kind == EV_RESULT)
		on_result(t, ev);
	else if ((ev->kind == EV_NOTICE || ev->kind == EV_CONSENT) && ev->text)
		notice(t, ev);
	else if (ev->kind == EV_SECURITY)
		security(t, ev);
	else if (ev->kind == EV_BYE)
		bye(t, ev);
	if (!complete && model_complete(t->model))
		first_open(t);
	if (ev->kind == EV_PEER || ev->kind == EV_RESULT)
		tui_named(t);
}

/* Says whether there is more. */
static bool events(struct tui *t)
{
	const struct event *ev;
	bool more = true;

	for (int i = 0; i < EVENTS_A_TURN && more; i++) {
		ev = client_next(t->client);
		more = ev != NULL;
		if (ev)
			on_event(t, ev);
		if (t->done)
			return false;
	}
	ask(t);
	if (!t->view.at)
		model_trim(t->model);
	return more;
}

void tui_quit(struct tui *t)
{
	if (t->quitting)
		return;
	tui_draft_untold(t, 0); /* nothing heard of what was sent just now */
	tui_draft_save(t);
	if (client_beside(t->client)) {
		t->done = true; /* what was sent to it is in its socket */
		return;
	}
	t->quitting = true;
	t->quit_us = tui_now() + QUIT_US;
	tui_send(t, &(struct command){.kind = CMD_QUIT}, WHY_NOTHING, NULL);
}

/* ---- painting ---- */

static unsigned unread(const struct tui *t)
{
	const struct contact *c;
	unsigned n = 0;

	for (size_t i = 0; (c = model_contact(t->model, i)); i++)
		n += draw_unread(&t->view, t->model, c);
	return n;
}

/* What was painted at the bottom will be read, soon or with the next key. */
static void seen(struct tui *t, int64_t now)
{
	const struct contact *c = model_find(t->model, model_opened(t->model));

	if (!c || !c->unread || !on_screen(t, c->id)) {
		t->read_us = 0;
		return;
	}
	if (!t->read_us)
		t->read_us = now + READ_US;
}

static void read_now(struct tui *t)
{
	contact_id c = model_opened(t->model);
	message_n upto = draw_newest(t->draw);

	t->read_us = 0;
	if (!c || upto <= 0 || !on_screen(t, c))
		return;
	if (upto >= MODEL_PENDING)
		upto = model_find(t->model, c)->last;
	tui_send(t,
		 &(struct command){.kind = CMD_READ, .contact = c, .n = upto},
		 WHY_NOTHING, NULL);
}

static uint64_t hash(uint64_t h, struct bytes s)
{
	for (size_t i = 0; i < s.n; i++)
		h = (h ^ s.p[i]) * 0x100000001b3;
	return h;
}

/* What the terminal has not heard of yet; curses wrote the words. */
static void links_show(struct tui *t)
{
	size_t n, had = t->n_linked;
	const struct link *l = draw_links(t->draw, &n);
	struct linked *new = n ? xmalloc(n * sizeof(*new)) : NULL;

	if (!t->view.set.links || !term_has_links())
		n = 0;
	for (size_t i = 0; i < n; i++) {
		uint64_t what =
		    hash(hash(0xcbf29ce484222325, l[i].shown), l[i].whole);
		size_t k = 0;
		new[i] = (struct linked){l[i].y, l[i].x, l[i].attr, what};
		while (k < had &&
		       memcmp(&t->linked[k], &new[i], sizeof(new[i])) != 0)
			k++;
		if (k == had)
			term_link(l[i].y, l[i].x, l[i].attr, l[i].shown,
				  l[i].whole);
	}
	free(t->linked);
	t->linked = new;
	t->n_linked = n;
}

static void paint(struct tui *t, int64_t now)
{
	unsigned n;

	t->view.here = on_screen(t, model_opened(t->model));
	n = unread(t);
	if (!t->view.at && !t->seek)
		model_newest(t->model);
	t->view.card = model_complete(t->model) && !model_opened(t->model);
	t->view.paste = t->pasting ? _("pasting...") : NULL;
	draw_all(t->draw, &t->view, t->model, t->edit);
	t->painted_us = now;
	t->dirty = t->line_dirty = t->opened = false;
	if (t->view.set.title && n != t->title)
		term_title(n);
	t->title = n;
	links_show(t);
	seen(t, now);
	if (t->seek_painted) {
		t->seek_painted = false;
		tui_seek(t);
		t->line_dirty = t->dirty;
	}
	/* A page that is not full asks for older ones. */
	if (t->over == OVER_NONE && draw_at_top(t->draw))
		model_older(t->model);
	if (t->over == OVER_NONE && t->view.at && draw_at_bottom(t->draw))
		model_newer(t->model);
	ask(t);
}

/* A key is seen at once; what arrives, at most 30 times a second, but at once
 * after a quiet moment. */
static void show(struct tui *t, bool key)
{
	int64_t now = tui_now();

	t->paint_us = 0;
	if (!t->painted_us && !model_complete(t->model) &&
	    now < t->start_us + FIRST_US) {
		t->paint_us = t->start_us + FIRST_US;
		return;
	}
	if (key && t->line_dirty && !t->opened && now >= t->await_us &&
	    draw_line(t->draw, &t->view, t->model, t->edit))
		t->line_dirty = false;
	if (!t->dirty && !t->line_dirty)
		return;
	if (now < t->await_us) {
		t->paint_us = t->await_us;
		return;
	}
	t->await_us = 0;
	if (t->line_dirty || now - t->painted_us >= FRAME_US)
		paint(t, now);
	else
		t->paint_us = t->painted_us + FRAME_US;
}

/* ---- keys ---- */

static void paste_end(struct tui *t)
{
	struct bytes s = {t->paste.p, t->paste.n};

	t->pasting = false;
	t->paste_us = 0;
	tui_over_close(t);
	t->view.focus = FOCUS_INPUT;
	t->sure = false;
	if (s.n && !edit_insert(t->edit, s))
		tui_say(t, LEVEL_WARN, _("the line holds no more: cut"));
	t->paste.n = 0;
	tui_whom(t);
	t->dirty = t->line_dirty = true;
}

/* Ends of lines come as CR, LF or both; they are text in a paste. */
static void paste_key(struct tui *t, const struct key *k)
{
	struct bytes s = {(const uint8_t *)k->text, k->n};

	if (k->n == 1 && k->text[0] == '\r')
		s = text_of("\n");
	if (t->paste.n < EDIT_MAX)
		buf_put(&t->paste, s);
}

static void looked_at(struct tui *t, bool looking)
{
	t->away = !looking;
	t->away_new = false;
	t->dirty = true;
}

static bool keys(struct tui *t)
{
	struct key k;
	bool any = false, key = false;

	while ((k = term_key(t->pasting)).kind != KEY_NOTHING) {
		any = true;
		if (k.kind == KEY_LOOKING || k.kind == KEY_AWAY) {
			looked_at(t, k.kind == KEY_LOOKING);
			continue;
		}
		if (k.kind == KEY_NAMED && !k.name[0])
			continue; /* a button that is let go */
		key = true;
		t->away = false;
		if (k.kind == KEY_CLICK || k.kind == KEY_WHEEL_UP ||
		    k.kind == KEY_WHEEL_DOWN) {
			tui_mouse(t, &k);
		} else if (k.kind == KEY_PASTE) {
			t->pasting = t->dirty = true;
			t->paste_us = tui_now() + PASTE_US;
		} else if (k.kind == KEY_PASTED) {
			paste_end(t);
		} else if (t->pasting) {
			paste_key(t, &k);
			t->paste_us = tui_now() + PASTE_US;
		} else {
			tui_key(t, &k);
		}
		if (t->done)
			break;
	}
	if (!key)
		return any;
	t->touched = true;
	if (t->read_us)
		read_now(t);
	t->draft_us = tui_now() + DRAFT_US;
	ask(t);
	return true;
}

/* ---- time ---- */

static void sooner(int64_t *when, int64_t at)
{
	if (at && (!*when || at < *when))
		*when = at;
}

/* Microseconds until something is due; -1: nothing is. */
static int64_t wait_us(const struct tui *t)
{
	int64_t when = 0, now = tui_now();

	sooner(&when, t->paint_us);
	sooner(&when, t->draft_us);
	sooner(&when, t->read_us);
	sooner(&when, t->paste_us);
	sooner(&when, t->quit_us);
	sooner(&when, t->pipe_us);
	if (!when)
		return -1;
	return when > now ? when - now : 0;
}

static void due(struct tui *t)
{
	int64_t now = tui_now();

	if (t->draft_us && now >= t->draft_us)
		tui_draft_save(t);
	if (t->read_us && now >= t->read_us)
		read_now(t);
	if (t->paste_us && now >= t->paste_us)
		paste_end(t);
	if (t->pipe_us && now >= t->pipe_us)
		tui_pipe_look(t);
	if (t->quit_us && now >= t->quit_us)
		t->done = true;
}

void tui_redraw(struct tui *t)
{
	draw_forget(t->draw);
	t->n_linked = 0;
	t->dirty = true;
}

static void resize(struct tui *t)
{
	term_resize(&t->view.rows, &t->view.cols);
	model_rows(t->model, (unsigned)t->view.rows);
	tui_redraw(t);
	tui_over_wrap(t);
	t->line_dirty = true;
}

static void turn(struct tui *t, bool more)
{
	bool key = false;
	struct term_news news = term_wait(!t->quitting, client_fd(t->client),
					  more ? 0 : wait_us(t));

	if (news.resized)
		resize(t);
	if (news.late)
		t->status = 3;
	if (news.quit || news.gone)
		tui_quit(t);
	if (news.keys && t->await_us) {
		came(t); /* a key acts on what is on the screen */
		show(t, false);
	}
	if (news.keys && !t->quitting)
		key = keys(t);
	/* Half a character may be nothing; nothing again and again is the end
	 * of a terminal that does not say so. */
	t->empty = news.keys && !key ? t->empty + 1 : 0;
	if (t->empty > EMPTY_MOST)
		tui_quit(t);
	due(t);
	if (key)
		show(t, true);
}

static void loop(struct tui *t)
{
	bool more = true;

	while (!t->done) {
		more = events(t);
		if (t->done)
			return;
		show(t, false);
		turn(t, more);
	}
}

void tui_theme(struct tui *t)
{
	t->view.color =
	    t->cfg->color != SW_OFF && theme_start(t->view.set.theme);
	t->view.names =
	    theme_names(t->view.set.theme, t->view.color ? term_colors() : 0);
	tui_redraw(t);
}

static void fini(struct tui *t)
{
	page_close(&t->page);
	for (size_t i = 0; i < t->n_draft; i++)
		buf_free(&t->draft[i].text);
	free(t->draft);
	tui_pipe_end(t);
	tui_login_free(t);
	if (t->export_file)
		fclose(t->export_file);
	for (size_t i = 0; i < t->n_url; i++)
		free(t->url[i]);
	free(t->url);
	free(t->linked);
	free(t->found);
	buf_free(&t->pipe_out);
	buf_free(&t->edited.text);
	buf_free(&t->over_text);
	buf_free(&t->paste);
	rows_free(&t->over_rows);
	edit_free(t->edit);
	draw_free(t->draw);
	model_free(t->model);
}

/* What the terminal lacks is said, once; all works without it. */
static void missing(struct tui *t)
{
	if (!t->view.utf8)
		tui_say(t, LEVEL_WARN,
			_("this locale has no UTF-8: other signs are shown as "
			  "?; LANG=C.UTF-8 has it"));
}

static void dial(struct tui *t, const char *at)
{
	tui_send(
	    t,
	    &(struct command){.kind = CMD_CONNECT, .to = xstrndup(text_of(at))},
	    WHY_OPEN, NULL);
}

/* The engine ended under us: what was being written may be nowhere else. */
static void say_line(const struct tui *t)
{
	struct buf clean = {0};

	text_clean(&clean, edit_text(t->edit));
	if (clean.n)
		fprintf(stderr, _("sotto: not sent: %.*s\n"), (int)clean.n,
			(const char *)clean.p);
	buf_free(&clean);
}

int tui_dial(struct client *c, const struct config *cfg, const char *at)
{
	struct tui t = {.client = c, .cfg = cfg, .pipe_fd = -1};

	if (cfg->screen_rows ? !term_picture(cfg->screen_rows, cfg->screen_cols,
					     cfg->keys_file)
			     : !term_start()) {
		client_close(c);
		return 2;
	}
	t.ref = (uint64_t)1 << MODEL_REFS_BIT;
	t.model = model_new();
	t.draw = draw_new();
	t.edit = edit_new();
	t.view = (struct view){.utf8 = term_utf8(),
			       .set = cfg->screen,
			       .focus = FOCUS_MESSAGES,
			       .still = cfg->screen_rows > 0};
	t.start_us = tui_now();
	term_mouse(cfg->screen.mouse);
	tui_theme(&t);
	resize(&t);
	if (at)
		dial(&t, at);
	missing(&t);
	if (cfg->web)
		tui_web(&t);
	loop(&t);
	term_stop();
	if (t.status && t.view.notice[0])
		fprintf(stderr, "sotto: %s\n", t.view.notice);
	if (t.status == EXIT_FAILURE)
		say_line(&t);
	fini(&t);
	client_close(c);
	return t.status;
}

int tui_run(struct client *c, const struct config *cfg)
{
	return tui_dial(c, cfg, NULL);
}
