#include "src/people.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* ---- marks ---- */

static size_t range_holding(const struct marks *m, uint64_t seq)
{
	size_t i = 0;

	while (i < m->n_ahead && m->ahead[i].to < seq)
		i++;
	return i;
}

bool marks_had(const struct marks *m, uint64_t seq)
{
	if (seq <= m->upto)
		return true;
	size_t i = range_holding(m, seq);
	return i < m->n_ahead && m->ahead[i].from <= seq;
}

static void ahead_remove(struct marks *m, size_t at, size_t n)
{
	m->n_ahead -= n;
	memmove(m->ahead + at, m->ahead + at + n,
		(m->n_ahead - at) * sizeof(*m->ahead));
	if (m->n_ahead)
		return;
	free(m->ahead);
	m->ahead = NULL;
}

static void ahead_insert(struct marks *m, size_t at, struct range r)
{
	m->ahead = xrealloc(m->ahead, (m->n_ahead + 1) * sizeof(*m->ahead));
	memmove(m->ahead + at + 1, m->ahead + at,
		(m->n_ahead - at) * sizeof(*m->ahead));
	m->ahead[at] = r;
	m->n_ahead++;
}

/* The lowest range joins the mark. */
static void ahead_join(struct marks *m)
{
	m->upto = m->ahead[0].to;
	ahead_remove(m, 0, 1);
}

void marks_add(struct marks *m, uint64_t from, uint64_t to)
{
	if (to > INT64_MAX) /* columns and JSON hold no more */
		to = INT64_MAX;
	if (from > to || to <= m->upto)
		return;
	if (from <= m->upto + 1) {
		m->upto = to;
	} else {
		/* All that touch [from, to] become one with it. */
		size_t at = range_holding(m, from - 1), end = at;
		while (end < m->n_ahead && m->ahead[end].from <= to + 1) {
			if (m->ahead[end].from < from)
				from = m->ahead[end].from;
			if (m->ahead[end].to > to)
				to = m->ahead[end].to;
			end++;
		}
		if (end > at) {
			m->ahead[at] = (struct range){from, to};
			ahead_remove(m, at + 1, end - at - 1);
		} else {
			ahead_insert(m, at, (struct range){from, to});
		}
	}
	while (m->n_ahead && m->ahead[0].to <= m->upto)
		ahead_remove(m, 0, 1);
	if (m->n_ahead && m->ahead[0].from <= m->upto + 1)
		ahead_join(m);
	if (m->n_ahead > BATCH_RANGES_MAX)
		ahead_join(m);
}

size_t marks_missing(const struct marks *m, struct range *out, size_t max)
{
	uint64_t next = m->upto + 1;
	size_t n = 0;

	for (size_t i = 0; i < m->n_ahead && n < max; i++) {
		out[n++] = (struct range){next, m->ahead[i].from - 1};
		next = m->ahead[i].to + 1;
	}
	return n;
}

void marks_copy(struct marks *to, const struct marks *from)
{
	*to = *from;
	if (!from->n_ahead)
		return;
	to->ahead = xmalloc(from->n_ahead * sizeof(*to->ahead));
	memcpy(to->ahead, from->ahead, from->n_ahead * sizeof(*to->ahead));
}

void marks_free(struct marks *m)
{
	free(m->ahead);
	*m = (struct marks){0};
}

/* ---- people ---- */

