#include "src/core_impl.h"
#include "src/crash.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- links ---- */

struct conn *conn_find(const struct core *c, link_id id)
{
	struct conn *n;

	for (size_t i = 0; (n = table_find(&c->links, hash_number(id), &i));)
		if (n->id == id)
			return n;
	return NULL;
}

struct conn *conn_new(struct core *c, link_id id)
{
	struct conn *n = xmalloc(sizeof(*n));

	*n = (struct conn){.id = id, .index = c->n_conns};
	n->hello = (struct timer){.kind = TIMER_HELLO, .owner = n};
	if (c->n_conns == c->cap_conns) {
		c->cap_conns = c->cap_conns * 2 + 16;
		c->conns = xrealloc(c->conns, c->cap_conns * sizeof(n));
	}
	c->conns[c->n_conns++] = n;
	table_put(&c->links, hash_number(id), n);
	return n;
}

/* The other links of the same contact, linked through `next`. */
static struct conn *conn_others(const struct core *c, const struct conn *n)
{
	for (struct conn *o = n->who->conn; o; o = o->next)
		if (o != n)
			return o;
	(void)c;
	return NULL;
}

static void conn_unlink(struct who *w, struct conn *n)
{
	for (struct conn **p = &w->conn; *p; p = &(*p)->next) {
		if (*p != n)
			continue;
		*p = n->next;
		return;
	}
}

static void conn_free(struct core *c, struct conn *n)
{
	timer_stop(&c->heap, &n->hello);
	table_remove(&c->links, hash_number(n->id), n);
	c->conns[n->index] = c->conns[--c->n_conns];
	c->conns[n->index]->index = n->index;
	free(n->kept);
	free(n);
}

static void use_next(struct core *c, const struct now *now, struct who *w)
{
	outbox_restart(c, w);
	w->row.shown.at = w->conn->at;
	outbox_pump(c, now, w);
}

/* A link is gone, by us or by itself; `lost`: by itself. */
static void conn_gone(struct core *c, const struct now *now, struct conn *n,
		      bool lost)
{
	struct who *w = n->who;

	if (n->d)
		keyless_down(c, now, n);
	if (!w) {
		conn_free(c, n);
		return;
	}
	post_down(c, now, n);
	bool used = w->conn == n;
	if (used && lost && n->heard)
		outbox_lost(c, now, w);
	conn_unlink(w, n);
	if (now->mono_us - n->up_us > 60 * SECOND_US)
		w->dial.fails = 0;
	conn_free(c, n);
	if (!used)
		return;
	if (w->conn) {
		use_next(c, now, w);
		return;
	}
	outbox_restart(c, w);
	timer_stop(&c->heap, &w->send);
	who_seen(c, now, w);
	w->row.shown.secure = false;
	presence_set(c, w, P_OFFLINE);
	dial_later(c, now, w);
}

void conn_close_after(struct core *c, const struct now *now, struct conn *n,
		      ticket after)
{
	effects_put(
	    c->fx,
	    &(struct effect){.kind = FX_CLOSE, .after = after, .link = n->id});
	conn_gone(c, now, n, false);
}

void conn_close(struct core *c, const struct now *now, struct conn *n)
{
	conn_close_after(c, now, n, 0);
}

void conn_close_all(struct core *c, const struct now *now, struct who *w)
{
	while (w->conn)
		conn_close(c, now, w->conn);
}

/* Where we listen, as the addresses of a packet say it. */
static void packet_addrs(const struct core *c, const struct conn *n,
			 struct packet *p)
{
	p->from = c->at;
	p->to = n->at;
}

/* Hello, "each side says who it is and where it listens" (000:
 * REGISTRATION). What we have of theirs is what our store knows of it. */
