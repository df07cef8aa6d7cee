#include "src/store_impl.h"
#include <stdlib.h>
#include <string.h>

/* ---- finding messages: gathered, in flight, on the disk ---- */

/* The i-th batch that is not known to be durable, newest first. */
static const struct batch *young_batch(const struct store *s, size_t i)
{
	if (s->gathered)
		i--;
	if (i == SIZE_MAX)
		return s->gathered;
	return i < s->n_flight ? s->flight[s->n_flight - 1 - i] : NULL;
}

static const struct rec_message *find_young(const struct store *s,
					    const struct batch_key *key,
					    ticket *under)
{
	const struct batch *b;

	for (size_t i = 0; (b = young_batch(s, i)); i++) {
		const struct rec_message *r = batch_find(b, key, s->seed);
		if (r) {
			*under = b->ticket;
			return r;
		}
	}
	return NULL;
}

/* Under which ids rows of `with` may still be: itself (i is 0), then those it
 * adopts. 0: no more. */
static contact_id alias(const struct store *s, contact_id with, size_t *i)
{
	if ((*i)++ == 0)
		return with;
	for (; *i - 2 < s->n_pending; (*i)++) {
		const struct pending *p = &s->pending[*i - 2];
		if (p->what == ADOPTED && p->other == with) {
			(*i)++;
			return p->contact;
		}
	}
	return 0;
}

static contact_id adopted_by(const struct store *s, contact_id with)
{
	for (size_t i = 0; i < s->n_pending; i++)
		if (s->pending[i].what == ADOPTED &&
		    s->pending[i].contact == with)
			return s->pending[i].other;
	return with;
}

/* The ticket under which row n is on its way out, or 0. */
static ticket forgotten(const struct store *s, contact_id with, message_n n)
{
	for (size_t i = 0; i < s->n_pending; i++)
		if (s->pending[i].what == FORGOTTEN &&
		    s->pending[i].contact == with && n <= s->pending[i].upto)
			return s->pending[i].ticket;
	return 0;
}

static enum err known_on_disk(struct store *s, enum stmt which,
			      const struct message *m, message_n *n, bool *yes)
{
	sqlite3_stmt *q = store_stmt(s, which);
	enum err err = store_begin_read(s);

	if (err)
		return err;
	sqlite3_bind_int64(q, 1, m->with);
	sql_bind_bytes(q, 2, (struct bytes){m->dedupe, m->n_dedupe});
	err = store_step(s, q, yes);
	if (*yes) {
		*n = which == Q_KNOWN ? sqlite3_column_int64(q, 0) : 0;
		sqlite3_reset(q);
	}
	return err;
}

/* ---- what cannot have come before ---- */

static bool above_top(const struct person *p, const struct message *m)
{
	size_t n = m->n_dedupe < p->n_top ? m->n_dedupe : p->n_top;
	int order = n ? memcmp(m->dedupe, p->top, n) : 0;

	return order ? order > 0 : m->n_dedupe > p->n_top;
}

static void top_raise(struct person *p, const struct message *m)
{
	if (!above_top(p, m))
		return;
	memcpy(p->top, m->dedupe, m->n_dedupe);
	p->n_top = m->n_dedupe;
}

static enum err top_read(struct store *s, enum stmt which, struct person *p)
{
	sqlite3_stmt *q = store_stmt(s, which);
	struct message m = {0};
	bool yes = false;
	enum err err = store_begin_read(s);

	if (err)
		return err;
	sqlite3_bind_int64(q, 1, p->row.shown.id);
	err = store_step(s, q, &yes);
	if (!yes)
		return err;
	struct bytes id = sql_bytes(q, 0);
	m.n_dedupe = id.n < sizeof(m.dedupe) ? id.n : sizeof(m.dedupe);
	memcpy(m.dedupe, id.p, m.n_dedupe);
	top_raise(p, &m);
	sqlite3_reset(q);
	return OK;
}

/* Ids begin with the time, so most are above all that came before them, and
 * then there is nothing to look for. */
