#include "src/client.h"
#include "src/clock.h"
#include "src/config.h"
#include "src/engine.h"
#include "src/identity.h"
#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
/* cmocka needs setjmp and stdarg */
#include <cmocka.h>

enum { PATIENCE_MS = 30000, FIRST_PORT = 6327, PORTS = 10 };

/* ---- an engine with a front end in this process ---- */

struct node {
	char home[40], to[32]; /* `to`: how others reach it */
	struct config cfg;
	struct identity id;
	struct engine *engine;
	struct client *client;
	uint16_t port;
};

/* port NULL: none is asked for. */
static enum err node_try(struct node *n, char *port, char why[static 256])
{
	char words[10][20] = {
	    "sotto",  "--headless",    "--bind", "127.0.0.1", "--trust-new",
	    "accept", "--no-discover", "--home", "",          "--port"};
	char *argv[12] = {NULL};
	int argc = 0, status;

	for (size_t i = 0; i < (port ? 10 : 9); i++)
		argv[argc++] = words[i];
	argv[8] = n->home;
	if (port)
		argv[argc++] = port;
	assert_int_equal(config_load(&n->cfg, argc, argv, &status, why), OK);
	assert_int_equal(
	    identity_open(&n->id, n->cfg.identity_path, n->cfg.lock_path, why),
	    OK);
	return engine_start(&n->cfg, &n->id, &n->engine, why);
}

static const struct event *next_until(struct client *c, int64_t end_us)
{
	const struct event *ev;

	while (!(ev = client_next(c))) {
		struct pollfd p = {.fd = client_fd(c), .events = POLLIN};
		int64_t left_ms = (end_us - clock_mono_us()) / 1000;

		if (left_ms <= 0)
			return NULL;
		poll(&p, 1, (int)left_ms);
	}
	return ev;
}

static const struct event *next(struct client *c)
{
	int64_t end_us = clock_mono_us() + PATIENCE_MS * INT64_C(1000);
	const struct event *ev = next_until(c, end_us);

	assert_non_null(ev);
	return ev;
}

static const struct event *next_of(struct client *c, enum event_kind kind)
{
	const struct event *ev;

	while ((ev = next(c))->kind != kind)
		;
	return ev;
}

static void node_up(struct node *n, char *port)
{
	char why[256] = "";

	if (node_try(n, port, why))
		fail_msg("%s", why);
	n->client = client_open(n->engine);
	assert_non_null(n->client);
	n->port = next_of(n->client, EV_READY)->contact->at.port;
	snprintf(n->to, sizeof n->to, "127.0.0.1:%u", n->port);
}

static void node_start(struct node *n)
{
	char any[] = "0";

	memset(n, 0, sizeof *n);
	strcpy(n->home, "/tmp/sotto-engine-XXXXXX");
	assert_non_null(mkdtemp(n->home));
	node_up(n, any);
}

static void node_down(struct node *n)
{
	client_close(n->client);
	engine_stop(n->engine);
	identity_close(&n->id);
	config_free(&n->cfg);
	n->client = NULL;
}

static int remove_one(const char *path, const struct stat *st, int kind,
		      struct FTW *at)
{
	(void)st, (void)kind, (void)at;
	return remove(path);
}

