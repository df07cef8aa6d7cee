#include "proto/dialect.h"
#include "src/core.h"
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
/* cmocka needs some of those above */
#include <cmocka.h>

#define SEC INT64_C(1000000)

/* One core on a store of its own. The rest of the world is this test: it says
 * what links do and looks at what is to be done. */
struct sent {
	link_id link;
	struct packet p;
	char text[400], stamp[48];
	struct range range[RANGES_MAX];
};
struct box {
	char dir[40], path[64];
	struct store *store;
	struct writer *writer;
	struct reader *reader;
	struct effects *fx;
	struct core *core;
	struct keys *keys;
	struct pubkey self;
	struct core_rules rules;
	struct rng rng;
	int64_t mono, wall;
	bool hold; /* the disk hangs */
	bool woke;
	ticket durable;
	struct event *event[4096];
	size_t n_event;
	struct sent sent[2048];
	size_t n_sent;
	struct effect dial[256];
	size_t n_dial;
	link_id closed[64];
	size_t n_closed;
	struct job *job[64];
	size_t n_job;
	uint64_t ref;
	uint64_t seq; /* of texts that arrive */
};
static const uint8_t his_epoch[8] = {7, 7, 7, 7, 7, 7, 7, 7};

static struct now at(struct box *b)
{
	return (struct now){.mono_us = b->mono,
			    .wall_us = b->wall,
			    .woke = b->woke,
			    .rng = &b->rng};
}

static struct bytes view(const char *s)
{
	return (struct bytes){(const uint8_t *)s, strlen(s)};
}

static void core_begin(struct box *b)
{
	struct addr here = {.port = 6327};

	here.ip[10] = here.ip[11] = 0xff;
	here.ip[12] = 10;
	here.ip[15] = 1;
	b->core = core_new(&b->rules, b->keys, "ana", b->store, b->fx);
	core_self(b->core, here, (struct uuid){{1}});
}

static void box_open(struct box *b)
{
	char why[128];

	assert_int_equal(store_open(b->path, &b->store, why), OK);
	assert_int_equal(writer_open(b->path, &b->writer), OK);
	assert_int_equal(reader_open(b->path, &b->reader), OK);
	b->fx = effects_new();
	b->durable = 0;
	core_begin(b);
}

static struct box *box_new(void)
{
	struct box *b = xmalloc(sizeof(*b));
	uint8_t seed[32] = {42};

	*b = (struct box){.mono = 1000 * SEC, .wall = 1790000000 * SEC};
	snprintf(b->dir, sizeof(b->dir), "/tmp/sotto-core-XXXXXX");
	assert_non_null(mkdtemp(b->dir));
	snprintf(b->path, sizeof(b->path), "%s/sotto.db", b->dir);
	b->keys = keys_new(seed);
	b->self = keys_public(b->keys);
	b->rules = (struct core_rules){
	    .new_key = NEW_KEY_ASK,
	    .request_texts = 20,
	    .request_bytes = 65536,
	    .max_links = 64,
	    .max_dials_minute = 8,
	    .max_queued = 10000,
	    .max_unacked = 64,
	    .redial_cap_us = 300 * SEC,
	    .keep_history = true,
	};
	box_open(b);
	return b;
}

static void forget_seen(struct box *b)
{
	for (size_t i = 0; i < b->n_event; i++)
		event_free(b->event[i]);
	for (size_t i = 0; i < b->n_job; i++)
		job_free(b->job[i]);
	b->n_event = b->n_sent = b->n_dial = b->n_closed = b->n_job = 0;
}

static void box_close(struct box *b)
{
	core_free(b->core);
	effects_free(b->fx);
	store_close(b->store);
	writer_close(b->writer);
	reader_close(b->reader);
}

static void box_free(struct box *b)
{
	char path[400];
	DIR *d;

	forget_seen(b);
	box_close(b);
	keys_free(b->keys);
	d = opendir(b->dir);
	for (struct dirent *e; d && (e = readdir(d));) {
		snprintf(path, sizeof(path), "%s/%s", b->dir, e->d_name);
		unlink(path);
	}
	closedir(d);
	rmdir(b->dir);
	free(b);
}

static void keep_text(char *to, size_t max, struct bytes *s)
{
	size_t n = s->n < max ? s->n : max - 1;

	if (n)
		memcpy(to, s->p, n);
	to[n] = 0;
	s->p = (const uint8_t *)to;
}

static void see_send(struct box *b, const struct effect *e)
{
	assert_true(b->n_sent < sizeof(b->sent) / sizeof(b->sent[0]));
	/* whatever it says can be said on the wire */
	assert_int_equal(dialect_check(&dialect_sotto, e->packet), OK);
	struct sent *s = &b->sent[b->n_sent++];
	s->link = e->link;
	s->p = *e->packet;
	keep_text(s->text, sizeof(s->text), &s->p.text);
	keep_text(s->stamp, sizeof(s->stamp), &s->p.stamp);
	if (e->packet->n_ranges)
		memcpy(s->range, e->packet->ranges,
		       e->packet->n_ranges * sizeof(s->range[0]));
	s->p.ranges = s->range;
}

static void see(struct box *b, const struct effect *e)
{
	switch (e->kind) {
	case FX_SEND:
		see_send(b, e);
		break;
	case FX_DIAL:
		b->dial[b->n_dial++] = *e;
		break;
	case FX_CLOSE:
		b->closed[b->n_closed++] = e->link;
		break;
	case FX_EVENT:
		assert_true(b->n_event < 4096);
		b->event[b->n_event++] = event_copy(e->event);
		break;
	case FX_JOB:
		b->job[b->n_job++] = job_copy(e->job);
		break;
	case FX_SPLICE:
		fail();
	}
}

/* The end of a turn: commit, unless the disk hangs, and do what is due. */
static void go(struct box *b)
{
	struct now now = at(b);
	struct batch *batch;
	struct effect e;

	core_tick(b->core, &now);
	if (!b->hold && (batch = store_batch(b->store, &now))) {
		ticket t = batch_ticket(batch);
		assert_int_equal(writer_commit(b->writer, &batch, 1), OK);
		b->durable = t;
		store_durable(b->store, t);
	}
	while (effects_next(b->fx, b->durable, &e))
		see(b, &e);
}

static void later(struct box *b, int64_t us)
{
	b->mono += us;
	b->wall += us;
	go(b);
}

static struct pubkey key_of(uint8_t k)
{
	struct pubkey key;

	memset(key.b, k, sizeof(key.b));
	return key;
}

static struct addr addr_of(uint8_t last, uint16_t port)
{
	struct addr a = {.port = port};

	a.ip[10] = a.ip[11] = 0xff;
	a.ip[12] = 10;
	a.ip[15] = last;
	return a;
}

static void hello(struct box *b, link_id id, uint8_t who, uint8_t instance,
		  uint64_t upto, const struct range *missing, size_t n)
{
	struct now now = at(b);
	char peer[33], nick[8];
	struct pubkey key = key_of(who);

	seal_peer_id(peer, &key);
	snprintf(nick, sizeof(nick), "p%d", who);
	struct packet p = {.kind = PKT_HELLO,
			   .peer = view(peer),
			   .nick = view(nick),
			   .instance = {{instance}},
			   .listen_port = 6327,
			   .have = upto > 0 || n > 0,
			   .have_upto = upto,
			   .n_ranges = n};
	struct range copy[RANGES_MAX];
	if (n)
		memcpy(copy, missing, n * sizeof(copy[0]));
	p.ranges = copy;
	/* whatever epoch we use towards him */
	struct contact_row row;
	for (contact_id c = 0; store_contact_next(b->store, c, &row);) {
		c = row.shown.id;
		if (memcmp(&row.shown.key, &key, sizeof(key)) == 0)
			memcpy(p.have_epoch, row.out_epoch, 8);
	}
	core_packet(b->core, &now, id, &p);
}

static void up(struct box *b, link_id id, uint8_t who, contact_id dialled_for)
{
	struct now now = at(b);

	core_link_up(b->core, &now, id, &dialect_sotto,
		     addr_of(who, dialled_for ? 6327 : 50000), key_of(who),
		     dialled_for);
}

/* A link of somebody who came to us, ready for texts. */
static void meet(struct box *b, link_id id, uint8_t who)
{
	up(b, id, who, 0);
	hello(b, id, who, who, 0, NULL, 0);
	go(b);
}

static void down(struct box *b, link_id id)
{
	struct now now = at(b);

	core_link_down(b->core, &now, id, 0, (struct pubkey){0}, ERR_CLOSED);
	go(b);
}

static void dial_fails(struct box *b, contact_id c, enum err why, uint8_t met)
{
	struct now now = at(b);
	struct pubkey key = met ? key_of(met) : (struct pubkey){0};

	core_link_down(b->core, &now, 9999, c, key, why);
	go(b);
}

static struct uuid uuid_of(unsigned n)
{
	struct uuid id = {{1}};

	memcpy(id.b + 8, &n, sizeof(n));
	return id;
}

