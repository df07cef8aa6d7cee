/* Document 002's center: three members, and frames that anybody may send it in
 * any order, while what it brings them arrives, or not. Two bytes begin each
 * step: what happens, and to whom or how long the frame is that follows. What
 * it says can be said, and it forgets nothing it holds. */
#include "src/booth_impl.h"
#include "src/clock.h"
#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LETTERS = 64, FLIGHTS = 64, LINKS = 16, MEMBERS = 3 };

static const char *const names[MEMBERS] = {"a", "b", "c"};

/* ---- a backend in memory ---- */

struct store {
	struct center_backend base; /* first: they are one pointer */
	const struct center_watch *watch;
	struct center_acct acct[MEMBERS];
	bool here[MEMBERS], told[MEMBERS];
	struct {
		struct uuid box;
		struct buf blob;
		uint64_t seq;
	} letter[LETTERS];
	size_t n_letters;
	uint64_t seq;
	struct buf note[LETTERS];
	size_t n_notes;
};

static struct store *of(struct center_backend *b)
{
	return (struct store *)(void *)b;
}

static int which(const char *user)
{
	for (int i = 0; i < MEMBERS; i++)
		if (!strcmp(names[i], user))
			return i;
	return -1;
}

static enum err acct_get(struct center_backend *b, const char *user,
			 struct center_acct *out, uint64_t *rev)
{
	*rev = 1;
	assert(center_name_ok(user));
	if (which(user) < 0)
		return ERR_ABSENT;
	*out = of(b)->acct[which(user)];
	return OK;
}

static enum err acct_put(struct center_backend *b, const char *user,
			 const struct center_acct *acct, uint64_t expect,
			 uint64_t *rev)
{
	(void)expect, (void)rev;
	assert(which(user) >= 0 && acct->n_blocked <= CENTER_BLOCKS_MAX);
	of(b)->acct[which(user)] = *acct;
	return OK;
}

static enum err claim(struct center_backend *b, const char *user,
		      const struct uuid *token, const char *node,
		      int64_t now_ms, char old_node[CENTER_NODE_MAX + 1])
{
	(void)token, (void)node, (void)now_ms;
	*old_node = 0;
	of(b)->here[which(user)] = true;
	return OK;
}

static enum err refresh(struct center_backend *b, const char *user,
			const struct uuid *token, int64_t now_ms)
{
	(void)token, (void)now_ms;
	return of(b)->here[which(user)] ? OK : ERR_ABSENT;
}

static enum err drop(struct center_backend *b, const char *user,
		     const struct uuid *token)
{
	(void)token;
	of(b)->here[which(user)] = false;
	return OK;
}

static enum err append(struct center_backend *b, struct center_mail *m,
		       size_t n, int64_t now_ms)
{
	struct store *s = of(b);

	(void)now_ms;
	assert(n <= CENTER_BATCH_MAX);
	for (size_t i = 0; i < n; i++) {
		assert(m[i].blob.n && m[i].blob.n < 4096);
		m[i].err = s->n_letters == LETTERS ? ERR_FULL : OK;
		if (m[i].err)
			continue;
		s->letter[s->n_letters].box = m[i].box;
		s->letter[s->n_letters].seq = ++s->seq;
		buf_put(&s->letter[s->n_letters++].blob, m[i].blob);
	}
	return OK;
}

static enum err mbox_read(struct center_backend *b, const struct uuid *box,
			  uint64_t after, size_t max, int64_t now_ms,
			  void (*each)(void *ctx, const struct center_mail *m),
			  void *ctx)
{
	struct store *s = of(b);

	(void)now_ms;
	for (size_t i = 0; i < s->n_letters && max; i++) {
		struct center_mail m = {.box = *box, .seq = s->letter[i].seq};

		if (m.seq <= after ||
		    memcmp(&s->letter[i].box, box, sizeof *box) != 0)
			continue;
		m.blob =
		    (struct bytes){s->letter[i].blob.p, s->letter[i].blob.n};
		each(ctx, &m);
		max--;
	}
	return OK;
}

static enum err trim(struct center_backend *b, const struct uuid *box,
		     uint64_t upto)
{
	struct store *s = of(b);
	size_t kept = 0;

	for (size_t i = 0; i < s->n_letters; i++) {
		if (s->letter[i].seq <= upto &&
		    !memcmp(&s->letter[i].box, box, sizeof *box))
			buf_free(&s->letter[i].blob);
		else
			s->letter[kept++] = s->letter[i];
	}
	s->n_letters = kept;
	return OK;
}

static enum err notify(struct center_backend *b, const char *node,
		       struct bytes note)
{
	struct store *s = of(b);

	(void)node;
	assert(note.n && note.n <= CENTER_NOTE_MAX);
	if (s->n_notes == LETTERS)
		return OK;
	s->note[s->n_notes] = (struct buf){0};
	buf_put(&s->note[s->n_notes++], note);
	return OK;
}

static enum err watch(struct center_backend *b, const char *node,
		      const struct center_watch *w)
{
	(void)node;
	of(b)->watch = w;
	return OK;
}

static enum err store_tick(struct center_backend *b, int64_t now_ms)
{
	struct store *s = of(b);

