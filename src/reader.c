#include "src/sql.h"
#include "src/store.h"
#include <errno.h>
#include <stdlib.h>

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
	if (!err) {
		*out = r;
		return OK;
	}
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

enum err reader_page(struct reader *r, const struct query *q, struct page *out)
{
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
