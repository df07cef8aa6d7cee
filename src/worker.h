#ifndef SOTTO_SRC_WORKER_H
#define SOTTO_SRC_WORKER_H
#include "src/job.h"
#include "src/queue.h"
/* What is too slow for a turn: names (getaddrinfo), pages of history, RSA keys.
 * Two threads share one worker; each has a reader of its own. A name may hold
 * one of the two, never both. An answer older than 15 s is ERR_CLOSED. */
enum { WORKER_THREADS = 2 };
struct worker;
/* Both queues hold struct job *; borrowed until worker_stop returns.
 * `answers` has room for JOBS_MAX. */
struct worker *worker_new(const char *store_path, const char *identity_path,
			  struct queue *jobs, struct queue *answers);
/* After worker_stop. Memory that a thread still uses goes with that thread. */
void worker_free(struct worker *w);
/* The body of a worker thread: until worker_stop. Exactly WORKER_THREADS
 * threads run it; a thread that could not be started is replaced by
 * worker_forgo. A thread inside getaddrinfo is not waited for: threads are
 * detached and the last one frees what they share. */
void worker_run(struct worker *w);
void worker_forgo(struct worker *w);
/* From here on no thread touches the queues; jobs left in them are the
 * caller's. Waits for a few instructions, not for a name or a page. */
void worker_stop(struct worker *w);
#endif
