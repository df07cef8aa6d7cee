/* sotto completions fish */
#include "ui/shell_complete.h"
#include <stdio.h>
#include <string.h>

static const char head[] =
    "# fish completion of sotto, made by `sotto completions fish`.\n"
    "# As ~/.config/fish/completions/sotto.fish, or in config.fish:\n"
    "# sotto completions fish | source\n"
    "\n"
    "# COMMAND NUMBER [BEFORE]: is this the word of that number behind it?\n"
    "function __sotto_at\n"
    "\tset -l before ''\n"
    "\tset -l command ''\n"
    "\tset -l at 1\n"
    "\tset -l value\n"
    "\tset -l words (commandline -opc)\n"
    "\tfor word in $words[2..-1]\n"
    "\t\tif set -q value[1]\n"
    "\t\t\tset -e value\n"
    "\t\t\tset value\n"
    "\t\telse if contains -- $word $__sotto_takes\n"
    "\t\t\tset value $word\n"
    "\t\telse if test \"$word\" = --\n"
    "\t\t\treturn 1\n"
    "\t\telse if string match -q -- '-*' $word\n"
    "\t\t\tcontinue\n"
    "\t\telse if test -z \"$command\"\n"
    "\t\t\tset command $word\n"
    "\t\telse\n"
    "\t\t\tset at (math $at + 1)\n"
    "\t\t\tset before $word\n"
    "\t\tend\n"
    "\tend\n"
    "\tset -q value[1]; and return 1\n"
    "\tset -q argv[2]; or set argv[2] $at\n"
    "\tset -q argv[3]; or set argv[3] \"$before\"\n"
    "\ttest \"$argv\" = \"$command $at $before\"\n"
    "end\n"
    "\n"
    "# The value of an option, wherever it stands.\n"
    "function __sotto_given\n"
    "\tset -l words (commandline -opc)\n"
    "\tfor i in (seq 2 (count $words))\n"
    "\t\tif test \"$words[$i]\" = $argv[1]; and set -q words[(math $i + 1)]\n"
    "\t\t\techo $words[(math $i + 1)]\n"
    "\t\telse if string match -q -- \"$argv[1]=*\" $words[$i]\n"
    "\t\t\tstring replace -- \"$argv[1]=\" '' $words[$i]\n"
    "\t\tend\n"
    "\tend\n"
    "end\n"
    "\n"
    "# What one types as PEER. Who has no identity yet is not given one.\n"
    "function __sotto_peers\n"
    "\tset -l program (commandline -opc)[1]\n"
    "\tset -l place (__sotto_given --home)[-1]\n"
    "\tset -l who (__sotto_given --profile)[-1]\n"
    "\ttest -n \"$place\"; or set place $SOTTO_HOME\n"
    "\ttest -n \"$who\"; or set who $SOTTO_PROFILE\n"
    "\ttest -n \"$who\"; or set who default\n"
    "\tset -l data $place\n"
    "\tset -l of --profile $who\n"
    "\tif test -n \"$place\"\n"
    "\t\tset -a of --home $place\n"
    "\telse if test -n \"$XDG_DATA_HOME\"\n"
    "\t\tset data $XDG_DATA_HOME/sotto\n"
    "\telse\n"
    "\t\tset data ~/.local/share/sotto\n"
    "\tend\n"
    "\ttest $who = default; or set data $data/$who\n"
    "\ttest -e $data/identity; or return\n"
    "\tfor line in (timeout 2 $program $of peers --json -q \\\n"
    "\t\t</dev/null 2>/dev/null)\n"
    "\t\tfor like in '\"name\":\"([^\"\\\\\\\\]+)\"' \\\n"
    "\t\t\t'\"nick\":\"([^\"\\\\\\\\]+)\".*\"trust\":\"(?:pinned|verified)\"' "
    "\\\n"
    "\t\t\t'\"addr\":\"([^\"\\\\\\\\]+)\"' "
    "'\"ident\":\"[?]?([^\"\\\\\\\\]+)\"'\n"
    "\t\t\tset -l found (string match -r -- $like $line)\n"
    "\t\t\tand echo $found[2]\n"
    "\t\t\tand break\n"
    "\t\tend\n"
    "\tend\n"
    "end\n"
    "\n"
    "# Behind --: a command, and what its own completion knows of it.\n"
    "function __sotto_behind\n"
    "\t__sotto_command (commandline -opc) >/dev/null\n"
    "end\n"
    "function __sotto_command\n"
    "\tset -l at (contains -i -- -- $argv); or return\n"
    "\tset -e argv[1..$at]\n"
    "\techo (string join -- ' ' $argv (commandline -ct))\n"
    "end\n"
    "function __sotto_run\n"
    "\tcomplete -C (__sotto_command (commandline -opc))\n"
    "end\n"
    "\n";

