/* What keys and commands do. */
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
	struct buf b = {0};
	char s[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(s, sizeof(s), fmt, ap);
	va_end(ap);
	text_line(t->view.notice, sizeof(t->view.notice), text_of(s), 240);
	t->view.notice_level = level;
	t->dirty = true;
	buf_free(&b);
}

/* ---- drafts and conversations ---- */

static struct draft *draft_of(struct tui *t, contact_id c)
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

void tui_draft_save(struct tui *t)
{
	contact_id c = model_opened(t->model);
	struct bytes s = edit_text(t->edit);
	size_t at = edit_cursor(t->edit);

	t->draft_us = 0;
	if (!c)
		return;
	struct draft *d = draft_of(t, c);
	if (draft_same(d, s, at, t->view.answers))
		return;
	d->text.n = 0;
	buf_put(&d->text, s);
	d->cursor = at;
	d->answers = t->view.answers;
	tui_send(t,
		 &(struct command){.kind = CMD_DRAFT,
				   .contact = c,
				   .id = d->answers,
				   .cursor = at,
				   .text = xstrndup(s)},
		 WHY_NOTHING, NULL);
}

void tui_draft_take(struct tui *t)
{
	const struct contact *c;

	for (size_t i = 0; (c = model_contact(t->model, i)); i++) {
		struct draft d = {.with = c->id};
		if (!model_draft(t->model, c->id, &d.text, &d.cursor,
				 &d.answers))
			continue;
		struct draft *mine = draft_of(t, c->id);
		if (mine->text.n || c->id == model_opened(t->model)) {
			buf_free(&d.text);
			continue;
		}
		buf_free(&mine->text);
		*mine = d;
	}
}

static void answering(struct tui *t, struct uuid id)
{
	contact_id c = model_opened(t->model);
	const struct message *msg =
	    none(id) ? NULL : model_by_id(t->model, c, id);

	t->view.answers = id;
	t->view.answering = !none(id);
	t->view.quote[0] = '\0';
	if (msg)
		clean(t->view.quote, sizeof(t->view.quote), msg->text, 40);
}

void tui_whom(struct tui *t)
{
	const struct slash_row *row = command_begun(edit_text(t->edit));
	bool r = row && row->kind == SL_REPLY;
	contact_id c;

	if (r && !t->latch)
		t->latch = model_last_sender(t->model, 0, &t->latch_id);
	else if (!r)
		t->latch = 0;
	c = t->latch ? t->latch : model_opened(t->model);
	const struct contact *who = model_find(t->model, c);
	t->view.whom[0] = '\0';
	if (who)
		clean(t->view.whom, sizeof(t->view.whom), model_name(who), 32);
	t->view.answering = t->latch || !none(t->view.answers);
}

void tui_open(struct tui *t, contact_id c)
{
	contact_id old = model_opened(t->model);

	if (c == old)
		return;
	tui_draft_save(t);
	if (old)
		t->last_open = old;
	model_open(t->model, c);
	struct draft *d = draft_of(t, c);
	edit_set(t->edit, (struct bytes){d->text.p, d->text.n}, d->cursor);
	t->view.at = t->view.selected = 0;
	t->view.below = 0;
	t->view.pointed = 0;
	answering(t, d->answers);
	t->latch = 0;
	tui_over_close(t);
	tui_whom(t);
	t->dirty = true;
}

/* A name as somebody types it: whole, else the only one it begins. */
static contact_id who(struct tui *t, struct bytes name, bool *several)
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

static void step(struct tui *t, int by)
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

static void next_unread(struct tui *t)
{
	size_t n = model_count(t->model);
	size_t at = model_index(t->model, model_opened(t->model));

	for (size_t k = 1; k <= n; k++) {
		size_t i = at == SIZE_MAX ? k - 1 : (at + k) % n;
		const struct contact *c = model_contact(t->model, i);
		if (!c->unread)
			continue;
		tui_open(t, c->id);
		return;
	}
	tui_say(t, LEVEL_INFO, "nothing unread");
}

static void focus(struct tui *t, enum focus f)
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

