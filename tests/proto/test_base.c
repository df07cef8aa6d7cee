/* base.c: bytes, memory and text, up to their bounds and beyond. */
#include "proto/base.h"
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <utf8proc.h>

#include <cmocka.h>

static struct bytes view(const char *s)
{
	return (struct bytes){(const uint8_t *)s, strlen(s)};
}

static void assert_buf(const struct buf *b, const char *want)
{
	assert_int_equal(b->n, strlen(want));
	assert_memory_equal(b->p, want, b->n);
}

/* In a process of its own, which must neither return from it nor hang. */
static void assert_ends(void (*body)(void))
{
	pid_t pid;
	int status;

	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		if (!freopen("/dev/null", "w", stderr))
			_exit(0);
		alarm(20);
		body();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFSIGNALED(status)) /* a sanitizer exits instead */
		assert_int_equal(WTERMSIG(status), SIGABRT);
	else
		assert_int_not_equal(WEXITSTATUS(status), 0);
}

/* ---- errors ---- */

static void err_text__has__words_of_its_own_for_each(void **state)
{
	(void)state;
	for (int a = OK; a <= ERR_CLOSED; a++) {
		assert_true(strlen(err_text((enum err)a)) > 0);
		for (int b = OK; b < a; b++)
			assert_string_not_equal(err_text((enum err)a),
						err_text((enum err)b));
	}
	assert_string_equal(err_text((enum err)99), "unknown error");
}

/* ---- growing bytes ---- */

static void buf__grows__and_keeps_every_byte(void **state)
{
	struct buf b = {0};

	(void)state;
	for (int i = 0; i < 3000; i++) {
		uint8_t c = (uint8_t)(i * 7);

		buf_put(&b, (struct bytes){&c, 1});
		assert_true(b.n <= b.cap);
	}
	assert_int_equal(b.n, 3000);
	for (int i = 0; i < 3000; i++)
		assert_int_equal(b.p[i], (uint8_t)(i * 7));
	buf_free(&b);
	assert_null(b.p);
	assert_int_equal(b.n + b.cap, 0);
	buf_free(&b);
}

static void buf_put__of_nothing__is_nothing(void **state)
{
	struct buf b = {0};

	(void)state;
	buf_put(&b, (struct bytes){0});
	assert_null(b.p);
	buf_put(&b, view("x"));
	buf_put(&b, (struct bytes){NULL, 0});
	assert_buf(&b, "x");
	buf_free(&b);
}

static void buf_room__is_not_counted(void **state)
{
	struct buf b = {0};

	(void)state;
	for (size_t more = 0; more < 300; more++) {
		buf_room(&b, more);
		assert_int_equal(b.n, 0);
		assert_true(b.cap >= more);
		if (more)
			memset(b.p, 'x', more); /* all of it is ours */
	}
	buf_free(&b);
	buf_put(&b, view("0123456789"));
	buf_room(&b, b.cap - b.n); /* exactly what there is */
	assert_int_equal(b.cap, 64);
	buf_room(&b, b.cap - b.n + 1);
	assert_true(b.cap > 64);
	assert_buf(&b, "0123456789");
	buf_free(&b);
}

static void room_that_overflows(void)
{
	struct buf b = {0};

	buf_put(&b, view("x"));
	buf_room(&b, SIZE_MAX);
}

static void room_beyond_the_last_doubling(void)
{
	struct buf b = {0};

	buf_room(&b, SIZE_MAX / 2 + 2);
}

static void room_nobody_has(void)
{
	struct buf b = {0};

	buf_room(&b, SIZE_MAX / 4);
}

static void buf_room__ends_us__when_there_cannot_be_so_much(void **state)
{
	(void)state;
	assert_ends(room_that_overflows);
	assert_ends(room_beyond_the_last_doubling);
	assert_ends(room_nobody_has);
}

