#ifndef SOTTO_TESTS_SRC_NATS_SERVER_H
#define SOTTO_TESTS_SRC_NATS_SERVER_H
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
/* A nats-server of one's own, on a port of loopback, in a folder of its own
 * under /tmp; for tests and measurements. All zero: none. */
struct nats_server {
	pid_t pid; /* 0: it does not run */
	int port;
	char dir[40];
};

extern char **environ;

static inline int nats_server_free_port(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof a;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&a, n) ||
	    getsockname(fd, (struct sockaddr *)&a, &n))
		abort();
	close(fd);
	return ntohs(a.sin_port);
}

static inline bool nats_server_hears(int port)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_port = htons((uint16_t)port),
				.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool hears = fd >= 0 && !connect(fd, (struct sockaddr *)&a, sizeof a);

	close(fd);
	return hears;
}

static inline void nats_server_kill(struct nats_server *s)
{
	if (s->pid <= 0)
		return;
	kill(s->pid, SIGKILL);
	waitpid(s->pid, NULL, 0);
	s->pid = 0;
}

/* Until it takes connections. False: it ended, or took longer than 20 s. */
static inline bool nats_server_wait(struct nats_server *s)
{
	for (int i = 0; i < 2000; i++) {
		if (nats_server_hears(s->port))
			return true;
		if (waitpid(s->pid, NULL, WNOHANG)) {
			s->pid = 0;
			return false;
		}
		poll(NULL, 0, 10);
	}
	nats_server_kill(s);
	return false;
}

static inline void nats_server_config(const struct nats_server *s,
				      const char *more)
{
	char path[80];
	FILE *f;

	snprintf(path, sizeof path, "%s/server.conf", s->dir);
	f = fopen(path, "w");
	if (!f)
		abort();
	fprintf(f,
		"listen: \"127.0.0.1:%d\"\nlog_file: \"%s/log\"\n"
		"jetstream { store_dir: \"%s/store\" }\n%s\n",
		s->port, s->dir, s->dir, more);
	fclose(f);
}

static inline int nats_server_spawn(struct nats_server *s, const char *program,
				    char **argv)
{
	posix_spawn_file_actions_t files;

	posix_spawn_file_actions_init(&files);
	for (int fd = 0; fd < 3; fd++)
		posix_spawn_file_actions_addopen(&files, fd, "/dev/null",
						 O_RDWR, 0);
	int bad = posix_spawnp(&s->pid, program, &files, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&files);
	return bad;
}

/* Again on the same port with what is in its folder, or for the first time.
 * `more` is added to its configuration. False: it is not installed. */
static inline bool nats_server_start(struct nats_server *s, const char *more)
{
	char path[80], name[] = "nats-server", c[] = "-c";
	char *argv[] = {name, c, path, NULL};
	bool first = !s->dir[0];

	if (first) {
		strcpy(s->dir, "/tmp/sotto-nats-XXXXXX");
		if (!mkdtemp(s->dir))
			abort();
	}
	snprintf(path, sizeof path, "%s/server.conf", s->dir);
	for (int i = 0; i < 20; i++) {
		if (!s->port || (first && i))
			s->port = nats_server_free_port();
		nats_server_config(s, more);
		int bad = nats_server_spawn(s, name, argv);
		if (bad == ENOENT)
			bad =
			    nats_server_spawn(s, "/usr/sbin/nats-server", argv);
		if (bad) {
			s->pid = 0;
			return false;
		}
		if (nats_server_wait(s))
			return true;
		poll(NULL, 0, 100); /* somebody else has its port */
	}
	abort();
}

static inline int nats_server_unlink(const char *path, const struct stat *st,
				     int type, struct FTW *at)
{
	(void)st, (void)type, (void)at;
	return remove(path);
}

static inline void nats_server_end(struct nats_server *s)
{
	nats_server_kill(s);
	if (s->dir[0])
		nftw(s->dir, nats_server_unlink, 8, FTW_DEPTH | FTW_PHYS);
	*s = (struct nats_server){0};
}
#endif
