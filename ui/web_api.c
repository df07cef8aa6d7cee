#include "src/client.h"
#include "src/clock.h"
#include "src/lines_json.h"
#include "ui/web.h"
#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

/* ---- answers ---- */

static const struct {
	enum code code;
	unsigned status;
} statuses[] = {
    {CODE_OK, 200},        {CODE_BAD_COMMAND, 400}, {CODE_USAGE, 400},
    {CODE_SELF, 400},      {CODE_TOO_LONG, 413},    {CODE_UNKNOWN, 404},
    {CODE_AMBIGUOUS, 409}, {CODE_REFUSED, 403},     {CODE_KEY, 403},
    {CODE_NO_ACK, 400},    {CODE_QUEUED, 202},      {CODE_QUEUE_FULL, 503},
    {CODE_DISK_FULL, 507}, {CODE_TIMEOUT, 504},     {CODE_UNREACHABLE, 504},
};

static unsigned status_of(enum code code)
{
	for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++)
		if (statuses[i].code == code)
			return statuses[i].status;
	return 500;
}

static void refuse(struct request *r, enum code code, const char *why)
{
	struct buf b = {0};

	json_open(&b, NULL);
	json_flag(&b, "ok", false);
	json_string(&b, "code", code_word(code));
	json_string(&b, "error", why ? why : code_word(code));
	json_close(&b);
	request_answer(r, status_of(code), &b);
}

/* ---- asking ---- */

struct ask *api_place(struct site *s, enum what what, int64_t within_us)
{
	for (size_t i = 0; i < ASKS_MAX; i++) {
		struct ask *a = &s->ask[i];

		if (a->ref)
			continue;
		*a = (struct ask){.ref = ++s->ref, .what = what};
		a->until_us = clock_mono_us() + within_us;
		return a;
	}
	return NULL;
}

void api_free(struct ask *a)
{
	buf_free(&a->rows);
	free(a->cmd.to);
	free(a->cmd.text);
	*a = (struct ask){0};
}

static char *copy(const char *s)
{
	return s ? xstrndup((struct bytes){(const uint8_t *)s, strlen(s)})
		 : NULL;
}

static bool is_page(const struct ask *a)
{
	return a->ref && (a->what == ASK_ROWS || a->what == ASK_PEERS ||
			  a->what == ASK_SINCE);
}

/* Takes what cmd owns. */
static bool give(struct site *s, struct ask *a, const struct command *cmd)
{
	struct command *mine = xmalloc(sizeof *mine);

	*mine = *cmd;
	mine->ref = a->ref;
	if (!client_send(s->client, mine))
		return true;
	if (a->to)
		refuse(a->to, CODE_QUEUE_FULL, "too much at once");
	if (a->sub)
		events_caught_up(s, a->sub, false, true);
	api_free(a);
	return false;
}

static size_t pages_open(const struct site *s)
{
	size_t n = 0;

	for (size_t i = 0; i < ASKS_MAX; i++)
		n += is_page(&s->ask[i]) && !s->ask[i].waits;
	return n;
}

/* A page of a->cmd, from its start, when there are not too many. */
static bool give_page(struct site *s, struct ask *a)
{
	struct command cmd = a->cmd;

	a->waits = true;
	if (pages_open(s) >= PAGES_MAX)
		return true;
	a->waits = a->holes = false;
	a->rows.n = a->before;
	cmd.to = copy(a->cmd.to);
	cmd.text = copy(a->cmd.text);
	return give(s, a, &cmd);
}

/* Those that wait, the first ones first. */
static void next_pages(struct site *s)
{
	for (size_t n = pages_open(s); s->client && n < PAGES_MAX; n++) {
		struct ask *next = NULL;

		for (size_t i = 0; i < ASKS_MAX; i++)
			if (s->ask[i].waits &&
			    (!next || s->ask[i].ref < next->ref))
				next = &s->ask[i];
		if (!next)
			return;
		give_page(s, next);
	}
}

bool api_ask(struct site *s, struct ask *a, struct command *cmd)
{
	if (!is_page(a))
		return give(s, a, cmd);
	free(a->cmd.to);
	free(a->cmd.text);
	a->cmd = *cmd;
	a->before = a->rows.n;
	return give_page(s, a);
}

