#include "src/core_post.h"
#include <stdio.h>
#include <stdlib.h>

/* The center we are logged in at: log-in by our key, or once by a password;
 * who comes and goes there; what is asked of it. Its users are names until
 * somebody here means one: then the center is asked for the key, and from
 * there on that is a contact like any other, to whom letters go through it.
 * Words of document 002, where it has them. */
enum {
	LIST_MAX = 20000, /* people in a list */
	LEDGER_BYTES = 4096,
	NAMES_BYTES = 2000, /* of a list, in words; items there are of all */
};

static const char no_center[] = "this is no message center";

/* ---- what front ends are told ---- */

unsigned center_number(const struct packet *p)
{
	struct bytes s = p->n_words ? p->word[0] : (struct bytes){0};
	unsigned n = 0;

	for (size_t i = 0; i < s.n && i < 6 && s.p[i] >= '0' && s.p[i] <= '9';
	     i++)
		n = n * 10 + (s.p[i] - '0');
	return n;
}

static void result_of(struct core *c, enum code code, const char *text,
		      const struct packet *p)
{
	struct post *t = c->post;
	struct event ev = {
	    .kind = EV_RESULT, .ref = t->asked_ref, .code = code};
	char words[300];

	snprintf(words, sizeof(words), "%s", text);
	ev.text = words;
	if (p && p->verb == CENTER_LOGIN_FAILED)
		ev.tries_left = center_number(p);
	else if (p)
		ev.locked_s = center_number(p);
	if (t->asked_by)
		tell(c, t->asked_by, 0, &ev);
	t->asked_by = 0;
}

static void answer(struct core *c, enum code code, const char *text)
{
	result_of(c, code, text, NULL);
}

/* ---- log-in ---- */

static void patience_set(struct core *c, int64_t until_us)
{
	struct timer *t = &c->post->patience;

	if (!t->pos || t->at > until_us)
		timer_set(&c->heap, t, until_us);
}

static void login_say(struct core *c, const struct now *now,
		      const struct conn *n)
{
	struct post *t = c->post;
	struct packet p = {.verb = CENTER_LIN,
			   .ref = t->login_ref = ++t->ref,
			   .n_words = t->password ? 2 : 1,
			   .word = {view(t->user), view(t->password)}};

	t->link = n->id;
	t->login_us = now->mono_us + QUESTION_S * SECOND_US;
	patience_set(c, t->login_us);
	post_say(c, n, 0, &p);
}

static void login_forget(struct post *t)
{
	if (t->password)
		secret_wipe(t->password, strlen(t->password));
	free(t->password);
	t->password = NULL;
}

/* The next start logs in by itself. */
static void login_save(struct core *c)
{
	const struct who *w = who_find(c, c->post->center);
	char text[300];

	if (w && c->post->in)
		snprintf(text, sizeof(text), "%.33s %.127s", w->id,
			 c->post->user);
	else
		text[0] = '\0';
	store_meta(c->store, "login", view(text));
}

static void block_say(struct core *c, const struct conn *n, const char *user,
		      bool on)
{
	post_say(c, n, 0,
		 &(struct packet){.verb = CENTER_BLC,
				  .n_words = 2,
				  .word = {view(on ? "1" : "0"), view(user)}});
}

/* Of a center's users: whom we block here is blocked there, and whom we let in
 * again while we were not logged in is let in. */
static void blocks_say(struct core *c, const struct conn *n)
{
	for (size_t i = 0; i < c->n_list; i++) {
		struct who *w = c->list[i];
		char user[128];
		struct bytes s;
		bool late = post_noted(c, w, "unblock", &s) && s.p[0] == '1';
		if ((!w->row.shown.blocked && !late) ||
		    !post_noted(c, w, "user", &s) || s.n >= sizeof(user))
			continue;
		memcpy(user, s.p, s.n);
		user[s.n] = '\0';
		block_say(c, n, user, w->row.shown.blocked);
		if (late)
			post_note(c, w, "unblock", view("0"));
	}
}

void post_block(struct core *c, struct who *w)
{
	const struct who *center = who_find(c, c->post->center);
	bool on = w->row.shown.blocked;
	char user[128];
	struct bytes s;

	if (!post_noted(c, w, "user", &s) || s.n >= sizeof(user))
		return;
	memcpy(user, s.p, s.n);
	user[s.n] = '\0';
	if (c->post->in && post_ready(center))
		block_say(c, center->conn, user, on);
	else
		post_note(c, w, "unblock", view(on ? "0" : "1"));
}

