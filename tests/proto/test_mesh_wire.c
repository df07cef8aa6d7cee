/* Document 004: packets without an end. */
#include "proto/dialect.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { BLOCK = 4096 };
static const struct dialect *const d = &dialect_mesh;

static struct bytes str(const char *s)
{
	return (struct bytes){(const uint8_t *)s, strlen(s)};
}

static struct bytes all(const struct buf *b)
{
	return (struct bytes){b->p, b->n};
}

/* In memory of exactly its length, so that a sanitizer sees what is read
 * behind it. */
struct heard {
	enum err err;
	struct packet p;
	uint8_t *frame, scratch[5 * BLOCK];
};

static void hear(struct heard *h, struct bytes in)
{
	struct arena a = {.p = h->scratch, .cap = sizeof h->scratch};

	h->frame = xmalloc(in.n ? in.n : 1);
	if (in.n)
		memcpy(h->frame, in.p, in.n);
	h->err = d->decode((struct bytes){h->frame, in.n}, &a, &h->p);
}

static enum err verdict_on(struct bytes in)
{
	struct heard h;

	hear(&h, in);
	free(h.frame);
	return h.err;
}

static struct buf vector(const char *name)
{
	char path[4096];
	struct buf b = {0};
	FILE *f;

	snprintf(path, sizeof path, "%s/proto/vectors/mesh/%s", TESTS_DIR,
		 name);
	f = fopen(path, "rb");
	assert_non_null(f);
	buf_room(&b, 16384);
	b.n = fread(b.p, 1, 16384, f);
	fclose(f);
	return b;
}

static void assert_text(struct bytes got, const char *want)
{
	if (got.n != strlen(want) || (got.n && memcmp(got.p, want, got.n) != 0))
		fail_msg("%.*s, not %s", (int)got.n, (const char *)got.p, want);
}

static void assert_said(const struct packet *p, const char *want)
{
	struct buf out = {0};

	assert_int_equal(d->encode(p, &out), OK);
	assert_text(all(&out), want);
	buf_free(&out);
}

/* The same with zeros up to a block. */
static void assert_block(const struct packet *p, const char *want)
{
	struct buf out = {0};

	assert_int_equal(d->encode(p, &out), OK);
	assert_int_equal(out.n, BLOCK);
	assert_string_equal((char *)out.p, want);
	for (size_t i = strlen(want); i < BLOCK; i++)
		assert_int_equal(out.p[i], 0);
	buf_free(&out);
}

/* One end of a conversation: what link.c does, but for time. A handshake is
 * what makes it greeted. */
struct ear {
	struct buf in, said; /* packets as packet_dump has them, a line each */
	bool greeted;
	unsigned odd;
};

static void listen(struct ear *e, struct bytes in, bool quiet)
{
	size_t len;

	buf_put(&e->in, in);
	for (;;) {
		struct heard h;

		if (d->split(all(&e->in), e->greeted, quiet, &len)) {
			buf_put(&e->said, str("broken\n"));
			e->in.n = 0;
			return;
		}
		assert_true(len <= e->in.n && len <= BLOCK);
		if (!len)
			return;
		hear(&h, (struct bytes){e->in.p, len});
		if (!h.err) {
			packet_dump(&e->said, &h.p);
			buf_put(&e->said, str("\n"));
			e->greeted |= h.p.kind == PKT_HELLO;
		} else if (h.err != ERR_STATE) {
			e->odd++;
		}
		free(h.frame);
		buf_drop(&e->in, len);
	}
}

static void ear_free(struct ear *e)
{
	buf_free(&e->in);
	buf_free(&e->said);
	*e = (struct ear){0};
}

static void assert_heard(struct ear *e, const char *want)
{
	assert_text(all(&e->said), want);
	ear_free(e);
}

/* ---- what the program sent ---- */

