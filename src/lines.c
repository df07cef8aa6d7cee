#include "src/lines.h"
#include "proto/guard.h"
#include "proto/seal.h"
#include <assert.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { REFS_MAX = 256, WAIT_MS = 30000 };

/* What a ref waits for besides the engine's result. */
enum wait { WAIT_NONE, WAIT_SENT, WAIT_ACK };

/* An open command: the caller's string, our number. A number is never used
 * twice, so a late event finds nobody. */
struct ref {
	bool used, named;
	uint64_t number;
	char name[REF_MAX + 1];
	enum command_kind kind;
	enum wait wait;
	/* on_timeout; whether `id` is known: of what was accepted, or of the
	 * oldest row of a page */
	bool queue, queued;
	bool cancelling; /* the engine was asked to take it back */
	int64_t wait_us; /* how long, from the start */
	int64_t due_us;
	struct uuid id;
	struct json_object *said; /* the fields of the result that waits */
	unsigned open;            /* all: messages not acknowledged yet */
};

struct lines {
	struct ref ref[REFS_MAX];
	uint64_t last;
	struct command *own; /* of ours, for lines_pending */
};

struct lines *lines_new(void)
{
	struct lines *l = xmalloc(sizeof *l);

	memset(l, 0, sizeof *l);
	return l;
}

static void ref_drop(struct ref *r)
{
	json_object_put(r->said);
	*r = (struct ref){0};
}

void lines_free(struct lines *l)
{
	if (!l)
		return;
	for (int i = 0; i < REFS_MAX; i++)
		ref_drop(&l->ref[i]);
	command_free(l->own);
	free(l);
}

static struct ref *ref_of(struct lines *l, uint64_t number)
{
	for (int i = 0; i < REFS_MAX && number; i++)
		if (l->ref[i].used && l->ref[i].number == number)
			return &l->ref[i];
	return NULL;
}

static struct ref *ref_new(struct lines *l)
{
	for (int i = 0; i < REFS_MAX; i++)
		if (!l->ref[i].used) {
			l->ref[i] =
			    (struct ref){.used = true, .number = ++l->last};
			return &l->ref[i];
		}
	return NULL;
}

bool lines_open(const struct lines *l)
{
	for (int i = 0; i < REFS_MAX; i++)
		if (l->ref[i].used)
			return true;
	return false;
}

/* ---- words ---- */

static const char *const command_word[] = {
    [CMD_SEND] = "send",       [CMD_REPLY] = "reply",
    [CMD_ALL] = "all",         [CMD_CANCEL] = "cancel",
    [CMD_RETRY] = "retry",     [CMD_DRAFT] = "draft",
    [CMD_READ] = "read",       [CMD_CONNECT] = "connect",
    [CMD_TRUST] = "trust",     [CMD_VERIFY] = "verify",
    [CMD_BLOCK] = "block",     [CMD_UNBLOCK] = "unblock",
    [CMD_FORGET] = "forget",   [CMD_RENAME] = "rename",
    [CMD_NICK] = "nick",       [CMD_SET] = "set",
    [CMD_ID] = "id",           [CMD_PEERS] = "peers",
    [CMD_OUTBOX] = "outbox",   [CMD_SNAPSHOT] = "snapshot",
    [CMD_HISTORY] = "history", [CMD_SINCE] = "since",
    [CMD_QUIT] = "quit",
};

static const char *const delivery_word[] = {
    [D_QUEUED] = "queued",     [D_SENT] = "sent",
    [D_STORED] = "stored",     [D_DELIVERED] = "delivered",
    [D_FAILED] = "failed",     [D_CANCELLED] = "cancelled",
    [D_RECEIVED] = "received", [D_REQUEST] = "request",
};
static const char *const presence_word[] = {
    [P_UNKNOWN] = "unknown",
    [P_OFFLINE] = "offline",
    [P_DIALLING] = "dialling",
    [P_ONLINE] = "online",
};
static const char *const trust_word[] = {
    [TRUST_PLAIN] = NULL,
    [TRUST_NEW] = "new",
    [TRUST_PINNED] = "pinned",
    [TRUST_VERIFIED] = "verified",
};
static const char *const via_word[] = {
    [VIA_TYPED] = "typed", [VIA_FILE] = "file", [VIA_LAN] = "lan",
    [VIA_PEER] = "peer",   [VIA_SEEN] = "seen",
};
static const char *const level_word[] = {"info", "warn", "error"};

