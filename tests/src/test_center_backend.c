/* What center_backend.h promises, asked of each implementation. */
#include "src/center_backend.h"
#include "tests/src/nats_server.h"
#include <errno.h>
#include <ftw.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
/* cmocka needs some of those above */
#include <cmocka.h>

enum { PATIENCE_MS = 20000, SESSION_S = 2 };
#define T0 INT64_C(1800000000000)
#define DAY_MS INT64_C(86400000)

/* One implementation, and where it keeps things. */
struct kind {
	const char *name;
	bool many; /* several handles of several nodes */
};

struct world {
	const struct kind *kind;
	char dir[40];
	char where[200];
	struct center_rules rules;
	struct center_backend *b;
	int64_t now_ms;
	struct center_watch watch;
	char heard[4096]; /* what watch told: "+seas@n1 -seas !note " */
};

static const struct kind *kind; /* of the group that runs */

/* ---- the world ---- */

static int64_t mono_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static struct center_backend *open_one(const struct world *w)
{
	struct center_backend *b;
	char why[256] = "";

	if (center_open(w->where, &w->rules, &b, why))
		fail_msg("center_open: %s", why);
	return b;
}

static void reopen(struct world *w)
{
	center_close(w->b);
	w->b = open_one(w);
}

static struct nats_server nats;

static int setup_rules(void **state, struct center_rules rules)
{
	struct world *w = calloc(1, sizeof *w);

	if (!w)
		return -1;
	w->kind = kind;
	w->now_ms = T0;
	w->rules = rules;
	strcpy(w->dir, "/tmp/sotto-center-XXXXXX");
	if (!mkdtemp(w->dir))
		return -1;
	if (kind->many) /* one server for all of them, other names for each */
		snprintf(w->where, sizeof w->where,
			 "nats://127.0.0.1:%d?shards=2&prefix=%s", nats.port,
			 strrchr(w->dir, '-') + 1);
	else
		snprintf(w->where, sizeof w->where, "%s/center.db", w->dir);
	w->b = open_one(w);
	*state = w;
	return 0;
}

static int setup(void **state)
{
	struct center_rules usual = {.session_s = SESSION_S};

	return setup_rules(state, usual);
}

static int setup_small(void **state)
{
	struct center_rules small = {.session_s = SESSION_S, .box_mails = 8};

	return setup_rules(state, small);
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

	center_close(w->b);
	nftw(w->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(w);
	return 0;
}

static struct uuid id(unsigned n)
{
	struct uuid u = {{0}};

	memcpy(u.b, &n, sizeof n);
	u.b[15] = 1;
	return u;
}

static struct bytes text(const char *s)
{
	return (struct bytes){(const uint8_t *)s, strlen(s)};
}

static void ok(enum err err)
{
	if (err)
		fail_msg("%s", err_text(err));
}

/* ---- hearing ---- */

static void hear(struct world *w, const char *what, size_t n)
{
	size_t at = strlen(w->heard);

	assert_true(at + n + 2 < sizeof w->heard);
	memcpy(w->heard + at, what, n);
	memcpy(w->heard + at + n, " ", 2);
}

static void on_presence(void *ctx, const char *user, const char *node)
{
	char line[160];

	snprintf(line, sizeof line, "%c%s%s%s", node ? '+' : '-', user,
		 node ? "@" : "", node ? node : "");
	hear(ctx, line, strlen(line));
}

static void on_note(void *ctx, struct bytes note)
{
	hear(ctx, "!", 1);
	((struct world *)ctx)->heard[strlen(((struct world *)ctx)->heard) - 1] =
	    0;
	hear(ctx, (const char *)note.p, note.n);
}

static void watch_as(struct world *w, struct center_backend *b,
		     const char *node)
{
	w->watch = (struct center_watch){w, on_presence, on_note};
	ok(b->watch(b, node, &w->watch));
}

/* Until that was heard; the clock of sessions goes on meanwhile. */
static void wait_for(struct world *w, struct center_backend *b,
		     const char *what)
{
	int64_t until = mono_ms() + PATIENCE_MS;

	for (;;) {
		struct pollfd p = {.fd = b->fd, .events = POLLIN};

		ok(b->tick(b, w->now_ms));
		if (strstr(w->heard, what))
			return;
		if (mono_ms() > until)
			fail_msg("no \"%s\" in: %s", what, w->heard);
		poll(&p, 1, 50);
	}
}

static void forget_heard(struct world *w)
{
	w->heard[0] = 0;
}

/* ---- accounts ---- */

static struct center_acct *account(const char *password)
{
	struct center_acct *a = calloc(1, sizeof *a);

	assert_non_null(a);
	snprintf(a->password, sizeof a->password, "%s", password);
	a->made_ms = T0;
	return a;
}

static enum err put(struct center_backend *b, const char *user,
		    const char *password, uint64_t expect, uint64_t *rev)
{
	struct center_acct *a = account(password);
	enum err err = b->acct_put(b, user, a, expect, rev);

	free(a);
	return err;
}

static enum err get(struct center_backend *b, const char *user, char out[128],
		    uint64_t *rev)
{
	struct center_acct *a = account("");
	enum err err = b->acct_get(b, user, a, rev);

	if (!err)
		memcpy(out, a->password, CENTER_HASH_MAX);
	free(a);
	return err;
}

static void account__is_written__only_over_what_was_read(void **state)
{
	struct world *w = *state;
	struct center_backend *b = w->b;
	uint64_t first, second, third, read;
	char got[128];

	assert_int_equal(get(b, "seas", got, &read), ERR_ABSENT);
	ok(put(b, "seas", "one", 0, &first));
	assert_int_equal(put(b, "seas", "two", 0, NULL), ERR_EXISTS);
	ok(get(b, "seas", got, &read));
	assert_string_equal(got, "one");
	assert_int_equal(read, first);
	ok(put(b, "seas", "two", first, &second));
	assert_int_not_equal(first, second);
	assert_int_equal(put(b, "seas", "three", first, NULL), ERR_EXISTS);
	ok(get(b, "seas", got, &read));
	assert_string_equal(got, "two");
	assert_int_equal(b->acct_put(b, "seas", NULL, first, NULL), ERR_EXISTS);
	ok(b->acct_put(b, "seas", NULL, second, NULL));
	assert_int_equal(get(b, "seas", got, &read), ERR_ABSENT);
	/* somebody else of that name: what was read before fits no more */
	ok(put(b, "seas", "four", 0, &third));
	assert_int_equal(put(b, "seas", "five", second, NULL), ERR_EXISTS);
	reopen(w);
	ok(get(w->b, "seas", got, &read));
	assert_string_equal(got, "four");
	assert_int_equal(read, third);
}

/* What is to be used once must not be used twice by two who want the same. */
static void account__is_written__by_one_of_two_who_want_the_same(void **state)
{
	struct world *w = *state;
	struct center_backend *b = w->b;
	uint64_t first, second;

	ok(put(b, "seas", "one", 0, &first));
	assert_int_equal(put(b, "seas", "one", 0, NULL), ERR_EXISTS);
	ok(put(b, "seas", "two", first, &second));
	assert_int_equal(put(b, "seas", "two", first, NULL), ERR_EXISTS);
	ok(b->acct_put(b, "seas", NULL, second, NULL));
	ok(b->acct_put(b, "seas", NULL, second, NULL)); /* gone is gone */
	ok(b->acct_put(b, "nobody", NULL, 0, NULL));
}

static void account__keeps__all_of_it(void **state)
{
	struct world *w = *state;
	struct center_acct *a = account("$argon2id$v=19$m=19456,t=2,p=1$x$y");
	struct center_acct *got = account("");
	uint64_t rev;

	a->invite_ms = T0 + 5;
	memset(a->invite, 0xab, sizeof a->invite);
	for (size_t i = 0; i < CENTER_KEYS_MAX; i++)
		memset(a->key[a->n_keys++].b, (int)i + 1, 32);
	for (size_t i = 0; i < CENTER_BLOCKS_MAX; i++)
		snprintf(a->blocked[a->n_blocked++], CENTER_NAME_MAX + 1,
			 "%064zu", i);
	ok(w->b->acct_put(w->b, "seas", a, 0, &rev));
	ok(w->b->acct_get(w->b, "seas", got, &rev));
	assert_memory_equal(a, got, sizeof *a);
	free(a);
	free(got);
}

static void account__is_found__by_names_of_every_kind(void **state)
{
	static const char *const good[] = {
	    "a",
	    "Seas",
	    "seas",
	    "jo\xc3\xa3o",
	    "a.b*c>d",
	    "\xe5\xa4\xa7",
	    "0123456789012345678901234567890123456789012345678901234567890123"};
	static const char *const bad[] = {"",
					  "a b",
					  "a|b",
					  "a\nb",
					  "\xff",
					  "a\x1b[31m",
					  "\x7f",
					  "\xe2\x80\xae"
					  "evil",
					  "012345678901234567890123456789012345"
					  "67890123456789012345678901234"};
	struct center_backend *b = ((struct world *)*state)->b;
	uint64_t rev;
	char got[128];

	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		ok(put(b, good[i], good[i], 0, NULL));
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		ok(get(b, good[i], got, &rev));
		assert_string_equal(got, good[i]);
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert_int_equal(put(b, bad[i], "x", 0, NULL), ERR_LIMIT);
		assert_int_equal(get(b, bad[i], got, &rev), ERR_ABSENT);
	}
}

