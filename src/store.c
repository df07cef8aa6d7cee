#include "src/store_impl.h"
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS_MAX = 4096 };
static const int64_t SOFT_US = 2000000, SOON_US = 100000;

static const char *const text[N_STMT] = {
    [Q_BEGIN] = "BEGIN",
    [Q_END] = "COMMIT",
    [Q_KNOWN] = "SELECT n FROM message WHERE contact = ?1 AND incoming = 1"
		" AND dedupe = ?2",
    [Q_TOMBSTONE] =
	"SELECT 1 FROM tombstone WHERE contact = ?1 AND dedupe = ?2",
    [Q_TOP] = "SELECT dedupe FROM message WHERE contact = ?1 AND incoming = 1"
	      " AND dedupe IS NOT NULL ORDER BY dedupe DESC LIMIT 1",
    [Q_TOP_GONE] = "SELECT dedupe FROM tombstone WHERE contact = ?1"
		   " ORDER BY dedupe DESC LIMIT 1",
    [Q_BY_DEDUPE] = "SELECT " SQL_MESSAGE_COLUMNS
		    " FROM message m LEFT JOIN outbox o ON o.n = m.n"
		    " WHERE m.contact = ?1 AND m.incoming IN (0, 1)"
		    " AND m.dedupe = ?2 AND m.id = ?2",
    [Q_BY_ID] = "SELECT " SQL_MESSAGE_COLUMNS
		" FROM message m LEFT JOIN outbox o ON o.n = m.n"
		" WHERE m.contact = ?1 AND m.id = ?2 AND m.dedupe IS NOT m.id",
    [Q_BY_N] = "SELECT " SQL_MESSAGE_COLUMNS
	       " FROM message m LEFT JOIN outbox o ON o.n = m.n"
	       " WHERE m.n = ?1",
    [Q_OUTBOX] = "SELECT " SQL_MESSAGE_COLUMNS
		 " FROM outbox o JOIN message m ON m.n = o.n"
		 " WHERE o.n > ?1 ORDER BY o.n",
};

/* ---- reading ---- */

sqlite3_stmt *store_stmt(struct store *s, enum stmt which)
{
	return sql_stmt(s->db, text[which], &s->stmt[which]);
}

enum err store_begin_read(struct store *s)
{
	if (s->reading)
		return OK;
	sqlite3_stmt *q = store_stmt(s, Q_BEGIN);
	int rc = sqlite3_step(q);
	sqlite3_reset(q);
	s->reading = rc == SQLITE_DONE;
	return sql_error(s->db, rc);
}

void store_end_read(struct store *s)
{
	if (!s->reading)
		return;
	sqlite3_stmt *q = store_stmt(s, Q_END);
	sqlite3_step(q);
	sqlite3_reset(q);
	s->reading = false;
}

/* Steps once: *row says whether there was one. Reset it after use. */
enum err store_step(struct store *s, sqlite3_stmt *q, bool *row)
{
	int rc = sqlite3_step(q);
	enum err err = sql_error(s->db, rc);

	*row = rc == SQLITE_ROW;
	if (!*row)
		sqlite3_reset(q);
	return err;
}

/* ---- opening, closing, beginning again ---- */

enum err store_open(const char *path, struct store **out, char why[static 128])
{
	/* One lock less for each allocation; refused when somebody used
	 * SQLite in this process before, and then it does not matter. */
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	/* 210 kB a connection, all of it touched at once */
	sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0);
	sqlite3_config(SQLITE_CONFIG_PAGECACHE, NULL, 0, 0);
	sqlite3 *db;
	enum err err = sql_open_file(path, &db, why);
	if (err)
		return err;
	struct store *s = xmalloc(sizeof(*s));
	*s = (struct store){.db = db, .next = 1, .soft_due_us = INT64_MAX};
	s->path = xstrndup((struct bytes){(const uint8_t *)path, strlen(path)});
	sqlite3_randomness(sizeof(s->seed), &s->seed);
	err = store_load(s);
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
	store_end_read(s);
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
	s->hard = s->soft = s->soon = false;
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
	return store_load(s);
}

/* ---- gathering ---- */

ticket store_ticket(const struct store *s)
{
	return s->next;
}

bool store_hard(const struct store *s)
{
	return s->hard;
}

struct batch *store_gather(struct store *s)
{
	if (!s->gathered)
		s->gathered = batch_new(s->next, s->generation);
	return s->gathered;
}

struct batch *store_gather_hard(struct store *s)
{
	s->hard = true;
	return store_gather(s);
}

struct person *store_person(const struct store *s, contact_id id)
{
	struct person *p = people_find(&s->people, id);

	assert(p); /* whoever calls knows the contact from us */
	return p;
}

void store_touch(struct store *s, struct person *p, unsigned how)
{
	s->soft = true;
	people_touch(&s->people, p, how);
}

struct pending *store_pend(struct store *s)
{
	s->pending =
	    xrealloc(s->pending, (s->n_pending + 1) * sizeof(*s->pending));
	struct pending *p = &s->pending[s->n_pending++];
	*p = (struct pending){.ticket = s->next};
	return p;
}

/* ---- the way to the disk ---- */

/* Soft changes wait for hard ones, but not for long. */
static bool soft_due(struct store *s, const struct now *now)
{
	int64_t due = now->mono_us + (s->soon ? SOON_US : SOFT_US);

	if (!s->soft)
		return false;
	if (s->flush)
		return true;
	if (due < s->soft_due_us)
		s->soft_due_us = due;
	return now->mono_us >= s->soft_due_us;
}

void store_flush(struct store *s)
{
	s->flush = true;
}

struct batch *store_batch(struct store *s, const struct now *now)
{
	bool all = soft_due(s, now);

	store_end_read(s);
	if ((!s->hard && !all) || s->n_flight == FLIGHT_MAX)
		return NULL;
	s->soft = store_gather_dirty(s, all);
	struct batch *b = store_gather(s);
	b->hard = s->hard;
	b->wall_ms = now->wall_us / 1000;
	atomic_store(&b->owners, 2);
	s->flight[s->n_flight++] = b;
	s->gathered = NULL;
	s->next++;
	s->hard = s->soon = s->flush = false;
	if (!s->soft)
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
	store_end_read(s); /* it may be older than what is forgotten now */
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