/* Codes and exit statuses: sections 2 and 3 of the manual, one table. */
static const struct code_row {
	const char *word;
	int status;
} codes[] = {
    [CODE_OK] = {"ok", 0},
    [CODE_ERROR] = {"error", 1},
    [CODE_BAD_COMMAND] = {"bad_command", 2},
    [CODE_USAGE] = {"usage", 2},
    [CODE_TOO_LONG] = {"too_long", 2},
    [CODE_NO_ACK] = {"no_ack", 2},
    [CODE_TIMEOUT] = {"timeout", 3},
    [CODE_REFUSED] = {"refused", 4},
    [CODE_KEY] = {"key", 5},
    [CODE_UNKNOWN] = {"unknown", 6},
    [CODE_UNREACHABLE] = {"unreachable", 6},
    [CODE_AMBIGUOUS] = {"ambiguous", 6},
    [CODE_SELF] = {"self", 6},
    [CODE_PARTLY] = {"partly", 7},
    [CODE_QUEUED] = {"queued", 8},
    [CODE_QUEUE_FULL] = {"queue_full", 1},
    [CODE_DISK_FULL] = {"disk_full", 1},
};

int code_exit(enum code c)
{
	return codes[c].status;
}

const char *code_word(enum code c)
{
	return codes[c].word;
}

/* The place of a word in a table, or -1. */
static int word_of(const char *const *table, int n, const char *w)
{
	for (int i = 0; w && i < n; i++)
		if (table[i] && !strcmp(table[i], w))
			return i;
	return -1;
}
#define WORD_OF(table, w)                                                      \
	word_of(table, (int)(sizeof(table) / sizeof *(table)), w)

/* ---- JSON ---- */

static void put_text(struct json_object *o, const char *key, const char *v)
{
	json_object_object_add(o, key, v ? json_object_new_string(v) : NULL);
}

static void put_number(struct json_object *o, const char *key, int64_t v)
{
	json_object_object_add(o, key, json_object_new_int64(v));
}

static void put_bool(struct json_object *o, const char *key, bool v)
{
	json_object_object_add(o, key, json_object_new_boolean(v));
}

static void put_uuid(struct json_object *o, const char *key, struct uuid u)
{
	char text[37];
	static const struct uuid none;

	uuid_text(text, &u);
	put_text(o, key, memcmp(&u, &none, sizeof u) ? text : NULL);
}

static void put_time(struct json_object *o, const char *key, int64_t ms)
{
	char text[STAMP_MAX + 1];

	rfc3339_put(text, ms * 1000);
	put_text(o, key, ms ? text : NULL);
}

static const char *get_text(struct json_object *o, const char *key)
{
	struct json_object *v;

	if (!json_object_object_get_ex(o, key, &v) ||
	    !json_object_is_type(v, json_type_string))
		return NULL;
	return json_object_get_string(v);
}

static int64_t get_number(struct json_object *o, const char *key,
			  int64_t otherwise)
{
	struct json_object *v;

	if (!json_object_object_get_ex(o, key, &v) ||
	    !json_object_is_type(v, json_type_int))
		return otherwise;
	return json_object_get_int64(v);
}

static bool get_bool(struct json_object *o, const char *key)
{
	struct json_object *v;

	return json_object_object_get_ex(o, key, &v) &&
	       json_object_is_type(v, json_type_boolean) &&
	       json_object_get_boolean(v);
}

static struct uuid get_uuid(struct json_object *o, const char *key)
{
	struct uuid u = {0};
	const char *s = get_text(o, key);

	if (s && !uuid_parse((struct bytes){(const uint8_t *)s, strlen(s)}, &u))
		u = (struct uuid){0};
	return u;
}

static char *copy_text(struct json_object *o, const char *key)
{
	const char *s = get_text(o, key);

	return s ? xstrndup((struct bytes){(const uint8_t *)s, strlen(s)})
		 : NULL;
}

static struct bytes bytes_of(const char *s)
{
	return (struct bytes){(const uint8_t *)s, strlen(s)};
}

static struct json_object *event_object(const char *kind)
{
	struct json_object *o = json_object_new_object();

	put_number(o, "v", 1);
	put_text(o, "event", kind);
	return o;
}

/* One line; the object is released. */
static void put_line(struct buf *out, struct json_object *o)
{
	buf_put(out, bytes_of(json_object_to_json_string_ext(
			 o, JSON_C_TO_STRING_PLAIN |
				JSON_C_TO_STRING_NOSLASHESCAPE)));
	buf_put(out, bytes_of("\n"));
	json_object_put(o);
}

/* The guard, then json-c, then an object or NULL. */
static struct json_object *parse(struct bytes line)
{
	struct json_tokener *t;
	struct json_object *o = NULL;

