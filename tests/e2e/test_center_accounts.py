#!/usr/bin/env python3
"""The accounts of a message center from the shell: passwords that are not seen,
invitations, lists, credentials.txt; beside a center that runs."""
import contextlib
import errno
import os
import pty
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import termios
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from sotto import (PATIENCE, SOTTO, Node, free_port, lines_of,  # noqa: E402
                   main, run)


class Center(Node):
    def __init__(self, root, *options, accounts="closed", name="center"):
        self.home = os.path.join(root, name)
        self.name = name
        os.makedirs(self.home, exist_ok=True)
        with open(os.path.join(self.home, "config.ini"), "w") as f:
            f.write("accounts = %s\n" % accounts)
        self.errors = os.path.join(root, "stderr")
        with open(self.errors, "ab") as f:
            self.process = subprocess.Popen(
                [SOTTO, "center", "--home", self.home, "--port", "0",
                 "--bind", "127.0.0.1", *options], stdin=subprocess.PIPE,
                stdout=subprocess.PIPE, stderr=f, bufsize=0)
        super(Node, self).__init__(self.process.stdout.fileno(),
                                   self.process.stdin.write)
        self.ready = self.want(event="ready")
        self.port = self.ready["port"]
        self.at = "127.0.0.1:%d" % self.port

    def end(self, expect=0):
        self.done("quit")
        return super().end(expect)

    def said(self):
        with open(self.errors) as f:
            return f.read()


def account(home, *words, stdin=b"", expect=0):
    """What `sotto center ...` prints; its complaint when it fails."""
    code, out, err = run("center", *words, home=home, stdin=stdin)
    assert code == expect, (words, code, out, err)
    return err if code else lines_of(out) if "--text" not in words else out


def add(home, user, password="sesame"):
    assert account(home, "add", user, stdin=password.encode() + b"\n") == [
        {"v": 1, "user": user, "done": "added"}]


def names(home):
    return [a["user"] for a in account(home, "list")]


def welcome(node, center, user, **more):
    result = node.done("login", to=center.at, user=user, **more)
    assert result["text"] == "Welcome, %s !" % user, result


def refused(node, center, words, user, **more):
    _, result = node.ask("login", to=center.at, user=user, **more)
    assert not result["ok"] and words in result["error"], result


def home_of(root):
    home = os.path.join(root, "center")
    os.makedirs(home, exist_ok=True)
    return home


# ---- a person at a terminal ----

class Terminal:
    def __init__(self, home, *words):
        self.pid, self.fd = pty.fork()
        if not self.pid:
            os.execv(SOTTO, [SOTTO, "center", "--home", home, *words])
        self.seen = b""

    def echo(self):
        return bool(termios.tcgetattr(self.fd)[3] & termios.ECHO)

    def read(self):
        os.set_blocking(self.fd, False)
        try:
            self.seen += os.read(self.fd, 4096)
        except BlockingIOError:
            time.sleep(0.01)
        except OSError as e:
            assert e.errno == errno.EIO, e

    def until(self, test, what):
        end = time.monotonic() + PATIENCE
        while not test():
            assert time.monotonic() < end, (what, self.seen)
            self.read()

    def asked(self, words, echo=False):
        """They stand there, and the terminal is as it should be then."""
        self.until(lambda: words in self.seen and self.echo() == echo, words)

    def say(self, data):
        os.write(self.fd, data)

    def stopped(self):
        status = []

        def look():
            pid, s = os.waitpid(self.pid, os.WUNTRACED | os.WNOHANG)
            status.append(s)
            return pid
        self.until(look, "stopped")
        assert os.WIFSTOPPED(status[-1]), status[-1]

    def end(self):
        status = []

        def look():
            pid, s = os.waitpid(self.pid, os.WNOHANG)
            status.append(s)
            return pid
        self.until(look, "the end")
        self.read()
        assert os.WIFEXITED(status[-1]), status[-1]
        return os.WEXITSTATUS(status[-1])

    def close(self):
        os.close(self.fd)


@contextlib.contextmanager
def terminal(home, *words):
    t = Terminal(home, *words)
    try:
        yield t
    finally:
        t.close()


