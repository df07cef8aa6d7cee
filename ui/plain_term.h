#ifndef SOTTO_UI_PLAIN_TERM_H
#define SOTTO_UI_PLAIN_TERM_H
#include "ui/text.h"
/* Standard input and output as lines: a terminal that need not be able to do
 * anything but lines, or pipes and files. One at a time, since a program has
 * one of each; calls from one thread.
 *
 * What is written are whole lines, made harmless, and the prompt with the line
 * that is being typed. Nothing that comes from elsewhere stands between them.
 * Nothing blocks: a terminal that was stopped (Ctrl-S) takes what it takes. */
struct pterm;
enum typed {
	TYPED_NOTHING, /* no more just now */
	TYPED_KEY,     /* the line that is being typed has changed */
	TYPED_LINE,    /* pterm_text is all of it */
	TYPED_LONG,    /* more than `most` bytes; they are forgotten */
	TYPED_END,     /* end of input; of a terminal: Ctrl-D, or it is gone */
};

/* most: bytes that a line holds. */
struct pterm *pterm_open(size_t most);
/* The terminal has the modes it had; what was typed and not read is dropped,
 * for it was no command for a shell. */
void pterm_close(struct pterm *t);
/* Somebody types at a terminal and reads there: the prompt is shown. */
bool pterm_prompts(const struct pterm *t);

/* The next thing typed, out of what was read. */
enum typed pterm_next(struct pterm *t);
/* The line so far, or the whole; good until the next call of pterm_next. */
struct bytes pterm_text(const struct pterm *t);
/* From now on what is typed is not shown; off: nothing is left of it. */
void pterm_secret(struct pterm *t, bool on);
void pterm_forget(struct pterm *t); /* the line, and what was read */

/* One line; what is in s is made harmless. */
void pterm_line(struct pterm *t, struct bytes s);
void pterm_prompt(struct pterm *t, const char *s); /* from now on */
/* The prompt and the line so far, unless they stand there. */
void pterm_show(struct pterm *t);
bool pterm_shown(const struct pterm *t);

/* For poll: to read from, to write to; -1: not now. */
int pterm_in(const struct pterm *t);
int pterm_out(const struct pterm *t);
void pterm_read(struct pterm *t);
void pterm_write(struct pterm *t);
size_t pterm_pending(const struct pterm *t); /* bytes to be written */
bool pterm_gone(const struct pterm *t);      /* nobody reads any more */

/* Before we are stopped, and when we go on. Only a foreground process touches
 * the modes of its terminal. */
void pterm_aside(struct pterm *t);
void pterm_back(struct pterm *t);
#endif
