#include "proto/dialect.h"
#include "src/store.h"
#include "src/worker.h"
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
/* cmocka needs some of those above */
#include <cmocka.h>

enum { ROWS = 20 };

struct box {
	char dir[32], path[64], identity[64];
	struct queue *jobs, *answers;
	struct worker *w;
	pthread_t thread[WORKER_THREADS];
};

static void fill(const struct box *b)
{
	struct now now = {.mono_us = 1, .wall_us = 1};
	struct contact_row c = {.shown.dialect = dialect_named("sotto")->name};
	struct store *s;
	struct writer *w;
	char why[128];

	assert_int_equal(store_open(b->path, &s, why), OK);
	assert_int_equal(writer_open(b->path, &w), OK);
	c.shown.key.b[0] = 1;
	store_contact(s, &c);
	for (uint8_t i = 0; i < ROWS; i++) {
		struct message m = {
		    .with = c.shown.id,
		    .delivery = D_QUEUED,
		    .id = {{i, 1}},
		    .text = (char *)(uintptr_t) "hello",
		};
		store_queue(s, &m);
	}
	struct batch *batch = store_batch(s, &now);
	assert_int_equal(writer_commit(w, &batch, 1), OK);
	store_close(s);
	writer_close(w);
}

static void *run(void *w)
{
	worker_run(w);
	return NULL;
}

static int setup(void **state)
{
	struct box *b = calloc(1, sizeof(*b));

	strcpy(b->dir, "/tmp/sotto-worker-XXXXXX");
	if (!mkdtemp(b->dir))
		return -1;
	snprintf(b->path, sizeof(b->path), "%s/s.db", b->dir);
	snprintf(b->identity, sizeof(b->identity), "%s/identity", b->dir);
	fill(b);
	b->jobs = queue_new(JOBS_MAX, 0);
	b->answers = queue_new(JOBS_MAX, 0);
	b->w = worker_new(b->path, b->identity, b->jobs, b->answers);
	for (size_t i = 0; i < WORKER_THREADS; i++)
		pthread_create(&b->thread[i], NULL, run, b->w);
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	struct box *b = *state;
	static const char *const end[] = {"", "-wal", "-shm"};

	worker_stop(b->w);
	worker_free(b->w);
	for (struct job *j; (j = queue_pop(b->jobs));)
		job_free(j);
	for (struct job *j; (j = queue_pop(b->answers));)
		job_free(j);
	queue_free(b->jobs);
	queue_free(b->answers);
	for (size_t i = 0; i < WORKER_THREADS; i++)
		pthread_join(b->thread[i], NULL);
	for (size_t i = 0; i < 3; i++) {
		char path[80];
		snprintf(path, sizeof(path), "%s%s", b->path, end[i]);
		unlink(path);
	}
	char rsa[80];
	snprintf(rsa, sizeof(rsa), "%s/rsa-nul.pem", b->dir);
	unlink(rsa);
	rmdir(b->dir);
	free(b);
	return 0;
}

static void ask(struct box *b, const struct job *question)
{
	assert_true(queue_push(b->jobs, job_copy(question)));
}

static struct job *answer(struct box *b)
{
	struct pollfd p = {.fd = queue_fd(b->answers), .events = POLLIN};

	assert_int_equal(poll(&p, 1, 30000), 1);
	return queue_pop(b->answers);
}

static void ask_name(struct box *b, uint64_t ref, const char *name)
{
	struct job j = {.kind = JOB_RESOLVE, .ref = ref, .port = 6327};

	j.host = (char *)(uintptr_t)name;
	ask(b, &j);
}

/* Made once, then the same for ever. */
static void worker__makes__an_rsa_key(void **state)
{
	struct job question = {.kind = JOB_RSA, .seal = SEAL_RAW};
	struct box *b = *state;

	if (!seal_built(SEAL_RAW))
		skip();
	ask(b, &question);
	struct job *first = answer(b);
	assert_int_equal(first->err, OK);
	assert_true(first->pem.n > 500);
	ask(b, &question);
	struct job *second = answer(b);
	assert_int_equal(second->pem.n, first->pem.n);
	assert_memory_equal(second->pem.p, first->pem.p, first->pem.n);
	job_free(first);
	job_free(second);
}

static void worker__resolves__a_name(void **state)
{
	struct box *b = *state;
	static const uint8_t v4[16] = {[10] = 0xff, 0xff, 127, 0, 0, 1};
	static const uint8_t v6[16] = {[15] = 1};

	ask_name(b, 5, "localhost");
	struct job *j = answer(b);
	assert_int_equal(j->kind, JOB_RESOLVE);
	assert_int_equal(j->ref, 5);
	assert_int_equal(j->err, OK);
	assert_string_equal(j->host, "localhost");
	assert_true(j->n_addr > 0);
	for (size_t i = 0; i < j->n_addr; i++) {
		assert_int_equal(j->addr[i].port, 6327);
		assert_true(memcmp(j->addr[i].ip, v4, 16) == 0 ||
			    memcmp(j->addr[i].ip, v6, 16) == 0);
	}
	job_free(j);
}

static void worker__says_no__to_a_name_that_cannot_be(void **state)
{
	struct box *b = *state;

	ask_name(b, 6, "no such name.");
	struct job *j = answer(b);
	assert_int_equal(j->ref, 6);
	assert_int_not_equal(j->err, OK);
	assert_int_equal(j->n_addr, 0);
	job_free(j);
}

static void worker__reads__a_page(void **state)
{
	struct box *b = *state;
	struct job question = {
	    .kind = JOB_PAGE,
	    .client = 3,
	    .ref = 4,
	    .query = {.limit = 8},
	};

	ask(b, &question);
	struct job *j = answer(b);
	assert_int_equal(j->err, OK);
	assert_int_equal(j->client, 3);
	assert_int_equal(j->ref, 4);
	assert_int_equal(j->page.n, 8);
	assert_true(j->page.more);
	assert_int_equal(j->page.row[7]->n, ROWS);
	assert_int_equal(j->page.next, ROWS - 7);
	job_free(j);
}

static void worker__answers__every_job_once(void **state)
{
	struct box *b = *state;
	uint64_t seen = 0;

	for (uint64_t round = 0; round < 20; round++) {
		for (uint64_t i = 0; i < JOBS_MAX; i++) {
			struct job j = {.kind = JOB_PAGE, .ref = i};
			if (i % 3 == 0)
				ask_name(b, i, "localhost");
			else
				ask(b, &j);
		}
		for (seen = 0; seen != (1u << JOBS_MAX) - 1;) {
			struct job *j = answer(b);
			assert_int_equal(j->err, OK);
			assert_false(seen & (UINT64_C(1) << j->ref));
			seen |= UINT64_C(1) << j->ref;
			job_free(j);
		}
	}
	assert_null(queue_pop(b->answers));
}

static void worker__stops__with_jobs_left(void **state)
{
	struct box *b = *state;

	/* Teardown stops it at once; whatever is left must be freed. */
	for (uint64_t i = 0; i < JOBS_MAX; i++)
		ask_name(b, i, "localhost");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(worker__makes__an_rsa_key),
	    TEST(worker__resolves__a_name),
	    TEST(worker__says_no__to_a_name_that_cannot_be),
	    TEST(worker__reads__a_page),
	    TEST(worker__answers__every_job_once),
	    TEST(worker__stops__with_jobs_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
