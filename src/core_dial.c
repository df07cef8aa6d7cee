#include "src/core_impl.h"
#include <stdio.h>
#include <stdlib.h>

/* Whom we dial. One contact has one round at a time: all its addresses, the
 * last good one first, 250 ms apart, names asked of the worker on the way;
 * the first handshake wins; when all failed, or after two seconds, through a
 * center, too (core_relay.c).
 * A round that came to nothing is followed by the next after random(0, min(cap,
 * 1 s * 2^n)), as long as there is a reason. */

enum { RELAY_AFTER_US = 2000000 }; /* since the last address was dialled */

int64_t jitter(const struct now *now, int64_t span_us)
{
	uint64_t r;

	if (span_us <= 0)
		return 0;
	rng_fill(now->rng, (uint8_t *)&r, sizeof(r));
	return (int64_t)(r % (uint64_t)span_us);
}

static bool waited_for(const struct core *c, const struct who *w)
{
	for (const struct wait *i = c->waits; i; i = i->next)
		if (i->contact == w->row.shown.id)
			return true;
	return false;
}

bool dial_needed(const struct core *c, const struct who *w)
{
	return w->row.shown.waiting || w->dial.keep || w->errand ||
	       waited_for(c, w);
}

bool dial_wanted(const struct core *c, const struct who *w)
{
	const struct contact *s = &w->row.shown;

	if (w->conn || w->plain || s->blocked || s->gone || c->quit ||
	    who_self(w) || (!w->n_places && !relay_way(c, w)))
		return false;
	if (dial_needed(c, w))
		return true;
	return !who_stranger(w) && !w->row.hidden;
}

static int64_t back_off(const struct core *c, const struct now *now,
			unsigned fails)
{
	int64_t cap =
	    c->rules.redial_cap_us ? c->rules.redial_cap_us : 300 * SECOND_US;
	int64_t span = fails > 20 ? cap : SECOND_US << fails;

	return jitter(now, span < cap ? span : cap);
}

static void dial_one(struct core *c, struct who *w, struct addr at)
{
	effects_put(c->fx, &(struct effect){.kind = FX_DIAL,
					    .dialect = &dialect_sotto,
					    .at = at,
					    .contact = w->row.shown.id,
					    .pin = w->row.shown.key});
	w->dial.open++;
}

static void round_end(struct core *c, const struct now *now, struct who *w,
		      const char *why)
{
	char text[400];

	w->dial.round = false;
	w->dial.fails++;
	timer_stop(&c->heap, &w->dial.timer);
	snprintf(text, sizeof(text), "%s: %s", who_name(w), why);
	wait_answer(c, w->row.shown.id,
		    w->row.shown.changed ? CODE_KEY : CODE_UNREACHABLE, text);
	post_unreached(c, w, text);
	if (!w->conn)
		presence_set(c, w, P_OFFLINE);
	dial_later(c, now, w);
	if (w->row.shown.waiting)
		post_away(c, now, w);
}

static void round_over(struct core *c, const struct now *now, struct who *w,
		       const char *why)
{
	if (!relay_try(c, now, w))
		round_end(c, now, w, why);
	else if (w->row.shown.waiting && !w->row.seen_ms)
		post_away(c, now, w); /* he may not want a stranger's link */
}

void dial_over(struct core *c, const struct now *now, struct who *w)
{
	if (w->dial.round && !w->dial.open && !w->dial.names)
		round_end(c, now, w, "cannot be reached");
}

/* His addresses may still answer: that would be a second link. */
void dial_relayed(struct core *c, struct who *w)
{
	timer_stop(&c->heap, &w->dial.timer);
	w->dial.round = false;
	w->dial.n = w->dial.next = 0;
}

/* Dials the next address, if one is known by now. */
static void round_step(struct core *c, const struct now *now, struct who *w)
{
	struct dialling *d = &w->dial;

	if (d->next < d->n) {
		dial_one(c, w, d->at[d->next++]);
		if (d->next < d->n || relay_way(c, w))
			timer_set(&c->heap, &d->timer,
				  now->mono_us + (d->next < d->n
						      ? 250 * MS_US
						      : RELAY_AFTER_US));
		return;
	}
	if (!d->open && !d->names)
		round_over(c, now, w, "no answer");
	else
		relay_try(c, now, w);
}

