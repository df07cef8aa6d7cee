#include "src/center_account.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { RACES = 16 }; /* somebody else was quicker: again, so often */

static struct bytes view(const char *s)
{
	return (struct bytes){(const uint8_t *)s, strlen(s)};
}

/* ---- one account ---- */

static struct center_acct *acct_new(const struct now *now)
{
	struct center_acct *a = xzalloc(sizeof *a);

	a->made_ms = now->wall_us / 1000;
	return a;
}

static void acct_free(struct center_acct *a)
{
	secret_wipe(a, sizeof *a);
	free(a);
}

enum err account_add(struct center_backend *b, const char *user,
		     struct bytes password, const struct now *now)
{
	struct center_acct *a = acct_new(now);
	enum err err = password.n ? password_hash(password, a->password) : OK;

	if (!err)
		err = b->acct_put(b, user, a, 0, NULL);
	acct_free(a);
	return err;
}

/* Reads it, has it changed, writes it; again when somebody was quicker. */
static enum err change(struct center_backend *b, const char *user,
		       void (*how)(struct center_acct *a, const void *what),
		       const void *what)
{
	struct center_acct *a = xzalloc(sizeof *a);
	enum err err = ERR_EXISTS;
	uint64_t rev;

	for (int i = 0; i < RACES && err == ERR_EXISTS; i++) {
		err = b->acct_get(b, user, a, &rev);
		if (err)
			break;
		how(a, what);
		err = b->acct_put(b, user, a, rev, NULL);
	}
	acct_free(a);
	return err;
}

static void set_password(struct center_acct *a, const void *hash)
{
	memcpy(a->password, hash, sizeof a->password);
}

enum err account_password(struct center_backend *b, const char *user,
			  struct bytes password)
{
	_Static_assert((int)PASSWORD_HASH == (int)CENTER_HASH_MAX, "one size");
	char hash[PASSWORD_HASH] = "";
	enum err err = password_hash(password, hash);

	return err ? err : change(b, user, set_password, hash);
}

enum err account_remove(struct center_backend *b, const char *user)
{
	struct center_acct *a = xzalloc(sizeof *a);
	enum err err = ERR_EXISTS;
	uint64_t rev;

	for (int i = 0; i < RACES && err == ERR_EXISTS; i++) {
		err = b->acct_get(b, user, a, &rev);
		/* one that cannot be read can be removed */
		if (!err || err == ERR_PARSE)
			err = b->acct_put(b, user, NULL, rev, NULL);
		else
			break;
	}
	acct_free(a);
	return err;
}

/* ---- invitations ---- */

struct invite {
	uint8_t digest[32];
	int64_t until_ms;
};

/* As people type it: case and dashes say nothing. */
static void code_digest(struct bytes code, uint8_t out[32])
{
	char plain[INVITE_CODE];
	size_t n = 0;

	for (size_t i = 0; i < code.n && n < sizeof plain; i++) {
		uint8_t c = code.p[i];

		if (c == '-' || c == ' ')
			continue;
		plain[n++] = (char)(c >= 'a' && c <= 'z' ? c - 32 : c);
	}
	digest(out, (struct bytes){(const uint8_t *)plain, n});
	secret_wipe(plain, sizeof plain);
}

/* 100 bits; no letters that look like others. */
static void code_make(struct rng *rng, char out[static INVITE_CODE])
{
	static const char letter[33] = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
	uint8_t random[20];

	rng_fill(rng, random, sizeof random);
	for (size_t i = 0; i < sizeof random; i++) {
		if (i && i % 5 == 0)
			*out++ = '-';
		*out++ = letter[random[i] & 31];
	}
	*out = 0;
	secret_wipe(random, sizeof random);
}

static void set_invite(struct center_acct *a, const void *what)
{
	const struct invite *v = what;

	memcpy(a->invite, v->digest, sizeof a->invite);
	a->invite_ms = v->until_ms;
}

enum err account_invite(struct center_backend *b, const char *user,
			const struct now *now, char code[static INVITE_CODE])
{
	static const int64_t DAY_MS = 86400000;
	struct invite v = {.until_ms =
			       now->wall_us / 1000 + INVITE_DAYS * DAY_MS};
	enum err err = account_add(b, user, (struct bytes){0}, now);

	if (err && err != ERR_EXISTS)
		return err;
	code_make(now->rng, code);
	code_digest(view(code), v.digest);
	return change(b, user, set_invite, &v);
}

bool account_invited(const struct center_acct *a, struct bytes code,
		     int64_t now_ms)
{
	uint8_t sum[32];

	code_digest(code, sum);
	return a->invite_ms > now_ms &&
	       secret_same((struct bytes){sum, sizeof sum},
			   (struct bytes){a->invite, sizeof a->invite});
}

/* ---- credentials.txt ---- */

