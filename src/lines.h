#ifndef SOTTO_SRC_LINES_H
#define SOTTO_SRC_LINES_H
#include "src/event.h"
enum { LINE_MAX_BYTES = 262144, REF_MAX = 64 };

/* Commands and events as lines of JSON, both ways. Keeps at most 256 open
 * refs (strings there, numbers here) and knows `wait` and `timeout_ms`, which
 * the engine does not. */
struct lines;
struct lines *lines_new(void);
void lines_free(struct lines *l);

/* Server's end. A bad line gives no command and a result in *out. */
enum err lines_command(struct lines *l, const struct now *now,
		       struct bytes line, struct command **cmd,
		       struct buf *out) MUST_USE;
/* Appends no line, one, or two: a result may wait for a status. */
void lines_event(struct lines *l, const struct now *now, const struct event *ev,
		 struct buf *out);
void lines_tick(struct lines *l, const struct now *now, struct buf *out);
int64_t lines_deadline(const struct lines *l); /* mono_us */
bool lines_open(const struct lines *l);        /* a ref has no result yet */

/* Client's end. */
void lines_put(struct lines *l, const struct command *cmd, struct buf *out);
enum err lines_get(struct lines *l, struct bytes line,
		   struct event **ev) MUST_USE;
/* A command of lines' own that must go to the engine now (a message is taken
 * back when its time is over), or NULL; the caller's. */
struct command *lines_pending(struct lines *l);
/* The engine did not take a command: its ref has its result. */
void lines_refused(struct lines *l, uint64_t number, struct buf *out);

int code_exit(enum code c);         /* its exit status */
const char *code_word(enum code c); /* as `code` in a result */
#endif
