#include "src/core_impl.h"
#include <stdio.h>
#include <stdlib.h>

/* What front ends ask. Every command has exactly one EV_RESULT with its ref,
 * now or later (connect, pages). */
typedef void handler(struct core *c, const struct now *now, client_id from,
		     const struct command *cmd);
static const int64_t connect_us = 20 * SECOND_US;

void command_result(struct core *c, client_id to, uint64_t ref, ticket after,
		    enum code code, const char *text)
{
	char *copy = NULL;

	if (text)
		copy = xstrndup(view(text));
	tell(c, to, after,
	     &(struct event){
		 .kind = EV_RESULT, .ref = ref, .code = code, .text = copy});
	free(copy);
}

static void result_who(struct core *c, client_id to, uint64_t ref, ticket after,
		       struct who *w)
{
	struct contact shown = w->row.shown;

	shown.draft = NULL;
	tell(c, to, after,
	     &(struct event){.kind = EV_RESULT, .ref = ref, .contact = &shown});
}

static void result_message(struct core *c, client_id to, uint64_t ref,
			   ticket after, const struct message *m,
			   const char *said)
{
	struct message copy = *m;
	char text[80];
	struct event ev = {.kind = EV_RESULT, .ref = ref, .message = &copy};
	struct who *w = who_find(c, m->with);
	struct contact shown;

	if (said) {
		snprintf(text, sizeof(text), "%s", said);
		ev.text = text;
	}
	if (w) {
		shown = w->row.shown;
		shown.draft = NULL;
		ev.contact = &shown;
	}
	tell(c, to, after, &ev);
}

/* Whom the command is about; NULL: the result was given. */
struct who *command_target(struct core *c, const struct now *now,
			   client_id from, const struct command *cmd, bool make)
{
	char why[256] = "no such contact";
	struct who *w = NULL;
	enum code code = CODE_UNKNOWN;

	if (cmd->contact > 0) {
		w = who_find(c, cmd->contact);
		code = w ? CODE_OK : CODE_UNKNOWN;
	} else if (cmd->to) {
		code = peer_find(c, now, cmd->to, make, &w, why);
	} else {
		code = CODE_USAGE;
		snprintf(why, sizeof(why), "no peer is named");
	}
	if (code == CODE_OK)
		return w;
	if (code == CODE_UNKNOWN && post_asks(c, now, from, cmd))
		return NULL;
	if (code == CODE_AMBIGUOUS) {
		char text[300];
		snprintf(text, sizeof(text), "more than one: %s", why);
		command_result(c, from, cmd->ref, 0, code, text);
		return NULL;
	}
	command_result(c, from, cmd->ref, 0, code, why);
	return NULL;
}

static bool disk_ok(struct core *c, client_id from, const struct command *cmd)
{
	if (!c->disk)
		return true;
	command_result(c, from, cmd->ref, 0, CODE_DISK_FULL,
		       c->disk == ERR_FULL ? "the disk is full"
					   : "the disk cannot be written");
	return false;
}

/* ---- send, reply, all ---- */

static bool uuid_none(struct uuid id)
{
	return memcmp(&id, &(struct uuid){0}, sizeof(id)) == 0;
}

/* A text of TEXT_MAX bytes fits a packet however it is escaped, so there is
 * no need to encode it twice to know. */
static enum code text_fits(const char *text, char why[static 128])
{
	size_t n = text ? strlen(text) : 0;

	if (!n) {
		snprintf(why, 128, "nothing to send");
		return CODE_USAGE;
	}
	if (n > TEXT_MAX) {
		snprintf(why, 128, "%zu bytes; a message holds %d", n,
			 TEXT_MAX);
		return CODE_TOO_LONG;
	}
	if (!utf8_ok((struct bytes){(const uint8_t *)text, n})) {
		snprintf(why, 128, "not UTF-8");
		return CODE_USAGE;
	}
	return CODE_OK;
}

