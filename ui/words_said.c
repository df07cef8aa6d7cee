/* What the engine says, in the reader's language. It speaks English, with
 * names and numbers in it, to people and to scripts alike. */
#include "proto/base.h"
#include "ui/words.h"
#include <stdio.h>
#include <string.h>

enum { HOLES = 4, PLAIN = 0 };

/* As they stand in src/, each of its conversions a %s. tests/words.sh holds
 * them against the sources. `reason`: which %s is itself one of these. What
 * fits more than one is the first. */
static const struct phrase {
	const char *text;
	int reason;
} phrases[] = {
    /* src/core*.c */
    {N_("that is yourself"), PLAIN},
    {N_("the disk is full: nothing can be sent or received until there is "
	"room"),
     PLAIN},
    {N_("the disk cannot be written: nothing can be sent or received until it "
	"can"),
     PLAIN},
    {N_("the disk can be written again: going on"), PLAIN},
    {N_("no such contact"), PLAIN},
    {N_("no peer is named"), PLAIN},
    {N_("the disk is full"), PLAIN},
    {N_("the disk cannot be written"), PLAIN},
    {N_("nothing to send"), PLAIN},
    {N_("not UTF-8"), PLAIN},
    {N_("no such message"), PLAIN},
    {N_("nobody has written yet"), PLAIN},
    {N_("nobody is online"), PLAIN},
    {N_("no message of yours has this id"), PLAIN},
    {N_("it was delivered already"), PLAIN},
    {N_("not sent"), PLAIN},
    {N_("it was sent and may arrive"), PLAIN},
    {N_("no answer in time"), PLAIN},
    {N_("sent again"), PLAIN},
    {N_("a plain dialect has no keys: anybody can be him"), PLAIN},
    {N_("its key was never seen: connect first"), PLAIN},
    {N_("a name has at most 96 bytes"), PLAIN},
    {N_("somebody else has that name"), PLAIN},
    {N_("no name is given"), PLAIN},
    {N_("no such command"), PLAIN},
    {N_("no answer"), PLAIN},
    {N_("no address"), PLAIN},
    {N_("another key answers there"), PLAIN},
    {N_("cannot be reached"), PLAIN},
    {N_("the name cannot be resolved"), PLAIN},
    {N_("no answer, sent five times"), PLAIN},
    {N_("not delivered in time"), PLAIN},
    {N_("the other side could not read it"), PLAIN},
    {N_("the connection broke three times at this message"), PLAIN},
    {N_("no words to look for"), PLAIN},
    {N_("no message has this id"), PLAIN},
    {N_("too many questions at once: ask again"), PLAIN},
    {N_("refused"), PLAIN},
    {N_("forgotten"), PLAIN},
    {N_("a letter that cannot be read was thrown away"), PLAIN},
    {N_("a user's name is 1 to 127 bytes"), PLAIN},
    {N_("another log-in began"), PLAIN},
    {N_("closed without an answer three times"), PLAIN},
    {N_("he has not said where he listens: /register HOST PORT"), PLAIN},
    {N_("it has no key we can use"), PLAIN},
    {N_("it refuses our handshake"), PLAIN},
    {N_("it says that our id is taken: connected already, or not noticed yet "
	"that we left"),
     PLAIN},
    {N_("not logged in at a center"), PLAIN},
    {N_("too many questions at once"), PLAIN},
    {N_("somebody else answers there"), PLAIN},
    {N_("the center is not there any more"), PLAIN},
    {N_("the center does not answer"), PLAIN},
    {N_("the center refused"), PLAIN},
    {N_("this center does not know us: log in with a password"), PLAIN},
    {N_("the center refused: %s"), 1},
    {N_("the center has logged us off: %s"), 1},
    {N_("the account was removed"), PLAIN},
    {N_("accounts are being taken over: try again in a moment"), PLAIN},
    {N_("Logged on different location!"), PLAIN},
    {N_("%s to all: %s"), PLAIN},
    {N_("%s has logged on."), PLAIN},
    {N_("%s is offline."), PLAIN},
    {N_("%s wants your address: /allow %s gives it"), PLAIN},
    {N_("You can now privately message %s"), PLAIN},
    {N_("this is no message center"), PLAIN},
    {N_("logged out meanwhile"), PLAIN},
    {N_("%s more have come or gone there"), PLAIN},
    {N_("cannot be found"), PLAIN},
    {N_("center: %s"), PLAIN},
    {N_("nobody was given your address"), PLAIN},
    {N_("Request has been sent."), PLAIN},
    {N_("one in ten seconds"), PLAIN},
    {N_("nothing was said"), PLAIN},
    {N_("nobody of that name asked"), PLAIN},
    {N_("has gone offline. Please allow access when they are online again."),
     PLAIN},
    {N_("the list of blocked users is full"), PLAIN},
    {N_("not changed"), PLAIN},
    {N_("Welcome, %s !"), PLAIN},
    {N_("Incorrect username/password. %s more login attempts."), PLAIN},
    {N_("Too many login attempts: wait %s seconds."), PLAIN},
    {N_("a password is needed there, of 1 to 64 bytes"), PLAIN},
    {N_("a user's name is 1 to 64 characters without blanks"), PLAIN},
    {N_("asked; it comes when they allow it"), PLAIN},
    {N_("not delivered to some: they have blocked you"), PLAIN},
    {N_("not delivered: they have blocked you"), PLAIN},
    {N_("offline, or they have blocked you"), PLAIN},
    {N_("they are offline: the center keeps it for them"), PLAIN},
    {N_("what it sends needs a listener of ours: center-port in config.ini"),
     PLAIN},
    {N_("where they are is not known: /getaddress, and they /allow it"), PLAIN},
    {N_("your password would go over the network for anybody to read: add the "
	"word insecure if it may"),
     PLAIN},
    {N_("%s left before your address was there"), PLAIN},
    {N_("You have blocked %s"), PLAIN},
    {N_("You have unblocked %s"), PLAIN},
    {N_("%s does not register us"), PLAIN},
    {N_("a text of %s was lost"), PLAIN},
    {N_("our RSA key: %s"), PLAIN},
    {N_("%s is blocked"), PLAIN},
    {N_("%s is new and nobody checked the key: write %s, or trust it first"),
     PLAIN},
    {N_("%s has a new key from now on; the older messages stay under the old "
	"one"),
     PLAIN},
    {N_("%s is %s now, not %s"), PLAIN},
    {N_("%s~%s is not the %s you know"), PLAIN},
    {N_("%s messages wait for %s already"), PLAIN},
    {N_("%s has no acknowledgements to wait for; nothing was sent"), PLAIN},
    {N_("too long for %s: %s bytes; it holds %s of plain letters"), PLAIN},
    {N_("%s bytes; a message holds %s"), PLAIN},
    {N_("%s cannot carry that"), PLAIN},
    {N_("%s cannot be set here: nickname, trust-new, history can; with -s for "
	"the next start"),
     PLAIN},
    {N_("%s = %s: not a value of it"), PLAIN},
    {N_("%s: that is yourself"), PLAIN},
    {N_("%s:// is not in this program"), PLAIN},
    {N_("%s:// is not in this version"), PLAIN},
    {N_("%s has no usual port: %s://%s:PORT"), PLAIN},
    {N_("%s: nobody known by that name"), PLAIN},
    {N_("%s: nobody known there"), PLAIN},
    {N_("unanswered: %s"), PLAIN},
    {N_("to %s"), PLAIN},
    /* src/engine.c, src/client.c */
    {N_("the disk is full or failed"), PLAIN},
    {N_("the store cannot be read"), PLAIN},
    {N_("the engine's answer cannot be read"), PLAIN},
    {N_("the engine has ended"), PLAIN},
    {N_("%s cannot be written: no journal"), PLAIN},
    {N_("network: %s"), PLAIN},
    /* src/config_set.c, of what the screen sets */
    {N_("on or off"), PLAIN},
    {N_("24 or 12"), PLAIN},
    {N_("dark, light, contrast or none"), PLAIN},
    {N_("on, mentions or off"), PLAIN},
    /* what another one stands in */
    {N_("more than one: %s"), PLAIN},
    {N_("%s, not \"%s\""), 1},
    {N_("%s: %s"), 2},
};

