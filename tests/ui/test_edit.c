#include "ui/edit.h"
#include "ui/text.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static int begin(void **state)
{
	*state = edit_new();
	return 0;
}

static int end(void **state)
{
	edit_free(*state);
	return 0;
}

static void type(struct edit *e, const char *s)
{
	edit_insert(e, text_of(s));
}

/* `|` stands where the cursor is. */
static void expect(const struct edit *e, const char *want)
{
	struct bytes s = edit_text(e);
	size_t at = edit_cursor(e);
	char have[512];

	assert_true(s.n + 2 < sizeof(have) && at <= s.n);
	if (at)
		memcpy(have, s.p, at);
	have[at] = '|';
	if (s.n > at)
		memcpy(have + at + 1, s.p + at, s.n - at);
	have[s.n + 1] = '\0';
	assert_string_equal(have, want);
}

static void edit__moves_by_cluster(void **state)
{
	struct edit *e = *state;

	type(e, "ae\xcc\x81\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x91\xa7");
	edit_do(e, ED_LEFT);
	expect(e, "ae\xcc\x81|\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x91\xa7");
	edit_do(e, ED_BACKSPACE);
	expect(e, "a|\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x91\xa7");
	edit_do(e, ED_DELETE);
	expect(e, "a|");
	assert_false(edit_do(e, ED_DELETE)); /* Ctrl-D never quits */
}

static void edit__moves_and_cuts_words(void **state)
{
	struct edit *e = *state;

	type(e, "one two-three four");
	edit_do(e, ED_WORD_LEFT);
	expect(e, "one two-three |four");
	edit_do(e, ED_KILL_BLANK);
	expect(e, "one |four");
	edit_do(e, ED_END);
	edit_do(e, ED_YANK);
	expect(e, "one fourtwo-three |");
	edit_do(e, ED_KILL_BACK);
	expect(e, "one fourtwo-|");
	edit_do(e, ED_HOME);
	edit_do(e, ED_KILL_WORD);
	expect(e, "| fourtwo-");
	edit_do(e, ED_KILL_END);
	expect(e, "|");
}

static void kill__in_a_row_is_one(void **state)
{
	struct edit *e = *state;

	type(e, "a b c");
	edit_do(e, ED_KILL_BLANK);
	edit_do(e, ED_KILL_BLANK);
	expect(e, "a |");
	edit_do(e, ED_YANK);
	expect(e, "a b c|");
}

static void yank_pop__goes_round(void **state)
{
	struct edit *e = *state;

	type(e, "one");
	edit_do(e, ED_CLEAR);
	type(e, "two");
	edit_do(e, ED_CLEAR);
	edit_do(e, ED_YANK);
	expect(e, "two|");
	edit_do(e, ED_YANK_POP);
	expect(e, "one|");
	edit_do(e, ED_YANK_POP);
	expect(e, "two|");
	type(e, "!");
	assert_false(edit_do(e, ED_YANK_POP));
}

static void undo__takes_back(void **state)
{
	struct edit *e = *state;

	type(e, "abc");
	edit_do(e, ED_KILL_START);
	expect(e, "|");
	edit_do(e, ED_UNDO);
	expect(e, "abc|");
	edit_do(e, ED_UNDO);
	expect(e, "|");
	assert_false(edit_do(e, ED_UNDO));
}

static void transpose__swaps(void **state)
{
	struct edit *e = *state;

	type(e, "ab");
	edit_do(e, ED_TRANSPOSE);
	expect(e, "ba|");
	edit_do(e, ED_LEFT);
	edit_do(e, ED_TRANSPOSE);
	expect(e, "ab|");
}

