#ifndef SOTTO_SRC_CORE_POST_H
#define SOTTO_SRC_CORE_POST_H
#include "proto/letter.h"
#include "src/core_impl.h"
/* What core_post.c (letters) and core_login.c (our own center) share. */
enum {
	PREKEYS_MAX = 8,
	QUESTIONS_OPEN = 16,
	QUESTION_S = 30, /* then it is not waited for any more */
	WANTED_MAX = 16,
	LETTERS_OPEN = 64, /* on their way to a center */
	OWED_MAX = 64,
	POST_PLACES = 6, /* of a center: its nodes */
};

struct own_prekey {
	struct prekey p;
	int64_t made_ms;
	ticket after; /* on the disk with this one */
};

/* A letter whose answer is still to come. */
struct sent_letter {
	uint64_t ref; /* 0: free */
	link_id link;
	struct uuid id;   /* of the message in it; zero: none */
	contact_id hello; /* to whom it is our hello; or 0 */
	int64_t sent_us;
};

/* An ACK that waits until there is a link to its center. */
struct owed {
	contact_id to;
	struct uuid id;
	char stamp[STAMP_MAX + 1];
	int64_t sent_us;
	ticket after;
};

/* What a front end asked, and our center has not answered. */
struct question {
	uint64_t ref; /* 0: free */
	client_id client;
	uint64_t client_ref;
	struct command *held; /* owned: done when its user is known, or NULL */
	struct buf names;     /* of a list, which comes in parts */
	size_t items;         /* and how many they are */
	int64_t until_us;
};

/* Whom we asked for his address, and nobody else, may give it. */
struct wanted {
	char user[65];
	int64_t until_us; /* 0: free */
};

struct post {
	const struct keys *keys;
	struct own_prekey own[PREKEYS_MAX]; /* the newest last */
	size_t n_own;
	struct sent_letter sent[LETTERS_OPEN];
	struct owed owed[OWED_MAX];
	size_t n_owed;
	uint64_t ref;
	struct timer later; /* the center was out of order */
	ticket trim_after;  /* all letters so far are on the disk with it */
	bool behind;        /* one was not taken: no later one is, either */
	int64_t garbage_us; /* when one that cannot be read was spoken of */

	/* core_login.c */
	char user[128]; /* our account, or "" */
	contact_id center;
	char *password;     /* until the log-in, or NULL */
	bool in;            /* logged in there */
	link_id link;       /* by which, or where we ask for it; 0: none yet */
	client_id asked_by; /* CMD_LOGIN, or 0 */
	uint64_t asked_ref;
	uint64_t login_ref;    /* what is not answered yet */
	int64_t login_us;      /* and is not waited for any more then */
	struct timer patience; /* for that, and for what was asked */
	struct question asked[QUESTIONS_OPEN];
	struct wanted wanted[WANTED_MAX];
	int64_t second_us; /* presence said in this second */
	unsigned said, unsaid;
};

void post_say(struct core *c, const struct conn *n, ticket after,
	      struct packet *p);
/* Our bundle, to the center we are logged in at. */
void post_prekey(struct core *c, const struct now *now, const struct conn *n);
void post_letters_go(struct core *c, const struct now *now);
/* The center at n has the letter p answers, or will not. */
void post_stored(struct core *c, const struct now *now, const struct conn *n,
		 const struct packet *p);
/* p is the answer of a center that cannot do it now: it is asked again. */
bool post_later(struct core *c, const struct now *now, const struct packet *p);
void post_mail(struct core *c, const struct now *now, struct conn *n,
	       const struct packet *p);
bool post_ready(const struct who *center); /* there is a link */
/* What is kept of a contact, softly: "bundle", "center", "user". */
void post_note(struct core *c, const struct who *w, const char *what,
	       struct bytes said);
bool post_noted(const struct core *c, const struct who *w, const char *what,
		struct bytes *out);
/* "<64 hex>@host:port", of our center; "": there is none. */
void post_center_text(const struct core *c, char out[static POST_CENTER]);
bool post_key(struct bytes hex, struct pubkey *key);

/* ---- core_login.c ---- */
void login_load(struct core *c, const struct now *now);
void login_free(struct post *t);
void login_up(struct core *c, const struct now *now, struct conn *n);
/* If it was refused for now. */
void login_again(struct core *c, const struct now *now);
void login_down(struct core *c, const struct now *now, const struct conn *n);

/* ---- core_user.c: the people of our center ---- */
/* p's first word, as text. */
const char *center_said(const struct packet *p, char out[static 128]);
/* Somebody of our center, as a peer event has it: contact 0, for he need not
 * be one. False: no key is known, so there is nothing to tell him by. */
bool user_contact(const struct core *c, const char *name, struct bytes key,
		  enum presence p, struct contact *out);
/* Whoever that user is becomes a contact, unless he is one; bundle: of his, as
 * the center has it, or empty. NULL: ourselves, or the disk is full. */
struct who *user_make(struct core *c, const struct now *now, const char *user,
		      const struct pubkey *key, struct bytes bundle);
/* CENTER_ONLINE, CENTER_OFFLINE. */
void user_presence(struct core *c, const struct now *now,
		   const struct packet *p);
/* CENTER_ADR, which is good of whom user_wanted named just before. */
void user_address(struct core *c, const struct now *now,
		  const struct packet *p);
void user_wanted(struct post *t, const struct now *now, const char *user);
#endif
