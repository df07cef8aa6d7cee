/* Two connections that a center makes one: net_splice.c at its end,
 * net_opening.c at theirs, over real sockets. */
#include "proto/splice.h"
#include "src/clock.h"
#include "src/net.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
/* cmocka needs setjmp and stdarg */
#include <cmocka.h>

/* ---- the clock: this program has its own, which it can move ---- */

#define SECOND INT64_C(1000000)
enum { PATIENCE_S = 30, CHUNK = 16384, CONTACT = 5 };

static int64_t moved_us;

static int64_t real_us(clockid_t which)
{
	struct timespec t;

	clock_gettime(which, &t);
	return t.tv_sec * SECOND + t.tv_nsec / 1000;
}

void clock_seed(struct rng *r)
{
	*r = (struct rng){0};
	assert_int_equal(getrandom(r->seed, sizeof r->seed, 0), sizeof r->seed);
}

int64_t clock_mono_us(void)
{
	return real_us(CLOCK_MONOTONIC) + moved_us;
}

struct now clock_now(struct rng *r, struct clock_sleep *sleep)
{
	(void)sleep;
	return (struct now){.mono_us = clock_mono_us(),
			    .wall_us = real_us(CLOCK_REALTIME) + moved_us,
			    .rng = r};
}

/* ---- the center, and two that dial it ---- */

struct side {
	struct net *net;
	struct keys *keys;
	struct rng rng;
	unsigned ups, downs, packets, spliced;
	struct net_event up, down;
	struct uuid over; /* the last that was */
};

static struct side center, ana, bob;
static uint16_t port;

static struct addr here(uint16_t p)
{
	return (struct addr){.ip = {[10] = 0xff, 0xff, 127, 0, 0, 1},
			     .port = p};
}

static void side_start(struct side *s, uint8_t seed)
{
	static const struct net_rules rules = {
	    .pending = 64,
	    .pending_source = 4,
	    .pending_loopback = 64,
	    .handshakes_s = 500,
	    .handshakes_source_s = 5,
	};
	uint8_t key[32] = {seed};

	memset(s, 0, sizeof *s);
	clock_seed(&s->rng);
	s->keys = keys_new(key);
	s->net = net_new(&rules, s->keys);
}

static void side_end(struct side *s)
{
	net_free(s->net);
	keys_free(s->keys);
}

static int start(void **state)
{
	(void)state;
	moved_us = 0;
	side_start(&center, 1);
	side_start(&ana, 2);
	side_start(&bob, 3);
	return net_listen(center.net, &dialect_sotto, here(0), &port);
}

static int end(void **state)
{
	(void)state;
	side_end(&center);
	side_end(&ana);
	side_end(&bob);
	return 0;
}

static void heard(struct side *s, const struct net_event *ev)
{
	switch (ev->kind) {
	case NET_UP:
		s->ups++;
		s->up = *ev;
		break;
	case NET_PACKET:
		s->packets++;
		break;
	case NET_DOWN:
		s->downs++;
		s->down = *ev;
		break;
	case NET_SPLICED:
		s->spliced++;
		s->over = ev->token;
		break;
	}
}

static void side_turn(struct side *s)
{
	struct net_event ev;
	struct now now;

	assert_int_equal(net_wait(s->net, clock_mono_us() + 1000, false), OK);
	now = clock_now(&s->rng, NULL);
	while (net_next(s->net, &now, &ev))
		heard(s, &ev);
	net_flush(s->net);
}

static void turn(void)
{
	side_turn(&center);
	side_turn(&ana);
	side_turn(&bob);
}

#define UNTIL(condition)                                                       \
	do {                                                                   \
		int64_t end_us_ =                                              \
		    real_us(CLOCK_MONOTONIC) + PATIENCE_S * SECOND;            \
		while (!(condition)) {                                         \
			assert_true(real_us(CLOCK_MONOTONIC) < end_us_);       \
			turn();                                                \
		}                                                              \
	} while (0)

/* A clock that jumps finds what is due at the next turn. */
static void later(int64_t us)
{
	moved_us += us;
	turn();
	turn();
}

