#include "src/lines.h"
#include "src/lines_json.h"
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	ENGINE_MAX = 256,  /* commands an engine holds without a result */
	REPLAY_ROWS = 64,  /* a page of what was dropped */
	ALL_WINDOW = 32,   /* messages of one `all` on their way at a time */
	ALL_MAX = 4096,    /* and to how many people it goes */
	SENDERS_MAX = 256, /* remembered for a reply without reply_to */
};
static const int64_t usual_us = 30000000, again_us = 1000000, name_us = 2000000;

enum wait { WAIT_ACK, WAIT_SENT, WAIT_NONE };
static const char *const words_wait[] = {"ack", "sent", "none", NULL};

enum stage {
	ASKED,      /* the engine has it */
	WAITING,    /* done, and the state that `wait` names is to come */
	CANCELLING, /* too late: CMD_CANCEL is on its way */
};

/* An `all` on its way: one message each, and what became of them. */
struct all {
	char *text; /* owned */
	bool list;  /* the result names everybody */
	bool again; /* somebody may be missing: ask from the start */
	contact_id *who;
	size_t n, next, open, good;
	enum code bad; /* of the first who did not get it */
	struct buf peers;
};

/* A command without its result. */
struct open {
	uint64_t number; /* 0: a free place */
	uint64_t parent; /* of an `all`; 0: its own */
	char ref[REF_MAX + 1];
	bool has_ref, own; /* own: nobody asked for it */
	enum command_kind kind;
	enum wait wait;
	bool keep;   /* "on_timeout":"queue" */
	bool naming; /* CONNECT: done, and his nickname is to come */
	enum stage stage;
	enum code late;                  /* CANCELLING: why */
	int64_t timeout_us, deadline_us; /* INT64_MAX: none */
	struct uuid id;
	message_n n;
	enum delivery state;
	struct uuid oldest;  /* HISTORY: of the page, for "next" */
	struct contact *who; /* owned or NULL */
	struct all *all;     /* owned or NULL */
};

struct sender {
	contact_id who;
	struct uuid id;
	uint64_t at;
	bool answered;
	char name[NICK_MAX + 1];
};

struct lines {
	/* what came, from `from` on; `over`: in a line that is too long */
	struct buf in;
	size_t from, seen;
	bool over;

	struct open *open;
	size_t n_open, cap_open; /* places, free ones among them */
	size_t n_refs, n_waiting, n_timed;
	size_t n_asked; /* commands that the engine has not answered */
	uint64_t last_number;

	struct command **want;
	size_t n_want;

	struct sender *sender;
	size_t n_senders;
	uint64_t told_count;

	/* What EV_LOST took is read again, a page at a time. */
	struct {
		bool all;   /* lines_replay */
		bool on;    /* reading */
		bool holes; /* rows of the page that comes were lost, too */
		bool asked; /* what was told before the start: known */
		message_n told, at, skipped, skipped_then;
		size_t rows; /* of the page that comes */
		int64_t again_us;
		uint64_t number;
	} replay;
};

/* ---- codes ---- */

