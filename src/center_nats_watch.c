#include "src/center_nats_impl.h"
#include "src/clock.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* What comes from NATS by itself: notes, and who is where. Threads of libnats
 * put it into a queue; tick takes it out.
 *
 * Sessions end on the servers without a word, so each node also counts for
 * itself how long it heard nothing of them. */

enum {
	HEARTBEAT_S = 2,
	SILENCE_S = 7,  /* then nobody feeds us any more */
	SLACK_MS = 500, /* for a session that is over, beside the servers */
	NEWS_MAX = 16384,
	WHO_FIRST = 256, /* places of the table, a power of two */
};

/* ---- ears: on the threads of libnats ---- */

struct nats_ears *ears_new(const struct nats_lib *l)
{
	struct nats_ears *e = xzalloc(sizeof *e);

	e->lib = *l;
	e->news = queue_new(NEWS_MAX, 1);
	atomic_init(&e->owners, 1);
	return e;
}

void ears_release(struct nats_ears *e)
{
	if (atomic_fetch_sub(&e->owners, 1) > 1)
		return;
	for (struct news *w; (w = queue_pop(e->news));)
		free(w);
	queue_free(e->news);
	free(e);
}

void ears_again(struct nats_ears *e)
{
	struct news *w;

	if (atomic_exchange(&e->again, true))
		return;
	w = xzalloc(sizeof *w);
	w->kind = NEWS_AGAIN;
	if (!queue_push_kept(e->news, w))
		free(w); /* tick looks at `again` in any case */
}

static void on_complete(void *closure)
{
	struct nats_sub *s = closure;
	struct nats_ears *e = s->ears;

	free(s);
	ears_release(e);
}

/* A note that finds no room is lost, as its sender was told it may be. */
static void on_note(natsConnection *nc, natsSubscription *sub, natsMsg *m,
		    void *closure)
{
	struct nats_ears *e = ((struct nats_sub *)closure)->ears;
	int n = e->lib.natsMsg_GetDataLength(m);

	(void)nc, (void)sub;
	if (n > 0 && n <= CENTER_NOTE_MAX) {
		struct news *w = xzalloc(sizeof *w + (size_t)n);

		w->kind = NEWS_NOTE;
		w->n = (size_t)n;
		memcpy(w->p, e->lib.natsMsg_GetData(m), (size_t)n);
		if (!queue_push(e->news, w))
			free(w);
	}
	e->lib.natsMsg_Destroy(m);
}

static const char *header(const struct nats_ears *e, natsMsg *m,
			  const char *name)
{
	const char *value = NULL;

	if (e->lib.natsMsgHeader_Get(m, name, &value) != NATS_OK)
		return "";
	return value ? value : "";
}

static struct news *news_of(const struct nats_ears *e, natsMsg *m)
{
	const char *key = strrchr(e->lib.natsMsg_GetSubject(m), '.');
	struct news *w = xzalloc(sizeof *w);
	char text[128];

	w->kind = header(e, m, "KV-Operation")[0] ? NEWS_GONE : NEWS_HERE;
	snprintf(text, sizeof text, "%.*s", e->lib.natsMsg_GetDataLength(m),
		 e->lib.natsMsg_GetData(m));
	if (key && nats_key_user(key + 1, w->user) &&
	    (w->kind == NEWS_GONE || sscanf(text, "%*32s %32s", w->node) == 1))
		return w;
	free(w);
	return NULL;
}

/* A heartbeat says which number was the last: none may be missing. */
static void on_heartbeat(struct nats_sub *s, natsMsg *m)
{
	const char *last = header(s->ears, m, "Nats-Last-Consumer");

	if (*last && strtoull(last, NULL, 10) >= s->next)
		ears_again(s->ears);
}

static void on_session(struct nats_sub *s, natsMsg *m)
{
	struct nats_ears *e = s->ears;
	struct nats_place place;
	struct news *w;

	if (!nats_place(e->lib.natsMsg_GetReply(m), &place)) {
		on_heartbeat(s, m);
		return;
	}
	if (place.consumer_seq != s->next)
		ears_again(e);
	s->next = place.consumer_seq + 1;
	w = news_of(e, m);
	if (!w)
		return;
	w->feed = s->feed;
	if (!queue_push(e->news, w)) {
		free(w);
		ears_again(e);
	}
}

static void on_feed(natsConnection *nc, natsSubscription *sub, natsMsg *m,
		    void *closure)
{
	struct nats_sub *s = closure;

	(void)nc, (void)sub;
	atomic_store(&s->ears->heard_us, clock_mono_us());
	on_session(s, m);
	s->ears->lib.natsMsg_Destroy(m);
}

