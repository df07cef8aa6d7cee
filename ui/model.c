#include "proto/seal.h"
#include "ui/highlight.h"
#include "ui/model_impl.h"
#include "ui/text.h"
#include "ui/words.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct model *model_new(void)
{
	struct model *m = xmalloc(sizeof(*m));

	*m = (struct model){0};
	return m;
}

/* ---- contacts ---- */

static void contact_set(struct contact *to, const struct contact *from)
{
	char *draft = from->draft ? xstrndup(text_of(from->draft)) : NULL;

	free(to->draft);
	*to = *from;
	to->draft = draft;
}

static void conv_free(struct conv *v)
{
	for (size_t i = 0; i < v->n; i++)
		message_free(v->row[i]);
	free(v->row);
	free(v->c.draft);
	free(v);
}

static void list_free(struct message **list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		message_free(list[i]);
	free(list);
}

void model_free(struct model *m)
{
	if (!m)
		return;
	for (size_t i = 0; i < m->n; i++)
		conv_free(m->conv[i]);
	free(m->conv);
	if (m->self)
		free(m->self->draft);
	free(m->self);
	list_free(m->outbox, m->n_outbox);
	list_free(m->outbox_new, m->n_outbox_new);
	free(m);
}

size_t model_index(const struct model *m, contact_id c)
{
	for (size_t i = 0; i < m->n; i++)
		if (m->conv[i]->c.id == c)
			return i;
	return SIZE_MAX;
}

struct conv *conv_find(const struct model *m, contact_id c)
{
	if (m->last && m->last->c.id == c)
		return m->last;
	size_t i = c ? model_index(m, c) : SIZE_MAX;
	return i == SIZE_MAX ? NULL : m->conv[i];
}

static struct conv *conv_of(struct model *m, const struct contact *c)
{
	struct conv *v = conv_find(m, c->id);

	if (!v) {
		if (m->n == m->cap) {
			m->cap = m->cap ? 2 * m->cap : 16;
			m->conv =
			    xrealloc(m->conv, m->cap * sizeof(struct conv *));
		}
		v = xmalloc(sizeof(*v));
		*v = (struct conv){.more = true};
		m->conv[m->n++] = v;
	}
	m->last = v;
	return v;
}

struct conv *conv_update(struct model *m, const struct contact *c, bool draft)
{
	struct conv *v = conv_of(m, c);
	char *kept = NULL;

	if (!draft) {
		kept = v->c.draft;
		v->c.draft = NULL;
	}
	contact_set(&v->c, c);
	v->named &= v->c.unread > 0;
	if (!v->c.ident[0] && !pubkey_none(&c->key))
		seal_peer_id(v->c.ident, &c->key);
	if (!draft) {
		free(v->c.draft);
		v->c.draft = kept;
	} else {
		v->draft = v->c.draft != NULL;
	}
	return v;
}

static void conv_gone(struct model *m, contact_id c)
{
	size_t i = model_index(m, c);

	if (i == SIZE_MAX)
		return;
	m->last = NULL;
	conv_free(m->conv[i]);
	memmove(m->conv + i, m->conv + i + 1,
		(--m->n - i) * sizeof(struct conv *));
	if (m->open == c)
		m->open = 0;
}

size_t model_count(const struct model *m)
{
	return m->n;
}

const struct contact *model_contact(const struct model *m, size_t i)
{
	return i < m->n ? &m->conv[i]->c : NULL;
}

const struct contact *model_find(const struct model *m, contact_id c)
{
	const struct conv *v = conv_find(m, c);

	return v ? &v->c : NULL;
}

const struct contact *model_self(const struct model *m)
{
	return m->self;
}

void model_rename_self(struct model *m, const char *nick)
{
	if (m->self)
		snprintf(m->self->nick, sizeof(m->self->nick), "%s", nick);
}

const char *model_trust_new(const struct model *m)
{
	return m->trust_new;
}

bool model_complete(const struct model *m)
{
	return m->complete;
}

const char *model_name(const struct contact *c)
{
	if (c->petname[0])
		return c->petname;
	if (c->nick[0])
		return c->nick;
	return c->ident[0] == '?' ? c->ident + 1 : c->ident;
}

const char *model_presence_word(const struct contact *c)
{
	switch (c->presence) {
	case P_ONLINE:
		return N_("online");
	case P_DIALLING:
		return N_("dialling");
	case P_OFFLINE:
		return N_("offline");
	case P_UNKNOWN:
		break;
	}
	return N_("not met yet");
}

bool model_plain(const struct contact *c)
{
	return c->trust == TRUST_PLAIN;
}