static void mesh__understands__handshakes_of_the_program(void **state)
{
	static const struct {
		const char *file, *dump;
		size_t peers;
	} t[] = {
	    {"004_port6327_listen.bin",
	     "hello peer=\"XEW2z25dZtzAj4kK\" nick=\"Balazs\" version=\"1.2\""
	     " listen_port=6327",
	     1},
	    {"004_port6327_open.bin",
	     "hello peer=\"9xovsTvVCbFU8xXK\" version=\"1.2\""
	     " listen_port=6329",
	     0},
	    {"005_port6328_open.bin",
	     "hello peer=\"XEW2z25dZtzAj4kK\" nick=\"Balazs\" version=\"1.2\""
	     " listen_port=6327",
	     0},
	    {"006_port6328_open.bin",
	     "hello peer=\"XEW2z25dZtzAj4kK\" nick=\"Clone\" version=\"1.2\""
	     " listen_port=6330",
	     0},
	    {"005_port6328_listen.bin", "error word=\"id_taken\"", 0},
	    {"006_port6328_listen.bin", "error word=\"id_taken\"", 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		struct buf v = vector(t[i].file), dump = {0}, out = {0};
		struct heard h;
		size_t len;

		hear(&h, all(&v));
		assert_int_equal(h.err, OK);
		packet_dump(&dump, &h.p);
		assert_text(all(&dump), t[i].dump);
		assert_int_equal(h.p.n_peers, t[i].peers);
		/* never known to be over but by silence */
		assert_int_equal(d->split(all(&v), false, false, &len), OK);
		assert_int_equal(len, 0);
		assert_int_equal(d->split(all(&v), false, true, &len), OK);
		assert_int_equal(len, v.n);
		assert_int_equal(d->encode(&h.p, &out), OK);
		assert_int_equal(out.n, v.n);
		assert_memory_equal(out.p, v.p, v.n);
		free(h.frame);
		buf_free(&v);
		buf_free(&out);
		buf_free(&dump);
	}
}

static void mesh__understands__blocks_of_the_program(void **state)
{
	struct buf v = vector("message_4096.bin");
	struct packet p = {.kind = PKT_MESSAGE};
	struct heard h;

	(void)state;
	hear(&h, all(&v));
	assert_int_equal(h.err, OK);
	assert_int_equal(h.p.kind, PKT_MESSAGE);
	assert_text(h.p.text, "from web");
	free(h.frame);
	p.text = str("from web");
	assert_block(&p, "@message=from%20web");
	/* what is behind the NUL is the stack of its sender */
	memset(v.p + strlen((char *)v.p) + 1, '&', 8);
	hear(&h, all(&v));
	assert_text(h.p.text, "from web");
	free(h.frame);
	buf_free(&v);

	p.text = str("hello world \xc3\xa1rv\xc3\xadz &=+");
	assert_block(&p,
		     "@message=hello%20world%20%C3%A1rv%C3%ADz%20%26%3D%2B");
}

static const char whole_listen[] =
    "hello peer=\"XEW2z25dZtzAj4kK\" nick=\"Balazs\" version=\"1.2\""
    " listen_port=6327\n"
    "message text=\"hello world \\c3\\a1rv\\c3\\adz &=+\"\n";
static const char whole_open[] =
    "hello peer=\"VFKqe1JaKLUx7JJK\" nick=\"Masodik\" version=\"1.2\""
    " listen_port=6328\n"
    "message text=\"szia\"\n";

/* A handshake and a block, as they came, cut at every place and at once. */
static void mesh__gives_the_same__however_a_stream_is_cut(void **state)
{
	static const char *const name[] = {"000_port6327_listen.bin",
					   "000_port6327_open.bin"};
	struct rng rng = {.seed = {7}};

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct buf v = vector(name[i]);
		const char *want = i ? whole_open : whole_listen;
		struct ear e = {0};

		for (size_t cut = 0; cut <= v.n; cut++) {
			listen(&e, (struct bytes){v.p, cut}, false);
			listen(&e, (struct bytes){v.p + cut, v.n - cut}, false);
			assert_int_equal(e.odd, 0);
			assert_int_equal(e.in.n, 0);
			assert_heard(&e, want);
		}
		for (int k = 0; k < 300; k++) {
			size_t at = 0;

			while (at < v.n) {
				uint8_t r[2];
				size_t n;

				rng_fill(&rng, r, sizeof r);
				n = r[0] % 8 ? r[1] % 16U + 1 : r[1] * 8U;
				n = n < v.n - at ? n : v.n - at;
				listen(&e, (struct bytes){v.p + at, n}, false);
				at += n;
			}
			assert_int_equal(e.odd, 0);
			assert_heard(&e, want);
		}
		buf_free(&v);
	}
}

