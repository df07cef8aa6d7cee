#include "src/sql.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BUSY_MS = 5000 };

/* One text a version; the n-th brings a file from version n to n + 1. The
 * numbers of `state` are those of enum delivery, 7 is D_REQUEST. */
static const char *const migration[STORE_VERSION] = {
    "CREATE TABLE contact(id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " dialect TEXT NOT NULL, ident BLOB NOT NULL, key_changed BLOB,"
    " trust INTEGER NOT NULL, blocked INTEGER NOT NULL,"
    " changed INTEGER NOT NULL, hidden INTEGER NOT NULL,"
    " via INTEGER NOT NULL, nick TEXT, petname TEXT,"
    " pinned_ms INTEGER, first_ms INTEGER, seen_ms INTEGER,"
    " out_epoch BLOB, out_seq INTEGER, in_epoch BLOB, in_seq INTEGER,"
    " in_ahead BLOB," /* pairs of integers, big-endian: struct range */
    " read_upto INTEGER, UNIQUE(dialect, ident));"
    "CREATE TABLE address("
    " contact INTEGER NOT NULL REFERENCES contact(id)"
    "  DEFERRABLE INITIALLY DEFERRED,"
    " host TEXT NOT NULL, port INTEGER NOT NULL, via INTEGER NOT NULL,"
    " ok_ms INTEGER, fail_ms INTEGER, fails INTEGER, self INTEGER,"
    " PRIMARY KEY(contact, host, port)) WITHOUT ROWID;"
    /* Not AUTOINCREMENT, which costs a page a commit: the store gives out n,
     * and writes the last one into meta when it deletes rows. */
    "CREATE TABLE message(n INTEGER PRIMARY KEY,"
    " contact INTEGER NOT NULL REFERENCES contact(id)"
    "  DEFERRABLE INITIALLY DEFERRED,"
    " incoming INTEGER NOT NULL, id BLOB NOT NULL, dedupe BLOB,"
    " epoch BLOB, seq INTEGER, stamp TEXT, sent_ms INTEGER,"
    " stored_ms INTEGER, state INTEGER NOT NULL, acked_ms INTEGER,"
    " ack_stamp TEXT, rtt_us INTEGER, error TEXT, answers BLOB,"
    " quote TEXT, quote_stamp TEXT, from_ip BLOB, from_port INTEGER,"
    " to_ip BLOB, to_port INTEGER, secure INTEGER NOT NULL, text TEXT);"
    /* The row number is part of every index: this is (contact, n). */
    "CREATE INDEX message_contact ON message(contact);"
    "CREATE UNIQUE INDEX message_dedupe ON message(contact, incoming, dedupe)"
    " WHERE dedupe IS NOT NULL;"
    /* What the index above does not find: in sotto, dedupe is the id. */
    "CREATE INDEX message_id ON message(contact, id)"
    " WHERE dedupe IS NOT id;"
    "CREATE INDEX message_request ON message(contact) WHERE state = 7;"
    "CREATE TABLE outbox(n INTEGER PRIMARY KEY"
    "  REFERENCES message(n) ON DELETE CASCADE,"
    " tries INTEGER, next_ms INTEGER, expire_ms INTEGER, held INTEGER);"
    "CREATE TABLE tombstone(contact INTEGER NOT NULL, dedupe BLOB NOT NULL,"
    " until_ms INTEGER NOT NULL, PRIMARY KEY(contact, dedupe))"
    " WITHOUT ROWID;"
    "CREATE TABLE draft(contact INTEGER PRIMARY KEY"
    "  REFERENCES contact(id) ON DELETE CASCADE"
    "  DEFERRABLE INITIALLY DEFERRED,"
    " text TEXT NOT NULL, cursor INTEGER NOT NULL, answers BLOB);"
    "CREATE TABLE meta(key TEXT PRIMARY KEY, value BLOB NOT NULL)"
    " WITHOUT ROWID;",
    /* Of texts as text_fold makes them; filled when nothing else is to be
     * done, so there is a mark up to which it is. It holds no copy of them. */
    "CREATE VIRTUAL TABLE found USING fts5(text, content = '',"
    " tokenize = 'trigram');"
    "CREATE TABLE indexed(upto INTEGER NOT NULL);"
    "INSERT INTO indexed VALUES(0);",
};

/* ---- errors ---- */

/* RLIMIT_FSIZE and quotas look like a broken disk to SQLite. */
static bool no_room(int os)
{
	return os == ENOSPC || os == EDQUOT || os == EFBIG;
}

