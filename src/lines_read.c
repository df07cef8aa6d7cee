#include "src/lines_impl.h"
#include <stdio.h>

static const int64_t usual_us = 30000000;
static const char *const words_wait[] = {"ack", "sent", "none", NULL};

/* ---- codes ---- */

static const struct {
	const char *word;
	int exit;
} codes[] = {
    [CODE_OK] = {"ok", 0},
    [CODE_ERROR] = {"error", 1},
    [CODE_BAD_COMMAND] = {"bad_command", 2},
    [CODE_USAGE] = {"usage", 2},
    [CODE_TOO_LONG] = {"too_long", 2},
    [CODE_NO_ACK] = {"no_ack", 2},
    [CODE_TIMEOUT] = {"timeout", 3},
    [CODE_REFUSED] = {"refused", 4},
    [CODE_KEY] = {"key", 5},
    [CODE_UNKNOWN] = {"unknown", 6},
    [CODE_UNREACHABLE] = {"unreachable", 6},
    [CODE_AMBIGUOUS] = {"ambiguous", 6},
    [CODE_SELF] = {"self", 6},
    [CODE_PARTLY] = {"partly", 7},
    [CODE_QUEUED] = {"queued", 8},
    [CODE_QUEUE_FULL] = {"queue_full", 1},
    [CODE_DISK_FULL] = {"disk_full", 1},
};
enum { N_CODES = sizeof codes / sizeof *codes };

int code_exit(enum code c)
{
	return codes[c].exit;
}

const char *code_word(enum code c)
{
	return codes[c].word;
}

enum code code_find(const char *word)
{
	for (size_t i = 0; word && i < N_CODES; i++)
		if (!strcmp(codes[i].word, word))
			return (enum code)i;
	return CODE_ERROR;
}

static const struct {
	const char *word;
	enum command_kind kind;
} commands[] = {
    {"send", CMD_SEND},
    {"reply", CMD_REPLY},
    {"all", CMD_ALL},
    {"cancel", CMD_CANCEL},
    {"retry", CMD_RETRY},
    {"draft", CMD_DRAFT},
    {"read", CMD_READ},
    {"connect", CMD_CONNECT},
    {"trust", CMD_TRUST},
    {"verify", CMD_VERIFY},
    {"block", CMD_BLOCK},
    {"unblock", CMD_UNBLOCK},
    {"forget", CMD_FORGET},
    {"rename", CMD_RENAME},
    {"nick", CMD_NICK},
    {"set", CMD_SET},
    {"id", CMD_ID},
    {"peers", CMD_PEERS},
    {"outbox", CMD_OUTBOX},
    {"snapshot", CMD_SNAPSHOT},
    {"history", CMD_HISTORY},
    {"since", CMD_SINCE},
    {"search", CMD_SEARCH},
    {"quit", CMD_QUIT},
    {"login", CMD_LOGIN},
    {"logout", CMD_LOGOUT},
    {"online", CMD_ONLINE},
    {"broadcast", CMD_BROADCAST},
    {"getaddress", CMD_GETADDRESS},
    {"allow", CMD_ALLOW},
};
enum { N_COMMANDS = sizeof commands / sizeof *commands };
const char *command_word(enum command_kind kind)
{
	for (size_t i = 0; i < N_COMMANDS; i++)
		if (commands[i].kind == kind)
			return commands[i].word;
	return "";
}

/* ---- commands ---- */

/* "ref":"..." in a line that cannot be read: a quick look, so that whoever
 * waits for it hears. */
static bool glimpse_ref(struct bytes line, char ref[static REF_MAX + 1])
{
	static const char key[] = "\"ref\"";
	const uint8_t *end = line.p + (line.n < 4096 ? line.n : 4096), *p;
	size_t n = 0;

	p = line.n ? memmem(line.p, (size_t)(end - line.p), key, 5) : NULL;
	if (!p || (p > line.p && p[-1] == '\\'))
		return false;
	for (p += 5; p < end && (*p == ' ' || *p == ':'); p++)
		;
	if (p == end || *p != '"')
		return false;
	for (p++; p + n < end && p[n] != '"'; n++)
		if (p[n] == '\\' || p[n] < 32 || n == REF_MAX)
			return false;
	if (p + n == end || !utf8_ok((struct bytes){p, n}))
		return false;
	memcpy(ref, p, n);
	ref[n] = 0;
	return true;
}

void lines_refuse(struct buf *out, const char *ref, enum code code,
		  const char *why)
{
	lines_result(out, ref, code, why);
	lines_end(out);
}

void lines_refuse_unread(struct bytes line, const char *why, struct buf *out)
{
	char ref[REF_MAX + 1];

	lines_refuse(out, glimpse_ref(line, ref) ? ref : NULL, CODE_BAD_COMMAND,
		     why);
}

