#include "ui/doctor.h"
#include "src/client.h"
#include "src/clock.h"
#include "src/identity.h"
#include "src/look.h"
#include "ui/doctor_impl.h"
#include "ui/words.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	ANSWER_US = 3000000, /* for an engine to say who it is */
	BRIEF_US = 2000000,  /* for one that begins or ends just now */
	TRY_MS = 50,
};

/* ---- findings ---- */

static char *harmless(const char *fmt, va_list ap) PRINTF(1, 0);
static char *harmless(const char *fmt, va_list ap)
{
	struct buf clean = {0};
	char *s, *out;

	if (vasprintf(&s, fmt, ap) < 0)
		abort(); /* memory is out: as xmalloc does */
	text_clean(&clean, (struct bytes){(uint8_t *)s, strlen(s)});
	free(s);
	for (size_t i = 0; i < clean.n; i++)
		if (clean.p[i] == '\n' || clean.p[i] == '\t')
			clean.p[i] = ' ';
	out = xstrndup((struct bytes){clean.p, clean.n});
	buf_free(&clean);
	return out;
}

void found(struct doctor *d, enum health level, const char *fmt, ...)
{
	va_list ap;

	d->last = d->n < FOUND_MAX ? &d->found[d->n++] : NULL;
	if (!d->last)
		return;
	va_start(ap, fmt);
	*d->last = (struct finding){level, d->what, harmless(fmt, ap), NULL};
	va_end(ap);
}

void todo(struct doctor *d, const char *fmt, ...)
{
	va_list ap;

	if (!d->last)
		return;
	free(d->last->todo);
	va_start(ap, fmt);
	d->last->todo = harmless(fmt, ap);
	va_end(ap);
}

static void forget(struct doctor *d)
{
	for (size_t i = 0; i < d->n; i++) {
		free(d->found[i].text);
		free(d->found[i].todo);
	}
	d->n = d->at = 0;
	d->last = NULL;
}

const char *doctor_word(enum health level)
{
	static const char *const words[] = {[FOUND_OK] = N_("ok"),
					    [FOUND_NOTE] = N_("note"),
					    [FOUND_PROBLEM] = N_("PROBLEM")};

	return _(words[level]);
}

void doctor_span(char out[static 32], int64_t ms)
{
	long long s = ms > 0 ? ms / 1000 : 0;

	if (s < 100)
		snprintf(out, 32, _("%lld s"), s);
	else if (s < 6000)
		snprintf(out, 32, _("%lld min"), s / 60);
	else if (s < 48 * 3600)
		snprintf(out, 32, _("%lld h"), s / 3600);
	else
		snprintf(out, 32, _("%lld d"), s / 86400);
}

char *doctor_folder(const char *path)
{
	const char *slash = strrchr(path, '/');
	size_t n = slash ? (size_t)(slash - path) : 0;

	if (!n)
		return xstrndup(
		    (struct bytes){(const uint8_t *)(slash ? "/" : "."), 1});
	return xstrndup((struct bytes){(const uint8_t *)path, n});
}

char *doctor_nearest(const char *path)
{
	char *at =
	    xstrndup((struct bytes){(const uint8_t *)path, strlen(path)});
	struct stat st;

	while (stat(at, &st) && errno == ENOENT && strchr(at + 1, '/')) {
		char *up = doctor_folder(at);

		free(at);
		at = up;
	}
	return at;
}

/* ---- configuration ---- */

static void check_config(struct doctor *d)
{
	const struct config *c = d->cfg;

	for (size_t i = 0; i < c->n_trouble; i++) {
		found(d, FOUND_PROBLEM, "%s", c->trouble[i]);
		todo(d, _("correct it: sotto ends there. "
			  "`sotto help config` and `sotto help options` list "
			  "what there is"));
	}
	for (size_t i = 0; i < c->n_warnings; i++)
		found(d, FOUND_NOTE, "%s", c->warning[i]);
	if (c->n_trouble)
		return;
	if (access(c->config_path, F_OK))
		found(d, FOUND_OK, _("there is no %s, and none is needed"),
		      c->config_path);
	else
		found(d, FOUND_OK, _("%s is obeyed"), c->config_path);
}

/* ---- folders and files ---- */

static void absent_folder(struct doctor *d, const char *path)
{
	char *near = doctor_nearest(path);

	if (!faccessat(AT_FDCWD, near, W_OK | X_OK, AT_EACCESS)) {
		found(d, FOUND_OK, _("%s is made at the first start"), path);
	} else {
		found(d, FOUND_PROBLEM, _("%s cannot be made: %s: %s"), path,
		      near, strerror(errno));
		todo(d, _("make it, or choose another place: sotto --home "
			  "DIR"));
	}
	free(near);
}

static void folder_mode(struct doctor *d, const char *path,
			const struct stat *st)
{
	if (st->st_mode & 022) {
		found(d, FOUND_PROBLEM,
		      _("others may put files into %s, and take yours away"),
		      path);
		todo(d, "chmod 700 %s", path);
	} else if (st->st_mode & 055) {
		found(d, FOUND_NOTE, _("others may look into %s"), path);
		todo(d, "chmod 700 %s", path);
	} else {
		found(d, FOUND_OK, "%s", path);
	}
}

