#ifndef SOTTO_UI_SHELL_H
#define SOTTO_UI_SHELL_H
#include "src/client.h"
#include "src/config.h"
#include "src/lines.h"
/* What the sub-commands share. A sub-command speaks the line protocol with
 * itself: what it asks is a line, what it prints with --json are the lines
 * that come back, and `wait`, time-outs and lost events are lines.c's. */
struct shell {
	struct client *client;
	const struct config *cfg;
	struct lines *lines;
	struct rng rng;
	struct buf out; /* lines that came, not looked at yet */
	int signal_fd;
	bool text; /* for people; else lines of JSON */
	char me[NICK_MAX + 1];

	uint64_t ref;         /* of the last question */
	struct event *answer; /* its result, once there; owned */
	struct buf answer_line;
	int over;   /* -1, or the exit status that ends it now */
	int signal; /* that came, or 0 */

	/* Every line that came, with what it says. */
	void (*hear)(struct shell *s, struct bytes line,
		     const struct event *ev);
	void *state; /* of hear */
};

/* The words after the sub-command: options in any place, then the rest. A
 * value is the next word or stands after "=". */
struct words {
	int argc;
	char **argv;
	const char *value; /* of the option found last */
};
/* Takes the option out and says whether it was there. On a missing value it
 * says so on stderr and sets *bad. */
bool words_flag(struct words *w, const char *name);
bool words_value(struct words *w, const char *name, bool *bad);
bool words_number(struct words *w, const char *name, int64_t max, int64_t *out,
		  bool *bad);
/* No more than max words are left, and no option. Else says what is wrong. */
bool words_end(const struct words *w, int max);

/* ---- asking ---- */
/* Begins a question: an object with cmd and ref, to be filled in and sent. */
void shell_begin(struct shell *s, struct buf *line, const char *cmd);
void shell_ask(struct shell *s, struct buf *line); /* frees it */
/* Until the answer is there (true), until_us (mono), or it is over. */
bool shell_wait(struct shell *s, int64_t until_us);
/* shell_ask, shell_wait; prints a refusal. The exit status. */
int shell_do(struct shell *s, struct buf *line);

/* ---- saying ---- */
void shell_line(struct bytes line); /* on stdout, with its newline */
PRINTF(1, 2) void shell_say(const char *fmt, ...); /* stdout, harmless */
PRINTF(2, 3) int shell_fail(int status, const char *fmt, ...); /* stderr */
/* [2026.11.20 14:02:03] bob: text, and what it answers */
void shell_message(const struct shell *s, const struct event *ev);
const char *shell_name(const struct contact *c);
/* Whether a contact is whom this PEER means, as far as one can see. */
bool shell_is(const struct contact *c, const char *peer);
bool shell_flush(void); /* stdout is written; false: nobody reads it */

/* ---- the larger sub-commands ---- */
int shell_send(struct shell *s, struct words *w);
int shell_recv(struct shell *s, struct words *w);
int shell_tail(struct shell *s, struct words *w);
int shell_exec(struct shell *s, struct words *w); /* run */
int shell_help(const struct config *cfg, struct words *w);
int shell_doctor(const struct config *cfg, struct words *w);
int shell_center(const struct config *cfg, struct words *w);
int shell_complete(const struct config *cfg, struct words *w);
const char *shell_topic(size_t i); /* the i-th topic of help, or NULL */
int shell_web(struct shell *s, struct words *w);
/* The screen (or, with --text or without a terminal, the story) beside an
 * echo in a process of its own. Takes the client over. */
int shell_demo(struct shell *s, struct words *w);

/* Their options, for help and for the man page's test: "send", "--wait" ... */
struct shell_option {
	const char *command;
	struct option_row row;
};
extern const struct shell_option shell_options[]; /* NULL command ends it */
#endif