static const struct {
	const char *word;
	int exit;
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
enum { N_CODES = sizeof codes / sizeof *codes };

int code_exit(enum code c)
{
	return codes[c].exit;
}

const char *code_word(enum code c)
{
	return codes[c].word;
}

static enum code code_find(const char *word)
{
	for (size_t i = 0; word && i < N_CODES; i++)
		if (!strcmp(codes[i].word, word))
			return (enum code)i;
	return CODE_ERROR;
}

static const struct {
	const char *word;
	enum command_kind kind;
} commands[] = {
    {"send", CMD_SEND},       {"reply", CMD_REPLY},
    {"all", CMD_ALL},         {"cancel", CMD_CANCEL},
    {"retry", CMD_RETRY},     {"draft", CMD_DRAFT},
    {"read", CMD_READ},       {"connect", CMD_CONNECT},
    {"trust", CMD_TRUST},     {"verify", CMD_VERIFY},
    {"block", CMD_BLOCK},     {"unblock", CMD_UNBLOCK},
    {"forget", CMD_FORGET},   {"rename", CMD_RENAME},
    {"nick", CMD_NICK},       {"set", CMD_SET},
    {"id", CMD_ID},           {"peers", CMD_PEERS},
    {"outbox", CMD_OUTBOX},   {"snapshot", CMD_SNAPSHOT},
    {"history", CMD_HISTORY}, {"since", CMD_SINCE},
    {"quit", CMD_QUIT},
};
enum { N_COMMANDS = sizeof commands / sizeof *commands };

/* ---- making and freeing ---- */

struct lines *lines_new(void)
{
	struct lines *l = xmalloc(sizeof *l);

	memset(l, 0, sizeof *l);
	l->replay.again_us = INT64_MAX;
	return l;
}

static void all_free(struct all *a)
{
	if (!a)
		return;
	free(a->text);
	free(a->who);
	buf_free(&a->peers);
	free(a);
}

void lines_free(struct lines *l)
{
	if (!l)
		return;
	for (size_t i = 0; i < l->n_open; i++) {
		free(l->open[i].who);
		all_free(l->open[i].all);
	}
	for (size_t i = 0; i < l->n_want; i++)
		command_free(l->want[i]);
	free(l->open);
	free(l->want);
	free(l->sender);
	buf_free(&l->in);
	free(l);
}

static bool uuid_none(const struct uuid *id)
{
	static const struct uuid none;

	return !memcmp(id, &none, sizeof none);
}

/* ---- bytes become lines ---- */

void lines_feed(struct lines *l, struct bytes in)
{
	if (l->from) {
		buf_drop(&l->in, l->from);
		l->seen -= l->from;
		l->from = 0;
	}
	buf_put(&l->in, in);
}

/* The end of the line that begins at `from`, or of what may be looked at. */
static bool line_end(struct lines *l, size_t *end)
{
	const uint8_t *nl = NULL;

	if (l->in.n > l->seen)
		nl = memchr(l->in.p + l->seen, '\n', l->in.n - l->seen);
	*end = nl ? (size_t)(nl - l->in.p) : l->in.n;
	l->seen = *end;
	return nl;
}

/* Of a line that is over the limit everything after it is forgotten as it
 * comes, up to its newline. */
bool lines_split(struct lines *l, struct bytes *line, bool *too_long)
{
	while (l->from < l->in.n) {
		size_t end;
		bool whole = line_end(l, &end), over = l->over;
		size_t n = end - l->from;

		*line = (struct bytes){l->in.p + l->from, n};
		if (whole && n && line->p[n - 1] == '\r')
			line->n--;
		*too_long = line->n > LINE_MAX_BYTES;
		if (!whole && !over && n <= LINE_MAX_BYTES + 1)
			return false;
		l->over = !whole;
		l->from = l->seen = end + whole;
		if (!over)
			return true;
	}
	return false;
}

/* ---- the table of open refs ---- */

static struct open *open_find(struct lines *l, uint64_t number)
{
	for (size_t i = 0; number && i < l->n_open; i++)
		if (l->open[i].number == number)
			return &l->open[i];
	return NULL;
}

/* Pointers into the table are good until the next open_new. */
static struct open *open_new(struct lines *l, enum command_kind kind, bool own)
{
	struct open *o = NULL;

	for (size_t i = 0; i < l->n_open && !o; i++)
		if (!l->open[i].number)
			o = &l->open[i];
	if (!o && l->n_open == l->cap_open) {
		l->cap_open = l->cap_open ? 2 * l->cap_open : 8;
		l->open = xrealloc(l->open, l->cap_open * sizeof *l->open);
	}
	if (!o)
		o = &l->open[l->n_open++];
	*o = (struct open){.number = ++l->last_number,
			   .kind = kind,
			   .own = own,
			   .wait = WAIT_NONE,
			   .timeout_us = INT64_MAX,
			   .deadline_us = INT64_MAX};
	l->n_refs += !own;
	return o;
}

static void set_deadline(struct lines *l, struct open *o, int64_t at)
{
	l->n_timed -= o->deadline_us != INT64_MAX;
	o->deadline_us = at;
	l->n_timed += at != INT64_MAX;
}

static void set_stage(struct lines *l, struct open *o, enum stage s)
{
	l->n_waiting -= o->stage != ASKED;
	o->stage = s;
	l->n_waiting += s != ASKED;
}

static void open_free(struct lines *l, struct open *o)
{
	set_deadline(l, o, INT64_MAX);
	set_stage(l, o, ASKED);
	l->n_refs -= !o->own;
	free(o->who);
	all_free(o->all);
	o->who = NULL;
	o->all = NULL;
	o->number = 0;
	while (l->n_open && !l->open[l->n_open - 1].number)
		l->n_open--;
}

bool lines_open(const struct lines *l)
{
	return l->n_refs > 0;
}

/* ---- commands of our own ---- */

static struct command *want(struct lines *l, enum command_kind kind,
			    uint64_t number)
{
	struct command *cmd = xmalloc(sizeof *cmd);

	*cmd = (struct command){.kind = kind, .ref = number};
	l->want = xrealloc(l->want, (l->n_want + 1) * sizeof *l->want);
	l->want[l->n_want++] = cmd;
	return cmd;
}

static bool want_next(struct lines *l, struct command **cmd)
{
	if (!l->n_want || l->n_asked >= ENGINE_MAX)
		return false;
	*cmd = l->want[0];
	memmove(l->want, l->want + 1, --l->n_want * sizeof(struct command *));
	l->n_asked++;
	return true;
}

static char *copy_of(const char *s)
{
	return xstrndup((struct bytes){(const uint8_t *)s, strlen(s)});
}

/* ---- results ---- */

struct result {
	enum code code;
	const char *text, *name;
	const struct event *ev; /* with its message and contact; or NULL */
};

static void line_begin(struct buf *out, const char *event)
{
	json_open(out, NULL);
	json_number(out, "v", 1);
	json_string(out, "event", event);
}

static void line_end_put(struct buf *out)
{
	static const uint8_t end[] = "}\n";

	buf_put(out, (struct bytes){end, 2});
}

static void result_begin(struct buf *out, const char *ref, enum code code,
			 const char *text)
{
	line_begin(out, "result");
	if (ref)
		json_string(out, "ref", ref);
	json_flag(out, "ok", code == CODE_OK);
	if (code != CODE_OK)
		json_string(out, "code", code_word(code));
	if (text)
		json_string(out, code == CODE_OK ? "text" : "error", text);
}

static void put_page(const struct open *o, const struct event *ev,
		     struct buf *out)
{
	bool pages = o->kind == CMD_HISTORY || o->kind == CMD_SINCE ||
		     o->kind == CMD_OUTBOX || o->kind == CMD_PEERS ||
		     o->kind == CMD_SNAPSHOT;

	if (!pages)
		return;
	json_flag(out, "more", ev->more);
	if (!ev->more)
		return;
	if (o->kind == CMD_HISTORY)
		json_uuid(out, "next", &o->oldest);
	else
		json_number(out, "next", ev->next);
	json_number(out, "next_n", ev->next);
}

static void put_result_event(const struct open *o, const struct event *ev,
			     struct buf *out)
{
	const struct contact *who = ev->contact ? ev->contact : o->who;

	if (o->kind == CMD_ID && who) {
		json_id(out, "id", &who->key);
		json_string(out, "nick", who->nick);
		json_addr(out, "addr", &who->at);
	} else if (ev->message) {
		json_uuid(out, "id", &ev->message->id);
		json_number(out, "n", ev->message->n);
		json_string(out, "state",
			    words_delivery[ev->message->delivery]);
	}
	if (who)
		json_peer(out, "peer", who);
	if (ev->name)
		json_string(out, "name", ev->name);
	put_page(o, ev, out);
}

static void put_all(const struct all *a, struct buf *out)
{
	json_number(out, "acknowledged", (int64_t)a->good);
	json_number(out, "recipients", (int64_t)a->n);
	if (!a->list)
		return;
	json_list(out, "peers");
	buf_put(out, (struct bytes){a->peers.p, a->peers.n});
	json_list_end(out);
}

/* What became of a message that was waited for. */
static void put_waited(const struct open *o, struct buf *out)
{
	json_uuid(out, "id", &o->id);
	json_number(out, "n", o->n);
	json_string(out, "state", words_delivery[o->state]);
	if (o->who)
		json_peer(out, "peer", o->who);
}

static void all_one_done(struct lines *l, const struct now *now,
			 struct open *child, enum code code, const char *text,
			 struct buf *out);

/* The one result of a ref; o is free afterwards. */
static void finish(struct lines *l, const struct now *now, struct open *o,
		   enum code code, const char *text, const struct event *ev,
		   struct buf *out)
{
	if (o->parent) {
		all_one_done(l, now, o, code, text, out);
		return;
	}
	if (!o->own) {
		result_begin(out, o->has_ref ? o->ref : NULL, code, text);
		if (o->all)
			put_all(o->all, out);
		else if (o->stage != ASKED)
			put_waited(o, out);
		else if (ev)
			put_result_event(o, ev, out);
		line_end_put(out);
	}
	open_free(l, o);
}

/* ---- all: a message each, so that each has a fate of its own ---- */

static void all_end(struct lines *l, const struct now *now, struct open *o,
		    struct buf *out)
{
	struct all *a = o->all;
	enum code code = CODE_OK;

	if (!a->n)
		finish(l, now, o, CODE_UNREACHABLE, "nobody is online", NULL,
		       out);
	else {
		if (a->good < a->n)
			code = a->good ? CODE_PARTLY : a->bad;
		finish(l, now, o, code,
		       code == CODE_OK ? NULL : "not to everybody", NULL, out);
	}
}

/* Keeps the window of those on their way full. */
static void all_go_on(struct lines *l, const struct now *now, uint64_t number,
		      struct buf *out)
{
	struct open *o = open_find(l, number);

	while (o->all->next < o->all->n && o->all->open < ALL_WINDOW) {
		struct open *child = open_new(l, CMD_SEND, true);
		struct command *cmd = want(l, CMD_SEND, child->number);

		o = open_find(l, number); /* the table may have moved */
		child = open_find(l, l->last_number);
		child->parent = number;
		child->wait = o->wait;
		child->keep = o->keep;
		if (o->timeout_us != INT64_MAX)
			child->timeout_us = o->deadline_us - now->mono_us;
		cmd->contact = o->all->who[o->all->next++];
		cmd->text = copy_of(o->all->text);
		o->all->open++;
	}
	if (!o->all->open)
		all_end(l, now, o, out);
}

static void all_one_done(struct lines *l, const struct now *now,
			 struct open *child, enum code code, const char *text,
			 struct buf *out)
{
	uint64_t number = child->parent;
	struct open *o = open_find(l, number);
	struct all *a = o->all;

	a->open--;
	a->good += code == CODE_OK;
	if (code != CODE_OK && a->bad == CODE_OK)
		a->bad = code;
	if (a->list && a->peers.n < LINE_MAX_BYTES - 4096) {
		struct buf *b = &a->peers;

		if (b->n)
			buf_put(b, (struct bytes){(const uint8_t *)",", 1});
		buf_put(b, (struct bytes){(const uint8_t *)"{", 1});
		if (child->who) {
			json_id(b, "id", &child->who->key);
			json_string(b, "nick", child->who->nick);
		}
		json_uuid(b, "message", &child->id);
		json_string(b, "state", words_delivery[child->state]);
		json_flag(b, "ok", code == CODE_OK);
		if (code != CODE_OK)
			json_string(b, "code", code_word(code));
		if (code != CODE_OK && text)
			json_string(b, "error", text);
		json_close(b);
	}
	open_free(l, child);
	all_go_on(l, now, number, out);
}

static void all_collect(struct open *o, const struct contact *c)
{
	struct all *a = o->all;

	if (c->presence != P_ONLINE || c->blocked || a->n == ALL_MAX)
		return;
	if (!(a->n & (a->n - 1)))
		a->who =
		    xrealloc(a->who, (a->n ? 2 * a->n : 1) * sizeof *a->who);
	a->who[a->n++] = c->id;
}

/* A page of contacts is complete. */
static void all_listed(struct lines *l, const struct now *now, struct open *o,
		       const struct event *ev, struct buf *out)
{
	if (ev->code != CODE_OK) {
		finish(l, now, o, ev->code, ev->text, NULL, out);
	} else if (o->all->again) {
		o->all->again = false;
		o->all->n = 0;
		want(l, CMD_SNAPSHOT, o->number);
	} else if (ev->more)
		want(l, CMD_SNAPSHOT, o->number)->n = ev->next;
	else
		all_go_on(l, now, o->number, out);
}

/* ---- waiting ---- */

/* Too late, or it cannot come any more: the message is taken back, unless it
 * was to stay queued. */
static void give_up(struct lines *l, const struct now *now, struct open *o,
		    enum code why, const char *text, struct buf *out)
{
	if (o->keep) {
		finish(l, now, o, why == CODE_TIMEOUT ? CODE_QUEUED : why, text,
		       NULL, out);
		return;
	}
	set_stage(l, o, CANCELLING);
	set_deadline(l, o, INT64_MAX);
	o->late = why;
	want(l, CMD_CANCEL, o->number)->id = o->id;
}

static const char late_words[] = "no acknowledgement in time";
static const char key_words[] = "another key than the known one answers";

static void settle_failed(struct lines *l, const struct now *now,
			  struct open *o, const struct message *m,
			  struct buf *out)
{
	bool expired = m->expire_ms && now->wall_us / 1000 > m->expire_ms;

	finish(l, now, o, expired ? CODE_TIMEOUT : CODE_REFUSED,
	       m->error ? m->error : "refused", NULL, out);
}

/* What is known of the message that o waits for. */
static void settle(struct lines *l, const struct now *now, struct open *o,
		   const struct message *m, struct buf *out)
{
	bool cancelling = o->stage == CANCELLING;

	switch (m->delivery) {
	case D_DELIVERED:
		o->state = D_DELIVERED;
		finish(l, now, o, CODE_OK, NULL, NULL, out);
		return;
	case D_SENT:
	case D_STORED:
		o->state = m->delivery;
		if (o->wait == WAIT_SENT && !cancelling) {
			finish(l, now, o, CODE_OK, NULL, NULL, out);
			return;
		}
		break;
	case D_FAILED:
		if (!cancelling) {
			o->state = D_FAILED;
			settle_failed(l, now, o, m, out);
		}
		return;
	case D_CANCELLED:
		if (!cancelling)
			finish(l, now, o, CODE_TIMEOUT, "it was taken back",
			       NULL, out);
		return;
	case D_QUEUED:
	case D_RECEIVED:
	case D_REQUEST:
		break;
	}
	if (m->held && !cancelling)
		give_up(l, now, o, CODE_KEY, key_words, out);
}

static void settle_all(struct lines *l, const struct now *now,
		       const struct message *m, struct buf *out)
{
	for (size_t i = 0; l->n_waiting && i < l->n_open; i++) {
		struct open *o = &l->open[i];

		if (!o->number || o->stage == ASKED ||
		    memcmp(&o->id, &m->id, sizeof m->id))
			continue;
		settle(l, now, o, m, out);
		return;
	}
}

/* The engine took the message: now what `wait` names is to come. */
static void begin_wait(struct lines *l, const struct now *now, struct open *o,
		       const struct event *ev, struct buf *out)
{
	const struct message *m = ev->message;

	set_stage(l, o, WAITING);
	o->id = m->id;
	o->n = m->n;
	o->state = m->delivery;
	if (ev->contact) {
		o->who = xmalloc(sizeof *o->who);
		*o->who = *ev->contact;
		o->who->draft = NULL;
	}
	if (o->wait == WAIT_NONE) {
		finish(l, now, o, CODE_OK, NULL, NULL, out);
		return;
	}
	if (o->timeout_us != INT64_MAX && o->deadline_us == INT64_MAX)
		set_deadline(l, o, now->mono_us + o->timeout_us);
	settle(l, now, o, m, out);
}

static void cancelled(struct lines *l, const struct now *now, struct open *o,
		      const struct event *ev, struct buf *out)
{
	switch ((int)ev->code) {
	case CODE_ERROR: /* its ACK was quicker */
		o->state = D_DELIVERED;
		finish(l, now, o, CODE_OK, NULL, NULL, out);
		return;
	case CODE_DISK_FULL:
	case CODE_QUEUE_FULL:
		finish(l, now, o, CODE_QUEUED,
		       "it could not be taken back: it stays queued", NULL,
		       out);
		return;
	default:
		finish(l, now, o, o->late,
		       o->late == CODE_KEY ? key_words : late_words, NULL, out);
	}
}

void lines_tick(struct lines *l, const struct now *now, struct buf *out)
{
	for (size_t i = 0; l->n_timed && i < l->n_open; i++) {
		struct open *o = &l->open[i];

		if (!o->number || o->deadline_us > now->mono_us)
			continue;
		set_deadline(l, o, INT64_MAX);
		if (o->stage == WAITING)
			give_up(l, now, o, CODE_TIMEOUT, late_words, out);
		else if (o->naming)
			finish(l, now, o, CODE_OK, NULL,
			       &(struct event){.kind = EV_RESULT}, out);
		else if (o->kind == CMD_CONNECT)
			finish(l, now, o, CODE_TIMEOUT, "no answer in time",
			       NULL, out);
	}
	if (l->replay.again_us <= now->mono_us) {
		l->replay.again_us = INT64_MAX;
		want(l, CMD_SINCE, l->replay.number)->n = l->replay.at;
		l->want[l->n_want - 1]->limit = REPLAY_ROWS;
	}
}

int64_t lines_deadline(const struct lines *l)
{
	int64_t at = l->replay.again_us;

	for (size_t i = 0; l->n_timed && i < l->n_open; i++)
		if (l->open[i].number && l->open[i].deadline_us < at)
			at = l->open[i].deadline_us;
	return at;
}

/* The key is there and the nickname comes a moment later. Whoever waits for
 * `connect` wants to use it, so the result waits, too. */
static bool begin_naming(struct lines *l, const struct now *now, struct open *o,
			 const struct event *ev)
{
	if (o->kind != CMD_CONNECT || o->own || ev->code != CODE_OK ||
	    !ev->contact || ev->contact->nick[0])
		return false;
	o->who = xmalloc(sizeof *o->who);
	*o->who = *ev->contact;
	o->who->draft = NULL;
	o->naming = true;
	set_deadline(l, o, now->mono_us + name_us);
	return true;
}

static void named(struct lines *l, const struct now *now,
		  const struct event *ev, struct buf *out)
{
	for (size_t i = 0; l->n_timed && i < l->n_open; i++) {
		struct open *o = &l->open[i];

		if (o->number && o->naming && o->who->id == ev->contact->id)
			finish(l, now, o, CODE_OK, NULL, ev, out);
	}
}

/* ---- who wrote last ---- */

static struct sender *sender_find(struct lines *l, contact_id who)
{
	for (size_t i = 0; i < l->n_senders; i++)
		if (l->sender[i].who == who)
			return &l->sender[i];
	return NULL;
}

/* A new one; the one that was silent longest makes room. */
static struct sender *sender_new(struct lines *l, contact_id who)
{
	struct sender *s = NULL;

	if (l->n_senders < SENDERS_MAX) {
		if (!(l->n_senders & (l->n_senders - 1)))
			l->sender = xrealloc(
			    l->sender, (l->n_senders ? 2 * l->n_senders : 1) *
					   sizeof *l->sender);
		s = &l->sender[l->n_senders++];
	} else {
		for (size_t i = 0; i < l->n_senders; i++)
			if (!s || l->sender[i].at < s->at)
				s = &l->sender[i];
	}
	*s = (struct sender){.who = who};
	return s;
}

static void sender_note(struct lines *l, const struct message *m,
			const struct contact *c)
{
	struct sender *s = sender_find(l, m->with);

	if (!m->incoming) {
		if (s)
			s->answered = true;
		return;
	}
	if (!s)
		s = sender_new(l, m->with);
	s->id = m->id;
	s->at = ++l->told_count;
	s->answered = false;
	if (c)
		memcpy(s->name, c->petname[0] ? c->petname : c->nick,
		       sizeof s->name);
}

/* Fills in whom a reply without reply_to answers; or says why not. */
static enum code reply_target(struct lines *l, struct command *cmd,
			      char why[static 256])
{
	struct sender *last = NULL;
	size_t unanswered = 0, n = 0;

	snprintf(why, 256, "nobody has written yet");
	for (size_t i = 0; i < l->n_senders; i++) {
		struct sender *s = &l->sender[i];

		if (!last || s->at > last->at)
			last = s;
		if (s->answered)
			continue;
		n += (size_t)snprintf(
		    why + n, 256 - n, "%s%.40s",
		    unanswered ? ", " : "unanswered: ", s->name);
		if (n > 200)
			n = 200;
		unanswered++;
	}
	if (!last)
		return CODE_UNKNOWN;
	if (unanswered > 1)
		return CODE_AMBIGUOUS;
	last->answered = true;
	cmd->id = last->id;
	cmd->contact = last->who;
	return CODE_OK;
}

/* ---- commands ---- */

/* "ref":"..." in a line that cannot be read: a quick look, so that whoever
 * waits for it hears. */
static bool glimpse_ref(struct bytes line, char ref[static REF_MAX + 1])
{
	static const char key[] = "\"ref\"";
	const uint8_t *end = line.p + (line.n < 4096 ? line.n : 4096), *p;
	size_t n = 0;

	p = line.n ? memmem(line.p, (size_t)(end - line.p), key, 5) : NULL;
	if (!p || (p > line.p && p[-1] == '\\'))
		return false;
	for (p += 5; p < end && (*p == ' ' || *p == ':'); p++)
		;
	if (p == end || *p != '"')
		return false;
	for (p++; p + n < end && p[n] != '"'; n++)
		if (p[n] == '\\' || p[n] < 32 || n == REF_MAX)
			return false;
	if (p + n == end || !utf8_ok((struct bytes){p, n}))
		return false;
	memcpy(ref, p, n);
	ref[n] = 0;
	return true;
}

static void refuse(struct buf *out, const char *ref, enum code code,
		   const char *why)
{
	result_begin(out, ref, code, why);
	line_end_put(out);
}

static void refuse_unread(struct bytes line, const char *why, struct buf *out)
{
	char ref[REF_MAX + 1];

	refuse(out, glimpse_ref(line, ref) ? ref : NULL, CODE_BAD_COMMAND, why);
}

static bool read_kind(struct json_object *o, enum command_kind *kind,
		      char why[static 256])
{
	const char *word = NULL;

	if (!json_get_string(o, "cmd", &word) || !word) {
		snprintf(why, 256, "no \"cmd\"");
		return false;
	}
	for (size_t i = 0; i < N_COMMANDS; i++) {
		if (strcmp(commands[i].word, word))
			continue;
		*kind = commands[i].kind;
		return true;
	}
	snprintf(why, 256, "unknown command %.32s", word);
	return false;
}

static bool bad_kind(char why[static 256], const char *key, const char *what)
{
	snprintf(why, 256, "\"%s\" is not %s", key, what);
	return false;
}

static bool read_strings(struct json_object *o, struct command *cmd,
			 char why[static 256])
{
	static const char *const key[] = {"to", "peer", "text", "name"};
	char **slot[] = {&cmd->to, &cmd->to, &cmd->text, &cmd->name};

	for (size_t i = 0; i < 4; i++) {
		const char *s = NULL;

		if (!json_get_string(o, key[i], &s))
			return bad_kind(why, key[i], "a string");
		if (s && !*slot[i])
			*slot[i] = copy_of(s);
	}
	return true;
}

static bool read_numbers(struct json_object *o, struct command *cmd,
			 char why[static 256])
{
	int64_t limit = 0, cursor = 0;

	if (!json_get_number(o, "contact", &cmd->contact))
		return bad_kind(why, "contact", "a number");
	if (!json_get_number(o, "n", &cmd->n) ||
	    (cmd->kind != CMD_HISTORY && !json_get_number(o, "after", &cmd->n)))
		return bad_kind(why, "n", "a number");
	if (!json_get_number(o, "limit", &limit) || limit < 0)
		return bad_kind(why, "limit", "a number");
	if (!json_get_number(o, "cursor", &cursor) || cursor < 0)
		return bad_kind(why, "cursor", "a number");
	if (!json_get_flag(o, "yes", &cmd->yes))
		return bad_kind(why, "yes", "true or false");
	cmd->limit = limit < PAGE_MAX ? (unsigned)limit : PAGE_MAX;
	cmd->cursor = (size_t)cursor;
	return true;
}

static bool read_ids(struct json_object *o, struct command *cmd,
		     char why[static 256])
{
	static const char *const key[] = {"id", "reply_to", "before"};

	for (size_t i = 0; i < 3; i++)
		if (!json_get_uuid(o, key[i], &cmd->id))
			return bad_kind(why, key[i], "a message id");
	return true;
}

static bool sends(enum command_kind kind)
{
	return kind == CMD_SEND || kind == CMD_REPLY || kind == CMD_ALL;
}

static bool read_wait(struct json_object *o, struct open *to,
		      char why[static 256])
{
	const char *wait = NULL, *late = NULL;
	int64_t ms = -1;
	int i;

	if (!json_get_string(o, "wait", &wait))
		return bad_kind(why, "wait", "ack, sent or none");
	if (!json_get_number(o, "timeout_ms", &ms) || ms > INT64_C(1) << 40)
		return bad_kind(why, "timeout_ms", "a number of milliseconds");
	if (!json_get_string(o, "on_timeout", &late) ||
	    (late && strcmp(late, "queue") && strcmp(late, "cancel")))
		return bad_kind(why, "on_timeout", "cancel or queue");
	i = wait ? word_find(words_wait, wait) : WAIT_ACK;
	if (i < 0)
		return bad_kind(why, "wait", "ack, sent or none");
	to->keep = late && !strcmp(late, "queue");
	if (sends(to->kind))
		to->wait = (enum wait)i;
	if (ms >= 0)
		to->timeout_us = ms * 1000;
	else if (sends(to->kind) && to->wait != WAIT_NONE)
		to->timeout_us = usual_us;
	return true;
}

static bool read_ref(struct json_object *o, struct open *to,
		     char why[static 256])
{
	const char *ref = NULL;

	if (!json_get_string(o, "ref", &ref))
		return bad_kind(why, "ref", "a string");
	if (!ref)
		return true;
	if (strlen(ref) > REF_MAX) {
		snprintf(why, 256, "\"ref\" has more than %d bytes", REF_MAX);
		return false;
	}
	to->has_ref = true;
	memcpy(to->ref, ref, strlen(ref) + 1);
	return true;
}

static bool read_command(struct json_object *o, struct command *cmd,
			 struct open *to, char why[static 256])
{
	if (!read_ref(o, to, why) || !read_kind(o, &cmd->kind, why))
		return false;
	to->kind = cmd->kind;
	return read_strings(o, cmd, why) && read_numbers(o, cmd, why) &&
	       read_ids(o, cmd, why) && read_wait(o, to, why);
}

/* An `all` is not asked of the engine as it is, so it is looked at here. */
static enum code all_fits(const struct command *cmd, char why[static 256])
{
	size_t n = cmd->text ? strlen(cmd->text) : 0;

	snprintf(why, 256, "%zu bytes; a message holds 1 to %d", n, TEXT_MAX);
	if (!n)
		return CODE_USAGE;
	return n > TEXT_MAX ? CODE_TOO_LONG : CODE_OK;
}

/* Gives it a place in the table; false: there is none, or it is answered. */
static bool open_command(struct lines *l, const struct now *now,
			 struct command *cmd, const struct open *as, bool list,
			 struct buf *out)
{
	const char *ref = as->has_ref ? as->ref : NULL;
	char why[256];
	enum code code;

	if (l->n_refs >= REFS_MAX || l->n_asked >= ENGINE_MAX) {
		refuse(out, ref, CODE_QUEUE_FULL,
		       "256 commands have no result yet");
		return false;
	}
	code = CODE_OK;
	if (cmd->kind == CMD_ALL)
		code = all_fits(cmd, why);
	else if (cmd->kind == CMD_REPLY && uuid_none(&cmd->id) &&
		 !cmd->contact && !cmd->to)
		code = reply_target(l, cmd, why);
	if (code != CODE_OK) {
		refuse(out, ref, code, why);
		return false;
	}
	struct open *o = open_new(l, cmd->kind, false);

	o->has_ref = as->has_ref;
	memcpy(o->ref, as->ref, sizeof o->ref);
	o->wait = as->wait;
	o->keep = as->keep;
	o->timeout_us = as->timeout_us;
	if (as->timeout_us != INT64_MAX)
		set_deadline(l, o, now->mono_us + as->timeout_us);
	cmd->ref = o->number;
	if (cmd->kind != CMD_ALL)
		return true;
	o->all = xmalloc(sizeof *o->all);
	*o->all = (struct all){.text = cmd->text, .list = list};
	cmd->text = NULL;
	cmd->kind = CMD_SNAPSHOT;
	return true;
}

enum err lines_command(struct lines *l, const struct now *now,
		       struct bytes line, struct command **out_cmd,
		       struct buf *out)
{
	struct open as = {.timeout_us = INT64_MAX, .wait = WAIT_NONE};
	struct json_object *o;
	struct command *cmd;
	bool list = true;
	char why[256];

	*out_cmd = NULL;
	if (line.n > LINE_MAX_BYTES) {
		refuse_unread(line, "a line has at most 256 KiB", out);
		return ERR_LIMIT;
	}
	if (json_read(line, &o)) {
		refuse_unread(line, "not a JSON object this program accepts",
			      out);
		return ERR_PARSE;
	}
	cmd = xmalloc(sizeof *cmd);
	*cmd = (struct command){0};
	bool good = read_command(o, cmd, &as, why);

	(void)json_get_flag(o, "list", &list);
	json_object_put(o);
	if (!good)
		refuse(out, as.has_ref ? as.ref : NULL, CODE_BAD_COMMAND, why);
	if (good && open_command(l, now, cmd, &as, list, out)) {
		l->n_asked++;
		*out_cmd = cmd;
		return OK;
	}
	command_free(cmd);
	return good ? OK : ERR_PARSE;
}

static bool blank(struct bytes s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] != ' ' && s.p[i] != '\t')
			return false;
	return true;
}

