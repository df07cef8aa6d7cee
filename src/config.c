#include "src/config.h"
#include <errno.h>
#include <ftw.h>
#include <ini.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MAX = 65536, WARNINGS_MAX = 64 };

const struct option_row config_options[] = {
    {"headless", NULL, "no screen: JSON lines in and out"},
    {"home", "DIR", "everything of this identity in one folder"},
    {"profile", "NAME", "a second identity beside the first"},
    {"ephemeral", NULL, "a throw-away identity, removed at the end"},
    {"nick", "NAME", "nickname"},
    {"port", "N", "listening port; 0: the system chooses"},
    {"bind", "ADDR", "listening address"},
    {"discover", "all|off", "show and see others on this network"},
    {"no-discover", NULL, "the same as --discover off"},
    {"json", NULL, "output of sub-commands as JSON lines"},
    {"text", NULL, "output of sub-commands as text"},
    {"trust-new", "ask|accept|refuse", "a key never seen before"},
    {"stay", NULL, "headless: go on after the end of input"},
    {"ready-file", "FILE", "write the ready event there"},
    {"color", "auto|never|always", "colours"},
    {"q", NULL, "less on stderr"},
    {"v", NULL, "more on stderr"},
    {"help", NULL, "this help"},
    {"version", NULL, "the version and the libraries"},
    {NULL, NULL, NULL},
};

const struct option_row config_keys[] = {
    {"nickname", "NAME", "nickname; $USER without one"},
    {"port", "N", "listening port; 6327 and the next that is free"},
    {"bind", "ADDR", "listening address; ::"},
    {"discover", "all|off", "the beacon; all on the screen"},
    {"trust-new", "ask|accept|refuse", "a key never seen before"},
    {"peers-file", "FILE", "where peers.txt is"},
    {"log", "on|full|off", "log.txt; full: texts too"},
    {"history", "forever|off", "what is kept of conversations"},
    {"bell", "on|off", "the terminal's bell"},
    {"title", "on|off", "the terminal's title"},
    {"clock", "24|12", "how times are shown"},
    {"color", "auto|never|always", "colours"},
    {"interface-port", "N",
     "of the page in the browser; not in this "
     "version"},
    {"interface-local", "true|false", "the page; not in this version"},
    {"interface-folder", "DIR", "the page; not in this version"},
    {NULL, NULL, NULL},
};

/* ---- words ---- */

static char *copy_of(const char *s)
{
	return xstrndup((struct bytes){(const uint8_t *)s, strlen(s)});
}

static char *formatted(const char *fmt, ...) PRINTF(1, 2);
static char *formatted(const char *fmt, ...)
{
	char *out;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&out, fmt, ap) < 0)
		abort();
	va_end(ap);
	return out;
}

static void replace(char **slot, char *value)
{
	free(*slot);
	*slot = value;
}

/* One of the words, by its place; -1: none of them. */
static int one_of(const char *value, const char *words)
{
	size_t n = strlen(value);

	for (int i = 0; *words; i++) {
		size_t len = strcspn(words, "|");

		if (len == n && !memcmp(words, value, n))
			return i;
		words += len + (words[len] == '|');
	}
	return -1;
}

static bool set_word(int *out, const char *value, const char *words)
{
	int i = one_of(value, words);

	if (i >= 0)
		*out = i;
	return i >= 0;
}

static bool set_number(int *out, const char *value, int max)
{
	char *end;
	long n;

	if (*value < '0' || *value > '9')
		return false;
	errno = 0;
	n = strtol(value, &end, 10);
	if (*end || errno || n > max)
		return false;
	*out = (int)n;
	return true;
}

static bool set_nick(struct config *c, const char *value)
{
	struct bytes s = {(const uint8_t *)value, strlen(value)};

	if (!s.n || s.n > NICK_MAX || !utf8_ok(s))
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < 0x20 || s.p[i] == 0x7f)
			return false;
	memcpy(c->nick, value, s.n + 1);
	return true;
}

static bool set_bind(struct config *c, const char *value)
{
	uint8_t ip[16];

	if (!ip_parse((struct bytes){(const uint8_t *)value, strlen(value)},
		      ip))
		return false;
	replace(&c->bind, copy_of(value));
	return true;
}

