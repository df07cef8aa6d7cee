#include "proto/dialect.h"
#include <string.h>

/* Document 002: a length of four bytes, then words between bars or a sentence
 * for a person. One constant speaks for the clients and for the centre: what a
 * frame means does not depend on who reads it, but in a login, where a frame
 * is a bare word; so that is a small machine of states (center_step). */

enum {
	HEAD = 4,
	FRAME_MAX = 65536,
	/* What fits into a segment: the program takes the first of several for
	 * the whole. */
	SEND_MAX = 1400,
	TEXT_LONGEST = 1300,
	NAME_LONGEST = 64,
	HOST_LONGEST = 255,
	NUMBER_LONGEST = 24,
};

static struct bytes view(const char *s)
{
	return (struct bytes){(const uint8_t *)s, strlen(s)};
}

static bool same(struct bytes a, struct bytes b)
{
	return a.n == b.n && (!a.n || !memcmp(a.p, b.p, a.n));
}

/* s without `with` in front of it. */
static bool eat(struct bytes *s, struct bytes with)
{
	if (s->n < with.n || !same((struct bytes){s->p, with.n}, with))
		return false;
	s->p += with.n;
	s->n -= with.n;
	return true;
}

static bool eat_end(struct bytes *s, struct bytes with)
{
	struct bytes end;

	if (s->n < with.n)
		return false;
	end = (struct bytes){s->p + s->n - with.n, with.n};
	if (!same(end, with))
		return false;
	s->n -= with.n;
	return true;
}

/* Of a person, a host, or a token: nothing that would end it. */
static bool is_name(struct bytes s, size_t max)
{
	if (!s.n || s.n > max)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] == 0x7f || s.p[i] == '|')
			return false;
	return true;
}

static bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

/* 2 or 59.9999918938 */
static bool is_number(struct bytes s)
{
	if (!s.n || s.n > NUMBER_LONGEST)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!is_digit(s.p[i]) && (s.p[i] != '.' || !i))
			return false;
	return true;
}

static bool is_port(struct bytes s)
{
	unsigned port = 0;

	if (!s.n || s.n > 5)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (!is_digit(s.p[i]))
			return false;
		port = port * 10 + (s.p[i] - (unsigned)'0');
	}
	return port && port <= UINT16_MAX;
}

static bool is_switch(struct bytes s)
{
	return s.n == 1 && (*s.p == '0' || *s.p == '1');
}

/* ---- words between bars ---- */

struct shape {
	enum center_verb verb;
	const char *word;
	uint8_t fields;
	bool text, bar; /* a text is last; a bar is, as the program has it */
};
static const struct shape shapes[] = {
    {CENTER_MSG, "MSG", 3, true, false},  {CENTER_BRD, "BRD", 2, true, false},
    {CENTER_ONL, "ONL", 2, false, true},  {CENTER_BLC, "BLC", 4, false, false},
    {CENTER_OUT, "OUT", 2, false, true},  {CENTER_GET, "GET", 3, false, false},
    {CENTER_ALL, "ALL", 3, false, false}, {CENTER_HEY, "HEY", 2, false, true},
    {CENTER_ADR, "ADR", 3, false, false},
};
enum { N_SHAPES = sizeof shapes / sizeof *shapes };

static bool field_fit(enum center_verb v, size_t i, struct bytes s)
{
	if (v == CENTER_BLC && i == 2)
		return is_switch(s);
	if (v == CENTER_ADR && i == 1)
		return is_name(s, HOST_LONGEST);
	return v == CENTER_ADR && i == 2 ? is_port(s)
					 : is_name(s, NAME_LONGEST);
}

static bool fields_fit(const struct shape *w, const struct packet *p)
{
	if (p->n_words != w->fields || (w->text && !p->text.n))
		return false;
	for (size_t i = 0; i < p->n_words; i++)
		if (!field_fit(w->verb, i, p->word[i]))
			return false;
	return true;
}

