#include "proto/dialect.h"
#include "src/disk.h"
#include "src/queue.h"
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>
/* cmocka needs some of those above */
#include <cmocka.h>

struct box {
	char dir[32], path[64];
	struct store *s;
	struct writer *w;
	struct queue *batches, *done;
	struct disk *d;
	contact_id bob;
	uint64_t last; /* number of the last message received */
};

static int setup(void **state)
{
	struct box *b = calloc(1, sizeof(*b));
	char why[128];

	strcpy(b->dir, "/tmp/sotto-disk-XXXXXX");
	if (!mkdtemp(b->dir))
		return -1;
	snprintf(b->path, sizeof(b->path), "%s/s.db", b->dir);
	assert_int_equal(store_open(b->path, &b->s, why), OK);
	assert_int_equal(writer_open(b->path, &b->w), OK);
	b->batches = queue_new(8, 0);
	b->done = queue_new(16, 0);
	b->d = disk_new(b->w, b->batches, b->done);
	struct contact_row c = {.shown.dialect = dialect_named("sotto")->name};
	c.shown.key.b[0] = 1;
	store_contact(b->s, &c);
	b->bob = c.shown.id;
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	struct box *b = *state;
	static const char *const end[] = {"", "-wal", "-shm"};

	disk_free(b->d);
	queue_free(b->batches);
	queue_free(b->done);
	store_close(b->s);
	writer_close(b->w);
	for (size_t i = 0; i < 3; i++) {
		char path[80];
		snprintf(path, sizeof(path), "%s%s", b->path, end[i]);
		unlink(path);
	}
	rmdir(b->dir);
	free(b);
	return 0;
}

/* One message and the batch that carries it, on its way; its ticket. */
static ticket submit(struct box *b)
{
	struct now now = {.mono_us = 1000000, .wall_us = 1000000};
	struct message m = {
	    .with = b->bob,
	    .incoming = true,
	    .seq = ++b->last,
	    .epoch = "epoch",
	    .delivery = D_RECEIVED,
	    .text = (char *)(uintptr_t) "hello",
	};
	ticket after;

	memcpy(m.id.b, &m.seq, sizeof(m.seq));
	memcpy(m.dedupe, m.id.b, m.n_dedupe = 16);
	assert_int_equal(store_receive(b->s, &m, &after), OK);
	struct batch *batch = store_batch(b->s, &now);
	assert_non_null(batch);
	assert_int_equal(batch_ticket(batch), after);
	assert_true(queue_push(b->batches, batch));
	return after;
}

static struct disk_done report(struct box *b)
{
	struct disk_done *d = queue_pop(b->done);

	assert_non_null(d);
	struct disk_done copy = *d;
	free(d);
	return copy;
}

static void reported(struct box *b, ticket upto, enum err err)
{
	struct disk_done d = report(b);

	assert_int_equal(d.err, err);
	assert_int_equal(d.upto, upto);
	if (!err)
		store_durable(b->s, d.upto);
}

static int64_t ask(const struct box *b, const char *sql)
{
	sqlite3 *db;
	sqlite3_stmt *s;

	assert_int_equal(sqlite3_open(b->path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &s, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(s), SQLITE_ROW);
	int64_t v = sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);
	sqlite3_close(db);
	return v;
}

static void disk__commits_together__what_has_gathered(void **state)
{
	struct box *b = *state;

	assert_false(disk_step(b->d));
	submit(b);
	submit(b);
	ticket last = submit(b);
	assert_true(disk_step(b->d));
	reported(b, last, OK);
	assert_null(queue_pop(b->done));
	assert_int_equal(ask(b, "SELECT count(*) FROM message"), 3);
	assert_false(disk_step(b->d));
}

static void limit_files(rlim_t bytes)
{
	struct rlimit r;

	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &r);
	r.rlim_cur = bytes;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &r), 0);
}

static void disk__refuses__what_was_made_before_the_reset(void **state)
{
	struct box *b = *state;
	ticket good = submit(b);

	disk_step(b->d);
	reported(b, good, OK);
	limit_files(4096);
	ticket bad = submit(b);
	disk_step(b->d);
	submit(b); /* the store has not heard of it yet */
	submit(b);
	limit_files(RLIM_INFINITY);
	disk_step(b->d); /* there would be room again, and yet */
	reported(b, bad, ERR_FULL);
	struct disk_done *d = queue_pop(b->done);
	if (d) { /* the disk may have been tried already */
		assert_int_equal(d->err, OK);
		assert_int_equal(d->upto, good);
		free(d);
	}
	assert_int_equal(ask(b, "SELECT count(*) FROM message"), 1);
	assert_int_equal(store_reset(b->s), OK);
	ticket after = submit(b);
	disk_step(b->d);
	reported(b, after, OK);
	assert_int_equal(ask(b, "SELECT count(*) FROM message"), 2);
}

