#include "proto/base.h"
#include "ui/text.h"
#include "ui/words.h"
#include <libintl.h>
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
/* cmocka needs setjmp and stdarg */
#include <cmocka.h>

static const char *said(const char *s)
{
	static char out[SAID_MAX];

	return words_said(out, s);
}

static void said__in_english__is_what_came(void **state)
{
	static const char *const text[] = {
	    "",
	    "no answer",
	    "bob: no answer",
	    "%s",
	    "100% of %1$s",
	    "bob is blocked",
	    "bob is ana now, not carla",
	    " is  is  now, not ",
	    "what nobody ever says: at all",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(text) / sizeof(text[0]); i++)
		assert_string_equal(said(text[i]), text[i]);
}

static void said__of_any_length__fits(void **state)
{
	char long_one[4 * SAID_MAX] = "", odd[SAID_MAX] = "";

	(void)state;
	for (size_t i = 0; i + 3 < sizeof(long_one); i += 2)
		strcat(long_one, "ő");
	assert_true(strlen(said(long_one)) < SAID_MAX);
	assert_true(utf8_ok(text_of(said(long_one))));
	/* what fits in as many ways as can be takes no time */
	while (strlen(odd) + 24 < sizeof(odd))
		strcat(odd, ": is  now, not : it ");
	assert_string_equal(said(odd), odd);
}

/* Beside the program, as it was built. */
static bool in_portuguese(void)
{
	char path[1024] = SOTTO_PATH;

	strcpy(strrchr(path, '/'), "/locale");
	if (access(path, F_OK))
		return false;
	bindtextdomain("sotto", path);
	bind_textdomain_codeset("sotto", "UTF-8");
	words_language("pt");
	return true;
}

static void said__in_another_language__keeps_names(void **state)
{
	(void)state;
	if (!in_portuguese())
		skip();
	assert_string_equal(said("no answer"), "sem resposta");
	assert_string_equal(said("json://h:1: no answer"),
			    "json://h:1: sem resposta");
	assert_string_equal(said("a: b: no answer"), "a: b: sem resposta");
	assert_string_equal(said("no answer: no answer"),
			    "no answer: sem resposta");
	assert_string_equal(said("%n is blocked"), "%n está bloqueado");
	assert_string_equal(said("10.0.0.1:5 is bob now, not ana"),
			    "10.0.0.1:5 agora é bob, não ana");
	assert_string_equal(said("24 or 12, not \"13\""),
			    "24 ou 12, não \"13\"");
	assert_string_equal(said("to 3"), "a 3");
	assert_string_equal(words_security("hostile"),
			    "violou as regras do canal");
	assert_string_equal(words_security("unheard of"), "unheard of");
	assert_string_equal(words_security(NULL), "");
	words_language("en");
	assert_string_equal(said("no answer"), "no answer");
}

static void count__and_day__follow_the_language(void **state)
{
	char day[96], at[96];

	(void)state;
	if (!in_portuguese())
		skip();
	setenv("TZ", "UTC", 1);
	assert_string_equal(words_count("%u unread", "%u unread", 1),
			    "%u não lida");
	assert_string_equal(words_count("%u unread", "%u unread", 2),
			    "%u não lidas");
	words_day(day, 1795201200000, true);
	assert_string_equal(day, "sexta-feira, 20 de novembro de 2026");
	words_language("hu");
	words_day(at, 1795201200000, true);
	assert_string_equal(at, "2026. november 20., péntek");
	words_language("en");
	words_day(day, 1795201200000, false);
	assert_string_equal(day, "20 November 2026");
}

static void pad__counts__columns(void **state)
{
	struct buf b = {0};

	(void)state;
	text_pad(&b, text_of("őő"), 4);
	text_pad(&b, text_of("漢"), -4);
	text_pad(&b, text_of("long"), 2);
	text_pad(&b, text_of("x"), 0);
	buf_put(&b, (struct bytes){(const uint8_t *)"", 1});
	assert_string_equal(b.p, "őő    漢longx");
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(said__in_english__is_what_came),
	    cmocka_unit_test(said__of_any_length__fits),
	    cmocka_unit_test(said__in_another_language__keeps_names),
	    cmocka_unit_test(count__and_day__follow_the_language),
	    cmocka_unit_test(pad__counts__columns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
