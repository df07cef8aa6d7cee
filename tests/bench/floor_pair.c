/* The floor under delivery: two processes, TCP, json-c, an AEAD and SQLite,
 * with nothing around them. No identities, no retries, no outbox, no threads:
 * what no messenger that stores what it acknowledges can fall below.
 *
 *   floor_pair pingpong N   p50 in microseconds of: A commits, sends; B
 *                           commits, answers; A has read the answer. Both
 *                           commit with synchronous=FULL.
 *   floor_pair oneway N full|normal [screen]
 *                           messages a second that B has committed, 256 a
 *                           commit, from the first byte to the last commit.
 *                           screen: B also paints each in a bare ncurses
 *                           pane; run it in a terminal, the figure goes to
 *                           stderr.
 *   floor_pair steady N full|normal screen
 *                           B alone, one thread: A sends N messages a second
 *                           for 5 s; what has come is committed, each message
 *                           painted and acknowledged. Microseconds of
 *                           processor time a message, without the first.
 */
#include <arpa/inet.h>
#include <assert.h>
#include <curses.h>
#include <errno.h>
#include <json-c/json.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sodium.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	FRAME_MAX = 4096,
	GROUP = 256,
	READ_SIZE = 65536,
	TAG = crypto_aead_chacha20poly1305_ietf_ABYTES
};

static int64_t mono_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void die(const char *what)
{
	perror(what);
	exit(1);
}

/* One end: a socket, a key, two counters, a database. */
struct end {
	int fd;
	uint8_t key[32];
	uint64_t sent, got;
	uint8_t in[2 * READ_SIZE];
	size_t n_in;
	sqlite3 *db;
	sqlite3_stmt *insert, *begin, *commit;
};

static void sql(struct end *e, const char *text)
{
	char *why = NULL;

	if (sqlite3_exec(e->db, text, NULL, NULL, &why) != SQLITE_OK) {
		fprintf(stderr, "%s: %s\n", text, why);
		exit(1);
	}
}

static void step(sqlite3_stmt *s)
{
	if (sqlite3_step(s) != SQLITE_DONE)
		die("sqlite3_step");
	sqlite3_reset(s);
}

static void end_open(struct end *e, int fd, const char *path, bool full)
{
	e->fd = fd;
	if (sqlite3_open(path, &e->db) != SQLITE_OK)
		die(path);
	sql(e, "PRAGMA journal_mode=WAL");
	sql(e, full ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL");
	sql(e, "CREATE TABLE message(n INTEGER PRIMARY KEY, id TEXT UNIQUE,"
	       " stamp TEXT, text TEXT)"); /* once: a receipt promises that */
	sqlite3_prepare_v2(e->db,
			   "INSERT INTO message(id, stamp, text)"
			   " VALUES(?1, ?2, ?3)",
			   -1, &e->insert, NULL);
	sqlite3_prepare_v2(e->db, "BEGIN", -1, &e->begin, NULL);
	sqlite3_prepare_v2(e->db, "COMMIT", -1, &e->commit, NULL);
}

static void keep(struct end *e, const char *id, const char *stamp,
		 const char *text)
{
	sqlite3_bind_text(e->insert, 1, id, -1, SQLITE_STATIC);
	sqlite3_bind_text(e->insert, 2, stamp, -1, SQLITE_STATIC);
	sqlite3_bind_text(e->insert, 3, text, -1, SQLITE_STATIC);
	step(e->insert);
}

static void write_all(int fd, const uint8_t *p, size_t n)
{
	while (n) {
		ssize_t w = write(fd, p, n);

		if (w <= 0)
			die("write");
		p += w;
		n -= (size_t)w;
	}
}

/* Length, ciphertext, tag. Appends to out, returns the new length. */
static size_t seal(struct end *e, uint8_t *out, const char *json)
{
	uint8_t nonce[12] = {0};
	size_t n = strlen(json);
	unsigned long long c;

	assert(n + TAG + 2 <= FRAME_MAX);
	memcpy(nonce + 4, &e->sent, 8);
	e->sent++;
	crypto_aead_chacha20poly1305_ietf_encrypt(out + 2, &c,
						  (const uint8_t *)json, n,
						  NULL, 0, NULL, nonce, e->key);
	out[0] = (uint8_t)(c >> 8);
	out[1] = (uint8_t)c;
	return (size_t)c + 2;
}

/* The next whole frame of what was read, parsed; NULL: read more. */
static struct json_object *open_next(struct end *e, size_t *at)
{
	uint8_t nonce[12] = {0}, plain[FRAME_MAX];
	unsigned long long n;

	if (e->n_in - *at < 2)
		return NULL;

	size_t c = (size_t)e->in[*at] << 8 | e->in[*at + 1];

	if (e->n_in - *at < c + 2)
		return NULL;
	memcpy(nonce + 4, &e->got, 8);
	e->got++;
	if (crypto_aead_chacha20poly1305_ietf_decrypt(
		plain, &n, NULL, e->in + *at + 2, c, NULL, 0, nonce, e->key))
		die("decrypt");
	plain[n] = 0;
	*at += c + 2;

	struct json_object *o = json_tokener_parse((const char *)plain);

	if (!o)
		die("json");
	return o;
}

static void fill(struct end *e)
{
	ssize_t r = read(e->fd, e->in + e->n_in, READ_SIZE);

	if (r <= 0)
		die("read");
	e->n_in += (size_t)r;
}

static const char *get(struct json_object *o, const char *key)
{
	struct json_object *v;

	return json_object_object_get_ex(o, key, &v) ? json_object_get_string(v)
						     : "";
}

static void put(struct json_object *o, const char *key, const char *value)
{
	json_object_object_add(o, key, json_object_new_string(value));
}

/* The fields of sotto's packets, so that both parse the same. */
static struct json_object *packet(const char *type, int i, const char *text)
{
	struct json_object *o = json_object_new_object();
	char id[40];

	snprintf(id, sizeof id, "01930000-0000-7000-8000-%012d", i);
	put(o, "type", type);
	put(o, "origin_ip", "127.0.0.1");
	json_object_object_add(o, "origin_port", json_object_new_int(6327));
	put(o, "destination_ip", "127.0.0.1");
	json_object_object_add(o, "destination_port",
			       json_object_new_int(6328));
	put(o, "id", id);
	put(o, "epoch", "0011223344556677");
	json_object_object_add(o, "seq", json_object_new_int(i + 1));
	put(o, "timestamp", "2026-11-20T14:02:03.120Z");
	put(o, "message", text);
	return o;
}

static size_t say(struct end *e, uint8_t *out, struct json_object *o)
{
	return seal(e, out,
		    json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN));
}

