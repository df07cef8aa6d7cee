/* What goes from the screen to the terminal, to programs and to files, and
 * comes back: in the real program. */
#include "tests/ui/world.h"
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static void key(struct world *w, const char *name)
{
	screen_key(w->s, name);
}

static void type(struct world *w, const char *line)
{
	screen_type(w->s, line);
	key(w, "Enter");
}

/* From the line to the messages. The next key must not come at once: Esc and a
 * key in one go are Alt and that key. */
static void leave(struct world *w)
{
	expect_gone(w->s, "i write");
	key(w, "Esc");
	expect_row(w->s, -1, "i write");
}

static void shut(struct world *w)
{
	expect_row(w->s, -1, "Esc close");
	key(w, "Esc");
	expect_gone(w->s, "Esc close");
}

/* In the messages, with that environment, and a script that it names. */
static void again_with(struct world *w, const char *const *env)
{
	world_again(w, 24, 80, env);
	expect_row(w->s, -2, " to bob>");
	expect_text(w->s, "hello there");
}

static void say_and_see(struct world *w, const char *text)
{
	world_say(w, text);
	expect_text(w->s, text);
}

static void configure(struct world *w, const char *text)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/ana/config.ini", w->home);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

static long long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

/* ---- y and u ---- */

static void copy__reaches_the_clipboard(void **state)
{
	struct world *w = *state;

	world_met(w);
	world_say(w, "F\\u00f3x\\tand more");
	expect_text(w->s, "and more");
	leave(w);
	/* the newest when none is selected */
	key(w, "y");
	expect_row(w->s, -1, " copied; Ctrl-Y puts it into the line");
	expect_told(w->s, "52;c;RsOzeAlhbmQgbW9yZQ==");
	key(w, "k");
	key(w, "k");
	expect_look(w->s, "hello there", LOOK_REVERSE);
	key(w, "y");
	expect_told(w->s, "52;c;aGVsbG8gdGhlcmU=");
	key(w, "i");
	key(w, "Ctrl-Y");
	expect_row(w->s, -2, " to bob> hello there");
}

static void link__is_opened_or_chosen(void **state)
{
	struct world *w = *state;
	char path[256], env[300];
	const char *const more[] = {env, NULL};

	world_script(w, "browser", "echo \"$*\" >>$0.saw", path);
	snprintf(env, sizeof(env), "BROWSER=%s", path);
	world_met(w);
	again_with(w, more);
	key(w, "u");
	expect_row(w->s, -1, "there is no link");
	say_and_see(w, "one https://example.org/a;b&c=$d alone");
	/* one there is: no question; and no shell */
	key(w, "u");
	expect_row(w->s, -1, " opened https://example.org/a;b&c=$d");
	world_expect_file(w, "browser.saw", "https://example.org/a;b&c=$d\n");
	world_say(w, "https://example.org/1 or http://example.org/2");
	expect_text(w->s, "http://example.org/2");
	key(w, "u");
	expect_row(w->s, 1, "Links");
	expect_whole(w->s, 2, " https://example.org/1");
	expect_whole(w->s, 3, " http://example.org/2");
	expect_whole(w->s, 4, " https://example.org/a;b&c=$d");
	key(w, "j");
	expect_look(w->s, "http://example.org/2", LOOK_REVERSE);
	key(w, "y");
	expect_told(w->s, "52;c;aHR0cDovL2V4YW1wbGUub3JnLzI=");
	key(w, "Enter");
	expect_row(w->s, -1, " opened http://example.org/2");
	world_expect_file(w, "browser.saw",
			  "https://example.org/a;b&c=$d\n"
			  "http://example.org/2\n");
	key(w, "k");
	shut(w);
	/* of the selected one alone */
	key(w, "k");
	expect_look(w->s, " or ", LOOK_REVERSE);
	key(w, "u");
	expect_whole(w->s, 3, " http://example.org/2");
	expect_whole(w->s, 4, "");
	shut(w);
	key(w, "k");
	expect_look(w->s, " alone", LOOK_REVERSE);
	key(w, "u");
	expect_row(w->s, -1, " opened https://example.org/a;b&c=$d");
}

static void link__without_a_browser_is_shown(void **state)
{
	static const char *const more[] = {"BROWSER=/nowhere/at-all", NULL};
	struct world *w = *state;

	world_met(w);
	again_with(w, more);
	say_and_see(w, "https://example.org/a");
	key(w, "u");
	expect_row(w->s, -1,
		   " no browser: set $BROWSER. https://example.org/a");
}

/* ---- links that the terminal knows ---- */

static int row_of(struct world *w, const char *text)
{
	int y, x;

	expect_text(w->s, text);
	assert_true(screen_find(w->s, text, &y, &x));
	return y;
}

