#include "src/lines_impl.h"
#include <stdio.h>

static const char *id_key(enum command_kind kind)
{
	if (kind == CMD_SEND || kind == CMD_REPLY)
		return "reply_to";
	return kind == CMD_HISTORY ? "before" : "id";
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
	if (command_sends(cmd->kind))
		json_string(out, "wait", "none");
	if (cmd->kind == CMD_ALL)
		json_flag(out, "list", false);
	lines_end(out);
}

static const struct {
	const char *word;
	enum event_kind kind;
} event_words[] = {
    {"ready", EV_READY},       {"peer", EV_PEER},       {"message", EV_MESSAGE},
    {"item", EV_ITEM},         {"status", EV_STATUS},   {"result", EV_RESULT},
    {"lost", EV_LOST},         {"notice", EV_NOTICE},   {"bye", EV_BYE},
    {"security", EV_SECURITY}, {"consent", EV_CONSENT},
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
	int64_t tries_left = 0, locked_s = 0;
	struct uuid id = {0};
	bool good = false;

	(void)json_get_flag(o, "ok", &good);
	(void)json_get_string(o, "code", &code);
	ev->code = good ? CODE_OK : code_find(code);
	ev->text = json_get_text(o, good ? "text" : "error");
	ev->name = json_get_text(o, "name");
	(void)json_get_flag(o, "more", &ev->more);
	(void)json_get_number(o, "next_n", &ev->next);
	(void)json_get_number(o, "tries_left", &tries_left);
	(void)json_get_number(o, "locked_s", &locked_s);
	ev->tries_left = (unsigned)tries_left;
	ev->locked_s = (unsigned)locked_s;
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
	case EV_CONSENT:
		ev->name = json_get_text(o, "user");
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
