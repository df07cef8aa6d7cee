/* A world of 2 to 6 engines without sockets, threads and clocks: real cores on
 * real stores, a wire that cuts, doubles, drops and reorders, disks that are
 * slow, full or forgotten in a crash, clocks that jump by a year, and backups
 * that are put back. A run is a number: same seed, same run.
 *
 *   sim --seeds N --first S      N runs from seed S on (300, 1)
 *   sim --expect KIND            find a violation of that kind, or fail
 *   sim --trace                  say what happens (with --seeds 1)
 *
 * What must hold is checked while it runs and at the end,
 * when the faults have stopped and everything had time to arrive. */
#include "proto/dialect.h"
#include "src/core.h"
#include "src/disk.h"
#include "src/queue.h"
#include <dirent.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NODES_MAX = 6, MESSAGES_MAX = 2000, LINKS_MAX = 20000 };
#define MS INT64_C(1000)
#define SEC INT64_C(1000000)
#define YEAR (INT64_C(365) * 86400 * SEC)

/* One text somebody asked to send; its number is in the text. */
struct said {
	int from, to;
	struct uuid id; /* as the sender's front end was told; or zero */
	bool accepted;  /* its result said so: it must arrive */
	bool cancelled, failed, delivered;
	int excused; /* so often a backup was put back over it */
	int shown;   /* EV_MESSAGE at the recipient */
	int64_t at;
	int64_t settled_at;
};
struct sent_number {
	int from, to, k;
	uint8_t epoch[8];
	uint64_t seq;
	unsigned life;
};
struct node {
	char path[160], backup[160];
	struct keys *keys;
	struct pubkey key;
	char id[33];
	struct addr at;
	bool alive, dirty;
	unsigned life; /* counts restored backups */
	int64_t wall_off, up_at, disk_at, backup_at;
	int64_t bad_until; /* the disk is full as long; 0: it is not */
	bool has_backup;
	struct store *store;
	struct writer *writer;
	struct reader *reader;
	struct effects *fx;
	struct core *core;
	struct queue *batches, *done;
	struct disk *disk;
	enum err disk_err;
	ticket durable, pushed;
	unsigned on_the_way;
	struct rng rng;
	sqlite3 *look; /* what is really on the disk */
	sqlite3_stmt *has;
	uint64_t next_ref;
	link_id next_link;
};
enum item_kind { IT_UP, IT_PACKET, IT_DOWN, IT_REFUSED, IT_JOB };
struct item {
	int64_t at;
	uint64_t order;
	enum item_kind kind;
	int node, side;
	size_t link;
	unsigned boot; /* of the node: a crash forgets */
	contact_id dialled_for;
	struct pubkey key;
	enum err why;
	struct buf bytes; /* a packet as it is said */
	struct job *job;
};
struct wire {
	int node[2];
	link_id id[2];
	bool dead[2]; /* that side has heard of the end */
	bool cut;
	contact_id dialled_for;
	int64_t up[2], last[2]; /* arrival of UP, of the latest packet there */
	unsigned boot[2];
};
static struct world {
	uint64_t seed;
	int n;
	int64_t mono;
	bool calm;  /* the faults have stopped */
	bool raw;   /* packets are dropped, doubled, reordered one by one */
	bool quota; /* strangers have little room */
	bool backups, hints, full_disks, slow;
	bool one_form; /* people always type the same address */
	struct node node[NODES_MAX];
	unsigned boot[NODES_MAX];
	struct said said[MESSAGES_MAX];
	int n_said;
	struct sent_number *number;
	size_t n_number;
	struct wire *wire;
	size_t n_wire;
	struct item **heap;
	size_t n_heap, cap_heap;
	uint64_t order;
	struct rng rng;
	char dir[128];
	unsigned long packets, crashes, cuts, restores, lost_disks, rebuilt;
} w;
static const char *expect;
static bool trace;

static void say(const char *fmt, ...) PRINTF(1, 2);
static void say(const char *fmt, ...)
{
	va_list ap;

	if (!trace)
		return;
	printf("%9.3f ", (double)w.mono / 1e6);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
}

static void wipe(void)
{
	char path[512];
	DIR *d = opendir(w.dir);

	for (struct dirent *e; d && (e = readdir(d));) {
		snprintf(path, sizeof(path), "%s/%s", w.dir, e->d_name);
		unlink(path);
	}
	if (d)
		closedir(d);
	rmdir(w.dir);
}

static void violation(const char *kind, const char *fmt, ...) PRINTF(2, 3);
static void violation(const char *kind, const char *fmt, ...)
{
	va_list ap;
	bool wanted = expect && strcmp(expect, kind) == 0;

	fflush(stdout);
	fprintf(stderr,
		"%s: seed %llu at %.3f s: %s: ", wanted ? "found" : "VIOLATION",
		(unsigned long long)w.seed, (double)w.mono / 1e6, kind);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	wipe();
	_exit(wanted ? 0 : 1);
}

static uint64_t rnd(uint64_t n)
{
	uint64_t r;

	rng_fill(&w.rng, (uint8_t *)&r, sizeof(r));
	return n ? r % n : 0;
}

static bool chance(unsigned percent)
{
	return rnd(100) < percent;
}

/* ---- the agenda ---- */

static bool earlier(const struct item *a, const struct item *b)
{
	return a->at != b->at ? a->at < b->at : a->order < b->order;
}

static void agenda_put(struct item *it)
{
	if (w.n_heap + 1 >= w.cap_heap) {
		w.cap_heap = w.cap_heap * 2 + 64;
		w.heap = xrealloc(w.heap, w.cap_heap * sizeof(*w.heap));
	}
	it->order = ++w.order;
	size_t i = ++w.n_heap;
	for (; i > 1 && earlier(it, w.heap[i / 2]); i /= 2)
		w.heap[i] = w.heap[i / 2];
	w.heap[i] = it;
}

