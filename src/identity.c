#include "src/identity.h"
#include "src/clock.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* One line of text, so that it can be copied by hand and damage is seen:
 * "sotto-identity-1 <seed, 64 hex> <the start of its digest, 16 hex>" */
#define MAGIC "sotto-identity-1 "
enum {
	SEED = 32,
	CHECK = 8,
	HEX_AT = sizeof MAGIC - 1,
	CHECK_AT = HEX_AT + 2 * SEED + 1,
	FILE_LEN = CHECK_AT + 2 * CHECK + 1,
};

static enum err fail(char why[static 256], const char *path, const char *doing)
{
	size_t n = strlen(path);

	snprintf(why, 256, "%s: %s: %s", n > 120 ? path + n - 120 : path, doing,
		 strerror(errno));
	return ERR_SYS;
}

static enum err refuse(char why[static 256], const char *path, const char *what,
		       enum err err)
{
	size_t n = strlen(path);

	snprintf(why, 256, "%s: %s", n > 120 ? path + n - 120 : path, what);
	return err;
}

/* ---- the lock ---- */

void identity_holder(const char *lock_path, long *pid, char tty[static 64])
{
	char text[128] = "";
	int fd = open(lock_path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	*pid = 0;
	tty[0] = 0;
	if (fd < 0)
		return;

	ssize_t n = pread(fd, text, sizeof text - 1, 0);

	close(fd);
	if (n <= 0)
		return;

	struct buf clean = {0};
	char name[64] = "";

	sscanf(text, "%ld %63s", pid, name);
	text_clean(&clean, (struct bytes){(const uint8_t *)name, strlen(name)});
	snprintf(tty, 64, "%.*s", (int)clean.n, (const char *)clean.p);
	buf_free(&clean);
}

/* For people only; that it cannot be written does no harm. */
static void write_holder(int fd)
{
	char text[128];
	const char *tty = isatty(0) ? ttyname(0) : NULL;

	if (tty && !strncmp(tty, "/dev/", 5))
		tty += 5;

	int n = snprintf(text, sizeof text, "%ld %.60s\n", (long)getpid(),
			 tty ? tty : "");

	if (ftruncate(fd, 0) || pwrite(fd, text, (size_t)n, 0) != n)
		return;
}

static void say_holder(const char *path, char why[static 256])
{
	char tty[64];
	long pid;

	identity_holder(path, &pid, tty);
	if (!pid)
		snprintf(why, 256, "in use by another process");
	else
		snprintf(why, 256, "open %s%s (pid %ld)",
			 tty[0] ? "on " : "without a terminal", tty, pid);
}

static enum err take_lock(struct identity *id, const char *path,
			  char why[static 256])
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return fail(why, path, "cannot be opened");
	if (flock(fd, LOCK_EX | LOCK_NB)) {
		bool held = errno == EWOULDBLOCK;

		if (held)
			say_holder(path, why);
		else
			fail(why, path, "cannot be locked");
		close(fd);
		return held ? ERR_EXISTS : ERR_SYS;
	}
	write_holder(fd);
	id->lock_fd = fd;
	return OK;
}

/* ---- the seed's file ---- */

