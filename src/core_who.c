#include "src/core_impl.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- contacts ---- */

struct who *who_find(const struct core *c, contact_id id)
{
	uint64_t key = hash_number((uint64_t)id);
	struct who *w;

	for (size_t i = 0; (w = table_find(&c->contacts, key, &i));)
		if (w->row.shown.id == id)
			return w;
	return NULL;
}

struct who *who_by_key(const struct core *c, const struct pubkey *k)
{
	struct who *w;

	for (size_t i = 0; (w = table_find(&c->keys, hash_key(k), &i));)
		if (memcmp(&w->row.shown.key, k, sizeof(*k)) == 0)
			return w;
	return NULL;
}

/* A contact rather than a lead whose id is only claimed. */
struct who *who_by_id(const struct core *c, const char *hex)
{
	struct who *w, *lead = NULL;

	for (size_t i = 0; (w = table_find(&c->ids, hash_hex(hex), &i));) {
		if (strcmp(w->id, hex) != 0)
			continue;
		if (w->row.shown.id > 0)
			return w;
		lead = w;
	}
	return lead;
}

bool who_stranger(const struct who *w)
{
	return w->row.shown.trust == TRUST_NEW;
}

const char *who_name(const struct who *w)
{
	const struct contact *s = &w->row.shown;

	if (s->petname[0])
		return s->petname;
	if (s->nick[0])
		return s->nick;
	if (w->plain)
		return s->ident;
	return s->ident[0] == '?' ? s->ident + 1 : w->id;
}

bool ident_text(char out[static IDENT_TEXT], const char *host, uint16_t port)
{
	bool v6 = strchr(host, ':') != NULL;
	int n = snprintf(out, IDENT_TEXT, "?%s%s%s:%u", v6 ? "[" : "", host,
			 v6 ? "]" : "", (unsigned)port);

	return n > 0 && n < IDENT_TEXT;
}

struct who *who_by_ident(const struct core *c, const char *ident)
{
	for (size_t i = 0; i < c->n_list; i++)
		if (strcmp(c->list[i]->row.shown.ident, ident) == 0)
			return c->list[i];
	return NULL;
}

/* Nothing but our own key was ever met where he was said to be. */
bool who_self(const struct who *w)
{
	bool self = false;

	for (unsigned i = 0; i < w->n_places; i++)
		self |= w->place[i].self;
	return self && pubkey_none(&w->row.shown.key);
}

void who_seen(struct core *c, const struct now *now, struct who *w)
{
	w->row.seen_ms = now->wall_us / MS_US;
	if (!c->disk)
		store_seen(c->store, w->row.shown.id, w->row.seen_ms);
}

/* The disk can be written again. */
void who_catch_up(struct core *c, struct who *w)
{
	if (!w->unsaved)
		return;
	w->unsaved = false;
	who_save(c, w);
	for (unsigned i = 0; i < w->n_places; i++)
		store_address(c->store, &w->place[i]);
}

/* Who was met at this address last, or was typed with it; or NULL. */
struct who *who_at(const struct core *c, const char *host, uint16_t port)
{
	struct who *best = NULL;
	int64_t best_ms = -1;

	for (size_t i = 0; i < c->n_list; i++) {
		struct who *w = c->list[i];
		for (unsigned k = 0; k < w->n_places && !w->row.hidden; k++) {
			const struct address_row *a = &w->place[k];
			bool his = a->ok_ms || a->via == VIA_TYPED;
			if (!his || w->plain || a->port != port ||
			    a->ok_ms <= best_ms || strcmp(a->host, host) != 0)
				continue;
			best_ms = a->ok_ms;
			best = w;
		}
	}
	return best;
}

void who_save(struct core *c, struct who *w)
{
	if (w->row.shown.id <= 0)
		return;
	if (c->disk) { /* later: another failure would help nobody */
		w->unsaved = true;
		return;
	}
	struct contact_row row = w->row; /* it is written to */
	store_contact(c->store, &row);
	if (store_hard(c->store)) /* else nobody waits for what is no change */
		hard(c);
}