enum err sql_error(sqlite3 *db, int rc)
{
	if (rc == SQLITE_OK || rc == SQLITE_DONE || rc == SQLITE_ROW)
		return OK;
	/* SQLite does not always keep what the system said. */
	int os = sqlite3_system_errno(db) ? sqlite3_system_errno(db) : errno;
	switch (rc & 0xff) {
	case SQLITE_FULL:
		errno = ENOSPC;
		return ERR_FULL;
	case SQLITE_IOERR:
		errno = os ? os : EIO;
		return no_room(os) ? ERR_FULL : ERR_SYS;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		errno = EBUSY;
		return ERR_SYS;
	case SQLITE_READONLY:
	case SQLITE_CANTOPEN:
		errno = os ? os : EACCES;
		return no_room(os) ? ERR_FULL : ERR_SYS;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		errno = EBADMSG;
		return ERR_SYS;
	default:
		errno = EIO;
		return ERR_SYS;
	}
}

/* The same for a person, of a file that cannot be opened. */
static enum err open_error(sqlite3 *db, int rc, const char *path, char why[128])
{
	enum err err = sql_error(db, rc);
	int saved = errno;

	switch (rc & 0xff) {
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		snprintf(why, 128, "the store is damaged (%.60s): move it away",
			 path);
		err = ERR_PARSE;
		break;
	case SQLITE_BUSY:
		snprintf(why, 128, "the store is in use (%.80s)", path);
		break;
	case SQLITE_FULL:
		snprintf(why, 128, "no room for the store (%.80s)", path);
		break;
	default:
		snprintf(why, 128, "%.60s: %.60s", path,
			 saved && (rc & 0xff) != SQLITE_ERROR
			     ? strerror(saved)
			     : sqlite3_errmsg(db));
		break;
	}
	errno = saved;
	return err;
}

/* ---- opening ---- */

static int set_pragmas(sqlite3 *db, enum sql_use use)
{
	int rc = sqlite3_busy_timeout(db, BUSY_MS);

	if (rc == SQLITE_OK && use == SQL_WRITE)
		/* Checkpoints are made when nothing else is to be done. */
		rc = sqlite3_exec(db,
				  "PRAGMA journal_mode = WAL;"
				  "PRAGMA synchronous = FULL;"
				  "PRAGMA foreign_keys = ON;"
				  "PRAGMA wal_autocheckpoint = 0;"
				  "PRAGMA journal_size_limit = 8388608",
				  NULL, NULL, NULL);
	return rc;
}

static int open_rc(const char *path, enum sql_use use, sqlite3 **db)
{
	int how = use == SQL_WRITE ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
				   : SQLITE_OPEN_READONLY;
	int rc = sqlite3_open_v2(path, db, how | SQLITE_OPEN_NOMUTEX, NULL);

	if (rc != SQLITE_OK)
		return rc;
	sqlite3_extended_result_codes(*db, 1);
	return set_pragmas(*db, use);
}

enum err sql_open(const char *path, enum sql_use use, sqlite3 **out)
{
	sqlite3 *db = NULL;
	int rc = open_rc(path, use, &db);

	if (rc == SQLITE_OK) {
		*out = db;
		return OK;
	}
	enum err err = sql_error(db, rc);
	int saved = errno;
	sqlite3_close(db);
	errno = saved;
	return err;
}

/* Where WAL cannot be had (some network file systems) SQLite goes on without;
 * then readers and the writer would wait for each other. */
static bool in_wal_mode(sqlite3 *db)
{
	sqlite3_stmt *s = NULL;
	bool yes = false;

	if (sqlite3_prepare_v2(db, "PRAGMA journal_mode", -1, &s, NULL) ==
		SQLITE_OK &&
	    sqlite3_step(s) == SQLITE_ROW)
		yes = sqlite3_stricmp((const char *)sqlite3_column_text(s, 0),
				      "wal") == 0;
	sqlite3_finalize(s);
	return yes;
}

static int get_number(sqlite3 *db, const char *sql, int *out)
{
	sqlite3_stmt *s = NULL;
	int rc = sqlite3_prepare_v2(db, sql, -1, &s, NULL);

	if (rc == SQLITE_OK && (rc = sqlite3_step(s)) == SQLITE_ROW) {
		*out = sqlite3_column_int(s, 0);
		rc = SQLITE_OK;
	}
	sqlite3_finalize(s);
	return rc;
}

