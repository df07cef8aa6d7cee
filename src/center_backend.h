#ifndef SOTTO_SRC_CENTER_BACKEND_H
#define SOTTO_SRC_CENTER_BACKEND_H
#include "proto/base.h"
/* What a message center keeps, and what its nodes tell each other: accounts,
 * wrong log-ins, who is where, sealed mail, prekeys, notes. Fifteen calls, two
 * implementations: SQLite in this process, for one node, and NATS JetStream,
 * for many. Nodes hold connections; all else is in here.
 *
 * Threads: a handle belongs to one thread at a time, and calls block it, for
 * CENTER_CALL_MS at most: not the network thread. What watch asked for is
 * called from inside tick and nowhere else.
 *
 * Errors: ERR_CLOSED: nobody answered in time; whether it was done is not
 * known. After one that took all the time the next ones take less, or none.
 * ERR_FULL: disk or quota. ERR_LIMIT: an argument is longer than the numbers
 * below, or a name is not one. ERR_PARSE: what is kept is damaged. ERR_SYS:
 * errno says it. All other errors stand beside the call.
 *
 * Idempotency: after any error a call may be made again with the same
 * arguments, as often as one likes, by whatever handle: what was done already
 * is not done twice, and the answer is that of the first time. But for
 * acct_put, after which one reads again, and attempt, which counts twice.
 *
 * Time: now_ms is Unix time, by the caller's clock. NATS lets sessions end by
 * its own clock instead, some seconds late. Blobs are opaque. */
enum {
	CENTER_NAME_MAX = 64,   /* of a user: bytes, center_name_ok */
	CENTER_NODE_MAX = 32,   /* of a node: letters, digits, _ and - */
	CENTER_SOURCE_MAX = 64, /* what a log-in came from: bytes, say a /64 */
	CENTER_HASH_MAX = 128,  /* password_hash, its NUL counted */
	CENTER_KEYS_MAX = 8,    /* identities bound to an account */
	CENTER_BLOCKS_MAX = 128,
	CENTER_BLOB_MAX = 262144, /* a letter: bytes */
	CENTER_BATCH_MAX = 256,   /* letters in one call */
	CENTER_BUNDLE_MAX = 1024, /* a prekey and what is around it: bytes */
	CENTER_NOTE_MAX = 65536,  /* bytes */
	CENTER_NOTES_MAX = 4096,  /* that wait for tick; more are lost */
	CENTER_TRIES = 3,         /* wrong ones, then a pen of */
	CENTER_PEN_S = 60,        /* seconds, then twice as long each time, */
	CENTER_PEN_MAX_S = 900,   /* up to this */
	CENTER_PARDON_S = 3600,   /* without a try: forgotten */
	CENTER_PREKEY_DAYS = 37,
	CENTER_CALL_MS = 5000,
	CENTER_TICK_MS = 5000, /* tick at least so often */
};

/* What differs between centers. 0: the usual. Nodes of one center say the
 * same; with NATS the first one to make the streams decides. */
struct center_rules {
	unsigned session_s; /* a session without a refresh; 60 */
	unsigned keep_days; /* letters nobody fetched; 30 */
	unsigned box_mails; /* letters in a box; 5000 */
	int64_t box_bytes;  /* the same in bytes; 50 MiB. SQLite only */
	unsigned again_s;   /* NATS: how long it knows an eid; 7200 */
};

struct center_acct {
	char password[CENTER_HASH_MAX]; /* hashed; "": none */
	int64_t made_ms;
	uint8_t invite[32]; /* digest of the code; until it is used, or: */
	int64_t invite_ms;  /* good until; 0: none */
	struct pubkey key[CENTER_KEYS_MAX];
	size_t n_keys;
	char blocked[CENTER_BLOCKS_MAX][CENTER_NAME_MAX + 1];
	size_t n_blocked;
};

enum center_try {
	TRY_LOOK,  /* only asks */
	TRY_BEGIN, /* before the password is looked at */
	TRY_GOOD,  /* it was right: all is forgotten */
};
struct center_pen {
	unsigned left;   /* tries that are left if this one is wrong */
	unsigned wait_s; /* not 0: no try for so long */
};

struct center_mail {
	struct uuid box, eid; /* eid: letter_id of blob */
	struct bytes blob;
	int64_t until_ms; /* 0: keep_days from now, which is the most */
	uint64_t seq;     /* answer */
	enum err err;     /* answer: OK, ERR_FULL: the box is, ERR_LIMIT,
			   * ERR_CLOSED: not known */
};

/* Neither may call the backend. */
struct center_watch {
	void *ctx;
	/* Somebody is here, or at another node than before; node NULL: gone.
	 * Only what is so at last, changes between two ticks are one. */
	void (*presence)(void *ctx, const char *user, const char *node);
	void (*note)(void *ctx, struct bytes note);
};

struct center_backend {
	const char *name; /* "sqlite", "nats" */
	int fd;           /* for poll: readable when tick has something */
	struct center_rules rules;