/* ---- subscriptions ---- */

static struct nats_sub *subscribe(struct nats *n, const char *subject,
				  natsMsgHandler on, unsigned feed)
{
	const struct nats_lib *l = &n->lib;
	struct nats_sub *s = xzalloc(sizeof *s);

	s->ears = n->ears;
	s->feed = feed;
	s->next = 1;
	atomic_fetch_add(&n->ears->owners, 1);
	if (l->natsConnection_Subscribe(&s->sub, n->nc, subject, on, s) !=
	    NATS_OK) {
		on_complete(s);
		return NULL;
	}
	l->natsSubscription_SetPendingLimits(s->sub, NEWS_MAX, -1);
	return s;
}

/* After this libnats frees it, when it has said its last word. */
static void unsubscribe(struct nats *n, struct nats_sub **s)
{
	natsSubscription *sub;

	if (!*s)
		return;
	sub = (*s)->sub;
	if (n->lib.natsSubscription_SetOnCompleteCB(sub, on_complete, *s) !=
	    NATS_OK)
		on_complete(*s); /* the connection was closed before */
	n->lib.natsSubscription_Destroy(sub);
	*s = NULL;
}

/* ---- who is where ---- */

struct person {
	struct person *next;
	int64_t heard_us;
	char user[CENTER_NAME_MAX + 1], node[CENTER_NODE_MAX + 1];
};

struct who {
	uint32_t seed; /* nobody can choose names that collide */
	size_t size, n;
	struct person **place;
};

static struct who *who_new(void)
{
	struct who *w = xzalloc(sizeof *w);
	struct rng rng;

	clock_seed(&rng);
	rng_fill(&rng, (uint8_t *)&w->seed, sizeof w->seed);
	w->size = WHO_FIRST;
	w->place = xzalloc(w->size * sizeof *w->place);
	return w;
}

static void who_free(struct who *w)
{
	if (!w)
		return;
	for (size_t i = 0; i < w->size; i++)
		for (struct person *p; (p = w->place[i]);) {
			w->place[i] = p->next;
			free(p);
		}
	free(w->place);
	free(w);
}

static size_t hash(uint32_t h, const char *s)
{
	for (; *s; s++)
		h = (h ^ (uint8_t)*s) * 16777619;
	return h;
}

/* Where it is, or where it would be. */
static struct person **who_find(struct who *w, const char *user)
{
	struct person **p = &w->place[hash(w->seed, user) & (w->size - 1)];

	while (*p && strcmp((*p)->user, user))
		p = &(*p)->next;
	return p;
}

static void who_grow(struct who *w)
{
	struct who bigger = {w->seed, w->size * 2, w->n, NULL};

	bigger.place = xzalloc(bigger.size * sizeof *bigger.place);
	for (size_t i = 0; i < w->size; i++)
		for (struct person *p; (p = w->place[i]);) {
			struct person **to = who_find(&bigger, p->user);

			w->place[i] = p->next;
			p->next = *to;
			*to = p;
		}
	free(w->place);
	*w = bigger;
}

static struct person *who_add(struct who *w, const char *user)
{
	struct person *p = xzalloc(sizeof *p), **to;

	if (w->n >= w->size)
		who_grow(w);
	to = who_find(w, user);
	memcpy(p->user, user, sizeof p->user);
	*to = p;
	w->n++;
	return p;
}

static void tell(struct nats *n, const char *user, const char *node)
{
	n->watch->presence(n->watch->ctx, user, node);
}

static void here(struct nats *n, const struct news *w)
{
	struct person *p = *who_find(n->who, w->user);

	if (!p)
		p = who_add(n->who, w->user);
	p->heard_us = clock_mono_us();
	if (!strcmp(p->node, w->node))
		return;
	memcpy(p->node, w->node, sizeof p->node);
	tell(n, p->user, p->node);
}

static void gone(struct nats *n, const char *user)
{
	struct person **at = who_find(n->who, user), *p = *at;

	if (!p)
		return;
	*at = p->next;
	n->who->n--;
	tell(n, p->user, NULL);
	free(p);
}

/* Whoever was not heard of for so long is not there. */
static void expire(struct nats *n)
{
	int64_t before = clock_mono_us() -
			 INT64_C(1000000) * n->base.rules.session_s -
			 INT64_C(1000) * SLACK_MS;
	struct who *w = n->who;

	for (size_t i = 0; i < w->size; i++)
		for (struct person *p = w->place[i], *next; p; p = next) {
			next = p->next;
			if (p->heard_us < before)
				gone(n, p->user);
		}
}

