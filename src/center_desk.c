#include "src/center_desk.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- desks ---- */

static size_t by_link(link_id id)
{
	return id % DESK_BUCKETS;
}

static size_t by_box(struct uuid box)
{
	return (size_t)(box.b[0] | box.b[1] << 8) % DESK_BUCKETS;
}

struct desk *desk_find(const struct center *c, link_id id)
{
	struct desk *d = c->link[by_link(id)];

	while (d && d->link != id)
		d = d->next_link;
	return d;
}

struct desk *desk_next(const struct center *c, size_t *i, struct desk *d)
{
	d = d ? d->next_link : NULL;
	while (!d && *i < DESK_BUCKETS)
		d = c->link[(*i)++];
	return d;
}

static int nibble(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c - 'a' + 10;
}

struct uuid box_of(const char id[static 33])
{
	struct uuid box;

	for (size_t i = 0; i < 16; i++)
		box.b[i] =
		    (uint8_t)(nibble(id[2 * i]) << 4 | nibble(id[2 * i + 1]));
	return box;
}

bool hex_id(struct bytes s, char out[static 33])
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

void key_hex(char out[static 65], const struct pubkey *key)
{
	for (size_t i = 0; i < 32; i++)
		snprintf(out + 2 * i, 3, "%02x", key->b[i]);
}

bool desk_same(struct uuid a, struct uuid b)
{
	return memcmp(&a, &b, sizeof(a)) == 0;
}

struct desk *desk_of_box(const struct center *c, struct uuid box)
{
	return c->box[by_box(box)];
}

void desk_open(struct center *c, link_id id, const struct pubkey *key,
	       const struct addr *at)
{
	struct desk *d = xzalloc(sizeof(*d));

	d->link = id;
	d->key = *key;
	d->at = *at;
	d->spare = DESK_SPARE;
	d->spare_ms = c->now_ms;
	seal_peer_id(d->id, key);
	d->box = box_of(d->id);
	d->next_link = c->link[by_link(id)];
	c->link[by_link(id)] = d;
	d->next_box = c->box[by_box(d->box)];
	c->box[by_box(d->box)] = d;
}

void desk_close(struct center *c, struct desk *d)
{
	struct desk **p = &c->link[by_link(d->link)];

	while (*p != d)
		p = &(*p)->next_link;
	*p = d->next_link;
	p = &c->box[by_box(d->box)];
	while (*p != d)
		p = &(*p)->next_box;
	*p = d->next_box;
	free(d->blocks.name);
	free(d);
}

/* ---- saying ---- */

void desk_say(struct center *c, link_id to, struct packet *p)
{
	p->kind = PKT_CENTER;
	effects_put(c->fx,
		    &(struct effect){.kind = FX_SEND, .link = to, .packet = p});
}

void desk_answer(struct center *c, const struct desk *d,
		 const struct packet *to, enum center_verb verb,
		 const char *word)
{
	if (!to->ref)
		return;
	desk_say(c, d->link,
		 &(struct packet){.verb = verb,
				  .ref = to->ref,
				  .n_words = word != NULL,
				  .word = {desk_view(word ? word : "")}});
}

static void say_later(struct center *c, const struct desk *d,
		      const struct packet *to, const char *why)
{
	if (!to->ref)
		return;
	desk_say(
	    c, d->link,
	    &(struct packet){.verb = CENTER_FAIL,
			     .ref = to->ref,
			     .n_words = 2,
			     .word = {desk_view(why), desk_view("later")}});
}

void desk_later(struct center *c, const struct desk *d, const struct packet *to)
{
	say_later(c, d, to, "out of order: try again later");
}

bool desk_may(struct center *c, struct desk *d, const struct packet *p,
	      int64_t cost)
{
	int64_t back = c->now_ms - d->spare_ms;

	d->spare_ms = c->now_ms;
	if (back > 0)
		d->spare += back < DESK_SPARE ? back : DESK_SPARE;
	if (d->spare > DESK_SPARE)
		d->spare = DESK_SPARE;
	if (d->spare < cost) {
		say_later(c, d, p, "too much at once: try again later");
		return false;
	}
	d->spare -= cost;
	return true;
}

bool word_get(const struct packet *p, size_t i,
	      char out[static CENTER_NAME_MAX + 1])
{
	if (i >= p->n_words || p->word[i].n > CENTER_NAME_MAX || !p->word[i].n)
		return false;
	memcpy(out, p->word[i].p, p->word[i].n);
	out[p->word[i].n] = '\0';
	return center_name_ok(out);
}

/* ---- between nodes: fields with a byte between that no name has ---- */

bool note_send(struct center *c, const char *what, const char *a, const char *b,
	       struct bytes text)
{
	struct buf note = {0};

	buf_printf(&note, "%s\x1f%s\x1f%s\x1f", what, a, b);
	buf_put(&note, text);
	enum err err = c->b->notify(c->b, NULL, (struct bytes){note.p, note.n});
	buf_free(&note);
	return !err;
}

bool note_read(struct bytes s, struct note *out)
{
	for (size_t i = 0; i < NOTE_FIELDS; i++) {
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
