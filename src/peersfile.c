#include "src/peersfile.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINES_MAX = 4096, LINE_BYTES = 320, WARNINGS_MAX = 32 };

/* Where we are in the file, for warnings. */
struct place {
	struct peersfile *p;
	const char *name;
	int line;
};

static void warn(const struct place *at, const char *fmt, ...) PRINTF(2, 3);
static void warn(const struct place *at, const char *fmt, ...)
{
	struct peersfile *p = at->p;
	char words[512];
	struct buf text = {0};
	va_list ap;

	if (p->n_warnings == WARNINGS_MAX)
		return;
	va_start(ap, fmt);
	vsnprintf(words, sizeof words, fmt, ap);
	va_end(ap);
	buf_printf(&text, at->line ? "%s:%d: " : "%s: ", at->name, at->line);
	text_clean(&text, (struct bytes){(uint8_t *)words, strlen(words)});
	buf_printf(&text, "%s", ""); /* ends it with NUL */
	p->warning =
	    xrealloc(p->warning, (p->n_warnings + 1) * sizeof *p->warning);
	p->warning[p->n_warnings++] = (char *)text.p;
}

static bool port_read(const char *s, uint16_t *port)
{
	size_t digits = strspn(s, "0123456789");
	long n = digits && digits < 6 && !s[digits] ? strtol(s, NULL, 10) : 0;

	if (n < 1 || n > UINT16_MAX)
		return false;
	*port = (uint16_t)n;
	return true;
}

static bool name_ok(const char *s)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789.-_";

	return *s && !s[strspn(s, allowed)];
}

static bool numeric(const char *s)
{
	uint8_t ip[16];

	return ip_parse((struct bytes){(const uint8_t *)s, strlen(s)}, ip);
}

/* Cuts s, which is host:port, [v6]:port, or one without the port, into its
 * two. What is wrong in words, or NULL. */
static const char *address_read(char *s, struct hint *h)
{
	bool v6 = *s == '[';
	char *host = s + v6, *port;

	if (v6) {
		char *end = strchr(s, ']');

		if (!end || (end[1] && end[1] != ':'))
			return "an address in [ ] ends with ] or ]:PORT";
		port = end[1] ? end + 2 : NULL;
		*end = 0;
	} else if (numeric(s)) {
		port = NULL; /* v4, or v6 in which every : is its own */
	} else {
		port = strchr(s, ':');
		if (port)
			*port++ = 0;
	}
	if (port && !port_read(port, &h->port))
		return "a port is 1 to 65535";
	if (!h->port)
		return "that dialect has no usual port";
	if (strlen(host) >= sizeof h->host ||
	    (v6 || strchr(host, ':') ? !numeric(host) : !name_ok(host)))
		return "no address";
	memcpy(h->host, host, strlen(host) + 1);
	return NULL;
}

/* Cuts "scheme://" off. NULL: one that we do not speak. */
static char *dialect_read(const struct place *at, char *s, struct hint *h)
{
	char *scheme_end = strstr(s, "://");

	h->dialect = &dialect_sotto;
	if (scheme_end) {
		*scheme_end = 0;
		h->dialect = dialect_named(s);
		if (!h->dialect) {
			warn(at, "%s:// is not in this version", s);
			return NULL;
		}
		s = scheme_end + 3;
	}
	h->port = h->dialect->port;
	if (strchr(s, '@')) {
		warn(at, "an address with a key is not in this version");
		return NULL;
	}
	return s;
}

static void take(const struct place *at, char *line)
{
	struct hint h = {.via = VIA_FILE};
	struct peersfile *p = at->p;
	char *whole = xstrndup((struct bytes){(uint8_t *)line, strlen(line)});
	char *s = dialect_read(at, line, &h);
	const char *wrong = s ? address_read(s, &h) : NULL;

	if (wrong) {
		warn(at, "%s: %.64s", wrong, whole);
	} else if (s) {
		if (!(p->n & (p->n - 1))) /* full at each power of two */
			p->hint = xrealloc(p->hint, (p->n ? 2 * p->n : 1) *
							sizeof *p->hint);
		p->hint[p->n++] = h;
	}
	free(whole);
}

/* Takes the blanks off both ends, in place. */
static char *trimmed(char *s)
{
	s += strspn(s, " \t");

	size_t n = strlen(s);

	while (n && strchr(" \t\r\n", s[n - 1]))
		n--;
	s[n] = 0;
	return s;
}

/* The next line, or false at the end. Of one that is too long, or that is not
 * text, *s is NULL. */
static bool next_line(FILE *in, char *buffer, char **s)
{
	int c, n = 0;
	bool good = true;

	while ((c = getc_unlocked(in)) != EOF && c != '\n') {
		if (n == LINE_BYTES - 1 || !c)
			good = false;
		else
			buffer[n++] = (char)c;
	}
	buffer[n] = 0;
	*s = good ? buffer : NULL;
	return c != EOF || n || !good;
}

static void read_all(struct place *at, FILE *in)
{
	static const char bom[] = "\xEF\xBB\xBF";
	char buffer[LINE_BYTES], *s;

	while (next_line(in, buffer, &s)) {
		if (++at->line > LINES_MAX) {
			warn(at, "the rest is not read: more than %d lines",
			     LINES_MAX);
			return;
		}
		if (s && at->line == 1 && !strncmp(s, bom, 3))
			s += 3;
		s = s ? trimmed(s) : NULL;
		if (!s)
			warn(at, "too long, or not text");
		else if (*s && *s != '#')
			take(at, s);
	}
}

enum err peersfile_read(struct peersfile *p, const char *path)
{
	const char *slash = strrchr(path, '/');
	struct place at = {p, slash ? slash + 1 : path, 0};
	enum err err = OK;

	*p = (struct peersfile){0};

	FILE *in = fopen(path, "re");

	if (!in && errno == ENOENT)
		return OK;
	if (in) {
		read_all(&at, in);
		if (ferror(in))
			err = ERR_SYS;
	}
	if (!in || err) {
		at.line = 0;
		warn(&at, "%s", strerror(errno));
		err = ERR_SYS;
	}
	if (in)
		fclose(in);
	return err;
}

void peersfile_free(struct peersfile *p)
{
	free(p->hint);
	for (size_t i = 0; i < p->n_warnings; i++)
		free(p->warning[i]);
	free(p->warning);
	*p = (struct peersfile){0};
}
