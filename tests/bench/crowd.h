#ifndef SOTTO_TESTS_BENCH_CROWD_H
#define SOTTO_TESTS_BENCH_CROWD_H
#include "proto/packet.h"
#include <stddef.h>
/* Many people at one center, in this process: a socket and a link each, of
 * sotto's own wire, or bare (whatever is read counts as one thing heard).
 * Whoever the other side turns away comes again. Ends the program on errors. */
struct crowd;
struct crowd *crowd_new(size_t n, uint16_t port, bool bare);
void crowd_free(struct crowd *c); /* without a bye */
size_t crowd_size(const struct crowd *c);
/* Of the i-th: the same in every run. */
struct pubkey crowd_key(size_t i);
void crowd_name(char out[static 16], size_t i);

/* All are connected, and have greeted. */
void crowd_connect(struct crowd *c);
/* Writes it at once, or what the socket takes now. */
void crowd_say(struct crowd *c, size_t i, const struct packet *p);
void crowd_say_bare(struct crowd *c, size_t i, struct bytes text);
/* Waits at most so long, then reads what is there. */
void crowd_turn(struct crowd *c, int wait_ms);

/* What all of them have heard since crowd_forget. */
struct crowd_heard {
	size_t bare;    /* bytes */
	size_t answers; /* with a ref; */
	size_t refused; /* of these: FAIL and the like */
	size_t names;   /* said to be here, or gone */
	size_t texts;   /* for all */
	size_t packets;
};
const struct crowd_heard *crowd_heard(const struct crowd *c);
void crowd_forget(struct crowd *c);
#endif
