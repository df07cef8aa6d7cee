#include "src/core_impl.h"
#include "src/crash.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

/* What waits for its ACK. All of it is in the store; the first rows of each
 * contact are also here, in the order of their numbers, at most WINDOW_ROWS.
 * A row leaves when its recipient's ACK came, or when it is given up.
 *
 * Numbers: 1, 2 ... in each (sender, recipient, epoch). A row's
 * number counts when its epoch is the contact's; rows of an older epoch, and
 * those queued before the key was known, get theirs when they are loaded. */

/* How long a row may be without an answer on a link that lives: 30 s, then
 * twice that, up to 8 minutes. */
static int64_t resend_us(const struct who *w)
{
	return 30 * SECOND_US << (w->busy < 4 ? w->busy : 4);
}

struct row *outbox_find(const struct core *c, struct uuid id)
{
	struct row *r;

	for (size_t i = 0; (r = table_find(&c->rows, hash_uuid(id), &i));)
		if (memcmp(&r->m->id, &id, sizeof(id)) == 0)
			return r;
	return NULL;
}

static bool keyed(const struct who *w)
{
	return !pubkey_none(&w->row.shown.key);
}

static bool numbered(const struct who *w, const struct message *m)
{
	return m->seq && memcmp(m->epoch, w->row.out_epoch, 8) == 0;
}

static void number(const struct now *now, struct who *w, struct message *m)
{
	static const uint8_t none[8] = {0};

	if (memcmp(w->row.out_epoch, none, sizeof(none)) == 0) {
		rng_fill(now->rng, w->row.out_epoch, sizeof(none));
		w->row.out_seq = 0;
	}
	m->seq = ++w->row.out_seq;
	memcpy(m->epoch, w->row.out_epoch, sizeof(m->epoch));
}

/* ---- the window ---- */

static struct row *row_add(struct core *c, struct who *w, struct message *m,
			   ticket after)
{
	struct row *r = xmalloc(sizeof(*r));

	*r = (struct row){.m = m, .who = w, .after = after, .prev = w->last};
	if (w->last)
		w->last->next = r;
	else
		w->first = r;
	w->last = r;
	if (!w->unsent)
		w->unsent = r;
	w->n_rows++;
	w->row_bytes += strlen(m->text);
	table_put(&c->rows, hash_uuid(m->id), r);
	return r;
}

/* Answered, or the link is another one. */
void outbox_back(struct core *c, struct row *r)
{
	struct who *w = r->who;

	if (!r->sent)
		return;
	r->sent = false;
	w->n_sent--;
	w->sent_bytes -= strlen(r->m->text);
	if (!w->n_sent && !w->paused)
		timer_stop(&c->heap, &w->send);
}

static void row_drop(struct core *c, struct row *r)
{
	struct who *w = r->who;

	outbox_back(c, r);
	if (r->prev)
		r->prev->next = r->next;
	else
		w->first = r->next;
	if (r->next)
		r->next->prev = r->prev;
	else
		w->last = r->prev;
	if (w->unsent == r)
		w->unsent = r->next;
	w->n_rows--;
	w->row_bytes -= strlen(r->m->text);
	table_remove(&c->rows, hash_uuid(r->m->id), r);
	message_free(r->m);
	free(r);
}

void outbox_free(struct core *c, struct who *w)
{
	while (w->first)
		row_drop(c, w->first);
}

void outbox_reload(struct core *c, struct who *w)
{
	outbox_free(c, w);
	w->loaded = 0;
	w->more = w->row.shown.waiting > 0;
	w->unnumbered = w->more;
}

/* By our own elapsed time, so that a clock that jumps fails nothing; and not
 * before it had an hour of this run to be delivered. */
bool outbox_expired(const struct core *c, const struct now *now,
		    const struct message *m)
{
	int64_t run_us = now->mono_us - c->base_mono_us;
	int64_t ms = (c->base_wall_us + run_us) / MS_US;

	return m->expire_ms && ms > m->expire_ms && run_us > 3600 * SECOND_US;
}