void say_hello(struct core *c, const struct now *now, struct conn *n)
{
	struct range missing[RANGES_MAX];
	struct contact_row row;
	uint8_t bundle[POST_BUNDLE];
	char center[POST_CENTER];
	struct packet p = {
	    .kind = PKT_HELLO,
	    .stamp = view(stamp_now(c, now)),
	    .sent_us = now->wall_us,
	    .peer = view(c->id),
	    .instance = c->instance,
	    .nick = view(c->nick),
	    .listen_port = c->at.port,
	    .version = view("sotto/1"),
	    .features = view("reply"),
	};

	packet_addrs(c, n, &p);
	if (n->who && !who_stranger(n->who))
		post_hello(c, now, bundle, center, &p);
	if (n->who) {
		memcpy(p.epoch, n->who->row.out_epoch, sizeof(p.epoch));
		contact_id id = n->who->row.shown.id;
		p.have = store_contact_next(c->store, id - 1, &row) &&
			 row.shown.id == id &&
			 memcmp(row.in_epoch, (uint8_t[8]){0}, 8) != 0;
	}
	if (p.have) {
		memcpy(p.have_epoch, row.in_epoch, sizeof(p.have_epoch));
		p.n_ranges =
		    store_missing(c->store, row.shown.id, missing, RANGES_MAX);
		p.ranges = missing;
		/* What follows the last hole came; there may be more. */
		p.have_upto =
		    p.n_ranges ? missing[p.n_ranges - 1].to + 1 : row.in_seq;
	}
	effects_put(c->fx, &(struct effect){
			       .kind = FX_SEND, .link = n->id, .packet = &p});
}

/* Whom the user named is trusted at first use; in headless mode at once, on
 * the screen with our first message to him. */
static void trust_settle(struct core *c, const struct now *now, struct who *w,
			 const struct conn *n)
{
	bool ours = n->dialled && w->named;
	bool local = !n->dialled && addr_loopback(&n->at);

	if (!who_stranger(w) || w->row.shown.blocked)
		return;
	if (c->rules.new_key == NEW_KEY_ACCEPT || w->row.shown.waiting ||
	    (c->rules.accept_named && (ours || local)))
		who_accept(c, now, w);
}

struct who *who_adopt(struct core *c, const struct now *now, struct who *from,
		      struct who *to)
{
	to->named |= from->named;
	to->dial.keep |= from->dial.keep;
	for (unsigned i = 0; i < from->n_places; i++)
		place_add(c, to, from->place[i].host, from->place[i].port,
			  from->place[i].via, now->wall_us / MS_US);
	wait_move(c, from->row.shown.id, to->row.shown.id);
	post_adopt(c, now, from, to);
	if (from->row.shown.id > 0) {
		outbox_free(c, from);
		store_adopt(c->store, from->row.shown.id, to->row.shown.id);
		hard(c);
		to->row.shown.waiting += from->row.shown.waiting;
		if (from->row.shown.last > to->row.shown.last)
			to->row.shown.last = from->row.shown.last;
		if (from->row.shown.draft && !to->row.shown.draft) {
			to->row.shown.draft = from->row.shown.draft;
			from->row.shown.draft = NULL;
		}
		outbox_reload(c, to);
		from->row.shown.gone = true;
		from->row.shown.became = to->row.shown.id;
		from->row.shown.waiting = 0;
		tell_peer(c, from);
	}
	who_remove(c, from);
	return to;
}

/* He answered there: what waits for whoever is there is for him. */
static void adopt_address(struct core *c, const struct now *now, struct who *w,
			  const struct addr *at)
{
	char host[ADDR_TEXT], ident[IDENT_TEXT];

	ip_text(host, at);
	ident_text(ident, host, at->port);
	struct who *from = who_by_ident(c, ident);
	if (from && from != w && pubkey_none(&from->row.shown.key))
		who_adopt(c, now, from, w);
}

/* The first key met at an address that was all we knew: the contact is his. */
static struct who *upgrade(struct core *c, struct who *w,
			   const struct pubkey *key)
{
	who_key(c, w, key);
	outbox_reload(c, w); /* its rows have no numbers yet */
	who_save(c, w);
	return w;
}

