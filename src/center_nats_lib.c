#include "src/center_nats_lib.h"
#include <dlfcn.h>
#include <string.h>

#define TEXT_OF(x) #x
#define TEXT_OF_VALUE(x) TEXT_OF(x)
#define SHARED_VERSION                                                         \
	TEXT_OF_VALUE(NATS_VERSION_MAJOR)                                      \
	"." TEXT_OF_VALUE(NATS_VERSION_MINOR)

static bool find(void *from, const char *name, void *function)
{
	void *p = dlsym(from, name);

	memcpy(function, &p, sizeof p);
	return p != NULL;
}

/* It stays loaded: threads of its own may run in it to the end. */
bool nats_lib_load(struct nats_lib *l)
{
	void *from = dlopen("libnats.so." SHARED_VERSION, RTLD_LAZY);
	bool good = from != NULL;

#define X(name) good = good && find(from, #name, &l->name);
	NATS_FUNCTIONS
#undef X
	return good;
}
