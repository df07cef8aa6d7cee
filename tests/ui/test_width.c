/* Whatever a text holds, the terminal's columns are those that were reckoned:
 * hostile texts are drawn by the real drawing on a real curses screen, whose
 * output goes into libvterm, a terminal that knows an older Unicode than we
 * do. Each of its cells has to hold what curses thinks stands there; signs
 * that are drawn behind each text stand in their column.
 *     test_width SEED        that text alone */
#include "tests/ui/dice.h"
#include "ui/draw_impl.h"
#include "ui/edit.h"
#include <curses.h>
#include <limits.h>
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include <vterm.h>

#include <cmocka.h>

enum {
	HIGH = 24,
	WIDE = 80,
	TEXTS = 5000,
	AT = 6,     /* where texts begin, a sign stands before */
	WIDTH = 61, /* and behind */
	LONG = 16384
};

struct paper {
	SCREEN *screen;
	int fd, out; /* curses writes to stdout; what that was */
	off_t read;
	VTerm *vt;
	VTermScreen *seen;
	struct view view;
	struct draw *draw;
	struct model *model;
	struct edit *edit;
	uint64_t seed;
};

/* ---- what is drawn on ---- */

static void resize(struct paper *p)
{
	p->view.rows = HIGH;
	p->view.cols = WIDE;
	resizeterm(HIGH, WIDE);
	idlok(stdscr, FALSE); /* as tui_term.c */
	idcok(stdscr, FALSE);
	typeahead(-1);
}

static int begin(void **state)
{
	struct paper *p = xzalloc(sizeof(*p));

	p->fd = memfd_create("screen", MFD_CLOEXEC);
	fflush(stdout);
	p->out = dup(STDOUT_FILENO);
	if (p->fd < 0 || p->out < 0 || dup2(p->fd, STDOUT_FILENO) < 0)
		return -1;
	p->screen = newterm("xterm-256color", stdout, stdin);
	if (!p->screen)
		return -1;
	resize(p);
	p->vt = vterm_new(HIGH, WIDE);
	vterm_set_utf8(p->vt, 1);
	p->seen = vterm_obtain_screen(p->vt);
	vterm_screen_enable_altscreen(p->seen, 1);
	vterm_screen_reset(p->seen, 1);
	p->view.utf8 = true;
	p->view.names = 1;
	p->draw = draw_new();
	p->model = model_new();
	p->edit = edit_new();
	*state = p;
	return 0;
}

static int end(void **state)
{
	struct paper *p = *state;

	edit_free(p->edit);
	model_free(p->model);
	draw_free(p->draw);
	vterm_free(p->vt);
	endwin();
	delscreen(p->screen);
	fflush(stdout);
	dup2(p->out, STDOUT_FILENO);
	close(p->out);
	close(p->fd);
	free(p);
	return 0;
}

/* The terminal gets what was written since. */
static void carry(struct paper *p)
{
	enum { MOST = 1 << 20 };
	char *part =
	    xmalloc(MOST); /* libvterm splits no letter from its mark */
	ssize_t n;

	while ((n = pread(p->fd, part, MOST, p->read)) > 0) {
		vterm_input_write(p->vt, part, (size_t)n);
		p->read += n;
	}
	free(part);
}

static VTermScreenCell seen_at(const struct paper *p, int y, int x)
{
	VTermScreenCell c;

	vterm_screen_get_cell(p->seen, (VTermPos){.row = y, .col = x}, &c);
	return c;
}

/* ---- is it what curses thinks? ---- */

static void print_row(const struct paper *p, int y)
{
	for (int x = 0; x < WIDE; x++) {
		uint32_t c = seen_at(p, y, x).chars[0];
		if (c == (uint32_t)-1)
			continue;
		if (c >= 0x20 && c < 0x7f)
			fputc((int)c, stderr);
		else if (c)
			fprintf(stderr, "<%X>", c);
		else
			fputc(' ', stderr);
	}
	fputc('\n', stderr);
}

static void bad(const struct paper *p, const char *what, int y, int x)
{
	fprintf(stderr, "text %llu: %s at row %d, column %d\n",
		(unsigned long long)p->seed, what, y, x);
	for (int row = y ? y - 1 : 0; row < y + 2 && row < HIGH; row++)
		print_row(p, row);
	fail();
}

