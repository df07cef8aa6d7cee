#include "proto/seal.h"
#include <string.h>
/* It has a type of the name of one of our errors. */
#define ERR_STATE OPENSSL_ERR_STATE
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#undef ERR_STATE

/* RSA as documents 000 and 001 use it, and for nothing else. What SEAL_RAW
 * does is no encryption that deserves the name (see seal.h). */

enum {
	OAEP_BYTES = 256,  /* the modulus, and every ciphertext */
	RAW_BYTES = 128,   /* the modulus; a ciphertext is at most this long */
	PUBLIC_MAX = 1024, /* bytes of PEM: ours have 450 */
	PRIVATE_MAX = 4096,
	EXPONENT_BITS = 64, /* longer ones only cost time */
};

/* The machine's configuration of OpenSSL has no say here, and nothing is torn
 * down at the end while another thread may still make a key. */
static void begin(void)
{
	OPENSSL_init_crypto(
	    OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ATEXIT, NULL);
}

/* Nobody reads OpenSSL's list of errors; it must not grow. */
static enum err end(bool good, enum err bad)
{
	ERR_clear_error();
	return good ? OK : bad;
}

bool seal_built(enum seal how)
{
	(void)how;
	return true;
}

static size_t modulus(enum seal how)
{
	return how == SEAL_OAEP ? OAEP_BYTES : how == SEAL_RAW ? RAW_BYTES : 0;
}

/* ---- keys ---- */

static bool number_fits(const EVP_PKEY *key, const char *which, int min_bits,
			int max_bits)
{
	BIGNUM *v = NULL;
	bool good = EVP_PKEY_get_bn_param(key, which, &v) == 1 &&
		    BN_is_odd(v) && BN_num_bits(v) >= min_bits &&
		    BN_num_bits(v) <= max_bits;

	BN_clear_free(v);
	return good;
}

/* An exponent of one would send the text as it is. */
static bool key_fits(const EVP_PKEY *key, enum seal how)
{
	int bits = (int)modulus(how) * 8;

	return EVP_PKEY_is_a(key, "RSA") &&
	       number_fits(key, OSSL_PKEY_PARAM_RSA_N, bits, bits) &&
	       number_fits(key, OSSL_PKEY_PARAM_RSA_E, 2, EXPONENT_BITS);
}

/* A key that does not fit is gone. */
static EVP_PKEY *fitting(EVP_PKEY *key, enum seal how)
{
	if (key && key_fits(key, how))
		return key;
	EVP_PKEY_free(key);
	return NULL;
}

/* SubjectPublicKeyInfo in PEM, from anybody; not encrypted, nothing else. */
static EVP_PKEY *read_public(struct bytes pem, enum seal how)
{
	char *name = NULL, *header = NULL;
	unsigned char *der = NULL;
	const unsigned char *at;
	long n = 0;
	EVP_PKEY *key = NULL;
	BIO *in = pem.n && pem.n <= PUBLIC_MAX
		      ? BIO_new_mem_buf(pem.p, (int)pem.n)
		      : NULL;

	if (in && PEM_read_bio(in, &name, &header, &der, &n) == 1 &&
	    !strcmp(name, PEM_STRING_PUBLIC) && !*header) {
		at = der;
		key = d2i_PUBKEY(NULL, &at, n);
	}
	OPENSSL_free(name);
	OPENSSL_free(header);
	OPENSSL_free(der);
	BIO_free(in);
	return fitting(key, how);
}

/* An encrypted file is not ours, and nobody is asked for a password. */
static int no_password(char *buf, int size, int rwflag, void *u)
{
	(void)buf;
	(void)size;
	(void)rwflag;
	(void)u;
	return -1;
}

static EVP_PKEY *read_private(struct bytes pem, enum seal how)
{
	BIO *in = pem.n && pem.n <= PRIVATE_MAX
		      ? BIO_new_mem_buf(pem.p, (int)pem.n)
		      : NULL;
	EVP_PKEY *key =
	    in ? PEM_read_bio_PrivateKey(in, NULL, no_password, NULL) : NULL;

	BIO_free(in);
	return fitting(key, how);
}

