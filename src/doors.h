#ifndef SOTTO_SRC_DOORS_H
#define SOTTO_SRC_DOORS_H
#include "src/config.h"
#include "src/core.h"
#include "src/identity.h"
#include "src/net.h"
/* Where we listen: our own port, and the plain dialects that the
 * configuration names. Network thread, or before it runs. */
struct doors {
	struct addr here; /* what to tell others; port 0: we listen nowhere */
	bool plain_open[LISTEN_MAX], pushes_open;
	/* Why a plain one could not be opened, or "": all else works without
	 * it. The last one is that of cfg->pushes. */
	char why[LISTEN_MAX + 1][300];
};
/* An error: our own port cannot be had; `why` says it in one line. */
enum err doors_open(struct doors *d, struct net *n, const struct config *cfg,
		    const struct identity *id, char why[static 256]) MUST_USE;
void doors_tell(const struct doors *d, const struct config *cfg,
		struct core *c);
/* Whether one of them is for the clients of document 002 (booth.h). */
bool doors_booth(const struct config *cfg);
/* Appends all of them, blanks between. */
void doors_text(const struct doors *d, const struct config *cfg,
		struct buf *out);
#endif
