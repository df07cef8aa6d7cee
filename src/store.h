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
bool store_hard(const struct store *s);     /* it has what must not wait */
/* OK: new, m->n is set. ERR_EXISTS: we had it (*m gets its n, or 0 when it was
 * forgotten since: a tombstone); nothing changes.
 * *after: the ticket under which it is or was written, 0 when long on the
 * disk. ACK in both cases, after that ticket. ERR_STATE: another message had
 * this (epoch, seq) before: V_SEQ_REUSED. m->with must be in the store.
 * The mark (in_epoch, in_seq) moves by itself; a new epoch starts it again. On
 * the disk it may be up to 2 s behind the messages: then a copy is asked for
 * that is recognised. */
enum err store_receive(struct store *s, struct message *m,
		       ticket *after) MUST_USE;
/* The peer's skip: these numbers will never come; the mark may pass them. */
void store_gone(struct store *s, contact_id c, const uint8_t epoch[static 8],
		const struct range *gone, size_t n);
/* Into message and outbox; sets n. Drops the contact's draft with it. With a
 * seq, the contact's out_epoch and out_seq follow. */
void store_queue(struct store *s, struct message *m);
/* Everything of a row but text, quotation, ids and contact; an outgoing row
 * that is D_QUEUED, D_SENT or D_STORED stays in (or goes back to) outbox. */
void store_update(struct store *s, const struct message *m);
/* The same for what is only news of another disk: it rides along, or goes by
 * itself after 100 ms. Lost, it is learned again. */
void store_update_soon(struct store *s, const struct message *m);
/* Rows, addresses and draft of a contact known by address only go to the one
 * with the key; the contact `from` is gone then. */
void store_adopt(struct store *s, contact_id from, contact_id to);
/* All rows of a contact go, open ones too; tombstones (until then) and marks
 * stay, so that no copy of a forgotten message comes back. */
void store_forget(struct store *s, contact_id with, int64_t until_ms);
/* history = off. Rows live as long as they must: what is not delivered yet,
 * requests, and what was not read. keep = false, called at the start and
 * before the last batch, removes all others with the next batch and leaves
 * tombstones of 45 days; during a run everything is kept, so that the screen
 * can page and copies are known. keep = true does nothing. */
void store_history(struct store *s, bool keep);

struct contact_row {
	struct contact shown; /* id 0: a new one; set by store_contact */
	bool hidden;
	struct pubkey key_changed; /* claimed to be him and is not pinned */
	int64_t pinned_ms, first_ms, seen_ms;
	uint8_t out_epoch[8], in_epoch[8];
	/* Last given; all had up to here. in_* is the store's: store_contact
	 * does not change it but fills it in. It and store_missing tell what
	 * is on the disk for sure, so that a hello may say it at once. */
	uint64_t out_seq, in_seq;
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
/* Adds it (id 0; one that has its dialect and key or ident is that one) or
 * changes it. `shown.draft`, its cursor and answers are not looked at. What is
 * not kept (presence, at, counts) is handed back by store_contact_next as it
 * was given last; the counts are right after store_open and store_reset. */
void store_contact(struct store *s, struct contact_row *c);
/* Hard when the address is new, soft when only ok_ms, fail_ms, fails differ. */
void store_address(struct store *s, const struct address_row *a);
void store_address_drop(struct store *s, const struct address_row *a);
/* Soft: they ride along, or go after 2 s (a draft: 100 ms); no ticket waits
 * for them. */
void store_seen(struct store *s, contact_id c, int64_t seen_ms);
void store_read(struct store *s, contact_id c, message_n upto);
void store_draft(struct store *s, contact_id c, const char *text, size_t cursor,
		 struct uuid answers);
void store_meta(struct store *s, const char *key, struct bytes value);
/* False: never set. The view is good until the next store_meta. */
bool store_meta_get(const struct store *s, const char *key,
		    struct bytes *value);

/* ---- what the turn needs back; bounded, quick ---- */
/* The next by id after `after`. Pointers are good until the next call. */
bool store_contact_next(struct store *s, contact_id after,
			struct contact_row *out);
bool store_address_next(struct store *s, contact_id c, unsigned i,
			struct address_row *out);
/* `with` 0: whoever has it. ERR_ABSENT: nobody. The caller frees. */
enum err store_message(struct store *s, contact_id with, struct uuid id,
		       struct message **out) MUST_USE;
/* Over m, read from the disk by somebody, maybe a while ago: what is on its way
 * says more, or what came to the disk since. */
void store_freshen(struct store *s, struct message *m);
/* What is not delivered yet, by n, at most PAGE_MAX; ask again from `next`. */
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
void store_flush(struct store *s); /* soft ones need not wait: at the end */
/* When the soft changes that have gathered go, mono_us; INT64_MAX: none. */
int64_t store_deadline(const struct store *s);
/* For whoever lets a batch die uncommitted (a crash in the simulation). A
 * batch has two owners, store and writer; writer_commit frees the writer's. */
void batch_free(struct batch *b);
/* Counts store_reset: batches of an older generation are refused. */
unsigned batch_generation(const struct batch *b);
ticket batch_ticket(const struct batch *b);
size_t batch_rows(const struct batch *b); /* messages in it */
/* Durable up to `upto`: forget what was kept for those in flight. */
void store_durable(struct store *s, ticket upto);
/* A batch failed: forgets everything gathered and in flight and reads the
 * disk again. ERR_SYS: it cannot be read; the store is not usable then. */
enum err store_reset(struct store *s);
bool store_behind(const struct store *s); /* 4 batches or 4,096 rows */
/* The file is opened by the first call that writes. */
enum err writer_open(const char *path, struct writer **out) MUST_USE;
void writer_close(struct writer *w);
/* Many batches, one transaction; frees them. ERR_FULL: no room; ERR_SYS: it
 * could not be written (errno): none of it is there. */
enum err writer_commit(struct writer *w, struct batch **b, size_t n) MUST_USE;
/* A little of: checkpoint, room in the WAL, expiry of tombstones. False:
 * nothing left. */
bool writer_idle(struct writer *w);
bool writer_busy(const struct writer *w); /* writer_idle has something to do */
bool writer_full(const struct writer *w); /* it should not wait any longer */
/* A small write that changes nothing: is there room again? */
enum err writer_probe(struct writer *w) MUST_USE;
enum err reader_open(const char *path, struct reader **out) MUST_USE;
void reader_close(struct reader *r);
enum err reader_page(struct reader *r, const struct query *q,
		     struct page *out) MUST_USE;
#endif
