/* A stream of document 004. The first two bytes say where it is cut: that must
 * not matter. What is understood can be said again, and then it means the
 * same. */
#include "proto/dialect.h"
#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { BLOCK = 4096 };

static enum err decode(struct bytes in, struct packet *out)
{
	static uint8_t scratch[2][2 * BLOCK + 4096], turn;
	struct arena a = {.p = scratch[turn++ % 2], .cap = sizeof *scratch};

	return dialect_mesh.decode(in, &a, out);
}

static void same(const struct packet *a, const struct packet *b)
{
	struct buf x = {0}, y = {0};

	packet_dump(&x, a);
	packet_dump(&y, b);
	assert(x.n == y.n && !memcmp(x.p, y.p, x.n));
	assert(a->n_peers <= b->n_peers);
	buf_free(&x);
	buf_free(&y);
}

/* Twice: a nickname may be cut and a version be put in the first time. */
static void again(const struct packet *p, int times)
{
	struct buf out = {0};
	struct packet back;
	enum err err;

	if (!dialect_mesh.encode(p, &out)) {
		assert(out.n <= BLOCK);
		err = decode((struct bytes){out.p, out.n}, &back);
		assert(!err && back.kind == p->kind);
		if (times)
			again(&back, times - 1);
		else
			same(&back, p);
	}
	buf_free(&out);
}

struct ear {
	struct buf in, said;
	bool greeted, broken;
};

static void listen(struct ear *e, struct bytes in, bool quiet)
{
	struct packet p;
	size_t len;

	buf_put(&e->in, in);
	while (!e->broken) {
		struct bytes all = {e->in.p, e->in.n};

		e->broken = dialect_mesh.split(all, e->greeted, quiet, &len);
		assert(e->broken || len <= all.n);
		if (e->broken || !len)
			return;
		if (!decode((struct bytes){all.p, len}, &p)) {
			assert(!packet_check_plain(&p));
			packet_dump(&e->said, &p);
			e->greeted |= p.kind == PKT_HELLO;
			again(&p, 1);
		}
		buf_drop(&e->in, len);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ear cut = {0}, whole = {0};
	struct bytes in = {data + 2, size - 2};
	size_t at;

	if (size < 3)
		return 0;
	at = ((size_t)data[0] << 8 | data[1]) % in.n;
	listen(&cut, (struct bytes){in.p, at}, false);
	listen(&cut, (struct bytes){in.p + at, in.n - at}, true);
	listen(&whole, in, true);
	assert(cut.said.n == whole.said.n && cut.broken == whole.broken);
	assert(!cut.said.n || !memcmp(cut.said.p, whole.said.p, cut.said.n));
	buf_free(&cut.in);
	buf_free(&cut.said);
	buf_free(&whole.in);
	buf_free(&whole.said);
	return 0;
}
