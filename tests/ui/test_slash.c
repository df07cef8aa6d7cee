/* Every row of command_rows in the real program, typed as a person does. */
#include "tests/ui/world.h"
#include "ui/command.h"
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- which commands were typed ---- */

static char typed[1000]; /* " help msg ", in this test */

static bool among(const char *words, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = words; *p; p += strspn(p, " ")) {
		size_t len = strcspn(p, " ");
		if (len == n && memcmp(p, word, n) == 0)
			return true;
		p += len;
	}
	return false;
}

/* From the line, which is empty. */
static void slash(struct world *w, const char *line)
{
	char name[32];

	assert_int_equal(line[0], '/');
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(line + 1, " "),
		 line + 1);
	if (strlen(typed) + strlen(name) + 2 < sizeof(typed)) {
		strcat(typed, " ");
		strcat(typed, name);
	}
	screen_type(w->s, line);
	screen_key(w->s, "Enter");
}

/* A list or a text that stands in the place of the messages: one is back in
 * the line behind it. */
static void shut(struct world *w)
{
	expect_row(w->s, -1, "Esc close");
	screen_key(w->s, "Esc");
	expect_gone(w->s, "Esc close");
}

static void connect_to(struct world *w, const struct peer *p, const char *how,
		       const char *behind)
{
	char line[100];

	snprintf(line, sizeof(line), "%s%d%s", how, p->port, behind);
	slash(w, line);
}

/* ---- whom one writes to ---- */

static void msg__opens_or_sends(struct world *w, const char *name)
{
	char line[64];

	screen_key(w->s, "Alt-2");
	expect_row(w->s, -2, " to 127.0.0.1:1>");
	snprintf(line, sizeof(line), "/%s bob by %s", name, name);
	slash(w, line);
	snprintf(line, sizeof(line), "\"text\":\"by %s\"", name);
	peer_expect(&w->bob, line);
	snprintf(line, sizeof(line), " to bob: by %s", name);
	expect_row(w->s, -1, line);
	expect_whole(w->s, -2, " to 127.0.0.1:1>");
	snprintf(line, sizeof(line), "/%s bob", name);
	slash(w, line);
	expect_whole(w->s, -2, " to bob>");
}

static void messages__go_to_whom_is_named(void **state)
{
	struct world *w = *state;
	struct peer carla;

	world_met(w);
	world_others(w, 1);
	msg__opens_or_sends(w, "msg");
	msg__opens_or_sends(w, "message");
	msg__opens_or_sends(w, "private");
	slash(w, "/msg");
	expect_row(w->s, -1, " /msg PEER [TEXT]: open a conversation");
	expect_whole(w->s, -2, " to bob> /msg");
	screen_key(w->s, "Ctrl-C");
	/* somebody who was never heard of, by address */
	peer_start(&carla, w->home, "carla", 0);
	connect_to(w, &carla, "/msg 127.0.0.1:", " hello you");
	peer_expect(&carla, "\"text\":\"hello you\"");
	expect_whole(w->s, -2, " to bob>");
	peer_stop(&carla);
}

static void reply__answers(void **state)
{
	struct world *w = *state;

	world_met(w);
	world_others(w, 1);
	slash(w, "/r too early");
	expect_row(w->s, -1, "nobody waits for an answer");
	screen_key(w->s, "Ctrl-C");
	world_say(w, "how are you?");
	expect_text(w->s, "how are you?");
	screen_key(w->s, "Alt-2");
	expect_row(w->s, -2, " to 127.0.0.1:1>");
	slash(w, "/r fine");
	peer_expect(&w->bob, "\"original\":\"how are you?\"");
	expect_row(w->s, -2, " to 127.0.0.1:1>");
	world_say(w, "and the dog?");
	expect_row(w->s, -1, "2 unread");
	slash(w, "/r");
	expect_row(w->s, -2, " to bob>");
	expect_text(w->s, "↩ and the dog?");
	screen_type(w->s, "asleep\r");
	peer_expect(&w->bob, "\"original\":\"and the dog?\"");
}