bool model_relayed(const struct contact *c)
{
	return c->presence == P_ONLINE && !model_plain(c) && !c->at.port;
}

const char *model_trust_word(const struct contact *c)
{
	if (c->changed)
		return N_("KEY CHANGED");
	switch (c->trust) {
	case TRUST_PLAIN:
		return N_("PLAIN");
	case TRUST_NEW:
		return N_("new");
	case TRUST_PINNED:
		return N_("pinned");
	case TRUST_VERIFIED:
		break;
	}
	return N_("verified");
}

void model_tag(char out[static 6], const struct contact *c)
{
	char id[33];

	out[0] = '\0';
	if (pubkey_none(&c->key))
		return;
	seal_peer_id(id, &c->key);
	out[0] = '~';
	memcpy(out + 1, id, 4);
	out[5] = '\0';
}

bool model_draft(struct model *m, contact_id c, struct buf *text,
		 size_t *cursor, struct uuid *answers)
{
	struct conv *v = conv_find(m, c);

	if (!v || !v->draft)
		return false;
	buf_put(text, text_of(v->c.draft));
	*cursor = v->c.cursor;
	*answers = v->c.draft_answers;
	v->draft = false;
	return true;
}

/* ---- asking ---- */

bool model_asked(uint64_t ref)
{
	return ref && !(ref >> MODEL_REFS_BIT);
}

bool model_asked_outbox(uint64_t ref)
{
	return ref >> ASK_BIT == ASK_OUTBOX;
}

bool model_asked_page(uint64_t ref)
{
	return ref >> ASK_BIT == ASK_PAGE || ref >> ASK_BIT == ASK_SEEK;
}

static uint64_t ask_ref(enum ask what, contact_id c)
{
	return (uint64_t)what << ASK_BIT | (uint64_t)c;
}

contact_id model_opened(const struct model *m)
{
	return m->open;
}

/* Back to how a conversation is that nobody reads. */
static void conv_leave(struct model *m, struct conv *v)
{
	v->left = v->later ? 0 : ++m->left;
	/* of a page from far up the last row is not the newest */
	conv_shrink(v, v->later ? 0 : conv_most(v));
	v->later = v->want_page = v->want_after = v->want_seek = false;
	v->skipped = 0;
}

/* All but the lines of those left last. */
static void conv_forget(struct model *m, unsigned most)
{
	for (size_t i = 0; i < m->n; i++) {
		struct conv *v = m->conv[i];
		if (!v->left || v->left + most > m->left)
			continue;
		v->left = 0;
		if (v->c.id != m->open)
			conv_shrink(v, 1);
	}
}

void model_open(struct model *m, contact_id c)
{
	struct conv *old = conv_find(m, m->open), *v = conv_find(m, c);

	if (m->open == c)
		return;
	if (old) {
		conv_leave(m, old);
		old->marker = 0;
		conv_forget(m, KEPT_CONVS);
	}
	m->open = v ? c : 0;
	if (!v)
		return;
	v->want_page = v->more = true;
	v->before = 0;
	v->marker = v->c.unread ? v->c.read_upto + 1 : 0;
}

void model_rows(struct model *m, unsigned rows)
{
	m->rows = rows < PAGE_USUAL ? rows : PAGE_USUAL;
}

bool model_older(struct model *m)
{
	struct conv *v = conv_find(m, m->open);

	if (!v || v->asked || v->want_page || v->want_seek || !v->more || !v->n)
		return false;
	if (conv_stored(v) >= MODEL_MOST)
		conv_shrink_end(v, MODEL_MOST - MODEL_LINES);
	v->before = v->row[0]->n < MODEL_PENDING ? v->row[0]->n : 0;
	v->want_page = true;
	return true;
}

bool model_later(const struct model *m, contact_id with)
{
	const struct conv *v = conv_find(m, with);

	return v && v->later;
}

bool model_newer(struct model *m)
{
	struct conv *v = conv_find(m, m->open);

	if (!v || !v->later || v->asked || v->want_after || v->want_seek ||
	    !conv_stored(v))
		return false;
	if (conv_stored(v) >= MODEL_MOST)
		conv_shrink(v, MODEL_MOST - MODEL_LINES);
	v->want_after = true;
	return true;
}

void model_newest(struct model *m)
{
	struct conv *v = conv_find(m, m->open);

	if (!v || !v->later || v->asked || v->want_seek)
		return;
	rows_drop(v, 0, conv_stored(v));
	v->later = v->want_after = false;
	v->skipped = 0;
	v->more = v->want_page = true;
	v->before = 0;
}

