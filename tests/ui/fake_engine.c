#include "tests/ui/fake_engine.h"
#include "src/clock.h"
#include "ui/text.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PEOPLE = 16, AT_FIRST = 6, OPEN_MOST = 256, MESSAGES_MOST = 4096 };

struct one {
	struct contact c;
	char *draft;
	char *forgot; /* what was one until something was sent there */
	size_t cursor;
	struct uuid answers;
};

struct pending {
	int64_t due;
	struct command *cmd;
};

struct client {
	struct dice dice;
	struct fake_ears ears;
	bool beside, bye;
	struct one who[PEOPLE];
	size_t n_who;
	struct message **msg; /* by n, from 1 on */
	size_t n_msg, cap_msg;
	struct pending todo[2 * OPEN_MOST];
	size_t n_todo;
	int64_t last_due;
	struct event **news;
	size_t n_news, cap_news, at_news;
	struct event *given;
};

/* ---- people and what they say ---- */

static const char *const names[PEOPLE] = {
    "alice",
    "bob",
    "al",
    "carol the long-named one of them",
    "D\xc3\xb6rte",
    "ev\033[31mil\nname",
    "\xd0\x96\xd1\x83",
    "two words",
    "bobby",
    "x",
    "~tilde",
    "grace",
    "heidi",
    "\xe2\x80\xaetrebor",
    "ivan",
    "judy",
};

static void tell(struct client *c, const struct event *ev)
{
	if (c->n_news == c->cap_news) {
		c->cap_news = c->cap_news ? 2 * c->cap_news : 64;
		c->news =
		    xrealloc(c->news, c->cap_news * sizeof(struct event *));
	}
	c->news[c->n_news++] = event_copy(ev);
}

static struct one *find(struct client *c, contact_id id)
{
	for (size_t i = 0; i < c->n_who; i++)
		if (c->who[i].c.id == id && !c->who[i].c.gone)
			return &c->who[i];
	return NULL;
}

static struct one *anybody(struct client *c)
{
	size_t n = 0;

	for (size_t i = 0; i < c->n_who; i++)
		n += !c->who[i].c.gone;
	if (!n)
		return NULL;
	n = dice_of(&c->dice, (unsigned)n);
	for (size_t i = 0;; i++)
		if (!c->who[i].c.gone && n-- == 0)
			return &c->who[i];
}

static struct one *add(struct client *c)
{
	if (c->n_who == PEOPLE)
		return NULL;
	struct one *w = &c->who[c->n_who];
	*w = (struct one){.c.id = (contact_id)++c->n_who, .c.dialect = "sotto"};
	w->c.trust = TRUST_PINNED;
	w->c.presence = (enum presence)dice_of(&c->dice, 4);
	w->c.at.port = 6327;
	snprintf(w->c.nick, sizeof(w->c.nick), "%s", names[c->n_who - 1]);
	if (dice_one_in(&c->dice, 4))
		snprintf(w->c.ident, sizeof(w->c.ident), "?10.0.0.%zu:6327",
			 c->n_who);
	else
		w->c.key.b[0] = (uint8_t)c->n_who;
	return w;
}

const char *fake_some_name(struct client *c)
{
	struct one *w = anybody(c);

	return w && !dice_one_in(&c->dice, 6) ? w->c.nick : "nobody";
}

static void tell_who(struct client *c, const struct one *w)
{
	struct contact shown = w->c;

	tell(c, &(struct event){.kind = EV_PEER, .contact = &shown});
}

static void tell_draft(struct client *c, struct one *w)
{
	char nothing[] = "";
	struct contact shown = w->c;

	shown.draft = w->draft ? w->draft : nothing;
	shown.cursor = w->cursor;
	shown.draft_answers = w->answers;
	tell(c, &(struct event){.kind = EV_PEER, .contact = &shown});
}

static int64_t wall_ms(void)
{
	return clock_now(NULL, NULL).wall_us / 1000;
}

