#include "proto/bare.h"
#include <stdlib.h>
#include <string.h>

enum {
	SECOND = 1000000,
	QUIET_US = QUIET_MS * 1000,
	FIRST_US = 10 * SECOND,      /* until the peer has said something */
	REST_US = 10 * SECOND,       /* of a frame that has begun */
	ERRAND_US = 20 * SECOND,     /* for all of a transaction */
	DATAGRAMS_US = 600 * SECOND, /* of silence end a correspondence */
	HEAD = 4,                    /* u32 length, before each frame */
	FRAMES_MAX = 65536 + 64 * HEAD,
};

struct bare {
	const struct dialect *d;
	const struct keys *k;
	struct buf in;     /* bytes of a stream that are no whole frame yet */
	struct buf frames; /* whole ones: length, bytes */
	struct buf out;    /* the same, to be written */
	size_t frames_at;  /* up to here bare_next has handed out */
	size_t written;    /* bytes of the first frame in `out` */
	struct arena arena;
	int64_t started_us, heard_us, began_us; /* began: `in` holds since */
	unsigned malformed;
	bool dialled, met, over, bye_said;
};

struct bare *bare_new(const struct dialect *d, enum role r,
		      const struct keys *k, const struct now *now)
{
	struct bare *l = xmalloc(sizeof *l);

	*l = (struct bare){
	    .d = d,
	    .k = k,
	    .dialled = r == DIALLED,
	    .started_us = now->mono_us,
	    .heard_us = now->mono_us,
	};
	return l;
}

void bare_free(struct bare *l)
{
	if (!l)
		return;
	buf_free(&l->in);
	buf_free(&l->frames);
	buf_free(&l->out);
	free(l->arena.p);
	free(l);
}

static bool datagrams(const struct bare *l)
{
	return l->d->traits & T_DATAGRAM;
}

/* ---- in ---- */

static void frame_put(struct buf *b, struct bytes frame)
{
	uint32_t n = (uint32_t)frame.n;

	buf_put(b, (struct bytes){(const uint8_t *)&n, HEAD});
	buf_put(b, frame);
}

static struct bytes frame_at(const struct buf *b, size_t at)
{
	uint32_t n;

	memcpy(&n, b->p + at, HEAD);
	return (struct bytes){b->p + at + HEAD, n};
}

static enum err cut(struct bare *l, bool quiet)
{
	size_t at = 0, len;
	enum err err = OK;

	while (at < l->in.n) {
		struct bytes rest = {l->in.p + at, l->in.n - at};

		err = l->d->split(rest, l->met, quiet, &len);
		if (err || !len)
			break;
		frame_put(&l->frames, (struct bytes){rest.p, len});
		l->met = true;
		at += len;
	}
	if (!err && l->in.n - at > l->d->frame_max)
		err = ERR_LIMIT;
	buf_drop(&l->in, at);
	if (!l->in.n)
		buf_free(&l->in);
	if (at)
		l->began_us = l->heard_us;
	return err;
}

static enum err take_datagram(struct bare *l, struct bytes in)
{
	if (l->frames.n - l->frames_at + in.n > FRAMES_MAX)
		return OK; /* as the network might have done */
	frame_put(&l->frames, in);
	l->met = true;
	return OK;
}

enum err bare_feed(struct bare *l, const struct now *now, struct bytes in)
{
	l->heard_us = now->mono_us;
	if (datagrams(l))
		return take_datagram(l, in);
	if (!l->in.n)
		l->began_us = now->mono_us;
	buf_put(&l->in, in);
	return cut(l, false);
}

/* A text that ends in a NUL and has no block around it is a text all the
 * same, once nothing more can come. */
static void fill_block(struct bare *l)
{
	static const uint8_t nothing[64];

	if (!(l->d->traits & T_UNFRAMED) || !l->in.n ||
	    !memchr(l->in.p, 0, l->in.n))
		return;
	while (l->in.n < l->d->frame_max) {
		size_t left = l->d->frame_max - l->in.n;

		buf_put(&l->in, (struct bytes){nothing, left < sizeof nothing
							    ? left
							    : sizeof nothing});
	}
}

void bare_eof(struct bare *l)
{
	l->over = true;
	if (cut(l, true))
		return;
	fill_block(l);
	if (cut(l, true))
		buf_free(&l->in);
}

bool bare_ready(const struct bare *l)
{
	return !l->bye_said && l->frames_at < l->frames.n;
}

static void let_go(struct bare *l)
{
	buf_free(&l->frames);
	free(l->arena.p);
	l->arena = (struct arena){0};
	l->frames_at = 0;
}