	if (line.n > LINE_MAX_BYTES || guard_json(line, GUARD_OWN))
		return NULL;
	t = json_tokener_new_ex(16);
	if (t)
		o = json_tokener_parse_ex(t, (const char *)line.p, (int)line.n);
	json_tokener_free(t);
	if (o && !json_object_is_type(o, json_type_object)) {
		json_object_put(o);
		o = NULL;
	}
	return o;
}

/* ---- contacts and messages ---- */

static void peer_name(char out[static 160], const struct contact *c)
{
	if (pubkey_none(&c->key))
		snprintf(out, 160, "%s", c->ident);
	else
		seal_peer_id(out, &c->key);
}

static struct json_object *peer_object(const struct contact *c)
{
	struct json_object *o = json_object_new_object();
	char id[160], at[ADDR_TEXT];

	peer_name(id, c);
	addr_text(at, &c->at);
	put_text(o, "id", id);
	put_text(o, "nick", c->nick);
	put_text(o, "name", c->petname[0] ? c->petname : NULL);
	put_text(o, "addr", c->at.port ? at : NULL);
	put_text(o, "dialect", c->dialect);
	put_bool(o, "secure", c->secure);
	put_text(o, "state", presence_word[c->presence]);
	put_text(o, "trust", trust_word[c->trust]);
	put_bool(o, "changed", c->changed);
	put_bool(o, "blocked", c->blocked);
	put_number(o, "unread", c->unread);
	put_number(o, "waiting", c->waiting);
	put_number(o, "requests", c->requests);
	put_number(o, "contact", c->id);
	if (c->draft)
		put_text(o, "draft", c->draft);
	return o;
}

static void put_addresses(struct json_object *o, const struct message *m)
{
	char ip[ADDR_TEXT];

	/* 003: "Ip_origem, Ip_destino, Porta_origem, Porta_destino" */
	ip_text(ip, &m->from);
	put_text(o, "origin_ip", ip);
	put_number(o, "origin_port", m->from.port);
	ip_text(ip, &m->to);
	put_text(o, "destination_ip", ip);
	put_number(o, "destination_port", m->to.port);
}

static void put_message(struct json_object *o, const struct message *m,
			const struct contact *c)
{
	put_uuid(o, "id", m->id);
	json_object_object_add(
	    o, "seq", m->seq ? json_object_new_int64((int64_t)m->seq) : NULL);
	put_text(o, "dir", m->incoming ? "in" : "out");
	json_object_object_add(o, "peer", c ? peer_object(c) : NULL);
	put_addresses(o, m);
	put_text(o, "timestamp", m->stamp);
	put_time(o, "received", m->stored_ms);
	put_text(o, "text", m->text ? m->text : "");
	put_uuid(o, "reply_to", m->answers);
	put_text(o, "original_timestamp",
		 m->quote_stamp[0] ? m->quote_stamp : NULL);
	put_text(o, "original", m->quote);
	put_bool(o, "secure", m->secure);
	put_bool(o, "request", m->delivery == D_REQUEST);
	put_text(o, "state", delivery_word[m->delivery]);
	put_number(o, "n", m->n);
	put_number(o, "contact", m->with);
	if (m->incoming)
		return;
	put_number(o, "tries", m->tries);
	put_text(o, "error", m->error);
	put_bool(o, "held", m->held);
}

static struct json_object *status_object(const struct message *m)
{
	struct json_object *o = event_object("status"), *rtt = NULL, *ack;
	char ms[32];

	put_uuid(o, "id", m->id);
	put_text(o, "state", delivery_word[m->delivery]);
	ack = m->delivery == D_DELIVERED ? json_object_new_boolean(true)
	      : m->delivery == D_FAILED && m->ack_stamp[0]
		  ? json_object_new_boolean(false)
		  : NULL;
	json_object_object_add(o, "ack", ack);
	put_text(o, "original_timestamp", m->stamp);
	put_text(o, "timestamp", m->ack_stamp[0] ? m->ack_stamp : NULL);
	if (m->rtt_us) {
		snprintf(ms, sizeof ms, "%.1f", (double)m->rtt_us / 1000);
		rtt = json_object_new_double_s((double)m->rtt_us / 1000, ms);
	}
	json_object_object_add(o, "rtt_ms", rtt);
	put_number(o, "tries", m->tries);
	put_text(o, "error", m->error);
	put_number(o, "n", m->n);
	put_number(o, "contact", m->with);
	return o;
}

/* ---- results ---- */

static void finish(struct ref *r, enum code code, const char *text,
		   struct buf *out)
{
	struct json_object *o = event_object("result");