static struct item *agenda_take(void)
{
	struct item *top = w.heap[1], *last = w.heap[w.n_heap--];
	size_t i = 1;

	for (size_t k; (k = i * 2) <= w.n_heap; i = k) {
		if (k < w.n_heap && earlier(w.heap[k + 1], w.heap[k]))
			k++;
		if (!earlier(w.heap[k], last))
			break;
		w.heap[i] = w.heap[k];
	}
	w.heap[i] = last;
	return top;
}

static void item_free(struct item *it)
{
	buf_free(&it->bytes);
	job_free(it->job);
	free(it);
}

static struct item *item_new(enum item_kind kind, int node, int64_t at)
{
	struct item *it = xmalloc(sizeof(*it));

	*it = (struct item){.kind = kind, .node = node, .at = at};
	it->boot = w.boot[node];
	return it;
}

/* ---- packets: the bytes of the dialect, without the channel ---- */

static void packet_keep(struct item *it, const struct packet *p)
{
	enum err err = dialect_check(&dialect_sotto, p);

	if (!err)
		err = dialect_sotto.encode(p, &it->bytes);
	if (err)
		violation("unsaid", "packet %d: %s", (int)p->kind,
			  err_text(err));
}

/* What it points to is good until the next call. */
static struct packet packet_read(const struct item *it)
{
	static uint8_t block[1 << 18];
	struct arena a = {.p = block, .cap = sizeof(block)};
	struct packet p;
	struct bytes frame = {it->bytes.p, it->bytes.n};
	enum err err = dialect_sotto.decode(frame, &a, &p);

	if (!err)
		err = packet_check(&p);
	if (err)
		violation("unread", "%.*s: %s", (int)frame.n,
			  (const char *)frame.p, err_text(err));
	return p;
}

/* ---- looking at the disks ---- */

static bool on_disk(struct node *n, struct uuid id)
{
	sqlite3_bind_blob(n->has, 1, id.b, sizeof(id.b), SQLITE_STATIC);
	bool yes = sqlite3_step(n->has) == SQLITE_ROW;
	sqlite3_reset(n->has);
	return yes;
}

static int64_t ask(const char *path, const char *sql)
{
	sqlite3 *db;
	sqlite3_stmt *q;
	int64_t n = -1;

	if (sqlite3_open(path, &db) == SQLITE_OK &&
	    sqlite3_prepare_v2(db, sql, -1, &q, NULL) == SQLITE_OK) {
		if (sqlite3_step(q) == SQLITE_ROW)
			n = sqlite3_column_int64(q, 0);
		sqlite3_finalize(q);
	}
	sqlite3_close(db);
	return n;
}

/* ---- nodes ---- */

static struct now now_of(struct node *n)
{
	return (struct now){.mono_us = w.mono,
			    .wall_us = INT64_C(1790000000) * SEC + w.mono +
				       n->wall_off,
			    .rng = &n->rng};
}

static int index_of(const struct node *n)
{
	return (int)(n - w.node);
}

static struct core_rules rules(void)
{
	return (struct core_rules){
	    .new_key = w.quota ? NEW_KEY_ASK : NEW_KEY_ACCEPT,
	    .request_texts = w.quota ? 3 : 20,
	    .request_bytes = w.quota ? 60 : 65536,
	    .max_links = 64,
	    .max_dials_minute = 8,
	    .max_queued = 10000,
	    .max_unacked = w.seed % 3 ? 64 : 4,
	    .redial_cap_us = 20 * SEC,
	    .keep_history = true,
	};
}

static void core_make(struct node *n)
{
	struct core_rules r = rules();
	struct uuid instance;
	char nick[8];

	snprintf(nick, sizeof(nick), "n%d", index_of(n));
	n->core = core_new(&r, n->keys, nick, n->store, n->fx);
	rng_fill(&w.rng, instance.b, sizeof(instance.b));
	core_self(n->core, n->at, instance);
}

static void look_open(struct node *n)
{
	if (sqlite3_open_v2(n->path, &n->look, SQLITE_OPEN_READWRITE, NULL) ||
	    sqlite3_prepare_v2(n->look,
			       "SELECT 1 FROM message WHERE incoming = 1 AND "
			       "id = ?1",
			       -1, &n->has, NULL))
		abort();
}

static void boot(struct node *n)
{
	char why[128];

	if (store_open(n->path, &n->store, why) ||
	    writer_open(n->path, &n->writer) ||
	    reader_open(n->path, &n->reader)) {
		fprintf(stderr, "%s: %s\n", n->path, why);
		abort();
	}
	look_open(n);
	n->fx = effects_new();
	n->batches = queue_new(8, 0);
	n->done = queue_new(32, 0);
	n->disk = disk_new(n->writer, n->batches, n->done);
	n->durable = n->pushed = 0;
	n->disk_err = OK;
	n->on_the_way = 0;
	n->disk_at = INT64_MAX;
	n->bad_until = 0;
	core_make(n);
	n->alive = n->dirty = true;
	say("n%d boots", index_of(n));
}

static void drain(struct node *n)
{
	void *item;

	while (queue_take(n->batches, &item))
		batch_free(item);
	while (queue_take(n->done, &item))
		free(item);
	n->on_the_way = 0;
}

static void cut(size_t link, int64_t delay_max);

