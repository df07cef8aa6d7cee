#ifndef SOTTO_UI_WEB_H
#define SOTTO_UI_WEB_H
/* What the files of sotto-web share:
 *   web.c        the loop, the engine at the other end of control.sock
 *   web_http.c   HTTP
 *   web_guard.c  who may ask
 *   web_api.c    requests become commands, results become answers
 *   web_events.c the streams of events
 * All of it is one thread that waits in one place, web.c's poll. */
#include "src/event.h"
#include "src/lines.h"
#include "ui/web_http.h"
struct client;

enum {
	ASKS_MAX = 64,
	PAGES_MAX = 4, /* on their way at a time: more overflow our queue */
	SUBS_MAX = HTTP_STREAMS,
	ANSWER_US = 10000000,  /* for the engine's result */
	CONNECT_US = 35000000, /* for one that dials */
	AGAIN_US = 50000,      /* the engine, or a reader, took no more */
};

enum what {
	ASK_DONE,   /* one result */
	ASK_ROWS,   /* items, then a result: a page */
	ASK_SELF,   /* who we are, and then ... */
	ASK_PEERS,  /* ... everybody, page by page */
	ASK_NEWEST, /* ours: the newest message there is */
	ASK_SINCE,  /* a stream's: what it missed */
};

/* A command without its result. */
struct ask {
	uint64_t ref; /* 0: a free place */
	enum what what;
	struct request *to; /* or NULL */
	struct sub *sub;    /* ASK_SINCE; NULL: it is gone */
	bool waits;         /* not asked yet: there are enough questions */
	int64_t until_us;
	struct buf rows; /* the answer, as far as it is there */
	struct uuid first;
	message_n newest;
	bool holes;         /* rows of this page were dropped: ask again */
	struct command cmd; /* what is asked for rows; its texts are owned */
	size_t before;      /* of rows, when that was asked */
};

/* A page that listens. */
struct sub {
	struct stream *stream; /* NULL: a free place */
	message_n last;        /* told so far; -1: from now on */
	bool begun;            /* it heard `ready` from this engine */
	bool behind;           /* there is something it missed ... */
	bool asked;            /* ... and a page of it is on its way */
	bool lost;             /* since it was asked for, more of it */
	unsigned pages;
	int64_t again_us; /* not before */
};

struct site {
	struct http *http;
	const char *control;   /* path of the socket */
	struct client *client; /* NULL: there is no engine */
	struct lines *lines;   /* writes events */
	struct rng rng;
	struct buf ready;  /* the line of EV_READY; empty: not yet */
	message_n newest;  /* -1: not known yet */
	message_n heard;   /* of those that came meanwhile */
	int64_t newest_us; /* when it is asked for, again */
	struct ask ask[ASKS_MAX];
	uint64_t ref;
	struct sub sub[SUBS_MAX];
	int64_t redial_us, beat_us;
	bool stop; /* somebody signed in said so */
};

/* ---- web_api.c ---- */
void api_request(struct site *s, struct request *r);
/* Takes what cmd owns. False: the engine takes no more; a->to was told. */
bool api_ask(struct site *s, struct ask *a, struct command *cmd);
struct ask *api_place(struct site *s, enum what what, int64_t within_us);
void api_free(struct ask *a);
void api_item(struct site *s, const struct event *ev);
void api_result(struct site *s, const struct event *ev);
void api_holes(struct site *s); /* events were dropped, rows among them */
void api_tick(struct site *s, int64_t now_us); /* what took too long */
void api_lost(struct site *s);                 /* the engine is gone */
int64_t api_deadline(const struct site *s);

/* ---- web_events.c ---- */
void events_begin(struct site *s, struct request *r);
/* To everybody who listens. */
void events_tell(struct site *s, const struct event *ev);
void events_known(struct site *s); /* s->newest is known */
void events_missed(struct site *s, struct sub *sub, const struct event *ev);
/* That was the page; more: there is another. */
void events_caught_up(struct site *s, struct sub *sub, bool good, bool more);
void events_gone(struct site *s); /* the engine */
void events_turn(struct site *s, int64_t now_us);
int64_t events_deadline(const struct site *s);
void events_close(struct site *s);
#endif
