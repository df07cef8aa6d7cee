#include "src/config.h"
#include "src/folders.h"
#include <errno.h>
#include <ini.h>
#include <limits.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	FILE_MAX = 65536,   /* bytes of config.ini */
	LINE_MAX_INI = 190, /* the library cuts at 200 without a word */
	WARNINGS_MAX = 32,
	EXIT_USAGE = 2,
	EXIT_CONFIG = 10,
	PORT_LOW = 1024, /* 003: "puerto alto (> 1023)" */
	NICK_CHARACTERS = 32,
	REASON = 160,
};

/* ---- what people read; help, man page and the tests come from here ---- */

const struct option_row config_options[] = {
    {"--home", "DIR", "everything of this identity in one folder"},
    {"--profile", "NAME", "a second identity beside the first"},
    {"--ephemeral", NULL, "a throw-away identity, removed at the end"},
    {"--nick", "NAME", "nickname; else `nickname` in config.ini, else $USER"},
    {"--port", "N", "listening port, 0: any; else 6327 and the next free"},
    {"--bind", "ADDR", "listening address; :: is all, IPv4 too"},
    {"--discover", "all|off", "tell the local network that we are here"},
    {"--no-discover", NULL, "the same as --discover off"},
    {"--headless", NULL, "no screen: JSON lines on stdin and stdout"},
    {"--stay", NULL, "headless: go on after the end of input"},
    {"--ready-file", "FILE", "headless: write the ready event there"},
    {"--json", NULL, "sub-commands print JSON lines, also on a terminal"},
    {"--text", NULL, "sub-commands print text, also into a pipe"},
    {"--trust-new", "ask|accept|refuse", "a key never seen before"},
    {"--color", "auto|never|always", "NO_COLOR and TERM=dumb mean never"},
    {"-q", NULL, "less on stderr"},
    {"-v", NULL, "more on stderr"},
    {"--help", NULL, "a page of help"},
    {"--version", NULL, "the version, and those of the libraries"},
    {0},
};

const struct option_row config_keys[] = {
    {"nickname", "NAME", "as --nick"},
    {"port", "N", "as --port"},
    {"bind", "ADDR", "as --bind"},
    {"discover", "all|off", "as --discover"},
    {"trust-new", "ask|accept|refuse", "as --trust-new"},
    {"peers-file", "FILE", "peers to dial at start, else peers.txt"},
    {"log", "on|full|off", "log.txt; full: with the texts"},
    {"history", "forever|off", "whether messages are kept"},
    {"bell", "on|off", "ring for messages that are not in view"},
    {"clock", "24|12", "how the screen writes the time"},
    {"color", "auto|never|always", "as --color"},
    {"title", "on|off", "set the terminal's title"},
    {"interface-port", "N", "read; the page in the browser comes later"},
    {"interface-local", "on|off", "read; the page comes later"},
    {"interface-folder", "DIR", "read; the page comes later"},
    {0},
};

const struct option_row config_environment[] = {
    {"SOTTO_HOME", "DIR", "as --home"},
    {"SOTTO_PROFILE", "NAME", "as --profile"},
    {"SOTTO_PORT", "N", "as --port"},
    {"PORT", "N", "the same, when SOTTO_PORT is not set"},
    {"NO_COLOR", NULL, "not empty: no colours"},
    {"TERM", NULL, "the terminal; dumb: no colours"},
    {"USER", NULL, "the nickname when nothing else gives one"},
    {"TMPDIR", "DIR", "where --ephemeral makes its folder"},
    {"XDG_CONFIG_HOME", "DIR", "config.ini and peers.txt are in sotto/"},
    {"XDG_DATA_HOME", "DIR", "identity, sotto.db and lock"},
    {"XDG_STATE_HOME", "DIR", "log.txt"},
    {"XDG_RUNTIME_DIR", "DIR", "control.sock"},
    {0},
};

