#ifndef SOTTO_SRC_CORE_IMPL_H
#define SOTTO_SRC_CORE_IMPL_H
#include "src/core.h"
#include <string.h>
/* What the files of core share; for nobody else. Three tables: contacts
 * (`struct who`), links (`struct conn`), the outbox (`struct row`).
 *   core.c          entry points: links, hello, what arrives
 *   core_say.c      what front ends are told
 *   core_own.c      what they ask of ourselves
 *   core_who.c      contacts: tables, addresses, requests, loading
 *   core_dial.c     whom we dial, when, where
 *   core_outbox.c   what waits for its ACK
 *   core_command.c  what front ends ask
 *   core_query.c    pages: snapshot, outbox, history, search
 *   core_peer.c     whom a typed PEER means, addresses as text
 *   core_table.c    tables and timers, in which nothing is searched
 *   core_post.c     letters, for who is not there
 *   core_login.c    the center we are logged in at
 *   core_user.c     and its people
 *   core_relay.c    through a center, to who cannot be dialled
 * and core_plain.h: peers without keys */
enum {
	WINDOW_ROWS = 256,       /* outbox rows of a contact held in memory */
	WINDOW_BYTES = 2 << 20,  /* and their texts */
	UNACKED_BYTES = 1 << 20, /* a link */
	PLACES_MAX = 8,          /* addresses remembered of a contact */
	LEADS_MAX = 256,         /* places where nobody was met yet */
	LINKS_EACH = 4,       /* of one contact, until his hellos settle it */
	STRANGERS_MAX = 1024, /* contacts nobody accepted or wrote to */
	STRANGER_TRIES = 3,   /* failed dials, then not before it is heard */
	RESOLVE_MAX = 4,      /* names asked at a time */
	START_MAX = 64,       /* dialled by ourselves at the start */
	UNREAD_KEPT = 64,     /* arrivals remembered to count the unread */
	POISON_LOSSES = 3,
	BUSY_MAX = 9, /* doublings of the pause after `busy` */
};
#define MS_US INT64_C(1000)
#define SECOND_US INT64_C(1000000)
#define DAY_MS (INT64_C(24) * 3600 * 1000)
#define NEVER INT64_MAX
#define HELLO_US (20 * SECOND_US)
#define OUTBOX_LIFE_MS (30 * DAY_MS)
#define TOMBSTONE_LIFE_MS (45 * DAY_MS)

/* ---- core_table.c ---- */

/* Pointers by a number that is as good as random; several may have the same.
 * All zero is empty. */
struct table {
	struct table_slot {
		uint64_t key;
		void *value; /* NULL: free */
	} * slot;
	size_t n, cap;
};
void table_put(struct table *t, uint64_t key, void *value);
void table_remove(struct table *t, uint64_t key, const void *value);
/* The first (from *i = 0), then the next with this key; NULL: no more. */
void *table_find(const struct table *t, uint64_t key, size_t *i);
void table_free(struct table *t);
uint64_t hash_number(uint64_t n);
uint64_t hash_key(const struct pubkey *k);
uint64_t hash_uuid(struct uuid id);
uint64_t hash_hex(const char *hex); /* its first 16 digits */

enum timer_kind {
	TIMER_DIAL,
	TIMER_SEND,
	TIMER_WAIT,
	TIMER_HELLO,
	TIMER_HUB,
	TIMER_POST,
	TIMER_CENTER,
};
struct timer {
	int64_t at; /* mono_us */
	size_t pos; /* in the heap, from 1; 0: not set */
	enum timer_kind kind;
	void *owner;
};
struct heap {
	struct timer **timer; /* [1] is due first */
	size_t n, cap;
};
void timer_set(struct heap *h, struct timer *t, int64_t at);
void timer_stop(struct heap *h, struct timer *t);
struct timer *timer_due(struct heap *h, int64_t mono_us); /* stopped; or NULL */
int64_t heap_first(const struct heap *h);

/* ---- the three tables ---- */