/* Up to the next bar, which is gone. */
static struct bytes next_field(struct bytes *s)
{
	const uint8_t *bar = s->n ? memchr(s->p, '|', s->n) : NULL;
	struct bytes field = {s->p, bar ? (size_t)(bar - s->p) : s->n};
	size_t n = field.n + (bar != NULL);

	s->p += n;
	s->n -= n;
	return field;
}

/* A text with bars in it is taken whole; the program would cut it there. */
static enum err read_shape(const struct shape *w, struct bytes s,
			   struct packet *p)
{
	p->kind = PKT_CENTER;
	p->verb = w->verb;
	while (p->n_words < w->fields && s.n)
		p->word[p->n_words++] = next_field(&s);
	if (w->text)
		p->text = s;
	else if (s.n)
		return ERR_PARSE;
	return fields_fit(w, p) ? OK : ERR_PARSE;
}

/* A bar in a text would end it: it becomes a broken one. */
static void put_text(struct buf *b, struct bytes s)
{
	for (;;) {
		const uint8_t *bar = s.n ? memchr(s.p, '|', s.n) : NULL;
		size_t n = bar ? (size_t)(bar - s.p) : s.n;

		buf_put(b, (struct bytes){s.p, n});
		if (!bar)
			return;
		buf_put(b, view("\xc2\xa6"));
		s.p += n + 1;
		s.n -= n + 1;
	}
}

static enum err put_shape(struct buf *b, const struct shape *w,
			  const struct packet *p)
{
	if (!fields_fit(w, p))
		return ERR_PARSE;
	buf_put(b, view(w->word));
	for (size_t i = 0; i < p->n_words; i++) {
		buf_put(b, view("|"));
		buf_put(b, p->word[i]);
	}
	if (w->text || w->bar)
		buf_put(b, view("|"));
	if (w->text)
		put_text(b, p->text);
	return OK;
}

/* ---- sentences ---- */

enum inside { NOTHING, NAME, NUMBER, TEXT };
struct phrase {
	enum center_verb verb;
	enum inside inside;
	const char *before, *after;
};
/* CENTER_WANTS names its person twice and is told apart from these. */
static const char wants[] = " wants your address. [allow ";
static const struct phrase phrases[] = {
    {CENTER_LIN, NOTHING, "LIN", ""},
    {CENTER_LOGIN_OKAY, NOTHING, "LOGIN_OKAY", ""},
    {CENTER_LOGIN_FAILED, NUMBER, "LOGIN_FAILED|", ""},
    {CENTER_JUST_PENNED, NUMBER, "JUST_PENNED|", ""},
    {CENTER_PENNED, NUMBER, "PENNED|", ""},
    {CENTER_OKAY, NOTHING, "OKAY", ""},
    {CENTER_FAIL, NOTHING, "FAIL", ""},
    {CENTER_ONLINE, NAME, "", " has logged on."},
    {CENTER_OFFLINE, NAME, "", " is offline."},
    {CENTER_LIST, TEXT, "[CURRENTLY ONLINE]: ", " "},
    {CENTER_BLOCKED, NAME, "You have blocked ", ""},
    {CENTER_UNBLOCKED, NAME, "You have unblocked ", ""},
    {CENTER_GONE, NAME, "",
     " has gone offline. Please allow access when they are online again."},
    {CENTER_MOVED, NOTHING, "Logged on different location!", ""},
    {CENTER_KEPT, NOTHING,
     "The recipient is offline. Messages will be delivered when they log on "
     "again.",
     ""},
    {CENTER_REFUSED, NOTHING,
     "Your message could not be delivered as the recipient has blocked you.",
     ""},
    {CENTER_SOME_REFUSED, NOTHING,
     "Your message could not be delivered to some recipients.", ""},
    {CENTER_AWAY, TEXT, "While you were away...\n", ""},
};
enum { N_PHRASES = sizeof phrases / sizeof *phrases };

static bool inside_fit(enum inside what, struct bytes s)
{
	switch (what) {
	case NOTHING:
		return !s.n;
	case NAME:
		return is_name(s, NAME_LONGEST);
	case NUMBER:
		return is_number(s);
	case TEXT:
		return true;
	}
	return false;
}

