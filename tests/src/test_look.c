#include "src/clock.h"
#include "src/look.h"
#include "src/sql.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
/* cmocka needs four of the above */
#include <cmocka.h>

struct world {
	char dir[64], path[96], why[256];
};

static int setup(void **state)
{
	struct world *w = test_calloc(1, sizeof *w);

	snprintf(w->dir, sizeof w->dir, "/tmp/sotto-test-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	snprintf(w->path, sizeof w->path, "%s/sotto.db", w->dir);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	char command[96];

	snprintf(command, sizeof command, "rm -rf %s", w->dir);
	assert_int_equal(system(command), 0);
	test_free(w);
	return 0;
}

/* ---- the store ---- */

/* One with many rows, all of them in the one file. */
static void make_store(struct world *w, int rows)
{
	char sql[512];
	sqlite3 *db;

	assert_int_equal(sql_open_file(w->path, &db, w->why), OK);
	snprintf(sql, sizeof sql,
		 "PRAGMA query_only = OFF;"
		 "INSERT INTO contact(id, dialect, ident, trust, blocked,"
		 " changed, hidden, via) VALUES(1, 'sotto', '?x', 0, 0, 0, 0, "
		 "0);"
		 "WITH RECURSIVE i(n) AS (VALUES(1) UNION ALL"
		 " SELECT n + 1 FROM i WHERE n < %d)"
		 "INSERT INTO message(n, contact, incoming, id, stored_ms,"
		 " state, secure, text)"
		 " SELECT n, 1, 1, randomblob(16), n * 1000, 6, 1, 'hello'"
		 " FROM i;",
		 rows);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	assert_int_equal(sql_open(w->path, SQL_WRITE, &db), OK);
	sqlite3_close(db); /* the last one takes the log in */
}

static void store__is_counted_and_checked__in_one_look(void **state)
{
	struct world *w = *state;
	struct look_store s;

	make_store(w, 100);
	assert_int_equal(look_store(w->path, -1, &s, w->why), OK);
	assert_true(s.counted && s.checked && !s.foreign && !s.unfinished);
	assert_int_equal(s.version, s.version_known);
	assert_int_equal(s.messages, 100);
	assert_int_equal(s.contacts, 1);
	assert_int_equal(s.unindexed, 100);
	assert_int_equal(s.newest_ms, 100000);
	assert_int_equal(s.waiting, 0);
	assert_string_equal(s.check, "");
}

static void store__is_left_in_time__and_says_so(void **state)
{
	struct world *w = *state;
	struct look_store s;

	make_store(w, 100000);
	assert_int_equal(look_store(w->path, 0, &s, w->why), OK);
	assert_false(s.checked);
	assert_string_equal(s.check, "");
	assert_int_equal(look_store(w->path, 60000000, &s, w->why), OK);
	assert_true(s.counted && s.checked);
}

/* A path is no part of what it is opened with. */
static void store__has_any_name(void **state)
{
	struct world *w = *state;
	struct look_store s;
	char odd[160];

	make_store(w, 3);
	snprintf(odd, sizeof odd, "%s/a?mode=rwc#b%%41", w->dir);
	assert_int_equal(rename(w->path, odd), 0);
	assert_int_equal(look_store(odd, -1, &s, w->why), OK);
	assert_int_equal(s.messages, 3);
}

static void store__is_none__no_file_is_made(void **state)
{
	struct world *w = *state;
	struct look_store s;

	assert_int_equal(look_store(w->path, -1, &s, w->why), ERR_ABSENT);
	assert_int_not_equal(access(w->path, F_OK), 0);
}

/* ---- locks and processes ---- */

static pid_t holder(const char *path, int how)
{
	int ready[2];
	char c;

	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);

	pid_t pid = fork();

	if (!pid) {
		int fd = open(path, O_RDWR | O_CREAT, 0600);

		if (fd < 0 || flock(fd, how) || write(ready[1], "x", 1) != 1)
			_exit(1);
		pause();
		_exit(0);
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &c, 1), 1);
	close(ready[0]);
	return pid;
}

static void lock__is_seen_while_it_is_held(void **state)
{
	struct world *w = *state;
	struct look_lock l;

	look_lock(w->path, &l);
	assert_false(l.there || l.held);

	pid_t pid = holder(w->path, LOCK_EX);

	look_lock(w->path, &l);
	assert_true(l.there);
	if (!l.known)
		skip(); /* no /proc/locks here */
	assert_true(l.held);
	assert_int_equal(l.pid, pid);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	look_lock(w->path, &l);
	assert_true(l.there && l.known);
	assert_false(l.held || l.pid);
}

