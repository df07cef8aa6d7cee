#include "src/booth_impl.h"
#include <stdio.h>
#include <stdlib.h>

enum {
	PAGE = 32,        /* letters read at once */
	AWAY_MAX = 1300,  /* bytes of them in a frame */
	PIECES_MAX = 64,  /* of one text */
	BETWEEN = '\x1f', /* who wrote it, and the text: of a letter */
};
static const int64_t SOME_US = 2 * SECOND_US;

/* No identity: a name. */
struct uuid talk_box(const char *user)
{
	struct buf b = {0};
	uint8_t sum[32];
	struct uuid box;

	buf_printf(&b, "plain user %s", user);
	digest(sum, (struct bytes){b.p, b.n});
	buf_free(&b);
	memcpy(box.b, sum, sizeof(box.b));
	return box;
}

/* ---- a text, in pieces ---- */

/* Its clients print what comes, and what a line ends in theirs begins another;
 * a bar would end it. */
static void clean(struct buf *out, struct bytes text)
{
	struct buf harmless = {0};

	text_clean(&harmless, text);
	for (size_t i = 0; i < harmless.n; i++)
		if (harmless.p[i] == '|')
			buf_put(out, booth_view("\xc2\xa6"));
		else
			buf_put(out, (struct bytes){harmless.p + i, 1});
	buf_free(&harmless);
}

static struct bytes next_piece(struct bytes *text)
{
	size_t n = utf8_cut(*text, PIECE_MAX);
	struct bytes piece;

	if (!n) { /* one sign of more than that */
		n = text->n < PIECE_MAX ? text->n : PIECE_MAX;
		while (n > 1 && n < text->n && (text->p[n] & 0xc0) == 0x80)
			n--;
	}
	piece = (struct bytes){text->p, n};
	text->p += n;
	text->n -= n;
	return piece;
}

static struct packet text_packet(const char *from, struct bytes text)
{
	return (struct packet){
	    .kind = PKT_MESSAGE, .peer = booth_view(from), .text = text};
}

/* ---- letters ---- */

static void letter_put(struct booth *b, const char *to, const char *from,
		       struct bytes text, struct center_mail *m)
{
	struct buf blob = {0};

	*m = (struct center_mail){.box = talk_box(to)};
	rng_fill(&b->rng, m->eid.b, sizeof(m->eid.b));
	buf_printf(&blob, "%s%c", from, BETWEEN);
	buf_put(&blob, text);
	m->blob = (struct bytes){blob.p, blob.n};
}

/* All of it or, when the box has no room, its beginning. */
static enum err store(struct booth *b, const char *to, const char *from,
		      struct bytes text)
{
	struct center_mail mail[PIECES_MAX];
	size_t n = 0;

	while (text.n && n < PIECES_MAX)
		letter_put(b, to, from, next_piece(&text), &mail[n++]);
	enum err err = b->b->mbox_append(b->b, mail, n, b->now_ms);
	for (size_t i = 0; i < n; i++) {
		if (!err)
			err = mail[i].err;
		free((void *)(uintptr_t)mail[i].blob.p);
	}
	return err;
}

static void say_stored(struct booth *b, struct member *writer, const char *to,
		       enum err err)
{
	if (!err)
		member_tell(b, writer, CENTER_KEPT, NULL);
	else
		member_say(b, writer, "Not kept, %s: your message to %s",
			   err == ERR_FULL ? "too many wait there"
					   : "try again later",
			   to);
}

void talk_missed(struct booth *b, const char *to, const struct packet *p)
{
	struct member *him = member_find(b, to), *writer;
	char from[CENTER_NAME_MAX + 1];

	if (!booth_name(p->peer, from))
		return;
	enum err err = store(b, to, from, p->text);
	if (him)
		him->mail = him->away = true;
	writer = booth_here(b, from);
	if (writer)
		say_stored(b, writer, to, err);
}

struct reading {
	struct booth *b;
	struct member *m;
	struct buf away;
	uint64_t upto; /* of what is in away */
	size_t n;
	bool full; /* his line is */
};

static void bring(struct reading *r, const struct packet *p, uint64_t upto)
{
	if (r->full)
		return;
	r->full = !line_put(r->b, r->m->line, p, false, upto);
	if (!r->full)
		r->m->given = upto;
}

static void bring_away(struct reading *r)
{
	if (r->away.n)
		bring(r,
		      &(struct packet){.kind = PKT_CENTER,
				       .verb = CENTER_AWAY,
				       .text = {r->away.p, r->away.n}},
		      r->upto);
	r->away.n = 0;
}

/* One that cannot be read; it is trimmed with the others. */
static void pass_over(struct reading *r, uint64_t seq)
{
	if (!r->full && !r->away.n)
		r->m->given = seq;
}

