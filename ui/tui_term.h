#ifndef SOTTO_UI_TUI_TERM_H
#define SOTTO_UI_TUI_TERM_H
#include "proto/base.h"
#include <sys/types.h>
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
		KEY_AWAY,    /* or not any more; not every terminal says so */
		KEY_CLICK,   /* of the mouse, at y, x */
		KEY_WHEEL_UP,
		KEY_WHEEL_DOWN
	} kind;
	char name[24]; /* "a", "Ctrl-A", "Alt-a", "PgUp"; "" while pasted */
	char text[8];  /* KEY_CHAR and what Ctrl-V takes: UTF-8 */
	size_t n;
	int y, x;
};

/* false: no such terminal; said on stderr. */
bool term_start(void);
/* The same without a terminal: rows and cols of it, its keys from a file (or
 * NULL: none), and what it would show printed by term_stop. Nothing else is
 * written anywhere. false: said on stderr. */
bool term_picture(int rows, int cols, const char *keys);
bool term_on(void);    /* there is a terminal, and it is ours */
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
/* Hears SIGWINCH, SIGTERM and the like in here only. timeout_us < 0: none.
 * Says which of the two descriptors have something; !keys: only the client's
 * is looked at. */
struct term_news {
	bool keys, gone, client, resized, quit;
	bool late; /* a script waited in vain */
};
struct term_news term_wait(bool keys, int client_fd, long long timeout_us);
/* For a program that takes the terminal over, and when it has ended. */
void term_leave(void);
void term_back(void);

/* ---- tui_frame.c: what changed goes to the terminal ---- */
void frame_start(void);
void frame_stop(void);
void frame_show(void); /* doupdate, in one write */
/* From a handler of a signal: what is written goes to the terminal. */
void frame_break(void);
/* Leaves out what says nothing; the new length. */
size_t frame_shorten(uint8_t *p, size_t n);

/* ---- tui_out.c: what curses knows nothing of ---- */
void term_title(unsigned unread);
void term_title_back(void); /* the one there was */
void term_bell(void);
/* Into the clipboard of whoever looks at the terminal (OSC 52). */
void term_copy(struct bytes text);
/* One row of a link, which stands on the screen already (OSC 8). attr is
 * curses's. */
void term_link(int y, int x, unsigned long attr, struct bytes shown,
	       struct bytes whole);
bool term_has_links(void);
/* A notification of the desktop: by the terminal if it has them, else by
 * notify-send. Both texts are clean. false: neither is there. */
bool term_notify(const char *title, const char *text);
/* http or https only; no shell sees it. false: it could not be started. */
bool term_browse(const char *url);
/* Runs it by the shell, with the terminal; its wait status, or -1. */
int term_run(const char *command);
/* Runs it by the shell, without the terminal: its input is `in`, its output
 * is read from the descriptor returned, which does not block; -1: it could
 * not be started. */
int term_pipe(const char *command, struct bytes in, pid_t *child);
#endif
