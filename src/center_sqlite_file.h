#ifndef SOTTO_SRC_CENTER_SQLITE_FILE_H
#define SOTTO_SRC_CENTER_SQLITE_FILE_H
#include "src/center_impl.h"
#include "src/sql.h"
/* The file of a center, made (0600) when it is not there, and beside it "live",
 * a database in memory. Accounts, letters and prekeys are in the file, which
 * other processes may open as well; who is where and the wrong tries are in
 * memory: they end with the connections they are of. */
enum err center_sqlite_file(const char *path, sqlite3 **out,
			    char why[static 256]) MUST_USE;
#endif
