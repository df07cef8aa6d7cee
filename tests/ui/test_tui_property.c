/* The screen's promises, whatever is typed and whatever happens meanwhile:
 *
 * - nothing that was written is lost: it is in the line, a draft, a message,
 *   among what was cut or among what was sent;
 * - a message goes to whom the prompt named, when it was begun and at Enter;
 * - the cursor stands where the letters will appear, or on the selected row;
 * - the place one reads at is moved by keys only.
 *
 * tui_run itself runs here, between a terminal and an engine that are both
 * made up (the linker puts what is called __wrap_X here in the place of X), in
 * a time of its own, so a seed is a run that can be had again:
 *     test_tui_property SEED [STEPS [MUTANT]]
 * Every letter that is written is another one, U+4E00 and up, so that it can
 * be followed. */
#include "src/clock.h"
#include "src/config.h"
#include "tests/ui/edit_look.h"
#include "tests/ui/fake_engine.h"
#include "ui/draw_impl.h"
#include "ui/front.h"
#include "ui/tui_impl.h"
#include <curses.h>
#include <locale.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#ifdef __SANITIZE_THREAD__
enum { SEEDS = 16 }; /* one thread: it says little, and slowly */
#else
enum { SEEDS = 320 };
#endif
enum {
	MUTANT_SEEDS = 80, /* at most: they end at the first that is seen */
	STEPS = 400,
	LETTERS = 20000,
	FIRST_LETTER = 0x4e00,
	KEYS = 1 << 17,
	LOG_ROWS = 8192,
	LOG_SHOWN = 64,
	BIG_PASTE = 20000
};

/* Wrong on purpose: each has to be seen. */
enum mutant {
	RIGHT,
	STEALS,   /* a message opens its conversation while one writes */
	EATS,     /* a message empties the line */
	SCROLLS,  /* a message moves the place one reads at */
	STRAYS,   /* the cursor is left in a corner */
	MISSENDS, /* another conversation is open when Enter comes */
	MUTANTS
};

struct letter {
	enum { UNUSED, LIVE, EXCUSED } state;
	unsigned seen, in_line, in_oldest; /* numbers of looks */
	uint32_t home;                     /* bits of whom it was written to */
	contact_id must; /* the draft that has to have it in the end, or 0 */
};

/* As it was at the last look. */
struct before {
	contact_id open, latch;
	enum focus focus;
	enum over over;
	bool aside;
	message_n at, seek;
	size_t below, line_n;
	uint64_t sum; /* of the line */
	enum action action;
};

/* The terminal and the engine have no arguments of ours: the only state. */
static struct world {
	uint64_t seed;
	unsigned step, steps, look, ended;
	enum mutant mutant;
	struct dice dice;
	struct client *engine;
	struct tui *t; /* from its first painting on */
	int64_t now_us;
	int rows, cols;
	bool utf8, owed;
	struct key *key; /* of this turn */
	size_t n_key, at_key;
	struct key handed; /* since the last look */
	struct letter letter[LETTERS];
	unsigned n_letter;
	contact_id shown;
	uint32_t gone; /* bits of who is, since the last look */
	struct before before;
	uint64_t refused; /* the line that was, heard since the last look */
	char refused_text[256];
	unsigned sends;
	char log[LOG_ROWS][160];
	unsigned n_log, log_shown;
} w;

static void noted(const char *fmt, ...) PRINTF(1, 2);
static void noted(const char *fmt, ...)
{
	va_list ap;
	char *row = w.log[w.n_log++ % LOG_ROWS];

	va_start(ap, fmt);
	vsnprintf(row, sizeof(w.log[0]), fmt, ap);
	va_end(ap);
}

static _Noreturn void broken(const char *fmt, ...) PRINTF(1, 2);
static _Noreturn void broken(const char *fmt, ...)
{
	va_list ap;

	for (unsigned i = w.n_log < w.log_shown ? 0 : w.n_log - w.log_shown;
	     i < w.n_log; i++)
		fprintf(stderr, "  %s\n", w.log[i % LOG_ROWS]);
	fprintf(stderr, "seed %llu, step %u: ", (unsigned long long)w.seed,
		w.step);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "\nagain: test_tui_property %llu %u %d\n",
		(unsigned long long)w.seed, w.steps, (int)w.mutant);
	_exit(1);
}

static void on_crash(int sig)
{
	fprintf(stderr, "seed %llu, step %u: signal %d\n",
		(unsigned long long)w.seed, w.step, sig);
	signal(sig, SIG_DFL);
	raise(sig);
}

/* ---- src/clock.h ---- */

