/* Every key of key_rows in the real program, in the focus it belongs to. */
#include "tests/ui/world.h"
#include "ui/command.h"
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

/* ---- which keys were pressed ---- */

enum where { LINE, LIST };
enum { PRESSED_MOST = 2000 };
static char pressed[2][PRESSED_MOST]; /* " Alt-r Ctrl-N ", in this test */

static bool among(const char *keys, const char *key)
{
	size_t n = strlen(key);

	for (const char *p = keys; *p; p += strspn(p, " ")) {
		size_t len = strcspn(p, " ");
		if (len == n && memcmp(p, key, n) == 0)
			return true;
		p += len;
	}
	return false;
}

static void press(struct world *w, enum where where, const char *name)
{
	char *all = pressed[where];

	assert_int_not_equal(key_action(name, where == LINE), ACT_NONE);
	if (!among(all, name) &&
	    strlen(all) + strlen(name) + 2 < PRESSED_MOST) {
		strcat(all, " ");
		strcat(all, name);
	}
	screen_key(w->s, name);
}

static void line(struct world *w, const char *name)
{
	press(w, LINE, name);
}

static void list(struct world *w, const char *name)
{
	press(w, LIST, name);
}

/* From the line to the messages. The next key must not come at once: Esc and a
 * key in one go are Alt and that key. */
static void leave(struct world *w)
{
	expect_gone(w->s, "i write");
	line(w, "Esc");
	expect_row(w->s, -1, "i write");
}

/* A list or a text that stands in the place of the messages. */
static void shut(struct world *w)
{
	expect_row(w->s, -1, "Esc close");
	list(w, "Esc");
	expect_gone(w->s, "Esc close");
}

static void write_again(struct world *w)
{
	list(w, "i");
	expect_gone(w->s, "i write");
}

/* The line holds that, and the cursor stands before the column. */
static void holds(struct world *w, const char *text, int col)
{
	char row[200];

	snprintf(row, sizeof(row), " to bob>%s%s", *text ? " " : "", text);
	expect_whole(w->s, -2, row);
	expect_cursor(w->s, -2, 9 + col);
}

static void fill(struct world *w, const char *text)
{
	line(w, "Ctrl-E");
	line(w, "Ctrl-U");
	holds(w, "", 0);
	screen_type(w->s, text);
	holds(w, text, (int)strlen(text));
}

/* ---- going about ---- */

static void conversations__are_a_key_away(void **state)
{
	struct world *w = *state;
	char key[16], prompt[32];

	world_met(w);
	world_others(w, 8);
	for (int list_too = 0; list_too < 2; list_too++) {
		enum where in = list_too ? LIST : LINE;
		press(w, in, "Ctrl-N");
		expect_row(w->s, -2, " to 127.0.0.1:1>");
		press(w, in, "Ctrl-N");
		expect_row(w->s, -2, " to 127.0.0.1:2>");
		press(w, in, "Ctrl-P");
		expect_row(w->s, -2, " to 127.0.0.1:1>");
		for (int i = 9; i > 0; i--) {
			snprintf(key, sizeof(key), "Alt-%d", i);
			press(w, in, key);
			snprintf(prompt, sizeof(prompt), " to 127.0.0.1:%d>",
				 i - 1);
			expect_row(w->s, -2, i == 1 ? " to bob>" : prompt);
		}
		press(w, in, "Alt-/");
		expect_row(w->s, -2, " to 127.0.0.1:1>");
		press(w, in, "Alt-/");
		expect_row(w->s, -2, " to bob>");
		if (list_too)
			break;
		line(w, "Alt-Down");
		expect_row(w->s, -2, " to 127.0.0.1:1>");
		line(w, "Alt-Up");
		expect_row(w->s, -2, " to bob>");
		line(w, "Ctrl-P");
		expect_row(w->s, -2, " to 127.0.0.1:8>");
		line(w, "Ctrl-N");
		expect_row(w->s, -2, " to bob>");
		leave(w);
	}
}