struct holes {
	struct bytes at[HOLES];
	size_t n;
};

static struct bytes view(const char *s)
{
	return (struct bytes){(const uint8_t *)s, strlen(s)};
}

static bool same(const char *s, struct bytes t)
{
	return strlen(s) == t.n && memcmp(s, t.p, t.n) == 0;
}

/* One without a %s: however odd a name is, looking takes no time. */
static const struct phrase *whole(struct bytes s)
{
	for (size_t i = 0; i < sizeof(phrases) / sizeof(phrases[0]); i++)
		if (s.n && same(phrases[i].text, s))
			return &phrases[i];
	return NULL;
}

static bool fits(const char *p, struct bytes s, int reason, struct holes *h)
{
	while (*p && strncmp(p, "%s", 2) != 0) {
		if (!s.n || *s.p != (uint8_t)*p++)
			return false;
		s = (struct bytes){s.p + 1, s.n - 1};
	}
	if (!*p)
		return !s.n;
	size_t i = h->n++;
	for (size_t n = 1; n <= s.n; n++) {
		h->at[i] = (struct bytes){s.p, n};
		if ((int)i + 1 == reason && !whole(h->at[i]))
			continue;
		if (fits(p + 2, (struct bytes){s.p + n, s.n - n}, reason, h))
			return true;
	}
	h->n = i;
	return false;
}

