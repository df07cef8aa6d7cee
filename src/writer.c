#include "src/batch.h"
#include "src/crash.h"
#include "src/sql.h"
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* In WAL pages of 4 KiB: worth a checkpoint when idle; too much even when not.
 * Then the WAL begins again, and a commit that writes over old pages is a
 * third faster than one that makes the file grow. */
enum {
	WAL_WORTH = 256,
	WAL_FULL = 1000,
	INDEX_WORTH = 256, /* rows without an index: the next search looks */
	INDEX_STEP = 512,  /* at each, which is quick enough */
	WAL_GROWN = WAL_WORTH * (4096 + 24) + 32,
	PROBE_BYTES = 65536
};
static const int64_t TOMBSTONE_MS = INT64_C(45) * 86400 * 1000;
static const int64_t EXPIRY_MS = INT64_C(3600) * 1000;

enum stmt {
	S_BEGIN,
	S_COMMIT,
	S_ROLLBACK,
	S_MESSAGE,
	S_OUTBOX,
	S_CLOSE,
	S_UPDATE,
	S_CONTACT,
	S_MARKS,
	S_DRAFT,
	S_DRAFT_DROP,
	S_ADDRESS,
	S_ADDRESS_DROP,
	S_ADOPT_ROWS,
	S_ADOPT_ADDRESSES,
	S_ADOPT_REST,
	S_ADOPT_DRAFT,
	S_ADOPT_END,
	S_BURY,
	S_FORGET,
	S_BURY_OLD,
	S_FORGET_OLD,
	S_META,
	S_EXPIRE,
	S_LOSE,
	S_LOSE_OLD,
	S_MARK,
	S_INDEX,
	S_MARK_SET,
	N_STMT
};

/* Rows that history = off removes: not open, not asked, not unread. */
#define OLD_ROWS                                                               \
	"n <= ?1 AND state <> 7 AND n NOT IN (SELECT n FROM outbox) AND "      \
	"(incoming = 0 OR n <= (SELECT coalesce(read_upto, 0) FROM contact "   \
	"WHERE id = message.contact))"

