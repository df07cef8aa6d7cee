#ifndef SOTTO_SRC_QUEUE_H
#define SOTTO_SRC_QUEUE_H
#include <stdbool.h>
#include <stddef.h>
/* A bounded ring of pointers between two threads: a mutex, and an eventfd that
 * is readable while the ring is not empty. Pushing moves
 * ownership of the item; the popper frees it. Any thread may push, any pop. */
struct queue;

/* `max` places for everybody, `kept` more for queue_push_kept alone. */
struct queue *queue_new(size_t max, size_t kept);
void queue_free(struct queue *q); /* must be empty */
/* False: full; the item is still the caller's. */
bool queue_push(struct queue *q, void *item);
bool queue_push_kept(struct queue *q, void *item);
void *queue_pop(struct queue *q); /* NULL: empty */
/* For queues in which NULL is an item of its own: false is empty. */
bool queue_take(struct queue *q, void **item);
/* Between the two nobody is woken by what is pushed, up to a quarter of `max`;
 * then once. A pop finds it all the same. By one thread at a time. */
void queue_hold(struct queue *q);
void queue_release(struct queue *q);
int queue_fd(const struct queue *q); /* readable: not empty. For poll only */
#endif