static void links__are_where_they_stand(void **state)
{
	static const char one[] = "https://example.org/a";
	static const char two[] = "https://example.org/"
				  "0123456789012345678901" /* 42 columns */
				  "and-so-on";
	struct world *w = *state;
	char first[43] = "";

	memcpy(first, two, 42);
	world_met(w);
	world_others(w, 1);
	say_and_see(w, "look: https://example.org/a, will you?");
	expect_link(w->s, 20, one, one);
	assert_int_equal(screen_links(w->s), sizeof(one) - 1);
	world_say(w, two);
	expect_link(w->s, 19, first, two);
	expect_link(w->s, 20, "and-so-on", two);
	expect_link(w->s, 18, one, one);
	assert_int_equal(screen_links(w->s), sizeof(one) + sizeof(two) - 2);
	/* as they look when their row is selected */
	leave(w);
	key(w, "k");
	expect_look(w->s, "and-so-on", LOOK_REVERSE | LOOK_UNDERLINE);
	expect_link(w->s, 20, "and-so-on", two);
	/* gone with what stood there, and there again */
	key(w, "Alt-2");
	expect_row(w->s, -2, " to 127.0.0.1:1>");
	expect_no_links(w->s);
	key(w, "Alt-1");
	expect_link(w->s, 19, first, two);
	key(w, "?");
	expect_row(w->s, 1, "Help");
	expect_no_links(w->s);
	shut(w);
	expect_link(w->s, 18, one, one);
	/* one that looks almost like the one that stood there */
	say_and_see(w, "https://example.org/1");
	expect_link(w->s, 20, "https://example.org/1", "https://example.org/1");
	say_and_see(w, "https://example.org/2");
	expect_link(w->s, 19, "https://example.org/1", "https://example.org/1");
	expect_link(w->s, 20, "https://example.org/2", "https://example.org/2");
	world_lines(w, 1, 40);
	expect_row(w->s, 20, "line 40.");
	expect_no_links(w->s);
	key(w, "g");
	expect_link(w->s, row_of(w, one), one, one);
	expect_link(w->s, row_of(w, "and-so-on"), "and-so-on", two);
	screen_resize(w->s, 24, 100);
	expect_link(w->s, row_of(w, two), two, two);
	expect_link(w->s, row_of(w, one), one, one);
	expect_link(w->s, row_of(w, "example.org/1"), "https://example.org/1",
		    "https://example.org/1");
	assert_int_equal(screen_links(w->s),
			 sizeof(one) + sizeof(two) - 2 + 2 * (sizeof(one) - 1));
}

static void links__keep_what_is_drawn_over_them(void **state)
{
	static const char url[] = "https://example.org/ana";
	struct world *w = *state;

	world_met(w);
	say_and_see(w, url);
	expect_link(w->s, 20, url, url);
	expect_look(w->s, "https://", LOOK_UNDERLINE);
	type(w, "/find example");
	expect_row(w->s, 1, "Found here");
	key(w, "Enter");
	expect_row(w->s, -1, "1 of 1");
	expect_look(w->s, "https://", LOOK_UNDERLINE | LOOK_REVERSE);
	expect_look(w->s, "example", LOOK_BOLD | LOOK_COLOUR);
	expect_link(w->s, 20, url, url);
	key(w, "Esc");
	expect_look(w->s, "https://", LOOK_UNDERLINE);
	expect_look(w->s, "example", LOOK_BOLD | LOOK_COLOUR | LOOK_REVERSE);
	expect_link(w->s, 20, url, url);
}

static void links__can_be_off(void **state)
{
	static const char url[] = "https://example.org/a";
	static const char *const plain[] = {"TERM=screen", NULL};
	struct world *w = *state;

	world_met(w);
	say_and_see(w, url);
	expect_link(w->s, 20, url, url);
	type(w, "/set links off");
	expect_row(w->s, -1, "set until the end");
	expect_no_links(w->s);
	expect_text(w->s, url);
	type(w, "/set links on");
	expect_link(w->s, 20, url, url);
	configure(w, "links = off\n");
	again_with(w, NULL);
	expect_look(w->s, url, LOOK_UNDERLINE);
	say_and_see(w, "and that");
	assert_int_equal(screen_links(w->s), 0);
	assert_int_equal(screen_told(w->s, "8;"), 0);
	/* a terminal that would print them */
	configure(w, "links = on\n");
	again_with(w, plain);
	say_and_see(w, "and more");
	assert_int_equal(screen_told(w->s, "8;"), 0);
}

/* ---- programs ---- */

static void pipe__says_how_it_ended(void **state)
{
	struct world *w = *state;

	world_met(w);
	say_and_see(w, "three words here");
	type(w, "/pipe wc -w | tr -d ' '");
	expect_row(w->s, 1, "wc -w | tr -d ' '");
	expect_whole(w->s, 2, " 3");
	shut(w);
	type(w, "/pipe cat; echo; exit 3");
	expect_whole(w->s, 2, " three words here");
	expect_row(w->s, -1, " exit status 3");
	key(w, "q");
	expect_row(w->s, -2, " to bob>");
	type(w, "/pipe exit 4");
	expect_row(w->s, -1, " exit 4: done, exit status 4, nothing said");
	type(w, "/pipe true");
	expect_row(w->s, -1, " true: done, exit status 0, nothing said");
	/* the selected one; what goes to standard error counts, too */
	leave(w);
	key(w, "k");
	key(w, "k");
	expect_look(w->s, "hello there", LOOK_REVERSE);
	key(w, "|");
	expect_row(w->s, -2, "/pipe ");
	type(w, "cat >&2");
	expect_whole(w->s, 2, " hello there");
}

static void pipe__says_nothing_to_the_terminal(void **state)
{
	struct world *w = *state;
	unsigned bells;

	world_met(w);
	bells = screen_bells(w->s);
	type(w, "/pipe printf 'a\\033[2J\\033[31mred\\033]52;c;QQ==\\a\\n"
		"b\\r\\bend\\377\\n'");
	expect_row(w->s, 1, "printf");
	expect_row(w->s, 3, "end");
	expect_row(w->s, 2, "red");
	expect_look(w->s, "red", 0);
	expect_row(w->s, 0, "sotto  ana~");
	assert_int_equal(screen_told(w->s, "52;"), 0);
	assert_int_equal(screen_bells(w->s), bells);
}

