#ifndef SOTTO_SRC_FOLDERS_H
#define SOTTO_SRC_FOLDERS_H
#include "src/config.h"
/* Where an identity's files are: four XDG folders, or one folder
 * with --home, or a temporary one with --ephemeral; --profile names a
 * sub-folder of each. */

/* Fills the paths of c from home, profile and ephemeral. With `make` it also
 * makes the folders (0700), and removes temporary ones that were abandoned. On
 * error `why` names the folder and the reason. */
enum err folders_find(struct config *c, bool make,
		      char why[static 256]) MUST_USE;
/* One folder and those above it. */
enum err folders_make(const char *path, char why[static 256]) MUST_USE;
/* Frees the paths; removes the temporary folder with all that is in it. */
void folders_free(struct config *c);
#endif
