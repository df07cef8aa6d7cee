#include "src/lines_json.h"
#include "proto/dialect.h"
#include "proto/guard.h"
#include "proto/seal.h"
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const words_delivery[] = {
    [D_QUEUED] = "queued",
    [D_SENT] = "sent",
    [D_STORED] = "stored",
    [D_DELIVERED] = "delivered",
    [D_FAILED] = "failed",
    [D_CANCELLED] = "cancelled",
    [D_RECEIVED] = "received",
    [D_REQUEST] = "request",
    [D_HANDED] = "sent", /* reads back as D_SENT */
    NULL,
};
const char *const words_presence[] = {
    [P_UNKNOWN] = "unknown",
    [P_OFFLINE] = "offline",
    [P_DIALLING] = "dialling",
    [P_ONLINE] = "online",
    NULL,
};
const char *const words_trust[] = {
    [TRUST_PLAIN] = "plain",
    [TRUST_NEW] = "new",
    [TRUST_PINNED] = "pinned",
    [TRUST_VERIFIED] = "verified",
    NULL,
};
const char *const words_via[] = {
    [VIA_TYPED] = "typed",
    [VIA_FILE] = "file",
    [VIA_LAN] = "lan",
    [VIA_PEER] = "peer",
    [VIA_SEEN] = "seen",
    [VIA_CENTER] = "center",
    NULL,
};
const char *const words_level[] = {
    [LEVEL_INFO] = "info",
    [LEVEL_WARN] = "warn",
    [LEVEL_ERROR] = "error",
    NULL,
};

int word_find(const char *const *words, const char *word)
{
	for (int i = 0; word && words[i]; i++)
		if (!strcmp(words[i], word))
			return i;
	return -1;
}

/* ---- writing ---- */

static struct bytes view(const char *s)
{
	return (struct bytes){(const uint8_t *)s, strlen(s)};
}

static void put(struct buf *b, const char *s)
{
	buf_put(b, view(s));
}

static void put_char(struct buf *b, char c)
{
	buf_room(b, 1);
	b->p[b->n++] = (uint8_t)c;
}

static void put_key(struct buf *b, const char *key)
{
	char last = b->n ? (char)b->p[b->n - 1] : '\n';

	if (last != '{' && last != '[' && last != '\n')
		put_char(b, ',');
	if (!key)
		return;
	put_char(b, '"');
	put(b, key);
	put(b, "\":");
}

/* RFC 8259: quotation mark, reverse solidus, U+0000 to U+001F. */
static void put_escape(struct buf *b, uint8_t c)
{
	static const char shorter[32] = {['\b'] = 'b',
					 ['\t'] = 't',
					 ['\n'] = 'n',
					 ['\f'] = 'f',
					 ['\r'] = 'r'};

	put_char(b, '\\');
	if (c >= 32)
		put_char(b, (char)c);
	else if (shorter[c])
		put_char(b, shorter[c]);
	else
		buf_printf(b, "u%04x", (unsigned)c);
}

static void put_string(struct buf *b, struct bytes s)
{
	size_t from = 0;

	put_char(b, '"');
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] >= 32 && s.p[i] != '"' && s.p[i] != '\\')
			continue;
		buf_put(b, (struct bytes){s.p + from, i - from});
		put_escape(b, s.p[i]);
		from = i + 1;
	}
	buf_put(b, (struct bytes){s.p + from, s.n - from});
	put_char(b, '"');
}

void json_open(struct buf *b, const char *key)
{
	put_key(b, key);
	put_char(b, '{');
}

void json_close(struct buf *b)
{
	put_char(b, '}');
}

void json_list(struct buf *b, const char *key)
{
	put_key(b, key);
	put_char(b, '[');
}

void json_list_end(struct buf *b)
{
	put_char(b, ']');
}

void json_string(struct buf *b, const char *key, const char *s)
{
	put_key(b, key);
	if (s)
		put_string(b, view(s));
	else
		put(b, "null");
}

void json_number(struct buf *b, const char *key, int64_t n)
{
	char digits[24];
	int len = snprintf(digits, sizeof digits, "%lld", (long long)n);

	put_key(b, key);
	buf_put(b, (struct bytes){(const uint8_t *)digits, (size_t)len});
}

