#include "src/center_nats_impl.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* nats://USER:PASSWORD@HOST:PORT,HOST?OPTION=VALUE&... */

enum { SHARDS_USUAL = 8, URL_MAX = 2048 };

static enum err bad_url(char why[256], const char *what, const char *of)
{
	snprintf(why, 256, "the backend's address: %s%s%.60s", what,
		 *of ? ": " : "", of);
	return ERR_PARSE;
}

bool nats_unsigned(const char *s, unsigned max, unsigned *out)
{
	char *end;
	unsigned long n = strtoul(s, &end, 10);

	if (*s < '0' || *s > '9' || *end || !n || n > max)
		return false;
	*out = (unsigned)n;
	return true;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* %40 and the like, in place. */
static bool unescape(char *s)
{
	char *out = s;

	for (; *s; s++) {
		if (*s != '%') {
			*out++ = *s;
			continue;
		}
		int high = hex_digit(s[1]);
		int low = high < 0 ? -1 : hex_digit(s[2]);
		if (low < 0 || !(high | low))
			return false;
		*out++ = (char)(high << 4 | low);
		s += 2;
	}
	*out = 0;
	return true;
}

static enum err take_option(struct nats_where *w, char *name, char why[256])
{
	char *value = strchr(name, '=');
	const struct {
		const char *name;
		const char **to;
	} texts[] = {{"ca", &w->ca},
		     {"cert", &w->cert},
		     {"key", &w->key},
		     {"creds", &w->creds},
		     {"prefix", &w->prefix}};

	if (!value || !value[1])
		return bad_url(why, "an option needs a value", name);
	*value++ = 0;
	if (!unescape(value))
		return bad_url(why, "a % that is none", value);
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		if (!strcmp(name, texts[i].name)) {
			*texts[i].to = value;
			return OK;
		}
	if (!strcmp(name, "shards"))
		return nats_unsigned(value, SHARDS_MAX, &w->shards)
			   ? OK
			   : bad_url(why, "shards are 1 to 64, not", value);
	if (!strcmp(name, "replicas"))
		return nats_unsigned(value, 5, &w->replicas)
			   ? OK
			   : bad_url(why, "replicas are 1 to 5, not", value);
	return bad_url(why, "no such option", name);
}

static enum err take_options(struct nats_where *w, char *s, char why[256])
{
	enum err err = OK;

	for (char *o; !err && (o = strsep(&s, "&"));)
		err = take_option(w, o, why);
	if (err)
		return err;
	if (!center_node_ok(w->prefix))
		return bad_url(why,
			       "a prefix has letters, digits, _ and -, "
			       "not",
			       w->prefix);
	if (!w->cert != !w->key)
		return bad_url(why, "cert and key go together", "");
	return OK;
}

static enum err take_user(struct nats_where *w, char *s, char why[256])
{
	char *colon = strchr(s, ':');

	if (!colon)
		return bad_url(why, "USER:PASSWORD@ stands before the host",
			       "");
	*colon = 0;
	if (!unescape(s) || !unescape(colon + 1) || !*s)
		return bad_url(why, "the user's name is none", "");
	w->user = s;
	w->password = colon + 1;
	return OK;
}

static enum err take_hosts(struct nats_where *w, char *s, char why[256])
{
	for (char *h; (h = strsep(&s, ","));) {
		if (!*h || h[strspn(h, "abcdefghijklmnopqrstuvwxyz"
				       "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				       "0123456789.-:[]_")])
			return bad_url(why, "not a host", h);
		if (w->n_hosts == HOSTS_MAX)
			return bad_url(why, "at most 8 hosts", "");
		w->host[w->n_hosts++] = h;
	}
	return OK;
}

enum err nats_where(const char *url, struct nats_where *out,
		    char why[static 256])
{
	size_t scheme = strcspn(url, ":") + 3, n = strlen(url);
	enum err err;

	*out = (struct nats_where){.prefix = "sotto",
				   .shards = SHARDS_USUAL,
				   .replicas = 1,
				   .tls = *url == 't'};
	if (n > URL_MAX)
		return bad_url(why, "too long", "");
	out->text =
	    xstrndup((struct bytes){(const uint8_t *)url + scheme, n - scheme});
	char *options = strchr(out->text, '?');
	if (options)
		*options++ = 0;
	char *hosts = out->text, *at = strrchr(hosts, '@');
	if (hosts[strcspn(hosts, "/")])
		return bad_url(why, "no / after the host, please", "");
	if (at) {
		*at = 0;
		hosts = at + 1;
		err = take_user(out, out->text, why);
		if (err)
			return err;
	}
	err = take_hosts(out, hosts, why);
	return err ? err : take_options(out, options, why);
}

void nats_where_free(struct nats_where *w)
{
	if (w->text)
		secret_wipe(w->text, strlen(w->text));
	free(w->text);
}
