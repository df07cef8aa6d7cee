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
	const struct dialect *d;        /* that is listened for */
	const struct dialect *of[4096]; /* which link speaks what */
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
	core_listens(b->core, b->d, addr_of(1, 5000));
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

	*b = (struct box){
	    .mono = 1000 * SEC, .wall = 1790000000 * SEC, .d = &dialect_json};
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

/* What is still to be sealed is measured by text_max. */
static enum err can_be_said(const struct dialect *d, const struct packet *p)
{
	struct buf out = {0};
	enum err err = OK;

	if (!p->seal_to.n)
		err = d->encode(p, &out);
	else if (p->text.n > d->text_max)
		err = ERR_LIMIT;
	buf_free(&out);
	return err;
}

static void see_packet(struct box *b, const struct dialect *d, link_id link,
		       struct addr to, const struct packet *p)
{
	struct said *s = &b->said[b->n_said++];

	assert_true(b->n_said < 256);
	if (d && can_be_said(d, p)) {
		struct buf dump = {0};
		packet_dump(&dump, p);
		print_error("%s has no word for %.*s\n", d->name, (int)dump.n,
			    (char *)dump.p);
		buf_free(&dump);
		fail();
	}
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
		see_packet(b, e->link < KEYED ? b->of[e->link % 4096] : NULL,
			   e->link, (struct addr){0}, e->packet);
		break;
	case FX_DIAL:
		if (e->packet)
			see_packet(b, e->dialect, 0, e->at, e->packet);
		if (!e->packet || e->contact)
			b->dial[b->n_dial++ % 64] = *e;
		break;
	case FX_CLOSE:
		b->closed[b->n_closed++ % 16] = e->link;
		break;
	case FX_EVENT:
		assert_true(b->n_event < 1024);
		b->event[b->n_event++] = event_copy(e->event);
		break;
	case FX_JOB:
		if (b->n_job < 16)
			b->job[b->n_job++] = job_copy(e->job);
		break;
	case FX_SPLICE:
		fail();
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

