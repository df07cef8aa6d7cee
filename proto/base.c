#include "proto/base.h"
#include <assert.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

const char *err_text(enum err e)
{
	switch (e) {
	case OK:
		return "no error";
	case ERR_SYS:
		return "the system refused";
	case ERR_PARSE:
		return "malformed";
	case ERR_LIMIT:
		return "over a limit";
	case ERR_STATE:
		return "not possible now";
	case ERR_AUTH:
		return "not trusted";
	case ERR_ABSENT:
		return "not there";
	case ERR_EXISTS:
		return "already there";
	case ERR_FULL:
		return "full";
	case ERR_CLOSED:
		return "closed by the other side";
	}
	return "unknown error";
}

void buf_room(struct buf *b, size_t more)
{
	size_t need, cap = b->cap ? b->cap : 64;

	/* Nobody has half of the address space; doubling would overflow. */
	if (__builtin_add_overflow(b->n, more, &need) || need > SIZE_MAX / 2)
		abort();
	if (need <= b->cap)
		return;
	while (cap < need)
		cap *= 2;
	b->p = xrealloc(b->p, cap);
	b->cap = cap;
}

void buf_put(struct buf *b, struct bytes s)
{
	if (!s.n)
		return;
	buf_room(b, s.n);
	memcpy(b->p + b->n, s.p, s.n);
	b->n += s.n;
}

enum { PRINTF_USUAL = 64 };

void buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	size_t room = PRINTF_USUAL;
	int n;

	for (;;) {
		buf_room(b, room);
		va_start(ap, fmt);
		n = vsnprintf((char *)b->p + b->n, room, fmt, ap);
		va_end(ap);
		assert(n >= 0);
		if ((size_t)n < room)
			break;
		room = (size_t)n + 1;
	}
	b->n += (size_t)n;
}

void buf_drop(struct buf *b, size_t n)
{
	assert(n <= b->n);
	if (!n)
		return;
	memmove(b->p, b->p + n, b->n - n);
	b->n -= n;
}

void buf_free(struct buf *b)
{
	free(b->p);
	*b = (struct buf){0};
}

void *arena_get(struct arena *a, size_t n)
{
	size_t at = (a->n + 15) & ~(size_t)15;

	if (at > a->cap || n > a->cap - at)
		return NULL;
	a->n = at + n;
	return a->p + at;
}

void arena_empty(struct arena *a)
{
	a->n = 0;
}

void *xmalloc(size_t n)
{
	void *p = malloc(n ? n : 1);

	if (!p)
		abort();
	return p;
}

void *xzalloc(size_t n)
{
	void *p = calloc(1, n ? n : 1);

	if (!p)
		abort();
	return p;
}

void *xrealloc(void *p, size_t n)
{
	p = realloc(p, n ? n : 1);
	if (!p)
		abort();
	return p;
}

char *xstrndup(struct bytes s)
{
	char *p = xmalloc(s.n + 1);

	if (s.n)
		memcpy(p, s.p, s.n);
	p[s.n] = 0;
	return p;
}

/* RFC 3629: the code point at s, its length in *len; -1: not UTF-8. */
static int32_t utf8_get(struct bytes s, size_t *len)
{
	const uint8_t *p = s.p;
	size_t n = p[0] < 0x80 ? 1 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	static const uint8_t mask[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
	static const int32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	int32_t c = p[0] & mask[n];

	*len = 1;
	if (p[0] >= 0x80 && (p[0] < 0xc2 || p[0] > 0xf4))
		return -1;
	if (n > s.n)
		return -1;
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return -1;
		c = c << 6 | (p[i] & 0x3f);
	}
	if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return -1;
	*len = n;
	return c;
}

bool utf8_ok(struct bytes s)
{
	while (s.n) {
		size_t len;
		int32_t c = utf8_get(s, &len);

		if (c <= 0)
			return false;
		s.p += len;
		s.n -= len;
	}
	return true;
}

