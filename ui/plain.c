/* Line by line: for a screen reader, a terminal that can do no more, or a
 * pipe. One loop that waits for what is typed and for the engine. Everything
 * that is said is a line of its own and stands where it was written; nothing
 * is drawn. */
#include "src/client.h"
#include "src/clock.h"
#include "src/config.h"
#include "ui/front.h"
#include "ui/plain_impl.h"
#include "ui/words.h"
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum {
	EXIT_INTERRUPTED = 130,
	PENDING_MAX = 65536, /* not written yet: then nothing is heard */
	EVENTS_A_TURN = 256, /* then keys are looked at again */
	/* After a line that came. Many may come at once, and the prompt, which
	 * is heard too, is worth saying once. */
	PROMPT_US = 100000,
	QUIT_US = 5000000,   /* for the engine to say goodbye */
	LAST_US = 1000000,   /* for the last words to be read */
	SETTLE_US = 3000000, /* after the end of a pipe, for what is sent */
};

/* ---- commands ---- */

void plain_send(struct plain *p, const struct command *cmd, enum why why,
		const char *said)
{
	struct command *mine = xmalloc(sizeof(*mine));
	struct asked *a;

	*mine = *cmd;
	mine->ref = ++p->ref;
	if (client_send(p->client, mine)) {
		plain_say(p, "%s", _("too much at once: not done"));
		return;
	}
	p->open++;
	if (why == WHY_NOTHING)
		return;
	a = &p->asked[p->ref % ASKED_MAX];
	p->waits -= a->waits; /* too long ago */
	*a = (struct asked){.ref = p->ref, .why = why, .said = said};
	/* Somebody who types goes on while it dials. */
	a->waits = why != WHY_OPEN || !pterm_prompts(p->term);
	p->waits += a->waits;
}

static void ask(struct plain *p)
{
	struct command cmd, *mine;

	while (model_wants(p->model, &cmd)) {
		mine = xmalloc(sizeof(*mine));
		*mine = cmd;
		if (client_send(p->client, mine))
			return;
		p->open++;
		if (cmd.kind == CMD_SINCE)
			p->since_ref = cmd.ref;
		if (cmd.kind == CMD_HISTORY && cmd.limit > 1)
			p->history_ref = cmd.ref;
	}
}

void plain_quit(struct plain *p)
{
	if (p->quitting)
		return;
	p->quitting = true;
	if (client_beside(p->client)) {
		p->done = true; /* what was sent to it is in its socket */
		return;
	}
	p->quit_us = clock_mono_us() + QUIT_US;
	plain_send(p, &(struct command){.kind = CMD_QUIT}, WHY_NOTHING, NULL);
}

/* ---- the prompt ---- */

static void quoted(const struct plain *p, contact_id c, struct uuid id,
		   char *out, size_t size)
{
	const struct message *m = model_by_id(p->model, c, id);

	out[0] = '\0';
	if (memcmp(&id, &(struct uuid){0}, sizeof(id)) != 0 && m)
		text_line(out, size, text_of(m->text), 30);
}

void plain_whom(struct plain *p)
{
	contact_id c = p->latched ? p->latch : p->to;
	struct uuid id = p->latched ? p->latch_id : p->answers;
	const struct contact *who = model_find(p->model, c);
	char name[WHOM_MAX], words[128], prompt[256];

	plain_name(p, name, who);
	quoted(p, c, id, words, sizeof(words));
	if (!who)
		snprintf(prompt, sizeof(prompt), "%s> ", _("to nobody"));
	else if (words[0])
		snprintf(prompt, sizeof(prompt), _("to %s, answering \"%s\"> "),
			 name, words);
	else
		snprintf(prompt, sizeof(prompt), _("to %s> "), name);
	pterm_prompt(p->term, prompt);
}

/* ---- results ---- */

static void dialled(struct plain *p, const struct event *ev, enum why why)
{
	char name[WHOM_MAX];

	if (!ev->contact)
		return;
	plain_name(p, name, ev->contact);
	plain_met(p, ev->contact->id);
	if (why == WHY_OPEN)
		plain_say(p, _("connected to %s: /msg %s writes to them"), name,
			  name);
	else if (model_find(p->model, ev->contact->id))
		plain_open(p, ev->contact->id, (struct uuid){0});
}

