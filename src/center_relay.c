#include "src/center_desk.h"
#include <stdio.h>
#include <stdlib.h>

/* Two who are logged in here and cannot reach each other (proto/splice.h): who
 * asks and who is asked for are told one token, and the network thread is told
 * to make one of the two connections that begin with it. Both must be at this
 * node, where the token is known. */
enum {
	WAYS_MAX = 1000,    /* asked for or in use: fewer than net.c has */
	WAYS_USER = 32,     /* of an account, either end */
	RELAYS_MINUTE = 60, /* that a link may ask for */
};

struct relay_way {
	struct uuid token;
	char a[CENTER_NAME_MAX + 1], b[CENTER_NAME_MAX + 1];
};

static bool too_often(const struct center *c, struct desk *d)
{
	if (c->now_ms - d->relay_ms >= 60000) {
		d->relay_ms = c->now_ms;
		d->relays = 0;
	}
	return d->relays++ >= RELAYS_MINUTE;
}

static bool too_many(const struct center *c, const char *user)
{
	unsigned n = 0;

	for (size_t i = 0; i < c->n_way; i++)
		n += !strcmp(c->way[i].a, user) || !strcmp(c->way[i].b, user);
	return n >= WAYS_USER;
}

/* His link that was made last, if he is logged in by it. */
static struct desk *desk_in(const struct center *c, struct uuid box)
{
	struct desk *d = desk_of_box(c, box);

	while (d && (!desk_same(d->box, box) || !d->user[0]))
		d = d->next_box;
	return d;
}

/* Why not; NULL: *to is whom he wants. */
static const char *refusal(struct center *c, struct desk *d,
			   const struct packet *p, struct desk **to)
{
	char id[33];

	if (!c->terms.relay)
		return "no relay here";
	if (too_often(c, d))
		return "too many: wait a minute";
	if (!p->n_words || !hex_id(p->word[0], id))
		return "that is no id";
	*to = desk_in(c, box_of(id));
	/* who blocks us looks as if he were not there */
	if (!*to || desk_same((*to)->box, d->box) ||
	    people_blocked(c, (*to)->user, d->user))
		return "not at this node";
	if (c->n_way == WAYS_MAX || too_many(c, d->user) ||
	    too_many(c, (*to)->user))
		return "too many at once";
	return NULL;
}

static void way_add(struct center *c, const struct desk *a,
		    const struct desk *b, const struct uuid *token)
{
	if (!c->way)
		c->way = xmalloc(WAYS_MAX * sizeof(*c->way));
	struct relay_way *w = &c->way[c->n_way++];
	w->token = *token;
	snprintf(w->a, sizeof(w->a), "%s", a->user);
	snprintf(w->b, sizeof(w->b), "%s", b->user);
}

void center_spliced(struct center *c, const struct uuid *token)
{
	for (size_t i = 0; i < c->n_way; i++) {
		if (!desk_same(c->way[i].token, *token))
			continue;
		c->way[i] = c->way[--c->n_way];
		return;
	}
}

void relay_ask(struct center *c, struct desk *d, const struct packet *p)
{
	struct desk *to = NULL;
	const char *why = refusal(c, d, p, &to);
	struct uuid token;
	char text[37];

	if (why) {
		desk_answer(c, d, p, CENTER_FAIL, why);
		return;
	}
	rng_fill(c->rng, token.b, sizeof(token.b));
	uuid_text(text, &token);
	way_add(c, d, to, &token);
	/* first: it is expected before anybody can know it */
	effects_put(c->fx, &(struct effect){.kind = FX_SPLICE, .token = token});
	desk_answer(c, d, p, CENTER_OKAY, text);
	desk_say(c, to->link,
		 &(struct packet){.verb = CENTER_RELAY,
				  .n_words = 2,
				  .word = {desk_view(text), desk_view(d->id)}});
}
