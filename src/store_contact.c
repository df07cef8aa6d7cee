#include "src/store_impl.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

const char store_last_n[] = "last_n";

/* ---- contacts ---- */

void store_adopt(struct store *s, contact_id from, contact_id to)
{
	struct person *old = store_person(s, from), *new = store_person(s, to);
	struct rec_rows *r =
	    batch_add(store_gather_hard(s), OP_ADOPT, sizeof(*r));

	r->contact = from;
	r->other = to;
	for (size_t i = 0; i < s->n_pending; i++) {
		if (s->pending[i].what == ADOPTED &&
		    s->pending[i].other == from)
			s->pending[i].other = to;
		if (s->pending[i].what == FORGOTTEN &&
		    s->pending[i].contact == from)
			s->pending[i].contact = to;
	}
	struct pending *p = store_pend(s);
	p->what = ADOPTED;
	p->contact = from;
	p->other = to;
	for (size_t i = 0; i < old->n_addresses; i++) {
		struct address_row *a = &old->address[i];
		if (!person_address(new, a->host, a->port))
			person_address_put(new, a);
	}
	if (old->draft && !new->draft) {
		new->draft = old->draft;
		old->draft = NULL;
		new->row.shown.cursor = old->row.shown.cursor;
		new->row.shown.draft_answers = old->row.shown.draft_answers;
		store_touch(s, new, DIRTY_DRAFT);
	}
	people_drop(&s->people, old);
}

/* Rows go: the highest number stays, so that none is given out twice. */
static void keep_last_n(struct store *s)
{
	char digits[24];

	sqlite3_snprintf(sizeof(digits), digits, "%lld", s->last_n);
	store_meta(s, store_last_n,
		   (struct bytes){(uint8_t *)digits, strlen(digits)});
}

void store_forget(struct store *s, contact_id with, int64_t until_ms)
{
	struct rec_rows *r =
	    batch_add(store_gather_hard(s), OP_FORGET, sizeof(*r));

	r->contact = with;
	r->upto = s->last_n;
	r->until_ms = until_ms;
	struct pending *p = store_pend(s);
	p->what = FORGOTTEN;
	p->contact = with;
	p->upto = s->last_n;
	s->tombstones = true;
	keep_last_n(s);
}

void store_history(struct store *s, bool keep)
{
	if (keep)
		return;
	struct rec_rows *r =
	    batch_add(store_gather_hard(s), OP_HISTORY, sizeof(*r));
	r->upto = s->last_n;
	s->tombstones = true;
	keep_last_n(s);
}

void store_drop_draft(struct store *s, struct person *p)
{
	if (!p->draft)
		return;
	free(p->draft);
	p->draft = NULL;
	p->row.shown.cursor = 0;
	p->row.shown.draft_answers = (struct uuid){0};
	store_touch(s, p, DIRTY_DRAFT);
}

static bool same_texts(const struct contact *a, const struct contact *b)
{
	return strcmp(a->ident, b->ident) == 0 &&
	       strcmp(a->nick, b->nick) == 0 &&
	       strcmp(a->petname, b->petname) == 0;
}

/* As far as the row on the disk goes, but for what is soft. */
static bool same_row(const struct contact_row *a, const struct contact_row *b)
{
	return memcmp(&a->shown.key, &b->shown.key, 32) == 0 &&
	       memcmp(&a->key_changed, &b->key_changed, 32) == 0 &&
	       same_texts(&a->shown, &b->shown) &&
	       a->shown.trust == b->shown.trust &&
	       a->shown.blocked == b->shown.blocked &&
	       a->shown.changed == b->shown.changed && a->hidden == b->hidden &&
	       a->shown.via == b->shown.via && a->pinned_ms == b->pinned_ms &&
	       a->first_ms == b->first_ms &&
	       memcmp(a->out_epoch, b->out_epoch, 8) == 0 &&
	       a->out_seq == b->out_seq;
}

/* A row that the caller kept for a while may be behind in what only grows. */
static void keep_growing(const struct contact_row *old, struct contact_row *c)
{
	if (c->seen_ms < old->seen_ms)
		c->seen_ms = old->seen_ms;
	if (c->shown.read_upto < old->shown.read_upto)
		c->shown.read_upto = old->shown.read_upto;
	if (memcmp(c->out_epoch, old->out_epoch, 8) == 0 &&
	    c->out_seq < old->out_seq)
		c->out_seq = old->out_seq;
}