static struct who *stranger(struct core *c, const struct now *now,
			    const struct pubkey *key, enum via via)
{
	struct contact_row row = {
	    .shown = {.key = *key, .trust = TRUST_NEW, .via = via}};

	if (c->n_strangers >= STRANGERS_MAX || c->n_conns > c->rules.max_links)
		return NULL;
	return who_new(c, now, &row);
}

/* Whose link this is; NULL: nobody's we want to know. */
static struct who *link_owner(struct core *c, const struct now *now,
			      struct who *dialled, const struct pubkey *key)
{
	struct who *w = who_by_key(c, key);

	if (w == dialled && w)
		return w;
	if (w)
		return dialled && pubkey_none(&dialled->row.shown.key)
			   ? who_adopt(c, now, dialled, w)
			   : w;
	if (dialled && dialled->row.shown.id > 0)
		return upgrade(c, dialled, key);
	if (c->disk || (!dialled && c->rules.new_key == NEW_KEY_REFUSE))
		return NULL;
	w = stranger(c, now, key, dialled ? dialled->row.shown.via : VIA_SEEN);
	return w && dialled ? who_adopt(c, now, dialled, w) : w;
}

/* Our own key at an address: never dial it again. */
static void met_ourselves(struct core *c, const struct now *now, link_id id,
			  struct who *w)
{
	effects_put(c->fx, &(struct effect){.kind = FX_CLOSE, .link = id});
	if (!w)
		return;
	for (unsigned i = 0; i < w->n_places; i++) {
		w->place[i].self = true;
		if (w->row.shown.id > 0)
			store_address(c->store, &w->place[i]);
	}
	dial_stop(c, w);
	c->typed = 0;
	w->dial.keep = false;
	wait_answer(c, w->row.shown.id, CODE_SELF, "that is yourself");
	post_unreached(c, w, "that is yourself");
	if (w->row.shown.id < 0 || c->disk)
		return;
	outbox_load(c, now, w);
	while (w->first)
		outbox_end(c, now, w->first, D_FAILED, "that is yourself");
	presence_set(c, w, P_OFFLINE);
}

static void came_online(struct core *c, const struct now *now, struct who *w,
			struct conn *n)
{
	char host[ADDR_TEXT];

	w->row.shown.secure = true;
	if (w->row.hidden && (!w->post || w->named)) {
		w->row.hidden = false;
		who_save(c, w);
	}
	if (w->conn == n)
		w->row.shown.at = n->at;
	if (n->dialled && !n->relayed) {
		ip_text(host, &n->at);
		place_add(c, w, host, n->at.port, VIA_SEEN,
			  now->wall_us / MS_US);
	}
	if (w->row.shown.changed) { /* he is there after all */
		w->row.shown.changed = false;
		w->row.key_changed = (struct pubkey){0};
		outbox_held(c, w, false);
		who_save(c, w);
	}
	who_seen(c, now, w);
	if (!who_stranger(w))
		requests_ask(c, w); /* should it have failed before */
}

unsigned links_of(const struct who *w)
{
	unsigned n = 0;

	for (const struct conn *i = w->conn; i; i = i->next)
		n++;
	return n;
}

/* --trust-new refuse: nothing of him is kept, but somebody may wonder. */
static void tell_refused(struct core *c, const struct pubkey *key,
			 const struct addr *at)
{
	struct who w = {.row.shown = {.dialect = dialect_sotto.name,
				      .key = *key,
				      .at = *at,
				      .via = VIA_SEEN,
				      .trust = TRUST_NEW}};

	tell_security(c, &w, "new_key");
}

