#ifndef SOTTO_PROTO_BARE_H
#define SOTTO_PROTO_BARE_H
#include "proto/link.h"
/* A link of a plain dialect, which link.c gives out as an ordinary one: frames
 * cut by the dialect's `split`, or by silence where it has no other end, or
 * as datagrams; single texts sealed and opened; nothing said that its owner
 * did not send. What each function does stands in link.h. */
struct bare;
enum {
	QUIET_MS = 150,      /* silence that ends a frame */
	BARE_QUEUE = 262144, /* bytes that wait to be written, at most */
};
struct bare *bare_new(const struct dialect *d, enum role r,
		      const struct keys *k, const struct now *now);
void bare_free(struct bare *l);
enum err bare_feed(struct bare *l, const struct now *now,
		   struct bytes in) MUST_USE;
void bare_eof(struct bare *l);
enum err bare_tick(struct bare *l, const struct now *now) MUST_USE;
int64_t bare_deadline(const struct bare *l);
bool bare_next(struct bare *l, struct packet *out);
bool bare_ready(const struct bare *l);
bool bare_up(const struct bare *l);
int64_t bare_heard(const struct bare *l);
enum err bare_send(struct bare *l, const struct packet *p) MUST_USE;
void bare_bye(struct bare *l);
struct bytes bare_output(const struct bare *l);
void bare_wrote(struct bare *l, size_t n);
bool bare_over(const struct bare *l);
#endif
