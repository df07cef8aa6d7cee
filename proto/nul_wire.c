#include "proto/dialect.h"
#include <string.h>

/* Document 001: UTF-8 text up to a NUL, one request and one reply a
 * connection.
 *
 *   identify                      -> public key in PEM
 *   (b'...',)                     -> register IP has been registered.
 *   (b'...',)                     -> TEXT received OK
 *
 * The bytes in the literal are textbook RSA of "register IP PORT" or "deliver
 * TEXT". The program evaluates what it gets, as Python; here it is read as
 * what it has to be, one bytes literal, and anything else is refused. */

enum {
	FRAME_MAX = 4096, /* with its NUL; what a key can hold needs 519 */
	SEND_MAX = 1024,
	KEY_MAX = 1024, /* bytes of PEM; the program's have 271 */
	SEALED_MAX = 128,
	TEXT_LONGEST = RAW_TEXT_MAX - 8, /* behind "deliver " */
	ADDRESS_MAX = 64,                /* bytes, as written */
};

static struct bytes view(const char *s)
{
	return (struct bytes){(const uint8_t *)s, strlen(s)};
}

static struct bytes part(struct bytes s, size_t from, size_t to)
{
	return (struct bytes){s.p + from, to - from};
}

static uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? c | 0x20 : c;
}

/* ASCII letters of either case, whatever the locale. */
static bool alike(const uint8_t *p, const char *as, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (lower(p[i]) != lower((uint8_t)as[i]))
			return false;
	return true;
}

static bool starts(struct bytes s, const char *with)
{
	size_t n = strlen(with);

	return s.n >= n && alike(s.p, with, n);
}

static bool ends(struct bytes s, const char *with)
{
	size_t n = strlen(with);

	return s.n >= n && alike(s.p + s.n - n, with, n);
}

static bool same(struct bytes s, const char *as)
{
	return s.n == strlen(as) && starts(s, as);
}

