/* Reading, opening and searching a conversation of 1,000,000 messages: the
 * rows of README.md about it. sotto and the bare programs read the same file,
 * which make_store makes. */
#include "src/sql.h"
#include "tests/bench/cells.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	COUNT = 1000000,
	ROWS = 24,
	COLS = 80,
	PLACES = 40,
	PAGES = 5,
	OPENED = 60,
	FOUND = 60,
	ECHOES = 20,
	BARE = 50,
	QUIET_MS = 80,
};
#define PAGE_UP "\033[5~"

static void row(const char *what, const char *unit, double floor, double ours,
		const char *goal)
{
	printf("| %s | %.0f %s | %.0f %s | %.2f | %s |\n", what, floor, unit,
	       ours, unit, floor > 0 ? ours / floor : 0, goal);
	fflush(stdout);
}

/* A program that shows the store, and what its terminal shows. */
struct shown {
	struct term term;
	struct cells *cells;
};

static void shown_start(struct shown *s, char *const argv[])
{
	term_start(&s->term, argv);
	s->cells = cells_new(ROWS, COLS);
	cells_watch(s->cells, &s->term);
	term_settle(&s->term, 1000);
}

static void shown_stop(struct shown *s)
{
	term_stop(&s->term);
	cells_free(s->cells);
}

static void ours_start(struct shown *s)
{
	char *argv[] = {SOTTO_PATH, "--home",        BENCH_HOME,  "--port",
			"0",        "--no-discover", (char *)NULL};

	shown_start(s, argv);
}

static void floor_start(struct shown *s)
{
	char *argv[] = {FLOOR_STORE_PATH, BENCH_HOME "/sotto.db", NULL};

	shown_start(s, argv);
}

/* Written and looked at in peace. */
static void say(struct shown *s, const char *keys)
{
	term_type(&s->term, keys);
	term_settle(&s->term, QUIET_MS);
}

/* How long until the last of what a key shows is there. */
static int64_t shows(struct shown *s, const char *keys)
{
	int64_t from = mono_us(), last;

	term_type(&s->term, keys);
	last = term_last(&s->term, QUIET_MS);
	if (!last)
		die(keys);
	return last - from;
}

/* The numbers on the screen: from, to, one after the other. */
struct span_shown {
	int from, to;
};

static struct span_shown numbers(struct shown *s)
{
	struct span_shown f = {-1, -1};

	for (int y = 0; y < ROWS - 1; y++) {
		const char *at = strchr(cells_row(s->cells, y), '#');
		int n = at ? atoi(at + 1) : -1;

		if (n < 0)
			continue;
		if (f.to >= 0 && n != f.to + 1)
			die("what is shown is not in order");
		if (f.from < 0)
			f.from = n;
		f.to = n;
	}
	return f;
}

/* Where ':' begins a command: no list is shown, nothing is being written. */
static void calm(struct shown *s)
{
	say(s, "\033");
	say(s, "\033");
}

/* Begins a command. A terminal that hangs for a moment makes one key of Esc
 * and what follows. */
static void command(struct shown *s, const char *what)
{
	calm(s);
	say(s, ":");
	while (!strstr(cells_row(s->cells, ROWS - 2), "> /")) {
		say(s, "\x15");
		calm(s);
		say(s, ":");
	}
	say(s, what);
}

static void ours_deep(struct shown *s)
{
	ours_start(s);
	command(s, "msg deep");
	say(s, "\r");
}

/* Waits until a row says it, at most 5 s. */
static void until(struct shown *s, int y, const char *part)
{
	int64_t end = mono_us() + 5000000;

	while (!strstr(cells_row(s->cells, y), part)) {
		if (mono_us() > end)
			die(part);
		term_read(&s->term, 100);
	}
}

static void ours_go(struct shown *s, int n)
{
	char keys[40];

	snprintf(keys, sizeof keys, "find #%07d", n);
	command(s, keys);
	say(s, "\r");
	until(s, 1, keys + 5); /* the list of what was found */
	until(s, 2, keys + 5);
	say(s, "\r");
	until(s, 1, "deep~");
	say(s, "");
}

static void floor_go(struct shown *s, int n)
{
	char keys[40];

	snprintf(keys, sizeof keys, "@%d\r", n + 1);
	say(s, keys);
	snprintf(keys, sizeof keys, "#%07d", n);
	until(s, ROWS - 2, keys);
	say(s, "");
}

/* p50 of PageUp after going to places all over the conversation; 0: it cannot
 * be gone to. */
static double pages(struct shown *s, void (*go)(struct shown *s, int n))
{
	static int64_t took[PLACES * PAGES];
	unsigned r = 7;

	for (int i = 0; i < PLACES; i++) {
		r = r * 1664525 + 1013904223;
		int n = 1000 + (int)(r >> 8) % (COUNT - 2000);

		go(s, n);
		struct span_shown was = numbers(s), is;

		if (was.from > n || was.to < n)
			return 0;
		for (int k = 0; k < PAGES; k++, was = is) {
			took[i * PAGES + k] = shows(s, PAGE_UP);
			is = numbers(s);
			if (is.from > was.from - 5 || is.to < was.from - 1)
				die("not the page before");
		}
	}
	return (double)percentile(took, PLACES * PAGES, 50);
}

static void measure_pages(void)
{
	struct shown s;

	floor_start(&s);
	double floor = pages(&s, floor_go);

	shown_stop(&s);
	ours_deep(&s);
	double ours = pages(&s, ours_go);

	shown_stop(&s);
	row("PageUp anywhere in 1,000,000 messages, p50", "us", floor, ours,
	    "≤ 1.1");
}

