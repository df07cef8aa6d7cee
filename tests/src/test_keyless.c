/* Peers of the plain dialects, as core treats them: a core on a store of its
 * own, and this test for the rest of the world. */
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
enum { KEYED = 1000000 }; /* links of our own dialect */

/* What was said, as it goes out on the wire. */
struct said {
	link_id link; /* 0: with a dial, to `at` */
	struct addr at;
	struct packet p;
	char text[1200], stamp[48], orig[48], quoted[400];
};
struct box {
	char dir[40], path[64];
	struct store *store;
	struct writer *writer;
	struct effects *fx;
	struct core *core;
	struct keys *keys;
	struct core_rules rules;
	struct rng rng;
	int64_t mono, wall;
	bool hold; /* the disk hangs */
	ticket durable;
	struct event *event[1024];
	size_t n_event;
	struct said said[256];
	size_t n_said;
	struct effect dial[64];
	size_t n_dial;
	link_id closed[16];
	size_t n_closed;
	struct job *job[16];
	size_t n_job;
	uint64_t ref;
};

static struct now at(struct box *b)
{
	return (struct now){
	    .mono_us = b->mono, .wall_us = b->wall, .rng = &b->rng};
}

static struct bytes view(const char *s)
{
	return (struct bytes){(const uint8_t *)s, strlen(s)};
}

static struct addr addr_of(uint8_t last, uint16_t port)
{
	struct addr a = {.port = port};

	a.ip[10] = a.ip[11] = 0xff;
	a.ip[12] = 10;
	a.ip[15] = last;
	return a;
}

static void core_begin(struct box *b)
{
	b->core = core_new(&b->rules, b->keys, "ana", b->store, b->fx);
	core_self(b->core, addr_of(1, 6327), (struct uuid){{1}});
	core_listens(b->core, &dialect_json, addr_of(1, 5000));
}

static void box_open(struct box *b)
{
	char why[128];

	assert_int_equal(store_open(b->path, &b->store, why), OK);
	assert_int_equal(writer_open(b->path, &b->writer), OK);
	b->fx = effects_new();
	b->durable = 0;
	core_begin(b);
}

static void box_close(struct box *b)
{
	core_free(b->core);
	effects_free(b->fx);
	store_close(b->store);
	writer_close(b->writer);
}

static void forget_seen(struct box *b)
{
	for (size_t i = 0; i < b->n_event; i++)
		event_free(b->event[i]);
	for (size_t i = 0; i < b->n_job; i++)
		job_free(b->job[i]);
	b->n_event = b->n_said = b->n_dial = b->n_closed = b->n_job = 0;
}

static int setup(void **state)
{
	struct box *b = xmalloc(sizeof(*b));
	uint8_t seed[32] = {42};

	*b = (struct box){.mono = 1000 * SEC, .wall = 1790000000 * SEC};
	snprintf(b->dir, sizeof(b->dir), "/tmp/sotto-keyless-XXXXXX");
	assert_non_null(mkdtemp(b->dir));
	snprintf(b->path, sizeof(b->path), "%s/sotto.db", b->dir);
	b->keys = keys_new(seed);
	b->rules = (struct core_rules){
	    .request_texts = 20,
	    .request_bytes = 65536,
	    .max_links = 2000,
	    .max_dials_minute = 8,
	    .max_queued = 10000,
	    .max_unacked = 64,
	    .redial_cap_us = 300 * SEC,
	    .keep_history = true,
	};
	box_open(b);
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	struct box *b = *state;
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
	return 0;
}

static void keep(char *to, size_t max, struct bytes *s)
{
	size_t n = s->n < max ? s->n : max - 1;

	if (n)
		memcpy(to, s->p, n);
	to[n] = 0;
	s->p = (const uint8_t *)to;
}

static void see_packet(struct box *b, link_id link, struct addr to,
		       const struct packet *p)
{
	struct said *s = &b->said[b->n_said++];

	assert_true(b->n_said < 256);
	if (link < KEYED) /* whatever it says can be said on the wire */
		assert_int_equal(dialect_check(&dialect_json, p), OK);
	*s = (struct said){.link = link, .at = to, .p = *p};
	keep(s->text, sizeof(s->text), &s->p.text);
	keep(s->stamp, sizeof(s->stamp), &s->p.stamp);
	keep(s->orig, sizeof(s->orig), &s->p.orig_stamp);
	keep(s->quoted, sizeof(s->quoted), &s->p.quoted);
}