void json_flag(struct buf *b, const char *key, bool yes)
{
	put_key(b, key);
	put(b, yes ? "true" : "false");
}

void json_null(struct buf *b, const char *key)
{
	json_string(b, key, NULL);
}

static bool zero(const void *p, size_t n)
{
	const uint8_t *b = p;

	for (size_t i = 0; i < n; i++)
		if (b[i])
			return false;
	return true;
}

void json_uuid(struct buf *b, const char *key, const struct uuid *id)
{
	char text[37];

	if (zero(id, sizeof *id)) {
		json_null(b, key);
		return;
	}
	uuid_text(text, id);
	json_string(b, key, text);
}

void json_time(struct buf *b, const char *key, int64_t unix_ms)
{
	char text[STAMP_MAX + 1];

	if (!unix_ms) {
		json_null(b, key);
		return;
	}
	rfc3339_put(text, unix_ms * 1000);
	json_string(b, key, text);
}

void json_rtt(struct buf *b, int64_t rtt_us)
{
	if (rtt_us <= 0) {
		json_null(b, "rtt_ms");
		return;
	}
	put_key(b, "rtt_ms");
	buf_printf(b, "%lld.%03d", (long long)(rtt_us / 1000),
		   (int)(rtt_us % 1000));
}

void json_id(struct buf *b, const char *key, const struct pubkey *k)
{
	char id[33];

	if (pubkey_none(k)) {
		json_null(b, key);
		return;
	}
	seal_peer_id(id, k);
	json_string(b, key, id);
}

void json_addr(struct buf *b, const char *key, const struct addr *a)
{
	char text[ADDR_TEXT];

	if (zero(a->ip, sizeof a->ip)) {
		json_null(b, key);
		return;
	}
	addr_text(text, a);
	json_string(b, key, text);
}

static void put_ip(struct buf *b, const char *key, const struct addr *a)
{
	char text[ADDR_TEXT];

	if (zero(a->ip, sizeof a->ip)) {
		json_null(b, key);
		return;
	}
	ip_text(text, a);
	json_string(b, key, text);
}

static void put_pubkey(struct buf *b, const struct pubkey *k)
{
	static const char hex[] = "0123456789abcdef";
	char text[2 * sizeof k->b + 1];

	if (pubkey_none(k))
		return;
	for (size_t i = 0; i < sizeof k->b; i++) {
		text[2 * i] = hex[k->b[i] >> 4];
		text[2 * i + 1] = hex[k->b[i] & 15];
	}
	text[sizeof text - 1] = 0;
	json_string(b, "key", text);
}

/* What only front ends in another process need. */
static void put_peer_more(struct buf *b, const struct contact *c)
{
	json_number(b, "contact", c->id);
	put_pubkey(b, &c->key);
	if (c->petname[0])
		json_string(b, "name", c->petname);
	if (c->ident[0])
		json_string(b, "ident", c->ident);
	if (c->waiting)
		json_number(b, "waiting", c->waiting);
	if (c->requests)
		json_number(b, "requests", c->requests);
	if (c->read_upto)
		json_number(b, "read_upto", c->read_upto);
	if (c->last)
		json_number(b, "last", c->last);
	if (c->gone)
		json_flag(b, "gone", true);
	if (c->became)
		json_number(b, "became", c->became);
	if (!c->draft)
		return;
	json_string(b, "draft", c->draft);
	json_number(b, "cursor", (int64_t)c->cursor);
	json_uuid(b, "draft_answers", &c->draft_answers);
}

void json_peer(struct buf *b, const char *key, const struct contact *c)
{
	json_open(b, key);
	json_id(b, "id", &c->key);
	json_string(b, "nick", c->nick[0] ? c->nick : NULL);
	json_addr(b, "addr", &c->at);
	json_string(b, "dialect", c->dialect);
	json_flag(b, "secure", c->secure);
	json_string(b, "state", words_presence[c->presence]);
	json_string(b, "trust",
		    c->trust == TRUST_PLAIN ? NULL : words_trust[c->trust]);
	json_flag(b, "changed", c->changed);
	json_flag(b, "blocked", c->blocked);
	json_number(b, "unread", c->unread);
	json_string(b, "via", words_via[c->via]);
	put_peer_more(b, c);
	json_close(b);
}