static void hand_out(const struct store *s, struct person *p,
		     struct contact_row *out)
{
	const struct marks *m = person_marks(p, s->durable);

	*out = p->row;
	out->shown.draft = p->draft;
	memcpy(out->in_epoch, m->epoch, sizeof(out->in_epoch));
	out->in_seq = m->upto;
}

static void touch_row(struct store *s, struct person *p)
{
	s->hard = true;
	store_touch(s, p, DIRTY_ROW);
}

static struct person *contact_for(struct store *s, const struct contact *c)
{
	struct person *same = people_same(&s->people, c);
	struct person *p = c->id ? people_find(&s->people, c->id) : same;

	assert(!same || same == p); /* the table would not take a second one */
	if (p)
		return p;
	if (c->id > s->last_contact)
		s->last_contact = c->id;
	p = people_add(&s->people, c->id ? c->id : ++s->last_contact);
	p->row.shown.dialect = c->dialect;
	touch_row(s, p);
	return p;
}

void store_contact(struct store *s, struct contact_row *c)
{
	struct person *p = contact_for(s, &c->shown);
	struct contact_row old = p->row;

	keep_growing(&old, c);
	if (!same_row(&old, c))
		touch_row(s, p);
	else if (old.seen_ms != c->seen_ms ||
		 old.shown.read_upto != c->shown.read_upto)
		store_touch(s, p, DIRTY_MARKS);
	p->row = *c;
	p->row.shown.id = old.shown.id;
	p->row.shown.draft = NULL;
	p->row.shown.cursor = old.shown.cursor;
	p->row.shown.draft_answers = old.shown.draft_answers;
	hand_out(s, p, c);
}

bool store_contact_next(struct store *s, contact_id after,
			struct contact_row *out)
{
	struct person *p = people_after(&s->people, after);

	if (!p)
		return false;
	hand_out(s, p, out);
	return true;
}

static bool same_address(const struct address_row *a,
			 const struct address_row *b)
{
	return a->ok_ms == b->ok_ms && a->fail_ms == b->fail_ms &&
	       a->fails == b->fails && a->self == b->self && a->via == b->via;
}

void store_address(struct store *s, const struct address_row *a)
{
	struct person *p = store_person(s, a->contact);
	const struct address_row *old = person_address(p, a->host, a->port);

	if (old && same_address(old, a))
		return;
	if (!old || old->self != a->self || old->via != a->via)
		s->hard = true;
	person_address_put(p, a);
	struct rec_address *r =
	    batch_add(store_gather(s), OP_ADDRESS, sizeof(*r));
	r->row = *a;
	s->soft = true;
}

void store_address_drop(struct store *s, const struct address_row *a)
{
	struct person *p = store_person(s, a->contact);
	struct address_row *old = person_address(p, a->host, a->port);

	if (!old)
		return;
	struct rec_address *r =
	    batch_add(store_gather_hard(s), OP_ADDRESS_DROP, sizeof(*r));
	r->row = *old;
	person_address_drop(p, old);
}

bool store_address_next(struct store *s, contact_id c, unsigned i,
			struct address_row *out)
{
	const struct person *p = people_find(&s->people, c);

	if (!p || i >= p->n_addresses)
		return false;
	*out = p->address[i];
	return true;
}

void store_seen(struct store *s, contact_id c, int64_t seen_ms)
{
	struct person *p = store_person(s, c);

	if (seen_ms <= p->row.seen_ms)
		return;
	p->row.seen_ms = seen_ms;
	store_touch(s, p, DIRTY_MARKS);
}

void store_read(struct store *s, contact_id c, message_n upto)
{
	struct person *p = store_person(s, c);

	if (upto <= p->row.shown.read_upto)
		return;
	p->row.shown.read_upto = upto;
	store_touch(s, p, DIRTY_MARKS);
}

