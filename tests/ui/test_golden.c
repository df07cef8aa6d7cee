/* Pictures of the screen, made of events that are made up, as they were when
 * somebody last looked at them and found them good: tests/ui/golden, a file a
 * scene, in it each size, its letters and then how they look. After a change
 * that is wanted:
 *     SOTTO_GOLDEN=write build/tests/test_golden
 * and look at what git says has changed. */
#include "src/client.h"
#include "src/clock.h"
#include "src/config.h"
#include "ui/draw_impl.h"
#include "ui/tui_impl.h"
#include <curses.h>
#include <errno.h>
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

/* 20 November 2026, 14:02, in UTC: what every stamp is counted from. */
static const int64_t noon_ms = 1795183320000;
enum { MINUTE_MS = 60000, BOB = 1, CAROL, DAVE, ERIN };

/* ---- the world: nobody answers, and it is always the same time ---- */

enum err __wrap_client_send(struct client *c, struct command *cmd);
enum err __wrap_client_send(struct client *c, struct command *cmd)
{
	(void)c;
	command_free(cmd);
	return OK;
}

int64_t __wrap_clock_mono_us(void);
int64_t __wrap_clock_mono_us(void)
{
	return 1;
}

struct now __wrap_clock_now(struct rng *r, struct clock_sleep *sleep);
struct now __wrap_clock_now(struct rng *r, struct clock_sleep *sleep)
{
	(void)sleep;
	return (struct now){.mono_us = 1, .wall_us = noon_ms * 1000, .rng = r};
}

/* ---- people and messages ---- */

static struct contact person(contact_id id, const char *nick)
{
	struct contact c = {.id = id,
			    .dialect = "sotto",
			    .trust = TRUST_PINNED,
			    .presence = P_ONLINE};

	memset(c.key.b, (int)id * 37, sizeof(c.key.b));
	snprintf(c.nick, sizeof(c.nick), "%s", nick);
	c.at.port = 6327;
	c.at.ip[10] = c.at.ip[11] = 0xff;
	c.at.ip[12] = 10;
	c.at.ip[15] = (uint8_t)id;
	return c;
}

static void meets(struct tui *t, const struct contact *c)
{
	struct contact shown = *c;

	model_apply(t->model,
		    &(struct event){.kind = EV_PEER, .contact = &shown});
}

static void ready(struct tui *t)
{
	struct contact self = person(40, "ana");
	struct command cmd;
	char trust[] = "ask";

	model_apply(
	    t->model,
	    &(struct event){.kind = EV_READY, .contact = &self, .name = trust});
	while (model_wants(t->model, &cmd))
		model_apply(t->model,
			    &(struct event){.kind = EV_RESULT, .ref = cmd.ref});
}

static void people(struct tui *t)
{
	struct contact c;

	c = person(BOB, "bob");
	c.trust = TRUST_VERIFIED;
	meets(t, &c);
	c = person(CAROL, "carol");
	c.presence = P_OFFLINE;
	c.waiting = 2;
	c.unread = 12;
	meets(t, &c);
	c = person(DAVE, "dave of the long name there");
	c.presence = P_DIALLING;
	meets(t, &c);
	c = person(ERIN, "erin");
	c.blocked = true;
	c.presence = P_UNKNOWN;
	meets(t, &c);
}

/* Opened, and the page that is asked for has come. */
static void opens(struct tui *t, contact_id c)
{
	struct command cmd;

	tui_open(t, c);
	while (model_wants(t->model, &cmd))
		model_apply(t->model,
			    &(struct event){.kind = EV_RESULT, .ref = cmd.ref});
}

struct said {
	contact_id with;
	const char *text, *quote, *error;
	enum delivery delivery;
	int minutes; /* from noon_ms on; a day more: a new day */
	bool ours;
	int late; /* minutes on its way */
};

static struct message message(const struct said *s, message_n n)
{
	struct message m = {.n = n,
			    .with = s->with,
			    .incoming = !s->ours,
			    .secure = true,
			    .delivery = s->delivery};