bool model_seek(struct model *m, message_n n)
{
	struct conv *v = conv_find(m, m->open);

	if (!v)
		return false;
	v->seek = n;
	v->want_seek = true;
	v->want_page = v->want_after = false;
	return true;
}

bool model_seeking(const struct model *m)
{
	const struct conv *v = conv_find(m, m->open);

	return v && (v->want_seek || v->seeking);
}

void model_trim(struct model *m)
{
	struct conv *v = conv_find(m, m->open);

	if (v && !v->later && v->n > MODEL_LINES + MODEL_LINES / 4)
		conv_shrink(v, MODEL_LINES);
}

void model_ask_outbox(struct model *m)
{
	list_free(m->outbox_new, m->n_outbox_new);
	m->outbox_new = NULL;
	m->n_outbox_new = 0;
	m->want_outbox = true;
	m->outbox_at = 0;
}

const struct message *const *model_outbox(const struct model *m, size_t *n)
{
	*n = m->n_outbox;
	return (const struct message *const *)m->outbox;
}

/* The worker takes few questions at once, so unread conversations are looked
 * into one after the other. */
static bool want_peek(struct model *m, struct command *out)
{
	if (m->peeking || !m->complete)
		return false;
	for (size_t i = 0; i < m->n; i++) {
		struct conv *v = m->conv[i];
		if (!v->peek)
			continue;
		v->peek = false;
		m->peeking = true;
		out->kind = CMD_HISTORY;
		out->contact = v->c.id;
		out->limit = 1;
		out->ref = ask_ref(ASK_PEEK, v->c.id);
		return true;
	}
	return false;
}

bool model_wants(struct model *m, struct command *out)
{
	struct conv *v = conv_find(m, m->open);

	*out = (struct command){0};
	if (m->want_snapshot) {
		m->want_snapshot = false;
		out->kind = CMD_SNAPSHOT;
		out->n = m->snapshot_at;
		out->limit = PAGE_MAX;
		out->ref = ask_ref(ASK_SNAPSHOT, 0);
		return true;
	}
	if (v && v->want_page && !v->asked) {
		v->want_page = false;
		v->asked = true;
		out->kind = CMD_HISTORY;
		out->contact = v->c.id;
		out->n = v->before;
		out->limit = v->before || !m->rows ? PAGE_USUAL : m->rows;
		out->ref = ask_ref(ASK_PAGE, v->c.id);
		return true;
	}
	if (v && (v->want_seek || v->want_after) && !v->asked) {
		bool seek = v->want_seek;
		v->asked = true;
		v->want_after = v->want_seek = false;
		v->seeking = seek;
		out->kind = CMD_SINCE;
		out->contact = v->c.id;
		out->n = seek ? v->seek ? v->seek - 1 : 0
			      : v->row[conv_stored(v) - 1]->n;
		out->limit = PAGE_USUAL;
		out->ref = ask_ref(seek ? ASK_SEEK : ASK_AFTER, v->c.id);
		return true;
	}
	if (m->want_since) {
		m->want_since = false;
		out->kind = CMD_SINCE;
		out->n = m->since_at;
		out->limit = PAGE_MAX;
		out->ref = ask_ref(ASK_SINCE, 0);
		return true;
	}
	if (m->want_outbox) {
		m->want_outbox = false;
		out->kind = CMD_OUTBOX;
		out->n = m->outbox_at;
		out->ref = ask_ref(ASK_OUTBOX, 0);
		return true;
	}
	return want_peek(m, out);
}

/* ---- events ---- */

static bool on_ready(struct model *m, const struct event *ev)
{
	if (ev->contact) {
		if (!m->self) {
			m->self = xmalloc(sizeof(*m->self));
			*m->self = (struct contact){0};
		}
		contact_set(m->self, ev->contact);
	}
	text_line(m->trust_new, sizeof(m->trust_new), text_of(ev->name), 15);
	m->want_snapshot = true;
	m->snapshot_at = 0;
	return true;
}

static void outbox_add(struct model *m, const struct message *msg)
{
	m->outbox_new = xrealloc(m->outbox_new, (m->n_outbox_new + 1) *
						    sizeof(struct message *));
	m->outbox_new[m->n_outbox_new++] = message_copy(msg);
}

/* The first row from somewhere else: now those that were here can go. */
static void seek_begin(struct model *m, contact_id c)
{
	struct conv *v = conv_find(m, c);

	if (!v || !v->seeking)
		return;
	v->seeking = false;
	if (conv_stored(v))
		v->skipped = v->row[conv_stored(v) - 1]->n > v->skipped
				 ? v->row[conv_stored(v) - 1]->n
				 : v->skipped;
	rows_drop(v, 0, conv_stored(v));
	v->later = true;
	v->more = v->seek > 0;
}