static bool read_phrase(const struct phrase *f, struct bytes s,
			struct packet *p)
{
	if (!eat(&s, view(f->before)))
		return false;
	/* nobody there: the blank before is the one behind */
	if (!eat_end(&s, view(f->after)) && f->inside != TEXT)
		return false;
	if (!inside_fit(f->inside, s))
		return false;
	p->kind = PKT_CENTER;
	p->verb = f->verb;
	if (f->inside == TEXT)
		p->text = s;
	else if (s.n)
		p->word[p->n_words++] = s;
	return true;
}

static enum err put_phrase(struct buf *b, const struct phrase *f,
			   const struct packet *p)
{
	struct bytes s = f->inside == TEXT ? p->text : p->word[0];

	if (f->inside != TEXT && !p->n_words)
		s.n = 0;
	if (!inside_fit(f->inside, s))
		return ERR_PARSE;
	buf_put(b, view(f->before));
	buf_put(b, s);
	if (f->inside != TEXT || s.n)
		buf_put(b, view(f->after));
	return OK;
}

static bool read_wants(struct bytes s, struct packet *p)
{
	struct bytes who;
	const uint8_t *blank;

	if (!eat(&s, view("Request: ")) || !s.n)
		return false;
	blank = memchr(s.p, ' ', s.n);
	who = (struct bytes){s.p, blank ? (size_t)(blank - s.p) : 0};
	if (!is_name(who, NAME_LONGEST) || !eat(&s, who) ||
	    !eat(&s, view(wants)) || !eat(&s, who) ||
	    !same(s, view("] to accept.")))
		return false;
	p->kind = PKT_CENTER;
	p->verb = CENTER_WANTS;
	p->word[p->n_words++] = who;
	return true;
}

static enum err put_wants(struct buf *b, const struct packet *p)
{
	if (p->n_words != 1 || !is_name(p->word[0], NAME_LONGEST))
		return ERR_PARSE;
	buf_put(b, view("Request: "));
	buf_put(b, p->word[0]);
	buf_put(b, view(wants));
	buf_put(b, p->word[0]);
	buf_put(b, view("] to accept."));
	return OK;
}

/* ---- what a person wrote ---- */

/* "[user]: text" came through the centre, "<user>: text" from its writer. */
static bool read_message(struct bytes s, struct packet *p)
{
	bool private = eat(&s, view("<"));
	const uint8_t *end;
	struct bytes who;

	if ((!private && !eat(&s, view("["))) || !s.n)
		return false;
	end = memchr(s.p, private ? '>' : ']', s.n);
	who = (struct bytes){s.p, end ? (size_t)(end - s.p) : 0};
	if (!is_name(who, NAME_LONGEST))
		return false;
	s.p += who.n + 1;
	s.n -= who.n + 1;
	if (!eat(&s, view(": ")) || !s.n)
		return false;
	p->kind = PKT_MESSAGE;
	p->private = private;
	p->peer = who;
	p->text = s;
	return true;
}

static enum err put_message(struct buf *b, const struct packet *p)
{
	char end = p->private ? '>' : ']';

	if (!is_name(p->peer, NAME_LONGEST) ||
	    memchr(p->peer.p, end, p->peer.n))
		return ERR_PARSE;
	buf_put(b, view(p->private ? "<" : "["));
	buf_put(b, p->peer);
	buf_put(b, view(p->private ? ">: " : "]: "));
	buf_put(b, p->text);
	return OK;
}

/* ---- frames ---- */

static enum err read_body(struct bytes s, struct packet *p)
{
	for (size_t i = 0; i < N_SHAPES; i++) {
		struct bytes rest = s;

		if (eat(&rest, view(shapes[i].word)) && eat(&rest, view("|")))
			return read_shape(&shapes[i], rest, p);
	}
	for (size_t i = 0; i < N_PHRASES; i++)
		if (read_phrase(&phrases[i], s, p))
			return OK;
	if (read_wants(s, p) || read_message(s, p))
		return OK;
	p->kind = PKT_CENTER;
	p->verb = CENTER_TEXT;
	p->text = s;
	return OK;
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	       (uint32_t)p[2] << 8 | p[3];
}

