#include "proto/dialect.h"
#include "src/store_impl.h"
#include <errno.h>
#include <string.h>

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

static void on_meta(struct store *s, sqlite3_stmt *q)
{
	struct bytes key = sql_bytes(q, 0);

	store_meta_put(s, (const char *)key.p, key.n, sql_bytes(q, 1));
}

static message_n kept_last_n(const struct store *s)
{
	const struct meta *m =
	    store_meta_find(s, store_last_n, strlen(store_last_n));
	message_n n = 0;

	for (size_t i = 0; m && i < m->value.n; i++)
		n = n * 10 + (m->value.p[i] - '0');
	return n;
}

static void on_last(struct store *s, sqlite3_stmt *q)
{
	int64_t n = sqlite3_column_int64(q, 0), id = sqlite3_column_int64(q, 1);

	if (n < kept_last_n(s))
		n = kept_last_n(s);
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
    {"SELECT (SELECT max(n) FROM message),"
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

enum err store_load(struct store *s)
{
	enum err err = store_begin_read(s);

	for (size_t i = 0; !err && i < sizeof(loads) / sizeof(loads[0]); i++)
		err = load_rows(s, &loads[i]);
	store_end_read(s);
	return err;
}