static bool on_item(struct model *m, const struct event *ev)
{
	enum ask what = (enum ask)(ev->ref >> ASK_BIT);

	if (!model_asked(ev->ref))
		return false;
	if (what == ASK_OUTBOX && ev->message) {
		outbox_add(m, ev->message);
		return false;
	}
	if (ev->message && what == ASK_SEEK)
		seek_begin(m, ev->message->with);
	if (ev->message)
		return message_add(m, ev,
				   what == ASK_PAGE || what == ASK_AFTER ||
				       what == ASK_SEEK) != NULL;
	if (!ev->contact)
		return false;
	bool known = conv_find(m, ev->contact->id) != NULL;
	struct conv *v = conv_update(m, ev->contact, !known);
	v->peek = v->c.unread && !v->heard;
	return true;
}

static bool outbox_done(struct model *m, const struct event *ev)
{
	if (ev->more) {
		m->want_outbox = true;
		m->outbox_at = ev->next;
		return false;
	}
	list_free(m->outbox, m->n_outbox);
	m->outbox = m->outbox_new;
	m->n_outbox = m->n_outbox_new;
	m->outbox_new = NULL;
	m->n_outbox_new = 0;
	return true;
}

static bool answer(struct model *m, const struct event *ev)
{
	contact_id c = (contact_id)(ev->ref & (((uint64_t)1 << ASK_BIT) - 1));
	struct conv *v = conv_find(m, c);

	switch ((enum ask)(ev->ref >> ASK_BIT)) {
	case ASK_SNAPSHOT:
		m->want_snapshot = ev->more;
		m->snapshot_at = ev->next;
		m->complete |= !ev->more;
		return true;
	case ASK_SINCE:
		m->want_since = ev->more;
		m->since_at = ev->next;
		return true;
	case ASK_PAGE:
		if (v) {
			v->asked = false;
			v->more = ev->code == CODE_OK && ev->more;
		}
		return true;
	case ASK_AFTER:
	case ASK_SEEK:
		if (v) {
			v->asked = v->seeking = false;
			if (ev->code == CODE_OK && v->later)
				v->later = conv_later(v, ev->more);
		}
		return true;
	case ASK_PEEK:
		m->peeking = false;
		return true;
	case ASK_OUTBOX:
		return outbox_done(m, ev);
	}
	return false;
}

static bool on_result(struct model *m, const struct event *ev)
{
	if (model_asked(ev->ref))
		return answer(m, ev);
	if (ev->contact && !ev->message && ev->contact->id &&
	    !ev->contact->gone && model_find(m, ev->contact->id))
		conv_update(m, ev->contact, false);
	return ev->code == CODE_OK ? pending_done(m, ev->ref) : true;
}

static bool on_peer(struct model *m, const struct contact *c)
{
	if (c->gone) {
		contact_id open = m->open;
		conv_gone(m, c->id);
		if (open == c->id && c->became)
			model_open(m, c->became);
		return true;
	}
	conv_update(m, c, false);
	return true;
}

static bool on_message(struct model *m, const struct event *ev)
{
	struct conv *v = message_add(m, ev, false);

	if (!v || !ev->message->incoming)
		return v != NULL;
	v->arrived++;
	if (m->self &&
	    highlight_named(text_of(ev->message->text), text_of(m->self->nick)))
		v->named = true;
	return true;
}

bool model_apply(struct model *m, const struct event *ev)
{
	switch (ev->kind) {
	case EV_READY:
		return on_ready(m, ev);
	case EV_PEER:
		return ev->contact && ev->contact->id &&
		       on_peer(m, ev->contact);
	case EV_MESSAGE:
		return ev->message && on_message(m, ev);
	case EV_ITEM:
		return on_item(m, ev);
	case EV_STATUS:
		return ev->message && status_change(m, ev->message);
	case EV_RESULT:
		return on_result(m, ev);
	case EV_LOST:
		conv_forget(m, 0);
		m->want_snapshot = m->want_since = true;
		m->snapshot_at = 0;
		m->since_at = m->newest;
		return false;
	case EV_SECURITY:
		if (ev->contact && ev->contact->id)
			conv_update(m, ev->contact, false);
		return true;
	case EV_NOTICE:
	case EV_CONSENT:
	case EV_BYE:
		return true;
	}
	return false;
}
