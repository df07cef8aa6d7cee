#include "tests/ui/edit_look.h"
#include "ui/edit.c"

void edit_look(const struct edit *e,
	       void (*each)(struct bytes s, enum edit_place where))
{
	each(whole(&e->now.text), EDIT_NOW);
	if (e->place < e->n_sent)
		each(whole(&e->draft.text), EDIT_DRAFT);
	for (size_t i = 0; i < e->n_kill; i++)
		each(whole(&e->kill[i]),
		     i + 8 > KILLS ? EDIT_OLDEST : EDIT_KILL);
	for (size_t i = 0; i < e->n_sent; i++)
		each(whole(&e->sent[i]), EDIT_SENT);
}