size_t utf8_cut(struct bytes s, size_t max)
{
	size_t at = 0, good = 0, point = 0;
	int32_t before = -1, state = 0;

	if (s.n <= max)
		return s.n;
	while (at < s.n) {
		size_t len;
		int32_t c = utf8_get((struct bytes){s.p + at, s.n - at}, &len);

		if (c < 0)
			c = 0xfffd;
		if (before >= 0 &&
		    utf8proc_grapheme_break_stateful(before, c, &state))
			good = at;
		if (at > max)
			break;
		point = at;
		before = c;
		at += len;
		if (at > max && good)
			break;
	}
	return good && good <= max ? good : point;
}

void digest(uint8_t out[static 32], struct bytes s)
{
	crypto_generichash(out, 32, s.p, s.n, NULL, 0);
}

bool secret_same(struct bytes a, struct bytes b)
{
	return a.n == b.n && (!a.n || sodium_memcmp(a.p, b.p, a.n) == 0);
}

void secret_wipe(void *p, size_t n)
{
	sodium_memzero(p, n);
}

bool pubkey_none(const struct pubkey *k)
{
	return sodium_is_zero(k->b, sizeof k->b);
}

void rng_fill(struct rng *r, uint8_t *out, size_t n)
{
	uint8_t nonce[8] = {0};

	while (n) {
		uint8_t block[64];
		size_t at = r->used % 64, take = n < 64 - at ? n : 64 - at;

		memset(block, 0, sizeof block);
		crypto_stream_chacha20_xor_ic(block, block, sizeof block, nonce,
					      r->used / 64, r->seed);
		memcpy(out, block + at, take);
		r->used += take;
		out += take;
		n -= take;
	}
}

void uuid_make(struct uuid *out, const struct now *now)
{
	uint64_t ms = (uint64_t)(now->wall_us / 1000);

	rng_fill(now->rng, out->b, 16);
	for (int i = 0; i < 6; i++)
		out->b[i] = (uint8_t)(ms >> (40 - 8 * i));
	out->b[6] = (uint8_t)(0x70 | (out->b[6] & 0x0f));
	out->b[8] = (uint8_t)(0x80 | (out->b[8] & 0x3f));
}

enum { MARKS_MAX = 8 };

static void put_point(struct buf *out, int32_t c)
{
	uint8_t u[4];

	buf_put(out, (struct bytes){u, (size_t)utf8proc_encode_char(c, u)});
}

/* What stands for a code point that must not reach a terminal; NULL: it may. */
static const char *bidi_name(int32_t c)
{
	static const struct {
		int32_t c;
		const char *name;
	} t[] = {{0x061c, "ALM"}, {0x200b, "ZWSP"}, {0x200c, "ZWNJ"},
		 {0x200d, "ZWJ"}, {0x200e, "LRM"},  {0x200f, "RLM"},
		 {0x2028, "LS"},  {0x2029, "PS"},   {0x202a, "LRE"},
		 {0x202b, "RLE"}, {0x202c, "PDF"},  {0x202d, "LRO"},
		 {0x202e, "RLO"}, {0x2060, "WJ"},   {0x2066, "LRI"},
		 {0x2067, "RLI"}, {0x2068, "FSI"},  {0x2069, "PDI"},
		 {0xfeff, "BOM"}};

	for (size_t i = 0; i < sizeof t / sizeof *t; i++)
		if (t[i].c == c)
			return t[i].name;
	return NULL;
}

static bool emoji(int32_t c)
{
	return c >= 0 && utf8proc_get_property(c)->boundclass ==
			     UTF8PROC_BOUNDCLASS_EXTENDED_PICTOGRAPHIC;
}

static bool mark(int32_t c)
{
	utf8proc_category_t k = utf8proc_category(c);

	return k == UTF8PROC_CATEGORY_MN || k == UTF8PROC_CATEGORY_ME ||
	       k == UTF8PROC_CATEGORY_MC;
}

