#!/bin/sh
# The translations: all there, none guessed, fit for printf and for the rows
# they stand in; and what the engine says is known to them. Prints what is
# wrong. 77: gettext is not here.
set -eu
cd "${1:-.}"
if ! command -v xgettext >/dev/null; then
	echo "gettext is not installed"
	exit 77
fi
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
tab=$(printf '\t')
bad=0
no() {
	echo "$*"
	bad=1
}

# English and its translation, a tab between them, a row each.
pairs() {
	msgcat --no-wrap --to-code=UTF-8 "$1" | awk '
	/^msgid "/ { id = substr($0, 8, length($0) - 8); in_id = 1 }
	/^msgstr(\[0\])? "/ {
		sub(/^msgstr(\[0\])? "/, ""); in_id = 0; got = 1
		text = substr($0, 1, length($0) - 1)
	}
	/^"/ {
		part = substr($0, 2, length($0) - 2)
		if (in_id) id = id part; else text = text part
	}
	/^$/ { if (got && id != "") print id "\t" text; got = 0 }
	END { if (got && id != "") print id "\t" text }'
}

ids() {
	pairs "$1" | cut -f 1
}

cols() {
	printf %s "$1" | LC_ALL=C.UTF-8 wc -m
}

# ---- every word, in every language ----

ui/po/update.sh --list "$dir/all.pot"
ids "$dir/all.pot" | sort -u >"$dir/all"
[ "$(wc -l <"$dir/all")" -gt 300 ] || no "xgettext finds too little"
for po in ui/po/*.po; do
	msgfmt --check -o /dev/null "$po" || bad=1
	if grep -q '^#, .*fuzzy' "$po"; then
		no "$po: something is fuzzy: look at it, then take the mark off"
	fi
	pairs "$po" | grep "$tab." | cut -f 1 | sort -u >"$dir/done"
	comm -23 "$dir/all" "$dir/done" >"$dir/new"
	[ ! -s "$dir/new" ] || no "$po: ui/po/update.sh, then translate" \
		"$(wc -l <"$dir/new"), as" "$(head -n 5 "$dir/new")"
	ids "$po" | sort -u >"$dir/has"
	comm -13 "$dir/all" "$dir/has" >"$dir/old"
	[ ! -s "$dir/old" ] ||
		no "$po: nobody says this any more (ui/po/update.sh):" \
			"$(cat "$dir/old")"
	if grep -q '^#:.*:[0-9]' "$po"; then
		no "$po: has line numbers"
	fi
done

# ---- hints: the key first, and short; help: a row at 80 columns ----

# As long as the English one and a half of it, and two more.
LONGEST=150
MORE=2
HELP=48
xgettext -L C --from-code=UTF-8 -k -kN_ -o "$dir/hints.pot" \
	ui/draw_hint.c ui/tui_over.c
ids "$dir/hints.pot" >"$dir/hints"
xgettext -L C --from-code=UTF-8 -k -kN_ -o "$dir/help.pot" ui/command.c
ids "$dir/help.pot" >"$dir/help"
[ "$(wc -l <"$dir/hints")" -gt 25 ] || no "no hints were found"
for po in ui/po/*.po; do
	pairs "$po" | while IFS=$tab read -r id text; do
		if grep -Fqx -e "$id" "$dir/hints"; then
			[ "${id%% *}" = "${text%% *}" ] ||
				echo "$po: '$text' begins with another key"
			[ $((($(cols "$text") - MORE) * 100)) -le \
				$(($(cols "$id") * LONGEST)) ] ||
				echo "$po: '$text' is long for '$id'"
		fi
		if grep -Fqx -e "$id" "$dir/help"; then
			[ "$(cols "$text")" -le $HELP ] ||
				echo "$po: '$text' is longer than $HELP"
		fi
	done >"$dir/long"
	[ ! -s "$dir/long" ] || no "$(cat "$dir/long")"
done

# ---- what the engine says: ui/words_said.c has it all, and no more ----

# Conversions are %s there. Rows for people's eyes have a blank in them; what
# is for dumps ends in \n or begins with a blank.
said() {
	xgettext -a -L C --from-code=UTF-8 -o "$dir/said.pot" "$@" 2>/dev/null
	ids "$dir/said.pot" 2>/dev/null | sed 's/%[.*0-9]*[hlz]*[a-z]/%s/g' | sort -u
}
said src/core*.c | grep '[^ ] [^ ]' | grep -v '\\n$\|^ ' |
	grep '[a-z][a-z]' >"$dir/core"
said src/*.c >"$dir/src"
xgettext -L C --from-code=UTF-8 -k -kN_ -o "$dir/known.pot" ui/words_said.c
ids "$dir/known.pot" | sort -u >"$dir/known"
# Not for people: the dump of who is known.
grep -v '^contact %s\|^row %s' "$dir/core" | comm -23 - "$dir/known" |
	grep -v '^%s[:= ]*%s$' >"$dir/missing" || true
[ ! -s "$dir/missing" ] ||
	no "src/ says this, and phrases of ui/words_said.c does not have it:" \
		"$(cat "$dir/missing")"
comm -13 "$dir/src" "$dir/known" >"$dir/gone"
[ ! -s "$dir/gone" ] ||
	no "nothing in src/ says this of ui/words_said.c:" "$(cat "$dir/gone")"
exit $bad
