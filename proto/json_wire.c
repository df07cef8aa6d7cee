#include "proto/dialect.h"
#include "proto/guard.h"
#include <stdio.h>
#include <string.h>

/* Document 003: one JSON object a datagram, spelled as Python's json.dumps
 * spells it. A message has no name but its timestamp, so timestamps are kept
 * as the bytes that were written: a number, read and written again, may be
 * another one. That is why the object is not given to json-c: after the guard
 * it is well formed, and all that is wanted is a slice of it. */

enum {
	DATAGRAM = 1024,   /* the program reads no more of one */
	TEXT_LONGEST = 852 /* of ASCII, with the longest IPv4 addresses */
};

enum key {
	K_FROM_IP,
	K_TO_IP,
	K_FROM_PORT,
	K_TO_PORT,
	K_STAMP,
	K_ORIG_STAMP,
	K_REPLY_STAMP,
	K_TEXT,
	K_ORIG_TEXT,
	K_REPLY_TEXT,
	K_ACK,
	N_KEYS
};
static const char *const key_name[N_KEYS] = {
    [K_FROM_IP] = "Ip_origem",
    [K_TO_IP] = "Ip_destino",
    [K_FROM_PORT] = "Porta_origem",
    [K_TO_PORT] = "Porta_destino",
    [K_STAMP] = "Timestamp da mensagem",
    [K_ORIG_STAMP] = "Timestamp da mensagem original",
    [K_REPLY_STAMP] = "Timestamp da mensagem de resposta",
    [K_TEXT] = "Mensagem",
    [K_ORIG_TEXT] = "Mensagem original",
    [K_REPLY_TEXT] = "Mensagem de resposta",
    [K_ACK] = "ACK",
};
enum { KEY_MAX = 48 }; /* longer than any of them */

/* ---- writing ---- */

static void put(struct buf *b, const char *s)
{
	buf_put(b, (struct bytes){(const uint8_t *)s, strlen(s)});
}

static void put_key(struct buf *b, enum key k)
{
	put(b, k == K_FROM_IP ? "{\"" : ", \"");
	put(b, key_name[k]);
	put(b, "\": ");
}

/* One character of UTF-8 that utf8_ok has seen; *n: its length. */
static uint32_t point(const uint8_t *p, size_t *n)
{
	uint32_t c = *p;

	*n = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
	if (*n > 1)
		c &= 0x7fU >> *n;
	for (size_t i = 1; i < *n; i++)
		c = c << 6 | (p[i] & 0x3fU);
	return c;
}

static void put_point(struct buf *b, uint32_t c)
{
	static const char letter[] = {
	    ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f',
	    ['\r'] = 'r', ['"'] = '"',  ['\\'] = '\\'};

	if (c < sizeof letter && letter[c])
		buf_printf(b, "\\%c", letter[c]);
	else if (c >= 0x20 && c < 0x7f)
		buf_put(b, (struct bytes){(const uint8_t[]){(uint8_t)c}, 1});
	else if (c < 0x10000)
		buf_printf(b, "\\u%04x", c);
	else
		buf_printf(b, "\\u%04x\\u%04x", 0xd7c0 + (c >> 10),
			   0xdc00 + (c & 0x3ff));
}

static void put_text(struct buf *b, enum key k, struct bytes s)
{
	size_t n;

	put_key(b, k);
	put(b, "\"");
	for (size_t i = 0; i < s.n; i += n)
		put_point(b, point(s.p + i, &n));
	put(b, "\"");
}

static bool ip_none(const uint8_t ip[static 16])
{
	static const uint8_t none[16], any[16] = {[10] = 0xff, [11] = 0xff};

	return !memcmp(ip, none, 16) || !memcmp(ip, any, 16);
}

static void put_ip(struct buf *b, enum key k, const struct addr *a)
{
	char text[ADDR_TEXT] = "0.0.0.0";

	if (!ip_none(a->ip))
		ip_text(text, a);
	put_key(b, k);
	buf_printf(b, "\"%s\"", text);
}

static void put_addresses(struct buf *b, const struct packet *p)
{
	put_ip(b, K_FROM_IP, &p->from);
	put_ip(b, K_TO_IP, &p->to);
	put_key(b, K_FROM_PORT);
	buf_printf(b, "%u", p->from.port);
	put_key(b, K_TO_PORT);
	buf_printf(b, "%u", p->to.port);
}

static void put_stamp(struct buf *b, enum key k, struct bytes stamp)
{
	put_key(b, k);
	buf_put(b, stamp);
}

static bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

