#include "proto/dialect.h"
#include "proto/guard.h"
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

/* Our own packets: JSON, one object each (src/README.md). Which document a rule
 * comes from stands above the code that obeys it. */

static const char *const kind_word[] = {
    [PKT_HELLO] = "hello",   [PKT_MESSAGE] = "message", [PKT_REPLY] = "reply",
    [PKT_ACK] = "ack",       [PKT_PEERS] = "peers",     [PKT_SKIP] = "skip",
    [PKT_TYPING] = "typing", [PKT_READ] = "read",       [PKT_ERROR] = "error",
    [PKT_WHO] = "-",         [PKT_CENTER] = "center",
};
enum { N_KINDS = sizeof kind_word / sizeof *kind_word };

/* 000: "ACK_SUCCESS", "ACK_UNREGISTERED", "ACK_INVALID"; ours besides. */
static const char *const verdict_word[] = {
    [V_SUCCESS] = "success", [V_UNREGISTERED] = "unregistered",
    [V_INVALID] = "invalid", [V_REFUSED] = "refused",
    [V_BUSY] = "busy",       [V_SEQ_REUSED] = "seq_reused",
};
enum { N_VERDICTS = sizeof verdict_word / sizeof *verdict_word };

/* Words of a center. 002: "LIN", "BRD", "ONL" ...; those that need a wire of
 * their own are not among them. */
static const char *const verb_word[] = {
    [CENTER_NOTHING] = "-",
    [CENTER_TEXT] = "text",
    [CENTER_WORD] = "-",
    [CENTER_LIN] = "login",
    [CENTER_MSG] = "-",
    [CENTER_BRD] = "broadcast",
    [CENTER_ONL] = "online",
    [CENTER_BLC] = "block",
    [CENTER_OUT] = "logout",
    [CENTER_GET] = "getaddress",
    [CENTER_ALL] = "allow",
    [CENTER_HEY] = "keepalive",
    [CENTER_LOGIN_OKAY] = "welcome",
    [CENTER_LOGIN_FAILED] = "incorrect",
    [CENTER_JUST_PENNED] = "locked_now",
    [CENTER_PENNED] = "locked",
    [CENTER_OKAY] = "okay",
    [CENTER_FAIL] = "fail",
    [CENTER_ADR] = "address",
    [CENTER_ONLINE] = "logged_on",
    [CENTER_OFFLINE] = "logged_off",
    [CENTER_LIST] = "list",
    [CENTER_WANTS] = "wants",
    [CENTER_BLOCKED] = "blocked",
    [CENTER_UNBLOCKED] = "unblocked",
    [CENTER_GONE] = "gone",
    [CENTER_MOVED] = "moved",
    [CENTER_KEPT] = "kept",
    [CENTER_REFUSED] = "refused",
    [CENTER_SOME_REFUSED] = "some_refused",
    [CENTER_AWAY] = "away",
    [CENTER_STORE] = "store",
    [CENTER_FETCH] = "fetch",
    [CENTER_TRIM] = "trim",
    [CENTER_MAIL] = "mail",
    [CENTER_PREKEY] = "prekey",
    [CENTER_BUNDLE] = "bundle",
    [CENTER_RELAY] = "relay",
};
enum { N_VERBS = sizeof verb_word / sizeof *verb_word };

/* ---- writing ---- */

static void put(struct buf *b, const char *s)
{
	buf_put(b, (struct bytes){(const uint8_t *)s, strlen(s)});
}

static void put_string(struct buf *b, struct bytes s)
{
	size_t from = 0;

	put(b, "\"");
	for (size_t i = 0; i < s.n; i++) {
		uint8_t c = s.p[i];

		if (c >= 0x20 && c != '"' && c != '\\')
			continue;
		buf_put(b, (struct bytes){s.p + from, i - from});
		from = i + 1;
		if (c == '\n')
			put(b, "\\n");
		else if (c < 0x20)
			buf_printf(b, "\\u%04x", c);
		else
			buf_put(b,
				(struct bytes){(const uint8_t[]){'\\', c}, 2});
	}
	buf_put(b, (struct bytes){s.p + from, s.n - from});
	put(b, "\"");
}

static void put_number(struct buf *b, uint64_t v)
{
	uint8_t text[20];
	size_t at = sizeof text;

	do
		text[--at] = (uint8_t)('0' + v % 10);
	while (v /= 10);
	buf_put(b, (struct bytes){text + at, sizeof text - at});
}