static void take_row(struct core *c, const struct now *now, struct who *w,
		     struct message *m)
{
	m->tries = 0;
	if (keyed(w) && !numbered(w, m)) {
		number(now, w, m);
		store_update(c->store, m);
		hard(c);
	}
	/* The store knows rows that are on their way to the disk, too. */
	struct row *r = row_add(c, w, m, c->hard);
	if (outbox_expired(c, now, m))
		outbox_end(c, now, r, D_FAILED, "not delivered in time");
}

static bool window_full(const struct who *w)
{
	return w->n_rows >= WINDOW_ROWS || w->row_bytes >= WINDOW_BYTES;
}

/* True: the page was used up. */
static bool load_page(struct core *c, const struct now *now, struct who *w,
		      struct page *p)
{
	for (size_t i = 0; i < p->n; i++) {
		struct message *m = p->row[i];
		if (window_full(w))
			return false;
		w->loaded = m->n;
		if (m->with != w->row.shown.id || outbox_find(c, m->id))
			continue;
		p->row[i] = NULL; /* ours now */
		take_row(c, now, w, m);
	}
	return true;
}

/* Fills the window from the store. Rows may get numbers, which must go to the
 * disk together with the contact's count of them: not while it is full. */
void outbox_load(struct core *c, const struct now *now, struct who *w)
{
	uint64_t seq = w->row.out_seq;

	if (c->disk)
		return;
	while (w->more && !window_full(w)) {
		struct page p = {0};
		if (store_outbox(c->store, w->loaded, &p))
			break;
		if (load_page(c, now, w, &p)) {
			w->more = p.more;
			if (p.more)
				w->loaded = p.next;
		}
		page_free(&p);
	}
	if (!w->more)
		w->unnumbered = false;
	if (w->row.out_seq != seq)
		who_save(c, w);
}

bool outbox_pass(struct core *c, const struct now *now, struct who *w)
{
	unsigned had = w->n_rows;

	if (!w->more || !window_full(w) || c->disk)
		return false;
	while (w->first && w->first->m->delivery == D_STORED)
		row_drop(c, w->first);
	if (w->n_rows == had)
		return false;
	w->passed = true;
	outbox_load(c, now, w);
	return true;
}

/* ---- sending ---- */

void outbox_packet(const struct core *c, const struct row *r, struct packet *p)
{
	const struct message *m = r->m;
	bool reply =
	    memcmp(&m->answers, &(struct uuid){0}, sizeof(m->answers)) != 0;

	*p = (struct packet){
	    .kind = reply ? PKT_REPLY : PKT_MESSAGE,
	    .from = c->at,
	    .to = r->who->conn ? r->who->conn->at : (struct addr){.port = 0},
	    .stamp = view(m->stamp),
	    .sent_us = m->sent_ms * MS_US,
	    .id = m->id,
	    .seq = m->seq,
	    .text = view(m->text),
	};
	memcpy(p->epoch, m->epoch, sizeof(p->epoch));
	if (!reply)
		return;
	p->reply_to = m->answers;
	p->orig_stamp = view(m->quote_stamp);
	p->quoted = view(m->quote);
	if (rfc3339_get(p->orig_stamp, &p->orig_us))
		p->orig_us = 0;
}

static void send_row(struct core *c, const struct now *now, struct row *r)
{
	struct who *w = r->who;
	struct packet p;

	/* Not before the one it overtakes is given up on the disk as well. */
	if (r->after < w->skip_after)
		r->after = w->skip_after;
	crash_point("send.before");
	outbox_packet(c, r, &p);
	effects_put(c->fx, &(struct effect){.kind = FX_SEND,
					    .after = r->after,
					    .link = w->conn->id,
					    .packet = &p});
	r->sent = true;
	r->answers++;
	r->sent_us = now->mono_us;
	r->m->tries++;
	w->n_sent++;
	w->sent_bytes += strlen(r->m->text);
	if (r->m->delivery == D_QUEUED) {
		r->m->delivery = D_SENT;
		tell_status(c, r->after, r->m);
	}
	crash_point("send.after");
}