static void text_from(struct box *b, link_id link, unsigned id, uint64_t seq,
		      const char *text)
{
	struct now now = at(b);
	struct packet p = {.kind = PKT_MESSAGE,
			   .id = uuid_of(id),
			   .seq = seq,
			   .stamp = view("2026-11-20T14:02:03.120Z"),
			   .sent_us = b->wall,
			   .text = view(text)};

	memcpy(p.epoch, his_epoch, sizeof(his_epoch));
	core_packet(b->core, &now, link, &p);
}

static void answer(struct box *b, link_id link, struct uuid id, enum verdict v)
{
	struct now now = at(b);
	struct packet p = {.kind = PKT_ACK,
			   .id = id,
			   .verdict = v,
			   .stamp = view("2026-11-20T14:02:04.000Z")};

	core_packet(b->core, &now, link, &p);
}

static const struct event *find_event(struct box *b, enum event_kind kind,
				      size_t nth)
{
	for (size_t i = 0; i < b->n_event; i++)
		if (b->event[i]->kind == kind && nth-- == 0)
			return b->event[i];
	return NULL;
}

static size_t count_events(struct box *b, enum event_kind kind)
{
	size_t n = 0;

	while (find_event(b, kind, n))
		n++;
	return n;
}

static const struct sent *find_sent(struct box *b, enum packet_kind kind,
				    size_t nth)
{
	for (size_t i = 0; i < b->n_sent; i++)
		if (b->sent[i].p.kind == kind && nth-- == 0)
			return &b->sent[i];
	return NULL;
}

static size_t count_sent(struct box *b, enum packet_kind kind)
{
	size_t n = 0;

	while (find_sent(b, kind, n))
		n++;
	return n;
}

static const struct event *find_result(struct box *b, uint64_t ref)
{
	const struct event *ev;

	for (size_t i = 0; (ev = find_event(b, EV_RESULT, i)); i++)
		if (ev->ref == ref)
			return ev;
	return NULL;
}

/* Gives a command and returns its result, or NULL when that comes later. */
static const struct event *run(struct box *b, struct command cmd)
{
	struct now now = at(b);

	cmd.ref = ++b->ref;
	core_command(b->core, &now, 1, &cmd);
	go(b);
	return find_result(b, cmd.ref);
}

static const struct event *send_to(struct box *b, const char *to,
				   const char *text)
{
	char peer[300], copy[400];

	snprintf(peer, sizeof(peer), "%s", to);
	snprintf(copy, sizeof(copy), "%s", text);
	return run(
	    b, (struct command){.kind = CMD_SEND, .to = peer, .text = copy});
}

static const struct event *send_c(struct box *b, contact_id c, const char *text)
{
	char copy[400];

	snprintf(copy, sizeof(copy), "%s", text);
	return run(
	    b, (struct command){.kind = CMD_SEND, .contact = c, .text = copy});
}

static const struct event *about(struct box *b, enum command_kind kind,
				 contact_id c)
{
	return run(b, (struct command){.kind = kind, .contact = c});
}

static contact_id contact_of(struct box *b, uint8_t who)
{
	struct contact_row row;
	struct pubkey key = key_of(who);

	for (contact_id c = 0; store_contact_next(b->store, c, &row);) {
		c = row.shown.id;
		if (memcmp(&row.shown.key, &key, sizeof(key)) == 0)
			return c;
	}
	return 0;
}

static struct contact_row row_of(struct box *b, uint8_t who)
{
	struct contact_row row = {0};

	store_contact_next(b->store, contact_of(b, who) - 1, &row);
	return row;
}

/* Somebody we accepted, online on this link. */
static contact_id friend(struct box *b, link_id link, uint8_t who)
{
	meet(b, link, who);
	assert_int_equal(about(b, CMD_TRUST, contact_of(b, who))->code,
			 CODE_OK);
	forget_seen(b);
	return contact_of(b, who);
}

#define TEST(name)                                                             \
	static void name##_(struct box *b);                                    \
	static void name(void **state)                                         \
	{                                                                      \
		struct box *b = box_new();                                     \
		(void)state;                                                   \
		name##_(b);                                                    \
		box_free(b);                                                   \
	}                                                                      \
	static void name##_(struct box *b)

/* ---- sending ---- */

TEST(send__is_told_and_sent__when_it_is_on_the_disk)
{
	contact_id bob = friend(b, 1, 2);

	b->hold = true;
	assert_null(send_c(b, bob, "hello"));
	assert_int_equal(count_sent(b, PKT_MESSAGE), 0);
	assert_int_equal(count_events(b, EV_MESSAGE), 0);
	b->hold = false;
	go(b);
	const struct event *r = find_result(b, b->ref);
	assert_int_equal(r->code, CODE_OK);
	assert_string_equal(r->message->text, "hello");
	assert_int_equal(find_event(b, EV_MESSAGE, 0)->message->delivery,
			 D_QUEUED);
	assert_int_equal(find_event(b, EV_STATUS, 0)->message->delivery,
			 D_SENT);
	const struct sent *s = find_sent(b, PKT_MESSAGE, 0);
	assert_int_equal(s->link, 1);
	assert_int_equal(s->p.seq, 1);
	assert_string_equal(s->text, "hello");
}

TEST(send__is_delivered__by_the_ack_alone)
{
	contact_id bob = friend(b, 1, 2);
	struct uuid id = send_c(b, bob, "hello")->message->id;

	forget_seen(b);
	b->mono += 3000;
	answer(b, 1, id, V_SUCCESS);
	b->hold = true; /* what it claims is on his disk */
	go(b);
	const struct message *m = find_event(b, EV_STATUS, 0)->message;
	assert_int_equal(m->delivery, D_DELIVERED);
	assert_int_equal(m->rtt_us, 3000);
	assert_string_equal(m->ack_stamp, "2026-11-20T14:02:04.000Z");
	b->hold = false;
	go(b);
	struct page p;
	assert_int_equal(store_outbox(b->store, 0, &p), OK);
	assert_int_equal(p.n, 0);
	page_free(&p);
}

TEST(send__waits__for_his_hello)
{
	friend(b, 1, 2);
	down(b, 1);
	up(b, 2, 2, 0);
	send_c(b, contact_of(b, 2), "hello");
	assert_int_equal(count_sent(b, PKT_HELLO), 1);
	assert_int_equal(count_sent(b, PKT_MESSAGE), 0);
	hello(b, 2, 2, 2, 0, NULL, 0);
	go(b);
	assert_int_equal(count_sent(b, PKT_MESSAGE), 1);
}

TEST(send__to_an_address__dials_at_once_and_goes_to_whoever_is_met)
{
	const struct event *r = send_to(b, "10.0.0.2:6327", "hello");

	assert_int_equal(r->code, CODE_OK);
	contact_id was = r->message->with;
	assert_int_equal(b->n_dial, 1);
	assert_true(pubkey_none(&b->dial[0].pin));
	assert_int_equal(b->dial[0].at.port, 6327);
	assert_int_equal(b->dial[0].at.ip[15], 2);
	up(b, 1, 2, b->dial[0].contact);
	hello(b, 1, 2, 2, 0, NULL, 0);
	go(b);
	assert_int_equal(contact_of(b, 2), was);
	assert_int_equal(find_sent(b, PKT_MESSAGE, 0)->p.seq, 1);
	/* our first message to whom we dialled by name pins him */
	assert_int_equal(row_of(b, 2).shown.trust, TRUST_PINNED);
}

TEST(send__to_an_address_of_somebody_known__moves_to_him)
{
	contact_id bob = friend(b, 1, 2);

	down(b, 1);
	forget_seen(b);
	contact_id q = send_to(b, "bob.example:6327", "hello")->message->with;
	assert_int_not_equal(q, bob);
	assert_int_equal(b->n_job, 1);
	assert_string_equal(b->job[0]->host, "bob.example");
	struct now now = at(b);
	b->job[0]->addr[0] = addr_of(2, 0);
	b->job[0]->n_addr = 1;
	core_job(b->core, &now, b->job[0]);
	go(b);
	assert_int_equal(b->n_dial, 1);
	assert_int_equal(b->dial[0].at.port, 6327);
	up(b, 2, 2, q);
	hello(b, 2, 2, 2, 0, NULL, 0);
	go(b);
	const struct event *gone = NULL, *ev;
	for (size_t i = 0; (ev = find_event(b, EV_PEER, i)); i++)
		if (ev->contact->gone)
			gone = ev;
	assert_non_null(gone);
	assert_int_equal(gone->contact->id, q);
	assert_int_equal(gone->contact->became, bob);
	assert_int_equal(find_sent(b, PKT_MESSAGE, 0)->p.seq, 1);
	assert_int_equal(find_event(b, EV_STATUS, 0)->message->with, bob);
}

