#!/usr/bin/env python3
"""--screen and --keys: the screen as text, without a terminal."""
import os
import shutil
import subprocess
import sys
import tempfile

SOTTO = os.environ["SOTTO"]
ROOT = tempfile.mkdtemp(prefix="sotto-picture-")
CLEAN = {k: v for k, v in os.environ.items()
         if not k.startswith(("SOTTO_", "XDG_", "LC_", "LANG"))}
CLEAN.update(HOME=ROOT, LANG="C.UTF-8", TERM="dumb")


def picture(size, keys, *more, want=0):
    path = os.path.join(ROOT, "keys")
    with open(path, "w", encoding="utf-8") as f:
        f.write(keys)
    done = subprocess.run(
        [SOTTO, "--home", os.path.join(ROOT, "ana"), "--nick", "ana",
         "--port", "0", "--no-discover", "--screen", size, "--keys", path,
         *more], capture_output=True, env=CLEAN, timeout=60,
        stdin=subprocess.DEVNULL)
    if done.returncode != want:
        sys.exit("%r: exit status %d: %s" % (keys, done.returncode,
                                             done.stderr.decode()))
    return done.stdout.decode().split("\n"), done.stderr.decode()


def check(what, got):
    if not got:
        sys.exit("not so: " + what)


def main():
    rows, _ = picture("80x24", 'wait "Welcome"\n')
    check("24 rows and the end of the last", len(rows) == 25)
    check("the name in the header", rows[0].startswith(" sotto  ana~"))
    check("a prompt", any(r.startswith(" >") for r in rows))
    check("no escape sequences", not any("\x1b" in r for r in rows))

    rows, _ = picture("80x24", '# a remark\n: "pee" Tab wait "/peers"\n'
                      'Ctrl-C "F\u00f3x \\"" wait "F\u00f3x" # more\n')
    check("typed and completed", any("F\u00f3x \"" in r for r in rows))

    rows, _ = picture("80x24", 'wait "Welcome" show size 40x12 F1 '
                      'wait "Everywhere"')
    check("two pictures of their sizes", len(rows) == 24 + 12 + 1)
    check("help on the second", any("Everywhere" in r for r in rows[24:]))
    check("bounded by its width", all(len(r) <= 40 for r in rows[24:]))

    rows, err = picture("20x5", 'gone "no such words"')
    check("five rows", len(rows) == 6)
    rows, _ = picture("1x1", "q")
    check("one row", len(rows) == 2 and len(rows[0]) <= 1)

    _, err = picture("80x24", 'a\n\n"b" NoKey', want=2)
    check("file and line", "keys:3: no such key: NoKey" in err)
    _, err = picture("80x24", '"never ends', want=2)
    check("a missing mark", "keys:1: a quotation mark" in err)
    _, err = picture("80x24", "size 4", want=2)
    check("a size", "COLUMNSxROWS" in err)
    _, err = picture("80xx", "", want=2)
    check("the option, too", "COLUMNSxROWS" in err)
    _, err = picture("80x24", 'wait "Welcome" wait "what never comes"', want=3)
    check("in vain", "in vain: what never comes" in err)
    shutil.rmtree(ROOT)


main()
