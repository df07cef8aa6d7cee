#include "ui/page_token.h"
#include "src/clock.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HASH = 32 };

struct entry {
	uint8_t hash[HASH];
	int64_t until_s;
};
struct entries {
	struct entry at[TOKENS_KEPT];
	size_t n;
};

void token_make(char out[static TOKEN_TEXT])
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789-_";
	uint8_t raw[TOKEN_TEXT - 1];
	struct rng rng;

	clock_seed(&rng);
	rng_fill(&rng, raw, sizeof raw);
	for (size_t i = 0; i < sizeof raw; i++)
		out[i] = digits[raw[i] & 63];
	out[sizeof raw] = 0;
	secret_wipe(raw, sizeof raw);
	secret_wipe(&rng, sizeof rng);
}

/* ---- the file: a hash and a time a line ---- */

static bool unhex(uint8_t out[static HASH], const char *s)
{
	for (size_t i = 0; i < HASH; i++) {
		unsigned byte;

		if (strspn(s + 2 * i, "0123456789abcdef") < 2 ||
		    sscanf(s + 2 * i, "%2x", &byte) != 1)
			return false;
		out[i] = (uint8_t)byte;
	}
	return true;
}

static void entries_read(struct entries *e, const char *path)
{
	FILE *f = fopen(path, "re");
	char line[2 * HASH + 32];

	e->n = 0;
	while (f && e->n < TOKENS_KEPT && fgets(line, sizeof line, f)) {
		struct entry *to = &e->at[e->n];

		if (!unhex(to->hash, line) || line[2 * HASH] != ' ')
			continue;
		to->until_s = strtoll(line + 2 * HASH, NULL, 10);
		e->n++;
	}
	if (f)
		fclose(f);
}

static bool entries_print(const struct entries *e, int fd)
{
	FILE *f = fdopen(fd, "w");

	if (!f) {
		close(fd);
		return false;
	}
	for (size_t i = 0; i < e->n; i++) {
		for (size_t k = 0; k < HASH; k++)
			fprintf(f, "%02x", e->at[i].hash[k]);
		fprintf(f, " %lld\n", (long long)e->at[i].until_s);
	}

	bool good = !ferror(f);

	return !fclose(f) && good;
}

/* The old file or the new one, never a part. */
static bool entries_write(const struct entries *e, const char *path)
{
	struct buf name = {0};
	bool good;
	int fd;

	buf_printf(&name, "%s.new", path);
	buf_put(&name, (struct bytes){(const uint8_t *)"", 1});

	const char *made = (const char *)name.p;

	unlink(made);
	fd = open(made, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
		  0600);
	good = fd >= 0 && entries_print(e, fd) && !rename(made, path);
	if (fd >= 0 && !good)
		unlink(made);
	buf_free(&name);
	return good;
}

/* Whoever changes the file holds its folder. -1: errno says it. */
static int folder_lock(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *folder =
	    slash ? xstrndup((struct bytes){(const uint8_t *)path,
					    (size_t)(slash - path) + 1})
		  : xstrndup((struct bytes){(const uint8_t *)".", 1});
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	free(folder);
	while (fd >= 0 && flock(fd, LOCK_EX))
		if (errno != EINTR) {
			close(fd);
			return -1;
		}
	return fd;
}

/* ---- one of them ---- */

static void entries_drop(struct entries *e, size_t i)
{
	memmove(e->at + i, e->at + i + 1, (--e->n - i) * sizeof *e->at);
}

enum err token_keep(const char *path, const char *token, int64_t until_s)
{
	struct entry new = {.until_s = until_s};
	int lock = folder_lock(path);
	struct entries e;
	bool good;

	if (lock < 0)
		return ERR_SYS;
	digest(new.hash, (struct bytes){(const uint8_t *)token, strlen(token)});
	entries_read(&e, path);
	if (e.n == TOKENS_KEPT)
		entries_drop(&e, 0);
	e.at[e.n++] = new;
	good = entries_write(&e, path);
	close(lock);
	return good ? OK : ERR_SYS;
}

static size_t entries_find(const struct entries *e, struct bytes token,
			   int64_t now_s)
{
	uint8_t hash[HASH];
	size_t found = SIZE_MAX;

	digest(hash, token);
	for (size_t i = 0; i < e->n; i++)
		if (e->at[i].until_s > now_s &&
		    secret_same((struct bytes){hash, HASH},
				(struct bytes){e->at[i].hash, HASH}))
			found = i;
	return found;
}

bool token_good(const char *path, struct bytes token, int64_t now_s, bool take)
{
	int lock = take ? folder_lock(path) : -1;
	struct entries e;
	size_t i;
	bool good;

	if (take && lock < 0)
		return false;
	entries_read(&e, path);
	i = entries_find(&e, token, now_s);
	good = i != SIZE_MAX;
	if (good && take) {
		entries_drop(&e, i);
		good = entries_write(&e, path);
	}
	if (lock >= 0)
		close(lock);
	return good;
}
