#include "proto/noise.h"
#include <assert.h>
#include <sodium.h>
#include <string.h>

enum { BLOCK = 128, LEN = NOISE_HASH };

/* Section 7: a pattern is its pre-messages and its messages, tokens apart by
 * blanks, "" ends. Pre-messages: i of the initiator, r of the responder. */
static const struct pattern {
	const char *name;
	const char *pre_i, *pre_r;
	const char *message[4];
} patterns[] = {
    {"N", "", "s", {"e es"}},
    {"K", "s", "s", {"e es ss"}},
    {"X", "", "s", {"e es s ss"}},
    {"NN", "", "", {"e", "e ee"}},
    {"NK", "", "s", {"e es", "e ee"}},
    {"NX", "", "", {"e", "e ee s es"}},
    {"XN", "", "", {"e", "e ee", "s se"}},
    {"XK", "", "s", {"e es", "e ee", "s se"}},
    {"XX", "", "", {"e", "e ee s es", "s se"}},
    {"KN", "s", "", {"e", "e ee se"}},
    {"KK", "s", "s", {"e es ss", "e ee se"}},
    {"KX", "s", "", {"e", "e ee se s es"}},
    {"IN", "", "", {"e s", "e ee se"}},
    {"IK", "", "s", {"e es s ss", "e ee se"}},
    {"IX", "", "", {"e s", "e ee se s es"}},
};

static void hash2(uint8_t out[static LEN], struct bytes a, struct bytes b)
{
	crypto_generichash_state st;

	crypto_generichash_init(&st, NULL, 0, LEN);
	if (a.n)
		crypto_generichash_update(&st, a.p, a.n);
	if (b.n)
		crypto_generichash_update(&st, b.p, b.n);
	crypto_generichash_final(&st, out, LEN);
}

/* RFC 2104 over BLAKE2b; keys here are never longer than a block. */
static void hmac(uint8_t out[static LEN], const uint8_t key[static LEN],
		 struct bytes a, struct bytes b)
{
	uint8_t pad[BLOCK], inner[LEN];
	crypto_generichash_state st;

	memset(pad, 0x36, sizeof pad);
	for (int i = 0; i < LEN; i++)
		pad[i] ^= key[i];
	crypto_generichash_init(&st, NULL, 0, LEN);
	crypto_generichash_update(&st, pad, sizeof pad);
	if (a.n)
		crypto_generichash_update(&st, a.p, a.n);
	if (b.n)
		crypto_generichash_update(&st, b.p, b.n);
	crypto_generichash_final(&st, inner, LEN);
	for (int i = 0; i < BLOCK; i++)
		pad[i] ^= 0x36 ^ 0x5c;
	hash2(out, (struct bytes){pad, sizeof pad},
	      (struct bytes){inner, sizeof inner});
	sodium_memzero(pad, sizeof pad);
	sodium_memzero(inner, sizeof inner);
}

/* Section 4.3: up to three outputs of LEN bytes; out[0] may be ck. */
static void hkdf(const uint8_t ck[static LEN], struct bytes in, int n,
		 uint8_t *const out[])
{
	uint8_t temp[LEN], last[LEN];
	struct bytes before = {0};

	hmac(temp, ck, in, (struct bytes){0});
	for (int i = 0; i < n; i++) {
		uint8_t count = (uint8_t)(i + 1);

		hmac(last, temp, before, (struct bytes){&count, 1});
		memcpy(out[i], last, LEN);
		before = (struct bytes){last, LEN};
	}
	sodium_memzero(temp, sizeof temp);
	sodium_memzero(last, sizeof last);
}

void noise_pair_of(struct noise_pair *p, const uint8_t secret[static NOISE_KEY])
{
	memcpy(p->secret, secret, NOISE_KEY);
	crypto_scalarmult_base(p->public, p->secret);
}

/* ChaChaPoly of section 12.3: four zero bytes, then n little-endian. */
static void nonce_of(uint8_t out[static 12], uint64_t n)
{
	memset(out, 0, 4);
	for (int i = 0; i < 8; i++)
		out[4 + i] = (uint8_t)(n >> (8 * i));
}

