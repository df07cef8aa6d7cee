#include "proto/dialect.h"
#include "src/store.h"
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
/* cmocka needs some of those above */
#include <cmocka.h>

/* A store, its writer and a file of their own, as the engine has them; here
 * one thread plays both. */
struct box {
	char dir[32], path[64];
	struct store *s;
	struct writer *w;
	int64_t mono_us, wall_us;
	contact_id bob;
};

static struct now at(const struct box *b)
{
	return (struct now){.mono_us = b->mono_us, .wall_us = b->wall_us};
}

static void box_open(struct box *b)
{
	char why[128] = "";
	enum err err = store_open(b->path, &b->s, why);

	if (err)
		fail_msg("store_open: %s", why);
	assert_int_equal(writer_open(b->path, &b->w), OK);
}

/* Ends without a word, as kill -9 does: what was gathered is gone. */
static void box_crash(struct box *b)
{
	store_close(b->s);
	writer_close(b->w);
	b->s = NULL;
	b->w = NULL;
}

static void box_restart(struct box *b)
{
	box_crash(b);
	box_open(b);
}

/* All that has gathered, in one transaction. */
static enum err commit(struct box *b)
{
	struct now now = at(b);

	store_flush(b->s);
	struct batch *batch = store_batch(b->s, &now);

	if (!batch)
		return OK;
	ticket t = batch_ticket(batch);
	enum err err = writer_commit(b->w, &batch, 1);
	if (!err)
		store_durable(b->s, t);
	return err;
}

static contact_id add_contact(struct box *b, const char *nick, uint8_t key)
{
	struct contact_row c = {.shown.dialect = dialect_named("sotto")->name};

	memset(c.shown.key.b, key, sizeof(c.shown.key.b));
	snprintf(c.shown.nick, sizeof(c.shown.nick), "%s", nick);
	store_contact(b->s, &c);
	return c.shown.id;
}

static int setup(void **state)
{
	struct box *b = calloc(1, sizeof(*b));

	strcpy(b->dir, "/tmp/sotto-store-XXXXXX");
	if (!b || !mkdtemp(b->dir))
		return -1;
	snprintf(b->path, sizeof(b->path), "%s/s.db", b->dir);
	b->mono_us = 1000000;
	b->wall_us = INT64_C(1800000000000000);
	box_open(b);
	b->bob = add_contact(b, "bob", 7);
	assert_int_equal(commit(b), OK);
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	struct box *b = *state;
	char path[80];

	box_crash(b);
	for (size_t i = 0; i < 3; i++) {
		static const char *const end[] = {"", "-wal", "-shm"};
		snprintf(path, sizeof(path), "%s%s", b->path, end[i]);
		unlink(path);
	}
	rmdir(b->dir);
	free(b);
	return 0;
}

static const uint8_t epoch_a[8] = "epoch-a", epoch_b[8] = "epoch-b";

/* Number `seq` of epoch a from `with`, whose id is made of `id`. */
static struct message incoming(contact_id with, unsigned id, uint64_t seq)
{
	struct message m = {
	    .with = with,
	    .incoming = true,
	    .seq = seq,
	    .n_dedupe = 16,
	    .delivery = D_RECEIVED,
	    .text = (char *)(uintptr_t) "hello",
	};

	memcpy(m.id.b, &id, sizeof(id));
	m.id.b[15] = 1;
	memcpy(m.dedupe, m.id.b, 16);
	memcpy(m.epoch, epoch_a, 8);
	return m;
}

static struct message outgoing(contact_id with, unsigned id)
{
	struct message m = {
	    .with = with,
	    .delivery = D_QUEUED,
	    .text = (char *)(uintptr_t) "hi",
	};

	memcpy(m.id.b, &id, sizeof(id));
	m.id.b[15] = 2;
	return m;
}

static enum err receive(struct box *b, unsigned id, uint64_t seq)
{
	struct message m = incoming(b->bob, id, seq);
	ticket after;

	return store_receive(b->s, &m, &after);
}

static struct contact_row contact(struct box *b, contact_id id)
{
	struct contact_row c;

	assert_true(store_contact_next(b->s, id - 1, &c));
	assert_int_equal(c.shown.id, id);
	return c;
}

static int64_t ask(const struct box *b, const char *sql)
{
	sqlite3 *db;
	sqlite3_stmt *s;

	assert_int_equal(sqlite3_open(b->path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &s, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(s), SQLITE_ROW);
	int64_t v = sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);
	sqlite3_close(db);
	return v;
}

static void check_integrity(const struct box *b)
{
	sqlite3 *db;
	sqlite3_stmt *s;

	assert_int_equal(sqlite3_open(b->path, &db), SQLITE_OK);
	sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &s, NULL);
	assert_int_equal(sqlite3_step(s), SQLITE_ROW);
	assert_string_equal((const char *)sqlite3_column_text(s, 0), "ok");
	sqlite3_finalize(s);
	sqlite3_prepare_v2(db, "PRAGMA foreign_key_check", -1, &s, NULL);
	assert_int_equal(sqlite3_step(s), SQLITE_DONE);
	sqlite3_finalize(s);
	sqlite3_close(db);
}

static size_t missing(struct box *b, struct range out[static 8])
{
	return store_missing(b->s, b->bob, out, 8);
}

/* ---- the file ---- */