const struct option_row config_exits[] = {
    {"0", NULL, "done: acknowledged, received, what was asked for"},
    {"1", NULL, "an error inside sotto"},
    {"2", NULL, "usage, no terminal, too long, or no ACK possible"},
    {"3", NULL, "no ACK in time; it will not be sent again"},
    {"4", NULL, "refused by the peer"},
    {"5", NULL, "identity: key changed, or not trusted"},
    {"6", NULL, "peer unknown, ambiguous or unreachable"},
    {"7", NULL, "partly: some recipients acknowledged"},
    {"8", NULL, "queued: stays in the outbox (--queue)"},
    {"9", NULL, "the identity is in use"},
    {"10", NULL, "configuration error; file and line are printed"},
    {"130", NULL, "interrupted"},
    {0},
};

const struct command_row config_commands[] = {
    {"send", "PEER [TEXT|-]", "one message, then wait for its ACK",
     LISTEN_NEVER, false},
    {"recv", NULL, "print messages as they come", LISTEN_ALWAYS, false},
    {"tail", "[PEER]", "the stored conversation", LISTEN_FOLLOW, false},
    {"run", "[--to PEER] -- CMD...", "run CMD and send how it ended",
     LISTEN_NEVER, false},
    {"peers", NULL, "who is known, and who is there", LISTEN_NEVER, false},
    {"id", NULL, "who we are and the address to tell others", LISTEN_NEVER,
     false},
    {"outbox", NULL, "what is not acknowledged yet", LISTEN_NEVER, false},
    {"connect", "ADDR", "add and dial a peer", LISTEN_NEVER, false},
    {"trust", "PEER", "accept the key it has now", LISTEN_NEVER, false},
    {"block", "PEER", "hear nothing of it", LISTEN_NEVER, false},
    {"unblock", "PEER", "hear it again", LISTEN_NEVER, false},
    {"demo", NULL, "the screen, and an echo that answers", LISTEN_ALWAYS,
     false},
    {"help", "[TOPIC]", "options, keys, commands, exit, config", LISTEN_NEVER,
     true},
    {0},
};

const struct command_row *config_command(const char *name)
{
	for (const struct command_row *r = config_commands; r->name; r++)
		if (!strcmp(r->name, name))
			return r;
	return NULL;
}

/* ---- values ---- */

static struct bytes view(const char *s)
{
	return (struct bytes){(const uint8_t *)s, strlen(s)};
}

/* What somebody typed, short and harmless, for an error message. */
static void quoted(char out[static 64], const char *s)
{
	struct buf clean = {0};
	struct bytes all = view(s);
	size_t n = utf8_cut(all, 48);

	text_clean(&clean, (struct bytes){all.p, n});
	buf_printf(&clean, n < all.n ? "..." : "");
	snprintf(out, 64, "%.*s",
		 (int)utf8_cut((struct bytes){clean.p, clean.n}, 63),
		 (const char *)clean.p);
	buf_free(&clean);
}

static enum err bad(char why[static REASON], const char *want,
		    const char *value)
{
	char shown[64];

	quoted(shown, value);
	snprintf(why, REASON, "%s, not \"%s\"", want, shown);
	return ERR_PARSE;
}

static void replace(char **at, const char *value)
{
	char *copy = xstrndup(view(value));

	free(*at);
	*at = copy;
}

static bool among(const char *value, const char *const *words, int *found)
{
	for (int i = 0; words[i]; i++) {
		if (strcmp(words[i], value))
			continue;
		*found = i;
		return true;
	}
	return false;
}

static enum err yes_or_no(bool *at, const char *value, char *why)
{
	static const char *const words[] = {"off",  "on", "no", "yes", "false",
					    "true", "0",  "1",  NULL};
	int i;

	if (!among(value, words, &i))
		return bad(why, "on or off", value);
	*at = i % 2;
	return OK;
}

static bool number(const char *s, long low, long high, long *n)
{
	char *end;

	if (*s < '0' || *s > '9' || strlen(s) > 9)
		return false;
	*n = strtol(s, &end, 10);
	return !*end && *n >= low && *n <= high;
}

static bool port_ok(const char *s, long *n)
{
	return number(s, 0, UINT16_MAX, n) && (!*n || *n >= PORT_LOW);
}

