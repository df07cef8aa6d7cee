#include "src/core_plain.h"
#include "src/crash.h"
#include <stdio.h>
#include <stdlib.h>

/* Document 002, as a client of its center: a password in the clear, a token
 * in the clear, and everything said goes through the center, which can read
 * and change it. A request is a connection; what comes, comes to a listener of
 * our own that anybody can connect to. One log-in at a time.
 *
 * The center is a contact, "center://host:port": what goes there is for
 * everybody. Its users are "center://host:port/name". */
enum {
	USER_MAX = 64,
	ASKED_MAX = 16,
	HEY_US = 20000000, /* a sign of life; the center forgets after 30 s */
	ANSWER_US = 10000000, /* its threads die without closing */
	OWN_US = 5000000,     /* news of our own log-in, late */
};

/* A request that waits for its turn. */
struct asked {
	enum center_verb verb;
	char name[USER_MAX + 1];
	bool on;          /* BLC: block */
	client_id client; /* 0: nobody waits */
	uint64_t ref;
};

struct hub {
	contact_id center;
	char user[USER_MAX + 1], token[USER_MAX + 1];
	char *password; /* until it was said; NULL: no log-in is going on */
	bool insecure;  /* it may leave this machine */
	bool in;
	unsigned step; /* enum login */
	client_id asked_by;
	uint64_t asked_ref;
	struct asked asked[ASKED_MAX]; /* the first is on its way if `busy` */
	unsigned n_asked;
	bool busy, listing; /* listing: a list was asked for */
	struct timer timer;
	int64_t since_us;           /* when we logged in */
	int64_t hey_us, give_up_us; /* 0: none */
};

static struct hub *hub_of(struct core *c)
{
	if (c->hub)
		return c->hub;
	c->hub = xmalloc(sizeof(*c->hub));
	*c->hub = (struct hub){.timer = {.kind = TIMER_HUB, .owner = c->hub}};
	return c->hub;
}

static void wipe(struct hub *h)
{
	if (h->password)
		secret_wipe(h->password, strlen(h->password));
	free(h->password);
	h->password = NULL;
}

void hub_free(struct core *c)
{
	if (!c->hub)
		return;
	timer_stop(&c->heap, &c->hub->timer);
	wipe(c->hub);
	free(c->hub);
	c->hub = NULL;
}

bool hub_in(const struct core *c)
{
	return c->hub && c->hub->in;
}

static struct who *center_of(const struct core *c)
{
	return c->hub ? who_find(c, c->hub->center) : NULL;
}

/* The name behind "center://host:port/"; NULL: the center itself. */
static const char *user_of(const struct who *w)
{
	const char *slash = strrchr(w->row.shown.ident, '/');

	return slash && slash[-1] != '/' ? slash + 1 : NULL;
}

static void retime(struct core *c)
{
	struct hub *h = c->hub;
	int64_t at = h->in ? h->hey_us : NEVER;

	if (h->give_up_us && h->give_up_us < at)
		at = h->give_up_us;
	if (at == NEVER)
		timer_stop(&c->heap, &h->timer);
	else
		timer_set(&c->heap, &h->timer, at);
}

/* ---- users ---- */

static bool name_ok(const char *s)
{
	size_t n = strlen(s);

	if (!n || n > USER_MAX || !utf8_ok(view(s)))
		return false;
	for (; *s; s++)
		if ((uint8_t)*s <= ' ' || *s == 0x7f || *s == '|' || *s == '/')
			return false;
	return true;
}

/* A user of w's center, made if he is new. NULL: no name, or too many. */
static struct who *user_at(struct core *c, const struct now *now,
			   const struct who *center, const char *name,
			   enum via via)
{
	struct contact_row row = {.shown = {.dialect = dialect_center.name,
					    .trust = TRUST_PLAIN,
					    .via = via}};
	int n = snprintf(row.shown.ident, sizeof(row.shown.ident), "%s/%s",
			 center->row.shown.ident, name);

	if (!name_ok(name) || n >= (int)sizeof(row.shown.ident))
		return NULL;
	struct who *w = who_by_ident(c, row.shown.ident);
	if (w || c->disk)
		return w;
	if (via != VIA_TYPED && c->n_plain_new++ >= PLAIN_NEW_MAX)
		return NULL;
	snprintf(row.shown.nick, sizeof(row.shown.nick), "%s", name);
	return who_new(c, now, &row);
}