/* Where else the center is: the next time any of these will do. */
static void nodes_heard(struct core *c, struct who *w, const struct packet *p)
{
	char text[IDENT_TEXT];
	struct typed at;

	for (size_t i = 0; i < p->n_words && i < POST_PLACES; i++) {
		if (!p->word[i].n || p->word[i].n >= sizeof(text))
			continue;
		memcpy(text, p->word[i].p, p->word[i].n);
		text[p->word[i].n] = '\0';
		if (typed_parse(text, &at) && at.dialect == &dialect_sotto)
			place_add(c, w, at.host, at.port, VIA_PEER, 0);
	}
}

static void logged_in(struct core *c, const struct now *now, struct conn *n)
{
	struct post *t = c->post;
	char text[200];

	t->in = true;
	login_forget(t);
	login_save(c);
	snprintf(text, sizeof(text), "Welcome, %.120s !", t->user);
	if (t->asked_by)
		answer(c, CODE_OK, text);
	else
		tell_notice(c, LEVEL_INFO, "%s", text);
	post_prekey(c, now, n);
	blocks_say(c, n);
	t->behind = false;
	post_say(c, n, 0, &(struct packet){.verb = CENTER_FETCH});
	/* who is there learns where letters to us go */
	for (size_t i = 0; i < c->n_conns; i++)
		if (c->conns[i]->who && c->conns[i] != n &&
		    c->conns[i]->heard && !who_stranger(c->conns[i]->who))
			say_hello(c, now, c->conns[i]);
	relay_logged_in(c, now);
	post_letters_go(c, now);
}

static bool starts(struct bytes s, const char *with)
{
	size_t n = strlen(with);

	return s.n >= n && memcmp(s.p, with, n) == 0;
}

/* It is not even a center: nothing is tried there again. */
static void no_login(struct core *c, struct who *w)
{
	w->dial.keep = false;
	c->post->user[0] = '\0';
	if (c->post->asked_by)
		answer(c, CODE_REFUSED, no_center);
	else
		tell_notice(c, LEVEL_WARN, "center: %s", no_center);
}

static void not_in(struct core *c, const struct now *now, struct conn *n,
		   const struct packet *p)
{
	char text[200], why[128];

	bool password = c->post->password != NULL;
	login_forget(c->post);
	if (!c->post->asked_by && post_later(c, now, p))
		return; /* by itself */
	if (p->verb == CENTER_FAIL && p->n_words &&
	    starts(p->word[0], no_center)) {
		no_login(c, n->who);
		return;
	}
	if (p->verb == CENTER_LOGIN_FAILED)
		snprintf(text, sizeof(text),
			 "Incorrect username/password. %u more login "
			 "attempts.",
			 center_number(p));
	else if (p->verb == CENTER_FAIL && (password || p->n_words > 1))
		snprintf(text, sizeof(text), "the center refused: %.120s",
			 center_said(p, why));
	else if (p->verb == CENTER_FAIL)
		snprintf(text, sizeof(text), "%s",
			 "this center does not know us: log in with a "
			 "password");
	else
		snprintf(text, sizeof(text),
			 "Too many login attempts: wait %u seconds.",
			 center_number(p));
	if (c->post->asked_by)
		result_of(c, CODE_REFUSED, text, p);
	else
		tell_notice(c, LEVEL_WARN, "%s", text);
}

static void pushed(struct core *c, const struct now *now,
		   const struct packet *p)
{
	char name[128];

	center_said(p, name);
	switch ((int)p->verb) {
	case CENTER_ONLINE:
	case CENTER_OFFLINE:
		user_presence(c, now, p);
		return;
	case CENTER_TEXT:
		tell_notice(c, LEVEL_INFO, "%s to all: %.*s", name,
			    (int)utf8_cut(p->text, 300),
			    (const char *)p->text.p);
		return;
	case CENTER_WANTS:
		tell_consent(c, view(name));
		return;
	case CENTER_ADR:
		user_address(c, now, p);
		return;
	case CENTER_MOVED:
		c->post->in = false;
		tell_notice(c, LEVEL_WARN, "Logged on different location!");
		return;
	case CENTER_FAIL:
		c->post->in = false;
		tell_notice(c, LEVEL_WARN, "the center has logged us off: %s",
			    name);
		return;
	}
}

