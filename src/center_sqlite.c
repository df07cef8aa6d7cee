#include "src/center_sqlite_file.h"
#include "src/queue.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* The center's store in this process. */

enum {
	SWEEP = 256,        /* letters that a tick looks at */
	PAGE = 256,         /* changes of presence told at once */
	STRIKES = 65536,    /* pairs of user and source */
	STRIKES_DROP = 1024 /* the oldest, when it is full */
};

enum stmt {
	S_BEGIN,
	S_COMMIT,
	S_ROLLBACK,
	S_ACCT,
	S_ACCT_SET,
	S_ACCT_DROP,
	S_ACCT_ALL,
	S_STRIKE,
	S_STRIKE_SET,
	S_STRIKE_DROP,
	S_STRIKE_OLD,
	S_STRIKE_PARDON,
	S_SESSION,
	S_SESSION_SET,
	S_SESSION_KEEP,
	S_SESSION_END,
	S_SESSION_OLD,
	S_FRESH,
	S_TOLD,
	S_GONE,
	S_ALL_FRESH,
	S_KNOWN,
	S_BOX,
	S_BOX_OLD,
	S_MAIL,
	S_MAIL_READ,
	S_MAIL_TRIM,
	S_SWEEP_TO,
	S_SWEEP,
	S_PREKEY,
	S_PREKEY_SET,
	S_PREKEY_OLD,
	N_STMT
};

static const char *const text[N_STMT] = {
    [S_BEGIN] = "BEGIN IMMEDIATE",
    [S_COMMIT] = "COMMIT",
    [S_ROLLBACK] = "ROLLBACK",
    [S_ACCT] = "SELECT rev, record FROM account WHERE user = ?1",
    [S_ACCT_SET] = "INSERT OR REPLACE INTO account(user, record)"
		   " VALUES(?1, ?2)",
    [S_ACCT_DROP] = "DELETE FROM account WHERE user = ?1",
    [S_ACCT_ALL] = "SELECT user, record FROM account",
    [S_STRIKE] = "SELECT tries, pens, until_ms, last_ms FROM live.strike"
		 " WHERE who = ?1",
    [S_STRIKE_SET] = "INSERT OR REPLACE INTO live.strike"
		     " VALUES(?1, ?2, ?3, ?4, ?5)",
    [S_STRIKE_DROP] = "DELETE FROM live.strike WHERE who = ?1",
    [S_STRIKE_OLD] = "DELETE FROM live.strike WHERE who IN (SELECT who FROM"
		     " live.strike ORDER BY last_ms LIMIT ?1)",
    [S_STRIKE_PARDON] = "DELETE FROM live.strike WHERE last_ms < ?1",
    [S_SESSION] = "SELECT token, node, old_node, until_ms FROM live.session"
		  " WHERE user = ?1",
    [S_SESSION_SET] =
	"INSERT INTO live.session VALUES(?1, ?2, ?3, ?4, ?5, 1, NULL)"
	" ON CONFLICT DO UPDATE SET token = ?2, node = ?3, old_node = ?4,"
	" until_ms = ?5, fresh = told IS NOT ?3",
    [S_SESSION_KEEP] = "UPDATE live.session SET until_ms = ?2 WHERE user = ?1",
    [S_SESSION_END] = "UPDATE live.session SET node = NULL, fresh = 1"
		      " WHERE user = ?1 AND token = ?2",
    [S_SESSION_OLD] = "UPDATE live.session SET node = NULL, fresh = 1"
		      " WHERE node IS NOT NULL AND until_ms <= ?1",
    [S_FRESH] = "SELECT user, node, told FROM live.session WHERE fresh"
		" LIMIT ?1",
    [S_TOLD] = "UPDATE live.session SET fresh = 0, told = node"
	       " WHERE user = ?1",
    [S_GONE] = "DELETE FROM live.session WHERE user = ?1 AND node IS NULL",
    [S_ALL_FRESH] = "UPDATE live.session SET fresh = 1, told = NULL",
    [S_KNOWN] = "SELECT seq FROM mail WHERE box = ?1 AND eid = ?2",
    [S_BOX] = "SELECT mails, bytes FROM box WHERE box = ?1",
    [S_BOX_OLD] = "DELETE FROM mail WHERE box = ?1 AND until_ms <= ?2",
    [S_MAIL] = "INSERT INTO mail(box, eid, until_ms, letter)"
	       " VALUES(?1, ?2, ?3, ?4)",
    [S_MAIL_READ] = "SELECT seq, eid, until_ms, letter FROM mail"
		    " WHERE box = ?1 AND seq > ?2 AND until_ms > ?3"
		    " ORDER BY seq LIMIT ?4",
    [S_MAIL_TRIM] = "DELETE FROM mail WHERE box = ?1 AND seq <= ?2",
    [S_SWEEP_TO] = "SELECT max(seq) FROM (SELECT seq FROM mail WHERE seq > ?1"
		   " ORDER BY seq LIMIT ?2)",
    [S_SWEEP] = "DELETE FROM mail WHERE seq > ?1 AND seq <= ?2"
		" AND until_ms <= ?3",
    [S_PREKEY] = "SELECT bundle FROM prekey WHERE id = ?1 AND until_ms > ?2",
    [S_PREKEY_SET] = "INSERT OR REPLACE INTO prekey VALUES(?1, ?2, ?3)",
    [S_PREKEY_OLD] = "DELETE FROM prekey WHERE until_ms <= ?1",
};

