#include "src/core_impl.h"
#include <stdio.h>

/* What front ends ask of ourselves: our name, settings, who we are, the end. */

static void nick_set(struct core *c, const struct now *now, const char *nick)
{
	snprintf(c->nick, sizeof(c->nick), "%s", nick);
	for (size_t i = 0; i < c->n_conns; i++)
		if (!c->conns[i]->d)
			say_hello(c, now, c->conns[i]);
}

void command_nick(struct core *c, const struct now *now, client_id from,
		  const struct command *cmd)
{
	const char *nick = cmd->name ? cmd->name : cmd->text;

	if (!nick || !nick[0]) {
		command_result(c, from, cmd->ref, 0, CODE_USAGE,
			       "no name is given");
		return;
	}
	if (!command_name_fits(c, from, cmd, nick))
		return;
	nick_set(c, now, nick);
	command_result(c, from, cmd->ref, 0, CODE_OK, NULL);
}

static bool set_trust(struct core *c, const char *value)
{
	static const char *const word[] = {
	    [NEW_KEY_ASK] = "ask",
	    [NEW_KEY_ACCEPT] = "accept",
	    [NEW_KEY_REFUSE] = "refuse",
	};

	for (size_t i = 0; i < 3; i++) {
		if (strcmp(value, word[i]) != 0)
			continue;
		c->rules.new_key = (enum new_key)i;
		return true;
	}
	return false;
}

static bool set_history(struct core *c, const char *value)
{
	bool off = strcmp(value, "off") == 0;

	if (!off && strcmp(value, "forever") != 0)
		return false;
	c->rules.keep_history = !off;
	return true;
}

void command_set(struct core *c, const struct now *now, client_id from,
		 const struct command *cmd)
{
	const char *name = cmd->name ? cmd->name : "";
	const char *value = cmd->text ? cmd->text : "";
	char text[160];
	bool good = false;

	if (strcmp(name, "nickname") == 0 || strcmp(name, "nick") == 0) {
		struct command nick = {.ref = cmd->ref, .name = cmd->text};
		command_nick(c, now, from, &nick);
		return;
	}
	if (strcmp(name, "trust-new") == 0)
		good = set_trust(c, value);
	else if (strcmp(name, "history") == 0)
		good = set_history(c, value);
	else if (cmd->yes) { /* it is in the file, for the next start */
		command_result(c, from, cmd->ref, 0, CODE_OK, NULL);
		return;
	} else {
		snprintf(text, sizeof(text),
			 "%.60s cannot be set here: nickname, trust-new, "
			 "history can; with -s for the next start",
			 name);
		command_result(c, from, cmd->ref, 0, CODE_USAGE, text);
		return;
	}
	snprintf(text, sizeof(text), "%.60s = %.60s: not a value of it", name,
		 value);
	command_result(c, from, cmd->ref, 0, good ? CODE_OK : CODE_USAGE,
		       good ? NULL : text);
}

void command_id(struct core *c, const struct now *now, client_id from,
		const struct command *cmd)
{
	char at[ADDR_TEXT];
	struct contact self = {.dialect = dialect_sotto.name,
			       .key = c->self,
			       .at = c->at,
			       .trust = TRUST_VERIFIED,
			       .secure = true,
			       .presence = P_ONLINE};

	bool there = c->at.port != 0; /* or we listen nowhere */
	addr_text(at, &c->at);
	memcpy(self.nick, c->nick, sizeof(self.nick));
	if (there)
		snprintf(self.ident, sizeof(self.ident), "sotto://%s", at);
	tell(c, from, 0,
	     &(struct event){.kind = EV_RESULT,
			     .ref = cmd->ref,
			     .contact = &self,
			     .name = c->id,
			     .text = there ? at : NULL});
	(void)now;
}

/* Goodbye: links are closed when everything decided so far is on the disk;
 * the engine says EV_BYE when it has flushed them. */
void command_quit(struct core *c, const struct now *now, client_id from,
		  const struct command *cmd)
{
	if (!c->rules.keep_history) {
		store_history(c->store, false);
		hard(c);
	}
	for (size_t i = 0; i < c->n_list; i++)
		dial_stop(c, c->list[i]);
	for (size_t i = 0; i < c->n_conns; i++)
		effects_put(c->fx, &(struct effect){.kind = FX_CLOSE,
						    .after = c->hard,
						    .link = c->conns[i]->id});
	c->quit = true;
	command_result(c, from, cmd->ref, c->hard, CODE_OK, NULL);
	(void)now;
}