static void all__is_everybody_online(void **state)
{
	struct world *w = *state;
	struct peer carla;

	world_met(w);
	world_others(w, 1);
	peer_start(&carla, w->home, "carla", 0);
	connect_to(w, &carla, "/connect 127.0.0.1:", "");
	expect_row(w->s, -2, " to carla>");
	expect_row(w->s, 0, "2 online");
	slash(w, "/all lunch is ready");
	expect_row(w->s, -1, " sent to 2");
	peer_expect(&w->bob, "\"text\":\"lunch is ready\"");
	peer_expect(&carla, "\"text\":\"lunch is ready\"");
	slash(w, "/all");
	expect_row(w->s, -1, " /all TEXT: to everybody online");
	peer_stop(&carla);
}

static void send__is_text(void **state)
{
	struct world *w = *state;

	world_met(w);
	slash(w, "/send /quit is a command");
	peer_expect(&w->bob, "\"text\":\"/quit is a command\"");
	expect_row(w->s, 20, "/quit is a command");
	slash(w, "/me waves");
	peer_expect(&w->bob, "\"text\":\"/me waves\"");
	expect_row(w->s, 20, "* ana waves");
	screen_type(w->s, "//me too\r");
	peer_expect(&w->bob, "\"text\":\"/me too\"");
}

/* ---- who is there ---- */

static void connect__has_three_names(void **state)
{
	static const char *const how[] = {
	    "/connect 127.0.0.1:", "/chat 127.0.0.1 ", "/register 127.0.0.1 "};
	static const char *const nick[] = {"carla", "dora", "eve"};
	struct world *w = *state;
	struct peer p[3];
	char row[64];

	world_met(w);
	for (int i = 0; i < 3; i++) {
		peer_start(&p[i], w->home, nick[i], 0);
		connect_to(w, &p[i], how[i], "");
		snprintf(row, sizeof(row), " connected to %s", nick[i]);
		expect_row(w->s, -1, row);
		snprintf(row, sizeof(row), " to %s>", nick[i]);
		expect_row(w->s, -2, row);
	}
	expect_row(w->s, 0, "4 online");
	slash(w, "/connect 127.0.0.1:1");
	expect_row(w->s, -1, " 127.0.0.1:1: ");
	expect_row(w->s, -2, " to eve>");
	slash(w, "/chat 127.0.0.1");
	expect_row(w->s, -1, " /chat HOST PORT: ");
	screen_key(w->s, "Ctrl-C");
	slash(w, "/register 127.0.0.1");
	expect_row(w->s, -1, " /register HOST PORT: ");
	for (int i = 0; i < 3; i++)
		peer_stop(&p[i]);
}

static void lists__say_who_is_there(void **state)
{
	struct world *w = *state;
	char at[32];

	world_met(w);
	world_others(w, 1);
	snprintf(at, sizeof(at), "127.0.0.1:%d  pinned", w->bob.port);
	slash(w, "/peers");
	expect_row(w->s, 1, "Peers");
	expect_row(w->s, 2, "bob~");
	expect_row(w->s, 2, at);
	expect_row(w->s, 2, "online");
	expect_row(w->s, 3, "127.0.0.1:1  new  offline");
	shut(w);
	expect_row(w->s, -2, " to bob>");
	slash(w, "/who");
	expect_row(w->s, 1, "Online");
	expect_row(w->s, 2, "bob~");
	expect_gone(w->s, "127.0.0.1:1 ");
	shut(w);
	slash(w, "/block bob");
	expect_row(w->s, -1, " blocked: bob");
	slash(w, "/peers");
	expect_row(w->s, 2, "online  blocked");
	shut(w);
	peer_stop(&w->bob);
	expect_row(w->s, 0, "0 online");
	slash(w, "/who");
	expect_row(w->s, 2, "nobody is online");
	shut(w);
	peer_start(&w->bob, w->home, "bob", w->bob.port);
}

