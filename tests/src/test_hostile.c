/* What a center that means ill, or somebody who is none, can make of us, and
 * what a crash or a full disk makes of letters: core_post.c, core_login.c. */
#include "proto/dialect.h"
#include "proto/letter.h"
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
	enum delivery delivery; /* of a message, as told last */
	unsigned notices;
	uint8_t bundle[BUNDLE]; /* ours, as the center got it */
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

static struct keys *keys_of(uint8_t k)
{
	uint8_t seed[32] = {k};

	return keys_new(seed);
}

static struct pubkey key_of(uint8_t k)
{
	struct keys *keys = keys_of(k);
	struct pubkey key = keys_public(keys);

	keys_free(keys);
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
	if (s->verb == CENTER_PREKEY)
		memcpy(b->bundle, e->packet->blob.p, BUNDLE);
}

static void see_event(struct box *b, const struct event *ev)
{
	if (ev->kind == EV_RESULT) {
		b->result = ev->code;
		b->done = ev->ref;
	}
	if (ev->kind == EV_MESSAGE || ev->kind == EV_STATUS)
		b->delivery = ev->message->delivery;
	b->notices += ev->kind == EV_NOTICE;
}

static void see(struct box *b, const struct effect *e)
{
	switch (e->kind) {
	case FX_SEND:
		see_packet(b, e);
		break;
	case FX_DIAL:
		b->dial[b->n_dial++ % MANY] = *e;
		if (b->refuse && e->at.ip[15] != CENTER)
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

static void hello(struct box *b, link_id id, uint8_t who, const char *center)
{
	struct now now = at(b);
	struct keys *keys = keys_of(who);
	struct prekey prekey = {.id = 1, .not_after = 1791000000};
	uint8_t secret[32] = {who}, bundle[BUNDLE];
	struct packet p = {.kind = PKT_HELLO,
			   .peer = view(id_of(who)),
			   .nick = view("somebody"),
			   .instance = {{who}},
			   .listen_port = 6327,
			   .center = view(center ? center : ""),
			   .prekey = {bundle, BUNDLE}};

	noise_pair_of(&prekey.pair, secret);
	bundle_make(bundle, keys, &prekey);
	keys_free(keys);
	core_packet(b->core, &now, id, &p);
	go(b);
}

static void down(struct box *b, link_id id)
{
	struct now now = at(b);

	core_link_down(b->core, &now, id, 0, (struct pubkey){0}, ERR_CLOSED);
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

static bool was_closed(struct box *b, link_id id)
{
	for (size_t i = 0; i < b->n_closed; i++)
		if (b->closed[i] == id)
			return true;
	return false;
}

/* ---- the usual beginning ---- */

/* To a link with the center that is ready. */
static void dial_center(struct box *b)
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
	assert_non_null(center_word(b, CENTER_LIN));
}

static void log_in(struct box *b)
{
	dial_center(b);
	center_says(b, CENTER_LINK,
		    (struct packet){.verb = CENTER_LOGIN_OKAY,
				    .ref = center_word(b, CENTER_LIN)->ref});
	assert_non_null(center_word(b, CENTER_FETCH));
}

static const char *key_text(uint8_t who)
{
	static char text[100];
	struct pubkey key = key_of(who);

	for (size_t i = 0; i < 32; i++)
		snprintf(text + 2 * i, 3, "%02x", key.b[i]);
	return text;
}

static const char *center_text(uint8_t who)
{
	static char text[160];

	snprintf(text, sizeof(text), "%s@10.0.0.%u:6327", key_text(who),
		 (unsigned)who);
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

static struct box *box_new(void)
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
	};

	b->mono = 1000 * SEC;
	snprintf(b->dir, sizeof(b->dir), "/tmp/sotto-hostile-XXXXXX");
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
		struct box *b = box_new();                                     \
		(void)state;                                                   \
		name##_(b);                                                    \
		box_free(b);                                                   \
	}                                                                      \
	static void name##_(struct box *b)

/* ---- letters that go ---- */

TEST(stored__is_believed__of_the_center_that_has_the_letter)
{
	uint64_t ref;

	log_in(b);
	known(b, BOB, center_text(CENTER));
	come(b, 50, EVE, 0);
	hello(b, 50, EVE, NULL);
	b->refuse = true;
	send_text(b, BOB, "hello");
	assert_non_null(center_word(b, CENTER_STORE));
	ref = b->said[b->n_said - 1].ref;
	assert_int_equal(b->said[b->n_said - 1].verb, CENTER_STORE);
	for (uint64_t guess = 1; guess < ref + 10; guess++)
		center_says(b, 50,
			    (struct packet){.verb = CENTER_OKAY, .ref = guess});
	assert_int_equal(b->delivery, D_QUEUED);
	center_says(b, CENTER_LINK,
		    (struct packet){.verb = CENTER_OKAY, .ref = ref});
	assert_int_equal(b->delivery, D_STORED);
}

/* How many letters went; the center has them. */
static unsigned take_letters(struct box *b)
{
	uint64_t ref[MANY];
	unsigned n = 0;

	for (size_t i = 0; i < b->n_said && i < MANY; i++)
		if (b->said[i].verb == CENTER_STORE)
			ref[n++] = b->said[i].ref;
	forget(b);
	for (unsigned i = 0; i < n; i++)
		center_says(
		    b, CENTER_LINK,
		    (struct packet){.verb = CENTER_OKAY, .ref = ref[i]});
	return n;
}

/* More than the outbox holds in memory. */
TEST(letters__go__past_those_that_a_center_has)
{
	enum { ALL = 700 };
	unsigned taken = 0, n;

	log_in(b);
	known(b, BOB, center_text(CENTER));
	b->refuse = true;
	forget(b);
	for (int i = 0; i < ALL; i++)
		send_text(b, BOB, "hello");
	later(b, 20 * SEC);
	while ((n = take_letters(b)))
		taken += n;
	assert_in_range(taken, ALL, ALL + 10); /* and a hello or two */
}

/* It would keep the letters to all others from going. */
TEST(letters__go__past_a_center_that_never_answers)
{
	const struct said *s;

	log_in(b);
	known(b, BOB, center_text(CENTER));
	b->refuse = true;
	for (int i = 0; i < 80; i++)
		send_text(b, BOB, "hello");
	later(b, 20 * SEC);
	forget(b);
	later(b, 200 * SEC);
	s = center_word(b, CENTER_STORE);
	assert_non_null(s);
}

/* ---- letters that come ---- */

static void letter_from(struct box *b, uint8_t who, uint8_t n, struct buf *out)
{
	struct keys *keys = keys_of(who);
	struct pubkey us = keys_public(b->keys);
	struct packet p = {.kind = PKT_MESSAGE,
			   .id = {{n, 1}},
			   .stamp = view("2026-09-21T12:00:00Z"),
			   .text = view("a letter")};
	struct buf text = {0};
	struct bundle to;
	uint8_t once[32] = {n};

	assert_int_equal(dialect_sotto.encode(&p, &text), OK);
	assert_int_equal(bundle_read((struct bytes){b->bundle, BUNDLE}, &us,
				     1790000000, &to),
			 OK);
	assert_int_equal(
	    letter_seal(keys, &to, once, (struct bytes){text.p, text.n}, out),
	    OK);
	buf_free(&text);
	keys_free(keys);
}

static void mail(struct box *b, uint64_t seq, struct buf *letter)
{
	struct now now = at(b);
	struct packet p = {.kind = PKT_CENTER,
			   .verb = CENTER_MAIL,
			   .seq = seq,
			   .blob = {letter->p, letter->n}};

	core_packet(b->core, &now, CENTER_LINK, &p);
}

static void see_what_may_go(struct box *b)
{
	struct effect e;

	while (effects_next(b->fx, b->durable, &e))
		see(b, &e);
}

TEST(trim__waits__for_all_letters_before_it)
{
	struct buf one = {0}, garbage = {0};

	log_in(b);
	known(b, BOB, NULL);
	letter_from(b, BOB, 1, &one);
	buf_put(&garbage, (struct bytes){one.p, one.n});
	garbage.p[one.n - 1] ^= 1;
	mail(b, 1, &one);
	mail(b, 2, &garbage);
	see_what_may_go(b);
	assert_null(center_word(b, CENTER_TRIM));
	go(b);
	assert_non_null(center_word(b, CENTER_TRIM));
	for (uint64_t i = 3; i < 20; i++)
		mail(b, i, &garbage);
	go(b);
	assert_true(b->notices < 5);
	buf_free(&one);
	buf_free(&garbage);
}

TEST(letters__come_again__that_came_while_the_disk_was_full)
{
	struct now now = at(b);
	struct buf one = {0}, two = {0};

	log_in(b);
	known(b, BOB, NULL);
	letter_from(b, BOB, 1, &one);
	letter_from(b, BOB, 2, &two);
	core_disk(b->core, &now, ERR_FULL);
	mail(b, 1, &one);
	go(b);
	assert_null(center_word(b, CENTER_TRIM));
	core_disk(b->core, &now, OK);
	mail(b, 2, &two); /* a TRIM of it would be of both */
	go(b);
	assert_null(center_word(b, CENTER_TRIM));
	assert_true(was_closed(b, CENTER_LINK));
	buf_free(&one);
	buf_free(&two);
}

/* ---- people ---- */

static void address_said(struct box *b, const char *user, uint8_t who)
{
	center_says(b, CENTER_LINK,
		    (struct packet){.verb = CENTER_ADR,
				    .n_words = 2,
				    .word = {view(user), view(key_text(who))}});
}

static enum trust trust_of(struct box *b, uint8_t who)
{
	struct contact_row row;

	assert_true(store_contact_next(b->store, contact_of(b, who) - 1, &row));
	return row.shown.trust;
}

TEST(address__is_taken__of_whom_we_asked)
{
	char bob[] = "bob";

	log_in(b);
	address_said(b, "bob", BOB);
	assert_int_equal(contact_of(b, BOB), 0);
	command(b, (struct command){.kind = CMD_GETADDRESS, .name = bob});
	address_said(b, "eve", EVE);
	assert_int_equal(contact_of(b, EVE), 0);
	address_said(b, "bob", BOB);
	assert_int_equal(trust_of(b, BOB), TRUST_PINNED);
	address_said(b, "bob", EVE); /* once */
	assert_int_equal(contact_of(b, EVE), 0);
}

TEST(letters__are_not_drawn_elsewhere__by_a_center)
{
	char key[512], zed[] = "zed", text[] = "hello";
	uint8_t old[BUNDLE];
	struct bytes s;

	log_in(b);
	known(b, BOB, center_text(7));
	snprintf(key, sizeof(key), "bundle/%s", id_of(BOB));
	assert_true(store_meta_get(b->store, key, &s));
	memcpy(old, s.p, BUNDLE);
	old[100] ^= 1; /* another time, not signed */
	command(b, (struct command){.kind = CMD_SEND, .to = zed, .text = text});
	center_says(b, CENTER_LINK,
		    (struct packet){.verb = CENTER_OKAY,
				    .ref = center_word(b, CENTER_BUNDLE)->ref,
				    .n_words = 2,
				    .word = {view(zed), view(key_text(BOB))},
				    .blob = {old, BUNDLE}});
	assert_true(store_meta_get(b->store, key, &s));
	assert_memory_not_equal(s.p, old, BUNDLE);
	snprintf(key, sizeof(key), "center/%s", id_of(BOB));
	assert_true(store_meta_get(b->store, key, &s));
	assert_int_equal(s.n, strlen(center_text(7)));
	assert_memory_equal(s.p, center_text(7), s.n);
}

/* Whoever is named as a center is nobody's friend for that. */
TEST(center__that_writes_to_us__is_a_stranger)
{
	struct now now = at(b);
	struct packet p = {.kind = PKT_MESSAGE,
			   .id = {{9}},
			   .stamp = view("2026-09-21T12:00:00Z"),
			   .text = view("you know me")};

	known(b, BOB, center_text(EVE));
	b->refuse = true;
	send_text(b, BOB, "hello");
	later(b, 10 * SEC);
	assert_true(contact_of(b, EVE) > 0);
	come(b, 50, EVE, 0);
	hello(b, 50, EVE, NULL);
	core_packet(b->core, &now, 50, &p);
	go(b);
	assert_int_equal(b->delivery, D_REQUEST);
	assert_int_equal(trust_of(b, EVE), TRUST_NEW);
}

/* ---- our own center ---- */

TEST(question__ends__without_an_answer)
{
	log_in(b);
	for (int i = 0; i < 16; i++)
		command(b, (struct command){.kind = CMD_ONLINE});
	assert_int_equal(b->done, 0);
	command(b, (struct command){.kind = CMD_ONLINE});
	assert_int_equal(b->result, CODE_REFUSED);
	later(b, 31 * SEC);
	assert_int_equal(b->result, CODE_UNREACHABLE);
	command(b, (struct command){.kind = CMD_ONLINE});
	assert_int_equal(b->done, 0); /* it was asked */
}

TEST(log_in__ends__without_an_answer)
{
	dial_center(b);
	b->result = CODE_OK;
	later(b, 31 * SEC);
	assert_int_equal(b->done, b->ref);
	assert_int_equal(b->result, CODE_UNREACHABLE);
}

/* It is nobody's word before it let us in. */
TEST(push__is_not_heard__before_the_log_in)
{
	dial_center(b);
	b->notices = 0;
	center_says(b, CENTER_LINK,
		    (struct packet){.verb = CENTER_TEXT,
				    .n_words = 1,
				    .word = {view("eve")},
				    .text = view("buy this")});
	assert_int_equal(b->notices, 0);
}

TEST(password__is_not_said__in_plain)
{
	char where[] = "json://10.0.0.9:6327", name[] = "ana",
	     word[] = "sesame";

	command(
	    b, (struct command){
		   .kind = CMD_LOGIN, .to = where, .name = name, .text = word});
	assert_int_equal(b->result, CODE_REFUSED);
	assert_int_equal(b->n_dial, 0);
}

#define T(f) cmocka_unit_test(f)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(stored__is_believed__of_the_center_that_has_the_letter),
	    T(letters__go__past_those_that_a_center_has),
	    T(letters__go__past_a_center_that_never_answers),
	    T(trim__waits__for_all_letters_before_it),
	    T(letters__come_again__that_came_while_the_disk_was_full),
	    T(address__is_taken__of_whom_we_asked),
	    T(letters__are_not_drawn_elsewhere__by_a_center),
	    T(center__that_writes_to_us__is_a_stranger),
	    T(question__ends__without_an_answer),
	    T(log_in__ends__without_an_answer),
	    T(push__is_not_heard__before_the_log_in),
	    T(password__is_not_said__in_plain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
