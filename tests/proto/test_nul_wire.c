/* nul_wire.c: document 001 as its program speaks it. What Python makes of a
 * literal was asked of Python. */
#include "tests/proto/wire.h"

static int setup(void **state)
{
	*state = wire_new(&dialect_nul, "nul/recipient_private.pem");
	return 0;
}

static int teardown(void **state)
{
	wire_free(*state);
	return 0;
}

static struct bytes raw(const char *s, size_t n)
{
	return (struct bytes){(const uint8_t *)s, n};
}
/* With its NUL, as it is on the wire. */
#define FRAME(s) raw(s, sizeof(s))
#define RAW(s) raw(s, sizeof(s) - 1)

/* ---- what the program sends ---- */

static void nul__reads__identify(void **state)
{
	struct wire *w = *state;
	struct buf frame = {0};
	struct packet p;

	slurp("nul/from_real_node_01.bin", &frame);
	assert_int_equal(decode(w, all(&frame), &p), OK);
	assert_int_equal(p.kind, PKT_WHO);
	assert_encodes(w, &p, all(&frame));
	assert_int_equal(decode(w, FRAME("IdentiFy"), &p), OK);
	assert_int_equal(p.kind, PKT_WHO);
	buf_free(&frame);
}

static void open_capture(struct wire *w, const char *number, struct packet *p)
{
	struct buf frame = {0};
	char name[64];

	snprintf(name, sizeof name, "nul/from_real_node_%s.bin", number);
	slurp(name, &frame);
	assert_int_equal(decode(w, all(&frame), p), OK);
	assert_true(p->sealed);
	assert_int_equal(packet_check_plain(p), OK);
	assert_int_equal(dialect_check(w->d, p), OK);
	assert_encodes(w, p, all(&frame));
	if (seal_built(SEAL_RAW))
		assert_int_equal(dialect_open(w->d, w->keys, &w->arena, p), OK);
	buf_free(&frame);
}

static void nul__reads__a_registration(void **state)
{
	static const struct addr any = {.port = 1111};
	struct packet p;

	open_capture(*state, "02", &p);
	if (!seal_built(SEAL_RAW))
		skip();
	assert_int_equal(p.kind, PKT_HELLO);
	assert_false(p.sealed);
	assert_int_equal(p.listen_port, 1111);
	assert_memory_equal(&p.from, &any, sizeof any);
	assert_bytes(p.peer, view("0.0.0.0"));
	assert_int_equal(p.text.n, 0);
}

static void nul__reads__texts(void **state)
{
	struct packet p;

	open_capture(*state, "03", &p);
	if (seal_built(SEAL_RAW)) {
		assert_int_equal(p.kind, PKT_MESSAGE);
		assert_bytes(p.text, view("split me"));
	}
	open_capture(*state, "04", &p);
	if (seal_built(SEAL_RAW))
		assert_bytes(p.text, view("u"));
}

/* Textbook RSA: from the text the captured bytes are made again. */
static void nul__writes__what_the_program_writes(void **state)
{
	static const char *const text[] = {"split me", "u"};
	struct wire *w = *state;

	if (!seal_built(SEAL_RAW))
		skip();
	for (size_t i = 0; i < 2; i++) {
		struct packet p = {.kind = PKT_MESSAGE, .text = view(text[i])};
		struct packet sealed;
		struct buf frame = {0};

		slurp(i ? "nul/from_real_node_04.bin"
			: "nul/from_real_node_03.bin",
		      &frame);
		assert_int_equal(
		    dialect_seal(w->d, all(&w->public), &p, &w->arena, &sealed),
		    OK);
		assert_encodes(w, &sealed, all(&frame));
		buf_free(&frame);
	}
	struct packet hi = {.kind = PKT_HELLO, .listen_port = 1111}, sealed;
	struct buf frame = {0};

	slurp("nul/from_real_node_02.bin", &frame);
	assert_int_equal(
	    dialect_seal(w->d, all(&w->public), &hi, &w->arena, &sealed), OK);
	assert_encodes(w, &sealed, all(&frame));
	buf_free(&frame);
}

/* ---- keys ---- */

static void nul__answers__with_its_key(void **state)
{
	struct wire *w = *state;
	struct packet p = {.kind = PKT_HELLO}, back;
	struct buf want = {0};

	if (!seal_built(SEAL_RAW))
		skip();
	p.key = all(&w->public);
	assert_int_equal(p.key.n, 271);
	buf_put(&want, p.key);
	buf_put(&want, FRAME(""));
	assert_encodes(w, &p, all(&want));
	assert_int_equal(decode(w, all(&want), &back), OK);
	assert_int_equal(back.kind, PKT_HELLO);
	assert_bytes(back.key, p.key);
	buf_free(&want);
}