static void store__makes__a_private_file(void **state)
{
	struct box *b = *state;
	struct stat st;
	char path[80];

	assert_int_equal(stat(b->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	snprintf(path, sizeof(path), "%s-wal", b->path);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(ask(b, "PRAGMA user_version"), 2);
}

static void scribble(const struct box *b, const char *sql)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(b->path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static void store__migrates__an_empty_file(void **state)
{
	struct box *b = *state;

	box_crash(b);
	unlink(b->path);
	close(open(b->path, O_CREAT | O_RDWR, 0600)); /* user_version 0 */
	box_open(b);
	assert_int_equal(ask(b, "PRAGMA user_version"), 2);
	assert_int_equal(ask(b, "SELECT count(*) FROM message"), 0);
}

static void refused(struct box *b, enum err expected, const char *word)
{
	struct store *s = NULL;
	char why[128] = "";

	assert_int_equal(store_open(b->path, &s, why), expected);
	assert_null(s);
	if (!strstr(why, word))
		fail_msg("no \"%s\" in: %s", word, why);
}

/* A file of the first version, with rows in it. */
static void store__migrates__the_version_before(void **state)
{
	struct box *b = *state;

	assert_int_equal(receive(b, 1, 1), OK);
	assert_int_equal(commit(b), OK);
	box_crash(b);
	scribble(b, "DROP TABLE found; DROP TABLE indexed;"
		    "PRAGMA user_version = 1");
	box_open(b);
	assert_int_equal(ask(b, "PRAGMA user_version"), 2);
	assert_int_equal(ask(b, "SELECT upto FROM indexed"), 0);
	assert_int_equal(receive(b, 1, 1), ERR_EXISTS);
	check_integrity(b);
}

static void store__refuses__a_newer_file(void **state)
{
	struct box *b = *state;

	box_crash(b);
	scribble(b, "PRAGMA user_version = 3");
	refused(b, ERR_STATE, "newer sotto");
	scribble(b, "PRAGMA user_version = 2");
	box_open(b);
	assert_string_equal(contact(b, b->bob).shown.nick, "bob");
}

static void overwrite(const struct box *b, long from, size_t n)
{
	FILE *f = fopen(b->path, "r+b");

	assert_non_null(f);
	fseek(f, from, SEEK_SET);
	while (n--)
		fputc('x', f);
	fclose(f);
}

static void store__refuses__a_damaged_file(void **state)
{
	struct box *b = *state;

	box_crash(b);
	overwrite(b, 0, 4096);
	refused(b, ERR_PARSE, "damaged");
	unlink(b->path);
	box_open(b);
	box_crash(b);
	overwrite(b, 100, 3900); /* the schema's page */
	refused(b, ERR_PARSE, "damaged");
	unlink(b->path);
	box_open(b);
}

static void store__refuses__a_folder_that_is_not_there(void **state)
{
	struct box *b = *state;
	struct box other = *b;

	snprintf(other.path, sizeof(other.path), "%s/no/s.db", b->dir);
	refused(&other, ERR_SYS, "No such file");
}

/* ---- copies ---- */

static void copy_is_known(struct box *b, message_n n, ticket expected)
{
	struct message m = incoming(b->bob, 1, 1);
	ticket after = 99;

	assert_int_equal(store_receive(b->s, &m, &after), ERR_EXISTS);
	assert_int_equal(m.n, n);
	assert_int_equal(after, expected);
}

static void store__knows_a_copy__in_every_state(void **state)
{
	struct box *b = *state;
	struct message m = incoming(b->bob, 1, 1);
	ticket after = 0, t = store_ticket(b->s);
	struct now now = at(b);

	assert_int_equal(store_receive(b->s, &m, &after), OK);
	assert_int_equal(after, t);
	assert_true(m.n > 0);
	copy_is_known(b, m.n, t); /* gathered */
	struct batch *batch = store_batch(b->s, &now);
	assert_non_null(batch);
	assert_int_equal(store_ticket(b->s), t + 1);
	copy_is_known(b, m.n, t); /* in flight */
	assert_int_equal(writer_commit(b->w, &batch, 1), OK);
	copy_is_known(b, m.n, t); /* on the disk, but we were not told */
	store_durable(b->s, t);
	copy_is_known(b, m.n, 0); /* durable */
	box_restart(b);
	copy_is_known(b, m.n, 0);
	store_forget(b->s, b->bob, b->wall_us / 1000 + 1000);
	copy_is_known(b, 0, store_ticket(b->s)); /* on its way out */
	assert_int_equal(commit(b), OK);
	copy_is_known(b, 0, 0); /* a tombstone */
	box_restart(b);
	copy_is_known(b, 0, 0);
	assert_int_equal(ask(b, "SELECT count(*) FROM message"), 0);
	check_integrity(b);
}

static void store__forgets__what_was_not_committed(void **state)
{
	struct box *b = *state;
	struct now now = at(b);

	assert_int_equal(receive(b, 1, 1), OK);
	box_restart(b);
	assert_int_equal(receive(b, 1, 1), OK);
	struct batch *batch = store_batch(b->s, &now);
	batch_free(batch); /* submitted and never committed */
	box_restart(b);
	assert_int_equal(contact(b, b->bob).in_seq, 0);
	assert_int_equal(receive(b, 1, 1), OK);
	assert_int_equal(commit(b), OK);
	assert_int_equal(ask(b, "SELECT count(*) FROM message"), 1);
}

static void store__does_not_mix__senders(void **state)
{
	struct box *b = *state;
	contact_id eve = add_contact(b, "eve", 9);
	struct message m = incoming(eve, 1, 1);
	ticket after;

	assert_int_equal(receive(b, 1, 1), OK);
	assert_int_equal(store_receive(b->s, &m, &after), OK);
	assert_int_equal(store_receive(b->s, &m, &after), ERR_EXISTS);
	assert_int_equal(commit(b), OK);
	assert_int_equal(store_receive(b->s, &m, &after), ERR_EXISTS);
	assert_int_equal(receive(b, 1, 1), ERR_EXISTS);
	assert_int_equal(ask(b, "SELECT count(*) FROM message"), 2);
}

static void store__takes_twice__what_has_no_dedupe(void **state)
{
	struct box *b = *state;

	for (unsigned i = 1; i <= 2; i++) {
		struct message m = incoming(b->bob, i, 0);
		ticket after;
		m.n_dedupe = 0;
		assert_int_equal(store_receive(b->s, &m, &after), OK);
	}
	assert_int_equal(commit(b), OK);
	assert_int_equal(ask(b, "SELECT count(*) FROM message"), 2);
}

/* ---- numbers ---- */

static void store__refuses__a_number_used_twice(void **state)
{
	struct box *b = *state;

	assert_int_equal(receive(b, 1, 1), OK);
	assert_int_equal(receive(b, 2, 2), OK);
	assert_int_equal(receive(b, 3, 2), ERR_STATE);
	assert_int_equal(receive(b, 5, 5), OK);
	assert_int_equal(receive(b, 6, 5), ERR_STATE); /* above the mark too */
	assert_int_equal(receive(b, 4, 4), OK);
	assert_int_equal(commit(b), OK);
	box_restart(b);
	assert_int_equal(receive(b, 7, 1), ERR_STATE);
	assert_int_equal(receive(b, 8, 5), ERR_STATE);
	assert_int_equal(receive(b, 9, 3), OK);
}

static void store__tells__what_is_missing(void **state)
{
	struct box *b = *state;
	struct range r[8];

	for (unsigned i = 1; i <= 9; i++)
		if (i != 3 && i != 6 && i != 7)
			assert_int_equal(receive(b, i, i), OK);
	/* Nothing of it is on the disk, so nothing is said of it. */
	assert_int_equal(contact(b, b->bob).in_seq, 0);
	assert_int_equal(missing(b, r), 0);
	assert_int_equal(commit(b), OK);
	for (int i = 0; i < 2; i++) {
		struct contact_row c = contact(b, b->bob);
		assert_int_equal(c.in_seq, 2);
		assert_memory_equal(c.in_epoch, epoch_a, 8);
		assert_int_equal(missing(b, r), 2);
		assert_int_equal(r[0].from, 3);
		assert_int_equal(r[0].to, 3);
		assert_int_equal(r[1].from, 6);
		assert_int_equal(r[1].to, 7);
		assert_int_equal(store_missing(b->s, b->bob, r, 1), 1);
		box_restart(b);
	}
	assert_int_equal(receive(b, 3, 3), OK);
	assert_int_equal(commit(b), OK);
	assert_int_equal(contact(b, b->bob).in_seq, 5);
	assert_int_equal(missing(b, r), 1);
}

static void store__lets_the_mark_pass__what_is_gone(void **state)
{
	struct box *b = *state;
	const struct range gone[] = {{2, 2}, {4, 5}};
	struct range r[8];

	assert_int_equal(receive(b, 1, 1), OK);
	store_gone(b->s, b->bob, epoch_a, gone, 2);
	assert_int_equal(commit(b), OK);
	box_restart(b);
	assert_int_equal(contact(b, b->bob).in_seq, 2);
	assert_int_equal(missing(b, r), 1);
	assert_int_equal(r[0].from, 3);
	assert_int_equal(receive(b, 3, 3), OK);
	assert_int_equal(commit(b), OK);
	assert_int_equal(contact(b, b->bob).in_seq, 5);
	assert_int_equal(missing(b, r), 0);
}

static void store__starts_again__with_a_new_epoch(void **state)
{
	struct box *b = *state;
	struct message m = incoming(b->bob, 2, 2), again, late;
	ticket after;

	assert_int_equal(receive(b, 1, 1), OK);
	assert_int_equal(store_receive(b->s, &m, &after), OK);
	assert_int_equal(commit(b), OK);
	again = incoming(b->bob, 2, 1); /* requeued under the same id */
	memcpy(again.epoch, epoch_b, 8);
	assert_int_equal(store_receive(b->s, &again, &after), ERR_EXISTS);
	again = incoming(b->bob, 3, 2);
	memcpy(again.epoch, epoch_b, 8);
	assert_int_equal(store_receive(b->s, &again, &after), OK);
	assert_int_equal(commit(b), OK);
	assert_memory_equal(contact(b, b->bob).in_epoch, epoch_b, 8);
	assert_int_equal(contact(b, b->bob).in_seq, 2);
	/* A late one of the old epoch is taken and changes no mark. */
	late = incoming(b->bob, 9, 3);
	assert_int_equal(store_receive(b->s, &late, &after), OK);
	assert_memory_equal(contact(b, b->bob).in_epoch, epoch_b, 8);
	assert_int_equal(contact(b, b->bob).in_seq, 2);
}

static void store__bounds__the_holes_it_keeps(void **state)
{
	struct box *b = *state;
	struct range r[8];

	for (unsigned i = 1; i <= 2000; i++)
		assert_int_equal(receive(b, i, 2 * i), OK);
	assert_int_equal(commit(b), OK);
	struct contact_row c = contact(b, b->bob);
	assert_true(c.in_seq > 2 * (2000 - 300));
	assert_int_equal(missing(b, r), 8);
	assert_int_equal(r[0].from, c.in_seq + 1);
	box_restart(b);
	assert_int_equal(contact(b, b->bob).in_seq, c.in_seq);
	/* The hole given up for lost: the sender takes a new epoch. */
	assert_int_equal(receive(b, 3000, 1), ERR_STATE);
	const struct range all = {1, UINT64_MAX};
	store_gone(b->s, b->bob, epoch_a, &all, 1);
	assert_int_equal(receive(b, 3001, 5000), ERR_STATE);
}

/* ---- rows ---- */

static struct addr an_address(uint8_t last, bool six)
{
	struct addr a = {.port = (uint16_t)(6000 + last)};

	if (six)
		a.ip[0] = 0xfd;
	else
		a.ip[10] = a.ip[11] = 0xff;
	a.ip[15] = last;
	return a;
}

static struct message full_message(contact_id with)
{
	struct message m = outgoing(with, 77);

	m.secure = m.held = true;
	m.seq = 41;
	memcpy(m.epoch, epoch_b, 8);
	strcpy(m.stamp, "2026-11-20T14:02:03.123Z");
	strcpy(m.ack_stamp, "2026-11-20T14:02:04.000Z");
	strcpy(m.quote_stamp, "2026-11-20T13:59:00.500Z");
	m.sent_ms = 1;
	m.stored_ms = 2;
	m.acked_ms = 3;
	m.rtt_us = 4;
	m.from = an_address(1, false);
	m.to = an_address(2, true);
	memset(m.answers.b, 5, 16);
	m.text = (char *)(uintptr_t) "gr\xc3\xbc\xc3\x9f\nGott";
	m.quote = (char *)(uintptr_t) "";
	m.error = (char *)(uintptr_t) "nobody there";
	m.tries = 6;
	m.next_ms = 7;
	m.expire_ms = 8;
	return m;
}

static void same_message(const struct message *a, const struct message *b)
{
	assert_int_equal(a->n, b->n);
	assert_int_equal(a->with, b->with);
	assert_int_equal(a->incoming, b->incoming);
	assert_int_equal(a->secure, b->secure);
	assert_int_equal(a->held, b->held);
	assert_memory_equal(&a->id, &b->id, sizeof(a->id));
	assert_int_equal(a->n_dedupe, b->n_dedupe);
	assert_memory_equal(a->dedupe, b->dedupe, sizeof(a->dedupe));
	assert_memory_equal(a->epoch, b->epoch, 8);
	assert_int_equal(a->seq, b->seq);
	assert_string_equal(a->stamp, b->stamp);
	assert_string_equal(a->ack_stamp, b->ack_stamp);
	assert_string_equal(a->quote_stamp, b->quote_stamp);
	assert_int_equal(a->sent_ms, b->sent_ms);
	assert_int_equal(a->stored_ms, b->stored_ms);
	assert_int_equal(a->acked_ms, b->acked_ms);
	assert_int_equal(a->rtt_us, b->rtt_us);
	assert_int_equal(a->delivery, b->delivery);
	assert_memory_equal(&a->from, &b->from, sizeof(a->from));
	assert_memory_equal(&a->to, &b->to, sizeof(a->to));
	assert_memory_equal(&a->answers, &b->answers, sizeof(a->answers));
	assert_string_equal(a->text, b->text);
	assert_true(!a->quote == !b->quote);
	if (a->quote)
		assert_string_equal(a->quote, b->quote);
	assert_true(!a->error == !b->error);
	if (a->error)
		assert_string_equal(a->error, b->error);
	assert_int_equal(a->tries, b->tries);
	assert_int_equal(a->next_ms, b->next_ms);
	assert_int_equal(a->expire_ms, b->expire_ms);
}

static void is_stored(struct box *b, const struct message *m)
{
	struct message *got = NULL;

	assert_int_equal(store_message(b->s, m->with, m->id, &got), OK);
	same_message(got, m);
	message_free(got);
	assert_int_equal(store_message(b->s, 0, m->id, &got), OK);
	same_message(got, m);
	message_free(got);
}

static void are_stored(struct box *b, const struct message **m, size_t n)
{
	for (size_t i = 0; i < n; i++)
		is_stored(b, m[i]);
}

static void store__hands_back__every_field(void **state)
{
	struct box *b = *state;
	struct message out = full_message(b->bob);
	struct message in = incoming(b->bob, 5, 1);
	struct message digest = incoming(b->bob, 6, 2);
	struct now now = at(b);
	ticket after, t = store_ticket(b->s);

	digest.n_dedupe = 32; /* of a dialect without ids */
	memset(digest.dedupe, 3, 32);
	const struct message *all[] = {&out, &in, &digest};
	store_queue(b->s, &out);
	assert_int_equal(store_receive(b->s, &in, &after), OK);
	assert_int_equal(store_receive(b->s, &digest, &after), OK);
	are_stored(b, all, 3); /* gathered */
	struct batch *batch = store_batch(b->s, &now);
	are_stored(b, all, 3); /* in flight */
	assert_int_equal(writer_commit(b->w, &batch, 1), OK);
	are_stored(b, all, 3);
	store_durable(b->s, t);
	are_stored(b, all, 3);
	box_restart(b);
	are_stored(b, all, 3);
}

static void store__shows__an_update_at_once(void **state)
{
	struct box *b = *state;
	struct message m = outgoing(b->bob, 1);
	struct now now = at(b);

	store_queue(b->s, &m);
	m.delivery = D_SENT;
	m.tries = 1;
	store_update(b->s, &m);
	is_stored(b, &m);
	assert_int_equal(commit(b), OK);
	is_stored(b, &m);
	m.delivery = D_DELIVERED;
	m.acked_ms = 55;
	m.tries = 0; /* the outbox row is gone */
	store_update(b->s, &m);
	is_stored(b, &m);
	ticket t = store_ticket(b->s);
	struct batch *batch = store_batch(b->s, &now);
	is_stored(b, &m);
	assert_int_equal(writer_commit(b->w, &batch, 1), OK);
	store_durable(b->s, t);
	is_stored(b, &m);
	box_restart(b);
	is_stored(b, &m);
	assert_int_equal(ask(b, "SELECT count(*) FROM outbox"), 0);
}

static void store__says_absent__of_what_is_not_there(void **state)
{
	struct box *b = *state;
	struct message m = incoming(b->bob, 1, 1), *got;
	contact_id eve = add_contact(b, "eve", 9);

	assert_int_equal(store_message(b->s, 0, m.id, &got), ERR_ABSENT);
	assert_int_equal(receive(b, 1, 1), OK);
	assert_int_equal(store_message(b->s, eve, m.id, &got), ERR_ABSENT);
	assert_int_equal(commit(b), OK);
	assert_int_equal(store_message(b->s, eve, m.id, &got), ERR_ABSENT);
	store_forget(b->s, b->bob, 0);
	assert_int_equal(store_message(b->s, b->bob, m.id, &got), ERR_ABSENT);
}

/* ---- outbox ---- */

static size_t outbox_size(struct box *b)
{
	size_t n = 0;
	message_n after = 0;

	for (bool more = true; more;) {
		struct page p;
		assert_int_equal(store_outbox(b->s, after, &p), OK);
		for (size_t i = 0; i < p.n; i++) {
			assert_true(p.row[i]->n > after);
			after = p.row[i]->n;
		}
		n += p.n;
		more = p.more;
		assert_true(p.next >= after);
		after = p.next;
		page_free(&p);
	}
	return n;
}

static void store__pages__the_outbox_in_every_state(void **state)
{
	struct box *b = *state;
	struct now now = at(b);
	struct batch *batch = NULL;
	ticket t = 0;

	for (unsigned i = 0; i < 300; i++) {
		struct message m = outgoing(b->bob, i);
		store_queue(b->s, &m);
		if (i == 99)
			assert_int_equal(commit(b), OK); /* on the disk */
		if (i == 199) {
			t = store_ticket(b->s);
			batch = store_batch(b->s, &now); /* in flight */
		}
	}
	assert_int_equal(outbox_size(b), 300);
	assert_int_equal(writer_commit(b->w, &batch, 1), OK);
	assert_int_equal(outbox_size(b), 300); /* there and in flight */
	store_durable(b->s, t);
	assert_int_equal(outbox_size(b), 300);
	assert_int_equal(commit(b), OK);
	box_restart(b);
	assert_int_equal(outbox_size(b), 300);
	assert_int_equal(contact(b, b->bob).shown.waiting, 300);
}

static void store__takes_out_of_the_outbox__what_is_done(void **state)
{
	struct box *b = *state;
	struct message m[4];
	static const enum delivery end[] = {D_DELIVERED, D_FAILED, D_CANCELLED,
					    D_SENT};

	for (unsigned i = 0; i < 4; i++) {
		m[i] = outgoing(b->bob, i);
		store_queue(b->s, &m[i]);
	}
	assert_int_equal(commit(b), OK);
	for (unsigned i = 0; i < 4; i++) {
		m[i].delivery = end[i];
		store_update(b->s, &m[i]);
	}
	assert_int_equal(outbox_size(b), 1);
	assert_int_equal(commit(b), OK);
	assert_int_equal(outbox_size(b), 1);
	m[1].delivery = D_QUEUED; /* the user tries again */
	store_update(b->s, &m[1]);
	assert_int_equal(commit(b), OK);
	assert_int_equal(outbox_size(b), 2);
	store_forget(b->s, b->bob, 0);
	assert_int_equal(outbox_size(b), 0);
	assert_int_equal(commit(b), OK);
	assert_int_equal(outbox_size(b), 0);
	check_integrity(b);
}

/* ---- contacts ---- */

static void store__keeps__contacts_and_their_counts(void **state)
{
	struct box *b = *state;
	struct contact_row c = contact(b, b->bob);
	struct message m;
	ticket after;

	c.shown.trust = TRUST_VERIFIED;
	c.shown.blocked = c.shown.changed = c.hidden = true;
	c.shown.via = VIA_LAN;
	strcpy(c.shown.petname, "Bobby");
	memset(c.key_changed.b, 8, 32);
	c.pinned_ms = 1;
	c.first_ms = 2;
	c.seen_ms = 3;
	memcpy(c.out_epoch, epoch_b, 8);
	c.out_seq = 12;
	store_contact(b->s, &c);
	for (unsigned i = 1; i <= 5; i++) {
		m = incoming(b->bob, i, i);
		m.delivery = i == 5 ? D_REQUEST : D_RECEIVED;
		assert_int_equal(store_receive(b->s, &m, &after), OK);
		if (i == 2)
			store_read(b->s, b->bob, m.n);
	}
	assert_int_equal(commit(b), OK);
	box_restart(b);
	struct contact_row d = contact(b, b->bob);
	assert_memory_equal(&d.shown.key, &c.shown.key, 32);
	assert_int_equal(d.shown.trust, TRUST_VERIFIED);
	assert_true(d.shown.blocked && d.shown.changed && d.hidden);
	assert_int_equal(d.shown.via, VIA_LAN);
	assert_string_equal(d.shown.nick, "bob");
	assert_string_equal(d.shown.petname, "Bobby");
	assert_string_equal(d.shown.dialect, "sotto");
	assert_memory_equal(&d.key_changed, &c.key_changed, 32);
	assert_int_equal(d.pinned_ms, 1);
	assert_int_equal(d.first_ms, 2);
	assert_int_equal(d.seen_ms, 3);
	assert_memory_equal(d.out_epoch, epoch_b, 8);
	assert_int_equal(d.out_seq, 12);
	assert_int_equal(d.shown.unread, 2);
	assert_int_equal(d.shown.requests, 1);
	assert_int_equal(d.shown.waiting, 0);
	assert_int_equal(d.shown.last, m.n);
	assert_false(store_contact_next(b->s, b->bob, &d));
}

static void store__is_one_contact__for_one_key(void **state)
{
	struct box *b = *state;
	struct contact_row a = {.shown.dialect = "sotto"}, c = a;

	assert_int_equal(add_contact(b, "bob", 7), b->bob);
	strcpy(a.shown.ident, "?10.0.0.7:6327");
	store_contact(b->s, &a);
	assert_true(a.shown.id > b->bob);
	strcpy(c.shown.ident, "?10.0.0.8:6327");
	store_contact(b->s, &c);
	assert_true(c.shown.id > a.shown.id);
	assert_int_equal(commit(b), OK);
	box_restart(b);
	assert_string_equal(contact(b, a.shown.id).shown.ident,
			    "?10.0.0.7:6327");
	a = (struct contact_row){.shown.dialect = "sotto"};
	strcpy(a.shown.ident, "?10.0.0.8:6327");
	store_contact(b->s, &a);
	assert_int_equal(a.shown.id, c.shown.id);
}

/* Core may hold a row for long: what grows must not shrink by it. */
static void store__keeps__what_grew_meanwhile(void **state)
{
	struct box *b = *state;
	struct contact_row c = contact(b, b->bob);

	memcpy(c.out_epoch, epoch_b, 8);
	store_contact(b->s, &c);
	struct message m = outgoing(b->bob, 1);
	m.seq = 1;
	memcpy(m.epoch, epoch_b, 8);
	store_queue(b->s, &m);
	store_read(b->s, b->bob, 5);
	store_seen(b->s, b->bob, 6);
	assert_int_equal(receive(b, 2, 1), OK);
	store_contact(b->s, &c);
	assert_int_equal(commit(b), OK);
	box_restart(b);
	c = contact(b, b->bob);
	assert_int_equal(c.out_seq, 1);
	assert_int_equal(c.in_seq, 1);
	assert_int_equal(c.shown.read_upto, 5);
	assert_int_equal(c.seen_ms, 6);
}

static void put_address(struct box *b, contact_id c, const char *host)
{
	struct address_row a = {.contact = c, .port = 6327, .via = VIA_FILE};

	snprintf(a.host, sizeof(a.host), "%s", host);
	store_address(b->s, &a);
}

static void store__keeps__addresses(void **state)
{
	struct box *b = *state;
	struct address_row a;

	put_address(b, b->bob, "one");
	put_address(b, b->bob, "two");
	put_address(b, b->bob, "one");
	assert_int_equal(commit(b), OK);
	assert_true(store_address_next(b->s, b->bob, 1, &a));
	a.ok_ms = 1;
	a.fail_ms = 2;
	a.fails = 3;
	a.self = true;
	store_address(b->s, &a);
	assert_int_equal(commit(b), OK);
	box_restart(b);
	assert_true(store_address_next(b->s, b->bob, 1, &a));
	assert_string_equal(a.host, "two");
	assert_int_equal(a.port, 6327);
	assert_int_equal(a.via, VIA_FILE);
	assert_int_equal(a.ok_ms, 1);
	assert_int_equal(a.fail_ms, 2);
	assert_int_equal(a.fails, 3);
	assert_true(a.self);
	assert_true(store_address_next(b->s, b->bob, 0, &a));
	store_address_drop(b->s, &a);
	assert_int_equal(commit(b), OK);
	box_restart(b);
	assert_true(store_address_next(b->s, b->bob, 0, &a));
	assert_string_equal(a.host, "two");
	assert_false(store_address_next(b->s, b->bob, 1, &a));
}

static void store__adopts__rows_wherever_they_are(void **state)
{
	struct box *b = *state;
	struct contact_row q = {.shown.dialect = "sotto"};
	struct message m[3];
	struct now now = at(b);

	strcpy(q.shown.ident, "?10.0.0.7:6327");
	store_contact(b->s, &q);
	put_address(b, q.shown.id, "10.0.0.7");
	put_address(b, q.shown.id, "one");
	put_address(b, b->bob, "one");
	struct batch *flying = NULL;
	ticket t = 0;
	for (unsigned i = 0; i < 3; i++) {
		m[i] = outgoing(q.shown.id, i);
		store_queue(b->s, &m[i]);
		if (i == 0)
			assert_int_equal(commit(b), OK);
		if (i == 1) {
			t = store_ticket(b->s);
			flying = store_batch(b->s, &now);
		}
	}
	store_draft(b->s, q.shown.id, "unfinished", 3, m[0].id);
	store_adopt(b->s, q.shown.id, b->bob);
	for (unsigned i = 0; i < 3; i++) { /* and gets its number then */
		m[i].with = b->bob;
		m[i].seq = i + 1;
		memcpy(m[i].epoch, epoch_b, 8);
		store_update(b->s, &m[i]);
		is_stored(b, &m[i]);
	}
	assert_int_equal(outbox_size(b), 3);
	assert_int_equal(writer_commit(b->w, &flying, 1), OK);
	store_durable(b->s, t);
	for (unsigned i = 0; i < 3; i++)
		is_stored(b, &m[i]);
	assert_int_equal(commit(b), OK);
	box_restart(b);
	for (unsigned i = 0; i < 3; i++)
		is_stored(b, &m[i]);
	struct contact_row c = contact(b, b->bob);
	assert_string_equal(c.shown.draft, "unfinished");
	assert_int_equal(c.shown.cursor, 3);
	assert_memory_equal(&c.shown.draft_answers, &m[0].id, 16);
	assert_false(store_contact_next(b->s, b->bob, &c));
	assert_int_equal(ask(b, "SELECT count(*) FROM address"), 2);
	check_integrity(b);
}

static void store__adopts__a_contact_that_is_not_written_yet(void **state)
{
	struct box *b = *state;
	struct contact_row q = {.shown.dialect = "sotto"};

	strcpy(q.shown.ident, "?10.0.0.7:6327");
	store_contact(b->s, &q);
	struct message m = outgoing(q.shown.id, 1);
	store_queue(b->s, &m);
	contact_id carla = add_contact(b, "carla", 8);
	store_adopt(b->s, q.shown.id, carla);
	m.with = carla;
	is_stored(b, &m);
	assert_int_equal(commit(b), OK);
	box_restart(b);
	is_stored(b, &m);
	check_integrity(b);
}

/* ---- soft changes ---- */

static void store__waits__with_soft_changes(void **state)
{
	struct box *b = *state;
	struct now now = at(b);

	assert_null(store_batch(b->s, &now));
	assert_true(store_deadline(b->s) == INT64_MAX);
	store_seen(b->s, b->bob, 100);
	store_meta(b->s, "key", (struct bytes){(const uint8_t *)"v", 1});
	assert_null(store_batch(b->s, &now));
	assert_true(store_deadline(b->s) == b->mono_us + 2000000);
	store_draft(b->s, b->bob, "half a li", 9, (struct uuid){{0}});
	assert_null(store_batch(b->s, &now));
	assert_true(store_deadline(b->s) == b->mono_us + 100000);
	now.mono_us = store_deadline(b->s) - 1;
	assert_null(store_batch(b->s, &now));
	b->mono_us = store_deadline(b->s);
	assert_int_equal(commit(b), OK);
	assert_true(store_deadline(b->s) == INT64_MAX);
	box_restart(b);
	struct contact_row c = contact(b, b->bob);
	struct bytes v;
	assert_int_equal(c.seen_ms, 100);
	assert_string_equal(c.shown.draft, "half a li");
	assert_int_equal(c.shown.cursor, 9);
	assert_true(store_meta_get(b->s, "key", &v));
	assert_int_equal(v.n, 1);
	assert_false(store_meta_get(b->s, "other", &v));
}

static void store__lets_soft_changes_ride__along(void **state)
{
	struct box *b = *state;

	store_seen(b->s, b->bob, 100);
	assert_int_equal(receive(b, 1, 1), OK);
	assert_int_equal(commit(b), OK);
	assert_true(store_deadline(b->s) == INT64_MAX);
	box_restart(b);
	assert_int_equal(contact(b, b->bob).seen_ms, 100);
}

static void store__drops_the_draft__with_the_message(void **state)
{
	struct box *b = *state;
	struct message m = outgoing(b->bob, 1);

	store_draft(b->s, b->bob, "hi", 2, (struct uuid){{0}});
	b->mono_us += 2000000;
	commit(b);
	b->mono_us += 2000000;
	assert_int_equal(commit(b), OK);
	assert_int_equal(ask(b, "SELECT count(*) FROM draft"), 1);
	store_queue(b->s, &m);
	assert_null(contact(b, b->bob).shown.draft);
	box_restart(b); /* neither happened */
	assert_string_equal(contact(b, b->bob).shown.draft, "hi");
	assert_int_equal(outbox_size(b), 0);
	store_queue(b->s, &m);
	assert_int_equal(commit(b), OK);
	box_restart(b);
	assert_null(contact(b, b->bob).shown.draft);
	assert_int_equal(outbox_size(b), 1);
}

static void store__writes_nothing__when_nothing_changed(void **state)
{
	struct box *b = *state;
	struct contact_row c = contact(b, b->bob);
	struct now now = at(b);

	store_contact(b->s, &c);
	store_seen(b->s, b->bob, c.seen_ms);
	store_read(b->s, b->bob, c.shown.read_upto);
	assert_null(store_batch(b->s, &now));
	assert_true(store_deadline(b->s) == INT64_MAX);
}

/* ---- four on their way ---- */

static void store__sends__at_most_four_batches(void **state)
{
	struct box *b = *state;
	struct now now = at(b);
	struct batch *batch[4];

	for (unsigned i = 0; i < 4; i++) {
		assert_false(store_behind(b->s));
		assert_int_equal(receive(b, i + 1, i + 1), OK);
		batch[i] = store_batch(b->s, &now);
		assert_non_null(batch[i]);
	}
	assert_true(store_behind(b->s));
	ticket t = store_ticket(b->s);
	for (unsigned i = 4; i < 8; i++) {
		assert_int_equal(receive(b, i + 1, i + 1), OK);
		assert_null(store_batch(b->s, &now));
		assert_int_equal(store_ticket(b->s), t);
	}
	assert_int_equal(writer_commit(b->w, batch, 4), OK);
	store_durable(b->s, t - 1);
	assert_false(store_behind(b->s));
	assert_int_equal(commit(b), OK);
	assert_int_equal(ask(b, "SELECT count(*) FROM message"), 8);
}

static void store__is_behind__with_4096_rows(void **state)
{
	struct box *b = *state;

	for (unsigned i = 1; i < 4096; i++)
		assert_int_equal(receive(b, i, i), OK);
	assert_false(store_behind(b->s));
	assert_int_equal(receive(b, 4096, 4096), OK);
	assert_true(store_behind(b->s));
}

/* ---- pages ---- */

static struct page page(struct box *b, struct query q)
{
	struct reader *r;
	struct page p;

	assert_int_equal(reader_open(b->path, &r), OK);
	assert_int_equal(reader_page(r, &q, &p), OK);
	reader_close(r);
	for (size_t i = 1; i < p.n; i++)
		assert_true(p.row[i - 1]->n < p.row[i]->n);
	return p;
}

static void check_page(struct box *b, struct query q, size_t n, message_n first,
		       bool more, message_n next)
{
	struct page p = page(b, q);

	assert_int_equal(p.n, n);
	if (n)
		assert_int_equal(p.row[0]->n, first);
	assert_int_equal(p.more, more);
	assert_int_equal(p.next, next);
	page_free(&p);
}

static void reader__pages__at_every_edge(void **state)
{
	struct box *b = *state;
	contact_id eve = add_contact(b, "eve", 9);
	struct query q = {.with = b->bob, .limit = 10};

	check_page(b, q, 0, 0, false, 0);
	for (unsigned i = 1; i <= 300; i++) { /* bob has the odd ones */
		struct message m = incoming(i % 2 ? b->bob : eve, i, 0);
		ticket after;
		assert_int_equal(store_receive(b->s, &m, &after), OK);
		assert_int_equal(m.n, i);
	}
	assert_int_equal(commit(b), OK);
	check_page(b, q, 10, 281, true, 281);
	q.before = 281;
	check_page(b, q, 10, 261, true, 261);
	q.before = 21;
	check_page(b, q, 10, 1, false, 1);
	q.before = 23;
	check_page(b, q, 10, 3, true, 3);
	q.before = 1;
	check_page(b, q, 0, 0, false, 0);
	q = (struct query){.after = 0, .oldest = true, .limit = 128};
	check_page(b, q, 128, 1, true, 128);
	q.after = 128;
	check_page(b, q, 128, 129, true, 256);
	q.after = 256;
	check_page(b, q, 44, 257, false, 300);
	q.after = 300;
	check_page(b, q, 0, 0, false, 0);
	q = (struct query){.after = 172, .limit = 5000};
	check_page(b, q, 128, 173, false, 300);
	q = (struct query){.limit = 0};
	check_page(b, q, 50, 251, true, 251);
	q = (struct query){.after = 10, .before = 20, .with = eve, .limit = 9};
	check_page(b, q, 4, 12, false, 18);
}

/* What a worker read, as the network thread has it a little later. */
static enum delivery late(struct box *b, struct page *p)
{
	assert_int_equal(p->n, 1);
	assert_int_equal(p->row[0]->delivery, D_QUEUED);
	store_freshen(b->s, p->row[0]);
	enum delivery d = p->row[0]->delivery;
	assert_string_equal(p->row[0]->text, "hi");
	page_free(p);
	return d;
}

static void store__freshens__what_was_read_before_a_commit(void **state)
{
	struct box *b = *state;
	struct query q = {.with = b->bob};
	struct message m = outgoing(b->bob, 1);
	struct now now = at(b);

	store_queue(b->s, &m);
	assert_int_equal(commit(b), OK);
	struct page there = page(b, q), gathered = page(b, q);
	struct page flying = page(b, q), written = page(b, q);
	struct page durable = page(b, q);
	assert_int_equal(late(b, &there), D_QUEUED);
	m.delivery = D_DELIVERED;
	store_update_soon(b->s, &m);
	assert_int_equal(late(b, &gathered), D_DELIVERED);
	store_flush(b->s);
	ticket t = store_ticket(b->s);
	struct batch *batch = store_batch(b->s, &now);
	assert_int_equal(late(b, &flying), D_DELIVERED);
	assert_int_equal(writer_commit(b->w, &batch, 1), OK);
	assert_int_equal(late(b, &written), D_DELIVERED);
	store_durable(b->s, t);
	assert_int_equal(late(b, &durable), D_DELIVERED);
}

/* ---- history = off, expiry ---- */

static void store__keeps_only_what_it_must__without_history(void **state)
{
	struct box *b = *state;
	struct message sent = outgoing(b->bob, 1), open = outgoing(b->bob, 2);
	struct message read = incoming(b->bob, 3, 1);
	struct message unread = incoming(b->bob, 4, 2);
	struct message asked = incoming(b->bob, 5, 3);
	ticket after;

	asked.delivery = D_REQUEST;
	store_queue(b->s, &sent);
	store_queue(b->s, &open);
	assert_int_equal(store_receive(b->s, &read, &after), OK);
	assert_int_equal(store_receive(b->s, &unread, &after), OK);
	assert_int_equal(store_receive(b->s, &asked, &after), OK);
	sent.delivery = D_DELIVERED;
	store_update(b->s, &sent);
	store_read(b->s, b->bob, read.n);
	assert_int_equal(commit(b), OK);
	box_restart(b);
	store_history(b->s, true);
	assert_int_equal(commit(b), OK);
	assert_int_equal(ask(b, "SELECT count(*) FROM message"), 5);
	store_history(b->s, false);
	assert_int_equal(commit(b), OK);
	box_restart(b);
	assert_int_equal(ask(b, "SELECT count(*) FROM message"), 3);
	assert_int_equal(ask(b, "SELECT count(*) FROM outbox"), 1);
	assert_int_equal(ask(b, "SELECT count(*) FROM tombstone"), 1);
	assert_int_equal(store_receive(b->s, &read, &after), ERR_EXISTS);
	assert_int_equal(receive(b, 99, 1), ERR_STATE);
	assert_int_equal(contact(b, b->bob).shown.unread, 1);
}

static void writer__buries__for_45_days_only(void **state)
{
	struct box *b = *state;
	int64_t day_us = INT64_C(86400000000);

	assert_int_equal(receive(b, 1, 0), OK);
	assert_int_equal(commit(b), OK);
	store_forget(b->s, b->bob, (b->wall_us + 45 * day_us) / 1000);
	assert_int_equal(commit(b), OK);
	while (writer_idle(b->w))
		;
	assert_int_equal(ask(b, "SELECT count(*) FROM tombstone"), 1);
	assert_false(writer_busy(b->w));
	b->wall_us += 44 * day_us;
	assert_int_equal(receive(b, 2, 0), OK);
	assert_int_equal(commit(b), OK);
	while (writer_idle(b->w))
		;
	assert_int_equal(receive(b, 1, 0), ERR_EXISTS);
	b->wall_us += 2 * day_us;
	assert_int_equal(receive(b, 3, 0), OK);
	assert_int_equal(commit(b), OK);
	while (writer_idle(b->w))
		;
	assert_int_equal(ask(b, "SELECT count(*) FROM tombstone"), 0);
}

static void store__gives_no_number__twice(void **state)
{
	struct box *b = *state;
	struct message m = incoming(b->bob, 1, 0);
	ticket after;

	assert_int_equal(store_receive(b->s, &m, &after), OK);
	message_n last = m.n;
	assert_int_equal(commit(b), OK);
	store_forget(b->s, b->bob, 0);
	assert_int_equal(commit(b), OK);
	box_restart(b);
	m = incoming(b->bob, 2, 0);
	assert_int_equal(store_receive(b->s, &m, &after), OK);
	assert_true(m.n > last);
	last = m.n;
	assert_int_equal(store_reset(b->s), OK);
	m = incoming(b->bob, 3, 0);
	assert_int_equal(store_receive(b->s, &m, &after), OK);
	assert_true(m.n > last);
}

/* ---- disks that fail ---- */

static void limit_files(rlim_t bytes)
{
	struct rlimit r;

	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &r);
	r.rlim_cur = bytes;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &r), 0);
}

