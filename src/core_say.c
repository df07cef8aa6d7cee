#include "src/core_impl.h"
#include <stdarg.h>
#include <stdio.h>

/* What core tells front ends, and how it writes times and quotations. */

void tell(struct core *c, client_id to, ticket after, struct event *ev)
{
	effects_put(c->fx, &(struct effect){.kind = FX_EVENT,
					    .after = after,
					    .client = to,
					    .event = ev});
}

void tell_peer(struct core *c, struct who *w)
{
	if (w->row.shown.id <= 0 || (w->row.hidden && !w->row.shown.gone))
		return;
	struct contact shown = w->row.shown;
	shown.draft = NULL;
	w->told_of = true;
	w->told_waiting = shown.waiting;
	tell(c, 0, 0, &(struct event){.kind = EV_PEER, .contact = &shown});
}

void tell_notice(struct core *c, int level, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	struct event ev = {.kind = EV_NOTICE, .text = text};
	ev.level = level == LEVEL_ERROR  ? LEVEL_ERROR
		   : level == LEVEL_WARN ? LEVEL_WARN
					 : LEVEL_INFO;
	tell(c, 0, 0, &ev);
}

void tell_consent(struct core *c, struct bytes user)
{
	char name[128], text[400];
	size_t n = utf8_cut(user, sizeof(name) - 1);

	if (n)
		memcpy(name, user.p, n);
	name[n] = '\0';
	snprintf(text, sizeof(text),
		 "%s wants your address: /allow %s gives it", name, name);
	tell(c, 0, 0,
	     &(struct event){.kind = EV_CONSENT, .name = name, .text = text});
}

void tell_security(struct core *c, struct who *w, const char *what)
{
	char text[32];

	snprintf(text, sizeof(text), "%s", what);
	struct contact shown = w->row.shown;
	shown.draft = NULL;
	tell(c, 0, 0,
	     &(struct event){
		 .kind = EV_SECURITY, .contact = &shown, .text = text});
}

void tell_status(struct core *c, ticket after, const struct message *m)
{
	struct message copy = *m;

	tell(c, 0, after, &(struct event){.kind = EV_STATUS, .message = &copy});
}

ticket hard(struct core *c)
{
	c->hard = store_ticket(c->store);
	return c->hard;
}

/* Made once a millisecond, not once a packet. */
const char *stamp_now(struct core *c, const struct now *now)
{
	int64_t ms = now->wall_us / MS_US;

	if (ms != c->stamp_ms || !c->stamp[0]) {
		rfc3339_put(c->stamp, now->wall_us);
		c->stamp_ms = ms;
	}
	return c->stamp;
}

void stamp_copy(char out[static STAMP_MAX + 1], struct bytes s)
{
	size_t n = s.n < STAMP_MAX ? s.n : STAMP_MAX;

	if (n)
		memcpy(out, s.p, n);
	out[n] = 0;
}

/* A quotation is at most QUOTE_MAX bytes, cut at a grapheme, with an ellipsis.
 */
char *quote_cut(struct bytes s)
{
	struct buf b = {0};

	if (s.n <= QUOTE_MAX)
		return xstrndup(s);
	buf_put(&b, (struct bytes){s.p, utf8_cut(s, QUOTE_MAX - 3)});
	buf_put(&b, view("\xe2\x80\xa6"));
	char *out = xstrndup((struct bytes){b.p, b.n});
	buf_free(&b);
	return out;
}

/* ---- who is told ---- */

static struct told *told_find(struct core *c, client_id id)
{
	for (size_t i = 0; i < c->n_told; i++)
		if (c->told[i].client == id)
			return &c->told[i];
	return NULL;
}

void core_client(struct core *c, client_id id, bool here)
{
	struct told *t = told_find(c, id);

	if (!here) {
		if (t)
			*t = c->told[--c->n_told];
		return;
	}
	if (!t) {
		c->told = xrealloc(c->told, (c->n_told + 1) * sizeof(*t));
		t = &c->told[c->n_told++];
	}
	*t = (struct told){.client = id, .since = c->told_count};
}
