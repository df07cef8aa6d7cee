/* How fast what is sent becomes safe: the rows of README.md about delivery,
 * each beside its floor from the same run. */
#include "src/client.h"
#include "src/config.h"
#include "src/engine.h"
#include "src/identity.h"
#include "tests/bench/peer.h"
#include "tests/bench/tools.h"
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PINGS = 2000, POUR = 100000, WINDOW = 4096 };

/* An engine with one front end in this process. */
struct node {
	struct config cfg;
	struct identity id;
	struct engine *engine;
	struct client *client;
	char *home;
	uint16_t port;
};

static const struct event *node_next(struct node *n, int wait_ms)
{
	const struct event *ev = client_next(n->client);

	if (ev)
		return ev;
	poll(&(struct pollfd){.fd = client_fd(n->client), .events = POLLIN}, 1,
	     wait_ms);
	return client_next(n->client);
}

static void node_start(struct node *n)
{
	char why[256] = "";
	char *argv[] = {"bench",  "--headless", "--home",        n->home,
			"--port", "0",          "--no-discover", NULL};
	int exit_code;

	if (config_load(&n->cfg, 7, argv, &exit_code, why) ||
	    identity_open(&n->id, n->cfg.identity_path, n->cfg.lock_path,
			  why) ||
	    engine_start(&n->cfg, &n->id, &n->engine, why))
		die(why);
	n->client = client_open(n->engine);

	const struct event *ev;

	while (!(ev = node_next(n, 5000)) || ev->kind != EV_READY)
		;
	n->port = ev->contact->at.port;
}

static void node_stop(struct node *n)
{
	client_close(n->client);
	engine_stop(n->engine);
	identity_close(&n->id);
	config_free(&n->cfg);
}

/* A node in a process of its own that reads its events and does nothing; its
 * port comes through a pipe. */
static pid_t sink_start(char *home, uint16_t *port)
{
	int p[2];

	if (pipe(p))
		die("pipe");

	pid_t pid = fork();

	if (pid == 0) {
		struct node n = {.home = home};

		node_start(&n);
		if (write(p[1], &n.port, sizeof n.port) < 0)
			_exit(1);
		for (;;)
			node_next(&n, -1);
	}
	if (read(p[0], port, sizeof *port) != sizeof *port)
		die("the other node did not start");
	close(p[0]);
	close(p[1]);
	return pid;
}