enum { ACCOUNTS = 600 };

static void count_one(void *ctx, const char *user,
		      const struct center_acct *acct)
{
	unsigned char *seen = ctx;
	long n = strtol(user + 1, NULL, 10);

	assert_string_equal(user, acct->password);
	assert_true(n >= 0 && n < ACCOUNTS);
	seen[n]++;
}

static void accounts__are_listed__each_once(void **state)
{
	struct center_backend *b = ((struct world *)*state)->b;
	unsigned char seen[ACCOUNTS] = {0};
	uint64_t rev = 0;

	for (int i = 0; i < ACCOUNTS; i++) {
		char user[16];

		snprintf(user, sizeof user, "u%d", i);
		ok(put(b, user, user, 0, &rev));
	}
	ok(b->acct_put(b, "u599", NULL, rev, NULL));
	ok(b->acct_each(b, count_one, seen));
	for (int i = 0; i < ACCOUNTS; i++)
		assert_int_equal(seen[i], i < ACCOUNTS - 1);
}

/* ---- many at once ---- */

enum { THREADS = 4, ROUNDS = 25 };

struct racer {
	const struct world *w;
	pthread_t thread;
	int lost; /* times that somebody was quicker */
	enum err err;
};

/* Counts made_ms up, as a node changes an account. */
static void *race(void *arg)
{
	struct racer *r = arg;
	struct center_backend *b = NULL;
	struct center_acct *a = calloc(1, sizeof *a);
	char why[256];
	uint64_t rev;

	r->err = center_open(r->w->where, &r->w->rules, &b, why);
	for (int i = 0; i < ROUNDS && !r->err;) {
		r->err = b->acct_get(b, "seas", a, &rev);
		a->made_ms++;
		if (!r->err)
			r->err = b->acct_put(b, "seas", a, rev, NULL);
		i += !r->err;
		r->lost += r->err == ERR_EXISTS;
		if (r->err == ERR_EXISTS)
			r->err = OK;
	}
	center_close(b);
	free(a);
	return NULL;
}

static void account__loses__no_change_of_many_at_once(void **state)
{
	struct world *w = *state;
	struct racer r[THREADS] = {{0}};
	struct center_acct *a = account("x");
	uint64_t rev;
	int lost = 0;

	ok(w->b->acct_put(w->b, "seas", a, 0, NULL));
	for (int i = 0; i < THREADS; i++) {
		r[i].w = w;
		assert_false(pthread_create(&r[i].thread, NULL, race, &r[i]));
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(r[i].thread, NULL);
		ok(r[i].err);
		lost += r[i].lost;
	}
	ok(w->b->acct_get(w->b, "seas", a, &rev));
	assert_int_equal(a->made_ms, T0 + THREADS * ROUNDS);
	print_message("    %d of %d were too late and tried again\n", lost,
		      lost + THREADS * ROUNDS);
	free(a);
}

/* ---- wrong log-ins ---- */

