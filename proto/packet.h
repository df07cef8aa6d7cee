#ifndef SOTTO_PROTO_PACKET_H
#define SOTTO_PROTO_PACKET_H
#include "proto/base.h"
enum {
	TEXT_MAX = 16384,    /* bytes of UTF-8 in one message */
	PACKET_MAX = 131072, /* JSON: 6 * TEXT_MAX, a quotation and the rest */
	QUOTE_MAX = 280,     /* bytes, cut by utf8_cut before encoding */
	NICK_MAX = 96,       /* bytes, and at most 32 columns */
	PEERS_MAX = 32,
	RANGES_MAX = 32,
	WORDS_MAX = 8,
};

/* IPv4 is held as ::ffff:a.b.c.d. All zero means "none given". */
struct addr {
	uint8_t ip[16];
	uint16_t port; /* host order */
};
/* Numeric forms only: 192.0.2.1, 2001:db8::1, ::ffff:192.0.2.1. */
bool ip_parse(struct bytes s, uint8_t ip[static 16]);
enum { ADDR_TEXT = 64 };
/* 192.0.2.1 or 2001:db8::1 */
void ip_text(char out[static ADDR_TEXT], const struct addr *a);
/* 192.0.2.1:6327 or [2001:db8::1]:6327 */
void addr_text(char out[static ADDR_TEXT], const struct addr *a);
bool addr_loopback(const struct addr *a);
/* 8-4-4-4-12 hex digits. */
void uuid_text(char out[static 37], const struct uuid *u);
bool uuid_parse(struct bytes s, struct uuid *u);

struct range {
	uint64_t from, to;
};

enum packet_kind {
	PKT_HELLO,   /* who I am: key or id, listening port, nick, peers */
	PKT_MESSAGE, /* a text */
	PKT_REPLY,   /* a text that quotes the one it answers */
	PKT_ACK,     /* the verdict on a packet of mine */
	PKT_PEERS,   /* where others are */
	PKT_SKIP,    /* numbers of mine that will never come */
	PKT_TYPING,
	PKT_READ,
	PKT_ERROR,
	PKT_WHO,    /* please say HELLO (plain dialects) */
	PKT_CENTER, /* a word to, from or of a message centre */
};

/* What a PKT_CENTER says. In brackets: what word[] holds, in order; `text` is
 * what a person wrote or is to read. The name of the sender comes first in a
 * request, then the token that the centre gave it at its login. */
enum center_verb {
	CENTER_NOTHING, /* nothing to be said */
	CENTER_TEXT,    /* only words for a person: text */
	CENTER_WORD,    /* a frame of the login: [name, password, ...] */

	/* requests */
	CENTER_LIN, /* let me in; see dialect.h */
	CENTER_MSG, /* [user, token, to], text */
	CENTER_BRD, /* to all: [user, token], text */
	CENTER_ONL, /* who is there? [user, token] */
	CENTER_BLC, /* [user, token, "1": block, "0": unblock, who] */
	CENTER_OUT, /* good bye: [user, token] */
	CENTER_GET, /* where is? [user, token, who] */
	CENTER_ALL, /* tell them where I am: [user, token, who] */
	CENTER_HEY, /* still here: [user, token] */

	/* answers */
	CENTER_LOGIN_OKAY,
	CENTER_LOGIN_FAILED, /* [tries left] */
	CENTER_JUST_PENNED,  /* [seconds]: third failure, locked out now */
	CENTER_PENNED,       /* [seconds]: still locked out */
	CENTER_OKAY,
	CENTER_FAIL,

	/* pushed to where a user listens */
	CENTER_ADR,          /* [name, host, port] */
	CENTER_ONLINE,       /* [who] has logged on; ours: [who, key], or of
			      * many text: a line each, "who key" */
	CENTER_OFFLINE,      /* [who] has left; may be said again and again;
			      * ours: as above */
	CENTER_LIST,         /* who is there: text, names between blanks */
	CENTER_WANTS,        /* [who] asks for our address */
	CENTER_BLOCKED,      /* [who] */
	CENTER_UNBLOCKED,    /* [who] */
	CENTER_GONE,         /* [who] left before we allowed our address */
	CENTER_MOVED,        /* we logged in elsewhere */
	CENTER_KEPT,         /* recipient is away, the text is kept */
	CENTER_REFUSED,      /* recipient has blocked us */
	CENTER_SOME_REFUSED, /* of a broadcast */
	CENTER_AWAY,         /* what was kept for us: text */

