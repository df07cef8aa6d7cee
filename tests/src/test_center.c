/* The message center's policy, on SQLite, in virtual time: who gets in, who is
 * told what, whose letters are kept. */
#include "src/center.h"
#include "src/center_account.h"
#include "src/clock.h"
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
/* cmocka needs some of those above */
#include <cmocka.h>

enum { SAID_MAX = 2048, WORD = 80, SECOND = 1000000 };

struct said {
	link_id to;
	enum center_verb verb;
	uint64_t ref, seq;
	char word[3][WORD];
	char text[200];
	size_t blob;
};

struct world {
	char dir[40];
	struct center_backend *b;
	struct center *c;
	struct effects *fx;
	struct rng rng;
	struct now now;
	struct said said[SAID_MAX]; /* since the last forget */
	size_t n_said;
	uint64_t ref;
	struct keys *keys[8]; /* made when wanted */
};

static struct bytes view(const char *s)
{
	return (struct bytes){(const uint8_t *)s, s ? strlen(s) : 0};
}

static void copy(char *out, size_t max, struct bytes s)
{
	snprintf(out, max, "%.*s", (int)s.n, s.n ? (const char *)s.p : "");
}

static void hear(struct world *w)
{
	struct effect e;

	while (effects_next(w->fx, 0, &e)) {
		if (e.kind != FX_SEND)
			continue;
		assert_int_equal(dialect_check(&dialect_sotto, e.packet), OK);
		assert_true(w->n_said < SAID_MAX);
		struct said *s = &w->said[w->n_said++];
		*s = (struct said){.to = e.link,
				   .verb = e.packet->verb,
				   .ref = e.packet->ref,
				   .seq = e.packet->seq,
				   .blob = e.packet->blob.n};
		for (size_t i = 0; i < e.packet->n_words && i < 3; i++)
			copy(s->word[i], WORD, e.packet->word[i]);
		copy(s->text, sizeof s->text, e.packet->text);
	}
}

/* All it does by itself. */
static void turn(struct world *w)
{
	do
		center_settle(w->c, &w->now);
	while (center_busy(w->c));
	center_tick(w->c, &w->now);
	hear(w);
}

static void later(struct world *w, int64_t s)
{
	w->now.wall_us += s * SECOND;
	w->now.mono_us += s * SECOND;
}

static void say(struct world *w, link_id from, struct packet p)
{
	p.kind = PKT_CENTER;
	p.ref = ++w->ref;
	w->n_said = 0;
	center_packet(w->c, &w->now, from, &p);
	turn(w);
}

static void say_words(struct world *w, link_id from, enum center_verb verb,
		      const char *a, const char *b)
{
	say(w, from,
	    (struct packet){.verb = verb,
			    .n_words = b   ? 2
				       : a ? 1
					   : 0,
			    .word = {view(a), view(b)}});
}

/* What `to` was told with that verb; NULL: nothing. */
static const struct said *told(const struct world *w, link_id to,
			       enum center_verb verb)
{
	for (size_t i = 0; i < w->n_said; i++)
		if (w->said[i].to == to && w->said[i].verb == verb)
			return &w->said[i];
	return NULL;
}

static const struct keys *keys_of(struct world *w, link_id who)
{
	uint8_t seed[32] = {(uint8_t)(who % 8), 1};

	if (!w->keys[who % 8])
		w->keys[who % 8] = keys_new(seed);
	return w->keys[who % 8];
}

static void assert_key(const char *hex)
{
	assert_int_equal(strspn(hex, "0123456789abcdef"), 64);
}

static void come(struct world *w, link_id who, unsigned host)
{
	struct addr at = {.ip = {[10] = 0xff, 0xff, 10, 0, 0, (uint8_t)host},
			  .port = 9};

	struct pubkey key = keys_public(keys_of(w, who));
	center_link_up(w->c, who, &key, &at);
}

static void account(struct world *w, const char *user, const char *password)
{
	assert_int_equal(account_add(w->b, user, view(password), &w->now), OK);
}

