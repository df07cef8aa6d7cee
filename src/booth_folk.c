#include "src/booth_impl.h"
#include <stdio.h>
#include <stdlib.h>

enum { LIST_MAX = 1200, RACES = 5 };
static const int64_t CONSENT_US = 300 * SECOND_US;

/* ---- who is there ---- */

static struct person *person_of(const struct booth *b, const char *user)
{
	for (size_t i = 0; i < b->n_person; i++)
		if (strcmp(b->person[i].user, user) == 0)
			return &b->person[i];
	return NULL;
}

bool booth_online(const struct booth *b, const char *user)
{
	return person_of(b, user) != NULL;
}

static void person_add(struct booth *b, const char *user)
{
	b->person = xrealloc(b->person, (b->n_person + 1) * sizeof(*b->person));
	snprintf(b->person[b->n_person++].user, sizeof(b->person->user), "%s",
		 user);
}

/* Of the backend, which may not be asked in here; once, as long as nothing
 * changes. */
void folk_presence(void *ctx, const char *user, const char *node)
{
	struct booth *b = ctx;
	struct person *p = person_of(b, user);

	if ((p != NULL) == (node != NULL) ||
	    (node && b->n_person == PEOPLE_MAX))
		return;
	if (node)
		person_add(b, user);
	else
		*p = b->person[--b->n_person];
	for (size_t i = 0; i < b->n_members; i++)
		member_tell(b, b->member[i],
			    node ? CENTER_ONLINE : CENTER_OFFLINE, user);
}

static void say_list(struct booth *b, struct member *m, struct buf *names)
{
	struct packet p = {.kind = PKT_CENTER,
			   .verb = CENTER_LIST,
			   .text = {names->p, names->n}};

	if (names->n && !m->deaf)
		(void)line_put(b, m->line, &p, false, 0);
	names->n = 0;
}

/* Several frames when one cannot hold them. */
void folk_online(struct booth *b, struct member *m)
{
	struct buf names = {0};

	for (size_t i = 0; i < b->n_person; i++) {
		const char *user = b->person[i].user;
		if (names.n + strlen(user) + 1 > LIST_MAX)
			say_list(b, m, &names);
		buf_printf(&names, "%s%s", names.n ? " " : "", user);
	}
	say_list(b, m, &names);
	buf_free(&names);
}

/* ---- blocking ---- */

enum err folk_blocks(struct booth *b, const char *user, const char *who,
		     bool *blocks)
{
	struct member *m = booth_here(b, user);
	struct member away = {0};
	struct center_acct *a;
	uint64_t rev;

	if (m) {
		*blocks = member_blocks(m, who);
		return OK;
	}
	a = xmalloc(sizeof(*a));
	enum err err = b->b->acct_get(b->b, user, a, &rev);
	if (!err) {
		member_knows(&away, a);
		*blocks = member_blocks(&away, who);
		free(away.blocked);
	}
	free(a);
	return err;
}

/* OK: it is so now; ERR_FULL: he blocks too many. */
static enum err block_set(struct center_acct *a, const char *who, bool block)
{
	size_t i = 0;

	while (i < a->n_blocked && strcmp(a->blocked[i], who) != 0)
		i++;
	if ((i < a->n_blocked) == block)
		return OK;
	if (block && a->n_blocked == CENTER_BLOCKS_MAX)
		return ERR_FULL;
	if (block)
		snprintf(a->blocked[a->n_blocked++], sizeof(a->blocked[0]),
			 "%s", who);
	else
		memmove(a->blocked[i], a->blocked[i + 1],
			(--a->n_blocked - i) * sizeof(a->blocked[0]));
	return OK;
}

