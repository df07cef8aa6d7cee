#ifndef SOTTO_UI_WORDS_H
#define SOTTO_UI_WORDS_H
#include <stdbool.h>
#include <stdint.h>
/* What people read, in their language. English stands in the code and is what
 * is shown where there is no translation. Names that scripts hold on to
 * (commands, options, keys, JSON) are never translated. Any thread. */

/* The words for `english`, a constant; good for ever. */
const char *words_of(const char *english) __attribute__((format_arg(1)));
#define _(english) words_of(english)
/* Marks words of a table, which are looked up when they are shown. */
#define N_(english) english

/* The words for n of something; `one` and `many` are constants. */
const char *words_count(const char *one, const char *many, unsigned long n)
    __attribute__((format_arg(1), format_arg(2)));

/* What the engine said (a notice, why something was not done), which comes in
 * English with names in it. What is not known here stays as it is. Returns
 * out. */
enum { SAID_MAX = 600 };
const char *words_said(char out[static SAID_MAX], const char *said);
/* For a code of EV_SECURITY; NULL: nothing. */
const char *words_security(const char *code);

/* Takes the language of the environment; also where the system has no locale
 * of that name. Once, before there are threads. */
void words_start(void);
/* "pt", "hu", "en": whatever the environment says. Before threads. */
void words_language(const char *code);

/* Friday 20 November 2026, or without its weekday; local time. */
void words_day(char out[static 96], int64_t unix_ms, bool weekday);
#endif
