#include "src/crash.h"

#ifdef SOTTO_CRASH_POINTS
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* SOTTO_CRASH=name:count; more than one, apart by commas. Each has a counter
 * of its own, by its place in the list. */
void crash_point(const char *name)
{
	static atomic_uint passed[8];
	const char *p = getenv("SOTTO_CRASH");
	size_t n = strlen(name);

	for (int i = 0; p && i < 8; i++, p = strchr(p, ',')) {
		p += *p == ',';
		if (strncmp(p, name, n) == 0 && p[n] == ':' &&
		    ++passed[i] >= strtoul(p + n + 1, NULL, 10))
			kill(getpid(), SIGKILL);
	}
}
#else
typedef int nothing_here; /* ISO C has no empty file */
#endif
