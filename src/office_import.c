#include "src/office_import.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const int64_t SAY_US = 5000000;   /* how far we are */
static const int64_t AGAIN_US = 1000000; /* the backend does not answer */

struct takeover {
	struct import import;
	int64_t said_us, again_us;
	bool waits; /* for the backend, which was said */
};

PRINTF(3, 4)
static void say(struct effects *fx, int level, const char *fmt, ...)
{
	char text[256];
	struct event ev = {.kind = EV_NOTICE, .text = text};
	va_list ap;

	ev.level = level == LEVEL_INFO ? LEVEL_INFO : LEVEL_WARN;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	effects_put(fx, &(struct effect){.kind = FX_EVENT, .event = &ev});
}

static const char *why(enum err err)
{
	if (err == ERR_SYS)
		return strerror(errno);
	return err == ERR_LIMIT ? "it is too long" : err_text(err);
}

struct takeover *takeover_begin(const char *path, const struct now *now,
				struct effects *fx)
{
	struct takeover *t = xzalloc(sizeof *t);
	enum err err = import_open(&t->import, path);

	t->said_us = now->mono_us;
	if (!err && t->import.shared)
		say(fx, LEVEL_WARN,
		    "%s: others on this machine can read these passwords",
		    t->import.name);
	if (!err)
		return t;
	if (err != ERR_ABSENT)
		say(fx, LEVEL_WARN, "%s: not taken over: %s", t->import.name,
		    why(err));
	takeover_end(t);
	return NULL;
}

/* A line each. */
static void say_wrong(const struct import *i, struct effects *fx)
{
	const char *s = (const char *)i->said.p;

	for (size_t at = 0; at < i->said.n;) {
		const char *end = memchr(s + at, '\n', i->said.n - at);
		int n = (int)(end ? end - (s + at) : 0);

		say(fx, LEVEL_WARN, "%.*s", n, s + at);
		at += (size_t)n + 1;
	}
	if (i->wrong > IMPORT_SAID)
		say(fx, LEVEL_WARN, "%s: and %u lines more", i->name,
		    i->wrong - IMPORT_SAID);
}

static void say_end(const struct import *i, struct effects *fx)
{
	say_wrong(i, fx);
	say(fx, LEVEL_INFO,
	    "%s: %u account%s taken over, %u %s there already%s", i->name,
	    i->added, i->added == 1 ? "" : "s", i->known,
	    i->known == 1 ? "was" : "were",
	    i->added || i->known ? "; the file is not needed any more" : "");
}

/* What waits for an answer is tried again; what cannot get better is not. */
static bool failed(struct takeover *t, const struct now *now, enum err err,
		   struct effects *fx)
{
	if (err != ERR_CLOSED) {
		say_wrong(&t->import, fx);
		say(fx, LEVEL_WARN, "%s: ended at line %u: %s", t->import.name,
		    t->import.line + 1, why(err));
		return false;
	}
	if (!t->waits)
		say(fx, LEVEL_WARN, "%s: the backend does not answer",
		    t->import.name);
	t->waits = true;
	t->again_us = now->mono_us + AGAIN_US;
	return true;
}

bool takeover_turn(struct takeover *t, struct center_backend *b,
		   const struct now *now, struct effects *fx)
{
	bool more;

	if (now->mono_us < t->again_us)
		return true;
	enum err err = import_next(&t->import, b, now, &more);
	if (err)
		return failed(t, now, err, fx);
	t->waits = false;
	if (!more) {
		say_end(&t->import, fx);
		return false;
	}
	if (now->mono_us - t->said_us > SAY_US) {
		t->said_us = now->mono_us;
		say(fx, LEVEL_INFO, "%s: at line %u", t->import.name,
		    t->import.line);
	}
	return true;
}

int takeover_wait(const struct takeover *t, const struct now *now)
{
	int64_t left = t->again_us - now->mono_us;

	return left <= 0 ? 0 : (int)(left / 1000) + 1;
}

void takeover_end(struct takeover *t)
{
	if (!t)
		return;
	import_close(&t->import);
	free(t);
}
