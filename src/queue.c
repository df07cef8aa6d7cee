#include "src/queue.h"
#include "proto/base.h"
#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct queue {
	int fd; /* an eventfd */
	size_t max, size;
	pthread_mutex_t lock; /* guards what follows */
	bool held, raised;    /* raised: the eventfd is 1, not 0 */
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
	q->held = q->raised = false;
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
	bool enough = q->n > q->max / 4; /* it may soon be full */
	bool raise = q->n && (q->raised || !q->held || enough);
	eventfd_t n;

	if (raise == q->raised)
		return;
	if (raise ? eventfd_write(q->fd, 1) : eventfd_read(q->fd, &n))
		abort();
	q->raised = raise;
}

static bool queue_put(struct queue *q, void *item, size_t limit)
{
	pthread_mutex_lock(&q->lock);
	bool room = q->n < limit;
	if (room) {
		q->ring[(q->first + q->n++) % q->size] = item;
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
		q->n--;
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

void queue_hold(struct queue *q)
{
	pthread_mutex_lock(&q->lock);
	q->held = true;
	pthread_mutex_unlock(&q->lock);
}

void queue_release(struct queue *q)
{
	pthread_mutex_lock(&q->lock);
	q->held = false;
	queue_signal(q);
	pthread_mutex_unlock(&q->lock);
}

int queue_fd(const struct queue *q)
{
	return q->fd;
}