static void who_index(struct core *c, struct who *w)
{
	const struct contact *s = &w->row.shown;

	if (!pubkey_none(&s->key)) {
		seal_peer_id(w->id, &s->key);
		table_put(&c->keys, hash_key(&s->key), w);
	}
	if (w->id[0])
		table_put(&c->ids, hash_hex(w->id), w);
}

static void who_unindex(struct core *c, struct who *w)
{
	const struct contact *s = &w->row.shown;

	if (!pubkey_none(&s->key))
		table_remove(&c->keys, hash_key(&s->key), w);
	if (w->id[0])
		table_remove(&c->ids, hash_hex(w->id), w);
}

/* He has proven this key: what was an address is somebody now. */
void who_key(struct core *c, struct who *w, const struct pubkey *key)
{
	who_unindex(c, w);
	w->row.shown.key = *key;
	w->row.shown.ident[0] = 0;
	who_index(c, w);
	c->typed = 0;
}

static struct who *who_make(void)
{
	struct who *w = xmalloc(sizeof(*w));

	*w = (struct who){0};
	w->dial.timer = (struct timer){.kind = TIMER_DIAL, .owner = w};
	w->send = (struct timer){.kind = TIMER_SEND, .owner = w};
	return w;
}

static void list_put(struct core *c, struct who *w)
{
	if (c->n_list == c->cap_list) {
		c->cap_list = c->cap_list * 2 + 16;
		c->list = xrealloc(c->list, c->cap_list * sizeof(*c->list));
	}
	assert(!c->n_list ||
	       c->list[c->n_list - 1]->row.shown.id < w->row.shown.id);
	c->list[c->n_list++] = w;
}

static void who_enter(struct core *c, struct who *w)
{
	table_put(&c->contacts, hash_number((uint64_t)w->row.shown.id), w);
	who_index(c, w);
	if (w->row.shown.id < 0)
		return;
	list_put(c, w);
	if (who_stranger(w) && !w->row.shown.last)
		c->n_strangers++;
	c->typed = 0;
}

struct who *who_new(struct core *c, const struct now *now,
		    const struct contact_row *row)
{
	struct who *w = who_make();

	w->row = *row;
	if (!w->row.shown.dialect)
		w->row.shown.dialect = dialect_sotto.name;
	w->row.first_ms = now->wall_us / MS_US;
	store_contact(c->store, &w->row);
	hard(c);
	who_enter(c, w);
	keyless_begin(w);
	return w;
}

static void lead_evict(struct core *c)
{
	for (size_t i = 0; i < c->n_leads; i++) {
		if (c->lead[i]->dial.round || c->lead[i]->named ||
		    c->lead[i]->plain)
			continue;
		who_remove(c, c->lead[i]);
		return;
	}
}

/* NULL: too many are being tried already. */
struct who *lead_new(struct core *c)
{
	if (c->n_leads == LEADS_MAX)
		lead_evict(c);
	if (c->n_leads == LEADS_MAX)
		return NULL;
	struct who *w = who_make();
	w->row.shown.id = --c->last_lead;
	w->row.shown.dialect = dialect_sotto.name;
	w->row.shown.trust = TRUST_NEW;
	c->lead[c->n_leads++] = w;
	who_enter(c, w);
	return w;
}

static void who_free(struct who *w)
{
	keyless_end(w);
	free(w->row.shown.draft);
	free(w->place);
	free(w->request);
	free(w->unread_n);
	free(w);
}

static void list_take(struct who **list, size_t *n, const struct who *w)
{
	for (size_t i = 0; i < *n; i++) {
		if (list[i] != w)
			continue;
		memmove(&list[i], &list[i + 1],
			(*n - i - 1) * sizeof(struct who *));
		(*n)--;
		return;
	}
}

void who_remove(struct core *c, struct who *w)
{
	assert(!w->conn);
	dial_stop(c, w);
	timer_stop(&c->heap, &w->send);
	outbox_free(c, w);
	who_unindex(c, w);
	table_remove(&c->contacts, hash_number((uint64_t)w->row.shown.id), w);
	if (w->row.shown.id < 0)
		list_take(c->lead, &c->n_leads, w);
	else
		list_take(c->list, &c->n_list, w);
	c->typed = 0;
	who_free(w);
}

