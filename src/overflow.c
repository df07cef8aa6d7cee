#include "src/overflow.h"
#include "src/event.h"
#include <stdlib.h>

enum { ITEMS_KEPT = 240 }; /* rows that an overflow leaves */

/* What an overflow may not take: at most OPEN_MAX results wait for a client
 * (client.c), and of the rows of its questions so many that all fit into the
 * places for everybody. */
static bool keeps(const struct event *ev, size_t *items)
{
	switch (ev->kind) {
	case EV_RESULT:
	case EV_READY:
	case EV_BYE:
		return true;
	case EV_ITEM:
		return (*items)++ < ITEMS_KEPT;
	case EV_PEER:
	case EV_MESSAGE:
	case EV_STATUS:
	case EV_LOST:
	case EV_SECURITY:
	case EV_NOTICE:
	case EV_CONSENT:
		break;
	}
	return false;
}

/* Everything else makes room. EV_LOST goes first, so that whoever reads rows
 * knows that some may be missing. */
void overflow_room(struct queue *q)
{
	struct event *kept[2 * OPEN_MAX], *ev;
	size_t n = 0, items = 0;

	while ((ev = queue_pop(q))) {
		if (keeps(ev, &items) && n < 2 * OPEN_MAX)
			kept[n++] = ev;
		else
			event_free(ev);
	}
	ev = event_copy(&(struct event){.kind = EV_LOST});
	if (!queue_push(q, ev))
		abort();
	for (size_t i = 0; i < n; i++)
		if (!queue_push_kept(q, kept[i]))
			abort(); /* they were in it before */
}