struct sqlite {
	struct center_backend base; /* first: they are one pointer */
	sqlite3 *db;
	sqlite3_stmt *stmt[N_STMT];
	const struct center_watch *watch; /* NULL: not asked for */
	char node[CENTER_NODE_MAX + 1];
	struct queue *news; /* of struct note; an empty one only wakes */
	bool woken;         /* one of these is on its way */
	unsigned strikes;   /* rows, at most */
	int64_t swept;      /* the number of the last letter looked at */
};

struct note {
	size_t n;
	uint8_t p[];
};

static struct sqlite *of(struct center_backend *b)
{
	return (struct sqlite *)(void *)b;
}

/* ---- statements ---- */

static struct bytes view(const char *s)
{
	return (struct bytes){(const uint8_t *)s, strlen(s)};
}

static struct bytes id_of(const struct uuid *u)
{
	return (struct bytes){u->b, sizeof u->b};
}

static sqlite3_stmt *stmt(struct sqlite *s, enum stmt which)
{
	return sql_stmt(s->db, text[which], &s->stmt[which]);
}

/* Steps once: *row says whether there is one. Reset it after use. */
static enum err step(struct sqlite *s, sqlite3_stmt *q, bool *row)
{
	int rc = sqlite3_step(q);
	enum err err = sql_error(s->db, rc);

	*row = rc == SQLITE_ROW;
	if (!*row)
		sqlite3_reset(q);
	return err;
}

static enum err run(struct sqlite *s, sqlite3_stmt *q)
{
	bool row;
	enum err err = step(s, q, &row);

	if (row)
		sqlite3_reset(q);
	return err;
}

static enum err begin(struct sqlite *s)
{
	return run(s, stmt(s, S_BEGIN));
}

/* Commits, or takes all back; err is that of the first thing that failed. */
static enum err end(struct sqlite *s, enum err err)
{
	int saved = errno;

	if (!err) {
		err = run(s, stmt(s, S_COMMIT));
		saved = errno;
	}
	/* some errors have taken it back already */
	if (err && !sqlite3_get_autocommit(s->db) &&
	    run(s, stmt(s, S_ROLLBACK)))
		err = ERR_SYS;
	errno = saved;
	return err;
}

/* The first number of the first row, or `none`. */
static enum err get_number(struct sqlite *s, sqlite3_stmt *q, int64_t none,
			   int64_t *out)
{
	bool row;
	enum err err = step(s, q, &row);

	*out = row ? sqlite3_column_int64(q, 0) : none;
	if (row)
		sqlite3_reset(q);
	return err;
}

/* ---- accounts ---- */

/* ERR_ABSENT: *rev is 0 then. The record is appended. */
static enum err record_get(struct sqlite *s, const char *user, uint64_t *rev,
			   struct buf *record)
{
	sqlite3_stmt *q = stmt(s, S_ACCT);
	bool row;

	*rev = 0;
	sql_bind_text(q, 1, view(user));
	enum err err = step(s, q, &row);
	if (err || !row)
		return err ? err : ERR_ABSENT;
	*rev = (uint64_t)sqlite3_column_int64(q, 0);
	buf_put(record, sql_bytes(q, 1));
	sqlite3_reset(q);
	return OK;
}

static enum err acct_get(struct center_backend *b, const char *user,
			 struct center_acct *out, uint64_t *rev)
{
	struct buf record = {0};
	enum err err = center_name_ok(user)
			   ? record_get(of(b), user, rev, &record)
			   : ERR_ABSENT;

