#ifndef SOTTO_SRC_EVENT_H
#define SOTTO_SRC_EVENT_H
#include "proto/packet.h"
/* contact: who (lasts; in the store). peer: where a contact is now (address,
 * dialect, presence). link: one conversation (proto/link.h). */
typedef int64_t contact_id;
typedef int64_t message_n;  /* arrival number: the order of everything shown */
typedef uint32_t client_id; /* 0: everyone */
typedef uint32_t link_id;
typedef uint64_t ticket; /* a batch of changes on its way to the disk */

enum delivery {
	D_QUEUED,    /* on our disk, no link to send it on yet */
	D_SENT,      /* handed to a link; no ACK yet */
	D_STORED,    /* a centre has it */
	D_DELIVERED, /* ACKed: the other side has it on its disk */
	D_FAILED,    /* given up; `error` says why; the user may retry */
	D_CANCELLED, /* taken back; its number goes into a skip */
	D_RECEIVED,  /* came to us */
	D_REQUEST,   /* came to us from somebody not accepted yet */
	D_HANDED,    /* handed to a link whose dialect knows no ACKs: that is
		      * all that will ever be known */
};

/* The columns of table `message`, then those of `outbox`. */
struct message {
	message_n n;
	contact_id with;
	bool incoming, secure;
	struct uuid id;     /* the sender's in sotto, else ours */
	uint8_t dedupe[32]; /* what a second copy has in common */
	size_t n_dedupe;    /* 0: NULL, nobody retransmits in this dialect */
	uint8_t epoch[8];
	uint64_t seq;                  /* 0: none */
	char stamp[STAMP_MAX + 1];     /* the origin's, as written */
	char ack_stamp[STAMP_MAX + 1]; /* the ACK's, as written */
	char quote_stamp[STAMP_MAX + 1];
	int64_t sent_ms, stored_ms, acked_ms; /* Unix; 0: not yet */
	int64_t rtt_us;                       /* 0: not known */
	enum delivery delivery;
	struct addr from, to; /* as the packet claims */
	struct uuid answers;  /* zero: not a reply */
	char *text;           /* UTF-8, owned, as received: clean on display */
	char *quote;          /* owned or NULL: what it answers, as quoted */
	char *error;          /* owned or NULL */
	unsigned tries;
	int64_t next_ms, expire_ms;
	bool held; /* the contact's key changed */
};
struct message *message_copy(const struct message *m);
void message_free(struct message *m);
enum presence { P_UNKNOWN, P_OFFLINE, P_DIALLING, P_ONLINE };
enum trust { TRUST_PLAIN, TRUST_NEW, TRUST_PINNED, TRUST_VERIFIED };
enum via { VIA_TYPED, VIA_FILE, VIA_LAN, VIA_PEER, VIA_SEEN, VIA_CENTER };

struct contact {
	contact_id id;
	const char *dialect; /* static */
	struct pubkey key;   /* zero: plain, or not met yet */
	char ident[128];     /* plain: as one types it, json://10.0.0.7:5000 */
	enum trust trust;
	bool blocked, changed, secure;
	bool gone;         /* EV_PEER: forgotten; take it off the list */
	contact_id became; /* gone: its messages are this one's now; or 0 */
	enum presence presence;
	struct addr at;
	enum via via;
	unsigned unread, waiting, requests;
	message_n read_upto, last;
	char nick[NICK_MAX + 1];    /* as the peer says */
	char petname[NICK_MAX + 1]; /* as the user says; wins */
	char *draft; /* owned; NULL: not said; on snapshots, after CMD_DRAFT */
	size_t cursor;
	struct uuid draft_answers;
};

/* The words of the line protocol (sotto(1)), one each. */
enum event_kind {
	EV_READY,    /* first event of every client. contact: ourselves, `at` is
		      * the address to tell others; text: where we listen,
		      * blanks between; name: ask, accept or refuse */
	EV_PEER,     /* contact; its id 0: somebody of our center came or went,
		      * who need not be one */
	EV_MESSAGE,  /* message: new, and on our disk */
	EV_ITEM,     /* a row of a query: contact or message */
	EV_STATUS,   /* message: its delivery changed */
	EV_RESULT,   /* ref, code, text; message or contact it was about */
	EV_LOST,     /* events were dropped: CMD_SNAPSHOT, then CMD_SINCE */
	EV_SECURITY, /* text: key_changed, new_key, downgrade, hostile */
	EV_NOTICE,   /* level, text */
	EV_CONSENT,  /* name: a user of our center asks for our address; text */
	EV_BYE,      /* text: quit, disk_full ... */
};

