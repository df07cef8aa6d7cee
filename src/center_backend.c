#include "src/center_impl.h"
#include <stdlib.h>
#include <string.h>

static struct bytes view(const char *s)
{
	return (struct bytes){(const uint8_t *)s, strlen(s)};
}

/* ---- opening ---- */

static struct center_rules usual(const struct center_rules *r)
{
	struct center_rules u = r ? *r : (struct center_rules){0};

	u.session_s = u.session_s ? u.session_s : 60;
	u.keep_days = u.keep_days ? u.keep_days : 30;
	u.box_mails = u.box_mails ? u.box_mails : 5000;
	u.box_bytes = u.box_bytes ? u.box_bytes : INT64_C(50) << 20;
	u.again_s = u.again_s ? u.again_s : 7200;
	return u;
}

static bool is_nats(const char *where)
{
	return !strncmp(where, "nats://", 7) || !strncmp(where, "tls://", 6);
}

enum err center_open(const char *where, const struct center_rules *rules,
		     struct center_backend **out, char why[static 256])
{
	struct center_rules r = usual(rules);

	*out = NULL;
	*why = 0;
	return is_nats(where) ? center_nats_open(where, &r, out, why)
			      : center_sqlite_open(where, &r, out, why);
}

void center_close(struct center_backend *b)
{
	if (b)
		b->close(b);
}

static const char *prefix_of(const char *url)
{
	const char *query = strchr(url, '?');
	const char *at = query;

	while (at && strncmp(at + 1, "prefix=", 7) != 0)
		at = strchr(at + 1, '&');
	return at ? at + 8 : NULL;
}

/* A session outlives the 30 s after which document 002's clients are gone: the
 * booth says first who is, and the backend when the booth is gone itself. Its
 * boxes hold what people type. */
const struct center_rules center_beside_rules = {
    .session_s = 40,
    .box_mails = 1000,
    .box_bytes = 1 << 20,
};

char *center_beside(const char *where)
{
	const char *slash = strrchr(where, '/');
	const char *prefix = is_nats(where) ? prefix_of(where) : NULL;
	struct buf b = {0};

	if (prefix) {
		int n = (int)(prefix - where) + (int)strcspn(prefix, "&");

		buf_printf(&b, "%.*s-plain%s", n, where, where + n);
	} else if (is_nats(where)) {
		buf_printf(&b, "%s%cprefix=sotto-plain", where,
			   strchr(where, '?') ? '&' : '?');
	} else {
		buf_printf(&b, "%.*splain.db",
			   slash ? (int)(slash - where) + 1 : 0, where);
	}
	char *beside = xstrndup((struct bytes){b.p, b.n});
	buf_free(&b);
	return beside;
}

/* ---- names ---- */

bool center_name_ok(const char *user)
{
	struct bytes s = view(user);
	struct buf clean = {0};

	if (!s.n || s.n > CENTER_NAME_MAX || !utf8_ok(s))
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] == 0x7f || s.p[i] == '|')
			return false;
	text_clean(&clean, s);
	bool same = clean.n == s.n && !memcmp(clean.p, s.p, s.n);
	buf_free(&clean);
	return same;
}