static void take_letter(void *ctx, const struct center_mail *m)
{
	struct reading *r = ctx;
	const uint8_t *end =
	    m->blob.n ? memchr(m->blob.p, BETWEEN, m->blob.n) : NULL;
	char from[CENTER_NAME_MAX + 1];

	r->n++;
	if (!end ||
	    !booth_name((struct bytes){m->blob.p, (size_t)(end - m->blob.p)},
			from)) {
		pass_over(r, m->seq);
		return;
	}
	struct bytes text = {end + 1,
			     m->blob.n - (size_t)(end + 1 - m->blob.p)};
	struct packet p = text_packet(from, text);
	if (strlen(from) + text.n + 5 > AWAY_MAX ||
	    dialect_check(&dialect_center, &p)) {
		pass_over(r, m->seq);
		return;
	}
	if (!r->m->away) {
		bring(r, &p, m->seq);
		return;
	}
	if (r->away.n + strlen(from) + text.n + 5 > AWAY_MAX)
		bring_away(r);
	buf_printf(&r->away, "[%s]: ", from);
	buf_put(&r->away, text);
	buf_put(&r->away, booth_view("\n"));
	r->upto = m->seq;
}

void talk_mail(struct booth *b, struct member *m)
{
	struct reading r = {.b = b, .m = m};

	if (!m->mail || !m->here || m->deaf)
		return;
	enum err err = b->b->mbox_read(b->b, &m->box, m->given, PAGE, b->now_ms,
				       take_letter, &r);
	bring_away(&r);
	buf_free(&r.away);
	m->mail = err || r.full || r.n == PAGE;
	m->away &= m->mail;
}

void talk_taken(struct booth *b, const char *user, uint64_t upto)
{
	struct uuid box = talk_box(user);
	struct member *m = booth_here(b, user);

	if (!b->b->mbox_trim(b->b, &box, upto) && m)
		talk_mail(b, m); /* else he will have it twice */
}

void talk_again(struct member *m)
{
	m->given = 0;
	m->mail = m->away = true;
}

/* ---- to one ---- */

static void hand_over(struct booth *b, struct member *to, const char *from,
		      struct bytes text)
{
	while (text.n) {
		struct packet p = text_packet(from, next_piece(&text));
		if (to->deaf || !line_put(b, to->line, &p, true, 0))
			talk_missed(b, to->user, &p);
	}
}

static void leave_for(struct booth *b, struct member *from, const char *to,
		      struct bytes text)
{
	bool elsewhere = booth_online(b, to) && !member_find(b, to);
	struct member *him = member_find(b, to);
	enum err err = store(b, to, from->user, text);

	if (him)
		him->mail = him->away = true;
	if (err || !elsewhere)
		say_stored(b, from, to, err);
	else
		nodes_tell(b, "mail", to, "", (struct bytes){0});
}

/* False: it is too long, which was said. */
static bool take_text(struct booth *b, struct member *m, const struct packet *p,
		      struct buf *out)
{
	if (p->text.n <= TEXT_MAX)
		clean(out, p->text);
	if (out->n && out->n <= PIECES_MAX / 2 * PIECE_MAX)
		return true;
	buf_free(out);
	member_say(b, m, "Not delivered: your message is too long");
	return false;
}

void talk_message(struct booth *b, struct member *m, const struct packet *p)
{
	char to[CENTER_NAME_MAX + 1];
	struct buf text = {0};
	bool blocks = false;
	enum err err = booth_name(p->word[2], to)
			   ? folk_blocks(b, to, m->user, &blocks)
			   : ERR_ABSENT;

	if (err == ERR_ABSENT) {
		member_say(b, m, "Not delivered: nobody here is called %s", to);
	} else if (err) {
		member_say(b, m, "Not delivered: try again later");
	} else if (blocks) {
		member_tell(b, m, CENTER_REFUSED, NULL);
	} else if (take_text(b, m, p, &text)) {
		struct member *him = booth_here(b, to);
		struct bytes s = {text.p, text.n};
		if (him && !him->deaf)
			hand_over(b, him, m->user, s);
		else
			leave_for(b, m, to, s);
	}
	buf_free(&text);
}

/* ---- to all ---- */

void talk_broadcast(struct booth *b, struct member *m, const struct packet *p)
{
	struct buf text = {0};

	if (!take_text(b, m, p, &text))
		return;
	nodes_tell(b, "text", m->user, "", (struct bytes){text.p, text.n});
	buf_free(&text);
}

static void all_pieces(struct booth *b, struct member *to, const char *from,
		       struct bytes text)
{
	while (text.n) {
		struct packet p = text_packet(from, next_piece(&text));
		if (!to->here || to->deaf ||
		    !line_put(b, to->line, &p, false, 0))
			return;
	}
}

/* Once, though several nodes may say it. */
static void say_some(struct booth *b, const char *from)
{
	struct member *m = booth_here(b, from);

	if (!m) {
		nodes_tell(b, "some", from, "", (struct bytes){0});
		return;
	}
	if (m->some_us && b->now_us - m->some_us < SOME_US)
		return;
	m->some_us = b->now_us;
	member_tell(b, m, CENTER_SOME_REFUSED, NULL);
}

void talk_heard(struct booth *b, const char *from, struct bytes text)
{
	bool some = false;

	for (size_t i = 0; i < b->n_members; i++) {
		struct member *m = b->member[i];
		if (m->here && member_blocks(m, from))
			some = true;
		else
			all_pieces(b, m, from, text);
	}
	if (some)
		say_some(b, from);
}