static enum code may_queue(const struct core *c, const struct who *w,
			   char why[static 128])
{
	if (w->row.shown.blocked) {
		snprintf(why, 128, "%.60s is blocked", who_name(w));
		return CODE_REFUSED;
	}
	if (who_self(w)) {
		snprintf(why, 128, "that is yourself");
		return CODE_SELF;
	}
	if (w->row.shown.waiting >= c->rules.max_queued) {
		snprintf(why, 128, "%u messages wait for %.60s already",
			 w->row.shown.waiting, who_name(w));
		return CODE_QUEUE_FULL;
	}
	return CODE_OK;
}

static struct message *message_make(struct core *c, const struct now *now,
				    const char *text,
				    const struct message *original)
{
	struct message *m = xmalloc(sizeof(*m));

	*m = (struct message){.secure = true, .from = c->at};
	uuid_make(&m->id, now);
	memcpy(m->dedupe, m->id.b, sizeof(m->id.b));
	m->n_dedupe = sizeof(m->id.b);
	memcpy(m->stamp, stamp_now(c, now), sizeof(m->stamp));
	m->sent_ms = m->stored_ms = now->wall_us / MS_US;
	m->text = xstrndup(view(text));
	if (!original)
		return m;
	m->answers = original->id;
	memcpy(m->quote_stamp, original->stamp, sizeof(m->quote_stamp));
	m->quote = quote_cut(view(original->text));
	return m;
}

static void queue_to(struct core *c, const struct now *now, struct who *w,
		     struct message *m, client_id from, uint64_t ref)
{
	w->named = true; /* whoever we write to we meant */
	who_accept(c, now, w);
	if (!w->plain)
		m->to = w->row.shown.at;
	m->held = w->row.shown.changed;
	outbox_queue(c, now, w, m, from, ref);
}

/* Who wants to wait for an ACK is told before anything is sent. */
static enum code answers_at_all(const struct who *w, char why[static 128])
{
	const struct dialect *d = dialect_named(w->row.shown.dialect);

	if (d && (d->traits & T_ACKS))
		return CODE_OK;
	snprintf(why, 128,
		 "%s has no acknowledgements to wait for; nothing was sent",
		 w->row.shown.dialect);
	return CODE_NO_ACK;
}

static void send_to(struct core *c, const struct now *now, client_id from,
		    const struct command *cmd, struct who *w,
		    const struct message *original)
{
	char why[128];
	enum code code = text_fits(cmd->text, why);
	bool private = cmd->name && !strcmp(cmd->name, "private");

	if (code == CODE_OK)
		code = may_queue(c, w, why);
	if (code == CODE_OK && w->plain)
		code = keyless_fits(c, w, private, cmd->text, original, why);
	if (code == CODE_OK && w->plain && cmd->yes)
		code = answers_at_all(w, why);
	if (code != CODE_OK) {
		command_result(c, from, cmd->ref, 0, code, why);
		return;
	}
	struct message *m = message_make(c, now, cmd->text, original);
	if (w->plain)
		keyless_message(now, w, private, original, m);
	queue_to(c, now, w, m, from, cmd->ref);
}

static void send_reply(struct core *c, const struct now *now, client_id from,
		       const struct command *cmd, struct who *w)
{
	struct message *original;

	if (store_message(c->store, w ? w->row.shown.id : 0, cmd->id,
			  &original)) {
		command_result(c, from, cmd->ref, 0, CODE_UNKNOWN,
			       "no such message");
		return;
	}
	if (!w)
		w = who_find(c, original->with);
	if (w)
		send_to(c, now, from, cmd, w, original);
	else
		command_result(c, from, cmd->ref, 0, CODE_UNKNOWN,
			       "no such contact");
	message_free(original);
}

static void on_send(struct core *c, const struct now *now, client_id from,
		    const struct command *cmd)
{
	bool named = cmd->contact > 0 || cmd->to;
	char why[128];
	enum code code = text_fits(cmd->text, why);

	if (!disk_ok(c, from, cmd))
		return;
	if (code != CODE_OK) { /* before an address becomes a contact */
		command_result(c, from, cmd->ref, 0, code, why);
		return;
	}
	if (!named && !uuid_none(cmd->id)) {
		send_reply(c, now, from, cmd, NULL);
		return;
	}
	struct who *w = command_target(c, now, from, cmd, true);
	if (!w)
		return;
	if (uuid_none(cmd->id))
		send_to(c, now, from, cmd, w, NULL);
	else
		send_reply(c, now, from, cmd, w);
}

