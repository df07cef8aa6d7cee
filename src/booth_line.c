#include "src/booth_impl.h"
#include <stdlib.h>

/* A connection that neither came about nor failed is given up. */
static const int64_t LOST_US = 40 * SECOND_US;

struct line *line_new(struct booth *b, const struct addr *at, struct member *of)
{
	struct line *l;

	if (b->n_lines == LINES_MAX)
		return NULL;
	l = xzalloc(sizeof(*l));
	l->at = *at;
	l->of = of;
	memcpy(l->user, of->user, sizeof(l->user));
	if (b->line_last)
		b->line_last->next = l;
	else
		b->line = l;
	b->line_last = l;
	b->n_lines++;
	return l;
}

static void unlink_line(struct booth *b, struct line *l)
{
	struct line **p = &b->line, *before = NULL;

	while (*p != l) {
		before = *p;
		p = &before->next;
	}
	*p = l->next;
	if (b->line_last == l)
		b->line_last = before;
	l->next = NULL;
}

static struct push *pop(struct line *l)
{
	struct push *u = l->first;

	l->first = u->next;
	if (!l->first)
		l->last = NULL;
	l->n--;
	return u;
}

static void ground(struct booth *b, struct line *l)
{
	b->n_flying -= l->flight != 0;
	l->flight = 0;
}

static void line_drop(struct booth *b, struct line *l)
{
	ground(b, l);
	unlink_line(b, l);
	b->n_lines--;
	if (l->of)
		l->of->line = NULL;
	free(l);
}

/* ---- going ---- */

static void go(struct booth *b, struct line *l)
{
	if (l->flight || !l->first || b->n_flying == FLYING_MAX)
		return;
	l->flight = ++b->last_flight;
	l->since_us = b->now_us;
	b->n_flying++;
	effects_put(b->fx, &(struct effect){.kind = FX_DIAL,
					    .dialect = &dialect_center,
					    .at = l->at,
					    .contact = l->flight,
					    .packet = &l->first->p});
}

/* Whoever waits longest is first in the list: who was served goes behind. */
static void go_on(struct booth *b, struct line *served)
{
	unlink_line(b, served);
	if (b->line_last)
		b->line_last->next = served;
	else
		b->line = served;
	b->line_last = served;
	for (struct line *l = b->line; l && b->n_flying < FLYING_MAX;
	     l = l->next)
		go(b, l);
}

static void line_over(struct booth *b, struct line *l)
{
	ground(b, l);
	if (!l->of && !l->first) {
		line_drop(b, l);
		return;
	}
	go_on(b, l);
}

/* ---- putting ---- */

static struct bytes place(uint8_t **at, struct bytes s)
{
	struct bytes there = {*at, s.n};

	if (s.n)
		memcpy(*at, s.p, s.n);
	*at += s.n;
	return there;
}

static struct push *push_new(const struct packet *p)
{
	size_t n = p->text.n + p->peer.n;
	struct push *u;

	for (size_t i = 0; i < p->n_words; i++)
		n += p->word[i].n;
	u = xzalloc(sizeof(*u) + n);
	u->p = *p;
	uint8_t *at = u->room;
	u->p.text = place(&at, p->text);
	u->p.peer = place(&at, p->peer);
	for (size_t i = 0; i < p->n_words; i++)
		u->p.word[i] = place(&at, p->word[i]);
	return u;
}

bool line_put(struct booth *b, struct line *l, const struct packet *p,
	      bool keep, uint64_t upto)
{
	struct push *u;

	if (l->n == LINE_MAX || dialect_check(&dialect_center, p))
		return false;
	u = push_new(p);
	u->keep = keep;
	u->upto = upto;
	if (l->last)
		l->last->next = u;
	else
		l->first = u;
	l->last = u;
	l->n++;
	go(b, l);
	return true;
}

/* Texts are kept until something is heard of him; what else there was is old
 * by then. */
static void give_back(struct booth *b, struct line *l)
{
	while (l->first) {
		struct push *u = pop(l);
		if (u->keep)
			talk_missed(b, l->user, &u->p);
		if (u->upto && l->of)
			talk_again(l->of);
		free(u);
	}
}

/* What is on its way stays; what waits was for whoever is elsewhere now. */
void line_leave(struct booth *b, struct line *l, const struct packet *last)
{
	struct push *flying = l->flight ? pop(l) : NULL;

	give_back(b, l);
	if (flying) {
		flying->next = NULL;
		l->first = l->last = flying;
		l->n = 1;
	}
	if (l->of)
		l->of->line = NULL;
	l->of = NULL;
	if (last)
		(void)line_put(b, l, last, false, 0);
	if (!l->first)
		line_drop(b, l);
}

void line_end(struct booth *b, struct line *l)
{
	give_back(b, l);
	line_drop(b, l);
}

/* ---- what became of it ---- */

/* NULL also when it landed: its end is heard of then, too. */
static struct line *line_find(const struct booth *b, contact_id flight)
{
	struct line *l = b->line;

	while (l && l->flight != flight)
		l = l->next;
	return l;
}

/* It took the frame with the connection; there is no answer to wait for. */
void line_landed(struct booth *b, contact_id flight, link_id link)
{
	struct line *l = line_find(b, flight);
	struct push *u;

	effects_put(b->fx, &(struct effect){.kind = FX_CLOSE, .link = link});
	if (!l)
		return;
	u = pop(l);
	if (u->upto)
		talk_taken(b, l->user, u->upto);
	free(u);
	line_over(b, l);
}

void line_missed(struct booth *b, contact_id flight)
{
	struct line *l = line_find(b, flight);

	if (!l)
		return;
	if (l->of)
		l->of->deaf = true;
	give_back(b, l);
	line_over(b, l);
}

void line_tick(struct booth *b)
{
	for (struct line *l = b->line, *next; l; l = next) {
		next = l->next;
		if (l->flight && b->now_us - l->since_us > LOST_US)
			line_missed(b, l->flight);
	}
}
