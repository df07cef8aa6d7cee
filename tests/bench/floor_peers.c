/* The floor under a connected peer: TCP, two cipher states, and a buffer each
 * way of the size of a page, kept as long as the connection.
 *
 *   floor_peers PORT   listens on 127.0.0.1:PORT, answers what is said to it.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

struct cipher {
	uint8_t key[32];
	uint64_t n;
};

struct connection {
	int fd;
	struct cipher send, receive;
	uint8_t in[4096], out[4096];
};

static void answer(struct connection *c)
{
	ssize_t n = read(c->fd, c->in, sizeof c->in);

	if (n <= 0) {
		close(c->fd);
		free(c);
		return;
	}
	memcpy(c->out, c->in, (size_t)n);
	memset(c->out + n, 0, sizeof c->out - (size_t)n);
	if (write(c->fd, c->out, (size_t)n) < 0)
		exit(1);
}

static void greet(int epoll, int listener)
{
	struct connection *c = calloc(1, sizeof *c);
	struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};

	if (!c)
		exit(1);
	c->fd = accept(listener, NULL, NULL);
	epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &e);
}

int main(int argc, char **argv)
{
	struct sockaddr_in a = {.sin_family = AF_INET};
	int fd = socket(AF_INET, SOCK_STREAM, 0), epoll = epoll_create1(0);
	struct epoll_event e = {.events = EPOLLIN};

	a.sin_port = htons((uint16_t)(argc > 1 ? atoi(argv[1]) : 0));
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(fd, (struct sockaddr *)&a, sizeof a) || listen(fd, 100))
		return 1;
	epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e);
	while (epoll_wait(epoll, &e, 1, -1) == 1) {
		if (e.data.ptr)
			answer(e.data.ptr);
		else
			greet(epoll, fd);
	}
	return 0;
}