static void tries(struct world *w, const char *source, unsigned left)
{
	struct center_pen pen;

	ok(w->b->attempt(w->b, "seas", source, TRY_BEGIN, w->now_ms, &pen));
	assert_int_equal(pen.left, left);
	assert_int_equal(pen.wait_s, 0);
}

static void locked(struct world *w, const char *source, unsigned wait_s)
{
	enum center_try what[] = {TRY_BEGIN, TRY_LOOK};
	struct center_pen pen;

	for (int i = 0; i < 2; i++) {
		assert_int_equal(w->b->attempt(w->b, "seas", source, what[i],
					       w->now_ms, &pen),
				 ERR_AUTH);
		assert_int_equal(pen.wait_s, wait_s);
		assert_int_equal(pen.left, 0);
	}
}

static void three_wrong(struct world *w)
{
	tries(w, "192.0.2.7", 2);
	tries(w, "192.0.2.7", 1);
	tries(w, "192.0.2.7", 0);
}

static void attempt__locks__longer_each_time(void **state)
{
	static const unsigned pen_s[] = {60, 120, 240, 480, 900, 900};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof pen_s / sizeof *pen_s; i++) {
		three_wrong(w);
		locked(w, "192.0.2.7", pen_s[i]);
		w->now_ms += pen_s[i] * 1000 - 1;
		locked(w, "192.0.2.7", 1);
		w->now_ms += 1;
	}
}

static void attempt__locks__one_source_alone(void **state)
{
	struct world *w = *state;
	struct center_pen pen;

	three_wrong(w);
	locked(w, "192.0.2.7", 60);
	tries(w, "198.51.100.1", 2);
	ok(w->b->attempt(w->b, "google", "192.0.2.7", TRY_BEGIN, w->now_ms,
			 &pen));
	assert_int_equal(pen.left, 2);
}

static void attempt__forgets__after_a_good_one_or_an_hour(void **state)
{
	struct world *w = *state;
	struct center_pen pen;

	tries(w, "a", 2);
	tries(w, "a", 1);
	ok(w->b->attempt(w->b, "seas", "a", TRY_GOOD, w->now_ms, &pen));
	tries(w, "a", 2);
	three_wrong(w);
	w->now_ms += 60000;
	w->now_ms += 1000 * CENTER_PARDON_S + 1;
	three_wrong(w);
	locked(w, "192.0.2.7", 60);
	w->now_ms -= DAY_MS; /* a clock that is set back locks nobody up */
	locked(w, "192.0.2.7", 60);
}

/* ---- sessions ---- */

static void claims(struct world *w, unsigned token, const char *node,
		   const char *old)
{
	struct uuid t = id(token);
	char got[CENTER_NODE_MAX + 1] = "?";

	ok(w->b->session_claim(w->b, "seas", &t, node, w->now_ms, got));
	assert_string_equal(got, old);
}

static enum err refresh(struct world *w, unsigned token)
{
	struct uuid t = id(token);

	return w->b->session_refresh(w->b, "seas", &t, w->now_ms);
}

static enum err drop(struct world *w, unsigned token)
{
	struct uuid t = id(token);

	return w->b->session_drop(w->b, "seas", &t);
}

static void session__is_of__the_newest_alone(void **state)
{
	struct world *w = *state;

	assert_int_equal(refresh(w, 1), ERR_ABSENT);
	claims(w, 1, "n1", "");
	claims(w, 1, "n1", "");
	ok(refresh(w, 1));
	claims(w, 2, "n2", "n1");
	claims(w, 2, "n2", "n1"); /* asked again: the first answer */
	assert_int_equal(refresh(w, 1), ERR_AUTH);
	ok(refresh(w, 2));
	ok(drop(w, 1)); /* too late to take anything from anybody */
	ok(refresh(w, 2));
	claims(w, 3, "n2", "n2");
	ok(drop(w, 3));
	ok(drop(w, 3));
	assert_int_equal(refresh(w, 3), ERR_ABSENT);
	claims(w, 4, "n1", "");
}

/* By the clock that is passed in, or by that of the servers. */
static void session__ends__without_a_refresh(void **state)
{
	struct world *w = *state;
	int64_t until = mono_ms() + PATIENCE_MS;

	watch_as(w, w->b, "n1");
	claims(w, 1, "n1", "");
	wait_for(w, w->b, "+seas@n1 ");
	w->now_ms += SESSION_S * 1000 - 1;
	ok(refresh(w, 1));
	w->now_ms += SESSION_S * 1000 - 1;
	ok(refresh(w, 1));
	w->now_ms += SESSION_S * 1000;
	wait_for(w, w->b, "-seas ");
	/* servers may take a moment more; asking prolongs it */
	while (refresh(w, 1) != ERR_ABSENT) {
		assert_true(mono_ms() < until);
		poll(NULL, 0, 2500 * SESSION_S);
	}
	claims(w, 2, "n1", "");
}

static void presence__is_told__as_it_is_at_last(void **state)
{
	struct world *w = *state;
	struct uuid t = id(9);
	char old[CENTER_NODE_MAX + 1];

	claims(w, 1, "n1", "");
	watch_as(w, w->b, "n1");
	wait_for(w, w->b, "+seas@n1 ");
	forget_heard(w);
	claims(w, 2, "n2", "n1");
	ok(w->b->session_claim(w->b, "google", &t, "n1", w->now_ms, old));
	wait_for(w, w->b, "+google@n1 ");
	wait_for(w, w->b, "+seas@n2 ");
	forget_heard(w);
	ok(drop(w, 2));
	wait_for(w, w->b, "-seas ");
	assert_null(strstr(w->heard, "google"));
}

/* ---- letters ---- */

struct read {
	uint64_t seq[20000];
	unsigned n[20000]; /* what is in it, as put by letter() */
	size_t count;
	uint64_t last;
};

static void on_mail(void *ctx, const struct center_mail *m)
{
	struct read *r = ctx;
	unsigned n;

	assert_true(r->count < sizeof r->n / sizeof *r->n);
	assert_true(m->seq > r->last);
	assert_true(m->blob.n >= sizeof n);
	memcpy(&n, m->blob.p, sizeof n);
	struct uuid eid = id(n);
	assert_memory_equal(m->eid.b, eid.b, 16);
	r->seq[r->count] = r->last = m->seq;
	r->n[r->count++] = n;
}