static struct net_spliced count(void)
{
	return net_spliced(center.net);
}

static void expect(uint8_t n)
{
	struct now now = clock_now(&center.rng, NULL);

	net_expect(center.net, &now, &(struct uuid){{n, 1, 2, 3}});
}

/* ---- bare sockets ---- */

static int bare(int receive_bytes)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
				 .sin_port = htons(port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	if (receive_bytes)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_bytes,
			   sizeof receive_bytes);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
	assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	return fd;
}

static void put(int fd, const void *p, size_t n)
{
	assert_int_equal(send(fd, p, n, MSG_NOSIGNAL), (ssize_t)n);
}

static int end_of(uint8_t token, int receive_bytes)
{
	uint8_t out[SPLICE_OPENING];
	int fd = bare(receive_bytes);

	splice_opening(out, &(struct uuid){{token, 1, 2, 3}});
	put(fd, out, sizeof out);
	return fd;
}

/* What came by now; closed: 0 with *over. */
static size_t got(int fd, uint8_t *p, size_t max, bool *over)
{
	ssize_t r = recv(fd, p, max, 0);

	*over = r == 0 || (r < 0 && errno != EAGAIN);
	return r > 0 ? (size_t)r : 0;
}

static bool closed(int fd)
{
	uint8_t in[4096];
	bool over;

	while (got(fd, in, sizeof in, &over))
		;
	return over;
}

static bool comes(int fd, const void *want, size_t n)
{
	uint8_t in[256];
	ssize_t r = recv(fd, in, n, MSG_PEEK);

	if (r < (ssize_t)n)
		return false;
	assert_int_equal(recv(fd, in, n, 0), (ssize_t)n);
	assert_memory_equal(in, want, n);
	return true;
}

static bool is_made(int fd)
{
	uint8_t made[SPLICE_MADE];

	splice_made(made);
	return comes(fd, made, sizeof made);
}

/* Both are here; what each says comes to the other. */
static void spliced(uint8_t token, int fd[2])
{
	expect(token);
	fd[0] = end_of(token, 0);
	fd[1] = end_of(token, 0);
	UNTIL(is_made(fd[0]));
	UNTIL(is_made(fd[1]));
}

/* ---- tests ---- */

static void splice__carries__both_ways(void **state)
{
	int fd[2];

	(void)state;
	spliced(1, fd);
	put(fd[0], "hello", 5);
	put(fd[1], "good day", 8);
	UNTIL(comes(fd[1], "hello", 5));
	UNTIL(comes(fd[0], "good day", 8));
	assert_int_equal(count().now, 1);
	assert_int_equal(count().made, 1);
	assert_int_equal(count().waiting, 0);
	assert_int_equal(count().bytes, 13);
	close(fd[0]);
	UNTIL(closed(fd[1]));
	close(fd[1]);
	UNTIL(center.spliced == 1);
	assert_int_equal(center.over.b[0], 1);
	assert_int_equal(count().now, 0);
	/* and the center never took one of them for a link */
	assert_int_equal(center.ups + center.downs, 0);
}

/* Nothing is said to the first one before the second one is there. */
static void splice__waits__for_the_second(void **state)
{
	int one, two;

	(void)state;
	expect(9);
	one = end_of(9, 0);
	put(one, "early", 5);
	for (int i = 0; i < 20; i++)
		turn();
	assert_false(is_made(one));
	assert_false(closed(one));
	later(15 * SECOND);
	two = end_of(9, 0);
	UNTIL(is_made(two));
	UNTIL(is_made(one));
	UNTIL(comes(two, "early", 5));
	close(one);
	close(two);
}

static void splice__ends__when_nobody_comes(void **state)
{
	int one;

	(void)state;
	expect(7);
	expect(8);
	one = end_of(7, 0);
	for (int i = 0; i < 20; i++)
		turn();
	assert_int_equal(count().waiting, 2);
	later((SPLICE_WAIT_S + 1) * SECOND);
	UNTIL(closed(one));
	UNTIL(center.spliced == 2);
	assert_int_equal(count().expired, 2);
	assert_int_equal(count().waiting, 0);
	close(one);
	/* too late for that token */
	one = end_of(8, 0);
	UNTIL(closed(one));
	assert_int_equal(count().refused, 1);
	close(one);
}