static void put_key(struct buf *b, const char *key)
{
	put(b, ",\"");
	put(b, key);
	put(b, "\":");
}

static void put_field(struct buf *b, const char *key, struct bytes s)
{
	if (!s.n)
		return;
	put_key(b, key);
	put_string(b, s);
}

static void put_hex(struct buf *b, const uint8_t *p, size_t n)
{
	static const char digit[] = "0123456789abcdef";

	buf_room(b, 2 * n);
	for (size_t i = 0; i < n; i++) {
		b->p[b->n++] = (uint8_t)digit[p[i] >> 4];
		b->p[b->n++] = (uint8_t)digit[p[i] & 15];
	}
}

static void put_hex_field(struct buf *b, const char *key, const uint8_t *p,
			  size_t n)
{
	put_key(b, key);
	put(b, "\"");
	put_hex(b, p, n);
	put(b, "\"");
}

static void put_uuid(struct buf *b, const char *key, const struct uuid *u)
{
	static const uint8_t cut[] = {0, 4, 6, 8, 10, 16};

	put_key(b, key);
	put(b, "\"");
	for (int i = 0; i < 5; i++) {
		if (i)
			put(b, "-");
		put_hex(b, u->b + cut[i], (size_t)(cut[i + 1] - cut[i]));
	}
	put(b, "\"");
}

static void put_blob(struct buf *b, const char *key, struct bytes s)
{
	put_key(b, key);
	put(b, "\"");
	base64_put(b, s);
	put(b, "\"");
}

static void put_ip(struct buf *b, const uint8_t ip[static 16])
{
	static const uint8_t v4[12] = {[10] = 0xff, 0xff};

	put(b, "\"");
	if (memcmp(ip, v4, sizeof v4) == 0)
		for (int i = 12; i < 16; i++) {
			put(b, i > 12 ? "." : "");
			put_number(b, ip[i]);
		}
	else
		for (int i = 0; i < 16; i += 2)
			buf_printf(b, "%s%x", i ? ":" : "",
				   (unsigned)(ip[i] << 8 | ip[i + 1]));
	put(b, "\"");
}

/* 003: "Ip_origem, Ip_destino, Porta_origem, Porta_destino" */
static void put_addresses(struct buf *b, const struct packet *p)
{
	put_key(b, "origin_ip");
	put_ip(b, p->from.ip);
	put_key(b, "origin_port");
	put_number(b, p->from.port);
	put_key(b, "destination_ip");
	put_ip(b, p->to.ip);
	put_key(b, "destination_port");
	put_number(b, p->to.port);
}

static void put_ranges(struct buf *b, const char *key, const struct packet *p)
{
	put(b, key);
	for (size_t i = 0; i < p->n_ranges; i++) {
		put(b, i ? ",[" : "[");
		put_number(b, p->ranges[i].from);
		put(b, ",");
		put_number(b, p->ranges[i].to);
		put(b, "]");
	}
	put(b, "]");
}

static void put_features(struct buf *b, struct bytes f)
{
	bool any = false;

	put_key(b, "features");
	put(b, "[");
	for (size_t i = 0, from = 0; i <= f.n; i++) {
		if (i < f.n && f.p[i] != ' ')
			continue;
		if (i > from) {
			put(b, any ? "," : "");
			put_string(b, (struct bytes){f.p + from, i - from});
			any = true;
		}
		from = i + 1;
	}
	put(b, "]");
}

/* 000: REGISTRATION; 004: "@id=...&port=...&nickname=..." */
static void put_hello(struct buf *b, const struct packet *p)
{
	put_addresses(b, p);
	put_field(b, "timestamp", p->stamp);
	put_field(b, "peer", p->peer);
	put_hex_field(b, "instance", p->instance.b, sizeof p->instance.b);
	put_field(b, "nick", p->nick);
	put_key(b, "listen_port");
	put_number(b, p->listen_port);
	put_field(b, "version", p->version);
	put_features(b, p->features);
	put_hex_field(b, "epoch", p->epoch, sizeof p->epoch);
	if (p->prekey.n)
		put_blob(b, "prekey", p->prekey);
	if (p->center.n)
		put_field(b, "center", p->center);
	put_key(b, "have");
	if (!p->have) {
		put(b, "null");
		return;
	}
	put(b, "{\"epoch\":\"");
	put_hex(b, p->have_epoch, sizeof p->have_epoch);
	put(b, "\",\"upto\":");
	put_number(b, p->have_upto);
	put_ranges(b, ",\"missing\":[", p);
	put(b, "}");
}

