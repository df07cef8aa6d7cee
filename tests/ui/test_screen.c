/* The real program in a pseudo terminal, beside a second real process. */
#include "tests/ui/world.h"
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void screen__sends_answers_and_shows(void **state)
{
	struct world *w = *state;

	world_met(w);
	expect_row(w->s, 0, "ana~");
	world_say(w, "are you well?");
	expect_text(w->s, "are you well?");
	screen_type(w->s, "\033r"); /* Alt-r */
	expect_row(w->s, -3, "are you well?");
	screen_type(w->s, "very\r");
	peer_expect(&w->bob, "\"original\":\"are you well?\"");
	expect_text(w->s, "┆ are you well?");
	world_say(w, "second");
	expect_text(w->s, "second");
	screen_type(w->s, "/r yes\r");
	peer_expect(&w->bob, "\"original\":\"second\"");
	world_say(w, "third");
	expect_text(w->s, "third");
	screen_type(w->s, "\033");
	expect_row(w->s, -1, "i write");
	screen_type(w->s, "r");
	expect_row(w->s, -3, "third");
	screen_type(w->s, "so be it\r");
	peer_expect(&w->bob, "\"original\":\"third\"");
}

static void line__survives_500_messages(void **state)
{
	struct world *w = *state;
	char text[32];

	world_met(w);
	screen_type(w->s, "half typed\033[D\033[D");
	expect_row(w->s, -2, " to bob> half typed");
	expect_cursor(w->s, -2, 9 + 8);
	unsigned before = w->bob.results;
	for (unsigned i = 1; i <= 500; i++) {
		snprintf(text, sizeof(text), "flood %u.", i);
		world_say(w, text);
		/* More than 256 without a result would be refused. */
		if (i > 200)
			peer_results(&w->bob, before + i - 200);
		screen_read(w->s, 0);
		expect_row(w->s, -2, " to bob> half typed");
	}
	expect_text(w->s, "flood 500.");
	expect_row(w->s, -2, " to bob> half typed");
	expect_cursor(w->s, -2, 9 + 8);
	screen_type(w->s, "X");
	expect_row(w->s, -2, " to bob> half typXed");
	/* Up there nothing moves either. */
	screen_type(w->s, "\033[5~");
	expect_row(w->s, 20, "flood 482.");
	world_say(w, "after that");
	expect_row(w->s, -1, "↓ 1 new");
	expect_row(w->s, 20, "flood 482.");
	expect_row(w->s, 2, "flood 464.");
	/* End of the list comes back to the newest. */
	screen_type(w->s, "\033>");
	expect_row(w->s, 20, "after that");
	expect_row(w->s, -2, " to bob> half typXed");
	expect_cursor(w->s, -2, 9 + 9);
}

static void sizes__all_work(void **state)
{
	static const int size[][2] = {{60, 200}, {5, 20},  {24, 80},
				      {4, 19},   {10, 40}, {24, 80}};
	struct world *w = *state;

	world_met(w);
	screen_type(w->s, "draft");
	expect_row(w->s, -2, "to bob> draft");
	for (size_t i = 0; i < sizeof(size) / sizeof(size[0]); i++) {
		screen_resize(w->s, size[i][0], size[i][1]);
		if (size[i][0] < 5) {
			expect_text(w->s, "needs 20x5");
			continue;
		}
		expect_gone(w->s, "needs 20x5");
		expect_row(w->s, -2, "to bob> draft");
		expect_text(w->s, "there");
		expect_row(w->s, 0, "sotto");
	}
}

