#include "src/config_impl.h"
#include <string.h>
/* What people read of it: help, man page and tests come from these tables. */

const struct option_row config_options[] = {
    {"--home", "DIR", "everything of this identity in one folder"},
    {"--profile", "NAME", "a second identity beside the first"},
    {"--ephemeral", NULL, "a throw-away identity, removed at the end"},
    {"--nick", "NAME", "nickname; else `nickname` in config.ini, else $USER"},
    {"--port", "N", "listening port, 0: any; else 6327 and the next free"},
    {"--bind", "ADDR", "listening address; :: is all, IPv4 too"},
    {"--listen", "DIALECT=ADDR:PORT", "hear a plain dialect there; repeatable"},
    {"--center-port", "[ADDR:]PORT", "hear a center of document 002 there"},
    {"--plain-on-network", NULL, "let such a listener be more than loopback"},
    {"--discover", "all|off", "tell the local network that we are here"},
    {"--no-discover", NULL, "the same as --discover off"},
    {"--headless", NULL, "no screen: JSON lines on stdin and stdout"},
    {"--plain", NULL, "line by line; TERM=dumb means it"},
    {"--stay", NULL, "headless: go on after the end of input"},
    {"--screen", "80x24", "print the screen as text, and end"},
    {"--keys", "FILE", "... after these keys; see KEY FILES in sotto(1)"},
    {"--backend", "FILE|nats://HOST", "where a center keeps what it keeps"},
    {"--ready-file", "FILE", "write the ready event there, when it listens"},
    {"--web", "[=PORT]", "the page in the browser, on this machine only"},
    {"--json", NULL, "sub-commands print JSON lines, also on a terminal"},
    {"--text", NULL, "sub-commands print text, also into a pipe"},
    {"--trust-new", "ask|accept|refuse", "a key never seen before"},
    {"--color", "auto|never|always", "NO_COLOR and TERM=dumb mean never"},
    {"-q", NULL, "less on stderr"},
    {"-v", NULL, "more on stderr"},
    {"--help", NULL, "a page of help"},
    {"--version", NULL, "the version, and those of the libraries"},
    {0},
};

const struct option_row config_keys[] = {
    {"nickname", "NAME", "as --nick"},
    {"port", "N", "as --port"},
    {"bind", "ADDR", "as --bind"},
    {"listen", "DIALECT=ADDR:PORT", "as --listen; may stand more than once"},
    {"plain-on-network", "on|off", "as --plain-on-network"},
    {"center-port", "[ADDR:]PORT", "as --center-port"},
    {"json-ack", "socket|claimed", "where ACKs of document 003 go"},
    {"discover", "all|off", "as --discover"},
    {"trust-new", "ask|accept|refuse", "as --trust-new"},
    {"peers-file", "FILE", "peers to dial at start, else peers.txt"},
    {"log", "on|full|off", "log.txt; full: with the texts"},
    {"history", "forever|off", "whether messages are kept"},
    {"bell", "on|off", "ring for messages that are not in view"},
    {"clock", "24|12", "how the screen writes the time"},
    {"color", "auto|never|always", "as --color"},
    {"title", "on|off", "set the terminal's title"},
    {"theme", "dark|light|contrast|none", "colours that suit the background"},
    {"mouse", "on|off", "click and wheel; Shift selects as ever"},
    {"links", "on|off", "addresses of pages can be clicked"},
    {"notify", "on|mentions|off", "the desktop's notifications"},
    {"backend", "FILE|nats://HOST", "as --backend"},
    {"center", "HOST[:PORT]", "log in there at the start; more behind commas"},
    {"user", "NAME", "... as that user, else as our nickname"},
    {"accounts", "open|closed", "a center: may anybody take a free name"},
    {"relay", "on|off|ADDR:PORT", "who cannot be dialled is met at our center"},
    {"node", "NAME", "a center of several nodes: the name of this one"},
    {"addresses", "HOST:PORT, ...", "... and where people find them all"},
    {"language", "auto|en|pt|hu", "of the interface"},
    {"web", "on|off", "as --web"},
    {"interface-port", "N", "port of the page, else 5081 and the next free"},
    {"interface-local", "on|off", "read; the page is for this machine alone"},
    {"interface-folder", "DIR", "read; the page's files are in the program"},
    {0},
};