static struct message *message_new(struct client *c, struct one *w,
				   const char *text, bool incoming)
{
	struct message *m = xzalloc(sizeof(*m));

	m->n = (message_n)++c->n_msg;
	m->with = w->c.id;
	m->incoming = incoming;
	m->secure = true;
	m->id.b[0] = 1;
	m->id.b[1] = (uint8_t)m->n;
	m->id.b[2] = (uint8_t)(m->n >> 8);
	m->sent_ms = m->stored_ms = wall_ms();
	m->text = xstrndup(text_of(text));
	m->delivery = incoming ? D_RECEIVED : D_QUEUED;
	if (c->n_msg > c->cap_msg) {
		c->cap_msg = c->cap_msg ? 2 * c->cap_msg : 64;
		c->msg =
		    xrealloc(c->msg, c->cap_msg * sizeof(struct message *));
	}
	c->msg[c->n_msg - 1] = m;
	w->c.last = m->n;
	if (incoming)
		w->c.unread++;
	return m;
}

static void tell_message(struct client *c, const struct one *w,
			 struct message *m)
{
	struct contact shown = w->c;

	tell(c, &(struct event){
		    .kind = EV_MESSAGE, .message = m, .contact = &shown});
}

static struct message *by_id(struct client *c, const struct uuid *id)
{
	for (size_t i = c->n_msg; i-- > 0;)
		if (memcmp(&c->msg[i]->id, id, sizeof(*id)) == 0)
			return c->msg[i];
	return NULL;
}

/* ---- what is asked of it ---- */

static void result(struct client *c, const struct command *cmd, enum code code,
		   const char *text)
{
	char said[128];
	struct event ev = {.kind = EV_RESULT, .ref = cmd->ref, .code = code};

	snprintf(said, sizeof(said), "%s", text ? text : "");
	ev.text = text ? said : NULL;
	tell(c, &ev);
}

static void result_who(struct client *c, const struct command *cmd,
		       const struct one *w)
{
	struct contact shown = w->c;

	tell(c, &(struct event){
		    .kind = EV_RESULT, .ref = cmd->ref, .contact = &shown});
}

static struct one *target(struct client *c, const struct command *cmd)
{
	struct one *w = NULL;

	if (cmd->contact)
		w = find(c, cmd->contact);
	for (size_t i = 0; cmd->to && !w && i < c->n_who; i++)
		if (!c->who[i].c.gone && strcmp(c->who[i].c.nick, cmd->to) == 0)
			w = &c->who[i];
	if (!w)
		result(c, cmd, CODE_UNKNOWN, "no such contact");
	return w;
}

static void draft_drop(struct one *w)
{
	if (w->draft) {
		free(w->forgot);
		w->forgot = w->draft;
	}
	w->draft = NULL;
	w->cursor = 0;
	w->answers = (struct uuid){0};
}

static void queue(struct client *c, struct one *w, const struct command *cmd)
{
	struct message *m = message_new(c, w, cmd->text, false);
	const struct message *to = by_id(c, &cmd->id);
	struct contact shown;

	m->answers = cmd->id;
	if (to)
		m->quote = xstrndup(text_of(to->text));
	w->c.waiting++;
	draft_drop(w); /* and nobody is told */
	if (c->ears.stored)
		c->ears.stored(w->c.id, cmd->text);
	tell_message(c, w, m);
	if (!cmd->ref)
		return;
	shown = w->c;
	tell(c, &(struct event){.kind = EV_RESULT,
				.ref = cmd->ref,
				.message = m,
				.contact = &shown});
}

static void on_send(struct client *c, const struct command *cmd)
{
	static const enum code no[] = {CODE_DISK_FULL, CODE_TOO_LONG,
				       CODE_QUEUE_FULL};
	struct one *w = target(c, cmd);

	if (!w || dice_one_in(&c->dice, 12) || c->n_msg >= MESSAGES_MOST) {
		if (w)
			result(c, cmd, no[dice_of(&c->dice, 3)], "no");
		return;
	}
	queue(c, w, cmd);
}

static void on_all(struct client *c, const struct command *cmd)
{
	struct command one = {.text = cmd->text};

	for (size_t i = 0; i < c->n_who; i++) {
		struct one *w = &c->who[i];
		if (w->c.gone || w->c.presence != P_ONLINE)
			continue;
		queue(c, w, &one);
	}
	result(c, cmd, CODE_OK, "to some");
}

static void on_draft(struct client *c, const struct command *cmd)
{
	struct one *w = target(c, cmd);

	if (!w)
		return;
	draft_drop(w);
	if (cmd->text && *cmd->text)
		w->draft = xstrndup(text_of(cmd->text));
	w->cursor = cmd->cursor;
	w->answers = cmd->id;
	tell_draft(c, w);
	result(c, cmd, CODE_OK, NULL);
}

