#include "proto/seal.h"
#include <dlfcn.h>
#include <string.h>
/* It has a type of the name of one of our errors. */
#define ERR_STATE OPENSSL_ERR_STATE
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/opensslv.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#undef ERR_STATE

#define TEXT_OF(x) #x
#define TEXT_OF_VALUE(x) TEXT_OF(x)
#define SHARED_VERSION TEXT_OF_VALUE(OPENSSL_SHLIB_VERSION)

/* RSA as documents 000 and 001 use it, and for nothing else. What SEAL_RAW
 * does is no encryption that deserves the name (see seal.h). */

enum {
	OAEP_BYTES = 256,  /* the modulus, and every ciphertext */
	RAW_BYTES = 128,   /* the modulus; a ciphertext is at most this long */
	PUBLIC_MAX = 1024, /* bytes of PEM: ours have 450 */
	PRIVATE_MAX = 4096,
	EXPONENT_BITS = 64, /* longer ones only cost time */
};

/* What we use of libcrypto. It is not linked but loaded when the first key is
 * read: most never meet a peer of these dialects, and it costs each start a
 * millisecond and 400 kB. */
#define FUNCTIONS                                                              \
	X(BIO_ctrl)                                                            \
	X(BIO_free)                                                            \
	X(BIO_new)                                                             \
	X(BIO_new_mem_buf)                                                     \
	X(BIO_s_mem)                                                           \
	X(BN_clear_free)                                                       \
	X(BN_is_odd)                                                           \
	X(BN_num_bits)                                                         \
	X(CRYPTO_free)                                                         \
	X(ERR_clear_error)                                                     \
	X(EVP_PKEY_CTX_free)                                                   \
	X(EVP_PKEY_CTX_new)                                                    \
	X(EVP_PKEY_CTX_set_rsa_mgf1_md)                                        \
	X(EVP_PKEY_CTX_set_rsa_oaep_md)                                        \
	X(EVP_PKEY_CTX_set_rsa_padding)                                        \
	X(EVP_PKEY_Q_keygen)                                                   \
	X(EVP_PKEY_decrypt)                                                    \
	X(EVP_PKEY_decrypt_init)                                               \
	X(EVP_PKEY_encrypt)                                                    \
	X(EVP_PKEY_encrypt_init)                                               \
	X(EVP_PKEY_free)                                                       \
	X(EVP_PKEY_get_bn_param)                                               \
	X(EVP_PKEY_is_a)                                                       \
	X(EVP_sha1)                                                            \
	X(OPENSSL_cleanse)                                                     \
	X(OPENSSL_init_crypto)                                                 \
	X(PEM_read_bio)                                                        \
	X(PEM_read_bio_PrivateKey)                                             \
	X(PEM_write_bio_PUBKEY)                                                \
	X(PEM_write_bio_PrivateKey)                                            \
	X(d2i_PUBKEY)

struct crypto {
#define X(name) __typeof__(&name) name;
	FUNCTIONS
#undef X
};

static bool find(void *from, const char *name, void *function)
{
	void *p = dlsym(from, name);

	memcpy(function, &p, sizeof p);
	return p != NULL;
}

/* Loads it once; later calls take some microseconds, much less than what
 * follows, and need nothing that threads would share. The machine's
 * configuration of OpenSSL has no say here, and nothing is torn down at the
 * end while another thread may still make a key. */
static bool begin(struct crypto *c)
{
	void *from = dlopen("libcrypto.so." SHARED_VERSION, RTLD_LAZY);
	bool good = from != NULL;

#define X(name) good = good && find(from, #name, &c->name);
	FUNCTIONS
#undef X
	return good && c->OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG |
						  OPENSSL_INIT_NO_ATEXIT,
					      NULL) == 1;
}

/* Nobody reads OpenSSL's list of errors; it must not grow. */
static enum err end(const struct crypto *c, bool good, enum err bad)
{
	c->ERR_clear_error();
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

static bool number_fits(const struct crypto *c, const EVP_PKEY *key,
			const char *which, int min_bits, int max_bits)
{
	BIGNUM *v = NULL;
	bool good = c->EVP_PKEY_get_bn_param(key, which, &v) == 1 &&
		    c->BN_is_odd(v) && c->BN_num_bits(v) >= min_bits &&
		    c->BN_num_bits(v) <= max_bits;

	c->BN_clear_free(v);
	return good;
}

/* An exponent of one would send the text as it is. */
static bool key_fits(const struct crypto *c, const EVP_PKEY *key, enum seal how)
{
	int bits = (int)modulus(how) * 8;

	return c->EVP_PKEY_is_a(key, "RSA") &&
	       number_fits(c, key, OSSL_PKEY_PARAM_RSA_N, bits, bits) &&
	       number_fits(c, key, OSSL_PKEY_PARAM_RSA_E, 2, EXPONENT_BITS);
}

/* A key that does not fit is gone. */
static EVP_PKEY *fitting(const struct crypto *c, EVP_PKEY *key, enum seal how)
{
	if (key && key_fits(c, key, how))
		return key;
	c->EVP_PKEY_free(key);
	return NULL;
}

/* SubjectPublicKeyInfo in PEM, from anybody; not encrypted, nothing else. */
static EVP_PKEY *read_public(const struct crypto *c, struct bytes pem,
			     enum seal how)
{
	char *name = NULL, *header = NULL;
	unsigned char *der = NULL;
	const unsigned char *at;
	long n = 0;
	EVP_PKEY *key = NULL;
	BIO *in = pem.n && pem.n <= PUBLIC_MAX
		      ? c->BIO_new_mem_buf(pem.p, (int)pem.n)
		      : NULL;