static void unread__is_a_key_away(void **state)
{
	struct world *w = *state;

	world_met(w);
	world_others(w, 1);
	for (int list_too = 0; list_too < 2; list_too++) {
		enum where in = list_too ? LIST : LINE;
		press(w, in, "Alt-2");
		expect_row(w->s, -2, " to 127.0.0.1:1>");
		world_lines(w, 1, 60);
		expect_row(w->s, -1, "60 unread");
		press(w, in, "Alt-a");
		expect_row(w->s, -2, " to bob>");
		expect_row(w->s, 20, "line 60.");
		press(w, in, "Alt-u");
		expect_row(w->s, 2, "─ new ─");
		expect_row(w->s, 3, "line 1.");
		press(w, in, "Alt->");
		expect_row(w->s, 20, "line 60.");
		expect_gone(w->s, "60 unread");
		press(w, in, "Alt-a");
		expect_row(w->s, -1, "nothing unread");
		if (!list_too)
			leave(w);
	}
}

static void reply__goes_to_whom_it_says(void **state)
{
	struct world *w = *state;
	struct peer carla;

	world_met(w);
	world_say(w, "from bob");
	expect_text(w->s, "from bob");
	peer_start(&carla, w->home, "carla", 0);
	world_say_from(w, &carla, "from carla");
	expect_row(w->s, -1, "reply to carla \"from carla\"");
	line(w, "Alt-r");
	expect_row(w->s, -2, " to carla>");
	expect_row(w->s, -3, "↩ from carla");
	line(w, "Alt-r");
	expect_row(w->s, -2, " to bob>");
	expect_row(w->s, -3, "↩ from bob");
	/* no answer after all */
	line(w, "Backspace");
	expect_row(w->s, -1, "Alt-r reply to carla");
	line(w, "Alt-r");
	expect_row(w->s, -2, " to carla>");
	screen_type(w->s, "yes, carla");
	line(w, "Enter");
	peer_expect(&carla, "\"original\":\"from carla\"");
	expect_row(w->s, -1, "Alt-r reply to bob");
	leave(w);
	expect_row(w->s, -1, " r reply to bob");
	list(w, "r");
	expect_row(w->s, -2, " to bob>");
	expect_row(w->s, -3, "↩ from bob");
	line(w, "Backspace");
	world_say(w, "and more");
	expect_text(w->s, "and more");
	leave(w);
	list(w, "k");
	expect_look(w->s, "and more", LOOK_REVERSE);
	list(w, "k");
	expect_look(w->s, "from bob", LOOK_REVERSE);
	list(w, "r");
	expect_row(w->s, -3, "↩ from bob");
	screen_type(w->s, "to the first");
	line(w, "Enter");
	peer_expect(&w->bob, "\"original\":\"from bob\"");
	peer_stop(&carla);
}

/* ---- up and down ---- */

static void pages__turn(void **state)
{
	struct world *w = *state;

	world_met(w);
	world_lines(w, 1, 60);
	expect_row(w->s, 20, "line 60.");
	for (int list_too = 0; list_too < 2; list_too++) {
		enum where in = list_too ? LIST : LINE;
		press(w, in, "PgUp");
		expect_row(w->s, 20, "line 42.");
		press(w, in, "PgUp");
		expect_row(w->s, 20, "line 24.");
		press(w, in, "PgDn");
		expect_row(w->s, 20, "line 42.");
		press(w, in, "Alt-<");
		expect_row(w->s, 3, "hello there");
		press(w, in, "Alt->");
		expect_row(w->s, 20, "line 60.");
		if (!list_too)
			leave(w);
	}
	list(w, "g");
	expect_row(w->s, 3, "hello there");
	list(w, "G");
	expect_row(w->s, 20, "line 60.");
	list(w, "Home");
	expect_row(w->s, 3, "hello there");
	list(w, "End");
	expect_row(w->s, 20, "line 60.");
}