/* An outgoing message that waits for its ACK. */
struct row {
	struct message *m; /* owned */
	struct who *who;
	struct row *next, *prev;
	ticket after;      /* on the disk with this one */
	int64_t sent_us;   /* last handed to a link */
	bool sent;         /* on the link we have now, and not answered */
	unsigned answers;  /* still to come from this link */
	unsigned hellos;   /* said again because of this row */
	int64_t letter_us; /* a center took it, in this run; or 0 */
};

/* A contact; or, with id < 0, a lead: a place where somebody may be, about
 * whom nothing is stored until he has proven a key. */
struct who {
	struct contact_row row;
	char id[33];       /* of the key, or as the beacon claimed it, or "" */
	struct conn *conn; /* the link that is used, or NULL */
	struct plain *plain; /* in a plain dialect; then `conn` is NULL */
	struct address_row *place;
	unsigned n_places;
	struct dialling {
		struct timer timer; /* the next address, or the next round */
		struct addr at[ADDRS_MAX];
		unsigned n, next, open, names; /* open, names: unanswered */
		unsigned fails;
		int64_t last_us; /* when the latest round began */
		bool round;      /* one is running */
		bool relay;      /* in it he was asked for at our center */
		bool keep;       /* again and again while the program runs */
	} dial;
	bool errand;  /* a center, and there is something for it */
	bool post;    /* a center, which we did not meet as a person */
	bool greeted; /* our hello went to him by letter, in this run */
	bool named;   /* typed or in peers.txt: trusted at first use */
	bool unsaved; /* changed while the disk could not be written */
	bool told_of; /* front ends have heard of him */

	struct row *first, *last,
	    *unsent; /* by number; unsent: look from here */
	unsigned n_rows, n_sent, told_waiting;
	size_t row_bytes, sent_bytes;
	message_n loaded;  /* rows up to here were taken from the store ... */
	bool more;         /* ... and there may be later ones */
	bool unnumbered;   /* among those are some without a valid number */
	bool passed;       /* before the first one there are some, too */
	struct timer send; /* after `busy`; and when no answer comes */
	unsigned busy;     /* times in a row */
	bool paused;
	struct uuid poison; /* first unanswered when a link was lost */
	unsigned losses;
	ticket skip_after; /* what made the latest gap is on the disk then */

	size_t request_bytes;
	struct uuid *request; /* D_REQUEST rows of this run */
	unsigned n_request;
	bool accepting;      /* JOB_PAGE for the older ones is on its way */
	message_n *unread_n; /* the latest UNREAD_KEPT unread */
	unsigned n_unread_n;

	/* Counts of core: his latest message, the one before, our answer. */
	uint64_t told, told_before, answered;
	ticket told_after; /* front ends hear of `told` with this */
	struct uuid told_id, told_before_id;
};

struct conn {
	link_id id;
	struct who *who;         /* NULL: refused, nothing of him is kept */
	const struct dialect *d; /* plain; then `who` is NULL, and `peer` ... */
	struct who *peer;        /* ... is whose it is, or NULL: nobody's yet */
	struct addr local;       /* we, as seen from there */
	int64_t ready_us;        /* not before are texts sent */
	char *kept; /* a text that waits until its sender has registered */
	struct pubkey key;
	struct addr at;
	struct uuid instance;
	bool dialled, heard;
	bool relayed; /* through a center; `at` says nothing */
	int64_t up_us;
	struct timer hello; /* his must come before */
	struct conn *next;  /* all links of one contact */
	size_t index;       /* in core.conns */
};

/* A command whose result comes later. */
struct wait {
	struct wait *next;
	struct timer timer;
	client_id client;
	uint64_t ref;
	contact_id contact;
};

struct told {
	client_id client;
	uint64_t since;
};

struct post;
struct relays;
struct core {
	struct core_rules rules;
	struct post *post;
	struct relays *relays;
	const struct keys *our_keys; /* borrowed; RSA keys are added to them */
	bool rsa_asked[SEAL_NOISE];
	struct pubkey self;
	char id[33];
	char nick[NICK_MAX + 1];
	struct addr at;
	struct uuid instance;
	struct store *store;
	struct effects *fx;

