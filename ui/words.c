#include "ui/words.h"
#include <libintl.h>
#include <locale.h>

#define DOMAIN "sotto"

const char *words(const char *english)
{
	return *english ? dgettext(DOMAIN, english) : english;
}

void words_start(void)
{
	setlocale(LC_CTYPE, "");
	setlocale(LC_MESSAGES, "");
	bind_textdomain_codeset(DOMAIN, "UTF-8");
}