static void buf_printf__appends__whatever_the_length(void **state)
{
	char text[400];
	struct buf b = {0};

	(void)state;
	memset(text, 'y', sizeof text);
	/* around the first guess, and far from it */
	for (int n = 0; n < (int)sizeof text; n++) {
		b.n = 0;
		buf_printf(&b, "<");
		buf_printf(&b, "%.*s", n, text);
		buf_printf(&b, ">%d", n);
		assert_true(b.n >= (size_t)n + 3);
		assert_int_equal(b.p[0], '<');
		for (int i = 0; i < n; i++)
			assert_int_equal(b.p[1 + i], 'y');
		assert_int_equal(b.p[1 + n], '>');
		assert_int_equal(b.p[2 + n], '0' + (n < 10    ? n
						    : n < 100 ? n / 10
							      : n / 100));
	}
	buf_free(&b);
	buf_printf(&b, "%s", "");
	assert_int_equal(b.n, 0);
	assert_int_equal(b.p[0], 0); /* and so it can be used as a string */
	buf_free(&b);
}

static void drop_too_much(void)
{
	struct buf b = {0};

	buf_put(&b, view("abc"));
	buf_drop(&b, 4);
}

static void buf_drop__forgets__the_beginning(void **state)
{
	struct buf b = {0};

	(void)state;
	buf_drop(&b, 0);
	buf_put(&b, view("abcdef"));
	buf_drop(&b, 0);
	assert_buf(&b, "abcdef");
	buf_drop(&b, 2);
	assert_buf(&b, "cdef");
	buf_put(&b, view("gh"));
	buf_drop(&b, 5);
	assert_buf(&b, "h");
	buf_drop(&b, 1);
	assert_int_equal(b.n, 0);
	buf_free(&b);
	assert_ends(drop_too_much);
}

/* ---- memory ---- */

static void arena__gives__aligned_pieces_until_it_is_full(void **state)
{
	_Alignas(16) static uint8_t block[256];
	struct arena a = {.p = block, .cap = sizeof block};
	uint8_t *before = NULL;
	size_t got = 0;

	(void)state;
	for (uint8_t *p; (p = arena_get(&a, 5)); before = p) {
		assert_int_equal((uintptr_t)p % 16, 0);
		assert_true(p >= block && p + 5 <= block + sizeof block);
		assert_true(!before || p >= before + 5);
		got++;
	}
	assert_int_equal(got, 16);
	assert_null(arena_get(&a, 1));
	arena_empty(&a);
	assert_ptr_equal(arena_get(&a, sizeof block), block);
	assert_null(arena_get(&a, 1));
	arena_empty(&a);
	assert_null(arena_get(&a, sizeof block + 1));
	assert_ptr_equal(arena_get(&a, 3), block); /* a refusal takes nothing */
	assert_null(arena_get(&a, SIZE_MAX));
	assert_null(arena_get(&a, SIZE_MAX - 15));
	assert_ptr_equal(arena_get(&a, sizeof block - 16), block + 16);
}

static void arena__of_nothing__is_full(void **state)
{
	uint8_t block[8];
	struct arena none = {0}, odd = {.p = block, .cap = 7};

	(void)state;
	assert_null(arena_get(&none, 1));
	assert_non_null(arena_get(&odd, 7));
	assert_null(arena_get(&odd, 0)); /* the next piece begins behind it */
}

static void malloc_too_much(void)
{
	volatile size_t n = PTRDIFF_MAX;

	free(xmalloc(n));
}

static void zalloc_too_much(void)
{
	volatile size_t n = PTRDIFF_MAX;

	free(xzalloc(n));
}

static void realloc_too_much(void)
{
	volatile size_t n = PTRDIFF_MAX;

	free(xrealloc(xmalloc(8), n));
}

static void xmalloc__gives_memory__or_ends_us(void **state)
{
	char *p = xmalloc(0);
	uint8_t *z = xzalloc(5000);

	(void)state;
	assert_non_null(p);
	p = xrealloc(p, 0);
	assert_non_null(p);
	p = xrealloc(p, 3);
	memcpy(p, "ab", 3);
	p = xrealloc(p, 100000);
	assert_string_equal(p, "ab");
	free(p);
	free(xrealloc(NULL, 10));
	for (int i = 0; i < 5000; i++)
		assert_int_equal(z[i], 0);
	free(z);
	z = xzalloc(0);
	assert_non_null(z);
	free(z);
	assert_ends(malloc_too_much);
	assert_ends(zalloc_too_much);
	assert_ends(realloc_too_much);
}