bool lines_next(struct lines *l, const struct now *now, struct command **cmd,
		struct buf *out)
{
	struct bytes line;
	bool too_long;

	if (want_next(l, cmd))
		return true;
	while (lines_split(l, &line, &too_long)) {
		if (blank(line))
			continue;
		if (too_long)
			refuse_unread(line, "a line has at most 256 KiB", out);
		else if (!lines_command(l, now, line, cmd, out) && *cmd)
			return true;
	}
	return false;
}

/* ---- reading again what EV_LOST took ---- */

static void replay_ask(struct lines *l)
{
	struct open *o = open_find(l, l->replay.number);
	struct command *cmd;

	if (!o)
		o = open_new(l, CMD_SINCE, true);
	l->replay.number = o->number;
	l->replay.on = true;
	l->replay.holes = false;
	l->replay.rows = 0;
	l->replay.skipped_then = l->replay.skipped;
	cmd = want(l, CMD_SINCE, o->number);
	cmd->n = l->replay.at;
	cmd->limit = REPLAY_ROWS;
}

/* From the oldest message that somebody waits for, or that was not told. */
static void replay_begin(struct lines *l)
{
	message_n from = l->replay.all ? l->replay.told : INT64_MAX;

	for (size_t i = 0; l->n_waiting && i < l->n_open; i++)
		if (l->open[i].number && l->open[i].stage != ASKED &&
		    l->open[i].n - 1 < from)
			from = l->open[i].n - 1;
	if (from == INT64_MAX)
		return;
	if (!l->replay.on || from < l->replay.at)
		l->replay.at = from;
	if (l->replay.on)
		l->replay.holes = true;
	else
		replay_ask(l);
}