static void see(struct box *b, const struct effect *e)
{
	switch (e->kind) {
	case FX_SEND:
		see_packet(b, e->link, (struct addr){0}, e->packet);
		break;
	case FX_DIAL:
		if (e->packet)
			see_packet(b, 0, e->at, e->packet);
		else
			b->dial[b->n_dial++] = *e;
		break;
	case FX_CLOSE:
		b->closed[b->n_closed++] = e->link;
		break;
	case FX_EVENT:
		assert_true(b->n_event < 1024);
		b->event[b->n_event++] = event_copy(e->event);
		break;
	case FX_JOB:
		b->job[b->n_job++] = job_copy(e->job);
		break;
	}
}

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

static void up(struct box *b, link_id id, struct addr who, contact_id for_whom)
{
	struct now now = at(b);

	core_plain_up(b->core, &now, id, &dialect_json, who, addr_of(1, 5000),
		      for_whom);
	go(b);
}

/* Answers the only dial there was. */
static void dial_answered(struct box *b, link_id id)
{
	assert_int_equal(b->n_dial, 1);
	up(b, id, b->dial[0].at, b->dial[0].contact);
	b->n_dial = 0;
}

static void hear(struct box *b, link_id id, const struct packet *p)
{
	struct now now = at(b);

	core_packet(b->core, &now, id, p);
	go(b);
}

static struct packet text_of(const char *text, const char *stamp)
{
	return (struct packet){.kind = PKT_MESSAGE,
			       .from = addr_of(7, 5007),
			       .to = addr_of(1, 5000),
			       .stamp = view(stamp),
			       .sent_us = 1790000000 * SEC,
			       .text = view(text)};
}

static void text_from(struct box *b, link_id id, const char *text,
		      const char *stamp)
{
	struct packet p = text_of(text, stamp);

	hear(b, id, &p);
}

