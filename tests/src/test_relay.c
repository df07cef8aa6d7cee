/* When core asks a center for somebody, whom it lets come that way, and what
 * becomes of such a link: core_relay.c. */
#include "proto/dialect.h"
#include "src/core.h"
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
/* cmocka needs some of those above */
#include <cmocka.h>

#define SEC INT64_C(1000000)
enum {
	MANY = 256,
	CENTER = 9,
	BOB = 2,
	EVE = 3,
	CENTER_LINK = 100,
	REPLY_MAX = 200
};
static const char token[] = "00112233-4455-6677-8899-aabbccddeeff";

struct said {
	link_id link;
	enum packet_kind kind;
	enum center_verb verb;
	uint64_t ref;
	char word[40], text[40];
};

/* One core; the rest of the world is this test. */
struct box {
	char dir[40], path[64];
	struct store *store;
	struct writer *writer;
	struct effects *fx;
	struct core *core;
	struct keys *keys;
	struct rng rng;
	int64_t mono;
	ticket durable;
	bool refuse; /* nobody but the center answers where we dial */
	contact_id refused[MANY];
	size_t n_refused;
	struct said said[MANY];
	struct effect dial[MANY];
	link_id closed[MANY];
	size_t n_said, n_dial, n_closed;
	enum presence presence[16]; /* of key n, as told last */
	bool nowhere[16];           /* and without an address */
	enum code result;
	uint64_t ref, done; /* done: the result of which command */
};

static struct now at(struct box *b)
{
	return (struct now){.mono_us = b->mono,
			    .wall_us = 1790000000 * SEC + b->mono,
			    .rng = &b->rng};
}

static struct bytes view(const char *s)
{
	return (struct bytes){(const uint8_t *)s, strlen(s)};
}

static struct pubkey key_of(uint8_t k)
{
	struct pubkey key;

	memset(key.b, k, sizeof(key.b));
	return key;
}

static struct addr addr_of(uint8_t last)
{
	return (struct addr){.ip = {[10] = 0xff, 0xff, 10, 0, 0, last},
			     .port = 6327};
}

static const char *id_of(uint8_t who)
{
	static char id[16][33];
	struct pubkey key = key_of(who);

	seal_peer_id(id[who % 16], &key);
	return id[who % 16];
}

/* ---- what it does ---- */

static void keep(char *to, size_t max, struct bytes s)
{
	size_t n = s.n < max ? s.n : max - 1;

	if (n)
		memcpy(to, s.p, n);
	to[n] = '\0';
}

static void see_packet(struct box *b, const struct effect *e)
{
	struct said *s = &b->said[b->n_said++ % MANY];

	assert_int_equal(dialect_check(&dialect_sotto, e->packet), OK);
	*s = (struct said){.link = e->link,
			   .kind = e->packet->kind,
			   .verb = e->packet->verb,
			   .ref = e->packet->ref};
	if (e->packet->n_words)
		keep(s->word, sizeof(s->word), e->packet->word[0]);
	keep(s->text, sizeof(s->text), e->packet->text);
}

static void see_event(struct box *b, const struct event *ev)
{
	if (ev->kind == EV_RESULT) {
		b->result = ev->code;
		b->done = ev->ref;
	}
	if (ev->kind != EV_PEER)
		return;
	b->presence[ev->contact->key.b[0] % 16] = ev->contact->presence;
	b->nowhere[ev->contact->key.b[0] % 16] = !ev->contact->at.port;
}

static void see(struct box *b, const struct effect *e)
{
	switch (e->kind) {
	case FX_SEND:
		see_packet(b, e);
		break;
	case FX_DIAL:
		b->dial[b->n_dial++ % MANY] = *e;
		if (b->refuse && !e->relayed && e->at.ip[15] != CENTER)
			b->refused[b->n_refused++ % MANY] = e->contact;
		break;
	case FX_CLOSE:
		b->closed[b->n_closed++ % MANY] = e->link;
		break;
	case FX_EVENT:
		see_event(b, e->event);
		break;
	case FX_JOB:
		break;
	case FX_SPLICE:
		fail();
	}
}

