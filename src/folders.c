#include "src/folders.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static char *format(const char *fmt, ...) PRINTF(1, 2);
static char *format(const char *fmt, ...)
{
	char *s = NULL;
	va_list ap;

	va_start(ap, fmt);
	int n = vasprintf(&s, fmt, ap);
	va_end(ap);
	if (n < 0)
		abort(); /* memory is out: as xmalloc does */
	return s;
}

/* The XDG specification: a path that is not absolute is as good as none. */
static const char *absolute(const char *variable)
{
	const char *s = getenv(variable);

	return s && s[0] == '/' ? s : NULL;
}

static const char *user_home(void)
{
	const char *home = absolute("HOME");

	if (home)
		return home;
	const struct passwd *p = getpwuid(geteuid());
	return p && p->pw_dir && p->pw_dir[0] == '/' ? p->pw_dir : "/";
}

static char *xdg(const char *variable, const char *below_home)
{
	const char *base = absolute(variable);

	if (base)
		return format("%s/sotto", base);
	return format("%s/%s/sotto", user_home(), below_home);
}

/* Somebody else's runtime folder stays in the environment after su(1). */
static bool ours(const char *dir)
{
	struct stat st;

	return !stat(dir, &st) && S_ISDIR(st.st_mode) && st.st_uid == geteuid();
}

static void below(char **dir, const char *profile)
{
	if (!strcmp(profile, "default"))
		return;

	char *sub = format("%s/%s", *dir, profile);

	free(*dir);
	*dir = sub;
}

static char *runtime_dir(const char *state, const char *profile)
{
	const char *base = absolute("XDG_RUNTIME_DIR");

	if (!base || !ours(base))
		return format("%s/run", state);

	char *dir = format("%s/sotto", base);

	below(&dir, profile);
	return dir;
}

/* mkdir -p; folders that we make are for their owner alone. */
enum err folders_make(const char *path, char why[static 256])
{
	char *part = format("%s/", path);
	struct stat st;
	enum err err = OK;

	for (char *p = part + 1; *p && !err; p++) {
		if (*p != '/')
			continue;
		*p = 0;
		if (mkdir(part, 0700) && errno != EEXIST &&
		    (errno != EROFS || stat(part, &st)))
			err = ERR_SYS;
		*p = '/';
	}
	if (!err && (stat(part, &st) || access(part, W_OK | X_OK)))
		err = ERR_SYS;
	if (err)
		snprintf(why, 256, "folder %.180s: %s", path, strerror(errno));
	free(part);
	return err;
}

/* ---- --ephemeral ---- */

#define TEMPORARY "sotto-XXXXXX"
/* It is locked as long as we live, so that who comes later knows what kill -9
 * left behind. A folder that only looks like ours has no such file. */
#define ALIVE "ephemeral"

static int remove_one(const char *path, const struct stat *st, int type,
		      struct FTW *at)
{
	(void)st, (void)type;
	if (at->level != 1 || strcmp(path + at->base, ALIVE) != 0)
		remove(path);
	return 0;
}

/* Made by mkdtemp, so all in it is ours. Links are not followed, other file
 * systems not entered. By its last file it is known to whoever must go on
 * with this. */
static void remove_temporary(const char *path)
{
	struct stat st;

	if (lstat(path, &st) || !S_ISDIR(st.st_mode) || st.st_uid != geteuid())
		return;
	nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);

	char *last = format("%s/" ALIVE, path);

	unlink(last);
	rmdir(path);
	free(last);
}

/* Locked before it has its name: nobody finds it free. -1: errno says it. */
static int alive_make(const char *dir)
{
	char *name = format("%s/" ALIVE, dir), *made = format("%s.new", name);
	int fd = open(made, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd >= 0 && (flock(fd, LOCK_EX | LOCK_NB) || rename(made, name))) {
		close(fd);
		fd = -1;
	}
	free(made);
	free(name);
	return fd;
}

