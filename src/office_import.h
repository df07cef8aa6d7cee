#ifndef SOTTO_SRC_OFFICE_IMPORT_H
#define SOTTO_SRC_OFFICE_IMPORT_H
#include "src/center_account.h"
#include "src/effect.h"
/* credentials.txt, taken over while the center works: a line a turn, since each
 * that is new takes 30 ms. What came of it is said as notices, FX_EVENT. */
struct takeover;
/* NULL: there is no such file, or it cannot be read, which is said. */
struct takeover *takeover_begin(const char *path, const struct now *now,
				struct effects *fx) MUST_USE;
/* A line, unless it has to wait for the backend. False: that was the last one,
 * or it was given up; takeover_end then. */
bool takeover_turn(struct takeover *t, struct center_backend *b,
		   const struct now *now, struct effects *fx);
/* How long until takeover_turn has something to do; ms. */
int takeover_wait(const struct takeover *t, const struct now *now);
void takeover_end(struct takeover *t); /* NULL is fine */
#endif
