#include "src/center_nats_impl.h"
#include "src/clock.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* Letters: a box is a subject of one of the mail streams. */

enum {
	LOOKS = 10, /* for what a server must have by now */
	LOOK_MS = 50
};

/* Its stream and its subject there. */
static void box_of(const struct nats *n, const struct uuid *box,
		   char stream[NAME], char subject[SUBJECT])
{
	uint8_t sum[32];
	char hex[33];
	unsigned shard;

	digest(sum, (struct bytes){box->b, sizeof box->b});
	shard = (unsigned)(sum[0] << 8 | sum[1]) % n->shards;
	center_hex(hex, box->b, sizeof box->b);
	snprintf(stream, NAME, "%s_mail_%u", n->prefix, shard);
	snprintf(subject, SUBJECT, "%s.mail.%u.%s", n->prefix, shard, hex);
}

/* Streams know ids for all their boxes together. */
static void put_mail(const struct nats *n, struct nats_put *p,
		     const struct center_mail *m, int64_t now_ms)
{
	char stream[NAME];

	box_of(n, &m->box, stream, p->subject);
	center_hex(p->msg_id, m->box.b, sizeof m->box.b);
	p->msg_id[32] = '.';
	center_hex(p->msg_id + 33, m->eid.b, sizeof m->eid.b);
	p->data = m->blob;
	p->until_ms = center_until(&n->base.rules, m->until_ms, now_ms);
}

static enum err mails_put(struct nats *n, struct center_mail **m, size_t count,
			  int64_t now_ms, struct nats_put *p)
{
	for (size_t i = 0; i < count; i++)
		put_mail(n, &p[i], m[i], now_ms);
	enum err err = nats_put(n, p, count, nats_deadline());
	for (size_t i = 0; i < count && !err; i++) {
		m[i]->seq = p[i].seq;
		m[i]->err = p[i].err;
	}
	return err;
}

enum err nats_mbox_append(struct center_backend *b, struct center_mail *m,
			  size_t n, int64_t now_ms)
{
	struct center_mail *good[CENTER_BATCH_MAX];
	struct nats_put *p;
	size_t count = 0;

	if (!center_mails_ok(m, n))
		return n > CENTER_BATCH_MAX ? ERR_LIMIT : OK;
	for (size_t i = 0; i < n; i++)
		if (!m[i].err)
			good[count++] = &m[i];
	p = xzalloc(count * sizeof *p);
	enum err err = mails_put(nats_of(b), good, count, now_ms, p);
	free(p);
	return err;
}

/* ---- reading ---- */

struct reading {
	struct uuid box;
	size_t left;
	uint64_t seen; /* up to here */
	int64_t now_ms;
	void (*each)(void *ctx, const struct center_mail *m);
	void *ctx;
};

static bool read_one(void *ctx, const struct nats_seen *v)
{
	struct reading *r = ctx;
	struct center_mail m = {.box = r->box,
				.blob = v->data,
				.until_ms = v->until_ms,
				.seq = v->seq};
	const char *dot = strchr(v->msg_id, '.');

	r->seen = v->seq;
	if (v->until_ms <= r->now_ms || !dot ||
	    !center_unhex(
		(struct bytes){(const uint8_t *)dot + 1, strlen(dot + 1)},
		m.eid.b, sizeof m.eid.b))
		return true;
	r->each(r->ctx, &m);
	return --r->left > 0;
}

/* The newest letter of a box, as who leads its stream knows it; 0: none. */
static enum err newest(struct nats *n, const char *stream, const char *subject,
		       uint64_t *seq, int64_t deadline)
{
	struct buf data = {0};
	enum err err =
	    nats_last(n, stream, subject, seq, &data, NULL, deadline);

	buf_free(&data);
	return err == ERR_ABSENT ? OK : err;
}

/* What is read comes from any server, which may lag behind: it is all there is
 * when the newest one was among it. */