	put_text(o, "ref", r->named ? r->name : NULL);
	put_bool(o, "ok", code == CODE_OK);
	if (r->said) {
		json_object_object_foreach(r->said, key, v)
		    json_object_object_add(o, key, json_object_get(v));
	}
	if (code != CODE_OK) {
		put_text(o, "code", code_word(code));
		put_text(o, "error", text ? text : code_word(code));
	} else if (text) {
		put_text(o, "text", text);
	}
	put_line(out, o);
	ref_drop(r);
}

static void bad(struct bytes line, const char *why, struct json_object *o,
		struct buf *out)
{
	struct ref r = {0};
	const char *name = o ? get_text(o, "ref") : NULL;

	(void)line;
	if (name && strlen(name) <= REF_MAX) {
		r.named = true;
		memcpy(r.name, name, strlen(name) + 1);
	}
	finish(&r, CODE_BAD_COMMAND, why, out);
}

/* ---- server: commands in ---- */

static bool fits(struct json_object *o, const char *key, size_t max)
{
	const char *s = get_text(o, key);

	return !s || strlen(s) <= max;
}

/* NULL, or what is wrong with the fields of this command. */
static const char *missing(const struct command *c, struct json_object *o)
{
	bool whom = c->to || c->contact;
	static const struct uuid none;
	bool id = memcmp(&c->id, &none, sizeof none) != 0;

	if (!fits(o, "ref", REF_MAX))
		return "ref is longer than 64 bytes";
	if (!fits(o, "to", 512) || !fits(o, "peer", 512) ||
	    !fits(o, "name", 256))
		return "a name is too long";
	switch (c->kind) {
	case CMD_SEND:
		if (!c->text)
			return "text is missing";
		return whom || id ? NULL : "to is missing";
	case CMD_REPLY:
	case CMD_ALL:
		return c->text ? NULL : "text is missing";
	case CMD_CANCEL:
	case CMD_RETRY:
		return id ? NULL : "id is missing or no message id";
	case CMD_CONNECT:
		return whom ? NULL : "to is missing";
	case CMD_DRAFT:
	case CMD_READ:
	case CMD_TRUST:
	case CMD_VERIFY:
	case CMD_BLOCK:
	case CMD_UNBLOCK:
	case CMD_FORGET:
		return whom ? NULL : "peer is missing";
	case CMD_RENAME:
		return whom && c->name ? NULL : "peer or name is missing";
	case CMD_NICK:
	case CMD_SET:
		return c->name ? NULL : "name is missing";
	case CMD_ID:
	case CMD_PEERS:
	case CMD_OUTBOX:
	case CMD_SNAPSHOT:
	case CMD_HISTORY:
	case CMD_SINCE:
	case CMD_QUIT:
		return NULL;
	}
	return "unknown cmd";
}

static void read_command(struct command *c, struct json_object *o)
{
	static const char *const id_keys[] = {"id", "reply_to", "before"};

	c->contact = get_number(o, "contact", 0);
	c->to = copy_text(o, "to");
	if (!c->to)
		c->to = copy_text(o, "peer");
	c->text = copy_text(o, "text");
	c->name = copy_text(o, "name");
	for (size_t i = 0; i < sizeof id_keys / sizeof *id_keys; i++)
		if (get_text(o, id_keys[i]))
			c->id = get_uuid(o, id_keys[i]);
	c->n = get_number(o, "n", 0);
	int64_t limit = get_number(o, "limit", 0);
	int64_t cursor = get_number(o, "cursor", 0);
	c->limit = limit < 0 || limit > PAGE_MAX ? PAGE_MAX : (unsigned)limit;
	c->cursor = cursor < 0 ? 0 : (size_t)cursor;
	c->yes = get_bool(o, "yes");
}

static bool known_id(struct json_object *o, const char *key)
{
	struct uuid u;
	const char *s = get_text(o, key);

	return !s || uuid_parse(bytes_of(s), &u);
}

/* False: a word that is not in the manual. */
static bool read_wait(struct ref *r, struct json_object *o)
{
	static const char *const waits[] = {"none", "sent", "ack"};
	const char *wait = get_text(o, "wait"), *late;
	int w = wait ? WORD_OF(waits, wait) : WAIT_ACK;
	int64_t ms = get_number(o, "timeout_ms", WAIT_MS);

	late = get_text(o, "on_timeout");
	if (w < 0 || (late && strcmp(late, "queue") && strcmp(late, "cancel")))
		return false;
	r->wait = (enum wait)w;
	r->queue = late && !strcmp(late, "queue");
	if (ms < 0)
		ms = 0;
	if (ms > INT64_C(86400000) * 30)
		ms = INT64_C(86400000) * 30;
	r->wait_us = ms * 1000;
	return true;
}

