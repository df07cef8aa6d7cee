/* What arrives, as lines. A line that begins with blanks goes on with the one
 * before it, and no other does: so no text can look like somebody else's. */
#include "src/clock.h"
#include "ui/plain_impl.h"
#include "ui/words.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	/* A message that is delivered at once is told once. */
	NOTE_US = 400000,
	/* They went and came again in this time: not worth a word. */
	PRESENCE_US = 400000,
	SHORT_COLS = 60, /* of what was typed here and is heard again */
	QUOTE_COLS = 40,
	CONTEXT = 3, /* read lines before those that are not */
	WHOLE = 1 << 28,
};

static bool same(struct uuid a, struct uuid b)
{
	return memcmp(&a, &b, sizeof(a)) == 0;
}

/* ---- lines ---- */

void plain_say(struct plain *p, const char *fmt, ...)
{
	char s[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(s, sizeof(s), fmt, ap);
	va_end(ap);
	pterm_line(p->term, text_of(s));
}

static void say_text(struct plain *p, const char *head, struct bytes text,
		     const char *tail)
{
	struct rows r = {0};
	struct buf b = {0};

	rows_make(&r, text, WHOLE);
	for (size_t i = 0; i < r.n; i++) {
		b.n = 0;
		buf_printf(&b, "%s", i ? "      " : head);
		buf_put(&b, rows_at(&r, i));
		buf_printf(&b, "%s", i + 1 == r.n ? tail : "");
		pterm_line(p->term, (struct bytes){b.p, b.n});
	}
	buf_free(&b);
	rows_free(&r);
}

/* 14:05, and the date before it when that was not said yet. */
static void stamp(struct plain *p, char out[static 64], int64_t unix_ms)
{
	char day[96];

	words_day(day, unix_ms, true);
	if (strcmp(day, p->day) != 0) {
		snprintf(p->day, sizeof(p->day), "%s", day);
		plain_say(p, "%s", day);
	}
	clock_local(out, unix_ms, p->clock12 ? CLOCK_HM12 : CLOCK_HM);
}

static int64_t wall_ms(void)
{
	return clock_now(NULL, NULL).wall_us / 1000;
}

/* ---- names ---- */

static bool only_one(const struct plain *p, const struct contact *c)
{
	const struct contact *other = model_self(p->model);

	if (other && other != c && strcmp(other->nick, model_name(c)) == 0)
		return false;
	for (size_t i = 0; (other = model_contact(p->model, i)); i++)
		if (other->id != c->id &&
		    strcmp(model_name(other), model_name(c)) == 0)
			return false;
	return true;
}

void plain_name(const struct plain *p, char out[static WHOM_MAX],
		const struct contact *c)
{
	char tag[6] = "", name[WHOM_MAX - sizeof(tag)];

	text_line(name, sizeof(name), text_of(c ? model_name(c) : ""), 32);
	if (c && (c->trust == TRUST_NEW || !only_one(p, c)))
		model_tag(tag, c);
	snprintf(out, WHOM_MAX, "%s%s", name, tag);
}

static void name_of(const struct plain *p, char out[static WHOM_MAX],
		    contact_id c)
{
	plain_name(p, out, model_find(p->model, c));
}

/* ---- what is known of a contact here ---- */

static struct seen *seen_find(const struct plain *p, contact_id c)
{
	for (size_t i = 0; i < p->n_seen; i++)
		if (p->seen[i].id == c)
			return &p->seen[i];
	return NULL;
}

static void bare_name(char out[static WHOM_MAX], const struct contact *c)
{
	text_line(out, WHOM_MAX, text_of(c ? model_name(c) : ""), 32);
}

/* Of somebody new everything was written here that ever came. */
static struct seen *seen_of(struct plain *p, contact_id c)
{
	struct seen *s = seen_find(p, c);

	if (s)
		return s;
	p->seen = xrealloc(p->seen, (p->n_seen + 1) * sizeof(*p->seen));
	s = &p->seen[p->n_seen++];
	*s = (struct seen){.id = c, .all = p->begun};
	name_of(p, s->name, c);
	bare_name(s->bare, model_find(p->model, c));
	return s;
}

void plain_met(struct plain *p, contact_id id)
{
	const struct contact *c = model_find(p->model, id);
	struct seen *s = seen_find(p, id);

	if (!c || !s || c->presence != P_ONLINE)
		return;
	s->online = s->met = true;
	s->due_us = 0;
}

static void seen_drop(struct plain *p, struct seen *s)
{
	*s = p->seen[--p->n_seen];
}

/* ---- messages ---- */

void plain_state(struct plain *p, char *out, size_t size, enum delivery d,
		 bool held, const char *error)
{
	static const char *const word[] = {
	    [D_QUEUED] = N_("queued"),
	    [D_SENT] = N_("sent"),
	    [D_STORED] = N_("stored at a center"),
	    [D_DELIVERED] = N_("delivered"),
	    [D_FAILED] = N_("failed"),
	    [D_CANCELLED] = N_("cancelled"),
	    [D_RECEIVED] = N_("received"),
	    [D_REQUEST] = N_("a request"),
	    [D_HANDED] = N_("sent; there is no receipt in this dialect"),
	};
	char said[SAID_MAX];

	(void)p;
	if (d == D_FAILED && error)
		snprintf(out, size, _("failed: %s"), words_said(said, error));
	else if (d == D_QUEUED && held)
		snprintf(out, size, "%s",
			 _("queued: their key changed, /trust lets it go"));
	else
		snprintf(out, size, "%s", _(word[d]));
}

/* ` (sent 13:02)` when it was long on its way. */
static void late(const struct plain *p, const struct message *m,
		 char out[static 100])
{
	enum { LATE_MS = 120000, DAY_MS = 86400000 };
	int64_t took = m->stored_ms - m->sent_ms;
	char sent[64];

	out[0] = '\0';
	if (!m->sent_ms || !m->stored_ms || took < LATE_MS)
		return;
	clock_local(sent, m->sent_ms,
		    took >= DAY_MS ? CLOCK_FULL
		    : p->clock12   ? CLOCK_HM12
				   : CLOCK_HM);
	snprintf(out, 100, _(" (sent %s)"), sent);
}

static bool is_me(const struct message *m)
{
	return strncmp(m->text, "/me ", 4) == 0;
}

static void head_in(struct plain *p, const struct message *m, char *out,
		    size_t size)
{
	char at[64], name[WHOM_MAX], sent[100], quote[200];

	stamp(p, at, m->stored_ms);
	name_of(p, name, m->with);
	late(p, m, sent);
	if (m->delivery == D_REQUEST)
		snprintf(out, size, _("%s request from %s%s: "), at, name,
			 sent);
	else if (is_me(m))
		snprintf(out, size, "%s * %s%s ", at, name, sent);
	else if (m->quote) {
		text_line(quote, sizeof(quote), text_of(m->quote), QUOTE_COLS);
		snprintf(out, size, _("%s %s%s answers \"%s\": "), at, name,
			 sent, quote);
	} else
		snprintf(out, size, "%s %s%s: ", at, name, sent);
}

static void head_out(struct plain *p, contact_id with, const char *at,
		     char *out, size_t size)
{
	char name[WHOM_MAX];

	name_of(p, name, with);
	snprintf(out, size, _("%s to %s: "), at, name);
}

void plain_message(struct plain *p, const struct message *m)
{
	char head[512], state[300], tail[310] = "", at[64];
	struct bytes text = text_of(m->text);

	if (m->incoming) {
		head_in(p, m, head, sizeof(head));
		if (is_me(m) && m->delivery != D_REQUEST)
			text = (struct bytes){text.p + 4, text.n - 4};
	} else {
		stamp(p, at, m->stored_ms);
		head_out(p, m->with, at, head, sizeof(head));
		plain_state(p, state, sizeof(state), m->delivery, m->held,
			    m->error);
		snprintf(tail, sizeof(tail), " (%s)", state);
	}
	say_text(p, head, text, tail);
}

/* ---- our own, and what becomes of them ---- */

static bool over(enum delivery d)
{
	return d == D_DELIVERED || d == D_FAILED || d == D_CANCELLED ||
	       d == D_HANDED;
}

static void note_drop(struct plain *p, size_t i)
{
	free(p->note[i].text);
	free(p->note[i].error);
	memmove(p->note + i, p->note + i + 1,
		(--p->n_note - i) * sizeof(*p->note));
}

static void note_tell(struct plain *p, struct note *n)
{
	char head[512], state[300], tail[310], at[64];

	n->due_us = 0;
	if (n->told && n->said == n->now)
		return;
	n->told = true;
	n->said = n->now;
	stamp(p, at, wall_ms());
	head_out(p, n->with, at, head, sizeof(head));
	plain_state(p, state, sizeof(state), n->now, n->held, n->error);
	snprintf(tail, sizeof(tail), "%s(%s)", n->text ? " " : "", state);
	say_text(p, head, text_of(n->text), tail);
}

static struct note *note_find(struct plain *p, struct uuid id)
{
	for (size_t i = 0; i < p->n_note; i++)
		if (same(p->note[i].id, id))
			return &p->note[i];
	return NULL;
}

static struct note *note_new(struct plain *p, struct uuid id, contact_id with)
{
	if (!p->note)
		p->note = xmalloc(NOTES_MAX * sizeof(*p->note));
	if (p->n_note == NOTES_MAX) {
		note_tell(p, &p->note[0]);
		note_drop(p, 0);
	}
	p->note[p->n_note] = (struct note){.id = id, .with = with};
	return &p->note[p->n_note++];
}

/* What was typed here a moment ago is only reminded of. */
static char *reminder(struct plain *p, const char *text)
{
	char s[256];

	if (!p->waits)
		return xstrndup(text_of(text));
	text_line(s, sizeof(s), text_of(text), SHORT_COLS);
	if (text_cols(text_of(s)) >= SHORT_COLS || strchr(text, '\n'))
		strcat(s, " ...");
	return xstrndup(text_of(s));
}

static void note_set(struct plain *p, struct note *n, const struct message *m)
{
	n->now = m->delivery;
	n->held = m->held;
	free(n->error);
	n->error = m->error ? xstrndup(text_of(m->error)) : NULL;
	if (!over(n->now)) {
		if (!n->due_us)
			n->due_us = clock_mono_us() + NOTE_US;
		return;
	}
	note_tell(p, n);
	if (n->now == D_DELIVERED)
		plain_met(p, n->with);
	note_drop(p, (size_t)(n - p->note));
}

static void ours(struct plain *p, const struct message *m)
{
	struct note *n = note_find(p, m->id);

	if (!n)
		n = note_new(p, m->id, m->with);
	if (!n->text)
		n->text = reminder(p, m->text);
	note_set(p, n, m);
}

static void status(struct plain *p, const struct message *m)
{
	struct note *n = note_find(p, m->id);
	const struct message *known = model_by_id(p->model, m->with, m->id);
	char s[256];

	if (m->incoming)
		return;
	if (!n) {
		n = note_new(p, m->id, m->with);
		if (known) {
			text_line(s, sizeof(s), text_of(known->text),
				  SHORT_COLS);
			n->text = xstrndup(text_of(s));
		}
	}
	note_set(p, n, m);
}

bool plain_settling(const struct plain *p)
{
	for (size_t i = 0; i < p->n_note; i++) {
		const struct note *n = &p->note[i];
		const struct contact *c = model_find(p->model, n->with);

		if (n->due_us || n->now == D_SENT ||
		    (c && c->presence == P_ONLINE && !n->held))
			return true;
	}
	return false;
}

/* ---- theirs ---- */

static void asks(struct plain *p, struct seen *s)
{
	if (s->asks)
		return;
	s->asks = true;
	plain_say(p,
		  _("%s was not met before: /trust %s takes it, /block %s "
		    "does not"),
		  s->name, s->name, s->name);
}

static void written(struct plain *p, const struct message *m)
{
	struct seen *s = seen_of(p, m->with);

	plain_message(p, m);
	plain_met(p, m->with);
	if (m->n > s->upto)
		s->upto = m->n;
	if (!s->from)
		s->from = m->n;
	if (m->delivery == D_REQUEST)
		asks(p, s);
}

static void heard(struct plain *p, const struct message *m)
{
	if (!m->incoming) {
		ours(p, m);
		return;
	}
	/* a page may have brought it already */
	if (m->n <= seen_of(p, m->with)->upto)
		return;
	if (p->lost) {
		p->live = xrealloc(p->live, (p->n_live + 1) * sizeof(*p->live));
		p->live[p->n_live++] = m->n;
	}
	written(p, m);
}

/* One of those whose event was dropped, or that came after. */
static void missed(struct plain *p, const struct message *m)
{
	for (size_t i = 0; i < p->n_live; i++)
		if (p->live[i] == m->n)
			return;
	if (m->incoming)
		written(p, m);
	else
		ours(p, m);
}

static void missed_all(struct plain *p)
{
	p->lost = false;
	free(p->live);
	p->live = NULL;
	p->n_live = 0;
}

static bool to_be_read(const struct message *m, const struct contact *c)
{
	return m->incoming && (m->delivery == D_REQUEST || m->n > c->read_upto);
}

void plain_page(struct plain *p)
{
	contact_id with = model_opened(p->model);
	const struct contact *c = model_find(p->model, with);
	size_t n, first = 0;
	const struct message *const *line = model_lines(p->model, with, &n);

	if (!c || seen_of(p, with)->opened)
		return;
	struct seen *s = seen_of(p, with);
	while (n && s->from && line[n - 1]->n >= s->from)
		n--;
	while (first < n && !to_be_read(line[first], c))
		first++;
	if (!first && n && model_more(p->model, with) && to_be_read(line[0], c))
		plain_say(p, "%s", _("older ones are not shown: /find"));
	for (size_t i = first > CONTEXT ? first - CONTEXT : 0; i < n; i++) {
		plain_message(p, line[i]);
		if (line[i]->n > s->upto)
			s->upto = line[i]->n;
	}
	s->opened = s->all = true;
}

void plain_read(struct plain *p)
{
	for (size_t i = 0; i < p->n_seen; i++) {
		struct seen *s = &p->seen[i];
		const struct contact *c = model_find(p->model, s->id);

		if (!s->all || s->upto <= s->read || !c || !c->unread)
			continue;
		s->read = s->upto;
		plain_send(p,
			   &(struct command){.kind = CMD_READ,
					     .contact = s->id,
					     .n = s->upto},
			   WHY_NOTHING, NULL);
	}
}

/* ---- who is there ---- */

static void gone(struct plain *p, const struct contact *c)
{
	struct seen *s = seen_find(p, c->id);
	char name[WHOM_MAX];

	/* Whoever answers at the address that the line was for. */
	if (p->to == c->id)
		p->to = model_find(p->model, c->became) ? c->became : 0;
	if (p->latch == c->id)
		p->latch = p->latched = 0;
	for (size_t i = 0; i < p->n_note; i++)
		if (p->note[i].with == c->id && c->became)
			p->note[i].with = c->became;
	if (!s)
		return;
	name_of(p, name, c->became);
	if (c->became)
		plain_say(p, _("%s is %s"), s->name, name);
	else
		plain_say(p, _("%s is forgotten"), s->name);
	seen_drop(p, s);
}

static void renamed(struct plain *p, struct seen *s, const struct contact *c)
{
	char name[WHOM_MAX], bare[WHOM_MAX];

	plain_name(p, name, c);
	bare_name(bare, c);
	if (strcmp(bare, s->bare) != 0 && c->trust != TRUST_NEW && !c->blocked)
		plain_say(p, _("%s is called %s now"), s->name, name);
	memcpy(s->name, name, sizeof(name));
	memcpy(s->bare, bare, sizeof(bare));
}

static void peer(struct plain *p, const struct contact *c)
{
	bool online = c->presence == P_ONLINE;

	if (!p->begun)
		return;
	if (c->gone) {
		gone(p, c);
		return;
	}
	struct seen *s = seen_of(p, c->id);
	renamed(p, s, c);
	if (online == s->online)
		s->due_us = 0;
	else if (!s->due_us)
		s->due_us = clock_mono_us() + PRESENCE_US;
}

/* A stranger is told of once: it costs him nothing to come and go. */
static void presence(struct plain *p, struct seen *s)
{
	const struct contact *c = model_find(p->model, s->id);
	bool silent = !c || c->blocked || (c->trust == TRUST_NEW && s->met);
	char at[64];

	s->due_us = 0;
	if (!c || (c->presence == P_ONLINE) == s->online)
		return;
	s->online = !s->online;
	s->met = true;
	if (silent)
		return;
	stamp(p, at, wall_ms());
	plain_say(p, s->online ? _("%s %s is online") : _("%s %s is offline"),
		  at, s->name);
}

static void security(struct plain *p, const struct event *ev)
{
	char name[WHOM_MAX];

	plain_name(p, name, ev->contact);
	if (!ev->contact)
		snprintf(name, sizeof(name), "%s", _("somebody"));
	if (ev->text && strcmp(ev->text, "key_changed") == 0)
		plain_say(p,
			  _("the key of %s CHANGED: compare the numbers, "
			    "/info %s; nothing goes there before /trust %s"),
			  name, name, name);
	else
		plain_say(p, "%s: %s", name, words_security(ev->text));
}

void plain_heard(struct plain *p, const struct event *ev)
{
	char said[SAID_MAX];

	if (ev->kind == EV_PEER && ev->contact && ev->contact->id)
		peer(p, ev->contact);
	else if (ev->kind == EV_MESSAGE && ev->message)
		heard(p, ev->message);
	else if (ev->kind == EV_LOST)
		p->lost = true;
	else if (ev->kind == EV_ITEM && ev->message && p->lost &&
		 ev->ref == p->since_ref)
		missed(p, ev->message);
	else if (ev->kind == EV_RESULT && p->lost && !ev->more &&
		 ev->ref == p->since_ref)
		missed_all(p);
	else if (ev->kind == EV_STATUS && ev->message)
		status(p, ev->message);
	else if (ev->kind == EV_SECURITY)
		security(p, ev);
	else if ((ev->kind == EV_NOTICE || ev->kind == EV_CONSENT) && ev->text)
		plain_say(p, "%s", words_said(said, ev->text));
	if (ev->kind == EV_PEER || ev->kind == EV_SECURITY)
		plain_whom(p);
}

/* ---- in time ---- */

void plain_due(struct plain *p, int64_t now_us)
{
	for (size_t i = 0; i < p->n_note; i++)
		if (p->note[i].due_us && p->note[i].due_us <= now_us)
			note_tell(p, &p->note[i]);
	for (size_t i = 0; i < p->n_seen; i++)
		if (p->seen[i].due_us && p->seen[i].due_us <= now_us)
			presence(p, &p->seen[i]);
}

int64_t plain_next_due(const struct plain *p)
{
	int64_t at = INT64_MAX;

	for (size_t i = 0; i < p->n_note; i++)
		if (p->note[i].due_us && p->note[i].due_us < at)
			at = p->note[i].due_us;
	for (size_t i = 0; i < p->n_seen; i++)
		if (p->seen[i].due_us && p->seen[i].due_us < at)
			at = p->seen[i].due_us;
	return at;
}

void plain_say_free(struct plain *p)
{
	while (p->n_note)
		note_drop(p, p->n_note - 1);
	free(p->note);
	free(p->live);
	free(p->seen);
	buf_free(&p->sure);
}

/* ---- the beginning ---- */

static void begun_of(struct plain *p, const struct contact *c)
{
	struct seen *s = seen_of(p, c->id);

	s->online = c->presence == P_ONLINE;
	s->met = true;
	s->all = !c->unread;
	if (c->blocked)
		return;
	if (s->online)
		plain_say(p, _("%s is online"), s->name);
	if (c->requests)
		plain_say(p, _("%s asks to write to you: /msg %s shows it"),
			  s->name, s->name);
	else if (c->unread)
		plain_say(p,
			  words_count("%s: %u unread, /msg %s shows them",
				      "%s: %u unread, /msg %s shows them",
				      c->unread),
			  s->name, c->unread, s->name);
	if (c->waiting)
		plain_say(p,
			  words_count("%s: %u waiting to be delivered",
				      "%s: %u waiting to be delivered",
				      c->waiting),
			  s->name, c->waiting);
	if (c->changed)
		plain_say(p, _("%s: the key CHANGED, /info %s"), s->name,
			  s->name);
}

void plain_begun(struct plain *p)
{
	const struct contact *c = model_self(p->model);
	char name[WHOM_MAX], tag[6], at[ADDR_TEXT];

	if (c) {
		text_line(name, sizeof(name), text_of(c->nick), 32);
		model_tag(tag, c);
		addr_text(at, &c->at);
		plain_say(p, _("you are %s%s, others find you at %s"), name,
			  tag, at);
	}
	for (size_t i = 0; (c = model_contact(p->model, i)); i++)
		begun_of(p, c);
	plain_say(p, "%s",
		  model_count(p->model)
		      ? _("/msg PEER begins, /peers says who is known, /help "
			  "the rest")
		      : _("nobody is known yet: /connect HOST:PORT; /help says "
			  "the rest"));
}

/* ---- lists ---- */

void plain_peers(struct plain *p, bool online)
{
	const struct contact *c;
	char name[WHOM_MAX], tag[6], at[ADDR_TEXT];
	size_t n = 0;

	for (size_t i = 0; (c = model_contact(p->model, i)); i++) {
		if (online && c->presence != P_ONLINE)
			continue;
		n++;
		text_line(name, sizeof(name), text_of(model_name(c)), 32);
		model_tag(tag, c);
		addr_text(at, &c->at);
		plain_say(p, "%s%s, %s, %s%s%s%s%s", name, tag,
			  _(model_presence_word(c)), _(model_trust_word(c)),
			  c->at.port ? ", " : "", c->at.port ? at : "",
			  c->blocked ? ", " : "",
			  c->blocked ? _("blocked") : "");
	}
	if (!n)
		plain_say(p, "%s",
			  online ? _("nobody is online")
				 : _("nobody yet: /connect HOST:PORT"));
}

void plain_info(struct plain *p, const struct contact *c, const char *number)
{
	const struct contact *known = model_find(p->model, c->id);
	char name[WHOM_MAX], at[ADDR_TEXT];

	if (known)
		c = known;
	plain_name(p, name, c);
	addr_text(at, &c->at);
	plain_say(p, _("%s calls itself %s"), name, c->nick);
	plain_say(p, _("now: %s%s"), _(model_presence_word(c)),
		  c->blocked ? _(", blocked") : "");
	plain_say(p, _("address: %s"),
		  c->at.port         ? at
		  : model_relayed(c) ? _("through the center")
				     : _("not known"));
	if (!pubkey_none(&c->key) || model_plain(c))
		plain_say(p, _("id: %s"), c->ident);
	plain_say(p, _("key: %s"),
		  c->changed ? _("CHANGED, /trust accepts the new one")
		  : model_plain(c)
		      ? _("none. PLAIN: anyone on the network can read and "
			  "forge this")
		  : pubkey_none(&c->key) ? _("not seen yet")
					 : _(model_trust_word(c)));
	if (!number)
		return;
	plain_say(p,
		  _("compare these numbers by voice; if they are the same "
		    "on both sides, /verify %s:"),
		  name);
	say_text(p, "", text_of(number), "");
}

void plain_outbox(struct plain *p)
{
	size_t n;
	const struct message *const *m = model_outbox(p->model, &n);

	for (size_t i = 0; i < n; i++)
		plain_message(p, m[i]);
	if (!n)
		plain_say(p, "%s", _("nothing waits"));
}

void plain_found(struct plain *p, const struct message *m)
{
	const struct contact *c =
	    m->incoming ? model_find(p->model, m->with) : model_self(p->model);
	char day[96], at[64], name[WHOM_MAX], text[800];

	words_day(day, m->stored_ms, false);
	clock_local(at, m->stored_ms, p->clock12 ? CLOCK_HM12 : CLOCK_HM);
	text_line(name, sizeof(name), text_of(c ? model_name(c) : ""), 32);
	text_line(text, sizeof(text), text_of(m->text), 200);
	p->n_found++;
	plain_say(p, "%s %s %s: %s", day, at, name, text);
}
