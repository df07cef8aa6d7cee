/* sotto completions bash */
#include "ui/shell_complete.h"
#include <stdio.h>
#include <string.h>

static const char head[] =
    "# bash completion of sotto, made by `sotto completions bash`.\n"
    "# In ~/.bashrc:  source <(sotto completions bash)\n"
    "\n"
    "# What one types as PEER, one a line. home and profile are those of the\n"
    "# line; who has no identity yet is not given one.\n"
    "_sotto_peers()\n"
    "{\n"
    "\tlocal line who=${profile:-${SOTTO_PROFILE:-default}}\n"
    "\tlocal place=${home:-$SOTTO_HOME} of=()\n"
    "\tlocal data=${place:-${XDG_DATA_HOME:-$HOME/.local/share}/sotto}\n"
    "\tlocal name='\"name\":\"([^\"\\]+)\"' "
    "ident='\"ident\":\"[?]?([^\"\\]+)\"'\n"
    "\tlocal nick='\"nick\":\"([^\"\\]+)\".*\"trust\":\"(pinned|verified)\"'\n"
    "\tlocal addr='\"addr\":\"([^\"\\]+)\"'\n"
    "\n"
    "\t[[ $who == default ]] || data+=/$who\n"
    "\t[[ -e $data/identity ]] || return\n"
    "\t[[ $place ]] && of=(--home \"$place\")\n"
    "\ttimeout 2 \"$program\" \"${of[@]}\" --profile \"$who\" \\\n"
    "\t\tpeers --json -q </dev/null 2>/dev/null |\n"
    "\twhile read -r line; do\n"
    "\t\t[[ $line =~ $name || $line =~ $nick || $line =~ $addr ||\n"
    "\t\t\t$line =~ $ident ]] && printf '%s\\n' \"${BASH_REMATCH[1]}\"\n"
    "\tdone\n"
    "}\n";

static const char body[] =
    "_sotto()\n"
    "{\n"
    "\tlocal program home= profile= cmd= value= want= dashes= prefix= quote=\n"
    "\tlocal rest=$COMP_LINE w i n=-1 at=1 cur last strip c\n"
    "\tlocal -a words=() found=()\n"
    "\n"
    "\tCOMPREPLY=()\n"
    "\t# bash cuts words at = and : too; here they are as typed\n"
    "\tfor ((i = 0; i <= COMP_CWORD; i++)); do\n"
    "\t\tw=${COMP_WORDS[i]}\n"
    "\t\t[[ $i == 0 || ! $rest || $rest == [[:blank:]]* ]] && ((++n))\n"
    "\t\trest=${rest#\"${rest%%[![:blank:]]*}\"}\n"
    "\t\trest=${rest#\"$w\"}\n"
    "\t\twords[n]+=$w\n"
    "\tdone\n"
    "\tprogram=${words[0]/#\\~\\//$HOME/}\n"
    "\tfor ((i = 1; i < n; i++)); do\n"
    "\t\tw=${words[i]/#\\~\\//$HOME/}\n"
    "\t\tw=${w//[\\\\\\'\\\"]/}\n"
    "\t\tcase $w in\n"
    "\t\t--) dashes=$i; break ;;\n"
    "\t\t--home=*) home=${w#*=} ;;\n"
    "\t\t--profile=*) profile=${w#*=} ;;\n"
    "\t\t--*=*) ;;\n"
    "\t\t-*)\n"
    "\t\t\t_sotto_value \"$cmd\" \"$w\" || continue\n"
    "\t\t\t((++i == n)) && { value=1; break; }\n"
    "\t\t\tc=${words[i]/#\\~\\//$HOME/}\n"
    "\t\t\t[[ $w == --home ]] && home=${c//[\\\\\\'\\\"]/}\n"
    "\t\t\t[[ $w == --profile ]] && profile=$c\n"
    "\t\t\twant= ;;\n"
    "\t\t*) if [[ $cmd ]]; then ((at++)); else cmd=$w; fi ;;\n"
    "\t\tesac\n"
    "\tdone\n"
    "\n"
    "\tcur=${words[n]}\n"
    "\tlast=${COMP_WORDS[COMP_CWORD]}\n"
    "\t[[ $last == *[!=:]* ]] || last=\n"
    "\tstrip=${cur%\"$last\"}\n"
    "\tif [[ $dashes ]]; then\n"
    "\t\t[[ $cmd == run ]] && _sotto_run $((n - dashes))\n"
    "\t\treturn 0\n"
    "\telif [[ $value ]]; then\n"
    "\t\t:\n"
    "\telif [[ $cur == --*=* ]]; then\n"
    "\t\t_sotto_value \"$cmd\" \"${cur%%=*}\" || return 0\n"
    "\t\tprefix=${cur%%=*}=\n"
    "\t\tcur=${cur#*=}\n"
    "\telif [[ $cur == -* ]]; then\n"
    "\t\t_sotto_options \"$cmd\"\n"
    "\telse\n"
    "\t\t_sotto_word \"$cmd\" $at \"${words[n - 1]}\"\n"
    "\tfi\n"
    "\t[[ $cur == [\\'\\\"]* ]] && quote=1 cur=${cur:1}\n"
    "\tcur=${cur//\\\\/}\n"
    "\n"
    "\tlocal IFS=$'\\n'\n"
    "\tcase $want in\n"
    "\twords*) found=($(IFS=' '; compgen -W \"${want#words}\" -- \"$cur\")) "
    ";;\n"
    "\tfile) found=($(compgen -f -- \"$cur\")); compopt -o filenames ;;\n"
    "\tdir) found=($(compgen -d -- \"$cur\")); compopt -o filenames ;;\n"
    "\tpeer) found=($(_sotto_peers)) ;;\n"
    "\tesac\n"
    "\tfor c in \"${found[@]}\"; do\n"
    "\t\t[[ $c == \"$cur\"* ]] || continue\n"
    "\t\t[[ $want == peer && ! $quote ]] && printf -v c %q \"$c\"\n"
    "\t\tc=$prefix$c\n"
    "\t\tCOMPREPLY+=(\"${c#\"$strip\"}\")\n"
    "\tdone\n"
    "}\n"
    "\n"
    "# Behind --: a command, and what its own completion knows of it.\n"
    "_sotto_run()\n"
    "{\n"
    "\tlocal i IFS=$'\\n' cur=${COMP_WORDS[COMP_CWORD]}\n"
    "\n"
    "\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
    "\t\t[[ ${COMP_WORDS[i]} == -- ]] && break\n"
    "\tdone\n"
    "\tif declare -F _command_offset >/dev/null; then\n"
    "\t\t_command_offset $((i + 1))\n"
    "\telif [[ $1 == 1 ]]; then\n"
    "\t\tCOMPREPLY=($(compgen -c -- \"$cur\"))\n"
    "\telse\n"
    "\t\tCOMPREPLY=($(compgen -f -- \"$cur\"))\n"
    "\t\tcompopt -o filenames\n"
    "\tfi\n"
    "}\n"
    "\n"
    "complete -F _sotto sotto\n";