static void turn(struct box *b, const struct now *now)
{
	struct batch *batch = store_batch(b->store, now);
	struct effect e;

	if (batch) {
		b->durable = batch_ticket(batch);
		assert_int_equal(writer_commit(b->writer, &batch, 1), OK);
		store_durable(b->store, b->durable);
	}
	while (effects_next(b->fx, b->durable, &e))
		see(b, &e);
}

static void go(struct box *b)
{
	struct now now = at(b);

	core_tick(b->core, &now);
	turn(b, &now);
	while (b->n_refused) {
		core_link_down(b->core, &now, 9999, b->refused[--b->n_refused],
			       (struct pubkey){0}, ERR_SYS);
		turn(b, &now);
	}
}

static void later(struct box *b, int64_t us)
{
	for (; us > 0; us -= SEC / 4) {
		b->mono += SEC / 4;
		go(b);
	}
}

static void forget(struct box *b)
{
	b->n_said = b->n_dial = b->n_closed = 0;
	b->done = 0;
}

/* ---- what happens to it ---- */

static void come(struct box *b, link_id id, uint8_t who, contact_id dialled_for)
{
	struct now now = at(b);

	core_link_up(b->core, &now, id, &dialect_sotto, addr_of(who),
		     key_of(who), dialled_for);
	go(b);
}

static void relayed(struct box *b, link_id id, uint8_t who, contact_id contact,
		    bool ours)
{
	struct now now = at(b);

	core_relay_up(b->core, &now, id, key_of(who), contact, ours);
	go(b);
}

static void hello(struct box *b, link_id id, uint8_t who, const char *center)
{
	struct now now = at(b);
	struct packet p = {.kind = PKT_HELLO,
			   .peer = view(id_of(who)),
			   .nick = view("somebody"),
			   .instance = {{who}},
			   .listen_port = 6327,
			   .center = view(center ? center : "")};

	core_packet(b->core, &now, id, &p);
	go(b);
}

static void down(struct box *b, link_id id)
{
	struct now now = at(b);

	core_link_down(b->core, &now, id, 0, (struct pubkey){0}, ERR_CLOSED);
	go(b);
}

static void no_link(struct box *b, contact_id c, bool ours)
{
	struct now now = at(b);

	core_relay_down(b->core, &now, 9999, c, ours);
	go(b);
}

static void center_says(struct box *b, link_id from, struct packet p)
{
	struct now now = at(b);

	p.kind = PKT_CENTER;
	core_packet(b->core, &now, from, &p);
	go(b);
}

