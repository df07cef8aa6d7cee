#ifndef SOTTO_UI_PAGE_H
#define SOTTO_UI_PAGE_H
#include "proto/base.h"
#include <sys/types.h>
struct config;
/* The page in the browser, as seen by whoever wants it served: a process of
 * its own, sotto-web, that is a client of our engine's control.sock. One
 * serves an identity. Any thread, one at a time. */
enum { PAGE_LINK = 96 };
struct page {
	pid_t pid; /* 0: not ours, or none */
	int hold;  /* the pipe it lives by */
	int end;   /* readable when it is over */
};

/* Starts it unless it is served already, and makes a link that is good once,
 * for ten minutes. *page: all zero, or of an earlier call. ERR_STATE: built
 * without it; on any error `why` says it in one line. */
enum err page_open(struct page *page, const struct config *cfg,
		   char link[static PAGE_LINK], char why[static 256]) MUST_USE;
/* Ends it, if it is ours. */
void page_close(struct page *page);
/* The link as a QR code of half blocks, for a terminal whose letters are
 * light (or dark); nothing without libqrencode. */
void page_qr(struct buf *out, const char *link, bool light_letters);
#endif
