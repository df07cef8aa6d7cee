#include "src/booth_impl.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { REQUESTS = 200, LOOK_MS = 60 };
static const int64_t REQUESTS_US = 10 * SECOND_US;
static const int64_t HALVED_US = 10 * SECOND_US;

void booth_now(struct booth *b, const struct now *now)
{
	b->now_us = now->mono_us;
	b->now_ms = now->wall_us / 1000;
	if (!b->seeded) /* ours: at the end there is no `now` any more */
		rng_fill(now->rng, b->rng.seed, sizeof(b->rng.seed));
	b->seeded = true;
}

void booth_notice(struct booth *b, int level, const char *fmt, ...)
{
	char text[256];
	struct event ev = {.kind = EV_NOTICE, .text = text};
	va_list ap;

	ev.level = level == LEVEL_INFO ? LEVEL_INFO : LEVEL_WARN;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	effects_put(b->fx, &(struct effect){.kind = FX_EVENT,
					    .dialect = &dialect_center,
					    .event = &ev});
}

/* A bracket would end it in "[user]: text". */
bool booth_name(struct bytes s, char out[static CENTER_NAME_MAX + 1])
{
	out[0] = '\0';
	if (!s.n || s.n > CENTER_NAME_MAX || memchr(s.p, 0, s.n) ||
	    memchr(s.p, ']', s.n) || memchr(s.p, '>', s.n))
		return false;
	memcpy(out, s.p, s.n);
	out[s.n] = '\0';
	if (center_name_ok(out))
		return true;
	out[0] = '\0';
	return false;
}

/* ---- visitors ---- */

static struct visitor *visitor_find(const struct booth *b, link_id id)
{
	struct visitor *v = b->visitor;

	while (v && v->link != id)
		v = v->next;
	return v;
}

static void visitor_forget(struct booth *b, struct visitor *v)
{
	struct visitor **p = &b->visitor;

	while (*p != v)
		p = &(*p)->next;
	*p = v->next;
	b->n_visitors--;
	secret_wipe(v, sizeof(*v));
	free(v);
}

void visitor_close(struct booth *b, struct visitor *v)
{
	effects_put(b->fx, &(struct effect){.kind = FX_CLOSE, .link = v->link});
	visitor_forget(b, v);
}

static size_t visitors_from(const struct booth *b, const char *source)
{
	size_t n = 0;

	for (const struct visitor *v = b->visitor; v; v = v->next)
		n += strcmp(v->source, source) == 0;
	return n;
}

/* The longest waiting one of the source that has most. */
static void make_room(struct booth *b)
{
	struct visitor *oldest = b->visitor;
	size_t most = 0;

	for (struct visitor *v = b->visitor; v; v = v->next) {
		size_t n = visitors_from(b, v->source);
		if (n < most || (n == most && v->since_us > oldest->since_us))
			continue;
		oldest = v;
		most = n;
	}
	visitor_close(b, oldest);
}

void booth_up(struct booth *b, const struct now *now, link_id id,
	      const struct addr *at)
{
	struct visitor *v = xzalloc(sizeof(*v));

	booth_now(b, now);
	if (b->n_visitors == VISITORS_MAX)
		make_room(b);
	v->link = id;
	v->at = *at;
	source_of(at, v->source);
	v->since_us = b->now_us;
	v->until_us = b->now_us + FRAME_US;
	v->next = b->visitor;
	b->visitor = v;
	b->n_visitors++;
}

void booth_down(struct booth *b, const struct now *now, link_id id)
{
	struct visitor *v = visitor_find(b, id);

	booth_now(b, now);
	if (v)
		visitor_forget(b, v);
}

/* ---- requests: one a connection ---- */

static bool same_text(struct bytes a, const char *text)
{
	return secret_same(a, booth_view(text));
}

static struct member *who_asks(const struct booth *b, const struct packet *p)
{
	char user[CENTER_NAME_MAX + 1];
	struct member *m;

	if (p->kind != PKT_CENTER || p->malformed || p->n_words < 2 ||
	    p->verb < CENTER_MSG || p->verb > CENTER_HEY ||
	    !booth_name(p->word[0], user))
		return NULL;
	m = member_find(b, user);
	return m && same_text(p->word[1], m->token) ? m : NULL;
}