/* Document 003 writes seconds since 1970: they become what everything else
 * says. */
static bool seconds_read(const char *s, int64_t *us)
{
	size_t whole = strspn(s, "0123456789");
	const char *p = s + whole + (s[whole] == '.');
	int64_t unit = 1000000;

	if (!whole || whole > 11 || p[strspn(p, "0123456789")])
		return false;
	*us = strtoll(s, NULL, 10) * unit;
	for (; *p && unit > 1; p++)
		*us += (*p - '0') * (unit /= 10);
	return true;
}

void json_stamp(struct buf *b, const char *key, const char *stamp)
{
	char text[STAMP_MAX + 1];
	int64_t us;

	if (!stamp[0]) {
		json_null(b, key);
	} else if (seconds_read(stamp, &us)) {
		rfc3339_put(text, us);
		json_string(b, key, text);
	} else {
		json_string(b, key, stamp);
	}
}

static void put_message_more(struct buf *b, const struct message *m)
{
	json_number(b, "n", m->n);
	json_string(b, "state", words_delivery[m->delivery]);
	if (m->tries)
		json_number(b, "tries", m->tries);
	if (m->rtt_us)
		json_rtt(b, m->rtt_us);
	if (m->error)
		json_string(b, "error", m->error);
	if (m->held)
		json_flag(b, "held", true);
	if (m->ack_stamp[0])
		json_stamp(b, "ack_timestamp", m->ack_stamp);
	if (m->acked_ms)
		json_time(b, "acked", m->acked_ms);
	if (m->next_ms)
		json_time(b, "next_try", m->next_ms);
	if (m->expire_ms)
		json_time(b, "expires", m->expire_ms);
}

/* 003: "Origem_IP", "Origem_Porta", "Destino_IP", "Destino_Porta", "Timestamp",
 * "Mensagem"; of a reply also "Timestamp da mensagem original", "Mensagem
 * Original". */
void json_message(struct buf *b, const struct message *m,
		  const struct contact *c)
{
	json_uuid(b, "id", &m->id);
	if (m->seq)
		json_number(b, "seq", (int64_t)m->seq);
	else
		json_null(b, "seq");
	json_string(b, "dir", m->incoming ? "in" : "out");
	if (c)
		json_peer(b, "peer", c);
	else
		json_null(b, "peer");
	put_ip(b, "origin_ip", &m->from);
	json_number(b, "origin_port", m->from.port);
	put_ip(b, "destination_ip", &m->to);
	json_number(b, "destination_port", m->to.port);
	if (m->stamp[0])
		json_stamp(b, "timestamp", m->stamp);
	else
		json_time(b, "timestamp", m->sent_ms);
	json_time(b, "received", m->stored_ms);
	json_string(b, "text", m->text ? m->text : "");
	json_uuid(b, "reply_to", &m->answers);
	json_stamp(b, "original_timestamp", m->quote_stamp);
	json_string(b, "original", m->quote);
	json_flag(b, "secure", m->secure);
	json_flag(b, "request", m->delivery == D_REQUEST);
	json_number(b, "contact", m->with);
	put_message_more(b, m);
}

/* ---- reading ---- */

enum err json_read(struct bytes line, struct json_object **out)
{
	struct json_tokener *t;
	struct json_object *o;

	if (line.n > INT32_MAX || guard_json(line, GUARD_DECIMALS))
		return ERR_PARSE;
	t = json_tokener_new();
	if (!t)
		abort();
	o = json_tokener_parse_ex(t, (const char *)line.p, (int)line.n);
	json_tokener_free(t);
	if (json_object_is_type(o, json_type_object)) {
		*out = o;
		return OK;
	}
	json_object_put(o);
	return ERR_PARSE;
}

/* NULL: absent or null; *good is false when it is of another kind. */
static struct json_object *member(struct json_object *o, const char *key,
				  enum json_type type, bool *good)
{
	struct json_object *v = NULL;

