#include "src/config.h"
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
/* cmocka needs four of the above */
#include <cmocka.h>

/* One try: a home of its own, a config.ini, an argv, what came of it. */
struct world {
	char home[64];
	char *argv[24];
	int argc, exit_code;
	struct config c;
	char why[256];
	enum err err;
};

static const char *const variables[] = {
    "SOTTO_HOME",    "SOTTO_PROFILE",  "SOTTO_PORT",
    "PORT",          "NO_COLOR",       "XDG_CONFIG_HOME",
    "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR",
};

static int setup(void **state)
{
	struct world *w = test_calloc(1, sizeof *w);

	for (size_t i = 0; i < sizeof variables / sizeof *variables; i++)
		unsetenv(variables[i]);
	setenv("USER", "tester", 1);
	setenv("TERM", "xterm", 1);
	snprintf(w->home, sizeof w->home, "/tmp/sotto-test-XXXXXX");
	assert_non_null(mkdtemp(w->home));
	setenv("HOME", w->home, 1);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	char command[96];

	config_free(&w->c);
	assert_int_equal(chdir("/"), 0);
	snprintf(command, sizeof command, "rm -rf %s", w->home);
	assert_int_equal(system(command), 0);
	test_free(w);
	return 0;
}

static void put(const struct world *w, const char *name, const void *p,
		size_t n)
{
	char path[128];

	snprintf(path, sizeof path, "%s/%s", w->home, name);

	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(p, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
}

static void ini(const struct world *w, const char *text)
{
	put(w, "config.ini", text, strlen(text));
}

/* words are separated by one blank; "@" stands for our home. */
static void load(struct world *w, const char *words)
{
	static char line[1024];
	char *rest = line, *word;

	config_free(&w->c);
	snprintf(line, sizeof line, "sotto%s%s", *words ? " " : "", words);
	w->argc = 0;
	while ((word = strsep(&rest, " ")))
		w->argv[w->argc++] = strcmp(word, "@") ? word : w->home;
	w->argv[w->argc] = NULL;
	w->exit_code = -1;
	w->why[0] = 0;
	w->err = config_load(&w->c, w->argc, w->argv, &w->exit_code, w->why);
}

static void expect_ok(const struct world *w)
{
	if (w->err)
		fail_msg("%s", w->why);
}

static void expect_why(const struct world *w, int exit_code, const char *part)
{
	assert_int_not_equal(w->err, OK);
	assert_int_equal(w->exit_code, exit_code);
	if (!strstr(w->why, part))
		fail_msg("\"%s\" is not in \"%s\"", part, w->why);
}

static void config__is_usable__without_anything(void **state)
{
	struct world *w = *state;

	load(w, "");
	expect_ok(w);
	assert_int_equal(w->c.mode, RUN_SCREEN);
	assert_string_equal(w->c.nick, "tester");
	assert_int_equal(w->c.port, -1);
	assert_string_equal(w->c.bind, "::");
	assert_true(w->c.listen && w->c.screen.bell && w->c.screen.title);
	assert_int_equal(w->c.discover, DISCOVER_ALL);
	assert_int_equal(w->c.trust_new, TRUST_DEFAULT);
	assert_int_equal(w->c.argc, 0);
	assert_null(w->c.argv[0]);
}

static void config__takes__options_before_and_after_the_command(void **state)
{
	struct world *w = *state;

	load(w, "--home @ --nick ana send bob hello --json --timeout 5 "
		"--port=7000 -q -- --nick x");
	expect_ok(w);
	assert_int_equal(w->c.mode, RUN_COMMAND);
	assert_string_equal(w->c.nick, "ana");
	assert_int_equal(w->c.port, 7000);
	assert_int_equal(w->c.output, SW_ON);
	assert_int_equal(w->c.verbose, -1);
	assert_false(w->c.listen);

	static const char *const left[] = {"send", "bob", "hello",  "--timeout",
					   "5",    "--",  "--nick", "x"};

	assert_int_equal(w->c.argc, sizeof left / sizeof *left);
	for (int i = 0; i < w->c.argc; i++)
		assert_string_equal(w->c.argv[i], left[i]);
	assert_null(w->c.argv[w->c.argc]);
}

static void config__leaves__what_stands_behind_two_dashes(void **state)
{
	struct world *w = *state;

	load(w, "--home @ run -- make --help");
	expect_ok(w);
	assert_int_equal(w->c.mode, RUN_COMMAND);
	assert_int_equal(w->c.argc, 4);
	assert_string_equal(w->c.argv[1], "--");
	assert_string_equal(w->c.argv[3], "--help");
	load(w, "--home @ -- id");
	expect_ok(w);
	assert_int_equal(w->c.argc, 1);
	assert_string_equal(w->c.argv[0], "id");
}

static void config__refuses__what_it_does_not_know(void **state)
{
	static const struct {
		const char *words, *why;
	} bad[] = {
	    {"--prot 1", "unknown option --prot"},
	    {"-x", "unknown option -x"},
	    {"--plain peers", "--plain takes no command, but got peers"},
	    {"--web=80", "--web: a port is 0 or 1024"},
	    {"--listen json=1:2", "--listen: a listener as json=127.0.0.1:"},
	    {"--listen json=::1:5000x", "--listen: a listener as json="},
	    {"--listen json=127.0.0.1:0", "--listen: a listener as json="},
	    {"--listen sotto=127.0.0.1:5000", "--listen: a listener as"},
	    {"--listen center=127.0.0.1:6066",
	     "--listen center=: only sotto center"},
	    {"--center-port x", "--center-port: a port, or 127.0.0.1:6067"},
	    {"--listen smtp=127.0.0.1:5000", "--listen: a listener as json="},
	    {"sned bob hi", "unknown command sned"},
	    {"--headless send bob hi", "--headless takes no command"},
	    {"--port", "--port wants a value"},
	    {"--stay=1", "--stay takes no value"},
	    {"--port 0x10", "--port: a port is 0 or 1024"},
	    {"--port 1023", "--port: a port is 0 or 1024"},
	    {"--port 65536", "--port: a port is 0 or 1024"},
	    {"--port -1", "--port: a port is 0 or 1024"},
	    {"--port 99999999999999999999", "--port: a port is 0 or 1024"},
	    {"--bind localhost", "--bind: an address in numbers"},
	    {"--bind 1.2.3", "--bind: an address in numbers"},
	    {"--discover maybe", "--discover: all or off, not \"maybe\""},
	    {"--discover contacts", "all or off in this version"},
	    {"--trust-new yes", "--trust-new: ask, accept or refuse"},
	    {"--color blue", "--color: auto, never or always"},
	    {"--profile ../x", "--profile: a name of letters"},
	    {"--profile .x", "--profile: a name of letters"},
	    {"--nick 123456789012345678901234567890123", "--nick: a name"},
	    {"--nick a\xff", "--nick: a name"},
	    {"--nick a\x1b[2J", "--nick: a name"},
	    {"--nick a\xe2\x80\xae", "--nick: a name"},
	};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		load(w, bad[i].words);
		expect_why(w, 2, bad[i].why);
		assert_null(strchr(w->why, '\x1b'));
	}
}