static void ask_for(struct site *s, struct request *r, enum what what,
		    struct command *cmd, int64_t within_us)
{
	struct ask *a = s->client ? api_place(s, what, within_us) : NULL;

	if (!a) {
		free(cmd->to);
		free(cmd->text);
		refuse(r, s->client ? CODE_QUEUE_FULL : CODE_UNREACHABLE,
		       s->client ? "too much at once"
				 : "sotto is not running just now");
		return;
	}
	a->to = r;
	api_ask(s, a, cmd);
}

static struct ask *ask_find(struct site *s, uint64_t ref)
{
	for (size_t i = 0; ref && i < ASKS_MAX; i++)
		if (s->ask[i].ref == ref)
			return &s->ask[i];
	return NULL;
}

/* ---- GET ---- */

/* A number of at most 18 digits; absent is what it was. */
static bool number(const struct request *r, const char *name, int64_t *n)
{
	const char *s = request_query(r, name);
	char *end;

	if (!s)
		return true;
	if (*s < '0' || *s > '9' || strlen(s) > 18)
		return false;
	*n = strtoll(s, &end, 10);
	return !*end;
}

/* An arrival number or the id of a message. */
static bool before(const struct request *r, struct command *cmd)
{
	const char *s = request_query(r, "before");

	if (!s || number(r, "before", &cmd->n))
		return true;
	return uuid_parse((struct bytes){(const uint8_t *)s, strlen(s)},
			  &cmd->id);
}

static bool whom(const struct request *r, struct command *cmd)
{
	if (!number(r, "contact", &cmd->contact))
		return false;
	cmd->to = cmd->contact ? NULL : copy(request_query(r, "peer"));
	return true;
}

static void get_page(struct site *s, struct request *r, struct command *cmd)
{
	int64_t limit = PAGE_USUAL;

	if (!number(r, "limit", &limit) || !before(r, cmd) ||
	    !number(r, "after", &cmd->n) || !whom(r, cmd)) {
		free(cmd->text);
		refuse(r, CODE_BAD_COMMAND,
		       "limit, before, after or contact is not a number");
		return;
	}
	if (request_query(r, "after"))
		cmd->kind = CMD_SINCE;
	cmd->limit = limit < PAGE_MAX ? (unsigned)limit : PAGE_MAX;
	ask_for(s, r, ASK_ROWS, cmd, ANSWER_US);
}

static void get_messages(struct site *s, struct request *r)
{
	struct command cmd = {.kind = CMD_HISTORY};

	if (!request_query(r, "contact") && !request_query(r, "peer"))
		refuse(r, CODE_BAD_COMMAND, "whose? peer or contact says it");
	else
		get_page(s, r, &cmd);
}

static void get_search(struct site *s, struct request *r)
{
	struct command cmd = {.kind = CMD_SEARCH};

	cmd.text = copy(request_query(r, "text"));
	if (request_query(r, "after")) {
		free(cmd.text);
		refuse(r, CODE_BAD_COMMAND, "a search goes back: before");
		return;
	}
	get_page(s, r, &cmd);
}

static void get_peers(struct site *s, struct request *r)
{
	ask_for(s, r, ASK_SELF, &(struct command){.kind = CMD_ID}, ANSWER_US);
}

static void get_events(struct site *s, struct request *r)
{
	events_begin(s, r);
}

/* ---- POST ---- */

static bool read_body(struct json_object *o, struct command *cmd)
{
	const char *to = NULL, *text = NULL;
	int64_t cursor = 0;

	if (!json_get_number(o, "contact", &cmd->contact) ||
	    !json_get_number(o, "n", &cmd->n) ||
	    !json_get_number(o, "cursor", &cursor) || cursor < 0 ||
	    !json_get_string(o, "to", &to) ||
	    !json_get_string(o, "text", &text) ||
	    !json_get_uuid(o, "id", &cmd->id) ||
	    !json_get_uuid(o, "reply_to", &cmd->id))
		return false;
	if (!to && !json_get_string(o, "peer", &to))
		return false;
	cmd->cursor = (size_t)cursor;
	cmd->to = cmd->contact ? NULL : copy(to);
	cmd->text = copy(text);
	return true;
}

