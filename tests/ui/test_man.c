/* man/sotto.1 against the tables that the program obeys, both ways. */
#include "src/config.h"
#include "ui/command.h"
#include "ui/shell.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka needs three of the above */
#include <cmocka.h>

enum { WORDS = 1024, WORD = 64 };

/* One word of the page that stands behind a macro. */
struct word {
	char section[WORD]; /* .Sh or .Ss */
	char command[WORD]; /* the .It Cm before it in this section, or "" */
	char macro[4];      /* Fl, Ic, Cm, Ev; "It": the word itself */
	char text[WORD];
	bool item; /* in the line of an .It: it is explained here */
};

struct page {
	struct word word[WORDS];
	size_t n;
};

static bool is_macro(const char *s)
{
	static const char *const known[] = {"Fl", "Ic", "Cm", "Ev", "Ar", "Op",
					    "Oo", "Oc", "Ns", "It", "Pa", "Ql",
					    "Pq", "Xr", "Dv", "Sy", NULL};

	for (size_t i = 0; known[i]; i++)
		if (!strcmp(known[i], s))
			return true;
	return false;
}

/* Without \&, and without what ends a sentence. */
static void plain(char out[static WORD], const char *in)
{
	size_t n = 0;

	for (; *in && n < WORD - 1; in++) {
		if (in[0] == '\\' && in[1] == '&')
			in++;
		else if (*in != '"')
			out[n++] = *in;
	}
	out[n] = 0;
}

static bool punctuation(const char *s)
{
	return !s[1] && strchr(",.;:()|", s[0]);
}

static void add(struct page *p, const struct word *w, const char *raw)
{
	struct word *to = &p->word[p->n];

	assert_true(p->n < WORDS);
	*to = *w;
	plain(to->text, raw);
	if (!strcmp(w->macro, "Fl"))
		snprintf(to->text, WORD, "-%.60s", strcmp(raw, "-") ? raw : "");
	p->n++;
}

/* One line of macros, its dot gone. */
static void take(struct page *p, struct word *w, char *line)
{
	bool first = true;

	w->macro[0] = 0;
	w->item = false;
	for (char *s; (s = strsep(&line, " \n"));) {
		if (!*s)
			continue;
		if (is_macro(s)) {
			w->item |= first && !strcmp(s, "It");
			snprintf(w->macro, sizeof w->macro, "%s", s);
		} else if (w->macro[0] && !punctuation(s)) {
			add(p, w, s);
			if (w->item && !strcmp(w->macro, "Cm") &&
			    !w->command[0])
				plain(w->command, s);
		}
		first = false;
	}
}

static void read_page(struct page *p)
{
	FILE *f = fopen(TESTS_DIR "/../man/sotto.1", "r");
	struct word w = {0};
	char line[256];

	assert_non_null(f);
	while (fgets(line, sizeof line, f)) {
		if (!strncmp(line, ".Sh ", 4) || !strncmp(line, ".Ss ", 4)) {
			line[strcspn(line, "\n")] = 0;
			snprintf(w.section, WORD, "%.60s", line + 4);
			w.command[0] = 0;
			continue;
		}
		/* a sub-command begins; its options follow */
		if (!strncmp(line, ".It Cm", 6))
			w.command[0] = 0;
		if (line[0] == '.' && line[1] != '\\')
			take(p, &w, line + 1);
	}
	fclose(f);
}

static struct page *page(void)
{
	static struct page p;

	if (!p.n)
		read_page(&p);
	return &p;
}

static bool explained(const char *section, const char *command,
		      const char *macro, const char *text)
{
	const struct page *p = page();

	for (size_t i = 0; i < p->n; i++) {
		const struct word *w = &p->word[i];

		if (w->item && !strcmp(w->section, section) &&
		    !strcmp(w->macro, macro) && !strcmp(w->text, text) &&
		    (!command || !strcmp(w->command, command)))
			return true;
	}
	return false;
}

static void expect(const char *section, const char *command, const char *macro,
		   const char *text)
{
	if (!explained(section, command, macro, text))
		fail_msg("\"%s\" (.It %s) is not in section %s", text, macro,
			 section);
}

static bool in_rows(const struct option_row *r, const char *name)
{
	for (; r->name; r++)
		if (!strcmp(r->name, name))
			return true;
	return false;
}