static enum err center_split(struct bytes in, bool greeted, bool quiet,
			     size_t *len)
{
	uint32_t n;

	(void)greeted;
	(void)quiet;
	*len = 0;
	if (in.n < HEAD)
		return OK;
	n = get32(in.p);
	if (n > FRAME_MAX - HEAD)
		return ERR_LIMIT;
	if (in.n - HEAD >= n)
		*len = HEAD + n;
	return OK;
}

/* out->frame is there even when the rest is refused: a password may look like
 * anything. */
static enum err center_decode(struct bytes frame, struct arena *a,
			      struct packet *out)
{
	struct bytes body;
	enum err err;

	(void)a;
	*out = (struct packet){.kind = PKT_CENTER};
	if (frame.n < HEAD || get32(frame.p) != frame.n - HEAD)
		return ERR_PARSE;
	if (frame.n > FRAME_MAX)
		return ERR_LIMIT;
	body = (struct bytes){frame.p + HEAD, frame.n - HEAD};
	out->frame = body;
	err = read_body(body, out);
	return err ? err : packet_check_plain(out);
}

/* Words for a person must not be read as words for a program. */
static enum err put_notice(struct buf *b, struct bytes text)
{
	struct packet as = {0};

	if (read_body(text, &as) || as.kind != PKT_CENTER ||
	    as.verb != CENTER_TEXT)
		return ERR_PARSE;
	buf_put(b, text);
	return OK;
}

static enum err put_word(struct buf *b, const struct packet *p)
{
	if (p->n_words != 1)
		return ERR_PARSE;
	buf_put(b, p->word[0]);
	return OK;
}

static enum err put_body(struct buf *b, const struct packet *p)
{
	if (p->kind == PKT_MESSAGE)
		return put_message(b, p);
	if (p->kind != PKT_CENTER)
		return ERR_STATE;
	for (size_t i = 0; i < N_SHAPES; i++)
		if (shapes[i].verb == p->verb)
			return put_shape(b, &shapes[i], p);
	for (size_t i = 0; i < N_PHRASES; i++)
		if (phrases[i].verb == p->verb)
			return put_phrase(b, &phrases[i], p);
	if (p->verb == CENTER_WANTS)
		return put_wants(b, p);
	if (p->verb == CENTER_WORD)
		return put_word(b, p);
	return p->verb == CENTER_TEXT ? put_notice(b, p->text) : ERR_STATE;
}

static enum err center_encode(const struct packet *p, struct buf *out)
{
	static const uint8_t head[HEAD];
	size_t at = out->n, n;
	enum err err = packet_check_plain(p);

	if (err)
		return err;
	buf_put(out, (struct bytes){head, HEAD});
	err = put_body(out, p);
	n = out->n - at - HEAD;
	if (!err && n > FRAME_MAX - HEAD)
		err = ERR_LIMIT;
	if (err) {
		out->n = at;
		return err;
	}
	for (int i = 0; i < HEAD; i++)
		out->p[at + (size_t)i] = (uint8_t)(n >> (24 - 8 * i));
	return OK;
}

/* ---- the login ---- */

static enum err say_word(unsigned *state, enum login next,
			 const struct packet *want, size_t i,
			 struct packet *say)
{
	if (!want || want->n_words <= i)
		return ERR_STATE;
	say->verb = CENTER_WORD;
	say->word[0] = want->word[i];
	say->n_words = 1;
	*state = next;
	return OK;
}

static bool is_refusal(enum center_verb v)
{
	return v == CENTER_LOGIN_FAILED || v == CENTER_JUST_PENNED ||
	       v == CENTER_PENNED;
}

static enum err say_verdict(unsigned *state, const struct packet *want,
			    struct packet *say)
{
	if (!want)
		return OK;
	if (want->verb == CENTER_LOGIN_OKAY) {
		say->verb = want->verb;
		*state = LOGIN_OKAYED;
	} else if (is_refusal(want->verb)) {
		say->verb = want->verb;
		say->word[0] = want->word[0];
		say->n_words = want->n_words;
		*state = LOGIN_HEAR_NAME;
	}
	return OK;
}

