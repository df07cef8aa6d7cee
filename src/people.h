#ifndef SOTTO_SRC_PEOPLE_H
#define SOTTO_SRC_PEOPLE_H
#include "src/batch.h"
/* The contacts of a store in memory, by id, and the arithmetic of numbers
 * that have come. For store.c alone. */

/* Which numbers of an epoch have come (or never will). */
struct marks {
	uint8_t epoch[8];
	uint64_t upto;       /* all from 1 to here */
	struct range *ahead; /* owned, sorted, apart: above upto + 1 */
	size_t n_ahead;      /* at most BATCH_RANGES_MAX */
};
bool marks_had(const struct marks *m, uint64_t seq);
/* With more holes than we keep, the lowest is given up for lost. */
void marks_add(struct marks *m, uint64_t from, uint64_t to);
size_t marks_missing(const struct marks *m, struct range *out, size_t max);
void marks_copy(struct marks *to, const struct marks *from);
void marks_free(struct marks *m);

enum { DIRTY_ROW = 1, DIRTY_MARKS = 2, DIRTY_DRAFT = 4, DIRTY_HEARD = 8 };
struct person {
	struct contact_row row; /* in_* and shown.draft are not used */
	char *draft;            /* owned or NULL */
	unsigned dirty;
	struct person *next_dirty;
	/* The greatest id that ever came from him, forgotten ones too. */
	uint8_t top[32];
	size_t n_top;
	bool top_known;
	struct marks live; /* with what is gathered or in flight */
	/* What the disk is known to have; as long as `unsettled`, that is until
	 * the batch of that ticket is durable. Else `live` is it. */
	struct marks settled;
	bool unsettled;
	ticket changed;
	uint8_t past[8]; /* the peer's epoch before: late copies */
	struct address_row *address;
	size_t n_addresses;
};
struct people {
	struct person **by_id;
	size_t n, cap;
	struct person *dirty; /* those to write */
};
struct person *people_find(const struct people *all, contact_id id);
/* The first with an id above `after`, or NULL. */
struct person *people_after(const struct people *all, contact_id after);
/* By dialect and key, or ident where there is no key. */
struct person *people_same(const struct people *all, const struct contact *c);
struct person *people_add(struct people *all, contact_id id);
void people_drop(struct people *all, struct person *p);
void people_clear(struct people *all);
void people_touch(struct people *all, struct person *p, unsigned how);

/* The marks of which a peer may be told. */
const struct marks *person_marks(struct person *p, ticket durable);
/* These numbers have come, in the batch `now`. */
void person_heard(struct person *p, const uint8_t epoch[static 8],
		  const struct range *seq, size_t n, ticket now,
		  ticket durable);
struct address_row *person_address(struct person *p, const char *host,
				   uint16_t port);
void person_address_put(struct person *p, const struct address_row *a);
void person_address_drop(struct person *p, struct address_row *a);
#endif
