#include "src/peersfile.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINES_MAX = 4096, WARNINGS_MAX = 32 };

static void warn(struct peersfile *p, const char *path, int line,
		 const char *what, const char *text)
{
	struct buf b = {0};

	if (p->n_warnings == WARNINGS_MAX)
		return;
	buf_printf(&b, "%s:%d: %s: ", path, line, what);
	text_clean(&b, (struct bytes){(const uint8_t *)text, strlen(text)});
	p->warning =
	    xrealloc(p->warning, (p->n_warnings + 1) * sizeof *p->warning);
	p->warning[p->n_warnings++] = xstrndup((struct bytes){b.p, b.n});
	buf_free(&b);
}

static char *trimmed(char *s)
{
	size_t n;

	s += strspn(s, " \t");
	n = strlen(s);
	while (n && strchr(" \t\r\n", s[n - 1]))
		s[--n] = 0;
	return s;
}

static bool port_of(const char *s, uint16_t *port)
{
	char *end;
	unsigned long n = strtoul(s, &end, 10);

	if (*s < '0' || *s > '9' || *end || !n || n > 65535)
		return false;
	*port = (uint16_t)n;
	return true;
}

/* host:port or [v6]:port. 004: "ipcím:port" */
static bool host_port(char *s, struct hint *h)
{
	char *host = s, *colon = strrchr(s, ':');
	size_t n;

	if (!colon || !port_of(colon + 1, &h->port))
		return false;
	*colon = 0;
	n = strlen(host);
	if (host[0] == '[' && n > 2 && host[n - 1] == ']') {
		host[n - 1] = 0;
		host++;
	} else if (strchr(host, ':')) {
		return false; /* a v6 address wants brackets */
	}
	n = strlen(host);
	if (!n || n >= sizeof h->host || strpbrk(host, " /@"))
		return false;
	memcpy(h->host, host, n + 1);
	return true;
}

static void take_line(struct peersfile *p, const char *path, int line, char *s)
{
	struct hint h = {.via = VIA_FILE};
	char *scheme = strstr(s, "://"), *copy;

	h.dialect = dialect_named("sotto");
	if (scheme) {
		*scheme = 0;
		h.dialect = dialect_named(s);
		if (!h.dialect) {
			warn(p, path, line, "not in this version", s);
			return;
		}
		s = scheme + 3;
	}
	copy = xstrndup((struct bytes){(const uint8_t *)s, strlen(s)});
	if (host_port(copy, &h)) {
		p->hint = xrealloc(p->hint, (p->n + 1) * sizeof *p->hint);
		p->hint[p->n++] = h;
	} else {
		warn(p, path, line, "not of the form address:port", s);
	}
	free(copy);
}

enum err peersfile_read(struct peersfile *p, const char *path)
{
	char text[512];
	FILE *in = fopen(path, "re");
	int line = 0;

	*p = (struct peersfile){0};
	if (!in && errno == ENOENT)
		return OK;
	if (!in) {
		warn(p, path, 0, strerror(errno), "");
		return ERR_SYS;
	}
	while (line++ < LINES_MAX && fgets(text, sizeof text, in)) {
		char *s = trimmed(text);

		if (*s && *s != '#')
			take_line(p, path, line, s);
	}
	fclose(in);
	return OK;
}

void peersfile_free(struct peersfile *p)
{
	free(p->hint);
	for (size_t i = 0; i < p->n_warnings; i++)
		free(p->warning[i]);
	free(p->warning);
	*p = (struct peersfile){0};
}
