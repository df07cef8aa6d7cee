#include "src/clock.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
/* cmocka needs setjmp and stdarg */
#include <cmocka.h>

/* As strftime has it, whatever the day and the zone. */
static void clock_local__says__what_strftime_says(void **state)
{
	static const char *const zones[] = {"UTC", "America/Sao_Paulo",
					    "Asia/Kathmandu", "Europe/Budapest",
					    "XYZ+3:30"};
	static const char *const format[] = {
	    [CLOCK_LOG] = "%Y.%m.%d %H:%M:%S",
	    [CLOCK_HM] = "%H:%M",
	    [CLOCK_HM12] = "%I:%M %p",
	    [CLOCK_FULL] = "%Y-%m-%d %H:%M:%S %z",
	};
	char got[64], want[64];

	(void)state;
	for (size_t z = 0; z < sizeof zones / sizeof *zones; z++) {
		setenv("TZ", zones[z], 1);
		clock_start();
		for (int64_t s = -100000000; s < 4000000000; s += 12345677)
			for (int how = CLOCK_LOG; how <= CLOCK_FULL; how++) {
				time_t t = (time_t)s;
				struct tm tm;

				localtime_r(&t, &tm);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
				strftime(want, sizeof want, format[how], &tm);
#pragma GCC diagnostic pop
				clock_local(got, s * 1000 + 999,
					    (enum clock_style)how);
				assert_string_equal(got, want);
				struct clock_date d = clock_date(s * 1000);
				assert_int_equal(d.weekday, tm.tm_wday);
				assert_int_equal(d.day, tm.tm_mday);
				assert_int_equal(d.month, tm.tm_mon);
				assert_int_equal(d.year, tm.tm_year + 1900);
			}
	}
}

static void clock_now__goes__forward(void **state)
{
	struct rng rng;
	struct now a, b;

	(void)state;
	clock_seed(&rng);
	a = clock_now(&rng, NULL);
	b = clock_now(&rng, NULL);
	assert_true(b.mono_us >= a.mono_us);
	assert_true(a.wall_us > INT64_C(1700000000) * 1000000);
	assert_ptr_equal(a.rng, &rng);
	assert_false(a.woke);
}

static void clock_seed__differs__each_time(void **state)
{
	struct rng a, b;

	(void)state;
	clock_seed(&a);
	clock_seed(&b);
	assert_memory_not_equal(a.seed, b.seed, sizeof a.seed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(clock_local__says__what_strftime_says),
	    cmocka_unit_test(clock_now__goes__forward),
	    cmocka_unit_test(clock_seed__differs__each_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
