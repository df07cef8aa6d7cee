#ifndef SOTTO_SRC_BOOTH_IMPL_H
#define SOTTO_SRC_BOOTH_IMPL_H
#include "proto/dialect.h"
#include "src/booth.h"
#include "src/center_password.h"
#include <string.h>
/* What the booth's files share. Thread: the office's. */
enum {
	VISITORS_MAX = 256,
	MEMBERS_MAX = 1024,
	LINES_MAX = MEMBERS_MAX + 256, /* 256 of those who moved */
	FLYING_MAX = 64,               /* dials at a time */
	LINE_MAX = 64,                 /* texts on their way to one */
	ASKS_MAX = 256,
	PEOPLE_MAX = 8192, /* at all nodes */
	TOKEN = 10,        /* hex digits */
	PIECE_MAX = 1200,  /* bytes of a text that are brought at once */
	SOURCES = 256,
	NOTE_FIELDS = 3,
};
#define SECOND_US INT64_C(1000000)
static const int64_t HEY_US = 30 * SECOND_US;      /* a member without a word */
static const int64_t FRAME_US = 10 * SECOND_US;    /* the next frame */
static const int64_t TYPING_US = 120 * SECOND_US;  /* a person types it */
static const int64_t ASLEEP_US = 3600 * SECOND_US; /* a token is good for */

/* A connection that came. */
struct visitor {
	struct visitor *next;
	link_id link;
	struct addr at;
	char source[CENTER_SOURCE_MAX + 1];
	unsigned step; /* enum login */
	unsigned tries;
	int64_t since_us, until_us;     /* in this step; until: 0: no end */
	char user[CENTER_NAME_MAX + 1]; /* "": what he said is no name */
	uint8_t password[PASSWORD_MAX];
	size_t n_password;
	char token[TOKEN + 1];
};

/* Something to be brought to a line; one block of memory. */
struct push {
	struct push *next;
	struct packet p;
	bool keep;     /* a text: it waits in the box if it cannot be brought */
	uint64_t upto; /* these letters are in it; 0: none */
	uint8_t room[];
};

/* The way to where somebody listens, one connection a push, one at a time. */
struct line {
	struct line *next;
	contact_id flight; /* each has its own; 0: none */
	struct addr at;
	char user[CENTER_NAME_MAX + 1];
	struct member *of; /* NULL: he moved; it ends when all is said */
	struct push *first, *last;
	size_t n;
	int64_t since_us;
};

/* A user who logged in here, until he logs out, or in elsewhere. */
struct member {
	char user[CENTER_NAME_MAX + 1], token[TOKEN + 1];
	struct uuid session, box;
	struct addr at;
	struct line *line; /* NULL: he is not here */
	bool here; /* else: nothing was heard of him for long; he may wake */
	bool deaf; /* he could not be reached, and said nothing since */
	bool mail; /* there may be letters that were not read yet */
	bool away; /* ... from before he came */
	uint64_t given;            /* letters: on their way up to here */
	int64_t heard_us, kept_us; /* kept: the session was */
	int64_t some_us;           /* he was told that some did not hear him */
	int64_t count_us;
	unsigned count; /* requests since then */
	char (*blocked)[CENTER_NAME_MAX + 1];
	size_t n_blocked;
};

struct person { /* at some node */
	char user[CENTER_NAME_MAX + 1];
};

struct ask { /* from wants the address of `to` */
	char from[CENTER_NAME_MAX + 1], to[CENTER_NAME_MAX + 1];
	int64_t until_us;
};

struct booth {
	struct center_backend *b;
	char node[CENTER_NODE_MAX + 1];
	struct center_watch watch;
	struct effects *fx;
	struct visitor *visitor;
	size_t n_visitors;
	struct member *member[MEMBERS_MAX];
	size_t n_members;
	struct line *line, *line_last;
	size_t n_lines, n_flying;
	contact_id last_flight;
	struct person *person;
	size_t n_person;
	struct ask ask[ASKS_MAX];
	size_t n_ask;
	struct buf note; /* heard in a tick: u32 length, bytes ... */
	/* passwords looked at, by the digest of a source; halved now and then
	 */
	uint16_t looked[SOURCES];
	int64_t halved_us, look_us; /* look: not before */
	int64_t now_us, now_ms;     /* of this call: mono, wall */
	struct rng rng;
	bool seeded, held;
};

