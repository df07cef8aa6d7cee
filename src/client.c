#include "src/client.h"
#include "src/engine.h"
#include "src/lines.h"
#include "src/queue.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { EVENTS = 512, RESULTS = 256, EVENT_LINE_MAX = 1 << 20, READ = 65536 };

/* In process: a queue of events. Through a socket: lines. */
struct client {
	struct engine *engine; /* NULL: a socket */
	struct queue *events;
	client_id id;

	int fd;
	struct lines *lines;
	struct buf in;
	size_t scanned; /* bytes of `in` without an end of line */
	bool ended;

	struct event *last; /* handed out */
};

struct client *client_open(struct engine *e)
{
	struct client *c = xmalloc(sizeof *c);

	*c = (struct client){.engine = e, .fd = -1};
	c->events = queue_new(EVENTS, RESULTS + 2);
	c->id = engine_attach(e, c->events);
	return c;
}

/* A path longer than an address allows is reached through its folder. */
static int dial_path(const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	const char *slash = strrchr(path, '/');
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), dir = -1, bad;

	if (fd < 0)
		return -1;
	if (strlen(path) < sizeof a.sun_path) {
		strncpy(a.sun_path, path, sizeof a.sun_path - 1);
	} else {
		char *folder = xstrndup((struct bytes){(const uint8_t *)path,
						       (size_t)(slash - path)});

		dir = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
		free(folder);
		snprintf(a.sun_path, sizeof a.sun_path,
			 "/proc/self/fd/%d/%.60s", dir, slash + 1);
	}
	bad = connect(fd, (const void *)&a, sizeof a);
	if (dir >= 0)
		close(dir);
	if (!bad)
		return fd;
	close(fd);
	return -1;
}

enum err client_connect(const char *socket_path, struct client **out)
{
	int fd = dial_path(socket_path);
	struct client *c;

	if (fd < 0)
		return ERR_CLOSED;
	c = xmalloc(sizeof *c);
	*c = (struct client){.fd = fd, .lines = lines_new()};
	*out = c;
	return OK;
}

void client_close(struct client *c)
{
	if (!c)
		return;
	if (c->engine) {
		engine_detach(c->engine, c->id);
		for (struct event *ev; (ev = queue_pop(c->events));)
			event_free(ev);
		queue_free(c->events);
	} else {
		close(c->fd);
		lines_free(c->lines);
		buf_free(&c->in);
	}
	event_free(c->last);
	free(c);
}

int client_fd(const struct client *c)
{
	return c->engine ? queue_fd(c->events) : c->fd;
}

/* The next whole line of the socket as an event; NULL: none has come. */
static struct event *next_line(struct client *c)
{
	while (c->in.n > c->scanned) {
		const uint8_t *nl =
		    memchr(c->in.p + c->scanned, '\n', c->in.n - c->scanned);
		struct event *ev = NULL;
		size_t n;

		if (!nl) {
			c->scanned = c->in.n;
			return NULL;
		}
		n = (size_t)(nl - c->in.p);
		/* a word of a later version is not for us */
		if (lines_get(c->lines, (struct bytes){c->in.p, n}, &ev))
			ev = NULL;
		buf_drop(&c->in, n + 1);
		c->scanned = 0;
		if (ev)
			return ev;
	}
	return NULL;
}

static struct event *ended(struct client *c)
{
	struct event bye = {.kind = EV_BYE};
	char text[] = "the engine is gone";

	if (c->ended)
		return NULL;
	c->ended = true;
	bye.text = text;
	return event_copy(&bye);
}

static struct event *next_remote(struct client *c)
{
	struct event *ev = next_line(c);
	ssize_t n;

	while (!ev && !c->ended) {
		if (c->in.n > EVENT_LINE_MAX)
			return ended(c);
		buf_room(&c->in, READ);
		n = recv(c->fd, c->in.p + c->in.n, READ, MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return NULL;
		if (n <= 0)
			return ended(c);
		c->in.n += (size_t)n;
		ev = next_line(c);
	}
	return ev;
}

const struct event *client_next(struct client *c)
{
	event_free(c->last);
	c->last = c->engine ? queue_pop(c->events) : next_remote(c);
	return c->last;
}

enum err client_send(struct client *c, struct command *cmd)
{
	struct buf out = {0};
	size_t at = 0;

	if (c->engine)
		return engine_push(c->engine, c->id, cmd);
	lines_put(c->lines, cmd, &out);
	command_free(cmd);
	while (at < out.n) {
		ssize_t w = send(c->fd, out.p + at, out.n - at, MSG_NOSIGNAL);

		if (w <= 0)
			break;
		at += (size_t)w;
	}
	enum err err = at == out.n ? OK : ERR_CLOSED;

	buf_free(&out);
	return err;
}
