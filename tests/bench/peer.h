#ifndef SOTTO_TESTS_BENCH_PEER_H
#define SOTTO_TESTS_BENCH_PEER_H
#include "proto/link.h"
/* A peer of sotto's own wire and nothing else: a socket and a link. It stores
 * nothing, so that what is measured is the other side. Ends the program on
 * any error. */
struct peer;
/* Connected to 127.0.0.1:port, handshake and hello done. Peers of different
 * seeds are different identities. */
struct peer *peer_dial(uint16_t port, uint64_t seed);
void peer_close(struct peer *p); /* without a bye */
/* Queues a message; peer_flush or peer_hear writes it. */
void peer_say(struct peer *p, const char *text);
void peer_flush(struct peer *p);
/* Waits at most so long for something to read. How many of ours have been
 * acknowledged with success so far. */
size_t peer_hear(struct peer *p, int wait_ms);
size_t peer_said(const struct peer *p);
#endif
