#ifndef SOTTO_PROTO_GUARD_H
#define SOTTO_PROTO_GUARD_H
#include "proto/base.h"
/* One linear pass over hostile JSON before json-c may see it: depth 8, 512
 * nodes, no equal keys, strict strings, RFC 3629, no U+0000. */
enum guard {
	GUARD_OWN, /* numbers are integers of at most 18 digits */
	/* dialect json: also -?d+(.d+)?(e[+-]?dd?)?, 24 characters in all */
	GUARD_DECIMALS,
};
enum err guard_json(struct bytes in, enum guard mode) MUST_USE;
#endif
