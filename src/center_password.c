#include "src/center_password.h"
#include <sodium.h>
#include <stdio.h>
#include <string.h>

enum { PASSES = 2, MEMORY = 19 * 1024 * 1024 };
/* Of a hash that another sotto made, once. */
enum { PASSES_MOST = 8, KIB_MOST = 65536 };

enum err password_hash(struct bytes password, char out[static PASSWORD_HASH])
{
	if (!password.n || password.n > PASSWORD_MAX)
		return ERR_LIMIT;
	memset(out, 0, PASSWORD_HASH);
	if (sodium_init() < 0 ||
	    crypto_pwhash_str_alg(out, (const char *)password.p, password.n,
				  PASSES, MEMORY, crypto_pwhash_ALG_ARGON2ID13))
		return ERR_SYS;
	return OK;
}

/* A hash that no password has: its own salt, zeros for the rest. */
static const char nobody[] =
    "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$"
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/* Who can write accounts shall not make us spend hours and gigabytes. */
static bool affordable(const char *hash)
{
	unsigned kib, passes;
	int end = 0;

	return sscanf(hash, "$argon2id$v=19$m=%9u,t=%9u,p=1$%n", &kib, &passes,
		      &end) == 2 &&
	       end && kib <= KIB_MOST && passes <= PASSES_MOST;
}

bool password_right(const char *hash, struct bytes password)
{
	char all[PASSWORD_HASH] = {0};
	bool known = hash && *hash && affordable(hash);

	if (!password.n || password.n > PASSWORD_MAX || sodium_init() < 0)
		return false;
	strncpy(all, known ? hash : nobody, sizeof(all) - 1);
	bool same = !crypto_pwhash_str_verify(all, (const char *)password.p,
					      password.n);
	return same && known;
}