enum err noise_encrypt(struct noise_cipher *c, struct bytes ad, struct bytes in,
		       uint8_t *out)
{
	uint8_t nonce[12];

	if (c->n == UINT64_MAX)
		return ERR_LIMIT;
	nonce_of(nonce, c->n++);
	crypto_aead_chacha20poly1305_ietf_encrypt(out, NULL, in.p, in.n, ad.p,
						  ad.n, NULL, nonce, c->k);
	return OK;
}

enum err noise_decrypt(struct noise_cipher *c, struct bytes ad, struct bytes in,
		       uint8_t *out)
{
	uint8_t nonce[12];

	if (c->n == UINT64_MAX)
		return ERR_LIMIT;
	nonce_of(nonce, c->n);
	if (in.n < NOISE_TAG ||
	    crypto_aead_chacha20poly1305_ietf_decrypt(
		out, NULL, NULL, in.p, in.n, ad.p, ad.n, nonce, c->k))
		return ERR_AUTH;
	c->n++;
	return OK;
}

void noise_rekey(struct noise_cipher *c)
{
	uint8_t nonce[12], out[NOISE_KEY + NOISE_TAG], zero[NOISE_KEY] = {0};

	nonce_of(nonce, UINT64_MAX);
	crypto_aead_chacha20poly1305_ietf_encrypt(out, NULL, zero, sizeof zero,
						  NULL, 0, NULL, nonce, c->k);
	memcpy(c->k, out, NOISE_KEY);
	sodium_memzero(out, sizeof out);
}

static void mix_hash(struct noise *n, struct bytes data)
{
	hash2(n->h, (struct bytes){n->h, LEN}, data);
}

static void set_key(struct noise *n, const uint8_t k[static NOISE_KEY])
{
	memcpy(n->cipher.k, k, NOISE_KEY);
	n->cipher.n = 0;
	n->cipher.keyed = true;
}

static void mix_key(struct noise *n, struct bytes in)
{
	uint8_t k[LEN], *const out[] = {n->ck, k};

	hkdf(n->ck, in, 2, out);
	set_key(n, k);
	sodium_memzero(k, sizeof k);
}

static void mix_key_and_hash(struct noise *n, struct bytes in)
{
	uint8_t h[LEN], k[LEN], *const out[] = {n->ck, h, k};

	hkdf(n->ck, in, 3, out);
	mix_hash(n, (struct bytes){h, LEN});
	set_key(n, k);
	sodium_memzero(k, sizeof k);
}

static enum err encrypt_and_hash(struct noise *n, struct bytes in,
				 struct buf *out)
{
	size_t from = out->n;
	enum err err = OK;

	buf_put(out, in);
	if (n->cipher.keyed) {
		static const uint8_t room[NOISE_TAG];

		buf_put(out, (struct bytes){room, sizeof room});
		err = noise_encrypt(&n->cipher, (struct bytes){n->h, LEN},
				    (struct bytes){out->p + from, in.n},
				    out->p + from);
	}
	mix_hash(n, (struct bytes){out->p + from, out->n - from});
	return err;
}

static enum err decrypt_and_hash(struct noise *n, struct bytes in,
				 struct buf *out)
{
	size_t from = out->n;
	enum err err = OK;

	buf_put(out, in);
	if (n->cipher.keyed) {
		err = noise_decrypt(&n->cipher, (struct bytes){n->h, LEN},
				    (struct bytes){out->p + from, in.n},
				    out->p + from);
		out->n = err ? from : out->n - NOISE_TAG;
	}
	mix_hash(n, in);
	return err;
}

/* The two DH of a token name whose key of whom: e and s, ours first. */
static enum err mix_dh(struct noise *n, const uint8_t *secret,
		       const uint8_t *public)
{
	uint8_t shared[NOISE_KEY];
	enum err err = OK;

	/* an all-zero result is refused: crypto_scalarmult says so */
	if (crypto_scalarmult(shared, secret, public))
		err = ERR_AUTH;
	else
		mix_key(n, (struct bytes){shared, sizeof shared});
	sodium_memzero(shared, sizeof shared);
	return err;
}

