/* A datagram of document 003. What is understood can be said again, and then
 * it means the same. */
#include "proto/dialect.h"
#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { DATAGRAM = 1024 };

static enum err decode(struct bytes in, struct packet *out)
{
	static uint8_t scratch[2 * DATAGRAM + 4096];
	struct arena a = {.p = scratch, .cap = sizeof scratch};

	return dialect_json.decode(in, &a, out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct packet p, again;
	struct buf said = {0}, before = {0}, after = {0};
	size_t len;
	enum err err;

	err = dialect_json.split((struct bytes){data, size}, false, true, &len);
	assert(err || len == size);
	if (decode((struct bytes){data, size}, &p))
		return 0;
	assert(!err && !packet_check_plain(&p));
	if (!p.stamp.n) /* an ACK may come without its own */
		p.stamp = p.orig_stamp, p.sent_us = p.orig_us;
	err = dialect_json.encode(&p, &said);
	assert(!err);
	packet_dump(&before, &p);
	if (said.n <= DATAGRAM) { /* escapes may be longer */
		err = decode((struct bytes){said.p, said.n}, &again);
		assert(!err && again.sent_us == p.sent_us);
		packet_dump(&after, &again);
		assert(before.n == after.n);
		assert(!memcmp(before.p, after.p, after.n));
	}
	buf_free(&said);
	buf_free(&before);
	buf_free(&after);
	return 0;
}
