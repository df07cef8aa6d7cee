#include "src/clock.h"
#include "src/net_impl.h"
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

/* ---- the table of connections ---- */

static struct conn *conn_get(const struct net *n, link_id id)
{
	size_t i = id & 0xffff;
	struct conn *c = i && i < n->n_slots ? n->slot[i].conn : NULL;

	return c && c->id == id ? c : NULL;
}

static bool slot_take(struct net *n, struct conn *c)
{
	uint16_t i = n->free_head;

	if (i) {
		n->free_head = n->slot[i].next_free;
		if (!n->free_head)
			n->free_tail = 0;
	} else {
		if (n->n_slots >= CONNS_MAX)
			return false;
		i = (uint16_t)n->n_slots++;
		n->slot = xrealloc(n->slot, n->n_slots * sizeof *n->slot);
		n->slot[i] = (struct slot){0};
	}
	n->slot[i].conn = c;
	c->id = (link_id)++n->slot[i].generation << 16 | i;
	return true;
}

static void slot_give(struct net *n, link_id id)
{
	uint16_t i = (uint16_t)(id & 0xffff);

	n->slot[i].conn = NULL;
	n->slot[i].next_free = 0;
	if (n->free_tail)
		n->slot[n->free_tail].next_free = i;
	else
		n->free_head = i;
	n->free_tail = i;
}

/* ---- the heap of deadlines ---- */

static void heap_set(struct net *n, size_t i, struct conn *c)
{
	n->heap[i] = c;
	c->heap = i;
}

static void heap_up(struct net *n, size_t i)
{
	struct conn *c = n->heap[i];

	for (; i > 1 && n->heap[i / 2]->due_us > c->due_us; i /= 2)
		heap_set(n, i, n->heap[i / 2]);
	heap_set(n, i, c);
}

static void heap_down(struct net *n, size_t i)
{
	struct conn *c = n->heap[i];

	for (size_t k; (k = 2 * i) <= n->n_heap; i = k) {
		if (k < n->n_heap &&
		    n->heap[k + 1]->due_us < n->heap[k]->due_us)
			k++;
		if (n->heap[k]->due_us >= c->due_us)
			break;
		heap_set(n, i, n->heap[k]);
	}
	heap_set(n, i, c);
}

static void heap_add(struct net *n, struct conn *c)
{
	if (n->n_heap + 2 > n->heap_cap) {
		n->heap_cap = n->heap_cap ? 2 * n->heap_cap : 64;
		n->heap = xrealloc(n->heap, n->heap_cap * sizeof *n->heap);
	}
	heap_set(n, ++n->n_heap, c);
	heap_up(n, n->n_heap);
}

static void heap_remove(struct net *n, struct conn *c)
{
	struct conn *last = n->heap[n->n_heap--];
	size_t i = c->heap;

	if (last == c)
		return;
	heap_set(n, i, last);
	heap_up(n, i);
	heap_down(n, last->heap);
}

static int64_t conn_deadline(const struct conn *c)
{
	int64_t at = c->opening ? opening_deadline(c) : link_deadline(c->link);

	if (c->stuck_us && c->stuck_us + STUCK_US < at)
		at = c->stuck_us + STUCK_US;
	return at;
}

/* Only moves that make it earlier need to be known at once; a later one is
 * found when the old one is reached. */
void net_due(struct net *n, struct conn *c)
{
	int64_t at = conn_deadline(c);

	if (at >= c->due_us)
		return;
	c->due_us = at;
	heap_up(n, c->heap);
}

/* ---- connections ---- */

void net_ready(struct net *n, struct conn *c)
{
	if (c->ready)
		return;
	c->ready = true;
	c->next_ready = NULL;
	if (n->ready_tail)
		n->ready_tail->next_ready = c;
	else
		n->ready = c;
	n->ready_tail = c;
}

void net_dirty(struct net *n, struct conn *c)
{
	if (c->dirty)
		return;
	c->dirty = true;
	c->next_dirty = n->dirty;
	n->dirty = c;
}

static void uncount(struct net *n, struct conn *c)
{
	if (c->counted)
		n->n_pending--;
	c->counted = false;
}