static enum err surely_new(struct store *s, struct person *p,
			   const struct message *m, bool *yes)
{
	enum err err = OK;

	if (!p->top_known) {
		err = top_read(s, Q_TOP, p);
		if (!err && s->tombstones)
			err = top_read(s, Q_TOP_GONE, p);
		p->top_known = !err;
	}
	*yes = !err && above_top(p, m);
	return err;
}

/* Has a copy of m come before? ERR_EXISTS, with m->n and *after, or OK. */
static enum err known(struct store *s, struct message *m, ticket *after)
{
	struct batch_key key = {.by = BY_DEDUPE,
				.with = m->with,
				.bytes = {m->dedupe, m->n_dedupe}};
	const struct rec_message *r = find_young(s, &key, after);
	message_n n = r ? r->n : 0;
	bool yes = r != NULL;
	enum err err = OK;

	if (!yes)
		err = known_on_disk(s, Q_KNOWN, m, &n, &yes);
	if (!err && !yes && s->tombstones)
		err = known_on_disk(s, Q_TOMBSTONE, m, &n, &yes);
	if (err || !yes)
		return err;
	ticket gone = n ? forgotten(s, m->with, n) : 0;
	m->n = gone ? 0 : n;
	if (gone > *after)
		*after = gone;
	return ERR_EXISTS;
}

static void heard(struct store *s, struct person *p, const struct message *m)
{
	struct range seq = {m->seq, m->seq};

	if (!m->seq)
		return;
	if (memcmp(p->live.epoch, m->epoch, 8) == 0 &&
	    marks_had(&p->live, m->seq))
		return;
	person_heard(p, m->epoch, &seq, 1, s->next, s->durable);
	store_touch(s, p, DIRTY_HEARD);
}

enum err store_receive(struct store *s, struct message *m, ticket *after)
{
	struct person *p = store_person(s, m->with);
	enum err err = OK;

	*after = 0;
#ifdef SOTTO_MUTANT_NO_DEDUPE
	m->n_dedupe = 0, m->seq = 0; /* a fault that tests must see */
#endif
	bool fresh = !m->n_dedupe;

	if (!fresh)
		err = surely_new(s, p, m, &fresh);
	if (!err && !fresh)
		err = known(s, m, after);
	if (err == ERR_EXISTS)
		heard(s, p, m); /* maybe under a new number */
	if (err)
		return err;
	if (m->seq && memcmp(p->live.epoch, m->epoch, 8) == 0 &&
	    marks_had(&p->live, m->seq))
		return ERR_STATE;
	m->n = ++s->last_n;
	*after = s->next;
	batch_message(store_gather_hard(s), OP_MESSAGE, m, s->seed);
	if (m->n_dedupe)
		top_raise(p, m);
	heard(s, p, m);
	return OK;
}

void store_gone(struct store *s, contact_id c, const uint8_t epoch[static 8],
		const struct range *gone, size_t n)
{
	struct person *p = store_person(s, c);

	person_heard(p, epoch, gone, n, s->next, s->durable);
	store_touch(s, p, DIRTY_MARKS);
}

size_t store_missing(struct store *s, contact_id c, struct range *out,
		     size_t max)
{
	return marks_missing(person_marks(store_person(s, c), s->durable), out,
			     max);
}

void store_queue(struct store *s, struct message *m)
{
	struct person *p = store_person(s, m->with);

	m->n = ++s->last_n;
	batch_message(store_gather_hard(s), OP_MESSAGE, m, s->seed);
	store_drop_draft(s, p);
	if (!m->seq)
		return;
	memcpy(p->row.out_epoch, m->epoch, sizeof(p->row.out_epoch));
	p->row.out_seq = m->seq;
	store_touch(s, p, DIRTY_MARKS);
}

void store_update(struct store *s, const struct message *m)
{
	batch_message(store_gather_hard(s), OP_UPDATE, m, s->seed);
}

void store_update_soon(struct store *s, const struct message *m)
{
	s->soft = s->soon = true;
	batch_message(store_gather(s), OP_UPDATE, m, s->seed);
}

