#include "src/core_plain.h"
#include "src/crash.h"
#include <stdio.h>
#include <stdlib.h>

/* ---- contacts ---- */

static const struct way *way_of(const struct dialect *d)
{
	if (d == &dialect_json)
		return &way_json;
	if (d == &dialect_center)
		return &way_center;
	if (d->traits & T_TRANSACTION)
		return seal_built(d->seal) && d->seal != SEAL_NONE ? &way_errand
								   : NULL;
	return d == &dialect_mesh ? &way_mesh : NULL;
}

static bool same_addr(const struct addr *a, const struct addr *b)
{
	return a->port == b->port && memcmp(a->ip, b->ip, sizeof(a->ip)) == 0;
}

/* "json://127.0.0.1:5000" */
static bool ident_plain(char out[static IDENT_TEXT], const struct dialect *d,
			const char *host, uint16_t port)
{
	bool v6 = strchr(host, ':') != NULL;
	int n = snprintf(out, IDENT_TEXT, "%s://%s%s%s:%u", d->name,
			 v6 ? "[" : "", host, v6 ? "]" : "", (unsigned)port);

	return n > 0 && n < IDENT_TEXT;
}

/* Where he was met last, should his ident be a name. */
static void address_known(struct who *w)
{
	struct plain *p = w->plain;
	struct typed t;
	int64_t best = 0;

	if (typed_parse(w->row.shown.ident, &t) && ip_typed(t.host, &p->at)) {
		p->at.port = t.port;
		return;
	}
	for (unsigned i = 0; i < w->n_places; i++) {
		if (w->place[i].ok_ms <= best ||
		    !ip_typed(w->place[i].host, &p->at))
			continue;
		best = w->place[i].ok_ms;
		p->at.port = w->place[i].port;
	}
}

void keyless_begin(struct who *w)
{
	const struct dialect *d = dialect_named(w->row.shown.dialect);
	const struct way *way = d ? way_of(d) : NULL;

	if (!way || w->plain)
		return;
	w->plain = xmalloc(sizeof(*w->plain));
	*w->plain = (struct plain){.d = d, .way = way};
	address_known(w);
	w->row.shown.at = w->plain->at;
}

void keyless_end(struct who *w)
{
	if (!w->plain)
		return;
	free(w->plain->recent);
	free(w->plain->pem);
	free(w->plain);
	w->plain = NULL;
}

struct who *keyless_at(const struct core *c, const struct dialect *d,
		       const struct addr *at)
{
	for (size_t i = 0; i < c->n_list; i++) {
		struct who *w = c->list[i];
		if (w->plain && w->plain->d == d && at->port &&
		    same_addr(&w->plain->at, at))
			return w;
	}
	return NULL;
}

static struct who *plain_new(struct core *c, const struct now *now,
			     const struct dialect *d, const char *host,
			     uint16_t port, enum via via)
{
	struct contact_row row = {
	    .shown = {.dialect = d->name, .trust = TRUST_PLAIN, .via = via}};

	if (!ident_plain(row.shown.ident, d, host, port))
		return NULL;
	struct who *w = who_by_ident(c, row.shown.ident);
	if (!w)
		w = who_new(c, now, &row);
	return w;
}

struct who *keyless_stranger(struct core *c, const struct now *now,
			     const struct dialect *d, const struct addr *at)
{
	char host[ADDR_TEXT], ident[IDENT_TEXT];

	ip_text(host, at);
	if (c->disk || !ident_plain(ident, d, host, at->port))
		return NULL;
	if (!who_by_ident(c, ident) && c->n_plain_new++ >= PLAIN_NEW_MAX)
		return NULL;
	return plain_new(c, now, d, host, at->port, VIA_SEEN);
}

struct who *keyless_lead(struct core *c, const struct dialect *d,
			 const char *host, uint16_t port, enum via via)
{
	struct who *w = lead_new(c);

	if (!w)
		return NULL;
	w->row.shown.dialect = d->name;
	w->row.shown.trust = TRUST_PLAIN;
	w->row.shown.via = via;
	if (!ident_plain(w->row.shown.ident, d, host, port)) {
		who_remove(c, w);
		return NULL;
	}
	keyless_begin(w);
	return w;
}

