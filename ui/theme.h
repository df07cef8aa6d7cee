#ifndef SOTTO_UI_THEME_H
#define SOTTO_UI_THEME_H
#include "src/config.h"
/* Colours by what they mean. Nothing is said by colour alone: each of these
 * comes with a word, a sign or an attribute. */
enum pair {
	PAIR_NONE, /* the terminal's own */
	PAIR_DIM,
	PAIR_GOOD,
	PAIR_BAD,
	PAIR_WARN,
	PAIR_LINK,
	PAIR_HIT, /* what was searched for */
	PAIR_NAME /* and on: names, theme_names() of them */
};
enum { NAMES_MOST = 12 };

/* In 8 colours (-1: the terminal's own) and in 256. */
struct shade {
	short c8, c256;
};
/* pair is one of enum pair, or PAIR_NAME + i. */
struct shade theme_shade(enum theme t, int pair);
/* How many names are told apart with so many colours. */
int theme_names(enum theme t, int colors);
/* 0xRRGGBB of a colour of the 256, 16 and up: the same on every terminal. */
int theme_rgb(int c256);
/* Gives curses its pairs; false: no colours here. Again after a change. */
bool theme_start(enum theme t);
#endif
