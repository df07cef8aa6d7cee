#include "src/center_nats_impl.h"
#include "src/clock.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	CONNECT_MS = 2000,
	RECONNECT_MS = 200,
	JITTER_MS = 100,
	PING_MS = 10000,
	SLICE_MS = 100, /* how late a broken connection is seen */
	WRITE_MS = 3000,
	NOBODY_MS = 50,
	REST_MS = 2000,   /* a stream without an answer is left alone, then */
	PROBE_MS = 500,   /* has so long */
	SHORT_MS = 10000, /* and all others too, for some time */
	IDLE_S = 5,       /* then servers forget a consumer */
	NS_PER_S = 1000000000,
};

/* ---- errors and time ---- */

int64_t nats_deadline(void)
{
	return clock_mono_us() + INT64_C(1000) * CENTER_CALL_MS;
}

static int64_t left_ms(int64_t deadline)
{
	int64_t left = (deadline - clock_mono_us()) / 1000;

	return left > 0 ? left : 1;
}

/* A stream and what is written to it have one name here: KV_P_state for
 * $KV.P_state.account.X, P_mail_1 for P.mail.1.BOX. */
static int64_t *rest_of(struct nats *n, const char *s)
{
	int words = *s == '$' || !strncmp(s, "KV_", 3) ? 2 : 3;
	uint32_t h = 2166136261;

	for (s += *s == '$'; *s; s++) {
		if (*s == '.' && !--words)
			break;
		h = (h ^ (uint8_t)(*s == '.' ? '_' : *s)) * 16777619;
	}
	return &n->rest_us[h % RESTS];
}

bool nats_may(struct nats *n, const char *stream, int64_t *deadline)
{
	int64_t now = clock_mono_us();
	int64_t soon = now + INT64_C(1000) * PROBE_MS;

	if (now < *rest_of(n, stream))
		return false;
	if (now<n->short_us && * deadline> soon)
		*deadline = soon;
	return true;
}

enum err nats_felt(struct nats *n, const char *stream, enum err err,
		   int64_t deadline)
{
	int64_t now = clock_mono_us();

	/* sooner: it was refused, which keeps nobody waiting */
	if (err != ERR_CLOSED || now + INT64_C(1000) * SLICE_MS < deadline)
		return err;
	*rest_of(n, stream) = now + INT64_C(1000) * REST_MS;
	n->short_us = now + INT64_C(1000) * SHORT_MS;
	return err;
}

enum err nats_error(natsStatus s, int code)
{
	switch (code) {
	case 0:
		break;
	case JSStreamWrongLastSequenceErr:
		return ERR_EXISTS;
	case JSStreamStoreFailedErr:
	case JSStorageResourcesExceededErr:
	case JSMemoryResourcesExceededErr:
	case JSAccountResourcesExceededErr:
	case JSInsufficientResourcesErr:
		return ERR_FULL;
	case JSStreamMessageExceedsMaximumErr:
		return ERR_LIMIT;
	case JSNoMessageFoundErr:
		return ERR_ABSENT;
	default:
		break;
	}
	if (s == NATS_NO_MEMORY)
		abort();
	/* NATS_NOT_FOUND of a stream: servers that come up do not know it yet.
	 * To take that for an account that is gone would be the end of it. */
	if (s == NATS_MAX_PAYLOAD)
		return ERR_LIMIT;
	return s == NATS_OK && !code ? OK : ERR_CLOSED;
}

enum err nats_tell(const struct nats *n, natsStatus s, int code,
		   char why[static 256])
{
	natsStatus last;
	const char *said = n->lib.nats_GetLastError(&last);

	if (code == JSNotEnabledErr || code == JSNotEnabledForAccountErr ||
	    s == NATS_NO_RESPONDERS)
		snprintf(why, 256, "NATS: JetStream is not enabled there");
	else
		snprintf(why, 256, "NATS: %.100s%s%.100s",
			 n->lib.natsStatus_GetText(s),
			 said && *said ? ": " : "", said ? said : "");
	enum err err = nats_error(s, code);
	return err ? err : ERR_CLOSED;
}

/* ---- names ---- */

void nats_bucket(const struct nats *n, const char *which, char out[NAME])
{
	snprintf(out, NAME, "KV_%s_%s", n->prefix, which);
}

void nats_key(const struct nats *n, const char *which, const char *key,
	      char out[SUBJECT])
{
	snprintf(out, SUBJECT, "$KV.%s_%s.%s", n->prefix, which, key);
}

