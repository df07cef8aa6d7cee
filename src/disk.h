#ifndef SOTTO_SRC_DISK_H
#define SOTTO_SRC_DISK_H
#include "src/store.h"
/* Batches in, tickets out, by a thread of its own; or, when one small batch is
 * all there is and the disk is quick, by whoever has it: two threads fewer to
 * wake between a message and its ACK. */
struct disk;
struct queue;
struct disk_done {
	ticket upto;
	enum err err; /* not OK: this and all after it are not there */
};
/* All three are borrowed. `done` has at least 16 places. */
struct disk *disk_new(struct writer *w, struct queue *batches,
		      struct queue *done); /* of struct disk_done */
void disk_free(struct disk *d);
/* Any thread, with nothing else on its way: commits b here and now. False: not
 * taken, push it; the disk was slow of late, is failing, or is in use. A
 * failure is then the last thing said until store_reset, as below. */
bool disk_now(struct disk *d, struct batch *b, struct disk_done *done);
/* All batches that have gathered, in one transaction; else a little idle
 * work. False: nothing is left to do. After a failure, which is said once, it
 * drops every batch without a word until the first one made after store_reset,
 * and tries the disk with a small write each time there is no batch; when that
 * succeeds it says OK. Whoever hears a failure calls store_reset, each time.
 * The simulation calls this itself, or crashes instead. */
bool disk_step(struct disk *d);
/* The thread's body, until a NULL comes out of `batches`; what was pushed
 * before is committed. Sleeps without a time-out unless there is idle work
 * (after 200 ms of quiet) or a failed disk (every 5 s). */
void disk_run(struct disk *d);
#endif