/* The n-th letter to a box; of how many bytes. */
static struct center_mail letter(unsigned box, const unsigned *n, size_t size)
{
	return (struct center_mail){
	    .box = id(box), .eid = id(*n), .blob = {(const uint8_t *)n, size}};
}

static uint64_t append(struct world *w, unsigned box, unsigned n)
{
	struct center_mail m = letter(box, &n, sizeof n);

	ok(w->b->mbox_append(w->b, &m, 1, w->now_ms));
	ok(m.err);
	assert_int_not_equal(m.seq, 0);
	return m.seq;
}

static enum err append_err(struct world *w, unsigned box, unsigned n)
{
	struct center_mail m = letter(box, &n, sizeof n);

	ok(w->b->mbox_append(w->b, &m, 1, w->now_ms));
	return m.err;
}

/* A page; what was there before in r stays. */
static size_t read_page(struct world *w, unsigned box, uint64_t after,
			size_t max, struct read *r)
{
	struct uuid u = id(box);
	size_t had = r->count;

	ok(w->b->mbox_read(w->b, &u, after, max, w->now_ms, on_mail, r));
	return r->count - had;
}

static struct read *read_new(void)
{
	struct read *r = calloc(1, sizeof *r);

	assert_non_null(r);
	return r;
}

static size_t count(struct world *w, unsigned box)
{
	struct read *r = read_new();
	size_t n, page;

	do
		page = read_page(w, box, r->last, 100, r);
	while (page == 100);
	n = r->count;
	free(r);
	return n;
}

static void box__gives__letters_in_order(void **state)
{
	struct world *w = *state;
	struct read *r = read_new();
	uint64_t seq[7];

	assert_int_equal(read_page(w, 1, 0, 10, r), 0);
	for (unsigned i = 0; i < 7; i++) {
		seq[i] = append(w, 1, i);
		append(w, 2, 100 + i); /* somebody else's, between them */
	}
	assert_int_equal(read_page(w, 1, 0, 4, r), 4);
	assert_int_equal(read_page(w, 1, r->last, 4, r), 3);
	assert_int_equal(read_page(w, 1, r->last, 4, r), 0);
	for (unsigned i = 0; i < 7; i++) {
		assert_int_equal(r->n[i], i);
		assert_int_equal(r->seq[i], seq[i]);
	}
	memset(r, 0, sizeof *r);
	assert_int_equal(read_page(w, 1, seq[4], 10, r), 2);
	assert_int_equal(read_page(w, 1, UINT64_MAX, 10, r), 0);
	reopen(w);
	assert_int_equal(count(w, 1), 7);
	free(r);
}

static void box__takes__each_letter_once(void **state)
{
	struct world *w = *state;
	uint64_t first = append(w, 1, 5), other = append(w, 1, 6);
	struct center_mail m[3];
	unsigned n[3] = {7, 5, 7};

	assert_int_equal(append(w, 1, 5), first);
	reopen(w);
	assert_int_equal(append(w, 1, 5), first);
	for (int i = 0; i < 3; i++)
		m[i] = letter(1, &n[i], sizeof n[i]);
	ok(w->b->mbox_append(w->b, m, 3, w->now_ms));
	assert_true(m[0].seq > other);
	assert_int_equal(m[1].seq, first);
	assert_int_equal(m[2].seq, m[0].seq);
	assert_int_equal(count(w, 1), 3);
	for (unsigned box = 2; box < 12; box++) { /* the same to others */
		append(w, box, 5);
		assert_int_equal(count(w, box), 1);
	}
}

static void box__forgets__what_is_trimmed(void **state)
{
	struct world *w = *state;
	struct uuid box = id(1);
	uint64_t seq[5];

	for (unsigned i = 0; i < 5; i++)
		seq[i] = append(w, 1, i);
	append(w, 2, 9);
	ok(w->b->mbox_trim(w->b, &box, seq[2]));
	ok(w->b->mbox_trim(w->b, &box, seq[2]));
	assert_int_equal(count(w, 1), 2);
	ok(w->b->mbox_trim(w->b, &box, UINT64_MAX));
	assert_int_equal(count(w, 1), 0);
	assert_int_equal(count(w, 2), 1);
	reopen(w); /* a number that was given is never given again */
	assert_true(append(w, 1, 70) > seq[4]);
}

static void box__refuses__more_than_its_quota(void **state)
{
	struct world *w = *state;
	struct uuid box = id(1);
	uint64_t seq = 0;

	for (unsigned i = 0; i < w->rules.box_mails; i++)
		seq = append(w, 1, i);
	assert_int_equal(append_err(w, 1, 90), ERR_FULL);
	assert_int_equal(append_err(w, 1, 90), ERR_FULL);
	assert_int_equal(append(w, 1, 0) < seq, 1); /* it is there already */
	append(w, 2, 91);
	assert_int_equal(count(w, 1), w->rules.box_mails);
	ok(w->b->mbox_trim(w->b, &box, seq));
	append(w, 1, 90);
	assert_int_equal(count(w, 1), 1);
}

static void box__refuses__alone_what_does_not_fit(void **state)
{
	struct world *w = *state;
	size_t longest = CENTER_BLOB_MAX + 1;
	unsigned *big = calloc(longest, 1), n[3] = {1, 0, 3};
	struct center_mail m[CENTER_BATCH_MAX + 1];

	assert_non_null(big);
	m[0] = letter(1, &n[0], sizeof n[0]);
	m[1] = letter(1, big, longest);
	m[2] = letter(1, &n[2], sizeof n[2]);
	ok(w->b->mbox_append(w->b, m, 3, w->now_ms));
	assert_int_equal(m[1].err, ERR_LIMIT);
	ok(m[0].err);
	ok(m[2].err);
	m[0] = letter(2, big, longest - 1);
	ok(w->b->mbox_append(w->b, m, 1, w->now_ms));
	ok(m[0].err);
	assert_int_equal(count(w, 1), 2);
	assert_int_equal(count(w, 2), 1);
	for (size_t i = 0; i <= CENTER_BATCH_MAX; i++)
		m[i] = letter(3, &n[0], sizeof n[0]);
	assert_int_equal(
	    w->b->mbox_append(w->b, m, CENTER_BATCH_MAX + 1, w->now_ms),
	    ERR_LIMIT);
	ok(w->b->mbox_append(w->b, m, 0, w->now_ms));
	assert_int_equal(count(w, 3), 0);
	free(big);
}

