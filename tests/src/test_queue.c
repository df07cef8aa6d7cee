#include "src/queue.h"
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
/* cmocka needs the four above */
#include <cmocka.h>

enum { ITEMS = 200000, PUSHERS = 4 };

static bool readable(const struct queue *q)
{
	struct pollfd p = {.fd = queue_fd(q), .events = POLLIN};

	return poll(&p, 1, 0) == 1;
}

static void queue__keeps__order_and_bounds(void **state)
{
	struct queue *q = queue_new(2, 1);
	int a, b, c, d;

	(void)state;
	assert_null(queue_pop(q));
	assert_true(queue_push(q, &a));
	assert_true(queue_push(q, &b));
	assert_false(queue_push(q, &c));
	assert_true(queue_push_kept(q, &c));
	assert_false(queue_push_kept(q, &d));
	assert_ptr_equal(queue_pop(q), &a);
	assert_false(queue_push(q, &d)); /* the kept place is still taken */
	assert_true(queue_push_kept(q, &d));
	assert_ptr_equal(queue_pop(q), &b);
	assert_ptr_equal(queue_pop(q), &c);
	assert_ptr_equal(queue_pop(q), &d);
	assert_null(queue_pop(q));
	queue_free(q);
}

static void queue__is_readable__while_not_empty(void **state)
{
	struct queue *q = queue_new(4, 0);
	int a, b;

	(void)state;
	assert_false(readable(q));
	queue_push(q, &a);
	queue_push(q, &b);
	assert_true(readable(q));
	queue_pop(q);
	assert_true(readable(q));
	queue_pop(q);
	assert_false(readable(q));
	queue_free(q);
}

static void queue__tells__a_null_item_from_nothing(void **state)
{
	struct queue *q = queue_new(2, 0);
	void *item = q;

	(void)state;
	assert_false(queue_take(q, &item));
	assert_ptr_equal(item, q);
	assert_true(queue_push(q, NULL));
	assert_true(readable(q));
	assert_true(queue_take(q, &item));
	assert_null(item);
	queue_free(q);
}

struct pusher {
	struct queue *q;
	pthread_t thread;
	uintptr_t who;
};

/* An item says whose it is and which: who * ITEMS + number. */
static void *push_all(void *arg)
{
	const struct pusher *p = arg;

	for (uintptr_t i = 0; i < ITEMS / PUSHERS; i++) {
		void *item = (void *)(p->who * ITEMS + i + 1);
		while (!queue_push(p->q, item))
			sched_yield();
	}
	return NULL;
}

static void queue__loses_nothing__between_threads(void **state)
{
	struct queue *q = queue_new(256, 16);
	struct pusher p[PUSHERS];
	uintptr_t next[PUSHERS] = {0};
	size_t got = 0;

	(void)state;
	for (uintptr_t i = 0; i < PUSHERS; i++) {
		p[i] = (struct pusher){.q = q, .who = i};
		assert_int_equal(
		    pthread_create(&p[i].thread, NULL, push_all, &p[i]), 0);
	}
	while (got < ITEMS) {
		struct pollfd fd = {.fd = queue_fd(q), .events = POLLIN};
		/* A lost wake-up ends here. */
		assert_int_equal(poll(&fd, 1, 10000), 1);
		for (void *item; (item = queue_pop(q)); got++) {
			uintptr_t v = (uintptr_t)item - 1;
			assert_int_equal(v % ITEMS, next[v / ITEMS]++);
		}
	}
	for (size_t i = 0; i < PUSHERS; i++)
		pthread_join(p[i].thread, NULL);
	assert_false(readable(q));
	queue_free(q);
}

static void queue__wakes_once__when_released(void **state)
{
	struct queue *q = queue_new(16, 0);
	int item = 1;

	(void)state;
	queue_hold(q);
	assert_true(queue_push(q, &item));
	assert_false(readable(q));
	assert_ptr_equal(queue_pop(q), &item);
	assert_true(queue_push(q, &item));
	queue_release(q);
	assert_true(readable(q));
	queue_hold(q); /* who was woken stays so */
	assert_true(queue_push(q, &item));
	assert_true(readable(q));
	assert_non_null(queue_pop(q));
	assert_non_null(queue_pop(q));
	assert_false(readable(q));
	queue_release(q);
	assert_false(readable(q));
	queue_hold(q);
	for (int i = 0; i < 5; i++) {
		assert_false(readable(q));
		assert_true(queue_push(q, &item));
	}
	assert_true(readable(q)); /* before it is full */
	while (queue_pop(q))
		;
	queue_release(q);
	queue_free(q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(queue__keeps__order_and_bounds),
	    cmocka_unit_test(queue__is_readable__while_not_empty),
	    cmocka_unit_test(queue__tells__a_null_item_from_nothing),
	    cmocka_unit_test(queue__wakes_once__when_released),
	    cmocka_unit_test(queue__loses_nothing__between_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
