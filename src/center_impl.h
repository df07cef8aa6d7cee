#ifndef SOTTO_SRC_CENTER_IMPL_H
#define SOTTO_SRC_CENTER_IMPL_H
#include "src/center_backend.h"
/* What the implementations of center_backend share. */

enum err center_sqlite_open(const char *path, const struct center_rules *rules,
			    struct center_backend **out,
			    char why[static 256]) MUST_USE;
enum err center_nats_open(const char *url, const struct center_rules *rules,
			  struct center_backend **out,
			  char why[static 256]) MUST_USE;

/* An account as text, a fact a line; what both keep. record_get: ERR_PARSE, or
 * ERR_STATE: written by a newer sotto. */
enum { CENTER_RECORD = 16384 };
void center_record_put(struct buf *out, const struct center_acct *a);
enum err center_record_get(struct bytes record,
			   struct center_acct *out) MUST_USE;

/* Wrong tries, as they are kept. All zero: none. */
struct center_strikes {
	unsigned tries; /* since the last pen */
	unsigned pens;
	int64_t until_ms; /* of the pen */
	int64_t last_ms;
};
/* OK or ERR_AUTH, as attempt; s is what to keep now. */
enum err center_strike(struct center_strikes *s, enum center_try what,
		       int64_t now_ms, struct center_pen *out) MUST_USE;

bool center_source_ok(const char *source);
/* The arguments of mbox_append: fills err of those that are too long. False:
 * too many, or nothing is left to do. */
bool center_mails_ok(struct center_mail *m, size_t n);
/* Until when it is kept. */
int64_t center_until(const struct center_rules *r, int64_t until_ms,
		     int64_t now_ms);
/* Lower case, with a NUL: 2 n + 1 characters. */
void center_hex(char *out, const uint8_t *p, size_t n);
/* False: not just 2 n hex digits. */
bool center_unhex(struct bytes s, uint8_t *out, size_t n);
#endif
