#include "src/sql.h"
#include "src/store.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Pages go down from `before` or up from `after`, of one contact or of all. */
enum stmt { DOWN_ALL, DOWN_ONE, UP_ALL, UP_ONE, N_STMT };
#define ROWS                                                                   \
	"SELECT " SQL_MESSAGE_COLUMNS                                          \
	" FROM message m LEFT JOIN outbox o ON o.n = m.n"                      \
	" WHERE m.n > ?1 AND m.n < ?2"
#define OF_ONE " AND m.contact = ?4"

static const char *const text[N_STMT] = {
    [DOWN_ALL] = ROWS " ORDER BY m.n DESC LIMIT ?3",
    [DOWN_ONE] = ROWS OF_ONE " ORDER BY m.n DESC LIMIT ?3",
    [UP_ALL] = ROWS " ORDER BY m.n LIMIT ?3",
    [UP_ONE] = ROWS OF_ONE " ORDER BY m.n LIMIT ?3",
};

struct reader {
	sqlite3 *db;
	sqlite3_stmt *stmt[N_STMT];
};

enum err reader_open(const char *path, struct reader **out)
{
	struct reader *r = xmalloc(sizeof(*r));

	*r = (struct reader){0};
	enum err err = sql_open(path, SQL_READ, &r->db);
	if (!err)
		err = sql_fold(r->db);
	if (!err) {
		*out = r;
		return OK;
	}
	sqlite3_close(r->db);
	free(r);
	return err;
}

void reader_close(struct reader *r)
{
	if (!r)
		return;
	sql_finalize(r->stmt, N_STMT);
	sqlite3_close(r->db);
	free(r);
}

static void turn_round(struct page *p)
{
	for (size_t i = 0; i < p->n / 2; i++) {
		struct message *m = p->row[i];
		p->row[i] = p->row[p->n - 1 - i];
		p->row[p->n - 1 - i] = m;
	}
}

/* ---- searching ---- */

/* Rows up to the mark are found through the index, those behind it by looking
 * at each. A word of one or two characters is looked for everywhere. */
struct search {
	const struct query *q;
	char **word;
	message_n upto; /* the mark */
	bool indexed;   /* through the index; else one by one */
	size_t limit;
};

static size_t points(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

static bool for_index(const char *word)
{
	return points(word) >= 3;
}

static void put(struct buf *b, const char *s)
{
	buf_put(b, (struct bytes){(const uint8_t *)s, strlen(s)});
}

/* "one" AND "two", quotes doubled. */
static void match_text(const struct search *f, struct buf *b)
{
	for (char **w = f->word; *w; w++) {
		if (!for_index(*w))
			continue;
		put(b, b->n ? " AND \"" : "\"");
		for (const char *c = *w; *c; c++) {
			buf_put(b, (struct bytes){(const uint8_t *)c, 1});
			if (*c == '"')
				put(b, "\"");
		}
		put(b, "\"");
	}
}

static void search_sql(const struct search *f, struct buf *b)
{
	put(b, "SELECT " SQL_MESSAGE_COLUMNS " FROM ");
	put(b, f->indexed ? "found f JOIN message m ON m.n = f.rowid"
			  : "message m");
	put(b, " LEFT JOIN outbox o ON o.n = m.n WHERE ");
	put(b, f->indexed ? "found MATCH ?4 AND f.rowid > ?1 AND f.rowid < ?2"
			  : "m.n > ?1 AND m.n < ?2");
	if (f->q->with)
		put(b, " AND m.contact = ?3");
	for (size_t i = 0; f->word[i]; i++)
		if (!f->indexed || !for_index(f->word[i]))
			buf_printf(b, " AND instr(fold(m.text), ?%zu)", 5 + i);
	put(b, f->indexed ? " ORDER BY f.rowid DESC" : " ORDER BY m.n DESC");
	buf_put(b, (struct bytes){(const uint8_t *)"", 1});
}

static void search_bind(const struct search *f, sqlite3_stmt *s, message_n from,
			message_n to, const struct buf *match)
{
	sqlite3_bind_int64(s, 1, from);
	sqlite3_bind_int64(s, 2, to);
	if (f->q->with)
		sqlite3_bind_int64(s, 3, f->q->with);
	if (f->indexed)
		sqlite3_bind_text(s, 4, (const char *)match->p, (int)match->n,
				  SQLITE_STATIC);
	for (size_t i = 0; f->word[i]; i++)
		if (!f->indexed || !for_index(f->word[i]))
			sqlite3_bind_text(s, (int)(5 + i), f->word[i], -1,
					  SQLITE_STATIC);
}

/* Adds what is found between from and to, both left out, newest first. */
static int search_in(struct reader *r, const struct search *f, message_n from,
		     message_n to, struct page *p)
{
	struct buf sql = {0}, match = {0};
	sqlite3_stmt *s = NULL;
	int rc;

	search_sql(f, &sql);
	match_text(f, &match);
	rc = sqlite3_prepare_v2(r->db, (const char *)sql.p, -1, &s, NULL);
	if (rc == SQLITE_OK) {
		search_bind(f, s, from, to, &match);
		while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
			p->more = p->n == f->limit;
			if (p->more)
				break;
			p->row[p->n++] = sql_message(s);
		}
	}
	sqlite3_finalize(s);
	buf_free(&sql);
	buf_free(&match);
	return rc;
}