static bool blank(uint8_t c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* The first word, and what stands behind the one blank that ends it. */
static struct bytes word(struct bytes *rest)
{
	struct bytes s = *rest;
	size_t from = 0, to;

	while (from < s.n && blank(s.p[from]))
		from++;
	for (to = from; to < s.n && !blank(s.p[to]);)
		to++;
	*rest = part(s, to < s.n ? to + 1 : to, s.n);
	return part(s, from, to);
}

/* ---- Python's bytes literals ---- */

static int digit(uint8_t c, int base)
{
	int v = c >= '0' && c <= '9'   ? c - '0'
		: c >= 'a' && c <= 'f' ? c - 'a' + 10
		: c >= 'A' && c <= 'F' ? c - 'A' + 10
				       : base;

	return v < base ? v : -1;
}

/* At most three digits, of which Python keeps eight bits. */
static uint8_t octal(struct bytes s, size_t *at)
{
	unsigned v = 0;

	for (int i = 0; i < 3 && *at < s.n && digit(s.p[*at], 8) >= 0; i++)
		v = v << 3 | (unsigned)digit(s.p[(*at)++], 8);
	return (uint8_t)v;
}

static bool hex(struct bytes s, size_t *at, uint8_t *out)
{
	if (*at + 2 > s.n || digit(s.p[*at], 16) < 0 ||
	    digit(s.p[*at + 1], 16) < 0)
		return false;
	*out = (uint8_t)(digit(s.p[*at], 16) << 4 | digit(s.p[*at + 1], 16));
	*at += 2;
	return true;
}

struct sink {
	uint8_t *p;
	size_t n;
};

static enum err sink_put(struct sink *to, uint8_t c)
{
	if (to->n == SEALED_MAX)
		return ERR_LIMIT;
	to->p[to->n++] = c;
	return OK;
}

/* *at is behind the backslash. What is no escape means itself, with its
 * backslash; a line end behind one is nothing. */
static enum err escape(struct bytes s, size_t *at, struct sink *to)
{
	static const char from[] = "\\'\"abfnrtv",
			  means[] = "\\'\"\a\b\f\n\r\t\v";
	const char *simple;
	uint8_t c;

	if (*at == s.n)
		return ERR_PARSE;
	if (digit(s.p[*at], 8) >= 0)
		return sink_put(to, octal(s, at));
	c = s.p[(*at)++];
	if (c == '\n')
		return OK;
	if (c == 'x')
		return hex(s, at, &c) ? sink_put(to, c) : ERR_PARSE;
	simple = c ? strchr(from, c) : NULL;
	if (simple)
		return sink_put(to, (uint8_t)means[simple - from]);
	if (c < 0x20 || c > 0x7e)
		return ERR_PARSE;

	enum err err = sink_put(to, '\\');

	return err ? err : sink_put(to, c);
}

/* b'...' or b"..." with its beginning at *at; leaves it behind the end. */
static enum err quoted(struct bytes s, size_t *at, struct sink *to)
{
	uint8_t quote;
	enum err err = OK;

	if (*at + 2 > s.n || (s.p[*at] | 0x20) != 'b')
		return ERR_PARSE;
	quote = s.p[*at + 1];
	if (quote != '\'' && quote != '"')
		return ERR_PARSE;
	*at += 2;
	while (!err && *at < s.n) {
		uint8_t c = s.p[(*at)++];

		if (c == quote)
			return OK;
		if (c == '\\')
			err = escape(s, at, to);
		else if (c == '\n' || c == '\r' || !c || c > 0x7e)
			err = ERR_PARSE;
		else
			err = sink_put(to, c);
	}
	return err ? err : ERR_PARSE; /* it does not end */
}

static void skip(struct bytes s, size_t *at)
{
	while (*at < s.n && (s.p[*at] == ' ' || s.p[*at] == '\t'))
		(*at)++;
}

static bool skip_one(struct bytes s, size_t *at, char c)
{
	bool there = *at < s.n && s.p[*at] == c;

	*at += there;
	skip(s, at);
	return there;
}

/* A literal, alone or the only one in parentheses, with or without the comma
 * that makes a tuple of it. Nothing nests, so nothing recurses. */
static enum err literal(struct bytes s, struct sink *to)
{
	size_t at = 0;

	skip(s, &at);

	bool tuple = skip_one(s, &at, '(');
	enum err err = quoted(s, &at, to);

	if (err)
		return err;
	skip(s, &at);
	if (tuple) {
		skip_one(s, &at, ',');
		if (!skip_one(s, &at, ')'))
			return ERR_PARSE;
	}
	return at == s.n && to->n ? OK : ERR_PARSE;
}

/* repr() of bytes: in quotes that need no escape, if there are any. */
static void put_literal(struct buf *out, struct bytes s)
{
	bool apostrophe = memchr(s.p, '\'', s.n),
	     quotes = memchr(s.p, '"', s.n);
	char quote = apostrophe && !quotes ? '"' : '\'';

	buf_printf(out, "b%c", quote);
	for (size_t i = 0; i < s.n; i++) {
		uint8_t c = s.p[i];

		if (c == '\\' || c == quote)
			buf_printf(out, "\\%c", c);
		else if (c == '\t' || c == '\n' || c == '\r')
			buf_printf(out, "\\%c",
				   c == '\t'   ? 't'
				   : c == '\n' ? 'n'
					       : 'r');
		else if (c < 0x20 || c > 0x7e)
			buf_printf(out, "\\x%02x", c);
		else
			buf_printf(out, "%c", c);
	}
	buf_printf(out, "%c", quote);
}

/* ---- what is sealed ---- */

static enum err wrap(const struct packet *p, struct buf *out)
{
	char ip[ADDR_TEXT] = "0.0.0.0"; /* what the program always says */
	static const struct addr none;

	if (p->kind == PKT_MESSAGE) {
		if (p->text.n > TEXT_LONGEST)
			return ERR_LIMIT;
		buf_printf(out, "deliver ");
		buf_put(out, p->text);
		return OK;
	}
	if (p->kind != PKT_HELLO)
		return ERR_STATE;
	if (memcmp(p->from.ip, none.ip, sizeof none.ip) != 0)
		ip_text(ip, &p->from);
	buf_printf(out, "register %s %u", ip, (unsigned)p->listen_port);
	return OK;
}

static bool port_get(struct bytes s, uint16_t *port)
{
	unsigned v = 0;

	if (!s.n || s.n > 5)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (digit(s.p[i], 10) < 0)
			return false;
		v = v * 10 + (unsigned)digit(s.p[i], 10);
	}
	*port = (uint16_t)v;
	return v && v <= UINT16_MAX;
}

