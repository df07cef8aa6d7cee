#ifndef SOTTO_UI_WEB_FILE_H
#define SOTTO_UI_WEB_FILE_H
#include <stddef.h>
/* The files of the page, in the program: made of ui/page/ by the build. */
struct web_file {
	const char *path, *type; /* NULL path ends the table */
	const unsigned char *p;
	size_t n;
};
extern const struct web_file web_files[];
#endif