static void check_folder(struct doctor *d, const char *path)
{
	struct stat st;

	if (stat(path, &st)) {
		if (errno == ENOENT) {
			absent_folder(d, path);
			return;
		}
		found(d, FOUND_PROBLEM, "%s: %s", path, strerror(errno));
	} else if (!S_ISDIR(st.st_mode)) {
		found(d, FOUND_PROBLEM, _("%s is not a folder"), path);
		todo(d, _("move it away: a folder belongs there"));
	} else if (st.st_uid != geteuid()) {
		found(d, FOUND_PROBLEM, _("%s belongs to user %u, not to you"),
		      path, (unsigned)st.st_uid);
		todo(d, _("start sotto as that user, or with --home DIR"));
	} else if (faccessat(AT_FDCWD, path, R_OK | W_OK | X_OK, AT_EACCESS)) {
		found(d, FOUND_PROBLEM, _("%s cannot be written: %s"), path,
		      strerror(errno));
		if (errno == EROFS)
			todo(d, _("its file system is mounted for reading "
				  "only: mount it for writing, or use --home "
				  "DIR"));
		else
			todo(d, "chmod 700 %s", path);
	} else {
		folder_mode(d, path, &st);
	}
}

static void check_folders(struct doctor *d)
{
	const struct config *c = d->cfg;
	char *config = doctor_folder(c->config_path);
	char *state = doctor_folder(c->log_path);
	const char *const all[] = {c->data_dir, state, c->run_dir, config};
	struct stat st;

	for (size_t i = 0; i < 4; i++) {
		bool again = false;

		for (size_t k = 0; k < i; k++)
			again |= !strcmp(all[k], all[i]);
		/* nobody makes that of config.ini */
		if (!again && (i < 3 || !stat(all[i], &st)))
			check_folder(d, all[i]);
	}
	free(state);
	free(config);
}

static void check_file(struct doctor *d, const char *path, bool secret)
{
	struct stat st;

	if (lstat(path, &st))
		return;
	if (!S_ISREG(st.st_mode)) {
		found(d, FOUND_PROBLEM, _("%s is not a file"), path);
		todo(d, _("move it away"));
	} else if (st.st_uid != geteuid()) {
		found(d, FOUND_PROBLEM, _("%s belongs to user %u, not to you"),
		      path, (unsigned)st.st_uid);
		todo(d, "chown %u %s", (unsigned)geteuid(), path);
	} else if (st.st_mode & 077) {
		found(d, secret ? FOUND_PROBLEM : FOUND_NOTE,
		      _("others may read or write %s"), path);
		todo(d, "chmod 600 %s", path);
	} else if (faccessat(AT_FDCWD, path, R_OK | W_OK, AT_EACCESS)) {
		found(d, FOUND_PROBLEM, "%s: %s", path, strerror(errno));
		todo(d, "chmod 600 %s", path);
	}
}

static void check_files(struct doctor *d)
{
	static const char *const keys[] = {"rsa-binary.pem", "rsa-nul.pem"};
	const struct config *c = d->cfg;
	size_t before = d->n;

	for (size_t i = 0; i < 2; i++) {
		struct buf path = {0};

		buf_printf(&path, "%s/%s", c->data_dir, keys[i]);
		check_file(d, (const char *)path.p, true);
		buf_free(&path);
	}
	check_file(d, c->lock_path, true);
	check_file(d, c->store_path, false);
	check_file(d, c->log_path, false);
	if (d->n == before)
		found(d, FOUND_OK, _("what is there is yours alone"));
}

/* ---- who we are, and who runs ---- */

static void check_identity(struct doctor *d)
{
	char id[33], why[256];

	switch (identity_look(d->cfg->identity_path, id, why)) {
	case OK:
		found(d, FOUND_OK, _("your id is %s"), id);
		return;
	case ERR_ABSENT:
		found(d, FOUND_OK,
		      _("nobody yet: the key is made at the first start"));
		return;
	case ERR_AUTH:
	case ERR_PARSE:
		found(d, FOUND_PROBLEM, "%s", why);
		return;
	case ERR_SYS:
	case ERR_LIMIT:
	case ERR_STATE:
	case ERR_EXISTS:
	case ERR_FULL:
	case ERR_CLOSED:
		break;
	}
	found(d, FOUND_PROBLEM, "%s", why);
	todo(d, _("without it you are somebody else to everybody: make it "
		  "readable, or put a copy back"));
}