void nats_user_key(const char *user, char out[2 * CENTER_NAME_MAX + 1])
{
	center_hex(out, (const uint8_t *)user, strlen(user));
}

bool nats_key_user(const char *key, char user[CENTER_NAME_MAX + 1])
{
	struct bytes hex = {(const uint8_t *)key, strlen(key)};

	if (hex.n / 2 > CENTER_NAME_MAX ||
	    !center_unhex(hex, (uint8_t *)user, hex.n / 2))
		return false;
	user[hex.n / 2] = 0;
	return center_name_ok(user);
}

bool nats_place(const char *reply, struct nats_place *out)
{
	char text[512], *rest = text, *word[16];
	size_t n = 0;

	snprintf(text, sizeof text, "%s", reply ? reply : "");
	if (strncmp(text, "$JS.ACK.", 8))
		return false;
	while (n < 16 && (word[n] = strsep(&rest, ".")))
		n++;
	if (n != 9 && n < 11)
		return false;
	char **w = word + (n == 9 ? 5 : 7); /* newer servers: domain, account */
	out->stream_seq = strtoull(w[0], NULL, 10);
	out->consumer_seq = strtoull(w[1], NULL, 10);
	out->pending = strtoull(w[3], NULL, 10);
	return true;
}

/* ---- writing ---- */

static natsStatus add_headers(const struct nats *n, natsMsg *m,
			      const struct nats_put *p)
{
	const struct nats_lib *l = &n->lib;
	natsStatus s = NATS_OK;
	char number[24];

	if (p->msg_id[0])
		s = l->natsMsgHeader_Set(m, "Nats-Msg-Id", p->msg_id);
	if (s == NATS_OK && p->until_ms) {
		snprintf(number, sizeof number, "%lld", (long long)p->until_ms);
		s = l->natsMsgHeader_Set(m, "Sotto-Until", number);
	}
	if (s == NATS_OK && p->compare) {
		snprintf(number, sizeof number, "%llu",
			 (unsigned long long)p->expect);
		s = l->natsMsgHeader_Set(
		    m, "Nats-Expected-Last-Subject-Sequence", number);
	}
	if (s == NATS_OK && p->gone)
		s = l->natsMsgHeader_Set(m, "KV-Operation", "DEL");
	return s;
}

static natsStatus send_put(struct nats *n, const struct nats_put *p,
			   uint64_t number)
{
	const struct nats_lib *l = &n->lib;
	char reply[128];
	natsMsg *m;

	snprintf(reply, sizeof reply, "%s.%llu", n->inbox,
		 (unsigned long long)number);
	natsStatus s = l->natsMsg_Create(
	    &m, p->subject, reply, p->data.n ? (const char *)p->data.p : "",
	    (int)p->data.n);
	if (s != NATS_OK)
		return s;
	s = add_headers(n, m, p);
	if (s == NATS_OK)
		s = l->natsConnection_PublishMsg(n->nc, m);
	l->natsMsg_Destroy(m);
	return s;
}

/* The number after "name": in what JetStream says; or 0. */
static uint64_t json_number(const char *json, const char *name)
{
	const char *at = strstr(json, name);

	return at ? strtoull(at + strlen(name), NULL, 10) : 0;
}

static void take_ack(const char *json, struct nats_put *p)
{
	int code = (int)json_number(json, "\"err_code\":");

	p->there = true;
	p->seq = json_number(json, "\"seq\":");
	if (strstr(json, "\"error\":"))
		p->err = nats_error(NATS_ERR, code);
	else if (p->seq || strstr(json, "\"success\":true"))
		p->err = OK;
	else
		p->err = ERR_CLOSED; /* not of JetStream */
}

/* The next message of `answers`; NULL at the deadline, when the connection
 * breaks, since then nothing more comes, or when nobody has a stream that was
 * written to. */
static natsMsg *next_answer(struct nats *n, unsigned breaks, int64_t deadline,
			    bool *nobody)
{
	const struct nats_lib *l = &n->lib;
	natsMsg *m = NULL;

	*nobody = false;
	while (clock_mono_us() < deadline) {
		int64_t ms = left_ms(deadline);
		natsStatus s = l->natsSubscription_NextMsg(
		    &m, n->answers, ms < SLICE_MS ? ms : SLICE_MS);

		if (s == NATS_OK)
			return m;
		*nobody = s == NATS_NO_RESPONDERS;
		if (s != NATS_TIMEOUT ||
		    atomic_load(&n->ears->breaks) != breaks)
			return NULL;
	}
	return NULL;
}