static size_t characters(struct bytes s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += (s.p[i] & 0xC0) != 0x80;
	return n;
}

static bool nick_ok(const char *s)
{
	struct bytes all = view(s);
	struct buf clean = {0};

	if (!all.n || all.n > NICK_MAX || !utf8_ok(all) ||
	    characters(all) > NICK_CHARACTERS || *s == ' ' ||
	    s[all.n - 1] == ' ')
		return false;
	text_clean(&clean, all);

	bool same = clean.n == all.n && !memcmp(clean.p, all.p, all.n);

	buf_free(&clean);
	return same;
}

static bool profile_ok(const char *s)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789-_.";

	return *s && *s != '.' && *s != '-' && strlen(s) <= 64 &&
	       !s[strspn(s, allowed)];
}

/* ---- settings: one setter for an option, a key and a variable ---- */

typedef enum err setter(struct config *c, const char *value, char *why);

static enum err set_home(struct config *c, const char *value, char *why)
{
	if (!*value || strlen(value) >= PATH_MAX)
		return bad(why, "a folder", value);
	replace(&c->home, value);
	return OK;
}

static enum err set_profile(struct config *c, const char *value, char *why)
{
	if (!profile_ok(value))
		return bad(why, "a name of letters, digits, - _ and .", value);
	replace(&c->profile, value);
	return OK;
}

static enum err set_ephemeral(struct config *c, const char *value, char *why)
{
	(void)value, (void)why;
	c->ephemeral = true;
	return OK;
}

static enum err set_nick(struct config *c, const char *value, char *why)
{
	if (!nick_ok(value))
		return bad(why, "a name of 1 to 32 plain characters", value);
	snprintf(c->nick, sizeof c->nick, "%s", value);
	return OK;
}

static enum err set_port(struct config *c, const char *value, char *why)
{
	long n;

	if (!port_ok(value, &n))
		return bad(why, "a port is 0 or 1024 to 65535", value);
	c->port = (int)n;
	return OK;
}

static enum err set_bind(struct config *c, const char *value, char *why)
{
	uint8_t ip[16];

	if (!ip_parse(view(value), ip))
		return bad(why, "an address in numbers, as :: or 127.0.0.1",
			   value);
	replace(&c->bind, value);
	return OK;
}

static enum err set_discover(struct config *c, const char *value, char *why)
{
	if (!strcmp(value, "contacts"))
		return bad(why, "all or off in this version", value);
	if (!strcmp(value, "all"))
		c->discover = DISCOVER_ALL;
	else if (!strcmp(value, "off"))
		c->discover = DISCOVER_OFF;
	else
		return bad(why, "all or off", value);
	c->discover_given = true;
	return OK;
}

static enum err set_no_discover(struct config *c, const char *value, char *why)
{
	(void)value;
	return set_discover(c, "off", why);
}

static enum err set_trust_new(struct config *c, const char *value, char *why)
{
	static const char *const words[] = {
	    [TRUST_ASK] = "ask",
	    [TRUST_ACCEPT] = "accept",
	    [TRUST_REFUSE] = "refuse",
	    NULL,
	};
	int i;

	if (!among(value, words, &i))
		return bad(why, "ask, accept or refuse", value);
	c->trust_new = (enum trust_new)i;
	return OK;
}

static enum err set_history(struct config *c, const char *value, char *why)
{
	static const char *const words[] = {
	    [HISTORY_FOREVER] = "forever",
	    [HISTORY_OFF] = "off",
	    NULL,
	};
	int i;

	if (!among(value, words, &i))
		return bad(why, "forever or off", value);
	c->history = (enum history)i;
	return OK;
}

static enum err set_log(struct config *c, const char *value, char *why)
{
	static const char *const words[] = {
	    [LOG_ON] = "on", [LOG_FULL] = "full", [LOG_OFF] = "off", NULL};
	int i;

	if (!among(value, words, &i))
		return bad(why, "on, full or off", value);
	c->log = (enum log_mode)i;
	return OK;
}

