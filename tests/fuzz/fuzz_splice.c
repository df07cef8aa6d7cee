/* What a connection at a center begins with: known as early as it can be, and
 * never two things at once. */
#include "proto/splice.h"
#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void there_and_back(const struct uuid *token)
{
	uint8_t out[SPLICE_OPENING];
	struct uuid back;

	splice_opening(out, token);
	assert(splice_read((struct bytes){out, sizeof out}, &back) ==
	       SPLICE_WHOLE);
	assert(!memcmp(&back, token, sizeof back));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum splice before = SPLICE_PART;
	struct uuid token;

	/* as it comes, byte by byte; what was decided stays */
	for (size_t n = 0; n <= size && n <= 2 * SPLICE_OPENING; n++) {
		enum splice is = splice_read((struct bytes){data, n}, &token);

		assert(before == SPLICE_PART || is == before);
		assert(is != SPLICE_PART || n < SPLICE_OPENING);
		assert(is != SPLICE_WHOLE || n >= SPLICE_OPENING);
		if (is == SPLICE_WHOLE) {
			assert(!memcmp(data, &(const char[]){"SVR\1\0\0\0"},
				       SPLICE_MADE));
			there_and_back(&token);
		}
		before = is;
	}
	assert(!splice_is_made((struct bytes){data, size}) ||
	       (size == SPLICE_MADE && before == SPLICE_PART));
	return 0;
}