static void nul__refuses__keys_that_are_none(void **state)
{
	static char key[1200] = "-----BEGIN ";
	struct packet p = {.kind = PKT_HELLO};

	assert_unsaid(*state, &p, ERR_PARSE);
	p.key = view("hello");
	assert_unsaid(*state, &p, ERR_PARSE);
	p.key = view("-----BEGIN \x1b[2J");
	assert_unsaid(*state, &p, ERR_PARSE);
	memset(key + 11, 'x', 1100);
	p.key = view(key);
	assert_unsaid(*state, &p, ERR_LIMIT);
	assert_int_equal(decode(*state, raw(key, 11 + 1100 + 1), &p),
			 ERR_LIMIT);
	assert_int_equal(decode(*state, FRAME("-----BEGIN \x1b[2J"), &p),
			 ERR_PARSE);
	assert_int_equal(decode(*state, FRAME("-----BEGIN \xc3\xa9"), &p),
			 ERR_PARSE);
}

/* ---- literals ---- */

static void assert_literal(struct wire *w, struct bytes frame,
			   struct bytes want)
{
	struct packet p;

	assert_int_equal(decode(w, frame, &p), OK);
	assert_true(p.sealed);
	assert_bytes(p.text, want);
}

static void nul__reads__any_form_of_a_literal(void **state)
{
	assert_literal(*state, FRAME("(b'abc',)"), RAW("abc"));
	assert_literal(*state, FRAME("(b\"abc\",)"), RAW("abc"));
	assert_literal(*state, FRAME("b'abc'"), RAW("abc"));
	assert_literal(*state, FRAME("B'abc'"), RAW("abc"));
	assert_literal(*state, FRAME("b\"it's\""), RAW("it's"));
	assert_literal(*state, FRAME("b'say \"x\"'"), RAW("say \"x\""));
	assert_literal(*state, FRAME("(b'abc')"), RAW("abc"));
	assert_literal(*state, FRAME(" ( b'abc' , ) "), RAW("abc"));
	assert_literal(*state, FRAME("(\tb'(,)',)"), RAW("(,)"));
}

static void nul__reads__every_escape(void **state)
{
	assert_literal(*state, FRAME("b'\\\\\\'\\\"'"), RAW("\\'\""));
	assert_literal(*state, FRAME("b'\\a\\b\\f\\n\\r\\t\\v'"),
		       RAW("\a\b\f\n\r\t\v"));
	assert_literal(*state, FRAME("b'\\x00\\xfF\\x7f'"), RAW("\0\xff\x7f"));
	assert_literal(*state, FRAME("b'\\0\\12\\1234\\8'"), RAW("\0\nS4\\8"));
	assert_literal(*state, FRAME("b'\\777'"), RAW("\xff"));
	assert_literal(*state, FRAME("b'a\\\nb'"), RAW("ab"));
	assert_literal(*state, FRAME("b'\\q\\u0041\\N'"), RAW("\\q\\u0041\\N"));
}

static void nul__refuses__what_is_no_literal(void **state)
{
	static const char *const bad[] = {
	    "",
	    "hello",
	    "b",
	    "b'",
	    "(b'",
	    "b'abc",
	    "b'abc\"",
	    "b'abc\\'",
	    "b'abc\\",
	    "(b'abc'",
	    "(b'abc',",
	    "(b'abc',,)",
	    "b'abc',",
	    "b'abc')",
	    "b'abc' ,)",
	    "'abc'",
	    "u'abc'",
	    "rb'abc'",
	    "br'abc'",
	    "b'''abc'''",
	    "b''",
	    "(b'',)",
	    "()",
	    "(,)",
	    "(b'abc', None)",
	    "(b'abc',None,)",
	    "(b'a', b'b')",
	    "b'a' b'b'",
	    "((b'abc',),)",
	    "((b'abc'))",
	    "((((((((((((((((((((((((((((((((((((((((((((((((((((((((((",
	    "[b'abc']",
	    "b'abc' + b'd'",
	    "b'abc' * 99999999999",
	    "__import__('os').system('true')",
	    "b'\\x'",
	    "b'\\x1'",
	    "b'\\x1g'",
	    "b'\\xg1'",
	    "b'a\nb'",
	    "b'a\rb'",
	    "b'\xc3\xa9'",
	    "b'\\\xc3\xa9'",
	    "b'a'#",
	    "identify ",
	    "identify now",
	    "identif",
	};
	struct packet p;

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (decode(*state, raw(bad[i], strlen(bad[i]) + 1), &p) !=
		    ERR_PARSE)
			fail_msg("%s", bad[i]);
	assert_int_equal(decode(*state, RAW("identify"), &p), ERR_PARSE);
	assert_int_equal(decode(*state, raw("", 0), &p), ERR_PARSE);
	assert_int_equal(decode(*state, FRAME("b'a'\0"), &p), ERR_PARSE);
	assert_int_equal(decode(*state, FRAME("b'a\0'"), &p), ERR_PARSE);
	assert_int_equal(decode(*state, FRAME("b'\xff'"), &p), ERR_PARSE);
}