static struct who *user_named(struct core *c, const struct now *now,
			      struct bytes name)
{
	struct who *center = center_of(c);
	char text[USER_MAX + 1];

	if (!center || name.n > USER_MAX)
		return NULL;
	memcpy(text, name.p, name.n);
	text[name.n] = 0;
	return user_at(c, now, center, text, VIA_CENTER);
}

/* "center://host:port/name" as typed. */
enum code hub_find(struct core *c, const struct now *now, const char *typed,
		   bool make, struct who **out, char why[static 256])
{
	const char *slash = strchr(typed + strlen("center://"), '/');
	char at[256];
	struct who *center;
	struct typed t;

	snprintf(why, 256, "%.200s: nobody known there", typed);
	if (!slash || (size_t)(slash - typed) >= sizeof(at))
		return CODE_UNKNOWN;
	memcpy(at, typed, (size_t)(slash - typed));
	at[slash - typed] = 0;
	if (!typed_parse(at, &t))
		return CODE_UNKNOWN;
	enum code code = keyless_find(c, now, &t, make, &center, why);
	if (code != CODE_OK)
		return code;
	*out = user_at(c, now, center, slash + 1, VIA_TYPED);
	if (!*out)
		return CODE_UNKNOWN;
	keyless_meant(c, *out);
	return CODE_OK;
}

/* ---- texts ---- */

static void request_of(const struct hub *h, enum center_verb verb,
		       struct packet *p)
{
	*p = (struct packet){.kind = PKT_CENTER, .verb = verb, .n_words = 2};
	p->word[0] = view(h->user);
	p->word[1] = view(h->token);
}

static bool is_private(const struct message *m)
{
	return m->to.port != 0;
}

static void text_packet(const struct hub *h, const struct who *w,
			const char *text, bool private, struct packet *p)
{
	const char *name = user_of(w);

	if (private) {
		*p = (struct packet){.kind = PKT_MESSAGE,
				     .private = true,
				     .peer = view(h->user)};
	} else {
		request_of(h, name ? CENTER_MSG : CENTER_BRD, p);
		if (name)
			p->word[p->n_words++] = view(name);
	}
	p->text = view(text);
}

/* He himself, or one of his users. */
static bool is_of(const struct who *w, const struct who *center)
{
	const char *ident = center->row.shown.ident;
	size_t n = strlen(ident);

	return strncmp(w->row.shown.ident, ident, n) == 0 &&
	       (!w->row.shown.ident[n] || w->row.shown.ident[n] == '/');
}

enum code hub_fits(const struct core *c, const struct who *w, bool private,
		   const char *text, char why[static 128])
{
	const struct who *center = center_of(c);
	struct packet p;

	if (!hub_in(c) || !center || !is_of(w, center)) {
		snprintf(why, 128, "not logged in at a center");
		return CODE_REFUSED;
	}
	if (private && !w->plain->at.port) {
		snprintf(why, 128,
			 "where they are is not known: /getaddress, and they "
			 "/allow it");
		return CODE_UNREACHABLE;
	}
	text_packet(c->hub, w, text, private, &p);
	if (!dialect_check(&dialect_center, &p))
		return CODE_OK;
	snprintf(why, 128,
		 "too long for %s: %zu bytes; it holds %zu of plain letters",
		 dialect_center.name, strlen(text), dialect_center.text_max);
	return CODE_TOO_LONG;
}

static void dial_for(struct core *c, struct who *w, struct addr at,
		     ticket after, const struct packet *says)
{
	w->plain->dialling = true;
	effects_put(c->fx, &(struct effect){.kind = FX_DIAL,
					    .after = after,
					    .dialect = &dialect_center,
					    .at = at,
					    .contact = w->row.shown.id,
					    .packet = says});
}

/* Texts to one user, or to everybody, one after the other. */
static void text_next(struct core *c, const struct now *now, struct who *w)
{
	struct who *center = center_of(c);
	struct row *r = w->first;
	struct packet p;

	bool private = is_private(r->m);
	text_packet(c->hub, w, r->m->text, private, &p);
	crash_point("send.before");
	dial_for(c, w, private ? r->m->to : center->plain->at, r->after, &p);
	keyless_row_flies(now, r);
	crash_point("send.after");
}

