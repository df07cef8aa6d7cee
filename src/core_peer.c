#include "src/core_impl.h"
#include <stdio.h>
#include <stdlib.h>

/* ---- addresses as text ---- */

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool ip_typed(const char *s, struct addr *a)
{
	return ip_parse((struct bytes){(const uint8_t *)s, strlen(s)}, a->ip);
}

static bool port_parse(const char *s, uint16_t *port)
{
	unsigned n = 0, digits = 0;

	for (; *s >= '0' && *s <= '9' && digits < 6; s++, digits++)
		n = n * 10 + (unsigned)(*s - '0');
	if (!digits || *s || !n || n > 65535)
		return false;
	*port = (uint16_t)n;
	return true;
}

static bool host_copy(struct typed *out, const char *s, size_t n)
{
	if (!n || n >= sizeof(out->host))
		return false;
	for (size_t i = 0; i < n; i++) {
		char c = s[i];
		bool good = hex_digit(c) >= 0 || (c >= 'g' && c <= 'z') ||
			    (c >= 'G' && c <= 'Z') || c == '.' || c == '-' ||
			    c == ':' || c == '_';
		if (!good)
			return false;
	}
	memcpy(out->host, s, n);
	out->host[n] = 0;
	return true;
}

/* Cuts "json://" off. NULL: no dialect of ours. */
static const struct dialect *scheme_of(const char **s)
{
	const char *end = strstr(*s, "://");
	char name[16];

	if (!end)
		return &dialect_sotto;
	if ((size_t)(end - *s) >= sizeof(name))
		return NULL;
	memcpy(name, *s, (size_t)(end - *s));
	name[end - *s] = 0;
	*s = end + 3;
	return dialect_named(name);
}

/* dialect://host:port, host:port, [v6]:port, v4, v6. The port of a bare
 * address is the dialect's, which may have none (0). */
bool typed_parse(const char *s, struct typed *out)
{
	const char *whole = s;
	const struct dialect *d = scheme_of(&s);
	bool scheme = s != whole;
	struct addr a;

	if (!d)
		return false;
	*out = (struct typed){.dialect = d, .port = d->port};
	if (*s == '[') {
		const char *end = strchr(s, ']');
		if (!end || !host_copy(out, s + 1, (size_t)(end - s - 1)) ||
		    !ip_typed(out->host, &a))
			return false;
		out->port_given = end[1] == ':';
		return out->port_given ? port_parse(end + 2, &out->port)
				       : !end[1];
	}
	if (ip_typed(s, &a))
		return host_copy(out, s, strlen(s));
	const char *colon = strrchr(s, ':');
	if (!colon)
		return scheme && host_copy(out, s, strlen(s));
	out->port_given = true;
	return port_parse(colon + 1, &out->port) &&
	       host_copy(out, s, (size_t)(colon - s)) &&
	       !strchr(out->host, ':');
}

/* ---- whom a PEER means, in order ---- */

struct search {
	struct who *found;
	unsigned n;
	size_t len;
	char *why;
};

static void search_hit(struct search *s, struct who *w)
{
	if (s->found == w)
		return;
	if (s->n++ == 0)
		s->found = w;
	int n = snprintf(s->why + s->len, 256 - s->len, "%s%s~%.8s",
			 s->len ? ", " : "", who_name(w), w->id);
	if (n > 0)
		s->len += (size_t)n < 256 - s->len ? (size_t)n : 255 - s->len;
}

static bool hidden(const struct who *w)
{
	return w->row.hidden || w->row.shown.gone;
}

static void by_petname(struct core *c, const char *t, struct search *s)
{
	for (size_t i = 0; i < c->n_list; i++)
		if (!hidden(c->list[i]) &&
		    strcmp(c->list[i]->row.shown.petname, t) == 0)
			search_hit(s, c->list[i]);
}

static bool all_hex(const char *t)
{
	for (; *t; t++)
		if (hex_digit(*t) < 0)
			return false;
	return true;
}

static void lower(char *out, const char *t, size_t max)
{
	size_t i = 0;

	for (; t[i] && i + 1 < max; i++)
		out[i] = t[i] >= 'A' && t[i] <= 'Z' ? (char)(t[i] + 32) : t[i];
	out[i] = 0;
}

static void by_id(struct core *c, const char *t, struct search *s)
{
	char hex[40];
	size_t n = strlen(t);

	if (n < 8 || n > 32 || !all_hex(t))
		return;
	lower(hex, t, sizeof(hex));
	for (size_t i = 0; i < c->n_list; i++)
		if (strncmp(c->list[i]->id, hex, n) == 0)
			search_hit(s, c->list[i]);
}

/* "mesh:ID": a name that somebody gave himself where nobody has a key. */
static void by_ident(struct core *c, const char *t, struct search *s)
{
	struct who *w = who_by_ident(c, t);

	if (w && w->plain && !hidden(w))
		search_hit(s, w);
}

