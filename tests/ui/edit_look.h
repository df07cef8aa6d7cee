#ifndef SOTTO_TESTS_UI_EDIT_LOOK_H
#define SOTTO_TESTS_UI_EDIT_LOOK_H
#include "ui/edit.h"
/* All that an edit keeps, which ui/edit.h shows one at a time: with this file
 * in the place of ui/edit.c. */
enum edit_place {
	EDIT_NOW,
	EDIT_DRAFT,  /* while something that was sent stands in the line */
	EDIT_KILL,   /* a cut one */
	EDIT_OLDEST, /* a cut one that the next few make go */
	EDIT_SENT
};
void edit_look(const struct edit *e,
	       void (*each)(struct bytes s, enum edit_place where));
#endif