/* kill -9: what was submitted is there, or is not, or nobody was told. */
static void crash(struct node *n)
{
	int me = index_of(n);

	if (chance(50))
		while (n->on_the_way && disk_step(n->disk))
			n->on_the_way = 0;
	for (size_t i = 0; i < w.n_wire; i++)
		if (!w.wire[i].cut &&
		    (w.wire[i].node[0] == me || w.wire[i].node[1] == me))
			cut(i, 5 * SEC);
	drain(n);
	core_free(n->core);
	effects_free(n->fx);
	disk_free(n->disk);
	queue_free(n->batches);
	queue_free(n->done);
	store_close(n->store);
	writer_close(n->writer);
	reader_close(n->reader);
	sqlite3_finalize(n->has);
	sqlite3_close(n->look);
	n->alive = false;
	w.boot[me]++;
	w.crashes++;
	for (int i = 0; i < w.n_said; i++)
		if (w.said[i].from == me)
			w.said[i].delivered = false; /* told anew */
	say("n%d crashes", me);
}

static void copy_file(const char *from, const char *to)
{
	char buf[65536], wal[200];
	int in = open(from, O_RDONLY), out;

	snprintf(wal, sizeof(wal), "%s-wal", to);
	unlink(wal);
	snprintf(wal, sizeof(wal), "%s-shm", to);
	unlink(wal);
	out = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	for (ssize_t n; (n = read(in, buf, sizeof(buf))) > 0;)
		if (write(out, buf, (size_t)n) != n)
			abort();
	close(in);
	close(out);
}

/* Only while it is down: all connections are closed and the log is empty. */
static void backup_or_restore(struct node *n)
{
	int me = index_of(n);

	ask(n->path, "PRAGMA wal_checkpoint(TRUNCATE)");
	if (!n->has_backup) {
		copy_file(n->path, n->backup);
		n->has_backup = true;
		n->backup_at = w.mono;
		say("n%d backup", me);
		return;
	}
	copy_file(n->backup, n->path);
	n->has_backup = false;
	n->life++;
	w.restores++;
	say("n%d restored to %.3f", me, (double)n->backup_at / 1e6);
	for (int i = 0; i < w.n_said; i++) {
		struct said *s = &w.said[i];
		bool before = s->settled_at && s->settled_at < n->backup_at;
		if ((s->from != me && s->to != me) || before)
			continue;
		s->excused++;
		s->settled_at = 0;
	}
}

/* ---- the wire ---- */

static int64_t latency(void)
{
	return w.slow ? (int64_t)rnd(300 * MS) + MS
		      : (int64_t)rnd(3 * MS) + 100;
}

static void cut(size_t link, int64_t delay_max)
{
	struct wire *l = &w.wire[link];

	l->cut = true;
	w.cuts++;
	for (int side = 0; side < 2; side++) {
		if (l->dead[side] || !w.node[l->node[side]].alive)
			continue;
		struct item *it =
		    item_new(IT_DOWN, l->node[side],
			     w.mono + (int64_t)rnd((uint64_t)delay_max) + 1);
		it->link = link;
		it->side = side;
		it->why = ERR_CLOSED;
		agenda_put(it);
	}
}

static int node_at(const struct addr *a)
{
	for (int i = 0; i < w.n; i++)
		if (memcmp(a->ip, w.node[i].at.ip, 16) == 0 &&
		    a->port == w.node[i].at.port)
			return i;
	return -1;
}

static void refuse(struct node *n, const struct effect *e, enum err why,
		   const struct pubkey *key)
{
	struct item *it = item_new(IT_REFUSED, index_of(n), w.mono + latency());

	it->dialled_for = e->contact;
	it->why = why;
	if (key)
		it->key = *key;
	agenda_put(it);
}

static void dial(struct node *n, const struct effect *e)
{
	int other = node_at(&e->at);
	struct node *o = other < 0 ? NULL : &w.node[other];

	if (!o || !o->alive || (!w.calm && chance(10))) {
		refuse(n, e, ERR_CLOSED, NULL);
		return;
	}
	if (!pubkey_none(&e->pin) &&
	    memcmp(&e->pin, &o->key, sizeof(o->key)) != 0) {
		refuse(n, e, ERR_AUTH, &o->key);
		return;
	}
	if (w.n_wire == LINKS_MAX)
		violation("stuck", "dials without end");
	struct wire *l = &w.wire[w.n_wire];
	*l = (struct wire){.node = {index_of(n), other},
			   .dialled_for = e->contact};
	l->boot[0] = w.boot[l->node[0]];
	l->boot[1] = w.boot[other];
	for (int side = 0; side < 2; side++) {
		struct node *s = &w.node[l->node[side]];
		l->id[side] = ++s->next_link;
		struct item *it =
		    item_new(IT_UP, l->node[side], w.mono + latency());
		l->up[side] = l->last[side] = it->at;
		it->link = w.n_wire;
		it->side = side;
		agenda_put(it);
	}
	w.n_wire++;
}

static struct wire *wire_of(struct node *n, link_id id, int *side)
{
	int me = index_of(n);

	for (size_t i = w.n_wire; i-- > 0;)
		for (int s = 0; s < 2; s++)
			if (w.wire[i].node[s] == me && w.wire[i].id[s] == id &&
			    w.wire[i].boot[s] == w.boot[me]) {
				*side = s;
				return &w.wire[i];
			}
	return NULL;
}

static struct said *said_in(struct bytes text)
{
	int k = -1;

	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] == '#') {
			k = 0;
			for (i++;
			     i < text.n && text.p[i] >= '0' && text.p[i] <= '9';
			     i++)
				k = k * 10 + text.p[i] - '0';
			break;
		}
	if (k < 0 || k >= w.n_said)
		violation("forged", "a text nobody sent: %.*s", (int)text.n,
			  (const char *)text.p);
	return &w.said[k];
}