/* The connection ended: that is all there ever is to hear of it. */
static void text_over(struct core *c, const struct now *now, struct who *w,
		      bool said)
{
	struct row *r = keyless_flying(w);

	if (!r || c->disk)
		return;
	if (said)
		outbox_end(c, now, r, D_HANDED, NULL);
	else
		outbox_end(c, now, r, D_FAILED, "cannot be reached");
}

/* ---- requests ---- */

static void asked_result(struct core *c, const struct asked *a, enum code code,
			 const char *text)
{
	if (a->client)
		command_result(c, a->client, a->ref, 0, code, text);
}

static void asked_drop(struct hub *h)
{
	memmove(h->asked, h->asked + 1, --h->n_asked * sizeof(h->asked[0]));
	h->busy = h->listing = false;
	h->give_up_us = 0;
}

static void asked_over(struct core *c, enum code code, const char *text)
{
	struct hub *h = c->hub;
	struct asked a = h->asked[0];

	if (!h->busy)
		return;
	asked_drop(h);
	if (a.verb == CENTER_OUT)
		h->in = false;
	asked_result(c, &a, code, text);
}

static void asked_packet(const struct hub *h, const struct asked *a,
			 struct packet *p)
{
	request_of(h, a->verb, p);
	if (a->verb == CENTER_BLC)
		p->word[p->n_words++] = view(a->on ? "1" : "0");
	if (a->name[0])
		p->word[p->n_words++] = view(a->name);
}

static void asked_next(struct core *c, const struct now *now)
{
	struct hub *h = c->hub;
	struct who *w = center_of(c);
	struct packet p;

	if (!w || !h->in || h->busy || !h->n_asked || w->plain->conn ||
	    w->plain->dialling)
		return;
	h->busy = true;
	h->give_up_us = now->mono_us + ANSWER_US;
	asked_packet(h, &h->asked[0], &p);
	dial_for(c, w, w->plain->at, 0, &p);
	retime(c);
}

static bool ask(struct core *c, const struct now *now, const struct asked *a)
{
	struct hub *h = c->hub;

	if (h->n_asked == ASKED_MAX) {
		asked_result(c, a, CODE_QUEUE_FULL,
			     "too many questions at once: ask again");
		return false;
	}
	h->asked[h->n_asked++] = *a;
	asked_next(c, now);
	return true;
}

/* ---- log-in ---- */

static const char in_the_clear[] =
    "your password would go over the network for anybody to read: add the "
    "word insecure if it may";

static void login_over(struct core *c, enum code code, const char *text)
{
	struct hub *h = c->hub;

	wipe(h);
	h->step = LOGIN_NONE;
	h->give_up_us = 0;
	if (h->asked_by)
		command_result(c, h->asked_by, h->asked_ref, 0, code, text);
	h->asked_by = 0;
	retime(c);
}

/* With the number that the center said. */
static void login_refused(struct core *c, const struct packet *p, char *text)
{
	struct hub *h = c->hub;
	bool locked = p->verb != CENTER_LOGIN_FAILED;
	struct event ev = {.kind = EV_RESULT,
			   .ref = h->asked_ref,
			   .code = CODE_REFUSED,
			   .tries_left = locked ? 0 : center_number(p),
			   .locked_s = locked ? center_number(p) : 0,
			   .text = text};

	if (h->asked_by)
		tell(c, h->asked_by, 0, &ev);
	h->asked_by = 0;
	login_over(c, CODE_REFUSED, text);
}

static void wants(const struct core *c, const struct conn *n, char host[],
		  char port[], struct packet *p)
{
	const struct hub *h = c->hub;
	struct addr us = c->pushes;

	if (n && keyless_no_ip(&us))
		memcpy(us.ip, n->local.ip, sizeof(us.ip));
	ip_text(host, &us);
	snprintf(port, 8, "%u", (unsigned)us.port);
	*p = (struct packet){.kind = PKT_CENTER, .verb = CENTER_WORD};
	p->word[0] = view(h->user);
	p->word[1] = view(h->password);
	p->word[2] = view(host);
	p->word[3] = view(port);
	p->n_words = 4;
}

/* Says whatever is to be said now. */
static void login_speak(struct core *c, const struct conn *n)
{
	char host[ADDR_TEXT], port[8];
	struct packet want, say;

	wants(c, n, host, port, &want);
	while (dialect_center.step(&c->hub->step, &want, NULL, &say) == OK &&
	       say.verb != CENTER_NOTHING)
		keyless_send(c, n, 0, &say);
}