static void writer__says_full__and_writes_nothing_by_halves(void **state)
{
	struct box *b = *state;
	char big[16001];

	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = 0;
	assert_int_equal(receive(b, 1, 1), OK);
	assert_int_equal(commit(b), OK);
	for (unsigned i = 2; i < 100; i++) {
		struct message m = incoming(b->bob, i, i);
		ticket after;
		m.text = big;
		assert_int_equal(store_receive(b->s, &m, &after), OK);
	}
	ticket t = store_ticket(b->s);
	limit_files(300000);
	assert_int_equal(commit(b), ERR_FULL);
	assert_int_equal(writer_probe(b->w), OK); /* that little has room */
	limit_files(30000);
	assert_int_equal(writer_probe(b->w), ERR_FULL);
	limit_files(RLIM_INFINITY);
	assert_int_equal(store_reset(b->s), OK);
	assert_true(store_ticket(b->s) > t);
	assert_int_equal(ask(b, "SELECT count(*) FROM message"), 1);
	assert_int_equal(contact(b, b->bob).in_seq, 1);
	assert_int_equal(writer_probe(b->w), OK);
	assert_int_equal(receive(b, 1, 1), ERR_EXISTS);
	assert_int_equal(receive(b, 2, 2), OK);
	assert_int_equal(commit(b), OK);
	check_integrity(b);
	box_restart(b);
	assert_int_equal(contact(b, b->bob).in_seq, 2);
}