/* At most 64 messages and 1 MiB unanswered. */
static bool may_send(const struct core *c, const struct who *w, size_t n)
{
	if (w->n_sent >= c->rules.max_unacked)
		return false;
	return !w->n_sent || w->sent_bytes + n <= UNACKED_BYTES;
}

static bool ready(const struct core *c, const struct who *w)
{
	return w->conn && w->conn->heard && !w->paused &&
	       !w->row.shown.blocked && !c->disk;
}

void outbox_pump(struct core *c, const struct now *now, struct who *w)
{
	if (!ready(c, w))
		return;
	if (w->more && w->n_rows < WINDOW_ROWS / 2)
		outbox_load(c, now, w);
	struct row *r = w->unsent;
	for (; r; r = r->next) {
		if (r->sent)
			continue;
		if (!may_send(c, w, strlen(r->m->text)))
			break;
		send_row(c, now, r);
	}
	w->unsent = r;
	if (w->n_sent && !w->send.pos)
		timer_set(&c->heap, &w->send, now->mono_us + resend_us(w));
}

void outbox_restart(struct core *c, struct who *w)
{
	for (struct row *r = w->first; r; r = r->next) {
		outbox_back(c, r);
		r->answers = r->hellos = 0;
	}
	w->unsent = w->first;
	w->paused = false;
	w->busy = 0;
	timer_stop(&c->heap, &w->send);
}

/* After `busy`, or when no answer came: from the first one on. */
void outbox_timer(struct core *c, const struct now *now, struct who *w)
{
	struct row *r = w->first;

	if (w->plain) {
		keyless_timer(c, now, w);
		return;
	}
	if (w->paused) {
		w->paused = false;
		w->unsent = w->first;
		outbox_pump(c, now, w);
		return;
	}
	while (r && !r->sent)
		r = r->next;
	if (!r)
		return;
	int64_t due = r->sent_us + resend_us(w);
	if (due > now->mono_us) {
		timer_set(&c->heap, &w->send, due);
		return;
	}
	unsigned busy = w->busy < 4 ? w->busy + 1 : w->busy;
	outbox_restart(c, w);
	w->busy = busy;
	outbox_pump(c, now, w);
}

/* Front ends see D_QUEUED; the disk is told at once that it may have gone
 * out, which saves a write. */
static ticket queue_store(struct core *c, struct who *w, struct message *m,
			  bool direct)
{
	if (direct && ready(c, w) && may_send(c, w, strlen(m->text)))
		m->delivery = D_SENT;
	store_queue(c->store, m);
	m->delivery = D_QUEUED;
	return hard(c);
}

static void queue_tell(struct core *c, struct who *w, struct message *m,
		       ticket after, client_id client, uint64_t ref)
{
	struct contact shown = w->row.shown;

	shown.draft = NULL;
	struct event ev = {.kind = EV_MESSAGE, .message = m, .contact = &shown};
	tell(c, 0, after, &ev);
	if (!client)
		return;
	ev.kind = EV_RESULT;
	ev.ref = ref;
	tell(c, client, after, &ev);
}

void outbox_queue(struct core *c, const struct now *now, struct who *w,
		  struct message *m, client_id client, uint64_t ref)
{
	bool direct = !w->more && !window_full(w);

