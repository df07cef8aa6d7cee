#include "src/journal.h"
#include "src/clock.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { JOURNAL_MAX = 8 << 20, KNOWN_MAX = 1 << 20 };

/* What the journal remembers of a contact, to say who came and left. */
struct known {
	char *name;
	bool online;
};

struct journal {
	struct known *known; /* by contact_id, those below n_known */
	size_t n_known;
	FILE *file;
	char *path;
	long size;
	bool full;
	bool dirty; /* lines wait in the stream */
	struct buf line;
	int64_t second; /* Unix; `when` says it */
	char when[64];
};

/* Also in a folder that others may read. */
static FILE *open_private(const char *path)
{
	FILE *f = fopen(path, "ae");

	if (f)
		fchmod(fileno(f), S_IRUSR | S_IWUSR);
	return f;
}

struct journal *journal_open(const char *path, bool full)
{
	FILE *f = open_private(path);
	struct journal *j;

	if (!f)
		return NULL;
	j = xmalloc(sizeof *j);
	*j = (struct journal){.file = f, .full = full};
	j->path = xstrndup((struct bytes){(const uint8_t *)path, strlen(path)});
	fseek(f, 0, SEEK_END);
	j->size = ftell(f);
	return j;
}

void journal_close(struct journal *j)
{
	if (!j)
		return;
	if (j->file)
		fclose(j->file);
	for (size_t i = 0; i < j->n_known; i++)
		free(j->known[i].name);
	free(j->known);
	buf_free(&j->line);
	free(j->path);
	free(j);
}

static void rotate(struct journal *j)
{
	struct buf old = {0};

	buf_printf(&old, "%s.1", j->path);
	fclose(j->file);
	rename(j->path, (const char *)old.p);
	j->file = open_private(j->path);
	j->size = 0;
	buf_free(&old);
}

static void put(struct buf *b, const char *s)
{
	buf_put(b, (struct bytes){(const uint8_t *)s, strlen(s)});
}

/* 004: "[ÉÉÉÉ.HH.NN ÓÓ:PP:MM]" */
static void put_line(struct journal *j, int64_t wall_us, struct bytes text)
{
	struct buf *line = &j->line;

	if (wall_us / 1000000 != j->second)
		clock_local(j->when, wall_us / 1000, CLOCK_LOG);
	j->second = wall_us / 1000000;
	line->n = 0;
	put(line, "[");
	put(line, j->when);
	put(line, "] ");
	text_clean(line, text);
	put(line, "\n");
	if (j->file)
		j->dirty |= fwrite(line->p, 1, line->n, j->file) == line->n;
	j->size += (long)line->n;
	if (j->file && j->size > JOURNAL_MAX)
		rotate(j);
}

void journal_flush(struct journal *j)
{
	if (j && j->file && j->dirty)
		fflush(j->file);
	if (j)
		j->dirty = false;
}

void journal_line(struct journal *j, int64_t wall_us, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	if (!j)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	put_line(j, wall_us, (struct bytes){(uint8_t *)text, strlen(text)});
}

static const char *name_of(const struct contact *c)
{
	return c->petname[0] ? c->petname : c->nick[0] ? c->nick : c->ident;
}

/* NULL: more contacts than are remembered. */
static struct known *known_of(struct journal *j, contact_id id)
{
	if (id <= 0 || id >= KNOWN_MAX)
		return NULL;
	if ((size_t)id >= j->n_known) {
		size_t n = (size_t)id + 16;

		j->known = xrealloc(j->known, n * sizeof *j->known);
		memset(j->known + j->n_known, 0,
		       (n - j->n_known) * sizeof *j->known);
		j->n_known = n;
	}
	return &j->known[id];
}

static void put_presence(struct journal *j, int64_t wall_us,
			 const struct contact *c)
{
	struct known *k = known_of(j, c->id);
	bool online = c->presence == P_ONLINE;
	const char *name = name_of(c);

	if (!k)
		return;
	free(k->name);
	k->name = xstrndup((struct bytes){(const uint8_t *)name, strlen(name)});
	if (online != k->online)
		journal_line(j, wall_us,
			     online ? "peer %s connected" : "peer %s left",
			     name);
	k->online = online;
}

static void put_message(struct journal *j, int64_t wall_us,
			const struct event *ev, const char *what)
{
	const struct message *m = ev->message;
	const struct known *k = known_of(j, m->with);
	const char *name = k && k->name ? k->name : "somebody";
	struct buf line = {0};

	buf_printf(&line, "message %s %s%s%s (%zu bytes)",
		   m->incoming ? "from" : "to", name, *what ? " " : "", what,
		   strlen(m->text ? m->text : ""));
	if (j->full && m->text && ev->kind == EV_MESSAGE)
		buf_printf(&line, ": %s", m->text);
	put_line(j, wall_us, (struct bytes){line.p, line.n});
	buf_free(&line);
}

void journal_event(struct journal *j, int64_t wall_us, const struct event *ev)
{
	if (!j)
		return;
	if (ev->kind == EV_MESSAGE && ev->message)
		put_message(j, wall_us, ev,
			    ev->message->incoming ? "" : "queued");
	else if (ev->kind == EV_STATUS && ev->message &&
		 ev->message->delivery == D_DELIVERED)
		put_message(j, wall_us, ev, "delivered");
	else if (ev->kind == EV_PEER && ev->contact && ev->contact->id)
		put_presence(j, wall_us, ev->contact);
	else if (ev->kind == EV_SECURITY || ev->kind == EV_NOTICE ||
		 ev->kind == EV_CONSENT)
		journal_line(j, wall_us, "%s", ev->text ? ev->text : "");
}