/* 003: "Envio de mensagem", "Mensagem de resposta" */
static void put_text(struct buf *b, const struct packet *p)
{
	put_addresses(b, p);
	put_uuid(b, "id", &p->id);
	if (p->seq) {
		put_hex_field(b, "epoch", p->epoch, sizeof p->epoch);
		put_key(b, "seq");
		put_number(b, p->seq);
	}
	put_field(b, "timestamp", p->stamp);
	if (p->kind == PKT_REPLY) {
		put_uuid(b, "reply_to", &p->reply_to);
		put_field(b, "original_timestamp", p->orig_stamp);
		put_field(b, "original_message", p->quoted);
	}
	put_field(b, "message", p->text);
}

/* 003: "Mensagem de confirmação de recepção (ACK)" */
static void put_ack(struct buf *b, const struct packet *p)
{
	put_addresses(b, p);
	put_uuid(b, "id", &p->id);
	put_field(b, "original_timestamp", p->orig_stamp);
	put_field(b, "timestamp", p->stamp);
	put(b, p->verdict == V_SUCCESS ? ",\"ack\":true" : ",\"ack\":false");
	put(b, ",\"code\":\"");
	put(b, verdict_word[p->verdict]);
	put(b, "\"");
}

static void put_skip(struct buf *b, const struct packet *p)
{
	put_hex_field(b, "epoch", p->epoch, sizeof p->epoch);
	put_ranges(b, ",\"gone\":[", p);
}

static void put_error(struct buf *b, const struct packet *p)
{
	if (p->n_words > 0)
		put_field(b, "code", p->word[0]);
	if (p->n_words > 1)
		put_field(b, "error", p->word[1]);
}

static void put_center(struct buf *b, const struct packet *p)
{
	put_field(b, "verb",
		  (struct bytes){(const uint8_t *)verb_word[p->verb],
				 strlen(verb_word[p->verb])});
	if (p->ref) {
		put_key(b, "ref");
		put_number(b, p->ref);
	}
	if (p->seq) {
		put_key(b, "seq");
		put_number(b, p->seq);
	}
	put(b, p->n_words ? ",\"words\":[" : "");
	for (size_t i = 0; i < p->n_words; i++) {
		put(b, i ? "," : "");
		put_string(b, p->word[i]);
	}
	put(b, p->n_words ? "]" : "");
	if (p->text.n)
		put_field(b, "message", p->text);
	if (p->blob.n)
		put_blob(b, "blob", p->blob);
}

static enum err sotto_encode(const struct packet *p, struct buf *out)
{
	enum err err = packet_check(p);

	if (err)
		return err;
	if (p->kind == PKT_WHO ||
	    (p->kind == PKT_CENTER && *verb_word[p->verb] == '-'))
		return ERR_STATE;
	put(out, "{\"type\":\"");
	put(out, kind_word[p->kind]);
	put(out, "\"");
	switch (p->kind) {
	case PKT_HELLO:
		put_hello(out, p);
		break;
	case PKT_MESSAGE:
	case PKT_REPLY:
		put_text(out, p);
		break;
	case PKT_ACK:
		put_ack(out, p);
		break;
	case PKT_SKIP:
		put_skip(out, p);
		break;
	case PKT_READ:
		put_uuid(out, "id", &p->id);
		break;
	case PKT_ERROR:
		put_error(out, p);
		break;
	case PKT_CENTER:
		put_center(out, p);
		break;
	case PKT_PEERS:
	case PKT_TYPING:
	case PKT_WHO:
		break;
	}
	put(out, "}");
	return OK;
}

/* ---- reading ---- */

/* What of a field could not be used. Every reader leaves its target alone
 * unless all is well. */
struct reading {
	struct arena *a;
	struct packet *p;
	enum err err;
	bool typed;
};

static bool is_text(struct json_object *v, struct bytes *out)
{
	if (!json_object_is_type(v, json_type_string))
		return false;
	out->p = (const uint8_t *)json_object_get_string(v);
	out->n = (size_t)json_object_get_string_len(v);
	return true;
}

static enum err get_text(struct reading *r, struct json_object *v, size_t max,
			 struct bytes *out)
{
	struct bytes s;
	uint8_t *copy;

