#ifndef SOTTO_TESTS_UI_FAKE_ENGINE_H
#define SOTTO_TESTS_UI_FAKE_ENGINE_H
#include "src/client.h"
#include "tests/ui/dice.h"
/* An engine that is not there: it stands behind src/client.h in the place of
 * the real one, knows some people, and answers late, or no, or that something
 * was lost, as the dice say. One thread; no file, no socket. Its time is
 * clock_mono_us, which the test has to have, too. */

/* What the test wants to be told; each may be NULL. */
struct fake_ears {
	/* A command is given to it, just now. */
	void (*told)(const struct command *cmd);
	/* It is its own now: on the disk, if it had one. */
	void (*stored)(contact_id with, const char *text);
	/* This was not even taken. */
	void (*refused)(const char *text);
	/* Another screen threw this draft away. */
	void (*overwritten)(const char *draft);
	/* An event is about to be heard. */
	void (*news)(const struct event *ev);
};

/* seed: how many people there are, and all that happens. */
struct client *fake_new(uint64_t seed, const struct fake_ears *ears);
void fake_free(struct client *c);
/* Something happens that nobody here asked for. */
void fake_happen(struct client *c);
/* Everything that was told is done now. */
void fake_settle(struct client *c);
bool fake_knows(const struct client *c, contact_id with);
const char *fake_draft(const struct client *c, contact_id with);
/* A name as somebody would type it, of one of those there are. */
const char *fake_some_name(struct client *c);
#endif