static void paste__runs_and_sends_nothing(void **state)
{
	struct world *w = *state;

	world_met(w);
	screen_type(w->s, "\033[200~one\rtwo\r/quit\033[201~");
	expect_row(w->s, -4, "to bob> one");
	expect_row(w->s, -2, "/quit");
	/* A lost end: given up, and still nothing happened. */
	screen_type(w->s, "\003");
	expect_row(w->s, -2, "to bob>");
	screen_type(w->s, "\033[200~four\r/quit\r");
	expect_row(w->s, -3, "/quit");
	expect_row(w->s, -1, "F1 help");
	screen_type(w->s, "\003");
	screen_type(w->s, "still here\r");
	peer_expect(&w->bob, "still here");
	assert_null(strstr(w->bob.text, "four"));
	assert_null(strstr(w->bob.text, "two"));
}

static void terminal__is_sane_after_quit(void **state)
{
	struct world *w = *state;

	world_connect(w);
	screen_type(w->s, "/quit\r");
	int status = screen_end(w->s);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	expect_sane(w->s);
}

static void terminal__is_sane_after_sigterm(void **state)
{
	struct world *w = *state;

	world_connect(w);
	kill(screen_pid(w->s), SIGTERM);
	assert_true(WIFEXITED(screen_end(w->s)));
	expect_sane(w->s);
}

static void terminal__is_sane_after_a_crash(void **state)
{
	struct world *w = *state;

	world_connect(w);
	kill(screen_pid(w->s), SIGSEGV);
	assert_true(WIFSIGNALED(screen_end(w->s)));
	expect_sane(w->s);
}

static void program__ends_with_its_terminal(void **state)
{
	struct world *w = *state;

	world_connect(w);
	screen_hang_up(w->s);
	assert_true(WIFEXITED(screen_end(w->s)));
}

static void terminal__is_sane_without_a_parent(void **state)
{
	struct world *w = *state;

	screen_type(w->s, "q");
	screen_end(w->s);
	screen_free(w->s);
	w->s = world_ana(w, 24, 80, "\"$0\" \"$@\"; true");
	world_connect(w);
	screen_orphan(w->s);
	expect_sane(w->s);
}

static void drafts__survive_kill(void **state)
{
	struct world *w = *state;

	world_met(w);
	screen_type(w->s, "not sent yet");
	expect_row(w->s, -2, "not sent yet");
	/* It is the engine's a second after the last key, and on the disk
	 * with the next commit. */
	screen_wait(w->s, 1500);
	screen_type(w->s, "\033");
	expect_row(w->s, -1, "i write");
	world_say(w, "commits");
	expect_text(w->s, "commits");
	kill(screen_pid(w->s), SIGKILL);
	screen_end(w->s);
	screen_free(w->s);
	w->s = world_ana(w, 24, 80, NULL);
	expect_row(w->s, -2, "to bob> not sent yet");
	expect_text(w->s, "hello there");
}

static void draft__knows_what_it_answers(void **state)
{
	struct world *w = *state;

	world_met(w);
	world_say(w, "are you well?");
	expect_text(w->s, "are you well?");
	screen_type(w->s, "\033ryes, ");
	expect_row(w->s, -3, "↩ are you well?");
	expect_row(w->s, -1, "Enter answers bob");
	screen_wait(w->s, 1500);
	screen_type(w->s, "\033");
	expect_row(w->s, -1, "i write");
	world_say(w, "commits");
	expect_text(w->s, "commits");
	kill(screen_pid(w->s), SIGKILL);
	screen_end(w->s);
	screen_free(w->s);
	w->s = world_ana(w, 24, 80, NULL);
	expect_row(w->s, -2, "to bob> yes,");
	screen_type(w->s, "i");
	expect_row(w->s, -3, "↩ are you well?");
	expect_row(w->s, -1, "Enter answers bob");
	screen_type(w->s, "very\r");
	peer_expect(&w->bob, "\"original\":\"are you well?\"");
}

