#!/usr/bin/env python3
"""sotto completions: the scripts in the shells they are for, typed into as a
person does. zsh and fish where they are installed."""
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import time

import sotto
from sotto import Node, SOTTO, main

SHELLS = ["bash", "zsh", "fish"]
HELP = subprocess.run([SOTTO, "help", "commands"], check=True, timeout=60,
                      stdout=subprocess.PIPE).stdout.decode()
COMMANDS = re.findall(r"^  (\S+)", HELP, re.M)


def environment(root):
    """A person with sotto in the path and nothing else of ours."""
    env = {k: v for k, v in os.environ.items()
           if not k.startswith(("SOTTO", "XDG_")) and k not in ("PORT",)}
    path = os.path.join(root, "bin")
    os.makedirs(path, exist_ok=True)
    if not os.path.exists(os.path.join(path, "sotto")):
        os.symlink(SOTTO, os.path.join(path, "sotto"))
    env.update(HOME=root, TERM="dumb", LC_ALL="C.UTF-8",
               PATH=path + ":" + env["PATH"], ROOT=root)
    return env


def wait_for(path, since):
    end = time.monotonic() + sotto.PATIENCE
    while time.monotonic() < end:
        if os.path.exists(path):
            with open(path, "rb") as f:
                data = f.read()
            os.unlink(path)
            return [w.decode() for w in data.split(b"\0")[:-1]]
        time.sleep(0.01)
    raise AssertionError("no answer to %r" % since)


class Typed:
    """A shell on a terminal. `all` is the key that puts all completions into
    the line; `show` tells us its words."""

    SHOW = ("show() { printf '%s\\0' \"$@\" > \"$ROOT/.out\"; "
            "mv \"$ROOT/.out\" \"$ROOT/out\"; }\n")

    def __init__(self, root, command, start, key):
        self.out = os.path.join(root, "out")
        self.key = key
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(root)
            os.execvpe(command[0], command, environment(root))
        self.say(start + self.SHOW + "show ready\n")
        assert wait_for(self.out, "start") == ["ready"]

    def say(self, text):
        """The terminal holds 4 KiB of what is not read yet: a line each."""
        for line in text.splitlines(True):
            os.write(self.fd, line.encode())

    def complete(self, line):
        """What the last word of the line became."""
        os.write(self.fd, ("show " + line + self.key + "\n").encode())
        words = wait_for(self.out, line)
        fixed = len(line.split()) - (not line.endswith(" "))
        return words[fixed:]

    def close(self):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.fd)


class Fish:
    def __init__(self, root):
        self.root = root

    def complete(self, line):
        script = "sotto completions fish | source; complete -C $argv[1]"
        out = subprocess.run(["fish", "--no-config", "-c", script, line],
                             env=environment(self.root), cwd=self.root,
                             check=True, timeout=60, stderr=subprocess.PIPE,
                             stdout=subprocess.PIPE).stdout.decode()
        return [s.split("\t")[0] for s in out.splitlines()]

    def close(self):
        pass


def open_shell(name, root):
    if name == "bash":
        # the function stands before the command of which it is asked
        return Typed(root, ["bash", "--norc", "--noprofile", "-i"],
                     "source <(sotto completions bash)\n"
                     "shown() { COMP_WORDS=(\"${COMP_WORDS[@]:1}\"); "
                     "COMP_LINE=${COMP_LINE#show }; ((COMP_POINT -= 5)); "
                     "((COMP_CWORD -= 1)); _sotto; }\n"
                     "complete -F shown show\n"
                     "bind '\"\\C-xm\": insert-completions'\n"
                     "bind 'set completion-query-items 0'\n", "\x18m")
    if name == "zsh":
        return Typed(root, ["zsh", "-f", "-i"],
                     "autoload -U compinit; compinit -D -u\n"
                     "source <(sotto completions zsh)\n"
                     "_show() { shift words; ((CURRENT--)); _sotto; }\n"
                     "compdef _show show\n"
                     "zle -C all-matches complete-word _generic\n"
                     "bindkey '^Xm' all-matches\n"
                     "zstyle ':completion:all-matches:*' insert yes\n"
                     "zstyle ':completion:all-matches::::' completer "
                     "_all_matches _complete\n", "\x18m")
    return Fish(root)


def in_each(root, test):
    for name in SHELLS:
        if not shutil.which(name):
            continue
        shell = open_shell(name, root)
        try:
            def same(line, want):
                got = shell.complete(line)
                assert sorted(got) == sorted(want), (name, line, got, want)

            def has(line, *want):
                got = shell.complete(line)
                assert set(want) <= set(got), (name, line, got, want)
                return got
            test(name, same, has)
        finally:
            shell.close()


# ---- the tests ----

def test_commands__by_their_beginning(root):
    assert {"send", "doctor", "completions"} < set(COMMANDS), COMMANDS

    def test(name, same, has):
        same("sotto ", COMMANDS)
        for start in ("se", "d", "com"):
            same("sotto " + start,
                 [c for c in COMMANDS if c.startswith(start)])
        same("sotto --profile x un", ["unblock"])
        same("sotto completions ", ["bash", "zsh", "fish"])
        same("sotto center ", ["add", "passwd", "remove", "list", "invite"])
        same("sotto center remove --y", ["--yes"])
    in_each(root, test)