static void process__has_a_name_and_a_beginning(void **state)
{
	char name[32];
	int64_t began = look_began_us(getpid());

	(void)state;
	look_process(getpid(), name);
	assert_string_equal(name, "test_look");
	assert_true(began > 0 && began <= clock_boot_us());
	look_process(0, name);
	assert_string_equal(name, "");
	assert_int_equal(look_began_us(0), 0);
}

/* ---- ports ---- */

static struct addr at(const char *ip, uint16_t port)
{
	struct addr a = {.port = port};

	assert_true(
	    ip_parse((struct bytes){(const uint8_t *)ip, strlen(ip)}, a.ip));
	return a;
}

static bool taken(const char *ip, uint16_t port, enum look_what what)
{
	struct addr a = at(ip, port);
	struct look_port p;

	look_port(&a, what, &p);
	if (!p.known)
		skip(); /* no /proc/net here */
	if (p.taken) {
		assert_int_equal(p.uid, geteuid());
		assert_int_equal(p.pid, getpid());
	}
	return p.taken;
}

/* A socket on 127.0.0.1 or ::1, at a port of the system's choice. */
static int bound(int family, int type, uint16_t *port)
{
	struct sockaddr_in6 a6 = {.sin6_family = AF_INET6,
				  .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	struct sockaddr_in a4 = {.sin_family = AF_INET,
				 .sin_addr = {htonl(INADDR_LOOPBACK)}};
	bool six = family == AF_INET6;
	void *a = six ? (void *)&a6 : (void *)&a4;
	socklen_t n = six ? sizeof a6 : sizeof a4;
	int fd = socket(family, type, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, a, n), 0);
	assert_int_equal(getsockname(fd, a, &n), 0);
	*port = ntohs(six ? a6.sin6_port : a4.sin_port);
	return fd;
}

static void port__is_taken_by_who_listens(void **state)
{
	uint16_t port;
	int fd = bound(AF_INET, SOCK_STREAM, &port);

	(void)state;
	assert_false(taken("127.0.0.1", port, LOOK_TCP));
	assert_int_equal(listen(fd, 1), 0);
	assert_true(taken("127.0.0.1", port, LOOK_TCP));
	assert_true(taken("0.0.0.0", port, LOOK_TCP));
	assert_true(taken("::", port, LOOK_TCP));
	assert_false(taken("127.0.0.2", port, LOOK_TCP));
	assert_false(taken("127.0.0.1", port, LOOK_UDP));
	close(fd);
	assert_false(taken("127.0.0.1", port, LOOK_TCP));
}

static void port__of_the_other_kinds(void **state)
{
	uint16_t port;
	int fd = bound(AF_INET, SOCK_DGRAM, &port);

	(void)state;
	assert_true(taken("127.0.0.1", port, LOOK_UDP));
	close(fd);
	fd = bound(AF_INET6, SOCK_STREAM, &port);
	assert_int_equal(listen(fd, 1), 0);
	assert_true(taken("::1", port, LOOK_TCP));
	assert_false(taken("2001:db8::1", port, LOOK_TCP));
	close(fd);
}

static void nets__have_the_loopback(void **state)
{
	struct look_net net[LOOK_NETS];
	size_t n = look_nets(net);
	bool found = false;

	(void)state;
	for (size_t i = 0; i < n; i++)
		found |= net[i].loopback && addr_loopback(&net[i].at);
	assert_true(found);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		store__is_counted_and_checked__in_one_look, setup, teardown),
	    cmocka_unit_test_setup_teardown(store__is_left_in_time__and_says_so,
					    setup, teardown),
	    cmocka_unit_test_setup_teardown(store__has_any_name, setup,
					    teardown),
	    cmocka_unit_test_setup_teardown(store__is_none__no_file_is_made,
					    setup, teardown),
	    cmocka_unit_test_setup_teardown(lock__is_seen_while_it_is_held,
					    setup, teardown),
	    cmocka_unit_test(process__has_a_name_and_a_beginning),
	    cmocka_unit_test(port__is_taken_by_who_listens),
	    cmocka_unit_test(port__of_the_other_kinds),
	    cmocka_unit_test(nets__have_the_loopback),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
