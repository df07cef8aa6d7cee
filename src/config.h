#ifndef SOTTO_SRC_CONFIG_H
#define SOTTO_SRC_CONFIG_H
#include "proto/packet.h"
/* Options of the command line, the environment and config.ini in one struct;
 * files in their XDG folders. Read-only after config_load, so any
 * thread may look at it. */
enum switch3 { SW_AUTO, SW_ON, SW_OFF };
enum discover { DISCOVER_ALL, DISCOVER_OFF };
enum trust_new { TRUST_ASK, TRUST_ACCEPT, TRUST_REFUSE, TRUST_DEFAULT };
enum history { HISTORY_FOREVER, HISTORY_OFF };
enum log_mode { LOG_ON, LOG_FULL, LOG_OFF };
enum theme { THEME_DARK, THEME_LIGHT, THEME_CONTRAST, THEME_NONE };
enum notify { NOTIFY_ON, NOTIFY_MENTIONS, NOTIFY_OFF };
enum run_mode {
	RUN_SCREEN,
	RUN_PLAIN,
	RUN_HEADLESS,
	RUN_COMMAND,
	RUN_HELP,
	RUN_VERSION
};

/* What the screen alone cares about; /set changes it while it runs. */
struct screen_config {
	bool bell, title, clock12, mouse, links;
	enum theme theme;
	enum notify notify;
};

/* A listener for a plain dialect. */
struct listen_at {
	const char *dialect; /* its name, static */
	struct addr at;
};
enum { LISTEN_MAX = 8 };

struct config {
	enum run_mode mode;
	char *home;     /* --home, or NULL: XDG */
	char *profile;  /* "default" */
	bool ephemeral; /* everything in a temporary folder, removed at end */
	char nick[NICK_MAX + 1];
	int port;    /* as asked; -1: 6327 and the next that is free */
	char *bind;  /* listening address, "::" */
	bool listen; /* false: a sub-command that only dials */
	struct listen_at plain[LISTEN_MAX];
	size_t n_plain;
	struct listen_at pushes; /* center-port; dialect NULL: none */
	bool plain_on_network;   /* they may be more than loopback */
	bool json_claimed;       /* document 003: ACKs go where the JSON says */
	enum discover discover;
	bool discover_given; /* asked for, not the default of the mode */
	bool web;            /* the page in the browser */
	int web_port;        /* as asked; -1: 5081 and the next that is free */
	bool page_odd;       /* interface-* asks for what is not done ... */
	bool page_told;      /* ... and the one notice said so */
	enum trust_new trust_new;
	enum history history;
	enum log_mode log;
	enum switch3 color, output; /* output: SW_ON is --json, SW_OFF --text */
	bool stay;
	struct screen_config screen;
	int screen_rows, screen_cols; /* --screen; 0: there is a terminal */
	char *keys_file;              /* --keys, or NULL */
	char language[8];             /* "", or that of the interface */
	int verbose;                  /* -q: -1, -v: 1 */
	bool center, center_open;     /* sotto center; accounts = open */
	bool center_plain;            /* `center add --plain` and the like */
	bool relay;                   /* who cannot be dialled is met there */
	struct addr relay_at;         /* ... also from other nodes, or zero */
	char *center_store;           /* --backend, or center.db */
	char center_node[33];         /* "": another name at each start */
	char *center_addresses;       /* of all nodes, for people; or NULL */
	/* `center`, `user`: where to log in at the start; NULL: as it was */
	char *login_at, *login_user;
	char *ready_file; /* or NULL */
	char *peers_file; /* path */

	/* Where things are; absolute, owned. */
	char *
	    config_path; /* config.ini, or Config.ini when only that is there */
	char *data_dir, *identity_path, *store_path, *lock_path;
	char *log_path;
	char *run_dir, *control_path;
	char *made_dir; /* --ephemeral: our temporary folder, or NULL */
	int made_lock;  /* in it, as long as it is ours */

	char **warning; /* about config.ini: unknown keys and the like */
	size_t n_warnings;
	/* What ends every command but `doctor`, which shall tell of it: one
	 * line each. What could be read beside it is obeyed. */
	char **trouble;
	size_t n_trouble;

	/* The sub-command and what follows it, NULL at the end; borrowed from
	 * argv. Our options are taken out wherever they stand before "--";
	 * what we do not know is left to the sub-command, and so are the first
	 * "--" behind it and all that follows. */
	char **argv;
	int argc;
};

/* Reads options, environment, file, in this order of weight; makes the
 * folders (0700), but none for --help, --version and `help`. Reorders argv. On
 * error `why` says it in one line with file and line, or the option, and
 * *exit_code is 2 (usage), 10 (configuration) or 1. config_free in any case. */
enum err config_load(struct config *c, int argc, char **argv, int *exit_code,
		     char why[static 256]) MUST_USE;
void config_free(struct config *c); /* removes an ephemeral home */
/* Writes key = value into config.ini, where all else stays as it is; a crash
 * leaves the old file or the new one. c is not changed. One thread at a time.
 * ERR_PARSE: no such key, not a value of it; `why` says it in one line. */
enum err config_save(const struct config *c, const char *key, const char *value,
		     char why[static 256]) MUST_USE;

/* Sets `key` in s. ERR_STATE: it is no key of the screen's alone; ERR_PARSE:
 * not a value of it, `why` says it in one line. */
enum err config_screen(struct screen_config *s, const char *key,
		       const char *value, char why[static 256]) MUST_USE;

/* The tables that --help, `sotto help options` and the man page's test share.
 * Names as one types them, with their dashes. NULL name ends it. */
struct option_row {
	const char *name, *arg, *help;
};
extern const struct option_row config_options[], config_keys[];
extern const struct option_row config_environment[], config_exits[];

/* Sub-commands; what they do is ui/shell.c's. NULL name ends it. */
struct command_row {
	const char *name, *arg, *help;
	/* Without a running engine it starts its own, which takes messages
	 * when: */
	enum { LISTEN_NEVER, LISTEN_FOLLOW, LISTEN_ALWAYS } listen; /* -f */
	/* needs no identity and no engine: shell_run(NULL, ...); of `center`,
	 * with words behind it */
	bool bare;
};
extern const struct command_row config_commands[];
const struct command_row *config_command(const char *name); /* or NULL */
#endif