	if (in && c->PEM_read_bio(in, &name, &header, &der, &n) == 1 &&
	    !strcmp(name, PEM_STRING_PUBLIC) && !*header) {
		at = der;
		key = c->d2i_PUBKEY(NULL, &at, n);
	}
	c->CRYPTO_free(name, __FILE__, __LINE__);
	c->CRYPTO_free(header, __FILE__, __LINE__);
	c->CRYPTO_free(der, __FILE__, __LINE__);
	c->BIO_free(in);
	return fitting(c, key, how);
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

static EVP_PKEY *read_private(const struct crypto *c, struct bytes pem,
			      enum seal how)
{
	BIO *in = pem.n && pem.n <= PRIVATE_MAX
		      ? c->BIO_new_mem_buf(pem.p, (int)pem.n)
		      : NULL;
	EVP_PKEY *key =
	    in ? c->PEM_read_bio_PrivateKey(in, NULL, no_password, NULL) : NULL;

	c->BIO_free(in);
	return fitting(c, key, how);
}

/* What was written, without the line end behind it, which neither of the
 * original programs sends. */
static void take(const struct crypto *c, BIO *from, struct buf *to,
		 bool last_line_end)
{
	char *p = NULL;
	long n = c->BIO_ctrl(from, BIO_CTRL_INFO, 0, &p);

	if (n > 0 && !last_line_end && p[n - 1] == '\n')
		n--;
	if (n > 0) {
		buf_put(to, (struct bytes){(uint8_t *)p, (size_t)n});
		c->OPENSSL_cleanse(p, (size_t)n);
	}
}

enum err seal_make(enum seal how, struct buf *pem)
{
	struct crypto lib, *c = &lib;
	size_t bits = modulus(how) * 8;

	if (!bits || !begin(c))
		return ERR_STATE;

	EVP_PKEY *key = c->EVP_PKEY_Q_keygen(NULL, NULL, "RSA", bits);
	BIO *out = key ? c->BIO_new(c->BIO_s_mem()) : NULL;
	bool good = out && c->PEM_write_bio_PrivateKey(out, key, NULL, NULL, 0,
						       NULL, NULL) == 1;

	if (good)
		take(c, out, pem, true);
	c->BIO_free(out);
	c->EVP_PKEY_free(key);
	return end(c, good, ERR_SYS);
}

enum err keys_pem(const struct keys *k, enum seal how, struct buf *pem)
{
	struct crypto lib, *c = &lib;
	EVP_PKEY *key = modulus(how) ? k->rsa[how] : NULL;

	if (!key || !begin(c))
		return ERR_STATE;

	BIO *out = c->BIO_new(c->BIO_s_mem());
	bool good = out && c->PEM_write_bio_PUBKEY(out, key) == 1;

	if (good)
		take(c, out, pem, false);
	c->BIO_free(out);
	return end(c, good, ERR_SYS);
}

void keys_drop(struct keys *k)
{
	struct crypto lib, *c = &lib;

	for (size_t i = 0; i < sizeof k->rsa / sizeof *k->rsa; i++) {
		if (!k->rsa[i] || !begin(c))
			continue;
		c->EVP_PKEY_free(k->rsa[i]);
		k->rsa[i] = NULL;
	}
}

/* ---- one block ---- */

enum way { SHUT, OPEN };

/* OAEP is with SHA-1, also in its mask, and no label: the defaults of the
 * library that document 000 is written with. */
static bool set_padding(const struct crypto *c, EVP_PKEY_CTX *ctx,
			enum seal how)
{
	if (how == SEAL_RAW)
		return c->EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING) ==
		       1;
	return c->EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) ==
		   1 &&
	       c->EVP_PKEY_CTX_set_rsa_oaep_md(ctx, c->EVP_sha1()) == 1 &&
	       c->EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, c->EVP_sha1()) == 1;
}

