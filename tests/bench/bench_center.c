/* A center full of people beside a bare TCP server of as many connections, and
 * fetching from one of 100,000 boxes on each backend: the rows of README.md
 * about centers. */
#include "src/center_backend.h"
#include "tests/bench/crowd.h"
#include "tests/bench/tools.h"
#include "tests/src/nats_server.h"
#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>

enum {
	PEOPLE = 5000,
	BOXES = 100000,
	LETTERS = 6,
	LETTER = 256,
	READS = 2000,
	ROUNDS = 15,
	PATIENCE_S = 600,
	SAID = 128, /* bytes: a small record of ours */
};

static double ratio(double ours, double floor)
{
	return floor > 0 ? ours / floor : 0;
}

static void row_us(const char *what, double floor, double ours)
{
	printf("| %s | %.0f us | %.0f us | %.2f | – |\n", what, floor, ours,
	       ratio(ours, floor));
	fflush(stdout);
}

/* ---- a crowd ---- */

/* Until so much was heard; how long that took. */
static int64_t until(struct crowd *c, const size_t *what, size_t n,
		     int64_t from_us)
{
	int64_t end = mono_us() + PATIENCE_S * INT64_C(1000000);

	while (*what < n) {
		if (mono_us() > end) {
			fprintf(stderr, "bench: %zu of %zu\n", *what, n);
			die("the center says too little");
		}
		crowd_turn(c, 100);
	}
	return mono_us() - from_us;
}

enum { QUIET_MS = 3000 };

/* Until nothing has come for so long; mono_us of the last that came. */
static int64_t quiet(struct crowd *c)
{
	size_t was = crowd_heard(c)->packets;
	int64_t last = mono_us();

	while (mono_us() - last < QUIET_MS * INT64_C(1000)) {
		crowd_turn(c, 50);
		if (crowd_heard(c)->packets == was)
			continue;
		was = crowd_heard(c)->packets;
		last = mono_us();
	}
	return last;
}

struct figures {
	double each_kb; /* memory */
	double asked_s; /* answers a second, all at once */
	double told_us; /* one says it, all have heard it: p50 */
	double names_s; /* who is here and gone, said in the rush */
	double brd_us;  /* the same of a text */
};

static struct packet request(enum center_verb verb)
{
	return (struct packet){.kind = PKT_CENTER, .verb = verb, .ref = 1};
}

static void log_in(struct crowd *c, size_t i)
{
	struct packet p = request(CENTER_LIN);
	char name[16];

	crowd_name(name, i);
	p.n_words = 1;
	p.word[0] = bytes_of(name);
	crowd_say(c, i, &p);
}

static void log_out(struct crowd *c, size_t i)
{
	struct packet p = request(CENTER_OUT);

	p.ref = 0;
	crowd_say(c, i, &p);
}

static void say_to_all(struct crowd *c, size_t i)
{
	struct packet p = request(CENTER_BRD);

	p.text = bytes_of("hello everybody");
	crowd_say(c, i, &p);
}

static void floor_figures(size_t n, uint16_t port, pid_t pid, struct figures *f)
{
	uint8_t text[SAID] = {'?'};
	struct bytes said = {text, sizeof text};
	int64_t took[ROUNDS];
	uint64_t before = proc_private_kb(pid);
	struct crowd *c = crowd_new(n, port, true);

	crowd_connect(c);
	for (int r = 0; r < ROUNDS; r++) {
		int64_t from = mono_us();

		crowd_forget(c);
		for (size_t i = 0; i < n; i++)
			crowd_say_bare(c, i, said);
		took[r] = until(c, &crowd_heard(c)->bare, n * SAID, from);
	}
	f->asked_s = (double)n * 1e6 / (double)percentile(took, ROUNDS, 50);
	f->each_kb = (double)(proc_private_kb(pid) - before) / (double)n;
	text[0] = '*';
	for (int r = 0; r < ROUNDS; r++) {
		int64_t from = mono_us();

		crowd_forget(c);
		crowd_say_bare(c, (size_t)r, said);
		took[r] = until(c, &crowd_heard(c)->bare, (n - 1) * SAID, from);
	}
	f->told_us = (double)percentile(took, ROUNDS, 50);
	crowd_free(c);
}

