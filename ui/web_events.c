#include "src/clock.h"
#include "ui/web.h"
#include <stdlib.h>
#include <string.h>
/* Server-sent events: each is a line of the line protocol. Those of messages
 * carry their arrival number as the event's id, so a browser that comes back
 * says how far it has heard, and is told what it missed; also when the engine
 * was another process then. */
enum {
	CATCH_UP_PAGES = 8, /* more than that, and it had better ask anew */
	CATCH_UP_WAITS = 262144, /* bytes; then its reader is waited for */
	BEAT_US = 20000000,
};

/* ---- one event ---- */

/* line: with or without its newline. */
static void put(struct sub *sub, struct bytes line, bool id)
{
	struct buf b = {0};

	if (id)
		buf_printf(&b, "id: %lld\n", (long long)sub->last);
	while (line.n && line.p[line.n - 1] == '\n')
		line.n--;
	buf_printf(&b, "data: ");
	buf_put(&b, line);
	buf_printf(&b, "\n\n");
	stream_put(sub->stream, (struct bytes){b.p, b.n});
	buf_free(&b);
}

static void put_words(struct sub *sub, const char *line, bool id)
{
	put(sub, (struct bytes){(const uint8_t *)line, strlen(line)}, id);
}

/* A line of the protocol. The caller frees it. */
static struct buf line_of(struct site *s, const struct event *ev)
{
	struct now now = clock_now(&s->rng, NULL);
	struct buf line = {0};

	lines_event(s->lines, &now, ev, &line);
	return line;
}

static void put_event(struct site *s, struct sub *sub, const struct event *ev,
		      bool id)
{
	struct buf line = line_of(s, ev);

	put(sub, (struct bytes){line.p, line.n}, id);
	buf_free(&line);
}

/* ---- beginning ---- */

static message_n heard_before(const struct request *r)
{
	const char *s = request_header(r, "Last-Event-ID");
	message_n n;
	char *end;

	if (!s)
		s = request_query(r, "after");
	if (!s || *s < '0' || *s > '9' || strlen(s) > 18)
		return -1;
	n = strtoll(s, &end, 10);
	return *end ? -1 : n;
}

static const char retry[] = "retry: 500\n\n"; /* ms, until it asks again */
static const char lost[] = "{\"v\":1,\"event\":\"lost\"}";
static const char away[] =
    "{\"v\":1,\"event\":\"bye\",\"reason\":\"sotto is not running\"}";

static void begin(struct site *s, struct sub *sub)
{
	if (sub->begun || !s->ready.n || s->newest < 0)
		return;
	sub->begun = true;
	sub->pages = 0;
	if (sub->last < 0)
		sub->last = s->newest;
	put(sub, (struct bytes){s->ready.p, s->ready.n}, true);
	sub->behind = sub->last < s->newest;
	if (sub->last <= s->newest)
		return;
	/* It knows of more than there is: another history, or a part of it. */
	sub->last = s->newest;
	put_words(sub, lost, true);
}

void events_begin(struct site *s, struct request *r)
{
	message_n last = heard_before(r);
	struct stream *stream = request_stream(r);
	struct sub *sub = s->sub;

	if (!stream)
		return;
	while (sub < s->sub + SUBS_MAX && sub->stream)
		sub++;
	if (sub == s->sub + SUBS_MAX) {
		stream_free(stream);
		return;
	}
	*sub = (struct sub){.stream = stream, .last = last};
	stream_put(stream,
		   (struct bytes){(const uint8_t *)retry, strlen(retry)});
	if (!s->client)
		put_words(sub, away, false);
	begin(s, sub);
}

void events_known(struct site *s)
{
	for (size_t i = 0; i < SUBS_MAX; i++)
		if (s->sub[i].stream)
			begin(s, &s->sub[i]);
}

/* ---- telling ---- */

static void tell_message(struct site *s, const struct event *ev)
{
	message_n n = ev->message->n;

	if (n > s->heard)
		s->heard = n;
	if (s->newest >= 0)
		s->newest = n > s->newest ? n : s->newest;
	for (size_t i = 0; i < SUBS_MAX; i++) {
		struct sub *sub = &s->sub[i];

		if (!sub->stream || !sub->begun || sub->behind ||
		    n <= sub->last)
			continue;
		sub->last = n;
		put_event(s, sub, ev, true);
	}
}

