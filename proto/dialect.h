#ifndef SOTTO_PROTO_DIALECT_H
#define SOTTO_PROTO_DIALECT_H
#include "proto/packet.h"
#include "proto/seal.h"
/* How a conversation in a dialect goes; link.c reads this and nothing else. */
enum trait {
	T_DATAGRAM = 1 << 0,    /* one frame per datagram; else a stream */
	T_HELLO_FIRST = 1 << 1, /* dialler says HELLO before anything else */
	T_ACKS = 1 << 4,        /* a text is answered: "delivered" is known */
	T_IDS = 1 << 6,         /* ACK names a message by its id */
	T_SEQ = 1 << 9,         /* epoch, numbers, have and skip */
	T_KEYED = 1 << 10,      /* a peer is a key; all others are plain */
};

/* How long we keep trying, per dialect; 0 tries: back-off until give_up. */
struct patience {
	unsigned tries;
	int64_t wait_us, give_up_us;
};

/* A dialect is a constant. Its functions are pure: same bytes in, same bytes
 * out; no clock, no socket, no global, no lock, no log. */
struct dialect {
	const char *name; /* as in the configuration and in PEER */
	uint16_t port;    /* default listening port */
	size_t frame_max; /* longest frame we accept, bytes */
	size_t send_max;  /* longest frame we send, bytes */
	size_t text_max;  /* longest text, bytes of UTF-8 before sealing */
	unsigned traits;
	enum seal seal;
	struct patience patience;

	/* Length of the first frame in `in`, 0 if more bytes are needed.
	 * `greeted`: the handshake is over. `quiet`: the peer has closed or
	 * said nothing for QUIET_MS. */
	enum err (*split)(struct bytes in, bool greeted, bool quiet,
			  size_t *len);
	/* On ERR_PARSE and ERR_LIMIT out->id is set if it could be read. */
	enum err (*decode)(struct bytes frame, struct arena *a,
			   struct packet *out);
	/* ERR_STATE: this dialect has no word for it. */
	enum err (*encode)(const struct packet *p, struct buf *out);
	/* A timestamp in this dialect's own way of writing. */
	void (*stamp)(char out[static STAMP_MAX + 1], int64_t unix_us);
};
extern const struct dialect dialect_sotto;
const struct dialect *dialect_named(const char *name); /* or NULL */
/* OK, or why p cannot be said in d: packet_check, text_max, and its size as
 * encoded against send_max. Ask before a message is queued. */
enum err dialect_check(const struct dialect *d,
		       const struct packet *p) MUST_USE;
#endif
