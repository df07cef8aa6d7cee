#ifndef SOTTO_TESTS_BENCH_CELLS_H
#define SOTTO_TESTS_BENCH_CELLS_H
#include "tests/bench/tools.h"
/* What a terminal shows of what a program in a struct term wrote: libvterm's
 * cells. */
struct cells;
struct cells *cells_new(int rows, int cols);
void cells_free(struct cells *c);
/* From here on it sees all that is read from t. */
void cells_watch(struct cells *c, struct term *t);
void cells_resize(struct cells *c, int rows, int cols);
int cells_rows(const struct cells *c);
/* Characters of a row, its end cut off; good until the next call. */
const char *cells_row(struct cells *c, int row);
/* How many cells differ in what they show or how; the cursor's place is one
 * more. Both have the same size. */
size_t cells_differ(struct cells *a, struct cells *b);
struct cells *cells_copy(struct cells *c); /* of what it shows now */
#endif