static void clean_point(struct buf *out, int32_t c)
{
	const char *name = bidi_name(c);
	utf8proc_category_t k = utf8proc_category(c);

	if (c < 0x20 || c == 0x7f)
		put_point(out, c == 0x7f ? 0x2421 : 0x2400 + c);
	else if (c >= 0x80 && c < 0xa0)
		buf_printf(out, "⟨%02X⟩", (unsigned)c);
	else if (name)
		buf_printf(out, "⟨%s⟩", name);
	else if (c >= 0xe0000 && c < 0xe0080)
		buf_printf(out, "⟨TAG⟩");
	else if (k == UTF8PROC_CATEGORY_CF || k == UTF8PROC_CATEGORY_CN ||
		 k == UTF8PROC_CATEGORY_CO)
		buf_printf(out, "⟨%04X⟩", (unsigned)c);
	else
		put_point(out, c);
}

/* How many bytes of ASCII without controls s begins with. */
static size_t plain(struct bytes s)
{
	size_t n = 0;

	while (n < s.n && s.p[n] >= 0x20 && s.p[n] < 0x7f)
		n++;
	return n;
}

void text_clean(struct buf *out, struct bytes s)
{
	int32_t base = -1; /* the last that is no mark, VS or skin tone */
	unsigned marks = 0;

	while (s.n) {
		size_t len = plain(s);

		if (len) {
			buf_put(out, (struct bytes){s.p, len});
			base = s.p[len - 1];
			marks = 0;
			s.p += len;
			s.n -= len;
			continue;
		}
		int32_t c = utf8_get(s, &len), next = -1;

		s.p += len;
		s.n -= len;
		if (s.n)
			next = utf8_get(s, &len);
		if (c < 0) {
			put_point(out, 0xfffd);
			base = -1;
		} else if (c == 0x200d && emoji(base) && emoji(next)) {
			put_point(out, c);
		} else if ((c == 0xfe0e || c == 0xfe0f) && base >= 0) {
			if (marks++ < MARKS_MAX)
				put_point(out, c);
		} else if (mark(c)) {
			if (base >= 0 && marks < MARKS_MAX)
				put_point(out, c);
			marks++;
		} else {
			clean_point(out, c);
			base = c >= 0x1f3fb && c <= 0x1f3ff && emoji(base)
				   ? base
				   : c;
			marks = 0;
		}
	}
}

void text_fold(struct buf *out, struct bytes s)
{
	static const int how = UTF8PROC_STABLE | UTF8PROC_COMPAT |
			       UTF8PROC_DECOMPOSE | UTF8PROC_CASEFOLD |
			       UTF8PROC_STRIPMARK | UTF8PROC_IGNORE;
	size_t n = plain(s);
	uint8_t *folded = NULL;

	if (n == s.n) { /* as most are */
		buf_room(out, n);
		for (size_t i = 0; i < n; i++) {
			uint8_t c = s.p[i];
			bool upper = c >= 'A' && c <= 'Z';
			out->p[out->n++] = upper ? (uint8_t)(c | 0x20) : c;
		}
		return;
	}
	utf8proc_ssize_t k = utf8proc_map(s.p, (utf8proc_ssize_t)s.n, &folded,
					  (utf8proc_option_t)how);
	if (k >= 0)
		buf_put(out, (struct bytes){folded, (size_t)k});
	else
		buf_put(out, s);
	free(folded);
}

void base64_put(struct buf *out, struct bytes s)
{
	size_t n =
	    sodium_base64_encoded_len(s.n, sodium_base64_VARIANT_ORIGINAL);

	buf_room(out, n);
	sodium_bin2base64((char *)out->p + out->n, n, s.p, s.n,
			  sodium_base64_VARIANT_ORIGINAL);
	out->n += n - 1; /* without its NUL */
}

enum err base64_get(struct arena *a, struct bytes s, struct bytes *out)
{
	size_t room = s.n / 4 * 3, n = 0;
	uint8_t *p = arena_get(a, room ? room : 1);

	if (!p)
		return ERR_LIMIT;
	if (s.n % 4 ||
	    (s.n && sodium_base642bin(p, room, (const char *)s.p, s.n, NULL, &n,
				      NULL, sodium_base64_VARIANT_ORIGINAL)))
		return ERR_PARSE;
	*out = (struct bytes){p, n};
	return OK;
}