/* The rows of a question that is open may have gone, too. */
static void lost(struct lines *l)
{
	for (size_t i = 0; i < l->n_open; i++)
		if (l->open[i].number && l->open[i].all)
			l->open[i].all->again = true;
	replay_begin(l);
}

static void tell_message(struct lines *l, const struct message *m,
			 const struct contact *c, struct buf *out)
{
	line_begin(out, "message");
	json_message(out, m, c);
	line_end_put(out);
	sender_note(l, m, c);
	if (m->n > l->replay.told)
		l->replay.told = m->n;
}

static void replay_item(struct lines *l, const struct now *now,
			const struct event *ev, struct buf *out)
{
	const struct message *m = ev->message;

	if (!m || l->replay.holes)
		return;
	l->replay.rows++;
	if (m->n > l->replay.at)
		l->replay.at = m->n;
	if (l->replay.all && m->n > l->replay.told)
		tell_message(l, m, ev->contact, out);
	if (!m->incoming)
		settle_all(l, now, m, out);
}

static void replay_page(struct lines *l, const struct now *now, struct open *o,
			const struct event *ev)
{
	bool behind = l->replay.skipped > l->replay.at;

	if (ev->code != CODE_OK) { /* the disk; ask again until it is well */
		l->replay.again_us = now->mono_us + again_us;
		return;
	}
	/* What was told after we had asked is on the next page; what is on
	 * none was forgotten meanwhile. */
	if (ev->more || l->replay.holes ||
	    (behind &&
	     (l->replay.rows || l->replay.skipped != l->replay.skipped_then))) {
		replay_ask(l);
		return;
	}
	l->replay.on = false;
	open_free(l, o);
}

