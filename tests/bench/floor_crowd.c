/* The floor under a center full of people: TCP, two cipher states and a page
 * of buffer each way, kept as long as the connection.
 *
 *   floor_crowd PORT   listens on 127.0.0.1:PORT, answers what is said to it;
 *                      what begins with a * goes to all others instead.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MAX = 65536 };

struct cipher {
	uint8_t key[32];
	uint64_t n;
};

struct connection {
	int fd;
	struct cipher send, receive;
	uint8_t in[4096], out[4096];
};

static struct connection *all[MAX];

static void say(struct connection *c, size_t n)
{
	if (write(c->fd, c->out, n) < 0)
		exit(1);
}

static void to_others(const struct connection *from, size_t n)
{
	for (size_t i = 0; i < MAX; i++) {
		if (!all[i] || all[i] == from)
			continue;
		memcpy(all[i]->out, from->in, n);
		say(all[i], n);
	}
}

static void hear(struct connection *c)
{
	ssize_t n = read(c->fd, c->in, sizeof c->in);

	if (n <= 0) {
		all[c->fd] = NULL;
		close(c->fd);
		free(c);
		return;
	}
	if (c->in[0] == '*') {
		to_others(c, (size_t)n);
		return;
	}
	memcpy(c->out, c->in, (size_t)n);
	memset(c->out + n, 0, sizeof c->out - (size_t)n);
	say(c, (size_t)n);
}

static void greet(int epoll, int listener)
{
	struct connection *c = calloc(1, sizeof *c);
	struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
	int on = 1;

	if (!c)
		exit(1);
	c->fd = accept(listener, NULL, NULL);
	if (c->fd < 0 || c->fd >= MAX)
		exit(1);
	all[c->fd] = c;
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &e);
}

int main(int argc, char **argv)
{
	struct sockaddr_in a = {.sin_family = AF_INET};
	int fd = socket(AF_INET, SOCK_STREAM, 0), epoll = epoll_create1(0);
	struct epoll_event e = {.events = EPOLLIN};

	a.sin_port = htons((uint16_t)(argc > 1 ? atoi(argv[1]) : 0));
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(fd, (struct sockaddr *)&a, sizeof a) || listen(fd, 1000))
		return 1;
	epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e);
	while (epoll_wait(epoll, &e, 1, -1) == 1) {
		if (e.data.ptr)
			hear(e.data.ptr);
		else
			greet(epoll, fd);
	}
	return 0;
}