	m->with = w->row.shown.id;
	if (!w->plain)
		m->expire_ms = now->wall_us / MS_US + OUTBOX_LIFE_MS;
	if (keyed(w) && !w->unnumbered)
		number(now, w, m);
	ticket after = queue_store(c, w, m, direct);
	w->row.shown.waiting++;
	w->row.shown.last = m->n;
	w->answered = c->told_count;
	free(w->row.shown.draft);
	w->row.shown.draft = NULL;
	queue_tell(c, w, m, after, client, ref);
	if (direct) {
		row_add(c, w, m, after);
	} else {
		w->more = true;
		w->unnumbered |= !m->seq;
		message_free(m);
	}
	if (w->conn) {
		outbox_pump(c, now, w);
		return;
	}
	tell_peer(c, w);
	dial_soon(c, now, w);
}

/* ---- endings ---- */

static void waiting_less(struct core *c, struct who *w)
{
	if (w->row.shown.waiting)
		w->row.shown.waiting--;
	/* messages carry their contact too, so front ends may know of it */
	if (!w->row.shown.waiting)
		tell_peer(c, w);
}

static void announce(struct core *c, const struct conn *link,
		     struct range *gone, size_t n)
{
	struct packet p = {.kind = PKT_SKIP, .ranges = gone, .n_ranges = n};
	const struct who *w = link ? link->who : NULL;

	if (!n || !link || !link->heard)
		return;
	memcpy(p.epoch, w->row.out_epoch, sizeof(p.epoch));
	effects_put(c->fx, &(struct effect){.kind = FX_SEND,
					    .after = w->skip_after,
					    .link = link->id,
					    .packet = &p});
}

static void set_error(struct message *m, const char *error)
{
	free(m->error);
	m->error = error ? xstrndup(view(error)) : NULL;
}

void outbox_end(struct core *c, const struct now *now, struct row *r,
		enum delivery d, const char *error)
{
	struct who *w = r->who;
	struct message *m = r->m;

	m->delivery = d;
	set_error(m, error);
	store_update(c->store, m);
	w->skip_after = hard(c);
	tell_status(c, w->skip_after, m);
	struct range gone = {m->seq, m->seq};
	bool gap = numbered(w, m);
	row_drop(c, r);
	if (gap)
		announce(c, w->conn, &gone, 1);
	waiting_less(c, w);
	(void)now;
}

static void mark_delivered(struct core *c, const struct now *now,
			   struct message *m, const struct packet *ack,
			   ticket after)
{
	m->delivery = D_DELIVERED;
	m->acked_ms = now->wall_us / MS_US;
	stamp_copy(m->ack_stamp, ack->stamp);
	set_error(m, NULL);
	crash_point("ack.before_mark");
	store_update_soon(c->store, m);
	/* It claims what is on *his* disk: it need not wait for ours, but it
	 * must not overtake what was said of the row before. */
	tell_status(c, after, m);
}

void outbox_delivered(struct core *c, const struct now *now, struct row *r,
		      const struct packet *ack)
{
	struct who *w = r->who;

	if (r->sent_us)
		r->m->rtt_us = now->mono_us - r->sent_us;
	mark_delivered(c, now, r->m, ack, r->after);
	row_drop(c, r);
	waiting_less(c, w);
	w->busy = 0;
	w->losses = 0;
}

/* For one we had given up, taken back, or not loaded: he has it after all. */
static void late_answer(struct core *c, const struct now *now, struct who *w,
			const struct packet *ack)
{
	struct message *m;

	if (ack->verdict != V_SUCCESS ||
	    store_message(c->store, w->row.shown.id, ack->id, &m))
		return;
	bool open = m->delivery == D_QUEUED || m->delivery == D_SENT ||
		    m->delivery == D_STORED;
	if (!m->incoming && m->delivery != D_DELIVERED) {
		mark_delivered(c, now, m, ack, w->skip_after);
		if (open)
			waiting_less(c, w);
	}
	message_free(m);
}