static int migrate(sqlite3 *db, int version)
{
	int rc = sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);

	for (; rc == SQLITE_OK && version < STORE_VERSION; version++)
		rc = sqlite3_exec(db, migration[version], NULL, NULL, NULL);
	if (rc == SQLITE_OK) {
		char sql[96];
		snprintf(sql, sizeof(sql),
			 "PRAGMA user_version = %d; PRAGMA application_id = %d;"
			 "COMMIT",
			 STORE_VERSION, STORE_APPLICATION);
		rc = sqlite3_exec(db, sql, NULL, NULL, NULL);
	}
	return rc;
}

static enum err bring_up(sqlite3 *db, const char *path, char why[128])
{
	int version = 0;
	int rc = get_number(db, "PRAGMA user_version", &version);

	if (rc == SQLITE_OK && version > STORE_VERSION) {
		snprintf(why, 128,
			 "%.40s was written by a newer sotto (version %d; this "
			 "one knows %d)",
			 path, version, STORE_VERSION);
		return ERR_STATE;
	}
	if (rc == SQLITE_OK && !in_wal_mode(db)) {
		snprintf(why, 128,
			 "no store can be kept on the file system of "
			 "%.60s",
			 path);
		errno = ENOTSUP;
		return ERR_SYS;
	}
	if (rc == SQLITE_OK && version < STORE_VERSION)
		rc = migrate(db, version < 0 ? 0 : version);
	return rc == SQLITE_OK ? OK : open_error(db, rc, path, why);
}

/* Only for us, from its first byte on; SQLite gives the files beside it the
 * same mode. */
static enum err make_private(const char *path, char why[128])
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd >= 0) {
		close(fd);
		return OK;
	}
	int saved = errno;
	snprintf(why, 128, "%.60s: %.60s", path, strerror(saved));
	errno = saved;
	return ERR_SYS;
}

enum err sql_open_file(const char *path, sqlite3 **out, char why[static 128])
{
	sqlite3 *db = NULL;
	enum err err = make_private(path, why);

	if (err)
		return err;
	int rc = open_rc(path, SQL_WRITE, &db);
	if (rc == SQLITE_OK)
		err = bring_up(db, path, why);
	else
		err = open_error(db, rc, path, why);
	if (!err) {
		rc = sqlite3_exec(db, "PRAGMA query_only = ON", NULL, NULL,
				  NULL);
		err = rc ? open_error(db, rc, path, why) : OK;
	}
	if (!err) {
		*out = db;
		return OK;
	}
	int saved = errno;
	sqlite3_close(db);
	errno = saved;
	return err;
}

sqlite3_stmt *sql_stmt(sqlite3 *db, const char *text, sqlite3_stmt **kept)
{
	if (!*kept)
		sqlite3_prepare_v3(db, text, -1, SQLITE_PREPARE_PERSISTENT,
				   kept, NULL);
	return *kept;
}

void sql_finalize(sqlite3_stmt **stmt, size_t n)
{
	for (size_t i = 0; i < n; i++)
		sqlite3_finalize(stmt[i]);
}

/* ---- searching ---- */

static void fold(sqlite3_context *ctx, int n, sqlite3_value **v)
{
	struct bytes s = {sqlite3_value_text(v[0]),
			  (size_t)sqlite3_value_bytes(v[0])};
	struct buf b = {0};

	(void)n;
	if (s.p)
		text_fold(&b, s);
	sqlite3_result_text(ctx, b.n ? (const char *)b.p : "", (int)b.n,
			    SQLITE_TRANSIENT);
	buf_free(&b);
}

enum err sql_fold(sqlite3 *db)
{
	int how = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS;

	return sql_error(db, sqlite3_create_function(db, "fold", 1, how, NULL,
						     fold, NULL, NULL));
}

char **sql_words(const char *text)
{
	struct buf b = {0};
	size_t n = 0, head = (SEARCH_WORDS + 1) * sizeof(char *);

	text_fold(&b, (struct bytes){(const uint8_t *)text, strlen(text)});
	buf_put(&b, (struct bytes){(const uint8_t *)"", 1});
	char **word = xmalloc(head + b.n);
	char *at = (char *)word + head, *rest;
	memcpy(at, b.p, b.n);
	for (char *w = strtok_r(at, " \t\n", &rest); w && n < SEARCH_WORDS;
	     w = strtok_r(NULL, " \t\n", &rest))
		word[n++] = w;
	word[n] = NULL;
	buf_free(&b);
	return word;
}

/* ---- values ---- */