bool center_node_ok(const char *node)
{
	static const char good[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				   "abcdefghijklmnopqrstuvwxyz0123456789_-";
	size_t n = strspn(node, good);

	return n && n <= CENTER_NODE_MAX && !node[n];
}

bool center_source_ok(const char *source)
{
	return *source && strlen(source) <= CENTER_SOURCE_MAX;
}

bool center_mails_ok(struct center_mail *m, size_t n)
{
	bool any = false;

	if (n > CENTER_BATCH_MAX)
		return false;
	for (size_t i = 0; i < n; i++) {
		m[i].seq = 0;
		m[i].err = m[i].blob.n > CENTER_BLOB_MAX ? ERR_LIMIT : OK;
		any |= !m[i].err;
	}
	return any;
}

int64_t center_until(const struct center_rules *r, int64_t until_ms,
		     int64_t now_ms)
{
	int64_t most = now_ms + (int64_t)r->keep_days * 86400000;

	return until_ms > 0 && until_ms < most ? until_ms : most;
}

/* ---- hex ---- */

void center_hex(char *out, const uint8_t *p, size_t n)
{
	static const char digit[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		*out++ = digit[p[i] >> 4];
		*out++ = digit[p[i] & 15];
	}
	*out = 0;
}

static int digit_of(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool center_unhex(struct bytes s, uint8_t *out, size_t n)
{
	if (s.n != 2 * n)
		return false;
	for (size_t i = 0; i < n; i++) {
		int high = digit_of(s.p[2 * i]), low = digit_of(s.p[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		out[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

/* ---- wrong tries ---- */

static int64_t pen_ms(unsigned pens)
{
	int64_t s = CENTER_PEN_S;

	while (--pens && s < CENTER_PEN_MAX_S)
		s *= 2;
	return (s < CENTER_PEN_MAX_S ? s : CENTER_PEN_MAX_S) * 1000;
}

/* A clock that was set back must not lock anybody for a year. */
static void strikes_age(struct center_strikes *s, int64_t now_ms)
{
	int64_t quiet = s->until_ms > s->last_ms ? s->until_ms : s->last_ms;

	if (s->until_ms > now_ms + INT64_C(1000) * CENTER_PEN_MAX_S)
		s->until_ms = now_ms + pen_ms(s->pens ? s->pens : 1);
	if (now_ms - quiet > INT64_C(1000) * CENTER_PARDON_S)
		*s = (struct center_strikes){0};
}

enum err center_strike(struct center_strikes *s, enum center_try what,
		       int64_t now_ms, struct center_pen *out)
{
	*out = (struct center_pen){.left = CENTER_TRIES};
	strikes_age(s, now_ms);
	if (what == TRY_GOOD) {
		*s = (struct center_strikes){0};
		return OK;
	}
	if (s->until_ms > now_ms) {
		out->left = 0;
		out->wait_s = (unsigned)((s->until_ms - now_ms + 999) / 1000);
		return ERR_AUTH;
	}
	out->left = CENTER_TRIES - s->tries;
	if (what == TRY_LOOK)
		return OK;
	out->left--;
	s->last_ms = now_ms;
	if (++s->tries < CENTER_TRIES)
		return OK;
	s->tries = 0;
	s->until_ms = now_ms + pen_ms(++s->pens);
	return OK;
}

/* ---- an account as text ---- */

#define HEAD "sotto account 1\n"

void center_record_put(struct buf *out, const struct center_acct *a)
{
	char hex[65];

	buf_printf(out, HEAD "made %lld\n", (long long)a->made_ms);
	if (a->password[0])
		buf_printf(out, "password %s\n", a->password);
	center_hex(hex, a->invite, sizeof a->invite);
	if (a->invite_ms)
		buf_printf(out, "invite %lld %s\n", (long long)a->invite_ms,
			   hex);
	for (size_t i = 0; i < a->n_keys; i++) {
		center_hex(hex, a->key[i].b, sizeof a->key[i].b);
		buf_printf(out, "key %s\n", hex);
	}
	for (size_t i = 0; i < a->n_blocked; i++)
		buf_printf(out, "blocked %s\n", a->blocked[i]);
}

/* What stands before `end`; the rest stays. */
static struct bytes cut(struct bytes *s, char end)
{
	const uint8_t *at = s->n ? memchr(s->p, end, s->n) : NULL;
	size_t n = at ? (size_t)(at - s->p) : s->n;
	struct bytes head = {s->p, n};

	s->p += n + !!at;
	s->n -= n + !!at;
	return head;
}

static bool is(struct bytes s, const char *word)
{
	return s.n == strlen(word) && !memcmp(s.p, word, s.n);
}

static bool get_text(struct bytes s, char *out, size_t size)
{
	if (!s.n || s.n >= size || memchr(s.p, 0, s.n))
		return false;
	memcpy(out, s.p, s.n);
	out[s.n] = 0;
	return true;
}

static bool get_number(struct bytes s, int64_t *out)
{
	*out = 0;
	if (!s.n || s.n > 18)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		*out = *out * 10 + (s.p[i] - '0');
	}
	return true;
}

static bool get_blocked(struct bytes s, struct center_acct *a)
{
	if (a->n_blocked == CENTER_BLOCKS_MAX)
		return false;
	char *name = a->blocked[a->n_blocked++];
	return get_text(s, name, sizeof a->blocked[0]) && center_name_ok(name);
}

static bool get_fact(struct bytes word, struct bytes s, struct center_acct *a)
{
	if (is(word, "made"))
		return get_number(s, &a->made_ms);
	if (is(word, "password"))
		return get_text(s, a->password, sizeof a->password);
	if (is(word, "invite"))
		return get_number(cut(&s, ' '), &a->invite_ms) &&
		       center_unhex(s, a->invite, sizeof a->invite);
	if (is(word, "key"))
		return a->n_keys < CENTER_KEYS_MAX &&
		       center_unhex(s, a->key[a->n_keys++].b,
				    sizeof a->key[0].b);
	return is(word, "blocked") && get_blocked(s, a);
}

enum err center_record_get(struct bytes record, struct center_acct *out)
{
	struct bytes head = cut(&record, '\n'), word, wanted = view(HEAD);

	*out = (struct center_acct){0};
	if (head.n < wanted.n - 2 || memcmp(head.p, wanted.p, wanted.n - 2))
		return ERR_PARSE;
	if (head.n != wanted.n - 1 || memcmp(head.p, wanted.p, head.n))
		return ERR_STATE;
	while (record.n) {
		struct bytes line = cut(&record, '\n');

		word = cut(&line, ' ');
		if (!get_fact(word, line, out))
			return ERR_PARSE;
	}
	return OK;
}