enum err nats_mbox_read(struct center_backend *b, const struct uuid *box,
			uint64_t after, size_t max, int64_t now_ms,
			void (*each)(void *ctx, const struct center_mail *m),
			void *ctx)
{
	struct nats *n = nats_of(b);
	char stream[NAME], subject[SUBJECT];
	size_t page = max < CENTER_BATCH_MAX ? max : CENTER_BATCH_MAX;
	struct reading r = {*box, page, after, now_ms, each, ctx};
	int64_t deadline = nats_deadline();
	uint64_t last;

	if (!page || after >= INT64_MAX)
		return OK;
	box_of(n, box, stream, subject);
	for (int i = 0; i < LOOKS; i++) {
		enum err err = newest(n, stream, subject, &last, deadline);

		if (err || last <= r.seen)
			return err;
		err = nats_pull(n, stream, subject, r.seen + 1, r.left, false,
				read_one, &r, deadline);
		if (err || !r.left || r.seen >= last)
			return err;
		nats_pause(n, LOOK_MS);
	}
	return ERR_CLOSED;
}

/* ---- forgetting ---- */

static enum err purge(struct nats *n, const char *stream, const char *subject,
		      uint64_t upto)
{
	int64_t deadline = nats_deadline();
	jsErrCode code = 0;
	jsOptions o;

	if (!nats_may(n, stream, &deadline))
		return ERR_CLOSED;
	n->lib.jsOptions_Init(&o);
	o.Wait = (deadline - clock_mono_us()) / 1000;
	o.Stream.Purge.Subject = subject;
	if (upto < INT64_MAX)
		o.Stream.Purge.Sequence = upto + 1;
	natsStatus s = n->lib.js_PurgeStream(n->js, stream, &o, &code);
	return nats_felt(n, stream, nats_error(s, (int)code), deadline);
}

struct seqs {
	uint64_t upto, seq[CENTER_BATCH_MAX];
	size_t n;
};

static bool gather_one(void *ctx, const struct nats_seen *v)
{
	struct seqs *s = ctx;

	if (v->seq > s->upto)
		return false;
	s->seq[s->n++] = v->seq;
	return s->n < CENTER_BATCH_MAX;
}

/* An error that was answered is of one that is gone already. */
static enum err delete_these(struct nats *n, const char *stream,
			     const struct seqs *s, int64_t deadline)
{
	struct nats_put *p = xzalloc((s->n + 1) * sizeof *p);
	char(*text)[64] = xzalloc((s->n + 1) * sizeof *text);

	for (size_t i = 0; i < s->n; i++) {
		snprintf(text[i], sizeof text[i],
			 "{\"seq\":%llu,\"no_erase\":true}",
			 (unsigned long long)s->seq[i]);
		snprintf(p[i].subject, sizeof p[i].subject,
			 "$JS.API.STREAM.MSG.DELETE.%s", stream);
		p[i].data = (struct bytes){(uint8_t *)text[i], strlen(text[i])};
	}
	enum err err = nats_put(n, p, s->n, deadline);
	for (size_t i = 0; i < s->n && !err; i++)
		err = p[i].there ? OK : ERR_CLOSED;
	free(text);
	free(p);
	return err;
}

/* Where a stream has replicas servers before 2.9.18 that come up make a purge
 * of one box, read in their journal, one of all boxes of the stream. */
static enum err delete_singly(struct nats *n, const char *stream,
			      const char *subject, uint64_t upto)
{
	int64_t deadline = nats_deadline();
	struct seqs s = {.upto = upto};
	enum err err;

	do {
		s.n = 0;
		err = nats_pull(n, stream, subject, 0, CENTER_BATCH_MAX, true,
				gather_one, &s, deadline);
		if (!err)
			err = delete_these(n, stream, &s, deadline);
	} while (!err && s.n == CENTER_BATCH_MAX);
	return err;
}

enum err nats_mbox_trim(struct center_backend *b, const struct uuid *box,
			uint64_t upto)
{
	struct nats *n = nats_of(b);
	char stream[NAME], subject[SUBJECT];

	box_of(n, box, stream, subject);
	return n->singly ? delete_singly(n, stream, subject, upto)
			 : purge(n, stream, subject, upto);
}