static void on_read(struct client *c, const struct command *cmd)
{
	struct one *w = target(c, cmd);

	if (!w)
		return;
	w->c.unread = 0;
	if (cmd->n > w->c.read_upto)
		w->c.read_upto = cmd->n;
	for (size_t i = 0; i < c->n_msg; i++)
		w->c.unread += c->msg[i]->with == w->c.id &&
			       c->msg[i]->incoming &&
			       c->msg[i]->n > w->c.read_upto;
	tell_who(c, w);
	result(c, cmd, CODE_OK, NULL);
}

static void on_who(struct client *c, const struct command *cmd)
{
	struct one *w = target(c, cmd);

	if (!w)
		return;
	if (dice_one_in(&c->dice, 8)) {
		result(c, cmd, CODE_UNREACHABLE, "not now");
		return;
	}
	if (cmd->kind == CMD_BLOCK || cmd->kind == CMD_UNBLOCK)
		w->c.blocked = cmd->kind == CMD_BLOCK;
	if (cmd->kind == CMD_TRUST) {
		w->c.trust = TRUST_PINNED;
		w->c.changed = false;
		w->c.requests = 0;
	}
	if (cmd->kind == CMD_RENAME)
		snprintf(w->c.petname, sizeof(w->c.petname), "%s", cmd->name);
	if (cmd->kind == CMD_FORGET) {
		w->c.gone = true;
		draft_drop(w);
	}
	tell_who(c, w);
	result_who(c, cmd, w);
}

static void item(struct client *c, const struct command *cmd, size_t i)
{
	struct one *w = find(c, c->msg[i]->with);
	struct event ev = {
	    .kind = EV_ITEM, .ref = cmd->ref, .message = c->msg[i]};
	struct contact shown;

	if (w) {
		shown = w->c;
		ev.contact = &shown;
	}
	tell(c, &ev);
}

static void page_end(struct client *c, const struct command *cmd, bool more,
		     message_n next)
{
	tell(c, &(struct event){.kind = EV_RESULT,
				.ref = cmd->ref,
				.more = more,
				.next = next});
}

static bool wanted(const struct command *cmd, const struct message *m)
{
	if (cmd->kind == CMD_SEARCH)
		return strstr(m->text, cmd->text) != NULL;
	if (cmd->kind == CMD_OUTBOX)
		return !m->incoming && m->delivery <= D_SENT;
	return cmd->kind == CMD_SINCE || m->with == cmd->contact;
}

/* The pages before n, newest first, or those after it. */
static void on_page(struct client *c, const struct command *cmd)
{
	bool up = cmd->kind == CMD_SINCE || cmd->kind == CMD_OUTBOX;
	size_t limit = cmd->limit ? cmd->limit : PAGE_USUAL, n = 0;
	size_t i = up || cmd->n ? (size_t)cmd->n : c->n_msg + 1;
	message_n last = cmd->n;

	for (i = up ? i + 1 : i - 1; i >= 1 && i <= c->n_msg;) {
		const struct message *m = c->msg[i - 1];
		if (wanted(cmd, m)) {
			if (n++ == limit) {
				page_end(c, cmd, true, last);
				return;
			}
			item(c, cmd, i - 1);
			last = m->n;
		}
		i = up ? i + 1 : i - 1;
	}
	page_end(c, cmd, false, 0);
}

static void on_snapshot(struct client *c, const struct command *cmd)
{
	enum { PAGE = 3 }; /* so that there are several */
	contact_id last = cmd->n;
	unsigned n = 0;

	for (size_t i = 0; i < c->n_who; i++) {
		struct one *w = &c->who[i];
		if (w->c.gone || w->c.id <= cmd->n)
			continue;
		if (n++ == PAGE) {
			page_end(c, cmd, true, last);
			return;
		}
		struct contact shown = w->c;
		shown.draft = w->draft;
		shown.cursor = w->cursor;
		shown.draft_answers = w->answers;
		last = w->c.id;
		tell(c, &(struct event){.kind = EV_ITEM,
					.ref = cmd->ref,
					.contact = &shown});
	}
	page_end(c, cmd, false, 0);
}

