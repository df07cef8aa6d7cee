/* The floor under reading and searching a long conversation: one thread,
 * ncurses and SQLite, no model, nothing kept but the page that is shown.
 *
 *   floor_store FILE   the store of make_store. Keys: PgUp shows the page
 *                      before; @N and Enter the one that ends at message N;
 *                      /WORD and Enter what a search finds, newest first.
 */
#include "src/sql.h"
#include <curses.h>
#include <locale.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct pager {
	WINDOW *pane, *input;
	sqlite3 *db;
	sqlite3_stmt *page, *found;
	int64_t before; /* the oldest one shown */
	char line[128];
	size_t n_line;
};

static sqlite3_stmt *prepare(struct pager *p, const char *text)
{
	sqlite3_stmt *s;

	if (sqlite3_prepare_v2(p->db, text, -1, &s, NULL) != SQLITE_OK)
		exit(1);
	return s;
}

static void start(struct pager *p, const char *path)
{
	if (sqlite3_open_v2(path, &p->db, SQLITE_OPEN_READONLY, NULL))
		exit(1);
	p->page = prepare(
	    p, "SELECT " SQL_MESSAGE_COLUMNS
	       " FROM message m LEFT JOIN outbox o ON o.n = m.n"
	       " WHERE m.n < ?1 AND m.contact = 1 ORDER BY m.n DESC LIMIT 51");
	p->found =
	    prepare(p, "SELECT " SQL_MESSAGE_COLUMNS
		       " FROM found f JOIN message m ON m.n = f.rowid"
		       " LEFT JOIN outbox o ON o.n = m.n WHERE found MATCH ?1"
		       " ORDER BY f.rowid DESC LIMIT 129");
	p->before = INT64_MAX;
	initscr();
	raw();
	noecho();
	nonl();
	start_color();
	use_default_colors();
	init_pair(1, COLOR_CYAN, -1);
	p->pane = newwin(LINES - 1, COLS, 0, 0);
	p->input = newwin(1, COLS, LINES - 1, 0);
	nodelay(p->input, TRUE);
	keypad(p->input, TRUE);
}

static void paint_row(struct pager *p, int y, const struct message *m)
{
	time_t at = (time_t)(m->stored_ms / 1000);
	char clock[8];

	strftime(clock, sizeof clock, "%H:%M", localtime(&at));
	wattrset(p->pane, A_DIM);
	mvwaddstr(p->pane, y, 0, clock);
	wattrset(p->pane, A_BOLD | COLOR_PAIR(1));
	mvwaddstr(p->pane, y, 6, m->incoming ? "deep" : "self");
	wattrset(p->pane, A_NORMAL);
	mvwaddnstr(p->pane, y, 12, m->text, COLS - 12);
}

/* Every row is read, as many as fit are painted: up from the lower edge, or
 * down from the upper one. */
static void show(struct pager *p, sqlite3_stmt *s, bool up)
{
	int rows = getmaxy(p->pane), k = 0;

	werase(p->pane);
	for (; sqlite3_step(s) == SQLITE_ROW; k++) {
		struct message *m = sql_message(s);

		if (k < rows) {
			paint_row(p, up ? rows - 1 - k : k, m);
			if (up)
				p->before = m->n;
		}
		message_free(m);
	}
	sqlite3_reset(s);
	wnoutrefresh(p->pane);
}

static void page(struct pager *p)
{
	sqlite3_bind_int64(p->page, 1, p->before);
	show(p, p->page, true);
}

static void enter(struct pager *p)
{
	char match[140];

	p->line[p->n_line] = 0;
	p->n_line = 0;
	if (p->line[0] == '@') {
		p->before = atoll(p->line + 1) + 1;
		page(p);
		return;
	}
	snprintf(match, sizeof match, "\"%s\"", p->line + 1);
	sqlite3_bind_text(p->found, 1, match, -1, SQLITE_TRANSIENT);
	show(p, p->found, false);
}

static bool key(struct pager *p)
{
	for (int c; (c = wgetch(p->input)) != ERR;) {
		if (c == 17)
			return false;
		if (c == KEY_PPAGE)
			page(p);
		else if (c == '\r')
			enter(p);
		else if (c < 256 && p->n_line < sizeof p->line - 1)
			p->line[p->n_line++] = (char)c;
	}
	return true;
}

int main(int argc, char **argv)
{
	static struct pager p;
	struct pollfd f = {.fd = 0, .events = POLLIN};

	setlocale(LC_CTYPE, "");
	if (argc < 2)
		return 1;
	start(&p, argv[1]);
	page(&p);
	do {
		werase(p.input);
		mvwprintw(p.input, 0, 0, "> %.*s", (int)p.n_line, p.line);
		wnoutrefresh(p.input);
		doupdate();
	} while (poll(&f, 1, -1) > 0 && key(&p));
	endwin();
	return 0;
}