static void writer__gives_up__on_a_database_held_by_another(void **state)
{
	struct box *b = *state;
	sqlite3 *db;

	assert_int_equal(sqlite3_open(b->path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL),
			 SQLITE_OK);
	assert_int_equal(receive(b, 1, 1), OK);
	assert_int_equal(commit(b), ERR_SYS); /* after 5 s */
	assert_int_equal(store_reset(b->s), OK);
	sqlite3_close(db);
	assert_int_equal(receive(b, 1, 1), OK);
	assert_int_equal(commit(b), OK);
	assert_int_equal(ask(b, "SELECT count(*) FROM message"), 1);
}

/* ---- anything in any order ---- */

enum { IDS = 24, STEPS = 400, SEEDS = 40, NONE = 0, GONE = -1 };

/* What must be known of each message: NONE, GONE or its delivery + 1. */
struct model {
	int in[IDS], out[IDS];
};
struct play {
	struct box *b;
	struct model live, disk;
	struct model sent[4]; /* as of the batches on their way */
	struct batch *batch[4];
	size_t n_sent;
	struct message out[IDS];
	uint64_t random;
};

static unsigned pick(struct play *p, unsigned below)
{
	p->random ^= p->random << 13;
	p->random ^= p->random >> 7;
	p->random ^= p->random << 17;
	return (unsigned)(p->random >> 33) % below;
}

