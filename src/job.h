#ifndef SOTTO_SRC_JOB_H
#define SOTTO_SRC_JOB_H
#include "proto/seal.h"
#include "src/event.h"
/* A question to the store; answered by a page, oldest first; a search newest
 * first: all words of `text`, parts of words, without case and accents. */
struct query {
	char *text;              /* owned; NULL: no search */
	contact_id with;         /* 0: all */
	message_n before, after; /* 0: from that end; both 0: the newest */
	bool oldest;             /* both 0: the oldest */
	unsigned limit;          /* 0: PAGE_USUAL; at most PAGE_MAX */
};
struct page {
	struct message **row; /* owned */
	size_t n;
	bool more;
	message_n next;
};
void page_free(struct page *p); /* what it holds */

enum job_kind {
	JOB_RESOLVE, /* host, port */
	JOB_PAGE,    /* query */
	JOB_RSA,     /* seal: our RSA key for it, made if there is none */
};
enum { JOBS_MAX = 16, ADDRS_MAX = 16 };

/* What is too slow for a turn. Policy asks by FX_JOB and hears the answer
 * later, like a packet. One struct for both ways; job_free frees all. */
struct job {
	enum job_kind kind;
	client_id client; /* on whose behalf, with ref */
	uint64_t ref;
	contact_id contact;
	char *host; /* owned, as are all pointers here */
	uint16_t port;
	struct query query;
	enum err err; /* the answer; ERR_FULL: more than JOBS_MAX at once */
	struct addr addr[ADDRS_MAX];
	size_t n_addr;
	struct page page;
	enum seal seal;
	struct buf pem;   /* a secret: job_free wipes it */
	char why[256];    /* of JOB_RSA that failed, in words */
	int64_t taken_us; /* the worker's own: when it took the job */
};
struct job *job_copy(const struct job *j); /* the question only */
void job_free(struct job *j);
#endif
