#ifndef SOTTO_SRC_EFFECT_H
#define SOTTO_SRC_EFFECT_H
#include "proto/dialect.h"
#include "src/event.h"
#include "src/job.h"
enum effect_kind { FX_SEND, FX_DIAL, FX_CLOSE, FX_EVENT, FX_JOB, FX_SPLICE };

/* Something the engine must do to the world. */
struct effect {
	enum effect_kind kind;
	/* Not before this batch is on the disk; 0: at once. ACKs, messages on
	 * screens, delivery and the first SEND of a message wait; dials,
	 * closes, hello, presence, jobs, V_BUSY and errors do not. */
	ticket after;
	link_id link; /* SEND, CLOSE */
	/* SEND; DIAL, plain dialects: what is said first, at once, so that
	 * nobody is connected to and left; or NULL */
	const struct packet *packet;
	client_id client;              /* EVENT */
	const struct event *event;     /* EVENT */
	const struct job *job;         /* JOB */
	struct addr at;                /* DIAL */
	const struct dialect *dialect; /* DIAL */
	contact_id contact;            /* DIAL: on whose behalf */
	struct pubkey pin;             /* DIAL: zero: any key */
	/* DIAL: not somebody's own port but that of a center, where he dials
	 * too, with the same token; answers: and it is he who begins. */
	bool relayed, answers;
	struct uuid token; /* the same; SPLICE: two that have it are spliced */
};

/* A list of effects. It copies what is put into it. */
struct effects;
struct effects *effects_new(void);
void effects_free(struct effects *fx);
void effects_put(struct effects *fx, const struct effect *e);
void effects_drop(struct effects *fx); /* all: the batch failed */
/* The next one whose ticket is durable, by (after, order of putting); what it
 * points to is good until the next call. */
bool effects_next(struct effects *fx, ticket durable, struct effect *out);
/* What was durable at the last effects_next: what waited for it is told. */
ticket effects_durable(const struct effects *fx);
#endif
