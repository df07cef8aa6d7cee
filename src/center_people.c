#include "src/center_desk.h"
#include <stdio.h>
#include <stdlib.h>

enum {
	BLOCK_COST = 300,     /* of a change: as desk_may has it */
	ASKS_EACH = 16,       /* of one user, that are open */
	BROADCAST_MS = 10000, /* between two of a user */
	CONSENT_MS = 300000,  /* a question is good for so long */
	LIST_BYTES = 12000,   /* of a packet */
};

/* ---- who is there ---- */

bool people_box(struct center *c, const char *user, struct uuid *box,
		char hex[static 65])
{
	struct pubkey key;
	char id[33];

	if (!person_key(c, user, &key))
		return false;
	seal_peer_id(id, &key);
	key_hex(hex, &key);
	*box = box_of(id);
	return true;
}

static void say_list(struct center *c, const struct desk *d,
		     const struct packet *to, struct buf *lines)
{
	desk_say(c, d->link,
		 &(struct packet){.verb = CENTER_LIST,
				  .ref = to->ref,
				  .text = {lines->p, lines->n}});
	lines->n = 0;
}

/* A line each, "user key", in as many packets as it takes; then OKAY. */
void people_online(struct center *c, struct desk *d, const struct packet *p)
{
	struct buf lines = {0};

	for (size_t i = 0; i < DESK_BUCKETS; i++)
		for (struct person *who = c->person[i]; who; who = who->next) {
			if (lines.n > LIST_BYTES)
				say_list(c, d, p, &lines);
			buf_printf(&lines, "%s%s %s", lines.n ? "\n" : "",
				   who->user, who->key);
		}
	if (lines.n)
		say_list(c, d, p, &lines);
	desk_answer(c, d, p, CENTER_OKAY, NULL);
	buf_free(&lines);
}

/* ---- blocking ---- */

static bool in_list(const struct desk_blocks *l, const char *who)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->name[i], who) == 0)
			return true;
	return false;
}

bool people_blocked(struct center *c, const char *user, const char *who)
{
	struct center_acct *a = xmalloc(sizeof(*a));
	uint64_t rev;
	enum err err =
	    who[0] ? c->b->acct_get(c->b, user, a, &rev) : ERR_ABSENT;
	/* not known: to be on the safe side */
	bool is = err && err != ERR_ABSENT;

	if (!err)
		for (size_t i = 0; i < a->n_blocked && !is; i++)
			is = strcmp(a->blocked[i], who) == 0;
	free(a);
	return is;
}

void people_blocks(struct desk *d, const struct center_acct *a)
{
	struct desk_blocks *l = &d->blocks;

	free(l->name);
	l->name = NULL;
	l->n = a->n_blocked;
	if (!l->n)
		return;
	l->name = xmalloc(l->n * sizeof(l->name[0]));
	memcpy(l->name, a->blocked, l->n * sizeof(l->name[0]));
}

static bool block_change(struct center_acct *a, const char *who, bool block)
{
	size_t i = 0;

	while (i < a->n_blocked && strcmp(a->blocked[i], who) != 0)
		i++;
	if ((i < a->n_blocked) == block)
		return false;
	if (!block)
		memmove(a->blocked[i], a->blocked[i + 1],
			(--a->n_blocked - i) * sizeof(a->blocked[0]));
	else if (a->n_blocked < CENTER_BLOCKS_MAX)
		snprintf(a->blocked[a->n_blocked++], CENTER_NAME_MAX + 1, "%s",
			 who);
	else
		return false;
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
		if (err || !block_change(a, who, block))
			break;
		err = desk_may(c, d, p, BLOCK_COST)
			  ? c->b->acct_put(c->b, d->user, a, rev, NULL)
			  : ERR_LIMIT;
	}
	if (err == ERR_LIMIT) {
		free(a);
		return;
	}
	if (!err)
		people_blocks(d, a);
	if (!err && block != in_list(&d->blocks, who))
		err = ERR_FULL;
	desk_answer(c, d, p, err ? CENTER_FAIL : CENTER_OKAY,
		    err == ERR_FULL ? "the list of blocked users is full"
		    : err           ? "not changed"
				    : NULL);
	free(a);
}

/* ---- one to all ---- */

void people_broadcast(struct center *c, struct desk *d, const struct packet *p)
{
	if (!p->text.n || p->text.n > TEXT_MAX) {
		desk_answer(c, d, p, CENTER_FAIL, "nothing was said");
		return;
	}
	if (c->now_ms - d->broadcast_ms < BROADCAST_MS) {
		desk_answer(c, d, p, CENTER_FAIL, "one in ten seconds");
		return;
	}
	if (!note_send(c, "text", d->user, "", p->text)) {
		desk_later(c, d, p);
		return;
	}
	d->broadcast_ms = c->now_ms;
	desk_answer(c, d, p, CENTER_OKAY, NULL);
}

/* ---- addresses ---- */

