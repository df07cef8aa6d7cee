#include "src/center_impl.h"
#include <stdio.h>
/* Stands in for center_nats.c where libnats is not, or is not wanted. */

enum err center_nats_open(const char *url, const struct center_rules *rules,
			  struct center_backend **out, char why[static 256])
{
	(void)url, (void)rules, (void)out;
	snprintf(why, 256, "this sotto was built without NATS");
	return ERR_STATE;
}