static void post(struct site *s, struct request *r, enum command_kind kind)
{
	struct command cmd = {.kind = kind};
	struct json_object *o;
	bool good;

	if (json_read(request_body(r), &o)) {
		refuse(r, CODE_BAD_COMMAND, "that is not a JSON object");
		return;
	}
	good = read_body(o, &cmd);
	json_object_put(o);
	if (good)
		ask_for(s, r, ASK_DONE, &cmd,
			kind == CMD_CONNECT ? CONNECT_US : ANSWER_US);
	else
		refuse(r, CODE_BAD_COMMAND, "a field is not of its kind");
}

static void shut_down(struct site *s, struct request *r)
{
	struct buf b = {0};

	json_open(&b, NULL);
	json_flag(&b, "ok", true);
	json_close(&b);
	request_answer(r, 200, &b);
	s->stop = true;
}

/* ---- which one ---- */

static const struct {
	const char *path;
	void (*get)(struct site *s, struct request *r);
} gets[] = {
    {"/api/peers", get_peers},
    {"/api/messages", get_messages},
    {"/api/search", get_search},
    {"/api/events", get_events},
};

static const struct {
	const char *path;
	enum command_kind kind;
} posts[] = {
    {"/api/messages", CMD_SEND},   {"/api/read", CMD_READ},
    {"/api/draft", CMD_DRAFT},     {"/api/connect", CMD_CONNECT},
    {"/api/trust", CMD_TRUST},     {"/api/block", CMD_BLOCK},
    {"/api/unblock", CMD_UNBLOCK}, {"/api/retry", CMD_RETRY},
    {"/api/cancel", CMD_CANCEL},
};

void api_request(struct site *s, struct request *r)
{
	const char *path = request_path(r);

	for (size_t i = 0; i < sizeof gets / sizeof *gets; i++)
		if (!request_posts(r) && !strcmp(gets[i].path, path)) {
			gets[i].get(s, r);
			return;
		}
	for (size_t i = 0; i < sizeof posts / sizeof *posts; i++)
		if (request_posts(r) && !strcmp(posts[i].path, path)) {
			post(s, r, posts[i].kind);
			return;
		}
	if (request_posts(r) && !strcmp(path, "/api/shutdown"))
		shut_down(s, r);
	else
		refuse(r, CODE_UNKNOWN, "no such thing here");
}

/* ---- what the engine says ---- */

static void rows_begin(struct ask *a, const char *name)
{
	json_open(&a->rows, NULL);
	json_list(&a->rows, name);
}

static void row(struct ask *a, const struct event *ev)
{
	const struct message *m = ev->message;

	if (!m) {
		json_peer(&a->rows, NULL, ev->contact);
		return;
	}
	if (!a->rows.n)
		rows_begin(a, "messages");
	if (!a->newest) {
		a->first = m->id;
		a->newest = m->n;
	}
	json_open(&a->rows, NULL);
	json_message(&a->rows, m, ev->contact);
	json_close(&a->rows);
}

void api_item(struct site *s, const struct event *ev)
{
	struct ask *a = ask_find(s, ev->ref);

	if (!a || a->holes || (!ev->message && !ev->contact))
		return;
	switch (a->what) {
	case ASK_ROWS:
	case ASK_PEERS:
		row(a, ev);
		break;
	case ASK_NEWEST:
		if (ev->message && ev->message->n > a->newest)
			a->newest = ev->message->n;
		break;
	case ASK_SINCE:
		if (a->sub)
			events_missed(s, a->sub, ev);
		break;
	case ASK_DONE:
	case ASK_SELF:
		break;
	}
}

static void answer_rows(struct ask *a, const struct event *ev)
{
	if (!a->rows.n)
		rows_begin(a, "messages");
	json_list_end(&a->rows);
	json_flag(&a->rows, "more", ev->more);
	if (ev->more) {
		json_uuid(&a->rows, "next", &a->first);
		json_number(&a->rows, "next_n", ev->next);
	}
	json_close(&a->rows);
	request_answer(a->to, 200, &a->rows);
}

static void answer_done(struct ask *a, const struct event *ev)
{
	struct buf b = {0};

	json_open(&b, NULL);
	json_flag(&b, "ok", true);
	if (ev->message) {
		json_uuid(&b, "id", &ev->message->id);
		json_number(&b, "n", ev->message->n);
		json_string(&b, "state", words_delivery[ev->message->delivery]);
	}
	if (ev->contact)
		json_peer(&b, "peer", ev->contact);
	if (ev->text)
		json_string(&b, "text", ev->text);
	json_close(&b);
	request_answer(a->to, 200, &b);
}

