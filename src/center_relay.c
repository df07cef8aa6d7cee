#include "src/center_desk.h"
#include <stdio.h>
#include <stdlib.h>

/* Two who are logged in and cannot reach each other (proto/splice.h): who asks
 * and who is asked for are told one token, and the network thread is told to
 * make one of the two connections that begin with it: at the node of who asks.
 *
 * Is the other one at another node, then notes go
 *   relay  his id, the user who asks; token   from here: who has him?
 *   has    token, his user                    from there, if he may be asked
 *   call   his id, token; who asks, address   from here: the token is good now
 * and he comes here, if we have an address to tell. */
enum {
	WAYS_MAX = 1000,    /* asked for or in use: fewer than net.c has */
	WAYS_USER = 32,     /* of an account, either end */
	RELAYS_MINUTE = 60, /* that a link may ask for */
	NODES_MS = 1500,    /* for the other nodes to answer */
	ID = 32,
	TOKEN = 36, /* as text */
};

struct relay_way {
	struct uuid token;
	char a[CENTER_NAME_MAX + 1], b[CENTER_NAME_MAX + 1];
	int64_t until_ms; /* some node may have him; 0: he was found ... */
	char to[ID + 1];  /* ... and until then: whom */
	link_id link;     /* who asks */
	uint64_t ref;     /* his question */
};

/* ---- limits ---- */

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

/* ---- ways ---- */

static struct relay_way *way_add(struct center *c, const struct desk *from,
				 const struct packet *p, const char *user)
{
	if (!c->way)
		c->way = xmalloc(WAYS_MAX * sizeof(*c->way));
	struct relay_way *w = &c->way[c->n_way++];
	*w = (struct relay_way){.link = from->link, .ref = p->ref};
	rng_fill(c->rng, w->token.b, sizeof(w->token.b));
	snprintf(w->a, sizeof(w->a), "%s", from->user);
	snprintf(w->b, sizeof(w->b), "%s", user);
	return w;
}

static struct relay_way *way_find(const struct center *c, struct uuid token)
{
	for (size_t i = 0; i < c->n_way; i++)
		if (desk_same(c->way[i].token, token))
			return &c->way[i];
	return NULL;
}

static void way_drop(struct center *c, struct relay_way *w)
{
	*w = c->way[--c->n_way];
}

void center_spliced(struct center *c, const struct uuid *token)
{
	struct relay_way *w = way_find(c, *token);

	if (w)
		way_drop(c, w);
}

static void asked_over(struct center *c, struct relay_way *w)
{
	if (w->until_ms)
		c->n_way_asked--;
	w->until_ms = 0;
}

/* The network thread expects the token before anybody can know it. */
static void way_open(struct center *c, struct relay_way *w)
{
	const struct packet to = {.ref = w->ref};
	const struct desk *from = desk_find(c, w->link);
	char text[TOKEN + 1];

	asked_over(c, w);
	effects_put(c->fx,
		    &(struct effect){.kind = FX_SPLICE, .token = w->token});
	uuid_text(text, &w->token);
	if (from)
		desk_answer(c, from, &to, CENTER_OKAY, text);
}

static void way_refuse(struct center *c, struct relay_way *w, const char *why)
{
	const struct packet to = {.ref = w->ref};
	const struct desk *from = desk_find(c, w->link);

	asked_over(c, w);
	if (from)
		desk_answer(c, from, &to, CENTER_FAIL, why);
	way_drop(c, w);
}

/* ---- who is at this node ---- */

static const char nobody[] = "not at this node";

/* at: "", or where the token is good. */
static void call(struct center *c, const struct desk *to, const char *token,
		 const char *id, const char *at)
{
	desk_say(c, to->link,
		 &(struct packet){
		     .verb = CENTER_RELAY,
		     .n_words = *at ? 3 : 2,
		     .word = {desk_view(token), desk_view(id), desk_view(at)}});
}

/* His link that was made last, if he is logged in by it. */
static struct desk *desk_in(const struct center *c,
			    const char id[static ID + 1])
{
	const struct uuid box = box_of(id);
	struct desk *d = desk_of_box(c, box);

	while (d && (!desk_same(d->box, box) || !d->user[0]))
		d = d->next_box;
	return d;
}

