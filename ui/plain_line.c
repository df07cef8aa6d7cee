/* What a typed line does. It goes to whom the prompt named, or nowhere. */
#include "ui/doctor.h"
#include "ui/plain_impl.h"
#include "ui/words.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool none(struct uuid id)
{
	return memcmp(&id, &(struct uuid){0}, sizeof(id)) == 0;
}

static bool is(struct bytes s, const char *word)
{
	return s.n == strlen(word) && memcmp(s.p, word, s.n) == 0;
}

static void send(struct plain *p, const struct command *cmd, const char *said)
{
	plain_send(p, cmd, WHY_SAY, said);
}

/* ---- whom ---- */

void plain_open(struct plain *p, contact_id c, struct uuid id)
{
	bool prompts = pterm_prompts(p->term), other = p->to != c;
	char name[WHOM_MAX];

	p->to = c;
	p->answers = id;
	if (model_opened(p->model) != c)
		model_open(p->model, c);
	if (c && other && !prompts) {
		plain_name(p, name, model_find(p->model, c));
		plain_say(p, _("lines go to %s"), name);
	}
	plain_whom(p);
}

/* Who writes to another does not write to the one before when that fails. */
static void open_nobody(struct plain *p)
{
	p->to = 0;
	p->answers = (struct uuid){0};
	plain_whom(p);
}

/* `bob`, `bob~3f2a`, or the beginning of one; `whole`: not that. */
static bool named(const struct contact *c, struct bytes name, bool *whole)
{
	char tag[6], full[160];
	const char *s = model_name(c);
	size_t n = strlen(s);

	model_tag(tag, c);
	snprintf(full, sizeof(full), "%s%s", s, tag);
	*whole = name.n == n || name.n == strlen(full);
	return strlen(full) >= name.n && memcmp(full, name.p, name.n) == 0;
}

/* A name as somebody types it: whole, else the only one it begins. */
static contact_id who(struct plain *p, struct bytes name, bool *several)
{
	const struct contact *c;
	contact_id found = 0;
	unsigned whole = 0, part = 0;
	bool all;

	for (size_t i = 0; (c = model_contact(p->model, i)); i++) {
		if (!named(c, name, &all) || (whole && !all))
			continue;
		if (all ? !whole : !part)
			found = c->id;
		whole += all;
		part += !all;
	}
	*several = whole ? whole > 1 : part > 1;
	return *several ? 0 : found;
}

static void say_several(struct plain *p, struct bytes name)
{
	const struct contact *c;
	struct buf b = {0};
	char tag[6], one[WHOM_MAX];
	bool all;

	for (size_t i = 0; b.n < 400 && (c = model_contact(p->model, i)); i++) {
		if (!named(c, name, &all))
			continue;
		text_line(one, sizeof(one), text_of(model_name(c)), 32);
		model_tag(tag, c);
		buf_printf(&b, " %s%s", one, tag);
	}
	plain_say(p, _("more than one has this name:%s"),
		  b.n ? (const char *)b.p : "");
	buf_free(&b);
}

/* ---- sending ---- */

/* Somebody who types is asked once a run; a pipe knows what it does. */
static bool meant(struct plain *p)
{
	if (p->plain_meant || !pterm_prompts(p->term))
		return true;
	p->plain_meant = true;
	plain_say(p, "%s",
		  _("PLAIN: anyone on the network can read and forge what goes "
		    "there. Nothing was sent; send it again if you mean it"));
	return false;
}

static void send_text(struct plain *p, contact_id c, struct uuid answers,
		      struct bytes s)
{
	if (s.n > TEXT_MAX) {
		plain_say(p,
			  _("too long: %zu bytes, a message holds %d; nothing "
			    "sent"),
			  s.n, TEXT_MAX);
		return;
	}
	const struct contact *to = model_find(p->model, c);
	if (to && model_plain(to) && !meant(p))
		return;
	plain_send(
	    p,
	    &(struct command){.kind = none(answers) ? CMD_SEND : CMD_REPLY,
			      .contact = c,
			      .id = answers,
			      .text = xstrndup(s)},
	    WHY_SEND, NULL);
}