void sql_bind_bytes(sqlite3_stmt *s, int i, struct bytes v)
{
	if (v.n)
		sqlite3_bind_blob(s, i, v.p, (int)v.n, SQLITE_STATIC);
	else
		sqlite3_bind_null(s, i);
}

void sql_bind_text(sqlite3_stmt *s, int i, struct bytes v)
{
	if (v.n)
		sqlite3_bind_text(s, i, (const char *)v.p, (int)v.n,
				  SQLITE_STATIC);
	else
		sqlite3_bind_null(s, i);
}

void sql_bind_some(sqlite3_stmt *s, int i, int64_t v)
{
	if (v)
		sqlite3_bind_int64(s, i, v);
	else
		sqlite3_bind_null(s, i);
}

struct bytes sql_bytes(sqlite3_stmt *s, int i)
{
	const uint8_t *p = sqlite3_column_blob(s, i);

	return (struct bytes){p, (size_t)sqlite3_column_bytes(s, i)};
}

void sql_copy_text(sqlite3_stmt *s, int i, char *out, size_t size)
{
	struct bytes v = sql_bytes(s, i);
	size_t n = v.n < size ? v.n : size - 1;

	if (n)
		memcpy(out, v.p, n);
	out[n] = 0;
}

void sql_copy_bytes(sqlite3_stmt *s, int i, uint8_t *out, size_t size)
{
	struct bytes v = sql_bytes(s, i);

	memset(out, 0, size);
	if (v.n)
		memcpy(out, v.p, v.n < size ? v.n : size);
}

/* ---- a message ---- */

static char *get_text(sqlite3_stmt *s, int i)
{
	if (sqlite3_column_type(s, i) == SQLITE_NULL)
		return NULL;
	return xstrndup(sql_bytes(s, i));
}

static struct addr get_addr(sqlite3_stmt *s, int i)
{
	static const uint8_t v4[12] = {[10] = 0xff, [11] = 0xff};
	struct bytes ip = sql_bytes(s, i);
	struct addr a = {.port = (uint16_t)sqlite3_column_int(s, i + 1)};

	if (ip.n == 16)
		memcpy(a.ip, ip.p, 16);
	if (ip.n == 4) {
		memcpy(a.ip, v4, 12);
		memcpy(a.ip + 12, ip.p, 4);
	}
	return a;
}

static void get_head(sqlite3_stmt *s, struct message *m)
{
	m->n = sqlite3_column_int64(s, 0);
	m->with = sqlite3_column_int64(s, 1);
	m->incoming = sqlite3_column_int(s, 2);
	sql_copy_bytes(s, 3, m->id.b, sizeof(m->id.b));
	sql_copy_bytes(s, 4, m->dedupe, sizeof(m->dedupe));
	m->n_dedupe = sql_bytes(s, 4).n;
	if (m->n_dedupe > sizeof(m->dedupe))
		m->n_dedupe = sizeof(m->dedupe);
	sql_copy_bytes(s, 5, m->epoch, sizeof(m->epoch));
	m->seq = (uint64_t)sqlite3_column_int64(s, 6);
	sql_copy_text(s, 7, m->stamp, sizeof(m->stamp));
	m->sent_ms = sqlite3_column_int64(s, 8);
	m->stored_ms = sqlite3_column_int64(s, 9);
	m->delivery = (enum delivery)sqlite3_column_int(s, 10);
	m->acked_ms = sqlite3_column_int64(s, 11);
	sql_copy_text(s, 12, m->ack_stamp, sizeof(m->ack_stamp));
	m->rtt_us = sqlite3_column_int64(s, 13);
}

struct message *sql_message(sqlite3_stmt *s)
{
	struct message *m = xmalloc(sizeof(*m));

	*m = (struct message){0};
	get_head(s, m);
	m->error = get_text(s, 14);
	sql_copy_bytes(s, 15, m->answers.b, sizeof(m->answers.b));
	m->quote = get_text(s, 16);
	sql_copy_text(s, 17, m->quote_stamp, sizeof(m->quote_stamp));
	m->from = get_addr(s, 18);
	m->to = get_addr(s, 20);
	m->secure = sqlite3_column_int(s, 22);
	m->text = get_text(s, 23);
	if (!m->text)
		m->text = xstrndup((struct bytes){0});
	m->tries = (unsigned)sqlite3_column_int64(s, 24);
	m->next_ms = sqlite3_column_int64(s, 25);
	m->expire_ms = sqlite3_column_int64(s, 26);
	m->held = sqlite3_column_int(s, 27);
	return m;
}
