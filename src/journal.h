#ifndef SOTTO_SRC_JOURNAL_H
#define SOTTO_SRC_JOURNAL_H
#include "proto/base.h"
#include "src/event.h"
/* log.txt, document 004: "[2026.11.20 14:02:03] text", local time, cleaned.
 * Written by the engine as it hands out events; the contents of messages only
 * with `log = full`. 8 MiB, then it is renamed to log.txt.1. Network thread. */
struct journal;
/* NULL with errno when the file cannot be opened. full: texts too. */
struct journal *journal_open(const char *path, bool full);
void journal_close(struct journal *j);
void journal_event(struct journal *j, int64_t wall_us, const struct event *ev);
void journal_line(struct journal *j, int64_t wall_us, const char *fmt, ...)
    PRINTF(3, 4);
/* Lines wait for this, at the end of each turn: nobody waits for the journal.
 */
void journal_flush(struct journal *j);
#endif
