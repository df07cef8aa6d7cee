#include "src/net_impl.h"
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

/* ---- addresses ---- */

struct addr net_addr_of(const struct sockaddr_storage *s)
{
	struct addr a = {0};

	if (s->ss_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)s;

		a.ip[10] = a.ip[11] = 0xff;
		memcpy(a.ip + 12, &in->sin_addr, 4);
		a.port = ntohs(in->sin_port);
	} else if (s->ss_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const void *)s;

		memcpy(a.ip, &in6->sin6_addr, 16);
		a.port = ntohs(in6->sin6_port);
	}
	return a;
}

bool net_addr_v4(const struct addr *a)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

	return memcmp(a->ip, mapped, sizeof mapped) == 0;
}

bool net_addr_local(const struct addr *a)
{
	static const uint8_t one[16] = {[15] = 1};

	return net_addr_v4(a) ? a->ip[12] == 127 : !memcmp(a->ip, one, 16);
}

socklen_t net_addr_put(struct sockaddr_storage *s, const struct addr *a)
{
	memset(s, 0, sizeof *s);
	if (net_addr_v4(a)) {
		struct sockaddr_in *in = (void *)s;

		in->sin_family = AF_INET;
		in->sin_port = htons(a->port);
		memcpy(&in->sin_addr, a->ip + 12, 4);
		return sizeof *in;
	}
	struct sockaddr_in6 *in6 = (void *)s;

	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(a->port);
	memcpy(&in6->sin6_addr, a->ip, 16);
	return sizeof *in6;
}

static void source_of(uint8_t out[static 16], const struct addr *a)
{
	memcpy(out, a->ip, 16);
	if (!net_addr_v4(a))
		memset(out + 8, 0, 8);
}

/* ---- limits before authentication ---- */

bool net_bucket_take(struct bucket *b, int64_t now_us, unsigned per_s,
		     unsigned burst)
{
	b->tokens += (double)(now_us - b->at_us) * per_s / 1e6;
	b->at_us = now_us;
	if (b->tokens > burst)
		b->tokens = burst;
	if (b->tokens < 1)
		return false;
	b->tokens--;
	return true;
}

static unsigned pending_from(const struct net *n, const uint8_t *source)
{
	unsigned count = 0;
	uint8_t other[16];

	for (size_t i = 1; i < n->n_slots; i++) {
		const struct conn *c = n->slot[i].conn;

		if (!c || !c->counted)
			continue;
		source_of(other, &c->at);
		count += memcmp(other, source, 16) == 0;
	}
	return count;
}

/* Of one source, or of all: who says nothing makes room for who comes. Whoever
 * is honest has said its word long before it is its turn. */
static void oldest_goes(struct net *n, const uint8_t *source)
{
	struct conn *oldest = NULL;
	uint8_t other[16];

	for (size_t i = 1; i < n->n_slots; i++) {
		struct conn *c = n->slot[i].conn;

		if (!c || !c->counted ||
		    (oldest && c->came_us >= oldest->came_us))
			continue;
		source_of(other, &c->at);
		if (!source || !memcmp(other, source, 16))
			oldest = c;
	}
	if (oldest)
		net_conn_break(n, oldest, ERR_FULL);
}

static struct bucket *bucket_of(struct net *n, const uint8_t *source,
				int64_t now_us)
{
	uint32_t h = 2166136261u;

	for (int i = 0; i < 16; i++)
		h = (h ^ source[i]) * 16777619u;
	struct bucket *b = &n->source[h % SOURCES];

	if (memcmp(b->source, source, 16) != 0) {
		/* a collision shares nothing worse than a fresh start */
		memcpy(b->source, source, 16);
		b->tokens = BURST;
		b->at_us = now_us;
	}
	return b;
}

bool net_admits(struct net *n, const struct addr *from, int64_t now_us)
{
	bool local = net_addr_local(from);
	unsigned most =
	    local ? n->rules.pending_loopback : n->rules.pending_source;
	uint8_t source[16];

	if (!net_bucket_take(&n->total, now_us, n->rules.handshakes_s,
			     n->rules.handshakes_s))
		return false;
	source_of(source, from);
	if (!local && !net_bucket_take(bucket_of(n, source, now_us), now_us,
				       n->rules.handshakes_source_s, BURST))
		return false;
	if (pending_from(n, source) >= most)
		oldest_goes(n, source);
	else if (n->n_pending >= n->rules.pending)
		oldest_goes(n, NULL);
	return true;
}
