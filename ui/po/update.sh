#!/bin/sh
# ui/po/update.sh: brings the translations up to date with the sources.
# New words are added without a translation, those that nobody says any more
# are taken out. Then fill in what is "" in pt.po and hu.po; tests/words.sh
# says what is missing. No line numbers are kept, so that a difference is what
# was really changed. Needs gettext.
#
# ui/po/update.sh --list FILE: only writes all words there are into FILE.
set -eu
cd "$(dirname "$0")/../.."

words() {
	xgettext --language=C --from-code=UTF-8 --add-location=file \
		--package-name=sotto --copyright-holder= \
		--keyword --keyword=_ --keyword=N_ --keyword=words_count:1,2 \
		--flag=_:1:pass-c-format --flag=N_:1:pass-c-format \
		--flag=words_count:1:pass-c-format \
		--flag=words_count:2:pass-c-format \
		--flag=buf_printf:2:c-format --flag=tui_say:3:c-format \
		--flag=plain_say:2:c-format --flag=shell_say:1:c-format \
		-o - ui/*.c | sed '/^"POT-Creation-Date:/d; /^"Plural-Forms:/d; s/charset=CHARSET/charset=UTF-8/'
}

if [ "${1-}" = --list ]; then
	words >"$2"
	exit
fi
new=$(mktemp)
trap 'rm -f "$new"' EXIT
words >"$new"
for po in ui/po/*.po; do
	msgmerge --quiet --no-fuzzy-matching --add-location=file -o - \
		"$po" "$new" | msgattrib --no-obsolete - |
		sed '/^"POT-Creation-Date:/d' >"$po.new"
	mv "$po.new" "$po"
	msgfmt --statistics -o /dev/null "$po" 2>&1 | sed "s|^|$po: |"
done
