#include "ui/web_http.h"
#include "src/clock.h"
#include "src/lines_json.h"
#include "ui/page_token.h"
#include "ui/web_file.h"
#include "ui/web_guard.h"
#include <errno.h>
#include <json-c/json.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	PATH_MOST = 64,
	NEXT_PORTS = 9,
	SESSION_S = 30 * 86400,
	RUNS_A_TURN = 256,
	GOODBYE_US = 500000,
};

/* What a browser holds us to, whatever the answer is. */
static const char *const headers[][2] = {
    {"Content-Security-Policy",
     "default-src 'none'; script-src 'self'; style-src 'self'; "
     "img-src 'self'; connect-src 'self'; base-uri 'none'; "
     "form-action 'none'; frame-ancestors 'none'; "
     "require-trusted-types-for 'script'; trusted-types 'none'"},
    {"X-Content-Type-Options", "nosniff"},
    {"X-Frame-Options", "DENY"},
    {"Referrer-Policy", "no-referrer"},
    {"Cross-Origin-Opener-Policy", "same-origin"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
    {"Cache-Control", "no-store"},
};

/* A TCP connection. It is busy while a whole request waits for us. */
struct line {
	struct line *next, **at;
	int fd;
	bool busy;
	int64_t since_us; /* it is not: since when */
};

enum stage { READING, WHOLE, GIVEN, ANSWERED, SENDING };

struct request {
	struct request *next, **at; /* of all */
	struct request *queue;      /* of those that are whole */
	struct http *http;
	struct MHD_Connection *conn;
	struct line *line;
	enum stage stage;
	char path[PATH_MOST];
	bool post, head, too_long;
	struct buf body, answer;
	unsigned status;
	struct stream *stream;
};

/* Owned by two: whoever writes it, and the connection. */
struct stream {
	struct stream *next, **at;
	struct MHD_Connection *conn;
	struct buf out;
	int fd;
	bool parked;  /* suspended until there is something to send */
	bool over;    /* nothing more is sent */
	bool ended;   /* the connection has let it go */
	bool dropped; /* the writer has */
};

struct http {
	struct MHD_Daemon *daemon;
	int epoll_fd, listen_fd[2];
	struct http_options o;
	int64_t idle_us;
	unsigned port;
	struct line *lines;
	size_t n_lines, n_streams;
	struct request *all, *first, **last;
	struct stream *streams;
	bool closing;
};

/* ---- answers ---- */

static struct bytes view(const char *s)
{
	return (struct bytes){(const uint8_t *)s, strlen(s)};
}

static enum MHD_Result send_it(struct request *r, unsigned status,
			       const char *type, struct MHD_Response *m)
{
	enum MHD_Result good;

	for (size_t i = 0; i < sizeof headers / sizeof *headers; i++)
		MHD_add_response_header(m, headers[i][0], headers[i][1]);
	MHD_add_response_header(m, "Content-Type", type);
	if (status == 405)
		MHD_add_response_header(m, "Allow", "GET, HEAD, POST");
	r->stage = SENDING;
	r->line->busy = false;
	r->line->since_us = clock_mono_us();
	good = MHD_queue_response(r->conn, status, m);
	MHD_destroy_response(m);
	return good;
}

static enum MHD_Result send_buf(struct request *r, unsigned status,
				struct buf *body)
{
	struct MHD_Response *m = MHD_create_response_from_buffer(
	    body->n, body->p, MHD_RESPMEM_MUST_FREE);

	*body = (struct buf){0};
	return m ? send_it(r, status, "application/json", m) : MHD_NO;
}

/* The library takes it as if it might write there; it does not. */
static struct MHD_Response *constant(size_t n, const void *p)
{
	return MHD_create_response_from_buffer(n, (void *)(uintptr_t)p,
					       MHD_RESPMEM_PERSISTENT);
}

static const char *code_of(unsigned status)
{
	switch (status) {
	case 401:
	case 403:
		return "refused";
	case 404:
		return "unknown";
	case 413:
		return "too_long";
	case 503:
		return "queue_full";
	default:
		return "bad_command";
	}
}

static void words_put(struct buf *b, unsigned status, const char *words)
{
	json_open(b, NULL);
	json_flag(b, "ok", false);
	json_string(b, "code", code_of(status));
	json_string(b, "error", words);
	json_close(b);
}

static enum MHD_Result refuse(struct request *r, unsigned status,
			      const char *words)
{
	struct buf b = {0};

	words_put(&b, status, words);
	return send_buf(r, status, &b);
}

static enum MHD_Result send_file(struct request *r)
{
	const struct web_file *f = web_files;

	while (f->path && strcmp(f->path, r->path))
		f++;
	if (!f->path)
		return refuse(r, 404, "no such page");

	struct MHD_Response *m = constant(f->n, f->p);

	return m ? send_it(r, 200, f->type, m) : MHD_NO;
}

/* ---- signing in ---- */

static bool link_taken(struct http *h, struct bytes body, int64_t now_s)
{
	struct json_object *o;
	const char *token = NULL;
	bool good;

	if (json_read(body, &o))
		return false;
	good = json_get_string(o, "token", &token) && token &&
	       token_good(h->o.links, view(token), now_s, true);
	json_object_put(o);
	return good;
}

/* A link is good once: what it gives is a cookie. */
static enum MHD_Result sign_in(struct request *r)
{
	int64_t now_s = clock_now(NULL, NULL).wall_us / 1000000;
	struct http *h = r->http;
	static const char done[] = "{\"ok\":true}";
	char token[TOKEN_TEXT], cookie[160];
	struct MHD_Response *m;

	if (!link_taken(h, (struct bytes){r->body.p, r->body.n}, now_s))
		return refuse(r, 403, "that link was used before, or is old");
	token_make(token);
	if (token_keep(h->o.sessions, token, now_s + SESSION_S))
		return refuse(r, 500, "the disk does not take it");
	snprintf(cookie, sizeof cookie,
		 "sotto_%u=%s; Path=/api/; HttpOnly; "
		 "SameSite=Strict",
		 h->port, token);
	secret_wipe(token, sizeof token);
	m = constant(sizeof done - 1, done);
	if (!m)
		return MHD_NO;
	MHD_add_response_header(m, "Set-Cookie", cookie);
	secret_wipe(cookie, sizeof cookie);
	return send_it(r, 200, "application/json", m);
}

/* ---- requests ---- */

static enum MHD_Result check_one(void *to, enum MHD_ValueKind kind,
				 const char *key, size_t n_key,
				 const char *value, size_t n)
{
	bool *good = to;

	(void)kind;
	*good &= utf8_ok((struct bytes){(const uint8_t *)key, n_key}) &&
		 (!value || utf8_ok((struct bytes){(const uint8_t *)value, n}));
	return MHD_YES;
}

static bool query_good(struct MHD_Connection *c)
{
	bool good = true;

	MHD_get_connection_values_n(c, MHD_GET_ARGUMENT_KIND, check_one, &good);
	return good;
}

static struct request *request_new(struct http *h, struct MHD_Connection *c,
				   const char *path, const char *method)
{
	const union MHD_ConnectionInfo *of =
	    MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	struct request *r = xmalloc(sizeof *r);

	*r = (struct request){.http = h, .conn = c, .line = of->socket_context};
	r->post = !strcmp(method, "POST");
	r->head = !strcmp(method, "HEAD");
	if (strlen(path) < sizeof r->path)
		memcpy(r->path, path, strlen(path) + 1);
	r->next = h->all;
	if (r->next)
		r->next->at = &r->next;
	r->at = &h->all;
	h->all = r;
	return r;
}

static void request_free(struct request *r)
{
	*r->at = r->next;
	if (r->next)
		r->next->at = r->at;
	buf_free(&r->body);
	buf_free(&r->answer);
	free(r);
}

/* Before the first byte of what is posted is read. */
static enum MHD_Result begin(struct request *r, const char *method)
{
	const char *length = MHD_lookup_connection_value(
	    r->conn, MHD_HEADER_KIND, "Content-Length");
	struct guard_for g = {.port = r->http->port,
			      .sessions = r->http->o.sessions,
			      .now_s = clock_now(NULL, NULL).wall_us / 1000000};
	const char *words = NULL;
	unsigned status = guard_request(r->conn, &g, method, r->path, &words);

	if (status)
		return refuse(r, status, words);
	if (length && strtoull(length, NULL, 10) > HTTP_POST_MAX)
		return refuse(r, 413, "64 KiB at most");
	if (!query_good(r->conn))
		return refuse(r, 400, "that is not UTF-8");
	return MHD_YES;
}

static void suspend(struct request *r)
{
	struct http *h = r->http;

	r->stage = WHOLE;
	r->line->busy = true;
	r->queue = NULL;
	*h->last = r;
	h->last = &r->queue;
	MHD_suspend_connection(r->conn);
}

static enum MHD_Result whole(struct request *r)
{
	if (r->too_long)
		return refuse(r, 413, "64 KiB at most");
	if (strncmp(r->path, "/api/", 5))
		return send_file(r);
	if (!strcmp(r->path, "/api/login") && r->post)
		return sign_in(r);
	if (r->head || r->http->closing)
		return refuse(r, r->head ? 405 : 503, "not now");
	suspend(r);
	return MHD_YES;
}

/* What is too long is read on, so that the answer reaches the browser, but not
 * for ever. */
static bool take(struct request *r, const char *p, size_t n)
{
	if (r->body.n + n <= HTTP_POST_MAX) {
		buf_put(&r->body, (struct bytes){(const uint8_t *)p, n});
		return true;
	}
	r->too_long = true;
	r->status += (unsigned)n;
	return r->status < 4 * HTTP_POST_MAX;
}

static enum MHD_Result send_stream(struct request *r);

static enum MHD_Result on_request(void *cls, struct MHD_Connection *c,
				  const char *url, const char *method,
				  const char *version, const char *data,
				  size_t *n_data, void **mine)
{
	struct request *r = *mine;

	(void)version;
	if (!r) {
		*mine = r = request_new(cls, c, url, method);
		return begin(r, method);
	}
	if (*n_data) {
		bool good = take(r, data, *n_data);

		*n_data = 0;
		return good ? MHD_YES : MHD_NO;
	}
	switch (r->stage) {
	case READING:
		return whole(r);
	case ANSWERED:
		return r->stream ? send_stream(r)
				 : send_buf(r, r->status, &r->answer);
	case WHOLE:
	case GIVEN:
	case SENDING:
		break;
	}
	return MHD_YES;
}

static void on_completed(void *cls, struct MHD_Connection *c, void **mine,
			 enum MHD_RequestTerminationCode why)
{
	struct request *r = *mine;

	(void)cls, (void)c, (void)why;
	if (!r)
		return;
	r->line->busy = false;
	r->line->since_us = clock_mono_us();
	request_free(r);
	*mine = NULL;
}

struct request *http_next(struct http *h)
{
	struct request *r = h->first;

	if (!r)
		return NULL;
	h->first = r->queue;
	if (!h->first)
		h->last = &h->first;
	r->stage = GIVEN;
	return r;
}

const char *request_path(const struct request *r)
{
	return r->path;
}

bool request_posts(const struct request *r)
{
	return r->post;
}

const char *request_query(const struct request *r, const char *name)
{
	return MHD_lookup_connection_value(r->conn, MHD_GET_ARGUMENT_KIND,
					   name);
}

const char *request_header(const struct request *r, const char *name)
{
	return MHD_lookup_connection_value(r->conn, MHD_HEADER_KIND, name);
}

struct bytes request_body(const struct request *r)
{
	return (struct bytes){r->body.p, r->body.n};
}

void request_answer(struct request *r, unsigned status, struct buf *body)
{
	r->answer = *body;
	*body = (struct buf){0};
	r->status = status;
	r->stage = ANSWERED;
	MHD_resume_connection(r->conn);
}

/* ---- streams ---- */

static void stream_release(struct stream *s)
{
	if (!s->ended || !s->dropped)
		return;
	*s->at = s->next;
	if (s->next)
		s->next->at = s->at;
	buf_free(&s->out);
	free(s);
}

static void stream_wake(struct stream *s)
{
	if (!s->parked)
		return;
	s->parked = false;
	MHD_resume_connection(s->conn);
}

static ssize_t on_read(void *cls, uint64_t at, char *to, size_t most)
{
	struct stream *s = cls;
	size_t n = s->out.n < most ? s->out.n : most;

	(void)at;
	if (s->over)
		return MHD_CONTENT_READER_END_OF_STREAM;
	if (!n) {
		s->parked = true;
		MHD_suspend_connection(s->conn);
		return 0;
	}
	memcpy(to, s->out.p, n);
	buf_drop(&s->out, n);
	return (ssize_t)n;
}

static void on_stream_end(void *cls)
{
	struct stream *s = cls;

	s->over = s->ended = true;
	stream_release(s);
}

static enum MHD_Result send_stream(struct request *r)
{
	struct MHD_Response *m = MHD_create_response_from_callback(
	    MHD_SIZE_UNKNOWN, 4096, on_read, r->stream, on_stream_end);
	enum MHD_Result good;

	if (!m)
		return MHD_NO;
	good = send_it(r, 200, "text/event-stream", m);
	r->line->busy = true;
	return good;
}

struct stream *request_stream(struct request *r)
{
	struct http *h = r->http;
	struct buf no = {0};
	struct stream *s;
	size_t n = 0;

	for (s = h->streams; s; s = s->next)
		n++;
	if (n >= HTTP_STREAMS) {
		words_put(&no, 503, "too many pages are open");
		request_answer(r, 503, &no);
		return NULL;
	}
	s = xmalloc(sizeof *s);
	*s = (struct stream){.conn = r->conn, .fd = r->line->fd};
	s->next = h->streams;
	if (s->next)
		s->next->at = &s->next;
	s->at = &h->streams;
	h->streams = s;
	r->stream = s;
	request_answer(r, 200, &no);
	return s;
}

void stream_put(struct stream *s, struct bytes events)
{
	if (s->over)
		return;
	if (s->out.n + events.n > HTTP_STREAM_MAX) {
		s->over = true;
		buf_free(&s->out);
	} else {
		buf_put(&s->out, events);
	}
	stream_wake(s);
}

size_t stream_waits(const struct stream *s)
{
	return s->out.n;
}

bool stream_over(const struct stream *s)
{
	return s->over;
}

void stream_free(struct stream *s)
{
	s->over = s->dropped = true;
	stream_wake(s);
	stream_release(s);
}

/* ---- connections ---- */

static void on_line(void *cls, struct MHD_Connection *c, void **mine,
		    enum MHD_ConnectionNotificationCode what)
{
	struct http *h = cls;
	struct line *l = *mine;

	if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
		*l->at = l->next;
		if (l->next)
			l->next->at = l->at;
		h->n_lines--;
		free(l);
		return;
	}
	l = xmalloc(sizeof *l);
	*l = (struct line){
	    .since_us = clock_mono_us(), .next = h->lines, .at = &h->lines};
	l->fd = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD)
		    ->connect_fd;
	if (l->next)
		l->next->at = &l->next;
	h->lines = l;
	h->n_lines++;
	*mine = l;
}