static void play_receive(struct play *p, unsigned i)
{
	struct message m = incoming(p->b->bob, i + 1, 0);
	ticket after;
	enum err err = store_receive(p->b->s, &m, &after);

	assert_int_equal(err, p->live.in[i] == NONE ? OK : ERR_EXISTS);
	assert_int_equal(m.n == 0, p->live.in[i] == GONE);
	assert_true(after <= store_ticket(p->b->s));
	if (!err)
		p->live.in[i] = D_RECEIVED + 1;
}

static bool waits(int state)
{
	return state == D_QUEUED + 1 || state == D_SENT + 1;
}

static void play_send(struct play *p, unsigned i)
{
	struct message *m = &p->out[i];

	if (p->live.out[i] == NONE) {
		*m = outgoing(p->b->bob, i + 1);
		store_queue(p->b->s, m);
	} else if (waits(p->live.out[i]) ||
		   p->live.out[i] == D_FAILED + 1) { /* or tried again */
		static const enum delivery to[] = {D_SENT, D_QUEUED,
						   D_DELIVERED, D_FAILED};
		m->delivery = to[pick(p, 4)];
		store_update(p->b->s, m);
	} else {
		return;
	}
	p->live.out[i] = (int)m->delivery + 1;
}

static void play_forget(struct play *p)
{
	store_forget(p->b->s, p->b->bob, p->b->wall_us / 1000 + 1000);
	for (size_t i = 0; i < IDS; i++) {
		if (p->live.in[i] != NONE)
			p->live.in[i] = GONE;
		if (p->live.out[i] != NONE)
			p->live.out[i] = GONE;
	}
}

