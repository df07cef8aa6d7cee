#include "proto/dialect.h"
#include <stdio.h>
#include <string.h>

/* Document 004: "@key=value&key=value". There is no delimiter: the program
 * takes what one recv returns for a packet, and sends texts in blocks of 4096
 * bytes, a NUL behind the text and then whatever lay on its stack. So nothing
 * behind a NUL is ever looked at. */

enum {
	BLOCK = 4096,
	VALUE_MAX = 1023, /* as written; the program aborts on more */
	KEY_MAX = 64,
	ID_MAX = 32,
	NICK_LONGEST = 29,
};

enum field {
	F_ID,
	F_PORT,
	F_VERSION,
	F_NICK,
	F_PEERS,
	F_PUBKEY, /* said by old versions, used by none */
	F_VALID,
	F_ERROR,
	F_MESSAGE,
	N_FIELDS
};
static const char *const field_name[N_FIELDS] = {
    [F_ID] = "id",         [F_PORT] = "port",   [F_VERSION] = "version",
    [F_NICK] = "nickname", [F_PEERS] = "peers", [F_PUBKEY] = "pubkey",
    [F_VALID] = "valid",   [F_ERROR] = "error", [F_MESSAGE] = "message",
};

/* What may be wrong with a handshake, as our own packets spell it; upper case
 * on the wire. */
static const char id_taken[] = "id_taken", id_not_found[] = "id_not_found",
		  port_not_found[] = "port_not_found",
		  invalid_response[] = "invalid_response";

static struct bytes view(const char *s)
{
	return (struct bytes){(const uint8_t *)s, strlen(s)};
}

static bool same(struct bytes a, const char *b)
{
	return a.n == strlen(b) && (!a.n || !memcmp(a.p, b, a.n));
}

static bool starts(struct bytes s, const char *with)
{
	size_t n = strlen(with);

	return s.n >= n && !memcmp(s.p, with, n);
}

static bool is_blank(uint8_t c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* ---- frames ---- */

/* Where a text begins that is glued to something complete; 0: nowhere. A text
 * of the program never holds this: its '@' is written %40. */
static size_t glued_at(struct bytes s)
{
	static const char sign[] = "@message=";
	const uint8_t *equals = s.n ? memchr(s.p, '=', s.n) : NULL;
	const uint8_t *at;

	if (!equals)
		return 0;
	at = memmem(equals, (size_t)(s.p + s.n - equals), sign, strlen(sign));
	return at ? (size_t)(at - s.p) : 0;
}

static size_t zeros(struct bytes s)
{
	size_t n = 0;

	while (n < s.n && !s.p[n])
		n++;
	return n;
}

/* Texts come in blocks, and short where the peer then falls silent; everything
 * else is short, or ends in a NUL that the program would not send. */
static enum err mesh_split(struct bytes in, bool greeted, bool quiet,
			   size_t *len)
{
	struct bytes s = {in.p, in.n < BLOCK ? in.n : BLOCK};
	const uint8_t *nul = s.n ? memchr(s.p, 0, s.n) : NULL;
	bool text;

	*len = 0;
	if (nul == in.p) { /* of nothing */
		*len = zeros(s);
		return OK;
	}
	s.n = nul ? (size_t)(nul - s.p) : s.n;
	text = greeted || starts(s, "@message=") || starts(s, "message=");
	if ((*len = glued_at(s)))
		return OK;
	if (in.n >= BLOCK && !nul && !text)
		return ERR_LIMIT;
	if (nul && !text)
		*len = s.n + 1;
	else if (in.n >= BLOCK)
		*len = BLOCK;
	else if (quiet && !nul)
		*len = in.n;
	return OK;
}

/* ---- percent signs ---- */

static int nibble(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The byte of "%41" at s.p[i]; -1: no such thing, it is taken as it stands. */
static int percent(struct bytes s, size_t i)
{
	int high, low;

	if (s.p[i] != '%' || s.n - i < 3)
		return -1;
	high = nibble(s.p[i + 1]);
	low = nibble(s.p[i + 2]);
	return high < 0 || low < 0 ? -1 : high << 4 | low;
}

/* out has room for s.n. */
static struct bytes unpercent(uint8_t *out, struct bytes s, bool plus)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		int c = percent(s, i);

		if (c >= 0)
			i += 2;
		else
			c = plus && s.p[i] == '+' ? ' ' : s.p[i];
		out[n++] = (uint8_t)c;
	}
	return (struct bytes){out, n};
}