/* Where an id is or would be. */
static size_t place(const struct people *all, contact_id id)
{
	size_t low = 0, high = all->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (all->by_id[mid]->row.shown.id < id)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

struct person *people_find(const struct people *all, contact_id id)
{
	size_t i = place(all, id);

	if (i == all->n || all->by_id[i]->row.shown.id != id)
		return NULL;
	return all->by_id[i];
}

struct person *people_after(const struct people *all, contact_id after)
{
	size_t i = after == INT64_MAX ? all->n : place(all, after + 1);

	return i == all->n ? NULL : all->by_id[i];
}

static bool same_one(const struct contact *a, const struct contact *b)
{
	if (strcmp(a->dialect, b->dialect) != 0)
		return false;
	if (pubkey_none(&a->key) != pubkey_none(&b->key))
		return false;
	if (!pubkey_none(&a->key))
		return memcmp(&a->key, &b->key, sizeof(a->key)) == 0;
	return strcmp(a->ident, b->ident) == 0;
}

struct person *people_same(const struct people *all, const struct contact *c)
{
	for (size_t i = 0; i < all->n; i++)
		if (same_one(&all->by_id[i]->row.shown, c))
			return all->by_id[i];
	return NULL;
}

struct person *people_add(struct people *all, contact_id id)
{
	struct person *p = xmalloc(sizeof(*p));
	size_t at = place(all, id);

	*p = (struct person){.row.shown.id = id};
	if (all->n == all->cap) {
		all->cap = all->cap ? all->cap * 2 : 8;
		all->by_id =
		    xrealloc(all->by_id, all->cap * sizeof(struct person *));
	}
	memmove(all->by_id + at + 1, all->by_id + at,
		(all->n - at) * sizeof(struct person *));
	all->by_id[at] = p;
	all->n++;
	return p;
}

static void person_free(struct person *p)
{
	marks_free(&p->live);
	marks_free(&p->settled);
	free(p->address);
	free(p->draft);
	free(p);
}

static void forget_dirty(struct people *all, const struct person *p)
{
	struct person **link = &all->dirty;

	while (*link && *link != p)
		link = &(*link)->next_dirty;
	if (*link)
		*link = p->next_dirty;
}

void people_drop(struct people *all, struct person *p)
{
	size_t at = place(all, p->row.shown.id);

	assert(at < all->n && all->by_id[at] == p);
	forget_dirty(all, p);
	all->n--;
	memmove(all->by_id + at, all->by_id + at + 1,
		(all->n - at) * sizeof(struct person *));
	person_free(p);
}

void people_clear(struct people *all)
{
	for (size_t i = 0; i < all->n; i++)
		person_free(all->by_id[i]);
	free(all->by_id);
	*all = (struct people){0};
}

void people_touch(struct people *all, struct person *p, unsigned how)
{
	if (!p->dirty) {
		p->next_dirty = all->dirty;
		all->dirty = p;
	}
	p->dirty |= how;
}

/* ---- one of them ---- */

const struct marks *person_marks(struct person *p, ticket durable)
{
	if (p->unsettled && p->changed <= durable) {
		marks_free(&p->settled);
		p->unsettled = false;
	}
	return p->unsettled ? &p->settled : &p->live;
}

void person_heard(struct person *p, const uint8_t epoch[static 8],
		  const struct range *seq, size_t n, ticket now, ticket durable)
{
	if (memcmp(epoch, p->past, sizeof(p->past)) == 0)
		return;
	person_marks(p, durable);
	if (!p->unsettled)
		marks_copy(&p->settled, &p->live);
	p->unsettled = true;
	p->changed = now;
	if (memcmp(epoch, p->live.epoch, sizeof(p->live.epoch)) != 0) {
		memcpy(p->past, p->live.epoch, sizeof(p->past));
		marks_free(&p->live);
		memcpy(p->live.epoch, epoch, sizeof(p->live.epoch));
	}
	for (size_t i = 0; i < n; i++)
		marks_add(&p->live, seq[i].from, seq[i].to);
}

struct address_row *person_address(struct person *p, const char *host,
				   uint16_t port)
{
	for (size_t i = 0; i < p->n_addresses; i++) {
		struct address_row *a = &p->address[i];
		if (a->port == port && strcmp(a->host, host) == 0)
			return a;
	}
	return NULL;
}

void person_address_put(struct person *p, const struct address_row *a)
{
	struct address_row *old = person_address(p, a->host, a->port);

	if (!old) {
		p->address = xrealloc(p->address, (p->n_addresses + 1) *
						      sizeof(*p->address));
		old = &p->address[p->n_addresses++];
	}
	*old = *a;
	old->contact = p->row.shown.id;
}

void person_address_drop(struct person *p, struct address_row *a)
{
	size_t at = (size_t)(a - p->address);

	p->n_addresses--;
	memmove(a, a + 1, (p->n_addresses - at) * sizeof(*a));
}