def test_terminal__asks_twice_and_shows_nothing(root):
    home = home_of(root)
    with terminal(home, "add", "ana") as t:
        t.asked(b"password of ana: ")
        t.say(b"falcon9\n")
        t.asked(b"once more: ")
        t.say(b"falcon9\n")
        assert t.end() == 0, t.seen
        assert t.echo() and b"falcon" not in t.seen, t.seen
        assert b"ana: added" in t.seen, t.seen
    with terminal(home, "passwd", "ana") as t:
        t.asked(b"password of ana: ")
        t.say(b"falcon8\n")
        t.asked(b"once more: ")
        t.say(b"falcon8\n")
        assert t.end() == 0 and b"ana: changed" in t.seen, t.seen
    center = Center(root)
    node = Node(root, "ana")
    refused(node, center, "Incorrect", "ana", password="falcon9")
    welcome(node, center, "ana", password="falcon8")
    node.end()
    center.end()


def test_terminal__two_passwords_are_none(root):
    home = home_of(root)
    with terminal(home, "add", "ana") as t:
        t.asked(b"password of ana: ")
        t.say(b"falcon\n")
        t.asked(b"once more: ")
        t.say(b"falcom\n")
        assert t.end() == 2 and t.echo(), t.seen
        assert b"two passwords" in t.seen, t.seen
    for typed in (b"\n", b"\x04"):
        with terminal(home, "add", "ana") as t:
            t.asked(b"password of ana: ")
            t.say(typed)
            assert t.end() == 2 and t.echo(), t.seen
            assert b"empty" in t.seen, t.seen
    assert names(home) == []


def test_terminal__is_as_before_after_a_signal(root):
    home = home_of(root)
    with terminal(home, "add", "ana") as t:
        t.asked(b"password of ana: ")
        t.say(b"falcon\x03")
        assert t.end() == 130 and t.echo(), t.seen
    with terminal(home, "add", "ana") as t:
        t.asked(b"password of ana: ")
        t.say(b"falcon\n")
        t.asked(b"once more: ")
        os.kill(t.pid, signal.SIGTERM)
        assert t.end() == 130 and t.echo(), t.seen
    assert names(home) == []
    with terminal(home, "add", "ana") as t:
        t.asked(b"password of ana: ")
        t.say(b"fal\x1a")
        t.stopped()
        assert t.echo(), t.seen
        t.seen = b""
        os.kill(t.pid, signal.SIGCONT)
        t.asked(b"password of ana: ")
        t.say(b"falcon\n")
        t.asked(b"once more: ")
        t.say(b"falcon\n")
        assert t.end() == 0 and t.echo(), t.seen
        assert b"fal" not in t.seen, t.seen
    assert names(home) == ["ana"]


# ---- one line of standard input ----

def test_input__is_one_line(root):
    home = home_of(root)
    script = ('%s center --home %s add ana && read -r left && '
              'test "$left" = "second line"' % (SOTTO, home))
    subprocess.run(["sh", "-c", script], input=b"first\r\nsecond line\n",
                   stdout=subprocess.DEVNULL, check=True, timeout=60)
    add(home, "bob", "x" * 512)
    for bad in (b"", b"\n", b"x" * 513, b"\xff\xfe\n", b"a\0b\n"):
        account(home, "add", "zoe", stdin=bad, expect=2)
        account(home, "passwd", "ana", stdin=bad, expect=2)
    center = Center(root)
    ana, bob = Node(root, "ana"), Node(root, "bob")
    welcome(ana, center, "ana", password="first")
    welcome(bob, center, "bob", password="x" * 512)
    for node in (ana, bob, center):
        node.end()
    assert names(home) == ["ana", "bob"]


def test_names__taken_unknown_and_none(root):
    home = home_of(root)
    for words in (["passwd", "ana"], ["remove", "ana", "--yes"], ["list"]):
        err = account(home, *words, stdin=b"x\n", expect=6)
        assert "there is no center here" in err, err
    add(home, "ana")
    err = account(home, "add", "ana", stdin=b"x\n", expect=4)
    assert "ana has an account already" in err, err
    for words in (["passwd", "bob"], ["remove", "bob", "--yes"]):
        err = account(home, *words, stdin=b"x\n", expect=6)
        assert "bob has no account here" in err, err
    for name in ("", "a b", "a|b", "x" * 65, "a\x1b[31mb", "a\u202eb"):
        for verb in ("add", "passwd", "remove", "invite"):
            err = account(home, verb, name, stdin=b"x\n", expect=2)
            assert "no name" in err and "\x1b" not in err, err
    for words in (["add"], ["list", "ana"], ["add", "a", "b"], ["frob", "a"],
                  ["list", "--yes"], ["list", "--frob"],
                  ["list", "--ephemeral"]):
        account(home, *words, expect=2)
    assert names(home) == ["ana"]