/* A forgotten one is seen again. */
static void unhide(struct core *c, struct who *w)
{
	if (!w->row.hidden)
		return;
	w->row.hidden = false;
	who_save(c, w);
}

void keyless_meant(struct core *c, struct who *w)
{
	unhide(c, w);
	w->named = true;
	if (!w->told_of)
		tell_peer(c, w);
}

void keyless_seen(struct core *c, const struct now *now, struct who *w)
{
	w->plain->fails = 0;
	unhide(c, w);
	who_seen(c, now, w);
	presence_set(c, w, P_ONLINE);
}

void core_listens(struct core *c, const struct dialect *d, struct addr at)
{
	if (d == &dialect_center)
		c->pushes = at;
	else if (c->n_doors < sizeof(c->door) / sizeof(c->door[0]))
		c->door[c->n_doors++] = (struct door){d, at};
}

const struct door *keyless_door(const struct core *c, const struct dialect *d)
{
	for (size_t i = 0; i < c->n_doors; i++)
		if (c->door[i].d == d)
			return &c->door[i];
	return NULL;
}

/* ---- whom a PEER means ---- */

/* Who was met, or typed, with this address. */
static struct who *at_place(const struct core *c, const struct dialect *d,
			    const char *host, uint16_t port)
{
	for (size_t i = 0; i < c->n_list; i++) {
		struct who *w = c->list[i];
		for (unsigned k = 0; k < w->n_places && w->plain; k++)
			if (w->plain->d == d && w->place[k].port == port &&
			    strcmp(w->place[k].host, host) == 0)
				return w;
	}
	return NULL;
}

enum code keyless_find(struct core *c, const struct now *now,
		       const struct typed *t, bool make, struct who **out,
		       char why[static 256])
{
	char ident[IDENT_TEXT];
	struct addr at = {.port = t->port};

	if (!way_of(t->dialect)) {
		snprintf(why, 256, "%s:// is not in this version",
			 t->dialect->name);
		return CODE_USAGE;
	}
	if (!t->port) {
		snprintf(why, 256, "%s has no usual port: %s://%.100s:PORT",
			 t->dialect->name, t->dialect->name, t->host);
		return CODE_USAGE;
	}
	if (!ident_plain(ident, t->dialect, t->host, t->port))
		return CODE_UNKNOWN;
	struct who *w = who_by_ident(c, ident);
	if (!w && ip_typed(t->host, &at))
		w = keyless_at(c, t->dialect, &at);
	if (!w)
		w = at_place(c, t->dialect, t->host, t->port);
	if (!w && !make) {
		snprintf(why, 256, "%.200s: nobody known there", ident);
		return CODE_UNKNOWN;
	}
	if (!w)
		w = plain_new(c, now, t->dialect, t->host, t->port, VIA_TYPED);
	if (!w)
		return CODE_UNKNOWN;
	keyless_meant(c, w);
	*out = w;
	return CODE_OK;
}

/* ---- dialling ---- */

static bool ask_address(struct core *c, struct who *w)
{
	struct job j = {.kind = JOB_RESOLVE, .contact = w->row.shown.id};
	struct typed t;

	if (w->plain->asking)
		return true;
	if (c->resolving == RESOLVE_MAX || !typed_parse(w->row.shown.ident, &t))
		return false;
	j.host = xstrndup(view(t.host));
	j.port = t.port;
	effects_put(c->fx, &(struct effect){.kind = FX_JOB, .job = &j});
	free(j.host);
	c->resolving++;
	w->plain->asking = true;
	return true;
}

bool keyless_dial(struct core *c, struct who *w, ticket after,
		  const struct packet *says)
{
	struct plain *p = w->plain;

	if (p->dialling || c->quit)
		return false;
	if (!p->at.port)
		return ask_address(c, w);
	p->dialling = true;
	effects_put(c->fx, &(struct effect){.kind = FX_DIAL,
					    .after = after,
					    .dialect = p->d,
					    .at = p->at,
					    .contact = w->row.shown.id,
					    .packet = says});
	return true;
}

