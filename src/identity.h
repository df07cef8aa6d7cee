#ifndef SOTTO_SRC_IDENTITY_H
#define SOTTO_SRC_IDENTITY_H
#include "proto/seal.h"
/* One identity, one engine: the seed's file (0600), made at first use, and the
 * lock that is held while we live (flock; the kernel lets go of it). */
struct identity {
	struct keys *keys;
	bool made; /* just now: the first run */
	int lock_fd;
};
/* ERR_EXISTS: somebody holds it, *pid and tty say who. ERR_PARSE: the file is
 * damaged; it is left as it is. `why` says it in one line. */
enum err identity_open(struct identity *id, const char *identity_path,
		       const char *lock_path, char why[static 256]) MUST_USE;
void identity_close(struct identity *id);
/* Who holds the lock, as it wrote into it; "" and 0 when nobody can tell. */
void identity_holder(const char *lock_path, long *pid, char tty[static 64]);
#endif