static enum err set_color(struct config *c, const char *value, char *why)
{
	static const char *const words[] = {
	    [SW_AUTO] = "auto", [SW_ON] = "always", [SW_OFF] = "never", NULL};
	int i;

	if (!among(value, words, &i))
		return bad(why, "auto, never or always", value);
	c->color = (enum switch3)i;
	return OK;
}

static enum err set_clock(struct config *c, const char *value, char *why)
{
	if (strcmp(value, "24") && strcmp(value, "12"))
		return bad(why, "24 or 12", value);
	c->clock12 = value[0] == '1';
	return OK;
}

static enum err set_bell(struct config *c, const char *value, char *why)
{
	return yes_or_no(&c->bell, value, why);
}

static enum err set_title(struct config *c, const char *value, char *why)
{
	return yes_or_no(&c->title, value, why);
}

static enum err set_peers_file(struct config *c, const char *value, char *why)
{
	const char *slash = strrchr(c->config_path, '/');
	struct buf path = {0};

	if (!*value)
		return bad(why, "a file", value);
	if (*value != '/') /* beside the file that names it */
		buf_printf(&path, "%.*s/", (int)(slash - c->config_path),
			   c->config_path);
	buf_printf(&path, "%s", value);
	replace(&c->peers_file, (const char *)path.p);
	buf_free(&path);
	return OK;
}

static enum err set_ready_file(struct config *c, const char *value, char *why)
{
	if (!*value || strlen(value) >= PATH_MAX)
		return bad(why, "a file", value);
	replace(&c->ready_file, value);
	return OK;
}

static enum err set_json(struct config *c, const char *value, char *why)
{
	(void)value, (void)why;
	c->output = SW_ON;
	return OK;
}

static enum err set_text(struct config *c, const char *value, char *why)
{
	(void)value, (void)why;
	c->output = SW_OFF;
	return OK;
}

static enum err set_headless(struct config *c, const char *value, char *why)
{
	(void)value, (void)why;
	c->mode = RUN_HEADLESS;
	return OK;
}

static enum err set_stay(struct config *c, const char *value, char *why)
{
	(void)value, (void)why;
	c->stay = true;
	return OK;
}

static enum err set_quiet(struct config *c, const char *value, char *why)
{
	(void)value, (void)why;
	c->verbose = -1;
	return OK;
}

static enum err set_verbose(struct config *c, const char *value, char *why)
{
	(void)value, (void)why;
	c->verbose = 1;
	return OK;
}

static enum err set_help(struct config *c, const char *value, char *why)
{
	(void)value, (void)why;
	c->mode = RUN_HELP;
	return OK;
}

static enum err set_version(struct config *c, const char *value, char *why)
{
	(void)value, (void)why;
	if (c->mode != RUN_HELP)
		c->mode = RUN_VERSION;
	return OK;
}

/* 004: the keys of the page in the browser, which comes later. */
static enum err set_interface_port(struct config *c, const char *value,
				   char *why)
{
	long n;

	(void)c;
	if (!port_ok(value, &n))
		return bad(why, "a port is 0 or 1024 to 65535", value);
	return OK;
}

static enum err set_interface_local(struct config *c, const char *value,
				    char *why)
{
	bool any;

	(void)c;
	return yes_or_no(&any, value, why);
}

static enum err set_interface_folder(struct config *c, const char *value,
				     char *why)
{
	(void)c;
	return *value ? OK : bad(why, "a folder", value);
}