/* Which of `count` from `first` on this answers, or count. */
static size_t which_put(const struct nats *n, const char *subject,
			uint64_t first, size_t count)
{
	size_t inbox = strlen(n->inbox);

	if (strncmp(subject, n->inbox, inbox) || subject[inbox] != '.')
		return count;
	uint64_t i = strtoull(subject + inbox + 1, NULL, 10) - first;
	return i < count ? (size_t)i : count;
}

static void take_answer(struct nats *n, natsMsg *m, struct nats_put *p,
			uint64_t first, size_t count, size_t *open)
{
	const struct nats_lib *l = &n->lib;
	size_t i = which_put(n, l->natsMsg_GetSubject(m), first, count);
	char json[512];

	if (i == count || p[i].there)
		return;
	snprintf(json, sizeof json, "%.*s", l->natsMsg_GetDataLength(m),
		 l->natsMsg_GetData(m));
	take_ack(json, &p[i]);
	--*open;
}

/* That one does not fit; else the connection is not there. */
static enum err not_sent(natsStatus s, struct nats_put *p)
{
	enum err err = nats_error(s, 0);

	if (err != ERR_LIMIT)
		return err;
	p->err = err;
	p->there = true;
	return OK;
}

/* Asks for all that have no answer yet. */
static enum err put_round(struct nats *n, struct nats_put *p, size_t count,
			  int64_t deadline, bool *nobody)
{
	unsigned breaks = atomic_load(&n->ears->breaks);
	uint64_t first = n->asked + 1;
	enum err err = OK;
	size_t open = 0;
	natsMsg *m;

	*nobody = false;
	n->asked += count;
	for (size_t i = 0; i < count && !err; i++) {
		if (p[i].there || p[i].rests)
			continue;
		natsStatus s = send_put(n, &p[i], first + i);
		open += s == NATS_OK;
		if (s != NATS_OK)
			err = not_sent(s, &p[i]);
	}
	if (err)
		return err;
	while (open && (m = next_answer(n, breaks, deadline, nobody))) {
		take_answer(n, m, p, first, count, &open);
		n->lib.natsMsg_Destroy(m);
	}
	return open ? ERR_CLOSED : OK;
}

/* What comes meanwhile is of older questions. */
void nats_pause(struct nats *n, int64_t ms)
{
	int64_t until = clock_mono_us() + ms * 1000;
	natsMsg *m;

	while (clock_mono_us() < until) {
		m = NULL;
		n->lib.natsSubscription_NextMsg(&m, n->answers, left_ms(until));
		n->lib.natsMsg_Destroy(m);
	}
}

/* While servers elect who has a stream, it is nobody for a moment. */
static void put_rounds(struct nats *n, struct nats_put *p, size_t count,
		       int64_t deadline)
{
	for (;;) {
		bool nobody;
		enum err err = put_round(n, p, count, deadline, &nobody);

		if (!err || !nobody ||
		    clock_mono_us() + INT64_C(1000) * NOBODY_MS >= deadline)
			return;
		nats_pause(n, NOBODY_MS);
	}
}

enum err nats_put(struct nats *n, struct nats_put *p, size_t count,
		  int64_t deadline)
{
	size_t there = 0, rest = 0;

	for (size_t i = 0; i < count; i++) {
		p[i].rests = !nats_may(n, p[i].subject, &deadline);
		rest += p[i].rests;
	}
	if (rest < count)
		put_rounds(n, p, count, deadline);
	for (size_t i = 0; i < count; i++) {
		there += p[i].there;
		if (p[i].there)
			continue;
		p[i].err = ERR_CLOSED;
		if (!p[i].rests)
			nats_felt(n, p[i].subject, ERR_CLOSED, deadline);
	}
	return there || !count ? OK : ERR_CLOSED;
}

/* ---- reading ---- */

static const char *header(const struct nats *n, natsMsg *m, const char *name)
{
	const char *value = NULL;

	if (n->lib.natsMsgHeader_Get(m, name, &value) != NATS_OK)
		return "";
	return value ? value : "";
}