	if (!err)
		err =
		    center_record_get((struct bytes){record.p, record.n}, out);
	buf_free(&record);
	return err;
}

static enum err acct_write(struct sqlite *s, const char *user,
			   struct bytes record, uint64_t *rev)
{
	sqlite3_stmt *q = stmt(s, record.n ? S_ACCT_SET : S_ACCT_DROP);

	sql_bind_text(q, 1, view(user));
	if (record.n)
		sql_bind_bytes(q, 2, record);
	enum err err = run(s, q);
	*rev = record.n ? (uint64_t)sqlite3_last_insert_rowid(s->db) : 0;
	return err;
}

/* An empty record removes it. */
static enum err acct_change(struct sqlite *s, const char *user,
			    struct bytes record, uint64_t expect, uint64_t *rev)
{
	struct buf now = {0};
	enum err err = record_get(s, user, rev, &now);

	buf_free(&now);
	if (err == ERR_ABSENT && !record.n)
		return OK;
	if (err && err != ERR_ABSENT)
		return err;
	if (*rev != expect)
		return ERR_EXISTS;
	return acct_write(s, user, record, rev);
}

static enum err acct_put(struct center_backend *b, const char *user,
			 const struct center_acct *acct, uint64_t expect,
			 uint64_t *rev)
{
	struct sqlite *s = of(b);
	struct buf record = {0};
	uint64_t new_rev = 0;

	if (!center_name_ok(user))
		return ERR_LIMIT;
	if (acct)
		center_record_put(&record, acct);
	enum err err = begin(s);
	if (!err) {
		err = acct_change(s, user, (struct bytes){record.p, record.n},
				  expect, &new_rev);
		err = end(s, err);
	}
	buf_free(&record);
	if (!err && rev)
		*rev = new_rev;
	return err;
}

static enum err acct_each(struct center_backend *b,
			  void (*each)(void *ctx, const char *user,
				       const struct center_acct *acct),
			  void *ctx)
{
	struct sqlite *s = of(b);
	sqlite3_stmt *q = stmt(s, S_ACCT_ALL);
	struct center_acct *a = xmalloc(sizeof *a);
	char user[CENTER_NAME_MAX + 1];
	enum err err;
	bool row;

	while (!(err = step(s, q, &row)) && row) {
		sql_copy_text(q, 0, user, sizeof user);
		err = center_record_get(sql_bytes(q, 1), a);
		if (err)
			break;
		each(ctx, user, a);
	}
	sqlite3_reset(q);
	free(a);
	return err;
}

/* ---- wrong tries ---- */

/* A user and a source are each without a NUL. */
static struct bytes pair(char out[CENTER_NAME_MAX + CENTER_SOURCE_MAX + 2],
			 const char *user, const char *source)
{
	size_t n = strlen(user) + 1, m = strlen(source);

	memcpy(out, user, n);
	memcpy(out + n, source, m);
	return (struct bytes){(const uint8_t *)out, n + m};
}

static enum err strikes_get(struct sqlite *s, struct bytes who,
			    struct center_strikes *out)
{
	sqlite3_stmt *q = stmt(s, S_STRIKE);
	bool row;

	*out = (struct center_strikes){0};
	sql_bind_bytes(q, 1, who);
	enum err err = step(s, q, &row);
	if (!row)
		return err;
	out->tries = (unsigned)sqlite3_column_int(q, 0);
	out->pens = (unsigned)sqlite3_column_int(q, 1);
	out->until_ms = sqlite3_column_int64(q, 2);
	out->last_ms = sqlite3_column_int64(q, 3);
	sqlite3_reset(q);
	return OK;
}

static enum err strikes_room(struct sqlite *s)
{
	sqlite3_stmt *q = stmt(s, S_STRIKE_OLD);

	if (s->strikes < STRIKES)
		return OK;
	s->strikes -= STRIKES_DROP;
	sqlite3_bind_int(q, 1, STRIKES_DROP);
	return run(s, q);
}

static enum err strikes_set(struct sqlite *s, struct bytes who,
			    const struct center_strikes *v)
{
	sqlite3_stmt *q = stmt(s, S_STRIKE_SET);
	enum err err = strikes_room(s);

	if (err)
		return err;
	s->strikes++; /* some are counted twice: it is a bound */
	sql_bind_bytes(q, 1, who);
	sqlite3_bind_int64(q, 2, v->tries);
	sqlite3_bind_int64(q, 3, v->pens);
	sqlite3_bind_int64(q, 4, v->until_ms);
	sqlite3_bind_int64(q, 5, v->last_ms);
	return run(s, q);
}

