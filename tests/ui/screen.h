#ifndef SOTTO_TESTS_UI_SCREEN_H
#define SOTTO_TESTS_UI_SCREEN_H
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
/* The real program in a pseudo terminal, seen through libvterm. Everything
 * waits for what it expects, with a deadline, and fails with the screen. */
struct screen;
struct screen *screen_new(int rows, int cols, char *const argv[]);
void screen_free(struct screen *s); /* kills what still runs */
void screen_type(struct screen *s, const char *keys);
void screen_resize(struct screen *s, int rows, int cols);
/* Some row holds `part`; the row of that number (from 0, below 0: from the
 * last one up) does; none does. */
void expect_text(struct screen *s, const char *part);
void expect_row(struct screen *s, int row, const char *part);
void expect_gone(struct screen *s, const char *part);
void expect_cursor(struct screen *s, int row, int col);
/* What is there now, without waiting for more than is there. */
bool screen_has(struct screen *s, const char *part);
void screen_read(struct screen *s, int ms);
void screen_wait(struct screen *s, int ms); /* so long, whatever comes */
pid_t screen_pid(const struct screen *s);
int screen_end(struct screen *s); /* waits for the end; its wait status */
/* Kills the shell that it was started by, and waits for its own end. */
void screen_orphan(struct screen *s);
/* Left as it was found: echo, lines, main screen, visible cursor, no
 * bracketed paste. */
void expect_sane(struct screen *s);
void screen_hang_up(struct screen *s); /* the terminal goes away */

/* A headless one; reads its lines. */
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
void peer_start(struct peer *p, const char *home);
void peer_say(struct peer *p, const char *line);
void peer_expect(struct peer *p, const char *part); /* in what it wrote */
/* Waits until n commands have had their result. */
void peer_results(struct peer *p, unsigned n);
void peer_stop(struct peer *p);
char *folder_new(void); /* removed by folder_remove, which frees it */
void folder_remove(char *path);
#endif
