#ifndef SOTTO_SRC_CLOCK_H
#define SOTTO_SRC_CLOCK_H
#include "proto/base.h"
/* The only place that asks the system for time or randomness. Any thread. */
void clock_seed(struct rng *r);
/* Once, before there are threads: which time is local. */
void clock_start(void);
/* How long the machine had slept at the last look; all zero at first. */
struct clock_sleep {
	int64_t slept_us;
	bool known;
};
/* r is borrowed by the result. With `sleep` (or NULL), `woke` is set when the
 * machine slept more than 30 s since the last look. */
struct now clock_now(struct rng *r, struct clock_sleep *sleep);
int64_t clock_mono_us(void);
int64_t clock_boot_us(void); /* the same, with the time the machine slept */
bool clock_kept(void);       /* a time service of the system keeps it right */

enum clock_style {
	CLOCK_LOG,  /* 2026.11.20 14:02:03: document 004, without brackets */
	CLOCK_HM,   /* 14:02 */
	CLOCK_HM12, /* 02:02 PM */
	CLOCK_FULL, /* 2026-11-20 14:02:03 +0100, for the details */
};
/* The local date: weekday 0 is Sunday, month 0 January. */
struct clock_date {
	int weekday, day, month, year;
};
struct clock_date clock_date(int64_t unix_ms);
/* Local time as text. */
void clock_local(char out[static 64], int64_t unix_ms, enum clock_style how);
#endif
