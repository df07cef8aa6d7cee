#ifndef SOTTO_UI_MODEL_IMPL_H
#define SOTTO_UI_MODEL_IMPL_H
/* Shared by model.c (who is known, what is asked, what is heard) and
 * model_lines.c (the lines of a conversation) only. */
#include "ui/model.h"

/* Questions of the model: what in the upper bits, about whom in the lower. */
enum ask {
	ASK_SNAPSHOT = 1,
	ASK_SINCE,
	ASK_PAGE,
	ASK_PEEK,
	ASK_OUTBOX,
	ASK_AFTER,
	ASK_SEEK
};
enum { ASK_BIT = 44 };

struct conv {
	struct contact c;
	struct message **row; /* by n; pending ones last */
	size_t n, cap, n_pending;
	bool asked, more, peek; /* a page is on its way; there are older */
	bool want_page, want_after, want_seek;
	bool later;        /* newer ones are not kept: somebody reads far up */
	bool seeking;      /* a page from somewhere else is on its way */
	message_n seek;    /* from here on; 0: the oldest */
	message_n skipped; /* the newest that came and was not kept */
	unsigned left;     /* its lines are kept: when it was left, else 0 */
	bool draft;        /* c.draft is not given out yet */
	bool named;        /* our name is said in what is unread */
	message_n before;
	message_n heard, answered; /* newest in; newest out */
	struct uuid heard_id;
	message_n marker;
	uint64_t arrived;
};

struct model {
	struct conv **conv;
	size_t n, cap;
	struct conv *last; /* found last: a flood comes from one */
	contact_id open;
	struct contact *self;
	char trust_new[16];
	bool complete;
	message_n newest;
	unsigned rows; /* of the first page */
	unsigned left; /* counts conversations that were left */
	bool want_snapshot, want_since, want_outbox, peeking;
	message_n snapshot_at, since_at, outbox_at;
	struct message **outbox, **outbox_new;
	size_t n_outbox, n_outbox_new;
};

/* ---- model.c ---- */
struct conv *conv_find(const struct model *m, contact_id c);
struct conv *conv_update(struct model *m, const struct contact *c, bool draft);

/* ---- model_lines.c ---- */
void rows_drop(struct conv *v, size_t from, size_t n);
size_t conv_stored(const struct conv *v); /* lines that have a number */
/* Of conversations that are not open the newest line stays, of those that were
 * left last a page, and what is on its way to the disk. */
enum { KEPT_LINES = 64, KEPT_CONVS = 8 };
size_t conv_most(const struct conv *v);
void conv_shrink(struct conv *v, size_t most);
void conv_shrink_end(struct conv *v, size_t most); /* the newest go */
bool conv_later(const struct conv *v, bool more);  /* newer ones are missing */
/* page: of the conversation that is read, where it is read. */
struct conv *message_add(struct model *m, const struct event *ev, bool page);
bool status_change(struct model *m, const struct message *msg);
bool pending_done(struct model *m, uint64_t ref);
#endif
