#include "src/beacon.h"
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/*  0 "SVB1"   4 port   6 flags   8 instance[8]   16 id[16]   32 nickname */
enum {
	SIZE = 64,
	PORT = 6327,
	FLAG_VISIBLE = 1,
	KNOWN = 256,
	FIRST_US = 50000,
	LAST_US = 30000000,
	PER_SECOND = 20,
	AT_ONCE = 64, /* datagrams looked at before others have their turn */
	INTERFACES = 16,
};
#define GROUP "\xef\xff\x3f\x1b" /* 239.255.63.27 */

struct beacon {
	int fd;
	uint8_t say[SIZE];
	bool saying;
	int64_t due_us, pause_us, second_us;
	unsigned heard;          /* in this second */
	uint8_t known[KNOWN][8]; /* instances heard, the oldest is replaced */
	size_t n_known;
};

static void set(int fd, int level, int name, int value)
{
	setsockopt(fd, level, name, &value, sizeof value);
}

/* Up, IPv4, multicast, and lo, so that two on one machine see each other. */
static size_t interfaces(struct in_addr out[static INTERFACES])
{
	struct ifaddrs *all;
	size_t n = 0;

	if (getifaddrs(&all))
		return 0;
	for (struct ifaddrs *i = all; i && n < INTERFACES; i = i->ifa_next) {
		if (!i->ifa_addr || i->ifa_addr->sa_family != AF_INET ||
		    !(i->ifa_flags & IFF_UP) ||
		    !(i->ifa_flags & (IFF_MULTICAST | IFF_LOOPBACK)))
			continue;
		out[n++] =
		    ((struct sockaddr_in *)(void *)i->ifa_addr)->sin_addr;
	}
	freeifaddrs(all);
	return n;
}

static struct in_addr group(void)
{
	struct in_addr a;

	memcpy(&a, GROUP, 4);
	return a;
}

/* An interface that is joined already says EADDRINUSE, which is well. */
static void join_all(struct beacon *b)
{
	struct in_addr at[INTERFACES];
	size_t n = interfaces(at);

	for (size_t i = 0; i < n; i++) {
		struct ip_mreq m = {.imr_multiaddr = group(),
				    .imr_interface = at[i]};

		setsockopt(b->fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &m, sizeof m);
	}
}

enum err beacon_open(struct beacon **out)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(PORT)};
	struct beacon *b = xmalloc(sizeof *b);

	memset(b, 0, sizeof *b);
	b->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (b->fd < 0) {
		free(b);
		return ERR_SYS;
	}
	set(b->fd, SOL_SOCKET, SO_REUSEADDR, 1);
	set(b->fd, SOL_SOCKET, SO_REUSEPORT, 1);
	set(b->fd, IPPROTO_IP, IP_PKTINFO, 1);
	set(b->fd, IPPROTO_IP, IP_MULTICAST_TTL, 1);
	set(b->fd, IPPROTO_IP, IP_MULTICAST_LOOP, 1);
	set(b->fd, IPPROTO_IP, IP_MULTICAST_ALL, 0);
	a.sin_addr.s_addr = htonl(INADDR_ANY);
	if (bind(b->fd, (const void *)&a, sizeof a)) {
		beacon_close(b);
		return ERR_SYS;
	}
	join_all(b);
	*out = b;
	return OK;
}

void beacon_close(struct beacon *b)
{
	if (!b)
		return;
	close(b->fd);
	free(b);
}

void beacon_say(struct beacon *b, const char id[static 33], const char *nick,
		uint16_t port, struct uuid instance, const struct now *now)
{
	struct bytes name = {(const uint8_t *)nick, strlen(nick)};

	memset(b->say, 0, SIZE);
	memcpy(b->say, "SVB1", 4);
	b->say[4] = (uint8_t)(port >> 8);
	b->say[5] = (uint8_t)port;
	b->say[7] = FLAG_VISIBLE;
	memcpy(b->say + 8, instance.b, 8);
	for (int i = 0; i < 16; i++) {
		char two[3] = {id[2 * i], id[2 * i + 1], 0};

		b->say[16 + i] = (uint8_t)strtoul(two, NULL, 16);
	}
	memcpy(b->say + 32, nick, utf8_cut(name, 31));
	b->saying = true;
	b->pause_us = FIRST_US;
	b->due_us = now->mono_us + FIRST_US;
}

int beacon_fd(const struct beacon *b)
{
	return b->fd;
}

/* Its destination must be the group: nobody outside the network can write. */
static bool to_group(const struct msghdr *m)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c;
	     c = CMSG_NXTHDR((struct msghdr *)(uintptr_t)m, c)) {
		struct in_pktinfo info;

		if (c->cmsg_level != IPPROTO_IP || c->cmsg_type != IP_PKTINFO)
			continue;
		memcpy(&info, CMSG_DATA(c), sizeof info);
		return memcmp(&info.ipi_addr, GROUP, 4) == 0;
	}
	return false;
}

