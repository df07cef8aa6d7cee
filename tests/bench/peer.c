#include "tests/bench/peer.h"
#include "tests/bench/tools.h"
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct peer {
	int fd;
	struct link *link;
	struct keys *keys;
	struct rng rng;
	struct addr here, there;
	size_t said, acked;
	bool greeted;
};

static struct now peer_now(struct peer *p)
{
	return (struct now){
	    .mono_us = mono_us(), .wall_us = wall_us(), .rng = &p->rng};
}

static struct addr loopback(uint16_t port)
{
	return (struct addr){.ip = {[10] = 0xff, 0xff, 127, 0, 0, 1},
			     .port = port};
}

static void greet(struct peer *p)
{
	char id[33], stamp[STAMP_MAX + 1];
	struct pubkey self = keys_public(p->keys);
	struct now now = peer_now(p);
	struct packet hello = {.kind = PKT_HELLO,
			       .from = p->here,
			       .to = p->there,
			       .listen_port = p->here.port};

	seal_peer_id(id, &self);
	rfc3339_put(stamp, now.wall_us);
	rng_fill(&p->rng, hello.instance.b, sizeof hello.instance.b);
	memset(hello.epoch, 7, sizeof hello.epoch);
	hello.stamp = bytes_of(stamp);
	hello.peer = bytes_of(id);
	hello.nick = bytes_of("bench");
	hello.version = bytes_of("sotto/1");
	hello.features = bytes_of("reply");
	if (link_send(p->link, &now, &hello))
		die("hello");
	p->greeted = true;
}

struct peer *peer_dial(uint16_t port, uint64_t seed)
{
	struct peer *p = calloc(1, sizeof *p);
	uint8_t key[32] = {0};

	if (!p)
		die("memory");
	memcpy(key, &seed, sizeof seed);
	memcpy(p->rng.seed, key, sizeof key);
	p->rng.seed[31] = 1;
	p->keys = keys_new(key);
	p->here = loopback(9);
	p->there = loopback(port);
	p->fd = tcp_dial(port);

	struct now now = peer_now(p);

	p->link = link_new(&dialect_sotto, DIALLED, p->keys, NULL, &now);
	while (!p->greeted) {
		peer_flush(p);
		peer_hear(p, 5000);
		if (link_up(p->link))
			greet(p);
	}
	peer_flush(p);
	return p;
}

void peer_close(struct peer *p)
{
	close(p->fd);
	link_free(p->link);
	keys_free(p->keys);
	free(p);
}

void peer_say(struct peer *p, const char *text)
{
	char stamp[STAMP_MAX + 1];
	struct now now = peer_now(p);
	struct packet m = {.kind = PKT_MESSAGE,
			   .from = p->here,
			   .to = p->there,
			   .sent_us = now.wall_us,
			   .text = bytes_of(text)};

	rfc3339_put(stamp, now.wall_us);
	uuid_make(&m.id, &now);
	memset(m.epoch, 7, sizeof m.epoch);
	m.stamp = bytes_of(stamp);
	m.seq = ++p->said;
	if (link_send(p->link, &now, &m))
		die("send");
}

void peer_flush(struct peer *p)
{
	struct bytes out;

	while ((out = link_output(p->link)).n) {
		ssize_t w = write(p->fd, out.p, out.n);

		if (w <= 0)
			die("write");
		link_wrote(p->link, (size_t)w);
	}
}

size_t peer_hear(struct peer *p, int wait_ms)
{
	static uint8_t in[65536];
	struct pollfd f = {.fd = p->fd, .events = POLLIN};
	struct packet heard;

	peer_flush(p);
	if (poll(&f, 1, wait_ms) <= 0)
		return p->acked;

	ssize_t n = read(p->fd, in, sizeof in);
	struct now now = peer_now(p);

	if (n <= 0)
		die("the other side closed");
	if (link_feed(p->link, &now, (struct bytes){in, (size_t)n}))
		die("channel");
	while (link_next(p->link, &heard))
		if (heard.kind == PKT_ACK && heard.verdict == V_SUCCESS)
			p->acked++;
	return p->acked;
}

size_t peer_said(const struct peer *p)
{
	return p->said;
}
