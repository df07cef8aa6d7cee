#include "src/effect.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Effects lie in chunks, one behind the other, each with all it points to, so
 * that putting one is a copy and no malloc. A queue is a row of chunks; there
 * is one for each ticket that is waited for (a handful: the disk has at most
 * four batches on its way) and one for what waits for nothing. */
enum { CHUNK_USUAL = 32768, CHUNKS_KEPT = 16 };

struct chunk {
	struct chunk *next;
	size_t cap, len, read;
	max_align_t bytes[];
};
struct queued { /* begins each effect in a chunk */
	size_t size;
	struct effect effect;
};
struct fifo {
	ticket after;
	struct chunk *first, *last;
};
struct effects {
	ticket durable;
	struct fifo *fifo; /* by `after`, ascending */
	size_t n, cap;
	struct chunk *spare; /* of the usual size */
	size_t n_spare;
	struct chunk *lent; /* holds what effects_next gave out last */
};

struct effects *effects_new(void)
{
	struct effects *fx = xmalloc(sizeof(*fx));

	*fx = (struct effects){0};
	return fx;
}

static void chunk_drop(struct effects *fx, struct chunk *c)
{
	if (c->cap != CHUNK_USUAL || fx->n_spare == CHUNKS_KEPT) {
		free(c);
		return;
	}
	c->next = fx->spare;
	fx->spare = c;
	fx->n_spare++;
}

static void spare_trim(struct effects *fx, size_t keep)
{
	while (fx->n_spare > keep) {
		struct chunk *c = fx->spare;
		fx->spare = c->next;
		fx->n_spare--;
		free(c);
	}
}

void effects_drop(struct effects *fx)
{
	for (size_t i = 0; i < fx->n; i++) {
		for (struct chunk *c; (c = fx->fifo[i].first);) {
			fx->fifo[i].first = c->next;
			chunk_drop(fx, c);
		}
	}
	fx->n = 0;
	if (fx->lent)
		chunk_drop(fx, fx->lent);
	fx->lent = NULL;
}

void effects_free(struct effects *fx)
{
	if (!fx)
		return;
	effects_drop(fx);
	spare_trim(fx, 0);
	free(fx->fifo);
	free(fx);
}

static struct chunk *chunk_get(struct effects *fx, size_t size)
{
	struct chunk *c = fx->spare;

	if (size <= CHUNK_USUAL && c) {
		fx->spare = c->next;
		fx->n_spare--;
	} else {
		size_t cap = size <= CHUNK_USUAL ? CHUNK_USUAL : size;
		c = xmalloc(sizeof(*c) + cap);
		c->cap = cap;
	}
	c->next = NULL;
	c->len = c->read = 0;
	return c;
}

/* The queue for this ticket; what is durable already waits for nothing. */
static struct fifo *fifo_for(struct effects *fx, ticket after)
{
	size_t i = fx->n;

	if (after <= fx->durable)
		after = 0;
	while (i > 0 && fx->fifo[i - 1].after > after)
		i--;
	if (i > 0 && fx->fifo[i - 1].after == after)
		return &fx->fifo[i - 1];
	if (fx->n == fx->cap) {
		fx->cap = fx->cap * 2 + 8;
		fx->fifo = xrealloc(fx->fifo, fx->cap * sizeof(*fx->fifo));
	}
	memmove(&fx->fifo[i + 1], &fx->fifo[i],
		(fx->n - i) * sizeof(*fx->fifo));
	fx->n++;
	fx->fifo[i] = (struct fifo){.after = after};
	return &fx->fifo[i];
}

/* ---- copying: first the size of all that is pointed to, then the bytes ----
 */

static size_t bytes_size(struct bytes s)
{
	return flat_room(s.n);
}

static size_t packet_size(const struct packet *p)
{
	size_t n = flat_room(sizeof(*p));

	n += bytes_size(p->stamp) + bytes_size(p->orig_stamp) +
	     bytes_size(p->text) + bytes_size(p->quoted) + bytes_size(p->peer) +
	     bytes_size(p->key) + bytes_size(p->nick) + bytes_size(p->version) +
	     bytes_size(p->features) + bytes_size(p->prekey) +
	     bytes_size(p->center) + bytes_size(p->blob) +
	     bytes_size(p->seal_to) + bytes_size(p->frame);
	n += flat_room(p->n_ranges * sizeof(*p->ranges));
	n += flat_room(p->n_peers * sizeof(*p->peers));
	for (size_t i = 0; i < p->n_words; i++)
		n += bytes_size(p->word[i]);
	return n;
}