/* What it tells everybody who comes, until it has answered. */
static bool engine_said(struct doctor *d, const struct event *ev)
{
	switch (ev->kind) {
	case EV_READY:
		if (ev->contact)
			d->here = ev->contact->at;
		free(d->listen);
		d->listen = ev->text
				? xstrndup((struct bytes){(uint8_t *)ev->text,
							  strlen(ev->text)})
				: NULL;
		return false;
	case EV_NOTICE:
		if (ev->level != LEVEL_INFO && ev->text)
			found(d, FOUND_PROBLEM, "%s", ev->text);
		return false;
	case EV_RESULT:
		d->running = true;
		return true;
	case EV_BYE:
		return true;
	case EV_PEER:
	case EV_MESSAGE:
	case EV_ITEM:
	case EV_STATUS:
	case EV_LOST:
	case EV_SECURITY:
	case EV_CONSENT:
		break;
	}
	return false;
}

static void ask_engine(struct doctor *d, struct client *c)
{
	int64_t until = clock_mono_us() + ANSWER_US, left = ANSWER_US;
	struct command *cmd = xzalloc(sizeof *cmd);
	const struct event *ev;

	cmd->kind = CMD_ID;
	cmd->ref = 1;
	if (client_send(c, cmd))
		return;
	while (left > 0) {
		struct pollfd p = {.fd = client_fd(c), .events = POLLIN};

		while ((ev = client_next(c)))
			if (engine_said(d, ev))
				return;
		poll(&p, 1, (int)(left / 1000) + 1);
		left = until - clock_mono_us();
	}
}

/* Somebody who holds the lock and does not answer may begin or end just now,
 * or be a sub-command, which serves nobody. */
static void find_engine(struct doctor *d, struct look_lock *lock)
{
	int64_t until = clock_mono_us() + BRIEF_US;
	struct client *c = NULL;

	for (;;) {
		look_lock(d->cfg->lock_path, lock);
		if (!client_connect(d->cfg->control_path, &c)) {
			ask_engine(d, c);
			client_close(c);
			if (d->running)
				return;
		}
		if (!lock->held || clock_mono_us() > until)
			return;
		poll(NULL, 0, TRY_MS);
	}
}

static void say_holder(struct doctor *d, const struct look_lock *lock)
{
	bool socket = !access(d->cfg->control_path, F_OK);
	char name[32];

	look_process(d->pid, name);
	if (!strcmp(name, "sotto") && !socket) {
		found(d, FOUND_NOTE,
		      _("a sub-command of sotto is at work (pid %ld)"), d->pid);
		todo(d, _("look again when it is over"));
		return;
	}
	found(d, FOUND_PROBLEM,
	      _("%s is held by pid %ld (%s), and no engine answers at %s"),
	      d->cfg->lock_path, d->pid, *name ? name : "?",
	      d->cfg->control_path);
	todo(d,
	     lock->pid ? _("end it (kill %ld) if it hangs; another person on "
			   "this machine: sotto --profile NAME")
		       : _("pid %ld may be of another machine or container "
			   "that has the same folder: an identity can be "
			   "open in one place only"),
	     d->pid);
}

static void check_engine(struct doctor *d)
{
	struct look_lock lock;
	char tty[64];

	find_engine(d, &lock);
	identity_holder(d->cfg->lock_path, &d->pid, tty);
	if (lock.pid)
		d->pid = lock.pid;
	if (d->running)
		found(d, FOUND_OK, _("sotto runs%s%s (pid %ld) and answers"),
		      tty[0] ? _(" on ") : "", tty, d->pid);
	else if (lock.held)
		say_holder(d, &lock);
	else if (!access(d->cfg->control_path, F_OK) && lock.known)
		found(d, FOUND_NOTE,
		      _("sotto does not run; the one before could not clean "
			"up, the next one will"));
	else if (lock.there && !lock.known)
		found(d, FOUND_NOTE,
		      _("nobody answers; this system does not tell who holds "
			"%s"),
		      d->cfg->lock_path);
	else
		found(d, FOUND_OK,
		      _("sotto does not run, nothing keeps it "
			"from it"));
}

/* ---- the list ---- */

static const struct {
	const char *what;
	void (*run)(struct doctor *d);
} checks[] = {
    {"config", check_config},      {"folders", check_folders},
    {"files", check_files},        {"identity", check_identity},
    {"engine", check_engine},      {"store", doctor_store},
    {"space", doctor_space},       {"port", doctor_port},
    {"address", doctor_address},   {"discovery", doctor_discovery},
    {"peers", doctor_peers},       {"clock", doctor_clock},
    {"terminal", doctor_terminal}, {"tools", doctor_tools},
    {"build", doctor_build},
};
enum { CHECKS = sizeof checks / sizeof *checks };

struct doctor *doctor_open(const struct config *cfg, enum doctor_for who)
{
	struct doctor *d = xzalloc(sizeof *d);

	d->cfg = cfg;
	d->who = who;
	return d;
}

const struct finding *doctor_next(struct doctor *d)
{
	while (d->at == d->n && d->check < CHECKS) {
		forget(d);
		d->what = checks[d->check].what;
		checks[d->check++].run(d);
	}
	return d->at < d->n ? &d->found[d->at++] : NULL;
}

void doctor_close(struct doctor *d)
{
	forget(d);
	free(d->listen);
	free(d);
}