/* The address is nearly always 0.0.0.0, which says nothing. */
static enum err unwrap_register(struct bytes s, struct packet *out)
{
	struct bytes ip = word(&s), port = word(&s);

	if (!ip.n || ip.n > ADDRESS_MAX || !utf8_ok(ip) ||
	    !port_get(port, &out->listen_port))
		return ERR_PARSE;
	out->kind = PKT_HELLO;
	out->text = (struct bytes){0};
	out->peer = ip;
	out->from = (struct addr){.port = out->listen_port};
	if (!same(ip, "0.0.0.0") && !ip_parse(ip, out->from.ip))
		memset(out->from.ip, 0, sizeof out->from.ip);
	return OK;
}

/* A text keeps its case and blanks, which the program does not send. */
static enum err unwrap(struct bytes s, struct packet *out)
{
	struct bytes action = word(&s);

	if (same(action, "register"))
		return unwrap_register(s, out);
	if (!same(action, "deliver"))
		return ERR_PARSE;
	out->kind = PKT_MESSAGE;
	out->text = s;
	return OK;
}

/* ---- frames ---- */

static enum err nul_split(struct bytes in, bool greeted, bool quiet,
			  size_t *len)
{
	size_t n = in.n < FRAME_MAX ? in.n : FRAME_MAX;
	const uint8_t *end = n ? memchr(in.p, 0, n) : NULL;

	(void)greeted;
	(void)quiet;
	*len = end ? (size_t)(end - in.p) + 1 : 0;
	return end || n < FRAME_MAX ? OK : ERR_LIMIT;
}

/* What we answer when it is not a yes. The program shows it and goes on; one
 * of us understands it. */
static const char *const no[] = {
    [V_UNREGISTERED] = "error: please register first",
    [V_INVALID] = "error: not understood",
    [V_REFUSED] = "error: refused",
    [V_BUSY] = "error: busy, please try again later",
};
static const size_t n_no = sizeof no / sizeof *no;

static bool decode_no(struct bytes s, struct packet *out)
{
	for (size_t v = V_UNREGISTERED; v < n_no; v++)
		if (same(s, no[v])) {
			out->kind = PKT_ACK;
			out->verdict = (enum verdict)v;
			return true;
		}
	return false;
}

/* In peer: whom it calls registered, in text: what it received. The document
 * has "successfully" in it, the program a "register" before it. */
static bool decode_yes(struct bytes s, struct packet *out)
{
	static const char received[] = " received OK",
			  registered[] = " has been registered.",
			  documented[] = " has been successfully registered.";

	out->kind = PKT_ACK;
	out->verdict = V_SUCCESS;
	if (ends(s, received)) {
		out->text = part(s, 0, s.n - strlen(received));
		return true;
	}
	if (ends(s, documented))
		s.n -= strlen(documented);
	else if (ends(s, registered))
		s.n -= strlen(registered);
	else
		return false;
	if (starts(s, "register "))
		s = part(s, strlen("register "), s.n);
	out->peer = s;
	return s.n && s.n <= ADDRESS_MAX;
}

static enum err decode_key(struct bytes s, struct packet *out)
{
	out->kind = PKT_HELLO;
	out->key = s;
	if (s.n > KEY_MAX)
		return ERR_LIMIT;
	for (size_t i = 0; i < s.n; i++)
		if ((s.p[i] < 0x20 && !blank(s.p[i])) || s.p[i] > 0x7e)
			return ERR_PARSE;
	return OK;
}

static enum err decode_sealed(struct bytes s, struct arena *a,
			      struct packet *out)
{
	struct sink to = {.p = arena_get(a, SEALED_MAX)};
	enum err err = to.p ? literal(s, &to) : ERR_LIMIT;

