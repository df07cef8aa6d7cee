/* Lists and texts in the place of the messages. */
#include "src/clock.h"
#include "src/config.h"
#include "ui/tui_impl.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void clean(char *out, size_t size, const char *s, int cols)
{
	text_line(out, size, text_of(s), cols);
}

/* ---- lists in the place of messages ---- */

void tui_over_close(struct tui *t)
{
	if (t->view.over)
		t->view.focus = t->over_from;
	t->over = OVER_NONE;
	t->view.over = NULL;
	t->dirty = true;
}

enum where { EVERYWHERE, WRITING, IN_LISTS };

static bool key_is(const struct key_row *r, enum where w)
{
	bool same = strcmp(r->input, r->list) == 0;

	switch (w) {
	case EVERYWHERE:
		return same;
	case WRITING:
		return !same && *r->input;
	case IN_LISTS:
		return !same && *r->list;
	}
	return false;
}

static void help_row(struct tui *t, const char *what, const char *help)
{
	enum { TWO_COLUMNS_FROM = 72 };
	struct buf *b = &t->over_text;

	if (t->view.cols < TWO_COLUMNS_FROM) {
		buf_printf(b, "%s: %s\n", what, help);
		return;
	}
	buf_printf(b, "  ");
	text_pad(b, text_of(what), 27);
	buf_printf(b, " %s\n", help);
}

static void help_keys(struct tui *t, enum where w, const char *title)
{
	buf_printf(&t->over_text, "%s\n", title);
	for (const struct key_row *r = key_rows; r->help; r++) {
		const char *key = w == IN_LISTS ? r->list : r->input;

		if (!key_is(r, w))
			continue;
		if (r->action == ACT_NTH)
			key = _("Alt-1 to Alt-9");
		help_row(t, key, _(r->help));
	}
	buf_printf(&t->over_text, "\n");
}

static void help_fill(struct tui *t)
{
	t->over_text.n = 0;
	help_keys(t, EVERYWHERE, _("Everywhere"));
	help_keys(t, WRITING, _("While writing"));
	help_keys(t, IN_LISTS, _("In the messages and the list of peers"));
	buf_printf(&t->over_text, "%s\n",
		   _("Commands: any clear prefix; // sends a slash"));
	for (const struct slash_row *r = command_rows; r->name; r++) {
		char head[64];
		snprintf(head, sizeof(head), "/%s%s%s", r->name,
			 *r->args ? " " : "", _(r->args));
		help_row(t, head, _(r->help));
	}
	t->over_text.n--;
}

void tui_over_wrap(struct tui *t)
{
	if (!t->view.over)
		return;
	if (t->over == OVER_HELP)
		help_fill(t);
	struct bytes s = {t->over_text.p, t->over_text.n};
	/* in a list to choose from each has one row, however long */
	rows_make(&t->over_rows, s,
		  t->view.over_select ? 4000 : t->view.cols - 2);
}

static const char *const *keys_of(enum over what)
{
	static const char *const text[] = {N_("Esc close"),
					   N_("j/k PgUp PgDn move"), NULL};
	static const char *const outbox[] = {
	    N_("Esc close"), N_("j/k move"),  N_("R retry"), N_("x cancel"),
	    N_("e edit"),    N_("d details"), NULL};
	static const char *const found[] = {
	    N_("Enter goes there"), N_("Tab here/everywhere"), N_("Esc close"),
	    N_("j/k move"), NULL};
	static const char *const links[] = {N_("Enter opens"), N_("y copy"),
					    N_("Esc close"), N_("j/k move"),
					    NULL};

	switch (what) {
	case OVER_OUTBOX:
		return outbox;
	case OVER_FOUND:
		return found;
	case OVER_LINKS:
		return links;
	case OVER_NONE:
	case OVER_HELP:
	case OVER_PEERS:
	case OVER_TEXT:
		break;
	}
	return text;
}

