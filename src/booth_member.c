#include "src/booth_impl.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static const int64_t KEPT_US = 8 * SECOND_US; /* the session: not more often */

struct member *member_find(const struct booth *b, const char *user)
{
	for (size_t i = 0; i < b->n_members; i++)
		if (strcmp(b->member[i]->user, user) == 0)
			return b->member[i];
	return NULL;
}

struct member *booth_here(const struct booth *b, const char *user)
{
	struct member *m = member_find(b, user);

	return m && m->here ? m : NULL;
}

bool member_blocks(const struct member *m, const char *who)
{
	for (size_t i = 0; i < m->n_blocked; i++)
		if (strcmp(m->blocked[i], who) == 0)
			return true;
	return false;
}

void member_knows(struct member *m, const struct center_acct *a)
{
	size_t n = a->n_blocked * sizeof(*m->blocked);

	m->n_blocked = a->n_blocked;
	m->blocked = xrealloc(m->blocked, n ? n : 1);
	if (n)
		memcpy(m->blocked, a->blocked, n);
}

/* ---- telling ---- */

static void tell(struct booth *b, struct member *m, const struct packet *p)
{
	if (m->here && !m->deaf)
		(void)line_put(b, m->line, p, false, 0);
}

void member_tell(struct booth *b, struct member *m, enum center_verb verb,
		 const char *who)
{
	tell(b, m,
	     &(struct packet){.kind = PKT_CENTER,
			      .verb = verb,
			      .n_words = who != NULL,
			      .word = {booth_view(who ? who : "")}});
}

void member_say(struct booth *b, struct member *m, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	tell(b, m,
	     &(struct packet){.kind = PKT_CENTER,
			      .verb = CENTER_TEXT,
			      .text = booth_view(text)});
}

/* ---- leaving ---- */

static void hang_up(struct booth *b, struct member *m, bool moved)
{
	static const struct packet elsewhere = {.kind = PKT_CENTER,
						.verb = CENTER_MOVED};

	if (m->line)
		line_leave(b, m->line, moved ? &elsewhere : NULL);
	m->here = m->deaf = false;
}

static void end_session(struct booth *b, struct member *m)
{
	if (m->here && b->b->session_drop(b->b, m->user, &m->session))
		m->here = false; /* it ends by itself */
}

void member_leave(struct booth *b, struct member *m, bool moved)
{
	size_t i = 0;

	if (!moved)
		end_session(b, m);
	hang_up(b, m, moved);
	while (b->member[i] != m)
		i++;
	b->member[i] = b->member[--b->n_members];
	secret_wipe(m->token, sizeof(m->token));
	free(m->blocked);
	free(m);
}

void member_moved(struct booth *b, const char *user, const struct uuid *session)
{
	struct member *m = member_find(b, user);

	if (m && memcmp(&m->session, session, sizeof(*session)) != 0)
		member_leave(b, m, true);
}

/* His token stays good: a machine that slept goes on with its HEY. */
static void fall_asleep(struct booth *b, struct member *m)
{
	end_session(b, m);
	hang_up(b, m, false);
}

void member_tick(struct booth *b)
{
	for (size_t i = b->n_members; i-- > 0;) {
		struct member *m = b->member[i];
		int64_t quiet = b->now_us - m->heard_us;
		if (m->here && quiet > HEY_US)
			fall_asleep(b, m);
		if (!m->here && quiet > ASLEEP_US)
			member_leave(b, m, false);
	}
}

/* ---- coming ---- */

static struct member *asleep_longest(const struct booth *b)
{
	struct member *found = NULL;

	for (size_t i = 0; i < b->n_members; i++) {
		struct member *m = b->member[i];
		if (!m->here && (!found || m->heard_us < found->heard_us))
			found = m;
	}
	return found;
}

/* NULL: too many. */
static struct member *member_new(struct booth *b, const char *user)
{
	struct member *m;

