#include "proto/letter.h"
#include <sodium.h>
#include <string.h>

enum {
	HEAD = 4,
	LENGTH = 4,
	OVER = 32 + 48 + 16, /* e, s and its tag, the payload's tag */
	FIRST = NOISE_MESSAGE_MAX - OVER,
	PIECE = NOISE_MESSAGE_MAX - NOISE_TAG,
	PAD_LEAST = 256,
	PAD_STEP = 32768
};

static void put32(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> (24 - 8 * i));
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	       (uint32_t)p[2] << 8 | p[3];
}

static void put64(uint8_t *p, uint64_t v)
{
	put32(p, (uint32_t)(v >> 32));
	put32(p + 4, (uint32_t)v);
}

static uint64_t get64(const uint8_t *p)
{
	return (uint64_t)get32(p) << 32 | get32(p + 4);
}

/* ---- bundles ---- */

enum { NAME = 15, SIGNED = BUNDLE - crypto_sign_BYTES };

static void signed_part(uint8_t out[static NAME + SIGNED], const uint8_t *in)
{
	memcpy(out, "sotto/1 prekey", NAME);
	memcpy(out + NAME, in, SIGNED);
}

void bundle_make(uint8_t out[static BUNDLE], const struct keys *k,
		 const struct prekey *p)
{
	uint8_t text[NAME + SIGNED];

	memcpy(out, k->public.b, 32);
	memcpy(out + 32, k->noise.public, 32);
	put32(out + 64, p->id);
	memcpy(out + 68, p->pair.public, 32);
	put64(out + 100, p->not_after);
	signed_part(text, out);
	crypto_sign_detached(out + SIGNED, NULL, text, sizeof text, k->sign);
}

enum err bundle_read(struct bytes in, const struct pubkey *who, uint64_t now_s,
		     struct bundle *out)
{
	uint8_t text[NAME + SIGNED];

	if (in.n != BUNDLE)
		return ERR_PARSE;
	signed_part(text, in.p);
	if (memcmp(in.p, who->b, 32) != 0 ||
	    crypto_sign_verify_detached(in.p + SIGNED, text, sizeof text,
					in.p) != 0)
		return ERR_AUTH;
	*out = (struct bundle){.who = *who,
			       .id = get32(in.p + 64),
			       .not_after = get64(in.p + 100)};
	memcpy(out->noise, in.p + 32, 32);
	memcpy(out->prekey, in.p + 68, 32);
	return now_s > out->not_after ? ERR_LIMIT : OK;
}

/* ---- letters ---- */

enum { PROLOGUE = 15 + 32 + 4 };

static void prologue_make(uint8_t out[static PROLOGUE],
			  const struct pubkey *who, uint32_t id)
{
	memcpy(out, "sotto/1 sealed", 15);
	memcpy(out + 15, who->b, 32);
	put32(out + 47, id);
}

static size_t padded(size_t n)
{
	size_t to = PAD_LEAST;

	while (to < n)
		to += to < PAD_STEP ? to : PAD_STEP;
	return to;
}

/* Certificate, length, text, zeros. */
static void inner_make(struct buf *out, const struct keys *from,
		       struct bytes text)
{
	uint8_t length[LENGTH];
	size_t n = CERTIFICATE + LENGTH + text.n, to = padded(n);

	buf_room(out, to);
	buf_put(out, (struct bytes){from->certificate, CERTIFICATE});
	put32(length, (uint32_t)text.n);
	buf_put(out, (struct bytes){length, LENGTH});
	buf_put(out, text);
	memset(out->p + out->n, 0, to - n);
	out->n = to;
}

static void inner_forget(struct buf *b)
{
	if (b->p)
		sodium_memzero(b->p, b->n);
	buf_free(b);
}

/* What did not fit into the first message. */
static enum err pieces_seal(struct noise *n, struct bytes rest, struct buf *out)
{
	struct noise_cipher send, none;
	enum err err = OK;

	noise_split(n, &send, &none);
	while (!err && rest.n) {
		size_t k = rest.n < PIECE ? rest.n : PIECE;
		buf_room(out, k + NOISE_TAG);
		err = noise_encrypt(&send, (struct bytes){0},
				    (struct bytes){rest.p, k}, out->p + out->n);
		out->n += k + NOISE_TAG;
		rest = (struct bytes){rest.p + k, rest.n - k};
	}
	sodium_memzero(&send, sizeof send);
	sodium_memzero(&none, sizeof none);
	return err;
}

static enum err begin(struct noise *n, const struct noise_pair *s,
		      const uint8_t *prologue, bool initiator)
{
	struct noise_start start = {.protocol =
					"Noise_X_25519_ChaChaPoly_BLAKE2b",
				    .initiator = initiator,
				    .prologue = {prologue, PROLOGUE},
				    .s = *s};
	enum err err = noise_begin(n, &start);

	sodium_memzero(&start.s, sizeof start.s);
	return err;
}

