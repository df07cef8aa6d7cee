#include "ui/theme.h"
#include <curses.h>

enum { BLACK = 16, WHITE = 231, CUBE = 16, GREYS = 232 };

/* Each can be read on what it stands on: at least 4.5 to 1 as WCAG counts, 7
 * to 1 in the theme of high contrast. */
static const struct shade dark[] = {
    [PAIR_NONE] = {-1, -1},
    [PAIR_DIM] = {-1, -1},
    [PAIR_GOOD] = {COLOR_GREEN, 114},
    [PAIR_BAD] = {COLOR_RED, 210},
    [PAIR_WARN] = {COLOR_YELLOW, 221},
    [PAIR_LINK] = {-1, -1},
    [PAIR_HIT] = {COLOR_YELLOW, 226},
};
static const struct shade dark_names[NAMES_MOST] = {
    {COLOR_CYAN, 81},
    {COLOR_GREEN, 150},
    {COLOR_YELLOW, 222},
    {COLOR_MAGENTA, 213},
    {COLOR_WHITE, 111},
    {-1, 210},
    {-1, 79},
    {-1, 180},
    {-1, 147},
    {-1, 215},
    {-1, 219},
    {-1, 193},
};
static const struct shade light[] = {
    [PAIR_NONE] = {-1, -1},
    [PAIR_DIM] = {-1, -1},
    [PAIR_GOOD] = {COLOR_BLUE, 22},
    [PAIR_BAD] = {COLOR_RED, 124},
    [PAIR_WARN] = {COLOR_MAGENTA, 94},
    [PAIR_LINK] = {-1, -1},
    [PAIR_HIT] = {COLOR_BLUE, 19},
};
static const struct shade light_names[NAMES_MOST] = {
    {COLOR_BLUE, 25}, {COLOR_MAGENTA, 90},
    {COLOR_RED, 124}, {-1, 22},
    {-1, 94},         {-1, 19},
    {-1, 54},         {-1, 23},
    {-1, 88},         {-1, 61},
    {-1, 58},         {-1, 130},
};

struct shade theme_shade(enum theme t, int pair)
{
	bool bright = t != THEME_LIGHT;

	if (t == THEME_NONE)
		return (struct shade){-1, -1};
	if (t == THEME_CONTRAST && (pair <= PAIR_DIM || pair == PAIR_LINK))
		return (struct shade){COLOR_WHITE, WHITE};
	if (pair >= PAIR_NAME)
		return (bright ? dark_names
			       : light_names)[(pair - PAIR_NAME) % NAMES_MOST];
	return (bright ? dark : light)[pair];
}

int theme_names(enum theme t, int colors)
{
	int n = 1;

	if (t == THEME_NONE || colors < 8)
		return 1;
	if (colors >= 256)
		return NAMES_MOST;
	while (n < NAMES_MOST && theme_shade(t, PAIR_NAME + n).c8 >= 0)
		n++;
	return n;
}

int theme_rgb(int c256)
{
	static const int level[] = {0, 0x5f, 0x87, 0xaf, 0xd7, 0xff};
	int c = c256 - CUBE, grey = 8 + (c256 - GREYS) * 10;

	if (c256 >= GREYS)
		return grey << 16 | grey << 8 | grey;
	return level[c / 36] << 16 | level[c / 6 % 6] << 8 | level[c % 6];
}

/* As this terminal writes it: eight, a table of 256, or any colour. */
static int colour(struct shade s)
{
	if (COLORS < 256)
		return s.c8;
	if (s.c256 < 0)
		return -1;
	return COLORS > 256 ? theme_rgb(s.c256) : s.c256;
}

bool theme_start(enum theme t)
{
	struct shade black = {COLOR_BLACK, BLACK};
	int back = t == THEME_CONTRAST ? 0 : -1;

	if (!has_colors())
		return false;
	start_color();
	if (back == 0)
		back = colour(black);
	assume_default_colors(colour(theme_shade(t, PAIR_NONE)), back);
	for (int i = 1; i < PAIR_NAME + NAMES_MOST && i < COLOR_PAIRS; i++)
		init_extended_pair(i, colour(theme_shade(t, i)), back);
	return t != THEME_NONE;
}