static bool read_kind(struct json_object *o, enum command_kind *kind,
		      char why[static 256])
{
	const char *word = NULL;

	if (!json_get_string(o, "cmd", &word) || !word) {
		snprintf(why, 256, "no \"cmd\"");
		return false;
	}
	for (size_t i = 0; i < N_COMMANDS; i++) {
		if (strcmp(commands[i].word, word))
			continue;
		*kind = commands[i].kind;
		return true;
	}
	snprintf(why, 256, "unknown command %.32s", word);
	return false;
}

static bool bad_kind(char why[static 256], const char *key, const char *what)
{
	snprintf(why, 256, "\"%s\" is not %s", key, what);
	return false;
}

static bool read_strings(struct json_object *o, struct command *cmd,
			 char why[static 256])
{
	static const char *const key[] = {"to",       "peer", "center", "text",
					  "password", "name", "user"};
	char **slot[] = {&cmd->to,   &cmd->to,   &cmd->to,  &cmd->text,
			 &cmd->text, &cmd->name, &cmd->name};

	for (size_t i = 0; i < sizeof key / sizeof *key; i++) {
		const char *s = NULL;

		if (!json_get_string(o, key[i], &s))
			return bad_kind(why, key[i], "a string");
		if (s && !*slot[i])
			*slot[i] = copy_of(s);
	}
	return true;
}

static bool read_numbers(struct json_object *o, struct command *cmd,
			 char why[static 256])
{
	int64_t limit = 0, cursor = 0;

	if (!json_get_number(o, "contact", &cmd->contact))
		return bad_kind(why, "contact", "a number");
	if (!json_get_number(o, "n", &cmd->n) ||
	    (cmd->kind != CMD_HISTORY && !json_get_number(o, "after", &cmd->n)))
		return bad_kind(why, "n", "a number");
	if (!json_get_number(o, "limit", &limit) || limit < 0)
		return bad_kind(why, "limit", "a number");
	if (!json_get_number(o, "cursor", &cursor) || cursor < 0)
		return bad_kind(why, "cursor", "a number");
	if (!json_get_flag(o, "yes", &cmd->yes))
		return bad_kind(why, "yes", "true or false");
	if (!json_get_flag(o, "insecure", &cmd->yes)) /* of login */
		return bad_kind(why, "insecure", "true or false");
	cmd->limit = limit < PAGE_MAX ? (unsigned)limit : PAGE_MAX;
	cmd->cursor = (size_t)cursor;
	return true;
}

static bool read_ids(struct json_object *o, struct command *cmd,
		     char why[static 256])
{
	static const char *const key[] = {"id", "reply_to", "before"};

	for (size_t i = 0; i < 3; i++)
		if (!json_get_uuid(o, key[i], &cmd->id))
			return bad_kind(why, key[i], "a message id");
	return true;
}

bool command_sends(enum command_kind kind)
{
	return kind == CMD_SEND || kind == CMD_REPLY || kind == CMD_ALL;
}

static bool read_wait(struct json_object *o, struct open *to,
		      char why[static 256])
{
	const char *wait = NULL, *late = NULL;
	int64_t ms = -1;
	int i;

	if (!json_get_string(o, "wait", &wait))
		return bad_kind(why, "wait", "ack, sent or none");
	if (!json_get_number(o, "timeout_ms", &ms) || ms > INT64_C(1) << 40)
		return bad_kind(why, "timeout_ms", "a number of milliseconds");
	if (!json_get_string(o, "on_timeout", &late) ||
	    (late && strcmp(late, "queue") && strcmp(late, "cancel")))
		return bad_kind(why, "on_timeout", "cancel or queue");
	i = wait ? word_find(words_wait, wait) : WAIT_ACK;
	if (i < 0)
		return bad_kind(why, "wait", "ack, sent or none");
	to->keep = late && !strcmp(late, "queue");
	if (command_sends(to->kind))
		to->wait = (enum wait)i;
	if (ms >= 0)
		to->timeout_us = ms * 1000;
	else if (command_sends(to->kind) && to->wait != WAIT_NONE)
		to->timeout_us = usual_us;
	return true;
}

static bool read_ref(struct json_object *o, struct open *to,
		     char why[static 256])
{
	const char *ref = NULL;

	if (!json_get_string(o, "ref", &ref))
		return bad_kind(why, "ref", "a string");
	if (!ref)
		return true;
	if (strlen(ref) > REF_MAX) {
		snprintf(why, 256, "\"ref\" has more than %d bytes", REF_MAX);
		return false;
	}
	to->has_ref = true;
	memcpy(to->ref, ref, strlen(ref) + 1);
	return true;
}

bool lines_read(struct json_object *o, struct command *cmd, struct open *to,
		char why[static 256])
{
	if (!read_ref(o, to, why) || !read_kind(o, &cmd->kind, why))
		return false;
	to->kind = cmd->kind;
	return read_strings(o, cmd, why) && read_numbers(o, cmd, why) &&
	       read_ids(o, cmd, why) && read_wait(o, to, why);
}
