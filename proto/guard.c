#include "proto/guard.h"

enum {
	DEPTH_MAX = 8,
	NODES_MAX = 512,
	DIGITS_MAX = 18,
	DECIMAL_MAX = 24,
	EXPONENT_MAX = 2
};

/* Where we are, and what was counted. Keys are remembered by a hash of what
 * they mean, escapes resolved: equal keys are always found; two keys that
 * collide by chance are refused too, once in 2^46. */
struct scan {
	const uint8_t *p, *end;
	enum guard mode;
	unsigned depth, nodes, n_keys;
	uint64_t key[NODES_MAX];
};

static void skip_blanks(struct scan *s)
{
	while (s->p < s->end && (*s->p == ' ' || *s->p == '\t' ||
				 *s->p == '\n' || *s->p == '\r'))
		s->p++;
}

static bool eat(struct scan *s, uint8_t c)
{
	if (s->p == s->end || *s->p != c)
		return false;
	s->p++;
	return true;
}

static void mix(uint64_t *hash, uint32_t c)
{
	*hash = (*hash ^ c) * 0x100000001b3;
}

static int hex_of(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int32_t four_hex(struct scan *s)
{
	int32_t v = 0;

	if (s->end - s->p < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		int h = hex_of(*s->p++);

		if (h < 0)
			return -1;
		v = v << 4 | h;
	}
	return v;
}

/* After "\u": a code point, surrogates paired; -1: refused. */
static int32_t escaped_point(struct scan *s)
{
	int32_t c = four_hex(s), low;

	if (c <= 0 || (c >= 0xdc00 && c < 0xe000))
		return -1; /* U+0000 among them */
	if (c < 0xd800 || c > 0xdbff)
		return c;
	if (!eat(s, '\\') || !eat(s, 'u'))
		return -1;
	low = four_hex(s);
	if (low < 0xdc00 || low > 0xdfff)
		return -1;
	return 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
}

static int32_t escape(struct scan *s)
{
	if (s->p == s->end)
		return -1;
	switch (*s->p++) {
	case '"':
		return '"';
	case '\\':
		return '\\';
	case '/':
		return '/';
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
		return escaped_point(s);
	}
	return -1;
}

/* RFC 3629, for lead bytes from 0xc2 on; s->p is behind it on success. */
static int32_t sequence(struct scan *s)
{
	uint8_t lead = *s->p;
	size_t n = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
	int32_t c = lead & (0x7f >> n);

	if (lead < 0xc2 || lead > 0xf4 || (size_t)(s->end - s->p) < n)
		return -1;
	for (size_t i = 1; i < n; i++) {
		if ((s->p[i] & 0xc0) != 0x80)
			return -1;
		c = c << 6 | (s->p[i] & 0x3f);
	}
	if ((n == 3 && (c < 0x800 || (c >= 0xd800 && c < 0xe000))) ||
	    (n == 4 && (c < 0x10000 || c > 0x10ffff)))
		return -1;
	s->p += n;
	return c;
}

/* After the opening quote. *hash of what it means. */
static enum err string(struct scan *s, uint64_t *hash)
{
	uint64_t h = 0xcbf29ce484222325;

	while (s->p < s->end) {
		int32_t c = *s->p;

		if (c == '"') {
			s->p++;
			*hash = h;
			return OK;
		}
		if (c < 0x20)
			return ERR_PARSE;
		if (c == '\\') {
			s->p++;
			c = escape(s);
		} else if (c < 0x80) {
			s->p++;
		} else {
			c = sequence(s);
		}
		if (c < 0)
			return ERR_PARSE;
		mix(&h, (uint32_t)c);
	}
	return ERR_PARSE;
}

static size_t digits(struct scan *s)
{
	const uint8_t *from = s->p;

	while (s->p < s->end && *s->p >= '0' && *s->p <= '9')
		s->p++;
	return (size_t)(s->p - from);
}

/* Or none. */
static bool exponent(struct scan *s)
{
	size_t n;

	if (!eat(s, 'e') && !eat(s, 'E'))
		return true;
	if (!eat(s, '-'))
		eat(s, '+');
	n = digits(s);
	return n > 0 && n <= EXPONENT_MAX;
}

static enum err number(struct scan *s)
{
	const uint8_t *from = s->p;
	size_t n;

	eat(s, '-');
	const uint8_t *first = s->p;

	n = digits(s);
	if (n == 0 || (n > 1 && *first == '0'))
		return ERR_PARSE;
	if (s->mode == GUARD_OWN)
		return n > DIGITS_MAX ? ERR_LIMIT : OK;
	if (eat(s, '.') && digits(s) == 0)
		return ERR_PARSE;
	if (!exponent(s))
		return ERR_PARSE;
	return s->p - from > DECIMAL_MAX ? ERR_LIMIT : OK;
}

static enum err word(struct scan *s, const char *w)
{
	for (; *w; w++)
		if (!eat(s, (uint8_t)*w))
			return ERR_PARSE;
	return OK;
}

static enum err value(struct scan *s);

static enum err array(struct scan *s)
{
	skip_blanks(s);
	if (eat(s, ']'))
		return OK;
	for (;;) {
		enum err err = value(s);

		if (err)
			return err;
		skip_blanks(s);
		if (eat(s, ']'))
			return OK;
		if (!eat(s, ','))
			return ERR_PARSE;
	}
}

static enum err key(struct scan *s, unsigned first)
{
	uint64_t hash;
	enum err err;

	skip_blanks(s);
	if (!eat(s, '"'))
		return ERR_PARSE;
	if ((err = string(s, &hash)))
		return err;
	for (unsigned i = first; i < s->n_keys; i++)
		if (s->key[i] == hash)
			return ERR_PARSE;
	if (s->n_keys == NODES_MAX)
		return ERR_LIMIT;
	s->key[s->n_keys++] = hash;
	skip_blanks(s);
	return eat(s, ':') ? OK : ERR_PARSE;
}

static enum err object(struct scan *s)
{
	unsigned first =
	    s->n_keys; /* keys of the objects around us are below */

	skip_blanks(s);
	if (eat(s, '}'))
		return OK;
	for (;;) {
		enum err err = key(s, first);

		if (err || (err = value(s)))
			return err;
		skip_blanks(s);
		if (eat(s, '}')) {
			s->n_keys = first;
			return OK;
		}
		if (!eat(s, ','))
			return ERR_PARSE;
	}
}

static enum err nested(struct scan *s, enum err (*inside)(struct scan *))
{
	enum err err;

	if (s->depth == DEPTH_MAX)
		return ERR_LIMIT;
	s->depth++;
	err = inside(s);
	s->depth--;
	return err;
}

static enum err value(struct scan *s)
{
	uint64_t hash;

	if (++s->nodes > NODES_MAX)
		return ERR_LIMIT;
	skip_blanks(s);
	if (s->p == s->end)
		return ERR_PARSE;
	if (*s->p == '-' || (*s->p >= '0' && *s->p <= '9'))
		return number(s);
	switch (*s->p++) {
	case '{':
		return nested(s, object);
	case '[':
		return nested(s, array);
	case '"':
		return string(s, &hash);
	case 't':
		return word(s, "rue");
	case 'f':
		return word(s, "alse");
	case 'n':
		return word(s, "ull");
	}
	return ERR_PARSE;
}

enum err guard_json(struct bytes in, enum guard mode)
{
	struct scan s;
	enum err err;

	if (!in.n)
		return ERR_PARSE;
	s.p = in.p;
	s.end = in.p + in.n;
	s.mode = mode;
	s.depth = s.nodes = s.n_keys = 0;
	err = value(&s);
	if (err)
		return err;
	skip_blanks(&s);
	return s.p == s.end ? OK : ERR_PARSE;
}
