#ifndef SOTTO_UI_TUI_TERM_H
#define SOTTO_UI_TUI_TERM_H
#include <stdbool.h>
#include <stddef.h>
/* The terminal: taken over, given back on every end, and its keys by the names
 * of key_rows. */

struct key {
	enum {
		KEY_NOTHING,
		KEY_CHAR,
		KEY_NAMED,
		KEY_PASTE,
		KEY_PASTED,
		KEY_LOOKING, /* no key: the terminal is looked at again, */
		KEY_AWAY     /* or not any more; not every terminal says so */
	} kind;
	char name[24]; /* "a", "Ctrl-A", "Alt-a", "PgUp"; "" while pasted */
	char text[8];  /* KEY_CHAR and what Ctrl-V takes: UTF-8 */
	size_t n;
};

/* false: no such terminal; said on stderr. */
bool term_start(void);
int term_colors(void); /* how many it has */
void term_mouse(bool on);
void term_stop(void);
/* To the shell; returns when it lets us come back. */
void term_suspend(void);
/* The next key that is there; pasting: nothing is a key until the end mark. */
struct key term_key(bool pasting);
/* Takes the size the terminal has now. */
void term_resize(int *rows, int *cols);
bool term_utf8(void);
/* Words the curses library knows nothing of: the title, the bell. */
void term_title(unsigned unread);
void term_bell(void);
/* Hears SIGWINCH, SIGTERM and the like in here only. timeout_us < 0: none.
 * Says which of the two descriptors have something; !keys: only the client's
 * is looked at. */
struct term_news {
	bool keys, gone, client, resized, quit;
};
struct term_news term_wait(bool keys, int client_fd, long long timeout_us);
/* http or https only; no shell sees it. false: it could not be started. */
bool term_browse(const char *url);
#endif