/* What was written, without the line end behind it, which neither of the
 * original programs sends. */
static void take(BIO *from, struct buf *to, bool last_line_end)
{
	char *p = NULL;
	long n = BIO_get_mem_data(from, &p);

	if (n > 0 && !last_line_end && p[n - 1] == '\n')
		n--;
	if (n > 0) {
		buf_put(to, (struct bytes){(uint8_t *)p, (size_t)n});
		OPENSSL_cleanse(p, (size_t)n);
	}
}

enum err seal_make(enum seal how, struct buf *pem)
{
	begin();

	size_t bits = modulus(how) * 8;
	EVP_PKEY *key = bits ? EVP_RSA_gen(bits) : NULL;
	BIO *out = key ? BIO_new(BIO_s_mem()) : NULL;
	bool good = out && PEM_write_bio_PrivateKey(out, key, NULL, NULL, 0,
						    NULL, NULL) == 1;

	if (good)
		take(out, pem, true);
	BIO_free(out);
	EVP_PKEY_free(key);
	return end(good, bits ? ERR_SYS : ERR_STATE);
}

enum err keys_pem(const struct keys *k, enum seal how, struct buf *pem)
{
	EVP_PKEY *key = modulus(how) ? k->rsa[how] : NULL;

	if (!key)
		return ERR_STATE;
	begin();

	BIO *out = BIO_new(BIO_s_mem());
	bool good = out && PEM_write_bio_PUBKEY(out, key) == 1;

	if (good)
		take(out, pem, false);
	BIO_free(out);
	return end(good, ERR_SYS);
}

void keys_drop(struct keys *k)
{
	for (size_t i = 0; i < sizeof k->rsa / sizeof *k->rsa; i++) {
		EVP_PKEY_free(k->rsa[i]);
		k->rsa[i] = NULL;
	}
}

/* ---- one block ---- */

typedef int block_init(EVP_PKEY_CTX *ctx);
typedef int block_run(EVP_PKEY_CTX *ctx, unsigned char *out, size_t *out_n,
		      const unsigned char *in, size_t in_n);

/* OAEP is with SHA-1, also in its mask, and no label: the defaults of the
 * library that document 000 is written with. */
static bool set_padding(EVP_PKEY_CTX *ctx, enum seal how)
{
	if (how == SEAL_RAW)
		return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING) == 1;
	return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) == 1 &&
	       EVP_PKEY_CTX_set_rsa_oaep_md(ctx, EVP_sha1()) == 1 &&
	       EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, EVP_sha1()) == 1;
}

static bool block(EVP_PKEY *key, enum seal how, block_init *init,
		  block_run *run, struct bytes in,
		  uint8_t out[static OAEP_BYTES], size_t *n)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
	size_t room = OAEP_BYTES;
	bool good = ctx && init(ctx) == 1 && set_padding(ctx, how) &&
		    run(ctx, out, &room, in.p, in.n) == 1;

	EVP_PKEY_CTX_free(ctx);
	*n = good ? room : 0;
	return good;
}

/* Document 001 takes bytes for one number and writes numbers as short as they
 * are; to OpenSSL they are as long as the modulus. */
static struct bytes lengthen(uint8_t to[static RAW_BYTES], struct bytes s)
{
	memset(to, 0, RAW_BYTES - s.n);
	memcpy(to + RAW_BYTES - s.n, s.p, s.n);
	return (struct bytes){to, RAW_BYTES};
}

static struct bytes shorten(struct bytes s)
{
	while (s.n && !*s.p) {
		s.p++;
		s.n--;
	}
	return s;
}

