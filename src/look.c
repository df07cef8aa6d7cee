#include "src/look.h"
#include <arpa/inet.h>
#include <dirent.h>
#include <ifaddrs.h>
#include <inttypes.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

enum { LINE = 512, LINES_MAX = 100000 };

/* ---- locks and processes ---- */

/* "3: FLOCK  ADVISORY  WRITE 8611 fe:00:11233158 0 EOF" */
static bool lock_line(const char *line, const struct stat *st, long *pid)
{
	unsigned major, minor;
	uint64_t inode;
	const char *flock = strstr(line, ": FLOCK ");

	return flock &&
	       sscanf(flock, ": FLOCK %*s %*s %ld %x:%x:%" SCNu64, pid, &major,
		      &minor, &inode) == 4 &&
	       inode == st->st_ino && major == major(st->st_dev) &&
	       minor == minor(st->st_dev);
}

void look_lock(const char *path, struct look_lock *out)
{
	char line[LINE];
	struct stat st;

	*out = (struct look_lock){.there = !lstat(path, &st)};

	FILE *in = out->there ? fopen("/proc/locks", "re") : NULL;

	if (!in)
		return;
	out->known = true;
	for (int i = 0; i < LINES_MAX && !out->held; i++) {
		if (!fgets(line, sizeof line, in))
			break;
		out->held = lock_line(line, &st, &out->pid);
	}
	fclose(in);
	if (!out->held || out->pid < 0)
		out->pid = 0;
}

/* A file of /proc about a process, as a string. */
static bool about(long pid, const char *what, char *out, size_t size)
{
	char path[64];
	size_t n;

	snprintf(path, sizeof path, "/proc/%ld/%s", pid, what);

	FILE *in = fopen(path, "re");

	if (!in)
		return false;
	n = fread(out, 1, size - 1, in);
	out[n] = 0;
	fclose(in);
	return n > 0;
}

void look_process(long pid, char name[static 32])
{
	char raw[32];
	struct buf clean = {0};

	name[0] = 0;
	if (pid <= 0 || !about(pid, "comm", raw, sizeof raw))
		return;
	raw[strcspn(raw, "\n")] = 0;
	text_clean(&clean, (struct bytes){(uint8_t *)raw, strlen(raw)});
	snprintf(name, 32, "%.*s", (int)clean.n, (const char *)clean.p);
	buf_free(&clean);
}

/* The 22nd field; the name before it may hold blanks and brackets. */
int64_t look_began_us(long pid)
{
	char text[1024];
	const char *p;
	int64_t ticks;
	long hz = sysconf(_SC_CLK_TCK);

	if (pid <= 0 || hz <= 0 || !about(pid, "stat", text, sizeof text))
		return 0;
	p = strrchr(text, ')');
	for (int field = 2; p && field < 22; field++)
		p = strchr(p + 1, ' ');
	if (!p || sscanf(p, " %" SCNd64, &ticks) != 1 || ticks < 0)
		return 0;
	return ticks * (1000000 / hz);
}

/* ---- ports ---- */

/* The kernel writes its words as numbers of this machine. */
static bool word(const char **s, uint8_t out[static 4])
{
	char digits[9] = "";
	uint32_t n;

	for (int i = 0; i < 8; i++) {
		digits[i] = **s;
		if (!digits[i])
			return false;
		++*s;
	}
	n = (uint32_t)strtoul(digits, NULL, 16);
	memcpy(out, &n, 4);
	return true;
}

static bool address(const char *s, struct addr *out)
{
	static const uint8_t v4[12] = {[10] = 0xff, [11] = 0xff};
	bool good = true;

	memset(out, 0, sizeof *out);
	if (strcspn(s, ":") == 8) {
		memcpy(out->ip, v4, 12);
		good = word(&s, out->ip + 12);
	} else {
		for (int i = 0; i < 16 && good; i += 4)
			good = word(&s, out->ip + i);
	}
	if (!good || *s != ':')
		return false;
	out->port = (uint16_t)strtoul(s + 1, NULL, 16);
	return true;
}

/* Every address of this machine: ::, or 0.0.0.0. */
static bool is_any(const struct addr *a)
{
	static const uint8_t any[16];
	static const uint8_t v4[16] = {[10] = 0xff, [11] = 0xff};

	return !memcmp(a->ip, any, 16) || !memcmp(a->ip, v4, 16);
}

static bool in_the_way(const struct addr *theirs, const struct addr *ours)
{
	return theirs->port == ours->port &&
	       (is_any(theirs) || is_any(ours) ||
		!memcmp(theirs->ip, ours->ip, 16));
}

