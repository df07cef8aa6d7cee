#ifndef SOTTO_PROTO_SPLICE_H
#define SOTTO_PROTO_SPLICE_H
#include "proto/base.h"
/* Two who cannot dial each other meet at a message center: each dials it, on
 * the port where links come in, and what comes first is no link but
 *
 *   opening   'S' 'V' 'R' 1 0 0 0 0, token   by who dials; 8 + 16 bytes
 *   made      'S' 'V' 'R' 1 0 0 0 0          by the center; 8 bytes
 *
 * The token is 128 random bits that the center made and told both over their
 * links (CENTER_RELAY); it is good for one pair, for SPLICE_WAIT_S. `made` is
 * said to both when the second one is there, and not before: from then on every
 * byte of one goes to the other as it is, an end of one is the end of that
 * direction, and the center says no more. What they speak is a link of its own
 * (link.h), preface included: who asked begins. So a center sees who speaks
 * with whom, when, and how much; not what.
 *
 * An opening differs from a link's preface in its third byte. */
enum {
	SPLICE_MADE = 8,
	SPLICE_TOKEN = 16,
	SPLICE_OPENING = SPLICE_MADE + SPLICE_TOKEN,
	SPLICE_WAIT_S = 20,
};
enum splice { SPLICE_NOT, SPLICE_PART, SPLICE_WHOLE };
/* What a connection that came begins with; *token when it is whole. */
enum splice splice_read(struct bytes in, struct uuid *token);
void splice_opening(uint8_t out[static SPLICE_OPENING],
		    const struct uuid *token);
void splice_made(uint8_t out[static SPLICE_MADE]);
bool splice_is_made(struct bytes in); /* all of it */
#endif