static struct nats_seen seen(const struct nats *n, natsMsg *m)
{
	return (struct nats_seen){
	    .subject = n->lib.natsMsg_GetSubject(m),
	    .msg_id = header(n, m, "Nats-Msg-Id"),
	    .until_ms = strtoll(header(n, m, "Sotto-Until"), NULL, 10),
	    .gone = header(n, m, "KV-Operation")[0] != 0,
	    .data = {(const uint8_t *)n->lib.natsMsg_GetData(m),
		     (size_t)n->lib.natsMsg_GetDataLength(m)},
	};
}

enum err nats_last(struct nats *n, const char *stream, const char *subject,
		   uint64_t *seq, struct buf *data, int64_t *until_ms,
		   int64_t deadline)
{
	const struct nats_lib *l = &n->lib;
	jsErrCode code = 0;
	jsOptions o;
	natsMsg *m = NULL;

	*seq = 0;
	if (!nats_may(n, stream, &deadline))
		return ERR_CLOSED;
	l->jsOptions_Init(&o);
	o.Wait = left_ms(deadline);
	natsStatus s = l->js_GetLastMsg(&m, n->js, stream, subject, &o, &code);
	if (s != NATS_OK)
		return nats_felt(n, stream, nats_error(s, (int)code), deadline);
	struct nats_seen v = seen(n, m);
	*seq = l->natsMsg_GetSequence(m);
	if (!v.gone)
		buf_put(data, v.data);
	if (until_ms)
		*until_ms = v.until_ms;
	l->natsMsg_Destroy(m);
	return v.gone ? ERR_ABSENT : OK;
}

/* One that goes away by itself, so that a lost word leaves nothing behind. */
static enum err consumer(struct nats *n, const char *stream, const char *filter,
			 uint64_t from, bool heads, int64_t deadline,
			 char name[NAME], uint64_t *pending)
{
	const struct nats_lib *l = &n->lib;
	jsConsumerInfo *info = NULL;
	jsConsumerConfig c;
	jsErrCode code = 0;
	jsOptions o;

	l->jsOptions_Init(&o);
	o.Wait = left_ms(deadline);
	l->jsConsumerConfig_Init(&c);
	c.DeliverPolicy = from > 1 ? js_DeliverByStartSequence : js_DeliverAll;
	c.OptStartSeq = from > 1 ? from : 0;
	c.AckPolicy = js_AckNone;
	c.FilterSubject = filter;
	c.HeadersOnly = heads;
	c.InactiveThreshold = INT64_C(1) * IDLE_S * NS_PER_S;
	c.MemoryStorage = true;
	c.Replicas = 1;
	natsStatus s = l->js_AddConsumer(&info, n->js, stream, &c, &o, &code);
	if (s != NATS_OK)
		return nats_error(s, (int)code);
	snprintf(name, NAME, "%s", info->Name);
	*pending = info->NumPending;
	l->jsConsumerInfo_Destroy(info);
	return OK;
}

/* Nobody waits for the answer. */
static void consumer_end(struct nats *n, const char *stream, const char *name)
{
	char subject[SUBJECT], reply[128];

	snprintf(subject, sizeof subject, "$JS.API.CONSUMER.DELETE.%s.%s",
		 stream, name);
	snprintf(reply, sizeof reply, "%s.0", n->inbox);
	n->lib.natsConnection_PublishRequest(n->nc, subject, reply, "", 0);
}

struct pull {
	struct nats *n;
	const char *stream, *name;
	bool (*each)(void *ctx, const struct nats_seen *m);
	void *ctx;
	uint64_t pending; /* behind what came */
	bool enough;
};

static enum err ask_page(struct pull *p, size_t count)
{
	struct nats *n = p->n;
	char subject[SUBJECT], reply[128], ask[64];

	snprintf(subject, sizeof subject, "$JS.API.CONSUMER.MSG.NEXT.%s.%s",
		 p->stream, p->name);
	snprintf(reply, sizeof reply, "%s.%llu", n->inbox,
		 (unsigned long long)++n->asked);
	snprintf(ask, sizeof ask, "{\"batch\":%zu,\"no_wait\":true}", count);
	return nats_error(n->lib.natsConnection_PublishRequest(
			      n->nc, subject, reply, ask, (int)strlen(ask)),
			  0);
}

/* Whether it is of this pull: answers to older questions may still come. */
static bool take_page(struct pull *p, natsMsg *m)
{
	const char *reply = p->n->lib.natsMsg_GetReply(m);
	char ours[2 * NAME + 4];
	struct nats_place place;

	snprintf(ours, sizeof ours, ".%s.%s.", p->stream, p->name);
	if (!reply || !strstr(reply, ours) || !nats_place(reply, &place))
		return false;
	struct nats_seen v = seen(p->n, m);
	v.seq = place.stream_seq;
	p->pending = place.pending;
	if (!p->enough)
		p->enough = !p->each(p->ctx, &v);
	return true;
}

