#include "src/engine.h"
#include "src/beacon.h"
#include "src/clock.h"
#include "src/config.h"
#include "src/core.h"
#include "src/crash.h"
#include "src/disk.h"
#include "src/doors.h"
#include "src/identity.h"
#include "src/journal.h"
#include "src/net.h"
#include "src/office.h"
#include "src/overflow.h"
#include "src/peersfile.h"
#include "src/queue.h"
#include "src/rules.h"
#include "src/worker.h"
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	CLIENTS_MAX = 64,
	ORDERS_MAX = 8192, /* in all */
	ROWS_HERE = 4,     /* messages of a batch that needs no thread */
	FAREWELL_US = 2000000,
	NEWS_MAX = 40,
};

/* A front end; guarded by the lock of the list. */
struct front {
	client_id id; /* 0: a free place */
	struct queue *queue;
	bool held;              /* it is woken when all was told */
	unsigned open;          /* commands without a result: */
	uint64_t ref[OPEN_MAX]; /* theirs */
};

/* What a front end sends down: a command, or that it came or went. */
struct order {
	client_id from;
	struct command *command; /* NULL: came or went */
	bool here;
};

struct engine {
	const struct config *cfg;
	const struct identity *identity;

	/* the network thread's */
	struct net *net;
	struct core *core;
	struct core_rules rules;
	struct store *store;
	struct effects *fx;
	struct beacon *beacon;   /* or NULL */
	struct journal *journal; /* or NULL */
	struct office *office;   /* we are a center, or NULL */
	char node[33];           /* our name among its nodes */
	struct peersfile peers;
	struct rng rng;
	struct clock_sleep sleep;
	struct doors doors;
	struct uuid instance;
	ticket durable, submitted;
	enum err disk_state;
	int64_t farewell_us; /* when we stop waiting for sockets; 0: not yet */
	bool over;

	/* between threads */
	struct queue *orders, *batches, *done, *jobs, *answers;
	struct writer *writer;
	struct disk *disk;
	struct worker *worker;
	pthread_t net_thread, disk_thread, office_thread;
	bool office_runs;
	unsigned n_jobs; /* on their way */
	bool workers;    /* were started */

	pthread_mutex_t lock; /* guards the two below */
	struct front front[CLIENTS_MAX];
	client_id last_client;

	struct event *ready; /* what every front end hears first */
	/* ... and then: what the center said at its start; guarded by lock */
	struct event *news[NEWS_MAX];
	size_t n_news;
};

/* ---- front ends ---- */

static struct front *front_of(struct engine *e, client_id id)
{
	for (int i = 0; i < CLIENTS_MAX; i++)
		if (e->front[i].id == id)
			return &e->front[i];
	return NULL;
}

static void answered(struct front *f, uint64_t ref)
{
	for (unsigned i = 0; i < f->open; i++)
		if (f->ref[i] == ref) {
			f->ref[i] = f->ref[--f->open];
			return;
		}
}

static void give(struct front *f, const struct event *ev)
{
	struct event *copy = event_copy(ev);

	if (!f->held)
		queue_hold(f->queue);
	f->held = true;
	if (ev->kind == EV_RESULT)
		answered(f, ev->ref);
	if (ev->kind == EV_RESULT || ev->kind == EV_BYE) {
		if (!queue_push_kept(f->queue, copy))
			event_free(copy);
		return;
	}
	if (queue_push(f->queue, copy))
		return;
	overflow_room(f->queue);
	if (!queue_push(f->queue, copy))
		event_free(copy);
}

/* client 0: everyone. */
static void tell_clients(struct engine *e, client_id to, const struct event *ev)
{
	pthread_mutex_lock(&e->lock);
	for (int i = 0; i < CLIENTS_MAX; i++)
		if (e->front[i].id && (!to || e->front[i].id == to))
			give(&e->front[i], ev);
	pthread_mutex_unlock(&e->lock);
}

static void wake_clients(struct engine *e)
{
	pthread_mutex_lock(&e->lock);
	for (int i = 0; i < CLIENTS_MAX; i++) {
		struct front *f = &e->front[i];
		if (!f->held)
			continue; /* not written to: free places stay unused */
		if (f->id)
			queue_release(f->queue);
		f->held = false;
	}
	pthread_mutex_unlock(&e->lock);
}