/* It is written without quotes: a number and nothing around it. */
static bool stamp_fit(struct bytes s)
{
	return s.n && (is_digit(*s.p) || *s.p == '-') &&
	       is_digit(s.p[s.n - 1]) && !guard_json(s, GUARD_DECIMALS);
}

static enum err put_message(struct buf *b, const struct packet *p)
{
	if (!stamp_fit(p->stamp))
		return ERR_PARSE;
	put_addresses(b, p);
	put_stamp(b, K_STAMP, p->stamp);
	put_text(b, K_TEXT, p->text);
	return OK;
}

static enum err put_reply(struct buf *b, const struct packet *p)
{
	if (!stamp_fit(p->stamp) || !stamp_fit(p->orig_stamp))
		return ERR_PARSE;
	put_addresses(b, p);
	put_stamp(b, K_ORIG_STAMP, p->orig_stamp);
	put_stamp(b, K_REPLY_STAMP, p->stamp);
	put_text(b, K_ORIG_TEXT, p->quoted);
	put_text(b, K_REPLY_TEXT, p->text);
	return OK;
}

/* The program needs all seven. Its "false" is final: who is to try again is
 * told nothing, and tries again. */
static enum err put_ack(struct buf *b, const struct packet *p)
{
	bool yes = p->verdict == V_SUCCESS;

	if (!yes && p->verdict != V_INVALID && p->verdict != V_REFUSED)
		return ERR_STATE;
	if (!stamp_fit(p->stamp) || !stamp_fit(p->orig_stamp))
		return ERR_PARSE;
	put_addresses(b, p);
	put_stamp(b, K_ORIG_STAMP, p->orig_stamp);
	put_stamp(b, K_REPLY_STAMP, p->stamp);
	put_key(b, K_ACK);
	put(b, yes ? "true" : "false");
	return OK;
}

static enum err put_packet(struct buf *b, const struct packet *p)
{
	if (p->kind == PKT_MESSAGE)
		return put_message(b, p);
	if (p->kind == PKT_REPLY)
		return put_reply(b, p);
	return p->kind == PKT_ACK ? put_ack(b, p) : ERR_STATE;
}

static enum err json_encode(const struct packet *p, struct buf *out)
{
	enum err err = packet_check_plain(p);

	if (!err)
		err = put_packet(out, p);
	if (!err)
		put(out, "}");
	return err;
}

/* ---- reading: what the guard has passed ---- */

struct cursor {
	const uint8_t *p, *end;
};

static void skip_blanks(struct cursor *c)
{
	while (c->p < c->end && (*c->p == ' ' || *c->p == '\t' ||
				 *c->p == '\n' || *c->p == '\r'))
		c->p++;
}

static bool eat(struct cursor *c, uint8_t want)
{
	skip_blanks(c);
	if (c->p == c->end || *c->p != want)
		return false;
	c->p++;
	return true;
}

static void skip_string(struct cursor *c)
{
	for (c->p++; c->p < c->end && *c->p != '"'; c->p++)
		if (*c->p == '\\')
			c->p++;
	c->p++;
}

/* Up to the comma or bracket behind a value, whatever is in it. */
static struct bytes skip_value(struct cursor *c)
{
	const uint8_t *from;
	size_t depth = 0;

	skip_blanks(c);
	from = c->p;
	while (c->p < c->end) {
		uint8_t ch = *c->p;

		if (ch == '"') {
			skip_string(c);
			continue;
		}
		if (!depth && (ch == ',' || ch == '}'))
			break;
		if (ch == '{' || ch == '[')
			depth++;
		else if (ch == '}' || ch == ']')
			depth--;
		c->p++;
	}
	return (struct bytes){from, (size_t)(c->p - from)};
}

static uint32_t hex4(const uint8_t *p)
{
	uint32_t v = 0;

	for (int i = 0; i < 4; i++) {
		uint32_t c = p[i] | 0x20U;

		v = v << 4 | (c <= '9' ? c - '0' : c - 'a' + 10);
	}
	return v;
}

static size_t put_utf8(uint8_t *out, uint32_t c)
{
	size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

	if (n == 1) {
		*out = (uint8_t)c;
		return n;
	}
	for (size_t i = n - 1; i > 0; i--, c >>= 6)
		out[i] = (uint8_t)(0x80 | (c & 0x3f));
	*out = (uint8_t)(0xf00 >> n | c);
	return n;
}

