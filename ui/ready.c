#include "src/client.h"
#include "src/clock.h"
#include "src/lines.h"
#include "ui/front.h"
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATIENCE_MS = 5000 };

/* The first event there is. */
static void first_line(struct client *c, struct buf *out)
{
	struct pollfd p = {.fd = client_fd(c), .events = POLLIN};
	struct lines *l = lines_new();
	const struct event *ev = client_next(c);
	struct rng rng;

	clock_seed(&rng);

	struct now now = clock_now(&rng, NULL);

	if (!ev && poll(&p, 1, PATIENCE_MS) > 0)
		ev = client_next(c);
	if (ev && ev->kind == EV_READY)
		lines_event(l, &now, ev, out);
	lines_free(l);
}

/* Whoever finds the file finds all of it. */
static bool write_file(const char *path, struct bytes text)
{
	char *temporary;

	if (asprintf(&temporary, "%s.%ld", path, (long)getpid()) < 0)
		abort();

	FILE *f = fopen(temporary, "we");
	bool good = f && fwrite(text.p, text.n, 1, f) == 1;
	int saved = errno;

	if (f && fclose(f) && good) {
		saved = errno;
		good = false;
	}
	if (good && rename(temporary, path)) {
		saved = errno;
		good = false;
	}
	if (f && !good)
		unlink(temporary);
	free(temporary);
	errno = saved;
	return good;
}

void ready_write(struct client *c, const char *path)
{
	struct buf line = {0};

	if (c) {
		first_line(c, &line);
		client_close(c);
	}
	errno = ETIMEDOUT;
	if (!line.n || !write_file(path, (struct bytes){line.p, line.n}))
		fprintf(stderr, "sotto: %s: %s\n", path, strerror(errno));
	buf_free(&line);
}