static void disk__says__when_there_is_room_again(void **state)
{
	struct box *b = *state;
	ticket good = submit(b);

	disk_step(b->d);
	reported(b, good, OK);
	limit_files(4096);
	ticket bad = submit(b);
	disk_step(b->d);
	reported(b, bad, ERR_FULL);
	assert_int_equal(store_reset(b->s), OK);
	assert_false(disk_step(b->d));
	assert_null(queue_pop(b->done)); /* still full: not said again */
	ticket again = submit(b);        /* a new one fails anew */
	disk_step(b->d);
	reported(b, again, ERR_FULL);
	assert_int_equal(store_reset(b->s), OK);
	limit_files(RLIM_INFINITY);
	assert_true(disk_step(b->d));
	reported(b, good, OK);
	while (disk_step(b->d))
		;
	assert_null(queue_pop(b->done));
}

/* ---- as a thread ---- */

static void *run(void *disk)
{
	disk_run(disk);
	return NULL;
}

static struct disk_done wait_report(struct box *b)
{
	struct pollfd p = {.fd = queue_fd(b->done), .events = POLLIN};

	assert_int_equal(poll(&p, 1, 10000), 1);
	return report(b);
}

static void disk__commits_everything__before_it_ends(void **state)
{
	struct box *b = *state;
	pthread_t thread;
	ticket last = 0, durable = 0;

	pthread_create(&thread, NULL, run, b->d);
	for (int i = 0; i < 200; i++) {
		if (store_behind(b->s)) {
			struct disk_done d = wait_report(b);
			assert_int_equal(d.err, OK);
			store_durable(b->s, durable = d.upto);
		}
		last = submit(b);
	}
	assert_true(queue_push(b->batches, NULL));
	pthread_join(thread, NULL);
	while (durable < last)
		store_durable(b->s, durable = wait_report(b).upto);
	assert_int_equal(ask(b, "SELECT count(*) FROM message"), 200);
}

static int64_t thread_cpu_us(pthread_t thread)
{
	clockid_t clock;
	struct timespec t;

	assert_int_equal(pthread_getcpuclockid(thread, &clock), 0);
	assert_int_equal(clock_gettime(clock, &t), 0);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* Half a second of nothing costs nothing: a thread that wakes up only to find
 * nothing would show here. */
static void disk__sleeps__when_idle(void **state)
{
	struct box *b = *state;
	struct timespec half = {.tv_nsec = 500000000};
	pthread_t thread;

	pthread_create(&thread, NULL, run, b->d);
	ticket t = submit(b);
	assert_int_equal(wait_report(b).upto, t);
	store_durable(b->s, t);
	nanosleep(&half, NULL); /* the idle work comes after 200 ms */
	int64_t before = thread_cpu_us(thread);
	nanosleep(&half, NULL);
	assert_int_equal(thread_cpu_us(thread), before);
	assert_true(queue_push(b->batches, NULL));
	pthread_join(thread, NULL);
}

/* Hands over a batch at once; false: the last commit was slow, as on a machine
 * that is busy, and the thread's way was taken. */
static bool here(struct box *b, struct disk_done *done, ticket *t)
{
	void *batch;

	*t = submit(b);
	assert_true(queue_take(b->batches, &batch));
	if (disk_now(b->d, batch, done))
		return true;
	assert_true(queue_push(b->batches, batch));
	disk_step(b->d);
	assert_int_equal(wait_report(b).err, OK);
	return false;
}

/* A batch of its own needs no thread; a failing disk does. */
static void disk__commits_here__when_it_is_quick(void **state)
{
	struct box *b = *state;
	struct disk_done done;
	void *batch;
	ticket t;
	bool full = false;

	for (int tries = 0; !full; tries++) {
		assert_true(tries < 2000);
		if (here(b, &done, &t)) {
			assert_int_equal(done.err, OK);
			assert_int_equal(done.upto, t);
		}
		store_durable(b->s, t);
		t = submit(b);
		assert_true(queue_take(b->batches, &batch));
		limit_files(10000);
		full = disk_now(b->d, batch, &done);
		limit_files(RLIM_INFINITY);
		if (full)
			break;
		assert_true(queue_push(b->batches, batch));
		disk_step(b->d);
		reported(b, t, OK);
	}
	assert_int_equal(done.err, ERR_FULL);
	assert_int_equal(store_reset(b->s), OK);
	submit(b);
	assert_true(queue_take(b->batches, &batch));
	assert_false(disk_now(b->d, batch, &done));
	assert_true(queue_push(b->batches, batch));
	disk_step(b->d);
	assert_int_equal(report(b).err, OK);
}

/* The log of changes goes into the file when there is nothing else to do. */
static void disk__tidies_up__when_it_is_quiet(void **state)
{
	struct box *b = *state;

	for (int i = 0; i < 200; i++) {
		ticket t = submit(b);
		disk_step(b->d);
		reported(b, t, OK);
	}
	assert_true(writer_busy(b->w));
	while (disk_step(b->d))
		;
	assert_false(writer_busy(b->w));
	ticket t = submit(b);
	disk_step(b->d);
	reported(b, t, OK);
	assert_false(writer_busy(b->w)); /* the log began again */
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(disk__commits_together__what_has_gathered),
	    TEST(disk__refuses__what_was_made_before_the_reset),
	    TEST(disk__says__when_there_is_room_again),
	    TEST(disk__commits_everything__before_it_ends),
	    TEST(disk__sleeps__when_idle),
	    TEST(disk__commits_here__when_it_is_quick),
	    TEST(disk__tidies_up__when_it_is_quiet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
