#include "src/core_plain.h"
#include "src/crash.h"
#include <stdio.h>
#include <stdlib.h>

/* Document 004: a connection a pair, in both directions; who dials says who he
 * is, who was dialled says it back and whom else he knows. A contact is the id
 * that somebody gives himself ("mesh:ID"); until he said it, an address. There
 * are no acknowledgements: a text that was handed over is all we know of it. */
enum {
	AFTER_HELLO_US = 500000, /* or a text would be read as its end */
	HANDED_US = 300000,      /* until a text counts as handed over */
	LISTED_MAX = 32,         /* connections that others' lists made */
	NOWHERE = 65535,         /* the port of who does not listen */
};

/* ---- who we are there ---- */

/* One id for ever, and one that has nothing to do with our key. */
static void our_id(struct core *c, const struct now *now,
		   char id[static MESH_ID + 1])
{
	static const char key[] = "mesh-id";
	uint8_t raw[MESH_ID / 2];
	struct bytes kept;

	if (store_meta_get(c->store, key, &kept) && kept.n == MESH_ID) {
		memcpy(id, kept.p, MESH_ID);
		id[MESH_ID] = 0;
		return;
	}
	rng_fill(now->rng, raw, sizeof(raw));
	for (size_t i = 0; i < sizeof(raw); i++)
		snprintf(id + 2 * i, 3, "%02x", raw[i]);
	store_meta(c->store, key, view(id));
}

static uint16_t our_port(const struct core *c)
{
	const struct door *door = keyless_door(c, &dialect_mesh);

	return door ? door->at.port : NOWHERE;
}

static void hello_of(struct core *c, const struct now *now,
		     char id[static MESH_ID + 1], struct packet *p)
{
	our_id(c, now, id);
	*p = (struct packet){.kind = PKT_HELLO,
			     .peer = view(id),
			     .nick = view(c->nick),
			     .version = view("1.2"),
			     .listen_port = our_port(c)};
}

/* "mesh:ID"; what would make it look like an address is written %XX. */
static bool ident_of(char out[static IDENT_TEXT], struct bytes id)
{
	size_t n = (size_t)snprintf(out, IDENT_TEXT, "mesh:");

	for (size_t i = 0; i < id.n && n + 4 < IDENT_TEXT; i++)
		n += (size_t)snprintf(
		    out + n, IDENT_TEXT - n,
		    id.p[i] == '/' || id.p[i] == ':' ? "%%%02X" : "%c",
		    id.p[i]);
	return id.n > 0 && n + 4 < IDENT_TEXT;
}

static bool by_id(const struct who *w)
{
	return strncmp(w->row.shown.ident, "mesh://", 7) != 0;
}

/* ---- sending ---- */

static void give_back(struct core *c, struct who *w)
{
	for (struct row *r = w->first; r; r = r->next)
		outbox_back(c, r);
}

static bool greeted(const struct conn *n)
{
	return n && n->heard;
}

static void mesh_dial(struct core *c, const struct now *now, struct who *w)
{
	char id[MESH_ID + 1];
	struct packet p;

	if (w->dial.timer.pos || w->plain->dialling)
		return;
	hello_of(c, now, id, &p);
	if (!keyless_dial(c, w, 0, &p))
		keyless_back_off(c, now, w);
	else if (w->plain->dialling)
		presence_set(c, w, P_DIALLING);
}

static void mesh_send(struct core *c, const struct now *now, struct row *r)
{
	struct packet p;

	crash_point("send.before");
	keyless_row_packet(r->who, r, &p);
	keyless_send(c, r->who->plain->conn, r->after, &p);
	keyless_row_flies(now, r);
	keyless_row_sent(c, r);
	crash_point("send.after");
}

static void mesh_pump(struct core *c, const struct now *now, struct who *w)
{
	struct conn *n = w->plain->conn;
	bool any = keyless_outbox(c, now, w);

	if (!n) {
		bool wanted = any || w->dial.keep;
		if (wanted && !w->row.shown.blocked && !c->quit)
			mesh_dial(c, now, w);
		return;
	}
	if (!any || !greeted(n))
		return;
	if (now->mono_us < n->ready_us) {
		timer_set(&c->heap, &w->send, n->ready_us);
		return;
	}
	for (struct row *r = w->first; r; r = r->next)
		if (!r->sent)
			mesh_send(c, now, r);
	if (w->n_sent)
		timer_set(&c->heap, &w->send, now->mono_us + HANDED_US);
}

/* What went out a while ago, on a link that lives still, is as delivered as
 * it will ever be. */