static void info__is_of_the_open_one_or_another(void **state)
{
	struct world *w = *state;
	char at[64];

	world_met(w);
	world_others(w, 1);
	snprintf(at, sizeof(at), "Address       127.0.0.1:%d", w->bob.port);
	slash(w, "/info");
	expect_text(w->s, "Calls itself  bob");
	expect_text(w->s, at);
	expect_text(w->s, "Key           pinned");
	expect_text(w->s, "Compare these numbers by voice");
	shut(w);
	slash(w, "/verify");
	expect_row(w->s, -1, " verified: bob");
	expect_row(w->s, 1, "verified");
	screen_key(w->s, "Alt-2");
	expect_row(w->s, -2, " to 127.0.0.1:1>");
	slash(w, "/info bob");
	expect_text(w->s, "Key           verified");
	shut(w);
	slash(w, "/info");
	expect_text(w->s, "Key           not seen yet");
	shut(w);
	slash(w, "/rename the box");
	expect_row(w->s, -1, " renamed: the box");
	expect_row(w->s, -2, " to the box>");
	slash(w, "/info the box");
	expect_text(w->s, "Name          the box");
	shut(w);
	slash(w, "/rename");
	expect_row(w->s, -1, " /rename NAME: your name for");
}

static void nick__is_heard_by_the_others(void **state)
{
	struct world *w = *state;

	world_met(w);
	slash(w, "/nick anna");
	expect_row(w->s, -1, " you are anna now; /set -s nickname keeps it");
	expect_row(w->s, 0, "anna~");
	peer_expect(&w->bob, "\"nick\":\"anna\"");
	slash(w, "/nick");
	expect_row(w->s, -1, " /nick NAME: your own name");
}

/* ---- consent ---- */

static void strangers__are_taken_or_not(void **state)
{
	struct world *w = *state;
	struct peer carla;

	world_connect(w);
	screen_type(w->s, "hello there\r");
	peer_expect(&w->bob, "hello there");
	peer_start(&carla, w->home, "carla", 0);
	world_say_from(w, &carla, "who are you?");
	expect_text(w->s, "asks");
	slash(w, "/block carla");
	expect_row(w->s, -1, " blocked: carla");
	expect_both(w->s, "carla", "blocked");
	slash(w, "/unblock carla");
	expect_row(w->s, -1, " not blocked: carla");
	expect_both(w->s, "carla", "asks");
	/* the open one, when nobody is named */
	slash(w, "/msg carla");
	expect_row(w->s, -2, " to carla>");
	expect_text(w->s, "who are you?");
	slash(w, "/block");
	expect_row(w->s, -1, " blocked: carla");
	slash(w, "/unblock");
	expect_row(w->s, -1, " not blocked: carla");
	slash(w, "/trust");
	expect_row(w->s, -1, " trusted: carla");
	expect_row(w->s, 1, "pinned");
	expect_gone(w->s, "asks");
	slash(w, "/verify carla");
	expect_row(w->s, -1, " verified: carla");
	slash(w, "/forget carla");
	expect_row(w->s, -1, "Enter again forgets carla");
	screen_key(w->s, "Enter");
	expect_row(w->s, -1, " forgotten: carla");
	expect_gone(w->s, "who are you?");
	slash(w, "/forget");
	expect_row(w->s, -1, " /forget PEER: remove them");
	peer_stop(&carla);
}

/* Somebody else answers at bob's address, under his name. */
static void another_key__must_be_trusted(void **state)
{
	struct world *w = *state;
	char path[256];

	world_met(w);
	peer_stop(&w->bob);
	expect_text(w->s, "○ bob");
	snprintf(path, sizeof(path), "%s/bob", w->home);
	folder_remove(strdup(path));
	peer_start(&w->bob, w->home, "bob", w->bob.port);
	slash(w, "/retry");
	screen_type(w->s, "are you the same?\r");
	expect_text(w->s, "! bob");
	expect_text(w->s, "key changed");
	assert_null(strstr(w->bob.text, "are you the same?"));
	slash(w, "/trust bob");
	expect_row(w->s, -1, " trusted: bob");
	peer_expect(&w->bob, "\"text\":\"are you the same?\"");
	/* it is a conversation of its own, and one is in it */
	expect_text(w->s, "○ bob");
	expect_text(w->s, "● bob");
	expect_row(w->s, 1, "online");
	expect_row(w->s, 20, "✓✓");
	screen_type(w->s, "I see\r");
	peer_expect(&w->bob, "\"text\":\"I see\"");
}

/* ---- what waits ---- */