TEST(send__has_at_most_64_unanswered_a_link)
{
	contact_id bob = friend(b, 1, 2);
	struct uuid first = {0};

	for (int i = 0; i < 100; i++) {
		const struct event *r = send_c(b, bob, "x");
		if (!i)
			first = r->message->id;
	}
	assert_int_equal(count_sent(b, PKT_MESSAGE), 64);
	answer(b, 1, first, V_SUCCESS);
	go(b);
	assert_int_equal(count_sent(b, PKT_MESSAGE), 65);
	assert_int_equal(find_sent(b, PKT_MESSAGE, 64)->p.seq, 65);
}

TEST(outbox__is_paged__past_what_is_held_in_memory)
{
	contact_id bob = friend(b, 1, 2);
	char text[32];

	for (int i = 0; i < 700; i++) {
		snprintf(text, sizeof(text), "%d", i);
		assert_int_equal(send_c(b, bob, text)->code, CODE_OK);
		for (size_t k = 0; k < b->n_event; k++)
			event_free(b->event[k]);
		b->n_event = 0;
	}
	for (size_t i = 0; i < 700; i++) {
		assert_true(i < b->n_sent);
		if (b->sent[i].p.kind != PKT_MESSAGE)
			fail();
		snprintf(text, sizeof(text), "%zu", i);
		assert_string_equal(b->sent[i].text, text);
		assert_int_equal(b->sent[i].p.seq, i + 1);
		answer(b, 1, b->sent[i].p.id, V_SUCCESS);
		go(b);
	}
	assert_int_equal(row_of(b, 2).shown.waiting, 0);
}

TEST(send__is_refused__when_it_cannot_be_kept)
{
	contact_id bob = friend(b, 1, 2);
	char *big = xmalloc(TEXT_MAX + 2);
	struct now now = at(b);

	memset(big, 'x', TEXT_MAX + 1);
	big[TEXT_MAX + 1] = 0;
	struct command cmd = {.kind = CMD_SEND, .contact = bob, .text = big};
	assert_int_equal(run(b, cmd)->code, CODE_TOO_LONG);
	big[TEXT_MAX] = 0;
	assert_int_equal(run(b, cmd)->code, CODE_OK);
	free(big);
	assert_int_equal(send_c(b, bob, "")->code, CODE_USAGE);
	assert_int_equal(send_c(b, bob, "\xff")->code, CODE_USAGE);
	assert_int_equal(send_c(b, 999, "x")->code, CODE_UNKNOWN);
	core_disk(b->core, &now, ERR_FULL);
	assert_int_equal(send_c(b, bob, "x")->code, CODE_DISK_FULL);
	assert_int_equal(count_events(b, EV_NOTICE), 1);
	core_disk(b->core, &now, ERR_FULL);
	core_disk(b->core, &now, OK);
	assert_int_equal(send_c(b, bob, "x")->code, CODE_OK);
	assert_int_equal(count_events(b, EV_NOTICE), 2);
}

TEST(send__is_refused__when_too_many_wait)
{
	core_free(b->core);
	b->rules.max_queued = 3;
	core_begin(b);
	go(b);
	for (int i = 0; i < 3; i++)
		assert_int_equal(send_to(b, "10.0.0.9:1", "x")->code, CODE_OK);
	assert_int_equal(send_to(b, "10.0.0.9:1", "x")->code, CODE_QUEUE_FULL);
}

/* ---- answers of the other side ---- */

TEST(busy__is_tried_again__after_a_pause)
{
	contact_id bob = friend(b, 1, 2);
	struct uuid id = send_c(b, bob, "hello")->message->id;

	answer(b, 1, id, V_BUSY);
	go(b);
	assert_int_equal(count_sent(b, PKT_MESSAGE), 1);
	int64_t due = core_deadline(b->core);
	assert_true(due > b->mono && due <= b->mono + 2 * SEC);
	later(b, due - b->mono);
	assert_int_equal(count_sent(b, PKT_MESSAGE), 2);
	answer(b, 1, id, V_SUCCESS);
	go(b);
	assert_int_equal(core_deadline(b->core), INT64_MAX);
}

TEST(refused_and_invalid__fail_and_explain_the_gap)
{
	contact_id bob = friend(b, 1, 2);

	for (int i = 0; i < 2; i++) {
		struct uuid id = send_c(b, bob, "hello")->message->id;
		send_c(b, bob, "next");
		forget_seen(b);
		answer(b, 1, id, i ? V_INVALID : V_REFUSED);
		go(b);
		const struct message *m = find_event(b, EV_STATUS, 0)->message;
		assert_int_equal(m->delivery, D_FAILED);
		assert_non_null(m->error);
		const struct sent *s = find_sent(b, PKT_SKIP, 0);
		assert_int_equal(s->p.n_ranges, 1);
		assert_int_equal(s->p.ranges[0].from, 2 * i + 1);
		assert_int_equal(s->p.ranges[0].to, 2 * i + 1);
	}
}

TEST(unregistered__says_hello_and_sends_again)
{
	contact_id bob = friend(b, 1, 2);
	struct uuid id = send_c(b, bob, "hello")->message->id;

	forget_seen(b);
	answer(b, 1, id, V_UNREGISTERED);
	go(b);
	assert_int_equal(count_sent(b, PKT_HELLO), 1);
	assert_int_equal(count_sent(b, PKT_MESSAGE), 1);
}

TEST(seq_reused__takes_a_new_epoch_and_numbers_from_one)
{
	contact_id bob = friend(b, 1, 2);
	struct uuid done = send_c(b, bob, "done")->message->id;

	answer(b, 1, done, V_SUCCESS);
	struct uuid id = send_c(b, bob, "two")->message->id;
	struct uuid next = send_c(b, bob, "three")->message->id;
	uint8_t old[8];
	memcpy(old, find_sent(b, PKT_MESSAGE, 1)->p.epoch, 8);
	forget_seen(b);
	answer(b, 1, id, V_SEQ_REUSED);
	answer(b, 1, next, V_SEQ_REUSED); /* of the same old epoch */
	go(b);
	assert_int_equal(count_sent(b, PKT_MESSAGE), 2);
	for (size_t i = 0; i < 2; i++) {
		const struct sent *s = find_sent(b, PKT_MESSAGE, i);
		assert_int_equal(s->p.seq, i + 1);
		assert_memory_not_equal(s->p.epoch, old, 8);
		assert_memory_equal(s->p.epoch, row_of(b, 2).out_epoch, 8);
	}
}

TEST(hello__with_numbers_from_the_future__takes_a_new_epoch)
{
	contact_id bob = friend(b, 1, 2);

	send_c(b, bob, "one");
	uint8_t old[8];
	memcpy(old, row_of(b, 2).out_epoch, 8);
	down(b, 1);
	forget_seen(b);
	up(b, 2, 2, 0);
	hello(b, 2, 2, 2, 17, NULL, 0);
	go(b);
	assert_memory_not_equal(row_of(b, 2).out_epoch, old, 8);
	assert_int_equal(find_sent(b, PKT_MESSAGE, 0)->p.seq, 1);
}

TEST(hello__gets_its_gaps_explained_and_the_rest_again)
{
	contact_id bob = friend(b, 1, 2);
	struct uuid id[5];

	for (int i = 0; i < 5; i++)
		id[i] = send_c(b, bob, "x")->message->id;
	down(b, 1);
	/* while he is away two are taken back: 2 and 5 */
	run(b, (struct command){.kind = CMD_CANCEL, .id = id[1]});
	run(b, (struct command){.kind = CMD_CANCEL, .id = id[4]});
	forget_seen(b);
	up(b, 2, 2, 0);
	const struct range missing = {2, 3};
	hello(b, 2, 2, 2, 4, &missing, 1);
	go(b);
	const struct sent *s = find_sent(b, PKT_SKIP, 0);
	assert_non_null(s);
	assert_int_equal(s->p.n_ranges, 2);
	assert_int_equal(s->p.ranges[0].from, 2);
	assert_int_equal(s->p.ranges[0].to, 2);
	assert_int_equal(s->p.ranges[1].from, 5);
	assert_int_equal(s->p.ranges[1].to, 5);
	/* 1, 3, 4: what he says he has is not taken for an ACK */
	assert_int_equal(count_sent(b, PKT_MESSAGE), 3);
}

TEST(poison__fails_after_three_losses_in_a_row)
{
	contact_id bob = friend(b, 1, 2);

	send_c(b, bob, "bad");
	send_c(b, bob, "good");
	for (link_id i = 1; i <= 3; i++) {
		forget_seen(b);
		down(b, i);
		if (i < 3)
			assert_null(find_event(b, EV_STATUS, 0));
		meet(b, i + 1, 2);
	}
	const struct message *m = NULL;
	for (size_t i = 0; i < count_events(b, EV_STATUS); i++)
		if (find_event(b, EV_STATUS, i)->message->delivery == D_FAILED)
			m = find_event(b, EV_STATUS, i)->message;
	assert_non_null(m);
	assert_string_equal(m->text, "bad");
	assert_int_equal(count_sent(b, PKT_MESSAGE), 1);
	assert_string_equal(find_sent(b, PKT_MESSAGE, 0)->text, "good");
}

