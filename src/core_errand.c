#include "src/core_plain.h"
#include "src/crash.h"
#include <stdio.h>
#include <stdlib.h>

/* Documents 000 (binary, binary16) and 001 (nul): a connection for each
 * transaction, and before a text can be sealed its recipient has to be asked
 * for his key.
 *
 *   binary  REGISTER -> REGISTER -> ACK         keys and ports both ways
 *           TEXT -> ACK
 *   nul     identify -> key
 *           register IP PORT -> "... has been registered."
 *           deliver TEXT -> "TEXT received OK"
 *
 * One errand at a time to one contact. Their programs die of much, so: what
 * is dialled speaks at once, what came is answered before it is closed, and
 * nothing is sealed to a key that was not asked for a moment ago. */
enum {
	FRESH_US = 30000000, /* nul: a text for another key ends the program */
	SILENT_MAX = 3,      /* closed without a word, then the text fails */
};

static bool is_nul(const struct who *w)
{
	return w->plain->d == &dialect_nul;
}

static uint16_t our_port(const struct core *c, const struct dialect *d)
{
	const struct door *door = keyless_door(c, d);

	return door ? door->at.port : 0;
}

static void forget_key(struct plain *p)
{
	free(p->pem);
	p->pem = NULL;
	p->registered = false;
}

/* ---- going out ---- */

static void errand_begin(struct core *c, const struct now *now, struct who *w,
			 enum errand errand, ticket after,
			 const struct packet *says)
{
	struct plain *p = w->plain;

	if (!keyless_dial(c, w, after, says)) {
		keyless_back_off(c, now, w);
		return;
	}
	if (!p->dialling)
		return; /* the name is asked first */
	p->errand = errand;
	if (w->row.shown.presence != P_ONLINE)
		presence_set(c, w, P_DIALLING);
}

static void ask_key(struct core *c, const struct now *now, struct who *w,
		    struct bytes ours)
{
	const struct dialect *d = w->plain->d;
	struct packet p = {.kind = PKT_WHO};

	if (!is_nul(w))
		p = (struct packet){.kind = PKT_HELLO,
				    .key = ours,
				    .listen_port = our_port(c, d)};
	errand_begin(c, now, w, E_HELLO, 0, &p);
}

static void say_where(struct core *c, const struct now *now, struct who *w)
{
	struct packet p = {.kind = PKT_HELLO,
			   .listen_port = our_port(c, w->plain->d),
			   .seal_to = view(w->plain->pem)};

	errand_begin(c, now, w, E_REGISTER, 0, &p);
}

static void say_text(struct core *c, const struct now *now, struct who *w)
{
	struct row *r = w->first;
	struct packet p;

	crash_point("send.before");
	keyless_row_packet(w, r, &p);
	p.seal_to = view(w->plain->pem);
	errand_begin(c, now, w, E_TEXT, r->after, &p);
	if (w->plain->errand == E_TEXT)
		keyless_row_flies(now, r);
	crash_point("send.after");
}

/* What there is to do next with him. */
static void next_errand(struct core *c, const struct now *now, struct who *w,
			struct bytes ours)
{
	struct plain *p = w->plain;

	if (is_nul(w) && now->mono_us > p->good_us + FRESH_US)
		forget_key(p);
	if (!p->pem) {
		ask_key(c, now, w, ours);
	} else if (!p->registered && our_port(c, p->d)) {
		say_where(c, now, w);
	} else if (w->first) {
		say_text(c, now, w);
	} else {
		p->greet = false;
		wait_answer(c, w->row.shown.id, CODE_OK, NULL);
	}
}

static void errand_pump(struct core *c, const struct now *now, struct who *w)
{
	struct plain *p = w->plain;
	struct buf ours = {0};
	bool any = keyless_outbox(c, now, w);

	if ((!any && !p->greet) || p->conn || p->dialling ||
	    w->dial.timer.pos || w->row.shown.blocked || c->quit)
		return;
	if (keyless_rsa(c, p->d->seal, &ours))
		next_errand(c, now, w, (struct bytes){ours.p, ours.n});
	buf_free(&ours);
}

static bool errand_connect(struct core *c, const struct now *now, struct who *w)
{
	w->plain->greet = true;
	timer_stop(&c->heap, &w->dial.timer);
	errand_pump(c, now, w);
	return true;
}