void presence_set(struct core *c, struct who *w, enum presence p)
{
	if (w->row.shown.presence == p)
		return;
	w->row.shown.presence = p;
	tell_peer(c, w);
}

/* The worst to remember: not typed, in the file, or answering lately. */
static unsigned place_worst(const struct who *w)
{
	unsigned worst = 0;

	for (unsigned i = 1; i < w->n_places; i++) {
		const struct address_row *a = &w->place[i],
					 *b = &w->place[worst];
		bool typed = b->via == VIA_TYPED || b->via == VIA_FILE;
		if (typed || a->ok_ms < b->ok_ms)
			worst = i;
	}
	return worst;
}

/* An address of his, new or met again; ok_ms: when it answered, or 0. */
void place_add(struct core *c, struct who *w, const char *host, uint16_t port,
	       enum via via, int64_t ok_ms)
{
	struct address_row *a = NULL;

	for (unsigned i = 0; i < w->n_places && !a; i++)
		if (w->place[i].port == port &&
		    strcmp(w->place[i].host, host) == 0)
			a = &w->place[i];
	if (a && (!ok_ms || a->ok_ms == ok_ms))
		return;
	if (!a) {
		if (w->n_places == PLACES_MAX) {
			a = &w->place[place_worst(w)];
			if (w->row.shown.id > 0 && !c->disk)
				store_address_drop(c->store, a);
		} else {
			w->place = xrealloc(w->place, (w->n_places + 1) *
							  sizeof(*w->place));
			a = &w->place[w->n_places++];
		}
		*a = (struct address_row){.port = port, .via = via};
		snprintf(a->host, sizeof(a->host), "%s", host);
		c->typed = 0;
	}
	a->contact = w->row.shown.id;
	if (ok_ms) {
		a->ok_ms = ok_ms;
		a->fails = 0;
	}
	if (c->disk)
		w->unsaved = true;
	else if (w->row.shown.id > 0)
		store_address(c->store, a);
}

/* ---- requests ---- */

static void request_accepted(struct core *c, struct who *w, struct message *m)
{
	if (!m->incoming || m->delivery != D_REQUEST)
		return;
	m->delivery = D_RECEIVED;
	store_update(c->store, m);
	tell_status(c, hard(c), m);
	if (w->row.shown.requests)
		w->row.shown.requests--;
	if (m->n > w->row.shown.read_upto)
		w->row.shown.unread++;
}

static void requests_of_run(struct core *c, struct who *w)
{
	for (unsigned i = 0; i < w->n_request; i++) {
		struct message *m;
		if (store_message(c->store, w->row.shown.id, w->request[i], &m))
			continue;
		request_accepted(c, w, m);
		message_free(m);
	}
	free(w->request);
	w->request = NULL;
	w->n_request = 0;
}

/* Those of earlier runs: until he was accepted nothing but requests was
 * stored, so all of them are on the newest page. */
void requests_ask(struct core *c, struct who *w)
{
	struct job j = {.kind = JOB_PAGE, .contact = w->row.shown.id};

	if (!w->row.shown.requests || w->accepting)
		return;
	w->accepting = true;
	j.query = (struct query){.with = w->row.shown.id, .limit = PAGE_MAX};
	effects_put(c->fx, &(struct effect){.kind = FX_JOB, .job = &j});
}

void requests_page(struct core *c, const struct job *j)
{
	struct who *w = who_find(c, j->contact);

	if (!w)
		return;
	w->accepting = false;
	if (j->err)
		return;
	for (size_t i = 0; i < j->page.n; i++)
		request_accepted(c, w, j->page.row[i]);
	w->row.shown.requests = 0;
	tell_peer(c, w);
}

/* Answering accepts, and so does `trust`. */
void who_accept(struct core *c, const struct now *now, struct who *w)
{
	if (!who_stranger(w) || pubkey_none(&w->row.shown.key))
		return;
	if (!w->row.shown.last && c->n_strangers)
		c->n_strangers--;
	w->row.shown.trust = TRUST_PINNED;
	w->row.pinned_ms = now->wall_us / MS_US;
	w->request_bytes = 0;
	requests_of_run(c, w);
	requests_ask(c, w);
	who_save(c, w);
	tell_peer(c, w);
}

