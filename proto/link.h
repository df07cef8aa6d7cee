#ifndef SOTTO_PROTO_LINK_H
#define SOTTO_PROTO_LINK_H
#include "proto/dialect.h"
/* One conversation with one peer: handshake, records, keep-alive, limits. It
 * never touches a socket or a clock; its owner brings bytes and time.
 *
 *   preface   'S' 'V' 1 0 0 0 0 0          by who dials; 8 bytes
 *   m1 m2 m3  u16 length, Noise_XX message  32, 208 and 176 bytes, no other;
 *             m2 and m3 carry a certificate (seal.h)
 *   record    u16 length, AEAD(u16 n, u8 type, n bytes, zeros to the bucket)
 *
 * Each direction is rekeyed after REKEY records. An idle link holds no
 * buffers. All numbers are big-endian.
 *
 * Links of the plain dialects are behind the same functions (bare.c): frames
 * as the dialect cuts them, no handshake, no keep-alive, no bye. Such a link is
 * up from the start when we dialled, else when the first frame has come; what
 * is sent before waits until the owner has a connection. link_output is one
 * frame, or what is left of it: write it with one call. link_next also hands
 * out what could not be read (packet.malformed) and what is not sealed for us
 * (packet.sealed); link_send seals a packet to its seal_to, if it has one. */
struct link;
enum role { DIALLED, ACCEPTED };
enum { REKEY = 1024, MALFORMED_MAX = 8 };

/* pin: the key the peer must have, NULL or zero for any. k is borrowed. */
struct link *link_new(const struct dialect *d, enum role r,
		      const struct keys *k, const struct pubkey *pin,
		      const struct now *now);
void link_free(struct link *l);

/* Bytes that arrived. An error means the *channel* is broken: close without
 * a word. ERR_AUTH: another key than the pin (link_key tells it; m3 was not
 * sent), or what came is not authentic. A well-framed packet that is malformed
 * is no error: it is answered (V_INVALID or PKT_ERROR) and dropped; the ninth
 * in a minute ends the link. */
enum err link_feed(struct link *l, const struct now *now,
		   struct bytes in) MUST_USE;
/* The peer closed: OK after its bye, else ERR_CLOSED. */
enum err link_eof(struct link *l) MUST_USE;
/* Handshake and record deadlines, silence; says we are alive. When due. */
enum err link_tick(struct link *l, const struct now *now) MUST_USE;
/* mono_us; INT64_MAX: never. May move on by itself as bytes come and go: look
 * again when it is reached. */
int64_t link_deadline(const struct link *l);

/* The next whole packet. What it points to is good until the next call. */
bool link_next(struct link *l, struct packet *out);
bool link_ready(const struct link *l);        /* link_next may say true */
bool link_up(const struct link *l);           /* handshake done */
struct pubkey link_key(const struct link *l); /* as proven; or zero */
/* When it last heard anything, mono_us. */
int64_t link_heard(const struct link *l);
/* Queues a packet. ERR_STATE: not before link_up, not after a bye. */
enum err link_send(struct link *l, const struct now *now,
		   const struct packet *p) MUST_USE;
void link_ping(struct link *l, const struct now *now); /* asks for a sign */
void link_bye(struct link *l, const struct now *now);  /* says farewell */
struct bytes link_output(const struct link *l);        /* what to write now */
void link_wrote(struct link *l, size_t n);
bool link_over(const struct link *l); /* nothing more to say: close */
#endif