void conn_join(struct core *c, const struct now *now, struct conn *n)
{
	struct who *w = n->who;

	n->up_us = now->mono_us;
	timer_set(&c->heap, &n->hello, now->mono_us + HELLO_US);
	if (w) {
		struct conn **end = &w->conn;
		while (*end)
			end = &(*end)->next;
		*end = n;
		if (n->dialled && !n->relayed)
			adopt_address(c, now, w, &n->at);
		came_online(c, now, w, n);
		trust_settle(c, now, w, n);
		presence_set(c, w, P_ONLINE);
	}
	say_hello(c, now, n);
	if (w) /* adopted rows may go on the link he had already */
		outbox_pump(c, now, w);
}

void core_link_up(struct core *c, const struct now *now, link_id id,
		  const struct dialect *d, struct addr at, struct pubkey key,
		  contact_id dialled_for)
{
	struct who *dialled = dialled_for ? who_find(c, dialled_for) : NULL;

	assert(d == &dialect_sotto);
	if (dialled)
		dial_up(c, dialled);
	if (memcmp(&key, &c->self, sizeof(key)) == 0) {
		met_ourselves(c, now, id, dialled);
		return;
	}
	struct who *w = link_owner(c, now, dialled, &key);
	bool answered = c->disk || c->rules.new_key == NEW_KEY_REFUSE;
	if (w ? links_of(w) == LINKS_EACH : dialled_for || !answered) {
		effects_put(c->fx,
			    &(struct effect){.kind = FX_CLOSE, .link = id});
		return;
	}
	if (!w && !c->disk && !c->rules.center)
		tell_refused(c, &key, &at);
	struct conn *n = conn_new(c, id);
	n->who = w;
	n->key = key;
	n->at = at;
	n->dialled = dialled_for != 0;
	conn_join(c, now, n);
}

void core_link_down(struct core *c, const struct now *now, link_id id,
		    contact_id dialled_for, struct pubkey key, enum err why)
{
	struct conn *n = conn_find(c, id);

	if (n) {
		conn_gone(c, now, n, true);
		return;
	}
	struct who *w = dialled_for ? who_find(c, dialled_for) : NULL;
	if (w && w->plain)
		keyless_dial_failed(c, now, w);
	else if (w)
		dial_failed(c, now, w, &key, why);
}

/* ---- hello ---- */

/* Of two links of one pair that the same instance made at once the direct one
 * stays, else the one that the smaller key dialled; otherwise the newest. */
static bool keep_older(const struct core *c, const struct conn *older,
		       const struct conn *newer)
{
	bool at_once = newer->up_us - older->up_us < 10 * SECOND_US;
	bool same = memcmp(&older->instance, &newer->instance,
			   sizeof(older->instance)) == 0;

	if (!same || !at_once)
		return false;
	if (older->relayed != newer->relayed)
		return newer->relayed;
	if (older->dialled == newer->dialled)
		return false;
	bool smaller = memcmp(&c->self, &older->key, sizeof(c->self)) < 0;
	return older->dialled == smaller;
}

static void settle_twins(struct core *c, const struct now *now, struct conn *n)
{
	for (struct conn *o; (o = conn_others(c, n));) {
		if (!o->heard)
			return; /* its own hello will settle it */
		struct conn *older = o->up_us <= n->up_us ? o : n;
		struct conn *newer = older == o ? n : o;
		bool stop =
		    keep_older(c, older, newer) ? newer == n : older == n;
		conn_close(c, now, stop ? n : o);
		if (stop)
			return;
	}
}

static bool same_name(const char *a, const char *b)
{
	for (; *a && *b; a++, b++) {
		char x = *a >= 'A' && *a <= 'Z' ? (char)(*a + 32) : *a;
		char y = *b >= 'A' && *b <= 'Z' ? (char)(*b + 32) : *b;
		if (x != y)
			return false;
	}
	return *a == *b;
}

/* A stranger who calls himself like somebody we know. */
static void warn_of_namesake(struct core *c, const struct who *w)
{
	for (size_t i = 0; i < c->n_list; i++) {
		const struct who *o = c->list[i];
		if (o == w || who_stranger(o) || o->row.hidden || o->plain ||
		    !w->row.shown.nick[0] ||
		    !same_name(who_name(o), w->row.shown.nick))
			continue;
		tell_notice(c, LEVEL_WARN, "%s~%.4s is not the %s you know",
			    w->row.shown.nick, w->id, who_name(o));
		return;
	}
}