static void put_want(const struct place *p)
{
	static const char *const kind[] = {
	    [TAKES_NOTHING] = "any",     [TAKES_ANY] = "any",
	    [TAKES_WORDS] = "words",     [TAKES_FILE] = "file",
	    [TAKES_FOLDER] = "dir",      [TAKES_PEER] = "peer",
	    [TAKES_COMMAND] = "words --"};

	printf("want='%s%s%s' ;;\n", kind[p->takes], *p->words ? " " : "",
	       p->words);
}

static void put_value(const char *command, const struct option_row *r)
{
	struct place p;

	complete_value(r, &p);
	if (p.takes == TAKES_NOTHING)
		return;
	printf(*command ? "\t'%s %s') " : "\t%s*' %s') ", command, r->name);
	put_want(&p);
}

static void put_values(void)
{
	printf("\n# COMMAND OPTION: what its value is; 1: it has none\n"
	       "_sotto_value()\n{\n\tcase \"$1 $2\" in\n");
	for (const struct shell_option *o = shell_options; o->command; o++)
		put_value(o->command, &o->row);
	for (const struct option_row *r = config_options; r->name; r++)
		put_value("", r);
	printf("\t*) return 1 ;;\n\tesac\n}\n");
}

static void put_more(const char *command)
{
	bool any = false;

	for (const struct shell_option *o = shell_options; o->command; o++) {
		if (strcmp(o->command, command))
			continue;
		if (!any)
			printf("\t%s) want+='", command);
		printf(" %s", o->row.name);
		any = true;
	}
	if (any)
		printf("' ;;\n");
}

static void put_options(void)
{
	printf("\n_sotto_options()\n{\n\twant='words ");
	complete_rows(config_options);
	printf("'\n\tcase $1 in\n");
	for (const struct command_row *r = config_commands; r->name; r++)
		put_more(r->name);
	printf("\tesac\n}\n");
}

static void put_words(void)
{
	struct place p;
	const char *topic;

	printf("\n# COMMAND NUMBER BEFORE: what its word of that number is\n"
	       "_sotto_word()\n{\n\tcase \"$1 $2 $3\" in\n\t' '*) "
	       "want='words ");
	complete_commands();
	printf("' ;;\n");
	for (const struct command_row *r = config_commands; r->name; r++) {
		complete_word(r, 1, &p);
		if (p.takes == TAKES_NOTHING)
			continue;
		printf("\t'%s 1 '*) ", r->name);
		put_want(&p);
	}
	for (size_t i = 0; (topic = complete_topic(i, &p)); i++) {
		if (p.takes == TAKES_NOTHING)
			continue;
		printf("\t'help 2 %s') ", topic);
		put_want(&p);
	}
	printf("\tesac\n}\n\n");
}

void complete_bash(void)
{
	fputs(head, stdout);
	put_values();
	put_options();
	put_words();
	fputs(body, stdout);
}