	struct who **list; /* contacts by id, ascending */
	size_t n_list, cap_list;
	struct who **lead;
	size_t n_leads;
	contact_id last_lead; /* counts down */
	size_t n_strangers;
	struct door {
		const struct dialect *d;
		struct addr at;
	} door[8]; /* where we listen for plain dialects */
	size_t n_doors;
	struct addr pushes;   /* where a center of document 002 finds us */
	struct hub *hub;      /* our log-in there, or NULL */
	unsigned n_plain_new; /* contacts of plain dialects made by arrivals */
	struct table contacts, keys, ids, rows, links;
	struct conn **conns;
	size_t n_conns, cap_conns;
	struct heap heap;
	struct wait *waits;
	struct told *told;
	size_t n_told;
	uint64_t told_count;

	enum err disk;
	bool started, quit;
	int64_t base_mono_us, base_wall_us; /* at the first tick */
	unsigned resolving;                 /* names asked now */
	unsigned hint_tokens;
	int64_t hint_us;  /* when the tokens were counted */
	ticket hard;      /* latest batch with something of ours */
	int64_t stamp_ms; /* `stamp` says this */
	char stamp[STAMP_MAX + 1];
	contact_id typed; /* whom `typed_as` meant last; 0: ask again */
	char typed_as[300];
};

static inline struct bytes view(const char *s) /* NULL is empty */
{
	return (struct bytes){(const uint8_t *)s, s ? strlen(s) : 0};
}

/* ---- core_who.c ---- */
void who_load(struct core *c);
bool who_self(const struct who *w);
void who_seen(struct core *c, const struct now *now, struct who *w);
void who_catch_up(struct core *c, struct who *w);
/* The ident of a contact that is only an address. */
enum { IDENT_TEXT = sizeof(((struct contact *)0)->ident) };
bool ident_text(char out[static IDENT_TEXT], const char *host, uint16_t port);
struct who *who_by_ident(const struct core *c, const char *ident);
struct who *who_at(const struct core *c, const char *host, uint16_t port);
void who_key(struct core *c, struct who *w, const struct pubkey *key);
/* Requests of earlier runs become ordinary messages: asks for their page, and
 * the answer. */
void requests_ask(struct core *c, struct who *w);
void requests_page(struct core *c, const struct job *j);
struct who *who_find(const struct core *c, contact_id id);
struct who *who_by_key(const struct core *c, const struct pubkey *k);
struct who *who_by_id(const struct core *c, const char *hex);
struct who *who_new(struct core *c, const struct now *now,
		    const struct contact_row *row); /* stored */
struct who *lead_new(struct core *c);
void who_remove(struct core *c, struct who *w); /* a lead, or adopted */
void who_save(struct core *c, struct who *w);
bool who_stranger(const struct who *w); /* nobody accepted him yet */
const char *who_name(const struct who *w);
void who_accept(struct core *c, const struct now *now, struct who *w);
/* A text of his came. */
void who_speaks(struct core *c, struct who *w);
void presence_set(struct core *c, struct who *w, enum presence p);
void place_add(struct core *c, struct who *w, const char *host, uint16_t port,
	       enum via via, int64_t ok_ms);

/* ---- core.c, core_say.c ---- */
struct conn *conn_find(const struct core *c, link_id id);
struct conn *conn_new(struct core *c, link_id id);
/* n, of whom and how he came are known, is one of his links from here on. */
void conn_join(struct core *c, const struct now *now, struct conn *n);
unsigned links_of(const struct who *w);
/* Rows and addresses of `from`, an address, go to whoever is met there. */
struct who *who_adopt(struct core *c, const struct now *now, struct who *from,
		      struct who *to);
void message_arrived(struct core *c, struct who *w, struct message *m,
		     ticket after);
void stamp_copy(char out[static STAMP_MAX + 1], struct bytes s);
char *quote_cut(struct bytes s); /* owned: a quotation of it */
/* A text of his that came without a link. OK, or ERR_EXISTS: *after is what
 * its ACK waits for. ERR_LIMIT, ERR_STATE: it is not wanted. Anything else:
 * it could not be kept. */
