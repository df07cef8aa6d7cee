/* letter write | letter read: a letter from standard input to standard output,
 * between people whose keys the other end (dissononce_letter.py) knows, too:
 * the sender's seed is 00 01 .. 1f, the recipient's 20 .. 3f, the prekey's
 * secret 40 .. 5f, its number 5. */
#include "proto/letter.h"
#include <stdio.h>
#include <string.h>

static void fill(uint8_t out[static 32], int from)
{
	for (int i = 0; i < 32; i++)
		out[i] = (uint8_t)(from + i);
}

int main(int argc, char **argv)
{
	struct prekey prekey = {.id = 5, .not_after = UINT64_MAX};
	struct buf in = {0}, out = {0};
	uint8_t b[4096], seed[32], bundle[BUNDLE];
	struct pubkey from;
	struct bundle to;
	enum err err;
	size_t n;

	while ((n = fread(b, 1, sizeof b, stdin)) > 0)
		buf_put(&in, (struct bytes){b, n});
	fill(seed, 0);
	struct keys *ana = keys_new(seed);
	fill(seed, 32);
	struct keys *bob = keys_new(seed);
	fill(seed, 64);
	noise_pair_of(&prekey.pair, seed);
	bundle_make(bundle, bob, &prekey);
	err = bundle_read((struct bytes){bundle, BUNDLE}, &bob->public, 0, &to);
	fill(seed, 96);
	struct bytes text = {in.p, in.n};
	if (!err && argc == 2 && strcmp(argv[1], "write") == 0)
		err = letter_seal(ana, &to, seed, text, &out);
	else if (!err)
		err = letter_open(bob, &prekey, text, &from, &out);
	if (!err && argc == 2 && strcmp(argv[1], "read") == 0 &&
	    memcmp(&from, &ana->public, sizeof from) != 0)
		err = ERR_AUTH;
	fwrite(out.p, 1, out.n, stdout);
	if (err)
		fprintf(stderr, "letter: %s\n", err_text(err));
	keys_free(ana);
	keys_free(bob);
	buf_free(&in);
	buf_free(&out);
	return err ? 1 : 0;
}