static void outbox__is_seen_and_emptied(void **state)
{
	struct world *w = *state;

	world_met(w);
	slash(w, "/outbox");
	expect_row(w->s, 1, "Outbox");
	expect_row(w->s, 2, "nothing waits");
	shut(w);
	slash(w, "/cancel");
	expect_row(w->s, -1, "there is nothing to take back here");
	slash(w, "/retry");
	expect_row(w->s, -1, "there is nothing to send again here");
	peer_stop(&w->bob);
	expect_text(w->s, "○ bob");
	screen_type(w->s, "one\r");
	screen_type(w->s, "two\r");
	expect_row(w->s, 0, "2 waiting");
	slash(w, "/outbox");
	expect_row(w->s, 2, "queued");
	expect_row(w->s, 2, "\"one\"  offline");
	expect_row(w->s, 3, "\"two\"  offline");
	shut(w);
	slash(w, "/cancel");
	expect_gone(w->s, "waiting");
	peer_start(&w->bob, w->home, "bob", w->bob.port);
	peer_say(&w->bob, "{\"cmd\":\"block\",\"ref\":\"b\",\"peer\":\"ana\"}");
	peer_expect(&w->bob, "\"ref\":\"b\"");
	screen_type(w->s, "three\r");
	expect_row(w->s, 20, "✗");
	peer_say(&w->bob,
		 "{\"cmd\":\"unblock\",\"ref\":\"u\",\"peer\":\"ana\"}");
	peer_expect(&w->bob, "\"ref\":\"u\"");
	slash(w, "/retry");
	peer_expect(&w->bob, "\"text\":\"three\"");
	expect_gone(w->s, "✗");
	assert_null(strstr(w->bob.text, "\"text\":\"one\""));
}

/* ---- what was said ---- */

static void find__lists_and_goes_there(void **state)
{
	struct world *w = *state;

	world_met(w);
	world_say(w, "a red fox");
	world_say(w, "a brown dog");
	expect_text(w->s, "brown dog");
	slash(w, "/find RED f");
	expect_row(w->s, 1, "Found here: RED f");
	expect_row(w->s, 2, "bob: a red fox");
	expect_gone(w->s, "brown dog");
	screen_key(w->s, "Enter");
	expect_row(w->s, -1, "1 of 1");
	screen_key(w->s, "i");
	slash(w, "/find");
	expect_row(w->s, -1, " /find WORDS: search");
}

static void pipe__gives_the_newest(void **state)
{
	struct world *w = *state;

	world_met(w);
	slash(w, "/pipe tr a-z A-Z");
	expect_row(w->s, 1, "tr a-z A-Z");
	expect_whole(w->s, 2, " HELLO THERE");
	shut(w);
	slash(w, "/pipe");
	expect_row(w->s, -1, " /pipe CMD: give the selected");
}

static void export__writes_a_file(void **state)
{
	struct world *w = *state;
	char line[300];

	world_met(w);
	world_say(w, "two\\nrows");
	expect_text(w->s, "rows");
	snprintf(line, sizeof(line), "/export %s/talk.txt", w->home);
	slash(w, line);
	expect_row(w->s, -1, " written: 2 messages");
	slash(w, line);
	expect_row(w->s, -1, "File exists");
	screen_key(w->s, "Ctrl-C");
	slash(w, "/export");
	expect_row(w->s, -1, " /export FILE: write this");
}

/* ---- the program ---- */

static void help__has_every_command(void **state)
{
	struct world *w = *state;
	char head[64];

	world_met(w);
	screen_resize(w->s, 140, 100);
	expect_row(w->s, 138, " to bob>");
	slash(w, "/help");
	for (const struct slash_row *r = command_rows; r->name; r++) {
		snprintf(head, sizeof(head), "  /%s%s%s  ", r->name,
			 *r->args ? " " : "", r->args);
		expect_text(w->s, head);
		expect_text(w->s, r->help);
	}
	for (const struct key_row *r = key_rows; r->help; r++)
		expect_text(w->s, r->help);
}

static void web__shows_a_link(void **state)
{
	struct world *w = *state;

	world_met(w);
	slash(w, "/web");
	if (access(SOTTO_PATH "-web", X_OK)) {
		expect_row(w->s, -1, "this sotto is without the page");
		return;
	}
	expect_row(w->s, 1, "The page in the browser");
	expect_text(w->s, "http://");
	shut(w);
	expect_row(w->s, -2, " to bob>");
}