static bool send_text(struct tui *t, contact_id c, struct uuid answers,
		      struct bytes s)
{
	if (s.n > TEXT_MAX) {
		tui_say(t, LEVEL_ERROR,
			"too long: %zu bytes, a message holds %d; nothing sent",
			s.n, TEXT_MAX);
		return false;
	}
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
static void line_over(struct tui *t)
{
	edit_sent(t->edit);
	answering(t, (struct uuid){0});
	t->latch = 0;
	tui_whom(t);
	t->draft_us = 0;
	tui_draft_save(t);
	t->dirty = true;
}

static void reply(struct tui *t)
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
		tui_say(t, LEVEL_INFO, "nobody waits for an answer");
		return;
	}
	tui_open(t, c);
	answering(t, id);
	tui_whom(t);
	focus(t, FOCUS_INPUT);
	t->touched = true;
}

/* ---- lists in the place of messages ---- */

void tui_over_close(struct tui *t)
{
	t->over = OVER_NONE;
	t->view.over = NULL;
	t->dirty = true;
}

void tui_over(struct tui *t, enum over what, const char *title)
{
	t->over = what;
	t->view.over_title = title;
	t->view.over_top = t->view.over_at = 0;
	t->view.over_select = what == OVER_OUTBOX;
	rows_make(&t->over_rows, (struct bytes){t->over_text.p, t->over_text.n},
		  what == OVER_OUTBOX ? 4000 : t->view.cols - 1);
	t->view.over = &t->over_rows;
	t->dirty = true;
	if (t->view.focus == FOCUS_INPUT || t->view.focus == FOCUS_PEERS)
		t->view.focus = FOCUS_MESSAGES;
}

static void help(struct tui *t)
{
	struct buf *b = &t->over_text;

	b->n = 0;
	buf_printf(b, "Keys: while writing / in lists\n");
	for (const struct key_row *r = key_rows; r->help; r++) {
		bool same = strcmp(r->input, r->list) == 0;
		const char *many =
		    r->action == ACT_NTH ? "Alt-1 to Alt-9" : r->input;
		buf_printf(b, "  %-22s %s\n", *many ? many : "", r->help);
		if (!same && *r->list)
			b->n--, buf_printf(b, "  [%s]\n", r->list);
	}
	buf_printf(b, "Commands: any clear prefix; // sends a slash\n");
	for (const struct slash_row *r = command_rows; r->name; r++) {
		char head[64];
		snprintf(head, sizeof(head), "/%s %s", r->name, r->args);
		buf_printf(b, "  %-22s %s\n", head, r->help);
	}
	tui_over(t, OVER_HELP, "Help");
}

static void peers(struct tui *t, bool online)
{
	struct buf *b = &t->over_text;
	const struct contact *c;
	char name[NICK_MAX + 1], tag[6], at[ADDR_TEXT];

	b->n = 0;
	for (size_t i = 0; (c = model_contact(t->model, i)); i++) {
		if (online && c->presence != P_ONLINE)
			continue;
		clean(name, sizeof(name), model_name(c), 32);
		model_tag(tag, c);
		addr_text(at, &c->at);
		buf_printf(b, "%s%s  %s  %s%s\n", name, tag,
			   c->at.port ? at : "",
			   c->presence == P_ONLINE ? "online" : "offline",
			   c->blocked ? "  blocked" : "");
	}
	if (!b->n)
		buf_printf(b, online ? "nobody is online\n"
				     : "nobody yet: /connect HOST:PORT\n");
	tui_over(t, OVER_PEERS, online ? "Online" : "Peers");
}

static const char *delivery_word(const struct message *m)
{
	if (m->n >= MODEL_PENDING)
		return "not yet on our disk";
	switch (m->delivery) {
	case D_QUEUED:
		return "queued";
	case D_SENT:
		return "sent";
	case D_STORED:
		return "stored at a center";
	case D_DELIVERED:
		return "delivered";
	case D_FAILED:
		return "failed";
	case D_CANCELLED:
		return "cancelled";
	case D_RECEIVED:
		return "received";
	case D_REQUEST:
		break;
	}
	return "a request";
}

