/* A message center whose people say whatever they like: a byte for the link,
 * two for the length, a packet; again and again. What it answers can be sent,
 * and goes to links that are there. */
#include "src/center.h"
#include "src/center_account.h"
#include "src/clock.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LINKS = 3, SAYS_MAX = 64 };

struct world {
	char dir[40], path[64];
	struct center_backend *b;
	struct center *c;
	struct effects *fx;
	struct rng rng;
	struct now now;
	bool here[LINKS];
};

static void hear(struct world *w)
{
	struct effect e;

	while (effects_next(w->fx, 0, &e)) {
		if (e.kind != FX_SEND)
			continue;
		assert(!dialect_check(&dialect_sotto, e.packet));
		assert(e.link < LINKS && w->here[e.link]);
	}
}

static void come_or_go(struct world *w, link_id link)
{
	struct addr at = {.ip = {[15] = (uint8_t)link}, .port = 1};
	struct pubkey key = {.b = {(uint8_t)link}};

	if (w->here[link])
		center_link_down(w->c, link);
	else
		center_link_up(w->c, link, &key, &at);
	w->here[link] = !w->here[link];
}

static void say(struct world *w, link_id link, struct bytes text)
{
	static uint8_t memory[2 * PACKET_MAX];
	struct arena a = {.p = memory, .cap = sizeof memory};
	struct packet p;

	if (!text.n) {
		come_or_go(w, link);
		return;
	}
	if (dialect_sotto.decode(text, &a, &p) || p.kind != PKT_CENTER ||
	    !w->here[link])
		return;
	w->now.wall_us += 1000000;
	center_packet(w->c, &w->now, link, &p);
	hear(w);
}

static void begin(struct world *w)
{
	struct center_terms terms = {
	    .node = "one", .open = true, .relay = true};
	char why[256];

	*w = (struct world){.dir = "/tmp/sotto-desk-XXXXXX"};
	if (!mkdtemp(w->dir))
		abort();
	snprintf(w->path, sizeof w->path, "%s/center.db", w->dir);
	if (center_open(w->path, NULL, &w->b, why))
		abort();
	clock_seed(&w->rng);
	w->now = clock_now(&w->rng, NULL);
	w->fx = effects_new();
	w->c = center_new(w->b, &terms, w->fx);
	assert(w->c);
	for (link_id i = 0; i < LINKS; i++)
		come_or_go(w, i);
}

static void end(struct world *w)
{
	static const char *const behind[] = {"", "-wal", "-shm"};
	char path[80];

	center_free(w->c);
	center_close(w->b);
	effects_free(w->fx);
	for (int i = 0; i < 3; i++) {
		snprintf(path, sizeof path, "%s%s", w->path, behind[i]);
		unlink(path);
	}
	rmdir(w->dir);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world w;

	begin(&w);
	for (int i = 0; i < SAYS_MAX && size >= 3; i++) {
		size_t n = (size_t)data[1] << 8 | data[2];
		if (n > size - 3)
			n = size - 3;
		say(&w, data[0] % LINKS, (struct bytes){data + 3, n});
		center_settle(w.c, &w.now);
		center_tick(w.c, &w.now);
		hear(&w);
		data += 3 + n;
		size -= 3 + n;
	}
	end(&w);
	return 0;
}