static void pipe__has_a_limit(void **state)
{
	struct world *w = *state;

	world_met(w);
	type(w, "/pipe yes");
	expect_whole(w->s, 2, " y");
	key(w, "G");
	expect_whole(w->s, 20, " (cut here)");
	expect_whole(w->s, 19, " y");
	expect_row(w->s, -1, "Esc close");
	shut(w);
	/* 64 KiB */
	type(w, "/pipe yes | head -n 32000; echo end");
	expect_whole(w->s, 2, " y");
	key(w, "G");
	expect_whole(w->s, 20, " end");
	shut(w);
	type(w, "/pipe yes | head -n 33000; echo end");
	expect_whole(w->s, 2, " y");
	key(w, "G");
	expect_whole(w->s, 20, " (cut here)");
	shut(w);
	type(w, "still here");
	peer_expect(&w->bob, "still here");
}

/* What never ends blocks no key, and what it left behind is not waited for. */
static void pipe__is_not_waited_for(void **state)
{
	struct world *w = *state;
	char line[400];

	world_met(w);
	type(w, "/pipe sleep 1000");
	expect_row(w->s, -1, " runs: sleep 1000   Ctrl-C ends it");
	type(w, "typed meanwhile");
	peer_expect(&w->bob, "typed meanwhile");
	expect_whole(w->s, -2, " to bob>");
	type(w, "/pipe cat");
	expect_row(w->s, -1, " the one before is not done yet");
	key(w, "Ctrl-C");
	expect_whole(w->s, -2, " to bob>");
	key(w, "Ctrl-C");
	expect_row(w->s, -1, " ended: sleep 1000");
	/* says nothing more, and lives */
	type(w, "/pipe exec >&- 2>&-; sleep 1000");
	expect_row(w->s, -1, " runs: exec");
	type(w, "once more");
	peer_expect(&w->bob, "once more");
	key(w, "Ctrl-C");
	expect_row(w->s, -1, " ended: exec");
	/* a clipboard's keeper lives on with the output open */
	snprintf(line, sizeof(line),
		 "/pipe (while test -d %s; do sleep 1; done) & echo kept",
		 w->home);
	type(w, line);
	expect_whole(w->s, 2, " kept");
}

static void pipe__does_not_come_between(void **state)
{
	struct world *w = *state;
	char line[400], path[256];

	world_met(w);
	snprintf(path, sizeof(path), "%s/go", w->home);
	snprintf(line, sizeof(line),
		 "/pipe until test -e %s; do sleep 0.1; done; echo late", path);
	type(w, line);
	expect_row(w->s, -1, " runs: until");
	screen_type(w->s, "half a line");
	expect_whole(w->s, -2, " to bob> half a line");
	world_script(w, "go", "", path);
	expect_row(w->s, -1, " done: until");
	expect_text(w->s, "hello there");
	screen_type(w->s, ", and all");
	expect_whole(w->s, -2, " to bob> half a line, and all");
	key(w, "Esc");
	expect_whole(w->s, 2, " late");
	shut(w);
	expect_whole(w->s, -2, " to bob> half a line, and all");
	/* once */
	key(w, "k");
	expect_look(w->s, "hello there", LOOK_REVERSE);
	key(w, "Esc");
	expect_look(w->s, "hello there", 0);
}

static void pipe__ends_with_us(void **state)
{
	struct world *w = *state;
	char line[900], path[256];
	int pid = 0;

	world_met(w);
	snprintf(path, sizeof(path), "%s/pid", w->home);
	snprintf(line, sizeof(line),
		 "/pipe echo $$ >%s.new; mv %s.new %s; sleep 1000", path, path,
		 path);
	type(w, line);
	for (long long until = now_ms() + 10000; !pid;) {
		FILE *f = fopen(path, "r");
		assert_true(now_ms() < until);
		if (f && fscanf(f, "%d", &pid) != 1)
			pid = 0;
		if (f)
			fclose(f);
		screen_read(w->s, 20);
	}
	assert_int_equal(kill(pid, 0), 0);
	key(w, "Ctrl-Q");
	screen_end(w->s);
	assert_int_not_equal(kill(pid, 0), 0);
}

static void editor__has_its_way(void **state)
{
	struct world *w = *state;
	char good[256], bad[256], env[2][300];
	const char *const both[] = {env[0], env[1], NULL};

	world_script(w, "good", "printf 'one\\n\\ntwo\\n' >\"$1\"", good);
	world_script(w, "bad", "echo lost >\"$1\"; exit 1", bad);
	snprintf(env[0], sizeof(env[0]), "VISUAL=%s", good);
	snprintf(env[1], sizeof(env[1]), "EDITOR=%s", bad);
	world_met(w);
	again_with(w, both);
	key(w, "i");
	key(w, "Ctrl-X+Ctrl-E");
	expect_whole(w->s, -4, " to bob> one");
	expect_whole(w->s, -2, "         two");
	expect_text(w->s, "hello there");
	key(w, "Ctrl-C");
	expect_whole(w->s, -2, " to bob>");
	snprintf(env[0], sizeof(env[0]), "VISUAL=");
	again_with(w, both);
	key(w, "i");
	screen_type(w->s, "as it is");
	key(w, "Ctrl-X+Ctrl-E");
	expect_row(w->s, -1, " the editor failed: the line is as it was");
	expect_whole(w->s, -2, " to bob> as it is");
	/* the first of the two keys alone is nothing */
	key(w, "Ctrl-X");
	screen_type(w->s, "!");
	expect_whole(w->s, -2, " to bob> as it is!");
}