static void lists__are_walked(void **state)
{
	struct world *w = *state;

	world_met(w);
	world_others(w, 2);
	world_lines(w, 1, 3);
	expect_row(w->s, 20, "line 3.");
	leave(w);
	list(w, "k");
	expect_look(w->s, "line 3.", LOOK_REVERSE);
	expect_cursor(w->s, 20, 24);
	list(w, "Up");
	expect_look(w->s, "line 2.", LOOK_REVERSE);
	list(w, "k");
	expect_look(w->s, "line 1.", LOOK_REVERSE);
	list(w, "j");
	expect_look(w->s, "line 2.", LOOK_REVERSE);
	list(w, "Down");
	expect_look(w->s, "line 3.", LOOK_REVERSE);
	/* the peers, and one of them opened */
	list(w, "Tab");
	expect_look(w->s, "bob   ", LOOK_REVERSE);
	list(w, "j");
	expect_look(w->s, "127.0.0.1:1", LOOK_REVERSE);
	list(w, "Down");
	expect_look(w->s, "127.0.0.1:2", LOOK_REVERSE);
	list(w, "k");
	expect_look(w->s, "127.0.0.1:1", LOOK_REVERSE);
	list(w, "Enter");
	expect_row(w->s, -2, " to 127.0.0.1:1>");
	expect_row(w->s, -1, "Alt-a next unread");
	leave(w);
	list(w, "Shift-Tab");
	expect_look(w->s, "127.0.0.1:1", LOOK_REVERSE);
	list(w, "Up");
	expect_look(w->s, "bob   ", LOOK_REVERSE);
	list(w, "Shift-Tab");
	expect_row(w->s, -1, "j/k select");
	/* Enter in the messages writes */
	list(w, "Enter");
	screen_type(w->s, "jk");
	expect_whole(w->s, -2, " to 127.0.0.1:1> jk");
	line(w, "Ctrl-C");
	/* a text that is read */
	line(w, "F1");
	expect_row(w->s, 2, "Everywhere");
	list(w, "j");
	expect_row(w->s, 2, "Alt-1 to Alt-9");
	list(w, "k");
	expect_row(w->s, 2, "Everywhere");
	list(w, "PgDn");
	expect_row(w->s, 2, "Ctrl-S");
	list(w, "G");
	expect_row(w->s, 20, "/private");
	list(w, "g");
	expect_row(w->s, 2, "Everywhere");
	shut(w);
	expect_row(w->s, -1, "Alt-a next unread");
}

static void zoom__is_there_and_back(void **state)
{
	static const char *const keys[] = {"F2", "Alt-z", "z"};
	struct world *w = *state;

	world_met(w);
	for (int i = 0; i < 5; i++) {
		enum where in = i < 2 ? LINE : LIST;
		const char *key = keys[i < 2 ? i : i - 2];
		if (i == 2)
			leave(w);
		press(w, in, key);
		expect_gone(w->s, "│");
		expect_row(w->s, -1, "F2 back");
		expect_text(w->s, "hello there");
		press(w, in, key);
		expect_row(w->s, 0, "sotto");
		expect_row(w->s, 2, "│");
	}
}

static void help__opens_and_closes(void **state)
{
	static const char *const keys[] = {"F1", "F1", "?"};
	struct world *w = *state;

	world_met(w);
	for (int i = 0; i < 3; i++) {
		if (i == 1)
			leave(w);
		press(w, i ? LIST : LINE, keys[i]);
		expect_row(w->s, 1, "Help");
		expect_text(w->s, "answer the last sender; again");
		list(w, i == 1 ? "q" : "Esc");
		expect_gone(w->s, "answer the last sender; again");
		expect_row(w->s, -1, i ? "i write" : "F1 help");
	}
}

/* ---- beginning to write ---- */