/* False: we have heard this instance before. */
static bool newcomer(struct beacon *b, const uint8_t instance[static 8])
{
	size_t n = b->n_known < KNOWN ? b->n_known : KNOWN;

	for (size_t i = 0; i < n; i++)
		if (memcmp(b->known[i], instance, 8) == 0)
			return false;
	memcpy(b->known[b->n_known++ % KNOWN], instance, 8);
	return true;
}

static bool read_beacon(const uint8_t *p, const struct sockaddr_in *from,
			struct hint *out)
{
	uint8_t ip[4];
	struct bytes name = {p + 32, 0};

	if (memcmp(p, "SVB1", 4) != 0 || !(p[7] & FLAG_VISIBLE))
		return false;
	while (name.n < 31 && name.p[name.n])
		name.n++;
	if (!utf8_ok(name))
		name.n = 0;
	*out = (struct hint){.dialect = dialect_named("sotto"),
			     .port = (uint16_t)(p[4] << 8 | p[5]),
			     .via = VIA_LAN};
	memcpy(ip, &from->sin_addr, 4);
	snprintf(out->host, sizeof out->host, "%u.%u.%u.%u", ip[0], ip[1],
		 ip[2], ip[3]);
	for (int i = 0; i < 16; i++)
		snprintf(out->id + 2 * i, 3, "%02x", p[16 + i]);
	memcpy(out->nick, name.p, name.n);
	return out->port != 0;
}

static ssize_t receive(struct beacon *b, uint8_t *in, struct sockaddr_in *from,
		       bool *group_only)
{
	_Alignas(struct cmsghdr) char control[256];
	struct iovec iov = {in, SIZE + 1};
	struct msghdr m = {.msg_name = from,
			   .msg_namelen = sizeof *from,
			   .msg_iov = &iov,
			   .msg_iovlen = 1,
			   .msg_control = control,
			   .msg_controllen = sizeof control};
	ssize_t n = recvmsg(b->fd, &m, 0);

	*group_only = n >= 0 && to_group(&m);
	return n;
}

bool beacon_next(struct beacon *b, const struct now *now, struct hint *out)
{
	uint8_t in[SIZE + 1];
	struct sockaddr_in from;
	bool well;

	if (now->mono_us - b->second_us > 1000000) {
		b->second_us = now->mono_us;
		b->heard = 0;
	}
	for (int i = 0; i < AT_ONCE; i++) {
		ssize_t n = receive(b, in, &from, &well);

		if (n < 0)
			break;
		if (n != SIZE || !well)
			continue;
		if (b->saying && memcmp(in + 8, b->say + 8, 8) == 0)
			continue; /* ourselves, once for each interface */
		if (++b->heard > PER_SECOND)
			continue;
		if (newcomer(b, in + 8) && b->saying)
			b->due_us = now->mono_us + FIRST_US;
		if (read_beacon(in, &from, out))
			return true;
	}
	return false;
}

void beacon_tick(struct beacon *b, const struct now *now)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
				 .sin_port = htons(PORT),
				 .sin_addr = group()};
	struct in_addr at[INTERFACES];
	uint8_t jitter;
	size_t n;

	if (!b->saying || now->mono_us < b->due_us)
		return;
	join_all(b); /* interfaces come and go */
	n = interfaces(at);
	for (size_t i = 0; i < n; i++) {
		setsockopt(b->fd, IPPROTO_IP, IP_MULTICAST_IF, &at[i],
			   sizeof at[i]);
		sendto(b->fd, b->say, SIZE, 0, (const void *)&to, sizeof to);
	}
	rng_fill(now->rng, &jitter, 1);
	b->due_us = now->mono_us + b->pause_us + b->pause_us * jitter / 1024;
	if (b->pause_us < LAST_US)
		b->pause_us *= 2;
	if (b->pause_us > LAST_US)
		b->pause_us = LAST_US;
}

int64_t beacon_deadline(const struct beacon *b)
{
	return b->saying ? b->due_us : INT64_MAX;
}

void beacon_address(struct addr *out)
{
	struct in_addr at[INTERFACES];
	size_t n = interfaces(at);

	*out = (struct addr){.ip = {[10] = 0xff, 0xff, 127, 0, 0, 1}};
	for (size_t i = 0; i < n; i++) {
		uint8_t ip[4];

		memcpy(ip, &at[i], 4);
		if (ip[0] == 127)
			continue;
		memcpy(out->ip + 12, ip, 4);
		return;
	}
}