static void xstrndup__ends__with_a_nul(void **state)
{
	static const uint8_t raw[] = {'a', 0, 0xff, 'b'};
	char *p = xstrndup((struct bytes){raw, sizeof raw});

	(void)state;
	assert_memory_equal(p,
			    "a\0\xff"
			    "b",
			    5);
	free(p);
	p = xstrndup((struct bytes){0});
	assert_string_equal(p, "");
	free(p);
}

/* ---- UTF-8 ---- */

static void utf8_ok__takes__every_code_point(void **state)
{
	(void)state;
	for (int32_t c = 0; c <= 0x10ffff; c++) {
		bool surrogate = c >= 0xd800 && c < 0xe000;
		uint8_t u[4];
		size_t n = (size_t)utf8proc_encode_char(c, u);

		if (surrogate) /* as CESU-8 has them */
			u[0] = 0xed, u[1] = (uint8_t)(0x80 | (c >> 6 & 0x3f)),
			u[2] = (uint8_t)(0x80 | (c & 0x3f)), n = 3;
		if (utf8_ok((struct bytes){u, n}) != (c > 0 && !surrogate))
			fail_msg("U+%04X", (unsigned)c);
		if (n > 1 && utf8_ok((struct bytes){u, n - 1}))
			fail_msg("U+%04X cut", (unsigned)c);
	}
}

/* Every code point is taken, and of all strings of up to three bytes only as
 * many as can be made of code points: so nothing else is. */
static void utf8_ok__takes__nothing_else(void **state)
{
	enum { ONE = 127, TWO = 0x800 - 0x80, THREE = 0xf800 - 0x800 };
	size_t good[4] = {0};

	(void)state;
	for (uint32_t v = 0; v < 1u << 24; v++) {
		uint8_t s[3] = {(uint8_t)v, (uint8_t)(v >> 8),
				(uint8_t)(v >> 16)};

		good[1] += v < 1u << 8 && utf8_ok((struct bytes){s, 1});
		good[2] += v < 1u << 16 && utf8_ok((struct bytes){s, 2});
		good[3] += utf8_ok((struct bytes){s, 3});
	}
	assert_int_equal(good[1], ONE);
	assert_int_equal(good[2], ONE * ONE + TWO);
	assert_int_equal(good[3], ONE * ONE * ONE + 2 * ONE * TWO + THREE);
}

static void utf8_ok__takes__no_four_bytes_that_are_not_one(void **state)
{
	static const uint8_t edge[] = {0x00, 0x7f, 0x80, 0xbf, 0xc0, 0xff};
	size_t good = 0;

	(void)state;
	for (unsigned a = 0xf0; a <= 0xff; a++)
		for (unsigned b = 0; b < 256; b++)
			for (size_t i = 0; i < sizeof edge * sizeof edge; i++) {
				uint8_t s[] = {(uint8_t)a, (uint8_t)b,
					       edge[i / sizeof edge],
					       edge[i % sizeof edge]};
				good += utf8_ok((struct bytes){s, 4});
			}
	/* F0 90-BF, F1 to F3 80-BF, F4 80-8F; of the edges 80 and BF */
	assert_int_equal(good, (0x30 + 3 * 0x40 + 0x10) * 4);
	assert_true(utf8_ok((struct bytes){0}));
	assert_true(utf8_ok(view("Árvíztűrő tükörfúrógép 🐟")));
	assert_false(utf8_ok((struct bytes){(const uint8_t *)"a\0b", 3}));
}

/* As the Unicode library divides it. */
static bool boundary(struct bytes s, size_t at)
{
	utf8proc_int32_t before = -1, c, state = 0;
	size_t i = 0;

	while (i < s.n) {
		utf8proc_ssize_t n =
		    utf8proc_iterate(s.p + i, (utf8proc_ssize_t)(s.n - i), &c);
		bool here = before < 0 ||
			    utf8proc_grapheme_break_stateful(before, c, &state);

		assert_true(n > 0);
		if (i == at)
			return here;
		before = c;
		i += (size_t)n;
	}
	return at == s.n;
}

