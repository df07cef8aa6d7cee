#include "src/config_impl.h"
#include <errno.h>
#include <ini.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* Reads config.ini. */
enum {
	FILE_MAX = 65536, /* bytes of it */
	LINE_BYTES = 4096,
	LINE_ENDS = 3, /* CR, LF, NUL: what the library wants besides */
	WARNINGS_MAX = 32,
};

/* How long a line may be is fixed when the library is built, at 200 bytes as
 * it comes. Debian made variables of its settings; elsewhere these are not
 * there, and next_line refuses what the library would cut without a word. */
#pragma weak ini_use_stack
#pragma weak ini_initial_alloc
#pragma weak ini_max_line
extern bool ini_use_stack;
extern int ini_initial_alloc, ini_max_line;

static void long_lines(void)
{
	if (!&ini_use_stack || !&ini_initial_alloc || !&ini_max_line)
		return;
	ini_use_stack = false;
	ini_initial_alloc = ini_max_line = LINE_BYTES + LINE_ENDS;
}

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
	static const char *const later[] = {"login", NULL};
	char shown[64];
	int i;

	config_quoted(shown, key);
	if (config_among(key, later, &i))
		warn(f, "%s is not in this version", shown);
	else
		warn(f, "unknown key %s; see sotto help config", shown);
}

static int on_key(void *user, const char *section, const char *key,
		  const char *value)
{
	struct file *f = user;
	const struct setting *s = config_key_setting(key);
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
		if (f->c->page_odd && !f->c->page_told)
			warn(f,
			     "%s: the page is for this machine alone, and its "
			     "files are in the program",
			     key);
		f->c->page_told = f->c->page_odd;
		return 1;
	} else {
		snprintf(f->reason, sizeof f->reason, "%s: %.*s", key,
			 REASON - 40, reason);
	}
	f->bad_line = f->line;
	return 0;
}

/* Never to hear of a line is the end of the file for the library. */
static char *refuse_line(struct file *f, const char *reason)
{
	if (!f->bad_line) {
		f->bad_line = f->line;
		snprintf(f->reason, sizeof f->reason, "%s", reason);
	}
	return NULL;
}

/* For the library, as fgets. Blanks at the start go, else it would take the
 * line for more of the value before it. */
static char *next_line(char *str, int num, void *user)
{
	struct file *f = user;
	const char *p = (const char *)f->text.p + f->at;
	const char *end = (const char *)f->text.p + f->text.n;
	const char *eol = memchr(p, '\n', (size_t)(end - p));
	char why[64];

	if (p == end)
		return NULL;
	f->line++;
	eol = eol ? eol : end;
	if (memchr(p, 0, (size_t)(eol - p)))
		return refuse_line(f, "a NUL byte; is it a text file?");
	if (eol - p > num - LINE_ENDS) {
		snprintf(why, sizeof why, "longer than %d bytes",
			 num - LINE_ENDS);
		return refuse_line(f, why);
	}
	eol += eol < end;
	f->at += (size_t)(eol - p);
	while (p < eol && (*p == ' ' || *p == '\t'))
		p++;
	snprintf(str, (size_t)num, "%.*s", (int)(eol - p), p);
	return str;
}

enum err config_text_read(struct buf *text, const char *path)
{
	FILE *in = fopen(path, "re");
	enum err err = OK;

	if (!in)
		return errno == ENOENT ? OK : ERR_SYS;
	buf_room(text, FILE_MAX + 1);
	text->n = fread(text->p, 1, FILE_MAX + 1, in);
	if (ferror(in))
		err = ERR_SYS;
	else if (text->n > FILE_MAX)
		err = ERR_LIMIT;
	fclose(in);
	return err;
}

static enum err file_parse(struct file *f)
{
	long_lines();

	int line = ini_parse_stream(next_line, f, on_key, f);

	if (line < 0)
		abort(); /* memory is out: as xmalloc does */
	if (!line && !f->bad_line)
		return OK;
	if (line && (!f->bad_line || line < f->bad_line)) {
		f->bad_line = line;
		snprintf(f->reason, sizeof f->reason, "not key = value");
	}
	return ERR_PARSE;
}

enum err config_file_apply(struct config *c, const char *path,
			   char why[static 256])
{
	size_t n = strlen(path);
	struct file f = {.c = c, .name = n > 80 ? path + n - 80 : path};
	enum err err = config_text_read(&f.text, path);

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

/* ---- what a text says of one thing ---- */

struct said {
	struct file f; /* first: next_line has it for its own */
	const struct setting *what;
	struct buf *value;
};

static int on_said(void *user, const char *section, const char *key,
		   const char *value)
{
	struct said *said = user;
	const struct setting *s = config_key_setting(key);

	if (*section || !s || s->set != said->what->set)
		return 1;
	said->value->n = 0;
	buf_printf(said->value, "%s", value);
	return 1;
}

enum err config_text_says(struct bytes text, const struct setting *s,
			  struct buf *value)
{
	struct said said = {.what = s, .value = value};

	if (text.n > FILE_MAX)
		return ERR_LIMIT;
	buf_put(&said.f.text, text);
	long_lines();

	int line = ini_parse_stream(next_line, &said.f, on_said, &said);

	buf_free(&said.f.text);
	if (line < 0)
		abort();
	return said.f.bad_line ? ERR_PARSE : OK;
}
