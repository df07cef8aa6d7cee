#ifndef SOTTO_SRC_CLIENT_H
#define SOTTO_SRC_CLIENT_H
#include "src/event.h"
struct engine;

/* A front end's end of an engine: in this process, or in another one through
 * its control.sock and the lines of sotto(1). Nobody can tell which. Calls on
 * one client come from one thread. */
struct client;
struct client *client_open(struct engine *e); /* NULL: 64 are there already */
/* ERR_CLOSED: no engine answers there. */
enum err client_connect(const char *socket_path, struct client **out) MUST_USE;
void client_close(struct client *c);

/* Readable when client_next has something to do. For poll only, after
 * client_next has said NULL: it may hold more than the descriptor knows. */
/* It is another process: it goes on when we leave. */
bool client_beside(const struct client *c);
int client_fd(const struct client *c);
/* The next event or NULL; good until the next call. Results are never
 * dropped; after EV_LOST other events were. The last one is EV_BYE. */
const struct event *client_next(struct client *c);
/* Takes cmd, also on error. ERR_FULL: 256 commands without a result. */
enum err client_send(struct client *c, struct command *cmd) MUST_USE;
#endif
