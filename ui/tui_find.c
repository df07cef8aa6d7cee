/* Searching in all that was said: a list of what was found, and going there. */
#include "src/clock.h"
#include "ui/tui_impl.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *speaker(const struct tui *t, const struct message *m)
{
	const struct contact *c =
	    m->incoming ? model_find(t->model, m->with) : model_self(t->model);

	return c ? model_name(c) : "";
}

/* "Saturday 21 November 2026  14:02  bob: text", one row. */
static void put_row(struct tui *t, const struct message *m)
{
	char day[96], at[64], name[NICK_MAX + 1], text[400];

	words_day(day, m->stored_ms, false);
	clock_local(at, m->stored_ms,
		    t->view.set.clock12 ? CLOCK_HM12 : CLOCK_HM);
	text_line(name, sizeof(name), text_of(speaker(t, m)), 16);
	text_line(text, sizeof(text), text_of(m->text), 200);
	/* the weekday says little a year later */
	buf_printf(&t->over_text, "%s %s  %s: %s\n", day, at, name, text);
}

void tui_find(struct tui *t, struct bytes words)
{
	struct command cmd = {.kind = CMD_SEARCH, .limit = PAGE_MAX};
	char shown[150];

	text_line(shown, sizeof(shown), words, 100);
	snprintf(t->find_title, sizeof(t->find_title), _("Found: %s"), shown);
	t->n_found = 0;
	t->over_text.n = 0;
	cmd.text = xstrndup(words);
	tui_over_close(t);
	tui_send(t, &cmd, WHY_FIND, NULL);
	t->find_ref = t->ref;
}

void tui_found(struct tui *t, const struct message *m)
{
	t->found = xrealloc(t->found, (t->n_found + 1) * sizeof(*t->found));
	t->found[t->n_found++] = (struct found){m->with, m->n};
	put_row(t, m);
}

void tui_found_all(struct tui *t)
{
	t->at_found = 0;
	if (!t->n_found) {
		tui_say(t, LEVEL_INFO, _("nothing was found"));
		return;
	}
	t->over_text.n--; /* the end of the last row */
	tui_over(t, OVER_FOUND, t->find_title);
}

void tui_found_open(struct tui *t, size_t i)
{
	if (i >= t->n_found) {
		tui_say(t, LEVEL_INFO,
			t->n_found ? _("no more of it")
				   : _("/find WORDS searches"));
		return;
	}
	t->at_found = i;
	if (t->over != OVER_NONE)
		tui_over_close(t);
	tui_open(t, t->found[i].with);
	tui_focus(t, FOCUS_MESSAGES);
	t->seek = t->found[i].n;
	t->seek_exact = true;
	tui_seek(t);
	tui_say(t, LEVEL_INFO, _("%zu of %zu   n older   N newer"), i + 1,
		t->n_found);
}