/* A profile is a folder's name. */
static bool set_profile(struct config *c, const char *value)
{
	size_t n = strlen(value);

	if (!n || n > 64 || value[0] == '.' || strchr(value, '/'))
		return false;
	replace(&c->profile, copy_of(value));
	return true;
}

/* ---- keys and options: one meaning, wherever they come from ---- */

enum outcome { TAKEN, UNKNOWN, BAD_VALUE };

static enum outcome said(bool good)
{
	return good ? TAKEN : BAD_VALUE;
}

static enum outcome set_choice(struct config *c, const char *key,
			       const char *value)
{
	int i = 0;
	bool good;

	if (!strcmp(key, "discover")) {
		good = set_word(&i, value, "all|off");
		c->discover = good ? (enum discover)i : c->discover;
		c->discover_given = true;
	} else if (!strcmp(key, "trust-new")) {
		good = set_word(&i, value, "ask|accept|refuse");
		c->trust_new = good ? (enum trust_new)i : c->trust_new;
	} else if (!strcmp(key, "color")) {
		good = set_word(&i, value, "auto|always|never");
		c->color = good ? (enum switch3)i : c->color;
	} else if (!strcmp(key, "log")) {
		good = set_word(&i, value, "on|full|off");
		c->log = good ? (enum log_mode)i : c->log;
	} else if (!strcmp(key, "history")) {
		good = set_word(&i, value, "forever|off");
		c->history = good ? (enum history)i : c->history;
	} else if (!strcmp(key, "bell")) {
		good = set_word(&i, value, "off|on");
		c->bell = i;
	} else if (!strcmp(key, "title")) {
		good = set_word(&i, value, "off|on");
		c->title = i;
	} else if (!strcmp(key, "clock")) {
		good = set_word(&i, value, "24|12");
		c->clock12 = i;
	} else {
		return UNKNOWN;
	}
	return said(good);
}

static enum outcome set_value(struct config *c, const char *key,
			      const char *value)
{
	if (!strcmp(key, "nick") || !strcmp(key, "nickname"))
		return said(set_nick(c, value));
	if (!strcmp(key, "port"))
		return said(set_number(&c->port, value, 65535));
	if (!strcmp(key, "bind"))
		return said(set_bind(c, value));
	if (!strcmp(key, "peers-file")) {
		replace(&c->peers_file, copy_of(value));
		return said(*value != 0);
	}
	return set_choice(c, key, value);
}

/* ---- config.ini ---- */

static void warning(struct config *c, char *text)
{
	if (c->n_warnings == WARNINGS_MAX) {
		free(text);
		return;
	}
	c->warning =
	    xrealloc(c->warning, (c->n_warnings + 1) * sizeof *c->warning);
	c->warning[c->n_warnings++] = text;
}

struct reading {
	struct config *c;
	FILE *in;
	char *why;
	int line;
	bool bad;
};

/* 004: "Ha egy sor kettős kereszttel(#) kezdődik,akkor azt a program kommentnek
 * veszi." inih skips lines that begin so, and counts for us all it reads. */
static char *read_line(char *out, int n, void *arg)
{
	struct reading *r = arg;

	if (!fgets(out, n, r->in))
		return NULL;
	r->line++;
	return out;
}

static bool later_version(const char *key)
{
	return !strncmp(key, "interface-", 10) ||
	       one_of(key, "web|listen|center|center-port|user|theme|"
			   "plain-on-network|on-message") >= 0;
}

static int take_key(void *arg, const char *section, const char *key,
		    const char *value)
{
	struct reading *r = arg;
	enum outcome o;

	(void)section;
	if (r->bad)
		return 1;
	if (later_version(key)) {
		warning(r->c, formatted("%s:%d: %s: not in this version",
					r->c->config_path, r->line, key));
		return 1;
	}
	o = set_value(r->c, key, value);
	if (o == UNKNOWN)
		warning(r->c, formatted("%s:%d: unknown key %s",
					r->c->config_path, r->line, key));
	if (o != BAD_VALUE)
		return 1;
	snprintf(r->why, 256, "%s:%d: %s = %.64s is not possible",
		 r->c->config_path, r->line, key, value);
	r->bad = true;
	return 1;
}

