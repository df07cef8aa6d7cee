/* The store, read without a trace: no lock, no file made beside it. */
#include "src/clock.h"
#include "src/look.h"
#include "src/sql.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* Operations of SQLite's machine between two looks at the clock. */
enum { STEPS = 20000 };

struct looking {
	const char *path;
	struct look_store *out;
	sqlite3 *db;
	int64_t until_us; /* mono; INT64_MAX: no end */
};

static int late(void *user)
{
	const struct looking *l = user;

	return clock_mono_us() > l->until_us;
}

/* What a crash leaves in the log of the store is read with it; for that the
 * index beside it must be there, or it would have to be made. */
enum state { ALONE, LOGGED, UNFINISHED };

static enum state state_of(const char *path)
{
	struct buf wal = {0}, shm = {0};
	struct stat st;
	enum state s = ALONE;

	buf_printf(&wal, "%s-wal", path);
	buf_printf(&shm, "%s-shm", path);
	if (!stat((const char *)wal.p, &st) && st.st_size > 0)
		s = stat((const char *)shm.p, &st) ? UNFINISHED : LOGGED;
	buf_free(&wal);
	buf_free(&shm);
	return s;
}

static void put_path(struct buf *uri, const char *path)
{
	for (; *path; path++)
		if (strchr("%?#", *path))
			buf_printf(uri, "%%%02X", (unsigned)*path);
		else
			buf_printf(uri, "%c", *path);
}

static int open_it(struct looking *l, enum state s)
{
	struct buf uri = {0};
	int rc;

	buf_printf(&uri, "file:");
	put_path(&uri, l->path);
	buf_printf(&uri, s == ALONE ? "?immutable=1" : "?readonly_shm=1");
	rc = sqlite3_open_v2(
	    (const char *)uri.p, &l->db,
	    SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX, NULL);
	buf_free(&uri);
	if (rc != SQLITE_OK)
		return rc;
	sqlite3_extended_result_codes(l->db, 1);
	sqlite3_progress_handler(l->db, STEPS, late, l);
	return sqlite3_busy_timeout(l->db, 1000);
}

/* ---- questions ---- */