static void run(struct http *h)
{
	MHD_UNSIGNED_LONG_LONG ms;

	for (int i = 0; i < RUNS_A_TURN; i++) {
		MHD_run(h->daemon);
		if (MHD_get_timeout(h->daemon, &ms) != MHD_YES || ms)
			return;
	}
}

/* Somebody who takes all connections and says nothing keeps nobody out. */
static void make_room(struct http *h)
{
	struct line *slow = NULL;

	for (struct line *l = h->lines; l; l = l->next)
		if (!l->busy && (!slow || l->since_us < slow->since_us))
			slow = l;
	if (slow)
		shutdown(slow->fd, SHUT_RDWR);
	run(h);
}

static void admit(struct http *h, int listen_fd)
{
	struct sockaddr_in6 a;
	socklen_t n = sizeof a;
	int one = 1, fd;

	fd = accept4(listen_fd, (struct sockaddr *)&a, &n,
		     SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0)
		return;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	if (h->n_lines >= HTTP_CONNECTIONS)
		make_room(h);
	/* It closes fd when it does not take it. */
	(void)MHD_add_connection(h->daemon, fd, (struct sockaddr *)&a, n);
}

static void sweep(struct http *h)
{
	int64_t now = clock_mono_us();

	for (struct line *l = h->lines; l; l = l->next)
		if (!l->busy && now - l->since_us >= h->idle_us)
			shutdown(l->fd, SHUT_RDWR);
}

