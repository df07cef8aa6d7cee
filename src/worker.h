#ifndef SOTTO_SRC_WORKER_H
#define SOTTO_SRC_WORKER_H
#include "src/job.h"
#include "src/queue.h"
/* What is too slow for a turn: names (getaddrinfo) and pages of history.
 * Two threads share one worker; each has a reader of its own. A name may hold
 * one of the two, never both. An answer older than 15 s is ERR_CLOSED. */
struct worker;
/* Both queues hold struct job *; borrowed for the worker's life. */
struct worker *worker_new(const char *store_path, struct queue *jobs,
                          struct queue *answers);
void worker_free(struct worker *w);
/* The body of a worker thread: until worker_stop. A thread inside getaddrinfo
 * is not waited for: threads are detached and the last one frees what it
 * shares. */
void worker_run(struct worker *w);
void worker_stop(struct worker *w);
#endif