void tui_outbox_list(struct tui *t)
{
	size_t n, at = t->view.over_at;
	const struct message *const *m = model_outbox(t->model, &n);
	struct buf *b = &t->over_text;
	char name[NICK_MAX + 1] = "?", text[200];

	b->n = 0;
	for (size_t i = 0; i < n; i++) {
		const struct contact *c = model_find(t->model, m[i]->with);
		if (c)
			clean(name, sizeof(name), model_name(c), 16);
		clean(text, sizeof(text), m[i]->text, 60);
		buf_printf(b, "%-10s %-9s %s%s%s\n", name, delivery_word(m[i]),
			   text, m[i]->error ? "   " : "",
			   m[i]->error ? m[i]->error : "");
	}
	if (!n)
		buf_printf(b, "nothing waits\n");
	b->n--;
	tui_over(t, OVER_OUTBOX, "Outbox");
	t->view.over_at = at < t->over_rows.n ? at : 0;
}

void tui_info(struct tui *t, const struct contact *c, const char *number)
{
	struct buf *b = &t->over_text;
	char name[NICK_MAX + 1], at[ADDR_TEXT];

	b->n = 0;
	clean(name, sizeof(name), model_name(c), 32);
	addr_text(at, &c->at);
	buf_printf(b, "Name      %s\nCalls itself %s\n", name, c->nick);
	buf_printf(b, "Id        %s\nAddress   %s\n", c->ident,
		   c->at.port ? at : "not known");
	if (c->changed)
		buf_printf(b,
			   "Key       CHANGED: /trust accepts the new one\n");
	if (number)
		buf_printf(b,
			   "\nCompare these numbers by voice; the same on both"
			   " sides: /verify\n%s\n",
			   number);
	tui_over(t, OVER_TEXT, "Details");
}

static const struct message *selected(struct tui *t)
{
	size_t n;
	contact_id c = model_opened(t->model);
	const struct message *const *line = model_lines(t->model, c, &n);

	if (t->over == OVER_OUTBOX) {
		line = model_outbox(t->model, &n);
		return t->view.over_at < n ? line[t->view.over_at] : NULL;
	}
	for (size_t i = 0; i < n && t->view.selected; i++)
		if (line[i]->n == t->view.selected)
			return line[i];
	return NULL;
}

static void details(struct tui *t)
{
	const struct message *m = selected(t);
	contact_id c = t->view.focus == FOCUS_PEERS && t->view.pointed
			   ? t->view.pointed
			   : model_opened(t->model);
	struct buf *b = &t->over_text;
	char when[64], id[37];

	if (!m && !c)
		return;
	if (!m) {
		tui_send(t, &(struct command){.kind = CMD_VERIFY, .contact = c},
			 WHY_INFO, NULL);
		return;
	}
	b->n = 0;
	uuid_text(id, &m->id);
	buf_printf(b, "Message   %s\nState     %s\n", id, delivery_word(m));
	if (m->error)
		buf_printf(b, "Because   %s\n", m->error);
	clock_local(when, m->sent_ms, CLOCK_FULL);
	buf_printf(b, "Sent      %s\n", when);
	clock_local(when, m->stored_ms, CLOCK_FULL);
	buf_printf(b, "Stored    %s\n", when);
	if (m->acked_ms) {
		clock_local(when, m->acked_ms, CLOCK_FULL);
		buf_printf(b, "Receipt   %s\n", when);
	}
	if (m->rtt_us)
		buf_printf(b, "Took      %.1f ms\n", (double)m->rtt_us / 1000);
	buf_printf(b, "Tries     %u\n", m->tries);
	tui_over(t, OVER_TEXT, "Details");
}

/* Of one message: the selected one; of a conversation: all it fits. */
static void again_or_back(struct tui *t, enum command_kind kind, bool all)
{
	const struct message *one = selected(t);
	size_t n, done = 0;
	const struct message *const *line =
	    model_lines(t->model, model_opened(t->model), &n);

	for (size_t i = 0; i < n; i++) {
		const struct message *m = line[i];
		bool fits = !m->incoming && m->n < MODEL_PENDING &&
			    (kind == CMD_RETRY ? m->delivery == D_FAILED
					       : m->delivery == D_QUEUED ||
						     m->delivery == D_SENT);
		if (!all || !fits || done >= 64)
			continue;
		done++;
		tui_send(t, &(struct command){.kind = kind, .id = m->id},
			 WHY_SAY, "");
	}
	if (!all && one)
		tui_send(t, &(struct command){.kind = kind, .id = one->id},
			 WHY_SAY, "");
	if (all ? !done : !one)
		tui_say(t, LEVEL_INFO, "there is nothing to %s here",
			kind == CMD_RETRY ? "send again" : "take back");
	if (t->over == OVER_OUTBOX)
		model_ask_outbox(t->model);
}