def test_options__with_their_values(root):
    def test(name, same, has):
        same("sotto --trust-", ["--trust-new"])
        same("sotto --trust-new ", ["ask", "accept", "refuse"])
        same("sotto send x --color a", ["auto", "always"])
        same("sotto send --wait ", ["ack", "sent", "none"])
        same("sotto send --rep", ["--reply-to"])
        got = has("sotto tail -", "-n", "-f", "-q")
        assert not [w for w in got if w.startswith("--wait")], got
    in_each(root, test)


def test_values__behind_an_equals_sign(root):
    def test(name, same, has):
        same("sotto --color=au", ["--color=auto"])
        same("sotto send --wait=s", ["--wait=sent"])
    in_each(root, test)


def test_files__where_files_are_meant(root):
    os.makedirs(os.path.join(root, "place"))
    open(os.path.join(root, "plain.txt"), "w").close()

    def test(name, same, has):
        got = [w.rstrip("/") for w in has("sotto --ready-file pl")]
        assert sorted(got) == ["place", "plain.txt"], (name, got)
        got = [w.rstrip("/") for w in has("sotto --home pl")]
        assert got == ["place"], (name, got)
    in_each(root, test)


def test_help__topics_and_names_of_the_configuration(root):
    def test(name, same, has):
        same("sotto help co", ["commands", "config"])
        same("sotto help config interface-", [
            "interface-port", "interface-local", "interface-folder"])
        same("sotto help commands rec", ["recv"])
    in_each(root, test)


def test_peers__as_one_types_them(root):
    """Also those whose names hold blanks and signs of a shell."""
    home = os.path.join(root, "homes", "ana")
    ana = Node(root, "ana", home=home)
    bob = Node(root, "bob b$(touch bad)", "--trust-new", "accept")
    ana.done("connect", to=bob.at)
    ana.ask("connect", to="127.0.0.1:1")
    ana.done("block", peer="127.0.0.1:1")

    def test(name, same, has):
        line = "sotto --home %s " % home
        known = ["bob b$(touch bad)", "127.0.0.1:1"]
        same(line + "send ", known)
        same(line + "tail bo", known[:1])
        same(line + "trust 127.0.0.1:", known[1:])
        same(line + "recv --from bo", known[:1])
        same("sotto send --home=%s bo" % home, known[:1])
        assert not os.path.exists(os.path.join(root, "bad"))
    in_each(root, test)
    ana.end()
    # without an engine, too
    in_each(root, lambda name, same, has: has(
        "sotto --home %s search --peer 127" % home, "127.0.0.1:1"))
    bob.end()


def test_peers__of_nobody__makes_nobody(root):
    def test(name, same, has):
        has("sotto --home %s/new send " % root)
        has("sotto send ")
        assert not os.path.exists(os.path.join(root, "new")), name
        assert not os.path.exists(os.path.join(
            root, ".local", "share", "sotto")), name
    in_each(root, test)


def test_run__a_command_and_its_words(root):
    path = os.path.join(root, "bin", "frobnicate-all")
    os.makedirs(os.path.dirname(path))
    with open(path, "w") as f:
        os.fchmod(f.fileno(), 0o755)
    open(os.path.join(root, "words.txt"), "w").close()

    def test(name, same, has):
        same("sotto run -- frobnicate-", ["frobnicate-all"])
        same("sotto run --to bob -- frobnicate-all wor", ["words.txt"])
    in_each(root, test)


def test_words__that_do_not_belong__usage(root):
    for words in [[], ["tcsh"], ["bash", "zsh"]]:
        p = subprocess.run([SOTTO, "completions", *words], timeout=60,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert p.returncode == 2 and not p.stdout and p.stderr, (words, p)
    p = subprocess.run([SOTTO, "help", "config", "bell"], timeout=60,
                       stdout=subprocess.PIPE, check=True)
    assert len(p.stdout.splitlines()) == 1 and b"on|off" in p.stdout, p
    p = subprocess.run([SOTTO, "help", "config", "frobnicate"], timeout=60,
                       stderr=subprocess.PIPE)
    assert p.returncode == 2 and b"frobnicate" in p.stderr, p


def test_every_command_and_option__is_in_every_script(root):
    out = subprocess.run([SOTTO, "help", "options"], check=True, timeout=60,
                         stdout=subprocess.PIPE).stdout.decode()
    options = [w.split()[0].split("[")[0] for w in out.splitlines()[1:]]
    assert len(options) > 20, options
    for shell in SHELLS:
        p = subprocess.run([SOTTO, "completions", shell], check=True,
                           timeout=60, stdout=subprocess.PIPE)
        script = p.stdout.decode()
        for word in COMMANDS:
            assert word in script, (shell, word)
        for option in options:
            name = option.lstrip("-") if shell == "fish" else option
            assert name in script, (shell, option)


if not shutil.which("bash"):
    print("skipped: there is no bash here")
    sys.exit(77)
for missing in SHELLS:
    if not shutil.which(missing):
        print("without %s: it is not installed" % missing)
main(globals())