/* I9: a number is never given to two messages. */
static void check_number(struct node *n, int to, const struct packet *p)
{
	int k = (int)(said_in(p->text) - w.said);

	if (!p->seq)
		violation("seq", "a text without a number");
	for (size_t i = 0; i < w.n_number; i++) {
		struct sent_number *s = &w.number[i];
		if (s->from != index_of(n) || s->to != to ||
		    s->life != n->life || s->seq != p->seq ||
		    memcmp(s->epoch, p->epoch, 8) != 0)
			continue;
		if (s->k != k)
			violation("seq", "n%d gave %llu to #%d and #%d",
				  index_of(n), (unsigned long long)p->seq, s->k,
				  k);
		return;
	}
	w.number = xrealloc(w.number, (w.n_number + 1) * sizeof(*w.number));
	struct sent_number *s = &w.number[w.n_number++];
	*s = (struct sent_number){.from = index_of(n),
				  .to = to,
				  .k = k,
				  .seq = p->seq,
				  .life = n->life};
	memcpy(s->epoch, p->epoch, 8);
}

static void carry(struct node *n, const struct effect *e)
{
	int side;
	struct wire *l = wire_of(n, e->link, &side);

	if (!l || l->cut || l->dead[side])
		return;
	int other = l->node[!side];
	const struct packet *p = e->packet;
	/* I4: an ACK leaves only when the message is on the disk. */
	if (p->kind == PKT_ACK && p->verdict == V_SUCCESS && !on_disk(n, p->id))
		violation("ack-before-commit",
			  "n%d says it has what it has not", index_of(n));
	if (p->kind == PKT_MESSAGE || p->kind == PKT_REPLY)
		check_number(n, other, p);
	unsigned copies = 1;
	if (w.raw && !w.calm && p->kind != PKT_HELLO)
		copies = chance(15) ? 0 : chance(15) ? 2 : 1;
	for (; copies; copies--) {
		int64_t at = w.mono + latency();
		say("n%d -> n%d: packet %d of link %u seq %llu verdict %d %.*s",
		    index_of(n), other, (int)p->kind, e->link,
		    (unsigned long long)p->seq, (int)p->verdict, (int)p->text.n,
		    (const char *)p->text.p);
		if (!w.raw || !chance(20)) {
			if (at <= l->last[!side])
				at = l->last[!side] + 1;
			l->last[!side] = at;
		}
		if (at <= l->up[!side])
			at = l->up[!side] + 1;
		struct item *it = item_new(IT_PACKET, other, at);
		it->link = (size_t)(l - w.wire);
		it->side = !side;
		packet_keep(it, p);
		agenda_put(it);
		w.packets++;
	}
}

static void closed(struct node *n, link_id id)
{
	int side;
	struct wire *l = wire_of(n, id, &side);

	if (!l || l->cut || l->dead[side])
		return;
	l->dead[side] = true;
	struct item *it = item_new(
	    IT_DOWN, l->node[!side],
	    l->last[!side] + 1 > w.mono ? l->last[!side] + 1 : w.mono + 1);
	it->link = (size_t)(l - w.wire);
	it->side = !side;
	it->why = ERR_CLOSED;
	agenda_put(it);
}

/* ---- events ---- */

static struct said *said_by_event(const struct event *ev)
{
	struct bytes text = {(const uint8_t *)ev->message->text,
			     strlen(ev->message->text)};

	return said_in(text);
}

static void on_incoming(struct node *n, const struct event *ev)
{
	struct said *s = said_by_event(ev);

	/* I5: shown only when it is there for good. */
	if (!on_disk(n, ev->message->id))
		violation("shown-before-commit", "n%d shows #%d", index_of(n),
			  (int)(s - w.said));
	if (s->to != index_of(n))
		violation("astray", "#%d was not for n%d", (int)(s - w.said),
			  index_of(n));
	if (++s->shown > 1 + s->excused)
		violation("twice", "n%d shows #%d again", index_of(n),
			  (int)(s - w.said));
}

static void on_status(struct node *n, const struct event *ev)
{
	if (ev->message->incoming)
		return;
	struct said *s = said_by_event(ev);
	int k = (int)(s - w.said);
	struct node *to = &w.node[s->to];
	enum delivery d = ev->message->delivery;

	say("n%d: #%d is %d (with %lld, seq %llu)", index_of(n), k, (int)d,
	    (long long)ev->message->with, (unsigned long long)ev->message->seq);
	if (s->from != index_of(n))
		violation("astray", "a status of #%d at n%d", k, index_of(n));
	/* I8: nothing comes after delivered. */
	if (s->delivered && d != D_DELIVERED)
		violation("state", "#%d was delivered, is %d", k, (int)d);
	s->failed = d == D_FAILED;
	s->cancelled |= d == D_CANCELLED;
	if (d != D_DELIVERED)
		return;
	s->delivered = true;
	if (!s->settled_at)
		s->settled_at = w.mono;
	/* I1: what is said to be delivered is there. */
	if (!s->excused && to->alive && !on_disk(to, ev->message->id))
		violation("acked-not-stored", "#%d is not at n%d", k, s->to);
}

static void on_result(struct node *n, const struct event *ev)
{
	if (!ev->message || ev->code != CODE_OK)
		return;
	struct said *s = said_by_event(ev);
	s->id = ev->message->id;
	s->accepted = true;
	(void)n;
}

static void hear_event(struct node *n, const struct event *ev)
{
	switch (ev->kind) {
	case EV_MESSAGE:
		if (ev->message->incoming)
			on_incoming(n, ev);
		break;
	case EV_STATUS:
		on_status(n, ev);
		break;
	case EV_RESULT:
		on_result(n, ev);
		break;
	case EV_READY:
	case EV_PEER:
	case EV_ITEM:
	case EV_LOST:
	case EV_SECURITY:
	case EV_CONSENT:
	case EV_NOTICE:
	case EV_BYE:
		break;
	}
	if (ev->kind == EV_NOTICE || ev->kind == EV_SECURITY)
		say("n%d notice: %s", index_of(n), ev->text);
}