/* What was told is what is on the disk, and came after the client
 * did. */
static bool told_to(const struct core *c, const struct who *w, uint64_t since,
		    uint64_t *count, struct uuid *id)
{
	bool newest = w->told_after <= effects_durable(c->fx);

	*count = newest ? w->told : w->told_before;
	*id = newest ? w->told_id : w->told_before_id;
	return *count > since;
}

static uint64_t told_since(const struct core *c, client_id from)
{
	for (size_t i = 0; i < c->n_told; i++)
		if (c->told[i].client == from)
			return c->told[i].since;
	return 0;
}

struct last_sender {
	struct who *who;
	struct uuid id;
	uint64_t count;
	unsigned unanswered;
	char names[200];
};

static void last_sender(struct core *c, client_id from, struct last_sender *s)
{
	uint64_t since = told_since(c, from), count;
	struct uuid id;

	*s = (struct last_sender){0};
	for (size_t i = 0; i < c->n_list; i++) {
		struct who *w = c->list[i];
		if (w->row.hidden || !told_to(c, w, since, &count, &id))
			continue;
		if (count > w->answered) {
			size_t n = strlen(s->names);
			snprintf(s->names + n, sizeof(s->names) - n, "%s%.40s",
				 s->unanswered ? ", " : "", who_name(w));
			s->unanswered++;
		}
		if (count <= s->count)
			continue;
		s->who = w;
		s->id = id;
		s->count = count;
	}
}

static void on_reply(struct core *c, const struct now *now, client_id from,
		     const struct command *cmd)
{
	struct last_sender s;
	char text[300];

	if (!uuid_none(cmd->id) || cmd->contact > 0 || cmd->to) {
		on_send(c, now, from, cmd);
		return;
	}
	if (!disk_ok(c, from, cmd))
		return;
	last_sender(c, from, &s);
	if (!s.who) {
		command_result(c, from, cmd->ref, 0, CODE_UNKNOWN,
			       "nobody has written yet");
		return;
	}
	if (s.unanswered > 1) {
		snprintf(text, sizeof(text), "unanswered: %s", s.names);
		command_result(c, from, cmd->ref, 0, CODE_AMBIGUOUS, text);
		return;
	}
	struct command reply = *cmd;
	reply.id = s.id;
	send_reply(c, now, from, &reply, s.who);
}

static void on_all(struct core *c, const struct now *now, client_id from,
		   const struct command *cmd)
{
	char why[128], text[64];
	enum code code = text_fits(cmd->text, why);
	unsigned n = 0, full = 0;

	if (!disk_ok(c, from, cmd))
		return;
	if (code != CODE_OK) {
		command_result(c, from, cmd->ref, 0, code, why);
		return;
	}
	for (size_t i = 0; i < c->n_list; i++) {
		struct who *w = c->list[i];
		if (!w->conn || w->row.shown.blocked)
			continue;
		/* a stranger who merely came is not everybody */
		if (who_stranger(w) && !w->named)
			continue;
		if (may_queue(c, w, why) != CODE_OK) {
			full++;
			continue;
		}
		queue_to(c, now, w, message_make(c, now, cmd->text, NULL), 0,
			 0);
		n++;
	}
	snprintf(text, sizeof(text), "to %u", n);
	code = full ? CODE_PARTLY : CODE_OK;
	if (!n)
		command_result(c, from, cmd->ref, 0, CODE_UNREACHABLE,
			       "nobody is online");
	else
		command_result(c, from, cmd->ref, c->hard, code, text);
}

/* ---- cancel, retry ---- */

/* The message in the outbox or at least in the store; the result is given
 * when there is none. The caller frees *m unless *row is not NULL. */
static bool own_message(struct core *c, client_id from,
			const struct command *cmd, struct row **row,
			struct message **m)
{
	*row = outbox_find(c, cmd->id);
	if (*row) {
		*m = (*row)->m;
		return true;
	}
	if (!uuid_none(cmd->id) &&
	    !store_message(c->store, cmd->contact, cmd->id, m)) {
		if (!(*m)->incoming)
			return true;
		message_free(*m);
	}
	command_result(c, from, cmd->ref, 0, CODE_UNKNOWN,
		       "no message of yours has this id");
	return false;
}