static void play_submit(struct play *p)
{
	struct now now = at(p->b);
	struct batch *batch = store_batch(p->b->s, &now);

	if (!batch)
		return;
	p->sent[p->n_sent] = p->live;
	p->batch[p->n_sent++] = batch;
}

static void play_commit(struct play *p)
{
	size_t n = p->n_sent ? 1 + pick(p, (unsigned)p->n_sent) : 0;

	if (!n)
		return;
	ticket t = batch_ticket(p->batch[n - 1]);
	assert_int_equal(writer_commit(p->b->w, p->batch, n), OK);
	p->disk = p->sent[n - 1];
	p->n_sent -= n;
	memmove(p->batch, p->batch + n, p->n_sent * sizeof(p->batch[0]));
	memmove(p->sent, p->sent + n, p->n_sent * sizeof(p->sent[0]));
	store_durable(p->b->s, t);
}

static void play_crash(struct play *p)
{
	while (p->n_sent)
		batch_free(p->batch[--p->n_sent]);
	if (pick(p, 2))
		box_restart(p->b);
	else
		assert_int_equal(store_reset(p->b->s), OK);
	p->live = p->disk;
}

static void check_one(struct play *p, const struct message *m, int state)
{
	struct message *got;
	enum err err = store_message(p->b->s, p->b->bob, m->id, &got);

	assert_int_equal(err, state > NONE ? OK : ERR_ABSENT);
	if (err)
		return;
	assert_int_equal(got->delivery + 1, state);
	message_free(got);
}

