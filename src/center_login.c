#include "src/center_account.h"
#include "src/center_desk.h"
#include <stdio.h>
#include <stdlib.h>

enum { REFRESH_MS = 20000 }; /* a third of a session */

/* The host, of IPv6 the first half: who has one has all of it. */
static void source_of(const struct addr *at,
		      char out[static CENTER_SOURCE_MAX + 1])
{
	static const uint8_t v4[12] = {[10] = 0xff, [11] = 0xff};
	size_t n = memcmp(at->ip, v4, sizeof(v4)) ? 8 : 16;

	for (size_t i = 0; i < n; i++)
		snprintf(out + 2 * i, 3, "%02x", at->ip[i]);
}

static bool key_known(const struct center_acct *a, const struct pubkey *key)
{
	for (size_t i = 0; i < a->n_keys; i++)
		if (!memcmp(&a->key[i], key, sizeof(*key)))
			return true;
	return false;
}

/* The last one is the device that is used: it is what others are told. */
static bool key_last(const struct center_acct *a, const struct pubkey *key)
{
	return a->n_keys && !memcmp(&a->key[a->n_keys - 1], key, sizeof(*key));
}

static void key_add(struct center_acct *a, const struct pubkey *key)
{
	size_t i = 0;

	while (i < a->n_keys && memcmp(&a->key[i], key, sizeof(*key)) != 0)
		i++;
	if (i == CENTER_KEYS_MAX) /* the oldest goes */
		i = 0;
	if (i < a->n_keys)
		memmove(a->key + i, a->key + i + 1,
			(--a->n_keys - i) * sizeof(a->key[0]));
	a->key[a->n_keys++] = *key;
}

static void put_out(struct center *c, struct desk *d)
{
	desk_say(c, d->link, &(struct packet){.verb = CENTER_MOVED});
	d->user[0] = '\0';
}

void login_moved(struct center *c, const char *user, const struct uuid *token)
{
	EACH_DESK(c, d)
	{
		if (strcmp(d->user, user) != 0 || desk_same(d->token, *token))
			continue;
		put_out(c, d);
	}
}

static void say_welcome(struct center *c, const struct desk *d,
			const struct packet *to)
{
	struct packet p = {.verb = CENTER_LOGIN_OKAY, .ref = to->ref};
	const char *s = c->terms.addresses ? c->terms.addresses : "";

	while (*(s += strspn(s, ", \t")) && p.n_words < WORDS_MAX) {
		size_t n = strcspn(s, ", \t");
		if (n < 256) /* no host is longer */
			p.word[p.n_words++] =
			    (struct bytes){(const uint8_t *)s, n};
		s += n;
	}
	desk_say(c, d->link, &p);
}

static void welcome(struct center *c, struct desk *d, const char *user,
		    const struct center_acct *a, const struct packet *p)
{
	char old[CENTER_NODE_MAX + 1], token[33];

	if (d->user[0] && strcmp(d->user, user) != 0)
		login_end(c, d);
	rng_fill(c->rng, d->token.b, sizeof(d->token.b));
	if (c->b->session_claim(c->b, user, &d->token, c->terms.node, c->now_ms,
				old)) {
		desk_later(c, d, p);
		return;
	}
	for (size_t i = 0; i < 16; i++)
		snprintf(token + 2 * i, 3, "%02x", d->token.b[i]);
	snprintf(d->user, sizeof(d->user), "%s", user);
	d->refresh_ms = c->now_ms;
	people_blocks(d, a);
	login_moved(c, user, &d->token);
	if (old[0] && strcmp(old, c->terms.node) != 0)
		note_send(c, "moved", user, token, (struct bytes){0});
	say_welcome(c, d, p);
}

static void wrong(struct center *c, struct desk *d, const struct packet *p,
		  const struct center_pen *pen, bool now)
{
	char n[16];

	snprintf(n, sizeof(n), "%u", pen->wait_s ? pen->wait_s : pen->left);
	desk_answer(c, d, p,
		    !pen->wait_s ? CENTER_LOGIN_FAILED
		    : now        ? CENTER_JUST_PENNED
				 : CENTER_PENNED,
		    n);
}

/* By a password: right or wrong, known or not, it takes as long. */
static void by_password(struct center *c, struct desk *d,
			const struct packet *p, const char *user,
			const char *source, struct center_acct *a, uint64_t rev)
{
	struct center_pen pen;
	enum err err =
	    c->b->attempt(c->b, user, source, TRY_BEGIN, c->now_ms, &pen);
	if (err == ERR_AUTH)
		wrong(c, d, p, &pen, false);
	else if (err)
		desk_later(c, d, p);
	if (err)
		return;
	bool fresh = !rev && c->terms.open;
	bool good = fresh
			? !password_hash(p->word[1], a->password)
			: password_right(rev ? a->password : NULL, p->word[1]);
	if (!good && rev && account_invited(a, p->word[1], c->now_ms)) {
		a->invite_ms = 0; /* once */
		good = true;
	}
	if (!good) {
		if (!pen.left) /* that was the last one: for how long? */
			(void)!c->b->attempt(c->b, user, source, TRY_LOOK,
					     c->now_ms, &pen);
		wrong(c, d, p, &pen, true);
		return;
	}
	key_add(a, &d->key);
	if (fresh)
		a->made_ms = c->now_ms;
	if (c->b->attempt(c->b, user, source, TRY_GOOD, c->now_ms, &pen) ||
	    c->b->acct_put(c->b, user, a, rev, NULL)) {
		desk_later(c, d, p);
		return;
	}
	welcome(c, d, user, a, p);
}

