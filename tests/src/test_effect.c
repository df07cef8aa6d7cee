#include "src/effect.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka needs some of those above */
#include <cmocka.h>

static struct bytes view(const char *s)
{
	return (struct bytes){(const uint8_t *)s, strlen(s)};
}

static void put_close(struct effects *fx, ticket after, link_id link)
{
	effects_put(fx, &(struct effect){
			    .kind = FX_CLOSE, .after = after, .link = link});
}

static link_id next_link(struct effects *fx, ticket durable)
{
	struct effect e;

	return effects_next(fx, durable, &e) ? e.link : 0;
}

static void effects__come__by_ticket_and_then_as_put(void **state)
{
	struct effects *fx = effects_new();

	(void)state;
	put_close(fx, 2, 1);
	put_close(fx, 1, 2);
	put_close(fx, 0, 3);
	put_close(fx, 2, 4);
	put_close(fx, 1, 5);
	put_close(fx, 0, 6);
	static const link_id order[] = {3, 6, 2, 5, 1, 4};
	for (size_t i = 0; i < 6; i++)
		assert_int_equal(next_link(fx, 2), order[i]);
	assert_int_equal(next_link(fx, 2), 0);
	effects_free(fx);
}

static void effects__wait__for_their_ticket(void **state)
{
	struct effects *fx = effects_new();

	(void)state;
	put_close(fx, 7, 1);
	assert_int_equal(next_link(fx, 6), 0);
	assert_int_equal(effects_durable(fx), 6);
	put_close(fx, 0, 2);
	assert_int_equal(next_link(fx, 6), 2);
	assert_int_equal(next_link(fx, 6), 0);
	assert_int_equal(next_link(fx, 7), 1);
	assert_int_equal(effects_durable(fx), 7);
	effects_free(fx);
}

static void effects__wait_for_nothing__when_the_ticket_is_durable(void **state)
{
	struct effects *fx = effects_new();

	(void)state;
	assert_int_equal(next_link(fx, 5), 0);
	put_close(fx, 4, 1);
	put_close(fx, 0, 2);
	put_close(fx, 5, 3);
	assert_int_equal(next_link(fx, 5), 1);
	assert_int_equal(next_link(fx, 5), 2);
	assert_int_equal(next_link(fx, 5), 3);
	effects_free(fx);
}

static void effects_drop__forgets__all_of_them(void **state)
{
	struct effects *fx = effects_new();

	(void)state;
	put_close(fx, 0, 1);
	put_close(fx, 0, 2);
	put_close(fx, 3, 3);
	assert_int_equal(next_link(fx, 0), 1);
	effects_drop(fx);
	assert_int_equal(next_link(fx, 99), 0);
	put_close(fx, 0, 4);
	assert_int_equal(next_link(fx, 99), 4);
	effects_free(fx);
}

static void effects_put__copies__packets(void **state)
{
	struct effects *fx = effects_new();
	struct effect e;
	char text[] = "are you there?", stamp[] = "2026";
	struct range gone[2] = {{1, 2}, {5, 5}};
	struct packet p = {.kind = PKT_MESSAGE,
			   .text = view(text),
			   .stamp = view(stamp),
			   .ranges = gone,
			   .n_ranges = 2};

	(void)state;
	effects_put(fx, &(struct effect){.kind = FX_SEND, .packet = &p});
	memset(text, 'x', strlen(text));
	memset(gone, 0, sizeof(gone));
	assert_true(effects_next(fx, 0, &e));
	assert_int_equal(e.packet->text.n, 14);
	assert_memory_equal(e.packet->text.p, "are you there?", 14);
	assert_memory_equal(e.packet->stamp.p, "2026", 4);
	assert_int_equal(e.packet->ranges[1].to, 5);
	assert_int_equal(e.packet->quoted.n, 0);
	effects_free(fx);
}

