#include "src/center.h"
#include "src/center_account.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	BUCKETS = 4096,
	PAGE = 64,            /* letters on their way to somebody */
	GATHER = 128,         /* letters kept in one go */
	LETTERS_MINUTE = 240, /* that a link may leave */
	BROADCAST_MS = 10000, /* between two of a user */
	CONSENT_MS = 300000,  /* a question is good for so long */
	ASKS_MAX = 256,
	NOTE_FIELDS = 4,
};

/* A link: a device, and the account it is logged in at, if it is. */
struct desk {
	link_id link;
	struct pubkey key;
	struct uuid box; /* its peer id */
	char id[33];
	struct addr at;
	char user[CENTER_NAME_MAX + 1]; /* "": not logged in */
	struct uuid token;
	uint64_t given, trimmed; /* letters: given out, known to be taken */
	bool reading, more;      /* it fetched; there are more than a page */
	int64_t refresh_ms, broadcast_ms, minute_ms;
	unsigned letters; /* in this minute */
	struct desk *next_link, *next_box;
};

/* Somebody was asked for his address. */
struct ask {
	char from[CENTER_NAME_MAX + 1], to[CENTER_NAME_MAX + 1];
	int64_t until_ms;
};

struct person {
	char user[CENTER_NAME_MAX + 1];
	bool here; /* at some node */
};

struct center {
	struct center_backend *b;
	struct center_terms terms;
	struct center_watch watch;
	struct effects *fx;
	struct desk *link[BUCKETS], *box[BUCKETS];
	struct person *person;
	size_t n_person;
	struct center_mail mail[GATHER];
	struct {
		link_id link;
		uint64_t ref;
	} from[GATHER];
	size_t n_mail;
	struct ask ask[ASKS_MAX];
	size_t n_ask;
	int64_t now_ms;
	struct rng *rng;
	struct buf note; /* heard in a tick: u32 length, bytes ... */
};

static struct bytes view(const char *s)
{
	return (struct bytes){(const uint8_t *)s, strlen(s)};
}

static bool same(struct uuid a, struct uuid b)
{
	return memcmp(&a, &b, sizeof(a)) == 0;
}

/* ---- desks ---- */

static size_t by_link(link_id id)
{
	return id % BUCKETS;
}

static size_t by_box(struct uuid box)
{
	return (size_t)(box.b[0] | box.b[1] << 8) % BUCKETS;
}

static struct desk *desk_find(const struct center *c, link_id id)
{
	struct desk *d = c->link[by_link(id)];

	while (d && d->link != id)
		d = d->next_link;
	return d;
}

static struct desk *desk_next(const struct center *c, size_t *i, struct desk *d)
{
	d = d ? d->next_link : NULL;
	while (!d && *i < BUCKETS)
		d = c->link[(*i)++];
	return d;
}

/* All there are, in no order. */
#define EACH_DESK(c, d)                                                        \
	for (size_t i_ = 0, on_ = 1; on_; on_ = 0)                             \
		for (struct desk *d = desk_next(c, &i_, NULL); d;              \
		     d = desk_next(c, &i_, d))

static int nibble(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c - 'a' + 10;
}

static struct uuid box_of(const char id[static 33])
{
	struct uuid box;

	for (size_t i = 0; i < 16; i++)
		box.b[i] =
		    (uint8_t)(nibble(id[2 * i]) << 4 | nibble(id[2 * i + 1]));
	return box;
}

void center_link_up(struct center *c, link_id id, const struct pubkey *key,
		    const struct addr *at)
{
	struct desk *d = xzalloc(sizeof(*d));

	d->link = id;
	d->key = *key;
	d->at = *at;
	seal_peer_id(d->id, key);
	d->box = box_of(d->id);
	d->next_link = c->link[by_link(id)];
	c->link[by_link(id)] = d;
	d->next_box = c->box[by_box(d->box)];
	c->box[by_box(d->box)] = d;
}

static void trim(struct center *c, struct desk *d)
{
	if (d->user[0] && d->trimmed &&
	    !c->b->mbox_trim(c->b, &d->box, d->trimmed))
		d->trimmed = 0;
}