/* Up to three times as long: what is no UTF-8 becomes U+FFFD. Names and texts
 * of other systems are better shown with signs in them than not at all. */
static size_t repair(uint8_t *out, struct bytes s)
{
	size_t n = 0, k;

	for (size_t i = 0; i < s.n; i += k) {
		uint8_t c = s.p[i];

		k = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
		if (k <= s.n - i && utf8_ok((struct bytes){s.p + i, k})) {
			memcpy(out + n, s.p + i, k);
			n += k;
			continue;
		}
		memcpy(out + n, "\xef\xbf\xbd", 3);
		n += 3;
		k = 1;
	}
	return n;
}

static enum err get_text(struct arena *a, struct bytes s, bool plus,
			 struct bytes *out)
{
	uint8_t *raw = arena_get(a, s.n), *text = arena_get(a, 3 * s.n);

	if (!raw || !text)
		return ERR_LIMIT;
	out->n = repair(text, unpercent(raw, s, plus));
	out->p = text;
	return OK;
}

static void put(struct buf *b, const char *s)
{
	buf_put(b, view(s));
}

/* What encodeURIComponent of a browser leaves alone. */
static bool is_plain(uint8_t c)
{
	return c && c < 0x80 &&
	       strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
		      "0123456789-_.!~*'()",
		      c);
}

/* In a name only what would end it: the program shows names as they are. */
static bool is_name(uint8_t c)
{
	return c > ' ' && c != 0x7f && !strchr("&=%@", c);
}

static void put_percent(struct buf *b, struct bytes s, bool (*plain)(uint8_t))
{
	for (size_t i = 0; i < s.n; i++)
		if (plain(s.p[i]))
			buf_put(b, (struct bytes){s.p + i, 1});
		else
			buf_printf(b, "%%%02X", s.p[i]);
}

/* ---- writing ---- */

/* An id of the program may hold any byte: packets have such a byte as %XX. */
static enum err put_id(struct buf *b, struct bytes peer)
{
	uint8_t raw[64];
	struct bytes id;

	if (!peer.n)
		return ERR_PARSE;
	if (peer.n > sizeof raw)
		return ERR_LIMIT;
	id = unpercent(raw, peer, false);
	if (id.n > ID_MAX)
		return ERR_LIMIT;
	for (size_t i = 0; i < id.n; i++)
		if (!raw[i] || raw[i] == '&' || is_blank(raw[i]))
			return ERR_PARSE;
	put(b, "@id=");
	buf_put(b, id);
	return OK;
}

/* Cut at a character, as written. */
static void put_nick(struct buf *b, struct bytes nick)
{
	struct buf name = {0};

	for (size_t max = NICK_LONGEST; max; max--) {
		name.n = 0;
		put_percent(&name, (struct bytes){nick.p, utf8_cut(nick, max)},
			    is_name);
		if (name.n <= NICK_LONGEST)
			break;
	}
	if (name.n && name.n <= NICK_LONGEST) {
		put(b, "&nickname=");
		buf_put(b, (struct bytes){name.p, name.n});
	}
	buf_free(&name);
}

/* The program knows no other addresses than those of IPv4. */
static void put_peers(struct buf *b, const struct packet *p)
{
	bool any = false;

	for (size_t i = 0; i < p->n_peers; i++) {
		char text[ADDR_TEXT];

		addr_text(text, &p->peers[i]);
		if (*text == '[' || !p->peers[i].port)
			continue;
		put(b, any ? "," : "&peers=");
		put(b, text);
		any = true;
	}
}

static enum err put_hello(struct buf *b, const struct packet *p)
{
	enum err err;

	if (!p->listen_port)
		return ERR_PARSE;
	if ((err = put_id(b, p->peer)))
		return err;
	buf_printf(b, "&port=%u&version=", p->listen_port);
	if (p->version.n)
		put_percent(b, p->version, is_name);
	else
		put(b, "1.2");
	put_nick(b, p->nick);
	put_peers(b, p);
	return OK;
}

static enum err put_message(struct buf *b, struct bytes text)
{
	size_t from = b->n, n;

	put(b, "@message=");
	n = b->n;
	put_percent(b, text, is_plain);
	if (b->n - n > VALUE_MAX)
		return ERR_LIMIT;
	n = BLOCK - (b->n - from);
	buf_room(b, n);
	memset(b->p + b->n, 0, n);
	b->n += n;
	return OK;
}

