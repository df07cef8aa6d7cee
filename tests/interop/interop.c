/* interop MODE ROLE ECHOES COMMAND...: talks with a peer that others wrote.
 *
 * MODE  noise, psk: the handshake of noise.c, bare messages after it
 *       link: all of link.c: certificates, records, parts, ping and bye
 * ROLE  what we do: dial or accept
 *
 * The command is started with "MODE dial PORT" or "MODE accept"; in the latter
 * case its first line of output is its port. Its seeds and the private-network
 * key are constants here and there. */
#include "proto/link.h"
#include "proto/noise.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PREFACE = 8, PATIENCE_S = 120, ARGS_MAX = 16 };

static pid_t peer;

static _Noreturn void die(const char *fmt, ...) PRINTF(1, 2);
static _Noreturn void die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fputs("interop: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	if (peer > 0)
		kill(peer, SIGKILL);
	exit(1);
}

static void must(bool ok, const char *what)
{
	if (!ok)
		die("%s", what);
}

/* ---- sockets ---- */

static int loopback(struct sockaddr_in *a, uint16_t port)
{
	*a = (struct sockaddr_in){.sin_family = AF_INET,
				  .sin_port = htons(port)};
	a->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static int listener(uint16_t *port)
{
	struct sockaddr_in a;
	socklen_t len = sizeof a;
	int fd = loopback(&a, 0);

	must(fd >= 0 && !bind(fd, (void *)&a, sizeof a) && !listen(fd, 1) &&
		 !getsockname(fd, (void *)&a, &len),
	     "no listening socket");
	*port = ntohs(a.sin_port);
	return fd;
}

static int dial(uint16_t port)
{
	struct sockaddr_in a;
	int fd = loopback(&a, port);

	must(fd >= 0 && !connect(fd, (void *)&a, sizeof a), "connect");
	return fd;
}

/* No test of ours waits for ever, and small records go at once. */
static void tune(int fd)
{
	struct timeval t = {.tv_sec = PATIENCE_S};
	int on = 1;

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof t);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

static void put_all(int fd, struct bytes s)
{
	while (s.n) {
		ssize_t n = send(fd, s.p, s.n, MSG_NOSIGNAL);

		must(n > 0, "send");
		s.p += n;
		s.n -= (size_t)n;
	}
}

static void get_all(int fd, uint8_t *p, size_t n)
{
	while (n) {
		ssize_t r = recv(fd, p, n, 0);

		must(r > 0, "the peer closed, or said nothing");
		p += r;
		n -= (size_t)r;
	}
}

/* ---- the other program ---- */

/* Starts it; its output comes through the pipe when it is to accept. */
static int start(char **command, const char *mode, const char *role,
		 uint16_t port)
{
	char *argv[ARGS_MAX + 4] = {0}, text[2][8];
	int n = 0, out[2];

	snprintf(text[0], sizeof text[0], "%s", mode);
	snprintf(text[1], sizeof text[1], "%u", (unsigned)port);
	must(!pipe(out), "pipe");
	peer = fork();
	must(peer >= 0, "fork");
	if (peer) {
		close(out[1]);
		return out[0];
	}
	for (; command[n] && n < ARGS_MAX; n++)
		argv[n] = command[n];
	argv[n++] = text[0];
	argv[n++] = strdup(role);
	if (port)
		argv[n] = text[1];
	else
		dup2(out[1], STDOUT_FILENO);
	close(out[0]);
	close(out[1]);
	alarm(PATIENCE_S);
	execvp(argv[0], argv);
	_exit(127);
}

static int meet(char **command, const char *mode, bool dialling)
{
	uint16_t port;
	int fd, in, listening;

	if (dialling) {
		FILE *f = fdopen(start(command, mode, "accept", 0), "r");
		unsigned n = 0;

		must(f && fscanf(f, "%u", &n) == 1 && n < 65536, "no port");
		fclose(f);
		fd = dial((uint16_t)n);
	} else {
		listening = listener(&port);
		in = start(command, mode, "dial", port);
		tune(listening);
		fd = accept(listening, NULL, NULL);
		must(fd >= 0, "nobody dialled");
		close(listening);
		close(in);
	}
	tune(fd);
	return fd;
}

static void part(int fd)
{
	int status;

	close(fd);
	must(waitpid(peer, &status, 0) == peer, "waitpid");
	peer = 0;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		die("the peer ended with status %d", status);
}

/* ---- noise.c alone ---- */

static void put_frame(int fd, struct buf *m)
{
	uint8_t len[2] = {(uint8_t)(m->n >> 8), (uint8_t)m->n};

	put_all(fd, (struct bytes){len, 2});
	put_all(fd, (struct bytes){m->p, m->n});
	m->n = 0;
}

static void get_frame(int fd, struct buf *m)
{
	uint8_t len[2];
	size_t n;

	get_all(fd, len, 2);
	n = (size_t)len[0] << 8 | len[1];
	m->n = 0;
	buf_room(m, n);
	get_all(fd, m->p, n);
	m->n = n;
}

static void put_sealed(int fd, struct noise_cipher *c, struct bytes s)
{
	struct buf m = {0};

	buf_room(&m, s.n + NOISE_TAG);
	m.n = s.n + NOISE_TAG;
	must(!noise_encrypt(c, (struct bytes){0}, s, m.p), "encrypt");
	put_frame(fd, &m);
	buf_free(&m);
}

static void get_sealed(int fd, struct noise_cipher *c, struct buf *m)
{
	get_frame(fd, m);
	must(!noise_decrypt(c, (struct bytes){0}, (struct bytes){m->p, m->n},
			    m->p),
	     "a message is not authentic");
	m->n -= NOISE_TAG;
}

static void noise_init(struct noise *n, const uint8_t *preface, bool dialling)
{
	static const uint8_t psk[1][NOISE_KEY] = {{'p', 's', 'k'}};
	uint8_t prologue[14 + PREFACE] = "sotto/1 noise", key[NOISE_KEY];
	bool keyed = preface[3] != 0;
	struct noise_start s = {
	    .protocol = keyed ? "Noise_XXpsk0_25519_ChaChaPoly_BLAKE2b"
			      : "Noise_XX_25519_ChaChaPoly_BLAKE2b",
	    .initiator = dialling,
	    .prologue = {prologue, sizeof prologue},
	    .psk = keyed ? psk : NULL,
	    .n_psks = keyed,
	};

	memcpy(prologue + 14, preface, PREFACE);
	randombytes_buf(key, sizeof key);
	noise_pair_of(&s.e, key);
	randombytes_buf(key, sizeof key);
	noise_pair_of(&s.s, key);
	must(!noise_begin(n, &s), "noise_begin");
}

/* Payloads: none, "answer", "key". */
static void handshake(int fd, struct noise *n)
{
	static const char *const payload[] = {"", "answer", "key"};
	struct buf m = {0}, back = {0};

	for (int i = 0; i < 3; i++) {
		struct bytes p = {(const uint8_t *)payload[i],
				  strlen(payload[i])};

		m.n = back.n = 0;
		if (n->ours) {
			must(!noise_write(n, p, &m), "noise_write");
			put_frame(fd, &m);
			continue;
		}
		get_frame(fd, &m);
		must(!noise_read(n, (struct bytes){m.p, m.n}, &back) &&
			 back.n == p.n && !(p.n && memcmp(back.p, p.p, p.n)),
		     "a handshake message is refused");
	}
	buf_free(&m);
	buf_free(&back);
}

struct ways {
	struct noise_cipher send, receive;
	uint64_t sent, received;
};

static void ways_put(struct ways *w, int fd, struct bytes s)
{
	put_sealed(fd, &w->send, s);
	if (++w->sent % REKEY == 0)
		noise_rekey(&w->send);
}

static void ways_get(struct ways *w, int fd, struct buf *m)
{
	get_sealed(fd, &w->receive, m);
	if (++w->received % REKEY == 0)
		noise_rekey(&w->receive);
}

static void speak(struct ways *w, int fd, int echoes)
{
	struct buf m = {0};
	uint8_t text[600];

	for (int i = 0; i < echoes; i++) {
		size_t n = (size_t)i % sizeof text;

		randombytes_buf(text, sizeof text);
		ways_put(w, fd, (struct bytes){text, n});
		ways_get(w, fd, &m);
		must(m.n == n && !(n && memcmp(m.p, text, n)), "no echo");
	}
	buf_free(&m);
}

static void listen_to(struct ways *w, int fd, int echoes)
{
	struct buf m = {0};

	for (int i = 0; i < echoes; i++) {
		ways_get(w, fd, &m);
		ways_put(w, fd, (struct bytes){m.p, m.n});
	}
	buf_free(&m);
}

static void talk_noise(int fd, bool keyed, bool dialling, int echoes)
{
	uint8_t preface[PREFACE] = {'S', 'V', 1, keyed}, got[PREFACE];
	struct noise n;
	struct ways w = {0};
	struct buf hash = {0};
	uint8_t count[2] = {(uint8_t)(echoes >> 8), (uint8_t)echoes};

	if (dialling) {
		put_all(fd, (struct bytes){preface, PREFACE});
	} else {
		get_all(fd, got, PREFACE);
		must(!memcmp(got, preface, PREFACE), "another preface");
	}
	noise_init(&n, preface, dialling);
	handshake(fd, &n);
	noise_split(&n, &w.send, &w.receive);
	ways_put(&w, fd, (struct bytes){n.h, NOISE_HASH});
	ways_get(&w, fd, &hash);
	must(hash.n == NOISE_HASH && !memcmp(hash.p, n.h, NOISE_HASH),
	     "the handshake hashes differ");
	ways_put(&w, fd, (struct bytes){count, 2});
	speak(&w, fd, echoes);
	listen_to(&w, fd, echoes);
	buf_free(&hash);
	noise_wipe(&n);
}

/* ---- all of link.c ---- */

struct conversation {
	struct link *link;
	struct rng rng;
	int fd;
};

static struct now now_of(struct conversation *c)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (struct now){
	    .mono_us = t.tv_sec * 1000000 + t.tv_nsec / 1000,
	    .wall_us = 1700000000000000,
	    .rng = &c->rng,
	};
}

