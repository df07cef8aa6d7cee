#include "ui/doctor.h"
#include "ui/tui_impl.h"

/* /doctor: the lines of `sotto doctor`, looked for now. */
void tui_doctor(struct tui *t)
{
	struct doctor *d = doctor_open(t->cfg, DOCTOR_SCREEN);
	struct buf *b = &t->over_text;
	const struct finding *f;

	b->n = 0;
	while ((f = doctor_next(d))) {
		text_pad(b, text_of(doctor_word(f->level)), 9);
		buf_printf(b, "%-10s %s\n", f->what, f->text);
		if (f->todo)
			buf_printf(b, "         %s\n", f->todo);
	}
	doctor_close(d);
	b->n -= b->n > 0;
	tui_over(t, OVER_TEXT, _("What works here, and what does not"));
}