static void errand_timer(struct core *c, const struct now *now, struct who *w)
{
	keyless_expire(c, now, w);
	errand_pump(c, now, w);
}

static void errand_up(struct core *c, const struct now *now, struct conn *n,
		      struct who *w)
{
	(void)now;
	if (!w)
		return;
	n->peer = w;
	w->plain->conn = n;
	keyless_row_sent(c, keyless_flying(w));
}

/* ---- how an errand ends ---- */

static void unreachable(struct core *c, struct who *w, const char *why)
{
	char text[200];

	w->plain->greet = false;
	snprintf(text, sizeof(text), "%.100s: %s", who_name(w), why);
	wait_answer(c, w->row.shown.id, CODE_UNREACHABLE, text);
}

/* He was understood; on with what comes next. */
static void errand_done(struct core *c, const struct now *now, struct conn *n)
{
	struct who *w = n->peer;

	w->plain->errand = E_NONE;
	w->plain->good_us = now->mono_us;
	keyless_seen(c, now, w);
	conn_close(c, now, n);
	errand_pump(c, now, w);
}

static void errand_failed(struct core *c, const struct now *now, struct who *w,
			  const char *why)
{
	unreachable(c, w, why);
	keyless_expire(c, now, w);
	if (w->row.shown.waiting)
		keyless_back_off(c, now, w);
}

/* He was started again and has another key, or forgot ours: both is mended by
 * registering again, once at once. */
static void closed_on_text(struct core *c, const struct now *now, struct who *w)
{
	struct row *r = keyless_flying(w);

	forget_key(w->plain);
	if (r)
		outbox_back(c, r);
	if (++w->plain->silent < 2) {
		errand_pump(c, now, w);
		return;
	}
	if (w->plain->silent >= SILENT_MAX && r && !c->disk) {
		w->plain->silent = 0;
		outbox_end(c, now, r, D_FAILED,
			   "closed without an answer three times");
	}
	if (w->row.shown.waiting)
		keyless_back_off(c, now, w);
}

static void errand_down(struct core *c, const struct now *now, struct who *w,
			struct conn *n)
{
	enum errand errand = w->plain->errand;

	w->plain->errand = E_NONE;
	if (n && errand == E_NONE)
		return; /* we have closed it ourselves */
	if (n && (errand == E_TEXT || errand == E_HALF)) {
		closed_on_text(c, now, w);
		return;
	}
	for (struct row *r = w->first; r; r = r->next)
		outbox_back(c, r);
	if (n)
		forget_key(w->plain);
	presence_set(c, w, P_OFFLINE);
	errand_failed(c, now, w, n ? "no answer" : "cannot be reached");
}

/* ---- answers to what we asked ---- */

static bool key_taken(struct plain *p, struct bytes pem)
{
	struct buf probe = {0};
	enum err err = seal_text(p->d->seal, pem, view("x"), &probe);

	buf_free(&probe);
	if (err)
		return false;
	free(p->pem);
	p->pem = xstrndup(pem);
	return true;
}

static void heard_key(struct core *c, const struct now *now, struct conn *n,
		      const struct packet *p)
{
	struct who *w = n->peer;
	struct packet ack = {.kind = PKT_ACK, .verdict = V_SUCCESS};
	bool good = p->kind == PKT_HELLO && !p->malformed &&
		    key_taken(w->plain, p->key);

	if (!is_nul(w) && p->kind == PKT_HELLO)
		keyless_send(c, n, 0, &ack);
	if (good) {
		w->plain->registered = !is_nul(w);
		errand_done(c, now, n);
		return;
	}
	w->plain->errand = E_NONE;
	conn_close(c, now, n);
	errand_failed(c, now, w, "it has no key we can use");
}

static void heard_registered(struct core *c, const struct now *now,
			     struct conn *n, const struct packet *p)
{
	n->peer->plain->registered = true; /* it was said; once is enough */
	if (p->kind != PKT_ACK || p->verdict != V_SUCCESS)
		tell_notice(c, LEVEL_WARN, "%.100s does not register us",
			    who_name(n->peer));
	errand_done(c, now, n);
}

static void half_registered(struct core *c, const struct now *now,
			    struct conn *n)
{
	struct buf ours = {0};
	struct packet p = {.kind = PKT_HELLO};