void store_draft(struct store *s, contact_id c, const char *draft,
		 size_t cursor, struct uuid answers)
{
	struct person *p = store_person(s, c);

	if (!draft || !*draft) {
		store_drop_draft(s, p);
		return;
	}
	char *old = p->draft;
	p->draft =
	    xstrndup((struct bytes){(const uint8_t *)draft, strlen(draft)});
	free(old); /* draft may be it */
	p->row.shown.cursor = cursor;
	p->row.shown.draft_answers = answers;
	store_touch(s, p, DIRTY_DRAFT);
	s->soon = true; /* somebody stopped typing */
}

/* ---- meta ---- */

struct meta *store_meta_find(const struct store *s, const char *key,
			     size_t n_key)
{
	for (size_t i = 0; i < s->n_meta; i++)
		if (strlen(s->meta[i].key) == n_key &&
		    memcmp(s->meta[i].key, key, n_key) == 0)
			return &s->meta[i];
	return NULL;
}

struct meta *store_meta_put(struct store *s, const char *key, size_t n_key,
			    struct bytes value)
{
	struct meta *m = store_meta_find(s, key, n_key);

	if (!m) {
		s->meta = xrealloc(s->meta, (s->n_meta + 1) * sizeof(*s->meta));
		m = &s->meta[s->n_meta++];
		*m = (struct meta){0};
		m->key = xstrndup((struct bytes){(const uint8_t *)key, n_key});
	}
	m->value.n = 0;
	buf_put(&m->value, value);
	return m;
}

void store_meta(struct store *s, const char *key, struct bytes value)
{
	store_meta_put(s, key, strlen(key), value)->dirty = true;
	s->soft = true;
}

bool store_meta_get(const struct store *s, const char *key, struct bytes *value)
{
	const struct meta *m = store_meta_find(s, key, strlen(key));

	if (m)
		*value = (struct bytes){m->value.p, m->value.n};
	return m != NULL;
}

/* ---- into the batch ---- */

static void gather_row(struct store *s, const struct person *p, enum op op)
{
	size_t n = p->live.n_ahead;
	struct rec_contact *r = batch_add(store_gather(s), op,
					  sizeof(*r) + n * sizeof(r->ahead[0]));

	r->row = p->row;
	memcpy(r->row.in_epoch, p->live.epoch, sizeof(r->row.in_epoch));
	r->row.in_seq = p->live.upto;
	r->n_ahead = (uint32_t)n;
	if (n)
		memcpy(r->ahead, p->live.ahead, n * sizeof(r->ahead[0]));
}

static void gather_draft(struct store *s, const struct person *p)
{
	size_t n = p->draft ? strlen(p->draft) : 0;
	struct rec_draft *r =
	    batch_add(store_gather(s), OP_DRAFT, sizeof(*r) + n);

	r->contact = p->row.shown.id;
	r->cursor = p->row.shown.cursor;
	r->answers = p->row.shown.draft_answers;
	r->any = p->draft != NULL;
	r->n_text = (uint32_t)n;
	if (n)
		memcpy(r->text, p->draft, n);
}

static void gather_meta(struct store *s, struct meta *m)
{
	size_t n_key = strlen(m->key);
	struct rec_meta *r = batch_add(store_gather(s), OP_META,
				       sizeof(*r) + n_key + m->value.n);

	r->n_key = (uint32_t)n_key;
	r->n_value = (uint32_t)m->value.n;
	memcpy(r->bytes, m->key, n_key);
	if (m->value.n)
		memcpy(r->bytes + n_key, m->value.p, m->value.n);
	m->dirty = false;
}

/* What changed in memory becomes records, once for each contact. */
bool store_gather_dirty(struct store *s, bool all)
{
	struct person *later = NULL;

	for (struct person *p; (p = s->people.dirty);) {
		s->people.dirty = p->next_dirty;
		if (p->dirty == DIRTY_HEARD && !all) {
			p->next_dirty = later;
			later = p;
			continue;
		}
		if (p->dirty & DIRTY_ROW)
			gather_row(s, p, OP_CONTACT);
		else if (p->dirty & (DIRTY_MARKS | DIRTY_HEARD))
			gather_row(s, p, OP_MARKS);
		if (p->dirty & DIRTY_DRAFT)
			gather_draft(s, p);
		p->dirty = 0;
	}
	for (size_t i = 0; i < s->n_meta; i++)
		if (s->meta[i].dirty)
			gather_meta(s, &s->meta[i]);
	s->people.dirty = later;
	return later != NULL;
}
