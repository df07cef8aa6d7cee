#ifndef SOTTO_UI_PLAIN_IMPL_H
#define SOTTO_UI_PLAIN_IMPL_H
/* Shared by plain.c (the loop, what the engine answers), plain_say.c (what
 * arrives, as lines) and plain_line.c (what a typed line does). */
#include "ui/command.h"
#include "ui/model.h"
#include "ui/page.h"
#include "ui/plain_term.h"
struct client;
struct config;

/* What a command of ours will be told for. */
enum why {
	WHY_NOTHING,
	WHY_SAY,
	WHY_SEND,
	WHY_OPEN, /* dialled */
	WHY_MSG,  /* dialled, and the next line is for them */
	WHY_INFO,
	WHY_NICK, /* our name was changed: it is asked for */
	WHY_SELF,
	WHY_FIND,
	WHY_LOGIN,
};
struct asked {
	uint64_t ref;
	enum why why;
	bool waits;       /* the next line waits for it */
	const char *said; /* WHY_SAY: what is true when it worked; or NULL */
};
enum { ASKED_MAX = 256, NOTES_MAX = 256, WHOM_MAX = 64 };

/* One of our own messages whose last word is not said yet. */
struct note {
	struct uuid id;
	contact_id with;
	char *text;  /* owned, or NULL: not known */
	char *error; /* owned, or NULL */
	enum delivery now, said;
	bool held, told; /* told: `said` was said */
	int64_t due_us;  /* say it then, if it is still so; 0: nothing new */
};

/* What was said of a contact. */
struct seen {
	contact_id id;
	char name[WHOM_MAX], bare[WHOM_MAX]; /* bare: without the key */
	bool online, met;
	bool asks;            /* how a request is taken was said */
	bool all;             /* all that came of them was written here ... */
	bool opened;          /* ... or at least what came last */
	message_n upto, read; /* the newest written here; told as read */
	message_n from;       /* the first written as it came; 0: none */
	int64_t due_us;       /* look whether they are there; 0: no */
};

struct plain {
	struct client *client;
	const struct config *cfg;
	struct model *model;
	struct pterm *term;
	int signal_fd;

	/* Whom a line goes to, and what it answers: only a line changes it. */
	contact_id to;
	struct uuid answers;
	bool plain_meant; /* in this run: to send where all can read it */
	/* `/r`: who was meant when it was begun */
	bool latched;
	contact_id latch;
	struct uuid latch_id;

	struct asked asked[ASKED_MAX];
	uint64_t ref;
	unsigned open;  /* commands without their result */
	unsigned waits; /* those that the next line waits for */
	uint64_t since_ref, history_ref, find_ref;
	size_t n_found;

	struct note *note;
	size_t n_note;
	/* Events were dropped: what came since then, until the pages of what
	 * is missing are all there. */
	bool lost;
	message_n *live;
	size_t n_live;
	struct seen *seen;
	size_t n_seen;
	struct buf sure; /* the line that must come twice */
	char day[96];    /* that was said last */
	bool clock12;

	struct plain_login {
		char *to, *user; /* owned, or NULL */
		bool insecure;
		bool tried, asking; /* for the password; the next line is it */
	} login;

	bool begun; /* the snapshot came, and what it holds was said */
	bool in_over, quitting, done;
	int status;
	/* when; 0: not */
	int64_t quit_us, show_us;
	struct page page;
};

/* ---- plain.c ---- */
/* Takes what cmd owns. */
void plain_send(struct plain *p, const struct command *cmd, enum why why,
		const char *said);
void plain_quit(struct plain *p);
void plain_whom(struct plain *p); /* makes the prompt */

/* ---- plain_say.c ---- */
PRINTF(2, 3) void plain_say(struct plain *p, const char *fmt, ...);
/* Their name, with the first digits of the key where it is not the only one;
 * harmless. c may be NULL. */
void plain_name(const struct plain *p, char out[static WHOM_MAX],
		const struct contact *c);
void plain_message(struct plain *p, const struct message *m);
void plain_state(struct plain *p, char *out, size_t size, enum delivery d,
		 bool held, const char *error);
void plain_begun(struct plain *p); /* who we are, what waits */
/* Whatever happened, when the model has heard of it. */
void plain_heard(struct plain *p, const struct event *ev);
void plain_page(struct plain *p); /* of `to` came: what was not said of it */
void plain_read(struct plain *p); /* what was written here was heard */
void plain_met(struct plain *p, contact_id c); /* no need to say: online */
void plain_due(struct plain *p, int64_t now_us);
int64_t plain_next_due(const struct plain *p); /* INT64_MAX: none */
bool plain_settling(const struct plain *p); /* words of ours are on their way */
void plain_say_free(struct plain *p);
void plain_peers(struct plain *p, bool online);
void plain_info(struct plain *p, const struct contact *c, const char *number);
void plain_outbox(struct plain *p);
void plain_found(struct plain *p, const struct message *m);

/* ---- plain_login.c ---- */
void plain_login(struct plain *p, const struct parsed *l);
/* It was refused for want of a password, which is asked for. */
bool plain_login_refused(struct plain *p, const char *why);
void plain_login_typed(struct plain *p, struct bytes secret);
void plain_login_free(struct plain *p);

/* ---- plain_line.c ---- */
/* Lines go to c from here on; id: what the next one answers, or zero. */
void plain_open(struct plain *p, contact_id c, struct uuid id);
void plain_typing(struct plain *p); /* the line so far has changed */
void plain_line(struct plain *p, struct bytes s);
void plain_web(struct plain *p); /* a link to the page in the browser */
#endif