static void splice__refuses__other_tokens(void **state)
{
	int fd[2], third, wrong;

	(void)state;
	spliced(1, fd);
	expect(2);
	wrong = end_of(3, 0);
	UNTIL(closed(wrong));
	third = end_of(1, 0); /* it is good for one pair */
	UNTIL(closed(third));
	assert_int_equal(count().refused, 2);
	put(fd[0], "x", 1);
	UNTIL(comes(fd[1], "x", 1));
	close(fd[0]);
	close(fd[1]);
	close(third);
	close(wrong);
}

/* Byte by byte; and one that stops in the middle, and one that is no opening.
 */
static void opening__is_read__as_it_comes(void **state)
{
	uint8_t out[SPLICE_OPENING];
	int one, two, half, other;

	(void)state;
	expect(4);
	splice_opening(out, &(struct uuid){{4, 1, 2, 3}});
	one = bare(0);
	for (size_t i = 0; i < sizeof out; i++) {
		put(one, out + i, 1);
		turn();
	}
	half = bare(0);
	put(half, out, sizeof out - 1);
	other = bare(0);
	put(other, "SVR\2", 4);
	UNTIL(closed(other));
	two = end_of(4, 0);
	UNTIL(is_made(one) && is_made(two));
	assert_false(closed(half));
	later(4 * SECOND); /* first bytes: 3 s, as for a link */
	UNTIL(closed(half));
	assert_int_equal(count().refused, 0);
	close(one);
	close(two);
	close(half);
	close(other);
}

/* Where no splice was ever expected an opening is noise. */
static void opening__is_noise__elsewhere(void **state)
{
	int fd;

	(void)state;
	fd = end_of(1, 0);
	UNTIL(closed(fd));
	close(fd);
	assert_int_equal(count().refused, 0);
}

static void splice__passes_on__the_end_of_one_direction(void **state)
{
	int fd[2];

	(void)state;
	spliced(1, fd);
	put(fd[0], "last", 4);
	shutdown(fd[0], SHUT_WR);
	UNTIL(comes(fd[1], "last", 4));
	UNTIL(closed(fd[1]));
	put(fd[1], "answer", 6); /* the other one is still open */
	UNTIL(comes(fd[0], "answer", 6));
	assert_int_equal(count().now, 1);
	shutdown(fd[1], SHUT_WR);
	UNTIL(closed(fd[0]));
	UNTIL(center.spliced == 1);
	close(fd[0]);
	close(fd[1]);
}

static void splice__ends__after_silence(void **state)
{
	int fd[2];

	(void)state;
	spliced(1, fd);
	for (int i = 0; i < 6; i++) { /* as a link's signs of life */
		later(75 * SECOND);
		put(fd[i % 2], "x", 1);
		UNTIL(comes(fd[!(i % 2)], "x", 1));
	}
	assert_int_equal(count().now, 1);
	later(151 * SECOND);
	UNTIL(closed(fd[0]));
	UNTIL(closed(fd[1]));
	assert_int_equal(count().expired, 1);
	close(fd[0]);
	close(fd[1]);
}

/* One floods, the other one does not read: what the center holds is a chunk,
 * and all of it arrives in the end, unchanged. */
