#ifndef SOTTO_UI_DOCTOR_IMPL_H
#define SOTTO_UI_DOCTOR_IMPL_H
/* Shared by doctor.c (the list; configuration, folders, who runs),
 * doctor_store.c (the store, its disk, what waits), doctor_net.c (port,
 * addresses, discovery, peers.txt) and doctor_here.c (clock, terminal, tools,
 * this build). */
#include "proto/packet.h"
#include "src/config.h"
#include "ui/doctor.h"

enum { FOUND_MAX = 64 }; /* of one check; more are not told */

struct doctor {
	const struct config *cfg;
	enum doctor_for who;
	size_t check; /* the next one */
	const char *what;
	struct finding found[FOUND_MAX];
	size_t n, at;
	struct finding *last; /* that todo is about, or NULL */

	/* What one check learns for those behind it. */
	bool running;      /* an engine answers */
	char *listen;      /* where it listens, blanks between; or NULL */
	struct addr here;  /* to tell others */
	long pid;          /* of who holds the lock, or 0 */
	int64_t newest_ms; /* when the last message was stored, or 0 */
};

/* Adds a finding. */
void found(struct doctor *d, enum health level, const char *fmt, ...)
    PRINTF(3, 4);
/* What to do about the last one. */
void todo(struct doctor *d, const char *fmt, ...) PRINTF(2, 3);
/* "3 min" */
void doctor_span(char out[static 32], int64_t ms);
/* The folder of a path, owned. */
char *doctor_folder(const char *path);
/* path, or the nearest folder above it that is there; owned. */
char *doctor_nearest(const char *path);

void doctor_store(struct doctor *d); /* and what waits in it: "outbox" */
void doctor_space(struct doctor *d);
void doctor_port(struct doctor *d);
void doctor_address(struct doctor *d);
void doctor_discovery(struct doctor *d);
void doctor_peers(struct doctor *d);
void doctor_clock(struct doctor *d);
void doctor_terminal(struct doctor *d);
void doctor_tools(struct doctor *d);
void doctor_build(struct doctor *d);
#endif