static void text(struct plain *p, struct bytes s)
{
	struct uuid answers = p->answers;

	if (!model_find(p->model, p->to)) {
		plain_say(p, "%s",
			  _("to whom? /msg PEER or /connect HOST:PORT; nothing "
			    "sent"));
		return;
	}
	p->answers = (struct uuid){0};
	send_text(p, p->to, answers, s);
}

/* ---- slash commands ---- */

/* "json://...", but not our own. */
static bool plain_typed(struct bytes peer)
{
	static const char own[] = "sotto://";
	bool scheme = memmem(peer.p, peer.n, "://", 3) != NULL;

	return scheme && (peer.n < 8 || memcmp(peer.p, own, 8) != 0);
}

static void msg(struct plain *p, const struct parsed *l)
{
	bool several;
	contact_id c = who(p, l->peer, &several);

	if (several)
		say_several(p, l->peer);
	if (l->text.n) {
		if (c)
			send_text(p, c, (struct uuid){0}, l->text);
		else if (!several && (!plain_typed(l->peer) || meant(p)))
			plain_send(p,
				   &(struct command){.kind = CMD_SEND,
						     .to = xstrndup(l->peer),
						     .text = xstrndup(l->text)},
				   WHY_SEND, NULL);
		return;
	}
	if (c) {
		plain_open(p, c, (struct uuid){0});
		return;
	}
	open_nobody(p);
	if (several)
		return;
	plain_say(p, "%s", _("dialling"));
	plain_send(
	    p, &(struct command){.kind = CMD_CONNECT, .to = xstrndup(l->peer)},
	    WHY_MSG, NULL);
}

static void latch(struct plain *p)
{
	if (p->latched)
		return;
	p->latch = model_last_sender(p->model, 0, &p->latch_id);
	p->latched = p->latch != 0;
}

/* Who is meant is decided when the command is there, and told. */
void plain_typing(struct plain *p)
{
	struct bytes s = pterm_text(p->term);
	const struct slash_row *row;

	if (s.n > 4 && p->latched)
		return;
	row = s.n && s.p[s.n - 1] == ' ' ? command_begun(s) : NULL;
	if (row && row->kind == SL_REPLY)
		latch(p);
	else if (p->latched &&
		 !memchr(s.p ? s.p : (const uint8_t *)"", ' ', s.n))
		p->latched = false;
	plain_whom(p);
}

static void reply(struct plain *p, struct bytes s)
{
	latch(p);
	if (!p->latched)
		plain_say(p, "%s", _("nobody waits for an answer"));
	else if (s.n)
		send_text(p, p->latch, p->latch_id, s);
	else
		plain_open(p, p->latch, p->latch_id);
	p->latched = false;
}

static void me(struct plain *p, struct bytes s)
{
	struct buf b = {0};

	buf_printf(&b, "/me ");
	buf_put(&b, s);
	text(p, (struct bytes){b.p, b.n});
	buf_free(&b);
}

/* What has no place among lines. */
static bool of_the_screen(enum slash kind)
{
	return kind == SL_PIPE || kind == SL_EXPORT;
}

static void help(struct plain *p)
{
	plain_say(p, "%s",
		  _("a line goes to whom the prompt names; /msg and /r change "
		    "that, nothing else does"));
	for (const struct slash_row *r = command_rows; r->name; r++)
		if (!of_the_screen(r->kind))
			plain_say(p, "/%s%s%s: %s", r->name,
				  *r->args ? " " : "", _(r->args), _(r->help));
	plain_say(p, "%s",
		  _("any clear prefix of a command will do; // sends a slash"));
	plain_say(p, "%s",
		  _("Ctrl-C clears the line, Ctrl-R says it again, Ctrl-D in "
		    "an empty one ends"));
}

static void find(struct plain *p, struct bytes words)
{
	struct command cmd = {.kind = CMD_SEARCH, .limit = PAGE_MAX};

	cmd.text = xstrndup(words);
	p->n_found = 0;
	p->find_ref = p->ref + 1;
	plain_send(p, &cmd, WHY_FIND, NULL);
}

static bool fits(const struct message *m, enum command_kind kind)
{
	if (m->incoming)
		return false;
	return kind == CMD_RETRY
		   ? m->delivery == D_FAILED
		   : m->delivery == D_QUEUED || m->delivery == D_SENT;
}

