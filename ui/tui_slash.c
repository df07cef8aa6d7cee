/* Commands among what is written. */
#include "src/clock.h"
#include "src/config.h"
#include "ui/tui_impl.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void say_near(struct tui *t, const struct parsed *p, struct bytes s)
{
	char near[128] = "", typed[40];
	const char *what =
	    p->line == LINE_UNCLEAR ? _("not clear") : _("unknown");

	for (size_t i = 0; i < NEAR_MAX && p->near[i]; i++) {
		size_t n = strlen(near);
		snprintf(near + n, sizeof(near) - n, " /%s", p->near[i]->name);
	}
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == ' ')
			s.n = i;
	text_line(typed, sizeof(typed), s, 12);
	tui_say(t, LEVEL_WARN, _("%s: %s   near:%s   // sends a slash"), what,
		typed, near);
}

/* "json://...", "mesh:ID", but not our own. */
static bool plain_typed(struct bytes peer)
{
	static const char own[] = "sotto://";
	bool scheme = memmem(peer.p, peer.n, "://", 3) != NULL;

	return scheme && (peer.n < 8 || memcmp(peer.p, own, 8) != 0);
}

/* Document 002's /private. */
static bool past_the_center(struct tui *t, contact_id c, struct bytes text)
{
	if (!tui_plain_meant(t))
		return false;
	tui_send(t,
		 &(struct command){.kind = CMD_SEND,
				   .contact = c,
				   .name = xstrndup(text_of("private")),
				   .text = xstrndup(text)},
		 WHY_SAY, _("queued for"));
	return true;
}

