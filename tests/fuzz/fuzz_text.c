/* What text_clean lets through can hurt no terminal, and the functions on
 * UTF-8 agree with each other. */
#include "proto/base.h"
#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void harmless(const struct buf *b)
{
	struct bytes s = {b->p, b->n};

	assert(utf8_ok(s));
	for (size_t i = 0; i < s.n; i++) {
		assert(s.p[i] >= 0x20 && s.p[i] != 0x7f);
		/* no C1: U+0080 to U+009F */
		assert(!(s.p[i] == 0xc2 && i + 1 < s.n && s.p[i + 1] < 0xa0));
		/* no U+202A to U+202E */
		assert(!(s.p[i] == 0xe2 && i + 2 < s.n && s.p[i + 1] == 0x80 &&
			 s.p[i + 2] >= 0xaa && s.p[i + 2] <= 0xae));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = {data, size};
	struct buf once = {0};
	int64_t us;

	if (size > 65536)
		return 0;
	text_clean(&once, in);
	harmless(&once);
	for (size_t max = 0; max < size && max < 64; max++) {
		size_t n = utf8_cut(in, max);

		assert(n <= max);
		if (utf8_ok(in))
			assert(utf8_ok((struct bytes){data, n}));
	}
	if (!rfc3339_get(in, &us)) {
		char text[STAMP_MAX + 1];

		rfc3339_put(text, us);
	}
	buf_free(&once);
	return 0;
}