static void splice__holds__a_chunk_at_most(void **state)
{
	static uint8_t out[1 << 16], in[1 << 16];
	uint64_t sent = 0, read = 0;
	int from, to, quiet = 0;
	bool over;

	(void)state;
	expect(6);
	from = end_of(6, 0);
	to = end_of(6, 4096);
	UNTIL(is_made(from) && is_made(to));
	while (quiet < 200 && sent < 64 << 20) {
		for (size_t i = 0; i < sizeof out; i++)
			out[i] = (uint8_t)((sent + i) * 7 >> 3);
		ssize_t w = send(from, out, sizeof out, MSG_NOSIGNAL);
		quiet = w > 0 ? 0 : quiet + 1;
		sent += w > 0 ? (uint64_t)w : 0;
		moved_us += SECOND / 50; /* its rate is another test */
		turn();
		assert_true(count().held <= CHUNK);
	}
	assert_true(count().held > 0);
	assert_true(sent < 64 << 20); /* its sender was made to wait */
	shutdown(from, SHUT_WR);
	while (read < sent) {
		size_t n = got(to, in, sizeof in, &over);
		for (size_t i = 0; i < n; i++)
			assert_int_equal(in[i], (uint8_t)((read + i) * 7 >> 3));
		read += n;
		assert_true(!over || read == sent);
		moved_us += SECOND / 50;
		turn();
	}
	UNTIL(closed(to));
	assert_int_equal(count().held, 0);
	close(from);
	close(to);
}

/* As fast as both can, for 300 turns. */
static void pour(const int fd[2])
{
	static uint8_t out[1 << 16];

	for (int i = 0; i < 300; i++) {
		if (send(fd[0], out, sizeof out, MSG_NOSIGNAL) < 0)
			assert_int_equal(errno, EAGAIN);
		side_turn(&center);
		assert_false(closed(fd[1]));
	}
}

/* A second's worth at once, then no more than comes back with time. */
static void splice__has__a_rate(void **state)
{
	enum { RATE = 1 << 20 };
	int fd[2];
	int64_t began;
	uint64_t before;

	(void)state;
	spliced(1, fd);
	began = clock_mono_us();
	pour(fd);
	before = count().bytes;
	assert_true(before >= RATE - CHUNK);
	assert_true(before <=
		    RATE + (uint64_t)(clock_mono_us() - began) * RATE / SECOND);
	moved_us += SECOND / 2;
	pour(fd);
	assert_true(count().bytes >= before + RATE / 2 - CHUNK);
	close(fd[0]);
	close(fd[1]);
}

static void splice__is_over__when_one_breaks(void **state)
{
	struct linger now = {.l_onoff = 1};
	int fd[2];

	(void)state;
	spliced(1, fd);
	setsockopt(fd[0], SOL_SOCKET, SO_LINGER, &now, sizeof now);
	close(fd[0]);
	UNTIL(closed(fd[1]));
	UNTIL(center.spliced == 1);
	close(fd[1]);
}

static void splice__is_limited__in_number(void **state)
{
	(void)state;
	for (int i = 0; i < 1030; i++) {
		struct now now = clock_now(&center.rng, NULL);
		struct uuid token = {{1, (uint8_t)(i >> 8), (uint8_t)i}};
		net_expect(center.net, &now, &token);
	}
	assert_int_equal(count().waiting, 1024);
	later(21 * SECOND);
	UNTIL(center.spliced == 1024);
}

/* ---- links through it ---- */

static void dial(struct side *s, uint8_t token, bool answers,
		 const struct side *pin)
{
	struct now now = clock_now(&s->rng, NULL);
	struct effect e = {.kind = FX_DIAL,
			   .dialect = &dialect_sotto,
			   .at = here(port),
			   .contact = CONTACT,
			   .relayed = true,
			   .answers = answers,
			   .pin = keys_public(pin->keys),
			   .token = {{token, 1, 2, 3}}};

	net_dial(s->net, &now, &e);
}

static void say(struct side *s)
{
	struct now now = clock_now(&s->rng, NULL);
	struct packet p = {.kind = PKT_TYPING};

	net_send(s->net, &now, s->up.link, &p);
}