/* A number of 1024 bits and no byte more, however it is written. */
static void nul__bounds__literals(void **state)
{
	static const char *const part[] = {"x", "\\x41", "\\101", "\\n", "\\q"};
	struct wire *w = *state;

	for (size_t i = 0; i < sizeof part / sizeof *part; i++) {
		struct buf frame = {0};
		struct packet p;
		size_t each = i == 4 ? 2 : 1;

		buf_put(&frame, view("b'"));
		for (size_t n = 0; n < 128; n += each)
			buf_put(&frame, view(part[i]));
		buf_put(&frame, FRAME("'"));
		assert_int_equal(decode(w, all(&frame), &p), OK);
		assert_int_equal(p.text.n, 128);
		frame.n -= 2;
		buf_put(&frame, view(part[i]));
		buf_put(&frame, FRAME("'"));
		assert_int_equal(decode(w, all(&frame), &p), ERR_LIMIT);
		buf_free(&frame);
	}
	struct packet p;

	w->arena.cap = 127;
	assert_int_equal(decode(w, FRAME("b'a'"), &p), ERR_LIMIT);
}

static void assert_repr(const struct wire *w, struct bytes sealed,
			struct bytes frame)
{
	struct packet p = {.kind = PKT_MESSAGE, .sealed = true, .text = sealed};

	assert_encodes(w, &p, frame);
}

static void nul__writes__literals_as_python_does(void **state)
{
	assert_repr(*state, RAW("abc"), FRAME("(b'abc',)"));
	assert_repr(*state, RAW("it's"), FRAME("(b\"it's\",)"));
	assert_repr(*state, RAW("\"x\""), FRAME("(b'\"x\"',)"));
	assert_repr(*state, RAW("'\""), FRAME("(b'\\'\"',)"));
	assert_repr(*state, RAW("\\\t\n\r"), FRAME("(b'\\\\\\t\\n\\r',)"));
	assert_repr(*state, RAW("\0\a\x1f\x7f\x80\xff"),
		    FRAME("(b'\\x00\\x07\\x1f\\x7f\\x80\\xff',)"));
}

/* All bytes, alone and beside both quotes, there and back. */
static void nul__brings__any_bytes_over(void **state)
{
	struct wire *w = *state;

	for (unsigned c = 0; c < 256; c++)
		for (size_t n = 1; n <= 3; n++) {
			uint8_t s[3] = {(uint8_t)c, '\'', '"'};
			struct packet p = {.kind = PKT_MESSAGE,
					   .sealed = true,
					   .text = {s, n}};
			struct buf frame = {0};

			assert_int_equal(w->d->encode(&p, &frame), OK);
			assert_literal(w, all(&frame), p.text);
			buf_free(&frame);
		}
	uint8_t most[129];
	struct packet p = {
	    .kind = PKT_MESSAGE, .sealed = true, .text = {most, 128}};
	struct buf frame = {0};

	memset(most, 0xff, sizeof most);
	assert_int_equal(w->d->encode(&p, &frame), OK);
	assert_int_equal(frame.n, 519);
	assert_literal(w, all(&frame), p.text);
	p.text.n++;
	assert_unsaid(w, &p, ERR_LIMIT);
	p.text.n = 0;
	assert_unsaid(w, &p, ERR_PARSE);
	buf_free(&frame);
}

/* ---- what is inside ---- */

static enum err inside(struct bytes s, struct packet *p)
{
	*p = (struct packet){.kind = PKT_MESSAGE, .text = s};
	return dialect_nul.unwrap(s, p);
}