enum err letter_seal(const struct keys *from, const struct bundle *to,
		     const uint8_t ephemeral[static 32], struct bytes text,
		     struct buf *out)
{
	uint8_t prologue[PROLOGUE], head[HEAD];
	struct buf inner = {0};
	struct noise n;
	size_t before = out->n;

	if (text.n > LETTER_TEXT)
		return ERR_LIMIT;
	prologue_make(prologue, &to->who, to->id);
	struct noise_start start = {.protocol =
					"Noise_X_25519_ChaChaPoly_BLAKE2b",
				    .initiator = true,
				    .prologue = {prologue, PROLOGUE},
				    .s = from->noise,
				    .rs = to->prekey};
	noise_pair_of(&start.e, ephemeral);
	enum err err = noise_begin(&n, &start);
	sodium_memzero(&start, sizeof start);
	inner_make(&inner, from, text);
	put32(head, to->id);
	buf_put(out, (struct bytes){head, HEAD});
	size_t first = inner.n < FIRST ? inner.n : FIRST;
	if (!err)
		err = noise_write(&n, (struct bytes){inner.p, first}, out);
	if (!err)
		err = pieces_seal(
		    &n, (struct bytes){inner.p + first, inner.n - first}, out);
	noise_wipe(&n);
	inner_forget(&inner);
	if (err)
		out->n = before;
	return err;
}

enum err letter_prekey(struct bytes in, uint32_t *id)
{
	if (in.n < HEAD + OVER + PAD_LEAST || in.n > LETTER_MAX)
		return ERR_PARSE;
	*id = get32(in.p);
	return OK;
}

static enum err pieces_open(struct noise *n, struct bytes rest,
			    struct buf *inner)
{
	struct noise_cipher none, receive;
	enum err err = OK;

	/* one-way: what the initiator sends with is the first of the two */
	noise_split(n, &none, &receive);
	while (!err && rest.n) {
		size_t k =
		    rest.n < NOISE_MESSAGE_MAX ? rest.n : NOISE_MESSAGE_MAX;
		if (k <= NOISE_TAG) {
			err = ERR_PARSE;
			break;
		}
		buf_room(inner, k);
		err = noise_decrypt(&receive, (struct bytes){0},
				    (struct bytes){rest.p, k},
				    inner->p + inner->n);
		inner->n += err ? 0 : k - NOISE_TAG;
		rest = (struct bytes){rest.p + k, rest.n - k};
	}
	sodium_memzero(&none, sizeof none);
	sodium_memzero(&receive, sizeof receive);
	return err;
}

/* Who wrote it, and what. All of it must be there, and nothing else. */
static enum err inner_read(const struct buf *in, const uint8_t *noise,
			   struct pubkey *from, struct buf *text)
{
	struct bytes c = {in->p, CERTIFICATE};

	if (in->n < CERTIFICATE + LENGTH)
		return ERR_PARSE;
	enum err err = certificate_check(c, noise, from);
	size_t n = get32(in->p + CERTIFICATE), at = CERTIFICATE + LENGTH;
	if (err)
		return err;
	if (n > LETTER_TEXT || n > in->n - at || padded(at + n) != in->n)
		return ERR_PARSE;
	for (size_t i = at + n; i < in->n; i++)
		if (in->p[i])
			return ERR_PARSE;
	buf_put(text, (struct bytes){in->p + at, n});
	return OK;
}

enum err letter_open(const struct keys *self, const struct prekey *p,
		     struct bytes in, struct pubkey *from, struct buf *text)
{
	uint8_t prologue[PROLOGUE];
	struct buf inner = {0};
	struct noise n;
	uint32_t id;

	enum err err = letter_prekey(in, &id);
	if (err)
		return err;
	if (id != p->id)
		return ERR_AUTH;
	prologue_make(prologue, &self->public, id);
	in = (struct bytes){in.p + HEAD, in.n - HEAD};
	size_t first = in.n < NOISE_MESSAGE_MAX ? in.n : NOISE_MESSAGE_MAX;
	err = begin(&n, &p->pair, prologue, false);
	if (!err)
		err = noise_read(&n, (struct bytes){in.p, first}, &inner);
	if (!err)
		err = pieces_open(
		    &n, (struct bytes){in.p + first, in.n - first}, &inner);
	if (!err)
		err = inner_read(&inner, n.rs, from, text);
	noise_wipe(&n);
	inner_forget(&inner);
	return err;
}

void letter_id(uint8_t out[static 16], struct bytes letter)
{
	crypto_generichash(out, 16, letter.p, letter.n, NULL, 0);
}
