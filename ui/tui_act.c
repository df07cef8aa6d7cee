/* What keys do. */
#include "src/clock.h"
#include "src/config.h"
#include "ui/tui_impl.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool none(struct uuid id)
{
	return memcmp(&id, &(struct uuid){0}, sizeof(id)) == 0;
}

/* ---- completion ---- */

static size_t word_from(struct bytes s, size_t at)
{
	while (at && s.p[at - 1] != ' ' && s.p[at - 1] != '\n')
		at--;
	return at;
}

/* The i-th that fits, round and round; false: none does. */
static bool candidate(struct tui *t, size_t i, char *out, size_t size)
{
	const char *what = t->complete_what;
	const struct contact *c;
	size_t n = 0, k;

	if (t->complete_from == 0 && what[0] == '/') {
		struct bytes prefix = text_of(what + 1);
		while (command_match(prefix, n))
			n++;
		if (!n)
			return false;
		snprintf(out, size, "/%s ", command_match(prefix, i % n)->name);
		return true;
	}
	for (k = 0; (c = model_contact(t->model, k)); k++)
		n += strncmp(model_name(c), what, strlen(what)) == 0;
	if (!n || !what[0])
		return false;
	i %= n;
	for (k = 0; (c = model_contact(t->model, k)); k++) {
		if (strncmp(model_name(c), what, strlen(what)) != 0 || i--)
			continue;
		snprintf(out, size, "%s ", model_name(c));
		return true;
	}
	return false;
}

static void complete(struct tui *t, bool back)
{
	struct bytes s = edit_text(t->edit);
	size_t at = edit_cursor(t->edit), n;
	char out[COMPLETE_MAX];
	struct uuid id;

	if (!s.n) {
		contact_id c = model_last_sender(t->model, 0, &id);
		if (!c)
			return;
		snprintf(out, sizeof(out), "/msg %s ",
			 model_name(model_find(t->model, c)));
		edit_insert(t->edit, text_of(out));
		return;
	}
	if (!t->completing) {
		t->complete_from = word_from(s, at);
		n = at - t->complete_from;
		if (n >= sizeof(t->complete_what))
			return;
		memcpy(t->complete_what, s.p + t->complete_from, n);
		t->complete_what[n] = '\0';
		t->complete_i = 0;
	} else if (back) {
		t->complete_i += 4095; /* one back in any round */
	} else {
		t->complete_i++;
	}
	if (!candidate(t, t->complete_i, out, sizeof(out)))
		return;
	edit_replace(t->edit, t->complete_from, text_of(out));
	t->completing = true;
}

/* ---- keys of lists ---- */

static void over_move(struct tui *t, int by)
{
	size_t n = t->over_rows.n;
	size_t *at = t->view.over_select ? &t->view.over_at : &t->view.over_top;

	if (by < 0)
		*at = *at > (size_t)-by ? *at + (size_t)by : 0;
	else
		*at = *at + (size_t)by < n ? *at + (size_t)by : n ? n - 1 : 0;
	if (t->over == OVER_FOUND && *at + 1 == n)
		tui_find_older(t);
	t->dirty = true;
}

static void pointed_move(struct tui *t, int by)
{
	size_t n = model_count(t->model);
	size_t at = model_index(t->model, t->view.pointed);

	if (!n)
		return;
	if (at == SIZE_MAX)
		at = 0;
	else if (by < 0 ? at > 0 : at + 1 < n)
		at = at + (size_t)by;
	t->view.pointed = model_contact(t->model, at)->id;
}

static void selected_move(struct tui *t, int by)
{
	size_t n, i;
	const struct message *const *line =
	    model_lines(t->model, model_opened(t->model), &n);
	message_n from = t->view.selected;

	if (!n)
		return;
	if (!from) {
		/* The lowest one, painted or not yet. */
		t->view.selected = t->view.at ? t->view.at : line[n - 1]->n;
		draw_reveal(t->draw, &t->view, t->model);
		return;
	}
	for (i = 0; i + 1 < n && line[i]->n < from;)
		i++;
	if (by < 0 && !i)
		model_older(t->model);
	else if (by < 0)
		i--;
	else if (i + 1 < n)
		i++;
	else
		model_newer(t->model);
	t->view.selected = line[i]->n;
	draw_reveal(t->draw, &t->view, t->model);
}