/* Strings are copied at most four times over, and a key opens into 256. */
static void arena_for(struct bare *l, size_t frame)
{
	size_t need = 8 * frame + 8192;

	arena_empty(&l->arena);
	if (l->arena.cap >= need)
		return;
	l->arena.p = xrealloc(l->arena.p, need);
	l->arena.cap = need;
}

/* What cannot be read is handed up as such: there are dialects whose peers
 * must be answered whatever they say. */
static bool read_frame(struct bare *l, struct bytes frame, struct packet *out)
{
	enum err err;

	arena_for(l, frame.n);
	err = l->d->decode(frame, &l->arena, out);
	if (!err && out->sealed) {
		err = dialect_open(l->d, l->k, &l->arena, out);
		if (err != ERR_PARSE)
			err = OK; /* not for us: it stays sealed */
	}
	if (err == ERR_STATE)
		return false;
	out->malformed = err != OK;
	if (err && !datagrams(l) && ++l->malformed > MALFORMED_MAX)
		l->bye_said = true;
	return true;
}

bool bare_next(struct bare *l, struct packet *out)
{
	while (bare_ready(l)) {
		struct bytes frame = frame_at(&l->frames, l->frames_at);

		l->frames_at += HEAD + frame.n;
		if (read_frame(l, frame, out))
			return true;
	}
	let_go(l);
	return false;
}

/* ---- out ---- */

static enum err encode(struct bare *l, const struct packet *p, struct buf *b)
{
	struct packet sealed;
	struct arena a = {0};
	enum err err;

	if (!p->seal_to.n)
		return l->d->encode(p, b);
	a.cap = 1024;
	a.p = xmalloc(a.cap);
	err = dialect_seal(l->d, p->seal_to, p, &a, &sealed);
	if (!err)
		err = l->d->encode(&sealed, b);
	free(a.p);
	return err;
}

enum err bare_send(struct bare *l, const struct packet *p)
{
	struct buf b = {0};
	enum err err;

	if (l->bye_said)
		return ERR_STATE;
	err = encode(l, p, &b);
	if (!err && (b.n > l->d->send_max || l->out.n + b.n > BARE_QUEUE))
		err = ERR_LIMIT;
	if (!err)
		frame_put(&l->out, (struct bytes){b.p, b.n});
	buf_free(&b);
	return err;
}

void bare_bye(struct bare *l)
{
	l->bye_said = true;
}

/* One frame at a time: each goes out in a write of its own. */
struct bytes bare_output(const struct bare *l)
{
	struct bytes frame;

	if (!l->out.n)
		return (struct bytes){0};
	frame = frame_at(&l->out, 0);
	return (struct bytes){frame.p + l->written, frame.n - l->written};
}

void bare_wrote(struct bare *l, size_t n)
{
	struct bytes frame = frame_at(&l->out, 0);

	l->written += n;
	if (l->written < frame.n)
		return;
	l->written = 0;
	buf_drop(&l->out, HEAD + frame.n);
	if (!l->out.n)
		buf_free(&l->out);
}

bool bare_over(const struct bare *l)
{
	return !l->out.n && (l->over || l->bye_said);
}

/* ---- state and time ---- */

bool bare_up(const struct bare *l)
{
	return l->dialled || l->met;
}

int64_t bare_heard(const struct bare *l)
{
	return l->heard_us;
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static bool quiet_matters(const struct bare *l)
{
	return (l->d->traits & T_UNFRAMED) && l->in.n &&
	       !memchr(l->in.p, 0, l->in.n);
}

static int64_t patience_ends(const struct bare *l)
{
	int64_t at = INT64_MAX;

	if (datagrams(l))
		return l->heard_us + DATAGRAMS_US;
	/* a person types in the middle of a login: its owner ends it */
	if ((l->d->traits & T_TRANSACTION) && (l->dialled || !l->d->step))
		at = l->started_us + ERRAND_US;
	if (!l->met)
		at = earlier(at, l->started_us + FIRST_US);
	if (l->in.n)
		at = earlier(at, l->began_us + REST_US);
	return at;
}

int64_t bare_deadline(const struct bare *l)
{
	int64_t at = patience_ends(l);

	return quiet_matters(l) ? earlier(at, l->heard_us + QUIET_US) : at;
}

enum err bare_tick(struct bare *l, const struct now *now)
{
	if (quiet_matters(l) && now->mono_us >= l->heard_us + QUIET_US)
		return cut(l, true);
	if (now->mono_us < patience_ends(l))
		return OK;
	if (l->met && l->in.n && (l->d->traits & T_UNFRAMED)) {
		fill_block(l);
		return cut(l, true);
	}
	return ERR_CLOSED;
}