static enum err strikes_drop(struct sqlite *s, struct bytes who)
{
	sqlite3_stmt *q = stmt(s, S_STRIKE_DROP);

	sql_bind_bytes(q, 1, who);
	return run(s, q);
}

static enum err attempt(struct center_backend *b, const char *user,
			const char *source, enum center_try what,
			int64_t now_ms, struct center_pen *out)
{
	struct sqlite *s = of(b);
	char key[CENTER_NAME_MAX + CENTER_SOURCE_MAX + 2];
	struct center_strikes v;

	if (!center_name_ok(user) || !center_source_ok(source))
		return ERR_LIMIT;
	struct bytes who = pair(key, user, source);
	enum err err = strikes_get(s, who, &v);
	if (err)
		return err;
	enum err verdict = center_strike(&v, what, now_ms, out);
	if (what == TRY_GOOD)
		err = strikes_drop(s, who);
	else if (what == TRY_BEGIN && !verdict)
		err = strikes_set(s, who, &v);
	return err ? err : verdict;
}

/* ---- sessions ---- */

/* Something for tick; once is enough. */
static void wake(struct sqlite *s)
{
	struct note *nothing;

	if (!s->watch || s->woken)
		return;
	nothing = xzalloc(sizeof *nothing);
	s->woken = queue_push_kept(s->news, nothing);
	if (!s->woken)
		free(nothing);
}

struct session {
	bool there; /* and not over */
	bool ours;  /* of this token */
	char node[CENTER_NODE_MAX + 1], old_node[CENTER_NODE_MAX + 1];
};

static enum err session_get(struct sqlite *s, const char *user,
			    const struct uuid *token, int64_t now_ms,
			    struct session *out)
{
	sqlite3_stmt *q = stmt(s, S_SESSION);
	bool row;

	*out = (struct session){0};
	sql_bind_text(q, 1, view(user));
	enum err err = step(s, q, &row);
	if (!row)
		return err;
	struct bytes t = sql_bytes(q, 0);
	out->ours = t.n == sizeof token->b && !memcmp(t.p, token->b, t.n);
	sql_copy_text(q, 1, out->node, sizeof out->node);
	sql_copy_text(q, 2, out->old_node, sizeof out->old_node);
	out->there = out->node[0] && sqlite3_column_int64(q, 3) > now_ms;
	sqlite3_reset(q);
	return OK;
}

static int64_t session_end(const struct sqlite *s, int64_t now_ms)
{
	return now_ms + (int64_t)s->base.rules.session_s * 1000;
}

static enum err session_set(struct sqlite *s, const char *user,
			    const struct uuid *token, const char *node,
			    const char *old_node, int64_t now_ms)
{
	sqlite3_stmt *q = stmt(s, S_SESSION_SET);

	sql_bind_text(q, 1, view(user));
	sql_bind_bytes(q, 2, id_of(token));
	sql_bind_text(q, 3, view(node));
	sqlite3_bind_text(q, 4, old_node, -1, SQLITE_STATIC);
	sqlite3_bind_int64(q, 5, session_end(s, now_ms));
	enum err err = run(s, q);
	if (!err)
		wake(s);
	return err;
}

static enum err session_claim(struct center_backend *b, const char *user,
			      const struct uuid *token, const char *node,
			      int64_t now_ms,
			      char old_node[CENTER_NODE_MAX + 1])
{
	struct sqlite *s = of(b);
	struct session v;

	if (!center_name_ok(user) || !center_node_ok(node))
		return ERR_LIMIT;
	enum err err = session_get(s, user, token, now_ms, &v);
	if (err)
		return err;
	const char *old = !v.there ? "" : v.ours ? v.old_node : v.node;
	snprintf(old_node, CENTER_NODE_MAX + 1, "%s", old);
	return session_set(s, user, token, node, old_node, now_ms);
}