	if (!is_text(v, &s))
		return ERR_PARSE;
	if (s.n > max)
		return ERR_LIMIT;
	if (!(copy = arena_get(r->a, s.n)))
		return ERR_LIMIT;
	memcpy(copy, s.p, s.n);
	*out = (struct bytes){copy, s.n};
	return OK;
}

static enum err get_number(struct json_object *v, uint64_t max, uint64_t *out)
{
	int64_t n;

	if (!json_object_is_type(v, json_type_int))
		return ERR_PARSE;
	n = json_object_get_int64(v);
	if (n < 0 || (uint64_t)n > max)
		return ERR_LIMIT;
	*out = (uint64_t)n;
	return OK;
}

static enum err get_port(struct json_object *v, uint16_t *out)
{
	uint64_t n;
	enum err err = get_number(v, 65535, &n);

	if (!err)
		*out = (uint16_t)n;
	return err;
}

static int nibble(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* n bytes of hex; hyphens are stepped over where `hyphens` says so. */
static enum err get_hex(struct json_object *v, bool hyphens, uint8_t *out,
			size_t n)
{
	struct bytes s;
	uint8_t tmp[16];
	size_t k = 0;

	if (!is_text(v, &s) || s.n != n * 2 + (hyphens ? 4 : 0))
		return ERR_PARSE;
	for (size_t i = 0; i < s.n; i++) {
		int h;

		if (hyphens && (i == 8 || i == 13 || i == 18 || i == 23)) {
			if (s.p[i] != '-')
				return ERR_PARSE;
			continue;
		}
		if ((h = nibble(s.p[i])) < 0)
			return ERR_PARSE;
		tmp[k / 2] = (uint8_t)(k % 2 ? tmp[k / 2] | h : h << 4);
		k++;
	}
	memcpy(out, tmp, n);
	return OK;
}

static enum err get_stamp(struct reading *r, struct json_object *v,
			  struct bytes *out, int64_t *us)
{
	enum err err = get_text(r, v, STAMP_MAX, out);

	/* RFC 3339, but a stamp we cannot read is still echoed as written */
	if (!err && rfc3339_get(*out, us))
		*us = 0;
	return err;
}

static enum err get_ranges(struct reading *r, struct json_object *v)
{
	size_t n;

	if (!json_object_is_type(v, json_type_array))
		return ERR_PARSE;
	n = json_object_array_length(v);
	if (n > RANGES_MAX)
		return ERR_LIMIT;

	struct range *range = arena_get(r->a, n * sizeof *range);

	if (!range)
		return ERR_LIMIT;
	for (size_t i = 0; i < n; i++) {
		struct json_object *one = json_object_array_get_idx(v, i);

		if (!json_object_is_type(one, json_type_array) ||
		    json_object_array_length(one) != 2 ||
		    get_number(json_object_array_get_idx(one, 0), INT64_MAX,
			       &range[i].from) ||
		    get_number(json_object_array_get_idx(one, 1), INT64_MAX,
			       &range[i].to))
			return ERR_PARSE;
	}
	r->p->ranges = range;
	r->p->n_ranges = n;
	return OK;
}

static enum err get_have(struct reading *r, struct json_object *v)
{
	struct json_object *epoch, *upto, *missing;
	enum err err;

	if (!v)
		return OK; /* null: nothing of yours yet */
	if (!json_object_is_type(v, json_type_object) ||
	    !json_object_object_get_ex(v, "epoch", &epoch) ||
	    !json_object_object_get_ex(v, "upto", &upto))
		return ERR_PARSE;
	err = get_hex(epoch, false, r->p->have_epoch, 8);
	if (!err)
		err = get_number(upto, INT64_MAX, &r->p->have_upto);
	if (!err && json_object_object_get_ex(v, "missing", &missing))
		err = get_ranges(r, missing);
	r->p->have = !err;
	return err;
}

/* Words apart by one blank, as packet.h has them. */
static enum err get_features(struct reading *r, struct json_object *v)
{
	uint8_t *out = arena_get(r->a, 256);
	size_t n = 0, count;

	if (!json_object_is_type(v, json_type_array))
		return ERR_PARSE;
	count = json_object_array_length(v);
	for (size_t i = 0; i < count; i++) {
		struct bytes s;

		if (!is_text(json_object_array_get_idx(v, i), &s))
			return ERR_PARSE;
		if (!out || n + s.n + 1 > 256)
			return ERR_LIMIT;
		if (n)
			out[n++] = ' ';
		memcpy(out + n, s.p, s.n);
		n += s.n;
	}
	r->p->features = (struct bytes){out, n};
	return OK;
}

static enum err get_word(struct json_object *v, const char *const *words,
			 unsigned n, unsigned *out)
{
	struct bytes s;

	if (!is_text(v, &s))
		return ERR_PARSE;
	for (unsigned i = 0; i < n; i++)
		if (strlen(words[i]) == s.n && !memcmp(words[i], s.p, s.n)) {
			*out = i;
			return OK;
		}
	return ERR_STATE;
}

static enum err get_kind(struct reading *r, struct json_object *v)
{
	unsigned kind = 0;
	enum err err = get_word(v, kind_word, N_KINDS, &kind);

	if (!err && kind == PKT_WHO)
		err = ERR_STATE; /* of plain dialects */
	if (!err) {
		r->p->kind = (enum packet_kind)kind;
		r->typed = true;
	}
	return err;
}

/* One that we do not know is not of this version: refused, the link lives. */
static enum err get_verb(struct reading *r, struct json_object *v)
{
	unsigned verb = 0;
	enum err err = get_word(v, verb_word, N_VERBS, &verb);

	if (!err && *verb_word[verb] == '-')
		err = ERR_STATE;
	if (!err)
		r->p->verb = (enum center_verb)verb;
	return err;
}

static enum err get_list(struct reading *r, struct json_object *v)
{
	size_t n;
	enum err err = OK;

	if (!json_object_is_type(v, json_type_array))
		return ERR_PARSE;
	n = json_object_array_length(v);
	if (n > WORDS_MAX)
		return ERR_LIMIT;
	for (size_t i = 0; i < n && !err; i++)
		err = get_text(r, json_object_array_get_idx(v, i), 512,
			       &r->p->word[i]);
	r->p->n_words = err ? 0 : n;
	return err;
}

static enum err get_blob(struct reading *r, struct json_object *v,
			 struct bytes *out)
{
	struct bytes s;

	return is_text(v, &s) ? base64_get(r->a, s, out) : ERR_PARSE;
}

static enum err get_verdict(struct reading *r, struct json_object *v)
{
	unsigned verdict = 0;
	enum err err = get_word(v, verdict_word, N_VERDICTS, &verdict);

	if (!err)
		r->p->verdict = (enum verdict)verdict;
	return err == ERR_STATE ? ERR_PARSE : err;
}

static enum err get_ip(struct json_object *v, uint8_t ip[static 16])
{
	struct bytes s;

	if (!is_text(v, &s))
		return ERR_PARSE;
	return ip_parse(s, ip) ? OK : ERR_PARSE;
}

static enum err get_uuid(struct json_object *v, struct uuid *u)
{
	return get_hex(v, true, u->b, sizeof u->b);
}

/* The word of "code": a verdict in an ACK, free in an error. */
static enum err get_code(struct reading *r, struct json_object *v)
{
	if (r->p->kind == PKT_ACK)
		return get_verdict(r, v);
	r->p->n_words = r->p->n_words > 1 ? r->p->n_words : 1;
	return get_text(r, v, 512, &r->p->word[0]);
}

static enum err get_words(struct reading *r, struct json_object *v)
{
	r->p->n_words = 2;
	return get_text(r, v, 512, &r->p->word[1]);
}

static enum err get_field(struct reading *r, const char *k,
			  struct json_object *v)
{
	struct packet *p = r->p;

	/* ordered by first letter, so that the switch is the table */
	switch (k[0]) {
	case 'b':
		if (!strcmp(k, "blob"))
			return get_blob(r, v, &p->blob);
		break;
	case 'c':
		if (!strcmp(k, "code"))
			return get_code(r, v);
		if (!strcmp(k, "center"))
			return get_text(r, v, 400, &p->center);
		break;
	case 'd':
		if (!strcmp(k, "destination_ip"))
			return get_ip(v, p->to.ip);
		if (!strcmp(k, "destination_port"))
			return get_port(v, &p->to.port);
		break;
	case 'e':
		if (!strcmp(k, "epoch"))
			return get_hex(v, false, p->epoch, sizeof p->epoch);
		if (!strcmp(k, "error"))
			return get_words(r, v);
		break;
	case 'f':
		if (!strcmp(k, "features"))
			return get_features(r, v);
		break;
	case 'g':
		if (!strcmp(k, "gone"))
			return get_ranges(r, v);
		break;
	case 'h':
		if (!strcmp(k, "have"))
			return get_have(r, v);
		break;
	case 'i':
		if (!strcmp(k, "id"))
			return get_uuid(v, &p->id);
		if (!strcmp(k, "instance"))
			return get_hex(v, false, p->instance.b,
				       sizeof p->instance.b);
		break;
	case 'l':
		if (!strcmp(k, "listen_port"))
			return get_port(v, &p->listen_port);
		break;
	case 'm':
		if (!strcmp(k, "message"))
			return get_text(r, v, TEXT_MAX, &p->text);
		break;
	case 'n':
		if (!strcmp(k, "nick"))
			return get_text(r, v, NICK_MAX, &p->nick);
		break;
	case 'o':
		if (!strcmp(k, "origin_ip"))
			return get_ip(v, p->from.ip);
		if (!strcmp(k, "origin_port"))
			return get_port(v, &p->from.port);
		if (!strcmp(k, "original_message"))
			return get_text(r, v, QUOTE_MAX, &p->quoted);
		if (!strcmp(k, "original_timestamp"))
			return get_stamp(r, v, &p->orig_stamp, &p->orig_us);
		break;
	case 'p':
		if (!strcmp(k, "peer"))
			return get_text(r, v, 64, &p->peer);
		if (!strcmp(k, "prekey"))
			return get_blob(r, v, &p->prekey);
		break;
	case 'r':
		if (!strcmp(k, "reply_to"))
			return get_uuid(v, &p->reply_to);
		if (!strcmp(k, "ref"))
			return get_number(v, INT64_MAX, &p->ref);
		break;
	case 's':
		if (!strcmp(k, "seq"))
			return get_number(v, INT64_MAX, &p->seq);
		break;
	case 't':
		if (!strcmp(k, "timestamp"))
			return get_stamp(r, v, &p->stamp, &p->sent_us);
		break;
	case 'v':
		if (!strcmp(k, "version"))
			return get_text(r, v, 64, &p->version);
		if (!strcmp(k, "verb"))
			return get_verb(r, v);
		break;
	case 'w':
		if (!strcmp(k, "words"))
			return get_list(r, v);
		break;
	}
	return OK; /* unknown fields are ignored */
}

/* `type` first: what `code` means depends on it. All fields are read even
 * after one was wrong, so that the id is known for the answer. */
static enum err read_packet(struct reading *r, struct json_object *root)
{
	struct json_object *type;
	enum err err;

	if (!json_object_is_type(root, json_type_object) ||
	    !json_object_object_get_ex(root, "type", &type))
		return ERR_PARSE;
	if ((err = get_kind(r, type)))
		return err;
	json_object_object_foreach(root, key, value)
	{
		enum err e = get_field(r, key, value);

		if (!err)
			err = e;
	}
	if (!r->p->seq && r->p->kind != PKT_HELLO && r->p->kind != PKT_SKIP)
		memset(r->p->epoch, 0, sizeof r->p->epoch); /* of no number */
	if (!err && r->p->kind == PKT_CENTER && !r->p->verb)
		err = ERR_PARSE;
	return err ? err : packet_check(r->p);
}

static enum err sotto_decode(struct bytes frame, struct arena *a,
			     struct packet *out)
{
	struct reading r = {.a = a, .p = out};
	struct json_tokener *t;
	struct json_object *root;
	enum err err;

	*out = (struct packet){0};
	if (frame.n > PACKET_MAX)
		return ERR_LIMIT;
	if ((err = guard_json(frame, GUARD_OWN)))
		return err;
	t = json_tokener_new_ex(16);
	if (!t)
		return ERR_SYS;
	root = json_tokener_parse_ex(t, (const char *)frame.p, (int)frame.n);
	err = root ? read_packet(&r, root) : ERR_PARSE;
	json_object_put(root);
	json_tokener_free(t);
	return err;
}

const struct dialect dialect_sotto = {
    .name = "sotto",
    .port = 6327, /* 004: "a program alapértelmezett portja a 6327" */
    .frame_max = PACKET_MAX,
    .send_max = PACKET_MAX,
    .text_max = TEXT_MAX,
    .traits = T_ACKS | T_IDS | T_SEQ | T_KEYED,
    .seal = SEAL_NOISE,
    .patience = {.give_up_us = INT64_C(30) * 86400 * 1000000},
    .decode = sotto_decode,
    .encode = sotto_encode,
    .stamp = rfc3339_put,
};
