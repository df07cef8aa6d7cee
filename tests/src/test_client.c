#include "src/client.h"
#include "src/clock.h"
#include "src/config.h"
#include "src/engine.h"
#include "src/identity.h"
#include "src/lines.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
/* cmocka needs setjmp and stdarg */
#include <cmocka.h>

enum { PATIENCE_MS = 20000 };

static const struct event *next(struct client *c)
{
	int64_t until = clock_mono_us() + PATIENCE_MS * INT64_C(1000);
	const struct event *ev;

	while (!(ev = client_next(c))) {
		struct pollfd p = {.fd = client_fd(c), .events = POLLIN};

		assert_true(clock_mono_us() < until);
		poll(&p, 1, PATIENCE_MS);
	}
	return ev;
}

static const struct event *next_of(struct client *c, enum event_kind kind)
{
	const struct event *ev;

	while ((ev = next(c))->kind != kind)
		;
	return ev;
}

static enum err ask(struct client *c, enum command_kind kind, uint64_t ref,
		    const char *to)
{
	struct command *cmd = xmalloc(sizeof *cmd);

	*cmd = (struct command){.kind = kind, .ref = ref};
	if (to)
		cmd->to =
		    xstrndup((struct bytes){(const uint8_t *)to, strlen(to)});
	return client_send(c, cmd);
}

/* ---- in this process ---- */

struct world {
	struct config cfg;
	struct identity id;
	struct engine *engine;
};

static int world_start(void **state)
{
	char words[7][16] = {"sotto",  "--headless", "--ephemeral",
			     "--bind", "127.0.0.1",  "--port",
			     "0"};
	char *argv[8] = {NULL};
	struct world *w = xmalloc(sizeof *w);
	char why[256] = "";
	int status;

	for (size_t i = 0; i < 7; i++)
		argv[i] = words[i];
	memset(w, 0, sizeof *w);
	if (config_load(&w->cfg, 7, argv, &status, why) ||
	    identity_open(&w->id, w->cfg.identity_path, w->cfg.lock_path,
			  why) ||
	    engine_start(&w->cfg, &w->id, &w->engine, why)) {
		fprintf(stderr, "%s\n", why);
		return 1;
	}
	*state = w;
	return 0;
}

static int world_end(void **state)
{
	struct world *w = *state;

	engine_stop(w->engine);
	identity_close(&w->id);
	config_free(&w->cfg);
	free(w);
	return 0;
}

static void client__hears__ready_first_and_each_result(void **state)
{
	struct world *w = *state;
	struct client *c = client_open(w->engine);
	const struct event *ev = next(c);

	assert_int_equal(ev->kind, EV_READY);
	assert_true(ev->contact->at.port > 0);
	for (uint64_t ref = 1; ref <= 200; ref++)
		assert_int_equal(ask(c, CMD_ID, ref, NULL), OK);
	for (uint64_t ref = 1; ref <= 200; ref++)
		assert_int_equal(next_of(c, EV_RESULT)->ref, ref);
	assert_null(client_next(c));
	client_close(c);
}

static void client__is_told__nothing_of_anothers_results(void **state)
{
	struct world *w = *state;
	struct client *a = client_open(w->engine);
	struct client *b = client_open(w->engine);

	assert_int_equal(ask(a, CMD_ID, 5, NULL), OK);
	assert_int_equal(next_of(a, EV_RESULT)->ref, 5);
	assert_int_equal(ask(b, CMD_ID, 6, NULL), OK);
	assert_int_equal(next_of(b, EV_RESULT)->ref, 6);
	client_close(a);
	assert_int_equal(ask(b, CMD_ID, 7, NULL), OK);
	assert_int_equal(next_of(b, EV_RESULT)->ref, 7);
	client_close(b);
}

