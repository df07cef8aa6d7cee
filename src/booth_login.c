#include "src/booth_impl.h"
#include <stdio.h>
#include <stdlib.h>

enum { TRIES_MAX = 12, PORT_LOW = 1024 }; /* tries: of one connection */

/* The host; of IPv6 the first half: who has one has all of it. */
void source_of(const struct addr *at, char out[static CENTER_SOURCE_MAX + 1])
{
	static const uint8_t v4[12] = {[10] = 0xff, [11] = 0xff};
	size_t n = memcmp(at->ip, v4, sizeof(v4)) ? 8 : 16;

	for (size_t i = 0; i < n; i++)
		snprintf(out + 2 * i, 3, "%02x", at->ip[i]);
}

static void say(struct booth *b, const struct visitor *v, struct packet *p)
{
	effects_put(b->fx, &(struct effect){
			       .kind = FX_SEND, .link = v->link, .packet = p});
}

static void wait_for(struct booth *b, struct visitor *v, int64_t us)
{
	v->since_us = b->now_us;
	v->until_us = us ? b->now_us + us : 0;
}

/* ---- the verdict ---- */

/* The machine says it, and what comes behind it. */
static void verdict(struct booth *b, struct visitor *v, enum center_verb verb,
		    const char *word)
{
	struct packet say_it, want = {.kind = PKT_CENTER,
				      .verb = verb,
				      .n_words = 1,
				      .word = {booth_view(word)}};

	while (!dialect_center.step(&v->step, &want, NULL, &say_it) &&
	       say_it.verb != CENTER_NOTHING)
		say(b, v, &say_it);
	wait_for(b, v, verb == CENTER_LOGIN_OKAY ? FRAME_US : TYPING_US);
	if (verb != CENTER_LOGIN_OKAY && v->tries >= TRIES_MAX)
		visitor_close(b, v);
}

static void refuse(struct booth *b, struct visitor *v,
		   const struct center_pen *pen, bool now)
{
	char n[16], at[ADDR_TEXT];

	snprintf(n, sizeof(n), "%u", pen->wait_s ? pen->wait_s : pen->left);
	if (pen->wait_s && now) {
		ip_text(at, &v->at);
		booth_notice(b, LEVEL_WARN,
			     "center: %s is locked out from %s for %s seconds",
			     v->user, at, n);
	}
	verdict(b, v,
		!pen->wait_s ? CENTER_LOGIN_FAILED
		: now        ? CENTER_JUST_PENNED
			     : CENTER_PENNED,
		n);
}

static void let_in(struct booth *b, struct visitor *v)
{
	uint8_t random[TOKEN / 2];

	rng_fill(&b->rng, random, sizeof(random));
	for (size_t i = 0; i < sizeof(random); i++)
		snprintf(v->token + 2 * i, 3, "%02x", random[i]);
	verdict(b, v, CENTER_LOGIN_OKAY, v->token);
}

/* An account's hash; "": there is none. False: the backend does not say. */
static bool hash_of(struct booth *b, const char *user,
		    char out[static PASSWORD_HASH])
{
	struct center_acct *a = xzalloc(sizeof(*a));
	uint64_t rev;
	enum err err = *user ? b->b->acct_get(b->b, user, a, &rev) : ERR_ABSENT;

	snprintf(out, PASSWORD_HASH, "%s", err ? "" : a->password);
	free(a);
	return !err || err == ERR_ABSENT;
}

/* Known or not, right or wrong, it takes as long. */
static void look(struct booth *b, struct visitor *v)
{
	struct center_pen pen = {.left = CENTER_TRIES - 1};
	char hash[PASSWORD_HASH];
	enum err err = *v->user ? b->b->attempt(b->b, v->user, v->source,
						TRY_BEGIN, b->now_ms, &pen)
				: OK;

	v->tries++;
	if (err == ERR_AUTH) {
		refuse(b, v, &pen, false);
		return;
	}
	if (err || !hash_of(b, v->user, hash)) {
		visitor_close(b, v);
		return;
	}
	bool good =
	    password_right(hash, (struct bytes){v->password, v->n_password});
	secret_wipe(v->password, sizeof(v->password));
	if (good && !b->b->attempt(b->b, v->user, v->source, TRY_GOOD,
				   b->now_ms, &pen)) {
		let_in(b, v);
		return;
	}
	if (!pen.left) /* that was the last one: for how long? */
		(void)!b->b->attempt(b->b, v->user, v->source, TRY_LOOK,
				     b->now_ms, &pen);
	refuse(b, v, &pen, true);
}

/* ---- whose turn it is ---- */

static size_t bucket_of(const struct visitor *v)
{
	uint8_t sum[32];

	digest(sum, booth_view(v->source));
	return sum[0];
}

bool login_waits(const struct booth *b)
{
	for (const struct visitor *v = b->visitor; v; v = v->next)
		if (v->step == LOGIN_DECIDE)
			return true;
	return false;
}

/* Of the source that asked least of late, whoever waits longest: one that
 * guesses does not keep the others waiting. */
void login_look(struct booth *b)
{
	struct visitor *next = NULL;
	uint16_t least = 0;

	for (struct visitor *v = b->visitor; v; v = v->next) {
		if (v->step != LOGIN_DECIDE)
			continue;
		uint16_t n = b->looked[bucket_of(v)];
		if (next &&
		    (n > least || (n == least && v->since_us > next->since_us)))
			continue;
		next = v;
		least = n;
	}
	if (!next)
		return;
	b->looked[bucket_of(next)]++;
	look(b, next);
}

/* ---- what he says ---- */

static uint16_t port_of(struct bytes s)
{
	unsigned port = 0;

	for (size_t i = 0; i < s.n && i < 5; i++)
		port = port * 10 + (s.p[i] - (unsigned)'0');
	return (uint16_t)port;
}

static void take_password(struct visitor *v, struct bytes s)
{
	v->n_password = s.n <= sizeof(v->password) ? s.n : 0;
	if (v->n_password)
		memcpy(v->password, s.p, s.n);
}

static void enter(struct booth *b, struct visitor *v, struct bytes frame)
{
	uint16_t port = port_of(frame);

	if (port >= PORT_LOW && !member_enter(b, v, port))
		booth_notice(b, LEVEL_WARN, "center: %s could not be logged on",
			     v->user);
	visitor_close(b, v);
}

void login_hear(struct booth *b, struct visitor *v, const struct packet *p)
{
	struct packet nothing;
	unsigned was = v->step;

	if (dialect_center.step(&v->step, NULL, p, &nothing)) {
		visitor_close(b, v);
		return;
	}
	wait_for(b, v, v->step == LOGIN_HEAR_NAME ? TYPING_US : FRAME_US);
	if (was == LOGIN_HEAR_NAME) {
		(void)booth_name(p->frame, v->user);
	} else if (was == LOGIN_HEAR_SECRET) {
		take_password(v, p->frame);
		wait_for(b, v, 0);
	} else if (was == LOGIN_HEAR_PORT) {
		enter(b, v, p->frame);
	}
}