static enum err block_change(struct booth *b, struct member *m, const char *who,
			     bool block)
{
	struct center_acct *a = xmalloc(sizeof(*a));
	enum err err = ERR_EXISTS; /* somebody was quicker: again */
	uint64_t rev;

	for (int i = 0; i < RACES && err == ERR_EXISTS; i++) {
		err = b->b->acct_get(b->b, m->user, a, &rev);
		if (!err)
			err = block_set(a, who, block);
		if (!err)
			err = b->b->acct_put(b->b, m->user, a, rev, NULL);
	}
	if (!err)
		member_knows(m, a);
	free(a);
	return err;
}

void folk_block(struct booth *b, struct member *m, const struct packet *p)
{
	char who[CENTER_NAME_MAX + 1];
	bool block = p->word[2].p[0] == '1';

	if (!booth_name(p->word[3], who))
		return;
	if (block_change(b, m, who, block))
		member_say(b, m, "Nothing changed, try again later: %s", who);
	else
		member_tell(b, m, block ? CENTER_BLOCKED : CENTER_UNBLOCKED,
			    who);
}

/* ---- addresses, with consent ---- */

static struct ask *ask_find(struct booth *b, const char *from, const char *to)
{
	for (size_t i = 0; i < b->n_ask; i++)
		if (strcmp(b->ask[i].from, from) == 0 &&
		    strcmp(b->ask[i].to, to) == 0)
			return &b->ask[i];
	return NULL;
}

static void ask_put(struct booth *b, const char *from, const char *to)
{
	struct ask *a = ask_find(b, from, to);

	if (!a && b->n_ask == ASKS_MAX)
		memmove(b->ask, b->ask + 1, --b->n_ask * sizeof(b->ask[0]));
	if (!a)
		a = &b->ask[b->n_ask++];
	snprintf(a->from, sizeof(a->from), "%s", from);
	snprintf(a->to, sizeof(a->to), "%s", to);
	a->until_us = b->now_us + CONSENT_US;
}

static void ask_drop(struct booth *b, struct ask *a)
{
	*a = b->ask[--b->n_ask];
}

static void wanted(struct booth *b, const char *from, const char *to)
{
	struct member *m = booth_here(b, to);

	if (!m || member_blocks(m, from))
		return;
	ask_put(b, from, to);
	member_tell(b, m, CENTER_WANTS, from);
}

/* Who blocks us looks as if he were not there. */
static bool can_be_asked(struct booth *b, const struct member *m,
			 const char *who)
{
	const struct member *him = booth_here(b, who);
	bool blocks = false;

	return booth_online(b, who) && !(him && him->deaf) &&
	       !folk_blocks(b, who, m->user, &blocks) && !blocks;
}

void folk_get(struct booth *b, struct member *m, link_id link,
	      const struct packet *p)
{
	struct packet answer = {.kind = PKT_CENTER, .verb = CENTER_FAIL};
	char who[CENTER_NAME_MAX + 1];

	if (booth_name(p->word[2], who) && can_be_asked(b, m, who)) {
		answer.verb = CENTER_OKAY;
		if (booth_here(b, who))
			wanted(b, m->user, who);
		else
			nodes_tell(b, "wants", m->user, who, (struct bytes){0});
	}
	effects_put(
	    b->fx,
	    &(struct effect){.kind = FX_SEND, .link = link, .packet = &answer});
}

/* at: "host port", as it is said. */
static void addressed(struct booth *b, const char *user, const char *to,
		      struct bytes at)
{
	struct member *m = booth_here(b, to);
	const uint8_t *blank = at.n ? memchr(at.p, ' ', at.n) : NULL;
	struct packet p = {
	    .kind = PKT_CENTER, .verb = CENTER_ADR, .n_words = 3};

	if (!m || m->deaf || !blank)
		return;
	p.word[0] = booth_view(user);
	p.word[1] = (struct bytes){at.p, (size_t)(blank - at.p)};
	p.word[2] = (struct bytes){blank + 1, at.n - p.word[1].n - 1};
	(void)line_put(b, m->line, &p, false, 0);
}

