#include "src/lines_impl.h"
#include <stdio.h>

enum {
	ENGINE_MAX = 256, /* commands an engine holds without a result */
	REPLAY_ROWS = 64, /* a page of what was dropped */
	ALL_WINDOW = 32,  /* messages of one `all` on their way at a time */
	ALL_MAX = 4096,   /* and to how many people it goes */
};
static const int64_t again_us = 1000000, name_us = 2000000;

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

/* ---- results ---- */

struct result {
	enum code code;
	const char *text, *name;
	const struct event *ev; /* with its message and contact; or NULL */
};

static void put_page(const struct open *o, const struct event *ev,
		     struct buf *out)
{
	bool pages = o->kind == CMD_HISTORY || o->kind == CMD_SINCE ||
		     o->kind == CMD_OUTBOX || o->kind == CMD_PEERS ||
		     o->kind == CMD_SEARCH || o->kind == CMD_SNAPSHOT;

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
	if (ev->tries_left)
		json_number(out, "tries_left", ev->tries_left);
	if (ev->locked_s)
		json_number(out, "locked_s", ev->locked_s);
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
		lines_result(out, o->has_ref ? o->ref : NULL, code, text);
		if (o->all)
			put_all(o->all, out);
		else if (o->stage != ASKED)
			put_waited(o, out);
		else if (ev)
			put_result_event(o, ev, out);
		lines_end(out);
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
	if (c->trust == TRUST_NEW) /* to write to him would accept him */
		return;
	if (c->trust == TRUST_PLAIN) /* in the clear: only who is named */
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
	case D_HANDED:
		o->state = m->delivery;
		finish(l, now, o, o->wait == WAIT_ACK ? CODE_NO_ACK : CODE_OK,
		       NULL, NULL, out);
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
	    !ev->contact || ev->contact->nick[0] ||
	    ev->contact->trust == TRUST_PLAIN)
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
		lines_refuse(out, ref, CODE_QUEUE_FULL,
			     "256 commands have no result yet");
		return false;
	}
	code = CODE_OK;
	if (cmd->kind == CMD_ALL)
		code = all_fits(cmd, why);
	else if (cmd->kind == CMD_REPLY && uuid_none(&cmd->id) &&
		 !cmd->contact && !cmd->to)
		code = lines_reply_target(l, cmd, why);
	if (code != CODE_OK) {
		lines_refuse(out, ref, code, why);
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
	if (command_sends(cmd->kind))
		cmd->yes |= o->wait == WAIT_ACK;
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
		lines_refuse_unread(line, "a line has at most 256 KiB", out);
		return ERR_LIMIT;
	}
	if (json_read(line, &o)) {
		lines_refuse_unread(
		    line, "not a JSON object this program accepts", out);
		return ERR_PARSE;
	}
	cmd = xmalloc(sizeof *cmd);
	*cmd = (struct command){0};
	bool good = lines_read(o, cmd, &as, why);

	(void)json_get_flag(o, "list", &list);
	json_object_put(o);
	if (!good)
		lines_refuse(out, as.has_ref ? as.ref : NULL, CODE_BAD_COMMAND,
			     why);
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
			lines_refuse_unread(line, "a line has at most 256 KiB",
					    out);
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
	lines_begin(out, "message");
	json_message(out, m, c);
	lines_end(out);
	lines_sender_note(l, m, c);
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
	lines_begin(out, "item");
	if (o->has_ref)
		json_string(out, "ref", o->ref);
	if (ev->message) {
		json_open(out, o->kind == CMD_OUTBOX ? "outbox" : "message");
		json_message(out, ev->message, ev->contact);
		json_close(out);
	} else if (ev->contact) {
		json_peer(out, "peer", ev->contact);
	}
	lines_end(out);
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
	else if (command_sends(o->kind) && ev->code == CODE_OK && ev->message)
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
	lines_begin(out, "bye");
	json_string(out, "reason", ev->text ? ev->text : "quit");
	lines_end(out);
}

void lines_event(struct lines *l, const struct now *now, const struct event *ev,
		 struct buf *out)
{
	switch (ev->kind) {
	case EV_READY:
		lines_put_ready(ev, out);
		break;
	case EV_PEER:
		lines_put_peer(ev, out);
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
		lines_put_status(ev->message, out);
		settle_all(l, now, ev->message, out);
		break;
	case EV_RESULT:
		hear_result(l, now, ev, out);
		break;
	case EV_LOST:
		lines_begin(out, "lost");
		lines_end(out);
		lost(l);
		break;
	case EV_SECURITY:
		lines_put_security(ev, out);
		break;
	case EV_NOTICE:
		lines_put_notice(ev, out);
		break;
	case EV_CONSENT:
		lines_put_consent(ev, out);
		break;
	case EV_BYE:
		hear_bye(l, now, ev, out);
		break;
	}
}
