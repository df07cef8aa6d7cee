/* How fast a key is seen and a message painted: the rows of README.md about
 * the screen. sotto and the bare ncurses chat run in the same kind of pseudo
 * terminal, one after the other. */
#include "tests/bench/peer.h"
#include "tests/bench/tools.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { KEYS = 1000, SHOWN = 300, LOAD = 5000, POUR = 100000, LINES_SAID = 60 };

static double ratio(double a, double b)
{
	return b > 0 ? a / b : 0;
}

static void row(const char *what, const char *unit, double floor, double ours,
		const char *goal)
{
	printf("| %s | %.0f %s | %.0f %s | %.2f | %s |\n", what, floor, unit,
	       ours, unit, ratio(ours, floor), goal);
	fflush(stdout);
}

/* The bare chat, and a socket to it. */
struct bare {
	struct term term;
	int fd;
};

/* file: where it keeps what comes; NULL: nowhere. */
static void bare_start(struct bare *b, char *file)
{
	uint16_t port = (uint16_t)(20000 + getpid() % 10000);
	char text[8], *argv[] = {FLOOR_SCREEN_PATH, text, file, NULL};

	snprintf(text, sizeof text, "%d", port);
	term_start(&b->term, argv);
	b->fd = tcp_dial(port);
	term_settle(&b->term, 200);
}

static void bare_stop(struct bare *b)
{
	term_stop(&b->term);
	close(b->fd);
}

/* sotto's screen with a conversation open with a wire-level peer. */
struct shown {
	struct term term;
	struct peer *peer;
	char *home;
	uint16_t port;
};

static void shown_start(struct shown *s)
{
	char port[8];

	s->home = folder_new();
	s->port = bench_port();
	snprintf(port, sizeof port, "%u", s->port);
	char *argv[] = {SOTTO_PATH,    "--home", s->home,
			"--port",      port,     "--no-discover",
			"--trust-new", "accept", NULL};

	term_start(&s->term, argv);
	term_settle(&s->term, 1000);
	s->peer = peer_dial(s->port, 1);
	peer_say(s->peer, "hello-from-bench");
	while (peer_hear(s->peer, 5000) < 1)
		;
	term_settle(&s->term, 300);
	term_type(&s->term, ":msg bench\r");
	term_settle(&s->term, 500);
}

static void shown_stop(struct shown *s)
{
	peer_close(s->peer);
	term_stop(&s->term);
	folder_remove(s->home);
}

/* Brings `n` messages that are 200 us apart at 5,000 a second. */
struct source {
	int fd;            /* the bare chat's, or -1 */
	struct peer *peer; /* or NULL */
	uint64_t count;
};

static void say(struct source *s, const char *text)
{
	char line[128];

	if (s->peer) {
		peer_say(s->peer, text);
		peer_hear(s->peer, 0);
		return;
	}
	snprintf(line, sizeof line, "%s\n", text);
	if (write(s->fd, line, strlen(line)) < 0)
		die("bare chat");
}

static void bring(struct source *s)
{
	char text[64];

	snprintf(text, sizeof text, "%020llu", (unsigned long long)s->count++);
	say(s, text);
}

/* A process of its own brings LOAD messages a second until it is killed. */
static pid_t load_start(struct source *s)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	int64_t from = mono_us();

	for (;;) {
		int64_t due = (mono_us() - from) * LOAD / 1000000;

		while ((int64_t)s->count < due)
			bring(s);
		usleep(1000);
	}
}

/* p50 and p99 of: a key is written, its echo comes. Capitals: no message has
 * any. */
