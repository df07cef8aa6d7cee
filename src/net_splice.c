#include "src/net_impl.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

/* Two connections made one: what comes from one end goes to the other. What is
 * held is at most a chunk a direction: an end is not read while the other one
 * has not taken what was read before, so that TCP makes its sender wait. */

struct end {
	int fd;          /* -1: not here yet */
	struct buf left; /* read here, not yet taken by the other end */
	bool eof;        /* it will say no more */
	bool shut;       /* it was told that the other will say no more */
	uint32_t events; /* looked for; 0: epoll does not know it */
};

struct splice_pair {
	struct uuid token;
	struct end end[2];
	unsigned ends;     /* that are here */
	int64_t until_us;  /* of its patience */
	int64_t resume_us; /* above its rate until then; 0: it is not */
	int64_t filled_us; /* when `room` was right */
	int64_t room;      /* bytes that may be read now */
	bool over;         /* to be told, then forgotten */
};

struct splices {
	struct splice_pair *pair[SPLICES_MAX];
	int64_t due_us; /* nothing is due before; may be too early */
	unsigned n_over;
	struct net_spliced count;
};

static void due(struct splices *s, int64_t at)
{
	if (at < s->due_us)
		s->due_us = at;
}

static void patience(struct splices *s, struct splice_pair *p, int64_t at)
{
	p->until_us = at;
	due(s, at);
}

/* ---- what epoll looks for ---- */

static void look_for(struct net *n, size_t i, unsigned k, uint32_t events)
{
	struct end *e = &n->splices->pair[i]->end[k];
	struct epoll_event ev = {.events = events,
				 .data.u64 =
				     (uint64_t)EPOLL_SPLICE << 32 | i << 1 | k};
	int op = !events      ? EPOLL_CTL_DEL
		 : !e->events ? EPOLL_CTL_ADD
			      : EPOLL_CTL_MOD;

	if (events == e->events)
		return;
	e->events = events;
	epoll_ctl(n->epoll, op, e->fd, &ev);
}

static void look_again(struct net *n, size_t i)
{
	struct splice_pair *p = n->splices->pair[i];

	for (unsigned k = 0; k < 2 && p->ends == 2; k++) {
		const struct end *e = &p->end[k], *other = &p->end[!k];
		uint32_t events = 0;

		if (!e->eof && !e->left.n && !p->resume_us)
			events |= EPOLLIN;
		if (other->left.n)
			events |= EPOLLOUT;
		look_for(n, i, k, events);
	}
}

/* ---- beginning and end ---- */

static void over(struct net *n, size_t i)
{
	struct splices *s = n->splices;
	struct splice_pair *p = s->pair[i];

	for (int k = 0; k < 2; k++) {
		if (p->end[k].fd >= 0)
			close(p->end[k].fd);
		s->count.held -= p->end[k].left.n;
		buf_free(&p->end[k].left);
		p->end[k] = (struct end){.fd = -1};
	}
	if (p->ends == 2)
		s->count.now--;
	else
		s->count.waiting--;
	p->over = true;
	s->n_over++;
}

void net_expect(struct net *n, const struct now *now, const struct uuid *token)
{
	struct splice_pair *p = xmalloc(sizeof(*p));
	size_t i = 0;

	if (!n->splices) {
		n->splices = xzalloc(sizeof(*n->splices));
		n->splices->due_us = INT64_MAX;
	}
	struct splices *s = n->splices;
	while (i < SPLICES_MAX && s->pair[i])
		i++;
	if (i == SPLICES_MAX) { /* whoever counts them expects no more */
		free(p);
		return;
	}
	*p = (struct splice_pair){.token = *token,
				  .end = {{.fd = -1}, {.fd = -1}}};
	s->pair[i] = p;
	s->count.waiting++;
	patience(s, p, now->mono_us + SPLICE_WAIT_S * INT64_C(1000000));
}

static bool say_made(const struct splice_pair *p)
{
	uint8_t made[SPLICE_MADE];

	splice_made(made);
	for (int k = 0; k < 2; k++)
		if (send(p->end[k].fd, made, sizeof(made), MSG_NOSIGNAL) !=
		    sizeof(made))
			return false;
	return true;
}

/* The second one is here. */
static void pair_up(struct net *n, size_t i, const struct now *now)
{
	struct splices *s = n->splices;
	struct splice_pair *p = s->pair[i];

	s->count.waiting--;
	s->count.now++;
	s->count.made++;
	p->room = SPLICE_RATE;
	p->filled_us = now->mono_us;
	patience(s, p, now->mono_us + SPLICE_IDLE_US);
	if (say_made(p))
		look_again(n, i);
	else
		over(n, i);
}

void splice_join(struct net *n, int fd, const struct uuid *token,
		 const struct now *now)
{
	struct splices *s = n->splices;

	for (size_t i = 0; i < SPLICES_MAX; i++) {
		struct splice_pair *p = s->pair[i];

		if (!p || p->over || p->ends == 2 ||
		    memcmp(&p->token, token, sizeof(*token)) != 0)
			continue;
		p->end[p->ends++].fd = fd;
		if (p->ends == 2)
			pair_up(n, i, now);
		return;
	}
	s->count.refused++;
	close(fd);
}