static void rush(struct crowd *c, struct figures *f)
{
	size_t n = crowd_size(c);
	int64_t from = mono_us();

	crowd_forget(c);
	for (size_t i = 0; i < n; i++)
		log_in(c, i);
	int64_t took = until(c, &crowd_heard(c)->answers, n, from);
	if (crowd_heard(c)->refused)
		die("a log-in was refused");
	f->asked_s = (double)n * 1e6 / (double)took;
	fprintf(stderr, "bench: %zu log-ins in %.1f s, %zu packets\n", n,
		(double)took / 1e6, crowd_heard(c)->packets);
	took = quiet(c) - from;
	f->names_s = (double)crowd_heard(c)->names * 1e6 / (double)took;
	fprintf(stderr, "bench: all of it %.1f s: %zu packets, %zu names\n",
		(double)took / 1e6, crowd_heard(c)->packets,
		crowd_heard(c)->names);
}

static void fan_out(struct crowd *c, struct figures *f)
{
	size_t n = crowd_size(c);
	int64_t took[ROUNDS];

	for (int r = 0; r < ROUNDS; r++) {
		size_t who = n / 2 + (size_t)r;

		crowd_forget(c);
		log_out(c, who);
		until(c, &crowd_heard(c)->names, n - 1, mono_us());
		crowd_forget(c);
		int64_t from = mono_us();
		log_in(c, who);
		took[r] = until(c, &crowd_heard(c)->names, n - 1, from);
	}
	f->told_us = (double)percentile(took, ROUNDS, 50);
	for (int r = 0; r < ROUNDS; r++) {
		crowd_forget(c);
		int64_t from = mono_us();
		say_to_all(c, (size_t)r);
		took[r] = until(c, &crowd_heard(c)->texts, n - 1, from);
	}
	f->brd_us = (double)percentile(took, ROUNDS, 50);
}

static void our_figures(size_t n, uint16_t port, pid_t pid, struct figures *f)
{
	struct crowd *c = crowd_new(n, port, false);
	uint64_t before = proc_private_kb(pid);
	int64_t from = mono_us();

	crowd_connect(c);
	fprintf(stderr, "bench: %zu connected in %.1f s, %.1f kB each\n", n,
		(double)(mono_us() - from) / 1e6,
		(double)(proc_private_kb(pid) - before) / (double)n);
	rush(c, f);
	fan_out(c, f);
	f->each_kb = (double)(proc_private_kb(pid) - before) / (double)n;
	crowd_free(c);
}

/* Their keys are known: nobody needs a password. */
static void make_accounts(const char *store, size_t n)
{
	struct center_acct *a = xzalloc(sizeof *a);
	struct center_backend *b;
	char why[256], name[16];

	if (center_open(store, NULL, &b, why))
		die(why);
	a->made_ms = wall_us() / 1000;
	a->n_keys = 1;
	for (size_t i = 0; i < n; i++) {
		crowd_name(name, i);
		a->key[0] = crowd_key(i);
		if (b->acct_put(b, name, a, 0, NULL))
			die("an account");
	}
	center_close(b);
	free(a);
}

static pid_t center_start(const char *home, const char *store, uint16_t *port)
{
	char ready[256];

	snprintf(ready, sizeof ready, "%s/ready", home);
	pid_t pid = fork();
	if (pid == 0) {
		int null = open("/dev/null", O_RDWR);

		dup2(null, 0);
		dup2(null, 1);
		execl(SOTTO_PATH, "sotto", "center", "--home", home, "--port",
		      "0", "--bind", "127.0.0.1", "--no-discover", "--backend",
		      store, "--ready-file", ready, (char *)NULL);
		_exit(127);
	}
	*port = ready_port(ready);
	return pid;
}

static void floor_crowd(size_t n, struct figures *f)
{
	uint16_t port = bench_port();
	char text[8];
	pid_t pid = fork();

	snprintf(text, sizeof text, "%d", port);
	if (pid == 0) {
		execl(FLOOR_CROWD_PATH, "floor_crowd", text, (char *)NULL);
		_exit(127);
	}
	close(tcp_dial(port));
	floor_figures(n, port, pid, f);
	process_stop(pid);
}

static void print_crowd(size_t n, const char *kind, const struct figures *floor,
			const struct figures *ours)
{
	printf("| memory of each of %zu people logged in, %s | %.1f kB |"
	       " %.1f kB | %.2f | – |\n",
	       n, kind, floor->each_kb, ours->each_kb,
	       ratio(ours->each_kb, floor->each_kb));
	printf("| log-ins a second, all %zu at once, %s | %.0f /s | %.0f /s |"
	       " %.2f | – |\n",
	       n, kind, floor->asked_s, ours->asked_s,
	       ratio(ours->asked_s, floor->asked_s));
	printf("| the same: names of others told a second, at most 400,000 |"
	       " – | %.0f /s | – | – |\n",
	       ours->names_s);
	row_us("somebody comes: until all others know, p50", floor->told_us,
	       ours->told_us);
	row_us("a text for all: until all others have it, p50", floor->told_us,
	       ours->brd_us);
}

