#include "src/core_post.h"
#include <stdio.h>
#include <stdlib.h>

/* Letters: what waits for somebody who is not there goes, sealed to a prekey
 * that he handed over when we last met, to the center he named then; it comes
 * out of there when he logs in, and his own ACK comes back by either way. The
 * outbox keeps the message until then: a letter is a second way, never the
 * only one. What is kept of this in the store: our prekeys, and of each
 * contact his bundle and his center ("bundle/ID", "center/ID"). */
enum {
	PREKEY_LIFE_MS = 7 * 24 * 3600 * 1000, /* then a new one is made */
	PREKEY_KEPT_DAYS = 37,     /* letters to it may still be on their way */
	PREKEY_BYTES = 4 + 8 + 32, /* id, made_ms, secret */
	LATER_S = 3,   /* then a center is asked again, up to twice that */
	ANSWER_S = 60, /* a center has so long to answer for a letter */
	GARBAGE_S = 60,
	AGAIN_MS = 24 * 3600 * 1000, /* a letter, without an ACK */
};

/* ---- our prekeys ---- */

static void put32(uint8_t *p, uint64_t v, int n)
{
	for (int i = 0; i < n; i++)
		p[i] = (uint8_t)(v >> (8 * (n - 1 - i)));
}

static uint64_t get(const uint8_t *p, int n)
{
	uint64_t v = 0;

	for (int i = 0; i < n; i++)
		v = v << 8 | p[i];
	return v;
}

static void prekeys_save(struct core *c)
{
	uint8_t all[PREKEYS_MAX * PREKEY_BYTES];
	struct post *t = c->post;

	for (size_t i = 0; i < t->n_own; i++) {
		uint8_t *p = all + i * PREKEY_BYTES;
		put32(p, t->own[i].p.id, 4);
		put32(p + 4, (uint64_t)t->own[i].made_ms, 8);
		memcpy(p + 12, t->own[i].p.pair.secret, 32);
	}
	store_meta(c->store, "prekeys",
		   (struct bytes){all, t->n_own * PREKEY_BYTES});
}

static struct own_prekey prekey_of(uint32_t id, int64_t made_ms,
				   const uint8_t *secret)
{
	struct own_prekey k = {.p = {.id = id}, .made_ms = made_ms};

	noise_pair_of(&k.p.pair, secret);
	/* whoever seals to it later than this would not be read */
	k.p.not_after = (uint64_t)(made_ms / 1000) + 2 * 7 * 24 * 3600;
	return k;
}

static void prekeys_load(struct core *c)
{
	struct post *t = c->post;
	struct bytes all;

	if (!store_meta_get(c->store, "prekeys", &all))
		return;
	for (size_t i = 0; i < PREKEYS_MAX && (i + 1) * PREKEY_BYTES <= all.n;
	     i++) {
		const uint8_t *p = all.p + i * PREKEY_BYTES;
		t->own[t->n_own++] = prekey_of((uint32_t)get(p, 4),
					       (int64_t)get(p + 4, 8), p + 12);
	}
}

/* Old ones are forgotten, and with them what was sealed to them. */
static void prekeys_turn(struct core *c, const struct now *now)
{
	struct post *t = c->post;
	int64_t ms = now->wall_us / MS_US;
	size_t old = 0;
	uint8_t secret[32];

	if (t->n_own && ms - t->own[t->n_own - 1].made_ms < PREKEY_LIFE_MS)
		return;
	while (old < t->n_own &&
	       (t->n_own - old >= PREKEYS_MAX ||
		ms - t->own[old].made_ms > PREKEY_KEPT_DAYS * DAY_MS))
		old++;
	memmove(t->own, t->own + old, (t->n_own - old) * sizeof(*t->own));
	t->n_own -= old;
	rng_fill(now->rng, secret, sizeof(secret));
	uint32_t id = t->n_own ? t->own[t->n_own - 1].p.id + 1 : 1;
	t->own[t->n_own] = prekey_of(id, ms, secret);
	t->n_own++;
	prekeys_save(c);
	t->own[t->n_own - 1].after = store_ticket(c->store);
}

/* The newest that would survive a crash; NULL: none yet. */
static const struct own_prekey *prekey_now(const struct core *c)
{
	const struct post *t = c->post;

	for (size_t i = t->n_own; i-- > 0;)
		if (t->own[i].after <= effects_durable(c->fx))
			return &t->own[i];
	return NULL;
}

