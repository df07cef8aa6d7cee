#include "ui/model.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int begin(void **state)
{
	*state = model_new();
	return 0;
}

static int end(void **state)
{
	model_free(*state);
	return 0;
}

static struct contact person(contact_id id, const char *nick)
{
	struct contact c = {.id = id, .dialect = "sotto"};

	snprintf(c.nick, sizeof(c.nick), "%s", nick);
	return c;
}

/* Contacts come with the snapshot, whose question is asked after EV_READY. */
static void meet(struct model *m, contact_id from, contact_id to)
{
	struct command cmd;

	model_apply(m, &(struct event){.kind = EV_READY});
	assert_true(model_wants(m, &cmd));
	assert_int_equal(cmd.kind, CMD_SNAPSHOT);
	for (contact_id id = from; id <= to; id++) {
		struct contact c = person(id, "x");
		model_apply(m, &(struct event){.kind = EV_ITEM,
					       .ref = cmd.ref,
					       .contact = &c});
	}
	model_apply(m, &(struct event){.kind = EV_RESULT, .ref = cmd.ref});
	assert_true(model_complete(m));
}

static void message(struct model *m, enum event_kind kind, uint64_t ref,
		    contact_id with, message_n n, bool incoming)
{
	char text[32];
	struct message msg = {.with = with,
			      .n = n,
			      .incoming = incoming,
			      .text = text,
			      .id = {{(uint8_t)n, (uint8_t)(n >> 8), 1}}};

	snprintf(text, sizeof(text), "%lld", (long long)n);
	model_apply(m,
		    &(struct event){.kind = kind, .ref = ref, .message = &msg});
}

static void lines__are_in_order_and_once(void **state)
{
	struct model *m = *state;
	size_t n;

	meet(m, 1, 2);
	model_open(m, 1);
	message(m, EV_MESSAGE, 0, 1, 5, true);
	message(m, EV_MESSAGE, 0, 1, 3, true);
	message(m, EV_MESSAGE, 0, 1, 5, true);
	message(m, EV_MESSAGE, 0, 1, 9, true);
	const struct message *const *line = model_lines(m, 1, &n);
	assert_int_equal(n, 3);
	assert_int_equal(line[0]->n, 3);
	assert_int_equal(line[2]->n, 9);
	assert_int_equal(model_message(m, 1, 0)->n, 9);
	assert_null(model_message(m, 1, 3));
}

static void others__keep_one_line(void **state)
{
	struct model *m = *state;
	size_t n;

	meet(m, 1, 2);
	model_open(m, 1);
	for (message_n i = 1; i <= 50; i++)
		message(m, EV_MESSAGE, 0, 2, i, true);
	model_lines(m, 2, &n);
	assert_int_equal(n, 1);
	assert_int_equal(model_message(m, 2, 0)->n, 50);
}

static void open__asks_for_its_page(void **state)
{
	struct model *m = *state;
	struct command cmd;

	meet(m, 1, 1);
	model_open(m, 1);
	assert_true(model_wants(m, &cmd));
	assert_int_equal(cmd.kind, CMD_HISTORY);
	assert_int_equal(cmd.contact, 1);
	assert_true(model_asked(cmd.ref));
	for (message_n i = 10; i < 20; i++)
		message(m, EV_ITEM, cmd.ref, 1, i, true);
	model_apply(m, &(struct event){.kind = EV_RESULT,
				       .ref = cmd.ref,
				       .more = true,
				       .next = 10});
	assert_true(model_more(m, 1));
	assert_true(model_older(m));
	assert_false(model_older(m));
	assert_true(model_wants(m, &cmd));
	assert_int_equal(cmd.n, 10);
	model_apply(m, &(struct event){.kind = EV_RESULT, .ref = cmd.ref});
	assert_false(model_more(m, 1));
	assert_false(model_older(m));
}

