#include "ui/command.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct bytes view(const char *s)
{
	return (struct bytes){(const uint8_t *)s, strlen(s)};
}

static struct parsed parse(const char *s)
{
	struct parsed p;

	command_parse(view(s), &p);
	return p;
}

static bool same(struct bytes s, const char *want)
{
	return s.n == strlen(want) && (!s.n || !memcmp(s.p, want, s.n));
}

static void text__is_text(void **state)
{
	(void)state;
	assert_int_equal(parse("hello /quit").line, LINE_TEXT);
	assert_int_equal(parse(" /quit").line, LINE_TEXT);
	assert_int_equal(parse(" \n ").line, LINE_EMPTY);
	assert_int_equal(parse("").line, LINE_EMPTY);
	struct parsed p = parse("//quit");
	assert_int_equal(p.line, LINE_TEXT);
	assert_true(same(p.text, "/quit"));
}

static void prefix__must_be_clear(void **state)
{
	(void)state;
	assert_int_equal(parse("/q").row->kind, SL_QUIT);
	assert_int_equal(parse("/conn a:1").row->kind, SL_CONNECT);
	assert_int_equal(parse("/r hi").row->kind, SL_REPLY);
	assert_int_equal(parse("/c").line, LINE_UNCLEAR);
	assert_int_equal(parse("/").line, LINE_UNKNOWN);
}

static void unknown__offers_three(void **state)
{
	struct parsed p = parse("/qiut");

	(void)state;
	assert_int_equal(p.line, LINE_UNKNOWN);
	assert_string_equal(p.near[0]->name, "quit");
	assert_non_null(p.near[2]);
}

static void words__are_counted(void **state)
{
	struct parsed p = parse("/msg bob are you there");

	(void)state;
	assert_int_equal(p.line, LINE_SLASH);
	assert_true(same(p.peer, "bob") && same(p.text, "are you there"));
	assert_int_equal(parse("/msg").line, LINE_USAGE);
	assert_int_equal(parse("/quit now").line, LINE_USAGE);
	assert_int_equal(parse("/quit\nand more").line, LINE_USAGE);
	assert_int_equal(parse("/chat host").line, LINE_USAGE);
}

static void aliases__dial(void **state)
{
	struct command cmd;
	struct parsed p = parse("/chat 10.0.0.7 6327");

	(void)state;
	assert_true(command_build(&p, 0, &cmd));
	assert_int_equal(cmd.kind, CMD_CONNECT);
	assert_string_equal(cmd.to, "10.0.0.7:6327");
	free(cmd.to);
	p = parse("/register ::1 6327");
	assert_true(command_build(&p, 0, &cmd));
	assert_string_equal(cmd.to, "[::1]:6327");
	free(cmd.to);
}

static void set__writes_the_file_when_asked(void **state)
{
	static const char *const line[] = {"/set bell off now",
					   "/set -s bell off now"};

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct parsed p = parse(line[i]);
		struct command cmd;

		assert_true(command_build(&p, 7, &cmd));
		assert_int_equal(cmd.kind, CMD_SET);
		assert_string_equal(cmd.name, "bell");
		assert_string_equal(cmd.text, "off now");
		assert_int_equal(cmd.yes, i);
		free(cmd.name);
		free(cmd.text);
	}
	assert_int_equal(parse("/set -s bell").line, LINE_USAGE);
	assert_int_equal(parse("/set bell").line, LINE_USAGE);
}

static void login__takes_a_word_of_warning(void **state)
{
	static const struct {
		const char *line, *user;
		bool insecure;
	} said[] = {
	    {"/login center://h seas", "seas", false},
	    {"/login center://h seas insecure", "seas", true},
	    {"/login center://h insecure", "", true},
	    {"/login center://h veryinsecure", "veryinsecure", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(said) / sizeof(said[0]); i++) {
		struct parsed p = parse(said[i].line);
		struct command cmd;
		assert_true(command_build(&p, 0, &cmd));
		assert_int_equal(cmd.kind, CMD_LOGIN);
		assert_string_equal(cmd.to, "center://h");
		assert_string_equal(cmd.name, said[i].user);
		assert_int_equal(cmd.yes, said[i].insecure);
		free(cmd.to);
		free(cmd.name);
	}
}

static void nobody_named__is_who_is_open(void **state)
{
	struct command cmd;
	struct parsed p = parse("/block");

	(void)state;
	assert_true(command_build(&p, 7, &cmd));
	assert_int_equal(cmd.kind, CMD_BLOCK);
	assert_int_equal(cmd.contact, 7);
	assert_null(cmd.to);
}

/* What help says is obeyed. */
static void keys__of_the_table_act(void **state)
{
	char keys[256];

	(void)state;
	for (const struct key_row *r = key_rows; r->help; r++)
		for (int list = 0; list < 2; list++) {
			char *save = NULL, *k;
			const char *from = list ? r->list : r->input;
			assert_true(strlen(from) < sizeof(keys));
			memcpy(keys, from, strlen(from) + 1);
			for (k = strtok_r(keys, " ", &save); k;
			     k = strtok_r(NULL, " ", &save))
				assert_int_equal(key_action(k, !list),
						 r->action);
		}
	assert_int_equal(key_action("q", true), ACT_NONE);
	assert_int_equal(key_action("", false), ACT_NONE);
}

static void names__are_their_own_prefix(void **state)
{
	(void)state;
	for (const struct slash_row *r = command_rows; r->name; r++) {
		char line[64] = "/";
		struct parsed p;
		strncat(line, r->name, 30);
		command_parse(view(line), &p);
		assert_ptr_equal(p.row, r);
		assert_ptr_equal(command_begun(view(line)), r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(text__is_text),
	    cmocka_unit_test(prefix__must_be_clear),
	    cmocka_unit_test(unknown__offers_three),
	    cmocka_unit_test(words__are_counted),
	    cmocka_unit_test(aliases__dial),
	    cmocka_unit_test(set__writes_the_file_when_asked),
	    cmocka_unit_test(login__takes_a_word_of_warning),
	    cmocka_unit_test(nobody_named__is_who_is_open),
	    cmocka_unit_test(keys__of_the_table_act),
	    cmocka_unit_test(names__are_their_own_prefix),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