static bool open_still(const struct message *m)
{
	return m->delivery == D_QUEUED || m->delivery == D_SENT ||
	       m->delivery == D_STORED;
}

static void on_cancel(struct core *c, const struct now *now, client_id from,
		      const struct command *cmd)
{
	struct row *r;
	struct message *m;

	if (!disk_ok(c, from, cmd) || !own_message(c, from, cmd, &r, &m))
		return;
	struct who *w = who_find(c, m->with);
	if (!r && (!open_still(m) || !w)) {
		bool late = m->delivery == D_DELIVERED;
		command_result(c, from, cmd->ref, 0,
			       late ? CODE_ERROR : CODE_OK,
			       late ? "it was delivered already" : NULL);
		message_free(m);
		return;
	}
	if (!r)
		r = outbox_adopt(c, w, m);
	const char *said = r->m->delivery == D_QUEUED
			       ? "not sent"
			       : "it was sent and may arrive";
	struct message *copy = message_copy(r->m);
	outbox_end(c, now, r, D_CANCELLED, NULL);
	copy->delivery = D_CANCELLED;
	result_message(c, from, cmd->ref, c->hard, copy, said);
	message_free(copy);
}

static void on_retry(struct core *c, const struct now *now, client_id from,
		     const struct command *cmd)
{
	struct row *r;
	struct message *m;
	char why[128];

	if (!disk_ok(c, from, cmd) || !own_message(c, from, cmd, &r, &m))
		return;
	struct who *w = who_find(c, m->with);
	bool given_up = !r && w && !open_still(m);
	if (given_up && m->delivery == D_DELIVERED) {
		command_result(c, from, cmd->ref, 0, CODE_ERROR,
			       "it was delivered already");
		message_free(m);
		return;
	}
	enum code code = given_up ? may_queue(c, w, why) : CODE_OK;
	if (code != CODE_OK) {
		command_result(c, from, cmd->ref, 0, code, why);
		message_free(m);
		return;
	}
	result_message(c, from, cmd->ref, store_ticket(c->store), m, NULL);
	hard(c);
	if (given_up) {
		outbox_again(c, now, w, m);
		return;
	}
	if (!r)
		message_free(m);
	if (w && w->conn)
		outbox_hurry(c, now, w);
	else if (w)
		dial_now(c, now, w);
}

/* ---- people ---- */

void wait_add(struct core *c, const struct now *now, client_id from,
	      uint64_t ref, struct who *w)
{
	struct wait *i = xmalloc(sizeof(*i));

	*i = (struct wait){.next = c->waits,
			   .client = from,
			   .ref = ref,
			   .contact = w->row.shown.id,
			   .timer = {.kind = TIMER_WAIT, .owner = i}};
	c->waits = i;
	timer_set(&c->heap, &i->timer, now->mono_us + connect_us);
}

static void wait_end(struct core *c, struct wait **at, enum code code,
		     const char *text)
{
	struct wait *i = *at;
	struct who *w = who_find(c, i->contact);

	*at = i->next;
	timer_stop(&c->heap, &i->timer);
	if (code == CODE_OK && w)
		result_who(c, i->client, i->ref, 0, w);
	else
		command_result(c, i->client, i->ref, 0, code, text);
	free(i);
}

void wait_answer(struct core *c, contact_id who, enum code code,
		 const char *text)
{
	for (struct wait **at = &c->waits; *at;) {
		if ((*at)->contact == who)
			wait_end(c, at, code, text);
		else
			at = &(*at)->next;
	}
}

void wait_move(struct core *c, contact_id from, contact_id to)
{
	for (struct wait *i = c->waits; i; i = i->next)
		if (i->contact == from)
			i->contact = to;
}

void wait_timer(struct core *c, struct wait *w)
{
	for (struct wait **at = &c->waits; *at; at = &(*at)->next) {
		if (*at != w)
			continue;
		wait_end(c, at, CODE_UNREACHABLE, "no answer in time");
		return;
	}
}

