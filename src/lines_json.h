#ifndef SOTTO_SRC_LINES_JSON_H
#define SOTTO_SRC_LINES_JSON_H
#include "src/event.h"
/* JSON for lines.c: words, writing, and reading behind the guard. Texts keep
 * their exact characters: escaped as JSON demands, and no more. */
struct json_object;

/* ---- words: a table an enum ---- */
extern const char *const words_delivery[],
    *const words_presence[], *const words_trust[], *const words_via[],
						       *const words_level[];
/* The place of a word in a table that NULL ends; -1: not there. */
int word_find(const char *const *words, const char *word);

/* ---- writing: members of the object that is open ---- */
void json_open(struct buf *b, const char *key); /* NULL: in a list, or first */
void json_close(struct buf *b);
void json_list(struct buf *b, const char *key);
void json_list_end(struct buf *b);
void json_string(struct buf *b, const char *key, const char *s); /* or null */
void json_number(struct buf *b, const char *key, int64_t n);
void json_flag(struct buf *b, const char *key, bool yes);
void json_null(struct buf *b, const char *key);
void json_uuid(struct buf *b, const char *key, const struct uuid *id);
/* A dialect's timestamp, RFC 3339 where it can be; "": null. */
void json_stamp(struct buf *b, const char *key, const char *stamp);
void json_time(struct buf *b, const char *key, int64_t unix_ms); /* 0: null */
void json_rtt(struct buf *b, int64_t rtt_us);
void json_id(struct buf *b, const char *key, const struct pubkey *k);
void json_addr(struct buf *b, const char *key, const struct addr *a);
void json_peer(struct buf *b, const char *key, const struct contact *c);
/* The members of a message; c may be NULL. */
void json_message(struct buf *b, const struct message *m,
		  const struct contact *c);

/* ---- reading ---- */

/* ERR_PARSE: refused by the guard, or not an object. json_object_put it. */
enum err json_read(struct bytes line, struct json_object **out) MUST_USE;
/* False: there, but not of that kind. What is absent or null is left as it
 * was. Strings are good as long as the object. */
bool json_get_string(struct json_object *o, const char *key, const char **out);
bool json_get_number(struct json_object *o, const char *key, int64_t *out);
bool json_get_flag(struct json_object *o, const char *key, bool *out);
bool json_get_uuid(struct json_object *o, const char *key, struct uuid *out);
/* Owned; as much of it as is there. */
struct contact *json_get_peer(struct json_object *o, const char *key);
struct message *json_get_message(struct json_object *o);
char *json_get_text(struct json_object *o, const char *key); /* owned */
#endif
