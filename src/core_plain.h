#ifndef SOTTO_SRC_CORE_PLAIN_H
#define SOTTO_SRC_CORE_PLAIN_H
#include "src/core_impl.h"
/* Peers of the plain dialects. A contact is an address there ("json://ip:port")
 * or a name somebody gives himself, and never one that has a key: these files
 * look only at contacts with `plain`, all others only at those without.
 *   core_plain.c  contacts, links, PEERs: what all plain dialects share
 *   core_json.c   document 003
 *   core_mesh.c   document 004
 *   core_hub.c    document 002, as a client of its center
 *   core_errand.c documents 000 and 001: a connection a transaction */
enum {
	MESH_ID = 32,         /* characters of our own id there */
	PLAIN_NEW_MAX = 1024, /* contacts that wrote to us first, a run */
	RECENT_MAX = 32,      /* messages to one contact, by timestamp */
};

/* How a dialect does things. All of them may be called at any time. */
struct way {
	/* Sends what may be sent; dials for it. */
	void (*pump)(struct core *c, const struct now *now, struct who *w);
	/* A link that was dialled for w (NULL: accepted) is up. */
	void (*up)(struct core *c, const struct now *now, struct conn *n,
		   struct who *w);
	void (*packet)(struct core *c, const struct now *now, struct conn *n,
		       const struct packet *p);
	/* The link n is gone (it is freed afterwards); or, with n NULL, one
	 * that was dialled for w never came up. */
	void (*down)(struct core *c, const struct now *now, struct who *w,
		     struct conn *n);
	/* w->send or w->dial.timer is due. */
	void (*timer)(struct core *c, const struct now *now, struct who *w);
	/* CMD_CONNECT: true: there is something to wait for. */
	bool (*connect)(struct core *c, const struct now *now, struct who *w);
};
extern const struct way way_json, way_mesh, way_errand, way_center;

struct plain {
	const struct dialect *d;
	const struct way *way;
	struct addr at;    /* where he is; port 0: not known yet */
	struct conn *conn; /* the link that is used, or NULL */
	bool dialling;     /* one is being made */
	bool asking;       /* for the address of his name */
	unsigned fails;    /* in a row */
	int64_t stamp_us;  /* of the last message to him: they increase */
	struct recent {
		char stamp[STAMP_MAX + 1];
		struct uuid id;
	} * recent; /* RECENT_MAX, or NULL; a ring */
	unsigned n_recent;

	/* core_errand.c */
	enum errand {
		E_NONE,
		E_HELLO,    /* asks for his key; binary: and registers */
		E_REGISTER, /* nul: says where we listen */
		E_TEXT,
		E_HALF,  /* binary: he wants us to register before the text */
	} errand;        /* what the open connection is for */
	char *pem;       /* owned: his key, as announced in this run; or NULL */
	bool registered; /* he knows us */
	bool announced;  /* he came by himself and said where he listens */
	bool greet;      /* an errand is wanted though there is no text */
	unsigned silent; /* closed without an answer, in a row */
	unsigned acks;   /* E_HALF: how many came */
	int64_t good_us; /* when he was understood last */
};

/* ---- core_hub.c ---- */
bool hub_in(const struct core *c); /* logged in */
enum code hub_fits(const struct core *c, const struct who *w, bool private,
		   const char *text, char why[static 128]);
void hub_start(struct core *c, const struct now *now, struct who *w);

/* ---- core_plain.c ---- */
/* The contact at this address, hidden ones too; or NULL. */
struct who *keyless_at(const struct core *c, const struct dialect *d,
		       const struct addr *at);
/* One who writes to us first. NULL: there are too many. */
struct who *keyless_stranger(struct core *c, const struct now *now,
			     const struct dialect *d, const struct addr *at);
/* Dials w's address, or asks for it; `says` goes out first, after that
 * ticket. False: not now. */
bool keyless_dial(struct core *c, struct who *w, ticket after,
		  const struct packet *says);
void keyless_send(struct core *c, const struct conn *n, ticket after,
		  const struct packet *p);
bool keyless_no_ip(const struct addr *a); /* zero, or 0.0.0.0 */
/* He counts from now on: he is shown, even if he was forgotten. */
void keyless_meant(struct core *c, struct who *w);
/* All that waits for him ends, as if nobody had answered. */
void keyless_give_up(struct core *c, const struct now *now, struct who *w,
		     const char *why);
/* A place where somebody may be; nothing of it is stored. */
struct who *keyless_lead(struct core *c, const struct dialect *d,
			 const char *host, uint16_t port, enum via via);
/* Where we listen for d, or NULL. */
const struct door *keyless_door(const struct core *c, const struct dialect *d);
/* Ends what has waited too long. */
void keyless_expire(struct core *c, const struct now *now, struct who *w);
/* Whether our RSA key is there; else it is asked for, and all contacts that
 * need it are pumped when it is. */
bool keyless_rsa(struct core *c, enum seal how, struct buf *pem);
/* Fills the window; false: nothing may be sent now. */
bool keyless_outbox(struct core *c, const struct now *now, struct who *w);
void keyless_row_packet(const struct who *w, const struct row *r,
			struct packet *p);
/* It is on its way: with a dial, or on a link. */
void keyless_row_flies(const struct now *now, struct row *r);
/* The first of them, or NULL. */
struct row *keyless_flying(const struct who *w);
void keyless_row_sent(struct core *c, struct row *r); /* a link has it */
/* A text that arrived: stores and tells it. ERR_EXISTS: a copy; *after is the
 * ticket its answer waits for. ERR_AUTH: he is blocked; ERR_FULL: the disk. */
enum err keyless_receive(struct core *c, const struct now *now, struct who *w,
			 const struct conn *n, const struct packet *p,
			 struct bytes dedupe, ticket *after);
void keyless_seen(struct core *c, const struct now *now, struct who *w);
/* Tries again: 1 s * 2^fails, at most the redial cap; full jitter. */
void keyless_back_off(struct core *c, const struct now *now, struct who *w);
#endif