/* False: it is there already, or there are enough. */
static bool round_add(struct dialling *d, struct addr at)
{
	for (unsigned i = 0; i < d->n; i++)
		if (memcmp(d->at[i].ip, at.ip, sizeof(at.ip)) == 0 &&
		    d->at[i].port == at.port)
			return false;
	if (d->n == ADDRS_MAX)
		return false;
	d->at[d->n++] = at;
	return true;
}

/* All that are known were dialled: the timer, if any, is not for the next. */
static bool round_idle(const struct dialling *d)
{
	return d->next == d->n;
}

static bool ask_name(struct core *c, struct who *w, const struct address_row *a)
{
	struct job j = {
	    .kind = JOB_RESOLVE, .contact = w->row.shown.id, .port = a->port};

	if (c->resolving == RESOLVE_MAX)
		return false;
	j.host =
	    xstrndup((struct bytes){(const uint8_t *)a->host, strlen(a->host)});
	effects_put(c->fx, &(struct effect){.kind = FX_JOB, .job = &j});
	free(j.host);
	c->resolving++;
	w->dial.names++;
	return true;
}

static int better_place(const void *x, const void *y)
{
	const struct address_row *a = *(struct address_row *const *)x;
	const struct address_row *b = *(struct address_row *const *)y;

	return (a->ok_ms < b->ok_ms) - (a->ok_ms > b->ok_ms);
}

/* True: a name could not be asked now. */
static bool round_fill(struct core *c, struct who *w)
{
	const struct address_row *by[PLACES_MAX];
	unsigned n = 0;
	bool busy = false;

	for (unsigned i = 0; i < w->n_places && n < PLACES_MAX; i++)
		if (!w->place[i].self)
			by[n++] = &w->place[i];
	qsort(by, n, sizeof(by[0]), better_place);
	for (unsigned i = 0; i < n; i++) {
		struct addr at = {.port = by[i]->port};
		if (ip_typed(by[i]->host, &at))
			round_add(&w->dial, at);
		else
			busy |= !ask_name(c, w, by[i]);
	}
	return busy;
}

void dial_now(struct core *c, const struct now *now, struct who *w)
{
	struct dialling *d = &w->dial;

	if (w->plain) {
		keyless_pump(c, now, w);
		return;
	}
	if (w->conn || d->round || w->row.shown.blocked || c->quit)
		return;
	d->n = d->next = d->open = d->names = 0;
	d->relay = false;
	d->last_us = now->mono_us;
	if (round_fill(c, w) && !d->n && !d->names) {
		/* four names are being asked already */
		timer_set(&c->heap, &d->timer, now->mono_us + SECOND_US);
		return;
	}
	if (!d->n && !d->names) {
		d->round = true;
		round_over(c, now, w, "no address");
		return;
	}
	d->round = true;
	timer_stop(&c->heap, &d->timer);
	presence_set(c, w, P_DIALLING);
	round_step(c, now, w);
}

void dial_soon(struct core *c, const struct now *now, struct who *w)
{
	int64_t at = w->dial.last_us + SECOND_US;

	if (w->plain) {
		keyless_pump(c, now, w);
		return;
	}
	if (w->conn || w->dial.round || w->row.shown.blocked)
		return;
	if (!w->dial.last_us || at <= now->mono_us)
		dial_now(c, now, w);
	else if (!w->dial.timer.pos || w->dial.timer.at > at)
		timer_set(&c->heap, &w->dial.timer, at);
}

static bool given_up(const struct who *w)
{
	bool reason = w->row.shown.waiting || w->named || !who_stranger(w);

	return w->dial.fails >= STRANGER_TRIES && !reason;
}

void dial_later(struct core *c, const struct now *now, struct who *w)
{
	if (w->plain) {
		keyless_pump(c, now, w);
		return;
	}
	if (w->dial.round || !dial_wanted(c, w) || given_up(w))
		return;
	timer_set(&c->heap, &w->dial.timer,
		  now->mono_us + back_off(c, now, w->dial.fails));
}

void dial_stop(struct core *c, struct who *w)
{
	timer_stop(&c->heap, &w->dial.timer);
	relay_stop(c, w);
	w->dial.round = false;
	w->dial.n = w->dial.next = w->dial.open = w->dial.names = 0;
}

void dial_timer(struct core *c, const struct now *now, struct who *w)
{
	if (w->plain)
		keyless_timer(c, now, w);
	else if (w->dial.round)
		round_step(c, now, w);
	else if (!w->conn)
		dial_now(c, now, w);
}