static void letter__is_gone__when_its_time_is_over(void **state)
{
	struct world *w = *state;
	unsigned n[3] = {1, 2, 3};
	struct center_mail m[3];

	for (int i = 0; i < 3; i++)
		m[i] = letter(1, &n[i], sizeof n[i]);
	m[0].until_ms = w->now_ms + 1000;
	m[1].until_ms = w->now_ms + 400 * DAY_MS; /* 30 days is the most */
	ok(w->b->mbox_append(w->b, m, 3, w->now_ms));
	w->now_ms += 999;
	assert_int_equal(count(w, 1), 3);
	w->now_ms += 1;
	assert_int_equal(count(w, 1), 2);
	ok(w->b->tick(w->b, w->now_ms));
	w->now_ms += 30 * DAY_MS - 1001;
	assert_int_equal(count(w, 1), 2);
	w->now_ms += 1;
	assert_int_equal(count(w, 1), 0);
	ok(w->b->tick(w->b, w->now_ms));
	append(w, 1, 4);
	assert_int_equal(count(w, 1), 1);
}

static void page__is_full__whatever_is_over_between(void **state)
{
	struct world *w = *state;
	struct read *r = read_new();

	for (unsigned i = 0; i < 40; i++) {
		struct center_mail m = letter(1, &i, sizeof i);

		m.until_ms = i % 4 ? w->now_ms + 1000 : 0;
		ok(w->b->mbox_append(w->b, &m, 1, w->now_ms));
	}
	w->now_ms += 1000;
	assert_int_equal(read_page(w, 1, 0, 8, r), 8);
	assert_int_equal(read_page(w, 1, r->last, 8, r), 2);
	assert_int_equal(r->n[9], 36);
	free(r);
}

/* ---- prekeys, notes ---- */

static void prekey__is__the_newest(void **state)
{
	struct world *w = *state;
	struct center_backend *b = w->b;
	struct uuid seas = id(1), google = id(2);
	char big[CENTER_BUNDLE_MAX + 1] = {0};
	struct buf got = {0};

	assert_int_equal(b->prekey_get(b, &seas, T0, &got), ERR_ABSENT);
	ok(b->prekey_put(b, &seas, text("one"), T0));
	ok(b->prekey_put(b, &seas, text("two"), T0));
	ok(b->prekey_get(b, &seas, T0, &got));
	assert_int_equal(got.n, 3);
	assert_memory_equal(got.p, "two", 3);
	assert_int_equal(b->prekey_get(b, &google, T0, &got), ERR_ABSENT);
	assert_int_equal(
	    b->prekey_put(b, &seas, (struct bytes){(uint8_t *)big, sizeof big},
			  T0),
	    ERR_LIMIT);
	assert_int_equal(b->prekey_get(b, &seas, T0 + 38 * DAY_MS, &got),
			 ERR_ABSENT);
	assert_int_equal(got.n, 3);
	buf_free(&got);
}

static void note__reaches__whom_it_is_for(void **state)
{
	struct world *w = *state;
	struct center_backend *b = w->b;
	char *big = calloc(CENTER_NOTE_MAX + 1, 1);

	watch_as(w, b, "n1");
	ok(b->notify(b, "n2", text("not-ours")));
	ok(b->notify(b, "n1", text("ours")));
	ok(b->notify(b, NULL, text("all")));
	wait_for(w, b, "!ours ");
	wait_for(w, b, "!all ");
	assert_null(strstr(w->heard, "not-ours"));
	assert_int_equal(
	    b->notify(b, "n1",
		      (struct bytes){(uint8_t *)big, CENTER_NOTE_MAX + 1}),
	    ERR_LIMIT);
	assert_int_equal(b->notify(b, "a.b", text("x")), ERR_LIMIT);
	assert_int_equal(b->notify(b, ">", text("x")), ERR_LIMIT);
	free(big);
}

/* ---- SQLite alone ---- */