	(void)now;
	n->peer->plain->errand = E_HALF;
	n->peer->plain->acks = 0;
	if (keyless_rsa(c, n->d->seal, &ours)) {
		p.key = (struct bytes){ours.p, ours.n};
		p.listen_port = our_port(c, n->d);
		keyless_send(c, n, 0, &p);
	}
	buf_free(&ours);
}

static void text_failed(struct core *c, const struct now *now, struct conn *n,
			struct row *r, const char *why)
{
	n->peer->plain->silent = 0;
	if (!c->disk)
		outbox_end(c, now, r, D_FAILED, why);
	errand_done(c, now, n);
}

static void text_delivered(struct core *c, const struct now *now,
			   struct conn *n, struct row *r,
			   const struct packet *p)
{
	struct packet ack = {.kind = PKT_ACK, .stamp = p->stamp};

	n->peer->plain->registered = true;
	n->peer->plain->silent = 0;
	outbox_delivered(c, now, r, &ack);
	errand_done(c, now, n);
}

static void heard_verdict(struct core *c, const struct now *now, struct conn *n,
			  const struct packet *p)
{
	struct who *w = n->peer;
	struct row *r = keyless_flying(w);
	bool half = w->plain->errand == E_HALF;

	if (p->kind != PKT_ACK || p->malformed || !r) {
		conn_close(c, now, n); /* as if it had said nothing */
		return;
	}
	switch (p->verdict) {
	case V_SUCCESS: /* the first is for the registration */
		if (!half || ++w->plain->acks == 2)
			text_delivered(c, now, n, r, p);
		break;
	case V_UNREGISTERED:
		if (is_nul(w) || half)
			conn_close(c, now, n);
		else
			half_registered(c, now, n);
		break;
	case V_INVALID:
		text_failed(c, now, n, r, "the other side could not read it");
		break;
	case V_REFUSED:
		text_failed(c, now, n, r, "refused");
		break;
	case V_BUSY:
	case V_SEQ_REUSED:
		conn_close(c, now, n);
		break;
	}
}

static void heard_answer(struct core *c, const struct now *now, struct conn *n,
			 const struct packet *p)
{
	switch (n->peer->plain->errand) {
	case E_HELLO:
		heard_key(c, now, n, p);
		break;
	case E_REGISTER:
		heard_registered(c, now, n, p);
		break;
	case E_TEXT:
	case E_HALF:
		heard_verdict(c, now, n, p);
		break;
	case E_NONE:
		conn_close(c, now, n);
		break;
	}
}

/* ---- who comes to us ---- */

static bool same_ip(const struct addr *a, const struct addr *b)
{
	return memcmp(a->ip, b->ip, sizeof(a->ip)) == 0;
}

/* The only one of that address, if there is one: of those that came and said
 * where they listen, or else of all. */
static struct who *only_one(const struct core *c, const struct conn *n,
			    bool announced)
{
	struct who *found = NULL;

	for (size_t i = 0; i < c->n_list; i++) {
		struct who *w = c->list[i];
		if (!w->plain || w->plain->d != n->d || !w->plain->at.port ||
		    !same_ip(&w->plain->at, &n->at) ||
		    (announced && !w->plain->announced))
			continue;
		if (found)
			return NULL;
		found = w;
	}
	return found;
}

/* Whose text it is; who has not said where he listens has port 0. */
static struct who *writer_of(struct core *c, const struct now *now,
			     const struct conn *n)
{
	struct who *w = only_one(c, n, true);
	struct addr nowhere = n->at;

	if (!w)
		w = only_one(c, n, false);
	if (w)
		return w;
	nowhere.port = 0;
	return keyless_stranger(c, now, n->d, &nowhere);
}

static struct who *registers(struct core *c, const struct now *now,
			     struct conn *n, const struct packet *p)
{
	struct addr at = n->at;

	at.port = p->listen_port;
	struct who *w = keyless_at(c, n->d, &at);
	if (!w)
		w = keyless_stranger(c, now, n->d, &at);
	if (!w)
		return NULL;
	w->plain->announced = at.port != 0;
	if (n->d != &dialect_nul) /* both have said it then */
		w->plain->registered = key_taken(w->plain, p->key);
	if (!w->row.shown.blocked)
		keyless_seen(c, now, w);
	return w;
}