int64_t __wrap_clock_mono_us(void);
int64_t __wrap_clock_mono_us(void)
{
	return w.now_us;
}

struct now __wrap_clock_now(struct rng *r, struct clock_sleep *sleep);
struct now __wrap_clock_now(struct rng *r, struct clock_sleep *sleep)
{
	(void)sleep;
	return (struct now){.mono_us = w.now_us,
			    .wall_us = 1795264800000000 + w.now_us,
			    .rng = r};
}

/* ---- following letters ---- */

/* Every letter of s. */
static void each_letter(struct bytes s, void (*f)(struct letter *l))
{
	for (size_t i = 0; i + 2 < s.n; i++) {
		if (s.p[i] < 0xe4 || s.p[i] > 0xe9)
			continue;
		unsigned c = (s.p[i] & 0x0fu) << 12 |
			     (s.p[i + 1] & 0x3fu) << 6 | (s.p[i + 2] & 0x3fu);
		if (c >= FIRST_LETTER && c < FIRST_LETTER + w.n_letter)
			f(&w.letter[c - FIRST_LETTER]);
		i += 2;
	}
}

static uint32_t bit(contact_id c)
{
	return (uint32_t)1 << (c & 31);
}

static void see(struct letter *l)
{
	l->seen = w.look;
}

static void see_line(struct letter *l)
{
	l->seen = l->in_line = w.look;
}

static void see_oldest(struct letter *l)
{
	l->seen = l->in_oldest = w.look;
}

static void excuse(struct letter *l)
{
	l->state = EXCUSED;
}

static void see_place(struct bytes s, enum edit_place where)
{
	each_letter(s, where == EDIT_NOW      ? see_line
		       : where == EDIT_OLDEST ? see_oldest
					      : see);
}

static struct bytes of_buf(const struct buf *b)
{
	return (struct bytes){b->p, b->n};
}

/* A draft that is kept for later: not that of the line itself. */
static bool kept(const struct draft *d)
{
	/* somebody whom the screen will be told of is somebody, too */
	if (!model_find(w.t->model, d->with) && !fake_knows(w.engine, d->with))
		return false;
	return d->with != model_opened(w.t->model) || w.t->aside;
}

static void see_all(void)
{
	const struct contact *c;
	const struct message *m;

	w.look++;
	edit_look(w.t->edit, see_place);
	for (size_t i = 0; i < w.t->n_draft; i++)
		if (kept(&w.t->draft[i]))
			each_letter(of_buf(&w.t->draft[i].text), see);
	each_letter(of_buf(&w.t->paste), see);
	for (size_t i = 0; (c = model_contact(w.t->model, i)); i++)
		for (size_t k = 0; (m = model_message(w.t->model, c->id, k)) &&
				   m->n >= MODEL_PENDING;
		     k++)
			each_letter(text_of(m->text), see);
}

/* Keys that take letters away for good, as they should. */
static bool takes_away(enum action a)
{
	return a == ACT_BACKSPACE || a == ACT_DELETE || a == ACT_UNDO ||
	       a == ACT_COMPLETE || a == ACT_COMPLETE_BACK;
}

/* ... or bring some from elsewhere. */
static bool brings(enum action a)
{
	/* a name may hold letters, too */
	return a == ACT_COMPLETE || a == ACT_COMPLETE_BACK || a == ACT_YANK ||
	       a == ACT_YANK_POP || a == ACT_OLDER || a == ACT_NEWER ||
	       a == ACT_FIND || a == ACT_UNDO;
}

/* Lists take no letters, nor is there anybody to write to yet. */
static bool typed_nowhere(const struct before *b)
{
	return w.handed.kind == KEY_CHAR && b->focus != FOCUS_INPUT &&
	       (!b->open || b->over != OVER_NONE);
}

static void follow(const struct before *b)
{
	uint32_t home =
	    bit(model_opened(w.t->model)) | (w.t->latch ? bit(w.t->latch) : 0);
	/* a draft of `/r` was opened again: it answers who waits now */
	bool relatched = w.t->latch && w.t->latch != b->latch;

	for (unsigned i = 0; i < w.n_letter; i++) {
		struct letter *l = &w.letter[i];
		bool line = l->in_line == w.look;
		bool was = w.look > 1 && l->in_line == w.look - 1;

		if (l->state != LIVE)
			continue;
		if (line && (!l->home || brings(b->action)))
			l->home |= home;
		if (line && relatched)
			l->home |= bit(w.t->latch);
		if (l->seen == w.look)
			continue;
		if (was && takes_away(b->action))
			excuse(l);
		else if (w.look > 1 && l->in_oldest == w.look - 1)
			excuse(l); /* sixteen were cut since */
		else if (!l->home && typed_nowhere(b))
			l->state = UNUSED;
		else
			broken("letter %u is lost (key %s)", i, w.handed.name);
	}
}

