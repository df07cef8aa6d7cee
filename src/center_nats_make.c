#include "src/center_nats_impl.h"
#include <stdio.h>
#include <string.h>
/* The streams of a center, made by the first node. */

enum {
	TRIES = 3, /* to make a stream */
	PAUSE_MS = 500,
	STRIKES_MAX = 65536,
	NS_PER_S = 1000000000,
};

static enum err add_stream(struct nats *n, jsStreamConfig *c, const char *name,
			   const char *subject, char why[256])
{
	const struct nats_lib *l = &n->lib;
	const char *subjects[] = {subject};
	jsErrCode code = 0;
	jsOptions o;

	l->jsOptions_Init(&o);
	o.Wait = CENTER_CALL_MS;
	c->Name = name;
	c->Subjects = subjects;
	c->SubjectsLen = 1;
	c->Storage = js_FileStorage;
	if (c->MaxAge && c->Duplicates > c->MaxAge)
		c->Duplicates = c->MaxAge;
	natsStatus s = NATS_OK;
	/* servers that have just come up take a while to agree */
	for (int i = 0; i < TRIES; i++) {
		s = l->js_AddStream(NULL, n->js, c, &o, &code);
		if (s != NATS_TIMEOUT && code != JSClusterNotAvailErr)
			break;
		nats_pause(n, PAUSE_MS);
	}
	/* made by somebody with other rules: those hold */
	if (s == NATS_OK || code == JSStreamNameExistErr)
		return OK;
	return nats_tell(n, s, (int)code, why);
}

static enum err add_bucket(struct nats *n, const char *which, int64_t age_s,
			   unsigned replicas, char why[256])
{
	char name[NAME], subject[SUBJECT];
	jsStreamConfig c;

	nats_bucket(n, which, name);
	nats_key(n, which, ">", subject);
	n->lib.jsStreamConfig_Init(&c);
	c.MaxMsgsPerSubject = 1;
	c.MaxAge = age_s * NS_PER_S;
	c.Duplicates = INT64_C(120) * NS_PER_S;
	c.Replicas = replicas;
	c.AllowRollup = true;
	c.DenyDelete = true;
	c.Discard = js_DiscardNew;
	if (!strcmp(which, "strike")) { /* it must not lock anybody out */
		c.Discard = js_DiscardOld;
		c.MaxMsgs = STRIKES_MAX;
	}
	return add_stream(n, &c, name, subject, why);
}

static enum err add_mail(struct nats *n, unsigned shard, unsigned replicas,
			 char why[256])
{
	const struct center_rules *r = &n->base.rules;
	char name[NAME], subject[SUBJECT];
	jsStreamConfig c;

	snprintf(name, sizeof name, "%s_mail_%u", n->prefix, shard);
	snprintf(subject, sizeof subject, "%s.mail.%u.*", n->prefix, shard);
	n->lib.jsStreamConfig_Init(&c);
	c.MaxMsgsPerSubject = r->box_mails;
	c.Discard = js_DiscardNew;
	c.DiscardNewPerSubject = true;
	c.MaxAge = INT64_C(86400) * r->keep_days * NS_PER_S;
	c.Duplicates = INT64_C(1) * r->again_s * NS_PER_S;
	c.Replicas = replicas;
	return add_stream(n, &c, name, subject, why);
}

/* The first node says how many, for ever: a box must be found again. */
static enum err agree_shards(struct nats *n, unsigned wanted, char why[256])
{
	struct nats_put p = {.compare = true};
	char text[16], bucket[NAME];
	struct buf said = {0};
	int64_t deadline = nats_deadline();
	uint64_t seq;

	snprintf(text, sizeof text, "%u", wanted);
	p.data = (struct bytes){(const uint8_t *)text, strlen(text)};
	nats_key(n, "state", "meta.shards", p.subject);
	nats_bucket(n, "state", bucket);
	enum err err = nats_put(n, &p, 1, deadline);
	if (!err && (!p.err || p.err == ERR_EXISTS))
		err = nats_last(n, bucket, p.subject, &seq, &said, NULL,
				deadline);
	else
		err = err ? err : p.err;
	buf_put(&said, (struct bytes){(const uint8_t *)"", 1});
	if (!err && !nats_unsigned((char *)said.p, SHARDS_MAX, &n->shards))
		err = ERR_PARSE;
	buf_free(&said);
	if (err)
		snprintf(why, 256, "NATS: how many streams there are: %s",
			 err_text(err));
	return err;
}

static enum err how_many_copies(struct nats *n, unsigned *replicas,
				char why[256])
{
	bool modern = false;
	enum err err = nats_modern(n, &modern);

	if (err) {
		snprintf(why, 256, "NATS: %s", err_text(err));
	} else if (*replicas > 1 && !modern) {
		*replicas = 1;
		snprintf(why, 256,
			 "NATS: servers before 2.10 lose changes of accounts "
			 "that have replicas: letters alone get them");
	}
	return err;
}

static enum err make_buckets(struct nats *n, unsigned replicas, char why[256])
{
	static const int64_t DAY_S = 86400;
	const struct center_rules *r = &n->base.rules;
	enum err err = add_bucket(n, "state", 0, replicas, why);

	if (!err)
		err = add_bucket(n, "session", r->session_s, replicas, why);
	if (!err)
		err =
		    add_bucket(n, "strike", CENTER_PARDON_S + CENTER_PEN_MAX_S,
			       replicas, why);
	if (!err)
		err = add_bucket(n, "prekey", CENTER_PREKEY_DAYS * DAY_S,
				 replicas, why);
	return err;
}

enum err nats_make(struct nats *n, const struct nats_where *w,
		   char why[static 256])
{
	unsigned copies = w->replicas;
	enum err err = add_mail(n, 0, w->replicas, why);

	if (!err)
		err = how_many_copies(n, &copies, why);
	if (!err)
		err = make_buckets(n, copies, why);
	if (!err)
		err = agree_shards(n, w->shards, why);
	for (unsigned i = 1; i < n->shards && !err; i++)
		err = add_mail(n, i, w->replicas, why);
	return err;
}