TEST(silence__is_answered_by_sending_again)
{
	contact_id bob = friend(b, 1, 2);

	send_c(b, bob, "hello");
	later(b, 29 * SEC);
	assert_int_equal(count_sent(b, PKT_MESSAGE), 1);
	later(b, 2 * SEC);
	assert_int_equal(count_sent(b, PKT_MESSAGE), 2);
}

TEST(cancel__and_retry)
{
	struct uuid id = send_to(b, "10.0.0.2:1", "x")->message->id;
	const struct event *r =
	    run(b, (struct command){.kind = CMD_CANCEL, .id = id});

	assert_int_equal(r->code, CODE_OK);
	assert_int_equal(r->message->delivery, D_CANCELLED);
	assert_string_equal(r->text, "not sent");
	forget_seen(b);
	r = run(b, (struct command){.kind = CMD_RETRY, .id = id});
	assert_int_equal(r->code, CODE_OK);
	assert_int_equal(find_event(b, EV_STATUS, 0)->message->delivery,
			 D_QUEUED);
	struct page p;
	assert_int_equal(store_outbox(b->store, 0, &p), OK);
	assert_int_equal(p.n, 1);
	page_free(&p);
	assert_int_equal(
	    run(b, (struct command){.kind = CMD_RETRY, .id = uuid_of(77)})
		->code,
	    CODE_UNKNOWN);
}

/* ---- receiving ---- */

TEST(text__is_acked_and_shown__when_it_is_on_the_disk)
{
	contact_id bob = friend(b, 1, 2);

	b->hold = true;
	text_from(b, 1, 1, 1, "hello");
	go(b);
	assert_int_equal(count_sent(b, PKT_ACK), 0);
	assert_int_equal(count_events(b, EV_MESSAGE), 0);
	text_from(b, 1, 1, 1, "hello"); /* a copy of one in flight */
	go(b);
	assert_int_equal(count_sent(b, PKT_ACK), 0);
	b->hold = false;
	go(b);
	assert_int_equal(count_sent(b, PKT_ACK), 2);
	assert_int_equal(find_sent(b, PKT_ACK, 0)->p.verdict, V_SUCCESS);
	assert_int_equal(count_events(b, EV_MESSAGE), 1);
	const struct event *ev = find_event(b, EV_MESSAGE, 0);
	assert_int_equal(ev->message->with, bob);
	assert_int_equal(ev->message->delivery, D_RECEIVED);
	assert_string_equal(ev->message->text, "hello");
	assert_int_equal(ev->contact->unread, 1);
	text_from(b, 1, 1, 1, "hello"); /* a copy much later */
	go(b);
	assert_int_equal(count_sent(b, PKT_ACK), 3);
	assert_int_equal(count_events(b, EV_MESSAGE), 1);
}

TEST(text__before_hello__is_unregistered)
{
	friend(b, 1, 2);
	up(b, 2, 3, 0);
	text_from(b, 2, 1, 1, "hello");
	go(b);
	assert_int_equal(find_sent(b, PKT_ACK, 0)->p.verdict, V_UNREGISTERED);
	assert_int_equal(count_events(b, EV_MESSAGE), 0);
}

TEST(text__of_a_stranger__is_a_request_within_limits)
{
	meet(b, 1, 2);
	for (unsigned i = 1; i <= 21; i++) {
		text_from(b, 1, i, i, "please");
		go(b);
	}
	assert_int_equal(count_events(b, EV_MESSAGE), 20);
	assert_int_equal(find_event(b, EV_MESSAGE, 0)->message->delivery,
			 D_REQUEST);
	assert_int_equal(find_sent(b, PKT_ACK, 19)->p.verdict, V_SUCCESS);
	assert_int_equal(find_sent(b, PKT_ACK, 20)->p.verdict, V_BUSY);
	text_from(b, 1, 3, 3, "please"); /* one he had stored: a copy */
	go(b);
	assert_int_equal(find_sent(b, PKT_ACK, 21)->p.verdict, V_SUCCESS);
	/* answering accepts */
	forget_seen(b);
	assert_int_equal(send_c(b, contact_of(b, 2), "yes?")->code, CODE_OK);
	size_t accepted = 0;
	for (size_t i = 0; i < count_events(b, EV_STATUS); i++)
		accepted += find_event(b, EV_STATUS, i)->message->delivery ==
			    D_RECEIVED;
	assert_int_equal(accepted, 20);
	assert_int_equal(row_of(b, 2).shown.trust, TRUST_PINNED);
	text_from(b, 1, 21, 21, "please");
	go(b);
	assert_int_equal(find_event(b, EV_MESSAGE, 1)->message->delivery,
			 D_RECEIVED);
}

static void answer_pages(struct box *b)
{
	struct now now = at(b);

	for (size_t i = 0; i < b->n_job; i++) {
		if (b->job[i]->kind != JOB_PAGE)
			continue;
		b->job[i]->err =
		    reader_page(b->reader, &b->job[i]->query, &b->job[i]->page);
		core_job(b->core, &now, b->job[i]);
	}
	go(b);
}

TEST(requests__of_an_earlier_run__are_accepted_too)
{
	meet(b, 1, 2);
	text_from(b, 1, 1, 1, "please");
	go(b);
	forget_seen(b);
	box_close(b);
	box_open(b);
	go(b);
	assert_int_equal(row_of(b, 2).shown.requests, 1);
	assert_int_equal(about(b, CMD_TRUST, contact_of(b, 2))->code, CODE_OK);
	assert_int_equal(b->n_job, 1);
	answer_pages(b);
	assert_int_equal(find_event(b, EV_STATUS, 0)->message->delivery,
			 D_RECEIVED);
}

TEST(text__of_a_blocked_one__is_refused_and_not_kept)
{
	contact_id bob = friend(b, 1, 2);

	assert_int_equal(about(b, CMD_BLOCK, bob)->code, CODE_OK);
	text_from(b, 1, 1, 1, "hello");
	go(b);
	assert_int_equal(find_sent(b, PKT_ACK, 0)->p.verdict, V_REFUSED);
	assert_int_equal(count_events(b, EV_MESSAGE), 0);
	assert_int_equal(send_c(b, bob, "x")->code, CODE_REFUSED);
	assert_int_equal(about(b, CMD_UNBLOCK, bob)->code, CODE_OK);
	assert_int_equal(row_of(b, 2).shown.trust, TRUST_PINNED);
	text_from(b, 1, 1, 1, "hello");
	go(b);
	assert_int_equal(find_sent(b, PKT_ACK, 1)->p.verdict, V_SUCCESS);
}

TEST(text__when_new_keys_are_refused__leaves_nothing)
{
	core_free(b->core);
	b->rules.new_key = NEW_KEY_REFUSE;
	core_begin(b);
	meet(b, 1, 2);
	assert_int_equal(count_sent(b, PKT_HELLO), 1);
	text_from(b, 1, 1, 1, "hello");
	go(b);
	assert_int_equal(find_sent(b, PKT_ACK, 0)->p.verdict, V_REFUSED);
	assert_int_equal(contact_of(b, 2), 0);
}

TEST(text__on_a_full_disk__is_busy)
{
	friend(b, 1, 2);
	struct now now = at(b);
	core_disk(b->core, &now, ERR_FULL);
	text_from(b, 1, 1, 1, "hello");
	go(b);
	assert_int_equal(find_sent(b, PKT_ACK, 0)->p.verdict, V_BUSY);
}

TEST(text__with_a_number_used_before__is_seq_reused)
{
	friend(b, 1, 2);
	text_from(b, 1, 1, 1, "one");
	text_from(b, 1, 2, 1, "another one");
	go(b);
	/* what claims nothing does not wait for the disk */
	assert_int_equal(find_sent(b, PKT_ACK, 0)->p.verdict, V_SEQ_REUSED);
	assert_int_equal(find_sent(b, PKT_ACK, 1)->p.verdict, V_SUCCESS);
}

TEST(hello__says_what_we_have)
{
	friend(b, 1, 2);
	text_from(b, 1, 1, 1, "one");
	text_from(b, 1, 4, 4, "four");
	go(b);
	down(b, 1);
	forget_seen(b);
	up(b, 2, 2, 0);
	go(b);
	const struct packet *p = &find_sent(b, PKT_HELLO, 0)->p;
	assert_true(p->have);
	assert_memory_equal(p->have_epoch, his_epoch, 8);
	assert_int_equal(p->have_upto, 4);
	assert_int_equal(p->n_ranges, 1);
	assert_int_equal(p->ranges[0].from, 2);
	assert_int_equal(p->ranges[0].to, 3);
	assert_int_equal(p->listen_port, 6327);
	struct now now = at(b);
	struct range gone = {2, 3};
	struct packet skip = {.kind = PKT_SKIP, .ranges = &gone, .n_ranges = 1};
	memcpy(skip.epoch, his_epoch, 8);
	hello(b, 2, 2, 2, 0, NULL, 0);
	core_packet(b->core, &now, 2, &skip);
	go(b);
	later(b, 3 * SEC); /* a soft change */
	go(b);
	struct range missing[2];
	assert_int_equal(store_missing(b->store, contact_of(b, 2), missing, 2),
			 0);
}