	/* ---- accounts ---- */
	/* ERR_ABSENT. rev is for acct_put; with ERR_PARSE, too. */
	enum err (*acct_get)(struct center_backend *b, const char *user,
			     struct center_acct *out, uint64_t *rev) MUST_USE;
	/* Compare-and-set: expect is the rev this was read with, 0: there is
	 * none yet. acct NULL removes it; none there is fine. ERR_EXISTS:
	 * somebody else was quicker (or we, and the answer was lost): read it
	 * again. rev (or NULL): of what was written. */
	enum err (*acct_put)(struct center_backend *b, const char *user,
			     const struct center_acct *acct, uint64_t expect,
			     uint64_t *rev) MUST_USE;
	/* All of them, in no order; what changes meanwhile may be missed.
	 * `each` may not call the backend. The one call without a bound in
	 * time; any part of it has CENTER_CALL_MS. */
	enum err (*acct_each)(struct center_backend *b,
			      void (*each)(void *ctx, const char *user,
					   const struct center_acct *acct),
			      void *ctx) MUST_USE;
	/* Wrong log-ins of a user from a source: never of the user alone, which
	 * would lock out its owner. A try counts as wrong from TRY_BEGIN on, so
	 * that many at once are not more than CENTER_TRIES. ERR_AUTH: in the
	 * pen, for out->wait_s. With SQLite they end with the handle. */
	enum err (*attempt)(struct center_backend *b, const char *user,
			    const char *source, enum center_try what,
			    int64_t now_ms, struct center_pen *out) MUST_USE;

	/* ---- who is where: a user has one session ---- */
	/* Takes the user over. old_node: who had it and should be told, "":
	 * nobody; it may be the same node, of an older token. */
	enum err (*session_claim)(struct center_backend *b, const char *user,
				  const struct uuid *token, const char *node,
				  int64_t now_ms,
				  char old_node[CENTER_NODE_MAX + 1]) MUST_USE;
	/* Once in a third of session_s; costs a write. ERR_AUTH: another token
	 * has it; ERR_ABSENT: nobody has, claim it again. */
	enum err (*session_refresh)(struct center_backend *b, const char *user,
				    const struct uuid *token,
				    int64_t now_ms) MUST_USE;
	/* Nothing when another token has it. */
	enum err (*session_drop)(struct center_backend *b, const char *user,
				 const struct uuid *token) MUST_USE;

	/* ---- sealed mail ---- */
	/* n letters, at most CENTER_BATCH_MAX; in one commit (SQLite) or one
	 * round trip (NATS), so give it what has gathered. OK: look at each err
	 * and seq. Numbers rise within a box, with gaps, and never come again.
	 * An eid that is in its box is not put there twice: its seq is the
	 * first one's. NATS knows an eid for again_s, also when it was trimmed;
	 * whoever reads drops what it had before. OK means: committed to the
	 * disk (SQLite), written by the servers, not synced (NATS: see
	 * sotto-center(7)). */
	enum err (*mbox_append)(struct center_backend *b, struct center_mail *m,
				size_t n, int64_t now_ms) MUST_USE;
	/* The oldest with a seq after `after`, at most max, in order. Fewer
	 * than max: that was all. `each` may not call the backend. */
	enum err (*mbox_read)(struct center_backend *b, const struct uuid *box,
			      uint64_t after, size_t max, int64_t now_ms,
			      void (*each)(void *ctx,
					   const struct center_mail *m),
			      void *ctx) MUST_USE;
	/* Up to this seq and with it. NATS takes up to 40 ms for it: not for
	 * each letter. */
	enum err (*mbox_trim)(struct center_backend *b, const struct uuid *box,
			      uint64_t upto) MUST_USE;

	/* ---- the newest bundle of an identity; CENTER_PREKEY_DAYS ---- */
	enum err (*prekey_put)(struct center_backend *b, const struct uuid *id,
			       struct bytes bundle, int64_t now_ms) MUST_USE;
	/* ERR_ABSENT. Appends. */
	enum err (*prekey_get)(struct center_backend *b, const struct uuid *id,
			       int64_t now_ms, struct buf *out) MUST_USE;

	/* ---- between nodes ---- */
	/* To a node, or NULL: all, ourselves included. A hint: it may be lost,
	 * with a node that is not there always. */
	enum err (*notify)(struct center_backend *b, const char *node,
			   struct bytes note) MUST_USE;
	/* Once a handle, before the first claim. Tells who is there already.
	 * w is borrowed. SQLite knows the notes and the sessions of this handle
	 * alone: one process, one handle that watches. */
	enum err (*watch)(struct center_backend *b, const char *node,
			  const struct center_watch *w) MUST_USE;
	/* When fd is readable, and every CENTER_TICK_MS: tells what watch asked
	 * for, ends sessions, throws old things away a few at a time.
	 * ERR_CLOSED: the servers are out of reach, or were since the last one,
	 * so that notes may be lost; it tries again by itself. */
	enum err (*tick)(struct center_backend *b, int64_t now_ms) MUST_USE;

	void (*close)(struct center_backend *b);
};

/* `where`: nats://[USER:PASSWORD@]HOST[:PORT][,HOST...][?OPTION=VALUE&...], or
 * tls:// of the same; else the path of a file, made with mode 0600 when it is
 * not there. rules may be NULL. On error `why` says it in one line, without a
 * password; else it is "" or a warning. ERR_STATE: not built in, or of a newer
 * sotto.
 *
 * NATS options: ca, cert, key, creds (files), prefix (of all names there; two
 * centers on one NATS differ in it; "sotto"), shards (streams that boxes are
 * spread over, 1 to 64; 8), replicas (1 to 5; 1). The last two are what the
 * first node said, for ever. On servers before 2.10 letters alone have
 * replicas: what is compared and set is not safe with them there. */
enum err center_open(const char *where, const struct center_rules *rules,
		     struct center_backend **out,
		     char why[static 256]) MUST_USE;
void center_close(struct center_backend *b); /* NULL is fine */
/* A second store beside that one, for what must be apart from it: a file
 * plain.db in its folder, or its prefix with -plain behind it on the same
 * servers. The caller frees it. */
char *center_beside(const char *where);
extern const struct center_rules center_beside_rules;

/* 1 to CENTER_NAME_MAX bytes of UTF-8 without blanks, control characters, what
 * a terminal must not see, and the | of document 002. Case counts. */
bool center_name_ok(const char *user);
bool center_node_ok(const char *node);
#endif