/* ---- the ledger: who was given our address, newest last ---- */

static void ledger_note(struct core *c, const struct now *now, const char *user)
{
	struct buf all = {0};
	struct bytes had;
	char when[STAMP_MAX + 1];

	rfc3339_put(when, now->wall_us);
	if (store_meta_get(c->store, "allowed", &had)) {
		while (had.n > LEDGER_BYTES) { /* the oldest line goes */
			const uint8_t *end = memchr(had.p, '\n', had.n);
			size_t n = end ? (size_t)(end + 1 - had.p) : had.n;
			had = (struct bytes){had.p + n, had.n - n};
		}
		buf_put(&all, had);
	}
	buf_printf(&all, "%s %s\n", when, user);
	store_meta(c->store, "allowed", (struct bytes){all.p, all.n});
	buf_free(&all);
}

/* "google 2026-11-21T12:00:00Z, ...", the newest first. */
static void ledger_say(struct core *c, client_id from,
		       const struct command *cmd)
{
	struct bytes all = {0};
	struct buf said = {0};

	if (!store_meta_get(c->store, "allowed", &all))
		all.n = 0;
	while (all.n) {
		size_t end = all.n - 1, at = end, blank;
		while (at && all.p[at - 1] != '\n')
			at--;
		blank = at;
		while (blank < end && all.p[blank] != ' ')
			blank++;
		buf_printf(&said, "%s%.*s %.*s", said.n ? ", " : "",
			   blank < end ? (int)(end - blank - 1) : 0,
			   (const char *)all.p + blank + (blank < end),
			   (int)(blank - at), (const char *)all.p + at);
		all.n = at;
	}
	command_result(c, from, cmd->ref, 0, CODE_OK,
		       said.n ? (const char *)said.p
			      : "nobody was given your address");
	buf_free(&said);
}

/* ---- what is asked, and answered ---- */

static struct question *question_of(struct post *t, uint64_t ref)
{
	for (size_t i = 0; i < QUESTIONS_OPEN; i++)
		if (t->asked[i].ref == ref)
			return &t->asked[i];
	return NULL;
}

static void question_done(struct core *c, struct question *q, enum code code,
			  const char *text)
{
	struct question was = *q;

	*q = (struct question){0};
	command_free(was.held);
	command_result(c, was.client, was.client_ref, 0, code, text);
	buf_free(&was.names);
}

static const char no_answer[] = "the center does not answer";

/* Late answers are to nothing that is known. */
void center_timer(struct core *c, const struct now *now)
{
	struct post *t = c->post;

	if (t->login_ref && t->login_us <= now->mono_us) {
		t->login_ref = 0;
		login_forget(t);
		bool asked = t->asked_by != 0;
		answer(c, CODE_UNREACHABLE, no_answer);
		if (!asked)
			login_again(c, now);
	} else if (t->login_ref) {
		patience_set(c, t->login_us);
	}
	for (size_t i = 0; i < QUESTIONS_OPEN; i++) {
		struct question *q = &t->asked[i];
		if (q->ref && q->until_us <= now->mono_us)
			question_done(c, q, CODE_UNREACHABLE, no_answer);
		else if (q->ref)
			patience_set(c, q->until_us);
	}
}

/* A line each, "user key". */
static void items_say(struct core *c, struct question *q, struct bytes lines)
{
	while (lines.n) {
		const uint8_t *end = memchr(lines.p, '\n', lines.n);
		size_t n = end ? (size_t)(end - lines.p) : lines.n;
		const uint8_t *blank = memchr(lines.p, ' ', n);
		struct contact who;
		char name[128];
		if (q->items == LIST_MAX)
			return;
		if (blank && (size_t)(blank - lines.p) < sizeof(name)) {
			q->items++;
			size_t len = (size_t)(blank - lines.p);
			memcpy(name, lines.p, len);
			name[len] = '\0';
			if (q->names.n < NAMES_BYTES)
				buf_printf(&q->names, "%s%s",
					   q->names.n ? " " : "", name);
			if (user_contact(c, name,
					 (struct bytes){blank + 1, n - len - 1},
					 P_ONLINE, &who))
				tell(c, q->client, 0,
				     &(struct event){.kind = EV_ITEM,
						     .ref = q->client_ref,
						     .contact = &who});
		}
		n += end != NULL;
		lines = (struct bytes){lines.p + n, lines.n - n};
	}
}