static void sqlite__makes__a_private_file(void **state)
{
	struct world *w = *state;
	struct stat st;
	char path[256];

	assert_int_equal(stat(w->where, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	ok(put(w->b, "seas", "x", 0, NULL));
	snprintf(path, sizeof path, "%s-wal", w->where);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void scribble(const struct world *w, const char *sql)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(w->where, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static void refused(const struct world *w, enum err expected, const char *word)
{
	struct center_backend *b;
	char why[256] = "";

	assert_int_equal(center_open(w->where, &w->rules, &b, why), expected);
	assert_null(b);
	if (!strstr(why, word))
		fail_msg("no \"%s\" in: %s", word, why);
}

static int64_t ask(const struct world *w, const char *sql)
{
	sqlite3 *db;
	sqlite3_stmt *q;

	assert_int_equal(sqlite3_open(w->where, &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &q, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(q), SQLITE_ROW);
	int64_t v = sqlite3_column_int64(q, 0);
	sqlite3_finalize(q);
	sqlite3_close(db);
	return v;
}

static void sqlite__throws_away__what_is_over(void **state)
{
	struct world *w = *state;
	struct uuid seas = id(1);

	for (unsigned i = 0; i < 600; i++) {
		struct center_mail m = letter(i % 7, &i, sizeof i);

		m.until_ms = i % 3 ? T0 + 1000 : 0;
		ok(w->b->mbox_append(w->b, &m, 1, T0));
	}
	ok(w->b->prekey_put(w->b, &seas, text("one"), T0));
	for (int i = 0; i < 4; i++) /* 256 at a time, then from the start */
		ok(w->b->tick(w->b, T0 + 1000));
	assert_int_equal(ask(w, "SELECT count(*) FROM mail"), 200);
	assert_int_equal(ask(w, "SELECT sum(mails) FROM box"), 200);
	assert_int_equal(ask(w, "SELECT count(*) FROM prekey"), 1);
	for (int i = 0; i < 4; i++)
		ok(w->b->tick(w->b, T0 + 38 * DAY_MS));
	assert_int_equal(ask(w, "SELECT count(*) FROM mail"), 0);
	assert_int_equal(ask(w, "SELECT count(*) FROM box"), 0);
	assert_int_equal(ask(w, "SELECT count(*) FROM prekey"), 0);
}

static void sqlite__refuses__what_it_cannot_read(void **state)
{
	struct world *w = *state;
	uint64_t rev;
	char got[128];

	ok(put(w->b, "seas", "x", 0, NULL));
	scribble(w, "UPDATE account SET record = 'sotto account 2'");
	assert_int_equal(get(w->b, "seas", got, &rev), ERR_STATE);
	scribble(w, "UPDATE account SET record = 'sotto account 1'"
		    " || char(10) || 'key 12'");
	assert_int_equal(get(w->b, "seas", got, &rev), ERR_PARSE);
	scribble(w, "PRAGMA user_version = 2");
	refused(w, ERR_STATE, "newer sotto");
	strcpy(w->where, "/nonexistent/center.db");
	refused(w, ERR_SYS, "No such file");
}

static void sqlite__loses__nothing_of_what_a_killed_one_said(void **state)
{
	struct world *w = *state;
	unsigned said = 0, n;
	int fd[2];

	assert_int_equal(pipe(fd), 0);
	center_close(w->b);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		w->b = open_one(w);
		for (n = 0;; n++) {
			append(w, 1, n);
			if (write(fd[1], &n, sizeof n) != sizeof n)
				_exit(1);
		}
	}
	close(fd[1]);
	for (n = 0; n < 200; said++)
		assert_int_equal(read(fd[0], &n, sizeof n), sizeof n);
	kill(pid, SIGKILL);
	while (read(fd[0], &n, sizeof n) == sizeof n)
		said++;
	close(fd[0]);
	waitpid(pid, NULL, 0);
	w->b = open_one(w);
	size_t there = count(w, 1);
	assert_true(there == said || there == said + 1);
	for (n = 0; n < said; n++) /* all of it again: not one is new */
		append(w, 1, n);
	assert_int_equal(count(w, 1), there);
}

/* ---- NATS alone ---- */

static void nodes__hear__of_each_other(void **state)
{
	struct world *w = *state, two = *w;
	struct uuid t = id(5);
	char old[CENTER_NODE_MAX + 1];

	two.b = open_one(w);
	watch_as(w, w->b, "n1");
	watch_as(&two, two.b, "n2");
	claims(w, 1, "n1", "");
	wait_for(w, w->b, "+seas@n1 ");
	wait_for(&two, two.b, "+seas@n1 ");
	claims(&two, 2, "n2", "n1");
	ok(two.b->notify(two.b, "n1", text("elsewhere")));
	wait_for(w, w->b, "!elsewhere ");
	wait_for(w, w->b, "+seas@n2 ");
	assert_int_equal(refresh(w, 1), ERR_AUTH);
	ok(w->b->notify(w->b, NULL, text("everybody")));
	wait_for(w, w->b, "!everybody ");
	wait_for(&two, two.b, "!everybody ");
	assert_null(strstr(two.heard, "!elsewhere"));
	/* a node that dies says nothing; its people are gone all the same */
	ok(two.b->session_claim(two.b, "google", &t, "n2", T0, old));
	wait_for(w, w->b, "+google@n2 ");
	center_close(two.b);
	wait_for(w, w->b, "-google ");
	wait_for(w, w->b, "-seas ");
}

/* A letter that one node put is read at another; which stream it is in was
 * said by the first. */
static void nodes__agree__where_a_box_is(void **state)
{
	struct world *w = *state, two = *w;
	char *shards = strstr(two.where, "shards=2");

	for (unsigned i = 0; i < 20; i++)
		append(w, i, i);
	assert_non_null(shards);
	shards[7] = '7';
	two.b = open_one(&two);
	for (unsigned i = 0; i < 20; i++)
		assert_int_equal(count(&two, i), 1);
	center_close(two.b);
}

enum { BOXES = 20, LETTERS = 3000, LETTERS_MOST = 19000 };

/* Kills one server after the other at odd times and starts it again. */
struct killer {
	pthread_t thread;
	struct nats_server *server;
	const char *const *more; /* of its configuration, one each */
	int n, kills, dead_ms, alive_ms;
	atomic_bool over;
};

static void *kill_now_and_then(void *arg)
{
	struct killer *k = arg;

	for (int i = 0; i < k->kills; i++) {
		struct nats_server *s = &k->server[i % k->n];

		poll(NULL, 0, k->alive_ms + 70 * i);
		nats_server_kill(s);
		poll(NULL, 0, k->dead_ms * i);
		assert_true(nats_server_start(s, k->more[i % k->n]));
	}
	atomic_store(&k->over, true);
	return NULL;
}

/* Again and again until it is there, as one does that has an outbox. */
static int insist(struct world *w, struct center_mail *m, size_t n)
{
	int64_t until = mono_ms() + 2 * PATIENCE_MS;
	int again = 0;
	enum err err;

	do {
		err = w->b->mbox_append(w->b, m, n, w->now_ms);
		for (size_t i = 0; i < n && !err; i++)
			err = m[i].err;
		if (!err)
			return again;
		assert_int_equal(err, ERR_CLOSED);
		again++;
		poll(NULL, 0, 20);
	} while (mono_ms() < until);
	fail_msg("nobody answers any more");
	return again;
}

/* What a box holds is added to r; the last kill may be a moment ago. */
static void read_all(struct world *w, unsigned box, struct read *r)
{
	int64_t until = mono_ms() + PATIENCE_MS;
	struct uuid u = id(box);
	size_t had;
	uint64_t last;

	r->last = 0;
	do {
		had = r->count;
		last = r->last;
		while (w->b->mbox_read(w->b, &u, last, 256, T0, on_mail, r)) {
			assert_true(mono_ms() < until);
			r->count = had;
			r->last = last;
			poll(NULL, 0, 50);
		}
	} while (r->count - had == 256);
}

/* Letters, at least LETTERS and until the killer is done, each there once. */
static void letters_under_kills(struct world *w, struct killer *k)
{
	static unsigned char seen[LETTERS_MOST];
	struct read *r = read_new();
	struct center_mail m[10];
	unsigned n[10], last = 0;
	int again = 0;

	memset(seen, 0, sizeof seen);
	assert_false(pthread_create(&k->thread, NULL, kill_now_and_then, k));
	while (last < LETTERS || !atomic_load(&k->over)) {
		for (unsigned j = 0; j < 10; j++) {
			n[j] = last++;
			m[j] = letter(n[j] % BOXES, &n[j], sizeof n[j]);
		}
		again += insist(w, m, 10);
		if (last > LETTERS / 10)
			poll(NULL, 0, last < LETTERS ? 2 : 50);
		assert_true(last < LETTERS_MOST);
	}
	pthread_join(k->thread, NULL);
	for (unsigned box = 0; box < BOXES; box++)
		read_all(w, box, r);
	assert_int_equal(r->count, last);
	for (size_t i = 0; i < r->count; i++)
		assert_int_equal(seen[r->n[i]]++, 0);
	print_message("    %u letters, %d kills, %d retries\n", last, k->kills,
		      again);
	assert_true(again > 0 || k->n > 1); /* else nothing was tried */
	free(r);
}

static void letters__are_there_once__when_the_server_is_killed(void **state)
{
	static const char *const more[] = {""};
	struct killer k = {.server = &nats,
			   .more = more,
			   .n = 1,
			   .kills = 4,
			   .dead_ms = 50,
			   .alive_ms = 60};

	letters_under_kills(*state, &k);
}

/* Three servers that each have all letters. */
static void three_start(struct nats_server s[3], char more[3][256])
{
	int route[3];

	for (int i = 0; i < 3; i++)
		route[i] = nats_server_free_port();
	for (int i = 0; i < 3; i++) {
		snprintf(more[i], 256,
			 "server_name: n%d\ncluster { name: three, listen: "
			 "\"127.0.0.1:%d\", routes: [\"nats://127.0.0.1:%d\", "
			 "\"nats://127.0.0.1:%d\"] }",
			 i, route[i], route[(i + 1) % 3], route[(i + 2) % 3]);
		assert_true(nats_server_start(&s[i], more[i]));
	}
}

/* How many of a box stay when the older half is trimmed. */
static size_t trim_half(struct world *w, unsigned box)
{
	int64_t until = mono_ms() + PATIENCE_MS;
	struct read *r = read_new();
	struct uuid u = id(box);

	read_all(w, box, r);
	size_t all = r->count, half = all / 2;
	r->count = 0;
	r->last = 0;
	read_page(w, box, 0, half, r);
	while (w->b->mbox_trim(w->b, &u, r->last)) {
		assert_true(mono_ms() < until);
		poll(NULL, 0, 50);
	}
	free(r);
	return all - half;
}

/* Servers that come up go through what was done, and may take it for more
 * than it was. */
static void rest_stays(struct world *w, struct killer *k)
{
	size_t rest[BOXES];
	struct read *r = read_new();

	for (unsigned box = 0; box < BOXES; box++)
		rest[box] = trim_half(w, box);
	kill_now_and_then(k);
	for (unsigned box = 0; box < BOXES; box++) {
		r->count = 0;
		read_all(w, box, r);
		assert_int_equal(r->count, rest[box]);
	}
	free(r);
}

static void letters__are_there_once__when_three_are_killed_in_turn(void **state)
{
	struct world *w = *state, three = *w;
	struct nats_server s[3] = {{0}};
	char more[3][256], why[256];
	const char *const config[] = {more[0], more[1], more[2]};
	int64_t until = mono_ms() + 2 * PATIENCE_MS;

	three_start(s, more);
	snprintf(three.where, sizeof three.where,
		 "nats://127.0.0.1:%d,127.0.0.1:%d,127.0.0.1:%d"
		 "?replicas=3&shards=2&prefix=three",
		 s[0].port, s[1].port, s[2].port);
	while (center_open(three.where, &w->rules, &three.b, why)) {
		if (mono_ms() > until)
			fail_msg("%s", why);
		poll(NULL, 0, 200);
	}
	if (*why) /* Debian 12 has 2.9.10 */
		assert_non_null(strstr(why, "2.10"));
	struct killer k = {.server = s,
			   .more = config,
			   .n = 3,
			   .kills = 3,
			   .dead_ms = 200,
			   .alive_ms = 1500};
	letters_under_kills(&three, &k);
	rest_stays(&three, &k);
	center_close(three.b);
	for (int i = 0; i < 3; i++)
		nats_server_end(&s[i]);
}

static void presence__goes_on__after_the_server_was_killed(void **state)
{
	struct world *w = *state;
	int64_t until = mono_ms() + PATIENCE_MS;
	struct uuid t = id(3);
	char old[CENTER_NODE_MAX + 1];

	watch_as(w, w->b, "n1");
	claims(w, 1, "n1", "");
	wait_for(w, w->b, "+seas@n1 ");
	nats_server_kill(&nats);
	assert_int_equal(refresh(w, 1), ERR_CLOSED);
	assert_true(nats_server_start(&nats, ""));
	while (w->b->session_claim(w->b, "google", &t, "n2", T0, old)) {
		assert_true(mono_ms() < until);
		poll(NULL, 0, 20);
	}
	while (w->b->tick(w->b, T0) && mono_ms() < until)
		poll(NULL, 0, 20);
	wait_for(w, w->b, "+google@n2 ");
	ok(w->b->notify(w->b, "n1", text("after")));
	wait_for(w, w->b, "!after ");
}

/* Not dead, which is seen at once, but without an answer. */
static void call__ends__when_the_server_does_not_answer(void **state)
{
	struct world *w = *state;
	unsigned n = 1;
	struct center_mail m = letter(1, &n, sizeof n);
	struct read *r = read_new();
	int64_t began;
	uint64_t rev;
	char got[128];

	kill(nats.pid, SIGSTOP);
	began = mono_ms();
	assert_int_equal(w->b->mbox_append(w->b, &m, 1, T0), ERR_CLOSED);
	int64_t first = mono_ms() - began;
	assert_int_equal(get(w->b, "seas", got, &rev), ERR_CLOSED);
	int64_t both = mono_ms() - began;
	for (int i = 0; i < 100; i++)
		assert_int_equal(get(w->b, "seas", got, &rev), ERR_CLOSED);
	int64_t all = mono_ms() - began;
	kill(nats.pid, SIGCONT);
	assert_in_range(first, 0, CENTER_CALL_MS + 4000);
	/* nobody waits for it a second time */
	assert_in_range(both - first, 0, CENTER_CALL_MS - 3000);
	assert_in_range(all - both, 0, CENTER_CALL_MS - 3000);
	insist(w, &m, 1);
	read_all(w, 1, r);
	assert_int_equal(r->count, 1);
	free(r);
}

static void url__is_refused__with_a_reason(void **state)
{
	static const struct {
		const char *url, *why;
	} bad[] = {
	    {"nats://h?prefix", "needs a value"},
	    {"nats://h?prefix=a.b", "letters"},
	    {"nats://h?shards=0", "1 to 64"},
	    {"nats://h?shards=65", "1 to 64"},
	    {"nats://h?replicas=x", "1 to 5"},
	    {"nats://h?speed=9", "no such option"},
	    {"nats://h?cert=/c", "go together"},
	    {"nats://h?ca=%zz", "%"},
	    {"nats://h/x", "/"},
	    {"nats://", "host"},
	    {"nats://a b", "host"},
	    {"nats://me@h", "USER:PASSWORD"},
	    {"nats://a,b,c,d,e,f,g,h,i", "8 hosts"},
	    {"nats://127.0.0.1:1", "NATS"},
	    {"nats://h?creds=/nonexistent/creds", "NATS"},
	    {"tls://h?ca=/nonexistent/ca", "NATS"},
	};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct center_backend *b;
		char why[256] = "";

		assert_int_not_equal(
		    center_open(bad[i].url, &w->rules, &b, why), OK);
		assert_null(b);
		if (!strstr(why, bad[i].why))
			fail_msg("%s: no \"%s\" in: %s", bad[i].url, bad[i].why,
				 why);
	}
}

/* ---- a server that wants to know who we are ---- */

/* `who` stands before the host. */
static enum err open_at(const char *who, int port, const char *more,
			char why[256])
{
	struct center_backend *b;
	char url[400];

	snprintf(url, sizeof url, "%s127.0.0.1:%d?shards=1%s", who, port, more);
	enum err err = center_open(url, NULL, &b, why);
	center_close(b);
	return err;
}

static void password__is_asked_for__and_never_shown(void **state)
{
	struct nats_server s = {0};
	char why[256] = "";

	(void)state;
	assert_true(nats_server_start(
	    &s, "authorization { user: \"ce nter\", password: \"p@ss:w\" }"));
	ok(open_at("nats://ce%20nter:p%40ss%3Aw@", s.port, "", why));
	assert_int_equal(open_at("nats://x:secret9@", s.port, "", why),
			 ERR_CLOSED);
	assert_null(strstr(why, "secret9"));
	assert_non_null(strstr(why, "uthoriz"));
	assert_int_equal(open_at("nats://", s.port, "", why), ERR_CLOSED);
	nats_server_end(&s);
}

/* ---- all ---- */

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

static const struct CMUnitTest both[] = {
    TEST(account__is_written__only_over_what_was_read),
    TEST(account__is_written__by_one_of_two_who_want_the_same),
    TEST(account__keeps__all_of_it),
    TEST(account__is_found__by_names_of_every_kind),
    TEST(accounts__are_listed__each_once),
    TEST(account__loses__no_change_of_many_at_once),
    TEST(attempt__locks__longer_each_time),
    TEST(attempt__locks__one_source_alone),
    TEST(attempt__forgets__after_a_good_one_or_an_hour),
    TEST(session__is_of__the_newest_alone),
    TEST(session__ends__without_a_refresh),
    TEST(presence__is_told__as_it_is_at_last),
    TEST(box__gives__letters_in_order),
    TEST(box__takes__each_letter_once),
    TEST(box__forgets__what_is_trimmed),
    cmocka_unit_test_setup_teardown(box__refuses__more_than_its_quota,
				    setup_small, teardown),
    TEST(box__refuses__alone_what_does_not_fit),
    TEST(letter__is_gone__when_its_time_is_over),
    TEST(page__is_full__whatever_is_over_between),
    TEST(prekey__is__the_newest),
    TEST(note__reaches__whom_it_is_for),
};

static const struct CMUnitTest sqlite_alone[] = {
    TEST(sqlite__makes__a_private_file),
    TEST(sqlite__throws_away__what_is_over),
    TEST(sqlite__refuses__what_it_cannot_read),
    TEST(sqlite__loses__nothing_of_what_a_killed_one_said),
};

static const struct CMUnitTest nats_alone[] = {
    TEST(nodes__hear__of_each_other),
    TEST(nodes__agree__where_a_box_is),
    TEST(letters__are_there_once__when_the_server_is_killed),
    TEST(letters__are_there_once__when_three_are_killed_in_turn),
    TEST(presence__goes_on__after_the_server_was_killed),
    TEST(call__ends__when_the_server_does_not_answer),
    TEST(url__is_refused__with_a_reason),
    cmocka_unit_test(password__is_asked_for__and_never_shown),
};

static const struct kind kinds[] = {{"sqlite", false}, {"nats", true}};

/* Not built, or no server: said, and no failure. */
static bool nats_there(void)
{
	struct center_backend *b;
	char why[256] = "", url[80];

	if (!nats_server_start(&nats, "")) {
		puts("nats: skipped, nats-server is not installed");
		return false;
	}
	snprintf(url, sizeof url, "nats://127.0.0.1:%d?shards=1&prefix=try",
		 nats.port);
	enum err err = center_open(url, NULL, &b, why);
	if (!err)
		center_close(b);
	else if (err == ERR_STATE)
		printf("nats: skipped, %s\n", why);
	else
		fail_msg("%s", why);
	return !err;
}

int main(void)
{
	int bad = 0;

	kind = &kinds[0];
	bad += cmocka_run_group_tests_name("sqlite", both, NULL, NULL);
	bad += cmocka_run_group_tests_name("sqlite alone", sqlite_alone, NULL,
					   NULL);
	kind = &kinds[1];
	if (!getenv("SOTTO_NO_NATS") && nats_there()) {
		bad += cmocka_run_group_tests_name("nats", both, NULL, NULL);
		bad += cmocka_run_group_tests_name("nats alone", nats_alone,
						   NULL, NULL);
	}
	nats_server_end(&nats);
	return bad;
}