TEST(reply__quotes_what_it_answers)
{
	char long_text[400];

	friend(b, 1, 2);
	memset(long_text, 'x', 399);
	long_text[399] = 0;
	text_from(b, 1, 1, 1, long_text);
	go(b);
	char yes[] = "yes";
	const struct event *r = run(
	    b,
	    (struct command){.kind = CMD_SEND, .id = uuid_of(1), .text = yes});
	assert_int_equal(r->code, CODE_OK);
	const struct packet *p = &find_sent(b, PKT_REPLY, 0)->p;
	assert_memory_equal(&p->reply_to, &(struct uuid[]){uuid_of(1)}[0], 16);
	assert_int_equal(p->quoted.n, QUOTE_MAX);
	assert_int_equal(p->orig_stamp.n, 24);
}

TEST(reply__without_id__goes_to_the_last_sender)
{
	char yes[] = "yes", no[] = "no";
	struct command cmd = {.kind = CMD_REPLY, .text = yes};

	contact_id bob = friend(b, 1, 2), eve = friend(b, 2, 3);
	assert_int_equal(run(b, cmd)->code, CODE_UNKNOWN);
	text_from(b, 1, 1, 1, "bob here");
	go(b);
	b->hold = true; /* not told yet: it does not count */
	text_from(b, 2, 2, 1, "eve here");
	const struct event *r = run(b, cmd);
	b->hold = false;
	go(b);
	r = find_result(b, b->ref);
	assert_int_equal(r->message->with, bob);
	assert_memory_equal(&r->message->answers,
			    &(struct uuid[]){uuid_of(1)}[0], 16);
	r = run(b, cmd);
	assert_int_equal(r->message->with, eve);
	text_from(b, 1, 3, 2, "bob again");
	text_from(b, 2, 4, 2, "eve again");
	go(b);
	cmd.text = no;
	assert_int_equal(run(b, cmd)->code, CODE_AMBIGUOUS);
	/* a front end that came later was told of neither */
	struct now now = at(b);
	core_client(b->core, 7, true);
	cmd.ref = 555;
	core_command(b->core, &now, 7, &cmd);
	go(b);
	assert_int_equal(find_result(b, 555)->code, CODE_UNKNOWN);
}

/* ---- keys ---- */

TEST(key_changed__is_told_and_holds_what_waits)
{
	contact_id bob = friend(b, 1, 2);

	down(b, 1);
	forget_seen(b);
	send_c(b, bob, "secret");
	go(b);
	assert_int_equal(b->n_dial, 1);
	struct pubkey pin = key_of(2);
	assert_memory_equal(&b->dial[0].pin, &pin, sizeof(pin));
	dial_fails(b, bob, ERR_AUTH, 9);
	const struct event *ev = find_event(b, EV_SECURITY, 0);
	assert_string_equal(ev->text, "key_changed");
	assert_int_equal(ev->contact->id, bob);
	assert_true(row_of(b, 2).shown.changed);
	bool held = false;
	for (size_t i = 0; i < count_events(b, EV_STATUS); i++)
		held |= find_event(b, EV_STATUS, i)->message->held;
	assert_true(held);
	/* the new key comes to us by itself: a stranger, who gets nothing */
	meet(b, 2, 9);
	assert_int_equal(count_sent(b, PKT_MESSAGE), 0);
	/* trust gives him the name, and what waited goes to him */
	forget_seen(b);
	assert_int_equal(about(b, CMD_TRUST, bob)->code, CODE_OK);
	assert_int_equal(count_sent(b, PKT_MESSAGE), 1);
	assert_int_equal(find_sent(b, PKT_MESSAGE, 0)->link, 2);
	assert_false(row_of(b, 2).shown.changed);
	assert_int_equal(row_of(b, 9).shown.trust, TRUST_PINNED);
	assert_int_equal(row_of(b, 2).shown.waiting, 0);
}

TEST(key_changed__is_over__when_the_pinned_one_answers)
{
	contact_id bob = friend(b, 1, 2);

	down(b, 1);
	send_c(b, bob, "secret");
	go(b);
	dial_fails(b, bob, ERR_AUTH, 9);
	assert_true(row_of(b, 2).shown.changed);
	meet(b, 2, 2);
	assert_false(row_of(b, 2).shown.changed);
	assert_string_equal(find_sent(b, PKT_MESSAGE, 0)->text, "secret");
}

TEST(another_contact_at_his_address__is_dialled_instead)
{
	contact_id bob = friend(b, 1, 2), eve = friend(b, 2, 3);

	down(b, 1);
	down(b, 2);
	send_c(b, bob, "x");
	later(b, 2 * SEC);
	forget_seen(b);
	dial_fails(b, bob, ERR_AUTH, 3);
	assert_false(row_of(b, 2).shown.changed);
	assert_int_equal(count_events(b, EV_SECURITY), 0);
	later(b, 2 * SEC);
	struct effect *last = NULL;
	for (size_t i = 0; i < b->n_dial; i++)
		if (b->dial[i].contact == eve)
			last = &b->dial[i];
	assert_non_null(last);
	struct pubkey pin = key_of(3);
	assert_memory_equal(&last->pin, &pin, sizeof(pin));
}

TEST(our_own_key__is_never_dialled_again)
{
	char to[] = "10.0.0.2:6327";
	struct command cmd = {.kind = CMD_CONNECT, .to = to};
	struct now now = at(b);

	assert_null(run(b, cmd));
	core_link_up(b->core, &now, 1, &dialect_sotto, addr_of(2, 6327),
		     b->self, b->dial[0].contact);
	go(b);
	assert_int_equal(find_result(b, b->ref)->code, CODE_SELF);
	assert_int_equal(b->closed[0], 1);
	forget_seen(b);
	assert_int_equal(run(b, cmd)->code, CODE_SELF);
	later(b, 1000 * SEC);
	assert_int_equal(b->n_dial, 0);
	char id[33];
	seal_peer_id(id, &b->self);
	assert_int_equal(send_to(b, id, "x")->code, CODE_SELF);
}

TEST(trust__of_whom_we_named_and_of_loopback__when_headless)
{
	char to[] = "10.0.0.2:6327";
	struct now now = at(b);

	core_free(b->core);
	b->rules.accept_named = true;
	core_begin(b);
	run(b, (struct command){.kind = CMD_CONNECT, .to = to});
	up(b, 1, 2, b->dial[0].contact);
	go(b);
	assert_null(find_result(b, b->ref)); /* it has no name yet */
	hello(b, 1, 2, 2, 0, NULL, 0);
	go(b);
	assert_int_equal(find_result(b, b->ref)->code, CODE_OK);
	assert_int_equal(row_of(b, 2).shown.trust, TRUST_PINNED);
	struct addr local = addr_of(1, 5000);
	local.ip[12] = 127;
	core_link_up(b->core, &now, 2, &dialect_sotto, local, key_of(3), 0);
	core_link_up(b->core, &now, 3, &dialect_sotto, addr_of(4, 5000),
		     key_of(4), 0);
	go(b);
	assert_int_equal(row_of(b, 3).shown.trust, TRUST_PINNED);
	assert_int_equal(row_of(b, 4).shown.trust, TRUST_NEW);
}

TEST(verify__shows_the_number_and_sets_it)
{
	contact_id bob = friend(b, 1, 2);
	const struct event *r = about(b, CMD_VERIFY, bob);
	char number[72];
	struct pubkey key = key_of(2);

	seal_safety_number(number, &b->self, &key);
	assert_string_equal(r->text, number);
	assert_int_equal(row_of(b, 2).shown.trust, TRUST_PINNED);
	run(b,
	    (struct command){.kind = CMD_VERIFY, .contact = bob, .yes = true});
	assert_int_equal(row_of(b, 2).shown.trust, TRUST_VERIFIED);
}

/* ---- links ---- */

/* The peer's key is all 2s or all 255s: smaller or larger than ours. */
static void twins(struct box *b, uint8_t who, uint8_t instance, link_id closed)
{
	contact_id c = friend(b, 1, who);

	forget_seen(b);
	up(b, 2, who, c); /* we dialled him at the same moment */
	hello(b, 2, who, instance, 0, NULL, 0);
	go(b);
	assert_int_equal(b->n_closed, 1);
	assert_int_equal(b->closed[0], closed);
	assert_int_equal(count_events(b, EV_PEER), 0);
}

TEST(two_links__made_at_once__keep_that_of_the_smaller_key)
{
	assert_true(b->self.b[0] > 1);
	twins(b, 0x01, 0x01, 2); /* he is smaller: his dial stays */
}

TEST(two_links__made_at_once__keep_ours_when_we_are_smaller)
{
	assert_int_not_equal(b->self.b[0], 0xff);
	twins(b, 0xff, 0xff, 1);
}

TEST(two_links__of_another_instance__keep_the_newest)
{
	twins(b, 0x01, 0x77, 1);
}