	*good = true;
	json_object_object_get_ex(o, key, &v);
	if (!v || json_object_is_type(v, type))
		return v;
	*good = false;
	return NULL;
}

bool json_get_string(struct json_object *o, const char *key, const char **out)
{
	bool good;
	struct json_object *v = member(o, key, json_type_string, &good);

	if (v)
		*out = json_object_get_string(v);
	return good;
}

bool json_get_number(struct json_object *o, const char *key, int64_t *out)
{
	bool good;
	struct json_object *v = member(o, key, json_type_int, &good);

	if (v)
		*out = json_object_get_int64(v);
	return good;
}

bool json_get_flag(struct json_object *o, const char *key, bool *out)
{
	bool good;
	struct json_object *v = member(o, key, json_type_boolean, &good);

	if (v)
		*out = json_object_get_boolean(v);
	return good;
}

bool json_get_uuid(struct json_object *o, const char *key, struct uuid *out)
{
	const char *s = NULL;
	struct uuid id;

	if (!json_get_string(o, key, &s))
		return false;
	if (!s)
		return true;
	if (!uuid_parse(view(s), &id))
		return false;
	*out = id;
	return true;
}

char *json_get_text(struct json_object *o, const char *key)
{
	const char *s = NULL;

	if (!json_get_string(o, key, &s) || !s)
		return NULL;
	return xstrndup(view(s));
}

static int64_t number_of(struct json_object *o, const char *key)
{
	int64_t n = 0;

	return json_get_number(o, key, &n) ? n : 0;
}

static unsigned count_of(struct json_object *o, const char *key)
{
	int64_t n = number_of(o, key);

	return n > 0 && n <= INT32_MAX ? (unsigned)n : 0;
}

static bool bool_of(struct json_object *o, const char *key)
{
	bool yes = false;

	return json_get_flag(o, key, &yes) && yes;
}

static int word_of(struct json_object *o, const char *key,
		   const char *const *words)
{
	const char *s = NULL;
	int i = json_get_string(o, key, &s) ? word_find(words, s) : -1;

	return i < 0 ? 0 : i;
}

static void copy_of(struct json_object *o, const char *key, char *out,
		    size_t size)
{
	const char *s = NULL;

	if (json_get_string(o, key, &s) && s && strlen(s) < size)
		memcpy(out, s, strlen(s) + 1);
}

static int64_t time_of(struct json_object *o, const char *key)
{
	const char *s = NULL;
	int64_t us = 0;

	if (!json_get_string(o, key, &s) || !s || rfc3339_get(view(s), &us))
		return 0;
	return us / 1000;
}

static uint16_t port_of(struct json_object *o, const char *key)
{
	int64_t n = number_of(o, key);

	return n > 0 && n <= UINT16_MAX ? (uint16_t)n : 0;
}

static void ip_of(struct json_object *o, const char *key, struct addr *a)
{
	const char *s = NULL;

	if (json_get_string(o, key, &s) && s && !ip_parse(view(s), a->ip))
		*a = (struct addr){0};
}

/* host:port or [v6]:port, as addr_text writes it */
static void addr_of(struct json_object *o, const char *key, struct addr *a)
{
	const char *s = NULL, *colon;
	struct bytes ip;
	long port;

	if (!json_get_string(o, key, &s) || !s || !(colon = strrchr(s, ':')))
		return;
	ip = (struct bytes){(const uint8_t *)s, (size_t)(colon - s)};
	if (ip.n > 2 && ip.p[0] == '[')
		ip = (struct bytes){ip.p + 1, ip.n - 2};
	port = strtol(colon + 1, NULL, 10);
	if (port < 0 || port > UINT16_MAX || !ip_parse(ip, a->ip))
		return;
	a->port = (uint16_t)port;
}