static void mesh_handed(struct core *c, const struct now *now, struct who *w)
{
	for (struct row *r = w->first, *next; r && !c->disk; r = next) {
		next = r->next;
		if (r->sent && r->after <= effects_durable(c->fx) &&
		    now->mono_us >= r->sent_us + HANDED_US)
			outbox_end(c, now, r, D_HANDED, NULL);
	}
}

static void mesh_timer(struct core *c, const struct now *now, struct who *w)
{
	if (greeted(w->plain->conn))
		mesh_handed(c, now, w);
	keyless_expire(c, now, w);
	mesh_pump(c, now, w);
	if (w->n_sent && !w->send.pos)
		timer_set(&c->heap, &w->send, now->mono_us + HANDED_US);
}

static void mesh_up(struct core *c, const struct now *now, struct conn *n,
		    struct who *w)
{
	(void)c, (void)now;
	if (!w || w->plain->conn)
		return; /* it says who it is first */
	n->peer = w;
	w->plain->conn = n;
}

/* ---- the end of a link ---- */

static void unreachable(struct core *c, struct who *w, const char *why)
{
	char text[200];

	snprintf(text, sizeof(text), "%.100s: %s", who_name(w), why);
	wait_answer(c, w->row.shown.id, CODE_UNREACHABLE, text);
}

static void mesh_down(struct core *c, const struct now *now, struct who *w,
		      struct conn *n)
{
	bool lead = w->row.shown.id < 0;

	give_back(c, w);
	timer_stop(&c->heap, &w->send);
	presence_set(c, w, P_OFFLINE);
	if (!greeted(n))
		unreachable(c, w, "cannot be reached");
	if (lead && !w->named) {
		if (n)
			n->peer = NULL;
		who_remove(c, w);
		return;
	}
	keyless_expire(c, now, w);
	if (w->row.shown.waiting || w->dial.keep)
		keyless_back_off(c, now, w);
}

static void say_code(struct core *c, const struct now *now, struct conn *n,
		     struct bytes code)
{
	struct packet p = {.kind = PKT_ERROR, .n_words = 1};

	p.word[0] = code;
	keyless_send(c, n, 0, &p);
	conn_close(c, now, n);
}

static void say_error(struct core *c, const struct now *now, struct conn *n,
		      const char *code)
{
	say_code(c, now, n, view(code));
}

/* ---- who they are ---- */

static struct who *known_as(struct core *c, const struct now *now,
			    struct conn *n, struct bytes id)
{
	struct contact_row row = {.shown = {.dialect = dialect_mesh.name,
					    .trust = TRUST_PLAIN,
					    .via = VIA_SEEN}};

	if (!ident_of(row.shown.ident, id))
		return NULL;
	struct who *w = who_by_ident(c, row.shown.ident);
	if (w || c->disk)
		return w;
	/* the address that was dialled becomes who answers there */
	if (n->peer && n->peer->row.shown.id > 0 && !by_id(n->peer)) {
		w = n->peer;
		memcpy(w->row.shown.ident, row.shown.ident,
		       sizeof(row.shown.ident));
		who_save(c, w);
		return w;
	}
	if (c->n_plain_new >= PLAIN_NEW_MAX)
		return NULL;
	c->n_plain_new++;
	return who_new(c, now, &row);
}

/* w answered where `from` was dialled: he was known by that address alone, or
 * he is not there any more. */
static void not_he(struct core *c, const struct now *now, struct who *from,
		   struct who *w)
{
	if (!by_id(from)) {
		who_adopt(c, now, from, w);
		return;
	}
	unreachable(c, from, "somebody else answers there");
	presence_set(c, from, P_OFFLINE);
	if (from->row.shown.waiting || from->dial.keep)
		keyless_back_off(c, now, from);
}

/* n is w's from now on, whoever it was dialled for. */
static void take_link(struct core *c, const struct now *now, struct conn *n,
		      struct who *w)
{
	struct who *from = n->peer;

	n->peer = w;
	if (from && from != w) {
		if (from->plain->conn == n)
			from->plain->conn = NULL;
		not_he(c, now, from, w);
	}
	w->plain->conn = n;
}

static void nick_heard(struct core *c, struct who *w, struct bytes nick)
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
}

static void met(struct core *c, const struct now *now, struct conn *n,
		struct who *w, const struct packet *p)
{
	char host[ADDR_TEXT];

