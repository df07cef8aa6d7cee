#include "src/center_sqlite_file.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { VERSION = 1, APPLICATION = 0x736f7463 };

/* rev is never given twice, also when an account is removed and made again. */
static const char schema[] =
    "CREATE TABLE account(rev INTEGER PRIMARY KEY AUTOINCREMENT,"
    " user TEXT NOT NULL UNIQUE, record BLOB NOT NULL);"
    "CREATE TABLE mail(seq INTEGER PRIMARY KEY AUTOINCREMENT,"
    " box BLOB NOT NULL, eid BLOB NOT NULL, until_ms INTEGER NOT NULL,"
    " letter BLOB NOT NULL);"
    "CREATE UNIQUE INDEX mail_eid ON mail(box, eid);"
    "CREATE INDEX mail_box ON mail(box);" /* the row number is part of it */
    "CREATE TABLE box(box BLOB PRIMARY KEY, mails INTEGER NOT NULL,"
    " bytes INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TRIGGER mail_in AFTER INSERT ON mail BEGIN"
    " INSERT INTO box VALUES(new.box, 1, length(new.letter))"
    "  ON CONFLICT DO UPDATE SET mails = mails + 1,"
    "  bytes = bytes + length(new.letter);"
    "END;"
    "CREATE TRIGGER mail_out AFTER DELETE ON mail BEGIN"
    " UPDATE box SET mails = mails - 1, bytes = bytes - length(old.letter)"
    "  WHERE box = old.box;"
    " DELETE FROM box WHERE box = old.box AND mails = 0;"
    "END;"
    "CREATE TABLE prekey(id BLOB PRIMARY KEY, until_ms INTEGER NOT NULL,"
    " bundle BLOB NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX prekey_until ON prekey(until_ms);";

/* `fresh`: not told yet; told: the node that was told last. */
static const char live_schema[] =
    "ATTACH ':memory:' AS live;"
    "CREATE TABLE live.session(user TEXT PRIMARY KEY, token BLOB NOT NULL,"
    " node TEXT, old_node TEXT NOT NULL, until_ms INTEGER NOT NULL,"
    " fresh INTEGER NOT NULL, told TEXT) WITHOUT ROWID;"
    "CREATE INDEX live.session_fresh ON session(fresh) WHERE fresh;"
    "CREATE INDEX live.session_until ON session(until_ms)"
    " WHERE node IS NOT NULL;"
    "CREATE TABLE live.strike(who BLOB PRIMARY KEY, tries INTEGER NOT NULL,"
    " pens INTEGER NOT NULL, until_ms INTEGER NOT NULL,"
    " last_ms INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX live.strike_last ON strike(last_ms);";

static int version_of(sqlite3 *db, int *out)
{
	sqlite3_stmt *q = NULL;
	int rc = sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &q, NULL);

	if (rc == SQLITE_OK && (rc = sqlite3_step(q)) == SQLITE_ROW) {
		*out = sqlite3_column_int(q, 0);
		rc = SQLITE_OK;
	}
	sqlite3_finalize(q);
	return rc;
}

/* Two processes may come at once: the second one finds it made. */
static int make(sqlite3 *db)
{
	char sql[96];
	int version = 0;
	int rc = sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);

	if (rc == SQLITE_OK)
		rc = version_of(db, &version);
	if (rc == SQLITE_OK && !version) {
		snprintf(sql, sizeof sql,
			 "PRAGMA user_version = %d; PRAGMA application_id = %d",
			 VERSION, APPLICATION);
		rc = sqlite3_exec(db, schema, NULL, NULL, NULL);
		if (rc == SQLITE_OK)
			rc = sqlite3_exec(db, sql, NULL, NULL, NULL);
	}
	if (rc == SQLITE_OK)
		return sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
	sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
	return rc;
}

static enum err bring_up(sqlite3 *db, const char *path, char why[256])
{
	int version = 0;
	int rc = version_of(db, &version);

	if (rc == SQLITE_OK && version > VERSION) {
		snprintf(why, 256, "%.100s was written by a newer sotto", path);
		return ERR_STATE;
	}
	if (rc == SQLITE_OK && !version)
		rc = make(db);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(db, live_schema, NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(db, "PRAGMA wal_autocheckpoint = 1000", NULL,
				  NULL, NULL);
	if (rc == SQLITE_OK)
		return OK;
	snprintf(why, 256, "%.100s: %.100s", path, sqlite3_errmsg(db));
	return sql_error(db, rc);
}

/* For us alone from its first byte on; SQLite gives the files beside it the
 * same mode. */
static enum err make_private(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0)
		return ERR_SYS;
	close(fd);
	return OK;
}

enum err center_sqlite_file(const char *path, sqlite3 **out,
			    char why[static 256])
{
	sqlite3 *db = NULL;
	enum err err = make_private(path);

	if (!err)
		err = sql_open(path, SQL_WRITE, &db);
	if (err)
		snprintf(why, 256, "%.100s: %.100s", path, strerror(errno));
	else
		err = bring_up(db, path, why);
	if (!err) {
		*out = db;
		return OK;
	}
	int saved = errno;
	sqlite3_close(db);
	errno = saved;
	return err;
}
