#include "proto/dialect.h"
#include "src/config_impl.h"
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* One setter for an option, a key of config.ini and a variable. */
enum {
	PORT_LOW = 1024, /* 003: "puerto alto (> 1023)" */
	NICK_CHARACTERS = 32,
};

/* ---- values ---- */

static struct bytes view(const char *s)
{
	return (struct bytes){(const uint8_t *)s, strlen(s)};
}

void config_quoted(char out[static 64], const char *s)
{
	struct buf clean = {0};
	struct bytes all = view(s);
	size_t n = utf8_cut(all, 48);

	text_clean(&clean, (struct bytes){all.p, n});
	buf_printf(&clean, n < all.n ? "..." : "");
	snprintf(out, 64, "%.*s",
		 (int)utf8_cut((struct bytes){clean.p, clean.n}, 63),
		 (const char *)clean.p);
	buf_free(&clean);
}

static enum err bad(char why[static REASON], const char *want,
		    const char *value)
{
	char shown[64];

	config_quoted(shown, value);
	snprintf(why, REASON, "%s, not \"%s\"", want, shown);
	return ERR_PARSE;
}

void config_replace(char **at, const char *value)
{
	char *copy = xstrndup(view(value));

	free(*at);
	*at = copy;
}

bool config_among(const char *value, const char *const *words, int *found)
{
	for (int i = 0; words[i]; i++) {
		if (strcmp(words[i], value))
			continue;
		*found = i;
		return true;
	}
	return false;
}

static enum err yes_or_no(bool *at, const char *value, char *why)
{
	static const char *const words[] = {"off",  "on", "no", "yes", "false",
					    "true", "0",  "1",  NULL};
	int i;

	if (!config_among(value, words, &i))
		return bad(why, "on or off", value);
	*at = i % 2;
	return OK;
}

static bool number(const char *s, long low, long high, long *n)
{
	char *end;

	if (*s < '0' || *s > '9' || strlen(s) > 9)
		return false;
	*n = strtol(s, &end, 10);
	return !*end && *n >= low && *n <= high;
}

static bool port_ok(const char *s, long *n)
{
	return number(s, 0, UINT16_MAX, n) && (!*n || *n >= PORT_LOW);
}

static size_t characters(struct bytes s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += (s.p[i] & 0xC0) != 0x80;
	return n;
}

bool config_nick_ok(const char *s)
{
	struct bytes all = view(s);
	struct buf clean = {0};

	if (!all.n || all.n > NICK_MAX || !utf8_ok(all) ||
	    characters(all) > NICK_CHARACTERS || *s == ' ' ||
	    s[all.n - 1] == ' ')
		return false;
	text_clean(&clean, all);

	bool same = clean.n == all.n && !memcmp(clean.p, all.p, all.n);

	buf_free(&clean);
	return same;
}

static bool profile_ok(const char *s)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789-_.";

	return *s && *s != '.' && *s != '-' && strlen(s) <= 64 &&
	       !s[strspn(s, allowed)];
}

/* ---- settings: one setter for an option, a key and a variable ---- */

static enum err set_home(struct config *c, const char *value, char *why)
{
	if (!*value || strlen(value) >= PATH_MAX)
		return bad(why, "a folder", value);
	config_replace(&c->home, value);
	return OK;
}

static enum err set_profile(struct config *c, const char *value, char *why)
{
	if (!profile_ok(value))
		return bad(why, "a name of letters, digits, - _ and .", value);
	config_replace(&c->profile, value);
	return OK;
}

static enum err set_ephemeral(struct config *c, const char *value, char *why)
{
	(void)value, (void)why;
	c->ephemeral = true;
	return OK;
}

static enum err set_nick(struct config *c, const char *value, char *why)
{
	if (!config_nick_ok(value))
		return bad(why, "a name of 1 to 32 plain characters", value);
	snprintf(c->nick, sizeof c->nick, "%s", value);
	return OK;
}

static enum err set_port(struct config *c, const char *value, char *why)
{
	long n;

	if (!port_ok(value, &n))
		return bad(why, "a port is 0 or 1024 to 65535", value);
	c->port = (int)n;
	return OK;
}

static enum err set_bind(struct config *c, const char *value, char *why)
{
	uint8_t ip[16];

	if (!ip_parse(view(value), ip))
		return bad(why, "an address in numbers, as :: or 127.0.0.1",
			   value);
	config_replace(&c->bind, value);
	return OK;
}