void lines_replay(struct lines *l)
{
	struct open *o = open_new(l, CMD_HISTORY, true);
	struct command *cmd = want(l, CMD_HISTORY, o->number);

	l->replay.all = true;
	cmd->limit = 1; /* what came before us is not told */
}

/* ---- events ---- */

static void put_listen(struct buf *out, const char *text)
{
	json_list(out, "listen");
	while (text && *text) {
		size_t n = strcspn(text, " ");
		char *one = xstrndup((struct bytes){(const uint8_t *)text, n});

		json_string(out, NULL, one);
		free(one);
		text += n + (text[n] == ' ');
	}
	json_list_end(out);
}

static void put_ready(const struct event *ev, struct buf *out)
{
	const struct contact *c = ev->contact;
	static const struct contact none;

	if (!c)
		c = &none;
	line_begin(out, "ready");
	json_id(out, "id", &c->key);
	json_string(out, "nick", c->nick);
	json_number(out, "port", c->at.port);
	put_listen(out, ev->text);
	json_number(out, "pid", getpid());
	json_string(out, "trust_new", ev->name);
	json_addr(out, "addr", &c->at);
	json_string(out, "version", SOTTO_VERSION);
	json_peer(out, "self", c);
	line_end_put(out);
}

static void put_peer(const struct event *ev, struct buf *out)
{
	if (!ev->contact)
		return;
	line_begin(out, "peer");
	json_peer(out, "peer", ev->contact);
	json_string(out, "via", words_via[ev->contact->via]);
	line_end_put(out);
}

