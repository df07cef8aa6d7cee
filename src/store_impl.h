#ifndef SOTTO_SRC_STORE_IMPL_H
#define SOTTO_SRC_STORE_IMPL_H
#include "src/batch.h"
#include "src/people.h"
#include "src/sql.h"
/* The network thread's end of the store, in four files: store.c opens, resets
 * and hands out batches; store_load.c reads what is kept in memory;
 * store_message.c is about rows of messages, store_contact.c about the rest.
 * Included by those alone. */
enum { FLIGHT_MAX = 4 };

enum stmt {
	Q_BEGIN,
	Q_END,
	Q_KNOWN,
	Q_TOMBSTONE,
	Q_TOP,
	Q_TOP_GONE,
	Q_BY_DEDUPE,
	Q_BY_ID,
	Q_BY_N,
	Q_OUTBOX,
	N_STMT
};

struct meta {
	char *key;
	struct buf value;
	bool dirty;
};

/* What batches on their way do to whole contacts, which rows read from the
 * disk meanwhile do not show. */
struct pending {
	enum { ADOPTED, FORGOTTEN } what;
	contact_id contact, other; /* ADOPTED: rows of contact are other's */
	message_n upto;            /* FORGOTTEN: rows up to here are gone */
	ticket ticket;
};

struct store {
	char *path;
	sqlite3 *db;
	sqlite3_stmt *stmt[N_STMT];
	bool reading; /* inside the one read transaction of this turn */
	struct people people;
	contact_id last_contact; /* given out, as is: */
	message_n last_n;
	struct meta *meta;
	size_t n_meta;
	bool tombstones; /* there may be some */

	struct batch *gathered; /* or NULL */
	struct batch *flight[FLIGHT_MAX];
	size_t n_flight;
	struct pending *pending;
	size_t n_pending;
	ticket next, durable;
	unsigned generation;
	bool hard;
	bool soft, soon;     /* something waits that is not hard */
	bool flush;          /* not any more */
	int64_t soft_due_us; /* INT64_MAX: none */
	uint32_t seed;       /* of the index, so that nobody can aim */
};

/* ---- reading: one transaction a turn, from the first question on ---- */
sqlite3_stmt *store_stmt(struct store *s, enum stmt which);
enum err store_begin_read(struct store *s) MUST_USE;
void store_end_read(struct store *s);
/* Steps once: *row says whether there was one. Reset it after use. */
enum err store_step(struct store *s, sqlite3_stmt *q, bool *row) MUST_USE;
enum err store_load(struct store *s) MUST_USE; /* all that memory holds */

/* ---- gathering ---- */
struct batch *store_gather(struct store *s);
struct batch *store_gather_hard(struct store *s);
/* What changed in memory; without `all`, numbers that were heard wait on: each
 * batch writes a page less. Says whether some do. */
bool store_gather_dirty(struct store *s, bool all);
struct person *store_person(const struct store *s, contact_id id);
void store_touch(struct store *s, struct person *p, unsigned how);
struct pending *store_pend(struct store *s);
void store_drop_draft(struct store *s, struct person *p);

/* ---- meta ---- */
extern const char store_last_n[]; /* key of the highest n given out */
struct meta *store_meta_find(const struct store *s, const char *key,
			     size_t n_key);
struct meta *store_meta_put(struct store *s, const char *key, size_t n_key,
			    struct bytes value);
#endif