static enum err set_discover(struct config *c, const char *value, char *why)
{
	if (!strcmp(value, "contacts"))
		return bad(why, "all or off in this version", value);
	if (!strcmp(value, "all"))
		c->discover = DISCOVER_ALL;
	else if (!strcmp(value, "off"))
		c->discover = DISCOVER_OFF;
	else
		return bad(why, "all or off", value);
	c->discover_given = true;
	return OK;
}

static enum err set_no_discover(struct config *c, const char *value, char *why)
{
	(void)value;
	return set_discover(c, "off", why);
}

static enum err set_trust_new(struct config *c, const char *value, char *why)
{
	static const char *const words[] = {
	    [TRUST_ASK] = "ask",
	    [TRUST_ACCEPT] = "accept",
	    [TRUST_REFUSE] = "refuse",
	    NULL,
	};
	int i;

	if (!config_among(value, words, &i))
		return bad(why, "ask, accept or refuse", value);
	c->trust_new = (enum trust_new)i;
	return OK;
}

static enum err set_history(struct config *c, const char *value, char *why)
{
	static const char *const words[] = {
	    [HISTORY_FOREVER] = "forever",
	    [HISTORY_OFF] = "off",
	    NULL,
	};
	int i;

	if (!config_among(value, words, &i))
		return bad(why, "forever or off", value);
	c->history = (enum history)i;
	return OK;
}

static enum err set_log(struct config *c, const char *value, char *why)
{
	static const char *const words[] = {
	    [LOG_ON] = "on", [LOG_FULL] = "full", [LOG_OFF] = "off", NULL};
	int i;

	if (!config_among(value, words, &i))
		return bad(why, "on, full or off", value);
	c->log = (enum log_mode)i;
	return OK;
}

static enum err set_color(struct config *c, const char *value, char *why)
{
	static const char *const words[] = {
	    [SW_AUTO] = "auto", [SW_ON] = "always", [SW_OFF] = "never", NULL};
	int i;

	if (!config_among(value, words, &i))
		return bad(why, "auto, never or always", value);
	c->color = (enum switch3)i;
	return OK;
}

/* "127.0.0.1:5000", "[::1]:6400" */
static bool addr_read(const char *s, struct addr *at)
{
	const char *colon = strrchr(s, ':');
	long port;

	if (!colon || !port_ok(colon + 1, &port) || !port)
		return false;
	at->port = (uint16_t)port;
	if (*s == '[' && colon[-1] == ']') {
		s++;
		colon--;
	}
	return ip_parse((struct bytes){(const uint8_t *)s, (size_t)(colon - s)},
			at->ip);
}

/* "json=127.0.0.1:5000", "mesh=[::1]:6400". There is no port for all to take:
 * who opens a door that hides nothing says which one. */
static bool listen_read(const char *value, struct listen_at *l)
{
	const char *at = strchr(value, '=');
	char name[16] = "";
	const struct dialect *d;

	if (!at || at - value > 15)
		return false;
	memcpy(name, value, (size_t)(at - value));
	d = dialect_named(name);
	if (!d || (d->traits & T_KEYED))
		return false;
	l->dialect = d->name;
	return addr_read(at + 1, &l->at);
}

static enum err set_listen(struct config *c, const char *value, char *why)
{
	struct listen_at l;

	memset(&l, 0, sizeof l);
	if (!listen_read(value, &l))
		return bad(why, "a listener as json=127.0.0.1:5000", value);
	for (size_t i = 0; i < c->n_plain; i++)
		if (!memcmp(&c->plain[i].at, &l.at, sizeof l.at) &&
		    c->plain[i].dialect == l.dialect)
			return OK; /* options are read twice */
	if (c->n_plain == LISTEN_MAX)
		return bad(why, "at most eight listeners", value);
	c->plain[c->n_plain++] = l;
	return OK;
}

/* "6067" or "127.0.0.1:6067": where a center of document 002 finds us. */
static enum err set_center_port(struct config *c, const char *value, char *why)
{
	struct listen_at l = {.dialect = dialect_center.name};
	const char *colon = strrchr(value, ':');
	struct bytes ip = {(const uint8_t *)"127.0.0.1", 9};
	long port;