static const struct setting {
	const char *option; /* or NULL */
	const char *key;    /* of config.ini, or NULL */
	setter *set;
	bool page; /* of the page in the browser */
} settings[] = {
    {"--home", NULL, set_home, false},
    {"--profile", NULL, set_profile, false},
    {"--ephemeral", NULL, set_ephemeral, false},
    {"--nick", "nickname", set_nick, false},
    {"--port", "port", set_port, false},
    {"--bind", "bind", set_bind, false},
    {"--discover", "discover", set_discover, false},
    {"--no-discover", NULL, set_no_discover, false},
    {"--headless", NULL, set_headless, false},
    {"--stay", NULL, set_stay, false},
    {"--ready-file", NULL, set_ready_file, false},
    {"--json", NULL, set_json, false},
    {"--text", NULL, set_text, false},
    {"--trust-new", "trust-new", set_trust_new, false},
    {"--color", "color", set_color, false},
    {"-q", NULL, set_quiet, false},
    {"-v", NULL, set_verbose, false},
    {"--help", NULL, set_help, false},
    {"-h", NULL, set_help, false},
    {"--version", NULL, set_version, false},
    {NULL, "nick", set_nick, false},
    {NULL, "peers-file", set_peers_file, false},
    {NULL, "log", set_log, false},
    {NULL, "history", set_history, false},
    {NULL, "bell", set_bell, false},
    {NULL, "clock", set_clock, false},
    {NULL, "title", set_title, false},
    {NULL, "interface-port", set_interface_port, true},
    {NULL, "interface-local", set_interface_local, true},
    {NULL, "interface-folder", set_interface_folder, true},
};
enum { SETTINGS = sizeof settings / sizeof *settings };

static bool takes_value(const char *option)
{
	for (const struct option_row *r = config_options; r->name; r++)
		if (!strcmp(r->name, option))
			return r->arg;
	return false;
}

/* ---- the command line ---- */

struct given {
	const struct setting *what;
	const char *value;
};

struct line {
	struct given *given; /* in their order: a later one wins */
	size_t n;
};

/* The option that arg is, and its value when it holds one behind "=". */
static const struct setting *option_find(const char *arg, const char **value)
{
	size_t n = strcspn(arg, "=");

	*value = arg[n] ? arg + n + 1 : NULL;
	for (size_t i = 0; i < SETTINGS; i++) {
		const char *name = settings[i].option;

		if (name && strlen(name) == n && !memcmp(name, arg, n))
			return &settings[i];
	}
	return NULL;
}

static enum err unknown(const char *arg, char why[static 256])
{
	static const char *const later[] = {"--plain", "--web", "--listen",
					    "--plain-on-network", NULL};
	char shown[64];
	int i;

	quoted(shown, arg);
	if (among(arg, later, &i))
		snprintf(why, 256, "%s is not in this version", shown);
	else
		snprintf(why, 256, "unknown option %s; see sotto help options",
			 shown);
	return ERR_PARSE;
}

/* *i stands on an option of ours and is moved to its value. */
static enum err take_option(struct line *l, int argc, char **argv, int *i,
			    const struct setting *s, const char *value,
			    char why[static 256])
{
	bool want = takes_value(s->option);

	if (want && !value && *i + 1 < argc)
		value = argv[++*i];
	if (want != (value != NULL)) {
		snprintf(why, 256,
			 want ? "%s wants a value" : "%s takes no value",
			 s->option);
		return ERR_PARSE;
	}
	l->given[l->n++] = (struct given){s, value};
	return OK;
}

/* Takes our options out of argv; what is left is the sub-command's. */
static enum err line_read(struct line *l, struct config *c, int argc,
			  char **argv, char why[static 256])
{
	enum err err = OK;
	int kept = 0;

	c->argv = argc ? argv + 1 : argv;
	for (int i = 1; i < argc && !err; i++) {
		const char *value;
		const struct setting *s = option_find(argv[i], &value);

		if (s) {
			err = take_option(l, argc, argv, &i, s, value, why);
		} else if (!strcmp(argv[i], "--")) {
			i += !kept; /* before the sub-command it goes too */
			while (i < argc)
				c->argv[kept++] = argv[i++];
		} else if (!kept && argv[i][0] == '-') {
			err = unknown(argv[i], why);
		} else {
			c->argv[kept++] = argv[i];
		}
	}
	c->argc = kept;
	if (argc)
		c->argv[kept] = NULL;
	return err;
}

static enum err options_apply(struct config *c, const struct line *l,
			      char why[static 256])
{
	char reason[REASON];

	for (size_t i = 0; i < l->n; i++) {
		const struct given *g = &l->given[i];

		if (g->what->set(c, g->value, reason)) {
			snprintf(why, 256, "%s: %s", g->what->option, reason);
			return ERR_PARSE;
		}
	}
	return OK;
}

