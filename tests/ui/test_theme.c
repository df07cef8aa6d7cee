#include "ui/theme.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
/* cmocka needs setjmp and stdarg */
#include <cmocka.h>

/* Relative luminance and contrast as WCAG 2.1 defines them. */
static double channel(int v)
{
	double c = v / 255.0;

	return c <= 0.04045 ? c / 12.92 : pow((c + 0.055) / 1.055, 2.4);
}

static double luminance(int rgb)
{
	return 0.2126 * channel(rgb >> 16) + 0.7152 * channel(rgb >> 8 & 0xff) +
	       0.0722 * channel(rgb & 0xff);
}

static double contrast(int a, int b)
{
	double x = luminance(a), y = luminance(b);

	return x > y ? (x + 0.05) / (y + 0.05) : (y + 0.05) / (x + 0.05);
}

static void every_colour__is__readable(void **state)
{
	static const struct {
		enum theme theme;
		int back;
		double least;
	} on[] = {{THEME_DARK, 0x000000, 7},    {THEME_DARK, 0x1e1e1e, 4.5},
		  {THEME_DARK, 0x002b36, 4.5},  {THEME_LIGHT, 0xffffff, 4.5},
		  {THEME_LIGHT, 0xfdf6e3, 4.2}, {THEME_CONTRAST, 0x000000, 7}};

	(void)state;
	for (size_t i = 0; i < sizeof(on) / sizeof(*on); i++)
		for (int p = 1; p < PAIR_NAME + NAMES_MOST; p++) {
			struct shade s = theme_shade(on[i].theme, p);
			if (s.c256 < 0)
				continue; /* the terminal's own */
			assert_in_range(s.c256, 16, 255);
			double c = contrast(theme_rgb(s.c256), on[i].back);
			if (c < on[i].least)
				print_error("pair %d: %.2f on %06x\n", p, c,
					    (unsigned)on[i].back);
			assert_true(c >= on[i].least);
		}
}

static void names__are__different(void **state)
{
	(void)state;
	for (int t = THEME_DARK; t <= THEME_CONTRAST; t++)
		for (int i = 0; i < NAMES_MOST; i++)
			for (int j = 0; j < i; j++)
				assert_int_not_equal(
				    theme_shade((enum theme)t, PAIR_NAME + i)
					.c256,
				    theme_shade((enum theme)t, PAIR_NAME + j)
					.c256);
	assert_int_equal(theme_names(THEME_DARK, 256), NAMES_MOST);
	assert_int_equal(theme_names(THEME_DARK, 8), 5);
	assert_int_equal(theme_names(THEME_LIGHT, 8), 3);
	assert_int_equal(theme_names(THEME_NONE, 256), 1);
	assert_int_equal(theme_names(THEME_DARK, 0), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_colour__is__readable),
	    cmocka_unit_test(names__are__different),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