static void config__makes_nothing__before_the_line_is_right(void **state)
{
	struct world *w = *state;
	char path[128];

	load(w, "--home @/new --port x");
	expect_why(w, 2, "--port");
	load(w, "--help");
	expect_ok(w);
	assert_int_equal(w->c.mode, RUN_HELP);
	load(w, "send --version");
	expect_ok(w);
	assert_int_equal(w->c.mode, RUN_VERSION);
	load(w, "help keys");
	expect_ok(w);
	snprintf(path, sizeof path, "%s/.local", w->home);
	assert_int_equal(access(path, F_OK), -1);
}

static void config__reads__every_key(void **state)
{
	struct world *w = *state;

	ini(w, "# a comment\n"
	       "\n"
	       "nickname = Zo\xc3\xab the 2nd\r\n"
	       "port=7001\n"
	       "   bind =   127.0.0.1   \n"
	       "discover = off\n"
	       "trust-new = refuse\n"
	       "peers-file = friends.txt\n"
	       "log = full\n"
	       "history = off\n"
	       "bell = no\n"
	       "clock = 12\n"
	       "color = always\n"
	       "title = off\n"
	       "port = 7002");
	load(w, "--home @");
	expect_ok(w);
	assert_string_equal(w->c.nick, "Zo\xc3\xab the 2nd");
	assert_int_equal(w->c.port, 7002);
	assert_string_equal(w->c.bind, "127.0.0.1");
	assert_int_equal(w->c.discover, DISCOVER_OFF);
	assert_int_equal(w->c.trust_new, TRUST_REFUSE);
	assert_int_equal(w->c.log, LOG_FULL);
	assert_int_equal(w->c.history, HISTORY_OFF);
	assert_false(w->c.screen.bell);
	assert_false(w->c.screen.title);
	assert_true(w->c.screen.clock12);
	assert_int_equal(w->c.color, SW_ON);
	assert_int_equal(w->c.n_warnings, 0);

	char path[128];

	snprintf(path, sizeof path, "%s/friends.txt", w->home);
	assert_string_equal(w->c.peers_file, path);
}