static void hostile__stays_in_its_row(void **state)
{
	struct world *w = *state;

	world_met(w);
	world_say(w, "\\u001b[2J\\u001b[31mred\\u0007 \\u202eabc \\u200b"
		     "\\ud83d\\udc69\\u200d\\ud83d\\udc69\\u200d\\ud83d\\udc67 "
		     "e\\u0301\\u0301\\u0301\\u0301\\u0301\\u0301\\u0301 "
		     "\\t\\tend1");
	expect_text(w->s, "end1");
	char wide[2000] = "";
	for (int i = 0; i < 150; i++)
		strcat(wide, "\\u6f22");
	world_say(w, wide);
	world_say(w, "end2");
	expect_text(w->s, "end2");
	expect_row(w->s, 0, "sotto");
	expect_row(w->s, -2, " to bob>");
	for (int row = 1; row < 21; row++)
		expect_row(w->s, row, "│");
	assert_true(screen_has(w->s, "hello there"));
}

static void unknown_command__sends_nothing(void **state)
{
	struct world *w = *state;

	world_met(w);
	screen_type(w->s, "/qiut\r");
	expect_row(w->s, -1, "/quit");
	expect_row(w->s, -2, "/qiut");
	screen_type(w->s, "\025//slash\r");
	peer_expect(&w->bob, "\"text\":\"/slash\"");
	assert_null(strstr(w->bob.text, "qiut"));
}

static void find__goes_there(void **state)
{
	struct world *w = *state;
	char text[32];

	world_met(w);
	world_say(w, "a quick F\\u00f3x");
	for (int i = 0; i < 60; i++) {
		snprintf(text, sizeof(text), "filler %d.", i);
		world_say(w, text);
	}
	expect_text(w->s, "filler 59.");
	screen_type(w->s, "draft");
	expect_row(w->s, -2, "to bob> draft");
	screen_type(w->s, "\023"); /* Ctrl-S */
	expect_row(w->s, -2, "/find ");
	screen_type(w->s, "fox\r");
	expect_text(w->s, "Found here: fox");
	expect_row(w->s, 2, "bob: a quick F\xc3\xb3x");
	expect_row(w->s, -2, "to bob> draft");
	screen_type(w->s, "\r");
	expect_row(w->s, -1, "1 of 1");
	expect_text(w->s, "a quick F\xc3\xb3x");
	screen_type(w->s, "n");
	expect_row(w->s, -1, "no more of it");
	screen_type(w->s, "/nothing like it\r");
	expect_row(w->s, -1, "nothing was found");
	expect_row(w->s, -2, "to bob> draft");
}

/* A second `sotto` of the same identity is one more screen of the first. */
static void screens__stay_in_step(void **state)
{
	struct world *w = *state;

	world_met(w);
	screen_type(w->s, "half");
	expect_row(w->s, -2, " to bob> half");
	struct screen *two = world_ana(w, 20, 70, NULL);
	expect_text(two, "hello there");
	expect_row(two, -2, " to bob> half");
	screen_type(two, "i and more");
	expect_row(two, -2, " to bob> half and more");
	expect_row(w->s, -2, " to bob> half and more");
	screen_type(two, "\r");
	peer_expect(&w->bob, "half and more");
	expect_text(w->s, "half and more");
	expect_text(two, "✓✓");
	expect_row(w->s, -2, " to bob>");
	world_say(w, "for both");
	expect_text(w->s, "for both");
	expect_text(two, "for both");
	/* Leaving one leaves the other. */
	screen_type(two, "/quit\r");
	int status = screen_end(two);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	screen_free(two);
	screen_type(w->s, "still here\r");
	peer_expect(&w->bob, "still here");
}

static void help__comes_from_the_tables(void **state)
{
	struct world *w = *state;

	expect_text(w->s, "Welcome");
	screen_type(w->s, "?");
	expect_text(w->s, "answer the last sender");
	screen_type(w->s, "G");
	expect_text(w->s, "/quit");
	screen_type(w->s, "\033");
	expect_gone(w->s, "/quit");
}

static void paste__ends_without_an_empty_row(void **state)
{
	struct world *w = *state;

	world_met(w);
	world_paste(w, "one\rtwo\r");
	expect_row(w->s, -4, "to bob> one");
	screen_type(w->s, "\r");
	peer_expect(&w->bob, "\"text\":\"one\\ntwo\"");
}