static void on_connect(struct core *c, const struct now *now, client_id from,
		       const struct command *cmd)
{
	if (!disk_ok(c, from, cmd))
		return;
	struct who *w = command_target(c, now, from, cmd, true);
	if (!w)
		return;
	if (w->row.shown.blocked) {
		command_result(c, from, cmd->ref, 0, CODE_REFUSED, "blocked");
		return;
	}
	w->named = true;
	if (w->plain) {
		wait_add(c, now, from, cmd->ref, w);
		if (!keyless_connect(c, now, w))
			wait_answer(c, w->row.shown.id, CODE_OK, NULL);
		return;
	}
	if (w->conn) {
		if (c->rules.accept_named)
			who_accept(c, now, w);
		result_who(c, from, cmd->ref, 0, w);
		return;
	}
	w->dial.keep = true;
	wait_add(c, now, from, cmd->ref, w);
	dial_now(c, now, w);
}

/* The name goes to the new key; the history, and what waited and
 * now goes to the new key under new ids, stays with the old one. */
static struct who *trust_moves(struct core *c, const struct now *now,
			       struct who *old)
{
	struct pubkey key = old->row.key_changed;
	struct who *w = who_by_key(c, &key);

	if (!w) {
		struct contact_row row = {
		    .shown = {.key = key, .trust = TRUST_NEW}};
		memcpy(row.shown.nick, old->row.shown.nick,
		       sizeof(row.shown.nick));
		w = who_new(c, now, &row);
	}
	who_accept(c, now, w);
	memcpy(w->row.shown.petname, old->row.shown.petname,
	       sizeof(w->row.shown.petname));
	old->row.shown.petname[0] = 0;
	w->row.hidden = false;
	w->named = true;
	for (unsigned i = 0; i < old->n_places; i++)
		place_add(c, w, old->place[i].host, old->place[i].port,
			  old->place[i].via, now->wall_us / MS_US);
	while (old->n_places)
		store_address_drop(c->store, &old->place[--old->n_places]);
	old->row.shown.changed = false;
	old->row.key_changed = (struct pubkey){0};
	for (outbox_load(c, now, old); old->first; outbox_load(c, now, old)) {
		struct message *m = old->first->m;
		struct message original = {.text = m->quote};
		original.id = m->answers;
		memcpy(original.stamp, m->quote_stamp, sizeof(m->quote_stamp));
		struct message *again =
		    message_make(c, now, m->text, m->quote ? &original : NULL);
		outbox_end(c, now, old->first, D_CANCELLED, "sent again");
		queue_to(c, now, w, again, 0, 0);
	}
	dial_stop(c, old);
	who_save(c, old);
	tell_peer(c, old);
	tell_notice(c, LEVEL_INFO,
		    "%s has a new key from now on; the older messages stay "
		    "under the old one",
		    who_name(w));
	return w;
}

static const char *no_key(const struct who *w)
{
	return w->plain ? "a plain dialect has no keys: anybody can be him"
			: "its key was never seen: connect first";
}

static void on_trust(struct core *c, const struct now *now, client_id from,
		     const struct command *cmd)
{
	struct who *w = command_target(c, now, from, cmd, false);

	if (!w || !disk_ok(c, from, cmd))
		return;
	if (pubkey_none(&w->row.shown.key)) {
		command_result(c, from, cmd->ref, 0, CODE_KEY, no_key(w));
		return;
	}
	if (w->row.shown.changed && !pubkey_none(&w->row.key_changed))
		w = trust_moves(c, now, w);
	who_accept(c, now, w);
	who_save(c, w);
	tell_peer(c, w);
	result_who(c, from, cmd->ref, c->hard, w);
	if (!w->conn)
		dial_now(c, now, w);
}

