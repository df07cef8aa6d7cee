#ifndef SOTTO_UI_SHELL_COMPLETE_H
#define SOTTO_UI_SHELL_COMPLETE_H
#include "ui/shell.h"
/* What stands where on the command line, out of the tables that the program
 * obeys, for shell_bash.c, shell_zsh.c and shell_fish.c, which write it in the
 * words of their shell. */
enum takes {
	TAKES_NOTHING, /* no value, or one that stands behind "=" or not */
	TAKES_ANY,     /* nobody knows what */
	TAKES_WORDS,   /* one of words */
	TAKES_FILE,
	TAKES_FOLDER,
	TAKES_PEER,    /* somebody who is known */
	TAKES_COMMAND, /* behind --: a command with its words */
};
struct place {
	enum takes takes;
	char words[512]; /* blanks between, or "" */
};
/* The value of an option. */
void complete_value(const struct option_row *r, struct place *out);
/* The n-th word behind a sub-command, from 1. */
void complete_word(const struct command_row *r, int n, struct place *out);
/* The i-th topic of help, and what may stand behind it; NULL: no more. */
const char *complete_topic(size_t i, struct place *names);

/* stdout: s as it stands in '' of a shell. Letters among `from` come behind a
 * backslash, a ' becomes `quote`. */
void complete_escaped(const char *s, const char *from, const char *quote);
/* "send recv tail", or the names of rows */
void complete_commands(void);
void complete_rows(const struct option_row *r);

void complete_bash(void);
void complete_zsh(void);
void complete_fish(void);
#endif
