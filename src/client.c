#include "src/client.h"
#include "src/clock.h"
#include "src/engine.h"
#include "src/lines.h"
#include "src/queue.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	EVENTS_MAX = 512,
	KEPT_MAX = 258, /* 256 results, a last one of CMD_QUIT, EV_BYE */
	OPEN_MAX = 256,
	PENDING_MAX = 1 << 20, /* bytes of commands that wait for the socket */
	CHUNK = 65536,
};
static const int64_t answer_us = 5000000;

struct client {
	struct event *last; /* what client_next handed out */
	unsigned open;      /* commands whose result was not handed out */

	/* in this process */
	struct engine *engine;
	struct queue *events;
	client_id id;

	/* through a socket */
	int fd, epoll;
	struct lines *lines;
	struct buf out;
	bool writing; /* the epoll looks for room to write, too */
	bool ended;   /* EV_BYE was handed out */
};

/* ---- in this process ---- */

struct client *client_open(struct engine *e)
{
	struct client *c = xmalloc(sizeof *c);

	*c = (struct client){.engine = e, .fd = -1, .epoll = -1};
	c->events = queue_new(EVENTS_MAX, KEPT_MAX);
	c->id = engine_attach(e, c->events);
	if (c->id)
		return c;
	queue_free(c->events);
	free(c);
	return NULL;
}

/* ---- control.sock ---- */

/* The address of a socket, however long its path is: sun_path holds 108
 * bytes, /proc/self/fd/N/name always fits. *dir is to be closed. */
static enum err socket_address(const char *path, struct sockaddr_un *a,
			       int *dir)
{
	const char *slash = strrchr(path, '/');
	char *folder;
	int n;

	*a = (struct sockaddr_un){.sun_family = AF_UNIX};
	*dir = -1;
	if (strlen(path) < sizeof a->sun_path) {
		memcpy(a->sun_path, path, strlen(path) + 1);
		return OK;
	}
	if (!slash)
		return ERR_LIMIT;
	folder = xstrndup(
	    (struct bytes){(const uint8_t *)path, (size_t)(slash - path) + 1});
	*dir = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	free(folder);
	if (*dir < 0)
		return ERR_SYS;
	n = snprintf(a->sun_path, sizeof a->sun_path, "/proc/self/fd/%d%s",
		     *dir, slash);
	return n > 0 && (size_t)n < sizeof a->sun_path ? OK : ERR_LIMIT;
}

static void close_some(int fd)
{
	int saved = errno;

	if (fd >= 0)
		close(fd);
	errno = saved;
}

static void watch(struct client *c, bool writing)
{
	struct epoll_event ev = {.events = EPOLLIN};

	if (writing)
		ev.events |= EPOLLOUT;
	if (writing == c->writing)
		return;
	epoll_ctl(c->epoll, EPOLL_CTL_MOD, c->fd, &ev);
	c->writing = writing;
}

static void flush(struct client *c)
{
	while (c->out.n) {
		ssize_t n = send(c->fd, c->out.p, c->out.n,
				 MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN)
			buf_free(&c->out); /* reading will say that it ended */
		if (n <= 0)
			break;
		buf_drop(&c->out, (size_t)n);
	}
	watch(c, c->out.n > 0);
}

static struct event *bye(const char *why)
{
	struct event *ev = xmalloc(sizeof *ev);

	*ev = (struct event){.kind = EV_BYE};
	ev->text = xstrndup((struct bytes){(const uint8_t *)why, strlen(why)});
	return ev;
}

/* An event out of the bytes that are here; NULL: they hold none. */
static struct event *parse(struct client *c)
{
	struct event *ev = NULL;
	struct bytes line;
	bool too_long;

	while (!ev && lines_split(c->lines, &line, &too_long))
		if (too_long || lines_get(line, &ev))
			return bye("the engine's answer cannot be read");
	return ev;
}

static struct event *receive(struct client *c)
{
	uint8_t chunk[CHUNK];