/* Who is meant is known now: what was held is done. [user, key], bundle. */
static void found(struct core *c, const struct now *now, struct question *q,
		  const struct packet *p)
{
	struct question was = *q;
	struct pubkey key;
	char name[128];
	struct who *w;

	center_said(p, name);
	if (p->n_words < 2 || !post_key(p->word[1], &key) ||
	    !(w = user_make(c, now, name, &key, p->blob))) {
		question_done(c, q, CODE_UNKNOWN, "cannot be found");
		return;
	}
	*q = (struct question){0};
	was.held->contact = w->row.shown.id;
	core_command(c, now, was.client, was.held);
	command_free(was.held);
}

static void allowed(struct core *c, const struct now *now, struct question *q)
{
	ledger_note(c, now, q->held->name ? q->held->name : q->held->to);
	question_done(c, q, CODE_OK, NULL);
}

static void list_done(struct core *c, struct question *q)
{
	char *names = xstrndup((struct bytes){q->names.p, q->names.n});

	question_done(c, q, CODE_OK, names);
	free(names);
}

static void answered(struct core *c, const struct now *now, struct question *q,
		     const struct packet *p)
{
	char text[128];

	if (p->verb == CENTER_LIST) {
		items_say(c, q, p->text);
		return;
	}
	center_said(p, text);
	if (p->verb != CENTER_OKAY)
		question_done(c, q, CODE_REFUSED,
			      text[0] ? text : "the center refused");
	else if (q->held && q->held->kind == CMD_ALLOW)
		allowed(c, now, q);
	else if (q->held)
		found(c, now, q, p);
	else if (q->names.n)
		list_done(c, q);
	else
		question_done(c, q, CODE_OK, text[0] ? text : NULL);
}

/* Somebody takes us for a center. */
static void not_here(struct core *c, const struct conn *n,
		     const struct packet *p)
{
	if (p->ref)
		post_say(c, n, 0,
			 &(struct packet){.verb = CENTER_FAIL,
					  .ref = p->ref,
					  .n_words = 1,
					  .word = {view(no_center)}});
}

void post_packet(struct core *c, const struct now *now, struct conn *n,
		 const struct packet *p)
{
	struct post *t = c->post;
	bool ours = n->who && n->who->row.shown.id == t->center;
	bool here = ours && n->id == t->link;
	bool login = here && p->ref && p->ref == t->login_ref;
	struct question *q = ours && p->ref ? question_of(t, p->ref) : NULL;

	if (!n->who || !n->heard)
		return;
	if (login) {
		t->login_ref = 0;
		if (p->verb == CENTER_LOGIN_OKAY) {
			nodes_heard(c, n->who, p);
			logged_in(c, now, n);
		} else {
			not_in(c, now, n, p);
		}
	} else if (ours && p->verb == CENTER_MAIL) {
		post_mail(c, now, n, p);
	} else if (q) {
		answered(c, now, q, p);
	} else if (p->verb >= CENTER_LIN && p->verb <= CENTER_HEY) {
		not_here(c, n, p);
	} else if (p->ref) {
		post_stored(c, now, n, p);
	} else if (here && t->in) {
		pushed(c, now, p);
	}
}

/* ---- links, start ---- */

void login_up(struct core *c, const struct now *now, struct conn *n)
{
	struct post *t = c->post;

	if (n->who->row.shown.id == t->center && t->user[0])
		login_say(c, now, n);
}

void login_again(struct core *c, const struct now *now)
{
	struct post *t = c->post;
	struct who *w = who_find(c, t->center);

	if (t->user[0] && !t->in && !t->login_ref && !t->asked_by &&
	    post_ready(w))
		login_say(c, now, w->conn);
}

