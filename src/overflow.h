#ifndef SOTTO_SRC_OVERFLOW_H
#define SOTTO_SRC_OVERFLOW_H
#include "src/queue.h"
/* What goes when a front end does not take its events. */
enum { OPEN_MAX = 256 }; /* commands of a client without a result */
/* q, of struct event *, is full: EV_LOST comes first in it, then what may not
 * be lost. The network thread, or with the lock of the list of clients. */
void overflow_room(struct queue *q);
#endif