/* ---- where a packet ends ---- */

static size_t first(struct bytes in, bool greeted, bool quiet)
{
	size_t len;

	assert_int_equal(d->split(in, greeted, quiet, &len), OK);
	return len;
}

static void mesh_split__waits__for_a_whole_block(void **state)
{
	uint8_t block[BLOCK + 1] = "@message=two";

	(void)state;
	/* an old text lies behind the new one */
	strcpy((char *)block + 20, "@message=one");
	for (size_t n = 13; n < BLOCK; n++) {
		struct bytes in = {block, n};

		assert_int_equal(first(in, true, false), 0);
		assert_int_equal(first(in, true, true), 0);
		assert_int_equal(first(in, false, true), 0);
	}
	assert_int_equal(first((struct bytes){block, BLOCK}, true, false),
			 BLOCK);
	assert_int_equal(first((struct bytes){block, BLOCK + 1}, true, true),
			 BLOCK);
	assert_int_equal(verdict_on((struct bytes){block, BLOCK}), OK);
	assert_int_equal(verdict_on((struct bytes){block, BLOCK + 1}),
			 ERR_LIMIT);
}

static void mesh_split__takes__what_silence_ends(void **state)
{
	static const struct {
		const char *in;
		size_t now, quiet;
	} t[] = {
	    {"", 0, 0},
	    {"@", 0, 1},
	    {"@message=hi", 0, 11},
	    {"message=hi", 0, 10},
	    {"@message=one@message=two", 12, 12},
	    {"@message=one@messag", 0, 19},
	    {"@message@message=one", 0, 20}, /* of nothing complete */
	    {"@message=@message=one", 9, 9},
	    {"@id=a&port=1@message=hi", 12, 12},
	    {"@id=a&port=1@id=b&port=2", 0, 24},
	};

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++)
		for (int greeted = 0; greeted < 2; greeted++) {
			struct bytes in = str(t[i].in);

			if (first(in, greeted, false) != t[i].now ||
			    first(in, greeted, true) != t[i].quiet)
				fail_msg("%s", t[i].in);
		}
}

static void mesh__hears__short_packets_of_others(void **state)
{
	struct ear e = {0};

	(void)state;
	listen(&e, str("@id=a&port=1"), false);
	listen(&e, str("&nickname=ana"), false);
	listen(&e, (struct bytes){0}, true);
	listen(&e, str("@message=one@mess"), false);
	listen(&e, str("age=two"), true);
	listen(&e, str("message=three"), true);
	assert_heard(&e, "hello peer=\"a\" nick=\"ana\" listen_port=1\n"
			 "message text=\"one\"\n"
			 "message text=\"two\"\n"
			 "message text=\"three\"\n");
	/* a NUL behind the handshake, as its writer would have it */
	listen(&e, (struct bytes){(const uint8_t *)"@id=a&port=1\0\0\0", 15},
	       false);
	listen(&e, (struct bytes){(const uint8_t *)"\0\0@message=x", 12}, true);
	assert_int_equal(e.odd, 0);
	assert_heard(&e, "hello peer=\"a\" listen_port=1\n"
			 "message text=\"x\"\n");
}

static void mesh__hears__short_ones_before_blocks(void **state)
{
	struct packet p = {.kind = PKT_MESSAGE, .text = str("block")};
	struct buf in = {0};
	struct ear e = {.greeted = true};

	(void)state;
	buf_put(&in, str("@message=short"));
	assert_int_equal(d->encode(&p, &in), OK);
	assert_int_equal(d->encode(&p, &in), OK);
	for (size_t cut = 0; cut <= in.n; cut += cut < 100 ? 1 : 37) {
		listen(&e, (struct bytes){in.p, cut}, false);
		listen(&e, (struct bytes){in.p + cut, in.n - cut}, false);
		assert_int_equal(e.in.n, 0);
		assert_heard(&e, "message text=\"short\"\n"
				 "message text=\"block\"\n"
				 "message text=\"block\"\n");
		e.greeted = true;
	}
	buf_free(&in);
}

