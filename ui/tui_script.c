#include "ui/tui_script.h"
#include "src/clock.h"
#include "ui/command.h"
#include "ui/text.h"
#include <curses.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_MOST = 65536, ROW_MOST = 1024, SIZE_MOST = 1000 };

struct step {
	enum { STEP_KEY, STEP_WAIT, STEP_GONE, STEP_SIZE, STEP_SHOW } what;
	struct key key;
	char *words; /* owned; WAIT, GONE */
	int rows, cols, line;
};
struct script {
	struct step *step;
	size_t n, at;
	char *path;
	int64_t since_us; /* it waits; 0: it does not */
};

void script_free(struct script *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->n; i++)
		free(s->step[i].words);
	free(s->step);
	free(s->path);
	free(s);
}

/* ---- reading it ---- */

struct reader {
	struct bytes in;
	size_t at;
	int line;
};

static struct step *step_add(struct script *s, const struct reader *r, int what)
{
	if (s->n % 64 == 0)
		s->step = xrealloc(s->step, (s->n + 64) * sizeof(*s->step));
	s->step[s->n] = (struct step){.what = (unsigned)what, .line = r->line};
	return &s->step[s->n++];
}

/* At the next word, or the end: false. */
static bool blanks(struct reader *r)
{
	while (r->at < r->in.n) {
		uint8_t c = r->in.p[r->at];
		if (c == '#')
			while (r->at < r->in.n && r->in.p[r->at] != '\n')
				r->at++;
		else if (c == '\n')
			r->line++, r->at++;
		else if (c == ' ' || c == '\t' || c == '\r')
			r->at++;
		else
			return true;
	}
	return false;
}

/* What stands between quotation marks; false: there is no second one. */
static bool quoted(struct reader *r, struct buf *out)
{
	out->n = 0;
	for (r->at++; r->at < r->in.n && r->in.p[r->at] != '"'; r->at++) {
		uint8_t c = r->in.p[r->at];
		if (c == '\n')
			return false;
		if (c == '\\' && r->at + 1 < r->in.n) {
			c = r->in.p[++r->at];
			c = c == 'n' ? '\n' : c;
		}
		buf_put(out, (struct bytes){&c, 1});
	}
	return r->at++ < r->in.n;
}

static void add_text(struct script *s, const struct reader *r, struct bytes in)
{
	for (size_t at = 0; at < in.n;) {
		size_t n = 1;
		struct key *k = &step_add(s, r, STEP_KEY)->key;
		while (n < 4 && at + n < in.n && (in.p[at + n] & 0xc0) == 0x80)
			n++;
		k->kind = KEY_CHAR;
		k->n = n;
		memcpy(k->text, in.p + at, n);
		memcpy(k->name, in.p + at, n);
		at += n;
	}
}

static bool known_key(const char *name)
{
	return key_action(name, true) != ACT_NONE ||
	       key_action(name, false) != ACT_NONE ||
	       strcmp(name, "Ctrl-X") == 0;
}

static bool add_key(struct script *s, const struct reader *r, const char *name)
{
	size_t n = strlen(name);
	struct glyph g = glyph_at(text_of(name), 0);

	if (g.len == n && n <= 4) {
		add_text(s, r, text_of(name));
		return true;
	}
	if (!known_key(name))
		return false;
	struct key *k = &step_add(s, r, STEP_KEY)->key;
	k->kind = KEY_NAMED;
	snprintf(k->name, sizeof(k->name), "%s", name);
	return true;
}

/* wait, gone and size have a word of their own behind them. */
static const char *add_word(struct script *s, struct reader *r,
			    const char *name, struct buf *words)
{
	bool wait = !strcmp(name, "wait"), gone = !strcmp(name, "gone");
	int rows, cols, n = 0;

	if (!strcmp(name, "show")) {
		step_add(s, r, STEP_SHOW);
		return NULL;
	}
	if (wait || gone) {
		if (!blanks(r) || r->in.p[r->at] != '"' || !quoted(r, words))
			return "words in quotation marks must follow";
		step_add(s, r, wait ? STEP_WAIT : STEP_GONE)->words =
		    xstrndup((struct bytes){words->p, words->n});
		return NULL;
	}
	if (!strcmp(name, "size")) {
		char size[16] = "";
		blanks(r);
		for (size_t i = 0;
		     i < 15 && r->at < r->in.n && r->in.p[r->at] > ' ';)
			size[i++] = (char)r->in.p[r->at++];
		if (sscanf(size, "%4dx%4d%n", &cols, &rows, &n) != 2 ||
		    size[n] || rows < 1 || cols < 1 || rows > SIZE_MOST ||
		    cols > SIZE_MOST)
			return "a size is COLUMNSxROWS";
		struct step *step = step_add(s, r, STEP_SIZE);
		step->rows = rows;
		step->cols = cols;
		return NULL;
	}
	return add_key(s, r, name) ? NULL : "no such key";
}