TEST(link_lost__sends_again_on_the_one_that_is_left)
{
	contact_id bob = friend(b, 1, 2);

	send_c(b, bob, "hello");
	up(b, 2, 2, 0);
	go(b);
	hello(b, 2, 2, 2, 0, NULL, 0); /* newest of the same side */
	go(b);
	assert_int_equal(b->closed[0], 1);
	assert_int_equal(count_sent(b, PKT_MESSAGE), 2);
	assert_int_equal(find_sent(b, PKT_MESSAGE, 1)->link, 2);
}

TEST(link__without_hello__is_closed)
{
	up(b, 1, 2, 0);
	go(b);
	later(b, 21 * SEC);
	assert_int_equal(b->n_closed, 1);
}

/* ---- dialling ---- */

TEST(dial__backs_off_and_tries_again)
{
	send_to(b, "10.0.0.2:6327", "x");
	contact_id c = b->dial[0].contact;
	int64_t longest = 0;

	for (int i = 0; i < 30; i++) {
		assert_int_equal(b->n_dial, i + 1);
		dial_fails(b, c, ERR_CLOSED, 0);
		int64_t wait = core_deadline(b->core) - b->mono;
		assert_true(wait >= 0 && wait <= 300 * SEC);
		if (i < 3)
			assert_true(wait <= SEC << (i + 1));
		if (wait > longest)
			longest = wait;
		later(b, wait + 1);
	}
	assert_true(longest > 60 * SEC);
}

TEST(dial__tries_several_addresses_250_ms_apart)
{
	send_to(b, "bob.example:7000", "x");
	struct now now = at(b);

	for (uint8_t i = 0; i < 3; i++)
		b->job[0]->addr[i] = addr_of((uint8_t)(i + 2), 0);
	b->job[0]->n_addr = 3;
	core_job(b->core, &now, b->job[0]);
	go(b);
	assert_int_equal(b->n_dial, 1);
	assert_int_equal(core_deadline(b->core), b->mono + SEC / 4);
	later(b, SEC / 4);
	assert_int_equal(b->n_dial, 2);
	dial_fails(b, b->dial[0].contact, ERR_CLOSED, 0);
	later(b, SEC / 4);
	assert_int_equal(b->n_dial, 3);
	assert_int_equal(b->dial[2].at.port, 7000);
}

TEST(connect__has_its_result__when_it_failed)
{
	char to[] = "10.0.0.2:6327", name[] = "nobody.example";

	assert_null(run(b, (struct command){.kind = CMD_CONNECT, .to = to}));
	uint64_t ref = b->ref;
	dial_fails(b, b->dial[0].contact, ERR_CLOSED, 0);
	assert_int_equal(find_result(b, ref)->code, CODE_UNREACHABLE);
	assert_null(run(b, (struct command){.kind = CMD_CONNECT, .to = name}));
	ref = b->ref;
	struct now now = at(b);
	b->job[0]->err = ERR_ABSENT;
	core_job(b->core, &now, b->job[0]);
	go(b);
	assert_int_equal(find_result(b, ref)->code, CODE_UNREACHABLE);
	/* one that never answers */
	char silent[] = "10.0.0.3:6327";
	assert_null(
	    run(b, (struct command){.kind = CMD_CONNECT, .to = silent}));
	ref = b->ref;
	later(b, 21 * SEC);
	assert_int_equal(find_result(b, ref)->code, CODE_UNREACHABLE);
}

TEST(names__are_asked_four_at_a_time)
{
	char to[32];

	for (int i = 0; i < 6; i++) {
		snprintf(to, sizeof(to), "h%d.example", i);
		send_to(b, to, "x");
	}
	assert_int_equal(b->n_job, 4);
	struct now now = at(b);
	b->job[0]->err = ERR_ABSENT;
	core_job(b->core, &now, b->job[0]);
	later(b, 2 * SEC);
	assert_int_equal(b->n_job, 5);
}

static struct hint hint_at(uint8_t last, const char *id)
{
	struct hint h = {
	    .dialect = &dialect_sotto, .port = 6327, .via = VIA_LAN};

	snprintf(h.host, sizeof(h.host), "10.0.0.%d", last);
	snprintf(h.id, sizeof(h.id), "%s", id);
	return h;
}

TEST(hint__of_a_stranger__is_dialled_by_the_smaller_id_at_once)
{
	struct now now = at(b);
	char small[33], large[33];

	memset(small, '0', 32);
	memset(large, 'f', 32);
	small[32] = large[32] = 0;
	go(b);
	struct hint h = hint_at(2, large); /* we are the smaller */
	core_hint(b->core, &now, &h);
	go(b);
	assert_int_equal(b->n_dial, 1);
	assert_true(b->dial[0].contact < 0); /* nothing is stored of it */
	h = hint_at(3, small);
	core_hint(b->core, &now, &h);
	go(b);
	assert_int_equal(b->n_dial, 1);
	later(b, 2 * SEC);
	assert_int_equal(b->n_dial, 2);
	up(b, 1, 2, b->dial[0].contact);
	go(b);
	assert_int_equal(row_of(b, 2).shown.trust, TRUST_NEW);
	assert_int_equal(row_of(b, 2).shown.via, VIA_LAN);
}

TEST(hints__of_strangers__are_eight_a_minute)
{
	struct now now = at(b);
	char id[33];

	go(b);
	memset(id, 'f', 32);
	id[32] = 0;
	for (uint8_t i = 2; i < 30; i++) {
		struct hint h = hint_at(i, id);
		core_hint(b->core, &now, &h);
	}
	go(b);
	assert_int_equal(b->n_dial, 8);
}

TEST(hint__of_somebody_known__is_dialled_with_his_pin)
{
	contact_id bob = friend(b, 1, 2);
	struct now now = at(b);
	char id[33];
	struct pubkey key = key_of(2);

	down(b, 1);
	later(b, 300 * SEC);
	dial_fails(b, bob, ERR_CLOSED, 0);
	forget_seen(b);
	seal_peer_id(id, &key);
	struct hint h = hint_at(77, id);
	core_hint(b->core, &now, &h);
	later(b, 2 * SEC);
	bool found = false;
	for (int i = 0; i < 4 && !found; i++) {
		for (size_t k = 0; k < b->n_dial; k++)
			found |= b->dial[k].at.ip[15] == 77 &&
				 memcmp(&b->dial[k].pin, &key, 32) == 0;
		later(b, SEC / 4);
	}
	assert_true(found);
}

TEST(start__dials_whom_it_knows_within_two_seconds)
{
	friend(b, 1, 2);
	send_to(b, "10.0.0.7:6327", "x");
	later(b, SEC);
	box_close(b);
	forget_seen(b);
	box_open(b);
	go(b);
	later(b, 2 * SEC);
	assert_int_equal(b->n_dial, 2);
	/* and after sleep at once */
	dial_fails(b, b->dial[0].contact, ERR_CLOSED, 0);
	dial_fails(b, b->dial[1].contact, ERR_CLOSED, 0);
	forget_seen(b);
	b->woke = true;
	go(b);
	b->woke = false;
	later(b, 2 * SEC);
	assert_true(b->n_dial >= 2);
}

TEST(idle__has_nothing_due)
{
	go(b);
	assert_int_equal(core_deadline(b->core), INT64_MAX);
	contact_id bob = friend(b, 1, 2);
	assert_int_equal(core_deadline(b->core), INT64_MAX);
	struct uuid id = send_c(b, bob, "x")->message->id;
	answer(b, 1, id, V_SUCCESS);
	text_from(b, 1, 1, 1, "y");
	go(b);
	assert_int_equal(core_deadline(b->core), INT64_MAX);
}

/* ---- whom a PEER means ---- */

TEST(peer__is_found__in_the_order_of_the_promise)
{
	contact_id bob = friend(b, 1, 2), eve = friend(b, 2, 3);
	char name[] = "bobby", p3[] = "p3";
	struct pubkey key = key_of(2);
	char id[33], shorter[16];

	meet(b, 3, 4); /* nobody accepted him */
	run(b,
	    (struct command){.kind = CMD_RENAME, .contact = bob, .name = name});
	seal_peer_id(id, &key);
	snprintf(shorter, sizeof(shorter), "%.8s", id);
	assert_int_equal(send_to(b, "bobby", "x")->message->with, bob);
	assert_int_equal(send_to(b, id, "x")->message->with, bob);
	assert_int_equal(send_to(b, shorter, "x")->message->with, bob);
	shorter[7] = 0;
	assert_int_equal(send_to(b, shorter, "x")->code, CODE_UNKNOWN);
	assert_int_equal(send_to(b, "p2", "x")->message->with, bob);
	assert_int_equal(send_to(b, "p3", "x")->message->with, eve);
	/* a name a stranger gives himself is nobody's */
	assert_int_equal(send_to(b, "p4", "x")->code, CODE_UNKNOWN);
	/* one given by the user wins over it */
	run(b,
	    (struct command){.kind = CMD_RENAME, .contact = bob, .name = p3});
	assert_int_equal(send_to(b, "p3", "x")->message->with, bob);
	assert_int_equal(send_to(b, "", "x")->code, CODE_UNKNOWN);
	assert_int_equal(send_to(b, "buildserver", "x")->code, CODE_UNKNOWN);
	contact_id v6 = send_to(b, "[fe80::1]:7000", "x")->message->with;
	assert_int_equal(
	    send_to(b, "sotto://[fe80::1]:7000", "x")->message->with, v6);
	contact_id host = send_to(b, "example.org", "x")->message->with;
	assert_int_equal(send_to(b, "example.org:6327", "x")->message->with,
			 host);
	assert_int_not_equal(send_to(b, "example.org:6328", "x")->message->with,
			     host);
}

