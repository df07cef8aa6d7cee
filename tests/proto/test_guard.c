/* What must never reach json-c. */
#include "proto/guard.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static enum err guard(const char *s, enum guard mode)
{
	return guard_json((struct bytes){(const uint8_t *)s, strlen(s)}, mode);
}

static void guard__lets_pass__what_is_well_formed(void **state)
{
	static const char *const good[] = {
	    "{}",
	    " { } ",
	    "[]",
	    "true",
	    "null",
	    "0",
	    "-1",
	    "123456789012345678",
	    "\"\"",
	    "{\"a\":1,\"b\":[1,2,{\"a\":3}]}",
	    "\"\\u00e9\\n\\\"\\\\\\/\\b\\f\\r\\t\"",
	    "\"\\ud83d\\ude00\"",
	    "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"",
	    "[[[[[[[[]]]]]]]]",
	    "{\"a\":{\"a\":1},\"b\":{\"a\":1}}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		if (guard(good[i], GUARD_OWN))
			fail_msg("%s", good[i]);
}

static void guard__refuses__what_json_c_takes(void **state)
{
	static const char *const bad[] = {
	    "",
	    " ",
	    "{",
	    "}",
	    "{}x",
	    "{} {}",
	    "{'a':1}",
	    "{\"a\":1,\"a\":2}",
	    "{\"a\":1,\"\\u0061\":2}",
	    "{\"a\" 1}",
	    "{\"a\":1,}",
	    "[1,]",
	    "[1 2]",
	    "nul",
	    "NaN",
	    "-Infinity",
	    "Infinity",
	    "01",
	    "-",
	    "+1",
	    "1.5",
	    "1e3",
	    "1234567890123456789",
	    "\"\\u0000\"",
	    "\"\\ud800\"",
	    "\"\\udc00\\ud800\"",
	    "\"\\u12\"",
	    "\"\\x41\"",
	    "\"a",
	    "\"\x1b[31m\"",
	    "\"a\nb\"",
	    "\"\xc0\xaf\"",
	    "\"\xed\xa0\x80\"",
	    "\"\xf5\x80\x80\x80\"",
	    "\"\xe2\x82\"",
	    "\"\x80\"",
	    "[[[[[[[[[]]]]]]]]]",
	    "// comment\n1",
	    "/* */ 1",
	};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (!guard(bad[i], GUARD_OWN))
			fail_msg("%s", bad[i]);
	assert_int_not_equal(
	    guard_json((struct bytes){(const uint8_t *)"\"\0\"", 3}, GUARD_OWN),
	    OK);
}

static void guard__takes__plain_decimals_where_asked(void **state)
{
	(void)state;
	assert_int_equal(guard("1700000000.123456", GUARD_DECIMALS), OK);
	assert_int_equal(guard("-0.5", GUARD_DECIMALS), OK);
	assert_int_not_equal(guard("1.", GUARD_DECIMALS), OK);
	assert_int_not_equal(guard(".5", GUARD_DECIMALS), OK);
	assert_int_not_equal(guard("1e999", GUARD_DECIMALS), OK);
	assert_int_not_equal(guard("1e", GUARD_DECIMALS), OK);
	assert_int_not_equal(guard("1e+", GUARD_DECIMALS), OK);
	assert_int_not_equal(guard("1e+-1", GUARD_DECIMALS), OK);
	assert_int_not_equal(guard("1.e1", GUARD_DECIMALS), OK);
	assert_int_not_equal(guard("1e1.0", GUARD_DECIMALS), OK);
	assert_int_not_equal(guard("NaN", GUARD_DECIMALS), OK);
	assert_int_not_equal(guard("-Infinity", GUARD_DECIMALS), OK);
	assert_int_equal(guard("1.7952e+09", GUARD_DECIMALS), OK);
	assert_int_equal(guard("17E8", GUARD_DECIMALS), OK);
	assert_int_equal(guard("1e-5", GUARD_DECIMALS), OK);
	assert_int_not_equal(
	    guard("1.0000000000000000000000000", GUARD_DECIMALS), OK);
}

/* n times the same; or, with `numbered`, n keys. */
static struct buf many(const char *before, const char *each, size_t n,
		       bool numbered)
{
	struct buf b = {0};

	buf_printf(&b, "%s", before);
	for (size_t i = 0; i < n; i++) {
		if (numbered)
			buf_printf(&b, "\"k%zu\":1,", i);
		else
			buf_printf(&b, "%s", each);
	}
	return b;
}

static void guard__stops__early_on_what_is_deep_or_wide(void **state)
{
	struct buf deep = many("", "[", 2000000, false);
	struct buf wide = many("{", "", 1000000, true);
	struct buf list = many("[", "1,", 30000, false);
	clock_t from = clock();

	(void)state;
	assert_int_equal(guard_json((struct bytes){deep.p, deep.n}, GUARD_OWN),
			 ERR_LIMIT);
	assert_int_equal(guard_json((struct bytes){wide.p, wide.n}, GUARD_OWN),
			 ERR_LIMIT);
	assert_int_equal(guard_json((struct bytes){list.p, list.n}, GUARD_OWN),
			 ERR_LIMIT);
	/* all three, under sanitizers too; unbounded it would be seconds */
	assert_true(clock() - from < CLOCKS_PER_SEC / 2);
	buf_free(&deep);
	buf_free(&wide);
	buf_free(&list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(guard__lets_pass__what_is_well_formed),
	    cmocka_unit_test(guard__refuses__what_json_c_takes),
	    cmocka_unit_test(guard__takes__plain_decimals_where_asked),
	    cmocka_unit_test(guard__stops__early_on_what_is_deep_or_wide),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