/* ---- slash commands ---- */

static void say_near(struct tui *t, const struct parsed *p, struct bytes s)
{
	char near[128] = "", typed[40];
	const char *what =
	    p->line == LINE_UNCLEAR ? "not clear" : "no such command";

	for (size_t i = 0; i < NEAR_MAX && p->near[i]; i++) {
		size_t n = strlen(near);
		snprintf(near + n, sizeof(near) - n, " /%s", p->near[i]->name);
	}
	text_line(typed, sizeof(typed), s, 20);
	tui_say(t, LEVEL_WARN, "%s: %s   near:%s   // sends a slash", what,
		typed, near);
}

static bool slash_msg(struct tui *t, const struct parsed *p)
{
	bool several;
	contact_id c = who(t, p->peer, &several);

	if (several) {
		tui_say(t, LEVEL_WARN, "more than one has this name");
		return false;
	}
	if (c && p->text.n)
		return send_text(t, c, (struct uuid){0}, p->text);
	if (p->text.n) {
		tui_send(t,
			 &(struct command){.kind = CMD_SEND,
					   .to = xstrndup(p->peer),
					   .text = xstrndup(p->text)},
			 WHY_SAY, "queued");
		return true;
	}
	if (!c)
		tui_send(t,
			 &(struct command){.kind = CMD_CONNECT,
					   .to = xstrndup(p->peer)},
			 WHY_OPEN, NULL);
	return true;
}

static bool slash_all(struct tui *t, const struct parsed *p)
{
	struct command cmd;

	if (p->text.n > TEXT_MAX) {
		tui_say(t, LEVEL_ERROR, "too long; nothing sent");
		return false;
	}
	if (command_build(p, 0, &cmd))
		tui_send(t, &cmd, WHY_ALL, NULL);
	return true;
}

static bool slash_reply(struct tui *t, const struct parsed *p)
{
	if (!p->text.n)
		return true;
	if (!t->latch) {
		tui_say(t, LEVEL_WARN, "nobody waits for an answer");
		return false;
	}
	return send_text(t, t->latch, t->latch_id, p->text);
}

static bool slash_me(struct tui *t, struct bytes text)
{
	struct buf b = {0};
	bool sent;

	if (!model_opened(t->model)) {
		tui_say(t, LEVEL_WARN, "to whom? /msg PEER");
		return false;
	}
	buf_printf(&b, "/me ");
	buf_put(&b, text);
	sent = send_text(t, model_opened(t->model), t->view.answers,
			 (struct bytes){b.p, b.n});
	buf_free(&b);
	return sent;
}

static enum why why_of(enum slash kind)
{
	if (kind == SL_CONNECT || kind == SL_CHAT)
		return WHY_OPEN;
	return kind == SL_INFO ? WHY_INFO : WHY_SAY;
}

/* Names the screen knows go as who they are: the engine's own search may find
 * somebody else. */
static void known(struct tui *t, const struct parsed *p, struct command *cmd)
{
	bool several;
	contact_id c = p->peer.n ? who(t, p->peer, &several) : 0;

	if (!c || !cmd->to || cmd->kind == CMD_CONNECT)
		return;
	free(cmd->to);
	cmd->to = NULL;
	cmd->contact = c;
}

/* false: the line stays as it is. */
static bool slash(struct tui *t, const struct parsed *p)
{
	struct command cmd;

	switch (p->row->kind) {
	case SL_HELP:
		help(t);
		return true;
	case SL_MSG:
		return slash_msg(t, p);
	case SL_REPLY:
		return slash_reply(t, p);
	case SL_ALL:
		return slash_all(t, p);
	case SL_ME:
		return slash_me(t, p->text);
	case SL_PEERS:
	case SL_WHO:
		peers(t, p->row->kind == SL_WHO);
		return true;
	case SL_OUTBOX:
		t->over = OVER_OUTBOX;
		model_ask_outbox(t->model);
		return true;
	case SL_RETRY:
		again_or_back(t, CMD_RETRY, true);
		return true;
	case SL_CANCEL:
		again_or_back(t, CMD_CANCEL, true);
		return true;
	case SL_QUIT:
		return true; /* when the line is over */
	case SL_CONNECT:
	case SL_CHAT:
	case SL_NICK:
	case SL_VERIFY:
	case SL_TRUST:
	case SL_BLOCK:
	case SL_UNBLOCK:
	case SL_FORGET:
	case SL_RENAME:
	case SL_INFO:
	case SL_SET:
		break;
	}
	if (!command_build(p, model_opened(t->model), &cmd))
		return false;
	known(t, p, &cmd);
	if (why_of(p->row->kind) == WHY_OPEN)
		tui_say(t, LEVEL_INFO, "dialling");
	tui_send(t, &cmd, why_of(p->row->kind), p->row->name);
	return true;
}

