#include "src/beacon.h"
#include "src/clock.h"
#include "src/net.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
/* cmocka needs setjmp and stdarg */
#include <cmocka.h>

/* ---- the clock: this program has its own, which it can move ---- */

#define SECOND INT64_C(1000000)
enum { PATIENCE_S = 30, PENDING = 64, CONTACT = 77 };

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

/* ---- one end of the network, and what was heard of it ---- */

struct side {
	struct net *net;
	struct keys *keys;
	struct rng rng;
	uint16_t port;
	unsigned ups, downs, packets, most; /* most: packets in one turn */
	bool in_order;
	struct net_event up, down; /* the last of each */
	bool behind;
};

static struct side server, dialler;

static const struct net_rules usual = {
    .pending = PENDING,
    .pending_source = 4,
    .pending_loopback = 64,
    .handshakes_s = 500,
    .handshakes_source_s = 5,
};

static struct addr at_port(uint16_t port)
{
	return (struct addr){.ip = {[10] = 0xff, 0xff, 127, 0, 0, 1},
			     .port = port};
}

static void side_start(struct side *s, uint8_t seed,
		       const struct net_rules *rules)
{
	uint8_t key[32] = {seed};

	memset(s, 0, sizeof *s);
	clock_seed(&s->rng);
	s->keys = keys_new(key);
	s->net = net_new(rules, s->keys);
	s->in_order = true;
}

static void side_end(struct side *s)
{
	net_free(s->net);
	keys_free(s->keys);
	s->net = NULL;
	s->keys = NULL;
}

static int start_with(const struct net_rules *rules)
{
	moved_us = 0;
	side_start(&server, 1, rules);
	return net_listen(server.net, &dialect_sotto, at_port(0), &server.port);
}

static int start(void **state)
{
	(void)state;
	return start_with(&usual);
}

static int end(void **state)
{
	(void)state;
	side_end(&server);
	side_end(&dialler);
	return 0;
}

static void heard(struct side *s, const struct net_event *ev)
{
	if (ev->kind == NET_UP) {
		s->ups++;
		s->up = *ev;
	} else if (ev->kind == NET_DOWN) {
		s->downs++;
		s->down = *ev;
	} else {
		s->packets++;
		s->in_order = s->in_order && ev->packet->seq == s->packets;
	}
}

static void side_turn(struct side *s, int64_t wait_us)
{
	unsigned before = s->packets;
	struct net_event ev;
	struct now now;

	if (!s->net)
		return;
	assert_int_equal(net_wait(s->net, clock_mono_us() + wait_us, s->behind),
			 OK);
	now = clock_now(&s->rng, NULL);
	while (net_next(s->net, &now, &ev))
		heard(s, &ev);
	if (s->packets - before > s->most)
		s->most = s->packets - before;
	net_flush(s->net);
}

static void turn(void)
{
	side_turn(&server, 2000);
	side_turn(&dialler, 2000);
}

/* Goes on until it is so; fails when it takes too long. */
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

/* ---- somebody with a bare socket ---- */

