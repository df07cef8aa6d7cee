#include "ui/version.h"
#include "proto/seal.h"
#include "ui/words.h"
#include <curses.h>
#include <json-c/json.h>
#include <sodium.h>
#include <sqlite3.h>
#include <stdio.h>
#include <utf8proc.h>

void version_libraries(char out[static 256])
{
	snprintf(out, 256,
		 "%s, json-c %s, libsodium %s, SQLite %s, utf8proc %s, inih",
		 curses_version(), json_c_version(), sodium_version_string(),
		 sqlite3_libversion(), utf8proc_version());
}

const char *version_without(size_t i)
{
	const char *names[4] = {NULL};
	size_t n = 0;

	if (!seal_built(SEAL_OAEP))
		names[n++] = N_("RSA: no dialects binary, binary16 and nul");
#ifndef SOTTO_PAGE
	names[n++] = N_("libmicrohttpd: no page in the browser");
#elif !defined SOTTO_QR
	names[n++] = N_("libqrencode: links to the page are text only");
#endif
	return i < n ? names[i] : NULL;
}

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