static const char *text_of(size_t n)
{
	static char text[512];

	memset(text, 'x', n);
	text[n] = 0;
	return text;
}

static void a_pings(struct end *e, int n)
{
	int64_t *took = calloc((size_t)n, sizeof *took);
	const char *text = text_of(200);

	for (int i = 0; i < n; i++) {
		uint8_t out[FRAME_MAX];
		int64_t t = mono_us();
		struct json_object *o = packet("message", i, text), *ack;

		keep(e, get(o, "id"), get(o, "timestamp"), text);
		size_t len = say(e, out, o);

		write_all(e->fd, out, len);
		json_object_put(o);
		size_t at = 0;

		e->n_in = 0;
		do
			fill(e);
		while (!(ack = open_next(e, &at)));
		json_object_put(ack);
		took[i] = mono_us() - t;
	}
	for (int i = 1; i < n; i++) /* insertion: n is a few thousand */
		for (int j = i; j && took[j] < took[j - 1]; j--) {
			int64_t x = took[j];

			took[j] = took[j - 1];
			took[j - 1] = x;
		}
	printf("%ld %ld\n", (long)took[n / 2], (long)took[n * 99 / 100]);
	free(took);
}

static void b_answers(struct end *e, int n)
{
	for (int i = 0; i < n; i++) {
		uint8_t out[FRAME_MAX];
		size_t at = 0;
		struct json_object *o;

		e->n_in = 0;
		do
			fill(e);
		while (!(o = open_next(e, &at)));
		keep(e, get(o, "id"), get(o, "timestamp"), get(o, "message"));

		struct json_object *ack = packet("ack", i, "success");

		write_all(e->fd, out, say(e, out, ack));
		json_object_put(ack);
		json_object_put(o);
	}
}

static void a_pours(struct end *e, int n)
{
	uint8_t out[READ_SIZE];
	size_t len = 0;
	const char *text = text_of(40);

	for (int i = 0; i < n; i++) {
		struct json_object *o = packet("message", i, text);

		len += say(e, out + len, o);
		json_object_put(o);
		if (len > sizeof out - FRAME_MAX || i == n - 1) {
			write_all(e->fd, out, len);
			len = 0;
		}
	}
	if (read(e->fd, out, 1) != 1) /* B has committed the last one */
		die("last answer");
}

static void b_drinks(struct end *e, int n, WINDOW *pane)
{
	for (int i = 0; i < n;) {
		size_t at = 0;
		struct json_object *o;

		fill(e);
		while ((o = open_next(e, &at))) {
			if (i % GROUP == 0)
				step(e->begin);
			keep(e, get(o, "id"), get(o, "timestamp"),
			     get(o, "message"));
			if (pane)
				wprintw(pane, "\n%s", get(o, "message"));
			json_object_put(o);
			if (++i % GROUP == 0 || i == n)
				step(e->commit);
		}
		memmove(e->in, e->in + at, e->n_in - at);
		e->n_in -= at;
		if (pane)
			wrefresh(pane);
	}
	write_all(e->fd, (const uint8_t *)"!", 1);
}

enum { STEADY_S = 5 };

