#ifndef SOTTO_TESTS_UI_WORLD_H
#define SOTTO_TESTS_UI_WORLD_H
#include "tests/ui/screen.h"
/* ana, who is a screen, and bob, who is another process: what tests of the
 * real program begin with. */
struct world {
	char *home; /* of both, in folders of their own */
	struct peer bob;
	struct screen *s;       /* ana's, 24 x 80 */
	const char *trust;      /* of strangers; NULL: accept */
	const char *const *env; /* more of ana's environment, or NULL */
};
/* Set-up and tear-down of cmocka. asking: strangers must be accepted. */
int world_begin(void **state);
int world_begin_asking(void **state);
int world_end(void **state);
/* Her program; script: begun by the shell, where it is "$0" "$@"; or NULL.
 * She is the same one every time. */
struct screen *world_ana(struct world *w, int rows, int cols,
			 const char *script);
/* Another screen in the place of w->s, which is ended as a person does it. */
void world_again(struct world *w, int rows, int cols, const char *const *env);
void world_connect(struct world *w); /* to bob; in the line */
void world_met(struct world *w);     /* ... and "hello there" was said */
/* bob to her. `text` is inside of a JSON string. */
void world_say(struct world *w, const char *text);
void world_paste(struct world *w, const char *text);
/* "line 1." to "line 100.", from bob; fewer than 200. */
void world_lines(struct world *w, unsigned from, unsigned to);
/* Contacts that nobody answers for, 127.0.0.1:1 to 127.0.0.1:n. */
void world_others(struct world *w, int n);
/* A program of that name in home, for the shell; its path. */
void world_script(struct world *w, const char *name, const char *body,
		  char path[static 256]);
/* Waits until the file in home holds that. */
void world_expect_file(struct world *w, const char *name, const char *text);
/* Somebody else says something to her; her port is known from bob's. */
int world_port(struct world *w);
void world_say_from(struct world *w, struct peer *p, const char *text);
#endif