static void log_in(struct world *w, link_id who, const char *user)
{
	come(w, who, who);
	say_words(w, who, CENTER_LIN, user, "sesame");
	assert_non_null(told(w, who, CENTER_LOGIN_OKAY));
}

/* ---- getting in ---- */

static void expect_wrong(struct world *w, link_id who, const char *password,
			 enum center_verb verb, const char *number)
{
	say_words(w, who, CENTER_LIN, "seas", password);
	const struct said *s = told(w, who, verb);
	assert_non_null(s);
	assert_string_equal(s->word[0], number);
}

static void lock_out__is_of_a_source__and_doubles(void **state)
{
	struct world *w = *state;

	account(w, "seas", "sesame");
	come(w, 1, 66);
	come(w, 2, 7);
	expect_wrong(w, 1, "a", CENTER_LOGIN_FAILED, "2");
	expect_wrong(w, 1, "b", CENTER_LOGIN_FAILED, "1");
	expect_wrong(w, 1, "c", CENTER_JUST_PENNED, "60");
	expect_wrong(w, 1, "sesame", CENTER_PENNED, "60");
	/* its owner, elsewhere, hears nothing of it */
	say_words(w, 2, CENTER_LIN, "seas", "sesame");
	assert_non_null(told(w, 2, CENTER_LOGIN_OKAY));
	say_words(w, 2, CENTER_OUT, NULL, NULL);
	/* ... and by his key not even from there */
	center_link_down(w->c, 2);
	come(w, 2, 66);
	say_words(w, 2, CENTER_LIN, "seas", NULL);
	assert_non_null(told(w, 2, CENTER_LOGIN_OKAY));
	later(w, 59);
	expect_wrong(w, 1, "sesame", CENTER_PENNED, "1");
	later(w, 1);
	expect_wrong(w, 1, "d", CENTER_LOGIN_FAILED, "2");
	expect_wrong(w, 1, "e", CENTER_LOGIN_FAILED, "1");
	expect_wrong(w, 1, "f", CENTER_JUST_PENNED, "120");
	later(w, 120);
	say_words(w, 1, CENTER_LIN, "seas", "sesame");
	assert_non_null(told(w, 1, CENTER_LOGIN_OKAY));
}

/* What a wrong one costs the processor: other work does not count. */
static int64_t cost(struct world *w, const char *user, unsigned host)
{
	come(w, 3, host);
	clock_t at = clock();
	say_words(w, 3, CENTER_LIN, user, "guess");
	int64_t us = (int64_t)(clock() - at) * SECOND / CLOCKS_PER_SEC;
	const struct said *s = told(w, 3, CENTER_LOGIN_FAILED);
	assert_string_equal(s ? s->word[0] : "", "2");
	center_link_down(w->c, 3);
	return us;
}

/* The time an answer takes does not tell who has an account. */
static void unknown_user__takes_as_long(void **state)
{
	static const char *const user[] = {"seas", "nobody", "invited"};
	int64_t best[3] = {INT64_MAX, INT64_MAX, INT64_MAX};
	struct world *w = *state;

	account(w, "seas", "sesame");
	assert_int_equal(
	    account_add(w->b, "invited", (struct bytes){0}, &w->now), OK);
	for (unsigned i = 0; i < 24; i++) {
		int64_t us = cost(w, user[i % 3], 10 + i);
		if (us < best[i % 3])
			best[i % 3] = us;
	}
	print_message("known %lld us, unknown %lld us, invited %lld us\n",
		      (long long)best[0], (long long)best[1],
		      (long long)best[2]);
	for (int i = 1; i < 3; i++)
		assert_true(best[0] * 3 < best[i] * 4 &&
			    best[i] * 3 < best[0] * 4);
}

