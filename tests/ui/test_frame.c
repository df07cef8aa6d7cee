/* What is left out of a frame says nothing: a terminal shows the same. */
#include "ui/tui_term.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vterm.h>
/* cmocka needs some of those above */
#include <cmocka.h>

static void becomes(const char *from, const char *to)
{
	char s[200];

	snprintf(s, sizeof(s), "%s", from);
	s[frame_shorten((uint8_t *)s, strlen(s))] = '\0';
	assert_string_equal(s, to);
}

static void looks__are_put_together(void **state)
{
	(void)state;
	becomes("\033(B\033[0;1m\033[38;5;9mbob\033[39m\033(B\033[m  hello",
		"\033[0;1;38;5;9mbob\033[m  hello");
	becomes("\033[1m\033[36mx", "\033[1;36mx");
	becomes("\033[m\033[0;2mx", "\033[0;2mx");
	becomes("\033[1mx\033[36my", "\033[1mx\033[36my");
	becomes("\033[m\033[1mx", "\033[m\033[1mx");
	/* the first digit says nothing of the number */
	becomes("\033[1m\033[07mx", "\033[1;07mx");
}

static void what_is_so_already__is_not_said(void **state)
{
	(void)state;
	becomes("\033[m x\033[0;1mbob\033[m\033[m", "\033[m x\033[1mbob\033[m");
	becomes("\033[m\033[2;3H\033[0m\033[0;7mx", "\033[m\033[2;3H\033[7mx");
	/* how it was before the frame is not known */
	becomes("\033[0;1mbob", "\033[0;1mbob");
	becomes("\033[1m\033[mx\033[1my\033[2m\033[0;4mz",
		"\033[mx\033[1my\033[0;4mz");
}

static void other_things__stay(void **state)
{
	(void)state;
	becomes("\033[3;21r\033[2S\033[1;24r", "\033[3;21r\033[2S\033[1;24r");
	becomes("a\033[", "a\033[");
	becomes("a\033", "a\033");
	becomes("a\033[1", "a\033[1");
	becomes("\033[1m\033[?25l\033[2m", "\033[1m\033[?25l\033[2m");
	becomes("\033(0lqk\033(B", "\033(0lqk\033(B");
	becomes("", "");
}

/* More parts than a terminal has to take in one are not put together. */
static void long_looks__stay_apart(void **state)
{
	(void)state;
	becomes("\033[1;2;3;4m\033[38;2;1;2;3mx",
		"\033[1;2;3;4m\033[38;2;1;2;3mx");
}

static unsigned some(unsigned *r, unsigned n)
{
	*r = *r * 1664525 + 1013904223;
	return (*r >> 8) % n;
}

/* As curses writes: moves, looks and letters. */
static size_t frame(char *out, size_t size, unsigned *r)
{
	size_t n = 0;

	while (n + 40 < size)
		switch (some(r, 6)) {
		case 0:
			n += (size_t)sprintf(out + n, "\033[%u;%uH",
					     1 + some(r, 10), 1 + some(r, 40));
			break;
		case 1:
			n += (size_t)sprintf(out + n, "\033(B\033[m");
			break;
		case 2:
			n += (size_t)sprintf(out + n, "\033(B\033[0;%um",
					     some(r, 2) ? 1 : 7);
			break;
		case 3:
			n += (size_t)sprintf(out + n, "\033[38;5;%um",
					     some(r, 256));
			break;
		case 4:
			n += (size_t)sprintf(out + n, "\033[%um",
					     some(r, 2) ? 39 : 4);
			break;
		default:
			out[n++] = (char)('a' + some(r, 26));
		}
	return n;
}

static VTerm *shows(const char *p, size_t n)
{
	VTerm *vt = vterm_new(10, 40);

	vterm_set_utf8(vt, 1);
	vterm_screen_reset(vterm_obtain_screen(vt), 1);
	vterm_input_write(vt, p, n);
	return vt;
}

static bool same_cell(VTerm *a, VTerm *b, VTermPos at)
{
	VTermScreenCell k, l;

	memset(&k, 0, sizeof(k));
	memset(&l, 0, sizeof(l));
	vterm_screen_get_cell(vterm_obtain_screen(a), at, &k);
	vterm_screen_get_cell(vterm_obtain_screen(b), at, &l);
	return k.chars[0] == l.chars[0] && k.attrs.bold == l.attrs.bold &&
	       k.attrs.reverse == l.attrs.reverse &&
	       k.attrs.underline == l.attrs.underline &&
	       vterm_color_is_equal(&k.fg, &l.fg);
}

static void any_frame__shows_the_same(void **state)
{
	unsigned r = 1;

	(void)state;
	for (int i = 0; i < 300; i++) {
		char s[2000];
		size_t n = frame(s, sizeof(s), &r);
		VTerm *whole = shows(s, n), *less;

		size_t m = frame_shorten((uint8_t *)s, n);
		less = shows(s, m);
		assert_true(m < n);
		for (int y = 0; y < 10; y++)
			for (int x = 0; x < 40; x++)
				assert_true(
				    same_cell(whole, less, (VTermPos){y, x}));
		vterm_free(whole);
		vterm_free(less);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(looks__are_put_together),
	    cmocka_unit_test(what_is_so_already__is_not_said),
	    cmocka_unit_test(other_things__stay),
	    cmocka_unit_test(long_looks__stay_apart),
	    cmocka_unit_test(any_frame__shows_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
