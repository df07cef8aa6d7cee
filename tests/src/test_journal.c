/* journal.c: what stands in log.txt, and what happens when it cannot. */
#include "src/clock.h"
#include "src/journal.h"
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* 2026-11-20 14:02:03.999999 UTC */
static const int64_t wall = INT64_C(1795183323999999);
#define STAMP "[2026.11.20 14:02:03] "

struct box {
	char dir[64], path[80], old[80];
	struct journal *j;
};

static int setup(void **state)
{
	struct box *b = xzalloc(sizeof *b);

	setenv("TZ", "UTC", 1);
	clock_start();
	strcpy(b->dir, "/tmp/sotto-journal-XXXXXX");
	assert_non_null(mkdtemp(b->dir));
	snprintf(b->path, sizeof b->path, "%s/log.txt", b->dir);
	snprintf(b->old, sizeof b->old, "%s/log.txt.1", b->dir);
	b->j = journal_open(b->path, false);
	assert_non_null(b->j);
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	struct box *b = *state;

	journal_close(b->j);
	unlink(b->path);
	unlink(b->old);
	rmdir(b->old);
	rmdir(b->dir);
	free(b);
	return 0;
}

static struct buf contents(const char *path)
{
	struct buf b = {0};
	FILE *f = fopen(path, "re");
	size_t n;

	if (!f)
		return b;
	do {
		buf_room(&b, 65536);
		n = fread(b.p + b.n, 1, 65536, f);
		b.n += n;
	} while (n);
	fclose(f);
	return b;
}

static void assert_file(const char *path, const char *want)
{
	struct buf b = contents(path);

	buf_put(&b, (struct bytes){(const uint8_t *)"", 1});
	assert_string_equal((char *)b.p, want);
	buf_free(&b);
}

static void assert_journal(struct box *b, const char *want)
{
	journal_flush(b->j);
	assert_file(b->path, want);
}

/* ---- lines ---- */

static void line__begins__with_the_local_time(void **state)
{
	struct box *b = *state;

	journal_line(b->j, wall, "started as %s on %d", "ana", 6327);
	journal_line(b->j, wall + 1, "a second later");
	setenv("TZ", "XYZ-5:45", 1);
	clock_start();
	journal_line(b->j, wall + 1000001, "elsewhere");
	assert_journal(b, STAMP "started as ana on 6327\n"
				"[2026.11.20 14:02:04] a second later\n"
				"[2026.11.20 19:47:05] elsewhere\n");
}

static void line__waits__for_the_end_of_the_turn(void **state)
{
	struct box *b = *state;

	journal_line(b->j, wall, "one");
	assert_file(b->path, "");
	journal_flush(b->j);
	journal_flush(b->j);
	assert_file(b->path, STAMP "one\n");
	journal_line(b->j, wall, "two");
	journal_close(b->j); /* the end is one, too */
	b->j = NULL;
	assert_file(b->path, STAMP "one\n" STAMP "two\n");
}