static bool raw_block(EVP_PKEY *key, block_init *init, block_run *run,
		      struct bytes in, uint8_t out[static OAEP_BYTES],
		      struct bytes *result)
{
	uint8_t whole[RAW_BYTES];
	size_t n;
	bool good =
	    block(key, SEAL_RAW, init, run, lengthen(whole, in), out, &n);

	OPENSSL_cleanse(whole, sizeof whole);
	*result = shorten((struct bytes){out, n});
	return good;
}

/* ---- texts ---- */

static bool shut_block(EVP_PKEY *key, enum seal how, struct bytes text,
		       uint8_t out[static OAEP_BYTES], struct bytes *sealed)
{
	size_t n;

	if (how == SEAL_RAW)
		return raw_block(key, EVP_PKEY_encrypt_init, EVP_PKEY_encrypt,
				 text, out, sealed);
	if (!block(key, how, EVP_PKEY_encrypt_init, EVP_PKEY_encrypt, text, out,
		   &n))
		return false;
	*sealed = (struct bytes){out, n};
	return true;
}

enum err seal_text(enum seal how, struct bytes to_key, struct bytes text,
		   struct buf *out)
{
	uint8_t memory[OAEP_BYTES];
	struct bytes sealed;

	if (!modulus(how))
		return ERR_STATE;
	if (!text.n)
		return ERR_PARSE;
	if (text.n > (how == SEAL_RAW ? RAW_TEXT_MAX : OAEP_TEXT_MAX))
		return ERR_LIMIT;
	begin();

	EVP_PKEY *key = read_public(to_key, how);

	if (!key)
		return end(false, ERR_PARSE);

	bool good = shut_block(key, how, text, memory, &sealed);

	EVP_PKEY_free(key);
	if (good)
		buf_put(out, sealed);
	/* a number over the modulus, but for want of randomness */
	return end(good, how == SEAL_RAW ? ERR_LIMIT : ERR_SYS);
}

static bool open_block(EVP_PKEY *key, enum seal how, struct bytes sealed,
		       uint8_t out[static OAEP_BYTES], struct bytes *text)
{
	size_t n;

	if (how == SEAL_RAW)
		return shorten(sealed).n && sealed.n <= RAW_BYTES &&
		       raw_block(key, EVP_PKEY_decrypt_init, EVP_PKEY_decrypt,
				 sealed, out, text);
	if (sealed.n != OAEP_BYTES || !block(key, how, EVP_PKEY_decrypt_init,
					     EVP_PKEY_decrypt, sealed, out, &n))
		return false;
	*text = (struct bytes){out, n};
	return true;
}

enum err seal_open(const struct keys *k, enum seal how, struct bytes sealed,
		   struct arena *a, struct bytes *text)
{
	EVP_PKEY *key = modulus(how) ? k->rsa[how] : NULL;

	if (!key)
		return ERR_STATE;

	uint8_t *out = arena_get(a, OAEP_BYTES);

	if (!out)
		return ERR_LIMIT;
	begin();
	return end(open_block(key, how, sealed, out, text), ERR_AUTH);
}

/* ---- our own ---- */

/* PEM has no digest; a damaged key does not undo what it does. */
static bool round_trip(EVP_PKEY *key, enum seal how)
{
	static const uint8_t word[] = "sotto";
	uint8_t there[OAEP_BYTES], back[OAEP_BYTES];
	struct bytes text = {word, sizeof word}, sealed, again;

	return shut_block(key, how, text, there, &sealed) &&
	       open_block(key, how, sealed, back, &again) &&
	       again.n == text.n && !memcmp(again.p, text.p, text.n);
}

enum err keys_add(struct keys *k, enum seal how, struct bytes pem)
{
	if (!modulus(how))
		return ERR_STATE;
	begin();

	EVP_PKEY *key = read_private(pem, how);

	if (!key || !round_trip(key, how)) {
		EVP_PKEY_free(key);
		return end(false, ERR_PARSE);
	}
	EVP_PKEY_free(k->rsa[how]);
	k->rsa[how] = key;
	return end(true, OK);
}