static void history__keeps_the_draft(void **state)
{
	struct edit *e = *state;

	type(e, "first");
	edit_sent(e);
	type(e, "second");
	edit_sent(e);
	type(e, "unsent");
	edit_do(e, ED_UP);
	expect(e, "second|");
	edit_do(e, ED_UP);
	expect(e, "first|");
	assert_false(edit_do(e, ED_UP));
	edit_do(e, ED_DOWN);
	edit_do(e, ED_DOWN);
	expect(e, "unsent|");
	edit_set(e, text_of("fi"), 2);
	edit_do(e, ED_FIND);
	expect(e, "fi|rst");
}

static void draft__outlives_what_was_sent_again(void **state)
{
	struct edit *e = *state;

	type(e, "first");
	edit_sent(e);
	type(e, "half");
	edit_do(e, ED_UP);
	edit_sent(e);
	expect(e, "half|");
	edit_do(e, ED_UP);
	type(e, " more");
	edit_do(e, ED_DOWN);
	expect(e, "half|");
	edit_do(e, ED_UP);
	edit_set(e, text_of(""), 0);
	edit_do(e, ED_YANK);
	expect(e, "half|");
	edit_do(e, ED_YANK_POP);
	expect(e, "first more|");
}

static void find__stands_behind_the_letters(void **state)
{
	struct edit *e = *state;

	type(e, "\xc3\xbc\xc3\xbc ab 1");
	edit_sent(e);
	type(e, "a\xcc\x81 ab 2");
	edit_sent(e);
	type(e, "ab");
	edit_do(e, ED_FIND);
	expect(e, "a\xcc\x81 ab| 2");
	edit_do(e, ED_FIND);
	expect(e, "\xc3\xbc\xc3\xbc ab| 1");
	assert_false(edit_do(e, ED_FIND));
	edit_set(e, text_of("a"), 1);
	edit_do(e, ED_FIND); /* never inside of a cluster */
	expect(e, "|a\xcc\x81 ab 2");
}

static void lines__are_walked_before_history(void **state)
{
	struct edit *e = *state;

	type(e, "sent");
	edit_sent(e);
	type(e, "abc\nde");
	edit_do(e, ED_UP);
	expect(e, "ab|c\nde");
	edit_do(e, ED_DOWN);
	expect(e, "abc\nde|");
	edit_do(e, ED_HOME);
	expect(e, "abc\n|de");
	edit_do(e, ED_UP);
	edit_do(e, ED_UP);
	expect(e, "sent|");
}

static void bytes__become_well_formed(void **state)
{
	struct edit *e = *state;

	edit_insert(e, (struct bytes){(const uint8_t *)"a\xff\0b\xc3", 5});
	expect(e, "a\xef\xbf\xbd"
		  "b\xef\xbf\xbd|");
	assert_true(utf8_ok(edit_text(e)));
}

static void size__is_bounded(void **state)
{
	struct edit *e = *state;
	static uint8_t much[EDIT_MAX + 10];

	memset(much, 'x', sizeof(much));
	assert_false(edit_insert(e, (struct bytes){much, sizeof(much)}));
	assert_int_equal(edit_text(e).n, EDIT_MAX);
	assert_false(edit_insert(e, text_of("y")));
}

static void replace__is_one_undo(void **state)
{
	struct edit *e = *state;

	type(e, "hi bo");
	edit_replace(e, 3, text_of("bob "));
	expect(e, "hi bob |");
	edit_do(e, ED_UNDO);
	expect(e, "hi bo|");
}

#define EDIT(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    EDIT(edit__moves_by_cluster),
	    EDIT(edit__moves_and_cuts_words),
	    EDIT(kill__in_a_row_is_one),
	    EDIT(yank_pop__goes_round),
	    EDIT(undo__takes_back),
	    EDIT(transpose__swaps),
	    EDIT(history__keeps_the_draft),
	    EDIT(draft__outlives_what_was_sent_again),
	    EDIT(find__stands_behind_the_letters),
	    EDIT(lines__are_walked_before_history),
	    EDIT(bytes__become_well_formed),
	    EDIT(size__is_bounded),
	    EDIT(replace__is_one_undo),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