void nick_said(struct core *c, struct who *w, struct bytes nick)
{
	char heard[NICK_MAX + 1];

	size_t n = utf8_ok(nick) ? utf8_cut(nick, NICK_MAX) : 0;
	if (n)
		memcpy(heard, nick.p, n);
	heard[n] = 0;
	if (strcmp(heard, w->row.shown.nick) == 0)
		return;
	memcpy(w->row.shown.nick, heard, n + 1);
	who_save(c, w);
	c->typed = 0;
	tell_peer(c, w);
	if (who_stranger(w))
		warn_of_namesake(c, w);
}

static void port_heard(struct core *c, struct conn *n, uint16_t port)
{
	char host[ADDR_TEXT];

	if (!port || n->dialled || n->relayed)
		return;
	ip_text(host, &n->at);
	n->at.port = port;
	place_add(c, n->who, host, port, VIA_PEER, 0); /* only a claim */
	if (n->who->conn == n && n->who->row.shown.at.port != port) {
		n->who->row.shown.at = n->at;
		tell_peer(c, n->who);
	}
}

static void on_hello(struct core *c, const struct now *now, struct conn *n,
		     const struct packet *p)
{
	struct who *w = n->who;
	bool first = !n->heard;

	n->heard = true;
	timer_stop(&c->heap, &n->hello);
	n->instance = p->instance;
	if (!w)
		return;
	if (p->peer.n &&
	    (p->peer.n != 32 || memcmp(p->peer.p, w->id, 32) != 0)) {
		tell_security(c, w, "hostile");
		conn_close(c, now, n);
		return;
	}
	nick_said(c, w, p->nick);
	port_heard(c, n, p->listen_port);
	/* not before: who was connected can be named from here on */
	wait_answer(c, w->row.shown.id, CODE_OK, NULL);
	post_heard(c, w, p); /* said again when he has logged in */
	if (!first)
		return;
	link_id id = n->id;
	settle_twins(c, now, n);
	n = conn_find(c, id);
	if (!n)
		return;
	outbox_have(c, now, n, p);
	outbox_pump(c, now, w);
	post_up(c, now, n);
}

/* ---- what arrives ---- */

static void say_ack(struct core *c, const struct now *now, const struct conn *n,
		    ticket after, const struct packet *of, enum verdict v)
{
	struct packet p = {
	    .kind = PKT_ACK,
	    .id = of->id,
	    .stamp = view(stamp_now(c, now)),
	    .sent_us = now->wall_us,
	    .orig_stamp = of->stamp,
	    .orig_us = of->sent_us,
	    .verdict = v,
	};

#ifdef SOTTO_MUTANT_ACK_EARLY
	after = 0;
#endif
	packet_addrs(c, n, &p);
	crash_point("recv.before_ack");
	effects_put(c->fx, &(struct effect){.kind = FX_SEND,
					    .after = after,
					    .link = n->id,
					    .packet = &p});
}

static bool over_quota(const struct core *c, const struct who *w, size_t n)
{
	const struct contact *s = &w->row.shown;

	return who_stranger(w) &&
	       (s->requests >= c->rules.request_texts ||
		w->request_bytes + n > c->rules.request_bytes);
}

static bool had_already(struct core *c, const struct who *w,
			const struct packet *p)
{
	struct message *m;

	if (store_message(c->store, w->row.shown.id, p->id, &m))
		return false;
	bool ours = !m->incoming;
	message_free(m);
	return !ours;
}

