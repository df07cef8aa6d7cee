#include "src/lines_impl.h"
#include <stdio.h>

enum { SENDERS_MAX = 256 }; /* remembered for a reply without reply_to */

static struct sender *sender_find(struct lines *l, contact_id who)
{
	for (size_t i = 0; i < l->n_senders; i++)
		if (l->sender[i].who == who)
			return &l->sender[i];
	return NULL;
}

/* A new one; the one that was silent longest makes room. */
static struct sender *sender_new(struct lines *l, contact_id who)
{
	struct sender *s = NULL;

	if (l->n_senders < SENDERS_MAX) {
		if (!(l->n_senders & (l->n_senders - 1)))
			l->sender = xrealloc(
			    l->sender, (l->n_senders ? 2 * l->n_senders : 1) *
					   sizeof *l->sender);
		s = &l->sender[l->n_senders++];
	} else {
		for (size_t i = 0; i < l->n_senders; i++)
			if (!s || l->sender[i].at < s->at)
				s = &l->sender[i];
	}
	*s = (struct sender){.who = who};
	return s;
}

void lines_sender_note(struct lines *l, const struct message *m,
		       const struct contact *c)
{
	struct sender *s = sender_find(l, m->with);

	if (!m->incoming) {
		if (s)
			s->answered = true;
		return;
	}
	if (!s)
		s = sender_new(l, m->with);
	s->id = m->id;
	s->at = ++l->told_count;
	s->answered = false;
	if (c)
		memcpy(s->name, c->petname[0] ? c->petname : c->nick,
		       sizeof s->name);
}

/* Fills in whom a reply without reply_to answers; or says why not. */
enum code lines_reply_target(struct lines *l, struct command *cmd,
			     char why[static 256])
{
	struct sender *last = NULL;
	size_t unanswered = 0, n = 0;

	snprintf(why, 256, "nobody has written yet");
	for (size_t i = 0; i < l->n_senders; i++) {
		struct sender *s = &l->sender[i];

		if (!last || s->at > last->at)
			last = s;
		if (s->answered)
			continue;
		n += (size_t)snprintf(
		    why + n, 256 - n, "%s%.40s",
		    unanswered ? ", " : "unanswered: ", s->name);
		if (n > 200)
			n = 200;
		unanswered++;
	}
	if (!last)
		return CODE_UNKNOWN;
	if (unanswered > 1)
		return CODE_AMBIGUOUS;
	last->answered = true;
	cmd->id = last->id;
	cmd->contact = last->who;
	return CODE_OK;
}
