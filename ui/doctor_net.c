/* Where we can be reached, who else is there. Nothing is bound and nothing
 * sent: all of it is what the system says. */
#include "src/look.h"
#include "src/peersfile.h"
#include "ui/doctor_impl.h"
#include "ui/words.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PORT = 6327, PORTS = 10 };

static bool bind_addr(const struct config *c, struct addr *a)
{
	memset(a, 0, sizeof *a);
	return ip_parse(
	    (struct bytes){(const uint8_t *)c->bind, strlen(c->bind)}, a->ip);
}

static bool is_any(const struct addr *a)
{
	static const uint8_t any[16];
	static const uint8_t v4[16] = {[10] = 0xff, [11] = 0xff};

	return !memcmp(a->ip, any, 16) || !memcmp(a->ip, v4, 16);
}

/* 127.0.0.2 is of this machine, and of no interface. */
static bool ours(const struct addr *a)
{
	struct look_net net[LOOK_NETS];
	size_t n = look_nets(net);

	for (size_t i = 0; i < n; i++)
		if (!memcmp(net[i].at.ip, a->ip, 16))
			return true;
	return !n || is_any(a) || addr_loopback(a);
}

/* ---- the port ---- */

static void whose(const struct look_port *p, char out[static 96])
{
	char name[32];

	look_process(p->pid, name);
	if (p->pid)
		snprintf(out, 96, _("pid %ld (%s)"), p->pid, name);
	else if (p->uid != geteuid())
		snprintf(out, 96, _("a process of user %u"), (unsigned)p->uid);
	else
		snprintf(out, 96, "%s", _("a process that cannot be seen"));
}

/* A port that nothing else will do for. */
static void must_have(struct doctor *d, const struct addr *at, const char *key)
{
	struct look_port p;
	char text[ADDR_TEXT], who[96];

	addr_text(text, at);
	look_port(at, LOOK_TCP, &p);
	if (!ours(at)) {
		found(d, FOUND_PROBLEM,
		      _("%s: this machine has no such address"), text);
		todo(d, _("give an address that `ip address` shows, or ::"));
	} else if (p.taken) {
		whose(&p, who);
		found(d, FOUND_PROBLEM, _("%s is taken by %s"), text, who);
		todo(d,
		     _("end that, or choose another port: `%s` in "
		       "config.ini"),
		     key);
	} else {
		found(d, p.known ? FOUND_OK : FOUND_NOTE,
		      p.known ? _("%s is free")
			      : _("%s: this system does not tell whether it "
				  "is free"),
		      text);
	}
}

/* The first of ten that is free, as at the start. */
static void may_have(struct doctor *d, struct addr *at)
{
	struct look_port p, first = {0};
	char who[96];

	for (int i = 0; i < PORTS; i++) {
		at->port = (uint16_t)(PORT + i);
		look_port(at, LOOK_TCP, &p);
		if (!i)
			first = p;
		if (!p.taken)
			break;
	}
	if (!first.taken) {
		found(d, FOUND_OK, _("%d is free"), PORT);
		return;
	}
	whose(&first, who);
	if (p.taken)
		found(d, FOUND_NOTE,
		      _("%d is taken by %s, and so are the nine after it: "
			"any that is free would be used"),
		      PORT, who);
	else
		found(d, FOUND_NOTE, _("%d is taken by %s: %d would be used"),
		      PORT, who, at->port);
	todo(d, _("nothing, unless others know you by that port"));
}

void doctor_port(struct doctor *d)
{
	const struct config *c = d->cfg;
	struct addr at;

	if (d->running) {
		found(d, d->listen && *d->listen ? FOUND_OK : FOUND_NOTE,
		      d->listen && *d->listen ? _("sotto listens on %s")
					      : _("sotto does not listen"),
		      d->listen);
		return;
	}
	if (!bind_addr(c, &at))
		return;
	if (c->port > 0 || !ours(&at)) {
		at.port = (uint16_t)(c->port > 0 ? c->port : PORT);
		must_have(d, &at, ours(&at) ? "port" : "bind");
	} else if (c->port < 0) {
		may_have(d, &at);
	} else {
		found(d, FOUND_OK, _("any that is free, as asked for"));
	}
	for (size_t i = 0; i < c->n_plain; i++)
		must_have(d, &c->plain[i].at, "listen");
	if (c->web && c->web_port > 0) {
		struct addr page = {
		    .ip = {[10] = 0xff, [11] = 0xff, [12] = 127, [15] = 1},
		    .port = (uint16_t)c->web_port};

		must_have(d, &page, "interface-port");
	}
}

