#include "src/store.h"
#include "proto/dialect.h"
#include "src/batch.h"
#include "src/people.h"
#include "src/sql.h"
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { FLIGHT_MAX = 4, ROWS_MAX = 4096 };
static const int64_t SOFT_US = 2000000;

enum stmt {
	Q_BEGIN,
	Q_END,
	Q_KNOWN,
	Q_TOMBSTONE,
	Q_BY_DEDUPE,
	Q_BY_ID,
	Q_OUTBOX,
	N_STMT
};
static const char *const text[N_STMT] = {
    [Q_BEGIN] = "BEGIN",
    [Q_END] = "COMMIT",
    [Q_KNOWN] = "SELECT n FROM message WHERE contact = ?1 AND incoming = 1"
		" AND dedupe = ?2",
    [Q_TOMBSTONE] =
	"SELECT 1 FROM tombstone WHERE contact = ?1 AND dedupe = ?2",
    [Q_BY_DEDUPE] = "SELECT " SQL_MESSAGE_COLUMNS
		    " FROM message m LEFT JOIN outbox o ON o.n = m.n"
		    " WHERE m.contact = ?1 AND m.incoming IN (0, 1)"
		    " AND m.dedupe = ?2 AND m.id = ?2",
    [Q_BY_ID] = "SELECT " SQL_MESSAGE_COLUMNS
		" FROM message m LEFT JOIN outbox o ON o.n = m.n"
		" WHERE m.contact = ?1 AND m.id = ?2 AND m.dedupe IS NOT m.id",
    [Q_OUTBOX] = "SELECT " SQL_MESSAGE_COLUMNS
		 " FROM outbox o JOIN message m ON m.n = o.n"
		 " WHERE o.n > ?1 ORDER BY o.n LIMIT ?2",
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
	bool soft;           /* something waits that is not hard */
	int64_t soft_due_us; /* INT64_MAX: none */
	uint32_t seed;       /* of the index, so that nobody can aim */
};

/* ---- reading ---- */

static enum err begin_read(struct store *s)
{
	if (s->reading)
		return OK;
	int rc = sqlite3_step(s->stmt[Q_BEGIN]);
	sqlite3_reset(s->stmt[Q_BEGIN]);
	s->reading = rc == SQLITE_DONE;
	return sql_error(s->db, rc);
}

static void end_read(struct store *s)
{
	if (!s->reading)
		return;
	sqlite3_step(s->stmt[Q_END]);
	sqlite3_reset(s->stmt[Q_END]);
	s->reading = false;
}

/* Steps once: *row says whether there was one. Reset it after use. */
static enum err step(struct store *s, sqlite3_stmt *q, bool *row)
{
	int rc = sqlite3_step(q);
	enum err err = sql_error(s->db, rc);

	*row = rc == SQLITE_ROW;
	if (!*row)
		sqlite3_reset(q);
	return err;
}

/* ---- loading ---- */

static uint64_t get_be64(const uint8_t *p)
{
	uint64_t v = 0;

	for (size_t i = 0; i < 8; i++)
		v = v << 8 | p[i];
	return v;
}

static void load_marks(sqlite3_stmt *q, struct marks *m)
{
	sql_copy_bytes(q, 16, m->epoch, sizeof(m->epoch));
	m->upto = (uint64_t)sqlite3_column_int64(q, 17);
	struct bytes ahead = sql_bytes(q, 18);
	for (size_t i = 0; i + 16 <= ahead.n; i += 16)
		marks_add(m, get_be64(ahead.p + i), get_be64(ahead.p + i + 8));
}

