#include "src/center_desk.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	BROADCAST_MS = 10000, /* between two of a user */
	CONSENT_MS = 300000,  /* a question is good for so long */
};

bool people_blocked(struct center *c, const char *user, const char *who)
{
	struct center_acct *a = xmalloc(sizeof(*a));
	uint64_t rev;
	enum err err = c->b->acct_get(c->b, user, a, &rev);
	bool is =
	    err && err != ERR_ABSENT; /* not known: to be on the safe side */

	if (!err)
		for (size_t i = 0; i < a->n_blocked && !is; i++)
			is = strcmp(a->blocked[i], who) == 0;
	free(a);
	return is;
}

static struct person *person_of(struct center *c, const char *user)
{
	for (size_t i = 0; i < c->n_person; i++)
		if (strcmp(c->person[i].user, user) == 0)
			return &c->person[i];
	return NULL;
}

/* Of the backend: somebody is at some node now, or at none. */
void people_presence(void *ctx, const char *user, const char *node)
{
	struct center *c = ctx;
	struct person *p = person_of(c, user);
	bool was = p && p->here;

	if (!p) {
		c->person =
		    xrealloc(c->person, (c->n_person + 1) * sizeof(*c->person));
		p = &c->person[c->n_person++];
		snprintf(p->user, sizeof(p->user), "%s", user);
	}
	p->here = node != NULL;
	if (p->here == was)
		return;
	EACH_DESK(c, d)
	{
		if (d->user[0] && strcmp(d->user, user) != 0)
			desk_push(c, d,
				  p->here ? CENTER_ONLINE : CENTER_OFFLINE,
				  user, (struct bytes){0});
	}
	if (!p->here)
		*p = c->person[--c->n_person];
}

void people_online(struct center *c, struct desk *d, const struct packet *p)
{
	struct packet out = {.verb = CENTER_LIST, .ref = p->ref};
	struct buf b = {0};

	for (size_t i = 0; i < c->n_person; i++)
		if (c->person[i].here && b.n < 8000)
			buf_printf(&b, "%s%s", b.n ? " " : "",
				   c->person[i].user);
	out.text = (struct bytes){b.p, b.n};
	desk_say(c, d->link, &out);
	buf_free(&b);
}

static void ask_note(struct center *c, const char *from, const char *to)
{
	if (c->n_ask == ASKS_MAX)
		memmove(c->ask, c->ask + 1, --c->n_ask * sizeof(c->ask[0]));
	struct ask *a = &c->ask[c->n_ask++];
	snprintf(a->from, sizeof(a->from), "%s", from);
	snprintf(a->to, sizeof(a->to), "%s", to);
	a->until_ms = c->now_ms + CONSENT_MS;
}

void people_told(struct center *c, const struct note *n)
{
	const char *from = n->field[1], *to = n->field[2];
	enum center_verb verb = !strcmp(n->field[0], "text")    ? CENTER_TEXT
				: !strcmp(n->field[0], "wants") ? CENTER_WANTS
								: CENTER_ADR;

	if (verb == CENTER_WANTS)
		ask_note(c, from, to);
	EACH_DESK(c, d)
	{
		if (!d->user[0] || strcmp(d->user, from) == 0 ||
		    (to[0] && strcmp(d->user, to) != 0) ||
		    people_blocked(c, d->user, from))
			continue;
		desk_push(c, d, verb, from, n->text);
	}
}

/* He asked, and not too long ago; once. */
static bool ask_take(struct center *c, const char *from, const char *to)
{
	for (size_t i = 0; i < c->n_ask; i++) {
		struct ask *a = &c->ask[i];
		if (strcmp(a->from, from) != 0 || strcmp(a->to, to) != 0)
			continue;
		bool good = a->until_ms >= c->now_ms;
		*a = c->ask[--c->n_ask];
		return good;
	}
	return false;
}

void people_broadcast(struct center *c, struct desk *d, const struct packet *p)
{
	if (!p->text.n || p->text.n > TEXT_MAX ||
	    c->now_ms - d->broadcast_ms < BROADCAST_MS) {
		desk_answer(c, d, p, CENTER_FAIL,
			    p->text.n ? "one in ten seconds"
				      : "nothing was said");
		return;
	}
	if (!note_send(c, "text", d->user, "", p->text)) {
		desk_later(c, d, p);
		return;
	}
	d->broadcast_ms = c->now_ms;
	desk_answer(c, d, p, CENTER_OKAY, NULL);
}

void people_get(struct center *c, struct desk *d, const struct packet *p)
{
	char who[CENTER_NAME_MAX + 1];
	const struct person *him =
	    word_get(p, 0, who) ? person_of(c, who) : NULL;

	/* who blocks us looks as if he were not there */
	if (!him || !him->here || !strcmp(who, d->user) ||
	    people_blocked(c, who, d->user)) {
		desk_answer(c, d, p, CENTER_FAIL, "not here");
		return;
	}
	if (note_send(c, "wants", d->user, who, (struct bytes){0}))
		desk_answer(c, d, p, CENTER_OKAY, "Request has been sent.");
	else
		desk_later(c, d, p);
}

void people_allow(struct center *c, struct desk *d, const struct packet *p)
{
	char who[CENTER_NAME_MAX + 1], at[ADDR_TEXT];

	if (!word_get(p, 0, who) || !ask_take(c, who, d->user)) {
		desk_answer(c, d, p, CENTER_FAIL, "nobody of that name asked");
		return;
	}
	addr_text(at, &d->at);
	if (note_send(c, "address", d->user, who, desk_view(at))) {
		desk_answer(c, d, p, CENTER_OKAY, NULL);
		return;
	}
	ask_note(c, who, d->user);
	desk_later(c, d, p);
}

static bool block_change(struct center_acct *a, const char *who, bool block)
{
	size_t i = 0;

	while (i < a->n_blocked && strcmp(a->blocked[i], who) != 0)
		i++;
	if ((i < a->n_blocked) == block)
		return false;
	if (block && a->n_blocked < CENTER_BLOCKS_MAX)
		snprintf(a->blocked[a->n_blocked++], CENTER_NAME_MAX + 1, "%s",
			 who);
	else if (!block)
		memmove(a->blocked[i], a->blocked[i + 1],
			(--a->n_blocked - i) * sizeof(a->blocked[0]));
	return true;
}

void people_block(struct center *c, struct desk *d, const struct packet *p)
{
	struct center_acct *a = xmalloc(sizeof(*a));
	char who[CENTER_NAME_MAX + 1];
	bool block = p->n_words && p->word[0].n && p->word[0].p[0] == '1';
	uint64_t rev;
	enum err err = word_get(p, 1, who) ? ERR_EXISTS : ERR_PARSE;

	for (int i = 0; i < 5 && err == ERR_EXISTS; i++) {
		err = c->b->acct_get(c->b, d->user, a, &rev);
		if (!err && block_change(a, who, block))
			err = c->b->acct_put(c->b, d->user, a, rev, NULL);
	}
	free(a);
	desk_answer(c, d, p, err ? CENTER_FAIL : CENTER_OKAY,
		    err ? "not changed" : NULL);
}
