/* A link of a plain dialect. The first byte says which one and who dialled;
 * then pieces, each behind a byte with its length and what happens after it:
 * nothing, a silence, a long one, the end. What can be read is fit to be
 * stored and shown. */
#include "proto/link.h"
#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct dialect *const all[] = {
    &dialect_json,   &dialect_mesh,     &dialect_nul,
    &dialect_binary, &dialect_binary16, &dialect_center,
};
enum { N = sizeof all / sizeof *all, PIECE = 64, MS = 1000 };

static void drain(struct link *l)
{
	struct packet p;

	while (link_next(l, &p))
		assert(p.malformed || !packet_check_plain(&p));
	assert(!link_ready(l));
}

static bool alive(struct link *l, struct now *now, unsigned what)
{
	static const int64_t pause[] = {0, 200 * MS, 11000 * MS};

	if (what == 3)
		return false;
	now->mono_us += pause[what];
	return !link_tick(l, now);
}

static void converse(const struct dialect *d, enum role r, struct bytes in,
		     const struct keys *k)
{
	struct now now = {.mono_us = 1000000, .wall_us = 1};
	struct link *l = link_new(d, r, k, NULL, &now);
	bool up = true;

	while (in.n && up) {
		size_t n = *in.p % PIECE, what = *in.p / PIECE;

		in = (struct bytes){in.p + 1, in.n - 1};
		/* the longest of them is all that is left */
		n = n == PIECE - 1 || n > in.n ? in.n : n;
		up = !link_feed(l, &now, (struct bytes){in.p, n}) &&
		     alive(l, &now, (unsigned)what);
		drain(l);
		in = (struct bytes){in.p + n, in.n - n};
	}
	(void)!link_eof(l);
	drain(l);
	link_free(l);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct keys *keys;

	if (!keys)
		keys = keys_new((const uint8_t[32]){5});
	if (size)
		converse(all[data[0] % N], data[0] & 0x80 ? DIALLED : ACCEPTED,
			 (struct bytes){data + 1, size - 1}, keys);
	return 0;
}