static void load_contact(sqlite3_stmt *q, struct contact_row *c)
{
	if (sqlite3_column_type(q, 2) == SQLITE_BLOB)
		sql_copy_bytes(q, 2, c->shown.key.b, sizeof(c->shown.key.b));
	else
		sql_copy_text(q, 2, c->shown.ident, sizeof(c->shown.ident));
	sql_copy_bytes(q, 3, c->key_changed.b, sizeof(c->key_changed.b));
	c->shown.trust = (enum trust)sqlite3_column_int(q, 4);
	c->shown.blocked = sqlite3_column_int(q, 5);
	c->shown.changed = sqlite3_column_int(q, 6);
	c->hidden = sqlite3_column_int(q, 7);
	c->shown.via = (enum via)sqlite3_column_int(q, 8);
	sql_copy_text(q, 9, c->shown.nick, sizeof(c->shown.nick));
	sql_copy_text(q, 10, c->shown.petname, sizeof(c->shown.petname));
	c->pinned_ms = sqlite3_column_int64(q, 11);
	c->first_ms = sqlite3_column_int64(q, 12);
	c->seen_ms = sqlite3_column_int64(q, 13);
	sql_copy_bytes(q, 14, c->out_epoch, sizeof(c->out_epoch));
	c->out_seq = (uint64_t)sqlite3_column_int64(q, 15);
	c->shown.read_upto = sqlite3_column_int64(q, 19);
	c->shown.unread = (unsigned)sqlite3_column_int64(q, 20);
	c->shown.requests = (unsigned)sqlite3_column_int64(q, 21);
	c->shown.last = sqlite3_column_int64(q, 22);
}

/* A contact in a dialect that this program was built without keeps its rows
 * and is not shown. */
static void on_contact(struct store *s, sqlite3_stmt *q)
{
	char name[32];

	sql_copy_text(q, 1, name, sizeof(name));
	const struct dialect *d = dialect_named(name);
	if (!d)
		return;
	struct person *p = people_add(&s->people, sqlite3_column_int64(q, 0));
	p->row.shown.dialect = d->name;
	load_contact(q, &p->row);
	load_marks(q, &p->live);
}

static void on_waiting(struct store *s, sqlite3_stmt *q)
{
	struct person *p = people_find(&s->people, sqlite3_column_int64(q, 0));

	if (p)
		p->row.shown.waiting = (unsigned)sqlite3_column_int64(q, 1);
}

static void on_address(struct store *s, sqlite3_stmt *q)
{
	struct person *p = people_find(&s->people, sqlite3_column_int64(q, 0));
	struct address_row a = {0};

	if (!p)
		return;
	sql_copy_text(q, 1, a.host, sizeof(a.host));
	a.port = (uint16_t)sqlite3_column_int(q, 2);
	a.via = (enum via)sqlite3_column_int(q, 3);
	a.ok_ms = sqlite3_column_int64(q, 4);
	a.fail_ms = sqlite3_column_int64(q, 5);
	a.fails = (unsigned)sqlite3_column_int64(q, 6);
	a.self = sqlite3_column_int(q, 7);
	person_address_put(p, &a);
}

static void on_draft(struct store *s, sqlite3_stmt *q)
{
	struct person *p = people_find(&s->people, sqlite3_column_int64(q, 0));

	if (!p)
		return;
	p->draft = xstrndup(sql_bytes(q, 1));
	p->row.shown.cursor = (size_t)sqlite3_column_int64(q, 2);
	sql_copy_bytes(q, 3, p->row.shown.draft_answers.b, 16);
}

static struct meta *meta_put(struct store *s, const char *key, size_t n_key,
			     struct bytes value);

static void on_meta(struct store *s, sqlite3_stmt *q)
{
	struct bytes key = sql_bytes(q, 0);

	meta_put(s, (const char *)key.p, key.n, sql_bytes(q, 1));
}

static void on_last(struct store *s, sqlite3_stmt *q)
{
	int64_t n = sqlite3_column_int64(q, 0), id = sqlite3_column_int64(q, 1);

	/* Never lower: what we gave out in vain is not given out again. */
	if (n > s->last_n)
		s->last_n = n;
	if (id > s->last_contact)
		s->last_contact = id;
	s->tombstones = sqlite3_column_int(q, 2);
}

