#ifndef SOTTO_SRC_CONFIG_IMPL_H
#define SOTTO_SRC_CONFIG_IMPL_H
#include "src/config.h"
/* What config.c, config_set.c, config_file.c, config_save.c and config_rows.c
 * share. */
enum { REASON = 160 };

/* One thing that can be set: an option, a key of config.ini, or both. */
struct setting {
	const char *option; /* or NULL */
	const char *key;    /* or NULL */
	/* value is NULL for an option without one. On error `why` says what is
	 * wanted, at most REASON bytes. */
	enum err (*set)(struct config *c, const char *value, char *why);
	bool maybe; /* an option whose value may be absent: NULL */
};
/* NULL: no such. name: n bytes of it count. */
const struct setting *config_setting(const char *name, size_t n);
const struct setting *config_key_setting(const char *key);
bool config_takes_value(const struct setting *s);

/* What somebody typed, short and harmless, for an error message. */
void config_quoted(char out[static 64], const char *s);
/* words end with NULL; *found: which one. */
bool config_among(const char *value, const char *const *words, int *found);
void config_replace(char **at, const char *value);
bool config_nick_ok(const char *s);

/* config.ini: `why` names the file and the line. Absent: OK. */
enum err config_file_apply(struct config *c, const char *path,
			   char why[static 256]) MUST_USE;
/* All of the file at path, nothing when it is not there. ERR_LIMIT: too long;
 * ERR_SYS: errno says it. */
enum err config_text_read(struct buf *text, const char *path) MUST_USE;
/* The value that the last line for s has, else nothing. ERR_PARSE: there is a
 * line that cannot be read; ERR_LIMIT: text is too long. */
enum err config_text_says(struct bytes text, const struct setting *s,
			  struct buf *value) MUST_USE;
/* The sub-command that was probably meant; or NULL. */
const char *config_nearest(const char *word);
#endif