static void list_move(struct tui *t, int by)
{
	if (t->over != OVER_NONE)
		over_move(t, by);
	else if (t->view.focus == FOCUS_PEERS)
		pointed_move(t, by);
	else
		selected_move(t, by);
	t->dirty = true;
}

static void scroll(struct tui *t, int rows)
{
	if (t->over != OVER_NONE)
		over_move(t, rows);
	else
		draw_scroll(t->draw, &t->view, t->model, rows);
	if (draw_at_top(t->draw))
		model_older(t->model);
	else if (t->view.at && draw_at_bottom(t->draw))
		model_newer(t->model);
	t->dirty = true;
}

enum { THE_OLDEST = -1, THE_ONE = -2 };

static bool kept(const struct tui *t, message_n at)
{
	contact_id c = model_opened(t->model);
	size_t n;
	const struct message *const *line = model_lines(t->model, c, &n);

	if (at == THE_OLDEST)
		return !model_more(t->model, c);
	if (at == THE_ONE)
		return model_by_id(t->model, c, t->seek_id) != NULL;
	return n && line[0]->n <= at &&
	       (line[n - 1]->n >= at || !model_later(t->model, c));
}

/* Selects the one that is sought; of a marker only brings it into view. */
static void seek_show(struct tui *t)
{
	contact_id c = model_opened(t->model);
	message_n selected = t->view.selected;
	const struct message *one = model_by_id(t->model, c, t->seek_id);
	size_t n;
	const struct message *const *line = model_lines(t->model, c, &n);

	if (t->seek == THE_ONE) {
		t->view.selected = one ? one->n : selected;
		if (!one)
			tui_say(t, LEVEL_INFO, _("it is not kept here"));
		draw_reveal(t->draw, &t->view, t->model);
	} else if (t->seek == THE_OLDEST) {
		draw_top(t->draw, &t->view, t->model);
	} else if (t->seek_exact) {
		t->view.selected = t->seek;
		draw_reveal(t->draw, &t->view, t->model);
	} else {
		for (size_t i = n; i-- > 0 && line[i]->n >= t->seek;)
			if (line[i]->incoming)
				t->view.selected = line[i]->n;
		draw_reveal(t->draw, &t->view, t->model);
		t->view.selected = selected;
	}
}

/* The rule above what is new is drawn when the line before it is there. */
static bool begins_there(const struct tui *t)
{
	contact_id c = model_opened(t->model);
	size_t n;
	const struct message *const *line = model_lines(t->model, c, &n);

	return t->seek > 0 && !t->seek_exact && n && line[0]->n >= t->seek &&
	       model_more(t->model, c);
}

void tui_seek(struct tui *t)
{
	contact_id c = model_opened(t->model);

	if (!t->seek || model_seeking(t->model))
		return;
	if (!kept(t, t->seek) && !t->sought && t->seek != THE_ONE) {
		t->sought = true;
		model_seek(t->model, t->seek > 0 ? t->seek : 0);
		tui_await(t);
		return;
	}
	if (begins_there(t)) {
		model_older(t->model);
		return;
	}
	/* the page that came ends where the pane shall begin */
	if (t->sought && !t->view.at)
		t->view.arrived_at = model_arrived(t->model, c);
	if (t->sought) {
		t->view.at = INT64_MAX;
		t->view.below = 0;
	}
	seek_show(t);
	draw_scroll(t->draw, &t->view, t->model, 0); /* a place it has */
	t->seek = 0;
	t->seek_exact = t->sought = false;
	t->dirty = true;
}

static void first_new(struct tui *t)
{
	t->seek = model_marker(t->model, model_opened(t->model));
	if (t->seek)
		tui_seek(t);
	else
		tui_say(t, LEVEL_INFO, _("nothing new here"));
}

static void top(struct tui *t)
{
	t->view.over_top = t->view.over_at = 0;
	t->dirty = true;
	if (t->over != OVER_NONE)
		return;
	t->seek = THE_OLDEST;
	tui_seek(t);
}

static void parent_seek(struct tui *t, message_n n)
{
	t->seek = n;
	tui_seek(t);
}

void tui_parent_at(struct tui *t)
{
	message_n before = t->where;

	t->where_ref = 0;
	t->sought = true;
	model_seek(t->model, before ? before + 1 : 0);
	parent_seek(t, THE_ONE);
}

