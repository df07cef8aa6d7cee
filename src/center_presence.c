#include "src/center_desk.h"
#include <stdio.h>
#include <stdlib.h>

/* Who is logged in, and that all others hear of it. When thousands come at
 * once, each hearing of each would be millions of packets: so it is said to all
 * together, NAMES_S names a second counted once for each who hears it, many
 * names in a packet. What is seldom is said at once. */
enum {
	NAMES_S = 400000,
	GATHER_MS = 250,     /* between two rounds of a rush */
	BATCH = 64,          /* names in a packet */
	CHANGES_MAX = 16384, /* not said yet; the oldest never are */
};

/* He came (the key is his person's), or went. */
struct change {
	bool here;
	char user[CENTER_NAME_MAX + 1];
	char key[65];
};

struct changes {
	struct change *change; /* a ring of `cap`, from `first` on */
	size_t first, n, cap;
	size_t fresh; /* so many at its end: their keys are not known yet */
	double names; /* that may be said now, to all */
	int64_t filled_ms, said_ms;
};

static struct change *change_at(const struct changes *p, size_t i)
{
	return &p->change[(p->first + i) % p->cap];
}

static struct change *change_add(struct changes *p)
{
	if (p->n == CHANGES_MAX) {
		p->first = (p->first + 1) % p->cap;
		p->n--;
	}
	if (p->n == p->cap) {
		size_t cap = p->cap ? 2 * p->cap : 64;
		struct change *all = xmalloc(cap * sizeof(*all));
		for (size_t i = 0; i < p->n; i++)
			all[i] = *change_at(p, i);
		free(p->change);
		p->change = all;
		p->first = 0;
		p->cap = cap;
	}
	p->fresh += p->fresh < CHANGES_MAX;
	struct change *new = change_at(p, p->n++);
	*new = (struct change){0};
	return new;
}

/* ---- persons ---- */

static struct person **person_slot(struct center *c, const char *user)
{
	uint32_t h = 2166136261u; /* FNV-1a */

	for (const char *s = user; *s; s++)
		h = (h ^ (uint8_t)*s) * 16777619u;
	struct person **p = &c->person[h % DESK_BUCKETS];
	while (*p && strcmp((*p)->user, user) != 0)
		p = &(*p)->next;
	return p;
}

struct person *person_of(struct center *c, const char *user)
{
	return *person_slot(c, user);
}

void people_free(struct center *c)
{
	for (size_t i = 0; i < DESK_BUCKETS; i++)
		while (c->person[i]) {
			struct person *p = c->person[i];
			c->person[i] = p->next;
			free(p);
		}
	if (c->changes)
		free(c->changes->change);
	free(c->changes);
}

/* Which of his devices: the one that logged in last. */
bool person_key(struct center *c, const char *user, struct pubkey *key)
{
	struct center_acct *a = xmalloc(sizeof(*a));
	uint64_t rev;
	bool has = !c->b->acct_get(c->b, user, a, &rev) && a->n_keys;

	if (has)
		*key = a->key[a->n_keys - 1];
	free(a);
	return has;
}

static void note_change(struct center *c, const struct person *p, bool here)
{
	if (!c->changes) {
		c->changes = xzalloc(sizeof(*c->changes));
		c->changes->names = NAMES_S; /* that is a bound */
	}
	struct change *new = change_add(c->changes);
	new->here = here;
	memcpy(new->user, p->user, sizeof(new->user));
	memcpy(new->key, p->key, sizeof(new->key));
}

/* Of the backend: it may not be asked in here. */
void people_presence(void *ctx, const char *user, const char *node)
{
	struct center *c = ctx;
	struct person **slot = person_slot(c, user), *p = *slot;

	if (node && !p) {
		p = *slot = xzalloc(sizeof(*p));
		snprintf(p->user, sizeof(p->user), "%s", user);
		p->fresh = true;
		note_change(c, p, true);
	}
	if (node || !p)
		return;
	*slot = p->next;
	if (!p->fresh) /* else nobody has heard that he came */
		note_change(c, p, false);
	free(p);
}

/* ---- saying it ---- */

static void keys_find(struct center *c)
{
	struct changes *p = c->changes;
	struct pubkey key;

	for (size_t i = p->n - (p->fresh < p->n ? p->fresh : p->n); i < p->n;
	     i++) {
		struct change *ch = change_at(p, i);
		struct person *who = ch->here ? person_of(c, ch->user) : NULL;
		if (!who || who->key[0] || !person_key(c, ch->user, &key))
			continue;
		key_hex(who->key, &key);
		memcpy(ch->key, who->key, sizeof(ch->key));
	}
	p->fresh = 0;
}

