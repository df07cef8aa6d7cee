#include "src/center_account.h"
#include "src/clock.h"
#include <ftw.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
/* cmocka needs some of those above */
#include <cmocka.h>

#define DAY_MS INT64_C(86400000)

struct world {
	char dir[40], path[80], file[80];
	struct center_backend *b;
	struct center_acct *a; /* as read last */
	struct rng rng;
	struct now now;
};

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof *w);
	char why[256];

	if (!w)
		return -1;
	strcpy(w->dir, "/tmp/sotto-account-XXXXXX");
	if (!mkdtemp(w->dir))
		return -1;
	snprintf(w->path, sizeof w->path, "%s/center.db", w->dir);
	snprintf(w->file, sizeof w->file, "%s/credentials.txt", w->dir);
	if (center_open(w->path, NULL, &w->b, why))
		return -1;
	w->a = calloc(1, sizeof *w->a);
	clock_seed(&w->rng);
	w->now = clock_now(&w->rng, NULL);
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

	center_close(w->b);
	nftw(w->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(w->a);
	free(w);
	return 0;
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

static const struct center_acct *read_again(struct world *w, const char *user)
{
	uint64_t rev;

	ok(w->b->acct_get(w->b, user, w->a, &rev));
	return w->a;
}

/* ---- passwords ---- */

static void password__is_right__alone_with_its_hash(void **state)
{
	char one[PASSWORD_HASH], two[PASSWORD_HASH];
	char longest[PASSWORD_MAX + 1];

	(void)state;
	ok(password_hash(text("sesame"), one));
	ok(password_hash(text("sesame"), two));
	assert_string_not_equal(one, two); /* each its own salt */
	assert_int_equal(strncmp(one, "$argon2id$v=19$m=19456,t=2,p=1$", 31),
			 0);
	assert_true(password_right(one, text("sesame")));
	assert_false(password_right(one, text("Sesame")));
	assert_false(password_right(one, text("")));
	assert_false(password_right(NULL, text("sesame")));
	assert_false(password_right("", text("sesame")));
	assert_false(password_right("rubbish", text("sesame")));
	memset(longest, 'x', sizeof longest);
	assert_int_equal(
	    password_hash((struct bytes){(uint8_t *)longest, sizeof longest},
			  one),
	    ERR_LIMIT);
	assert_int_equal(password_hash(text(""), one), ERR_LIMIT);
}

static int64_t cpu_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static int by_size(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

enum { LOOKS = 9 };

/* The middle one of the processor's time. */
static int64_t look_us(const char *hash)
{
	int64_t us[LOOKS];

	for (int i = 0; i < LOOKS; i++) {
		us[i] = cpu_us();
		assert_false(password_right(hash, text("not it")));
		us[i] = cpu_us() - us[i];
	}
	qsort(us, LOOKS, sizeof *us, by_size);
	return us[LOOKS / 2];
}

static void password__takes_as_long__for_nobody(void **state)
{
	char hash[PASSWORD_HASH];

	(void)state;
	ok(password_hash(text("sesame"), hash));
	int64_t known = look_us(hash), nobody = look_us(NULL);
	print_message("    known %lld us, nobody %lld us\n", (long long)known,
		      (long long)nobody);
	assert_true(nobody * 2 > known && known * 2 > nobody);
	/* a hash of 4 GiB or a million passes is not paid for */
	int64_t dear =
	    look_us("$argon2id$v=19$m=4194304,t=2,p=1$AAAAAAAAAAAAAA"
		    "AAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
		    "AAA");
	assert_true(dear < 4 * known);
	dear = look_us("$argon2id$v=19$m=19456,t=1000000,p=1$AAAAAAAAAAAAAAAAAA"
		       "AAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
	assert_true(dear < 4 * known);
}

/* ---- accounts ---- */

static void account__is_added__once(void **state)
{
	struct world *w = *state;

	ok(account_add(w->b, "seas", text("sesame"), &w->now));
	assert_int_equal(account_add(w->b, "seas", text("other"), &w->now),
			 ERR_EXISTS);
	assert_true(
	    password_right(read_again(w, "seas")->password, text("sesame")));
	assert_int_equal(w->a->made_ms, w->now.wall_us / 1000);
	assert_int_equal(account_add(w->b, "a b", text("x"), &w->now),
			 ERR_LIMIT);
	ok(account_add(w->b, "google", (struct bytes){0}, &w->now));
	assert_string_equal(read_again(w, "google")->password, "");
}

static void account__gets__another_password(void **state)
{
	struct world *w = *state;

	assert_int_equal(account_password(w->b, "seas", text("x")), ERR_ABSENT);
	ok(account_add(w->b, "seas", text("sesame"), &w->now));
	ok(account_password(w->b, "seas", text("other")));
	assert_true(
	    password_right(read_again(w, "seas")->password, text("other")));
	assert_false(password_right(w->a->password, text("sesame")));
	assert_int_equal(account_password(w->b, "seas", text("")), ERR_LIMIT);
}

static void scribble(const struct world *w, const char *sql)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(w->path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static void account__is_removed__also_when_it_cannot_be_read(void **state)
{
	struct world *w = *state;
	uint64_t rev;

	assert_int_equal(account_remove(w->b, "seas"), ERR_ABSENT);
	ok(account_add(w->b, "seas", text("sesame"), &w->now));
	ok(account_remove(w->b, "seas"));
	assert_int_equal(w->b->acct_get(w->b, "seas", w->a, &rev), ERR_ABSENT);
	ok(account_add(w->b, "seas", text("sesame"), &w->now));
	scribble(w, "UPDATE account SET record = 'rubbish'");
	assert_int_equal(account_password(w->b, "seas", text("x")), ERR_PARSE);
	ok(account_remove(w->b, "seas"));
	ok(account_add(w->b, "seas", text("sesame"), &w->now));
}

static void invite__is_good__in_time_and_until_the_next(void **state)
{
	struct world *w = *state;
	char code[INVITE_CODE], next[INVITE_CODE], typed[INVITE_CODE] = "";
	int64_t now_ms = w->now.wall_us / 1000;
	size_t n = 0;

	ok(account_invite(w->b, "seas", &w->now, code));
	assert_int_equal(strlen(code), INVITE_CODE - 1);
	for (size_t i = 0; code[i]; i++) /* as a person types it */
		if (code[i] != '-')
			typed[n++] = code[i] >= 'A' && code[i] <= 'Z'
					 ? (char)(code[i] + 32)
					 : code[i];
	const struct center_acct *a = read_again(w, "seas");
	assert_true(account_invited(a, text(code), now_ms));
	assert_true(account_invited(a, text(typed), now_ms));
	assert_true(account_invited(a, text(code), now_ms + 7 * DAY_MS - 1));
	assert_false(account_invited(a, text(code), now_ms + 7 * DAY_MS));
	code[0] = code[0] == 'A' ? 'B' : 'A';
	assert_false(account_invited(a, text(code), now_ms));
	code[5] = 0;
	assert_false(account_invited(a, text(code), now_ms));
	assert_false(account_invited(a, text(""), now_ms));
	ok(account_password(w->b, "seas", text("sesame")));
	ok(account_invite(w->b, "seas", &w->now, next));
	a = read_again(w, "seas");
	assert_false(account_invited(a, text(typed), now_ms));
	assert_true(account_invited(a, text(next), now_ms));
	assert_true(password_right(a->password, text("sesame")));
	w->a->invite_ms = 0; /* it was used */
	assert_false(account_invited(w->a, text(next), now_ms));
	assert_int_equal(account_invite(w->b, "a b", &w->now, code), ERR_LIMIT);
}

/* ---- credentials.txt ---- */

static void write_file(const struct world *w, const char *s, size_t n)
{
	FILE *f = fopen(w->file, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(s, 1, n, f), n);
	fclose(f);
}

static enum err import_all(struct world *w, const char *path, struct import *i)
{
	enum err err = import_open(i, path);

	for (bool more = true; !err && more;)
		err = import_next(i, w->b, &w->now, &more);
	if (err)
		import_close(i);
	return err;
}

/* What was said is compared as one string. */
static void imports(struct world *w, const char *s, unsigned added,
		    unsigned known, unsigned wrong, const char *said)
{
	struct import i;

	write_file(w, s, strlen(s));
	ok(import_all(w, w->file, &i));
	buf_put(&i.said, (struct bytes){(const uint8_t *)"", 1});
	assert_string_equal((char *)i.said.p, said);
	assert_int_equal(i.added, added);
	assert_int_equal(i.known, known);
	assert_int_equal(i.wrong, wrong);
	import_close(&i);
}

static void import__takes__a_name_and_a_password_a_line(void **state)
{
	struct world *w = *state;

	imports(w, "\xef\xbb\xbfhans falcon\r\n\n  yoda  wise\t\nluke force", 3,
		0, 0, "");
	assert_true(
	    password_right(read_again(w, "hans")->password, text("falcon")));
	assert_true(
	    password_right(read_again(w, "yoda")->password, text("wise")));
	assert_true(
	    password_right(read_again(w, "luke")->password, text("force")));
	/* again: nobody is new, and who has another password keeps it */
	ok(account_password(w->b, "hans", text("changed")));
	imports(w, "hans falcon\nleia organa\nleia twice\n", 1, 2, 0, "");
	assert_true(
	    password_right(read_again(w, "hans")->password, text("changed")));
	imports(w, "", 0, 0, 0, "");
}

static void import__says__which_lines_are_wrong(void **state)
{
	struct world *w = *state;
	char line[2 * PASSWORD_MAX];

	imports(w, "seas\nhans falcon fast\na|b c\n\x1b[31m x\nyoda wise\n", 1,
		0, 4,
		"credentials.txt:1: not a name, a blank and a password\n"
		"credentials.txt:2: not a name, a blank and a password\n"
		"credentials.txt:3: not a name\n"
		"credentials.txt:4: not a name\n");
	memset(line, 'x', sizeof line);
	memcpy(line, "luke ", 5);
	line[sizeof line - 1] = 0;
	imports(w, line, 0, 0, 1,
		"credentials.txt:1: too long a password: luke\n");
}

static void import__is__bounded(void **state)
{
	struct world *w = *state;
	size_t n = IMPORT_BYTES + 1;
	char *big = malloc(n);
	struct import i;

	assert_non_null(big);
	assert_int_equal(import_all(w, w->file, &i), ERR_ABSENT);
	memset(big, 'x', n);
	write_file(w, big, n);
	assert_int_equal(import_all(w, w->file, &i), ERR_LIMIT);
	assert_int_equal(i.wrong, 0);
	memset(big, '\n', n);
	for (size_t at = 0; at < 100; at += 2)
		big[at] = 'x';
	write_file(w, big, IMPORT_LINES + 50);
	ok(import_all(w, w->file, &i));
	assert_int_equal(i.wrong, 50);
	buf_put(&i.said, (struct bytes){(const uint8_t *)"", 1});
	assert_non_null(strstr((char *)i.said.p, ":32: "));
	assert_null(strstr((char *)i.said.p, ":33: "));
	import_close(&i);
	write_file(w, big, IMPORT_LINES + 51);
	assert_int_equal(import_all(w, w->file, &i), ERR_LIMIT);
	assert_int_equal(i.wrong, 0);
	assert_int_equal(import_all(w, w->dir, &i), ERR_SYS);
	free(big);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(password__is_right__alone_with_its_hash),
	    cmocka_unit_test(password__takes_as_long__for_nobody),
	    TEST(account__is_added__once),
	    TEST(account__gets__another_password),
	    TEST(account__is_removed__also_when_it_cannot_be_read),
	    TEST(invite__is_good__in_time_and_until_the_next),
	    TEST(import__takes__a_name_and_a_password_a_line),
	    TEST(import__says__which_lines_are_wrong),
	    TEST(import__is__bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