	out->kind = PKT_MESSAGE; /* or HELLO: dialect_open will tell */
	out->sealed = true;
	out->text = (struct bytes){to.p, to.n};
	return err;
}

static enum err nul_decode(struct bytes frame, struct arena *a,
			   struct packet *out)
{
	*out = (struct packet){0};
	if (frame.n > FRAME_MAX)
		return ERR_LIMIT;
	if (!frame.n || frame.p[--frame.n] || !utf8_ok(frame))
		return ERR_PARSE;
	if (same(frame, "identify")) {
		out->kind = PKT_WHO;
		return OK;
	}
	/* Answers first: they may begin with what was sent. */
	if (decode_no(frame, out) || decode_yes(frame, out))
		return OK;
	*out = (struct packet){0};
	if (starts(frame, "-----BEGIN "))
		return decode_key(frame, out);
	return decode_sealed(frame, a, out);
}

/* Word by word, as the program does it. */
static void put_words(struct buf *out, struct bytes s)
{
	for (struct bytes w = word(&s); w.n; w = word(&s)) {
		buf_put(out, w);
		buf_printf(out, " ");
	}
}

static enum err encode_ack(const struct packet *p, struct buf *out)
{
	if (p->verdict != V_SUCCESS) {
		enum verdict v =
		    (size_t)p->verdict < n_no ? p->verdict : V_INVALID;

		buf_put(out, view(no[v]));
		return OK;
	}
	if (p->text.n > TEXT_LONGEST || p->peer.n > ADDRESS_MAX)
		return ERR_LIMIT;
	if (!utf8_ok(p->text) || !utf8_ok(p->peer))
		return ERR_PARSE;
	if (p->peer.n) {
		buf_printf(out, "register ");
		buf_put(out, p->peer);
		buf_printf(out, " has been registered.");
		return OK;
	}
	put_words(out, p->text);
	if (!out->n || out->p[out->n - 1] != ' ')
		buf_printf(out, " ");
	buf_printf(out, "received OK");
	return OK;
}

static enum err encode_sealed(const struct packet *p, struct buf *out)
{
	if (!p->text.n)
		return ERR_PARSE;
	if (p->text.n > SEALED_MAX)
		return ERR_LIMIT;
	buf_printf(out, "(");
	put_literal(out, p->text);
	buf_printf(out, ",)");
	return OK;
}

static enum err encode_key(const struct packet *p, struct buf *out)
{
	struct packet checked;

	if (!starts(p->key, "-----BEGIN "))
		return ERR_PARSE;
	buf_put(out, p->key);
	return decode_key(p->key, &checked);
}

/* HELLO as it is answers `identify`; sealed, it registers. A text that is not
 * sealed does not go out. */
static enum err encode(const struct packet *p, struct buf *out)
{
	if (p->kind == PKT_WHO) {
		buf_printf(out, "identify");
		return OK;
	}
	if (p->kind == PKT_ACK)
		return encode_ack(p, out);
	if (p->kind != PKT_HELLO && p->kind != PKT_MESSAGE)
		return ERR_STATE;
	if (p->sealed)
		return encode_sealed(p, out);
	return p->kind == PKT_HELLO ? encode_key(p, out) : ERR_STATE;
}

static enum err nul_encode(const struct packet *p, struct buf *out)
{
	struct buf frame = {0};
	enum err err = encode(p, &frame);

	if (!err) {
		buf_put(&frame, (struct bytes){(const uint8_t *)"", 1});
		buf_put(out, (struct bytes){frame.p, frame.n});
	}
	buf_free(&frame);
	return err;
}

const struct dialect dialect_nul = {
    .name = "nul",
    .port = 4040,
    .frame_max = FRAME_MAX,
    .send_max = SEND_MAX,
    .text_max = TEXT_LONGEST,
    .traits = T_TRANSACTION | T_ONE_SHOT | T_ACKS | T_ORDERED,
    .seal = SEAL_RAW,
    .patience = {.give_up_us = INT64_C(3600) * 1000000},
    .split = nul_split,
    .decode = nul_decode,
    .encode = nul_encode,
    .stamp = rfc3339_put,
    .wrap = wrap,
    .unwrap = unwrap,
};