static enum err read_ini(struct config *c, char why[static 256])
{
	struct reading r = {.c = c, .why = why};
	struct stat st;
	int at;

	r.in = fopen(c->config_path, "re");
	if (!r.in && errno == ENOENT)
		return OK;
	if (!r.in || fstat(fileno(r.in), &st)) {
		snprintf(why, 256, "%s: %s", c->config_path, strerror(errno));
		if (r.in)
			fclose(r.in);
		return ERR_PARSE;
	}
	if (!S_ISREG(st.st_mode) || st.st_size > FILE_MAX) {
		snprintf(why, 256, "%s: not a text file of at most 64 KiB",
			 c->config_path);
		fclose(r.in);
		return ERR_PARSE;
	}
	at = ini_parse_stream(read_line, &r, take_key, &r);
	fclose(r.in);
	if (!r.bad && at) {
		snprintf(why, 256, "%s:%d: not of the form key = value",
			 c->config_path, at);
		r.bad = true;
	}
	return r.bad ? ERR_PARSE : OK;
}

/* ---- the command line ---- */

static bool takes_value(const char *name)
{
	for (const struct option_row *o = config_options; o->name; o++)
		if (!strcmp(o->name, name))
			return o->arg != NULL;
	return false;
}

static bool known_option(const char *name)
{
	for (const struct option_row *o = config_options; o->name; o++)
		if (!strcmp(o->name, name))
			return true;
	return false;
}

static enum outcome set_option(struct config *c, const char *name,
			       const char *value)
{
	if (!strcmp(name, "headless"))
		c->mode = RUN_HEADLESS;
	else if (!strcmp(name, "ephemeral"))
		c->ephemeral = true;
	else if (!strcmp(name, "no-discover"))
		return set_value(c, "discover", "off");
	else if (!strcmp(name, "json"))
		c->output = SW_ON;
	else if (!strcmp(name, "text"))
		c->output = SW_OFF;
	else if (!strcmp(name, "stay"))
		c->stay = true;
	else if (!strcmp(name, "q"))
		c->verbose = -1;
	else if (!strcmp(name, "v"))
		c->verbose = 1;
	else if (!strcmp(name, "help"))
		c->help = true;
	else if (!strcmp(name, "version"))
		c->version = true;
	else if (!strcmp(name, "home"))
		replace(&c->home, copy_of(value));
	else if (!strcmp(name, "profile"))
		return said(set_profile(c, value));
	else if (!strcmp(name, "ready-file"))
		replace(&c->ready_file, copy_of(value));
	else
		return set_value(c, name, value);
	return TAKEN;
}

/* Two passes: where the files are, then what is stronger than the files. */
static bool place_option(const char *name)
{
	return one_of(name, "home|profile|ephemeral|headless|help|version") >=
	       0;
}

struct option {
	char name[32];
	const char *value; /* NULL: none given */
};

/* False: arg is no option of ours. */
static bool split_option(const char *arg, struct option *o)
{
	const char *name = arg + 1 + (arg[1] == '-');
	size_t n = strcspn(name, "=");

	if (arg[0] != '-' || !arg[1] || n >= sizeof o->name || !n)
		return false;
	if (arg[1] != '-' && n != 1)
		return false;
	memcpy(o->name, name, n);
	o->name[n] = 0;
	o->value = name[n] ? name + n + 1 : NULL;
	return known_option(o->name);
}

/* Global options stand anywhere before `--`; after the sub-command's name all
 * others are its own. argv is shifted together, without what was taken. */