static enum err session_refresh(struct center_backend *b, const char *user,
				const struct uuid *token, int64_t now_ms)
{
	struct sqlite *s = of(b);
	struct session v;
	sqlite3_stmt *q = stmt(s, S_SESSION_KEEP);
	enum err err = session_get(s, user, token, now_ms, &v);

	if (err || !v.there)
		return err ? err : ERR_ABSENT;
	if (!v.ours)
		return ERR_AUTH;
	sql_bind_text(q, 1, view(user));
	sqlite3_bind_int64(q, 2, session_end(s, now_ms));
	return run(s, q);
}

static enum err session_drop(struct center_backend *b, const char *user,
			     const struct uuid *token)
{
	struct sqlite *s = of(b);
	sqlite3_stmt *q = stmt(s, S_SESSION_END);

	sql_bind_text(q, 1, view(user));
	sql_bind_bytes(q, 2, id_of(token));
	enum err err = run(s, q);
	if (!err && sqlite3_changes(s->db))
		wake(s);
	return err;
}

/* ---- letters ---- */

static enum err mail_known(struct sqlite *s, const struct center_mail *m,
			   int64_t *seq)
{
	sqlite3_stmt *q = stmt(s, S_KNOWN);

	sql_bind_bytes(q, 1, id_of(&m->box));
	sql_bind_bytes(q, 2, id_of(&m->eid));
	return get_number(s, q, 0, seq);
}

/* ERR_FULL: there is no room for m. */
static enum err box_look(struct sqlite *s, const struct center_mail *m)
{
	const struct center_rules *r = &s->base.rules;
	sqlite3_stmt *q = stmt(s, S_BOX);
	bool row;

	sql_bind_bytes(q, 1, id_of(&m->box));
	enum err err = step(s, q, &row);
	if (!row)
		return err;
	int64_t mails = sqlite3_column_int64(q, 0);
	int64_t bytes = sqlite3_column_int64(q, 1) + (int64_t)m->blob.n;
	sqlite3_reset(q);
	return mails >= r->box_mails || bytes > r->box_bytes ? ERR_FULL : OK;
}

/* What is over counts until the sweep comes by; a full box is not kept
 * waiting for it. */
static enum err box_room(struct sqlite *s, const struct center_mail *m,
			 int64_t now_ms)
{
	enum err err = box_look(s, m);
	sqlite3_stmt *q = stmt(s, S_BOX_OLD);

	if (err != ERR_FULL)
		return err;
	sql_bind_bytes(q, 1, id_of(&m->box));
	sqlite3_bind_int64(q, 2, now_ms);
	err = run(s, q);
	return err ? err : box_look(s, m);
}

static enum err mail_insert(struct sqlite *s, struct center_mail *m,
			    int64_t now_ms)
{
	const struct center_rules *r = &s->base.rules;
	sqlite3_stmt *q = stmt(s, S_MAIL);

	sql_bind_bytes(q, 1, id_of(&m->box));
	sql_bind_bytes(q, 2, id_of(&m->eid));
	sqlite3_bind_int64(q, 3, center_until(r, m->until_ms, now_ms));
	sqlite3_bind_blob(q, 4, m->blob.n ? (const void *)m->blob.p : "",
			  (int)m->blob.n, SQLITE_STATIC);
	enum err err = run(s, q);
	m->seq = err ? 0 : (uint64_t)sqlite3_last_insert_rowid(s->db);
	return err;
}

/* A full box is its letter's error alone; the rest is everybody's. */
static enum err mail_put(struct sqlite *s, struct center_mail *m,
			 int64_t now_ms)
{
	int64_t seq;
	enum err err = mail_known(s, m, &seq);

	if (err)
		return err;
	m->seq = (uint64_t)seq;
	if (seq)
		return OK;
	m->err = box_room(s, m, now_ms);
	if (m->err)
		return m->err == ERR_FULL ? OK : m->err;
	return mail_insert(s, m, now_ms);
}

static enum err mbox_append(struct center_backend *b, struct center_mail *m,
			    size_t n, int64_t now_ms)
{
	struct sqlite *s = of(b);

	if (!center_mails_ok(m, n))
		return n > CENTER_BATCH_MAX ? ERR_LIMIT : OK;
	enum err err = begin(s);
	if (err)
		return err;
	for (size_t i = 0; i < n && !err; i++)
		if (!m[i].err)
			err = mail_put(s, &m[i], now_ms);
	return end(s, err);
}

