#include "proto/packet.h"
#include <stdio.h>
#include <string.h>

static bool none(const void *p, size_t n)
{
	const uint8_t *b = p;

	for (size_t i = 0; i < n; i++)
		if (b[i])
			return false;
	return true;
}

static bool uuid_none(const struct uuid *u)
{
	return none(u->b, sizeof u->b);
}

/* A timestamp as written: short, and of characters one may echo. */
static bool stamp_ok(struct bytes s)
{
	if (s.n > STAMP_MAX)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < 0x20 || s.p[i] > 0x7e)
			return false;
	return true;
}

static enum err word_check(struct bytes s, size_t max)
{
	if (s.n > max)
		return ERR_LIMIT;
	return utf8_ok(s) ? OK : ERR_PARSE;
}

/* Ascending, apart, from 1. */
static bool ranges_ok(const struct packet *p)
{
	uint64_t last = 0;

	if (p->n_ranges > RANGES_MAX)
		return false;
	for (size_t i = 0; i < p->n_ranges; i++) {
		const struct range *r = &p->ranges[i];

		if (r->from <= last || r->to < r->from)
			return false;
		last = r->to;
	}
	return true;
}

static enum err check_text(const struct packet *p)
{
	if (!p->text.n || uuid_none(&p->id) || !p->stamp.n)
		return ERR_PARSE;
	if (p->text.n > TEXT_MAX || p->quoted.n > QUOTE_MAX)
		return ERR_LIMIT;
	if (!utf8_ok(p->text) || !utf8_ok(p->quoted))
		return ERR_PARSE;
	if (p->seq && none(p->epoch, sizeof p->epoch))
		return ERR_PARSE;
	return OK;
}

static enum err check_hello(const struct packet *p)
{
	enum err err = word_check(p->peer, 64);

	if (!err)
		err = word_check(p->nick, NICK_MAX);
	if (!err)
		err = word_check(p->version, 64);
	if (!err)
		err = word_check(p->features, 256);
	if (err)
		return err;
	err = word_check(p->center, 400);
	if (err)
		return err;
	if (p->prekey.n > 512)
		return ERR_LIMIT;
	return p->n_peers <= PEERS_MAX && ranges_ok(p) ? OK : ERR_LIMIT;
}

static enum err check_words(const struct packet *p)
{
	if (p->n_words > WORDS_MAX)
		return ERR_LIMIT;
	for (size_t i = 0; i < p->n_words; i++) {
		enum err err = word_check(p->word[i], 512);

		if (err)
			return err;
	}
	return OK;
}

static enum err check_center(const struct packet *p)
{
	enum err err = check_words(p);

	if (err)
		return err;
	if (p->verb > CENTER_RELAY)
		return ERR_PARSE;
	return word_check(p->text, PACKET_MAX);
}

enum err packet_check(const struct packet *p)
{
	if (!stamp_ok(p->stamp) || !stamp_ok(p->orig_stamp))
		return ERR_PARSE;
	switch (p->kind) {
	case PKT_HELLO:
		return check_hello(p);
	case PKT_MESSAGE:
		return check_text(p);
	case PKT_REPLY:
		return uuid_none(&p->reply_to) ? ERR_PARSE : check_text(p);
	case PKT_ACK:
		return uuid_none(&p->id) || p->verdict > V_SEQ_REUSED
			   ? ERR_PARSE
			   : OK;
	case PKT_SKIP:
		return !none(p->epoch, sizeof p->epoch) && ranges_ok(p)
			   ? OK
			   : ERR_PARSE;
	case PKT_READ:
		return uuid_none(&p->id) ? ERR_PARSE : OK;
	case PKT_ERROR:
		return check_words(p);
	case PKT_CENTER:
		return check_center(p);
	case PKT_PEERS:
	case PKT_TYPING:
	case PKT_WHO:
		return OK;
	}
	return ERR_PARSE;
}

static enum err check_plain_text(const struct packet *p)
{
	if (!p->text.n)
		return ERR_PARSE;
	if (p->text.n > TEXT_MAX || p->quoted.n > TEXT_MAX)
		return ERR_LIMIT;
	if (!utf8_ok(p->quoted) || (!p->sealed && !utf8_ok(p->text)))
		return ERR_PARSE;
	return word_check(p->peer, 64);
}

enum err packet_check_plain(const struct packet *p)
{
	if (p->kind == PKT_ACK)
		return stamp_ok(p->stamp) && stamp_ok(p->orig_stamp) &&
			       p->verdict <= V_SEQ_REUSED
			   ? OK
			   : ERR_PARSE;
	if (p->kind != PKT_MESSAGE && p->kind != PKT_REPLY)
		return packet_check(p);
	if (!stamp_ok(p->stamp) || !stamp_ok(p->orig_stamp))
		return ERR_PARSE;
	return check_plain_text(p);
}