enum err letter_arrived(struct core *c, const struct now *now, struct who *w,
			const struct packet *p, ticket *after) MUST_USE;
void nick_said(struct core *c, struct who *w, struct bytes nick);
/* Whoever has this key: known, or from here on; NULL: not wanted. */
struct who *key_owner(struct core *c, const struct now *now,
		      const struct pubkey *key);
void tell(struct core *c, client_id to, ticket after, struct event *ev);
void tell_peer(struct core *c, struct who *w);
void tell_notice(struct core *c, int level, const char *fmt, ...) PRINTF(3, 4);
/* A user of our center asks for our address. */
void tell_consent(struct core *c, struct bytes user);
void tell_security(struct core *c, struct who *w, const char *what);
void tell_status(struct core *c, ticket after, const struct message *m);
void conn_close(struct core *c, const struct now *now, struct conn *n);
/* What was said on it before that ticket goes out first. */
void conn_close_after(struct core *c, const struct now *now, struct conn *n,
		      ticket after);
void conn_close_all(struct core *c, const struct now *now, struct who *w);
void say_hello(struct core *c, const struct now *now, struct conn *n);
const char *stamp_now(struct core *c, const struct now *now);
ticket hard(struct core *c); /* notes and returns the batch being gathered */

/* ---- core_dial.c ---- */
void dial_now(struct core *c, const struct now *now, struct who *w);
/* Something was sent: now, or a second after the last round began. */
void dial_soon(struct core *c, const struct now *now, struct who *w);
/* As the back-off says, if there is a reason to dial at all. */
void dial_later(struct core *c, const struct now *now, struct who *w);
void dial_stop(struct core *c, struct who *w);
void dial_timer(struct core *c, const struct now *now, struct who *w);
/* One of his dials came to nothing; key: met instead of the pin, or zero. */
void dial_failed(struct core *c, const struct now *now, struct who *w,
		 const struct pubkey *key, enum err why);
void dial_up(struct core *c, struct who *w);
void dial_start(struct core *c, const struct now *now);
void dial_woke(struct core *c, const struct now *now);
void dial_resolved(struct core *c, const struct now *now, const struct job *j);
bool dial_wanted(const struct core *c, const struct who *w);
/* Something waits for it: a message, somebody who asked. */
bool dial_needed(const struct core *c, const struct who *w);
/* Through a center he cannot be reached; or he was. */
void dial_over(struct core *c, const struct now *now, struct who *w);
void dial_relayed(struct core *c, struct who *w);
/* One dial at the word of others; false: enough for this minute. */
bool dial_token(struct core *c, const struct now *now);
/* A random time in [0, span). */
int64_t jitter(const struct now *now, int64_t span_us);

/* ---- core_outbox.c ---- */
/* Queues m, which it takes, to w; tells all of it, and `client` (unless 0)
 * that its command was done. */
void outbox_queue(struct core *c, const struct now *now, struct who *w,
		  struct message *m, client_id client, uint64_t ref);
/* Sends what may be sent on w's link. */
void outbox_pump(struct core *c, const struct now *now, struct who *w);
/* A new link is used: everything unanswered goes again. */
void outbox_restart(struct core *c, struct who *w);
/* The link in use was lost. */
void outbox_lost(struct core *c, const struct now *now, struct who *w);
void outbox_answer(struct core *c, const struct now *now, struct conn *n,
		   const struct packet *ack);
/* What the peer says on this link that it has of ours. */
void outbox_have(struct core *c, const struct now *now, struct conn *n,
		 const struct packet *hello);
void outbox_delivered(struct core *c, const struct now *now, struct row *r,
		      const struct packet *ack);
/* It is not on its way any more: it may be sent again. */
void outbox_back(struct core *c, struct row *r);
/* Takes it out with this state; announces the gap. */
void outbox_end(struct core *c, const struct now *now, struct row *r,
		enum delivery d, const char *error);
