#include "ui/version.h"
#include "proto/seal.h"
#include <curses.h>
#include <json-c/json.h>
#include <sodium.h>
#include <sqlite3.h>
#include <stdio.h>
#include <utf8proc.h>

void version_print(void)
{
	printf("sotto %s\n", SOTTO_VERSION);
	printf("%s, json-c %s, libsodium %s,\n", curses_version(),
	       json_c_version(), sodium_version_string());
	printf("SQLite %s, utf8proc %s, inih\n", sqlite3_libversion(),
	       utf8proc_version());
	if (!seal_built(SEAL_OAEP))
		printf("Built without RSA: dialects binary, binary16 and nul "
		       "are left out.\n");
#ifdef SOTTO_PAGE
	printf("Built with the page in the browser (sotto web).\n");
#else
	printf("Built without the page in the browser, for want of "
	       "libmicrohttpd.\n");
#endif
	printf("Not in this version: message center,\n"
	       "dialects other than sotto, files, groups.\n"
	       "ISC licence, see LICENSE.\n");
}