client_id engine_attach(struct engine *e, struct queue *events)
{
	struct order *o = xmalloc(sizeof *o);
	struct front *f;
	client_id id = 0;

	pthread_mutex_lock(&e->lock);
	f = front_of(e, 0);
	if (f) {
		id = ++e->last_client;
		*f = (struct front){.id = id, .queue = events};
		give(f, e->ready);
		for (size_t i = 0; i < e->n_news; i++)
			give(f, e->news[i]);
		queue_release(f->queue);
		f->held = false;
	}
	pthread_mutex_unlock(&e->lock);
	*o = (struct order){.from = id, .here = true};
	if (!id || !queue_push_kept(e->orders, o))
		free(o);
	return id;
}

void engine_detach(struct engine *e, client_id id)
{
	struct order *o = xmalloc(sizeof *o);
	struct front *f;

	pthread_mutex_lock(&e->lock);
	f = front_of(e, id);
	if (f)
		f->id = 0;
	pthread_mutex_unlock(&e->lock);
	*o = (struct order){.from = id};
	if (!f || !queue_push_kept(e->orders, o))
		free(o);
}

enum err engine_push(struct engine *e, client_id from, struct command *cmd)
{
	struct order *o = xmalloc(sizeof *o);
	struct front *f;
	bool room;

	*o = (struct order){.from = from, .command = cmd};
	pthread_mutex_lock(&e->lock);
	f = front_of(e, from);
	room = f && f->open < OPEN_MAX;
	if (room)
		f->ref[f->open++] = cmd->ref;
	pthread_mutex_unlock(&e->lock);
	if (room && queue_push(e->orders, o))
		return OK;
	command_free(cmd);
	free(o);
	return f ? ERR_FULL : ERR_CLOSED;
}

/* ---- the turn ---- */

/* What the rebuilt policy knows nothing of is answered for it. */
static void refuse_open(struct engine *e)
{
	struct event lost = {.kind = EV_LOST};
	struct event full = {.kind = EV_RESULT, .code = CODE_DISK_FULL};
	char text[] = "the disk is full or failed";

	full.text = text;
	pthread_mutex_lock(&e->lock);
	for (int i = 0; i < CLIENTS_MAX; i++) {
		struct front *f = &e->front[i];

		if (!f->id)
			continue;
		while (f->open) {
			full.ref = f->ref[0];
			give(f, &full);
		}
		give(f, &lost);
	}
	pthread_mutex_unlock(&e->lock);
}

static void core_start(struct engine *e, const char *nick)
{
	e->core = core_new(&e->rules, e->identity->keys, nick, e->store, e->fx);
	core_self(e->core, e->doors.here, e->instance);
	doors_tell(&e->doors, e->cfg, e->core);
}

/* As if we had been killed: what was decided and is not on the disk never
 * happened. */
static void disk_failed(struct engine *e)
{
	char nick[NICK_MAX + 1]; /* /nick may have changed it */

	effects_drop(e->fx);
	net_close_all(e->net);
	if (store_reset(e->store)) {
		struct event bye = {.kind = EV_BYE};
		char text[] = "the store cannot be read";

		bye.text = text;
		tell_clients(e, 0, &bye);
		e->over = true;
		return;
	}
	snprintf(nick, sizeof nick, "%s", core_nick(e->core));
	core_free(e->core);
	core_start(e, nick);
	refuse_open(e);
}

static void disk_said(struct engine *e, const struct now *now,
		      const struct disk_done *d)
{
	if (d->err == OK && d->upto > e->durable) {
		e->durable = d->upto;
		store_durable(e->store, d->upto);
	} else if (d->err) {
		disk_failed(e);
		if (e->over)
			return;
	}
	if (d->err != e->disk_state)
		core_disk(e->core, now, d->err);
	else if (d->err)
		core_disk_still(e->core, d->err);
	e->disk_state = d->err;
}

static void hear_disk(struct engine *e, const struct now *now)
{
	for (struct disk_done *d; (d = queue_pop(e->done)); free(d))
		disk_said(e, now, d);
}