/* What it says; to his link, if he has one. */
void outbox_packet(const struct core *c, const struct row *r, struct packet *p);
struct row *outbox_find(const struct core *c, struct uuid id);
bool outbox_expired(const struct core *c, const struct now *now,
		    const struct message *m);
void outbox_again(struct core *c, const struct now *now, struct who *w,
		  struct message *m); /* CMD_RETRY; takes m */
/* CMD_RETRY of one that still waits: no pause any more. */
void outbox_hurry(struct core *c, const struct now *now, struct who *w);
/* Takes m, an open row that was not in the window, into it. */
struct row *outbox_adopt(struct core *c, struct who *w, struct message *m);
/* Another key than the pinned one answers: say of each row that it is held. */
void outbox_held(struct core *c, struct who *w, bool held);
void outbox_timer(struct core *c, const struct now *now, struct who *w);
void outbox_reload(struct core *c, struct who *w); /* forget the window */
/* Those at its front that a center has make room for the ones behind them; the
 * next link begins with all of them again. False: the window is as it was. */
bool outbox_pass(struct core *c, const struct now *now, struct who *w);
void outbox_free(struct core *c, struct who *w);
void outbox_load(struct core *c, const struct now *now, struct who *w);
void epoch_new(struct core *c, const struct now *now, struct who *w);

/* ---- core_command.c ---- */
void wait_add(struct core *c, const struct now *now, client_id from,
	      uint64_t ref, struct who *w);
void wait_answer(struct core *c, contact_id who, enum code code,
		 const char *text);
void wait_move(struct core *c, contact_id from, contact_id to);
void wait_timer(struct core *c, struct wait *w);
/* The one result of a command, with or after a ticket. */
void command_result(struct core *c, client_id to, uint64_t ref, ticket after,
		    enum code code, const char *text);
/* Whom a command is about; NULL: that was answered. */
struct who *command_target(struct core *c, const struct now *now,
			   client_id from, const struct command *cmd,
			   bool make);

/* A name of us or of others; false: the result was given. */
bool command_name_fits(struct core *c, client_id from,
		       const struct command *cmd, const char *name);

/* ---- core_own.c ---- */
void command_nick(struct core *c, const struct now *now, client_id from,
		  const struct command *cmd);
void command_set(struct core *c, const struct now *now, client_id from,
		 const struct command *cmd);
void command_id(struct core *c, const struct now *now, client_id from,
		const struct command *cmd);
void command_quit(struct core *c, const struct now *now, client_id from,
		  const struct command *cmd);

/* ---- core_query.c ---- */
void query_snapshot(struct core *c, const struct now *now, client_id from,
		    const struct command *cmd);
void query_outbox(struct core *c, const struct now *now, client_id from,
		  const struct command *cmd);
void query_history(struct core *c, const struct now *now, client_id from,
		   const struct command *cmd);
void query_search(struct core *c, const struct now *now, client_id from,
		  const struct command *cmd);
void command_page(struct core *c, const struct now *now, const struct job *j);

/* ---- core_peer.c ---- */
bool ip_typed(const char *s, struct addr *a); /* the port is left alone */
/* An address as typed. False: not one. */
struct typed {
	const struct dialect *dialect;
	char host[256];
	uint16_t port;
	bool port_given;
};
bool typed_parse(const char *s, struct typed *out);
/* Whom a typed PEER means. With `make` an address nobody is known at becomes
 * a contact; otherwise CODE_UNKNOWN. `why` says it in words. */
enum code peer_find(struct core *c, const struct now *now, const char *typed,
		    bool make, struct who **out, char why[static 256]);

/* ---- core_post.c ---- */
enum { POST_CENTER = 400, POST_BUNDLE = 172 };
struct post *post_new(const struct keys *keys);
void post_free(struct post *t);
void post_start(struct core *c, const struct now *now);
/* Adds our bundle and our center to a hello; both buffers are borrowed. */
void post_hello(struct core *c, const struct now *now,
		uint8_t bundle[static POST_BUNDLE],
		char center[static POST_CENTER], struct packet *p);