static bool waits(enum command_kind k)
{
	return k == CMD_SEND || k == CMD_REPLY || k == CMD_ALL;
}

enum err lines_command(struct lines *l, const struct now *now,
		       struct bytes line, struct command **cmd, struct buf *out)
{
	struct json_object *o = parse(line);
	int kind = o ? WORD_OF(command_word, get_text(o, "cmd")) : -1;
	struct command *c;
	struct ref *r;
	const char *why = NULL, *name;

	*cmd = NULL;
	if (kind < 0 || !known_id(o, "id") || !known_id(o, "reply_to") ||
	    !known_id(o, "before")) {
		bad(line,
		    !o ? "not one JSON object a line, of at most 256 KiB"
		    : kind < 0 ? "unknown cmd"
			       : "no message id",
		    o, out);
		json_object_put(o);
		return OK;
	}
	c = xmalloc(sizeof *c);
	*c = (struct command){.kind = (enum command_kind)kind};
	read_command(c, o);
	why = missing(c, o);
	r = why ? NULL : ref_new(l);
	if (!why && !r)
		why = "256 commands are open";
	if (r && !read_wait(r, o))
		why = "wait is ack, sent or none; on_timeout cancel or queue";
	if (why) {
		bad(line, why, o, out);
		if (r)
			ref_drop(r);
		command_free(c);
		json_object_put(o);
		return OK;
	}
	name = get_text(o, "ref");
	if (name) {
		r->named = true;
		memcpy(r->name, name, strlen(name) + 1);
	}
	r->kind = c->kind;
	r->due_us = waits(c->kind) && r->wait != WAIT_NONE
			? now->mono_us + r->wait_us
			: INT64_MAX;
	c->ref = r->number;
	json_object_put(o);
	*cmd = c;
	return OK;
}

void lines_refused(struct lines *l, uint64_t number, struct buf *out)
{
	struct ref *r = ref_of(l, number);

	if (r)
		finish(r, CODE_QUEUE_FULL, "too much at once", out);
}

/* ---- server: events out ---- */

static bool reached(const struct ref *r, enum delivery d)
{
	if (r->wait == WAIT_SENT)
		return d == D_SENT || d == D_STORED || d == D_DELIVERED;
	return d == D_DELIVERED;
}

static void said_state(struct ref *r, enum delivery d)
{
	if (!r->said)
		r->said = json_object_new_object();
	put_text(r->said, "state", delivery_word[d]);
}

/* The one ref that waits for this message's fate. */
static void watch_status(struct lines *l, const struct message *m,
			 struct buf *out)
{
	for (int i = 0; i < REFS_MAX; i++) {
		struct ref *r = &l->ref[i];

		if (!r->used || !r->queued || r->kind == CMD_ALL ||
		    memcmp(&r->id, &m->id, sizeof r->id) != 0)
			continue;
		said_state(r, m->delivery);
		if (reached(r, m->delivery))
			finish(r, CODE_OK, NULL, out);
		else if (m->delivery == D_FAILED)
			finish(r, CODE_REFUSED, m->error, out);
		else if (m->delivery == D_CANCELLED && !r->cancelling)
			finish(r, CODE_REFUSED, "taken back", out);
	}
}

static void put_ready(const struct event *ev, struct buf *out)
{
	struct json_object *o = event_object("ready");
	struct json_object *listen = json_object_new_array();
	char id[160], at[ADDR_TEXT];
	const char *s = ev->text ? ev->text : "";

	peer_name(id, ev->contact);
	addr_text(at, &ev->contact->at);
	put_text(o, "id", id);
	put_text(o, "nick", ev->contact->nick);
	put_number(o, "port", ev->contact->at.port);
	while (*s) {
		size_t n = strcspn(s, " ");

		json_object_array_add(listen,
				      json_object_new_string_len(s, (int)n));
		s += n + (s[n] == ' ');
	}
	json_object_object_add(o, "listen", listen);
	put_text(o, "addr", ev->contact->at.port ? at : NULL);
	put_number(o, "pid", getpid());
	put_text(o, "trust_new", ev->name);
	put_line(out, o);
}

static void put_item(struct ref *r, const struct event *ev, struct buf *out)
{
	struct json_object *o = event_object("item"), *row;

	if (ev->message && !r->queued) { /* the oldest: where to go on */
		r->id = ev->message->id;
		r->queued = true;
	}

	put_text(o, "ref", r->named ? r->name : NULL);
	if (ev->message) {
		row = json_object_new_object();
		put_message(row, ev->message, ev->contact);
		json_object_object_add(
		    o, r->kind == CMD_OUTBOX ? "outbox" : "message", row);
	} else if (ev->contact) {
		json_object_object_add(o, "peer", peer_object(ev->contact));
	}
	put_line(out, o);
}

