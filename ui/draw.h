#ifndef SOTTO_UI_DRAW_H
#define SOTTO_UI_DRAW_H
#include "ui/model.h"
#include "ui/theme.h"
struct edit;
/* Puts on the terminal what there is to see. It asks nobody and changes
 * nothing but its own memory of how messages were cut into rows. */

enum focus { FOCUS_INPUT, FOCUS_MESSAGES, FOCUS_PEERS };

/* What somebody looks at, beside the model: only keys change it. */
struct view {
	int rows, cols;
	bool utf8, color;
	int names;                /* how many colours names have, at least 1 */
	struct screen_config set; /* of which: clock, theme, links */
	enum focus focus;
	bool zoom;
	/* The lowest message shown and how many of its rows are below the
	 * edge; at 0: the newest, whatever comes. */
	message_n at;
	size_t below;
	uint64_t arrived_at; /* model_arrived when `at` was left at 0 */
	bool here;           /* somebody looks at its newest: it is no news */
	message_n selected;  /* 0: none */
	contact_id pointed;  /* in the list of peers; 0: the open one */
	struct uuid answers; /* the line answers this one, or zero */
	bool answering;
	char quote[128];   /* it, clean */
	char whom[104];    /* the prompt's name, clean; empty: nobody */
	const char *paste; /* words for the hint line, or NULL */
	char notice[300];  /* clean; empty: none */
	int notice_level;  /* of struct event */
	/* A list in the place of the messages, or NULL. */
	const struct rows *over;
	const char *over_title;
	size_t over_top, over_at;     /* first row shown; selected row */
	bool over_select;             /* one can be chosen */
	const char *const *over_keys; /* for the hint line; NULL ends them */
	bool card;                    /* the first-run card */
	bool still; /* it is read back from curses: nothing is put over it */
	struct aparts *aparts; /* the drawing's own */
	char words[150];       /* searched for: marked; empty: nothing */
	unsigned marked;       /* counts changes of them, and of our name */
};

/* Where an address of a page stands on the screen: one row of it. */
struct link {
	int y, x;
	unsigned long attr;        /* as curses has it */
	struct bytes shown, whole; /* good until the next draw_all */
};

struct draw;
struct draw *draw_new(void);
void draw_free(struct draw *d);
/* Everything, and the cursor last. curses' screen is refreshed. */
void draw_all(struct draw *d, struct view *v, struct model *m,
	      const struct edit *e);
/* Only the rows of the line; false: they are more or fewer than before, or
 * were never drawn, so all must be. */
bool draw_line(struct draw *d, struct view *v, const struct model *m,
	       const struct edit *e);
/* What is to be read there; nothing where somebody reads. */
unsigned draw_unread(const struct view *v, const struct model *m,
		     const struct contact *c);
/* The terminal's content is not known any more. */
void draw_forget(struct draw *d);

/* The links that are on the screen. */
const struct link *draw_links(const struct draw *d, size_t *n);

/* What stands at y, x. */
struct place {
	enum { AT_NOTHING, AT_PEER, AT_MESSAGE, AT_ROW, AT_INPUT } what;
	contact_id peer;
	message_n message;
	size_t row; /* of the list in the place of messages */
};
struct place draw_at(const struct draw *d, const struct view *v,
		     const struct model *m, int y, int x);

/* Moves the place in the messages by rows, up is negative. */
void draw_scroll(struct draw *d, struct view *v, const struct model *m,
		 int rows);
void draw_top(struct draw *d, struct view *v, const struct model *m);
/* The newest message and the oldest one at all painted, 0: none. */
message_n draw_newest(const struct draw *d);
/* Less than another page is known above what was painted, below it: time to
 * fetch more, so that the next one is there when it is wanted. */
bool draw_at_top(const struct draw *d);
bool draw_at_bottom(const struct draw *d);
int draw_page(const struct draw *d); /* rows of the messages' pane */
/* Brings the selected one into view. */
void draw_reveal(struct draw *d, struct view *v, const struct model *m);
#endif