static void on_message(struct client *c, const struct command *cmd)
{
	struct message *m = by_id(c, &cmd->id);

	if (!m || m->incoming) {
		result(c, cmd, CODE_UNKNOWN, "no such message");
		return;
	}
	m->delivery = cmd->kind == CMD_RETRY ? D_QUEUED : D_CANCELLED;
	tell(c, &(struct event){.kind = EV_STATUS, .message = m});
	result(c, cmd, CODE_OK, NULL);
}

static void quit(struct client *c)
{
	char text[] = "quit";

	tell(c, &(struct event){.kind = EV_BYE, .text = text});
	c->bye = true;
}

static void connect_to(struct client *c, const struct command *cmd)
{
	struct one *w = dice_one_in(&c->dice, 3) ? add(c) : target(c, cmd);

	if (!w)
		return;
	w->c.presence = P_ONLINE;
	tell_who(c, w);
	result_who(c, cmd, w);
}

static void obey(struct client *c, const struct command *cmd)
{
	switch (cmd->kind) {
	case CMD_SEND:
	case CMD_REPLY:
		on_send(c, cmd);
		return;
	case CMD_ALL:
		on_all(c, cmd);
		return;
	case CMD_CANCEL:
	case CMD_RETRY:
		on_message(c, cmd);
		return;
	case CMD_DRAFT:
		on_draft(c, cmd);
		return;
	case CMD_READ:
		on_read(c, cmd);
		return;
	case CMD_CONNECT:
		connect_to(c, cmd);
		return;
	case CMD_TRUST:
	case CMD_VERIFY:
	case CMD_BLOCK:
	case CMD_UNBLOCK:
	case CMD_FORGET:
	case CMD_RENAME:
		on_who(c, cmd);
		return;
	case CMD_NICK:
	case CMD_SET:
	case CMD_ID:
	case CMD_PEERS:
		result(c, cmd, CODE_OK, NULL);
		return;
	case CMD_OUTBOX:
	case CMD_HISTORY:
	case CMD_SINCE:
	case CMD_SEARCH:
		on_page(c, cmd);
		return;
	case CMD_SNAPSHOT:
		on_snapshot(c, cmd);
		return;
	case CMD_LOGIN:
	case CMD_LOGOUT:
	case CMD_ONLINE:
	case CMD_BROADCAST:
	case CMD_GETADDRESS:
	case CMD_ALLOW:
		result(c, cmd, CODE_REFUSED, "there is no center here");
		return;
	case CMD_QUIT:
		quit(c);
		return;
	}
}

static void obey_due(struct client *c, int64_t until)
{
	size_t n = 0;

	/* in their order: due times do not go down but for questions */
	for (size_t i = 0; i < c->n_todo; i++) {
		struct pending p = c->todo[i];
		if (p.due > until) {
			c->todo[n++] = p;
			continue;
		}
		obey(c, p.cmd);
		command_free(p.cmd);
	}
	c->n_todo = n;
}

void fake_settle(struct client *c)
{
	obey_due(c, INT64_MAX);
}

/* ---- what others do ---- */

static void says(struct client *c)
{
	static const char *const words[] = {
	    "hello",
	    "see https://example.org/page, please",
	    "a\ttab and\nmore\nlines",
	    "\033[2J\033[31mred \xe2\x80\xae"
	    "eltit",
	    "/me waves",
	    "a longer text that has to be cut into rows where the screen is "
	    "narrow, and then some more of it, and more",
	};
	struct one *w = anybody(c);
	unsigned n = dice_one_in(&c->dice, 10) ? 12 : 1;

	for (unsigned i = 0; w && i < n && c->n_msg < MESSAGES_MOST; i++) {
		struct message *m =
		    message_new(c, w, words[dice_of(&c->dice, 6)], true);
		if (w->c.requests)
			m->delivery = D_REQUEST;
		tell_message(c, w, m);
	}
}

static void delivered(struct client *c)
{
	static const enum delivery next[] = {
	    [D_QUEUED] = D_SENT, [D_SENT] = D_DELIVERED, [D_STORED] = D_FAILED};

	for (size_t i = 0, n = 0; i < c->n_msg && n < 3; i++) {
		struct message *m = c->msg[c->n_msg - 1 - i];
		if (m->incoming || m->delivery > D_STORED)
			continue;
		n++;
		m->delivery =
		    dice_one_in(&c->dice, 8) ? D_FAILED : next[m->delivery];
		struct one *w = find(c, m->with);
		if (w && w->c.waiting && m->delivery == D_DELIVERED)
			w->c.waiting--;
		tell(c, &(struct event){.kind = EV_STATUS, .message = m});
	}
}

