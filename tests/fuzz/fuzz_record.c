/* What a peer that proved who it is may say: records of any plaintext, sealed
 * as they should be. The input is a sequence of u16 length, plaintext; where
 * the top bit of a length is set, the link is asked for its packets first. */
#include "proto/link.h"
#include "proto/noise.h"
#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TOP = 0x8000, SEALED_MAX = 32768 + NOISE_TAG };

/* A dialler without a link: noise.c alone, and its certificate. */
struct hand {
	struct keys *keys;
	struct noise noise;
	struct noise_cipher send, receive;
	struct link *link; /* who accepted it */
	struct rng rng;
	struct now now;
	uint64_t sent;
};

static enum err hand_over(struct hand *h, struct bytes m)
{
	uint8_t len[2] = {(uint8_t)(m.n >> 8), (uint8_t)m.n};
	enum err err = link_feed(h->link, &h->now, (struct bytes){len, 2});

	return err ? err : link_feed(h->link, &h->now, m);
}

static void write_message(struct hand *h, struct bytes payload)
{
	struct buf m = {0};
	enum err err = noise_write(&h->noise, payload, &m);

	assert(!err);
	err = hand_over(h, (struct bytes){m.p, m.n});
	assert(!err);
	buf_free(&m);
}

static void read_message(struct hand *h)
{
	struct bytes out = link_output(h->link);
	struct buf payload = {0};
	enum err err = noise_read(
	    &h->noise, (struct bytes){out.p + 2, out.n - 2}, &payload);

	assert(!err);
	link_wrote(h->link, out.n);
	buf_free(&payload);
}

static void shake(struct hand *h)
{
	static const uint8_t preface[8] = {'S', 'V', 1}, e[NOISE_KEY] = {5};
	uint8_t prologue[22] = "sotto/1 noise";
	struct noise_start s = {
	    .protocol = "Noise_XX_25519_ChaChaPoly_BLAKE2b",
	    .initiator = true,
	    .prologue = {prologue, sizeof prologue},
	    .s = h->keys->noise,
	};
	enum err err;

	memcpy(prologue + 14, preface, sizeof preface);
	noise_pair_of(&s.e, e);
	err = noise_begin(&h->noise, &s);
	assert(!err);
	err = link_feed(h->link, &h->now,
			(struct bytes){preface, sizeof preface});
	assert(!err);
	write_message(h, (struct bytes){0});
	read_message(h);
	write_message(h, (struct bytes){h->keys->certificate, CERTIFICATE});
	noise_split(&h->noise, &h->send, &h->receive);
	assert(link_up(h->link));
}

static void drain(struct hand *h)
{
	struct packet p;
	enum err err;

	while (link_next(h->link, &p)) {
		err = packet_check(&p);
		assert(!err);
	}
	link_wrote(h->link, link_output(h->link).n);
}

static enum err put_record(struct hand *h, struct bytes plain)
{
	static uint8_t out[SEALED_MAX];
	enum err err = noise_encrypt(&h->send, (struct bytes){0}, plain, out);

	assert(!err);
	if (++h->sent % REKEY == 0)
		noise_rekey(&h->send);
	return hand_over(h, (struct bytes){out, plain.n + NOISE_TAG});
}

static void records(struct hand *h, struct bytes in)
{
	while (in.n >= 2) {
		size_t n = (size_t)in.p[0] << 8 | in.p[1];

		in.p += 2;
		in.n -= 2;
		if (n & TOP)
			drain(h);
		n &= TOP - 1;
		if (n > in.n)
			n = in.n;
		if (put_record(h, (struct bytes){in.p, n}))
			return; /* a broken channel: its owner closes it */
		in.p += n;
		in.n -= n;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct keys *keys[2];
	struct hand h = {0};

	if (!keys[0])
		for (int i = 0; i < 2; i++)
			keys[i] = keys_new((const uint8_t[32]){(uint8_t)i});
	h.keys = keys[0];
	h.now = (struct now){.mono_us = 1, .wall_us = 1, .rng = &h.rng};
	h.link = link_new(&dialect_sotto, ACCEPTED, keys[1], NULL, &h.now);
	shake(&h);
	records(&h, (struct bytes){data, size});
	drain(&h);
	link_free(h.link);
	return 0;
}