void keyless_back_off(struct core *c, const struct now *now, struct who *w)
{
	int64_t cap = c->rules.redial_cap_us;
	int64_t span = SECOND_US
		       << (w->plain->fails < 12 ? w->plain->fails : 12);

	w->plain->fails++;
	timer_set(&c->heap, &w->dial.timer,
		  now->mono_us + 200 * MS_US +
		      jitter(now, cap && cap < span ? cap : span));
}

/* Everything that waits comes to an end as if nobody had answered. */
void keyless_give_up(struct core *c, const struct now *now, struct who *w,
		     const char *why)
{
	outbox_load(c, now, w);
	while (w->first && !c->disk) {
		w->first->m->expire_ms = now->wall_us / MS_US - 1;
		outbox_end(c, now, w->first, D_FAILED, why);
		outbox_load(c, now, w);
	}
}

/* The old programs know IPv4 alone. */
static struct addr best_of(const struct job *j)
{
	static const uint8_t v4[12] = {[10] = 0xff, [11] = 0xff};

	for (size_t i = 0; i < j->n_addr; i++)
		if (memcmp(j->addr[i].ip, v4, sizeof(v4)) == 0)
			return j->addr[i];
	return j->addr[0];
}

void keyless_resolved(struct core *c, const struct now *now, struct who *w,
		      const struct job *j)
{
	struct plain *p = w->plain;
	char host[ADDR_TEXT], text[300];

	p->asking = false;
	if (j->err || !j->n_addr) {
		static const char why[] = "the name cannot be resolved";
		snprintf(text, sizeof(text), "%s: %s", who_name(w), why);
		wait_answer(c, w->row.shown.id, CODE_UNREACHABLE, text);
		presence_set(c, w, P_OFFLINE);
		keyless_give_up(c, now, w, why);
		return;
	}
	struct addr at = best_of(j);
	at.port = j->port;
	struct who *known = keyless_at(c, p->d, &at);
	if (known && known != w && !p->conn) { /* who has that address */
		struct typed t;
		if (typed_parse(w->row.shown.ident, &t))
			place_add(c, known, t.host, t.port, VIA_TYPED, 0);
		who_adopt(c, now, w, known);
		known->plain->way->pump(c, now, known);
		return;
	}
	p->at = at;
	w->row.shown.at = p->at;
	ip_text(host, &p->at);
	place_add(c, w, host, p->at.port, VIA_SEEN, now->wall_us / MS_US);
	tell_peer(c, w);
	p->way->pump(c, now, w);
}

/* ---- our RSA keys ---- */

static void rsa_ask(struct core *c, enum seal how)
{
	struct job j = {.kind = JOB_RSA, .seal = how};

	if (c->rsa_asked[how])
		return;
	c->rsa_asked[how] = true;
	effects_put(c->fx, &(struct effect){.kind = FX_JOB, .job = &j});
}

bool keyless_rsa(struct core *c, enum seal how, struct buf *pem)
{
	if (!keys_pem(c->our_keys, how, pem))
		return true;
	rsa_ask(c, how);
	return false;
}

void keyless_rsa_here(struct core *c, const struct now *now,
		      const struct job *j)
{
	if (j->err) {
		c->rsa_asked[j->seal] = false; /* the next text asks again */
		tell_notice(c, LEVEL_WARN, "our RSA key: %s",
			    j->why[0] ? j->why : err_text(j->err));
		return;
	}
	for (size_t i = 0; i < c->n_list; i++) {
		struct who *w = c->list[i];
		if (w->plain && w->plain->d->seal == j->seal)
			keyless_pump(c, now, w);
	}
}

/* ---- links ---- */