void center_link_down(struct center *c, link_id id)
{
	struct desk *d = desk_find(c, id);

	if (!d)
		return;
	trim(c, d);
	if (d->user[0] && c->b->session_drop(c->b, d->user, &d->token))
		d->user[0] = '\0'; /* it will end by itself */
	for (struct desk **p = &c->link[by_link(id)]; *p; p = &(*p)->next_link)
		if (*p == d) {
			*p = d->next_link;
			break;
		}
	for (struct desk **p = &c->box[by_box(d->box)]; *p; p = &(*p)->next_box)
		if (*p == d) {
			*p = d->next_box;
			break;
		}
	free(d);
}

/* ---- saying ---- */

static void say(struct center *c, link_id to, struct packet *p)
{
	p->kind = PKT_CENTER;
	effects_put(c->fx,
		    &(struct effect){.kind = FX_SEND, .link = to, .packet = p});
}

static void answer(struct center *c, const struct desk *d,
		   const struct packet *to, enum center_verb verb,
		   const char *word)
{
	say(c, d->link,
	    &(struct packet){.verb = verb,
			     .ref = to->ref,
			     .n_words = word != NULL,
			     .word = {view(word ? word : "")}});
}

static void push(struct center *c, const struct desk *d, enum center_verb verb,
		 const char *who, struct bytes text)
{
	say(c, d->link,
	    &(struct packet){.verb = verb,
			     .n_words = who != NULL,
			     .word = {view(who ? who : "")},
			     .text = text});
}

/* false: no name of a user. */
static bool word_get(const struct packet *p, size_t i,
		     char out[static CENTER_NAME_MAX + 1])
{
	if (i >= p->n_words || p->word[i].n > CENTER_NAME_MAX || !p->word[i].n)
		return false;
	memcpy(out, p->word[i].p, p->word[i].n);
	out[p->word[i].n] = '\0';
	return center_name_ok(out);
}

static bool blocks(struct center *c, const char *user, const char *who)
{
	struct center_acct *a = xmalloc(sizeof(*a));
	uint64_t rev;
	bool is = false;

	if (!c->b->acct_get(c->b, user, a, &rev))
		for (size_t i = 0; i < a->n_blocked && !is; i++)
			is = strcmp(a->blocked[i], who) == 0;
	free(a);
	return is;
}

/* ---- between nodes: fields with a byte between that no name has ---- */

static void note_send(struct center *c, const char *what, const char *a,
		      const char *b, struct bytes text)
{
	struct buf note = {0};

	buf_printf(&note, "%s\x1f%s\x1f%s\x1f", what, a, b);
	buf_put(&note, text);
	if (c->b->notify(c->b, NULL, (struct bytes){note.p, note.n}))
		note.n = 0; /* a hint, no more */
	buf_free(&note);
}

struct note {
	char field[NOTE_FIELDS - 1][CENTER_NAME_MAX + 1];
	struct bytes text;
};

static bool note_read(struct bytes s, struct note *out)
{
	for (size_t i = 0; i < NOTE_FIELDS - 1; i++) {
		const uint8_t *end = s.n ? memchr(s.p, '\x1f', s.n) : NULL;
		size_t n = end ? (size_t)(end - s.p) : 0;
		if (!end || n > CENTER_NAME_MAX)
			return false;
		memcpy(out->field[i], s.p, n);
		out->field[i][n] = '\0';
		s = (struct bytes){end + 1, s.n - n - 1};
	}
	out->text = s;
	return true;
}

/* ---- letters ---- */

struct giving {
	struct center *c;
	struct desk *d;
	size_t n;
};

static void give(void *ctx, const struct center_mail *m)
{
	struct giving *g = ctx;

	say(g->c, g->d->link,
	    &(struct packet){
		.verb = CENTER_MAIL, .seq = m->seq, .blob = m->blob});
	g->d->given = m->seq;
	g->n++;
}

/* A page; the next one when these were taken. */
static void mail_go(struct center *c, struct desk *d)
{
	struct giving g = {.c = c, .d = d};

	if (c->b->mbox_read(c->b, &d->box, d->given, PAGE, c->now_ms, give, &g))
		return; /* asked for again */
	d->more = g.n == PAGE;
	if (d->more || !d->reading)
		return;
	d->reading = false;
	say(c, d->link, &(struct packet){.verb = CENTER_MAIL});
}

