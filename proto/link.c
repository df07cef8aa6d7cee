#include "proto/link.h"
#include "proto/bare.h"
#include "proto/noise.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* protocol: sizes and deadlines of the channel */
enum {
	PREFACE = 8,
	M1 = 32,
	M2 = 96 + CERTIFICATE,
	M3 = 64 + CERTIFICATE,
	HEAD = 3, /* u16 n, u8 type */
	PART = 32768 - HEAD,
	PARTS_MAX = 8,
	PLAIN_MAX = NOISE_MESSAGE_MAX - NOISE_TAG,
	SECOND = 1000000,
	HANDSHAKE_US = 10 * SECOND,
	FIRST_BYTES_US = 3 * SECOND,
	RECORD_US = 20 * SECOND,
	KEEP_ALIVE_US = 30 * SECOND,
	SILENCE_US = 75 * SECOND,
};
enum record { R_WHOLE = 1, R_PART, R_LAST, R_PING = 5, R_PONG, R_BYE };

static const uint8_t preface[PREFACE] = {'S', 'V', 1, 0};

struct link {
	struct bare *bare; /* of a dialect without keys: all it is */
	const struct dialect *d;
	const struct keys *k;
	struct noise *handshake; /* NULL once it is done */
	struct pubkey pin, key;
	struct noise_cipher send, receive;
	struct buf in, out; /* wire bytes; empty ones hold no memory */
	/* Decrypted packets that link_next has not handed out: u32 length,
	 * bytes; `open` is where the one that comes in parts begins. */
	struct buf packets;
	size_t packets_at, open;
	struct arena arena; /* what the last packet points into */
	uint64_t sent, received;
	int64_t started_us, heard_us, wrote_us, partial_us, minute_us;
	uint8_t parts, malformed;
	bool dialled, has_pin, assembling, bye_said, bye_heard, over;
};

/* ---- buffers ---- */