static void worked(struct plain *p, const struct asked *a,
		   const struct event *ev)
{
	char name[WHOM_MAX], said[SAID_MAX];

	switch (a->why) {
	case WHY_NOTHING:
	case WHY_SEND:
		return;
	case WHY_LOGIN:
	case WHY_SAY:
		plain_name(p, name, ev->contact);
		if (a->said && ev->contact)
			plain_say(p, "%s: %s", _(a->said), name);
		else if (a->said || ev->text)
			plain_say(p, "%s",
				  a->said ? _(a->said)
					  : words_said(said, ev->text));
		return;
	case WHY_OPEN:
	case WHY_MSG:
		dialled(p, ev, a->why);
		return;
	case WHY_INFO:
		if (ev->contact)
			plain_info(p, ev->contact, ev->text);
		return;
	case WHY_NICK:
		plain_send(p, &(struct command){.kind = CMD_ID}, WHY_SELF,
			   NULL);
		return;
	case WHY_SELF:
		if (!ev->contact)
			return;
		model_rename_self(p->model, ev->contact->nick);
		plain_say(p, _("you are %s now; /set -s nickname keeps it"),
			  ev->contact->nick);
		return;
	case WHY_FIND:
		if (!p->n_found)
			plain_say(p, "%s", _("nothing was found"));
		return;
	}
}

static void on_asked(struct plain *p, const struct event *ev)
{
	struct asked *a = &p->asked[ev->ref % ASKED_MAX], mine = *a;
	char said[SAID_MAX];

	if (a->ref != ev->ref)
		return;
	p->waits -= a->waits;
	*a = (struct asked){.why = WHY_NOTHING};
	if (ev->code == CODE_OK || ev->code == CODE_QUEUED ||
	    ev->code == CODE_PARTLY) {
		worked(p, &mine, ev);
		return;
	}
	if (mine.why == WHY_LOGIN && plain_login_refused(p, ev->text))
		return;
	plain_say(p, "%s",
		  ev->text                     ? words_said(said, ev->text)
		  : ev->code == CODE_DISK_FULL ? _("the disk is full: nothing "
						   "was lost")
					       : _("not done"));
	if (mine.why == WHY_SEND)
		plain_say(p, "%s", _("nothing was sent"));
}

static void on_result(struct plain *p, const struct event *ev)
{
	if (p->open)
		p->open--;
	if (!model_asked(ev->ref)) {
		on_asked(p, ev);
		return;
	}
	if (ev->ref == p->history_ref) {
		p->history_ref = 0;
		plain_page(p);
	}
	if (model_asked_outbox(ev->ref) && !ev->more)
		plain_outbox(p);
}

/* ---- events ---- */

static void bye(struct plain *p, const struct event *ev)
{
	char said[SAID_MAX];

	p->done = true;
	if (p->quitting)
		return;
	if (ev->text && strcmp(ev->text, "quit") == 0) {
		plain_say(p, "%s", _("the engine was ended elsewhere"));
		return;
	}
	p->status = EXIT_FAILURE;
	plain_say(p, _("the end: %s"),
		  ev->text ? words_said(said, ev->text) : "");
}

static void on_event(struct plain *p, const struct event *ev)
{
	model_apply(p->model, ev);
	plain_heard(p, ev);
	if (ev->kind == EV_RESULT)
		on_result(p, ev);
	else if (ev->kind == EV_ITEM && ev->message && ev->ref == p->find_ref)
		plain_found(p, ev->message);
	else if (ev->kind == EV_BYE)
		bye(p, ev);
	if (!p->begun && model_complete(p->model)) {
		p->begun = true;
		plain_begun(p);
	}
}

/* Says whether there may be more. */
static bool events(struct plain *p)
{
	const struct event *ev;

	for (int i = 0; i < EVENTS_A_TURN && !p->done; i++) {
		if (pterm_pending(p->term) >= PENDING_MAX)
			return false;
		ev = client_next(p->client);
		if (!ev)
			return false;
		on_event(p, ev);
	}
	return !p->done;
}

/* ---- lines ---- */

/* A line is looked at when what the one before it asked for was answered, so
 * that it finds the conversation which that one opened. */
