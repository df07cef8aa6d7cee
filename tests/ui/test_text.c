#include "ui/text.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void expect_row(const struct rows *r, size_t i, const char *want)
{
	struct bytes s = rows_at(r, i);

	assert_true(i < r->n);
	assert_int_equal(s.n, strlen(want));
	if (s.n)
		assert_memory_equal(s.p, want, s.n);
}

static void rows__break_at_blanks(void **state)
{
	struct rows r = {0};

	(void)state;
	rows_make(&r, text_of("one two three"), 8);
	assert_int_equal(r.n, 2);
	expect_row(&r, 0, "one two");
	expect_row(&r, 1, "three");
	rows_make(&r, text_of("abcdefghij"), 4);
	assert_int_equal(r.n, 3);
	expect_row(&r, 2, "ij");
	rows_make(&r, text_of("a\r\n\nb"), 4);
	assert_int_equal(r.n, 3);
	expect_row(&r, 0, "a");
	expect_row(&r, 1, "");
	rows_make(&r, text_of(""), 4);
	assert_int_equal(r.n, 1);
	rows_free(&r);
}

static void rows__are_never_wider(void **state)
{
	static const char *const hostile[] = {
	    "\xe6\xbc\xa2\xe6\xbc\xa2\xe6\xbc\xa2\xe6\xbc\xa2\xe6\xbc\xa2",
	    "\033[31m\033]0;x\a\x9b",
	    "a\tb\tc\td",
	    "\xe2\x80\xae\xe2\x80\x8b\xe2\x80\x8d",
	    ("\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x91\xa9\xe2\x80\x8d"
	     "\xf0\x9f\x91\xa7"),
	    "e\xcc\x81\xcc\x81\xcc\x81\xcc\x81\xcc\x81\xcc\x81\xcc\x81",
	    "\xff\xfe\xc3",
	    "        x        y        ",
	};
	struct rows r = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++)
		for (int cols = 8; cols < 30; cols++) {
			rows_make(&r, text_of(hostile[i]), cols);
			for (size_t k = 0; k < r.n; k++)
				assert_true(text_cols(rows_at(&r, k)) <= cols);
		}
	rows_free(&r);
}

static void fit__splits_no_character(void **state)
{
	int width;

	(void)state;
	assert_int_equal(
	    text_fit(text_of("\xe6\xbc\xa2\xe6\xbc\xa2"), 3, &width), 3);
	assert_int_equal(width, 2);
	assert_int_equal(text_fit(text_of("e\xcc\x81x"), 1, &width), 3);
}

/* As many columns as any terminal takes. */
static void cols__are_those_of_the_widest(void **state)
{
	static const struct {
		const char *text;
		int cols;
		bool doubtful;
	} t[] = {
	    {"\xe0\xa4\xb7\xe0\xa4\xbf", 2, false},            /* Devanagari */
	    {"\xe1\x84\x92\xe1\x85\xa1\xe1\x86\xab", 2, true}, /* Jamo */
	    {"\xe2\x9d\xa4\xef\xb8\x8f", 2, true},             /* a heart */
	    {"\xe2\x9d\xa4", 1, false},                        /* its sign */
	    {"\xf0\x9f\x87\xa9\xf0\x9f\x87\xaa", 2, true},     /* a flag */
	    {"\xf0\x9f\x91\x8d\xf0\x9f\x8f\xbd", 4, true},     /* a thumb */
	    {"\xe6\xbc\xa2", 2, false},
	    {"e\xcc\x81", 1, false},
	};
	int over;

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct bytes s = text_of(t[i].text);
		struct glyph g = glyph_at(s, 0);
		assert_int_equal(g.len, s.n);
		assert_int_equal(g.cols, t[i].cols);
		assert_int_equal(glyph_doubtful(s, 0, g, &over), t[i].doubtful);
		assert_int_equal(over, 0);
	}
}

static void before__is_the_other_way(void **state)
{
	struct bytes s = text_of("ae\xcc\x81\xe6\xbc\xa2\xf0\x9f\x91\xa9\xe2"
				 "\x80\x8d\xf0\x9f\x91\xa7 b");

	(void)state;
	for (size_t at = 0; at < s.n;) {
		size_t next = at + glyph_at(s, at).len;
		assert_int_equal(glyph_before(s, next), at);
		at = next;
	}
}

static void line__is_one_and_clean(void **state)
{
	char out[16];

	(void)state;
	text_line(out, sizeof(out), text_of("ab\ncd"), 10);
	assert_string_equal(out, "ab");
	text_line(out, sizeof(out), text_of("a\033b"), 10);
	assert_null(strchr(out, '\033'));
	text_line(out, 4, text_of("\xe6\xbc\xa2\xe6\xbc\xa2"), 10);
	assert_string_equal(out, "\xe6\xbc\xa2");
}

static void url__ends_before_the_full_stop(void **state)
{
	struct bytes s = text_of("see (https://a.org/x?y=1). or http://b");
	size_t at = 0, n;

	(void)state;
	assert_true(text_url(s, &at, &n));
	assert_int_equal(at, 5);
	assert_int_equal(n, strlen("https://a.org/x?y=1"));
	at += n;
	assert_true(text_url(s, &at, &n));
	assert_int_equal(n, strlen("http://b"));
	at += n;
	assert_false(text_url(s, &at, &n));
	at = 0;
	assert_false(
	    text_url(text_of("ftp://a javascript:x https://"), &at, &n));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(rows__break_at_blanks),
	    cmocka_unit_test(rows__are_never_wider),
	    cmocka_unit_test(fit__splits_no_character),
	    cmocka_unit_test(cols__are_those_of_the_widest),
	    cmocka_unit_test(before__is_the_other_way),
	    cmocka_unit_test(line__is_one_and_clean),
	    cmocka_unit_test(url__ends_before_the_full_stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