static bool asked_of_late(struct booth *b, const char *from, const char *to)
{
	const struct ask *a = ask_find(b, from, to);

	return a && a->until_us >= b->now_us;
}

void folk_allow(struct booth *b, struct member *m, const struct packet *p)
{
	char who[CENTER_NAME_MAX + 1], host[ADDR_TEXT], at[ADDR_TEXT + 8];

	if (!booth_name(p->word[2], who))
		return;
	if (!asked_of_late(b, who, m->user)) {
		member_say(b, m, "Nobody asked for your address as %s", who);
		return;
	}
	if (!booth_online(b, who)) {
		member_tell(b, m, CENTER_GONE, who);
		return;
	}
	ask_drop(b, ask_find(b, who, m->user)); /* once */
	ip_text(host, &m->at);
	snprintf(at, sizeof(at), "%s %u", host, (unsigned)m->at.port);
	if (booth_here(b, who))
		addressed(b, m->user, who, booth_view(at));
	else
		nodes_tell(b, "address", m->user, who, booth_view(at));
}

/* ---- between nodes: fields with a byte between that no name has ---- */

void nodes_tell(struct booth *b, const char *what, const char *x, const char *y,
		struct bytes text)
{
	struct buf note = {0};

	buf_printf(&note, "%s\x1f%s\x1f%s\x1f", what, x, y);
	buf_put(&note, text);
	if (b->b->notify(b->b, NULL, (struct bytes){note.p, note.n}))
		note.n = 0; /* a hint, no more */
	buf_free(&note);
}

static bool told_read(struct bytes s, struct node_word *out)
{
	for (size_t i = 0; i < NOTE_FIELDS; i++) {
		const uint8_t *end = s.n ? memchr(s.p, '\x1f', s.n) : NULL;
		size_t n = end ? (size_t)(end - s.p) : 0;
		if (!end || n > CENTER_NAME_MAX)
			return false;
		memcpy(out->field[i], s.p, n);
		out->field[i][n] = '\0';
		s = (struct bytes){end + 1, s.n - n - 1};
	}
	out->text = s;
	return true;
}

static void moved(struct booth *b, const char *user, const char *hex)
{
	struct uuid session;
	unsigned byte;

	for (size_t i = 0; i < sizeof(session.b); i++) {
		if (sscanf(hex + 2 * i, "%2x", &byte) != 1)
			return;
		session.b[i] = (uint8_t)byte;
	}
	member_moved(b, user, &session);
}

static void obey(struct booth *b, const struct node_word *n)
{
	const char *what = n->field[0], *x = n->field[1], *y = n->field[2];
	struct member *m = booth_here(b, x);

	if (!strcmp(what, "text")) {
		talk_heard(b, x, n->text);
	} else if (!strcmp(what, "wants")) {
		wanted(b, x, y);
	} else if (!strcmp(what, "address")) {
		addressed(b, x, y, n->text);
	} else if (!strcmp(what, "moved") && strlen(y) == 32) {
		moved(b, x, y);
	} else if (!strcmp(what, "some") && m) {
		member_tell(b, m, CENTER_SOME_REFUSED, NULL);
	} else if (!strcmp(what, "mail") && m) {
		m->mail = true;
		talk_mail(b, m);
	}
}

void nodes_heard(void *ctx, struct bytes s)
{
	struct booth *b = ctx;
	uint32_t n = (uint32_t)s.n;

	buf_put(&b->note, (struct bytes){(const uint8_t *)&n, sizeof(n)});
	buf_put(&b->note, s);
}

void nodes_obey(struct booth *b)
{
	struct buf notes = b->note;
	struct node_word one;
	uint32_t n;

	b->note = (struct buf){0};
	for (size_t at = 0; at < notes.n; at += n) {
		memcpy(&n, notes.p + at, sizeof(n));
		at += sizeof(n);
		if (told_read((struct bytes){notes.p + at, n}, &one))
			obey(b, &one);
	}
	buf_free(&notes);
}