static void utf8_cut__splits__no_grapheme(void **state)
{
	static const char *const text[] = {
	    "",
	    "plain",
	    "e\u0301a\u0308o\u030b",
	    "👩‍👩‍👧‍👦x👍🏽y",
	    "🇭🇺🇧🇷🇺🇸",
	    "각각한글",
	    "\r\n\r\nx",
	    "नमस्ते",
	    "日本語テキスト",
	    "a\u200bb",
	};

	(void)state;
	for (size_t i = 0; i < sizeof text / sizeof *text; i++) {
		struct bytes s = view(text[i]);

		for (size_t max = 0; max <= s.n + 2; max++) {
			size_t n = utf8_cut(s, max), best = 0;

			for (size_t at = 1; at <= s.n && at <= max; at++)
				if (boundary(s, at))
					best = at;
			assert_true(n <= max && n <= s.n);
			assert_true(utf8_ok((struct bytes){s.p, n}));
			if (best && n != best)
				fail_msg("%s at %zu: %zu, not %zu", text[i],
					 max, n, best);
		}
	}
}

/* What no screen could show as one is cut all the same, between code points. */
static void utf8_cut__cuts__a_grapheme_longer_than_all(void **state)
{
	struct buf b = {0};

	(void)state;
	buf_put(&b, view("e"));
	for (int i = 0; i < 500; i++)
		buf_put(&b, view("\u0301"));
	for (size_t max = 1; max < 300; max++)
		assert_int_equal(utf8_cut((struct bytes){b.p, b.n}, max),
				 max % 2 ? max : max - 1);
	assert_int_equal(utf8_cut((struct bytes){b.p, b.n}, 0), 0);
	assert_int_equal(utf8_cut(view("🐟"), 3), 0);
	buf_free(&b);
}

static void utf8_cut__keeps_within_bounds__whatever_the_bytes(void **state)
{
	struct rng rng = {.seed = {7}};

	(void)state;
	for (int i = 0; i < 20000; i++) {
		uint8_t raw[24], n;
		size_t max;

		rng_fill(&rng, raw, sizeof raw);
		rng_fill(&rng, &n, 1);
		max = n >> 4;
		n %= sizeof raw;
		uint8_t *s = xmalloc(n); /* a sanitizer sees its end */
		memcpy(s, raw, n);
		assert_true(utf8_cut((struct bytes){s, n}, max) <= max);
		assert_true(utf8_cut((struct bytes){s, n}, max) <= n);
		(void)utf8_ok((struct bytes){s, n});
		free(s);
	}
}

/* ---- text made harmless ---- */

static void assert_clean(const char *text, const char *want)
{
	struct buf b = {0};

	text_clean(&b, view(text));
	assert_buf(&b, want);
	buf_free(&b);
}

static void text_clean__leaves__what_is_text(void **state)
{
	(void)state;
	assert_clean("", "");
	assert_clean("plain ~ text", "plain ~ text");
	assert_clean("Árvíztűrő 日本語 नमस्ते", "Árvíztűrő 日本語 नमस्ते");
	assert_clean("e\u0301", "e\u0301");
	assert_clean("👩‍👩‍👧", "👩‍👩‍👧");
	assert_clean("👍🏽 ❤️ 🇭🇺", "👍🏽 ❤️ 🇭🇺");
}