static enum err mbox_read(struct center_backend *b, const struct uuid *box,
			  uint64_t after, size_t max, int64_t now_ms,
			  void (*each)(void *ctx, const struct center_mail *m),
			  void *ctx)
{
	struct sqlite *s = of(b);
	sqlite3_stmt *q = stmt(s, S_MAIL_READ);
	enum err err;
	bool row;

	if (after > INT64_MAX)
		return OK;
	sql_bind_bytes(q, 1, id_of(box));
	sqlite3_bind_int64(q, 2, (int64_t)after);
	sqlite3_bind_int64(q, 3, now_ms);
	sqlite3_bind_int64(
	    q, 4, max < CENTER_BATCH_MAX ? (int64_t)max : CENTER_BATCH_MAX);
	while (!(err = step(s, q, &row)) && row) {
		struct center_mail m = {.box = *box, .blob = sql_bytes(q, 3)};

		m.seq = (uint64_t)sqlite3_column_int64(q, 0);
		sql_copy_bytes(q, 1, m.eid.b, sizeof m.eid.b);
		m.until_ms = sqlite3_column_int64(q, 2);
		each(ctx, &m);
	}
	return err;
}

static enum err mbox_trim(struct center_backend *b, const struct uuid *box,
			  uint64_t upto)
{
	struct sqlite *s = of(b);
	sqlite3_stmt *q = stmt(s, S_MAIL_TRIM);

	sql_bind_bytes(q, 1, id_of(box));
	sqlite3_bind_int64(q, 2, upto < INT64_MAX ? (int64_t)upto : INT64_MAX);
	return run(s, q);
}

/* ---- prekeys ---- */

static enum err prekey_put(struct center_backend *b, const struct uuid *id,
			   struct bytes bundle, int64_t now_ms)
{
	static const int64_t DAY_MS = 86400000;
	struct sqlite *s = of(b);
	sqlite3_stmt *q = stmt(s, S_PREKEY_SET);

	if (!bundle.n || bundle.n > CENTER_BUNDLE_MAX)
		return ERR_LIMIT;
	sql_bind_bytes(q, 1, id_of(id));
	sqlite3_bind_int64(q, 2, now_ms + CENTER_PREKEY_DAYS * DAY_MS);
	sql_bind_bytes(q, 3, bundle);
	return run(s, q);
}

static enum err prekey_get(struct center_backend *b, const struct uuid *id,
			   int64_t now_ms, struct buf *out)
{
	struct sqlite *s = of(b);
	sqlite3_stmt *q = stmt(s, S_PREKEY);
	bool row;

	sql_bind_bytes(q, 1, id_of(id));
	sqlite3_bind_int64(q, 2, now_ms);
	enum err err = step(s, q, &row);
	if (err || !row)
		return err ? err : ERR_ABSENT;
	buf_put(out, sql_bytes(q, 0));
	sqlite3_reset(q);
	return OK;
}

/* ---- news ---- */

static enum err notify(struct center_backend *b, const char *node,
		       struct bytes note)
{
	struct sqlite *s = of(b);

	if ((node && !center_node_ok(node)) || !note.n ||
	    note.n > CENTER_NOTE_MAX)
		return ERR_LIMIT;
	if (!s->watch || (node && strcmp(node, s->node)))
		return OK; /* nobody is there */
	struct note *n = xmalloc(sizeof *n + note.n);
	n->n = note.n;
	memcpy(n->p, note.p, note.n);
	if (!queue_push(s->news, n))
		free(n);
	return OK;
}

static enum err watch(struct center_backend *b, const char *node,
		      const struct center_watch *w)
{
	struct sqlite *s = of(b);

	if (!center_node_ok(node))
		return ERR_LIMIT;
	snprintf(s->node, sizeof s->node, "%s", node);
	s->watch = w;
	wake(s);
	return run(s, stmt(s, S_ALL_FRESH));
}

static void tell_notes(struct sqlite *s)
{
	for (int i = 0; i < CENTER_NOTES_MAX; i++) {
		struct note *n = queue_pop(s->news);

		if (!n)
			return;
		if (!n->n)
			s->woken = false;
		else
			s->watch->note(s->watch->ctx,
				       (struct bytes){n->p, n->n});
		free(n);
	}
}

struct change {
	char user[CENTER_NAME_MAX + 1], node[CENTER_NODE_MAX + 1];
	bool known; /* was told to be somewhere */
};

static enum err changes_get(struct sqlite *s, struct change *c, size_t *n)
{
	sqlite3_stmt *q = stmt(s, S_FRESH);
	enum err err;
	bool row;