/* A flood of them: letters and log-ins by key have their turn before. */
static void passwords__wait__others_do_not(void **state)
{
	struct world *w = *state;
	struct packet lin = {.kind = PKT_CENTER,
			     .verb = CENTER_LIN,
			     .n_words = 2,
			     .word = {view("seas"), view("guess")}};
	unsigned later_n = 0;

	account(w, "seas", "sesame");
	account(w, "google", "sesame");
	log_in(w, 1, "google");
	for (unsigned i = 0; i < 40; i++) {
		come(w, 100 + i, 100 + i / 8); /* five sources */
		lin.ref = ++w->ref;
		center_packet(w->c, &w->now, 100 + i, &lin);
	}
	w->n_said = 0;
	hear(w);
	for (size_t i = 0; i < w->n_said; i++)
		later_n += w->said[i].verb == CENTER_FAIL &&
			   strcmp(w->said[i].word[1], "later") == 0;
	assert_int_equal(later_n, 40 - 16);
	/* not one of those was looked at, and this is answered */
	struct packet onl = {
	    .kind = PKT_CENTER, .verb = CENTER_ONL, .ref = ++w->ref};
	center_packet(w->c, &w->now, 1, &onl);
	w->n_said = 0;
	hear(w);
	assert_non_null(told(w, 1, CENTER_OKAY));
	center_settle(w->c, &w->now);
	hear(w);
	assert_true(center_busy(w->c));
	/* whoever left meanwhile is no trouble */
	for (unsigned i = 0; i < 40; i++)
		center_link_down(w->c, 100 + i);
	turn(w);
	assert_false(center_busy(w->c));
}

static void second_log_in__ends_the_first(void **state)
{
	struct world *w = *state;

	account(w, "seas", "sesame");
	account(w, "google", "sesame");
	log_in(w, 1, "seas");
	log_in(w, 2, "seas");
	assert_non_null(told(w, 1, CENTER_MOVED));
	assert_null(told(w, 2, CENTER_MOVED));
	say_words(w, 1, CENTER_ONL, NULL, NULL);
	assert_non_null(told(w, 1, CENTER_FAIL));
	/* on one link: the other account is left */
	say_words(w, 2, CENTER_LIN, "google", "sesame");
	assert_non_null(told(w, 2, CENTER_LOGIN_OKAY));
	say_words(w, 2, CENTER_ONL, NULL, NULL);
	const struct said *s = told(w, 2, CENTER_LIST);
	assert_non_null(s);
	assert_memory_equal(s->text, "google ", 7);
	assert_null(strstr(s->text, "seas"));
}

static void closed__nobody_takes_a_name(void **state)
{
	struct world *w = *state;

	come(w, 1, 1);
	expect_wrong(w, 1, "sesame", CENTER_LOGIN_FAILED, "2");
	say_words(w, 1, CENTER_LIN, "two words", "sesame");
	assert_non_null(told(w, 1, CENTER_FAIL));
	say_words(w, 1, CENTER_LIN, "seas", NULL);
	assert_non_null(told(w, 1, CENTER_FAIL));
}

/* ---- people ---- */

static void three(struct world *w)
{
	static const char *const name[] = {"seas", "google", "columbia"};

	for (link_id i = 1; i <= 3; i++) {
		account(w, name[i - 1], "sesame");
		log_in(w, i, name[i - 1]);
	}
	w->n_said = 0;
}

static void presence__has_a_key__and_is_told_once(void **state)
{
	struct world *w = *state;
	char key[65];

	three(w);
	say_words(w, 2, CENTER_OUT, NULL, NULL);
	assert_non_null(told(w, 1, CENTER_OFFLINE));
	assert_string_equal(told(w, 1, CENTER_OFFLINE)->word[0], "google");
	assert_null(told(w, 2, CENTER_OFFLINE));
	w->n_said = 0;
	turn(w);
	assert_null(told(w, 1, CENTER_OFFLINE));
	say_words(w, 2, CENTER_LIN, "google", NULL);
	const struct said *s = told(w, 3, CENTER_ONLINE);
	assert_non_null(s);
	assert_string_equal(s->word[0], "google");
	for (int i = 0; i < 32; i++)
		snprintf(key + 2 * i, 3, "%02x", keys_of(w, 2)->public.b[i]);
	assert_string_equal(s->word[1], key);
	/* whose link is gone is gone */
	center_link_down(w->c, 2);
	w->n_said = 0;
	turn(w);
	assert_non_null(told(w, 1, CENTER_OFFLINE));
}

