#include "ui/command.h"
#include "ui/words.h"
#include <stdlib.h>
#include <string.h>

/* Order is that of help. A name that begins like another stands behind the
 * one its shortest prefix shall mean. */
const struct slash_row command_rows[] = {
    {"help", "", N_("keys and commands"), SL_HELP, ARGS_TEXT},
    {"msg", N_("PEER [TEXT]"),
     N_("open a conversation, or send one text there"), SL_MSG, ARGS_PEER_TEXT},
    {"r", N_("[TEXT]"), N_("answer the last sender not answered yet"), SL_REPLY,
     ARGS_TEXT},
    {"all", N_("TEXT"), N_("to everybody online"), SL_ALL, ARGS_TEXT},
    {"connect", N_("ADDR"), N_("add and dial a peer"), SL_CONNECT,
     ARGS_PEER_MUST},
    {"peers", "", N_("everybody known, with address and key"), SL_PEERS,
     ARGS_NONE},
    {"who", "", N_("who is online"), SL_WHO, ARGS_NONE},
    {"nick", N_("NAME"), N_("your own name"), SL_NICK, ARGS_NAME},
    {"find", N_("WORDS"), N_("search; parts of words will do. Tab: everywhere"),
     SL_FIND, ARGS_TEXT},
    {"outbox", "", N_("what waits: see, retry, cancel"), SL_OUTBOX, ARGS_NONE},
    {"retry", "", N_("send again what failed here"), SL_RETRY, ARGS_NONE},
    {"cancel", "", N_("take back what waits here"), SL_CANCEL, ARGS_NONE},
    {"verify", N_("[PEER]"),
     N_("you compared the numbers, and they are the same"), SL_VERIFY,
     ARGS_PEER},
    {"trust", N_("[PEER]"), N_("accept a request or a new key"), SL_TRUST,
     ARGS_PEER},
    {"block", N_("[PEER]"), N_("hear nothing more of them"), SL_BLOCK,
     ARGS_PEER},
    {"unblock", N_("[PEER]"), N_("hear them again"), SL_UNBLOCK, ARGS_PEER},
    {"forget", N_("PEER"), N_("remove them and what was said"), SL_FORGET,
     ARGS_PEER_MUST},
    {"rename", N_("NAME"), N_("your name for the open conversation"), SL_RENAME,
     ARGS_NAME},
    {"info", N_("[PEER]"), N_("key, address, numbers to compare"), SL_INFO,
     ARGS_PEER},
    {"me", N_("TEXT"), N_("say what you do"), SL_ME, ARGS_TEXT},
    {"send", N_("TEXT"), N_("to the open conversation, as if just typed"),
     SL_SEND, ARGS_TEXT},
    {"pipe", N_("CMD"), N_("give the selected message to a command"), SL_PIPE,
     ARGS_TEXT},
    {"export", N_("FILE"), N_("write this conversation into a file"), SL_EXPORT,
     ARGS_NAME},
    {"set", N_("[-s] NAME VALUE"), N_("change a setting; -s: for good"), SL_SET,
     ARGS_NAME_VALUE},
    {"web", "", N_("the page in the browser: a link, good once"), SL_WEB,
     ARGS_NONE},
    {"doctor", "", N_("what works here, what does not, what to do"), SL_DOCTOR,
     ARGS_NONE},
    {"login", N_("HOST[:PORT] [USER]"), N_("log in at a message center"),
     SL_LOGIN, ARGS_PEER_TEXT},
    {"logout", "", N_("log out of it"), SL_LOGOUT, ARGS_NONE},
    {"online", "", N_("who is logged in there"), SL_ONLINE, ARGS_NONE},
    {"broadcast", N_("TEXT"), N_("to everybody who is logged in there"),
     SL_BROADCAST, ARGS_TEXT},
    {"getaddress", N_("USER"), N_("ask somebody there for the address"),
     SL_GETADDRESS, ARGS_NAME},
    {"allow", N_("[USER]"), N_("give it to who asked; who was given it"),
     SL_ALLOW, ARGS_NAME_MAYBE},
    {"quit", "", N_("end the program"), SL_QUIT, ARGS_NONE},
    {"chat", N_("HOST PORT"), N_("the same as /connect HOST:PORT"), SL_CHAT,
     ARGS_HOST_PORT},
    {"register", N_("HOST PORT"), N_("the same as /connect HOST:PORT"), SL_CHAT,
     ARGS_HOST_PORT},
    {"message", N_("PEER [TEXT]"), N_("the same as /msg"), SL_MSG,
     ARGS_PEER_TEXT},
    {"private", N_("PEER [TEXT]"), N_("the same as /msg"), SL_MSG,
     ARGS_PEER_TEXT},
    {NULL, NULL, NULL, SL_HELP, ARGS_NONE},
};