static void mesh_split__bounds__what_is_kept(void **state)
{
	uint8_t x[BLOCK + 100];
	size_t len;

	(void)state;
	memset(x, 'x', sizeof x);
	assert_int_equal(first((struct bytes){x, BLOCK - 1}, false, false), 0);
	assert_int_equal(d->split((struct bytes){x, BLOCK}, false, false, &len),
			 ERR_LIMIT);
	assert_int_equal(first((struct bytes){x, BLOCK}, true, false), BLOCK);
	assert_int_equal(verdict_on((struct bytes){x, BLOCK}), ERR_LIMIT);
	memset(x, 0, sizeof x);
	assert_int_equal(first((struct bytes){x, sizeof x}, true, false),
			 BLOCK);
	assert_int_equal(verdict_on((struct bytes){x, BLOCK}), ERR_STATE);
}

/* ---- handshakes ---- */

static struct packet hello(void)
{
	return (struct packet){.kind = PKT_HELLO,
			       .peer = str("0123456789abcdef0123456789abcdef"),
			       .listen_port = 6327};
}

static void mesh__says__hello(void **state)
{
	struct packet p = hello();
	struct addr peers[PEERS_MAX];

	(void)state;
	assert_said(
	    &p, "@id=0123456789abcdef0123456789abcdef&port=6327&version=1.2");
	p.peer = str("me");
	p.version = str("sotto/1 &");
	p.nick = str("Ana M. &co");
	assert_said(&p, "@id=me&port=6327&version=sotto/1%20%26"
			"&nickname=Ana%20M.%20%26co");
	p.version.n = p.nick.n = 0;
	for (size_t i = 0; i < PEERS_MAX; i++) {
		assert_true(ip_parse(str("192.168.100.100"), peers[i].ip));
		peers[i].port = 60000;
	}
	p.peers = peers;
	p.n_peers = 3;
	assert_true(ip_parse(str("2001:db8::1"), peers[0].ip));
	assert_said(&p, "@id=me&port=6327&version=1.2&peers="
			"192.168.100.100:60000,192.168.100.100:60000");
	p.n_peers = 1; /* nobody the program could reach */
	assert_said(&p, "@id=me&port=6327&version=1.2");
	/* as long as it can be, it is still understood */
	assert_true(ip_parse(str("192.168.100.100"), peers[0].ip));
	p.n_peers = PEERS_MAX;
	struct buf out = {0};
	struct heard h;

	assert_int_equal(dialect_check(d, &p), OK);
	assert_int_equal(d->encode(&p, &out), OK);
	hear(&h, all(&out));
	assert_int_equal(h.err, OK);
	assert_int_equal(h.p.n_peers, PEERS_MAX);
	assert_memory_equal(h.p.peers, peers, sizeof peers);
	free(h.frame);
	buf_free(&out);
}

