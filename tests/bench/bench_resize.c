/* Storms of resizes: what is on the screen when they are over, and how soon.
 * sotto shows the conversation of make_store, the bare chat 60 lines. */
#include "tests/bench/cells.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { STORMS = 50, RESIZES = 200, QUIET_MS = 100 };

static unsigned random_of(unsigned *r, unsigned from, unsigned to)
{
	*r = *r * 1664525 + 1013904223;
	return from + (*r >> 8) % (to - from);
}

static void resize(struct term *t, struct cells *c, unsigned *r)
{
	int rows = (int)random_of(r, 8, 60), cols = (int)random_of(r, 30, 200);

	term_resize(t, rows, cols);
	cells_resize(c, rows, cols);
}

/* The last one is seen to be settled; how long that took. */
static int64_t storm(struct term *t, struct cells *c, unsigned *r)
{
	int64_t from, last;

	for (int i = 1; i < RESIZES; i++) {
		resize(t, c, r);
		usleep(random_of(r, 0, 400));
		while (term_read(t, 0))
			;
	}
	from = mono_us();
	resize(t, c, r);
	last = term_last(t, QUIET_MS);
	if (!last)
		die("nothing came");
	return last - from;
}

struct outcome {
	double settled;
	size_t wrong;
};

static bool newest_there(struct cells *c)
{
	for (int y = 0; y < cells_rows(c); y++)
		if (strstr(cells_row(c, y), "#0999999"))
			return true;
	return false;
}

/* `redraw`: the key that draws everything anew, or NULL. */
static struct outcome storms(struct term *t, const char *redraw)
{
	static int64_t took[STORMS];
	struct cells *c = cells_new(24, 80), *was;
	struct outcome o = {0};
	unsigned r = 11;

	cells_watch(c, t);
	for (int i = 0; i < STORMS; i++) {
		took[i] = storm(t, c, &r);
		if (!redraw)
			continue;
		if (!newest_there(c))
			die("the newest message is not shown");
		was = cells_copy(c);
		term_type(t, redraw);
		term_settle(t, QUIET_MS);
		o.wrong += cells_differ(was, c);
		cells_free(was);
	}
	o.settled = (double)percentile(took, STORMS, 50);
	t->also = NULL;
	cells_free(c);
	return o;
}

static double bare(void)
{
	uint16_t port = (uint16_t)(20000 + getpid() % 10000);
	char text[8], *argv[] = {FLOOR_SCREEN_PATH, text, NULL};
	struct term t;

	snprintf(text, sizeof text, "%u", port);
	term_start(&t, argv);

	int fd = tcp_dial(port);

	term_settle(&t, 200);
	for (int i = 0; i < 60; i++) {
		char line[100];

		snprintf(line, sizeof line, "#%07d lolo kiba munre satol\n", i);
		if (write(fd, line, strlen(line)) < 0)
			die("bare chat");
	}
	term_settle(&t, 200);

	struct outcome o = storms(&t, NULL);

	term_stop(&t);
	close(fd);
	return o.settled;
}

static struct outcome ours(void)
{
	char *argv[] = {SOTTO_PATH, "--home",        BENCH_HOME,  "--port",
			"0",        "--no-discover", (char *)NULL};
	struct term t;

	term_start(&t, argv);
	term_settle(&t, 1000);
	term_type(&t, ":msg deep\r");
	term_settle(&t, 300);
	term_type(&t, "a line that is being written");
	term_settle(&t, 300);

	struct outcome o = storms(&t, "\f");

	term_type(&t, "\x15");
	term_settle(&t, 700);
	term_stop(&t);
	return o;
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);

	double floor = bare();
	struct outcome o = ours();

	printf("| %d storms of %d resizes: wrong cells at the end | – | %zu |"
	       " – | 0 |\n| settled after the last resize, p50 | %.0f us |"
	       " %.0f us | %.2f | ≤ 2.5 |\n",
	       STORMS, RESIZES, o.wrong, floor, o.settled, o.settled / floor);
	return 0;
}