/* ---- looking at it, between any two things that happen ---- */

static contact_id named(void)
{
	return w.t->latch ? w.t->latch : model_opened(w.t->model);
}

static uint64_t line_sum(void)
{
	struct bytes s = edit_text(w.t->edit);
	uint64_t sum = 14695981039346656037u;

	for (size_t i = 0; i < s.n; i++)
		sum = (sum ^ s.p[i]) * 1099511628211u;
	return sum;
}

/* What was not done by a key. */
static void nothing_moved(const struct before *b)
{
	contact_id open = model_opened(w.t->model);
	bool was = w.gone & (bit(b->open) | (b->latch ? bit(b->latch) : 0));

	/* another screen may have put something else into it */
	bool latch = w.t->latch != b->latch && b->sum == line_sum();
	if (b->line_n && !was && (open != b->open || latch))
		broken("the line was begun to %lld, and is now to %lld",
		       (long long)b->open, (long long)open);
	if (b->at && !b->seek && open == b->open &&
	    (w.t->view.at != b->at || w.t->view.below != b->below))
		broken("the place moved from %lld+%zu to %lld+%zu",
		       (long long)b->at, b->below, (long long)w.t->view.at,
		       w.t->view.below);
}

static void refused_is_kept(struct bytes s, enum edit_place where)
{
	struct bytes text = text_of(w.refused_text);

	if ((where == EDIT_NOW || where == EDIT_KILL || where == EDIT_OLDEST) &&
	    s.n >= text.n && memmem(s.p, s.n, text.p, text.n))
		w.refused = 0;
}

static void look(void)
{
	struct before b = w.before;

	if (!w.t)
		return;
	if (w.refused) {
		edit_look(w.t->edit, refused_is_kept);
		if (w.refused)
			broken("a refused line is nowhere: %s", w.refused_text);
	}
	see_all();
	follow(&b);
	if (w.handed.kind == KEY_NOTHING && w.look > 1)
		nothing_moved(&b);
	if (w.handed.kind != KEY_NOTHING)
		w.shown = named();
	w.handed = (struct key){0};
	w.gone = 0;
	w.before = (struct before){.open = model_opened(w.t->model),
				   .latch = w.t->latch,
				   .focus = w.t->view.focus,
				   .over = w.t->over,
				   .aside = w.t->aside,
				   .at = w.t->view.at,
				   .seek = w.t->seek,
				   .below = w.t->view.below,
				   .line_n = edit_text(w.t->edit).n,
				   .sum = line_sum()};
}

/* ---- what the engine hears and says ---- */

static contact_id goes_to;

static void at_home(struct letter *l)
{
	if (l->state == LIVE && !(l->home & bit(goes_to)))
		broken("letter %td was not written to %lld", l - w.letter,
		       (long long)goes_to);
}

/* /msg NAME, as the line has it. */
static void sent_by_name(const struct command *cmd, const struct parsed *p)
{
	const struct contact *c = model_find(w.t->model, cmd->contact);
	const char *name = cmd->to ? cmd->to : c ? model_name(c) : "";

	if (strlen(name) < p->peer.n || memcmp(name, p->peer.p, p->peer.n) != 0)
		broken("/msg went to %s", name);
}

static void sent(const struct command *cmd)
{
	struct bytes line = edit_text(w.t->edit);
	contact_id to = named();
	struct parsed p;

	w.sends++;
	if (w.before.action != ACT_SEND)
		broken("sent without Enter");
	command_parse(line, &p);
	if (p.line == LINE_SLASH && p.row->kind == SL_MSG) {
		sent_by_name(cmd, &p);
		return;
	}
	if (p.line == LINE_SLASH && p.row->kind == SL_ME)
		to = model_opened(w.t->model);
	if (cmd->contact != to || cmd->contact != w.shown)
		broken("sent to %lld, the prompt named %lld, on screen %lld",
		       (long long)cmd->contact, (long long)to,
		       (long long)w.shown);
	goes_to = cmd->contact;
	each_letter(text_of(cmd->text), at_home);
}

static void on_told(const struct command *cmd)
{
	if (!w.t)
		return;
	noted("%u told %d about %lld: %.80s", w.step, (int)cmd->kind,
	      (long long)cmd->contact, cmd->text ? cmd->text : "");
	if (cmd->kind == CMD_SEND || cmd->kind == CMD_REPLY)
		sent(cmd);
	if (cmd->kind != CMD_DRAFT)
		return;
	goes_to = cmd->contact;
	each_letter(text_of(cmd->text), at_home);
}