/* Of document 002's clients, when we serve them. */
static void hear_plain_office(struct engine *e, const struct net_event *ev)
{
	if (ev->kind == NET_UP)
		office_plain_up(e->office, ev->link, &ev->at, ev->dialled_for);
	else if (ev->kind == NET_PACKET)
		office_plain_packet(e->office, ev->link, ev->packet);
	else
		office_plain_down(e->office, ev->link, ev->dialled_for);
}

/* What a center may say of those it brought together; when none is left. */
static void note_spliced(struct engine *e, const struct now *now)
{
	struct net_spliced s = net_spliced(e->net);

	if (!s.now && !s.waiting)
		journal_line(e->journal, now->wall_us,
			     "relay: %" PRIu64 " pairs so far, %" PRIu64
			     " bytes; %" PRIu64 " were not met, %" PRIu64
			     " not expected",
			     s.made, s.bytes, s.expired, s.refused);
}

static void hear_net(struct engine *e, const struct now *now,
		     const struct net_event *ev)
{
	if (office_is_plain(e->office, ev->dialect, ev->dialled_for)) {
		hear_plain_office(e, ev);
		return;
	}
	switch (ev->kind) {
	case NET_UP:
		if (!(ev->dialect->traits & T_KEYED)) {
			core_plain_up(e->core, now, ev->link, ev->dialect,
				      ev->at, ev->local, ev->dialled_for);
			break;
		}
		if (ev->relayed) {
			core_relay_up(e->core, now, ev->link, ev->key,
				      ev->dialled_for, ev->begun);
			break;
		}
		if (e->office && !ev->dialled_for)
			office_up(e->office, ev->link, &ev->key, &ev->at);
		core_link_up(e->core, now, ev->link, ev->dialect, ev->at,
			     ev->key, ev->dialled_for);
		break;
	case NET_PACKET:
		if (e->office && ev->packet->kind == PKT_CENTER) {
			office_packet(e->office, ev->link, ev->packet);
			break;
		}
		core_packet(e->core, now, ev->link, ev->packet);
		break;
	case NET_DOWN:
		if (e->office)
			office_down(e->office, ev->link);
		if (ev->relayed) {
			core_relay_down(e->core, now, ev->link, ev->dialled_for,
					ev->begun);
			break;
		}
		core_link_down(e->core, now, ev->link, ev->dialled_for, ev->key,
			       ev->why);
		break;
	case NET_SPLICED:
		office_spliced(e->office, &ev->token);
		note_spliced(e, now);
		break;
	}
}

static void warn(struct engine *e, client_id to, char *text)
{
	struct event ev = {.kind = EV_NOTICE, .level = LEVEL_WARN};

	ev.text = text;
	tell_clients(e, to, &ev);
}

/* What went wrong before anybody was there to hear it. */
static void warn_of_start(struct engine *e, client_id to)
{
	char text[512];

	if (!e->journal && e->cfg->log != LOG_OFF) {
		snprintf(text, sizeof text, "%s cannot be written: no journal",
			 e->cfg->log_path);
		warn(e, to, text);
	}
	for (size_t i = 0; i < e->peers.n_warnings; i++)
		warn(e, to, e->peers.warning[i]);
	for (size_t i = 0; i <= LISTEN_MAX; i++)
		if (e->doors.why[i][0])
			warn(e, to, e->doors.why[i]);
}

/* /set -s: the file first, so that what was said to be set is there. */
static bool set_saved(struct engine *e, const struct order *o)
{
	const struct command *cmd = o->command;
	struct event ev = {.kind = EV_RESULT, .ref = cmd->ref};
	char why[256];
	enum err err = config_save(e->cfg, cmd->name ? cmd->name : "",
				   cmd->text ? cmd->text : "", why);

	if (!err)
		return true;
	ev.code = err == ERR_PARSE ? CODE_USAGE : CODE_ERROR;
	ev.text = why;
	tell_clients(e, o->from, &ev);
	return false;
}

static void hear_front(struct engine *e, const struct now *now, struct order *o)
{
	bool set = o->command && o->command->kind == CMD_SET;

	if (set && o->command->yes && !set_saved(e, o))
		set = false;
	else if (o->command)
		core_command(e->core, now, o->from, o->command);
	else
		core_client(e->core, o->from, o->here);
	if (o->here)
		warn_of_start(e, o->from);
	if (o->command && (set || o->command->kind == CMD_NICK) && e->beacon) {
		struct pubkey self = keys_public(e->identity->keys);
		char id[33];

		seal_peer_id(id, &self);
		beacon_say(e->beacon, id, core_nick(e->core),
			   e->doors.here.port, e->instance, now);
	}
	command_free(o->command);
	free(o);
}

