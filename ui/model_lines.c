/* The lines of conversations: kept by number, and those on their way to our
 * disk. */
#include "ui/model_impl.h"
#include "ui/text.h"
#include <stdlib.h>
#include <string.h>

void rows_drop(struct conv *v, size_t from, size_t n)
{
	for (size_t i = from; i < from + n; i++)
		message_free(v->row[i]);
	memmove(v->row + from, v->row + from + n,
		(v->n - from - n) * sizeof(struct message *));
	v->n -= n;
}

/* Where n is or would be: the newest come last, so look from there. */
static size_t row_place(const struct conv *v, message_n n)
{
	size_t low = 0, high = v->n;

	if (!v->n || v->row[v->n - 1]->n < n)
		return v->n;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (v->row[mid]->n < n)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static void row_put(struct conv *v, const struct message *msg)
{
	size_t at = row_place(v, msg->n);

	if (at < v->n && v->row[at]->n == msg->n) {
		message_free(v->row[at]);
		v->row[at] = message_copy(msg);
		return;
	}
	if (v->n == v->cap) {
		v->cap = v->cap ? 2 * v->cap : 4;
		v->row = xrealloc(v->row, v->cap * sizeof(struct message *));
	}
	memmove(v->row + at + 1, v->row + at,
		(v->n - at) * sizeof(struct message *));
	v->row[at] = message_copy(msg);
	v->n++;
}

size_t conv_stored(const struct conv *v)
{
	return v->n - v->n_pending;
}

size_t conv_most(const struct conv *v)
{
	return v->left ? KEPT_LINES : 1;
}

void conv_shrink(struct conv *v, size_t most)
{
	if (conv_stored(v) <= most)
		return;
	rows_drop(v, 0, conv_stored(v) - most);
	v->more = true;
	v->before = v->n ? v->row[0]->n : 0;
}

void conv_shrink_end(struct conv *v, size_t most)
{
	if (conv_stored(v) <= most)
		return;
	v->skipped = v->row[conv_stored(v) - 1]->n;
	rows_drop(v, most, conv_stored(v) - most);
	v->later = true;
}

bool conv_later(const struct conv *v, bool more)
{
	return more || !conv_stored(v) ||
	       v->skipped > v->row[conv_stored(v) - 1]->n;
}

static void conv_note(struct conv *v, const struct message *msg)
{
	if (!msg->incoming) {
		if (msg->n > v->answered)
			v->answered = msg->n;
	} else if (msg->n > v->heard) {
		v->heard = msg->n;
		v->heard_id = msg->id;
	}
}

struct conv *message_add(struct model *m, const struct event *ev, bool page)
{
	const struct message *msg = ev->message;
	struct conv *v = conv_find(m, msg->with);

	if (ev->contact) {
		/* What waits is told by EV_PEER; here it would stay when the
		 * receipt comes a moment later. */
		unsigned waiting = v ? v->c.waiting : 0;
		v = conv_update(m, ev->contact, false);
		v->c.waiting = waiting;
	}
	if (!v)
		return NULL;
	conv_note(v, msg);
	if (msg->n > m->newest)
		m->newest = msg->n;
	if (m->open != v->c.id) {
		if (conv_stored(v) && v->row[conv_stored(v) - 1]->n > msg->n)
			return v;
		row_put(v, msg);
		conv_shrink(v, conv_most(v));
		return v;
	}
	if (!page && (v->later || conv_stored(v) >= MODEL_MOST)) {
		v->later = true; /* nothing goes from under who reads */
		v->skipped = msg->n > v->skipped ? msg->n : v->skipped;
		return v;
	}
	row_put(v, msg);
	return v;
}

/* The news of a status; what it is about we know, and through a socket a
 * status does not say it again. Takes the place of msg. */
static struct message *with_status(struct message *old,
				   const struct message *msg)
{
	struct message *new = message_copy(old);

	new->n = msg->n;
	new->delivery = msg->delivery;
	new->acked_ms = msg->acked_ms;
	new->rtt_us = msg->rtt_us;
	new->tries = msg->tries;
	new->held = msg->held;
	new->next_ms = msg->next_ms;
	memcpy(new->ack_stamp, msg->ack_stamp, sizeof(new->ack_stamp));
	free(new->error);
	new->error = msg->error ? xstrndup(text_of(msg->error)) : NULL;
	return new;
}

bool status_change(struct model *m, const struct message *msg)
{
	struct message *new;

	struct conv *v = conv_find(m, msg->with);

	for (size_t i = 0; i < m->n_outbox; i++) {
		if (memcmp(&m->outbox[i]->id, &msg->id, sizeof(msg->id)) != 0)
			continue;
		new = with_status(m->outbox[i], msg);
		message_free(m->outbox[i]);
		m->outbox[i] = new;
	}
	if (!v)
		return false;
	size_t at = row_place(v, msg->n);
	if (at < v->n && v->row[at]->n == msg->n) {
		new = with_status(v->row[at], msg);
		message_free(v->row[at]);
		v->row[at] = new;
		return m->open == v->c.id;
	}
	/* Tried again under a new number: it moves. */
	for (size_t i = v->n; i-- > 0;) {
		if (memcmp(&v->row[i]->id, &msg->id, sizeof(msg->id)) != 0)
			continue;
		new = with_status(v->row[i], msg);
		rows_drop(v, i, 1);
		row_put(v, new);
		message_free(new);
		return m->open == v->c.id;
	}
	return false;
}

const struct message *model_message(const struct model *m, contact_id with,
				    size_t i)
{
	const struct conv *v = conv_find(m, with);

	return v && i < v->n ? v->row[v->n - 1 - i] : NULL;
}

const struct message *const *model_lines(const struct model *m, contact_id with,
					 size_t *n)
{
	const struct conv *v = conv_find(m, with);

	*n = v ? v->n : 0;
	return v ? (const struct message *const *)v->row : NULL;
}

const struct message *model_by_id(const struct model *m, contact_id with,
				  struct uuid id)
{
	const struct conv *v = conv_find(m, with);

	for (size_t i = v ? v->n : 0; i-- > 0;)
		if (memcmp(&v->row[i]->id, &id, sizeof(id)) == 0)
			return v->row[i];
	return NULL;
}

bool model_more(const struct model *m, contact_id with)
{
	const struct conv *v = conv_find(m, with);

	return v && v->more;
}

message_n model_marker(const struct model *m, contact_id with)
{
	const struct conv *v = conv_find(m, with);

	return v ? v->marker : 0;
}

void model_mark(struct model *m, contact_id with, message_n n)
{
	struct conv *v = conv_find(m, with);

	if (v)
		v->marker = n;
}

bool model_named(const struct model *m, contact_id with)
{
	const struct conv *v = conv_find(m, with);

	return v && v->named && v->c.unread;
}

uint64_t model_arrived(const struct model *m, contact_id with)
{
	const struct conv *v = conv_find(m, with);

	return v ? v->arrived : 0;
}

/* Somebody said something that was not answered, and is heard. */
static bool conv_waits(const struct conv *v)
{
	return v->heard > v->answered && !v->c.blocked;
}

contact_id model_last_sender(const struct model *m, unsigned again,
			     struct uuid *id)
{
	const struct conv *best = NULL;
	message_n below = INT64_MAX;
	unsigned open = 0;

	for (size_t i = 0; i < m->n; i++)
		open += conv_waits(m->conv[i]);
	if (!open)
		return 0;
	for (again %= open;; again--) {
		best = NULL;
		for (size_t i = 0; i < m->n; i++) {
			const struct conv *v = m->conv[i];
			if (conv_waits(v) && v->heard < below &&
			    (!best || v->heard > best->heard))
				best = v;
		}
		if (!best || !again)
			break;
		below = best->heard;
	}
	if (!best)
		return 0;
	*id = best->heard_id;
	return best->c.id;
}

/* ---- lines on their way to our disk ---- */

void model_pending(struct model *m, contact_id with, uint64_t ref,
		   const char *text, struct uuid answers, int64_t now_ms)
{
	struct conv *v = conv_find(m, with);
	const struct message *original;
	struct message msg = {.with = with, .secure = true, .answers = answers};

	if (!v)
		return;
	msg.n = MODEL_PENDING + (message_n)ref;
	msg.sent_ms = msg.stored_ms = now_ms;
	msg.text = xstrndup(text_of(text));
	original = model_by_id(m, with, answers);
	if (original && original->n < MODEL_PENDING &&
	    memcmp(&answers, &(struct uuid){0}, sizeof(answers)) != 0)
		msg.quote = xstrndup(text_of(original->text));
	row_put(v, &msg);
	v->n_pending++;
	v->answered = v->heard;
	free(msg.text);
	free(msg.quote);
}

static struct conv *pending_find(const struct model *m, uint64_t ref,
				 size_t *at)
{
	message_n n = MODEL_PENDING + (message_n)ref;

	for (size_t i = 0; i < m->n; i++) {
		struct conv *v = m->conv[i];
		if (!v->n_pending)
			continue;
		*at = row_place(v, n);
		if (*at < v->n && v->row[*at]->n == n)
			return v;
	}
	return NULL;
}

bool pending_done(struct model *m, uint64_t ref)
{
	size_t at;
	struct conv *v = pending_find(m, ref, &at);

	if (!v)
		return false;
	rows_drop(v, at, 1);
	v->n_pending--;
	return true;
}

char *model_refused(struct model *m, uint64_t ref, contact_id *with)
{
	size_t at;
	struct conv *v = pending_find(m, ref, &at);

	if (!v)
		return NULL;
	char *text = xstrndup(text_of(v->row[at]->text));
	*with = v->c.id;
	pending_done(m, ref);
	return text;
}