static void on_stored(contact_id with, const char *text)
{
	(void)with;
	each_letter(text_of(text), excuse);
}

static void on_overwritten(const char *draft)
{
	each_letter(text_of(draft), excuse);
}

/* It will not be asked again. */
static void on_refused(const char *text)
{
	if (w.owed)
		each_letter(text_of(text), excuse);
}

static void also_there(struct letter *l)
{
	l->home |= bit(goes_to);
}

/* The line comes back, perhaps where another conversation was open. */
static void comes_back(const struct event *ev)
{
	const struct contact *c;
	const struct message *m;

	for (size_t i = 0; (c = model_contact(w.t->model, i)); i++)
		for (size_t k = 0; (m = model_message(w.t->model, c->id, k));
		     k++) {
			if (m->n != MODEL_PENDING + (message_n)ev->ref)
				continue;
			goes_to = c->id;
			each_letter(text_of(m->text), also_there);
			w.refused = ev->ref;
			snprintf(w.refused_text, sizeof(w.refused_text), "%.*s",
				 (int)utf8_cut(text_of(m->text), 200), m->text);
		}
}

static void moves_home(contact_id from, contact_id to)
{
	for (unsigned i = 0; i < w.n_letter; i++)
		if (w.letter[i].home & bit(from))
			w.letter[i].home |= bit(to);
}

static void goes(const struct contact *c)
{
	w.gone |= bit(c->id);
	if (c->became) {
		moves_home(c->id, c->became);
		return;
	}
	for (size_t i = 0; i < w.t->n_draft; i++)
		if (w.t->draft[i].with == c->id && kept(&w.t->draft[i]))
			each_letter(of_buf(&w.t->draft[i].text), excuse);
}

static void mutate(const struct event *ev)
{
	struct tui *t = w.t;

	if (ev->kind != EV_MESSAGE)
		return;
	if (w.mutant == STEALS && model_find(t->model, ev->message->with))
		tui_open(t, ev->message->with);
	if (w.mutant == EATS)
		edit_set(t->edit, (struct bytes){0}, 0);
	if (w.mutant == SCROLLS && t->view.at)
		t->view.below++;
}

static void on_news(const struct event *ev)
{
	const struct contact *who = ev->contact;

	noted("%u event %d code %d%s%s %s about %lld", w.step, (int)ev->kind,
	      (int)ev->code, who && who->gone ? " gone" : "",
	      who && who->became ? " became" : "",
	      who && who->draft ? who->draft : "",
	      (long long)(ev->contact   ? ev->contact->id
			  : ev->message ? ev->message->with
					: 0));
	if (!w.t)
		return;
	if (ev->kind == EV_PEER && ev->contact->gone)
		goes(ev->contact);
	if (ev->kind == EV_RESULT && ev->code != CODE_OK)
		comes_back(ev);
	mutate(ev);
}

/* ---- what is painted ---- */

/* The prompt says who will get it. */
static void prompt_is_true(const struct view *v)
{
	const struct contact *c = model_find(w.t->model, named());
	char name[sizeof(v->whom)] = "";

	if (c)
		text_line(name, sizeof(name), text_of(model_name(c)), 32);
	if (strcmp(name, v->whom) != 0)
		broken("the prompt names '%s', it is '%s'", v->whom, name);
	w.shown = named();
}

static bool letter_at(struct bytes s, size_t at, wchar_t *out)
{
	if (at + 3 > s.n || s.p[at] < 0xe4 || s.p[at] > 0xe9)
		return false;
	*out = (wchar_t)((s.p[at] & 0x0fu) << 12 | (s.p[at + 1] & 0x3fu) << 6 |
			 (s.p[at + 2] & 0x3fu));
	return true;
}

static wchar_t cell(int y, int x)
{
	wchar_t c[CCHARW_MAX + 1] = {0};
	cchar_t cc;
	attr_t a;
	short pair;

	if (mvin_wch(y, x, &cc) == ERR || getcchar(&cc, c, &a, &pair, NULL))
		return 0;
	return c[0];
}

static void cursor_in_line(const struct view *v, const struct edit *e, int y,
			   int x)
{
	const struct draw *d = w.t->draw;
	struct bytes s = edit_text(e);
	size_t at = edit_cursor(e);
	wchar_t c;

	if (y < d->input_y || y >= d->input_y + d->input_rows || x < 3)
		broken("the cursor is at %d,%d, the line from %d on", y, x,
		       d->input_y);
	if (v->focus != FOCUS_INPUT || !v->utf8)
		return;
	if (letter_at(s, at, &c) && cell(y, x) != c)
		broken("the cursor at %d,%d is on %lc, not its letter %lc", y,
		       x, (wint_t)cell(y, x), (wint_t)c);
	if (at < 3 || !letter_at(s, at - 3, &c))
		return;
	wchar_t have = cell(y, x - 2); /* the prompt's, at the row's start */
	if (have != c && have != L'>' && have != L' ')
		broken("the cursor at %d,%d is behind %lc, not %lc", y, x,
		       (wint_t)have, (wint_t)c);
}

