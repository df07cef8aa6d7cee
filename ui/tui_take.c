/* What is taken out of a message: copied, opened, given to a program; and the
 * line, given to an editor. */
#include "src/config.h"
#include "ui/tui_impl.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	LINKS_MOST = 256,
	OUTPUT_MOST = 65536,
	PIPE_LOOK_US = 10000,
	PIPE_SLOW_US = 500000
};

static const struct message *chosen(struct tui *t)
{
	const struct message *m = tui_selected(t);

	return m ? m : model_message(t->model, model_opened(t->model), 0);
}

static void copied(struct tui *t, struct bytes s)
{
	edit_keep(t->edit, s);
	term_copy(s);
	tui_say(t, LEVEL_INFO, _("copied; Ctrl-Y puts it into the line"));
}

/* ---- links ---- */

static void links_clear(struct tui *t)
{
	for (size_t i = 0; i < t->n_url; i++)
		free(t->url[i]);
	t->n_url = 0;
}

static void links_of(struct tui *t, const struct message *m)
{
	struct bytes s = text_of(m->text);
	size_t n;

	for (size_t at = 0; text_url(s, &at, &n); at += n) {
		if (t->n_url == LINKS_MOST)
			return;
		t->url = xrealloc(t->url, (t->n_url + 1) * sizeof(*t->url));
		t->url[t->n_url++] = xstrndup((struct bytes){s.p + at, n});
	}
}

static void browse(struct tui *t, const char *url)
{
	if (term_browse(url))
		tui_say(t, LEVEL_INFO, _("opened %.200s"), url);
	else
		tui_say(t, LEVEL_WARN, _("no browser: set $BROWSER. %.200s"),
			url);
}

void tui_link_open(struct tui *t, size_t i)
{
	if (i < t->n_url)
		browse(t, t->url[i]);
}

/* Of the selected message its link, if it has one; else all there are, to
 * choose from, the newest first. */
void tui_links(struct tui *t)
{
	const struct message *m = tui_selected(t);

	links_clear(t);
	if (m)
		links_of(t, m);
	for (size_t i = 0; !m; i++) {
		const struct message *k =
		    model_message(t->model, model_opened(t->model), i);
		if (!k)
			break;
		links_of(t, k);
	}
	if (!t->n_url) {
		tui_say(t, LEVEL_INFO, _("there is no link"));
		return;
	}
	if (t->n_url == 1) {
		browse(t, t->url[0]);
		return;
	}
	t->over_text.n = 0;
	for (size_t i = 0; i < t->n_url; i++)
		buf_printf(&t->over_text, "%s%s", i ? "\n" : "", t->url[i]);
	tui_over(t, OVER_LINKS, _("Links"));
}

void tui_copy(struct tui *t)
{
	const struct message *m = chosen(t);

	if (t->over == OVER_LINKS && t->view.over_at < t->n_url)
		copied(t, text_of(t->url[t->view.over_at]));
	else if (m)
		copied(t, text_of(m->text));
}

/* ---- a command's input ---- */

bool tui_pipe(struct tui *t, struct bytes command)
{
	const struct message *m = chosen(t);
	char *s;

	if (t->pipe_fd >= 0) {
		tui_say(t, LEVEL_WARN, _("the one before is not done yet"));
		return false;
	}
	if (!m) {
		tui_say(t, LEVEL_WARN, _("there is no message here"));
		return false;
	}
	s = xstrndup(command);
	t->pipe_fd = term_pipe(s, text_of(m->text), &t->pipe_child);
	text_line(t->pipe_title, sizeof(t->pipe_title), command, 60);
	t->pipe_out.n = 0;
	t->pipe_unseen = false;
	free(s);
	if (t->pipe_fd < 0) {
		tui_say(t, LEVEL_ERROR, _("no program could be started"));
		return false;
	}
	t->pipe_began_us = tui_now();
	t->pipe_us = t->pipe_began_us + PIPE_LOOK_US;
	t->pipe_keys = t->n_keys;
	tui_say(t, LEVEL_INFO, _("runs: %s   Ctrl-C ends it"), t->pipe_title);
	return true;
}

static void pipe_close(struct tui *t)
{
	close(t->pipe_fd);
	t->pipe_fd = -1;
	t->pipe_us = 0;
}

/* With what it started. */
static void pipe_kill(struct tui *t)
{
	kill(-t->pipe_child, SIGKILL);
	while (waitpid(t->pipe_child, &t->pipe_status, 0) < 0 && errno == EINTR)
		;
}

void tui_pipe_end(struct tui *t)
{
	if (t->pipe_fd < 0)
		return;
	pipe_close(t);
	pipe_kill(t);
}

void tui_pipe_stop(struct tui *t)
{
	tui_pipe_end(t);
	tui_say(t, LEVEL_INFO, _("ended: %s"), t->pipe_title);
}