static void nul__takes__registrations(void **state)
{
	struct packet p;
	uint8_t ip[16];

	(void)state;
	assert_int_equal(inside(view("REGISTER 192.0.2.7 65535"), &p), OK);
	assert_int_equal(p.kind, PKT_HELLO);
	assert_int_equal(p.listen_port, 65535);
	assert_int_equal(p.from.port, 65535);
	assert_true(ip_parse(view("192.0.2.7"), ip));
	assert_memory_equal(p.from.ip, ip, 16);
	memset(ip, 0, sizeof ip);
	assert_int_equal(
	    inside(view("register  somewhere.example\t4040 x"), &p), OK);
	assert_bytes(p.peer, view("somewhere.example"));
	assert_int_equal(p.listen_port, 4040);
	assert_memory_equal(p.from.ip, ip, 16);
}

static void nul__refuses__registrations(void **state)
{
	static const char *const bad[] = {
	    "register",
	    "register ",
	    "register 1.2.3.4",
	    "register 1.2.3.4 ",
	    "register 1.2.3.4 x",
	    "register 1.2.3.4 0",
	    "register 1.2.3.4 65536",
	    "register 1.2.3.4 123456",
	    "register 1.2.3.4 -1",
	    "register 1.2.3.4 4040x",
	    "register \xff 4040",
	    "registers 1.2.3.4 4040",
	    "regist 1.2.3.4 4040",
	    "register 12345678901234567890123456789012345678901234567890"
	    "123456789012345 1",
	};
	struct packet p;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (inside(view(bad[i]), &p) != ERR_PARSE)
			fail_msg("%s", bad[i]);
}

/* The program sends small letters and single blanks; we need not. */
static void nul__keeps__texts_as_they_are(void **state)
{
	struct packet p;

	(void)state;
	assert_int_equal(inside(view("deliver Hello   World "), &p), OK);
	assert_int_equal(p.kind, PKT_MESSAGE);
	assert_bytes(p.text, view("Hello   World "));
	assert_int_equal(inside(view("DELIVER\ntwo\nlines"), &p), OK);
	assert_bytes(p.text, view("two\nlines"));
	assert_int_equal(inside(view("deliver"), &p), OK);
	assert_int_equal(p.text.n, 0);
	assert_int_equal(inside(view("deliverx y"), &p), ERR_PARSE);
	assert_int_equal(inside(view("shout y"), &p), ERR_PARSE);
	assert_int_equal(inside(view(""), &p), ERR_PARSE);
	assert_int_equal(inside(view("   "), &p), ERR_PARSE);
}

static enum err opening(struct wire *w, const char *plain, struct packet *p)
{
	static struct buf sealed;

	buf_free(&sealed);
	sealed = (struct buf){0};
	assert_int_equal(
	    seal_text(SEAL_RAW, all(&w->public), view(plain), &sealed), OK);
	*p = (struct packet){
	    .kind = PKT_MESSAGE, .sealed = true, .text = all(&sealed)};
	arena_empty(&w->arena);
	return dialect_open(w->d, w->keys, &w->arena, p);
}

static void nul__opens__only_what_it_knows(void **state)
{
	struct wire *w = *state;
	struct packet p;

	if (!seal_built(SEAL_RAW))
		skip();
	assert_int_equal(opening(w, "deliver x", &p), OK);
	assert_int_equal(opening(w, "deliver", &p), ERR_PARSE);
	assert_int_equal(opening(w, "deliver ", &p), ERR_PARSE);
	assert_int_equal(opening(w, "deliver \xff", &p), ERR_PARSE);
	assert_int_equal(opening(w, "dance", &p), ERR_PARSE);
	assert_true(p.sealed);
	p.text = view("for another key, or for none"); /* comes out as junk */
	arena_empty(&w->arena);
	assert_int_equal(dialect_open(w->d, w->keys, &w->arena, &p), ERR_PARSE);
	p.text.n = 0;
	assert_int_equal(dialect_open(w->d, w->keys, &w->arena, &p), ERR_AUTH);
}

static void nul__refuses__long_texts_before_sending(void **state)
{
	static uint8_t text[121];
	struct wire *w = *state;
	struct packet p = {.kind = PKT_MESSAGE, .text = {text, 120}}, out;

	memset(text, 'x', sizeof text);
	assert_int_equal(dialect_check(w->d, &p), OK);
	if (seal_built(SEAL_RAW))
		assert_int_equal(
		    dialect_seal(w->d, all(&w->public), &p, &w->arena, &out),
		    OK);
	p.text.n++;
	assert_int_equal(dialect_check(w->d, &p), ERR_LIMIT);
	assert_int_equal(
	    dialect_seal(w->d, all(&w->public), &p, &w->arena, &out),
	    ERR_LIMIT);
}