void tui_over(struct tui *t, enum over what, const char *title)
{
	if (!t->view.over)
		t->over_from = t->view.focus;
	t->over = what;
	t->view.over_title = title;
	t->view.over_top = t->view.over_at = 0;
	t->view.over_keys = keys_of(what);
	t->view.over_select =
	    what == OVER_OUTBOX || what == OVER_FOUND || what == OVER_LINKS;
	t->view.over = &t->over_rows;
	tui_over_wrap(t);
	t->dirty = true;
	if (t->view.focus == FOCUS_INPUT || t->view.focus == FOCUS_PEERS)
		t->view.focus = FOCUS_MESSAGES;
}

void tui_help(struct tui *t)
{
	tui_over(t, OVER_HELP, _("Help"));
}

void tui_peers(struct tui *t, bool online)
{
	struct buf *b = &t->over_text;
	const struct contact *c;
	char name[NICK_MAX + 1], tag[6], at[ADDR_TEXT];

	b->n = 0;
	for (size_t i = 0; (c = model_contact(t->model, i)); i++) {
		if (online && c->presence != P_ONLINE)
			continue;
		clean(name, sizeof(name), model_name(c), 32);
		model_tag(tag, c);
		addr_text(at, &c->at);
		buf_printf(b, "%s%s%s%s  %s  %s%s%s\n", name, tag,
			   c->at.port ? "  " : "", c->at.port ? at : "",
			   _(model_trust_word(c)),
			   c->presence == P_ONLINE ? _("online") : _("offline"),
			   c->blocked ? "  " : "",
			   c->blocked ? _("blocked") : "");
	}
	if (!b->n)
		buf_printf(b, online ? _("nobody is online\n")
				     : _("nobody yet: /connect HOST:PORT\n"));
	tui_over(t, OVER_PEERS, online ? _("Online") : _("Peers"));
}

static const char *delivery_word(const struct message *m)
{
	if (m->n >= MODEL_PENDING)
		return _("not yet on our disk");
	switch (m->delivery) {
	case D_QUEUED:
		return _("queued");
	case D_SENT:
		return _("sent");
	case D_HANDED:
		return _("sent; there is no receipt in this dialect");
	case D_STORED:
		return _("stored at a center");
	case D_DELIVERED:
		return _("delivered");
	case D_FAILED:
		return _("failed");
	case D_CANCELLED:
		return _("cancelled");
	case D_RECEIVED:
		return _("received");
	case D_REQUEST:
		break;
	}
	return _("a request");
}

/* "12 s", "3 min", "5 h", "2 d" */
static void span_text(char out[static 32], int64_t ms)
{
	long long s = ms > 0 ? ms / 1000 : 0;

	if (s < 100)
		snprintf(out, 32, _("%lld s"), s);
	else if (s < 6000)
		snprintf(out, 32, _("%lld min"), s / 60);
	else if (s < 48 * 3600)
		snprintf(out, 32, _("%lld h"), s / 3600);
	else
		snprintf(out, 32, _("%lld d"), s / 86400);
}

/* Why it is still here. */
static const char *waits_for(const struct message *m, const struct contact *c,
			     char why[static SAID_MAX])
{
	if (m->error)
		return words_said(why, m->error);
	if (!c)
		return "";
	if (c->changed || m->held)
		return _("the key changed: /trust");
	if (m->delivery == D_SENT)
		return _("no receipt yet");
	if (c->presence == P_ONLINE)
		return _("on its way");
	return _(model_presence_word(c));
}

static void outbox_row(struct tui *t, const struct message *m, int64_t now_ms)
{
	const struct contact *c = model_find(t->model, m->with);
	char name[NICK_MAX + 1], text[200], age[32], next[32] = "";
	char why[SAID_MAX];
	struct buf *b = &t->over_text;

	clean(name, sizeof(name), c ? model_name(c) : "?", 16);
	clean(text, sizeof(text), m->text, 60);
	span_text(age, now_ms - m->stored_ms);
	buf_printf(b, "%s", b->n ? "\n" : "");
	text_pad(b, text_of(name), 10);
	buf_printf(b, " ");
	text_pad(b, text_of(delivery_word(m)), 9);
	buf_printf(b, " ");
	text_pad(b, text_of(age), -5);
	buf_printf(b, "  \"%s\"  %s", text, waits_for(m, c, why));
	if (m->next_ms > now_ms) {
		span_text(next, m->next_ms - now_ms);
		buf_printf(b, _(", next try in %s"), next);
	}
}