static void login_dial(struct core *c, const struct now *now)
{
	struct hub *h = c->hub;
	struct who *w = center_of(c);
	struct packet say, want;
	char host[ADDR_TEXT], port[8];

	if (!w->plain->at.port) {
		keyless_dial(c, w, 0, NULL); /* asks for its address */
		return;
	}
	if (!h->insecure && !addr_loopback(&w->plain->at)) {
		login_over(c, CODE_REFUSED, in_the_clear);
		return;
	}
	wants(c, NULL, host, port, &want);
	h->step = LOGIN_NONE;
	h->give_up_us = now->mono_us + 2 * ANSWER_US;
	if (dialect_center.step(&h->step, &want, NULL, &say) == OK)
		dial_for(c, w, w->plain->at, 0, &say);
	retime(c);
}

static void logged_in(struct core *c, const struct now *now)
{
	struct hub *h = c->hub;

	h->in = true;
	h->since_us = now->mono_us;
	h->hey_us = now->mono_us + HEY_US;
	login_over(c, CODE_OK, NULL);
}

static void refused(struct core *c, const struct now *now, struct conn *n,
		    const struct packet *p)
{
	char text[160];
	int len = p->n_words ? (int)p->word[0].n : 0;
	const char *word = len ? (const char *)p->word[0].p : "";

	if (p->verb == CENTER_LOGIN_FAILED)
		snprintf(text, sizeof(text),
			 "Incorrect username/password. %.*s more login "
			 "attempts.",
			 len, word);
	else
		snprintf(text, sizeof(text),
			 "Too many login attempts: wait %.*s seconds.", len,
			 word);
	login_refused(c, p, text);
	conn_close(c, now, n);
}

static void login_hear(struct core *c, const struct now *now, struct conn *n,
		       const struct packet *p)
{
	struct hub *h = c->hub;
	bool token = h->step == LOGIN_TOKEN;
	char host[ADDR_TEXT], port[8];
	struct packet want, say;

	wants(c, n, host, port, &want);
	switch ((int)dialect_center.step(&h->step, &want, p, &say)) {
	case OK:
		break;
	case ERR_AUTH:
		refused(c, now, n, p);
		return;
	default:
		login_over(c, CODE_ERROR, "the center refused");
		conn_close(c, now, n);
		return;
	}
	if (token) {
		memcpy(h->token, p->frame.p, p->frame.n); /* at most 64 */
		h->token[p->frame.n] = 0;
	}
	if (say.verb != CENTER_NOTHING)
		keyless_send(c, n, 0, &say);
	login_speak(c, n); /* to its end, which the center closes */
}

/* ---- links of ours ---- */

static void hub_pump(struct core *c, const struct now *now, struct who *w)
{
	struct hub *h = c->hub;

	if (!h || w->plain->conn || w->plain->dialling)
		return;
	if (w == center_of(c) && h->password) {
		if (h->step == LOGIN_NONE)
			login_dial(c, now);
		return;
	}
	if (w == center_of(c))
		asked_next(c, now);
	if (h->in && !w->plain->dialling && keyless_outbox(c, now, w))
		text_next(c, now, w);
}

static void hub_up(struct core *c, const struct now *now, struct conn *n,
		   struct who *w)
{
	struct hub *h = c->hub;

	(void)now;
	if (!w || !h)
		return; /* a push: it says what it is */
	n->peer = w;
	w->plain->conn = n;
	keyless_row_sent(c, keyless_flying(w));
	if (w != center_of(c))
		return;
	keyless_seen(c, now, w);
	if (h->password)
		login_speak(c, n);
}

static void ended(struct core *c, const struct now *now, struct who *w,
		  bool said)
{
	struct hub *h = c->hub;

	if (h->password && h->step == LOGIN_OVER) {
		logged_in(c, now);
	} else if (h->password) {
		login_over(c, CODE_UNREACHABLE,
			   said ? "the center refused" : "cannot be reached");
	} else if (keyless_flying(w)) {
		text_over(c, now, w, said);
	} else if (h->busy && !said) {
		asked_over(c, CODE_UNREACHABLE, "cannot be reached");
	} else if (h->busy && !h->listing) {
		/* only GET has an answer, and that came before this */
		bool get = h->asked[0].verb == CENTER_GET;
		asked_over(c, get ? CODE_REFUSED : CODE_OK,
			   get ? "the center refused" : NULL);
	}
	if (!said)
		presence_set(c, w, P_OFFLINE);
}

