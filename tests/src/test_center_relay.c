/* Whom a center brings together, and whom not: center_relay.c. */
#include "src/center.h"
#include "src/clock.h"
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
/* cmocka needs some of those above */
#include <cmocka.h>

enum { SAID_MAX = 64, ANA = 1, BOB, EVE, USERS };

struct said {
	enum effect_kind kind;
	link_id link;
	enum center_verb verb;
	uint64_t ref;
	size_t n_words;
	char word[3][64];
	struct uuid token;
};

struct world {
	char dir[40];
	struct center_backend *b;
	struct center *c;
	struct effects *fx;
	struct rng rng;
	struct now now;
	struct said said[SAID_MAX]; /* of the last call */
	size_t n_said;
	uint64_t ref;
};

static const char *const user[] = {NULL, "ana", "bob", "eve"};

static struct pubkey key_of(unsigned who)
{
	struct pubkey k = {{(uint8_t)who, (uint8_t)(who >> 8)}};

	return k;
}

static const char *id_of(unsigned who)
{
	static char id[4][33];
	struct pubkey k = key_of(who);

	seal_peer_id(id[who % 4], &k);
	return id[who % 4];
}

static struct bytes view(const char *s)
{
	return (struct bytes){(const uint8_t *)s, strlen(s)};
}

static void heard(struct world *w)
{
	struct effect e;

	w->n_said = 0;
	while (effects_next(w->fx, 0, &e)) {
		struct said *s = &w->said[w->n_said++];
		assert_true(w->n_said < SAID_MAX);
		*s = (struct said){
		    .kind = e.kind, .link = e.link, .token = e.token};
		if (e.kind != FX_SEND)
			continue;
		assert_int_equal(dialect_check(&dialect_sotto, e.packet), OK);
		s->verb = e.packet->verb;
		s->ref = e.packet->ref;
		s->n_words = e.packet->n_words;
		for (size_t i = 0; i < s->n_words && i < 3; i++)
			snprintf(s->word[i], 64, "%.*s",
				 (int)e.packet->word[i].n,
				 (const char *)e.packet->word[i].p);
	}
}

static void say(struct world *w, link_id from, enum center_verb verb,
		const char *word)
{
	struct packet p = {.kind = PKT_CENTER,
			   .verb = verb,
			   .ref = ++w->ref,
			   .n_words = word != NULL,
			   .word = {view(word ? word : "")}};

	center_packet(w->c, &w->now, from, &p);
	heard(w);
}

static void later(struct world *w, int64_t us)
{
	w->now.wall_us += us;
	w->now.mono_us += us;
}

static void account(struct world *w, unsigned who, const char *name,
		    const char *blocks)
{
	struct center_acct *a = calloc(1, sizeof *a);
	uint64_t rev = 0;

	assert_non_null(a);
	if (w->b->acct_get(w->b, name, a, &rev))
		rev = 0;
	a->key[0] = key_of(who);
	a->n_keys = 1;
	if (blocks)
		snprintf(a->blocked[a->n_blocked++], CENTER_NAME_MAX + 1, "%s",
			 blocks);
	assert_int_equal(w->b->acct_put(w->b, name, a, rev, NULL), OK);
	free(a);
}

static void come(struct world *w, link_id link, unsigned who)
{
	struct addr at = {.ip = {[10] = 0xff, 0xff, 10, 0, 0, 1}, .port = 9};
	struct pubkey k = key_of(who);

	center_link_up(w->c, link, &k, &at);
}

static void log_in(struct world *w, link_id link, const char *name)
{
	say(w, link, CENTER_LIN, name);
	for (size_t i = 0; i < w->n_said; i++)
		if (w->said[i].link == link &&
		    w->said[i].verb == CENTER_LOGIN_OKAY)
			return;
	fail_msg("%s is not in", name);
}

static void begin(struct world *w, bool relay)
{
	struct center_terms terms = {.node = "one", .relay = relay};

	w->c = center_new(w->b, &terms, w->fx);
	assert_non_null(w->c);
	for (unsigned i = ANA; i < USERS; i++) {
		account(w, i, user[i], NULL);
		come(w, i, i);
		log_in(w, i, user[i]);
	}
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof *w);
	char path[80], why[256];

	if (!w)
		return -1;
	strcpy(w->dir, "/tmp/sotto-relay-XXXXXX");
	if (!mkdtemp(w->dir))
		return -1;
	snprintf(path, sizeof path, "%s/center.db", w->dir);
	if (center_open(path, NULL, &w->b, why))
		return -1;
	clock_seed(&w->rng);
	w->now = clock_now(&w->rng, NULL);
	w->fx = effects_new();
	*state = w;
	return 0;
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
	nftw(w->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(w);
	return 0;
}

