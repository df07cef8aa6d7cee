/* sotto center add, passwd, remove, list, invite: the accounts of a message
 * center, in its store, beside a center that runs or not. */
#include "src/center_account.h"
#include "src/client.h"
#include "src/clock.h"
#include "src/lines_json.h"
#include "ui/shell.h"
#include "ui/shell_secret.h"
#include "ui/text.h"
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	EXIT_USAGE = 2,
	EXIT_REFUSED = 4,
	EXIT_UNKNOWN = 6, /* or out of reach */
	EXIT_INTERRUPTED = 130,
	PATIENCE_MS = 2000, /* for a center that runs beside us */
	NAME_COLS = 20,
};

/* One of the five at work. */
struct clerk {
	const struct config *cfg;
	struct center_backend *b;
	const char *user; /* or NULL: list */
	bool text, yes;
	struct rng rng;
	struct now now;
};

static struct bytes view(const char *s)
{
	return (struct bytes){(const uint8_t *)s, strlen(s)};
}

/* ---- what goes wrong ---- */

static int failed(const struct clerk *k, enum err err)
{
	int saved = errno;

	switch ((int)err) {
	case ERR_ABSENT:
		return shell_fail(EXIT_UNKNOWN, "%s has no account here",
				  k->user);
	case ERR_EXISTS:
		return shell_fail(EXIT_REFUSED,
				  "%s has an account already; "
				  "passwd gives it another password",
				  k->user);
	case ERR_CLOSED:
		return shell_fail(EXIT_UNKNOWN,
				  "the center's store does not answer; "
				  "whether it was done is not known");
	case ERR_PARSE:
		return shell_fail(EXIT_FAILURE,
				  "%s is damaged; remove takes it away",
				  k->user ? k->user : "an account");
	case ERR_SYS:
		return shell_fail(saved == EBUSY ? EXIT_UNKNOWN : EXIT_FAILURE,
				  "the center's store: %s",
				  saved == EBUSY
				      ? "somebody else holds it; try again"
				      : strerror(saved));
	default:
		return shell_fail(EXIT_FAILURE, "the center's store: %s",
				  err_text(err));
	}
}

static bool is_file(const char *store)
{
	return strncmp(store, "nats://", 7) && strncmp(store, "tls://", 6);
}

static int open_at(struct clerk *k, const char *store, bool make)
{
	const struct center_rules *rules =
	    k->cfg->center_plain ? &center_beside_rules : NULL;
	char why[256] = "";

	if (!make && is_file(store) && access(store, F_OK))
		return shell_fail(EXIT_UNKNOWN,
				  "there is no center here: %s: %s", store,
				  strerror(errno));
	enum err err = center_open(store, rules, &k->b, why);
	if (!err)
		return 0;
	return shell_fail(err == ERR_CLOSED ||
				  (err == ERR_SYS && errno == EBUSY)
			      ? EXIT_UNKNOWN
			      : EXIT_FAILURE,
			  "%s", why);
}

static int open_store(struct clerk *k, bool make)
{
	const char *store = k->cfg->center_store;
	char *beside = k->cfg->center_plain ? center_beside(store) : NULL;
	int status = open_at(k, beside ? beside : store, make);

	free(beside);
	return status;
}

/* Whether he has an account, before somebody types a password in vain. */
static enum err look(const struct clerk *k)
{
	struct center_acct *a = xmalloc(sizeof *a);
	uint64_t rev;
	enum err err = k->b->acct_get(k->b, k->user, a, &rev);

	secret_wipe(a, sizeof *a);
	free(a);
	return err;
}

/* ---- what is said ---- */

static void json_begin(struct buf *b, const char *user)
{
	json_open(b, NULL);
	json_number(b, "v", 1);
	json_string(b, "user", user);
}

static void json_say(struct buf *b)
{
	json_close(b);
	shell_line((struct bytes){b->p, b->n});
	buf_free(b);
}

/* did: one word */
static void say_done(const struct clerk *k, const char *did)
{
	struct buf b = {0};

	if (k->text) {
		shell_say("%s: %s", k->user, did);
		return;
	}
	json_begin(&b, k->user);
	json_string(&b, "done", did);
	json_say(&b);
}

