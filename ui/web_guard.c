#include "ui/web_guard.h"
#include "ui/page_token.h"
#include <microhttpd.h>
#include <stdio.h>
#include <string.h>

/* ---- headers ---- */

struct lone {
	const char *name, *value;
	unsigned n;
};

static enum MHD_Result count_one(void *to, enum MHD_ValueKind kind,
				 const char *key, const char *value)
{
	struct lone *l = to;

	(void)kind;
	if (strcasecmp(key, l->name))
		return MHD_YES;
	l->value = value ? value : "";
	l->n++;
	return MHD_YES;
}

/* A header that is there once; *n says how often. */
static const char *header(struct MHD_Connection *c, const char *name,
			  unsigned *n)
{
	struct lone l = {.name = name};

	MHD_get_connection_values(c, MHD_HEADER_KIND, count_one, &l);
	*n = l.n;
	return l.n == 1 ? l.value : NULL;
}

/* The address as it stands in the link, no name that somebody else's name
 * server may lead here. */
static bool host_literal(struct MHD_Connection *c, unsigned port,
			 char origin[static 64])
{
	static const char *const names[] = {"127.0.0.1", "[::1]"};
	unsigned n;
	const char *host = header(c, "Host", &n);

	for (size_t i = 0; host && i < 2; i++) {
		snprintf(origin, 64, "http://%s:%u", names[i], port);
		if (!strcmp(host, origin + strlen("http://")))
			return true;
	}
	return false;
}

static bool json_sent(struct MHD_Connection *c)
{
	static const char type[] = "application/json";
	unsigned n;
	const char *s = header(c, "Content-Type", &n);

	return s && !strncasecmp(s, type, sizeof type - 1) &&
	       (!s[sizeof type - 1] || s[sizeof type - 1] == ';');
}

/* What browsers say by themselves and no page can change. A link that is typed
 * or opened from a terminal comes from nowhere ("none"). */
static bool from_here(struct MHD_Connection *c, const char *origin, bool write)
{
	unsigned n_origin, n_site;
	const char *from = header(c, "Origin", &n_origin);
	const char *site = header(c, "Sec-Fetch-Site", &n_site);

	if (n_site && (!site || (strcmp(site, "same-origin") &&
				 (write || strcmp(site, "none")))))
		return false;
	if (n_origin)
		return from && !strcmp(from, origin);
	return !write;
}

/* ---- the cookie ---- */

struct cookies {
	char name[24];
	const struct guard_for *g;
	bool good;
};

/* Another page on this machine may have set one of that name, too: any good
 * one will do. */
static enum MHD_Result cookie_one(void *to, enum MHD_ValueKind kind,
				  const char *key, const char *value)
{
	struct cookies *k = to;

	(void)kind;
	if (value && !strcmp(key, k->name) && strlen(value) == TOKEN_TEXT - 1)
		k->good |= token_good(
		    k->g->sessions,
		    (struct bytes){(const uint8_t *)value, TOKEN_TEXT - 1},
		    k->g->now_s, false);
	return MHD_YES;
}

static bool signed_in(struct MHD_Connection *c, const struct guard_for *g)
{
	struct cookies k = {.g = g};

	snprintf(k.name, sizeof k.name, "sotto_%u", g->port);
	MHD_get_connection_values(c, MHD_COOKIE_KIND, cookie_one, &k);
	return k.good;
}

/* ---- all of it ---- */

static unsigned no(unsigned status, const char **words, const char *why)
{
	*words = why;
	return status;
}

unsigned guard_request(struct MHD_Connection *c, const struct guard_for *g,
		       const char *method, const char *path, const char **words)
{
	bool write = !strcmp(method, "POST");
	char origin[64];

	if (!write && strcmp(method, "GET") && strcmp(method, "HEAD"))
		return no(405, words, "GET and POST are all there is");
	if (!host_literal(c, g->port, origin))
		return no(421, words, "the address of this page is in numbers");
	if (strncmp(path, "/api/", 5))
		return write ? no(405, words, "nothing is written here") : 0;
	if (!from_here(c, origin, write))
		return no(403, words, "that did not come from this page");
	if (write && !json_sent(c))
		return no(415, words, "what is sent is application/json");
	if (strcmp(path, "/api/login") && !signed_in(c, g))
		return no(401, words, "a new link is wanted: sotto web");
	return 0;
}
