#include "src/net_impl.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>

/* Datagrams: one socket a listener, a correspondence an address. It begins
 * with the first datagram either way and ends after long silence, or when
 * another needs its place. */

enum err udp_listen(struct net *n, const struct dialect *d, struct addr at)
{
	struct sockaddr_storage s;
	socklen_t len = net_addr_put(&s, &at);
	int saved, yes = 1,
		   fd = socket(s.ss_family,
			       SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return ERR_SYS;
	if (s.ss_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &yes, sizeof yes);
	if (bind(fd, (const void *)&s, len) || net_listener_add(n, fd, d)) {
		saved = errno;
		close(fd);
		errno = saved;
		return ERR_SYS;
	}
	return OK;
}

/* ---- correspondences ---- */

static struct conn *udp_find(const struct net *n, size_t listener,
			     const struct addr *at)
{
	for (size_t i = 0; i < n->n_udp; i++) {
		struct conn *c = n->udp[i];

		if (c->udp == (int)listener && !c->broken &&
		    !memcmp(c->at.ip, at->ip, sizeof at->ip) &&
		    c->at.port == at->port)
			return c;
	}
	return NULL;
}

void udp_forget(struct net *n, const struct conn *c)
{
	for (size_t i = 0; i < n->n_udp; i++)
		if (n->udp[i] == c) {
			n->udp[i] = n->udp[--n->n_udp];
			return;
		}
}

/* The one that was silent longest makes room. */
static void udp_evict(struct net *n)
{
	struct conn *oldest = NULL;

	for (size_t i = 0; i < n->n_udp; i++) {
		struct conn *c = n->udp[i];

		if (!c->broken &&
		    (!oldest || link_heard(c->link) < link_heard(oldest->link)))
			oldest = c;
	}
	if (oldest)
		net_conn_break(n, oldest, ERR_CLOSED);
}

/* NULL: no room until those that were ended are told. */
static struct conn *udp_new(struct net *n, const struct now *now,
			    size_t listener, const struct addr *at,
			    bool dialled)
{
	struct conn *c;

	if (n->n_udp == UDP_MAX) {
		udp_evict(n);
		return NULL;
	}
	c = net_conn_new(n, -1, *at);
	if (!c)
		return NULL;
	c->udp = (int)listener;
	c->reached = true;
	c->dialled = dialled;
	n->udp[n->n_udp++] = c;
	net_conn_start(n, c, now, n->listener[listener].dialect, NULL);
	return c;
}

static void udp_take(struct net *n, size_t listener, const struct now *now,
		     const struct addr *from, struct bytes in)
{
	struct conn *c = udp_find(n, listener, from);

	if (!c)
		c = udp_new(n, now, listener, from, false);
	if (!c)
		return;
	if (link_feed(c->link, now, in))
		net_conn_break(n, c, ERR_PARSE);
	net_ready(n, c);
	net_due(n, c);
}

void udp_read(struct net *n, size_t listener, const struct now *now)
{
	size_t room = n->listener[listener].dialect->frame_max + 1;

	for (int i = 0; i < DATAGRAMS_MAX; i++) {
		struct sockaddr_storage s;
		socklen_t len = sizeof s;
		ssize_t r = recvfrom(n->listener[listener].fd, n->in, room, 0,
				     (void *)&s, &len);
		struct addr from;

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return; /* nothing more, or the last one's refusal */
		from = net_addr_of(&s);
		udp_take(n, listener, now, &from,
			 (struct bytes){n->in, (size_t)r});
	}
}

/* ---- sending ---- */

static bool any_address(const struct addr *a)
{
	static const uint8_t any[16], any4[16] = {[10] = 0xff, [11] = 0xff};

	return !memcmp(a->ip, any, 16) || !memcmp(a->ip, any4, 16);
}

/* Whether what listens at a can send to `to`, which can answer there. */
static bool reaches(const struct listener *l, const struct dialect *d,
		    const struct addr *to)
{
	if (l->dialect != d || net_addr_v4(&l->at) != net_addr_v4(to))
		return false;
	return any_address(&l->at) ||
	       net_addr_local(&l->at) == net_addr_local(to);
}

static bool udp_through(struct net *n, const struct dialect *d,
			const struct addr *to, size_t *listener)
{
	struct addr any = {0};

	for (size_t i = 0; i < n->n_listeners; i++)
		if (reaches(&n->listener[i], d, to)) {
			*listener = i;
			return true;
		}
	if (n->n_listeners == LISTENERS_MAX)
		return false;
	if (net_addr_v4(to))
		any.ip[10] = any.ip[11] = 0xff;
	*listener = n->n_listeners;
	return udp_listen(n, d, any) == OK;
}

struct conn *udp_dial(struct net *n, const struct now *now,
		      const struct effect *dial)
{
	size_t through;
	struct conn *c;

	if (!udp_through(n, dial->dialect, &dial->at, &through))
		return NULL;
	c = udp_find(n, through, &dial->at);
	if (!c)
		c = udp_new(n, now, through, &dial->at, true);
	if (!c)
		return NULL;
	if (dial->contact) {
		c->dialled_for = dial->contact;
		c->told_up = false; /* it is told to who dialled, too */
	}
	net_ready(n, c);
	return c;
}

/* One that the network does not take is lost, as others are on their way. */
void udp_write(struct net *n, struct conn *c)
{
	struct sockaddr_storage s;
	socklen_t len = net_addr_put(&s, &c->at);
	struct bytes out;

	while ((out = link_output(c->link)).n) {
		ssize_t w = sendto(n->listener[c->udp].fd, out.p, out.n, 0,
				   (void *)&s, len);

		if (w < 0 && errno == EINTR)
			continue;
		link_wrote(c->link, out.n);
	}
	if (link_over(c->link))
		net_conn_break(n, c, ERR_CLOSED);
}

/* Of a socket that is bound to all addresses: the one that the system would
 * take for this peer. */
struct addr udp_local(const struct net *n, const struct conn *c)
{
	struct addr at = n->listener[c->udp].at;
	struct sockaddr_storage s;
	socklen_t len = net_addr_put(&s, &c->at);
	int fd;

	if (!any_address(&at))
		return at;
	fd = socket(s.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return at;
	if (!connect(fd, (void *)&s, len)) {
		len = sizeof s;
		if (!getsockname(fd, (void *)&s, &len))
			memcpy(at.ip, net_addr_of(&s).ip, sizeof at.ip);
	}
	close(fd);
	return at;
}