static void cursor_is_right(const struct view *v, const struct edit *e)
{
	int y, x;

	getyx(curscr, y, x);
	if (v->focus == FOCUS_INPUT) {
		cursor_in_line(v, e, y, x);
		return;
	}
	if (mvinch(y, x) & A_REVERSE)
		return;
	/* one that is selected is so from its first column on */
	for (int row = !v->zoom; row < v->rows; row++)
		if (mvinch(row, 1) & A_REVERSE ||
		    mvinch(row, w.t->draw->pane.x) & A_REVERSE)
			broken("row %d is selected, the cursor at %d,%d", row,
			       y, x);
	cursor_in_line(v, e, y, x);
}

static void painted(struct view *v, const struct edit *e)
{
	w.t = (struct tui *)(void *)((char *)v - offsetof(struct tui, view));
	if (w.mutant == STRAYS && dice_one_in(&w.dice, 10)) {
		move(0, v->cols - 1);
		refresh();
	}
	prompt_is_true(v);
	if (v->rows >= 5 && v->cols >= 20)
		cursor_is_right(v, e);
}

void __real_draw_all(struct draw *d, struct view *v, struct model *m,
		     const struct edit *e);
void __wrap_draw_all(struct draw *d, struct view *v, struct model *m,
		     const struct edit *e);
void __wrap_draw_all(struct draw *d, struct view *v, struct model *m,
		     const struct edit *e)
{
	__real_draw_all(d, v, m, e);
	painted(v, e);
}

bool __real_draw_line(struct draw *d, struct view *v, const struct model *m,
		      const struct edit *e);
bool __wrap_draw_line(struct draw *d, struct view *v, const struct model *m,
		      const struct edit *e);
bool __wrap_draw_line(struct draw *d, struct view *v, const struct model *m,
		      const struct edit *e)
{
	bool drawn = __real_draw_line(d, v, m, e);

	if (drawn)
		painted(v, e);
	return drawn;
}

/* ---- keys ---- */

static void press(const struct key *k)
{
	if (w.n_key < KEYS)
		w.key[w.n_key++] = *k;
}

static void press_text(const char *s, size_t n)
{
	struct key k = {.kind = KEY_CHAR, .n = n};

	memcpy(k.text, s, n);
	memcpy(k.name, s, n);
	press(&k);
}

static void press_words(const char *s)
{
	for (size_t n; *s; s += n) {
		for (n = 1; (s[n] & 0xc0) == 0x80;)
			n++;
		press_text(s, n);
	}
}

static void press_letter(void)
{
	unsigned c = FIRST_LETTER + w.n_letter;
	char s[3] = {(char)(0xe0 | c >> 12), (char)(0x80 | (c >> 6 & 0x3f)),
		     (char)(0x80 | (c & 0x3f))};

	if (w.n_letter + 1 >= LETTERS)
		return;
	w.letter[w.n_letter++] = (struct letter){0};
	press_text(s, 3);
}

static void press_named(const char *name, size_t n)
{
	static const struct {
		const char *name, text;
	} texts[] = {{"Enter", '\r'},
		     {"Tab", '\t'},
		     {"Esc", '\033'},
		     {"Backspace", 127}};
	struct key k = {.kind = KEY_NAMED};

	if (n == 1) {
		press_text(name, 1);
		return;
	}
	snprintf(k.name, sizeof(k.name), "%.*s", (int)n, name);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (strcmp(k.name, texts[i].name) == 0)
			k.text[k.n++] = texts[i].text;
	if (strncmp(k.name, "Ctrl-", 5) == 0 && n == 6)
		k.text[k.n++] = (char)(k.name[5] & 31);
	if (strncmp(k.name, "Alt-", 4) == 0 && n == 5)
		k.text[k.n++] = k.name[4];
	press(&k);
}

/* Any key that means something somewhere. */
static void press_any(void)
{
	size_t rows = 0, n;
	const struct key_row *r = key_rows;

	while (r[rows].help)
		rows++;
	r += dice_of(&w.dice, (unsigned)rows);
	const char *s = dice_one_in(&w.dice, 2) ? r->input : r->list;
	if (r->action == ACT_QUIT && !dice_one_in(&w.dice, 300))
		return;
	while (*s) {
		n = strcspn(s, " ");
		if (!s[n] || dice_one_in(&w.dice, 2)) {
			press_named(s, n);
			return;
		}
		s += n + 1;
	}
}

