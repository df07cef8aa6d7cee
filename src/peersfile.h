#ifndef SOTTO_SRC_PEERSFILE_H
#define SOTTO_SRC_PEERSFILE_H
#include "src/core.h"
/* peers.txt, document 004: "ipcím:port" a line, # comments, any PEER with an
 * address. Read at start; never written. At most 4,096 lines are
 * read. A missing file is an empty one. */
struct peersfile {
	struct hint *hint; /* owned */
	size_t n;
	char **warning; /* owned: "peers.txt:7: no port in ..." */
	size_t n_warnings;
};
enum err peersfile_read(struct peersfile *p, const char *path) MUST_USE;
void peersfile_free(struct peersfile *p);
#endif