void tui_parent(struct tui *t)
{
	const struct message *m = tui_selected(t);

	if (!m || none(m->answers)) {
		tui_say(t, LEVEL_INFO, _("it answers nothing"));
		return;
	}
	contact_id c = m->with; /* in the outbox, of anybody */
	t->seek_id = m->answers;
	tui_open(t, c);
	if (model_by_id(t->model, c, t->seek_id)) {
		parent_seek(t, THE_ONE);
		return;
	}
	/* the engine knows what stands before it */
	t->where = 0;
	tui_send(t,
		 &(struct command){.kind = CMD_HISTORY,
				   .contact = c,
				   .id = t->seek_id,
				   .limit = 1},
		 WHY_WHERE, NULL);
	t->where_ref = t->ref;
}

/* a and b: of who asks, and of a changed key, only. */
static void consent(struct tui *t, bool accept)
{
	contact_id at = t->view.focus == FOCUS_PEERS && t->view.pointed
			    ? t->view.pointed
			    : model_opened(t->model);
	const struct contact *c = model_find(t->model, at);

	if (!c || !(c->requests || c->changed)) {
		tui_say(t, LEVEL_INFO, _("nobody asks here: /trust, /block"));
		return;
	}
	tui_send(t,
		 &(struct command){.kind = accept ? CMD_TRUST : CMD_BLOCK,
				   .contact = at},
		 WHY_SAY, accept ? _("accepted") : _("blocked"));
}

static void zoom(struct tui *t)
{
	t->view.zoom = !t->view.zoom;
	tui_redraw(t);
}

static void leave(struct tui *t)
{
	if (t->over != OVER_NONE) {
		tui_over_close(t);
		return;
	}
	if (t->view.focus == FOCUS_MESSAGES && !t->view.selected &&
	    t->view.zoom)
		zoom(t);
	if (t->view.focus == FOCUS_MESSAGES)
		t->view.selected = 0;
	tui_focus(t, FOCUS_MESSAGES);
	tui_pipe_seen(t);
}

static void cut_line(struct tui *t)
{
	if (edit_text(t->edit).n)
		edit_do(t->edit, ED_CLEAR);
	else if (t->pipe_fd >= 0)
		tui_pipe_stop(t);
	else
		tui_say(t, LEVEL_INFO, _("Ctrl-Q quits"));
	if (!t->aside)
		tui_answering(t, (struct uuid){0});
}

static void backspace(struct tui *t)
{
	if (edit_text(t->edit).n || none(t->view.answers)) {
		edit_do(t->edit, ED_BACKSPACE);
		return;
	}
	tui_answering(t, (struct uuid){0});
	t->dirty = true;
}

static void open_pointed(struct tui *t)
{
	if (t->view.focus == FOCUS_PEERS && t->view.pointed)
		tui_open(t, t->view.pointed);
	tui_over_close(t);
	tui_focus(t, FOCUS_INPUT);
}

static void slash_begin(struct tui *t, const char *how)
{
	struct bytes s = edit_text(t->edit);

	tui_over_close(t);
	tui_focus(t, FOCUS_INPUT);
	if (s.n && s.p[0] != '/')
		tui_draft_aside(t);
	if (!edit_text(t->edit).n)
		edit_insert(t->edit, text_of(how));
}

static void found_step(struct tui *t, bool older)
{
	if (older || t->at_found)
		tui_found_open(t, older ? t->at_found + 1 : t->at_found - 1);
	else
		tui_say(t, LEVEL_INFO,
			t->n_found ? _("no more of it")
				   : _("/find WORDS searches"));
}