/* ---- what is answered, what is queued, what is kept ---- */

static void parent__is_found_far_up(void **state)
{
	struct world *w = *state;

	world_met(w);
	say_and_see(w, "the question");
	key(w, "Alt-r");
	expect_text(w->s, "↩ the question");
	screen_type(w->s, "an answer");
	world_lines(w, 1, 150);
	expect_row(w->s, 20, "line 150.");
	world_lines(w, 151, 300);
	expect_row(w->s, 20, "line 300.");
	key(w, "Enter");
	peer_expect(&w->bob, "\"original\":\"the question\"");
	for (int i = 0; i < 2; i++) {
		expect_row(w->s, 20, "an answer");
		if (!i)
			leave(w);
		key(w, "k");
		expect_look(w->s, "an answer", LOOK_REVERSE);
		key(w, "p");
		expect_look(w->s, "the question", LOOK_REVERSE);
		expect_gone(w->s, "an answer");
		key(w, "p");
		expect_row(w->s, -1, "it answers nothing");
		key(w, "G");
		expect_row(w->s, 20, "an answer");
		/* another time only the newest page is there at first */
		if (!i)
			world_again(w, 24, 80, NULL);
	}
}

static void queued__comes_back_into_the_line(void **state)
{
	struct world *w = *state;

	world_met(w);
	leave(w);
	key(w, "k");
	expect_look(w->s, "hello there", LOOK_REVERSE);
	key(w, "e");
	expect_row(w->s, -1, " only what is queued can be edited");
	key(w, "i");
	world_others(w, 1);
	key(w, "Alt-2");
	expect_row(w->s, -2, " to 127.0.0.1:1>");
	type(w, "one for the box");
	expect_text(w->s, "one for the box");
	key(w, "Alt-1");
	expect_row(w->s, -2, " to bob>");
	/* from the outbox: to whom it was written */
	leave(w);
	key(w, "o");
	expect_row(w->s, 2, "\"one for the box\"");
	key(w, "e");
	expect_whole(w->s, -2, " to 127.0.0.1:1> one for the box");
	expect_row(w->s, -1, " taken back: Enter sends it");
	key(w, "Enter");
	expect_row(w->s, 0, "1 waiting");
	/* a line that stands there stays */
	screen_type(w->s, "something else");
	expect_whole(w->s, -2, " to 127.0.0.1:1> something else");
	leave(w);
	key(w, "k");
	expect_look(w->s, "one for the box", LOOK_REVERSE);
	key(w, "e");
	expect_row(w->s, -1, " taken back; Ctrl-Y has its words");
	expect_whole(w->s, -2, " to 127.0.0.1:1> something else");
	key(w, "i");
	key(w, "Ctrl-U");
	expect_whole(w->s, -2, " to 127.0.0.1:1>");
	key(w, "Ctrl-Y");
	key(w, "Alt-y");
	expect_whole(w->s, -2, " to 127.0.0.1:1> one for the box");
	expect_gone(w->s, "waiting");
}

static void export__has_all_of_it(void **state)
{
	struct world *w = *state;
	char line[300], path[256], *text = malloc(1 << 20);
	FILE *f;

	assert_non_null(text);
	world_met(w);
	say_and_see(w, "the question");
	key(w, "Alt-r");
	expect_text(w->s, "↩ the question");
	type(w, "an answer");
	peer_expect(&w->bob, "\"original\":\"the question\"");
	world_say(w, "two\\nrows \\u001b[31m");
	world_lines(w, 1, 150);
	expect_row(w->s, 20, "line 150.");
	world_lines(w, 151, 300);
	expect_row(w->s, 20, "line 300.");
	snprintf(path, sizeof(path), "%s/talk.txt", w->home);
	snprintf(line, sizeof(line), "/export %s", path);
	type(w, line);
	expect_row(w->s, -1, " written: 304 messages");
	f = fopen(path, "r");
	assert_non_null(f);
	text[fread(text, 1, (1 << 20) - 1, f)] = '\0';
	fclose(f);
	const char *at = strstr(text, "] ana: hello there\n[");
	assert_non_null(at);
	at = strstr(at, "] bob: the question\n    > the question\n[");
	assert_non_null(at);
	at = strstr(at, "] ana: an answer\n[");
	assert_non_null(at);
	at = strstr(at, "] bob: two\n    rows ");
	assert_non_null(at);
	assert_null(strchr(text, 27));
	for (int i = 1; i <= 300; i++) {
		snprintf(line, sizeof(line), "] bob: line %d.\n", i);
		at = strstr(at, line);
		assert_non_null(at);
	}
	struct stat st;
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	free(text);
	/* what cannot be written is said */
	type(w, "/export /nowhere/at/all");
	expect_row(w->s, -1, "/nowhere/at/all: No such file");
}

/* ---- searching ---- */

