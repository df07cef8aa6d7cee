#ifndef SOTTO_SRC_CENTER_NATS_IMPL_H
#define SOTTO_SRC_CENTER_NATS_IMPL_H
#include "src/center_impl.h"
#include "src/center_nats_lib.h"
#include "src/queue.h"
#include <stdatomic.h>
/* What the parts of the NATS implementation share: where it is, as a URL
 * (center_nats_where.c), a connection (_link), its streams (_make), what is
 * asked of it (center_nats.c), letters (_box), and what comes by itself
 * (_watch).
 *
 * On the servers, P being the prefix:
 *   stream P_mail_I       subjects P.mail.I.BOX, a letter a message
 *   stream KV_P_state     account.USER, meta.shards
 *   stream KV_P_session   USER: "TOKEN NODE OLD_NODE"; they end by themselves
 *   stream KV_P_strike    PAIR: "TRIES PENS UNTIL LAST"; the same
 *   stream KV_P_prekey    ID: a bundle; the same
 *   subjects P.note, P.note.NODE
 * BOX, USER, PAIR and ID are in hex. KV_ streams are what the tools of NATS
 * call key-value buckets. */

enum {
	PREFIX_MAX = 32,
	HOSTS_MAX = 8,
	SHARDS_MAX = 64,
	SUBJECT = 256,
	NAME = 64, /* of a stream */
	RECORD_MAX = CENTER_RECORD,
	RESTS = 256,
};

/* Where, as the URL says; all owned but what `text` holds. */
struct nats_where {
	char *text; /* the URL, cut into pieces by NULs */
	const char *host[HOSTS_MAX];
	size_t n_hosts;
	const char *user, *password; /* or NULL */
	const char *ca, *cert, *key, *creds;
	const char *prefix;
	unsigned shards, replicas;
	bool tls;
};

/* Comes from threads of libnats. */
enum news_kind {
	NEWS_AGAIN, /* something was missed: ask again for who is there */
	NEWS_HERE,
	NEWS_GONE,
	NEWS_NOTE,
};
struct news {
	enum news_kind kind;
	unsigned feed; /* HERE, GONE: of which question */
	char user[CENTER_NAME_MAX + 1], node[CENTER_NODE_MAX + 1];
	size_t n; /* NOTE */
	uint8_t p[];
};

/* What the threads of libnats touch. It lives until the last subscription has
 * said its last word, which may be after nats_close. */
struct nats_ears {
	struct queue *news;
	atomic_uint owners;
	atomic_uint breaks;    /* how often the connection broke */
	atomic_bool again;     /* NEWS_AGAIN is on its way */
	atomic_llong heard_us; /* the last sign of the feed, monotonic */
	struct nats_lib lib;
};
/* One subscription's; `feed` and what follows are of presence alone. */
struct nats_sub {
	struct nats_ears *ears;
	natsSubscription *sub;
	unsigned feed;
	uint64_t next; /* the consumer's own number that must come now */
};

struct who; /* a table of who is where */

struct nats {
	struct center_backend base; /* first: they are one pointer */
	struct nats_lib lib;
	struct nats_ears *ears;
	natsConnection *nc;
	jsCtx *js;
	natsSubscription *answers; /* to inbox.NUMBER */
	char inbox[96];
	uint64_t asked; /* the number of the last question */
	char prefix[PREFIX_MAX + 1];
	unsigned shards;
	int64_t rest_us[RESTS], short_us; /* nats_may; monotonic */
	unsigned breaks;                  /* those that tick has told of */
	bool singly;                      /* purges are not safe there */

	const struct center_watch *watch; /* NULL: not asked for */
	struct nats_sub *note[2], *feed;  /* the ears' */
	unsigned feeds;                   /* questions so far */
	bool deaf;                        /* presence must be asked for again */
	struct who *who;
};

static inline struct nats *nats_of(struct center_backend *b)
{
	return (struct nats *)(void *)b;
}

/* ---- the link ---- */
enum err nats_where(const char *url, struct nats_where *out,
		    char why[static 256]) MUST_USE;
void nats_where_free(struct nats_where *w);
/* 1 to max, and nothing behind it. */
bool nats_unsigned(const char *s, unsigned max, unsigned *out);
/* Connects, and nats_make. */
enum err nats_link(struct nats *n, const struct nats_where *w,
		   char why[static 256]) MUST_USE;