/* Somebody who accepts and never says a word, so that `connect` stays open. */
static int silent(char to[static 32])
{
	struct sockaddr_in a = {.sin_family = AF_INET};
	socklen_t n = sizeof a;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
	assert_int_equal(listen(fd, 8), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
	snprintf(to, 32, "127.0.0.1:%u", ntohs(a.sin_port));
	return fd;
}

static void client__refuses__the_257th_open_command(void **state)
{
	struct world *w = *state;
	struct client *c = client_open(w->engine);
	char to[32];
	int fd = silent(to);

	next(c);
	for (uint64_t ref = 1; ref <= 256; ref++)
		assert_int_equal(ask(c, CMD_CONNECT, ref, to), OK);
	assert_int_equal(ask(c, CMD_CONNECT, 257, to), ERR_FULL);
	close(fd);
	for (unsigned n = 0; n < 256; n++)
		assert_int_not_equal(next_of(c, EV_RESULT)->code, CODE_OK);
	assert_int_equal(ask(c, CMD_ID, 300, NULL), OK);
	assert_int_equal(next_of(c, EV_RESULT)->ref, 300);
	client_close(c);
}

/* ---- through a socket: the other end is a thread of this test ---- */

struct server {
	char folder[32], path[512];
	int listen_fd;
	pthread_t thread;
	const char *first; /* what it says to whoever connects */
	unsigned results;  /* how many commands it answers */
};

static void server_serve(struct server *s, int fd)
{
	struct lines *l = lines_new();
	struct now now = {.mono_us = 1, .wall_us = 1};
	struct buf out = {0};
	uint8_t chunk[4096];
	unsigned left = s->results;
	ssize_t n;

	while (left && (n = recv(fd, chunk, sizeof chunk, 0)) > 0) {
		struct command *cmd;

		lines_feed(l, (struct bytes){chunk, (size_t)n});
		while (left && lines_next(l, &now, &cmd, &out)) {
			struct event ev = {.kind = EV_RESULT, .ref = cmd->ref};

			lines_event(l, &now, &ev, &out);
			command_free(cmd);
			left--;
		}
		for (size_t at = 0; at < out.n; at++) /* a byte at a time */
			send(fd, out.p + at, 1, MSG_NOSIGNAL);
		out.n = 0;
	}
	buf_free(&out);
	lines_free(l);
}

static void *server_body(void *arg)
{
	struct server *s = arg;
	int fd = accept(s->listen_fd, NULL, NULL);

	if (fd < 0)
		return NULL;
	if (s->first && send(fd, s->first, strlen(s->first), MSG_NOSIGNAL) > 0)
		server_serve(s, fd);
	close(fd);
	return NULL;
}

static void server_start(struct server *s, const char *deeper)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	char folder[400];

	snprintf(s->folder, sizeof s->folder, "/tmp/sotto-test-XXXXXX");
	assert_non_null(mkdtemp(s->folder));
	snprintf(folder, sizeof folder, "%s%s", s->folder, deeper);
	if (*deeper)
		assert_int_equal(mkdir(folder, 0700), 0);
	snprintf(s->path, sizeof s->path, "%s/control.sock", folder);
	s->listen_fd = socket(AF_UNIX, SOCK_STREAM, 0);
	/* made in a short place, moved to a long one */
	snprintf(a.sun_path, sizeof a.sun_path, "%s/s", s->folder);
	assert_int_equal(bind(s->listen_fd, (struct sockaddr *)&a, sizeof a),
			 0);
	assert_int_equal(rename(a.sun_path, s->path), 0);
	assert_int_equal(listen(s->listen_fd, 4), 0);
	pthread_create(&s->thread, NULL, server_body, s);
}

static void server_end(struct server *s, const char *deeper)
{
	char folder[400];

	pthread_join(s->thread, NULL);
	close(s->listen_fd);
	unlink(s->path);
	snprintf(folder, sizeof folder, "%s%s", s->folder, deeper);
	if (*deeper)
		rmdir(folder);
	assert_int_equal(rmdir(s->folder), 0);
}

static const char ready[] =
    "{\"v\":1,\"event\":\"ready\",\"listen\":[\"[::]:6327\"],"
    "\"self\":{\"nick\":\"ana\",\"addr\":\"192.0.2.1:6327\"}}\n";

