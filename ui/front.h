#ifndef SOTTO_UI_FRONT_H
#define SOTTO_UI_FRONT_H
struct client;
struct config;
struct engine;

/* A front end runs until the user or the engine ends it; returns the exit
 * status. It takes c and closes it. Each owns its loop: poll on its input and
 * on client_fd. Signals come blocked; each hears them in its own way. */
int tui_run(struct client *c, const struct config *cfg);
/* The same, and dials first, as if that had been typed; at may be NULL. */
int tui_dial(struct client *c, const struct config *cfg, const char *at);
/* The same, line by line. */
int plain_run(struct client *c, const struct config *cfg);
int plain_dial(struct client *c, const struct config *cfg, const char *at);
int headless_run(struct client *c, const struct config *cfg);
/* argv[0] is the sub-command. c is NULL for the bare ones (command_row). */
int shell_run(struct client *c, const struct config *cfg, int argc,
	      char **argv);
/* --ready-file: the first event, for whoever waits for us. Takes c. */
void ready_write(struct client *c, const char *path);
/* The aux thread's body: one client for each connection to control.sock,
 * until stop_fd is readable. listen_fd is the caller's. A `quit` that comes
 * there ends the connection, not the engine. */
void control_run(struct engine *e, int listen_fd, int stop_fd);
#endif