static void hear_all(struct engine *e, const struct now *now)
{
	hear_disk(e, now);
	if (e->over)
		return;
	for (struct net_event ev; net_next(e->net, now, &ev);)
		hear_net(e, now, &ev);
	for (struct job *j; (j = queue_pop(e->answers)); job_free(j)) {
		e->n_jobs--;
		if (j->kind == JOB_RSA && !j->err)
			j->err = keys_add(e->identity->keys, j->seal,
					  (struct bytes){j->pem.p, j->pem.n});
		core_job(e->core, now, j);
	}
	for (struct hint h; e->beacon && beacon_next(e->beacon, now, &h);)
		core_hint(e->core, now, &h);
	for (struct order *o; (o = queue_pop(e->orders));)
		hear_front(e, now, o);
	if (e->beacon)
		beacon_tick(e->beacon, now);
	core_tick(e->core, now);
}

static void *worker_body(void *arg)
{
	worker_run(arg);
	return NULL;
}

/* Not before there is something for them to do. */
static void start_workers(struct engine *e)
{
	pthread_t t;

	e->workers = true;
	for (int i = 0; i < WORKER_THREADS; i++) {
		if (pthread_create(&t, NULL, worker_body, e->worker))
			worker_forgo(e->worker);
		else
			pthread_detach(t);
	}
}

static void stop_workers(struct engine *e)
{
	for (int i = 0; !e->workers && i < WORKER_THREADS; i++)
		worker_forgo(e->worker);
	worker_stop(e->worker);
}

/* Too many at once are heard as ERR_FULL in the next turn. */
static void give_job(struct engine *e, struct job *j)
{
	bool room = e->n_jobs < JOBS_MAX;

	if (!e->workers)
		start_workers(e);
	e->n_jobs++;
	if (room && queue_push(e->jobs, j))
		return;
	j->err = ERR_FULL;
	if (!queue_push_kept(e->answers, j))
		job_free(j), e->n_jobs--;
}

static void tell_event(struct engine *e, const struct now *now,
		       const struct effect *fx)
{
	tell_clients(e, fx->client, fx->event);
	if (!fx->client)
		journal_event(e->journal, now->wall_us, fx->event);
}

/* The last ones are kept: at the start nobody is there yet. */
static void office_notice(struct engine *e, const struct now *now,
			  const struct event *ev)
{
	pthread_mutex_lock(&e->lock);
	if (e->n_news == NEWS_MAX) {
		event_free(e->news[0]);
		memmove(e->news, e->news + 1, --e->n_news * sizeof *e->news);
	}
	e->news[e->n_news++] = event_copy(ev);
	for (int i = 0; i < CLIENTS_MAX; i++)
		if (e->front[i].id)
			give(&e->front[i], ev);
	pthread_mutex_unlock(&e->lock);
	journal_event(e->journal, now->wall_us, ev);
}

static void office_effect(struct engine *e, const struct now *now,
			  const struct effect *fx)
{
	if (fx->kind == FX_SEND)
		net_send(e->net, now, fx->link, fx->packet);
	else if (fx->kind == FX_CLOSE)
		net_close(e->net, now, fx->link);
	else if (fx->kind == FX_DIAL)
		net_dial(e->net, now, fx);
	else if (fx->kind == FX_SPLICE)
		net_expect(e->net, now, &fx->token);
	else if (fx->kind == FX_EVENT && fx->dialect)
		tell_event(e, now, fx); /* who comes: every day's news */
	else if (fx->kind == FX_EVENT)
		office_notice(e, now, fx->event);
}

/* What the center heard of this turn it hears now; what it said goes out. */
static void office_says(struct engine *e, const struct now *now)
{
	struct effect fx;

	if (!e->office)
		return;
	office_hand_over(e->office);
	while (office_next(e->office, &fx))
		office_effect(e, now, &fx);
}