/* Nothing is read or written any more; it is told as NET_DOWN. */
void net_conn_break(struct net *n, struct conn *c, enum err why)
{
	if (c->broken)
		return;
	c->broken = true;
	c->why = why;
	uncount(n, c);
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	net_ready(n, c);
}

static void conn_interest(struct net *n, struct conn *c, int op)
{
	struct epoll_event e = {.data.u64 = c->id};

	if (c->udp >= 0)
		return;
	e.events = c->closing ? 0 : EPOLLIN;
	if (c->connecting || c->writing)
		e.events |= EPOLLOUT;
	if (epoll_ctl(n->epoll, op, c->fd, &e))
		net_conn_break(n, c, ERR_SYS);
}

struct conn *net_conn_new(struct net *n, int fd, struct addr at)
{
	struct conn *c = xmalloc(sizeof *c);

	*c = (struct conn){.fd = fd, .udp = -1, .at = at, .due_us = INT64_MAX};
	if (!slot_take(n, c)) {
		free(c);
		return NULL;
	}
	n->n_conns++;
	return c;
}

void net_conn_start(struct net *n, struct conn *c, const struct now *now,
		    const struct dialect *d, const struct pubkey *pin)
{
	c->dialect = d;
	c->link =
	    link_new(d, c->dialled ? DIALLED : ACCEPTED, n->keys, pin, now);
	c->due_us = conn_deadline(c);
	heap_add(n, c);
}

static void ready_remove(struct net *n, struct conn *c)
{
	struct conn **p = &n->ready, *last = NULL;

	if (!c->ready)
		return;
	while (*p != c) {
		last = *p;
		p = &(*p)->next_ready;
	}
	*p = c->next_ready;
	if (n->ready_tail == c)
		n->ready_tail = last;
	c->ready = false;
}

static void dirty_remove(struct net *n, struct conn *c)
{
	struct conn **p = &n->dirty;

	if (!c->dirty)
		return;
	while (*p != c)
		p = &(*p)->next_dirty;
	*p = c->next_dirty;
	c->dirty = false;
}

static void conn_free(struct net *n, struct conn *c)
{
	if (!c)
		return;
	ready_remove(n, c);
	dirty_remove(n, c);
	uncount(n, c);
	if (c->fd >= 0)
		close(c->fd);
	udp_forget(n, c);
	if (c->link)
		heap_remove(n, c);
	opening_free(c);
	link_free(c->link);
	slot_give(n, c->id);
	n->n_conns--;
	free(c);
}

/* ---- sockets ---- */

struct net *net_new(const struct net_rules *r, const struct keys *k)
{
	struct net *n = xzalloc(sizeof *n); /* most of it for bad days */

	n->rules = *r;
	n->keys = k;
	n->epoll = epoll_create1(EPOLL_CLOEXEC);
	clock_seed(&n->rng);
	n->slot = xmalloc(sizeof *n->slot); /* 0 is no id */
	n->slot[0] = (struct slot){0};
	n->n_slots = 1;
	n->total.tokens = r->handshakes_s;
	n->total.at_us = n->sealed.at_us = clock_mono_us();
	n->sealed.tokens = SEALED_S;
	return n;
}

void net_free(struct net *n)
{
	if (!n)
		return;
	net_close_all(n);
	for (size_t i = 1; i < n->n_slots; i++)
		conn_free(n, n->slot[i].conn);
	for (size_t i = 0; i < n->n_listeners; i++)
		close(n->listener[i].fd);
	splice_free(n);
	close(n->epoll);
	secret_wipe(&n->rng, sizeof n->rng);
	free(n->slot);
	free(n->heap);
	free(n);
}

static void set(int fd, int level, int name, int value)
{
	setsockopt(fd, level, name, &value, sizeof value);
}

static enum err epoll_add(struct net *n, int fd, uint64_t kind, uint64_t i)
{
	struct epoll_event e = {.events = EPOLLIN, .data.u64 = kind << 32 | i};

	return epoll_ctl(n->epoll, EPOLL_CTL_ADD, fd, &e) ? ERR_SYS : OK;
}

enum err net_listener_add(struct net *n, int fd, const struct dialect *d)
{
	struct sockaddr_storage s;
	socklen_t len = sizeof s;