static enum err pull_page(struct pull *p, size_t count, int64_t deadline)
{
	struct nats *n = p->n;
	unsigned breaks = atomic_load(&n->ears->breaks);
	enum err err = ask_page(p, count);
	natsMsg *m;
	bool nobody;

	if (err)
		return err;
	while (count && (m = next_answer(n, breaks, deadline, &nobody))) {
		count -= take_page(p, m);
		n->lib.natsMsg_Destroy(m);
	}
	return count ? ERR_CLOSED : OK;
}

enum err nats_pull(struct nats *n, const char *stream, const char *filter,
		   uint64_t from, size_t page, bool heads,
		   bool (*each)(void *ctx, const struct nats_seen *m),
		   void *ctx, int64_t deadline)
{
	char name[NAME] = "";
	struct pull p = {
	    .n = n, .stream = stream, .name = name, .each = each, .ctx = ctx};
	int64_t until = deadline ? deadline : nats_deadline();

	if (!nats_may(n, stream, &until))
		return ERR_CLOSED;
	enum err err =
	    consumer(n, stream, filter, from, heads, until, name, &p.pending);
	if (err)
		return nats_felt(n, stream, err, until);
	while (!err && p.pending && !p.enough) {
		until = deadline ? until : nats_deadline();
		err = pull_page(&p, p.pending < page ? (size_t)p.pending : page,
				until);
	}
	consumer_end(n, stream, name);
	return nats_felt(n, stream, err, until);
}

/* Those say when they said it. Before 2.9.21 two changes on top of the same
 * message could both be taken by a stream with replicas. */
enum err nats_modern(struct nats *n, bool *modern)
{
	char json[4096] = "";
	unsigned breaks = atomic_load(&n->ears->breaks);
	int64_t deadline = nats_deadline();
	char subject[SUBJECT], reply[128];
	bool got = false, nobody;
	natsMsg *m;

	snprintf(subject, sizeof subject, "$JS.API.STREAM.INFO.%s_mail_0",
		 n->prefix);
	snprintf(reply, sizeof reply, "%s.%llu", n->inbox,
		 (unsigned long long)++n->asked);
	natsStatus s =
	    n->lib.natsConnection_PublishRequest(n->nc, subject, reply, "", 0);
	while (s == NATS_OK && !got &&
	       (m = next_answer(n, breaks, deadline, &nobody))) {
		got = !strcmp(n->lib.natsMsg_GetSubject(m), reply);
		if (got)
			snprintf(json, sizeof json, "%.*s",
				 n->lib.natsMsg_GetDataLength(m),
				 n->lib.natsMsg_GetData(m));
		n->lib.natsMsg_Destroy(m);
	}
	*modern = strstr(json, ",\"ts\":\"") != NULL;
	n->singly = !*modern && json_number(json, "\"num_replicas\":") > 1;
	return got ? OK : ERR_CLOSED;
}

/* ---- connecting ---- */

/* On a thread of libnats. */
static void on_broken(natsConnection *nc, void *closure)
{
	struct nats_ears *e = closure;

	(void)nc;
	atomic_fetch_add(&e->breaks, 1);
}

/* The last thing it says. */
static void on_closed(natsConnection *nc, void *closure)
{
	(void)nc;
	ears_release(closure);
}

static void on_reconnected(natsConnection *nc, void *closure)
{
	(void)nc;
	ears_again(closure);
}

/* Without one, libnats writes to stderr, which may be a screen. */
static void on_error(natsConnection *nc, natsSubscription *sub, natsStatus s,
		     void *closure)
{
	(void)nc, (void)sub, (void)s;
	ears_again(closure);
}

static natsStatus set_servers(const struct nats *n, natsOptions *o,
			      const struct nats_where *w)
{
	char text[HOSTS_MAX][SUBJECT + 16];
	const char *url[HOSTS_MAX];

	for (size_t i = 0; i < w->n_hosts; i++) {
		snprintf(text[i], sizeof text[i], "nats://%.255s", w->host[i]);
		url[i] = text[i];
	}
	return n->lib.natsOptions_SetServers(o, url, (int)w->n_hosts);
}

