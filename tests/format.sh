#!/bin/sh
# The formatter decides, nobody argues. Prints the files it would change.
set -eu
cd "${1:-.}"
bad=0
for f in proto/*.[ch] src/*.[ch] ui/*.[ch] tests/*/*.[ch]; do
	clang-format-14 --dry-run -Werror "$f" 2>/dev/null ||
		{ echo "clang-format-14 -i $f"; bad=1; }
done
exit $bad