static enum err read_options(struct config *c, int argc, char **argv,
			     bool places, char **rest, int *n_rest,
			     char why[static 256])
{
	int n = 0;

	for (int i = 1; i < argc; i++) {
		struct option o;

		if (!strcmp(argv[i], "--")) {
			while (i < argc)
				rest[n++] = argv[i++];
			break;
		}
		if (!split_option(argv[i], &o)) {
			if (!n && argv[i][0] == '-' && argv[i][1]) {
				snprintf(why, 256,
					 "unknown option %.64s; see "
					 "sotto --help",
					 argv[i]);
				return ERR_PARSE;
			}
			rest[n++] = argv[i];
			continue;
		}
		if (takes_value(o.name) && !o.value) {
			if (i + 1 == argc) {
				snprintf(why, 256, "--%s needs a value",
					 o.name);
				return ERR_PARSE;
			}
			o.value = argv[++i];
		} else if (!takes_value(o.name) && o.value) {
			snprintf(why, 256, "--%s takes no value", o.name);
			return ERR_PARSE;
		}
		if (place_option(o.name) == places &&
		    set_option(c, o.name, o.value) != TAKEN) {
			snprintf(why, 256, "--%s %.64s is not possible", o.name,
				 o.value);
			return ERR_PARSE;
		}
	}
	*n_rest = n;
	return OK;
}

static enum err read_environment(struct config *c, bool places,
				 char why[static 256])
{
	const char *port = getenv("SOTTO_PORT"), *v;

	if (places) {
		if ((v = getenv("SOTTO_HOME")) && *v)
			replace(&c->home, copy_of(v));
		if ((v = getenv("SOTTO_PROFILE")) && *v && !set_profile(c, v)) {
			snprintf(why, 256,
				 "SOTTO_PROFILE=%.64s is not "
				 "possible",
				 v);
			return ERR_PARSE;
		}
		return OK;
	}
	/* 000: "PORT=8001 python3 main.py" */
	v = port && *port ? port : getenv("PORT");
	if (v && *v && !set_number(&c->port, v, 65535)) {
		snprintf(why, 256, "PORT=%.64s is not a port", v);
		return ERR_PARSE;
	}
	return OK;
}

/* ---- folders ---- */

static enum err make_folder(const char *path, char why[static 256])
{
	char *p = copy_of(path);
	enum err err = OK;

	for (char *s = p + 1; !err; s++) {
		char c = *s;

		if (c && c != '/')
			continue;
		*s = 0;
		if (mkdir(p, 0700) && errno != EEXIST) {
			snprintf(why, 256, "%s: %s", p, strerror(errno));
			err = ERR_SYS;
		}
		*s = c;
		if (!c)
			break;
	}
	free(p);
	return err;
}

/* $NAME/sotto/PROFILE or ~/REST/sotto/PROFILE */
static char *xdg(const struct config *c, const char *name, const char *rest)
{
	const char *base = getenv(name), *home = getenv("HOME");

	if (base && *base == '/')
		return formatted("%s/sotto/%s", base, c->profile);
	return formatted("%s/%s/sotto/%s", home && *home ? home : "/", rest,
			 c->profile);
}

static char *join(const char *folder, const char *name)
{
	return formatted("%s/%s", folder, name);
}

static char *absolute(const char *path)
{
	char *cwd, *out;

	if (path[0] == '/')
		return copy_of(path);
	cwd = getcwd(NULL, 0);
	out = formatted("%s/%s", cwd ? cwd : "", path);
	free(cwd);
	return out;
}

static enum err ephemeral_home(struct config *c, char why[static 256])
{
	const char *tmp = getenv("TMPDIR");

	replace(&c->home,
		formatted("%s/sotto-XXXXXX", tmp && *tmp ? tmp : "/tmp"));
	if (mkdtemp(c->home)) {
		c->made_home = true;
		return OK;
	}
	snprintf(why, 256, "%s: %s", c->home, strerror(errno));
	return ERR_SYS;
}

static enum err find_places(struct config *c, char why[static 256])
{
	char *config_dir, *state_dir, *alternative;
	enum err err = OK;