static void mesh__cuts__nicknames_at_a_character(void **state)
{
	static const struct {
		const char *nick, *said;
	} t[] = {
	    {"abcdefghijklmnopqrstuvwxyz012", "abcdefghijklmnopqrstuvwxyz012"},
	    {"abcdefghijklmnopqrstuvwxyz0123", "abcdefghijklmnopqrstuvwxyz012"},
	    {"abcdefghijklmnopqrstuvwxyz01\xc3\xa9",
	     "abcdefghijklmnopqrstuvwxyz01"},
	    {"abcdefghijklmnopqrstuvwxyz0\xc3\xa9",
	     "abcdefghijklmnopqrstuvwxyz0\xc3\xa9"},
	    /* three bytes for a blank */
	    {"abcdefghijklmnopqrstuvwxyz 123", "abcdefghijklmnopqrstuvwxyz%20"},
	    {"abcdefghijklmnopqrstuvwxyz0 123", "abcdefghijklmnopqrstuvwxyz0"},
	    {"C++", "C++"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		struct packet p = hello();
		char want[256];

		p.peer = str("me");
		p.nick = str(t[i].nick);
		snprintf(want, sizeof want,
			 "@id=me&port=6327&version=1.2&nickname=%s", t[i].said);
		assert_said(&p, want);
	}
}

static void assert_hello(const char *in, const char *want)
{
	struct buf dump = {0};
	struct heard h;

	hear(&h, str(in));
	if (h.err)
		fail_msg("refused: %s", in);
	packet_dump(&dump, &h.p);
	assert_text(all(&dump), want);
	buf_free(&dump);
	free(h.frame);
}

static void mesh__takes__other_handshakes(void **state)
{
	struct heard h;

	(void)state;
	/* the document's: 32 hex digits and a public key */
	hear(&h, str("@id=0123456789abcdef0123456789abcdef&port=6327&version="
		     "1.0&pubkey=LS0tLS1C+/RU=="));
	assert_int_equal(h.err, OK);
	assert_text(h.p.peer, "0123456789abcdef0123456789abcdef");
	assert_text(h.p.key, "LS0tLS1C+/RU==");
	free(h.frame);

	assert_hello("port=1&id=x", "hello peer=\"x\" listen_port=1");
	assert_hello("@&&port=65535&&id=x&",
		     "hello peer=\"x\" listen_port=65535");
	assert_hello("@id=x&id=y&port=1&port=2&extra=3&flag",
		     "hello peer=\"x\" listen_port=1");
	assert_hello("@id=x y&port=1\r\n", "hello peer=\"x\" listen_port=1");
	assert_hello("@id=x&port=1&nickname=Ana Maria\r\n",
		     "hello peer=\"x\" nick=\"Ana Maria\" listen_port=1");
	assert_hello("@id=x&port=1&nickname=C++%20%41%",
		     "hello peer=\"x\" nick=\"C++ A%\" listen_port=1");
	/* Latin-2 */
	assert_hello("@id=x&port=1&nickname=Bal\xe1zs",
		     "hello peer=\"x\" nick=\"Bal\\ef\\bf\\bdzs\""
		     " listen_port=1");
	assert_hello("@id=x&port=1&nickname="
		     "aaaaaaaaaaaaaaaaaaaaaaaaaaaa\xc3\xa9",
		     "hello peer=\"x\" nick=\"aaaaaaaaaaaaaaaaaaaaaaaaaaaa\""
		     " listen_port=1");
	assert_hello("@id=a=b&port=1", "hello peer=\"a=b\" listen_port=1");
}

/* The last byte of an id of the program is whatever was there. */
static void mesh__names__any_id(void **state)
{
	(void)state;
	for (unsigned c = 1; c < 256; c++) {
		char in[] = "@id=9xovsTvVCbFU8x?&port=1";
		char want[] = "@id=9xovsTvVCbFU8x?&port=1&version=1.2";
		struct heard h;

		if (c == '&' || c == ' ' || (c >= '\t' && c <= '\r'))
			continue;
		in[18] = want[18] = (char)c;
		hear(&h, str(in));
		assert_int_equal(h.err, OK);
		assert_int_equal(h.p.peer.n,
				 c <= ' ' || c > '~' || c == '%' ? 17 : 15);
		assert_said(&h.p, want);
		free(h.frame);
	}
}

static void mesh__takes__peers(void **state)
{
	static const struct {
		const char *list;
		size_t n;
	} t[] = {
	    {"", 0},
	    {"127.0.0.1:6328", 1},
	    {"127.0.0.1:6328,10.0.0.1:1", 2},
	    {",,127.0.0.1:6328,", 1},
	    {"127.0.0.1", 0},
	    {"127.0.0.1:", 0},
	    {"127.0.0.1:0", 0},
	    {"127.0.0.1:65536", 0},
	    {"127.0.0.1:-1", 0},
	    {"127.0.0.256:1,:1,:,x:1,1.2.3.4:5", 1},
	    {"evil.example:80", 0},
	    {"127.0.0.1:1 127.0.0.1:2", 1},
	};
	struct heard h;
	char in[2048];
	int n;

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		snprintf(in, sizeof in, "@id=x&port=1&peers=%s", t[i].list);
		hear(&h, str(in));
		if (h.err || h.p.n_peers != t[i].n)
			fail_msg("%s: %zu", t[i].list, h.p.n_peers);
		free(h.frame);
	}
	n = snprintf(in, sizeof in, "@id=x&port=1&peers=");
	for (int i = 1; i <= 100; i++)
		n += snprintf(in + n, sizeof in - (size_t)n, "1.1.1.1:%d,", i);
	hear(&h, str(in));
	assert_int_equal(h.err, ERR_LIMIT); /* a value too long */
	free(h.frame);
	n = snprintf(in, sizeof in, "@id=x&port=1&peers=");
	for (int i = 1; i <= 80; i++)
		n += snprintf(in + n, sizeof in - (size_t)n, "1.1.1.1:%d,", i);
	hear(&h, str(in));
	assert_int_equal(h.err, OK);
	assert_int_equal(h.p.n_peers, PEERS_MAX);
	assert_int_equal(h.p.peers[PEERS_MAX - 1].port, PEERS_MAX);
	free(h.frame);
}