/* What is put over curses' cells may be narrower than they are; beside it
 * there is nothing. */
static bool apart_at(const struct aparts *a, int y, int x)
{
	for (size_t i = 0; i < a->n; i++)
		if (a->at[i].y == y && x >= a->at[i].x &&
		    x < a->at[i].x + a->at[i].cols)
			return true;
	return false;
}

static uint32_t first_of(const char *text)
{
	wchar_t c = 0;

	mbtowc(&c, text, MB_LEN_MAX);
	return (uint32_t)c;
}

/* Clusters drawn apart are there; the last one drawn at a place. */
static void aparts_there(const struct paper *p, const struct aparts *a,
			 int from)
{
	const char *text = (const char *)a->text.p;

	for (size_t i = a->n; i-- > 0;) {
		const struct apart *at = &a->at[i];
		bool over = at->y < from;
		for (size_t k = i + 1; k < a->n; k++)
			over |=
			    apart_at(&(struct aparts){.at = &a->at[k], .n = 1},
				     at->y, at->x);
		uint32_t stands = (uint32_t)(mvinch(at->y, at->x) & A_CHARTEXT);
		if (over || (stands != 0xa0 && stands >> 4 != 0x300))
			continue;
		uint32_t want = first_of(text + at->from);
		/* libvterm has that one as a mark of what is before it */
		if (want != 0x6de && seen_at(p, at->y, at->x).chars[0] != want)
			bad(p, "a cluster is not there", at->y, at->x);
	}
}

static void same(const struct paper *p, const struct aparts *a, int from,
		 int to)
{
	aparts_there(p, a, from);
	for (int y = from; y < to; y++)
		for (int x = 0; x < WIDE; x++) {
			wchar_t want[CCHARW_MAX + 1] = {0};
			attr_t attr;
			short pair;
			cchar_t c;
			uint32_t have = seen_at(p, y, x).chars[0];

			if (apart_at(a, y, x))
				continue;
			mvin_wch(y, x, &c);
			getcchar(&c, want, &attr, &pair, NULL);
			if (!have)
				have = ' ';
			/* the second half of a wide one */
			if (have == (uint32_t)-1)
				continue;
			if (have != (uint32_t)want[0]) {
				fprintf(stderr, "%X, not %X: ", have,
					(uint32_t)want[0]);
				bad(p, "another letter", y, x);
			}
		}
}

static void sign_at(const struct paper *p, int y, int x)
{
	if (seen_at(p, y, x).chars[0] != '|')
		bad(p, "no sign", y, x);
}

/* ---- hostile texts ---- */

static void put(struct buf *b, uint32_t c)
{
	uint8_t s[4] = {(uint8_t)c};
	size_t n = 1;

	if (c >= 0x10000) {
		n = 4;
		s[0] = (uint8_t)(0xf0 | c >> 18);
	} else if (c >= 0x800) {
		n = 3;
		s[0] = (uint8_t)(0xe0 | c >> 12);
	} else if (c >= 0x80) {
		n = 2;
		s[0] = (uint8_t)(0xc0 | c >> 6);
	}
	for (size_t i = 1; i < n; i++)
		s[i] = (uint8_t)(0x80 | (c >> 6 * (n - 1 - i) & 0x3f));
	buf_put(b, (struct bytes){s, n});
}

static uint32_t any(struct dice *d, uint32_t from, uint32_t to)
{
	return from + dice_of(d, to - from + 1);
}

static void person(struct buf *b, struct dice *d)
{
	put(b, 0x1f468 + dice_of(d, 2));
	if (dice_one_in(d, 2))
		put(b, any(d, 0x1f3fb, 0x1f3ff));
}

static void family(struct buf *b, struct dice *d)
{
	person(b, d);
	for (unsigned n = dice_of(d, dice_one_in(d, 9) ? 90 : 4); n; n--) {
		put(b, 0x200d);
		person(b, d);
	}
}

