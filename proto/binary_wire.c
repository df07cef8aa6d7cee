#include "proto/dialect.h"
#include <string.h>

/* Document 000, in two layouts. `binary` is what its program sends:
 *
 *   REGISTER  u32 1, u32 n, n bytes PEM, u16 port
 *   TEXT      u32 2, u32 256, 256 bytes RSA-OAEP of the text
 *   ACK       u32 3, u32 code
 *
 * `binary16` is what its diagrams draw:
 *
 *   REGISTER  u16 1, u16 port, u16 n, n bytes PEM
 *   TEXT      u16 2, u16 256, 256 bytes RSA-OAEP of the text
 *   ACK       u16 3, u16 code
 *
 * All numbers are big-endian. A frame has to be written at once: the program
 * reads once a frame and takes what it gets for all of it. */

enum { REGISTER = 1, TEXT = 2, ACK = 3 };
/* "ACK_SUCCESS", "ACK_UNREGISTERED", "ACK_INVALID" */
enum { SUCCESS = 1, UNREGISTERED = 2, INVALID = 3 };
enum {
	WIDE = 4,       /* bytes of a number: binary */
	NARROW = 2,     /* binary16 */
	KEY_MAX = 1024, /* bytes of PEM; the program's have 450 */
	SEALED = 256,   /* RSA-2048, always */
	FRAME_MAX = 2 * WIDE + KEY_MAX + 2,
};

/* The caller has seen that they are there. */
static uint32_t number(const uint8_t *p, size_t width)
{
	uint32_t v = 0;

	for (size_t i = 0; i < width; i++)
		v = v << 8 | p[i];
	return v;
}

static void put_number(struct buf *b, uint32_t v, size_t width)
{
	uint8_t p[WIDE];

	for (size_t i = 0; i < width; i++)
		p[i] = (uint8_t)(v >> 8 * (width - 1 - i));
	buf_put(b, (struct bytes){p, width});
}

/* ---- reading ---- */

/* Bytes before the variable part; 0: no such kind. */
static size_t head_len(uint32_t kind, size_t width)
{
	if (kind == REGISTER && width == NARROW)
		return 3 * NARROW;
	return kind >= REGISTER && kind <= ACK ? 2 * width : 0;
}

static enum err body_len(const uint8_t *head, size_t head_n, size_t width,
			 size_t *len)
{
	uint32_t kind = number(head, width);
	uint32_t n = number(head + head_n - width, width);

	*len = 0;
	if (kind == ACK)
		return OK;
	if (n > KEY_MAX)
		return ERR_LIMIT;
	*len = n + (kind == REGISTER && width == WIDE ? 2 : 0);
	return OK;
}

static enum err split(struct bytes in, size_t width, size_t *len)
{
	size_t head, body;

	*len = 0;
	if (in.n < width)
		return OK;
	head = head_len(number(in.p, width), width);
	if (!head)
		return ERR_PARSE;
	if (in.n < head)
		return OK;

	enum err err = body_len(in.p, head, width, &body);

	if (!err && in.n >= head + body)
		*len = head + body;
	return err;
}

/* Whether it is a key is seen when something is to be sealed to it. */
static bool pem_like(struct bytes s)
{
	static const char begin[] = "-----BEGIN ";

	if (s.n < sizeof begin || memcmp(s.p, begin, sizeof begin - 1) != 0)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if ((s.p[i] < 0x20 && s.p[i] != '\n' && s.p[i] != '\r') ||
		    s.p[i] > 0x7e)
			return false;
	return true;
}

static enum err decode_register(struct bytes frame, size_t width,
				struct packet *out)
{
	size_t head = head_len(REGISTER, width);
	const uint8_t *port =
	    width == WIDE ? frame.p + frame.n - 2 : frame.p + NARROW;
	size_t after = width == WIDE ? 2 : 0;

	out->kind = PKT_HELLO;
	out->listen_port = (uint16_t)number(port, 2);
	out->key = (struct bytes){frame.p + head, frame.n - head - after};
	return pem_like(out->key) ? OK : ERR_PARSE;
}

static enum err decode_ack(uint32_t code, struct packet *out)
{
	static const enum verdict verdict[] = {
	    [SUCCESS] = V_SUCCESS,
	    [UNREGISTERED] = V_UNREGISTERED,
	    [INVALID] = V_INVALID,
	};