void login_down(struct core *c, const struct now *now, const struct conn *n)
{
	struct post *t = c->post;

	/* of two links the one by which we are logged in counts, else the
	 * first; when it goes, the next one */
	if (!n->who || n->who->row.shown.id != t->center ||
	    (t->link ? n->id != t->link : n->who->conn != n))
		return;
	t->in = false;
	t->link = 0;
	t->login_ref = 0;
	for (size_t i = 0; i < QUESTIONS_OPEN; i++)
		if (t->asked[i].ref)
			question_done(c, &t->asked[i], CODE_UNREACHABLE,
				      "the center is not there any more");
	const struct conn *other = n->who->conn == n ? n->next : n->who->conn;
	if (other && other->heard && t->user[0])
		login_say(c, now, other);
	if (other)
		return; /* or when its hello is there */
	answer(c, CODE_UNREACHABLE, "the center is not there any more");
}

/* It is tried again by itself; but not with a password that nobody sees
 * waiting. */
void post_unreached(struct core *c, const struct who *w, const char *why)
{
	if (w->row.shown.id != c->post->center || !c->post->asked_by)
		return;
	answer(c, w->row.shown.changed ? CODE_KEY : CODE_UNREACHABLE, why);
	login_forget(c->post);
}

static void login_begin(struct core *c, struct who *w, const char *user)
{
	struct post *t = c->post;
	struct who *old = who_find(c, t->center);

	if (old && old != w)
		old->dial.keep = false;
	snprintf(t->user, sizeof(t->user), "%s", user);
	t->center = w->row.shown.id;
	t->link = 0;
	w->named = w->dial.keep = true;
}

/* A link of his that is ready goes on being the only one, perhaps. */
void post_adopt(struct core *c, const struct now *now, const struct who *from,
		const struct who *to)
{
	struct post *t = c->post;

	if (!t->user[0] || t->center != from->row.shown.id)
		return;
	t->center = to->row.shown.id;
	if (post_ready(to))
		login_say(c, now, to->conn);
}

/* As "ID user" in the store: who logged in once is logged in again. */
static void login_stored(struct core *c, struct bytes s)
{
	char id[33], user[128];
	struct who *w;

	if (s.n < 34 || s.n - 33 > sizeof(user))
		return;
	memcpy(id, s.p, 32);
	id[32] = '\0';
	memcpy(user, s.p + 33, s.n - 33);
	user[s.n - 33] = '\0';
	w = who_by_id(c, id);
	if (w)
		login_begin(c, w, user);
}

/* `center = host:port, ...` and `user =`: places of one center. */
static void login_configured(struct core *c, const struct now *now)
{
	char list[300], why[256], *rest = list, *at;
	struct who *w = NULL, *first = NULL;
	struct typed t;

	snprintf(list, sizeof(list), "%s", c->rules.login_at);
	while ((at = strsep(&rest, ", "))) {
		if (!*at)
			continue;
		if (first && typed_parse(at, &t))
			place_add(c, first, t.host, t.port, VIA_TYPED, 0);
		else if (!first &&
			 peer_find(c, now, at, true, &w, why) == CODE_OK)
			first = w;
	}
	if (first)
		login_begin(c, first,
			    c->rules.login_user[0] ? c->rules.login_user
						   : c->nick);
	else
		tell_notice(c, LEVEL_WARN, "center: %s", why);
}

void login_load(struct core *c, const struct now *now)
{
	struct bytes s;

	if (c->rules.login_at && c->rules.login_at[0])
		login_configured(c, now);
	else if (store_meta_get(c->store, "login", &s))
		login_stored(c, s);
}

void login_free(struct post *t)
{
	login_forget(t);
	for (size_t i = 0; i < QUESTIONS_OPEN; i++) {
		command_free(t->asked[i].held);
		buf_free(&t->asked[i].names);
	}
}

/* ---- commands ---- */

static void on_login(struct core *c, const struct now *now, client_id from,
		     const struct command *cmd)
{
	struct post *t = c->post;
	struct who *w = command_target(c, now, from, cmd, true);

	if (!w)
		return;
	if (w->plain) { /* the password would go over the wire as it is */
		command_result(c, from, cmd->ref, 0, CODE_REFUSED, no_center);
		return;
	}
	if (!cmd->name || !*cmd->name || strlen(cmd->name) >= sizeof(t->user) ||
	    (cmd->text && strlen(cmd->text) > 512)) {
		command_result(c, from, cmd->ref, 0, CODE_USAGE,
			       "a user's name is 1 to 127 bytes");
		return;
	}
	answer(c, CODE_ERROR, "another log-in began");
	login_forget(t);
	login_begin(c, w, cmd->name);
	t->password = cmd->text ? xstrndup(view(cmd->text)) : NULL;
	t->in = false;
	t->asked_by = from;
	t->asked_ref = cmd->ref;
	if (w->conn && w->conn->heard)
		login_say(c, now, w->conn);
	else
		dial_now(c, now, w);
}