static void act(struct tui *t, enum action a, const struct key *k)
{
	static const enum edit_op op[] = {
	    [ACT_HOME] = ED_HOME,
	    [ACT_END] = ED_END,
	    [ACT_LEFT] = ED_LEFT,
	    [ACT_RIGHT] = ED_RIGHT,
	    [ACT_WORD_LEFT] = ED_WORD_LEFT,
	    [ACT_WORD_RIGHT] = ED_WORD_RIGHT,
	    [ACT_DELETE] = ED_DELETE,
	    [ACT_KILL_BLANK] = ED_KILL_BLANK,
	    [ACT_KILL_BACK] = ED_KILL_BACK,
	    [ACT_KILL_WORD] = ED_KILL_WORD,
	    [ACT_KILL_END] = ED_KILL_END,
	    [ACT_KILL_START] = ED_KILL_START,
	    [ACT_YANK] = ED_YANK,
	    [ACT_YANK_POP] = ED_YANK_POP,
	    [ACT_TRANSPOSE] = ED_TRANSPOSE,
	    [ACT_UNDO] = ED_UNDO,
	    [ACT_OLDER] = ED_UP,
	    [ACT_NEWER] = ED_DOWN,
	    [ACT_FIND] = ED_FIND,
	};

	switch (a) {
	case ACT_NONE:
		return;
	case ACT_REPLY:
		tui_reply(t);
		return;
	case ACT_NEXT:
	case ACT_PREV:
		tui_step(t, a == ACT_NEXT ? 1 : -1);
		return;
	case ACT_NTH: {
		size_t i = (size_t)(k->name[strlen(k->name) - 1] - '1');
		const struct contact *c = model_contact(t->model, i);
		if (c)
			tui_open(t, c->id);
		return;
	}
	case ACT_LAST:
		if (model_find(t->model, t->last_open))
			tui_open(t, t->last_open);
		else
			tui_say(t, LEVEL_INFO, _("no other was open"));
		return;
	case ACT_UNREAD:
		tui_next_unread(t);
		return;
	case ACT_DOWN:
	case ACT_UP:
		list_move(t, a == ACT_DOWN ? 1 : -1);
		return;
	case ACT_OPEN:
		if (t->over == OVER_FOUND)
			tui_found_open(t, t->view.over_at);
		else if (t->over == OVER_LINKS)
			tui_link_open(t, t->view.over_at);
		else
			open_pointed(t);
		return;
	case ACT_PAGE_UP:
	case ACT_PAGE_DOWN:
		scroll(t, a == ACT_PAGE_UP ? -draw_page(t->draw)
					   : draw_page(t->draw));
		return;
	case ACT_TOP:
		top(t);
		return;
	case ACT_BOTTOM:
		if (t->over != OVER_NONE)
			over_move(t, 1 << 20);
		else
			t->view.at = t->view.selected = 0;
		t->dirty = true;
		return;
	case ACT_FIRST_NEW:
		first_new(t);
		return;
	case ACT_SLASH:
		slash_begin(t, "/");
		return;
	case ACT_SEARCH:
		slash_begin(t, "/find ");
		return;
	case ACT_FOUND_NEXT:
	case ACT_FOUND_BACK:
		found_step(t, a == ACT_FOUND_NEXT);
		return;
	case ACT_NEWLINE:
		edit_insert(t->edit, text_of("\n"));
		return;
	case ACT_COMPLETE:
	case ACT_COMPLETE_BACK:
		complete(t, a == ACT_COMPLETE_BACK);
		return;
	case ACT_FOCUS:
		if (t->over == OVER_FOUND)
			tui_find_other(t);
		else
			tui_focus(t, t->view.focus == FOCUS_PEERS
					 ? FOCUS_MESSAGES
					 : FOCUS_PEERS);
		return;
	case ACT_INPUT:
		tui_over_close(t);
		tui_focus(t, FOCUS_INPUT);
		return;
	case ACT_LEAVE:
		leave(t);
		return;
	case ACT_CLEAR:
		cut_line(t);
		return;
	case ACT_DETAILS:
		tui_details(t);
		return;
	case ACT_COPY:
		tui_copy(t);
		return;
	case ACT_URL:
		tui_links(t);
		return;
	case ACT_PIPE:
		slash_begin(t, "/pipe ");
		return;
	case ACT_PARENT:
		tui_parent(t);
		return;
	case ACT_EDIT:
		tui_edit_queued(t);
		return;
	case ACT_EDITOR:
		tui_editor(t);
		return;
	case ACT_OUTBOX:
		t->over = OVER_OUTBOX;
		model_ask_outbox(t->model);
		return;
	case ACT_ZOOM:
		zoom(t);
		return;
	case ACT_HELP:
		tui_help(t);
		return;
	case ACT_ACCEPT:
	case ACT_BLOCK:
		consent(t, a == ACT_ACCEPT);
		return;
	case ACT_RETRY:
	case ACT_CANCEL:
		tui_again_or_back(t, a == ACT_RETRY ? CMD_RETRY : CMD_CANCEL,
				  false);
		return;
	case ACT_REDRAW:
		tui_redraw(t);
		return;
	case ACT_SUSPEND:
		tui_draft_save(t);
		term_suspend();
		t->dirty = true;
		return;
	case ACT_QUIT:
		/* q leaves what is read, as everywhere */
		if (t->over != OVER_NONE && strcmp(k->name, "q") == 0)
			tui_over_close(t);
		else
			tui_quit(t);
		return;
	case ACT_SEND:
		tui_enter(t);
		return;
	case ACT_LITERAL:
		t->literal = true;
		return;
	case ACT_BACKSPACE:
		backspace(t);
		return;
	case ACT_HOME:
	case ACT_END:
	case ACT_LEFT:
	case ACT_RIGHT:
	case ACT_WORD_LEFT:
	case ACT_WORD_RIGHT:
	case ACT_DELETE:
	case ACT_KILL_BLANK:
	case ACT_KILL_BACK:
	case ACT_KILL_WORD:
	case ACT_KILL_END:
	case ACT_KILL_START:
	case ACT_YANK:
	case ACT_YANK_POP:
	case ACT_TRANSPOSE:
	case ACT_UNDO:
	case ACT_OLDER:
	case ACT_NEWER:
	case ACT_FIND:
		edit_do(t->edit, op[a]);
		return;
	}
}