static int bare_from(const char *from, const char *ip, int receive_bytes)
{
	struct sockaddr_in own = {.sin_family = AF_INET};
	struct sockaddr_in to = {.sin_family = AF_INET,
				 .sin_port = htons(server.port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	if (receive_bytes)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_bytes,
			   sizeof receive_bytes);
	assert_int_equal(inet_pton(AF_INET, from, &own.sin_addr), 1);
	assert_int_equal(inet_pton(AF_INET, ip, &to.sin_addr), 1);
	assert_int_equal(bind(fd, (struct sockaddr *)&own, sizeof own), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
	assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	return fd;
}

static int bare(void)
{
	return bare_from("127.0.0.1", "127.0.0.1", 0);
}

static bool closed(int fd)
{
	uint8_t in[256];
	ssize_t n = recv(fd, in, sizeof in, 0);

	while (n > 0)
		n = recv(fd, in, sizeof in, 0);
	return n == 0 || errno != EAGAIN;
}

static void put(int fd, const void *p, size_t n)
{
	assert_int_equal(send(fd, p, n, MSG_NOSIGNAL), (ssize_t)n);
}

/* ---- somebody who speaks, and reads only when told to ---- */

struct talker {
	int fd;
	struct link *link;
	struct keys *keys;
	struct rng rng;
	uint64_t seq;
};

static struct now talker_now(struct talker *t)
{
	return clock_now(&t->rng, NULL);
}

static void talker_write(struct talker *t)
{
	struct bytes out;
	ssize_t n = 1;

	while (n > 0 && (out = link_output(t->link)).n) {
		n = send(t->fd, out.p, out.n, MSG_NOSIGNAL);
		if (n > 0)
			link_wrote(t->link, (size_t)n);
	}
}

static void talker_read(struct talker *t)
{
	struct now now = talker_now(t);
	uint8_t in[4096];
	ssize_t n = recv(t->fd, in, sizeof in, 0);

	if (n > 0)
		assert_int_equal(
		    link_feed(t->link, &now, (struct bytes){in, (size_t)n}),
		    OK);
}

static bool talker_shakes(struct talker *t)
{
	talker_write(t);
	talker_read(t);
	talker_write(t);
	return link_up(t->link);
}

static void talker_dial(struct talker *t, uint8_t seed, int receive_bytes)
{
	uint8_t key[32] = {seed};
	struct now now = talker_now(t);
	unsigned before = server.ups;

	memset(t, 0, sizeof *t);
	clock_seed(&t->rng);
	t->keys = keys_new(key);
	t->fd = bare_from("127.0.0.1", "127.0.0.1", receive_bytes);
	t->link = link_new(&dialect_sotto, DIALLED, t->keys, NULL, &now);
	UNTIL(talker_shakes(t));
	UNTIL(server.ups > before);
}

static void talker_end(struct talker *t)
{
	close(t->fd);
	link_free(t->link);
	keys_free(t->keys);
}

static struct bytes view(const char *s)
{
	return (struct bytes){(const uint8_t *)s, strlen(s)};
}

static struct packet text_packet(const struct now *now, uint64_t seq,
				 const char *text, char stamp[STAMP_MAX + 1])
{
	struct packet p = {.kind = PKT_MESSAGE,
			   .from = at_port(9),
			   .to = at_port(10),
			   .sent_us = now->wall_us,
			   .seq = seq,
			   .epoch = {7},
			   .text = view(text)};

	uuid_make(&p.id, now);
	rfc3339_put(stamp, now->wall_us);
	p.stamp = view(stamp);
	return p;
}

static void talker_say(struct talker *t, const char *text)
{
	char stamp[STAMP_MAX + 1];
	struct now now = talker_now(t);
	struct packet p = text_packet(&now, ++t->seq, text, stamp);

	assert_int_equal(link_send(t->link, &now, &p), OK);
}

static void side_say(struct side *s, link_id to, uint64_t seq, const char *text)
{
	char stamp[STAMP_MAX + 1];
	struct now now = clock_now(&s->rng, NULL);
	struct packet p = text_packet(&now, seq, text, stamp);

	net_send(s->net, &now, to, &p);
}

/* ---- listening ---- */

static void net__listens__where_it_is_told(void **state)
{
	uint16_t other = 0, again = 0;

	(void)state;
	assert_int_not_equal(server.port, 0); /* the system's choice */
	assert_int_equal(
	    net_listen(server.net, &dialect_sotto, at_port(0), &other), OK);
	assert_int_not_equal(other, 0);
	assert_int_not_equal(other, server.port);

	side_start(&dialler, 2, &usual);
	errno = 0;
	assert_int_equal(net_listen(dialler.net, &dialect_sotto,
				    at_port(server.port), &again),
			 ERR_SYS);
	assert_int_equal(errno, EADDRINUSE);
	assert_int_equal(again, 0);
	assert_int_equal(
	    net_listen(dialler.net, &dialect_sotto, at_port(0), &again), OK);
}

static void net__listens__at_twelve_places_at_most(void **state)
{
	uint16_t port;

	(void)state;
	for (int i = 1; i < 12; i++)
		assert_int_equal(
		    net_listen(server.net, &dialect_sotto, at_port(0), &port),
		    OK);
	assert_int_equal(
	    net_listen(server.net, &dialect_sotto, at_port(0), &port),
	    ERR_FULL);
}

/* ---- conversations ---- */

static void dial(uint16_t port, const struct pubkey *pin)
{
	struct now now;
	struct effect fx = {.kind = FX_DIAL,
			    .at = at_port(port),
			    .dialect = &dialect_sotto,
			    .contact = CONTACT};

	if (pin)
		fx.pin = *pin;
	side_start(&dialler, 2, &usual);
	now = clock_now(&dialler.rng, NULL);
	net_dial(dialler.net, &now, &fx);
}

static void dial_up(void)
{
	struct pubkey pin = keys_public(server.keys);

	dial(server.port, &pin);
	UNTIL(server.ups == 1 && dialler.ups == 1);
}

static void assert_key(const struct net_event *ev, const struct side *s)
{
	struct pubkey key = keys_public(s->keys);

	assert_memory_equal(&ev->key, &key, sizeof key);
}

static void net__brings__packets_both_ways(void **state)
{
	struct now now;

	(void)state;
	dial_up();
	assert_key(&dialler.up, &server);
	assert_key(&server.up, &dialler);
	assert_int_equal(dialler.up.dialled_for, CONTACT);
	assert_int_equal(server.up.dialled_for, 0);
	assert_int_equal(dialler.up.at.port, server.port);
	side_say(&dialler, dialler.up.link, 1, "one");
	side_say(&server, server.up.link, 1, "two");
	UNTIL(server.packets == 1 && dialler.packets == 1);
	assert_true(server.in_order && dialler.in_order);

	now = clock_now(&dialler.rng, NULL);
	net_close(dialler.net, &now, dialler.up.link);
	UNTIL(server.downs == 1);
	assert_int_equal(server.down.link, server.up.link);
	assert_int_equal(dialler.downs, 0);
}

static void net__knows__no_old_link(void **state)
{
	struct talker first, second;
	link_id old;

	(void)state;
	talker_dial(&first, 3, 0);
	old = server.up.link;
	talker_end(&first);
	UNTIL(server.downs == 1);
	assert_int_equal(server.down.why, ERR_CLOSED);
	talker_dial(&second, 4, 0);
	assert_int_not_equal(server.up.link, old);
	side_say(&server, old, 1, "to whom?");
	assert_true(net_drained(server.net));
	side_say(&server, server.up.link, 1, "to you");
	assert_false(net_drained(server.net));
	talker_end(&second);
}

static void net__hands_out__a_thousand_at_once_in_order(void **state)
{
	int room = 4 << 20;
	struct talker t;

	(void)state;
	talker_dial(&t, 3, 0);
	setsockopt(t.fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
	for (int i = 0; i < 1000; i++)
		talker_say(&t, "the same again");
	for (; link_output(t.link).n; side_turn(&server, 0))
		talker_write(&t);
	UNTIL(server.packets == 1000);
	assert_true(server.in_order);
	assert_true(server.most > 1 && server.most <= 256);
	assert_int_equal(server.downs, 0);
	talker_end(&t);
}

static void net__hears__what_was_said_before_the_end(void **state)
{
	struct now now;
	struct talker t;

	(void)state;
	talker_dial(&t, 3, 0);
	for (int i = 0; i < 40; i++)
		talker_say(&t, "last words");
	now = talker_now(&t);
	link_bye(t.link, &now);
	talker_write(&t);
	assert_int_equal(link_output(t.link).n, 0);
	talker_end(&t);
	UNTIL(server.downs == 1);
	assert_int_equal(server.packets, 40);
}

static void net__reads__nothing_while_the_disk_is_behind(void **state)
{
	int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	struct talker t;
	int64_t from;

	(void)state;
	assert_int_equal(net_watch(server.net, fd), OK);
	talker_dial(&t, 3, 0);
	talker_say(&t, "wait");
	talker_write(&t);
	server.behind = true;
	for (int i = 0; i < 5; i++)
		side_turn(&server, 2000);
	assert_int_equal(server.packets, 0);

	assert_int_equal(eventfd_write(fd, 1), 0); /* the disk has news */
	from = real_us(CLOCK_MONOTONIC);
	side_turn(&server, PATIENCE_S * SECOND);
	assert_true(real_us(CLOCK_MONOTONIC) - from < PATIENCE_S * SECOND / 2);
	assert_int_equal(server.packets, 0);
	server.behind = false;
	UNTIL(server.packets == 1);
	talker_end(&t);
	close(fd);
}

/* ---- dialling in vain ---- */

static void net__tells__that_nobody_is_there(void **state)
{
	uint16_t port = server.port;

	(void)state;
	side_end(&server);
	dial(port, NULL);
	UNTIL(dialler.downs == 1);
	assert_int_equal(dialler.down.why, ERR_SYS);
	assert_int_equal(dialler.down.dialled_for, CONTACT);
	assert_int_equal(dialler.ups, 0);
}

static void net__tells__of_another_key_than_the_pin(void **state)
{
	struct pubkey pin = {{9}};

	(void)state;
	dial(server.port, &pin);
	UNTIL(dialler.downs == 1 && server.downs == 1);
	assert_int_equal(dialler.down.why, ERR_AUTH);
	assert_key(&dialler.down, &server);
	assert_int_equal(dialler.ups + server.ups, 0);
	assert_true(pubkey_none(&server.down.key)); /* we said not who we are */
}

static void net__gives_up__on_who_never_answers(void **state)
{
	struct sockaddr_in a = {.sin_family = AF_INET};
	socklen_t n = sizeof a;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)state;
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
	dial(ntohs(a.sin_port), NULL);
	later(9 * SECOND);
	assert_int_equal(dialler.downs, 0);
	later(2 * SECOND);
	assert_int_equal(dialler.downs, 1);
	assert_int_equal(dialler.down.dialled_for, CONTACT);
	close(fd);
}

/* ---- limits before authentication ---- */

/* One that came after all the others. */
static int one_more(void)
{
	int fd;

	moved_us += 1000;
	fd = bare();
	turn();
	return fd;
}

static void net__lets_go__the_oldest_of_65_that_said_nothing(void **state)
{
	static const uint8_t rubbish[] = "GET / HTTP/1.1\r\n\r\n";
	static const char other[] = "127.0.0.2";
	struct talker t;
	int fd[PENDING], more;

	(void)state;
	for (int i = 0; i < PENDING; i++) {
		moved_us += 1000;
		fd[i] = i % 2 ? bare() : bare_from(other, "127.0.0.1", 0);
		turn();
	}
	more = one_more();
	UNTIL(closed(fd[0]));
	for (int i = 1; i < PENDING; i++)
		assert_false(closed(fd[i]));
	assert_false(closed(more));
	UNTIL(server.downs == 1);

	put(fd[5], rubbish, sizeof rubbish); /* a place is free again */
	UNTIL(closed(fd[5]));
	UNTIL(server.downs == 2);
	assert_int_equal(server.down.why, ERR_PARSE);
	talker_dial(&t, 3, 0); /* in, known: it counts no longer */
	close(fd[5]);
	fd[5] = one_more();
	assert_false(closed(fd[1]));
	close(fd[0]);
	fd[0] = one_more();
	UNTIL(closed(fd[1]));
	assert_false(closed(fd[5]));
	talker_say(&t, "still here");
	talker_write(&t);
	UNTIL(server.packets == 1);
	talker_end(&t);
	close(more);
	for (int i = 0; i < PENDING; i++)
		close(fd[i]);
}

static void net__lets_go__the_first_of_four_when_three_may(void **state)
{
	struct net_rules rules = usual;
	int fd[4], other;

	(void)state;
	side_end(&server);
	rules.pending_loopback = 3;
	assert_int_equal(start_with(&rules), OK);
	other = bare_from("127.0.0.2", "127.0.0.1", 0);
	turn();
	for (int i = 0; i < 4; i++)
		fd[i] = one_more();
	UNTIL(closed(fd[0]));
	turn();
	for (int i = 1; i < 4; i++)
		assert_false(closed(fd[i]));
	assert_false(closed(other)); /* older, but somebody else's */
	close(other);
	for (int i = 0; i < 4; i++)
		close(fd[i]);
}

/* An address of this machine that is not the loopback's; what is sent there
 * does not leave it. False: it has none. */
static bool listen_outside(char ip[static ADDR_TEXT])
{
	struct addr own, any = {.ip = {[10] = 0xff, 0xff}};

	beacon_address(&own);
	ip_text(ip, &own);
	return !addr_loopback(&own) &&
	       !net_listen(server.net, &dialect_sotto, any, &server.port);
}

static void net__lets_go__the_first_of_five_from_outside(void **state)
{
	char ip[ADDR_TEXT];
	int fd[5];

	(void)state;
	if (!listen_outside(ip))
		skip();
	for (int i = 0; i < 5; i++) {
		moved_us += 1000;
		fd[i] = bare_from(ip, ip, 0);
		turn();
	}
	UNTIL(closed(fd[0]));
	for (int i = 1; i < 5; i++)
		assert_false(closed(fd[i]));
	for (int i = 0; i < 5; i++)
		close(fd[i]);
	UNTIL(server.downs == 5);
	fd[0] = bare_from(ip, ip, 0);
	turn();
	turn();
	assert_false(closed(fd[0]));
	close(fd[0]);
}

/* True: it was let in, and went; false: it was thrown out. */
static bool passes(const char *ip)
{
	unsigned before = server.downs;
	int fd = bare_from(ip, ip, 0);
	bool in;

	put(fd, "x", 1); /* no preface: whoever is in goes out, told as down */
	UNTIL(closed(fd));
	turn();
	in = server.downs > before;
	close(fd);
	return in;
}

static void net__refuses__who_comes_too_often_from_outside(void **state)
{
	char ip[ADDR_TEXT];
	int n = 0;

	(void)state;
	if (!listen_outside(ip))
		skip();
	while (passes(ip))
		assert_in_range(++n, 1, 40);
	assert_in_range(n, 20, 30); /* twenty, and five a second */
	moved_us += SECOND;
	assert_true(passes(ip));
	for (int i = 0; i < 30; i++) /* from here as often as one likes */
		assert_true(passes("127.0.0.1"));
}

static void net__refuses__too_many_handshakes_a_second(void **state)
{
	struct net_rules rules = usual;
	int fd[12];

	(void)state;
	side_end(&server);
	rules.handshakes_s = 10;
	assert_int_equal(start_with(&rules), OK);
	later(-SECOND / 1000); /* the bucket is full, not more */
	for (int i = 0; i < 12; i++)
		fd[i] = bare();
	UNTIL(closed(fd[11]));
	for (int i = 0; i < 10; i++)
		assert_false(closed(fd[i]));
	close(fd[11]);
	moved_us += SECOND;
	fd[11] = bare();
	turn();
	turn();
	assert_false(closed(fd[11]));
	for (int i = 0; i < 12; i++)
		close(fd[i]);
}

static void net__closes__who_sends_a_byte_and_stops(void **state)
{
	int one = bare(), none = bare();

	(void)state;
	put(one, "S", 1);
	later(0);
	later(2 * SECOND);
	assert_false(closed(one) || closed(none));
	later(2 * SECOND);
	UNTIL(closed(one) && closed(none));
	assert_int_equal(server.downs, 2);
	assert_int_equal(server.down.why, ERR_CLOSED);
	close(one);
	close(none);
}

/* The handshake's deadline does not move with each byte. */
static void net__closes__who_shakes_hands_slowly(void **state)
{
	static const uint8_t preface[] = {'S', 'V', 1, 0, 0, 0, 0, 0, 0, 32};
	int fd = bare();

	(void)state;
	put(fd, preface, sizeof preface);
	later(0);
	for (int i = 0; i < 9; i++) {
		later(SECOND);
		assert_false(closed(fd));
		put(fd, "x", 1);
	}
	later(2 * SECOND);
	UNTIL(closed(fd));
	assert_int_equal(server.ups, 0);
	assert_int_equal(server.downs, 1);
	close(fd);
}

/* ---- limits behind it ---- */

static void net__closes__a_record_that_never_ends(void **state)
{
	struct talker t;
	struct bytes out;

	(void)state;
	talker_dial(&t, 3, 0);
	talker_say(&t, "cut short");
	out = link_output(t.link);
	put(t.fd, out.p, out.n - 1);
	later(0);
	later(19 * SECOND);
	assert_int_equal(server.downs, 0);
	later(2 * SECOND);
	assert_int_equal(server.downs, 1);
	assert_int_equal(server.packets, 0);
	talker_end(&t);
}

static void net__closes__who_says_nothing_for_75_s(void **state)
{
	struct talker t;

	(void)state;
	talker_dial(&t, 3, 0);
	later(74 * SECOND);
	assert_int_equal(server.downs, 0);
	later(2 * SECOND);
	assert_int_equal(server.downs, 1);
	talker_end(&t);
}

/* Until the sockets take no more. */
static void fill(struct side *s, link_id to)
{
	static char text[TEXT_MAX + 1];

	memset(text, 'x', TEXT_MAX);
	for (uint64_t seq = 1; net_drained(s->net) && !s->downs; seq++) {
		side_say(s, to, seq, text);
		turn();
	}
}

static void net__closes__who_never_reads(void **state)
{
	struct talker t;

	(void)state;
	talker_dial(&t, 3, 4096);
	fill(&server, server.up.link);
	assert_int_equal(server.downs, 0);
	later(29 * SECOND);
	assert_int_equal(server.downs, 0);
	later(2 * SECOND);
	assert_int_equal(server.downs, 1);
	assert_int_equal(server.down.why, ERR_CLOSED);
	assert_true(net_drained(server.net));
	talker_end(&t);
}

static bool drains(struct talker *t)
{
	talker_read(t);
	return net_drained(server.net);
}

static void net__waits__for_who_reads_slowly(void **state)
{
	struct talker t;

	(void)state;
	talker_dial(&t, 3, 65536);
	for (int i = 0; i < 4; i++) {
		fill(&server, server.up.link);
		later(20 * SECOND);
		talker_say(&t, "patience"); /* it is alive, too */
		talker_write(&t);
		UNTIL(drains(&t));
	}
	assert_int_equal(server.downs, 0);
	talker_end(&t);
}

/* True: it was thrown out. */
static bool asks(struct talker *t)
{
	struct now now = talker_now(t);

	while (link_output(t->link).n < 65536)
		link_ping(t->link, &now);
	talker_write(t);
	return server.downs > 0;
}

/* What it asks for is answered; answers that it does not read are not
 * gathered without end, and no clock is needed to see that. */
static void net__closes__who_asks_and_never_reads(void **state)
{
	struct talker t;

	(void)state;
	talker_dial(&t, 3, 4096);
	UNTIL(asks(&t));
	assert_int_equal(server.down.why, ERR_LIMIT);
	talker_end(&t);
}

/* A network of our own, if the system lets us, with an address that is not
 * the loopback's. */
static void be_alone(void)
{
	struct ifreq lo = {.ifr_name = "lo", .ifr_flags = IFF_UP};
	struct ifreq alias = {.ifr_name = "lo:1"};
	struct sockaddr_in at = {.sin_family = AF_INET};
	int fd;

	if (unshare(CLONE_NEWNET) && unshare(CLONE_NEWUSER | CLONE_NEWNET))
		return;
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	inet_pton(AF_INET, "10.77.0.1", &at.sin_addr);
	memcpy(&alias.ifr_addr, &at, sizeof at);
	ioctl(fd, SIOCSIFFLAGS, &lo);
	ioctl(fd, SIOCSIFADDR, &alias);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, start, end)
	    TEST(net__listens__where_it_is_told),
	    TEST(net__listens__at_twelve_places_at_most),
	    TEST(net__brings__packets_both_ways),
	    TEST(net__knows__no_old_link),
	    TEST(net__hands_out__a_thousand_at_once_in_order),
	    TEST(net__hears__what_was_said_before_the_end),
	    TEST(net__reads__nothing_while_the_disk_is_behind),
	    TEST(net__tells__that_nobody_is_there),
	    TEST(net__tells__of_another_key_than_the_pin),
	    TEST(net__gives_up__on_who_never_answers),
	    TEST(net__lets_go__the_oldest_of_65_that_said_nothing),
	    TEST(net__lets_go__the_first_of_four_when_three_may),
	    TEST(net__lets_go__the_first_of_five_from_outside),
	    TEST(net__refuses__who_comes_too_often_from_outside),
	    TEST(net__refuses__too_many_handshakes_a_second),
	    TEST(net__closes__who_sends_a_byte_and_stops),
	    TEST(net__closes__who_shakes_hands_slowly),
	    TEST(net__closes__a_record_that_never_ends),
	    TEST(net__closes__who_says_nothing_for_75_s),
	    TEST(net__closes__who_never_reads),
	    TEST(net__waits__for_who_reads_slowly),
	    TEST(net__closes__who_asks_and_never_reads),
	};

	be_alone();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
