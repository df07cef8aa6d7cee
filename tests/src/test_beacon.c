#include "src/beacon.h"
#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
/* cmocka needs setjmp and stdarg */
#include <cmocka.h>

#define SECOND INT64_C(1000000)
#define OURS "beac0000" /* how every id in here begins */
enum { SIZE = 64, PORT = 6327, PATIENCE_MS = 10000, AT_ONCE = 64 };

/* Beacons take the time from us. */
static struct rng dice = {.seed = {1}};
static struct now now = {.rng = &dice};
static int mouth; /* writes to the group, on lo alone */

/* A network of our own if the system lets us, so that nobody is there but lo;
 * else what others say is left out by its id. */
static void be_alone(void)
{
	struct ifreq lo = {.ifr_name = "lo", .ifr_flags = IFF_UP};
	int fd;

	if (unshare(CLONE_NEWNET) && unshare(CLONE_NEWUSER | CLONE_NEWNET))
		return;
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	ioctl(fd, SIOCSIFFLAGS, &lo);
	close(fd);
}

static int start(void **state)
{
	struct in_addr lo = {.s_addr = htonl(INADDR_LOOPBACK)};

	(void)state;
	now.mono_us = 1000 * SECOND;
	mouth = socket(AF_INET, SOCK_DGRAM, 0);
	return setsockopt(mouth, IPPROTO_IP, IP_MULTICAST_IF, &lo, sizeof lo);
}

static int end(void **state)
{
	(void)state;
	return close(mouth);
}

static struct beacon *open_one(void)
{
	struct beacon *b = NULL;

	assert_int_equal(beacon_open(&b), OK);
	return b;
}

static void say(struct beacon *b, uint8_t who, const char *nick)
{
	struct uuid instance = {.b = {0xb5, who}};
	char id[33];

	snprintf(id, sizeof id, OURS "0000000000000000000000%02x", who);
	beacon_say(b, id, nick, (uint16_t)(4000 + who), instance, &now);
}

static void tick(struct beacon *b)
{
	now.mono_us = beacon_deadline(b);
	beacon_tick(b, &now);
}

static bool heard(struct beacon *b, struct hint *out)
{
	while (beacon_next(b, &now, out))
		if (memcmp(out->id, OURS, strlen(OURS)) == 0)
			return true;
	return false;
}

/* Datagrams over lo are there when they were sent, except on a busy day. */
static struct hint hear(struct beacon *b)
{
	struct pollfd p = {.fd = beacon_fd(b), .events = POLLIN};
	struct hint h;

	while (!heard(b, &h))
		assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
	return h;
}

/* ---- datagrams made by hand ---- */

static void make(uint8_t p[static SIZE], uint16_t instance)
{
	memset(p, 0, SIZE);
	memcpy(p, "SVB1", 4);
	p[4] = 0x12;
	p[5] = 0x34;
	p[7] = 1;
	p[8] = (uint8_t)(instance >> 8);
	p[9] = (uint8_t)instance;
	memcpy(p + 16, "\xbe\xac\0\0", 4);
	p[30] = p[8];
	p[31] = p[9];
	memcpy(p + 32, "hand", 4);
}

static void send_to(const char *ip, const uint8_t *p, size_t n)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
				 .sin_port = htons(PORT)};

	inet_pton(AF_INET, ip, &to.sin_addr);
	assert_int_equal(
	    sendto(mouth, p, n, 0, (const struct sockaddr *)&to, sizeof to),
	    (ssize_t)n);
}

static void shout(const uint8_t *p, size_t n)
{
	send_to("239.255.63.27", p, n);
}

static void shout_as(uint16_t instance)
{
	uint8_t p[SIZE];

	make(p, instance);
	shout(p, SIZE);
}

/* The one that is good comes last: whatever was sent before was looked at. */
static void assert_heard_only(struct beacon *b, uint16_t instance)
{
	char tail[5];
	struct hint h = hear(b);

	snprintf(tail, sizeof tail, "%04x", instance);
	assert_string_equal(h.id + 28, tail);
	assert_false(heard(b, &h));
}

/* ---- tests ---- */