static void give_job(struct node *n, const struct job *j)
{
	struct item *it =
	    item_new(IT_JOB, index_of(n), w.mono + (int64_t)rnd(200 * MS));

	it->job = job_copy(j);
	agenda_put(it);
}

/* The names of this world: "n3.sim". */
static void do_job(struct node *n, struct job *j)
{
	if (j->kind == JOB_PAGE) {
		j->err = reader_page(n->reader, &j->query, &j->page);
		return;
	}
	int i = j->host[0] == 'n' ? j->host[1] - '0' : -1;
	if (i < 0 || i >= w.n || (!w.calm && chance(20))) {
		j->err = ERR_ABSENT;
		return;
	}
	j->addr[0] = w.node[i].at;
	j->n_addr = 1;
}

/* ---- the turn, as engine.c does it ---- */

static void disk_lost(struct node *n, enum err err)
{
	int me = index_of(n);

	effects_drop(n->fx);
	for (size_t i = 0; i < w.n_wire; i++)
		for (int s = 0; s < 2; s++)
			if (w.wire[i].node[s] == me && !w.wire[i].cut &&
			    w.wire[i].boot[s] == w.boot[me]) {
				w.wire[i].dead[s] = true;
				cut(i, 100 * MS);
			}
	if (store_reset(n->store))
		abort();
	core_free(n->core);
	core_make(n);
	n->disk_err = err;
	w.lost_disks++;
	for (int i = 0; i < w.n_said; i++)
		if (w.said[i].from == me)
			w.said[i].delivered = false;
	say("n%d: the disk fails", me);
}

static void hear_disk(struct node *n, const struct now *now)
{
	struct disk_done *d;

	while ((d = queue_pop(n->done))) {
		if (d->err || d->upto >= n->pushed)
			n->on_the_way = 0;
		if (d->err == OK) {
			n->durable = d->upto;
			store_durable(n->store, d->upto);
		} else {
			disk_lost(n, d->err);
		}
		if (d->err != n->disk_err || d->err)
			core_disk(n->core, now, d->err);
		n->disk_err = d->err;
		free(d);
	}
}

static void obey(struct node *n)
{
	struct effect e;

	while (effects_next(n->fx, n->durable, &e)) {
		switch (e.kind) {
		case FX_SEND:
			carry(n, &e);
			break;
		case FX_DIAL:
			dial(n, &e);
			break;
		case FX_CLOSE:
			closed(n, e.link);
			break;
		case FX_EVENT:
			hear_event(n, e.event);
			break;
		case FX_JOB:
			give_job(n, e.job);
			break;
		case FX_SPLICE: /* a center's alone */
			break;
		}
	}
}

/* What core holds must come back from the disk alone, once all is there. */
static void rebuild_check(struct node *n)
{
	struct core_rules r = rules();
	struct buf a = {0}, b = {0};
	struct store *store;
	char nick[8], why[128];

	if (store_deadline(n->store) != INT64_MAX)
		return; /* what may be lost has not gone yet */
	struct effects *fx = effects_new();
	snprintf(nick, sizeof(nick), "n%d", index_of(n));
	if (store_open(n->path, &store, why))
		abort();
	struct core *again = core_new(&r, n->keys, nick, store, fx);
	core_dump(n->core, &a);
	core_dump(again, &b);
	if (a.n != b.n || (a.n && memcmp(a.p, b.p, a.n) != 0))
		violation("rebuild", "n%d:\n%.*s---\n%.*s", index_of(n),
			  (int)a.n, (const char *)a.p, (int)b.n,
			  (const char *)b.p);
	core_free(again);
	store_close(store);
	effects_free(fx);
	buf_free(&a);
	buf_free(&b);
	w.rebuilt++;
}

static void turn(struct node *n)
{
	struct now now = now_of(n);

	hear_disk(n, &now);
	core_tick(n->core, &now);
	struct batch *b = store_batch(n->store, &now);
	if (b) {
		if (!queue_push(n->batches, b))
			abort();
		n->on_the_way++;
		n->pushed = batch_ticket(b);
		if (n->disk_at == INT64_MAX)
			n->disk_at = w.mono + (chance(90) || w.calm
						   ? (int64_t)rnd(2 * MS)
						   : (int64_t)rnd(3 * SEC));
	}
	obey(n);
	n->dirty = false;
	if (!b && !n->on_the_way && !n->disk_err && chance(5))
		rebuild_check(n);
}

static void disk_says(struct node *n, ticket upto, enum err err)
{
	struct disk_done *d = xmalloc(sizeof(*d));

	*d = (struct disk_done){upto, err};
	if (!queue_push(n->done, d))
		abort();
	n->dirty = true;
}

static void disk_turn(struct node *n)
{
	n->disk_at = INT64_MAX;
	if (!n->alive || !n->on_the_way)
		return;
	if (w.full_disks && !w.calm && !n->bad_until && chance(4))
		n->bad_until = w.mono + (int64_t)rnd(5 * SEC) + 1;
	if (n->bad_until) {
		void *item;
		ticket upto = 0;
		while (queue_take(n->batches, &item)) {
			upto = batch_ticket(item);
			batch_free(item);
		}
		disk_says(n, upto, ERR_FULL);
	} else {
		disk_step(n->disk);
	}
	n->dirty = true;
}