static void mesh__refuses__with_the_right_word(void **state)
{
	static const struct {
		const char *in, *code;
		enum err err;
	} t[] = {
	    {"@port=1", "ID_NOT_FOUND", ERR_PARSE},
	    {"@id=&port=1", "ID_NOT_FOUND", ERR_PARSE},
	    {"@id=x", "PORT_NOT_FOUND", ERR_PARSE},
	    {"@id=x&port=", "PORT_NOT_FOUND", ERR_PARSE},
	    {"@id=x&port=0", "PORT_NOT_FOUND", ERR_PARSE},
	    {"@id=x&port=65536", "PORT_NOT_FOUND", ERR_PARSE},
	    {"@id=x&port=4294967297", "PORT_NOT_FOUND", ERR_PARSE},
	    {"@id=x&port=6327x", "PORT_NOT_FOUND", ERR_PARSE},
	    {"@id=x&port=-1", "PORT_NOT_FOUND", ERR_PARSE},
	    {"@id=012345678901234567890123456789012&port=1", "INVALID_RESPONSE",
	     ERR_LIMIT},
	    {"@", "INVALID_RESPONSE", ERR_PARSE},
	    {"hello", "INVALID_RESPONSE", ERR_PARSE},
	    {"GET / HTTP/1.1\r\n", "INVALID_RESPONSE", ERR_PARSE},
	    {"@valid=true", "INVALID_RESPONSE", ERR_PARSE},
	};

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		struct packet p = {.kind = PKT_ERROR};
		char want[64];
		struct heard h;

		hear(&h, str(t[i].in));
		if (h.err != t[i].err || h.p.n_words != 1)
			fail_msg("%s: %d", t[i].in, (int)h.err);
		p.word[0] = h.p.word[0];
		p.n_words = 1;
		snprintf(want, sizeof want, "@valid=false&error=%s", t[i].code);
		assert_said(&p, want);
		free(h.frame);
	}
}

static void mesh__carries__errors(void **state)
{
	static const char *const t[][2] = {
	    {"@valid=false&error=ID_TAKEN", "id_taken"},
	    {"@valid=false&error=ID_NOT_FOUND", "id_not_found"},
	    {"@valid=false&error=PORT_NOT_FOUND", "port_not_found"},
	    {"@valid=false&error=INVALID_RESPONSE", "invalid_response"},
	    {"@error=ID_TAKEN", "id_taken"},
	    {"@valid=false", "invalid_response"},
	    {"@valid=false&error=No!", "no_"},
	};
	struct packet p = {.kind = PKT_ERROR, .n_words = 1};

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		struct heard h;

		hear(&h, str(t[i][0]));
		assert_int_equal(h.err, OK);
		assert_int_equal(h.p.kind, PKT_ERROR);
		assert_int_equal(h.p.n_words, 1);
		assert_text(h.p.word[0], t[i][1]);
		if (i < 4)
			assert_said(&h.p, t[i][0]);
		free(h.frame);
	}
	p.word[0] = str("something_else");
	assert_said(&p, "@valid=false&error=INVALID_RESPONSE");
	p.n_words = 0;
	assert_said(&p, "@valid=false&error=INVALID_RESPONSE");
}

/* ---- texts ---- */

