#include "ui/highlight.h"
#include "ui/text.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
/* cmocka needs setjmp and stdarg */
#include <cmocka.h>

/* "<url>" "[hit]" "{name}" around what is marked, as text. */
static void expect(const char *text, const char *words, const char *nick,
		   const char *want)
{
	static const char *const open = "<{[", *const close = ">}]";
	struct highlights m = {0};
	char got[512] = "";
	size_t n = 0, len = strlen(text);

	highlight_find(&m, text_of(text), text_of(words), text_of(nick));
	for (size_t at = 0; at <= len; at++) {
		for (size_t i = 0; i < m.n; i++)
			if (m.mark[i].from + m.mark[i].n == at)
				got[n++] = close[m.mark[i].kind];
		for (size_t i = 0; i < m.n; i++)
			if (m.mark[i].from == at)
				got[n++] = open[m.mark[i].kind];
		got[n++] = text[at];
	}
	highlight_free(&m);
	assert_string_equal(got, want);
}

static void what_was_searched__is__marked(void **state)
{
	(void)state;
	expect("one two three", "two", "", "one [two] three");
	expect("one two three", "t", "", "one [t]wo [t]hree");
	expect("ONE Two", "two one", "", "[ONE] [Two]");
	expect("a\u00e7\u00e3o", "acao", "", "[a\u00e7\u00e3o]");
	expect("x acao y", "A\u00c7\u00c3O", "", "x [acao] y");
	expect("Stra\u00dfe", "strasse", "", "[Stra\u00dfe]");
	expect("\u6771\u4eac\u90fd", "\u4eac", "", "\u6771[\u4eac]\u90fd");
	expect("nothing", "else", "", "nothing");
	expect("", "x", "y", "");
}

static void names_and_pages__are__marked(void **state)
{
	(void)state;
	expect("ana, look", "", "ana", "{ana}, look");
	expect("banana ANA anarchy", "", "ana", "banana {ANA} anarchy");
	expect("see https://a.b/c. now", "", "ana", "see <https://a.b/c>. now");
	expect("https://a.b/ana", "", "ana", "<https://a.b/{ana>}");
	assert_true(
	    highlight_named(text_of("hi Zo\u00eb!"), text_of("zo\u00eb")));
	assert_false(highlight_named(text_of("hi"), text_of("")));
	assert_false(highlight_named(text_of("bananas"), text_of("ana")));
}

/* Whatever the text, a mark lies in it. */
static void highlights__lie__in_the_text(void **state)
{
	uint32_t r = 12345;

	(void)state;
	for (int k = 0; k < 20000; k++) {
		uint8_t s[24], w[3];
		for (size_t i = 0; i < sizeof s; i++)
			s[i] = (uint8_t)((r = r * 1103515245 + 12345) >> 16);
		for (size_t i = 0; i < sizeof w; i++)
			w[i] = s[(r = r * 1103515245 + 12345) >> 16 & 15];
		struct highlights m = {0};
		highlight_find(&m, (struct bytes){s, sizeof s},
			       (struct bytes){w, 1 + (size_t)k % 3},
			       (struct bytes){w, 2});
		for (size_t i = 0; i < m.n; i++)
			assert_true(m.mark[i].n <= sizeof s &&
				    m.mark[i].from <= sizeof s - m.mark[i].n);
		highlight_free(&m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_was_searched__is__marked),
	    cmocka_unit_test(names_and_pages__are__marked),
	    cmocka_unit_test(highlights__lie__in_the_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