/* 003: the confirmation carries the original's timestamp, its own, and
 * "Confirmação positiva ou negativa". */
static void put_status(const struct message *m, struct buf *out)
{
	line_begin(out, "status");
	json_uuid(out, "id", &m->id);
	json_string(out, "state", words_delivery[m->delivery]);
	if (m->delivery == D_DELIVERED || m->delivery == D_FAILED)
		json_flag(out, "ack", m->delivery == D_DELIVERED);
	else
		json_null(out, "ack");
	json_string(out, "original_timestamp", m->stamp[0] ? m->stamp : NULL);
	json_string(out, "timestamp", m->ack_stamp[0] ? m->ack_stamp : NULL);
	json_rtt(out, m->rtt_us);
	json_number(out, "tries", m->tries);
	json_string(out, "error", m->error);
	json_number(out, "n", m->n);
	json_number(out, "contact", m->with);
	json_string(out, "dir", m->incoming ? "in" : "out");
	if (m->acked_ms)
		json_time(out, "acked", m->acked_ms);
	if (m->held)
		json_flag(out, "held", true);
	line_end_put(out);
}

static const char *security_words(const char *code)
{
	static const char *const table[][2] = {
	    {"key_changed", "another key than the known one answers for it"},
	    {"new_key", "a key never seen before"},
	    {"downgrade", "it was met encrypted before and is not now"},
	    {"hostile", "it broke the rules of the channel"},
	};

	for (size_t i = 0; code && i < sizeof table / sizeof *table; i++)
		if (!strcmp(table[i][0], code))
			return table[i][1];
	return code;
}