static void ack_from(struct box *b, link_id id, const char *of, enum verdict v)
{
	struct packet p = {.kind = PKT_ACK,
			   .verdict = v,
			   .stamp = view("1790000002.5"),
			   .orig_stamp = view(of)};

	hear(b, id, &p);
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

static const struct event *run(struct box *b, struct command cmd)
{
	struct now now = at(b);
	const struct event *ev;

	cmd.ref = ++b->ref;
	core_command(b->core, &now, 1, &cmd);
	go(b);
	for (size_t i = 0; (ev = find_event(b, EV_RESULT, i)); i++)
		if (ev->ref == cmd.ref)
			return ev;
	return NULL;
}

static const struct event *send_to(struct box *b, const char *to,
				   const char *text)
{
	char peer[300], copy[1400];

	snprintf(peer, sizeof(peer), "%s", to);
	snprintf(copy, sizeof(copy), "%s", text);
	return run(
	    b, (struct command){.kind = CMD_SEND, .to = peer, .text = copy});
}

static const struct event *about(struct box *b, enum command_kind kind,
				 const char *who)
{
	char peer[300];

	snprintf(peer, sizeof(peer), "%s", who);
	return run(b, (struct command){.kind = kind, .to = peer});
}

static const struct event *last_status(struct box *b)
{
	size_t n = count_events(b, EV_STATUS);

	return n ? find_event(b, EV_STATUS, n - 1) : NULL;
}

static const char bob[] = "json://10.0.0.7:5007";

/* ---- what comes ---- */

static void json__acknowledges__what_is_on_the_disk(void **state)
{
	struct box *b = *state;

	up(b, 1, addr_of(7, 5007), 0);
	b->hold = true;
	text_from(b, 1, "hello", "1790000000.25");
	assert_int_equal(b->n_said, 0);
	assert_int_equal(count_events(b, EV_MESSAGE), 0);
	b->hold = false;
	go(b);
	assert_int_equal(b->n_said, 1);
	assert_int_equal(b->said[0].p.kind, PKT_ACK);
	assert_int_equal(b->said[0].p.verdict, V_SUCCESS);
	assert_int_equal(b->said[0].link, 1);
	assert_string_equal(b->said[0].orig, "1790000000.25");
	assert_int_equal(b->said[0].p.from.port, 5000);
	assert_int_equal(b->said[0].p.to.port, 5007);
	const struct event *ev = find_event(b, EV_MESSAGE, 0);
	assert_non_null(ev);
	assert_string_equal(ev->message->text, "hello");
	assert_false(ev->message->secure);
	assert_int_equal(ev->message->delivery, D_RECEIVED);
	assert_int_equal(ev->contact->trust, TRUST_PLAIN);
	assert_false(ev->contact->secure);
	assert_string_equal(ev->contact->ident, bob);
	assert_string_equal(ev->contact->dialect, "json");
}

static void json__answers__every_copy_once_and_shows_one(void **state)
{
	struct box *b = *state;

	up(b, 1, addr_of(7, 5007), 0);
	for (size_t i = 1; i <= 3; i++) {
		text_from(b, 1, "hello", "1790000000.25");
		assert_int_equal(b->n_said, i);
	}
	assert_int_equal(count_events(b, EV_MESSAGE), 1);
	text_from(b, 1, "hello", "1790000000.26");
	text_from(b, 1, "hallo", "1790000000.25");
	assert_int_equal(count_events(b, EV_MESSAGE), 3);
	box_close(b);
	box_open(b);
	up(b, 2, addr_of(7, 5007), 0);
	text_from(b, 2, "hello", "1790000000.25");
	assert_int_equal(b->n_said, 6);
	assert_int_equal(count_events(b, EV_MESSAGE), 3);
}

static void json__refuses__who_is_blocked_and_what_is_broken(void **state)
{
	struct box *b = *state;
	struct packet p = text_of("x", "1790000000.5");

	up(b, 1, addr_of(7, 5007), 0);
	p.malformed = true;
	hear(b, 1, &p);
	assert_int_equal(b->said[0].p.verdict, V_INVALID);
	p.stamp.n = 0; /* not to be named: not answered */
	hear(b, 1, &p);
	p = (struct packet){.malformed = true};
	hear(b, 1, &p);
	assert_int_equal(b->n_said, 1);
	assert_int_equal(count_events(b, EV_MESSAGE), 0);
	text_from(b, 1, "a", "1790000001.5");
	about(b, CMD_BLOCK, bob);
	text_from(b, 1, "b", "1790000002.5");
	assert_int_equal(b->said[2].p.verdict, V_REFUSED);
	assert_int_equal(count_events(b, EV_MESSAGE), 1);
}

static void json__says_nothing__while_the_disk_is_full(void **state)
{
	struct box *b = *state;
	struct now now = at(b);

	up(b, 1, addr_of(7, 5007), 0);
	core_disk(b->core, &now, ERR_FULL);
	text_from(b, 1, "a", "1790000001.5");
	assert_int_equal(b->n_said, 0);
	core_disk(b->core, &now, OK);
	text_from(b, 1, "a", "1790000001.5");
	assert_int_equal(b->n_said, 1);
	assert_int_equal(count_events(b, EV_MESSAGE), 1);
}

static void json__answers__the_socket_or_as_told_the_claim(void **state)
{
	struct box *b = *state;
	struct packet p = text_of("x", "1790000000.5");

	up(b, 1, addr_of(7, 5007), 0);
	p.from = addr_of(66, 6666);
	hear(b, 1, &p);
	assert_int_equal(b->said[0].link, 1);
	assert_int_equal(b->said[0].p.to.port, 5007);
	const struct event *ev = find_event(b, EV_MESSAGE, 0);
	assert_int_equal(ev->message->from.port, 6666);
	assert_string_equal(ev->contact->ident, bob);
	box_close(b);
	b->rules.json_claimed = true;
	box_open(b);
	up(b, 2, addr_of(7, 5007), 0);
	p.stamp = view("1790000000.6");
	hear(b, 2, &p);
	assert_int_equal(b->said[1].link, 0);
	assert_int_equal(b->said[1].at.port, 6666);
	assert_int_equal(b->said[1].p.to.port, 6666);
	p.from = (struct addr){.port = 6666}; /* 0.0.0.0 */
	p.stamp = view("1790000000.7");
	hear(b, 2, &p);
	assert_int_equal(b->said[2].link, 2);
}

static void json__bounds__who_may_become_a_contact(void **state)
{
	struct box *b = *state;
	struct packet p = text_of("x", "1790000000.5");
	size_t made = 0;

	for (link_id i = 1; i <= 1100; i++) {
		struct now now = at(b);
		struct addr a = addr_of((uint8_t)i, (uint16_t)(10000 + i));

		core_plain_up(b->core, &now, i, &dialect_json, a,
			      addr_of(1, 5000), 0);
		core_packet(b->core, &now, i, &p);
		if (i % 100)
			continue;
		go(b);
		made += count_events(b, EV_MESSAGE);
		forget_seen(b);
	}
	assert_int_equal(made, 1024);
}

/* ---- what goes ---- */

static void json__sends__when_it_is_on_the_disk(void **state)
{
	struct box *b = *state;

	assert_int_equal(send_to(b, bob, "one")->code, CODE_OK);
	dial_answered(b, 1);
	assert_int_equal(b->n_said, 1);
	assert_int_equal(b->said[0].p.kind, PKT_MESSAGE);
	assert_string_equal(b->said[0].text, "one");
	assert_string_equal(b->said[0].stamp, "1790000000.0");
	b->hold = true;
	send_to(b, bob, "two");
	assert_int_equal(b->n_said, 1);
	b->hold = false;
	go(b);
	assert_int_equal(b->n_said, 2);
	assert_string_equal(b->said[1].stamp, "1790000000.000001");
	b->wall -= 3600 * SEC; /* the clock goes back, the stamps do not */
	send_to(b, bob, "three");
	assert_string_equal(b->said[2].stamp, "1790000000.000002");
}

static void json__takes__the_ack_of_the_stamp(void **state)
{
	struct box *b = *state;

	send_to(b, bob, "one");
	dial_answered(b, 1);
	send_to(b, bob, "two");
	ack_from(b, 1, "1790000000.5", V_SUCCESS);
	assert_int_equal(last_status(b)->message->delivery, D_SENT);
	ack_from(b, 1, b->said[1].stamp, V_SUCCESS);
	assert_int_equal(last_status(b)->message->delivery, D_DELIVERED);
	assert_string_equal(last_status(b)->message->stamp, b->said[1].stamp);
	/* of somebody else it says nothing */
	up(b, 2, addr_of(66, 5007), 0);
	ack_from(b, 2, b->said[0].stamp, V_SUCCESS);
	ack_from(b, 1, b->said[0].stamp, V_REFUSED);
	assert_int_equal(last_status(b)->message->delivery, D_FAILED);
	assert_string_equal(last_status(b)->message->error, "refused");
	later(b, 60 * SEC);
	assert_int_equal(b->n_said, 2);
}

static void json__tries__five_times_five_seconds_apart(void **state)
{
	struct box *b = *state;

	send_to(b, bob, "one");
	dial_answered(b, 1);
	for (size_t i = 1; i < 5; i++) {
		later(b, 4900000);
		assert_int_equal(b->n_said, i);
		later(b, 100000);
		assert_int_equal(b->n_said, i + 1);
		assert_string_equal(b->said[i].stamp, b->said[0].stamp);
	}
	assert_int_equal(last_status(b)->message->delivery, D_SENT);
	later(b, 5 * SEC);
	assert_int_equal(last_status(b)->message->delivery, D_FAILED);
	assert_true(last_status(b)->message->expire_ms <
		    b->wall / 1000); /* which is a time-out, no refusal */
	later(b, 60 * SEC);
	assert_int_equal(b->n_said, 5);
}

static void json__resends__after_a_restart_under_the_same_stamp(void **state)
{
	struct box *b = *state;

	send_to(b, bob, "one");
	dial_answered(b, 1);
	box_close(b);
	box_open(b);
	go(b);
	later(b, 3 * SEC);
	dial_answered(b, 2);
	assert_int_equal(b->n_said, 2);
	assert_string_equal(b->said[1].stamp, b->said[0].stamp);
}

static void json__holds__at_most_sixteen_in_the_air(void **state)
{
	struct box *b = *state;

	for (int i = 0; i < 40; i++)
		send_to(b, bob, "x");
	dial_answered(b, 1);
	assert_int_equal(b->n_said, 16);
	for (size_t i = 0; i < 40; i++)
		ack_from(b, 1, b->said[i].stamp, V_SUCCESS);
	assert_int_equal(b->n_said, 40);
	assert_int_equal(last_status(b)->message->delivery, D_DELIVERED);
}

static void json__refuses__what_does_not_fit_before_it_is_queued(void **state)
{
	struct box *b = *state;
	char long_text[1300];
	const struct event *ev;

	memset(long_text, 'x', 853);
	long_text[853] = 0;
	ev = send_to(b, bob, long_text);
	assert_int_equal(ev->code, CODE_TOO_LONG);
	assert_non_null(strstr(ev->text, "json"));
	memset(long_text, '\n', 500); /* twice as long when written */
	long_text[500] = 0;
	assert_int_equal(send_to(b, bob, long_text)->code, CODE_TOO_LONG);
	assert_int_equal(count_events(b, EV_MESSAGE), 0);
	assert_int_equal(b->n_dial, 0);
}

static void json__links__answers_by_their_stamps(void **state)
{
	struct box *b = *state;

	send_to(b, bob, "question");
	dial_answered(b, 1);
	struct packet p = text_of("answer", "1790000003.5");
	p.kind = PKT_REPLY;
	p.orig_stamp = view(b->said[0].stamp);
	p.quoted = view("you never said this");
	hear(b, 1, &p);
	const struct event *own = find_event(b, EV_MESSAGE, 0);
	const struct event *ev = find_event(b, EV_MESSAGE, 1);
	assert_memory_equal(&ev->message->answers, &own->message->id, 16);
	assert_string_equal(ev->message->quote, "question");
	p.orig_stamp = view("1790000009.5");
	p.stamp = view("1790000004.5");
	hear(b, 1, &p);
	ev = find_event(b, EV_MESSAGE, 2);
	assert_string_equal(ev->message->quote, "you never said this");
	/* and ours name theirs */
	char text[] = "indeed";
	run(b, (struct command){
		   .kind = CMD_REPLY, .id = ev->message->id, .text = text});
	const struct said *s = &b->said[b->n_said - 1];
	assert_int_equal(s->p.kind, PKT_REPLY);
	assert_string_equal(s->orig, "1790000004.5");
	assert_string_equal(s->quoted, "answer");
}

/* ---- who is who ---- */

static void keyless__are__never_who_has_a_key(void **state)
{
	struct box *b = *state;
	struct now now = at(b);
	struct pubkey key;
	char peer[33];

	memset(key.b, 9, sizeof(key.b));
	seal_peer_id(peer, &key);
	up(b, 1, addr_of(7, 5007), 0);
	text_from(b, 1, "hi", "1790000000.25");
	/* a key met at the very address is another contact */
	send_to(b, "10.0.0.7:5007", "sealed");
	assert_int_equal(b->n_dial, 1);
	assert_ptr_equal(b->dial[0].dialect, &dialect_sotto);
	core_link_up(b->core, &now, KEYED, &dialect_sotto, addr_of(7, 5007),
		     key, b->dial[0].contact);
	go(b);
	b->n_dial = 0;
	send_to(b, bob, "plain");
	const struct said *s = &b->said[b->n_said - 1];
	assert_int_equal(s->link, 1);
	/* names they give themselves lead nowhere */
	assert_int_equal(send_to(b, "10.0.0.7", "x")->code, CODE_OK);
	assert_ptr_equal(b->dial[0].dialect, &dialect_sotto);
	assert_int_equal(about(b, CMD_TRUST, bob)->code, CODE_KEY);
	assert_int_equal(about(b, CMD_VERIFY, bob)->code, CODE_KEY);
}

static void keyless__are__not_everybody(void **state)
{
	struct box *b = *state;
	char text[] = "all";

	up(b, 1, addr_of(7, 5007), 0);
	text_from(b, 1, "hi", "1790000000.25");
	const struct event *ev =
	    run(b, (struct command){.kind = CMD_ALL, .text = text});
	assert_int_equal(ev->code, CODE_UNREACHABLE);
}

static void keyless__come_back__from_being_forgotten(void **state)
{
	struct box *b = *state;

	up(b, 1, addr_of(7, 5007), 0);
	text_from(b, 1, "hi", "1790000000.25");
	about(b, CMD_FORGET, bob);
	assert_int_equal(b->n_closed, 1);
	up(b, 2, addr_of(7, 5007), 0);
	text_from(b, 2, "hi", "1790000000.25"); /* a copy of what is gone */
	assert_int_equal(count_events(b, EV_MESSAGE), 1);
	text_from(b, 2, "again", "1790000001.25");
	const struct event *ev = find_event(b, EV_MESSAGE, 1);
	assert_int_equal(ev->contact->trust, TRUST_PLAIN);
	assert_int_equal(about(b, CMD_BLOCK, bob)->code, CODE_OK);
}

static void keyless__names__are_asked_for(void **state)
{
	struct box *b = *state;

	send_to(b, "json://bob.example:5007", "x");
	assert_int_equal(b->n_dial, 0);
	assert_int_equal(b->n_job, 1);
	assert_string_equal(b->job[0]->host, "bob.example");
	struct job j = {.kind = JOB_RESOLVE,
			.contact = b->job[0]->contact,
			.port = b->job[0]->port,
			.n_addr = 1,
			.addr = {addr_of(7, 0)}};
	struct now now = at(b);
	core_job(b->core, &now, &j);
	go(b);
	dial_answered(b, 1);
	assert_int_equal(b->n_said, 1);
	/* who writes from there is he, also in the next run */
	box_close(b);
	box_open(b);
	up(b, 2, addr_of(7, 5007), 0);
	text_from(b, 2, "yes", "1790000001.25");
	const struct event *ev = find_event(b, EV_MESSAGE, 1);
	assert_string_equal(ev->contact->ident, "json://bob.example:5007");
	/* one that nobody knows ends what waits */
	send_to(b, "json://nowhere.example:5007", "x");
	j = (struct job){.kind = JOB_RESOLVE,
			 .contact = b->job[1]->contact,
			 .err = ERR_ABSENT};
	core_job(b->core, &now, &j);
	go(b);
	assert_int_equal(last_status(b)->message->delivery, D_FAILED);
}

static void keyless__peers__are_spelt_with_their_dialect(void **state)
{
	static const char *const bad[] = {"json://10.0.0.7", "json://:5000",
					  "json://10.0.0.7:0", "smtp://a:25",
					  "json://a b:5000"};
	struct box *b = *state;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_not_equal(send_to(b, bad[i], "x")->code, CODE_OK);
	assert_int_equal(send_to(b, "json://[::1]:5000", "x")->code, CODE_OK);
	const struct event *ev = find_event(b, EV_MESSAGE, 0);
	assert_string_equal(ev->contact->ident, "json://[::1]:5000");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(json__acknowledges__what_is_on_the_disk),
	    TEST(json__answers__every_copy_once_and_shows_one),
	    TEST(json__refuses__who_is_blocked_and_what_is_broken),
	    TEST(json__says_nothing__while_the_disk_is_full),
	    TEST(json__answers__the_socket_or_as_told_the_claim),
	    TEST(json__bounds__who_may_become_a_contact),
	    TEST(json__sends__when_it_is_on_the_disk),
	    TEST(json__takes__the_ack_of_the_stamp),
	    TEST(json__tries__five_times_five_seconds_apart),
	    TEST(json__resends__after_a_restart_under_the_same_stamp),
	    TEST(json__holds__at_most_sixteen_in_the_air),
	    TEST(json__refuses__what_does_not_fit_before_it_is_queued),
	    TEST(json__links__answers_by_their_stamps),
	    TEST(keyless__are__never_who_has_a_key),
	    TEST(keyless__are__not_everybody),
	    TEST(keyless__come_back__from_being_forgotten),
	    TEST(keyless__names__are_asked_for),
	    TEST(keyless__peers__are_spelt_with_their_dialect),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