/* Days since 1970-01-01 of a date of the proleptic Gregorian calendar. */
static int64_t days_of(int64_t y, int m, int d)
{
	y -= m <= 2;

	int64_t era = (y >= 0 ? y : y - 399) / 400, of = y - era * 400;
	int64_t doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;

	return era * 146097 + of * 365 + of / 4 - of / 100 + doy - 719468;
}

void rfc3339_put(char out[static STAMP_MAX + 1], int64_t unix_us)
{
	int64_t ms = unix_us / 1000 - (unix_us % 1000 < 0);
	int64_t days = ms / 86400000 - (ms % 86400000 < 0);
	int64_t in_day = ms - days * 86400000;
	int64_t z = days + 719468;
	int64_t era = (z >= 0 ? z : z - 146096) / 146097;
	int64_t doe = z - era * 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64_t mp = (5 * doy + 2) / 153;
	int64_t month = mp + (mp < 10 ? 3 : -9);
	int64_t year = yoe + era * 400 + (month <= 2);

	snprintf(out, STAMP_MAX + 1, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ",
		 (uint16_t)year % 10000u, (uint8_t)month % 100u,
		 (uint8_t)(doy - (153 * mp + 2) / 5 + 1) % 100u,
		 (uint8_t)(in_day / 3600000) % 100u,
		 (uint8_t)(in_day / 60000 % 60), (uint8_t)(in_day / 1000 % 60),
		 (uint16_t)(in_day % 1000) % 1000u);
}

/* Two or four digits at s[at]; -1: not digits. */
static int digits(struct bytes s, size_t at, size_t n)
{
	int v = 0;

	if (at + n > s.n)
		return -1;
	for (size_t i = at; i < at + n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return -1;
		v = v * 10 + (s.p[i] - '0');
	}
	return v;
}

enum err rfc3339_get(struct bytes s, int64_t *unix_us)
{
	static const uint8_t month[] = {31, 28, 31, 30, 31, 30,
					31, 31, 30, 31, 30, 31};
	int y = digits(s, 0, 4), mo = digits(s, 5, 2), d = digits(s, 8, 2);
	int h = digits(s, 11, 2), mi = digits(s, 14, 2), se = digits(s, 17, 2);
	size_t at = 19;
	int64_t us = 0, scale = 100000, offset = 0;

	if (s.n < 20 || s.n > STAMP_MAX || y < 0 || mo < 1 || mo > 12 ||
	    d < 1 || h < 0 || h > 23 || mi < 0 || mi > 59 || se < 0 ||
	    se > 60 || s.p[4] != '-' || s.p[7] != '-' ||
	    (s.p[10] | 0x20) != 't' || s.p[13] != ':' || s.p[16] != ':')
		return ERR_PARSE;
	bool leap = y % 4 == 0 && (y % 100 != 0 || y % 400 == 0);

	if (d > month[mo - 1] + (mo == 2 && leap))
		return ERR_PARSE;
	if (s.p[at] == '.') {
		size_t from = ++at;

		for (; at < s.n && s.p[at] >= '0' && s.p[at] <= '9'; at++) {
			us += (s.p[at] - '0') * scale;
			scale /= 10;
		}
		if (at == from)
			return ERR_PARSE;
	}
	if (at == s.n)
		return ERR_PARSE;
	if ((s.p[at] | 0x20) == 'z') {
		at++;
	} else if (s.p[at] == '+' || s.p[at] == '-') {
		int oh = digits(s, at + 1, 2), om = digits(s, at + 4, 2);

		if (oh < 0 || oh > 23 || om < 0 || om > 59 ||
		    s.p[at + 3] != ':')
			return ERR_PARSE;
		offset = (oh * 60 + om) * (s.p[at] == '-' ? -60 : 60);
		at += 6;
	}
	if (at != s.n)
		return ERR_PARSE;
	*unix_us =
	    (days_of(y, mo, d) * 86400 + h * 3600 + mi * 60 + se - offset) *
		1000000 +
	    us;
	return OK;
}
