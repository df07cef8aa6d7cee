/* sotto completions: a script for a shell, made from the tables. */
#include "ui/shell_complete.h"
#include <stdio.h>
#include <string.h>

enum { EXIT_USAGE = 2 };

/* ---- what stands where ---- */

/* "ack|sent|none": words as they are typed, and nothing to put in for them */
static bool choices(const char *arg)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789-|";

	return strchr(arg, '|') && !arg[strspn(arg, letters)];
}

static void put_choices(const char *arg, struct place *out)
{
	out->takes = TAKES_WORDS;
	snprintf(out->words, sizeof out->words, "%s", arg);
	for (char *p = out->words; *p; p++)
		if (*p == '|')
			*p = ' ';
}

void complete_value(const struct option_row *r, struct place *out)
{
	*out = (struct place){.takes = TAKES_NOTHING};
	if (!r->arg || r->arg[0] == '[')
		return;
	out->takes = TAKES_ANY;
	if (choices(r->arg))
		put_choices(r->arg, out);
	else if (!strcmp(r->arg, "FILE"))
		out->takes = TAKES_FILE;
	else if (!strcmp(r->arg, "DIR"))
		out->takes = TAKES_FOLDER;
	else if (!strcmp(r->arg, "PEER"))
		out->takes = TAKES_PEER;
}

static void add_word(struct place *p, const char *word)
{
	size_t n = strlen(p->words);

	p->takes = TAKES_WORDS;
	snprintf(p->words + n, sizeof p->words - n, "%s%s", n ? " " : "", word);
}

const char *complete_topic(size_t i, struct place *names)
{
	const char *topic = shell_topic(i);

	*names = (struct place){.takes = TAKES_NOTHING};
	if (!topic)
		return NULL;
	if (!strcmp(topic, "commands"))
		for (const struct command_row *r = config_commands; r->name;
		     r++)
			add_word(names, r->name);
	if (!strcmp(topic, "config"))
		for (const struct option_row *r = config_keys; r->name; r++)
			add_word(names, r->name);
	return topic;
}

static bool begins(const char *s, const char *with)
{
	return !strncmp(s, with, strlen(with));
}

void complete_word(const struct command_row *r, int n, struct place *out)
{
	char first[64]; /* of the words in arg */
	const char *arg = first, *topic;
	struct place names;

	*out = (struct place){.takes = TAKES_NOTHING};
	if (r->arg && strstr(r->arg, "-- CMD")) {
		out->takes = TAKES_COMMAND;
		return;
	}
	if (n != 1 || !r->arg)
		return;
	snprintf(first, sizeof first, "%.*s",
		 (int)strcspn(r->arg + (r->arg[0] == '['), " ]"),
		 r->arg + (r->arg[0] == '['));
	if (choices(arg))
		put_choices(arg, out);
	else if (begins(arg, "PEER") || begins(arg, "ADDR"))
		out->takes = TAKES_PEER;
	else if (begins(arg, "TOPIC"))
		for (size_t i = 0; (topic = complete_topic(i, &names)); i++)
			add_word(out, topic);
}

/* ---- writing ---- */

void complete_escaped(const char *s, const char *from, const char *quote)
{
	for (; *s; s++)
		if (*s == '\'')
			fputs(quote, stdout);
		else
			printf(strchr(from, *s) ? "\\%c" : "%c", *s);
}

void complete_commands(void)
{
	for (const struct command_row *r = config_commands; r->name; r++)
		printf("%s%s", r == config_commands ? "" : " ", r->name);
}

void complete_rows(const struct option_row *r)
{
	for (const struct option_row *first = r; r->name; r++)
		printf("%s%s", r == first ? "" : " ", r->name);
}

static const struct {
	const char *name;
	void (*put)(void);
} shells[] = {
    {"bash", complete_bash}, {"zsh", complete_zsh}, {"fish", complete_fish}};

int shell_complete(const struct config *cfg, struct words *w)
{
	(void)cfg;
	if (!words_end(w, 1))
		return EXIT_USAGE;
	for (size_t i = 0; i < sizeof shells / sizeof *shells && w->argc > 1;
	     i++)
		if (!strcmp(shells[i].name, w->argv[1])) {
			shells[i].put();
			return shell_flush() ? 0 : 1;
		}
	return shell_fail(
	    EXIT_USAGE, "completions knows bash, zsh and fish%s%s",
	    w->argc > 1 ? ", not " : "", w->argc > 1 ? w->argv[1] : "");
}