	if (b->n_members == MEMBERS_MAX) {
		m = asleep_longest(b);
		if (!m)
			return NULL;
		member_leave(b, m, false);
	}
	m = xzalloc(sizeof(*m));
	snprintf(m->user, sizeof(m->user), "%s", user);
	m->box = talk_box(user);
	m->heard_us = b->now_us;
	b->member[b->n_members++] = m;
	return m;
}

/* False: nobody can be told from here. */
static bool open_line(struct booth *b, struct member *m)
{
	m->line = line_new(b, &m->at, m);
	m->here = m->line != NULL;
	m->deaf = false;
	m->given = 0;
	m->mail = m->away = true;
	m->heard_us = m->kept_us = b->now_us;
	return m->here;
}

static void leave_old_place(struct booth *b, struct member *m,
			    const struct addr *now_at)
{
	bool same = memcmp(&m->at, now_at, sizeof(*now_at)) == 0;

	hang_up(b, m, m->here && !same);
}

/* Where he was before, at whatever node, is told. */
static bool claim(struct booth *b, struct member *m)
{
	char old[CENTER_NODE_MAX + 1], hex[33];

	rng_fill(&b->rng, m->session.b, sizeof(m->session.b));
	if (b->b->session_claim(b->b, m->user, &m->session, b->node, b->now_ms,
				old))
		return false;
	for (size_t i = 0; i < 16; i++)
		snprintf(hex + 2 * i, 3, "%02x", m->session.b[i]);
	if (old[0] && strcmp(old, b->node) != 0)
		nodes_tell(b, "moved", m->user, hex, (struct bytes){0});
	return true;
}

static void welcome(struct booth *b, struct member *m)
{
	char at[ADDR_TEXT];

	addr_text(at, &m->at);
	booth_notice(b, LEVEL_INFO,
		     "center: %s has logged on at %s, in the clear", m->user,
		     at);
	talk_mail(b, m);
}

bool member_enter(struct booth *b, const struct visitor *v, uint16_t port)
{
	struct center_acct *a = xmalloc(sizeof(*a));
	struct addr at = v->at;
	uint64_t rev;
	bool known = !b->b->acct_get(b->b, v->user, a, &rev);
	struct member *m = known ? member_find(b, v->user) : NULL;

	at.port = port;
	if (m)
		leave_old_place(b, m, &at);
	else if (known)
		m = member_new(b, v->user);
	if (m) {
		member_knows(m, a);
		m->at = at;
		memcpy(m->token, v->token, sizeof(m->token));
	}
	free(a);
	if (!m || !claim(b, m) || !open_line(b, m))
		return false;
	welcome(b, m);
	return true;
}

/* An account can be removed by another process. */
static bool has_account(struct booth *b, const struct member *m)
{
	struct center_acct *a = xmalloc(sizeof(*a));
	uint64_t rev;
	bool has = b->b->acct_get(b->b, m->user, a, &rev) != ERR_ABSENT;

	free(a);
	return has;
}

/* Over at the backend, or never known to it: ours again. */
static bool stay(struct booth *b, struct member *m)
{
	bool has = has_account(b, m);
	enum err err =
	    b->b->session_refresh(b->b, m->user, &m->session, b->now_ms);

	m->kept_us = b->now_us;
	if (!has)
		member_say(b, m, "Your account was removed");
	if (!has || err == ERR_AUTH) {
		member_leave(b, m, has);
		return false;
	}
	if (err == ERR_ABSENT && !claim(b, m))
		m->kept_us = 0; /* with his next word */
	return true;
}

bool member_heard(struct booth *b, struct member *m)
{
	m->heard_us = b->now_us;
	if ((!m->here || b->now_us - m->kept_us > KEPT_US) && !stay(b, m))
		return false;
	if (!m->here && !open_line(b, m))
		return false;
	m->deaf = false;
	talk_mail(b, m);
	return true;
}