/* Full jitter: random(0, 1 s * 2^n). */
static void pause(struct core *c, const struct now *now, struct who *w)
{
	int64_t span = SECOND_US << w->busy;

	if (span > 300 * SECOND_US)
		span = 300 * SECOND_US;
	if (w->paused)
		return;
	w->paused = true;
	if (w->busy < BUSY_MAX)
		w->busy++;
	timer_set(&c->heap, &w->send,
		  now->mono_us + 100 * MS_US + jitter(now, span));
}

static void unregistered(struct core *c, const struct now *now, struct conn *n,
			 struct row *r)
{
	outbox_back(c, r);
	r->who->unsent = r->who->first;
	if (r->hellos++ < 3)
		say_hello(c, now, n);
	else
		pause(c, now, r->who);
}

void epoch_new(struct core *c, const struct now *now, struct who *w)
{
	rng_fill(now->rng, w->row.out_epoch, sizeof(w->row.out_epoch));
	w->row.out_seq = 0;
	w->unnumbered = w->more;
	for (struct row *r = w->first; r; r = r->next) {
		number(now, w, r->m);
		store_update(c->store, r->m);
		r->after = hard(c);
	}
	who_save(c, w);
}

/* We were restored from a backup and gave this number twice. Answers to what
 * was sent under the old epoch are still to come; they count for nothing. */
static void seq_reused(struct core *c, const struct now *now, struct row *r)
{
	struct who *w = r->who;

	if (r->answers || c->disk)
		return;
	epoch_new(c, now, w);
	for (struct row *i = w->first; i; i = i->next)
		outbox_back(c, i);
	w->unsent = w->first;
}

void outbox_answer(struct core *c, const struct now *now, struct conn *n,
		   const struct packet *ack)
{
	struct row *r = outbox_find(c, ack->id);
	struct who *w = n->who;

	if (!r || r->who != w) {
		late_answer(c, now, w, ack);
		return;
	}
	if (r->answers)
		r->answers--;
	switch (ack->verdict) {
	case V_SUCCESS:
		outbox_delivered(c, now, r, ack);
		break;
	case V_UNREGISTERED:
		unregistered(c, now, n, r);
		break;
	case V_INVALID:
		outbox_end(c, now, r, D_FAILED,
			   "the other side could not read it");
		break;
	case V_REFUSED:
		outbox_end(c, now, r, D_FAILED, "refused");
		break;
	case V_BUSY:
		outbox_back(c, r);
		w->unsent = w->first;
		pause(c, now, w);
		break;
	case V_SEQ_REUSED:
		seq_reused(c, now, r);
		break;
	}
	outbox_pump(c, now, w);
}

/* The poison rule: a message that was first in line at three
 * losses of a link in a row is given up, so that it cannot block the rest. */
void outbox_lost(struct core *c, const struct now *now, struct who *w)
{
	struct row *r = w->first;

	while (r && !r->sent)
		r = r->next;
	if (!r)
		return;
	if (memcmp(&r->m->id, &w->poison, sizeof(w->poison)) != 0) {
		w->poison = r->m->id;
		w->losses = 0;
	}
	if (++w->losses < POISON_LOSSES)
		return;
	w->losses = 0;
	outbox_end(c, now, r, D_FAILED,
		   "the connection broke three times at this message");
}

/* ---- what the peer says it has ---- */

static int by_number(const void *x, const void *y)
{
	const uint64_t *a = x, *b = y;

	return (*a > *b) - (*a < *b);
}

/* The numbers of [from, to] that no row has any more. */
static size_t gone_of(const uint64_t *seq, size_t n, uint64_t from, uint64_t to,
		      struct range *out, size_t max)
{
	size_t found = 0;

	for (size_t i = 0; i <= n && from <= to && found < max; i++) {
		uint64_t next = i < n ? seq[i] : to + 1;
		if (next < from)
			continue;
		if (next > to + 1)
			next = to + 1;
		if (next > from)
			out[found++] = (struct range){from, next - 1};
		from = next + 1;
	}
	return found;
}

