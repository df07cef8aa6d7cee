#include "src/core_post.h"
#include <stdio.h>

/* The people of our center: names, until somebody here means one, or is told
 * that he may know him. */
enum {
	WANTED_S = 310,    /* a center's five minutes, and a little */
	PRESENCE_SAID = 5, /* in words, a second; events there are of all */
};

const char *center_said(const struct packet *p, char out[static 128])
{
	size_t n = p->n_words ? utf8_cut(p->word[0], 127) : 0;

	if (n)
		memcpy(out, p->word[0].p, n);
	out[n] = '\0';
	return out;
}

bool user_contact(const struct core *c, const char *name, struct bytes key,
		  enum presence p, struct contact *out)
{
	*out = (struct contact){.dialect = dialect_sotto.name,
				.trust = TRUST_NEW,
				.secure = true,
				.presence = p,
				.via = VIA_CENTER};
	if (!post_key(key, &out->key))
		return false;
	const struct who *w = who_by_key(c, &out->key);
	if (w) {
		out->trust = w->row.shown.trust;
		out->blocked = w->row.shown.blocked;
		out->changed = w->row.shown.changed;
		memcpy(out->petname, w->row.shown.petname,
		       sizeof(out->petname));
	}
	snprintf(out->nick, sizeof(out->nick), "%.*s",
		 (int)utf8_cut(view(name), NICK_MAX), name);
	return true;
}

/* Five in a second, then a number of the others with the next. */
static void say_presence(struct core *c, const struct now *now,
			 const char *name, bool here)
{
	struct post *t = c->post;

	if (now->mono_us - t->second_us >= SECOND_US) {
		if (t->unsaid)
			tell_notice(c, LEVEL_INFO,
				    "%u more have come or gone there",
				    t->unsaid);
		t->second_us = now->mono_us;
		t->said = t->unsaid = 0;
	}
	if (t->said == PRESENCE_SAID) {
		t->unsaid++;
		return;
	}
	t->said++;
	if (here)
		tell_notice(c, LEVEL_INFO, "%s has logged on.", name);
	else
		tell_notice(c, LEVEL_INFO, "%s is offline.", name);
}

static bool name_is_free(const struct core *c, const char *name)
{
	for (size_t i = 0; i < c->n_list; i++)
		if (strcmp(c->list[i]->row.shown.petname, name) == 0)
			return false;
	return strlen(name) <= NICK_MAX;
}

/* Where letters to him go is what he signed last: a center cannot draw to
 * itself those for somebody who named another. */
static void person_center(struct core *c, const struct now *now,
			  const struct who *w, struct bytes signed_by_him)
{
	uint64_t s = (uint64_t)(now->wall_us / SECOND_US);
	char center[POST_CENTER];
	struct bundle said, old;
	struct bytes had;

	bool good = !bundle_read(signed_by_him, &w->row.shown.key, s, &said);
	bool any = post_noted(c, w, "bundle", &had) &&
		   !bundle_read(had, &w->row.shown.key, s, &old);
	bool newer = good && (!any || said.not_after > old.not_after);
	if (newer)
		post_note(c, w, "bundle", signed_by_him);
	if (post_noted(c, w, "center", &had) && !newer)
		return;
	post_center_text(c, center);
	post_note(c, w, "center", view(center));
}

struct who *user_make(struct core *c, const struct now *now, const char *user,
		      const struct pubkey *key, struct bytes bundle)
{
	struct who *w = who_by_key(c, key);
	struct contact_row row = {
	    .shown = {.key = *key, .trust = TRUST_NEW, .via = VIA_CENTER}};

	if (memcmp(key, &c->self, sizeof(*key)) == 0 || c->disk)
		return NULL;
	if (!w) {
		snprintf(row.shown.nick, sizeof(row.shown.nick), "%.*s",
			 (int)utf8_cut(view(user), NICK_MAX), user);
		if (name_is_free(c, user))
			snprintf(row.shown.petname, sizeof(row.shown.petname),
				 "%s", user);
		w = who_new(c, now, &row);
	}
	w->row.hidden = false;
	w->named = true;
	who_save(c, w);
	post_note(c, w, "user", view(user));
	person_center(c, now, w, bundle);
	c->typed = 0;
	tell_peer(c, w);
	return w;
}