static bool too_many(const struct booth *b, struct member *m)
{
	if (b->now_us - m->count_us > REQUESTS_US) {
		m->count_us = b->now_us;
		m->count = 0;
	}
	return m->count++ >= REQUESTS;
}

static void obey(struct booth *b, struct member *m, link_id link,
		 const struct packet *p)
{
	switch ((int)p->verb) {
	case CENTER_MSG:
		talk_message(b, m, p);
		return;
	case CENTER_BRD:
		talk_broadcast(b, m, p);
		return;
	case CENTER_ONL:
		folk_online(b, m);
		return;
	case CENTER_BLC:
		folk_block(b, m, p);
		return;
	case CENTER_GET:
		folk_get(b, m, link, p);
		return;
	case CENTER_ALL:
		folk_allow(b, m, p);
		return;
	}
}

/* A wrong token hears nothing: its owner logged in elsewhere. */
static void request(struct booth *b, struct visitor *v, const struct packet *p)
{
	struct member *m = who_asks(b, p);

	if (!m || too_many(b, m))
		return;
	if (p->verb == CENTER_OUT)
		member_leave(b, m, false);
	else if (member_heard(b, m))
		obey(b, m, v->link, p);
}

void booth_packet(struct booth *b, const struct now *now, link_id id,
		  const struct packet *p)
{
	struct visitor *v = visitor_find(b, id);

	booth_now(b, now);
	if (!v)
		return;
	if (v->step != LOGIN_NONE || p->verb == CENTER_LIN) {
		login_hear(b, v, p);
		return;
	}
	request(b, v, p);
	visitor_close(b, v);
}

/* ---- lines ---- */

void booth_reached(struct booth *b, const struct now *now, link_id id,
		   contact_id flight)
{
	booth_now(b, now);
	line_landed(b, flight, id);
}

void booth_missed(struct booth *b, const struct now *now, contact_id flight)
{
	booth_now(b, now);
	line_missed(b, flight);
}

/* ---- time ---- */

bool booth_turn(struct booth *b, const struct now *now)
{
	booth_now(b, now);
	if (b->held || b->now_us < b->look_us || !login_waits(b))
		return false;
	b->look_us = b->now_us + LOOK_MS * INT64_C(1000);
	login_look(b);
	return true;
}

int booth_wait(const struct booth *b, const struct now *now, int most)
{
	int64_t left = (b->look_us - now->mono_us + 999) / 1000;

	if (b->held || !login_waits(b) || left > most)
		return most;
	return left > 0 ? (int)left : 0;
}

static void visitors_tick(struct booth *b)
{
	for (struct visitor *v = b->visitor, *next; v; v = next) {
		next = v->next;
		if (v->until_us && b->now_us >= v->until_us)
			visitor_close(b, v);
	}
	if (b->now_us - b->halved_us < HALVED_US)
		return;
	b->halved_us = b->now_us;
	for (size_t i = 0; i < SOURCES; i++)
		b->looked[i] /= 2;
}

void booth_tick(struct booth *b, const struct now *now)
{
	booth_now(b, now);
	visitors_tick(b);
	line_tick(b);
	if (b->b->tick(b->b, b->now_ms))
		return; /* it tries again by itself */
	nodes_obey(b);
	member_tick(b);
}

/* ---- beginning and end ---- */

struct booth *booth_new(struct center_backend *backend, const char *node,
			struct effects *fx)
{
	struct booth *b = xzalloc(sizeof(*b));

	b->b = backend;
	b->fx = fx;
	b->last_flight = BOOTH_FLIGHT;
	snprintf(b->node, sizeof(b->node), "%s", node);
	b->watch = (struct center_watch){
	    .ctx = b, .presence = folk_presence, .note = nodes_heard};
	if (!backend->watch(backend, b->node, &b->watch))
		return b;
	free(b);
	return NULL;
}

void booth_say_into(struct booth *b, struct effects *fx)
{
	b->fx = fx;
}

void booth_hold(struct booth *b, bool held)
{
	b->held = held;
}

void booth_free(struct booth *b)
{
	if (!b)
		return;
	while (b->visitor)
		visitor_forget(b, b->visitor);
	while (b->n_members)
		member_leave(b, b->member[0], false);
	while (b->line)
		line_end(b, b->line);
	free(b->person);
	buf_free(&b->note);
	free(b);
}
