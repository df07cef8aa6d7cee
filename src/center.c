#include "src/center_desk.h"
#include <stdio.h>
#include <stdlib.h>

void center_link_up(struct center *c, link_id id, const struct pubkey *key,
		    const struct addr *at)
{
	desk_open(c, id, key, at);
}

void center_link_down(struct center *c, link_id id)
{
	struct desk *d = desk_find(c, id);

	if (!d)
		return;
	mail_trim(c, d);
	if (d->user[0] && c->b->session_drop(c->b, d->user, &d->token))
		d->user[0] = '\0'; /* it will end by itself */
	desk_close(c, d);
}

/* ---- what is heard ---- */

/* A list of all goes out, something is written, a note goes to all nodes, a
 * page of letters is read. A block costs when it changes something. */
static int64_t cost_of(const struct packet *p)
{
	switch ((int)p->verb) {
	case CENTER_ONL:
		return 6000;
	case CENTER_PREKEY:
		return 3000;
	case CENTER_LIN:
	case CENTER_FETCH:
		return 2000;
	case CENTER_GET:
	case CENTER_ALL:
		return 1000;
	case CENTER_BUNDLE:
		return 200;
	default:
		return 0;
	}
}

static void logged_in_packet(struct center *c, struct desk *d,
			     const struct packet *p)
{
	switch ((int)p->verb) {
	case CENTER_OUT:
		login_end(c, d);
		return;
	case CENTER_ONL:
		people_online(c, d, p);
		return;
	case CENTER_BRD:
		people_broadcast(c, d, p);
		return;
	case CENTER_BLC:
		people_block(c, d, p);
		return;
	case CENTER_GET:
		people_get(c, d, p);
		return;
	case CENTER_ALL:
		people_allow(c, d, p);
		return;
	case CENTER_FETCH:
		mail_fetch(c, d, p);
		return;
	case CENTER_TRIM:
		mail_taken(c, d, p);
		return;
	case CENTER_PREKEY:
		mail_prekey(c, d, p);
		return;
	case CENTER_RELAY:
		relay_ask(c, d, p);
		return;
	case CENTER_HEY:
		return;
	default:
		if (p->ref)
			desk_answer(c, d, p, CENTER_FAIL, "not known here");
		return;
	}
}

void center_packet(struct center *c, const struct now *now, link_id id,
		   const struct packet *p)
{
	struct desk *d = desk_find(c, id);

	c->now_ms = now->wall_us / 1000;
	c->rng = now->rng;
	if (!d || !desk_may(c, d, p, cost_of(p)))
		return;
	if (p->verb == CENTER_LIN)
		login_try(c, d, p);
	else if (p->verb == CENTER_STORE)
		mail_store(c, d, p);
	else if (p->verb == CENTER_BUNDLE)
		mail_bundle(c, d, p);
	else if (d->user[0])
		logged_in_packet(c, d, p);
	else if (p->ref)
		desk_answer(c, d, p, CENTER_FAIL, "not logged in");
}

static void note_obey(struct center *c, struct bytes s)
{
	struct note n;
	char id[33];

	if (!note_read(s, &n))
		return;
	if (!strcmp(n.field[0], "mail")) {
		if (strcmp(n.field[2], c->terms.node) != 0 && /* not ours */
		    hex_id(desk_view(n.field[1]), id))
			mail_came(c, box_of(id));
	} else if (!strcmp(n.field[0], "moved")) {
		if (hex_id(desk_view(n.field[2]), id)) {
			struct uuid token = box_of(id);
			login_moved(c, n.field[1], &token);
		}
	} else if (!strcmp(n.field[0], "relay")) {
		relay_who(c, &n);
	} else if (!strcmp(n.field[0], "has")) {
		relay_has(c, &n);
	} else if (!strcmp(n.field[0], "call")) {
		relay_call(c, &n);
	} else {
		people_told(c, &n);
	}
}

/* Of the backend, which may not be asked in here. */
static void note_heard(void *ctx, struct bytes s)
{
	struct center *c = ctx;
	uint32_t n = (uint32_t)s.n;

	buf_put(&c->note, (struct bytes){(const uint8_t *)&n, sizeof(n)});
	buf_put(&c->note, s);
}

static void notes_obey(struct center *c)
{
	struct buf notes = c->note;
	uint32_t n;

	c->note = (struct buf){0};
	for (size_t at = 0; at < notes.n; at += n) {
		memcpy(&n, notes.p + at, sizeof(n));
		at += sizeof(n);
		note_obey(c, (struct bytes){notes.p + at, n});
	}
	buf_free(&notes);
}

void center_settle(struct center *c, const struct now *now)
{
	c->now_ms = now->wall_us / 1000;
	c->rng = now->rng;
	mail_settle(c);
	login_work(c);
}

bool center_busy(const struct center *c)
{
	return c->n_knock > 0;
}

int center_wait_ms(const struct center *c)
{
	return center_busy(c) ? 0 : people_wait_ms(c);
}

/* ---- time ---- */

int center_patience_ms(const struct center *c)
{
	enum { SOON_MS = 300 }; /* other nodes were asked */

	return c->n_way_asked ? SOON_MS : CENTER_TICK_MS;
}

enum err center_tick(struct center *c, const struct now *now)
{
	c->now_ms = now->wall_us / 1000;
	c->rng = now->rng;
	enum err away = c->b->tick(c->b, c->now_ms);
	notes_obey(c);
	relay_tick(c);
	if (away) { /* it tries again by itself */
		c->away = true;
		return away;
	}
	mail_look(c);
	people_settle(c);
	EACH_DESK(c, d)
	{
		if (!login_refresh(c, d))
			break; /* the others would wait for nothing */
	}
	return OK;
}

struct center *center_new(struct center_backend *b,
			  const struct center_terms *terms, struct effects *fx)
{
	struct center *c = xzalloc(sizeof(*c));

	c->b = b;
	c->terms = *terms;
	c->fx = fx;
	c->watch = (struct center_watch){
	    .ctx = c, .presence = people_presence, .note = note_heard};
	if (!b->watch(b, terms->node, &c->watch))
		return c;
	free(c);
	return NULL;
}

void center_say_into(struct center *c, struct effects *fx)
{
	c->fx = fx;
}

void center_hold(struct center *c, bool held)
{
	c->held = held;
}

void center_free(struct center *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < DESK_BUCKETS; i++)
		while (c->link[i])
			center_link_down(c, c->link[i]->link);
	for (size_t i = 0; i < c->n_mail; i++)
		free((void *)(uintptr_t)c->mail[i].blob.p);
	people_free(c);
	knocks_free(c);
	buf_free(&c->note);
	free(c->way);
	free(c);
}