static void on_logout(struct core *c, client_id from, const struct command *cmd)
{
	struct post *t = c->post;
	struct who *w = who_find(c, t->center);

	if (post_ready(w))
		post_say(c, w->conn, 0, &(struct packet){.verb = CENTER_OUT});
	if (w)
		w->dial.keep = false;
	answer(c, CODE_ERROR, "logged out meanwhile");
	login_forget(t);
	t->in = false;
	t->user[0] = '\0';
	login_save(c);
	command_result(c, from, cmd->ref, 0, CODE_OK, NULL);
}

const struct conn *post_conn(const struct core *c)
{
	const struct who *w = who_find(c, c->post->center);

	return c->post->in && post_ready(w) ? w->conn : NULL;
}

/* A question that is open from here on; NULL: it was refused. */
static struct question *question_new(struct core *c, const struct now *now,
				     client_id from, const struct command *cmd)
{
	struct post *t = c->post;
	struct question *q = question_of(t, 0);

	if (!t->in || !post_ready(who_find(c, t->center)) || !q) {
		command_result(c, from, cmd->ref, 0, CODE_REFUSED,
			       q ? "not logged in at a center"
				 : "too many questions at once");
		return NULL;
	}
	*q = (struct question){.ref = ++t->ref,
			       .client = from,
			       .client_ref = cmd->ref,
			       .until_us =
				   now->mono_us + QUESTION_S * SECOND_US};
	patience_set(c, q->until_us);
	return q;
}

bool post_asks(struct core *c, const struct now *now, client_id from,
	       const struct command *cmd)
{
	bool wanted = cmd->kind == CMD_SEND || cmd->kind == CMD_CONNECT ||
		      cmd->kind == CMD_BLOCK || cmd->kind == CMD_UNBLOCK;
	const struct who *center = who_find(c, c->post->center);
	struct question *q;

	if (!wanted || !c->post->in || !post_ready(center) || !cmd->to ||
	    strlen(cmd->to) > 64 || strpbrk(cmd->to, ":/. |"))
		return false;
	q = question_new(c, now, from, cmd);
	if (!q)
		return true;
	q->held = command_copy(cmd);
	post_say(c, center->conn, 0,
		 &(struct packet){.verb = CENTER_BUNDLE,
				  .ref = q->ref,
				  .n_words = 1,
				  .word = {view(cmd->to)}});
	return true;
}

static enum center_verb verb_of(enum command_kind kind)
{
	switch ((int)kind) {
	case CMD_ONLINE:
		return CENTER_ONL;
	case CMD_BROADCAST:
		return CENTER_BRD;
	case CMD_GETADDRESS:
		return CENTER_GET;
	default:
		return CENTER_ALL;
	}
}

static void ask(struct core *c, const struct now *now, client_id from,
		const struct command *cmd)
{
	const char *name = cmd->name ? cmd->name : cmd->to;
	struct question *q = question_new(c, now, from, cmd);
	struct packet p = {.verb = verb_of(cmd->kind), .text = view(cmd->text)};
	char port[8];

	if (!q)
		return;
	p.ref = q->ref;
	if (name && *name)
		p.word[p.n_words++] = view(name);
	if (name && cmd->kind == CMD_GETADDRESS)
		user_wanted(c->post, now, name);
	if (cmd->kind == CMD_ALLOW) {
		snprintf(port, sizeof(port), "%u", (unsigned)c->at.port);
		p.word[p.n_words++] = view(port);
		q->held = command_copy(cmd);
	}
	post_say(c, who_find(c, c->post->center)->conn, 0, &p);
}

void post_command(struct core *c, const struct now *now, client_id from,
		  const struct command *cmd)
{
	const char *name = cmd->name ? cmd->name : cmd->to;

	if (cmd->kind == CMD_LOGIN)
		on_login(c, now, from, cmd);
	else if (cmd->kind == CMD_LOGOUT)
		on_logout(c, from, cmd);
	else if (cmd->kind == CMD_ALLOW && (!name || !*name))
		ledger_say(c, from, cmd);
	else
		ask(c, now, from, cmd);
}