/* What follows when the line is empty again: another conversation, the end. */
static void slash_after(struct tui *t, enum slash kind, contact_id c)
{
	if (kind == SL_QUIT)
		tui_quit(t);
	else if (kind == SL_MSG && c)
		tui_open(t, c);
}

static void run(struct tui *t, const struct parsed *p)
{
	enum slash kind = p->row->kind;
	bool several, open = kind == SL_MSG && !p->text.n;
	contact_id c = open ? who(t, p->peer, &several) : 0;
	bool bare = kind == SL_REPLY && !p->text.n;
	struct uuid answers = t->view.answers;

	if (!slash(t, p))
		return;
	line_over(t);
	if (kind != SL_ME && kind != SL_REPLY)
		answering(t, answers);
	tui_whom(t);
	t->replied = false;
	if (bare)
		reply(t);
	else
		slash_after(t, kind, c);
}

static void enter(struct tui *t)
{
	struct bytes s = edit_text(t->edit);
	contact_id c = model_opened(t->model);
	struct parsed p;

	command_parse(s, &p);
	switch (p.line) {
	case LINE_EMPTY:
		return;
	case LINE_TEXT:
		if (!c)
			tui_say(t, LEVEL_WARN,
				"to whom? /msg PEER or /connect HOST:PORT");
		else if (send_text(t, c, t->view.answers, p.text))
			line_over(t);
		return;
	case LINE_SLASH:
		run(t, &p);
		return;
	case LINE_UNKNOWN:
	case LINE_UNCLEAR:
		say_near(t, &p, s);
		return;
	case LINE_USAGE:
		tui_say(t, LEVEL_WARN, "/%s %s: %s", p.row->name, p.row->args,
			p.row->help);
		return;
	}
}

/* ---- completion ---- */

static size_t word_from(struct bytes s, size_t at)
{
	while (at && s.p[at - 1] != ' ' && s.p[at - 1] != '\n')
		at--;
	return at;
}

/* The i-th that fits, round and round; false: none does. */
static bool candidate(struct tui *t, size_t i, char *out, size_t size)
{
	const char *what = t->complete_what;
	const struct contact *c;
	size_t n = 0, k;

	if (t->complete_from == 0 && what[0] == '/') {
		struct bytes prefix = text_of(what + 1);
		while (command_match(prefix, n))
			n++;
		if (!n)
			return false;
		snprintf(out, size, "/%s ", command_match(prefix, i % n)->name);
		return true;
	}
	for (k = 0; (c = model_contact(t->model, k)); k++)
		n += strncmp(model_name(c), what, strlen(what)) == 0;
	if (!n || !what[0])
		return false;
	i %= n;
	for (k = 0; (c = model_contact(t->model, k)); k++) {
		if (strncmp(model_name(c), what, strlen(what)) != 0 || i--)
			continue;
		snprintf(out, size, "%s ", model_name(c));
		return true;
	}
	return false;
}

static void complete(struct tui *t, bool back)
{
	struct bytes s = edit_text(t->edit);
	size_t at = edit_cursor(t->edit), n;
	char out[COMPLETE_MAX];
	struct uuid id;

	if (!s.n) {
		contact_id c = model_last_sender(t->model, 0, &id);
		if (!c)
			return;
		snprintf(out, sizeof(out), "/msg %s ",
			 model_name(model_find(t->model, c)));
		edit_insert(t->edit, text_of(out));
		return;
	}
	if (!t->completing) {
		t->complete_from = word_from(s, at);
		n = at - t->complete_from;
		if (n >= sizeof(t->complete_what))
			return;
		memcpy(t->complete_what, s.p + t->complete_from, n);
		t->complete_what[n] = '\0';
		t->complete_i = 0;
	} else if (back) {
		t->complete_i += 4095; /* one back in any round */
	} else {
		t->complete_i++;
	}
	if (!candidate(t, t->complete_i, out, sizeof(out)))
		return;
	edit_replace(t->edit, t->complete_from, text_of(out));
	t->completing = true;
}