static void play_check(struct play *p)
{
	size_t n_open = 0;

	for (unsigned i = 0; i < IDS; i++) {
		struct message in = incoming(p->b->bob, i + 1, 0);
		struct message out = outgoing(p->b->bob, i + 1);
		check_one(p, &in, p->live.in[i]);
		check_one(p, &out, p->live.out[i]);
		n_open += waits(p->live.out[i]);
	}
	assert_int_equal(outbox_size(p->b), n_open);
}

static void play_step(struct play *p)
{
	unsigned dice = pick(p, 100);

	if (dice < 35)
		play_receive(p, pick(p, IDS));
	else if (dice < 70)
		play_send(p, pick(p, IDS));
	else if (dice < 82)
		play_submit(p);
	else if (dice < 94)
		play_commit(p);
	else if (dice < 97)
		play_crash(p);
	else if (dice < 98)
		play_forget(p);
	else
		play_check(p);
}

static void store__agrees_with_a_model__whatever_happens(void **state)
{
	struct box *b = *state;

	for (unsigned seed = 1; seed <= SEEDS; seed++) {
		struct play p = {.b = b, .random = seed * 7919};
		b->bob = add_contact(b, "bob", (uint8_t)(100 + seed));
		assert_int_equal(commit(b), OK);
		for (unsigned i = 0; i < STEPS; i++)
			play_step(&p);
		play_check(&p);
		play_crash(&p);
		play_check(&p);
		play_forget(&p); /* the outbox is everybody's */
		assert_int_equal(commit(b), OK);
	}
	check_integrity(b);
}