static void deliver(struct item *it)
{
	struct node *n = &w.node[it->node];
	struct now now = now_of(n);
	struct wire *l = &w.wire[it->link];
	struct packet packet;
	struct addr at;

	if (!n->alive || it->boot != w.boot[it->node])
		return;
	n->dirty = true;
	switch (it->kind) {
	case IT_UP:
		if (l->cut || l->dead[it->side])
			return;
		at = w.node[l->node[!it->side]].at;
		if (it->side)
			at.port = (uint16_t)(40000 + it->link % 20000);
		core_link_up(n->core, &now, l->id[it->side], &dialect_sotto, at,
			     w.node[l->node[!it->side]].key,
			     it->side ? 0 : l->dialled_for);
		break;
	case IT_PACKET:
		if (l->cut || l->dead[it->side])
			return;
		packet = packet_read(it);
		core_packet(n->core, &now, l->id[it->side], &packet);
		break;
	case IT_DOWN:
		if (l->dead[it->side])
			return;
		l->dead[it->side] = true;
		core_link_down(n->core, &now, l->id[it->side],
			       it->side ? 0 : l->dialled_for,
			       (struct pubkey){0}, it->why);
		break;
	case IT_REFUSED:
		core_link_down(n->core, &now, ++n->next_link, it->dialled_for,
			       it->key, it->why);
		break;
	case IT_JOB:
		do_job(n, it->job);
		core_job(n->core, &now, it->job);
		break;
	}
}

/* ---- what people do ---- */

static void order(struct node *n, struct command *cmd)
{
	struct now now = now_of(n);

	cmd->ref = ++n->next_ref;
	core_command(n->core, &now, 1, cmd);
	n->dirty = true;
}

static void do_send(struct node *n)
{
	char to[64], text[700];
	int other = (int)rnd((uint64_t)w.n);
	struct said *s = &w.said[w.n_said];

	if (&w.node[other] == n || w.n_said == MESSAGES_MAX)
		return;
	*s = (struct said){.from = index_of(n), .to = other, .at = w.mono};
	switch (w.one_form ? 2 : rnd(3)) {
	case 0:
		snprintf(to, sizeof(to), "n%d.sim", other);
		break;
	case 1:
		snprintf(to, sizeof(to), "sotto://10.0.0.%d:6327", other + 1);
		break;
	default:
		snprintf(to, sizeof(to), "10.0.0.%d:6327", other + 1);
	}
	int len = snprintf(text, sizeof(text), "#%d ", w.n_said);
	for (uint64_t more = rnd(chance(5) ? 500 : 20); more; more--)
		text[len++] = 'x';
	text[len] = 0;
	w.n_said++;
	struct command cmd = {.kind = CMD_SEND, .to = to, .text = text};
	/* now and then an answer to something he sent */
	for (int i = 0; i < w.n_said && chance(30); i++) {
		struct said *o = &w.said[i];
		if (o->from == other && o->to == index_of(n) && o->shown &&
		    !o->excused)
			cmd.id = o->id;
	}
	say("n%d sends #%d to n%d (%s)", index_of(n), w.n_said - 1, other, to);
	order(n, &cmd);
}

static struct said *own_random(struct node *n)
{
	for (int tries = 0; tries < 8 && w.n_said; tries++) {
		struct said *s = &w.said[rnd((uint64_t)w.n_said)];
		if (s->from == index_of(n) && s->accepted)
			return s;
	}
	return NULL;
}

static void do_cancel(struct node *n, enum command_kind kind)
{
	struct said *s = own_random(n);

	if (!s || (kind == CMD_RETRY && s->cancelled))
		return;
	struct command cmd = {.kind = kind, .id = s->id};
	if (kind == CMD_CANCEL)
		s->cancelled = true; /* it may arrive or not, but once */
	order(n, &cmd);
}

static void do_hint(struct node *n)
{
	int other = (int)rnd((uint64_t)w.n);
	struct now now = now_of(n);
	struct hint h = {.dialect = &dialect_sotto,
			 .port = 6327,
			 .via = chance(80) ? VIA_LAN : VIA_FILE};

	snprintf(h.host, sizeof(h.host), "10.0.0.%d", other + 1);
	if (h.via == VIA_LAN)
		memcpy(h.id, w.node[other].id, sizeof(h.id));
	core_hint(n->core, &now, &h);
	n->dirty = true;
}

static void do_people(struct node *n)
{
	struct command cmd = {.contact = 1 + (contact_id)rnd(4)};
	char name[8] = "mia", draft[8] = "hm";

	switch (rnd(6)) {
	case 0:
		cmd.kind = CMD_READ;
		break;
	case 1:
		cmd.kind = CMD_DRAFT;
		cmd.text = draft;
		break;
	case 2:
		cmd.kind = CMD_RENAME;
		cmd.name = name;
		break;
	case 3:
		cmd.kind = CMD_SNAPSHOT;
		break;
	case 4:
		cmd.kind = CMD_SINCE;
		break;
	default:
		cmd.kind = CMD_OUTBOX;
		cmd.contact = 0;
	}
	order(n, &cmd);
}

static void misfortune(struct node *n)
{
	switch (rnd(4)) {
	case 0:
	case 1:
		for (int i = 0; i < 4 && w.n_wire; i++) {
			size_t link = rnd(w.n_wire);
			if (w.wire[link].cut)
				continue;
			cut(link, chance(20) ? 20 * SEC : 50 * MS);
			say("cut %d-%d", w.wire[link].node[0],
			    w.wire[link].node[1]);
			break;
		}
		break;
	case 2:
		crash(n);
		n->up_at = w.mono + (int64_t)rnd(chance(20) ? 30 * SEC : SEC);
		if (w.backups && chance(80))
			backup_or_restore(n);
		break;
	default:
		/* I16: the clock jumps by a year. */
		n->wall_off += chance(50) ? YEAR : -YEAR;
	}
}