static bool run(const struct crypto *c, enum way way, EVP_PKEY_CTX *ctx,
		enum seal how, struct bytes in, uint8_t *out, size_t *n)
{
	if (way == SHUT)
		return c->EVP_PKEY_encrypt_init(ctx) == 1 &&
		       set_padding(c, ctx, how) &&
		       c->EVP_PKEY_encrypt(ctx, out, n, in.p, in.n) == 1;
	return c->EVP_PKEY_decrypt_init(ctx) == 1 && set_padding(c, ctx, how) &&
	       c->EVP_PKEY_decrypt(ctx, out, n, in.p, in.n) == 1;
}

static bool block(const struct crypto *c, enum way way, EVP_PKEY *key,
		  enum seal how, struct bytes in,
		  uint8_t out[static OAEP_BYTES], struct bytes *result)
{
	EVP_PKEY_CTX *ctx = c->EVP_PKEY_CTX_new(key, NULL);
	size_t n = OAEP_BYTES;
	bool good = ctx && run(c, way, ctx, how, in, out, &n);

	c->EVP_PKEY_CTX_free(ctx);
	*result = (struct bytes){out, good ? n : 0};
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

static bool raw_block(const struct crypto *c, enum way way, EVP_PKEY *key,
		      struct bytes in, uint8_t out[static OAEP_BYTES],
		      struct bytes *result)
{
	uint8_t whole[RAW_BYTES];
	bool good =
	    block(c, way, key, SEAL_RAW, lengthen(whole, in), out, result);

	c->OPENSSL_cleanse(whole, sizeof whole);
	*result = shorten(*result);
	return good;
}

/* ---- texts ---- */

static bool shut(const struct crypto *c, EVP_PKEY *key, enum seal how,
		 struct bytes text, uint8_t out[static OAEP_BYTES],
		 struct bytes *sealed)
{
	return how == SEAL_RAW ? raw_block(c, SHUT, key, text, out, sealed)
			       : block(c, SHUT, key, how, text, out, sealed);
}

enum err seal_text(enum seal how, struct bytes to_key, struct bytes text,
		   struct buf *out)
{
	struct crypto lib, *c = &lib;
	uint8_t memory[OAEP_BYTES];
	struct bytes sealed;

	if (!modulus(how))
		return ERR_STATE;
	if (!text.n)
		return ERR_PARSE;
	if (text.n > (how == SEAL_RAW ? RAW_TEXT_MAX : OAEP_TEXT_MAX))
		return ERR_LIMIT;
	if (!begin(c))
		return ERR_STATE;

	EVP_PKEY *key = read_public(c, to_key, how);

	if (!key)
		return end(c, false, ERR_PARSE);

	bool good = shut(c, key, how, text, memory, &sealed);

	c->EVP_PKEY_free(key);
	if (good)
		buf_put(out, sealed);
	/* a number over the modulus, but for want of randomness */
	return end(c, good, how == SEAL_RAW ? ERR_LIMIT : ERR_SYS);
}

static bool open(const struct crypto *c, EVP_PKEY *key, enum seal how,
		 struct bytes sealed, uint8_t out[static OAEP_BYTES],
		 struct bytes *text)
{
	if (how == SEAL_RAW)
		return shorten(sealed).n && sealed.n <= RAW_BYTES &&
		       raw_block(c, OPEN, key, sealed, out, text);
	return sealed.n == OAEP_BYTES &&
	       block(c, OPEN, key, how, sealed, out, text);
}

enum err seal_open(const struct keys *k, enum seal how, struct bytes sealed,
		   struct arena *a, struct bytes *text)
{
	struct crypto lib, *c = &lib;
	EVP_PKEY *key = modulus(how) ? k->rsa[how] : NULL;

	if (!key || !begin(c))
		return ERR_STATE;

	uint8_t *out = arena_get(a, OAEP_BYTES);

	if (!out)
		return ERR_LIMIT;
	return end(c, open(c, key, how, sealed, out, text), ERR_AUTH);
}

/* ---- our own ---- */

/* PEM has no digest; a damaged key does not undo what it does. */
static bool round_trip(const struct crypto *c, EVP_PKEY *key, enum seal how)
{
	static const uint8_t word[] = "sotto";
	uint8_t there[OAEP_BYTES], back[OAEP_BYTES];
	struct bytes text = {word, sizeof word}, sealed, again;

	return shut(c, key, how, text, there, &sealed) &&
	       open(c, key, how, sealed, back, &again) && again.n == text.n &&
	       !memcmp(again.p, text.p, text.n);
}

enum err keys_add(struct keys *k, enum seal how, struct bytes pem)
{
	struct crypto lib, *c = &lib;

	if (!modulus(how) || !begin(c))
		return ERR_STATE;

	EVP_PKEY *key = read_private(c, pem, how);

	if (!key || !round_trip(c, key, how)) {
		c->EVP_PKEY_free(key);
		return end(c, false, ERR_PARSE);
	}
	c->EVP_PKEY_free(k->rsa[how]);
	k->rsa[how] = key;
	return end(c, true, OK);
}
