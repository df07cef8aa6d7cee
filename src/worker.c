#include "src/worker.h"
#include "src/clock.h"
#include "src/identity.h"
#include "src/store.h"
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static const int64_t TOO_OLD_US = 15000000;
enum { RETRY_MS = 10 };

struct worker {
	struct queue *jobs, *answers; /* borrowed: only inside enter, leave */
	int jobs_fd;
	char *store_path, *identity_path;
	struct queue *names; /* jobs that wait for the names' turn, */
	atomic_uint waiting; /* that many, counted before they are there */
	struct queue *stop;  /* holds one item from worker_stop on */
	atomic_bool stopped;
	atomic_bool resolving; /* one thread has the names */
	atomic_uint inside;    /* threads that use the borrowed queues */
	atomic_uint owners;    /* who made it, and the threads */
};

static char *copy_text(const char *s)
{
	return xstrndup((struct bytes){(const uint8_t *)s, strlen(s)});
}

struct worker *worker_new(const char *store_path, const char *identity_path,
			  struct queue *jobs, struct queue *answers)
{
	struct worker *w = xmalloc(sizeof(*w));

	*w = (struct worker){
	    .jobs = jobs,
	    .answers = answers,
	    .jobs_fd = queue_fd(jobs),
	    .store_path = copy_text(store_path),
	    .identity_path = copy_text(identity_path),
	    .names = queue_new(JOBS_MAX, 0),
	    .stop = queue_new(1, 0),
	};
	atomic_init(&w->owners, 1 + WORKER_THREADS);
	return w;
}

static void release(struct worker *w)
{
	if (atomic_fetch_sub(&w->owners, 1) > 1)
		return;
	for (struct job *j; (j = queue_pop(w->names));)
		job_free(j);
	queue_free(w->names);
	queue_pop(w->stop);
	queue_free(w->stop);
	free(w->store_path);
	free(w->identity_path);
	free(w);
}

void worker_free(struct worker *w)
{
	if (w)
		release(w);
}

void worker_forgo(struct worker *w)
{
	release(w);
}

/* Between these two the borrowed queues are there: worker_stop says that it
 * wants them back before it looks whether somebody is inside. */
static bool enter(struct worker *w)
{
	atomic_fetch_add(&w->inside, 1);
	if (!atomic_load(&w->stopped))
		return true;
	atomic_fetch_sub(&w->inside, 1);
	return false;
}

static void leave(struct worker *w)
{
	atomic_fetch_sub(&w->inside, 1);
}

void worker_stop(struct worker *w)
{
	atomic_store(&w->stopped, true);
	queue_push(w->stop, w);
	while (atomic_load(&w->inside) > 0)
		sched_yield();
}

/* ---- jobs ---- */

static enum err err_of_name(int code)
{
	switch (code) {
	case 0:
		return OK;
	case EAI_NONAME:
	case EAI_NODATA:
	case EAI_FAMILY:
		return ERR_ABSENT;
	default:
		return ERR_SYS; /* no name server answers, and the like */
	}
}

static bool add_addr(struct job *j, const struct sockaddr *sa)
{
	struct addr a = {.port = j->port};

	if (sa->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const void *)sa;
		memcpy(a.ip, &in6->sin6_addr, 16);
	} else if (sa->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)sa;
		a.ip[10] = a.ip[11] = 0xff;
		memcpy(a.ip + 12, &in->sin_addr, 4);
	} else {
		return true;
	}
	j->addr[j->n_addr++] = a;
	return j->n_addr < ADDRS_MAX;
}

static void resolve(struct job *j)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list = NULL;

	j->err = err_of_name(getaddrinfo(j->host, NULL, &hints, &list));
	if (j->err)
		return;
	for (const struct addrinfo *i = list; i; i = i->ai_next)
		if (!add_addr(j, i->ai_addr))
			break;
	freeaddrinfo(list);
	if (!j->n_addr)
		j->err = ERR_ABSENT;
}

/* A reader is opened with the first page, and again after an error. */
static void read_page(struct worker *w, struct reader **r, struct job *j)
{
	j->err = *r ? OK : reader_open(w->store_path, r);
	if (j->err)
		return;
	j->err = reader_page(*r, &j->query, &j->page);
	if (!j->err)
		return;
	reader_close(*r);
	*r = NULL;
}

static bool try_answer(struct worker *w, struct job *j)
{
	bool put = queue_push_kept(w->answers, j);

	leave(w);
	return put;
}

/* Takes j. */
static void answer(struct worker *w, struct job *j)
{
	struct pollfd stop = {.fd = queue_fd(w->stop), .events = POLLIN};

	if (clock_mono_us() - j->taken_us > TOO_OLD_US) {
		page_free(&j->page);
		if (j->pem.n)
			secret_wipe(j->pem.p, j->pem.n);
		buf_free(&j->pem);
		j->n_addr = 0;
		j->err = ERR_CLOSED;
	}
	while (enter(w)) {
		if (try_answer(w, j))
			return;
		poll(&stop, 1, RETRY_MS); /* full: more jobs than places */
	}
	job_free(j);
}

static void do_name(struct worker *w)
{
	struct job *j = queue_pop(w->names);

	if (!j)
		return;
	atomic_fetch_sub(&w->waiting, 1);
	resolve(j);
	answer(w, j);
}

/* Whoever finds the names free does all that wait for them; the others leave
 * theirs there: they counted it before they looked. */
static void do_names(struct worker *w)
{
	while (atomic_load(&w->waiting) && !atomic_load(&w->stopped)) {
		if (atomic_exchange(&w->resolving, true))
			return;
		do_name(w);
		atomic_store(&w->resolving, false);
	}
}

static void put_name(struct worker *w, struct job *j)
{
	atomic_fetch_add(&w->waiting, 1);
	if (queue_push(w->names, j)) {
		do_names(w);
		return;
	}
	atomic_fetch_sub(&w->waiting, 1);
	j->err = ERR_FULL;
	answer(w, j);
}

static void do_job(struct worker *w, struct reader **r, struct job *j)
{
	j->taken_us = clock_mono_us();
	switch (j->kind) {
	case JOB_PAGE:
		read_page(w, r, j);
		answer(w, j);
		break;
	case JOB_RESOLVE:
		put_name(w, j);
		break;
	case JOB_RSA: /* core asks for each of them once */
		j->err =
		    identity_rsa(w->identity_path, j->seal, &j->pem, j->why);
		answer(w, j);
		break;
	}
}

static struct job *next_job(struct worker *w)
{
	if (!enter(w))
		return NULL;
	struct job *j = queue_pop(w->jobs);
	leave(w);
	return j;
}

void worker_run(struct worker *w)
{
	struct pollfd p[2] = {
	    {.fd = w->jobs_fd, .events = POLLIN},
	    {.fd = queue_fd(w->stop), .events = POLLIN},
	};
	struct reader *reader = NULL;

	while (!atomic_load(&w->stopped)) {
		poll(p, 2, -1);
		struct job *j = next_job(w);
		if (j)
			do_job(w, &reader, j);
	}
	reader_close(reader);
	release(w);
}
