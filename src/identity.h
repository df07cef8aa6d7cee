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
/* Whether the seed's file is as it must be, without the lock and without
 * making one: ERR_ABSENT. id: as seal_peer_id writes it. */
enum err identity_look(const char *identity_path, char id[static 33],
		       char why[static 256]) MUST_USE;
/* Who holds the lock, as it wrote into it; "" and 0 when nobody can tell. */
void identity_holder(const char *lock_path, long *pid, char tty[static 64]);

/* Our RSA key for one way of sealing single texts (SEAL_OAEP, SEAL_RAW), in
 * PEM for keys_add: read from rsa-binary.pem or rsa-nul.pem beside the identity
 * or, the first time, made and kept there (0600, all of it or nothing).
 * Peers remember it and some never ask again, so it is made once.
 *
 * Blocks for a disk, and up to half a second to make a key: for a worker. Any
 * thread, one call at a time for each way, while the identity is open. *pem is
 * a secret: secret_wipe and buf_free are the caller's; empty on errors.
 * ERR_STATE: no such key in this build. ERR_PARSE: the file is damaged,
 * ERR_AUTH: others may read it; it is left as it is. `why` says it in one
 * line. */
enum err identity_rsa(const char *identity_path, enum seal how, struct buf *pem,
		      char why[static 256]) MUST_USE;
#endif