static void hub_down(struct core *c, const struct now *now, struct who *w,
		     struct conn *n)
{
	struct hub *h = c->hub;

	if (!h)
		return;
	if (h->busy && h->asked[0].verb == CENTER_ONL && n &&
	    w == center_of(c) && !keyless_flying(w))
		h->listing = true; /* it is pushed */
	if (w == center_of(c))
		ended(c, now, w, n != NULL);
	else
		text_over(c, now, w, n != NULL);
	hub_pump(c, now, w);
	retime(c);
}

/* ---- pushes ---- */

/* The center says it again and again: it counts once. */
static void came_or_went(struct core *c, const struct now *now,
			 struct bytes name, bool here)
{
	struct who *w = user_named(c, now, name);
	enum presence p = here ? P_ONLINE : P_OFFLINE;

	if (!w || w->row.shown.presence == p ||
	    !strcmp(user_of(w), c->hub->user))
		return;
	keyless_meant(c, w);
	presence_set(c, w, p);
	if (here)
		tell_notice(c, LEVEL_INFO, "%.64s has logged on.", user_of(w));
	else
		tell_notice(c, LEVEL_INFO, "%.64s is offline.", user_of(w));
}

static void listed(struct core *c, const struct now *now, struct bytes names)
{
	char text[512];
	size_t n = 0;

	while (n < names.n) {
		size_t from = n;
		while (n < names.n && names.p[n] != ' ')
			n++;
		struct bytes one = {names.p + from, n - from};
		struct who *w = one.n ? user_named(c, now, one) : NULL;
		n++;
		if (!w || !strcmp(user_of(w), c->hub->user))
			continue;
		keyless_meant(c, w);
		presence_set(c, w, P_ONLINE);
	}
	snprintf(text, sizeof(text), "%.*s", (int)utf8_cut(names, 480),
		 (const char *)names.p);
	if (c->hub->busy && c->hub->asked[0].verb == CENTER_ONL)
		asked_over(c, CODE_OK, text[0] ? text : "nobody");
}

/* Where he is: he allowed it, or somebody says so in his name. */
static void has_address(struct core *c, const struct now *now,
			const struct packet *p)
{
	struct who *w = user_named(c, now, p->word[0]);
	char host[ADDR_TEXT];
	struct addr at = {0};

	if (!w || p->n_words < 3)
		return;
	for (size_t i = 0; i < p->word[2].n; i++)
		at.port = (uint16_t)(at.port * 10 + (p->word[2].p[i] - '0'));
	if (!ip_parse(p->word[1], at.ip)) {
		snprintf(host, sizeof(host), "%.*s", (int)p->word[1].n,
			 (const char *)p->word[1].p);
		if (strcmp(host, "localhost") != 0)
			return;
		ip_parse(view("127.0.0.1"), at.ip);
	}
	w->plain->at = w->row.shown.at = at;
	keyless_meant(c, w);
	tell_peer(c, w);
	tell_notice(c, LEVEL_INFO, "You can now privately message %.64s",
		    user_of(w));
}

static void take_text(struct core *c, const struct now *now, struct conn *n,
		      struct who *w, struct bytes text)
{
	struct packet p = {.kind = PKT_MESSAGE, .text = text};
	ticket after;

	if (w && text.n &&
	    keyless_receive(c, now, w, n, &p, (struct bytes){0}, &after))
		tell_notice(c, LEVEL_WARN, "a text of %.100s was lost",
			    who_name(w));
}

