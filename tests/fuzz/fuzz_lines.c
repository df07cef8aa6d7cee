#include "proto/guard.h"
#include "src/lines.h"
#include <assert.h>
#include <string.h>
/* The line protocol: whatever is fed, every command gets at most one result,
 * what is written can be read back, and a hostile engine's lines can be read
 * by a client. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char text[] = "text \"\\/\n\x7f\xe2\x80\xa8";

static void check_lines(struct bytes out)
{
	while (out.n) {
		const uint8_t *nl = memchr(out.p, '\n', out.n);
		struct event *ev = NULL;
		struct bytes line;

		assert(nl);
		line = (struct bytes){out.p, (size_t)(nl - out.p)};
		assert(guard_json(line, GUARD_DECIMALS) == OK);
		assert(lines_get(line, &ev) == OK && ev);
		event_free(ev);
		out = (struct bytes){nl + 1, out.n - line.n - 1};
	}
}

/* What an engine might say to a command: depends on it alone. */
static void answer(struct lines *l, const struct now *now,
		   const struct command *cmd, unsigned n, struct buf *out)
{
	struct contact c = {.dialect = "sotto", .id = 7, .draft = text};
	struct message m = {.n = n + 1, .with = 7, .text = text, .quote = text};
	struct event ev = {.ref = cmd->ref, .contact = &c, .message = &m};

	memset(m.id.b, (int)n + 1, sizeof m.id.b);
	c.presence = n % 2 ? P_ONLINE : P_OFFLINE;
	m.incoming = n % 3 == 0;
	ev.kind = EV_ITEM;
	lines_event(l, now, &ev, out);
	ev.kind = EV_RESULT;
	ev.code = (enum code)(n % 5 == 4 ? CODE_UNKNOWN : CODE_OK);
	ev.more = n % 7 == 6;
	lines_event(l, now, &ev, out);
	ev.kind = EV_MESSAGE;
	lines_event(l, now, &ev, out);
	if (n % 11 == 10) {
		ev.kind = EV_LOST;
		lines_event(l, now, &ev, out);
	}
	ev.kind = EV_STATUS;
	m.incoming = false;
	m.delivery = (enum delivery)(n % (D_CANCELLED + 1));
	lines_event(l, now, &ev, out);
}

static void serve(struct bytes in)
{
	struct now now = {.mono_us = 1, .wall_us = 1};
	struct event bye = {.kind = EV_BYE};
	struct lines *l = lines_new();
	struct buf out = {0};
	struct command *cmd;

	if (in.n % 2)
		lines_replay(l);
	/* in two pieces, as a pipe might bring it */
	for (int part = 0; part < 2; part++) {
		size_t half = in.n / 2;

		lines_feed(l, part ? (struct bytes){in.p + half, in.n - half}
				   : (struct bytes){in.p, half});
		for (unsigned n = 0; n < 64 && lines_next(l, &now, &cmd, &out);
		     n++) {
			struct buf put = {0};

			lines_put(cmd, &put);
			assert(put.n && put.p[put.n - 1] == '\n');
			assert(guard_json((struct bytes){put.p, put.n - 1},
					  GUARD_OWN) == OK);
			buf_free(&put);
			answer(l, &now, cmd, n, &out);
			command_free(cmd);
		}
		now.mono_us += 10000000;
		lines_tick(l, &now, &out);
	}
	lines_event(l, &now, &bye, &out);
	assert(!lines_open(l));
	check_lines((struct bytes){out.p, out.n});
	buf_free(&out);
	lines_free(l);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = {data, size};
	struct event *ev = NULL;

	serve(in);
	if (!lines_get(in, &ev))
		event_free(ev);
	return 0;
}