	*n = 0;
	sqlite3_bind_int(q, 1, PAGE);
	while (!(err = step(s, q, &row)) && row) {
		sql_copy_text(q, 0, c[*n].user, sizeof c->user);
		sql_copy_text(q, 1, c[*n].node, sizeof c->node);
		c[*n].known = sqlite3_column_type(q, 2) != SQLITE_NULL;
		++*n;
	}
	return err;
}

static enum err change_told(struct sqlite *s, const struct change *c)
{
	sqlite3_stmt *q = stmt(s, c->node[0] ? S_TOLD : S_GONE);

	sql_bind_text(q, 1, view(c->user));
	return run(s, q);
}

static enum err tell(struct sqlite *s, const struct change *c)
{
	const struct center_watch *w = s->watch;
	enum err err = change_told(s, c);

	if (!err && w && (c->node[0] || c->known))
		w->presence(w->ctx, c->user, c->node[0] ? c->node : NULL);
	return err;
}

/* Statements are closed before somebody is told. */
static enum err tell_presence(struct sqlite *s)
{
	struct change *c = xmalloc(PAGE * sizeof *c);
	enum err err;
	size_t n;

	do {
		err = changes_get(s, c, &n);
		for (size_t i = 0; i < n && !err; i++)
			err = tell(s, &c[i]);
	} while (!err && n == PAGE);
	free(c);
	return err;
}

/* ---- what is over ---- */

static enum err forget(struct sqlite *s, enum stmt which, int64_t before_ms)
{
	sqlite3_stmt *q = stmt(s, which);

	sqlite3_bind_int64(q, 1, before_ms);
	return run(s, q);
}

/* A few letters, round and round: no index is kept for it. */
static enum err sweep(struct sqlite *s, int64_t now_ms)
{
	sqlite3_stmt *to = stmt(s, S_SWEEP_TO), *q = stmt(s, S_SWEEP);
	int64_t upto;

	sqlite3_bind_int64(to, 1, s->swept);
	sqlite3_bind_int(to, 2, SWEEP);
	enum err err = get_number(s, to, 0, &upto);
	if (err || !upto) {
		s->swept = 0;
		return err;
	}
	sqlite3_bind_int64(q, 1, s->swept);
	sqlite3_bind_int64(q, 2, upto);
	sqlite3_bind_int64(q, 3, now_ms);
	s->swept = upto;
	return run(s, q);
}

static enum err tick(struct center_backend *b, int64_t now_ms)
{
	struct sqlite *s = of(b);
	enum err err = forget(s, S_SESSION_OLD, now_ms);

	if (s->watch)
		tell_notes(s);
	if (!err)
		err = tell_presence(s);
	if (!err)
		err = forget(s, S_STRIKE_PARDON,
			     now_ms - INT64_C(1000) *
					  (CENTER_PARDON_S + CENTER_PEN_MAX_S));
	if (!err)
		err = forget(s, S_PREKEY_OLD, now_ms);
	return err ? err : sweep(s, now_ms);
}

/* ---- opening ---- */

static void sqlite_close(struct center_backend *b)
{
	struct sqlite *s = of(b);

	for (struct note *n; (n = queue_pop(s->news));)
		free(n);
	queue_free(s->news);
	sql_finalize(s->stmt, N_STMT);
	sqlite3_close(s->db);
	free(s);
}

static const struct center_backend calls = {
    .name = "sqlite",
    .acct_get = acct_get,
    .acct_put = acct_put,
    .acct_each = acct_each,
    .attempt = attempt,
    .session_claim = session_claim,
    .session_refresh = session_refresh,
    .session_drop = session_drop,
    .mbox_append = mbox_append,
    .mbox_read = mbox_read,
    .mbox_trim = mbox_trim,
    .prekey_put = prekey_put,
    .prekey_get = prekey_get,
    .notify = notify,
    .watch = watch,
    .tick = tick,
    .close = sqlite_close,
};

enum err center_sqlite_open(const char *path, const struct center_rules *rules,
			    struct center_backend **out, char why[static 256])
{
	struct sqlite *s = xzalloc(sizeof *s);

	s->base = calls;
	s->base.rules = *rules;
	s->news = queue_new(CENTER_NOTES_MAX, 1);
	s->base.fd = queue_fd(s->news);
	enum err err = center_sqlite_file(path, &s->db, why);
	if (!err) {
		*out = &s->base;
		return OK;
	}
	int saved = errno;
	sqlite_close(&s->base);
	errno = saved;
	return err;
}