	b->of[id % 4096] = b->d;
	core_plain_up(b->core, &now, id, b->d, who, addr_of(1, 5000), for_whom);
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
		b->of[i] = &dialect_json;

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

/* ---- connections a transaction: nul stands for all of them ---- */

static void down(struct box *b, link_id id, contact_id for_whom)
{
	struct now now = at(b);

	core_link_down(b->core, &now, id, for_whom, (struct pubkey){0},
		       ERR_CLOSED);
	go(b);
}

static void speak(struct box *b, const struct dialect *d)
{
	box_close(b);
	b->d = d;
	box_open(b);
	go(b);
	forget_seen(b);
}

/* The key of ours, which peers in this test have too. */
static void with_rsa(struct box *b, struct buf *public)
{
	struct buf pem = {0};

	assert_int_equal(seal_make(SEAL_RAW, &pem), OK);
	assert_int_equal(
	    keys_add(b->keys, SEAL_RAW, (struct bytes){pem.p, pem.n}), OK);
	assert_int_equal(keys_pem(b->keys, SEAL_RAW, public), OK);
	buf_free(&pem);
}

static const struct said *last_said(struct box *b)
{
	assert_true(b->n_said > 0);
	return &b->said[b->n_said - 1];
}

/* The dial that went out last is answered by this. */
static void errand_hears(struct box *b, link_id id, const struct packet *p)
{
	const struct effect *dial = &b->dial[b->n_dial - 1];
	contact_id who = dial->contact;

	up(b, id, dial->at, who);
	if (p)
		hear(b, id, p);
	else
		down(b, id, 0);
}

static void errand__asks_for_the_key_and_says_where_we_are(void **state)
{
	struct box *b = *state;
	struct buf public = {0};
	struct packet ok = {.kind = PKT_ACK, .verdict = V_SUCCESS};

	if (!seal_built(SEAL_RAW))
		skip();
	speak(b, &dialect_nul);
	send_to(b, "nul://10.0.0.7:4040", "hello");
	assert_int_equal(b->n_dial, 0); /* not before our own key is there */
	with_rsa(b, &public);
	struct now now = at(b);
	struct job made = {.kind = JOB_RSA, .seal = SEAL_RAW};
	core_job(b->core, &now, &made);
	go(b);
	assert_int_equal(last_said(b)->p.kind, PKT_WHO);
	struct packet key = {.kind = PKT_HELLO, .key = {public.p, public.n}};
	errand_hears(b, 1, &key);
	assert_int_equal(b->closed[0], 1);
	assert_int_equal(last_said(b)->p.kind, PKT_HELLO);
	assert_int_equal(last_said(b)->p.listen_port, 5000);
	errand_hears(b, 2, &ok);
	assert_string_equal(last_said(b)->text, "hello");
	assert_true(last_said(b)->p.seal_to.n > 0);
	errand_hears(b, 3, &ok);
	assert_int_equal(last_status(b)->message->delivery, D_DELIVERED);
	size_t said = b->n_said;
	send_to(b, "nul://10.0.0.7:4040", "again"); /* at once */
	assert_int_equal(b->n_said, said + 1);
	assert_string_equal(last_said(b)->text, "again");
	errand_hears(b, 4, &ok);
	later(b, 31 * SEC); /* he may have been started with another key */
	send_to(b, "nul://10.0.0.7:4040", "later");
	assert_int_equal(last_said(b)->p.kind, PKT_WHO);
	buf_free(&public);
}

static void errand__registers_again_when_nobody_answers(void **state)
{
	struct box *b = *state;
	struct buf public = {0};
	struct packet ok = {.kind = PKT_ACK, .verdict = V_SUCCESS};

	if (!seal_built(SEAL_RAW))
		skip();
	with_rsa(b, &public);
	struct packet key = {.kind = PKT_HELLO, .key = {public.p, public.n}};
	speak(b, &dialect_nul);
	send_to(b, "nul://10.0.0.7:4040", "hello");
	for (link_id i = 1; i <= 9; i += 3) {
		later(b, 300 * SEC);
		assert_int_equal(last_said(b)->p.kind, PKT_WHO);
		errand_hears(b, i, &key);
		errand_hears(b, i + 1, &ok);
		assert_string_equal(last_said(b)->text, "hello");
		errand_hears(b, i + 2, NULL);
	}
	assert_int_equal(last_status(b)->message->delivery, D_FAILED);
	assert_non_null(strstr(last_status(b)->message->error, "three times"));
	buf_free(&public);
}

/* ---- mesh ---- */

static struct packet mesh_hello(const char *id, uint16_t port)
{
	return (struct packet){.kind = PKT_HELLO,
			       .peer = view(id),
			       .nick = view("bob"),
			       .listen_port = port};
}

static void mesh__hands_over__and_that_is_all(void **state)
{
	struct box *b = *state;
	struct packet p = mesh_hello("abc", 6400);

	speak(b, &dialect_mesh);
	send_to(b, "mesh://10.0.0.7:6400", "one");
	assert_int_equal(last_said(b)->p.kind, PKT_HELLO);
	assert_int_equal(last_said(b)->p.listen_port, 5000);
	errand_hears(b, 1, &p);
	assert_string_equal(last_said(b)->text, "one");
	assert_int_equal(last_status(b)->message->delivery, D_SENT);
	later(b, SEC);
	assert_int_equal(last_status(b)->message->delivery, D_HANDED);
	/* who answered is known by his id from now on */
	const struct event *ev = send_to(b, "mesh:abc", "two");
	assert_int_equal(ev->code, CODE_OK);
	assert_string_equal(ev->contact->ident, "mesh:abc");
	assert_int_equal(send_to(b, "mesh://10.0.0.7:6400", "x")->contact->id,
			 ev->contact->id);
	/* what a lost link may have had goes again */
	send_to(b, "mesh:abc", "three");
	down(b, 1, 0);
	later(b, 10 * SEC);
	size_t said = b->n_said;
	p = mesh_hello("abc", 6400);
	errand_hears(b, 2, &p);
	assert_true(b->n_said > said);
}

static void mesh__gives_up__after_an_hour(void **state)
{
	struct box *b = *state;

	speak(b, &dialect_mesh);
	send_to(b, "mesh://10.0.0.7:6400", "one");
	for (int i = 0; i < 100; i++) {
		contact_id who = b->dial[(b->n_dial - 1) % 64].contact;
		down(b, 9, who);
		later(b, 50 * SEC);
		b->n_said = 0;
	}
	assert_int_equal(last_status(b)->message->delivery, D_FAILED);
}

static void mesh__refuses__an_id_that_is_here(void **state)
{
	struct box *b = *state;
	struct packet p = mesh_hello("abc", 6400);

	speak(b, &dialect_mesh);
	up(b, 1, addr_of(7, 40000), 0);
	hear(b, 1, &p);
	assert_int_equal(last_said(b)->p.kind, PKT_HELLO);
	up(b, 2, addr_of(8, 40001), 0);
	hear(b, 2, &p);
	assert_int_equal(last_said(b)->p.kind, PKT_ERROR);
	assert_int_equal(b->closed[0], 2);
	/* of two made at once the one stays that the smaller id dialled */
	char ident[] = "mesh:abc";
	run(b, (struct command){.kind = CMD_SEND, .to = ident, .text = ident});
	later(b, SEC);
	assert_string_equal(last_said(b)->text, "mesh:abc");
	assert_int_equal(last_said(b)->link, 1);
}

/* ---- anything, in any order ---- */

static uint32_t dice(struct box *b, uint32_t n)
{
	uint32_t r;

	rng_fill(&b->rng, (uint8_t *)&r, sizeof(r));
	return r % n;
}

static struct packet any_packet(struct box *b, struct addr *peers)
{
	static const char *const ids[] = {"abc", "zzz", "a/b:c", ""};
	static const char *const stamps[] = {"1790000000.0", "1790000000.5",
					     "7", "-1"};
	static const char *const words[] = {"id_taken", "seas", "127.0.0.1",
					    "99999",    "a|b",  ""};
	struct packet p = {
	    .kind = (enum packet_kind)dice(b, PKT_CENTER + 1),
	    .malformed = dice(b, 8) == 0,
	    .sealed = dice(b, 8) == 0,
	    .from = addr_of((uint8_t)dice(b, 4), (uint16_t)dice(b, 3)),
	    .stamp = view(stamps[dice(b, 4)]),
	    .orig_stamp = view(stamps[dice(b, 4)]),
	    .verdict = (enum verdict)dice(b, 6),
	    .text = view(dice(b, 4) ? "a text" : ""),
	    .quoted = view("quoted"),
	    .peer = view(ids[dice(b, 4)]),
	    .nick = view(dice(b, 2) ? "bob" : "\x1b[31m"),
	    .key = view("-----BEGIN nothing"),
	    .listen_port = (uint16_t)(5006 + dice(b, 3)),
	    .verb = (enum center_verb)dice(b, CENTER_AWAY + 1),
	    .private = dice(b, 2),
	    .frame = view("a698acf624"),
	    .peers = peers,
	    .n_peers = dice(b, 3),
	    .n_words = dice(b, 4),
	};

