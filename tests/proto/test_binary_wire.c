/* binary_wire.c: document 000 as its program speaks it, and as it is drawn. */
#include "tests/proto/wire.h"

static int setup(void **state)
{
	*state = wire_new(&dialect_binary, "binary/recipient_private.pem");
	return 0;
}

static int setup16(void **state)
{
	*state = wire_new(&dialect_binary16, "binary/recipient_private.pem");
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
#define RAW(s) raw(s, sizeof(s) - 1)

/* ---- what the program sends ---- */

static void binary__reads__a_registration(void **state)
{
	struct wire *w = *state;
	struct buf frame = {0};
	struct packet p;

	slurp("binary/REGISTER_from_real_P1.bin", &frame);
	assert_int_equal(frame.n, 460);
	assert_int_equal(decode(w, all(&frame), &p), OK);
	assert_int_equal(p.kind, PKT_HELLO);
	assert_int_equal(p.listen_port, 8000);
	assert_int_equal(p.key.n, 450);
	assert_bytes(p.key, (struct bytes){frame.p + 8, 450});
	assert_int_equal(packet_check_plain(&p), OK);
	assert_encodes(w, &p, all(&frame));
	buf_free(&frame);
}

static void binary__reads__texts(void **state)
{
	static const char *const name[] = {"one", "two"};
	struct wire *w = *state;

	for (size_t i = 0; i < 2; i++) {
		struct buf frame = {0};
		char path[64];
		struct packet p;

		snprintf(path, sizeof path, "binary/TEXT_from_real_P1_%s.bin",
			 name[i]);
		slurp(path, &frame);
		assert_int_equal(decode(w, all(&frame), &p), OK);
		assert_int_equal(p.kind, PKT_MESSAGE);
		assert_true(p.sealed);
		assert_int_equal(packet_check_plain(&p), OK);
		assert_int_equal(dialect_check(w->d, &p), OK);
		assert_encodes(w, &p, all(&frame));
		if (seal_built(SEAL_OAEP)) {
			assert_int_equal(
			    dialect_open(w->d, w->keys, &w->arena, &p), OK);
			assert_false(p.sealed);
			assert_bytes(p.text, view(name[i]));
		}
		buf_free(&frame);
	}
}

static void assert_ack(struct wire *w, enum verdict said, struct bytes frame,
		       enum verdict heard)
{
	struct packet p = {.kind = PKT_ACK, .verdict = said}, back;

	assert_encodes(w, &p, frame);
	assert_int_equal(decode(w, frame, &back), OK);
	assert_int_equal(back.kind, PKT_ACK);
	assert_int_equal(back.verdict, heard);
}

/* "Unregistered" would end the program that hears it. */
static void binary__says__yes_or_no(void **state)
{
	struct bytes no = RAW("\0\0\0\3\0\0\0\3");
	struct wire *w = *state;
	struct packet p;

	assert_ack(w, V_SUCCESS, RAW("\0\0\0\3\0\0\0\1"), V_SUCCESS);
	for (unsigned v = V_UNREGISTERED; v <= V_SEQ_REUSED; v++)
		assert_ack(w, (enum verdict)v, no, V_INVALID);
	assert_int_equal(decode(w, RAW("\0\0\0\3\0\0\0\2"), &p), OK);
	assert_int_equal(p.verdict, V_UNREGISTERED);
	assert_int_equal(decode(w, RAW("\0\0\0\3\0\0\0\0"), &p), ERR_PARSE);
	assert_int_equal(decode(w, RAW("\0\0\0\3\0\0\0\4"), &p), ERR_PARSE);
	assert_int_equal(decode(w, RAW("\0\0\0\3\1\0\0\1"), &p), ERR_PARSE);
}

/* ---- as it is drawn ---- */

static void binary16__says__unregistered(void **state)
{
	struct bytes no = RAW("\0\3\0\3");
	struct wire *w = *state;

	assert_ack(w, V_SUCCESS, RAW("\0\3\0\1"), V_SUCCESS);
	assert_ack(w, V_UNREGISTERED, RAW("\0\3\0\2"), V_UNREGISTERED);
	assert_ack(w, V_INVALID, no, V_INVALID);
	assert_ack(w, V_REFUSED, no, V_INVALID);
	assert_ack(w, V_BUSY, no, V_INVALID);
}

/* The same registration, put as the diagram has it. */
static void binary16__has__the_port_before_the_key(void **state)
{
	struct wire *w = *state;
	struct buf wide = {0}, frame = {0};
	struct packet p;

	slurp("binary/REGISTER_from_real_P1.bin", &wide);
	buf_put(&frame, RAW("\0\1\x1f\x40\1\xc2"));
	buf_put(&frame, (struct bytes){wide.p + 8, 450});
	assert_int_equal(decode(w, all(&frame), &p), OK);
	assert_int_equal(p.kind, PKT_HELLO);
	assert_int_equal(p.listen_port, 8000);
	assert_bytes(p.key, (struct bytes){wide.p + 8, 450});
	assert_encodes(w, &p, all(&frame));
	buf_free(&wide);
	buf_free(&frame);
}

static void binary16__reads__texts(void **state)
{
	struct wire *w = *state;
	struct buf wide = {0}, frame = {0};
	struct packet p;

	slurp("binary/TEXT_from_real_P1_one.bin", &wide);
	buf_put(&frame, RAW("\0\2\1\0"));
	buf_put(&frame, (struct bytes){wide.p + 8, 256});
	assert_int_equal(decode(w, all(&frame), &p), OK);
	assert_encodes(w, &p, all(&frame));
	if (seal_built(SEAL_OAEP)) {
		assert_int_equal(dialect_open(w->d, w->keys, &w->arena, &p),
				 OK);
		assert_bytes(p.text, view("one"));
	}
	buf_free(&wide);
	buf_free(&frame);
}

/* ---- both ---- */

static struct packet hello(const struct wire *w)
{
	return (struct packet){
	    .kind = PKT_HELLO, .key = all(&w->public), .listen_port = 8001};
}

static struct packet message(struct bytes text)
{
	return (struct packet){.kind = PKT_MESSAGE, .text = text};
}

static void binary__brings__a_text_over(void **state)
{
	struct wire *w = *state;
	struct packet p = message(view("ol\xc3\xa1")), sealed, back;
	struct buf frame = {0};

	if (!seal_built(SEAL_OAEP))
		skip();
	arena_empty(&w->arena);
	assert_int_equal(dialect_check(w->d, &p), OK);
	assert_int_equal(
	    dialect_seal(w->d, all(&w->public), &p, &w->arena, &sealed), OK);
	assert_int_equal(w->d->encode(&sealed, &frame), OK);
	assert_int_equal(decode(w, all(&frame), &back), OK);
	assert_int_equal(dialect_open(w->d, w->keys, &w->arena, &back), OK);
	assert_int_equal(back.kind, PKT_MESSAGE);
	assert_bytes(back.text, p.text);
	buf_free(&frame);
}

static void binary__refuses__long_texts_before_sending(void **state)
{
	static uint8_t text[215];
	struct wire *w = *state;
	struct packet p = message((struct bytes){text, 214}), out;

	memset(text, 'x', sizeof text);
	assert_int_equal(dialect_check(w->d, &p), OK);
	p.text.n++;
	assert_int_equal(dialect_check(w->d, &p), ERR_LIMIT);
	if (seal_built(SEAL_OAEP))
		assert_int_equal(
		    dialect_seal(w->d, all(&w->public), &p, &w->arena, &out),
		    ERR_LIMIT);
}

static void binary__never_sends__what_is_not_sealed(void **state)
{
	struct packet p = message(view("for your eyes")), hi = hello(*state);
	struct packet out;
	struct wire *w = *state;

	assert_unsaid(w, &p, ERR_STATE);
	p.sealed = true;
	assert_unsaid(w, &p, ERR_PARSE);
	assert_int_equal(
	    dialect_seal(w->d, all(&w->public), &p, &w->arena, &out),
	    ERR_STATE);
	assert_int_equal(
	    dialect_seal(w->d, all(&w->public), &hi, &w->arena, &out),
	    ERR_STATE);
}

static void binary__has_no_word__for_the_rest(void **state)
{
	for (int k = PKT_REPLY; k <= PKT_CENTER; k++) {
		struct packet p = {.kind = (enum packet_kind)k,
				   .text = view("x")};

		if (k != PKT_ACK)
			assert_unsaid(*state, &p, ERR_STATE);
	}
}

static void binary__splits__however_it_is_cut(void **state)
{
	struct wire *w = *state;
	uint8_t cipher[256] = {1};
	struct packet p[4] = {
	    {.kind = PKT_ACK},
	    {.kind = PKT_HELLO, .key = view("-----BEGIN it"), .listen_port = 1},
	    {.kind = PKT_MESSAGE, .sealed = true, .text = {cipher, 256}},
	    {.kind = PKT_ACK, .verdict = V_INVALID},
	};
	struct buf stream = {0};
	size_t len[4];

	for (size_t i = 0; i < 4; i++) {
		len[i] = stream.n;
		assert_int_equal(w->d->encode(&p[i], &stream), OK);
		len[i] = stream.n - len[i];
	}
	assert_splits(w, all(&stream), len, 4);
	buf_free(&stream);
}

/* ---- hostile ---- */

static void binary__refuses__unknown_kinds(void **state)
{
	static const char *const frame[] = {
	    "\0\0\0\0\0\0\0\1", "\0\0\0\4\0\0\0\1", "\1\0\0\1\0\0\0\1",
	    "\xff\xff\xff\xff\xff\xff\xff\xff", "\0\1\0\0\0\0\0\1"};
	struct packet p;
	size_t n;

	for (size_t i = 0; i < sizeof frame / sizeof *frame; i++) {
		assert_int_equal(split(*state, raw(frame[i], 8), &n),
				 ERR_PARSE);
		assert_int_equal(decode(*state, raw(frame[i], 8), &p),
				 ERR_PARSE);
	}
}

/* Seen in the header, long before the bytes are there. */
static void binary__refuses__huge_lengths(void **state)
{
	size_t n;

	assert_int_equal(split(*state, RAW("\0\0\0\1\0\0\4\0"), &n), OK);
	assert_int_equal(split(*state, RAW("\0\0\0\1\0\0\4\1"), &n), ERR_LIMIT);
	assert_int_equal(split(*state, RAW("\0\0\0\2\0\0\4\1"), &n), ERR_LIMIT);
	assert_int_equal(split(*state, RAW("\0\0\0\1\xff\xff\xff\xff"), &n),
			 ERR_LIMIT);
	assert_int_equal(split(*state, RAW("\0\0\0\2\xff\xff\xff\xff"), &n),
			 ERR_LIMIT);
	assert_int_equal(split(*state, RAW("\0\0\0\2\x80\0\0\0"), &n),
			 ERR_LIMIT);
}

static void binary16__refuses__huge_lengths(void **state)
{
	size_t n;

	assert_int_equal(split(*state, RAW("\0\1\xff\xff\4\0"), &n), OK);
	assert_int_equal(split(*state, RAW("\0\1\0\1\4\1"), &n), ERR_LIMIT);
	assert_int_equal(split(*state, RAW("\0\1\0\1\xff\xff"), &n), ERR_LIMIT);
	assert_int_equal(split(*state, RAW("\0\2\xff\xff"), &n), ERR_LIMIT);
	assert_int_equal(split(*state, RAW("\0\4\0\1"), &n), ERR_PARSE);
}

/* Framed, so that the sender can be told that it is invalid. */
static void binary__refuses__texts_of_another_length(void **state)
{
	struct buf frame = {0};
	uint8_t cipher[512] = {0};
	struct packet p;
	size_t n;

	for (unsigned len = 0; len <= 512; len++) {
		uint8_t head[8] = {
		    0, 0, 0, 2, 0, 0, (uint8_t)(len >> 8), (uint8_t)len};

		frame.n = 0;
		buf_put(&frame, (struct bytes){head, 8});
		buf_put(&frame, (struct bytes){cipher, len});
		assert_int_equal(split(*state, all(&frame), &n), OK);
		assert_int_equal(n, 8 + len);
		assert_int_equal(decode(*state, all(&frame), &p),
				 len == 256 ? OK : ERR_PARSE);
		frame.n--;
		assert_int_equal(decode(*state, all(&frame), &p), ERR_PARSE);
	}
	buf_free(&frame);
}

static void binary__refuses__keys_that_are_none(void **state)
{
	struct packet p;

	assert_int_equal(decode(*state, RAW("\0\0\0\1\0\0\0\0\x1f\x40"), &p),
			 ERR_PARSE);
	assert_int_equal(
	    decode(*state, RAW("\0\0\0\1\0\0\0\5hello\x1f\x40"), &p),
	    ERR_PARSE);
	assert_int_equal(
	    decode(*state, RAW("\0\0\0\1\0\0\0\14-----BEGIN x\x1f\x40"), &p),
	    OK);
	assert_int_equal(
	    decode(*state, RAW("\0\0\0\1\0\0\0\14-----BEGIN \0\x1f\x40"), &p),
	    ERR_PARSE);
	assert_int_equal(
	    decode(*state, RAW("\0\0\0\1\0\0\0\14-----BEGIN \xe9\x1f\x40"), &p),
	    ERR_PARSE);
	assert_int_equal(
	    decode(*state, RAW("\0\0\0\1\0\0\0\14-----BEGIN \x1b\x1f\x40"), &p),
	    ERR_PARSE);
}

static void binary__never_says__a_key_that_is_none(void **state)
{
	static char key[1025] = "-----BEGIN ";
	struct packet p = {.kind = PKT_HELLO, .listen_port = 1};

	memset(key + 11, 'x', sizeof key - 11);
	assert_unsaid(*state, &p, ERR_PARSE);
	p.key = raw(key, sizeof key);
	assert_unsaid(*state, &p, ERR_LIMIT);
	p.key.n--;
	key[500] = '\x1b';
	assert_unsaid(*state, &p, ERR_PARSE);
}

/* Any byte of a capture, to anything: an answer, and never a crash. */
static void binary__survives__any_damage(void **state)
{
	struct wire *w = *state;
	struct buf frame = {0};

	slurp("binary/REGISTER_from_real_P1.bin", &frame);
	for (size_t i = 0; i < frame.n; i++)
		for (int bit = 0; bit < 8; bit++) {
			struct packet p;
			size_t n;

			frame.p[i] ^= (uint8_t)(1 << bit);
			if (!split(w, all(&frame), &n))
				assert_true(n <= frame.n);
			if (!decode(w, all(&frame), &p))
				assert_encodes(w, &p, all(&frame));
			frame.p[i] ^= (uint8_t)(1 << bit);
		}
	buf_free(&frame);
}

static void binary__opens__only_what_is_for_it(void **state)
{
	struct wire *w = *state;
	uint8_t cipher[256] = {1};
	struct packet p = message((struct bytes){cipher, 256});
	struct packet sealed, text = message(view("\xff\xfe"));

	if (!seal_built(SEAL_OAEP))
		skip();
	assert_int_equal(dialect_open(w->d, w->keys, &w->arena, &p), OK);
	assert_int_equal(p.text.n, 256); /* was not sealed */
	p.sealed = true;
	assert_int_equal(dialect_open(w->d, w->keys, &w->arena, &p), ERR_AUTH);
	assert_true(p.sealed);
	assert_int_equal(
	    dialect_seal(w->d, all(&w->public), &text, &w->arena, &sealed), OK);
	assert_int_equal(dialect_open(w->d, w->keys, &w->arena, &sealed),
			 ERR_PARSE);
	w->arena.n = w->arena.cap;
	assert_int_equal(
	    dialect_seal(w->d, all(&w->public), &text, &w->arena, &sealed),
	    ERR_LIMIT);
}

static void binary__is_named(void **state)
{
	bool built = seal_built(SEAL_OAEP);

	(void)state;
	assert_ptr_equal(dialect_named("binary"),
			 built ? &dialect_binary : NULL);
	assert_ptr_equal(dialect_named("binary16"),
			 built ? &dialect_binary16 : NULL);
	assert_ptr_equal(dialect_named("sotto"), &dialect_sotto);
}

#define WIDE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define NARROW(name) cmocka_unit_test_setup_teardown(name, setup16, teardown)
#define EACH(name) WIDE(name), NARROW(name)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WIDE(binary__reads__a_registration),
	    WIDE(binary__reads__texts),
	    WIDE(binary__says__yes_or_no),
	    NARROW(binary16__says__unregistered),
	    NARROW(binary16__has__the_port_before_the_key),
	    NARROW(binary16__reads__texts),
	    EACH(binary__brings__a_text_over),
	    EACH(binary__refuses__long_texts_before_sending),
	    EACH(binary__never_sends__what_is_not_sealed),
	    EACH(binary__has_no_word__for_the_rest),
	    EACH(binary__splits__however_it_is_cut),
	    WIDE(binary__refuses__unknown_kinds),
	    WIDE(binary__refuses__huge_lengths),
	    NARROW(binary16__refuses__huge_lengths),
	    WIDE(binary__refuses__texts_of_another_length),
	    WIDE(binary__refuses__keys_that_are_none),
	    EACH(binary__never_says__a_key_that_is_none),
	    WIDE(binary__survives__any_damage),
	    EACH(binary__opens__only_what_is_for_it),
	    WIDE(binary__is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