	n->heard = true;
	n->at.port = p->listen_port;
	w->plain->at = w->row.shown.at = n->at;
	timer_stop(&c->heap, &w->dial.timer);
	ip_text(host, &n->at);
	place_add(c, w, host, n->at.port, VIA_SEEN, now->wall_us / MS_US);
	nick_heard(c, w, p->nick);
	keyless_seen(c, now, w);
	tell_peer(c, w);
	wait_answer(c, w->row.shown.id, CODE_OK, NULL);
}

/* ---- whom others know ---- */

static bool in_private(const struct addr *a)
{
	const uint8_t *ip = a->ip + 12;
	bool v4 =
	    memcmp(a->ip, (uint8_t[12]){[10] = 0xff, [11] = 0xff}, 12) == 0;

	if (!v4)
		return (a->ip[0] & 0xfe) == 0xfc ||
		       (a->ip[0] == 0xfe && (a->ip[1] & 0xc0) == 0x80);
	return ip[0] == 10 || (ip[0] == 172 && (ip[1] & 0xf0) == 16) ||
	       (ip[0] == 192 && ip[1] == 168) ||
	       (ip[0] == 169 && ip[1] == 254) ||
	       (ip[0] == 100 && (ip[1] & 0xc0) == 64);
}

/* He may send us to his like, and to nobody else. */
static bool may_introduce(const struct conn *n, const struct addr *a)
{
	static const uint8_t none[16], none4[16] = {[10] = 0xff, [11] = 0xff};

	if (a->port < 1024 || memcmp(a->ip, none, 16) == 0 ||
	    memcmp(a->ip, none4, 16) == 0)
		return false;
	return addr_loopback(a) == addr_loopback(&n->at) &&
	       in_private(a) == in_private(&n->at);
}

static bool ourselves(const struct core *c, const struct conn *n,
		      const struct addr *a)
{
	return a->port == our_port(c) &&
	       memcmp(a->ip, n->local.ip, sizeof(a->ip)) == 0;
}

static size_t links_made(const struct core *c)
{
	size_t n = 0;

	for (size_t i = 0; i < c->n_conns; i++)
		n += c->conns[i]->d == &dialect_mesh;
	return n;
}

static bool tried_already(const struct core *c, const struct addr *a)
{
	for (size_t i = 0; i < c->n_leads; i++) {
		const struct plain *p = c->lead[i]->plain;
		if (p && p->d == &dialect_mesh && p->at.port == a->port &&
		    memcmp(p->at.ip, a->ip, sizeof(a->ip)) == 0)
			return true;
	}
	const struct who *w = keyless_at(c, &dialect_mesh, a);
	return w &&
	       (w->plain->conn || w->plain->dialling || w->row.shown.blocked);
}

static void dial_listed(struct core *c, const struct now *now,
			const struct addr *a)
{
	struct who *w = keyless_at(c, &dialect_mesh, a);
	char host[ADDR_TEXT];

	ip_text(host, a);
	if (!w)
		w = keyless_lead(c, &dialect_mesh, host, a->port, VIA_PEER);
	if (w)
		mesh_dial(c, now, w);
}

/* Everybody connects to everybody, under his own name. */
static void follow(struct core *c, const struct now *now, const struct conn *n,
		   const struct packet *p)
{
	for (size_t i = 0; i < p->n_peers; i++) {
		const struct addr *a = &p->peers[i];
		if (!may_introduce(n, a) || ourselves(c, n, a) ||
		    tried_already(c, a))
			continue;
		if (links_made(c) + c->n_leads >= LISTED_MAX ||
		    !dial_token(c, now))
			return;
		dial_listed(c, now, a);
	}
}

/* ---- hello ---- */

static void answer_hello(struct core *c, const struct now *now, struct conn *n)
{
	struct addr peers[PEERS_MAX];
	char id[MESH_ID + 1];
	struct packet p;

	hello_of(c, now, id, &p);
	p.peers = peers;
	for (size_t i = 0; i < c->n_conns && p.n_peers < PEERS_MAX; i++) {
		const struct conn *o = c->conns[i];
		if (o->d == &dialect_mesh && o != n && o->heard &&
		    o->at.port != NOWHERE)
			peers[p.n_peers++] = o->at;
	}
	keyless_send(c, n, 0, &p);
	n->ready_us = now->mono_us + AFTER_HELLO_US;
}

/* Of two links of one pair that were made at once the one stays that the
 * smaller id dialled, else the newest. */
static bool keep_new(const struct now *now, const struct conn *old,
		     const char *ours, struct bytes his)
{
	size_t n = his.n < MESH_ID ? his.n : MESH_ID;
	int order = memcmp(ours, his.p, n);

	if (now->mono_us - old->up_us > 10 * SECOND_US)
		return true;
	return order < 0 || (order == 0 && n < his.n);
}