/* ---- opening ---- */

static size_t touch(sqlite3_stmt *s)
{
	size_t sum = 0;

	for (int i = 0; i < sqlite3_column_count(s); i++)
		if (sqlite3_column_type(s, i) >= SQLITE_TEXT)
			sum += sqlite3_column_blob(s, i) != NULL;
		else
			sum += (size_t)sqlite3_column_int64(s, i);
	return sum;
}

static double bare_last(void)
{
	static int64_t took[BARE];
	size_t sum = 0;
	sqlite3 *db;
	sqlite3_stmt *s;

	if (sqlite3_open_v2(BENCH_HOME "/sotto.db", &db, SQLITE_OPEN_READONLY,
			    NULL) ||
	    sqlite3_prepare_v2(db,
			       "SELECT " SQL_MESSAGE_COLUMNS " FROM message m"
			       " LEFT JOIN outbox o ON o.n = m.n"
			       " WHERE m.contact = 1 ORDER BY m.n DESC"
			       " LIMIT 100",
			       -1, &s, NULL))
		die("the bare query");
	for (int i = 0; i < BARE; i++) {
		usleep(QUIET_MS * 1000); /* as before each key */

		int64_t from = mono_us();

		while (sqlite3_step(s) == SQLITE_ROW)
			sum += touch(s);
		sqlite3_reset(s);
		took[i] = mono_us() - from;
	}
	sqlite3_finalize(s);
	sqlite3_close(db);
	if (!sum)
		die("the bare query");
	return (double)percentile(took, BARE, 50);
}

static void open_conversation(struct shown *s, const char *name, int64_t *took)
{
	char keys[40];

	snprintf(keys, sizeof keys, "msg %s", name);
	command(s, keys);
	*took = shows(s, "\r");
}

static void measure_open(void)
{
	static int64_t took[OPENED];
	struct shown s;
	double floor = bare_last();
	uint64_t before, after;
	int64_t first;

	ours_start(&s);
	before = proc_private_kb(s.term.pid);
	open_conversation(&s, "deep", &first);
	after = proc_private_kb(s.term.pid);
	for (int i = 0; i < OPENED; i++) {
		open_conversation(&s, "small", &took[i]);
		open_conversation(&s, "deep", &took[i]);
		if (numbers(&s).to != COUNT - 1)
			die("the newest is not shown");
	}
	shown_stop(&s);
	row("opening it, p50; the bare query of its last 100 rows", "us", floor,
	    (double)percentile(took, OPENED, 50), "≤ 4");
	printf("| the same, the first time, memory | – | %ld kB | – |"
	       " ≤ 2,500 kB |\n| the same, the first time | %.0f us | %.0f us |"
	       " %.2f | – |\n",
	       (long)(after - before), floor, (double)first,
	       (double)first / floor);
}

/* ---- searching ---- */

static const char *const word[] = {"bakilo", "kiba", "lolo", "munre",
				   "satol",  "newi", "duga", "velhi"};
enum { WORDS = sizeof word / sizeof *word };

static double finds(struct shown *s, const char *find,
		    void (*begin)(struct shown *s, const char *keys))
{
	static int64_t took[FOUND];
	char keys[40];

	for (int i = 0; i < FOUND; i++) {
		snprintf(keys, sizeof keys, "%s%s", find, word[i % WORDS]);
		begin(s, keys);
		took[i] = shows(s, "\r");
	}
	return (double)percentile(took, FOUND, 50);
}

/* Two letters are no word of the index: every row is looked at. */
static void echo_in_search(struct shown *s, double *p50, double *worst)
{
	static int64_t took[ECHOES];

	command(s, "find zq");
	term_type(&s->term, "\r");
	for (int64_t e = mono_us() + 30000; mono_us() < e;)
		term_read(&s->term, 5);
	say(s, "i");
	for (int i = 0; i < ECHOES; i++) {
		char key[2] = {(char)('A' + i), 0};
		int64_t from = mono_us();

		term_type(&s->term, key);
		term_until(&s->term, key);
		took[i] = mono_us() - from;
		if (i + 1 == ECHOES)
			break;
		for (int64_t e = mono_us() + 5000; mono_us() < e;)
			term_read(&s->term, 2);
	}
	if (strstr(cells_row(s->cells, ROWS - 1), "nothing"))
		die("the search was over before the keys");
	*p50 = (double)percentile(took, ECHOES, 50);
	*worst = (double)percentile(took, ECHOES, 100);
	term_until(&s->term, "nothing");
	calm(s);
	say(s, "i\x15"); /* no draft stays */
	term_settle(&s->term, 700);
}

static void measure_find(void)
{
	struct shown s;
	double floor, ours, echo, worst;

	floor_start(&s);
	floor = finds(&s, "/", say);
	shown_stop(&s);
	ours_deep(&s);
	ours = finds(&s, "find ", command);
	echo_in_search(&s, &echo, &worst);
	shown_stop(&s);
	row("a search in it, on the screen, p50", "us", floor, ours, "≤ 3");
	printf("| key to echo while a search looks at all of it, p50 and worst"
	       " | – | %.0f, %.0f us | – | never blocked |\n",
	       echo, worst);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*measure)(void);
	} all[] = {
	    {"pages", measure_pages},
	    {"open", measure_open},
	    {"find", measure_find},
	};

	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		if (argc < 2 || !strcmp(argv[1], all[i].name))
			all[i].measure();
	return 0;
}
