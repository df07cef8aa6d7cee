/* A line as it is typed: whatever it is, it is text, a command of the table or
 * refused with names to choose from, and what the engine is asked for holds
 * what was typed and nothing else. */
#include "ui/command.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool inside(struct bytes part, struct bytes all)
{
	return !part.n || (part.p >= all.p && part.p + part.n <= all.p + all.n);
}

static void build(const struct parsed *p)
{
	struct command *cmd = xmalloc(sizeof(*cmd));

	if (command_build(p, 1, cmd)) {
		assert(!cmd->to ||
		       strlen(cmd->to) <= p->peer.n + p->text.n + 3);
		assert(!cmd->text || strlen(cmd->text) <= p->text.n);
	}
	command_free(cmd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes s = {data, size};
	struct parsed p;

	if (size > 65536)
		return 0;
	command_parse(s, &p);
	assert(inside(p.peer, s) && inside(p.text, s));
	switch (p.line) {
	case LINE_EMPTY:
	case LINE_TEXT:
		assert(!p.row);
		break;
	case LINE_SLASH:
	case LINE_USAGE:
		assert(p.row && data[0] == '/');
		break;
	case LINE_UNKNOWN:
	case LINE_UNCLEAR:
		assert(!p.row && p.near[0]);
		break;
	}
	build(&p);
	command_begun(s);
	return 0;
}