/* ---- passwords ---- */

static int secret_failed(enum secret s)
{
	switch (s) {
	case SECRET_NONE:
		return shell_fail(EXIT_USAGE, "an empty password is none");
	case SECRET_LONG:
		return shell_fail(EXIT_USAGE, "a password has at most %d bytes",
				  (int)SECRET_MAX);
	case SECRET_BAD:
		return shell_fail(EXIT_USAGE, "that password is not UTF-8");
	case SECRET_SIGNAL:
		return EXIT_INTERRUPTED;
	case SECRET_OK:
		break;
	}
	return 0;
}

/* Twice, since it is not seen. */
static int ask_again(const struct secret_line *first)
{
	struct secret_line second;
	enum secret s = secret_ask("once more: ", &second);
	bool same = !s && secret_same((struct bytes){first->p, first->n},
				      (struct bytes){second.p, second.n});

	secret_wipe(&second, sizeof second);
	if (s == SECRET_SIGNAL)
		return EXIT_INTERRUPTED;
	return same ? 0
		    : shell_fail(EXIT_USAGE, "these are two passwords: "
					     "nothing was done");
}

static int ask_password(const struct clerk *k, struct secret_line *out)
{
	char prompt[CENTER_NAME_MAX + 32];

	_Static_assert((int)SECRET_MAX == (int)PASSWORD_MAX, "one size");
	snprintf(prompt, sizeof prompt, "password of %s: ", k->user);
	int status = secret_failed(secret_ask(prompt, out));
	if (!status && secret_terminal())
		status = ask_again(out);
	return status;
}

/* add and passwd */
static int with_password(struct clerk *k, bool make)
{
	struct secret_line word = {0};
	int status = ask_password(k, &word);
	struct bytes password = {word.p, word.n};
	enum err err;

	if (status)
		goto done;
	k->now = clock_now(&k->rng, NULL);
	err = make ? account_add(k->b, k->user, password, &k->now)
		   : account_password(k->b, k->user, password);
	if (err)
		status = failed(k, err);
	else
		say_done(k, make ? "added" : "changed");
done:
	secret_wipe(&word, sizeof word);
	return status;
}

static int center_add(struct clerk *k)
{
	enum err err = look(k);

	if (err == ERR_ABSENT)
		return with_password(k, true);
	return failed(k, err ? err : ERR_EXISTS);
}

static int center_passwd(struct clerk *k)
{
	enum err err = look(k);

	return err ? failed(k, err) : with_password(k, false);
}

/* ---- remove ---- */

static int consent(const struct clerk *k)
{
	char answer[16] = "";

	if (k->yes)
		return 0;
	if (!secret_terminal())
		return shell_fail(EXIT_USAGE, "nobody is here to be asked: "
					      "remove --yes");
	fprintf(stderr, "Remove the account of %s? [y/N] ", k->user);
	if (fgets(answer, sizeof answer, stdin) &&
	    (answer[0] == 'y' || answer[0] == 'Y'))
		return 0;
	return shell_fail(EXIT_REFUSED, "nothing was removed");
}

/* It would be taken over again. */
static void warn_of_credentials(const struct clerk *k)
{
	char *path;

	if (asprintf(&path, "%s/credentials.txt", k->cfg->data_dir) < 0)
		abort();
	if (!access(path, F_OK))
		shell_fail(0,
			   "%s is still there: who is named in it gets an "
			   "account at the center's next start",
			   path);
	free(path);
}

static int center_remove(struct clerk *k)
{
	enum err err = look(k);
	int status = err && err != ERR_PARSE ? failed(k, err) : consent(k);

	if (status)
		return status;
	err = account_remove(k->b, k->user);
	if (err)
		return failed(k, err);
	say_done(k, "removed");
	if (k->text)
		shell_say("%s stay until they are too old. "
			  "Who is logged in is logged off within half a "
			  "minute.",
			  k->cfg->center_plain ? "Texts to it"
					       : "Letters to its devices");
	warn_of_credentials(k);
	return 0;
}

