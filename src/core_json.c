#include "src/core_plain.h"
#include "src/crash.h"

/* Document 003: a datagram a message, acknowledged by its timestamp. Five
 * copies five seconds apart, then it has failed. */
enum { FLYING_MAX = 16 }; /* messages to one peer without their answer */

static void json_retime(struct core *c, struct who *w)
{
	int64_t first = NEVER;

	for (const struct row *r = w->first; r; r = r->next)
		if (r->sent && r->sent_us < first)
			first = r->sent_us;
	if (first == NEVER)
		timer_stop(&c->heap, &w->send);
	else
		timer_set(&c->heap, &w->send,
			  first + w->plain->d->patience.wait_us);
}

static void json_send(struct core *c, const struct now *now, struct row *r)
{
	struct packet p;

	crash_point("send.before");
	keyless_row_packet(r->who, r, &p);
	keyless_send(c, r->who->plain->conn, r->after, &p);
	keyless_row_flies(now, r);
	keyless_row_sent(c, r);
	crash_point("send.after");
}

static void json_pump(struct core *c, const struct now *now, struct who *w)
{
	if (!keyless_outbox(c, now, w))
		return;
	if (!w->plain->conn) {
		if (!keyless_dial(c, w, 0, NULL) && !w->dial.timer.pos)
			keyless_back_off(c, now, w);
		return;
	}
	for (struct row *r = w->first; r && w->n_sent < FLYING_MAX; r = r->next)
		if (!r->sent)
			json_send(c, now, r);
	json_retime(c, w);
}

static void json_failed(struct core *c, const struct now *now, struct row *r)
{
	presence_set(c, r->who, P_OFFLINE);
	r->m->expire_ms = now->wall_us / MS_US - 1;
	outbox_end(c, now, r, D_FAILED, "no answer, sent five times");
}

static void json_timer(struct core *c, const struct now *now, struct who *w)
{
	const struct patience *p = &w->plain->d->patience;

	w->plain->dialling = false; /* a datagram is lost without a word */
	for (struct row *r = w->first, *next; r; r = next) {
		next = r->next;
		if (!r->sent || now->mono_us < r->sent_us + p->wait_us)
			continue;
		if (r->m->tries < p->tries && w->plain->conn)
			json_send(c, now, r);
		else if (!c->disk)
			json_failed(c, now, r);
		else
			r->sent_us = now->mono_us;
	}
	json_pump(c, now, w);
	json_retime(c, w);
}

static void json_up(struct core *c, const struct now *now, struct conn *n,
		    struct who *w)
{
	if (!w)
		w = keyless_at(c, n->d, &n->at);
	if (!w)
		return; /* whoever writes first gets a name then */
	n->peer = w;
	w->plain->conn = n;
	json_pump(c, now, w);
}

static void json_down(struct core *c, const struct now *now, struct who *w,
		      struct conn *n)
{
	(void)n;
	for (struct row *r = w->first; r; r = r->next)
		outbox_back(c, r);
	presence_set(c, w, P_UNKNOWN);
	if (w->first)
		keyless_back_off(c, now, w);
}

/* ---- what arrives ---- */

static bool claims_another(const struct conn *n, const struct packet *p)
{
	static const struct addr none, none4 = {.ip = {[10] = 0xff, 0xff}};

	if (!p->from.port || memcmp(p->from.ip, none.ip, 16) == 0 ||
	    memcmp(p->from.ip, none4.ip, 16) == 0)
		return false;
	return p->from.port != n->at.port ||
	       memcmp(p->from.ip, n->at.ip, 16) != 0;
}

/* One for each datagram, never more: a surplus one would be taken for the
 * answer to the next message. It goes to where the datagram came from; what
 * the JSON says of that is believed only if the configuration says so. */
static void json_ack(struct core *c, const struct now *now,
		     const struct conn *n, ticket after,
		     const struct packet *of, enum verdict v)
{
	char stamp[STAMP_MAX + 1];
	bool claimed = c->rules.json_claimed && claims_another(n, of);
	struct packet p = {
	    .kind = PKT_ACK,
	    .from = n->local,
	    .to = claimed ? of->from : n->at,
	    .orig_stamp = of->stamp,
	    .verdict = v,
	};

	n->d->stamp(stamp, now->wall_us);
	p.stamp = view(stamp);
	crash_point("recv.before_ack");
	if (!claimed) {
		keyless_send(c, n, after, &p);
		return;
	}
	effects_put(c->fx, &(struct effect){.kind = FX_DIAL,
					    .after = after,
					    .dialect = n->d,
					    .at = of->from,
					    .packet = &p});
}

/* What all copies of it have in common. */
static void json_digest(const struct packet *p, uint8_t out[static 32])
{
	struct buf b = {0};

	buf_put(&b, (struct bytes){p->from.ip, sizeof(p->from.ip)});
	buf_printf(&b, "%u ", (unsigned)p->from.port);
	buf_put(&b, p->stamp);
	buf_printf(&b, " ");
	buf_put(&b, p->text);
	digest(out, (struct bytes){b.p, b.n});
	buf_free(&b);
}

static void json_text(struct core *c, const struct now *now, struct conn *n,
		      const struct packet *p)
{
	uint8_t same[32];
	ticket after = 0;

	if (!n->peer && !(n->peer = keyless_at(c, n->d, &n->at)))
		n->peer = keyless_stranger(c, now, n->d, &n->at);
	struct who *w = n->peer;
	if (!w)
		return;
	if (!w->plain->conn)
		w->plain->conn = n;
	json_digest(p, same);
	switch ((int)keyless_receive(
	    c, now, w, n, p, (struct bytes){same, sizeof(same)}, &after)) {
	case OK:
	case ERR_EXISTS:
		json_ack(c, now, n, after, p, V_SUCCESS);
		break;
	case ERR_AUTH:
		json_ack(c, now, n, 0, p, V_REFUSED);
		break;
	default: /* he sends it again */
		break;
	}
}

static void json_answer(struct core *c, const struct now *now, struct conn *n,
			const struct packet *p)
{
	struct who *w = n->peer;
	char stamp[STAMP_MAX + 1];

	if (!w)
		return;
	stamp_copy(stamp, p->orig_stamp);
	for (struct row *r = w->first; r; r = r->next) {
		if (!r->m->tries || strcmp(r->m->stamp, stamp) != 0)
			continue;
		keyless_seen(c, now, w);
		if (p->verdict == V_SUCCESS)
			outbox_delivered(c, now, r, p);
		else if (!c->disk)
			outbox_end(c, now, r, D_FAILED, "refused");
		break;
	}
	json_pump(c, now, w);
	json_retime(c, w);
}

static void json_packet(struct core *c, const struct now *now, struct conn *n,
			const struct packet *p)
{
	bool text = p->kind == PKT_MESSAGE || p->kind == PKT_REPLY;

	if (text && !p->malformed)
		json_text(c, now, n, p);
	else if (text && p->stamp.n)
		json_ack(c, now, n, 0, p, V_INVALID);
	else if (p->kind == PKT_ACK && !p->malformed)
		json_answer(c, now, n, p);
}

const struct way way_json = {
    .pump = json_pump,
    .up = json_up,
    .packet = json_packet,
    .down = json_down,
    .timer = json_timer,
};
