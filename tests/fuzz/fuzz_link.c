/* Bytes of a stranger: a listening link that never met anybody, and, where the
 * first byte is odd, one whose handshake is done (the record parser, with
 * records that are really sealed). */
#include "proto/link.h"
#include "proto/noise.h"
#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct keys *keys[2];

static void carry(struct link *from, struct link *to, const struct now *now)
{
	struct bytes out = link_output(from);
	enum err err = link_feed(to, now, out);

	assert(!err);
	link_wrote(from, out.n);
}

static void drain(struct link *l)
{
	struct packet p;

	while (link_next(l, &p))
		assert(!packet_check(&p));
}

/* The bytes are what a peer says who is who he says: encode puts them into
 * records as they are. */
static struct bytes said;
static enum err as_is(const struct packet *p, struct buf *out)
{
	(void)p;
	buf_put(out, said);
	return OK;
}

static void stranger(struct bytes in, const struct now *now)
{
	struct link *l = link_new(&dialect_sotto, ACCEPTED, keys[0], NULL, now);

	if (!link_feed(l, now, in))
		drain(l);
	link_free(l);
}

static void friendly(struct bytes in, const struct now *now)
{
	struct dialect d = dialect_sotto;
	struct link *a, *b;
	struct packet p = {.kind = PKT_TYPING};

	d.encode = as_is;
	a = link_new(&d, DIALLED, keys[1], NULL, now);
	b = link_new(&dialect_sotto, ACCEPTED, keys[0], NULL, now);
	carry(a, b, now);
	carry(b, a, now);
	carry(a, b, now);
	said = in;
	if (!link_send(a, now, &p)) {
		carry(a, b, now);
		drain(b);
	}
	/* then without a seal */
	if (!link_feed(b, now, in))
		drain(b);
	link_free(a);
	link_free(b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rng rng = {{1}, 0};
	struct now now = {.mono_us = 1, .wall_us = 1, .rng = &rng};

	if (!keys[0])
		for (int i = 0; i < 2; i++)
			keys[i] = keys_new((const uint8_t[32]){(uint8_t)i});
	if (size && data[0] & 1)
		friendly((struct bytes){data + 1, size - 1}, &now);
	else if (size)
		stranger((struct bytes){data + 1, size - 1}, &now);
	return 0;
}
