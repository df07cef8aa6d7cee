#ifndef SOTTO_UI_WEB_GUARD_H
#define SOTTO_UI_WEB_GUARD_H
#include "proto/base.h"
struct MHD_Connection;
/* Who may ask for what. A page of somewhere else, opened in the same browser,
 * can send requests here, and under a name of its own that leads to this
 * machine: so the name must be the address, a write must come from our own
 * page, and both need the cookie. */
struct guard_for {
	unsigned port;
	const char *sessions; /* the file of tokens */
	int64_t now_s;        /* Unix */
};
/* 0: it may. Else the status, and *words why. */
unsigned guard_request(struct MHD_Connection *c, const struct guard_for *g,
		       const char *method, const char *path,
		       const char **words);
#endif
