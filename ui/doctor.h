#ifndef SOTTO_UI_DOCTOR_H
#define SOTTO_UI_DOCTOR_H
#include "proto/base.h"
struct config;
/* `sotto doctor` and /doctor: what works here and what does not, in words for
 * a person. It changes nothing, needs no network, and works beside an engine
 * and without one, with a configuration or a store that is broken. */
enum health { FOUND_OK, FOUND_NOTE, FOUND_PROBLEM };
struct finding {
	enum health level;
	const char *what; /* one word that scripts hold on to: "store" */
	char *text;       /* harmless for a terminal, in one line */
	char *todo;       /* the same: what to do about it; or NULL */
};
/* Who asks: the screen must not stand still for long, so it has at most two
 * seconds for the check of the store, and curses has its terminal. */
enum doctor_for { DOCTOR_COMMAND, DOCTOR_LINES, DOCTOR_SCREEN };

/* cfg is borrowed. One thread, that of the front end. */
struct doctor;
struct doctor *doctor_open(const struct config *cfg, enum doctor_for who);
/* The next one, looked for now; NULL: that was all. Good until the next call.
 * May take as long as the disk does, and 5 s for an engine that hangs. */
const struct finding *doctor_next(struct doctor *d);
void doctor_close(struct doctor *d);
/* "ok", "note", "PROBLEM", in the reader's language. */
const char *doctor_word(enum health level);
#endif
