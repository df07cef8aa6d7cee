#ifndef SOTTO_UI_DRAW_IMPL_H
#define SOTTO_UI_DRAW_IMPL_H
/* Shared by the files of draw only. */
#include "ui/draw.h"
#include "ui/highlight.h"
#include "ui/text.h"
#include "ui/words.h"
#include <wchar.h>

enum { CACHE = 256, SIDEBAR = 22, SIDEBAR_FROM = 60, INPUT_MOST = 5 };
/* How a message is cut at a width; by n, thrown out by another one. */
struct cut {
	message_n n;
	int cols;
	unsigned marked; /* view's, when it was made */
	struct rows rows;
	struct highlights marks;
	char who[128]; /* as received: another name is another cut */
	char name[NICK_MAX + 1], quote[QUOTE_MAX + 1];
};

struct box {
	int y, x, rows, cols;
};

/* Drawn after the rest, see draw_apart.c. */
struct apart {
	int y, x, cols, over; /* as of glyph_doubtful */
	size_t from;          /* in text, with a NUL behind it */
};
struct aparts {
	struct apart *at;
	size_t n, cap;
	struct buf text;
};

struct draw {
	struct cut cut[CACHE];
	struct box pane; /* of the messages */
	int input_rows, input_y;
	size_t input_top; /* first row of the line shown */
	bool counted;     /* its length stands in the hint line */
	message_n newest;
	bool top, bottom; /* the end of what is in memory is seen */
	struct rows line; /* scratch of the input line */
	int cursor_y, cursor_x;
	int select_y, select_x; /* the selected row, -1: not on screen */
	struct box side;        /* of the rows of peers; rows 0: none */
	size_t side_top;        /* the first peer shown */
	message_n *row;         /* which message stands in each row */
	int n_row;
	struct link *link;
	size_t n_link, cap_link;
	struct aparts aparts;
};

enum { ATTR_DIM = 1, ATTR_BOLD = 2, ATTR_REVERSE = 4, ATTR_UNDERLINE = 8 };
struct look {
	unsigned attr;
	short pair;
};
/* s at y, x in exactly cols columns, the rest blank. Returns the columns that
 * s took. */
int draw_put(const struct view *v, int y, int x, int cols, struct bytes s,
	     struct look look);
/* The same and nothing behind it. */
int draw_word(const struct view *v, int y, int x, int cols, struct bytes s,
	      struct look look);
unsigned long draw_attr(const struct view *v, struct look look);
void draw_link(struct draw *d, struct link l);
void draw_rule(const struct view *v, int y, int x, int cols, const char *title);
/* sign for UTF-8, or for the rest of the world */
struct bytes draw_sign(const struct view *v, const char *utf8,
		       const char *ascii);
/* The lowest row: keys that work now, what just happened. */
void draw_hint(const struct view *v, const struct model *m,
	       const struct edit *e, int y);
/* What the line answers stands above it. */
bool draw_quotes(const struct view *v);
/* The length of the line stands there: soon a message holds no more. */
bool draw_counted(const struct edit *e);
/* Notes the cluster s; out: what curses gets in its place. */
size_t draw_apart(const struct view *v, const struct apart *where,
		  struct bytes s, wchar_t out[static 16]);
void draw_apart_show(const struct aparts *a); /* curses has written the frame */
void draw_apart_clear(struct aparts *a);
void draw_apart_free(struct aparts *a);
void draw_messages(struct draw *d, struct view *v, struct model *m);
#endif