	m.id.b[0] = 7;
	m.id.b[1] = (uint8_t)n;
	m.id.b[2] = (uint8_t)(n >> 8);
	m.stored_ms = noon_ms + (int64_t)s->minutes * MINUTE_MS;
	m.sent_ms = m.stored_ms - (int64_t)s->late * MINUTE_MS;
	m.tries = 1;
	if (s->delivery == D_QUEUED || s->delivery == D_SENT)
		m.next_ms = noon_ms + 3 * (int64_t)MINUTE_MS;
	m.text = xstrndup(text_of(s->text));
	m.quote = s->quote ? xstrndup(text_of(s->quote)) : NULL;
	m.error = s->error ? xstrndup(text_of(s->error)) : NULL;
	if (s->quote)
		m.answers.b[0] = 7;
	return m;
}

static void message_end(struct message *m)
{
	free(m->text);
	free(m->quote);
	free(m->error);
}

/* ref 0: it happens now, else it is a row of a list. */
static void says(struct tui *t, const struct said *s, message_n n, uint64_t ref)
{
	struct message m = message(s, n);

	model_apply(t->model,
		    &(struct event){.kind = ref ? EV_ITEM : EV_MESSAGE,
				    .ref = ref,
				    .message = &m});
	message_end(&m);
}

static const struct said talk[] = {
    {BOB, "good morning", .delivery = D_RECEIVED, .minutes = -1500},
    {BOB, "and to you", .delivery = D_DELIVERED, .minutes = -1499, .ours = 1},
    {BOB,
     "shall we meet at the station? the train of nine is the one that "
     "everybody takes, so come early",
     .delivery = D_RECEIVED, .minutes = -9},
    {BOB, "see https://example.org/trains?from=here&to=there, it is late",
     .delivery = D_RECEIVED, .minutes = -8, .late = 30},
    {BOB, "that works", "shall we meet at the station?",
     .delivery = D_DELIVERED, .minutes = -7, .ours = 1},
    {BOB, "/me looks for the tickets", .delivery = D_STORED, .minutes = -6,
     .ours = 1},
    {BOB, "one\n\ttwo\nthree", .delivery = D_SENT, .minutes = -5, .ours = 1},
    {BOB, "this one waits", .delivery = D_QUEUED, .minutes = -4, .ours = 1},
    {BOB, "this one was too much", .error = "refused", .delivery = D_FAILED,
     .minutes = -3, .ours = 1},
    {BOB, "this one was not meant", .delivery = D_CANCELLED, .minutes = -2,
     .ours = 1},
    {BOB,
     "ana: \xe6\xbc\xa2\xe5\xad\x97, \xc3\xbc, \xe2\x9d\xa4\xef\xb8\x8f and a "
     "\033[31mred\033[0m",
     .delivery = D_RECEIVED, .minutes = -1},
};
enum { TALK = sizeof(talk) / sizeof(talk[0]) };

static void talks(struct tui *t)
{
	ready(t);
	people(t);
	opens(t, BOB);
	for (size_t i = 0; i < TALK; i++)
		says(t, &talk[i], (message_n)i + 1, 0);
}

static void lines(struct tui *t, message_n from, message_n to, int minute)
{
	char text[40];

	for (message_n n = from; n <= to; n++) {
		snprintf(text, sizeof(text), "line %lld.", (long long)n);
		struct said s = {BOB, text, .delivery = D_RECEIVED,
				 .minutes = minute};
		says(t, &s, n, 0);
	}
}

/* ---- the scenes ---- */

static void types(struct tui *t, const char *s)
{
	tui_focus(t, FOCUS_INPUT);
	edit_insert(t->edit, text_of(s));
	tui_whom(t);
}

static void key(struct tui *t, const char *name)
{
	struct key k = {.kind = KEY_NAMED};

	snprintf(k.name, sizeof(k.name), "%s", name);
	tui_key(t, &k);
}

static void start(struct tui *t)
{
	ready(t);
}

