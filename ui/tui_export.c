/* A conversation written into a file: page after page, as they come. */
#include "src/clock.h"
#include "ui/tui_impl.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void ask(struct tui *t, message_n after)
{
	struct command cmd = {.kind = CMD_SINCE,
			      .contact = t->export_with,
			      .n = after,
			      .limit = PAGE_MAX};

	tui_send(t, &cmd, WHY_EXPORT, NULL);
	t->export_ref = t->ref;
}

bool tui_export(struct tui *t, struct bytes name)
{
	char *path;
	int fd;

	if (!model_opened(t->model) || t->export_file) {
		tui_say(t, LEVEL_WARN,
			t->export_file ? _("the one before is not done yet")
				       : _("no conversation is open"));
		return false;
	}
	path = xstrndup(name);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		tui_say(t, LEVEL_ERROR, "%s: %s", path, strerror(errno));
	free(path);
	if (fd < 0)
		return false;
	t->export_file = fdopen(fd, "w");
	t->export_with = model_opened(t->model);
	t->n_exported = 0;
	ask(t, 0);
	return true;
}

/* The lines of a text stand below each other, indented. */
static void put_text(FILE *f, const char *text)
{
	struct rows r = {0};

	rows_make(&r, text_of(text), 1 << 20);
	for (size_t i = 0; i < r.n; i++) {
		struct bytes s = rows_at(&r, i);
		fprintf(f, "%s%.*s\n", i ? "    " : "", (int)s.n,
			(const char *)s.p);
	}
	rows_free(&r);
}

void tui_exported(struct tui *t, const struct message *m)
{
	const struct contact *c =
	    m->incoming ? model_find(t->model, m->with) : model_self(t->model);
	char when[64], name[NICK_MAX + 1], quote[200];
	FILE *f = t->export_file;

	clock_local(when, m->stored_ms, CLOCK_LOG);
	text_line(name, sizeof(name), text_of(c ? model_name(c) : ""), 32);
	if (m->quote) {
		text_line(quote, sizeof(quote), text_of(m->quote), 100);
		fprintf(f, "    > %s\n", quote);
	}
	fprintf(f, "[%s] %s: ", when, name);
	put_text(f, m->text);
	t->n_exported++;
}

static bool written(FILE *f)
{
	bool good = !ferror(f) && !fflush(f) && !fsync(fileno(f));

	return !fclose(f) && good;
}

void tui_export_end(struct tui *t, bool good, bool more, message_n next)
{
	if (good && more && !ferror(t->export_file)) {
		ask(t, next);
		tui_say(t, LEVEL_INFO,
			words_count("writes: %u message", "writes: %u messages",
				    t->n_exported),
			t->n_exported);
		return;
	}
	good &= written(t->export_file);
	t->export_file = NULL;
	if (good)
		tui_say(t, LEVEL_INFO,
			words_count("written: %u message",
				    "written: %u messages", t->n_exported),
			t->n_exported);
	else
		tui_say(t, LEVEL_ERROR, _("the file is not whole: %s"),
			errno ? strerror(errno) : _("not done"));
}
