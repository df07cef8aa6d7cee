#ifndef SOTTO_SRC_BEACON_H
#define SOTTO_SRC_BEACON_H
#include "src/core.h"
/* "Here I am" on the local network: 64 bytes by multicast to
 * 239.255.63.27:6327 (TTL 1), on every up, multicast interface with an IPv4
 * address and on lo, first after 50 ms, then doubling up to every 30 s with
 * jitter; soon again when a newcomer is heard, so that each sees the other.
 * What it hears are hints, never proofs: 20 a second, 256 instances
 * remembered. Network thread. */
struct beacon;
enum err beacon_open(struct beacon **out) MUST_USE;
void beacon_close(struct beacon *b);
/* What to say from now on; copied. id: as seal_peer_id writes it. */
void beacon_say(struct beacon *b, const char id[static 33], const char *nick,
		uint16_t port, struct uuid instance, const struct now *now);
int beacon_fd(const struct beacon *b); /* readable: beacon_next has something */
/* The next hint heard, ours left out. key is zero; `id` (32 hex) is told by
 * the beacon, so a known contact can be recognised. */
bool beacon_next(struct beacon *b, const struct now *now, struct hint *out);
void beacon_tick(struct beacon *b, const struct now *now);
int64_t beacon_deadline(const struct beacon *b); /* mono_us */
/* The IPv4 address to tell others: the first that is not loopback, else
 * 127.0.0.1; port 0. */
void beacon_address(struct addr *out);
#endif