/* Our own copy of what is answered rather than what the peer quotes. */
static char *quote_of(struct core *c, const struct who *w,
		      const struct packet *p)
{
	struct message *m;

	if (p->kind != PKT_REPLY)
		return NULL;
	if (store_message(c->store, w->row.shown.id, p->reply_to, &m))
		return xstrndup(p->quoted);
	char *own = quote_cut(view(m->text));
	message_free(m);
	return own;
}

/* Text and quotation are ours to free. */
static void message_from(struct core *c, const struct now *now,
			 const struct who *w, const struct packet *p,
			 struct message *m)
{
	*m = (struct message){
	    .with = w->row.shown.id,
	    .incoming = true,
	    .secure = true,
	    .id = p->id,
	    .n_dedupe = sizeof(p->id.b),
	    .seq = p->seq,
	    .sent_ms = p->sent_us / MS_US,
	    .stored_ms = now->wall_us / MS_US,
	    .delivery = who_stranger(w) ? D_REQUEST : D_RECEIVED,
	    .from = p->from,
	    .to = p->to,
	    .answers = p->reply_to,
	    .text = xstrndup(p->text),
	    .quote = quote_of(c, w, p),
	};
	memcpy(m->dedupe, p->id.b, sizeof(p->id.b));
	memcpy(m->epoch, p->epoch, sizeof(m->epoch));
	stamp_copy(m->stamp, p->stamp);
	if (p->kind == PKT_REPLY)
		stamp_copy(m->quote_stamp, p->orig_stamp);
}

static void count_unread(struct who *w, message_n n)
{
	w->row.shown.unread++;
	if (!w->unread_n)
		w->unread_n = xmalloc(UNREAD_KEPT * sizeof(*w->unread_n));
	if (w->n_unread_n == UNREAD_KEPT)
		memmove(w->unread_n, w->unread_n + 1,
			--w->n_unread_n * sizeof(*w->unread_n));
	w->unread_n[w->n_unread_n++] = n;
}

static void count_request(struct who *w, const struct message *m)
{
	w->row.shown.requests++;
	w->request_bytes += strlen(m->text);
	w->request =
	    xrealloc(w->request, (w->n_request + 1) * sizeof(*w->request));
	w->request[w->n_request++] = m->id;
}

void message_arrived(struct core *c, struct who *w, struct message *m,
		     ticket after)
{
	if (who_stranger(w) && !w->row.shown.last && c->n_strangers)
		c->n_strangers--; /* he said something: not one of many */
	w->row.shown.last = m->n;
	if (m->delivery == D_REQUEST)
		count_request(w, m);
	else
		count_unread(w, m->n);
	if (w->told_after <= effects_durable(c->fx)) {
		w->told_before = w->told;
		w->told_before_id = w->told_id;
	}
	w->told = ++c->told_count;
	w->told_after = after;
	w->told_id = m->id;
	struct contact shown = w->row.shown;
	shown.draft = NULL;
	tell(c, 0, after,
	     &(struct event){
		 .kind = EV_MESSAGE, .message = m, .contact = &shown});
	if (!w->told_of)
		tell_peer(c, w);
}

static void receive(struct core *c, const struct now *now, struct conn *n,
		    const struct packet *p)
{
	struct who *w = n->who;
	struct message m;
	ticket after = 0;

	message_from(c, now, w, p, &m);
	crash_point("recv.before_store");
	enum err err = store_receive(c->store, &m, &after);
	switch ((int)err) {
	case OK:
		c->hard = after;
		message_arrived(c, w, &m, after);
		say_ack(c, now, n, after, p, V_SUCCESS);
		break;
	case ERR_EXISTS: /* its ACK was lost: say it again */
		say_ack(c, now, n, after, p, V_SUCCESS);
		break;
	case ERR_STATE:
		say_ack(c, now, n, 0, p, V_SEQ_REUSED);
		break;
	default:
		say_ack(c, now, n, 0, p, V_BUSY);
	}
	free(m.text);
	free(m.quote);
}