static enum err speak(unsigned *state, const struct packet *want,
		      struct packet *say)
{
	enum login at = *state;

	switch (at) {
	case LOGIN_NONE:
		say->verb = CENTER_LIN;
		*state = LOGIN_NAME;
		return OK;
	case LOGIN_NAME:
	case LOGIN_AGAIN:
		return say_word(state, LOGIN_SECRET, want, 0, say);
	case LOGIN_SECRET:
		return say_word(state, LOGIN_ASKED, want, 1, say);
	case LOGIN_WHERE:
		return say_word(state, LOGIN_OVER, want, 3, say);
	case LOGIN_DECIDE:
		return say_verdict(state, want, say);
	case LOGIN_OKAYED:
		return say_word(state, LOGIN_HEAR_HOST, want, 0, say);
	case LOGIN_ASKED:
	case LOGIN_TOKEN:
	case LOGIN_HEAR_NAME:
	case LOGIN_HEAR_SECRET:
	case LOGIN_HEAR_HOST:
	case LOGIN_HEAR_PORT:
	case LOGIN_OVER:
		return OK;
	}
	return ERR_STATE;
}

static enum err hear_verdict(unsigned *state, enum center_verb v)
{
	if (v == CENTER_LOGIN_OKAY) {
		*state = LOGIN_TOKEN;
		return OK;
	}
	if (!is_refusal(v))
		return ERR_PARSE;
	*state = LOGIN_AGAIN;
	return ERR_AUTH;
}

static enum err go_on(unsigned *state, enum login next, bool good)
{
	if (!good)
		return ERR_PARSE;
	*state = next;
	return OK;
}

static enum err hear(unsigned *state, const struct packet *want,
		     const struct packet *heard, struct packet *say)
{
	struct bytes frame = heard->frame;
	enum login at = *state;

	switch (at) {
	case LOGIN_NONE:
		return go_on(state, LOGIN_HEAR_NAME, same(frame, view("LIN")));
	case LOGIN_ASKED:
		return hear_verdict(state, heard->verb);
	case LOGIN_TOKEN:
		if (!is_name(frame, NAME_LONGEST))
			return ERR_PARSE;
		return say_word(state, LOGIN_WHERE, want, 2, say);
	case LOGIN_HEAR_NAME:
		return go_on(state, LOGIN_HEAR_SECRET, true);
	case LOGIN_HEAR_SECRET:
		return go_on(state, LOGIN_DECIDE, true);
	case LOGIN_HEAR_HOST:
		return go_on(state, LOGIN_HEAR_PORT,
			     is_name(frame, HOST_LONGEST));
	case LOGIN_HEAR_PORT:
		return go_on(state, LOGIN_OVER, is_port(frame));
	case LOGIN_NAME:
	case LOGIN_SECRET:
	case LOGIN_AGAIN:
	case LOGIN_WHERE:
	case LOGIN_DECIDE:
	case LOGIN_OKAYED:
	case LOGIN_OVER:
		break;
	}
	return ERR_STATE;
}

static enum err center_step(unsigned *state, const struct packet *want,
			    const struct packet *heard, struct packet *say)
{
	*say = (struct packet){.kind = PKT_CENTER};
	return heard ? hear(state, want, heard, say) : speak(state, want, say);
}

const struct dialect dialect_center = {
    .name = "center",
    .port = 6066,
    .frame_max = FRAME_MAX,
    .send_max = SEND_MAX,
    .text_max = TEXT_LONGEST,
    .traits = T_TRANSACTION | T_ONE_SHOT,
    .seal = SEAL_NONE,
    .patience = {.tries = 1,
		 .wait_us = INT64_C(10000000),
		 .give_up_us = INT64_C(10000000)},
    .split = center_split,
    .decode = center_decode,
    .encode = center_encode,
    .stamp = rfc3339_put, /* a text carries none */
    .step = center_step,
};
