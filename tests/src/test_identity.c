#include "src/identity.h"
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
/* cmocka needs four of the above */
#include <cmocka.h>

struct world {
	char dir[64], path[96], lock[96], why[256];
	struct identity id;
};

static int setup(void **state)
{
	struct world *w = test_calloc(1, sizeof *w);

	snprintf(w->dir, sizeof w->dir, "/tmp/sotto-test-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	snprintf(w->path, sizeof w->path, "%s/identity", w->dir);
	snprintf(w->lock, sizeof w->lock, "%s/lock", w->dir);
	w->id.lock_fd = -1;
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	char command[96];

	identity_close(&w->id);
	snprintf(command, sizeof command, "rm -rf %s", w->dir);
	assert_int_equal(system(command), 0);
	test_free(w);
	return 0;
}

static enum err again(struct world *w)
{
	identity_close(&w->id);
	w->why[0] = 0;
	return identity_open(&w->id, w->path, w->lock, w->why);
}

static size_t slurp(const char *path, char *out, size_t cap)
{
	FILE *f = fopen(path, "r");

	assert_non_null(f);

	size_t n = fread(out, 1, cap, f);

	fclose(f);
	return n;
}

static void spit(const char *path, const char *p, size_t n)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(p, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, 0600), 0);
}

static void identity__is_made_once__and_stays(void **state)
{
	struct world *w = *state;
	struct stat st;

	assert_int_equal(again(w), OK);
	assert_true(w->id.made);

	struct pubkey first = keys_public(w->id.keys);

	assert_int_equal(again(w), OK);
	assert_false(w->id.made);

	struct pubkey second = keys_public(w->id.keys);

	assert_memory_equal(&first, &second, sizeof first);
	assert_int_equal(stat(w->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void identity__differs__from_every_other(void **state)
{
	struct world *w = *state;

	assert_int_equal(again(w), OK);

	struct pubkey first = keys_public(w->id.keys);

	assert_int_equal(unlink(w->path), 0);
	assert_int_equal(again(w), OK);

	struct pubkey second = keys_public(w->id.keys);

	assert_memory_not_equal(&first, &second, sizeof first);
}

/* Any change of any byte, and any other length. */
static void identity__is_refused__when_damaged(void **state)
{
	struct world *w = *state;
	char file[256], bad[256], after[256];

	assert_int_equal(again(w), OK);

	size_t n = slurp(w->path, file, sizeof file);

	for (size_t i = 0; i <= n; i++) {
		memcpy(bad, file, n);
		bad[i] ^= 1;

		size_t len = i < n ? n : n - 1;

		spit(w->path, bad, len);
		assert_int_equal(again(w), ERR_PARSE);
		assert_non_null(strstr(w->why, "damaged"));
		assert_non_null(strstr(w->why, w->path));
		assert_int_equal(slurp(w->path, after, sizeof after), len);
		assert_memory_equal(after, bad, len);
	}
	file[n] = '\n';
	spit(w->path, file, n + 1);
	assert_int_equal(again(w), ERR_PARSE);
	spit(w->path, "", 0);
	assert_int_equal(again(w), ERR_PARSE);
	spit(w->path, file, n);
	assert_int_equal(again(w), OK);
}

static void identity__is_refused__when_others_may_read_it(void **state)
{
	struct world *w = *state;

	assert_int_equal(again(w), OK);
	assert_int_equal(chmod(w->path, 0640), 0);
	assert_int_equal(again(w), ERR_AUTH);
	assert_non_null(strstr(w->why, "chmod 600"));
	assert_int_equal(chmod(w->path, 0600), 0);
	assert_int_equal(again(w), OK);
}

static void identity__is_refused__when_it_is_no_file(void **state)
{
	struct world *w = *state;
	char other[96];

	assert_int_equal(again(w), OK);
	snprintf(other, sizeof other, "%s/moved", w->dir);
	assert_int_equal(rename(w->path, other), 0);
	assert_int_equal(symlink(other, w->path), 0);
	assert_int_equal(again(w), ERR_SYS);
	assert_int_equal(unlink(w->path), 0);
	assert_int_equal(mkdir(w->path, 0700), 0);
	assert_int_equal(again(w), ERR_PARSE);
}

static void identity__fails__without_its_folder(void **state)
{
	struct world *w = *state;

	snprintf(w->lock, sizeof w->lock, "%s/none/lock", w->dir);
	assert_int_equal(again(w), ERR_SYS);
	assert_non_null(strstr(w->why, "none/lock"));
	assert_int_equal(w->id.lock_fd, -1);
}

/* A file may not grow over ten bytes: as good as a full disk. */
static void full_disk_child(struct world *w)
{
	struct rlimit limit = {10, 10};

	signal(SIGXFSZ, SIG_IGN);
	if (setrlimit(RLIMIT_FSIZE, &limit))
		_exit(2);
	_exit(again(w) == ERR_SYS && strstr(w->why, "cannot be written") &&
		      access(w->path, F_OK)
		  ? 0
		  : 1);
}

static void identity__leaves_nothing__on_a_full_disk(void **state)
{
	struct world *w = *state;
	pid_t pid = fork();
	int status;

	if (!pid)
		full_disk_child(w);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(again(w), OK);
	assert_true(w->id.made);
}

/* Half a file under the temporary name, as a crash leaves it. */
static void identity__is_made__over_what_a_crash_left(void **state)
{
	struct world *w = *state;
	char temporary[128];

	snprintf(temporary, sizeof temporary, "%s.new", w->path);
	spit(temporary, "sotto-ident", 11);
	assert_int_equal(again(w), OK);
	assert_true(w->id.made);
	assert_int_equal(access(temporary, F_OK), -1);
}

static void identity__is_held__by_one_process(void **state)
{
	struct world *w = *state;
	int up[2], down[2];
	char byte, tty[64], want[64];
	long pid;

	assert_int_equal(pipe(up), 0);
	assert_int_equal(pipe(down), 0);

	pid_t child = fork();

	if (!child) {
		bool good = again(w) == OK;

		if (write(up[1], good ? "y" : "n", 1) != 1)
			_exit(1);
		close(down[1]);
		while (read(down[0], &byte, 1) > 0)
			;
		_exit(0);
	}
	assert_int_equal(read(up[0], &byte, 1), 1);
	assert_int_equal(byte, 'y');
	assert_int_equal(again(w), ERR_EXISTS);
	snprintf(want, sizeof want, "(pid %ld)", (long)child);
	assert_non_null(strstr(w->why, want));
	identity_holder(w->lock, &pid, tty);
	assert_int_equal(pid, child);

	/* The kernel lets go of it, however its holder ends. */
	assert_int_equal(kill(child, SIGKILL), 0);
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_int_equal(again(w), OK);
	identity_holder(w->lock, &pid, tty);
	assert_int_equal(pid, getpid());
	for (int i = 0; i < 2; i++) {
		close(up[i]);
		close(down[i]);
	}
}

/* Eight at once on an empty folder: one makes it, all others are told. */
static void identity__is_made_by_one__of_many(void **state)
{
	enum { MANY = 8 };
	struct world *w = *state;
	int gate[2], done[2], made = 0;
	pid_t pid[MANY];
	char byte;

	assert_int_equal(pipe(gate), 0);
	assert_int_equal(pipe(done), 0);
	for (int i = 0; i < MANY; i++) {
		pid[i] = fork();
		if (pid[i])
			continue;
		close(gate[1]);
		while (read(gate[0], &byte, 1) > 0)
			;

		enum err err = again(w);

		byte = err == OK && w->id.made ? 'm'
		       : err == ERR_EXISTS     ? 'e'
					       : '?';
		if (write(done[1], &byte, 1) == 1)
			pause(); /* holds what it has until all have tried */
		_exit(1);
	}
	close(gate[0]);
	close(gate[1]);
	for (int i = 0; i < MANY; i++) {
		assert_int_equal(read(done[0], &byte, 1), 1);
		assert_true(byte == 'm' || byte == 'e');
		made += byte == 'm';
	}
	for (int i = 0; i < MANY; i++) {
		kill(pid[i], SIGKILL);
		waitpid(pid[i], NULL, 0);
	}
	assert_int_equal(made, 1);
	assert_int_equal(again(w), OK);
	assert_false(w->id.made);
	close(done[0]);
	close(done[1]);
}

static void identity__is_not_known__from_a_strange_lock(void **state)
{
	struct world *w = *state;
	char tty[64];
	long pid;

	identity_holder(w->lock, &pid, tty);
	assert_int_equal(pid, 0);
	spit(w->lock, "12 pts/\x1b[2J\n", 12);
	identity_holder(w->lock, &pid, tty);
	assert_int_equal(pid, 12);
	assert_null(strchr(tty, '\x1b'));
	spit(w->lock, "", 0);
	identity_holder(w->lock, &pid, tty);
	assert_int_equal(pid, 0);
	assert_string_equal(tty, "");
}

/* ---- the RSA keys ---- */

static void rsa_file(const struct world *w, char path[static 128],
		     enum seal how)
{
	snprintf(path, 128, "%s/rsa-%s.pem", w->dir,
		 how == SEAL_OAEP ? "binary" : "nul");
}

static enum err rsa(struct world *w, enum seal how, struct buf *pem)
{
	w->why[0] = 0;
	return identity_rsa(w->path, how, pem, w->why);
}

static void rsa__is_made_once__and_stays(void **state)
{
	static const enum seal each[] = {SEAL_OAEP, SEAL_RAW};
	struct world *w = *state;
	struct stat st;
	char path[128];

	if (!seal_built(SEAL_OAEP))
		skip();
	assert_int_equal(again(w), OK);
	for (size_t i = 0; i < 2; i++) {
		struct buf first = {0}, second = {0}, public = {0};

		assert_int_equal(rsa(w, each[i], &first), OK);
		assert_int_equal(rsa(w, each[i], &second), OK);
		assert_int_equal(first.n, second.n);
		assert_memory_equal(first.p, second.p, first.n);
		rsa_file(w, path, each[i]);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode & 0777, 0600);
		assert_int_equal(st.st_size, first.n);
		assert_int_equal(keys_add(w->id.keys, each[i],
					  (struct bytes){first.p, first.n}),
				 OK);
		assert_int_equal(keys_pem(w->id.keys, each[i], &public), OK);
		assert_int_equal(public.n, i ? 271 : 450);
		buf_free(&first);
		buf_free(&second);
		buf_free(&public);
	}
}

static void assert_rsa_refused(struct world *w, enum err want, const char *says)
{
	struct buf pem = {0};
	char path[128];

	rsa_file(w, path, SEAL_RAW);
	assert_int_equal(rsa(w, SEAL_RAW, &pem), want);
	assert_int_equal(pem.n, 0);
	assert_non_null(strstr(w->why, says));
	assert_non_null(strstr(w->why, path));
	buf_free(&pem);
}

/* And left as it is. */
static void rsa__is_refused__when_damaged(void **state)
{
	static char big[8000];
	struct world *w = *state;
	struct buf pem = {0};
	char path[128], after[8192];

	if (!seal_built(SEAL_RAW))
		skip();
	rsa_file(w, path, SEAL_RAW);
	assert_int_equal(rsa(w, SEAL_RAW, &pem), OK);
	spit(path, (char *)pem.p, pem.n / 2);
	assert_rsa_refused(w, ERR_PARSE, "damaged");
	assert_int_equal(slurp(path, after, sizeof after), pem.n / 2);
	spit(path, "", 0);
	assert_rsa_refused(w, ERR_PARSE, "damaged");
	memset(big, ' ', sizeof big);
	memcpy(big, pem.p, pem.n);
	spit(path, big, sizeof big);
	assert_rsa_refused(w, ERR_PARSE, "damaged");
	assert_int_equal(slurp(path, after, sizeof after), sizeof big);
	buf_free(&pem);
}

static void rsa__is_refused__when_others_may_read_it(void **state)
{
	struct world *w = *state;
	struct buf pem = {0};
	char path[128], other[128];

	if (!seal_built(SEAL_RAW))
		skip();
	rsa_file(w, path, SEAL_RAW);
	assert_int_equal(rsa(w, SEAL_RAW, &pem), OK);
	assert_int_equal(chmod(path, 0644), 0);
	assert_rsa_refused(w, ERR_AUTH, "chmod 600");
	assert_int_equal(chmod(path, 0600), 0);
	snprintf(other, sizeof other, "%s/moved", w->dir);
	assert_int_equal(rename(path, other), 0);
	assert_int_equal(symlink(other, path), 0);
	assert_rsa_refused(w, ERR_SYS, "cannot be opened");
	buf_free(&pem);
}

static void rsa_full_disk_child(struct world *w)
{
	struct rlimit limit = {10, 10};
	struct buf pem = {0};
	char path[128];

	rsa_file(w, path, SEAL_RAW);
	signal(SIGXFSZ, SIG_IGN);
	if (setrlimit(RLIMIT_FSIZE, &limit))
		_exit(2);
	_exit(rsa(w, SEAL_RAW, &pem) == ERR_SYS && !pem.n &&
		      strstr(w->why, "cannot be written") && access(path, F_OK)
		  ? 0
		  : 1);
}

static void rsa__leaves_nothing__on_a_full_disk(void **state)
{
	struct world *w = *state;
	struct buf pem = {0};
	pid_t pid;
	int status;

	if (!seal_built(SEAL_RAW))
		skip();
	pid = fork();
	if (!pid)
		rsa_full_disk_child(w);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(rsa(w, SEAL_RAW, &pem), OK);
	buf_free(&pem);
}

static void rsa__is_only__for_texts(void **state)
{
	struct world *w = *state;
	struct buf pem = {0};

	assert_int_equal(rsa(w, SEAL_NONE, &pem), ERR_STATE);
	assert_int_equal(rsa(w, SEAL_NOISE, &pem), ERR_STATE);
	assert_non_null(strstr(w->why, "without RSA"));
	if (!seal_built(SEAL_RAW))
		assert_int_equal(rsa(w, SEAL_RAW, &pem), ERR_STATE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(identity__is_made_once__and_stays),
	    TEST(identity__differs__from_every_other),
	    TEST(identity__is_refused__when_damaged),
	    TEST(identity__is_refused__when_others_may_read_it),
	    TEST(identity__is_refused__when_it_is_no_file),
	    TEST(identity__fails__without_its_folder),
	    TEST(identity__leaves_nothing__on_a_full_disk),
	    TEST(identity__is_made__over_what_a_crash_left),
	    TEST(identity__is_held__by_one_process),
	    TEST(identity__is_made_by_one__of_many),
	    TEST(identity__is_not_known__from_a_strange_lock),
	    TEST(rsa__is_made_once__and_stays),
	    TEST(rsa__is_refused__when_damaged),
	    TEST(rsa__is_refused__when_others_may_read_it),
	    TEST(rsa__leaves_nothing__on_a_full_disk),
	    TEST(rsa__is_only__for_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