void events_tell(struct site *s, const struct event *ev)
{
	if (ev->kind == EV_MESSAGE) {
		if (ev->message)
			tell_message(s, ev);
		return;
	}
	for (size_t i = 0; i < SUBS_MAX; i++) {
		struct sub *sub = &s->sub[i];

		if (!sub->stream || !sub->begun)
			continue;
		put_event(s, sub, ev, false);
		if (ev->kind == EV_LOST)
			sub->behind = sub->lost = true;
	}
}

void events_gone(struct site *s)
{
	for (size_t i = 0; i < SUBS_MAX; i++) {
		struct sub *sub = &s->sub[i];

		if (sub->stream && sub->begun)
			put_words(sub, away, false);
		sub->begun = sub->asked = sub->behind = false;
	}
}

/* ---- what was missed ---- */

void events_missed(struct site *s, struct sub *sub, const struct event *ev)
{
	struct event told;

	if (!ev->message || ev->message->n <= sub->last)
		return;
	told = *ev;
	told.kind = EV_MESSAGE;
	told.ref = 0;
	sub->last = ev->message->n;
	put_event(s, sub, &told, true);
}

void events_caught_up(struct site *s, struct sub *sub, bool good, bool more)
{
	sub->asked = false;
	if (!good) {
		sub->again_us = clock_mono_us() + AGAIN_US;
		return;
	}
	/* What came meanwhile was not told. */
	sub->behind = more || sub->lost || sub->last < s->newest;
	if (!more)
		sub->pages = 0;
	else if (!sub->lost)
		sub->pages++;
	if (sub->pages < CATCH_UP_PAGES)
		return;
	sub->behind = false;
	sub->pages = 0;
	sub->last = s->newest;
	put_words(sub, lost, true);
}

static void catch_up(struct site *s, struct sub *sub, int64_t now_us)
{
	struct ask *a;

	if (!sub->begun || !sub->behind || sub->asked || now_us < sub->again_us)
		return;
	if (stream_waits(sub->stream) > CATCH_UP_WAITS) {
		sub->again_us = now_us + AGAIN_US;
		return;
	}
	a = api_place(s, ASK_SINCE, ANSWER_US);
	if (!a) {
		sub->again_us = now_us + AGAIN_US;
		return;
	}
	a->sub = sub;
	sub->lost = false;
	sub->asked =
	    api_ask(s, a,
		    &(struct command){
			.kind = CMD_SINCE, .n = sub->last, .limit = PAGE_MAX});
	if (!sub->asked)
		sub->again_us = now_us + AGAIN_US;
}

/* ---- the loop ---- */

static void drop(struct site *s, struct sub *sub)
{
	for (size_t i = 0; i < ASKS_MAX; i++)
		if (s->ask[i].sub == sub)
			s->ask[i].sub = NULL;
	stream_free(sub->stream);
	*sub = (struct sub){0};
}

/* A comment: nobody reads it, but a link that is dead is found. */
static void beat(struct site *s, int64_t now_us)
{
	static const char line[] = ":\n\n";

	if (now_us < s->beat_us)
		return;
	s->beat_us = now_us + BEAT_US;
	for (size_t i = 0; i < SUBS_MAX; i++)
		if (s->sub[i].stream)
			stream_put(s->sub[i].stream,
				   (struct bytes){(const uint8_t *)line, 3});
}

void events_turn(struct site *s, int64_t now_us)
{
	for (size_t i = 0; i < SUBS_MAX; i++) {
		struct sub *sub = &s->sub[i];

		if (sub->stream && stream_over(sub->stream))
			drop(s, sub);
		if (sub->stream && s->client)
			catch_up(s, sub, now_us);
	}
	beat(s, now_us);
}

int64_t events_deadline(const struct site *s)
{
	int64_t at = INT64_MAX;

	for (size_t i = 0; i < SUBS_MAX; i++) {
		const struct sub *sub = &s->sub[i];

		if (sub->stream && s->beat_us < at)
			at = s->beat_us;
		if (sub->stream && sub->begun && sub->behind && !sub->asked &&
		    sub->again_us < at)
			at = sub->again_us;
	}
	return at;
}

void events_close(struct site *s)
{
	for (size_t i = 0; i < SUBS_MAX; i++)
		if (s->sub[i].stream)
			drop(s, &s->sub[i]);
}