static void pipe_show(struct tui *t)
{
	int status = t->pipe_status;
	int code =
	    WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);

	t->pipe_unseen = false;
	t->view.notice[0] = '\0';
	if (!t->pipe_out.n) {
		tui_say(t, code ? LEVEL_WARN : LEVEL_INFO,
			_("%s: done, exit status %d, nothing said"),
			t->pipe_title, code);
		return;
	}
	if (t->pipe_out.p[t->pipe_out.n - 1] == '\n')
		t->pipe_out.n--;
	t->over_text.n = 0;
	buf_put(&t->over_text, (struct bytes){t->pipe_out.p, t->pipe_out.n});
	tui_over(t, OVER_TEXT, t->pipe_title);
	if (code)
		tui_say(t, LEVEL_WARN, _("exit status %d"), code);
}

void tui_pipe_seen(struct tui *t)
{
	if (t->pipe_unseen && t->over == OVER_NONE)
		pipe_show(t);
}

/* Nothing comes between somebody and the line that is being typed. */
static void pipe_done(struct tui *t)
{
	bool idle = t->pipe_keys == t->n_keys;

	pipe_close(t);
	t->pipe_unseen = true;
	if (t->over == OVER_NONE && (idle || t->view.focus != FOCUS_INPUT))
		pipe_show(t);
	else
		tui_say(t, LEVEL_INFO, _("done: %s   Esc shows what it said"),
			t->pipe_title);
}

/* Takes what it has said so far; rows_make will make it harmless. */
static void pipe_read(struct tui *t)
{
	uint8_t part[4096];
	ssize_t n;

	while (t->pipe_out.n < OUTPUT_MOST &&
	       (n = read(t->pipe_fd, part, sizeof(part))) > 0)
		buf_put(&t->pipe_out, (struct bytes){part, (size_t)n});
}

/* Done is what was started: what that has left behind, as a clipboard's
 * keeper, may live on with the output open. */
void tui_pipe_look(struct tui *t)
{
	int64_t now = tui_now(), next = (now - t->pipe_began_us) / 8;

	pipe_read(t);
	bool cut = t->pipe_out.n >= OUTPUT_MOST;
	if (cut)
		pipe_kill(t);
	else if (waitpid(t->pipe_child, &t->pipe_status, WNOHANG) == 0) {
		next = next > PIPE_SLOW_US ? PIPE_SLOW_US : next;
		t->pipe_us = now + PIPE_LOOK_US + next;
		return;
	}
	pipe_read(t);
	if (t->pipe_out.n >= OUTPUT_MOST) {
		t->pipe_out.n = OUTPUT_MOST;
		t->pipe_status = 0; /* it did not say */
		if (t->pipe_out.p[OUTPUT_MOST - 1] == '\n')
			t->pipe_out.n--;
		buf_printf(&t->pipe_out, "\n%s", _("(cut here)"));
	}
	pipe_done(t);
}

/* ---- an editor ---- */

static bool file_write(const char *path, struct bytes s)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	bool good = fd >= 0 && write(fd, s.p, s.n) == (ssize_t)s.n;

	if (fd >= 0)
		close(fd);
	return good;
}

static bool file_read(const char *path, struct buf *out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint8_t part[4096];
	ssize_t n = -1;

	while (fd >= 0 && out->n <= EDIT_MAX &&
	       (n = read(fd, part, sizeof(part))) > 0)
		buf_put(out, (struct bytes){part, (size_t)n});
	if (fd >= 0)
		close(fd);
	while (out->n && out->p[out->n - 1] == '\n')
		out->n--; /* every editor adds one */
	return n == 0;
}

void tui_editor(struct tui *t)
{
	const char *editor = getenv("VISUAL");
	char path[1024], command[2200];
	struct buf text = {0};

	if (!editor || !*editor)
		editor = getenv("EDITOR");
	snprintf(path, sizeof(path), "%s/line.%d.txt", t->cfg->data_dir,
		 (int)getpid());
	unlink(path); /* of one that was killed here */
	snprintf(command, sizeof(command), "f='%s'; %.1000s \"$f\"", path,
		 editor && *editor ? editor : "vi");
	tui_draft_save(t);
	if (strchr(path, '\'') || !file_write(path, edit_text(t->edit))) {
		tui_say(t, LEVEL_ERROR, _("no file for the editor: %s"),
			strerror(errno));
		unlink(path);
		return;
	}
	int status = term_run(command);
	bool good = status == 0 && file_read(path, &text);
	unlink(path);
	tui_redraw(t);
	if (!good) {
		tui_say(t, LEVEL_WARN,
			_("the editor failed: the line is as it was"));
	} else {
		edit_do(t->edit, ED_CLEAR);
		if (!edit_insert(t->edit, (struct bytes){text.p, text.n}))
			tui_say(t, LEVEL_WARN,
				_("the line holds no more: cut"));
	}
	buf_free(&text);
}