static enum err read_file(const char *path, struct buf *out, bool *shared)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	ssize_t n = 1;

	if (fd < 0)
		return errno == ENOENT ? ERR_ABSENT : ERR_SYS;
	if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
		close(fd);
		errno = EINVAL;
		return ERR_SYS;
	}
	*shared = st.st_mode & (S_IRGRP | S_IROTH);
	while (n > 0 && out->n <= IMPORT_BYTES) {
		buf_room(out, 65536);
		n = read(fd, out->p + out->n, 65536);
		out->n += n > 0 ? (size_t)n : 0;
	}
	int saved = errno;
	close(fd);
	errno = saved;
	if (n < 0)
		return ERR_SYS;
	return out->n > IMPORT_BYTES ? ERR_LIMIT : OK;
}

/* What stands before the first of `ends`; that many of them go with it. */
static struct bytes cut(struct bytes *s, const char *ends)
{
	size_t n = 0;

	while (n < s->n && !(s->p[n] && strchr(ends, s->p[n])))
		n++;
	struct bytes head = {s->p, n};
	n += n < s->n;
	*s = (struct bytes){s->p + n, s->n - n};
	return head;
}

static void skip_blanks(struct bytes *s)
{
	while (s->n && (*s->p == ' ' || *s->p == '\t')) {
		s->p++;
		s->n--;
	}
}

static void complain(struct import *i, const char *what, struct bytes who)
{
	if (++i->wrong > IMPORT_SAID)
		return;
	buf_printf(&i->said, "%s:%u: %s", i->name, i->line, what);
	if (who.n) {
		buf_printf(&i->said, ": ");
		text_clean(&i->said, who);
	}
	buf_printf(&i->said, "\n");
}

static enum err import_new(struct import *i, struct center_backend *b,
			   const struct now *now, const char *user,
			   struct bytes password)
{
	enum err err = account_add(b, user, password, now);

	if (err == ERR_LIMIT) {
		complain(i, "too long a password", view(user));
		return OK;
	}
	i->added += !err;
	i->known += err == ERR_EXISTS;
	return err == ERR_EXISTS ? OK : err;
}

static enum err import_one(struct import *i, struct center_backend *b,
			   const struct now *now, struct bytes name,
			   struct bytes password)
{
	char user[CENTER_NAME_MAX + 1] = "";
	struct center_acct *a;
	uint64_t rev;

	if (name.n <= CENTER_NAME_MAX)
		memcpy(user, name.p, name.n);
	if (strlen(user) != name.n || !center_name_ok(user)) {
		complain(i, "not a name", (struct bytes){0});
		return OK;
	}
	a = xmalloc(sizeof *a);
	enum err err = b->acct_get(b, user, a, &rev);
	acct_free(a);
	if (err == ERR_ABSENT)
		return import_new(i, b, now, user, password);
	if (err == ERR_PARSE) {
		complain(i, "that account is damaged", name);
		return OK;
	}
	i->known += !err;
	return err;
}

static enum err import_line(struct import *i, struct center_backend *b,
			    const struct now *now, struct bytes line)
{
	skip_blanks(&line);
	if (!line.n)
		return OK;
	struct bytes name = cut(&line, " \t");
	skip_blanks(&line);
	struct bytes password = cut(&line, " \t");
	skip_blanks(&line);
	if (password.n && !line.n)
		return import_one(i, b, now, name, password);
	complain(i, "not a name, a blank and a password", (struct bytes){0});
	return OK;
}

static bool too_many_lines(struct bytes s)
{
	size_t n = 0;

	while (s.n && n <= IMPORT_LINES) {
		cut(&s, "\n");
		n++;
	}
	return n > IMPORT_LINES;
}

static struct bytes next_line(struct bytes *text)
{
	struct bytes line = cut(text, "\n");

	if (line.n && line.p[line.n - 1] == '\r')
		line.n--;
	return line;
}

enum err import_open(struct import *i, const char *path)
{
	const char *slash = strrchr(path, '/');

	*i = (struct import){0};
	snprintf(i->name, sizeof i->name, "%s", slash ? slash + 1 : path);
	enum err err = read_file(path, &i->file, &i->shared);
	if (!err && i->file.n >= 3 && !memcmp(i->file.p, "\xef\xbb\xbf", 3))
		i->at = 3;
	if (!err && too_many_lines(
			(struct bytes){i->file.p + i->at, i->file.n - i->at}))
		err = ERR_LIMIT;
	return err;
}

enum err import_next(struct import *i, struct center_backend *b,
		     const struct now *now, bool *more)
{
	struct bytes rest = {i->file.p + i->at, i->file.n - i->at};
	enum err err = OK;

	i->line++;
	if (rest.n)
		err = import_line(i, b, now, next_line(&rest));
	if (err)
		i->line--;
	else
		i->at = i->file.n - rest.n;
	*more = err || rest.n;
	return err;
}

void import_close(struct import *i)
{
	int saved = errno;

	if (i->file.p)
		secret_wipe(i->file.p, i->file.cap);
	buf_free(&i->file);
	buf_free(&i->said);
	errno = saved;
}