static void mail_came(struct center *c, struct uuid box)
{
	for (struct desk *d = c->box[by_box(box)]; d; d = d->next_box)
		if (same(d->box, box) && d->user[0] && !d->more)
			mail_go(c, d);
}

static void on_fetch(struct center *c, struct desk *d, const struct packet *p)
{
	d->given = p->seq;
	d->reading = true;
	mail_go(c, d);
}

static void on_trim(struct center *c, struct desk *d, const struct packet *p)
{
	if (p->seq > d->given || p->seq <= d->trimmed)
		return;
	d->trimmed = p->seq;
	if (p->seq == d->given) {
		trim(c, d);
		if (d->more)
			mail_go(c, d);
	}
}

void center_settle(struct center *c, const struct now *now)
{
	size_t n = c->n_mail;

	c->now_ms = now->wall_us / 1000;
	if (!n)
		return;
	enum err err = c->b->mbox_append(c->b, c->mail, n, c->now_ms);
	c->n_mail = 0;
	for (size_t i = 0; i < n; i++) {
		struct center_mail *m = &c->mail[i];
		bool good = !err && !m->err;
		say(c, c->from[i].link,
		    &(struct packet){
			.verb = good ? CENTER_OKAY : CENTER_FAIL,
			.ref = c->from[i].ref,
			.n_words = !good,
			.word = {view(m->err == ERR_FULL ? "the box is full"
							 : "not kept")}});
		free((void *)(uintptr_t)m->blob.p);
		if (!good)
			continue;
		mail_came(c, m->box);
		char id[33];
		for (size_t k = 0; k < 16; k++)
			snprintf(id + 2 * k, 3, "%02x", m->box.b[k]);
		note_send(c, "mail", id, "", (struct bytes){0});
	}
}

static bool hex_id(struct bytes s, char out[static 33])
{
	if (s.n != 32)
		return false;
	for (size_t i = 0; i < 32; i++)
		if (!((s.p[i] >= '0' && s.p[i] <= '9') ||
		      (s.p[i] >= 'a' && s.p[i] <= 'f')))
			return false;
	memcpy(out, s.p, 32);
	out[32] = '\0';
	return true;
}

/* Whoever has a prekey here has an account here, or had one this month. */
static bool has_box(struct center *c, const struct uuid *box)
{
	struct buf b = {0};
	bool is = !c->b->prekey_get(c->b, box, c->now_ms, &b);

	buf_free(&b);
	return is;
}

static bool too_many(const struct center *c, struct desk *d)
{
	if (c->now_ms - d->minute_ms > 60000) {
		d->minute_ms = c->now_ms;
		d->letters = 0;
	}
	return d->letters++ >= LETTERS_MINUTE && !d->user[0];
}

static void on_store(struct center *c, const struct now *now, struct desk *d,
		     const struct packet *p)
{
	struct center_mail m = {0};
	char id[33];
	uint32_t prekey;

	if (!p->n_words || !hex_id(p->word[0], id) ||
	    letter_prekey(p->blob, &prekey)) {
		answer(c, d, p, CENTER_FAIL, "that is no letter");
		return;
	}
	m.box = box_of(id);
	if (too_many(c, d) || !has_box(c, &m.box)) {
		answer(c, d, p, CENTER_FAIL,
		       "nobody of that id has a box here");
		return;
	}
	letter_id(m.eid.b, p->blob);
	uint8_t *copy = xmalloc(p->blob.n);
	memcpy(copy, p->blob.p, p->blob.n);
	m.blob = (struct bytes){copy, p->blob.n};
	c->mail[c->n_mail] = m;
	c->from[c->n_mail].link = d->link;
	c->from[c->n_mail].ref = p->ref;
	if (++c->n_mail == GATHER)
		center_settle(c, now);
}

static void on_prekey(struct center *c, struct desk *d, const struct packet *p)
{
	struct bundle bundle;

	if (bundle_read(p->blob, &d->key, (uint64_t)(c->now_ms / 1000),
			&bundle) ||
	    c->b->prekey_put(c->b, &d->box, p->blob, c->now_ms))
		answer(c, d, p, CENTER_FAIL, "not kept");
	else if (p->ref)
		answer(c, d, p, CENTER_OKAY, NULL);
}

