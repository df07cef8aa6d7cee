#include "src/job.h"
#include <stdlib.h>
#include <string.h>

void page_free(struct page *p)
{
	for (size_t i = 0; i < p->n; i++)
		message_free(p->row[i]);
	free(p->row);
	*p = (struct page){0};
}

static char *copy_of(const char *s)
{
	if (!s)
		return NULL;
	return xstrndup((struct bytes){(const uint8_t *)s, strlen(s)});
}

struct job *job_copy(const struct job *j)
{
	struct job *copy = xmalloc(sizeof(*copy));

	*copy = (struct job){
	    .kind = j->kind,
	    .client = j->client,
	    .ref = j->ref,
	    .contact = j->contact,
	    .port = j->port,
	    .seal = j->seal,
	    .query = j->query,
	};
	copy->host = copy_of(j->host);
	copy->query.text = copy_of(j->query.text);
	return copy;
}

void job_free(struct job *j)
{
	if (!j)
		return;
	free(j->host);
	free(j->query.text);
	page_free(&j->page);
	if (j->pem.n)
		secret_wipe(j->pem.p, j->pem.n);
	buf_free(&j->pem);
	free(j);
}
