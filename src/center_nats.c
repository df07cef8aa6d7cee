#include "src/center_nats_impl.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* What is asked of NATS JetStream. Where two may come at once, a message is
 * only taken on top of the one that was read: compare-and-set. */

enum {
	RACES = 16, /* somebody else was quicker: again, so often */
	PAGE = 256
};

static struct bytes view(const char *s)
{
	return (struct bytes){(const uint8_t *)s, strlen(s)};
}

static struct bytes of_buf(const struct buf *b)
{
	return (struct bytes){b->p, b->n};
}

/* One message; what became of it. */
static enum err put_one(struct nats *n, struct nats_put *p, int64_t deadline)
{
	enum err err = nats_put(n, p, 1, deadline);

	return err ? err : p->err;
}

/* A key of a bucket: read, then written on top of what was read. */
struct cell {
	char bucket[NAME], subject[SUBJECT];
	int64_t deadline;
	uint64_t seq; /* of what was read */
	bool there;
	struct buf value; /* what was read, and a NUL behind it */
};

static struct cell cell_of(struct nats *n, const char *which, const char *key)
{
	struct cell c = {.deadline = nats_deadline()};

	nats_bucket(n, which, c.bucket);
	nats_key(n, which, key, c.subject);
	return c;
}

static enum err cell_read(struct nats *n, struct cell *c)
{
	c->value.n = 0;
	enum err err = nats_last(n, c->bucket, c->subject, &c->seq, &c->value,
				 NULL, c->deadline);

	c->there = !err;
	buf_put(&c->value, (struct bytes){(const uint8_t *)"", 1});
	c->value.n--;
	return err == ERR_ABSENT ? OK : err;
}

/* ERR_EXISTS: it is not what was read any more. */
static enum err cell_write(struct nats *n, struct cell *c, struct bytes value,
			   bool gone)
{
	struct nats_put p = {
	    .data = value, .compare = true, .expect = c->seq, .gone = gone};

	memcpy(p.subject, c->subject, sizeof p.subject);
	enum err err = put_one(n, &p, c->deadline);
	if (!err)
		c->seq = p.seq;
	return err;
}

static void cell_free(struct cell *c)
{
	buf_free(&c->value);
}

/* ---- accounts ---- */

static struct cell account_of(struct nats *n, const char *user)
{
	char key[16 + 2 * CENTER_NAME_MAX] = "account.";

	nats_user_key(user, key + strlen(key));
	return cell_of(n, "state", key);
}

static enum err acct_get(struct center_backend *b, const char *user,
			 struct center_acct *out, uint64_t *rev)
{
	struct nats *n = nats_of(b);

	if (!center_name_ok(user))
		return ERR_ABSENT;
	struct cell c = account_of(n, user);
	enum err err = cell_read(n, &c);
	if (!err && !c.there)
		err = ERR_ABSENT;
	if (!err)
		err = center_record_get(of_buf(&c.value), out);
	*rev = c.seq;
	cell_free(&c);
	return err;
}

/* A mark that it is gone is as good as none. */
static enum err acct_change(struct nats *n, struct cell *c, struct bytes record,
			    uint64_t expect)
{
	enum err err = cell_read(n, c);

	if (err || (!c->there && !record.n))
		return err;
	if ((c->there ? c->seq : 0) != expect)
		return ERR_EXISTS;
	return cell_write(n, c, record, !record.n);
}

static enum err acct_put(struct center_backend *b, const char *user,
			 const struct center_acct *acct, uint64_t expect,
			 uint64_t *rev)
{
	struct nats *n = nats_of(b);
	struct buf record = {0};

	if (!center_name_ok(user))
		return ERR_LIMIT;
	if (acct)
		center_record_put(&record, acct);
	struct cell c = account_of(n, user);
	enum err err = acct_change(n, &c, of_buf(&record), expect);
	if (!err && rev)
		*rev = acct ? c.seq : 0;
	cell_free(&c);
	buf_free(&record);
	return err;
}

struct listing {
	void (*each)(void *ctx, const char *user, const struct center_acct *a);
	void *ctx;
	struct center_acct acct;
	enum err err;
};