static void on_bundle(struct center *c, struct desk *d, const struct packet *p)
{
	struct packet out = {.verb = CENTER_OKAY, .ref = p->ref};
	struct buf b = {0};
	struct uuid box;
	char id[33];

	if (!p->n_words || !hex_id(p->word[0], id)) {
		answer(c, d, p, CENTER_FAIL, "that is no id");
		return;
	}
	box = box_of(id);
	if (c->b->prekey_get(c->b, &box, c->now_ms, &b)) {
		answer(c, d, p, CENTER_FAIL, "none is known");
	} else {
		out.blob = (struct bytes){b.p, b.n};
		say(c, d->link, &out);
	}
	buf_free(&b);
}

/* ---- log-in ---- */

/* The host, of IPv6 the first half: who has one has all of it. */
static void source_of(const struct addr *at,
		      char out[static CENTER_SOURCE_MAX + 1])
{
	static const uint8_t v4[12] = {[10] = 0xff, [11] = 0xff};
	size_t n = memcmp(at->ip, v4, sizeof(v4)) ? 8 : 16;

	for (size_t i = 0; i < n; i++)
		snprintf(out + 2 * i, 3, "%02x", at->ip[i]);
}

static bool key_known(const struct center_acct *a, const struct pubkey *key)
{
	for (size_t i = 0; i < a->n_keys; i++)
		if (!memcmp(&a->key[i], key, sizeof(*key)))
			return true;
	return false;
}

static void key_add(struct center_acct *a, const struct pubkey *key)
{
	if (key_known(a, key))
		return;
	if (a->n_keys == CENTER_KEYS_MAX) /* the oldest goes */
		memmove(a->key, a->key + 1, --a->n_keys * sizeof(a->key[0]));
	a->key[a->n_keys++] = *key;
}

static void moved(struct center *c, const char *user, const struct uuid *token)
{
	EACH_DESK(c, d)
	{
		if (strcmp(d->user, user) != 0 || same(d->token, *token))
			continue;
		push(c, d, CENTER_MOVED, NULL, (struct bytes){0});
		d->user[0] = '\0';
	}
}

static void welcome(struct center *c, struct desk *d, const char *user,
		    const struct packet *p)
{
	char old[CENTER_NODE_MAX + 1], token[33];

	rng_fill(c->rng, d->token.b, sizeof(d->token.b));
	if (c->b->session_claim(c->b, user, &d->token, c->terms.node, c->now_ms,
				old)) {
		answer(c, d, p, CENTER_FAIL, "try again later");
		return;
	}
	for (size_t i = 0; i < 16; i++)
		snprintf(token + 2 * i, 3, "%02x", d->token.b[i]);
	snprintf(d->user, sizeof(d->user), "%s", user);
	d->refresh_ms = c->now_ms;
	moved(c, user, &d->token);
	if (old[0] && strcmp(old, c->terms.node) != 0)
		note_send(c, "moved", user, token, (struct bytes){0});
	answer(c, d, p, CENTER_LOGIN_OKAY, NULL);
}

static void wrong(struct center *c, struct desk *d, const struct packet *p,
		  const struct center_pen *pen, bool now)
{
	char n[16];

	snprintf(n, sizeof(n), "%u", pen->wait_s ? pen->wait_s : pen->left);
	answer(c, d, p,
	       !pen->wait_s ? CENTER_LOGIN_FAILED
	       : now        ? CENTER_JUST_PENNED
			    : CENTER_PENNED,
	       n);
}

/* By a password: right or wrong, known or not, it takes as long. */
static void by_password(struct center *c, struct desk *d,
			const struct packet *p, const char *user,
			struct center_acct *a, uint64_t rev)
{
	char source[CENTER_SOURCE_MAX + 1];
	struct center_pen pen;