/* ---- booth.c ---- */
void booth_now(struct booth *b, const struct now *now);
void booth_notice(struct booth *b, int level, const char *fmt, ...)
    PRINTF(3, 4);
static inline struct bytes booth_view(const char *s)
{
	return (struct bytes){(const uint8_t *)s, strlen(s)};
}
/* A user's name. False: it is none that can be said here. */
bool booth_name(struct bytes s, char out[static CENTER_NAME_MAX + 1]);
/* At some node; here: a member who is. */
bool booth_online(const struct booth *b, const char *user);
struct member *booth_here(const struct booth *b, const char *user);

/* ---- booth_line.c ---- */
/* NULL: too many. */
struct line *line_new(struct booth *b, const struct addr *at,
		      struct member *of);
/* False: it has too many already, or that cannot be said. */
bool line_put(struct booth *b, struct line *l, const struct packet *p,
	      bool keep, uint64_t upto);
/* Now; texts are kept, also one that may have arrived. */
void line_end(struct booth *b, struct line *l);
/* Its member is elsewhere: at most `last` is said there, which may be NULL. */
void line_leave(struct booth *b, struct line *l, const struct packet *last);
void line_landed(struct booth *b, contact_id flight, link_id link);
void line_missed(struct booth *b, contact_id flight);
void line_tick(struct booth *b);

/* ---- booth_login.c ---- */
void visitor_close(struct booth *b, struct visitor *v);
void login_hear(struct booth *b, struct visitor *v, const struct packet *p);
void login_look(struct booth *b); /* at a password that waits */
bool login_waits(const struct booth *b);
void source_of(const struct addr *at, char out[static CENTER_SOURCE_MAX + 1]);

/* ---- booth_member.c ---- */
/* He is logged in. False: it could not be done. */
bool member_enter(struct booth *b, const struct visitor *v, uint16_t port);
struct member *member_find(const struct booth *b, const char *user);
/* A word of his was heard: he is awake. False: he is logged in elsewhere, and a
 * member no more. */
bool member_heard(struct booth *b, struct member *m);
void member_leave(struct booth *b, struct member *m, bool moved);
void member_moved(struct booth *b, const char *user,
		  const struct uuid *session);
void member_tick(struct booth *b);
bool member_blocks(const struct member *m, const char *who);
void member_knows(struct member *m, const struct center_acct *a); /* blocks */
/* Brings m a word with a name in it, or none; not when he is not here. */
void member_tell(struct booth *b, struct member *m, enum center_verb verb,
		 const char *who);
PRINTF(3, 4)
void member_say(struct booth *b, struct member *m, const char *fmt, ...);

/* ---- booth_talk.c ---- */
void talk_message(struct booth *b, struct member *m, const struct packet *p);
void talk_broadcast(struct booth *b, struct member *m, const struct packet *p);
/* To all who are here and do not block him. */
void talk_heard(struct booth *b, const char *from, struct bytes text);
struct uuid talk_box(const char *user);
/* A text that could not be brought is kept, and its writer is told so. */
void talk_missed(struct booth *b, const char *to, const struct packet *p);
/* Letters that wait for m; those it brought are gone. */
void talk_mail(struct booth *b, struct member *m);
void talk_taken(struct booth *b, const char *user, uint64_t upto);
void talk_again(struct member *m); /* they did not arrive */

/* ---- booth_folk.c ---- */
void folk_online(struct booth *b, struct member *m);
void folk_get(struct booth *b, struct member *m, link_id link,
	      const struct packet *p);
void folk_allow(struct booth *b, struct member *m, const struct packet *p);
void folk_block(struct booth *b, struct member *m, const struct packet *p);
void folk_presence(void *ctx, const char *user, const char *node);
/* Does user block who? He may be at another node, or at none. ERR_ABSENT: there
 * is no such user. */
enum err folk_blocks(struct booth *b, const char *user, const char *who,
		     bool *blocks) MUST_USE;

/* Between nodes, and to ourselves; a hint, which may be lost. */
struct node_word {
	char field[NOTE_FIELDS][CENTER_NAME_MAX + 1];
	struct bytes text;
};
void nodes_tell(struct booth *b, const char *what, const char *x, const char *y,
		struct bytes text);
void nodes_heard(void *ctx, struct bytes s); /* of the backend */
void nodes_obey(struct booth *b);
#endif