/* What a result tells besides ok. */
static void collect(struct ref *r, const struct event *ev)
{
	char id[160], at[ADDR_TEXT];

	if (!r->said)
		r->said = json_object_new_object();
	if (r->kind == CMD_ID && ev->contact) {
		peer_name(id, ev->contact);
		addr_text(at, &ev->contact->at);
		put_text(r->said, "id", id);
		put_text(r->said, "nick", ev->contact->nick);
		put_text(r->said, "addr", ev->contact->at.port ? at : NULL);
		put_text(r->said, "uri", ev->contact->ident);
		return;
	}
	if (ev->message) {
		put_uuid(r->said, "id", ev->message->id);
		put_text(r->said, "state",
			 delivery_word[ev->message->delivery]);
		put_number(r->said, "n", ev->message->n);
	}
	if (ev->contact)
		json_object_object_add(r->said, "peer",
				       peer_object(ev->contact));
	if (ev->more || ev->next) {
		put_bool(r->said, "more", ev->more);
		put_uuid(r->said, "next", r->id);
		put_number(r->said, "next_n", ev->next);
	}
}

/* The engine's word on a command; a send may wait for more. */
static void take_result(struct lines *l, const struct event *ev,
			struct buf *out)
{
	struct ref *r = ref_of(l, ev->ref);

	if (!r) {
		/* ours: it was asked to take a message back */
		for (int i = 0; i < REFS_MAX; i++)
			if (l->ref[i].used && l->ref[i].cancelling &&
			    l->ref[i].number ==
				(ev->ref & ~(UINT64_C(1) << 63)))
				finish(&l->ref[i], CODE_TIMEOUT,
				       ev->text ? ev->text : "no ACK in time",
				       out);
		return;
	}
	collect(r, ev);
	if (ev->code == CODE_OK && ev->message &&
	    (r->kind == CMD_SEND || r->kind == CMD_REPLY) &&
	    r->wait != WAIT_NONE && !reached(r, ev->message->delivery)) {
		r->queued = true;
		r->id = ev->message->id;
		return;
	}
	finish(r, ev->code, ev->text, out);
}

void lines_event(struct lines *l, const struct now *now, const struct event *ev,
		 struct buf *out)
{
	struct json_object *o;
	struct ref *r;

	(void)now;
	switch (ev->kind) {
	case EV_READY:
		put_ready(ev, out);
		return;
	case EV_PEER:
		o = event_object("peer");
		json_object_object_add(o, "peer", peer_object(ev->contact));
		put_text(o, "via", via_word[ev->contact->via]);
		break;
	case EV_MESSAGE:
		o = event_object("message");
		put_message(o, ev->message, ev->contact);
		break;
	case EV_ITEM:
		if ((r = ref_of(l, ev->ref)))
			put_item(r, ev, out);
		return;
	case EV_STATUS:
		put_line(out, status_object(ev->message));
		watch_status(l, ev->message, out);
		return;
	case EV_RESULT:
		take_result(l, ev, out);
		return;
	case EV_LOST:
		o = event_object("lost");
		break;
	case EV_SECURITY:
		o = event_object("security");
		put_text(o, "code", ev->name);
		json_object_object_add(
		    o, "peer", ev->contact ? peer_object(ev->contact) : NULL);
		put_text(o, "error", ev->text);
		break;
	case EV_NOTICE:
		o = event_object("notice");
		put_text(o, "level", level_word[ev->level]);
		put_text(o, "text", ev->text);
		break;
	case EV_BYE:
		o = event_object("bye");
		put_text(o, "reason", ev->text);
		break;
	default:
		return;
	}
	put_line(out, o);
}

/* ---- waiting ---- */

static void time_out(struct lines *l, struct ref *r, struct buf *out)
{
	r->due_us = INT64_MAX;
	if (!r->queued) /* not even on our disk: its result is on the way */
		return;
	if (r->queue) {
		finish(r, CODE_QUEUED, "no ACK yet; it stays in the outbox",
		       out);
		return;
	}
	r->cancelling = true;
	l->own = xmalloc(sizeof *l->own);
	*l->own = (struct command){.kind = CMD_CANCEL,
				   .ref = r->number | UINT64_C(1) << 63,
				   .id = r->id};
}

void lines_tick(struct lines *l, const struct now *now, struct buf *out)
{
	for (int i = 0; i < REFS_MAX && !l->own; i++)
		if (l->ref[i].used && l->ref[i].due_us <= now->mono_us)
			time_out(l, &l->ref[i], out);
}