	source_of(&d->at, source);
	if (c->b->attempt(c->b, user, source, TRY_BEGIN, c->now_ms, &pen)) {
		wrong(c, d, p, &pen, false);
		return;
	}
	bool fresh = !rev && c->terms.open;
	bool good = fresh
			? !password_hash(p->word[1], a->password)
			: password_right(rev ? a->password : NULL, p->word[1]);
	if (!good && rev && account_invited(a, p->word[1], c->now_ms)) {
		a->invite_ms = 0; /* once */
		good = true;
	}
	if (!good) {
		if (!pen.left) /* that was the last one: for how long? */
			(void)!c->b->attempt(c->b, user, source, TRY_LOOK,
					     c->now_ms, &pen);
		wrong(c, d, p, &pen, true);
		return;
	}
	key_add(a, &d->key);
	if (fresh)
		a->made_ms = c->now_ms;
	if (c->b->attempt(c->b, user, source, TRY_GOOD, c->now_ms, &pen) ||
	    c->b->acct_put(c->b, user, a, rev, NULL)) {
		answer(c, d, p, CENTER_FAIL, "try again");
		return;
	}
	welcome(c, d, user, p);
}

static void on_login(struct center *c, struct desk *d, const struct packet *p)
{
	char user[CENTER_NAME_MAX + 1];
	struct center_acct *a = xzalloc(sizeof(*a));
	uint64_t rev = 0;
	enum err err;

	if (!word_get(p, 0, user)) {
		answer(c, d, p, CENTER_FAIL, "that is no name");
	} else if ((err = c->b->acct_get(c->b, user, a, &rev)) != OK &&
		   err != ERR_ABSENT) {
		answer(c, d, p, CENTER_FAIL, "try again later");
	} else {
		if (err)
			rev = 0;
		if (rev && key_known(a, &d->key))
			welcome(c, d, user, p);
		else if (p->n_words > 1 && p->word[1].n)
			by_password(c, d, p, user, a, rev);
		else
			answer(c, d, p, CENTER_FAIL, "a password is needed");
	}
	free(a);
}

static void on_logout(struct center *c, struct desk *d)
{
	trim(c, d);
	if (c->b->session_drop(c->b, d->user, &d->token))
		d->refresh_ms = INT64_MAX; /* it ends by itself */
	d->user[0] = '\0';
}

/* ---- people ---- */

static struct person *person_of(struct center *c, const char *user)
{
	for (size_t i = 0; i < c->n_person; i++)
		if (strcmp(c->person[i].user, user) == 0)
			return &c->person[i];
	return NULL;
}

/* Of the backend: somebody is at some node now, or at none. */
static void presence(void *ctx, const char *user, const char *node)
{
	struct center *c = ctx;
	struct person *p = person_of(c, user);
	bool was = p && p->here;

	if (!p) {
		c->person =
		    xrealloc(c->person, (c->n_person + 1) * sizeof(*c->person));
		p = &c->person[c->n_person++];
		snprintf(p->user, sizeof(p->user), "%s", user);
	}
	p->here = node != NULL;
	if (p->here == was)
		return;
	EACH_DESK(c, d)
	{
		if (d->user[0] && strcmp(d->user, user) != 0)
			push(c, d, p->here ? CENTER_ONLINE : CENTER_OFFLINE,
			     user, (struct bytes){0});
	}
	if (!p->here)
		*p = c->person[--c->n_person];
}

static void on_online(struct center *c, struct desk *d, const struct packet *p)
{
	struct packet out = {.verb = CENTER_LIST, .ref = p->ref};
	struct buf b = {0};

	for (size_t i = 0; i < c->n_person; i++)
		if (c->person[i].here && b.n < 8000)
			buf_printf(&b, "%s%s", b.n ? " " : "",
				   c->person[i].user);
	out.text = (struct bytes){b.p, b.n};
	say(c, d->link, &out);
	buf_free(&b);
}

/* To one user, wherever he is; or to all (to ""), but those who block him. */
static void told(struct center *c, const char *what, const char *from,
		 const char *to, struct bytes text)
{
	enum center_verb verb = !strcmp(what, "text")    ? CENTER_TEXT
				: !strcmp(what, "wants") ? CENTER_WANTS
							 : CENTER_ADR;

	EACH_DESK(c, d)
	{
		if (!d->user[0] || strcmp(d->user, from) == 0 ||
		    (to[0] && strcmp(d->user, to) != 0) ||
		    blocks(c, d->user, from))
			continue;
		push(c, d, verb, from, text);
	}
}

static void ask_note(struct center *c, const char *from, const char *to)
{
	if (c->n_ask == ASKS_MAX)
		memmove(c->ask, c->ask + 1, --c->n_ask * sizeof(c->ask[0]));
	struct ask *a = &c->ask[c->n_ask++];
	snprintf(a->from, sizeof(a->from), "%s", from);
	snprintf(a->to, sizeof(a->to), "%s", to);
	a->until_ms = c->now_ms + CONSENT_MS;
}

