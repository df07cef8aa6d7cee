/* What sotto costs when nothing happens, and what each idle peer costs. */
#include "tests/bench/peer.h"
#include "tests/bench/tools.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PEERS = 400 };

/* Wake-ups and processor time of the process over so many seconds. */
static void idle(const char *what, pid_t pid, unsigned seconds,
		 const char *goal)
{
	uint64_t woke = proc_switches(pid), cpu = proc_cpu_us(pid);

	sleep(seconds);
	printf("| idle for %u s, %s: wake-ups, processor time | 0 | %llu,"
	       " %llu us | – | %s |\n",
	       seconds, what, (unsigned long long)(proc_switches(pid) - woke),
	       (unsigned long long)(proc_cpu_us(pid) - cpu), goal);
	fflush(stdout);
}

static void measure_idle(void)
{
	struct term t;
	char *home = folder_new(), port[8];
	char *argv[] = {SOTTO_PATH,    "--home", home,
			"--port",      port,     "--no-discover",
			"--trust-new", "accept", NULL};

	snprintf(port, sizeof port, "%u", bench_port());
	term_start(&t, argv);
	term_settle(&t, 3000);
	idle("the screen without a peer", t.pid, 10, "0");

	struct peer *p = peer_dial(bench_port(), 1);

	peer_say(p, "hello");
	while (peer_hear(p, 5000) < 1)
		;
	term_settle(&t, 500);
	term_type(&t, ":msg bench\r");
	term_settle(&t, 6000);
	idle("a conversation open with one peer", t.pid, 30, "≤ 1");
	peer_close(p);
	term_stop(&t);
	folder_remove(home);
}

static double each_peer(pid_t pid, uint16_t port, void (*dial)(uint16_t, int))
{
	uint64_t before;

	for (int i = 0; i < 20; i++) /* what the first ones bring along */
		dial(port, i);
	sleep(1);
	before = proc_private_kb(pid);
	for (int i = 20; i < PEERS; i++)
		dial(port, i);
	sleep(1);
	return (double)(proc_private_kb(pid) - before) / (PEERS - 20);
}

/* Left open until the program ends. */
static void dial_ours(uint16_t port, int i)
{
	peer_dial(port, (uint64_t)i + 10);
}

static void dial_bare(uint16_t port, int i)
{
	char text[512] = {(char)i};
	int fd = tcp_dial(port);

	if (write(fd, text, sizeof text) < 0 || read(fd, text, sizeof text) < 0)
		die("the bare peer");
}

static void measure_peers(void)
{
	char *home = folder_new(), text[8];
	uint16_t port = (uint16_t)(20000 + getpid() % 10000);
	pid_t pid = fork();

	snprintf(text, sizeof text, "%d", port);
	if (pid == 0) {
		execl(FLOOR_PEERS_PATH, "floor_peers", text, (char *)NULL);
		_exit(127);
	}
	double floor = each_peer(pid, port, dial_bare);

	process_stop(pid);
	pid = headless_start(home, &port);
	double ours = each_peer(pid, port, dial_ours);

	printf("| memory of each further idle connected peer | %.1f kB |"
	       " %.1f kB | %.2f | ≤ 0.5 |\n",
	       floor, ours, ours / floor);
	process_stop(pid);
	folder_remove(home);
}

int main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN);
	if (argc < 2 || !strcmp(argv[1], "idle"))
		measure_idle();
	if (argc < 2 || !strcmp(argv[1], "peers"))
		measure_peers();
	return 0;
}