struct command *lines_pending(struct lines *l)
{
	struct command *c = l->own;

	l->own = NULL;
	return c;
}

int64_t lines_deadline(const struct lines *l)
{
	int64_t at = INT64_MAX;

	for (int i = 0; i < REFS_MAX; i++)
		if (l->ref[i].used && l->ref[i].due_us < at)
			at = l->ref[i].due_us;
	return at;
}

/* ---- client's end ---- */

void lines_put(struct lines *l, const struct command *c, struct buf *out)
{
	struct json_object *o = json_object_new_object();
	char ref[24];

	(void)l;
	snprintf(ref, sizeof ref, "%llu", (unsigned long long)c->ref);
	put_text(o, "cmd", command_word[c->kind]);
	put_text(o, "ref", ref);
	put_text(o, "wait", "none"); /* who waits is on this side */
	if (c->contact)
		put_number(o, "contact", c->contact);
	if (c->to)
		put_text(o, "to", c->to);
	if (c->text)
		put_text(o, "text", c->text);
	if (c->name)
		put_text(o, "name", c->name);
	if (c->kind == CMD_HISTORY)
		put_uuid(o, "before", c->id);
	else
		put_uuid(o, "id", c->id);
	if (c->n)
		put_number(o, "n", c->n);
	if (c->limit)
		put_number(o, "limit", c->limit);
	if (c->cursor)
		put_number(o, "cursor", (int64_t)c->cursor);
	if (c->yes)
		put_bool(o, "yes", true);
	put_line(out, o);
}

static void read_ip(struct json_object *o, const char *key, struct addr *a)
{
	const char *s = get_text(o, key);

	if (s && !ip_parse(bytes_of(s), a->ip))
		memset(a->ip, 0, sizeof a->ip);
}

static void read_addr(const char *s, struct addr *a)
{
	const char *colon = s ? strrchr(s, ':') : NULL;
	size_t n;

	if (!colon)
		return;
	a->port = (uint16_t)strtoul(colon + 1, NULL, 10);
	n = (size_t)(colon - s);
	if (n > 2 && s[0] == '[') {
		s++;
		n -= 2;
	}
	if (!ip_parse((struct bytes){(const uint8_t *)s, n}, a->ip))
		*a = (struct addr){0};
}

static void read_string(char *out, size_t size, const char *s)
{
	snprintf(out, size, "%s", s ? s : "");
}

static struct contact *read_contact(struct json_object *o)
{
	struct contact *c;
	int i;

	if (!o || !json_object_is_type(o, json_type_object))
		return NULL;
	c = xmalloc(sizeof *c);
	*c = (struct contact){.dialect = "sotto"};
	c->id = get_number(o, "contact", 0);
	read_string(c->ident, sizeof c->ident, get_text(o, "id"));
	read_string(c->nick, sizeof c->nick, get_text(o, "nick"));
	read_string(c->petname, sizeof c->petname, get_text(o, "name"));
	read_addr(get_text(o, "addr"), &c->at);
	c->secure = get_bool(o, "secure");
	if ((i = WORD_OF(presence_word, get_text(o, "state"))) >= 0)
		c->presence = (enum presence)i;
	if ((i = WORD_OF(trust_word, get_text(o, "trust"))) >= 0)
		c->trust = (enum trust)i;
	c->changed = get_bool(o, "changed");
	c->blocked = get_bool(o, "blocked");
	c->unread = (unsigned)get_number(o, "unread", 0);
	c->waiting = (unsigned)get_number(o, "waiting", 0);
	c->requests = (unsigned)get_number(o, "requests", 0);
	c->draft = copy_text(o, "draft");
	return c;
}

static struct message *read_message(struct json_object *o)
{
	struct message *m = xmalloc(sizeof *m);
	const char *dir = get_text(o, "dir"), *received;
	int i;

	*m = (struct message){.n = get_number(o, "n", 0)};
	m->with = get_number(o, "contact", 0);
	m->incoming = dir && !strcmp(dir, "in");
	m->id = get_uuid(o, "id");
	m->answers = get_uuid(o, "reply_to");
	m->seq = (uint64_t)get_number(o, "seq", 0);
	m->secure = get_bool(o, "secure");
	m->held = get_bool(o, "held");
	read_string(m->stamp, sizeof m->stamp, get_text(o, "timestamp"));
	read_string(m->quote_stamp, sizeof m->quote_stamp,
		    get_text(o, "original_timestamp"));
	if (rfc3339_get(bytes_of(m->stamp), &m->sent_ms))
		m->sent_ms = 0;
	m->sent_ms /= 1000;
	received = get_text(o, "received");
	if (received && !rfc3339_get(bytes_of(received), &m->stored_ms))
		m->stored_ms /= 1000;
	read_ip(o, "origin_ip", &m->from);
	read_ip(o, "destination_ip", &m->to);
	m->from.port = (uint16_t)get_number(o, "origin_port", 0);
	m->to.port = (uint16_t)get_number(o, "destination_port", 0);
	m->text = copy_text(o, "text");
	m->quote = copy_text(o, "original");
	m->error = copy_text(o, "error");
	m->tries = (unsigned)get_number(o, "tries", 0);
	if ((i = WORD_OF(delivery_word, get_text(o, "state"))) >= 0)
		m->delivery = (enum delivery)i;
	return m;
}