static struct ask *ask_find(struct center *c, const char *from, const char *to)
{
	for (size_t i = 0; i < c->n_ask; i++)
		if (!strcmp(c->ask[i].from, from) && !strcmp(c->ask[i].to, to))
			return &c->ask[i];
	return NULL;
}

/* One who asks all gives up his own questions, not those of others. */
static void ask_room(struct center *c, const char *from)
{
	size_t n = 0, first = 0;

	for (size_t i = c->n_ask; i-- > 0;) {
		if (strcmp(c->ask[i].from, from) != 0)
			continue;
		n++;
		first = i;
	}
	if (n < ASKS_EACH && c->n_ask < ASKS_MAX)
		return;
	if (n < ASKS_EACH)
		first = 0;
	memmove(c->ask + first, c->ask + first + 1,
		(--c->n_ask - first) * sizeof(c->ask[0]));
}

/* False: that was asked already, and is still good. */
static bool ask_note(struct center *c, const char *from, const char *to)
{
	struct ask *a = ask_find(c, from, to);

	if (a && a->until_ms >= c->now_ms)
		return false;
	if (!a) {
		ask_room(c, from);
		a = &c->ask[c->n_ask++];
		snprintf(a->from, sizeof(a->from), "%s", from);
		snprintf(a->to, sizeof(a->to), "%s", to);
	}
	a->until_ms = c->now_ms + CONSENT_MS;
	return true;
}

void people_get(struct center *c, struct desk *d, const struct packet *p)
{
	char who[CENTER_NAME_MAX + 1];

	/* who blocks us looks as if he were not there */
	if (!word_get(p, 0, who) || !person_of(c, who) ||
	    !strcmp(who, d->user) || people_blocked(c, who, d->user)) {
		desk_answer(c, d, p, CENTER_FAIL, "cannot be found");
		return;
	}
	if (note_send(c, "wants", d->user, who, (struct bytes){0}))
		desk_answer(c, d, p, CENTER_OKAY, "Request has been sent.");
	else
		desk_later(c, d, p);
}

static unsigned port_of(const struct packet *p)
{
	unsigned port = 0;

	for (size_t i = 0; p->n_words > 1 && i < p->word[1].n && i < 6; i++)
		port = port * 10 + (p->word[1].p[i] - '0') % 10u;
	return port <= 65535 ? port : 0;
}

/* Whoever asked hears the key, and the address that the link comes from with
 * the port that was said. */
void people_allow(struct center *c, struct desk *d, const struct packet *p)
{
	char who[CENTER_NAME_MAX + 1], text[ADDR_TEXT + 66];
	struct addr at = d->at;
	struct ask *a = NULL;

	if (word_get(p, 0, who))
		a = ask_find(c, who, d->user);
	if (!a || a->until_ms < c->now_ms) {
		desk_answer(c, d, p, CENTER_FAIL, "nobody of that name asked");
		return;
	}
	if (!person_of(c, who)) {
		desk_answer(c, d, p, CENTER_FAIL,
			    "has gone offline. Please allow access when they "
			    "are online again.");
		return;
	}
	key_hex(text, &d->key);
	at.port = (uint16_t)port_of(p);
	if (at.port) {
		text[64] = ' ';
		addr_text(text + 65, &at);
	}
	if (!note_send(c, "address", d->user, who, desk_view(text))) {
		desk_later(c, d, p);
		return;
	}
	*a = c->ask[--c->n_ask];
	desk_answer(c, d, p, CENTER_OKAY, NULL);
}

/* ---- what nodes tell each other ---- */

static void say_note(struct center *c, const struct desk *d,
		     enum center_verb verb, const struct note *n)
{
	struct packet p = {
	    .verb = verb, .n_words = 1, .word = {desk_view(n->field[1])}};
	const uint8_t *blank =
	    n->text.n ? memchr(n->text.p, ' ', n->text.n) : NULL;
	size_t first = blank ? (size_t)(blank - n->text.p) : n->text.n;

	if (verb == CENTER_TEXT) {
		p.text = n->text;
	} else if (verb == CENTER_ADR) {
		p.word[p.n_words++] = (struct bytes){n->text.p, first};
		if (blank)
			p.word[p.n_words++] =
			    (struct bytes){blank + 1, n->text.n - first - 1};
	}
	desk_say(c, d->link, &p);
}

/* To one user, wherever he is; or to all (to ""); not to whom it would come
 * from somebody he blocks. */
void people_told(struct center *c, const struct note *n)
{
	const char *from = n->field[1], *to = n->field[2];
	enum center_verb verb = !strcmp(n->field[0], "text")    ? CENTER_TEXT
				: !strcmp(n->field[0], "wants") ? CENTER_WANTS
								: CENTER_ADR;

	if (verb == CENTER_WANTS && !ask_note(c, from, to))
		return;
	EACH_DESK(c, d)
	{
		if (d->user[0] && strcmp(d->user, from) != 0 &&
		    (!to[0] || strcmp(d->user, to) == 0) &&
		    !in_list(&d->blocks, from))
			say_note(c, d, verb, n);
	}
}