/* ---- addresses to tell others ---- */

static bool is_v4(const struct addr *a)
{
	static const uint8_t v4[12] = {[10] = 0xff, [11] = 0xff};

	return !memcmp(a->ip, v4, 12);
}

void doctor_address(struct doctor *d)
{
	struct look_net net[LOOK_NETS];
	size_t n = look_nets(net), told = 0;
	struct addr at;
	bool only_v4;
	char text[ADDR_TEXT];

	if (!bind_addr(d->cfg, &at) || !ours(&at))
		return;
	only_v4 = is_v4(&at);
	for (size_t i = 0; i < n; i++) {
		if (net[i].loopback || net[i].link_local ||
		    (is_any(&at) ? only_v4 && !is_v4(&net[i].at)
				 : memcmp(net[i].at.ip, at.ip, 16)))
			continue;
		net[i].at.port = d->here.port;
		if (d->here.port)
			addr_text(text, &net[i].at);
		else
			ip_text(text, &net[i].at);
		found(d, FOUND_OK, _("others reach you at %s (%s)"), text,
		      net[i].name);
		told++;
	}
	if (told)
		return;
	found(d, FOUND_NOTE, _("only programs on this machine can reach you"));
	if (addr_loopback(&at))
		todo(d, _("if others shall: `bind = ::` in config.ini"));
	else
		todo(d, _("if others shall: connect this machine to a "
			  "network"));
}

/* ---- discovery ---- */

static void say_beacon(struct doctor *d, const char *names)
{
	static const struct addr any = {.ip = {[10] = 0xff, [11] = 0xff},
					.port = PORT};
	struct look_port p;
	char who[96];

	look_port(&any, LOOK_UDP, &p);
	if (p.taken && p.uid != geteuid()) {
		whose(&p, who);
		found(d, FOUND_PROBLEM,
		      _("UDP port %d is kept by %s, so others here are not "
			"found by themselves"),
		      PORT, who);
		todo(d, _("end that; until then: /connect HOST:PORT"));
		return;
	}
	found(d, FOUND_OK,
	      _("others on the same network are found by themselves, on %s"),
	      names);
}

void doctor_discovery(struct doctor *d)
{
	const struct config *c = d->cfg;
	struct look_net net[LOOK_NETS];
	size_t n = look_nets(net);
	struct buf names = {0};

	if (c->discover == DISCOVER_OFF && c->discover_given) {
		found(d, FOUND_OK, _("off, as asked for"));
		return;
	}
	for (size_t i = 0; i < n; i++)
		if (is_v4(&net[i].at) && net[i].multicast && !net[i].loopback)
			buf_printf(&names, "%s%s", names.n ? ", " : "",
				   net[i].name);
	if (names.n) {
		say_beacon(d, (const char *)names.p);
	} else {
		found(d, FOUND_NOTE,
		      _("no interface here takes multicast: only others on "
			"this machine are found by themselves"));
		todo(d, "/connect HOST:PORT");
	}
	buf_free(&names);
}

/* ---- peers.txt ---- */

void doctor_peers(struct doctor *d)
{
	const char *path = d->cfg->peers_file;
	struct peersfile p = {0};
	struct stat st;

	if (stat(path, &st)) {
		found(d, FOUND_OK, _("there is no %s, and none is needed"),
		      path);
		return;
	}
	if (!S_ISREG(st.st_mode)) {
		found(d, FOUND_PROBLEM, _("%s is not a file"), path);
		todo(d, _("move it away"));
		return;
	}
	enum err err = peersfile_read(&p, path);
	for (size_t i = 0; i < p.n_warnings; i++) {
		found(d, FOUND_PROBLEM, "%s", p.warning[i]);
		todo(d,
		     err ? _("make %s readable for you")
			 : _("correct that line of %s: HOST:PORT, one a "
			     "line"),
		     path);
	}
	if (!err)
		found(d, FOUND_OK, _("%zu are dialled at the start, by %s"),
		      p.n, path);
	peersfile_free(&p);
}