void core_plain_up(struct core *c, const struct now *now, link_id id,
		   const struct dialect *d, struct addr at, struct addr local,
		   contact_id dialled_for)
{
	struct who *w = dialled_for ? who_find(c, dialled_for) : NULL;
	struct conn *n = conn_find(c, id);
	const struct way *way = way_of(d);

	if (w && !w->plain)
		w = NULL;
	if (w)
		w->plain->dialling = false;
	if (!way || c->n_conns >= c->rules.max_links || c->quit) {
		effects_put(c->fx,
			    &(struct effect){.kind = FX_CLOSE, .link = id});
		return;
	}
	if (!n) {
		n = conn_new(c, id);
		n->d = d;
		n->at = at;
		n->up_us = now->mono_us;
	}
	n->local = local;
	n->dialled |= dialled_for != 0;
	way->up(c, now, n, w);
}

void keyless_packet(struct core *c, const struct now *now, struct conn *n,
		    const struct packet *p)
{
	way_of(n->d)->packet(c, now, n, p);
}

void keyless_down(struct core *c, const struct now *now, struct conn *n)
{
	struct who *w = n->peer;

	if (w && w->plain->conn == n)
		w->plain->conn = NULL;
	else
		w = NULL;
	if (w)
		w->plain->way->down(c, now, w, n);
}

void keyless_dial_failed(struct core *c, const struct now *now, struct who *w)
{
	if (!w->plain->dialling)
		return;
	w->plain->dialling = false;
	w->plain->way->down(c, now, w, NULL);
}

void keyless_send(struct core *c, const struct conn *n, ticket after,
		  const struct packet *p)
{
	effects_put(c->fx, &(struct effect){.kind = FX_SEND,
					    .after = after,
					    .link = n->id,
					    .packet = p});
}

void keyless_pump(struct core *c, const struct now *now, struct who *w)
{
	w->plain->way->pump(c, now, w);
}

void keyless_timer(struct core *c, const struct now *now, struct who *w)
{
	w->plain->way->timer(c, now, w);
}

void keyless_start(struct core *c, const struct now *now)
{
	struct buf pem = {0};

	for (size_t i = 0; i < c->n_doors; i++) {
		enum seal how = c->door[i].d->seal;
		if (how != SEAL_NONE && seal_built(how))
			keyless_rsa(c, how, &pem);
		buf_free(&pem);
	}
	for (size_t i = 0; i < c->n_list; i++) {
		struct who *w = c->list[i];
		if (w->plain && w->plain->d == &dialect_center)
			hub_start(c, now, w);
		else if (w->plain && w->row.shown.waiting && !w->dial.timer.pos)
			timer_set(&c->heap, &w->dial.timer,
				  now->mono_us + jitter(now, 2 * SECOND_US));
	}
}

/* peers.txt names whom to connect to where there are connections. */
void keyless_hint(struct core *c, const struct now *now, const struct hint *h)
{
	struct addr at = {.port = h->port};
	struct who *w;

	if (!(h->dialect->traits & T_HELLO_FIRST) || h->via != VIA_FILE ||
	    !h->host[0] || !h->port)
		return;
	w = at_place(c, h->dialect, h->host, h->port);
	if (!w && ip_typed(h->host, &at))
		w = keyless_at(c, h->dialect, &at);
	if (!w)
		w = keyless_lead(c, h->dialect, h->host, h->port, h->via);
	if (!w || w->plain->conn)
		return;
	w->named = w->dial.keep = true;
	timer_set(&c->heap, &w->dial.timer,
		  now->mono_us + jitter(now, 2 * SECOND_US));
}

bool keyless_connect(struct core *c, const struct now *now, struct who *w)
{
	return w->plain->way->connect && w->plain->way->connect(c, now, w);
}

void keyless_close(struct core *c, const struct now *now, struct who *w)
{
	if (w->plain->conn)
		conn_close(c, now, w->plain->conn);
}

/* ---- what is sent ---- */

/* As long as a quotation keeps it from fitting it gets shorter. */
static enum err shortened(const struct dialect *d, struct packet *p)
{
	enum err err;

	while ((err = dialect_check(d, p)) == ERR_LIMIT && p->quoted.n)
		p->quoted.n = utf8_cut(p->quoted, p->quoted.n / 2);
	return err;
}

