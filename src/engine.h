#ifndef SOTTO_SRC_ENGINE_H
#define SOTTO_SRC_ENGINE_H
#include "src/event.h"
struct config;
struct identity;
struct engine;
struct queue;

/* Starts the network, disk and worker threads; cfg and id are borrowed for
 * the engine's life. cfg->listen says whether to listen. On failure `why` says
 * it in one line (the address and the reason; the file and the reason). */
enum err engine_start(const struct config *cfg, const struct identity *id,
		      struct engine **out, char why[static 256]) MUST_USE;
/* Waits until the network thread has ended (after CMD_QUIT, or makes one),
 * then joins and frees. */
void engine_stop(struct engine *e);

/* For client.c alone. Events go into `events` (512, and 256 kept for
 * results); commands come by engine_push, which takes cmd also on error.
 * Attaching puts EV_READY into the queue first. Any thread. */
client_id engine_attach(struct engine *e, struct queue *events);
void engine_detach(struct engine *e, client_id c);
enum err engine_push(struct engine *e, client_id from,
		     struct command *cmd) MUST_USE;
#endif