static void find__is_here_or_everywhere(void **state)
{
	struct world *w = *state;
	struct peer carla;

	world_met(w);
	peer_start(&carla, w->home, "carla", 0);
	world_say_from(w, &carla, "no foxes there");
	expect_row(w->s, -1, "reply to carla");
	world_say(w, "a F\\u00f3x, a fox");
	expect_text(w->s, "a fox");
	key(w, "Ctrl-S");
	expect_row(w->s, -2, "/find ");
	type(w, "fox");
	expect_row(w->s, 1, "Found here: fox");
	expect_row(w->s, 2, "bob: a F\xc3\xb3x, a fox");
	expect_whole(w->s, 3, "");
	key(w, "Tab");
	expect_row(w->s, 1, "Found: fox");
	expect_row(w->s, 3, "carla: no foxes there");
	key(w, "Tab");
	expect_row(w->s, 1, "Found here: fox");
	key(w, "Tab");
	expect_row(w->s, 1, "Found: fox");
	key(w, "j");
	expect_look(w->s, "carla: no foxes there", LOOK_REVERSE);
	key(w, "Enter");
	expect_row(w->s, -2, " to carla>");
	expect_row(w->s, -1, " 2 of 2   n older   N newer");
	/* the words stand out, on the row that is selected, too */
	expect_look(w->s, "no ", LOOK_REVERSE);
	expect_look(w->s, "fox", LOOK_BOLD | LOOK_COLOUR);
	expect_look(w->s, "es there", LOOK_REVERSE);
	key(w, "n");
	expect_row(w->s, -1, "no more of it");
	key(w, "N");
	expect_row(w->s, -2, " to bob>");
	expect_row(w->s, -1, " 1 of 2   n older   N newer");
	key(w, "Esc");
	expect_look(w->s, "F\xc3\xb3x", LOOK_BOLD | LOOK_COLOUR | LOOK_REVERSE);
	expect_look(w->s, ", a ", 0);
	/* nothing here: everywhere at once */
	key(w, "/");
	expect_row(w->s, -2, "/find ");
	type(w, "foxes");
	expect_row(w->s, 1, "Found: foxes");
	expect_row(w->s, 2, "carla: no foxes there");
	peer_stop(&carla);
}

/* Until there are more rows, and the highest one is another. */
static void down_from(struct world *w, const char *highest)
{
	long long until = now_ms() + 10000;

	expect_row(w->s, 2, highest);
	while (screen_has(w->s, highest) && now_ms() < until) {
		key(w, "j");
		screen_wait(w->s, 100);
	}
	expect_gone(w->s, highest);
}

static void find__has_more_pages(void **state)
{
	struct world *w = *state;
	char keys[129];

	world_met(w);
	world_lines(w, 1, 150);
	expect_row(w->s, 20, "line 150.");
	world_lines(w, 151, 300);
	expect_row(w->s, 20, "line 300.");
	type(w, "/find line");
	expect_row(w->s, 1, "Found here: line");
	expect_row(w->s, 2, "bob: line 300.");
	key(w, "G");
	expect_row(w->s, 20, "bob: line 173.");
	/* the next page comes when the last row is chosen */
	down_from(w, "bob: line 191.");
	key(w, "G");
	expect_row(w->s, 20, "bob: line 45.");
	down_from(w, "bob: line 63.");
	key(w, "G");
	expect_row(w->s, 20, "bob: line 1.");
	key(w, "Enter");
	expect_row(w->s, -1, " 300 of 300   ");
	expect_look(w->s, " 1.", LOOK_REVERSE);
	/* n goes over the end of a page, too */
	key(w, "i");
	type(w, "/find line");
	expect_row(w->s, 2, "bob: line 300.");
	key(w, "Enter");
	expect_row(w->s, -1, " 1 of 128   n older   N newer");
	memset(keys, 'n', 128);
	keys[128] = '\0';
	screen_type(w->s, keys);
	expect_row(w->s, -1, " 129 of 256   n older   N newer");
	expect_look(w->s, " 172.", LOOK_REVERSE);
	key(w, "N");
	expect_row(w->s, -1, " 128 of 256   ");
	expect_look(w->s, " 173.", LOOK_REVERSE);
}

static void find__begins_at_the_first(void **state)
{
	struct world *w = *state;

	world_met(w);
	leave(w);
	key(w, "n");
	expect_row(w->s, -1, " /find WORDS searches");
	key(w, "N");
	expect_row(w->s, -1, " /find WORDS searches");
	world_lines(w, 1, 140);
	expect_row(w->s, 20, "line 140.");
	key(w, "/");
	expect_row(w->s, -2, "/find ");
	type(w, "line");
	expect_row(w->s, 2, "bob: line 140.");
	key(w, "Enter");
	expect_row(w->s, -1, " 1 of 128   ");
	key(w, "N");
	expect_row(w->s, -1, " no more of it");
	/* and nothing was fetched for it */
	key(w, "n");
	expect_row(w->s, -1, " 2 of 128   ");
}

/* ---- what waits ---- */

static void open_until(struct world *w, int row, const char *part)
{
	long long until = now_ms() + 10000;

	for (;;) {
		key(w, "o");
		expect_row(w->s, 1, "Outbox");
		expect_row(w->s, 2, "\"");
		int y, x;
		if (screen_find(w->s, part, &y, &x) && y == row)
			return;
		if (now_ms() > until)
			expect_row(w->s, row, part);
		shut(w);
	}
}