def test_store__held_by_somebody_or_damaged(root):
    home = home_of(root)
    add(home, "ana")
    db = sqlite3.connect(os.path.join(home, "center.db"), timeout=1)
    db.isolation_level = None
    db.execute("BEGIN IMMEDIATE")
    err = account(home, "add", "bob", stdin=b"x\n", expect=6)
    assert "somebody else holds it" in err, err
    db.execute("ROLLBACK")
    add(home, "bob")
    db.execute("UPDATE account SET record = 'rubbish' WHERE user = 'ana'")
    db.close()
    assert "damaged" in account(home, "list", expect=1)
    assert "damaged" in account(home, "passwd", "ana", stdin=b"x\n", expect=1)
    account(home, "remove", "ana", "--yes")
    assert names(home) == ["bob"]
    with open(os.path.join(home, "center.db"), "wb") as f:
        f.write(b"no database at all " * 400)
    assert account(home, "list", expect=1)
    err = account(home, "list", "--backend", "nats://127.0.0.1:%d" %
                  free_port(), expect=6)
    assert err.count("\n") == 1, err


# ---- list ----

def test_list__is_sorted_and_harmless(root):
    home = home_of(root)
    for name in ("zoe", "ana", "日本"):
        add(home, name)
    account(home, "invite", "bob")
    found = account(home, "list")
    assert [a["user"] for a in found] == ["ana", "bob", "zoe", "日本"], found
    assert set(found[0]) == {"v", "user", "made", "devices", "password",
                             "invited_until", "blocked"}, found
    assert [a["password"] for a in found] == [True, False, True, True]
    assert [bool(a["invited_until"]) for a in found] == [
        False, True, False, False]
    # somebody who can write the store is not trusted either
    db = sqlite3.connect(os.path.join(home, "center.db"))
    db.execute("UPDATE account SET user = 'a' || char(27) || '[31mx'"
               " WHERE user = 'ana'")
    db.commit()
    db.close()
    out = account(home, "list", "--text")
    assert "\x1b" not in out and len(out.splitlines()) == 5, out
    assert len({line.find("20") for line in out.splitlines()[2:4]}) == 1, out


def test_list__counts_devices_and_blocked(root):
    center = Center(root, accounts="open")
    ana, other = Node(root, "ana"), Node(root, "other")
    welcome(ana, center, "ana", password="sesame")
    welcome(other, center, "ana", password="sesame")
    found = account(center.home, "list")
    assert [(a["user"], a["devices"], a["blocked"]) for a in found] == [
        ("ana", 2, 0)], found
    for node in (ana, other, center):
        node.end()


# ---- invite ----

def test_invite__lets_in_one_device_once(root):
    center = Center(root)
    invited = account(center.home, "invite", "ana")[0]
    assert invited["at"] == center.at, invited
    text = account(center.home, "invite", "ana", "--text")
    code = text.split("\n")[0]
    assert code != invited["code"], text
    assert "/login %s ana" % center.at in text, text
    ana, thief = Node(root, "ana"), Node(root, "thief")
    # the one before is good no more
    refused(ana, center, "Incorrect", "ana", password=invited["code"])
    welcome(ana, center, "ana", password=code.lower().replace("-", ""))
    refused(thief, center, "Incorrect", "ana", password=code)
    # the device is known now
    ana.done("logout")
    welcome(ana, center, "ana")
    found = account(center.home, "list")
    assert found[0]["devices"] == 1 and not found[0]["invited_until"], found
    # where none runs nobody knows the address
    home, port = center.home, free_port()
    for node in (ana, thief, center):
        node.end()
    text = account(home, "invite", "bob", "--text", "--port", str(port))
    assert "/login HOST:%d bob" % port in text, text


# ---- beside a center that runs ----

def test_passwd__makes_the_old_one_wrong(root):
    center = Center(root)
    add(center.home, "ana", "old")
    ana, other = Node(root, "ana"), Node(root, "other")
    welcome(ana, center, "ana", password="old")
    account(center.home, "passwd", "ana", stdin=b"new\n")
    refused(other, center, "Incorrect", "ana", password="old")
    # who is logged in stays, and so do his devices
    assert ana.done("online")["text"] == "ana"
    ana.done("logout")
    welcome(ana, center, "ana")
    welcome(other, center, "ana", password="new")
    for node in (ana, other, center):
        node.end()


