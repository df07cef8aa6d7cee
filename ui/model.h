#ifndef SOTTO_UI_MODEL_H
#define SOTTO_UI_MODEL_H
#include "src/event.h"
/* Lines kept of the open conversation; one of each other. Older ones are
 * fetched a page at a time. */
enum { MODEL_LINES = 512 };

/* What a front end knows. Changed by events only; drawn by views. */
struct model;
struct model *model_new(void);
void model_free(struct model *m);

/* Says whether anything that can be seen changed. */
bool model_apply(struct model *m, const struct event *ev);
/* What must be asked for (after EV_LOST, at the top, a search): or false. */
bool model_wants(struct model *m, struct command *out);
void model_open(struct model *m, contact_id c);

/* i in the order of the sidebar, which only the user changes; or NULL. */
const struct contact *model_contact(const struct model *m, size_t i);
/* The last sender not answered yet; again: the one before. 0: none. */
contact_id model_last_sender(const struct model *m, unsigned again);
/* i counts back from the newest by n; NULL past the oldest kept. */
const struct message *model_message(const struct model *m, contact_id with,
                                    size_t i);
#endif