static void met(bool bob_first)
{
	expect(1);
	dial(bob_first ? &bob : &ana, 1, bob_first, bob_first ? &ana : &bob);
	for (int i = 0; i < 10; i++)
		turn();
	/* longer than a link waits for its first bytes */
	later(8 * SECOND);
	dial(bob_first ? &ana : &bob, 1, !bob_first, bob_first ? &bob : &ana);
	UNTIL(ana.ups == 1 && bob.ups == 1);
	assert_true(ana.up.relayed && ana.up.begun);
	assert_true(bob.up.relayed && !bob.up.begun);
	assert_int_equal(ana.up.dialled_for, CONTACT);
	assert_int_equal(bob.up.dialled_for, CONTACT);
	say(&ana);
	say(&bob);
	UNTIL(ana.packets == 1 && bob.packets == 1);
	/* a farewell goes through, too */
	struct now now = clock_now(&ana.rng, NULL);
	net_close(ana.net, &now, ana.up.link);
	UNTIL(bob.downs == 1);
	assert_int_equal(bob.down.why, ERR_CLOSED);
	assert_true(bob.down.relayed);
	UNTIL(center.spliced == 1);
	assert_int_equal(center.ups, 0);
}

static void link__is_made__who_asked_first(void **state)
{
	(void)state;
	met(false);
}

static void link__is_made__who_answers_first(void **state)
{
	(void)state;
	met(true);
}

/* Whoever comes with the token must have the key. */
static void link__pins__both(void **state)
{
	(void)state;
	expect(1);
	dial(&ana, 1, false, &bob);
	dial(&bob, 1, true, &center); /* he was told of somebody else */
	UNTIL(bob.downs == 1);
	assert_int_equal(bob.down.why, ERR_AUTH);
	assert_true(bob.down.relayed && !bob.down.begun);
	UNTIL(ana.downs == 1);
	assert_int_equal(ana.ups + bob.ups, ana.ups);
	expect(2);
	dial(&ana, 2, false, &center);
	dial(&bob, 2, true, &ana);
	UNTIL(ana.downs == 2);
	assert_int_equal(ana.down.why, ERR_AUTH);
	assert_true(ana.down.relayed && ana.down.begun);
	UNTIL(bob.downs == 2);
	assert_int_equal(bob.ups, 0);
}

static void link__is_down__when_nobody_comes(void **state)
{
	(void)state;
	expect(1);
	dial(&ana, 1, false, &bob);
	for (int i = 0; i < 20; i++)
		turn();
	assert_int_equal(ana.downs, 0);
	later(26 * SECOND);
	UNTIL(ana.downs == 1);
	assert_int_equal(ana.down.why, ERR_CLOSED);
	assert_int_equal(ana.down.dialled_for, CONTACT);
	/* and at once when the token is not known */
	dial(&bob, 2, true, &ana);
	UNTIL(bob.downs == 1);
	assert_true(net_drained(bob.net) && net_drained(ana.net));
}

/* Links go on as ever where splices are expected. */
static void link__comes__to_the_same_port(void **state)
{
	struct now now = clock_now(&ana.rng, NULL);
	struct effect e = {.kind = FX_DIAL,
			   .dialect = &dialect_sotto,
			   .at = here(port),
			   .contact = CONTACT,
			   .pin = keys_public(center.keys)};

	(void)state;
	expect(1);
	net_dial(ana.net, &now, &e);
	UNTIL(ana.ups == 1 && center.ups == 1);
	assert_false(ana.up.relayed);
	assert_false(center.up.relayed);
	say(&ana);
	UNTIL(center.packets == 1);
}

#define T(f) cmocka_unit_test_setup_teardown(f, start, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(splice__carries__both_ways),
	    T(splice__waits__for_the_second),
	    T(splice__ends__when_nobody_comes),
	    T(splice__refuses__other_tokens),
	    T(opening__is_read__as_it_comes),
	    T(opening__is_noise__elsewhere),
	    T(splice__passes_on__the_end_of_one_direction),
	    T(splice__ends__after_silence),
	    T(splice__holds__a_chunk_at_most),
	    T(splice__has__a_rate),
	    T(splice__is_over__when_one_breaks),
	    T(splice__is_limited__in_number),
	    T(link__is_made__who_asked_first),
	    T(link__is_made__who_answers_first),
	    T(link__pins__both),
	    T(link__is_down__when_nobody_comes),
	    T(link__comes__to_the_same_port),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