static void act(void)
{
	struct node *n = &w.node[rnd((uint64_t)w.n)];

	if (!n->alive)
		return;
	uint64_t what = rnd(100);
	if (what < 60)
		do_send(n);
	else if (what < 64)
		do_cancel(n, CMD_CANCEL);
	else if (what < 67)
		do_cancel(n, CMD_RETRY);
	else if (what < 75 && w.hints)
		do_hint(n);
	else if (what < 85)
		do_people(n);
	else
		misfortune(n);
}

/* ---- running ---- */

static int64_t next_due(int64_t until)
{
	int64_t at = w.n_heap ? w.heap[1]->at : INT64_MAX;

	for (int i = 0; i < w.n; i++) {
		struct node *n = &w.node[i];
		int64_t due = n->up_at;
		if (n->alive) {
			due = core_deadline(n->core);
			if (n->disk_at < due)
				due = n->disk_at;
			if (n->bad_until && n->bad_until < due)
				due = n->bad_until;
			if (store_deadline(n->store) < due)
				due = store_deadline(n->store);
			if (n->dirty)
				due = w.mono;
		}
		if (due < at)
			at = due;
	}
	if (at < w.mono)
		at = w.mono;
	return at < until ? at : until;
}

static void step(int64_t until)
{
	w.mono = next_due(until);
	for (int i = 0; i < w.n; i++) {
		struct node *n = &w.node[i];
		if (!n->alive && n->up_at <= w.mono)
			boot(n);
		if (n->alive && n->bad_until && n->bad_until <= w.mono) {
			n->bad_until = 0;
			disk_says(n, n->durable, OK);
		}
		if (n->alive && n->disk_at <= w.mono)
			disk_turn(n);
	}
	while (w.n_heap && w.heap[1]->at <= w.mono) {
		struct item *it = agenda_take();
		deliver(it);
		item_free(it);
	}
	for (int i = 0; i < w.n; i++) {
		struct node *n = &w.node[i];
		if (n->alive && (n->dirty || core_deadline(n->core) <= w.mono ||
				 store_deadline(n->store) <= w.mono))
			turn(n);
	}
}

static void run_until(int64_t until)
{
	while (w.mono < until)
		step(until);
}

static bool quiet(void)
{
	for (int i = 0; i < w.n; i++) {
		struct node *n = &w.node[i];
		struct page p;
		if (n->on_the_way || store_deadline(n->store) != INT64_MAX ||
		    store_outbox(n->store, 0, &p))
			return false;
		size_t waiting = p.n;
		page_free(&p);
		if (waiting)
			return false;
	}
	return true;
}

/* Everybody accepts everybody, and what may have been given up (in the moment
 * of a crash nobody is told) is tried again. */
static void amnesty(void)
{
	for (int i = 0; i < w.n; i++) {
		struct node *n = &w.node[i];
		for (int k = 0; k < w.n; k++) {
			struct command cmd = {.kind = CMD_TRUST,
					      .to = w.node[k].id};
			order(n, &cmd);
		}
	}
	for (int k = 0; k < w.n_said; k++) {
		struct said *s = &w.said[k];
		struct command cmd = {.kind = CMD_RETRY, .id = s->id};
		if (!s->settled_at && !s->cancelled && s->accepted)
			order(&w.node[s->from], &cmd);
	}
}

static int64_t copies_at(const struct node *n, const struct said *s)
{
	char sql[160];

	snprintf(sql, sizeof(sql),
		 "SELECT count(*) FROM message WHERE incoming = 1 AND "
		 "text LIKE '#%d %%'",
		 (int)(s - w.said));
	return ask(n->path, sql);
}

static void check_said(const struct said *s)
{
	int k = (int)(s - w.said);
	int64_t n = copies_at(&w.node[s->to], s);

	if (n > 1) /* I2 */
		violation("twice", "n%d has #%d %lld times", s->to, k,
			  (long long)n);
	if (!s->accepted || s->cancelled || s->excused)
		return;
	if (n != 1) /* I3 */
		violation("lost", "#%d from n%d never came to n%d%s", k,
			  s->from, s->to, s->failed ? " (failed)" : "");
}

static void check_end(void)
{
	static const char in_order[] =
	    "SELECT count(*) FROM message a JOIN message b ON b.contact = "
	    "a.contact AND b.epoch = a.epoch AND b.n > a.n AND b.seq < a.seq "
	    "WHERE a.incoming = 1 AND b.incoming = 1";

	for (int i = 0; i < w.n; i++) {
		struct node *n = &w.node[i];
		struct range missing[4];
		if (ask(n->path, "SELECT count(*) FROM outbox") != 0)
			violation("outbox", "n%d still has something to send",
				  i);
		/* I6, where the wire and the people keep the order. */
		if (w.one_form && !w.raw && !w.quota && !w.full_disks &&
		    !w.backups && ask(n->path, in_order) != 0)
			violation("order", "n%d has them in another order (%s)",
				  i, n->path);
		struct contact_row row = {0};
		for (contact_id c = 0;
		     !w.backups && store_contact_next(n->store, c, &row);) {
			c = row.shown.id;
			size_t holes = store_missing(n->store, c, missing, 4);
			if (holes) /* I9: no gap is left unexplained */
				violation("gap",
					  "n%d waits for %llu-%llu of %s", i,
					  (unsigned long long)missing[0].from,
					  (unsigned long long)missing[0].to,
					  row.shown.nick);
		}
		rebuild_check(n);
	}
	for (int k = 0; k < w.n_said; k++)
		check_said(&w.said[k]);
}

