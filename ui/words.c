#include "ui/words.h"
#include "src/clock.h"
#include <langinfo.h>
#include <libintl.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DOMAIN "sotto"

const char *words_of(const char *english)
{
	return *english ? dgettext(DOMAIN, english) : english;
}

const char *words_count(const char *one, const char *many, unsigned long n)
{
	return dngettext(DOMAIN, one, many, n);
}

/* The translations stand beside the program: in `locale` where it was built,
 * in ../share/locale where it was installed. */
static void find_them(void)
{
	static const char *const beside[] = {"locale", "../share/locale"};
	char exe[900], path[1024];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

	if (n <= 0)
		return;
	exe[n] = '\0';
	*strrchr(exe, '/') = '\0';
	for (size_t i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s/%s", exe, beside[i]);
		if (access(path, F_OK) == 0) {
			bindtextdomain(DOMAIN, path);
			return;
		}
	}
}

/* As the C library looks for it. */
static const char *wanted(void)
{
	static const char *const names[] = {"LC_ALL", "LC_MESSAGES", "LANG"};

	for (size_t i = 0; i < 3; i++) {
		const char *s = getenv(names[i]);
		if (s && *s)
			return s;
	}
	return "C";
}

/* A locale that is always there, and not "C", which has no language. */
static void speak(const char *code, bool above)
{
	if (setlocale(LC_MESSAGES, "C.UTF-8"))
		setenv("LANGUAGE", code, above);
	textdomain(DOMAIN); /* forget what was found in another language */
}

void words_language(const char *code)
{
	speak(code, true);
}

void words_start(void)
{
	setlocale(LC_CTYPE, "");
	find_them();
	bind_textdomain_codeset(DOMAIN, "UTF-8");
	if (setlocale(LC_MESSAGES, ""))
		return;
	const char *s = wanted();
	if (strcasestr(s, "utf-8") || strcasestr(s, "utf8")) {
		char code[32];
		snprintf(code, sizeof(code), "%.*s", (int)strcspn(s, ".@"), s);
		if (strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
			setlocale(LC_CTYPE, "C.UTF-8");
		speak(code, false);
	}
}

void words_day(char out[static 96], int64_t unix_ms, bool weekday)
{
	static const char *const days[] = {
	    N_("Sunday"),   N_("Monday"), N_("Tuesday"), N_("Wednesday"),
	    N_("Thursday"), N_("Friday"), N_("Saturday")};
	static const char *const months[] = {
	    N_("January"),   N_("February"), N_("March"),    N_("April"),
	    N_("May"),       N_("June"),     N_("July"),     N_("August"),
	    N_("September"), N_("October"),  N_("November"), N_("December")};
	struct clock_date d = clock_date(unix_ms);

	if (weekday)
		/* weekday, day, month, year */
		snprintf(out, 96, _("%s %d %s %d"), _(days[d.weekday]), d.day,
			 _(months[d.month]), d.year);
	else
		/* day, month, year */
		snprintf(out, 96, _("%d %s %d"), d.day, _(months[d.month]),
			 d.year);
}