/* Who was named as a center is not trusted as a person: of anybody a key can
 * be named so. */
void who_speaks(struct core *c, struct who *w)
{
	if (!w || !w->post || !w->row.hidden)
		return;
	w->post = w->row.hidden = false;
	w->row.shown.trust = TRUST_NEW;
	if (!w->row.shown.last)
		c->n_strangers++;
	who_save(c, w);
	tell_peer(c, w);
}

/* ---- from the store, and back ---- */

static void load_places(struct core *c, struct who *w)
{
	struct address_row a;

	for (unsigned i = 0;
	     i < PLACES_MAX &&
	     store_address_next(c->store, w->row.shown.id, i, &a);
	     i++) {
		w->place =
		    xrealloc(w->place, (w->n_places + 1) * sizeof(*w->place));
		w->place[w->n_places++] = a;
		w->named |= a.via == VIA_TYPED || a.via == VIA_FILE;
	}
}

void who_load(struct core *c)
{
	struct contact_row row;
	contact_id after = 0;

	while (store_contact_next(c->store, after, &row)) {
		after = row.shown.id;
		struct who *w = who_make();
		w->row = row;
		if (row.shown.draft)
			w->row.shown.draft = xstrndup(view(row.shown.draft));
		w->row.shown.presence = P_OFFLINE;
		w->row.shown.secure = false;
		w->row.shown.gone = false;
		w->row.shown.at = (struct addr){0};
		/* What they weighed is not kept: a fair share each. */
		if (c->rules.request_texts)
			w->request_bytes =
			    row.shown.requests *
			    (c->rules.request_bytes / c->rules.request_texts);
		w->told_of = !row.hidden;
		/* who was forgotten is a stranger again; a center is not */
		w->post = row.hidden && row.shown.trust == TRUST_PINNED;
		w->more = row.shown.waiting > 0;
		w->unnumbered = w->more;
		who_enter(c, w);
		load_places(c, w);
		keyless_begin(w);
	}
}

static int by_host(const void *x, const void *y)
{
	const struct address_row *const *a = x, *const *b = y;
	int order = strcmp((*a)->host, (*b)->host);

	return order ? order : (*a)->port - (*b)->port;
}

static void dump_places(const struct who *w, struct buf *out)
{
	const struct address_row *by[PLACES_MAX];

	for (unsigned i = 0; i < w->n_places; i++)
		by[i] = &w->place[i];
	qsort(by, w->n_places, sizeof(by[0]), by_host);
	for (unsigned i = 0; i < w->n_places; i++)
		buf_printf(out, "  at %s %u%s\n", by[i]->host,
			   (unsigned)by[i]->port, by[i]->self ? " self" : "");
}

static void dump_who(struct core *c, const struct who *w, struct buf *out)
{
	const struct contact *s = &w->row.shown;

	buf_printf(out, "contact %lld %s %s trust %d%s%s nick %s petname %s",
		   (long long)s->id, w->id, s->ident, (int)s->trust,
		   s->blocked ? " blocked" : "", s->changed ? " changed" : "",
		   s->nick, s->petname);
	buf_printf(out, " waiting %u requests %u last %lld out %llu\n",
		   s->waiting, s->requests, (long long)s->last,
		   (unsigned long long)w->row.out_seq);
	dump_places(w, out);
	(void)c;
}

void core_dump(struct core *c, struct buf *out)
{
	struct page page;
	message_n after = 0;

	for (size_t i = 0; i < c->n_list; i++)
		dump_who(c, c->list[i], out);
	do {
		if (store_outbox(c->store, after, &page))
			return;
		for (size_t i = 0; i < page.n; i++)
			buf_printf(out, "row %lld with %lld seq %llu %s\n",
				   (long long)page.row[i]->n,
				   (long long)page.row[i]->with,
				   (unsigned long long)page.row[i]->seq,
				   page.row[i]->text);
		after = page.more ? page.next : 0;
		page_free(&page);
	} while (after);
}