static void signs(struct tui *t)
{
	talks(t);
	model_pending(t->model, BOB, 1, "this one is not on our disk yet",
		      (struct uuid){0}, noon_ms);
	types(t, "and this is being written");
}

static void reply(struct tui *t)
{
	talks(t);
	t->view.selected = 3;
	key(t, "r");
	types(t, "at nine, then");
}

static void marker(struct tui *t)
{
	struct contact c = person(BOB, "bob");

	talks(t);
	tui_open(t, CAROL);
	lines(t, TALK + 1, TALK + 3, 1);
	c.unread = 3;
	c.read_upto = c.last = TALK;
	meets(t, &c);
	opens(t, BOB);
	for (size_t i = 0; i < TALK; i++)
		says(t, &talk[i], (message_n)i + 1, 0);
	lines(t, TALK + 1, TALK + 3, 1);
}

static void back(struct tui *t)
{
	talks(t);
	lines(t, TALK + 1, TALK + 80, 1);
	draw_all(t->draw, &t->view, t->model, t->edit);
	draw_scroll(t->draw, &t->view, t->model, -30);
	lines(t, TALK + 81, TALK + 83, 2);
}

static void request(struct tui *t)
{
	struct contact c = person(5, "mallory");
	struct said s = {5, "hello, it is me. Let me in!",
			 .delivery = D_REQUEST};

	talks(t);
	c.trust = TRUST_NEW;
	c.requests = 1;
	c.unread = 1;
	meets(t, &c);
	opens(t, 5);
	says(t, &s, 100, 0);
}

static void changed(struct tui *t)
{
	struct contact c = person(BOB, "bob");

	talks(t);
	c.changed = true;
	c.waiting = 1;
	meets(t, &c);
	tui_say(t, LEVEL_ERROR,
		"the key of %s CHANGED: compare the numbers (/info)", "bob");
}

static void help(struct tui *t)
{
	talks(t);
	tui_help(t);
}

static void outbox(struct tui *t)
{
	struct command cmd;
	uint64_t ref = 0;

	talks(t);
	model_ask_outbox(t->model);
	while (model_wants(t->model, &cmd))
		if (cmd.kind == CMD_OUTBOX)
			ref = cmd.ref;
	for (size_t i = 0; i < TALK; i++)
		if (talk[i].ours && talk[i].delivery != D_DELIVERED &&
		    talk[i].delivery != D_CANCELLED)
			says(t, &talk[i], (message_n)i + 1, ref);
	model_apply(t->model, &(struct event){.kind = EV_RESULT, .ref = ref});
	tui_outbox_list(t);
	key(t, "j");
}

static void found(struct tui *t)
{
	struct message m;

	talks(t);
	tui_find(t, text_of("the"), false);
	for (size_t i = TALK; i-- > 0;) {
		if (!strstr(talk[i].text, "the"))
			continue;
		m = message(&talk[i], (message_n)i + 1);
		tui_found(t, &m);
		message_end(&m);
	}
	tui_found_all(t, true, 1);
	key(t, "j");
}

static void growing(struct tui *t)
{
	talks(t);
	types(t, "it begins here, ");
	for (int i = 1; i <= 20; i++) {
		char s[32];
		snprintf(s, sizeof(s), "word %d %s", i, i % 8 ? "" : "\n");
		types(t, s);
	}
}

static void zoomed(struct tui *t)
{
	talks(t);
	t->view.selected = 5;
	key(t, "z");
}

static void ascii(struct tui *t)
{
	t->view.utf8 = false;
	t->view.color = false;
	signs(t);
}

static void peers(struct tui *t)
{
	talks(t);
	key(t, "Tab");
	key(t, "j");
}

/* ---- a picture ---- */

static wchar_t letter_at(int y, int x, attr_t *a, short *pair)
{
	wchar_t c[CCHARW_MAX + 1] = {0};
	cchar_t cell;

	mvin_wch(y, x, &cell);
	getcchar(&cell, c, a, pair, NULL);
	return c[0] ? c[0] : L' ';
}

