#ifndef SOTTO_TESTS_BENCH_TOOLS_H
#define SOTTO_TESTS_BENCH_TOOLS_H
#include "proto/base.h"
#include <sys/types.h>
/* What the measuring programs share: clocks, order statistics, a program in a
 * pseudo terminal, /proc. */
int64_t mono_us(void);
int64_t wall_us(void);
_Noreturn void die(const char *what);
struct bytes bytes_of(const char *s);
/* The value below which `percent` of n lie; sorts v. */
int64_t percentile(int64_t *v, size_t n, unsigned percent);

/* A program in an 80x24 pseudo terminal. */
struct term {
	int fd;
	pid_t pid;
	char tail[8192]; /* the last of what it wrote */
	size_t n_tail;
	uint64_t total; /* bytes it ever wrote */
	/* Sees all that is read, when it is there. */
	void (*also)(void *to, const char *p, size_t n);
	void *to;
};
void term_start(struct term *t, char *const argv[]);
void term_stop(struct term *t); /* SIGTERM, waits, closes */
void term_type(struct term *t, const char *keys);
/* Reads once, at most so long; false: nothing came. */
bool term_read(struct term *t, int wait_ms);
/* Reads until `what` is in what was written since the call; its age in us, or
 * ends the program after 20 s. */
int64_t term_until(struct term *t, const char *what);
/* Reads until nothing came for so long. */
void term_settle(struct term *t, int quiet_ms);
/* The same; when the last of it came, mono_us, or 0: nothing did in 2 s. */
int64_t term_last(struct term *t, int quiet_ms);
void term_resize(struct term *t, int rows, int cols);

/* Of a process and all its threads. */
uint64_t proc_switches(pid_t pid); /* voluntary: how often it slept again */
uint64_t proc_cpu_us(pid_t pid);
uint64_t proc_rss_kb(pid_t pid);
uint64_t proc_private_kb(pid_t pid); /* not shared with other programs */

/* Connected to 127.0.0.1:port; tries for 5 s. */
int tcp_dial(uint16_t port);

/* A new empty folder under /tmp, removed by folder_remove. */
char *folder_new(void);
void folder_remove(char *path); /* frees it */
/* Starts `sotto --headless` in the folder; its port, from its ready file. */
pid_t headless_start(const char *home, uint16_t *port);
uint16_t ready_port(const char *file);
uint16_t bench_port(void);    /* the same all the time, apart from others' */
void process_stop(pid_t pid); /* SIGTERM and wait */
#endif
