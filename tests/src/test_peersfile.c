#include "src/peersfile.h"
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

struct world {
	char dir[64], path[96];
	struct peersfile p;
};

static int setup(void **state)
{
	struct world *w = test_calloc(1, sizeof *w);

	snprintf(w->dir, sizeof w->dir, "/tmp/sotto-test-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	snprintf(w->path, sizeof w->path, "%s/peers.txt", w->dir);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	char command[96];

	peersfile_free(&w->p);
	snprintf(command, sizeof command, "rm -rf %s", w->dir);
	assert_int_equal(system(command), 0);
	test_free(w);
	return 0;
}

static void put(const struct world *w, const void *p, size_t n)
{
	FILE *f = fopen(w->path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(p, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
}

static enum err read_text(struct world *w, const char *text)
{
	put(w, text, strlen(text));
	peersfile_free(&w->p);
	return peersfile_read(&w->p, w->path);
}

static void peersfile__reads__every_form_of_address(void **state)
{
	static const struct {
		const char *line, *host;
		uint16_t port;
	} good[] = {
	    {"192.168.1.20:6328\n", "192.168.1.20", 6328},
	    {"192.168.1.20", "192.168.1.20", 6327},
	    {"  10.0.0.7:1  \r\n", "10.0.0.7", 1},
	    {"[fe80::1]:7000\n", "fe80::1", 7000},
	    {"[::1]\n", "::1", 6327},
	    {"2001:db8::7\n", "2001:db8::7", 6327},
	    {"build-server.example.org:65535\n", "build-server.example.org",
	     65535},
	    {"laptop\n", "laptop", 6327},
	    {"sotto://laptop\n", "laptop", 6327},
	    {"sotto://10.0.0.7:6329\n", "10.0.0.7", 6329},
	    {"sotto://[::1]:6329\n", "::1", 6329},
	    {"\xEF\xBB\xBF"
	     "10.0.0.7\n",
	     "10.0.0.7", 6327},
	};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		assert_int_equal(read_text(w, good[i].line), OK);
		assert_int_equal(w->p.n_warnings, 0);
		assert_int_equal(w->p.n, 1);
		assert_string_equal(w->p.hint[0].host, good[i].host);
		assert_int_equal(w->p.hint[0].port, good[i].port);
		assert_ptr_equal(w->p.hint[0].dialect, &dialect_sotto);
		assert_int_equal(w->p.hint[0].via, VIA_FILE);
		assert_true(pubkey_none(&w->p.hint[0].key));
	}
}

static void peersfile__warns__with_file_and_line(void **state)
{
	static const struct {
		const char *line, *why;
	} bad[] = {
	    {"10.0.0.7:0", "a port is 1 to 65535: 10.0.0.7:0"},
	    {"10.0.0.7:65536", "a port is"},
	    {"10.0.0.7:", "a port is"},
	    {"10.0.0.7:12x", "a port is"},
	    {":6327", "no address"},
	    {"two words:6327", "no address"},
	    {"[::1:6327", "an address in [ ]"},
	    {"[::1]6327", "an address in [ ]"},
	    {"[laptop]:6327", "no address"},
	    {"[]:6327", "no address"},
	    {"a\x1b[2Jb:6327", "no address"},
	    {"smtp://10.0.0.7:6327", "smtp:// is not in this version"},
	    {"json://10.0.0.7", "that dialect has no usual port"},
	    {"://10.0.0.7", ":// is not in this version"},
	    {"sotto://abcd@10.0.0.7:6327", "with a key is not in this"},
	};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		char text[256];

		snprintf(text, sizeof text, "# one\n\n%s\n10.0.0.8:7\n",
			 bad[i].line);
		assert_int_equal(read_text(w, text), OK);
		assert_int_equal(w->p.n_warnings, 1);

		const char *warning = w->p.warning[0];

		assert_memory_equal(warning, "peers.txt:3: ", 13);
		if (!strstr(warning, bad[i].why))
			fail_msg("\"%s\" not in \"%s\"", bad[i].why, warning);
		assert_null(strchr(warning, '\x1b'));
		assert_int_equal(w->p.n, 1);
		assert_string_equal(w->p.hint[0].host, "10.0.0.8");
	}
}

static void peersfile__is_empty__when_missing(void **state)
{
	struct world *w = *state;

	assert_int_equal(peersfile_read(&w->p, w->path), OK);
	assert_int_equal(w->p.n + w->p.n_warnings, 0);
}

static void peersfile__says__that_it_cannot_be_read(void **state)
{
	struct world *w = *state;

	assert_int_equal(mkdir(w->path, 0700), 0);
	assert_int_equal(peersfile_read(&w->p, w->path), ERR_SYS);
	assert_int_equal(w->p.n_warnings, 1);
	assert_memory_equal(w->p.warning[0], "peers.txt: ", 11);
}

static void peersfile__bounds__lines_and_their_number(void **state)
{
	struct world *w = *state;
	struct buf text = {0};

	for (int i = 0; i < 500; i++)
		buf_printf(&text, "1234567890");
	buf_printf(&text, "\n10.0.0.7:1\n");
	put(w, text.p, text.n);
	assert_int_equal(peersfile_read(&w->p, w->path), OK);
	assert_int_equal(w->p.n, 1);
	assert_string_equal(w->p.warning[0],
			    "peers.txt:1: too long, or not text");
	peersfile_free(&w->p);
	put(w, "10.0.0.7\0:1\n10.0.0.8\n", 21);
	assert_int_equal(peersfile_read(&w->p, w->path), OK);
	assert_int_equal(w->p.n, 1);
	assert_int_equal(w->p.n_warnings, 1);
	text.n = 0;
	for (int i = 0; i < 5000; i++)
		buf_printf(&text, "10.0.%d.%d\n", i / 256, i % 256);
	for (int i = 0; i < 5000; i++)
		buf_printf(&text, "?\n");
	peersfile_free(&w->p);
	put(w, text.p, text.n);
	assert_int_equal(peersfile_read(&w->p, w->path), OK);
	assert_int_equal(w->p.n, 4096);
	assert_int_equal(w->p.n_warnings, 1);
	text.n = 0;
	for (int i = 0; i < 1000; i++)
		buf_printf(&text, "?\n");
	peersfile_free(&w->p);
	put(w, text.p, text.n);
	assert_int_equal(peersfile_read(&w->p, w->path), OK);
	assert_in_range(w->p.n_warnings, 1, 64);
	buf_free(&text);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(peersfile__reads__every_form_of_address),
	    TEST(peersfile__warns__with_file_and_line),
	    TEST(peersfile__is_empty__when_missing),
	    TEST(peersfile__says__that_it_cannot_be_read),
	    TEST(peersfile__bounds__lines_and_their_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
