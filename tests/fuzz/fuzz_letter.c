/* Bundles and letters that somebody else made, and ours with some bytes
 * changed: what is opened is what was sealed, or nothing. */
#include "proto/letter.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { NOW_S = 1000 };

struct pair {
	struct keys *ana, *bob;
	struct prekey prekey; /* of bob */
	struct bundle bundle;
	uint8_t packed[BUNDLE];
};

static void pair_make(struct pair *p)
{
	static const uint8_t a[32] = {1}, b[32] = {2}, k[32] = {3};

	p->ana = keys_new(a);
	p->bob = keys_new(b);
	p->prekey = (struct prekey){.id = 7, .not_after = NOW_S + 1};
	noise_pair_of(&p->prekey.pair, k);
	bundle_make(p->packed, p->bob, &p->prekey);
	struct pubkey who = keys_public(p->bob);
	enum err err = bundle_read((struct bytes){p->packed, sizeof p->packed},
				   &who, NOW_S, &p->bundle);
	assert(!err);
}

static void open_any(const struct pair *p, struct bytes in)
{
	struct pubkey from;
	struct buf text = {0};
	uint32_t id;

	if (!letter_prekey(in, &id))
		assert(in.n >= 4);
	if (letter_open(p->bob, &p->prekey, in, &from, &text))
		assert(!text.n);
	buf_free(&text);
}

static void bundle_any(const struct pair *p, struct bytes in)
{
	struct pubkey who = keys_public(p->bob);
	struct bundle b;

	if (!bundle_read(in, &who, NOW_S, &b))
		assert(in.n == BUNDLE && !memcmp(in.p, p->packed, BUNDLE));
}

/* Bytes 0-1: where, 2: what is changed there; the rest is the text. */
static void changed(const struct pair *p, struct bytes in)
{
	static const uint8_t once[32] = {4};
	struct buf letter = {0}, text = {0};
	struct pubkey from, ana = keys_public(p->ana);

	if (in.n < 3)
		return;
	size_t at = (size_t)in.p[0] << 8 | in.p[1];
	uint8_t with = in.p[2];
	struct bytes said = {in.p + 3, in.n - 3};
	if (letter_seal(p->ana, &p->bundle, once, said, &letter))
		return;
	letter.p[at % letter.n] ^= with;
	enum err err =
	    letter_open(p->bob, &p->prekey, (struct bytes){letter.p, letter.n},
			&from, &text);
	assert(!err == !with);
	if (!err) {
		assert(text.n == said.n);
		assert(!said.n || !memcmp(text.p, said.p, said.n));
		assert(!memcmp(&from, &ana, sizeof from));
	}
	buf_free(&text);
	buf_free(&letter);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = {data, size};
	struct pair p;

	pair_make(&p);
	open_any(&p, in);
	bundle_any(&p, in);
	changed(&p, in);
	keys_free(p.ana);
	keys_free(p.bob);
	return 0;
}
