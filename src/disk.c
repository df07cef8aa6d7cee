#include "src/disk.h"
#include "src/clock.h"
#include "src/queue.h"
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { AT_ONCE_MAX = 16, QUIET_MS = 200, RETRY_MS = 5000 };
/* A commit that takes longer keeps the network waiting: not without the
 * thread, until one has been quick again. */
static const int64_t QUICK_US = 3000;

struct disk {
	struct queue *batches, *done;
	int nudge; /* an eventfd: the thread should look at the writer */

	pthread_mutex_t lock; /* guards what follows */
	struct writer *writer;
	ticket durable;
	int64_t took_us, last_us; /* the latest commit */
	bool failed;              /* the last thing we heard was an error */
	bool refusing;            /* batches up to this generation: */
	unsigned refused;
	bool stopped;  /* NULL came */
	bool watching; /* the thread looks again by itself */
};

struct disk *disk_new(struct writer *w, struct queue *batches,
		      struct queue *done)
{
	struct disk *d = xmalloc(sizeof(*d));

	*d = (struct disk){.writer = w, .batches = batches, .done = done};
	d->nudge = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (d->nudge < 0)
		abort(); /* no descriptor at the start: like no memory */
	pthread_mutex_init(&d->lock, NULL);
	return d;
}

void disk_free(struct disk *d)
{
	if (!d)
		return;
	close(d->nudge);
	pthread_mutex_destroy(&d->lock);
	free(d);
}

static void say(struct disk *d, ticket upto, enum err err)
{
	struct disk_done *done = xmalloc(sizeof(*done));

	*done = (struct disk_done){upto, err};
	if (!queue_push(d->done, done))
		abort(); /* four on their way, one report each */
}

/* What can be committed together; the rest of an old generation is gone. */
static size_t gather(struct disk *d, struct batch *b[static AT_ONCE_MAX])
{
	void *item;
	size_t n = 0;

	while (n < AT_ONCE_MAX && queue_take(d->batches, &item)) {
		d->stopped = !item;
		if (!item)
			break;
		b[n] = item;
		if (d->refusing && batch_generation(b[n]) <= d->refused)
			batch_free(b[n]);
		else
			n++;
	}
	return n;
}

static struct disk_done commit(struct disk *d, struct batch **b, size_t n)
{
	struct disk_done done = {.upto = batch_ticket(b[n - 1])};
	unsigned generation = batch_generation(b[n - 1]);
	int64_t from = clock_mono_us();

	done.err = writer_commit(d->writer, b, n);
	d->last_us = clock_mono_us();
	d->took_us = d->last_us - from;
	d->failed = done.err != OK;
	if (done.err) {
		d->refusing = true;
		d->refused = generation;
	} else {
		d->durable = done.upto;
	}
	return done;
}

bool disk_now(struct disk *d, struct batch *b, struct disk_done *done)
{
	bool good;

	if (pthread_mutex_trylock(&d->lock))
		return false;
	good = !d->failed && d->took_us < QUICK_US;
	if (good)
		*done = commit(d, &b, 1);
	if (good && !d->watching && (d->failed || writer_busy(d->writer))) {
		d->watching = true;
		if (eventfd_write(d->nudge, 1) < 0)
			abort();
	}
	pthread_mutex_unlock(&d->lock);
	return good;
}

static bool try_again(struct disk *d)
{
	d->failed = writer_probe(d->writer) != OK;
	if (!d->failed)
		say(d, d->durable, OK);
	return !d->failed;
}

static bool step(struct disk *d)
{
	struct batch *b[AT_ONCE_MAX];
	size_t n = gather(d, b);

	if (n) {
		struct disk_done done = commit(d, b, n);
		say(d, done.upto, done.err);
		if (writer_full(d->writer)) /* those who wait were told */
			writer_idle(d->writer);
		return true;
	}
	if (d->stopped)
		return false;
	return d->failed ? try_again(d) : writer_idle(d->writer);
}

bool disk_step(struct disk *d)
{
	pthread_mutex_lock(&d->lock);
	bool more = step(d);
	pthread_mutex_unlock(&d->lock);
	return more;
}

/* Milliseconds until there is idle work to do; -1: until somebody comes. */
static int patience(struct disk *d)
{
	int ms = -1;

	pthread_mutex_lock(&d->lock);
	if (d->failed)
		ms = RETRY_MS;
	else if (writer_full(d->writer))
		ms = 0;
	else if (writer_busy(d->writer))
		ms = QUIET_MS;
	d->watching = ms >= 0;
	pthread_mutex_unlock(&d->lock);
	return ms;
}

/* Has a commit come in between, made by another? Then it is not quiet. */
static bool quiet(struct disk *d)
{
	pthread_mutex_lock(&d->lock);
	bool long_ago = clock_mono_us() - d->last_us >= QUIET_MS * 1000;
	bool go = d->failed || writer_full(d->writer) || long_ago;
	pthread_mutex_unlock(&d->lock);
	return go;
}

void disk_run(struct disk *d)
{
	struct pollfd p[] = {
	    {.fd = queue_fd(d->batches), .events = POLLIN},
	    {.fd = d->nudge, .events = POLLIN},
	};
	eventfd_t n;

	while (!d->stopped) {
		/* A batch that came in time postpones the idle work. */
		int came = poll(p, 2, patience(d));
		if (came > 0 && p[1].revents &&
		    eventfd_read(d->nudge, &n) == 0 && !p[0].revents)
			continue;
		if (came != 0 || quiet(d))
			disk_step(d);
	}
}
