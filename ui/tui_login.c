/* Logging in at a message center: by the key first, by a password when the
 * center asks for one. A password is never shown, kept, or put where a draft,
 * the history or Ctrl-Y could find it. */
#include "src/config.h"
#include "ui/tui_impl.h"
#include <stdlib.h>
#include <string.h>

enum { SECRET_MAX = 512 };

static void forget(struct tui *t)
{
	struct login *l = &t->login;

	if (l->secret.p)
		memset(l->secret.p, 0, l->secret.cap);
	buf_free(&l->secret);
	l->asking = false;
}

void tui_login_free(struct tui *t)
{
	forget(t);
	free(t->login.to);
	free(t->login.user);
}

static void ask_engine(struct tui *t, bool secret)
{
	struct login *l = &t->login;
	struct command cmd = {.kind = CMD_LOGIN,
			      .to = xstrndup(text_of(l->to)),
			      .name = xstrndup(text_of(l->user)),
			      .yes = l->insecure};

	if (secret)
		cmd.text = xstrndup((struct bytes){l->secret.p, l->secret.n});
	tui_send(t, &cmd, WHY_LOGIN, NULL);
	tui_say(t, LEVEL_INFO, _("logs in as %s"), l->user);
}

void tui_login(struct tui *t, struct bytes host, struct bytes user)
{
	const struct contact *self = model_self(t->model);
	struct login *l = &t->login;

	tui_login_free(t);
	l->to = xstrndup(host);
	l->insecure = command_insecure(&user);
	l->user =
	    user.n ? xstrndup(user) : xstrndup(text_of(self ? self->nick : ""));
	l->tried = false;
	ask_engine(t, false);
}

static void prompt(struct tui *t)
{
	struct login *l = &t->login;

	tui_say(t, LEVEL_INFO,
		l->secret.n ? _("password of %s: (typed)   Enter logs in   "
				"Esc leaves")
			    : _("password of %s: (not shown)   Enter logs in "
				"  Esc leaves"),
		l->user);
}

bool tui_login_refused(struct tui *t, const char *why)
{
	struct login *l = &t->login;

	if (l->tried || !l->to || !why || !strstr(why, "password") ||
	    strstr(why, "insecure"))
		return false;
	l->tried = l->asking = true;
	prompt(t);
	return true;
}

void tui_secret_key(struct tui *t, const struct key *k)
{
	struct login *l = &t->login;

	if (strcmp(k->name, "Enter") == 0) {
		ask_engine(t, true);
		forget(t);
		return;
	}
	if (strcmp(k->name, "Esc") == 0 || strcmp(k->name, "Ctrl-C") == 0) {
		forget(t);
		tui_say(t, LEVEL_INFO, _("not logged in"));
		return;
	}
	if (strcmp(k->name, "Ctrl-U") == 0)
		l->secret.n = 0;
	else if (strcmp(k->name, "Backspace") == 0)
		while (l->secret.n &&
		       (l->secret.p[--l->secret.n] & 0xc0) == 0x80)
			;
	else if (k->kind == KEY_CHAR && l->secret.n + k->n <= SECRET_MAX)
		buf_put(&l->secret,
			(struct bytes){(const uint8_t *)k->text, k->n});
	prompt(t);
}
