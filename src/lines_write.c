#include "src/lines_impl.h"
#include <unistd.h>

void lines_begin(struct buf *out, const char *event)
{
	json_open(out, NULL);
	json_number(out, "v", 1);
	json_string(out, "event", event);
}

void lines_end(struct buf *out)
{
	static const uint8_t end[] = "}\n";

	buf_put(out, (struct bytes){end, 2});
}

void lines_result(struct buf *out, const char *ref, enum code code,
		  const char *text)
{
	lines_begin(out, "result");
	if (ref)
		json_string(out, "ref", ref);
	json_flag(out, "ok", code == CODE_OK);
	if (code != CODE_OK)
		json_string(out, "code", code_word(code));
	if (text)
		json_string(out, code == CODE_OK ? "text" : "error", text);
}
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

void lines_put_ready(const struct event *ev, struct buf *out)
{
	const struct contact *c = ev->contact;
	static const struct contact none;

	if (!c)
		c = &none;
	lines_begin(out, "ready");
	json_id(out, "id", &c->key);
	json_string(out, "nick", c->nick);
	json_number(out, "port", c->at.port);
	put_listen(out, ev->text);
	json_number(out, "pid", getpid());
	json_string(out, "trust_new", ev->name);
	json_addr(out, "addr", &c->at);
	json_string(out, "version", SOTTO_VERSION);
	json_peer(out, "self", c);
	lines_end(out);
}

void lines_put_peer(const struct event *ev, struct buf *out)
{
	if (!ev->contact)
		return;
	lines_begin(out, "peer");
	json_peer(out, "peer", ev->contact);
	json_string(out, "via", words_via[ev->contact->via]);
	lines_end(out);
}

/* 003: the confirmation carries the original's timestamp, its own, and
 * "Confirmação positiva ou negativa". */
void lines_put_status(const struct message *m, struct buf *out)
{
	lines_begin(out, "status");
	json_uuid(out, "id", &m->id);
	json_string(out, "state", words_delivery[m->delivery]);
	if (m->delivery == D_DELIVERED || m->delivery == D_FAILED)
		json_flag(out, "ack", m->delivery == D_DELIVERED);
	else
		json_null(out, "ack");
	json_stamp(out, "original_timestamp", m->stamp);
	json_stamp(out, "timestamp", m->ack_stamp);
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
	lines_end(out);
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

void lines_put_security(const struct event *ev, struct buf *out)
{
	lines_begin(out, "security");
	json_string(out, "code", ev->text);
	if (ev->contact)
		json_peer(out, "peer", ev->contact);
	else
		json_null(out, "peer");
	json_string(out, "error", security_words(ev->text));
	lines_end(out);
}

void lines_put_notice(const struct event *ev, struct buf *out)
{
	lines_begin(out, "notice");
	json_string(out, "level", words_level[ev->level]);
	json_string(out, "text", ev->text ? ev->text : "");
	lines_end(out);
}

void lines_put_consent(const struct event *ev, struct buf *out)
{
	lines_begin(out, "consent");
	json_string(out, "user", ev->name);
	json_string(out, "text", ev->text ? ev->text : "");
	lines_end(out);
}