	if (c->ephemeral && (err = ephemeral_home(c, why)))
		return err;
	if (c->home) {
		replace(&c->home, absolute(c->home));
		config_dir = copy_of(c->home);
		c->data_dir = copy_of(c->home);
		state_dir = copy_of(c->home);
		c->run_dir = copy_of(c->home);
	} else {
		config_dir = xdg(c, "XDG_CONFIG_HOME", ".config");
		c->data_dir = xdg(c, "XDG_DATA_HOME", ".local/share");
		state_dir = xdg(c, "XDG_STATE_HOME", ".local/state");
		c->run_dir = getenv("XDG_RUNTIME_DIR")
				 ? xdg(c, "XDG_RUNTIME_DIR", "")
				 : join(state_dir, "run");
	}
	if ((err = make_folder(config_dir, why)) ||
	    (err = make_folder(c->data_dir, why)) ||
	    (err = make_folder(state_dir, why)) ||
	    (err = make_folder(c->run_dir, why)))
		goto out;
	c->config_path = join(config_dir, "config.ini");
	alternative = join(config_dir, "Config.ini"); /* 004's spelling */
	if (access(c->config_path, F_OK) && !access(alternative, F_OK))
		replace(&c->config_path, copy_of(alternative));
	free(alternative);
	c->peers_file = join(config_dir, "peers.txt");
	c->identity_path = join(c->data_dir, "identity");
	c->store_path = join(c->data_dir, "sotto.db");
	c->lock_path = join(c->data_dir, "lock");
	c->log_path = join(state_dir, "log.txt");
	c->control_path = join(c->run_dir, "control.sock");
out:
	free(config_dir);
	free(state_dir);
	return err;
}

/* ---- all of it ---- */

static void defaults(struct config *c)
{
	const char *user = getenv("USER");

	*c = (struct config){.port = -1,
			     .listen = true,
			     .trust_new = TRUST_DEFAULT,
			     .bell = true,
			     .title = true};
	c->profile = copy_of("default");
	c->bind = copy_of("::");
	if (!user || !set_nick(c, user))
		memcpy(c->nick, "anonymous", 10);
}

static enum err load(struct config *c, int argc, char **argv, int *exit_code,
		     char why[static 256])
{
	enum err err;

	*exit_code = 2;
	c->argv = xmalloc(((size_t)argc + 1) * sizeof *c->argv);
	if ((err = read_environment(c, true, why)) ||
	    (err = read_options(c, argc, argv, true, c->argv, &c->argc, why)))
		return err;
	c->argv[c->argc] = NULL;
	if (c->help || c->version)
		return OK;
	if (c->argc && c->mode == RUN_SCREEN)
		c->mode = RUN_COMMAND;
	*exit_code = 1;
	if ((err = find_places(c, why)))
		return err;
	*exit_code = 10;
	if ((err = read_ini(c, why)))
		return err;
	*exit_code = 2;
	if ((err = read_environment(c, false, why)) ||
	    (err = read_options(c, argc, argv, false, c->argv, &c->argc, why)))
		return err;
	c->argv[c->argc] = NULL;
	if (c->mode != RUN_SCREEN && !c->discover_given)
		c->discover = DISCOVER_OFF;
	if (getenv("NO_COLOR") && *getenv("NO_COLOR") && c->color == SW_AUTO)
		c->color = SW_OFF;
	return OK;
}

enum err config_load(struct config *c, int argc, char **argv, int *exit_code,
		     char why[static 256])
{
	enum err err;

	defaults(c);
	err = load(c, argc, argv, exit_code, why);
	if (err)
		config_free(c);
	return err;
}

static int remove_one(const char *path, const struct stat *st, int kind,
		      struct FTW *at)
{
	(void)st, (void)kind, (void)at;
	return remove(path);
}

void config_free(struct config *c)
{
	if (c->made_home) /* what mkdtemp made, and never through a link */
		nftw(c->home, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	char *owned[] = {c->home,        c->profile,       c->bind,
			 c->ready_file,  c->peers_file,    c->config_path,
			 c->data_dir,    c->identity_path, c->store_path,
			 c->lock_path,   c->log_path,      c->run_dir,
			 c->control_path};

	for (size_t i = 0; i < sizeof owned / sizeof *owned; i++)
		free(owned[i]);
	for (size_t i = 0; i < c->n_warnings; i++)
		free(c->warning[i]);
	free(c->warning);
	free(c->argv);
	*c = (struct config){0};
}