static void dump_hex(struct buf *out, const char *name, const uint8_t *b,
		     size_t n)
{
	if (none(b, n))
		return;
	buf_printf(out, " %s=", name);
	for (size_t i = 0; i < n; i++)
		buf_printf(out, "%02x", b[i]);
}

/* Quoted; what is not plain ASCII as \xx. */
static void dump_bytes(struct buf *out, const char *name, struct bytes s)
{
	if (!s.n)
		return;
	buf_printf(out, " %s=\"", name);
	for (size_t i = 0; i < s.n; i++) {
		uint8_t c = s.p[i];

		if (c < 0x20 || c > 0x7e || c == '"' || c == '\\')
			buf_printf(out, "\\%02x", c);
		else
			buf_put(out, (struct bytes){&c, 1});
	}
	buf_printf(out, "\"");
}

static void dump_addr(struct buf *out, const char *name, const struct addr *a)
{
	dump_hex(out, name, a->ip, sizeof a->ip);
	if (a->port)
		buf_printf(out, ":%u", a->port);
}

static const char *kind_name(enum packet_kind k)
{
	static const char *const name[] = {
	    [PKT_HELLO] = "hello",   [PKT_MESSAGE] = "message",
	    [PKT_REPLY] = "reply",   [PKT_ACK] = "ack",
	    [PKT_PEERS] = "peers",   [PKT_SKIP] = "skip",
	    [PKT_TYPING] = "typing", [PKT_READ] = "read",
	    [PKT_ERROR] = "error",   [PKT_WHO] = "who",
	    [PKT_CENTER] = "center",
	};

	return name[k];
}

void packet_dump(struct buf *out, const struct packet *p)
{
	buf_printf(out, "%s", kind_name(p->kind));
	dump_addr(out, "from", &p->from);
	dump_addr(out, "to", &p->to);
	dump_bytes(out, "stamp", p->stamp);
	dump_bytes(out, "orig_stamp", p->orig_stamp);
	dump_hex(out, "id", p->id.b, sizeof p->id.b);
	dump_hex(out, "reply_to", p->reply_to.b, sizeof p->reply_to.b);
	dump_hex(out, "epoch", p->epoch, sizeof p->epoch);
	if (p->seq)
		buf_printf(out, " seq=%llu", (unsigned long long)p->seq);
	if (p->kind == PKT_ACK)
		buf_printf(out, " verdict=%u", p->verdict);
	dump_bytes(out, "text", p->text);
	dump_bytes(out, "quoted", p->quoted);
	dump_bytes(out, "peer", p->peer);
	dump_bytes(out, "nick", p->nick);
	dump_bytes(out, "version", p->version);
	dump_bytes(out, "features", p->features);
	dump_bytes(out, "prekey", p->prekey);
	dump_bytes(out, "center", p->center);
	dump_hex(out, "instance", p->instance.b, sizeof p->instance.b);
	if (p->listen_port)
		buf_printf(out, " listen_port=%u", p->listen_port);
	if (p->have) {
		dump_hex(out, "have", p->have_epoch, sizeof p->have_epoch);
		buf_printf(out, " upto=%llu", (unsigned long long)p->have_upto);
	}
	for (size_t i = 0; i < p->n_ranges; i++)
		buf_printf(out, " [%llu,%llu]",
			   (unsigned long long)p->ranges[i].from,
			   (unsigned long long)p->ranges[i].to);
	if (p->kind == PKT_CENTER)
		buf_printf(out, " verb=%u", p->verb);
	if (p->ref)
		buf_printf(out, " ref=%llu", (unsigned long long)p->ref);
	dump_bytes(out, "blob", p->blob);
	if (p->private)
		buf_printf(out, " private");
	for (size_t i = 0; i < p->n_words; i++)
		dump_bytes(out, "word", p->word[i]);
}

/* ---- addresses ---- */

static bool is_v4(const struct addr *a)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

	return memcmp(a->ip, mapped, sizeof(mapped)) == 0;
}

bool addr_loopback(const struct addr *a)
{
	static const uint8_t one[16] = {[15] = 1};

	return is_v4(a) ? a->ip[12] == 127 : memcmp(a->ip, one, 16) == 0;
}