static const char legend[] =
    "How it looks: d dim, o bold, r reverse, u underlined; D O U reversed;\n"
    "g good, b bad, w warning, l link, h searched for, digits: names;\n"
    "G B W L H and letters from N on: reversed\n";

static char look_of(attr_t a, short pair)
{
	static const char of[] = " dgbwlh", reversed[] = "rDGBWLH";
	bool r = a & A_REVERSE;

	if (pair >= PAIR_NAME)
		return (char)((r ? 'N' : '0') + pair - PAIR_NAME);
	if (pair != PAIR_NONE)
		return (r ? reversed : of)[pair];
	if (a & A_UNDERLINE)
		return r ? 'U' : 'u';
	if (a & A_BOLD)
		return r ? 'O' : 'o';
	if (a & A_DIM)
		return r ? 'D' : 'd';
	return r ? 'r' : ' ';
}

/* Blanks at the end of a row are nothing to see. */
static void row_end(struct buf *b)
{
	while (b->n && b->p[b->n - 1] == ' ')
		b->n--;
	buf_printf(b, "\n");
}

static void read_letters(struct buf *b, const struct view *v)
{
	attr_t a;
	short pair;

	for (int y = 0; y < v->rows; y++) {
		for (int x = 0; x < v->cols; x++) {
			wchar_t c = letter_at(y, x, &a, &pair);
			buf_printf(b, "%lc", (wint_t)c);
			x += wcwidth(c) > 1;
		}
		row_end(b);
	}
}

static void read_looks(struct buf *b, const struct view *v)
{
	attr_t a;
	short pair;

	for (int y = 0; y < v->rows; y++) {
		for (int x = 0; x < v->cols; x++) {
			letter_at(y, x, &a, &pair);
			buf_printf(b, "%c", look_of(a, pair));
		}
		row_end(b);
	}
}

static void picture(struct buf *b, void (*scene)(struct tui *), int rows,
		    int cols)
{
	static const struct config cfg;
	int y, x;
	struct tui t = {.cfg = &cfg, .pipe_fd = -1};

	resizeterm(rows, cols);
	erase();
	t.ref = (uint64_t)1 << MODEL_REFS_BIT;
	t.model = model_new();
	t.draw = draw_new();
	t.edit = edit_new();
	t.view = (struct view){.rows = rows,
			       .cols = cols,
			       .utf8 = true,
			       .color = true,
			       .still = true,
			       .names = theme_names(THEME_DARK, 256),
			       .focus = FOCUS_MESSAGES};
	scene(&t);
	t.view.card = model_complete(t.model) && !model_opened(t.model);
	draw_all(t.draw, &t.view, t.model, t.edit);
	getyx(curscr, y, x);
	buf_printf(b, "== %d x %d, the cursor at row %d, column %d\n", cols,
		   rows, y, x);
	read_letters(b, &t.view);
	buf_printf(b, "-- looks\n");
	read_looks(b, &t.view);
	for (size_t i = 0; i < t.n_draft; i++)
		buf_free(&t.draft[i].text);
	free(t.draft);
	free(t.found);
	buf_free(&t.over_text);
	rows_free(&t.over_rows);
	edit_free(t.edit);
	draw_free(t.draw);
	model_free(t.model);
}

/* ---- as it was ---- */

static bool writes(void)
{
	const char *how = getenv("SOTTO_GOLDEN");

	return how && strcmp(how, "write") == 0;
}

static void file_read(struct buf *b, const char *path)
{
	char part[4096];
	FILE *f = fopen(path, "r");
	size_t n;

	while (f && (n = fread(part, 1, sizeof(part), f)))
		buf_put(b, (struct bytes){(const uint8_t *)part, n});
	if (f)
		fclose(f);
}

static void file_write(const struct buf *b, const char *path)
{
	FILE *f = fopen(path, "w");

	if (!f || fwrite(b->p, 1, b->n, f) != b->n || fclose(f))
		fail_msg("%s: %s", path, strerror(errno));
}

