#include "src/config.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
/* Input: a config.ini, then behind each byte 1 a word of the command line.
 * Whatever it is, it is either taken or refused with a reason and a known exit
 * status; nothing that comes out is outside of its range. */
enum { WORDS = 16, INPUT = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char home[] = "/tmp/sotto-fuzz-XXXXXX";

static void remove_home(void)
{
	if (!chdir(home) && !unlink("config.ini"))
		rmdir(home);
}

/* Once: a folder of its own, and nothing of the environment. */
static void prepare(void)
{
	static bool done;

	if (done)
		return;
	done = true;
	if (clearenv() || !mkdtemp(home))
		abort();
	setenv("SOTTO_HOME", home, 1);
	setenv("USER", "fuzz", 1);
	atexit(remove_home);
}

static void write_file(const char *text, size_t n)
{
	char path[64];

	snprintf(path, sizeof path, "%s/config.ini", home);

	FILE *f = fopen(path, "w");

	if (!f || fwrite(text, 1, n, f) != n || fclose(f))
		abort();
}

/* No folders but ours. */
static bool harmless(const char *word)
{
	return strncmp(word, "--home", 6) && strncmp(word, "--profile", 9) &&
	       strcmp(word, "--ephemeral") && strcmp(word, "demo");
}

static bool known_exit(int status)
{
	return status == 1 || status == 2 || status == 10;
}

static void check(const struct config *c)
{
	assert(c->nick[0] && strlen(c->nick) <= NICK_MAX);
	assert(
	    utf8_ok((struct bytes){(const uint8_t *)c->nick, strlen(c->nick)}));
	assert(c->port >= -1 && c->port <= 65535);
	assert(c->n_warnings <= 64);
	assert(c->mode != RUN_COMMAND || config_command(c->argv[0]));
	assert(!c->argv[c->argc]);
	for (size_t i = 0; i < c->n_warnings; i++)
		assert(!strchr(c->warning[i], '\x1b'));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[INPUT + 1], program[] = "sotto", *argv[WORDS + 2] = {program};
	char why[256] = "";
	struct config c;
	int argc = 1, status = -1;

	if (size > INPUT)
		return 0;
	prepare();
	memcpy(text, data, size);
	text[size] = 0;

	const char *one = memchr(text, 1, size);
	size_t file = one ? (size_t)(one - text) : size;

	write_file(text, file);
	for (size_t i = file; i < size && argc <= WORDS; i++) {
		if (text[i] != 1)
			continue;
		text[i] = 0;
		argv[argc++] = text + i + 1;
	}
	for (int i = 1; i < argc; i++)
		if (!harmless(argv[i]))
			return 0;
	if (config_load(&c, argc, argv, &status, why)) {
		assert(why[0] && strlen(why) < sizeof why);
		assert(!strchr(why, '\x1b') && known_exit(status));
	} else {
		check(&c);
	}
	config_free(&c);
	return 0;
}
