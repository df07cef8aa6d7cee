#ifndef SOTTO_SRC_BEACON_H
#define SOTTO_SRC_BEACON_H
#include "src/core.h"
/* "Here I am" on the local network: 64 bytes by multicast to
 * 239.255.63.27:6327 (TTL 1) and ff02::6327, on every up, multicast interface
 * and on lo, first after 50 ms, then doubling up to every 30 s with jitter.
 * What it hears are hints, never proofs: 20 a second, 256 remembered.
 * Source: protocol.md 4.1, review K1 and K62. Network thread. */
struct beacon;
enum err beacon_open(struct beacon **out) MUST_USE;
void beacon_close(struct beacon *b);
/* What to say from now on; copied. */
void beacon_say(struct beacon *b, const struct pubkey *self, const char *nick,
                uint16_t port, struct uuid instance);
int beacon_fd(const struct beacon *b); /* readable: beacon_next has something */
/* The next hint heard, ours left out. key is zero; `id` (32 hex) is told by
 * the beacon, so a known contact can be recognised. */
bool beacon_next(struct beacon *b, const struct now *now, struct hint *out);
void beacon_tick(struct beacon *b, const struct now *now);
int64_t beacon_deadline(const struct beacon *b); /* mono_us */
#endif