	if (colon)
		ip = (struct bytes){(const uint8_t *)value,
				    (size_t)(colon - value)};
	if (!port_ok(colon ? colon + 1 : value, &port) || !port ||
	    !ip_parse(ip, l.at.ip))
		return bad(why, "a port, or 127.0.0.1:6067", value);
	l.at.port = (uint16_t)port;
	c->pushes = l;
	return OK;
}

static enum err set_on_network(struct config *c, const char *value, char *why)
{
	if (!value) {
		c->plain_on_network = true;
		return OK;
	}
	return yes_or_no(&c->plain_on_network, value, why);
}

static enum err set_json_ack(struct config *c, const char *value, char *why)
{
	static const char *const words[] = {"socket", "claimed", NULL};
	int i;

	if (!config_among(value, words, &i))
		return bad(why, "socket or claimed", value);
	c->json_claimed = i == 1;
	return OK;
}

/* ---- what the screen alone cares about ---- */

static enum err one_of(const char *const *words, const char *want,
		       const char *value, int *found, char *why)
{
	return config_among(value, words, found) ? OK : bad(why, want, value);
}

enum err config_screen(struct screen_config *s, const char *key,
		       const char *value, char why[static 256])
{
	static const char *const themes[] = {[THEME_DARK] = "dark",
					     [THEME_LIGHT] = "light",
					     [THEME_CONTRAST] = "contrast",
					     [THEME_NONE] = "none",
					     NULL};
	static const char *const notify[] = {[NOTIFY_ON] = "on",
					     [NOTIFY_MENTIONS] = "mentions",
					     [NOTIFY_OFF] = "off",
					     NULL};
	static const char *const clock[] = {"24", "12", NULL};
	struct {
		const char *key;
		bool *at;
	} const switches[] = {{"bell", &s->bell},
			      {"title", &s->title},
			      {"mouse", &s->mouse},
			      {"links", &s->links}};
	enum err err;
	int i = 0;

	for (size_t k = 0; k < sizeof switches / sizeof *switches; k++)
		if (!strcmp(key, switches[k].key))
			return yes_or_no(switches[k].at, value, why);
	if (!strcmp(key, "clock")) {
		err = one_of(clock, "24 or 12", value, &i, why);
		s->clock12 = err ? s->clock12 : i == 1;
	} else if (!strcmp(key, "theme")) {
		err = one_of(themes, "dark, light, contrast or none", value, &i,
			     why);
		s->theme = err ? s->theme : (enum theme)i;
	} else if (!strcmp(key, "notify")) {
		err = one_of(notify, "on, mentions or off", value, &i, why);
		s->notify = err ? s->notify : (enum notify)i;
	} else {
		err = ERR_STATE;
	}
	return err;
}

static enum err set_bell(struct config *c, const char *value, char *why)
{
	return config_screen(&c->screen, "bell", value, why);
}

static enum err set_title(struct config *c, const char *value, char *why)
{
	return config_screen(&c->screen, "title", value, why);
}

static enum err set_clock(struct config *c, const char *value, char *why)
{
	return config_screen(&c->screen, "clock", value, why);
}

static enum err set_mouse(struct config *c, const char *value, char *why)
{
	return config_screen(&c->screen, "mouse", value, why);
}

static enum err set_links(struct config *c, const char *value, char *why)
{
	return config_screen(&c->screen, "links", value, why);
}

static enum err set_theme(struct config *c, const char *value, char *why)
{
	return config_screen(&c->screen, "theme", value, why);
}

static enum err set_notify(struct config *c, const char *value, char *why)
{
	return config_screen(&c->screen, "notify", value, why);
}

static enum err set_language(struct config *c, const char *value, char *why)
{
	static const char *const words[] = {"auto", "en", "pt", "hu", NULL};
	int i;

	if (!config_among(value, words, &i))
		return bad(why, "auto, en, pt or hu", value);
	snprintf(c->language, sizeof c->language, "%s", i ? value : "");
	return OK;
}

static enum err set_peers_file(struct config *c, const char *value, char *why)
{
	const char *slash = strrchr(c->config_path, '/');
	struct buf path = {0};

	if (!*value)
		return bad(why, "a file", value);
	if (*value != '/') /* beside the file that names it */
		buf_printf(&path, "%.*s/", (int)(slash - c->config_path),
			   c->config_path);
	buf_printf(&path, "%s", value);
	config_replace(&c->peers_file, (const char *)path.p);
	buf_free(&path);
	return OK;
}

