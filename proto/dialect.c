#include "proto/dialect.h"
#include <string.h>

const struct dialect *dialect_named(const char *name)
{
	static const struct dialect *const all[] = {
	    &dialect_sotto,  &dialect_json,     &dialect_mesh, &dialect_center,
	    &dialect_binary, &dialect_binary16, &dialect_nul,
	};

	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		if (!strcmp(all[i]->name, name))
			return seal_built(all[i]->seal) ? all[i] : NULL;
	return NULL;
}

static bool seals(const struct dialect *d)
{
	return d->seal == SEAL_OAEP || d->seal == SEAL_RAW;
}

static enum err check_size(const struct dialect *d, const struct packet *p)
{
	struct buf out = {0};
	enum err err = d->encode(p, &out);

	if (!err && out.n > d->send_max)
		err = ERR_LIMIT;
	buf_free(&out);
	return err;
}

enum err dialect_check(const struct dialect *d, const struct packet *p)
{
	enum err err =
	    d->traits & T_KEYED ? packet_check(p) : packet_check_plain(p);

	if (err)
		return err;
	if (!p->sealed && p->text.n > d->text_max)
		return ERR_LIMIT;
	if (seals(d) && !p->sealed && p->kind == PKT_MESSAGE)
		return OK;
	return check_size(d, p);
}

static enum err inside_of(const struct dialect *d, const struct packet *p,
			  struct buf *inside)
{
	if (p->sealed || !seals(d))
		return ERR_STATE;
	if (d->wrap)
		return d->wrap(p, inside);
	if (p->kind != PKT_MESSAGE)
		return ERR_STATE;
	buf_put(inside, p->text);
	return OK;
}

static bool keep(struct arena *a, struct bytes s, struct bytes *kept)
{
	uint8_t *p = arena_get(a, s.n);

	if (!p)
		return false;
	memcpy(p, s.p, s.n);
	*kept = (struct bytes){p, s.n};
	return true;
}

enum err dialect_seal(const struct dialect *d, struct bytes to_key,
		      const struct packet *p, struct arena *a,
		      struct packet *out)
{
	struct buf inside = {0}, sealed = {0};
	struct bytes text = {0};
	enum err err = inside_of(d, p, &inside);

	if (!err)
		err = seal_text(d->seal, to_key,
				(struct bytes){inside.p, inside.n}, &sealed);
	if (!err && !keep(a, (struct bytes){sealed.p, sealed.n}, &text))
		err = ERR_LIMIT;
	buf_free(&inside);
	buf_free(&sealed);
	if (err)
		return err;
	*out = *p;
	out->sealed = true;
	out->text = text;
	return OK;
}

enum err dialect_open(const struct dialect *d, const struct keys *k,
		      struct arena *a, struct packet *p)
{
	struct packet opened = *p;

	if (!p->sealed)
		return OK;

	enum err err = seal_open(k, d->seal, p->text, a, &opened.text);

	if (err)
		return err;
	opened.sealed = false;
	if (d->unwrap)
		err = d->unwrap(opened.text, &opened);
	if (!err)
		err = packet_check_plain(&opened);
	if (!err)
		*p = opened;
	return err;
}
