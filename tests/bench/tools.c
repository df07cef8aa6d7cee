#include "tests/bench/tools.h"
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int64_t clock_us(clockid_t which)
{
	struct timespec t;

	clock_gettime(which, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t mono_us(void)
{
	return clock_us(CLOCK_MONOTONIC);
}

int64_t wall_us(void)
{
	return clock_us(CLOCK_REALTIME);
}

void die(const char *what)
{
	fprintf(stderr, "bench: %s: %s\n", what, strerror(errno));
	exit(1);
}

struct bytes bytes_of(const char *s)
{
	return (struct bytes){(const uint8_t *)s, strlen(s)};
}

static int by_value(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

int64_t percentile(int64_t *v, size_t n, unsigned percent)
{
	qsort(v, n, sizeof *v, by_value);
	return n ? v[(n - 1) * percent / 100] : 0;
}

void term_start(struct term *t, char *const argv[])
{
	struct winsize size = {.ws_row = 24, .ws_col = 80};

	memset(t, 0, sizeof *t);
	t->pid = forkpty(&t->fd, NULL, NULL, &size);
	if (t->pid < 0)
		die("forkpty");
	if (t->pid == 0) {
		setenv("TERM", "xterm-256color", 1);
		setenv("LC_ALL", "C.UTF-8", 1);
		execv(argv[0], argv);
		_exit(127);
	}
	fcntl(t->fd, F_SETFD, FD_CLOEXEC);
}

void process_stop(pid_t pid)
{
	kill(pid, SIGTERM);
	waitpid(pid, NULL, 0);
}

void term_stop(struct term *t)
{
	kill(t->pid, SIGTERM);
	for (int i = 0; i < 200 && waitpid(t->pid, NULL, WNOHANG) == 0; i++)
		term_read(t, 50);
	close(t->fd);
}

void term_type(struct term *t, const char *keys)
{
	if (write(t->fd, keys, strlen(keys)) < 0)
		die("pty");
}

bool term_read(struct term *t, int wait_ms)
{
	struct pollfd p = {.fd = t->fd, .events = POLLIN};
	char in[4096];

	if (poll(&p, 1, wait_ms) <= 0)
		return false;

	ssize_t n = read(t->fd, in, sizeof in);

	if (n <= 0)
		return false;
	if (t->n_tail + (size_t)n > sizeof t->tail) {
		size_t keep = sizeof t->tail / 4;

		if (t->n_tail > keep) {
			memmove(t->tail, t->tail + t->n_tail - keep, keep);
			t->n_tail = keep;
		}
	}
	memcpy(t->tail + t->n_tail, in, (size_t)n);
	t->n_tail += (size_t)n;
	t->total += (size_t)n;
	if (t->also)
		t->also(t->to, in, (size_t)n);
	return true;
}

int64_t term_until(struct term *t, const char *what)
{
	int64_t from = mono_us();

	t->n_tail = 0;
	while (mono_us() - from < 20000000) {
		term_read(t, 1000);
		if (memmem(t->tail, t->n_tail, what, strlen(what)))
			return mono_us() - from;
	}
	errno = ETIMEDOUT;
	die(what);
}

void term_settle(struct term *t, int quiet_ms)
{
	while (term_read(t, quiet_ms))
		;
}

int64_t term_last(struct term *t, int quiet_ms)
{
	int64_t last = 0;
	struct pollfd p = {.fd = t->fd, .events = POLLIN};

	while (poll(&p, 1, last ? quiet_ms : 2000) > 0) {
		last = mono_us();
		if (!term_read(t, 0))
			break;
	}
	return last;
}

void term_resize(struct term *t, int rows, int cols)
{
	struct winsize size = {.ws_row = (unsigned short)rows,
			       .ws_col = (unsigned short)cols};

	if (ioctl(t->fd, TIOCSWINSZ, &size))
		die("TIOCSWINSZ");
}

/* Calls back with the text of a file of each thread of a process. */
static uint64_t each_thread(pid_t pid, const char *file,
			    uint64_t (*of)(const char *text))
{
	char dir[64], path[400], text[4096];
	uint64_t sum = 0;

	snprintf(dir, sizeof dir, "/proc/%d/task", (int)pid);

	DIR *d = opendir(dir);

	for (struct dirent *e; d && (e = readdir(d));) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof path, "%s/%s/%s", dir, e->d_name, file);
		FILE *f = fopen(path, "r");

		if (!f)
			continue;
		text[fread(text, 1, sizeof text - 1, f)] = 0;
		fclose(f);
		sum += of(text);
	}
	if (d)
		closedir(d);
	return sum;
}

static uint64_t field(const char *text, const char *name)
{
	const char *at = strstr(text, name);

	return at ? strtoull(at + strlen(name), NULL, 10) : 0;
}

static uint64_t switches_of(const char *text)
{
	return field(text, "\nvoluntary_ctxt_switches:");
}

uint64_t proc_switches(pid_t pid)
{
	return each_thread(pid, "status", switches_of);
}

static uint64_t cpu_of(const char *text)
{
	return strtoull(text, NULL, 10) / 1000; /* schedstat: nanoseconds */
}

uint64_t proc_cpu_us(pid_t pid)
{
	return each_thread(pid, "schedstat", cpu_of);
}

static uint64_t proc_field(pid_t pid, const char *file, const char *name)
{
	char path[64], text[8192];

	snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, file);
	FILE *f = fopen(path, "r");

	if (!f)
		return 0;
	text[fread(text, 1, sizeof text - 1, f)] = 0;
	fclose(f);
	return field(text, name);
}

uint64_t proc_rss_kb(pid_t pid)
{
	return proc_field(pid, "status", "\nVmRSS:");
}

uint64_t proc_private_kb(pid_t pid)
{
	return proc_field(pid, "smaps_rollup", "\nAnonymous:");
}

int tcp_dial(uint16_t port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
	int on = 1;

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	for (int i = 0; i < 500; i++, usleep(10000)) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
		if (!connect(fd, (struct sockaddr *)&a, sizeof a))
			return fd;
		close(fd);
	}
	die("connect");
}

char *folder_new(void)
{
	char *path = strdup("/tmp/sotto-bench-XXXXXX");

	if (!path || !mkdtemp(path))
		die("mkdtemp");
	return path;
}

static int remove_one(const char *path, const struct stat *st, int kind,
		      struct FTW *at)
{
	(void)st, (void)kind, (void)at;
	return remove(path);
}

void folder_remove(char *path)
{
	nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(path);
}

uint16_t bench_port(void)
{
	return (uint16_t)(31000 + getpid() % 1000);
}

uint16_t ready_port(const char *file)
{
	for (int i = 0; i < 2000; i++) {
		char text[4096];
		FILE *f = fopen(file, "r");

		if (f) {
			text[fread(text, 1, sizeof text - 1, f)] = 0;
			fclose(f);
			if (field(text, "\"port\":"))
				return (uint16_t)field(text, "\"port\":");
		}
		usleep(5000);
	}
	die(file);
}

pid_t headless_start(const char *home, uint16_t *port)
{
	char ready[256];

	snprintf(ready, sizeof ready, "%s/ready", home);

	pid_t pid = fork();

	if (pid == 0) {
		int null = open("/dev/null", O_RDWR);

		dup2(null, 0);
		dup2(null, 1);
		execl(SOTTO_PATH, "sotto", "--headless", "--stay", "--home",
		      home, "--port", "0", "--no-discover", "--ready-file",
		      ready, (char *)NULL);
		_exit(127);
	}
	*port = ready_port(ready);
	return pid;
}