/* ---- keys of lists ---- */

static void over_move(struct tui *t, int by)
{
	size_t n = t->over_rows.n;
	size_t *at = t->view.over_select ? &t->view.over_at : &t->view.over_top;

	if (by < 0)
		*at = *at > (size_t)-by ? *at + (size_t)by : 0;
	else
		*at = *at + (size_t)by < n ? *at + (size_t)by : n ? n - 1 : 0;
	t->dirty = true;
}

static void pointed_move(struct tui *t, int by)
{
	size_t n = model_count(t->model);
	size_t at = model_index(t->model, t->view.pointed);

	if (!n)
		return;
	if (at == SIZE_MAX)
		at = 0;
	else if (by < 0 ? at > 0 : at + 1 < n)
		at = at + (size_t)by;
	t->view.pointed = model_contact(t->model, at)->id;
}

static void selected_move(struct tui *t, int by)
{
	size_t n, i;
	const struct message *const *line =
	    model_lines(t->model, model_opened(t->model), &n);
	message_n from = t->view.selected;

	if (!n)
		return;
	if (!from) {
		from = draw_newest(t->draw);
		t->view.selected = from ? from : line[n - 1]->n;
		draw_reveal(t->draw, &t->view, t->model);
		return;
	}
	for (i = 0; i + 1 < n && line[i]->n < from;)
		i++;
	if (by < 0 && !i)
		model_older(t->model);
	else if (by < 0)
		i--;
	else if (i + 1 < n)
		i++;
	t->view.selected = line[i]->n;
	draw_reveal(t->draw, &t->view, t->model);
}

static void list_move(struct tui *t, int by)
{
	if (t->over != OVER_NONE)
		over_move(t, by);
	else if (t->view.focus == FOCUS_PEERS)
		pointed_move(t, by);
	else
		selected_move(t, by);
	t->dirty = true;
}

static void scroll(struct tui *t, int rows)
{
	if (t->over != OVER_NONE)
		over_move(t, rows);
	else
		draw_scroll(t->draw, &t->view, t->model, rows);
	if (draw_at_top(t->draw))
		model_older(t->model);
	t->dirty = true;
}

static void first_new(struct tui *t)
{
	message_n marker = model_marker(t->model, model_opened(t->model));

	if (!marker) {
		tui_say(t, LEVEL_INFO, "nothing new here");
		return;
	}
	t->view.selected = marker;
	draw_reveal(t->draw, &t->view, t->model);
	t->view.selected = 0;
	t->dirty = true;
}

static void open_url(struct tui *t)
{
	const struct message *m = selected(t);
	size_t at = 0, n = 0;
	char *url;

	for (size_t i = 0; !m; i++) {
		const struct message *k =
		    model_message(t->model, model_opened(t->model), i);
		if (!k)
			break;
		at = 0;
		if (text_url(text_of(k->text), &at, &n))
			m = k;
	}
	at = 0;
	if (!m || !text_url(text_of(m->text), &at, &n)) {
		tui_say(t, LEVEL_INFO, "there is no link");
		return;
	}
	url = xstrndup((struct bytes){(const uint8_t *)m->text + at, n});
	if (term_browse(url))
		tui_say(t, LEVEL_INFO, "opened %.200s", url);
	else
		tui_say(t, LEVEL_WARN, "no browser: set $BROWSER. %.200s", url);
	free(url);
}

/* a and b: of who asks, and of a changed key, only. */
static void consent(struct tui *t, bool accept)
{
	contact_id at = t->view.focus == FOCUS_PEERS && t->view.pointed
			    ? t->view.pointed
			    : model_opened(t->model);
	const struct contact *c = model_find(t->model, at);

	if (!c || !(c->requests || c->changed)) {
		tui_say(t, LEVEL_INFO, "nobody asks here: /trust, /block");
		return;
	}
	tui_send(t,
		 &(struct command){.kind = accept ? CMD_TRUST : CMD_BLOCK,
				   .contact = at},
		 WHY_SAY, accept ? "accepted" : "blocked");
}

