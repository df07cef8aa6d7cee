#ifndef SOTTO_UI_WEB_HTTP_H
#define SOTTO_UI_WEB_HTTP_H
#include "proto/base.h"
struct pollfd;
/* HTTP/1.1 for browsers on this machine, over libmicrohttpd: 127.0.0.1 and
 * ::1, nowhere else. What may not be, what is too long or too slow, the files
 * of the page and signing in are answered here; what is left are whole
 * requests of somebody who is signed in. One thread; nothing here waits. */
enum {
	HTTP_CONNECTIONS = 32, /* when all are taken the slowest one goes */
	HTTP_IDLE_S = 60,      /* for a whole request, or to read an answer */
	HTTP_POST_MAX = 65536,
	HTTP_MEMORY = 32768, /* a connection, besides what is posted */
	HTTP_STREAMS = 16,
	HTTP_STREAM_MAX = 4 << 20, /* bytes that wait for a slow reader */
	HTTP_FDS = 3 + HTTP_STREAMS,
};
struct http;
struct request;
struct stream;

struct http_options {
	int port;        /* 0: any; else this one, ... */
	bool next;       /* ... or one of the nine behind it, or any */
	unsigned idle_s; /* 0: HTTP_IDLE_S */
	const char *links, *sessions; /* files of page_token.h; borrowed */
};
/* ERR_EXISTS: the port is taken. */
enum err http_open(struct http **out, const struct http_options *o) MUST_USE;
/* Answers what is open, ends the streams, goes. */
void http_close(struct http *h);
unsigned http_port(const struct http *h);

/* ---- the loop: poll what http_watch says for http_wait_ms, http_turn ---- */
size_t http_watch(struct http *h, struct pollfd *p); /* room for HTTP_FDS */
int http_wait_ms(struct http *h);                    /* -1: for ever */
void http_turn(struct http *h, const struct pollfd *p, size_t n);

/* ---- requests ---- */

/* The next one; it waits until it has its answer. Or NULL. */
struct request *http_next(struct http *h);
const char *request_path(const struct request *r);
bool request_posts(const struct request *r);
/* A parameter; NULL: not there. UTF-8 without NUL. */
const char *request_query(const struct request *r, const char *name);
/* A header; NULL: not there. Any bytes. */
const char *request_header(const struct request *r, const char *name);
struct bytes request_body(const struct request *r);
/* The answer, JSON; takes what is in body. r is gone afterwards. */
void request_answer(struct request *r, unsigned status, struct buf *body);

/* ---- streams ---- */

/* The answer is a stream of events; NULL: too many, r was told so. r is gone
 * afterwards. */
struct stream *request_stream(struct request *r);
void stream_put(struct stream *s, struct bytes events);
size_t stream_waits(const struct stream *s); /* bytes not read yet */
/* The browser went, or was too slow: stream_free it. */
bool stream_over(const struct stream *s);
void stream_free(struct stream *s);
#endif