static void silent_session__ends(void **state)
{
	struct world *w = *state;

	three(w);
	/* links that are there keep their sessions */
	for (int i = 0; i < 12; i++) {
		later(w, 20);
		turn(w);
	}
	assert_null(told(w, 1, CENTER_OFFLINE));
	say_words(w, 1, CENTER_ONL, NULL, NULL);
	const struct said *s = told(w, 1, CENTER_LIST);
	assert_non_null(s);
	assert_non_null(strstr(s->text, "columbia "));
}

static void broadcast__is_limited__and_not_for_who_blocks(void **state)
{
	struct world *w = *state;
	struct packet p = {.verb = CENTER_BRD, .text = view("hello")};

	three(w);
	say_words(w, 3, CENTER_BLC, "1", "seas");
	assert_non_null(told(w, 3, CENTER_OKAY));
	say(w, 1, p);
	assert_non_null(told(w, 1, CENTER_OKAY));
	assert_null(told(w, 1, CENTER_TEXT));
	assert_non_null(told(w, 2, CENTER_TEXT));
	assert_string_equal(told(w, 2, CENTER_TEXT)->word[0], "seas");
	assert_string_equal(told(w, 2, CENTER_TEXT)->text, "hello");
	assert_null(told(w, 3, CENTER_TEXT));
	say(w, 1, p);
	assert_non_null(told(w, 1, CENTER_FAIL));
	later(w, 10);
	say_words(w, 3, CENTER_BLC, "0", "seas");
	say(w, 1, p);
	assert_non_null(told(w, 3, CENTER_TEXT));
	p.text = (struct bytes){0};
	say(w, 2, p);
	assert_non_null(told(w, 2, CENTER_FAIL));
}

static void consent__is_asked_once__used_once__and_ends(void **state)
{
	struct world *w = *state;

	three(w);
	say_words(w, 2, CENTER_ALL, "seas", "6327");
	assert_non_null(told(w, 2, CENTER_FAIL));
	say_words(w, 1, CENTER_GET, "google", NULL);
	assert_string_equal(told(w, 1, CENTER_OKAY)->word[0],
			    "Request has been sent.");
	assert_string_equal(told(w, 2, CENTER_WANTS)->word[0], "seas");
	say_words(w, 1, CENTER_GET, "google", NULL);
	assert_null(told(w, 2, CENTER_WANTS));
	/* not somebody else's */
	say_words(w, 3, CENTER_ALL, "seas", "6327");
	assert_non_null(told(w, 3, CENTER_FAIL));
	say_words(w, 2, CENTER_ALL, "seas", "6327");
	const struct said *s = told(w, 1, CENTER_ADR);
	assert_non_null(s);
	assert_string_equal(s->word[0], "google");
	assert_key(s ? s->word[1] : "");
	assert_string_equal(s->word[2], "10.0.0.2:6327");
	assert_null(told(w, 3, CENTER_ADR));
	say_words(w, 2, CENTER_ALL, "seas", "6327");
	assert_non_null(told(w, 2, CENTER_FAIL));
	/* five minutes */
	say_words(w, 1, CENTER_GET, "google", NULL);
	later(w, 301);
	turn(w);
	say_words(w, 2, CENTER_ALL, "seas", "6327");
	assert_non_null(told(w, 2, CENTER_FAIL));
	assert_null(told(w, 1, CENTER_ADR));
}

static void consent__says_when_the_one_is_gone(void **state)
{
	struct world *w = *state;

	three(w);
	say_words(w, 1, CENTER_GET, "google", NULL);
	say_words(w, 1, CENTER_OUT, NULL, NULL);
	say_words(w, 2, CENTER_ALL, "seas", "0");
	assert_non_null(
	    strstr(told(w, 2, CENTER_FAIL)->word[0], "has gone offline"));
	say_words(w, 1, CENTER_LIN, "seas", NULL);
	say_words(w, 2, CENTER_ALL, "seas", "0");
	/* without a port there is no address, but there is a key */
	assert_string_equal(told(w, 1, CENTER_ADR)->word[2], "");
	assert_key(told(w, 1, CENTER_ADR)->word[1]);
	/* who blocks looks as if he were not there */
	say_words(w, 2, CENTER_BLC, "1", "seas");
	say_words(w, 1, CENTER_GET, "google", NULL);
	assert_string_equal(told(w, 1, CENTER_FAIL)->word[0],
			    "cannot be found");
	say_words(w, 1, CENTER_GET, "nobody", NULL);
	assert_string_equal(told(w, 1, CENTER_FAIL)->word[0],
			    "cannot be found");
}