static bool is_shell_option(const char *name, const char *command)
{
	for (const struct shell_option *o = shell_options; o->command; o++)
		if (!strcmp(o->row.name, name) &&
		    (!*command || !strcmp(o->command, command)))
			return true;
	return false;
}

static bool listed(const char *keys, const char *key)
{
	size_t n = strlen(key);

	while (*keys) {
		size_t k = strcspn(keys, " ");

		if (k == n && !memcmp(keys, key, n))
			return true;
		keys += k + (keys[k] == ' ');
	}
	return false;
}

static bool is_key(const char *name)
{
	for (const struct key_row *r = key_rows; r->help; r++)
		if (listed(r->input, name) || listed(r->list, name))
			return true;
	return false;
}

static bool is_slash(const char *name)
{
	if (*name != '/')
		return false;
	for (const struct slash_row *r = command_rows; r->name; r++)
		if (!strcmp(r->name, name + 1))
			return true;
	return false;
}

static void man__explains__what_the_tables_hold(void **state)
{
	(void)state;
	for (const struct option_row *r = config_options; r->name; r++)
		expect("Options", NULL, "Fl", r->name);
	for (const struct option_row *r = config_keys; r->name; r++)
		expect("CONFIGURATION", NULL, "Ic", r->name);
	for (const struct option_row *r = config_environment; r->name; r++)
		expect("ENVIRONMENT", NULL, "Ev", r->name);
	for (const struct option_row *r = config_exits; r->name; r++)
		expect("EXIT STATUS", NULL, "It", r->name);
	for (const struct command_row *r = config_commands; r->name; r++)
		expect("SUB-COMMANDS", NULL, "Cm", r->name);
	for (const struct shell_option *o = shell_options; o->command; o++)
		expect("SUB-COMMANDS", o->command, "Fl", o->row.name);
	for (const struct slash_row *r = command_rows; r->name; r++) {
		char name[WORD];

		snprintf(name, sizeof name, "/%.50s", r->name);
		expect("Slash commands", NULL, "Ic", name);
	}
}

static void expect_keys(const char *keys)
{
	while (*keys) {
		size_t n = strcspn(keys, " ");
		char key[WORD];

		snprintf(key, sizeof key, "%.*s", (int)n, keys);
		expect("Keys", NULL, "Ic", key);
		keys += n + (keys[n] == ' ');
	}
}

static void man__explains__every_key(void **state)
{
	(void)state;
	for (const struct key_row *r = key_rows; r->help; r++) {
		expect_keys(r->input);
		expect_keys(r->list);
	}
}

static bool known(const struct word *w)
{
	if (!strcmp(w->macro, "Fl"))
		return !strcmp(w->text, "-") ||
		       in_rows(config_options, w->text) ||
		       is_shell_option(w->text, w->command);
	if (!strcmp(w->macro, "Ic"))
		return is_key(w->text) || is_slash(w->text) ||
		       in_rows(config_keys, w->text);
	if (!strcmp(w->macro, "Ev"))
		return in_rows(config_environment, w->text);
	if (w->item && !strcmp(w->section, "EXIT STATUS"))
		return in_rows(config_exits, w->text);
	return true;
}

static void man__knows__nothing_else(void **state)
{
	const struct page *p = page();

	(void)state;
	assert_true(p->n > 100);
	for (size_t i = 0; i < p->n; i++)
		if (!known(&p->word[i]))
			fail_msg(".%s %s in section %s: no such thing",
				 p->word[i].macro, p->word[i].text,
				 p->word[i].section);
}

static void command__is_known__when_it_is_explained(void **state)
{
	const struct page *p = page();

	(void)state;
	for (size_t i = 0; i < p->n; i++) {
		const struct word *w = &p->word[i];

		if (!w->item || strcmp(w->section, "SUB-COMMANDS") ||
		    strcmp(w->macro, "Cm") || strcmp(w->text, w->command))
			continue;
		if (!config_command(w->text))
			fail_msg("no sub-command %s", w->text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(man__explains__what_the_tables_hold),
	    cmocka_unit_test(man__explains__every_key),
	    cmocka_unit_test(man__knows__nothing_else),
	    cmocka_unit_test(command__is_known__when_it_is_explained),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
