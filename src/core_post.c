#include "proto/letter.h"
#include "src/core_impl.h"
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
	PREKEY_KEPT_DAYS = 37, /* letters to it may still be on their way */
	PREKEYS_MAX = 8,
	PREKEY_BYTES = 4 + 8 + 32, /* id, made_ms, secret */
	QUESTIONS_OPEN = 16,
	LETTERS_OPEN = 64, /* on their way to a center */
	PLACES_TOLD = 6,   /* of a center's nodes */
	LATER_S = 3,       /* then a center is asked again, up to twice that */
};

struct own_prekey {
	struct prekey p;
	int64_t made_ms;
	ticket after; /* on the disk with this one */
};

/* A letter whose answer is still to come. */
struct sent_letter {
	uint64_t ref; /* 0: free */
	link_id link;
	struct uuid id; /* of the message in it; zero: an ACK */
};

struct post {
	const struct keys *keys;
	struct own_prekey own[PREKEYS_MAX]; /* the newest last */
	size_t n_own;
	char user[128]; /* our account, or "" */
	contact_id center;
	char *password; /* until the log-in, or NULL */
	bool in;        /* logged in there */
	link_id link;   /* by which, or where we ask for it; 0: none yet */
	uint64_t ref, cursor;
	struct timer later; /* the center was out of order */
	struct sent_letter sent[LETTERS_OPEN];
	client_id asked_by; /* CMD_LOGIN, or 0 */
	uint64_t asked_ref;
	uint64_t login_ref; /* what is not answered yet */
	struct question {
		uint64_t ref; /* 0: free */
		client_id client;
		uint64_t client_ref;
	} asked[QUESTIONS_OPEN];
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

/* "@host:port,host:port", of its nodes, behind the key. */
static void center_places(const struct who *w, char center[static POST_CENTER])
{
	char at[IDENT_TEXT];
	size_t n = 64;

	for (unsigned i = 0; i < w->n_places && i < PLACES_TOLD; i++) {
		const struct address_row *a = &w->place[i];
		if (!ident_text(at, a->host, a->port) ||
		    n + strlen(at) >= POST_CENTER)
			continue;
		/* at[0] is the mark of an ident */
		n += (size_t)snprintf(center + n, POST_CENTER - n, "%c%s",
				      n == 64 ? '@' : ',', at + 1);
	}
}

void post_hello(struct core *c, const struct now *now,
		uint8_t bundle[static POST_BUNDLE],
		char center[static POST_CENTER], struct packet *p)
{
	const struct who *w = who_find(c, c->post->center);

	prekeys_turn(c, now);
	const struct own_prekey *k = prekey_now(c);
	if (k) {
		bundle_make(bundle, c->post->keys, &k->p);
		p->prekey = (struct bytes){bundle, BUNDLE};
	}
	if (!w || !c->post->in || pubkey_none(&w->row.shown.key) ||
	    !w->n_places)
		return;
	for (size_t i = 0; i < 32; i++)
		snprintf(center + 2 * i, 3, "%02x", w->row.shown.key.b[i]);
	center_places(w, center);
	p->center = view(center);
}

/* Soft: lost, he says it again. */
static void note(struct core *c, const struct who *w, const char *what,
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

void post_heard(struct core *c, struct who *w, const struct packet *hello)
{
	if (c->disk || w->row.shown.id <= 0 || w->row.shown.changed)
		return;
	if (hello->prekey.n == BUNDLE)
		note(c, w, "bundle", hello->prekey);
	note(c, w, "center", hello->center);
}

/* ---- his center ---- */

static int nibble(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "<64 hex>@host:port,host:port": how many places of it can be used. */
static size_t center_read(struct bytes s, struct pubkey *key,
			  struct typed at[static PLACES_TOLD])
{
	char text[POST_CENTER], *rest = text;
	size_t n = 0;

	if (s.n < 66 || s.n >= sizeof(text) || s.p[64] != '@')
		return 0;
	for (size_t i = 0; i < 32; i++) {
		int a = nibble(s.p[2 * i]), b = nibble(s.p[2 * i + 1]);
		if (a < 0 || b < 0)
			return 0;
		key->b[i] = (uint8_t)(a << 4 | b);
	}
	memcpy(text, s.p + 65, s.n - 65);
	text[s.n - 65] = '\0';
	for (char *one; n < PLACES_TOLD && (one = strsep(&rest, ","));)
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
	char key[64];
	struct bytes s;
	struct pubkey center;
	struct typed at[PLACES_TOLD];
	size_t n;

	meta_key(key, "center", w);
	if (!store_meta_get(c->store, key, &s))
		return NULL;
	n = center_read(s, &center, at);
	return n ? center_make(c, now, &center, at, n) : NULL;
}

static bool ready(const struct who *center)
{
	return center && center->conn && center->conn->heard;
}

/* ---- letters that go ---- */

static bool bundle_of(struct core *c, const struct now *now,
		      const struct who *w, struct bundle *out)
{
	char key[64];
	struct bytes s;

	meta_key(key, "bundle", w);
	return store_meta_get(c->store, key, &s) &&
	       !bundle_read(s, &w->row.shown.key,
			    (uint64_t)(now->wall_us / 1000000), out);
}

static struct sent_letter *letter_slot(struct post *t)
{
	for (size_t i = 0; i < LETTERS_OPEN; i++)
		if (!t->sent[i].ref)
			return &t->sent[i];
	return NULL;
}

/* What p says, in a letter, to the center's link. False: it could not go. */
static bool letter_send(struct core *c, const struct now *now,
			struct who *center, const struct who *w,
			const struct packet *p, ticket after)
{
	struct sent_letter *slot = letter_slot(c->post);
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
	rng_fill(now->rng, once, sizeof(once));
	good = !dialect_sotto.encode(p, &text) &&
	       !letter_seal(c->post->keys, &to, once,
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
					     .link = center->conn->id};
		if (p->kind != PKT_ACK)
			slot->id = p->id;
	}
	buf_free(&text);
	buf_free(&letter);
	return good;
}

static bool on_its_way(const struct post *t, struct uuid id)
{
	for (size_t i = 0; i < LETTERS_OPEN; i++)
		if (t->sent[i].ref && !memcmp(&t->sent[i].id, &id, sizeof(id)))
			return true;
	return false;
}

void post_away(struct core *c, const struct now *now, struct who *w)
{
	struct who *center;
	struct bundle to;

	if (c->disk || w->plain || w->conn || relay_busy(c, w) ||
	    w->row.shown.id <= 0 || w->row.shown.changed ||
	    w->row.shown.blocked || pubkey_none(&w->row.shown.key) ||
	    !bundle_of(c, now, w, &to))
		return;
	center = center_of(c, now, w);
	if (!center || center == w)
		return;
	if (!ready(center)) {
		center->errand = true;
		dial_soon(c, now, center);
		return;
	}
	if (w->more)
		outbox_load(c, now, w);
	for (struct row *r = w->first; r; r = r->next) {
		struct packet p;
		if (r->m->delivery == D_STORED || r->m->held ||
		    on_its_way(c->post, r->m->id))
			continue;
		outbox_packet(c, r, &p);
		if (!letter_send(c, now, center, w, &p, r->after))
			return;
	}
}

static void letters_go(struct core *c, const struct now *now)
{
	for (size_t i = 0; i < c->n_list; i++)
		if (c->list[i]->row.shown.waiting)
			post_away(c, now, c->list[i]);
}

/* A center that cannot do it now says so by its second word. */
static bool later(struct core *c, const struct now *now, const struct packet *p)
{
	static const char word[] = "later";
	struct timer *t = &c->post->later;

	if (p->verb != CENTER_FAIL || p->n_words < 2 ||
	    p->word[1].n != sizeof(word) - 1 ||
	    memcmp(p->word[1].p, word, sizeof(word) - 1) != 0)
		return false;
	if (!t->pos)
		timer_set(&c->heap, t,
			  now->mono_us + LATER_S * SECOND_US +
			      jitter(now, LATER_S * SECOND_US));
	return true;
}

/* A center has it, or will not. */
static void stored(struct core *c, const struct now *now,
		   const struct packet *p)
{
	bool good = p->verb == CENTER_OKAY;
	uint64_t ref = p->ref;
	struct post *t = c->post;

	for (size_t i = 0; i < LETTERS_OPEN; i++) {
		if (t->sent[i].ref != ref)
			continue;
		struct row *r = outbox_find(c, t->sent[i].id);
		t->sent[i].ref = 0;
		if (later(c, now, p))
			return;
		if (!good || !r || r->m->delivery == D_STORED || c->disk)
			return;
		r->m->delivery = D_STORED;
		store_update(c->store, r->m);
		tell_status(c, hard(c), r->m);
		post_away(c, now, r->who);
		return;
	}
}

/* ---- letters that come ---- */

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
	if (ready(center))
		letter_send(c, now, center, w, &p, after);
}

/* What is in a letter is what would have come on a link. */
static ticket opened(struct core *c, const struct now *now, struct who *w,
		     const struct packet *p)
{
	struct conn way = {.who = w, .heard = true};
	ticket after = 0;

	if ((p->kind == PKT_MESSAGE || p->kind == PKT_REPLY) &&
	    letter_arrived(c, now, w, p, &after))
		ack_letter(c, now, w, p, after);
	else if (p->kind == PKT_ACK && p->verdict == V_SUCCESS)
		outbox_answer(c, now, &way, p);
	return after;
}

/* The ticket after which it need not be kept any more. */
static ticket letter_take(struct core *c, const struct now *now,
			  struct bytes letter)
{
	const struct own_prekey *k;
	struct buf text = {0};
	struct packet p;
	struct pubkey from;
	struct who *w;
	ticket after = 0;
	uint32_t id;