/* He asked, and not too long ago; once. */
static bool ask_take(struct center *c, const char *from, const char *to)
{
	for (size_t i = 0; i < c->n_ask; i++) {
		struct ask *a = &c->ask[i];
		if (strcmp(a->from, from) != 0 || strcmp(a->to, to) != 0)
			continue;
		bool good = a->until_ms >= c->now_ms;
		*a = c->ask[--c->n_ask];
		return good;
	}
	return false;
}

static void on_broadcast(struct center *c, struct desk *d,
			 const struct packet *p)
{
	if (!p->text.n || p->text.n > TEXT_MAX ||
	    c->now_ms - d->broadcast_ms < BROADCAST_MS) {
		answer(c, d, p, CENTER_FAIL,
		       p->text.n ? "one in ten seconds" : "nothing was said");
		return;
	}
	d->broadcast_ms = c->now_ms;
	note_send(c, "text", d->user, "", p->text);
	answer(c, d, p, CENTER_OKAY, NULL);
}

static void on_get(struct center *c, struct desk *d, const struct packet *p)
{
	char who[CENTER_NAME_MAX + 1];
	const struct person *him =
	    word_get(p, 0, who) ? person_of(c, who) : NULL;

	/* who blocks us looks as if he were not there */
	if (!him || !him->here || !strcmp(who, d->user) ||
	    blocks(c, who, d->user)) {
		answer(c, d, p, CENTER_FAIL, "not here");
		return;
	}
	ask_note(c, d->user, who);
	note_send(c, "wants", d->user, who, (struct bytes){0});
	answer(c, d, p, CENTER_OKAY, "Request has been sent.");
}

static void on_allow(struct center *c, struct desk *d, const struct packet *p)
{
	char who[CENTER_NAME_MAX + 1], at[ADDR_TEXT];

	if (!word_get(p, 0, who) || !ask_take(c, who, d->user)) {
		answer(c, d, p, CENTER_FAIL, "nobody of that name asked");
		return;
	}
	addr_text(at, &d->at);
	note_send(c, "address", d->user, who, view(at));
	answer(c, d, p, CENTER_OKAY, NULL);
}

static bool block_change(struct center_acct *a, const char *who, bool block)
{
	size_t i = 0;

	while (i < a->n_blocked && strcmp(a->blocked[i], who) != 0)
		i++;
	if ((i < a->n_blocked) == block)
		return false;
	if (block && a->n_blocked < CENTER_BLOCKS_MAX)
		snprintf(a->blocked[a->n_blocked++], CENTER_NAME_MAX + 1, "%s",
			 who);
	else if (!block)
		memmove(a->blocked[i], a->blocked[i + 1],
			(--a->n_blocked - i) * sizeof(a->blocked[0]));
	return true;
}

static void on_block(struct center *c, struct desk *d, const struct packet *p)
{
	struct center_acct *a = xmalloc(sizeof(*a));
	char who[CENTER_NAME_MAX + 1];
	bool block = p->n_words && p->word[0].n && p->word[0].p[0] == '1';
	uint64_t rev;
	enum err err = word_get(p, 1, who) ? ERR_EXISTS : ERR_PARSE;

	for (int i = 0; i < 5 && err == ERR_EXISTS; i++) {
		err = c->b->acct_get(c->b, d->user, a, &rev);
		if (!err && block_change(a, who, block))
			err = c->b->acct_put(c->b, d->user, a, rev, NULL);
	}
	free(a);
	answer(c, d, p, err ? CENTER_FAIL : CENTER_OKAY,
	       err ? "not changed" : NULL);
}

/* ---- what is heard ---- */