static void echo(struct term *t, bool loaded, double *p50, double *p99)
{
	static int64_t took[KEYS];

	for (int i = 0; i < KEYS; i++) {
		char key[2] = {(char)('A' + i % 26), 0};

		if (i % 40 == 0) {
			term_type(t, "\x15"); /* Ctrl-U */
			if (loaded)
				for (int64_t e = mono_us() + 100000;
				     mono_us() < e;)
					term_read(t, 10);
			else
				term_settle(t, 60);
		}
		int64_t from = mono_us();

		term_type(t, key);
		term_until(t, key);
		took[i] = mono_us() - from;
		for (int64_t e = mono_us() + 5000; mono_us() < e;)
			term_read(t, 2);
	}
	*p50 = (double)percentile(took, KEYS, 50);
	*p99 = (double)percentile(took, KEYS, 99);
}

static void loaded_echo(struct term *t, struct source *s, double *p50,
			double *p99)
{
	pid_t load = load_start(s);

	for (int64_t e = mono_us() + 500000; mono_us() < e;)
		term_read(t, 10);
	echo(t, true, p50, p99);
	kill(load, SIGKILL);
	waitpid(load, NULL, 0);
}

static void measure_echo(void)
{
	struct bare b;
	struct shown s;
	double f50, f99, o50, o99, lf50, lf99, lo50, lo99;

	bare_start(&b, NULL);
	echo(&b.term, false, &f50, &f99);
	loaded_echo(&b.term, &(struct source){.fd = b.fd}, &lf50, &lf99);
	bare_stop(&b);
	shown_start(&s);
	echo(&s.term, false, &o50, &o99);
	loaded_echo(&s.term, &(struct source){.peer = s.peer}, &lo50, &lo99);
	shown_stop(&s);
	row("key to echo, p50", "us", f50, o50, "≤ 1.1");
	row("key to echo, p99", "us", f99, o99, "–");
	row("key to echo under 5,000 messages a second, p50", "us", lf50, lo50,
	    "–");
	row("key to echo under 5,000 messages a second, p99", "us", lf99, lo99,
	    "≤ 1.5");
}

static void shown_after(struct term *t, struct source *s, double *p50,
			double *p99)
{
	static int64_t took[SHOWN];

	for (int i = 0; i < SHOWN; i++) {
		char text[32];
		int64_t from;

		/* quiet, so that the next one is the first after a pause */
		term_settle(t, 45);
		snprintf(text, sizeof text, "%06llu\n",
			 (unsigned long long)(700000 + s->count++));
		from = mono_us();
		if (s->peer) {
			text[6] = 0;
			peer_say(s->peer, text);
			peer_flush(s->peer);
		} else if (write(s->fd, text, 7) < 0)
			die("bare chat");
		text[6] = 0;
		/* the last digits are never drawn by a scroll */
		term_until(t, text + 4);
		took[i] = mono_us() - from;
		if (s->peer)
			peer_hear(s->peer, 0);
	}
	*p50 = (double)percentile(took, SHOWN, 50);
	*p99 = (double)percentile(took, SHOWN, 99);
}

static void measure_shown(void)
{
	struct bare b;
	struct shown s;
	double f, f99, kept, kept99, o, o99;
	char *home = folder_new(), file[300];

	snprintf(file, sizeof file, "%s/floor.db", home);
	bare_start(&b, NULL);
	shown_after(&b.term, &(struct source){.fd = b.fd}, &f, &f99);
	bare_stop(&b);
	bare_start(&b, file);
	shown_after(&b.term, &(struct source){.fd = b.fd}, &kept, &kept99);
	bare_stop(&b);
	folder_remove(home);
	shown_start(&s);
	shown_after(&s.term, &(struct source){.peer = s.peer}, &o, &o99);
	shown_stop(&s);
	row("message to screen (decrypted, committed, painted), p50", "us", f,
	    o, "≤ 1.4");
	row("the same, beside a bare chat that commits too, p50", "us", kept, o,
	    "–");
	row("message to screen, p99, the floor its own p50", "us", o, o99,
	    "≤ 2");
	row("the same of the bare chat that commits", "us", kept, kept99, "–");
}

