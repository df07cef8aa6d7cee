#ifndef SOTTO_UI_COMMAND_H
#define SOTTO_UI_COMMAND_H
#include "src/event.h"
/* What a line means, and what a key does. Help, the man page's test and what
 * is obeyed come from the same two tables. */

enum slash {
	SL_HELP,
	SL_MSG,
	SL_REPLY,
	SL_ALL,
	SL_CONNECT,
	SL_CHAT,
	SL_PEERS,
	SL_WHO,
	SL_NICK,
	SL_OUTBOX,
	SL_FIND,
	SL_RETRY,
	SL_CANCEL,
	SL_VERIFY,
	SL_TRUST,
	SL_BLOCK,
	SL_UNBLOCK,
	SL_FORGET,
	SL_RENAME,
	SL_INFO,
	SL_ME,
	SL_PIPE,
	SL_SEND,
	SL_EXPORT,
	SL_LOGIN,
	SL_LOGOUT,
	SL_ONLINE,
	SL_BROADCAST,
	SL_GETADDRESS,
	SL_ALLOW,
	SL_SET,
	SL_WEB,
	SL_DOCTOR,
	SL_QUIT
};
enum args {
	ARGS_NONE,
	ARGS_PEER,       /* a PEER, or nobody: the open conversation */
	ARGS_PEER_MUST,  /* a PEER */
	ARGS_PEER_TEXT,  /* a PEER and perhaps a text */
	ARGS_TEXT,       /* all the rest */
	ARGS_HOST_PORT,  /* two words */
	ARGS_NAME,       /* a name */
	ARGS_NAME_MAYBE, /* a name, or none */
	ARGS_NAME_VALUE, /* a name, perhaps a value */
};
struct slash_row {
	const char *name; /* without the slash; NULL ends the table */
	const char *args; /* as shown; may be "" */
	const char *help;
	enum slash kind;
	enum args takes;
};
extern const struct slash_row command_rows[];

enum line {
	LINE_EMPTY,
	LINE_TEXT,    /* text: what to send, a leading `//` made `/` */
	LINE_SLASH,   /* row, and its words */
	LINE_UNKNOWN, /* no such command: near[] */
	LINE_UNCLEAR, /* a prefix of several: near[] */
	LINE_USAGE,   /* row: words are missing or too many */
};
enum { NEAR_MAX = 3 };
struct parsed {
	enum line line;
	const struct slash_row *row;
	struct bytes peer; /* first word where one is a PEER, HOST or NAME */
	struct bytes text; /* the rest: TEXT, PORT, VALUE */
	bool save;         /* /set -s: in config.ini, too */
	const struct slash_row *near[NEAR_MAX]; /* nearest first; NULL */
};
/* The result borrows from s. Any clear prefix of a name is that name. */
void command_parse(struct bytes s, struct parsed *out);
/* The slash command that s begins with as soon as it is clear, or NULL. */
const struct slash_row *command_begun(struct bytes s);
/* What the engine is asked; false: this one is the front end's own. `open` is
 * who is meant when nobody is named. Strings are owned by out. */
bool command_build(const struct parsed *p, contact_id open,
		   struct command *out);
/* Takes the word "insecure" off the end of a /login's USER: the password may
 * go to a center of document 002 that is not on this machine. */
bool command_insecure(struct bytes *user);
/* The i-th command whose name begins with `prefix`, or NULL. */
const struct slash_row *command_match(struct bytes prefix, size_t i);

/* Keys by name: "a", "Ctrl-A", "Alt-a", "F1", "PgUp", "Enter". */
enum action {
	ACT_NONE,
	ACT_REPLY,
	ACT_NEXT,
	ACT_PREV,
	ACT_NTH,
	ACT_LAST,
	ACT_UNREAD,
	ACT_DOWN,
	ACT_UP,
	ACT_OPEN,
	ACT_PAGE_UP,
	ACT_PAGE_DOWN,
	ACT_TOP,
	ACT_BOTTOM,
	ACT_FIRST_NEW,
	ACT_SLASH,
	ACT_SEARCH,
	ACT_FOUND_NEXT,
	ACT_FOUND_BACK,
	ACT_NEWLINE,
	ACT_COMPLETE,
	ACT_COMPLETE_BACK,
	ACT_FOCUS,
	ACT_INPUT,
	ACT_LEAVE,
	ACT_CLEAR,
	ACT_DETAILS,
	ACT_COPY,
	ACT_URL,
	ACT_PIPE,
	ACT_PARENT,
	ACT_EDIT,
	ACT_OUTBOX,
	ACT_ZOOM,
	ACT_HELP,
	ACT_ACCEPT,
	ACT_BLOCK,
	ACT_RETRY,
	ACT_CANCEL,
	ACT_REDRAW,
	ACT_SUSPEND,
	ACT_QUIT,
	/* the line */
	ACT_SEND,
	ACT_LITERAL,
	ACT_EDITOR,
	ACT_HOME,
	ACT_END,
	ACT_LEFT,
	ACT_RIGHT,
	ACT_WORD_LEFT,
	ACT_WORD_RIGHT,
	ACT_DELETE,
	ACT_BACKSPACE,
	ACT_KILL_BLANK,
	ACT_KILL_BACK,
	ACT_KILL_WORD,
	ACT_KILL_END,
	ACT_KILL_START,
	ACT_YANK,
	ACT_YANK_POP,
	ACT_TRANSPOSE,
	ACT_UNDO,
	ACT_OLDER,
	ACT_NEWER,
	ACT_FIND
};
struct key_row {
	enum action action;
	const char *input; /* keys in input focus, blanks between, or "" */
	const char *list;  /* keys in messages and peers focus, or "" */
	const char *slash; /* the command that does the same, or "" */
	const char *help;  /* NULL ends the table */
};
extern const struct key_row key_rows[];
enum action key_action(const char *key, bool input);
#endif
