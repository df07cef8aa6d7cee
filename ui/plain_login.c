/* Logging in at a message center line by line: by the key first, by a password
 * when the center asks for one; it is not shown, and nothing is kept of it. */
#include "src/event.h"
#include "ui/plain_impl.h"
#include "ui/words.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void plain_login_free(struct plain *p)
{
	struct plain_login *l = &p->login;

	free(l->to);
	free(l->user);
	*l = (struct plain_login){0};
}

static void ask_engine(struct plain *p, struct bytes secret)
{
	struct plain_login *l = &p->login;
	struct command cmd = {.kind = CMD_LOGIN,
			      .to = xstrndup(text_of(l->to)),
			      .name = xstrndup(text_of(l->user)),
			      .yes = l->insecure};

	if (secret.n)
		cmd.text = xstrndup(secret);
	plain_send(p, &cmd, WHY_LOGIN, NULL);
}

void plain_login(struct plain *p, const struct parsed *parsed)
{
	const struct contact *self = model_self(p->model);
	struct plain_login *l = &p->login;
	struct bytes user = parsed->text;

	plain_login_free(p);
	l->insecure = command_insecure(&user);
	l->to = xstrndup(parsed->peer);
	l->user =
	    user.n ? xstrndup(user) : xstrndup(text_of(self ? self->nick : ""));
	ask_engine(p, (struct bytes){0});
}

bool plain_login_refused(struct plain *p, const char *why)
{
	struct plain_login *l = &p->login;
	char prompt[200], user[80];

	if (l->tried || !l->to || !why || !strstr(why, "password") ||
	    strstr(why, "insecure"))
		return false;
	l->tried = l->asking = true;
	text_line(user, sizeof(user), text_of(l->user), 40);
	snprintf(prompt, sizeof(prompt), _("password of %s (not shown): "),
		 user);
	pterm_secret(p->term, true);
	pterm_prompt(p->term, prompt);
	return true;
}

void plain_login_typed(struct plain *p, struct bytes secret)
{
	p->login.asking = false;
	if (secret.n)
		ask_engine(p, secret);
	else
		plain_say(p, "%s", _("not logged in"));
	pterm_secret(p->term, false);
	plain_whom(p);
}