static void leave(struct tui *t)
{
	if (t->over != OVER_NONE) {
		tui_over_close(t);
		return;
	}
	if (t->view.focus == FOCUS_MESSAGES)
		t->view.selected = 0;
	focus(t, FOCUS_MESSAGES);
}

static void cut_line(struct tui *t)
{
	if (edit_text(t->edit).n)
		edit_do(t->edit, ED_CLEAR);
	else
		tui_say(t, LEVEL_INFO, "Ctrl-Q quits");
	answering(t, (struct uuid){0});
}

static void backspace(struct tui *t)
{
	if (edit_text(t->edit).n || none(t->view.answers)) {
		edit_do(t->edit, ED_BACKSPACE);
		return;
	}
	answering(t, (struct uuid){0});
	t->dirty = true;
}

static void open_pointed(struct tui *t)
{
	if (t->view.focus == FOCUS_PEERS && t->view.pointed)
		tui_open(t, t->view.pointed);
	tui_over_close(t);
	focus(t, FOCUS_INPUT);
}

static void copy(struct tui *t)
{
	const struct message *m = selected(t);

	if (!m)
		m = model_message(t->model, model_opened(t->model), 0);
	if (!m)
		return;
	edit_keep(t->edit, text_of(m->text));
	tui_say(t, LEVEL_INFO, "copied: Ctrl-Y puts it into the line");
}

static void slash_begin(struct tui *t)
{
	tui_over_close(t);
	focus(t, FOCUS_INPUT);
	if (!edit_text(t->edit).n)
		edit_insert(t->edit, text_of("/"));
}

static void act(struct tui *t, enum action a, const struct key *k)
{
	static const enum edit_op op[] = {
	    [ACT_HOME] = ED_HOME,
	    [ACT_END] = ED_END,
	    [ACT_LEFT] = ED_LEFT,
	    [ACT_RIGHT] = ED_RIGHT,
	    [ACT_WORD_LEFT] = ED_WORD_LEFT,
	    [ACT_WORD_RIGHT] = ED_WORD_RIGHT,
	    [ACT_DELETE] = ED_DELETE,
	    [ACT_KILL_BLANK] = ED_KILL_BLANK,
	    [ACT_KILL_BACK] = ED_KILL_BACK,
	    [ACT_KILL_WORD] = ED_KILL_WORD,
	    [ACT_KILL_END] = ED_KILL_END,
	    [ACT_KILL_START] = ED_KILL_START,
	    [ACT_YANK] = ED_YANK,
	    [ACT_YANK_POP] = ED_YANK_POP,
	    [ACT_TRANSPOSE] = ED_TRANSPOSE,
	    [ACT_UNDO] = ED_UNDO,
	    [ACT_OLDER] = ED_UP,
	    [ACT_NEWER] = ED_DOWN,
	    [ACT_FIND] = ED_FIND,
	};

	switch (a) {
	case ACT_NONE:
		return;
	case ACT_REPLY:
		reply(t);
		return;
	case ACT_NEXT:
	case ACT_PREV:
		step(t, a == ACT_NEXT ? 1 : -1);
		return;
	case ACT_NTH: {
		size_t i = (size_t)(k->name[strlen(k->name) - 1] - '1');
		const struct contact *c = model_contact(t->model, i);
		if (c)
			tui_open(t, c->id);
		return;
	}
	case ACT_LAST:
		if (model_find(t->model, t->last_open))
			tui_open(t, t->last_open);
		return;
	case ACT_UNREAD:
		next_unread(t);
		return;
	case ACT_DOWN:
	case ACT_UP:
		list_move(t, a == ACT_DOWN ? 1 : -1);
		return;
	case ACT_OPEN:
		open_pointed(t);
		return;
	case ACT_PAGE_UP:
	case ACT_PAGE_DOWN:
		scroll(t, a == ACT_PAGE_UP ? -draw_page(t->draw)
					   : draw_page(t->draw));
		return;
	case ACT_TOP:
		draw_top(t->draw, &t->view, t->model);
		t->view.over_top = t->view.over_at = 0;
		model_older(t->model);
		t->dirty = true;
		return;
	case ACT_BOTTOM:
		t->view.at = t->view.selected = 0;
		if (t->over != OVER_NONE)
			over_move(t, 1 << 20);
		t->dirty = true;
		return;
	case ACT_FIRST_NEW:
		first_new(t);
		return;
	case ACT_SLASH:
		slash_begin(t);
		return;
	case ACT_NEWLINE:
		edit_insert(t->edit, text_of("\n"));
		return;
	case ACT_COMPLETE:
	case ACT_COMPLETE_BACK:
		complete(t, a == ACT_COMPLETE_BACK);
		return;
	case ACT_FOCUS:
		focus(t, t->view.focus == FOCUS_PEERS ? FOCUS_MESSAGES
						      : FOCUS_PEERS);
		return;
	case ACT_INPUT:
		tui_over_close(t);
		focus(t, FOCUS_INPUT);
		return;
	case ACT_LEAVE:
		leave(t);
		return;
	case ACT_CLEAR:
		cut_line(t);
		return;
	case ACT_DETAILS:
		details(t);
		return;
	case ACT_COPY:
		copy(t);
		return;
	case ACT_URL:
		open_url(t);
		return;
	case ACT_OUTBOX:
		t->over = OVER_OUTBOX;
		model_ask_outbox(t->model);
		return;
	case ACT_ZOOM:
		t->view.zoom = !t->view.zoom;
		draw_forget(t->draw);
		t->dirty = true;
		return;
	case ACT_HELP:
		help(t);
		return;
	case ACT_ACCEPT:
	case ACT_BLOCK:
		consent(t, a == ACT_ACCEPT);
		return;
	case ACT_RETRY:
	case ACT_CANCEL:
		again_or_back(t, a == ACT_RETRY ? CMD_RETRY : CMD_CANCEL,
			      false);
		return;
	case ACT_REDRAW:
		draw_forget(t->draw);
		t->dirty = true;
		return;
	case ACT_SUSPEND:
		tui_draft_save(t);
		term_suspend();
		t->dirty = true;
		return;
	case ACT_QUIT:
		tui_quit(t);
		return;
	case ACT_SEND:
		enter(t);
		return;
	case ACT_LITERAL:
		t->literal = true;
		return;
	case ACT_BACKSPACE:
		backspace(t);
		return;
	case ACT_HOME:
	case ACT_END:
	case ACT_LEFT:
	case ACT_RIGHT:
	case ACT_WORD_LEFT:
	case ACT_WORD_RIGHT:
	case ACT_DELETE:
	case ACT_KILL_BLANK:
	case ACT_KILL_BACK:
	case ACT_KILL_WORD:
	case ACT_KILL_END:
	case ACT_KILL_START:
	case ACT_YANK:
	case ACT_YANK_POP:
	case ACT_TRANSPOSE:
	case ACT_UNDO:
	case ACT_OLDER:
	case ACT_NEWER:
	case ACT_FIND:
		edit_do(t->edit, op[a]);
		return;
	}
}