/* Ordinary lines, the same ones every time. */
static void sentence(char out[static 100], unsigned i)
{
	static const char *const word[] = {
	    "the",  "old",   "boat", "and", "a",     "quick",  "brown",
	    "fox",  "under", "rain", "we",  "shall", "meet",   "at",
	    "noon", "if",    "you",  "see", "her",   "before",
	};
	enum { WORDS = sizeof word / sizeof *word };
	uint32_t r = i * 2654435761u + 12345;

	out[0] = 0;
	for (unsigned k = 0; k < 4 + i % 4; k++, r = r * 1664525 + 1013904223)
		sprintf(out + strlen(out), "%s%s", k ? " " : "",
			word[(r >> 16) % WORDS]);
}

/* Bytes to the terminal for a message that comes alone, and for a key at the
 * end of the line. */
static void bytes_each(struct term *t, struct source *s, double *message,
		       double *key)
{
	char text[100];
	uint64_t before = 0;

	for (unsigned i = 0; i < 2 * LINES_SAID; i++) {
		if (i == LINES_SAID)
			before = t->total;
		sentence(text, i);
		say(s, text);
		term_settle(t, 60);
	}
	*message = (double)(t->total - before) / LINES_SAID;
	term_type(t, "x"); /* the hint line is another one now */
	term_settle(t, 100);
	before = t->total;
	for (unsigned i = 0; i < 40; i++) {
		term_type(t, (char[]){(char)('a' + i % 26), 0});
		term_settle(t, 60);
	}
	*key = (double)(t->total - before) / 40;
}

static void measure_lean(void)
{
	struct bare b;
	struct shown s;
	double f_message, f_key, o_message, o_key;

	bare_start(&b, NULL);
	bytes_each(&b.term, &(struct source){.fd = b.fd}, &f_message, &f_key);
	bare_stop(&b);
	shown_start(&s);
	bytes_each(&s.term, &(struct source){.peer = s.peer}, &o_message,
		   &o_key);
	shown_stop(&s);
	row("bytes to the terminal, a message, 80x24", "B", f_message,
	    o_message, "≤ 1.05");
	row("the same, a key at the end of the line", "B", f_key, o_key, "1 B");
}

static void measure_bytes(void)
{
	struct shown s;

	shown_start(&s);

	pid_t load = load_start(&(struct source){.peer = s.peer});
	uint64_t before;
	int64_t from;

	for (int64_t e = mono_us() + 500000; mono_us() < e;)
		term_read(&s.term, 10);
	before = s.term.total;
	from = mono_us();
	while (mono_us() - from < 3000000)
		term_read(&s.term, 100);

	double kb = (double)(s.term.total - before) / 3 / 1000;

	kill(load, SIGKILL);
	waitpid(load, NULL, 0);
	shown_stop(&s);
	printf("| bytes to the terminal at 5,000 messages a second, 80x24 |"
	       " – | %.0f kB/s | – | ≤ 60 kB/s |\n",
	       kb);
}

/* A floor_pair in a terminal; its figure comes on stderr. */
static double floor_in_term(const char *how, int n)
{
	char out[] = "/tmp/sotto-bench-XXXXXX", line[600];
	char *argv[] = {(char *)(uintptr_t) "/bin/sh", (char *)(uintptr_t) "-c",
			line, NULL};
	struct term t;
	double per_s = 0;

	close(mkstemp(out));
	snprintf(line, sizeof line, "exec %s %s %d normal screen 2>%s",
		 FLOOR_PAIR_PATH, how, n, out);
	term_start(&t, argv);
	while (term_read(&t, 20000))
		;
	waitpid(t.pid, NULL, 0);
	close(t.fd);

	FILE *f = fopen(out, "r");

	if (!f || fscanf(f, "%lf", &per_s) != 1)
		die("the floor said nothing");
	fclose(f);
	unlink(out);
	return per_s;
}