/* The faults stop; everything must arrive. Then all start once more, so that
 * gaps are explained, and the same is true. */
static void heal(void)
{
	w.calm = true;
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < w.n; i++) {
			struct node *n = &w.node[i];
			if (round && n->alive)
				crash(n);
			n->up_at = w.mono;
		}
		run_until(w.mono + 5 * SEC);
		int64_t until = w.mono + 3600 * SEC;
		for (int i = 0; !i || (!quiet() && w.mono < until); i++) {
			if (i % 100 == 0)
				amnesty();
			run_until(w.mono + 2 * SEC);
		}
		if (!quiet() && trace)
			for (int i = 0; i < w.n; i++) {
				struct buf b = {0};
				core_dump(w.node[i].core, &b);
				say("n%d\n%.*s", i, (int)b.n,
				    (const char *)b.p);
				buf_free(&b);
			}
		if (!quiet())
			violation("stuck", "an hour of calm is not enough");
	}
	struct hint h = {
	    .dialect = &dialect_sotto, .port = 6327, .via = VIA_FILE};
	for (int i = 0; i < w.n; i++)
		for (int k = 0; k < w.n; k++) {
			struct now now = now_of(&w.node[i]);
			snprintf(h.host, sizeof(h.host), "10.0.0.%d", k + 1);
			core_hint(w.node[i].core, &now, &h);
			w.node[i].dirty = true;
		}
	run_until(w.mono + 120 * SEC);
}

static void world_make(uint64_t seed)
{
	struct wire *wire = w.wire;
	struct item **heap = w.heap;
	size_t cap = w.cap_heap;
	char dir[128];

	memcpy(dir, w.dir, sizeof(dir));
	memset(&w, 0, sizeof(w));
	w.wire = wire;
	w.heap = heap;
	w.cap_heap = cap;
	memcpy(w.dir, dir, sizeof(dir));
	w.seed = seed;
	memcpy(w.rng.seed, &seed, sizeof(seed));
	w.mono = 1000 * SEC;
	w.n = 2 + (int)rnd(5);
	w.raw = chance(35);
	w.quota = chance(20);
	w.backups = chance(35);
	w.hints = chance(50);
	w.full_disks = chance(25);
	w.slow = chance(30);
	w.one_form = chance(40);
	for (int i = 0; i < w.n; i++) {
		struct node *n = &w.node[i];
		uint8_t s[32];
		snprintf(n->path, sizeof(n->path), "%s/%d.db", w.dir, i);
		snprintf(n->backup, sizeof(n->backup), "%s/%d.bak", w.dir, i);
		rng_fill(&w.rng, s, sizeof(s));
		n->keys = keys_new(s);
		n->key = keys_public(n->keys);
		seal_peer_id(n->id, &n->key);
		n->at = (struct addr){.port = 6327};
		n->at.ip[10] = n->at.ip[11] = 0xff;
		n->at.ip[12] = 10;
		n->at.ip[15] = (uint8_t)(i + 1);
		rng_fill(&w.rng, n->rng.seed, sizeof(n->rng.seed));
		boot(n);
	}
	say("%d nodes%s%s%s%s%s%s", w.n, w.raw ? " raw" : "",
	    w.quota ? " quota" : "", w.backups ? " backups" : "",
	    w.hints ? " hints" : "", w.full_disks ? " full" : "",
	    w.slow ? " slow" : "");
}

static void world_end(void)
{
	for (int i = 0; i < w.n; i++) {
		struct node *n = &w.node[i];
		if (n->alive)
			crash(n);
		keys_free(n->keys);
	}
	while (w.n_heap)
		item_free(agenda_take());
	free(w.number);
	wipe();
	mkdir(w.dir, 0700);
}

static unsigned long total[6];

static void run(uint64_t seed)
{
	world_make(seed);
	uint64_t actions = 60 + rnd(200);
	for (; actions; actions--) {
		run_until(w.mono +
			  (int64_t)rnd(chance(10) ? 2 * SEC : 40 * MS));
		act();
	}
	heal();
	check_end();
	total[0] += (unsigned long)w.n_said;
	total[1] += w.packets;
	total[2] += w.crashes;
	total[3] += w.cuts;
	total[4] += w.restores;
	total[5] += w.lost_disks;
	world_end();
}

int main(int argc, char **argv)
{
	uint64_t seeds = 300, first = 1;

	for (int i = 1; i < argc; i++) {
		const char *next = i + 1 < argc ? argv[i + 1] : "";
		if (strcmp(argv[i], "--seeds") == 0)
			seeds = strtoull(next, NULL, 10);
		else if (strcmp(argv[i], "--first") == 0)
			first = strtoull(next, NULL, 10);
		else if (strcmp(argv[i], "--expect") == 0)
			expect = next;
		else if (strcmp(argv[i], "--trace") == 0)
			trace = true;
		else
			continue;
	}
	const char *tmp = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
	snprintf(w.dir, sizeof(w.dir), "%s/sotto-sim-XXXXXX", tmp);
	if (!mkdtemp(w.dir))
		return 1;
	w.wire = xmalloc(LINKS_MAX * sizeof(*w.wire));
	for (uint64_t i = 0; i < seeds; i++)
		run(first + i);
	wipe();
	free(w.wire);
	free(w.heap);
	printf("%llu seeds: %lu messages, %lu packets, %lu crashes, %lu cuts, "
	       "%lu restored backups, %lu failed disks: nothing lost, nothing "
	       "twice\n",
	       (unsigned long long)seeds, total[0], total[1], total[2],
	       total[3], total[4], total[5]);
	if (expect)
		fprintf(stderr, "no violation of kind %s was found\n", expect);
	return expect ? 1 : 0;
}