static void node_end(struct node *n)
{
	node_down(n);
	nftw(n->home, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static char *copy_of(const char *s)
{
	return s ? xstrndup((struct bytes){(const uint8_t *)s, strlen(s)})
		 : NULL;
}

static enum err ask(struct client *c, enum command_kind kind, uint64_t ref,
		    const char *to, const char *text)
{
	struct command *cmd = xmalloc(sizeof *cmd);

	*cmd = (struct command){
	    .kind = kind, .ref = ref, .to = copy_of(to), .text = copy_of(text)};
	return client_send(c, cmd);
}

/* ---- delivery ---- */

static void await_delivered(struct client *c, const char *text)
{
	const struct event *ev;

	do {
		ev = next_of(c, EV_STATUS);
	} while (ev->message->delivery != D_DELIVERED ||
		 strcmp(ev->message->text, text) != 0);
}

static void await_text(struct client *c, const char *text)
{
	const struct event *ev = next_of(c, EV_MESSAGE);

	assert_true(ev->message->incoming);
	assert_string_equal(ev->message->text, text);
}

/* One row for each text that came. */
static void assert_has(struct client *c, const char *first, const char *second)
{
	const char *want[] = {first, second};
	const struct event *ev;
	size_t n = 0;

	assert_int_equal(ask(c, CMD_SINCE, 99, NULL, NULL), OK);
	while ((ev = next(c))->kind != EV_RESULT) {
		if (ev->kind != EV_ITEM)
			continue;
		assert_in_range(n, 0, 1);
		assert_string_equal(ev->message->text, want[n++]);
	}
	assert_int_equal(ev->ref, 99);
	assert_int_equal(n, 2);
}

static void engine__delivers__a_text_once(void **state)
{
	struct node a, b;
	const struct event *ev;
	char port[8];

	(void)state;
	node_start(&a);
	node_start(&b);
	assert_int_equal(ask(a.client, CMD_SEND, 1, b.to, "now"), OK);
	ev = next_of(a.client, EV_RESULT);
	assert_int_equal(ev->ref, 1);
	assert_int_equal(ev->code, CODE_OK);
	await_delivered(a.client, "now");
	await_text(b.client, "now");

	snprintf(port, sizeof port, "%u", b.port);
	node_down(&b); /* and it comes back as the same */
	assert_int_equal(ask(a.client, CMD_SEND, 2, b.to, "later"), OK);
	assert_int_equal(next_of(a.client, EV_RESULT)->code, CODE_OK);
	node_up(&b, port);
	assert_int_equal(ask(a.client, CMD_CONNECT, 3, b.to, NULL), OK);
	await_delivered(a.client, "later");
	await_text(b.client, "later");
	assert_has(b.client, "now", "later");
	node_end(&a);
	node_end(&b);
}

/* ---- where it listens ---- */

static int occupy(uint16_t port)
{
	struct sockaddr_in at = {.sin_family = AF_INET,
				 .sin_port = htons(port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(fd, (struct sockaddr *)&at, sizeof at) || listen(fd, 1)) {
		close(fd);
		return -1;
	}
	return fd;
}

static void engine__says__which_port_is_taken(void **state)
{
	struct node a, b = {.home = "/tmp/sotto-engine-XXXXXX"};
	char port[8], why[256] = "", want[256];

	(void)state;
	node_start(&a);
	assert_non_null(mkdtemp(b.home));
	snprintf(port, sizeof port, "%u", a.port);
	assert_int_equal(node_try(&b, port, why), ERR_SYS);
	snprintf(want, sizeof want,
		 "cannot listen on 127.0.0.1 port %s: Address already in use",
		 port);
	assert_string_equal(why, want);
	identity_close(&b.id);
	config_free(&b.cfg);
	strcpy(port, "0");
	node_up(&b, port); /* nothing of the first attempt is left */
	assert_int_not_equal(b.port, 0);
	assert_int_not_equal(b.port, a.port);
	node_end(&a);
	node_end(&b);
}

static bool one_of_ten(uint16_t port)
{
	return port >= FIRST_PORT && port < FIRST_PORT + PORTS;
}

/* Where it listens when one of the ten is free; others may be quicker at it,
 * and will leave it again. */
static uint16_t port_of_ten(struct node *n)
{
	int64_t end_us = clock_mono_us() + PATIENCE_MS * INT64_C(1000);
	uint16_t port;

	do {
		node_up(n, NULL);
		port = n->port;
		node_down(n);
	} while (!one_of_ten(port) && clock_mono_us() < end_us);
	return port;
}

/* Which ports of the ten are free is not ours to say: others may come and
 * go. Those that we hold are taken for certain. */
static void engine__moves__to_the_next_free_port(void **state)
{
	int held[PORTS], last = -1;
	struct node a = {.home = "/tmp/sotto-engine-XXXXXX"};

	(void)state;
	assert_non_null(mkdtemp(a.home));
	for (int i = 0; i < PORTS; i++) {
		held[i] = occupy((uint16_t)(FIRST_PORT + i));
		if (held[i] >= 0)
			last = i;
	}
	node_up(&a, NULL); /* all are taken: any other */
	if (one_of_ten(a.port))
		assert_int_equal(held[a.port - FIRST_PORT], -1);
	node_down(&a);
	if (last >= 0) {
		close(held[last]);
		held[last] = -1;
		uint16_t port = port_of_ten(&a);
		assert_in_range(port, FIRST_PORT, FIRST_PORT + PORTS - 1);
		assert_int_equal(held[port - FIRST_PORT], -1);
	}
	for (int i = 0; i < PORTS; i++)
		if (held[i] >= 0)
			close(held[i]);
	node_up(&a, NULL);
	node_end(&a);
}

/* ---- front ends ---- */

enum { MANY = 700, ANSWERS = 200 };

/* So few at once that their events fit into the queue of whoever sends. */
static void pour(struct node *from, const char *to)
{
	unsigned said = 0, delivered = 0;
	const struct event *ev;
	char text[16];

	while (delivered < MANY) {
		for (; said < MANY && said < delivered + 50; said++) {
			snprintf(text, sizeof text, "%u", said);
			assert_int_equal(
			    ask(from->client, CMD_SEND, said + 1, to, text),
			    OK);
		}
		ev = next(from->client);
		assert_int_not_equal(ev->kind, EV_LOST);
		if (ev->kind == EV_RESULT)
			assert_int_equal(ev->code, CODE_OK);
		delivered += ev->kind == EV_STATUS &&
			     ev->message->delivery == D_DELIVERED;
	}
}

/* Page after page; how many texts there were, each in its turn. */
static unsigned all_since(struct client *c)
{
	struct command *cmd;
	const struct event *ev = NULL;
	message_n from = 0;
	unsigned n = 0;
	char text[16];

	do {
		cmd = xmalloc(sizeof *cmd);
		*cmd = (struct command){
		    .kind = CMD_SINCE, .ref = 1000 + n, .n = from};
		assert_int_equal(client_send(c, cmd), OK);
		while ((ev = next(c))->kind != EV_RESULT) {
			assert_int_not_equal(ev->kind, EV_LOST);
			if (ev->kind != EV_ITEM)
				continue;
			snprintf(text, sizeof text, "%u", n++);
			assert_string_equal(ev->message->text, text);
		}
		assert_int_equal(ev->code, CODE_OK);
		from = ev->next;
	} while (ev->more);
	return n;
}

static void engine__forgets__events_that_nobody_reads_and_no_answer(
    void **state)
{
	struct node a, b;
	unsigned messages = 0, lost = 0;
	const struct event *ev;

	(void)state;
	node_start(&a);
	node_start(&b);
	for (uint64_t ref = 1; ref <= ANSWERS; ref++)
		assert_int_equal(ask(b.client, CMD_ID, ref, NULL, NULL), OK);
	pour(&a, b.to);

	for (uint64_t ref = 1; ref <= ANSWERS;) {
		ev = next(b.client);
		lost += ev->kind == EV_LOST;
		messages += ev->kind == EV_MESSAGE;
		if (ev->kind == EV_RESULT)
			assert_int_equal(ev->ref, ref++);
	}
	while ((ev = client_next(b.client))) {
		lost += ev->kind == EV_LOST;
		messages += ev->kind == EV_MESSAGE;
	}
	assert_true(lost > 0);
	assert_true(messages < MANY);
	assert_int_equal(all_since(b.client), MANY);
	node_end(&a);
	node_end(&b);
}

struct case_of {
	const char *to, *text, *name;
	contact_id contact;
	struct uuid id;
	bool yes;
};

static void ask_case(struct client *c, enum command_kind kind, uint64_t ref,
		     const struct case_of *k)
{
	struct command *cmd = xmalloc(sizeof *cmd);

	*cmd = (struct command){.kind = kind,
				.ref = ref,
				.contact = k->contact,
				.to = copy_of(k->to),
				.text = copy_of(k->text),
				.name = copy_of(k->name),
				.id = k->id,
				.yes = k->yes};
	assert_int_equal(client_send(c, cmd), OK);
}

static void engine__answers__each_command_once(void **state)
{
	enum { CASES = 9, KINDS = CMD_QUIT + 2 }; /* one that is none */
	static unsigned answers[CASES * KINDS];
	char nobody[32], long_text[TEXT_MAX + 2];
	struct node a, b;
	unsigned open = 0;
	int port = occupy(0);
	struct sockaddr_in at;
	socklen_t n = sizeof at;

	(void)state;
	node_start(&a);
	node_start(&b);
	assert_int_equal(getsockname(port, (struct sockaddr *)&at, &n), 0);
	close(port); /* nobody listens there now */
	snprintf(nobody, sizeof nobody, "127.0.0.1:%u", ntohs(at.sin_port));
	memset(long_text, 'x', sizeof long_text - 1);
	long_text[sizeof long_text - 1] = 0;

	const struct case_of cases[CASES] = {
	    {0},
	    {.to = "zoe", .text = "hello", .name = "zoe"},
	    {.to = b.to, .text = "hello", .name = "trust-new"},
	    {.to = nobody, .text = "hello"},
	    {.contact = 1, .text = "hello", .id = {{7}}},
	    {.contact = 999, .text = "", .name = ""},
	    {.to = "", .text = long_text, .name = long_text},
	    {.to = "[::1", .text = "\xff", .name = "\xff", .yes = true},
	    {.to = a.to, .text = "to myself", .yes = true},
	};

	memset(answers, 0, sizeof answers);
	for (unsigned i = 0; i < CASES * KINDS; i++) {
		if (i % KINDS == CMD_QUIT)
			continue;
		ask_case(a.client, (enum command_kind)(i % KINDS), i,
			 &cases[i / KINDS]);
		for (open++; open >= 100; open--)
			answers[next_of(a.client, EV_RESULT)->ref]++;
	}
	for (; open; open--)
		answers[next_of(a.client, EV_RESULT)->ref]++;
	for (unsigned i = 0; i < CASES * KINDS; i++)
		if (answers[i] != (i % KINDS != CMD_QUIT))
			fail_msg("command %u, case %u: %u answers", i % KINDS,
				 i / KINDS, answers[i]);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(ask(a.client, CMD_ID, 5000, NULL, NULL), OK);
		assert_int_equal(next_of(a.client, EV_RESULT)->ref, 5000);
	}
	node_end(&a);
	node_end(&b);
}

static void engine__says__bye_after_the_last_answer(void **state)
{
	struct node a;
	const struct event *ev;

	(void)state;
	node_start(&a);
	assert_int_equal(ask(a.client, CMD_ID, 1, NULL, NULL), OK);
	assert_int_equal(ask(a.client, CMD_QUIT, 2, NULL, NULL), OK);
	assert_int_equal(next_of(a.client, EV_RESULT)->ref, 1);
	assert_int_equal(next_of(a.client, EV_RESULT)->ref, 2);
	ev = next(a.client);
	assert_int_equal(ev->kind, EV_BYE);
	assert_string_equal(ev->text, "quit");
	assert_null(client_next(a.client));
	node_end(&a);
}

static void engine__has__room_for_64_front_ends(void **state)
{
	struct node a;
	struct client *c[63];

	(void)state;
	node_start(&a);
	for (int i = 0; i < 63; i++) {
		c[i] = client_open(a.engine);
		assert_non_null(c[i]);
		assert_int_equal(ask(c[i], CMD_ID, 1, NULL, NULL), OK);
	}
	assert_null(client_open(a.engine));
	client_close(c[62]); /* whether it was answered or not */
	c[62] = client_open(a.engine);
	assert_non_null(c[62]);
	assert_int_equal(next(c[62])->kind, EV_READY);
	assert_int_equal(ask(c[62], CMD_ID, 2, NULL, NULL), OK);
	assert_int_equal(next_of(c[62], EV_RESULT)->ref, 2);
	for (int i = 0; i < 63; i++)
		client_close(c[i]);
	node_end(&a);
}

/* ---- when nothing happens ---- */

struct task {
	long id;
	unsigned long switches;
};
enum { TASKS = 16 };

static unsigned long switches_of(long id)
{
	static const char name[] = "\nvoluntary_ctxt_switches:";
	char path[64], text[4096], *at;
	FILE *f;

	snprintf(path, sizeof path, "/proc/self/task/%ld/status", id);
	f = fopen(path, "r");
	if (!f)
		return 0;
	text[fread(text, 1, sizeof text - 1, f)] = 0;
	fclose(f);
	at = strstr(text, name);
	return at ? strtoul(at + sizeof name - 1, NULL, 10) : 0;
}

/* The threads that are there, but for ourselves. */
static size_t tasks(struct task t[static TASKS])
{
	DIR *d = opendir("/proc/self/task");
	size_t n = 0;

	assert_non_null(d);
	for (struct dirent *e; (e = readdir(d)) && n < TASKS;) {
		long id = strtol(e->d_name, NULL, 10);

		if (id > 0 && id != (long)getpid())
			t[n++] = (struct task){id, switches_of(id)};
	}
	closedir(d);
	return n;
}

static bool is_of(const struct task *t, size_t n, long id)
{
	for (size_t i = 0; i < n; i++)
		if (t[i].id == id)
			return true;
	return false;
}

/* Of those that are not among `others`. */
static unsigned long wake_ups(const struct task *others, size_t n_others,
			      size_t *threads)
{
	struct task t[TASKS];
	size_t n = tasks(t);
	unsigned long sum = 0;

	*threads = 0;
	for (size_t i = 0; i < n; i++) {
		if (is_of(others, n_others, t[i].id))
			continue;
		sum += t[i].switches;
		++*threads;
	}
	return sum;
}

/* Once what the start and the last message bring along is done. */
static void engine__sleeps__when_there_is_nothing_to_do(void **state)
{
	struct task others[TASKS];
	size_t n_others = tasks(others), threads;
	unsigned long before, after = 0;
	int64_t end_us = clock_mono_us() + PATIENCE_MS * INT64_C(1000);
	struct node a;

	(void)state;
	node_start(&a);
	assert_int_equal(ask(a.client, CMD_SEND, 1, "127.0.0.1:1", "to nobody"),
			 OK);
	assert_int_equal(next_of(a.client, EV_RESULT)->code, CODE_OK);
	assert_int_equal(ask(a.client, CMD_FORGET, 2, "127.0.0.1:1", NULL), OK);
	assert_int_equal(next_of(a.client, EV_RESULT)->code, CODE_OK);
	do {
		assert_true(clock_mono_us() < end_us);
		before = wake_ups(others, n_others, &threads);
		sleep(3);
		after = wake_ups(others, n_others, &threads);
	} while (after != before);
	assert_in_range(threads, 2, TASKS - 1); /* they are there */
	assert_int_equal(ask(a.client, CMD_ID, 3, NULL, NULL), OK);
	assert_int_equal(next_of(a.client, EV_RESULT)->ref, 3);
	while (wake_ups(others, n_others, &threads) == after) {
		assert_true(clock_mono_us() < end_us); /* as it should count */
		usleep(1000);
	}
	node_end(&a);
}

/* ---- a disk that is full ---- */

/* Files may grow up to here and no further, as on a full disk. */
static void disk_room(rlim_t bytes)
{
	struct rlimit r;

	getrlimit(RLIMIT_FSIZE, &r);
	r.rlim_cur = bytes;
	setrlimit(RLIMIT_FSIZE, &r);
}

struct child {
	struct node node;
	int in, out;
	pid_t pid;
	char line[64];
	size_t n;
};

static void report(int out, const char *what, const char *more)
{
	char line[300];
	int n = snprintf(line, sizeof line, "%s %s\n", what, more);

	if (write(out, line, (size_t)n) != n)
		_exit(3);
}

static void report_event(int out, const struct event *ev)
{
	char code[16];

	snprintf(code, sizeof code, "%d", (int)ev->code);
	if (ev->kind == EV_MESSAGE && ev->message->incoming)
		report(out, "text", ev->message->text);
	else if (ev->kind == EV_ITEM)
		report(out, "item", ev->message->text);
	else if (ev->kind == EV_NOTICE)
		report(out, "notice", ev->text);
	else if (ev->kind == EV_RESULT)
		report(out, "result", code);
	else if (ev->kind == EV_LOST)
		report(out, "lost", "");
}

/* What the parent wants: full, room, send, history. False: end. */
static bool obey(struct node *n, int in, int out)
{
	char word = 0;

	if (read(in, &word, 1) != 1 || word == 'q')
		return false;
	if (word == 'f')
		disk_room(0), report(out, "full", "");
	else if (word == 'r')
		disk_room(RLIM_INFINITY);
	else if (ask(n->client, word == 's' ? CMD_SEND : CMD_SINCE, 1,
		     word == 's' ? "127.0.0.1:1" : NULL, "out"))
		_exit(4);
	return true;
}

static void child_body(struct node *n, int in, int out)
{
	signal(SIGXFSZ, SIG_IGN);
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* it does not outlive a test */
	node_start(n);
	report(out, "port", n->to);
	for (;;) {
		struct pollfd p[] = {
		    {.fd = client_fd(n->client), .events = POLLIN},
		    {.fd = in, .events = POLLIN},
		};

		for (const struct event *ev; (ev = client_next(n->client));)
			report_event(out, ev);
		poll(p, 2, -1);
		if (p[1].revents && !obey(n, in, out))
			break;
	}
	node_end(n);
	_exit(0);
}

static void child_start(struct child *c)
{
	int down[2], up[2];

	memset(c, 0, sizeof *c);
	assert_int_equal(pipe(down), 0);
	assert_int_equal(pipe(up), 0);
	c->pid = fork();
	if (c->pid == 0) {
		close(down[1]);
		close(up[0]);
		child_body(&c->node, down[0], up[1]);
	}
	close(down[0]);
	close(up[1]);
	c->in = up[0];
	c->out = down[1];
}

/* The next line that it says. */
static const char *child_line(struct child *c)
{
	struct pollfd p = {.fd = c->in, .events = POLLIN};
	size_t n = 0;
	char byte;

	for (;;) {
		assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
		assert_int_equal(read(c->in, &byte, 1), 1);
		if (byte == '\n')
			break;
		if (n + 1 < sizeof c->line)
			c->line[n++] = byte;
	}
	c->line[n] = 0;
	return c->line;
}

static bool begins(const char *line, const char *with)
{
	return strncmp(line, with, strlen(with)) == 0;
}

/* Waits for a line; what must not be said before it is an error. */
static void child_says(struct child *c, const char *want, const char *not_yet)
{
	const char *line;

	while (!begins(line = child_line(c), want))
		if (*not_yet && begins(line, not_yet))
			fail_msg("%s before %s", line, want);
}

static void child_tell(struct child *c, char word)
{
	assert_int_equal(write(c->out, &word, 1), 1);
}

static void child_end(struct child *c)
{
	int status;

	child_tell(c, 'q');
	assert_int_equal(waitpid(c->pid, &status, 0), c->pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	close(c->in);
	close(c->out);
}

static void send_ok(struct node *n, uint64_t ref, const char *to,
		    const char *text)
{
	assert_int_equal(ask(n->client, CMD_SEND, ref, to, text), OK);
	assert_int_equal(next_of(n->client, EV_RESULT)->code, CODE_OK);
}

static void assert_outbox(struct client *c, unsigned want)
{
	const struct event *ev;
	unsigned n = 0;

	assert_int_equal(ask(c, CMD_OUTBOX, 50, NULL, NULL), OK);
	while ((ev = next(c))->kind != EV_RESULT)
		n += ev->kind == EV_ITEM;
	assert_int_equal(n, want);
}

static void engine__goes_on__when_the_disk_is_full(void **state)
{
	struct child c;
	struct node a;
	char to[sizeof c.line], code[32];

	(void)state;
	child_start(&c);
	node_start(&a);
	assert_true(begins(child_line(&c), "port "));
	memcpy(to, c.line + strlen("port "), sizeof to - strlen("port "));
	send_ok(&a, 1, to, "before");
	await_delivered(a.client, "before");
	child_says(&c, "text before", "text");

	child_tell(&c, 'f');
	child_says(&c, "full", "text");
	send_ok(&a, 2, to, "while it was full");
	child_says(&c, "notice the disk ", "text");
	child_tell(&c, 's'); /* it answers and does not pretend */
	snprintf(code, sizeof code, "result %d", CODE_DISK_FULL);
	child_says(&c, "result", "text");
	assert_string_equal(c.line, code);
	assert_outbox(a.client, 1);

	child_tell(&c, 'r');
	child_says(&c, "notice the disk can be written again", "text");
	child_says(&c, "text while it was full", "text");
	await_delivered(a.client, "while it was full");
	assert_outbox(a.client, 0);
	child_tell(&c, 's');
	snprintf(code, sizeof code, "result %d", CODE_OK);
	child_says(&c, "result", "text");
	assert_string_equal(c.line, code);
	child_tell(&c, 'h'); /* all that was acknowledged, and nothing twice */
	child_says(&c, "item before", "item");
	child_says(&c, "item while it was full", "item");
	child_says(&c, "item out", "item");
	child_says(&c, "result", "item");
	child_end(&c);
	node_end(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(engine__goes_on__when_the_disk_is_full),
	    cmocka_unit_test(engine__delivers__a_text_once),
	    cmocka_unit_test(engine__says__which_port_is_taken),
	    cmocka_unit_test(engine__moves__to_the_next_free_port),
	    cmocka_unit_test(
		engine__forgets__events_that_nobody_reads_and_no_answer),
	    cmocka_unit_test(engine__answers__each_command_once),
	    cmocka_unit_test(engine__says__bye_after_the_last_answer),
	    cmocka_unit_test(engine__has__room_for_64_front_ends),
	    cmocka_unit_test(engine__sleeps__when_there_is_nothing_to_do),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