/* "0: 0100007F:18B7 00000000:0000 0A 0:0 0:0 0 1000 0 12345": the address,
 * that of the other side, state, queues, timers, whose, time-out, inode. */
static bool port_line(const char *line, const struct addr *at,
		      enum look_what what, struct look_port *out,
		      uint64_t *inode)
{
	enum { LISTENS = 10 };
	char text[64];
	unsigned state, uid;
	struct addr a;

	if (sscanf(line, " %*d: %63s %*s %x %*s %*s %*s %u %*d %" SCNu64, text,
		   &state, &uid, inode) != 4 ||
	    (what == LOOK_TCP && state != LISTENS) || !address(text, &a) ||
	    !in_the_way(&a, at))
		return false;
	out->taken = true;
	out->uid = uid;
	return true;
}

static void port_file(const char *path, const struct addr *at,
		      enum look_what what, struct look_port *out,
		      uint64_t *inode)
{
	char line[LINE];
	FILE *in = fopen(path, "re");

	if (!in)
		return;
	out->known = true;
	for (int i = 0; i < LINES_MAX && !out->taken; i++) {
		if (!fgets(line, sizeof line, in))
			break;
		port_line(line, at, what, out, inode);
	}
	fclose(in);
}

static bool has_socket(const char *pid, uint64_t inode)
{
	char folder[300], path[600], link[64], want[64];
	bool found = false;
	DIR *d;

	snprintf(want, sizeof want, "socket:[%" PRIu64 "]", inode);
	snprintf(folder, sizeof folder, "/proc/%s/fd", pid);
	d = opendir(folder);
	if (!d)
		return false;
	for (struct dirent *e; !found && (e = readdir(d));) {
		snprintf(path, sizeof path, "%s/%s", folder, e->d_name);

		ssize_t n = readlink(path, link, sizeof link - 1);

		link[n > 0 ? n : 0] = 0;
		found = !strcmp(link, want);
	}
	closedir(d);
	return found;
}

/* Only our own processes let us look. */
static long owner(uint64_t inode)
{
	DIR *d = opendir("/proc");
	long pid = 0;

	if (!d)
		return 0;
	for (struct dirent *e; !pid && (e = readdir(d));)
		if (e->d_name[0] > '0' && e->d_name[0] <= '9' &&
		    has_socket(e->d_name, inode))
			pid = strtol(e->d_name, NULL, 10);
	closedir(d);
	return pid;
}

void look_port(const struct addr *at, enum look_what what,
	       struct look_port *out)
{
	bool tcp = what == LOOK_TCP;
	uint64_t inode = 0;

	*out = (struct look_port){0};
	port_file(tcp ? "/proc/net/tcp" : "/proc/net/udp", at, what, out,
		  &inode);
	if (!out->taken)
		port_file(tcp ? "/proc/net/tcp6" : "/proc/net/udp6", at, what,
			  out, &inode);
	if (out->taken && inode)
		out->pid = owner(inode);
}

/* ---- interfaces ---- */

static bool net_of(const struct ifaddrs *i, struct look_net *out)
{
	static const uint8_t v4[12] = {[10] = 0xff, [11] = 0xff};
	const void *a = i->ifa_addr;

	*out = (struct look_net){0};
	if (!a || !(i->ifa_flags & IFF_UP))
		return false;
	if (i->ifa_addr->sa_family == AF_INET) {
		memcpy(out->at.ip, v4, 12);
		memcpy(out->at.ip + 12,
		       &((const struct sockaddr_in *)a)->sin_addr, 4);
	} else if (i->ifa_addr->sa_family == AF_INET6) {
		memcpy(out->at.ip, &((const struct sockaddr_in6 *)a)->sin6_addr,
		       16);
	} else {
		return false;
	}
	snprintf(out->name, sizeof out->name, "%.15s", i->ifa_name);
	out->loopback = i->ifa_flags & IFF_LOOPBACK;
	out->multicast = i->ifa_flags & IFF_MULTICAST;
	out->link_local = (out->at.ip[0] == 0xfe && out->at.ip[1] >> 6 == 2);
	return true;
}

size_t look_nets(struct look_net out[static LOOK_NETS])
{
	struct ifaddrs *all;
	size_t n = 0;

	if (getifaddrs(&all))
		return 0;
	for (struct ifaddrs *i = all; i && n < LOOK_NETS; i = i->ifa_next)
		n += net_of(i, &out[n]);
	freeifaddrs(all);
	return n;
}