/* What the last question came to: the token that was expected. */
static struct uuid brought(struct world *w, link_id from, link_id to,
			   unsigned who)
{
	struct uuid token;
	char text[37];

	assert_int_equal(w->n_said, 3);
	/* it is expected before anybody is told */
	assert_int_equal(w->said[0].kind, FX_SPLICE);
	token = w->said[0].token;
	uuid_text(text, &token);
	assert_int_equal(w->said[1].kind, FX_SEND);
	assert_int_equal(w->said[1].link, from);
	assert_int_equal(w->said[1].verb, CENTER_OKAY);
	assert_int_equal(w->said[1].ref, w->ref);
	assert_string_equal(w->said[1].word[0], text);
	assert_int_equal(w->said[2].link, to);
	assert_int_equal(w->said[2].verb, CENTER_RELAY);
	assert_int_equal(w->said[2].ref, 0);
	assert_string_equal(w->said[2].word[0], text);
	assert_string_equal(w->said[2].word[1], id_of(who));
	assert_int_equal(w->said[2].n_words, 2);
	return token;
}

/* Nobody but who asked is told anything, and nothing is expected. */
static void refused(struct world *w, link_id from, const char *why)
{
	assert_int_equal(w->n_said, 1);
	assert_int_equal(w->said[0].kind, FX_SEND);
	assert_int_equal(w->said[0].link, from);
	assert_int_equal(w->said[0].verb, CENTER_FAIL);
	assert_int_equal(w->said[0].ref, w->ref);
	assert_string_equal(w->said[0].word[0], why);
}

static void relay__tells_both__one_token(void **state)
{
	struct world *w = *state;
	struct uuid one, two;

	begin(w, true);
	say(w, ANA, CENTER_RELAY, id_of(BOB));
	one = brought(w, ANA, BOB, ANA);
	say(w, BOB, CENTER_RELAY, id_of(ANA));
	two = brought(w, BOB, ANA, BOB);
	assert_memory_not_equal(&one, &two, sizeof one);
}

static void relay__is_off__where_it_is_off(void **state)
{
	struct world *w = *state;

	begin(w, false);
	say(w, ANA, CENTER_RELAY, id_of(BOB));
	refused(w, ANA, "no relay here");
}

static void relay__needs__both_logged_in(void **state)
{
	struct world *w = *state;

	begin(w, true);
	say(w, BOB, CENTER_OUT, NULL);
	say(w, ANA, CENTER_RELAY, id_of(BOB));
	refused(w, ANA, "not at this node");
	say(w, BOB, CENTER_RELAY, id_of(ANA));
	refused(w, BOB, "not logged in");
	/* another link of his is good enough, and the latest is taken */
	come(w, 20, BOB);
	log_in(w, 20, "bob");
	say(w, ANA, CENTER_RELAY, id_of(BOB));
	brought(w, ANA, 20, ANA);
	center_link_down(w->c, 20);
	heard(w);
	say(w, ANA, CENTER_RELAY, id_of(BOB));
	refused(w, ANA, "not at this node");
}

static void relay__refuses__what_is_no_id(void **state)
{
	struct world *w = *state;

	begin(w, true);
	say(w, ANA, CENTER_RELAY, "bob");
	refused(w, ANA, "that is no id");
	say(w, ANA, CENTER_RELAY, NULL);
	refused(w, ANA, "that is no id");
	say(w, ANA, CENTER_RELAY, id_of(ANA));
	refused(w, ANA, "not at this node");
	say(w, ANA, CENTER_RELAY, "00000000000000000000000000000000");
	refused(w, ANA, "not at this node");
}

/* Who is blocked hears what he would hear if nobody was there. */
static void relay__is_not_for__who_is_blocked(void **state)
{
	struct world *w = *state;

	begin(w, true);
	account(w, BOB, "bob", "ana");
	say(w, ANA, CENTER_RELAY, id_of(BOB));
	refused(w, ANA, "not at this node");
	say(w, EVE, CENTER_RELAY, id_of(BOB));
	brought(w, EVE, BOB, EVE);
}

static void relay__is_limited__in_a_minute(void **state)
{
	struct world *w = *state;

	begin(w, true);
	for (int i = 0; i < 60; i++) {
		say(w, ANA, CENTER_RELAY, "no id");
		refused(w, ANA, "that is no id");
	}
	say(w, ANA, CENTER_RELAY, id_of(BOB));
	refused(w, ANA, "too many: wait a minute");
	say(w, EVE, CENTER_RELAY, id_of(BOB)); /* others may */
	brought(w, EVE, BOB, EVE);
	later(w, 61000000);
	say(w, ANA, CENTER_RELAY, id_of(BOB));
	brought(w, ANA, BOB, ANA);
}

