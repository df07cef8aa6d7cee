/* A stream of document 002, and a login on either side of it. The first two
 * bytes say where it is cut: that must not matter. What is understood can be
 * said again, and then it means the same. */
#include "proto/dialect.h"
#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct bytes word(const char *s)
{
	return (struct bytes){(const uint8_t *)s, strlen(s)};
}

static void again(const struct packet *p)
{
	struct buf out = {0}, a = {0}, b = {0};
	struct packet back;
	enum err err = dialect_center.encode(p, &out);

	if (err == ERR_LIMIT) { /* bars that became longer */
		buf_free(&out);
		return;
	}
	assert(!err);
	err = dialect_center.decode((struct bytes){out.p, out.n}, NULL, &back);
	assert(!err && back.kind == p->kind && back.verb == p->verb);
	packet_dump(&a, p);
	packet_dump(&b, &back);
	if (p->kind == PKT_MESSAGE || !p->text.n ||
	    !memchr(p->text.p, '|', p->text.n))
		assert(a.n == b.n && !memcmp(a.p, b.p, a.n));
	buf_free(&out);
	buf_free(&a);
	buf_free(&b);
}

struct ear {
	struct buf in, said;
	bool broken;
	unsigned client, centre;
};

/* What is heard moves both machines, and they say what they can. */
static void step(unsigned *state, const struct packet *want,
		 const struct packet *heard)
{
	struct packet say;
	struct buf out = {0};
	enum err err = dialect_center.step(state, want, heard, &say);

	while (!err && say.verb != CENTER_NOTHING) {
		err = dialect_center.encode(&say, &out);
		assert(!err);
		err = dialect_center.step(state, want, NULL, &say);
	}
	assert(*state <= LOGIN_OVER);
	buf_free(&out);
}

static void logins(struct ear *e, const struct packet *heard)
{
	struct packet me = {.kind = PKT_CENTER,
			    .verb = CENTER_WORD,
			    .word = {word("seas"), word("secret"),
				     word("127.0.0.1"), word("6067")},
			    .n_words = 4};
	struct packet okay = {.kind = PKT_CENTER,
			      .verb = CENTER_LOGIN_OKAY,
			      .word = {word("a698acf624")},
			      .n_words = 1};

	step(&e->centre, NULL, heard);
	step(&e->centre, &okay, NULL);
	if (e->client == LOGIN_NONE)
		step(&e->client, &me, NULL);
	step(&e->client, &me, heard);
}

static void listen(struct ear *e, struct bytes in)
{
	struct packet p;
	size_t len;

	buf_put(&e->in, in);
	while (!e->broken) {
		struct bytes all = {e->in.p, e->in.n};

		e->broken = dialect_center.split(all, true, false, &len);
		assert(e->broken || len <= all.n);
		if (e->broken || !len)
			return;
		if (!dialect_center.decode((struct bytes){all.p, len}, NULL,
					   &p)) {
			assert(!packet_check_plain(&p));
			packet_dump(&e->said, &p);
			again(&p);
		}
		logins(e, &p);
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
	listen(&cut, (struct bytes){in.p, at});
	listen(&cut, (struct bytes){in.p + at, in.n - at});
	listen(&whole, in);
	assert(cut.said.n == whole.said.n && cut.broken == whole.broken);
	assert(!cut.said.n || !memcmp(cut.said.p, whole.said.p, cut.said.n));
	assert(cut.client == whole.client && cut.centre == whole.centre);
	buf_free(&cut.in);
	buf_free(&cut.said);
	buf_free(&whole.in);
	buf_free(&whole.said);
	return 0;
}
