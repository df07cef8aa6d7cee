#ifndef SOTTO_PROTO_LINK_H
#define SOTTO_PROTO_LINK_H
#include "proto/dialect.h"
/* One conversation with one peer: framing, handshake, keep-alive, limits. It
 * never touches a socket or a clock; its owner brings bytes and time. */
struct link;
enum role { DIALLED, ACCEPTED };
enum { QUIET_MS = 150 };

/* pin: the key the peer must have, NULL or zero for any. hello: what the
 * handshakes of plain dialects say of us; copied. */
struct link *link_new(const struct dialect *d, enum role r,
                      const struct keys *k, /* borrowed for its life */
                      const struct pubkey *pin, const struct packet *hello,
                      const struct now *now);
void link_free(struct link *l);

/* Bytes that arrived. An error means the *channel* is broken: close without
 * a word. ERR_AUTH: another key than the pin; m3 was not sent. A well-framed
 * packet that is malformed is no error: it is answered (V_INVALID or
 * PKT_ERROR, where the dialect has the word) and dropped, eight a minute. */
enum err link_feed(struct link *l, const struct now *now,
                   struct bytes in) MUST_USE;
enum err link_eof(struct link *l, const struct now *now) MUST_USE;
/* Silence, handshake and frame deadlines, pings. Call when it is due. */
enum err link_tick(struct link *l, const struct now *now) MUST_USE;
int64_t link_deadline(const struct link *l); /* mono_us; INT64_MAX: never */

/* The next whole packet. What it points to is good until the next call. */
bool link_next(struct link *l, struct packet *out);
bool link_ready(const struct link *l); /* link_next would say true */
bool link_up(const struct link *l);              /* handshake done */
struct pubkey link_key(const struct link *l);    /* as proven; or zero */
/* Queue a packet; held back until the handshake is done. */
enum err link_send(struct link *l, const struct packet *p) MUST_USE;
struct bytes link_output(const struct link *l); /* what to write now */
void link_wrote(struct link *l, size_t n);
bool link_over(const struct link *l); /* nothing more to say: close */
#endif