static void help__gives_the_focus_back(void **state)
{
	struct world *w = *state;

	world_met(w);
	screen_type(w->s, "quick ");
	expect_row(w->s, -2, "to bob> quick");
	screen_type(w->s, "\033OP");
	expect_row(w->s, -1, "Esc close");
	screen_type(w->s, "\033");
	expect_row(w->s, -1, "F1 help");
	screen_type(w->s, "question");
	expect_row(w->s, -2, "to bob> quick question");
	screen_type(w->s, "\003\033OP");
	expect_row(w->s, -1, "Esc close");
	screen_type(w->s, "h q"); /* what is no command is nothing here */
	expect_gone(w->s, "Everywhere");
	expect_row(w->s, -2, "to bob>");
	screen_type(w->s, "still here");
	expect_row(w->s, -2, "to bob> still here");
	/* A reply is not written behind a list. */
	screen_type(w->s, "\003/help\r");
	expect_row(w->s, -1, "Esc close");
	world_say(w, "well?");
	expect_row(w->s, -1, "1 unread");
	expect_row(w->s, 2, "Everywhere");
	screen_type(w->s, "r");
	expect_gone(w->s, "Everywhere");
	expect_row(w->s, -3, "↩ well?");
}

static void help__fits_a_narrow_screen(void **state)
{
	struct world *w = *state;

	expect_text(w->s, "Welcome");
	screen_type(w->s, "?");
	expect_row(w->s, 3, "  Alt-1 to Alt-9              conv");
	screen_resize(w->s, 12, 40);
	expect_row(w->s, 3, " Alt-1 to Alt-9: conversation 1 to 9");
	screen_resize(w->s, 5, 20);
	expect_row(w->s, 2, "Alt-1 to Alt-9:");
	expect_row(w->s, -1, " Esc close");
	expect_gone(w->s, "j/k");
}

static void narrow__says_who_is_there(void **state)
{
	struct world *w = *state;

	world_met(w);
	screen_resize(w->s, 12, 40);
	expect_row(w->s, 1, "bob~");
	expect_row(w->s, 1, "online");
	screen_type(w->s, "\033");
	expect_row(w->s, -1, "i write");
	screen_type(w->s, "\t");
	expect_row(w->s, 1, "● bob");
	expect_gone(w->s, "│");
}

static void slash_reply__says_what_it_answers(void **state)
{
	struct world *w = *state;

	world_met(w);
	world_say(w, "are you well?");
	expect_text(w->s, "are you well?");
	screen_type(w->s, "/r yes");
	expect_row(w->s, -3, "↩ are you well?");
	expect_row(w->s, -1, "Enter answers bob");
	screen_type(w->s, "\025");
	expect_row(w->s, -1, "Alt-r reply to bob");
}

