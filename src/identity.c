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

enum { SEED = 32 };

static enum err fail(char why[static 256], const char *path, const char *what)
{
	snprintf(why, 256, "%s: %s", path, what);
	return ERR_SYS;
}

void identity_holder(const char *lock_path, long *pid, char tty[static 64])
{
	char text[128] = "";
	int fd = open(lock_path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);

	*pid = 0;
	tty[0] = 0;
	if (fd >= 0)
		close(fd);
	if (n > 0)
		sscanf(text, "%ld %63s", pid, tty);
}

static void write_holder(int fd)
{
	char text[128];
	const char *tty = isatty(0) ? ttyname(0) : NULL;
	int n = snprintf(text, sizeof text, "%ld %s\n", (long)getpid(),
			 tty ? tty : "-");

	/* for people only: that it is not written hurts nobody */
	if (ftruncate(fd, 0) || pwrite(fd, text, (size_t)n, 0) < 0)
		return;
}

static enum err take_lock(struct identity *id, const char *path,
			  char why[static 256])
{
	long pid;
	char tty[64];

	id->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (id->lock_fd < 0)
		return fail(why, path, strerror(errno));
	if (flock(id->lock_fd, LOCK_EX | LOCK_NB) == 0) {
		write_holder(id->lock_fd);
		return OK;
	}
	identity_holder(path, &pid, tty);
	snprintf(why, 256,
		 "open on %s (pid %ld). Another person on this machine:"
		 " sotto --profile NAME",
		 tty[0] == '/' ? tty + 5 : "no terminal", pid);
	return ERR_EXISTS;
}

/* The whole file, then its name: a crash leaves all of it or nothing. */
static enum err make_seed(const char *path, uint8_t seed[static SEED],
			  char why[static 256])
{
	struct rng rng;
	struct buf tmp = {0};
	const char *name;
	int fd;
	bool good;

	clock_seed(&rng);
	rng_fill(&rng, seed, SEED);
	secret_wipe(&rng, sizeof rng);
	buf_printf(&tmp, "%s.new", path);
	name = (const char *)tmp.p;
	unlink(name);
	fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	good = fd >= 0 && write(fd, seed, SEED) == SEED && !fsync(fd);
	if (fd >= 0)
		close(fd);
	good = good && !rename(name, path);
	if (!good)
		fail(why, path, strerror(errno));
	buf_free(&tmp);
	return good ? OK : ERR_SYS;
}

static enum err read_seed(int fd, const char *path, uint8_t seed[static SEED],
			  char why[static 256])
{
	uint8_t in[SEED + 1];
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st))
		return fail(why, path, strerror(errno));
	if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() ||
	    (st.st_mode & 077)) {
		snprintf(why, 256,
			 "%s: others can read it; chmod 600 it if "
			 "they have not",
			 path);
		return ERR_AUTH;
	}
	n = read(fd, in, sizeof in);
	if (n != SEED) {
		snprintf(why, 256,
			 "%s: damaged: %zd bytes where %d belong; "
			 "left as it is",
			 path, n, SEED);
		return ERR_PARSE;
	}
	memcpy(seed, in, SEED);
	secret_wipe(in, sizeof in);
	return OK;
}

static enum err get_seed(struct identity *id, const char *path,
			 uint8_t seed[static SEED], char why[static 256])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	enum err err;

	if (fd < 0 && errno == ENOENT) {
		id->made = true;
		return make_seed(path, seed, why);
	}
	if (fd < 0)
		return fail(why, path, strerror(errno));
	err = read_seed(fd, path, seed, why);
	close(fd);
	return err;
}

enum err identity_open(struct identity *id, const char *identity_path,
		       const char *lock_path, char why[static 256])
{
	uint8_t seed[SEED];
	enum err err;

	*id = (struct identity){.lock_fd = -1};
	err = take_lock(id, lock_path, why);
	if (!err)
		err = get_seed(id, identity_path, seed, why);
	if (err) {
		identity_close(id);
		return err;
	}
	id->keys = keys_new(seed);
	secret_wipe(seed, sizeof seed);
	return OK;
}

void identity_close(struct identity *id)
{
	keys_free(id->keys);
	if (id->lock_fd >= 0)
		close(id->lock_fd);
	*id = (struct identity){.lock_fd = -1};
}
