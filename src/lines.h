#ifndef SOTTO_SRC_LINES_H
#define SOTTO_SRC_LINES_H
#include "src/event.h"
/* Commands and events as lines of JSON, both ways, as sotto(1) says:
 * for stdin and stdout, and for control.sock. Every command and every event
 * of event.h has a line. Fields beyond those promised there, for front ends
 * in another process: of peers contact, key, name, ident, waiting, requests,
 * read_upto, last, gone, became, draft, cursor, draft_answers; of messages n,
 * state, contact, tries, rtt_ms, error, held, ack_timestamp, acked, next_try,
 * expires; of results n, state, name, text, next_n. */
enum {
	LINE_MAX_BYTES = 262144,
	REF_MAX = 64,   /* bytes */
	REFS_MAX = 256, /* without a result */
};
struct lines;
struct lines *lines_new(void);
void lines_free(struct lines *l);

/* ---- both ends: bytes become lines ---- */
void lines_feed(struct lines *l, struct bytes in);
/* The next whole line, good until the next lines_feed; *too_long: only its
 * beginning, the rest is thrown away. What has no newline yet is a line at
 * the end of input: lines_feed a newline then. */
bool lines_split(struct lines *l, struct bytes *line, bool *too_long);

/* ---- the server's end: strings as refs there, numbers here ---- */

/* After EV_LOST it asks by itself for the messages that were dropped and
 * writes them as events, in their place: a reader misses no message. Without
 * this the other end is told `lost` and asks. */
void lines_replay(struct lines *l);
/* The next command for the engine: one of its own, or from a line that was
 * fed. Bad lines have their result in *out. The caller owns *cmd. */
bool lines_next(struct lines *l, const struct now *now, struct command **cmd,
		struct buf *out);
/* The engine did not take the command with this ref (ERR_FULL, ERR_CLOSED). */
void lines_refused(struct lines *l, const struct now *now, uint64_t ref,
		   enum err err, struct buf *out);
/* One line. A bad one gives no command and a result in *out; one that this
 * end can answer gives neither error nor command. */
enum err lines_command(struct lines *l, const struct now *now,
		       struct bytes line, struct command **cmd,
		       struct buf *out) MUST_USE;
/* Appends no line, one, or more: a result may wait for a status; EV_BYE
 * answers all open refs. lines_next may have something afterwards. */
void lines_event(struct lines *l, const struct now *now, const struct event *ev,
		 struct buf *out);
/* `timeout_ms` is kept here; lines_next may have something afterwards. */
void lines_tick(struct lines *l, const struct now *now, struct buf *out);
int64_t lines_deadline(const struct lines *l); /* mono_us */
bool lines_open(const struct lines *l);        /* a ref has no result yet */

/* ---- the client's end ---- */
void lines_put(const struct command *cmd, struct buf *out);
/* ERR_PARSE: not a line of ours. OK and NULL: of a later version. */
enum err lines_get(struct bytes line, struct event **ev) MUST_USE;

/* ---- codes ---- */
int code_exit(enum code c); /* the exit status */
const char *code_word(enum code c);
#endif