static void on_text(struct core *c, const struct now *now, struct conn *n,
		    const struct packet *p)
{
	struct who *w = n->who;

	who_speaks(c, w);
	if (!n->heard)
		say_ack(c, now, n, 0, p, V_UNREGISTERED);
	else if (w && w->row.shown.blocked)
		say_ack(c, now, n, 0, p, V_REFUSED);
	else if (c->disk)
		say_ack(c, now, n, 0, p, V_BUSY);
	else if (!w)
		say_ack(c, now, n, 0, p, V_REFUSED);
	else if (over_quota(c, w, p->text.n) && !had_already(c, w, p))
		say_ack(c, now, n, 0, p, V_BUSY);
	else
		receive(c, now, n, p);
}

enum err letter_arrived(struct core *c, const struct now *now, struct who *w,
			const struct packet *p, ticket *after)
{
	struct message m;

	*after = 0;
	who_speaks(c, w);
	if (w->row.shown.blocked ||
	    (over_quota(c, w, p->text.n) && !had_already(c, w, p)))
		return ERR_LIMIT;
	message_from(c, now, w, p, &m);
	enum err err = store_receive(c->store, &m, after);
	if (err == OK) {
		c->hard = *after;
		message_arrived(c, w, &m, *after);
	}
	free(m.text);
	free(m.quote);
	return err;
}

struct who *key_owner(struct core *c, const struct now *now,
		      const struct pubkey *key)
{
	return link_owner(c, now, NULL, key);
}

static void on_skip(struct core *c, struct conn *n, const struct packet *p)
{
	if (!n->who || c->disk || !p->n_ranges)
		return;
	store_gone(c->store, n->who->row.shown.id, p->epoch, p->ranges,
		   p->n_ranges);
	hard(c);
}

void core_packet(struct core *c, const struct now *now, link_id from,
		 const struct packet *p)
{
	struct conn *n = conn_find(c, from);

	if (!n)
		return; /* closed by us a moment ago */
	if (n->d) {
		keyless_packet(c, now, n, p);
		return;
	}
	switch (p->kind) {
	case PKT_HELLO:
		on_hello(c, now, n, p);
		break;
	case PKT_MESSAGE:
	case PKT_REPLY:
		on_text(c, now, n, p);
		break;
	case PKT_ACK:
		if (n->who)
			outbox_answer(c, now, n, p);
		break;
	case PKT_SKIP:
		on_skip(c, n, p);
		break;
	case PKT_PEERS: /* not obeyed, not shown: nobody asked for them */
	case PKT_TYPING:
	case PKT_READ:
	case PKT_ERROR:
	case PKT_WHO:
		break;
	case PKT_CENTER:
		if (!relay_packet(c, now, n, p))
			post_packet(c, now, n, p);
		break;
	}
}

/* ---- the rest of what can happen ---- */

void core_job(struct core *c, const struct now *now, const struct job *j)
{
	if (j->kind == JOB_RESOLVE)
		dial_resolved(c, now, j);
	else if (j->kind == JOB_RSA)
		keyless_rsa_here(c, now, j);
	else if (j->client)
		command_page(c, now, j);
	else
		requests_page(c, j);
}

/* What was put off while nothing could be written. Links of strangers, whom
 * we could not make contacts, have to be made again. */
static void disk_again(struct core *c, const struct now *now)
{
	for (size_t i = c->n_conns; i-- > 0;)
		if (!c->conns[i]->who && !c->conns[i]->d)
			conn_close(c, now, c->conns[i]);
	post_disk_again(c, now);
	for (size_t i = 0; i < c->n_list; i++) {
		who_catch_up(c, c->list[i]);
		if (c->list[i]->plain)
			keyless_pump(c, now, c->list[i]);
		if (c->list[i]->conn)
			outbox_pump(c, now, c->list[i]);
	}
}