static void relay__is_limited__for_an_account(void **state)
{
	struct world *w = *state;
	struct uuid token = {{0}};

	begin(w, true);
	for (int i = 0; i < 32; i++) {
		say(w, ANA, CENTER_RELAY, id_of(BOB));
		token = brought(w, ANA, BOB, ANA);
	}
	say(w, ANA, CENTER_RELAY, id_of(EVE));
	refused(w, ANA, "too many at once");
	say(w, EVE, CENTER_RELAY, id_of(BOB));
	refused(w, EVE, "too many at once");
	/* until one is over; of one that is not known nothing comes */
	center_spliced(w->c, &(struct uuid){{1, 2, 3}});
	say(w, EVE, CENTER_RELAY, id_of(BOB));
	refused(w, EVE, "too many at once");
	center_spliced(w->c, &token);
	say(w, EVE, CENTER_RELAY, id_of(BOB));
	brought(w, EVE, BOB, EVE);
}

/* However many accounts there are. */
static void relay__is_limited__in_all(void **state)
{
	struct world *w = *state;
	char name[16];
	unsigned made = 0;

	begin(w, true);
	for (unsigned i = 0; i < 70; i++) {
		snprintf(name, sizeof name, "user%u", i);
		account(w, 100 + i, name, NULL);
		come(w, 100 + i, 100 + i);
		log_in(w, 100 + i, name);
	}
	for (unsigned i = 0; i < 35; i++)
		for (int k = 0; k < 32; k++) {
			struct pubkey key = key_of(135 + i);
			char id[33];
			seal_peer_id(id, &key);
			say(w, 100 + i, CENTER_RELAY, id);
			made += w->n_said == 3;
		}
	assert_int_equal(made, 1000);
}

/* ---- two nodes: what is told to one is told to both ---- */

static struct center_watch watched[2];
static size_t n_watched;

static enum err fake_watch(struct center_backend *b, const char *node,
			   const struct center_watch *watch)
{
	(void)b, (void)node;
	watched[n_watched++] = *watch;
	return OK;
}

static enum err fake_notify(struct center_backend *b, const char *node,
			    struct bytes note)
{
	(void)b, (void)node;
	for (size_t i = 0; i < n_watched; i++)
		watched[i].note(watched[i].ctx, note);
	return OK;
}

struct nodes {
	struct world *one, two; /* ana is here, bob there */
	enum err (*watch)(struct center_backend *b, const char *node,
			  const struct center_watch *watch);
	enum err (*notify)(struct center_backend *b, const char *node,
			   struct bytes note);
};

static void nodes_begin(struct nodes *n, struct world *w, bool address)
{
	struct center_terms terms = {.node = "one", .relay = true};

	*n = (struct nodes){.one = w};
	n->watch = w->b->watch;
	n->notify = w->b->notify;
	w->b->watch = fake_watch;
	w->b->notify = fake_notify;
	n_watched = 0;
	if (address)
		terms.relay_at = (struct addr){
		    .ip = {[10] = 0xff, 0xff, 192, 0, 2, 1}, .port = 6327};
	w->c = center_new(w->b, &terms, w->fx);
	n->two = *w;
	n->two.fx = effects_new();
	terms = (struct center_terms){.node = "two", .relay = true};
	n->two.c = center_new(w->b, &terms, n->two.fx);
	account(w, ANA, user[ANA], NULL);
	account(w, BOB, user[BOB], NULL);
	come(w, ANA, ANA);
	log_in(w, ANA, user[ANA]);
	come(&n->two, BOB, BOB);
	log_in(&n->two, BOB, user[BOB]);
}

static void nodes_end(struct nodes *n)
{
	center_free(n->two.c);
	effects_free(n->two.fx);
	n->one->b->watch = n->watch;
	n->one->b->notify = n->notify;
}

static void tick(struct world *w)
{
	center_tick(w->c, &w->now);
	heard(w);
}