static void text_clean__shows__what_would_act(void **state)
{
	(void)state;
	assert_clean("\x1b[2J\x07", "␛[2J␇");
	assert_clean("a\nb\tc\r", "a␊b␉c␍");
	assert_clean("\x7f", "␡");
	assert_clean("\xc2\x9b"
		     "31m",
		     "⟨9B⟩31m");
	assert_clean("abc\u202etxt.exe", "abc⟨RLO⟩txt.exe");
	assert_clean("\u2066x\u2069\u200f", "⟨LRI⟩x⟨PDI⟩⟨RLM⟩");
	assert_clean("a\u200db", "a⟨ZWJ⟩b"); /* joins no pictures */
	assert_clean("a\u00adb", "a⟨00AD⟩b");
	assert_clean("\u2028\ufeff", "⟨LS⟩⟨BOM⟩");
	assert_clean("x\U000e0041y", "x⟨TAG⟩y");
	assert_clean("\ue000", "⟨E000⟩");
	assert_clean("\xff\xc0\x80", "\ufffd\ufffd\ufffd");
	assert_clean("x\xf0\x9f\x90", "x\ufffd\ufffd\ufffd");
}

static void text_clean__bounds__what_is_heaped(void **state)
{
	struct buf in = {0}, out = {0};

	(void)state;
	buf_put(&in, view("e"));
	for (int i = 0; i < 1000; i++)
		buf_put(&in, view("\u0301"));
	text_clean(&out, (struct bytes){in.p, in.n});
	assert_int_equal(out.n, 1 + 8 * 2);
	out.n = in.n = 0;
	for (int i = 0; i < 100; i++)
		buf_put(&in, view("\ufe0f\u0301")); /* on nothing */
	text_clean(&out, (struct bytes){in.p, in.n});
	assert_true(out.n <= 8 * 3);
	buf_free(&in);
	buf_free(&out);
}

/* No code point that acts on a terminal is left. */
static void assert_harmless(const struct buf *b)
{
	utf8proc_int32_t c;

	for (size_t at = 0; at < b->n;) {
		utf8proc_ssize_t n = utf8proc_iterate(
		    b->p + at, (utf8proc_ssize_t)(b->n - at), &c);

		assert_true(n > 0);
		if (c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x2028 ||
		    c == 0x2029 ||
		    (c != 0x200d &&
		     utf8proc_category(c) == UTF8PROC_CATEGORY_CF))
			fail_msg("U+%04X got through", (unsigned)c);
		at += (size_t)n;
	}
}

static void text_clean__leaves_nothing_that_acts__of_all_there_is(void **state)
{
	struct buf b = {0};

	(void)state;
	for (int32_t c = 0; c <= 0x10ffff; c++) {
		uint8_t u[6] = {'x'};
		utf8proc_ssize_t n;

		if (c >= 0xd800 && c < 0xe000)
			continue;
		n = utf8proc_encode_char(c, u + 1);
		u[1 + n] = 'y';
		b.n = 0;
		text_clean(&b, (struct bytes){u, 2 + (size_t)n});
		assert_harmless(&b);
		assert_true(b.n >= 3); /* and nothing goes without a sign */
		assert_int_equal(b.p[0], 'x');
		assert_int_equal(b.p[b.n - 1], 'y');
	}
	buf_free(&b);
}

static void text_clean__leaves_nothing_that_acts__of_any_bytes(void **state)
{
	static const char *const part[] = {
	    "\u200d", "👩",    "\ufe0f", "\u0301", "\x1b", "x",
	    "\u202e", "🏽", "\n",     "\xf0",   "\x9f", "🇭",
	};
	struct rng rng = {.seed = {3}};
	struct buf in = {0}, out = {0};

	(void)state;
	for (int i = 0; i < 20000; i++) {
		uint8_t pick[12];

		rng_fill(&rng, pick, sizeof pick);
		in.n = out.n = 0;
		for (size_t k = 0; k < sizeof pick; k++)
			buf_put(&in, view(part[pick[k] % 12]));
		text_clean(&out, (struct bytes){in.p, in.n});
		assert_harmless(&out);
		rng_fill(&rng, in.p, in.n);
		out.n = 0;
		text_clean(&out, (struct bytes){in.p, in.n});
		assert_harmless(&out);
	}
	buf_free(&in);
	buf_free(&out);
}

static void assert_fold(const char *text, const char *want)
{
	struct buf b = {0};

	text_fold(&b, view(text));
	assert_buf(&b, want);
	buf_free(&b);
}