/* The next page of everybody, under the same ref. */
static void next_peers(struct site *s, struct ask *a, message_n after)
{
	a->what = ASK_PEERS;
	api_ask(s, a,
		&(struct command){
		    .kind = CMD_SNAPSHOT, .n = after, .limit = PAGE_MAX});
}

static void answer_peers(struct ask *a)
{
	json_list_end(&a->rows);
	json_close(&a->rows);
	request_answer(a->to, 200, &a->rows);
}

/* True: it was asked on; a stays, or is free by now. */
static bool went_well(struct site *s, struct ask *a, const struct event *ev)
{
	if (a->holes && (a->what == ASK_ROWS || a->what == ASK_PEERS)) {
		a->newest = 0;
		give_page(s, a);
		return true;
	}
	switch (a->what) {
	case ASK_DONE:
		answer_done(a, ev);
		return false;
	case ASK_ROWS:
		answer_rows(a, ev);
		return false;
	case ASK_SELF:
		json_open(&a->rows, NULL);
		if (ev->contact)
			json_peer(&a->rows, "self", ev->contact);
		json_list(&a->rows, "peers");
		next_peers(s, a, 0);
		return true;
	case ASK_PEERS:
		if (ev->more)
			next_peers(s, a, ev->next);
		else
			answer_peers(a);
		return ev->more;
	case ASK_NEWEST:
		if (a->holes) {
			s->newest_us = 0;
			return false;
		}
		s->newest = a->newest > s->heard ? a->newest : s->heard;
		events_known(s);
		return false;
	case ASK_SINCE:
		if (a->sub)
			events_caught_up(s, a->sub, true, ev->more);
		return false;
	}
	return false;
}

void api_result(struct site *s, const struct event *ev)
{
	struct ask *a = ask_find(s, ev->ref);

	if (!a)
		return;
	if (ev->code == CODE_OK) {
		if (went_well(s, a, ev))
			return;
	} else if (a->to) {
		refuse(a->to, ev->code, ev->text);
	} else if (a->sub) {
		events_caught_up(s, a->sub, false, true);
	} else if (a->what == ASK_NEWEST) {
		s->newest_us = clock_mono_us() + AGAIN_US;
	}
	api_free(a);
	next_pages(s);
}

/* From which message on a page that comes now is told. */
static void ask_newest(struct site *s, int64_t now_us)
{
	struct ask *a;

	if (!s->ready.n || s->newest >= 0 || now_us < s->newest_us)
		return;
	s->newest_us = now_us + ANSWER_US;
	a = api_place(s, ASK_NEWEST, ANSWER_US);
	if (a)
		api_ask(s, a,
			&(struct command){.kind = CMD_HISTORY, .limit = 1});
}

void api_holes(struct site *s)
{
	for (size_t i = 0; i < ASKS_MAX; i++)
		s->ask[i].holes = s->ask[i].ref != 0;
}

void api_tick(struct site *s, int64_t now_us)
{
	for (size_t i = 0; i < ASKS_MAX; i++) {
		struct ask *a = &s->ask[i];

		if (!a->ref || now_us < a->until_us)
			continue;
		if (a->to)
			refuse(a->to, CODE_TIMEOUT, "no answer in time");
		else if (a->sub)
			events_caught_up(s, a->sub, false, true);
		api_free(a);
	}
	next_pages(s);
	ask_newest(s, now_us);
}

void api_lost(struct site *s)
{
	for (size_t i = 0; i < ASKS_MAX; i++) {
		struct ask *a = &s->ask[i];

		if (a->ref && a->to)
			refuse(a->to, CODE_UNREACHABLE,
			       "sotto is not running just now");
		api_free(a);
	}
}

int64_t api_deadline(const struct site *s)
{
	int64_t at = INT64_MAX;

	if (s->ready.n && s->newest < 0)
		at = s->newest_us;
	for (size_t i = 0; i < ASKS_MAX; i++)
		if (s->ask[i].ref && s->ask[i].until_us < at)
			at = s->ask[i].until_us;
	return at;
}
