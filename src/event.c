#include "src/event.h"
#include <stddef.h>
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

static void contact_free(struct contact *c)
{
	if (!c)
		return;
	free(c->draft);
	free(c);
}

/* ---- all of it in one piece ---- */

size_t flat_room(size_t n)
{
	size_t a = _Alignof(max_align_t);

	return (n + a - 1) / a * a;
}

size_t flat_text_room(const char *s)
{
	return s ? flat_room(strlen(s) + 1) : 0;
}

void *flat_bytes(uint8_t **at, const void *p, size_t n)
{
	void *copy = *at;

	if (!n)
		return NULL;
	memcpy(copy, p, n);
	*at += flat_room(n);
	return copy;
}

char *flat_text(uint8_t **at, const char *s)
{
	return s ? flat_bytes(at, s, strlen(s) + 1) : NULL;
}

static size_t contact_room(const struct contact *c)
{
	return c ? flat_room(sizeof(*c)) + flat_text_room(c->draft) : 0;
}

static size_t message_room(const struct message *m)
{
	if (!m)
		return 0;
	return flat_room(sizeof(*m)) + flat_text_room(m->text) +
	       flat_text_room(m->quote) + flat_text_room(m->error);
}

size_t event_room(const struct event *ev)
{
	return flat_room(sizeof(*ev)) + contact_room(ev->contact) +
	       message_room(ev->message) + flat_text_room(ev->name) +
	       flat_text_room(ev->text);
}

static struct contact *contact_place(uint8_t **at, const struct contact *c)
{
	if (!c)
		return NULL;
	struct contact *copy = flat_bytes(at, c, sizeof(*c));
	copy->draft = flat_text(at, c->draft);
	return copy;
}

static struct message *message_place(uint8_t **at, const struct message *m)
{
	if (!m)
		return NULL;
	struct message *copy = flat_bytes(at, m, sizeof(*m));
	copy->text = flat_text(at, m->text);
	copy->quote = flat_text(at, m->quote);
	copy->error = flat_text(at, m->error);
	return copy;
}

struct event *event_place(uint8_t **at, const struct event *ev)
{
	struct event *copy = flat_bytes(at, ev, sizeof(*ev));

	copy->flat = true;
	copy->contact = contact_place(at, ev->contact);
	copy->message = message_place(at, ev->message);
	copy->name = flat_text(at, ev->name);
	copy->text = flat_text(at, ev->text);
	return copy;
}

struct event *event_copy(const struct event *ev)
{
	uint8_t *at = xmalloc(event_room(ev));

	return event_place(&at, ev);
}

void event_free(struct event *ev)
{
	if (ev && !ev->flat) {
		contact_free(ev->contact);
		message_free(ev->message);
		free(ev->name);
		free(ev->text);
	}
	free(ev);
}

static char *text_copy(const char *s)
{
	return s ? xstrndup((struct bytes){(const uint8_t *)s, strlen(s)})
		 : NULL;
}

struct command *command_copy(const struct command *cmd)
{
	struct command *copy = xmalloc(sizeof(*copy));

	*copy = *cmd;
	copy->to = text_copy(cmd->to);
	copy->text = text_copy(cmd->text);
	copy->name = text_copy(cmd->name);
	return copy;
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