/* The first column of the first row; 0 when there is none. */
static int number(struct looking *l, const char *sql, int64_t *out)
{
	sqlite3_stmt *s = NULL;
	int rc = sqlite3_prepare_v2(l->db, sql, -1, &s, NULL);

	*out = 0;
	if (rc == SQLITE_OK)
		rc = sqlite3_step(s);
	if (rc == SQLITE_ROW)
		*out = sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int count(struct looking *l)
{
	struct look_store *o = l->out;
	int rc = number(l, "SELECT count(*) FROM message", &o->messages);

	if (rc == SQLITE_OK)
		rc = number(l, "SELECT count(*) FROM contact WHERE NOT hidden",
			    &o->contacts);
	if (rc == SQLITE_OK)
		rc = number(l, "SELECT count(*) FROM outbox", &o->waiting);
	if (rc == SQLITE_OK)
		rc = number(l,
			    "SELECT stored_ms FROM message ORDER BY n DESC "
			    "LIMIT 1",
			    &o->newest_ms);
	if (rc == SQLITE_OK && o->version > 1)
		rc = number(l,
			    "SELECT count(*) FROM message WHERE n > "
			    "(SELECT upto FROM indexed)",
			    &o->unindexed);
	return rc;
}

static void take_waits(sqlite3_stmt *s, struct look_waits *w)
{
	*w = (struct look_waits){0};
	sql_copy_text(s, 0, w->name, sizeof w->name);
	w->n = (unsigned)sqlite3_column_int(s, 1);
	w->tries = (unsigned)sqlite3_column_int(s, 2);
	w->changed = sqlite3_column_int(s, 3);
	w->blocked = sqlite3_column_int(s, 4);
	w->since_ms = sqlite3_column_int64(s, 5);
	sql_copy_text(s, 6, w->error, sizeof w->error);
}

/* Who has no name is named as one types it; a key is not. */
static int outbox(struct looking *l)
{
	static const char sql[] =
	    "SELECT coalesce(c.petname, c.nick,"
	    " CASE typeof(c.ident) WHEN 'text' THEN ltrim(c.ident, '?') END),"
	    " count(*), max(o.tries), max(c.changed OR coalesce(o.held, 0)),"
	    " c.blocked, min(m.stored_ms), max(m.error)"
	    " FROM outbox o JOIN message m ON m.n = o.n"
	    " JOIN contact c ON c.id = m.contact"
	    " GROUP BY c.id ORDER BY count(*) DESC, c.id LIMIT ?";
	struct look_store *o = l->out;
	sqlite3_stmt *s = NULL;
	int rc = sqlite3_prepare_v2(l->db, sql, -1, &s, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_bind_int(s, 1, LOOK_WAITS);
	while (rc == SQLITE_OK && sqlite3_step(s) == SQLITE_ROW &&
	       o->n_waits < LOOK_WAITS)
		take_waits(s, &o->waits[o->n_waits++]);
	sqlite3_finalize(s);
	return rc;
}

static int check(struct looking *l)
{
	struct look_store *o = l->out;
	sqlite3_stmt *s = NULL;
	int rc =
	    sqlite3_prepare_v2(l->db, "PRAGMA quick_check(1)", -1, &s, NULL);

	if (rc == SQLITE_OK && (rc = sqlite3_step(s)) == SQLITE_ROW) {
		sql_copy_text(s, 0, o->check, sizeof o->check);
		rc = SQLITE_OK;
	}
	sqlite3_finalize(s);
	o->checked = rc == SQLITE_OK;
	if (!strcmp(o->check, "ok"))
		o->check[0] = 0;
	return rc == SQLITE_INTERRUPT ? SQLITE_OK : rc;
}

/* Made, and killed before anything was in it. */
static bool empty(struct looking *l)
{
	int64_t pages = 0;

	return number(l, "PRAGMA page_count", &pages) == SQLITE_OK && !pages;
}

static int ask(struct looking *l)
{
	struct look_store *o = l->out;
	int64_t version = 0, application = 0;
	int rc = number(l, "PRAGMA user_version", &version);

	if (rc == SQLITE_OK)
		rc = number(l, "PRAGMA application_id", &application);
	o->version = (int)version;
	if (rc != SQLITE_OK || empty(l))
		return rc;
	o->foreign = application != STORE_APPLICATION;
	if (o->foreign || version < 1 || version > STORE_VERSION)
		return rc;
	rc = count(l);
	if (rc == SQLITE_OK)
		rc = outbox(l);
	o->counted = rc == SQLITE_OK;
	return rc == SQLITE_OK ? check(l) : rc;
}

/* ---- all of it ---- */

static enum err say(const struct looking *l, int rc, char why[static 256])
{
	int os = l->db ? sqlite3_system_errno(l->db) : 0;

	switch (rc & 0xff) {
	case SQLITE_OK:
	case SQLITE_INTERRUPT:
		return OK;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		snprintf(why, 256, "%s",
			 l->db ? sqlite3_errmsg(l->db) : sqlite3_errstr(rc));
		return ERR_PARSE;
	default:
		snprintf(why, 256, "%s",
			 os      ? strerror(os)
			 : l->db ? sqlite3_errmsg(l->db)
				 : sqlite3_errstr(rc));
		return ERR_SYS;
	}
}

static enum err look_once(struct looking *l, enum state s, char why[static 256])
{
	int known = l->out->version_known;

	*l->out = (struct look_store){.version_known = known};
	l->out->unfinished = s == UNFINISHED;
	if (s == UNFINISHED)
		return OK;

	int rc = open_it(l, s);

	if (rc == SQLITE_OK)
		rc = ask(l);
	enum err err = say(l, rc, why);
	sqlite3_close(l->db);
	l->db = NULL;
	return err;
}

/* An engine that starts while we read a file as if nobody else had it makes
 * that look damaged: then it is read again, as beside an engine. */
enum err look_store(const char *path, int64_t budget_us, struct look_store *out,
		    char why[static 256])
{
	struct looking l = {.path = path, .out = out, .until_us = INT64_MAX};
	struct stat st;

	*out = (struct look_store){.version_known = STORE_VERSION};
	why[0] = 0;
	if (stat(path, &st)) {
		snprintf(why, 256, "%s", strerror(errno));
		return errno == ENOENT ? ERR_ABSENT : ERR_SYS;
	}
	if (!S_ISREG(st.st_mode)) {
		snprintf(why, 256, "it is not a file");
		return ERR_SYS;
	}
	if (budget_us >= 0)
		l.until_us = clock_mono_us() + budget_us;

	enum state s = state_of(path);
	enum err err = look_once(&l, s, why);

	if (s == ALONE && (err || out->check[0]) && state_of(path) != ALONE)
		err = look_once(&l, state_of(path), why);
	return err;
}