static size_t job_size(const struct job *j)
{
	return flat_room(sizeof(*j)) + flat_text_room(j->host) +
	       flat_text_room(j->query.text);
}

static void place_bytes(uint8_t **at, struct bytes *s)
{
	s->p = flat_bytes(at, s->p, s->n);
}

static const struct packet *place_packet(uint8_t **at, const struct packet *p)
{
	struct packet *copy = flat_bytes(at, p, sizeof(*p));

	place_bytes(at, &copy->stamp);
	place_bytes(at, &copy->orig_stamp);
	place_bytes(at, &copy->text);
	place_bytes(at, &copy->quoted);
	place_bytes(at, &copy->peer);
	place_bytes(at, &copy->key);
	place_bytes(at, &copy->nick);
	place_bytes(at, &copy->version);
	place_bytes(at, &copy->features);
	place_bytes(at, &copy->prekey);
	place_bytes(at, &copy->center);
	place_bytes(at, &copy->blob);
	place_bytes(at, &copy->seal_to);
	place_bytes(at, &copy->frame);
	copy->ranges =
	    flat_bytes(at, p->ranges, p->n_ranges * sizeof(*p->ranges));
	copy->peers = flat_bytes(at, p->peers, p->n_peers * sizeof(*p->peers));
	for (size_t i = 0; i < p->n_words; i++)
		place_bytes(at, &copy->word[i]);
	return copy;
}

static const struct job *place_job(uint8_t **at, const struct job *j)
{
	struct job *copy = flat_bytes(at, j, sizeof(*j));

	copy->host = flat_text(at, j->host);
	copy->query.text = flat_text(at, j->query.text);
	copy->page = (struct page){0}; /* the question only */
	copy->pem = (struct buf){0};
	return copy;
}

static size_t effect_size(const struct effect *e)
{
	switch (e->kind) {
	case FX_SEND:
		return packet_size(e->packet);
	case FX_DIAL:
		return e->packet ? packet_size(e->packet) : 0;
	case FX_EVENT:
		return event_room(e->event);
	case FX_JOB:
		return job_size(e->job);
	case FX_CLOSE:
	case FX_SPLICE:
		break;
	}
	return 0;
}

static void effect_place(struct effect *to, uint8_t *at)
{
	switch (to->kind) {
	case FX_SEND:
	case FX_DIAL:
		if (to->packet)
			to->packet = place_packet(&at, to->packet);
		break;
	case FX_EVENT:
		to->event = event_place(&at, to->event);
		break;
	case FX_JOB:
		to->job = place_job(&at, to->job);
		break;
	case FX_CLOSE:
	case FX_SPLICE:
		break;
	}
}

void effects_put(struct effects *fx, const struct effect *e)
{
	struct fifo *f = fifo_for(fx, e->after);
	size_t head = flat_room(sizeof(struct queued));
	size_t size = head + effect_size(e);
	struct chunk *c = f->last;

	if (!c || c->cap - c->len < size) {
		c = chunk_get(fx, size);
		if (f->last)
			f->last->next = c;
		else
			f->first = c;
		f->last = c;
	}
	uint8_t *at = (uint8_t *)c->bytes + c->len;
	struct queued *q = (struct queued *)(void *)at;
	q->size = size;
	q->effect = *e;
	effect_place(&q->effect, at + head);
	c->len += size;
	assert(c->len <= c->cap);
}

/* A chunk that was read to its end is given back only at the next call: the
 * caller still looks at what lies in it. */
static struct queued *fifo_next(struct effects *fx, struct fifo *f)
{
	struct chunk *c = f->first;

	if (!c)
		return NULL;
	struct queued *q =
	    (struct queued *)(void *)((uint8_t *)c->bytes + c->read);
	c->read += q->size;
	if (c->read < c->len)
		return q;
	f->first = c->next;
	if (!f->first)
		f->last = NULL;
	fx->lent = c;
	return q;
}

bool effects_next(struct effects *fx, ticket durable, struct effect *out)
{
	if (fx->lent) {
		chunk_drop(fx, fx->lent);
		fx->lent = NULL;
	}
	if (durable > fx->durable)
		fx->durable = durable;
	while (fx->n > 0 && fx->fifo[0].after <= fx->durable) {
		struct queued *q = fifo_next(fx, &fx->fifo[0]);
		if (q) {
			*out = q->effect;
			return true;
		}
		fx->n--;
		memmove(fx->fifo, fx->fifo + 1, fx->n * sizeof(*fx->fifo));
	}
	if (fx->n == 0) /* quiet: keep little */
		spare_trim(fx, 1);
	return false;
}

ticket effects_durable(const struct effects *fx)
{
	return fx->durable;
}