static void file__is_continued__and_private(void **state)
{
	struct box *b = *state;
	struct stat st;

	journal_line(b->j, wall, "one");
	journal_close(b->j);
	assert_int_equal(chmod(b->path, 0644), 0);
	b->j = journal_open(b->path, false);
	journal_line(b->j, wall, "two");
	assert_journal(b, STAMP "one\n" STAMP "two\n");
	assert_int_equal(stat(b->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void line__is_one_line__whatever_it_says(void **state)
{
	struct box *b = *state;

	journal_line(b->j, wall, "a\n[2026.11.20 14:02:03] forged\r\n");
	journal_line(b->j, wall, "\x1b]0;x\x07\x1b[2J\x7f\xc2\x9b");
	journal_line(b->j, wall, "\u202etxt\u2028\xff");
	journal_line(b->j, wall, "%s", "%n%s");
	assert_journal(b, STAMP "a␊[2026.11.20 14:02:03] forged␍␊\n" STAMP
				"␛]0;x␇␛[2J␡⟨9B⟩\n" STAMP
				"⟨RLO⟩txt⟨LS⟩\ufffd\n" STAMP "%n%s\n");
}

static void line__is_cut__when_it_has_no_end(void **state)
{
	struct box *b = *state;
	char text[5000];
	struct buf got;

	memset(text, 'x', sizeof text);
	text[sizeof text - 1] = 0;
	journal_line(b->j, wall, "%s", text);
	journal_flush(b->j);
	got = contents(b->path);
	assert_int_equal(got.n, strlen(STAMP) + 1023 + 1);
	buf_free(&got);
}

static void nothing__is_written__without_a_journal(void **state)
{
	struct event ev = {.kind = EV_NOTICE};

	(void)state;
	journal_line(NULL, wall, "x");
	journal_event(NULL, wall, &ev);
	journal_flush(NULL);
	journal_close(NULL);
}

/* ---- events ---- */

static void peer(struct box *b, contact_id id, const char *nick,
		 const char *petname, enum presence presence)
{
	struct contact c = {.id = id, .presence = presence};
	struct event ev = {.kind = EV_PEER, .contact = &c};

	snprintf(c.nick, sizeof c.nick, "%s", nick);
	snprintf(c.petname, sizeof c.petname, "%s", petname);
	strcpy(c.ident, "sotto://192.0.2.1:6327");
	journal_event(b->j, wall, &ev);
}

static void message(struct box *b, enum event_kind kind, contact_id with,
		    bool incoming, enum delivery delivery, char *text)
{
	struct message m = {.with = with,
			    .incoming = incoming,
			    .delivery = delivery,
			    .text = text};
	struct event ev = {.kind = kind, .message = &m};

	journal_event(b->j, wall, &ev);
}

static void peers__come_and_leave__once(void **state)
{
	struct box *b = *state;

	peer(b, 1, "bob", "", P_OFFLINE);
	peer(b, 1, "bob", "", P_DIALLING);
	peer(b, 1, "bob", "", P_ONLINE);
	peer(b, 1, "bob", "Robert", P_ONLINE);
	peer(b, 40, "eve\nx", "", P_ONLINE);
	peer(b, 1, "bob", "Robert", P_OFFLINE);
	peer(b, 1, "bob", "Robert", P_UNKNOWN);
	peer(b, 2, "", "", P_ONLINE); /* has not said a name */
	assert_journal(b, STAMP "peer bob connected\n" STAMP
				"peer eve␊x connected\n" STAMP
				"peer Robert left\n" STAMP
				"peer sotto://192.0.2.1:6327 connected\n");
}

static void peers__without_a_place__are_no_harm(void **state)
{
	struct box *b = *state;

	peer(b, 0, "x", "", P_ONLINE);
	peer(b, -7, "x", "", P_ONLINE);
	peer(b, INT64_MAX, "x", "", P_ONLINE);
	message(b, EV_MESSAGE, -7, true, D_RECEIVED, (char[]){"hi"});
	message(b, EV_MESSAGE, 3, true, D_RECEIVED, (char[]){"hi"});
	assert_journal(b, STAMP "message from somebody (2 bytes)\n" STAMP
				"message from somebody (2 bytes)\n");
}

static void messages__have__no_text(void **state)
{
	struct box *b = *state;
	char text[] = "tűz";

	peer(b, 1, "bob", "", P_OFFLINE);
	message(b, EV_MESSAGE, 1, true, D_RECEIVED, text);
	message(b, EV_MESSAGE, 1, false, D_QUEUED, text);
	message(b, EV_STATUS, 1, false, D_SENT, text);
	message(b, EV_STATUS, 1, false, D_DELIVERED, text);
	message(b, EV_STATUS, 1, false, D_FAILED, text);
	message(b, EV_MESSAGE, 1, true, D_REQUEST, NULL);
	message(b, EV_ITEM, 1, true, D_RECEIVED, text);
	assert_journal(b, STAMP "message from bob (4 bytes)\n" STAMP
				"message to bob queued (4 bytes)\n" STAMP
				"message to bob delivered (4 bytes)\n" STAMP
				"message from bob (0 bytes)\n");
}

static void full__has__texts_once_and_harmless(void **state)
{
	struct box *b = *state;
	char text[] = "one\n\x1b[31mtwo", *long_text = xmalloc(TEXT_MAX + 1);

	journal_close(b->j);
	b->j = journal_open(b->path, true);
	peer(b, 1, "bob", "", P_OFFLINE);
	message(b, EV_MESSAGE, 1, true, D_RECEIVED, text);
	message(b, EV_MESSAGE, 1, false, D_QUEUED, text);
	message(b, EV_STATUS, 1, false, D_DELIVERED, text);
	assert_journal(b,
		       STAMP "message from bob (12 bytes): one␊␛[31mtwo\n" STAMP
			     "message to bob queued (12 bytes): "
			     "one␊␛[31mtwo\n" STAMP
			     "message to bob delivered (12 bytes)\n");

	/* the longest there is, each byte of it a sign of three */
	memset(long_text, 1, TEXT_MAX);
	long_text[TEXT_MAX] = 0;
	message(b, EV_MESSAGE, 1, true, D_RECEIVED, long_text);
	journal_flush(b->j);
	struct buf got = contents(b->path);
	assert_true(got.n > 3 * TEXT_MAX);
	assert_int_equal(got.p[got.n - 1], '\n');
	buf_free(&got);
	free(long_text);
}

static void notices__are_written__others_are_not(void **state)
{
	struct box *b = *state;
	char text[] = "the disk is full\x07", word[] = "key_changed";
	char asks[] = "ana wants your address";

	for (int k = EV_READY; k <= EV_BYE; k++) {
		struct event ev = {.kind = (enum event_kind)k};

		ev.text = k == EV_SECURITY  ? word
			  : k == EV_CONSENT ? asks
					    : text;
		journal_event(b->j, wall, &ev);
	}
	assert_journal(b,
		       STAMP "key_changed\n" STAMP "the disk is full␇\n" STAMP
			     "ana wants your address\n");
}

/* ---- rotation ---- */

enum { MAX = 8 << 20 };

/* Lines of 1,000 bytes with a number, from `from` to the size given. */
static int fill(struct box *b, int from, size_t size)
{
	char text[1000];
	size_t n = sizeof text - strlen(STAMP) - 1;

	for (size_t at = 0; at < size; at += sizeof text) {
		snprintf(text, sizeof text, "%-*d", (int)n, from++);
		journal_line(b->j, wall, "%s", text);
	}
	journal_flush(b->j);
	return from;
}

static size_t size_of(const char *path)
{
	struct stat st;

	return stat(path, &st) ? 0 : (size_t)st.st_size;
}

/* Whole lines, numbered without a gap; the number behind the last. */
static int assert_numbers(const char *path, int from)
{
	struct buf b = contents(path);

	assert_int_equal(b.n % 1000, 0);
	for (size_t at = 0; at < b.n; at += 1000, from++) {
		assert_memory_equal(b.p + at, STAMP, strlen(STAMP));
		assert_int_equal(b.p[at + 999], '\n');
		b.p[at + 999] = 0;
		assert_int_equal(atoi((char *)b.p + at + strlen(STAMP)), from);
	}
	buf_free(&b);
	return from;
}

static void file__is_renamed__at_8_MiB(void **state)
{
	struct box *b = *state;
	struct stat st;
	int n = fill(b, 0, MAX - 1000);

	assert_int_equal(size_of(b->old), 0);
	n = fill(b, n, 3000);
	assert_true(size_of(b->old) > MAX - 1000);
	assert_true(size_of(b->old) <= MAX + 1000);
	assert_true(size_of(b->path) > 0);
	assert_int_equal(assert_numbers(b->path, assert_numbers(b->old, 0)), n);
	assert_int_equal(stat(b->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	/* and again: two files, not more */
	fill(b, n, MAX + 1000);
	assert_true(size_of(b->path) + size_of(b->old) <= 2 * (MAX + 1000));
	assert_true(assert_numbers(b->old, n - 2) > n);
}

/* What was there at the start counts. */
static void file__is_renamed__also_when_it_was_there(void **state)
{
	struct box *b = *state;

	fill(b, 0, MAX - 1000);
	journal_close(b->j);
	b->j = journal_open(b->path, false);
	fill(b, 0, 3000);
	assert_true(size_of(b->old) > MAX - 1000);
	assert_true(size_of(b->path) < 4000);
}

static void file__goes_on__when_it_cannot_be_renamed(void **state)
{
	struct box *b = *state;

	assert_int_equal(mkdir(b->old, 0700), 0);
	fill(b, 0, MAX + 5000);
	assert_true(size_of(b->path) >= MAX + 5000);
	assert_numbers(b->path, 0);
}

/* ---- when there is no writing ---- */

static void open__fails__with_the_reason(void **state)
{
	struct box *b = *state;
	char path[128];

	errno = 0;
	assert_null(journal_open(b->dir, false));
	assert_int_equal(errno, EISDIR);
	snprintf(path, sizeof path, "%s/none/log.txt", b->dir);
	errno = 0;
	assert_null(journal_open(path, false));
	assert_int_equal(errno, ENOENT);
}

/* In a process of its own, because the limit would be for all of us. */
static void full_disk(struct box *b)
{
	struct rlimit few = {.rlim_cur = 4096, .rlim_max = RLIM_INFINITY};
	int n;

	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &few);
	few.rlim_cur = 4096;
	if (setrlimit(RLIMIT_FSIZE, &few))
		_exit(1);
	n = fill(b, 0, 200000);
	if (size_of(b->path) > 4096)
		_exit(2);
	few.rlim_cur = few.rlim_max;
	if (setrlimit(RLIMIT_FSIZE, &few))
		_exit(3);
	journal_line(b->j, wall, "room again");
	journal_flush(b->j);
	_exit(n == 200 ? 0 : 4);
}

static void full_disk__is__no_end(void **state)
{
	struct box *b = *state;
	struct buf got;
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid)
		full_disk(b);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	got = contents(b->path);
	buf_put(&got, (struct bytes){(const uint8_t *)"", 1});
	assert_non_null(strstr((char *)got.p, "room again\n"));
	buf_free(&got);
}

static void folder_gone__is__no_end(void **state)
{
	struct box *b = *state;

	unlink(b->path);
	rmdir(b->dir);
	fill(b, 0, MAX + 5000); /* with a rotation into nowhere */
	assert_int_equal(mkdir(b->dir, 0700), 0);
	fill(b, 0, 5000);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    T(line__begins__with_the_local_time),
	    T(line__waits__for_the_end_of_the_turn),
	    T(file__is_continued__and_private),
	    T(line__is_one_line__whatever_it_says),
	    T(line__is_cut__when_it_has_no_end),
	    T(nothing__is_written__without_a_journal),
	    T(peers__come_and_leave__once),
	    T(peers__without_a_place__are_no_harm),
	    T(messages__have__no_text),
	    T(full__has__texts_once_and_harmless),
	    T(notices__are_written__others_are_not),
	    T(file__is_renamed__at_8_MiB),
	    T(file__is_renamed__also_when_it_was_there),
	    T(file__goes_on__when_it_cannot_be_renamed),
	    T(open__fails__with_the_reason),
	    T(full_disk__is__no_end),
	    T(folder_gone__is__no_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
