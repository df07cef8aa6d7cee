#include "src/core_impl.h"
#include <assert.h>
#include <stdlib.h>

/* ---- a table: open addressing, linear probing, slots closed up ---- */

uint64_t hash_number(uint64_t n) /* splitmix64 */
{
	n += UINT64_C(0x9e3779b97f4a7c15);
	n = (n ^ n >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	n = (n ^ n >> 27) * UINT64_C(0x94d049bb133111eb);
	return n ^ n >> 31;
}

static uint64_t first_eight(const uint8_t *p)
{
	uint64_t n;

	memcpy(&n, p, sizeof(n));
	return hash_number(n);
}

uint64_t hash_key(const struct pubkey *k)
{
	return first_eight(k->b);
}

uint64_t hash_uuid(struct uuid id) /* the second half is the random one */
{
	return first_eight(id.b + 8) ^ first_eight(id.b);
}

uint64_t hash_hex(const char *hex)
{
	uint64_t n = 0;

	for (int i = 0; i < 16 && hex[i]; i++)
		n = n * 31 + (uint8_t)hex[i];
	return hash_number(n);
}

static void slot_put(struct table *t, uint64_t key, void *value)
{
	size_t i = key & (t->cap - 1);

	while (t->slot[i].value)
		i = (i + 1) & (t->cap - 1);
	t->slot[i].key = key;
	t->slot[i].value = value;
}

static void table_grow(struct table *t)
{
	struct table old = *t;

	t->cap = old.cap ? old.cap * 2 : 16;
	t->slot = xmalloc(t->cap * sizeof(*t->slot));
	memset(t->slot, 0, t->cap * sizeof(*t->slot));
	for (size_t i = 0; i < old.cap; i++)
		if (old.slot[i].value)
			slot_put(t, old.slot[i].key, old.slot[i].value);
	free(old.slot);
}

void table_put(struct table *t, uint64_t key, void *value)
{
	if ((t->n + 1) * 4 > t->cap * 3)
		table_grow(t);
	slot_put(t, key, value);
	t->n++;
}

void *table_find(const struct table *t, uint64_t key, size_t *i)
{
	if (!t->cap)
		return NULL;
	/* *i: 0, or one more than the distance of the last one found. */
	for (;; (*i)++) {
		struct table_slot *s = &t->slot[(key + *i) & (t->cap - 1)];
		if (!s->value)
			return NULL;
		if (s->key == key) {
			(*i)++;
			return s->value;
		}
	}
}

/* Moves back what would not be found past the free slot. */
static void close_up(struct table *t, size_t hole)
{
	size_t mask = t->cap - 1;

	for (size_t i = (hole + 1) & mask; t->slot[i].value;
	     i = (i + 1) & mask) {
		size_t home = t->slot[i].key & mask;
		if (((i - home) & mask) < ((i - hole) & mask))
			continue;
		t->slot[hole] = t->slot[i];
		t->slot[i].value = NULL;
		hole = i;
	}
}

void table_remove(struct table *t, uint64_t key, const void *value)
{
	if (!t->cap)
		return;
	for (size_t i = key & (t->cap - 1); t->slot[i].value;
	     i = (i + 1) & (t->cap - 1)) {
		if (t->slot[i].value != value || t->slot[i].key != key)
			continue;
		t->slot[i].value = NULL;
		t->n--;
		close_up(t, i);
		return;
	}
}

void table_free(struct table *t)
{
	free(t->slot);
	*t = (struct table){0};
}

/* ---- timers: a heap that knows where each of them is ---- */

static void heap_place(struct heap *h, size_t pos, struct timer *t)
{
	h->timer[pos] = t;
	t->pos = pos;
}

static void sift_up(struct heap *h, struct timer *t)
{
	size_t pos = t->pos;

	for (; pos > 1 && h->timer[pos / 2]->at > t->at; pos /= 2)
		heap_place(h, pos, h->timer[pos / 2]);
	heap_place(h, pos, t);
}

static void sift_down(struct heap *h, struct timer *t)
{
	size_t pos = t->pos;

	for (size_t child; (child = pos * 2) <= h->n; pos = child) {
		if (child < h->n &&
		    h->timer[child + 1]->at < h->timer[child]->at)
			child++;
		if (h->timer[child]->at >= t->at)
			break;
		heap_place(h, pos, h->timer[child]);
	}
	heap_place(h, pos, t);
}

void timer_set(struct heap *h, struct timer *t, int64_t at)
{
	t->at = at;
	if (!t->pos) {
		if (h->n + 1 >= h->cap) {
			h->cap = h->cap * 2 + 16;
			h->timer =
			    xrealloc(h->timer, h->cap * sizeof(*h->timer));
		}
		heap_place(h, ++h->n, t);
	}
	sift_up(h, t);
	sift_down(h, t);
}

void timer_stop(struct heap *h, struct timer *t)
{
	size_t pos = t->pos;

	if (!pos)
		return;
	t->pos = 0;
	struct timer *last = h->timer[h->n--];
	if (last == t)
		return;
	heap_place(h, pos, last);
	sift_up(h, last);
	sift_down(h, last);
}

struct timer *timer_due(struct heap *h, int64_t mono_us)
{
	if (!h->n || h->timer[1]->at > mono_us)
		return NULL;
	struct timer *t = h->timer[1];
	timer_stop(h, t);
	return t;
}

int64_t heap_first(const struct heap *h)
{
	return h->n ? h->timer[1]->at : NEVER;
}
