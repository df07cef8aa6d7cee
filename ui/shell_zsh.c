/* sotto completions zsh */
#include "ui/shell_complete.h"
#include <stdio.h>
#include <string.h>

static const char head[] =
    "#compdef sotto\n"
    "# zsh completion of sotto, made by `sotto completions zsh`.\n"
    "# As a file _sotto in a folder of $fpath, or in ~/.zshrc behind "
    "compinit:\n"
    "# source <(sotto completions zsh)\n"
    "\n"
    "# What one types as PEER. Who has no identity yet is not given one.\n"
    "_sotto_peers()\n"
    "{\n"
    "\tlocal line place=$SOTTO_HOME who=${SOTTO_PROFILE:-default} data i\n"
    "\tlocal -a names of\n"
    "\n"
    "\tfor ((i = 2; i <= $#all; i++)); do\n"
    "\t\tcase $all[i] in\n"
    "\t\t--home) place=${(Q)~all[i+1]} ;;\n"
    "\t\t--home=*) place=${(Q)all[i]#*=} ;;\n"
    "\t\t--profile) who=$all[i+1] ;;\n"
    "\t\t--profile=*) who=${all[i]#*=} ;;\n"
    "\t\tesac\n"
    "\tdone\n"
    "\tdata=${place:-${XDG_DATA_HOME:-$HOME/.local/share}/sotto}\n"
    "\t[[ $who == default ]] || data+=/$who\n"
    "\t[[ -e $data/identity ]] || return 1\n"
    "\t[[ $place ]] && of=(--home $place)\n"
    "\tfor line in ${(f)\"$(timeout 2 ${(Q)~all[1]} $of --profile $who \\\n"
    "\t\tpeers --json -q </dev/null 2>/dev/null)\"}; do\n"
    "\t\t[[ $line =~ '\"name\":\"([^\"\\]+)\"' ||\n"
    "\t\t\t$line =~ '\"nick\":\"([^\"\\]+)\".*\"trust\":\"(pinned|verified)\"' "
    "||\n"
    "\t\t\t$line =~ '\"addr\":\"([^\"\\]+)\"' ||\n"
    "\t\t\t$line =~ '\"ident\":\"[?]?([^\"\\]+)\"' ]] && names+=$match[1]\n"
    "\tdone\n"
    "\tcompadd \"$@\" -a names\n"
    "}\n"
    "\n"
    "_sotto()\n"
    "{\n"
    "\tlocal curcontext=$curcontext state line topic i\n"
    "\tlocal -a all=(\"${words[@]}\") global verbs\n"
    "\n";

/* In [] of a specification of _arguments. */
static void put_help(const char *help)
{
	complete_escaped(help, "[]:\\", "'\\''");
}

static void put_spec(const struct option_row *r)
{
	struct place p;
	char name[64];

	complete_value(r, &p);
	snprintf(name, sizeof name, "%.60s", r->name);
	/* one dash: its value is the next word */
	printf("'%s%s[", name,
	       p.takes == TAKES_NOTHING ? ""
	       : name[1] == '-'         ? "="
					: "+");
	put_help(r->help);
	printf("]");
	switch (p.takes) {
	case TAKES_NOTHING:
		break;
	case TAKES_WORDS:
		printf(":value:(%s)", p.words);
		break;
	case TAKES_FILE:
		printf(":file:_files");
		break;
	case TAKES_FOLDER:
		printf(":folder:_files -/");
		break;
	case TAKES_PEER:
		printf(":peer:_sotto_peers");
		break;
	case TAKES_ANY:
	case TAKES_COMMAND:
		printf(":value: ");
		break;
	}
	printf("'");
}

static void put_globals(void)
{
	printf("\tglobal=(\n");
	for (const struct option_row *r = config_options; r->name; r++) {
		printf("\t\t");
		put_spec(r);
		printf("\n");
	}
	printf("\t)\n\tverbs=(\n");
	for (const struct command_row *r = config_commands; r->name; r++) {
		printf("\t\t'%s:", r->name);
		put_help(r->help);
		printf("'\n");
	}
	printf("\t)\n");
}

/* _arguments takes options from between the words of a sub-command, which are
 * then not in their places: so the sub-command is found here. */
static void put_find(void)
{
	struct place p;
	int n = 0;

	printf("\tfor ((i = 2; i < CURRENT; i++)); do\n"
	       "\t\tcase $words[i] in\n\t\t(");
	for (const struct option_row *r = config_options; r->name; r++) {
		complete_value(r, &p);
		if (p.takes != TAKES_NOTHING)
			printf("%s%s", n++ ? "|" : "", r->name);
	}
	printf(") ((i++)) ;;\n"
	       "\t\t(-*) ;;\n"
	       "\t\t(*) break ;;\n"
	       "\t\tesac\n"
	       "\tdone\n"
	       "\tif ((i >= CURRENT)); then\n"
	       "\t\t_arguments $global '1:command:->command' && return\n"
	       "\t\t[[ $state == command ]] && _describe command verbs\n"
	       "\t\treturn\n"
	       "\tfi\n"
	       "\tshift $((i - 1)) words\n"
	       "\t((CURRENT -= i - 1))\n"
	       "\tcase $words[1] in\n");
}

static void put_positional(const struct command_row *r)
{
	struct place p;

	complete_word(r, 1, &p);
	if (p.takes == TAKES_PEER)
		printf(" \\\n\t\t\t'1:peer:_sotto_peers' '*:word: '");
	else if (p.takes == TAKES_WORDS)
		printf(" \\\n\t\t\t'1:word:(%s)'", p.words);
	else
		printf(" \\\n\t\t\t'*:word: '");
}

static void put_names(void)
{
	struct place p;
	const char *topic;

	printf(" \\\n\t\t\t'2:name:->names'\n"
	       "\t\t[[ $state == names ]] && case $words[2] in\n");
	for (size_t i = 0; (topic = complete_topic(i, &p)); i++)
		if (p.takes == TAKES_WORDS)
			printf("\t\t%s) compadd -- %s ;;\n", topic, p.words);
	printf("\t\tesac\n");
}

static void put_command(const struct command_row *r)
{
	struct place p;

	complete_word(r, 1, &p);
	printf("\t%s)\n", r->name);
	if (p.takes == TAKES_COMMAND)
		printf("\t\ti=${words[(i)--]}\n"
		       "\t\tif ((i < CURRENT)); then\n"
		       "\t\t\tshift $i words\n"
		       "\t\t\t((CURRENT -= i))\n"
		       "\t\t\t_normal\n"
		       "\t\t\treturn\n"
		       "\t\tfi\n");
	printf("\t\t_arguments $global");
	for (const struct shell_option *o = shell_options; o->command; o++)
		if (!strcmp(o->command, r->name)) {
			printf(" \\\n\t\t\t");
			put_spec(&o->row);
		}
	put_positional(r);
	if (!strcmp(r->name, "help"))
		put_names();
	printf("\n\t\t;;\n");
}

void complete_zsh(void)
{
	fputs(head, stdout);
	put_globals();
	put_find();
	for (const struct command_row *r = config_commands; r->name; r++)
		put_command(r);
	fputs("\tesac\n}\n\n"
	      "if [[ $funcstack[1] == _sotto ]]; then\n"
	      "\t_sotto \"$@\"\n"
	      "else\n"
	      "\tcompdef _sotto sotto\n"
	      "fi\n",
	      stdout);
}