/* A table row in config_keys that no setter knows would warn. */
static void config__obeys__every_key_it_prints(void **state)
{
	static const char *const value[] = {"1234",
					    "on",
					    "off",
					    "ask",
					    "auto",
					    "socket",
					    "json=127.0.0.1:5000",
					    "forever",
					    "24",
					    "::",
					    "name",
					    "dark",
					    "open"};
	struct world *w = *state;

	for (const struct option_row *r = config_keys; r->name; r++) {
		bool good = false;

		for (size_t i = 0; i < sizeof value / sizeof *value; i++) {
			char line[128];

			snprintf(line, sizeof line, "%s = %s\n", r->name,
				 value[i]);
			ini(w, line);
			load(w, "--home @");
			good |= !w->err;
			for (size_t k = 0; k < w->c.n_warnings; k++)
				assert_null(strstr(w->c.warning[k], "unknown"));
		}
		assert_true(good);
	}
}

static void config__knows__every_option_it_prints(void **state)
{
	struct world *w = *state;

	for (const struct option_row *r = config_options; r->name; r++) {
		bool maybe = r->arg && r->arg[0] == '[';
		char words[128];

		snprintf(words, sizeof words, "%s%s", r->name,
			 r->arg && !maybe ? "" : "=x");
		load(w, words);
		if (r->name[1] == '-')
			expect_why(w, 2,
				   maybe    ? r->name
				   : r->arg ? "wants a value"
					    : "takes no value");
	}
}

static void config__listens__where_it_is_told(void **state)
{
	struct world *w = *state;
	char text[ADDR_TEXT];

	ini(w, "listen = json=127.0.0.1:5000\nlisten = mesh=[::1]:6400\n");
	load(w, "--home @ --listen json=127.0.0.1:5001");
	expect_ok(w);
	assert_int_equal(w->c.n_plain, 3);
	assert_string_equal(w->c.plain[0].dialect, "json");
	addr_text(text, &w->c.plain[0].at);
	assert_string_equal(text, "127.0.0.1:5001");
	addr_text(text, &w->c.plain[2].at);
	assert_string_equal(text, "[::1]:6400");
	assert_false(w->c.json_claimed);
}

static void config__relays__unless_told_otherwise(void **state)
{
	struct world *w = *state;
	char text[ADDR_TEXT];

	load(w, "--home @");
	expect_ok(w);
	assert_true(w->c.relay);
	assert_int_equal(w->c.relay_at.port, 0);
	ini(w, "relay = off\n");
	load(w, "--home @");
	expect_ok(w);
	assert_false(w->c.relay);
	ini(w, "relay = [2001:db8::1]:6400\n");
	load(w, "--home @");
	expect_ok(w);
	assert_true(w->c.relay);
	addr_text(text, &w->c.relay_at);
	assert_string_equal(text, "[2001:db8::1]:6400");
}

