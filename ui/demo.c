#include "src/clock.h"
#include "src/lines_json.h"
#include "ui/front.h"
#include "ui/shell.h"
#include "ui/words.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
/* sotto demo: somebody alone sees a message, its ACK and a reply. The echo is
 * a sotto of its own (`sotto demo --echo`), with an identity that lives as
 * long as it does; so is the one of the screen beside it. */

enum { EXIT_USAGE = 2 };
static const int64_t patience_us = 10000000;
extern char **environ;

/* ---- the echo ---- */

struct echo {
	contact_id greeted;
};

static void echo_say(struct shell *s, contact_id to, const struct message *m)
{
	struct buf line = {0}, text = {0};
	char *c;

	if (m)
		buf_printf(&text, _("you said: %.*s"),
			   (int)utf8_cut((struct bytes){(uint8_t *)m->text,
							strlen(m->text)},
					 TEXT_MAX - 64),
			   m->text);
	else
		buf_printf(&text,
			   _("Hello! I am an echo: whatever you write to "
			     "me comes back. Type something and press "
			     "Enter; /quit ends."));
	c = xstrndup((struct bytes){text.p, text.n});
	shell_begin(s, &line, m ? "reply" : "send");
	json_number(&line, "contact", to);
	if (m)
		json_uuid(&line, "reply_to", &m->id);
	json_string(&line, "text", c);
	json_string(&line, "wait", "none");
	shell_ask(s, &line);
	free(c);
	buf_free(&text);
}

static void hear_echo(struct shell *s, struct bytes line,
		      const struct event *ev)
{
	struct echo *e = s->state;

	(void)line;
	if (ev->kind == EV_READY && ev->contact) {
		printf("%u\n", ev->contact->at.port);
		fflush(stdout);
	} else if (ev->kind == EV_PEER && ev->contact->presence == P_ONLINE &&
		   e->greeted != ev->contact->id) {
		e->greeted = ev->contact->id;
		echo_say(s, ev->contact->id, NULL);
	} else if (ev->kind == EV_MESSAGE && ev->message->incoming) {
		echo_say(s, ev->message->with, ev->message);
	}
}

/* Until whoever started us is gone: stdin is a pipe that he holds. */
static int echo_run(struct shell *s)
{
	struct echo e = {0};
	struct pollfd p[] = {
	    {.fd = STDIN_FILENO, .events = POLLIN},
	    {.fd = client_fd(s->client), .events = POLLIN},
	    {.fd = s->signal_fd, .events = POLLIN},
	};

	prctl(PR_SET_PDEATHSIG, SIGTERM);
	s->state = &e;
	s->hear = hear_echo;
	while (s->over < 0) {
		event_free(s->answer);
		s->answer = NULL;
		shell_wait(s, 0);
		if (s->over >= 0 || s->answer)
			continue;
		if (poll(p, 3, -1) > 0 && (p[0].revents || p[2].revents))
			break;
	}
	return 0;
}

/* ---- starting it ---- */

struct child {
	pid_t pid;
	int hold, port_fd; /* the pipe it lives by; where it says its port */
};

static int spawn(struct child *c)
{
	static const char *const words[] = {
	    "sotto",     "demo",   "--echo", "--nick",      "echo",  "--bind",
	    "127.0.0.1", "--port", "0",      "--trust-new", "accept"};
	enum { N = sizeof words / sizeof *words };
	char *argv[N + 1] = {NULL};
	int in[2], out[2], bad;
	posix_spawn_file_actions_t fa;

	if (pipe2(in, O_CLOEXEC))
		return errno;
	if (pipe2(out, O_CLOEXEC)) {
		bad = errno;
		close(in[0]);
		close(in[1]);
		return bad;
	}
	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_adddup2(&fa, in[0], STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&fa, out[1], STDOUT_FILENO);
	posix_spawn_file_actions_addopen(&fa, STDERR_FILENO, "/dev/null",
					 O_WRONLY, 0);
	for (size_t i = 0; i < N; i++)
		argv[i] = xstrndup((struct bytes){(const uint8_t *)words[i],
						  strlen(words[i])});
	bad = posix_spawn(&c->pid, "/proc/self/exe", &fa, NULL, argv, environ);
	for (size_t i = 0; i < N; i++)
		free(argv[i]);
	posix_spawn_file_actions_destroy(&fa);
	close(in[0]);
	close(out[1]);
	c->hold = in[1];
	c->port_fd = out[0];
	return bad;
}

