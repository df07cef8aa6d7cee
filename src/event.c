#include "src/event.h"
#include <stdlib.h>
#include <string.h>

static char *copy_text(const char *s)
{
	if (!s)
		return NULL;
	return xstrndup((struct bytes){(const uint8_t *)s, strlen(s)});
}

struct message *message_copy(const struct message *m)
{
	struct message *copy = xmalloc(sizeof(*copy));

	*copy = *m;
	copy->text = copy_text(m->text);
	copy->quote = copy_text(m->quote);
	copy->error = copy_text(m->error);
	return copy;
}

void message_free(struct message *m)
{
	if (!m)
		return;
	free(m->text);
	free(m->quote);
	free(m->error);
	free(m);
}

static struct contact *contact_copy(const struct contact *c)
{
	struct contact *copy = xmalloc(sizeof(*copy));

	*copy = *c;
	copy->draft = copy_text(c->draft);
	return copy;
}

static void contact_free(struct contact *c)
{
	if (!c)
		return;
	free(c->draft);
	free(c);
}

struct event *event_copy(const struct event *ev)
{
	struct event *copy = xmalloc(sizeof(*copy));

	*copy = *ev;
	if (ev->contact)
		copy->contact = contact_copy(ev->contact);
	if (ev->message)
		copy->message = message_copy(ev->message);
	copy->name = copy_text(ev->name);
	copy->text = copy_text(ev->text);
	return copy;
}

void event_free(struct event *ev)
{
	if (!ev)
		return;
	contact_free(ev->contact);
	message_free(ev->message);
	free(ev->name);
	free(ev->text);
	free(ev);
}

void command_free(struct command *cmd)
{
	if (!cmd)
		return;
	free(cmd->to);
	free(cmd->text);
	free(cmd->name);
	free(cmd);
}