static struct message *read_status(struct json_object *o)
{
	struct message *m = read_message(o);

	read_string(m->quote_stamp, sizeof m->quote_stamp, NULL);
	read_string(m->stamp, sizeof m->stamp,
		    get_text(o, "original_timestamp"));
	read_string(m->ack_stamp, sizeof m->ack_stamp,
		    get_text(o, "timestamp"));
	return m;
}

static const char *const event_word[] = {
    [EV_READY] = "ready", [EV_PEER] = "peer",         [EV_MESSAGE] = "message",
    [EV_ITEM] = "item",   [EV_STATUS] = "status",     [EV_RESULT] = "result",
    [EV_LOST] = "lost",   [EV_SECURITY] = "security", [EV_NOTICE] = "notice",
    [EV_BYE] = "bye",
};

static enum code read_code(struct json_object *o)
{
	const char *w = get_text(o, "code");

	if (get_bool(o, "ok"))
		return CODE_OK;
	for (size_t i = 0; w && i < sizeof codes / sizeof *codes; i++)
		if (!strcmp(codes[i].word, w))
			return (enum code)i;
	return CODE_ERROR;
}

static struct json_object *child(struct json_object *o, const char *key)
{
	struct json_object *v;

	return json_object_object_get_ex(o, key, &v) &&
		       json_object_is_type(v, json_type_object)
		   ? v
		   : NULL;
}

static void read_item(struct event *ev, struct json_object *o)
{
	struct json_object *m = child(o, "message");

	if (!m)
		m = child(o, "outbox");
	if (m) {
		ev->message = read_message(m);
		ev->contact = read_contact(child(m, "peer"));
	} else {
		ev->contact = read_contact(child(o, "peer"));
	}
}

static void read_result(struct event *ev, struct json_object *o)
{
	ev->code = read_code(o);
	ev->contact = read_contact(child(o, "peer"));
	if (get_text(o, "id") && get_text(o, "nick"))
		ev->contact = read_contact(o); /* of `id` */
	else if (get_text(o, "id"))
		ev->message = read_message(o);
	ev->text = copy_text(o, ev->code ? "error" : "text");
	ev->more = get_bool(o, "more");
	ev->next = get_number(o, "next_n", 0);
}

static void read_event(struct event *ev, struct json_object *o)
{
	const char *ref = get_text(o, "ref");

	if (ref)
		ev->ref = strtoull(ref, NULL, 10);
	switch (ev->kind) {
	case EV_READY:
		ev->contact = read_contact(o);
		ev->name = copy_text(o, "trust_new");
		break;
	case EV_PEER:
		ev->contact = read_contact(child(o, "peer"));
		break;
	case EV_MESSAGE:
		ev->message = read_message(o);
		ev->contact = read_contact(child(o, "peer"));
		break;
	case EV_ITEM:
		read_item(ev, o);
		break;
	case EV_STATUS:
		ev->message = read_status(o);
		break;
	case EV_RESULT:
		read_result(ev, o);
		break;
	case EV_SECURITY:
		ev->contact = read_contact(child(o, "peer"));
		ev->name = copy_text(o, "code");
		ev->text = copy_text(o, "error");
		break;
	case EV_NOTICE:
		ev->text = copy_text(o, "text");
		break;
	case EV_BYE:
		ev->text = copy_text(o, "reason");
		break;
	case EV_LOST:
		break;
	}
}

enum err lines_get(struct lines *l, struct bytes line, struct event **ev)
{
	struct json_object *o = parse(line);
	int kind = o ? WORD_OF(event_word, get_text(o, "event")) : -1;

	(void)l;
	if (kind >= 0) {
		*ev = xmalloc(sizeof **ev);
		**ev = (struct event){.kind = (enum event_kind)kind};
		read_event(*ev, o);
	}
	json_object_put(o);
	return kind < 0 ? ERR_PARSE : OK;
}
