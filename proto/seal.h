#ifndef SOTTO_PROTO_SEAL_H
#define SOTTO_PROTO_SEAL_H
#include "proto/base.h"
#include "proto/noise.h"
/* Who we are: the keys derived from one seed, and what of them is shown to
 * people; the encryption of single texts. The only place, with noise.c and
 * link.c, that holds private keys; codecs see ciphertext as plain bytes. */
enum seal {
	SEAL_NONE,
	SEAL_OAEP,  /* binary: each text, RSA-2048, OAEP with SHA-1 */
	SEAL_RAW,   /* nul: each text, textbook RSA-1024; hides nothing */
	SEAL_NOISE, /* sotto: the whole link; see noise.h */
};
/* RSA needs OpenSSL's libcrypto, which is optional when sotto is built. */
bool seal_built(enum seal how);
enum { CERTIFICATE = 112 };

/* Our private keys, derived from one seed of 32 bytes: "sottosig"/1 signs,
 * "sottonoi"/generation is the Noise key, "sottostr"/1 protects small files.
 * RSA keys are made apart, kept in files and added. */
struct keys {
	struct pubkey public; /* Ed25519: who we are */
	uint8_t sign[64];
	struct noise_pair noise; /* X25519: the static key of the channel */
	uint8_t certificate[CERTIFICATE];
	struct evp_pkey_st *rsa[SEAL_NOISE]; /* OAEP and RAW, or NULL */
};
struct keys *keys_new(const uint8_t seed[static 32]);
void keys_free(struct keys *k); /* wipes them */
struct pubkey keys_public(const struct keys *k);

/* That this Noise key is of that identity. */
void certificate_make(uint8_t out[static CERTIFICATE], const struct keys *k);
/* ERR_AUTH: not signed, or for another Noise key. */
enum err certificate_check(struct bytes c, const uint8_t x25519[static 32],
			   struct pubkey *who) MUST_USE;

/* ---- RSA, for documents 000 and 001 ----
 *
 * SEAL_RAW IS WORTHLESS. The bytes of a text, taken for one number, to the
 * power of 65537 modulo a number of 1024 bits: no padding, no randomness, no
 * proof of who wrote it. Equal texts have equal ciphertexts, who guesses a
 * text can check the guess, anybody can make and change them. It exists to be
 * understood by programs of document 001 and nowhere else; a peer of that
 * dialect is plain, whatever it says.
 *
 * No state but the keys: they belong to one thread, the rest to any. libcrypto
 * is loaded by the first call, in a millisecond. All of it is ERR_STATE where
 * seal_built says no or libcrypto is not there any more. */
enum { OAEP_TEXT_MAX = 214, RAW_TEXT_MAX = 128 }; /* bytes of one text */

/* A new private key in PEM, appended; wipe it after use. 75 to 450 ms (OAEP),
 * 16 to 34 ms (RAW): for the worker. ERR_SYS: no randomness, no memory. */
enum err seal_make(enum seal how, struct buf *pem) MUST_USE;
/* Reads a private key that seal_make or the original programs wrote; replaces
 * the one before. ERR_PARSE: none, of another length, or damaged. */
enum err keys_add(struct keys *k, enum seal how, struct bytes pem) MUST_USE;
/* The public half as the dialects announce it: SubjectPublicKeyInfo in PEM,
 * 450 or 271 bytes, without a line end behind it. ERR_STATE: not added. */
enum err keys_pem(const struct keys *k, enum seal how,
		  struct buf *pem) MUST_USE;
void keys_drop(struct keys *k); /* the RSA keys; keys_free does it */

/* Encrypts one text to the PEM that a peer announced; appended. OAEP: always
 * 256 bytes. RAW: at most 128, without leading zeros. ERR_PARSE: no key of the
 * right length in there, or no text. ERR_LIMIT: the text is too long, or as a
 * number not smaller than the key. 0.2 ms. */
enum err seal_text(enum seal how, struct bytes to_key, struct bytes text,
		   struct buf *out) MUST_USE;
/* Decrypts with our key; *text lies in the arena, which needs 256 bytes free
 * (else ERR_LIMIT). ERR_AUTH: not for us, or tampered with; which of the two
 * is not told. RAW cannot tell: what is not for us comes out as junk, and a
 * text of zeros as nothing. 0.4 ms: bound how often strangers may ask. */
enum err seal_open(const struct keys *k, enum seal how, struct bytes sealed,
		   struct arena *a, struct bytes *text) MUST_USE;

/* Shown to people, computed when shown. 1.3 ms for the safety number: 60
 * digits in 12 groups, the same for both. */
void seal_peer_id(char out[static 33], const struct pubkey *k);
void seal_safety_number(char out[static 72], const struct pubkey *a,
			const struct pubkey *b);
#endif
