#include "src/disk.h"
#include "src/queue.h"
#include <poll.h>
#include <stdlib.h>

enum { AT_ONCE_MAX = 16, QUIET_MS = 200, RETRY_MS = 5000 };

struct disk {
	struct writer *writer;
	struct queue *batches, *done;
	ticket durable;
	bool failed;   /* the last thing we heard of it was an error */
	bool refusing; /* batches up to this generation: */
	unsigned refused;
	bool stopped; /* NULL came */
};

struct disk *disk_new(struct writer *w, struct queue *batches,
		      struct queue *done)
{
	struct disk *d = xmalloc(sizeof(*d));

	*d = (struct disk){.writer = w, .batches = batches, .done = done};
	return d;
}

void disk_free(struct disk *d)
{
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

static void commit(struct disk *d, struct batch **b, size_t n)
{
	ticket upto = batch_ticket(b[n - 1]);
	unsigned generation = batch_generation(b[n - 1]);
	enum err err = writer_commit(d->writer, b, n);

	d->failed = err != OK;
	if (err) {
		d->refusing = true;
		d->refused = generation;
	} else {
		d->durable = upto;
	}
	say(d, upto, err);
}

static bool try_again(struct disk *d)
{
	d->failed = writer_probe(d->writer) != OK;
	if (!d->failed)
		say(d, d->durable, OK);
	return !d->failed;
}

bool disk_step(struct disk *d)
{
	struct batch *b[AT_ONCE_MAX];
	size_t n = gather(d, b);

	if (n) {
		commit(d, b, n);
		if (writer_full(d->writer)) /* those who wait were told */
			writer_idle(d->writer);
		return true;
	}
	if (d->stopped)
		return false;
	return d->failed ? try_again(d) : writer_idle(d->writer);
}

static int patience_ms(const struct disk *d)
{
	if (d->failed)
		return RETRY_MS;
	return writer_busy(d->writer) ? QUIET_MS : -1;
}

void disk_run(struct disk *d)
{
	struct pollfd p = {.fd = queue_fd(d->batches), .events = POLLIN};

	while (!d->stopped) {
		/* A batch that came in time postpones the idle work. */
		poll(&p, 1, patience_ms(d));
		disk_step(d);
	}
}