	for (size_t i = 0; i < p.n_words; i++)
		p.word[i] = view(words[dice(b, 6)]);
	peers[0] = addr_of((uint8_t)dice(b, 9), 7000);
	peers[1] = addr_of((uint8_t)dice(b, 9), 5007);
	return p;
}

static void any_command(struct box *b)
{
	static const enum command_kind kinds[] = {
	    CMD_SEND,    CMD_SEND,   CMD_SEND,       CMD_CONNECT,   CMD_BLOCK,
	    CMD_UNBLOCK, CMD_FORGET, CMD_RENAME,     CMD_LOGIN,     CMD_LOGOUT,
	    CMD_ONLINE,  CMD_ALLOW,  CMD_GETADDRESS, CMD_BROADCAST, CMD_TRUST};
	struct now now = at(b);
	char to[64], text[] = "words", name[] = "seas";
	struct command cmd = {.kind = kinds[dice(b, 15)],
			      .ref = ++b->ref,
			      .to = to,
			      .name = name,
			      .text = text,
			      .yes = dice(b, 2)};

	snprintf(to, sizeof(to), "%s://10.0.0.%u:%u%s", b->d->name, dice(b, 4),
		 5006 + dice(b, 3),
		 b->d == &dialect_center && dice(b, 2) ? "/google" : "");
	if (cmd.kind == CMD_RENAME)
		snprintf(name, sizeof(name), "n%u", dice(b, 9));
	core_command(b->core, &now, 1, &cmd);
}

static void any_link(struct box *b, link_id last)
{
	link_id id = last ? 1 + dice(b, last) : 1;
	struct now now = at(b);
	struct addr peers[2];
	struct packet p = any_packet(b, peers);

	if (dice(b, 4))
		core_packet(b->core, &now, id, &p);
	else
		core_link_down(b->core, &now, id, (contact_id)dice(b, 6) - 1,
			       (struct pubkey){0}, ERR_CLOSED);
}

static void any_up(struct box *b, link_id id, const struct effect *dial)
{
	struct now now = at(b);
	struct addr from =
	    addr_of((uint8_t)dice(b, 4), (uint16_t)(5006 + dice(b, 3)));

	b->of[id % 4096] = dial ? dial->dialect : b->d;
	core_plain_up(b->core, &now, id, b->of[id % 4096],
		      dial ? dial->at : from, addr_of(1, 5000),
		      dial ? dial->contact : 0);
}

static void any_turn(struct box *b, link_id *last)
{
	size_t dials = b->n_dial < 64 ? b->n_dial : 64;

	switch (dice(b, 8)) {
	case 0:
		any_up(b, ++*last, NULL);
		break;
	case 1:
		if (dials)
			any_up(b, ++*last, &b->dial[dice(b, (uint32_t)dials)]);
		break;
	case 2:
	case 3:
		any_command(b);
		break;
	case 4:
		later(b, (int64_t)dice(b, 40) * SEC / 4);
		break;
	default:
		any_link(b, *last);
	}
	b->hold = dice(b, 10) == 0;
	go(b);
	if (b->n_event > 900 || b->n_said > 200)
		forget_seen(b);
}

static void keyless__survive__anything(void **state)
{
	static const struct dialect *const all[] = {
	    &dialect_json,   &dialect_mesh,     &dialect_center,
	    &dialect_binary, &dialect_binary16, &dialect_nul};
	struct box *b = *state;
	struct buf public = {0};

	if (seal_built(SEAL_RAW))
		with_rsa(b, &public);
	for (unsigned seed = 0; seed < 120; seed++) {
		link_id last = 0;
		const struct dialect *d = all[seed % 6];
		if (!dialect_named(d->name))
			continue;
		b->hold = false;
		b->rules.json_claimed = seed % 4 == 0;
		b->rng =
		    (struct rng){{(uint8_t)seed, (uint8_t)(seed >> 8), 7}, 0};
		speak(b, d);
		for (int i = 0; i < 400; i++)
			any_turn(b, &last);
	}
	b->hold = false;
	go(b);
	buf_free(&public);
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
	    TEST(errand__asks_for_the_key_and_says_where_we_are),
	    TEST(errand__registers_again_when_nobody_answers),
	    TEST(mesh__hands_over__and_that_is_all),
	    TEST(mesh__gives_up__after_an_hour),
	    TEST(mesh__refuses__an_id_that_is_here),
	    TEST(keyless__survive__anything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