static void press_some_text(void)
{
	static const char *const other[] = {" ", "e\xcc\x81", "/", "z",
					    "\xf0\x9f\x91\x8d"};

	for (unsigned n = 1 + dice_of(&w.dice, 6); n; n--) {
		if (dice_one_in(&w.dice, 5)) {
			const char *s = other[dice_of(&w.dice, 5)];
			press_text(s, strlen(s));
		}
		press_letter();
	}
}

static void press_args(const struct slash_row *r)
{
	switch (r->takes) {
	case ARGS_NONE:
		return;
	case ARGS_PEER:
		if (dice_one_in(&w.dice, 2))
			return;
		press_words(fake_some_name(w.engine));
		return;
	case ARGS_PEER_MUST:
		press_words(fake_some_name(w.engine));
		return;
	case ARGS_PEER_TEXT:
		press_words(fake_some_name(w.engine));
		press_words(" ");
		if (dice_one_in(&w.dice, 3))
			return;
		press_some_text();
		return;
	case ARGS_HOST_PORT:
		press_words("10.0.0.9 6327");
		return;
	case ARGS_TEXT:
	case ARGS_NAME:
	case ARGS_NAME_MAYBE:
		press_some_text();
		return;
	case ARGS_NAME_VALUE:
		press_words(dice_one_in(&w.dice, 2) ? "clock 12" : "bell on");
		return;
	}
}

static void press_slash(void)
{
	size_t rows = 0;
	const struct slash_row *r = command_rows;

	while (r[rows].name)
		rows++;
	r += dice_of(&w.dice, (unsigned)rows);
	if (r->kind == SL_QUIT && !dice_one_in(&w.dice, 100))
		return;
	if (dice_one_in(&w.dice, 2))
		press_named("Esc", 3);
	press_words(dice_one_in(&w.dice, 3) ? ":" : "i");
	if (!dice_one_in(&w.dice, 3))
		press_named("Ctrl-C", 6);
	press_words("/");
	press_words(r->name);
	press_words(" ");
	press_args(r);
	if (!dice_one_in(&w.dice, 4))
		press_named("Enter", 5);
}

static void press_paste(void)
{
	press(&(struct key){.kind = KEY_PASTE});
	if (dice_one_in(&w.dice, 40))
		for (int i = 0; i < BIG_PASTE; i++)
			press_text("p", 1);
	for (unsigned n = dice_of(&w.dice, 12); n; n--) {
		if (dice_one_in(&w.dice, 4))
			press_named("Enter", 5);
		press_letter();
	}
	if (!dice_one_in(&w.dice, 12))
		press(&(struct key){.kind = KEY_PASTED});
}

static void gesture(void)
{
	unsigned what = dice_of(&w.dice, 100);

	if (what < 30)
		press_some_text();
	else if (what < 42)
		press_named("Enter", 5);
	else if (what < 78)
		press_any();
	else if (what < 90)
		press_slash();
	else if (what < 95)
		press_paste();
	else if (what < 97)
		press(
		    &(struct key){.kind = what == 95 ? KEY_AWAY : KEY_LOOKING});
	else if (what < 98)
		press(&(struct key){.kind = KEY_NAMED});
	else
		press_named("Ctrl-V", 6);
}

/* ---- ui/tui_term.h ---- */

bool __wrap_term_start(void);
bool __wrap_term_start(void)
{
	static SCREEN *screen;
	static FILE *null;

	if (!screen) {
		null = fopen("/dev/null", "r+");
		screen = newterm("xterm-256color", null, null);
		if (!screen)
			return false;
		typeahead(-1);
	}
	erase();
	return true;
}

bool __wrap_term_utf8(void);
bool __wrap_term_utf8(void)
{
	return w.utf8;
}

/* What has nothing to do here. The linker does not ask for types. */
#define NOTHING(name)                                                          \
	void __wrap_##name(void);                                              \
	void __wrap_##name(void)                                               \
	{                                                                      \
	}
NOTHING(term_stop)
NOTHING(term_suspend)
NOTHING(term_leave)
NOTHING(term_back)
NOTHING(term_title)
NOTHING(term_title_back)
NOTHING(term_bell)
NOTHING(term_mouse)
NOTHING(term_copy)
NOTHING(term_link)
NOTHING(tui_web)
NOTHING(draw_apart_show) /* which would write to stdout */