static void syllable(struct buf *b, struct dice *d)
{
	if (!dice_one_in(d, 8))
		put(b, any(d, 0x1100, 0x115f));
	if (!dice_one_in(d, 8))
		put(b, any(d, 0x1160, 0x11a7));
	if (dice_one_in(d, 2))
		put(b, any(d, 0x11a8, 0x11ff));
	if (dice_one_in(d, 9))
		put(b, any(d, 0xd7b0, 0xd7fb));
}

static void marks(struct buf *b, struct dice *d)
{
	if (!dice_one_in(d, 4))
		put(b, any(d, 'a', 'z'));
	for (unsigned n = dice_of(d, 20); n; n--)
		put(b, any(d, 0x300, 0x36f));
}

static void right_to_left(struct buf *b, struct dice *d)
{
	static const uint32_t how[] = {0x202a, 0x202b, 0x202d, 0x202e,
				       0x202c, 0x2066, 0x2067, 0x2068,
				       0x2069, 0x200e, 0x200f, 0x61c};

	put(b, how[dice_of(d, 12)]);
	for (unsigned n = dice_of(d, 6); n; n--)
		put(b, dice_one_in(d, 2) ? any(d, 0x5d0, 0x5ea)
					 : any(d, 0x600, 0x6ff));
}

static void ill(struct buf *b, struct dice *d)
{
	static const char *const s[] = {
	    "\xff",         "\xc0\x80",         "\xed\xa0\x80",
	    "\xe2\x82",     "\xf4\x90\x80\x80", "\x80\x80\x80",
	    "\xf0\x9f\x91", "\xfe\xfe"};

	buf_put(b, text_of(s[dice_of(d, 8)]));
}

static void indic(struct buf *b, struct dice *d)
{
	uint32_t script = 0x900 + 0x80 * dice_of(d, 10);

	put(b, script + any(d, 0x15, 0x39));
	for (unsigned n = dice_of(d, 4); n; n--)
		put(b, script + any(d, 0x3c, 0x4d));
}

static void picture(struct buf *b, struct dice *d)
{
	static const uint32_t base[] = {0x2764, 0x263a, '1',     '#',
					0x2600, 0xa9,   0x1f3f3, 0x270c};

	put(b, base[dice_of(d, 8)]);
	put(b, dice_one_in(d, 4) ? 0xfe0e : 0xfe0f);
	if (dice_one_in(d, 3))
		put(b, 0x20e3);
	if (dice_one_in(d, 6))
		put(b, any(d, 0xe0020, 0xe007f));
}

static void nothing_seen(struct buf *b, struct dice *d)
{
	static const uint32_t c[] = {0x200b, 0x200c, 0x200d, 0x2060,
				     0xfeff, 0xad,   0x34f,  0x180e,
				     0x115f, 0x3164, 0x2028, 0x2029};

	put(b, c[dice_of(d, 12)]);
}

static void atom(struct buf *b, struct dice *d, unsigned kind)
{
	switch (kind) {
	case 0:
		marks(b, d);
		return;
	case 1:
		family(b, d);
		return;
	case 2:
		picture(b, d);
		return;
	case 3: /* flags, or half of one */
		for (unsigned n = 1 + dice_of(d, 4); n; n--)
			put(b, any(d, 0x1f1e6, 0x1f1ff));
		return;
	case 4:
		put(b, any(d, 0x4e00, 0x9fff));
		return;
	case 5:
		syllable(b, d);
		return;
	case 6:
		right_to_left(b, d);
		return;
	case 7:
		put(b,
		    dice_one_in(d, 2) ? any(d, 1, 0x1f) : any(d, 0x7f, 0x9f));
		return;
	case 8:
		ill(b, d);
		return;
	case 9:
		buf_put(b, text_of(dice_one_in(d, 3) ? "\t" : " "));
		return;
	case 10: /* anything, the most of it assigned to nothing */
		put(b, any(d, 0x10000, 0x10ffff));
		return;
	case 11:
		put(b, any(d, 0xa0, 0xd7ff));
		return;
	case 12:
		put(b, any(d, 0xe000, 0xffff));
		return;
	case 13:
		nothing_seen(b, d);
		return;
	case 14:
		put(b, any(d, 0x1f000, 0x1faff));
		return;
	case 15:
		indic(b, d);
		return;
	case 16:
		put(b, any(d, 0x16000, 0x1ffff));
		return;
	default:
		put(b, any(d, 0x21, 0x7e));
		return;
	}
}

