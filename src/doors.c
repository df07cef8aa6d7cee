#include "src/doors.h"
#include "src/beacon.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* ---- our own ---- */

/* 6327 and the next that is free, then any; one that was asked for must be
 * free. */
static enum err try_listen(struct doors *d, struct net *n,
			   const struct config *cfg, struct addr at, int port,
			   char why[static 256])
{
	enum err err;

	at.port = (uint16_t)port;
	err = net_listen(n, &dialect_sotto, at, &d->here.port);
	if (err)
		snprintf(why, 256, "cannot listen on %s port %d: %s", cfg->bind,
			 port, strerror(errno));
	return err;
}

static enum err listen_at(struct doors *d, struct net *n,
			  const struct config *cfg, struct addr at,
			  char why[static 256])
{
	const int first = dialect_sotto.port;
	enum err err = OK;

	if (cfg->port >= 0)
		return try_listen(d, n, cfg, at, cfg->port, why);
	for (int port = first; port < first + 10; port++) {
		err = try_listen(d, n, cfg, at, port, why);
		if (!err || errno != EADDRINUSE)
			return err;
	}
	return try_listen(d, n, cfg, at, 0, why);
}

static enum err open_own(struct doors *d, struct net *n,
			 const struct config *cfg, char why[static 256])
{
	struct bytes name = {(const uint8_t *)cfg->bind, strlen(cfg->bind)};
	struct addr at = {0}, v4 = {.ip = {[10] = 0xff, 0xff}};
	static const uint8_t any[16];
	enum err err;

	if (!ip_parse(name, at.ip)) {
		snprintf(why, 256, "--bind %s: not an IP address", cfg->bind);
		return ERR_PARSE;
	}
	err = listen_at(d, n, cfg, at, why);
	if (err && errno == EAFNOSUPPORT && !memcmp(at.ip, any, 16))
		err = listen_at(d, n, cfg, v4, why); /* without IPv6 */
	if (err)
		return err;
	uint16_t port = d->here.port;

	if (!memcmp(at.ip, any, 16) || !memcmp(at.ip, v4.ip, 16))
		beacon_address(&d->here);
	else
		d->here = at;
	d->here.port = port;
	return OK;
}

/* ---- plain ones ---- */

/* Who comes must be answered with our key, so it is there before the door is
 * open; only the first time it takes half a second. */
static enum err have_rsa(const struct config *cfg, const struct identity *id,
			 enum seal how, char why[static 256])
{
	struct buf pem = {0};
	enum err err;

	if (how == SEAL_NONE || id->keys->rsa[how])
		return OK;
	err = identity_rsa(cfg->identity_path, how, &pem, why);
	if (!err)
		err = keys_add(id->keys, how, (struct bytes){pem.p, pem.n});
	if (pem.n)
		secret_wipe(pem.p, pem.n);
	buf_free(&pem);
	return err;
}

static enum err open_plain(struct net *n, const struct config *cfg,
			   const struct identity *id, const struct listen_at *l,
			   char why[static 256])
{
	const struct dialect *d = dialect_named(l->dialect);
	uint16_t port;
	enum err err;

	snprintf(why, 256, "%s", "");
	err = have_rsa(cfg, id, d->seal, why);
	if (!err)
		err = net_listen(n, d, l->at, &port);
	if (err && !*why)
		snprintf(why, 256, "%s",
			 err == ERR_SYS ? strerror(errno) : err_text(err));
	return err;
}

static bool open_or_say(struct net *n, const struct config *cfg,
			const struct identity *id, const struct listen_at *l,
			char said[static 300])
{
	char why[256], at[ADDR_TEXT];

	if (!open_plain(n, cfg, id, l, why))
		return true;
	addr_text(at, &l->at);
	snprintf(said, 300, "cannot listen on %s=%s: %.200s", l->dialect, at,
		 why);
	return false;
}

/* The plain ones first: our own can take another port. */
enum err doors_open(struct doors *d, struct net *n, const struct config *cfg,
		    const struct identity *id, char why[static 256])
{
	for (size_t i = 0; i < cfg->n_plain; i++)
		d->plain_open[i] =
		    open_or_say(n, cfg, id, &cfg->plain[i], d->why[i]);
	if (cfg->pushes.dialect)
		d->pushes_open =
		    open_or_say(n, cfg, id, &cfg->pushes, d->why[LISTEN_MAX]);
	return open_own(d, n, cfg, why);
}

/* ---- what others are told ---- */

static bool is_booth(const struct listen_at *l)
{
	return l->dialect == dialect_center.name;
}

bool doors_booth(const struct config *cfg)
{
	for (size_t i = 0; i < cfg->n_plain; i++)
		if (is_booth(&cfg->plain[i]))
			return true;
	return false;
}

void doors_tell(const struct doors *d, const struct config *cfg, struct core *c)
{
	for (size_t i = 0; i < cfg->n_plain; i++)
		if (d->plain_open[i] && !is_booth(&cfg->plain[i]))
			core_listens(c, dialect_named(cfg->plain[i].dialect),
				     cfg->plain[i].at);
	if (d->pushes_open)
		core_listens(c, &dialect_center, cfg->pushes.at);
}

void doors_text(const struct doors *d, const struct config *cfg,
		struct buf *out)
{
	char at[ADDR_TEXT];

	if (d->here.port)
		buf_printf(out, strchr(cfg->bind, ':') ? "[%s]:%u" : "%s:%u",
			   cfg->bind, d->here.port);
	for (size_t i = 0; i < cfg->n_plain; i++) {
		addr_text(at, &cfg->plain[i].at);
		if (d->plain_open[i])
			buf_printf(out, "%s%s://%s", out->n ? " " : "",
				   cfg->plain[i].dialect, at);
	}
}
