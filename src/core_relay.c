#include "src/core_post.h"
#include <stdlib.h>

/* Who cannot be dialled is met at a center, if he is logged in where we are:
 * it makes our connection and his one (proto/splice.h), and what goes through
 * is a link as any other, from us to him, which the center cannot read. Who
 * asks is who dials: asking is the last step of a round (core_dial.c), with
 * its back-off. What comes over such a link says nothing of where he is. */
enum {
	ASKS_OPEN = 16,   /* on their way to be a link */
	ANSWERS_OPEN = 8, /* the same, that others asked for */
	/* Links kept without anything to say, so that others see that we are
	 * there; a center allows a person not many. */
	COMPANY_MAX = 8,
	COMPANY_MINUTE = 20, /* asked for with nothing to say */
	ASK_US = 5000000,    /* for the center's answer */
	LINK_US = 40000000,  /* for the link; the socket gives up before */
};

struct relay_ask {
	contact_id contact; /* 0: free */
	uint64_t ref;       /* of the question, until it is answered */
	int64_t until_us;
};

struct relay_answer {
	contact_id contact;
	int64_t until_us; /* free from then on */
};

/* Questions to a center are numbered from 1 on; ours are not among them. */
#define FIRST_REF (UINT64_C(1) << 48)

struct relays {
	uint64_t refs;
	int64_t minute_us;
	unsigned idle; /* asked for in that minute with nothing to say */
	struct relay_ask ask[ASKS_OPEN];
	struct relay_answer answer[ANSWERS_OPEN];
};

struct relays *relays_new(void)
{
	return xzalloc(sizeof(struct relays));
}

void relays_free(struct relays *r)
{
	free(r);
}

static struct relay_ask *ask_of(const struct core *c, contact_id contact)
{
	for (size_t i = 0; i < ASKS_OPEN; i++)
		if (c->relays->ask[i].contact == contact)
			return &c->relays->ask[i];
	return NULL;
}

bool relay_busy(const struct core *c, const struct who *w)
{
	return ask_of(c, w->row.shown.id) != NULL;
}

void relay_stop(struct core *c, const struct who *w)
{
	struct relay_ask *a = ask_of(c, w->row.shown.id);

	if (a)
		*a = (struct relay_ask){0};
}

/* ---- asking ---- */

/* The center that he named as his is the one where we are logged in. */
static bool shared(const struct core *c, const struct who *w)
{
	const struct conn *ours = post_conn(c);
	struct pubkey key;
	struct bytes his;

	return ours && post_noted(c, w, "center", &his) &&
	       post_key(his, &key) && !memcmp(&key, &ours->key, sizeof(key));
}

bool relay_way(const struct core *c, const struct who *w)
{
	return c->rules.relay && w->row.shown.id > 0 && !w->plain &&
	       !pubkey_none(&w->row.shown.key) && shared(c, w);
}

static unsigned company(const struct core *c)
{
	unsigned n = 0;

	for (size_t i = 0; i < c->n_conns; i++)
		n += c->conns[i]->relayed;
	return n;
}

static bool asked_for(const struct core *c, const struct who *w)
{
	const struct contact *s = &w->row.shown;

	if (w->conn || s->blocked || s->changed || s->gone || c->quit ||
	    who_self(w) || !relay_way(c, w))
		return false;
	return dial_needed(c, w) ||
	       (!who_stranger(w) && company(c) < COMPANY_MAX);
}

/* A center takes so many questions a minute; those that matter come first. */
static bool affordable(struct core *c, const struct now *now,
		       const struct who *w)
{
	struct relays *r = c->relays;

	if (dial_needed(c, w))
		return true;
	if (now->mono_us - r->minute_us >= 60 * SECOND_US) {
		r->minute_us = now->mono_us;
		r->idle = 0;
	}
	return r->idle++ < COMPANY_MINUTE;
}

static void ask(struct core *c, const struct now *now, struct who *w,
		struct relay_ask *a)
{
	const struct conn *center = post_conn(c);
	struct packet p = {.kind = PKT_CENTER,
			   .verb = CENTER_RELAY,
			   .ref = FIRST_REF + c->relays->refs++,
			   .n_words = 1,
			   .word = {view(w->id)}};

	*a = (struct relay_ask){.contact = w->row.shown.id,
				.ref = p.ref,
				.until_us = now->mono_us + ASK_US};
	effects_put(c->fx, &(struct effect){.kind = FX_SEND,
					    .link = center->id,
					    .packet = &p});
}

bool relay_try(struct core *c, const struct now *now, struct who *w)
{
	struct relay_ask *a = ask_of(c, w->row.shown.id), *none = ask_of(c, 0);

	if (a && (now->mono_us >= a->until_us || w->conn)) {
		relay_stop(c, w);
		return false;
	}
	if (!a && (!none || w->dial.relay || !asked_for(c, w) ||
		   !affordable(c, now, w)))
		return false;
	if (!a)
		ask(c, now, w, a = none);
	w->dial.relay = true;
	timer_set(&c->heap, &w->dial.timer, a->until_us);
	return true;
}

static void failed(struct core *c, const struct now *now, struct who *w)
{
	relay_stop(c, w);
	dial_over(c, now, w);
}

/* [token] */
static void answered(struct core *c, const struct now *now, struct relay_ask *a,
		     const struct packet *p)
{
	struct who *w = who_find(c, a->contact);
	struct effect dial = {.kind = FX_DIAL,
			      .dialect = &dialect_sotto,
			      .contact = a->contact,
			      .relayed = true};

	a->ref = 0;
	if (!w || w->conn) { /* he came by himself */
		*a = (struct relay_ask){0};
		return;
	}
	if (p->verb != CENTER_OKAY || !p->n_words ||
	    !uuid_parse(p->word[0], &dial.token) || !post_conn(c)) {
		failed(c, now, w);
		return;
	}
	a->until_us = now->mono_us + LINK_US;
	timer_set(&c->heap, &w->dial.timer, a->until_us);
	dial.at = post_conn(c)->at;
	dial.pin = w->row.shown.key;
	effects_put(c->fx, &dial);
}

