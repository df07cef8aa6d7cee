#ifndef SOTTO_SRC_LINES_IMPL_H
#define SOTTO_SRC_LINES_IMPL_H
/* Shared by the files of lines alone:
 *   lines.c         commands on their way, waiting, `all`, what was lost
 *   lines_read.c    a line becomes a command
 *   lines_write.c   an event becomes a line
 *   lines_reply.c   who wrote last
 *   lines_client.c  the other end: commands out, events in */
#include "src/lines.h"
#include "src/lines_json.h"
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

enum wait { WAIT_ACK, WAIT_SENT, WAIT_NONE };

enum stage {
	ASKED,      /* the engine has it */
	WAITING,    /* done, and the state that `wait` names is to come */
	CANCELLING, /* too late: CMD_CANCEL is on its way */
};

/* An `all` on its way: one message each, and what became of them. */
struct all {
	char *text; /* owned */
	bool list;  /* the result names everybody */
	bool again; /* somebody may be missing: ask from the start */
	contact_id *who;
	size_t n, next, open, good;
	enum code bad; /* of the first who did not get it */
	struct buf peers;
};

/* A command without its result. */
struct open {
	uint64_t number; /* 0: a free place */
	uint64_t parent; /* of an `all`; 0: its own */
	char ref[REF_MAX + 1];
	bool has_ref, own; /* own: nobody asked for it */
	enum command_kind kind;
	enum wait wait;
	bool keep;   /* "on_timeout":"queue" */
	bool naming; /* CONNECT: done, and his nickname is to come */
	enum stage stage;
	enum code late;                  /* CANCELLING: why */
	int64_t timeout_us, deadline_us; /* INT64_MAX: none */
	struct uuid id;
	message_n n;
	enum delivery state;
	struct uuid oldest;  /* HISTORY: of the page, for "next" */
	struct contact *who; /* owned or NULL */
	struct all *all;     /* owned or NULL */
};

struct sender {
	contact_id who;
	struct uuid id;
	uint64_t at;
	bool answered;
	char name[NICK_MAX + 1];
};

struct lines {
	/* what came, from `from` on; `over`: in a line that is too long */
	struct buf in;
	size_t from, seen;
	bool over;

	struct open *open;
	size_t n_open, cap_open; /* places, free ones among them */
	size_t n_refs, n_waiting, n_timed;
	size_t n_asked; /* commands that the engine has not answered */
	uint64_t last_number;

	struct command **want;
	size_t n_want;

	struct sender *sender;
	size_t n_senders;
	uint64_t told_count;

	/* What EV_LOST took is read again, a page at a time. */
	struct {
		bool all;   /* lines_replay */
		bool on;    /* reading */
		bool holes; /* rows of the page that comes were lost, too */
		bool asked; /* what was told before the start: known */
		message_n told, at, skipped, skipped_then;
		size_t rows; /* of the page that comes */
		int64_t again_us;
		uint64_t number;
	} replay;
};

static inline bool uuid_none(const struct uuid *id)
{
	static const struct uuid none;

	return memcmp(id, &none, sizeof none) == 0;
}

static inline char *copy_of(const char *s)
{
	return xstrndup((struct bytes){(const uint8_t *)s, strlen(s)});
}

/* ---- lines_read.c ---- */
enum code code_find(const char *word); /* CODE_ERROR: none of ours */
const char *command_word(enum command_kind kind);
bool command_sends(enum command_kind kind);
/* False: refused, `why` says it. Of `to`: ref, kind, wait, keep, timeout. */
bool lines_read(struct json_object *o, struct command *cmd, struct open *to,
		char why[static 256]);
/* The result of a line that was not taken. */
void lines_refuse(struct buf *out, const char *ref, enum code code,
		  const char *why);
void lines_refuse_unread(struct bytes line, const char *why, struct buf *out);

/* ---- lines_write.c ---- */
void lines_begin(struct buf *out, const char *event);
void lines_end(struct buf *out);
void lines_result(struct buf *out, const char *ref, enum code code,
		  const char *text);
void lines_put_ready(const struct event *ev, struct buf *out);
void lines_put_peer(const struct event *ev, struct buf *out);
void lines_put_status(const struct message *m, struct buf *out);
void lines_put_security(const struct event *ev, struct buf *out);
void lines_put_notice(const struct event *ev, struct buf *out);
void lines_put_consent(const struct event *ev, struct buf *out);

/* ---- lines_reply.c ---- */
void lines_sender_note(struct lines *l, const struct message *m,
		       const struct contact *c);
/* Whom a reply without reply_to answers. */
enum code lines_reply_target(struct lines *l, struct command *cmd,
			     char why[static 256]);
#endif