static void command(struct box *b, struct command cmd)
{
	struct now now = at(b);

	cmd.ref = ++b->ref;
	b->done = 0;
	core_command(b->core, &now, 1, &cmd);
	go(b);
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

static void send_text(struct box *b, uint8_t who, const char *text)
{
	char copy[64];

	snprintf(copy, sizeof(copy), "%s", text);
	command(b, (struct command){.kind = CMD_SEND,
				    .contact = contact_of(b, who),
				    .text = copy});
}

/* ---- looking ---- */

static const struct said *center_word(struct box *b, enum center_verb verb)
{
	for (size_t i = 0; i < b->n_said; i++)
		if (b->said[i].kind == PKT_CENTER && b->said[i].verb == verb)
			return &b->said[i];
	return NULL;
}

static const struct said *message(struct box *b, link_id link)
{
	for (size_t i = 0; i < b->n_said; i++)
		if (b->said[i].kind == PKT_MESSAGE && b->said[i].link == link)
			return &b->said[i];
	return NULL;
}

static const struct effect *relay_dial(struct box *b)
{
	for (size_t i = 0; i < b->n_dial; i++)
		if (b->dial[i].relayed)
			return &b->dial[i];
	return NULL;
}

static bool was_closed(struct box *b, link_id id)
{
	for (size_t i = 0; i < b->n_closed; i++)
		if (b->closed[i] == id)
			return true;
	return false;
}

/* ---- the usual beginning ---- */

static void log_in(struct box *b)
{
	char where[] = "10.0.0.9:6327", name[] = "ana", word[] = "sesame";
	size_t i = 0;

	forget(b);
	command(
	    b, (struct command){
		   .kind = CMD_LOGIN, .to = where, .name = name, .text = word});
	while (i < b->n_dial && b->dial[i].at.ip[15] != CENTER)
		i++;
	assert_true(i < b->n_dial);
	come(b, CENTER_LINK, CENTER, b->dial[i].contact);
	hello(b, CENTER_LINK, CENTER, NULL);
	const struct said *s = center_word(b, CENTER_LIN);
	assert_non_null(s);
	center_says(b, CENTER_LINK,
		    (struct packet){.verb = CENTER_LOGIN_OKAY, .ref = s->ref});
}

static const char *center_text(void)
{
	static char text[100];

	for (size_t i = 0; i < 32; i++)
		snprintf(text + 2 * i, 3, "%02x", CENTER);
	snprintf(text + 64, 30, "@10.0.0.9:6327");
	return text;
}

/* Somebody whom we know, and who is gone. */
static contact_id known(struct box *b, uint8_t who, const char *center)
{
	contact_id c;

	come(b, who, who, 0);
	command(b, (struct command){.kind = CMD_TRUST,
				    .contact = contact_of(b, who)});
	hello(b, who, who, center);
	down(b, who);
	c = contact_of(b, who);
	forget(b);
	return c;
}

static struct box *box_new(bool relay)
{
	struct box *b = xzalloc(sizeof(*b));
	uint8_t seed[32] = {42};
	char why[128];
	struct core_rules rules = {
	    .new_key = NEW_KEY_ASK,
	    .request_texts = 20,
	    .request_bytes = 65536,
	    .max_links = 64,
	    .max_dials_minute = 8,
	    .max_queued = 10000,
	    .max_unacked = 64,
	    .redial_cap_us = 300 * SEC,
	    .keep_history = true,
	    .relay = relay,
	};

	b->mono = 1000 * SEC;
	snprintf(b->dir, sizeof(b->dir), "/tmp/sotto-relay-XXXXXX");
	assert_non_null(mkdtemp(b->dir));
	snprintf(b->path, sizeof(b->path), "%s/sotto.db", b->dir);
	b->keys = keys_new(seed);
	assert_int_equal(store_open(b->path, &b->store, why), OK);
	assert_int_equal(writer_open(b->path, &b->writer), OK);
	b->fx = effects_new();
	b->core = core_new(&rules, b->keys, "ana", b->store, b->fx);
	core_self(b->core, addr_of(1), (struct uuid){{1}});
	go(b);
	return b;
}

static int remove_one(const char *path, const struct stat *st, int type,
		      struct FTW *where)
{
	(void)st, (void)type, (void)where;
	return remove(path);
}

static void box_free(struct box *b)
{
	core_free(b->core);
	effects_free(b->fx);
	store_close(b->store);
	writer_close(b->writer);
	keys_free(b->keys);
	nftw(b->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(b);
}

#define TEST(name)                                                             \
	static void name##_(struct box *b);                                    \
	static void name(void **state)                                         \
	{                                                                      \
		struct box *b = box_new(true);                                 \
		(void)state;                                                   \
		name##_(b);                                                    \
		box_free(b);                                                   \
	}                                                                      \
	static void name##_(struct box *b)

static struct packet answer_to(const struct said *s, enum center_verb verb)
{
	return (struct packet){
	    .verb = verb,
	    .ref = s->ref,
	    .n_words = 1,
	    .word = {view(verb == CENTER_OKAY ? token : "no")}};
}

/* A text waits for bob, and the center was asked for him. */
static contact_id asked(struct box *b)
{
	contact_id c;

	log_in(b);
	c = known(b, BOB, center_text());
	b->refuse = true;
	send_text(b, BOB, "hello");
	assert_non_null(center_word(b, CENTER_RELAY));
	return c;
}

/* ---- asking ---- */

TEST(relay__is_asked_for__when_his_addresses_fail)
{
	contact_id c = asked(b);
	const struct said *s = center_word(b, CENTER_RELAY);
	const struct effect *d;
	struct addr center = addr_of(CENTER);
	struct pubkey bob = key_of(BOB);
	char text[37];

	assert_int_equal(s->link, CENTER_LINK);
	assert_string_equal(s->word, id_of(BOB));
	assert_int_equal(b->presence[BOB], P_DIALLING);
	center_says(b, CENTER_LINK, answer_to(s, CENTER_OKAY));
	d = relay_dial(b);
	assert_non_null(d);
	assert_memory_equal(&d->at, &center, sizeof(center));
	assert_memory_equal(&d->pin, &bob, sizeof(bob));
	assert_int_equal(d->contact, c);
	assert_false(d->answers);
	uuid_text(text, &d->token);
	assert_string_equal(text, token);
	/* the link is one as any other */
	relayed(b, 50, BOB, c, true);
	assert_int_equal(b->presence[BOB], P_ONLINE);
	hello(b, 50, BOB, center_text());
	assert_string_equal(message(b, 50)->text, "hello");
	/* only nobody knows where he is */
	down(b, CENTER_LINK);
	assert_true(b->nowhere[BOB]);
}

/* What is dialled is what he said when we met. */
static bool only_dials(struct box *b, contact_id c, uint8_t last)
{
	struct addr his = addr_of(last);

	for (size_t i = 0; i < b->n_dial; i++)
		if (b->dial[i].contact == c && !b->dial[i].relayed &&
		    memcmp(&b->dial[i].at, &his, sizeof(his)) != 0)
			return false;
	return true;
}

TEST(relay__leaves_no_address__behind)
{
	struct address_row a;
	contact_id c = asked(b);
	unsigned n = 0;

	relayed(b, 50, BOB, c, true);
	hello(b, 50, BOB, center_text());
	down(b, 50);
	forget(b);
	later(b, 60 * SEC);
	assert_true(b->n_dial > 0);
	assert_true(only_dials(b, c, BOB));
	while (store_address_next(b->store, c, n, &a))
		n++;
	assert_int_equal(n, 1);
}

TEST(relay__is_not_asked_for__when_an_address_answers)
{
	contact_id c;

	log_in(b);
	c = known(b, BOB, center_text());
	send_text(b, BOB, "hello");
	come(b, 50, BOB, c);
	hello(b, 50, BOB, center_text());
	later(b, 60 * SEC);
	assert_null(center_word(b, CENTER_RELAY));
}

/* Nobody answers and nobody refuses: a person does not wait for all of it. */
TEST(relay__is_asked_for__when_his_addresses_take_long)
{
	contact_id c;

	log_in(b);
	c = known(b, BOB, center_text());
	send_text(b, BOB, "hello");
	later(b, SEC);
	assert_null(center_word(b, CENTER_RELAY));
	later(b, 3 * SEC);
	assert_non_null(center_word(b, CENTER_RELAY));
	/* and when one does answer after all, that is the link */
	come(b, 50, BOB, c);
	hello(b, 50, BOB, center_text());
	center_says(b, CENTER_LINK,
		    answer_to(center_word(b, CENTER_RELAY), CENTER_OKAY));
	assert_null(relay_dial(b));
}

TEST(relay__gives_way__to_an_address_that_answered)
{
	contact_id c;

	log_in(b);
	c = known(b, BOB, center_text());
	send_text(b, BOB, "hello");
	later(b, 4 * SEC);
	center_says(b, CENTER_LINK,
		    answer_to(center_word(b, CENTER_RELAY), CENTER_OKAY));
	assert_non_null(relay_dial(b));
	come(b, 50, BOB, c);
	hello(b, 50, BOB, center_text());
	relayed(b, 51, BOB, c, true);
	assert_true(was_closed(b, 51));
	assert_false(was_closed(b, 50));
}

TEST(relay__of_two_at_once__the_direct_one_stays)
{
	contact_id c = asked(b);

	relayed(b, 51, BOB, c, true);
	hello(b, 51, BOB, center_text());
	come(b, 50, BOB, 0);
	hello(b, 50, BOB, center_text());
	assert_true(was_closed(b, 51));
	assert_false(was_closed(b, 50));
	/* and the other way round */
	forget(b);
	relayed(b, 52, BOB, c, false);
	hello(b, 52, BOB, center_text());
	assert_true(was_closed(b, 52));
	assert_false(was_closed(b, 50));
	/* he asks because he lost the one that we still believe in */
	later(b, 11 * SEC);
	forget(b);
	relayed(b, 53, BOB, c, false);
	hello(b, 53, BOB, center_text());
	assert_true(was_closed(b, 50));
	assert_false(was_closed(b, 53));
}

static unsigned asks(struct box *b)
{
	unsigned n = 0;

	for (size_t i = 0; i < b->n_said && i < MANY; i++)
		n += b->said[i].kind == PKT_CENTER &&
		     b->said[i].verb == CENTER_RELAY;
	return n;
}

/* What fails comes again with the rounds, further and further apart. */
TEST(relay__is_asked_for__again)
{
	unsigned n = 0;

	asked(b);
	for (int minute = 0; minute < 20; minute++) {
		for (int i = 0; i < 240; i++) {
			later(b, SEC / 4);
			const struct said *s = center_word(b, CENTER_RELAY);
			if (!s)
				continue;
			n++;
			center_says(b, CENTER_LINK, answer_to(s, CENTER_FAIL));
			b->n_said = 0;
		}
		assert_true(minute || n >= 2);
	}
	assert_true(n >= 4 && n < 60);
	assert_int_equal(b->presence[BOB], P_OFFLINE);
}

/* Whatever becomes of it the round ends. */
TEST(relay__ends__when_nothing_is_heard)
{
	contact_id c = asked(b);

	for (int i = 0; i < 20 && b->presence[BOB] == P_DIALLING; i++)
		later(b, SEC / 4); /* of the center */
	assert_int_equal(b->presence[BOB], P_OFFLINE);
	forget(b);
	command(b, (struct command){.kind = CMD_CONNECT, .contact = c});
	assert_non_null(center_word(b, CENTER_RELAY));
	assert_int_equal(b->presence[BOB], P_DIALLING);
	center_says(b, CENTER_LINK,
		    answer_to(center_word(b, CENTER_RELAY), CENTER_OKAY));
	assert_non_null(relay_dial(b));
	assert_int_equal(b->done, 0);
	no_link(b, c, true); /* of him */
	assert_int_equal(b->presence[BOB], P_OFFLINE);
	assert_int_equal(b->done, b->ref);
	assert_int_equal(b->result, CODE_UNREACHABLE);
}

TEST(relay__answers__a_connect)
{
	contact_id c = asked(b);

	command(b, (struct command){.kind = CMD_CONNECT, .contact = c});
	center_says(b, CENTER_LINK,
		    answer_to(center_word(b, CENTER_RELAY), CENTER_OKAY));
	relayed(b, 50, BOB, c, true);
	assert_int_equal(b->done, 0);
	hello(b, 50, BOB, NULL);
	assert_int_equal(b->done, b->ref);
	assert_int_equal(b->result, CODE_OK);
}

TEST(relay__is_not_asked_for__without_a_reason)
{
	/* not logged in */
	b->refuse = true;
	known(b, BOB, center_text());
	send_text(b, BOB, "hello");
	later(b, 20 * SEC);
	assert_null(center_word(b, CENTER_RELAY));
	/* his center is another one, or he has none */
	log_in(b);
	char other[100];
	snprintf(other, sizeof(other), "%s", center_text());
	other[0] = 'f';
	known(b, EVE, other);
	send_text(b, EVE, "hello");
	later(b, 20 * SEC);
	const struct said *s = center_word(b, CENTER_RELAY);
	assert_true(!s || strcmp(s->word, id_of(EVE)) != 0);
	known(b, 4, NULL);
	send_text(b, 4, "hello");
	later(b, 20 * SEC);
	s = center_word(b, CENTER_RELAY);
	assert_true(!s || strcmp(s->word, id_of(4)) != 0);
}

TEST(relay__is_asked_for__at_the_log_in)
{
	known(b, BOB, center_text());
	b->refuse = true;
	send_text(b, BOB, "hello");
	later(b, 200 * SEC);
	assert_null(center_word(b, CENTER_RELAY));
	log_in(b);
	later(b, SEC / 4);
	assert_non_null(center_word(b, CENTER_RELAY));
}

TEST(relay__is_asked_for__for_company_too)
{
	unsigned n = 0;

	log_in(b);
	b->refuse = true;
	for (uint8_t who = 20; who < 60; who++)
		known(b, who, center_text());
	for (int i = 0; i < 200; i++) {
		later(b, SEC / 4);
		n += asks(b);
		b->n_said = b->n_dial = 0;
	}
	assert_true(n > 0);
	assert_true(n <= 20);
}

static void relay__is_off__where_it_is_off(void **state)
{
	struct box *b = box_new(false);

	(void)state;
	log_in(b);
	known(b, BOB, center_text());
	b->refuse = true;
	send_text(b, BOB, "hello");
	later(b, 60 * SEC);
	assert_null(center_word(b, CENTER_RELAY));
	center_says(b, CENTER_LINK,
		    (struct packet){.verb = CENTER_RELAY,
				    .n_words = 2,
				    .word = {view(token), view(id_of(BOB))}});
	assert_null(relay_dial(b));
	box_free(b);
}

/* ---- being asked for ---- */

static void call(struct box *b, link_id from, const char *text, const char *id)
{
	center_says(b, from,
		    (struct packet){.verb = CENTER_RELAY,
				    .n_words = 2,
				    .word = {view(text), view(id)}});
}

TEST(call__is_followed__of_somebody_we_know)
{
	struct pubkey bob = key_of(BOB);
	struct addr center = addr_of(CENTER);
	contact_id c;

	log_in(b);
	c = known(b, BOB, center_text());
	call(b, CENTER_LINK, token, id_of(BOB));
	const struct effect *d = relay_dial(b);
	assert_non_null(d);
	assert_true(d->answers);
	assert_int_equal(d->contact, c);
	assert_memory_equal(&d->pin, &bob, sizeof(bob));
	assert_memory_equal(&d->at, &center, sizeof(center));
	relayed(b, 50, BOB, c, false);
	hello(b, 50, BOB, center_text());
	assert_int_equal(b->presence[BOB], P_ONLINE);
	/* his port is of no use without his address */
	down(b, 50);
	forget(b);
	later(b, 30 * SEC);
	assert_true(only_dials(b, c, BOB));
}

TEST(call__is_not_followed__of_others)
{
	contact_id c;

	log_in(b);
	call(b, CENTER_LINK, token, id_of(BOB)); /* whom we never met */
	assert_null(relay_dial(b));
	come(b, 30, EVE, 0); /* a stranger */
	hello(b, 30, EVE, center_text());
	call(b, CENTER_LINK, token, id_of(EVE));
	assert_null(relay_dial(b));
	c = known(b, BOB, center_text());
	command(b, (struct command){.kind = CMD_BLOCK, .contact = c});
	call(b, CENTER_LINK, token, id_of(BOB));
	assert_null(relay_dial(b));
	relayed(b, 50, BOB, c, false); /* one that was on its way */
	assert_true(was_closed(b, 50));
	command(b, (struct command){.kind = CMD_UNBLOCK, .contact = c});
	call(b, CENTER_LINK, "no token", id_of(BOB));
	assert_null(relay_dial(b));
	call(b, CENTER_LINK, token, "bob");
	assert_null(relay_dial(b));
	call(b, CENTER_LINK, token, id_of(BOB));
	assert_non_null(relay_dial(b));
}

TEST(call__is_not_followed__from_elsewhere)
{
	log_in(b);
	known(b, BOB, center_text());
	come(b, 30, EVE, 0);
	hello(b, 30, EVE, NULL);
	call(b, 30, token, id_of(BOB));
	assert_null(relay_dial(b));
	/* nor from our center once we left */
	command(b, (struct command){.kind = CMD_LOGOUT});
	call(b, CENTER_LINK, token, id_of(BOB));
	assert_null(relay_dial(b));
}

/* A token that is good at another node comes with that one's address. */
TEST(call__leads__to_another_node)
{
	static const char *const bad[] = {"", "two.example.org:6327",
					  "json://192.0.2.1:6327",
					  "192.0.2.1:x", "bob"};
	struct packet p = {
	    .verb = CENTER_RELAY,
	    .n_words = 3,
	    .word = {view(token), view(id_of(BOB)), view("192.0.2.1:6400")}};

	log_in(b);
	known(b, BOB, center_text());
	center_says(b, CENTER_LINK, p);
	const struct effect *d = relay_dial(b);
	assert_non_null(d);
	assert_true(d->answers);
	assert_int_equal(d->at.ip[12], 192);
	assert_int_equal(d->at.port, 6400);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		forget(b);
		p.word[2] = view(bad[i]);
		center_says(b, CENTER_LINK, p);
		assert_null(relay_dial(b));
	}
	forget(b);
	p.word[2] = view("[2001:db8::1]:6400");
	center_says(b, CENTER_LINK, p);
	assert_int_equal(relay_dial(b)->at.ip[0], 0x20);
}

static unsigned followed(const struct box *b)
{
	unsigned n = 0;

	for (size_t i = 0; i < b->n_dial; i++)
		n += b->dial[i].relayed && b->dial[i].answers;
	return n;
}

TEST(call__is_limited__in_number)
{
	contact_id c;

	log_in(b);
	c = known(b, BOB, center_text());
	for (int i = 0; i < 20; i++)
		call(b, CENTER_LINK, token, id_of(BOB));
	assert_int_equal(followed(b), 8);
	no_link(b, c, false);
	call(b, CENTER_LINK, token, id_of(BOB));
	assert_int_equal(followed(b), 9);
	later(b, 41 * SEC); /* should nothing ever be heard of them */
	b->n_dial = 0;
	for (int i = 0; i < 20; i++)
		call(b, CENTER_LINK, token, id_of(BOB));
	assert_int_equal(followed(b), 8);
}

/* Not even one with the right token. */
TEST(link__is_closed__of_another_key)
{
	contact_id c = asked(b);

	relayed(b, 50, EVE, c, true);
	assert_true(was_closed(b, 50));
	assert_null(message(b, 50));
	relayed(b, 51, BOB, 12345, true);
	assert_true(was_closed(b, 51));
}

#define T(f) cmocka_unit_test(f)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(relay__is_asked_for__when_his_addresses_fail),
	    T(relay__leaves_no_address__behind),
	    T(relay__is_not_asked_for__when_an_address_answers),
	    T(relay__is_asked_for__when_his_addresses_take_long),
	    T(relay__gives_way__to_an_address_that_answered),
	    T(relay__of_two_at_once__the_direct_one_stays),
	    T(relay__is_asked_for__again),
	    T(relay__ends__when_nothing_is_heard),
	    T(relay__answers__a_connect),
	    T(relay__is_not_asked_for__without_a_reason),
	    T(relay__is_asked_for__at_the_log_in),
	    T(relay__is_asked_for__for_company_too),
	    T(relay__is_off__where_it_is_off),
	    T(call__is_followed__of_somebody_we_know),
	    T(call__is_not_followed__of_others),
	    T(call__is_not_followed__from_elsewhere),
	    T(call__leads__to_another_node),
	    T(call__is_limited__in_number),
	    T(link__is_closed__of_another_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