/* ---- the environment ---- */

static enum err variable(struct config *c, const char *name, setter *set,
			 char why[static 256])
{
	const char *value = getenv(name);
	char reason[REASON];

	if (!value || !*value || !set(c, value, reason))
		return OK;
	snprintf(why, 256, "environment: %s: %s", name, reason);
	return ERR_PARSE;
}

static enum err environment_apply(struct config *c, char why[static 256])
{
	enum err err = variable(c, "SOTTO_HOME", set_home, why);

	if (!err)
		err = variable(c, "SOTTO_PROFILE", set_profile, why);
	/* 000: a second one is started by PORT=8001 */
	if (!err)
		err = variable(c, "PORT", set_port, why);
	if (!err)
		err = variable(c, "SOTTO_PORT", set_port, why);
	return err;
}

/* ---- config.ini ---- */

struct file {
	struct config *c;
	const char *name; /* short enough for a message */
	struct buf text;
	size_t at;
	int line, bad_line;
	char reason[REASON];
};

static void warn(struct file *f, const char *fmt, ...) PRINTF(2, 3);
static void warn(struct file *f, const char *fmt, ...)
{
	struct config *c = f->c;
	char words[256];
	struct buf text = {0};
	va_list ap;

	if (c->n_warnings == WARNINGS_MAX)
		return;
	va_start(ap, fmt);
	vsnprintf(words, sizeof words, fmt, ap);
	va_end(ap);
	buf_printf(&text, "%s:%d: %s", f->name, f->line, words);
	c->warning =
	    xrealloc(c->warning, (c->n_warnings + 1) * sizeof *c->warning);
	c->warning[c->n_warnings++] = (char *)text.p;
}

static void warn_unknown(struct file *f, const char *key)
{
	static const char *const later[] = {
	    "listen",      "web",   "center",           "user",
	    "center-port", "login", "plain-on-network", NULL};
	char shown[64];
	int i;

	quoted(shown, key);
	if (among(key, later, &i))
		warn(f, "%s is not in this version", shown);
	else
		warn(f, "unknown key %s; see sotto help config", shown);
}

static const struct setting *key_find(const char *key)
{
	for (size_t i = 0; i < SETTINGS; i++)
		if (settings[i].key && !strcmp(settings[i].key, key))
			return &settings[i];
	return NULL;
}

static int on_key(void *user, const char *section, const char *key,
		  const char *value)
{
	struct file *f = user;
	const struct setting *s = key_find(key);
	char reason[REASON];

	if (f->bad_line)
		return 0;
	if (*section) {
		snprintf(f->reason, sizeof f->reason,
			 "there are no [sections] in this file");
	} else if (!s) {
		warn_unknown(f, key);
		return 1;
	} else if (!s->set(f->c, value, reason)) {
		if (s->page && !f->c->page_told)
			warn(f,
			     "%s: the page in the browser is not in this "
			     "version",
			     key);
		f->c->page_told |= s->page;
		return 1;
	} else {
		snprintf(f->reason, sizeof f->reason, "%s: %.*s", key,
			 REASON - 40, reason);
	}
	f->bad_line = f->line;
	return 0;
}

/* For the library, as fgets. Blanks at the start go, else it would take the
 * line for more of the value before it. */
static char *next_line(char *str, int num, void *user)
{
	struct file *f = user;
	const char *p = (const char *)f->text.p + f->at;
	const char *end = (const char *)f->text.p + f->text.n;
	const char *eol = memchr(p, '\n', (size_t)(end - p));

	if (p == end)
		return NULL;
	eol = eol ? eol + 1 : end;
	f->at += (size_t)(eol - p);
	f->line++;
	while (p < eol && (*p == ' ' || *p == '\t'))
		p++;
	snprintf(str, (size_t)num, "%.*s", (int)(eol - p), p);
	return str;
}