static const struct load {
	const char *sql;
	void (*on_row)(struct store *s, sqlite3_stmt *q);
} loads[] = {
    {"SELECT id, dialect, ident, key_changed, trust, blocked, changed, hidden,"
     " via, nick, petname, pinned_ms, first_ms, seen_ms, out_epoch, out_seq,"
     " in_epoch, in_seq, in_ahead, read_upto,"
     " (SELECT count(*) FROM message m WHERE m.contact = c.id"
     "  AND m.n > coalesce(c.read_upto, 0) AND incoming = 1 AND state = 6),"
     " (SELECT count(*) FROM message m WHERE m.contact = c.id AND state = 7),"
     " (SELECT max(n) FROM message m WHERE m.contact = c.id)"
     " FROM contact c ORDER BY id",
     on_contact},
    {"SELECT m.contact, count(*) FROM outbox o JOIN message m ON m.n = o.n"
     " GROUP BY m.contact",
     on_waiting},
    {"SELECT contact, host, port, via, ok_ms, fail_ms, fails, self"
     " FROM address",
     on_address},
    {"SELECT contact, text, cursor, answers FROM draft", on_draft},
    {"SELECT key, value FROM meta", on_meta},
    {"SELECT (SELECT seq FROM sqlite_sequence WHERE name = 'message'),"
     " (SELECT seq FROM sqlite_sequence WHERE name = 'contact'),"
     " EXISTS (SELECT 1 FROM tombstone)",
     on_last},
};
_Static_assert(D_RECEIVED == 6 && D_REQUEST == 7, "states are in the SQL");

static enum err load_rows(struct store *s, const struct load *l)
{
	sqlite3_stmt *q = NULL;
	int rc = sqlite3_prepare_v2(s->db, l->sql, -1, &q, NULL);

	if (rc == SQLITE_OK)
		while ((rc = sqlite3_step(q)) == SQLITE_ROW)
			l->on_row(s, q);
	enum err err = sql_error(s->db, rc);
	int saved = errno;
	sqlite3_finalize(q);
	errno = saved;
	return err;
}

static enum err load_all(struct store *s)
{
	enum err err = begin_read(s);

	for (size_t i = 0; !err && i < sizeof(loads) / sizeof(loads[0]); i++)
		err = load_rows(s, &loads[i]);
	end_read(s);
	return err;
}

enum err store_open(const char *path, struct store **out, char why[static 128])
{
	/* One lock less for each allocation; refused when somebody used
	 * SQLite in this process before, and then it does not matter. */
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	enum err err = sql_prepare_file(path, why);
	if (err)
		return err;
	struct store *s = xmalloc(sizeof(*s));
	*s = (struct store){.next = 1, .soft_due_us = INT64_MAX};
	s->path = xstrndup((struct bytes){(const uint8_t *)path, strlen(path)});
	sqlite3_randomness(sizeof(s->seed), &s->seed);
	err = sql_open(path, SQL_READ, &s->db);
	if (!err)
		err = sql_prepare(s->db, text, s->stmt, N_STMT);
	if (!err)
		err = load_all(s);
	if (!err) {
		*out = s;
		return OK;
	}
	int saved = errno;
	sqlite3_snprintf(128, why, "the store cannot be read (%.40s): %.40s",
			 path,
			 saved == EBADMSG ? "it is damaged" : strerror(saved));
	store_close(s);
	errno = saved;
	return saved == EBADMSG ? ERR_PARSE : err;
}

static void drop_flight(struct store *s, ticket upto)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n_flight; i++) {
		if (s->flight[i]->ticket <= upto)
			batch_free(s->flight[i]);
		else
			s->flight[n++] = s->flight[i];
	}
	s->n_flight = n;
	n = 0;
	for (size_t i = 0; i < s->n_pending; i++)
		if (s->pending[i].ticket > upto)
			s->pending[n++] = s->pending[i];
	s->n_pending = n;
}