static void nul__says__where_it_listens(void **state)
{
	struct packet p = {.kind = PKT_HELLO, .listen_port = 4040};
	struct buf out = {0};

	(void)state;
	assert_int_equal(dialect_nul.wrap(&p, &out), OK);
	assert_bytes(all(&out), view("register 0.0.0.0 4040"));
	out.n = 0;
	assert_true(ip_parse(view("192.0.2.7"), p.from.ip));
	assert_int_equal(dialect_nul.wrap(&p, &out), OK);
	assert_bytes(all(&out), view("register 192.0.2.7 4040"));
	p.kind = PKT_ACK;
	assert_int_equal(dialect_nul.wrap(&p, &out), ERR_STATE);
	buf_free(&out);
}

static void nul__never_sends__what_is_not_sealed(void **state)
{
	struct packet p = {.kind = PKT_MESSAGE, .text = view("for you only")};

	assert_unsaid(*state, &p, ERR_STATE);
	for (int k = PKT_REPLY; k <= PKT_CENTER; k++) {
		p.kind = (enum packet_kind)k;
		if (k != PKT_ACK && k != PKT_WHO)
			assert_unsaid(*state, &p, ERR_STATE);
	}
}

/* ---- answers ---- */

static void nul__answers__texts(void **state)
{
	struct packet p = {.kind = PKT_ACK, .text = view("hello  World\n!")};
	struct packet back;

	assert_encodes(*state, &p, FRAME("hello World ! received OK"));
	p.text = view("");
	assert_encodes(*state, &p, FRAME(" received OK"));
	p.text = view(" x ");
	assert_encodes(*state, &p, FRAME("x received OK"));
	p.text = view("\xff");
	assert_unsaid(*state, &p, ERR_PARSE);
	p.text = raw("a\0b", 3);
	assert_unsaid(*state, &p, ERR_PARSE);
	assert_int_equal(
	    decode(*state, FRAME("hello World received OK"), &back), OK);
	assert_int_equal(back.kind, PKT_ACK);
	assert_int_equal(back.verdict, V_SUCCESS);
	assert_bytes(back.text, view("hello World"));
	assert_int_equal(back.peer.n, 0);
	assert_int_equal(decode(*state, FRAME(" received OK"), &back), OK);
	assert_int_equal(back.text.n, 0);
}

/* Whatever was sent comes back in the answer, and must not be taken for more
 * than that. */
static void nul__reads__answers_to_strange_texts(void **state)
{
	static const char *const text[] = {
	    "identify",
	    "(b'x',)",
	    "-----BEGIN PUBLIC KEY-----",
	    "register 1.2.3.4 has been registered.",
	    "error: refused",
	    "x received OK"};

	for (size_t i = 0; i < sizeof text / sizeof *text; i++) {
		struct packet p = {.kind = PKT_ACK, .text = view(text[i])};
		struct wire *w = *state;
		struct buf frame = {0};
		struct packet back;

		assert_int_equal(w->d->encode(&p, &frame), OK);
		assert_int_equal(decode(w, all(&frame), &back), OK);
		assert_int_equal(back.kind, PKT_ACK);
		assert_int_equal(back.verdict, V_SUCCESS);
		assert_bytes(back.text, p.text);
		buf_free(&frame);
	}
}

static void assert_registered(struct wire *w, struct bytes frame,
			      const char *whom)
{
	struct packet p;

	assert_int_equal(decode(w, frame, &p), OK);
	assert_int_equal(p.kind, PKT_ACK);
	assert_int_equal(p.verdict, V_SUCCESS);
	assert_bytes(p.peer, view(whom));
}

static void nul__answers__registrations(void **state)
{
	struct packet p = {.kind = PKT_ACK, .peer = view("0.0.0.0")};

	assert_encodes(*state, &p,
		       FRAME("register 0.0.0.0 has been registered."));
	assert_registered(
	    *state, FRAME("register 0.0.0.0 has been registered."), "0.0.0.0");
	/* as the document has it */
	assert_registered(
	    *state, FRAME("192.168.0.1 has been successfully registered."),
	    "192.168.0.1");
	assert_int_equal(decode(*state, FRAME(" has been registered."), &p),
			 ERR_PARSE);
}