/* He is on another link already, and that one stays. */
static void join_old(struct core *c, const struct now *now, struct conn *n,
		     struct who *w)
{
	struct who *from = n->peer;

	n->peer = NULL;
	if (from && from != w) {
		from->plain->conn = NULL;
		not_he(c, now, from, w);
	}
	conn_close(c, now, n);
	wait_answer(c, w->row.shown.id, CODE_OK, NULL);
	mesh_pump(c, now, w);
}

/* False: that was the end of this link. */
static bool settle_twin(struct core *c, const struct now *now, struct conn *n,
			const char *ours, struct bytes his)
{
	char ident[IDENT_TEXT];
	struct who *w = ident_of(ident, his) ? who_by_ident(c, ident) : NULL;
	struct conn *old = w ? w->plain->conn : NULL;

	if (w && w->row.shown.blocked) {
		say_error(c, now, n, "invalid_response");
		return false;
	}
	if (!old || old == n || !old->heard)
		return true;
	if (!n->dialled) {
		say_error(c, now, n, "id_taken");
		return false;
	}
	if (!keep_new(now, old, ours, his)) {
		join_old(c, now, n, w);
		return false;
	}
	conn_close(c, now, old);
	return true;
}

static void met_ourselves(struct core *c, const struct now *now, struct conn *n)
{
	struct who *w = n->peer;

	if (!n->dialled) {
		say_error(c, now, n, "id_taken");
		return;
	}
	if (w) {
		w->dial.keep = w->named = false;
		wait_answer(c, w->row.shown.id, CODE_SELF, "that is yourself");
		while (w->first && !c->disk)
			outbox_end(c, now, w->first, D_FAILED,
				   "that is yourself");
	}
	conn_close(c, now, n);
}

static void on_hello(struct core *c, const struct now *now, struct conn *n,
		     const struct packet *p)
{
	char ours[MESH_ID + 1];

	if (n->heard)
		return;
	our_id(c, now, ours);
	if (p->peer.n == MESH_ID && memcmp(p->peer.p, ours, MESH_ID) == 0) {
		met_ourselves(c, now, n);
		return;
	}
	if (!settle_twin(c, now, n, ours, p->peer))
		return;
	struct who *w = known_as(c, now, n, p->peer);
	if (!w) {
		say_error(c, now, n, "invalid_response");
		return;
	}
	take_link(c, now, n, w);
	if (!n->dialled)
		answer_hello(c, now, n);
	met(c, now, n, w, p);
	follow(c, now, n, p);
	mesh_pump(c, now, w);
}

static void on_error(struct core *c, const struct now *now, struct conn *n,
		     const struct packet *p)
{
	bool taken = p->n_words && p->word[0].n == 8 &&
		     memcmp(p->word[0].p, "id_taken", 8) == 0;

	if (taken && n->dialled && ourselves(c, n, &n->at)) {
		met_ourselves(c, now, n);
		return;
	}
	if (n->peer && !n->heard)
		unreachable(c, n->peer,
			    taken ? "it says that our id is taken: connected "
				    "already, or not noticed yet that we left"
				  : "it refuses our handshake");
	conn_close(c, now, n);
}

static void on_text(struct core *c, const struct now *now, struct conn *n,
		    const struct packet *p)
{
	ticket after = 0;

	if (n->peer && n->heard &&
	    keyless_receive(c, now, n->peer, n, p, (struct bytes){0}, &after))
		tell_notice(c, LEVEL_WARN, "a text of %.100s was lost",
			    who_name(n->peer));
}

static void mesh_packet(struct core *c, const struct now *now, struct conn *n,
			const struct packet *p)
{
	if (p->malformed) {
		if (!n->heard)
			say_code(c, now, n,
				 p->n_words ? p->word[0]
					    : view("invalid_response"));
		return;
	}
	if (p->kind == PKT_HELLO)
		on_hello(c, now, n, p);
	else if (p->kind == PKT_ERROR)
		on_error(c, now, n, p);
	else if (p->kind == PKT_MESSAGE)
		on_text(c, now, n, p);
}

static bool mesh_connect(struct core *c, const struct now *now, struct who *w)
{
	w->dial.keep = true;
	if (greeted(w->plain->conn))
		return false;
	timer_stop(&c->heap, &w->dial.timer);
	mesh_pump(c, now, w);
	return true;
}

const struct way way_mesh = {
    .pump = mesh_pump,
    .up = mesh_up,
    .packet = mesh_packet,
    .down = mesh_down,
    .timer = mesh_timer,
    .connect = mesh_connect,
};