bool splice_next(struct net *n, struct net_event *out)
{
	struct splices *s = n->splices;

	for (size_t i = 0; s && s->n_over && i < SPLICES_MAX; i++) {
		struct splice_pair *p = s->pair[i];

		if (!p || !p->over)
			continue;
		*out =
		    (struct net_event){.kind = NET_SPLICED, .token = p->token};
		s->n_over--;
		s->pair[i] = NULL;
		free(p);
		return true;
	}
	return false;
}

void splice_free(struct net *n)
{
	struct splices *s = n->splices;

	for (size_t i = 0; s && i < SPLICES_MAX; i++) {
		if (s->pair[i] && !s->pair[i]->over)
			over(n, i);
		free(s->pair[i]);
	}
	free(s);
}

/* ---- what goes through ---- */

/* As much as its rate allows now; 0: none before resume_us. */
static size_t allowed(struct splices *s, struct splice_pair *p, int64_t now_us)
{
	int64_t more = (now_us - p->filled_us) * SPLICE_RATE / 1000000;

	if (more > 0) {
		p->room += more;
		p->filled_us = now_us;
	}
	if (p->room > SPLICE_RATE)
		p->room = SPLICE_RATE;
	if (p->room >= SPLICE_CHUNK)
		return SPLICE_CHUNK;
	p->resume_us =
	    now_us + SPLICE_CHUNK * INT64_C(1000000) / SPLICE_RATE + 1;
	due(s, p->resume_us);
	return 0;
}

/* What was read of an end that says no more has all gone to the other. */
static void pass_on_end(struct splice_pair *p, unsigned from)
{
	struct end *to = &p->end[!from];

	if (!p->end[from].eof || p->end[from].left.n || to->shut)
		return;
	shutdown(to->fd, SHUT_WR);
	to->shut = true;
}

/* False: that end is broken. */
static bool take(struct splices *s, struct splice_pair *p, unsigned from,
		 struct bytes in)
{
	ssize_t w = send(p->end[!from].fd, in.p, in.n, MSG_NOSIGNAL);

	if (w < 0 && errno != EAGAIN && errno != EINTR)
		return false;
	if (w < 0)
		w = 0;
	if ((size_t)w < in.n) {
		buf_put(&p->end[from].left,
			(struct bytes){in.p + w, in.n - (size_t)w});
		s->count.held += in.n - (size_t)w;
	}
	return true;
}

static bool end_read(struct net *n, struct splice_pair *p, unsigned from,
		     const struct now *now)
{
	struct splices *s = n->splices;
	size_t max = allowed(s, p, now->mono_us);
	ssize_t r;

	if (!max)
		return true;
	r = recv(p->end[from].fd, n->in, max, 0);
	if (r < 0)
		return errno == EAGAIN || errno == EINTR;
	p->end[from].eof = r == 0;
	p->room -= r;
	s->count.bytes += (uint64_t)r;
	patience(s, p, now->mono_us + SPLICE_IDLE_US);
	return r == 0 || take(s, p, from, (struct bytes){n->in, (size_t)r});
}

/* The end `to` can be written again. */
static bool end_write(struct net *n, struct splice_pair *p, unsigned to,
		      const struct now *now)
{
	struct buf *left = &p->end[!to].left;
	ssize_t w = send(p->end[to].fd, left->p, left->n, MSG_NOSIGNAL);

	if (w < 0)
		return errno == EAGAIN || errno == EINTR;
	buf_drop(left, (size_t)w);
	n->splices->count.held -= (size_t)w;
	if (!left->n)
		buf_free(left);
	patience(n->splices, p, now->mono_us + SPLICE_IDLE_US);
	return true;
}

void splice_hear(struct net *n, uint64_t which, uint32_t events,
		 const struct now *now)
{
	size_t i = (which & 0xffffffff) >> 1;
	unsigned k = which & 1;
	struct splice_pair *p = n->splices->pair[i];
	bool good = true;

	if (!p || p->over)
		return; /* its other end broke a moment ago */
	if (p->end[!k].left.n)
		good = end_write(n, p, k, now);
	if (good && (events & ~(uint32_t)EPOLLOUT) && !p->end[k].eof &&
	    !p->end[k].left.n && !p->resume_us)
		good = end_read(n, p, k, now);
	pass_on_end(p, 0);
	pass_on_end(p, 1);
	if (!good || (p->end[0].shut && p->end[1].shut))
		over(n, i);
	else
		look_again(n, i);
}

/* ---- time ---- */

int64_t splice_deadline(const struct net *n)
{
	return n->splices ? n->splices->due_us : INT64_MAX;
}

void splice_tick(struct net *n, const struct now *now)
{
	struct splices *s = n->splices;

	if (!s || now->mono_us < s->due_us)
		return;
	s->due_us = INT64_MAX;
	for (size_t i = 0; i < SPLICES_MAX; i++) {
		struct splice_pair *p = s->pair[i];

		if (!p || p->over)
			continue;
		if (p->until_us <= now->mono_us) {
			s->count.expired++;
			over(n, i);
			continue;
		}
		due(s, p->until_us);
		if (p->resume_us && p->resume_us <= now->mono_us) {
			p->resume_us = 0;
			look_again(n, i);
		} else if (p->resume_us) {
			due(s, p->resume_us);
		}
	}
}

struct net_spliced net_spliced(const struct net *n)
{
	return n->splices ? n->splices->count : (struct net_spliced){0};
}