enum { KINDS = 20 };

static void hostile(struct buf *b, uint64_t seed)
{
	struct dice d = {seed};
	bool pure = dice_one_in(&d, 3);
	unsigned kind = dice_of(&d, KINDS), n = 1 + dice_of(&d, 60);

	b->n = 0;
	if (seed % 1000 == 1) {
		put(b, 'x');
		for (int i = 0; i < 10000; i++)
			put(b, any(&d, 0x300, 0x36f));
		return;
	}
	if (seed % 1000 == 2)
		n = LONG / 4;
	while (n-- && b->n < LONG)
		atom(b, &d, pure ? kind : dice_of(&d, KINDS));
}

/* ---- texts by themselves ---- */

static void draw_text(struct paper *p, struct bytes s)
{
	struct aparts a = {0};
	struct rows r = {0};
	size_t n;

	p->view.aparts = &a;
	rows_make(&r, s, WIDTH);
	/* the frame before is not wiped: what is left of it would be seen */
	for (int y = 0; y < HIGH; y++) {
		struct bytes row = {0};
		if ((size_t)y < r.n)
			row = rows_at(&r, (size_t)y);
		struct look look = {y % 5 == 3 ? ATTR_REVERSE : 0, PAIR_NONE};
		draw_put(&p->view, y, 0, AT - 1, text_of("12:34"), look);
		draw_put(&p->view, y, AT - 1, 1, text_of("|"), look);
		n = (size_t)draw_put(&p->view, y, AT, WIDTH, row, look);
		if (n > WIDTH)
			bad(p, "too wide", y, AT);
		draw_put(&p->view, y, AT + WIDTH, WIDE - AT - WIDTH,
			 text_of("|  behind it"), look);
	}
	move(0, 0);
	wnoutrefresh(stdscr);
	doupdate();
	draw_apart_show(&a);
	carry(p);
	for (int y = 0; y < HIGH; y++) {
		sign_at(p, y, AT - 1);
		sign_at(p, y, AT + WIDTH);
	}
	same(p, &a, 0, HIGH);
	draw_apart_free(&a);
	rows_free(&r);
	p->view.aparts = NULL;
}

static void texts__shift_no_row(void **state)
{
	struct paper *p = *state;
	struct buf b = {0};

	for (p->seed = 1; p->seed <= TEXTS; p->seed++) {
		hostile(&b, p->seed);
		draw_text(p, (struct bytes){b.p, b.n});
	}
	buf_free(&b);
}

/* ---- in the whole screen ---- */

static struct contact somebody(contact_id id, struct bytes name)
{
	struct contact c = {.id = id, .dialect = "sotto"};

	c.key.b[0] = (uint8_t)id;
	c.trust = TRUST_PINNED;
	size_t n = name.n < NICK_MAX ? name.n : NICK_MAX;
	memcpy(c.nick, name.p, n);
	for (size_t i = 0; i < n; i++)
		if (!c.nick[i])
			c.nick[i] = '0';
	return c;
}

static void says(struct model *m, struct contact *c, message_n n,
		 struct bytes text)
{
	char *s = xstrndup(text);
	struct message msg = {.n = n,
			      .with = c->id,
			      .incoming = n % 3 != 0,
			      .text = s,
			      .quote = n % 4 ? NULL : s,
			      .stored_ms = 1795264800000 + n * 60000,
			      .delivery = n % 3 ? D_RECEIVED : D_DELIVERED};

	msg.id.b[0] = (uint8_t)n;
	msg.id.b[1] = (uint8_t)(n >> 8);
	model_apply(m, &(struct event){
			   .kind = EV_MESSAGE, .contact = c, .message = &msg});
	free(s);
}

/* Where the list of peers ends a line stands, in each row. */
static void line_is_straight(const struct paper *p)
{
	const struct box *pane = &p->draw->pane;

	for (int y = pane->y; y < pane->y + pane->rows; y++)
		if (seen_at(p, y, SIDEBAR).chars[0] != 0x2502)
			bad(p, "the line is broken", y, SIDEBAR);
}

