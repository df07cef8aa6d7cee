#!/usr/bin/env python3
"""The words of the line protocol in man/sotto.1 are those of src/lines_read.c
and src/lines_client.c: commands, events, codes with their exit statuses. And every command of the page
is understood by the program. The tables of options and keys are compared by
tests/ui/test_man.c."""
import json
import os
import re
import subprocess
import sys
import tempfile

SOTTO = os.environ["SOTTO"]
ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as f:
        return f.read()


def section(page, name):
    body = page.split("\n.Ss %s\n" % name, 1)[1]
    return re.split(r"\n\.S[sh] ", body)[0]


def items(text):
    """The words of the outermost list's .It Cm lines."""
    words = set()
    for line in re.findall(r"^\.It Cm (.*)$", text, re.M):
        words |= set(line.replace(",", " ").split())
    return words


def same(what, page, source):
    if page != source:
        sys.exit("%s: only in the page %s, only in the program %s" %
                 (what, sorted(page - source), sorted(source - page)))
    if len(page) < 5:
        sys.exit("%s: the source is not read any more" % what)


def page_codes(text):
    """'.Cm a , b' lines followed by a line with the exit status."""
    codes, words = {}, []
    text = text[text.index("Codes of a failed result"):]
    for line in text.splitlines():
        if line.startswith(".Cm "):
            words += line[4:].replace(",", " ").split()
        elif re.match(r"\d+[;.]$", line):
            codes.update({w: int(line[:-1]) for w in words})
            words = []
    return codes


def understood(commands):
    """None of them is called unknown; a word that is none is."""
    home = tempfile.mkdtemp(prefix="sotto-man-")
    asked = sorted(commands - {"quit"}) + ["frobnicate"]
    lines = "".join(json.dumps({"cmd": c, "ref": c}) + "\n" for c in asked)
    out = subprocess.run(
        [SOTTO, "--headless", "--home", home, "--port", "0"],
        input=lines.encode(), capture_output=True, timeout=60).stdout
    subprocess.run(["rm", "-rf", home], check=True)
    errors = {}
    for line in out.splitlines():
        event = json.loads(line)
        if event["event"] == "result":
            errors[event["ref"]] = event.get("error") or ""
    if set(errors) != set(asked):
        sys.exit("without a result: %s" % (set(asked) - set(errors)))
    unknown = errors["frobnicate"]
    bad = [c for c in asked[:-1]
           if errors[c].replace(c, "frobnicate") == unknown]
    if bad or not unknown:
        sys.exit("not understood: %s (%r)" % (bad, unknown))


def main():
    page = read("man/sotto.1")
    source = "".join(read(f"src/lines_{part}.c") for part in ("read", "client"))
    commands = items(section(page, "Commands"))
    same("commands", commands,
         set(re.findall(r'\{"(\w+)",\s*CMD_\w+\}', source)))
    events = section(page, "Events")
    same("events", items(events),
         set(re.findall(r'\{"(\w+)",\s*EV_\w+\}', source)))
    codes = {word: int(status) for word, status in re.findall(
        r'\[CODE_\w+\] = \{"(\w+)", (\d+)\}', source) if word != "ok"}
    same("codes", set(page_codes(events).items()), set(codes.items()))
    understood(commands)


main()
