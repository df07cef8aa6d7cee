#include "src/batch.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct batch *batch_new(ticket t, unsigned generation)
{
	struct batch *b = xmalloc(sizeof(*b));

	*b = (struct batch){.ticket = t, .generation = generation};
	atomic_init(&b->owners, 1);
	return b;
}

void batch_free(struct batch *b)
{
	if (!b || atomic_fetch_sub(&b->owners, 1) > 1)
		return;
	free(b->block);
	free(b->slot);
	free(b);
}

unsigned batch_generation(const struct batch *b)
{
	return b->generation;
}

ticket batch_ticket(const struct batch *b)
{
	return b->ticket;
}

size_t batch_rows(const struct batch *b)
{
	return b->n_rows;
}

void *batch_add(struct batch *b, enum op op, size_t size)
{
	size = (size + 7) & ~(size_t)7;
	if (b->cap - b->len < size) {
		b->cap = b->cap * 2 > b->len + size ? b->cap * 2
						    : b->len + size + 1024;
		b->block = xrealloc(b->block, b->cap);
	}
	struct rec *r = (struct rec *)(void *)(b->block + b->len);
	memset(r, 0, size);
	r->size = (uint32_t)size;
	r->op = op;
	b->len += size;
	assert(b->len < UINT32_MAX);
	return r;
}

const struct rec *batch_next(const struct batch *b, const struct rec *r)
{
	const uint8_t *p = r ? (const uint8_t *)r + r->size : b->block;

	if (!b->len || p == b->block + b->len)
		return NULL;
	return (const struct rec *)(const void *)p;
}

/* ---- the index: open addressing, no deletion ---- */

/* FNV-1a with a seed that nobody outside knows and a final mix. */
static uint32_t hash_bytes(struct bytes s, uint32_t seed)
{
	uint32_t h = 2166136261u ^ seed;

	for (size_t i = 0; i < s.n; i++)
		h = (h ^ s.p[i]) * 16777619u;
	h ^= h >> 15;
	h *= 2246822519u;
	return h ^ h >> 13;
}

static uint32_t hash_n(message_n n, uint32_t seed)
{
	return hash_bytes((struct bytes){(const uint8_t *)&n, sizeof(n)}, seed);
}

static void index_put(struct batch *b, struct slot new);

static void index_grow(struct batch *b)
{
	struct slot *old = b->slot;
	size_t n_old = b->n_slots;

	b->n_slots = n_old ? n_old * 2 : 16;
	b->n_used = 0;
	b->slot = xmalloc(b->n_slots * sizeof(*b->slot));
	memset(b->slot, 0, b->n_slots * sizeof(*b->slot));
	for (size_t i = 0; i < n_old; i++)
		if (old[i].at)
			index_put(b, old[i]);
	free(old);
}

static void index_put(struct batch *b, struct slot new)
{
	if (b->n_used * 4 >= b->n_slots * 3)
		index_grow(b);
	size_t i = new.hash &(b->n_slots - 1);
	while (b->slot[i].at)
		i = (i + 1) & (b->n_slots - 1);
	b->slot[i] = new;
	b->n_used++;
}

static const struct rec_message *record_at(const struct batch *b, uint32_t at)
{
	return (const struct rec_message *)(const void *)(b->block + at - 1);
}

static bool same_bytes(struct bytes a, struct bytes b)
{
	return a.n == b.n && memcmp(a.p, b.p, a.n) == 0;
}

static bool key_fits(const struct rec_message *r, const struct batch_key *key)
{
	struct bytes id = {r->id.b, sizeof(r->id.b)};

	switch (key->by) {
	case BY_N:
		return r->rec.op == OP_UPDATE && r->n == key->n;
	case BY_ID:
		return r->rec.op == OP_MESSAGE && r->with == key->with &&
		       same_bytes(id, key->bytes);
	case BY_DEDUPE:
		return r->rec.op == OP_MESSAGE && r->with == key->with &&
		       r->incoming &&
		       same_bytes(batch_parts(r).dedupe, key->bytes);
	}
	return false;
}

const struct rec_message *batch_find(const struct batch *b,
				     const struct batch_key *key, uint32_t seed)
{
	if (!b->n_slots)
		return NULL;
	uint32_t hash = key->by == BY_N ? hash_n(key->n, seed)
					: hash_bytes(key->bytes, seed);
	size_t mask = b->n_slots - 1;
	for (size_t i = hash & mask; b->slot[i].at; i = (i + 1) & mask) {
		if (b->slot[i].hash != hash)
			continue;
		const struct rec_message *r = record_at(b, b->slot[i].at);
		if (key_fits(r, key))
			return r;
	}
	return NULL;
}

/* ---- messages ---- */

static struct bytes text_view(const char *s)
{
	return (struct bytes){(const uint8_t *)s, s ? strlen(s) : 0};
}

static uint8_t *append(uint8_t *p, struct bytes s)
{
	if (s.n)
		memcpy(p, s.p, s.n);
	return p + s.n;
}

static void message_fixed(struct rec_message *r, const struct message *m)
{
	r->n = m->n;
	r->with = m->with;
	r->seq = m->seq;
	r->sent_ms = m->sent_ms;
	r->stored_ms = m->stored_ms;
	r->acked_ms = m->acked_ms;
	r->rtt_us = m->rtt_us;
	r->next_ms = m->next_ms;
	r->expire_ms = m->expire_ms;
	r->id = m->id;
	r->answers = m->answers;
	memcpy(r->epoch, m->epoch, sizeof(r->epoch));
	r->from = m->from;
	r->to = m->to;
	r->tries = m->tries;
	r->delivery = (uint8_t)m->delivery;
	r->incoming = m->incoming;
	r->secure = m->secure;
	r->held = m->held;
	r->has_quote = m->quote != NULL;
	r->has_error = m->error != NULL;
}

