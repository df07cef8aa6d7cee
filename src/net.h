#ifndef SOTTO_SRC_NET_H
#define SOTTO_SRC_NET_H
#include "proto/link.h"
#include "src/effect.h"
/* Sockets and epoll. Turns bytes into packets by means of links and knows
 * nothing of what the packets mean. One thread; never calls back. */
struct net;
/* Before authentication; of too many that wait the oldest goes. */
struct net_rules {
	unsigned pending, pending_source, pending_loopback; /* 64, 4, 64 */
	unsigned handshakes_s, handshakes_source_s;         /* 500, 5 */
};
struct net *net_new(const struct net_rules *r, const struct keys *k);
void net_free(struct net *n);
/* Port 0: the system chooses; *port is what it became. Datagrams of a dialect
 * for which nobody listens go through a socket of their own. */
enum err net_listen(struct net *n, const struct dialect *d, struct addr at,
		    uint16_t *port) MUST_USE;
/* net_wait also returns when one of these is readable. */
enum err net_watch(struct net *n, int fd) MUST_USE;

/* Waits until `deadline` (mono_us), a link's own deadline, or something
 * happens; then reads, unless `behind`, at most 64 KiB a link. Does not wait
 * while a link holds a whole packet. Writes nothing. */
enum err net_wait(struct net *n, int64_t deadline, bool behind) MUST_USE;

struct net_event {
	enum { NET_UP, NET_PACKET, NET_DOWN, NET_SPLICED } kind;
	link_id link;
	struct addr at;    /* UP */
	struct addr local; /* UP, plain dialects: ours, as seen from there */
	const struct dialect *dialect; /* UP */
	contact_id dialled_for;        /* UP, DOWN; 0: they came to us */
	struct pubkey key; /* proven; DOWN with ERR_AUTH: met, not pinned */
	const struct packet *packet; /* PACKET */
	enum err why;                /* DOWN */
	bool relayed;      /* UP, DOWN: spliced at a center, whose `at` is */
	bool begun;        /* ... and it was us who asked for it */
	struct uuid token; /* SPLICED: it is over, or nobody came */
};
/* What was read, at most 256 packets a link; UP comes after the handshake.
 * What it points to is good until the next call. */
bool net_next(struct net *n, const struct now *now, struct net_event *out);

/* These cannot fail now: what goes wrong is heard as NET_DOWN next turn, so
 * that policy never runs after the batch is submitted. */
void net_dial(struct net *n, const struct now *now, const struct effect *dial);
/* The two connections that begin with this token, from SPLICE_WAIT_S on from
 * now, are made one (proto/splice.h). 1024 at a time; its end is NET_SPLICED.
 */
void net_expect(struct net *n, const struct now *now, const struct uuid *token);
void net_send(struct net *n, const struct now *now, link_id to,
	      const struct packet *p);
/* Says bye. Nothing more is heard of that link. */
void net_close(struct net *n, const struct now *now, link_id id);
void net_close_all(struct net *n);
/* Writes what net_send queued, as far as the sockets take it. */
void net_flush(struct net *n);
bool net_drained(const struct net *n); /* nothing is left to write */

struct net_spliced {
	unsigned now, waiting;
	uint64_t made, refused, expired; /* since the start */
	uint64_t bytes;                  /* through all of them, both ways */
	size_t held;                     /* bytes in our memory now */
};
struct net_spliced net_spliced(const struct net *n);
#endif