def test_remove__asks_and_logs_off(root):
    center = Center(root)
    add(center.home, "ana")
    add(center.home, "bob")
    ana, bob = Node(root, "ana"), Node(root, "bob")
    welcome(ana, center, "ana", password="sesame")
    welcome(bob, center, "bob", password="sesame")
    account(center.home, "remove", "ana", expect=2)  # nobody to be asked
    with terminal(center.home, "remove", "ana") as t:
        t.asked(b"[y/N] ", echo=True)
        t.say(b"\n")
        assert t.end() == 4 and b"nothing was removed" in t.seen, t.seen
    assert names(center.home) == ["ana", "bob"]
    with terminal(center.home, "remove", "ana") as t:
        t.asked(b"[y/N] ", echo=True)
        t.say(b"y\n")
        assert t.end() == 0 and b"too old" in t.seen, t.seen
    assert names(center.home) == ["bob"]
    gone = "the center has logged us off: the account was removed"
    ana.want(event="notice", text=gone, patience=60)
    bob.want(event="notice", text="ana is offline.")
    ana.refused("refused", "online")
    refused(ana, center, "log in with a password", "ana")
    refused(ana, center, "Incorrect", "ana", password="sesame")
    assert bob.done("online")["text"] == "bob"
    assert not [e for e in bob.seen if e.get("text") == gone], bob.seen
    for node in (ana, bob, center):
        node.end()


def test_registration__open_and_closed(root):
    center = Center(root)
    ana = Node(root, "ana")
    refused(ana, center, "Incorrect", "ana", password="sesame")
    assert names(center.home) == []
    center.end()
    center = Center(root, accounts="open")
    ana.done("login", to=center.at, user="ana", password="sesame")
    add(center.home, "bob")
    thief = Node(root, "thief")
    refused(thief, center, "Incorrect", "bob", password="mine")
    account(center.home, "add", "ana", stdin=b"x\n", expect=4)
    for node in (ana, thief, center):
        node.end()


def test_login__at_another_address_of_the_same_center(root):
    center = Center(root, "--bind", "0.0.0.0", accounts="open")
    ana = Node(root, "ana")
    there = "127.0.0.2:%d" % center.port
    ana.done("connect", to=center.at)
    result = ana.done("login", to=there, user="ana", password="sesame")
    assert result["text"] == "Welcome, ana !", result
    assert ana.done("online")["text"] == "ana"
    for node in (ana, center):
        node.end()


def test_login__where_no_center_is(root):
    """Each is answered, and soon."""
    ana, bob = Node(root, "ana"), Node(root, "bob")
    nobody = "127.0.0.1:%d" % free_port()
    for more in ({"password": "x"}, {}):
        refuse = ana.refused("refused", "login", to=bob.at, user="ana",
                             **more)
        assert refuse["error"] == "this is no message center", refuse
    ana.refused("unreachable", "login", to=nobody, user="ana", password="x")
    itself = ana.refused("unreachable", "login", to=ana.at, user="ana")
    assert itself["error"] == "that is yourself", itself
    for node in (ana, bob):
        node.end()


def test_files__as_many_as_the_system_allows(root):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 256), hard))
    try:
        center = Center(root)
        node = Node(root, "ana")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert resource.prlimit(center.process.pid, resource.RLIMIT_NOFILE) == (
        hard, hard)
    assert resource.prlimit(node.process.pid, resource.RLIMIT_NOFILE) == (
        min(soft, 256), hard)
    for n in (node, center):
        n.end()


# ---- credentials.txt ----

def credentials(home, text, mode=0o600):
    path = os.path.join(home, "credentials.txt")
    with open(path, "wb") as f:
        f.write(text)
    os.chmod(path, mode)


def summary(added, known):
    return ("credentials.txt: %s taken over, %s there already"
            "; the file is not needed any more" % (added, known))


