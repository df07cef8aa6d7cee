#include "src/office.h"
#include "src/booth.h"
#include "src/clock.h"
#include "src/office_import.h"
#include "src/queue.h"
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

enum { LISTS_MAX = 1024 };

/* Both ways go lists of effects. Down there they mean what was heard: DIAL a
 * new link and its key, SEND a packet that came, CLOSE a link that went, SPLICE
 * one that is over. With a dialect they are the booth's, and with a contact of
 * links that we dialled for it. */
struct office {
	struct queue *down, *up;
	struct effects *heard; /* of this turn; the network thread's */
	bool any;
	struct effects *said; /* what office_next is at */
	struct center_backend *backend;
	struct center *center;
	struct effects *fx;           /* the thread's, as all below */
	struct center_backend *plain; /* NULL: no booth */
	struct booth *booth;
	char *import;            /* credentials.txt, there or not */
	struct takeover *taking; /* or NULL */
	enum err state;          /* of the backend, as it was said */
	char warning[256];       /* of its opening, or "" */
};

enum err office_open(const char *where, const char *dir,
		     const struct center_terms *terms, struct office **out,
		     char why[static 256])
{
	struct office *o = xzalloc(sizeof(*o));
	enum err err = center_open(where, NULL, &o->backend, why);

	if (err) {
		free(o);
		return err;
	}
	o->down = queue_new(LISTS_MAX, 1);
	o->up = queue_new(LISTS_MAX, 0);
	o->heard = effects_new();
	o->fx = effects_new();
	o->center = center_new(o->backend, terms, o->fx);
	if (asprintf(&o->import, "%s/credentials.txt", dir) < 0)
		abort(); /* memory is out: as xmalloc does */
	*out = o;
	snprintf(o->warning, sizeof(o->warning), "%s", why);
	if (o->center)
		return OK;
	office_free(o);
	*out = NULL;
	snprintf(why, 256, "the center's store does not answer");
	return ERR_CLOSED;
}

enum err office_plain(struct office *o, const char *where, const char *node,
		      char why[static 256])
{
	enum err err = center_open(where, &center_beside_rules, &o->plain, why);

	if (err)
		return err;
	o->booth = booth_new(o->plain, node, o->fx);
	if (o->booth)
		return OK;
	snprintf(why, 256, "the store of plain accounts does not answer");
	return ERR_CLOSED;
}

void office_free(struct office *o)
{
	void *list;

	if (!o)
		return;
	takeover_end(o->taking);
	free(o->import);
	center_free(o->center);
	center_close(o->backend);
	booth_free(o->booth);
	center_close(o->plain);
	while (queue_take(o->down, &list))
		effects_free(list);
	while (queue_take(o->up, &list))
		effects_free(list);
	effects_free(o->heard);
	effects_free(o->said);
	effects_free(o->fx);
	queue_free(o->down);
	queue_free(o->up);
	free(o);
}

/* ---- the network thread ---- */

static void hear(struct office *o, const struct effect *e)
{
	effects_put(o->heard, e);
	o->any = true;
}

void office_up(struct office *o, link_id id, const struct pubkey *key,
	       const struct addr *at)
{
	hear(o, &(struct effect){
		    .kind = FX_DIAL, .link = id, .pin = *key, .at = *at});
}

void office_packet(struct office *o, link_id id, const struct packet *p)
{
	hear(o, &(struct effect){.kind = FX_SEND, .link = id, .packet = p});
}

void office_down(struct office *o, link_id id)
{
	hear(o, &(struct effect){.kind = FX_CLOSE, .link = id});
}

void office_spliced(struct office *o, const struct uuid *token)
{
	hear(o, &(struct effect){.kind = FX_SPLICE, .token = *token});
}

bool office_is_plain(const struct office *o, const struct dialect *d,
		     contact_id dialled_for)
{
	return o && o->booth && d == &dialect_center &&
	       (!dialled_for || dialled_for >= BOOTH_FLIGHT);
}

void office_plain_up(struct office *o, link_id id, const struct addr *at,
		     contact_id dialled_for)
{
	hear(o, &(struct effect){.kind = FX_DIAL,
				 .dialect = &dialect_center,
				 .link = id,
				 .at = *at,
				 .contact = dialled_for});
}

void office_plain_packet(struct office *o, link_id id, const struct packet *p)
{
	hear(o, &(struct effect){.kind = FX_SEND,
				 .dialect = &dialect_center,
				 .link = id,
				 .packet = p});
}

void office_plain_down(struct office *o, link_id id, contact_id dialled_for)
{
	hear(o, &(struct effect){.kind = FX_CLOSE,
				 .dialect = &dialect_center,
				 .link = id,
				 .contact = dialled_for});
}

void office_hand_over(struct office *o)
{
	/* a full queue: it gathers, and goes with the next turn */
	if (!o->any || !queue_push(o->down, o->heard))
		return;
	o->heard = effects_new();
	o->any = false;
}

int office_fd(const struct office *o)
{
	return queue_fd(o->up);
}

bool office_next(struct office *o, struct effect *out)
{
	for (;;) {
		if (o->said && effects_next(o->said, 0, out))
			return true;
		effects_free(o->said);
		o->said = queue_pop(o->up);
		if (!o->said)
			return false;
	}
}