static const struct own_prekey *prekey_find(const struct post *t, uint32_t id)
{
	for (size_t i = 0; i < t->n_own; i++)
		if (t->own[i].p.id == id)
			return &t->own[i];
	return NULL;
}

/* ---- hello ---- */

static void meta_key(char out[static 64], const char *what, const struct who *w)
{
	snprintf(out, 64, "%s/%s", what, w->id);
}

bool post_noted(const struct core *c, const struct who *w, const char *what,
		struct bytes *out)
{
	char key[64];

	meta_key(key, what, w);
	return store_meta_get(c->store, key, out) && out->n;
}

void post_note(struct core *c, const struct who *w, const char *what,
	       struct bytes said)
{
	char key[64];
	struct bytes had;

	meta_key(key, what, w);
	if (!said.n || (store_meta_get(c->store, key, &had) &&
			had.n == said.n && !memcmp(had.p, said.p, had.n)))
		return;
	store_meta(c->store, key, said);
}

/* "@host:port,host:port", of its nodes, behind the key. */
static void center_places(const struct who *w, char center[static POST_CENTER])
{
	char at[IDENT_TEXT];
	size_t n = 64;

	for (unsigned i = 0; i < w->n_places && i < POST_PLACES; i++) {
		const struct address_row *a = &w->place[i];
		if (!ident_text(at, a->host, a->port) ||
		    n + strlen(at) >= POST_CENTER)
			continue;
		/* at[0] is the mark of an ident */
		n += (size_t)snprintf(center + n, POST_CENTER - n, "%c%s",
				      n == 64 ? '@' : ',', at + 1);
	}
}

void post_center_text(const struct core *c, char out[static POST_CENTER])
{
	const struct who *w = who_find(c, c->post->center);

	out[0] = '\0';
	if (!w || !c->post->in || pubkey_none(&w->row.shown.key) ||
	    !w->n_places)
		return;
	for (size_t i = 0; i < 32; i++)
		snprintf(out + 2 * i, 3, "%02x", w->row.shown.key.b[i]);
	center_places(w, out);
}

void post_hello(struct core *c, const struct now *now,
		uint8_t bundle[static POST_BUNDLE],
		char center[static POST_CENTER], struct packet *p)
{
	prekeys_turn(c, now);
	const struct own_prekey *k = prekey_now(c);
	if (k) {
		bundle_make(bundle, c->post->keys, &k->p);
		p->prekey = (struct bytes){bundle, BUNDLE};
	}
	post_center_text(c, center);
	p->center = view(center);
}

void post_prekey(struct core *c, const struct now *now, const struct conn *n)
{
	uint8_t bundle[BUNDLE];

	prekeys_turn(c, now);
	const struct own_prekey *k = prekey_now(c);
	if (!k)
		return;
	bundle_make(bundle, c->post->keys, &k->p);
	post_say(
	    c, n, 0,
	    &(struct packet){.verb = CENTER_PREKEY, .blob = {bundle, BUNDLE}});
}

/* Soft: lost, he says it again. */
void post_heard(struct core *c, struct who *w, const struct packet *hello)
{
	if (c->disk || w->row.shown.id <= 0 || w->row.shown.changed)
		return;
	if (hello->prekey.n == BUNDLE)
		post_note(c, w, "bundle", hello->prekey);
	post_note(c, w, "center", hello->center);
}

/* ---- his center ---- */