static bool list_one(void *ctx, const struct nats_seen *m)
{
	const char *key = strrchr(m->subject, '.');
	char user[CENTER_NAME_MAX + 1];
	struct listing *l = ctx;

	if (m->gone)
		return true;
	if (!key || !nats_key_user(key + 1, user))
		l->err = ERR_PARSE;
	else
		l->err = center_record_get(m->data, &l->acct);
	if (l->err)
		return false;
	l->each(l->ctx, user, &l->acct);
	return true;
}

static enum err acct_each(struct center_backend *b,
			  void (*each)(void *ctx, const char *user,
				       const struct center_acct *acct),
			  void *ctx)
{
	struct nats *n = nats_of(b);
	struct listing *l = xzalloc(sizeof *l);
	char bucket[NAME], subject[SUBJECT];

	l->each = each;
	l->ctx = ctx;
	nats_bucket(n, "state", bucket);
	nats_key(n, "state", "account.*", subject);
	enum err err =
	    nats_pull(n, bucket, subject, 0, PAGE, false, list_one, l, 0);
	if (!err)
		err = l->err;
	free(l);
	return err;
}

/* ---- wrong tries ---- */

static struct cell strikes_of(struct nats *n, const char *user,
			      const char *source)
{
	struct buf pair = {0};
	uint8_t sum[32];
	char key[33];

	buf_put(&pair, (struct bytes){(const uint8_t *)user, strlen(user) + 1});
	buf_put(&pair, view(source));
	digest(sum, of_buf(&pair));
	buf_free(&pair);
	center_hex(key, sum, 16);
	return cell_of(n, "strike", key);
}

static enum err strikes_read(struct nats *n, struct cell *c,
			     struct center_strikes *out)
{
	long long until, last;
	enum err err = cell_read(n, c);

	*out = (struct center_strikes){0};
	if (err || !c->there)
		return err;
	if (sscanf((const char *)c->value.p, "%9u %9u %18lld %18lld",
		   &out->tries, &out->pens, &until, &last) != 4 ||
	    out->tries >= CENTER_TRIES)
		return ERR_PARSE;
	out->until_ms = until;
	out->last_ms = last;
	return OK;
}

static enum err strikes_write(struct nats *n, struct cell *c,
			      const struct center_strikes *s)
{
	char text[80];

	snprintf(text, sizeof text, "%u %u %lld %lld", s->tries, s->pens,
		 (long long)s->until_ms, (long long)s->last_ms);
	return cell_write(n, c, view(text), false);
}

/* Once; ERR_EXISTS: another node was quicker. */
static enum err try_once(struct nats *n, struct cell *c, enum center_try what,
			 int64_t now_ms, struct center_pen *out)
{
	struct center_strikes s;
	enum err err = strikes_read(n, c, &s);

	if (err)
		return err;
	enum err verdict = center_strike(&s, what, now_ms, out);
	if (what == TRY_GOOD && c->there)
		err = cell_write(n, c, view(""), true);
	else if (what == TRY_BEGIN && !verdict)
		err = strikes_write(n, c, &s);
	return err ? err : verdict;
}

static enum err attempt(struct center_backend *b, const char *user,
			const char *source, enum center_try what,
			int64_t now_ms, struct center_pen *out)
{
	struct nats *n = nats_of(b);
	enum err err = ERR_EXISTS;

	if (!center_name_ok(user) || !center_source_ok(source))
		return ERR_LIMIT;
	struct cell c = strikes_of(n, user, source);
	for (int i = 0; i < RACES && err == ERR_EXISTS; i++)
		err = try_once(n, &c, what, now_ms, out);
	cell_free(&c);
	return err == ERR_EXISTS ? ERR_CLOSED : err;
}

/* ---- sessions ---- */

static struct cell session_of(struct nats *n, const char *user)
{
	char key[2 * CENTER_NAME_MAX + 1];

	nats_user_key(user, key);
	return cell_of(n, "session", key);
}