void office_stop(struct office *o)
{
	queue_push_kept(o->down, NULL);
}

/* ---- its own thread ---- */

/* What a client is told back on a line that we dialled is of no use. */
static void obey_plain(struct office *o, const struct now *now,
		       const struct effect *e)
{
	if (e->kind == FX_DIAL && e->contact)
		booth_reached(o->booth, now, e->link, e->contact);
	else if (e->kind == FX_DIAL)
		booth_up(o->booth, now, e->link, &e->at);
	else if (e->kind == FX_SEND)
		booth_packet(o->booth, now, e->link, e->packet);
	else if (e->contact)
		booth_missed(o->booth, now, e->contact);
	else
		booth_down(o->booth, now, e->link);
}

static void obey(struct office *o, const struct now *now, struct effects *heard)
{
	struct effect e;

	while (effects_next(heard, 0, &e)) {
		if (e.dialect)
			obey_plain(o, now, &e);
		else if (e.kind == FX_DIAL)
			center_link_up(o->center, e.link, &e.pin, &e.at);
		else if (e.kind == FX_SEND)
			center_packet(o->center, now, e.link, e.packet);
		else if (e.kind == FX_SPLICE)
			center_spliced(o->center, &e.token);
		else
			center_link_down(o->center, e.link);
	}
	effects_free(heard);
}

/* Hands over what was said; the network thread always takes it, sooner or
 * later. */
static void say(struct office *o)
{
	while (!queue_push(o->up, o->fx))
		poll(NULL, 0, 1);
	o->fx = effects_new();
	center_say_into(o->center, o->fx);
	if (o->booth)
		booth_say_into(o->booth, o->fx);
}

static void hold(struct office *o, bool held)
{
	if (o->booth)
		booth_hold(o->booth, held);
	else
		center_hold(o->center, held);
}

static void take_over(struct office *o, const struct now *now)
{
	struct center_backend *to = o->booth ? o->plain : o->backend;

	if (!o->taking || takeover_turn(o->taking, to, now, o->fx))
		return;
	takeover_end(o->taking);
	o->taking = NULL;
	hold(o, false);
}

static void notice(struct office *o, int level, const char *words)
{
	char text[256];
	struct event ev = {.kind = EV_NOTICE, .text = text};

	snprintf(text, sizeof(text), "%s", words);
	ev.level = level == LEVEL_INFO ? LEVEL_INFO : LEVEL_WARN;
	effects_put(o->fx, &(struct effect){.kind = FX_EVENT, .event = &ev});
}

/* Those passwords were meant for the clear: they open nothing that is sealed.
 */
static void say_for_whom(struct office *o)
{
	notice(o, LEVEL_INFO,
	       "credentials.txt: for the plain accounts alone, of the "
	       "clients of document 002");
}

static void say_state(struct office *o, enum err err)
{
	if (err == o->state)
		return;
	o->state = err;
	if (err == ERR_AUTH)
		notice(o, LEVEL_WARN,
		       "the servers of --backend refuse us now: start again "
		       "with the password they want");
	else if (err)
		notice(o, LEVEL_WARN, "what the center keeps is out of reach");
	else
		notice(o, LEVEL_INFO,
		       "what the center keeps can be reached again");
}

static void begin(struct office *o, const struct now *now)
{
	if (o->warning[0])
		notice(o, LEVEL_WARN, o->warning);
	o->taking = takeover_begin(o->import, now, o->fx);
	if (o->taking && o->booth)
		say_for_whom(o);
	hold(o, o->taking != NULL);
	say(o);
}

static int patience_ms(const struct office *o, const struct now *now)
{
	int ms = center_patience_ms(o->center) / 2;
	int soon = center_wait_ms(o->center);

	if (soon < ms)
		ms = soon;
	if (ms && o->booth)
		ms = booth_wait(o->booth, now, ms);
	if (o->taking && takeover_wait(o->taking, now) < ms)
		ms = takeover_wait(o->taking, now);
	return ms;
}

void office_run(struct office *o)
{
	struct pollfd p[] = {
	    {.fd = queue_fd(o->down), .events = POLLIN},
	    {.fd = o->backend->fd, .events = POLLIN},
	    {.fd = o->plain ? o->plain->fd : -1, .events = POLLIN}};
	struct rng rng;
	int64_t tick_us = 0;
	void *list;

	clock_seed(&rng);
	struct now now = clock_now(&rng, NULL);
	begin(o, &now);
	for (;;) {
		poll(p, 3, patience_ms(o, &now));
		now = clock_now(&rng, NULL);
		bool any = o->taking || center_wait_ms(o->center) != INT32_MAX;
		take_over(o, &now);
		while (queue_take(o->down, &list)) {
			if (!list)
				return;
			obey(o, &now, list);
			any = true;
		}
		center_settle(o->center, &now);
		bool due = now.mono_us - tick_us >
			   center_patience_ms(o->center) * 1000;
		if (o->booth)
			any |= booth_turn(o->booth, &now);
		if (due || p[1].revents || p[2].revents || any) {
			tick_us = now.mono_us;
			say_state(o, center_tick(o->center, &now));
			if (o->booth)
				booth_tick(o->booth, &now);
			any = true;
		}
		if (any)
			say(o);
	}
}
