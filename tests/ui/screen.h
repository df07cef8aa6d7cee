#ifndef SOTTO_TESTS_UI_SCREEN_H
#define SOTTO_TESTS_UI_SCREEN_H
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
/* The real program in a pseudo terminal, seen through libvterm. Everything
 * waits for what it expects, with a deadline, and fails with the screen. */
struct screen;
/* env: more of the environment, "NAME=value", ended by NULL; or NULL. The
 * terminal is xterm-256color with nothing else said of it. */
struct screen *screen_new(int rows, int cols, char *const argv[],
			  const char *const *env);
void screen_free(struct screen *s); /* kills what still runs */
void screen_type(struct screen *s, const char *keys);
/* A key by its name in key_rows, as a terminal in its modes writes it. */
void screen_key(struct screen *s, const char *name);
/* 1 is the left one, 4 and 5 the wheel; nothing while the mouse is off. */
void screen_button(struct screen *s, int button, int row, int col);
void screen_resize(struct screen *s, int rows, int cols);
/* Some row holds `part`; the row of that number (from 0, below 0: from the
 * last one up) does; none does. */
void expect_text(struct screen *s, const char *part);
void expect_row(struct screen *s, int row, const char *part);
/* Some row holds the one, and behind it the other. */
void expect_both(struct screen *s, const char *part, const char *behind);
/* Nothing but that, and blanks behind it. */
void expect_whole(struct screen *s, int row, const char *text);
void expect_gone(struct screen *s, const char *part);
void expect_cursor(struct screen *s, int row, int col);
/* Some place where it stands looks exactly so. */
enum {
	LOOK_BOLD = 1,
	LOOK_UNDERLINE = 2,
	LOOK_REVERSE = 4,
	LOOK_COLOUR = 8, /* not the terminal's own */
	LOOK_GROUND = 16 /* behind it, too */
};
void expect_look(struct screen *s, const char *part, unsigned look);
/* Of the table of 256; -1: the terminal's own. */
void expect_colour(struct screen *s, const char *part, int colour);
/* In that row it is a link (OSC 8) to url: all of it and nothing beside. */
void expect_link(struct screen *s, int row, const char *part, const char *url);
void expect_no_links(struct screen *s);
/* The terminal was told something that begins so (OSC: "52;c;..."). */
void expect_told(struct screen *s, const char *begin);
void expect_bells(struct screen *s, unsigned n); /* so many, in all */
void expect_mouse(struct screen *s, bool on);    /* clicks are asked for */
unsigned screen_told(const struct screen *s, const char *begin); /* times */
unsigned screen_bells(const struct screen *s);
unsigned screen_links(const struct screen *s); /* cells that are one */
bool screen_find(struct screen *s, const char *part, int *row, int *col);
/* What is there now, without waiting for more than is there. */
bool screen_has(struct screen *s, const char *part);
void screen_read(struct screen *s, int ms);
void screen_wait(struct screen *s, int ms); /* so long, whatever comes */
/* Over what is there, as another program's message would be. */
void screen_scribble(struct screen *s, int row, const char *text);
pid_t screen_pid(const struct screen *s);
int screen_end(struct screen *s); /* waits for the end; its wait status */
/* Kills the shell that it was started by, and waits for its own end. */
void screen_orphan(struct screen *s);
/* Left as it was found: echo, lines, main screen, visible cursor, no
 * bracketed paste. */
void expect_sane(struct screen *s);
void screen_hang_up(struct screen *s); /* the terminal goes away */

/* A headless one; reads its lines. home/nick is its folder. */
struct peer {
	pid_t pid;
	int in, out;
	char text[1 << 16];
	size_t n;
	int port;
	unsigned results;
};
/* p is listened to while the screen is waited for: one that nobody hears stops
 * when its pipe is full. */
void screen_beside(struct screen *s, struct peer *p);
/* One called center is a message center. */
void peer_start(struct peer *p, const char *home, const char *nick, int port);
void peer_say(struct peer *p, const char *line);
void peer_expect(struct peer *p, const char *part); /* in what it wrote */
/* Waits until n commands have had their result. */
void peer_results(struct peer *p, unsigned n);
void peer_stop(struct peer *p);
char *folder_new(void); /* removed by folder_remove, which frees it */
void folder_remove(char *path);
#endif