/* Everything in memory that the disk has, or should have. */
static void forget_all(struct store *s)
{
	end_read(s);
	batch_free(s->gathered);
	s->gathered = NULL;
	drop_flight(s, UINT64_MAX);
	people_clear(&s->people);
	for (size_t i = 0; i < s->n_meta; i++) {
		free(s->meta[i].key);
		buf_free(&s->meta[i].value);
	}
	free(s->meta);
	s->meta = NULL;
	s->n_meta = 0;
	s->hard = s->soft = false;
	s->soft_due_us = INT64_MAX;
}

void store_close(struct store *s)
{
	if (!s)
		return;
	forget_all(s);
	free(s->pending);
	sql_finalize(s->stmt, N_STMT);
	sqlite3_close(s->db);
	free(s->path);
	free(s);
}

enum err store_reset(struct store *s)
{
	forget_all(s);
	s->generation++;
	s->next++; /* nobody waits for the ticket that was being gathered */
	return load_all(s);
}

/* ---- gathering ---- */

ticket store_ticket(const struct store *s)
{
	return s->next;
}

static struct batch *gather(struct store *s)
{
	if (!s->gathered)
		s->gathered = batch_new(s->next, s->generation);
	return s->gathered;
}

static struct batch *gather_hard(struct store *s)
{
	s->hard = true;
	return gather(s);
}

static struct person *person(const struct store *s, contact_id id)
{
	struct person *p = people_find(&s->people, id);

	assert(p); /* whoever calls knows the contact from us */
	return p;
}

static void touch(struct store *s, struct person *p, unsigned how)
{
	s->soft = true;
	people_touch(&s->people, p, how);
}

static struct pending *pend(struct store *s)
{
	s->pending =
	    xrealloc(s->pending, (s->n_pending + 1) * sizeof(*s->pending));
	struct pending *p = &s->pending[s->n_pending++];
	*p = (struct pending){.ticket = s->next};
	return p;
}

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
	sqlite3_stmt *q = s->stmt[which];
	enum err err = begin_read(s);

	if (err)
		return err;
	sqlite3_bind_int64(q, 1, m->with);
	sql_bind_bytes(q, 2, (struct bytes){m->dedupe, m->n_dedupe});
	err = step(s, q, yes);
	if (*yes) {
		*n = which == Q_KNOWN ? sqlite3_column_int64(q, 0) : 0;
		sqlite3_reset(q);
	}
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
	touch(s, p, DIRTY_MARKS);
}

enum err store_receive(struct store *s, struct message *m, ticket *after)
{
	struct person *p = person(s, m->with);
	enum err err = OK;

	*after = 0;
#ifdef SOTTO_MUTANT_NO_DEDUPE
	m->n_dedupe = 0, m->seq = 0; /* a fault that tests must see */
#endif
	if (m->n_dedupe)
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
	batch_message(gather_hard(s), OP_MESSAGE, m, s->seed);
	heard(s, p, m);
	return OK;
}

void store_gone(struct store *s, contact_id c, const uint8_t epoch[static 8],
		const struct range *gone, size_t n)
{
	struct person *p = person(s, c);

	person_heard(p, epoch, gone, n, s->next, s->durable);
	touch(s, p, DIRTY_MARKS);
}

size_t store_missing(struct store *s, contact_id c, struct range *out,
		     size_t max)
{
	return marks_missing(person_marks(person(s, c), s->durable), out, max);
}

static void drop_draft(struct store *s, struct person *p)
{
	if (!p->draft)
		return;
	free(p->draft);
	p->draft = NULL;
	p->row.shown.cursor = 0;
	p->row.shown.draft_answers = (struct uuid){0};
	touch(s, p, DIRTY_DRAFT);
}