static void again_or_back(struct plain *p, enum command_kind kind)
{
	enum { MOST = 64 };
	size_t n, done = 0;
	struct uuid id[MOST];
	const struct message *const *line = model_lines(p->model, p->to, &n);

	for (size_t i = 0; i < n && done < MOST; i++)
		if (fits(line[i], kind))
			id[done++] = line[i]->id;
	for (size_t i = 0; i < done; i++)
		send(p, &(struct command){.kind = kind, .id = id[i]}, NULL);
	if (!done)
		plain_say(p, "%s",
			  kind == CMD_RETRY
			      ? _("there is nothing to send again here")
			      : _("there is nothing to take back here"));
}

/* What cannot be had back is asked for twice, in the same words. */
static bool sure(struct plain *p, struct bytes line, struct bytes peer)
{
	char name[WHOM_MAX];

	if (p->sure.n == line.n && line.n &&
	    memcmp(p->sure.p, line.p, line.n) == 0)
		return true;
	buf_put(&p->sure, line);
	text_line(name, sizeof(name), peer, 32);
	plain_say(p,
		  _("the same line again forgets %s and all that was said "
		    "there"),
		  name);
	return false;
}

static bool set_here(struct plain *p, const struct parsed *l)
{
	bool twelve = is(l->text, "12");

	if (!is(l->peer, "clock") || !(twelve || is(l->text, "24")))
		return false;
	p->clock12 = twelve;
	if (!l->save)
		plain_say(p, "%s", _("set until the end; -s: for good"));
	return !l->save;
}

static enum why why_of(const struct parsed *l)
{
	enum slash kind = l->row->kind;

	if (kind == SL_CONNECT || kind == SL_CHAT)
		return WHY_OPEN;
	if (kind == SL_NICK)
		return WHY_NICK;
	if (kind == SL_SET && (is(l->peer, "nickname") || is(l->peer, "nick")))
		return WHY_NICK;
	if (kind == SL_ALL)
		return WHY_SEND;
	return kind == SL_INFO ? WHY_INFO : WHY_SAY;
}

/* What is true when it worked. */
static const char *done_word(enum slash kind)
{
	static const char *const word[] = {
	    [SL_VERIFY] = N_("verified"),  [SL_TRUST] = N_("trusted"),
	    [SL_BLOCK] = N_("blocked"),    [SL_UNBLOCK] = N_("not blocked"),
	    [SL_FORGET] = N_("forgotten"), [SL_RENAME] = N_("renamed"),
	    [SL_SET] = N_("set"),
	};

	return kind < sizeof(word) / sizeof(word[0]) ? word[kind] : NULL;
}

/* Of somebody whose key was never seen the engine has nothing to compare. */
static bool info_known(struct plain *p, contact_id c)
{
	const struct contact *known = model_find(p->model, c);

	if (!known || !pubkey_none(&known->key))
		return false;
	plain_info(p, known, NULL);
	return true;
}

/* What the engine does. Names that are known here go as who they are: its own
 * search may find somebody else. */
static void engine(struct plain *p, const struct parsed *l)
{
	bool several = false, dial = why_of(l) == WHY_OPEN;
	bool names =
	    l->row->takes == ARGS_PEER || l->row->takes == ARGS_PEER_MUST;
	contact_id c = names && l->peer.n ? who(p, l->peer, &several) : 0;
	struct command cmd;

	if (several && !dial) {
		say_several(p, l->peer);
		return;
	}
	if (l->row->kind == SL_INFO && info_known(p, l->peer.n ? c : p->to))
		return;
	if (!command_build(l, p->to, &cmd))
		return;
	if (c && cmd.to && !dial) {
		free(cmd.to);
		cmd.to = NULL;
		cmd.contact = c;
	}
	if (dial)
		plain_say(p, "%s", _("dialling"));
	plain_send(p, &cmd, why_of(l), done_word(l->row->kind));
}