static void block_list__has_an_end(void **state)
{
	struct world *w = *state;
	char name[16];

	account(w, "seas", "sesame");
	log_in(w, 1, "seas");
	for (int i = 0; i < CENTER_BLOCKS_MAX; i++) {
		snprintf(name, sizeof name, "u%d", i);
		say_words(w, 1, CENTER_BLC, "1", name);
		assert_non_null(told(w, 1, CENTER_OKAY));
	}
	say_words(w, 1, CENTER_BLC, "1", "one more");
	assert_non_null(told(w, 1, CENTER_FAIL));
	say_words(w, 1, CENTER_BLC, "1", "onemore");
	assert_non_null(told(w, 1, CENTER_FAIL));
	say_words(w, 1, CENTER_BLC, "1", "u7");
	assert_non_null(told(w, 1, CENTER_OKAY));
	say_words(w, 1, CENTER_BLC, "0", "u7");
	say_words(w, 1, CENTER_BLC, "1", "onemore");
	assert_non_null(told(w, 1, CENTER_OKAY));
}

/* ---- letters ---- */

static struct prekey prekey_for(const struct world *w)
{
	struct prekey k = {.id = 7};
	uint8_t secret[32] = {1};

	k.not_after = (uint64_t)(w->now.wall_us / SECOND) + 86400;
	noise_pair_of(&k.pair, secret);
	return k;
}

static void hand_over(struct world *w, link_id who)
{
	struct prekey k = prekey_for(w);
	uint8_t bundle[BUNDLE];

	bundle_make(bundle, keys_of(w, who), &k);
	say(w, who,
	    (struct packet){.verb = CENTER_PREKEY, .blob = {bundle, BUNDLE}});
	assert_non_null(told(w, who, CENTER_OKAY));
}

static void leave(struct world *w, link_id from, link_id to, const char *text)
{
	struct prekey k = prekey_for(w);
	uint8_t bundle[BUNDLE], once[32];
	struct bundle b;
	struct buf letter = {0};
	char id[33];

	rng_fill(&w->rng, once, sizeof once);
	bundle_make(bundle, keys_of(w, to), &k);
	assert_int_equal(bundle_read((struct bytes){bundle, BUNDLE},
				     &keys_of(w, to)->public,
				     (uint64_t)(w->now.wall_us / SECOND), &b),
			 OK);
	assert_int_equal(
	    letter_seal(keys_of(w, from), &b, once, view(text), &letter), OK);
	seal_peer_id(id, &keys_of(w, to)->public);
	say(w, from,
	    (struct packet){.verb = CENTER_STORE,
			    .n_words = 2,
			    .word = {view(id), view("2592000")},
			    .blob = {letter.p, letter.n}});
	buf_free(&letter);
}

static void letters__wait__and_go_when_taken(void **state)
{
	struct world *w = *state;

	three(w);
	leave(w, 1, 2, "before he handed one over");
	assert_non_null(told(w, 1, CENTER_FAIL));
	hand_over(w, 2);
	say_words(w, 2, CENTER_OUT, NULL, NULL);
	leave(w, 1, 2, "one");
	assert_non_null(told(w, 1, CENTER_OKAY));
	leave(w, 1, 2, "two");
	assert_null(told(w, 2, CENTER_MAIL));
	say_words(w, 2, CENTER_LIN, "google", NULL);
	say(w, 2, (struct packet){.verb = CENTER_FETCH});
	assert_int_equal(w->n_said, 3);
	assert_int_equal(w->said[0].verb, CENTER_MAIL);
	assert_true(w->said[0].blob && w->said[1].blob && !w->said[2].blob);
	uint64_t one = w->said[0].seq, two = w->said[1].seq;
	assert_true(one < two);
	/* what is taken is gone, the other one comes again */
	say(w, 2, (struct packet){.verb = CENTER_TRIM, .seq = one});
	center_link_down(w->c, 2);
	come(w, 2, 2);
	say_words(w, 2, CENTER_LIN, "google", NULL);
	say(w, 2, (struct packet){.verb = CENTER_FETCH});
	assert_int_equal(w->n_said, 2);
	assert_true(w->said[0].seq == two);
	/* and one that comes now comes at once, and not to others */
	leave(w, 3, 2, "three");
	assert_non_null(told(w, 2, CENTER_MAIL));
	assert_null(told(w, 1, CENTER_MAIL));
}