/* A lock of ours that nobody holds: it is held by us from now on. */
static int alive_take(int dir)
{
	int fd = openat(dir, ALIVE, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return -1;
	if (!fstat(fd, &st) && S_ISREG(st.st_mode) && st.st_uid == geteuid() &&
	    !flock(fd, LOCK_EX | LOCK_NB))
		return fd;
	close(fd);
	return -1;
}

static void remove_abandoned(const char *base, const char *name)
{
	char *path = format("%s/%s", base, name);
	int dir = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	int fd = -1;

	if (dir >= 0 && !fstat(dir, &st) && st.st_uid == geteuid() &&
	    (st.st_mode & 07777) == 0700)
		fd = alive_take(dir);
	if (fd >= 0) {
		remove_temporary(path);
		close(fd);
	}
	if (dir >= 0)
		close(dir);
	free(path);
}

static bool is_temporary(const char *name)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
	const size_t fixed = strlen("sotto-");

	return strlen(name) == strlen(TEMPORARY) &&
	       !memcmp(name, TEMPORARY, fixed) &&
	       !name[fixed + strspn(name + fixed, letters)];
}

/* What others of us left that died before they could clean up. */
static void sweep(const char *base)
{
	DIR *d = opendir(base);

	if (!d)
		return;
	for (struct dirent *e; (e = readdir(d));)
		if (is_temporary(e->d_name))
			remove_abandoned(base, e->d_name);
	closedir(d);
}

static enum err make_temporary(struct config *c, char why[static 256])
{
	const char *base = absolute("TMPDIR");
	char *path = format("%s/" TEMPORARY, base ? base : "/tmp");
	bool made;

	sweep(base ? base : "/tmp");
	made = mkdtemp(path);
	c->made_lock = made ? alive_make(path) : -1;
	if (c->made_lock < 0) {
		snprintf(why, 256, "folder %.180s: %s", path, strerror(errno));
		if (made)
			remove_temporary(path);
		free(path);
		return ERR_SYS;
	}
	c->made_dir = path;
	return OK;
}

/* ---- all of them ---- */

static char *one_folder(const struct config *c)
{
	const char *home = c->made_dir ? c->made_dir : c->home;
	char *cwd = home[0] == '/' ? NULL : getcwd(NULL, 0);
	char *dir = cwd ? format("%s/%s", cwd, home) : format("%s", home);

	free(cwd);
	return dir;
}

static char *config_file(const char *dir)
{
	char *path = format("%s/config.ini", dir);

	/* 004: the file is called "Config.ini" there. */
	if (access(path, F_OK)) {
		char *other = format("%s/Config.ini", dir);

		if (!access(other, F_OK)) {
			free(path);
			return other;
		}
		free(other);
	}
	return path;
}

/* A stranger's folder must not become the home of our keys: the temporary one
 * is made even when nothing else is. */
enum err folders_find(struct config *c, bool make, char why[static 256])
{
	char *config = NULL, *state = NULL;
	enum err err = OK;

	if (make && c->ephemeral)
		err = make_temporary(c, why);
	if (err)
		return err;
	if (c->made_dir || c->home) {
		config = one_folder(c);
		below(&config, c->profile);
		state = format("%s", config);
		c->data_dir = format("%s", config);
		c->run_dir = format("%s", config);
	} else {
		config = xdg("XDG_CONFIG_HOME", ".config");
		state = xdg("XDG_STATE_HOME", ".local/state");
		c->data_dir = xdg("XDG_DATA_HOME", ".local/share");
		below(&config, c->profile);
		below(&state, c->profile);
		below(&c->data_dir, c->profile);
		c->run_dir = runtime_dir(state, c->profile);
	}
	c->config_path = config_file(config);
	c->peers_file = format("%s/peers.txt", config);
	c->identity_path = format("%s/identity", c->data_dir);
	c->store_path = format("%s/sotto.db", c->data_dir);
	if (!c->center_store)
		c->center_store = format("%s/center.db", c->data_dir);
	c->lock_path = format("%s/lock", c->data_dir);
	c->log_path = format("%s/log.txt", state);
	c->control_path = format("%s/control.sock", c->run_dir);
	if (make)
		err = folders_make(c->data_dir, why);
	if (make && !err)
		err = folders_make(state, why);
	if (make && !err)
		err = folders_make(c->run_dir, why);
	free(config);
	free(state);
	return err;
}

void folders_free(struct config *c)
{
	if (c->made_dir) {
		remove_temporary(c->made_dir);
		close(c->made_lock);
	}
	free(c->made_dir);
	free(c->config_path);
	free(c->peers_file);
	free(c->data_dir);
	free(c->identity_path);
	free(c->store_path);
	free(c->lock_path);
	free(c->log_path);
	free(c->run_dir);
	free(c->control_path);
}
