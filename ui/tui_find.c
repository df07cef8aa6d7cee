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
	buf_printf(&t->over_text, "%s%s %s  %s: %s", t->over_text.n ? "\n" : "",
		   day, at, name, text);
}

static void ask(struct tui *t, message_n before)
{
	struct command cmd = {.kind = CMD_SEARCH,
			      .limit = PAGE_MAX,
			      .n = before,
			      .text = xstrndup(text_of(t->find_words))};

	if (t->find_here)
		cmd.contact = model_opened(t->model);
	t->find_more = false;
	tui_send(t, &cmd, WHY_FIND, NULL);
	t->find_ref = t->ref;
}

void tui_find(struct tui *t, struct bytes words, bool here)
{
	char shown[150];

	if (words.n >= sizeof(t->find_words))
		words.n = utf8_cut(words, sizeof(t->find_words) - 1);
	memmove(t->find_words, words.p, words.n);
	t->find_words[words.n] = '\0';
	t->find_here = here && model_opened(t->model);
	text_line(shown, sizeof(shown), words, 100);
	snprintf(t->find_title, sizeof(t->find_title),
		 t->find_here ? _("Found here: %s") : _("Found: %s"), shown);
	t->n_found = t->find_want = 0;
	t->over_text.n = 0;
	tui_over_close(t);
	/* what was searched for stands out from here on */
	snprintf(t->view.words, sizeof(t->view.words), "%s", shown);
	t->view.marked++;
	ask(t, 0);
	tui_await(t);
}

void tui_find_other(struct tui *t)
{
	char words[sizeof(t->find_words)];

	memcpy(words, t->find_words, sizeof(words));
	tui_find(t, text_of(words), !t->find_here);
}

void tui_find_older(struct tui *t)
{
	if (t->find_more)
		ask(t, t->find_next);
}

void tui_found(struct tui *t, const struct message *m)
{
	t->found = xrealloc(t->found, (t->n_found + 1) * sizeof(*t->found));
	t->found[t->n_found++] = (struct found){m->with, m->n};
	put_row(t, m);
}

void tui_found_all(struct tui *t, bool more, message_n next)
{
	size_t at = t->view.over_at, top = t->view.over_top;
	bool again = t->over == OVER_FOUND;

	t->find_more = more;
	t->find_next = next;
	if (!t->n_found) {
		tui_say(t, LEVEL_INFO,
			t->find_here ? _("nothing here; Ctrl-S or /find, then "
					 "Tab, searches everywhere")
				     : _("nothing was found"));
		/* so that Tab has a list to be pressed in */
		if (!t->find_here)
			return;
		tui_find_other(t);
		return;
	}
	if (t->find_want) {
		tui_found_open(t, t->find_want);
		return;
	}
	tui_over(t, OVER_FOUND, t->find_title);
	if (again) {
		t->view.over_at = at;
		t->view.over_top = top;
	}
}

void tui_found_open(struct tui *t, size_t i)
{
	if (i >= t->n_found && i && t->find_more) {
		t->find_want = i;
		tui_find_older(t);
		return;
	}
	t->find_want = 0;
	if (i >= t->n_found) {
		tui_say(t, LEVEL_INFO,
			t->n_found ? _("no more of it")
				   : _("/find WORDS searches"));
		return;
	}
	t->at_found = i;
	/* the list was wider than messages are */
	t->seek_painted = t->over != OVER_NONE;
	if (t->over != OVER_NONE)
		tui_over_close(t);
	tui_open(t, t->found[i].with);
	tui_focus(t, FOCUS_MESSAGES);
	t->seek = t->found[i].n;
	t->seek_exact = true;
	if (t->seek_painted)
		t->await_us = 0;
	else
		tui_seek(t);
	tui_say(t, LEVEL_INFO, _("%zu of %zu   n older   N newer"), i + 1,
		t->n_found);
}