static void answer(struct core *c, const struct now *now, struct conn *n,
		   ticket after, const struct packet *p)
{
	keyless_send(c, n, after, p);
	conn_close_after(c, now, n, after);
}

static void answer_verdict(struct core *c, const struct now *now,
			   struct conn *n, enum verdict v)
{
	struct packet p = {.kind = PKT_ACK, .verdict = v};

	answer(c, now, n, 0, &p);
}

static void take_text(struct core *c, const struct now *now, struct conn *n,
		      struct bytes text)
{
	struct packet p = {.kind = PKT_MESSAGE, .text = text};
	struct packet ack = {.kind = PKT_ACK, .verdict = V_SUCCESS};
	struct who *w = writer_of(c, now, n);
	ticket after = 0;
	enum err err =
	    w ? keyless_receive(c, now, w, n, &p, (struct bytes){0}, &after)
	      : ERR_FULL;

	ack.text = text;
	crash_point("recv.before_ack");
	if (!err)
		answer(c, now, n, after, &ack);
	else
		answer_verdict(c, now, n, err == ERR_AUTH ? V_REFUSED : V_BUSY);
}

/* As document 000 draws it: who is not known registers first, on the same
 * connection, and hears of his text then. */
static bool must_register(const struct core *c, const struct conn *n)
{
	return n->d == &dialect_binary16 && !only_one(c, n, true) &&
	       !only_one(c, n, false);
}

static void came_text(struct core *c, const struct now *now, struct conn *n,
		      const struct packet *p)
{
	struct packet ack = {.kind = PKT_ACK, .verdict = V_UNREGISTERED};

	if (n->kept || !must_register(c, n)) {
		take_text(c, now, n, p->text);
		return;
	}
	n->kept = xstrndup(p->text);
	keyless_send(c, n, 0, &ack);
}

static void came_half(struct core *c, const struct now *now, struct conn *n)
{
	struct packet ack = {.kind = PKT_ACK, .verdict = V_SUCCESS};

	keyless_send(c, n, 0, &ack); /* that he is registered */
	take_text(c, now, n, view(n->kept));
}

static void say_our_key(struct core *c, const struct now *now, struct conn *n,
			bool last)
{
	struct buf ours = {0};
	struct packet p = {.kind = PKT_HELLO};

	if (!keyless_rsa(c, n->d->seal, &ours)) {
		conn_close(c, now, n); /* the first second of the first run */
		return;
	}
	p.key = (struct bytes){ours.p, ours.n};
	p.listen_port = our_port(c, n->d);
	if (last)
		answer(c, now, n, 0, &p);
	else
		keyless_send(c, n, 0, &p); /* he says that he has it */
	buf_free(&ours);
}

static void came_hello(struct core *c, const struct now *now, struct conn *n,
		       const struct packet *p)
{
	char ip[ADDR_TEXT];
	struct packet ack = {.kind = PKT_ACK, .verdict = V_SUCCESS};
	struct who *w = registers(c, now, n, p);

	if (n->kept) {
		came_half(c, now, n);
	} else if (n->d != &dialect_nul) {
		say_our_key(c, now, n, false);
	} else {
		ip_text(ip, &n->at);
		ack.peer = view(ip);
		answer(c, now, n, hard(c), &ack);
	}
	if (w)
		errand_pump(c, now, w);
}

static void came(struct core *c, const struct now *now, struct conn *n,
		 const struct packet *p)
{
	if (p->malformed || p->sealed)
		answer_verdict(c, now, n, V_INVALID);
	else if (p->kind == PKT_WHO)
		say_our_key(c, now, n, true);
	else if (p->kind == PKT_HELLO)
		came_hello(c, now, n, p);
	else if (p->kind == PKT_MESSAGE)
		came_text(c, now, n, p);
	else
		conn_close(c, now, n); /* an ACK: he has our key */
}

static void errand_packet(struct core *c, const struct now *now, struct conn *n,
			  const struct packet *p)
{
	if (n->dialled && n->peer)
		heard_answer(c, now, n, p);
	else
		came(c, now, n, p);
}

const struct way way_errand = {
    .pump = errand_pump,
    .up = errand_up,
    .packet = errand_packet,
    .down = errand_down,
    .timer = errand_timer,
    .connect = errand_connect,
};
