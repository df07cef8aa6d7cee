/* The floor under the screen: a bare ncurses chat. One poll loop, a socket
 * that brings lines, an input line, no logic. Links what sotto links.
 *
 *   floor_screen PORT [FILE]   listens on 127.0.0.1:PORT; with FILE every
 *                              line is committed to that SQLite file, FULL,
 *                              before it is painted.
 *
 * Its rows say what those of a messenger say: when, who, what.
 */
#include <arpa/inet.h>
#include <curses.h>
#include <json-c/json.h>
#include <locale.h>
#include <netinet/in.h>
#include <poll.h>
#include <sodium.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <utf8proc.h>

enum { KEPT = 64 };

struct screen {
	WINDOW *pane, *input;
	char line[512], in[65536];
	size_t n_line, n_in;
	sqlite3 *db;          /* or NULL */
	char kept[KEPT][256]; /* for another size, by number */
	size_t n_kept;
};

static void paint_input(struct screen *s)
{
	werase(s->input);
	mvwprintw(s->input, 0, 0, "> %.*s", (int)s->n_line, s->line);
	wnoutrefresh(s->input);
}

static void sql(struct screen *s, const char *text)
{
	if (sqlite3_exec(s->db, text, NULL, NULL, NULL) != SQLITE_OK)
		exit(1);
}

static void keep_open(struct screen *s, const char *path)
{
	if (sqlite3_open(path, &s->db) != SQLITE_OK)
		exit(1);
	sql(s, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
	       "CREATE TABLE IF NOT EXISTS line(n INTEGER PRIMARY KEY, text)");
}

static void keep(struct screen *s, const char *text, size_t n)
{
	sqlite3_stmt *insert;

	if (!s->db)
		return;
	sqlite3_prepare_v2(s->db, "INSERT INTO line(text) VALUES(?1)", -1,
			   &insert, NULL);
	sqlite3_bind_text(insert, 1, text, (int)n, SQLITE_STATIC);
	if (sqlite3_step(insert) != SQLITE_DONE)
		exit(1);
	sqlite3_finalize(insert);
}

static void paint_row(WINDOW *pane, const char *text, size_t n)
{
	time_t now = time(NULL);
	char clock[8];

	strftime(clock, sizeof clock, "%H:%M", localtime(&now));
	wattrset(pane, A_DIM);
	wprintw(pane, "\n%s", clock);
	wattrset(pane, A_NORMAL);
	waddch(pane, ' ');
	wattrset(pane, A_BOLD | COLOR_PAIR(1));
	waddstr(pane, "bench");
	wattrset(pane, A_NORMAL);
	wprintw(pane, "  %.*s", (int)n, text);
}

static void remember(struct screen *s, const char *text, size_t n)
{
	char *to = s->kept[s->n_kept++ % KEPT];

	if (n >= sizeof s->kept[0])
		n = sizeof s->kept[0] - 1;
	memcpy(to, text, n);
	to[n] = 0;
}

static void resize(struct screen *s)
{
	size_t n = s->n_kept < KEPT ? s->n_kept : KEPT;

	wresize(s->pane, LINES > 1 ? LINES - 1 : 1, COLS);
	wresize(s->input, 1, COLS);
	mvwin(s->input, LINES - 1, 0);
	clearok(curscr, TRUE);
	werase(s->pane);
	for (size_t i = s->n_kept - n; i < s->n_kept; i++)
		paint_row(s->pane, s->kept[i % KEPT],
			  strlen(s->kept[i % KEPT]));
	wnoutrefresh(s->pane);
}

/* Every whole line that has come goes to the pane. */
static bool take(struct screen *s, int fd)
{
	ssize_t r = read(fd, s->in + s->n_in, sizeof s->in - s->n_in);
	char *p = s->in, *nl;

	if (r <= 0)
		return false;
	s->n_in += (size_t)r;
	while ((nl = memchr(p, '\n', s->n_in - (size_t)(p - s->in)))) {
		keep(s, p, (size_t)(nl - p));
		paint_row(s->pane, p, (size_t)(nl - p));
		remember(s, p, (size_t)(nl - p));
		p = nl + 1;
	}
	s->n_in -= (size_t)(p - s->in);
	memmove(s->in, p, s->n_in);
	wnoutrefresh(s->pane);
	return true;
}

static bool key(struct screen *s)
{
	for (int c; (c = wgetch(s->input)) != ERR;) {
		if (c == 17) /* Ctrl-Q */
			return false;
		if (c == KEY_RESIZE)
			resize(s);
		else if (c == 21) /* Ctrl-U */
			s->n_line = 0;
		else if (c >= 32 && c < 256 && s->n_line < sizeof s->line)
			s->line[s->n_line++] = (char)c;
	}
	return true;
}

static int listen_on(int port)
{
	struct sockaddr_in a = {.sin_family = AF_INET};
	int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;

	a.sin_port = htons((uint16_t)port);
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (bind(fd, (struct sockaddr *)&a, sizeof a) || listen(fd, 1))
		exit(1);
	return fd;
}

static void start(struct screen *s)
{
	initscr();
	raw();
	noecho();
	nonl();
	start_color();
	use_default_colors();
	init_pair(1, COLOR_CYAN, -1);
	s->pane = newwin(LINES - 1, COLS, 0, 0);
	s->input = newwin(1, COLS, LINES - 1, 0);
	scrollok(s->pane, TRUE);
	nodelay(s->input, TRUE);
	waddstr(s->pane, "floor");
	wnoutrefresh(s->pane);
	paint_input(s);
	doupdate();
}

int main(int argc, char **argv)
{
	static struct screen s;
	struct pollfd p[2] = {{.fd = 0, .events = POLLIN},
			      {.fd = -1, .events = POLLIN}};

	setlocale(LC_CTYPE, "");
	/* The libraries are there and used, as in sotto. */
	if (sodium_init() < 0 || !sqlite3_libversion_number() ||
	    !utf8proc_version() || !json_c_version_num())
		return 1;

	int fd = listen_on(argc > 1 ? atoi(argv[1]) : 0);

	p[1].fd = fd;
	if (argc > 2)
		keep_open(&s, argv[2]);
	start(&s);
	for (;;) {
		bool interrupted = poll(p, 2, -1) < 0;

		if (interrupted)
			p[0].revents = 1, p[1].revents = 0;
		if (p[0].revents && !key(&s))
			break;
		if (p[1].revents && p[1].fd == fd)
			p[1].fd = accept(fd, NULL, NULL);
		else if (p[1].revents && !take(&s, p[1].fd))
			p[1].fd = fd;
		paint_input(&s);
		doupdate();
	}
	endwin();
	return 0;
}