static void length__never_hides_the_line(void **state)
{
	struct world *w = *state;
	char text[14401];

	world_met(w);
	memset(text, 'z', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	world_paste(w, text);
	expect_row(w->s, -1, "14400/16384");
	screen_type(w->s, "\001");
	expect_cursor(w->s, -6, 9);
	for (int row = -6; row < -1; row++)
		expect_row(w->s, row,
			   "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz"
			   "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz");
	screen_type(w->s, "\003");
	expect_gone(w->s, "/16384");
}

static void forget__is_asked_for_twice(void **state)
{
	struct world *w = *state;

	world_met(w);
	screen_type(w->s, "/forget bob\r");
	expect_row(w->s, -1, "Enter again forgets bob");
	expect_row(w->s, -2, "/forget bob");
	screen_type(w->s, "\005\r"); /* another key: it is asked again */
	expect_row(w->s, -1, "Enter again forgets bob");
	assert_true(screen_has(w->s, "hello there"));
	screen_type(w->s, "\r");
	expect_row(w->s, -1, "forgotten: bob");
	expect_gone(w->s, "hello there");
}

static void zoom__names_the_way_back(void **state)
{
	struct world *w = *state;

	world_met(w);
	screen_type(w->s, "\033OQ");
	expect_gone(w->s, "│");
	expect_row(w->s, -1, "F2 back");
	screen_type(w->s, "\033");
	expect_row(w->s, -1, "i write");
	screen_type(w->s, "\033");
	expect_row(w->s, 0, "sotto");
}

static void hints__name_what_works(void **state)
{
	struct world *w = *state;
	char text[32];

	world_met(w);
	for (int i = 0; i < 30; i++) {
		snprintf(text, sizeof(text), "line %d.", i);
		world_say(w, text);
	}
	world_say(w, "look: https://example.org/");
	expect_text(w->s, "example.org");
	screen_type(w->s, "\033[5~");
	expect_row(w->s, -1, "Alt-> newest");
	screen_type(w->s, "\033");
	expect_row(w->s, -1, "G newest");
	screen_type(w->s, "Gk");
	expect_row(w->s, -1, "r reply to it   d details   y copy   u open");
	screen_type(w->s, "k");
	expect_row(w->s, -1, "y copy   Esc");
}

static void words__say_what_happened(void **state)
{
	struct world *w = *state;

	world_met(w);
	screen_type(w->s, "/rename robert\r");
	expect_row(w->s, -1, " renamed: robert");
	screen_type(w->s, "/nick anna\r");
	expect_row(w->s, -1, " you are anna now");
	expect_row(w->s, 0, "anna~");
	expect_row(w->s, -4, "anna  hello there");
	screen_type(w->s, "/set clock 12\r");
	expect_row(w->s, -1, " set until the end");
	expect_row(w->s, -4, "M anna  hello there");
	screen_type(w->s, "/verify\r");
	expect_row(w->s, -1, " verified: robert");
	screen_type(w->s, "/info nobody\r");
	expect_row(w->s, -1, " nobody: nobody known by that name");
	screen_type(w->s, "/trust\r"); /* it is already */
	expect_row(w->s, -1, " trusted: robert");
	screen_type(w->s, "/connect 127.0.0.1:1\r");
	expect_row(w->s, -1, " 127.0.0.1:1: ");
	screen_type(w->s, "/info 127.0.0.1:1\r");
	expect_text(w->s, "Key           not seen yet");
}

static void command__leaves_the_draft(void **state)
{
	struct world *w = *state;

	world_met(w);
	screen_type(w->s, "half typed");
	expect_row(w->s, -2, "to bob> half typed");
	screen_type(w->s, "\033");
	expect_row(w->s, -1, "i write");
	screen_type(w->s, ":");
	expect_row(w->s, -2, "to bob> /");
	expect_gone(w->s, "half typed");
	screen_type(w->s, "me waves\r");
	peer_expect(&w->bob, "\"text\":\"/me waves\"");
	expect_row(w->s, -2, "to bob> half typed");
	expect_cursor(w->s, -2, 9 + 10);
	expect_gone(w->s, "i write");
	screen_type(w->s, "\033");
	expect_row(w->s, -1, "i write");
	screen_type(w->s, ":x\003");
	expect_row(w->s, -2, "to bob> half typed");
	screen_type(w->s, "\r");
	peer_expect(&w->bob, "\"text\":\"half typed\"");
}

static void pages__are_fetched_for_who_looks_up(void **state)
{
	struct world *w = *state;
	char text[32];

	world_met(w);
	screen_type(w->s, "/connect 127.0.0.1:1\r");
	expect_row(w->s, -1, "127.0.0.1:1: ");
	screen_type(w->s, "\0332"); /* Alt-2 */
	expect_row(w->s, -2, "to 127.0.0.1:1>");
	for (unsigned i = 1; i <= 120; i++) {
		snprintf(text, sizeof(text), "page %u.", i);
		world_say(w, text);
	}
	expect_row(w->s, -1, "120 unread");
	screen_type(w->s, "\033a");
	expect_text(w->s, "page 120.");
	screen_type(w->s, "\033u");
	expect_row(w->s, 2, "─ new ─");
	expect_row(w->s, 3, "page 1.");
	expect_row(w->s, 20, "page 18.");
	screen_type(w->s, "\033>");
	expect_row(w->s, 20, "page 120.");
	screen_type(w->s, "\0332");
	expect_row(w->s, -2, "to 127.0.0.1:1>");
	screen_type(w->s, "\0331");
	expect_row(w->s, 20, "page 120.");
	screen_type(w->s, "\033<");
	expect_row(w->s, 3, "hello there");
}

static void stranger__is_found_and_the_keys_are_true(void **state)
{
	struct world *w = *state;
	struct peer carla;

	world_connect(w);
	screen_type(w->s, "hello there\r");
	peer_expect(&w->bob, "hello there");
	peer_start(&carla, w->home, "carla", 0);
	world_say_from(w, &carla, "you do not know me");
	expect_text(w->s, "asks");
	screen_type(w->s, "\033a"); /* Alt-a */
	expect_text(w->s, "you do not know me");
	/* In the line a letter is text. */
	expect_row(w->s, 2, "? A stranger asks. Answer, or Esc and a accept");
	screen_type(w->s, "\033");
	expect_row(w->s, 2, "? A stranger asks. a accept");
	screen_type(w->s, "b");
	expect_row(w->s, 2, "Blocked: ");
	expect_row(w->s, 2, "blocked");
	expect_gone(w->s, "reply to carla");
	screen_type(w->s, ":unblock\r");
	expect_row(w->s, 2, "? A stranger asks.");
	screen_type(w->s, "\033");
	expect_row(w->s, -1, "a accept");
	screen_type(w->s, "a");
	expect_gone(w->s, "asks");
	peer_stop(&carla);
}

static void away__is_not_read(void **state)
{
	struct world *w = *state;

	world_met(w);
	screen_type(w->s, "\033[O"); /* the terminal: nobody looks */
	world_say(w, "you there?");
	world_say(w, "hello?");
	expect_row(w->s, -1, "2 unread");
	expect_row(w->s, 18, "─ new ─");
	screen_wait(w->s, 2500); /* longer than what is seen takes */
	assert_true(screen_has(w->s, "2 unread"));
	screen_type(w->s, "\033[I");
	expect_gone(w->s, "2 unread");
	expect_row(w->s, 18, "─ new ─");
	/* It is no key: a list is not left by it, a line not touched. */
	screen_type(w->s, "ab\033[O\033[Ic");
	expect_row(w->s, -2, "to bob> abc");
}

/* A peer of document 003 that hears and says nothing. */
static int plain_peer(int *port)
{
	struct sockaddr_in at = {.sin_family = AF_INET};
	socklen_t len = sizeof(at);
	struct timeval wait = {.tv_sec = 20};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (void *)&at, len), 0);
	assert_int_equal(getsockname(fd, (void *)&at, &len), 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	*port = ntohs(at.sin_port);
	return fd;
}