	if (letter_prekey(letter, &id) || !(k = prekey_find(c->post, id)) ||
	    letter_open(c->post->keys, &k->p, letter, &from, &text)) {
		tell_notice(c, LEVEL_WARN,
			    "a letter that cannot be read was thrown away");
		return 0;
	}
	struct arena a = {.p = xmalloc(2 * PACKET_MAX), .cap = 2 * PACKET_MAX};
	w = key_owner(c, now, &from);
	if (w && !dialect_sotto.decode((struct bytes){text.p, text.n}, &a, &p))
		after = opened(c, now, w, &p);
	free(a.p);
	buf_free(&text);
	return after;
}

static void center_say(struct core *c, const struct conn *n, ticket after,
		       struct packet *p)
{
	p->kind = PKT_CENTER;
	effects_put(c->fx, &(struct effect){.kind = FX_SEND,
					    .after = after,
					    .link = n->id,
					    .packet = p});
}

static void on_mail(struct core *c, const struct now *now, struct conn *n,
		    const struct packet *p)
{
	ticket after = 0;

	if (!p->blob.n || !p->seq || c->disk)
		return; /* all came; or it comes again */
	if (p->seq > c->post->cursor) {
		after = letter_take(c, now, p->blob);
		c->post->cursor = p->seq;
	}
	center_say(c, n, after,
		   &(struct packet){.verb = CENTER_TRIM, .seq = p->seq});
}

/* ---- log-in ---- */

static void answer(struct core *c, enum code code, const char *text)
{
	struct post *t = c->post;

	if (t->asked_by)
		command_result(c, t->asked_by, t->asked_ref, 0, code, text);
	t->asked_by = 0;
}

static void login_say(struct core *c, const struct conn *n)
{
	struct post *t = c->post;
	struct packet p = {.verb = CENTER_LIN,
			   .ref = t->login_ref = ++t->ref,
			   .n_words = t->password ? 2 : 1,
			   .word = {view(t->user), view(t->password)}};

	t->link = n->id;
	center_say(c, n, 0, &p);
}

static void login_forget(struct core *c)
{
	struct post *t = c->post;

	if (t->password)
		memset(t->password, 0, strlen(t->password));
	free(t->password);
	t->password = NULL;
}

/* The next start logs in by itself. */
static void login_save(struct core *c)
{
	const struct who *w = who_find(c, c->post->center);
	char text[300];

	if (w && c->post->in)
		snprintf(text, sizeof(text), "%.33s %.127s", w->id,
			 c->post->user);
	else
		text[0] = '\0';
	store_meta(c->store, "login", view(text));
}

/* Where else the center is: the next time any of these will do. */
static void nodes_heard(struct core *c, struct who *w, const struct packet *p)
{
	char text[IDENT_TEXT];
	struct typed at;

	for (size_t i = 0; i < p->n_words && i < PLACES_TOLD; i++) {
		if (!p->word[i].n || p->word[i].n >= sizeof(text))
			continue;
		memcpy(text, p->word[i].p, p->word[i].n);
		text[p->word[i].n] = '\0';
		if (typed_parse(text, &at) && at.dialect == &dialect_sotto)
			place_add(c, w, at.host, at.port, VIA_PEER, 0);
	}
}

static void logged_in(struct core *c, const struct now *now, struct conn *n)
{
	struct post *t = c->post;
	uint8_t bundle[BUNDLE];
	char text[200];

	t->in = true;
	login_forget(c);
	login_save(c);
	snprintf(text, sizeof(text), "Welcome, %.120s !", t->user);
	if (t->asked_by)
		answer(c, CODE_OK, text);
	else
		tell_notice(c, LEVEL_INFO, "%s", text);
	prekeys_turn(c, now);
	const struct own_prekey *k = prekey_now(c);
	if (k) {
		bundle_make(bundle, t->keys, &k->p);
		center_say(c, n, 0,
			   &(struct packet){.verb = CENTER_PREKEY,
					    .blob = {bundle, BUNDLE}});
	}
	/* all there is: it may not be the store it was. What we had comes
	 * again and is known by its id. */
	t->cursor = 0;
	center_say(c, n, 0, &(struct packet){.verb = CENTER_FETCH});
	/* who is there learns where letters to us go */
	for (size_t i = 0; i < c->n_conns; i++)
		if (c->conns[i]->who && c->conns[i] != n &&
		    c->conns[i]->heard && !who_stranger(c->conns[i]->who))
			say_hello(c, now, c->conns[i]);
	relay_logged_in(c, now);
	letters_go(c, now);
}

static unsigned number(struct bytes s)
{
	unsigned n = 0;

	for (size_t i = 0; i < s.n && i < 6 && s.p[i] >= '0' && s.p[i] <= '9';
	     i++)
		n = n * 10 + (s.p[i] - '0');
	return n;
}

static const char *name_of(const struct packet *p, char out[static 128])
{
	size_t n = p->n_words ? utf8_cut(p->word[0], 127) : 0;

	if (n)
		memcpy(out, p->word[0].p, n);
	out[n] = '\0';
	return out;
}

static void not_in(struct core *c, const struct now *now,
		   const struct packet *p)
{
	char text[160];
	unsigned n = p->n_words ? number(p->word[0]) : 0;
	bool password = c->post->password != NULL;
	char why[128];

	login_forget(c);
	if (!c->post->asked_by && later(c, now, p))
		return; /* by itself */
	if (p->verb == CENTER_LOGIN_FAILED)
		snprintf(text, sizeof(text),
			 "Incorrect username/password. %u more login "
			 "attempts.",
			 n);
	else if (p->verb == CENTER_FAIL && (password || p->n_words > 1))
		snprintf(text, sizeof(text), "the center refused: %.120s",
			 name_of(p, why));
	else if (p->verb == CENTER_FAIL)
		snprintf(text, sizeof(text), "%s",
			 "this center does not know us: log in with a "
			 "password");
	else
		snprintf(text, sizeof(text),
			 "Too many login attempts: wait %u seconds.", n);
	if (c->post->asked_by)
		answer(c, CODE_REFUSED, text);
	else
		tell_notice(c, LEVEL_WARN, "%s", text);
}

/* ---- what a center says ---- */

/* Words of document 002, where it has them. */
static void pushed(struct core *c, const struct packet *p)
{
	char name[128];

	name_of(p, name);
	switch ((int)p->verb) {
	case CENTER_ONLINE:
		tell_notice(c, LEVEL_INFO, "%s has logged on.", name);
		return;
	case CENTER_OFFLINE:
		tell_notice(c, LEVEL_INFO, "%s is offline.", name);
		return;
	case CENTER_TEXT:
		tell_notice(c, LEVEL_INFO, "%s to all: %.*s", name,
			    (int)utf8_cut(p->text, 300),
			    (const char *)p->text.p);
		return;
	case CENTER_WANTS:
		tell_notice(c, LEVEL_INFO,
			    "%s wants your address: /allow %s gives it", name,
			    name);
		return;
	case CENTER_ADR:
		tell_notice(c, LEVEL_INFO, "You can now privately message %s",
			    name);
		return;
	case CENTER_MOVED:
		c->post->in = false;
		tell_notice(c, LEVEL_WARN, "Logged on different location!");
		return;
	case CENTER_FAIL:
		c->post->in = false;
		tell_notice(c, LEVEL_WARN, "the center has logged us off: %s",
			    name);
		return;
	}
}

static struct question *question_of(struct post *t, uint64_t ref)
{
	for (size_t i = 0; i < QUESTIONS_OPEN; i++)
		if (t->asked[i].ref == ref)
			return &t->asked[i];
	return NULL;
}

static void question_done(struct core *c, struct question *q, enum code code,
			  const char *text)
{
	q->ref = 0;
	command_result(c, q->client, q->client_ref, 0, code, text);
}

/* An answer to what a front end asked. */
static void answered(struct core *c, struct question *q, const struct packet *p)
{
	char text[500];

	if (p->verb == CENTER_LIST) {
		snprintf(text, sizeof(text), "%.*s",
			 (int)utf8_cut(p->text, 480), (const char *)p->text.p);
		question_done(c, q, CODE_OK, text[0] ? text : "nobody");
		return;
	}
	name_of(p, text);
	if (p->verb == CENTER_OKAY)
		question_done(c, q, CODE_OK, text[0] ? text : NULL);
	else
		question_done(c, q, CODE_REFUSED,
			      text[0] ? text : "the center refused");
}

void post_packet(struct core *c, const struct now *now, struct conn *n,
		 const struct packet *p)
{
	struct post *t = c->post;
	bool ours = n->who && n->who->row.shown.id == t->center;
	bool here = ours && n->id == t->link;
	bool login = here && p->ref && p->ref == t->login_ref;
	struct question *q = ours && p->ref ? question_of(t, p->ref) : NULL;

	if (!n->who || !n->heard)
		return;
	if (login) {
		t->login_ref = 0;
		if (p->verb == CENTER_LOGIN_OKAY) {
			nodes_heard(c, n->who, p);
			logged_in(c, now, n);
		} else {
			not_in(c, now, p);
		}
	} else if (ours && p->verb == CENTER_MAIL) {
		on_mail(c, now, n, p);
	} else if (q) {
		answered(c, q, p);
	} else if (p->ref) {
		stored(c, now, p);
	} else if (here) {
		pushed(c, p);
	}
}

/* ---- links, start, commands ---- */

void post_timer(struct core *c, const struct now *now)
{
	struct post *t = c->post;
	struct who *w = who_find(c, t->center);

	if (t->user[0] && !t->in && !t->login_ref && !t->asked_by && ready(w))
		login_say(c, w->conn);
	letters_go(c, now);
}

void post_up(struct core *c, const struct now *now, struct conn *n)
{
	struct post *t = c->post;
	struct who *w = n->who;

	if (w->row.shown.id == t->center && t->user[0])
		login_say(c, n);
	if (!w->errand)
		return;
	w->errand = false;
	letters_go(c, now);
}

void post_down(struct core *c, const struct conn *n)
{
	struct post *t = c->post;

	for (size_t i = 0; i < LETTERS_OPEN; i++)
		if (t->sent[i].link == n->id)
			t->sent[i].ref = 0;
	/* of two links the one by which we are logged in counts, else the
	 * first; when it goes, the next one */
	if (!n->who || n->who->row.shown.id != t->center ||
	    (t->link ? n->id != t->link : n->who->conn != n))
		return;
	t->in = false;
	t->link = 0;
	t->login_ref = 0;
	for (size_t i = 0; i < QUESTIONS_OPEN; i++)
		if (t->asked[i].ref)
			question_done(c, &t->asked[i], CODE_UNREACHABLE,
				      "the center is not there any more");
	if (!n->next)
		answer(c, CODE_UNREACHABLE, "the center is not there any more");
}

/* A link of his that is ready goes on being the only one, perhaps. */
void post_adopt(struct core *c, const struct who *from, const struct who *to)
{
	struct post *t = c->post;

	if (!t->user[0] || t->center != from->row.shown.id)
		return;
	t->center = to->row.shown.id;
	if (ready(to))
		login_say(c, to->conn);
}

/* As "ID user" in the store: who logged in once is logged in again. */
static void login_load(struct core *c, struct bytes s)
{
	struct post *t = c->post;
	char id[33];

	if (s.n < 34 || s.n - 33 > sizeof(t->user))
		return;
	memcpy(id, s.p, 32);
	id[32] = '\0';
	struct who *w = who_by_id(c, id);
	if (!w)
		return;
	memcpy(t->user, s.p + 33, s.n - 33);
	t->user[s.n - 33] = '\0';
	t->center = w->row.shown.id;
	w->dial.keep = true;
}

void post_start(struct core *c, const struct now *now)
{
	struct bytes s;

	prekeys_load(c);
	prekeys_turn(c, now);
	if (store_meta_get(c->store, "login", &s))
		login_load(c, s);
}

struct post *post_new(const struct keys *keys)
{
	struct post *t = xzalloc(sizeof(*t));

