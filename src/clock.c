#include "src/clock.h"
#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

void clock_seed(struct rng *r)
{
	*r = (struct rng){0};
	while (getrandom(r->seed, sizeof r->seed, 0) != (ssize_t)sizeof r->seed)
		if (errno != EINTR)
			abort(); /* no randomness, no keys */
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

void clock_local(char out[static 64], int64_t unix_ms, enum clock_style how)
{
	time_t t = (time_t)(unix_ms / 1000 - (unix_ms % 1000 < 0));
	struct tm tm;

	tzset(); /* reads the zone once, and again only if TZ changed */
	localtime_r(&t, &tm);
	out[0] = 0;
	switch (how) { /* literals, so that the compiler checks them */
	case CLOCK_LOG:
		strftime(out, 64, "%Y.%m.%d %H:%M:%S", &tm);
		break;
	case CLOCK_HM:
		strftime(out, 64, "%H:%M", &tm);
		break;
	case CLOCK_HM12:
		strftime(out, 64, "%I:%M %p", &tm);
		break;
	case CLOCK_DAY:
		strftime(out, 64, "%A %e %B %Y", &tm);
		break;
	case CLOCK_FULL:
		strftime(out, 64, "%Y-%m-%d %H:%M:%S %z", &tm);
		break;
	}
}