static enum err token_dh(struct noise *n, char a, char b)
{
	if (!n->initiator) { /* the first letter is the initiator's key */
		char c = a;

		a = b;
		b = c;
	}
	return mix_dh(n, a == 'e' ? n->e.secret : n->s.secret,
		      b == 'e' ? n->re : n->rs);
}

static void token_psk(struct noise *n)
{
	assert(n->psk_at < n->n_psks);
	mix_key_and_hash(n, (struct bytes){n->psk[n->psk_at++], NOISE_KEY});
}

static void mix_e(struct noise *n, const uint8_t *e)
{
	mix_hash(n, (struct bytes){e, NOISE_KEY});
	if (n->has_psk) /* section 9.2 */
		mix_key(n, (struct bytes){e, NOISE_KEY});
}

static enum err write_token(struct noise *n, const char *t, size_t len,
			    struct buf *out)
{
	if (len == 1 && *t == 'e') {
		buf_put(out, (struct bytes){n->e.public, NOISE_KEY});
		mix_e(n, n->e.public);
		return OK;
	}
	if (len == 1)
		return encrypt_and_hash(
		    n, (struct bytes){n->s.public, NOISE_KEY}, out);
	if (len == 3) {
		token_psk(n);
		return OK;
	}
	return token_dh(n, t[0], t[1]);
}

static enum err read_s(struct noise *n, struct bytes *in)
{
	struct buf s = {0};
	size_t len = NOISE_KEY + (n->cipher.keyed ? NOISE_TAG : 0);
	enum err err;

	if (in->n < len)
		return ERR_PARSE;
	err = decrypt_and_hash(n, (struct bytes){in->p, len}, &s);
	if (!err)
		memcpy(n->rs, s.p, NOISE_KEY);
	buf_free(&s);
	in->p += len;
	in->n -= len;
	return err;
}

static enum err read_token(struct noise *n, const char *t, size_t len,
			   struct bytes *in)
{
	if (len == 1 && *t == 'e') {
		if (in->n < NOISE_KEY)
			return ERR_PARSE;
		memcpy(n->re, in->p, NOISE_KEY);
		in->p += NOISE_KEY;
		in->n -= NOISE_KEY;
		mix_e(n, n->re);
		return OK;
	}
	if (len == 1)
		return read_s(n, in);
	if (len == 3) {
		token_psk(n);
		return OK;
	}
	return token_dh(n, t[0], t[1]);
}

/* The tokens of the message whose turn it is, psk modifiers included. */
static const char *next_token(const char *t, size_t *len)
{
	while (*t == ' ')
		t++;
	*len = strcspn(t, " ");
	return *len ? t : NULL;
}

static void turn_over(struct noise *n)
{
	n->at++;
	n->ours = !n->ours;
	n->done = !n->message[n->at][0];
}

enum err noise_write(struct noise *n, struct bytes payload, struct buf *out)
{
	size_t len;
	enum err err = OK;

	if (n->done || !n->ours)
		return ERR_STATE;
	for (const char *t = n->message[n->at];
	     !err && (t = next_token(t, &len)); t += len)
		err = write_token(n, t, len, out);
	if (!err)
		err = encrypt_and_hash(n, payload, out);
	turn_over(n);
	return err;
}

enum err noise_read(struct noise *n, struct bytes in, struct buf *payload)
{
	size_t len;
	enum err err = OK;

	if (n->done || n->ours)
		return ERR_STATE;
	for (const char *t = n->message[n->at];
	     !err && (t = next_token(t, &len)); t += len)
		err = read_token(n, t, len, &in);
	if (!err)
		err = decrypt_and_hash(n, in, payload);
	turn_over(n);
	return err;
}

/* "psk0" stands before the first message's tokens, "psk1" after them. */
static enum err add_psk(struct noise *n, unsigned where)
{
	unsigned at = where ? where - 1 : 0;
	char *m = n->message[at < 4 ? at : 0], old[sizeof n->message[0]];

