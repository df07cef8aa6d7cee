/* noise.c against published vectors: those beside this file (from cacophony,
 * public domain), every *.json of the folder SOTTO_VECTORS in the environment,
 * and those that come with flynn/noise where it is installed. */
#include "proto/noise.h"
#include <glob.h>
#include <json-c/json.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define SUFFIX "_25519_ChaChaPoly_BLAKE2b"

static struct buf unhex(const char *s)
{
	struct buf b = {0};

	for (; s && s[0] && s[1]; s += 2) {
		char two[3] = {s[0], s[1], 0};
		uint8_t v = (uint8_t)strtoul(two, NULL, 16);

		buf_put(&b, (struct bytes){&v, 1});
	}
	return b;
}

static const char *field(struct json_object *o, const char *side,
			 const char *name)
{
	char key[64];
	struct json_object *v;

	snprintf(key, sizeof key, "%s_%s", side, name);
	return json_object_object_get_ex(o, key, &v) ? json_object_get_string(v)
						     : NULL;
}

static bool key_of(struct json_object *o, const char *side, const char *name,
		   uint8_t out[static 32])
{
	struct buf b = unhex(field(o, side, name));
	bool ok = b.n == 32;

	if (ok)
		memcpy(out, b.p, 32);
	buf_free(&b);
	return ok;
}

/* False: a pattern that is not in the table. */
static bool begin(struct noise *n, struct json_object *o, const char *protocol,
		  bool initiator)
{
	const char *side = initiator ? "init" : "resp";
	struct noise_start s = {.protocol = protocol, .initiator = initiator};
	struct buf prologue = unhex(field(o, side, "prologue"));
	uint8_t key[32], rs[32], psk[NOISE_PSKS][32];
	struct json_object *psks;
	char name[16];
	enum err err;

	s.prologue = (struct bytes){prologue.p, prologue.n};
	if (key_of(o, side, "static", key))
		noise_pair_of(&s.s, key);
	if (key_of(o, side, "ephemeral", key))
		noise_pair_of(&s.e, key);
	if (key_of(o, side, "remote_static", rs))
		s.rs = rs;
	snprintf(name, sizeof name, "%s_psks", side);
	if (json_object_object_get_ex(o, name, &psks)) {
		for (size_t i = 0; i < json_object_array_length(psks); i++) {
			struct buf b = unhex(json_object_get_string(
			    json_object_array_get_idx(psks, i)));

			assert_int_equal(b.n, 32);
			memcpy(psk[s.n_psks++], b.p, 32);
			buf_free(&b);
		}
		s.psk = (const uint8_t(*)[NOISE_KEY])psk;
	}
	err = noise_begin(n, &s);
	buf_free(&prologue);
	return err == OK;
}

static void assert_bytes(struct buf *got, struct buf *want, const char *what)
{
	if (got->n != want->n || (want->n && memcmp(got->p, want->p, want->n)))
		fail_msg("%s", what);
}

/* One message of a vector, from `a` to `b`, before or after the split. */
static void message(struct noise *a, struct noise *b, struct noise_cipher *send,
		    struct noise_cipher *receive, struct json_object *m,
		    const char *what)
{
	struct json_object *v;
	struct buf payload, want, out = {0}, back = {0};

	json_object_object_get_ex(m, "payload", &v);
	payload = unhex(json_object_get_string(v));
	json_object_object_get_ex(m, "ciphertext", &v);
	want = unhex(json_object_get_string(v));
	struct bytes in = {payload.p, payload.n};

	if (!a->done) {
		assert_int_equal(noise_write(a, in, &out), OK);
		assert_bytes(&out, &want, what);
		assert_int_equal(
		    noise_read(b, (struct bytes){out.p, out.n}, &back), OK);
	} else {
		out.p = xmalloc(in.n + NOISE_TAG);
		out.n = in.n + NOISE_TAG;
		back.p = xmalloc(in.n);
		back.n = in.n;
		assert_int_equal(
		    noise_encrypt(send, (struct bytes){0}, in, out.p), OK);
		assert_bytes(&out, &want, what);
		assert_int_equal(noise_decrypt(receive, (struct bytes){0},
					       (struct bytes){out.p, out.n},
					       back.p),
				 OK);
	}
	assert_bytes(&back, &payload, what);
	buf_free(&payload);
	buf_free(&want);
	buf_free(&out);
	buf_free(&back);
}

