#ifndef SOTTO_SRC_DISK_H
#define SOTTO_SRC_DISK_H
#include "src/store.h"
/* The disk thread: batches in, tickets out. */
struct disk;
struct queue;
struct disk_done {
	ticket upto;
	enum err err; /* not OK: this and all after it are not there */
};
struct disk *disk_new(struct writer *w, struct queue *batches,
                      struct queue *done); /* of struct disk_done */
void disk_free(struct disk *d);
/* All batches that have gathered, in one transaction; else a little idle
 * work. After a failure it refuses every batch until the first one made after
 * store_reset, and tries the disk every 5 s. The simulation calls this itself,
 * or crashes instead. */
bool disk_step(struct disk *d);
void disk_run(struct disk *d); /* until a NULL batch; the thread's body */
#endif