/* Who is blocked hears what he would hear if nobody was there. */
static void here(struct center *c, const struct desk *from,
		 const struct packet *p, const struct desk *to)
{
	struct relay_way *w;
	char text[TOKEN + 1];

	if (desk_same(to->box, from->box) ||
	    people_blocked(c, to->user, from->user)) {
		desk_answer(c, from, p, CENTER_FAIL, nobody);
		return;
	}
	if (too_many(c, to->user)) {
		desk_answer(c, from, p, CENTER_FAIL, "too many at once");
		return;
	}
	w = way_add(c, from, p, to->user);
	way_open(c, w);
	uuid_text(text, &w->token);
	call(c, to, text, from->id, "");
}

/* ---- who is at another ---- */

static void elsewhere(struct center *c, const struct desk *from,
		      const struct packet *p, const char id[static ID + 1])
{
	char text[TOKEN + 1];
	struct relay_way *w;

	if (!c->terms.relay_at.port) {
		desk_answer(c, from, p, CENTER_FAIL, nobody);
		return;
	}
	w = way_add(c, from, p, "");
	w->until_ms = c->now_ms + NODES_MS;
	c->n_way_asked++;
	memcpy(w->to, id, sizeof(w->to));
	uuid_text(text, &w->token);
	if (!note_send(c, "relay", id, from->user, desk_view(text)))
		way_refuse(c, w, nobody);
}

void relay_who(struct center *c, const struct note *n)
{
	const struct desk *to;
	char id[ID + 1], token[TOKEN + 1];

	if (!c->terms.relay || !hex_id(desk_view(n->field[1]), id) ||
	    n->text.n != TOKEN)
		return;
	to = desk_in(c, id);
	if (!to || people_blocked(c, to->user, n->field[2]))
		return;
	memcpy(token, n->text.p, TOKEN);
	token[TOKEN] = '\0';
	note_send(c, "has", token, to->user, (struct bytes){0});
}

void relay_has(struct center *c, const struct note *n)
{
	struct relay_way *w;
	struct uuid token;
	char text[ID + ADDR_TEXT];
	const struct desk *from;

	if (!uuid_parse(desk_view(n->field[1]), &token) ||
	    !(w = way_find(c, token)) || !w->until_ms)
		return;
	from = desk_find(c, w->link);
	if (!from || too_many(c, n->field[2])) {
		way_refuse(c, w, "too many at once");
		return;
	}
	snprintf(w->b, sizeof(w->b), "%s", n->field[2]);
	way_open(c, w);
	memcpy(text, from->id, ID);
	addr_text(text + ID, &c->terms.relay_at);
	note_send(c, "call", w->to, n->field[1], desk_view(text));
}

void relay_call(struct center *c, const struct note *n)
{
	char to[ID + 1], id[ID + 1], at[ADDR_TEXT];
	const struct desk *d;

	if (!hex_id(desk_view(n->field[1]), to) || n->text.n <= ID ||
	    n->text.n >= ID + sizeof(at) ||
	    !hex_id((struct bytes){n->text.p, ID}, id) || !(d = desk_in(c, to)))
		return;
	memcpy(at, n->text.p + ID, n->text.n - ID);
	at[n->text.n - ID] = '\0';
	call(c, d, n->field[2], id, at);
}

void relay_tick(struct center *c)
{
	for (size_t i = c->n_way; c->n_way_asked && i-- > 0;)
		if (c->way[i].until_ms && c->way[i].until_ms <= c->now_ms)
			way_refuse(c, &c->way[i], nobody);
}

/* ---- asking ---- */

/* What is wrong with it whoever is there; NULL: nothing. */
static const char *refusal(struct center *c, struct desk *d,
			   const struct packet *p, char id[static ID + 1])
{
	if (!c->terms.relay)
		return "no relay here";
	if (too_often(c, d))
		return "too many: wait a minute";
	if (!p->n_words || !hex_id(p->word[0], id))
		return "that is no id";
	if (c->n_way == WAYS_MAX || too_many(c, d->user))
		return "too many at once";
	return NULL;
}

void relay_ask(struct center *c, struct desk *d, const struct packet *p)
{
	char id[ID + 1];
	const char *why = refusal(c, d, p, id);
	const struct desk *to = why ? NULL : desk_in(c, id);

	if (why)
		desk_answer(c, d, p, CENTER_FAIL, why);
	else if (to)
		here(c, d, p, to);
	else
		elsewhere(c, d, p, id);
}