struct session {
	bool there, ours;
	char node[CENTER_NODE_MAX + 1], old_node[CENTER_NODE_MAX + 1];
};

static enum err session_read(struct nats *n, struct cell *c,
			     const struct uuid *token, struct session *out)
{
	char hex[33], wanted[33];
	enum err err = cell_read(n, c);

	*out = (struct session){.there = c->there};
	if (err || !c->there)
		return err;
	_Static_assert(CENTER_NODE_MAX == 32, "the numbers below");
	if (sscanf((const char *)c->value.p, "%32s %32s %32s", hex, out->node,
		   out->old_node) != 3)
		return ERR_PARSE;
	if (!strcmp(out->old_node, "-"))
		out->old_node[0] = 0;
	center_hex(wanted, token->b, sizeof token->b);
	out->ours = !strcmp(hex, wanted);
	return OK;
}

static enum err session_write(struct nats *n, struct cell *c,
			      const struct uuid *token, const char *node,
			      const char *old_node)
{
	char hex[33], text[128];

	center_hex(hex, token->b, sizeof token->b);
	snprintf(text, sizeof text, "%s %s %s", hex, node,
		 *old_node ? old_node : "-");
	return cell_write(n, c, view(text), false);
}

static enum err claim_once(struct nats *n, struct cell *c,
			   const struct uuid *token, const char *node,
			   char old_node[CENTER_NODE_MAX + 1])
{
	struct session s;
	enum err err = session_read(n, c, token, &s);

	if (err)
		return err;
	snprintf(old_node, CENTER_NODE_MAX + 1, "%s",
		 !s.there ? ""
		 : s.ours ? s.old_node
			  : s.node);
	return session_write(n, c, token, node, old_node);
}

static enum err session_claim(struct center_backend *b, const char *user,
			      const struct uuid *token, const char *node,
			      int64_t now_ms,
			      char old_node[CENTER_NODE_MAX + 1])
{
	struct nats *n = nats_of(b);
	enum err err = ERR_EXISTS;

	(void)now_ms; /* the servers' clock counts */
	if (!center_name_ok(user) || !center_node_ok(node))
		return ERR_LIMIT;
	struct cell c = session_of(n, user);
	for (int i = 0; i < RACES && err == ERR_EXISTS; i++)
		err = claim_once(n, &c, token, node, old_node);
	cell_free(&c);
	return err == ERR_EXISTS ? ERR_CLOSED : err;
}

/* Written again: it is a new one to the servers, and to those who watch. */
static enum err refresh_once(struct nats *n, struct cell *c,
			     const struct uuid *token)
{
	struct session s;
	enum err err = session_read(n, c, token, &s);

	if (err || !s.there)
		return err ? err : ERR_ABSENT;
	if (!s.ours)
		return ERR_AUTH;
	return cell_write(n, c, of_buf(&c->value), false);
}

static enum err session_refresh(struct center_backend *b, const char *user,
				const struct uuid *token, int64_t now_ms)
{
	struct nats *n = nats_of(b);
	enum err err = ERR_EXISTS;

	(void)now_ms;
	if (!center_name_ok(user))
		return ERR_ABSENT;
	struct cell c = session_of(n, user);
	for (int i = 0; i < RACES && err == ERR_EXISTS; i++)
		err = refresh_once(n, &c, token);
	cell_free(&c);
	return err == ERR_EXISTS ? ERR_CLOSED : err;
}

static enum err drop_once(struct nats *n, struct cell *c,
			  const struct uuid *token)
{
	struct session s;
	enum err err = session_read(n, c, token, &s);

	if (err || !s.there || !s.ours)
		return err;
	return cell_write(n, c, view(""), true);
}

static enum err session_drop(struct center_backend *b, const char *user,
			     const struct uuid *token)
{
	struct nats *n = nats_of(b);
	enum err err = ERR_EXISTS;

	if (!center_name_ok(user))
		return OK;
	struct cell c = session_of(n, user);
	for (int i = 0; i < RACES && err == ERR_EXISTS; i++)
		err = drop_once(n, &c, token);
	cell_free(&c);
	return err == ERR_EXISTS ? ERR_CLOSED : err;
}