static natsStatus set_secrets(const struct nats *n, natsOptions *o,
			      const struct nats_where *w)
{
	const struct nats_lib *l = &n->lib;
	natsStatus s = NATS_OK;

	if (w->user)
		s = l->natsOptions_SetUserInfo(o, w->user, w->password);
	if (s == NATS_OK && w->creds)
		s = l->natsOptions_SetUserCredentialsFromFiles(o, w->creds,
							       NULL);
	if (s == NATS_OK && (w->tls || w->ca || w->cert))
		s = l->natsOptions_SetSecure(o, true);
	if (s == NATS_OK && w->ca)
		s = l->natsOptions_LoadCATrustedCertificates(o, w->ca);
	if (s == NATS_OK && w->cert)
		s = l->natsOptions_LoadCertificatesChain(o, w->cert, w->key);
	return s;
}

/* It tries for ever to come back; what is written meanwhile fails at once,
 * since a call that was given up must not be done later. */
static natsStatus set_patience(const struct nats *n, natsOptions *o)
{
	const struct nats_lib *l = &n->lib;
	struct nats_ears *e = n->ears;
	natsStatus s = l->natsOptions_SetTimeout(o, CONNECT_MS);

	s = s ? s : l->natsOptions_SetName(o, "sotto");
	s = s ? s : l->natsOptions_SetMaxReconnect(o, INT32_MAX);
	s = s ? s : l->natsOptions_SetReconnectWait(o, RECONNECT_MS);
	s = s ? s : l->natsOptions_SetReconnectJitter(o, JITTER_MS, JITTER_MS);
	s = s ? s : l->natsOptions_SetReconnectBufSize(o, 1);
	s = s ? s : l->natsOptions_SetFailRequestsOnDisconnect(o, true);
	s = s ? s : l->natsOptions_SetPingInterval(o, PING_MS);
	s = s ? s : l->natsOptions_SetMaxPingsOut(o, 2);
	s = s ? s : l->natsOptions_SetWriteDeadline(o, WRITE_MS);
	s = s ? s : l->natsOptions_SetDisconnectedCB(o, on_broken, e);
	s = s ? s : l->natsOptions_SetReconnectedCB(o, on_reconnected, e);
	s = s ? s : l->natsOptions_SetClosedCB(o, on_closed, e);
	return s ? s : l->natsOptions_SetErrorHandler(o, on_error, e);
}

static enum err connect_to(struct nats *n, const struct nats_where *w,
			   char why[256])
{
	const struct nats_lib *l = &n->lib;
	natsOptions *o = NULL;
	natsStatus s = l->natsOptions_Create(&o);

	s = s ? s : set_servers(n, o, w);
	s = s ? s : set_patience(n, o);
	s = s ? s : set_secrets(n, o, w);
	atomic_fetch_add(&n->ears->owners, 1); /* on_closed gives it back */
	s = s ? s : l->natsConnection_Connect(&n->nc, o);
	enum err err = s ? nats_tell(n, s, 0, why) : OK;
	l->natsOptions_Destroy(o);
	if (err)
		ears_release(n->ears);
	return err;
}

static enum err open_inbox(struct nats *n, char why[256])
{
	const struct nats_lib *l = &n->lib;
	natsInbox *inbox = NULL;
	char all[128];
	natsStatus s = l->natsInbox_Create(&inbox);

	if (s == NATS_OK)
		snprintf(n->inbox, sizeof n->inbox, "%s", (char *)inbox);
	l->natsInbox_Destroy(inbox);
	snprintf(all, sizeof all, "%s.*", n->inbox);
	s = s ? s : l->natsConnection_SubscribeSync(&n->answers, n->nc, all);
	s = s ? s : l->natsSubscription_SetPendingLimits(n->answers, -1, -1);
	s = s ? s : l->natsConnection_JetStream(&n->js, n->nc, NULL);
	return s ? nats_tell(n, s, 0, why) : OK;
}

enum err nats_link(struct nats *n, const struct nats_where *w,
		   char why[static 256])
{
	snprintf(n->prefix, sizeof n->prefix, "%s", w->prefix);
	enum err err = connect_to(n, w, why);

	if (!err)
		err = open_inbox(n, why);
	return err ? err : nats_make(n, w, why);
}

void nats_unlink(struct nats *n)
{
	const struct nats_lib *l = &n->lib;

	l->natsSubscription_Destroy(n->answers);
	l->jsCtx_Destroy(n->js);
	l->natsConnection_Destroy(n->nc);
}
