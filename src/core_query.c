#include "src/core_impl.h"
#include <stdio.h>
#include <stdlib.h>

/* What front ends ask. A page is read by a worker; what is in memory or on its
 * way to the disk is newer. */

static bool uuid_none(struct uuid id)
{
	return memcmp(&id, &(struct uuid){0}, sizeof(id)) == 0;
}

static unsigned page_limit(const struct command *cmd, unsigned usual)
{
	if (!cmd->limit)
		return usual;
	return cmd->limit < PAGE_MAX ? cmd->limit : PAGE_MAX;
}

static void result_page(struct core *c, client_id to, uint64_t ref, bool more,
			message_n next)
{
	tell(c, to, 0,
	     &(struct event){
		 .kind = EV_RESULT, .ref = ref, .more = more, .next = next});
}

/* Contacts by id; the next page from the last one's. */
void query_snapshot(struct core *c, const struct now *now, client_id from,
		    const struct command *cmd)
{
	unsigned limit = page_limit(cmd, PAGE_MAX), n = 0;
	contact_id last = 0;
	bool more = false;

	for (size_t i = 0; i < c->n_list && !more; i++) {
		struct who *w = c->list[i];
		if (w->row.shown.id <= cmd->n || w->row.hidden)
			continue;
		more = n++ == limit;
		if (more)
			break;
		last = w->row.shown.id;
		tell(c, from, 0,
		     &(struct event){.kind = EV_ITEM,
				     .ref = cmd->ref,
				     .contact = &w->row.shown});
	}
	result_page(c, from, cmd->ref, more, more ? last : 0);
	(void)now;
}

/* When its link will be tried again; 0: not by itself. */
static int64_t next_try(const struct now *now, const struct who *w)
{
	if (w->conn || !w->dial.timer.pos)
		return 0;
	return (now->wall_us + w->dial.timer.at - now->mono_us) / 1000;
}

/* What is in memory is newer than what is on the disk. */
static void item(struct core *c, const struct now *now, client_id to,
		 uint64_t ref, const struct message *stored)
{
	struct row *r = stored->incoming ? NULL : outbox_find(c, stored->id);
	struct message m = r ? *r->m : *stored;
	struct who *w = who_find(c, m.with);
	struct event ev = {.kind = EV_ITEM, .ref = ref, .message = &m};
	struct contact shown;

	if (w && r && m.delivery == D_QUEUED && !m.next_ms)
		m.next_ms = next_try(now, w);
	if (w) {
		shown = w->row.shown;
		shown.draft = NULL;
		ev.contact = &shown;
	}
	tell(c, to, 0, &ev);
}

void query_outbox(struct core *c, const struct now *now, client_id from,
		  const struct command *cmd)
{
	bool one = cmd->contact > 0 || cmd->to;
	struct who *w = one ? command_target(c, now, from, cmd, false) : NULL;
	unsigned limit = page_limit(cmd, PAGE_MAX), n = 0;
	message_n last = 0, after = cmd->n;
	bool more = false, pages = true;

	if (one && !w)
		return;
	while (pages && !more) {
		struct page p = {0};
		if (store_outbox(c->store, after, &p))
			break;
		for (size_t i = 0; i < p.n && !more; i++) {
			const struct message *m = p.row[i];
			if (w && m->with != w->row.shown.id)
				continue;
			more = n++ == limit;
			if (more)
				break;
			last = m->n;
			item(c, now, from, cmd->ref, m);
		}
		pages = p.more;
		after = p.next;
		page_free(&p);
	}
	result_page(c, from, cmd->ref, more, more ? last : 0);
}

/* The first page waits for what was just told, as that of a history. */
void query_search(struct core *c, const struct now *now, client_id from,
		  const struct command *cmd)
{
	bool one = cmd->contact > 0 || cmd->to;
	struct who *w = one ? command_target(c, now, from, cmd, false) : NULL;

	if (one && !w)
		return;
	if (!cmd->text || !cmd->text[strspn(cmd->text, " \t\n")]) {
		command_result(c, from, cmd->ref, 0, CODE_USAGE,
			       "no words to look for");
		return;
	}
	struct job j = {.kind = JOB_PAGE, .client = from, .ref = cmd->ref};
	j.query.text = cmd->text;
	j.query.with = w ? w->row.shown.id : 0;
	j.query.before = cmd->n;
	j.query.limit = page_limit(cmd, PAGE_USUAL);
	effects_put(c->fx, &(struct effect){.kind = FX_JOB,
					    .job = &j,
					    .after = cmd->n ? 0 : c->hard});
}

/* A page is read from the disk: the newest waits for what was just told. */
void query_history(struct core *c, const struct now *now, client_id from,
		   const struct command *cmd)
{
	bool one = cmd->contact > 0 || cmd->to;
	bool since = cmd->kind == CMD_SINCE;
	struct who *w = one ? command_target(c, now, from, cmd, false) : NULL;

	if (one && !w)
		return;
	struct job j = {.kind = JOB_PAGE, .client = from, .ref = cmd->ref};
	j.query.with = w ? w->row.shown.id : 0;
	j.query.limit = page_limit(cmd, since ? PAGE_MAX : PAGE_USUAL);
	struct message *before;
	if (since)
		j.query.after = cmd->n;
	else
		j.query.before = cmd->n;
	if (!since && !cmd->n && !uuid_none(cmd->id)) {
		if (store_message(c->store, j.query.with, cmd->id, &before)) {
			command_result(c, from, cmd->ref, 0, CODE_UNKNOWN,
				       "no message has this id");
			return;
		}
		j.query.before = before->n;
		message_free(before);
	}
	j.query.oldest = since && !cmd->n;
	effects_put(c->fx,
		    &(struct effect){.kind = FX_JOB,
				     .job = &j,
				     .after = since || !cmd->n ? c->hard : 0});
}

void command_page(struct core *c, const struct now *now, const struct job *j)
{
	if (j->err) {
		command_result(c, j->client, j->ref, 0, CODE_ERROR,
			       j->err == ERR_FULL
				   ? "too many questions at once: ask again"
				   : err_text(j->err));
		return;
	}
	for (size_t i = 0; i < j->page.n; i++) {
		store_freshen(c->store, j->page.row[i]);
		item(c, now, j->client, j->ref, j->page.row[i]);
	}
	result_page(c, j->client, j->ref, j->page.more, j->page.next);
}