static void config__opens__no_plain_door_to_the_network_unasked(void **state)
{
	struct world *w = *state;

	load(w, "--home @ --listen json=0.0.0.0:5000");
	expect_why(w, 2, "--plain-on-network");
	load(w, "--home @ --listen json=0.0.0.0:5000 --plain-on-network");
	expect_ok(w);
	load(w, "--home @ --center-port 6067");
	expect_ok(w);
	assert_int_equal(w->c.pushes.at.port, 6067);
	assert_true(addr_loopback(&w->c.pushes.at));
	load(w, "--home @ --center-port 0.0.0.0:6067");
	expect_why(w, 2, "--plain-on-network");
	ini(w, "listen = json=192.0.2.1:5000\n");
	load(w, "--home @");
	expect_why(w, 10, "--plain-on-network");
	ini(w, "plain-on-network = on\nlisten = json=192.0.2.1:5000\n"
	       "json-ack = claimed\n");
	load(w, "--home @");
	expect_ok(w);
	assert_true(w->c.json_claimed);
}

static void config__names__file_and_line_of_a_bad_value(void **state)
{
	static const struct {
		const char *text, *why;
	} bad[] = {
	    {"port = x\n", "config.ini:1: port: a port is 0 or 1024"},
	    {"\n\n# c\nport = 70000\n", "config.ini:4: port:"},
	    {"nickname =\n", "config.ini:1: nickname:"},
	    {"nickname = a\nnonsense\n", "config.ini:2: not key = value"},
	    {"[section]\nport = 7000\n", "config.ini:2: there are no [sect"},
	    {"bell = loud\n", "config.ini:1: bell: on or off"},
	    {"history = 30 days\n", "config.ini:1: history: forever or off"},
	    {"clock = 13\n", "config.ini:1: clock: 24 or 12"},
	    {"log = yes\n", "config.ini:1: log: on, full or off"},
	    {"bind = here\n", "config.ini:1: bind: an address"},
	    {"discover = x\ncolor = y\n", "config.ini:1: discover:"},
	    {"junk\ncolor = y\n", "config.ini:1: not key = value"},
	    {"interface-port = no\n", "config.ini:1: interface-port:"},
	    {"interface-local = maybe\n", "config.ini:1: interface-local:"},
	    {"peers-file =\n", "config.ini:1: peers-file: a file"},
	    {"relay = 192.0.2.1\n", "config.ini:1: relay: on, off or an"},
	    {"relay = one.example.org:6327\n", "relay: on, off or an"},
	    {"node = a b\n", "config.ini:1: node: 1 to 32 letters"},
	    {"node = 123456789012345678901234567890123\n",
	     "config.ini:1: node: 1 to 32 letters"},
	};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		ini(w, bad[i].text);
		load(w, "--home @");
		expect_why(w, 10, bad[i].why);
		assert_non_null(strstr(w->why, w->home));
	}
}

static void config__warns__about_keys_it_does_not_know(void **state)
{
	struct world *w = *state;

	ini(w, "nickname = ana\ncolour = always\nuser = ana\n"
	       "listen = json=127.0.0.1:5000\n"
	       "interface-port = 5081\ninterface-local = false\n"
	       "interface-folder = /srv\n");
	load(w, "--home @");
	expect_ok(w);
	assert_string_equal(w->c.nick, "ana");
	assert_int_equal(w->c.n_warnings, 2);
	assert_non_null(strstr(w->c.warning[0], ":2: unknown key colour"));
	assert_non_null(strstr(w->c.warning[1], ":6: interface-local"));
	assert_string_equal(w->c.login_user, "ana");
}