static void hex_put(char *out, const uint8_t *p, size_t n)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		*out++ = digits[p[i] >> 4];
		*out++ = digits[p[i] & 15];
	}
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool hex_get(uint8_t *out, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int high = hex_digit(s[2 * i]), low = hex_digit(s[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		out[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

static void write_line(char line[static FILE_LEN], const uint8_t *seed)
{
	uint8_t check[32];

	digest(check, (struct bytes){seed, SEED});
	memcpy(line, MAGIC, HEX_AT);
	hex_put(line + HEX_AT, seed, SEED);
	line[CHECK_AT - 1] = ' ';
	hex_put(line + CHECK_AT, check, CHECK);
	line[FILE_LEN - 1] = '\n';
}

static bool read_line(const char line[static FILE_LEN], uint8_t *seed)
{
	char again[FILE_LEN];
	bool good =
	    !memcmp(line, MAGIC, HEX_AT) && hex_get(seed, line + HEX_AT, SEED);

	if (good) {
		write_line(again, seed);
		good = !memcmp(line, again, FILE_LEN);
	}
	secret_wipe(again, sizeof again);
	return good;
}

static enum err check_owner(int fd, const char *path, char why[static 256])
{
	struct stat st;

	if (fstat(fd, &st))
		return fail(why, path, "cannot be read");
	if (!S_ISREG(st.st_mode))
		return refuse(why, path, "is not a file", ERR_PARSE);
	if (st.st_uid != geteuid())
		return refuse(why, path, "belongs to somebody else", ERR_AUTH);
	if (st.st_mode & 077)
		return refuse(why, path,
			      "others may read this secret; chmod 600 it if "
			      "nobody has",
			      ERR_AUTH);
	return OK;
}

static enum err read_seed(int fd, const char *path, uint8_t seed[static SEED],
			  char why[static 256])
{
	char line[FILE_LEN + 1];
	enum err err = check_owner(fd, path, why);

	if (err)
		return err;

	ssize_t n = pread(fd, line, sizeof line, 0);

	if (n < 0)
		err = fail(why, path, "cannot be read");
	else if (n != FILE_LEN || !read_line(line, seed))
		err = refuse(why, path,
			     "damaged; it is left as it is. Put a copy back, "
			     "or move it away to be somebody new",
			     ERR_PARSE);
	secret_wipe(line, sizeof line);
	return err;
}

static bool sync_folder(const char *path)
{
	const char *slash = strrchr(path, '/');
	struct bytes dir = {(const uint8_t *)path,
			    slash ? (size_t)(slash - path + 1) : 0};
	char *name = slash ? xstrndup(dir) : NULL;
	int fd = open(name ? name : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool good = fd >= 0 && !fsync(fd);

	if (fd >= 0)
		close(fd);
	free(name);
	return good;
}

static bool write_all(int fd, struct bytes s)
{
	errno = ENOSPC; /* what a short write means */
	return write(fd, s.p, s.n) == (ssize_t)s.n && !fsync(fd);
}

/* The whole file first, then its name: a crash leaves all of it or nothing.
 * We hold the lock, so what is left of an earlier try is nobody's. */
static enum err write_over(const char *path, const char *temporary,
			   struct bytes s, char why[static 256])
{
	unlink(temporary);

	int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0)
		return fail(why, temporary, "cannot be made");

	bool good = write_all(fd, s);
	int saved = errno;

	close(fd);
	errno = saved;
	if (good && !rename(temporary, path) && sync_folder(path))
		return OK;
	fail(why, path, "cannot be written");
	unlink(temporary);
	return ERR_SYS;
}

static enum err write_secret(const char *path, struct bytes s,
			     char why[static 256])
{
	struct buf temporary = {0};

	buf_printf(&temporary, "%s.new", path);

	enum err err = write_over(path, (const char *)temporary.p, s, why);

	buf_free(&temporary);
	return err;
}

static enum err make_seed(const char *path, uint8_t seed[static SEED],
			  char why[static 256])
{
	char line[FILE_LEN];
	struct rng rng;

	clock_seed(&rng);
	rng_fill(&rng, seed, SEED);
	secret_wipe(&rng, sizeof rng);
	write_line(line, seed);

	enum err err = write_secret(
	    path, (struct bytes){(uint8_t *)line, sizeof line}, why);

	secret_wipe(line, sizeof line);
	return err;
}

static enum err find_seed(struct identity *id, const char *path,
			  uint8_t seed[static SEED], char why[static 256])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0 && errno == ENOENT) {
		id->made = true;
		return make_seed(path, seed, why);
	}
	if (fd < 0)
		return fail(why, path, "cannot be opened");

	enum err err = read_seed(fd, path, seed, why);

	close(fd);
	return err;
}

enum err identity_look(const char *path, char id[static 33],
		       char why[static 256])
{
	uint8_t seed[SEED];
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	id[0] = 0;
	if (fd < 0) {
		bool absent = errno == ENOENT;

		fail(why, path, "cannot be opened");
		return absent ? ERR_ABSENT : ERR_SYS;
	}

	enum err err = read_seed(fd, path, seed, why);

	close(fd);
	if (!err) {
		struct keys *k = keys_new(seed);
		struct pubkey key = keys_public(k);

		seal_peer_id(id, &key);
		keys_free(k);
	}
	secret_wipe(seed, sizeof seed);
	return err;
}

enum err identity_open(struct identity *id, const char *identity_path,
		       const char *lock_path, char why[static 256])
{
	uint8_t seed[SEED];

	*id = (struct identity){.lock_fd = -1};

	enum err err = take_lock(id, lock_path, why);

	if (!err)
		err = find_seed(id, identity_path, seed, why);
	if (!err)
		id->keys = keys_new(seed);
	secret_wipe(seed, sizeof seed);
	if (err)
		identity_close(id);
	return err;
}

/* The file of the lock stays: removing it would let two hold "it". */
void identity_close(struct identity *id)
{
	keys_free(id->keys);
	if (id->lock_fd >= 0)
		close(id->lock_fd);
	*id = (struct identity){.lock_fd = -1};
}

/* ---- the RSA keys ---- */

enum { PEM_MAX = 4096 };

/* rsa-NAME.pem in the folder of the identity. */
static void rsa_path(struct buf *out, const char *identity_path, enum seal how)
{
	const char *slash = strrchr(identity_path, '/');
	int folder = slash ? (int)(slash - identity_path + 1) : 0;

	buf_printf(out, "%.*srsa-%s.pem", folder, identity_path,
		   how == SEAL_OAEP ? "binary" : "nul");
}

static enum err read_pem(int fd, const char *path, struct buf *pem,
			 char why[static 256])
{
	enum err err = check_owner(fd, path, why);

	if (err)
		return err;
	buf_room(pem, PEM_MAX + 1);

	ssize_t n = pread(fd, pem->p, PEM_MAX + 1, 0);

	if (n < 0)
		return fail(why, path, "cannot be read");
	pem->n = (size_t)n;
	return OK;
}

/* With keys of nobody, since those of ours are another thread's. */
static enum err try_pem(const char *path, enum seal how, const struct buf *pem,
			char why[static 256])
{
	static const uint8_t seed[32];
	struct keys *k = keys_new(seed);
	enum err err = keys_add(k, how, (struct bytes){pem->p, pem->n});

	keys_free(k);
	if (err != ERR_PARSE)
		return err;
	return refuse(why, path,
		      "damaged; it is left as it is. Put a copy back, or "
		      "remove it to be given a new key",
		      err);
}

static enum err make_pem(const char *path, enum seal how, struct buf *pem,
			 char why[static 256])
{
	enum err err = seal_make(how, pem);

	if (err)
		return refuse(why, path, "no key could be made", err);
	return write_secret(path, (struct bytes){pem->p, pem->n}, why);
}

static enum err find_pem(const char *path, enum seal how, struct buf *pem,
			 char why[static 256])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0 && errno == ENOENT)
		return make_pem(path, how, pem, why);
	if (fd < 0)
		return fail(why, path, "cannot be opened");

	enum err err = read_pem(fd, path, pem, why);

	close(fd);
	return err ? err : try_pem(path, how, pem, why);
}

enum err identity_rsa(const char *identity_path, enum seal how, struct buf *pem,
		      char why[static 256])
{
	struct buf path = {0};

	pem->n = 0;
	if ((how != SEAL_OAEP && how != SEAL_RAW) || !seal_built(how)) {
		snprintf(why, 256, "this sotto was built without RSA");
		return ERR_STATE;
	}
	rsa_path(&path, identity_path, how);

	enum err err = find_pem((const char *)path.p, how, pem, why);

	buf_free(&path);
	if (!err)
		return OK;
	if (pem->p)
		secret_wipe(pem->p, pem->cap);
	pem->n = 0;
	return err;
}