static void by_address(struct core *c, const struct typed *t, struct search *s)
{
	struct who *w = who_at(c, t->host, t->port);

	if (w)
		search_hit(s, w);
}

/* A name somebody gives himself counts only when he is pinned. */
static void by_nick(struct core *c, const char *t, struct search *s)
{
	for (size_t i = 0; i < c->n_list; i++) {
		struct who *w = c->list[i];
		if (!who_stranger(w) && !w->plain && !hidden(w) &&
		    strcmp(w->row.shown.nick, t) == 0)
			search_hit(s, w);
	}
}

static enum code search_done(struct core *c, const char *typed,
			     struct search *s, struct who **out)
{
	*out = s->found;
	if (s->n > 1)
		return CODE_AMBIGUOUS; /* the candidates are in `why` */
	s->why[0] = 0;
	if (who_self(s->found)) {
		snprintf(s->why, 256, "%.180s: that is yourself", typed);
		return CODE_SELF;
	}
	c->typed = s->found->row.shown.id;
	snprintf(c->typed_as, sizeof(c->typed_as), "%s", typed);
	return CODE_OK;
}

static struct who *at_address(struct core *c, const struct now *now,
			      const struct typed *t)
{
	struct contact_row row = {
	    .shown = {.trust = TRUST_NEW, .via = VIA_TYPED}};

	if (!ident_text(row.shown.ident, t->host, t->port))
		return NULL;
	struct who *w = who_by_ident(c, row.shown.ident); /* forgotten? */
	if (!w)
		w = who_new(c, now, &row);
	w->row.hidden = false;
	w->named = true;
	w->row.shown.presence = P_UNKNOWN;
	who_save(c, w);
	place_add(c, w, t->host, t->port, VIA_TYPED, 0);
	tell_peer(c, w);
	return w;
}

static bool is_self(const struct core *c, const char *t)
{
	char hex[40];
	size_t n = strlen(t);

	if (n < 8 || n > 32 || !all_hex(t))
		return false;
	lower(hex, t, sizeof(hex));
	return strncmp(c->id, hex, n) == 0;
}

/* A name with a dot, or localhost: anything else is more likely a mistake. */
static bool looks_like_host(const char *s)
{
	return strchr(s, '.') != NULL || strcmp(s, "localhost") == 0;
}

/* A stranger who calls himself so: not meant, but worth a word. */
static const struct who *new_one(const struct core *c, const char *t)
{
	for (size_t i = 0; i < c->n_list; i++)
		if (who_stranger(c->list[i]) && !hidden(c->list[i]) &&
		    strcmp(c->list[i]->row.shown.nick, t) == 0)
			return c->list[i];
	return NULL;
}

static bool typed_known(const char *typed, char why[static 256])
{
	const char *s = typed;

	if (scheme_of(&s))
		return true;
	snprintf(why, 256, "%.*s:// is not in this program",
		 (int)(strstr(typed, "://") - typed), typed);
	return false;
}

enum code peer_find(struct core *c, const struct now *now, const char *typed,
		    bool make, struct who **out, char why[static 256])
{
	struct search s = {.why = why};
	struct typed t;

	*out = NULL;
	why[0] = 0;
	if (c->typed && strcmp(c->typed_as, typed) == 0 &&
	    (*out = who_find(c, c->typed)))
		return CODE_OK;
	if (!typed[0] || strlen(typed) > 255) {
		snprintf(why, 256, "no peer is named");
		return CODE_UNKNOWN;
	}
	by_petname(c, typed, &s);
	if (!s.n)
		by_id(c, typed, &s);
	if (!s.n)
		by_ident(c, typed, &s);
	if (!s.n && is_self(c, typed)) {
		snprintf(why, 256, "%s: that is yourself", typed);
		return CODE_SELF;
	}
	if (!s.n && strstr(typed, "://") && !typed_known(typed, why))
		return CODE_USAGE;
	if (!s.n && strncmp(typed, "center://", 9) == 0 &&
	    strchr(typed + 9, '/'))
		return hub_find(c, now, typed, make, out, why);
	bool address = !s.n && typed_parse(typed, &t);
	if (address && t.dialect != &dialect_sotto)
		return keyless_find(c, now, &t, make, out, why);
	if (address)
		by_address(c, &t, &s);
	if (!s.n && !address)
		by_nick(c, typed, &s);
	if (!s.n && !address && looks_like_host(typed)) {
		t = (struct typed){.dialect = &dialect_sotto,
				   .port = dialect_sotto.port};
		address = host_copy(&t, typed, strlen(typed));
		if (address)
			by_address(c, &t, &s);
	}
	if (s.n)
		return search_done(c, typed, &s, out);
	if (address && make && (*out = at_address(c, now, &t)))
		return CODE_OK;
	const struct who *w = new_one(c, typed);
	if (w)
		snprintf(why, 256,
			 "%.96s is new and nobody checked the key: write %.8s, "
			 "or trust it first",
			 typed, w->id);
	else
		snprintf(why, 256, "%.180s: nobody known by that name", typed);
	return CODE_UNKNOWN;
}
