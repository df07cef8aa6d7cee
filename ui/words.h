#ifndef SOTTO_UI_WORDS_H
#define SOTTO_UI_WORDS_H
/* What people read, in their language. English stands in the code and is what
 * is shown where there is no translation. Names that scripts hold on to
 * (commands, options, keys, JSON) are never translated. Any thread. */

/* The words for `english`, a constant; good for ever. */
const char *words(const char *english) __attribute__((format_arg(1)));
#define _(english) words(english)
/* Marks words of a table, which are looked up when they are shown. */
#define N_(english) english

/* Takes the user's language from the environment. Once, before threads. */
void words_start(void);
#endif