/* Its timestamp, like any that it could get. */
static void check_packet(const struct who *w, const char *text,
			 const struct message *original, struct packet *p)
{
	static const char stamp[] = "1999999999.999999";
	const struct plain *l = w->plain;
	bool answers = original && (l->d->traits & T_STAMPS);

	*p = (struct packet){.kind = answers ? PKT_REPLY : PKT_MESSAGE,
			     .to = l->at,
			     .text = view(text)};
	memset(&p->from, 0xff, sizeof(p->from)); /* the longest */
	if (l->d->traits & T_STAMPS)
		p->stamp = view(stamp);
	if (!answers)
		return;
	p->orig_stamp = view(original->stamp);
	p->quoted = view(original->text);
}

enum code keyless_fits(const struct core *c, const struct who *w, bool private,
		       const char *text, const struct message *original,
		       char why[static 128])
{
	const struct dialect *d = w->plain->d;
	struct packet p;

	if (d == &dialect_center)
		return hub_fits(c, w, private, text, why);
	if (!w->plain->at.port && (d->traits & T_TRANSACTION) &&
	    strstr(w->row.shown.ident, ":0")) {
		snprintf(why, 128,
			 "he has not said where he listens: "
			 "/register HOST PORT");
		return CODE_UNREACHABLE;
	}
	check_packet(w, text, original, &p);
	switch ((int)shortened(d, &p)) {
	case OK:
		return CODE_OK;
	case ERR_LIMIT:
		snprintf(why, 128,
			 "too long for %s: %zu bytes; it holds %zu of plain "
			 "letters",
			 d->name, p.text.n, d->text_max);
		return CODE_TOO_LONG;
	default:
		snprintf(why, 128, "%s cannot carry that", d->name);
		return CODE_USAGE;
	}
}

/* Timestamps are the names of messages there: no two to one peer are the
 * same, and they grow even when our clock does not. */
void keyless_message(const struct now *now, struct who *w, bool private,
		     const struct message *original, struct message *m)
{
	struct plain *p = w->plain;
	struct packet fits;

	m->secure = false;
	m->from = (struct addr){0};
	if (private || p->d != &dialect_center)
		m->to = p->at;
	m->expire_ms = now->wall_us / MS_US + p->d->patience.give_up_us / MS_US;
	if (!(p->d->traits & T_STAMPS))
		return;
	p->stamp_us =
	    now->wall_us > p->stamp_us ? now->wall_us : p->stamp_us + 1;
	p->d->stamp(m->stamp, p->stamp_us);
	if (!original)
		return;
	check_packet(w, m->text, original, &fits);
	if (shortened(p->d, &fits))
		return;
	free(m->quote);
	m->quote = xstrndup(fits.quoted);
}

void keyless_expire(struct core *c, const struct now *now, struct who *w)
{
	for (struct row *r = w->first, *next; r && !c->disk; r = next) {
		next = r->next;
		if (outbox_expired(c, now, r->m))
			outbox_end(c, now, r, D_FAILED,
				   "not delivered in time");
	}
}

bool keyless_outbox(struct core *c, const struct now *now, struct who *w)
{
	if (c->disk || c->quit || w->row.shown.blocked)
		return false;
	if (w->more && w->n_rows < WINDOW_ROWS / 2)
		outbox_load(c, now, w);
	return w->first != NULL;
}

void keyless_row_packet(const struct who *w, const struct row *r,
			struct packet *p)
{
	const struct message *m = r->m;
	const struct conn *n = w->plain->conn;
	bool stamps = w->plain->d->traits & T_STAMPS;

	*p = (struct packet){.kind = PKT_MESSAGE, .text = view(m->text)};
	if (n) {
		p->from = n->local;
		p->to = n->at;
	}
	if (!stamps)
		return;
	p->stamp = view(m->stamp);
	p->sent_us = m->sent_ms * MS_US;
	if (!m->quote)
		return;
	p->kind = PKT_REPLY;
	p->orig_stamp = view(m->quote_stamp);
	p->quoted = view(m->quote);
}