static void outbox__says_why_and_when(void **state)
{
	struct world *w = *state;
	char path[256];

	world_met(w);
	peer_stop(&w->bob);
	expect_text(w->s, "○ bob");
	type(w, "one");
	type(w, "two");
	expect_row(w->s, 0, "2 waiting");
	leave(w);
	open_until(w, 3, " s  \"two\"  offline, next try in ");
	expect_row(w->s, 2, " bob        queued ");
	expect_row(w->s, 2, " s  \"one\"  offline, next try in ");
	key(w, "d");
	expect_row(w->s, 3, "State     queued");
	shut(w);
	/* somebody else answers there */
	snprintf(path, sizeof(path), "%s/bob", w->home);
	folder_remove(strdup(path));
	peer_start(&w->bob, w->home, "bob", w->bob.port);
	key(w, "o");
	expect_row(w->s, 1, "Outbox");
	key(w, "R");
	expect_text(w->s, "CHANGED");
	open_until(w, 2, "\"one\"  the key changed: /trust");
}

/* ---- what can be set ---- */

static void theme__is_set(void **state)
{
	struct world *w = *state;

	world_met(w);
	expect_colour(w->s, "✓✓", 114);
	expect_look(w->s, "hello there", 0);
	type(w, "/set theme light");
	expect_colour(w->s, "✓✓", 22);
	type(w, "/set theme contrast");
	expect_colour(w->s, "✓✓", 114);
	expect_look(w->s, "hello there", LOOK_COLOUR | LOOK_GROUND);
	type(w, "/set theme none");
	expect_colour(w->s, "✓✓", -1);
	expect_look(w->s, "hello there", 0);
	type(w, "/set theme dark");
	expect_colour(w->s, "✓✓", 114);
	type(w, "/set theme pink");
	expect_row(w->s, -1, "theme: ");
	expect_row(w->s, -1, "dark, light, contrast or none");
	configure(w, "theme = light\n");
	again_with(w, NULL);
	expect_colour(w->s, "✓✓", 22);
}

static void clock_and_title__are_set(void **state)
{
	struct world *w = *state;

	world_met(w);
	world_others(w, 1);
	type(w, "/set clock 12");
	expect_row(w->s, 20, "M ana  hello there");
	type(w, "/set clock 24");
	expect_gone(w->s, "M ana  hello there");
	key(w, "Alt-2");
	expect_row(w->s, -2, " to 127.0.0.1:1>");
	world_say(w, "one");
	expect_told(w->s, "0;(1) sotto");
	world_say(w, "two");
	expect_told(w->s, "0;(2) sotto");
	type(w, "/set title off");
	expect_row(w->s, -1, "set until the end");
	unsigned n = screen_told(w->s, "0;");
	world_say(w, "three");
	expect_row(w->s, -1, "3 unread");
	world_say(w, "four");
	expect_row(w->s, -1, "4 unread");
	assert_int_equal(screen_told(w->s, "0;"), n);
	type(w, "/set title on");
	expect_told(w->s, "0;(4) sotto");
}

static void bell__is_set(void **state)
{
	struct world *w = *state;

	world_met(w);
	world_others(w, 1);
	key(w, "Alt-2");
	expect_row(w->s, -2, " to 127.0.0.1:1>");
	world_say(w, "one");
	expect_bells(w->s, 1);
	type(w, "/set bell off");
	expect_row(w->s, -1, "set until the end");
	screen_wait(w->s, 2100); /* rung for once in two seconds */
	world_say(w, "two");
	expect_row(w->s, -1, "2 unread");
	world_say(w, "three");
	expect_row(w->s, -1, "3 unread");
	assert_int_equal(screen_bells(w->s), 1);
	type(w, "/set bell on");
	expect_row(w->s, -1, "set until the end");
	world_say(w, "four");
	expect_bells(w->s, 2);
}

/* ---- the mouse ---- */

enum { LEFT_BUTTON = 1, WHEEL_UP = 4, WHEEL_DOWN = 5 };

static void click__opens_and_selects(void **state)
{
	struct world *w = *state;
	char path[256], env[300];
	const char *const more[] = {env, NULL};

	world_script(w, "browser", "echo \"$*\" >>$0.saw", path);
	snprintf(env, sizeof(env), "BROWSER=%s", path);
	world_met(w);
	again_with(w, more);
	key(w, "i");
	world_others(w, 2);
	expect_mouse(w->s, true);
	screen_button(w->s, LEFT_BUTTON, row_of(w, "○ 127.0.0.1:2"), 5);
	expect_row(w->s, -2, " to 127.0.0.1:2>");
	screen_button(w->s, LEFT_BUTTON, row_of(w, "● bob"), 0);
	expect_row(w->s, -2, " to bob>");
	screen_button(w->s, LEFT_BUTTON, 12, 5); /* nobody there */
	say_and_see(w, "http://example.org/1 http://example.org/2");
	screen_button(w->s, LEFT_BUTTON, 19, 40);
	expect_look(w->s, "hello there", LOOK_REVERSE);
	expect_cursor(w->s, 19, 24);
	expect_row(w->s, -1, "r reply to it");
	/* a letter is a command again, until the line is clicked */
	key(w, "j");
	expect_look(w->s, "http://example.org/1",
		    LOOK_REVERSE | LOOK_UNDERLINE);
	key(w, "u");
	expect_row(w->s, 1, "Links");
	expect_look(w->s, "http://example.org/1", LOOK_REVERSE);
	screen_button(w->s, LEFT_BUTTON, 3, 9);
	expect_look(w->s, "http://example.org/2", LOOK_REVERSE);
	screen_button(w->s, LEFT_BUTTON, 3, 9);
	expect_row(w->s, -1, " opened http://example.org/2");
	world_expect_file(w, "browser.saw", "http://example.org/2\n");
	screen_button(w->s, LEFT_BUTTON, -2, 30);
	expect_text(w->s, "hello there");
	screen_type(w->s, "jk");
	expect_whole(w->s, -2, " to bob> jk");
	/* of a list of what was found the second click goes there */
	key(w, "Ctrl-U");
	type(w, "/find e");
	expect_row(w->s, 3, "ana: hello there");
	screen_button(w->s, LEFT_BUTTON, 3, 9);
	expect_look(w->s, "ana: hello there", LOOK_REVERSE);
	screen_button(w->s, LEFT_BUTTON, 3, 9);
	expect_row(w->s, -1, " 2 of 2   ");
}