const struct option_row config_environment[] = {
    {"SOTTO_HOME", "DIR", "as --home"},
    {"SOTTO_PROFILE", "NAME", "as --profile"},
    {"SOTTO_PORT", "N", "as --port"},
    {"PORT", "N", "the same, when SOTTO_PORT is not set"},
    {"NO_COLOR", NULL, "not empty: no colours"},
    {"TERM", NULL, "the terminal; dumb: --plain"},
    {"USER", NULL, "the nickname when nothing else gives one"},
    {"TMPDIR", "DIR", "where --ephemeral makes its folder"},
    {"XDG_CONFIG_HOME", "DIR", "config.ini and peers.txt are in sotto/"},
    {"XDG_DATA_HOME", "DIR", "identity, sotto.db and lock"},
    {"XDG_STATE_HOME", "DIR", "log.txt"},
    {"XDG_RUNTIME_DIR", "DIR", "control.sock"},
    {0},
};

const struct option_row config_exits[] = {
    {"0", NULL, "done: acknowledged, received, what was asked for"},
    {"1", NULL, "an error inside sotto"},
    {"2", NULL, "usage, no terminal, too long, or no ACK possible"},
    {"3", NULL, "no ACK in time; it will not be sent again"},
    {"4", NULL, "refused by the peer"},
    {"5", NULL, "identity: key changed, or not trusted"},
    {"6", NULL, "peer unknown, ambiguous or unreachable"},
    {"7", NULL, "partly: some recipients acknowledged"},
    {"8", NULL, "queued: stays in the outbox (--queue)"},
    {"9", NULL, "the identity is in use"},
    {"10", NULL, "configuration error; file and line are printed"},
    {"130", NULL, "interrupted"},
    {0},
};

const struct command_row config_commands[] = {
    {"send", "PEER [TEXT|-]", "one message, then wait for its ACK",
     LISTEN_NEVER, false},
    {"recv", NULL, "print messages as they come", LISTEN_ALWAYS, false},
    {"tail", "[PEER]", "the stored conversation", LISTEN_FOLLOW, false},
    {"run", "[--to PEER] -- CMD...", "run CMD and send how it ended",
     LISTEN_NEVER, false},
    {"peers", NULL, "who is known, and who is there", LISTEN_NEVER, false},
    {"id", NULL, "who we are and the address to tell others", LISTEN_NEVER,
     false},
    {"outbox", NULL, "what is not acknowledged yet", LISTEN_NEVER, false},
    {"search", "WORDS", "messages with all words, the newest first",
     LISTEN_NEVER, false},
    {"connect", "ADDR", "add and dial a peer", LISTEN_NEVER, false},
    {"trust", "PEER", "accept the key it has now", LISTEN_NEVER, false},
    {"block", "PEER", "hear nothing of it", LISTEN_NEVER, false},
    {"unblock", "PEER", "hear it again", LISTEN_NEVER, false},
    {"web", NULL, "a link to the page in the browser, good once", LISTEN_ALWAYS,
     false},
    {"center", "[add|passwd|remove|list|invite USER]",
     "a message center, until it is ended; its accounts", LISTEN_ALWAYS, true},
    {"demo", NULL, "the screen, and an echo that answers", LISTEN_ALWAYS,
     false},
    {"doctor", NULL, "what works here, what does not, and what to do",
     LISTEN_NEVER, true},
    {"completions", "bash|zsh|fish", "a script that completes sotto's words",
     LISTEN_NEVER, true},
    {"help", "[TOPIC [NAME]]", "options, keys, commands, exit, config",
     LISTEN_NEVER, true},
    {0},
};

const struct command_row *config_command(const char *name)
{
	for (const struct command_row *r = config_commands; r->name; r++)
		if (!strcmp(r->name, name))
			return r;
	return NULL;
}

/* How many letters of a are wrong, missing, too many or change places. */
static unsigned distance(const char *a, const char *b)
{
	enum { MAX = 16 };
	unsigned d[MAX + 1][MAX + 1];
	size_t n = strlen(a), m = strlen(b);

	if (n > MAX || m > MAX)
		return MAX;
	for (size_t i = 0; i <= n; i++)
		for (size_t j = 0; j <= m; j++) {
			unsigned best = (unsigned)(i + j);

			if (i && d[i - 1][j] + 1 < best)
				best = d[i - 1][j] + 1;
			if (j && d[i][j - 1] + 1 < best)
				best = d[i][j - 1] + 1;
			if (i && j &&
			    d[i - 1][j - 1] + (a[i - 1] != b[j - 1]) < best)
				best = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1] && d[i - 2][j - 2] + 1 < best)
				best = d[i - 2][j - 2] + 1;
			d[i][j] = best;
		}
	return d[n][m];
}

const char *config_nearest(const char *word)
{
	const char *near = NULL;
	unsigned best = 3;

	for (const struct command_row *r = config_commands; r->name; r++) {
		unsigned far = distance(word, r->name);

		if (far < best && far < strlen(r->name)) {
			best = far;
			near = r->name;
		}
	}
	return near;
}
