/* The guard and our own decoder behind it. What the decoder takes it can say
 * again, and then it means the same. */
#include "proto/dialect.h"
#include "proto/guard.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct arena arena;

static enum err decode(struct bytes in, struct packet *out)
{
	if (!arena.p) {
		arena.cap = 4 * PACKET_MAX;
		arena.p = xmalloc(arena.cap);
	}
	return dialect_sotto.decode(in, &arena, out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = {data, size};
	struct packet p, again;
	struct buf json = {0};
	static uint8_t text[TEXT_MAX];

	(void)!guard_json(in, GUARD_DECIMALS);
	arena_empty(&arena);
	if (decode(in, &p))
		return 0;
	assert(!packet_check(&p));
	if (p.kind == PKT_PEERS || p.kind == PKT_WHO)
		return 0;
	assert(!dialect_sotto.encode(&p, &json));
	if (p.text.n)
		memcpy(text, p.text.p, p.text.n);
	assert(!decode((struct bytes){json.p, json.n}, &again));
	/* fields that a kind does not have are not said again */
	assert(again.kind == p.kind);
	if (p.kind != PKT_MESSAGE && p.kind != PKT_REPLY)
		goto out;
	assert(again.seq == p.seq);
	assert(again.text.n == p.text.n && !memcmp(&again.id, &p.id, 16));
	assert(!p.text.n || !memcmp(text, again.text.p, p.text.n));
out:
	buf_free(&json);
	return 0;
}
