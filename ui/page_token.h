#ifndef SOTTO_UI_PAGE_TOKEN_H
#define SOTTO_UI_PAGE_TOKEN_H
#include "proto/base.h"
/* Secrets that let a browser in. On disk stands only what they hash to, in a
 * file for its owner alone, each with the time it ends; any process of ours
 * may change the file, one at a time. */
enum {
	TOKEN_TEXT = 44,  /* 43 characters of base64url: 256 bits; NUL */
	TOKENS_KEPT = 16, /* the oldest goes first */
};
void token_make(char out[static TOKEN_TEXT]);
/* Adds a token that is good until then (Unix, seconds). ERR_SYS: errno. */
enum err token_keep(const char *path, const char *token,
		    int64_t until_s) MUST_USE;
/* Is it in there, at now_s? With `take` it is good only this once: false, too,
 * when it could not be taken out. */
bool token_good(const char *path, struct bytes token, int64_t now_s, bool take);
#endif