static void draft_elsewhere(struct client *c)
{
	static const char *const words[] = {"", "written elsewhere",
					    "and\nmore of it", "/msg x"};
	struct one *w = anybody(c);

	if (!w)
		return;
	const char *was = w->draft ? w->draft : w->forgot;
	if (was && c->ears.overwritten)
		c->ears.overwritten(was);
	draft_drop(w);
	const char *text = words[dice_of(&c->dice, 4)];
	if (*text)
		w->draft = xstrndup(text_of(text));
	w->cursor = dice_of(&c->dice, 20);
	tell_draft(c, w);
}

/* What stands there as a draft is sent from there, or something else is. */
static void sent_elsewhere(struct client *c)
{
	struct one *w = anybody(c);
	struct message *m;

	if (!w || c->n_msg >= MESSAGES_MOST)
		return;
	bool draft = w->draft && dice_one_in(&c->dice, 2);
	m = message_new(c, w, draft ? w->draft : "from elsewhere", false);
	if (c->ears.stored)
		c->ears.stored(w->c.id, m->text);
	draft_drop(w);
	tell_message(c, w, m);
}

static void gone(struct client *c, bool became)
{
	struct one *w = anybody(c), *to = became ? anybody(c) : NULL;

	if (!w || w == to)
		return;
	w->c.gone = true;
	if (to) {
		w->c.became = to->c.id;
		for (size_t i = 0; i < c->n_msg; i++)
			if (c->msg[i]->with == w->c.id)
				c->msg[i]->with = to->c.id;
		if (w->draft && !to->draft) {
			to->draft = w->draft;
			w->draft = NULL;
		}
	}
	if (w->draft && c->ears.overwritten)
		c->ears.overwritten(w->draft);
	draft_drop(w);
	tell_who(c, w);
}

static void changed(struct client *c, struct one *w)
{
	char what[] = "key_changed";
	struct contact shown;

	w->c.changed = true;
	shown = w->c;
	tell(c, &(struct event){
		    .kind = EV_SECURITY, .contact = &shown, .text = what});
	tell_who(c, w);
}

static void request(struct client *c)
{
	struct one *w = add(c);

	if (!w)
		return;
	w->c.trust = TRUST_NEW;
	w->c.requests = 1;
	tell_who(c, w);
	tell_message(c, w, message_new(c, w, "let me in", true));
}

/* Results, rows of questions and the end are kept, as by the engine. */
static void lost(struct client *c)
{
	size_t n = c->at_news;

	for (size_t i = c->at_news; i < c->n_news; i++) {
		struct event *ev = c->news[i];
		if (ev->kind == EV_RESULT || ev->kind == EV_ITEM ||
		    ev->kind == EV_BYE || ev->kind == EV_READY)
			c->news[n++] = ev;
		else
			event_free(ev);
	}
	c->n_news = n;
	tell(c, &(struct event){.kind = EV_LOST});
}

static void somebody_is(struct client *c, unsigned how)
{
	struct one *w = anybody(c);

	if (!w)
		return;
	switch (how) {
	case 0:
		w->c.presence = (enum presence)dice_of(&c->dice, 4);
		break;
	case 1:
		snprintf(w->c.nick, sizeof(w->c.nick), "%s%u",
			 names[w->c.id - 1], dice_of(&c->dice, 100));
		break;
	case 2:
		snprintf(w->c.petname, sizeof(w->c.petname), "pet%u%c",
			 (unsigned)w->c.id, 'a' + (char)dice_of(&c->dice, 26));
		break;
	case 3:
		w->c.blocked = !w->c.blocked;
		break;
	case 4:
		w->c.unread = 0;
		w->c.read_upto = w->c.last;
		break;
	default:
		changed(c, w);
		return;
	}
	tell_who(c, w);
}

