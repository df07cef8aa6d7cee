#include "proto/seal.h"

/* In the place of seal_rsa.c where the program is built without libcrypto. */

bool seal_built(enum seal how)
{
	return how == SEAL_NONE || how == SEAL_NOISE;
}

enum err seal_make(enum seal how, struct buf *pem)
{
	(void)how;
	(void)pem;
	return ERR_STATE;
}

enum err keys_add(struct keys *k, enum seal how, struct bytes pem)
{
	(void)k;
	(void)how;
	(void)pem;
	return ERR_STATE;
}

enum err keys_pem(const struct keys *k, enum seal how, struct buf *pem)
{
	(void)k;
	(void)how;
	(void)pem;
	return ERR_STATE;
}

void keys_drop(struct keys *k)
{
	(void)k;
}

enum err seal_text(enum seal how, struct bytes to_key, struct bytes text,
		   struct buf *out)
{
	(void)how;
	(void)to_key;
	(void)text;
	(void)out;
	return ERR_STATE;
}

enum err seal_open(const struct keys *k, enum seal how, struct bytes sealed,
		   struct arena *a, struct bytes *text)
{
	(void)k;
	(void)how;
	(void)sealed;
	(void)a;
	(void)text;
	return ERR_STATE;
}