static void put_security(const struct event *ev, struct buf *out)
{
	line_begin(out, "security");
	json_string(out, "code", ev->text);
	if (ev->contact)
		json_peer(out, "peer", ev->contact);
	else
		json_null(out, "peer");
	json_string(out, "error", security_words(ev->text));
	line_end_put(out);
}

static void put_notice(const struct event *ev, struct buf *out)
{
	line_begin(out, "notice");
	json_string(out, "level", words_level[ev->level]);
	json_string(out, "text", ev->text ? ev->text : "");
	line_end_put(out);
}

static void hear_message(struct lines *l, const struct event *ev,
			 struct buf *out)
{
	const struct message *m = ev->message;

	if (!m)
		return;
	if (!l->replay.all || !l->replay.on) {
		tell_message(l, m, ev->contact, out);
		return;
	}
	/* In its place, by a page. */
	if (m->n > l->replay.skipped)
		l->replay.skipped = m->n;
}

static void put_item(const struct open *o, const struct event *ev,
		     struct buf *out)
{
	line_begin(out, "item");
	if (o->has_ref)
		json_string(out, "ref", o->ref);
	if (ev->message) {
		json_open(out, o->kind == CMD_OUTBOX ? "outbox" : "message");
		json_message(out, ev->message, ev->contact);
		json_close(out);
	} else if (ev->contact) {
		json_peer(out, "peer", ev->contact);
	}
	line_end_put(out);
}

static void hear_item(struct lines *l, const struct now *now,
		      const struct event *ev, struct buf *out)
{
	struct open *o = open_find(l, ev->ref);

	if (!o)
		return;
	if (o->all) {
		if (ev->contact)
			all_collect(o, ev->contact);
	} else if (!o->own) {
		if (ev->message && uuid_none(&o->oldest))
			o->oldest = ev->message->id;
		put_item(o, ev, out);
	} else if (o->kind == CMD_SINCE) {
		replay_item(l, now, ev, out);
	} else if (ev->message && ev->message->n > l->replay.told) {
		l->replay.told = ev->message->n;
	}
}

static void hear_result(struct lines *l, const struct now *now,
			const struct event *ev, struct buf *out)
{
	struct open *o = open_find(l, ev->ref);

	l->n_asked -= l->n_asked > 0;
	if (!o)
		return;
	if (o->stage == CANCELLING)
		cancelled(l, now, o, ev, out);
	else if (o->all)
		all_listed(l, now, o, ev, out);
	else if (o->own && o->kind == CMD_SINCE)
		replay_page(l, now, o, ev);
	else if (sends(o->kind) && ev->code == CODE_OK && ev->message)
		begin_wait(l, now, o, ev, out);
	else if (!begin_naming(l, now, o, ev))
		finish(l, now, o, ev->code, ev->text, ev, out);
}

void lines_refused(struct lines *l, const struct now *now, uint64_t ref,
		   enum err err, struct buf *out)
{
	struct event ev = {.kind = EV_RESULT, .ref = ref};
	char full[] = "too many commands at once", over[] = "sotto has ended";

	ev.code = err == ERR_FULL ? CODE_QUEUE_FULL : CODE_ERROR;
	ev.text = err == ERR_FULL ? full : over;
	hear_result(l, now, &ev, out);
}

/* Nothing more comes: what was taken and not acknowledged is queued. */
static void hear_bye(struct lines *l, const struct now *now,
		     const struct event *ev, struct buf *out)
{
	for (size_t i = l->n_open; i-- > 0;) {
		struct open *o = i < l->n_open ? &l->open[i] : NULL;

		if (!o || !o->number || o->own)
			continue;
		if (o->naming)
			finish(l, now, o, CODE_OK, NULL, NULL, out);
		else if (o->stage == ASKED)
			finish(l, now, o, CODE_ERROR, "sotto has ended", NULL,
			       out);
		else
			finish(l, now, o, CODE_QUEUED,
			       "sotto has ended; it stays queued", NULL, out);
	}
	line_begin(out, "bye");
	json_string(out, "reason", ev->text ? ev->text : "quit");
	line_end_put(out);
}

void lines_event(struct lines *l, const struct now *now, const struct event *ev,
		 struct buf *out)
{
	switch (ev->kind) {
	case EV_READY:
		put_ready(ev, out);
		break;
	case EV_PEER:
		put_peer(ev, out);
		if (ev->contact && ev->contact->nick[0])
			named(l, now, ev, out);
		break;
	case EV_MESSAGE:
		hear_message(l, ev, out);
		break;
	case EV_ITEM:
		hear_item(l, now, ev, out);
		break;
	case EV_STATUS:
		if (!ev->message)
			break;
		put_status(ev->message, out);
		settle_all(l, now, ev->message, out);
		break;
	case EV_RESULT:
		hear_result(l, now, ev, out);
		break;
	case EV_LOST:
		line_begin(out, "lost");
		line_end_put(out);
		lost(l);
		break;
	case EV_SECURITY:
		put_security(ev, out);
		break;
	case EV_NOTICE:
		put_notice(ev, out);
		break;
	case EV_BYE:
		hear_bye(l, now, ev, out);
		break;
	}
}

/* ---- the client's end ---- */

static const char *id_key(enum command_kind kind)
{
	if (kind == CMD_SEND || kind == CMD_REPLY)
		return "reply_to";
	return kind == CMD_HISTORY ? "before" : "id";
}