static void relay__brings__who_is_at_another_node(void **state)
{
	struct world *w = *state;
	struct nodes n;
	char text[37];

	nodes_begin(&n, w, true);
	say(w, ANA, CENTER_RELAY, id_of(BOB));
	assert_int_equal(w->n_said, 0); /* who has him? */
	assert_true(center_patience_ms(w->c) < 1000);
	tick(&n.two);
	assert_int_equal(n.two.n_said, 0);
	tick(w);
	assert_int_equal(w->n_said, 2);
	assert_int_equal(w->said[0].kind, FX_SPLICE);
	uuid_text(text, &w->said[0].token);
	assert_int_equal(w->said[1].link, ANA);
	assert_int_equal(w->said[1].verb, CENTER_OKAY);
	assert_int_equal(w->said[1].ref, w->ref);
	assert_string_equal(w->said[1].word[0], text);
	/* only now: the token is good */
	tick(&n.two);
	assert_int_equal(n.two.n_said, 1);
	assert_int_equal(n.two.said[0].link, BOB);
	assert_int_equal(n.two.said[0].verb, CENTER_RELAY);
	assert_int_equal(n.two.said[0].ref, 0);
	assert_string_equal(n.two.said[0].word[0], text);
	assert_string_equal(n.two.said[0].word[1], id_of(ANA));
	assert_string_equal(n.two.said[0].word[2], "192.0.2.1:6327");
	/* and that was all of it */
	tick(w);
	assert_int_equal(w->n_said, 0);
	later(w, 5000000);
	tick(w);
	assert_int_equal(w->n_said, 0);
	assert_true(center_patience_ms(w->c) > 1000);
	nodes_end(&n);
}

static void relay__is_refused__when_no_node_has_him(void **state)
{
	struct world *w = *state;
	struct nodes n;

	nodes_begin(&n, w, true);
	for (int i = 0; i < 40; i++) { /* nothing is left of them */
		say(w, ANA, CENTER_RELAY, id_of(EVE));
		assert_int_equal(w->n_said, 0);
		tick(&n.two);
		tick(w);
		assert_int_equal(w->n_said, 0);
		later(w, 1600000);
		tick(w);
		refused(w, ANA, "not at this node");
	}
	nodes_end(&n);
}

static void relay__is_refused__by_his_node_too(void **state)
{
	struct world *w = *state;
	struct nodes n;

	nodes_begin(&n, w, true);
	account(w, BOB, "bob", "ana");
	say(w, ANA, CENTER_RELAY, id_of(BOB));
	tick(&n.two);
	tick(w);
	later(w, 1600000);
	tick(w);
	refused(w, ANA, "not at this node");
	tick(&n.two);
	assert_int_equal(n.two.n_said, 0);
	nodes_end(&n);
}

static void relay__needs_an_address__for_other_nodes(void **state)
{
	struct world *w = *state;
	struct nodes n;

	nodes_begin(&n, w, false);
	say(w, ANA, CENTER_RELAY, id_of(BOB));
	refused(w, ANA, "not at this node");
	tick(&n.two);
	assert_int_equal(n.two.n_said, 0);
	nodes_end(&n);
}

static void note(const char *what, const char *a, const char *b,
		 const char *text)
{
	struct buf s = {0};

	buf_printf(&s, "%s\x1f%s\x1f%s\x1f%s", what, a, b, text);
	assert_int_equal(fake_notify(NULL, NULL, (struct bytes){s.p, s.n}), OK);
	buf_free(&s);
}

/* Who asked may be gone when the answer comes; and notes are read with care. */
static void relay__reads_notes__of_any_kind(void **state)
{
	static const char token[] = "00112233-4455-6677-8899-aabbccddeeff";
	struct world *w = *state;
	struct nodes n;
	char long_one[200] = {0};
	const char *id = id_of(BOB);

	nodes_begin(&n, w, true);
	say(w, ANA, CENTER_RELAY, id);
	center_link_down(w->c, ANA);
	heard(w);
	tick(&n.two);
	tick(w);
	for (size_t i = 0; i < w->n_said; i++)
		assert_int_not_equal(w->said[i].verb, CENTER_OKAY);
	snprintf(long_one, sizeof long_one, "%s%0100d", id, 7);
	note("relay", id, "ana", "");
	note("relay", "bob", "ana", token);
	note("relay", id, "ana", long_one);
	note("has", "bob", "bob", "");
	note("has", token, id, "");
	note("call", id, token, "");
	note("call", id, token, id);
	note("call", id, token, long_one);
	note("call", "bob", token, "x");
	note("call", id_of(EVE), token, long_one);
	tick(w);
	assert_int_equal(w->n_said, 0);
	tick(&n.two);
	assert_int_equal(n.two.n_said, 0);
	nodes_end(&n);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(relay__tells_both__one_token),
	    T(relay__is_off__where_it_is_off),
	    T(relay__needs__both_logged_in),
	    T(relay__refuses__what_is_no_id),
	    T(relay__is_not_for__who_is_blocked),
	    T(relay__is_limited__in_a_minute),
	    T(relay__is_limited__for_an_account),
	    T(relay__is_limited__in_all),
	    T(relay__brings__who_is_at_another_node),
	    T(relay__is_refused__when_no_node_has_him),
	    T(relay__is_refused__by_his_node_too),
	    T(relay__needs_an_address__for_other_nodes),
	    T(relay__reads_notes__of_any_kind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