static void config__bounds__the_file(void **state)
{
	struct world *w = *state;
	static char big[70000];

	snprintf(big, sizeof big, "bell = off\n#%4096d\nport = x\n", 0);
	ini(w, big);
	load(w, "--home @");
	expect_why(w, 10, "config.ini:2: longer than 4096 bytes");
	snprintf(big, sizeof big, "port = x\n#%4096d\n", 0);
	ini(w, big);
	load(w, "--home @");
	expect_why(w, 10, "config.ini:1: port:");
	put(w, "config.ini", "port = 7000\nnick\0name = x\n", 26);
	load(w, "--home @");
	expect_why(w, 10, "config.ini:2: a NUL byte");
	memset(big, '\n', sizeof big);
	put(w, "config.ini", big, sizeof big);
	load(w, "--home @");
	expect_why(w, 10, "config.ini: larger than");
	memset(big, 0, sizeof big);
	for (int i = 0; i < 1000; i++)
		memcpy(big + i * 8, "key = 1\n", 8);
	put(w, "config.ini", big, 8000);
	load(w, "--home @");
	expect_ok(w);
	assert_in_range(w->c.n_warnings, 1, 64);
}

static void config__takes__long_lines(void **state)
{
	struct world *w = *state;
	char text[8400], name[4097];

	memset(name, 'n', sizeof name);
	memcpy(name, "peers-file = /", 14);
	name[4096] = 0;
	snprintf(text, sizeof text, "#%4095d\n%s\nport = 7000", 0, name);
	ini(w, text);
	load(w, "--home @");
	expect_ok(w);
	assert_string_equal(w->c.peers_file, name + 13);
	assert_int_equal(w->c.port, 7000);
}

static void config__cannot_read__what_it_may_not(void **state)
{
	struct world *w = *state;
	char path[128];

	snprintf(path, sizeof path, "%s/config.ini", w->home);
	assert_int_equal(mkdir(path, 0700), 0);
	load(w, "--home @");
	expect_why(w, 10, "config.ini: ");
}

static void config__accepts__the_capital_of_document_004(void **state)
{
	struct world *w = *state;

	put(w, "Config.ini", "nickname=Laci\n", 14);
	load(w, "--home @");
	expect_ok(w);
	assert_string_equal(w->c.nick, "Laci");
	ini(w, "nickname=other\n");
	load(w, "--home @");
	expect_ok(w);
	assert_string_equal(w->c.nick, "other");
}

static void config__weighs__option_then_environment_then_file(void **state)
{
	struct world *w = *state;

	ini(w, "port = 7001\nnickname = file\n");
	setenv("SOTTO_HOME", w->home, 1);
	load(w, "");
	expect_ok(w);
	assert_int_equal(w->c.port, 7001);
	setenv("PORT", "7002", 1);
	load(w, "");
	assert_int_equal(w->c.port, 7002);
	setenv("SOTTO_PORT", "7003", 1);
	load(w, "");
	assert_int_equal(w->c.port, 7003);
	load(w, "--port 7004 --nick line");
	assert_int_equal(w->c.port, 7004);
	assert_string_equal(w->c.nick, "line");
	setenv("SOTTO_PORT", "no", 1);
	load(w, "");
	expect_why(w, 2, "environment: SOTTO_PORT:");
}

static void expect_ini(const struct world *w, const char *want)
{
	char path[128], got[8192];

	snprintf(path, sizeof path, "%s/config.ini", w->home);

	FILE *f = fopen(path, "r");

	assert_non_null(f);
	got[fread(got, 1, sizeof got - 1, f)] = 0;
	fclose(f);
	assert_string_equal(got, want);
}

static void save(struct world *w, const char *key, const char *value)
{
	w->why[0] = 0;
	w->err = config_save(&w->c, key, value, w->why);
}