void dial_up(struct core *c, struct who *w)
{
	bool more = w->dial.open > 1;

	timer_stop(&c->heap, &w->dial.timer);
	w->dial.round = false;
	w->dial.open = more ? w->dial.open - 1 : 0;
	w->dial.n = w->dial.next = 0;
}

static void strike_place(struct core *c, struct who *w, const struct addr *at)
{
	char host[ADDR_TEXT];

	ip_text(host, at);
	for (unsigned i = 0; i < w->n_places; i++) {
		if (w->place[i].port != at->port ||
		    strcmp(w->place[i].host, host) != 0)
			continue;
		if (w->row.shown.id > 0)
			store_address_drop(c->store, &w->place[i]);
		w->place[i] = w->place[--w->n_places];
		return;
	}
}

/* Somebody else answers at his address. When it is somebody we
 * know the address was given to him; else it may be an attack, or his new
 * key: nothing is sent until a person decides. */
static void met_another(struct core *c, const struct now *now, struct who *w,
			const struct pubkey *key)
{
	struct dialling *d = &w->dial;
	struct addr at = d->next ? d->at[d->next - 1] : (struct addr){0};
	struct who *other = who_by_key(c, key);
	char text[ADDR_TEXT];

	addr_text(text, &at);
	if (memcmp(key, &c->self, sizeof(*key)) == 0) {
		strike_place(c, w, &at);
		return;
	}
	if (other && other != w) {
		tell_notice(c, LEVEL_INFO, "%s is %s now, not %s", text,
			    who_name(other), who_name(w));
		strike_place(c, w, &at);
		ip_text(text, &at);
		place_add(c, other, text, at.port, VIA_SEEN, 0);
		if (!other->dial.round)
			dial_now(c, now, other);
		else if (round_idle(&other->dial) &&
			 round_add(&other->dial, at))
			round_step(c, now, other);
		else
			round_add(&other->dial, at);
		return;
	}
	bool again = w->row.shown.changed;
	w->row.key_changed = *key;
	w->row.shown.changed = true;
	outbox_load(c, now, w);
	outbox_held(c, w, true);
	if (again)
		return;
	who_save(c, w);
	tell_security(c, w, "key_changed");
	tell_peer(c, w);
}

void dial_failed(struct core *c, const struct now *now, struct who *w,
		 const struct pubkey *key, enum err why)
{
	struct dialling *d = &w->dial;

	if (!d->open)
		return; /* of an earlier round, or a link we closed */
	d->open--;
	if (why == ERR_AUTH && !pubkey_none(key) &&
	    !pubkey_none(&w->row.shown.key))
		met_another(c, now, w, key);
	if (!d->round)
		return;
	if (d->next < d->n || d->open || d->names) {
		if (d->next < d->n && !d->open)
			round_step(c, now, w);
		return;
	}
	round_over(c, now, w,
		   w->row.shown.changed ? "another key answers there"
					: "cannot be reached");
}

void dial_resolved(struct core *c, const struct now *now, const struct job *j)
{
	struct who *w = who_find(c, j->contact);

	if (c->resolving)
		c->resolving--;
	if (w && w->plain) {
		keyless_resolved(c, now, w, j);
		return;
	}
	if (!w || !w->dial.names)
		return;
	w->dial.names--;
	if (!w->dial.round)
		return;
	bool idle = round_idle(&w->dial);
	for (size_t i = 0; i < j->n_addr && !j->err; i++) {
		struct addr at = j->addr[i];
		at.port = j->port;
		round_add(&w->dial, at);
	}
	if (w->dial.next < w->dial.n && idle) {
		round_step(c, now, w);
		return;
	}
	if (!w->dial.open && !w->dial.names && w->dial.next == w->dial.n)
		round_over(c, now, w, "the name cannot be resolved");
}

/* ---- by ourselves: start, sleep, hints ---- */

static bool heard_lately(const struct who *w, int64_t wall_ms)
{
	int64_t age = wall_ms - w->row.seen_ms;

	return w->row.seen_ms && age < 30 * DAY_MS;
}

/* Who has something coming, and pinned ones heard lately. */
void dial_start(struct core *c, const struct now *now)
{
	unsigned n = 0;

	for (size_t i = 0; i < c->n_list; i++) {
		struct who *w = c->list[i];
		bool friend = !who_stranger(w) && n < START_MAX &&
			      heard_lately(w, now->wall_us / MS_US);
		if (w->dial.round || !dial_wanted(c, w) ||
		    !(w->row.shown.waiting || friend || w->dial.keep))
			continue;
		n++;
		timer_set(&c->heap, &w->dial.timer,
			  now->mono_us + jitter(now, 2 * SECOND_US));
	}
}