	(void)now_ms;
	for (size_t i = 0; i < s->n_notes; i++) {
		s->watch->note(s->watch->ctx,
			       (struct bytes){s->note[i].p, s->note[i].n});
		buf_free(&s->note[i]);
	}
	s->n_notes = 0;
	for (int i = 0; i < MEMBERS; i++)
		if (s->told[i] != s->here[i]) {
			s->told[i] = s->here[i];
			s->watch->presence(s->watch->ctx, names[i],
					   s->here[i] ? "one" : NULL);
		}
	return OK;
}

static const struct center_backend calls = {
    .acct_get = acct_get,
    .acct_put = acct_put,
    .session_claim = claim,
    .session_refresh = refresh,
    .session_drop = drop,
    .mbox_append = append,
    .mbox_read = mbox_read,
    .mbox_trim = trim,
    .notify = notify,
    .watch = watch,
    .tick = store_tick,
};

static void store_free(struct store *s)
{
	for (size_t i = 0; i < s->n_letters; i++)
		buf_free(&s->letter[i].blob);
	for (size_t i = 0; i < s->n_notes; i++)
		buf_free(&s->note[i]);
	free(s);
}

/* ---- the world ---- */

struct world {
	struct store *s;
	struct booth *b;
	struct effects *fx;
	struct rng rng;
	struct now now;
	link_id links;
	contact_id flight[FLIGHTS];
	size_t n_flights;
};

static void check(const struct packet *p)
{
	struct buf out = {0};

	assert(!dialect_check(&dialect_center, p) ||
	       p->verb == CENTER_LOGIN_OKAY);
	assert(!dialect_center.encode(p, &out) && out.n <= 1400);
	buf_free(&out);
}

static void obey(struct world *w)
{
	struct effects *fx = w->fx;
	struct effect e;

	w->fx = effects_new();
	booth_say_into(w->b, w->fx);
	while (effects_next(fx, 0, &e)) {
		if (e.packet)
			check(e.packet);
		if (e.kind == FX_DIAL && w->n_flights < FLIGHTS)
			w->flight[w->n_flights++] = e.contact;
		else if (e.kind == FX_DIAL)
			booth_missed(w->b, &w->now, e.contact);
	}
	effects_free(fx);
}

static void enter(struct world *w, int i)
{
	struct visitor v = {.at.ip = {[10] = 0xff, 0xff, 127, 0, 0, 1}};

	booth_now(w->b, &w->now);
	strcpy(v.user, names[i]);
	strcpy(v.token, "0123456789");
	(void)member_enter(w->b, &v, (uint16_t)(6067 + i));
}

static void frame(struct world *w, link_id link, struct bytes body)
{
	uint8_t head[4] = {0, 0, (uint8_t)(body.n >> 8), (uint8_t)body.n};
	struct buf b = {0};
	struct packet p;

	buf_put(&b, (struct bytes){head, 4});
	buf_put(&b, body);
	p.malformed =
	    dialect_center.decode((struct bytes){b.p, b.n}, NULL, &p) != OK;
	booth_packet(w->b, &w->now, link, &p);
	buf_free(&b);
}

static void land(struct world *w, size_t i, bool reached)
{
	contact_id flight;

	if (!w->n_flights)
		return;
	i %= w->n_flights;
	flight = w->flight[i];
	w->flight[i] = w->flight[--w->n_flights];
	if (reached)
		booth_reached(w->b, &w->now, ++w->links, flight);
	booth_missed(w->b, &w->now, flight);
}

/* How much of `in` it took. */
static size_t step(struct world *w, struct bytes in)
{
	static const struct addr from = {
	    .ip = {[10] = 0xff, 0xff, 127, 0, 0, 1}, .port = 40000};
	uint8_t what = in.p[0], n = in.p[1];
	size_t len = n < in.n - 2 ? n : in.n - 2;
	struct bytes body = {in.p + 2, len};

	switch (what % 8) {
	case 0: /* a connection with a frame */
	case 1:
	case 2:
		booth_up(w->b, &w->now, ++w->links, &from);
		frame(w, w->links, body);
		return 2 + len;
	case 3: /* one more frame on one that may be open */
		frame(w, w->links - what / 8 % LINKS, body);
		return 2 + len;
	case 4:
		booth_down(w->b, &w->now, w->links - n % LINKS);
		return 2;
	case 5:
		land(w, n, what & 8);
		return 2;
	case 6:
		w->now.mono_us += n * INT64_C(200000);
		w->now.wall_us += n * INT64_C(200000);
		booth_tick(w->b, &w->now);
		return 2;
	default:
		enter(w, n % MEMBERS);
		return 2;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world w = {.s = xzalloc(sizeof *w.s), .fx = effects_new()};
	struct bytes in = {data, size};

	w.s->base = calls;
	w.now = (struct now){.mono_us = 1, .wall_us = 1, .rng = &w.rng};
	w.links = LINKS;
	w.b = booth_new(&w.s->base, "one", w.fx);
	assert(w.b);
	for (int i = 0; i < MEMBERS; i++)
		enter(&w, i);
	booth_tick(w.b, &w.now);
	while (in.n >= 2) {
		size_t took = step(&w, in);

		in = (struct bytes){in.p + took, in.n - took};
		obey(&w);
		assert(w.b->n_members <= MEMBERS &&
		       w.b->n_flying <= FLYING_MAX);
		assert(w.b->n_visitors <= VISITORS_MAX);
	}
	booth_free(w.b);
	effects_free(w.fx);
	store_free(w.s);
	return 0;
}