/* No program is started and no file is written, whatever is typed. */
bool __wrap_term_notify(const char *title, const char *text);
bool __wrap_term_notify(const char *title, const char *text)
{
	return strcmp(title, text) > 0;
}

bool __wrap_tui_pipe(struct tui *t, struct bytes command);
bool __wrap_tui_pipe(struct tui *t, struct bytes command)
{
	tui_say(t, LEVEL_WARN, "no");
	return command.n % 2;
}

bool __wrap_tui_export(struct tui *t, struct bytes name);
bool __wrap_tui_export(struct tui *t, struct bytes name)
{
	return __wrap_tui_pipe(t, name);
}

/* What the editor left is what was there, and more. */
void __wrap_tui_editor(struct tui *t);
void __wrap_tui_editor(struct tui *t)
{
	struct buf b = {0};

	buf_put(&b, edit_text(t->edit));
	buf_printf(&b, "edited");
	tui_draft_save(t);
	edit_do(t->edit, ED_CLEAR);
	edit_insert(t->edit, of_buf(&b));
	buf_free(&b);
}

bool __wrap_term_browse(const char *url);
bool __wrap_term_browse(const char *url)
{
	return strlen(url) % 2;
}

void __wrap_term_resize(int *rows, int *cols);
void __wrap_term_resize(int *rows, int *cols)
{
	resizeterm(w.rows, w.cols);
	*rows = w.rows;
	*cols = w.cols;
}

static void another_size(void)
{
	w.rows = 5 + (int)dice_of(&w.dice, 25);
	w.cols = 20 + (int)dice_of(&w.dice, 80);
	if (dice_one_in(&w.dice, 20))
		w.rows = 1 + (int)dice_of(&w.dice, 6);
	if (dice_one_in(&w.dice, 20))
		w.cols = 1 + (int)dice_of(&w.dice, 22);
}

/* The line goes on where its own conversation is not. */
static void missend(void)
{
	struct buf b = {0};
	contact_id open = model_opened(w.t->model);
	const struct contact *c = model_contact(w.t->model, 0);

	if (!c || c->id == open)
		c = model_contact(w.t->model, 1);
	if (!c || !open)
		return;
	buf_put(&b, edit_text(w.t->edit));
	tui_open(w.t, c->id);
	edit_set(w.t->edit, of_buf(&b), 0);
	buf_free(&b);
}

static void written(struct letter *l)
{
	l->state = LIVE;
}

struct key __wrap_term_key(bool pasting);
struct key __wrap_term_key(bool pasting)
{
	struct key k = {0};

	if (!pasting || w.at_key == w.n_key)
		look();
	if (w.at_key == w.n_key)
		return k;
	k = w.key[w.at_key++];
	w.handed = k;
	if (!pasting)
		noted("%u key %s", w.step,
		      k.kind == KEY_PASTE ? "paste" : k.name);
	if (!w.t)
		return k;
	each_letter((struct bytes){(const uint8_t *)k.text, k.n}, written);
	w.before.action =
	    pasting || w.t->literal || k.kind < KEY_CHAR || k.kind > KEY_NAMED
		? ACT_NONE
		: key_action(k.name, w.t->view.focus == FOCUS_INPUT);
	if (w.mutant == MISSENDS && w.before.action == ACT_SEND)
		missend();
	return k;
}

static contact_id due_to;

static void owed(struct letter *l)
{
	if (l->state == LIVE)
		l->must = due_to;
}

/* Looked at when the program is told to end: what the engine has to have as
 * drafts when it did. */
static void owe(void)
{
	contact_id open = model_opened(w.t->model);

	w.owed = true;
	due_to = open;
	if (open && !w.t->aside)
		each_letter(edit_text(w.t->edit), owed);
	for (size_t i = 0; i < w.t->n_draft; i++) {
		due_to = w.t->draft[i].with;
		if (kept(&w.t->draft[i]))
			each_letter(of_buf(&w.t->draft[i].text), owed);
	}
}

static void paid(struct letter *l)
{
	l->must = 0;
}

static void drafts_are_there(void)
{
	fake_settle(w.engine);
	for (contact_id c = 1; c < 32; c++)
		each_letter(text_of(fake_draft(w.engine, c)), paid);
	for (unsigned i = 0; i < w.n_letter; i++)
		if (w.letter[i].must && w.letter[i].state == LIVE &&
		    fake_knows(w.engine, w.letter[i].must))
			broken("letter %u was a draft to %lld, and the engine "
			       "has it not",
			       i, (long long)w.letter[i].must);
}

