#include "src/queue.h"
#include "proto/base.h"
#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct queue {
	int fd; /* an eventfd: 1 while the ring is not empty, else 0 */
	size_t max, size;
	pthread_mutex_t lock; /* guards what follows */
	size_t first, n;
	void *ring[];
};

struct queue *queue_new(size_t max, size_t kept)
{
	size_t size = max + kept;
	struct queue *q = xmalloc(sizeof(*q) + size * sizeof(q->ring[0]));

	q->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (q->fd < 0)
		abort(); /* no descriptor at the start: like no memory */
	q->max = max;
	q->size = size;
	q->first = q->n = 0;
	pthread_mutex_init(&q->lock, NULL);
	return q;
}

void queue_free(struct queue *q)
{
	if (!q)
		return;
	assert(q->n == 0);
	pthread_mutex_destroy(&q->lock);
	close(q->fd);
	free(q);
}

/* The eventfd changes under the lock, so that it never says "empty" of a ring
 * that is not, nor the other way round. */
static void queue_signal(struct queue *q)
{
	eventfd_t one = 1;

	if (q->n == 0)
		while (eventfd_read(q->fd, &one) == 0)
			;
	else if (eventfd_write(q->fd, one) < 0)
		abort();
}

static bool queue_put(struct queue *q, void *item, size_t limit)
{
	pthread_mutex_lock(&q->lock);
	bool room = q->n < limit;
	if (room) {
		q->ring[(q->first + q->n++) % q->size] = item;
		if (q->n == 1)
			queue_signal(q);
	}
	pthread_mutex_unlock(&q->lock);
	return room;
}

bool queue_push(struct queue *q, void *item)
{
	return queue_put(q, item, q->max);
}

bool queue_push_kept(struct queue *q, void *item)
{
	return queue_put(q, item, q->size);
}

bool queue_take(struct queue *q, void **item)
{
	pthread_mutex_lock(&q->lock);
	bool any = q->n > 0;
	if (any) {
		*item = q->ring[q->first];
		q->first = (q->first + 1) % q->size;
		if (--q->n == 0)
			queue_signal(q);
	}
	pthread_mutex_unlock(&q->lock);
	return any;
}

void *queue_pop(struct queue *q)
{
	void *item;

	return queue_take(q, &item) ? item : NULL;
}

int queue_fd(const struct queue *q)
{
	return q->fd;
}