static void plain_expect(int fd, const char *text)
{
	char said[2000];
	ssize_t n;

	do {
		n = recv(fd, said, sizeof(said) - 1, 0);
		assert_true(n > 0);
		said[n] = 0;
	} while (!strstr(said, text));
}

static void plain__is_said_and_asked_for_once(void **state)
{
	struct world *w = *state;
	char text[128];
	int port, other, fd = plain_peer(&port), more = plain_peer(&other);

	expect_text(w->s, "Welcome");
	snprintf(text, sizeof(text), ":connect json://127.0.0.1:%d\r", port);
	screen_type(w->s, text);
	snprintf(text, sizeof(text), "to json://127.0.0.1:%d>", port);
	expect_row(w->s, -2, text);
	expect_row(w->s, 1, "PLAIN - anyone on the network");
	expect_row(w->s, 1, "PLAIN │"); /* in the list */
	screen_type(w->s, "in the clear\r");
	expect_row(w->s, -1, "Enter again sends it");
	expect_row(w->s, -2, "> in the clear");
	assert_int_equal(recv(fd, text, sizeof(text), MSG_DONTWAIT), -1);
	screen_type(w->s, "x\177\r"); /* another key: asked again */
	expect_row(w->s, -1, "Enter again sends it");
	assert_int_equal(recv(fd, text, sizeof(text), MSG_DONTWAIT), -1);
	screen_type(w->s, "\r");
	plain_expect(fd, "in the clear");
	screen_type(w->s, "again\r");
	plain_expect(fd, "\"again\"");
	/* the old programs' word, from one of theirs to another */
	snprintf(text, sizeof(text), "/chat 127.0.0.1 %d\r", other);
	screen_type(w->s, text);
	snprintf(text, sizeof(text), "to json://127.0.0.1:%d>", other);
	expect_row(w->s, -2, text);
	screen_type(w->s, "and you\r");
	plain_expect(more, "and you");
	screen_type(w->s, "/info\r");
	expect_text(w->s, "none. PLAIN");
	close(fd);
	close(more);
}