/* c is behind the backslash. */
static uint32_t escaped(struct cursor *c)
{
	uint32_t high;

	switch (*c->p++) {
	case 'b':
		return '\b';
	case 'f':
		return '\f';
	case 'n':
		return '\n';
	case 'r':
		return '\r';
	case 't':
		return '\t';
	case 'u':
		high = hex4(c->p);
		c->p += 4;
		if (high < 0xd800 || high > 0xdbff)
			return high;
		c->p += 6; /* the guard saw that the other half follows */
		return 0x10000 + ((high - 0xd800) << 10) +
		       (hex4(c->p - 4) - 0xdc00);
	}
	return c->p[-1];
}

/* c is at the opening quote and will be behind the closing one. The result is
 * never longer than what it was written as. Returns its length, or SIZE_MAX
 * where it does not fit. */
static size_t unescape(struct cursor *c, uint8_t *out, size_t max)
{
	size_t n = 0;

	for (c->p++; *c->p != '"';) {
		uint8_t utf8[4] = {*c->p};
		size_t k = 1;

		if (*c->p++ == '\\')
			k = put_utf8(utf8, escaped(c));
		if (k > max - n)
			return SIZE_MAX;
		memcpy(out + n, utf8, k);
		n += k;
	}
	c->p++;
	return n;
}

/* N_KEYS: none of ours. */
static enum key read_key(struct cursor *c)
{
	struct cursor again = *c;
	uint8_t name[KEY_MAX];
	size_t n = unescape(&again, name, sizeof name);

	skip_string(c);
	for (int k = 0; k < N_KEYS; k++)
		if (n == strlen(key_name[k]) && !memcmp(key_name[k], name, n))
			return (enum key)k;
	return N_KEYS;
}

struct reading {
	struct bytes value[N_KEYS + 1]; /* as written; p NULL: not there */
	struct arena *a;
	struct packet *p;
	enum err err; /* the first */
};

static enum err read_object(struct reading *r, struct bytes in)
{
	struct cursor c = {in.p, in.p + in.n};

	if (!eat(&c, '{'))
		return ERR_PARSE;
	while (!eat(&c, '}')) {
		enum key k;

		skip_blanks(&c);
		k = read_key(&c);
		eat(&c, ':');
		r->value[k] = skip_value(&c);
		eat(&c, ',');
	}
	return OK;
}

static void refuse(struct reading *r, enum err err)
{
	if (!r->err)
		r->err = err;
}

/* Without the blanks behind it. */
static struct bytes plain_value(const struct reading *r, enum key k)
{
	struct bytes v = r->value[k];

	while (v.n && v.p[v.n - 1] <= ' ')
		v.n--;
	return v;
}

static void read_text(struct reading *r, enum key k, struct bytes *out)
{
	struct bytes v = r->value[k];
	struct cursor c;
	uint8_t *text;

	if (!v.n || *v.p != '"') {
		refuse(r, ERR_PARSE);
		return;
	}
	text = arena_get(r->a, v.n);
	if (!text) {
		refuse(r, ERR_LIMIT);
		return;
	}
	c = (struct cursor){v.p, v.p + v.n};
	*out = (struct bytes){text, unescape(&c, text, v.n)};
}

/* A claim, never used to answer. The program lets people type names of hosts,
 * and bound to all addresses it says 0.0.0.0: both are "none given". */
static void read_ip(struct reading *r, enum key k, struct addr *a)
{
	struct bytes s = {0};

	read_text(r, k, &s);
	if (!ip_parse(s, a->ip) || ip_none(a->ip))
		memset(a->ip, 0, sizeof a->ip);
}

static void read_port(struct reading *r, enum key k, struct addr *a)
{
	struct bytes v = plain_value(r, k);
	unsigned port = 0;
	bool good = v.n && v.n <= 5;

	for (size_t i = 0; good && i < v.n; i++) {
		good = is_digit(v.p[i]);
		port = port * 10 + (v.p[i] - (unsigned)'0');
	}
	if (!good || port > UINT16_MAX)
		refuse(r, ERR_PARSE);
	else
		a->port = (uint16_t)port;
}

/* Who sent it has to be said, to whom needs not. */
static void read_addresses(struct reading *r)
{
	read_ip(r, K_FROM_IP, &r->p->from);
	read_port(r, K_FROM_PORT, &r->p->from);
	if (r->value[K_TO_IP].p)
		read_ip(r, K_TO_IP, &r->p->to);
	if (r->value[K_TO_PORT].p)
		read_port(r, K_TO_PORT, &r->p->to);
}

static int64_t scale(uint64_t v, int tens)
{
	for (; tens < 0 && v; tens++)
		v /= 10;
	for (; tens > 0 && v; tens--) {
		if (v > INT64_MAX / 10)
			return 0;
		v *= 10;
	}
	return (int64_t)v;
}

