#ifndef SOTTO_SRC_CORE_H
#define SOTTO_SRC_CORE_H
#include "src/effect.h"
#include "src/store.h"
/* All policy between people: who may talk to us, what is shown, acknowledged,
 * retried, given up. No thread, socket, clock or randomness of its own: both
 * come in with `now`. It changes the store and says the rest by effects. It
 * is built from the store alone, so it can be thrown away and built again. */
struct core;
enum new_key { NEW_KEY_ASK, NEW_KEY_ACCEPT, NEW_KEY_REFUSE };

struct core_rules {
	enum new_key new_key;
	bool accept_named; /* headless: whom we dialled by name, and loopback */
	unsigned request_texts, request_bytes; /* a stranger's: 20, 64 KiB */
	unsigned max_links, max_dials_minute;
	unsigned max_queued, max_unacked; /* per contact */
	int64_t redial_cap_us;
	bool keep_history;
	bool center; /* a message center: strangers are no news */
	/* Where to log in at the start, and as whom; "" or NULL: as it was.
	 * Borrowed for the life of core. */
	const char *login_at, *login_user;
	bool json_claimed; /* ACKs go where the JSON says it came from */
	bool relay;        /* through a center, to who cannot be dialled */
};
struct core *core_new(const struct core_rules *r, const struct keys *self,
		      const char *nick, struct store *s, struct effects *fx);
void core_free(struct core *c);
/* What our hello says of us: where we listen (zero: nowhere) and which run of
 * the program this is. Before the first core_tick. */
void core_self(struct core *c, struct addr at, struct uuid instance);
/* Where we listen for a plain dialect; for center, where its client hears what
 * a center sends. Before the first core_tick. */
void core_listens(struct core *c, const struct dialect *d, struct addr at);
const char *core_nick(const struct core *c); /* CMD_NICK may change it */
bool core_quit(const struct core *c);        /* CMD_QUIT was heard */
/* A front end came or went. One that was never announced counts as there
 * since the start; "the last sender" of CMD_REPLY depends on it. */
void core_client(struct core *c, client_id id, bool here);

/* Somebody may be there: peers.txt, beacon, invite. Never a proof. */
struct hint {
	const struct dialect *dialect;
	char host[256];
	uint16_t port;
	struct pubkey key; /* or zero */
	char id[33];       /* 32 hex as the beacon claims, or "" */
	char nick[NICK_MAX + 1];
	enum via via;
};

/* The things that can happen. */
void core_command(struct core *c, const struct now *now, client_id from,
		  const struct command *cmd);
void core_link_up(struct core *c, const struct now *now, link_id id,
		  const struct dialect *d, struct addr at, struct pubkey key,
		  contact_id dialled_for);
/* The same for plain dialects; local: we, as seen from there. Of datagrams it
 * may be said again when one was dialled that was there. */
void core_plain_up(struct core *c, const struct now *now, link_id id,
		   const struct dialect *d, struct addr at, struct addr local,
		   contact_id dialled_for);
/* The same for links through a center; key: his, `ours`: we asked for it. And
 * the end of one, or of what was to be one. */
void core_relay_up(struct core *c, const struct now *now, link_id id,
		   struct pubkey key, contact_id contact, bool ours);
void core_relay_down(struct core *c, const struct now *now, link_id id,
		     contact_id contact, bool ours);
void core_packet(struct core *c, const struct now *now, link_id from,
		 const struct packet *p);
/* ERR_AUTH: `key` is the one met instead of the pin. */
void core_link_down(struct core *c, const struct now *now, link_id id,
		    contact_id dialled_for, struct pubkey key, enum err why);
void core_job(struct core *c, const struct now *now, const struct job *j);
void core_hint(struct core *c, const struct now *now, const struct hint *h);
/* Full: sends are refused, what arrives is answered V_BUSY. */
void core_disk(struct core *c, const struct now *now, enum err state);
/* The same, to one that was built again: everybody knows already. */
void core_disk_still(struct core *c, enum err state);
void core_tick(struct core *c, const struct now *now);

/* When core_tick is due, mono_us; INT64_MAX: never. */
int64_t core_deadline(const struct core *c);

/* For tests: everything that must come back when core is built again from the
 * store, as text, one line a contact and a row; what lives only as long as
 * links do is left out. */
void core_dump(struct core *c, struct buf *out);
#endif
