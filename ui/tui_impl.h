#ifndef SOTTO_UI_TUI_IMPL_H
#define SOTTO_UI_TUI_IMPL_H
/* Shared by tui.c (the loop), tui_act.c (what keys do), tui_line.c (what is
 * written, to whom, and commands), tui_over.c (lists in the place of messages).
 */
#include "ui/command.h"
#include "ui/draw.h"
#include "ui/edit.h"
#include "ui/page.h"
#include "ui/text.h"
#include "ui/tui_term.h"
#include "ui/words.h"
#include <stdio.h>
struct client;
struct config;

enum { DRAFT_US = 500000 }; /* a pause, after the last key */
/* One a conversation; that of the open one is in the edit. */
struct draft {
	contact_id with;
	struct buf text;
	size_t cursor;
	struct uuid answers;
	bool untold;  /* the engine does not have it: at the next pause */
	bool unknown; /* ... nor had it ever, so no other screen did */
};

/* What a command of ours will be told for. */
enum why {
	WHY_NOTHING,
	WHY_OPEN,
	WHY_INFO,
	WHY_SAY,
	WHY_SEND,
	WHY_NICK, /* our name was changed: it is asked for */
	WHY_SELF,
	WHY_ALL,
	WHY_DRAFT,
	WHY_FIND,
	WHY_EXPORT,
	WHY_LOGIN,
	WHY_WHERE, /* what stands before a message we know the id of */
	WHY_EDIT   /* taken back to be written anew */
};
struct asked {
	uint64_t ref;
	enum why why;
	contact_id with;
	char said[64]; /* WHY_SAY: what is true when it worked */
};
enum { ASKED_MAX = 64, COMPLETE_MAX = 256 };

enum over {
	OVER_NONE,
	OVER_HELP,
	OVER_PEERS,
	OVER_OUTBOX,
	OVER_TEXT,
	OVER_FOUND,
	OVER_LINKS
};

/* A message that a search found. */
struct found {
	contact_id with;
	message_n n;
};

/* A link as it was last told to the terminal. */
struct linked {
	int y, x;
	unsigned long attr;
	uint64_t what;
};

/* A center, and a password for it as it is typed. */
struct login {
	char *to, *user; /* owned */
	bool insecure;   /* the password may go in the clear */
	bool tried;      /* a password was asked for */
	bool asking;     /* keys go into: */
	struct buf secret;
};

struct tui {
	struct login login;
	struct client *client;
	const struct config *cfg;
	struct model *model;
	struct draw *draw;
	struct edit *edit;
	struct view view;
	struct draft *draft;
	size_t n_draft;
	bool aside;            /* a command stands where the draft stood */
	unsigned drafts_asked; /* of ours, not answered: what is heard is old */
	struct asked asked[ASKED_MAX];
	uint64_t ref;
	contact_id last_open; /* the conversation before this one */
	/* `/r`: who was meant when it was begun; 0: no such line */
	contact_id latch;
	struct uuid latch_id;
	unsigned again;
	bool replied;     /* the last key was a reply */
	bool sure;        /* ... an Enter that must come twice */
	bool plain_meant; /* in this run: to send where all can read it */
	/* what was searched last, newest first; where we are in it */
	struct found *found;
	size_t n_found, at_found;
	uint64_t find_ref;
	char find_title[250], find_words[512];
	bool find_here, find_more; /* in one conversation; there are older */
	message_n find_next;
	size_t find_want;    /* to be opened when its page is there, or 0 */
	struct draft edited; /* a message that is taken back for the line */
	char **url;          /* to choose from */
	size_t n_url;
	/* a program that was given a message; -1: none */
	int pipe_fd;
	pid_t pipe_child;
	int pipe_status;
	bool pipe_unseen; /* it is done; somebody wrote just then */
	uint64_t pipe_keys;
	char pipe_title[100];
	struct buf pipe_out;
	struct linked *linked; /* links that the terminal knows */
	size_t n_linked;
	FILE *export_file; /* a conversation is written into it, or NULL */
	contact_id export_with;
	uint64_t export_ref;
	unsigned n_exported;
	bool ctrl_x;         /* the first of two keys */
	bool seek_painted;   /* where it falls is known when all is painted */
	bool seek_exact;     /* to that very message, and select it */
	struct uuid seek_id; /* ... or to this one */
	bool sought;         /* its page was asked for */
	uint64_t where_ref;
	message_n where; /* the one before it */
	message_n seek;  /* older pages are fetched until it is there; 0: no */
	enum over over;
	enum focus over_from; /* the focus when it came */
	struct buf over_text;
	struct rows over_rows;
	/* completion going round */
	bool completing;
	char complete_what[COMPLETE_MAX];
	size_t complete_from, complete_i;
	bool literal, quitting, done, touched;
	/* The terminal said that nobody looks at it; the mark was made. */
	bool away, away_new;
	int status;
	uint64_t n_keys;
	unsigned empty; /* times in a row that keys were none */
	/* when; 0: not */
	int64_t await_us; /* what a key asked for is painted with its answer */
	int64_t paint_us, painted_us, draft_us, read_us, paste_us, notice_us,
	    bell_us;
	int64_t quit_us, start_us, pipe_us, pipe_began_us;
	bool opened; /* a conversation: the line alone says too little */
	bool dirty, line_dirty;
	unsigned title;
	struct buf paste;
	bool pasting;
	struct page page;
};

