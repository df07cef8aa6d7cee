#!/bin/sh
# Every header compiles alone, and every source compiles without a word, with
# gcc and with clang.
set -eu
cd "${1:-.}"
flags="-std=c11 -D_GNU_SOURCE -DSOTTO_VERSION=\"0\" -I. -O1 -fsyntax-only
-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion
-Wstrict-prototypes -Wmissing-prototypes -Wvla -Wformat=2 -Wundef -Wcast-qual
-Wwrite-strings -Wpointer-arith -Wswitch-enum -Werror"
libs=$(pkg-config --cflags ncursesw json-c libsodium sqlite3 libutf8proc inih \
	libcrypto)
bad=0
for cc in gcc clang-14; do
	if ! command -v $cc >/dev/null; then
		echo "$cc is not installed"
		exit 1
	fi
	for h in proto/*.h src/*.h ui/*.h; do
		# twice: it must guard itself
		printf '#include "%s"\n#include "%s"\nstruct any;\n' \
			"$h" "$h" |
			$cc $flags $libs -x c - ||
			{ echo "$h alone: $cc"; bad=1; }
	done
done
for c in proto/*.c src/*.c ui/*.c; do
	clang-14 $flags $libs "$c" || { echo "$c: clang-14"; bad=1; }
done
exit $bad
