#ifndef SOTTO_UI_SHELL_SECRET_H
#define SOTTO_UI_SHELL_SECRET_H
#include "proto/base.h"
/* A line of standard input that nobody shall see. On a terminal it is asked
 * for on stderr and not shown; the terminal is as before in any case, also
 * after a signal that ends us or holds us up. From a pipe or a file: the next
 * line, and not a byte more. */
enum secret {
	SECRET_OK,
	SECRET_NONE, /* the end, an error, or an empty line */
	SECRET_LONG,
	SECRET_BAD, /* not UTF-8, or with a NUL in it */
	SECRET_SIGNAL,
};
enum { SECRET_MAX = 512 };
struct secret_line {
	size_t n;
	uint8_t p[SECRET_MAX + 2];
};
/* secret_wipe(out) when it is not needed any more. */
enum secret secret_ask(const char *prompt, struct secret_line *out);
bool secret_terminal(void); /* somebody sits there */
#endif