static void screens__stay_straight(void **state)
{
	struct paper *p = *state;
	struct buf b = {0};

	for (p->seed = 1; p->seed <= TEXTS / 10; p->seed++) {
		hostile(&b, p->seed * 7);
		struct bytes s = {b.p, b.n};
		contact_id id = 1 + (contact_id)(p->seed % 12);
		struct contact c = somebody(id, s);
		says(p->model, &c, (message_n)p->seed, s);
		model_open(p->model, id);
		text_line(p->view.whom, sizeof(p->view.whom), s, 32);
		text_line(p->view.notice, sizeof(p->view.notice), s, 240);
		if (p->seed % 2)
			p->view.notice[0] = '\0';
		p->view.focus = (enum focus)(p->seed % 3);
		p->view.selected = (message_n)p->seed;
		edit_set(p->edit, s, p->seed % 5 ? s.n : 0);
		draw_all(p->draw, &p->view, p->model, p->edit);
		carry(p);
		line_is_straight(p);
		same(p, p->view.aparts, 0, HIGH);
		edit_insert(p->edit, text_of("x"));
		if (draw_line(p->draw, &p->view, p->model, p->edit)) {
			carry(p);
			same(p, p->view.aparts, p->draw->input_y, HIGH - 1);
		}
		line_is_straight(p);
	}
	buf_free(&b);
}

/* ---- the price ---- */

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* A key while twenty of them are on the screen, and the frame after it. */
static double price(struct paper *p, contact_id id, struct bytes text)
{
	enum { KEYS = 40 };
	struct contact c = somebody(id, text_of("bob"));
	double best = 1;

	for (message_n n = 1; n <= 20; n++)
		says(p->model, &c, (message_n)id * 100 + n, text);
	model_open(p->model, id);
	edit_set(p->edit, (struct bytes){0}, 0);
	for (int round = 0; round < 5; round++) {
		double from = seconds();
		for (int i = 0; i < KEYS; i++) {
			edit_insert(p->edit, text_of("k"));
			if (!draw_line(p->draw, &p->view, p->model, p->edit) ||
			    i % 8 == 0)
				draw_all(p->draw, &p->view, p->model, p->edit);
		}
		if (seconds() - from < best)
			best = seconds() - from;
		carry(p);
		edit_set(p->edit, (struct bytes){0}, 0);
	}
	return best;
}

static void long_texts__are_no_slower(void **state)
{
	struct paper *p = *state;
	struct buf marks_only = {0}, solid = {0}, people = {0};
	struct dice d = {1};
	double plain;

	put(&marks_only, 'x');
	for (int i = 0; i < 10000; i++)
		put(&marks_only, any(&d, 0x300, 0x36f));
	while (solid.n < LONG)
		put(&solid, 'w');
	while (people.n < LONG - 32)
		family(&people, &d);
	p->view.focus = FOCUS_INPUT;
	plain = price(p, 1,
		      text_of("a line as they are, of eleven words or so"
			      ", and then it ends"));
	double most = plain * 10 + 0.002;
	struct bytes text[] = {{marks_only.p, marks_only.n},
			       {solid.p, solid.n},
			       {people.p, people.n}};
	for (contact_id i = 0; i < 3; i++) {
		double it = price(p, 2 + i, text[i]);
		fprintf(stderr, "%.2f ms a key, plain %.2f ms\n",
			it * 1000 / 40, plain * 1000 / 40);
		assert_true(it < most);
	}
	buf_free(&marks_only);
	buf_free(&solid);
	buf_free(&people);
}

#define PAPER(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    PAPER(texts__shift_no_row),
	    PAPER(screens__stay_straight),
	    PAPER(long_texts__are_no_slower),
	};
	struct buf b = {0};
	void *state;

	setenv("LC_ALL", "C.UTF-8", 1);
	setenv("TZ", "UTC", 1);
	setlocale(LC_ALL, "");
	if (argc < 2)
		return cmocka_run_group_tests(tests, NULL, NULL);
	if (begin(&state))
		return 1;
	struct paper *p = state;
	p->seed = strtoull(argv[1], NULL, 10);
	hostile(&b, p->seed);
	draw_text(p, (struct bytes){b.p, b.n});
	buf_free(&b);
	return end(&state);
}