	if (epoll_add(n, fd, EPOLL_LISTENER, n->n_listeners) ||
	    getsockname(fd, (void *)&s, &len))
		return ERR_SYS;
	n->listener[n->n_listeners++] =
	    (struct listener){fd, d, net_addr_of(&s)};
	return OK;
}

static enum err stream_listen(struct net *n, const struct dialect *d,
			      struct addr at)
{
	struct sockaddr_storage s;
	socklen_t len = net_addr_put(&s, &at);
	int saved, fd = socket(s.ss_family,
			       SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return ERR_SYS;
	set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (s.ss_family == AF_INET6)
		set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
	if (bind(fd, (const void *)&s, len) || listen(fd, 128) ||
	    net_listener_add(n, fd, d)) {
		saved = errno;
		close(fd);
		errno = saved;
		return ERR_SYS;
	}
	return OK;
}

enum err net_listen(struct net *n, const struct dialect *d, struct addr at,
		    uint16_t *port)
{
	enum err err;

	if (n->n_listeners == LISTENERS_MAX)
		return ERR_FULL;
	err = d->traits & T_DATAGRAM ? udp_listen(n, d, at)
				     : stream_listen(n, d, at);
	if (!err)
		*port = n->listener[n->n_listeners - 1].at.port;
	return err;
}

enum err net_watch(struct net *n, int fd)
{
	if (n->n_watched == sizeof n->watched / sizeof *n->watched)
		return ERR_FULL;
	n->watched[n->n_watched] = fd;
	return epoll_add(n, fd, EPOLL_WATCHED, n->n_watched++);
}

static bool plain(const struct dialect *d)
{
	return !(d->traits & T_KEYED);
}

/* A plain dialect has no signs of life of its own. */
static void keep_alive(int fd, const struct dialect *d)
{
	if (!plain(d))
		return;
	set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	set(fd, IPPROTO_TCP, TCP_KEEPIDLE, 30);
	set(fd, IPPROTO_TCP, TCP_KEEPINTVL, 10);
	set(fd, IPPROTO_TCP, TCP_KEEPCNT, 3);
}

/* Descriptors are kept for what we dial and for the disk. */
static bool descriptors_left(int fd)
{
	struct rlimit r;

	return getrlimit(RLIMIT_NOFILE, &r) ||
	       (rlim_t)fd + FD_RESERVE < r.rlim_cur;
}

/* Opening a text costs 0.4 ms, before anything is known of who sent it. */
static bool affordable(struct net *n, const struct listener *l, int64_t now_us)
{
	bool sealed =
	    l->dialect->seal == SEAL_OAEP || l->dialect->seal == SEAL_RAW;

	return !sealed ||
	       net_bucket_take(&n->sealed, now_us, SEALED_S, SEALED_S);
}

static void accept_all(struct net *n, const struct listener *l)
{
	struct now now = clock_now(&n->rng, NULL);

	for (int i = 0; i < EVENTS; i++) {
		struct sockaddr_storage s;
		socklen_t len = sizeof s;
		int fd = accept4(l->fd, (void *)&s, &len,
				 SOCK_NONBLOCK | SOCK_CLOEXEC);
		struct addr at;
		struct conn *c;

		if (fd < 0)
			return;
		at = net_addr_of(&s);
		if (!descriptors_left(fd) || !net_admits(n, &at, now.mono_us) ||
		    !affordable(n, l, now.mono_us) ||
		    !(c = net_conn_new(n, fd, at))) {
			close(fd);
			continue;
		}
		set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
		set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, 60000);
		keep_alive(fd, l->dialect);
		c->counted = c->reached = true;
		c->came_us = now.mono_us;
		n->n_pending++;
		net_conn_start(n, c, &now, l->dialect, NULL);
		opening_await(n, c);
		conn_interest(n, c, EPOLL_CTL_ADD);
	}
}

/* What is said first goes out with the connection. */
static void dial_says(struct net *n, const struct now *now, struct conn *c,
		      const struct effect *dial)
{
	if (dial->packet && link_send(c->link, now, dial->packet))
		net_conn_break(n, c, ERR_PARSE);
	else if (c->udp >= 0)
		net_dirty(n, c);
}