void nats_unlink(struct nats *n);
/* The streams, where they are not there yet. */
enum err nats_make(struct nats *n, const struct nats_where *w,
		   char why[static 256]) MUST_USE;
/* Whether the servers are of version 2.10 or newer; by mail stream 0. Sets
 * n->singly. */
enum err nats_modern(struct nats *n, bool *modern) MUST_USE;

/* Until when the call may take; monotonic, us. */
int64_t nats_deadline(void);
/* A stream whose servers do not answer keeps us waiting once: it is asked again
 * after a while, with less patience. May it be asked now, and until when? By
 * its name, or that of a subject of it. */
bool nats_may(struct nats *n, const char *stream, int64_t *deadline) MUST_USE;
/* What came of it; returns err. */
enum err nats_felt(struct nats *n, const char *stream, enum err err,
		   int64_t deadline);
/* ERR_CLOSED, ERR_FULL ... of what libnats or JetStream said. */
enum err nats_error(natsStatus s, int code);
/* The same for a person, and never OK. */
enum err nats_tell(const struct nats *n, natsStatus s, int code,
		   char why[static 256]);
void nats_pause(struct nats *n, int64_t ms);

/* A message that is acknowledged when the servers have it. */
struct nats_put {
	char subject[SUBJECT];
	struct bytes data;
	char msg_id[80];  /* "": none */
	int64_t until_ms; /* 0: none */
	bool compare;     /* only when `expect` is its last message, 0: none */
	uint64_t expect;
	bool gone; /* a mark that there is none any more */
	/* answers; ERR_EXISTS: compare failed, ERR_CLOSED: none came */
	enum err err;
	uint64_t seq;
	bool there; /* the answer came */
	bool rests; /* was not asked: nats_may */
};
/* One round trip for all of them. OK: each has its err; else there was no
 * answer at all. */
enum err nats_put(struct nats *n, struct nats_put *p, size_t count,
		  int64_t deadline) MUST_USE;

/* The last message of a subject: its data are appended. ERR_ABSENT: there is
 * none, or a mark that it is gone, whose number is *seq then; else 0.
 * until_ms (or NULL): what it was put with. */
enum err nats_last(struct nats *n, const char *stream, const char *subject,
		   uint64_t *seq, struct buf *data, int64_t *until_ms,
		   int64_t deadline) MUST_USE;

/* All messages of a subject from number `from` on, in order, until `each` says
 * no; heads: without their data. What it is given is good for that call.
 * Deadline 0: of any length, each page has CENTER_CALL_MS. */
struct nats_seen {
	const char *subject, *msg_id; /* or "" */
	uint64_t seq;
	int64_t until_ms;
	bool gone;
	struct bytes data;
};
enum err nats_pull(struct nats *n, const char *stream, const char *filter,
		   uint64_t from, size_t page, bool heads,
		   bool (*each)(void *ctx, const struct nats_seen *m),
		   void *ctx, int64_t deadline) MUST_USE;

/* What stands in "$JS.ACK. ..." beside a message. False: it is not that. */
struct nats_place {
	uint64_t stream_seq, consumer_seq, pending;
};
bool nats_place(const char *reply, struct nats_place *out);

void nats_bucket(const struct nats *n, const char *which, char out[NAME]);
void nats_key(const struct nats *n, const char *which, const char *key,
	      char out[SUBJECT]);
void nats_user_key(const char *user, char out[2 * CENTER_NAME_MAX + 1]);
bool nats_key_user(const char *key, char user[CENTER_NAME_MAX + 1]);

/* ---- letters ---- */
enum err nats_mbox_append(struct center_backend *b, struct center_mail *m,
			  size_t n, int64_t now_ms) MUST_USE;
enum err nats_mbox_read(struct center_backend *b, const struct uuid *box,
			uint64_t after, size_t max, int64_t now_ms,
			void (*each)(void *ctx, const struct center_mail *m),
			void *ctx) MUST_USE;
enum err nats_mbox_trim(struct center_backend *b, const struct uuid *box,
			uint64_t upto) MUST_USE;

/* ---- what comes by itself ---- */
struct nats_ears *ears_new(const struct nats_lib *l);
void ears_release(struct nats_ears *e);
void ears_again(struct nats_ears *e); /* any thread */
enum err nats_watch(struct center_backend *b, const char *node,
		    const struct center_watch *w) MUST_USE;
enum err nats_tick(struct center_backend *b, int64_t now_ms) MUST_USE;
void nats_watch_end(struct nats *n);
#endif