/* ---- the loop ---- */

size_t http_watch(struct http *h, struct pollfd *p)
{
	size_t n = 0;

	p[n++] = (struct pollfd){.fd = h->epoll_fd, .events = POLLIN};
	p[n++] = (struct pollfd){.fd = h->listen_fd[0], .events = POLLIN};
	p[n++] = (struct pollfd){.fd = h->listen_fd[1], .events = POLLIN};
	/* While it is suspended nobody else looks whether it is there. */
	for (struct stream *s = h->streams; s && n < HTTP_FDS; s = s->next)
		p[n++] = (struct pollfd){.fd = s->parked ? s->fd : -1,
					 .events = POLLRDHUP};
	return n;
}

int http_wait_ms(struct http *h)
{
	int64_t now = clock_mono_us(), left = INT64_MAX;
	MHD_UNSIGNED_LONG_LONG ms;

	if (h->first)
		return 0;
	for (struct line *l = h->lines; l; l = l->next)
		if (!l->busy && l->since_us + h->idle_us - now < left)
			left = l->since_us + h->idle_us - now;
	if (left != INT64_MAX)
		left = left > 0 ? left / 1000 + 1 : 0;
	if (MHD_get_timeout(h->daemon, &ms) == MHD_YES && (int64_t)ms < left)
		left = (int64_t)ms;
	return left == INT64_MAX ? -1 : (int)left;
}

