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
/* Her program; in_shell: begun by one. She is the same one every time. */
struct screen *world_ana(struct world *w, int rows, int cols, bool in_shell);
/* Another screen in the place of w->s, which is ended as a person does it. */
void world_again(struct world *w, int rows, int cols, const char *const *env);
void world_connect(struct world *w); /* to bob; in the line */
void world_met(struct world *w);     /* ... and "hello there" was said */
/* bob to her. `text` is inside of a JSON string. */
void world_say(struct world *w, const char *text);
void world_paste(struct world *w, const char *text);
/* Somebody else says something to her; her port is known from bob's. */
int world_port(struct world *w);
void world_say_from(struct world *w, struct peer *p, const char *text);
#endif