static struct bytes line_of(const struct buf *b, size_t *at)
{
	struct bytes s = {b->p + *at, 0};

	while (*at + s.n < b->n && s.p[s.n] != '\n')
		s.n++;
	*at += s.n + (*at + s.n < b->n);
	return s;
}

/* Both are as many lines as the sizes have, so line stands by line. */
static void difference(const struct buf *was, const struct buf *is)
{
	size_t a = 0, b = 0, shown = 0;
	struct bytes size = {0};

	while ((a < was->n || b < is->n) && shown < 60) {
		struct bytes old = line_of(was, &a), new = line_of(is, &b);
		bool same = old.n == new.n &&
			    (!old.n || memcmp(old.p, new.p, old.n) == 0);
		if (new.n > 2 && memcmp(new.p, "== ", 3) == 0)
			size = new;
		if (same)
			continue;
		if (size.n)
			fprintf(stderr, "%.*s\n", (int)size.n, size.p);
		size.n = 0;
		fprintf(stderr, "- %.*s\n+ %.*s\n", (int)old.n, old.p,
			(int)new.n, new.p);
		shown++;
	}
}

static void expect(const char *name, void (*scene)(struct tui *))
{
	static const int size[][2] = {{24, 80}, {12, 40}, {5, 20}, {60, 200}};
	struct buf is = {0}, was = {0};
	char path[1024];
	bool same;

	snprintf(path, sizeof(path), "%s/ui/golden/%s.txt", TESTS_DIR, name);
	buf_printf(&is, "%s", legend);
	for (size_t i = 0; i < sizeof(size) / sizeof(size[0]); i++)
		picture(&is, scene, size[i][0], size[i][1]);
	if (writes())
		file_write(&is, path);
	file_read(&was, path);
	same = was.n == is.n && memcmp(was.p, is.p, is.n) == 0;
	if (!same) {
		fprintf(stderr, "%s is not as it was:\n", name);
		difference(&was, &is);
		fprintf(stderr, "if it shall be so: SOTTO_GOLDEN=write "
				"build/tests/test_golden\n");
	}
	buf_free(&is);
	buf_free(&was);
	assert_true(same);
}

#define SCENE(name)                                                            \
	static void name##__looks_as_it_did(void **state)                      \
	{                                                                      \
		(void)state;                                                   \
		expect(#name, name);                                           \
	}
SCENE(start)
SCENE(signs)
SCENE(reply)
SCENE(marker)
SCENE(back)
SCENE(request)
SCENE(changed)
SCENE(help)
SCENE(outbox)
SCENE(found)
SCENE(growing)
SCENE(zoomed)
SCENE(ascii)
SCENE(peers)

static int begin(void **state)
{
	FILE *null = fopen("/dev/null", "r+");

	*state = null ? newterm("xterm-256color", null, null) : NULL;
	typeahead(-1);
	return *state && theme_start(THEME_DARK) ? 0 : -1;
}

static int end(void **state)
{
	endwin();
	delscreen(*state);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(start__looks_as_it_did),
	    cmocka_unit_test(signs__looks_as_it_did),
	    cmocka_unit_test(reply__looks_as_it_did),
	    cmocka_unit_test(marker__looks_as_it_did),
	    cmocka_unit_test(back__looks_as_it_did),
	    cmocka_unit_test(request__looks_as_it_did),
	    cmocka_unit_test(changed__looks_as_it_did),
	    cmocka_unit_test(help__looks_as_it_did),
	    cmocka_unit_test(outbox__looks_as_it_did),
	    cmocka_unit_test(found__looks_as_it_did),
	    cmocka_unit_test(growing__looks_as_it_did),
	    cmocka_unit_test(zoomed__looks_as_it_did),
	    cmocka_unit_test(ascii__looks_as_it_did),
	    cmocka_unit_test(peers__looks_as_it_did),
	};

	setenv("LC_ALL", "C.UTF-8", 1);
	setenv("TZ", "UTC", 1);
	setlocale(LC_ALL, "");
	return cmocka_run_group_tests(tests, begin, end);
}