static int hex_of(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

static void key_of(struct json_object *o, struct pubkey *k)
{
	struct pubkey key;
	const char *s = NULL;

	if (!json_get_string(o, "key", &s) || !s ||
	    strlen(s) != 2 * sizeof k->b)
		return;
	for (size_t i = 0; i < sizeof k->b; i++) {
		int high = hex_of(s[2 * i]), low = hex_of(s[2 * i + 1]);

		if (high < 0 || low < 0)
			return;
		key.b[i] = (uint8_t)(high << 4 | low);
	}
	*k = key;
}

static const char *dialect_of(struct json_object *o)
{
	const char *s = NULL;
	const struct dialect *d;

	if (!json_get_string(o, "dialect", &s) || !s)
		return "sotto";
	d = dialect_named(s);
	return d ? d->name : "sotto";
}

struct contact *json_get_peer(struct json_object *o, const char *key)
{
	bool good;
	struct json_object *p = member(o, key, json_type_object, &good);
	struct contact *c;

	if (!p)
		return NULL;
	c = xmalloc(sizeof *c);
	*c = (struct contact){.id = number_of(p, "contact"),
			      .dialect = dialect_of(p),
			      .secure = bool_of(p, "secure"),
			      .changed = bool_of(p, "changed"),
			      .blocked = bool_of(p, "blocked"),
			      .gone = bool_of(p, "gone"),
			      .became = number_of(p, "became"),
			      .unread = count_of(p, "unread"),
			      .waiting = count_of(p, "waiting"),
			      .requests = count_of(p, "requests"),
			      .read_upto = number_of(p, "read_upto"),
			      .last = number_of(p, "last"),
			      .cursor = count_of(p, "cursor")};
	c->presence = (enum presence)word_of(p, "state", words_presence);
	c->trust = (enum trust)word_of(p, "trust", words_trust);
	c->via = (enum via)word_of(p, "via", words_via);
	key_of(p, &c->key);
	addr_of(p, "addr", &c->at);
	copy_of(p, "nick", c->nick, sizeof c->nick);
	copy_of(p, "name", c->petname, sizeof c->petname);
	copy_of(p, "ident", c->ident, sizeof c->ident);
	c->draft = json_get_text(p, "draft");
	(void)json_get_uuid(p, "draft_answers", &c->draft_answers);
	return c;
}

static int64_t rtt_of(struct json_object *o)
{
	struct json_object *v = NULL;
	double ms;

	json_object_object_get_ex(o, "rtt_ms", &v);
	ms = v ? json_object_get_double(v) : 0;
	return ms > 0 && ms < 1e12 ? (int64_t)(ms * 1000 + 0.5) : 0;
}

struct message *json_get_message(struct json_object *o)
{
	struct message *m = xmalloc(sizeof *m);
	const char *dir = NULL;

	*m = (struct message){.n = number_of(o, "n"),
			      .with = number_of(o, "contact"),
			      .secure = bool_of(o, "secure"),
			      .seq = (uint64_t)number_of(o, "seq"),
			      .sent_ms = time_of(o, "timestamp"),
			      .stored_ms = time_of(o, "received"),
			      .acked_ms = time_of(o, "acked"),
			      .next_ms = time_of(o, "next_try"),
			      .expire_ms = time_of(o, "expires"),
			      .rtt_us = rtt_of(o),
			      .tries = count_of(o, "tries"),
			      .held = bool_of(o, "held")};
	m->incoming =
	    json_get_string(o, "dir", &dir) && dir && !strcmp(dir, "in");
	m->delivery = (enum delivery)word_of(o, "state", words_delivery);
	(void)json_get_uuid(o, "id", &m->id);
	(void)json_get_uuid(o, "reply_to", &m->answers);
	copy_of(o, "timestamp", m->stamp, sizeof m->stamp);
	copy_of(o, "ack_timestamp", m->ack_stamp, sizeof m->ack_stamp);
	copy_of(o, "original_timestamp", m->quote_stamp, sizeof m->quote_stamp);
	ip_of(o, "origin_ip", &m->from);
	m->from.port = port_of(o, "origin_port");
	ip_of(o, "destination_ip", &m->to);
	m->to.port = port_of(o, "destination_port");
	m->text = json_get_text(o, "text");
	if (!m->text)
		m->text = xstrndup((struct bytes){0});
	m->quote = json_get_text(o, "original");
	m->error = json_get_text(o, "error");
	return m;
}