static void on_verify(struct core *c, const struct now *now, client_id from,
		      const struct command *cmd)
{
	struct who *w = command_target(c, now, from, cmd, false);
	char number[72];

	if (!w || !disk_ok(c, from, cmd))
		return;
	if (pubkey_none(&w->row.shown.key)) {
		command_result(c, from, cmd->ref, 0, CODE_KEY, no_key(w));
		return;
	}
	seal_safety_number(number, &c->self, &w->row.shown.key);
	if (cmd->yes) {
		who_accept(c, now, w);
		w->row.shown.trust = TRUST_VERIFIED;
		who_save(c, w);
		tell_peer(c, w);
	}
	struct contact shown = w->row.shown;
	shown.draft = NULL;
	tell(c, from, cmd->yes ? c->hard : 0,
	     &(struct event){.kind = EV_RESULT,
			     .ref = cmd->ref,
			     .contact = &shown,
			     .text = number});
}

static void on_block(struct core *c, const struct now *now, client_id from,
		     const struct command *cmd)
{
	struct who *w = command_target(c, now, from, cmd, false);

	if (!w || !disk_ok(c, from, cmd))
		return;
	w->row.shown.blocked = cmd->kind == CMD_BLOCK;
	who_save(c, w);
	tell_peer(c, w);
	result_who(c, from, cmd->ref, c->hard, w);
	if (w->plain)
		hub_block(c, now, w);
	else
		post_block(c, w);
	if (w->row.shown.blocked)
		dial_stop(c, w);
	else if (w->conn)
		outbox_pump(c, now, w);
	else
		dial_later(c, now, w);
}

static void forget_counts(struct who *w)
{
	struct contact *s = &w->row.shown;

	s->trust = w->plain ? TRUST_PLAIN : TRUST_NEW;
	s->changed = false;
	s->unread = s->waiting = s->requests = 0;
	s->petname[0] = 0;
	free(s->draft);
	s->draft = NULL;
	w->row.hidden = true;
	w->row.key_changed = (struct pubkey){0};
	w->more = w->unnumbered = false;
	w->request_bytes = w->n_unread_n = w->n_request = 0;
	w->told = w->told_before = 0;
	w->named = w->dial.keep = false;
}

static void on_forget(struct core *c, const struct now *now, client_id from,
		      const struct command *cmd)
{
	struct who *w = command_target(c, now, from, cmd, false);

	if (!w || !disk_ok(c, from, cmd))
		return;
	conn_close_all(c, now, w);
	if (w->plain)
		keyless_close(c, now, w);
	dial_stop(c, w);
	outbox_free(c, w);
	store_forget(c->store, w->row.shown.id,
		     now->wall_us / MS_US + TOMBSTONE_LIFE_MS);
	while (w->n_places)
		store_address_drop(c->store, &w->place[--w->n_places]);
	if (!w->plain && (!who_stranger(w) || w->row.shown.last))
		c->n_strangers++; /* one of the unknown again */
	w->row.shown.last = 0;
	forget_counts(w);
	who_save(c, w);
	wait_answer(c, w->row.shown.id, CODE_UNKNOWN, "forgotten");
	post_unreached(c, w, "forgotten");
	w->row.shown.gone = true;
	tell_peer(c, w);
	result_who(c, from, cmd->ref, c->hard, w);
	w->row.shown.gone = false;
	w->told_of = false;
	c->typed = 0;
}

bool command_name_fits(struct core *c, client_id from,
		       const struct command *cmd, const char *name)
{
	struct bytes s = {(const uint8_t *)name, name ? strlen(name) : 0};

	if (s.n <= NICK_MAX && utf8_ok(s))
		return true;
	command_result(c, from, cmd->ref, 0, CODE_USAGE,
		       "a name has at most 96 bytes");
	return false;
}

static bool name_taken(const struct core *c, const struct who *w,
		       const char *name)
{
	for (size_t i = 0; i < c->n_list; i++)
		if (c->list[i] != w &&
		    strcmp(c->list[i]->row.shown.petname, name) == 0)
			return true;
	return false;
}

static void on_rename(struct core *c, const struct now *now, client_id from,
		      const struct command *cmd)
{
	struct who *w = command_target(c, now, from, cmd, false);
	const char *name = cmd->name ? cmd->name : "";

	if (!w || !disk_ok(c, from, cmd) ||
	    !command_name_fits(c, from, cmd, name))
		return;
	if (name[0] && name_taken(c, w, name)) {
		command_result(c, from, cmd->ref, 0, CODE_USAGE,
			       "somebody else has that name");
		return;
	}
	snprintf(w->row.shown.petname, sizeof(w->row.shown.petname), "%s",
		 name);
	c->typed = 0;
	who_save(c, w);
	tell_peer(c, w);
	result_who(c, from, cmd->ref, c->hard, w);
}