/* ---- the feed ---- */

/* A consumer of the sessions that begins with all there are. */
static enum err feed_consumer(struct nats *n, const char *inbox)
{
	const struct nats_lib *l = &n->lib;
	int64_t deadline = nats_deadline();
	char bucket[NAME];
	jsConsumerConfig c;
	jsErrCode code = 0;
	jsOptions o;

	nats_bucket(n, "session", bucket);
	if (!nats_may(n, bucket, &deadline))
		return ERR_CLOSED;
	l->jsOptions_Init(&o);
	o.Wait = (deadline - clock_mono_us()) / 1000;
	l->jsConsumerConfig_Init(&c);
	c.DeliverPolicy = js_DeliverLastPerSubject;
	c.DeliverSubject = inbox;
	c.FilterSubject = ">";
	c.AckPolicy = js_AckNone;
	c.Heartbeat = INT64_C(1000000000) * HEARTBEAT_S;
	c.MemoryStorage = true;
	c.Replicas = 1;
	natsStatus s = l->js_AddConsumer(NULL, n->js, bucket, &c, &o, &code);
	return nats_felt(n, bucket, nats_error(s, (int)code), deadline);
}

static enum err feed_start(struct nats *n)
{
	natsInbox *inbox = NULL;

	unsubscribe(n, &n->feed);
	atomic_store(&n->ears->again, false);
	natsStatus s = n->lib.natsInbox_Create(&inbox);
	if (s == NATS_OK)
		n->feed =
		    subscribe(n, (const char *)inbox, on_feed, ++n->feeds);
	enum err err =
	    n->feed ? feed_consumer(n, (const char *)inbox) : ERR_CLOSED;
	n->lib.natsInbox_Destroy(inbox);
	n->deaf = err;
	atomic_store(&n->ears->heard_us, clock_mono_us());
	return err;
}

enum err nats_watch(struct center_backend *b, const char *node,
		    const struct center_watch *w)
{
	struct nats *n = nats_of(b);
	char subject[SUBJECT];

	if (!center_node_ok(node))
		return ERR_LIMIT;
	n->who = n->who ? n->who : who_new();
	n->watch = w;
	snprintf(subject, sizeof subject, "%s.note", n->prefix);
	if (!n->note[0])
		n->note[0] = subscribe(n, subject, on_note, 0);
	snprintf(subject, sizeof subject, "%s.note.%s", n->prefix, node);
	if (!n->note[1])
		n->note[1] = subscribe(n, subject, on_note, 0);
	return n->note[0] && n->note[1] ? feed_start(n) : ERR_CLOSED;
}

void nats_watch_end(struct nats *n)
{
	unsubscribe(n, &n->note[0]);
	unsubscribe(n, &n->note[1]);
	unsubscribe(n, &n->feed);
	who_free(n->who);
}

/* ---- tick ---- */

static void hear(struct nats *n, const struct news *w)
{
	bool fresh = w->feed == n->feeds; /* not of a question before */

	switch (w->kind) {
	case NEWS_AGAIN:
		n->deaf = true;
		break;
	case NEWS_HERE:
		if (fresh)
			here(n, w);
		break;
	case NEWS_GONE:
		if (fresh)
			gone(n, w->user);
		break;
	case NEWS_NOTE:
		n->watch->note(n->watch->ctx, (struct bytes){w->p, w->n});
		break;
	}
}

static bool fed(const struct nats *n)
{
	return clock_mono_us() - atomic_load(&n->ears->heard_us) <
	       INT64_C(1000000) * SILENCE_S;
}

enum err nats_tick(struct center_backend *b, int64_t now_ms)
{
	struct nats *n = nats_of(b);
	natsConnStatus link = n->lib.natsConnection_Status(n->nc);
	enum err err = OK;
	struct news *w;

	(void)now_ms;
	for (int i = 0; i <= NEWS_MAX && (w = queue_pop(n->ears->news)); i++) {
		if (n->watch)
			hear(n, w);
		free(w);
	}
	/* libnats ends it when its password was refused twice */
	if (link == NATS_CONN_STATUS_CLOSED)
		return ERR_AUTH;
	if (link != NATS_CONN_STATUS_CONNECTED)
		return ERR_CLOSED;
	unsigned breaks = atomic_load(&n->ears->breaks);
	bool lost = breaks != n->breaks; /* notes, maybe */

	n->breaks = breaks;
	if (!n->watch)
		return OK;
	if (n->deaf || atomic_load(&n->ears->again) || !fed(n))
		err = feed_start(n);
	else
		expire(n);
	return err ? err : lost ? ERR_CLOSED : OK;
}
