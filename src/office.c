#include "src/office.h"
#include "src/clock.h"
#include "src/office_import.h"
#include "src/queue.h"
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

enum { LISTS_MAX = 1024 };

/* Both ways go lists of effects. Down there they mean what was heard: DIAL a
 * new link and its key, SEND a packet that came, CLOSE a link that went, SPLICE
 * one that is over. */
struct office {
	struct queue *down, *up;
	struct effects *heard; /* of this turn; the network thread's */
	bool any;
	struct effects *said; /* what office_next is at */
	struct center_backend *backend;
	struct center *center;
	struct effects *fx;      /* the thread's, as all below */
	char *import;            /* credentials.txt, there or not */
	struct takeover *taking; /* or NULL */
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
	if (o->center)
		return OK;
	office_free(o);
	*out = NULL;
	snprintf(why, 256, "the center's store does not answer");
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

static void obey(struct office *o, const struct now *now, struct effects *heard)
{
	struct effect e;

	while (effects_next(heard, 0, &e)) {
		if (e.kind == FX_DIAL)
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
}

static void take_over(struct office *o, const struct now *now)
{
	if (!o->taking || takeover_turn(o->taking, o->backend, now, o->fx))
		return;
	takeover_end(o->taking);
	o->taking = NULL;
	center_hold(o->center, false);
}

static void begin(struct office *o, const struct now *now)
{
	o->taking = takeover_begin(o->import, now, o->fx);
	center_hold(o->center, o->taking != NULL);
	say(o);
}

static int patience_ms(const struct office *o, const struct now *now)
{
	int ms = CENTER_TICK_MS / 2;

	if (center_busy(o->center))
		return 0;
	return !o->taking ? ms
	       : takeover_wait(o->taking, now) < ms
		   ? takeover_wait(o->taking, now)
		   : ms;
}

void office_run(struct office *o)
{
	struct pollfd p[] = {{.fd = queue_fd(o->down), .events = POLLIN},
			     {.fd = o->backend->fd, .events = POLLIN}};
	struct rng rng;
	int64_t tick_us = 0;
	void *list;

	clock_seed(&rng);
	struct now now = clock_now(&rng, NULL);
	begin(o, &now);
	for (;;) {
		poll(p, 2, patience_ms(o, &now));
		now = clock_now(&rng, NULL);
		bool any = o->taking != NULL || center_busy(o->center);
		take_over(o, &now);
		while (queue_take(o->down, &list)) {
			if (!list)
				return;
			obey(o, &now, list);
			any = true;
		}
		center_settle(o->center, &now);
		bool due = now.mono_us - tick_us > CENTER_TICK_MS * 1000;
		if (due || p[1].revents || any) {
			tick_us = now.mono_us;
			center_tick(o->center, &now);
			any = true;
		}
		if (any)
			say(o);
	}
}