static enum err put_error(struct buf *b, const struct packet *p)
{
	static const char *const known[] = {id_taken, id_not_found,
					    port_not_found};
	const char *code = invalid_response;

	for (size_t i = 0; p->n_words && i < 3; i++)
		if (same(p->word[0], known[i]))
			code = known[i];
	put(b, "@valid=false&error=");
	for (; *code; code++)
		buf_printf(b, "%c", *code == '_' ? '_' : *code - 'a' + 'A');
	return OK;
}

static enum err mesh_encode(const struct packet *p, struct buf *out)
{
	size_t before = out->n;
	enum err err = packet_check_plain(p);

	if (err)
		return err;
	if (p->kind == PKT_HELLO)
		err = put_hello(out, p);
	else if (p->kind == PKT_MESSAGE)
		err = put_message(out, p->text);
	else
		err = p->kind == PKT_ERROR ? put_error(out, p) : ERR_STATE;
	if (err)
		out->n = before;
	return err;
}

/* ---- reading ---- */

/* The program ends a value at the first blank. Names and texts are taken
 * whole, but for the end of a line. */
static struct bytes trim(enum field f, struct bytes v)
{
	size_t n = 0;

	if (f == F_MESSAGE || f == F_NICK) {
		while (v.n && (v.p[v.n - 1] == '\n' || v.p[v.n - 1] == '\r'))
			v.n--;
		return v;
	}
	while (n < v.n && !is_blank(v.p[n]))
		n++;
	v.n = n;
	return v;
}

/* Of two with the same name the first counts. */
static enum err read_pair(struct bytes s, struct bytes value[static N_FIELDS])
{
	const uint8_t *equals = s.n ? memchr(s.p, '=', s.n) : NULL;
	struct bytes k = {s.p, equals ? (size_t)(equals - s.p) : s.n};
	struct bytes v = {s.p + s.n, 0};

	if (equals)
		v = (struct bytes){equals + 1, s.n - k.n - 1};
	if (k.n > KEY_MAX || v.n > VALUE_MAX)
		return ERR_LIMIT;
	for (int f = 0; f < N_FIELDS; f++)
		if (same(k, field_name[f]) && !value[f].p)
			value[f] = trim((enum field)f, v);
	return OK;
}

static enum err read_pairs(struct bytes s, struct bytes value[static N_FIELDS])
{
	enum err err = OK;

	while (s.n && !err) {
		const uint8_t *end = memchr(s.p, '&', s.n);
		size_t n = end ? (size_t)(end - s.p) : s.n;

		err = read_pair((struct bytes){s.p, n}, value);
		n += end != NULL;
		s.p += n;
		s.n -= n;
	}
	return err;
}

static enum err get_id(struct arena *a, struct bytes v, struct bytes *out)
{
	uint8_t *id = arena_get(a, 3 * ID_MAX + 1);
	size_t n = 0;

	if (v.n > ID_MAX || !id)
		return ERR_LIMIT;
	for (size_t i = 0; i < v.n; i++)
		if (v.p[i] > ' ' && v.p[i] < 0x7f && v.p[i] != '%')
			id[n++] = v.p[i];
		else
			n += (size_t)snprintf((char *)id + n, 4, "%%%02X",
					      v.p[i]);
	*out = (struct bytes){id, n};
	return OK;
}

static bool get_port(struct bytes v, uint16_t *out)
{
	unsigned port = 0;

	if (!v.n || v.n > 5)
		return false;
	for (size_t i = 0; i < v.n; i++) {
		if (v.p[i] < '0' || v.p[i] > '9')
			return false;
		port = port * 10 + (v.p[i] - (unsigned)'0');
	}
	*out = (uint16_t)port;
	return port && port <= UINT16_MAX;
}

/* 192.0.2.1:6327 */
static bool get_addr(struct bytes s, struct addr *out)
{
	const uint8_t *colon = s.n ? memrchr(s.p, ':', s.n) : NULL;
	size_t n = colon ? (size_t)(colon - s.p) : 0;

	return colon && ip_parse((struct bytes){s.p, n}, out->ip) &&
	       get_port((struct bytes){colon + 1, s.n - n - 1}, &out->port);
}