static bool may_type(const struct plain *p)
{
	return p->begun && !p->waits && !p->history_ref && !p->quitting &&
	       pterm_pending(p->term) < PENDING_MAX;
}

static void typed(struct plain *p, enum typed what)
{
	struct buf line = {0};

	if (what == TYPED_END) {
		p->in_over = true;
		return;
	}
	if (what == TYPED_KEY) {
		if (!p->login.asking)
			plain_typing(p);
		return;
	}
	if (p->login.asking) {
		plain_login_typed(p, what == TYPED_LINE ? pterm_text(p->term)
							: (struct bytes){0});
		return;
	}
	plain_read(p);
	if (what == TYPED_LONG)
		plain_say(p,
			  _("too long: a message holds %d bytes; nothing "
			    "sent"),
			  TEXT_MAX);
	else
		buf_put(&line, pterm_text(p->term));
	if (line.n)
		plain_line(p, (struct bytes){line.p, line.n});
	buf_free(&line);
	p->latched = false;
	ask(p);
	if (!p->waits && !p->history_ref)
		plain_whom(p);
	p->show_us = 0;
}

/* Says whether something was. */
static bool lines(struct plain *p)
{
	bool any = false;
	enum typed what;

	while (may_type(p) && !p->in_over &&
	       (what = pterm_next(p->term)) != TYPED_NOTHING) {
		any = true;
		typed(p, what);
	}
	return any;
}

/* Of a terminal at once; of a pipe when all was done that stood in it, and
 * what was sent has had a moment to arrive. */
static void end_of_input(struct plain *p)
{
	int64_t now = clock_mono_us();

	if (!p->in_over || p->quitting)
		return;
	if (pterm_prompts(p->term)) {
		plain_quit(p);
		return;
	}
	if (p->open)
		return;
	if (!p->quit_us)
		p->quit_us = now + SETTLE_US;
	if (!plain_settling(p) || now >= p->quit_us)
		plain_quit(p);
}

/* ---- signals ---- */

static int signals_open(void)
{
	static const int heard[] = {SIGINT, SIGTERM, SIGHUP, SIGTSTP, SIGCONT};
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(heard) / sizeof(heard[0]); i++)
		sigaddset(&set, heard[i]);
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return -1;
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* Stopped as if we had not looked at the signal: where no shell could wake us
 * again the kernel takes no notice of it. */
static void stop(struct plain *p)
{
	sigset_t set;

	pterm_aside(p->term);
	sigemptyset(&set);
	sigaddset(&set, SIGTSTP);
	raise(SIGTSTP);
	sigprocmask(SIG_UNBLOCK, &set, NULL); /* here we stand */
	sigprocmask(SIG_BLOCK, &set, NULL);
	pterm_back(p->term);
}

/* Ctrl-C: the line is over, and what it waits for is no longer waited for. */
static void clear(struct plain *p)
{
	for (size_t i = 0; i < ASKED_MAX; i++) {
		p->asked[i].waits = false;
		/* whoever it will be, they are not written to now */
		if (p->asked[i].why == WHY_MSG)
			p->asked[i].why = WHY_OPEN;
	}
	p->waits = 0;
	p->history_ref = 0;
	p->latched = false;
	p->answers = (struct uuid){0};
	pterm_forget(p->term);
	plain_whom(p);
	p->show_us = 0;
}

static void interrupted(struct plain *p, bool typed_it)
{
	if (typed_it && pterm_prompts(p->term)) {
		bool empty = !pterm_text(p->term).n;

		clear(p);
		if (empty)
			plain_say(p, "%s", _("/quit or Ctrl-D ends"));
		return;
	}
	p->status = EXIT_INTERRUPTED;
	plain_quit(p);
}

static void hear_signal(struct plain *p)
{
	struct signalfd_siginfo info;

	if (read(p->signal_fd, &info, sizeof(info)) != sizeof(info))
		return;
	switch (info.ssi_signo) {
	case SIGTSTP:
		stop(p);
		return;
	case SIGCONT:
		pterm_back(p->term);
		return;
	case SIGINT:
		interrupted(p, info.ssi_code == SI_KERNEL);
		return;
	default: /* a second one does not wait */
		p->done = p->quitting;
		plain_quit(p);
		return;
	}
}