/* ---- kill -9 ---- */

/* Receives for ever and says what is durable. */
static void child_receives(struct box *b, int say)
{
	box_open(b);
	message_n known = contact(b, b->bob).shown.last;
	for (unsigned i = (unsigned)known + 1;; i++) {
		struct message m = incoming(b->bob, i, 0);
		ticket after;
		if (store_receive(b->s, &m, &after) != OK)
			_exit(2);
		if (i % 3 != 0)
			continue;
		if (commit(b) != OK)
			_exit(3);
		if (write(say, &m.n, sizeof(m.n)) != sizeof(m.n))
			_exit(4);
		if (i % 30 == 0)
			writer_idle(b->w);
	}
}

static message_n kill_after(struct box *b, unsigned reports, const char *point)
{
	int say[2];
	message_n durable = 0, n;

	assert_int_equal(pipe(say), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		close(say[0]);
		if (point)
			setenv("SOTTO_CRASH", point, 1);
		child_receives(b, say[1]);
		_exit(1);
	}
	close(say[1]);
	for (unsigned i = 0; read(say[0], &n, sizeof(n)) == sizeof(n); i++) {
		durable = n;
		if (!point && i == reports)
			kill(pid, SIGKILL);
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_false(WIFEXITED(status) && WEXITSTATUS(status));
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	close(say[0]);
	return durable;
}

static void all_there(struct box *b, message_n durable)
{
	char sql[128];

	check_integrity(b);
	snprintf(sql, sizeof(sql),
		 "SELECT count(*) FROM message WHERE n <= %lld",
		 (long long)durable);
	assert_int_equal(ask(b, sql), durable);
	assert_int_equal(ask(b, "SELECT max(n) - count(*) FROM message"), 0);
}

static void store__survives__being_killed(void **state)
{
	struct box *b = *state;

	box_crash(b);
	for (unsigned i = 0; i < 20; i++)
		all_there(b, kill_after(b, 1 + i * 7 % 50, NULL));
#ifdef SOTTO_CRASH_POINTS
	static const char *const point[] = {"commit.before:3", "commit.after:4",
					    "checkpoint.before:2",
					    "checkpoint.after:2"};
	for (size_t i = 0; i < sizeof(point) / sizeof(point[0]); i++)
		all_there(b, kill_after(b, 0, point[i]));
#endif
	box_open(b);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(store__makes__a_private_file),
	    TEST(store__migrates__an_empty_file),
	    TEST(store__migrates__the_version_before),
	    TEST(store__refuses__a_newer_file),
	    TEST(store__refuses__a_damaged_file),
	    TEST(store__refuses__a_folder_that_is_not_there),
	    TEST(store__knows_a_copy__in_every_state),
	    TEST(store__forgets__what_was_not_committed),
	    TEST(store__does_not_mix__senders),
	    TEST(store__takes_twice__what_has_no_dedupe),
	    TEST(store__refuses__a_number_used_twice),
	    TEST(store__tells__what_is_missing),
	    TEST(store__lets_the_mark_pass__what_is_gone),
	    TEST(store__starts_again__with_a_new_epoch),
	    TEST(store__bounds__the_holes_it_keeps),
	    TEST(store__hands_back__every_field),
	    TEST(store__shows__an_update_at_once),
	    TEST(store__says_absent__of_what_is_not_there),
	    TEST(store__pages__the_outbox_in_every_state),
	    TEST(store__takes_out_of_the_outbox__what_is_done),
	    TEST(store__keeps__contacts_and_their_counts),
	    TEST(store__is_one_contact__for_one_key),
	    TEST(store__keeps__what_grew_meanwhile),
	    TEST(store__keeps__addresses),
	    TEST(store__adopts__rows_wherever_they_are),
	    TEST(store__adopts__a_contact_that_is_not_written_yet),
	    TEST(store__waits__with_soft_changes),
	    TEST(store__lets_soft_changes_ride__along),
	    TEST(store__drops_the_draft__with_the_message),
	    TEST(store__writes_nothing__when_nothing_changed),
	    TEST(store__sends__at_most_four_batches),
	    TEST(store__is_behind__with_4096_rows),
	    TEST(reader__pages__at_every_edge),
	    TEST(store__freshens__what_was_read_before_a_commit),
	    TEST(store__keeps_only_what_it_must__without_history),
	    TEST(writer__buries__for_45_days_only),
	    TEST(store__gives_no_number__twice),
	    TEST(writer__says_full__and_writes_nothing_by_halves),
	    TEST(writer__gives_up__on_a_database_held_by_another),
	    TEST(store__agrees_with_a_model__whatever_happens),
	    TEST(store__survives__being_killed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
