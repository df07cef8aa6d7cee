#include "proto/dialect.h"
#include "src/config_impl.h"
#include "src/folders.h"
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { EXIT_USAGE = 2, EXIT_CONFIG = 10 };

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
	return config_setting(arg, n);
}

static enum err unknown(const char *arg, char why[static 256])
{
	char shown[64];

	config_quoted(shown, arg);
	snprintf(why, 256, "unknown option %s; see sotto help options", shown);
	return ERR_PARSE;
}

/* *i stands on an option of ours and is moved to its value. */
static enum err take_option(struct line *l, int argc, char **argv, int *i,
			    const struct setting *s, const char *value,
			    char why[static 256])
{
	bool want = config_takes_value(s);

	if (want && !value && *i + 1 < argc)
		value = argv[++*i];
	if (!s->maybe && want != (value != NULL)) {
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

static enum err variable(struct config *c, const char *name, const char *option,
			 char why[static 256])
{
	const struct setting *s = config_setting(option, strlen(option));
	const char *value = getenv(name);
	char reason[REASON];

	if (!value || !*value || !s->set(c, value, reason))
		return OK;
	snprintf(why, 256, "environment: %s: %s", name, reason);
	return ERR_PARSE;
}

static enum err environment_apply(struct config *c, char why[static 256])
{
	enum err err = variable(c, "SOTTO_HOME", "--home", why);

	if (!err)
		err = variable(c, "SOTTO_PROFILE", "--profile", why);
	/* 000: a second one is started by PORT=8001 */
	if (!err)
		err = variable(c, "PORT", "--port", why);
	if (!err)
		err = variable(c, "SOTTO_PORT", "--port", why);
	return err;
}

/* ---- all of it ---- */

static void nick_default(struct config *c)
{
	const char *user = c->center ? "center" : getenv("USER");

	if (!user || !config_nick_ok(user)) {
		const struct passwd *p = getpwuid(geteuid());

		user =
		    p && config_nick_ok(p->pw_name) ? p->pw_name : "somebody";
	}
	snprintf(c->nick, sizeof c->nick, "%s", user);
}

static void defaults(struct config *c)
{
	c->port = c->web_port = -1;
	c->trust_new = TRUST_DEFAULT;
	c->screen.bell = c->screen.title = true;
	c->screen.mouse = c->screen.links = c->relay = true;
	config_replace(&c->profile, "default");
	config_replace(&c->bind, "::");
}

/* --help wins over all, then a sub-command over --headless. */
static enum err mode_find(struct config *c, char why[static 256])
{
	char shown[64];

	if (c->mode == RUN_HELP || c->mode == RUN_VERSION || !c->argc)
		return OK;
	config_quoted(shown, c->argv[0]);
	if (!config_command(c->argv[0])) {
		const char *near = config_nearest(c->argv[0]);

		snprintf(why, 256, "unknown command %s; %s%s", shown,
			 near ? "did you mean " : "see sotto help commands",
			 near ? near : "");
		return ERR_PARSE;
	}
	/* of the accounts those of the plain listener */
	c->center_plain = c->mode == RUN_PLAIN && c->argc > 1 &&
			  !strcmp(c->argv[0], "center");
	if (c->mode == RUN_HEADLESS ||
	    (c->mode == RUN_PLAIN && !c->center_plain)) {
		snprintf(why, 256, "%s takes no command, but got %s",
			 c->mode == RUN_PLAIN ? "--plain" : "--headless",
			 shown);
		return ERR_PARSE;
	}
	c->mode = RUN_COMMAND;
	/* without more words it is a peer that others log in at */
	if (!strcmp(c->argv[0], "center") && c->argc == 1) {
		c->mode = RUN_HEADLESS;
		c->center = c->stay = true;
		c->argc = 0;
	}
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
	bool dumb = term && !strcmp(term, "dumb");

	if (!*c->nick)
		nick_default(c);
	if (dumb && c->mode == RUN_SCREEN && isatty(STDIN_FILENO) &&
	    isatty(STDOUT_FILENO))
		c->mode = RUN_PLAIN;
	c->listen = listens(c);
	/* Where nobody sits only who asks for it is seen */
	if (!c->discover_given && c->mode != RUN_SCREEN && c->mode != RUN_PLAIN)
		c->discover = DISCOVER_OFF;
	if (c->color == SW_AUTO && ((no_color && *no_color) || dumb))
		c->color = SW_OFF;
}

/* Needs no folder and leaves no trace. The accounts of a center are in its
 * folder, though no engine is needed for them. */
static bool bare(const struct config *c)
{
	return c->mode == RUN_HELP || c->mode == RUN_VERSION ||
	       (c->mode == RUN_COMMAND && config_command(c->argv[0])->bare &&
		strcmp(c->argv[0], "center") != 0);
}

/* A demonstration has nothing to do with the identity one has. */
static void demo_apart(struct config *c)
{
	if (c->mode == RUN_COMMAND && !strcmp(c->argv[0], "demo") && !c->home &&
	    !strcmp(c->profile, "default"))
		c->ephemeral = true;
}

/* It looks at everything and makes nothing, whatever the configuration. */
static bool doctor(const struct config *c)
{
	return c->argc && c->mode != RUN_HELP && c->mode != RUN_VERSION &&
	       !strcmp(c->argv[0], "doctor");
}

/* For `doctor` an error is one more thing to tell. */
static enum err forgive(struct config *c, enum err err, const char *why)
{
	if (!err || !doctor(c))
		return err;
	for (size_t i = 0; i < c->n_trouble; i++)
		if (!strcmp(c->trouble[i], why))
			return OK;
	c->trouble =
	    xrealloc(c->trouble, (c->n_trouble + 1) * sizeof *c->trouble);
	c->trouble[c->n_trouble++] =
	    xstrndup((struct bytes){(const uint8_t *)why, strlen(why)});
	return OK;
}

/* Twice over: first so that a slip is told before anything is made, and the
 * second time over what the file said. */
static enum err load(struct config *c, const struct line *l, int *exit_code,
		     char why[static 256])
{
	enum err err = forgive(c, environment_apply(c, why), why);

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
	if (err || (bare(c) && !doctor(c)))
		return err;
	*exit_code = EXIT_CONFIG;
	err = forgive(c, config_file_apply(c, c->config_path, why), why);
	if (!err)
		err = forgive(c, environment_apply(c, why), why);
	if (!err)
		err = options_apply(c, l, why);
	return err;
}

/* A door for what nobody protects is opened to all on purpose only. */
static enum err plain_check(const struct config *c, const struct line *l,
			    int *exit_code, char why[static 256])
{
	struct listen_at door[LISTEN_MAX + 1];
	size_t n = c->n_plain;
	char at[ADDR_TEXT];

	memcpy(door, c->plain, sizeof c->plain);
	if (c->pushes.dialect)
		door[n++] = c->pushes;
	for (size_t i = 0; i < n && !c->plain_on_network; i++) {
		if (addr_loopback(&door[i].at))
			continue;
		for (size_t k = 0; k < l->n; k++)
			if (!strcmp(l->given[k].what->option, "--listen") ||
			    !strcmp(l->given[k].what->option, "--center-port"))
				*exit_code = EXIT_USAGE;
		addr_text(at, &door[i].at);
		snprintf(why, 256,
			 "listen %s=%s: anybody on the network could read and "
			 "forge that; --plain-on-network allows it",
			 door[i].dialect, at);
		return ERR_AUTH;
	}
	return OK;
}

static bool is_booth(const struct config *c, size_t i)
{
	return c->plain[i].dialect == dialect_center.name;
}

static bool booth_given(const struct line *l)
{
	for (size_t i = 0; i < l->n; i++)
		if (!strcmp(l->given[i].what->option, "--listen") &&
		    !strncmp(l->given[i].value, "center=", 7))
			return true;
	return false;
}

/* Clients of document 002 are served by `sotto center` alone. A line of
 * config.ini that says so does not keep other commands from working. */
static enum err booth_check(struct config *c, const struct line *l,
			    int *exit_code, char why[static 256])
{
	size_t kept = 0, n = c->n_plain;

	for (size_t i = 0; i < n; i++)
		if (c->center || !is_booth(c, i))
			c->plain[kept++] = c->plain[i];
	c->n_plain = kept;
	if (kept < n && booth_given(l)) {
		*exit_code = EXIT_USAGE;
		snprintf(why, 256,
			 "--listen center=: only sotto center serves "
			 "the clients of document 002");
		return ERR_STATE;
	}
	for (size_t i = 0; i < kept; i++)
		if (is_booth(c, i) && c->pushes.dialect) {
			if (booth_given(l))
				*exit_code = EXIT_USAGE;
			snprintf(why, 256,
				 "center-port: not beside listen center=; who "
				 "serves document 002 logs in nowhere by it");
			return ERR_STATE;
		}
	return OK;
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
		err = forgive(c, plain_check(c, &l, exit_code, why), why);
	if (!err)
		err = forgive(c, booth_check(c, &l, exit_code, why), why);
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
	free(c->center_store);
	free(c->center_addresses);
	free(c->login_at);
	free(c->login_user);
	free(c->keys_file);
	for (size_t i = 0; i < c->n_warnings; i++)
		free(c->warning[i]);
	free(c->warning);
	for (size_t i = 0; i < c->n_trouble; i++)
		free(c->trouble[i]);
	free(c->trouble);
	*c = (struct config){0};
}