static void letters__of_the_blocked__are_not_kept(void **state)
{
	struct world *w = *state;

	three(w);
	hand_over(w, 2);
	say_words(w, 2, CENTER_BLC, "1", "seas");
	leave(w, 1, 2, "x");
	assert_non_null(
	    strstr(told(w, 1, CENTER_FAIL)->word[0], "has blocked you"));
	leave(w, 3, 2, "y");
	assert_non_null(told(w, 3, CENTER_OKAY));
}

static void letters__of_who_is_not_in__are_limited(void **state)
{
	struct world *w = *state;
	unsigned kept = 0;

	three(w);
	hand_over(w, 2);
	come(w, 4, 4); /* of another center, say */
	for (int i = 0; i < 300; i++) {
		leave(w, 4, 2, "x");
		kept += told(w, 4, CENTER_OKAY) != NULL;
	}
	assert_int_equal(kept, 240);
	later(w, 61);
	leave(w, 4, 2, "x");
	assert_non_null(told(w, 4, CENTER_OKAY));
	/* and what is none is not kept at all */
	say(w, 1,
	    (struct packet){.verb = CENTER_STORE,
			    .n_words = 1,
			    .word = {view("0123456789abcdef0123456789abcdef")},
			    .blob = view("nonsense")});
	assert_non_null(told(w, 1, CENTER_FAIL));
}

static void bundle__by_name__only_for_who_is_in(void **state)
{
	struct world *w = *state;

	three(w);
	hand_over(w, 2);
	say_words(w, 1, CENTER_BUNDLE, "google", NULL);
	const struct said *s = told(w, 1, CENTER_OKAY);
	assert_non_null(s);
	assert_string_equal(s->word[0], "google");
	assert_key(s ? s->word[1] : "");
	assert_int_equal(s->blob, BUNDLE);
	come(w, 4, 4);
	say_words(w, 4, CENTER_BUNDLE, "google", NULL);
	assert_non_null(told(w, 4, CENTER_FAIL));
	say_words(w, 1, CENTER_BUNDLE, "nobody", NULL);
	assert_non_null(told(w, 1, CENTER_FAIL));
}

static void strangers__may_nothing_else(void **state)
{
	struct world *w = *state;

	three(w);
	come(w, 4, 4);
	for (int v = CENTER_MSG; v <= CENTER_RELAY; v++) {
		if (v == CENTER_STORE || v == CENTER_BUNDLE)
			continue;
		say_words(w, 4, (enum center_verb)v, "google", "1");
		assert_non_null(told(w, 4, CENTER_FAIL));
		assert_null(told(w, 2, CENTER_WANTS));
	}
}

/* ---- */

static int setup(void **state)
{
	struct center_terms terms = {.node = "one"};
	struct world *w = calloc(1, sizeof *w);
	char path[80], why[256];

	if (!w)
		return -1;
	strcpy(w->dir, "/tmp/sotto-center-XXXXXX");
	if (!mkdtemp(w->dir))
		return -1;
	snprintf(path, sizeof path, "%s/center.db", w->dir);
	if (center_open(path, NULL, &w->b, why))
		return -1;
	clock_seed(&w->rng);
	w->now = clock_now(&w->rng, NULL);
	w->fx = effects_new();
	w->c = center_new(w->b, &terms, w->fx);
	*state = w;
	return w->c ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *st, int type,
		      struct FTW *at)
{
	(void)st, (void)type, (void)at;
	return remove(path);
}

