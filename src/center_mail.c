#include "src/center_desk.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	PAGE = 64,            /* letters on their way to somebody */
	LETTERS_MINUTE = 240, /* that a link may leave */
	LOOK_MS = 300000,     /* notes may be lost: look into a box again */
};

struct giving {
	struct center *c;
	struct desk *d;
	size_t n;
};

static void give(void *ctx, const struct center_mail *m)
{
	struct giving *g = ctx;

	desk_say(g->c, g->d->link,
		 &(struct packet){
		     .verb = CENTER_MAIL, .seq = m->seq, .blob = m->blob});
	g->d->given = m->seq;
	g->n++;
}

/* A page; the next one when these were taken. */
static void mail_go(struct center *c, struct desk *d)
{
	struct giving g = {.c = c, .d = d};

	d->look_ms = c->now_ms;
	d->behind = c->b->mbox_read(c->b, &d->box, d->given, PAGE, c->now_ms,
				    give, &g) != OK;
	if (d->behind)
		return; /* tick comes by again */
	d->more = g.n == PAGE;
	if (d->more || !d->reading)
		return;
	d->reading = false;
	desk_say(c, d->link, &(struct packet){.verb = CENTER_MAIL});
}

void mail_came(struct center *c, struct uuid box)
{
	for (struct desk *d = desk_of_box(c, box); d; d = d->next_box)
		if (desk_same(d->box, box) && d->user[0] && !d->more)
			mail_go(c, d);
}

void mail_look(struct center *c)
{
	bool all = c->away;

	c->away = false;
	EACH_DESK(c, d)
	{
		bool due = all || c->now_ms - d->look_ms > LOOK_MS;
		if (d->user[0] && (d->behind || (due && !d->more)))
			mail_go(c, d);
	}
}

void mail_fetch(struct center *c, struct desk *d, const struct packet *p)
{
	d->given = p->seq;
	d->reading = true;
	mail_go(c, d);
}

void mail_taken(struct center *c, struct desk *d, const struct packet *p)
{
	if (p->seq > d->given || p->seq <= d->trimmed)
		return;
	d->trimmed = p->seq;
	if (p->seq == d->given) {
		mail_trim(c, d);
		if (d->more)
			mail_go(c, d);
	}
}

static void settled(struct center *c, size_t i, enum err err)
{
	struct packet p = {.verb = err ? CENTER_FAIL : CENTER_OKAY,
			   .ref = c->from[i].ref};
	struct desk *d = desk_find(c, c->from[i].link);

	if (err == ERR_CLOSED) {
		if (d)
			desk_later(c, d, &p);
		return;
	}
	if (err) {
		p.n_words = 1;
		p.word[0] =
		    desk_view(err == ERR_FULL ? "the box is full" : "not kept");
	}
	desk_say(c, c->from[i].link, &p);
}

/* Once a box: of the first letter for it that was kept. */
static void came(struct center *c, size_t i)
{
	const struct center_mail *m = &c->mail[i];
	char id[33];

	for (size_t k = 0; k < i; k++)
		if (!c->mail[k].err && desk_same(c->mail[k].box, m->box))
			return;
	mail_came(c, m->box);
	for (size_t k = 0; k < 16; k++)
		snprintf(id + 2 * k, 3, "%02x", m->box.b[k]);
	note_send(c, "mail", id, c->terms.node, (struct bytes){0});
}

void mail_settle(struct center *c)
{
	size_t n = c->n_mail;

	if (!n)
		return;
	enum err err = c->b->mbox_append(c->b, c->mail, n, c->now_ms);
	c->n_mail = 0;
	for (size_t i = 0; i < n; i++) {
		if (err)
			c->mail[i].err = err;
		settled(c, i, c->mail[i].err);
		free((void *)(uintptr_t)c->mail[i].blob.p);
	}
	for (size_t i = 0; i < n; i++)
		if (!c->mail[i].err)
			came(c, i);
}

/* A box is kept as "user", NUL, bundle: whoever has a prekey here has an
 * account here, or had one this month. */
static enum err box_get(struct center *c, const struct uuid *box,
			char user[static CENTER_NAME_MAX + 1],
			struct buf *bundle)
{
	const uint8_t *end;
	size_t n;

	enum err err = c->b->prekey_get(c->b, box, c->now_ms, bundle);
	if (err)
		return err;
	end = memchr(bundle->p, '\0', bundle->n);
	n = end ? (size_t)(end - bundle->p) : 0;
	if (!end || n > CENTER_NAME_MAX)
		return ERR_PARSE;
	memcpy(user, bundle->p, n + 1);
	memmove(bundle->p, end + 1, bundle->n - n - 1);
	bundle->n -= n + 1;
	return OK;
}

