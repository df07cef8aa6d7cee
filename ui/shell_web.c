#include "src/lines_json.h"
#include "ui/page.h"
#include "ui/shell.h"
#include "ui/words.h"
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
/* sotto web: a link to the page, which it serves when nobody else does. */

enum { EXIT_USAGE = 2 };

static void say_picture(const struct shell *s, const char *link)
{
	bool color = s->cfg->color != SW_OFF;
	struct buf b = {0};

	if (!isatty(STDOUT_FILENO))
		return;
	page_qr(&b, link, !color);
	for (size_t from = 0; from < b.n;) {
		const uint8_t *line = b.p + from;
		const uint8_t *nl = memchr(line, '\n', b.n - from);
		size_t n = nl ? (size_t)(nl - line) : b.n - from;

		/* dark on light, whatever the terminal's colours are */
		printf("%s%.*s%s\n", color ? "\033[30;107m" : "", (int)n,
		       (const char *)line, color ? "\033[0m" : "");
		from += n + 1;
	}
	buf_free(&b);
}

static void say_link(struct shell *s, const char *link, bool ours)
{
	struct buf line = {0};

	if (s->text) {
		say_picture(s, link);
		shell_say("%s", link);
		shell_say("%s", _("Good once, within ten minutes."));
		if (ours)
			shell_say("%s", _("Ctrl-C ends the page."));
	} else {
		json_open(&line, NULL);
		json_flag(&line, "ok", true);
		json_string(&line, "link", link);
		json_close(&line);
		shell_line((struct bytes){line.p, line.n});
		buf_free(&line);
	}
	shell_flush();
}

/* Until it is over, or a signal came. */
static int serve(struct shell *s, const struct page *page)
{
	while (s->over < 0) {
		struct pollfd p[] = {
		    {.fd = page->end, .events = POLLIN},
		    {.fd = client_fd(s->client), .events = POLLIN},
		    {.fd = s->signal_fd, .events = POLLIN},
		};

		shell_wait(s, 0);
		if (s->over >= 0)
			break;
		if (poll(p, 3, -1) > 0 && p[0].revents)
			return EXIT_SUCCESS;
	}
	return s->over;
}

int shell_web(struct shell *s, struct words *w)
{
	struct page page = {0};
	char link[PAGE_LINK], why[256];
	int status = EXIT_SUCCESS;

	if (!words_end(w, 0))
		return EXIT_USAGE;
	if (page_open(&page, s->cfg, link, why))
		return shell_fail(EXIT_FAILURE, "%s", why);
	say_link(s, link, page.pid > 0);
	if (page.pid)
		status = serve(s, &page);
	page_close(&page);
	return status;
}
