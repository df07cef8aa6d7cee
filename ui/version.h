#ifndef SOTTO_UI_VERSION_H
#define SOTTO_UI_VERSION_H
#include <stddef.h>
/* sotto --version: ours, that of each library as it is loaded now, and what
 * this version cannot do. */
void version_print(void);
/* The libraries as they are loaded now, in one line. */
void version_libraries(char out[static 256]);
/* The i-th thing this build was made without, or NULL; for _(). */
const char *version_without(size_t i);
#endif