static bool lines_fit(struct file *f)
{
	const uint8_t *p = f->text.p, *end = p + f->text.n;

	for (int line = 1; p < end; line++) {
		const uint8_t *eol = memchr(p, '\n', (size_t)(end - p));
		size_t n = (size_t)((eol ? eol : end) - p);
		bool nul = n && memchr(p, 0, n);

		if (nul || n > LINE_MAX_INI) {
			f->bad_line = line;
			snprintf(f->reason, sizeof f->reason,
				 nul ? "a NUL byte; is it a text file?"
				     : "longer than %d bytes",
				 LINE_MAX_INI);
			return false;
		}
		p += n + 1;
	}
	return true;
}

/* An absent file is an empty one. */
static enum err file_read(struct file *f, const char *path)
{
	FILE *in = fopen(path, "re");
	enum err err = OK;

	if (!in)
		return errno == ENOENT ? OK : ERR_SYS;
	buf_room(&f->text, FILE_MAX + 1);
	f->text.n = fread(f->text.p, 1, FILE_MAX + 1, in);
	if (ferror(in))
		err = ERR_SYS;
	else if (f->text.n > FILE_MAX)
		err = ERR_LIMIT;
	fclose(in);
	return err;
}

static enum err file_parse(struct file *f)
{
	if (!lines_fit(f))
		return ERR_PARSE;

	int line = ini_parse_stream(next_line, f, on_key, f);

	if (!line && !f->bad_line)
		return OK;
	if (!f->bad_line || line < f->bad_line) {
		f->bad_line = line;
		snprintf(f->reason, sizeof f->reason, "not key = value");
	}
	return ERR_PARSE;
}

static enum err file_apply(struct config *c, const char *path,
			   char why[static 256])
{
	size_t n = strlen(path);
	struct file f = {.c = c, .name = n > 80 ? path + n - 80 : path};
	enum err err = file_read(&f, path);

	if (err == ERR_LIMIT)
		snprintf(why, 256, "%s: larger than %d bytes", f.name,
			 FILE_MAX);
	else if (err)
		snprintf(why, 256, "%s: %s", f.name, strerror(errno));
	else if (f.text.n && (err = file_parse(&f)))
		snprintf(why, 256, "%s:%d: %s", f.name, f.bad_line, f.reason);
	buf_free(&f.text);
	return err;
}

/* ---- all of it ---- */

static void nick_default(struct config *c)
{
	const char *user = getenv("USER");

	if (!user || !nick_ok(user)) {
		const struct passwd *p = getpwuid(geteuid());

		user = p && nick_ok(p->pw_name) ? p->pw_name : "somebody";
	}
	snprintf(c->nick, sizeof c->nick, "%s", user);
}

static void defaults(struct config *c)
{
	c->port = -1;
	c->trust_new = TRUST_DEFAULT;
	c->bell = c->title = true;
	replace(&c->profile, "default");
	replace(&c->bind, "::");
}

/* How many letters of a are wrong, missing, too many or change places. */
static unsigned distance(const char *a, const char *b)
{
	enum { MAX = 16 };
	unsigned d[MAX + 1][MAX + 1];
	size_t n = strlen(a), m = strlen(b);

	if (n > MAX || m > MAX)
		return MAX;
	for (size_t i = 0; i <= n; i++)
		for (size_t j = 0; j <= m; j++) {
			unsigned best = (unsigned)(i + j);

			if (i && d[i - 1][j] + 1 < best)
				best = d[i - 1][j] + 1;
			if (j && d[i][j - 1] + 1 < best)
				best = d[i][j - 1] + 1;
			if (i && j &&
			    d[i - 1][j - 1] + (a[i - 1] != b[j - 1]) < best)
				best = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1] && d[i - 2][j - 2] + 1 < best)
				best = d[i - 2][j - 2] + 1;
			d[i][j] = best;
		}
	return d[n][m];
}

/* The sub-command that was probably meant; or NULL. */
static const char *nearest_command(const char *word)
{
	const char *near = NULL;
	unsigned best = 3;

	for (const struct command_row *r = config_commands; r->name; r++) {
		unsigned far = distance(word, r->name);

		if (far < best && far < strlen(r->name)) {
			best = far;
			near = r->name;
		}
	}
	return near;
}