static void measure_crowd_on(size_t n, const char *kind, const char *store)
{
	struct figures floor = {0}, ours = {0};
	char *home = folder_new(), file[256];
	uint16_t port;

	snprintf(file, sizeof file, "%s/center.db", home);
	store = store ? store : file;
	floor_crowd(n, &floor);
	make_accounts(store, n);
	pid_t pid = center_start(home, store, &port);
	our_figures(n, port, pid, &ours);
	process_stop(pid);
	folder_remove(home);
	print_crowd(n, kind, &floor, &ours);
}

/* ---- boxes ---- */

static struct uuid box_of(size_t i)
{
	struct uuid u = {{0}};
	uint64_t h = (uint64_t)i * UINT64_C(0x9e3779b97f4a7c15);

	memcpy(u.b, &h, sizeof h);
	memcpy(u.b + 8, &i, sizeof i);
	return u;
}

static void letter_make(struct center_mail *m, uint8_t text[LETTER], size_t box,
			size_t round)
{
	uint64_t id = (uint64_t)round * BOXES + box + 1;

	*m = (struct center_mail){.box = box_of(box), .blob = {text, LETTER}};
	memset(text, (int)(round + 1), LETTER);
	memcpy(m->eid.b, &id, sizeof id);
}

/* As they would come: one in each box, then again. seq: of each first one. */
static void boxes_fill(struct center_backend *b, uint64_t *seq)
{
	static struct center_mail m[CENTER_BATCH_MAX];
	static uint8_t text[CENTER_BATCH_MAX][LETTER];
	int64_t now_ms = wall_us() / 1000, from = mono_us();

	for (size_t at = 0; at < (size_t)BOXES * LETTERS;) {
		size_t n = 0, first = at;

		for (; n < CENTER_BATCH_MAX && at < (size_t)BOXES * LETTERS;
		     n++, at++)
			letter_make(&m[n], text[n], at % BOXES, at / BOXES);
		if (b->mbox_append(b, m, n, now_ms))
			die("letters");
		for (size_t i = 0; i < n; i++) {
			if (m[i].err)
				die("a letter");
			if (first + i < BOXES)
				seq[first + i] = m[i].seq;
		}
	}
	fprintf(stderr, "bench: %s: %d letters in %.1f s\n", b->name,
		BOXES * LETTERS, (double)(mono_us() - from) / 1e6);
}

static void take(void *ctx, const struct center_mail *m)
{
	size_t *sum = ctx;

	*sum += m->blob.n + m->blob.p[LETTER - 1];
}

static size_t dice(size_t below)
{
	static uint64_t r = 7;

	r = r * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (size_t)(r >> 33) % below;
}

/* All of it is in the system's memory. */
static void warm(const char *path)
{
	static char in[1 << 20];
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	sync(); /* nor is it written while we read */
	while (fd >= 0 && read(fd, in, sizeof in) > 0)
		;
	if (fd < 0 || close(fd))
		die(path);
}

struct spread {
	double p50, p95;
};

static struct spread spread_of(int64_t *took)
{
	return (struct spread){(double)percentile(took, READS, 50),
			       (double)percentile(took, READS, 95)};
}

/* From the first letter on, so there are LETTERS - 1; or nothing is new. */
static struct spread boxes_read(struct center_backend *b, const uint64_t *seq,
				bool any)
{
	static int64_t took[READS];
	int64_t now_ms = wall_us() / 1000;
	uint64_t end = INT64_MAX - 1;

	for (int i = -READS / 10; i < READS; i++) {
		size_t box = dice(BOXES), sum = 0;
		struct uuid u = box_of(box);
		int64_t from = mono_us();

		if (b->mbox_read(b, &u, any ? seq[box] : end, 64, now_ms, take,
				 &sum))
			die("a box");
		if (i >= 0)
			took[i] = mono_us() - from;
		if (sum / LETTER != (any ? LETTERS - 1 : 0))
			die("not what was in the box");
	}
	return spread_of(took);
}

struct reads {
	struct spread some, none;
};