static void on_draft(struct core *c, const struct now *now, client_id from,
		     const struct command *cmd)
{
	struct who *w = command_target(c, now, from, cmd, false);

	if (!w)
		return;
	struct contact *s = &w->row.shown;
	size_t n = cmd->text ? strlen(cmd->text) : 0;
	free(s->draft);
	s->draft =
	    n ? xstrndup((struct bytes){(const uint8_t *)cmd->text, n}) : NULL;
	s->cursor = cmd->cursor;
	s->draft_answers = cmd->id;
	if (!c->disk)
		store_draft(c->store, s->id, s->draft ? s->draft : "",
			    s->cursor, s->draft_answers);
	struct contact shown = *s;
	char nothing[] = "";
	if (!shown.draft)
		shown.draft = nothing; /* it is said that there is none */
	tell(c, 0, 0, &(struct event){.kind = EV_PEER, .contact = &shown});
	command_result(c, from, cmd->ref, 0, CODE_OK, NULL);
}

static void on_read(struct core *c, const struct now *now, client_id from,
		    const struct command *cmd)
{
	struct who *w = command_target(c, now, from, cmd, false);

	if (!w)
		return;
	struct contact *s = &w->row.shown;
	message_n upto = cmd->n > 0 && cmd->n < s->last ? cmd->n : s->last;
	command_result(c, from, cmd->ref, 0, CODE_OK, NULL);
	if (upto <= s->read_upto)
		return;
	s->read_upto = upto;
	if (!c->disk)
		store_read(c->store, s->id, upto);
	unsigned later = 0;
	for (unsigned i = 0; i < w->n_unread_n; i++)
		if (w->unread_n[i] > upto)
			w->unread_n[later++] = w->unread_n[i];
	bool known = upto == s->last || later < w->n_unread_n;
	w->n_unread_n = later;
	if (known)
		s->unread = later;
	tell_peer(c, w);
}

void core_command(struct core *c, const struct now *now, client_id from,
		  const struct command *cmd)
{
	static handler *const handle[] = {
	    [CMD_SEND] = on_send,
	    [CMD_REPLY] = on_reply,
	    [CMD_ALL] = on_all,
	    [CMD_CANCEL] = on_cancel,
	    [CMD_RETRY] = on_retry,
	    [CMD_DRAFT] = on_draft,
	    [CMD_READ] = on_read,
	    [CMD_CONNECT] = on_connect,
	    [CMD_TRUST] = on_trust,
	    [CMD_VERIFY] = on_verify,
	    [CMD_BLOCK] = on_block,
	    [CMD_UNBLOCK] = on_block,
	    [CMD_FORGET] = on_forget,
	    [CMD_RENAME] = on_rename,
	    [CMD_NICK] = command_nick,
	    [CMD_SET] = command_set,
	    [CMD_ID] = command_id,
	    [CMD_PEERS] = query_snapshot,
	    [CMD_OUTBOX] = query_outbox,
	    [CMD_SNAPSHOT] = query_snapshot,
	    [CMD_HISTORY] = query_history,
	    [CMD_SEARCH] = query_search,
	    [CMD_SINCE] = query_history,
	    [CMD_LOGIN] = hub_or_post,
	    [CMD_LOGOUT] = hub_or_post,
	    [CMD_ONLINE] = hub_or_post,
	    [CMD_BROADCAST] = hub_or_post,
	    [CMD_GETADDRESS] = hub_or_post,
	    [CMD_ALLOW] = hub_or_post,
	    [CMD_QUIT] = command_quit,
	};
	size_t kind = (size_t)cmd->kind;

	if (kind >= sizeof(handle) / sizeof(handle[0]) || !handle[kind]) {
		command_result(c, from, cmd->ref, 0, CODE_BAD_COMMAND,
			       "no such command");
		return;
	}
	handle[kind](c, now, from, cmd);
}