void store_queue(struct store *s, struct message *m)
{
	struct person *p = person(s, m->with);

	m->n = ++s->last_n;
	batch_message(gather_hard(s), OP_MESSAGE, m, s->seed);
	drop_draft(s, p);
	if (!m->seq)
		return;
	memcpy(p->row.out_epoch, m->epoch, sizeof(p->row.out_epoch));
	p->row.out_seq = m->seq;
	touch(s, p, DIRTY_MARKS);
}

void store_update(struct store *s, const struct message *m)
{
	batch_message(gather_hard(s), OP_UPDATE, m, s->seed);
}

/* What updates on their way say about it. */
static void bring_up_to_date(const struct store *s, struct message *m)
{
	struct batch_key key = {.by = BY_N, .n = m->n};
	ticket under;
	const struct rec_message *r = find_young(s, &key, &under);

	if (r)
		batch_apply(r, m);
}

static enum err read_message(struct store *s, enum stmt which, contact_id with,
			     const struct uuid *id, struct message **out)
{
	sqlite3_stmt *q = s->stmt[which];
	bool yes;
	enum err err = begin_read(s);

	if (err)
		return err;
	sqlite3_bind_int64(q, 1, with);
	sqlite3_bind_blob(q, 2, id->b, sizeof(id->b), SQLITE_STATIC);
	err = step(s, q, &yes);
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
	bring_up_to_date(s, m);
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

static bool is_open(const struct message *m)
{
	return !m->incoming &&
	       (m->delivery == D_QUEUED || m->delivery == D_SENT ||
		m->delivery == D_STORED);
}

/* Takes m; false: the page is full. */
static bool outbox_add(const struct store *s, struct message *m,
		       struct page *out)
{
	if (out->n == PAGE_MAX) {
		out->more = true;
		message_free(m);
		return false;
	}
	m->with = adopted_by(s, m->with);
	bring_up_to_date(s, m);
	out->next = m->n;
	if (is_open(m) && !forgotten(s, m->with, m->n))
		out->row[out->n++] = m;
	else
		message_free(m);
	return true;
}

static enum err outbox_of_disk(struct store *s, message_n after,
			       struct page *out)
{
	sqlite3_stmt *q = s->stmt[Q_OUTBOX];
	enum err err = begin_read(s);
	bool row = true;

	if (err)
		return err;
	sqlite3_bind_int64(q, 1, after);
	sqlite3_bind_int64(q, 2, -1);
	while (!err && row) {
		err = step(s, q, &row);
		if (row && !outbox_add(s, sql_message(q), out))
			break;
	}
	sqlite3_reset(q);
	return err;
}

/* A failed message that is tried again is open in a record of today but is no
 * row of the outbox yet: those are found when the batch is durable. */
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

/* ---- contacts ---- */

void store_adopt(struct store *s, contact_id from, contact_id to)
{
	struct person *old = person(s, from), *new = person(s, to);
	struct rec_rows *r = batch_add(gather_hard(s), OP_ADOPT, sizeof(*r));

	r->contact = from;
	r->other = to;
	for (size_t i = 0; i < s->n_pending; i++) {
		if (s->pending[i].what == ADOPTED &&
		    s->pending[i].other == from)
			s->pending[i].other = to;
		if (s->pending[i].what == FORGOTTEN &&
		    s->pending[i].contact == from)
			s->pending[i].contact = to;
	}
	struct pending *p = pend(s);
	p->what = ADOPTED;
	p->contact = from;
	p->other = to;
	for (size_t i = 0; i < old->n_addresses; i++) {
		struct address_row *a = &old->address[i];
		if (!person_address(new, a->host, a->port))
			person_address_put(new, a);
	}
	if (old->draft && !new->draft) {
		new->draft = old->draft;
		old->draft = NULL;
		new->row.shown.cursor = old->row.shown.cursor;
		new->row.shown.draft_answers = old->row.shown.draft_answers;
		touch(s, new, DIRTY_DRAFT);
	}
	people_drop(&s->people, old);
}

void store_forget(struct store *s, contact_id with, int64_t until_ms)
{
	struct rec_rows *r = batch_add(gather_hard(s), OP_FORGET, sizeof(*r));

	r->contact = with;
	r->upto = s->last_n;
	r->until_ms = until_ms;
	struct pending *p = pend(s);
	p->what = FORGOTTEN;
	p->contact = with;
	p->upto = s->last_n;
	s->tombstones = true;
}

void store_history(struct store *s, bool keep)
{
	if (keep)
		return;
	struct rec_rows *r = batch_add(gather_hard(s), OP_HISTORY, sizeof(*r));
	r->upto = s->last_n;
	s->tombstones = true;
}

static bool same_texts(const struct contact *a, const struct contact *b)
{
	return strcmp(a->ident, b->ident) == 0 &&
	       strcmp(a->nick, b->nick) == 0 &&
	       strcmp(a->petname, b->petname) == 0;
}

/* As far as the row on the disk goes, but for what is soft. */
static bool same_row(const struct contact_row *a, const struct contact_row *b)
{
	return memcmp(&a->shown.key, &b->shown.key, 32) == 0 &&
	       memcmp(&a->key_changed, &b->key_changed, 32) == 0 &&
	       same_texts(&a->shown, &b->shown) &&
	       a->shown.trust == b->shown.trust &&
	       a->shown.blocked == b->shown.blocked &&
	       a->shown.changed == b->shown.changed && a->hidden == b->hidden &&
	       a->shown.via == b->shown.via && a->pinned_ms == b->pinned_ms &&
	       a->first_ms == b->first_ms &&
	       memcmp(a->out_epoch, b->out_epoch, 8) == 0 &&
	       a->out_seq == b->out_seq;
}

/* A row that the caller kept for a while may be behind in what only grows. */
static void keep_growing(const struct contact_row *old, struct contact_row *c)
{
	if (c->seen_ms < old->seen_ms)
		c->seen_ms = old->seen_ms;
	if (c->shown.read_upto < old->shown.read_upto)
		c->shown.read_upto = old->shown.read_upto;
	if (memcmp(c->out_epoch, old->out_epoch, 8) == 0 &&
	    c->out_seq < old->out_seq)
		c->out_seq = old->out_seq;
}

static void hand_out(const struct store *s, struct person *p,
		     struct contact_row *out)
{
	const struct marks *m = person_marks(p, s->durable);

	*out = p->row;
	out->shown.draft = p->draft;
	memcpy(out->in_epoch, m->epoch, sizeof(out->in_epoch));
	out->in_seq = m->upto;
}

static void touch_row(struct store *s, struct person *p)
{
	s->hard = true;
	touch(s, p, DIRTY_ROW);
}

static struct person *contact_for(struct store *s, const struct contact *c)
{
	struct person *same = people_same(&s->people, c);
	struct person *p = c->id ? people_find(&s->people, c->id) : same;

	assert(!same || same == p); /* the table would not take a second one */
	if (p)
		return p;
	if (c->id > s->last_contact)
		s->last_contact = c->id;
	p = people_add(&s->people, c->id ? c->id : ++s->last_contact);
	p->row.shown.dialect = c->dialect;
	touch_row(s, p);
	return p;
}

void store_contact(struct store *s, struct contact_row *c)
{
	struct person *p = contact_for(s, &c->shown);
	struct contact_row old = p->row;

	keep_growing(&old, c);
	if (!same_row(&old, c))
		touch_row(s, p);
	else if (old.seen_ms != c->seen_ms ||
		 old.shown.read_upto != c->shown.read_upto)
		touch(s, p, DIRTY_MARKS);
	p->row = *c;
	p->row.shown.id = old.shown.id;
	p->row.shown.draft = NULL;
	p->row.shown.cursor = old.shown.cursor;
	p->row.shown.draft_answers = old.shown.draft_answers;
	hand_out(s, p, c);
}

bool store_contact_next(struct store *s, contact_id after,
			struct contact_row *out)
{
	struct person *p = people_after(&s->people, after);

	if (!p)
		return false;
	hand_out(s, p, out);
	return true;
}

static bool same_address(const struct address_row *a,
			 const struct address_row *b)
{
	return a->ok_ms == b->ok_ms && a->fail_ms == b->fail_ms &&
	       a->fails == b->fails && a->self == b->self && a->via == b->via;
}

void store_address(struct store *s, const struct address_row *a)
{
	struct person *p = person(s, a->contact);
	const struct address_row *old = person_address(p, a->host, a->port);

	if (old && same_address(old, a))
		return;
	if (!old || old->self != a->self || old->via != a->via)
		s->hard = true;
	person_address_put(p, a);
	struct rec_address *r = batch_add(gather(s), OP_ADDRESS, sizeof(*r));
	r->row = *a;
	s->soft = true;
}

void store_address_drop(struct store *s, const struct address_row *a)
{
	struct person *p = person(s, a->contact);
	struct address_row *old = person_address(p, a->host, a->port);

	if (!old)
		return;
	struct rec_address *r =
	    batch_add(gather_hard(s), OP_ADDRESS_DROP, sizeof(*r));
	r->row = *old;
	person_address_drop(p, old);
}

bool store_address_next(struct store *s, contact_id c, unsigned i,
			struct address_row *out)
{
	const struct person *p = people_find(&s->people, c);

	if (!p || i >= p->n_addresses)
		return false;
	*out = p->address[i];
	return true;
}

void store_seen(struct store *s, contact_id c, int64_t seen_ms)
{
	struct person *p = person(s, c);

	if (seen_ms <= p->row.seen_ms)
		return;
	p->row.seen_ms = seen_ms;
	touch(s, p, DIRTY_MARKS);
}

void store_read(struct store *s, contact_id c, message_n upto)
{
	struct person *p = person(s, c);

	if (upto <= p->row.shown.read_upto)
		return;
	p->row.shown.read_upto = upto;
	touch(s, p, DIRTY_MARKS);
}

void store_draft(struct store *s, contact_id c, const char *draft,
		 size_t cursor, struct uuid answers)
{
	struct person *p = person(s, c);

	if (!draft || !*draft) {
		drop_draft(s, p);
		return;
	}
	char *old = p->draft;
	p->draft =
	    xstrndup((struct bytes){(const uint8_t *)draft, strlen(draft)});
	free(old); /* draft may be it */
	p->row.shown.cursor = cursor;
	p->row.shown.draft_answers = answers;
	touch(s, p, DIRTY_DRAFT);
}

/* ---- meta ---- */

static struct meta *meta_find(const struct store *s, const char *key,
			      size_t n_key)
{
	for (size_t i = 0; i < s->n_meta; i++)
		if (strlen(s->meta[i].key) == n_key &&
		    memcmp(s->meta[i].key, key, n_key) == 0)
			return &s->meta[i];
	return NULL;
}

static struct meta *meta_put(struct store *s, const char *key, size_t n_key,
			     struct bytes value)
{
	struct meta *m = meta_find(s, key, n_key);

	if (!m) {
		s->meta = xrealloc(s->meta, (s->n_meta + 1) * sizeof(*s->meta));
		m = &s->meta[s->n_meta++];
		*m = (struct meta){0};
		m->key = xstrndup((struct bytes){(const uint8_t *)key, n_key});
	}
	buf_drop(&m->value, m->value.n);
	buf_put(&m->value, value);
	return m;
}

void store_meta(struct store *s, const char *key, struct bytes value)
{
	meta_put(s, key, strlen(key), value)->dirty = true;
	s->soft = true;
}

bool store_meta_get(const struct store *s, const char *key, struct bytes *value)
{
	const struct meta *m = meta_find(s, key, strlen(key));

	if (m)
		*value = (struct bytes){m->value.p, m->value.n};
	return m != NULL;
}

/* ---- the way to the disk ---- */

static void gather_row(struct store *s, const struct person *p, enum op op)
{
	size_t n = p->live.n_ahead;
	struct rec_contact *r =
	    batch_add(gather(s), op, sizeof(*r) + n * sizeof(r->ahead[0]));

	r->row = p->row;
	memcpy(r->row.in_epoch, p->live.epoch, sizeof(r->row.in_epoch));
	r->row.in_seq = p->live.upto;
	r->n_ahead = (uint32_t)n;
	if (n)
		memcpy(r->ahead, p->live.ahead, n * sizeof(r->ahead[0]));
}

static void gather_draft(struct store *s, const struct person *p)
{
	size_t n = p->draft ? strlen(p->draft) : 0;
	struct rec_draft *r = batch_add(gather(s), OP_DRAFT, sizeof(*r) + n);

	r->contact = p->row.shown.id;
	r->cursor = p->row.shown.cursor;
	r->answers = p->row.shown.draft_answers;
	r->any = p->draft != NULL;
	r->n_text = (uint32_t)n;
	if (n)
		memcpy(r->text, p->draft, n);
}

static void gather_meta(struct store *s, struct meta *m)
{
	size_t n_key = strlen(m->key);
	struct rec_meta *r =
	    batch_add(gather(s), OP_META, sizeof(*r) + n_key + m->value.n);

	r->n_key = (uint32_t)n_key;
	r->n_value = (uint32_t)m->value.n;
	memcpy(r->bytes, m->key, n_key);
	if (m->value.n)
		memcpy(r->bytes + n_key, m->value.p, m->value.n);
	m->dirty = false;
}

/* What changed in memory becomes records, once for each contact. */
static void gather_dirty(struct store *s)
{
	for (struct person *p; (p = s->people.dirty);) {
		s->people.dirty = p->next_dirty;
		if (p->dirty & DIRTY_ROW)
			gather_row(s, p, OP_CONTACT);
		else if (p->dirty & DIRTY_MARKS)
			gather_row(s, p, OP_MARKS);
		if (p->dirty & DIRTY_DRAFT)
			gather_draft(s, p);
		p->dirty = 0;
	}
	for (size_t i = 0; i < s->n_meta; i++)
		if (s->meta[i].dirty)
			gather_meta(s, &s->meta[i]);
}

/* Soft changes wait for hard ones, but not for long. */
static bool must_go(struct store *s, const struct now *now)
{
	if (s->hard)
		return true;
	if (!s->soft)
		return false;
	if (s->soft_due_us == INT64_MAX)
		s->soft_due_us = now->mono_us + SOFT_US;
	return now->mono_us >= s->soft_due_us;
}

struct batch *store_batch(struct store *s, const struct now *now)
{
	end_read(s);
	if (!must_go(s, now) || s->n_flight == FLIGHT_MAX)
		return NULL;
	gather_dirty(s);
	struct batch *b = gather(s);
	b->hard = s->hard;
	b->wall_ms = now->wall_us / 1000;
	atomic_store(&b->owners, 2);
	s->flight[s->n_flight++] = b;
	s->gathered = NULL;
	s->next++;
	s->hard = s->soft = false;
	s->soft_due_us = INT64_MAX;
	return b;
}

int64_t store_deadline(const struct store *s)
{
	/* With four on their way it is not the clock that they wait for. */
	return s->n_flight == FLIGHT_MAX ? INT64_MAX : s->soft_due_us;
}

void store_durable(struct store *s, ticket upto)
{
	end_read(s); /* it may be older than what is forgotten now */
	if (upto > s->durable)
		s->durable = upto;
	drop_flight(s, upto);
}

bool store_behind(const struct store *s)
{
	size_t n = s->gathered ? s->gathered->n_rows : 0;

	for (size_t i = 0; i < s->n_flight; i++)
		n += s->flight[i]->n_rows;
	return s->n_flight == FLIGHT_MAX || n >= ROWS_MAX;
}