void tui_outbox_list(struct tui *t)
{
	size_t n, at = t->view.over_at;
	const struct message *const *m = model_outbox(t->model, &n);
	int64_t now_ms = clock_now(NULL, NULL).wall_us / 1000;

	t->over_text.n = 0;
	for (size_t i = 0; i < n; i++)
		outbox_row(t, m[i], now_ms);
	if (!n)
		buf_printf(&t->over_text, _("nothing waits"));
	tui_over(t, OVER_OUTBOX, _("Outbox"));
	t->view.over_at = at < t->over_rows.n ? at : 0;
}

void tui_info(struct tui *t, const struct contact *c, const char *number)
{
	struct buf *b = &t->over_text;
	char name[NICK_MAX + 1], at[ADDR_TEXT];
	const struct contact *known = model_find(t->model, c->id);

	if (known)
		c = known;
	b->n = 0;
	clean(name, sizeof(name), model_name(c), 32);
	addr_text(at, &c->at);
	buf_printf(b, _("Name          %s\nCalls itself  %s\n"), name, c->nick);
	buf_printf(b, _("Now           %s%s\n"), _(model_presence_word(c)),
		   c->blocked ? _(", blocked") : "");
	buf_printf(b, _("Address       %s\n"),
		   c->at.port         ? at
		   : model_relayed(c) ? _("through the center")
				      : _("not known"));
	if (!pubkey_none(&c->key) || model_plain(c))
		buf_printf(b, _("Id            %s\n"), c->ident);
	buf_printf(b, _("Key           %s\n"),
		   c->changed ? _("CHANGED: /trust accepts the new one")
		   : model_plain(c)
		       ? _("none. PLAIN: anyone on the network can read and "
			   "forge this")
		   : pubkey_none(&c->key) ? _("not seen yet")
					  : _(model_trust_word(c)));
	if (number)
		buf_printf(
		    b,
		    _("\nCompare these numbers by voice; the same on both"
		      " sides: /verify\n%s\n"),
		    number);
	tui_over(t, OVER_TEXT, _("Details"));
}

const struct message *tui_selected(struct tui *t)
{
	size_t n;
	contact_id c = model_opened(t->model);
	const struct message *const *line = model_lines(t->model, c, &n);

	if (t->over == OVER_OUTBOX) {
		line = model_outbox(t->model, &n);
		return t->view.over_at < n ? line[t->view.over_at] : NULL;
	}
	if (t->over != OVER_NONE)
		return NULL; /* it is not seen */
	for (size_t i = 0; i < n && t->view.selected; i++)
		if (line[i]->n == t->view.selected)
			return line[i];
	return NULL;
}

/* Where a plain text says that it came from, when that is not where it came
 * from. */
static void claim(struct buf *b, const struct message *m,
		  const struct contact *c)
{
	char says[ADDR_TEXT], is[ADDR_TEXT];

	if (!c || !model_plain(c) || !m->incoming || !m->from.port)
		return;
	addr_text(says, &m->from);
	addr_text(is, &c->at);
	if (strcmp(says, is) != 0)
		buf_printf(b, _("Claims    to come from %s; it came from %s\n"),
			   says, is);
}