/* One table in lines.c gives each its word and its exit status. */
enum code {
	CODE_OK,
	CODE_ERROR,
	CODE_BAD_COMMAND,
	CODE_USAGE,
	CODE_TOO_LONG,
	CODE_NO_ACK,
	CODE_TIMEOUT,
	CODE_REFUSED,
	CODE_KEY,
	CODE_UNKNOWN,
	CODE_UNREACHABLE,
	CODE_AMBIGUOUS,
	CODE_SELF,
	CODE_PARTLY,
	CODE_QUEUED,
	CODE_QUEUE_FULL,
	CODE_DISK_FULL
};

/* Engine to front end. Immutable once pushed; one owner at a time. */
struct event {
	enum event_kind kind;
	uint64_t ref; /* the command this answers, or 0 */
	enum code code;
	enum { LEVEL_INFO, LEVEL_WARN, LEVEL_ERROR } level;
	unsigned tries_left, locked_s; /* RESULT of a log-in; 0: not said */
	struct contact *contact;       /* owned or NULL */
	struct message *message;       /* owned or NULL */
	char *name, *text;             /* owned or NULL */
	bool more; /* RESULT of a query: ask again from `next` */
	bool flat; /* a copy: what it owns lies behind it */
	message_n next;
};

enum command_kind {
	/* With `id`: a reply to that message; `yes`: an ACK is waited for,
	 * so not where there is none. */
	CMD_SEND,
	CMD_REPLY, /* without `id`: to the last sender this client was told */
	CMD_ALL,   /* to everybody online */
	CMD_CANCEL,
	CMD_RETRY, /* id */
	CMD_DRAFT, /* text, cursor, id; soft: no commit of its own */
	CMD_READ,  /* upto n */
	CMD_CONNECT,
	CMD_TRUST,  /* pin the key now seen: accepts a request or a change */
	CMD_VERIFY, /* yes: the numbers were compared */
	CMD_BLOCK,
	CMD_UNBLOCK,
	CMD_FORGET, /* rows go, tombstones stay */
	CMD_RENAME, /* name */
	CMD_NICK,   /* name: our own */
	CMD_SET,    /* name, text; yes: write it into the file */
	CMD_ID,
	CMD_PEERS,
	CMD_OUTBOX,
	CMD_SNAPSHOT, /* contacts only, paged */
	CMD_HISTORY,  /* the page before n; 0: the newest */
	CMD_SINCE,    /* the page after n, all contacts */
	CMD_SEARCH,   /* text; the page before n, newest first */
	/* the message center */
	CMD_LOGIN, /* to; name: user; text: password, or NULL: by key */
	CMD_LOGOUT,
	CMD_ONLINE,
	CMD_BROADCAST,  /* text */
	CMD_GETADDRESS, /* name: of whom */
	CMD_ALLOW,      /* name: to whom */
	CMD_QUIT
};
enum { PAGE_MAX = 128, PAGE_USUAL = 50 };

/* Front end to engine. */
struct command {
	enum command_kind kind;
	uint64_t ref;       /* chosen by the front end, echoed in events */
	contact_id contact; /* or, when 0: */
	char *to;           /* owned: a PEER as typed; core finds whom */
	struct uuid id;     /* a message */
	message_n n;
	unsigned limit; /* of a page; at most PAGE_MAX */
	size_t cursor;
	bool yes;
	char *text, *name; /* owned */
};
struct event *event_copy(const struct event *ev);
/* A copy at *at, which moves behind it; aligned like malloc's, event_room
 * bytes. What effects are made of, too. */
size_t event_room(const struct event *ev);
struct event *event_place(uint8_t **at, const struct event *ev);
size_t flat_room(size_t n);
size_t flat_text_room(const char *s);                    /* NULL: nothing */
void *flat_bytes(uint8_t **at, const void *p, size_t n); /* n 0: NULL */
char *flat_text(uint8_t **at, const char *s);
void event_free(struct event *ev);
struct command *command_copy(const struct command *cmd);
void command_free(struct command *cmd);
#endif
