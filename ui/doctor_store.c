/* The store: whole, with room to grow, searchable; and what waits in it. */
#include "src/clock.h"
#include "src/look.h"
#include "ui/doctor_impl.h"
#include "ui/words.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

enum { SCREEN_US = 2000000, MIB = 1 << 20 };

static double mib(const char *path)
{
	struct stat st;

	return stat(path, &st) ? 0 : (double)st.st_size / MIB;
}

static void damaged(struct doctor *d, const char *why)
{
	const char *path = d->cfg->store_path;

	found(d, FOUND_PROBLEM, _("%s is damaged: %s"), path, why);
	todo(d,
	     _("end sotto, keep a copy, move it away (mv %s %s.old) and start "
	       "sotto again: it makes a new one. `sqlite3 %s.old .recover` "
	       "may have the messages"),
	     path, path, path);
}

static void say_store(struct doctor *d, const struct look_store *s)
{
	const char *path = d->cfg->store_path;

	if (s->version < s->version_known)
		found(d, FOUND_NOTE,
		      _("%s is of an older sotto; the next start brings it "
			"up to date"),
		      path);
	else if (s->counted)
		found(d, FOUND_OK,
		      _("%s: %lld messages with %lld peers, %.1f MiB"), path,
		      (long long)s->messages, (long long)s->contacts,
		      mib(path));
	if (s->check[0])
		damaged(d, s->check);
	else if (!s->checked && s->version)
		found(d, FOUND_NOTE,
		      _("not all of it could be checked in two seconds: "
			"`sotto doctor` takes the time"));
	else if (s->version)
		found(d, FOUND_OK, _("checked, nothing is damaged"));
	if (s->unindexed) {
		found(d, FOUND_NOTE,
		      _("a search does not find the last %lld messages by "
			"index yet"),
		      (long long)s->unindexed);
		todo(d, _("nothing: sotto goes on with it whenever it is "
			  "idle"));
	}
}

/* ---- what waits ---- */

static void say_wait(struct doctor *d, const struct look_waits *w,
		     int64_t now_ms)
{
	const char *name = *w->name ? w->name : _("a peer without a name");
	char age[32], tries[64], said[SAID_MAX];

	doctor_span(age, now_ms - w->since_ms);
	snprintf(tries, sizeof tries,
		 w->tries ? _("sent %u times, no receipt yet")
			  : _("not reached yet"),
		 w->tries);
	found(d, FOUND_NOTE, _("%u for %s, since %s: %s"), w->n, name, age,
	      w->blocked   ? _("blocked")
	      : w->changed ? _("the key changed")
	      : *w->error  ? words_said(said, w->error)
			   : tries);
	if (w->blocked)
		todo(d, "sotto unblock %s", name);
	else if (w->changed)
		todo(d, _("ask %s whether that is so, then: sotto trust %s"),
		     name, name);
}

static void say_waits(struct doctor *d, const struct look_store *s)
{
	int64_t now_ms = clock_now(NULL, NULL).wall_us / 1000, told = 0;

	d->what = "outbox";
	if (!s->version || !s->counted)
		return;
	if (!s->waiting)
		found(d, FOUND_OK, _("nothing waits"));
	for (size_t i = 0; i < s->n_waits; i++) {
		say_wait(d, &s->waits[i], now_ms);
		told += s->waits[i].n;
	}
	if (told < s->waiting)
		found(d, FOUND_NOTE, _("%lld more for others: sotto outbox"),
		      (long long)(s->waiting - told));
}

/* ---- all of it ---- */

static void say_seen(struct doctor *d, const struct look_store *s)
{
	const char *path = d->cfg->store_path;

	if (s->foreign) {
		found(d, FOUND_PROBLEM, _("%s is not a store of sotto"), path);
		todo(d, _("move it away; sotto makes one of its own"));
	} else if (s->version > s->version_known) {
		found(d, FOUND_PROBLEM,
		      _("%s was written by a newer sotto (version %d, this "
			"one knows %d)"),
		      path, s->version, s->version_known);
		todo(d, _("use the newer one"));
	} else if (s->unfinished) {
		found(d, FOUND_NOTE,
		      _("what was written last lies beside %s; it can be "
			"checked when the next start has taken it in"),
		      path);
	} else {
		say_store(d, s);
		d->newest_ms = s->newest_ms;
		say_waits(d, s);
	}
}

void doctor_store(struct doctor *d)
{
	const char *path = d->cfg->store_path;
	struct look_store *s = xzalloc(sizeof *s);
	int64_t budget = d->who == DOCTOR_COMMAND ? -1 : SCREEN_US;
	char why[256];
	enum err err = look_store(path, budget, s, why);

	if (!err) {
		say_seen(d, s);
	} else if (err == ERR_ABSENT) {
		found(d, FOUND_OK, _("%s is made at the first start"), path);
	} else if (err == ERR_PARSE) {
		damaged(d, why);
	} else {
		found(d, FOUND_PROBLEM, "%s: %s", path, why);
		todo(d, _("without it sotto does not start: make it readable "
			  "and writable for you"));
	}
	free(s);
}

/* ---- room on the disk ---- */

static void say_space(struct doctor *d, const char *at,
		      const struct statvfs *fs)
{
	enum { NONE_MIB = 16, FEW_MIB = 256 };
	double left = (double)fs->f_bavail * (double)fs->f_frsize / MIB;

	if (fs->f_files && !fs->f_favail) {
		found(d, FOUND_PROBLEM,
		      _("no more files can be made on the disk of %s"), at);
		todo(d, _("remove files there"));
		return;
	}
	found(d,
	      left < NONE_MIB  ? FOUND_PROBLEM
	      : left < FEW_MIB ? FOUND_NOTE
			       : FOUND_OK,
	      left < 10 * 1024 ? _("%.0f MiB are free on the disk of %s")
			       : _("%.0f GiB are free on the disk of %s"),
	      left < 10 * 1024 ? left : left / 1024, at);
	if (left < FEW_MIB)
		todo(d, _("make room: on a full disk no message is taken and "
			  "none is sent"));
}

void doctor_space(struct doctor *d)
{
	char *at = doctor_nearest(d->cfg->data_dir);
	struct statvfs fs;

	if (statvfs(at, &fs))
		found(d, FOUND_NOTE, "%s: %s", at, strerror(errno));
	else
		say_space(d, at, &fs);
	free(at);
}