/* ---- list ---- */

struct line {
	char user[CENTER_NAME_MAX + 1];
	bool password;
	int64_t made_ms, invite_ms;
	size_t devices, blocked;
};
struct lines_of {
	struct line *line;
	size_t n, cap;
	int64_t now_ms;
};

static void note_account(void *ctx, const char *user,
			 const struct center_acct *a)
{
	struct lines_of *l = ctx;

	if (l->n == l->cap) {
		l->cap = l->cap * 2 + 64;
		l->line = xrealloc(l->line, l->cap * sizeof *l->line);
	}
	struct line *to = &l->line[l->n++];
	*to = (struct line){.password = a->password[0],
			    .made_ms = a->made_ms,
			    .devices = a->n_keys,
			    .blocked = a->n_blocked};
	if (a->invite_ms > l->now_ms)
		to->invite_ms = a->invite_ms;
	snprintf(to->user, sizeof to->user, "%s", user);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct line *)a)->user,
		      ((const struct line *)b)->user);
}

static void say_columns(const char *name, const char *made, const char *devices,
			const char *invited, const char *blocked)
{
	struct buf b = {0};

	text_pad(&b, view(name), NAME_COLS);
	shell_say("%.*s  %-19s  %7s  %-19s  %7s", (int)b.n, (const char *)b.p,
		  made, devices, invited, blocked);
	buf_free(&b);
}

static void say_text(const struct line *l)
{
	char made[64] = "-", until[64] = "-", devices[24], blocked[24];

	if (l->made_ms)
		clock_local(made, l->made_ms, CLOCK_LOG);
	if (l->invite_ms)
		clock_local(until, l->invite_ms, CLOCK_LOG);
	snprintf(devices, sizeof devices, "%zu", l->devices);
	snprintf(blocked, sizeof blocked, "%zu", l->blocked);
	say_columns(l->user, made, devices, until, blocked);
}

static void say_json(const struct line *l)
{
	struct buf b = {0};

	json_begin(&b, l->user);
	json_time(&b, "made", l->made_ms);
	json_number(&b, "devices", (int64_t)l->devices);
	json_flag(&b, "password", l->password);
	json_time(&b, "invited_until", l->invite_ms);
	json_number(&b, "blocked", (int64_t)l->blocked);
	json_say(&b);
}

static int center_list(struct clerk *k)
{
	struct lines_of all = {.now_ms = k->now.wall_us / 1000};
	enum err err = k->b->acct_each(k->b, note_account, &all);

	if (all.n)
		qsort(all.line, all.n, sizeof *all.line, by_name);
	if (k->text && all.n)
		say_columns("NAME", "MADE", "DEVICES", "INVITED UNTIL",
			    "BLOCKED");
	for (size_t i = 0; i < all.n; i++)
		k->text ? say_text(&all.line[i]) : say_json(&all.line[i]);
	if (k->text && !all.n && !err)
		shell_say("nobody has an account");
	free(all.line);
	return err ? failed(k, err) : 0;
}

/* ---- invite ---- */

/* Where a center of this identity listens now, as it tells others; else where
 * it will, as far as one can know. */
static void find_address(const struct clerk *k, char out[static ADDR_TEXT])
{
	int port = k->cfg->port > 0 ? k->cfg->port : 6327;
	const struct event *ev = NULL;
	struct client *c;

	snprintf(out, ADDR_TEXT, "HOST:%d", port);
	if (client_connect(k->cfg->control_path, &c))
		return;
	struct pollfd p = {.fd = client_fd(c), .events = POLLIN};
	while (!(ev = client_next(c)) && poll(&p, 1, PATIENCE_MS) > 0)
		;
	if (ev && ev->kind == EV_READY && ev->contact && ev->contact->at.port)
		addr_text(out, &ev->contact->at);
	client_close(c);
}