/* After sleep: one immediate try for all that wait. */
void dial_woke(struct core *c, const struct now *now)
{
	for (size_t i = 0; i < c->n_list; i++) {
		struct who *w = c->list[i];
		if (w->dial.round || !dial_wanted(c, w))
			continue;
		w->dial.fails = 0;
		timer_set(&c->heap, &w->dial.timer,
			  now->mono_us + jitter(now, 2 * SECOND_US));
	}
}

bool dial_token(struct core *c, const struct now *now)
{
	unsigned max = c->rules.max_dials_minute;
	int64_t each = 60 * SECOND_US / (max ? max : 1);
	int64_t made = (now->mono_us - c->hint_us) / each;

	if (made > 0) {
		int64_t have = c->hint_tokens + made;
		c->hint_tokens = have > max ? max : (unsigned)have;
		c->hint_us += made * each;
	}
	if (!c->hint_tokens)
		return false;
	c->hint_tokens--;
	return true;
}

/* The larger id waits, so that not both dial at once. */
static int64_t courtesy(const struct core *c, const struct now *now,
			const struct hint *h)
{
	if (h->via == VIA_FILE)
		return jitter(now, 2 * SECOND_US);
	if (h->id[0] && strcmp(c->id, h->id) > 0)
		return 2 * SECOND_US;
	return 0;
}

static void hint_known(struct core *c, const struct now *now, struct who *w,
		       const struct hint *h)
{
	if (h->via == VIA_LAN && w->row.shown.presence != P_ONLINE)
		w->row.shown.via = VIA_LAN;
	if (h->via == VIA_FILE)
		w->named = w->dial.keep = true;
	if (w->conn || w->row.shown.blocked)
		return;
	place_add(c, w, h->host, h->port, h->via, 0);
	if (w->dial.round)
		return;
	/* Anybody may claim his id: not more than one round in two seconds. */
	int64_t at = now->mono_us + courtesy(c, now, h);
	if (w->dial.last_us && at < w->dial.last_us + 2 * SECOND_US)
		at = w->dial.last_us + 2 * SECOND_US;
	if (!w->dial.timer.pos || w->dial.timer.at > at)
		timer_set(&c->heap, &w->dial.timer, at);
}

static struct who *lead_at(struct core *c, const struct hint *h)
{
	for (size_t i = 0; i < c->n_leads; i++) {
		struct who *w = c->lead[i];
		if (w->n_places && w->place[0].port == h->port &&
		    strcmp(w->place[0].host, h->host) == 0)
			return w;
	}
	return NULL;
}

static struct who *contact_at(struct core *c, const struct hint *h)
{
	char ident[IDENT_TEXT];

	if (!ident_text(ident, h->host, h->port))
		return NULL;
	return who_by_ident(c, ident);
}

static void hint_unknown(struct core *c, const struct now *now,
			 const struct hint *h)
{
	struct who *w = lead_at(c, h);

	if (w && (w->conn || w->dial.round || w->dial.timer.pos))
		return;
	if (w && w->n_places && w->place[0].self)
		return;
	if (h->via != VIA_FILE && !dial_token(c, now))
		return;
	if (!w)
		w = contact_at(c, h);
	if (!w) {
		w = lead_new(c);
		if (!w)
			return;
		w->row.shown.via = h->via;
		snprintf(w->row.shown.nick, sizeof(w->row.shown.nick), "%s",
			 h->nick);
		place_add(c, w, h->host, h->port, h->via, 0);
	}
	if (h->via == VIA_FILE)
		w->named = w->dial.keep = true;
	timer_set(&c->heap, &w->dial.timer, now->mono_us + courtesy(c, now, h));
}

void core_hint(struct core *c, const struct now *now, const struct hint *h)
{
	struct who *w = NULL;

	if (h->dialect != &dialect_sotto) {
		keyless_hint(c, now, h);
		return;
	}
	if (!h->port || !h->host[0] || strcmp(h->id, c->id) == 0)
		return;
	if (!pubkey_none(&h->key))
		w = who_by_key(c, &h->key);
	else if (h->id[0])
		w = who_by_id(c, h->id);
	else
		w = who_at(c, h->host, h->port);
	if (w && w->row.shown.id > 0)
		hint_known(c, now, w, h);
	else
		hint_unknown(c, now, h);
}