static uint64_t known_upto(const struct who *w, const uint64_t *seq, size_t n)
{
	if (!w->more)
		return w->row.out_seq;
	return n ? seq[n - 1] : 0;
}

static void announce_gone(struct core *c, struct conn *link,
			  const struct packet *hello)
{
	struct who *w = link->who;
	struct range gone[RANGES_MAX];
	uint64_t *seq = xmalloc((w->n_rows + 1) * sizeof(*seq));
	size_t n = 0, found = 0;

	for (const struct row *r = w->first; r; r = r->next)
		if (numbered(w, r->m))
			seq[n++] = r->m->seq;
	qsort(seq, n, sizeof(*seq), by_number);
	uint64_t last = known_upto(w, seq, n);
	for (size_t i = 0; i < hello->n_ranges && found < RANGES_MAX; i++) {
		uint64_t to = hello->ranges[i].to;
		found += gone_of(seq, n, hello->ranges[i].from,
				 to < last ? to : last, gone + found,
				 RANGES_MAX - found);
	}
	found += gone_of(seq, n, hello->have_upto + 1, last, gone + found,
			 RANGES_MAX - found);
	announce(c, link, gone, found);
	free(seq);
}

/* Resume. What he has is *not* taken for delivered: after a
 * restored backup his numbers may mean other messages. Everything unanswered
 * goes again and is recognised by its id; `have` tells us which gaps to
 * explain, and that our numbers are from the past. */
void outbox_have(struct core *c, const struct now *now, struct conn *n,
		 const struct packet *hello)
{
	struct who *w = n->who;
	static const uint8_t none[8] = {0};

	if (c->disk)
		return;
	if (w->passed)
		outbox_reload(c, w);
	w->passed = false;
	outbox_load(c, now, w);
	if (memcmp(w->row.out_epoch, none, sizeof(none)) == 0)
		return;
	bool ours =
	    hello->have && memcmp(hello->have_epoch, w->row.out_epoch, 8) == 0;
	if (ours && hello->have_upto > w->row.out_seq) {
		epoch_new(c, now, w);
		return;
	}
	/* Who knows nothing of this epoch misses all its gaps. */
	struct packet all = {.kind = PKT_HELLO};
	announce_gone(c, n, ours ? hello : &all);
}

static int64_t life_ms(const struct who *w)
{
	const struct dialect *d = dialect_named(w->row.shown.dialect);

	return w->plain && d ? d->patience.give_up_us / MS_US : OUTBOX_LIFE_MS;
}

/* CMD_RETRY of one that was given up: at the end, under a new number. */
void outbox_again(struct core *c, const struct now *now, struct who *w,
		  struct message *m)
{
	m->delivery = D_QUEUED;
	m->tries = 0;
	m->seq = 0;
	m->expire_ms = now->wall_us / MS_US + life_ms(w);
	set_error(m, NULL);
	if (keyed(w)) {
		number(now, w, m);
		who_save(c, w);
	}
	store_update(c->store, m);
	w->row.shown.waiting++;
	row_add(c, w, m, hard(c));
	tell_status(c, c->hard, m);
	if (w->conn)
		outbox_pump(c, now, w);
	else
		dial_now(c, now, w);
}

struct row *outbox_adopt(struct core *c, struct who *w, struct message *m)
{
	return row_add(c, w, m, c->hard);
}

void outbox_hurry(struct core *c, const struct now *now, struct who *w)
{
	if (w->paused) {
		w->paused = false;
		timer_stop(&c->heap, &w->send);
	}
	w->busy = 0;
	if (w->plain)
		keyless_pump(c, now, w);
	else
		outbox_pump(c, now, w);
}

void outbox_held(struct core *c, struct who *w, bool held)
{
	for (struct row *r = w->first; r; r = r->next) {
		if (r->m->held == held)
			continue;
		r->m->held = held;
		tell_status(c, r->after, r->m);
	}
}