static void commands__begin_with_a_key(void **state)
{
	struct world *w = *state;

	world_met(w);
	world_say(w, "a red fox");
	world_say(w, "a brown fox");
	expect_text(w->s, "brown fox");
	leave(w);
	list(w, ":");
	expect_whole(w->s, -2, " to bob> /");
	line(w, "Ctrl-C");
	holds(w, "", 0);
	line(w, "Ctrl-S");
	expect_row(w->s, -2, "/find ");
	line(w, "Ctrl-C");
	leave(w);
	list(w, "Ctrl-S");
	expect_row(w->s, -2, "/find ");
	line(w, "Ctrl-C");
	leave(w);
	list(w, "/");
	expect_row(w->s, -2, "/find ");
	screen_type(w->s, "fox");
	line(w, "Enter");
	expect_row(w->s, 1, "Found here: fox");
	expect_look(w->s, "bob: a brown fox", LOOK_REVERSE);
	list(w, "j");
	expect_look(w->s, "bob: a red fox", LOOK_REVERSE);
	list(w, "Tab");
	expect_row(w->s, 1, "Found: fox");
	list(w, "Shift-Tab");
	expect_row(w->s, 1, "Found here: fox");
	list(w, "Enter");
	expect_row(w->s, -1, "1 of 2");
	expect_look(w->s, "a brown ", LOOK_REVERSE);
	list(w, "n");
	expect_row(w->s, -1, "2 of 2");
	expect_look(w->s, "a red ", LOOK_REVERSE);
	list(w, "n");
	expect_row(w->s, -1, "no more of it");
	list(w, "N");
	expect_row(w->s, -1, "1 of 2");
	expect_look(w->s, "a brown ", LOOK_REVERSE);
	list(w, "N");
	expect_row(w->s, -1, "no more of it");
	/* a program's name is asked for */
	list(w, "|");
	expect_row(w->s, -2, "/pipe ");
	screen_type(w->s, "tr a-z A-Z");
	line(w, "Enter");
	expect_row(w->s, 1, "tr a-z A-Z");
	expect_row(w->s, 2, "A BROWN FOX");
	shut(w);
}

static void escape__leaves_one_thing_at_a_time(void **state)
{
	struct world *w = *state;

	world_met(w);
	screen_type(w->s, "draft");
	holds(w, "draft", 5);
	leave(w);
	list(w, "k");
	expect_look(w->s, "hello there", LOOK_REVERSE);
	list(w, "Esc");
	expect_look(w->s, "hello there", 0);
	/* cleared from here, too, and kept */
	list(w, "Ctrl-C");
	expect_whole(w->s, -2, " to bob>");
	write_again(w);
	line(w, "Ctrl-Y");
	holds(w, "draft", 5);
	line(w, "Ctrl-C");
	holds(w, "", 0);
	line(w, "Ctrl-C");
	expect_row(w->s, -1, "Ctrl-Q quits");
	line(w, "Ctrl-Y");
	holds(w, "draft", 5);
}

static void completion__goes_round(void **state)
{
	struct world *w = *state;

	world_met(w);
	screen_type(w->s, "/pr");
	line(w, "Tab");
	holds(w, "/private", 9);
	fill(w, "/ver");
	line(w, "Tab");
	holds(w, "/verify", 8);
	screen_type(w->s, "b");
	line(w, "Tab");
	holds(w, "/verify bob", 12);
	fill(w, "/s");
	line(w, "Tab");
	holds(w, "/send", 6);
	line(w, "Tab");
	holds(w, "/set", 5);
	line(w, "Tab");
	holds(w, "/send", 6);
	line(w, "Shift-Tab");
	holds(w, "/set", 5);
	fill(w, "");
	world_say(w, "well?");
	expect_text(w->s, "well?");
	line(w, "Tab");
	holds(w, "/msg bob", 9);
}

static void line__has_more_rows(void **state)
{
	struct world *w = *state;

	world_met(w);
	screen_type(w->s, "one");
	line(w, "Alt-Enter");
	screen_type(w->s, "two");
	expect_whole(w->s, -3, " to bob> one");
	expect_whole(w->s, -2, "         two");
	line(w, "Ctrl-J");
	screen_type(w->s, "three");
	expect_whole(w->s, -4, " to bob> one");
	line(w, "Enter");
	peer_expect(&w->bob, "\"text\":\"one\\ntwo\\nthree\"");
	holds(w, "", 0);
	/* a key as it is */
	screen_type(w->s, "a");
	line(w, "Ctrl-V");
	screen_key(w->s, "Tab");
	screen_type(w->s, "b");
	line(w, "Enter");
	peer_expect(&w->bob, "\"text\":\"a\\tb\"");
}

/* ---- editing ---- */