static void wheel__scrolls(void **state)
{
	struct world *w = *state;

	world_met(w);
	world_lines(w, 1, 60);
	expect_row(w->s, 20, "line 60.");
	screen_type(w->s, "draft");
	expect_row(w->s, -2, " to bob> draft");
	screen_button(w->s, WHEEL_UP, 10, 40);
	expect_row(w->s, 20, "line 57.");
	screen_button(w->s, WHEEL_UP, 10, 40);
	expect_row(w->s, 20, "line 54.");
	screen_button(w->s, WHEEL_DOWN, 10, 40);
	expect_row(w->s, 20, "line 57.");
	screen_button(w->s, WHEEL_DOWN, 10, 40);
	expect_row(w->s, 20, "line 60.");
	/* the line and the focus are as they were */
	screen_type(w->s, "s");
	expect_whole(w->s, -2, " to bob> drafts");
	key(w, "F1");
	expect_row(w->s, 2, "Everywhere");
	screen_button(w->s, WHEEL_DOWN, 10, 40);
	expect_row(w->s, 2, "Alt-a");
	screen_button(w->s, WHEEL_UP, 10, 40);
	expect_row(w->s, 2, "Everywhere");
}

static void mouse__can_be_off(void **state)
{
	struct world *w = *state;

	world_met(w);
	world_others(w, 1);
	expect_mouse(w->s, true);
	type(w, "/set mouse off");
	expect_row(w->s, -1, "set until the end");
	expect_mouse(w->s, false);
	screen_button(w->s, LEFT_BUTTON, row_of(w, "○ 127.0.0.1:1"), 5);
	screen_type(w->s, "x");
	expect_whole(w->s, -2, " to bob> x");
	key(w, "Backspace");
	type(w, "/set mouse on");
	expect_mouse(w->s, true);
	screen_button(w->s, LEFT_BUTTON, row_of(w, "○ 127.0.0.1:1"), 5);
	expect_row(w->s, -2, " to 127.0.0.1:1>");
	key(w, "Alt-1");
	configure(w, "mouse = off\n");
	again_with(w, NULL);
	expect_mouse(w->s, false);
	key(w, "Ctrl-Q");
	screen_end(w->s);
	expect_sane(w->s);
}

/* ---- notifications ---- */

/* A terminal of that name, which knows what xterm knows. */
static void terminal_named(struct world *w, const char *name, char env[300])
{
	char path[256], command[600];
	FILE *f;

	snprintf(path, sizeof(path), "%s/terminal", w->home);
	f = fopen(path, "w");
	assert_non_null(f);
	fprintf(f, "%s|one of a test,\n\tuse=xterm-256color,\n", name);
	assert_int_equal(fclose(f), 0);
	snprintf(command, sizeof(command), "tic -x -o %s/terminfo %s", w->home,
		 path);
	assert_int_equal(system(command), 0);
	snprintf(env, 300, "TERMINFO=%s/terminfo", w->home);
}

/* bob is known, and somebody else's conversation is looked at. */
static void elsewhere(struct world *w, const char *const *env)
{
	world_met(w);
	world_others(w, 1);
	key(w, "Alt-2");
	expect_row(w->s, -2, " to 127.0.0.1:1>");
	world_again(w, 24, 80, env);
	expect_row(w->s, -2, " to bob>");
	key(w, "i");
	key(w, "Alt-2");
	expect_row(w->s, -2, " to 127.0.0.1:1>");
}

static void notice__is_said_by_the_terminal(void **state)
{
	struct world *w = *state;
	char info[300];
	const char *const kitty[] = {"TERM=xterm-kitty", info, NULL};
	static const char *const vte[] = {"VTE_VERSION=7200", NULL};

	terminal_named(w, "xterm-kitty", info);
	elsewhere(w, kitty);
	world_say(w, "psst; hey\\u001b\\u0007 you\\nthere");
	expect_told(w->s, "9;bob: psst; hey");
	expect_row(w->s, -1, "1 unread");
	assert_int_equal(screen_told(w->s, "777;"), 0);
	/* what is looked at needs none, and nobody looking does */
	key(w, "Alt-1");
	expect_row(w->s, -2, " to bob>");
	expect_text(w->s, "you");
	screen_wait(w->s, 2100); /* one in two seconds */
	say_and_see(w, "in view");
	assert_int_equal(screen_told(w->s, "9;"), 1);
	screen_type(w->s, "\033[O");
	say_and_see(w, "out of view");
	expect_told(w->s, "9;bob: out of view");
	screen_type(w->s, "\033[I");
	world_again(w, 24, 80, vte);
	expect_row(w->s, -2, " to bob>");
	key(w, "Alt-2");
	expect_row(w->s, -2, " to 127.0.0.1:1>");
	world_say(w, "psst; hey");
	expect_told(w->s, "777;notify;bob;psst; hey");
	assert_int_equal(screen_told(w->s, "9;"), 0);
}