static void config_save__writes__one_value_and_leaves_the_rest(void **state)
{
	static const struct {
		const char *before, *key, *value, *after;
	} row[] = {
	    {"", "nickname", "ana", "nickname = ana\n"},
	    {"# mine\n\nunknown=1", "port", "7000",
	     "# mine\n\nunknown=1\nport = 7000\n"},
	    {"# port = 1\n;port = 2\nport=7001\nbell = on\n", "port", "7002",
	     "# port = 1\n;port = 2\nport=7002\nbell = on\n"},
	    {"port = 7001\nport = 7002 ; home\n", "port", "7003",
	     "port = 7001\nport = 7003 ; home\n"},
	    {"  port :\t7001  \r\nbell = on\r\n", "port", "7002",
	     "  port :\t7002  \r\nbell = on\r\n"},
	    {"\xef\xbb\xbfport = 7001\n", "port", "7002",
	     "\xef\xbb\xbfport = 7002\n"},
	    {"nickname = a\nnick = b\n", "nickname", "c;d",
	     "nickname = a\nnick = c;d\n"},
	    {"peers-file =\r\nport =\n", "peers-file", "p.txt",
	     "peers-file =p.txt\r\nport =\n"},
	    {"peers-file = ; none\n", "peers-file", "p.txt",
	     "peers-file = p.txt ; none\n"},
	    {"nickname = Zo\xc3\xab the 2nd", "nickname", "Zo\xc3\xab = 3",
	     "nickname = Zo\xc3\xab = 3"},
	};
	struct world *w = *state;

	load(w, "--home @");
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		ini(w, row[i].before);
		save(w, row[i].key, row[i].value);
		expect_ok(w);
		expect_ini(w, row[i].after);
	}
}

static void config_save__is_obeyed__at_the_next_start(void **state)
{
	struct world *w = *state;

	load(w, ""); /* there is no folder for it yet */
	save(w, "nickname", "ana");
	expect_ok(w);
	save(w, "clock", "12");
	expect_ok(w);
	assert_string_equal(w->c.nick, "tester");
	load(w, "");
	expect_ok(w);
	assert_string_equal(w->c.nick, "ana");
	assert_true(w->c.screen.clock12);
}

static void config_save__changes_nothing__when_it_refuses(void **state)
{
	static const struct {
		const char *key, *value, *why;
	} bad[] = {
	    {"colour", "always", "unknown key colour; see"},
	    {"home", "/tmp", "unknown key home; see"},
	    {"port", "80", "port: a port is 0 or 1024"},
	    {"nickname", "a\nport = 1", "nickname: a name of 1 to 32"},
	    {"nickname", "a ;b", "nickname: config.ini cannot hold"},
	    {"peers-file", "a\nport = 7000", "cannot hold that value"},
	    {"peers-file", " a", "cannot hold that value"},
	};
	struct world *w = *state;
	const char *before = "# mine\nport = 7001\n";

	load(w, "--home @");
	ini(w, before);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		save(w, bad[i].key, bad[i].value);
		if (!w->err || !strstr(w->why, bad[i].why))
			fail_msg("\"%s\" is not in \"%s\"", bad[i].why, w->why);
		expect_ini(w, before);
	}
	before = "[mine]\nbell = on\n"; /* what it says is not heard */
	ini(w, before);
	save(w, "port", "7000");
	assert_int_equal(w->err, ERR_PARSE);
	expect_ini(w, before);
}