static void cursor__moves(void **state)
{
	static const struct {
		const char *key;
		int col;
	} step[] = {
	    {"Ctrl-A", 0},     {"Ctrl-E", 13},    {"Home", 0},
	    {"End", 13},       {"Ctrl-B", 12},    {"Left", 11},
	    {"Ctrl-F", 12},    {"Right", 13},     {"Alt-b", 8},
	    {"Ctrl-Left", 4},  {"Alt-Left", 0},   {"Alt-f", 3},
	    {"Ctrl-Right", 7}, {"Alt-Right", 13},
	};
	struct world *w = *state;

	world_met(w);
	fill(w, "one two three");
	for (size_t i = 0; i < sizeof(step) / sizeof(step[0]); i++) {
		line(w, step[i].key);
		holds(w, "one two three", step[i].col);
	}
}

static void cut__and_put_back(void **state)
{
	struct world *w = *state;

	world_met(w);
	fill(w, "one two");
	line(w, "Backspace");
	holds(w, "one tw", 6);
	line(w, "Ctrl-H");
	holds(w, "one t", 5);
	line(w, "Ctrl-A");
	line(w, "Ctrl-D");
	holds(w, "ne t", 0);
	line(w, "Delete");
	holds(w, "e t", 0);
	line(w, "Ctrl-_");
	holds(w, "ne t", 0);
	fill(w, "see a/b now");
	line(w, "Alt-b");
	holds(w, "see a/b now", 8);
	line(w, "Ctrl-W"); /* back to a blank */
	holds(w, "see now", 4);
	line(w, "Ctrl-Y");
	holds(w, "see a/b now", 8);
	line(w, "Left");
	line(w, "Alt-Backspace"); /* a word alone */
	holds(w, "see a/ now", 6);
	line(w, "Ctrl-Y");
	holds(w, "see a/b now", 7);
	line(w, "Alt-y");
	holds(w, "see a/a/b  now", 10);
	fill(w, "one two three");
	line(w, "Home");
	line(w, "Alt-d");
	holds(w, " two three", 0);
	line(w, "Alt-f");
	holds(w, " two three", 4);
	line(w, "Ctrl-K");
	holds(w, " two", 4);
	line(w, "Ctrl-U");
	holds(w, "", 0);
	line(w, "Ctrl-Y"); /* one cut after the other is one */
	holds(w, " two three", 10);
	fill(w, "ab");
	line(w, "Ctrl-T");
	holds(w, "ba", 2);
	line(w, "Ctrl-D"); /* at the end: nothing, and no end of the program */
	screen_type(w->s, "c");
	holds(w, "bac", 3);
}

static void sent__comes_back(void **state)
{
	struct world *w = *state;

	world_met(w);
	fill(w, "first one");
	line(w, "Enter");
	peer_expect(&w->bob, "\"text\":\"first one\"");
	fill(w, "second two");
	line(w, "Enter");
	peer_expect(&w->bob, "\"text\":\"second two\"");
	fill(w, "draft");
	line(w, "Up");
	holds(w, "second two", 10);
	line(w, "Up");
	holds(w, "first one", 9);
	line(w, "Down");
	holds(w, "second two", 10);
	line(w, "Down");
	holds(w, "draft", 5);
	fill(w, "irs");
	line(w, "Ctrl-R");
	expect_row(w->s, -2, " to bob> first one");
	line(w, "Ctrl-E");
	line(w, "Enter");
	expect_row(w->s, 20, "first one");
	/* what was written is not lost for it */
	holds(w, "irs", 3);
}

static void editor__has_the_line(void **state)
{
	struct world *w = *state;
	char path[256], env[300];
	const char *const more[] = {env, NULL};

	world_script(w, "editor",
		     "cat \"$1\" >$0.saw; printf '\\nand more\\n' >>\"$1\"",
		     path);
	snprintf(env, sizeof(env), "EDITOR=%s", path);
	world_met(w);
	world_again(w, 24, 80, more);
	expect_row(w->s, -2, " to bob>");
	write_again(w);
	fill(w, "half");
	line(w, "Ctrl-X+Ctrl-E");
	expect_row(w->s, -3, " to bob> half");
	expect_whole(w->s, -2, "         and more");
	world_expect_file(w, "editor.saw", "half");
	line(w, "Enter");
	peer_expect(&w->bob, "\"text\":\"half\\nand more\"");
}

/* ---- what is done with a message ---- */