	if (at >= 4 || !*m || strlen(m) + 5 > sizeof n->message[0])
		return ERR_STATE;
	memcpy(old, m, sizeof old);
	if (where)
		strcat(m, " psk");
	else {
		memcpy(m, "psk ", 4);
		memcpy(m + 4, old, strlen(old) + 1);
	}
	n->has_psk = true;
	return OK;
}

/* "psk0+psk2" of a pattern's name. */
static enum err add_psks(struct noise *n, const char *modifiers, size_t len)
{
	while (len) {
		enum err err;

		if (len < 4 || memcmp(modifiers, "psk", 3) != 0 ||
		    modifiers[3] < '0' || modifiers[3] > '9')
			return ERR_STATE;
		if ((err = add_psk(n, (unsigned)(modifiers[3] - '0'))))
			return err;
		modifiers += 4;
		len -= 4;
		if (len && *modifiers == '+')
			modifiers++, len--;
	}
	return OK;
}

/* The pattern in "Noise_XXpsk0_25519_ChaChaPoly_BLAKE2b". */
static const struct pattern *pattern_of(const char *protocol,
					const char **modifiers, size_t *len)
{
	const char *name, *end;
	size_t n = 0;

	if (strncmp(protocol, "Noise_", 6) != 0)
		return NULL;
	name = protocol + 6;
	end = strchr(name, '_');
	if (!end || strcmp(end, "_25519_ChaChaPoly_BLAKE2b") != 0)
		return NULL;
	while (name[n] >= 'A' && name[n] <= 'Z')
		n++;
	*modifiers = name + n;
	*len = (size_t)(end - *modifiers);
	for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++)
		if (strlen(patterns[i].name) == n &&
		    !memcmp(patterns[i].name, name, n))
			return &patterns[i];
	return NULL;
}

static void begin_hash(struct noise *n, const char *protocol)
{
	struct bytes name = {(const uint8_t *)protocol, strlen(protocol)};

	if (name.n <= LEN) {
		memset(n->h, 0, LEN);
		memcpy(n->h, name.p, name.n);
	} else {
		hash2(n->h, name, (struct bytes){0});
	}
	memcpy(n->ck, n->h, LEN);
}

enum err noise_begin(struct noise *n, const struct noise_start *s)
{
	const char *modifiers;
	size_t len;
	const struct pattern *p = pattern_of(s->protocol, &modifiers, &len);
	enum err err;

	if (!p || s->n_psks > NOISE_PSKS)
		return ERR_STATE;
	memset(n, 0, sizeof *n);
	for (int i = 0; i < 4 && p->message[i]; i++)
		memcpy(n->message[i], p->message[i], strlen(p->message[i]) + 1);
	if ((err = add_psks(n, modifiers, len)))
		return err;
	n->initiator = n->ours = s->initiator;
	n->s = s->s;
	n->e = s->e;
	n->n_psks = s->n_psks;
	if (s->n_psks)
		memcpy(n->psk, s->psk, s->n_psks * NOISE_KEY);
	if (s->rs)
		memcpy(n->rs, s->rs, NOISE_KEY);
	begin_hash(n, s->protocol);
	mix_hash(n, s->prologue);
	if (*p->pre_i)
		mix_hash(n, (struct bytes){s->initiator ? n->s.public : n->rs,
					   NOISE_KEY});
	if (*p->pre_r)
		mix_hash(n, (struct bytes){s->initiator ? n->rs : n->s.public,
					   NOISE_KEY});
	return OK;
}

void noise_split(struct noise *n, struct noise_cipher *send,
		 struct noise_cipher *receive)
{
	uint8_t a[LEN], b[LEN], *const out[] = {a, b};
	struct noise_cipher *first = n->initiator ? send : receive;
	struct noise_cipher *second = n->initiator ? receive : send;

	assert(n->done);
	hkdf(n->ck, (struct bytes){0}, 2, out);
	*first = *second = (struct noise_cipher){.keyed = true};
	memcpy(first->k, a, NOISE_KEY);
	memcpy(second->k, b, NOISE_KEY);
	sodium_memzero(a, sizeof a);
	sodium_memzero(b, sizeof b);
}

void noise_wipe(struct noise *n)
{
	sodium_memzero(n, sizeof *n);
}