def test_credentials__are_taken_over_once(root):
    home = home_of(root)
    add(home, "seas", "mine")
    credentials(home, b"seas winterQQ\nhans falconQQ\nfoo bar secretQQ\n"
                      b"\x1b[31m hiddenQQ\nyoda wiseQQ\r\n", 0o644)
    center = Center(root)
    done = center.want(event="notice",
                       text=summary("2 accounts", "1 was"))
    assert done["level"] == "info", done
    notices = [e["text"] for e in center.seen if e["event"] == "notice"]
    assert notices == [
        "credentials.txt: others on this machine can read these passwords",
        "credentials.txt:3: not a name, a blank and a password",
        "credentials.txt:4: not a name", done["text"]], notices
    for text in notices:
        assert center.said().count("sotto: %s\n" % text) == 1, center.said()
    hans, seas = Node(root, "hans"), Node(root, "seas")
    welcome(hans, center, "hans", password="falconQQ")
    refused(seas, center, "Incorrect", "seas", password="winterQQ")
    welcome(seas, center, "seas", password="mine")
    account(home, "passwd", "yoda", stdin=b"changed\n")
    center.end()
    # again: nobody is new, and a changed password stays changed
    credentials(home, b"seas winterQQ\nhans falconQQ\nyoda wiseQQ\n")
    center = Center(root)
    center.want(event="notice", text=summary("0 accounts", "3 were"))
    assert "others on this machine" not in [
        e.get("text") for e in center.seen], center.seen
    yoda = Node(root, "yoda")
    refused(yoda, center, "Incorrect", "yoda", password="wiseQQ")
    welcome(yoda, center, "yoda", password="changed")
    err = run("center", "remove", "hans", "--yes", home=home)[2]
    assert "credentials.txt is still there" in err, err
    for node in (hans, seas, yoda, center):
        node.end()
    assert "QQ" not in center.said(), center.said()
    with open(os.path.join(home, "log.txt")) as f:
        log = f.read()
    assert "2 accounts taken over" in log and "QQ" not in log, log
    with open(os.path.join(home, "center.db"), "rb") as f:
        assert b"falconQQ" not in f.read()


def test_credentials__that_are_none(root):
    home = home_of(root)
    os.mkdir(os.path.join(home, "credentials.txt"))
    center = Center(root, accounts="open")
    event = center.find(lambda e: e["event"] == "notice")
    assert "credentials.txt: not taken over: " in event["text"], event
    ana = Node(root, "ana")
    welcome(ana, center, "ana", password="sesame")
    for node in (ana, center):
        node.end()


def test_credentials__names_are_not_free_meanwhile(root):
    """A long file, a center that is open: its last name is not to be had."""
    home = home_of(root)
    add(home, "known")
    credentials(home, b"".join(b"user%d password\n" % i for i in range(200)))
    center = Center(root, accounts="open")
    thief, known = Node(root, "thief"), Node(root, "known")
    # who is known need not wait
    welcome(known, center, "known", password="sesame")
    refused(thief, center, "the center refused: accounts are being taken over",
            "user199", password="mine")
    assert not [e for e in center.seen if "taken over," in e.get("text", "")]
    # it is ended at once, and goes on at its next start
    center.end()
    some = len(names(home))
    assert 1 <= some < 201, some
    center = Center(root, accounts="open")
    event = center.find(lambda e: "taken over," in e.get("text", ""),
                        patience=60)
    assert "credentials.txt: %d accounts" % (201 - some) in event["text"], event
    assert "%d were there already" % (some - 1) in event["text"], event
    refused(thief, center, "Incorrect", "user199", password="mine")
    welcome(thief, center, "new", password="mine")
    for node in (thief, known, center):
        node.end()


# ---- the other backend ----

@contextlib.contextmanager
def nats(root):
    port = free_port()
    server = subprocess.Popen(
        ["nats-server", "-js", "-a", "127.0.0.1", "-p", str(port), "-sd",
         os.path.join(root, "nats")], stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL)
    try:
        yield "nats://127.0.0.1:%d" % port
    finally:
        server.kill()
        server.wait()


def test_nats__is_no_different(root):
    if not shutil.which("nats-server"):
        print("without nats-server")
        return
    home = home_of(root)
    with nats(root) as where:
        end = time.monotonic() + PATIENCE
        while True:
            code, out, err = run("center", "add", "ana", "--backend", where,
                                 home=home, stdin=b"old\n")
            if not code:
                break
            assert code == 6 and time.monotonic() < end, (code, err)
        center = Center(root, "--backend", where)
        ana, other = Node(root, "ana"), Node(root, "other")
        welcome(ana, center, "ana", password="old")
        on = ("--backend", where)
        account(home, "passwd", "ana", *on, stdin=b"new\n")
        refused(other, center, "Incorrect", "ana", password="old")
        code = account(home, "invite", "bob", *on)[0]["code"]
        welcome(other, center, "bob", password=code)
        found = account(home, "list", *on)
        assert [(a["user"], a["devices"]) for a in found] == [
            ("ana", 1), ("bob", 1)], found
        account(home, "remove", "ana", "--yes", *on)
        ana.want(event="notice", patience=60, text="the center has logged us "
                 "off: the account was removed")
        for node in (ana, other, center):
            node.end()
    assert not os.path.exists(os.path.join(home, "center.db"))


main(globals())