const struct key_row key_rows[] = {
    {ACT_REPLY, "Alt-r", "r", "/r TEXT",
     N_("answer the last sender; again: the one before")},
    {ACT_NEXT, "Ctrl-N Alt-Down", "Ctrl-N", "/msg PEER",
     N_("next conversation")},
    {ACT_PREV, "Ctrl-P Alt-Up", "Ctrl-P", "", N_("previous conversation")},
    {ACT_NTH, "Alt-1 Alt-2 Alt-3 Alt-4 Alt-5 Alt-6 Alt-7 Alt-8 Alt-9",
     "Alt-1 Alt-2 Alt-3 Alt-4 Alt-5 Alt-6 Alt-7 Alt-8 Alt-9", "",
     N_("conversation 1 to 9")},
    {ACT_LAST, "Alt-/", "Alt-/", "", N_("the conversation before this one")},
    {ACT_UNREAD, "Alt-a", "Alt-a", "", N_("next unread conversation")},
    {ACT_DOWN, "", "j Down", "", N_("down in the list")},
    {ACT_UP, "", "k Up", "", N_("up in the list")},
    {ACT_OPEN, "", "Enter", "", N_("open, or write")},
    {ACT_PAGE_UP, "PgUp", "PgUp", "", N_("page up")},
    {ACT_PAGE_DOWN, "PgDn", "PgDn", "", N_("page down")},
    {ACT_TOP, "Alt-<", "g Home Alt-<", "", N_("to the top")},
    {ACT_BOTTOM, "Alt->", "G End Alt->", "", N_("to the newest")},
    {ACT_FIRST_NEW, "Alt-u", "Alt-u", "", N_("to the first new one")},
    {ACT_SLASH, "", ":", "", N_("begin a command")},
    {ACT_SEARCH, "Ctrl-S", "Ctrl-S /", "/find WORDS",
     N_("search here, and with Tab everywhere")},
    {ACT_FOUND_NEXT, "", "n", "", N_("the next one found, older")},
    {ACT_FOUND_BACK, "", "N", "", N_("the one found before, newer")},
    {ACT_NEWLINE, "Alt-Enter Ctrl-J", "", "", N_("new line in the message")},
    {ACT_COMPLETE, "Tab", "", "", N_("complete a name or command")},
    {ACT_COMPLETE_BACK, "Shift-Tab", "", "", N_("the one before")},
    {ACT_FOCUS, "", "Tab Shift-Tab", "", N_("messages, peers")},
    {ACT_INPUT, "", "i", "", N_("to the line")},
    {ACT_LEAVE, "Esc", "Esc", "", N_("to the messages; close what is open")},
    {ACT_CLEAR, "Ctrl-C", "Ctrl-C", "", N_("clear the line, kept for Ctrl-Y")},
    {ACT_DETAILS, "", "d", "/info", N_("details")},
    {ACT_COPY, "", "y", "", N_("copy the message or link")},
    {ACT_URL, "", "u", "", N_("open the link, or choose one")},
    {ACT_PIPE, "", "|", "/pipe CMD", N_("give the message to a command")},
    {ACT_PARENT, "", "p", "", N_("to what the selected one answers")},
    {ACT_EDIT, "", "e", "", N_("edit what is queued: back into the line")},
    {ACT_OUTBOX, "", "o", "/outbox", N_("what waits")},
    {ACT_ZOOM, "F2 Alt-z", "F2 Alt-z z", "", N_("messages alone, to copy")},
    {ACT_HELP, "F1", "F1 ?", "/help", N_("this help")},
    {ACT_ACCEPT, "", "a", "/trust", N_("accept a request")},
    {ACT_BLOCK, "", "b", "/block", N_("block who asks")},
    {ACT_RETRY, "", "R", "/retry", N_("send the selected one again")},
    {ACT_CANCEL, "", "x", "/cancel", N_("take the selected one back")},
    {ACT_REDRAW, "Ctrl-L", "Ctrl-L", "", N_("draw everything again")},
    {ACT_SUSPEND, "Ctrl-Z", "Ctrl-Z", "", N_("to the shell; fg comes back")},
    {ACT_QUIT, "Ctrl-Q", "Ctrl-Q q", "/quit", N_("end the program")},
    {ACT_SEND, "Enter", "", "", N_("send the line")},
    {ACT_LITERAL, "Ctrl-V", "", "", N_("take the next key as it is")},
    {ACT_EDITOR, "Ctrl-X+Ctrl-E", "", "", N_("the line in $EDITOR")},
    {ACT_HOME, "Ctrl-A Home", "", "", N_("start of the line")},
    {ACT_END, "Ctrl-E End", "", "", N_("end of the line")},
    {ACT_LEFT, "Ctrl-B Left", "", "", N_("a character left")},
    {ACT_RIGHT, "Ctrl-F Right", "", "", N_("a character right")},
    {ACT_WORD_LEFT, "Alt-b Ctrl-Left Alt-Left", "", "", N_("a word left")},
    {ACT_WORD_RIGHT, "Alt-f Ctrl-Right Alt-Right", "", "", N_("a word right")},
    {ACT_DELETE, "Ctrl-D Delete", "", "", N_("delete the character here")},
    {ACT_BACKSPACE, "Backspace Ctrl-H", "", "", N_("delete the one before")},
    {ACT_KILL_BLANK, "Ctrl-W", "", "", N_("cut back to a blank")},
    {ACT_KILL_BACK, "Alt-Backspace", "", "", N_("cut the word before")},
    {ACT_KILL_WORD, "Alt-d", "", "", N_("cut the word behind")},
    {ACT_KILL_END, "Ctrl-K", "", "", N_("cut to the end")},
    {ACT_KILL_START, "Ctrl-U", "", "", N_("cut to the start")},
    {ACT_YANK, "Ctrl-Y", "", "", N_("put back what was cut")},
    {ACT_YANK_POP, "Alt-y", "", "", N_("what was cut before that")},
    {ACT_TRANSPOSE, "Ctrl-T", "", "", N_("swap two characters")},
    {ACT_UNDO, "Ctrl-_", "", "", N_("undo")},
    {ACT_OLDER, "Up", "", "", N_("what was sent before")},
    {ACT_NEWER, "Down", "", "", N_("back to the draft")},
    {ACT_FIND, "Ctrl-R", "", "", N_("sent before, with these letters")},
    {ACT_NONE, NULL, NULL, NULL, NULL},
};