static void sink_stop(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void send_to(struct node *n, const char *to, const char *text)
{
	struct command *cmd = calloc(1, sizeof *cmd);

	cmd->kind = CMD_SEND;
	cmd->to = strdup(to);
	cmd->text = strdup(text);
	if (client_send(n->client, cmd))
		die("client_send");
}

/* Reads events until `want` more messages are delivered. */
static void await_delivered(struct node *n, size_t want)
{
	while (want) {
		const struct event *ev = node_next(n, 10000);

		if (!ev)
			die("no delivery in 10 s");
		if (ev->kind == EV_STATUS && ev->message &&
		    ev->message->delivery == D_DELIVERED)
			want--;
		else if (ev->kind == EV_LOST)
			die("events were lost");
		else if (ev->kind == EV_RESULT && ev->code)
			die(ev->text ? ev->text : "refused");
	}
}

/* Runs a floor program, reads up to two numbers. */
static void floor_run(const char *args, double *a, double *b)
{
	char line[512];

	snprintf(line, sizeof line, "%s %s", FLOOR_PAIR_PATH, args);

	FILE *f = popen(line, "r");

	if (!f || !fgets(line, sizeof line, f))
		die(args);
	*a = strtod(line, NULL);
	if (b)
		*b = strchr(line, ' ') ? strtod(strchr(line, ' '), NULL) : 0;
	pclose(f);
}

static void row(const char *what, const char *unit, double floor, double ours,
		const char *goal)
{
	printf("| %s | %.0f %s | %.0f %s | %.2f | %s |\n", what, floor, unit,
	       ours, unit, ours / floor, goal);
	fflush(stdout);
}

static void measure_latency(void)
{
	static int64_t took[PINGS];
	char text[201], to[32];
	struct node n = {.home = folder_new()};
	char *there = folder_new();
	double floor, floor99;
	uint16_t port;
	pid_t sink = sink_start(there, &port);

	floor_run("pingpong 2000", &floor, &floor99);
	memset(text, 'x', 200);
	text[200] = 0;
	node_start(&n);
	snprintf(to, sizeof to, "127.0.0.1:%d", port);
	for (int i = -50; i < PINGS; i++) { /* the first ones warm up */
		int64_t t = mono_us();

		send_to(&n, to, text);
		await_delivered(&n, 1);
		if (i >= 0)
			took[i] = mono_us() - t;
	}
	row("send to ACK shown to the sender, FULL on both sides, p50", "us",
	    floor, (double)percentile(took, PINGS, 50), "≤ 1.6");
	row("the same, p99", "us", floor99, (double)percentile(took, PINGS, 99),
	    "–");
	node_stop(&n);
	sink_stop(sink);
	folder_remove(n.home);
	folder_remove(there);
}

static double pour(uint16_t port, int n)
{
	struct peer *p = peer_dial(port, 1);
	int64_t t = mono_us();
	size_t acked = 0;
	char text[64];

	while (acked < (size_t)n) {
		while (peer_said(p) < (size_t)n &&
		       peer_said(p) - acked < WINDOW) {
			snprintf(text, sizeof text, "%040zu", peer_said(p));
			peer_say(p, text);
			if (peer_said(p) % 128 == 0)
				break;
		}
		peer_flush(p);
		acked = peer_hear(p, peer_said(p) - acked < WINDOW &&
					     peer_said(p) < (size_t)n
					 ? 0
					 : 10000);
	}

	double per_s = n * 1e6 / (double)(mono_us() - t);

	peer_close(p);
	return per_s;
}

static void measure_receipts(void)
{
	char *there = folder_new();
	uint16_t port;
	pid_t sink = sink_start(there, &port);
	double floor;

	floor_run("oneway 200000 full", &floor, NULL);
	row("durable receipts a second, a wire-level peer pours", "/s", floor,
	    pour(port, 2 * POUR), "≥ 0.55");
	sink_stop(sink);
	folder_remove(there);
}

static void measure_pair(void)
{
	struct node n = {.home = folder_new()};
	char *there = folder_new(), to[32], text[64];
	uint16_t port;
	pid_t sink = sink_start(there, &port);
	double floor;

	floor_run("oneway 200000 full", &floor, NULL);
	node_start(&n);
	snprintf(to, sizeof to, "127.0.0.1:%d", port);
	send_to(&n, to, "first");
	await_delivered(&n, 1);

	int64_t t = mono_us();
	int open = 0;

	for (int i = 0; i < POUR; i++) {
		snprintf(text, sizeof text, "%040d", i);
		if (++open > 200) { /* 256 commands may be open */
			await_delivered(&n, 100);
			open -= 100;
		}
		send_to(&n, to, text);
	}
	await_delivered(&n, (size_t)open);
	row("the same from an outbox: two whole engines", "/s", floor,
	    POUR * 1e6 / (double)(mono_us() - t), "–");
	node_stop(&n);
	sink_stop(sink);
	folder_remove(n.home);
	folder_remove(there);
}

static void measure_connect(void)
{
	static int64_t took[100];
	char *there = folder_new();
	uint16_t port;
	pid_t sink = sink_start(there, &port);

	for (size_t i = 0; i < 100; i++) {
		int64_t t = mono_us();
		struct peer *p = peer_dial(port, 2);

		took[i] = mono_us() - t;
		peer_close(p);
	}
	printf("| connect to ready, p50 | – | %.2f ms | – | ≤ 3 ms |\n",
	       (double)percentile(took, 100, 50) / 1000);
	sink_stop(sink);
	folder_remove(there);
}

int main(int argc, char **argv)
{
	const char *only = argc > 1 ? argv[1] : "all";
	bool all = !strcmp(only, "all");

	signal(SIGPIPE, SIG_IGN);
	if (all || !strcmp(only, "latency"))
		measure_latency();
	if (all || !strcmp(only, "receipts"))
		measure_receipts();
	if (all || !strcmp(only, "pair"))
		measure_pair();
	if (all || !strcmp(only, "connect"))
		measure_connect();
	return 0;
}