static void nul__answers__no(void **state)
{
	struct wire *w = *state;

	for (unsigned v = V_UNREGISTERED; v <= V_SEQ_REUSED; v++) {
		struct packet p = {.kind = PKT_ACK, .verdict = (enum verdict)v};
		struct packet back;
		struct buf frame = {0};

		p.text = view("what was said");
		assert_int_equal(w->d->encode(&p, &frame), OK);
		assert_int_equal(decode(w, all(&frame), &back), OK);
		assert_int_equal(back.kind, PKT_ACK);
		assert_int_equal(back.verdict,
				 v == V_SEQ_REUSED ? V_INVALID : v);
		buf_free(&frame);
	}
}

static void nul__bounds__answers(void **state)
{
	static uint8_t text[200];
	struct packet p = {.kind = PKT_ACK, .text = {text, 120}};

	memset(text, 'x', sizeof text);
	assert_int_equal(dialect_check(&dialect_nul, &p), OK);
	p.text.n = 121;
	assert_unsaid(*state, &p, ERR_LIMIT);
	p.text.n = 0;
	p.peer = (struct bytes){text, 65};
	assert_unsaid(*state, &p, ERR_LIMIT);
}

/* ---- frames ---- */

static void nul__splits__however_it_is_cut(void **state)
{
	static const char stream[] = "identify\0(b'abc',)\0\0x received OK";
	static const size_t len[] = {9, 10, 1, 14};

	assert_splits(*state, raw(stream, sizeof stream), len, 4);
}

static void nul__splits__at_most_4096_bytes(void **state)
{
	static uint8_t in[8192];
	size_t n;

	memset(in, 'x', sizeof in);
	assert_int_equal(split(*state, (struct bytes){in, 4095}, &n), OK);
	assert_int_equal(n, 0);
	assert_int_equal(split(*state, (struct bytes){in, 4096}, &n),
			 ERR_LIMIT);
	in[4095] = 0;
	assert_int_equal(split(*state, (struct bytes){in, 8192}, &n), OK);
	assert_int_equal(n, 4096);
	in[4095] = 'x';
	in[4096] = 0;
	assert_int_equal(split(*state, (struct bytes){in, 8192}, &n),
			 ERR_LIMIT);

	struct packet p;

	assert_int_equal(decode(*state, (struct bytes){in, 4097}, &p),
			 ERR_LIMIT);
}

/* Any byte of a capture, to anything. */
static void nul__survives__any_damage(void **state)
{
	struct wire *w = *state;
	struct buf frame = {0};
	int taken = 0;

	slurp("nul/from_real_node_02.bin", &frame);
	for (size_t i = 0; i < frame.n; i++)
		for (int bit = 0; bit < 8; bit++) {
			struct packet p;

			frame.p[i] ^= (uint8_t)(1 << bit);
			if (!decode(w, all(&frame), &p)) {
				assert_true(p.sealed);
				assert_true(p.text.n <= 128);
				taken++;
			}
			frame.p[i] ^= (uint8_t)(1 << bit);
		}
	assert_true(taken > 100);
	buf_free(&frame);
}

static void nul__is_named(void **state)
{
	(void)state;
	assert_ptr_equal(dialect_named("nul"),
			 seal_built(SEAL_RAW) ? &dialect_nul : NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(nul__reads__identify),
	    TEST(nul__reads__a_registration),
	    TEST(nul__reads__texts),
	    TEST(nul__writes__what_the_program_writes),
	    TEST(nul__answers__with_its_key),
	    TEST(nul__refuses__keys_that_are_none),
	    TEST(nul__reads__any_form_of_a_literal),
	    TEST(nul__reads__every_escape),
	    TEST(nul__refuses__what_is_no_literal),
	    TEST(nul__bounds__literals),
	    TEST(nul__writes__literals_as_python_does),
	    TEST(nul__brings__any_bytes_over),
	    TEST(nul__takes__registrations),
	    TEST(nul__refuses__registrations),
	    TEST(nul__keeps__texts_as_they_are),
	    TEST(nul__opens__only_what_it_knows),
	    TEST(nul__refuses__long_texts_before_sending),
	    TEST(nul__says__where_it_listens),
	    TEST(nul__never_sends__what_is_not_sealed),
	    TEST(nul__answers__texts),
	    TEST(nul__reads__answers_to_strange_texts),
	    TEST(nul__answers__registrations),
	    TEST(nul__answers__no),
	    TEST(nul__bounds__answers),
	    TEST(nul__splits__however_it_is_cut),
	    TEST(nul__splits__at_most_4096_bytes),
	    TEST(nul__survives__any_damage),
	    TEST(nul__is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