static enum err set_ready_file(struct config *c, const char *value, char *why)
{
	if (!*value || strlen(value) >= PATH_MAX)
		return bad(why, "a file", value);
	config_replace(&c->ready_file, value);
	return OK;
}

static enum err set_screen(struct config *c, const char *value, char *why)
{
	int cols = 0, rows = 0, n = 0;

	if (sscanf(value, "%4dx%4d%n", &cols, &rows, &n) != 2 || value[n] ||
	    cols < 1 || rows < 1 || cols > 1000 || rows > 1000)
		return bad(why, "COLUMNSxROWS, as 80x24", value);
	c->screen_cols = cols;
	c->screen_rows = rows;
	return OK;
}

static enum err set_keys(struct config *c, const char *value, char *why)
{
	if (!*value || strlen(value) >= PATH_MAX)
		return bad(why, "a file", value);
	config_replace(&c->keys_file, value);
	return OK;
}

static enum err set_backend(struct config *c, const char *value, char *why)
{
	if (!*value || strlen(value) >= PATH_MAX)
		return bad(why, "a file, or nats://HOST", value);
	config_replace(&c->center_store, value);
	return OK;
}

static enum err set_accounts(struct config *c, const char *value, char *why)
{
	if (strcmp(value, "open") && strcmp(value, "closed"))
		return bad(why, "open or closed", value);
	c->center_open = *value == 'o';
	return OK;
}

static enum err set_relay(struct config *c, const char *value, char *why)
{
	struct addr at = {0};

	if (addr_read(value, &at)) {
		c->relay_at = at;
		c->relay = true;
		return OK;
	}
	if (yes_or_no(&c->relay, value, why))
		return bad(why, "on, off or an address as 192.0.2.1:6327",
			   value);
	c->relay_at = at;
	return OK;
}

