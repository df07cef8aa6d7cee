#ifndef SOTTO_PROTO_DIALECT_H
#define SOTTO_PROTO_DIALECT_H
#include "proto/packet.h"
#include "proto/seal.h"
/* How a conversation in a dialect goes; link.c reads this and nothing else. */
enum trait {
	T_DATAGRAM = 1 << 0,    /* one frame per datagram; else a stream */
	T_HELLO_FIRST = 1 << 1, /* dialler says HELLO before anything else */
	T_TRANSACTION = 1 << 2, /* a new connection for each transaction */
	T_ONE_SHOT = 1 << 3,    /* one frame each way, then close */
	T_ACKS = 1 << 4,        /* a text is answered: "delivered" is known */
	T_STAMPS = 1 << 5,      /* ACK names a message by its timestamp */
	T_IDS = 1 << 6,         /* ACK names a message by its id */
	T_ORDERED = 1 << 7,     /* ACK names none: answers come in order */
	T_UNFRAMED = 1 << 8,    /* a frame may end when the peer falls silent */
	T_SEQ = 1 << 9,         /* epoch, numbers, have and skip */
	T_KEYED = 1 << 10,      /* a peer is a key; all others are plain */
};

/* How long we keep trying, per dialect; 0 tries: back-off until give_up. */
struct patience {
	unsigned tries;
	int64_t wait_us, give_up_us;
};

/* The login of a message centre, see `step` below. What to do is told by the
 * state; what comes next is heard->frame, whatever it may look like. */
enum login {
	LOGIN_NONE, /* nothing was said yet */
	/* client */
	LOGIN_NAME,   /* has said LIN */
	LOGIN_SECRET, /* has said its name */
	LOGIN_ASKED,  /* waits for the verdict */
	LOGIN_AGAIN,  /* refused: step with another password says it */
	LOGIN_TOKEN,  /* let in: the token comes next; keep it */
	LOGIN_WHERE,  /* has said its host, its port comes next */
	/* centre; the next three frames are to be kept */
	LOGIN_HEAR_NAME,
	LOGIN_HEAR_SECRET,
	LOGIN_DECIDE, /* check them, then step with the verdict */
	LOGIN_OKAYED, /* has let in, the token comes next */
	LOGIN_HEAR_HOST,
	LOGIN_HEAR_PORT,
	LOGIN_OVER, /* all is said; the centre closes */
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
	/* SEAL_OAEP, SEAL_RAW: what is sealed where that is not the text
	 * alone, and back into a packet; NULL where it is. dialect_seal and
	 * dialect_open use them. */
	enum err (*wrap)(const struct packet *p, struct buf *inside);
	enum err (*unwrap)(struct bytes inside, struct packet *out);
	/* A timestamp in this dialect's own way of writing. */
	void (*stamp)(char out[static STAMP_MAX + 1], int64_t unix_us);
	/* NULL where traits say it all. The login of a message centre: given
	 * what we want and what was heard (NULL: nothing new), what to say
	 * next. Call it again, with nothing heard, until it has nothing to
	 * say (CENTER_NOTHING). The state is an enum login, the caller's, 0
	 * at first; who has nothing heard then is the client.
	 * want, client: CENTER_WORD [name, password, our host, our port]
	 * want, centre: in LOGIN_DECIDE CENTER_LOGIN_OKAY [token], or the
	 * refusal as it is said.
	 * ERR_AUTH: refused, heard->verb says how; ERR_STATE: nothing may
	 * come here; ERR_PARSE: not a login. */
	enum err (*step)(unsigned *state, const struct packet *want,
			 const struct packet *heard, struct packet *say);
};
extern const struct dialect dialect_sotto;    /* sotto.c */
extern const struct dialect dialect_json;     /* json_wire.c */
extern const struct dialect dialect_mesh;     /* mesh_wire.c */
extern const struct dialect dialect_center;   /* center_wire.c */
extern const struct dialect dialect_binary;   /* binary_wire.c */
extern const struct dialect dialect_binary16; /* the same */
extern const struct dialect dialect_nul;      /* nul_wire.c */
/* NULL: there is none, or it is left out of this build (seal_built). */
const struct dialect *dialect_named(const char *name);
/* OK, or why p cannot be said in d: packet_check (packet_check_plain but for
 * T_KEYED), text_max, and its size as encoded against send_max. Ask before a
 * message is queued. A text that has to be sealed is not encoded: text_max
 * says all. */
enum err dialect_check(const struct dialect *d,
		       const struct packet *p) MUST_USE;

/* Dialects with SEAL_OAEP and SEAL_RAW seal each text to the key in PEM that
 * the peer announced; `encode` refuses one that is not sealed (ERR_STATE).
 * *out is p with its inside sealed, which lies in the arena (256 bytes). binary
 * seals MESSAGE; nul also HELLO, as a registration: HELLO that is not sealed
 * answers WHO there. ERR_PARSE: no such key. Else as seal_text. 0.2 ms. */
enum err dialect_seal(const struct dialect *d, struct bytes to_key,
		      const struct packet *p, struct arena *a,
		      struct packet *out) MUST_USE;
/* The way back for what `decode` left sealed: p becomes what was inside, which
 * in nul may be a HELLO. ERR_PARSE: it is readable but nothing we know, or not
 * UTF-8. Else as seal_open; p stays as it is. Does nothing to what is not
 * sealed. 0.4 ms, before any trust: bound how often. */
enum err dialect_open(const struct dialect *d, const struct keys *k,
		      struct arena *a, struct packet *p) MUST_USE;
#endif