static void lines__are_bounded(void **state)
{
	struct model *m = *state;
	size_t n;

	meet(m, 1, 1);
	model_open(m, 1);
	for (message_n i = 1; i <= 2000; i++)
		message(m, EV_MESSAGE, 0, 1, i, true);
	model_trim(m);
	const struct message *const *line = model_lines(m, 1, &n);
	assert_int_equal(n, MODEL_LINES);
	assert_int_equal(line[n - 1]->n, 2000);
	assert_true(model_more(m, 1));
	for (message_n i = 2001; i <= 12000; i++)
		message(m, EV_MESSAGE, 0, 1, i, true);
	model_lines(m, 1, &n);
	assert_true(n <= MODEL_MOST);
}

static void last_sender__goes_round(void **state)
{
	struct model *m = *state;
	struct uuid id;

	meet(m, 1, 3);
	assert_int_equal(model_last_sender(m, 0, &id), 0);
	message(m, EV_MESSAGE, 0, 1, 1, true);
	message(m, EV_MESSAGE, 0, 2, 2, true);
	message(m, EV_MESSAGE, 0, 3, 3, true);
	assert_int_equal(model_last_sender(m, 0, &id), 3);
	assert_int_equal(id.b[0], 3);
	assert_int_equal(model_last_sender(m, 1, &id), 2);
	assert_int_equal(model_last_sender(m, 2, &id), 1);
	assert_int_equal(model_last_sender(m, 3, &id), 3);
	message(m, EV_MESSAGE, 0, 3, 4, false);
	assert_int_equal(model_last_sender(m, 0, &id), 2);
}

static void pending__ends_with_its_result(void **state)
{
	struct model *m = *state;
	uint64_t ref = ((uint64_t)1 << MODEL_REFS_BIT) + 1;
	contact_id with;
	size_t n;

	meet(m, 1, 1);
	model_open(m, 1);
	model_pending(m, 1, ref, "one", (struct uuid){0}, 1);
	model_pending(m, 1, ref + 1, "two", (struct uuid){0}, 1);
	message(m, EV_MESSAGE, 0, 1, 7, true);
	const struct message *const *line = model_lines(m, 1, &n);
	assert_int_equal(n, 3);
	assert_int_equal(line[0]->n, 7);
	assert_true(line[1]->n >= MODEL_PENDING);
	model_apply(m, &(struct event){.kind = EV_RESULT, .ref = ref});
	char *text = model_refused(m, ref + 1, &with);
	assert_string_equal(text, "two");
	assert_int_equal(with, 1);
	free(text);
	model_lines(m, 1, &n);
	assert_int_equal(n, 1);
	assert_null(model_refused(m, ref + 1, &with));
}

static void status__changes_its_line(void **state)
{
	struct model *m = *state;
	struct message msg = {
	    .with = 1, .n = 4, .delivery = D_DELIVERED, .id = {{4, 0, 1}}};

	meet(m, 1, 1);
	model_open(m, 1);
	message(m, EV_MESSAGE, 0, 1, 4, false);
	model_apply(m, &(struct event){.kind = EV_STATUS, .message = &msg});
	assert_int_equal(model_message(m, 1, 0)->delivery, D_DELIVERED);
}

static void lost__asks_again(void **state)
{
	struct model *m = *state;
	struct command cmd;

	meet(m, 1, 1);
	message(m, EV_MESSAGE, 0, 1, 42, true);
	model_apply(m, &(struct event){.kind = EV_LOST});
	assert_true(model_wants(m, &cmd));
	assert_int_equal(cmd.kind, CMD_SNAPSHOT);
	assert_true(model_wants(m, &cmd));
	assert_int_equal(cmd.kind, CMD_SINCE);
	assert_int_equal(cmd.n, 42);
	assert_false(model_wants(m, &cmd));
}

static void draft__is_given_once(void **state)
{
	struct model *m = *state;
	struct contact c = person(5, "eve");
	char text[] = "half";
	struct buf b = {0};
	size_t cursor;
	struct uuid answers;

	meet(m, 1, 1);
	model_apply(m, &(struct event){.kind = EV_LOST});
	struct command cmd;
	assert_true(model_wants(m, &cmd));
	c.draft = text;
	c.cursor = 2;
	model_apply(
	    m, &(struct event){.kind = EV_ITEM, .ref = cmd.ref, .contact = &c});
	assert_true(model_draft(m, 5, &b, &cursor, &answers));
	assert_int_equal(b.n, 4);
	assert_int_equal(cursor, 2);
	assert_false(model_draft(m, 5, &b, &cursor, &answers));
	buf_free(&b);
}