static bool slash_msg(struct tui *t, const struct parsed *p)
{
	bool several;
	contact_id c = tui_who(t, p->peer, &several);

	if (several) {
		tui_say(t, LEVEL_WARN, _("more than one has this name"));
		return false;
	}
	if (c && p->text.n && strcmp(p->row->name, "private") == 0 &&
	    strcmp(model_find(t->model, c)->dialect, "center") == 0)
		return past_the_center(t, c, p->text);
	if (c && p->text.n)
		return tui_send_text(t, c, (struct uuid){0}, p->text);
	if (p->text.n && plain_typed(p->peer) && !tui_plain_meant(t))
		return false;
	if (p->text.n) {
		tui_send(t,
			 &(struct command){.kind = CMD_SEND,
					   .to = xstrndup(p->peer),
					   .text = xstrndup(p->text)},
			 WHY_SAY, _("queued for"));
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
		tui_say(t, LEVEL_ERROR, _("too long; nothing sent"));
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
	if (!model_find(t->model, t->latch)) {
		tui_say(t, LEVEL_WARN, _("nobody waits for an answer"));
		return false;
	}
	return tui_send_text(t, t->latch, t->latch_id, p->text);
}

static bool slash_me(struct tui *t, struct bytes text)
{
	struct buf b = {0};
	bool sent;

	if (!model_opened(t->model)) {
		tui_say(t, LEVEL_WARN, _("to whom? /msg PEER"));
		return false;
	}
	buf_printf(&b, "/me ");
	buf_put(&b, text);
	sent = tui_send_text(t, model_opened(t->model), t->view.answers,
			     (struct bytes){b.p, b.n});
	buf_free(&b);
	return sent;
}

static bool slash_send(struct tui *t, struct bytes text)
{
	contact_id c = model_opened(t->model);

	if (!c) {
		tui_say(t, LEVEL_WARN, _("to whom? /msg PEER"));
		return false;
	}
	return tui_send_text(t, c, t->view.answers, text);
}

static enum why why_of(enum slash kind)
{
	if (kind == SL_CONNECT || kind == SL_CHAT)
		return WHY_OPEN;
	if (kind == SL_NICK)
		return WHY_NICK;
	return kind == SL_INFO ? WHY_INFO : WHY_SAY;
}

static bool is(struct bytes s, const char *word)
{
	return s.n == strlen(word) && memcmp(s.p, word, s.n) == 0;
}

/* What is the screen's alone; ERR_STATE: it is not. */
static enum err set_here(struct tui *t, struct bytes name, struct bytes value)
{
	char *key = xstrndup(name), *to = xstrndup(value), why[256];
	char said[SAID_MAX];
	enum err err = config_screen(&t->view.set, key, to, why);

	if (err == ERR_PARSE)
		tui_say(t, LEVEL_WARN, "%s: %s", key, words_said(said, why));
	free(key);
	free(to);
	if (err == OK) {
		term_mouse(t->view.set.mouse);
		if (is(name, "title")) {
			term_title_back();
			t->title = ~0u; /* not what it was */
		}
		tui_theme(t);
	}
	return err;
}

/* What is true when it worked. */
static const char *done_word(enum slash kind)
{
	static const char *const word[] = {
	    [SL_VERIFY] = N_("verified"),
	    [SL_TRUST] = N_("trusted"),
	    [SL_BLOCK] = N_("blocked"),
	    [SL_UNBLOCK] = N_("not blocked"),
	    [SL_FORGET] = N_("forgotten"),
	    [SL_RENAME] = N_("renamed"),
	    [SL_SET] = N_("set"),
	    [SL_LOGOUT] = N_("logged out"),
	    [SL_BROADCAST] = N_("said to all"),
	    [SL_ALLOW] = N_("allowed"),
	};

	return kind < sizeof(word) / sizeof(word[0]) ? word[kind] : NULL;
}

/* What cannot be had back is asked for twice. */
static bool sure(struct tui *t, struct bytes peer)
{
	char name[NICK_MAX + 1];

	if (t->sure)
		return true;
	text_line(name, sizeof(name), peer, 32);
	tui_say(t, LEVEL_WARN,
		_("Enter again forgets %s and all that was said there"), name);
	t->sure = true;
	return false;
}

/* Names the screen knows go as who they are: the engine's own search may find
 * somebody else. */
static void known(struct tui *t, const struct parsed *p, struct command *cmd)
{
	bool several;
	contact_id c = p->peer.n ? tui_who(t, p->peer, &several) : 0;

	if (!c || !cmd->to || cmd->kind == CMD_CONNECT)
		return;
	free(cmd->to);
	cmd->to = NULL;
	cmd->contact = c;
}

/* The old programs' /chat and /register, from a conversation with one of
 * them: another of its kind is meant. */
static void of_its_kind(struct tui *t, const struct parsed *p,
			struct command *cmd)
{
	const struct contact *c = model_find(t->model, model_opened(t->model));
	struct buf b = {0};

	if (p->row->kind != SL_CHAT || !c || !model_plain(c) || !cmd->to ||
	    strstr(cmd->to, "://"))
		return;
	buf_printf(&b, "%s://%s", c->dialect, cmd->to);
	free(cmd->to);
	cmd->to = xstrndup((struct bytes){b.p, b.n});
	buf_free(&b);
}

/* Of somebody whose key was never seen the engine has nothing to compare. */
static bool info_known(struct tui *t, const struct parsed *p)
{
	bool several;
	contact_id c =
	    p->peer.n ? tui_who(t, p->peer, &several) : model_opened(t->model);
	const struct contact *known = model_find(t->model, c);

	if (!known || !pubkey_none(&known->key))
		return false;
	tui_info(t, known, NULL);
	return true;
}

/* false: the line stays as it is. */
static bool slash(struct tui *t, const struct parsed *p)
{
	struct command cmd;
	enum err err;

	switch (p->row->kind) {
	case SL_HELP:
		tui_help(t);
		return true;
	case SL_MSG:
		return slash_msg(t, p);
	case SL_REPLY:
		return slash_reply(t, p);
	case SL_ALL:
		return slash_all(t, p);
	case SL_ME:
		return slash_me(t, p->text);
	case SL_PIPE:
		return tui_pipe(t, p->text);
	case SL_LOGIN:
		tui_login(t, p->peer, p->text);
		return true;
	case SL_SEND:
		return slash_send(t, p->text);
	case SL_EXPORT:
		return tui_export(t, p->text);
	case SL_PEERS:
	case SL_WHO:
		tui_peers(t, p->row->kind == SL_WHO);
		return true;
	case SL_OUTBOX:
		t->over = OVER_OUTBOX;
		model_ask_outbox(t->model);
		return true;
	case SL_FIND:
		if (!p->text.n)
			return false;
		tui_find(t, p->text, true);
		return true;
	case SL_RETRY:
		tui_again_or_back(t, CMD_RETRY, true);
		return true;
	case SL_CANCEL:
		tui_again_or_back(t, CMD_CANCEL, true);
		return true;
	case SL_WEB:
		tui_web(t);
		return true;
	case SL_DOCTOR:
		tui_doctor(t);
		return true;
	case SL_QUIT:
		return true; /* when the line is over */
	case SL_FORGET:
		if (!sure(t, p->peer))
			return false;
		break;
	case SL_INFO:
		if (info_known(t, p))
			return true;
		break;
	case SL_LOGOUT:
	case SL_ONLINE:
	case SL_BROADCAST:
	case SL_GETADDRESS:
	case SL_ALLOW:
	case SL_CONNECT:
	case SL_CHAT:
	case SL_NICK:
	case SL_VERIFY:
	case SL_TRUST:
	case SL_BLOCK:
	case SL_UNBLOCK:
	case SL_RENAME:
		break;
	case SL_SET:
		err = set_here(t, p->peer, p->text);
		if (err == ERR_PARSE)
			return false;
		if (err || p->save)
			break; /* the engine's, or its file's */
		tui_say(t, LEVEL_INFO, _("set until the end; -s: for good"));
		return true;
	}
	if (!command_build(p, model_opened(t->model), &cmd))
		return false;
	known(t, p, &cmd);
	of_its_kind(t, p, &cmd);
	if (why_of(p->row->kind) == WHY_OPEN)
		tui_say(t, LEVEL_INFO, _("dialling"));
	bool nick = p->row->kind == SL_SET &&
		    (is(p->peer, "nickname") || is(p->peer, "nick"));
	const char *done = done_word(p->row->kind);
	tui_send(t, &cmd, nick ? WHY_NICK : why_of(p->row->kind),
		 done ? _(done) : NULL);
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
	contact_id c = open ? tui_who(t, p->peer, &several) : 0;
	bool bare = kind == SL_REPLY && !p->text.n;
	struct uuid answers = t->view.answers;

	if (!slash(t, p))
		return;
	tui_line_over(t);
	if (kind != SL_ME && kind != SL_REPLY && kind != SL_SEND)
		tui_answering(t, answers);
	tui_whom(t);
	t->replied = false;
	if (bare)
		tui_reply(t);
	else
		slash_after(t, kind, c);
}

void tui_enter(struct tui *t)
{
	struct bytes s = edit_text(t->edit);
	contact_id c = model_opened(t->model);
	struct parsed p;

	command_parse(s, &p);
	switch (p.line) {
	case LINE_EMPTY:
		return;
	case LINE_TEXT:
		/* of a paste: nobody means an empty row */
		while (p.text.p[p.text.n - 1] == '\n')
			p.text.n--;
		if (!c)
			tui_say(t, LEVEL_WARN,
				_("to whom? /msg PEER or /connect HOST:PORT"));
		else if (tui_send_text(t, c, t->view.answers, p.text))
			tui_line_over(t);
		return;
	case LINE_SLASH:
		run(t, &p);
		return;
	case LINE_UNKNOWN:
	case LINE_UNCLEAR:
		say_near(t, &p, s);
		return;
	case LINE_USAGE:
		tui_say(t, LEVEL_WARN, _("/%s %s: %s"), p.row->name,
			_(p.row->args), _(p.row->help));
		return;
	}
}
