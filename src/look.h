#ifndef SOTTO_SRC_LOOK_H
#define SOTTO_SRC_LOOK_H
#include "proto/packet.h"
#include <sys/types.h>
/* What `sotto doctor` sees of things that it must not disturb. Nothing here
 * writes, makes, locks, binds or sends anything, also beside an engine that
 * runs. What the system does not tell is left zero. Blocks for the disk at
 * most. Any thread. */

/* Who holds an flock(2) of that file, by /proc/locks: a lock of ours could be
 * the reason why somebody does not start. */
struct look_lock {
	bool there; /* the file */
	bool known; /* the system told who holds what */
	bool held;
	long pid; /* 0: in another container, or nobody can tell */
};
void look_lock(const char *path, struct look_lock *out);

/* The name of a process, harmless; "": there is none, or nobody can tell. */
void look_process(long pid, char name[static 32]);
/* When it began, in microseconds since boot; 0: nobody can tell. */
int64_t look_began_us(long pid);

/* Who has a port. For TCP: listens there, on this address or on all. */
struct look_port {
	bool known, taken;
	uid_t uid; /* whose process it is */
	long pid;  /* 0: somebody else's, or nobody can tell */
};
enum look_what { LOOK_TCP, LOOK_UDP };
void look_port(const struct addr *at, enum look_what what,
	       struct look_port *out);

/* One address of one interface that is up. */
struct look_net {
	char name[16];
	struct addr at; /* port 0 */
	bool multicast, loopback, link_local;
};
enum { LOOK_NETS = 64 };
size_t look_nets(struct look_net out[static LOOK_NETS]);

/* One peer for whom messages wait. */
struct look_waits {
	char name[NICK_MAX + 1]; /* not cleaned; "": not known */
	unsigned n, tries;
	bool changed, blocked;
	int64_t since_ms; /* Unix, of the oldest */
	char error[128];  /* why the last try failed, or "" */
};
enum { LOOK_WAITS = 8 };

struct look_store {
	int version;       /* of its tables; 0: there are none yet */
	int version_known; /* the newest that this program knows */
	bool foreign;      /* a database, but not one of ours */
	/* What lies beside it was not taken over, and cannot be read without
	 * writing: the next start does it. Then nothing below is known. */
	bool unfinished;
	bool counted; /* in time: what follows is known */
	int64_t messages, contacts, unindexed, waiting;
	int64_t newest_ms; /* when the last message was stored; 0: none */
	struct look_waits waits[LOOK_WAITS]; /* those with most first */
	size_t n_waits;
	bool checked;    /* all of it, in time */
	char check[200]; /* PRAGMA quick_check: the first thing wrong, or "" */
};
/* ERR_ABSENT: no such file. ERR_PARSE: damaged; other errors: cannot be read.
 * `why` says it in one line, and what could be read before stands in *out.
 * budget_us bounds the check, < 0: not at all. */
enum err look_store(const char *path, int64_t budget_us, struct look_store *out,
		    char why[static 256]) MUST_USE;
#endif
