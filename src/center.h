#ifndef SOTTO_SRC_CENTER_H
#define SOTTO_SRC_CENTER_H
#include "proto/letter.h"
#include "src/center_backend.h"
#include "src/effect.h"
/* The message center's policy: who may log in, who hears of whom, whose
 * letters are kept. It reads no letter: it has no key for one. What it keeps
 * is in a center_backend, whose calls block: so it has a thread of its own
 * (desk.c), and hears and speaks by packets that are handed over.
 *
 * A link is a key; an account is a name with the keys of its devices. A box is
 * the 16 bytes of a peer id: of one device. */
struct center;
struct center_terms {
	bool open;        /* anybody may take a free name */
	const char *node; /* of this one; borrowed for its life */
	/* Where people find the nodes, between commas or blanks; or NULL. They
	 * are told at the log-in, the first WORDS_MAX. */
	const char *addresses;
	bool relay; /* makes one connection of two */
	/* Where people of other nodes find this one for that; zero: nowhere. */
	struct addr relay_at;
};
/* b is borrowed. NULL: it does not answer. */
struct center *center_new(struct center_backend *b,
			  const struct center_terms *terms, struct effects *fx);
void center_free(struct center *c);
/* As long as it is held nobody takes a new name: accounts are being taken over,
 * and a name may be among them. */
void center_hold(struct center *c, bool held);
/* From here on there. */
void center_say_into(struct center *c, struct effects *fx);

void center_link_up(struct center *c, link_id id, const struct pubkey *key,
		    const struct addr *at);
void center_link_down(struct center *c, link_id id);
/* A PKT_CENTER of it. What is said goes into fx: FX_SEND, and FX_SPLICE. */
void center_packet(struct center *c, const struct now *now, link_id id,
		   const struct packet *p);
/* A splice is over, or was none: FX_SPLICE of it was said. */
void center_spliced(struct center *c, const struct uuid *token);
/* After what was heard together: letters are kept in one go, and one log-in by
 * a password is looked at. Others have their turn before the next one. */
void center_settle(struct center *c, const struct now *now);
bool center_busy(const struct center *c);   /* settle at once, it has more */
int center_wait_ms(const struct center *c); /* or so soon; INT32_MAX: not */
/* Every center_patience_ms, and when the backend's fd is readable. What the
 * backend's tick says: ERR_CLOSED: out of reach, ERR_AUTH: it refuses us. */
int center_patience_ms(const struct center *c);
enum err center_tick(struct center *c, const struct now *now);
#endif
