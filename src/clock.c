#include "src/clock.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/timex.h>
#include <time.h>

void clock_seed(struct rng *r)
{
	*r = (struct rng){0};
	while (getrandom(r->seed, sizeof r->seed, 0) != (ssize_t)sizeof r->seed)
		if (errno != EINTR)
			abort(); /* no randomness, no keys */
}

void clock_start(void)
{
	tzset(); /* localtime_r need not, and then only reads */
}

static int64_t read_us(clockid_t which)
{
	struct timespec t;

	clock_gettime(which, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t clock_mono_us(void)
{
	return read_us(CLOCK_MONOTONIC);
}

int64_t clock_boot_us(void)
{
	return read_us(CLOCK_BOOTTIME);
}

bool clock_kept(void)
{
	struct timex t = {.modes = 0}; /* asks only */

	return adjtimex(&t) != TIME_ERROR;
}

/* The monotonic clock stands still while the machine sleeps, boot time goes
 * on. */
struct now clock_now(struct rng *r, struct clock_sleep *sleep)
{
	struct now now = {.mono_us = read_us(CLOCK_MONOTONIC),
			  .wall_us = read_us(CLOCK_REALTIME),
			  .rng = r};

	if (sleep) {
		int64_t slept = read_us(CLOCK_BOOTTIME) - now.mono_us;

		now.woke = sleep->known && slept - sleep->slept_us > 30000000;
		sleep->slept_us = slept;
		sleep->known = true;
	}
	return now;
}

static bool local(int64_t unix_ms, struct tm *tm)
{
	time_t t = (time_t)(unix_ms / 1000 - (unix_ms % 1000 < 0));

	return localtime_r(&t, tm) != NULL;
}

struct clock_date clock_date(int64_t unix_ms)
{
	struct tm tm = {0};

	local(unix_ms, &tm);
	return (struct clock_date){tm.tm_wday, tm.tm_mday, tm.tm_mon,
				   tm.tm_year + 1900};
}

/* Without strftime: it asks for the zone each time, which is a system call
 * and a lock that threads would share. */
void clock_local(char out[static 64], int64_t unix_ms, enum clock_style how)
{
	struct tm tm;
	long zone;

	out[0] = 0;
	if (!local(unix_ms, &tm))
		return;
	zone = tm.tm_gmtoff / 60;
	switch (how) {
	case CLOCK_LOG:
		snprintf(out, 64, "%04d.%02d.%02d %02d:%02d:%02d",
			 tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
			 tm.tm_hour, tm.tm_min, tm.tm_sec);
		break;
	case CLOCK_HM:
		snprintf(out, 64, "%02d:%02d", tm.tm_hour, tm.tm_min);
		break;
	case CLOCK_HM12:
		snprintf(out, 64, "%02d:%02d %s", (tm.tm_hour + 11) % 12 + 1,
			 tm.tm_min, tm.tm_hour < 12 ? "AM" : "PM");
		break;
	case CLOCK_FULL:
		snprintf(out, 64, "%04d-%02d-%02d %02d:%02d:%02d %c%02ld%02ld",
			 tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
			 tm.tm_hour, tm.tm_min, tm.tm_sec, zone < 0 ? '-' : '+',
			 labs(zone) / 60, labs(zone) % 60);
		break;
	}
}