static void stream_connect(struct net *n, struct conn *c)
{
	struct sockaddr_storage s;
	socklen_t len = net_addr_put(&s, &c->at);

	set(c->fd, IPPROTO_TCP, TCP_NODELAY, 1);
	set(c->fd, IPPROTO_TCP, TCP_USER_TIMEOUT, 60000);
	keep_alive(c->fd, c->dialect);
	c->connecting = true;
	if (connect(c->fd, (const void *)&s, len) && errno != EINPROGRESS)
		net_conn_break(n, c, ERR_SYS);
	else
		conn_interest(n, c, EPOLL_CTL_ADD);
}

static void stream_dial(struct net *n, const struct now *now,
			const struct effect *dial)
{
	int family = net_addr_v4(&dial->at) ? AF_INET : AF_INET6;
	int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct conn *c = net_conn_new(n, fd, dial->at);

	if (!c) { /* 16,384 connections: the caller tries again later */
		if (fd >= 0)
			close(fd);
		return;
	}
	c->dialled = !dial->answers;
	c->dialled_for = dial->contact;
	net_conn_start(n, c, now, dial->dialect, &dial->pin);
	if (dial->relayed)
		opening_begin(c, now, dial);
	if (fd < 0) {
		net_conn_break(n, c, ERR_SYS);
		return;
	}
	dial_says(n, now, c, dial);
	if (!c->broken)
		stream_connect(n, c);
}

void net_dial(struct net *n, const struct now *now, const struct effect *dial)
{
	struct conn *c;

	if (!(dial->dialect->traits & T_DATAGRAM)) {
		stream_dial(n, now, dial);
		return;
	}
	c = udp_dial(n, now, dial);
	if (c)
		dial_says(n, now, c, dial);
}

/* ---- reading and writing ---- */

static void conn_write(struct net *n, struct conn *c)
{
	struct bytes out;

	if (c->udp >= 0) {
		udp_write(n, c);
		return;
	}
	if (c->opening && !c->connecting)
		opening_write(n, c);
	if (c->opening)
		return;
	while (!c->connecting && (out = link_output(c->link)).n) {
		ssize_t w = send(c->fd, out.p, out.n, MSG_NOSIGNAL);

		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0 && errno != EAGAIN) {
			net_conn_break(n, c, ERR_CLOSED);
			return;
		}
		if (w < 0)
			break;
		link_wrote(c->link, (size_t)w);
		c->stuck_us = 0;
	}
	bool left = link_output(c->link).n > 0 && !c->connecting;

	if (link_output(c->link).n > OUTPUT_MAX) {
		net_conn_break(n, c, ERR_LIMIT);
		return;
	}
	if (left && !c->stuck_us)
		c->stuck_us = clock_mono_us();
	if (left != c->writing) {
		c->writing = left;
		conn_interest(n, c, EPOLL_CTL_MOD);
	}
	if (!c->broken && link_over(c->link) && !c->connecting)
		net_conn_break(n, c, ERR_CLOSED);
	else if (!c->broken)
		net_due(n, c);
}

static void connected(struct net *n, struct conn *c)
{
	int error = 0;
	socklen_t len = sizeof error;

	getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &len);
	c->connecting = false;
	if (error) {
		errno = error;
		net_conn_break(n, c, ERR_SYS);
		return;
	}
	c->reached = true;
	conn_interest(n, c, EPOLL_CTL_MOD);
	if (link_up(c->link))
		net_ready(n, c);
	if (!c->broken)
		conn_write(n, c);
}

/* False: nothing for its link. */
static bool conn_recv(struct net *n, struct conn *c, const struct now *now,
		      struct bytes *in)
{
	ssize_t r;
	enum err err;