static void print_boxes(const char *kind, const char *floor_is,
			const struct reads *floor, const struct reads *ours)
{
	char what[160];

	snprintf(what, sizeof what,
		 "five letters of one of 100,000 boxes, %s, p50; %s", kind,
		 floor_is);
	row_us(what, floor->some.p50, ours->some.p50);
	row_us("the same, p95", floor->some.p95, ours->some.p95);
	row_us("nothing is new in it, p50", floor->none.p50, ours->none.p50);
}

/* ---- the floor of a file ---- */

static void sql(sqlite3 *db, const char *text)
{
	if (sqlite3_exec(db, text, NULL, NULL, NULL))
		die(sqlite3_errmsg(db));
}

static sqlite3_stmt *prepared(sqlite3 *db, const char *text)
{
	sqlite3_stmt *s;

	if (sqlite3_prepare_v2(db, text, -1, &s, NULL))
		die(sqlite3_errmsg(db));
	return s;
}

static void plain_fill(sqlite3 *db)
{
	sqlite3_stmt *s =
	    prepared(db, "INSERT INTO letter(box, text) VALUES(?1, ?2)");
	uint8_t text[LETTER];
	struct center_mail m;

	sql(db, "BEGIN");
	for (size_t at = 0; at < (size_t)BOXES * LETTERS; at++) {
		letter_make(&m, text, at % BOXES, at / BOXES);
		sqlite3_bind_blob(s, 1, m.box.b, 16, SQLITE_STATIC);
		sqlite3_bind_blob(s, 2, text, LETTER, SQLITE_STATIC);
		if (sqlite3_step(s) != SQLITE_DONE)
			die(sqlite3_errmsg(db));
		sqlite3_reset(s);
	}
	sql(db, "COMMIT");
	sqlite3_finalize(s);
}

static struct spread plain_read(sqlite3 *db, bool any)
{
	static int64_t took[READS];
	sqlite3_stmt *s =
	    prepared(db, "SELECT n, text FROM letter WHERE box = ?1 AND n > ?2"
			 " ORDER BY n");

	for (int i = -READS / 10; i < READS; i++) {
		size_t box = dice(BOXES), sum = 0;
		struct uuid u = box_of(box);
		int64_t from = mono_us();

		sqlite3_bind_blob(s, 1, u.b, 16, SQLITE_STATIC);
		sqlite3_bind_int64(s, 2,
				   any ? (sqlite3_int64)box + 1 : INT64_MAX);
		while (sqlite3_step(s) == SQLITE_ROW) {
			const uint8_t *p = sqlite3_column_blob(s, 1);
			sum +=
			    (size_t)sqlite3_column_bytes(s, 1) + p[LETTER - 1];
		}
		sqlite3_reset(s);
		if (i >= 0)
			took[i] = mono_us() - from;
		if (sum / LETTER != (any ? LETTERS - 1 : 0))
			die("not what was in the plain file");
	}
	sqlite3_finalize(s);
	return spread_of(took);
}

static struct reads floor_file(const char *home)
{
	char path[256];
	sqlite3 *db;

	snprintf(path, sizeof path, "%s/plain.db", home);
	if (sqlite3_open(path, &db))
		die(path);
	sql(db, "PRAGMA journal_mode = WAL; CREATE TABLE letter("
		"n INTEGER PRIMARY KEY, box BLOB NOT NULL, text BLOB NOT NULL);"
		"CREATE INDEX letter_box ON letter(box, n)");
	plain_fill(db);
	warm(path);
	struct reads r = {plain_read(db, true), plain_read(db, false)};
	sqlite3_close(db);
	return r;
}

static void measure_file(void)
{
	uint64_t *seq = xzalloc(BOXES * sizeof *seq);
	char *home = folder_new(), path[256], why[256];
	struct center_backend *b;

	snprintf(path, sizeof path, "%s/center.db", home);
	struct reads floor = floor_file(home);
	if (center_open(path, NULL, &b, why))
		die(why);
	boxes_fill(b, seq);
	warm(path);
	struct reads ours = {boxes_read(b, seq, true),
			     boxes_read(b, seq, false)};
	center_close(b);
	folder_remove(home);
	free(seq);
	print_boxes("SQLite", "a plain indexed SELECT", &floor, &ours);
}

/* ---- the floor of a server: its own words on a socket ---- */

static void wire_say(int fd, const char *text, size_t n)
{
	if (write(fd, text, n) != (ssize_t)n)
		die("nats");
}