static void flush(struct conversation *c)
{
	struct bytes out = link_output(c->link);

	put_all(c->fd, out);
	link_wrote(c->link, out.n);
}

/* False: the peer closed. */
static bool hear(struct conversation *c)
{
	static uint8_t in[65536];
	ssize_t n = recv(c->fd, in, sizeof in, 0);
	struct now now = now_of(c);
	enum err err;

	must(n >= 0, "the peer says nothing");
	if (n == 0)
		return false;
	err = link_feed(c->link, &now, (struct bytes){in, (size_t)n});
	if (err)
		die("link_feed: %s", err_text(err));
	flush(c);
	return true;
}

static void next(struct conversation *c, struct packet *p)
{
	while (!link_next(c->link, p))
		must(hear(c), "the peer closed too early");
	flush(c);
}

static void say(struct conversation *c, const struct packet *p)
{
	struct now now = now_of(c);

	must(!link_send(c->link, &now, p), "link_send");
	flush(c);
}

static struct packet message(struct bytes text, unsigned i)
{
	static const char stamp[] = "2026-11-20T14:02:03.120Z";
	struct packet m = {.kind = PKT_MESSAGE, .text = text, .seq = i + 1};

	m.id.b[0] = 9;
	m.id.b[14] = (uint8_t)(i >> 8);
	m.id.b[15] = (uint8_t)i;
	m.epoch[0] = 1;
	m.stamp = (struct bytes){(const uint8_t *)stamp, sizeof stamp - 1};
	return m;
}

