#ifndef SOTTO_UI_TUI_SCRIPT_H
#define SOTTO_UI_TUI_SCRIPT_H
#include "ui/tui_term.h"
/* A terminal without a terminal: keys come from a file, and what would be seen
 * is printed as text. For tui_term.c only.
 *
 *   # a remark               to the end of the line
 *   Ctrl-N Alt-a PgUp :      keys, as sotto(1) names them
 *   "hello there"            characters, each a key; \" \\ and \n
 *   wait "words"             go on when they are on the screen
 *   gone "words"             ... when they are not any more
 *   size 40x12
 *   show                     print the screen as it is now
 *
 * At its end the screen is printed and the program quits. */
struct script;
/* NULL: `why` says it in one line, with file and line. */
struct script *script_open(const char *path, char why[static 256]);
void script_free(struct script *s);
/* Does what is no key. KEYS: script_key has one. WAITS: nothing to do until
 * the screen changes, or SCRIPT_PATIENCE_US are over: then LATE. */
/* SHOW: the picture is wanted, when all is painted; then script_step again. */
enum script_state {
	SCRIPT_KEYS,
	SCRIPT_WAITS,
	SCRIPT_SHOW,
	SCRIPT_LATE,
	SCRIPT_END
};
enum { SCRIPT_PATIENCE_US = 10000000 };
enum script_state script_step(struct script *s, bool *resized);
struct key script_key(struct script *s);
/* script_show, and on. */
void script_shown(struct script *s);
/* The screen as text, one line a row, without blanks at the ends. */
void script_show(void);
#endif