static void text_fold__makes_one__of_what_a_search_takes_for_one(void **state)
{
	(void)state;
	assert_fold("", "");
	assert_fold("Plain [Z@`{", "plain [z@`{");
	assert_fold("ÁRVÍZTŰRŐ", "arvizturo");
	assert_fold("a\u0301", "a");
	assert_fold("Straße", "strasse");
	assert_fold("ﬁn Ａ①", "fin a1");
	assert_fold("Ω", "ω");
	assert_fold("so\u00adft", "soft");
	assert_fold("bad \xff Bytes", "bad \xff Bytes"); /* as they are */
}

/* ---- ids, keys, secrets ---- */

static void assert_hex(const uint8_t *got, size_t n, const char *want)
{
	assert_int_equal(strlen(want), 2 * n);
	for (size_t i = 0; i < n; i++) {
		char two[3] = {want[2 * i], want[2 * i + 1], 0};

		assert_int_equal(got[i], strtoul(two, NULL, 16));
	}
}

/* As Python's hashlib.blake2b(digest_size=32) has it. */
static void digest__is__blake2b(void **state)
{
	uint8_t out[32];

	(void)state;
	digest(out, (struct bytes){0});
	assert_hex(out, 32,
		   "0e5751c026e543b2e8ab2eb06099daa1"
		   "d1e5df47778f7787faab45cdf12fe3a8");
	digest(out, view("abc"));
	assert_hex(out, 32,
		   "bddd813c634239723171ef3fee98579b"
		   "94964e3bb1cb3e427262c8c068d52319");
}

static void secret_same__is__the_same_length_and_bytes(void **state)
{
	uint8_t secret[] = "secret";

	(void)state;
	assert_true(secret_same(view("abc"), view("abc")));
	assert_false(secret_same(view("abc"), view("abd")));
	assert_false(secret_same(view("abc"), view("ab")));
	assert_false(secret_same(view(""), view("a")));
	assert_true(secret_same((struct bytes){0}, (struct bytes){0}));
	secret_wipe(secret, 3);
	assert_memory_equal(secret, "\0\0\0ret", 7);
}

static void pubkey_none__is__all_zero(void **state)
{
	struct pubkey k = {0};

	(void)state;
	assert_true(pubkey_none(&k));
	for (int i = 0; i < 32; i++) {
		k.b[i] = 1;
		assert_false(pubkey_none(&k));
		k.b[i] = 0;
	}
}

/* The key stream of ChaCha20 under a key of zeros; the same however it is
 * asked for. */
static void rng_fill__is__one_stream(void **state)
{
	static const char *const want = "76b8e0ada0f13d90405d6ae55386bd28"
					"bdd219b8a08ded1aa836efcc8b770dc7"
					"da41597c5157488d7724e03fb8d84a37"
					"6a43b8f41518a11cc387b669b2ee6586";
	struct rng one = {0};
	uint8_t whole[500], part[500];

	(void)state;
	rng_fill(&one, whole, sizeof whole);
	assert_hex(whole, 64, want);
	assert_int_equal(one.used, sizeof whole);
	for (size_t step = 1; step < 200; step += 13) {
		struct rng r = {0};

		for (size_t at = 0, n; at < sizeof part; at += n) {
			n = sizeof part - at < step ? sizeof part - at : step;
			rng_fill(&r, part + at, n);
		}
		assert_memory_equal(part, whole, sizeof whole);
	}
	rng_fill(&one, whole, 0);
	assert_int_equal(one.used, sizeof whole);
}

static void uuid_make__makes__version_7(void **state)
{
	struct rng rng = {.seed = {1}};
	struct now now = {.wall_us = INT64_C(0x0199abcdef01) * 1000,
			  .rng = &rng};
	struct uuid before = {0};

	(void)state;
	for (int i = 0; i < 1000; i++) {
		struct uuid u;

		uuid_make(&u, &now);
		assert_hex(u.b, 6, "0199abcdef01");
		assert_int_equal(u.b[6] >> 4, 7);
		assert_int_equal(u.b[8] >> 6, 2);
		assert_memory_not_equal(u.b, before.b, 16);
		before = u;
	}
	now.wall_us += 1000;
	struct uuid later;

	uuid_make(&later, &now);
	assert_true(memcmp(&later, &before, 16) > 0);
}

