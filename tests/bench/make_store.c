/* A home with a long conversation in it, for bench_store and by hand.
 *
 *   make_store HOME COUNT   HOME/sotto.db, through the store for the schema
 *                           and two contacts, plain SQL for the rows: COUNT
 *                           messages with "deep", the index of a search
 *                           included, and 20 with "small". Nothing is done
 *                           when the file is there.
 *
 * The i-th text begins with #i in seven digits; the words are drawn from 2,000
 * made-up ones, by the same numbers every time.
 */
#include "proto/dialect.h"
#include "src/store.h"
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SMALL = 20, STEP_MS = 37000, SYLLABLES = 16 };
static const int64_t FIRST_MS = 1700000000000;

static _Noreturn void fail(const char *what, const char *why)
{
	fprintf(stderr, "make_store: %s: %s\n", what, why);
	exit(1);
}

static void add_contact(struct store *s, const char *nick, uint8_t key)
{
	struct contact_row c = {.shown.dialect = dialect_sotto.name,
				.shown.trust = TRUST_VERIFIED,
				.shown.via = VIA_TYPED,
				.shown.read_upto = INT32_MAX};

	memset(c.shown.key.b, key, sizeof c.shown.key.b);
	snprintf(c.shown.nick, sizeof c.shown.nick, "%s", nick);
	store_contact(s, &c);
}

static void make_schema(const char *path)
{
	struct now now = {.wall_us = FIRST_MS * 1000};
	struct store *s;
	struct writer *w;
	char why[128];

	if (store_open(path, &s, why))
		fail(path, why);
	add_contact(s, "deep", 1);
	add_contact(s, "small", 2);
	store_flush(s);

	struct batch *b = store_batch(s, &now);

	if (writer_open(path, &w) || writer_commit(w, &b, 1))
		fail(path, "cannot be written");
	writer_close(w);
	store_close(s);
}

/* Two or three syllables; word k is the same in every run. */
static void put_word(char *out, unsigned k)
{
	static const char syllable[SYLLABLES][4] = {
	    "ba", "ki", "lo",  "mun", "re",  "sa", "tol", "ne",
	    "wi", "du", "gar", "po",  "vel", "hi", "sun", "jo"};

	strcat(out, syllable[k % SYLLABLES]);
	strcat(out, syllable[k / SYLLABLES % SYLLABLES]);
	if (k >= SYLLABLES * SYLLABLES)
		strcat(out, syllable[k / SYLLABLES / SYLLABLES % SYLLABLES]);
}

static uint32_t next_random(uint32_t *r)
{
	*r = *r * 1664525 + 1013904223;
	return *r >> 8;
}

static void make_text(char out[static 128], unsigned i)
{
	uint32_t r = i * 2654435761u + 1;
	unsigned n = 2 + next_random(&r) % 3;

	snprintf(out, 128, "#%07u", i);
	for (unsigned k = 0; k < n; k++) {
		/* some words are said often */
		uint32_t a = next_random(&r) % 2000, b = next_random(&r) % 2000;

		strcat(out, " ");
		put_word(out, a < b ? a : b);
	}
}

static sqlite3_stmt *prepare(sqlite3 *db, const char *text)
{
	sqlite3_stmt *s = NULL;

	if (sqlite3_prepare_v2(db, text, -1, &s, NULL) != SQLITE_OK)
		fail(text, sqlite3_errmsg(db));
	return s;
}

static void step(sqlite3 *db, sqlite3_stmt *s)
{
	if (sqlite3_step(s) != SQLITE_DONE)
		fail("row", sqlite3_errmsg(db));
	sqlite3_reset(s);
}

static void run(sqlite3 *db, const char *text)
{
	if (sqlite3_exec(db, text, NULL, NULL, NULL) != SQLITE_OK)
		fail(text, sqlite3_errmsg(db));
}

/* i from 0; contact 1 is deep, 2 is small. */
static void add_message(sqlite3 *db, sqlite3_stmt *s, unsigned n, int contact)
{
	char text[128], stamp[40];
	uint8_t id[16] = {0};
	int64_t ms = FIRST_MS + (int64_t)n * STEP_MS;
	bool incoming = n % 3 != 0;

	make_text(text, n);
	for (int k = 0; k < 6; k++)
		id[k] = (uint8_t)(ms >> (40 - 8 * k));
	id[6] = 0x70;
	id[8] = 0x80;
	memcpy(id + 12, &n, sizeof n);
	snprintf(stamp, sizeof stamp, "2026-11-20T14:02:03.%03uZ", n % 1000);
	sqlite3_bind_int64(s, 1, n + 1);
	sqlite3_bind_int(s, 2, contact);
	sqlite3_bind_int(s, 3, incoming);
	sqlite3_bind_blob(s, 4, id, sizeof id, SQLITE_STATIC);
	sqlite3_bind_int64(s, 5, n + 1);
	sqlite3_bind_text(s, 6, stamp, -1, SQLITE_STATIC);
	sqlite3_bind_int64(s, 7, ms);
	sqlite3_bind_int(s, 8, incoming ? D_RECEIVED : D_DELIVERED);
	sqlite3_bind_int64(s, 9, incoming ? 0 : ms + 2);
	sqlite3_bind_text(s, 10, text, -1, SQLITE_STATIC);
	step(db, s);
}

static void make_rows(sqlite3 *db, unsigned count)
{
	sqlite3_stmt *s = prepare(
	    db, "INSERT INTO message(n, contact, incoming, id, dedupe, epoch,"
		" seq, stamp, sent_ms, stored_ms, state, acked_ms, from_ip,"
		" from_port, to_ip, to_port, secure, text)"
		" VALUES(?1, ?2, ?3, ?4, ?4, x'0707070707070707', ?5, ?6, ?7,"
		" ?7, ?8, ?9, x'7f000001', 5000, x'7f000001', 5001, 1, ?10)");

	for (unsigned n = 0; n < count; n++)
		add_message(db, s, n, 1);
	for (unsigned n = count; n < count + SMALL; n++)
		add_message(db, s, n, 2);
	sqlite3_finalize(s);
}

static void fill(const char *path, unsigned count)
{
	sqlite3 *db;

	if (sqlite3_open(path, &db) != SQLITE_OK)
		fail(path, sqlite3_errmsg(db));
	run(db, "PRAGMA synchronous = OFF; PRAGMA cache_size = -200000; BEGIN");
	make_rows(db, count);
	run(db, "INSERT INTO found(rowid, text) SELECT n, text FROM message;"
		"INSERT INTO found(found) VALUES('optimize');"
		"UPDATE indexed SET upto = (SELECT max(n) FROM message);"
		"COMMIT; PRAGMA wal_checkpoint(TRUNCATE)");
	sqlite3_close(db);
}

int main(int argc, char **argv)
{
	char path[1000], made[1010];

	if (argc != 3)
		fail("usage", "make_store HOME COUNT");
	mkdir(argv[1], 0700);
	snprintf(path, sizeof path, "%s/sotto.db", argv[1]);
	if (!utimensat(AT_FDCWD, path, NULL, 0)) /* seen by the builder */
		return 0;
	snprintf(made, sizeof made, "%s.new", path);
	unlink(made);
	make_schema(made);
	fill(made, (unsigned)atoi(argv[2]));
	return rename(made, path) ? 1 : 0;
}
