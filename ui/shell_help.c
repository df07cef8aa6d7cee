#include "ui/command.h"
#include "ui/shell.h"
#include <stdio.h>
#include <string.h>
/* sotto help: every table the program obeys, as text. */

enum { EXIT_USAGE = 2 };

const struct shell_option shell_options[] = {
    {"send", {"--wait", "ack|sent|none", "until when; ack"}},
    {"send", {"--timeout", "SECONDS", "how long; 30"}},
    {"send", {"--queue", NULL, "in time or not: stay in the outbox"}},
    {"send", {"--reply-to", "ID", "answer that message"}},
    {"recv", {"--count", "N", "end after so many"}},
    {"recv", {"--timeout", "SECONDS", "end after so long"}},
    {"recv", {"--from", "PEER", "only from him"}},
    {"recv", {"--match", "REGEX", "only texts that match"}},
    {"tail", {"-n", "N", "so many messages; 20"}},
    {"tail", {"-f", NULL, "go on as more come"}},
    {"search", {"--peer", "PEER", "of one conversation only"}},
    {"search", {"--count", "N", "at most so many (50)"}},
    {"run", {"--to", "PEER", "whom to tell; else the only one known"}},
    {"center", {"--yes", NULL, "remove: do not ask"}},
    {"center", {"--plain", NULL, "accounts of its plain listener"}},
    {NULL, {0}},
};

static void say_row(const char *indent, const struct option_row *r)
{
	char left[64];

	snprintf(left, sizeof left, "%s%s%s", r->name,
		 r->arg && strncmp(r->arg, "[=", 2) ? " " : "",
		 r->arg ? r->arg : "");
	if (strlen(left) > 28) /* a line of its own */
		printf("%s%s\n%s%-28s %s\n", indent, left, indent, "", r->help);
	else
		printf("%s%-28s %s\n", indent, left, r->help);
}

/* All of them below their title, or only one; how many that were. */
static int say_rows(const char *title, const struct option_row *r,
		    const char *only)
{
	int n = 0;

	if (!only)
		printf("%s\n", title);
	for (; r->name; r++) {
		if (only && strcmp(only, r->name))
			continue;
		say_row("  ", r);
		n++;
	}
	return n;
}

static int help_options(const char *only)
{
	return say_rows("options:", config_options, only);
}

static int help_exit(const char *only)
{
	return say_rows("exit codes:", config_exits, only);
}

static int help_config(const char *only)
{
	return say_rows("config.ini, one `key = value` a line:", config_keys,
			only) +
	       say_rows("environment:", config_environment, only);
}

static int help_keys(const char *only)
{
	if (only)
		return 0;
	printf("keys while typing, in lists, and commands:\n");
	for (const struct key_row *r = key_rows; r->help; r++)
		printf("  %-26s %-16s %-14s %s\n", r->input, r->list, r->slash,
		       r->help);
	printf("commands of the input line:\n");
	for (const struct slash_row *r = command_rows; r->name; r++)
		printf("  /%-9s %-18s %s\n", r->name, r->args, r->help);
	return 1;
}

static int help_commands(const char *only)
{
	int n = 0;

	if (!only)
		printf("sub-commands:\n");
	for (const struct command_row *r = config_commands; r->name; r++) {
		struct option_row row = {r->name, r->arg, r->help};

		if (only && strcmp(only, r->name))
			continue;
		n++;
		say_row("  ", &row);
		for (const struct shell_option *o = shell_options; o->command;
		     o++)
			if (!strcmp(o->command, r->name))
				say_row("      ", &o->row);
	}
	return n;
}

static const struct {
	const char *name;
	int (*say)(const char *only);
} topics[] = {
    {"options", help_options}, {"commands", help_commands}, {"exit", help_exit},
    {"keys", help_keys},       {"config", help_config},
};
enum { N_TOPICS = sizeof topics / sizeof *topics };

const char *shell_topic(size_t i)
{
	return i < N_TOPICS ? topics[i].name : NULL;
}

int shell_help(const struct config *cfg, struct words *w)
{
	const char *topic = w->argc > 1 ? w->argv[1] : "commands";
	const char *only = w->argc > 2 ? w->argv[2] : NULL;

	(void)cfg;
	for (size_t i = 0; i < N_TOPICS; i++)
		if (!strcmp(topics[i].name, topic)) {
			if (!topics[i].say(only))
				return shell_fail(EXIT_USAGE,
						  "help %s knows no %s", topic,
						  only);
			return shell_flush() ? 0 : 1;
		}
	return shell_fail(EXIT_USAGE,
			  "help knows options, commands, exit, "
			  "keys and config, not %s",
			  topic);
}