static void gone__leaves_nothing_open(void **state)
{
	struct model *m = *state;
	struct contact c = person(1, "x");

	meet(m, 1, 2);
	model_open(m, 1);
	c.gone = true;
	model_apply(m, &(struct event){.kind = EV_PEER, .contact = &c});
	assert_int_equal(model_opened(m), 0);
	assert_int_equal(model_count(m), 1);
	model_open(m, 2);
	c.id = 2;
	c.became = 9;
	model_apply(m, &(struct event){.kind = EV_PEER, .contact = &c});
	assert_int_equal(model_count(m), 0);
}

/* An engine with messages 1 to `all`, that answers what is asked; and one that
 * comes between question and answer, or 0. */
static void answer(struct model *m, message_n all, message_n between)
{
	struct command cmd;

	while (model_wants(m, &cmd)) {
		message_n from, to, limit = cmd.limit;
		bool since = cmd.kind == CMD_SINCE, more;
		if (cmd.contact != 1)
			continue;
		from = since   ? cmd.n + 1
		       : cmd.n ? cmd.n - limit
			       : all - limit + 1;
		to = since ? cmd.n + limit : cmd.n ? cmd.n - 1 : all;
		from = from < 1 ? 1 : from;
		to = to > all ? all : to;
		for (message_n i = from; i <= to; i++)
			message(m, EV_ITEM, cmd.ref, 1, i, true);
		if (between)
			message(m, EV_MESSAGE, 0, 1, between, true);
		more = since ? to < all : from > 1;
		model_apply(m, &(struct event){.kind = EV_RESULT,
					       .ref = cmd.ref,
					       .more = more});
	}
}

/* What is kept has no gap. */
static void expect_lines(const struct model *m, message_n first, message_n last)
{
	size_t n;
	const struct message *const *line = model_lines(m, 1, &n);

	assert_int_equal(n, last - first + 1);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(line[i]->n, first + (message_n)i);
}

static void seek__reads_anywhere(void **state)
{
	struct model *m = *state;

	meet(m, 1, 2);
	model_open(m, 1);
	answer(m, 100000, 0);
	expect_lines(m, 99951, 100000);
	model_seek(m, 0);
	assert_true(model_seeking(m));
	expect_lines(m, 99951, 100000);
	answer(m, 100000, 0);
	assert_false(model_seeking(m));
	expect_lines(m, 1, 50);
	assert_true(model_later(m, 1) && !model_more(m, 1));
	model_seek(m, 50000);
	answer(m, 100000, 0);
	expect_lines(m, 50000, 50049);
	assert_true(model_later(m, 1) && model_more(m, 1));
	assert_true(model_newer(m) && model_older(m));
	answer(m, 100000, 0);
	expect_lines(m, 49950, 50099);
	model_newest(m);
	answer(m, 100000, 0);
	expect_lines(m, 99951, 100000);
	assert_false(model_later(m, 1));
}

/* What was read a moment ago is there at once, as it went on meanwhile. */
static void left__is_kept_for_a_while(void **state)
{
	struct model *m = *state;
	size_t n;

	meet(m, 1, 12);
	model_open(m, 1);
	answer(m, 1000, 0);
	expect_lines(m, 951, 1000);
	model_open(m, 2);
	message(m, EV_MESSAGE, 0, 1, 1001, true);
	expect_lines(m, 951, 1001);
	for (message_n i = 1002; i < 1100; i++)
		message(m, EV_MESSAGE, 0, 1, i, true);
	model_lines(m, 1, &n);
	assert_in_range(n, 24, 100);
	expect_lines(m, 1100 - (message_n)n, 1099);
	for (contact_id c = 3; c < 12; c++)
		model_open(m, c);
	expect_lines(m, 1099, 1099);
}