static void demo__begins_in_the_line(void **state)
{
	struct world *w = *state;
	char *argv[] = {(char[]){SOTTO_PATH},      (char[]){"demo"},
			(char[]){"--port"},        (char[]){"0"},
			(char[]){"--bind"},        (char[]){"127.0.0.1"},
			(char[]){"--no-discover"}, NULL};

	screen_free(w->s);
	w->s = screen_new(24, 80, argv, NULL);
	expect_text(w->s, "I am an echo");
	expect_row(w->s, -1, "connected to echo");
	screen_type(w->s, "quite so\r");
	expect_text(w->s, "you said: quite so");
	expect_text(w->s, "✓✓");
	screen_type(w->s, "/quit\r");
	screen_end(w->s);
}

#define SCREEN(f) cmocka_unit_test_setup_teardown(f, world_begin, world_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    SCREEN(screen__sends_answers_and_shows),
	    SCREEN(line__survives_500_messages),
	    SCREEN(sizes__all_work),
	    SCREEN(paste__runs_and_sends_nothing),
	    SCREEN(terminal__is_sane_after_quit),
	    SCREEN(terminal__is_sane_after_sigterm),
	    SCREEN(terminal__is_sane_after_a_crash),
	    SCREEN(program__ends_with_its_terminal),
	    SCREEN(terminal__is_sane_without_a_parent),
	    SCREEN(drafts__survive_kill),
	    SCREEN(draft__knows_what_it_answers),
	    SCREEN(hostile__stays_in_its_row),
	    SCREEN(unknown_command__sends_nothing),
	    SCREEN(find__goes_there),
	    SCREEN(screens__stay_in_step),
	    SCREEN(help__comes_from_the_tables),
	    SCREEN(help__gives_the_focus_back),
	    SCREEN(help__fits_a_narrow_screen),
	    SCREEN(narrow__says_who_is_there),
	    SCREEN(paste__ends_without_an_empty_row),
	    SCREEN(slash_reply__says_what_it_answers),
	    SCREEN(length__never_hides_the_line),
	    SCREEN(forget__is_asked_for_twice),
	    SCREEN(zoom__names_the_way_back),
	    SCREEN(hints__name_what_works),
	    SCREEN(words__say_what_happened),
	    SCREEN(command__leaves_the_draft),
	    SCREEN(pages__are_fetched_for_who_looks_up),
	    cmocka_unit_test_setup_teardown(
		stranger__is_found_and_the_keys_are_true, world_begin_asking,
		world_end),
	    SCREEN(away__is_not_read),
	    SCREEN(plain__is_said_and_asked_for_once),
	    SCREEN(demo__begins_in_the_line),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
