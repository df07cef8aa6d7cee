#!/bin/sh
# The formatter decides, nobody argues.
set -eu
cd "${1:-.}"
find proto src ui tests -name '*.[ch]' -exec \
	clang-format-14 --dry-run -Werror {} +