static void mesh__decodes__percent_signs(void **state)
{
	static const struct {
		const char *in, *text;
	} t[] = {
	    {"@message=a+b", "a b"},
	    {"@message=a%2Bb%2bb", "a+b+b"},
	    {"@message=%C3%A1%c3%a1", "\xc3\xa1\xc3\xa1"},
	    {"@message=100%", "100%"},
	    {"@message=100%4", "100%4"},
	    {"@message=%zz%4z%%41", "%zz%4z%A"},
	    {"@message=%2541", "%41"},
	    {"@message=a=b=c", "a=b=c"},
	    {"@message=a b\tc", "a b\tc"}, /* others do not encode */
	    {"@message=a\r\n", "a"},
	    {"@message=a%0D%0A", "a\r\n"},
	    {"@message=a&x=b", "a"},
	    {"@x=b&message=a", "a"},
	    {"@message=a&message=b", "a"},
	    {"@id=x&port=1&message=a", "a"},
	    {"@message=%FF\xff%00%C3", "\xef\xbf\xbd\xef\xbf\xbd"
				       "\xef\xbf\xbd\xef\xbf\xbd"},
	    {"@message=%ED%A0%80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
	    {"@message=true", "true"},
	    {"@message=@message", "@message"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		struct heard h;

		hear(&h, str(t[i].in));
		if (h.err)
			fail_msg("%s", t[i].in);
		assert_int_equal(h.p.kind, PKT_MESSAGE);
		assert_text(h.p.text, t[i].text);
		free(h.frame);
	}
	/* nothing was said */
	assert_int_equal(verdict_on(str("@message=")), ERR_STATE);
	assert_int_equal(verdict_on(str("@message")), ERR_STATE);
	assert_int_equal(verdict_on(str("@message=\r\n")), ERR_STATE);
	assert_int_equal(verdict_on((struct bytes){0}), ERR_STATE);
}

static void mesh__keeps__every_byte_of_a_text(void **state)
{
	static const char plain[] = "-_.!~*'()";

	(void)state;
	for (unsigned c = 1; c < 128; c++) {
		uint8_t text[] = {(uint8_t)c};
		struct packet p = {.kind = PKT_MESSAGE,
				   .text = {text, sizeof text}};
		bool as_is = (c >= '0' && c <= '9') ||
			     ((c | 32) >= 'a' && (c | 32) <= 'z') ||
			     strchr(plain, (int)c);
		char want[32];
		struct buf out = {0};
		struct heard h;

		snprintf(want, sizeof want,
			 as_is ? "@message=%c" : "@message=%%%02X", c);
		assert_block(&p, want);
		assert_int_equal(d->encode(&p, &out), OK);
		hear(&h, all(&out));
		assert_int_equal(h.err, OK);
		assert_int_equal(h.p.text.n, 1);
		assert_int_equal(h.p.text.p[0], c);
		free(h.frame);
		buf_free(&out);
	}
}

static void mesh__bounds__values(void **state)
{
	char in[BLOCK];
	uint8_t text[1100];
	struct packet p = {.kind = PKT_MESSAGE};
	struct buf out = {0};
	struct heard h;

	(void)state;
	memset(text, 'x', sizeof text);
	p.text = (struct bytes){text, 1023};
	assert_int_equal(d->text_max, 1023);
	assert_int_equal(dialect_check(d, &p), OK);
	p.text.n++;
	assert_int_equal(dialect_check(d, &p), ERR_LIMIT);
	assert_int_equal(d->encode(&p, &out), ERR_LIMIT);
	assert_int_equal(out.n, 0);
	buf_free(&out);
	/* what is encoded counts three times */
	memset(text, ' ', sizeof text);
	p.text.n = 341;
	assert_int_equal(dialect_check(d, &p), OK);
	p.text.n++;
	assert_int_equal(dialect_check(d, &p), ERR_LIMIT);

	snprintf(in, sizeof in, "@message=%01023d", 7);
	hear(&h, str(in));
	assert_int_equal(h.err, OK);
	assert_int_equal(h.p.text.n, 1023);
	free(h.frame);
	snprintf(in, sizeof in, "@message=%01024d", 7);
	assert_int_equal(verdict_on(str(in)), ERR_LIMIT);
	snprintf(in, sizeof in, "@id=x&port=1&any=%01024d", 7);
	assert_int_equal(verdict_on(str(in)), ERR_LIMIT);
	snprintf(in, sizeof in, "@id=x&port=1&%064d=1", 7);
	assert_int_equal(verdict_on(str(in)), OK);
	snprintf(in, sizeof in, "@id=x&port=1&%065d=1", 7);
	assert_int_equal(verdict_on(str(in)), ERR_LIMIT);
	/* 1023 bytes that all become U+FFFD */
	snprintf(in, sizeof in, "@message=%01023d", 7);
	memset(in + 9, 0xff, 1023);
	hear(&h, str(in));
	assert_int_equal(h.err, OK);
	assert_int_equal(h.p.text.n, 3 * 1023);
	free(h.frame);
}

static void mesh__has_no_word__for_the_rest(void **state)
{
	(void)state;
	for (int k = PKT_HELLO; k <= PKT_CENTER; k++) {
		struct packet p = hello();
		struct buf out = {0};
		bool ours =
		    k == PKT_HELLO || k == PKT_MESSAGE || k == PKT_ERROR;

		p.kind = (enum packet_kind)k;
		p.text = str("x");
		memset(p.id.b, 1, sizeof p.id.b);
		memset(p.epoch, 1, sizeof p.epoch);
		assert_int_equal(d->encode(&p, &out), ours ? OK : ERR_STATE);
		buf_free(&out);
	}
}

static void mesh__says__no_hello_that_kills(void **state)
{
	static const struct {
		const char *peer;
		unsigned port;
		enum err err;
	} t[] = {
	    {"x", 0, ERR_PARSE},
	    {"", 1, ERR_PARSE},
	    {"a b", 1, ERR_PARSE},
	    {"a&b", 1, ERR_PARSE},
	    {"a%00b", 1, ERR_PARSE},
	    {"a%26b", 1, ERR_PARSE},
	    {"a\nb", 1, ERR_PARSE},
	    {"012345678901234567890123456789012", 1, ERR_LIMIT},
	    {"%30123456789012345678901234567890", 1, OK},
	    {"0123456789012345678901234567890123456789012345678901234567890123"
	     "4",
	     1, ERR_LIMIT},
	};

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		struct packet p = {.kind = PKT_HELLO,
				   .peer = str(t[i].peer),
				   .listen_port = (uint16_t)t[i].port};

		if (dialect_check(d, &p) != t[i].err)
			fail_msg("%s", t[i].peer);
	}
}

/* One byte changed: refused or understood. */
static void mesh__survives__damage(void **state)
{
	struct buf v = vector("004_port6327_listen.bin");
	struct rng rng = {.seed = {9}};

	(void)state;
	for (int i = 0; i < 50000; i++) {
		uint8_t r[4], was;
		struct heard h;

		rng_fill(&rng, r, sizeof r);
		size_t at = (r[0] | (size_t)r[1] << 8) % v.n;

		was = v.p[at];
		v.p[at] = r[2] & 1 ? r[3] : (uint8_t) "@&=%,:+ "[r[3] % 9];
		hear(&h, (struct bytes){v.p, v.n - r[2] % 4});
		if (!h.err)
			assert_int_equal(packet_check_plain(&h.p), OK);
		free(h.frame);
		v.p[at] = was;
	}
	buf_free(&v);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(mesh__understands__handshakes_of_the_program),
	    cmocka_unit_test(mesh__understands__blocks_of_the_program),
	    cmocka_unit_test(mesh__gives_the_same__however_a_stream_is_cut),
	    cmocka_unit_test(mesh_split__waits__for_a_whole_block),
	    cmocka_unit_test(mesh_split__takes__what_silence_ends),
	    cmocka_unit_test(mesh__hears__short_packets_of_others),
	    cmocka_unit_test(mesh__hears__short_ones_before_blocks),
	    cmocka_unit_test(mesh_split__bounds__what_is_kept),
	    cmocka_unit_test(mesh__says__hello),
	    cmocka_unit_test(mesh__cuts__nicknames_at_a_character),
	    cmocka_unit_test(mesh__takes__other_handshakes),
	    cmocka_unit_test(mesh__names__any_id),
	    cmocka_unit_test(mesh__takes__peers),
	    cmocka_unit_test(mesh__refuses__with_the_right_word),
	    cmocka_unit_test(mesh__carries__errors),
	    cmocka_unit_test(mesh__decodes__percent_signs),
	    cmocka_unit_test(mesh__keeps__every_byte_of_a_text),
	    cmocka_unit_test(mesh__bounds__values),
	    cmocka_unit_test(mesh__has_no_word__for_the_rest),
	    cmocka_unit_test(mesh__says__no_hello_that_kills),
	    cmocka_unit_test(mesh__survives__damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