/* False: nothing on its way says more of m. */
static bool freshen(const struct store *s, struct message *m)
{
	struct batch_key key = {.by = BY_N, .n = m->n};
	ticket under;
	const struct rec_message *r = find_young(s, &key, &under);

	if (r)
		batch_apply(r, m);
	return r != NULL;
}

static bool is_open(const struct message *m)
{
	return !m->incoming &&
	       (m->delivery == D_QUEUED || m->delivery == D_SENT ||
		m->delivery == D_STORED);
}

static struct message *row_now(struct store *s, message_n n)
{
	sqlite3_stmt *q = store_stmt(s, Q_BY_N);
	struct message *m = NULL;
	bool row;

	if (store_begin_read(s))
		return NULL;
	sqlite3_bind_int64(q, 1, n);
	if (store_step(s, q, &row) == OK && row)
		m = sql_message(q);
	sqlite3_reset(q);
	return m;
}

void store_freshen(struct store *s, struct message *m)
{
	if (freshen(s, m) || (!is_open(m) && m->delivery != D_REQUEST))
		return; /* what has ended stays as it is */
	/* Its update may have come to the disk after m was read there. */
	struct message *there = row_now(s, m->n);
	if (!there)
		return;
	struct message old = *m;
	*m = *there;
	*there = old;
	message_free(there);
}

static enum err read_message(struct store *s, enum stmt which, contact_id with,
			     const struct uuid *id, struct message **out)
{
	sqlite3_stmt *q = store_stmt(s, which);
	bool yes;
	enum err err = store_begin_read(s);

	if (err)
		return err;
	sqlite3_bind_int64(q, 1, with);
	sqlite3_bind_blob(q, 2, id->b, sizeof(id->b), SQLITE_STATIC);
	err = store_step(s, q, &yes);
	if (err)
		return err;
	if (!yes)
		return ERR_ABSENT;
	*out = sql_message(q);
	sqlite3_reset(q);
	return OK;
}

static enum err message_of(struct store *s, contact_id with,
			   const struct uuid *id, struct message **out)
{
	struct batch_key key = {
	    .by = BY_ID, .with = with, .bytes = {id->b, sizeof(id->b)}};
	ticket under;
	const struct rec_message *r = find_young(s, &key, &under);

	if (r) {
		*out = batch_copy(r);
		return OK;
	}
	enum err err = read_message(s, Q_BY_DEDUPE, with, id, out);
	if (err == ERR_ABSENT)
		err = read_message(s, Q_BY_ID, with, id, out);
	return err;
}

/* With all that is on its way taken into account. */
static enum err message_now(struct store *s, contact_id with,
			    const struct uuid *id, struct message **out)
{
	struct message *m = NULL;
	enum err err = ERR_ABSENT;

	for (size_t i = 0; err == ERR_ABSENT;) {
		contact_id c = alias(s, with, &i);
		if (!c)
			return ERR_ABSENT;
		err = message_of(s, c, id, &m);
	}
	if (err)
		return err;
	m->with = with;
	if (forgotten(s, with, m->n)) {
		message_free(m);
		return ERR_ABSENT;
	}
	freshen(s, m);
	*out = m;
	return OK;
}

enum err store_message(struct store *s, contact_id with, struct uuid id,
		       struct message **out)
{
	enum err err = ERR_ABSENT;

	if (with)
		return message_now(s, with, &id, out);
	const struct person *p = people_after(&s->people, 0);
	for (; p && err == ERR_ABSENT;
	     p = people_after(&s->people, p->row.shown.id))
		err = message_now(s, p->row.shown.id, &id, out);
	return err;
}

/* ---- the outbox ---- */

/* Takes m; out->more: it had no room. */
static void outbox_add(const struct store *s, struct message *m,
		       struct page *out)
{
	if (out->n == PAGE_MAX) {
		out->more = true;
		message_free(m);
		return;
	}
	m->with = adopted_by(s, m->with);
	freshen(s, m);
	out->next = m->n;
	if (is_open(m) && !forgotten(s, m->with, m->n))
		out->row[out->n++] = m;
	else
		message_free(m);
}