static void buf_settle(struct buf *b)
{
	if (!b->n)
		buf_free(b);
}

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static void put16(uint8_t *p, size_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

/* ---- handshake ---- */

/* ERR_AUTH: the key we were told gives no secret (all zero). */
static enum err write_message(struct link *l, struct bytes payload)
{
	struct buf m = {0};
	uint8_t len[2];
	enum err err = noise_write(l->handshake, payload, &m);

	put16(len, m.n);
	if (!err) {
		buf_put(&l->out, (struct bytes){len, 2});
		buf_put(&l->out, (struct bytes){m.p, m.n});
	}
	buf_free(&m);
	return err;
}

static struct bytes our_certificate(const struct link *l)
{
	return (struct bytes){l->k->certificate, CERTIFICATE};
}

static void begin(struct link *l, const struct now *now)
{
	uint8_t prologue[14 + PREFACE] = "sotto/1 noise", e[NOISE_KEY];
	struct noise_start s = {
	    .protocol = "Noise_XX_25519_ChaChaPoly_BLAKE2b",
	    .initiator = l->dialled,
	    .prologue = {prologue, sizeof prologue},
	    .s = l->k->noise,
	};
	enum err err;

	memcpy(prologue + 14, preface, PREFACE);
	rng_fill(now->rng, e, sizeof e);
	noise_pair_of(&s.e, e);
	l->handshake = xmalloc(sizeof *l->handshake);
	err = noise_begin(l->handshake, &s);
	assert(err == OK);
	secret_wipe(e, sizeof e);
	secret_wipe(&s, sizeof s);
	if (!l->dialled)
		return;
	buf_put(&l->out, (struct bytes){preface, PREFACE});
	err = write_message(l, (struct bytes){0});
	assert(err == OK); /* m1 is our own key alone */
}

struct link *link_new(const struct dialect *d, enum role r,
		      const struct keys *k, const struct pubkey *pin,
		      const struct now *now)
{
	struct link *l = xmalloc(sizeof *l);

	if (!(d->traits & T_KEYED)) {
		*l = (struct link){.bare = bare_new(d, r, k, now)};
		return l;
	}
	*l = (struct link){
	    .d = d,
	    .k = k,
	    .dialled = r == DIALLED,
	    .started_us = now->mono_us,
	    .heard_us = now->mono_us,
	    .wrote_us = now->mono_us,
	};
	if (pin && !pubkey_none(pin)) {
		l->pin = *pin;
		l->has_pin = true;
	}
	begin(l, now);
	return l;
}

static void handshake_free(struct link *l)
{
	if (!l->handshake)
		return;
	noise_wipe(l->handshake);
	free(l->handshake);
	l->handshake = NULL;
}

void link_free(struct link *l)
{
	if (!l)
		return;
	bare_free(l->bare);
	handshake_free(l);
	buf_free(&l->in);
	buf_free(&l->out);
	buf_free(&l->packets);
	free(l->arena.p);
	secret_wipe(l, sizeof *l);
	free(l);
}

/* The key that signed the certificate in m2 or m3; checked against the pin
 * before anything more is said. */
static enum err meet(struct link *l, const struct buf *payload)
{
	enum err err = certificate_check((struct bytes){payload->p, payload->n},
					 l->handshake->rs, &l->key);

	if (err)
		return err;
	if (l->has_pin && memcmp(&l->pin, &l->key, sizeof l->key) != 0)
		return ERR_AUTH;
	return OK;
}

static void handshake_done(struct link *l)
{
	noise_split(l->handshake, &l->send, &l->receive);
	handshake_free(l);
}

static enum err read_message(struct link *l, struct bytes m)
{
	struct buf payload = {0};
	enum err err = noise_read(l->handshake, m, &payload);

	if (!err && m.n == M1)
		err = payload.n ? ERR_PARSE : OK;
	else if (!err)
		err = meet(l, &payload);
	buf_free(&payload);
	if (err)
		return err;
	if (m.n != M3)
		err = write_message(l, our_certificate(l));
	if (!err && m.n != M1)
		handshake_done(l);
	return err;
}

/* One step; *used 0: more bytes are needed. Every length is a constant. */
static enum err shake(struct link *l, struct bytes in, size_t *used)
{
	size_t skip = 0, want = l->dialled ? M2 : M3;

	*used = 0;
	if (!l->dialled && l->handshake->at == 0) {
		size_t n = in.n < PREFACE ? in.n : PREFACE;

		if (memcmp(in.p, preface, n) != 0)
			return ERR_PARSE;
		skip = PREFACE;
		want = M1;
	}
	if (in.n < skip + 2)
		return OK;
	if (get16(in.p + skip) != want)
		return ERR_PARSE;
	if (in.n < skip + 2 + want)
		return OK;
	*used = skip + 2 + want;
	return read_message(l, (struct bytes){in.p + skip + 2, want});
}

/* ---- records out ---- */

static size_t bucket(size_t n)
{
	size_t b = 64;

	while (b < n)
		b *= 2;
	return b < PLAIN_MAX ? b : PLAIN_MAX;
}

/* Turns the last n bytes of out, behind room for a length and a head, into a
 * record in place. */
static void seal_tail(struct link *l, enum record type, size_t n)
{
	size_t from = l->out.n - n - HEAD - 2, plain = bucket(n + HEAD);
	uint8_t *p;
	enum err err;

	buf_room(&l->out, plain + NOISE_TAG);
	p = l->out.p + from;
	put16(p, plain + NOISE_TAG);
	put16(p + 2, n);
	p[4] = (uint8_t)type;
	memset(p + 2 + HEAD + n, 0, plain - HEAD - n);
	err = noise_encrypt(&l->send, (struct bytes){0},
			    (struct bytes){p + 2, plain}, p + 2);
	assert(err == OK); /* 2^64 records are never reached */
	l->out.n = from + 2 + plain + NOISE_TAG;
	if (++l->sent % REKEY == 0)
		noise_rekey(&l->send);
}

static void room_for_head(struct link *l)
{
	static const uint8_t room[2 + HEAD];

	buf_put(&l->out, (struct bytes){room, sizeof room});
}

static void put_record(struct link *l, enum record type, struct bytes body)
{
	room_for_head(l);
	buf_put(&l->out, body);
	seal_tail(l, type, body.n);
}

/* A packet longer than a part, already encoded at the end of out. */
static void split_tail(struct link *l, size_t n)
{
	struct buf copy = {0};

	buf_put(&copy, (struct bytes){l->out.p + l->out.n - n, n});
	l->out.n -= n + HEAD + 2;
	for (size_t at = 0; at < n; at += PART) {
		size_t len = n - at < PART ? n - at : PART;

		put_record(l, at + len < n ? R_PART : R_LAST,
			   (struct bytes){copy.p + at, len});
	}
	buf_free(&copy);
}

enum err link_send(struct link *l, const struct now *now,
		   const struct packet *p)
{
	size_t before = l->out.n, n;
	enum err err;

	if (l->bare)
		return bare_send(l->bare, p);
	if (!link_up(l) || l->bye_said)
		return ERR_STATE;
	room_for_head(l);
	err = l->d->encode(p, &l->out);
	n = l->out.n - before - HEAD - 2;
	if (!err && n > l->d->send_max)
		err = ERR_LIMIT;
	if (err) {
		l->out.n = before;
		buf_settle(&l->out);
		return err;
	}
	if (n <= PART)
		seal_tail(l, R_WHOLE, n);
	else
		split_tail(l, n);
	l->wrote_us = now->mono_us;
	return OK;
}

static void put_sign(struct link *l, const struct now *now, enum record type)
{
	if (l->bare || !link_up(l) || l->bye_said)
		return;
	put_record(l, type, (struct bytes){0});
	l->wrote_us = now->mono_us;
}

void link_ping(struct link *l, const struct now *now)
{
	put_sign(l, now, R_PING);
}

void link_bye(struct link *l, const struct now *now)
{
	if (l->bare)
		bare_bye(l->bare);
	put_sign(l, now, R_BYE);
	l->bye_said = true;
}

struct bytes link_output(const struct link *l)
{
	if (l->bare)
		return bare_output(l->bare);
	return (struct bytes){l->out.p, l->out.n};
}

void link_wrote(struct link *l, size_t n)
{
	if (l->bare) {
		bare_wrote(l->bare, n);
		return;
	}
	buf_drop(&l->out, n);
	buf_settle(&l->out);
}

bool link_over(const struct link *l)
{
	if (l->bare)
		return bare_over(l->bare);
	return !l->out.n && (l->over || l->bye_said || l->bye_heard);
}

/* ---- records in ---- */

static bool all_zero(const uint8_t *p, size_t n)
{
	return n == 0 || (p[0] == 0 && memcmp(p, p + 1, n - 1) == 0);
}

/* `at` holds n bytes of body, four bytes before it are free for the length. */
static enum err keep_packet(struct link *l, enum record type, size_t n)
{
	size_t from = l->packets.n;
	uint32_t len = (uint32_t)n;

	if (l->assembling) {
		memmove(l->packets.p + from, l->packets.p + from + 4, n);
		l->packets.n += n;
		len = (uint32_t)(l->packets.n - l->open - 4);
	} else {
		l->open = from;
		l->packets.n = from + 4 + n;
	}
	if (len > l->d->frame_max || ++l->parts > PARTS_MAX)
		return ERR_LIMIT;
	memcpy(l->packets.p + l->open, &len, 4);
	l->assembling = type == R_PART;
	if (!l->assembling)
		l->parts = 0;
	return OK;
}

static enum err take_record(struct link *l, const struct now *now,
			    enum record type, size_t n)
{
	switch (type) {
	case R_WHOLE:
		return l->assembling ? ERR_PARSE : keep_packet(l, type, n);
	case R_PART:
		return keep_packet(l, type, n);
	case R_LAST:
		return l->assembling ? keep_packet(l, type, n) : ERR_PARSE;
	case R_PING:
		if (n)
			return ERR_PARSE;
		put_sign(l, now, R_PONG);
		return OK;
	case R_PONG:
		return n ? ERR_PARSE : OK;
	case R_BYE:
		l->bye_heard = true;
		return n ? ERR_PARSE : OK;
	}
	return ERR_PARSE;
}

/* Decrypts behind what is already there, so that a body lies where it stays:
 * its head falls into the room for the length. */
static enum err open_record(struct link *l, const struct now *now,
			    struct bytes in)
{
	size_t plain = in.n - NOISE_TAG, n;
	uint8_t *p;
	enum err err;

	buf_room(&l->packets, plain + 1);
	p = l->packets.p + l->packets.n + 1;
	err = noise_decrypt(&l->receive, (struct bytes){0}, in, p);
	if (err)
		return err;
	if (++l->received % REKEY == 0)
		noise_rekey(&l->receive);
	n = get16(p);
	if (n + HEAD > plain || bucket(n + HEAD) != plain ||
	    !all_zero(p + HEAD + n, plain - HEAD - n))
		return ERR_PARSE;
	return take_record(l, now, p[2], n);
}

static enum err take(struct link *l, const struct now *now, struct bytes in,
		     size_t *used)
{
	size_t n;

	*used = 0;
	if (l->bye_heard) {
		*used = in.n; /* what follows a bye is not looked at */
		return OK;
	}
	if (!link_up(l))
		return shake(l, in, used);
	if (in.n < 2)
		return OK;
	n = get16(in.p);
	if (n < 64 + NOISE_TAG)
		return ERR_PARSE;
	if (in.n < 2 + n)
		return OK;
	*used = 2 + n;
	return open_record(l, now, (struct bytes){in.p + 2, n});
}

enum err link_feed(struct link *l, const struct now *now, struct bytes in)
{
	bool kept = l->in.n > 0;
	size_t at = 0, used;

	if (l->bare)
		return bare_feed(l->bare, now, in);
	if (!in.n)
		return OK;
	l->heard_us = now->mono_us;
	if (kept) {
		buf_put(&l->in, in);
		in = (struct bytes){l->in.p, l->in.n};
	}
	do {
		enum err err =
		    take(l, now, (struct bytes){in.p + at, in.n - at}, &used);

		if (err)
			return err;
		at += used;
	} while (used && at < in.n);
	if (kept)
		buf_drop(&l->in, at);
	else
		buf_put(&l->in, (struct bytes){in.p + at, in.n - at});
	if (at || !l->partial_us)
		l->partial_us = l->in.n ? now->mono_us : 0;
	buf_settle(&l->in);
	buf_settle(&l->packets);
	return OK;
}

enum err link_eof(struct link *l)
{
	if (l->bare) {
		bare_eof(l->bare);
		return ERR_CLOSED;
	}
	l->over = true;
	return l->bye_heard ? OK : ERR_CLOSED;
}

/* ---- packets ---- */

/* How many bytes of arena a frame can need: every string is copied once, and
 * ranges are twice as long as they are written. */
static void arena_for(struct link *l, size_t frame)
{
	size_t need = 2 * frame + 4096;

	arena_empty(&l->arena);
	if (l->arena.cap >= need)
		return;
	l->arena.p = xrealloc(l->arena.p, need);
	l->arena.cap = need;
}

/* All that was whole is handed out; the parts of the next one stay. */
static void let_go(struct link *l)
{
	free(l->arena.p);
	l->arena = (struct arena){0};
	l->packets_at = 0;
	if (!l->assembling) {
		buf_free(&l->packets);
		return;
	}
	buf_drop(&l->packets, l->open);
	l->open = 0;
}

static bool uuid_any(const struct uuid *u)
{
	return !all_zero(u->b, sizeof u->b);
}

/* A packet that was framed well and is not for us to read: its sender is told,
 * eight times a minute. */
static void answer_malformed(struct link *l, const struct packet *bad)
{
	struct now now = {.mono_us = l->heard_us};
	struct packet p = {.kind = PKT_ERROR, .n_words = 1};
	static const char code[] = "invalid_response";

	if (l->heard_us - l->minute_us > 60 * (int64_t)SECOND) {
		l->minute_us = l->heard_us;
		l->malformed = 0;
	}
	if (l->malformed++ == MALFORMED_MAX) {
		link_bye(l, &now);
		return;
	}
	if (uuid_any(&bad->id) &&
	    (bad->kind == PKT_MESSAGE || bad->kind == PKT_REPLY)) {
		p.kind = PKT_ACK;
		p.id = bad->id;
		p.orig_stamp = bad->orig_stamp;
		p.verdict = V_INVALID;
	}
	p.word[0] = (struct bytes){(const uint8_t *)code, sizeof code - 1};
	if (link_send(l, &now, &p))
		l->over = true;
}

bool link_ready(const struct link *l)
{
	size_t whole = l->assembling ? l->open : l->packets.n;

	if (l->bare)
		return bare_ready(l->bare);

	return !l->bye_said && l->packets_at < whole;
}

bool link_next(struct link *l, struct packet *out)
{
	if (l->bare)
		return bare_next(l->bare, out);
	while (link_ready(l)) {
		const uint8_t *p = l->packets.p + l->packets_at;
		uint32_t n;
		enum err err;

		memcpy(&n, p, 4);
		l->packets_at += 4 + (size_t)n;
		arena_for(l, n);
		err = l->d->decode((struct bytes){p + 4, n}, &l->arena, out);
		if (!err)
			return true;
		if (err != ERR_STATE) /* a word of a later version */
			answer_malformed(l, out);
	}
	if (!link_ready(l))
		let_go(l);
	return false;
}

/* ---- state and time ---- */

bool link_up(const struct link *l)
{
	if (l->bare)
		return bare_up(l->bare);
	return !l->handshake;
}

struct pubkey link_key(const struct link *l)
{
	return l->key;
}

int64_t link_heard(const struct link *l)
{
	if (l->bare)
		return bare_heard(l->bare);
	return l->heard_us;
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* When the peer has had its time; what it waits for is the peer's to do. */
static int64_t patience_ends(const struct link *l)
{
	int64_t at = INT64_MAX;

	if (!link_up(l)) {
		at = l->started_us + HANDSHAKE_US;
		if (!l->dialled && l->handshake->at == 0 && l->in.n < PREFACE)
			at = l->started_us + FIRST_BYTES_US;
		return at;
	}
	if (l->partial_us)
		at = l->partial_us + RECORD_US;
	if (!l->dialled)
		at = earlier(at, l->heard_us + SILENCE_US);
	return at;
}

int64_t link_deadline(const struct link *l)
{
	int64_t at;

	if (l->bare)
		return bare_deadline(l->bare);
	at = patience_ends(l);

	/* Only who dialled says that it is alive, and nothing answers: TCP's
	 * own acknowledgement does. So an idle pair wakes once in 30 s. */
	if (link_up(l) && l->dialled && !l->bye_said)
		at = earlier(at, l->wrote_us + KEEP_ALIVE_US);
	return at;
}

enum err link_tick(struct link *l, const struct now *now)
{
	if (l->bare)
		return bare_tick(l->bare, now);
	if (now->mono_us >= patience_ends(l))
		return ERR_CLOSED;
	if (l->dialled && link_up(l) &&
	    now->mono_us >= l->wrote_us + KEEP_ALIVE_US)
		put_sign(l, now, R_PONG);
	return OK;
}