	/* In our own protocol alone, where the link itself says who asks, and
	 * requests have neither user nor token: `ref` is the request's, and
	 * its answer's. LIN is [user] by key, or [user, password]. */
	CENTER_STORE,  /* keep a letter: [to, seconds it is to be kept], blob */
	CENTER_FETCH,  /* what is kept for us above seq */
	CENTER_TRIM,   /* we have all up to seq */
	CENTER_MAIL,   /* a kept letter: seq, blob; all sent: no blob */
	CENTER_PREKEY, /* our bundle: blob */
	CENTER_BUNDLE, /* whose is wanted: [who]; the answer has the blob */
	CENTER_RELAY,  /* a way to them (splice.h): [id]; the answer has
			* [token], what they are told [token, id of who asks],
			* and an address, if that is not at this node */
};

enum verdict {
	V_SUCCESS,      /* committed on our disk */
	V_UNREGISTERED, /* say hello again, then resend */
	V_INVALID,      /* malformed; never retry */
	V_REFUSED,      /* blocked or unwanted; never retry */
	V_BUSY,         /* quota or disk full; try later */
	V_SEQ_REUSED,   /* restored from a backup: take a new epoch */
};

/* What every dialect translates into and out of. A field that a dialect does
 * not carry is zero. Every view borrows from the frame or the arena. */
struct packet {
	enum packet_kind kind;
	struct addr from, to; /* where each side *listens*, as claimed */
	struct bytes stamp; /* this packet's timestamp as written: echo it so */
	struct bytes
	    orig_stamp; /* ACK, REPLY: of what is answered, as written */
	int64_t sent_us, orig_us; /* the same two, Unix microseconds; 0: none */
	struct uuid id;           /* MESSAGE, REPLY; ACK, READ: which message */
	struct uuid reply_to;     /* REPLY */
	uint8_t epoch[8];
	uint64_t seq; /* from 1; 0: the dialect has none */
	enum verdict verdict;
	struct bytes text, quoted;
	bool sealed;          /* text is ciphertext still; see seal.h */
	bool malformed;       /* plain links: it came, and could not be read */
	struct bytes seal_to; /* plain links, sending: to this key, in PEM */

	/* HELLO */
	struct bytes peer; /* id as the dialect writes it */
	struct bytes key;  /* as the dialect writes it: PEM, base64 */
	struct bytes nick, version, features, prekey;
	struct bytes center;  /* ours: its key in hex @host:port, or empty */
	struct uuid instance; /* new at each start */
	uint16_t listen_port;
	bool have;             /* we have had something of yours: */
	uint8_t have_epoch[8]; /* your epoch */
	uint64_t have_upto;    /* all up to here but `ranges` */
	struct range *ranges;  /* HELLO: missing; SKIP: gone */
	size_t n_ranges;
	struct addr *peers;
	size_t n_peers;
	struct bytes word[WORDS_MAX]; /* CENTER; ERROR: code, words */
	size_t n_words;
	enum center_verb verb; /* CENTER */
	uint64_t ref;          /* CENTER of ours: which request; 0: none */
	struct bytes blob;     /* CENTER of ours: a letter, a bundle */
	bool private;          /* center: a text that came from its writer */
	struct bytes frame;    /* center: as it came; what the login goes by */
};

/* OK, or why no dialect may send this packet or hand it up. */
enum err packet_check(const struct packet *p) MUST_USE;
/* The same for plain dialects, which have neither ids nor numbers and may do
 * without timestamps; a sealed text is any bytes. */
enum err packet_check_plain(const struct packet *p) MUST_USE;
/* A canonical text of it, for vectors and failing tests. */
void packet_dump(struct buf *out, const struct packet *p);
#endif