static void remember(struct plain *p, const struct message *m)
{
	struct recent *r;

	if (!p->recent) {
		p->recent = xmalloc(RECENT_MAX * sizeof(*p->recent));
		memset(p->recent, 0, RECENT_MAX * sizeof(*p->recent));
	}
	r = &p->recent[p->n_recent++ % RECENT_MAX];
	memcpy(r->stamp, m->stamp, sizeof(r->stamp));
	r->id = m->id;
}

void keyless_row_flies(const struct now *now, struct row *r)
{
	struct who *w = r->who;

	if (r->m->tries++ == 0 && r->m->stamp[0])
		remember(w->plain, r->m);
	r->sent_us = now->mono_us;
	if (r->sent)
		return;
	r->sent = true;
	w->n_sent++;
	w->sent_bytes += strlen(r->m->text);
}

void keyless_row_sent(struct core *c, struct row *r)
{
	if (!r || r->m->delivery != D_QUEUED)
		return;
	r->m->delivery = D_SENT;
	tell_status(c, r->after, r->m);
}

struct row *keyless_flying(const struct who *w)
{
	struct row *r = w->first;

	while (r && !r->sent)
		r = r->next;
	return r;
}

/* ---- what arrives ---- */

/* What he answers: ours, if we know it by its timestamp, else what he says
 * that it was. */
static void quote_of(struct core *c, const struct who *w,
		     const struct packet *p, struct message *m)
{
	const struct plain *l = w->plain;
	struct message *own;

	stamp_copy(m->quote_stamp, p->orig_stamp);
	for (unsigned i = 0; l->recent && i < RECENT_MAX; i++) {
		if (!l->recent[i].stamp[0] ||
		    strcmp(l->recent[i].stamp, m->quote_stamp) != 0 ||
		    store_message(c->store, w->row.shown.id, l->recent[i].id,
				  &own))
			continue;
		m->answers = own->id;
		m->quote = quote_cut(view(own->text));
		message_free(own);
		return;
	}
	m->quote = quote_cut(p->quoted);
}

bool keyless_no_ip(const struct addr *a)
{
	static const uint8_t none[16], none4[16] = {[10] = 0xff, [11] = 0xff};

	return memcmp(a->ip, none, 16) == 0 || memcmp(a->ip, none4, 16) == 0;
}

static void message_from(struct core *c, const struct now *now,
			 const struct who *w, const struct conn *n,
			 const struct packet *p, struct message *m)
{
	*m = (struct message){
	    .with = w->row.shown.id,
	    .incoming = true,
	    .sent_ms = (p->sent_us ? p->sent_us : now->wall_us) / MS_US,
	    .stored_ms = now->wall_us / MS_US,
	    .delivery = D_RECEIVED,
	    .from = keyless_no_ip(&p->from) ? n->at : p->from,
	    .to = keyless_no_ip(&p->to) ? n->local : p->to,
	    .text = xstrndup(p->text),
	};
	uuid_make(&m->id, now);
	stamp_copy(m->stamp, p->stamp);
	if (p->kind == PKT_REPLY)
		quote_of(c, w, p, m);
}

enum err keyless_receive(struct core *c, const struct now *now, struct who *w,
			 const struct conn *n, const struct packet *p,
			 struct bytes dedupe, ticket *after)
{
	struct message m;
	enum err err;

	if (w->row.shown.blocked)
		return ERR_AUTH;
	if (c->disk)
		return ERR_FULL;
	keyless_seen(c, now, w);
	message_from(c, now, w, n, p, &m);
	if (dedupe.n) {
		memcpy(m.dedupe, dedupe.p, dedupe.n);
		m.n_dedupe = dedupe.n;
	}
	crash_point("recv.before_store");
	err = store_receive(c->store, &m, after);
	if (!err) {
		c->hard = *after;
		message_arrived(c, w, &m, *after);
	}
	free(m.text);
	free(m.quote);
	return err;
}