	if (c->opening)
		return opening_read(n, c, now, in);
	r = recv(c->fd, n->in, sizeof n->in, 0);
	if (r < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (r <= 0) {
		err = r ? ERR_CLOSED : link_eof(c->link);
		net_conn_break(n, c, err ? err : ERR_CLOSED);
		return false;
	}
	*in = (struct bytes){n->in, (size_t)r};
	return true;
}

static void conn_read(struct net *n, struct conn *c, const struct now *now)
{
	struct bytes in;
	enum err err;

	if (!conn_recv(n, c, now, &in))
		return;
	err = link_feed(c->link, now, in);
	if (err) {
		net_conn_break(n, c, err);
		return;
	}
	if (link_up(c->link))
		uncount(n, c);
	if ((link_up(c->link) && !c->told_up) || link_ready(c->link))
		net_ready(n, c);
	if (link_output(c->link).n || link_over(c->link))
		net_dirty(n, c);
	net_due(n, c);
}

static void hear(struct net *n, const struct epoll_event *e,
		 const struct now *now)
{
	struct conn *c;

	if (e->data.u64 >> 32 == EPOLL_SPLICE) {
		splice_hear(n, e->data.u64, e->events, now);
		return;
	}
	if (e->data.u64 >> 32 == EPOLL_LISTENER) {
		size_t i = e->data.u64 & 0xffffffff;

		if (n->listener[i].dialect->traits & T_DATAGRAM)
			udp_read(n, i, now);
		else
			accept_all(n, &n->listener[i]);
		return;
	}
	if (e->data.u64 >> 32)
		return; /* watched: its owner looks */
	c = conn_get(n, (link_id)e->data.u64);
	if (!c || c->broken)
		return;
	if (c->connecting && (e->events & (EPOLLOUT | EPOLLERR | EPOLLHUP)))
		connected(n, c);
	else if (e->events & EPOLLOUT)
		conn_write(n, c);
	if (!c->broken && !c->closing &&
	    (e->events & (EPOLLIN | EPOLLERR | EPOLLHUP)) && !c->connecting &&
	    !link_ready(c->link)) /* what it said before comes first */
		conn_read(n, c, now);
}

/* Deadlines that are reached: most have moved on by themselves. */
static void tick(struct net *n, const struct now *now)
{
	while (n->n_heap && n->heap[1]->due_us <= now->mono_us) {
		struct conn *c = n->heap[1];
		int64_t at = c->broken ? INT64_MAX : conn_deadline(c);

		if (at <= now->mono_us) {
			if (c->stuck_us &&
			    c->stuck_us + STUCK_US <= now->mono_us)
				net_conn_break(n, c, ERR_CLOSED);
			else if (link_tick(c->link, now))
				net_conn_break(n, c, ERR_CLOSED);
			else if (link_output(c->link).n)
				net_dirty(n, c);
			if (link_ready(c->link))
				net_ready(n, c);
			at = c->broken ? INT64_MAX : conn_deadline(c);
		}
		c->due_us = at;
		heap_down(n, 1);
	}
}

static int timeout_ms(const struct net *n, int64_t deadline)
{
	int64_t at = deadline, left, now;

	if (n->again || n->ready)
		return 0;
	if (n->n_heap && n->heap[1]->due_us < at)
		at = n->heap[1]->due_us;
	if (splice_deadline(n) < at)
		at = splice_deadline(n);
	if (at == INT64_MAX)
		return -1;
	now = clock_mono_us();
	if (at <= now) /* "at once" may be any time that is past */
		return 0;
	left = at - now;
	return left > 86400000000 ? 86400000 : (int)((left + 999) / 1000);
}

/* The disk is behind: only what is watched is looked at, so that sockets fill
 * and the peers' TCP waits. */
static void wait_watched(struct net *n, int timeout)
{
	struct epoll_event e[EVENTS];
	int only = epoll_create1(EPOLL_CLOEXEC);

	for (size_t i = 0; i < n->n_watched; i++) {
		struct epoll_event w = {.events = EPOLLIN};

		epoll_ctl(only, EPOLL_CTL_ADD, n->watched[i], &w);
	}
	epoll_wait(only, e, EVENTS, timeout);
	close(only);
}

enum err net_wait(struct net *n, int64_t deadline, bool behind)
{
	struct epoll_event e[EVENTS];
	int timeout = timeout_ms(n, deadline), k;

	n->again = false;
	if (behind) {
		wait_watched(n, timeout);
	} else {
		k = epoll_wait(n->epoll, e, EVENTS, timeout);
		if (k < 0 && errno != EINTR)
			return ERR_SYS;

		struct now now = clock_now(&n->rng, NULL);

		for (int i = 0; i < k; i++)
			hear(n, &e[i], &now);
	}
	for (struct conn *c = n->ready; c; c = c->next_ready)
		c->packets = 0;