static void logged_in_packet(struct center *c, struct desk *d,
			     const struct packet *p)
{
	switch ((int)p->verb) {
	case CENTER_OUT:
		on_logout(c, d);
		return;
	case CENTER_ONL:
		on_online(c, d, p);
		return;
	case CENTER_BRD:
		on_broadcast(c, d, p);
		return;
	case CENTER_BLC:
		on_block(c, d, p);
		return;
	case CENTER_GET:
		on_get(c, d, p);
		return;
	case CENTER_ALL:
		on_allow(c, d, p);
		return;
	case CENTER_FETCH:
		on_fetch(c, d, p);
		return;
	case CENTER_TRIM:
		on_trim(c, d, p);
		return;
	case CENTER_PREKEY:
		on_prekey(c, d, p);
		return;
	case CENTER_HEY:
		return;
	default:
		if (p->ref)
			answer(c, d, p, CENTER_FAIL, "not known here");
		return;
	}
}

void center_packet(struct center *c, const struct now *now, link_id id,
		   const struct packet *p)
{
	struct desk *d = desk_find(c, id);

	c->now_ms = now->wall_us / 1000;
	c->rng = now->rng;
	if (!d)
		return;
	if (p->verb == CENTER_LIN)
		on_login(c, d, p);
	else if (p->verb == CENTER_STORE)
		on_store(c, now, d, p);
	else if (p->verb == CENTER_BUNDLE)
		on_bundle(c, d, p);
	else if (d->user[0])
		logged_in_packet(c, d, p);
	else if (p->ref)
		answer(c, d, p, CENTER_FAIL, "not logged in");
}

static void note_obey(struct center *c, struct bytes s)
{
	struct note n;
	char id[33];

	if (!note_read(s, &n))
		return;
	if (!strcmp(n.field[0], "mail")) {
		if (hex_id(view(n.field[1]), id))
			mail_came(c, box_of(id));
	} else if (!strcmp(n.field[0], "moved")) {
		if (hex_id(view(n.field[2]), id)) {
			struct uuid token = box_of(id);
			moved(c, n.field[1], &token);
		}
	} else {
		told(c, n.field[0], n.field[1], n.field[2], n.text);
	}
}

/* Of the backend, which may not be asked in here. */
static void note_heard(void *ctx, struct bytes s)
{
	struct center *c = ctx;
	uint32_t n = (uint32_t)s.n;

	buf_put(&c->note, (struct bytes){(const uint8_t *)&n, sizeof(n)});
	buf_put(&c->note, s);
}

static void notes_obey(struct center *c)
{
	struct buf notes = c->note;
	uint32_t n;

	c->note = (struct buf){0};
	for (size_t at = 0; at < notes.n; at += n) {
		memcpy(&n, notes.p + at, sizeof(n));
		at += sizeof(n);
		note_obey(c, (struct bytes){notes.p + at, n});
	}
	buf_free(&notes);
}

/* ---- time ---- */

void center_tick(struct center *c, const struct now *now)
{
	c->now_ms = now->wall_us / 1000;
	c->rng = now->rng;
	if (c->b->tick(c->b, c->now_ms))
		return; /* it tries again by itself */
	notes_obey(c);
	EACH_DESK(c, d)
	{
		if (!d->user[0] || c->now_ms - d->refresh_ms < 20000)
			continue;
		d->refresh_ms = c->now_ms;
		enum err err =
		    c->b->session_refresh(c->b, d->user, &d->token, c->now_ms);
		char old[CENTER_NODE_MAX + 1];
		if (err == ERR_ABSENT)
			err =
			    c->b->session_claim(c->b, d->user, &d->token,
						c->terms.node, c->now_ms, old);
		if (err == ERR_AUTH) {
			push(c, d, CENTER_MOVED, NULL, (struct bytes){0});
			d->user[0] = '\0';
		}
	}
}

struct center *center_new(struct center_backend *b,
			  const struct center_terms *terms, struct effects *fx)
{
	struct center *c = xzalloc(sizeof(*c));

	c->b = b;
	c->terms = *terms;
	c->fx = fx;
	c->watch = (struct center_watch){
	    .ctx = c, .presence = presence, .note = note_heard};
	if (!b->watch(b, terms->node, &c->watch))
		return c;
	free(c);
	return NULL;
}

void center_say_into(struct center *c, struct effects *fx)
{
	c->fx = fx;
}

void center_free(struct center *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < BUCKETS; i++)
		while (c->link[i])
			center_link_down(c, c->link[i]->link);
	for (size_t i = 0; i < c->n_mail; i++)
		free((void *)(uintptr_t)c->mail[i].blob.p);
	free(c->person);
	buf_free(&c->note);
	free(c);
}
