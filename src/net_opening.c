#include "src/net_impl.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

/* What comes before a link where a center splices (proto/splice.h): there,
 * what tells a link that came from an end of a splice; at its clients, asking
 * to be spliced, and the answer. */
struct opening {
	bool dialled, said;
	uint8_t bytes[SPLICE_OPENING]; /* read */
	size_t n;
	struct uuid token; /* dialled, as the two below */
	struct pubkey pin;
	int64_t until_us;
};

void opening_await(struct net *n, struct conn *c)
{
	if (n->splices && (c->dialect->traits & T_KEYED))
		c->opening = xzalloc(sizeof(*c->opening));
}

void opening_begin(struct conn *c, const struct now *now,
		   const struct effect *dial)
{
	c->opening = xzalloc(sizeof(*c->opening));
	c->opening->dialled = true;
	c->opening->token = dial->token;
	c->opening->pin = dial->pin;
	c->opening->until_us = now->mono_us + OPENING_US;
	c->relayed = true;
}

void opening_free(struct conn *c)
{
	free(c->opening);
	c->opening = NULL;
}

int64_t opening_deadline(const struct conn *c)
{
	return c->opening->dialled ? c->opening->until_us
				   : link_deadline(c->link);
}

/* A socket that never wrote takes so little at once. */
void opening_write(struct net *n, struct conn *c)
{
	uint8_t out[SPLICE_OPENING];

	if (!c->opening->dialled || c->opening->said)
		return;
	c->opening->said = true;
	splice_opening(out, &c->opening->token);
	if (send(c->fd, out, sizeof(out), MSG_NOSIGNAL) != sizeof(out))
		net_conn_break(n, c, ERR_CLOSED);
}

/* The other one is there: only now the link's own deadlines begin. */
static void made(struct net *n, struct conn *c, const struct now *now)
{
	struct opening *o = c->opening;

	if (o->n < SPLICE_MADE)
		return;
	if (!splice_is_made((struct bytes){o->bytes, o->n})) {
		net_conn_break(n, c, ERR_PARSE);
		return;
	}
	link_free(c->link);
	c->link = link_new(c->dialect, c->dialled ? DIALLED : ACCEPTED, n->keys,
			   &o->pin, now);
	opening_free(c);
	net_due(n, c);
	net_dirty(n, c);
}

/* Its socket becomes somebody else's; nothing is said of its end. */
static int socket_of(struct net *n, struct conn *c)
{
	int fd = c->fd;

	epoll_ctl(n->epoll, EPOLL_CTL_DEL, fd, NULL);
	c->fd = -1;
	c->closing = true;
	net_conn_break(n, c, OK);
	return fd;
}

static bool came(struct net *n, struct conn *c, const struct now *now,
		 struct bytes *in)
{
	struct opening *o = c->opening;
	struct uuid token;

	switch (splice_read((struct bytes){o->bytes, o->n}, &token)) {
	case SPLICE_PART:
		return false;
	case SPLICE_WHOLE:
		splice_join(n, socket_of(n, c), &token, now);
		return false;
	case SPLICE_NOT:
		break;
	}
	memcpy(n->in, o->bytes, o->n);
	*in = (struct bytes){n->in, o->n};
	opening_free(c);
	return true;
}

bool opening_read(struct net *n, struct conn *c, const struct now *now,
		  struct bytes *in)
{
	struct opening *o = c->opening;
	size_t whole = o->dialled ? SPLICE_MADE : SPLICE_OPENING;
	ssize_t r = recv(c->fd, o->bytes + o->n, whole - o->n, 0);

	if (r < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (r <= 0) {
		net_conn_break(n, c, ERR_CLOSED);
		return false;
	}
	o->n += (size_t)r;
	if (!o->dialled)
		return came(n, c, now, in);
	made(n, c, now);
	return false;
}