/* ---- keys ---- */

static bool among(const char *keys, const char *key)
{
	size_t n = strlen(key);

	for (const char *p = keys; *p; p += strspn(p, " ")) {
		size_t len = strcspn(p, " ");
		if (len == n && memcmp(p, key, n) == 0)
			return true;
		p += len;
	}
	return false;
}

enum action key_action(const char *key, bool input)
{
	for (const struct key_row *r = key_rows; r->help; r++)
		if (among(input ? r->input : r->list, key))
			return r->action;
	return ACT_NONE;
}

/* ---- lines ---- */

static bool blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\n';
}

static struct bytes skip(struct bytes s, size_t n)
{
	return (struct bytes){s.p + n, s.n - n};
}

static struct bytes trim(struct bytes s)
{
	while (s.n && blank(s.p[0]))
		s = skip(s, 1);
	while (s.n && blank(s.p[s.n - 1]))
		s.n--;
	return s;
}

/* Takes the first word off s. */
static struct bytes word(struct bytes *s)
{
	struct bytes w = *s;

	for (w.n = 0; w.n < s->n && !blank(s->p[w.n]);)
		w.n++;
	*s = skip(*s, w.n);
	while (s->n && blank(s->p[0]))
		*s = skip(*s, 1);
	return w;
}

static bool starts(const char *name, struct bytes prefix)
{
	return strlen(name) >= prefix.n &&
	       (!prefix.n || memcmp(name, prefix.p, prefix.n) == 0);
}

const struct slash_row *command_match(struct bytes prefix, size_t i)
{
	for (const struct slash_row *r = command_rows; r->name; r++)
		if (starts(r->name, prefix) && i-- == 0)
			return r;
	return NULL;
}