/* ---- times ---- */

static void rfc3339_put__says__what_the_c_library_says(void **state)
{
	(void)state;
	/* years 0 to 9999 */
	for (int64_t s = -62167219200; s < 253402300800;
	     s += 86400 * 11 + 12347)
		for (int64_t us = 0; us < 1000000; us += 333333) {
			char got[STAMP_MAX + 1], want[64];
			time_t t = (time_t)s;
			struct tm tm;
			int64_t back;

			assert_non_null(gmtime_r(&t, &tm));
			snprintf(want, sizeof want,
				 "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ",
				 tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
				 tm.tm_hour, tm.tm_min, tm.tm_sec,
				 (int)(us / 1000));
			rfc3339_put(got, s * 1000000 + us);
			assert_string_equal(got, want);
			assert_int_equal(rfc3339_get(view(got), &back), OK);
			assert_int_equal(back, s * 1000000 + us / 1000 * 1000);
		}
}

static void rfc3339_put__fits__whatever_the_number(void **state)
{
	static const int64_t odd[] = {INT64_MIN, INT64_MIN + 1, -1, INT64_MAX};

	(void)state;
	for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
		char got[STAMP_MAX + 1];

		rfc3339_put(got, odd[i]);
		assert_int_equal(strlen(got), 24);
	}
}

static void rfc3339_get__takes__every_offset_and_precision(void **state)
{
	static const struct {
		const char *text;
		int64_t us;
	} t[] = {
	    {"1970-01-01T00:00:00Z", 0},
	    {"1970-01-01t00:00:00z", 0},
	    {"1970-01-01T00:00:01.5Z", 1500000},
	    {"1970-01-01T00:00:01.123456Z", 1123456},
	    {"1970-01-01T00:00:01.1234569999Z", 1123456},
	    {"1970-01-01T01:30:00+01:30", 0},
	    {"1969-12-31T20:00:00-04:00", 0},
	    {"1970-01-01T23:59:00+23:59", 0},
	    {"2000-02-29T00:00:00Z", INT64_C(951782400000000)},
	    {"1990-12-31T23:59:60Z", INT64_C(662688000000000)},
	    {"0000-01-01T00:00:00Z", INT64_C(-62167219200000000)},
	    {"9999-12-31T23:59:59.999999Z", INT64_C(253402300799999999)},
	    {"1970-01-01T00:00:00.00000000000000+00:00", 0}, /* 40 bytes */
	};

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		int64_t us = -1;

		if (rfc3339_get(view(t[i].text), &us) || us != t[i].us)
			fail_msg("%s: %lld", t[i].text, (long long)us);
	}
}

static void rfc3339_get__refuses__everything_else(void **state)
{
	static const char *const bad[] = {
	    "",
	    "1970",
	    "1970-01-01",
	    "1970-01-01T00:00:00",
	    "1970-01-01T00:00:00.5",
	    "1970-01-01T00:00:00.Z",
	    "1970-01-01T00:00:00ZZ",
	    "1970-01-01T00:00:00Z ",
	    " 1970-01-01T00:00:00Z",
	    "1970-01-01 00:00:00Z",
	    "1970/01/01T00:00:00Z",
	    "1970-00-01T00:00:00Z",
	    "1970-13-01T00:00:00Z",
	    "1970-01-00T00:00:00Z",
	    "1970-01-32T00:00:00Z",
	    "1970-04-31T00:00:00Z",
	    "1900-02-29T00:00:00Z",
	    "2001-02-29T00:00:00Z",
	    "1970-01-01T24:00:00Z",
	    "1970-01-01T00:60:00Z",
	    "1970-01-01T00:00:61Z",
	    "1970-01-01T00:00:00+24:00",
	    "1970-01-01T00:00:00+00:60",
	    "1970-01-01T00:00:00+0000",
	    "1970-01-01T00:00:00+00",
	    "1970-01-01T00:00:00+",
	    "1970-01-01T00:00:00+00:00x",
	    "1970-01-01T00:00:00,5Z",
	    "+970-01-01T00:00:00Z",
	    "-970-01-01T00:00:00Z",
	    "1970-1-01T00:00:000Z",
	    "1970-01-01T00:00:00.000000000000000+00:00", /* 41 bytes */
	};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		int64_t us = 42;

		if (rfc3339_get(view(bad[i]), &us) != ERR_PARSE || us != 42)
			fail_msg("taken: %s", bad[i]);
	}
}

