#include "src/config_impl.h"
#include "src/folders.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
/* One line of config.ini is written anew. The rest is the owner's, who wrote
 * it by hand: comments, blank lines and what we do not know stay as they are.
 */

static struct bytes view(const char *s)
{
	return (struct bytes){(const uint8_t *)s, strlen(s)};
}

static struct bytes part(struct bytes s, size_t from, size_t to)
{
	return (struct bytes){s.p + from, to - from};
}

/* ---- where the value stands ---- */

static bool blank(uint8_t c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static size_t skip(struct bytes s, size_t at)
{
	while (at < s.n && blank(s.p[at]))
		at++;
	return at;
}

static size_t trim(struct bytes s, size_t from, size_t to)
{
	while (to > from && blank(s.p[to - 1]))
		to--;
	return to;
}

/* "nick" and "nickname" are one: of two lines the later counts. */
static bool names(struct bytes key, const struct setting *s)
{
	char *name = xstrndup(key);
	const struct setting *found = config_key_setting(name);

	free(name);
	return found && found->set == s->set;
}

/* A ';' behind a blank begins a comment. */
static size_t comment(struct bytes line, size_t at)
{
	while (at < line.n && !(line.p[at] == ';' && blank(line.p[at - 1])))
		at++;
	return at;
}

/* If the line sets s: from where to where its value goes. */
static bool line_value(struct bytes line, const struct setting *s, size_t *from,
		       size_t *to)
{
	size_t start = skip(line, 0), equal = start;

	while (equal < line.n && line.p[equal] != '=' && line.p[equal] != ':')
		equal++;
	if (equal == line.n ||
	    !names(part(line, start, trim(line, start, equal)), s))
		return false;
	*from = equal + 1;
	while (*from < line.n &&
	       (line.p[*from] == ' ' || line.p[*from] == '\t'))
		++*from;
	*to = trim(line, *from, comment(line, equal + 1));
	return true;
}

/* The last one that counts. */
static bool find_value(struct bytes text, const struct setting *s, size_t *from,
		       size_t *to)
{
	size_t at = text.n >= 3 && !memcmp(text.p, "\xef\xbb\xbf", 3) ? 3 : 0;
	bool found = false;

	while (at < text.n) {
		const uint8_t *eol = memchr(text.p + at, '\n', text.n - at);
		size_t end = eol ? (size_t)(eol - text.p) : text.n, a, b;

		if (line_value(part(text, at, end), s, &a, &b)) {
			*from = at + a;
			*to = at + b;
			found = true;
		}
		at = end + 1;
	}
	return found;
}

static void edit(struct buf *out, struct bytes text, const struct setting *s,
		 const char *value)
{
	size_t from, to;

	if (find_value(text, s, &from, &to)) {
		buf_put(out, part(text, 0, from));
		buf_put(out, view(value));
		if (to < text.n && text.p[to] == ';')
			buf_put(out, view(" "));
		buf_put(out, part(text, to, text.n));
		return;
	}
	buf_put(out, text);
	if (text.n && text.p[text.n - 1] != '\n')
		buf_put(out, view("\n"));
	buf_printf(out, "%s = %s\n", s->key, value);
}

/* ---- the file ---- */

static enum err fail(char why[static 256], const char *path)
{
	size_t n = strlen(path);

	snprintf(why, 256, "%s: %s", n > 180 ? path + n - 180 : path,
		 strerror(errno));
	return ERR_SYS;
}

static bool write_all(int fd, struct bytes text)
{
	while (text.n) {
		ssize_t n = write(fd, text.p, text.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		text = part(text, (size_t)n, text.n);
	}
	return true;
}

static bool sync_folder(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool good = fd >= 0 && !fsync(fd);

	if (fd >= 0)
		close(fd);
	return good;
}

/* The whole file beside the old one, then its name: a crash leaves the one or
 * the other. */
static enum err replace(const char *path, const char *dir, struct bytes text,
			char why[static 256])
{
	struct buf temporary = {0};
	struct stat st;
	mode_t mode = stat(path, &st) ? 0600 : st.st_mode & 0777;

	buf_printf(&temporary, "%s.XXXXXX", path);

	char *name = (char *)temporary.p;
	int fd = mkostemp(name, O_CLOEXEC);
	bool good = fd >= 0 && write_all(fd, text) && !fchmod(fd, mode) &&
		    !fsync(fd) && !rename(name, path) && sync_folder(dir);
	enum err err = good ? OK : fail(why, path);

	if (!good && fd >= 0)
		unlink(name);
	if (fd >= 0)
		close(fd);
	buf_free(&temporary);
	return err;
}

/* Many keep their configuration elsewhere and have a link here. */
static enum err write_file(const char *path, struct bytes text,
			   char why[static 256])
{
	char *target = realpath(path, NULL);

	if (!target)
		target = xstrndup(view(path));

	size_t n = (size_t)(strrchr(target, '/') - target);
	char *dir = xstrndup(part(view(target), 0, n ? n : 1));
	enum err err = folders_make(dir, why);

	if (!err)
		err = replace(target, dir, text, why);
	free(dir);
	free(target);
	return err;
}

/* ---- all of it ---- */

static enum err check_value(const struct config *c, const struct setting *s,
			    const char *value, char why[static 256])
{
	struct config scratch = {0};
	char reason[REASON];

	config_replace(&scratch.config_path, c->config_path);

	enum err err = s->set(&scratch, value, reason);

	if (err)
		snprintf(why, 256, "%s: %s", s->key, reason);
	config_free(&scratch);
	return err;
}

/* What was written is read again before it counts: the format has no way to
 * write every value. */
static enum err check_text(struct bytes text, const struct setting *s,
			   const char *value, char why[static 256])
{
	struct buf said = {0};
	enum err err = config_text_says(text, s, &said);

	buf_put(&said, (struct bytes){(const uint8_t *)"", 1});
	if (!err && strcmp((const char *)said.p, value) != 0)
		err = ERR_PARSE;
	if (err == ERR_LIMIT)
		snprintf(why, 256, "config.ini would be too large");
	else if (err)
		snprintf(why, 256,
			 "%s: config.ini cannot hold that value, or has a "
			 "[section] or a line that is too long",
			 s->key);
	buf_free(&said);
	return err;
}

enum err config_save(const struct config *c, const char *key, const char *value,
		     char why[static 256])
{
	const struct setting *s = config_key_setting(key);
	struct buf old = {0}, text = {0};
	char shown[64];
	enum err err;

	config_quoted(shown, key);
	if (!s) {
		snprintf(why, 256, "unknown key %s; see sotto help config",
			 shown);
		return ERR_PARSE;
	}
	if (!strcmp(key, "listen")) {
		snprintf(why, 256,
			 "listen may stand there more than once: "
			 "write it into config.ini");
		return ERR_PARSE;
	}
	err = check_value(c, s, value, why);
	if (!err && (err = config_text_read(&old, c->config_path)))
		fail(why, c->config_path);
	if (!err) {
		edit(&text, (struct bytes){old.p, old.n}, s, value);
		err = check_text((struct bytes){text.p, text.n}, s, value, why);
	}
	if (!err)
		err = write_file(c->config_path, (struct bytes){text.p, text.n},
				 why);
	buf_free(&old);
	buf_free(&text);
	return err;
}