/* Reads until `what` has come, with n bytes behind it. */
static void wire_until(int fd, const char *what, size_t n)
{
	static char in[16384];
	size_t have = 0;

	for (;;) {
		const char *at = memmem(in, have, what, strlen(what));

		if (at && have - (size_t)(at - in) >= strlen(what) + n)
			return;
		ssize_t got = read(fd, in + have, sizeof in - have);
		if (got <= 0)
			die("nats");
		have += (size_t)got;
	}
}

/* A question, and an answer of as many bytes as there are in the letters, both
 * through the server and on one connection. */
static struct spread floor_wire(int port, size_t size)
{
	enum { ANSWER = (LETTERS - 1) * LETTER };
	static int64_t took[READS];
	static char answer[ANSWER + 64];
	int fd = tcp_dial((uint16_t)port);
	static const char hello[] = "CONNECT {\"verbose\":false}\r\n"
				    "SUB q 1\r\nSUB a 2\r\nPING\r\n";
	static const char ask[] = "PUB q a 4\r\nbox?\r\n";
	char says[32];
	size_t n =
	    (size_t)snprintf(answer, sizeof answer, "PUB a %zu\r\n", size);

	snprintf(says, sizeof says, "MSG a 2 %zu\r\n", size);
	memset(answer + n, 'x', size);
	memcpy(answer + n + size, "\r\n", 2);
	wire_say(fd, hello, sizeof hello - 1);
	wire_until(fd, "PONG\r\n", 0);
	for (int i = 0; i < READS; i++) {
		int64_t from = mono_us();

		wire_say(fd, ask, sizeof ask - 1);
		wire_until(fd, "MSG q 1 a 4\r\n", 6);
		wire_say(fd, answer, n + size + 2);
		wire_until(fd, says, size + 2);
		took[i] = mono_us() - from;
	}
	close(fd);
	return spread_of(took);
}

static void measure_server(void)
{
	uint64_t *seq = xzalloc(BOXES * sizeof *seq);
	struct nats_server s = {0};
	struct center_backend *b;
	char where[64], why[256];

	if (!nats_server_start(&s, "")) {
		fprintf(stderr, "bench: nats-server is not installed\n");
		return;
	}
	snprintf(where, sizeof where, "nats://127.0.0.1:%d", s.port);
	if (center_open(where, NULL, &b, why)) {
		fprintf(stderr, "bench: %s\n", why);
		nats_server_end(&s);
		return;
	}
	boxes_fill(b, seq);
	struct reads floor = {floor_wire(s.port, (LETTERS - 1) * LETTER),
			      floor_wire(s.port, 0)};
	struct reads ours = {boxes_read(b, seq, true),
			     boxes_read(b, seq, false)};
	center_close(b);
	nats_server_end(&s);
	free(seq);
	print_boxes("NATS", "a bare request and reply", &floor, &ours);
}

/* ---- which ---- */

static void measure_crowd(size_t n)
{
	measure_crowd_on(n, "SQLite", NULL);
}

static void measure_crowd_nats(size_t n)
{
	struct nats_server s = {0};
	char where[64];

	if (!nats_server_start(&s, "")) {
		fprintf(stderr, "bench: nats-server is not installed\n");
		return;
	}
	snprintf(where, sizeof where, "nats://127.0.0.1:%d", s.port);
	measure_crowd_on(n, "NATS", where);
	nats_server_end(&s);
}

/* A descriptor for each of the people, here and in the center. */
static void many_files(size_t n)
{
	struct rlimit r;

	getrlimit(RLIMIT_NOFILE, &r);
	r.rlim_cur = r.rlim_max;
	setrlimit(RLIMIT_NOFILE, &r);
	if (r.rlim_cur >= n + 100)
		return;
	fprintf(stderr, "bench: %zu descriptors are needed: ulimit -Hn %zu\n",
		n + 100, n + 100);
	exit(1);
}

int main(int argc, char **argv)
{
	size_t n = argc > 2 ? strtoul(argv[2], NULL, 10) : PEOPLE;
	const char *what = argc > 1 ? argv[1] : "";

	signal(SIGPIPE, SIG_IGN);
	many_files(n);
	if (!*what || !strcmp(what, "crowd"))
		measure_crowd(n);
	if (!strcmp(what, "crowd-nats"))
		measure_crowd_nats(n);
	if (!*what || !strcmp(what, "file"))
		measure_file();
	if (!*what || !strcmp(what, "server"))
		measure_server();
	return 0;
}
