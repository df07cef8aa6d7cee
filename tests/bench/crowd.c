#include "tests/bench/crowd.h"
#include "proto/link.h"
#include "tests/bench/tools.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	PENDING = 48,   /* handshakes at once: a node takes 64 */
	PACE_US = 2200, /* between two: a node takes 500 a second */
	EVENTS = 512,
	TICK_US = 5000000,
};

struct member {
	int fd; /* -1: not connected */
	struct link *link;
	struct keys *keys;
	bool up, writing;
};

struct crowd {
	struct member *m;
	size_t n, up, pending;
	uint16_t port;
	bool bare;
	int epoll;
	struct rng rng;
	int64_t ticked_us;
	struct crowd_heard heard;
};

static struct now crowd_now(struct crowd *c)
{
	return (struct now){
	    .mono_us = mono_us(), .wall_us = wall_us(), .rng = &c->rng};
}

static struct keys *keys_of(size_t i)
{
	uint8_t seed[32] = {0};
	uint64_t n = i + 1000;

	memcpy(seed, &n, sizeof n);
	return keys_new(seed);
}

struct pubkey crowd_key(size_t i)
{
	struct keys *k = keys_of(i);
	struct pubkey key = keys_public(k);

	keys_free(k);
	return key;
}

void crowd_name(char out[static 16], size_t i)
{
	snprintf(out, 16, "person%05zu", i % 100000);
}

struct crowd *crowd_new(size_t n, uint16_t port, bool bare)
{
	struct crowd *c = xzalloc(sizeof *c);

	c->m = xzalloc(n * sizeof *c->m);
	c->n = n;
	c->port = port;
	c->bare = bare;
	c->rng.seed[31] = 2;
	c->epoll = epoll_create1(EPOLL_CLOEXEC);
	for (size_t i = 0; i < n; i++) {
		c->m[i].fd = -1;
		if (!bare)
			c->m[i].keys = keys_of(i);
	}
	return c;
}

static void leave(struct member *m)
{
	if (m->fd >= 0)
		close(m->fd);
	link_free(m->link);
	m->fd = -1;
	m->link = NULL;
	m->up = m->writing = false;
}

void crowd_free(struct crowd *c)
{
	for (size_t i = 0; i < c->n; i++) {
		leave(&c->m[i]);
		if (c->m[i].keys)
			keys_free(c->m[i].keys);
	}
	close(c->epoll);
	free(c->m);
	free(c);
}

size_t crowd_size(const struct crowd *c)
{
	return c->n;
}

const struct crowd_heard *crowd_heard(const struct crowd *c)
{
	return &c->heard;
}

void crowd_forget(struct crowd *c)
{
	c->heard = (struct crowd_heard){0};
}

/* ---- writing ---- */

static void watch(struct crowd *c, size_t i, bool write)
{
	struct epoll_event e = {.events = EPOLLIN, .data.u64 = i};

	if (write == c->m[i].writing)
		return;
	c->m[i].writing = write;
	if (write)
		e.events |= EPOLLOUT;
	epoll_ctl(c->epoll, EPOLL_CTL_MOD, c->m[i].fd, &e);
}

static void flush(struct crowd *c, size_t i)
{
	struct member *m = &c->m[i];
	struct bytes out;

	while (m->link && (out = link_output(m->link)).n) {
		ssize_t w = send(m->fd, out.p, out.n, MSG_NOSIGNAL);

		if (w <= 0)
			break;
		link_wrote(m->link, (size_t)w);
	}
	watch(c, i, m->link && link_output(m->link).n);
}

void crowd_say(struct crowd *c, size_t i, const struct packet *p)
{
	struct now now = crowd_now(c);

	if (link_send(c->m[i].link, &now, p))
		die("crowd: cannot say it");
	flush(c, i);
}

void crowd_say_bare(struct crowd *c, size_t i, struct bytes text)
{
	if (send(c->m[i].fd, text.p, text.n, MSG_NOSIGNAL) != (ssize_t)text.n)
		die("crowd: send");
}

static void greet(struct crowd *c, size_t i)
{
	struct member *m = &c->m[i];
	struct addr here = {.ip = {[10] = 0xff, 0xff, 127, 0, 0, 1}, .port = 9};
	struct addr there = here;
	struct now now = crowd_now(c);
	struct pubkey self = keys_public(m->keys);
	char id[33], stamp[STAMP_MAX + 1], nick[16];

	there.port = c->port;
	seal_peer_id(id, &self);
	crowd_name(nick, i);
	rfc3339_put(stamp, now.wall_us);
	struct packet hello = {.kind = PKT_HELLO,
			       .from = here,
			       .to = there,
			       .listen_port = here.port,
			       .stamp = bytes_of(stamp),
			       .peer = bytes_of(id),
			       .nick = bytes_of(nick),
			       .version = bytes_of("sotto/1"),
			       .features = bytes_of("reply")};
	rng_fill(&c->rng, hello.instance.b, sizeof hello.instance.b);
	memset(hello.epoch, 7, sizeof hello.epoch);
	crowd_say(c, i, &hello);
}

