/* sotto doctor: the findings, as lines for people or for programs. */
#include "src/lines_json.h"
#include "ui/doctor.h"
#include "ui/shell.h"
#include "ui/text.h"
#include "ui/words.h"
#include <unistd.h>

enum { EXIT_PROBLEM = 1, EXIT_USAGE = 2 };

static void say_json(const struct finding *f)
{
	static const char *const level[] = {[FOUND_OK] = "ok",
					    [FOUND_NOTE] = "note",
					    [FOUND_PROBLEM] = "problem"};
	struct buf b = {0};

	json_open(&b, NULL);
	json_number(&b, "v", 1);
	json_string(&b, "check", f->what);
	json_string(&b, "level", level[f->level]);
	json_string(&b, "text", f->text);
	json_string(&b, "do", f->todo);
	json_close(&b);
	shell_line((struct bytes){b.p, b.n});
	buf_free(&b);
}

static void say_text(const struct finding *f)
{
	struct buf b = {0};

	text_pad(&b, text_of(doctor_word(f->level)), 8);
	shell_say("%.*s %-10s %s", (int)b.n, (const char *)b.p, f->what,
		  f->text);
	buf_free(&b);
	if (f->todo)
		shell_say("%-8s %-10s %s", "", "", f->todo);
}

static void say_sum(unsigned problems)
{
	if (problems)
		shell_say(_("%u PROBLEM"), problems);
	else
		shell_say("%s", _("no PROBLEM: sotto can work here"));
}

int shell_doctor(const struct config *cfg, struct words *w)
{
	bool text = cfg->output == SW_OFF ||
		    (cfg->output == SW_AUTO && isatty(STDOUT_FILENO));
	const struct finding *f;
	unsigned problems = 0;

	if (!words_end(w, 0))
		return EXIT_USAGE;
	if (cfg->ephemeral)
		return shell_fail(EXIT_USAGE,
				  "doctor looks at an identity that stays; "
				  "--ephemeral has none");

	struct doctor *d = doctor_open(cfg, DOCTOR_COMMAND);
	while ((f = doctor_next(d))) {
		problems += f->level == FOUND_PROBLEM;
		if (text)
			say_text(f);
		else
			say_json(f);
		if (!shell_flush())
			break;
	}
	doctor_close(d);
	if (text)
		say_sum(problems);
	return problems || !shell_flush() ? EXIT_PROBLEM : 0;
}
