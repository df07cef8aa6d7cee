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

enum { LINKS_MOST = 256, OUTPUT_MOST = 65536, PIPE_LOOK_US = 20000 };

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
	free(s);
	if (t->pipe_fd < 0) {
		tui_say(t, LEVEL_ERROR, _("no program could be started"));
		return false;
	}
	t->pipe_us = tui_now() + PIPE_LOOK_US;
	tui_say(t, LEVEL_INFO, _("runs: %s"), t->pipe_title);
	return true;
}

void tui_pipe_end(struct tui *t)
{
	if (t->pipe_fd < 0)
		return;
	close(t->pipe_fd);
	t->pipe_fd = -1;
	t->pipe_us = 0;
	kill(-t->pipe_child, SIGKILL); /* what it started, too */
	waitpid(t->pipe_child, NULL, 0);
}

static void pipe_show(struct tui *t)
{
	int status = 0;
	char title[sizeof(t->pipe_title)];

	close(t->pipe_fd);
	t->pipe_fd = -1;
	t->pipe_us = 0;
	while (waitpid(t->pipe_child, &status, 0) < 0 && errno == EINTR)
		;
	snprintf(title, sizeof(title), "%s", t->pipe_title);
	int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	t->view.notice[0] = '\0';
	if (!t->pipe_out.n) {
		tui_say(t, code ? LEVEL_WARN : LEVEL_INFO,
			_("%s: done, exit status %d, nothing said"), title,
			code);
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

/* Takes what it has said so far; rows_make will make it harmless. */
void tui_pipe_look(struct tui *t)
{
	uint8_t part[4096];
	ssize_t n = 0;

	while (t->pipe_out.n < OUTPUT_MOST &&
	       (n = read(t->pipe_fd, part, sizeof(part))) > 0)
		buf_put(&t->pipe_out, (struct bytes){part, (size_t)n});
	if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
		t->pipe_us = tui_now() + PIPE_LOOK_US;
		return;
	}
	if (t->pipe_out.n >= OUTPUT_MOST) {
		kill(-t->pipe_child, SIGKILL);
		buf_printf(&t->pipe_out, "\n%s", _("(cut here)"));
	}
	pipe_show(t);
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
