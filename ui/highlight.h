#ifndef SOTTO_UI_HIGHLIGHT_H
#define SOTTO_UI_HIGHLIGHT_H
#include "proto/base.h"
/* What stands out in a text: addresses of pages, our own name, and what was
 * searched for. */
enum mark_kind { MARK_URL, MARK_NAME, MARK_HIT };
struct mark {
	size_t from, n; /* bytes of the text */
	enum mark_kind kind;
};
/* All zero is a valid empty one. */
struct highlights {
	struct mark *mark; /* of one kind after the other, each in order */
	size_t n, cap;
};
enum { MARKS_MOST = 64 }; /* of one text */
/* Replaces what is in m. words: as they were searched for, blanks between;
 * nick: ours; both may be empty. Case and accents do not count. */
void highlight_find(struct highlights *m, struct bytes text, struct bytes words,
		    struct bytes nick);
void highlight_free(struct highlights *m);
/* Is the name said, as a word of its own? */
bool highlight_named(struct bytes text, struct bytes nick);
#endif