/* The transport goes on alternating, but flynn's vectors begin it anew with
 * the initiator. One-way patterns have one direction. */
static bool vector(struct json_object *o, const char *protocol, bool restart)
{
	struct noise n[2];
	struct noise_cipher send[2], receive[2];
	struct json_object *messages, *h;
	bool one_way = strspn(protocol + 6, "NKX") == 1;
	unsigned turn = 0, split = 0;

	for (unsigned i = 0; i < 2; i++)
		if (!begin(&n[i], o, protocol, i == 0))
			return false;
	json_object_object_get_ex(o, "messages", &messages);
	for (size_t i = 0; i < json_object_array_length(messages); i++) {
		unsigned from = one_way && !restart ? 0 : turn % 2;

		message(&n[from], &n[1 - from], &send[from], &receive[1 - from],
			json_object_array_get_idx(messages, i), protocol);
		turn++;
		if (!n[0].done || split++)
			continue;
		for (int k = 0; k < 2; k++)
			noise_split(&n[k], &send[k], &receive[k]);
		assert_memory_equal(n[0].h, n[1].h, NOISE_HASH);
		if (restart)
			turn = 0;
	}
	if (json_object_object_get_ex(o, "handshake_hash", &h)) {
		struct buf want = unhex(json_object_get_string(h));

		assert_memory_equal(n[0].h, want.p, want.n);
		buf_free(&want);
	}
	return true;
}

/* How many of a file passed. */
static unsigned file(const char *path)
{
	struct json_object *root = json_object_from_file(path), *all;
	unsigned passed = 0, skipped = 0;

	if (!root || !json_object_object_get_ex(root, "vectors", &all))
		fail_msg("%s: no vectors in it", path);
	for (size_t i = 0; i < json_object_array_length(all); i++) {
		struct json_object *o = json_object_array_get_idx(all, i), *v;
		const char *from = "";

		if (json_object_object_get_ex(o, "_source", &v))
			from = json_object_get_string(v);
		json_object_object_get_ex(o, "protocol_name", &v);
		if (vector(o, json_object_get_string(v),
			   strstr(from, "flynn") != NULL))
			passed++;
		else
			skipped++;
	}
	printf("%s: %u passed, %u of patterns we do not have\n",
	       strrchr(path, '/') + 1, passed, skipped);
	json_object_put(root);
	return passed;
}

static void noise__agrees__with_published_vectors(void **state)
{
	(void)state;
	assert_true(file(TESTS_DIR "/proto/vectors/noise-cacophony.json") >=
		    20);
}

/* Whoever names a folder wants something of it tried. */
static void noise__agrees__with_a_folder_of_vectors(void **state)
{
	const char *folder = getenv("SOTTO_VECTORS");
	unsigned passed = 0;
	char pattern[512];
	glob_t found;

	(void)state;
	if (!folder || !*folder)
		skip();
	assert_in_range(snprintf(pattern, sizeof pattern, "%s/*.json", folder),
			1, sizeof pattern - 1);
	if (glob(pattern, 0, NULL, &found))
		fail_msg("%s: nothing there", pattern);
	for (size_t i = 0; i < found.gl_pathc; i++)
		passed += file(found.gl_pathv[i]);
	globfree(&found);
	assert_true(passed > 0);
}

/* flynn's own file: key=value lines, a blank line ends a vector. */
struct flynn {
	char protocol[64];
	struct json_object *o, *messages;
	unsigned passed;
};