/* What he said of his. */
void post_heard(struct core *c, struct who *w, const struct packet *hello);
/* He cannot be reached just now. */
void post_away(struct core *c, const struct now *now, struct who *w);
/* A link with him is ready: if he is a center, there may be errands. */
void post_up(struct core *c, const struct now *now, struct conn *n);
/* Both are one: what was to be a log-in at `from` is one at `to`. */
void post_adopt(struct core *c, const struct now *now, const struct who *from,
		const struct who *to);
void post_down(struct core *c, const struct now *now, const struct conn *n);
void post_packet(struct core *c, const struct now *now, struct conn *n,
		 const struct packet *p);
void post_disk_again(struct core *c, const struct now *now);
/* A round of dials to w came to nothing. */
void post_unreached(struct core *c, const struct who *w, const char *why);
void post_timer(struct core *c, const struct now *now);
/* Our center has not answered in time. */
void center_timer(struct core *c, const struct now *now);
/* The link at which we are logged in at a center of our own; or NULL. */
const struct conn *post_conn(const struct core *c);
/* Our center is asked whom cmd means, and it is done then. False: it is not. */
bool post_asks(struct core *c, const struct now *now, client_id from,
	       const struct command *cmd);
/* w's `blocked` changed. */
void post_block(struct core *c, struct who *w);
unsigned center_number(const struct packet *p); /* its first word; or 0 */
void post_command(struct core *c, const struct now *now, client_id from,
		  const struct command *cmd);

/* ---- core_relay.c ---- */
struct relays *relays_new(void);
void relays_free(struct relays *r);
/* There may be a way to him. */
bool relay_way(const struct core *c, const struct who *w);
/* His addresses failed, or take long. True: he is asked for, or was and there
 * is no answer yet; in the end there is a link, or dial_over. */
bool relay_try(struct core *c, const struct now *now, struct who *w);
bool relay_busy(const struct core *c, const struct who *w);
void relay_stop(struct core *c, const struct who *w);
/* False: it is not about that. */
bool relay_packet(struct core *c, const struct now *now, const struct conn *n,
		  const struct packet *p);
void relay_logged_in(struct core *c, const struct now *now);

/* ---- core_plain.c, as the others need it ---- */
void keyless_begin(struct who *w); /* if his dialect is a plain one */
void keyless_end(struct who *w);
void keyless_start(struct core *c, const struct now *now);
void keyless_hint(struct core *c, const struct now *now, const struct hint *h);
enum code keyless_find(struct core *c, const struct now *now,
		       const struct typed *t, bool make, struct who **out,
		       char why[static 256]);
/* False: there is nothing to wait for. */
bool keyless_connect(struct core *c, const struct now *now, struct who *w);
void keyless_close(struct core *c, const struct now *now, struct who *w);
void keyless_pump(struct core *c, const struct now *now, struct who *w);
void keyless_timer(struct core *c, const struct now *now, struct who *w);
void keyless_rsa_here(struct core *c, const struct now *now,
		      const struct job *j);
void keyless_resolved(struct core *c, const struct now *now, struct who *w,
		      const struct job *j);
void keyless_packet(struct core *c, const struct now *now, struct conn *n,
		    const struct packet *p);
void keyless_down(struct core *c, const struct now *now, struct conn *n);
void keyless_dial_failed(struct core *c, const struct now *now, struct who *w);
/* Whether his dialect can carry it; `why` says it in words. */
enum code keyless_fits(const struct core *c, const struct who *w, bool private,
		       const char *text, const struct message *original,
		       char why[static 128]);
/* Makes m one of his dialect; private: past his center. */
void keyless_message(const struct now *now, struct who *w, bool private,
		     const struct message *original, struct message *m);

/* ---- core_hub.c ---- */
void hub_free(struct core *c);
void hub_timer(struct core *c, const struct now *now);
enum code hub_find(struct core *c, const struct now *now, const char *typed,
		   bool make, struct who **out, char why[static 256]);
void hub_block(struct core *c, const struct now *now, const struct who *w);
void hub_or_post(struct core *c, const struct now *now, client_id from,
		 const struct command *cmd);
#endif