TEST(peer__with_two_meanings__is_ambiguous)
{
	/* two who call themselves the same */
	friend(b, 1, 2);
	friend(b, 2, 3);
	struct now now = at(b);
	for (link_id i = 1; i <= 2; i++) {
		struct packet p = {.kind = PKT_HELLO, .nick = view("sam")};
		core_packet(b->core, &now, i, &p);
	}
	const struct event *r = send_to(b, "sam", "x");
	assert_int_equal(r->code, CODE_AMBIGUOUS);
	assert_non_null(strstr(r->text, "sam~"));
}

TEST(stranger__with_a_known_name__is_warned_of)
{
	friend(b, 1, 2);
	up(b, 2, 9, 0);
	struct now now = at(b);
	struct packet p = {.kind = PKT_HELLO, .nick = view("P2")};
	core_packet(b->core, &now, 2, &p);
	go(b);
	assert_non_null(
	    strstr(find_event(b, EV_NOTICE, 0)->text, "not the p2 you know"));
}

/* ---- the rest of what front ends ask ---- */

TEST(snapshot__is_paged)
{
	for (uint8_t i = 1; i <= 5; i++)
		meet(b, i, (uint8_t)(i + 10));
	forget_seen(b);
	const struct event *r =
	    run(b, (struct command){.kind = CMD_SNAPSHOT, .limit = 3});
	assert_true(r->more);
	assert_int_equal(count_events(b, EV_ITEM), 3);
	assert_int_equal(find_event(b, EV_ITEM, 0)->ref, b->ref);
	message_n next = r->next;
	forget_seen(b);
	r = run(b, (struct command){.kind = CMD_PEERS, .limit = 3, .n = next});
	assert_false(r->more);
	assert_int_equal(count_events(b, EV_ITEM), 2);
}

TEST(history__comes_from_the_disk_with_its_result)
{
	contact_id bob = friend(b, 1, 2);

	for (unsigned i = 1; i <= 5; i++)
		text_from(b, 1, i, i, "x");
	go(b);
	forget_seen(b);
	assert_null(run(
	    b,
	    (struct command){.kind = CMD_HISTORY, .contact = bob, .limit = 3}));
	uint64_t ref = b->ref;
	answer_pages(b);
	assert_int_equal(count_events(b, EV_ITEM), 3);
	assert_int_equal(find_event(b, EV_ITEM, 0)->contact->id, bob);
	assert_true(find_result(b, ref)->more);
	forget_seen(b);
	assert_null(run(b, (struct command){.kind = CMD_SINCE}));
	answer_pages(b);
	assert_int_equal(count_events(b, EV_ITEM), 5);
	/* too many jobs: the result says so */
	forget_seen(b);
	assert_null(run(b, (struct command){.kind = CMD_SINCE}));
	struct now now = at(b);
	b->job[0]->err = ERR_FULL;
	core_job(b->core, &now, b->job[0]);
	go(b);
	assert_int_equal(find_result(b, b->ref)->code, CODE_ERROR);
}

TEST(outbox__is_listed)
{
	for (int i = 0; i < 5; i++)
		send_to(b, i % 2 ? "10.0.0.2:1" : "10.0.0.3:1", "x");
	char to[] = "10.0.0.3:1";
	forget_seen(b);
	const struct event *r =
	    run(b, (struct command){.kind = CMD_OUTBOX, .limit = 4});
	assert_true(r->more);
	assert_int_equal(count_events(b, EV_ITEM), 4);
	forget_seen(b);
	r = run(b, (struct command){.kind = CMD_OUTBOX, .to = to});
	assert_false(r->more);
	assert_int_equal(count_events(b, EV_ITEM), 3);
}

TEST(outbox__has_more_than_one_page)
{
	char to[] = "10.0.0.3:1";

	for (int i = 0; i < PAGE_MAX + 2; i++)
		send_to(b, to, "x");
	forget_seen(b);
	const struct event *r = run(b, (struct command){.kind = CMD_OUTBOX});
	assert_true(r->more);
	assert_int_equal(count_events(b, EV_ITEM), PAGE_MAX);
	message_n next = r->next;
	forget_seen(b);
	r = run(b, (struct command){.kind = CMD_OUTBOX, .n = next});
	assert_false(r->more);
	assert_int_equal(count_events(b, EV_ITEM), 2);
}

TEST(read__counts_what_came_later)
{
	contact_id bob = friend(b, 1, 2);

	for (unsigned i = 1; i <= 3; i++)
		text_from(b, 1, i, i, "x");
	go(b);
	message_n second = find_event(b, EV_MESSAGE, 1)->message->n;
	forget_seen(b);
	run(b, (struct command){.kind = CMD_READ, .contact = bob, .n = second});
	assert_int_equal(find_event(b, EV_PEER, 0)->contact->unread, 1);
	forget_seen(b);
	run(b, (struct command){.kind = CMD_READ, .contact = bob});
	assert_int_equal(find_event(b, EV_PEER, 0)->contact->unread, 0);
}

TEST(draft__is_told_and_dropped_by_sending)
{
	contact_id bob = friend(b, 1, 2);
	char half[] = "half a";

	run(b,
	    (struct command){
		.kind = CMD_DRAFT, .contact = bob, .text = half, .cursor = 6});
	assert_string_equal(find_event(b, EV_PEER, 0)->contact->draft,
			    "half a");
	run(b, (struct command){.kind = CMD_SNAPSHOT});
	assert_string_equal(find_event(b, EV_ITEM, 0)->contact->draft,
			    "half a");
	send_c(b, bob, "half a word");
	forget_seen(b);
	run(b, (struct command){.kind = CMD_SNAPSHOT});
	assert_null(find_event(b, EV_ITEM, 0)->contact->draft);
}

TEST(forget__takes_him_off_the_list)
{
	contact_id bob = friend(b, 1, 2);

	text_from(b, 1, 1, 1, "hello");
	go(b);
	forget_seen(b);
	assert_int_equal(about(b, CMD_FORGET, bob)->code, CODE_OK);
	assert_int_equal(b->n_closed, 1);
	bool gone = false;
	for (size_t i = 0; i < count_events(b, EV_PEER); i++)
		gone |= find_event(b, EV_PEER, i)->contact->gone;
	assert_true(gone);
	forget_seen(b);
	run(b, (struct command){.kind = CMD_SNAPSHOT});
	assert_int_equal(count_events(b, EV_ITEM), 0);
	/* a late copy is not shown again; he is a stranger now */
	meet(b, 2, 2);
	text_from(b, 2, 1, 1, "hello");
	go(b);
	assert_int_equal(count_events(b, EV_MESSAGE), 0);
	assert_int_equal(find_sent(b, PKT_ACK, 0)->p.verdict, V_SUCCESS);
	assert_int_equal(row_of(b, 2).shown.trust, TRUST_NEW);
}

TEST(forget__of_an_address__lets_it_be_typed_again)
{
	contact_id c = send_to(b, "10.0.0.2:1", "x")->message->with;

	assert_int_equal(about(b, CMD_FORGET, c)->code, CODE_OK);
	assert_int_equal(send_to(b, "10.0.0.2:1", "y")->code, CODE_OK);
}

TEST(nick__is_told_to_all)
{
	char name[] = "anna";

	friend(b, 1, 2);
	assert_int_equal(
	    run(b, (struct command){.kind = CMD_NICK, .name = name})->code,
	    CODE_OK);
	const struct packet *p = &find_sent(b, PKT_HELLO, 0)->p;
	assert_int_equal(p->nick.n, 4);
	assert_string_equal(core_nick(b->core), "anna");
}

TEST(set__knows_its_names)
{
	char trust[] = "trust-new", accept[] = "accept", bad[] = "maybe",
	     bell[] = "bell";

	assert_int_equal(run(b, (struct command){.kind = CMD_SET,
						 .name = trust,
						 .text = accept})
			     ->code,
			 CODE_OK);
	meet(b, 1, 2);
	assert_int_equal(row_of(b, 2).shown.trust, TRUST_PINNED);
	assert_int_equal(
	    run(b,
		(struct command){.kind = CMD_SET, .name = trust, .text = bad})
		->code,
	    CODE_USAGE);
	assert_int_equal(
	    run(b, (struct command){.kind = CMD_SET, .name = bell, .text = bad})
		->code,
	    CODE_USAGE);
}