static enum err set_node(struct config *c, const char *value, char *why)
{
	static const char good[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				   "abcdefghijklmnopqrstuvwxyz0123456789_-";
	size_t n = strspn(value, good);

	if (!n || value[n] || n >= sizeof c->center_node)
		return bad(why, "1 to 32 letters, digits, _ and -", value);
	memcpy(c->center_node, value, n + 1);
	return OK;
}

static enum err set_addresses(struct config *c, const char *value, char *why)
{
	if (!strchr(value, ':') || strlen(value) > 1024)
		return bad(why, "HOST:PORT, HOST:PORT", value);
	config_replace(&c->center_addresses, value);
	return OK;
}

static enum err set_login_at(struct config *c, const char *value, char *why)
{
	if (!*value || strlen(value) >= 300)
		return bad(why, "host:port, and more behind commas", value);
	if (strncmp(value, "center://", 9) == 0)
		return bad(why,
			   "host:port; one of document 002 wants its "
			   "password each time: /login",
			   value);
	config_replace(&c->login_at, value);
	return OK;
}

static enum err set_login_user(struct config *c, const char *value, char *why)
{
	if (!*value || strlen(value) > 127)
		return bad(why, "a name of 1 to 127 bytes", value);
	config_replace(&c->login_user, value);
	return OK;
}

static enum err set_json(struct config *c, const char *value, char *why)
{
	(void)value, (void)why;
	c->output = SW_ON;
	return OK;
}

static enum err set_text(struct config *c, const char *value, char *why)
{
	(void)value, (void)why;
	c->output = SW_OFF;
	return OK;
}

static enum err set_headless(struct config *c, const char *value, char *why)
{
	(void)value, (void)why;
	c->mode = RUN_HEADLESS;
	return OK;
}

static enum err set_plain(struct config *c, const char *value, char *why)
{
	(void)value, (void)why;
	if (c->mode != RUN_COMMAND) /* that has its own use for it */
		c->mode = RUN_PLAIN;
	return OK;
}

static enum err set_stay(struct config *c, const char *value, char *why)
{
	(void)value, (void)why;
	c->stay = true;
	return OK;
}

static enum err set_quiet(struct config *c, const char *value, char *why)
{
	(void)value, (void)why;
	c->verbose = -1;
	return OK;
}

static enum err set_verbose(struct config *c, const char *value, char *why)
{
	(void)value, (void)why;
	c->verbose = 1;
	return OK;
}

static enum err set_help(struct config *c, const char *value, char *why)
{
	(void)value, (void)why;
	c->mode = RUN_HELP;
	return OK;
}

static enum err set_version(struct config *c, const char *value, char *why)
{
	(void)value, (void)why;
	if (c->mode != RUN_HELP)
		c->mode = RUN_VERSION;
	return OK;
}

/* 004: the page in the browser. */
static enum err set_interface_port(struct config *c, const char *value,
				   char *why)
{
	long n;

	if (!port_ok(value, &n))
		return bad(why, "a port is 0 or 1024 to 65535", value);
	c->web_port = (int)n;
	return OK;
}

static enum err set_web(struct config *c, const char *value, char *why)
{
	c->web = true;
	return value ? set_interface_port(c, value, why) : OK;
}

static enum err set_web_key(struct config *c, const char *value, char *why)
{
	return yes_or_no(&c->web, value, why);
}

static enum err set_interface_local(struct config *c, const char *value,
				    char *why)
{
	bool local;
	enum err err = yes_or_no(&local, value, why);

	c->page_odd |= !err && !local;
	return err;
}

static enum err set_interface_folder(struct config *c, const char *value,
				     char *why)
{
	c->page_odd = true;
	return *value ? OK : bad(why, "a folder", value);
}

static const struct setting settings[] = {
    {"--home", NULL, set_home, false},
    {"--profile", NULL, set_profile, false},
    {"--ephemeral", NULL, set_ephemeral, false},
    {"--nick", "nickname", set_nick, false},
    {"--port", "port", set_port, false},
    {"--bind", "bind", set_bind, false},
    {"--discover", "discover", set_discover, false},
    {"--no-discover", NULL, set_no_discover, false},
    {"--headless", NULL, set_headless, false},
    {"--plain", NULL, set_plain, false},
    {"--stay", NULL, set_stay, false},
    {"--listen", "listen", set_listen, false},
    {"--plain-on-network", NULL, set_on_network, false},
    {NULL, "plain-on-network", set_on_network, false},
    {NULL, "json-ack", set_json_ack, false},
    {"--center-port", "center-port", set_center_port, false},
    {"--ready-file", NULL, set_ready_file, false},
    {"--screen", NULL, set_screen, false},
    {"--keys", NULL, set_keys, false},
    {"--backend", "backend", set_backend, false},
    {NULL, "accounts", set_accounts, false},
    {NULL, "relay", set_relay, false},
    {NULL, "node", set_node, false},
    {NULL, "addresses", set_addresses, false},
    {NULL, "center", set_login_at, false},
    {NULL, "user", set_login_user, false},
    {"--json", NULL, set_json, false},
    {"--text", NULL, set_text, false},
    {"--trust-new", "trust-new", set_trust_new, false},
    {"--color", "color", set_color, false},
    {"-q", NULL, set_quiet, false},
    {"-v", NULL, set_verbose, false},
    {"--help", NULL, set_help, false},
    {"-h", NULL, set_help, false},
    {"--version", NULL, set_version, false},
    {NULL, "nick", set_nick, false},
    {NULL, "peers-file", set_peers_file, false},
    {NULL, "log", set_log, false},
    {NULL, "history", set_history, false},
    {NULL, "bell", set_bell, false},
    {NULL, "clock", set_clock, false},
    {NULL, "title", set_title, false},
    {NULL, "theme", set_theme, false},
    {NULL, "mouse", set_mouse, false},
    {NULL, "links", set_links, false},
    {NULL, "notify", set_notify, false},
    {NULL, "language", set_language, false},
    {"--web", NULL, set_web, true},
    {NULL, "web", set_web_key, false},
    {NULL, "interface-port", set_interface_port, false},
    {NULL, "interface-local", set_interface_local, false},
    {NULL, "interface-folder", set_interface_folder, false},
};
enum { SETTINGS = sizeof settings / sizeof *settings };

const struct setting *config_setting(const char *name, size_t n)
{
	for (size_t i = 0; i < SETTINGS; i++) {
		const char *option = settings[i].option;

		if (option && strlen(option) == n && !memcmp(option, name, n))
			return &settings[i];
	}
	return NULL;
}

const struct setting *config_key_setting(const char *key)
{
	for (size_t i = 0; i < SETTINGS; i++)
		if (settings[i].key && !strcmp(settings[i].key, key))
			return &settings[i];
	return NULL;
}

bool config_takes_value(const struct setting *s)
{
	for (const struct option_row *r = config_options; r->name; r++)
		if (!strcmp(r->name, s->option))
			return r->arg && !s->maybe;
	return false;
}