/* Each byte of a good one exchanged, and each beginning of it, out of memory
 * that ends there. */
static void rfc3339_get__reads__no_byte_beyond(void **state)
{
	static const char good[] = "2026-11-20T14:02:03.125+01:00";
	int64_t us;

	(void)state;
	for (size_t n = 0; n < sizeof good; n++) {
		uint8_t *s = xmalloc(n);

		memcpy(s, good, n);
		assert_int_equal(rfc3339_get((struct bytes){s, n}, &us) == OK,
				 n == sizeof good - 1);
		for (size_t at = 0; at < n; at++)
			for (unsigned c = 0; c < 256; c++) {
				s[at] = (uint8_t)c;
				if (!rfc3339_get((struct bytes){s, n}, &us))
					assert_true(n >= 20);
				s[at] = (uint8_t)good[at];
			}
		free(s);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(err_text__has__words_of_its_own_for_each),
	    cmocka_unit_test(buf__grows__and_keeps_every_byte),
	    cmocka_unit_test(buf_put__of_nothing__is_nothing),
	    cmocka_unit_test(buf_room__is_not_counted),
	    cmocka_unit_test(buf_room__ends_us__when_there_cannot_be_so_much),
	    cmocka_unit_test(buf_printf__appends__whatever_the_length),
	    cmocka_unit_test(buf_drop__forgets__the_beginning),
	    cmocka_unit_test(arena__gives__aligned_pieces_until_it_is_full),
	    cmocka_unit_test(arena__of_nothing__is_full),
	    cmocka_unit_test(xmalloc__gives_memory__or_ends_us),
	    cmocka_unit_test(xstrndup__ends__with_a_nul),
	    cmocka_unit_test(utf8_ok__takes__every_code_point),
	    cmocka_unit_test(utf8_ok__takes__nothing_else),
	    cmocka_unit_test(utf8_ok__takes__no_four_bytes_that_are_not_one),
	    cmocka_unit_test(utf8_cut__splits__no_grapheme),
	    cmocka_unit_test(utf8_cut__cuts__a_grapheme_longer_than_all),
	    cmocka_unit_test(utf8_cut__keeps_within_bounds__whatever_the_bytes),
	    cmocka_unit_test(text_clean__leaves__what_is_text),
	    cmocka_unit_test(text_clean__shows__what_would_act),
	    cmocka_unit_test(text_clean__bounds__what_is_heaped),
	    cmocka_unit_test(
		text_clean__leaves_nothing_that_acts__of_all_there_is),
	    cmocka_unit_test(
		text_clean__leaves_nothing_that_acts__of_any_bytes),
	    cmocka_unit_test(
		text_fold__makes_one__of_what_a_search_takes_for_one),
	    cmocka_unit_test(digest__is__blake2b),
	    cmocka_unit_test(secret_same__is__the_same_length_and_bytes),
	    cmocka_unit_test(pubkey_none__is__all_zero),
	    cmocka_unit_test(rng_fill__is__one_stream),
	    cmocka_unit_test(uuid_make__makes__version_7),
	    cmocka_unit_test(rfc3339_put__says__what_the_c_library_says),
	    cmocka_unit_test(rfc3339_put__fits__whatever_the_number),
	    cmocka_unit_test(rfc3339_get__takes__every_offset_and_precision),
	    cmocka_unit_test(rfc3339_get__refuses__everything_else),
	    cmocka_unit_test(rfc3339_get__reads__no_byte_beyond),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