static void talk(const char *deeper)
{
	struct server s = {.first = ready, .results = 3};
	struct client *c;
	const struct event *ev;
	struct pollfd p = {.events = POLLIN};

	server_start(&s, deeper);
	assert_int_equal(client_connect(s.path, &c), OK);
	p.fd = client_fd(c);
	assert_int_equal(poll(&p, 1, 0), 1); /* EV_READY waits to be heard */
	ev = next(c);
	assert_int_equal(ev->kind, EV_READY);
	assert_string_equal(ev->contact->nick, "ana");
	assert_int_equal(ev->contact->at.port, 6327);
	assert_string_equal(ev->text, "[::]:6327");
	assert_null(client_next(c));
	assert_int_equal(poll(&p, 1, 0), 0);
	for (uint64_t ref = 1; ref <= 3; ref++) {
		assert_int_equal(ask(c, CMD_PEERS, ref, NULL), OK);
		ev = next_of(c, EV_RESULT);
		assert_int_equal(ev->ref, ref);
		assert_int_equal(ev->code, CODE_OK);
	}
	assert_int_equal(next(c)->kind, EV_BYE); /* it has closed */
	assert_null(client_next(c));
	assert_int_equal(ask(c, CMD_PEERS, 4, NULL), ERR_CLOSED);
	client_close(c);
	server_end(&s, deeper);
}

static void client__speaks__through_a_socket(void **state)
{
	(void)state;
	talk("");
}

static void client__reaches__a_socket_with_a_long_path(void **state)
{
	char deeper[202];

	(void)state;
	memset(deeper, 'x', sizeof deeper - 1);
	deeper[0] = '/';
	deeper[sizeof deeper - 1] = 0;
	talk(deeper);
}

static void client__keeps__256_commands_open_at_most(void **state)
{
	struct server s = {.first = ready, .results = 257};
	struct client *c;

	(void)state;
	server_start(&s, "");
	assert_int_equal(client_connect(s.path, &c), OK);
	for (uint64_t ref = 1; ref <= 256; ref++)
		assert_int_equal(ask(c, CMD_PEERS, ref, NULL), OK);
	assert_int_equal(ask(c, CMD_PEERS, 257, NULL), ERR_FULL);
	next_of(c, EV_RESULT);
	assert_int_equal(ask(c, CMD_PEERS, 258, NULL), OK);
	for (int n = 0; n < 256; n++)
		next_of(c, EV_RESULT);
	client_close(c);
	server_end(&s, "");
}

static void client__finds__nobody(void **state)
{
	struct client *c = NULL;

	(void)state;
	assert_int_equal(client_connect("/nonexistent/control.sock", &c),
			 ERR_CLOSED);
	assert_int_equal(client_connect("control.sock.nonexistent", &c),
			 ERR_CLOSED);
	assert_null(c);
}

static void client__believes__no_garbage(void **state)
{
	struct server s = {.first = "{\"v\":1,\"event\":\"later\"}\nrubbish\n",
			   .results = 1};
	struct client *c = NULL;

	(void)state;
	server_start(&s, "");
	assert_int_equal(client_connect(s.path, &c), OK);
	assert_int_equal(next(c)->kind, EV_BYE);
	assert_null(client_next(c));
	client_close(c);
	server_end(&s, "");
}

static void client__leaves__who_hangs_up_at_once(void **state)
{
	struct server s = {.first = NULL};
	struct client *c = NULL;

	(void)state;
	server_start(&s, "");
	assert_int_equal(client_connect(s.path, &c), ERR_CLOSED);
	assert_null(c);
	server_end(&s, "");
}

int main(void)
{
	const struct CMUnitTest near[] = {
	    cmocka_unit_test(client__hears__ready_first_and_each_result),
	    cmocka_unit_test(client__is_told__nothing_of_anothers_results),
	    cmocka_unit_test(client__refuses__the_257th_open_command),
	};
	const struct CMUnitTest far[] = {
	    cmocka_unit_test(client__speaks__through_a_socket),
	    cmocka_unit_test(client__reaches__a_socket_with_a_long_path),
	    cmocka_unit_test(client__keeps__256_commands_open_at_most),
	    cmocka_unit_test(client__finds__nobody),
	    cmocka_unit_test(client__believes__no_garbage),
	    cmocka_unit_test(client__leaves__who_hangs_up_at_once),
	};

	return cmocka_run_group_tests(near, world_start, world_end) +
	       cmocka_run_group_tests(far, NULL, NULL);
}