static void pass_time(long long timeout_us)
{
	static const unsigned most[] = {1, 1000, 40000, 700000, 4000000};
	int64_t by = dice_of(&w.dice, most[dice_of(&w.dice, 5)]);

	if (timeout_us >= 0 && by > timeout_us)
		by = timeout_us;
	w.now_us += by + 1;
}

struct term_news __wrap_term_wait(bool keys, int client_fd,
				  long long timeout_us);
struct term_news __wrap_term_wait(bool keys, int client_fd,
				  long long timeout_us)
{
	struct term_news news = {.client = true};

	(void)client_fd;
	look();
	w.n_key = w.at_key = 0;
	pass_time(timeout_us);
	if (!keys || w.step++ >= w.steps) {
		news.quit = true;
		if (!w.owed && w.t)
			owe();
		return news;
	}
	if (dice_one_in(&w.dice, 60)) {
		another_size();
		news.resized = true;
	}
	if (dice_one_in(&w.dice, 2))
		fake_happen(w.engine);
	else
		for (unsigned n = 1 + dice_of(&w.dice, 3); n; n--)
			gesture();
	news.keys = w.n_key > 0;
	return news;
}

/* ---- a run ---- */

static void run(uint64_t seed, unsigned steps, enum mutant mutant)
{
	static const struct fake_ears ears = {.told = on_told,
					      .stored = on_stored,
					      .refused = on_refused,
					      .overwritten = on_overwritten,
					      .news = on_news};
	static char nowhere[] = "/nowhere/at/all";
	struct config cfg = {.config_path = nowhere,
			     .data_dir = nowhere,
			     .identity_path = nowhere,
			     .store_path = nowhere,
			     .lock_path = nowhere,
			     .log_path = nowhere,
			     .run_dir = nowhere,
			     .control_path = nowhere,
			     .peers_file = nowhere,
			     .bind = nowhere,
			     .color = seed % 2 ? SW_OFF : SW_ON,
			     .screen = {.bell = true,
					.mouse = true,
					.links = seed % 2,
					.clock12 = seed % 3 == 0}};
	struct key *key = w.key;

	unsigned log_shown = w.log_shown;

	memset(&w, 0, sizeof(w));
	w.log_shown = log_shown;
	w.key = key ? key : xmalloc(KEYS * sizeof(*key));
	w.seed = seed;
	w.steps = steps;
	w.mutant = mutant;
	w.dice = (struct dice){seed};
	w.utf8 = seed % 5 != 0;
	w.now_us = 1000000;
	another_size();
	w.engine = fake_new(seed + 1, &ears);
	if (tui_run(w.engine, &cfg))
		broken("it ended with an error");
	if (!w.t)
		broken("nothing was ever painted");
	drafts_are_there();
	fake_free(w.engine);
	free(w.key);
	w.key = NULL;
}

static void environment(void)
{
	setenv("LC_ALL", "C.UTF-8", 1);
	setenv("TERM", "xterm-256color", 1);
	setenv("TZ", "UTC", 1);
	unsetenv("NO_COLOR");
	/* if one was forgotten above: nothing can be run or written here */
	setenv("PATH", "/nonexistent", 1);
	setenv("EDITOR", "/nonexistent", 1);
	setenv("VISUAL", "/nonexistent", 1);
	setenv("BROWSER", "/nonexistent", 1);
	if (chdir("/proc"))
		abort();
	setlocale(LC_ALL, "");
	signal(SIGABRT, on_crash);
}

static void promises__are_kept(void **state)
{
	unsigned sends = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		run(seed, STEPS, RIGHT);
		sends += w.sends;
	}
	assert_true(sends > SEEDS); /* else nothing was tried */
}

/* In a process of its own, which ends at the first promise that is broken. */
static int run_mutant(enum mutant mutant)
{
	int status = 0;
	pid_t pid = fork();

	if (!pid) {
		if (!freopen("/dev/null", "w", stderr))
			_exit(3);
		for (uint64_t seed = 1; seed <= MUTANT_SEEDS; seed++)
			run(seed, STEPS, mutant);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void broken_promises__are_seen(void **state)
{
	(void)state;
	for (enum mutant m = RIGHT + 1; m < MUTANTS; m++)
		assert_int_equal(run_mutant(m), 1);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(promises__are_kept),
	    cmocka_unit_test(broken_promises__are_seen),
	};

	environment();
	w.log_shown = argc < 2 ? LOG_SHOWN : LOG_ROWS;
	if (argc < 2)
		return cmocka_run_group_tests(tests, NULL, NULL);
	run(strtoull(argv[1], NULL, 10),
	    argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : STEPS,
	    argc > 3 ? (enum mutant)strtoul(argv[3], NULL, 10) : RIGHT);
	return 0;
}
