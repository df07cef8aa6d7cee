#ifndef SOTTO_SRC_NET_IMPL_H
#define SOTTO_SRC_NET_IMPL_H
#include "proto/splice.h"
#include "src/net.h"
#include <netinet/in.h>
#include <sys/socket.h>
/* What these share; for nobody else.
 *   net.c          all that is common, and streams
 *   net_udp.c      datagrams
 *   net_splice.c   a center: two connections made one
 *   net_opening.c  what comes before a link that is spliced */
enum {
	READ_MAX = 65536,  /* bytes a link and turn */
	PACKETS_MAX = 256, /* packets a link and turn */
	EVENTS = 64,
	CONNS_MAX = 16384,
	SOURCES = 1024,  /* remembered sources of handshakes */
	FD_RESERVE = 32, /* kept for what we dial and for the disk */
	STUCK_US = 30000000,
	/* Bytes that wait for a peer to read. What it has not acknowledged
	 * fits however it is written; more is only answers to one that asks
	 * and does not listen. */
	OUTPUT_MAX = 16 << 20,
	BURST = 20,
	LISTENERS_MAX = 12,
	UDP_MAX = 256,         /* correspondences */
	DATAGRAMS_MAX = 64,    /* a listener and turn */
	SEALED_S = 200,        /* texts a second that RSA is to open */
	SPLICES_MAX = 1024,    /* expected ones included */
	SPLICE_CHUNK = 16384,  /* bytes at once, and held, a direction */
	SPLICE_RATE = 1 << 20, /* bytes a second, both directions together */
	/* Nothing came, or nothing was taken: two links' silences. */
	SPLICE_IDLE_US = 150000000,
	OPENING_US = 25000000, /* a client waits for the other one */
};

/* What an event of epoll is about, above 32 bits that say which one: none of
 * these, a connection. */
enum { EPOLL_LISTENER = 1, EPOLL_WATCHED = 2, EPOLL_SPLICE = 3 };
struct opening;
struct splices;

/* One socket with its link. `heap` is its place in the heap of deadlines. */
struct conn {
	struct link *link;
	const struct dialect *dialect;
	struct addr at;
	contact_id dialled_for;
	int64_t came_us;          /* to us */
	int64_t due_us, stuck_us; /* stuck: output waits since; 0: none */
	size_t heap;
	link_id id;
	int fd;  /* -1: broken, or datagrams */
	int udp; /* of which listener it is a part; -1: a stream */
	enum err why;
	uint16_t packets; /* handed out this turn */
	bool reached;     /* it was connected, or never had to be */
	bool dialled, connecting, told_up, broken, writing, ready, dirty;
	bool closing, counted, relayed;
	struct opening *opening; /* before the link itself; or NULL */
	struct conn *next_ready, *next_dirty;
};

struct listener {
	int fd;
	const struct dialect *dialect;
	struct addr at; /* as bound */
};

/* A token bucket; a source is a v4 address or a v6 /64. */
struct bucket {
	uint8_t source[16];
	int64_t at_us;
	double tokens;
};

/* What a slot of the table was used for last: ids are slot and generation, so
 * that an old id never means a new connection. */
struct slot {
	struct conn *conn;
	uint16_t generation;
	uint16_t next_free;
};

struct net {
	const struct keys *keys;
	struct net_rules rules;
	int epoll;
	struct listener listener[LISTENERS_MAX];
	size_t n_listeners;
	struct conn *udp[UDP_MAX]; /* those with datagrams */
	size_t n_udp;
	int watched[8];
	size_t n_watched;
	struct slot *slot;
	size_t n_slots;
	uint16_t free_head, free_tail; /* 0: none */
	struct conn **heap;
	size_t n_heap, heap_cap, n_pending, n_conns;
	struct conn *ready, *ready_tail, *dirty;
	struct bucket total, sealed, source[SOURCES];
	struct splices *splices; /* NULL: none was ever expected */
	struct rng rng;
	struct packet packet;
	uint8_t in[READ_MAX];
	struct conn *gone; /* told down, freed at the next net_next */
	bool again;        /* some link still holds whole packets */
};

/* ---- net.c ---- */
/* NULL: too many. */
struct conn *net_conn_new(struct net *n, int fd, struct addr at);
void net_conn_start(struct net *n, struct conn *c, const struct now *now,
		    const struct dialect *d, const struct pubkey *pin);
/* Nothing is read or written any more; it is told as NET_DOWN. */
void net_conn_break(struct net *n, struct conn *c, enum err why);
/* net_next looks at it; net_flush writes what it has. */
void net_ready(struct net *n, struct conn *c);
void net_dirty(struct net *n, struct conn *c);
void net_due(struct net *n, struct conn *c); /* its deadline came nearer */
enum err net_listener_add(struct net *n, int fd, const struct dialect *d);

/* ---- net_limits.c ---- */
struct addr net_addr_of(const struct sockaddr_storage *s);
socklen_t net_addr_put(struct sockaddr_storage *s, const struct addr *a);
bool net_addr_v4(const struct addr *a);
bool net_addr_local(const struct addr *a);
bool net_bucket_take(struct bucket *b, int64_t now_us, unsigned per_s,
		     unsigned burst);
/* Before anybody is known: whether a connection from there is taken. */
bool net_admits(struct net *n, const struct addr *from, int64_t now_us);

/* ---- net_udp.c ---- */
enum err udp_listen(struct net *n, const struct dialect *d, struct addr at);
void udp_read(struct net *n, size_t listener, const struct now *now);
/* One that was made, or that was there already; NULL: it cannot be. */
struct conn *udp_dial(struct net *n, const struct now *now,
		      const struct effect *dial);
void udp_write(struct net *n, struct conn *c);
void udp_forget(struct net *n, const struct conn *c);
/* Our address as the peer of c sees it. */
struct addr udp_local(const struct net *n, const struct conn *c);

/* ---- net_splice.c ---- */
/* An end of the splice of that token; takes fd. */
void splice_join(struct net *n, int fd, const struct uuid *token,
		 const struct now *now);
void splice_hear(struct net *n, uint64_t which, uint32_t events,
		 const struct now *now);
int64_t splice_deadline(const struct net *n);
void splice_tick(struct net *n, const struct now *now);
bool splice_next(struct net *n, struct net_event *out);
void splice_free(struct net *n);

/* ---- net_opening.c ---- */
void opening_await(struct net *n, struct conn *c); /* c was accepted */
void opening_begin(struct conn *c, const struct now *now,
		   const struct effect *dial);
void opening_free(struct conn *c);
int64_t opening_deadline(const struct conn *c);
void opening_write(struct net *n, struct conn *c);
/* True: it is a link, and this is what it begins with. */
bool opening_read(struct net *n, struct conn *c, const struct now *now,
		  struct bytes *in);
#endif