/* What was said has been read, and what is looked for is not waited for. */
static void key_begins(struct tui *t)
{
	t->n_keys++;
	t->dirty |= t->view.notice[0] != '\0';
	t->view.notice[0] = '\0';
	t->seek = 0;
	t->sought = false;
}

static void click(struct tui *t, const struct key *k)
{
	struct place p = draw_at(t->draw, &t->view, t->model, k->y, k->x);
	bool again = p.row == t->view.over_at;

	switch (p.what) {
	case AT_PEER:
		tui_open(t, p.peer);
		return;
	case AT_MESSAGE:
		t->view.selected = p.message;
		tui_focus(t, FOCUS_MESSAGES);
		return;
	case AT_ROW:
		t->view.over_at = p.row;
		if (again && t->over == OVER_FOUND)
			tui_found_open(t, p.row);
		else if (again && t->over == OVER_LINKS)
			tui_link_open(t, p.row);
		return;
	case AT_INPUT:
		tui_over_close(t);
		tui_focus(t, FOCUS_INPUT);
		return;
	case AT_NOTHING:
		return;
	}
}

void tui_mouse(struct tui *t, const struct key *k)
{
	enum { WHEEL_ROWS = 3 };

	key_begins(t);
	t->replied = t->sure = t->completing = false;
	if (k->kind == KEY_CLICK)
		click(t, k);
	else
		scroll(t, k->kind == KEY_WHEEL_UP ? -WHEEL_ROWS : WHEEL_ROWS);
	t->dirty = true;
}

/* A letter that is no command of a list begins to write. */
static void type(struct tui *t, const struct key *k)
{
	if (t->view.focus != FOCUS_INPUT) {
		if (!model_opened(t->model) || t->over != OVER_NONE)
			return;
		tui_focus(t, FOCUS_INPUT);
	}
	if (!edit_insert(t->edit,
			 (struct bytes){(const uint8_t *)k->text, k->n}))
		tui_say(t, LEVEL_WARN, _("the line holds no more"));
}

void tui_key(struct tui *t, const struct key *k)
{
	bool input = t->view.focus == FOCUS_INPUT, empty;
	enum action a;

	if (t->login.asking) {
		tui_secret_key(t, k);
		return;
	}
	key_begins(t);
	empty = !edit_text(t->edit).n;
	if (t->literal) {
		t->literal = false;
		edit_insert(t->edit,
			    (struct bytes){(const uint8_t *)k->text, k->n});
		t->line_dirty = true;
		return;
	}
	char name[sizeof(k->name) + 8];
	snprintf(name, sizeof(name), "%s%s", t->ctrl_x ? "Ctrl-X+" : "",
		 k->name);
	t->ctrl_x = !t->ctrl_x && strcmp(k->name, "Ctrl-X") == 0;
	a = key_action(name, input);
	if (a != ACT_REPLY)
		t->replied = false;
	if (a != ACT_SEND)
		t->sure = false;
	if (a != ACT_COMPLETE && a != ACT_COMPLETE_BACK)
		t->completing = false;
	if (a == ACT_NONE && k->kind == KEY_CHAR)
		type(t, k);
	else
		act(t, a, k);
	if (t->aside && !edit_text(t->edit).n)
		tui_draft_back(t);
	t->line_dirty = true;
	if (empty != !edit_text(t->edit).n)
		t->dirty = true;
	char whom[sizeof(t->view.whom)];
	memcpy(whom, t->view.whom, sizeof(whom));
	tui_whom(t);
	if (strcmp(whom, t->view.whom) != 0)
		t->dirty = true;
}