void http_turn(struct http *h, const struct pollfd *p, size_t n)
{
	struct stream *s = h->streams;

	for (size_t i = 3; i < n && s; i++, s = s->next)
		if (p[i].revents) {
			s->over = true;
			stream_wake(s);
		}
	for (size_t i = 1; i < 3 && i < n; i++)
		if (p[i].revents)
			admit(h, p[i].fd);
	run(h);
	sweep(h);
}

/* ---- beginning and end ---- */

static int listen_at(int family, unsigned port)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET,
				 .sin_port = htons((uint16_t)port),
				 .sin_addr = {htonl(INADDR_LOOPBACK)}};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6,
				  .sin6_port = htons((uint16_t)port),
				  .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	bool six = family == AF_INET6;
	struct sockaddr *a =
	    six ? (struct sockaddr *)&v6 : (struct sockaddr *)&v4;
	int one = 1, saved;
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (six)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
	if (!bind(fd, a, six ? sizeof v6 : sizeof v4) && !listen(fd, 32))
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

static unsigned port_of(int fd)
{
	struct sockaddr_in a = {0};
	socklen_t n = sizeof a;

	getsockname(fd, (struct sockaddr *)&a, &n);
	return ntohs(a.sin_port);
}

/* Both addresses or none; a machine may have no IPv6. */
static bool listen_both(struct http *h, unsigned port)
{
	int saved;

	h->listen_fd[0] = listen_at(AF_INET, port);
	if (h->listen_fd[0] < 0)
		return false;
	h->port = port_of(h->listen_fd[0]);
	h->listen_fd[1] = listen_at(AF_INET6, h->port);
	if (h->listen_fd[1] >= 0 || errno != EADDRINUSE)
		return true;
	saved = errno;
	close(h->listen_fd[0]);
	h->listen_fd[0] = -1;
	errno = saved;
	return false;
}