static const struct phrase *find(struct bytes s, struct holes *h)
{
	for (size_t i = 0; i < sizeof(phrases) / sizeof(phrases[0]); i++) {
		*h = (struct holes){0};
		if (fits(phrases[i].text, s, phrases[i].reason, h))
			return &phrases[i];
	}
	return NULL;
}

static void put_text(struct buf *out, const char *s)
{
	buf_put(out, view(s));
}

/* A translation may name its places: %2$s. */
static size_t place(const char **p, size_t next)
{
	const char *s = *p;

	if (s[1] >= '1' && s[1] <= '9' && s[2] == '$' && s[3] == 's') {
		*p += 4;
		return (size_t)(s[1] - '1');
	}
	*p += 2;
	return next;
}

static void put(struct buf *out, struct bytes s)
{
	struct holes h;
	const struct phrase *phrase = find(s, &h);
	size_t next = 0;

	if (!phrase) {
		buf_put(out, s);
		return;
	}
	for (const char *p = words_of(phrase->text); *p;) {
		size_t n = strcspn(p, "%");
		buf_put(out, (struct bytes){(const uint8_t *)p, n});
		p += n;
		if (!*p)
			return;
		size_t i = place(&p, next++);
		if (i < h.n && (int)i + 1 == phrase->reason)
			put_text(out, _(whole(h.at[i])->text));
		else if (i < h.n)
			buf_put(out, h.at[i]);
	}
}

const char *words_said(char out[static SAID_MAX], const char *said)
{
	struct buf b = {0};

	if (strlen(said) < SAID_MAX)
		put(&b, view(said));
	else
		put_text(&b, said);
	size_t n = utf8_cut((struct bytes){b.p, b.n}, SAID_MAX - 1);
	if (n)
		memcpy(out, b.p, n);
	out[n] = '\0';
	buf_free(&b);
	return out;
}

const char *words_security(const char *code)
{
	static const char *const table[][2] = {
	    {"new_key", N_("a key never seen before")},
	    {"downgrade", N_("it was met encrypted before and is not now")},
	    {"hostile", N_("it broke the rules of the channel")},
	};

	for (size_t i = 0; code && i < sizeof(table) / sizeof(table[0]); i++)
		if (strcmp(table[i][0], code) == 0)
			return words_of(table[i][1]);
	return code ? code : "";
}