/* 0: it did not start. */
static unsigned read_port(const struct child *c)
{
	struct pollfd p = {.fd = c->port_fd, .events = POLLIN};
	char text[16] = "";
	size_t n = 0;

	while (n < sizeof text - 1 && !strchr(text, '\n')) {
		ssize_t got;

		if (poll(&p, 1, (int)(patience_us / 1000)) <= 0)
			break;
		got = read(c->port_fd, text + n, 1);
		if (got <= 0)
			break;
		n++;
	}
	return (unsigned)strtoul(text, NULL, 10);
}

static void end(struct child *c)
{
	close(c->hold);
	close(c->port_fd);
	kill(c->pid, SIGTERM);
	while (waitpid(c->pid, NULL, 0) < 0 && errno == EINTR)
		;
}

/* ---- without a screen: what happens, as text ---- */

struct story {
	bool delivered, greeted, answered;
	double rtt_ms;
};

static void hear_story(struct shell *s, struct bytes line,
		       const struct event *ev)
{
	struct story *t = s->state;

	if (!s->text && ev->kind != EV_PEER)
		shell_line(line);
	if (s->text && ev->kind == EV_MESSAGE)
		shell_message(s, ev);
	if (ev->kind == EV_MESSAGE && ev->message->incoming) {
		if (ev->message->quote)
			t->answered = true;
		else
			t->greeted = true;
	}
	if (ev->kind != EV_STATUS || ev->message->delivery != D_DELIVERED)
		return;
	t->delivered = true;
	if (s->text)
		shell_say(_("    acknowledged by its disk after %.1f ms"),
			  (double)ev->message->rtt_us / 1000);
}

static int tell_story(struct shell *s, const char *at)
{
	int64_t until = clock_mono_us() + patience_us;
	struct story t = {0};
	struct buf line = {0};
	int status;

	s->state = &t;
	s->hear = hear_story;
	shell_begin(s, &line, "connect");
	json_string(&line, "to", at);
	status = shell_do(s, &line);
	if (status)
		return status;
	if (s->text)
		shell_say(_("connected to %s, encrypted"), at);
	while (!t.greeted && s->over < 0 && clock_mono_us() < until) {
		event_free(s->answer);
		s->answer = NULL;
		shell_wait(s, clock_mono_us() + 20000);
	}
	shell_begin(s, &line, "send");
	json_string(&line, "to", at);
	json_string(&line, "text", _("are you there?"));
	status = shell_do(s, &line);
	while (!status && !(t.answered && t.delivered) && s->over < 0) {
		if (clock_mono_us() > until)
			return shell_fail(3, "%s",
					  _("no reply in ten seconds"));
		event_free(s->answer);
		s->answer = NULL;
		shell_wait(s, clock_mono_us() + 20000);
	}
	if (s->over >= 0)
		return s->over;
	if (!status && s->text)
		shell_say("%s",
			  _("that is all of it: in a terminal, `sotto demo` "
			    "opens the screen"));
	return status;
}

/* ---- the screen ---- */

static int show_screen(struct shell *s, const char *at)
{
	struct client *c = s->client;
	const char *term = getenv("TERM");

	close(s->signal_fd); /* signals are the screen's from here */
	s->signal_fd = -1;
	s->client = NULL;
	if (term && strcmp(term, "dumb") == 0)
		return plain_dial(c, s->cfg, at);
	return tui_dial(c, s->cfg, at);
}

int shell_demo(struct shell *s, struct words *w)
{
	bool echo = words_flag(w, "--echo");
	bool screen = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) &&
		      s->cfg->output == SW_AUTO;
	struct child c;
	char at[32];
	unsigned port;
	int status;

	if (!words_end(w, 0))
		return EXIT_USAGE;
	if (echo)
		return echo_run(s);
	if (s->cfg->output == SW_AUTO)
		s->text = true;
	status = spawn(&c);
	if (status)
		return shell_fail(EXIT_FAILURE, _("cannot start the echo: %s"),
				  strerror(status));
	port = read_port(&c);
	snprintf(at, sizeof at, "127.0.0.1:%u", port);
	if (!port)
		status =
		    shell_fail(EXIT_FAILURE, "%s", _("the echo did not start"));
	else if (screen)
		status = show_screen(s, at);
	else
		status = tell_story(s, at);
	end(&c);
	return status;
}