/* ---- being asked for ---- */

static struct relay_answer *answer_slot(const struct core *c,
					const struct now *now)
{
	for (size_t i = 0; i < ANSWERS_OPEN; i++)
		if (c->relays->answer[i].until_us <= now->mono_us)
			return &c->relays->answer[i];
	return NULL;
}

/* Somebody of ours, of whose key the link must be. */
static struct who *welcome(const struct core *c, struct bytes id)
{
	char hex[33];
	struct who *w;

	if (id.n != 32)
		return NULL;
	memcpy(hex, id.p, 32);
	hex[32] = '\0';
	w = who_by_id(c, hex);
	if (!w || w->row.shown.id <= 0 || w->plain || who_stranger(w) ||
	    pubkey_none(&w->row.shown.key) || w->row.shown.blocked ||
	    w->row.shown.changed || w->row.shown.gone || c->quit)
		return NULL;
	return w;
}

/* Another node of the center, in numbers; or where we reached ours. */
static bool node_at(const struct conn *center, const struct packet *p,
		    struct addr *at)
{
	char text[ADDR_TEXT];
	struct typed t;

	*at = center->at;
	if (p->n_words < 3)
		return true;
	if (!p->word[2].n || p->word[2].n >= sizeof(text))
		return false;
	memcpy(text, p->word[2].p, p->word[2].n);
	text[p->word[2].n] = '\0';
	if (!typed_parse(text, &t) || t.dialect != &dialect_sotto || !t.port ||
	    !ip_typed(t.host, at))
		return false;
	at->port = t.port;
	return true;
}

/* [token, id], or [token, id, address] */
static void called(struct core *c, const struct now *now,
		   const struct conn *center, const struct packet *p)
{
	struct relay_answer *a = answer_slot(c, now);
	struct who *w = p->n_words > 1 ? welcome(c, p->word[1]) : NULL;
	struct effect dial = {.kind = FX_DIAL,
			      .dialect = &dialect_sotto,
			      .relayed = true,
			      .answers = true};

	if (!c->rules.relay || !a || !w || !node_at(center, p, &dial.at) ||
	    !uuid_parse(p->word[0], &dial.token))
		return;
	*a = (struct relay_answer){.contact = w->row.shown.id,
				   .until_us = now->mono_us + LINK_US};
	dial.contact = w->row.shown.id;
	dial.pin = w->row.shown.key;
	effects_put(c->fx, &dial);
}

bool relay_packet(struct core *c, const struct now *now, const struct conn *n,
		  const struct packet *p)
{
	if (n != post_conn(c) || !n->dialled)
		return false;
	for (size_t i = 0; p->ref && i < ASKS_OPEN; i++) {
		if (c->relays->ask[i].ref != p->ref)
			continue;
		answered(c, now, &c->relays->ask[i], p);
		return true;
	}
	if (p->verb != CENTER_RELAY || p->ref)
		return false;
	called(c, now, n, p);
	return true;
}

/* ---- what came of it ---- */

static void answer_over(struct core *c, contact_id contact)
{
	for (size_t i = 0; i < ANSWERS_OPEN; i++)
		if (c->relays->answer[i].contact == contact)
			c->relays->answer[i] = (struct relay_answer){0};
}

/* An address of his answered meanwhile. */
static bool direct(const struct who *w)
{
	return w->conn && w->conn->heard && !w->conn->relayed;
}

void core_relay_up(struct core *c, const struct now *now, link_id id,
		   struct pubkey key, contact_id contact, bool ours)
{
	struct who *w = who_find(c, contact);

	if (!ours)
		answer_over(c, contact);
	if (w && ours && relay_busy(c, w)) {
		relay_stop(c, w);
		dial_relayed(c, w);
	}
	if (!w || w->row.shown.blocked || c->quit || (ours && direct(w)) ||
	    memcmp(&w->row.shown.key, &key, sizeof(key)) != 0 ||
	    links_of(w) == LINKS_EACH) {
		effects_put(c->fx,
			    &(struct effect){.kind = FX_CLOSE, .link = id});
		return;
	}
	struct conn *n = conn_new(c, id);
	n->who = w;
	n->key = key;
	n->dialled = ours;
	n->relayed = true;
	conn_join(c, now, n);
}

void core_relay_down(struct core *c, const struct now *now, link_id id,
		     contact_id contact, bool ours)
{
	struct who *w = who_find(c, contact);

	if (conn_find(c, id)) {
		core_link_down(c, now, id, 0, (struct pubkey){0}, ERR_CLOSED);
		return;
	}
	if (!ours)
		answer_over(c, contact);
	else if (w && relay_busy(c, w))
		failed(c, now, w);
}

/* Now that there is a way again, those who wait are not made to wait. */
void relay_logged_in(struct core *c, const struct now *now)
{
	for (size_t i = 0; i < c->n_list; i++) {
		struct who *w = c->list[i];

		if (w->dial.round || !relay_way(c, w) || !dial_wanted(c, w))
			continue;
		w->dial.fails = 0;
		if (w->row.shown.waiting)
			dial_soon(c, now, w);
		else
			timer_set(&c->heap, &w->dial.timer,
				  now->mono_us + jitter(now, 2 * SECOND_US));
	}
}