static void came_or_went(struct core *c, const struct now *now, bool here,
			 struct bytes user, struct bytes key)
{
	struct contact who;
	char name[128];
	size_t n = utf8_cut(user, sizeof(name) - 1);

	if (n)
		memcpy(name, user.p, n);
	name[n] = '\0';
	if (user_contact(c, name, key, here ? P_ONLINE : P_OFFLINE, &who)) {
		struct who *w = who_by_key(c, &who.key);
		tell(c, 0, 0,
		     &(struct event){.kind = EV_PEER, .contact = &who});
		if (w && w->row.shown.blocked)
			return;
		if (w)
			post_note(c, w, "user", user);
		if (w && here && dial_wanted(c, w))
			dial_soon(c, now, w);
	}
	say_presence(c, now, name, here);
}

/* One, as words; or many, a line each, "user key". */
void user_presence(struct core *c, const struct now *now,
		   const struct packet *p)
{
	bool here = p->verb == CENTER_ONLINE;
	struct bytes none = {0}, rest = p->text;

	if (p->n_words)
		came_or_went(c, now, here, p->word[0],
			     p->n_words > 1 ? p->word[1] : none);
	while (rest.n) {
		const uint8_t *end = memchr(rest.p, '\n', rest.n);
		size_t n = end ? (size_t)(end - rest.p) : rest.n;
		const uint8_t *blank = memchr(rest.p, ' ', n);
		size_t user = blank ? (size_t)(blank - rest.p) : n;
		struct bytes key = none;
		if (blank)
			key = (struct bytes){blank + 1, n - user - 1};
		if (user)
			came_or_went(c, now, here, (struct bytes){rest.p, user},
				     key);
		n += end != NULL;
		rest = (struct bytes){rest.p + n, rest.n - n};
	}
}

static struct wanted *wanted_find(struct post *t, const struct now *now,
				  const char *user)
{
	for (size_t i = 0; i < WANTED_MAX; i++)
		if (t->wanted[i].until_us > now->mono_us &&
		    strcmp(t->wanted[i].user, user) == 0)
			return &t->wanted[i];
	return NULL;
}

/* The one that ends first gives way. */
void user_wanted(struct post *t, const struct now *now, const char *user)
{
	struct wanted *w = wanted_find(t, now, user);

	for (size_t i = 0; i < WANTED_MAX && !w; i++)
		if (t->wanted[i].until_us <= now->mono_us)
			w = &t->wanted[i];
	if (!w) {
		w = &t->wanted[0];
		for (size_t i = 1; i < WANTED_MAX; i++)
			if (t->wanted[i].until_us < w->until_us)
				w = &t->wanted[i];
	}
	snprintf(w->user, sizeof(w->user), "%s", user);
	w->until_us = now->mono_us + WANTED_S * SECOND_US;
}

/* "[user, key, address]": he allowed it. Not at the word of a center alone:
 * it makes him a contact that is trusted. */
void user_address(struct core *c, const struct now *now, const struct packet *p)
{
	char name[128], at[ADDR_TEXT];
	struct wanted *asked;
	struct pubkey key;
	struct typed t;
	struct who *w;

	center_said(p, name);
	if (!(asked = wanted_find(c->post, now, name)) || p->n_words < 2 ||
	    !post_key(p->word[1], &key) ||
	    !(w = user_make(c, now, name, &key, (struct bytes){0})))
		return;
	*asked = (struct wanted){0};
	if (p->n_words > 2 && p->word[2].n < sizeof(at)) {
		memcpy(at, p->word[2].p, p->word[2].n);
		at[p->word[2].n] = '\0';
		if (typed_parse(at, &t) && t.dialect == &dialect_sotto)
			place_add(c, w, t.host, t.port, VIA_CENTER, 0);
	}
	who_accept(c, now, w);
	tell_notice(c, LEVEL_INFO, "You can now privately message %s", name);
	dial_now(c, now, w);
}