static void say_invite(const struct clerk *k, const char *code, const char *at,
		       int64_t until_ms)
{
	struct buf b = {0};
	char until[64];

	if (!k->text) {
		json_begin(&b, k->user);
		json_string(&b, "code", code);
		json_string(&b, "at", at);
		json_time(&b, "until", until_ms);
		json_say(&b);
		return;
	}
	clock_local(until, until_ms, CLOCK_LOG);
	shell_say("%s", code);
	shell_say("Tell it to %s alone, with this:", k->user);
	shell_say("    /login %s %s", at, k->user);
	shell_say("and the code as the password. It is good once, until %s.",
		  until);
	if (!strncmp(at, "HOST:", 5))
		shell_say("HOST is this machine, as others reach it.");
}

static int center_invite(struct clerk *k)
{
	static const int64_t DAY_MS = 86400000;
	char code[INVITE_CODE], at[ADDR_TEXT];
	enum err err = account_invite(k->b, k->user, &k->now, code);

	if (err)
		return failed(k, err);
	find_address(k, at);
	say_invite(k, code, at, k->now.wall_us / 1000 + INVITE_DAYS * DAY_MS);
	secret_wipe(code, sizeof code);
	return 0;
}

/* ---- which one ---- */

static const struct {
	const char *name;
	int (*run)(struct clerk *k);
	bool user, make; /* it needs one; it makes a store where none is */
} verbs[] = {
    {"add", center_add, true, true},
    {"passwd", center_passwd, true, false},
    {"remove", center_remove, true, false},
    {"list", center_list, false, false},
    {"invite", center_invite, true, true},
};
enum { N_VERBS = sizeof verbs / sizeof *verbs };

static size_t verb_find(const struct words *w)
{
	for (size_t i = 0; i < N_VERBS && w->argc > 1; i++)
		if (!strcmp(verbs[i].name, w->argv[1]))
			return i;
	return N_VERBS;
}

static int check(const struct clerk *k, size_t verb, const struct words *w)
{
	if (!words_end(w, 2))
		return EXIT_USAGE;
	if (verb == N_VERBS)
		return shell_fail(EXIT_USAGE,
				  "center knows add, passwd, "
				  "remove, list and invite%s%s",
				  w->argc > 1 ? ", not " : "",
				  w->argc > 1 ? w->argv[1] : "");
	if (k->cfg->ephemeral)
		return shell_fail(EXIT_USAGE, "a center's accounts stay; "
					      "--ephemeral keeps none");
	if (k->yes && verbs[verb].run != center_remove)
		return shell_fail(EXIT_USAGE, "--yes belongs to remove");
	if (k->cfg->center_plain && verbs[verb].run == center_invite)
		return shell_fail(EXIT_USAGE,
				  "a plain account has a password, and no "
				  "invitation");
	if (verbs[verb].user != (w->argc > 2))
		return shell_fail(EXIT_USAGE, "center %s takes %s",
				  verbs[verb].name,
				  verbs[verb].user ? "a name" : "no name");
	if (k->user && k->cfg->center_plain && strpbrk(k->user, "]>"))
		return shell_fail(EXIT_USAGE,
				  "no name for a plain account: ] and > would "
				  "end it in what others read");
	if (k->user && !center_name_ok(k->user))
		return shell_fail(EXIT_USAGE,
				  "that is no name: 1 to %d bytes of UTF-8 "
				  "without blanks, control characters and |",
				  (int)CENTER_NAME_MAX);
	return 0;
}

int shell_center(const struct config *cfg, struct words *w)
{
	struct clerk k = {.cfg = cfg, .yes = words_flag(w, "--yes")};
	size_t verb = verb_find(w);

	k.text = cfg->output == SW_OFF ||
		 (cfg->output == SW_AUTO && isatty(STDOUT_FILENO));
	k.user = w->argc > 2 ? w->argv[2] : NULL;
	int status = check(&k, verb, w);
	if (!status)
		status = open_store(&k, verbs[verb].make);
	if (status)
		return status;
	clock_seed(&k.rng);
	k.now = clock_now(&k.rng, NULL);
	status = verbs[verb].run(&k);
	center_close(k.b);
	return shell_flush() || status ? status : EXIT_FAILURE;
}
