#ifndef SOTTO_SRC_CENTER_PASSWORD_H
#define SOTTO_SRC_CENTER_PASSWORD_H
#include "proto/base.h"
/* Passwords of accounts, as Argon2id keeps them (libsodium's pwhash string, 2
 * passes over 19 MiB). Each call takes some 30 ms and 19 MiB: not for the
 * network thread. No state; any thread. */
enum { PASSWORD_HASH = 128, PASSWORD_MAX = 512 };

/* ERR_LIMIT: empty, or longer than PASSWORD_MAX bytes; ERR_SYS: no memory. */
enum err password_hash(struct bytes password,
		       char out[static PASSWORD_HASH]) MUST_USE;
/* hash NULL or "": nobody has it; it takes as long to say so. So does one that
 * asks for far more work than ours do. */
bool password_right(const char *hash, struct bytes password);
#endif