	for (;;) {
		struct event *ev = parse(c);
		ssize_t n;

		if (ev)
			return ev;
		n = recv(c->fd, chunk, sizeof chunk, MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return NULL;
		if (n <= 0)
			return bye("the engine has ended");
		lines_feed(c->lines, (struct bytes){chunk, (size_t)n});
	}
}

static struct event *socket_next(struct client *c)
{
	struct event *ev;

	if (c->ended)
		return NULL;
	if (c->out.n)
		flush(c);
	ev = receive(c);
	if (!ev)
		return NULL;
	if (ev->kind == EV_BYE) {
		c->ended = true;
		epoll_ctl(c->epoll, EPOLL_CTL_DEL, c->fd, NULL);
	}
	return ev;
}

/* Only the one who owns us may answer there. */
static bool same_user(int fd)
{
	struct ucred peer;
	socklen_t n = sizeof peer;

	return !getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) &&
	       peer.uid == geteuid();
}

static int dial(const char *socket_path)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), dir = -1;
	struct timeval limit = {.tv_sec = 5};
	struct sockaddr_un a;
	bool good;

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
	good = !socket_address(socket_path, &a, &dir) &&
	       !connect(fd, (struct sockaddr *)&a, sizeof a) && same_user(fd);
	close_some(dir);
	if (good)
		return fd;
	close(fd);
	return -1;
}

/* It lives if it says something. The line stays in the socket, so that
 * client_fd is readable. */
static bool alive(struct client *c)
{
	int64_t until = clock_mono_us() + answer_us, left;
	struct epoll_event ev;
	uint8_t byte;

	while ((left = until - clock_mono_us()) > 0) {
		ssize_t n;

		epoll_wait(c->epoll, &ev, 1, (int)(left / 1000) + 1);
		n = recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
		if (n >= 0 || errno != EAGAIN)
			return n > 0;
	}
	return false;
}

enum err client_connect(const char *socket_path, struct client **out)
{
	struct epoll_event ev = {.events = EPOLLIN};
	struct client *c;
	int fd = dial(socket_path);

	if (fd < 0)
		return ERR_CLOSED;
	c = xmalloc(sizeof *c);
	*c = (struct client){.fd = fd, .epoll = epoll_create1(EPOLL_CLOEXEC)};
	c->lines = lines_new();
	if (c->epoll < 0 || epoll_ctl(c->epoll, EPOLL_CTL_ADD, fd, &ev) ||
	    !alive(c)) {
		client_close(c);
		return ERR_CLOSED;
	}
	*out = c;
	return OK;
}

/* ---- both ---- */

void client_close(struct client *c)
{
	if (!c)
		return;
	event_free(c->last);
	if (c->engine) {
		engine_detach(c->engine, c->id);
		for (struct event *ev; (ev = queue_pop(c->events));)
			event_free(ev);
		queue_free(c->events);
	}
	close_some(c->fd);
	close_some(c->epoll);
	lines_free(c->lines);
	buf_free(&c->out);
	free(c);
}

bool client_beside(const struct client *c)
{
	return !c->engine;
}

int client_fd(const struct client *c)
{
	return c->engine ? queue_fd(c->events) : c->epoll;
}

const struct event *client_next(struct client *c)
{
	event_free(c->last);
	c->last = c->engine ? queue_pop(c->events) : socket_next(c);
	if (c->last && c->last->kind == EV_RESULT)
		c->open -= c->open > 0;
	return c->last;
}

static enum err socket_send(struct client *c, struct command *cmd)
{
	enum err err = OK;

	if (c->ended)
		err = ERR_CLOSED;
	else if (c->out.n > PENDING_MAX)
		err = ERR_FULL;
	if (!err) {
		lines_put(cmd, &c->out);
		flush(c);
	}
	command_free(cmd);
	return err;
}

/* The results that wait for us count, too: that is what bounds them. */
enum err client_send(struct client *c, struct command *cmd)
{
	enum err err;

	if (c->open >= OPEN_MAX) {
		command_free(cmd);
		return ERR_FULL;
	}
	if (c->engine)
		err = engine_push(c->engine, c->id, cmd);
	else
		err = socket_send(c, cmd);
	c->open += !err;
	return err;
}