void fake_happen(struct client *c)
{
	char words[] = "something is to be said";
	unsigned what = dice_of(&c->dice, 40);

	if (what < 16)
		says(c);
	else if (what < 22)
		delivered(c);
	else if (what < 28)
		somebody_is(c, what < 25 ? 0 : dice_of(&c->dice, 6));
	else if (what < 30)
		draft_elsewhere(c);
	else if (what < 32)
		sent_elsewhere(c);
	else if (what < 34)
		gone(c, what == 32);
	else if (what < 36)
		request(c);
	else if (what < 38)
		tell(c, &(struct event){.kind = EV_NOTICE, .text = words});
	else
		lost(c);
}

/* ---- src/client.h ---- */

struct client *client_open(struct engine *e)
{
	(void)e;
	return NULL;
}

enum err client_connect(const char *socket_path, struct client **out)
{
	(void)socket_path, (void)out;
	return ERR_CLOSED;
}

void client_close(struct client *c)
{
	(void)c; /* the test looks into it yet */
}

bool client_beside(const struct client *c)
{
	return c->beside;
}

int client_fd(const struct client *c)
{
	(void)c;
	return -1;
}

const struct event *client_next(struct client *c)
{
	if (!c->bye)
		obey_due(c, clock_mono_us());
	event_free(c->given);
	c->given = NULL;
	if (c->at_news == c->n_news) {
		c->at_news = c->n_news = 0;
		return NULL;
	}
	c->given = c->news[c->at_news++];
	if (c->ears.news)
		c->ears.news(c->given);
	return c->given;
}

static bool question(enum command_kind kind)
{
	return kind == CMD_HISTORY || kind == CMD_SINCE || kind == CMD_SEARCH;
}

/* What is a question comes back when it will, all else in its order. */
static int64_t when(struct client *c, enum command_kind kind)
{
	static const unsigned most[] = {1, 2000, 100000, 3000000};
	int64_t due =
	    clock_mono_us() + dice_of(&c->dice, most[dice_of(&c->dice, 4)]);

	if (question(kind))
		return due;
	if (due < c->last_due)
		due = c->last_due;
	c->last_due = due;
	return due;
}

enum err client_send(struct client *c, struct command *cmd)
{
	if (c->ears.told)
		c->ears.told(cmd);
	bool soft = cmd->kind <= CMD_DRAFT;
	if (c->n_todo >= OPEN_MOST || (soft && dice_one_in(&c->dice, 400))) {
		if (cmd->text && c->ears.refused)
			c->ears.refused(cmd->text);
		command_free(cmd);
		return ERR_FULL;
	}
	c->todo[c->n_todo++] =
	    (struct pending){.due = when(c, cmd->kind), .cmd = cmd};
	return OK;
}

/* ---- its life ---- */

struct client *fake_new(uint64_t seed, const struct fake_ears *ears)
{
	struct client *c = xzalloc(sizeof(*c));
	struct contact self = {.nick = "me", .dialect = "sotto"};

	c->dice = (struct dice){seed};
	c->ears = *ears;
	c->beside = dice_one_in(&c->dice, 3);
	for (unsigned n = dice_of(&c->dice, AT_FIRST); n; n--)
		add(c);
	for (unsigned n = dice_of(&c->dice, 60); n; n--)
		says(c);
	for (size_t i = 0; i < c->n_news; i++)
		event_free(c->news[i]);
	c->n_news = 0;
	self.at.port = 6327;
	tell(c, &(struct event){.kind = EV_READY, .contact = &self});
	return c;
}

void fake_free(struct client *c)
{
	for (size_t i = c->at_news; i < c->n_news; i++)
		event_free(c->news[i]);
	for (size_t i = 0; i < c->n_msg; i++)
		message_free(c->msg[i]);
	for (size_t i = 0; i < c->n_todo; i++)
		command_free(c->todo[i].cmd);
	for (size_t i = 0; i < c->n_who; i++) {
		free(c->who[i].draft);
		free(c->who[i].forgot);
	}
	event_free(c->given);
	free(c->news);
	free(c->msg);
	free(c);
}

const char *fake_draft(const struct client *c, contact_id with)
{
	for (size_t i = 0; i < c->n_who; i++)
		if (c->who[i].c.id == with && c->who[i].draft)
			return c->who[i].draft;
	return "";
}

bool fake_knows(const struct client *c, contact_id with)
{
	for (size_t i = 0; i < c->n_who; i++)
		if (c->who[i].c.id == with)
			return !c->who[i].c.gone;
	return false;
}