static void pushed(struct core *c, const struct now *now, struct conn *n,
		   const struct packet *p)
{
	struct hub *h = c->hub;
	struct bytes who = p->n_words ? p->word[0] : (struct bytes){0};
	struct who *center = center_of(c);

	switch ((int)p->verb) {
	case CENTER_ADR:
		has_address(c, now, p);
		break;
	case CENTER_ONLINE:
	case CENTER_OFFLINE:
		came_or_went(c, now, who, p->verb == CENTER_ONLINE);
		break;
	case CENTER_LIST:
		listed(c, now, p->text);
		break;
	case CENTER_WANTS:
		tell_consent(c, who);
		break;
	case CENTER_BLOCKED:
		tell_notice(c, LEVEL_INFO, "You have blocked %.*s", (int)who.n,
			    (const char *)who.p);
		break;
	case CENTER_UNBLOCKED:
		tell_notice(c, LEVEL_INFO, "You have unblocked %.*s",
			    (int)who.n, (const char *)who.p);
		break;
	case CENTER_GONE:
		tell_notice(c, LEVEL_INFO,
			    "%.*s left before your address was there",
			    (int)who.n, (const char *)who.p);
		break;
	case CENTER_MOVED:
		if (now->mono_us < h->since_us + OWN_US)
			break; /* who is moved is who we were before */
		h->in = false;
		tell_notice(c, LEVEL_WARN, "Logged on different location!");
		break;
	case CENTER_KEPT:
		tell_notice(c, LEVEL_INFO,
			    "they are offline: the center keeps it for them");
		break;
	case CENTER_REFUSED:
		tell_notice(c, LEVEL_WARN,
			    "not delivered: they have blocked you");
		break;
	case CENTER_SOME_REFUSED:
		tell_notice(c, LEVEL_WARN,
			    "not delivered to some: they have blocked you");
		break;
	case CENTER_AWAY:
	case CENTER_TEXT:
		take_text(c, now, n, center, p->text);
		break;
	default: /* not for a listener */
		break;
	}
	retime(c);
}

/* What people wrote comes from the center, in brackets, or from themselves.
 * Our own broadcasts come back. */
static void push(struct core *c, const struct now *now, struct conn *n,
		 const struct packet *p)
{
	struct who *center = center_of(c);
	bool from_center =
	    center && center->plain &&
	    memcmp(n->at.ip, center->plain->at.ip, sizeof(n->at.ip)) == 0;

	if (p->malformed || !center ||
	    (!from_center && !(p->kind == PKT_MESSAGE && p->private)))
		return;
	if (p->kind == PKT_CENTER) {
		pushed(c, now, n, p);
		return;
	}
	if (p->kind != PKT_MESSAGE ||
	    (p->peer.n == strlen(c->hub->user) &&
	     memcmp(p->peer.p, c->hub->user, p->peer.n) == 0))
		return;
	take_text(c, now, n, user_named(c, now, p->peer), p->text);
}

static void hub_packet(struct core *c, const struct now *now, struct conn *n,
		       const struct packet *p)
{
	struct hub *h = c->hub;

	if (!h || !n->peer) {
		if (h)
			push(c, now, n, p);
		conn_close(c, now, n);
		return;
	}
	if (n->peer == center_of(c) && h->password) {
		login_hear(c, now, n, p);
		return;
	}
	if (n->peer != center_of(c) || !h->busy ||
	    h->asked[0].verb != CENTER_GET)
		return;
	if (p->verb == CENTER_OKAY)
		asked_over(c, CODE_OK, "asked; it comes when they allow it");
	else
		asked_over(c, CODE_UNKNOWN,
			   "offline, or they have blocked you");
}

/* ---- time, commands ---- */

void hub_timer(struct core *c, const struct now *now)
{
	struct hub *h = c->hub;
	struct who *w = center_of(c);

	if (h->give_up_us && now->mono_us >= h->give_up_us) {
		h->give_up_us = 0;
		if (h->password)
			login_over(c, CODE_TIMEOUT, "no answer in time");
		else
			asked_over(c, CODE_TIMEOUT, "no answer in time");
		if (w && w->plain->conn)
			conn_close(c, now, w->plain->conn);
	}
	if (h->in && now->mono_us >= h->hey_us) {
		h->hey_us = now->mono_us + HEY_US;
		if (!h->n_asked)
			ask(c, now, &(struct asked){.verb = CENTER_HEY});
	}
	if (w)
		hub_pump(c, now, w);
	retime(c);
}

static void own_timer(struct core *c, const struct now *now, struct who *w)
{
	hub_pump(c, now, w);
}

/* Of rows that waited when we were ended: whom they were for is not logged in
 * for any more. */
void hub_start(struct core *c, const struct now *now, struct who *w)
{
	keyless_give_up(c, now, w, "not logged in at a center");
}