static void notice__is_said_by_the_desktop(void **state)
{
	struct world *w = *state;
	char path[256], env[300];
	const char *const more[] = {env, "DBUS_SESSION_BUS_ADDRESS=none", NULL};

	world_script(w, "notify-send", "echo \"$*\" >$0.new; mv $0.new $0.saw",
		     path);
	snprintf(env, sizeof(env), "PATH=%s:/usr/bin:/bin", w->home);
	elsewhere(w, more);
	world_say(w, "$(id) psst");
	world_expect_file(w, "notify-send.saw", "-a sotto -- bob $(id) psst\n");
}

static void notice__is_rare(void **state)
{
	static const char *const vte[] = {"VTE_VERSION=7200", NULL};
	struct world *w = *state;

	elsewhere(w, vte);
	long long began = now_ms();
	world_say(w, "one");
	world_say(w, "two");
	world_say(w, "three");
	expect_told(w->s, "777;notify;bob;one");
	expect_row(w->s, -1, "3 unread");
	if (now_ms() - began < 1900)
		assert_int_equal(screen_told(w->s, "777;"), 1);
	screen_wait(w->s, 2100);
	world_say(w, "four");
	expect_told(w->s, "777;notify;bob;four");
	/* switched off, and on where we are named */
	type(w, "/set notify off");
	screen_wait(w->s, 2100);
	world_say(w, "five, ana");
	expect_row(w->s, -1, "5 unread");
	assert_int_equal(screen_told(w->s, "777;notify;bob;five"), 0);
	type(w, "/set notify mentions");
	expect_row(w->s, -1, "set until the end");
	world_say(w, "banana");
	world_say(w, "Ana, you are asked for");
	expect_told(w->s, "777;notify;bob;Ana, you are asked for");
	assert_int_equal(screen_told(w->s, "777;notify;bob;banana"), 0);
}

static void notice__is_not_for_strangers(void **state)
{
	static const char *const vte[] = {"VTE_VERSION=7200", NULL};
	struct world *w = *state;
	struct peer carla;

	expect_text(w->s, "Welcome");
	world_again(w, 24, 80, vte);
	world_connect(w);
	type(w, "hello there");
	peer_expect(&w->bob, "hello there");
	expect_text(w->s, "✓✓");
	peer_start(&carla, w->home, "carla", 0);
	world_say_from(w, &carla, "you do not know me");
	expect_both(w->s, "carla", "asks");
	type(w, "/trust carla");
	expect_row(w->s, -1, " trusted: carla");
	assert_int_equal(screen_told(w->s, "777;"), 0);
	world_say_from(w, &carla, "now you do");
	expect_told(w->s, "777;notify;carla;now you do");
	type(w, "/block carla");
	expect_row(w->s, -1, " blocked: carla");
	screen_wait(w->s, 2100); /* one in two seconds */
	world_say_from(w, &carla, "and now?");
	peer_expect(&carla, "\"state\":\"failed\"");
	type(w, "/msg carla");
	expect_row(w->s, -2, " to carla>");
	world_say(w, "it is me");
	expect_told(w->s, "777;notify;bob;it is me");
	assert_int_equal(screen_told(w->s, "777;"), 2);
	peer_stop(&carla);
}

#define TAKE(f) cmocka_unit_test_setup_teardown(f, world_begin, world_end)

/* A word behind its name: only the tests that match. */
int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    TAKE(copy__reaches_the_clipboard),
	    TAKE(link__is_opened_or_chosen),
	    TAKE(link__without_a_browser_is_shown),
	    TAKE(links__are_where_they_stand),
	    TAKE(links__keep_what_is_drawn_over_them),
	    TAKE(links__can_be_off),
	    TAKE(pipe__says_how_it_ended),
	    TAKE(pipe__says_nothing_to_the_terminal),
	    TAKE(pipe__has_a_limit),
	    TAKE(pipe__is_not_waited_for),
	    TAKE(pipe__does_not_come_between),
	    TAKE(pipe__ends_with_us),
	    TAKE(editor__has_its_way),
	    TAKE(parent__is_found_far_up),
	    TAKE(queued__comes_back_into_the_line),
	    TAKE(export__has_all_of_it),
	    TAKE(find__is_here_or_everywhere),
	    TAKE(find__has_more_pages),
	    TAKE(find__begins_at_the_first),
	    TAKE(outbox__says_why_and_when),
	    TAKE(theme__is_set),
	    TAKE(clock_and_title__are_set),
	    TAKE(bell__is_set),
	    TAKE(click__opens_and_selects),
	    TAKE(wheel__scrolls),
	    TAKE(mouse__can_be_off),
	    TAKE(notice__is_said_by_the_terminal),
	    TAKE(notice__is_said_by_the_desktop),
	    TAKE(notice__is_rare),
	    cmocka_unit_test_setup_teardown(notice__is_not_for_strangers,
					    world_begin_asking, world_end),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