void core_disk(struct core *c, const struct now *now, enum err state)
{
	enum err before = c->disk;

	c->disk = state;
	if (state && !before)
		tell_notice(c, LEVEL_ERROR,
			    state == ERR_FULL
				? "the disk is full: nothing can be sent or "
				  "received until there is room"
				: "the disk cannot be written: nothing can be "
				  "sent or received until it can");
	if (!state && before) {
		tell_notice(c, LEVEL_INFO,
			    "the disk can be written again: going on");
		disk_again(c, now);
	}
}

void core_disk_still(struct core *c, enum err state)
{
	c->disk = state;
}

static void start(struct core *c, const struct now *now)
{
	c->started = true;
	c->base_mono_us = now->mono_us;
	c->base_wall_us = now->wall_us;
	if (memcmp(&c->instance, &(struct uuid){0}, sizeof(c->instance)) == 0)
		rng_fill(now->rng, c->instance.b, sizeof(c->instance.b));
	c->hint_us = now->mono_us;
	c->hint_tokens = c->rules.max_dials_minute;
	for (size_t i = 0; i < c->n_list; i++)
		if (!who_stranger(c->list[i]))
			requests_ask(c, c->list[i]);
	post_start(c, now);
	dial_start(c, now);
	keyless_start(c, now);
}

void core_tick(struct core *c, const struct now *now)
{
	if (!c->started)
		start(c, now);
	if (now->woke)
		dial_woke(c, now);
	for (struct timer *t; (t = timer_due(&c->heap, now->mono_us));) {
		switch (t->kind) {
		case TIMER_DIAL:
			dial_timer(c, now, t->owner);
			break;
		case TIMER_SEND:
			outbox_timer(c, now, t->owner);
			break;
		case TIMER_WAIT:
			wait_timer(c, t->owner);
			break;
		case TIMER_HELLO:
			conn_close(c, now, t->owner);
			break;
		case TIMER_HUB:
			hub_timer(c, now);
			break;
		case TIMER_POST:
			post_timer(c, now);
			break;
		case TIMER_CENTER:
			center_timer(c, now);
			break;
		}
	}
}

int64_t core_deadline(const struct core *c)
{
	return c->started ? heap_first(&c->heap) : INT64_MIN;
}
/* ---- beginning and end ---- */

struct core *core_new(const struct core_rules *r, const struct keys *self,
		      const char *nick, struct store *s, struct effects *fx)
{
	struct core *c = xmalloc(sizeof(*c));

	*c = (struct core){.rules = *r, .store = s, .fx = fx};
	c->our_keys = self;
	c->self = keys_public(self);
	seal_peer_id(c->id, &c->self);
	snprintf(c->nick, sizeof(c->nick), "%s", nick);
	c->lead = xmalloc(LEADS_MAX * sizeof(struct who *));
	if (!r->keep_history)
		store_history(s, false);
	c->post = post_new(self);
	c->relays = relays_new();
	who_load(c);
	return c;
}

void core_free(struct core *c)
{
	if (!c)
		return;
	hub_free(c);
	while (c->n_conns) {
		struct conn *n = c->conns[0];
		if (n->who)
			conn_unlink(n->who, n);
		conn_free(c, n);
	}
	while (c->n_leads)
		who_remove(c, c->lead[c->n_leads - 1]);
	while (c->n_list)
		who_remove(c, c->list[c->n_list - 1]);
	for (struct wait *w; (w = c->waits);) {
		c->waits = w->next;
		free(w);
	}
	table_free(&c->contacts);
	table_free(&c->keys);
	table_free(&c->ids);
	table_free(&c->rows);
	table_free(&c->links);
	free(c->conns);
	free(c->list);
	free(c->lead);
	/* contacts are taken out of these, and of the heap */
	relays_free(c->relays);
	post_free(c->post);
	free(c->heap.timer);
	free(c->told);
	free(c);
}

void core_self(struct core *c, struct addr at, struct uuid instance)
{
	c->at = at;
	c->instance = instance;
}

const char *core_nick(const struct core *c)
{
	return c->nick;
}

bool core_quit(const struct core *c)
{
	return c->quit;
}
