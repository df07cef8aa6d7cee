#ifndef SOTTO_SRC_SQL_H
#define SOTTO_SRC_SQL_H
#include "src/event.h"
#include <sqlite3.h>
/* What store, writer and reader share of SQLite: opening, the schema, columns
 * of a message. Nobody else includes this. */
enum { STORE_VERSION = 2, STORE_APPLICATION = 0x736f7474 };

/* Makes the file (0600) or brings it to STORE_VERSION. What it gives back
 * changes nothing from then on: for reading. */
enum err sql_open_file(const char *path, sqlite3 **out,
		       char why[static 128]) MUST_USE;
enum sql_use { SQL_WRITE, SQL_READ };
enum err sql_open(const char *path, enum sql_use use, sqlite3 **out) MUST_USE;
/* OK, ERR_FULL or ERR_SYS with errno, from what the last call returned. */
enum err sql_error(sqlite3 *db, int rc) MUST_USE;
/* One that is kept, prepared when it is first wanted: a start needs few. NULL
 * when it cannot be; then stepping it is an error like any other. */
sqlite3_stmt *sql_stmt(sqlite3 *db, const char *text, sqlite3_stmt **kept);
void sql_finalize(sqlite3_stmt **stmt, size_t n);

/* The words of a search, folded: NULL-ended, one block, freed by free. At most
 * SEARCH_WORDS; more are left out. */
enum { SEARCH_WORDS = 8 };
char **sql_words(const char *text);
/* Gives SQL on this connection fold(text), as text_fold. */
enum err sql_fold(sqlite3 *db) MUST_USE;

/* Zero and empty are NULL. Borrows what it binds. */
void sql_bind_bytes(sqlite3_stmt *s, int i, struct bytes v);
void sql_bind_text(sqlite3_stmt *s, int i, struct bytes v);
void sql_bind_some(sqlite3_stmt *s, int i, int64_t v); /* 0 is NULL */
struct bytes sql_bytes(sqlite3_stmt *s, int i);
/* Copies at most size - 1 bytes and a NUL. */
void sql_copy_text(sqlite3_stmt *s, int i, char *out, size_t size);
void sql_copy_bytes(sqlite3_stmt *s, int i, uint8_t *out, size_t size);

/* The columns of a message as sql_message reads them, from message m LEFT
 * JOIN outbox o. */
#define SQL_MESSAGE_COLUMNS                                                    \
	"m.n, m.contact, m.incoming, m.id, m.dedupe, m.epoch, m.seq, "         \
	"m.stamp, "                                                            \
	"m.sent_ms, m.stored_ms, m.state, m.acked_ms, m.ack_stamp, m.rtt_us, " \
	"m.error, m.answers, m.quote, m.quote_stamp, m.from_ip, m.from_port, " \
	"m.to_ip, m.to_port, m.secure, m.text, o.tries, o.next_ms, "           \
	"o.expire_ms, o.held"
struct message *sql_message(sqlite3_stmt *row);
#endif