/* --help wins over all, then a sub-command over --headless. */
static enum err mode_find(struct config *c, char why[static 256])
{
	char shown[64];

	if (c->mode == RUN_HELP || c->mode == RUN_VERSION || !c->argc)
		return OK;
	quoted(shown, c->argv[0]);
	if (!config_command(c->argv[0])) {
		const char *near = nearest_command(c->argv[0]);

		snprintf(why, 256, "unknown command %s; %s%s", shown,
			 near ? "did you mean " : "see sotto help commands",
			 near ? near : "");
		return ERR_PARSE;
	}
	if (c->mode == RUN_HEADLESS) {
		snprintf(why, 256, "--headless takes no command, but got %s",
			 shown);
		return ERR_PARSE;
	}
	c->mode = RUN_COMMAND;
	return OK;
}

static bool follows(const struct config *c)
{
	for (int i = 1; i < c->argc && strcmp(c->argv[i], "--"); i++)
		if (!strcmp(c->argv[i], "-f"))
			return true;
	return false;
}

static bool listens(const struct config *c)
{
	if (c->mode != RUN_COMMAND)
		return true;
	switch (config_command(c->argv[0])->listen) {
	case LISTEN_NEVER:
		return false;
	case LISTEN_FOLLOW:
		return follows(c);
	case LISTEN_ALWAYS:
		return true;
	}
	return false;
}

static void finish(struct config *c)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

	if (!*c->nick)
		nick_default(c);
	c->listen = listens(c);
	/* review K42: outside of the screen only who asks for it is seen */
	if (!c->discover_given && c->mode != RUN_SCREEN)
		c->discover = DISCOVER_OFF;
	if (c->color == SW_AUTO &&
	    ((no_color && *no_color) || (term && !strcmp(term, "dumb"))))
		c->color = SW_OFF;
}

/* Needs no folder and leaves no trace. */
static bool bare(const struct config *c)
{
	return c->mode == RUN_HELP || c->mode == RUN_VERSION ||
	       (c->mode == RUN_COMMAND && config_command(c->argv[0])->bare);
}

/* A demonstration has nothing to do with the identity one has. */
static void demo_apart(struct config *c)
{
	if (c->mode == RUN_COMMAND && !strcmp(c->argv[0], "demo") && !c->home &&
	    !strcmp(c->profile, "default"))
		c->ephemeral = true;
}

/* Twice over: first so that a slip is told before anything is made, and the
 * second time over what the file said. */
static enum err load(struct config *c, const struct line *l, int *exit_code,
		     char why[static 256])
{
	enum err err = environment_apply(c, why);

	*exit_code = EXIT_USAGE;
	if (!err)
		err = options_apply(c, l, why);
	if (!err)
		err = mode_find(c, why);
	if (err)
		return err;
	demo_apart(c);
	*exit_code = EXIT_FAILURE;
	err = folders_find(c, !bare(c), why);
	if (err || bare(c))
		return err;
	*exit_code = EXIT_CONFIG;
	err = file_apply(c, c->config_path, why);
	if (!err)
		err = environment_apply(c, why);
	if (!err)
		err = options_apply(c, l, why);
	return err;
}

enum err config_load(struct config *c, int argc, char **argv, int *exit_code,
		     char why[static 256])
{
	struct line l = {0};

	*c = (struct config){0};
	l.given = xmalloc((size_t)(argc > 0 ? argc : 1) * sizeof *l.given);
	defaults(c);
	*exit_code = EXIT_USAGE;

	enum err err = line_read(&l, c, argc, argv, why);

	if (!err)
		err = load(c, &l, exit_code, why);
	if (!err)
		finish(c);
	free(l.given);
	return err;
}

void config_free(struct config *c)
{
	folders_free(c);
	free(c->home);
	free(c->profile);
	free(c->bind);
	free(c->ready_file);
	for (size_t i = 0; i < c->n_warnings; i++)
		free(c->warning[i]);
	free(c->warning);
	*c = (struct config){0};
}