static bool login_good(const struct command *cmd, char why[static 128])
{
	snprintf(why, 128,
		 "a user's name is 1 to 64 characters without blanks");
	if (!cmd->name || !name_ok(cmd->name))
		return false;
	snprintf(why, 128, "a password is needed there, of 1 to 64 bytes");
	return cmd->text && cmd->text[0] && strlen(cmd->text) <= USER_MAX;
}

static void hub_login(struct core *c, const struct now *now, client_id from,
		      const struct command *cmd)
{
	struct who *w = command_target(c, now, from, cmd, true);
	struct hub *h = hub_of(c);
	char why[128];

	if (!w)
		return;
	if (!cmd->yes && w->plain->at.port && !addr_loopback(&w->plain->at)) {
		command_result(c, from, cmd->ref, 0, CODE_REFUSED,
			       in_the_clear);
		return;
	}
	if (!login_good(cmd, why) || user_of(w) || !c->pushes.port) {
		command_result(c, from, cmd->ref, 0, CODE_USAGE,
			       c->pushes.port
				   ? why
				   : "what it sends needs a listener of ours: "
				     "center-port in config.ini");
		return;
	}
	if (w->plain->dialling) {
		command_result(c, from, cmd->ref, 0, CODE_REFUSED,
			       "too many questions at once: ask again");
		return;
	}
	if (h->password)
		login_over(c, CODE_ERROR, "another log-in began");
	if (w->plain->conn)
		conn_close(c, now, w->plain->conn);
	while (h->n_asked) {
		h->busy = true;
		asked_over(c, CODE_ERROR, "another log-in began");
	}
	h->in = false;
	h->center = w->row.shown.id;
	snprintf(h->user, sizeof(h->user), "%s", cmd->name);
	h->password = xstrndup(view(cmd->text));
	h->insecure = cmd->yes;
	h->asked_by = from;
	h->asked_ref = cmd->ref;
	h->step = LOGIN_NONE;
	hub_pump(c, now, w);
}

static void broadcast(struct core *c, const struct now *now, client_id from,
		      const struct command *cmd)
{
	struct command send = {.kind = CMD_SEND,
			       .ref = cmd->ref,
			       .contact = c->hub->center,
			       .text = cmd->text};

	core_command(c, now, from, &send);
}

static void hub_command(struct core *c, const struct now *now, client_id from,
			const struct command *cmd)
{
	const char *name = cmd->name ? cmd->name : cmd->to;
	struct asked a = {.client = from, .ref = cmd->ref};
	bool named = cmd->kind == CMD_GETADDRESS || cmd->kind == CMD_ALLOW;

	if (named && (!name || !name_ok(name))) {
		command_result(c, from, cmd->ref, 0, CODE_USAGE,
			       "no name is given");
		return;
	}
	if (cmd->kind == CMD_BROADCAST) {
		broadcast(c, now, from, cmd);
		return;
	}
	if (named)
		snprintf(a.name, sizeof(a.name), "%s", name);
	a.verb = cmd->kind == CMD_ONLINE       ? CENTER_ONL
		 : cmd->kind == CMD_GETADDRESS ? CENTER_GET
		 : cmd->kind == CMD_ALLOW      ? CENTER_ALL
					       : CENTER_OUT;
	ask(c, now, &a);
	retime(c);
}

void hub_block(struct core *c, const struct now *now, const struct who *w)
{
	const char *name = w->plain->d == &dialect_center ? user_of(w) : NULL;
	struct asked a = {.verb = CENTER_BLC, .on = w->row.shown.blocked};

	if (!hub_in(c) || !name)
		return;
	snprintf(a.name, sizeof(a.name), "%s", name);
	ask(c, now, &a);
}

/* To which of the two kinds of center a command goes. */
void hub_or_post(struct core *c, const struct now *now, client_id from,
		 const struct command *cmd)
{
	static const char scheme[] = "center://";
	bool login = cmd->kind == CMD_LOGIN;

	if (login && cmd->to && !strncmp(cmd->to, scheme, strlen(scheme)))
		hub_login(c, now, from, cmd);
	else if (!login && hub_in(c) && !post_conn(c))
		hub_command(c, now, from, cmd);
	else
		post_command(c, now, from, cmd);
}

const struct way way_center = {
    .pump = hub_pump,
    .up = hub_up,
    .packet = hub_packet,
    .down = hub_down,
    .timer = own_timer,
};
