/* Who hears of whom at a center, and how much at once: center_presence.c. */
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

enum { PEOPLE = 1200, A_SECOND = 400000, NAMES_PACKET = 64 };

struct world {
	char dir[40];
	struct center_backend *b;
	struct center *c;
	struct effects *fx;
	struct rng rng;
	struct now now;
	uint64_t ref;
	/* of the last call */
	unsigned names, packets, most;       /* most: names in one of them */
	unsigned came[PEOPLE], went[PEOPLE]; /* so often, to the first one */
	char order[256];                     /* "+7 -7 ", to the first one */
	bool itself;                         /* somebody heard of himself */
};

static struct pubkey key_of(unsigned who)
{
	return (struct pubkey){{1, (uint8_t)who, (uint8_t)(who >> 8)}};
}

static struct bytes view(const char *s)
{
	return (struct bytes){(const uint8_t *)s, strlen(s)};
}

static unsigned number_of(struct bytes user)
{
	char text[CENTER_NAME_MAX + 1];

	assert_true(user.n < sizeof text && user.n > 4);
	memcpy(text, user.p, user.n);
	text[user.n] = 0;
	assert_memory_equal(text, "user", 4);
	return (unsigned)atoi(text + 4);
}

static void name_heard(struct world *w, link_id by, struct bytes user,
		       struct bytes key, bool here)
{
	unsigned who = number_of(user);
	size_t n = strlen(w->order);

	assert_true(who < PEOPLE);
	assert_int_equal(key.n, 64);
	w->names++;
	w->itself |= who + 1 == by;
	if (by != 1)
		return;
	here ? w->came[who]++ : w->went[who]++;
	if (n < sizeof w->order - 16)
		snprintf(w->order + n, 16, "%c%u ", here ? '+' : '-', who);
}

static void lines_heard(struct world *w, link_id by, struct bytes s, bool here)
{
	unsigned n = 0;

	while (s.n) {
		const uint8_t *end = memchr(s.p, '\n', s.n);
		size_t len = end ? (size_t)(end - s.p) : s.n;
		const uint8_t *blank = memchr(s.p, ' ', len);

		assert_non_null(blank);
		size_t user = (size_t)(blank - s.p);
		name_heard(w, by, (struct bytes){s.p, user},
			   (struct bytes){blank + 1, len - user - 1}, here);
		n++;
		len += end != NULL;
		s = (struct bytes){s.p + len, s.n - len};
	}
	if (n > w->most)
		w->most = n;
}

static void heard(struct world *w)
{
	struct effect e;

	w->names = w->packets = w->most = 0;
	w->order[0] = 0;
	w->itself = false;
	memset(w->came, 0, sizeof w->came);
	memset(w->went, 0, sizeof w->went);
	while (effects_next(w->fx, 0, &e)) {
		const struct packet *p = e.packet;

		assert_int_equal(e.kind, FX_SEND);
		assert_int_equal(dialect_check(&dialect_sotto, p), OK);
		if (p->verb != CENTER_ONLINE && p->verb != CENTER_OFFLINE)
			continue;
		bool here = p->verb == CENTER_ONLINE;
		w->packets++;
		assert_int_equal(p->n_words ? p->text.n : 0, 0);
		if (p->n_words)
			name_heard(w, e.link, p->word[0], p->word[1], here);
		lines_heard(w, e.link, p->text, here);
	}
}

static void tick(struct world *w)
{
	center_tick(w->c, &w->now);
	heard(w);
}

static void later(struct world *w, int64_t ms)
{
	w->now.wall_us += ms * 1000;
	w->now.mono_us += ms * 1000;
}

static void say(struct world *w, unsigned who, enum center_verb verb)
{
	char name[16];

	snprintf(name, sizeof name, "user%u", who);
	center_packet(w->c, &w->now, who + 1,
		      &(struct packet){.kind = PKT_CENTER,
				       .verb = verb,
				       .ref = ++w->ref,
				       .n_words = verb == CENTER_LIN,
				       .word = {view(name)}});
}

static void log_in(struct world *w, unsigned who)
{
	say(w, who, CENTER_LIN);
}

static void log_out(struct world *w, unsigned who)
{
	say(w, who, CENTER_OUT);
}

static void account(struct world *w, unsigned who)
{
	struct center_acct *a = calloc(1, sizeof *a);
	char name[16];

	assert_non_null(a);
	snprintf(name, sizeof name, "user%u", who);
	a->key[0] = key_of(who);
	a->n_keys = 1;
	assert_int_equal(w->b->acct_put(w->b, name, a, 0, NULL), OK);
	free(a);
}

