#ifndef SOTTO_UI_EDIT_H
#define SOTTO_UI_EDIT_H
#include "proto/base.h"
/* The line being typed: readline's ways, by grapheme cluster. It knows
 * nothing of keys, peers or the screen, and nothing that arrives reaches it. */
struct edit;
struct edit *edit_new(void);
void edit_free(struct edit *e);

enum edit_op {
	ED_LEFT,
	ED_RIGHT,
	ED_WORD_LEFT,
	ED_WORD_RIGHT,
	ED_HOME,
	ED_END,
	ED_DELETE,
	ED_BACKSPACE,
	ED_KILL_BLANK, /* Ctrl-W: back to a blank */
	ED_KILL_BACK,
	ED_KILL_WORD,
	ED_KILL_END,
	ED_KILL_START,
	ED_CLEAR, /* all of it, kept for ED_YANK */
	ED_YANK,
	ED_YANK_POP,
	ED_TRANSPOSE,
	ED_UNDO,
	ED_UP,
	ED_DOWN, /* a line of the draft; at its edge: history */
	ED_OLDER,
	ED_NEWER, /* what was sent; the unsent draft is the newest */
	ED_FIND,  /* older, holding what is left of the cursor */
};
/* Says whether anything changed. */
bool edit_do(struct edit *e, enum edit_op op);

/* The end of UTF-8 that would pass EDIT_MAX is left out. Says whether all of
 * s fitted. Ill-formed bytes become U+FFFD. */
enum { EDIT_MAX = 65536 };
bool edit_insert(struct edit *e, struct bytes s);
/* Replaces the bytes from..cursor, for completion. */
void edit_replace(struct edit *e, size_t from, struct bytes s);
/* Another text altogether: a draft. Forgets undo and the place in history;
 * what was written before something that was sent was brought back goes into
 * the kill ring. */
void edit_set(struct edit *e, struct bytes s, size_t cursor);
/* Sent: into the history, and empty, or what was written before that was
 * brought back from there. */
void edit_sent(struct edit *e);
/* Into the kill ring, for ED_YANK. */
void edit_keep(struct edit *e, struct bytes s);

/* Good until the next call that changes it. */
struct bytes edit_text(const struct edit *e);
size_t edit_cursor(const struct edit *e); /* bytes */
#endif