static void doctor__looks_at_the_running_one(void **state)
{
	struct world *w = *state;

	world_met(w);
	screen_resize(w->s, 100, 60);
	slash(w, "/doctor");
	expect_row(w->s, 1, "What works here, and what does not");
	expect_text(w->s, "ok       engine     sotto runs");
	expect_text(w->s, "ok       store      checked, nothing is damaged");
	expect_text(w->s, "ok       terminal   60 columns");
	shut(w);
	expect_row(w->s, -2, " to bob>");
}

static void set__changes_and_keeps(void **state)
{
	static const char *const good[] = {
	    "bell off",    "bell on",        "title off",  "title on",
	    "clock 12",    "clock 24",       "mouse off",  "mouse on",
	    "theme light", "theme contrast", "theme none", "theme dark",
	    "links off",   "links on",       "notify off", "notify mentions",
	    "notify on"};
	struct world *w = *state;
	char line[64];

	world_met(w);
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		snprintf(line, sizeof(line), "/set %s", good[i]);
		slash(w, line);
		expect_row(w->s, -1, " set until the end; -s: for good");
		screen_key(w->s, "Ctrl-C"); /* the notice goes */
		expect_row(w->s, -1, "Ctrl-Q quits");
	}
	slash(w, "/set nickname anna");
	expect_row(w->s, 0, "anna~");
	slash(w, "/set trust-new refuse");
	expect_row(w->s, -1, " set");
	slash(w, "/set history off");
	expect_row(w->s, -1, " set");
	slash(w, "/set -s clock 12");
	expect_row(w->s, 20, "M anna  hello there");
	expect_row(w->s, -1, " set");
	world_expect_file(w, "ana/config.ini", "clock = 12\n");
	slash(w, "/set clock 13");
	expect_row(w->s, -1, "clock: ");
	expect_row(w->s, -2, "/set clock 13");
	screen_key(w->s, "Ctrl-U");
	slash(w, "/set colour blue");
	expect_row(w->s, -1, "colour cannot be set here");
	slash(w, "/set clock");
	expect_row(w->s, -1, " /set [-s] NAME VALUE: change a setting");
}

static void what_is_no_command__sends_nothing(void **state)
{
	struct world *w = *state;

	world_met(w);
	slash(w, "/qiut");
	expect_row(w->s, -1, " unknown: /qiut   near: /quit");
	expect_whole(w->s, -2, " to bob> /qiut");
	screen_key(w->s, "Ctrl-U");
	slash(w, "/c");
	expect_row(w->s, -1, " not clear: /c   near: /connect /cancel /chat");
	screen_key(w->s, "Ctrl-U");
	slash(w, "/quit now");
	expect_row(w->s, -1, " /quit : end the program");
	screen_key(w->s, "Ctrl-U");
	screen_type(w->s, "still here\r");
	peer_expect(&w->bob, "still here");
	assert_null(strstr(w->bob.text, "qiut"));
}