static void config_save__keeps__a_link_and_the_mode(void **state)
{
	struct world *w = *state;
	char path[128], target[128];
	struct stat st;

	load(w, "--home @");
	snprintf(path, sizeof path, "%s/config.ini", w->home);
	snprintf(target, sizeof target, "%s/mine.ini", w->home);
	put(w, "mine.ini", "port = 7000\n", 12);
	assert_int_equal(chmod(target, 0640), 0);
	assert_int_equal(symlink("mine.ini", path), 0);
	save(w, "port", "7001");
	expect_ok(w);
	assert_int_equal(lstat(path, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_int_equal(stat(target, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	expect_ini(w, "port = 7001\n");
	assert_int_equal(unlink(path), 0);
	save(w, "port", "7002"); /* new: for nobody else */
	expect_ok(w);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
}

static void expect_only(const struct world *w, const char *const *name,
			size_t n)
{
	DIR *d = opendir(w->home);
	size_t found = 0;

	assert_non_null(d);
	for (struct dirent *e; (e = readdir(d));) {
		if (e->d_name[0] == '.')
			continue;
		found++;
		for (size_t i = 0;; i++) {
			if (i == n)
				fail_msg("%s is left", e->d_name);
			if (!strcmp(name[i], e->d_name))
				break;
		}
	}
	closedir(d);
	assert_int_equal(found, n);
}

static void config_save__leaves__nothing_beside_it(void **state)
{
	static const char *const good[] = {"config.ini"};
	struct world *w = *state;
	char path[128];

	load(w, "--home @");
	save(w, "port", "7000");
	expect_ok(w);
	expect_only(w, good, 1);
	snprintf(path, sizeof path, "%s/config.ini", w->home);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	save(w, "port", "7000");
	assert_int_equal(w->err, ERR_SYS);
	assert_non_null(strstr(w->why, "config.ini: "));
	expect_only(w, good, 1);
}

static void expect_path(const struct world *w, const char *path,
			const char *below)
{
	char want[256];

	snprintf(want, sizeof want, "%s/%s", w->home, below);
	assert_string_equal(path, want);
}

static void expect_private(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
}

static void config__keeps__to_the_folders_of_xdg(void **state)
{
	struct world *w = *state;

	load(w, "");
	expect_ok(w);
	expect_path(w, w->c.config_path, ".config/sotto/config.ini");
	expect_path(w, w->c.peers_file, ".config/sotto/peers.txt");
	expect_path(w, w->c.identity_path, ".local/share/sotto/identity");
	expect_path(w, w->c.log_path, ".local/state/sotto/log.txt");
	expect_path(w, w->c.control_path,
		    ".local/state/sotto/run/control.sock");
	expect_private(w->c.data_dir);
	expect_private(w->c.run_dir);
	load(w, "--profile bob");
	expect_ok(w);
	expect_path(w, w->c.config_path, ".config/sotto/bob/config.ini");
	expect_path(w, w->c.store_path, ".local/share/sotto/bob/sotto.db");

	char dir[128];

	snprintf(dir, sizeof dir, "%s/runtime", w->home);
	assert_int_equal(mkdir(dir, 0700), 0);
	setenv("XDG_RUNTIME_DIR", dir, 1);
	setenv("XDG_DATA_HOME", "not/absolute", 1);
	load(w, "--profile bob");
	expect_ok(w);
	expect_path(w, w->c.control_path, "runtime/sotto/bob/control.sock");
	expect_path(w, w->c.lock_path, ".local/share/sotto/bob/lock");
}

static void config__keeps__everything_in_one_home(void **state)
{
	struct world *w = *state;

	assert_int_equal(chdir(w->home), 0);
	load(w, "--home one/two --profile bob");
	expect_ok(w);
	expect_path(w, w->c.identity_path, "one/two/bob/identity");
	expect_path(w, w->c.control_path, "one/two/bob/control.sock");
	expect_private("one/two/bob");
	put(w, "file", "", 0);
	load(w, "--home file/x");
	expect_why(w, 1, "folder ");
}

static void config__removes__only_what_is_ephemeral(void **state)
{
	struct world *w = *state;
	char dir[256], path[300];
	struct stat st;

	setenv("TMPDIR", w->home, 1);
	put(w, "stays", "x", 1);
	load(w, "--ephemeral");
	expect_ok(w);
	snprintf(dir, sizeof dir, "%s", w->c.data_dir);
	expect_private(dir);
	snprintf(path, sizeof path, "%s/link", dir);
	assert_int_equal(symlink("../stays", path), 0);
	snprintf(path, sizeof path, "%s/sub", dir);
	assert_int_equal(mkdir(path, 0700), 0);
	config_free(&w->c);
	unsetenv("TMPDIR");
	assert_int_equal(stat(dir, &st), -1);
	snprintf(path, sizeof path, "%s/stays", w->home);
	assert_int_equal(stat(path, &st), 0);
	load(w, "--home @");
	config_free(&w->c);
	assert_int_equal(stat(w->home, &st), 0);
}

static void config__listens__only_where_it_makes_sense(void **state)
{
	static const struct {
		const char *words;
		bool listens;
		enum discover discover;
	} row[] = {
	    {"", true, DISCOVER_ALL},
	    {"--headless", true, DISCOVER_OFF},
	    {"--headless --discover all", true, DISCOVER_ALL},
	    {"--no-discover", true, DISCOVER_OFF},
	    {"send bob hi", false, DISCOVER_OFF},
	    {"recv", true, DISCOVER_OFF},
	    {"tail bob", false, DISCOVER_OFF},
	    {"tail bob -f", true, DISCOVER_OFF},
	    {"id", false, DISCOVER_OFF},
	};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		load(w, row[i].words);
		expect_ok(w);
		assert_int_equal(w->c.listen, row[i].listens);
		assert_int_equal(w->c.discover, row[i].discover);
	}
}

static void config__needs_no_colour__where_none_is_wanted(void **state)
{
	struct world *w = *state;

	setenv("NO_COLOR", "1", 1);
	load(w, "");
	assert_int_equal(w->c.color, SW_OFF);
	load(w, "--color always");
	assert_int_equal(w->c.color, SW_ON);
	unsetenv("NO_COLOR");
	setenv("TERM", "dumb", 1);
	load(w, "");
	assert_int_equal(w->c.color, SW_OFF);
	load(w, "--plain");
	assert_int_equal(w->c.mode, RUN_PLAIN);
	assert_int_equal(w->c.discover, DISCOVER_ALL); /* somebody sits there */
}

static void config__finds_a_name__for_whoever_it_is(void **state)
{
	struct world *w = *state;

	setenv("USER", "bad\x1bname", 1);
	load(w, "");
	expect_ok(w);
	assert_true(strlen(w->c.nick) > 0);
	assert_null(strchr(w->c.nick, '\x1b'));
	unsetenv("USER");
	load(w, "");
	assert_true(strlen(w->c.nick) > 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(config__is_usable__without_anything),
	    TEST(config__takes__options_before_and_after_the_command),
	    TEST(config__leaves__what_stands_behind_two_dashes),
	    TEST(config__refuses__what_it_does_not_know),
	    TEST(config__makes_nothing__before_the_line_is_right),
	    TEST(config__reads__every_key),
	    TEST(config__obeys__every_key_it_prints),
	    TEST(config__knows__every_option_it_prints),
	    TEST(config__listens__where_it_is_told),
	    TEST(config__relays__unless_told_otherwise),
	    TEST(config__opens__no_plain_door_to_the_network_unasked),
	    TEST(config__names__file_and_line_of_a_bad_value),
	    TEST(config__warns__about_keys_it_does_not_know),
	    TEST(config__bounds__the_file),
	    TEST(config__takes__long_lines),
	    TEST(config__cannot_read__what_it_may_not),
	    TEST(config__accepts__the_capital_of_document_004),
	    TEST(config__weighs__option_then_environment_then_file),
	    TEST(config_save__writes__one_value_and_leaves_the_rest),
	    TEST(config_save__is_obeyed__at_the_next_start),
	    TEST(config_save__changes_nothing__when_it_refuses),
	    TEST(config_save__keeps__a_link_and_the_mode),
	    TEST(config_save__leaves__nothing_beside_it),
	    TEST(config__keeps__to_the_folders_of_xdg),
	    TEST(config__keeps__everything_in_one_home),
	    TEST(config__removes__only_what_is_ephemeral),
	    TEST(config__listens__only_where_it_makes_sense),
	    TEST(config__needs_no_colour__where_none_is_wanted),
	    TEST(config__finds_a_name__for_whoever_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