/* A letter that is no command of a list begins to write. */
static void type(struct tui *t, const struct key *k)
{
	if (t->view.focus != FOCUS_INPUT) {
		if (!model_opened(t->model))
			return;
		tui_over_close(t);
		focus(t, FOCUS_INPUT);
	}
	if (!edit_insert(t->edit,
			 (struct bytes){(const uint8_t *)k->text, k->n}))
		tui_say(t, LEVEL_WARN, "the line holds no more");
}

void tui_key(struct tui *t, const struct key *k)
{
	bool input = t->view.focus == FOCUS_INPUT, empty;
	enum action a;

	if (t->view.notice[0]) {
		t->view.notice[0] = '\0';
		t->dirty = true;
	}
	empty = !edit_text(t->edit).n;
	if (t->literal) {
		t->literal = false;
		edit_insert(t->edit,
			    (struct bytes){(const uint8_t *)k->text, k->n});
		t->line_dirty = true;
		return;
	}
	a = key_action(k->name, input);
	if (a != ACT_REPLY)
		t->replied = false;
	if (a != ACT_COMPLETE && a != ACT_COMPLETE_BACK)
		t->completing = false;
	if (a == ACT_NONE && k->kind == KEY_CHAR)
		type(t, k);
	else
		act(t, a, k);
	t->line_dirty = true;
	if (empty != !edit_text(t->edit).n)
		t->dirty = true;
	char whom[sizeof(t->view.whom)];
	memcpy(whom, t->view.whom, sizeof(whom));
	tui_whom(t);
	if (strcmp(whom, t->view.whom) != 0)
		t->dirty = true;
}
