#ifndef SOTTO_SRC_CLOCK_H
#define SOTTO_SRC_CLOCK_H
#include "proto/base.h"
/* The only place that asks the system for time or randomness. Any thread. */
void clock_seed(struct rng *r);
/* `woke` is set on the first call after the machine slept (boot time and
 * monotonic time differ by more than 30 s more than at the call before). */
struct now clock_now(struct rng *r);
int64_t clock_mono_us(void);

enum clock_style {
	CLOCK_LOG, /* 2026.11.20 14:02:03: document 004, without brackets */
	CLOCK_HM,  /* 14:02 */
	CLOCK_DAY, /* Friday 20 November 2026 */
	CLOCK_FULL, /* 2026-11-20 14:02:03 +0100, for the details */
};
/* Local time as text. */
void clock_local(char out[static 64], int64_t unix_ms, enum clock_style how);
#endif