static const char *command_word(enum command_kind kind)
{
	for (size_t i = 0; i < N_COMMANDS; i++)
		if (commands[i].kind == kind)
			return commands[i].word;
	return "";
}

void lines_put(const struct command *cmd, struct buf *out)
{
	char ref[24];

	json_open(out, NULL);
	json_string(out, "cmd", command_word(cmd->kind));
	snprintf(ref, sizeof ref, "%llu", (unsigned long long)cmd->ref);
	json_string(out, "ref", ref);
	if (cmd->contact)
		json_number(out, "contact", cmd->contact);
	if (cmd->to)
		json_string(out, "to", cmd->to);
	if (!uuid_none(&cmd->id))
		json_uuid(out, id_key(cmd->kind), &cmd->id);
	if (cmd->n)
		json_number(out, "n", cmd->n);
	if (cmd->limit)
		json_number(out, "limit", cmd->limit);
	if (cmd->cursor)
		json_number(out, "cursor", (int64_t)cmd->cursor);
	if (cmd->yes)
		json_flag(out, "yes", true);
	if (cmd->text)
		json_string(out, "text", cmd->text);
	if (cmd->name)
		json_string(out, "name", cmd->name);
	if (sends(cmd->kind))
		json_string(out, "wait", "none");
	if (cmd->kind == CMD_ALL)
		json_flag(out, "list", false);
	line_end_put(out);
}

static const struct {
	const char *word;
	enum event_kind kind;
} event_words[] = {
    {"ready", EV_READY},       {"peer", EV_PEER},     {"message", EV_MESSAGE},
    {"item", EV_ITEM},         {"status", EV_STATUS}, {"result", EV_RESULT},
    {"lost", EV_LOST},         {"notice", EV_NOTICE}, {"bye", EV_BYE},
    {"security", EV_SECURITY},
};

static uint64_t get_ref(struct json_object *o)
{
	const char *s = NULL;

	if (!json_get_string(o, "ref", &s) || !s)
		return 0;
	return strtoull(s, NULL, 10);
}

static char *get_listen(struct json_object *o)
{
	struct json_object *list = NULL;
	struct buf b = {0};
	char *out;

	json_object_object_get_ex(o, "listen", &list);
	if (json_object_is_type(list, json_type_array))
		for (size_t i = 0; i < json_object_array_length(list); i++) {
			struct json_object *v =
			    json_object_array_get_idx(list, i);

			if (json_object_is_type(v, json_type_string))
				buf_printf(&b, "%s%s", b.n ? " " : "",
					   json_object_get_string(v));
		}
	out = xstrndup((struct bytes){b.p, b.n});
	buf_free(&b);
	return out;
}

static void get_row(struct json_object *o, struct event *ev)
{
	struct json_object *row = NULL;

	if (!json_object_object_get_ex(o, "message", &row))
		json_object_object_get_ex(o, "outbox", &row);
	if (!json_object_is_type(row, json_type_object)) {
		ev->contact = json_get_peer(o, "peer");
		return;
	}
	ev->message = json_get_message(row);
	ev->contact = json_get_peer(row, "peer");
}

static void get_result(struct json_object *o, struct event *ev)
{
	const char *code = NULL;
	struct uuid id = {0};
	bool good = false;

	(void)json_get_flag(o, "ok", &good);
	(void)json_get_string(o, "code", &code);
	ev->code = good ? CODE_OK : code_find(code);
	ev->text = json_get_text(o, good ? "text" : "error");
	ev->name = json_get_text(o, "name");
	(void)json_get_flag(o, "more", &ev->more);
	(void)json_get_number(o, "next_n", &ev->next);
	ev->contact = json_get_peer(o, "peer");
	if (json_get_uuid(o, "id", &id) && !uuid_none(&id) &&
	    json_object_object_get_ex(o, "n", NULL)) {
		ev->message = json_get_message(o);
		free(ev->message->text);
		ev->message->text = xstrndup((struct bytes){0});
		if (ev->contact)
			ev->message->with = ev->contact->id;
	}
}

static void get_status(struct json_object *o, struct event *ev)
{
	struct message *m = json_get_message(o);
	const char *s = NULL;

	/* Here "timestamp" is the ACK's. */
	memset(m->stamp, 0, sizeof m->stamp);
	memset(m->ack_stamp, 0, sizeof m->ack_stamp);
	m->sent_ms = 0;
	if (json_get_string(o, "timestamp", &s) && s && strlen(s) <= STAMP_MAX)
		memcpy(m->ack_stamp, s, strlen(s) + 1);
	memcpy(m->stamp, m->quote_stamp, sizeof m->stamp);
	memset(m->quote_stamp, 0, sizeof m->quote_stamp);
	ev->message = m;
}

static void get_event(struct json_object *o, struct event *ev)
{
	const char *level = NULL;
	int i;

	switch (ev->kind) {
	case EV_READY:
		ev->contact = json_get_peer(o, "self");
		ev->text = get_listen(o);
		ev->name = json_get_text(o, "trust_new");
		break;
	case EV_PEER:
		ev->contact = json_get_peer(o, "peer");
		break;
	case EV_SECURITY:
		ev->contact = json_get_peer(o, "peer");
		ev->text = json_get_text(o, "code");
		break;
	case EV_MESSAGE:
		ev->message = json_get_message(o);
		ev->contact = json_get_peer(o, "peer");
		break;
	case EV_ITEM:
		get_row(o, ev);
		break;
	case EV_STATUS:
		get_status(o, ev);
		break;
	case EV_RESULT:
		get_result(o, ev);
		break;
	case EV_NOTICE:
		(void)json_get_string(o, "level", &level);
		i = word_find(words_level, level);
		ev->level = i == LEVEL_WARN    ? LEVEL_WARN
			    : i == LEVEL_ERROR ? LEVEL_ERROR
					       : LEVEL_INFO;
		ev->text = json_get_text(o, "text");
		break;
	case EV_BYE:
		ev->text = json_get_text(o, "reason");
		break;
	case EV_LOST:
		break;
	}
}

enum err lines_get(struct bytes line, struct event **out)
{
	const char *word = NULL;
	struct json_object *o;
	struct event *ev = NULL;

	if (json_read(line, &o))
		return ERR_PARSE;
	(void)json_get_string(o, "event", &word);
	for (size_t i = 0;
	     word && !ev && i < sizeof event_words / sizeof *event_words; i++) {
		if (strcmp(event_words[i].word, word))
			continue;
		ev = xmalloc(sizeof *ev);
		*ev = (struct event){.kind = event_words[i].kind};
		ev->ref = get_ref(o);
		get_event(o, ev);
	}
	json_object_put(o);
	if (!word)
		return ERR_PARSE;
	*out = ev;
	return OK;
}