static void beacon__hears__another_with_its_address(void **state)
{
	struct beacon *a = open_one(), *b = open_one();
	struct hint h;

	(void)state;
	assert_int_equal(beacon_deadline(b), INT64_MAX);
	say(a, 7, "Zoë");
	assert_int_equal(beacon_deadline(a), now.mono_us + 50000);
	beacon_tick(a, &now); /* too early: nothing is said */
	assert_int_equal(beacon_deadline(a), now.mono_us + 50000);
	tick(a);
	do {
		h = hear(b); /* once for each interface */
	} while (strcmp(h.host, "127.0.0.1") != 0);
	assert_int_equal(h.port, 4007);
	assert_string_equal(h.nick, "Zoë");
	assert_string_equal(h.id, OURS "000000000000000000000007");
	assert_int_equal(h.via, VIA_LAN);
	assert_ptr_equal(h.dialect, &dialect_sotto);
	assert_true(pubkey_none(&h.key));
	beacon_close(a);
	beacon_close(b);
}

static void beacon__ignores__itself(void **state)
{
	struct beacon *a = open_one(), *b = open_one();
	struct hint h;

	(void)state;
	say(a, 7, "a");
	say(b, 8, "b");
	tick(a);
	hear(b);
	shout_as(1);
	assert_heard_only(a, 1);
	say(a, 9, "a"); /* another run of the program: no longer the same */
	tick(b);
	h = hear(a);
	assert_int_equal(h.port, 4008);
	beacon_close(a);
	beacon_close(b);
}

/* What it says itself is no reason to hear less of others. */
static void beacon__counts__itself_not(void **state)
{
	struct beacon *b = open_one();

	(void)state;
	say(b, 7, "b");
	for (int i = 0; i < 25; i++)
		tick(b);
	shout_as(1);
	assert_heard_only(b, 1);
	beacon_close(b);
}

static void beacon__ignores__what_is_none(void **state)
{
	struct beacon *b = open_one();
	uint8_t p[1400] = {0}, good[SIZE];

	(void)state;
	for (size_t n = 0; n < SIZE; n++) { /* cut short */
		make(p, 2);
		shout(p, n);
	}
	make(good, 1);
	shout(good, SIZE);
	assert_heard_only(b, 1);

	make(p, 2);
	shout(p, SIZE + 1);
	shout(p, sizeof p);
	p[3] = '2';
	shout(p, SIZE); /* another version */
	make(p, 2);
	p[4] = p[5] = 0;
	shout(p, SIZE); /* no port */
	make(p, 2);
	p[7] = 0;
	shout(p, SIZE); /* who wants not to be seen */
	for (int i = 0; i < 8; i++) {
		rng_fill(&dice, p, SIZE);
		shout(p, SIZE);
	}
	shout(good, SIZE);
	assert_heard_only(b, 1);
	beacon_close(b);
}

/* From outside the network one cannot write to the group. */
static void beacon__ignores__what_was_sent_to_us_alone(void **state)
{
	struct beacon *b = open_one();
	uint8_t p[SIZE];

	(void)state;
	make(p, 2);
	send_to("127.0.0.1", p, SIZE);
	shout_as(1);
	assert_heard_only(b, 1);
	beacon_close(b);
}

static void beacon__believes__no_nickname_blindly(void **state)
{
	struct beacon *b = open_one();
	uint8_t p[SIZE];
	struct hint h;

	(void)state;
	make(p, 1);
	memset(p + 32, 'n', 32); /* no end */
	shout(p, SIZE);
	h = hear(b);
	assert_int_equal(strlen(h.nick), 31);
	make(p, 1);
	memcpy(p + 32, "\xff\xfe", 2);
	shout(p, SIZE);
	h = hear(b);
	assert_string_equal(h.nick, "");
	beacon_close(b);
}

/* Thirty-one bytes of room, and no sign is cut in two. */
static void beacon__says__as_much_of_a_nickname_as_fits(void **state)
{
	struct beacon *a = open_one(), *b = open_one();
	struct hint h;

	(void)state;
	say(a, 7, "ééééééééééééééééééééé");
	tick(a);
	h = hear(b);
	assert_string_equal(h.nick, "ééééééééééééééé");
	beacon_close(a);
	beacon_close(b);
}

