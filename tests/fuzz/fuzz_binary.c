/* Both layouts of document 000. What is taken can be said again, and then it
 * is the same bytes; a key that comes in is sealed to. */
#include "proto/dialect.h"
#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t memory[4096];

static void both_ways(const struct dialect *d, struct bytes frame)
{
	struct arena a = {.p = memory, .cap = sizeof memory};
	struct packet p, text = {.kind = PKT_MESSAGE, .text = {memory, 1}};
	struct packet sealed;
	struct buf out = {0};

	if (d->decode(frame, &a, &p))
		return;
	assert(!packet_check_plain(&p));
	assert(!d->encode(&p, &out));
	assert(out.n == frame.n);
	if (p.kind != PKT_ACK || p.verdict != V_UNREGISTERED)
		assert(!memcmp(out.p, frame.p, out.n));
	if (p.kind == PKT_HELLO)
		(void)!dialect_seal(d, p.key, &text, &a, &sealed);
	buf_free(&out);
}

static void one(const struct dialect *d, struct bytes in)
{
	size_t n;

	while (!d->split(in, true, false, &n) && n) {
		assert(n <= in.n && n <= d->frame_max);
		both_ways(d, (struct bytes){in.p, n});
		in = (struct bytes){in.p + n, in.n - n};
	}
	assert(in.n < d->frame_max || d->split(in, true, false, &n));
	both_ways(d, in);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	one(&dialect_binary, (struct bytes){data, size});
	one(&dialect_binary16, (struct bytes){data, size});
	return 0;
}