/* Of a place far up, and when something was missed, nothing is. */
static void left__is_not_kept_with_holes(void **state)
{
	struct model *m = *state;
	size_t n;

	meet(m, 1, 2);
	model_open(m, 1);
	answer(m, 1000, 0);
	model_open(m, 2);
	model_apply(m, &(struct event){.kind = EV_LOST});
	expect_lines(m, 1000, 1000);
	model_open(m, 1);
	answer(m, 1000, 0);
	model_seek(m, 500);
	answer(m, 1000, 0);
	model_open(m, 2);
	model_lines(m, 1, &n);
	assert_int_equal(n, 0);
}

static void first_page__is_as_long_as_the_screen(void **state)
{
	struct model *m = *state;

	meet(m, 1, 1);
	model_rows(m, 24);
	model_open(m, 1);
	answer(m, 1000, 0);
	expect_lines(m, 977, 1000);
	assert_true(model_older(m));
	answer(m, 1000, 0);
	expect_lines(m, 927, 1000);
	model_rows(m, 1000);
	model_seek(m, 1);
	answer(m, 1000, 0);
	model_newest(m);
	answer(m, 1000, 0);
	expect_lines(m, 951, 1000);
}

/* However far one goes, what is kept is bounded. */
static void older__goes_to_the_first(void **state)
{
	struct model *m = *state;
	size_t n;

	meet(m, 1, 1);
	model_open(m, 1);
	answer(m, 30000, 0);
	while (model_older(m))
		answer(m, 30000, 0);
	const struct message *const *line = model_lines(m, 1, &n);
	assert_int_equal(line[0]->n, 1);
	assert_in_range(n, MODEL_LINES, MODEL_MOST + PAGE_MAX);
	assert_true(model_later(m, 1));
	while (model_newer(m))
		answer(m, 30000, 0);
	line = model_lines(m, 1, &n);
	assert_int_equal(line[n - 1]->n, 30000);
	assert_in_range(n, MODEL_LINES, MODEL_MOST + PAGE_MAX);
	assert_false(model_later(m, 1));
	expect_lines(m, line[0]->n, 30000);
}

static void what_comes_meanwhile__leaves_no_gap(void **state)
{
	struct model *m = *state;

	meet(m, 1, 1);
	model_open(m, 1);
	answer(m, 200, 0);
	model_seek(m, 120);
	answer(m, 200, 201);
	expect_lines(m, 120, 169);
	assert_true(model_newer(m));
	answer(m, 200, 201); /* read before 201 was there */
	expect_lines(m, 120, 200);
	assert_true(model_later(m, 1));
	assert_true(model_newer(m));
	answer(m, 202, 202);
	expect_lines(m, 120, 202);
	assert_false(model_later(m, 1));
	message(m, EV_MESSAGE, 0, 1, 203, true);
	expect_lines(m, 120, 203);
	assert_int_equal(model_arrived(m, 1), 4);
}

/* There without an address: through a center. */
static void relayed__is_who_is_nowhere(void **state)
{
	struct contact c = person(1, "x");

	(void)state;
	c.trust = TRUST_PINNED;
	c.presence = P_ONLINE;
	assert_true(model_relayed(&c));
	c.at.port = 6327;
	assert_false(model_relayed(&c));
	c.at.port = 0;
	c.presence = P_OFFLINE;
	assert_false(model_relayed(&c));
	c.presence = P_ONLINE;
	c.trust = TRUST_PLAIN;
	assert_false(model_relayed(&c));
}

#define MODEL(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    MODEL(lines__are_in_order_and_once),
	    MODEL(others__keep_one_line),
	    MODEL(open__asks_for_its_page),
	    MODEL(lines__are_bounded),
	    MODEL(last_sender__goes_round),
	    MODEL(pending__ends_with_its_result),
	    MODEL(status__changes_its_line),
	    MODEL(lost__asks_again),
	    MODEL(draft__is_given_once),
	    MODEL(gone__leaves_nothing_open),
	    MODEL(seek__reads_anywhere),
	    MODEL(left__is_kept_for_a_while),
	    MODEL(left__is_not_kept_with_holes),
	    MODEL(first_page__is_as_long_as_the_screen),
	    MODEL(older__goes_to_the_first),
	    MODEL(what_comes_meanwhile__leaves_no_gap),
	    MODEL(relayed__is_who_is_nowhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
