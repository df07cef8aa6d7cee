#include "proto/splice.h"
#include <string.h>

static const uint8_t magic[SPLICE_MADE] = {'S', 'V', 'R', 1};

enum splice splice_read(struct bytes in, struct uuid *token)
{
	size_t n = in.n < SPLICE_MADE ? in.n : SPLICE_MADE;

	if (n && memcmp(in.p, magic, n) != 0)
		return SPLICE_NOT;
	if (in.n < SPLICE_OPENING)
		return SPLICE_PART;
	memcpy(token->b, in.p + SPLICE_MADE, SPLICE_TOKEN);
	return SPLICE_WHOLE;
}

void splice_opening(uint8_t out[static SPLICE_OPENING],
		    const struct uuid *token)
{
	memcpy(out, magic, SPLICE_MADE);
	memcpy(out + SPLICE_MADE, token->b, SPLICE_TOKEN);
}

void splice_made(uint8_t out[static SPLICE_MADE])
{
	memcpy(out, magic, SPLICE_MADE);
}

bool splice_is_made(struct bytes in)
{
	return in.n == SPLICE_MADE && memcmp(in.p, magic, SPLICE_MADE) == 0;
}