void plain_web(struct plain *p)
{
	char link[PAGE_LINK], why[256];

	if (page_open(&p->page, p->cfg, link, why))
		plain_say(p, "%s", why);
	else
		plain_say(p,
			  _("the page in the browser; good once, within ten "
			    "minutes: %s"),
			  link);
}

/* PROBLEM store: ...; what to do about it */
static void doctor(struct plain *p)
{
	struct doctor *d = doctor_open(p->cfg, DOCTOR_LINES);
	const struct finding *f;

	while ((f = doctor_next(d)))
		plain_say(p, "%s %s: %s%s%s", doctor_word(f->level), f->what,
			  f->text, f->todo ? "; " : "", f->todo ? f->todo : "");
	doctor_close(d);
}

static void slash(struct plain *p, const struct parsed *l, struct bytes line)
{
	switch (l->row->kind) {
	case SL_HELP:
		help(p);
		return;
	case SL_MSG:
		msg(p, l);
		return;
	case SL_REPLY:
		reply(p, l->text);
		return;
	case SL_ME:
		me(p, l->text);
		return;
	case SL_SEND:
		text(p, l->text);
		return;
	case SL_PIPE:
	case SL_EXPORT:
		plain_say(p, "%s",
			  _("only on the screen; `sotto tail PEER` prints a "
			    "conversation"));
		return;
	case SL_WEB:
		plain_web(p);
		return;
	case SL_DOCTOR:
		doctor(p);
		return;
	case SL_PEERS:
	case SL_WHO:
		plain_peers(p, l->row->kind == SL_WHO);
		return;
	case SL_OUTBOX:
		model_ask_outbox(p->model);
		return;
	case SL_FIND:
		find(p, l->text);
		return;
	case SL_RETRY:
		again_or_back(p, CMD_RETRY);
		return;
	case SL_CANCEL:
		again_or_back(p, CMD_CANCEL);
		return;
	case SL_QUIT:
		plain_quit(p);
		return;
	case SL_FORGET:
		if (sure(p, line, l->peer))
			engine(p, l);
		return;
	case SL_SET:
		if (!set_here(p, l))
			engine(p, l);
		return;
	case SL_LOGIN:
		plain_login(p, l);
		return;
	case SL_LOGOUT:
	case SL_ONLINE:
	case SL_BROADCAST:
	case SL_GETADDRESS:
	case SL_ALLOW:
	case SL_ALL:
	case SL_CONNECT:
	case SL_CHAT:
	case SL_NICK:
	case SL_VERIFY:
	case SL_TRUST:
	case SL_BLOCK:
	case SL_UNBLOCK:
	case SL_RENAME:
	case SL_INFO:
		engine(p, l);
		return;
	}
}

static void say_near(struct plain *p, const struct parsed *l, struct bytes s)
{
	char near[128] = "", typed[80];

	for (size_t i = 0; i < NEAR_MAX && l->near[i]; i++) {
		size_t n = strlen(near);
		snprintf(near + n, sizeof(near) - n, " /%s", l->near[i]->name);
	}
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == ' ')
			s.n = i;
	text_line(typed, sizeof(typed), s, 20);
	plain_say(p,
		  l->line == LINE_UNCLEAR
		      ? _("not clear: %s; near:%s; // sends a slash")
		      : _("unknown: %s; near:%s; // sends a slash"),
		  typed, near);
}

static void parsed(struct plain *p, const struct parsed *l, struct bytes s)
{
	switch (l->line) {
	case LINE_EMPTY:
		return;
	case LINE_TEXT:
		text(p, l->text);
		return;
	case LINE_SLASH:
		slash(p, l, s);
		return;
	case LINE_UNKNOWN:
	case LINE_UNCLEAR:
		say_near(p, l, s);
		return;
	case LINE_USAGE:
		plain_say(p, "/%s %s: %s", l->row->name, _(l->row->args),
			  _(l->row->help));
		return;
	}
}

void plain_line(struct plain *p, struct bytes s)
{
	struct parsed l;
	bool asked;

	if (!utf8_ok(s)) {
		plain_say(p, "%s", _("that is not UTF-8; nothing sent"));
		return;
	}
	command_parse(s, &l);
	asked = p->sure.n > 0;
	parsed(p, &l, s);
	if (asked)
		p->sure.n = 0;
}