static enum err box_owner(struct center *c, const struct uuid *box,
			  char user[static CENTER_NAME_MAX + 1])
{
	struct buf b = {0};
	enum err err = box_get(c, box, user, &b);

	buf_free(&b);
	return err;
}

static bool too_many(const struct center *c, struct desk *d)
{
	if (c->now_ms - d->minute_ms > 60000) {
		d->minute_ms = c->now_ms;
		d->letters = 0;
	}
	return d->letters++ >= LETTERS_MINUTE && !d->user[0];
}

void mail_store(struct center *c, struct desk *d, const struct packet *p)
{
	struct center_mail m = {0};
	char id[33], user[CENTER_NAME_MAX + 1];
	uint32_t prekey;

	if (!p->n_words || !hex_id(p->word[0], id) ||
	    letter_prekey(p->blob, &prekey)) {
		desk_answer(c, d, p, CENTER_FAIL, "that is no letter");
		return;
	}
	m.box = box_of(id);
	enum err err = too_many(c, d) ? ERR_LIMIT : box_owner(c, &m.box, user);
	if (err == ERR_CLOSED) {
		desk_later(c, d, p);
		return;
	}
	if (err) {
		desk_answer(c, d, p, CENTER_FAIL,
			    "nobody of that id has a box here");
		return;
	}
	if (people_blocked(c, user, d->user)) {
		desk_answer(c, d, p, CENTER_FAIL,
			    "Your message could not be delivered as the "
			    "recipient has blocked you.");
		return;
	}
	letter_id(m.eid.b, p->blob);
	uint8_t *copy = xmalloc(p->blob.n);
	memcpy(copy, p->blob.p, p->blob.n);
	m.blob = (struct bytes){copy, p->blob.n};
	c->mail[c->n_mail] = m;
	c->from[c->n_mail].link = d->link;
	c->from[c->n_mail].ref = p->ref;
	if (++c->n_mail == MAIL_GATHER)
		mail_settle(c);
}

void mail_prekey(struct center *c, struct desk *d, const struct packet *p)
{
	struct bundle bundle;
	struct buf record = {0};

	buf_put(&record,
		(struct bytes){(const uint8_t *)d->user, strlen(d->user) + 1});
	buf_put(&record, p->blob);
	if (bundle_read(p->blob, &d->key, (uint64_t)(c->now_ms / 1000),
			&bundle) ||
	    c->b->prekey_put(c->b, &d->box, (struct bytes){record.p, record.n},
			     c->now_ms))
		desk_answer(c, d, p, CENTER_FAIL, "not kept");
	else if (p->ref)
		desk_answer(c, d, p, CENTER_OKAY, NULL);
	buf_free(&record);
}

/* Of an id; or of a user, which only who is logged in may ask. */
static bool box_named(struct center *c, const struct desk *d,
		      const struct packet *p, struct uuid *box,
		      char key[static 65])
{
	char id[33], user[CENTER_NAME_MAX + 1];

	key[0] = '\0';
	if (p->n_words && hex_id(p->word[0], id)) {
		*box = box_of(id);
		return true;
	}
	return d->user[0] && word_get(p, 0, user) &&
	       people_box(c, user, box, key);
}

/* [user, key], blob; without the key to whom asked by id. */
void mail_bundle(struct center *c, struct desk *d, const struct packet *p)
{
	struct packet out = {.verb = CENTER_OKAY, .ref = p->ref};
	char user[CENTER_NAME_MAX + 1], key[65];
	struct buf b = {0};
	struct uuid box;

	enum err err = box_named(c, d, p, &box, key)
			   ? box_get(c, &box, user, &b)
			   : ERR_ABSENT;
	if (err == ERR_CLOSED) {
		desk_later(c, d, p);
	} else if (err) {
		desk_answer(c, d, p, CENTER_FAIL, "cannot be found");
	} else {
		out.word[out.n_words++] = desk_view(user);
		if (key[0])
			out.word[out.n_words++] = desk_view(key);
		out.blob = (struct bytes){b.p, b.n};
		desk_say(c, d->link, &out);
	}
	buf_free(&b);
}

void mail_trim(struct center *c, struct desk *d)
{
	if (d->user[0] && d->trimmed &&
	    !c->b->mbox_trim(c->b, &d->box, d->trimmed))
		d->trimmed = 0;
}