/* N a second, evenly; reads the receipts and forgets them. */
static void a_paces(struct end *e, int n)
{
	uint8_t out[FRAME_MAX], in[READ_SIZE];
	char text[64];
	int64_t from = mono_us(), sent = 0;

	for (; sent < (int64_t)n * STEADY_S; usleep(1000)) {
		int64_t due = (mono_us() - from) * n / 1000000;

		for (; sent < due; sent++) {
			snprintf(text, sizeof text, "%020lld", (long long)sent);
			struct json_object *o =
			    packet("message", (int)sent, text);

			write_all(e->fd, out, say(e, out, o));
			json_object_put(o);
			while (recv(e->fd, in, sizeof in, MSG_DONTWAIT) > 0)
				;
		}
	}
	shutdown(e->fd, SHUT_WR);
	while (read(e->fd, in, sizeof in) > 0)
		;
}

static int64_t cpu_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* All that was read: committed, then each painted and acknowledged. */
static int serve(struct end *e, int i, WINDOW *pane)
{
	static uint8_t out[4 * READ_SIZE];
	size_t at = 0, len = 0;
	struct json_object *o;

	step(e->begin);
	for (; len < sizeof out - FRAME_MAX && (o = open_next(e, &at)); i++) {
		keep(e, get(o, "id"), get(o, "timestamp"), get(o, "message"));
		wprintw(pane, "\n%s", get(o, "message"));
		wrefresh(pane);
		struct json_object *ack = packet("ack", i, "success");

		len += say(e, out + len, ack);
		json_object_put(ack);
		json_object_put(o);
	}
	step(e->commit);
	write_all(e->fd, out, len);
	memmove(e->in, e->in + at, e->n_in - at);
	e->n_in -= at;
	return i;
}

static void b_serves(struct end *e, int n, WINDOW *pane)
{
	int64_t cpu = 0;
	int i = 0, first = 0;
	ssize_t r;

	while ((r = read(e->fd, e->in + e->n_in, READ_SIZE)) > 0) {
		e->n_in += (size_t)r;
		i = serve(e, i, pane);
		if (!first && i >= n) {
			first = i;
			cpu = cpu_us();
		}
	}
	cpu = cpu_us() - cpu;
	endwin();
	fprintf(stderr, "%.2f\n", (double)cpu / (i - first));
}

/* A connected pair on loopback. */
static void pair(int fd[2])
{
	struct sockaddr_in a = {.sin_family = AF_INET};
	socklen_t n = sizeof a;
	int l = socket(AF_INET, SOCK_STREAM, 0), on = 1;

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	fd[0] = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(l, (struct sockaddr *)&a, n) || listen(l, 1) ||
	    getsockname(l, (struct sockaddr *)&a, &n) ||
	    connect(fd[0], (struct sockaddr *)&a, n))
		die("loopback");
	fd[1] = accept(l, NULL, NULL);
	close(l);
	for (int i = 0; i < 2; i++)
		setsockopt(fd[i], IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

static WINDOW *pane_open(void)
{
	initscr();

	WINDOW *pane = newwin(LINES - 1, COLS, 0, 0);

	scrollok(pane, TRUE);
	return pane;
}

int main(int argc, char **argv)
{
	char dir[] = "/tmp/sotto-floor-XXXXXX", path[2][64], rm[64];
	struct end *e = calloc(1, sizeof *e);
	int fd[2], n = argc > 2 ? atoi(argv[2]) : 1000;
	bool pings = argc > 1 && !strcmp(argv[1], "pingpong");
	bool steady = argc > 1 && !strcmp(argv[1], "steady");
	bool full = argc < 4 || !strcmp(argv[3], "full");
	bool shown = argc > 4 && !strcmp(argv[4], "screen");

	if (sodium_init() < 0 || !e || !mkdtemp(dir))
		die("start");
	for (int i = 0; i < 2; i++)
		snprintf(path[i], sizeof path[i], "%s/%d.db", dir, i);
	pair(fd);

	pid_t child = fork();
	bool answers = (child == 0) != shown; /* the terminal is the parent's */

	close(fd[!answers]);
	end_open(e, fd[answers], path[answers], full);

	int64_t t = mono_us();

	if (steady && answers)
		b_serves(e, n, pane_open());
	else if (steady)
		a_paces(e, n);
	else if (pings)
		(answers ? b_answers : a_pings)(e, n);
	else if (answers)
		b_drinks(e, n, shown ? pane_open() : NULL);
	else
		a_pours(e, n);
	if (child == 0)
		_exit(0);
	if (shown && !steady)
		endwin();
	if (steady)
		close(e->fd);
	else if (!pings)
		fprintf(shown ? stderr : stdout, "%.0f\n",
			(double)n * 1e6 / (double)(mono_us() - t));
	waitpid(child, NULL, 0);
	snprintf(rm, sizeof rm, "rm -r %s", dir);
	return system(rm);
}