static void message_put(struct batch *b, enum op op, const struct message *m,
			const struct message_parts *v)
{
	struct rec_message *r = batch_add(
	    b, op,
	    sizeof(*r) + v->dedupe.n + v->stamp.n + v->ack_stamp.n +
		v->quote_stamp.n + v->error.n + v->text.n + v->quote.n);

	message_fixed(r, m);
	r->n_dedupe = (uint8_t)v->dedupe.n;
	r->n_stamp = (uint8_t)v->stamp.n;
	r->n_ack_stamp = (uint8_t)v->ack_stamp.n;
	r->n_quote_stamp = (uint8_t)v->quote_stamp.n;
	r->n_error = (uint32_t)v->error.n;
	r->n_text = (uint32_t)v->text.n;
	r->n_quote = (uint32_t)v->quote.n;
	uint8_t *p = (uint8_t *)(r + 1);
	p = append(p, v->dedupe);
	p = append(p, v->stamp);
	p = append(p, v->ack_stamp);
	p = append(p, v->quote_stamp);
	p = append(p, v->error);
	p = append(p, v->text);
	append(p, v->quote);
}

/* An update of a row that has one already in this batch takes its place. */
static void overtake(struct batch *b, message_n n, uint32_t seed)
{
	struct batch_key key = {.by = BY_N, .n = n};
	const struct rec_message *old = batch_find(b, &key, seed);

	if (!old)
		return;
	size_t at = (size_t)((const uint8_t *)old - b->block);
	((struct rec *)(void *)(b->block + at))->op = OP_NONE;
}

void batch_message(struct batch *b, enum op op, const struct message *m,
		   uint32_t seed)
{
	struct message_parts v = {
	    .stamp = text_view(m->stamp),
	    .ack_stamp = text_view(m->ack_stamp),
	    .error = text_view(m->error),
	};
	uint32_t at = (uint32_t)b->len + 1;
	struct bytes id = {m->id.b, sizeof(m->id.b)};

	b->n_rows++;
	if (op == OP_UPDATE) {
		overtake(b, m->n, seed);
		message_put(b, op, m, &v);
		index_put(b, (struct slot){hash_n(m->n, seed), at});
		return;
	}
	assert(m->n_dedupe <= sizeof(m->dedupe));
	v.dedupe = (struct bytes){m->dedupe, m->n_dedupe};
	v.quote_stamp = text_view(m->quote_stamp);
	v.text = text_view(m->text);
	v.quote = text_view(m->quote);
	message_put(b, op, m, &v);
	index_put(b, (struct slot){hash_bytes(id, seed), at});
	if (v.dedupe.n && !same_bytes(v.dedupe, id))
		index_put(b, (struct slot){hash_bytes(v.dedupe, seed), at});
}

static struct bytes take(const uint8_t **p, size_t n)
{
	struct bytes s = {*p, n};

	*p += n;
	return s;
}

struct message_parts batch_parts(const struct rec_message *r)
{
	const uint8_t *p = (const uint8_t *)(r + 1);
	struct message_parts v;

	v.dedupe = take(&p, r->n_dedupe);
	v.stamp = take(&p, r->n_stamp);
	v.ack_stamp = take(&p, r->n_ack_stamp);
	v.quote_stamp = take(&p, r->n_quote_stamp);
	v.error = take(&p, r->n_error);
	v.text = take(&p, r->n_text);
	v.quote = take(&p, r->n_quote);
	return v;
}

static void stamp_copy(char out[static STAMP_MAX + 1], struct bytes s)
{
	memcpy(out, s.p, s.n);
	out[s.n] = 0;
}

void batch_apply(const struct rec_message *r, struct message *m)
{
	struct message_parts v = batch_parts(r);

	m->seq = r->seq;
	memcpy(m->epoch, r->epoch, sizeof(m->epoch));
	m->sent_ms = r->sent_ms;
	m->stored_ms = r->stored_ms;
	m->acked_ms = r->acked_ms;
	m->rtt_us = r->rtt_us;
	m->next_ms = r->next_ms;
	m->expire_ms = r->expire_ms;
	m->from = r->from;
	m->to = r->to;
	m->tries = r->tries;
	m->delivery = (enum delivery)r->delivery;
	m->secure = r->secure;
	m->held = r->held;
	stamp_copy(m->stamp, v.stamp);
	stamp_copy(m->ack_stamp, v.ack_stamp);
	free(m->error);
	m->error = r->has_error ? xstrndup(v.error) : NULL;
}

struct message *batch_copy(const struct rec_message *r)
{
	struct message *m = xmalloc(sizeof(*m));
	struct message_parts v = batch_parts(r);

	*m = (struct message){
	    .n = r->n,
	    .with = r->with,
	    .incoming = r->incoming,
	    .id = r->id,
	    .n_dedupe = v.dedupe.n,
	    .answers = r->answers,
	};
	memcpy(m->dedupe, v.dedupe.p, v.dedupe.n);
	stamp_copy(m->quote_stamp, v.quote_stamp);
	m->text = xstrndup(v.text);
	m->quote = r->has_quote ? xstrndup(v.quote) : NULL;
	batch_apply(r, m);
	return m;
}

bool batch_open(const struct rec_message *r)
{
	return !r->incoming &&
	       (r->delivery == D_QUEUED || r->delivery == D_SENT ||
		r->delivery == D_STORED);
}