static void message__is_looked_at(void **state)
{
	struct world *w = *state;
	char path[256], env[300];
	const char *const more[] = {env, NULL};

	world_script(w, "browser", "echo \"$1\" >$0.saw", path);
	snprintf(env, sizeof(env), "BROWSER=%s", path);
	world_met(w);
	world_again(w, 24, 80, more);
	expect_text(w->s, "hello there");
	world_say(w, "look: https://example.org/a");
	expect_text(w->s, "example.org");
	/* of a conversation the key, of a message what became of it */
	list(w, "d");
	expect_text(w->s, "Calls itself  bob");
	shut(w);
	expect_text(w->s, "hello there");
	list(w, "k");
	list(w, "k");
	expect_look(w->s, "hello there", LOOK_REVERSE);
	list(w, "d");
	expect_text(w->s, "State     delivered");
	shut(w);
	expect_look(w->s, "hello there", LOOK_REVERSE);
	list(w, "y");
	expect_row(w->s, -1, "copied");
	expect_told(w->s, "52;c;aGVsbG8gdGhlcmU=");
	list(w, "Esc");
	expect_look(w->s, "hello there", 0);
	list(w, "u");
	world_expect_file(w, "browser.saw", "https://example.org/a\n");
	/* what it answers */
	list(w, "r");
	screen_type(w->s, "I see");
	line(w, "Enter");
	expect_text(w->s, "┆ look");
	leave(w);
	list(w, "k");
	expect_look(w->s, "I see", LOOK_REVERSE);
	list(w, "p");
	expect_look(w->s, "look: ", LOOK_REVERSE);
	list(w, "p");
	expect_row(w->s, -1, "it answers nothing");
}

static void waiting__can_be_taken_back(void **state)
{
	struct world *w = *state;

	world_met(w);
	peer_stop(&w->bob);
	expect_text(w->s, "○ bob");
	fill(w, "first");
	line(w, "Enter");
	fill(w, "second");
	line(w, "Enter");
	fill(w, "third");
	line(w, "Enter");
	expect_row(w->s, 0, "3 waiting");
	expect_row(w->s, 20, "…"); /* on the disk, no more */
	leave(w);
	list(w, "k");
	expect_look(w->s, "third", LOOK_REVERSE);
	list(w, "e");
	holds(w, "third", 5);
	expect_row(w->s, 0, "2 waiting");
	line(w, "Ctrl-U");
	leave(w);
	list(w, "k");
	list(w, "k");
	list(w, "k");
	expect_look(w->s, "first", LOOK_REVERSE);
	list(w, "x");
	expect_row(w->s, 0, "1 waiting");
	list(w, "Esc");
	expect_row(w->s, -1, "i write");
	list(w, "o");
	expect_row(w->s, 1, "Outbox");
	expect_row(w->s, 2, "\"second\"");
	expect_gone(w->s, "\"first\"");
	list(w, "x");
	expect_row(w->s, 2, "nothing waits");
	expect_row(w->s, -1, "not sent");
	list(w, "Esc");
	expect_text(w->s, "hello there");
	peer_start(&w->bob, w->home, "bob", w->bob.port);
}

static void refused__is_sent_again(void **state)
{
	struct world *w = *state;

	world_met(w);
	peer_say(&w->bob, "{\"cmd\":\"block\",\"ref\":\"b\",\"peer\":\"ana\"}");
	peer_expect(&w->bob, "\"ref\":\"b\"");
	fill(w, "again, please");
	line(w, "Enter");
	expect_text(w->s, "✗");
	peer_say(&w->bob,
		 "{\"cmd\":\"unblock\",\"ref\":\"u\",\"peer\":\"ana\"}");
	peer_expect(&w->bob, "\"ref\":\"u\"");
	leave(w);
	list(w, "k");
	expect_look(w->s, "again, please", LOOK_REVERSE);
	expect_row(w->s, -1, "R send again");
	list(w, "R");
	peer_expect(&w->bob, "\"text\":\"again, please\"");
	expect_gone(w->s, "✗");
}