static const char *add(struct script *s, struct reader *r, struct buf *words,
		       char name[static 64])
{
	size_t n = 0;

	name[0] = '\0';
	if (r->in.p[r->at] == '"') {
		if (!quoted(r, words))
			return "a quotation mark is missing";
		add_text(s, r, (struct bytes){words->p, words->n});
		return NULL;
	}
	while (r->at < r->in.n && r->in.p[r->at] > ' ' && n < 63)
		name[n++] = (char)r->in.p[r->at++];
	name[n] = '\0';
	return add_word(s, r, name, words);
}

static bool file_read(const char *path, struct buf *in, char why[static 256])
{
	FILE *f = fopen(path, "re");
	uint8_t part[4096];
	size_t n;

	while (f && in->n <= FILE_MOST &&
	       (n = fread(part, 1, sizeof(part), f)) > 0)
		buf_put(in, (struct bytes){part, n});
	bool good = f && !ferror(f) && in->n <= FILE_MOST;
	if (!good)
		snprintf(why, 256, "%.150s: %s", path,
			 in->n > FILE_MOST ? "too long" : strerror(errno));
	if (f)
		fclose(f);
	return good;
}

struct script *script_open(const char *path, char why[static 256])
{
	struct script *s = xzalloc(sizeof(*s));
	struct buf in = {0}, words = {0};
	const char *bad = NULL;
	char name[64];

	s->path = xstrndup(text_of(path));
	if (!file_read(path, &in, why)) {
		bad = why;
	} else {
		struct reader r = {{in.p, in.n}, 0, 1};
		while (!bad && blanks(&r))
			bad = add(s, &r, &words, name);
		if (bad)
			snprintf(why, 256, "%.150s:%d: %s%s%.40s", path, r.line,
				 bad, name[0] ? ": " : "", name);
	}
	buf_free(&in);
	buf_free(&words);
	if (!bad)
		return s;
	script_free(s);
	return NULL;
}

/* ---- the picture ---- */

/* Row y without the blanks at its end. */
static void row_text(struct buf *out, int y)
{
	wchar_t row[ROW_MOST + 1];
	char c[16];
	mbstate_t st = {0};

	out->n = 0;
	if (mvwinnwstr(curscr, y, 0, row, ROW_MOST) == ERR)
		return;
	for (size_t i = 0; row[i]; i++) {
		size_t n = wcrtomb(c, row[i], &st);
		if (n != (size_t)-1)
			buf_put(out, (struct bytes){(uint8_t *)c, n});
	}
	while (out->n && out->p[out->n - 1] == ' ')
		out->n--;
}

void script_show(void)
{
	struct buf b = {0};
	int y, x;

	getyx(curscr, y, x);
	for (int i = 0; i < LINES; i++) {
		row_text(&b, i);
		printf("%.*s\n", (int)b.n, (const char *)b.p);
	}
	fflush(stdout);
	wmove(curscr, y, x);
	buf_free(&b);
}

static bool seen(const char *words)
{
	struct buf b = {0};
	bool is = false;
	int y, x;

	getyx(curscr, y, x);
	for (int i = 0; i < LINES && !is; i++) {
		row_text(&b, i);
		is = b.n && memmem(b.p, b.n, words, strlen(words));
	}
	wmove(curscr, y, x);
	buf_free(&b);
	return is;
}

/* ---- its turn ---- */

enum script_state script_step(struct script *s, bool *resized)
{
	for (; s->at < s->n; s->at++) {
		const struct step *step = &s->step[s->at];
		switch (step->what) {
		case STEP_KEY:
			return SCRIPT_KEYS;
		case STEP_SHOW:
			return SCRIPT_SHOW;
		case STEP_SIZE:
			resizeterm(step->rows, step->cols);
			*resized = true;
			s->at++;
			return SCRIPT_WAITS;
		case STEP_WAIT:
		case STEP_GONE:
			break;
		}
		if (seen(step->words) == (step->what == STEP_WAIT)) {
			s->since_us = 0;
			continue;
		}
		if (!s->since_us)
			s->since_us = clock_mono_us();
		if (clock_mono_us() - s->since_us < SCRIPT_PATIENCE_US)
			return SCRIPT_WAITS;
		fprintf(stderr, "sotto: %s:%d: in vain: %s\n", s->path,
			step->line, step->words);
		return SCRIPT_LATE;
	}
	return SCRIPT_END;
}

void script_shown(struct script *s)
{
	script_show();
	s->at++;
}

struct key script_key(struct script *s)
{
	return s->at < s->n && s->step[s->at].what == STEP_KEY
		   ? s->step[s->at++].key
		   : (struct key){0};
}