/* Of Unix seconds; 0 where that says nothing. */
static int64_t micros(struct bytes s)
{
	uint64_t v = 0;
	int tens = 6, exponent = 0;
	bool fraction = false, down = false;
	size_t i = 0;

	for (; i < s.n && (s.p[i] | 0x20) != 'e'; i++) {
		if (s.p[i] == '.') {
			fraction = true;
			continue;
		}
		if (!is_digit(s.p[i]))
			return 0;
		if (v < INT64_MAX / 100)
			v = v * 10 + (s.p[i] - (uint64_t)'0');
		else
			tens++;
		tens -= fraction;
	}
	for (i++; i < s.n; i++) {
		down |= s.p[i] == '-';
		if (is_digit(s.p[i]))
			exponent = exponent * 10 + (s.p[i] - '0');
	}
	return scale(v, down ? tens - exponent : tens + exponent);
}

static void read_stamp(struct reading *r, enum key k, struct bytes *out,
		       int64_t *us)
{
	struct bytes v = plain_value(r, k);

	if (!stamp_fit(v)) {
		refuse(r, ERR_PARSE);
		return;
	}
	*out = v;
	*us = micros(v);
}

static void read_ack(struct reading *r)
{
	struct bytes v = plain_value(r, K_ACK);
	struct packet *p = r->p;

	p->kind = PKT_ACK;
	read_stamp(r, K_ORIG_STAMP, &p->orig_stamp, &p->orig_us);
	if (r->value[K_REPLY_STAMP].p)
		read_stamp(r, K_REPLY_STAMP, &p->stamp, &p->sent_us);
	if (v.n == 5 && !memcmp(v.p, "false", 5))
		p->verdict = V_REFUSED;
	else if (v.n != 4 || memcmp(v.p, "true", 4) != 0)
		refuse(r, ERR_PARSE);
}

static void read_reply(struct reading *r)
{
	struct packet *p = r->p;

	p->kind = PKT_REPLY;
	read_stamp(r, K_REPLY_STAMP, &p->stamp, &p->sent_us);
	read_stamp(r, K_ORIG_STAMP, &p->orig_stamp, &p->orig_us);
	read_text(r, K_ORIG_TEXT, &p->quoted);
	read_text(r, K_REPLY_TEXT, &p->text);
}

static void read_message(struct reading *r)
{
	struct packet *p = r->p;

	p->kind = PKT_MESSAGE;
	read_stamp(r, K_STAMP, &p->stamp, &p->sent_us);
	read_text(r, K_TEXT, &p->text);
}

/* On an error the kind and the timestamps are told all the same, so that the
 * refusal can name what it refuses. */
static enum err json_decode(struct bytes frame, struct arena *a,
			    struct packet *out)
{
	struct reading r = {.a = a, .p = out};
	enum err err;

	*out = (struct packet){0};
	if (frame.n > DATAGRAM)
		return ERR_LIMIT;
	if ((err = guard_json(frame, GUARD_DECIMALS)))
		return err;
	if ((err = read_object(&r, frame)))
		return err;
	if (r.value[K_ACK].p)
		read_ack(&r);
	else if (r.value[K_ORIG_TEXT].p)
		read_reply(&r);
	else
		read_message(&r);
	read_addresses(&r);
	return r.err ? r.err : packet_check_plain(out);
}

static enum err json_split(struct bytes in, bool greeted, bool quiet,
			   size_t *len)
{
	(void)greeted;
	(void)quiet;
	*len = in.n;
	return in.n > DATAGRAM ? ERR_LIMIT : OK;
}

/* As Python writes time.time(): no zeros at the end, but one digit. */
static void json_stamp(char out[static STAMP_MAX + 1], int64_t unix_us)
{
	size_t n;

	if (unix_us < 0)
		unix_us = 0;
	snprintf(out, STAMP_MAX + 1, "%lld.%06lld",
		 (long long)(unix_us / 1000000),
		 (long long)(unix_us % 1000000));
	n = strlen(out);
	while (out[n - 1] == '0' && out[n - 2] != '.')
		n--;
	out[n] = '\0';
}

const struct dialect dialect_json = {
    .name = "json",
    .port = 0, /* the program asks for one */
    .frame_max = DATAGRAM,
    .send_max = DATAGRAM,
    .text_max = TEXT_LONGEST,
    .traits = T_DATAGRAM | T_ACKS | T_STAMPS,
    .seal = SEAL_NONE,
    .patience = {.tries = 5,
		 .wait_us = INT64_C(5000000),
		 .give_up_us = INT64_C(25000000)},
    .split = json_split,
    .decode = json_decode,
    .encode = json_encode,
    .stamp = json_stamp,
};