static void by_key(struct center *c, struct desk *d, const struct packet *p,
		   const char *user, struct center_acct *a, uint64_t rev)
{
	if (!key_last(a, &d->key)) {
		key_add(a, &d->key);
		if (c->b->acct_put(c->b, user, a, rev, NULL)) {
			desk_later(c, d, p);
			return;
		}
	}
	welcome(c, d, user, a, p);
}

/* ---- those that wait for their turn ---- */

static void knock_drop(struct center *c)
{
	struct knock *k = &c->knock[0];

	secret_wipe((void *)(uintptr_t)k->password.p, k->password.n);
	free((void *)(uintptr_t)k->password.p);
	memmove(k, k + 1, --c->n_knock * sizeof(*k));
}

static void knock_put(struct center *c, struct desk *d, const struct packet *p,
		      const char *user)
{
	struct knock k = {.link = d->link, .ref = p->ref};
	struct bytes password = p->word[1];
	unsigned same = 0;

	source_of(&d->at, k.source);
	for (size_t i = 0; i < c->n_knock; i++)
		same += !strcmp(c->knock[i].source, k.source);
	if (same == KNOCKS_EACH || c->n_knock == KNOCKS_MAX) {
		desk_later(c, d, p);
		return;
	}
	if (password.n > PASSWORD_MAX)
		password.n = PASSWORD_MAX + 1; /* no password is so long */
	snprintf(k.user, sizeof(k.user), "%s", user);
	uint8_t *copy = xmalloc(password.n);
	memcpy(copy, password.p, password.n);
	k.password = (struct bytes){copy, password.n};
	c->knock[c->n_knock++] = k;
}

static void knock_open(struct center *c, struct desk *d, const struct knock *k)
{
	struct packet p = {.verb = CENTER_LIN,
			   .ref = k->ref,
			   .n_words = 2,
			   .word = {desk_view(k->user), k->password}};
	struct center_acct *a = xzalloc(sizeof(*a));
	uint64_t rev = 0;
	enum err err = c->b->acct_get(c->b, k->user, a, &rev);

	if (err && err != ERR_ABSENT)
		desk_later(c, d, &p);
	else
		by_password(c, d, &p, k->user, k->source, a, err ? 0 : rev);
	free(a);
}

void login_work(struct center *c)
{
	if (!c->n_knock)
		return;
	struct desk *d = desk_find(c, c->knock[0].link);
	if (d)
		knock_open(c, d, &c->knock[0]);
	knock_drop(c);
}

void knocks_free(struct center *c)
{
	while (c->n_knock)
		knock_drop(c);
}

void login_try(struct center *c, struct desk *d, const struct packet *p)
{
	char user[CENTER_NAME_MAX + 1];
	struct center_acct *a = xzalloc(sizeof(*a));
	uint64_t rev = 0;
	enum err err;

	if (!word_get(p, 0, user)) {
		desk_answer(c, d, p, CENTER_FAIL, "that is no name");
	} else if ((err = c->b->acct_get(c->b, user, a, &rev)) != OK &&
		   err != ERR_ABSENT) {
		desk_later(c, d, p);
	} else {
		if (err)
			rev = 0;
		if (rev && key_known(a, &d->key))
			by_key(c, d, p, user, a, rev);
		else if (!rev && c->held)
			desk_answer(c, d, p, CENTER_FAIL,
				    "accounts are being taken over: try again "
				    "in a moment");
		else if (p->n_words > 1 && p->word[1].n)
			knock_put(c, d, p, user);
		else
			desk_answer(c, d, p, CENTER_FAIL,
				    "a password is needed");
	}
	free(a);
}

void login_end(struct center *c, struct desk *d)
{
	mail_trim(c, d);
	if (c->b->session_drop(c->b, d->user, &d->token))
		d->refresh_ms = INT64_MAX; /* it ends by itself */
	d->user[0] = '\0';
}

/* An account can be removed, and made anew, by another process. */
static bool stays(struct center *c, struct desk *d)
{
	struct center_acct *a = xmalloc(sizeof(*a));
	uint64_t rev;
	enum err err = c->b->acct_get(c->b, d->user, a, &rev);
	bool here = err ? err != ERR_ABSENT : key_known(a, &d->key);

	free(a);
	if (here)
		return true;
	desk_say(c, d->link,
		 &(struct packet){.verb = CENTER_FAIL,
				  .n_words = 1,
				  .word = {desk_view("the account was "
						     "removed")}});
	login_end(c, d);
	return false;
}

bool login_refresh(struct center *c, struct desk *d)
{
	char old[CENTER_NODE_MAX + 1];
	enum err err;

	if (!d->user[0] || c->now_ms - d->refresh_ms < REFRESH_MS)
		return true;
	if (!stays(c, d))
		return true;
	err = c->b->session_refresh(c->b, d->user, &d->token, c->now_ms);
	if (err == ERR_ABSENT)
		err = c->b->session_claim(c->b, d->user, &d->token,
					  c->terms.node, c->now_ms, old);
	if (err == ERR_CLOSED)
		return false;
	d->refresh_ms = c->now_ms;
	if (err == ERR_AUTH)
		put_out(c, d);
	return true;
}
