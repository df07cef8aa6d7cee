#ifndef SOTTO_TESTS_UI_DICE_H
#define SOTTO_TESTS_UI_DICE_H
#include <stdbool.h>
#include <stdint.h>
/* Chance that can be had again: the same seed, the same rolls. */
struct dice {
	uint64_t s;
};

static inline uint64_t dice_next(struct dice *d)
{
	uint64_t z = (d->s += 0x9e3779b97f4a7c15u);

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

/* 0 .. n - 1 */
static inline unsigned dice_of(struct dice *d, unsigned n)
{
	return (unsigned)(dice_next(d) % n);
}

/* Once in n times. */
static inline bool dice_one_in(struct dice *d, unsigned n)
{
	return dice_of(d, n) == 0;
}
#endif