static void strangers__are_answered_with_a_key(void **state)
{
	struct world *w = *state;
	struct peer carla;

	world_connect(w);
	screen_type(w->s, "hello there\r");
	peer_expect(&w->bob, "hello there");
	peer_start(&carla, w->home, "carla", 0);
	world_say_from(w, &carla, "who are you?");
	expect_text(w->s, "asks");
	line(w, "Alt-a");
	expect_text(w->s, "who are you?");
	leave(w);
	list(w, "b");
	expect_row(w->s, -1, "blocked: carla");
	expect_row(w->s, 2, "Blocked: ");
	screen_type(w->s, ":unblock\r");
	expect_row(w->s, 2, "? A stranger asks.");
	leave(w);
	list(w, "a");
	expect_row(w->s, -1, "accepted: carla");
	expect_gone(w->s, "asks");
	list(w, "b");
	expect_row(w->s, -1, "nobody asks here");
	peer_stop(&carla);
}

/* ---- the screen itself ---- */

static void picture__is_drawn_again(void **state)
{
	struct world *w = *state;

	world_met(w);
	for (int i = 0; i < 2; i++) {
		screen_scribble(w->s, 10, "Broadcast message");
		assert_true(screen_has(w->s, "Broadcast"));
		press(w, i ? LIST : LINE, "Ctrl-L");
		expect_gone(w->s, "Broadcast");
		expect_text(w->s, "hello there");
		if (!i)
			leave(w);
	}
}

static void shell__has_it_for_a_while(void **state)
{
	struct world *w = *state;

	world_met(w);
	screen_key(w->s, "Ctrl-Q");
	screen_end(w->s);
	screen_free(w->s);
	w->s = world_ana(w, 24, 80,
			 "set -m; \"$0\" \"$@\"; echo stopped 1; read x; fg; "
			 "echo stopped 2; read x; fg; echo ended; read x");
	expect_text(w->s, "hello there");
	write_again(w);
	screen_type(w->s, "draft");
	holds(w, "draft", 5);
	line(w, "Ctrl-Z");
	expect_text(w->s, "stopped 1");
	expect_sane(w->s);
	screen_type(w->s, "\n");
	holds(w, "draft", 5);
	expect_text(w->s, "hello there");
	leave(w);
	list(w, "Ctrl-Z");
	expect_text(w->s, "stopped 2");
	expect_sane(w->s);
	screen_type(w->s, "\n");
	expect_text(w->s, "hello there");
	write_again(w);
	screen_type(w->s, "s");
	holds(w, "drafts", 6);
	line(w, "Ctrl-Q");
	expect_text(w->s, "ended");
	screen_type(w->s, "\n");
	screen_end(w->s);
}

static void end__is_a_key_away(void **state)
{
	struct world *w = *state;

	world_met(w);
	for (int i = 0; i < 3; i++) {
		if (i) {
			screen_free(w->s);
			w->s = world_ana(w, 24, 80, NULL);
			expect_text(w->s, "hello there");
		}
		press(w, i ? LIST : LINE, i == 2 ? "q" : "Ctrl-Q");
		int status = screen_end(w->s);
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
		expect_sane(w->s);
	}
}

/* ---- the tests, and the keys that each of them must have pressed ---- */

#define KEYS(f, line, list)                                                    \
	{                                                                      \
#f, f, false, line, list                                       \
	}
#define NTH "Alt-1 Alt-2 Alt-3 Alt-4 Alt-5 Alt-6 Alt-7 Alt-8 Alt-9 "

