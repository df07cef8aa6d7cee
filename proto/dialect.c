#include "proto/dialect.h"
#include <string.h>

const struct dialect *dialect_named(const char *name)
{
	static const struct dialect *const all[] = {&dialect_sotto};

	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		if (!strcmp(all[i]->name, name))
			return all[i];
	return NULL;
}

enum err dialect_check(const struct dialect *d, const struct packet *p)
{
	struct buf out = {0};
	enum err err =
	    d->traits & T_KEYED ? packet_check(p) : packet_check_plain(p);

	if (!err && p->text.n > d->text_max)
		err = ERR_LIMIT;
	if (!err)
		err = d->encode(p, &out);
	if (!err && out.n > d->send_max)
		err = ERR_LIMIT;
	buf_free(&out);
	return err;
}