void tui_details(struct tui *t)
{
	const struct message *m = tui_selected(t);
	contact_id c = t->view.focus == FOCUS_PEERS && t->view.pointed
			   ? t->view.pointed
			   : model_opened(t->model);
	struct buf *b = &t->over_text;
	char when[64], id[37], why[SAID_MAX];

	if (!m && !c)
		return;
	const struct contact *known = model_find(t->model, c);
	if (!m && known && pubkey_none(&known->key)) {
		tui_info(t, known, NULL);
		return;
	}
	if (!m) {
		tui_send(t, &(struct command){.kind = CMD_VERIFY, .contact = c},
			 WHY_INFO, NULL);
		return;
	}
	b->n = 0;
	uuid_text(id, &m->id);
	buf_printf(b, _("Message   %s\nState     %s\n"), id, delivery_word(m));
	if (m->error)
		buf_printf(b, _("Because   %s\n"), words_said(why, m->error));
	clock_local(when, m->sent_ms, CLOCK_FULL);
	buf_printf(b, _("Sent      %s\n"), when);
	clock_local(when, m->stored_ms, CLOCK_FULL);
	buf_printf(b, _("Stored    %s\n"), when);
	if (m->acked_ms) {
		clock_local(when, m->acked_ms, CLOCK_FULL);
		buf_printf(b, _("Receipt   %s\n"), when);
	}
	if (m->rtt_us)
		buf_printf(b, _("Took      %.1f ms\n"),
			   (double)m->rtt_us / 1000);
	buf_printf(b, _("Tries     %u\n"), m->tries);
	claim(b, m, known);
	tui_over(t, OVER_TEXT, _("Details"));
}

/* What waits can be written anew: it is taken back, and stands in the line
 * when the engine has said that it did not leave. */
void tui_edit_queued(struct tui *t)
{
	const struct message *m = tui_selected(t);
	struct draft *d = &t->edited;

	if (!m || m->incoming || m->n >= MODEL_PENDING ||
	    m->delivery != D_QUEUED) {
		tui_say(t, LEVEL_INFO, _("only what is queued can be edited"));
		return;
	}
	d->with = m->with;
	d->answers = m->answers;
	d->text.n = 0;
	buf_put(&d->text, text_of(m->text));
	tui_send(t, &(struct command){.kind = CMD_CANCEL, .id = m->id},
		 WHY_EDIT, NULL);
}

void tui_edited(struct tui *t, bool sent)
{
	struct draft *d = &t->edited;
	struct bytes s = {d->text.p, d->text.n};
	/* they may be gone, and a line to somebody else begun */
	bool there =
	    model_find(t->model, d->with) &&
	    (!edit_text(t->edit).n || model_opened(t->model) == d->with);

	tui_over_close(t);
	if (there)
		tui_open(t, d->with);
	if (sent || !there || edit_text(t->edit).n) {
		edit_keep(t->edit, s);
		tui_say(t, LEVEL_WARN,
			sent ? _("it had just left; Ctrl-Y has its words")
			     : _("taken back; Ctrl-Y has its words"));
		return;
	}
	edit_set(t->edit, s, SIZE_MAX);
	tui_answering(t, d->answers);
	t->view.selected = 0;
	tui_focus(t, FOCUS_INPUT);
	tui_say(t, LEVEL_INFO, _("taken back: Enter sends it"));
}

/* Of one message: the selected one; of a conversation: all it fits. */
void tui_again_or_back(struct tui *t, enum command_kind kind, bool all)
{
	const struct message *one = tui_selected(t);
	size_t n, done = 0;
	const struct message *const *line =
	    model_lines(t->model, model_opened(t->model), &n);

	for (size_t i = 0; i < n; i++) {
		const struct message *m = line[i];
		bool fits = !m->incoming && m->n < MODEL_PENDING &&
			    (kind == CMD_RETRY ? m->delivery == D_FAILED
					       : m->delivery == D_QUEUED ||
						     m->delivery == D_SENT);
		if (!all || !fits || done >= 64)
			continue;
		done++;
		tui_send(t, &(struct command){.kind = kind, .id = m->id},
			 WHY_SAY, "");
	}
	if (!all && one)
		tui_send(t, &(struct command){.kind = kind, .id = one->id},
			 WHY_SAY, "");
	if (all ? !done : !one)
		tui_say(t, LEVEL_INFO, _("there is nothing to %s here"),
			kind == CMD_RETRY ? _("send again") : _("take back"));
	if (t->over == OVER_OUTBOX)
		model_ask_outbox(t->model);
}