/* ---- reading ---- */

static void count(struct crowd *c, const struct packet *p)
{
	struct crowd_heard *h = &c->heard;

	h->packets++;
	if (p->kind != PKT_CENTER)
		return;
	if (p->ref) {
		h->answers++;
		h->refused += p->verb != CENTER_OKAY &&
			      p->verb != CENTER_LOGIN_OKAY &&
			      p->verb != CENTER_LIST;
		return;
	}
	if (p->verb == CENTER_ONLINE || p->verb == CENTER_OFFLINE) {
		h->names++;
		for (size_t i = 0; i < p->text.n; i++)
			h->names += p->text.p[i] == '\n';
	}
	h->texts += p->verb == CENTER_TEXT;
}

static void came_up(struct crowd *c, size_t i)
{
	c->m[i].up = true;
	c->up++;
	c->pending--;
	if (!c->bare)
		greet(c, i);
}

/* It is turned away: later again. */
static void turned_away(struct crowd *c, size_t i)
{
	if (c->m[i].up)
		die("crowd: the other side closed");
	leave(&c->m[i]);
	c->pending--;
}

static void hear(struct crowd *c, size_t i)
{
	static uint8_t in[65536];
	struct member *m = &c->m[i];
	struct now now = crowd_now(c);
	struct packet p;
	ssize_t n = recv(m->fd, in, sizeof in, 0);

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0 || (!c->bare && link_feed(m->link, &now,
					     (struct bytes){in, (size_t)n}))) {
		turned_away(c, i);
		return;
	}
	if (c->bare) {
		c->heard.bare += (size_t)n;
		return;
	}
	while (link_next(m->link, &p))
		count(c, &p);
	if (!m->up && link_up(m->link))
		came_up(c, i);
	flush(c, i);
}

static void tick_all(struct crowd *c)
{
	struct now now = crowd_now(c);

	if (c->bare || now.mono_us - c->ticked_us < TICK_US)
		return;
	c->ticked_us = now.mono_us;
	for (size_t i = 0; i < c->n; i++) {
		if (!c->m[i].link)
			continue;
		if (link_tick(c->m[i].link, &now))
			turned_away(c, i);
		else
			flush(c, i);
	}
}

void crowd_turn(struct crowd *c, int wait_ms)
{
	struct epoll_event e[EVENTS];
	int n = epoll_wait(c->epoll, e, EVENTS, wait_ms);

	for (int k = 0; k < n; k++) {
		size_t i = (size_t)e[k].data.u64;

		if (c->m[i].fd < 0)
			continue;
		if (e[k].events & EPOLLOUT) {
			if (c->bare && !c->m[i].up)
				came_up(c, i);
			flush(c, i);
		}
		if (e[k].events & (EPOLLIN | EPOLLHUP | EPOLLERR))
			hear(c, i);
	}
	tick_all(c);
}

/* ---- connecting ---- */

static void dial(struct crowd *c, size_t i)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_port = htons(c->port)};
	struct epoll_event e = {.events = EPOLLIN | EPOLLOUT, .data.u64 = i};
	struct member *m = &c->m[i];
	struct now now = crowd_now(c);
	int on = 1;

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	m->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (m->fd < 0)
		die("crowd: too few descriptors (ulimit -n)");
	setsockopt(m->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	if (connect(m->fd, (struct sockaddr *)&a, sizeof a) &&
	    errno != EINPROGRESS)
		die("crowd: connect");
	if (!c->bare)
		m->link =
		    link_new(&dialect_sotto, DIALLED, m->keys, NULL, &now);
	m->writing = true;
	epoll_ctl(c->epoll, EPOLL_CTL_ADD, m->fd, &e);
	c->pending++;
}

void crowd_connect(struct crowd *c)
{
	int64_t next_us = 0;

	for (size_t i = 0; c->up < c->n; i = (i + 1) % c->n) {
		if (c->m[i].fd >= 0 && c->up + c->pending < c->n)
			continue;
		while (c->pending >= PENDING ||
		       (c->pending && c->up + c->pending == c->n) ||
		       (!c->bare && mono_us() < next_us))
			crowd_turn(c, 1);
		if (c->m[i].fd >= 0)
			continue;
		dial(c, i);
		next_us = mono_us() + PACE_US;
	}
}
