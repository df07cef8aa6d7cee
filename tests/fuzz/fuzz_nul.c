/* Document 001: frames, literals, and what stands inside of them. What is
 * taken can be said again, and then it means the same. */
#include "proto/dialect.h"
#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void same(struct bytes a, struct bytes b)
{
	assert(a.n == b.n && (!a.n || !memcmp(a.p, b.p, a.n)));
}

static void both_ways(struct bytes frame)
{
	static uint8_t memory[2][256];
	struct arena a = {.p = memory[0], .cap = 256};
	struct arena b = {.p = memory[1], .cap = 256};
	struct packet p, q;
	struct buf out = {0};

	if (dialect_nul.decode(frame, &a, &p))
		return;
	assert(p.kind == PKT_ACK || !packet_check_plain(&p));
	if (dialect_nul.encode(&p, &out)) {
		/* what another answers may be longer than what we do */
		assert(p.kind == PKT_ACK);
		return;
	}
	assert(out.n <= dialect_nul.send_max);
	assert(!dialect_nul.decode((struct bytes){out.p, out.n}, &b, &q));
	assert(p.kind == q.kind && p.sealed == q.sealed);
	assert(p.verdict == q.verdict);
	if (p.sealed)
		same(p.text, q.text);
	same(p.key, q.key);
	same(p.peer, q.peer);
	buf_free(&out);
}

static void inside(struct bytes s)
{
	struct packet p = {.kind = PKT_MESSAGE, .text = s};
	struct buf out = {0};

	if (dialect_nul.unwrap(s, &p))
		return;
	if (!dialect_nul.wrap(&p, &out))
		assert(!dialect_nul.unwrap((struct bytes){out.p, out.n}, &p));
	buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = {data, size};
	size_t n;

	inside(in);
	both_ways(in);
	while (!dialect_nul.split(in, true, false, &n) && n) {
		assert(n <= in.n && n <= dialect_nul.frame_max);
		both_ways((struct bytes){in.p, n});
		in = (struct bytes){in.p + n, in.n - n};
	}
	return 0;
}