TEST(all__goes_to_everybody_online)
{
	char text[] = "lunch";
	struct command cmd = {.kind = CMD_ALL, .text = text};

	assert_int_equal(run(b, cmd)->code, CODE_UNREACHABLE);
	friend(b, 1, 2);
	friend(b, 2, 3);
	contact_id dan = friend(b, 3, 4);
	about(b, CMD_BLOCK, dan);
	forget_seen(b);
	assert_int_equal(run(b, cmd)->code, CODE_OK);
	assert_int_equal(count_sent(b, PKT_MESSAGE), 2);
}

TEST(id__says_who_we_are)
{
	const struct event *r = run(b, (struct command){.kind = CMD_ID});
	char id[33];

	seal_peer_id(id, &b->self);
	assert_string_equal(r->name, id);
	assert_string_equal(r->text, "10.0.0.1:6327");
	assert_string_equal(r->contact->nick, "ana");
}

TEST(quit__closes_after_what_was_decided)
{
	friend(b, 1, 2);
	b->hold = true;
	text_from(b, 1, 1, 1, "last words");
	assert_null(run(b, (struct command){.kind = CMD_QUIT}));
	assert_true(core_quit(b->core));
	assert_int_equal(b->n_closed, 0);
	b->hold = false;
	go(b);
	assert_int_equal(find_result(b, b->ref)->code, CODE_OK);
	assert_int_equal(count_sent(b, PKT_ACK), 1);
	assert_int_equal(b->n_closed, 1);
}

TEST(command__that_is_none__has_a_result)
{
	assert_int_equal(
	    run(b, (struct command){.kind = (enum command_kind)99})->code,
	    CODE_BAD_COMMAND);
}

TEST(packets__of_a_link_nobody_knows__are_ignored)
{
	text_from(b, 77, 1, 1, "x");
	answer(b, 77, uuid_of(1), V_SUCCESS);
	down(b, 77);
	assert_int_equal(b->n_sent, 0);
}

TEST(port__that_somebody_claims__is_not_an_address_he_was_met_at)
{
	/* a stranger on bob's host says he listens where bob does */
	meet(b, 1, 9);
	contact_id q = send_to(b, "10.0.0.9:6327", "secret")->message->with;
	assert_int_not_equal(q, contact_of(b, 9));
	assert_int_equal(count_sent(b, PKT_MESSAGE), 0);
	assert_int_equal(b->n_dial, 1);
	up(b, 2, 2, 0); /* somebody else altogether */
	go(b);
	assert_int_equal(count_sent(b, PKT_MESSAGE), 0);
}

TEST(refused__is_told_to_the_user)
{
	core_free(b->core);
	b->rules.new_key = NEW_KEY_REFUSE;
	core_begin(b);
	meet(b, 1, 2);
	const struct event *ev = find_event(b, EV_SECURITY, 0);
	assert_string_equal(ev->text, "new_key");
	struct pubkey key = key_of(2);
	assert_memory_equal(&ev->contact->key, &key, sizeof(key));
}

TEST(links_of_one_contact__are_bounded)
{
	friend(b, 1, 2);
	for (link_id i = 2; i < 8; i++)
		up(b, i, 2, 0);
	go(b);
	assert_int_equal(b->n_closed, 3);
}

TEST(disk_full__writes_nothing_and_catches_up)
{
	struct now now = at(b);
	struct packet p = {.kind = PKT_HELLO, .nick = view("robert")};

	contact_id bob = friend(b, 1, 2);
	send_to(b, "10.0.0.7:6327", "waits");
	core_disk(b->core, &now, ERR_FULL);
	ticket before = store_ticket(b->store);
	core_packet(b->core, &now, 1, &p); /* a new nick */
	up(b, 2, 5, 0);                    /* a stranger */
	hello(b, 2, 5, 5, 0, NULL, 0);
	text_from(b, 2, 1, 1, "hello");
	later(b, 5 * SEC);
	assert_int_equal(find_sent(b, PKT_ACK, 0)->p.verdict, V_BUSY);
	assert_int_equal(store_ticket(b->store), before);
	assert_int_equal(about(b, CMD_BLOCK, bob)->code, CODE_DISK_FULL);
	core_disk(b->core, &now, OK);
	go(b);
	assert_string_equal(row_of(b, 2).shown.nick, "robert");
	assert_int_equal(b->closed[0], 2); /* so that he comes again */
}

TEST(adopted__is_what_waits_for_the_address_he_answers_at)
{
	contact_id q = send_to(b, "10.0.0.2:6327", "hello")->message->with;

	forget_seen(b);
	meet(b, 1, 2); /* he comes by himself: that proves no address */
	assert_int_equal(count_sent(b, PKT_MESSAGE), 0);
	assert_int_not_equal(contact_of(b, 2), q);
	up(b, 2, 2, contact_of(b, 2)); /* now he is met there */
	go(b);
	assert_int_equal(count_sent(b, PKT_MESSAGE), 1);
	assert_int_equal(row_of(b, 2).shown.waiting, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test(name)
	    T(send__is_told_and_sent__when_it_is_on_the_disk),
	    T(send__is_delivered__by_the_ack_alone),
	    T(send__waits__for_his_hello),
	    T(send__to_an_address__dials_at_once_and_goes_to_whoever_is_met),
	    T(send__to_an_address_of_somebody_known__moves_to_him),
	    T(send__has_at_most_64_unanswered_a_link),
	    T(outbox__is_paged__past_what_is_held_in_memory),
	    T(send__is_refused__when_it_cannot_be_kept),
	    T(send__is_refused__when_too_many_wait),
	    T(busy__is_tried_again__after_a_pause),
	    T(refused_and_invalid__fail_and_explain_the_gap),
	    T(unregistered__says_hello_and_sends_again),
	    T(seq_reused__takes_a_new_epoch_and_numbers_from_one),
	    T(hello__with_numbers_from_the_future__takes_a_new_epoch),
	    T(hello__gets_its_gaps_explained_and_the_rest_again),
	    T(poison__fails_after_three_losses_in_a_row),
	    T(silence__is_answered_by_sending_again),
	    T(cancel__and_retry),
	    T(text__is_acked_and_shown__when_it_is_on_the_disk),
	    T(text__before_hello__is_unregistered),
	    T(text__of_a_stranger__is_a_request_within_limits),
	    T(requests__of_an_earlier_run__are_accepted_too),
	    T(text__of_a_blocked_one__is_refused_and_not_kept),
	    T(text__when_new_keys_are_refused__leaves_nothing),
	    T(text__on_a_full_disk__is_busy),
	    T(text__with_a_number_used_before__is_seq_reused),
	    T(hello__says_what_we_have),
	    T(reply__quotes_what_it_answers),
	    T(reply__without_id__goes_to_the_last_sender),
	    T(key_changed__is_told_and_holds_what_waits),
	    T(key_changed__is_over__when_the_pinned_one_answers),
	    T(another_contact_at_his_address__is_dialled_instead),
	    T(our_own_key__is_never_dialled_again),
	    T(trust__of_whom_we_named_and_of_loopback__when_headless),
	    T(verify__shows_the_number_and_sets_it),
	    T(two_links__made_at_once__keep_that_of_the_smaller_key),
	    T(two_links__made_at_once__keep_ours_when_we_are_smaller),
	    T(two_links__of_another_instance__keep_the_newest),
	    T(link_lost__sends_again_on_the_one_that_is_left),
	    T(link__without_hello__is_closed),
	    T(dial__backs_off_and_tries_again),
	    T(dial__tries_several_addresses_250_ms_apart),
	    T(connect__has_its_result__when_it_failed),
	    T(names__are_asked_four_at_a_time),
	    T(hint__of_a_stranger__is_dialled_by_the_smaller_id_at_once),
	    T(hints__of_strangers__are_eight_a_minute),
	    T(hint__of_somebody_known__is_dialled_with_his_pin),
	    T(start__dials_whom_it_knows_within_two_seconds),
	    T(idle__has_nothing_due),
	    T(peer__is_found__in_the_order_of_the_promise),
	    T(peer__with_two_meanings__is_ambiguous),
	    T(stranger__with_a_known_name__is_warned_of),
	    T(snapshot__is_paged),
	    T(history__comes_from_the_disk_with_its_result),
	    T(outbox__is_listed),
	    T(outbox__has_more_than_one_page),
	    T(read__counts_what_came_later),
	    T(draft__is_told_and_dropped_by_sending),
	    T(forget__takes_him_off_the_list),
	    T(forget__of_an_address__lets_it_be_typed_again),
	    T(nick__is_told_to_all),
	    T(set__knows_its_names),
	    T(all__goes_to_everybody_online),
	    T(id__says_who_we_are),
	    T(quit__closes_after_what_was_decided),
	    T(command__that_is_none__has_a_result),
	    T(packets__of_a_link_nobody_knows__are_ignored),
	    T(port__that_somebody_claims__is_not_an_address_he_was_met_at),
	    T(refused__is_told_to_the_user),
	    T(links_of_one_contact__are_bounded),
	    T(disk_full__writes_nothing_and_catches_up),
	    T(adopted__is_what_waits_for_the_address_he_answers_at),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