/* What is no address is stepped over, and so are those that are too many. */
static enum err get_peers(struct arena *a, struct bytes s, struct packet *p)
{
	p->peers = s.n ? arena_get(a, PEERS_MAX * sizeof *p->peers) : NULL;
	if (s.n && !p->peers)
		return ERR_LIMIT;
	while (s.n && p->n_peers < PEERS_MAX) {
		const uint8_t *end = memchr(s.p, ',', s.n);
		size_t n = end ? (size_t)(end - s.p) : s.n;

		if (get_addr((struct bytes){s.p, n}, &p->peers[p->n_peers]))
			p->n_peers++;
		n += end != NULL;
		s.p += n;
		s.n -= n;
	}
	return OK;
}

static enum err get_name(struct arena *a, struct bytes v, size_t max,
			 struct bytes *out)
{
	enum err err = v.n ? get_text(a, v, false, out) : OK;

	if (!err)
		out->n = utf8_cut(*out, max);
	return err;
}

/* What to answer stands in word[0] of a packet that is refused. */
static enum err refuse(struct packet *p, const char *code, enum err err)
{
	p->word[0] = view(code);
	p->n_words = 1;
	return err;
}

static enum err read_hello(struct arena *a, const struct bytes *v,
			   struct packet *p)
{
	enum err err;

	p->kind = PKT_HELLO;
	if (!v[F_ID].n && !v[F_PORT].n)
		return refuse(p, invalid_response, ERR_PARSE);
	if (!v[F_ID].n)
		return refuse(p, id_not_found, ERR_PARSE);
	if ((err = get_id(a, v[F_ID], &p->peer)))
		return refuse(p, invalid_response, err);
	if (!get_port(v[F_PORT], &p->listen_port))
		return refuse(p, port_not_found, ERR_PARSE);
	p->key = v[F_PUBKEY];
	err = get_name(a, v[F_VERSION], 64, &p->version);
	if (!err)
		err = get_name(a, v[F_NICK], NICK_LONGEST, &p->nick);
	return err ? err : get_peers(a, v[F_PEERS], p);
}

static enum err read_error(struct arena *a, struct bytes v, struct packet *p)
{
	uint8_t *code = arena_get(a, v.n + 1);

	p->kind = PKT_ERROR;
	if (!code || v.n > KEY_MAX)
		return ERR_LIMIT;
	for (size_t i = 0; i < v.n; i++) {
		uint8_t c = v.p[i] | 0x20;

		code[i] = c >= 'a' && c <= 'z' ? c : '_';
	}
	p->word[0] = v.n ? (struct bytes){code, v.n} : view(invalid_response);
	p->n_words = 1;
	return OK;
}

static enum err read_message(struct arena *a, struct bytes v, struct packet *p)
{
	p->kind = PKT_MESSAGE;
	return v.n ? get_text(a, v, true, &p->text) : ERR_STATE;
}

/* ERR_STATE: nothing is said, an empty text too. */
static enum err mesh_decode(struct bytes frame, struct arena *a,
			    struct packet *out)
{
	struct bytes value[N_FIELDS] = {{0}};
	const uint8_t *nul = frame.n ? memchr(frame.p, 0, frame.n) : NULL;
	enum err err;

	*out = (struct packet){0};
	if (frame.n > BLOCK)
		return ERR_LIMIT;
	if (nul)
		frame.n = (size_t)(nul - frame.p);
	if (!frame.n)
		return ERR_STATE;
	if (*frame.p == '@')
		frame = (struct bytes){frame.p + 1, frame.n - 1};
	if ((err = read_pairs(frame, value)))
		return refuse(out, invalid_response, err);
	if (value[F_MESSAGE].p)
		err = read_message(a, value[F_MESSAGE], out);
	else if (value[F_ERROR].n || same(value[F_VALID], "false"))
		err = read_error(a, value[F_ERROR], out);
	else
		err = read_hello(a, value, out);
	return err ? err : packet_check_plain(out);
}

const struct dialect dialect_mesh = {
    .name = "mesh",
    .port = 6327,
    .frame_max = BLOCK,
    .send_max = BLOCK,
    .text_max = VALUE_MAX,
    .traits = T_HELLO_FIRST | T_UNFRAMED,
    .seal = SEAL_NONE,
    .patience = {.give_up_us = INT64_C(3600) * 1000000},
    .split = mesh_split,
    .decode = mesh_decode,
    .encode = mesh_encode,
    .stamp = rfc3339_put, /* a text carries none */
};