/* ---- prekeys ---- */

static void prekey_of(struct nats *n, const struct uuid *id, char bucket[NAME],
		      char subject[SUBJECT])
{
	char key[33];

	center_hex(key, id->b, sizeof id->b);
	nats_bucket(n, "prekey", bucket);
	nats_key(n, "prekey", key, subject);
}

static enum err prekey_put(struct center_backend *b, const struct uuid *id,
			   struct bytes bundle, int64_t now_ms)
{
	static const int64_t DAY_MS = 86400000;
	struct nats *n = nats_of(b);
	struct nats_put p = {.data = bundle,
			     .until_ms = now_ms + CENTER_PREKEY_DAYS * DAY_MS};
	char bucket[NAME];

	if (!bundle.n || bundle.n > CENTER_BUNDLE_MAX)
		return ERR_LIMIT;
	prekey_of(n, id, bucket, p.subject);
	return put_one(n, &p, nats_deadline());
}

static enum err prekey_get(struct center_backend *b, const struct uuid *id,
			   int64_t now_ms, struct buf *out)
{
	struct nats *n = nats_of(b);
	char bucket[NAME], subject[SUBJECT];
	struct buf got = {0};
	int64_t until_ms = 0;
	uint64_t seq;

	prekey_of(n, id, bucket, subject);
	enum err err = nats_last(n, bucket, subject, &seq, &got, &until_ms,
				 nats_deadline());
	if (!err && until_ms <= now_ms)
		err = ERR_ABSENT;
	if (!err)
		buf_put(out, of_buf(&got));
	buf_free(&got);
	return err;
}

/* ---- notes ---- */

static enum err notify(struct center_backend *b, const char *node,
		       struct bytes note)
{
	struct nats *n = nats_of(b);
	char subject[SUBJECT];

	if ((node && !center_node_ok(node)) || !note.n ||
	    note.n > CENTER_NOTE_MAX)
		return ERR_LIMIT;
	snprintf(subject, sizeof subject, "%s.note%s%s", n->prefix,
		 node ? "." : "", node ? node : "");
	return nats_error(
	    n->lib.natsConnection_Publish(n->nc, subject, note.p, (int)note.n),
	    0);
}

/* ---- opening ---- */

static void nats_close(struct center_backend *b)
{
	struct nats *n = nats_of(b);

	nats_watch_end(n);
	nats_unlink(n);
	ears_release(n->ears);
	free(n);
}

static const struct center_backend calls = {
    .name = "nats",
    .acct_get = acct_get,
    .acct_put = acct_put,
    .acct_each = acct_each,
    .attempt = attempt,
    .session_claim = session_claim,
    .session_refresh = session_refresh,
    .session_drop = session_drop,
    .mbox_append = nats_mbox_append,
    .mbox_read = nats_mbox_read,
    .mbox_trim = nats_mbox_trim,
    .prekey_put = prekey_put,
    .prekey_get = prekey_get,
    .notify = notify,
    .watch = nats_watch,
    .tick = nats_tick,
    .close = nats_close,
};

static enum err open_at(const struct nats_where *w,
			const struct center_rules *rules,
			struct center_backend **out, char why[256])
{
	struct nats *n = xzalloc(sizeof *n);

	n->base = calls;
	n->base.rules = *rules;
	if (!nats_lib_load(&n->lib)) {
		snprintf(why, 256, "NATS: libnats is not installed");
		free(n);
		return ERR_STATE;
	}
	n->ears = ears_new(&n->lib);
	n->base.fd = queue_fd(n->ears->news);
	enum err err = nats_link(n, w, why);
	if (err)
		nats_close(&n->base);
	else
		*out = &n->base;
	return err;
}

enum err center_nats_open(const char *url, const struct center_rules *rules,
			  struct center_backend **out, char why[static 256])
{
	struct nats_where w;
	enum err err = nats_where(url, &w, why);

	if (!err)
		err = open_at(&w, rules, out, why);
	nats_where_free(&w);
	return err;
}