	struct now now = clock_now(&n->rng, NULL);

	tick(n, &now);
	splice_tick(n, &now);
	return OK;
}

/* ---- what is handed out ---- */

static void event_of(const struct conn *c, struct net_event *out)
{
	*out = (struct net_event){.link = c->id,
				  .at = c->at,
				  .dialect = c->dialect,
				  .dialled_for = c->dialled_for,
				  .relayed = c->relayed,
				  .begun = c->dialled,
				  .key = link_key(c->link)};
}

/* Our address as the peer sees it. */
static struct addr local_of(const struct net *n, const struct conn *c)
{
	struct sockaddr_storage s;
	socklen_t len = sizeof s;

	if (c->udp >= 0)
		return udp_local(n, c);
	if (c->fd < 0 || getsockname(c->fd, (void *)&s, &len))
		return (struct addr){0};
	return net_addr_of(&s);
}

static bool conn_next(struct net *n, struct conn *c, struct net_event *out)
{
	event_of(c, out);
	if (link_up(c->link) && !c->told_up && c->reached) {
		c->told_up = true;
		out->kind = NET_UP;
		if (plain(c->dialect))
			out->local = local_of(n, c);
		return true;
	}
	if (!c->closing && c->packets < PACKETS_MAX &&
	    link_next(c->link, &n->packet)) {
		c->packets++;
		out->kind = NET_PACKET;
		out->packet = &n->packet;
		return true;
	}
	if (!c->broken && !c->opening && link_output(c->link).n)
		net_dirty(n, c); /* answers to what was malformed */
	if (c->broken && (c->closing || !link_ready(c->link))) {
		bool say = !c->closing;

		out->kind = NET_DOWN;
		out->why = c->why;
		ready_remove(n, c);
		n->gone = c;
		return say;
	}
	return false;
}

bool net_next(struct net *n, const struct now *now, struct net_event *out)
{
	(void)now;
	for (struct conn *c = n->ready, *next; c; c = next) {
		conn_free(n, n->gone);
		n->gone = NULL;
		next = c->next_ready;
		if (conn_next(n, c, out))
			return true;
		if (n->gone)
			continue;
		if (link_ready(c->link))
			n->again = true; /* the rest comes next turn */
		else
			ready_remove(n, c);
	}
	conn_free(n, n->gone);
	n->gone = NULL;
	return splice_next(n, out);
}

void net_send(struct net *n, const struct now *now, link_id to,
	      const struct packet *p)
{
	struct conn *c = conn_get(n, to);

	if (!c || c->broken || c->closing)
		return; /* its end is on the way up */
	if (link_send(c->link, now, p))
		net_conn_break(n, c, ERR_PARSE);
	else
		net_dirty(n, c);
}

/* A farewell, as far as the socket takes it; nothing is said of the end. */
static void conn_leave(struct net *n, struct conn *c, const struct now *now)
{
	if (!c->broken && link_up(c->link)) {
		link_bye(c->link, now);
		conn_write(n, c);
	}
	c->closing = true;
	net_conn_break(n, c, OK);
}

void net_close(struct net *n, const struct now *now, link_id id)
{
	struct conn *c = conn_get(n, id);

	if (c)
		conn_leave(n, c, now);
}

void net_close_all(struct net *n)
{
	struct now now = clock_now(&n->rng, NULL);

	for (size_t i = 1; i < n->n_slots; i++)
		if (n->slot[i].conn)
			conn_leave(n, n->slot[i].conn, &now);
}

void net_flush(struct net *n)
{
	while (n->dirty) {
		struct conn *c = n->dirty;

		n->dirty = c->next_dirty;
		c->dirty = false;
		if (!c->broken)
			conn_write(n, c);
	}
}

bool net_drained(const struct net *n)
{
	for (size_t i = 1; i < n->n_slots; i++)
		if (n->slot[i].conn && !n->slot[i].conn->broken &&
		    !n->slot[i].conn->opening &&
		    link_output(n->slot[i].conn->link).n)
			return false;
	return true;
}
