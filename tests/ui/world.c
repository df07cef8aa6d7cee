#include "tests/ui/world.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct screen *world_ana(struct world *w, int rows, int cols,
			 const char *script)
{
	struct screen *s;
	char program[] = SOTTO_PATH, path[256], trust[16], how[256];
	char *argv[] = {(char[]){"/bin/sh"},
			(char[]){"-c"},
			how,
			program,
			(char[]){"--home"},
			path,
			(char[]){"--port"},
			(char[]){"0"},
			(char[]){"--nick"},
			(char[]){"ana"},
			(char[]){"--trust-new"},
			trust,
			(char[]){"--no-discover"},
			NULL};

	snprintf(path, sizeof(path), "%s/ana", w->home);
	snprintf(how, sizeof(how), "%s", script ? script : "");
	snprintf(trust, sizeof(trust), "%s", w->trust ? w->trust : "accept");
	s = screen_new(rows, cols, script ? argv : argv + 3, w->env);
	screen_beside(s, &w->bob);
	return s;
}

void world_again(struct world *w, int rows, int cols, const char *const *env)
{
	screen_key(w->s, "Ctrl-Q");
	screen_end(w->s);
	screen_free(w->s);
	w->env = env;
	w->s = world_ana(w, rows, cols, NULL);
}

void world_script(struct world *w, const char *name, const char *body,
		  char path[static 256])
{
	FILE *f;

	snprintf(path, 256, "%s/%s", w->home, name);
	f = fopen(path, "w");
	if (!f)
		abort();
	fprintf(f, "#!/bin/sh\n%s\n", body);
	if (fclose(f) || chmod(path, 0700))
		abort();
}

void world_expect_file(struct world *w, const char *name, const char *text)
{
	char path[256], have[4096];

	snprintf(path, sizeof(path), "%s/%s", w->home, name);
	for (int i = 0; i < 500; i++) {
		FILE *f = fopen(path, "r");
		size_t n = f ? fread(have, 1, sizeof(have) - 1, f) : 0;
		if (f)
			fclose(f);
		have[n] = '\0';
		if (strcmp(have, text) == 0)
			return;
		screen_read(w->s, 20);
	}
	fprintf(stderr, "%s holds\n%s\nnot\n%s\n", name, have, text);
	abort();
}

void world_others(struct world *w, int n)
{
	char line[64];

	for (int i = 1; i <= n; i++) {
		snprintf(line, sizeof(line), "/connect 127.0.0.1:%d\r", i);
		screen_type(w->s, line);
		snprintf(line, sizeof(line), " 127.0.0.1:%d: ", i);
		expect_row(w->s, -1, line);
	}
}

void world_lines(struct world *w, unsigned from, unsigned to)
{
	char text[32];

	for (unsigned i = from; i <= to; i++) {
		snprintf(text, sizeof(text), "line %u.", i);
		world_say(w, text);
		screen_read(w->s, 0);
	}
}

void world_connect(struct world *w)
{
	char line[64];

	expect_text(w->s, "Welcome");
	snprintf(line, sizeof(line), ":connect 127.0.0.1:%d\r", w->bob.port);
	screen_type(w->s, line);
	expect_row(w->s, -2, "to bob>");
}

static int begin(void **state, const char *trust)
{
	struct world *w = calloc(1, sizeof(*w));

	w->home = folder_new();
	w->trust = trust;
	peer_start(&w->bob, w->home, "bob", 0);
	w->s = world_ana(w, 24, 80, NULL);
	*state = w;
	return 0;
}

int world_begin(void **state)
{
	return begin(state, NULL);
}

int world_begin_asking(void **state)
{
	return begin(state, "ask");
}

int world_end(void **state)
{
	struct world *w = *state;

	screen_free(w->s);
	peer_stop(&w->bob);
	folder_remove(w->home);
	free(w);
	return 0;
}

static void say_to(struct peer *p, const char *to, const char *text)
{
	size_t most = strlen(to) + strlen(text) + 100;
	char *line = malloc(most);

	if (!line)
		abort();
	snprintf(line, most,
		 "{\"cmd\":\"send\",\"ref\":\"x\",\"to\":\"%s\",\"wait\":"
		 "\"none\",\"text\":\"%s\"}",
		 to, text);
	peer_say(p, line);
	free(line);
}

void world_say(struct world *w, const char *text)
{
	say_to(&w->bob, "ana", text);
}

int world_port(struct world *w)
{
	const char *at = strstr(w->bob.text, "\"origin_port\":");

	if (!at)
		abort();
	return (int)strtol(at + 14, NULL, 10);
}

void world_say_from(struct world *w, struct peer *p, const char *text)
{
	char to[32];

	snprintf(to, sizeof(to), "127.0.0.1:%d", world_port(w));
	say_to(p, to, text);
}

void world_met(struct world *w)
{
	world_connect(w);
	screen_type(w->s, "hello there\r");
	peer_expect(&w->bob, "hello there");
	expect_text(w->s, "✓✓");
}

void world_paste(struct world *w, const char *text)
{
	screen_type(w->s, "\033[200~");
	screen_type(w->s, text);
	screen_type(w->s, "\033[201~");
}