/* *n: how many begin so. The whole name is always clear. */
static const struct slash_row *find(struct bytes name, size_t *n)
{
	const struct slash_row *first = NULL;

	*n = 0;
	for (const struct slash_row *r = command_rows; r->name; r++) {
		if (!starts(r->name, name))
			continue;
		if (strlen(r->name) == name.n) {
			*n = 1;
			return r;
		}
		if (!(*n)++)
			first = r;
	}
	return first;
}

enum { WORD_MAX = 24 };

/* Letters to change, add or leave out until one is the other. */
static unsigned distance(const char *name, struct bytes s)
{
	unsigned row[WORD_MAX + 1], n = (unsigned)strlen(name);
	unsigned len = s.n < WORD_MAX ? (unsigned)s.n : WORD_MAX;

	for (unsigned j = 0; j <= len; j++)
		row[j] = j;
	for (unsigned i = 1; i <= n; i++) {
		unsigned diagonal = row[0];
		row[0] = i;
		for (unsigned j = 1; j <= len; j++) {
			unsigned same = (uint8_t)name[i - 1] == s.p[j - 1];
			unsigned best = diagonal + !same;
			diagonal = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[len];
}

static void nearest(struct bytes name, struct parsed *out)
{
	unsigned far[NEAR_MAX] = {~0u, ~0u, ~0u};

	for (const struct slash_row *r = command_rows; r->name; r++) {
		unsigned d = distance(r->name, name);
		for (size_t i = 0; i < NEAR_MAX; i++) {
			if (d >= far[i])
				continue;
			for (size_t j = NEAR_MAX - 1; j > i; j--) {
				far[j] = far[j - 1];
				out->near[j] = out->near[j - 1];
			}
			far[i] = d;
			out->near[i] = r;
			break;
		}
	}
}

static bool words_fit(struct parsed *p, struct bytes rest)
{
	switch (p->row->takes) {
	case ARGS_NONE:
		return !rest.n;
	case ARGS_TEXT:
		p->text = rest;
		return rest.n || p->row->kind == SL_HELP ||
		       p->row->kind == SL_REPLY;
	case ARGS_PEER:
	case ARGS_PEER_MUST:
		/* A name may hold blanks. */
		p->peer = rest;
		return rest.n || p->row->takes == ARGS_PEER;
	case ARGS_NAME:
	case ARGS_NAME_MAYBE:
		p->text = rest;
		return rest.n > 0 || p->row->takes == ARGS_NAME_MAYBE;
	case ARGS_PEER_TEXT:
		p->peer = word(&rest);
		p->text = rest;
		return p->peer.n > 0;
	case ARGS_HOST_PORT:
		p->peer = word(&rest);
		p->text = word(&rest);
		return p->peer.n && p->text.n && !rest.n;
	case ARGS_NAME_VALUE:
		p->peer = word(&rest);
		p->save = p->peer.n == 2 && !memcmp(p->peer.p, "-s", 2);
		if (p->save)
			p->peer = word(&rest);
		p->text = rest;
		return p->peer.n && p->text.n;
	}
	return false;
}

void command_parse(struct bytes s, struct parsed *out)
{
	size_t n;

	*out = (struct parsed){.line = LINE_TEXT, .text = s};
	if (!trim(s).n) {
		out->line = LINE_EMPTY;
		return;
	}
	if (s.p[0] != '/')
		return;
	if (s.n > 1 && s.p[1] == '/') {
		out->text = skip(s, 1);
		return;
	}
	s = trim(skip(s, 1));
	out->text = (struct bytes){0};
	struct bytes name = word(&s);
	out->row = find(name, &n);
	if (n == 1 && name.n) {
		out->line = words_fit(out, s) ? LINE_SLASH : LINE_USAGE;
		return;
	}
	out->row = NULL;
	out->line = n && name.n ? LINE_UNCLEAR : LINE_UNKNOWN;
	if (out->line == LINE_UNKNOWN)
		nearest(name, out);
	for (size_t i = 0; i < NEAR_MAX && out->line == LINE_UNCLEAR; i++)
		out->near[i] = command_match(name, i);
}

const struct slash_row *command_begun(struct bytes s)
{
	size_t n;

	if (s.n < 2 || s.p[0] != '/' || s.p[1] == '/')
		return NULL;
	s = skip(s, 1);
	const struct slash_row *r = find(word(&s), &n);
	return n == 1 ? r : NULL;
}

/* ---- what the engine is asked ---- */

static char *host_port(const struct parsed *p)
{
	bool v6 = memchr(p->peer.p, ':', p->peer.n) && p->peer.p[0] != '[';
	struct buf b = {0};

	buf_printf(&b, "%s%.*s%s:%.*s", v6 ? "[" : "", (int)p->peer.n,
		   (const char *)p->peer.p, v6 ? "]" : "", (int)p->text.n,
		   (const char *)p->text.p);
	char *s = xstrndup((struct bytes){b.p, b.n});
	buf_free(&b);
	return s;
}

static void whom(const struct parsed *p, contact_id open, struct command *out)
{
	if (p->peer.n)
		out->to = xstrndup(p->peer);
	else
		out->contact = open;
}

static bool about(const struct parsed *p, contact_id open,
		  enum command_kind kind, struct command *out)
{
	out->kind = kind;
	whom(p, open, out);
	return true;
}

bool command_insecure(struct bytes *user)
{
	static const char word[] = "insecure";
	size_t n = sizeof(word) - 1;

	if (user->n < n || memcmp(user->p + user->n - n, word, n) != 0 ||
	    (user->n > n && user->p[user->n - n - 1] != ' '))
		return false;
	user->n -= n;
	*user = trim(*user);
	return true;
}

bool command_build(const struct parsed *p, contact_id open, struct command *out)
{
	struct bytes user = p->text;

	*out = (struct command){0};
	if (p->line != LINE_SLASH)
		return false;
	switch (p->row->kind) {
	case SL_CONNECT:
		return about(p, 0, CMD_CONNECT, out);
	case SL_CHAT:
		out->kind = CMD_CONNECT;
		out->to = host_port(p);
		return true;
	case SL_ALL:
		out->kind = CMD_ALL;
		out->text = xstrndup(p->text);
		return true;
	case SL_NICK:
		out->kind = CMD_NICK;
		out->name = xstrndup(p->text);
		return true;
	case SL_VERIFY:
		out->yes = true;
		return about(p, open, CMD_VERIFY, out);
	case SL_INFO:
		return about(p, open, CMD_VERIFY, out);
	case SL_TRUST:
		return about(p, open, CMD_TRUST, out);
	case SL_BLOCK:
		return about(p, open, CMD_BLOCK, out);
	case SL_UNBLOCK:
		return about(p, open, CMD_UNBLOCK, out);
	case SL_FORGET:
		return about(p, 0, CMD_FORGET, out);
	case SL_RENAME:
		out->name = xstrndup(p->text);
		return about(p, open, CMD_RENAME, out);
	case SL_SET:
		out->kind = CMD_SET;
		out->name = xstrndup(p->peer);
		out->text = xstrndup(p->text);
		out->yes = p->save;
		return true;
	case SL_LOGIN:
		out->kind = CMD_LOGIN;
		out->to = xstrndup(p->peer);
		out->yes = command_insecure(&user);
		out->name = xstrndup(user);
		return true;
	case SL_LOGOUT:
		out->kind = CMD_LOGOUT;
		return true;
	case SL_ONLINE:
		out->kind = CMD_ONLINE;
		return true;
	case SL_BROADCAST:
		out->kind = CMD_BROADCAST;
		out->text = xstrndup(p->text);
		return true;
	case SL_GETADDRESS:
	case SL_ALLOW:
		out->kind =
		    p->row->kind == SL_ALLOW ? CMD_ALLOW : CMD_GETADDRESS;
		out->name = xstrndup(p->text);
		return true;
	case SL_QUIT:
		out->kind = CMD_QUIT;
		return true;
	case SL_HELP:
	case SL_MSG:
	case SL_REPLY:
	case SL_PEERS:
	case SL_WHO:
	case SL_OUTBOX:
	case SL_FIND:
	case SL_RETRY:
	case SL_CANCEL:
	case SL_ME:
	case SL_PIPE:
	case SL_SEND:
	case SL_EXPORT:
	case SL_WEB:
	case SL_DOCTOR:
		return false;
	}
	return false;
}