static int nibble(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool post_key(struct bytes hex, struct pubkey *key)
{
	for (size_t i = 0; i < 32 && hex.n >= 64; i++) {
		int a = nibble(hex.p[2 * i]), b = nibble(hex.p[2 * i + 1]);
		if (a < 0 || b < 0)
			return false;
		key->b[i] = (uint8_t)(a << 4 | b);
	}
	return hex.n >= 64;
}

/* "<64 hex>@host:port,host:port": how many places of it can be used. */
static size_t center_read(struct bytes s, struct pubkey *key,
			  struct typed at[static POST_PLACES])
{
	char text[POST_CENTER], *rest = text;
	size_t n = 0;

	if (s.n < 66 || s.n >= sizeof(text) || s.p[64] != '@' ||
	    !post_key(s, key))
		return 0;
	memcpy(text, s.p + 65, s.n - 65);
	text[s.n - 65] = '\0';
	for (char *one; n < POST_PLACES && (one = strsep(&rest, ","));)
		n +=
		    typed_parse(one, &at[n]) && at[n].dialect == &dialect_sotto;
	return n;
}

/* A contact that is nobody's but ours: it is not shown, and dialled only when
 * there is an errand. */
static struct who *center_make(struct core *c, const struct now *now,
			       const struct pubkey *key, const struct typed *at,
			       size_t n)
{
	struct contact_row row = {
	    .shown = {.key = *key, .trust = TRUST_PINNED, .via = VIA_PEER},
	    .hidden = true};
	struct who *w = who_by_key(c, key);

	if (memcmp(key, &c->self, sizeof(*key)) == 0)
		return NULL;
	if (!w) {
		w = who_new(c, now, &row);
		w->post = true;
	}
	for (size_t i = 0; i < n; i++)
		place_add(c, w, at[i].host, at[i].port, VIA_PEER, 0);
	return w;
}

/* The center to which letters for w go; NULL: he named none. */
static struct who *center_of(struct core *c, const struct now *now,
			     const struct who *w)
{
	struct typed at[POST_PLACES];
	struct pubkey center;
	struct bytes s;

	if (!post_noted(c, w, "center", &s))
		return NULL;
	size_t n = center_read(s, &center, at);
	return n ? center_make(c, now, &center, at, n) : NULL;
}

bool post_ready(const struct who *center)
{
	return center && center->conn && center->conn->heard;
}

/* ---- letters that go ---- */

static bool bundle_of(struct core *c, const struct now *now,
		      const struct who *w, struct bundle *out)
{
	struct bytes s;

	return post_noted(c, w, "bundle", &s) &&
	       !bundle_read(s, &w->row.shown.key,
			    (uint64_t)(now->wall_us / 1000000), out);
}

/* A center that never answers does not keep letters from the others. */
static struct sent_letter *letter_slot(struct post *t, const struct now *now)
{
	struct sent_letter *old = &t->sent[0];

	for (size_t i = 0; i < LETTERS_OPEN; i++) {
		if (!t->sent[i].ref)
			return &t->sent[i];
		if (t->sent[i].sent_us < old->sent_us)
			old = &t->sent[i];
	}
	return now->mono_us - old->sent_us > ANSWER_S * SECOND_US ? old : NULL;
}

/* The same words to the same prekey are the same letter, so that a copy is
 * known for one by whoever keeps it; nobody else can tell what it will be. */
static void letter_once(uint8_t out[static 32], const struct keys *keys,
			const struct bundle *to, const struct buf *text)
{
	/* the secret is used for something else here, and says so */
	static const uint8_t use[32] = "sotto/1-ephemeral-of-a-letter";
	uint8_t all[160];

	memcpy(all, use, 32);
	memcpy(all + 32, keys->noise.secret, 32);
	memcpy(all + 64, to->who.b, 32);
	memcpy(all + 96, to->prekey, 32);
	digest(all + 128, (struct bytes){text->p, text->n});
	digest(out, (struct bytes){all, sizeof(all)});
	secret_wipe(all, sizeof(all));
}

/* What p says, in a letter, to the center's link. False: it could not go. */
static bool letter_send(struct core *c, const struct now *now,
			struct who *center, const struct who *w,
			const struct packet *p, ticket after)
{
	struct sent_letter *slot = letter_slot(c->post, now);
	struct buf text = {0}, letter = {0};
	struct packet store = {.kind = PKT_CENTER,
			       .verb = CENTER_STORE,
			       .n_words = 2,
			       .word = {view(w->id), view("2592000")}};
	struct bundle to;
	uint8_t once[32];
	bool good;

	if (!slot || !bundle_of(c, now, w, &to))
		return false;
	good = !dialect_sotto.encode(p, &text);
	letter_once(once, c->post->keys, &to, &text);
	good = good && !letter_seal(c->post->keys, &to, once,
				    (struct bytes){text.p, text.n}, &letter);
	store.blob = (struct bytes){letter.p, letter.n};
	store.ref = ++c->post->ref;
	good = good && !dialect_check(&dialect_sotto, &store);
	if (good) {
		effects_put(c->fx, &(struct effect){.kind = FX_SEND,
						    .after = after,
						    .link = center->conn->id,
						    .packet = &store});
		*slot = (struct sent_letter){.ref = store.ref,
					     .link = center->conn->id,
					     .sent_us = now->mono_us};
		if (p->kind == PKT_HELLO)
			slot->hello = w->row.shown.id;
		if (p->kind == PKT_MESSAGE || p->kind == PKT_REPLY)
			slot->id = p->id;
	}
	buf_free(&text);
	buf_free(&letter);
	return good;
}

static bool on_its_way(const struct post *t, const struct now *now,
		       struct uuid id)
{
	for (size_t i = 0; i < LETTERS_OPEN; i++)
		if (t->sent[i].ref &&
		    now->mono_us - t->sent[i].sent_us < ANSWER_S * SECOND_US &&
		    !memcmp(&t->sent[i].id, &id, sizeof(id)))
			return true;
	return false;
}

/* It did not get there: who we are is said again with the next letter. */
static void hello_lost(const struct core *c, const struct sent_letter *s)
{
	struct who *w = s->hello ? who_find(c, s->hello) : NULL;

	if (w)
		w->greeted = false;
}

static void again_in(struct core *c, const struct now *now, int64_t us)
{
	if (!c->post->later.pos)
		timer_set(&c->heap, &c->post->later, now->mono_us + us);
}

/* Who we are, and where letters to us go: whoever we write to in this way may
 * never have met us. */
static bool hello_letter(struct core *c, const struct now *now,
			 struct who *center, const struct who *w)
{
	uint8_t bundle[POST_BUNDLE];
	char at[POST_CENTER];
	struct packet p = {.kind = PKT_HELLO,
			   .from = c->at,
			   .stamp = view(stamp_now(c, now)),
			   .sent_us = now->wall_us,
			   .peer = view(c->id),
			   .instance = c->instance,
			   .nick = view(c->nick),
			   .listen_port = c->at.port,
			   .version = view("sotto/1")};

	post_hello(c, now, bundle, at, &p);
	return letter_send(c, now, center, w, &p, 0);
}

/* A center has it, and should not have lost it: it goes there again when no
 * answer came in a day. */
static bool stored_lately(const struct now *now, const struct row *r)
{
	int64_t wall_ms = now->wall_us / MS_US;

	if (r->m->delivery != D_STORED)
		return false;
	return r->letter_us ? now->mono_us - r->letter_us < AGAIN_MS * MS_US
			    : wall_ms - r->m->sent_ms < AGAIN_MS;
}

/* False: there is no room for more of them. */
static bool letters_to(struct core *c, const struct now *now,
		       struct who *center, const struct who *w)
{
	for (struct row *r = w->first; r; r = r->next) {
		struct packet p;
		if (stored_lately(now, r) || r->m->held ||
		    on_its_way(c->post, now, r->m->id))
			continue;
		outbox_packet(c, r, &p);
		if (!letter_send(c, now, center, w, &p, r->after))
			return false;
		r->letter_us = now->mono_us;
	}
	return true;
}

void post_away(struct core *c, const struct now *now, struct who *w)
{
	struct who *center;
	struct bundle to;

	if (c->disk || w->plain || w->conn ||
	    (relay_busy(c, w) && w->row.seen_ms) || w->row.shown.id <= 0 ||
	    w->row.shown.changed || w->row.shown.blocked ||
	    pubkey_none(&w->row.shown.key) || !bundle_of(c, now, w, &to))
		return;
	center = center_of(c, now, w);
	if (!center || center == w)
		return;
	if (!post_ready(center)) {
		center->errand = true;
		dial_soon(c, now, center);
		return;
	}
	if (w->more)
		outbox_load(c, now, w);
	if (!w->greeted && w->first)
		w->greeted = hello_letter(c, now, center, w);
	do {
		if (!letters_to(c, now, center, w)) {
			again_in(c, now, ANSWER_S * SECOND_US);
			return;
		}
	} while (outbox_pass(c, now, w));
}

void post_letters_go(struct core *c, const struct now *now)
{
	for (size_t i = 0; i < c->n_list; i++)
		if (c->list[i]->row.shown.waiting)
			post_away(c, now, c->list[i]);
}

/* A center that cannot do it now says so by its second word. */
bool post_later(struct core *c, const struct now *now, const struct packet *p)
{
	static const char word[] = "later";

	if (p->verb != CENTER_FAIL || p->n_words < 2 ||
	    p->word[1].n != sizeof(word) - 1 ||
	    memcmp(p->word[1].p, word, sizeof(word) - 1) != 0)
		return false;
	again_in(c, now,
		 LATER_S * SECOND_US + jitter(now, LATER_S * SECOND_US));
	return true;
}

void post_stored(struct core *c, const struct now *now, const struct conn *n,
		 const struct packet *p)
{
	bool good = p->verb == CENTER_OKAY;
	uint64_t ref = p->ref;
	struct post *t = c->post;

	for (size_t i = 0; i < LETTERS_OPEN; i++) {
		if (t->sent[i].ref != ref || t->sent[i].link != n->id)
			continue; /* anybody may guess a number */
		struct row *r = outbox_find(c, t->sent[i].id);
		t->sent[i].ref = 0;
		if (!good)
			hello_lost(c, &t->sent[i]);
		if (post_later(c, now, p))
			return;
		if (!good || !r || r->m->delivery == D_STORED || c->disk)
			return;
		r->m->delivery = D_STORED;
		store_update(c->store, r->m);
		tell_status(c, hard(c), r->m);
		post_away(c, now, r->who);
		if (letter_slot(t, now)) /* others may have waited for it */
			post_letters_go(c, now);
		return;
	}
}

/* ---- letters that come ---- */

/* His center cannot be reached just now. What is forgotten here is asked for
 * again by a copy of the letter. */
static void owe(struct core *c, const struct now *now, struct who *center,
		const struct who *w, const struct packet *of, ticket after)
{
	struct post *t = c->post;
	struct owed o = {.to = w->row.shown.id,
			 .id = of->id,
			 .sent_us = of->sent_us,
			 .after = after};

	if (t->n_owed == OWED_MAX)
		memmove(t->owed, t->owed + 1, --t->n_owed * sizeof(t->owed[0]));
	stamp_copy(o.stamp, of->stamp);
	t->owed[t->n_owed++] = o;
	center->errand = true;
	if (!center->conn)
		dial_soon(c, now, center);
}

static void ack_letter(struct core *c, const struct now *now, struct who *w,
		       const struct packet *of, ticket after)
{
	struct packet p = {.kind = PKT_ACK,
			   .from = c->at,
			   .id = of->id,
			   .stamp = view(stamp_now(c, now)),
			   .sent_us = now->wall_us,
			   .orig_stamp = of->stamp,
			   .orig_us = of->sent_us,
			   .verdict = V_SUCCESS};
	struct who *center;

	if (w->conn && w->conn->heard) {
		effects_put(c->fx, &(struct effect){.kind = FX_SEND,
						    .after = after,
						    .link = w->conn->id,
						    .packet = &p});
		return;
	}
	/* without a way back he asks himself, when we meet */
	center = center_of(c, now, w);
	if (!center)
		return;
	if (!post_ready(center) || !letter_send(c, now, center, w, &p, after))
		owe(c, now, center, w, of, after);
}

/* Of the centers that ACKs wait for, one is there. */
static void owed_go(struct core *c, const struct now *now)
{
	struct post *t = c->post;
	size_t n = t->n_owed;

	t->n_owed = 0;
	for (size_t i = 0; i < n; i++) {
		struct owed o = t->owed[i];
		struct who *w = who_find(c, o.to);
		if (w)
			ack_letter(c, now, w,
				   &(struct packet){.id = o.id,
						    .stamp = view(o.stamp),
						    .sent_us = o.sent_us},
				   o.after);
	}
}

/* A letter may be old: a bundle that ends later than this one stays. */
static void greeted(struct core *c, const struct now *now, struct who *w,
		    const struct packet *p)
{
	struct bundle said, had;
	uint64_t s = (uint64_t)(now->wall_us / SECOND_US);

	if (w->row.shown.blocked || w->conn ||
	    bundle_read(p->prekey, &w->row.shown.key, s, &said) ||
	    (bundle_of(c, now, w, &had) && had.not_after > said.not_after))
		return;
	nick_said(c, w, p->nick);
	post_heard(c, w, p);
}

static bool text_opened(struct core *c, const struct now *now, struct who *w,
			const struct packet *p, ticket *after)
{
	enum err err = letter_arrived(c, now, w, p, after);
	bool have = !err || err == ERR_EXISTS;

	if (have)
		ack_letter(c, now, w, p, *after);
	return have || err == ERR_LIMIT || err == ERR_STATE;
}

/* What is in a letter is what would have come on a link. False: it could not
 * be kept. */
static bool opened(struct core *c, const struct now *now, struct who *w,
		   const struct packet *p, ticket *after)
{
	struct conn way = {.who = w, .heard = true};

	if (p->kind == PKT_MESSAGE || p->kind == PKT_REPLY)
		return text_opened(c, now, w, p, after);
	if (p->kind == PKT_ACK && p->verdict == V_SUCCESS)
		outbox_answer(c, now, &way, p);
	else if (p->kind == PKT_HELLO && p->peer.n == 32 &&
		 memcmp(p->peer.p, w->id, 32) == 0)
		greeted(c, now, w, p);
	return true;
}

/* A center could push as many as it likes. */
static void say_garbage(struct core *c, const struct now *now)
{
	struct post *t = c->post;

	if (t->garbage_us &&
	    now->mono_us - t->garbage_us < GARBAGE_S * SECOND_US)
		return;
	t->garbage_us = now->mono_us;
	tell_notice(c, LEVEL_WARN,
		    "a letter that cannot be read was thrown away");
}

/* *after: the ticket after which it need not be kept any more. False: it could
 * not be kept here. */
static bool letter_take(struct core *c, const struct now *now,
			struct bytes letter, ticket *after)
{
	const struct own_prekey *k;
	struct buf text = {0};
	struct packet p;
	struct pubkey from;
	struct who *w;
	bool kept = true;
	uint32_t id;

	if (letter_prekey(letter, &id) || !(k = prekey_find(c->post, id)) ||
	    letter_open(c->post->keys, &k->p, letter, &from, &text)) {
		say_garbage(c, now);
		buf_free(&text);
		return true;
	}
	struct arena a = {.p = xmalloc(2 * PACKET_MAX), .cap = 2 * PACKET_MAX};
	w = key_owner(c, now, &from);
	if (w && !dialect_sotto.decode((struct bytes){text.p, text.n}, &a, &p))
		kept = opened(c, now, w, &p, after);
	free(a.p);
	buf_free(&text);
	return kept;
}

void post_say(struct core *c, const struct conn *n, ticket after,
	      struct packet *p)
{
	p->kind = PKT_CENTER;
	effects_put(c->fx, &(struct effect){.kind = FX_SEND,
					    .after = after,
					    .link = n->id,
					    .packet = p});
}

/* What came twice is recognised; what the center lost count of comes. TRIM is
 * about all letters up to this one: it waits for each of them. */
void post_mail(struct core *c, const struct now *now, struct conn *n,
	       const struct packet *p)
{
	struct post *t = c->post;
	ticket after = 0;

	if (!p->blob.n || !p->seq)
		return; /* all came */
	if (t->behind || c->disk || !letter_take(c, now, p->blob, &after)) {
		t->behind = true; /* it comes again, by another link */
		return;
	}
	if (after > t->trim_after)
		t->trim_after = after;
	post_say(c, n, t->trim_after,
		 &(struct packet){.verb = CENTER_TRIM, .seq = p->seq});
}

/* What came while nothing could be kept is given out to a new link only. */
void post_disk_again(struct core *c, const struct now *now)
{
	struct conn *n = conn_find(c, c->post->link);

	if (c->post->behind && n && n->who)
		conn_close(c, now, n);
}

/* ---- links, start ---- */

void post_timer(struct core *c, const struct now *now)
{
	login_again(c, now);
	post_letters_go(c, now);
}

void post_up(struct core *c, const struct now *now, struct conn *n)
{
	login_up(c, now, n);
	if (!n->who->errand)
		return;
	n->who->errand = false;
	owed_go(c, now);
	post_letters_go(c, now);
}

void post_down(struct core *c, const struct now *now, const struct conn *n)
{
	struct post *t = c->post;

	for (size_t i = 0; i < LETTERS_OPEN; i++)
		if (t->sent[i].ref && t->sent[i].link == n->id) {
			t->sent[i].ref = 0;
			hello_lost(c, &t->sent[i]);
		}
	login_down(c, now, n);
}

void post_start(struct core *c, const struct now *now)
{
	prekeys_load(c);
	prekeys_turn(c, now);
	login_load(c, now);
}

struct post *post_new(const struct keys *keys)
{
	struct post *t = xzalloc(sizeof(*t));

	t->keys = keys;
	t->later = (struct timer){.kind = TIMER_POST, .owner = t};
	t->patience = (struct timer){.kind = TIMER_CENTER, .owner = t};
	return t;
}

void post_free(struct post *t)
{
	if (!t)
		return;
	login_free(t);
	secret_wipe(t->own, sizeof(t->own));
	free(t);
}