static void quit__ends(void **state)
{
	struct world *w = *state;

	world_met(w);
	slash(w, "/quit");
	int status = screen_end(w->s);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	expect_sane(w->s);
	screen_free(w->s);
	/* any clear beginning of it will do */
	w->s = world_ana(w, 24, 80, NULL);
	expect_row(w->s, -2, " to bob>");
	screen_type(w->s, ":q\r");
	status = screen_end(w->s);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* ---- a message center ---- */

static void center_begin(struct world *w, struct peer *center)
{
	char path[300];
	FILE *f;

	snprintf(path, sizeof(path), "%s/center", w->home);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/center/config.ini", w->home);
	f = fopen(path, "we");
	assert_non_null(f);
	fputs("accounts = open\n", f);
	fclose(f);
	peer_start(center, w->home, "center", 0);
}

static void login__asks_for_a_password_unseen(void **state)
{
	struct world *w = *state;
	struct peer center;
	char line[200];

	world_met(w);
	slash(w, "/online");
	expect_row(w->s, -1, " not logged in at a center");
	center_begin(w, &center);
	snprintf(line, sizeof(line), "/login 127.0.0.1:%d seas", center.port);
	screen_type(w->s, "i"); /* a draft is not in the way */
	screen_key(w->s, "Ctrl-C");
	slash(w, line);
	expect_row(w->s, -1, "password of seas: (not shown)");
	screen_type(w->s, "sesame");
	expect_row(w->s, -1, "password of seas: (typed)");
	assert_false(screen_has(w->s, "sesame"));
	screen_key(w->s, "Enter");
	expect_row(w->s, -1, " Welcome, seas !");
	screen_key(w->s, "Ctrl-Y");
	assert_false(screen_has(w->s, "sesame"));
	screen_key(w->s, "Ctrl-C");
	snprintf(line, sizeof(line),
		 "{\"cmd\":\"login\",\"ref\":\"l\",\"to\":\"127.0.0.1:%d\","
		 "\"user\":\"google\",\"password\":\"x\"}",
		 center.port);
	peer_say(&w->bob, line);
	expect_row(w->s, -1, " google has logged on.");
	slash(w, "/online");
	expect_row(w->s, -1, "google");
	slash(w, "/broadcast hello all");
	expect_row(w->s, -1, " said to all");
	peer_expect(&w->bob, "seas to all: hello all");
	slash(w, "/getaddress google");
	peer_expect(&w->bob, "seas wants your address");
	slash(w, "/allow google");
	expect_row(w->s, -1, " nobody of that name asked");
	slash(w, "/logout");
	expect_row(w->s, -1, " logged out");
	peer_expect(&w->bob, "seas is offline.");
	peer_stop(&center);
}

/* ---- the tests, and the commands that each of them must have typed ---- */

#define SLASH(f, commands)                                                     \
	{                                                                      \
#f, f, false, commands                                         \
	}

static const struct covered {
	const char *name;
	CMUnitTestFunction run;
	bool asking; /* strangers must be accepted */
	const char *commands;
} covered[] = {
    SLASH(messages__go_to_whom_is_named, "msg message private"),
    SLASH(reply__answers, "r"),
    SLASH(all__is_everybody_online, "all"),
    SLASH(send__is_text, "send me"),
    SLASH(connect__has_three_names, "connect chat register"),
    SLASH(lists__say_who_is_there, "peers who"),
    SLASH(info__is_of_the_open_one_or_another, "info verify rename"),
    SLASH(nick__is_heard_by_the_others, "nick"),
    {"strangers__are_taken_or_not", strangers__are_taken_or_not, true,
     "block unblock trust verify forget"},
    SLASH(another_key__must_be_trusted, "trust"),
    SLASH(outbox__is_seen_and_emptied, "outbox retry cancel"),
    SLASH(find__lists_and_goes_there, "find"),
    SLASH(pipe__gives_the_newest, "pipe"),
    SLASH(export__writes_a_file, "export"),
    SLASH(help__has_every_command, "help"),
    SLASH(web__shows_a_link, "web"),
    SLASH(doctor__looks_at_the_running_one, "doctor"),
    SLASH(set__changes_and_keeps, "set"),
    SLASH(what_is_no_command__sends_nothing, ""),
    SLASH(login__asks_for_a_password_unseen,
	  "login logout online broadcast getaddress allow"),
    SLASH(quit__ends, "quit"),
};
enum { N_COVERED = sizeof(covered) / sizeof(covered[0]) };
static const struct covered *now; /* the one that runs */

/* cmocka hands a row over as the first state. */
static int begin(void **state)
{
	now = *state;
	typed[0] = '\0';
	return now->asking ? world_begin_asking(state) : world_begin(state);
}

static int end(void **state)
{
	unsigned bad = 0;

	for (const struct slash_row *r = command_rows; r->name; r++) {
		if (!among(now->commands, r->name) || among(typed, r->name))
			continue;
		print_error("%s: /%s was not typed\n", now->name, r->name);
		bad++;
	}
	world_end(state);
	return bad ? 1 : 0;
}

static void table__is_covered(void **state)
{
	unsigned bad = 0;

	(void)state;
	for (const struct slash_row *r = command_rows; r->name; r++) {
		size_t i = 0;
		while (i < N_COVERED && !among(covered[i].commands, r->name))
			i++;
		if (i < N_COVERED)
			continue;
		print_error("/%s: no test\n", r->name);
		bad++;
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