/* The next one that is still so, or went. */
static bool change_take(struct center *c, struct change *out)
{
	struct changes *p = c->changes;

	while (p->n) {
		*out = *change_at(p, 0);
		p->first = (p->first + 1) % p->cap;
		p->n--;
		if (!out->here)
			return true;
		struct person *who = person_of(c, out->user);
		if (!who || !who->fresh)
			continue;
		who->fresh = false;
		memcpy(out->key, who->key, sizeof(out->key));
		return true;
	}
	return false;
}

/* What is told of a batch: many as text, a line each, "user key"; one as words
 * of its own. The text without the line of whoever hears it is made for him. */
static void lines_make(struct buf *out, const struct change *change, size_t n,
		       bool here, const char *but)
{
	for (size_t i = 0; i < n; i++)
		if (change[i].here == here && strcmp(change[i].user, but) != 0)
			buf_printf(out, "%s%s %s", out->n ? "\n" : "",
				   change[i].user, change[i].key);
}

static void say_lines(struct center *c, const struct desk *d, struct bytes s,
		      bool here)
{
	struct packet p = {.verb = here ? CENTER_ONLINE : CENTER_OFFLINE};
	const uint8_t *blank = s.n ? memchr(s.p, ' ', s.n) : NULL;

	if (!blank)
		return;
	p.text = s;
	if (!memchr(s.p, '\n', s.n)) {
		size_t user = (size_t)(blank - s.p), key = s.n - user - 1;
		p.word[0] = (struct bytes){s.p, user};
		p.word[1] = (struct bytes){blank + 1, key};
		p.n_words = key ? 2 : 1;
		p.text = (struct bytes){0};
	}
	desk_say(c, d->link, &p);
}

static bool in_batch(const struct change *change, size_t n, const char *user)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(change[i].user, user) == 0)
			return true;
	return false;
}

static void say_changes(struct center *c, const struct desk *d,
			const struct change *change, size_t n, struct bytes all,
			bool here)
{
	struct buf mine = {0};

	if (!in_batch(change, n, d->user)) {
		say_lines(c, d, all, here);
		return;
	}
	lines_make(&mine, change, n, here, d->user);
	say_lines(c, d, (struct bytes){mine.p, mine.n}, here);
	buf_free(&mine);
}

/* Who went may have come again since: so those come first. */
static void say_batch(struct center *c, const struct change *change, size_t n)
{
	struct buf went = {0}, came = {0};

	lines_make(&went, change, n, false, "");
	lines_make(&came, change, n, true, "");
	EACH_DESK(c, d)
	{
		if (!d->user[0])
			continue;
		say_changes(c, d, change, n, (struct bytes){went.p, went.n},
			    false);
		say_changes(c, d, change, n, (struct bytes){came.p, came.n},
			    true);
	}
	buf_free(&went);
	buf_free(&came);
}

static double hearers(const struct center *c)
{
	double n = 1;

	EACH_DESK(c, d) n += d->user[0] != '\0';
	return n;
}

static void names_fill(struct center *c, struct changes *p)
{
	double a_second = NAMES_S / hearers(c);

	p->names += (double)(c->now_ms - p->filled_ms) / 1000 * a_second;
	if (p->names > a_second)
		p->names = a_second;
	if (p->names < 1 && a_second < 1)
		p->names = 1;
	p->filled_ms = c->now_ms;
}

void people_settle(struct center *c)
{
	struct changes *p = c->changes;
	struct change *batch;

	if (!p || !p->n)
		return;
	if (p->fresh)
		keys_find(c);
	names_fill(c, p);
	if ((double)p->n > p->names && c->now_ms - p->said_ms < GATHER_MS)
		return;
	p->said_ms = c->now_ms;
	batch = xmalloc(BATCH * sizeof(*batch));
	while (p->names >= 1 && p->n) {
		size_t n = 0;
		while (n < BATCH && p->names >= 1 &&
		       change_take(c, &batch[n])) {
			p->names--;
			n++;
		}
		say_batch(c, batch, n);
	}
	free(batch);
}

int people_wait_ms(const struct center *c)
{
	return c->changes && c->changes->n ? GATHER_MS : INT32_MAX;
}