static unsigned count(struct beacon *b)
{
	unsigned n = 0;

	for (struct hint h; heard(b, &h);)
		n++;
	return n;
}

static bool readable(const struct beacon *b)
{
	struct pollfd p = {.fd = beacon_fd(b), .events = POLLIN};

	return poll(&p, 1, 0) == 1;
}

static void beacon__hears__twenty_a_second_at_most(void **state)
{
	struct beacon *b = open_one();

	(void)state;
	for (int second = 0; second < 3; second++) {
		unsigned n = 0;

		now.mono_us += 2 * SECOND;
		for (uint16_t i = 0; i < 100; i++)
			shout_as(i);
		while (readable(b))
			n += count(b);
		assert_in_range(n, 10, 20); /* others may be heard, too */
	}
	beacon_close(b);
}

/* A flood keeps the network thread from nothing else. */
static void beacon__looks__at_so_many_and_lets_others_go_on(void **state)
{
	struct beacon *b = open_one();
	uint8_t p[SIZE] = {0};
	struct hint h;

	(void)state;
	for (int i = 0; i < 2 * AT_ONCE; i++)
		shout(p, SIZE);
	assert_false(beacon_next(b, &now, &h));
	assert_true(readable(b));
	while (readable(b))
		assert_false(heard(b, &h));
	now.mono_us += 2 * SECOND;
	shout_as(1);
	assert_heard_only(b, 1);
	beacon_close(b);
}

static void beacon__doubles__its_pauses_up_to_30_s(void **state)
{
	struct beacon *b = open_one();
	int64_t pause = 50000, at;

	(void)state;
	say(b, 7, "b");
	for (int i = 0; i < 20; i++) {
		tick(b);
		at = beacon_deadline(b) - now.mono_us;
		assert_in_range(at, pause, pause + pause / 4);
		pause = 2 * pause < 30 * SECOND ? 2 * pause : 30 * SECOND;
	}
	assert_int_equal(pause, 30 * SECOND);
	beacon_close(b);
}

static void hears_of(struct beacon *b, uint16_t instance)
{
	now.mono_us += SECOND / 10;
	shout_as(instance);
	hear(b);
}

static bool hurries(const struct beacon *b)
{
	return beacon_deadline(b) == now.mono_us + 50000;
}

static void beacon__answers__newcomers_soon(void **state)
{
	struct beacon *b = open_one();

	(void)state;
	say(b, 7, "b");
	for (int i = 0; i < 12; i++)
		tick(b);
	hears_of(b, 1000);
	assert_true(hurries(b));
	tick(b);
	assert_true(beacon_deadline(b) > now.mono_us + 10 * SECOND);
	hears_of(b, 1000); /* known */
	assert_false(hurries(b));
	for (uint16_t i = 0; i < 255; i++) /* as many are remembered */
		hears_of(b, i);
	tick(b);
	hears_of(b, 1000);
	assert_false(hurries(b));
	hears_of(b, 1001); /* the oldest is forgotten */
	tick(b);
	hears_of(b, 1000);
	assert_true(hurries(b));
	beacon_close(b);
}

static void beacon__knows__an_address_to_tell(void **state)
{
	struct addr a = {.port = 1};
	char text[ADDR_TEXT];

	(void)state;
	beacon_address(&a);
	assert_int_equal(a.port, 0);
	ip_text(text, &a);
	assert_non_null(strchr(text, '.')); /* IPv4 */
	assert_string_not_equal(text, "0.0.0.0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, start, end)
	    TEST(beacon__hears__another_with_its_address),
	    TEST(beacon__ignores__itself),
	    TEST(beacon__counts__itself_not),
	    TEST(beacon__ignores__what_is_none),
	    TEST(beacon__ignores__what_was_sent_to_us_alone),
	    TEST(beacon__believes__no_nickname_blindly),
	    TEST(beacon__says__as_much_of_a_nickname_as_fits),
	    TEST(beacon__hears__twenty_a_second_at_most),
	    TEST(beacon__looks__at_so_many_and_lets_others_go_on),
	    TEST(beacon__doubles__its_pauses_up_to_30_s),
	    TEST(beacon__answers__newcomers_soon),
	    TEST(beacon__knows__an_address_to_tell),
	};

	be_alone();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