static void tell(struct engine *e, const struct now *now)
{
	for (struct effect fx; effects_next(e->fx, e->durable, &fx);) {
		switch (fx.kind) {
		case FX_SEND:
			net_send(e->net, now, fx.link, fx.packet);
			break;
		case FX_DIAL:
			net_dial(e->net, now, &fx);
			break;
		case FX_CLOSE:
			net_close(e->net, now, fx.link);
			break;
		case FX_EVENT:
			tell_event(e, now, &fx);
			break;
		case FX_JOB:
			give_job(e, job_copy(fx.job));
			break;
		case FX_SPLICE: /* the office's alone */
			break;
		}
	}
	office_says(e, now);
	net_flush(e->net); /* first: it goes the longer way */
	wake_clients(e);
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t engine_deadline(const struct engine *e)
{
	int64_t at = earlier(core_deadline(e->core), store_deadline(e->store));

	if (e->beacon)
		at = earlier(at, beacon_deadline(e->beacon));
	if (e->farewell_us)
		at = earlier(at, e->farewell_us);
	return at;
}

/* The changes of this turn; at the end also those that could wait. */
static struct batch *submit(struct engine *e, const struct now *now)
{
	bool alone = e->durable >= e->submitted;
	struct batch *b;

	if (core_quit(e->core))
		store_flush(e->store);
	b = store_batch(e->store, now);
	if (!b)
		return NULL;
	e->submitted = batch_ticket(b);
	if (alone && batch_rows(b) <= ROWS_HERE)
		return b;
	if (!queue_push(e->batches, b))
		abort(); /* we promised: at most four on their way */
	return NULL;
}

/* A small batch with nothing before it is committed by this thread, after all
 * that need not wait for it was told. */
static void commit_here(struct engine *e, struct batch *b)
{
	struct disk_done done;
	struct now now;

	if (!disk_now(e->disk, b, &done)) {
		if (!queue_push(e->batches, b))
			abort();
		return;
	}
	now = clock_now(&e->rng, NULL);
	disk_said(e, &now, &done);
	if (!e->over)
		tell(e, &now);
}

/* After CMD_QUIT: all is on the disk, without limit; then what sockets still
 * take, for at most two seconds. */
static void farewell(struct engine *e, const struct now *now)
{
	if (e->disk_state == OK && e->durable < e->submitted)
		return;
	if (!e->farewell_us)
		e->farewell_us = now->mono_us + FAREWELL_US;
	if (!net_drained(e->net) && now->mono_us < e->farewell_us)
		return;

	struct event bye = {.kind = EV_BYE};
	char text[] = "quit";

	bye.text = text;
	tell_clients(e, 0, &bye);
	e->over = true;
}

static enum err engine_turn(struct engine *e)
{
	enum err err =
	    net_wait(e->net, engine_deadline(e), store_behind(e->store));
	struct now now;

	if (err)
		return err;

	/* 1. hear everything, decide; nothing leaves */
	now = clock_now(&e->rng, &e->sleep);
	hear_all(e, &now);
	if (e->over)
		return OK; /* whoever waits is woken at the end */

	/* 2. the barrier: what was decided goes to the disk under a ticket */
	struct batch *b = submit(e, &now);

	/* 3. tell what is durable or need not be; policy must not run here */
	now = clock_now(&e->rng, NULL);
	tell(e, &now);
	if (b)
		commit_here(e, b);
	journal_flush(e->journal);
	if (e->over)
		return OK;
	if (core_quit(e->core))
		farewell(e, &now);
	return OK;
}

static void *net_body(void *arg)
{
	struct engine *e = arg;
	enum err err = OK;

	while (!e->over && !(err = engine_turn(e)))
		;
	if (err) {
		struct event bye = {.kind = EV_BYE};
		char text[128];

		snprintf(text, sizeof text, "network: %s", strerror(errno));
		bye.text = text;
		tell_clients(e, 0, &bye);
	}
	wake_clients(e);
	return NULL;
}

static void *disk_body(void *arg)
{
	disk_run(arg);
	return NULL;
}

/* ---- start and end ---- */

static enum err open_store(struct engine *e, char why[static 256])
{
	enum err err = store_open(e->cfg->store_path, &e->store, why);

	if (err)
		return err;
	if ((err = writer_open(e->cfg->store_path, &e->writer))) {
		snprintf(why, 256, "%s: %s", e->cfg->store_path, err_text(err));
		return err;
	}
	store_history(e->store, e->cfg->history == HISTORY_FOREVER);
	e->disk = disk_new(e->writer, e->batches, e->done);
	e->worker = worker_new(e->cfg->store_path, e->cfg->identity_path,
			       e->jobs, e->answers);
	return OK;
}

static void open_beacon(struct engine *e)
{
	struct now now = clock_now(&e->rng, NULL);
	struct pubkey self = keys_public(e->identity->keys);
	char id[33];

	if (e->cfg->discover == DISCOVER_OFF || !e->cfg->listen)
		return;
	if (beacon_open(&e->beacon)) {
		e->beacon = NULL; /* no network is no reason to end */
		return;
	}
	seal_peer_id(id, &self);
	beacon_say(e->beacon, id, e->cfg->nick, e->doors.here.port, e->instance,
		   &now);
}

static enum err watch_all(struct engine *e)
{
	int fd[] = {queue_fd(e->orders), queue_fd(e->done),
		    queue_fd(e->answers)};

	for (size_t i = 0; i < sizeof fd / sizeof *fd; i++)
		if (net_watch(e->net, fd[i]))
			return ERR_SYS;
	if (e->office && net_watch(e->net, office_fd(e->office)))
		return ERR_SYS;
	return e->beacon ? net_watch(e->net, beacon_fd(e->beacon)) : OK;
}

static char *copy_of(const char *s)
{
	return xstrndup((struct bytes){(const uint8_t *)s, strlen(s)});
}

static void make_ready(struct engine *e)
{
	struct contact *c = xmalloc(sizeof *c);
	struct buf text = {0};

	*c = (struct contact){.dialect = "sotto", .secure = true};
	c->key = keys_public(e->identity->keys);
	c->at = e->doors.here;
	c->presence = P_ONLINE;
	c->trust = TRUST_VERIFIED;
	snprintf(c->nick, sizeof c->nick, "%s", e->cfg->nick);
	doors_text(&e->doors, e->cfg, &text);
	e->ready = xmalloc(sizeof *e->ready);
	*e->ready = (struct event){.kind = EV_READY, .contact = c};
	e->ready->text = xstrndup((struct bytes){text.p, text.n});
	buf_free(&text);
	e->ready->name = copy_of(rules_word(&e->rules));
}

static void read_peers(struct engine *e)
{
	struct now now = clock_now(&e->rng, NULL);

	if (!e->cfg->listen || peersfile_read(&e->peers, e->cfg->peers_file))
		return;
	for (size_t i = 0; i < e->peers.n; i++)
		core_hint(e->core, &now, &e->peers.hint[i]);
}

static void open_journal(struct engine *e)
{
	struct now now = clock_now(&e->rng, NULL);

	if (e->cfg->log == LOG_OFF)
		return;
	e->journal = journal_open(e->cfg->log_path, e->cfg->log == LOG_FULL);
	if (e->doors.here.port)
		journal_line(e->journal, now.wall_us, "started as %s on %s",
			     e->cfg->nick, e->ready->text);
	else
		journal_line(e->journal, now.wall_us, "started as %s",
			     e->cfg->nick);
	journal_flush(e->journal);
}

static void *office_body(void *arg)
{
	office_run(arg);
	return NULL;
}

static enum err open_office(struct engine *e, char why[static 256])
{
	struct center_terms terms = {.open = e->cfg->center_open,
				     .node = e->node,
				     .addresses = e->cfg->center_addresses,
				     .relay = e->cfg->relay,
				     .relay_at = e->cfg->relay_at};

	if (!e->cfg->center)
		return OK;
	/* no two nodes may be of one name, on one machine neither */
	if (*e->cfg->center_node)
		memcpy(e->node, e->cfg->center_node, sizeof e->node);
	else
		for (size_t i = 0; i < sizeof e->instance.b; i++)
			snprintf(e->node + 2 * i, 3, "%02x", e->instance.b[i]);
	enum err err = office_open(e->cfg->center_store, e->cfg->data_dir,
				   &terms, &e->office, why);
	if (err || !doors_booth(e->cfg))
		return err;
	char *beside = center_beside(e->cfg->center_store);
	err = office_plain(e->office, beside, e->node, why);
	free(beside);
	return err;
}

static void stop_office(struct engine *e)
{
	if (e->office_runs) {
		office_stop(e->office);
		pthread_join(e->office_thread, NULL);
	}
	office_free(e->office);
}

static enum err start_threads(struct engine *e)
{
	if (e->office &&
	    pthread_create(&e->office_thread, NULL, office_body, e->office))
		return ERR_SYS;
	e->office_runs = e->office != NULL;
	if (pthread_create(&e->disk_thread, NULL, disk_body, e->disk))
		return ERR_SYS;
	if (pthread_create(&e->net_thread, NULL, net_body, e)) {
		while (!queue_push(e->batches, NULL))
			;
		pthread_join(e->disk_thread, NULL);
		return ERR_SYS;
	}
	return OK;
}

static void drop_orders(struct engine *e)
{
	for (struct order *o; (o = queue_pop(e->orders)); free(o))
		command_free(o->command);
}

static void engine_free(struct engine *e)
{
	stop_office(e);
	if (e->worker)
		stop_workers(e);
	for (struct job *j; e->jobs && (j = queue_pop(e->jobs));)
		job_free(j);
	for (struct job *j; e->answers && (j = queue_pop(e->answers));)
		job_free(j);
	for (void *d; e->done && (d = queue_pop(e->done));)
		free(d);
	drop_orders(e);
	if (e->worker)
		worker_free(e->worker);
	core_free(e->core);
	effects_free(e->fx);
	net_free(e->net);
	beacon_close(e->beacon);
	journal_close(e->journal);
	peersfile_free(&e->peers);
	disk_free(e->disk);
	if (e->store)
		store_close(e->store);
	if (e->writer)
		writer_close(e->writer);
	queue_free(e->orders);
	queue_free(e->batches);
	queue_free(e->done);
	queue_free(e->jobs);
	queue_free(e->answers);
	event_free(e->ready);
	while (e->n_news)
		event_free(e->news[--e->n_news]);
	pthread_mutex_destroy(&e->lock);
	free(e);
}

static struct engine *engine_new(const struct config *cfg,
				 const struct identity *id)
{
	static const struct net_rules net_rules = {
	    .pending = 64,
	    .pending_source = 4,
	    .pending_loopback = 64,
	    .handshakes_s = 500,
	    .handshakes_source_s = 5,
	};
	struct engine *e = xzalloc(sizeof *e);

	e->cfg = cfg;
	e->identity = id;
	pthread_mutex_init(&e->lock, NULL);
	clock_seed(&e->rng);
	rng_fill(&e->rng, e->instance.b, sizeof e->instance.b);
	e->orders = queue_new(ORDERS_MAX, 4 * CLIENTS_MAX);
	e->batches = queue_new(16, 0);
	e->done = queue_new(64, 0);
	e->jobs = queue_new(JOBS_MAX, 0);
	e->answers = queue_new(JOBS_MAX, 1024);
	e->fx = effects_new();
	e->net = net_new(&net_rules, id->keys);
	e->rules = rules_of(cfg);
	return e;
}

enum err engine_start(const struct config *cfg, const struct identity *id,
		      struct engine **out, char why[static 256])
{
	struct engine *e = engine_new(cfg, id);
	enum err err = open_store(e, why);

	if (!err)
		err = open_office(e, why);
	if (!err && cfg->listen)
		err = doors_open(&e->doors, e->net, cfg, id, why);
	if (!err) {
		open_beacon(e);
		make_ready(e);
		open_journal(e);
		core_start(e, cfg->nick);
		read_peers(e);
		err = watch_all(e);
		if (!err)
			err = start_threads(e);
		if (err)
			snprintf(why, 256, "cannot start: %s", strerror(errno));
	}
	if (err) {
		engine_free(e);
		return err;
	}
	*out = e;
	return OK;
}

void engine_stop(struct engine *e)
{
	struct order *o = xmalloc(sizeof *o);
	struct command *quit = xmalloc(sizeof *quit);

	*quit = (struct command){.kind = CMD_QUIT};
	*o = (struct order){.command = quit};
	if (!queue_push_kept(e->orders, o)) {
		command_free(quit);
		free(o);
	}
	pthread_join(e->net_thread, NULL);
	while (!queue_push(e->batches, NULL))
		;
	pthread_join(e->disk_thread, NULL);
	engine_free(e);
}