static bool listen_somewhere(struct http *h)
{
	unsigned port = (unsigned)h->o.port;

	if (listen_both(h, port))
		return true;
	for (unsigned i = 1; h->o.next && i <= NEXT_PORTS; i++)
		if (port + i <= UINT16_MAX && listen_both(h, port + i))
			return true;
	return h->o.next && listen_both(h, 0);
}

static void on_log(void *cls, const char *fmt, va_list ap)
{
	(void)cls, (void)fmt, (void)ap; /* what strangers send, mostly */
}

static bool daemon_start(struct http *h)
{
	const union MHD_DaemonInfo *of;

	h->daemon = MHD_start_daemon(
	    MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET |
		MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG,
	    0, NULL, NULL, on_request, h, MHD_OPTION_EXTERNAL_LOGGER, on_log,
	    NULL, MHD_OPTION_CONNECTION_LIMIT, (unsigned)HTTP_CONNECTIONS,
	    MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)(h->idle_us / 1000000),
	    MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HTTP_MEMORY,
	    MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_NOTIFY_COMPLETED,
	    on_completed, h, MHD_OPTION_NOTIFY_CONNECTION, on_line, h,
	    MHD_OPTION_END);
	if (!h->daemon)
		return false;
	of = MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	h->epoll_fd = of ? of->epoll_fd : -1;
	return h->epoll_fd >= 0;
}

