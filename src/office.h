#ifndef SOTTO_SRC_OFFICE_H
#define SOTTO_SRC_OFFICE_H
#include "src/center.h"
/* Where the center works: a thread of its own, because what it asks of its
 * backend may take a while. The network thread hands over what it heard, once
 * a turn, and is handed what is to be said. */
struct office;
/* where: as center_open. dir: where document 002's credentials.txt may be,
 * which is taken over; until that is done nobody takes a new name. On failure
 * `why` says it in one line. */
enum err office_open(const char *where, const char *dir,
		     const struct center_terms *terms, struct office **out,
		     char why[static 256]) MUST_USE;
/* Serves document 002's clients too (booth.h), with a store of their own, for
 * which credentials.txt is then; before office_run. */
enum err office_plain(struct office *o, const char *where, const char *node,
		      char why[static 256]) MUST_USE;
void office_free(struct office *o); /* after office_run has returned */

/* ---- the network thread ---- */
void office_up(struct office *o, link_id id, const struct pubkey *key,
	       const struct addr *at);
void office_packet(struct office *o, link_id id, const struct packet *p);
void office_down(struct office *o, link_id id);
void office_spliced(struct office *o, const struct uuid *token); /* is over */
/* Whether a link of that dialect is the booth's; then these are for it. */
bool office_is_plain(const struct office *o, const struct dialect *d,
		     contact_id dialled_for);
void office_plain_up(struct office *o, link_id id, const struct addr *at,
		     contact_id dialled_for);
void office_plain_packet(struct office *o, link_id id, const struct packet *p);
void office_plain_down(struct office *o, link_id id, contact_id dialled_for);
void office_hand_over(struct office *o); /* at the end of a turn */
int office_fd(const struct office *o);   /* readable: office_next has some */
/* What is to be said: SEND, CLOSE, DIAL, EVENT, SPLICE; with a dialect it is
 * the booth's. Good until the next call. */
bool office_next(struct office *o, struct effect *out);
void office_stop(struct office *o); /* office_run returns soon */

/* ---- its own thread ---- */
void office_run(struct office *o);
#endif
