#ifndef SOTTO_SRC_BOOTH_H
#define SOTTO_SRC_BOOTH_H
#include "src/center_backend.h"
#include "src/effect.h"
/* Document 002's message center for its original clients: nothing is sealed.
 * A client comes with a connection for each thing it says, and listens where we
 * bring it, a connection a text, what others say. Beside center.c on the
 * office's thread, behind a backend of its own: no password that went over the
 * network in the clear opens an account of the sealed ones.
 *
 * A visitor is a connection that came. A member is a user who is logged in; the
 * way to where he listens is a line. Texts for somebody who is away wait in the
 * backend, in a box named by the digest of his name. Everything is bounded; who
 * is too many is refused, or the oldest of whoever has most goes.
 *
 * Where a member listens: at the address that he came from, with the port he
 * told; so nobody can have us connect to others. */
struct booth;
/* b, opened with center_beside_rules, is borrowed; node: its name among the
 * nodes. NULL: the backend does not answer. */
struct booth *booth_new(struct center_backend *b, const char *node,
			struct effects *fx);
void booth_free(struct booth *b);
/* From here on there: FX_SEND, FX_CLOSE, FX_DIAL, FX_EVENT. A dial's contact is
 * BOOTH_FLIGHT or above, and never the same again. */
void booth_say_into(struct booth *b, struct effects *fx);
#define BOOTH_FLIGHT (INT64_C(1) << 62)

/* As long as it is held nobody is let in or refused: accounts are being taken
 * over, and his may be among them. */
void booth_hold(struct booth *b, bool held);

/* Of connections that came; a packet may be malformed. */
void booth_up(struct booth *b, const struct now *now, link_id id,
	      const struct addr *at);
void booth_packet(struct booth *b, const struct now *now, link_id id,
		  const struct packet *p);
void booth_down(struct booth *b, const struct now *now, link_id id);
/* Of those that we dialled: it is there and has said its word; it ended, also
 * when it never was there. */
void booth_reached(struct booth *b, const struct now *now, link_id id,
		   contact_id flight);
void booth_missed(struct booth *b, const struct now *now, contact_id flight);

/* Looks at one password that waits, 30 ms, and not more than half of the time.
 * False: there was nothing to do. booth_wait: ms until it wants to, at most
 * `most`. */
bool booth_turn(struct booth *b, const struct now *now);
int booth_wait(const struct booth *b, const struct now *now, int most);
/* Every CENTER_TICK_MS, and when the backend's fd is readable. */
void booth_tick(struct booth *b, const struct now *now);
#endif