static void say_and_hear(struct conversation *c, struct bytes text, unsigned i)
{
	struct packet m = message(text, i), back;

	say(c, &m);
	next(c, &back);
	must(back.kind == PKT_MESSAGE && back.seq == m.seq &&
		 !memcmp(&back.id, &m.id, sizeof m.id) &&
		 back.text.n == text.n && !memcmp(back.text.p, text.p, text.n),
	     "no echo");
}

static struct buf copy(struct bytes s)
{
	struct buf b = {0};

	buf_put(&b, s);
	return b;
}

/* What the peer says is said back. */
static void echo(struct conversation *c, int echoes)
{
	struct packet p;

	for (int i = 0; i < echoes; i++) {
		next(c, &p);
		must(p.kind == PKT_MESSAGE, "not a message");
		struct buf text = copy(p.text);
		struct packet m = message((struct bytes){text.p, text.n},
					  (unsigned)p.seq - 1);

		say(c, &m);
		buf_free(&text);
	}
}

/* The text tells the peer how many come; the last one needs parts. */
static void converse(struct conversation *c, int echoes)
{
	struct buf text = {0};
	struct packet p;

	buf_printf(&text, "%d", echoes);
	say_and_hear(c, (struct bytes){text.p, text.n}, 0);
	for (int i = 1; i < echoes; i++) {
		text.n = 0;
		buf_printf(&text, "%0*d", 1 + i % 700, i);
		say_and_hear(c, (struct bytes){text.p, text.n}, (unsigned)i);
	}
	buf_room(&text, TEXT_MAX);
	memset(text.p, 1, TEXT_MAX); /* six characters each in JSON */
	say_and_hear(c, (struct bytes){text.p, TEXT_MAX}, (unsigned)echoes);
	buf_free(&text);
	echo(c, echoes);
	while (hear(c))
		; /* its ping, answered, and its bye */
	must(!link_next(c->link, &p) && !link_eof(c->link),
	     "an end without a bye");
}

static void talk_link(int fd, bool dialling, int echoes)
{
	struct conversation c = {.fd = fd};
	const uint8_t mine[32] = {9};
	uint8_t theirs[32], secret[64];
	struct keys *keys = keys_new(mine);
	struct pubkey pin, met;

	memset(theirs, 7, sizeof theirs);
	crypto_sign_seed_keypair(pin.b, secret, theirs);
	randombytes_buf(c.rng.seed, sizeof c.rng.seed);
	struct now now = now_of(&c);

	c.link = link_new(&dialect_sotto, dialling ? DIALLED : ACCEPTED, keys,
			  &pin, &now);
	flush(&c);
	while (!link_up(c.link))
		must(hear(&c), "the peer closed in the handshake");
	met = link_key(c.link);
	must(!memcmp(&met, &pin, sizeof pin), "another key");
	converse(&c, echoes);
	link_free(c.link);
	keys_free(keys);
}

int main(int argc, char **argv)
{
	bool dialling;
	int echoes, fd;

	if (argc < 5 || sodium_init() < 0)
		die("interop noise|psk|link dial|accept ECHOES COMMAND...");
	dialling = !strcmp(argv[2], "dial");
	echoes = (int)strtol(argv[3], NULL, 10);
	alarm(PATIENCE_S);
	fd = meet(argv + 4, argv[1], dialling);
	if (!strcmp(argv[1], "link"))
		talk_link(fd, dialling, echoes);
	else
		talk_noise(fd, !strcmp(argv[1], "psk"), dialling, echoes);
	part(fd);
	printf("%s, we %s: %d echoes each way\n", argv[1], argv[2], echoes);
	return 0;
}
