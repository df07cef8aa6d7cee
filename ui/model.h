#ifndef SOTTO_UI_MODEL_H
#define SOTTO_UI_MODEL_H
#include "src/event.h"
/* Lines kept of the open conversation; one of each other. Older ones are
 * fetched a page at a time, and kept while somebody reads up there; beyond
 * MODEL_MOST those at the other end go. */
enum { MODEL_LINES = 512, MODEL_MOST = 8192 };

/* What a front end knows. Changed by events only; drawn by views. The line
 * being typed, the focus and the place one has scrolled to are no part of it.
 */
struct model;
struct model *model_new(void);
void model_free(struct model *m);

/* Says whether anything that can be seen changed. */
bool model_apply(struct model *m, const struct event *ev);
/* What must be asked for now (after EV_READY and EV_LOST, for a conversation
 * just opened): or false. Its ref has no bit at or above MODEL_REFS_BIT ... */
bool model_wants(struct model *m, struct command *out);
/* ... so a front end's own have that one. */
enum { MODEL_REFS_BIT = 50 };
/* Is this ref the model's own? */
bool model_asked(uint64_t ref);
bool model_asked_outbox(uint64_t ref); /* ... for the outbox? */
/* ... for the page of a conversation just opened, or from somewhere else? */
bool model_asked_page(uint64_t ref);

/* Opens a conversation, 0: none. Of the one left the newest lines stay, and of
 * some that were left before; from here on the newest page is fetched. */
void model_open(struct model *m, contact_id c);
/* No more of it is fetched at first than so many rows show; 0: PAGE_USUAL. */
void model_rows(struct model *m, unsigned rows);
contact_id model_opened(const struct model *m);
/* One page more, before the oldest known; false: there is none, or it is on
 * its way. */
bool model_older(struct model *m);
/* Reading far up, the newest lines are not kept: `later`. One page more of
 * them; and back to the newest page, which is fetched. */
bool model_later(const struct model *m, contact_id with);
bool model_newer(struct model *m);
void model_newest(struct model *m);
/* A page from message n on (0: from the oldest) takes the place of the lines
 * when it comes, which is when model_seeking is over. */
bool model_seek(struct model *m, message_n n);
bool model_seeking(const struct model *m);
/* The open conversation shows its newest: lines beyond MODEL_LINES may go. */
void model_trim(struct model *m);
void model_ask_outbox(struct model *m);

/* Ourselves and what EV_READY said; NULL before. */
const struct contact *model_self(const struct model *m);
void model_rename_self(struct model *m, const char *nick);
/* How new ones are taken: ask, accept, refuse. */
const char *model_trust_new(const struct model *m);
bool model_complete(const struct model *m); /* the snapshot has come */

/* i in the order of the sidebar, which only the user changes; or NULL. */
const struct contact *model_contact(const struct model *m, size_t i);
const struct contact *model_find(const struct model *m, contact_id c);
size_t model_index(const struct model *m, contact_id c); /* SIZE_MAX: none */
size_t model_count(const struct model *m);
/* The user's own name for them, else theirs, else their address; as received:
 * clean it before it is shown. */
const char *model_name(const struct contact *c);
/* What they are just now, and how well their key is known, in a word. */
const char *model_presence_word(const struct contact *c);
/* Nothing protects what is said there, and nobody there has a key. */
bool model_plain(const struct contact *c);
/* They are there, and nobody knows where: the link is through our center. */
bool model_relayed(const struct contact *c);
const char *model_trust_word(const struct contact *c);
/* "~3f2a", the first digits of their id; empty before their key is known. */
void model_tag(char out[static 6], const struct contact *c);

/* The draft that came with the snapshot, once: then it is the front end's. */
bool model_draft(struct model *m, contact_id c, struct buf *text,
		 size_t *cursor, struct uuid *answers);

/* The last sender not answered yet; again: the one before, round and round.
 * 0: none. *id: the message. */
contact_id model_last_sender(const struct model *m, unsigned again,
			     struct uuid *id);
/* i counts back from the newest by n; NULL past the oldest kept. */
const struct message *model_message(const struct model *m, contact_id with,
				    size_t i);
/* Oldest first. Good until the next change. */
const struct message *const *model_lines(const struct model *m, contact_id with,
					 size_t *n);
bool model_more(const struct model *m, contact_id with); /* older ones */
const struct message *model_by_id(const struct model *m, contact_id with,
				  struct uuid id);
/* Messages above this one were new when the conversation was opened; 0: no
 * marker. */
message_n model_marker(const struct model *m, contact_id with);
/* From here on everything is new. */
void model_mark(struct model *m, contact_id with, message_n n);
/* Our name was said in what is not read yet. */
bool model_named(const struct model *m, contact_id with);
/* How many came, in all, since the model began; for "3 new". */
uint64_t model_arrived(const struct model *m, contact_id with);

/* A line on its way to our own disk: shown at the end, dim, with n at or
 * above MODEL_PENDING, until its result comes. text is copied. */
#define MODEL_PENDING ((message_n)1 << 61)
void model_pending(struct model *m, contact_id with, uint64_t ref,
		   const char *text, struct uuid answers, int64_t now_ms);
/* The text of a pending line that was refused; the caller frees. */
char *model_refused(struct model *m, uint64_t ref, contact_id *with);

const struct message *const *model_outbox(const struct model *m, size_t *n);
#endif