static int teardown(void **state)
{
	struct world *w = *state;

	center_free(w->c);
	center_close(w->b);
	effects_free(w->fx);
	for (int i = 0; i < 8; i++)
		keys_free(w->keys[i]);
	nftw(w->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(w);
	return 0;
}

/* ---- one who wants all of it ---- */

static void asking__has_a_limit__for_each(void **state)
{
	struct world *w = *state;
	unsigned n = 0;

	three(w);
	for (int i = 0; i < 100; i++) {
		say_words(w, 1, CENTER_ONL, NULL, NULL);
		n += told(w, 1, CENTER_OKAY) != NULL;
	}
	assert_in_range(n, 5, 20);
	assert_string_equal(told(w, 1, CENTER_FAIL)->word[1], "later");
	say_words(w, 2, CENTER_ONL, NULL, NULL);
	assert_non_null(told(w, 2, CENTER_OKAY));
	later(w, 30);
	say_words(w, 1, CENTER_ONL, NULL, NULL);
	assert_non_null(told(w, 1, CENTER_OKAY));
}

static void blocks__in_a_loop__are_not_all_written(void **state)
{
	struct world *w = *state;
	unsigned n = 0;

	three(w);
	for (int i = 0; i < 600; i++) {
		say_words(w, 1, CENTER_BLC, i % 2 ? "0" : "1", "google");
		n += told(w, 1, CENTER_OKAY) != NULL;
	}
	assert_in_range(n, 128, 450); /* half of the rest change nothing */
	/* what changes nothing costs nothing */
	later(w, 2);
	for (int i = 0; i < 600; i++) {
		say_words(w, 2, CENTER_BLC, "0", "seas");
		assert_non_null(told(w, 2, CENTER_OKAY));
	}
}

/* A FAIL that answers nothing would say that he is logged off. */
static void nothing_asked__nothing_is_answered(void **state)
{
	struct world *w = *state;
	struct packet p = {.kind = PKT_CENTER, .n_words = 1};

	three(w);
	p.word[0] = view("1");
	p.verb = CENTER_BLC;
	center_packet(w->c, &w->now, 1, &p);
	p.verb = CENTER_PREKEY;
	center_packet(w->c, &w->now, 1, &p);
	p.verb = CENTER_GET;
	center_packet(w->c, &w->now, 1, &p);
	turn(w);
	assert_null(told(w, 1, CENTER_FAIL));
}

static void one_who_asks_all__takes_nobody_elses_turn(void **state)
{
	struct world *w = *state;
	char note[64];

	three(w);
	say_words(w, 2, CENTER_GET, "columbia", NULL);
	for (int i = 0; i < 300; i++) { /* as the nodes tell each other */
		snprintf(note, sizeof note, "wants\x1fseas\x1fuser%d\x1f", i);
		assert_int_equal(w->b->notify(w->b, NULL, view(note)), OK);
		turn(w);
	}
	say_words(w, 3, CENTER_ALL, "google", "6327");
	assert_non_null(told(w, 2, CENTER_ADR));
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(lock_out__is_of_a_source__and_doubles),
	    T(unknown_user__takes_as_long),
	    T(passwords__wait__others_do_not),
	    T(second_log_in__ends_the_first),
	    T(closed__nobody_takes_a_name),
	    T(presence__has_a_key__and_is_told_once),
	    T(silent_session__ends),
	    T(broadcast__is_limited__and_not_for_who_blocks),
	    T(consent__is_asked_once__used_once__and_ends),
	    T(consent__says_when_the_one_is_gone),
	    T(block_list__has_an_end),
	    T(letters__wait__and_go_when_taken),
	    T(letters__of_the_blocked__are_not_kept),
	    T(letters__of_who_is_not_in__are_limited),
	    T(bundle__by_name__only_for_who_is_in),
	    T(strangers__may_nothing_else),
	    T(asking__has_a_limit__for_each),
	    T(blocks__in_a_loop__are_not_all_written),
	    T(nothing_asked__nothing_is_answered),
	    T(one_who_asks_all__takes_nobody_elses_turn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