	t->keys = keys;
	t->later = (struct timer){.kind = TIMER_POST, .owner = t};
	return t;
}

void post_free(struct post *t)
{
	if (!t)
		return;
	if (t->password)
		memset(t->password, 0, strlen(t->password));
	free(t->password);
	memset(t->own, 0, sizeof(t->own));
	free(t);
}

static void on_login(struct core *c, const struct now *now, client_id from,
		     const struct command *cmd)
{
	struct post *t = c->post;
	struct who *w = command_target(c, now, from, cmd, true);

	if (!w)
		return;
	if (!cmd->name || !*cmd->name || strlen(cmd->name) >= sizeof(t->user) ||
	    (cmd->text && strlen(cmd->text) > 512)) {
		command_result(c, from, cmd->ref, 0, CODE_USAGE,
			       "a user's name is 1 to 127 bytes");
		return;
	}
	answer(c, CODE_ERROR, "another log-in began");
	login_forget(c);
	snprintf(t->user, sizeof(t->user), "%s", cmd->name);
	t->password = cmd->text ? xstrndup(view(cmd->text)) : NULL;
	struct who *old = who_find(c, t->center);
	if (old && old != w)
		old->dial.keep = false;
	t->center = w->row.shown.id;
	t->in = false;
	t->link = 0;
	t->asked_by = from;
	t->asked_ref = cmd->ref;
	w->named = w->dial.keep = true;
	if (w->conn && w->conn->heard)
		login_say(c, w->conn);
	else
		dial_now(c, now, w);
}

static void on_logout(struct core *c, client_id from, const struct command *cmd)
{
	struct post *t = c->post;
	struct who *w = who_find(c, t->center);

	if (ready(w))
		center_say(c, w->conn, 0, &(struct packet){.verb = CENTER_OUT});
	if (w)
		w->dial.keep = false;
	t->in = false;
	t->user[0] = '\0';
	login_save(c);
	command_result(c, from, cmd->ref, 0, CODE_OK, NULL);
}

const struct conn *post_conn(const struct core *c)
{
	const struct who *w = who_find(c, c->post->center);

	return c->post->in && ready(w) ? w->conn : NULL;
}

void post_command(struct core *c, const struct now *now, client_id from,
		  const struct command *cmd)
{
	struct post *t = c->post;
	struct who *w = who_find(c, t->center);
	struct packet p = {.ref = ++t->ref};

	if (cmd->kind == CMD_LOGIN || cmd->kind == CMD_LOGOUT) {
		if (cmd->kind == CMD_LOGIN)
			on_login(c, now, from, cmd);
		else
			on_logout(c, from, cmd);
		return;
	}
	struct question *q = question_of(t, 0);
	if (!t->in || !ready(w) || !q) {
		command_result(c, from, cmd->ref, 0, CODE_REFUSED,
			       q ? "not logged in at a center"
				 : "too many questions at once");
		return;
	}
	p.word[0] = view(cmd->name ? cmd->name : cmd->to);
	p.n_words = p.word[0].n > 0;
	p.text = view(cmd->text);
	p.verb = cmd->kind == CMD_ONLINE       ? CENTER_ONL
		 : cmd->kind == CMD_BROADCAST  ? CENTER_BRD
		 : cmd->kind == CMD_GETADDRESS ? CENTER_GET
					       : CENTER_ALL;
	*q = (struct question){p.ref, from, cmd->ref};
	center_say(c, w->conn, 0, &p);
}
