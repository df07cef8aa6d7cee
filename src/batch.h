#ifndef SOTTO_SRC_BATCH_H
#define SOTTO_SRC_BATCH_H
#include "src/store.h"
#include <stdatomic.h>
/* What a turn changes in the store: records in one growing block, in the order
 * in which they were decided, and an index to find messages among them until
 * they are on the disk. For store.c, which fills it, and writer.c, which
 * executes it. Read-only from store_batch on; then it has two owners. */
enum op {
	OP_NONE,         /* was overtaken by a later record */
	OP_MESSAGE,      /* rec_message: a new row */
	OP_UPDATE,       /* rec_message, without what an update leaves alone */
	OP_CONTACT,      /* rec_contact: all of the row */
	OP_MARKS,        /* rec_contact: seen, read, numbers given and had */
	OP_DRAFT,        /* rec_draft */
	OP_ADDRESS,      /* rec_address */
	OP_ADDRESS_DROP, /* rec_address */
	OP_ADOPT,        /* rec_rows: contact, other */
	OP_FORGET,       /* rec_rows: contact, upto, until_ms */
	OP_HISTORY,      /* rec_rows: upto, until_ms */
	OP_META,         /* rec_meta */
};
enum { BATCH_RANGES_MAX = 256 }; /* numbers come ahead of the mark */

/* Every record begins so; `size` leads to the next and is a multiple of 8. */
struct rec {
	uint32_t size;
	enum op op;
};

/* Followed by the bytes of dedupe, stamp, ack_stamp, quote_stamp, error, text
 * and quote, none of them with a NUL. */
struct rec_message {
	struct rec rec;
	message_n n;
	contact_id with;
	uint64_t seq;
	int64_t sent_ms, stored_ms, acked_ms, rtt_us, next_ms, expire_ms;
	struct uuid id, answers;
	uint8_t epoch[8];
	struct addr from, to;
	uint32_t tries;
	uint8_t delivery, incoming, secure, held;
	uint8_t n_dedupe, n_stamp, n_ack_stamp, n_quote_stamp;
	bool has_quote, has_error;
	uint32_t n_error, n_text, n_quote;
};
struct rec_contact {
	struct rec rec;
	struct contact_row row; /* shown.draft is NULL */
	uint32_t n_ahead;
	struct range ahead[]; /* numbers above the mark that have come */
};
struct rec_draft {
	struct rec rec;
	contact_id contact;
	uint64_t cursor;
	struct uuid answers;
	bool any;
	uint32_t n_text;
	char text[];
};
struct rec_address {
	struct rec rec;
	struct address_row row;
};
struct rec_rows {
	struct rec rec;
	contact_id contact, other;
	message_n upto;
	int64_t until_ms;
};
struct rec_meta {
	struct rec rec;
	uint32_t n_key, n_value;
	uint8_t bytes[]; /* key, then value */
};

/* A view of one record's variable part. */
struct message_parts {
	struct bytes dedupe, stamp, ack_stamp, quote_stamp;
	struct bytes error, text, quote;
};

struct slot {
	uint32_t hash, at; /* at: offset of the record + 1; 0: free */
};
struct batch {
	atomic_uint owners;
	ticket ticket;
	unsigned generation;
	bool hard;       /* must go now */
	size_t n_rows;   /* messages among the records */
	int64_t wall_ms; /* when it was closed */
	uint8_t *block;
	size_t len, cap;
	struct slot *slot;
	size_t n_slots, n_used; /* n_slots is a power of two, or 0 */
};

struct batch *batch_new(ticket t, unsigned generation);
/* A zeroed record of this size, good until the next one is added. */
void *batch_add(struct batch *b, enum op op, size_t size);
/* OP_MESSAGE or OP_UPDATE; findable from now on. */
void batch_message(struct batch *b, enum op op, const struct message *m,
		   uint32_t seed);
/* The first record, or the one after r; NULL: no more. */
const struct rec *batch_next(const struct batch *b, const struct rec *r);

/* A new row by its id, an incoming one by its dedupe, or the update of n. */
struct batch_key {
	enum { BY_ID, BY_DEDUPE, BY_N } by;
	contact_id with; /* BY_ID, BY_DEDUPE */
	struct bytes bytes;
	message_n n; /* BY_N */
};
const struct rec_message *batch_find(const struct batch *b,
				     const struct batch_key *key,
				     uint32_t seed);
struct message_parts batch_parts(const struct rec_message *r);
/* As a message of its own: a new one, or what an update says over m. */
struct message *batch_copy(const struct rec_message *r);
void batch_apply(const struct rec_message *r, struct message *m);
bool batch_open(const struct rec_message *r); /* belongs into outbox */
#endif
