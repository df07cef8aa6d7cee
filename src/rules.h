#ifndef SOTTO_SRC_RULES_H
#define SOTTO_SRC_RULES_H
#include "src/config.h"
#include "src/core.h"
/* What the configuration means to core. Strings of cfg are borrowed. */
struct core_rules rules_of(const struct config *cfg);
/* What becomes of new keys, in a word: accept, ask, refuse. */
const char *rules_word(const struct core_rules *r);
#endif