static void measure_pour(void)
{
	struct shown s;
	double floor = floor_in_term("oneway", POUR);
	size_t acked = 0, want;
	char text[64] = "";
	bool seen = false;

	shown_start(&s);
	want = peer_said(s.peer) + POUR;

	int64_t from = mono_us();

	s.term.n_tail = 0;
	while (acked < want || !seen) {
		while (peer_said(s.peer) < want &&
		       peer_said(s.peer) - acked < 4096) {
			snprintf(text, sizeof text, "%040zu",
				 peer_said(s.peer));
			peer_say(s.peer, text);
			if (peer_said(s.peer) % 128 == 0)
				break;
		}
		acked = peer_hear(s.peer, peer_said(s.peer) < want ? 0 : 1);
		while (term_read(&s.term, 0))
			;
		if (peer_said(s.peer) == want && !seen)
			seen = memmem(s.term.tail, s.term.n_tail, text + 35,
				      5) != NULL;
		if (mono_us() - from > 60000000)
			die("not all were shown in 60 s");
	}
	row("100,000 messages stored, acknowledged, the last on screen", "/s",
	    floor, POUR * 1e6 / (double)(mono_us() - from), "≥ 0.65");
	shown_stop(&s);
}

/* Processor time a message, at LOAD a second. */
static void measure_cpu(void)
{
	struct shown s;
	double floor = floor_in_term("steady", LOAD);

	shown_start(&s);

	pid_t load = load_start(&(struct source){.peer = s.peer});
	uint64_t before;
	int64_t from;

	for (int64_t e = mono_us() + 500000; mono_us() < e;)
		term_read(&s.term, 10);
	before = proc_cpu_us(s.term.pid);
	from = mono_us();
	while (mono_us() - from < 4000000)
		term_read(&s.term, 100);

	double ours = (double)(proc_cpu_us(s.term.pid) - before) * 1e6 /
		      (double)(mono_us() - from) / LOAD;

	kill(load, SIGKILL);
	waitpid(load, NULL, 0);
	shown_stop(&s);
	row("processor time a message at 5,000 a second", "us", floor, ours,
	    "≤ 0.6");
}

/* Start to the first full paint: until the program falls silent. */
static double first_paint(char *const argv[], const char *sign,
			  uint64_t *memory_kb)
{
	static int64_t took[15];

	for (int i = 0; i < 15; i++) {
		struct term t;
		int64_t from = mono_us();

		term_start(&t, argv);
		term_until(&t, sign);
		took[i] = mono_us() - from;
		term_settle(&t, 300);
		*memory_kb = proc_private_kb(t.pid);
		term_stop(&t);
	}
	return (double)percentile(took, 15, 50);
}

static void measure_start(void)
{
	char *home = folder_new();
	char *bare[] = {FLOOR_SCREEN_PATH, (char *)(uintptr_t) "0", NULL};
	char *ours[] = {SOTTO_PATH,
			(char *)(uintptr_t) "--home",
			home,
			(char *)(uintptr_t) "--port",
			(char *)(uintptr_t) "0",
			(char *)(uintptr_t) "--no-discover",
			NULL};
	uint64_t f_kb, o_kb;
	double f = first_paint(bare, "> ", &f_kb);
	/* the hint line is painted last, when all contacts are known */
	double o = first_paint(ours, "quit", &o_kb);

	row("start to first full paint, p50", "us", f, o, "≤ 1.4");
	row("private memory then", "kB", (double)f_kb, (double)o_kb, "≤ 1.4");
	folder_remove(home);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*measure)(void);
	} all[] = {
	    {"pour", measure_pour},   {"echo", measure_echo},
	    {"shown", measure_shown}, {"bytes", measure_bytes},
	    {"start", measure_start}, {"lean", measure_lean},
	    {"cpu", measure_cpu},
	};

	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		if (argc < 2 || !strcmp(argv[1], all[i].name))
			all[i].measure();
	return 0;
}