static const struct covered {
	const char *name;
	CMUnitTestFunction run;
	bool asking; /* strangers must be accepted */
	const char *line, *list;
} covered[] = {
    KEYS(conversations__are_a_key_away,
	 NTH "Ctrl-N Ctrl-P Alt-Down Alt-Up Alt-/", NTH "Ctrl-N Ctrl-P Alt-/"),
    KEYS(unread__is_a_key_away, "Alt-a Alt-u", "Alt-a Alt-u"),
    KEYS(reply__goes_to_whom_it_says, "Alt-r", "r"),
    KEYS(pages__turn, "PgUp PgDn Alt-< Alt->",
	 "PgUp PgDn Alt-< Alt-> g G Home End"),
    KEYS(lists__are_walked, "", "j k Up Down Tab Shift-Tab Enter"),
    KEYS(zoom__is_there_and_back, "F2 Alt-z", "F2 Alt-z z"),
    KEYS(help__opens_and_closes, "F1", "F1 ?"),
    KEYS(commands__begin_with_a_key, "Ctrl-S", ": Ctrl-S / n N |"),
    KEYS(escape__leaves_one_thing_at_a_time, "Esc Ctrl-C", "Esc Ctrl-C i"),
    KEYS(completion__goes_round, "Tab Shift-Tab", ""),
    KEYS(line__has_more_rows, "Alt-Enter Ctrl-J Ctrl-V Enter", ""),
    KEYS(cursor__moves,
	 "Ctrl-A Home Ctrl-E End Ctrl-B Left Ctrl-F Right Alt-b Ctrl-Left "
	 "Alt-Left Alt-f Ctrl-Right Alt-Right",
	 ""),
    KEYS(cut__and_put_back,
	 "Ctrl-D Delete Backspace Ctrl-H Ctrl-W Alt-Backspace Alt-d Ctrl-K "
	 "Ctrl-U Ctrl-Y Alt-y Ctrl-T Ctrl-_",
	 ""),
    KEYS(sent__comes_back, "Up Down Ctrl-R", ""),
    KEYS(editor__has_the_line, "Ctrl-X+Ctrl-E", ""),
    KEYS(message__is_looked_at, "", "d y u p"),
    KEYS(waiting__can_be_taken_back, "", "e x o"),
    KEYS(refused__is_sent_again, "", "R"),
    {"strangers__are_answered_with_a_key", strangers__are_answered_with_a_key,
     true, "", "a b"},
    KEYS(picture__is_drawn_again, "Ctrl-L", "Ctrl-L"),
    KEYS(shell__has_it_for_a_while, "Ctrl-Z", "Ctrl-Z"),
    KEYS(end__is_a_key_away, "Ctrl-Q", "Ctrl-Q q"),
};
enum { N_COVERED = sizeof(covered) / sizeof(covered[0]) };
static const struct covered *now; /* the one that runs */

/* Calls f with each of them; its answers are counted. */
static unsigned each(const char *keys, const char *where,
		     bool (*f)(const char *key, const void *arg),
		     const void *arg, const char *complaint)
{
	char key[32];
	unsigned bad = 0;

	for (const char *p = keys; *p; p += strspn(p, " ")) {
		size_t n = strcspn(p, " ");
		snprintf(key, sizeof(key), "%.*s", (int)n, p);
		p += n;
		if (!*key || f(key, arg))
			continue;
		print_error("%s (%s): %s\n", key, where, complaint);
		bad++;
	}
	return bad;
}

static bool was_pressed(const char *key, const void *all)
{
	return among(all, key);
}

static bool has_test(const char *key, const void *in_list)
{
	for (size_t i = 0; i < N_COVERED; i++)
		if (among(in_list ? covered[i].list : covered[i].line, key))
			return true;
	return false;
}

/* cmocka hands a row over as the first state. */
static int begin(void **state)
{
	now = *state;
	pressed[LINE][0] = pressed[LIST][0] = '\0';
	return now->asking ? world_begin_asking(state) : world_begin(state);
}

static int end(void **state)
{
	unsigned bad = each(now->line, now->name, was_pressed, pressed[LINE],
			    "not pressed in the line") +
		       each(now->list, now->name, was_pressed, pressed[LIST],
			    "not pressed in the lists");

	world_end(state);
	return bad ? 1 : 0;
}

static void table__is_covered(void **state)
{
	unsigned bad = 0;

	(void)state;
	for (const struct key_row *r = key_rows; r->help; r++) {
		bad += each(r->input, r->help, has_test, NULL, "no test: line");
		bad += each(r->list, r->help, has_test, r, "no test: lists");
	}
	assert_int_equal(bad, 0);
}

int main(void)
{
	struct CMUnitTest tests[N_COVERED + 1] = {0};

	for (size_t i = 0; i < N_COVERED; i++)
		tests[i] =
		    (struct CMUnitTest){covered[i].name, covered[i].run, begin,
					end, (void *)(uintptr_t)&covered[i]};
	tests[N_COVERED] =
	    (struct CMUnitTest)cmocka_unit_test(table__is_covered);
	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