/* So many, with links; nobody is logged in. */
static void begin(struct world *w, unsigned people)
{
	struct addr at = {.ip = {[10] = 0xff, 0xff, 10, 0, 0, 1}, .port = 9};
	struct center_terms terms = {.node = "one"};

	w->c = center_new(w->b, &terms, w->fx);
	assert_non_null(w->c);
	for (unsigned i = 0; i < people; i++) {
		struct pubkey k = key_of(i);

		account(w, i);
		center_link_up(w->c, i + 1, &k, &at);
	}
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof *w);
	char path[80], why[256];

	if (!w)
		return -1;
	strcpy(w->dir, "/tmp/sotto-here-XXXXXX");
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

/* ---- the tests ---- */

static void one__is_told_at_once(void **state)
{
	struct world *w = *state;

	begin(w, 3);
	log_in(w, 0);
	log_in(w, 1);
	tick(w);
	/* each of the other */
	assert_string_equal(w->order, "+1 ");
	assert_int_equal(w->names, 2);
	assert_false(w->itself);
	log_in(w, 2);
	tick(w);
	assert_string_equal(w->order, "+2 ");
	assert_int_equal(w->packets, 2);
	log_out(w, 2);
	tick(w);
	assert_string_equal(w->order, "-2 ");
	assert_int_equal(center_wait_ms(w->c), INT32_MAX);
}

static void who_came_and_went__was_not_there(void **state)
{
	struct world *w = *state;

	begin(w, 3);
	log_in(w, 0);
	log_in(w, 1);
	log_out(w, 1);
	tick(w);
	assert_int_equal(w->names, 0);
	/* and who went and came again is there at last */
	log_in(w, 1);
	tick(w);
	assert_string_equal(w->order, "+1 ");
	log_out(w, 1);
	center_tick(w->c, &w->now);
	log_in(w, 1);
	tick(w);
	assert_string_equal(w->order, "-1 +1 ");
}

/* Everybody hears of everybody, but not in one moment. */
static void rush__is_bounded_and_all_is_told(void **state)
{
	struct world *w = *state;
	unsigned came[PEOPLE] = {0}, rounds = 0, sum = 0;
	unsigned most = A_SECOND / PEOPLE; /* names, in the first moment */

	begin(w, PEOPLE);
	for (unsigned i = 0; i < PEOPLE; i++)
		log_in(w, i);
	center_settle(w->c, &w->now);
	for (tick(w);; later(w, 250), tick(w), rounds++) {
		assert_true(rounds < 60);
		assert_false(w->itself);
		assert_true(w->names <= (most + 1) * PEOPLE);
		/* a packet each for many names */
		assert_true(w->packets <=
			    PEOPLE * (most / NAMES_PACKET + 1) + PEOPLE);
		assert_true(w->most <= NAMES_PACKET);
		for (unsigned i = 0; i < PEOPLE; i++)
			came[i] += w->came[i];
		sum += w->names;
		if (center_wait_ms(w->c) == INT32_MAX)
			break;
		/* not faster than it should be */
		assert_true((double)sum <= A_SECOND * (1.1 + rounds * 0.25));
	}
	for (unsigned i = 1; i < PEOPLE; i++)
		assert_int_equal(came[i], 1);
	assert_int_equal(came[0], 0);
	assert_true(rounds > 4);
	/* it is calm again: at once */
	later(w, 2000);
	log_out(w, 7);
	tick(w);
	assert_string_equal(w->order, "-7 ");
	assert_int_equal(w->names, PEOPLE - 1);
}

/* Who goes while nobody has heard that he came was never there. */
static void rush__keeps_quiet__of_who_went_meanwhile(void **state)
{
	struct world *w = *state;
	unsigned gone = 1, came = 0, went = 0;

	begin(w, PEOPLE);
	for (unsigned i = 0; i < PEOPLE; i++)
		log_in(w, i);
	tick(w);
	while (w->came[gone])
		gone++;
	assert_true(gone < PEOPLE);
	log_out(w, gone);
	for (int i = 0; i < 60; i++) {
		later(w, 250);
		tick(w);
		came += w->came[gone];
		went += w->went[gone];
	}
	assert_int_equal(center_wait_ms(w->c), INT32_MAX);
	assert_int_equal(came, 0);
	assert_int_equal(went, 0);
}

/* Between two rounds it gathers; nobody has to ask. */
static void rush__is_told_in_rounds(void **state)
{
	struct world *w = *state;

	begin(w, PEOPLE);
	for (unsigned i = 0; i < PEOPLE; i++)
		log_in(w, i);
	tick(w);
	assert_true(w->names > 0);
	assert_int_not_equal(center_wait_ms(w->c), INT32_MAX);
	later(w, 100);
	tick(w);
	assert_int_equal(w->names, 0);
	later(w, 150);
	tick(w);
	assert_true(w->names > 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(one__is_told_at_once),
	    TEST(who_came_and_went__was_not_there),
	    TEST(rush__is_bounded_and_all_is_told),
	    TEST(rush__keeps_quiet__of_who_went_meanwhile),
	    TEST(rush__is_told_in_rounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