static const char *const text[N_STMT] = {
    [S_BEGIN] = "BEGIN IMMEDIATE",
    [S_COMMIT] = "COMMIT",
    [S_ROLLBACK] = "ROLLBACK",
    [S_MESSAGE] =
	"INSERT INTO message(n, contact, incoming, id, dedupe, epoch, seq,"
	" stamp, sent_ms, stored_ms, state, acked_ms, ack_stamp, rtt_us,"
	" error, answers, quote, quote_stamp, from_ip, from_port, to_ip,"
	" to_port, secure, text) VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,"
	" ?12,?13,?14,?15,?16,?17,?18,?19,?20,?21,?22,?23,?24)",
    [S_OUTBOX] = "INSERT OR REPLACE INTO outbox(n, tries, next_ms, expire_ms,"
		 " held) VALUES(?1, ?2, ?3, ?4, ?5)",
    [S_CLOSE] = "DELETE FROM outbox WHERE n = ?1",
    [S_UPDATE] =
	"UPDATE message SET epoch = ?2, seq = ?3, stamp = ?4, sent_ms = ?5,"
	" stored_ms = ?6, state = ?7, acked_ms = ?8, ack_stamp = ?9,"
	" rtt_us = ?10, error = ?11, from_ip = ?12, from_port = ?13,"
	" to_ip = ?14, to_port = ?15, secure = ?16 WHERE n = ?1",
    [S_CONTACT] =
	"INSERT INTO contact(id, dialect, ident, key_changed, trust, blocked,"
	" changed, hidden, via, nick, petname, pinned_ms, first_ms, seen_ms,"
	" out_epoch, out_seq, in_epoch, in_seq, in_ahead, read_upto)"
	" VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17,"
	" ?18,?19,?20) ON CONFLICT(id) DO UPDATE SET"
	" dialect = ?2, ident = ?3, key_changed = ?4, trust = ?5,"
	" blocked = ?6, changed = ?7, hidden = ?8, via = ?9, nick = ?10,"
	" petname = ?11, pinned_ms = ?12, first_ms = ?13, seen_ms = ?14,"
	" out_epoch = ?15, out_seq = ?16, in_epoch = ?17, in_seq = ?18,"
	" in_ahead = ?19, read_upto = ?20",
    [S_MARKS] =
	"UPDATE contact SET seen_ms = ?14, out_epoch = ?15, out_seq = ?16,"
	" in_epoch = ?17, in_seq = ?18, in_ahead = ?19, read_upto = ?20"
	" WHERE id = ?1",
    [S_DRAFT] = "INSERT OR REPLACE INTO draft(contact, text, cursor, answers)"
		" VALUES(?1, ?2, ?3, ?4)",
    [S_DRAFT_DROP] = "DELETE FROM draft WHERE contact = ?1",
    [S_ADDRESS] =
	"INSERT OR REPLACE INTO address(contact, host, port, via, ok_ms,"
	" fail_ms, fails, self) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    [S_ADDRESS_DROP] = "DELETE FROM address WHERE contact = ?1 AND host = ?2"
		       " AND port = ?3",
    [S_ADOPT_ROWS] = "UPDATE message SET contact = ?2 WHERE contact = ?1",
    [S_ADOPT_ADDRESSES] =
	"UPDATE OR IGNORE address SET contact = ?2 WHERE contact = ?1",
    [S_ADOPT_REST] = "DELETE FROM address WHERE contact = ?1",
    [S_ADOPT_DRAFT] =
	"UPDATE OR IGNORE draft SET contact = ?2 WHERE contact = ?1",
    [S_ADOPT_END] = "DELETE FROM contact WHERE id = ?1",
    [S_BURY] = "INSERT OR REPLACE INTO tombstone(contact, dedupe, until_ms)"
	       " SELECT contact, dedupe, ?3 FROM message WHERE contact = ?1"
	       " AND n <= ?2 AND incoming = 1 AND dedupe IS NOT NULL",
    [S_FORGET] = "DELETE FROM message WHERE contact = ?1 AND n <= ?2",
    [S_BURY_OLD] = "INSERT OR REPLACE INTO tombstone(contact, dedupe, until_ms)"
		   " SELECT contact, dedupe, ?2 FROM message WHERE " OLD_ROWS
		   " AND incoming = 1 AND dedupe IS NOT NULL",
    [S_FORGET_OLD] = "DELETE FROM message WHERE " OLD_ROWS,
    [S_META] = "INSERT OR REPLACE INTO meta(key, value) VALUES(?1, ?2)",
    [S_EXPIRE] = "DELETE FROM tombstone WHERE until_ms < ?1",
    [S_LOSE] = "INSERT INTO found(found, rowid, text) SELECT 'delete', n,"
	       " fold(text) FROM message WHERE contact = ?1 AND n <= ?2"
	       " AND n <= (SELECT upto FROM indexed)",
    [S_LOSE_OLD] = "INSERT INTO found(found, rowid, text) SELECT 'delete', n,"
		   " fold(text) FROM message WHERE " OLD_ROWS
		   " AND n <= (SELECT upto FROM indexed)",
    [S_MARK] = "SELECT upto, (SELECT coalesce(max(n), 0) FROM message)"
	       " FROM indexed",
    [S_INDEX] = "INSERT INTO found(rowid, text) SELECT n, fold(text)"
		" FROM message WHERE n > ?1 AND n <= ?2",
    [S_MARK_SET] = "UPDATE indexed SET upto = ?1",
};

struct writer {
	char *path;
	sqlite3 *db; /* NULL: not opened yet */
	sqlite3_stmt *stmt[N_STMT];
	int wal_pages;      /* in the WAL, not in the file itself yet */
	bool grown;         /* the WAL is as long as it is usually filled */
	size_t unindexed;   /* at least; INDEX_WORTH at the start: look */
	int64_t wall_ms;    /* of the last batch: what time it is */
	int64_t expired_ms; /* when tombstones were looked through last */
};

static int on_commit(void *w, sqlite3 *db, const char *name, int pages)
{
	(void)db;
	(void)name;
	((struct writer *)w)->wal_pages = pages;
	return SQLITE_OK;
}