	out->kind = PKT_ACK;
	if (code < SUCCESS || code > INVALID)
		return ERR_PARSE;
	out->verdict = verdict[code];
	return OK;
}

static enum err decode(struct bytes frame, size_t width, struct packet *out)
{
	size_t len;
	enum err err = split(frame, width, &len);

	*out = (struct packet){0};
	if (err)
		return err;
	if (!len || len != frame.n)
		return ERR_PARSE;
	switch (number(frame.p, width)) {
	case REGISTER:
		return decode_register(frame, width, out);
	case TEXT:
		out->kind = PKT_MESSAGE;
		out->sealed = true;
		out->text =
		    (struct bytes){frame.p + 2 * width, frame.n - 2 * width};
		return out->text.n == SEALED ? OK : ERR_PARSE;
	default:
		return decode_ack(number(frame.p + width, width), out);
	}
}

/* ---- writing ---- */

static enum err encode_register(const struct packet *p, size_t width,
				struct buf *out)
{
	if (p->key.n > KEY_MAX)
		return ERR_LIMIT;
	if (!pem_like(p->key))
		return ERR_PARSE;
	put_number(out, REGISTER, width);
	if (width == NARROW)
		put_number(out, p->listen_port, 2);
	put_number(out, (uint32_t)p->key.n, width);
	buf_put(out, p->key);
	if (width == WIDE)
		put_number(out, p->listen_port, 2);
	return OK;
}

/* A text that is not sealed does not go out. */
static enum err encode_text(const struct packet *p, size_t width,
			    struct buf *out)
{
	if (!p->sealed)
		return ERR_STATE;
	if (p->text.n != SEALED)
		return ERR_PARSE;
	put_number(out, TEXT, width);
	put_number(out, SEALED, width);
	buf_put(out, p->text);
	return OK;
}

/* The program of document 000 dies of "unregistered", so binary never says
 * that; binary16 has no such program and does as is drawn. */
static uint32_t code_of(enum verdict v, size_t width)
{
	if (v == V_SUCCESS)
		return SUCCESS;
	return v == V_UNREGISTERED && width == NARROW ? UNREGISTERED : INVALID;
}

static enum err encode(const struct packet *p, size_t width, struct buf *out)
{
	if (p->kind == PKT_HELLO)
		return encode_register(p, width, out);
	if (p->kind == PKT_MESSAGE)
		return encode_text(p, width, out);
	if (p->kind != PKT_ACK)
		return ERR_STATE;
	put_number(out, ACK, width);
	put_number(out, code_of(p->verdict, width), width);
	return OK;
}

/* ---- the two ---- */

static enum err wide_split(struct bytes in, bool greeted, bool quiet,
			   size_t *len)
{
	(void)greeted;
	(void)quiet;
	return split(in, WIDE, len);
}

static enum err narrow_split(struct bytes in, bool greeted, bool quiet,
			     size_t *len)
{
	(void)greeted;
	(void)quiet;
	return split(in, NARROW, len);
}

static enum err wide_decode(struct bytes frame, struct arena *a,
			    struct packet *out)
{
	(void)a;
	return decode(frame, WIDE, out);
}

static enum err narrow_decode(struct bytes frame, struct arena *a,
			      struct packet *out)
{
	(void)a;
	return decode(frame, NARROW, out);
}

static enum err wide_encode(const struct packet *p, struct buf *out)
{
	return encode(p, WIDE, out);
}

static enum err narrow_encode(const struct packet *p, struct buf *out)
{
	return encode(p, NARROW, out);
}

#define BOTH                                                                   \
	.port = 8000, .frame_max = FRAME_MAX, .send_max = FRAME_MAX,           \
	.text_max = OAEP_TEXT_MAX,                                             \
	.traits = T_HELLO_FIRST | T_TRANSACTION | T_ACKS | T_ORDERED,          \
	.seal = SEAL_OAEP,                                                     \
	.patience = {.give_up_us = INT64_C(3600) * 1000000},                   \
	.stamp = rfc3339_put

const struct dialect dialect_binary = {
    .name = "binary",
    BOTH,
    .split = wide_split,
    .decode = wide_decode,
    .encode = wide_encode,
};

const struct dialect dialect_binary16 = {
    .name = "binary16",
    BOTH,
    .split = narrow_split,
    .decode = narrow_decode,
    .encode = narrow_encode,
};