static void effects_put__copies__events(void **state)
{
	struct effects *fx = effects_new();
	struct effect e;
	char text[] = "hello", draft[] = "half";
	struct message m = {.n = 7, .text = text};
	struct contact c = {.id = 3, .draft = draft};
	struct event ev = {.kind = EV_MESSAGE, .message = &m, .contact = &c};

	(void)state;
	effects_put(
	    fx, &(struct effect){.kind = FX_EVENT, .client = 9, .event = &ev});
	text[0] = draft[0] = 'x';
	m.n = 0;
	assert_true(effects_next(fx, 0, &e));
	assert_int_equal(e.client, 9);
	assert_int_equal(e.event->message->n, 7);
	assert_string_equal(e.event->message->text, "hello");
	assert_null(e.event->message->quote);
	assert_string_equal(e.event->contact->draft, "half");
	assert_null(e.event->name);
	effects_free(fx);
}

static void effects_put__copies__jobs(void **state)
{
	struct effects *fx = effects_new();
	struct effect e;
	char host[] = "example.org";
	struct job j = {.kind = JOB_RESOLVE, .host = host, .port = 6327};

	(void)state;
	effects_put(fx, &(struct effect){.kind = FX_JOB, .job = &j});
	host[0] = 'x';
	assert_true(effects_next(fx, 0, &e));
	assert_string_equal(e.job->host, "example.org");
	assert_int_equal(e.job->port, 6327);
	effects_free(fx);
}

/* What it gives out is good until the next call, also when a chunk ends. */
static void effects_next__keeps__what_it_gave_out(void **state)
{
	struct effects *fx = effects_new();
	enum { N = 5000, LEN = 700 };
	char text[LEN + 1];
	struct effect e;

	(void)state;
	text[LEN] = 0;
	for (int i = 0; i < N; i++) {
		memset(text, 'a' + i % 26, LEN);
		struct packet p = {.text = view(text), .seq = (uint64_t)i};
		effects_put(fx, &(struct effect){.kind = FX_SEND,
						 .after = (ticket)(i % 3),
						 .packet = &p});
	}
	for (int k = 0; k < 3; k++) {
		for (int i = k; i < N; i += 3) {
			assert_true(effects_next(fx, 2, &e));
			assert_int_equal(e.packet->seq, i);
			assert_int_equal(e.packet->text.p[0], 'a' + i % 26);
			assert_int_equal(e.packet->text.p[LEN - 1],
					 'a' + i % 26);
		}
	}
	assert_false(effects_next(fx, 2, &e));
	effects_free(fx);
}

static void effects_put__takes__a_packet_larger_than_a_chunk(void **state)
{
	struct effects *fx = effects_new();
	struct effect e;
	enum { LEN = 120000 };
	char *text = xmalloc(LEN);

	(void)state;
	memset(text, 'z', LEN);
	struct packet p = {.text = {(const uint8_t *)text, LEN}};
	put_close(fx, 0, 1);
	effects_put(fx, &(struct effect){.kind = FX_SEND, .packet = &p});
	put_close(fx, 0, 2);
	free(text);
	assert_int_equal(next_link(fx, 0), 1);
	assert_true(effects_next(fx, 0, &e));
	assert_int_equal(e.packet->text.n, LEN);
	assert_int_equal(e.packet->text.p[LEN - 1], 'z');
	assert_int_equal(next_link(fx, 0), 2);
	effects_free(fx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(effects__come__by_ticket_and_then_as_put),
	    cmocka_unit_test(effects__wait__for_their_ticket),
	    cmocka_unit_test(
		effects__wait_for_nothing__when_the_ticket_is_durable),
	    cmocka_unit_test(effects_drop__forgets__all_of_them),
	    cmocka_unit_test(effects_put__copies__packets),
	    cmocka_unit_test(effects_put__copies__events),
	    cmocka_unit_test(effects_put__copies__jobs),
	    cmocka_unit_test(effects_next__keeps__what_it_gave_out),
	    cmocka_unit_test(effects_put__takes__a_packet_larger_than_a_chunk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
