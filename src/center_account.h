#ifndef SOTTO_SRC_CENTER_ACCOUNT_H
#define SOTTO_SRC_CENTER_ACCOUNT_H
#include "src/center_backend.h"
#include "src/center_password.h"
/* What is done with the accounts of a message center by whoever runs it. All of
 * it hashes passwords or waits for the backend: not for the network thread.
 * Errors are the backend's, and those below; ERR_SYS may be no memory. */
enum {
	INVITE_CODE = 24, /* "ABCDE-FGHJK-MNPQR-STUVW", NUL */
	INVITE_DAYS = 7,
	IMPORT_LINES = 10000, /* of credentials.txt */
	IMPORT_BYTES = 1 << 20,
	IMPORT_SAID = 32, /* lines that are complained of */
};

/* password of 0 bytes: none, until invited. ERR_EXISTS: the name is taken;
 * ERR_LIMIT: it is no name, or no password. */
enum err account_add(struct center_backend *b, const char *user,
		     struct bytes password, const struct now *now) MUST_USE;
/* ERR_ABSENT: nobody of that name. */
enum err account_password(struct center_backend *b, const char *user,
			  struct bytes password) MUST_USE;
/* Letters stay in its box until they are too old. */
enum err account_remove(struct center_backend *b, const char *user) MUST_USE;
/* A code that logs in once instead of a password, within INVITE_DAYS; the one
 * before it is good no more. Makes the account when there is none; one that
 * exists keeps its password and its keys. */
enum err account_invite(struct center_backend *b, const char *user,
			const struct now *now,
			char code[static INVITE_CODE]) MUST_USE;

/* Whether that is the code, and its time is not over. After a good one bind a
 * key, set invite_ms to 0 and acct_put: who is first has it. Of a password that
 * is no code it costs a microsecond; ask after password_right, so that it does
 * not tell who was invited. */
bool account_invited(const struct center_acct *a, struct bytes code,
		     int64_t now_ms);

/* Document 002's credentials.txt: a name, a blank, a password a line. Who is
 * there already stays as it is, also with another password. Lines that are
 * wrong are said ("credentials.txt:7: ...", a line each, harmless, without the
 * password) and left out. */
struct import {
	unsigned added, known, wrong;
	struct buf said;
	bool shared; /* others than its owner can read it */

	/* its own */
	char name[64];   /* of the file, without its folder */
	struct buf file; /* wiped at the end */
	size_t at;
	unsigned line;
};
/* ERR_ABSENT: no such file; ERR_LIMIT: too large, nothing was done; ERR_SYS.
 * import_close in any case. */
enum err import_open(struct import *i, const char *path) MUST_USE;
/* A line; of somebody new it takes 30 ms. *more: there is another one. On an
 * error of the backend call it again: it is at the same line. */
enum err import_next(struct import *i, struct center_backend *b,
		     const struct now *now, bool *more) MUST_USE;
void import_close(struct import *i);
#endif
