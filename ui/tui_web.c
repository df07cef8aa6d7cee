#include "ui/tui_impl.h"
#include "ui/words.h"

/* /web: the page in the browser; it lives as long as this screen. */
void tui_web(struct tui *t)
{
	char link[PAGE_LINK], why[256];
	struct buf *b = &t->over_text;

	if (page_open(&t->page, t->cfg, link, why)) {
		tui_say(t, LEVEL_ERROR, "%s", why);
		return;
	}
	b->n = 0;
	buf_printf(b, _("Open this in a browser on this machine. It is good "
			"once, within ten minutes; /web makes another.\n"));
	buf_printf(b, "\n%s\n\n", link);
	page_qr(b, link, true);
	tui_over(t, OVER_TEXT, _("The page in the browser"));
}