static void put_help(const char *help)
{
	printf(" -d '");
	complete_escaped(help, "\\", "\\'");
	printf("'\n");
}

/* Which options have their value in the next word. */
static void put_takes(void)
{
	struct place p;

	printf("set -g __sotto_takes");
	for (const struct option_row *r = config_options; r->name; r++) {
		complete_value(r, &p);
		if (p.takes != TAKES_NOTHING)
			printf(" %s", r->name);
	}
	for (const struct shell_option *o = shell_options; o->command; o++) {
		complete_value(&o->row, &p);
		if (p.takes != TAKES_NOTHING)
			printf(" %s", o->row.name);
	}
	printf("\n\ncomplete -c sotto -f\n");
}

static void put_place(const struct place *p)
{
	switch (p->takes) {
	case TAKES_NOTHING:
	case TAKES_COMMAND:
		break;
	case TAKES_ANY:
		printf(" -x");
		break;
	case TAKES_WORDS:
		printf(" -x -a '%s'", p->words);
		break;
	case TAKES_FILE:
		printf(" -r -F");
		break;
	case TAKES_FOLDER:
		printf(" -x -a '(__fish_complete_directories)'");
		break;
	case TAKES_PEER:
		printf(" -x -a '(__sotto_peers)'");
		break;
	}
}

static void put_option(const char *command, const struct option_row *r)
{
	struct place p;

	complete_value(r, &p);
	printf("complete -c sotto");
	if (*command)
		printf(" -n '__fish_seen_subcommand_from %s'", command);
	if (r->name[1] == '-')
		printf(" -l %s", r->name + 2);
	else
		printf(" -s %s", r->name + 1);
	put_place(&p);
	put_help(r->help);
}

static void put_words(const struct command_row *r)
{
	struct place p;

	printf("complete -c sotto -n '__sotto_at \"\"' -a %s", r->name);
	put_help(r->help);
	complete_word(r, 1, &p);
	if (p.takes == TAKES_COMMAND) {
		printf("complete -c sotto -n __sotto_behind -a "
		       "'(__sotto_run)'\n");
	} else if (p.takes != TAKES_NOTHING) {
		printf("complete -c sotto -n '__sotto_at %s 1'", r->name);
		put_place(&p);
		printf("\n");
	}
}

void complete_fish(void)
{
	struct place p;
	const char *topic;

	fputs(head, stdout);
	put_takes();
	for (const struct option_row *r = config_options; r->name; r++)
		put_option("", r);
	for (const struct shell_option *o = shell_options; o->command; o++)
		put_option(o->command, &o->row);
	for (const struct command_row *r = config_commands; r->name; r++)
		put_words(r);
	for (size_t i = 0; (topic = complete_topic(i, &p)); i++) {
		if (p.takes == TAKES_NOTHING)
			continue;
		printf("complete -c sotto -n '__sotto_at help 2 %s'", topic);
		put_place(&p);
		printf("\n");
	}
}