/* ---- the loop ---- */

static void sooner(int64_t *when, int64_t at)
{
	if (at && at < *when)
		*when = at;
}

static int timeout_ms(const struct plain *p)
{
	int64_t at = plain_next_due(p), left;

	sooner(&at, p->quit_us);
	sooner(&at, p->show_us);
	if (at == INT64_MAX)
		return -1;
	left = at - clock_mono_us();
	if (left <= 0)
		return 0;
	return left > 1000000000 ? 1000000 : (int)(left / 1000) + 1;
}

static void wait_for_more(struct plain *p, bool more)
{
	bool full = pterm_pending(p->term) >= PENDING_MAX;
	struct pollfd f[] = {
	    {.fd = may_type(p) && !p->in_over ? pterm_in(p->term) : -1,
	     .events = POLLIN},
	    {.fd = pterm_out(p->term), .events = POLLOUT},
	    {.fd = full ? -1 : client_fd(p->client), .events = POLLIN},
	    {.fd = p->signal_fd, .events = POLLIN},
	};

	if (poll(f, 4, more ? 0 : timeout_ms(p)) < 0)
		return;
	if (f[0].revents)
		pterm_read(p->term);
	if (f[1].revents)
		pterm_write(p->term);
	if (f[3].revents)
		hear_signal(p);
}

/* At once after a line that was typed, else when it has been quiet for a
 * moment: what is typed before that shows it, too. */
static void show(struct plain *p, bool key)
{
	int64_t now = clock_mono_us();

	if (pterm_shown(p->term) || !may_type(p)) {
		p->show_us = 0;
		return;
	}
	if (!key && !p->show_us) {
		p->show_us = now + PROMPT_US;
		return;
	}
	if (!key && now < p->show_us)
		return;
	pterm_show(p->term);
	p->show_us = 0;
}

static void turn(struct plain *p)
{
	bool full = pterm_pending(p->term) >= PENDING_MAX;
	bool more = events(p), key;

	ask(p);
	model_trim(p->model);
	plain_due(p, clock_mono_us());
	key = lines(p);
	end_of_input(p);
	show(p, key);
	pterm_write(p->term);
	if (pterm_gone(p->term))
		plain_quit(p);
	if (p->quitting && p->quit_us && clock_mono_us() >= p->quit_us)
		p->done = true;
	if (!p->done)
		wait_for_more(p, more || (full && !pterm_pending(p->term)));
}

/* What was said last is worth a moment. */
static void flush_last(struct plain *p)
{
	int64_t until = clock_mono_us() + LAST_US, left;

	while (pterm_pending(p->term) && !pterm_gone(p->term) &&
	       (left = until - clock_mono_us()) > 0) {
		struct pollfd f = {.fd = pterm_out(p->term), .events = POLLOUT};

		if (poll(&f, 1, (int)(left / 1000) + 1) > 0)
			pterm_write(p->term);
	}
}

int plain_dial(struct client *c, const struct config *cfg, const char *at)
{
	struct plain p = {
	    .client = c, .cfg = cfg, .clock12 = cfg->screen.clock12};
	struct buf first = {0};

	signal(SIGPIPE, SIG_IGN);
	p.ref = (uint64_t)1 << MODEL_REFS_BIT;
	p.model = model_new();
	p.term = pterm_open(TEXT_MAX + 1024); /* and a command before it */
	p.signal_fd = signals_open();
	plain_whom(&p);
	if (at) {
		buf_printf(&first, "/msg %s", at);
		plain_line(&p, (struct bytes){first.p, first.n});
	}
	if (cfg->web)
		plain_web(&p);
	while (!p.done)
		turn(&p);
	plain_due(&p, INT64_MAX);
	flush_last(&p);
	pterm_close(p.term);
	if (p.signal_fd >= 0)
		close(p.signal_fd);
	page_close(&p.page);
	plain_login_free(&p);
	plain_say_free(&p);
	buf_free(&first);
	model_free(p.model);
	client_close(c);
	return p.status;
}

int plain_run(struct client *c, const struct config *cfg)
{
	return plain_dial(c, cfg, NULL);
}
