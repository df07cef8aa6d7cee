#ifndef SOTTO_SRC_STORE_H
#define SOTTO_SRC_STORE_H
#include "src/event.h"
#include "src/job.h"
/* Everything that must outlive the process, in one SQLite file with three
 * kinds of handle, one thread each:
 *   store   network thread: gathers changes, reads what is on the disk
 *   writer  disk thread: applies batches, commits, indexes when idle
 *   reader  a worker: pages and searches
 * The store decides nothing; it gives out n and contact ids itself. */
struct store;
struct writer;
struct reader;

/* The file is made or migrated here, before any thread runs. */
enum err store_open(const char *path, struct store **out,
                    char why[static 128]) MUST_USE;
void store_close(struct store *s);

/* ---- changes: in memory at once, durable when the ticket is ---- */
ticket store_ticket(const struct store *s); /* of the batch being gathered */
/* ERR_EXISTS: we had it (*m gets its n); nothing changes. *after: the ticket
 * under which it is or was written, 0 when long on the disk. ACK in both
 * cases, after that ticket. ERR_STATE: (epoch, seq) of a tombstone or below
 * the mark: V_SEQ_REUSED. */
enum err store_receive(struct store *s, struct message *m,
                       ticket *after) MUST_USE;
/* Into message and outbox; sets n. Drops the contact's draft with it. */
void store_queue(struct store *s, struct message *m);
/* Delivery, ACK, tries, error of a row; D_QUEUED and D_SENT stay in outbox. */
void store_update(struct store *s, const struct message *m);
/* Rows of a contact known by address only go to the one with the key. */
void store_adopt(struct store *s, contact_id from, contact_id to);
void store_forget(struct store *s, contact_id with, int64_t until_ms);

struct contact_row {
	struct contact shown; /* id 0: a new one; set by store_contact */
	bool hidden;
	struct pubkey key_changed; /* claimed to be him and is not pinned */
	int64_t pinned_ms, first_ms, seen_ms;
	uint8_t out_epoch[8], in_epoch[8];
	uint64_t out_seq, in_seq; /* last given; all had up to here */
};
struct address_row {
	contact_id contact;
	char host[256]; /* as typed: names are resolved at each dial */
	uint16_t port;
	enum via via;
	int64_t ok_ms, fail_ms;
	unsigned fails;
	bool self; /* we met ourselves there */
};
void store_contact(struct store *s, struct contact_row *c);
void store_address(struct store *s, const struct address_row *a);
void store_address_drop(struct store *s, const struct address_row *a);
/* Soft: they ride along, or go after 2 s; no ticket waits for them. */
void store_seen(struct store *s, contact_id c, int64_t seen_ms);
void store_read(struct store *s, contact_id c, message_n upto);
void store_draft(struct store *s, contact_id c, const char *text,
                 size_t cursor, struct uuid answers);
void store_meta(struct store *s, const char *key, struct bytes value);

/* ---- what the turn needs back; bounded, quick ---- */
/* The next by id after `after`. Pointers are good until the next call. */
bool store_contact_next(struct store *s, contact_id after,
                        struct contact_row *out);
bool store_address_next(struct store *s, contact_id c, unsigned i,
                        struct address_row *out);
enum err store_message(struct store *s, contact_id with, struct uuid id,
                       struct message **out) MUST_USE; /* caller frees */
enum err store_outbox(struct store *s, message_n after,
                      struct page *out) MUST_USE;
/* Numbers above the mark that have not come; how many, at most max. */
size_t store_missing(struct store *s, contact_id c, struct range *out,
                     size_t max);

/* ---- the way to the disk ---- */
struct batch;
/* The gathered changes, or NULL: none that must go now, or four are on their
 * way (then they gather further under the same ticket). */
struct batch *store_batch(struct store *s, const struct now *now);
/* Durable up to `upto`: forget what was kept for those in flight. */
void store_durable(struct store *s, ticket upto);
void store_reset(struct store *s); /* a batch failed: back to the disk */
bool store_behind(const struct store *s); /* 4 batches or 4,096 rows */
enum err writer_open(const char *path, struct writer **out) MUST_USE;
void writer_close(struct writer *w);
/* Many batches, one transaction; frees them. ERR_FULL, ERR_SYS: none of it. */
enum err writer_commit(struct writer *w, struct batch **b, size_t n) MUST_USE;
/* A little of: search index, checkpoint, expiry. False: nothing left. */
bool writer_idle(struct writer *w);
enum err reader_open(const char *path, struct reader **out) MUST_USE;
void reader_close(struct reader *r);
enum err reader_page(struct reader *r, const struct query *q,
                     struct page *out) MUST_USE;
#endif