/* RFC 5952 would shorten the longest run of zeros; so do we. */
static void v6_text(char out[static ADDR_TEXT], const struct addr *a)
{
	unsigned group[8];
	int best = -1, best_n = 1, n = 0;

	for (int i = 0; i < 8; i++)
		group[i] = (unsigned)a->ip[2 * i] << 8 | a->ip[2 * i + 1];
	for (int i = 0; i < 8; i++) {
		int run = 0;
		while (i + run < 8 && !group[i + run])
			run++;
		if (run > best_n) {
			best = i;
			best_n = run;
		}
	}
	for (int i = 0; i < 8; i++) {
		if (i == best) {
			n += snprintf(out + n, ADDR_TEXT - (size_t)n, "::");
			i += best_n - 1;
			continue;
		}
		bool colon = i && i != best + best_n;
		if (best < 0)
			colon = i != 0;
		n += snprintf(out + n, ADDR_TEXT - (size_t)n, "%s%x",
			      colon ? ":" : "", group[i]);
	}
}

void ip_text(char out[static ADDR_TEXT], const struct addr *a)
{
	if (is_v4(a))
		snprintf(out, ADDR_TEXT, "%d.%d.%d.%d", a->ip[12], a->ip[13],
			 a->ip[14], a->ip[15]);
	else
		v6_text(out, a);
}

void addr_text(char out[static ADDR_TEXT], const struct addr *a)
{
	char ip[ADDR_TEXT];

	ip_text(ip, a);
	int n =
	    is_v4(a)
		? snprintf(out, ADDR_TEXT, "%.15s:%u", ip, (unsigned)a->port)
		: snprintf(out, ADDR_TEXT, "[%.45s]:%u", ip, (unsigned)a->port);
	(void)n;
}

static bool v4_parse(struct bytes s, uint8_t ip[static 4])
{
	size_t at = 0;

	for (int i = 0; i < 4; i++) {
		unsigned v = 0;
		size_t from = at;

		if (i && (at == s.n || s.p[at++] != '.'))
			return false;
		from = at;
		while (at < s.n && s.p[at] >= '0' && s.p[at] <= '9' &&
		       at - from < 3)
			v = v * 10 + (unsigned)(s.p[at++] - '0');
		if (at == from || v > 255 ||
		    (at - from > 1 && s.p[from] == '0'))
			return false;
		ip[i] = (uint8_t)v;
	}
	return at == s.n;
}

static int nibble(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool v6_parse(struct bytes s, uint8_t ip[static 16])
{
	uint8_t out[16] = {0};
	int n = 0, gap = -1;
	size_t at = 0;

	if (s.n >= 2 && s.p[0] == ':' && s.p[1] == ':') {
		gap = 0;
		at = 2;
	}
	while (at < s.n) {
		unsigned v = 0;
		size_t from = at;

		for (; at < s.n && at - from < 4 && nibble(s.p[at]) >= 0; at++)
			v = v << 4 | (unsigned)nibble(s.p[at]);
		if (at < s.n && s.p[at] == '.' && n <= 12) {
			if (!v4_parse((struct bytes){s.p + from, s.n - from},
				      out + n))
				return false;
			n += 4;
			at = s.n;
			break;
		}
		if (at == from || n == 16)
			return false;
		out[n++] = (uint8_t)(v >> 8);
		out[n++] = (uint8_t)v;
		if (at == s.n)
			break;
		if (s.p[at++] != ':' || at == s.n)
			return false;
		if (s.p[at] == ':') {
			if (gap >= 0)
				return false;
			gap = n;
			at++;
		}
	}
	if (gap < 0 ? n != 16 : n > 14)
		return false;
	if (gap >= 0) {
		memmove(out + 16 - (n - gap), out + gap, (size_t)(n - gap));
		memset(out + gap, 0, (size_t)(16 - n));
	}
	memcpy(ip, out, 16);
	return true;
}

bool ip_parse(struct bytes s, uint8_t ip[static 16])
{
	uint8_t v4[4];

	if (!v4_parse(s, v4))
		return v6_parse(s, ip);
	memset(ip, 0, 10);
	ip[10] = ip[11] = 0xff;
	memcpy(ip + 12, v4, 4);
	return true;
}

void uuid_text(char out[static 37], const struct uuid *u)
{
	for (int i = 0, at = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			out[at++] = '-';
		at += snprintf(out + at, 3, "%02x", u->b[i]);
	}
}

bool uuid_parse(struct bytes s, struct uuid *u)
{
	struct uuid out = {0};
	int k = 0;

	if (s.n != 36)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		int h = nibble(s.p[i]);

		if (i == 8 || i == 13 || i == 18 || i == 23) {
			if (s.p[i] != '-')
				return false;
			continue;
		}
		if (h < 0)
			return false;
		out.b[k / 2] = (uint8_t)(out.b[k / 2] << 4 | h);
		k++;
	}
	*u = out;
	return true;
}