int64_t tui_now(void);
void tui_redraw(struct tui *t); /* the terminal's content is not known */
void tui_theme(struct tui *t);  /* takes the colours it has now */
/* Takes what cmd owns. */
void tui_send(struct tui *t, struct command *cmd, enum why why,
	      const char *said);
/* A key asked for what will stand there: nothing is painted before that, for
 * some milliseconds, and then it is at once. */
void tui_await(struct tui *t);
void tui_say(struct tui *t, int level, const char *fmt, ...) PRINTF(3, 4);
/* Opens a conversation: the draft of the one left is kept, its own comes. */
void tui_open(struct tui *t, contact_id c);
void tui_draft_save(struct tui *t);
struct draft *tui_draft_of(struct tui *t, contact_id c);
void tui_draft_heard(struct tui *t, const struct event *ev);
/* The line makes room for a command, and comes back when that is over. */
void tui_draft_aside(struct tui *t);
void tui_draft_back(struct tui *t);
void tui_draft_take(struct tui *t); /* those the snapshot brought */
/* That of c, or, when that is 0, all: the engine may have forgotten them, as it
 * does when something is sent there. At the next pause they are told again. */
void tui_draft_untold(struct tui *t, contact_id c);
/* Somebody is gone; `open`: who was open before. */
void tui_draft_gone(struct tui *t, const struct contact *c, contact_id open);
/* Whom the prompt names: a line may have become `/r`, or be none any more. */
void tui_whom(struct tui *t);
void tui_named(struct tui *t); /* the same one, whose name may be another */
void tui_over(struct tui *t, enum over what, const char *title);
void tui_over_wrap(struct tui *t); /* at the width there is */
void tui_over_close(struct tui *t);
void tui_outbox_list(struct tui *t);
void tui_info(struct tui *t, const struct contact *c, const char *number);
void tui_key(struct tui *t, const struct key *k);
void tui_mouse(struct tui *t, const struct key *k);
void tui_seek(struct tui *t); /* a page came: is it there? */
void tui_quit(struct tui *t);

/* ---- tui_line.c ---- */
void tui_answering(struct tui *t, struct uuid id);
void tui_step(struct tui *t, int by);
void tui_next_unread(struct tui *t);
void tui_focus(struct tui *t, enum focus f);
void tui_reply(struct tui *t);
/* A name as somebody types it: whole, else the only one it begins; 0: none. */
contact_id tui_who(struct tui *t, struct bytes name, bool *several);
/* false: it is too long, and said so. */
bool tui_plain_meant(struct tui *t); /* false: it asks for another Enter */
bool tui_send_text(struct tui *t, contact_id c, struct uuid answers,
		   struct bytes s);
void tui_line_over(struct tui *t); /* the line was sent, or done */

/* ---- tui_slash.c ---- */
void tui_enter(struct tui *t);

/* ---- tui_take.c ---- */
void tui_copy(struct tui *t);
void tui_links(struct tui *t);
void tui_link_open(struct tui *t, size_t i);
bool tui_pipe(struct tui *t, struct bytes command);
void tui_pipe_look(struct tui *t); /* what has it said? */
void tui_pipe_seen(struct tui *t); /* what it has said, if it waits for it */
void tui_pipe_end(struct tui *t);  /* whatever it does */
void tui_pipe_stop(struct tui *t); /* the same, and says so */
void tui_editor(struct tui *t);

/* ---- tui_login.c ---- */
void tui_login(struct tui *t, struct bytes host, struct bytes user);
/* A password may help: it is asked for. */
bool tui_login_refused(struct tui *t, const char *why);
void tui_secret_key(struct tui *t, const struct key *k);
void tui_login_free(struct tui *t);

/* ---- tui_export.c ---- */
bool tui_export(struct tui *t, struct bytes name);
void tui_exported(struct tui *t, const struct message *m); /* one of them */
void tui_export_end(struct tui *t, bool good, bool more, message_n next);

/* ---- tui_find.c ---- */
void tui_find(struct tui *t, struct bytes words, bool here);
void tui_find_other(struct tui *t); /* here or everywhere: the other */
void tui_find_older(struct tui *t); /* the next page of it, if there is one */
void tui_found(struct tui *t, const struct message *m); /* one of them */
/* that was all of a page */
void tui_found_all(struct tui *t, bool more, message_n next);
void tui_found_open(struct tui *t, size_t i); /* goes there */

/* ---- tui_web.c ---- */
void tui_web(struct tui *t);

/* ---- tui_doctor.c ---- */
void tui_doctor(struct tui *t);

/* ---- tui_over.c ---- */
void tui_help(struct tui *t);
void tui_peers(struct tui *t, bool online);
const struct message *tui_selected(struct tui *t);
void tui_details(struct tui *t);
void tui_edit_queued(struct tui *t);
void tui_edited(struct tui *t, bool sent); /* it was taken back */
void tui_parent_at(struct tui *t);
void tui_parent(struct tui *t); /* to what the selected one answers */
void tui_again_or_back(struct tui *t, enum command_kind kind, bool all);
#endif