static void http_free(struct http *h)
{
	int saved = errno;

	if (h->daemon)
		MHD_stop_daemon(h->daemon);
	for (size_t i = 0; i < 2; i++)
		if (h->listen_fd[i] >= 0)
			close(h->listen_fd[i]);
	free(h);
	errno = saved;
}

enum err http_open(struct http **out, const struct http_options *o)
{
	struct http *h = xmalloc(sizeof *h);
	bool good;

	*h = (struct http){.o = *o, .listen_fd = {-1, -1}};
	h->last = &h->first;
	h->idle_us = (int64_t)(o->idle_s ? o->idle_s : HTTP_IDLE_S) * 1000000;
	good = listen_somewhere(h);
	if (good && daemon_start(h)) {
		*out = h;
		return OK;
	}

	enum err err = !good && errno == EADDRINUSE ? ERR_EXISTS : ERR_SYS;

	http_free(h);
	return err;
}

unsigned http_port(const struct http *h)
{
	return h->port;
}

/* The library aborts the program when a connection is still suspended. */
static void resume_all(struct http *h)
{
	struct request *r;
	struct buf no = {0};

	while (http_next(h))
		;
	for (r = h->all; r; r = r->next)
		if (r->stage == GIVEN) {
			words_put(&no, 503, "the page is closing");
			request_answer(r, 503, &no);
		}
	for (struct stream *s = h->streams; s; s = s->next) {
		s->over = true;
		stream_wake(s);
	}
}

void http_close(struct http *h)
{
	int64_t until = clock_mono_us() + GOODBYE_US;

	if (!h)
		return;
	h->closing = true;
	do {
		struct pollfd p = {.fd = h->epoll_fd, .events = POLLIN};

		resume_all(h);
		run(h);
		if (!h->all)
			break;
		poll(&p, 1, 10);
	} while (clock_mono_us() < until);
	resume_all(h);
	run(h);
	http_free(h);
}