static void flynn_end(struct flynn *f)
{
	if (f->protocol[0] && strstr(f->protocol, SUFFIX)) {
		json_object_object_add(f->o, "messages",
				       json_object_get(f->messages));
		f->passed += vector(f->o, f->protocol, true);
	}
	json_object_put(f->o);
	json_object_put(f->messages);
	f->o = json_object_new_object();
	f->messages = json_object_new_array();
	f->protocol[0] = 0;
}

static void flynn_public(struct flynn *f, const char *side, const char *hex)
{
	struct buf secret = unhex(hex);
	struct noise_pair p;
	char text[65];

	noise_pair_of(&p, secret.p);
	for (int i = 0; i < 32; i++)
		snprintf(text + 2 * i, 3, "%02x", p.public[i]);
	json_object_object_add(
	    f->o, *side == 'i' ? "resp_remote_static" : "init_remote_static",
	    json_object_new_string(text));
	buf_free(&secret);
}

static void flynn_field(struct flynn *f, const char *key, const char *value)
{
	struct json_object *v = json_object_new_string(value), *m;
	char name[64];
	size_t i;

	if (sscanf(key, "msg_%zu_", &i) == 1) {
		m = json_object_array_get_idx(f->messages, i);
		if (!m) {
			m = json_object_new_object();
			json_object_array_put_idx(f->messages, i, m);
		}
		json_object_object_add(m, strrchr(key, '_') + 1, v);
		return;
	}
	if (!strcmp(key, "prologue") || !strcmp(key, "preshared_key")) {
		for (int k = 0; k < 2; k++) {
			struct json_object *a = json_object_get(v);

			snprintf(
			    name, sizeof name, "%s_%s", k ? "resp" : "init",
			    *key == 'p' && key[2] == 'o' ? "prologue" : "psks");
			if (strstr(name, "psks")) { /* a list of one */
				struct json_object *one = a;

				a = json_object_new_array();
				json_object_array_add(a, one);
			}
			json_object_object_add(f->o, name, a);
		}
		json_object_put(v);
		return;
	}
	if (!strncmp(key, "gen_", 4))
		key += 4;
	json_object_object_add(f->o, key, v);
	if (strstr(key, "_static"))
		flynn_public(f, key, value);
}

static void noise__agrees__with_flynn(void **state)
{
	const char *path = "/usr/share/gocode/src/github.com/flynn/noise/"
			   "vectors.txt";
	struct flynn f = {.o = json_object_new_object(),
			  .messages = json_object_new_array()};
	FILE *in = fopen(path, "r");
	char line[8192];

	(void)state;
	if (!in)
		skip();
	while (fgets(line, sizeof line, in)) {
		char *eq = strchr(line, '=');

		line[strcspn(line, "\n")] = 0;
		if (!eq) {
			flynn_end(&f);
			continue;
		}
		*eq = 0;
		if (!strcmp(line, "handshake"))
			snprintf(f.protocol, sizeof f.protocol, "%s", eq + 1);
		else
			flynn_field(&f, line, eq + 1);
	}
	flynn_end(&f);
	fclose(in);
	json_object_put(f.o);
	json_object_put(f.messages);
	printf("vectors.txt of flynn/noise: %u passed\n", f.passed);
	assert_true(f.passed >= 50);
}

static void noise__refuses__a_protocol_it_has_not(void **state)
{
	struct noise n;
	struct noise_start s = {.protocol = "Noise_XX_448_AESGCM_SHA256"};

	(void)state;
	assert_int_equal(noise_begin(&n, &s), ERR_STATE);
	s.protocol = "Noise_XXpsk9" SUFFIX;
	assert_int_equal(noise_begin(&n, &s), ERR_STATE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(noise__agrees__with_published_vectors),
	    cmocka_unit_test(noise__agrees__with_a_folder_of_vectors),
	    cmocka_unit_test(noise__agrees__with_flynn),
	    cmocka_unit_test(noise__refuses__a_protocol_it_has_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