enum err writer_open(const char *path, struct writer **out)
{
	struct writer *w = xmalloc(sizeof(*w));

	*w = (struct writer){.unindexed = INDEX_WORTH};
	w->path = xstrndup((struct bytes){(const uint8_t *)path, strlen(path)});
	*out = w;
	return OK;
}

/* Opened with the first thing to write: a start, and a command that only
 * asks, need not wait for it. */
static enum err ready(struct writer *w)
{
	if (w->db)
		return OK;
	enum err err = sql_open(w->path, SQL_WRITE, &w->db);
	if (!err)
		err = sql_fold(w->db);
	if (!err) {
		sqlite3_wal_hook(w->db, on_commit, w);
		return OK;
	}
	int saved = errno;
	sqlite3_close(w->db);
	w->db = NULL;
	errno = saved;
	return err;
}

static sqlite3_stmt *stmt(struct writer *w, enum stmt which)
{
	return sql_stmt(w->db, text[which], &w->stmt[which]);
}

void writer_close(struct writer *w)
{
	if (!w)
		return;
	if (w->db)
		sqlite3_wal_checkpoint_v2(
		    w->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	sql_finalize(w->stmt, N_STMT);
	sqlite3_close(w->db);
	free(w->path);
	free(w);
}

/* Statements bind what lies in the batch; it outlives them. */
static int run(struct writer *w, enum stmt which)
{
	sqlite3_stmt *s = stmt(w, which);
	errno = 0;
	int rc = sqlite3_step(s), said = errno;

	sqlite3_reset(s);
	errno = said;
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* ---- records ---- */

static void bind_ip(sqlite3_stmt *s, int i, const struct addr *a)
{
	static const uint8_t v4[12] = {[10] = 0xff, [11] = 0xff};
	static const uint8_t none[16];

	if (memcmp(a->ip, none, 16) == 0)
		sqlite3_bind_null(s, i);
	else if (memcmp(a->ip, v4, 12) == 0)
		sqlite3_bind_blob(s, i, a->ip + 12, 4, SQLITE_STATIC);
	else
		sqlite3_bind_blob(s, i, a->ip, 16, SQLITE_STATIC);
	sql_bind_some(s, i + 1, a->port);
}

static void bind_epoch(sqlite3_stmt *s, int i, const uint8_t epoch[8])
{
	static const uint8_t none[8];
	bool any = memcmp(epoch, none, 8) != 0;

	sql_bind_bytes(s, i, (struct bytes){epoch, any ? 8 : 0});
}

static void bind_uuid(sqlite3_stmt *s, int i, const struct uuid *id)
{
	static const struct uuid none;
	bool any = memcmp(id, &none, sizeof(none)) != 0;

	sql_bind_bytes(s, i, (struct bytes){id->b, any ? sizeof(id->b) : 0});
}

/* Here "" is not the same as nothing. */
static void bind_maybe(sqlite3_stmt *s, int i, bool any, struct bytes v)
{
	if (any)
		sqlite3_bind_text(s, i, v.n ? (const char *)v.p : "", (int)v.n,
				  SQLITE_STATIC);
	else
		sqlite3_bind_null(s, i);
}

static int put_outbox(struct writer *w, const struct rec_message *r)
{
	sqlite3_stmt *s = stmt(w, S_OUTBOX);

	sqlite3_bind_int64(s, 1, r->n);
	sqlite3_bind_int64(s, 2, r->tries);
	sql_bind_some(s, 3, r->next_ms);
	sql_bind_some(s, 4, r->expire_ms);
	sqlite3_bind_int(s, 5, r->held);
	return run(w, S_OUTBOX);
}

static int put_message(struct writer *w, const struct rec_message *r)
{
	sqlite3_stmt *s = stmt(w, S_MESSAGE);
	struct message_parts v = batch_parts(r);

	sqlite3_bind_int64(s, 1, r->n);
	sqlite3_bind_int64(s, 2, r->with);
	sqlite3_bind_int(s, 3, r->incoming);
	sqlite3_bind_blob(s, 4, r->id.b, sizeof(r->id.b), SQLITE_STATIC);
	sql_bind_bytes(s, 5, v.dedupe);
	bind_epoch(s, 6, r->epoch);
	sql_bind_some(s, 7, (int64_t)r->seq);
	sql_bind_text(s, 8, v.stamp);
	sql_bind_some(s, 9, r->sent_ms);
	sql_bind_some(s, 10, r->stored_ms);
	sqlite3_bind_int(s, 11, r->delivery);
	sql_bind_some(s, 12, r->acked_ms);
	sql_bind_text(s, 13, v.ack_stamp);
	sql_bind_some(s, 14, r->rtt_us);
	bind_maybe(s, 15, r->has_error, v.error);
	bind_uuid(s, 16, &r->answers);
	bind_maybe(s, 17, r->has_quote, v.quote);
	sql_bind_text(s, 18, v.quote_stamp);
	bind_ip(s, 19, &r->from);
	bind_ip(s, 21, &r->to);
	sqlite3_bind_int(s, 23, r->secure);
	sql_bind_text(s, 24, v.text);
	int rc = run(w, S_MESSAGE);
	w->unindexed++;
	if (rc == SQLITE_OK && batch_open(r))
		rc = put_outbox(w, r);
	return rc;
}

static int put_update(struct writer *w, const struct rec_message *r)
{
	sqlite3_stmt *s = stmt(w, S_UPDATE);
	struct message_parts v = batch_parts(r);

	sqlite3_bind_int64(s, 1, r->n);
	bind_epoch(s, 2, r->epoch);
	sql_bind_some(s, 3, (int64_t)r->seq);
	sql_bind_text(s, 4, v.stamp);
	sql_bind_some(s, 5, r->sent_ms);
	sql_bind_some(s, 6, r->stored_ms);
	sqlite3_bind_int(s, 7, r->delivery);
	sql_bind_some(s, 8, r->acked_ms);
	sql_bind_text(s, 9, v.ack_stamp);
	sql_bind_some(s, 10, r->rtt_us);
	bind_maybe(s, 11, r->has_error, v.error);
	bind_ip(s, 12, &r->from);
	bind_ip(s, 14, &r->to);
	sqlite3_bind_int(s, 16, r->secure);
	int rc = run(w, S_UPDATE);
	if (rc != SQLITE_OK || r->incoming)
		return rc;
	if (sqlite3_changes(w->db) == 0)
		return SQLITE_OK; /* forgotten since */
	if (batch_open(r))
		return put_outbox(w, r);
	sqlite3_bind_int64(stmt(w, S_CLOSE), 1, r->n);
	return run(w, S_CLOSE);
}

static void put_be64(uint8_t *p, uint64_t v)
{
	for (int i = 7; i >= 0; i--, v >>= 8)
		p[i] = (uint8_t)v;
}

static void bind_marks(sqlite3_stmt *s, const struct rec_contact *r)
{
	const struct contact_row *c = &r->row;
	uint8_t ahead[BATCH_RANGES_MAX * 16];

	assert(r->n_ahead <= BATCH_RANGES_MAX);
	for (size_t i = 0; i < r->n_ahead; i++) {
		put_be64(ahead + i * 16, r->ahead[i].from);
		put_be64(ahead + i * 16 + 8, r->ahead[i].to);
	}
	sqlite3_bind_int64(s, 1, c->shown.id);
	sql_bind_some(s, 14, c->seen_ms);
	bind_epoch(s, 15, c->out_epoch);
	sql_bind_some(s, 16, (int64_t)c->out_seq);
	bind_epoch(s, 17, c->in_epoch);
	sql_bind_some(s, 18, (int64_t)c->in_seq);
	if (r->n_ahead)
		sqlite3_bind_blob(s, 19, ahead, (int)r->n_ahead * 16,
				  SQLITE_TRANSIENT);
	else
		sqlite3_bind_null(s, 19);
	sql_bind_some(s, 20, c->shown.read_upto);
}

static int put_marks(struct writer *w, const struct rec_contact *r)
{
	bind_marks(stmt(w, S_MARKS), r);
	return run(w, S_MARKS);
}

/* A name is a text, a key a blob: the two never collide. */
static void bind_ident(sqlite3_stmt *s, int i, const struct contact *c)
{
	if (pubkey_none(&c->key))
		sqlite3_bind_text(s, i, c->ident, -1, SQLITE_STATIC);
	else
		sqlite3_bind_blob(s, i, c->key.b, sizeof(c->key.b),
				  SQLITE_STATIC);
}

static int put_contact(struct writer *w, const struct rec_contact *r)
{
	sqlite3_stmt *s = stmt(w, S_CONTACT);
	const struct contact_row *c = &r->row;
	bool other = !pubkey_none(&c->key_changed);

	bind_marks(s, r);
	sqlite3_bind_text(s, 2, c->shown.dialect, -1, SQLITE_STATIC);
	bind_ident(s, 3, &c->shown);
	sql_bind_bytes(s, 4, (struct bytes){c->key_changed.b, other ? 32 : 0});
	sqlite3_bind_int(s, 5, (int)c->shown.trust);
	sqlite3_bind_int(s, 6, c->shown.blocked);
	sqlite3_bind_int(s, 7, c->shown.changed);
	sqlite3_bind_int(s, 8, c->hidden);
	sqlite3_bind_int(s, 9, (int)c->shown.via);
	sqlite3_bind_text(s, 10, c->shown.nick, -1, SQLITE_STATIC);
	sqlite3_bind_text(s, 11, c->shown.petname, -1, SQLITE_STATIC);
	sql_bind_some(s, 12, c->pinned_ms);
	sql_bind_some(s, 13, c->first_ms);
	return run(w, S_CONTACT);
}

static int put_draft(struct writer *w, const struct rec_draft *r)
{
	sqlite3_stmt *s = stmt(w, r->any ? S_DRAFT : S_DRAFT_DROP);

	sqlite3_bind_int64(s, 1, r->contact);
	if (r->any) {
		sqlite3_bind_text(s, 2, r->text, (int)r->n_text, SQLITE_STATIC);
		sqlite3_bind_int64(s, 3, (int64_t)r->cursor);
		bind_uuid(s, 4, &r->answers);
	}
	return run(w, r->any ? S_DRAFT : S_DRAFT_DROP);
}

static int put_address(struct writer *w, const struct rec_address *r)
{
	enum stmt which = r->rec.op == OP_ADDRESS ? S_ADDRESS : S_ADDRESS_DROP;
	const struct address_row *a = &r->row;
	sqlite3_stmt *s = stmt(w, which);

	sqlite3_bind_int64(s, 1, a->contact);
	sqlite3_bind_text(s, 2, a->host, -1, SQLITE_STATIC);
	sqlite3_bind_int(s, 3, a->port);
	if (which == S_ADDRESS) {
		sqlite3_bind_int(s, 4, (int)a->via);
		sql_bind_some(s, 5, a->ok_ms);
		sql_bind_some(s, 6, a->fail_ms);
		sqlite3_bind_int64(s, 7, a->fails);
		sqlite3_bind_int(s, 8, a->self);
	}
	return run(w, which);
}

static int adopt(struct writer *w, const struct rec_rows *r)
{
	int rc = SQLITE_OK;

	for (enum stmt i = S_ADOPT_ROWS; i <= S_ADOPT_END; i++) {
		if (rc != SQLITE_OK)
			return rc;
		sqlite3_bind_int64(stmt(w, i), 1, r->contact);
		if (i != S_ADOPT_REST && i != S_ADOPT_END)
			sqlite3_bind_int64(stmt(w, i), 2, r->other);
		rc = run(w, i);
	}
	return rc;
}

static int forget(struct writer *w, const struct rec_rows *r)
{
	sqlite3_bind_int64(stmt(w, S_BURY), 1, r->contact);
	sqlite3_bind_int64(stmt(w, S_BURY), 2, r->upto);
	sqlite3_bind_int64(stmt(w, S_BURY), 3, r->until_ms);
	int rc = run(w, S_BURY);
	if (rc != SQLITE_OK)
		return rc;
	sqlite3_bind_int64(stmt(w, S_LOSE), 1, r->contact);
	sqlite3_bind_int64(stmt(w, S_LOSE), 2, r->upto);
	rc = run(w, S_LOSE);
	if (rc != SQLITE_OK)
		return rc;
	sqlite3_bind_int64(stmt(w, S_FORGET), 1, r->contact);
	sqlite3_bind_int64(stmt(w, S_FORGET), 2, r->upto);
	return run(w, S_FORGET);
}

static int forget_old(struct writer *w, const struct rec_rows *r, int64_t now)
{
	sqlite3_bind_int64(stmt(w, S_BURY_OLD), 1, r->upto);
	sqlite3_bind_int64(stmt(w, S_BURY_OLD), 2, now + TOMBSTONE_MS);
	int rc = run(w, S_BURY_OLD);
	if (rc != SQLITE_OK)
		return rc;
	sqlite3_bind_int64(stmt(w, S_LOSE_OLD), 1, r->upto);
	rc = run(w, S_LOSE_OLD);
	if (rc != SQLITE_OK)
		return rc;
	sqlite3_bind_int64(stmt(w, S_FORGET_OLD), 1, r->upto);
	return run(w, S_FORGET_OLD);
}

static int put_meta(struct writer *w, const struct rec_meta *r)
{
	sqlite3_stmt *s = stmt(w, S_META);

	sqlite3_bind_text(s, 1, (const char *)r->bytes, (int)r->n_key,
			  SQLITE_STATIC);
	sqlite3_bind_blob(s, 2, r->bytes + r->n_key, (int)r->n_value,
			  SQLITE_STATIC);
	return run(w, S_META);
}

static int put_record(struct writer *w, const struct rec *r, int64_t now_ms)
{
	const void *p = r;

	switch (r->op) {
	case OP_NONE:
		return SQLITE_OK;
	case OP_MESSAGE:
		return put_message(w, p);
	case OP_UPDATE:
		return put_update(w, p);
	case OP_CONTACT:
		return put_contact(w, p);
	case OP_MARKS:
		return put_marks(w, p);
	case OP_DRAFT:
		return put_draft(w, p);
	case OP_ADDRESS:
	case OP_ADDRESS_DROP:
		return put_address(w, p);
	case OP_ADOPT:
		return adopt(w, p);
	case OP_FORGET:
		return forget(w, p);
	case OP_HISTORY:
		return forget_old(w, p, now_ms);
	case OP_META:
		return put_meta(w, p);
	}
	return SQLITE_INTERNAL;
}

static int put_batch(struct writer *w, const struct batch *b)
{
	int rc = SQLITE_OK;

	for (const struct rec *r = NULL;
	     rc == SQLITE_OK && (r = batch_next(b, r));)
		rc = put_record(w, r, b->wall_ms);
	return rc;
}

static void rollback(struct writer *w)
{
	if (!sqlite3_get_autocommit(w->db))
		run(w, S_ROLLBACK);
}

static enum err commit(struct writer *w, struct batch **b, size_t n)
{
	int rc = run(w, S_BEGIN);

	for (size_t i = 0; rc == SQLITE_OK && i < n; i++)
		rc = put_batch(w, b[i]);
	crash_point("commit.before");
	if (rc == SQLITE_OK)
		rc = run(w, S_COMMIT);
	enum err err = sql_error(w->db, rc);
	int saved = errno;
	crash_point("commit.after");
	if (err)
		rollback(w);
	else if (n)
		w->wall_ms = b[n - 1]->wall_ms;
	errno = saved;
	return err;
}

enum err writer_commit(struct writer *w, struct batch **b, size_t n)
{
	enum err err = ready(w);

	if (!err)
		err = commit(w, b, n);
	int saved = errno;
	for (size_t i = 0; i < n; i++)
		batch_free(b[i]);
	errno = saved;
	return err;
}

/* ---- when nothing else is to be done ---- */

static bool expiry_due(const struct writer *w)
{
	return w->wall_ms && (w->wall_ms - w->expired_ms >= EXPIRY_MS ||
			      w->wall_ms < w->expired_ms);
}

bool writer_full(const struct writer *w)
{
	return w->wal_pages >= WAL_FULL;
}

bool writer_busy(const struct writer *w)
{
	return w->wal_pages >= WAL_WORTH || expiry_due(w) ||
	       w->unindexed >= INDEX_WORTH || (w->wal_pages && !w->grown);
}

static void expire(struct writer *w)
{
	w->expired_ms = w->wall_ms;
	sqlite3_bind_int64(stmt(w, S_EXPIRE), 1, w->wall_ms);
	run(w, S_EXPIRE); /* failing, it is tried again in an hour */
}

/* What a search would have to look at row by row. Failing, the next start
 * tries again. */
static void add_to_index(struct writer *w)
{
	message_n upto = 0, last = 0;

	w->unindexed = 0;
	if (sqlite3_step(stmt(w, S_MARK)) == SQLITE_ROW) {
		upto = sqlite3_column_int64(stmt(w, S_MARK), 0);
		last = sqlite3_column_int64(stmt(w, S_MARK), 1);
	}
	sqlite3_reset(stmt(w, S_MARK));
	if (last - upto < INDEX_WORTH || run(w, S_BEGIN) != SQLITE_OK)
		return;
	last = last - upto > INDEX_STEP ? upto + INDEX_STEP : last;
	sqlite3_bind_int64(stmt(w, S_INDEX), 1, upto);
	sqlite3_bind_int64(stmt(w, S_INDEX), 2, last);
	sqlite3_bind_int64(stmt(w, S_MARK_SET), 1, last);
	if (run(w, S_INDEX) == SQLITE_OK && run(w, S_MARK_SET) == SQLITE_OK &&
	    run(w, S_COMMIT) == SQLITE_OK)
		w->unindexed = INDEX_WORTH; /* there may be more */
	rollback(w);
}

/* Zeros behind the last frame are no frames, so SQLite takes no notice; but
 * a commit that need not make the file longer is done in half the time. */
static void grow(struct writer *w)
{
	static const uint8_t zeros[32768];
	sqlite3_file *f = NULL;
	sqlite3_int64 at = 0;

	w->grown = true; /* if not, it is only slower */
	sqlite3_file_control(w->db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &f);
	if (!f || !f->pMethods || f->pMethods->xFileSize(f, &at) != SQLITE_OK)
		return;
	while (at < WAL_GROWN) {
		int n = (int)(WAL_GROWN - at);
		if (n > (int)sizeof(zeros))
			n = sizeof(zeros);
		if (f->pMethods->xWrite(f, zeros, n, at) != SQLITE_OK)
			return;
		at += n;
	}
	f->pMethods->xSync(f, SQLITE_SYNC_NORMAL);
}

bool writer_idle(struct writer *w)
{
	if (ready(w)) {
		w->unindexed = 0; /* whoever has something to write hears why */
		return false;
	}
	if (w->wal_pages && !w->grown) {
		grow(w);
	} else if (w->wal_pages >= WAL_WORTH) {
		crash_point("checkpoint.before");
		sqlite3_wal_checkpoint_v2(
		    w->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
		crash_point("checkpoint.after");
		/* Had a reader held it up, the next commit says so again. */
		w->wal_pages = 0;
	} else if (w->unindexed >= INDEX_WORTH) {
		add_to_index(w);
	} else if (expiry_due(w)) {
		expire(w);
	}
	return writer_busy(w);
}

enum err writer_probe(struct writer *w)
{
	char sql[96];
	enum err err = ready(w);

	if (err)
		return err;
	int rc = sqlite3_exec(w->db, "BEGIN IMMEDIATE", NULL, NULL, NULL);

	sqlite3_snprintf(sizeof(sql), sql,
			 "INSERT OR REPLACE INTO meta VALUES('probe', "
			 "zeroblob(%d)); COMMIT",
			 PROBE_BYTES);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(w->db, sql, NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(w->db, "DELETE FROM meta WHERE key = 'probe'",
				  NULL, NULL, NULL);
	err = sql_error(w->db, rc);
	int saved = errno;
	if (err)
		rollback(w);
	errno = saved;
	return err;
}
