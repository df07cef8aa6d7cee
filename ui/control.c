#include "src/client.h"
#include "src/clock.h"
#include "src/engine.h"
#include "src/lines.h"
#include "ui/front.h"
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
/* control.sock: the line protocol for other processes of the same user. A
 * connection whose reader is slow holds PENDING_MAX bytes and a page here;
 * then its events wait in its client's queue, which drops them with EV_LOST. */
enum {
	CONNECTIONS_MAX = 32,
	PENDING_MAX = 262144,
	CHUNK = 65536,
};

struct connection {
	int fd;
	struct client *client;
	struct lines *lines;
	struct buf out;
	bool in_over; /* it says nothing more: answer what is open */
	bool over;    /* close it when all is written */
	bool gone;    /* close it now */
};

struct control {
	struct engine *engine;
	struct connection *at[CONNECTIONS_MAX];
	size_t n;
	struct rng rng;
};

/* ---- one connection ---- */

static void say_bye(struct connection *k, const struct now *now, char *why)
{
	struct event ev = {.kind = EV_BYE};

	ev.text = why;
	lines_event(k->lines, now, &ev, &k->out);
	k->over = true;
}

static void flush(struct connection *k)
{
	while (k->out.n) {
		ssize_t n = send(k->fd, k->out.p, k->out.n,
				 MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN)
			k->gone = true;
		if (n <= 0)
			return;
		buf_drop(&k->out, (size_t)n);
	}
	buf_free(&k->out);
	if (k->over)
		k->gone = true;
}

static void receive(struct connection *k)
{
	uint8_t chunk[CHUNK];
	ssize_t n = recv(k->fd, chunk, sizeof chunk, MSG_DONTWAIT);

	if (n > 0)
		lines_feed(k->lines, (struct bytes){chunk, (size_t)n});
	else if (!n)
		k->in_over = true;
	else if (errno != EAGAIN && errno != EINTR)
		k->gone = true;
}

static void hear(struct connection *k, const struct now *now)
{
	const struct event *ev;

	while (!k->over && k->out.n < PENDING_MAX &&
	       (ev = client_next(k->client))) {
		lines_event(k->lines, now, ev, &k->out);
		k->over = ev->kind == EV_BYE;
	}
	lines_tick(k->lines, now, &k->out);
}

static void command(struct connection *k, const struct now *now)
{
	char quit[] = "quit";
	struct command *cmd;

	while (!k->over && k->out.n < PENDING_MAX &&
	       lines_next(k->lines, now, &cmd, &k->out)) {
		struct event done = {.kind = EV_RESULT, .ref = cmd->ref};
		enum err err;

		if (cmd->kind == CMD_QUIT) {
			command_free(cmd);
			lines_event(k->lines, now, &done, &k->out);
			say_bye(k, now, quit);
			continue;
		}
		err = client_send(k->client, cmd);
		if (err)
			lines_refused(k->lines, now, done.ref, err, &k->out);
	}
}

static void turn(struct connection *k, const struct now *now)
{
	bool full = true;

	while (full && !k->gone) {
		hear(k, now);
		command(k, now);
		full = k->out.n >= PENDING_MAX;
		if (k->in_over && !full && !lines_open(k->lines))
			k->over = true;
		flush(k);
		full = full && k->out.n < PENDING_MAX;
	}
}

static void connection_free(struct connection *k)
{
	close(k->fd);
	client_close(k->client);
	lines_free(k->lines);
	buf_free(&k->out);
	free(k);
}

/* ---- all of them ---- */

/* The socket's mode says the same, but not on every system. */
static bool ours(int fd)
{
	struct ucred peer;
	socklen_t n = sizeof peer;

	return !getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) &&
	       peer.uid == geteuid();
}

static void admit(struct control *c, int listen_fd)
{
	int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct connection *k;

	if (fd < 0)
		return;
	if (c->n == CONNECTIONS_MAX || !ours(fd)) {
		static const char full[] =
		    "{\"v\":1,\"event\":\"bye\",\"reason\":\"busy\"}\n";

		send(fd, full, sizeof full - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
		close(fd);
		return;
	}
	k = xmalloc(sizeof *k);
	*k = (struct connection){.fd = fd, .lines = lines_new()};
	k->client = client_open(c->engine);
	c->at[c->n++] = k;
	if (!k->client)
		k->gone = true;
}

static void sweep(struct control *c)
{
	for (size_t i = 0; i < c->n;) {
		if (!c->at[i]->gone) {
			i++;
			continue;
		}
		connection_free(c->at[i]);
		c->at[i] = c->at[--c->n];
	}
}

static int timeout_ms(const struct control *c)
{
	int64_t at = INT64_MAX, left;

	for (size_t i = 0; i < c->n; i++)
		if (lines_deadline(c->at[i]->lines) < at)
			at = lines_deadline(c->at[i]->lines);
	if (at == INT64_MAX)
		return -1;
	left = at - clock_mono_us();
	if (left <= 0)
		return 0;
	return left > 1000000000 ? 1000000 : (int)(left / 1000) + 1;
}

/* Two places a connection: its socket, its client. */
static void look_at(const struct connection *k, struct pollfd p[static 2])
{
	bool full = k->out.n >= PENDING_MAX;

	p[0] = (struct pollfd){.fd = k->fd};
	if (!full && !k->over && !k->in_over)
		p[0].events |= POLLIN;
	if (k->out.n)
		p[0].events |= POLLOUT;
	p[1] =
	    (struct pollfd){.fd = full || k->over ? -1 : client_fd(k->client),
			    .events = POLLIN};
}

static void wait_for_more(struct control *c, int listen_fd, bool *stop,
			  int stop_fd)
{
	struct pollfd p[2 + 2 * CONNECTIONS_MAX] = {
	    {.fd = stop_fd, .events = POLLIN},
	    {.fd = listen_fd, .events = POLLIN},
	};
	size_t n = c->n;

	for (size_t i = 0; i < n; i++)
		look_at(c->at[i], p + 2 + 2 * i);
	if (poll(p, 2 + 2 * n, timeout_ms(c)) < 0)
		return;
	*stop = p[0].revents != 0;
	for (size_t i = 0; i < n; i++) {
		short what = p[2 + 2 * i].revents;

		if (what & POLLIN)
			receive(c->at[i]);
		else if (what & (POLLHUP | POLLERR))
			c->at[i]->gone = true;
	}
	if (p[1].revents)
		admit(c, listen_fd);
}

void control_run(struct engine *e, int listen_fd, int stop_fd)
{
	struct control c = {.engine = e};
	char quit[] = "quit";
	bool stop = false;

	clock_seed(&c.rng);
	while (!stop) {
		struct now now = clock_now(&c.rng, NULL);

		for (size_t i = 0; i < c.n; i++)
			turn(c.at[i], &now);
		sweep(&c);
		wait_for_more(&c, listen_fd, &stop, stop_fd);
	}
	struct now now = clock_now(&c.rng, NULL);

	for (size_t i = 0; i < c.n; i++) {
		struct connection *k = c.at[i];

		if (!k->over)
			hear(k, &now);
		if (!k->over)
			say_bye(k, &now, quit);
		flush(k);
		connection_free(k);
	}
}