/* Rows that updates on their way leave or make open: a failed message that is
 * tried again is not in the disk's outbox yet. Ascending, maybe twice. */
struct numbers {
	message_n *n;
	size_t count, cap;
};

static void numbers_add(struct numbers *list, message_n n)
{
	if (list->count == list->cap) {
		list->cap = list->cap ? list->cap * 2 : 64;
		list->n = xrealloc(list->n, list->cap * sizeof(list->n[0]));
	}
	list->n[list->count++] = n;
}

static int by_size(const void *a, const void *b)
{
	message_n x = *(const message_n *)a, y = *(const message_n *)b;

	return (x > y) - (x < y);
}

static struct numbers open_updates(const struct store *s, message_n after)
{
	struct numbers list = {0};
	const struct batch *b;

	for (size_t i = 0; (b = young_batch(s, i)); i++)
		for (const struct rec *r = NULL; (r = batch_next(b, r));) {
			const struct rec_message *m = (const void *)r;
			if (r->op == OP_UPDATE && m->n > after && batch_open(m))
				numbers_add(&list, m->n);
		}
	if (list.count)
		qsort(list.n, list.count, sizeof(list.n[0]), by_size);
	return list;
}

/* Row n, unless it is not on the disk: then it is in a batch, see below. */
static enum err outbox_add_row(struct store *s, message_n n, struct page *out)
{
	sqlite3_stmt *q = store_stmt(s, Q_BY_N);
	bool row;

	if (n <= out->next)
		return OK;
	sqlite3_bind_int64(q, 1, n);
	enum err err = store_step(s, q, &row);
	if (row)
		outbox_add(s, sql_message(q), out);
	sqlite3_reset(q);
	return err;
}

/* Those of the list below `end` that were not added yet. */
static enum err outbox_add_below(struct store *s, struct numbers *list,
				 size_t *i, message_n end, struct page *out)
{
	enum err err = OK;

	for (; !err && !out->more && *i < list->count && list->n[*i] < end;
	     (*i)++)
		err = outbox_add_row(s, list->n[*i], out);
	return err;
}

static enum err outbox_of_disk(struct store *s, message_n after,
			       struct page *out)
{
	sqlite3_stmt *q = store_stmt(s, Q_OUTBOX);
	enum err err = store_begin_read(s);
	struct numbers list = open_updates(s, after);
	bool row = !err;
	size_t i = 0;

	sqlite3_bind_int64(q, 1, after);
	while (!err && row && !out->more) {
		err = store_step(s, q, &row);
		message_n n = row ? sqlite3_column_int64(q, 0) : INT64_MAX;
		if (!err)
			err = outbox_add_below(s, &list, &i, n, out);
		if (!err && row && !out->more)
			outbox_add(s, sql_message(q), out);
	}
	sqlite3_reset(q);
	free(list.n);
	return err;
}

static void outbox_of_batch(struct store *s, const struct batch *b,
			    struct page *out)
{
	for (const struct rec *r = NULL;
	     !out->more && (r = batch_next(b, r));) {
		const struct rec_message *m = (const void *)r;
		if (r->op == OP_MESSAGE && !m->incoming && m->n > out->next)
			outbox_add(s, batch_copy(m), out);
	}
}

enum err store_outbox(struct store *s, message_n after, struct page *out)
{
	struct page p = {.next = after};

	p.row = xmalloc(PAGE_MAX * sizeof(struct message *));
	enum err err = outbox_of_disk(s, after, &p);
	if (err) {
		page_free(&p);
		return err;
	}
	for (size_t i = 0; !p.more && i < s->n_flight; i++)
		outbox_of_batch(s, s->flight[i], &p);
	if (!p.more && s->gathered)
		outbox_of_batch(s, s->gathered, &p);
	*out = p;
	return OK;
}