static int mark(struct reader *r, message_n *upto)
{
	sqlite3_stmt *s = NULL;
	int rc =
	    sqlite3_prepare_v2(r->db, "SELECT upto FROM indexed", -1, &s, NULL);

	if (rc == SQLITE_OK && (rc = sqlite3_step(s)) == SQLITE_ROW)
		*upto = sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);
	return rc;
}

static int search(struct reader *r, struct search *f, struct page *p)
{
	message_n before = f->q->before ? f->q->before : INT64_MAX;
	bool any = false;
	int rc = mark(r, &f->upto);

	for (char **w = f->word; *w; w++)
		any |= for_index(*w);
	if (!any)
		f->upto = 0;
	if (rc == SQLITE_ROW && before > f->upto)
		rc = search_in(r, f, f->upto, before, p);
	f->indexed = true;
	if (any && !p->more && (rc == SQLITE_ROW || rc == SQLITE_DONE))
		rc = search_in(r, f, 0,
			       before <= f->upto ? before : f->upto + 1, p);
	return rc;
}

static enum err search_page(struct reader *r, const struct query *q,
			    struct page *out)
{
	struct search f = {.q = q, .limit = q->limit ? q->limit : PAGE_USUAL};
	struct page p = {0};
	int rc = SQLITE_DONE;

	if (f.limit > PAGE_MAX)
		f.limit = PAGE_MAX;
	p.row = xmalloc(f.limit * sizeof(struct message *));
	f.word = sql_words(q->text);
	if (f.word[0]) {
		sqlite3_exec(r->db, "BEGIN", NULL, NULL, NULL);
		rc = search(r, &f, &p);
	}
	enum err err = sql_error(r->db, rc);
	int saved = errno;
	if (f.word[0])
		sqlite3_exec(r->db, "COMMIT", NULL, NULL, NULL);
	free(f.word);
	errno = saved;
	if (err) {
		page_free(&p);
		return err;
	}
	if (p.n)
		p.next = p.row[p.n - 1]->n;
	*out = p;
	return OK;
}

enum err reader_page(struct reader *r, const struct query *q, struct page *out)
{
	if (q->text)
		return search_page(r, q, out);

	bool up = q->after || (q->oldest && !q->before);
	int which = (up ? UP_ALL : DOWN_ALL) + (q->with != 0);
	sqlite3_stmt *s = sql_stmt(r->db, text[which], &r->stmt[which]);
	size_t limit = q->limit ? q->limit : PAGE_USUAL;
	struct page p = {0};
	int rc;

	if (limit > PAGE_MAX)
		limit = PAGE_MAX;
	p.row = xmalloc(limit * sizeof(struct message *));
	sqlite3_bind_int64(s, 1, q->after);
	sqlite3_bind_int64(s, 2, q->before ? q->before : INT64_MAX);
	sqlite3_bind_int64(s, 3, (int64_t)limit + 1);
	if (q->with)
		sqlite3_bind_int64(s, 4, q->with);
	while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
		p.more = p.n == limit;
		if (p.more)
			break;
		p.row[p.n++] = sql_message(s);
	}
	enum err err = sql_error(r->db, rc);
	int saved = errno;
	sqlite3_reset(s); /* at once: no read holds up a checkpoint */
	errno = saved;
	if (err) {
		page_free(&p);
		return err;
	}
	if (p.n)
		p.next = p.row[p.n - 1]->n;
	if (!up)
		turn_round(&p);
	*out = p;
	return OK;
}
