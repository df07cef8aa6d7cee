#!/usr/bin/env python3
"""sotto --plain: line by line, on a terminal that can do nothing else and in
pipes. What is written there is read by people who cannot see it."""
# tsan: yes
import errno
import fcntl
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import termios
import time

import sotto
from sotto import PATIENCE, SOTTO, Node


def clean_environ(**more):
    return {**os.environ, "LC_ALL": "C.UTF-8", **more}


class Plain:
    """Something that writes lines; `feed` types, `want` waits for a pattern
    behind the last one that was found."""

    def __init__(self):
        self.seen = b""
        self.at = 0
        self.over = False

    def read(self, timeout):
        if self.over or not select.select([self.out], [], [], timeout)[0]:
            return False
        try:
            data = os.read(self.out, 1 << 16)
        except OSError as e:
            if e.errno != errno.EIO:
                raise
            data = b""
        self.over = not data
        self.seen += data
        return bool(data)

    def want(self, pattern, patience=PATIENCE):
        until = time.monotonic() + patience
        compiled = re.compile(pattern.encode(), re.M)
        while True:
            found = compiled.search(self.seen, self.at)
            if found:
                self.at = found.end()
                return found
            left = until - time.monotonic()
            if left <= 0 or (self.over and not self.read(0)):
                raise AssertionError("%r did not come; since the last:\n%s" % (
                    pattern, self.seen[self.at:].decode(errors="replace")))
            self.read(min(left, 0.5))

    def since(self):
        return self.seen[self.at:]

    def whole(self):
        """All that it wrote, when it has ended."""
        while self.read(PATIENCE):
            pass
        return self.seen

    def wait(self, status=0):
        """It ends with that status."""
        until = time.monotonic() + PATIENCE
        while self.process.poll() is None and time.monotonic() < until:
            self.read(0.05)
        code = self.process.poll()
        if code is None:
            self.process.kill()
            self.process.wait()
            raise AssertionError("did not end: %r" % self.seen[-500:])
        assert code == status, (code, self.seen[-1000:])

    def assert_lines(self):
        """Lines of text and nothing else."""
        bad = re.search(rb"[\x00-\x07\x0b-\x0c\x0e-\x1f\x7f]|\xc2[\x80-\x9f]"
                        rb"|\xe2\x80[\xaa-\xae]|\xe2\x81[\xa6-\xa9]",
                        self.seen)
        assert not bad, self.seen[max(0, bad.start() - 50):bad.end() + 50]


class Term(Plain):
    """In a terminal of its own."""

    def __init__(self, root, name, *options, term="dumb", plain=True,
                 before=None, out=None, **env):
        super().__init__()
        self.master, self.slave = pty.openpty()
        self.out = self.master
        if before:
            before(self.slave)
        self.modes = termios.tcgetattr(self.slave)
        words = ["--plain"] if plain else []
        self.process = subprocess.Popen(
            [SOTTO, *words, "--home", os.path.join(root, name), "--nick", name,
             "--port", "0", "--no-discover", *options],
            stdin=self.slave, stdout=out or self.slave, stderr=self.slave,
            env=clean_environ(TERM=term, **env), preexec_fn=self.child)

    def child(self):
        os.setsid()
        fcntl.ioctl(self.slave, termios.TIOCSCTTY, 0)

    def feed(self, text):
        data = text.encode() if isinstance(text, str) else text
        while data:
            n = os.write(self.master, data[:512])
            data = data[n:]

    def enter(self, text):
        self.feed(text + "\r")

    def wait(self, status=0):
        super().wait(status)
        assert termios.tcgetattr(self.slave) == self.modes, "terminal is lost"
        os.close(self.slave)
        os.close(self.master)

    def quit(self):
        self.enter("/quit")
        self.wait()


class Pipe(Plain):
    """In pipes."""

    def __init__(self, root, name, *options):
        super().__init__()
        self.process = subprocess.Popen(
            [SOTTO, "--plain", "--home", os.path.join(root, name), "--nick",
             name, "--port", "0", "--no-discover", *options],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0,
            env=clean_environ(TERM="dumb"))
        self.out = self.process.stdout.fileno()

    def feed(self, text):
        self.process.stdin.write(text.encode())

    enter = None

    def end(self, status=0):
        self.process.stdin.close()
        self.wait(status)
        self.process.stdout.close()


def met(root):
    """ana and bob, plain both, who know each other."""
    bob = Term(root, "bob")
    port = bob.want(r"find you at \S+:(\d+)").group(1).decode()
    bob.want(r"to nobody> ")
    ana = Term(root, "ana")
    ana.want(r"to nobody> ")
    ana.enter("/msg 127.0.0.1:" + port)
    ana.want(r"^to bob~[0-9a-f]{4}> ")
    return ana, bob, port


def test_two_ends_talk(root):
    ana, bob, _ = met(root)
    ana.enter("ping")
    ana.want(r"^\d\d:\d\d to bob: ping \(delivered\)\r$")
    bob.want(r"^\d\d:\d\d request from ana~[0-9a-f]{4}: ping\r$")
    bob.want(r"/trust ana~[0-9a-f]{4} takes it")
    bob.want(r"^to nobody> ")
    bob.enter("/r")
    bob.want(r'^to ana~[0-9a-f]{4}, answering "ping"> ')
    bob.enter("pong")
    bob.want(r"^\d\d:\d\d to ana.*: pong \(delivered\)\r$")
    bob.want(r"^to ana\S*> ")
    ana.want(r'^\d\d:\d\d bob answers "ping": pong\r$')
    ana.enter("/me waves")
    bob.want(r"^\d\d:\d\d \* ana waves")
    ana.quit()
    bob.want(r"ana is offline")
    bob.quit()
    ana.assert_lines()
    bob.assert_lines()


def test_what_arrives_does_not_touch_the_line(root):
    ana, bob, _ = met(root)
    ana.enter("ping")
    bob.want(r"request from ana")
    bob.enter("/r")
    bob.want(r'answering "ping"> ')
    ana.want(r"\(delivered\)")
    ana.feed("half a li")
    ana.want(r"half a li")
    bob.enter("in between")
    ana.want(r'^\d\d:\d\d bob answers "ping": in between\r$')
    ana.want(r"^to bob\S*> half a li\Z")    # whom it is for, and how far it is
    ana.feed("nx\x7fe\r")
    ana.want(r"to bob: half a line \(delivered\)")
    bob.want(r"ana: half a line")
    ana.quit()
    bob.quit()


def test_reply_is_for_whom_it_was_begun(root):
    ana, bob, port = met(root)
    eve = Node(root, "eve")
    ana.enter("one")
    bob.want(r"request from ana\S*: one")
    bob.feed("/r ")
    bob.want(r'^to ana~[0-9a-f]{4}, answering "one"> /r ')
    eve.done("send", to="127.0.0.1:" + port, text="two", wait="ack")
    bob.want(r"request from eve\S*: two")
    bob.want(r'^to ana~[0-9a-f]{4}, answering "one"> /r ')
    bob.enter("three")
    ana.want(r'bob answers "one": three')
    bob.want(r"^to nobody> ")
    bob.enter("/r four")
    eve.want(event="message", text="four")
    ana.quit()
    bob.quit()
    eve.end()


def test_offline_is_queued(root):
    ana, bob, port = met(root)
    ana.enter("hello")
    bob.want(r"ana\S*: hello")
    bob.enter("/trust ana")
    bob.want(r"trusted: ana")
    bob.quit()
    ana.want(r"bob is offline")
    ana.enter("are you there?")
    ana.want(r"^\d\d:\d\d to bob: are you there\? \(queued\)\r$")
    ana.enter("/outbox")
    ana.want(r"to bob: are you there\? \(queued\)")
    ana.quit()
    ana = Term(root, "ana")
    ana.want(r"bob: 1 waiting to be delivered")
    ana.want(r"to nobody> ")
    bob = Term(root, "bob", "--port", port)
    bob.want(r"^\d\d:\d\d ana: are you there\?")
    ana.want(r"to bob\S*.*\(delivered\)")
    ana.enter("/msg bob")
    ana.want(r"to bob: are you there\? \(delivered\)")
    ana.want(r"^to bob> ")
    bob.quit()
    ana.want(r"bob is offline")
    ana.enter("and now?")
    ana.want(r"and now\? \(queued\)")
    ana.enter("/cancel")
    ana.want(r"and now\? \(cancelled\)")
    ana.want(r"not sent")
    ana.enter("/cancel")
    ana.want(r"nothing to take back here")
    ana.quit()


HOSTILE = ("\x1b[2J\x1b]0;title\x07\x9b31m red \u202eesrever\u202c \u2066x\u2069"
           " \x00".replace("\x00", "\x01") +
           "\r\n14:05 bob: forged\nto bob> forged\rover")


def test_hostile_text_is_harmless(root):
    ana = Term(root, "ana")
    port = ana.want(r"find you at \S+:(\d+)").group(1).decode()
    ana.want("to nobody> ")
    eve = Node(root, "\u00e9ve")
    eve.done("nick", name="bob: hi")
    eve.done("send", to="127.0.0.1:" + port, text=HOSTILE, wait="ack")
    ana.want(r"request from bob: hi~[0-9a-f]{4}: ")
    ana.want(r"^      14:05 bob: forged\r$")
    ana.want(r"^      to bob> forged")
    ana.want(r"^to nobody> ")
    ana.enter("/r \x1b[Afine\u202e")      # an arrow key is not text
    quote = eve.want(event="message", dir="in")
    assert quote["text"] == "fine\u202e", quote
    eve.done("reply", reply_to=quote["id"], text=HOSTILE, wait="ack")
    ana.want(r'answers ".*fine.*": ')
    ana.enter("/find forged")
    ana.want(r"\d{4} \d\d:\d\d bob: hi: ")
    ana.enter("/who")
    ana.want(r"^bob: hi~[0-9a-f]{4}, online, pinned")
    ana.quit()
    eve.end()
    ana.assert_lines()
    assert b"\r\n14:05 bob: forged" not in ana.seen


def test_no_utf8_no_bytes_above(root):
    """In a locale without UTF-8 its bytes are other letters, or controls."""
    ana = Term(root, "ana", LC_ALL="C")
    port = ana.want(r"find you at \S+:(\d+)").group(1).decode()
    ana.want("to nobody> ")
    eve = Node(root, "eve")
    eve.done("send", to="127.0.0.1:" + port, text="\u011b\u4e2d\x1b", wait="ack")
    ana.want(r"request from eve~[0-9a-f]{4}: \?\?\?\r$")
    ana.quit()
    eve.end()
    assert not re.search(rb"[\x80-\xff]", ana.seen), ana.seen


def test_long_lines(root):
    ana, bob, _ = met(root)
    ana.enter("begin " + "x" * 16000 + " end")
    bob.want(r"begin x{16000} end")
    ana.want(r"to bob: begin x+ \.\.\. \(delivered\)")
    ana.enter("y" * 16385)
    ana.want(r"too long: 16385 bytes, a message holds 16384; nothing sent")
    ana.enter("z" * 40000)
    ana.want(r"too long: a message holds 16384 bytes; nothing sent")
    ana.enter("short")
    ana.want(r"to bob: short \(delivered\)")
    bob.want(r"ana\S*: short")
    assert not re.search(rb"ana\S*: [yz]", bob.seen)
    ana.quit()
    bob.quit()


def test_nobody_reads_for_a_while(root):
    """Ctrl-S, say. What the engine could not hand over is read again."""
    ana = Term(root, "ana", "--trust-new", "accept")
    port = ana.want(r"find you at \S+:(\d+)").group(1).decode()
    ana.want("to nobody> ")
    eve = Node(root, "eve")
    for i in range(0, 2000, 100):
        for k in range(i, i + 100):
            eve.say(cmd="send", ref=str(k), to="127.0.0.1:" + port,
                    text="number %d %s" % (k, "." * 80))
        for k in range(i, i + 100):
            eve.want(event="result", ref=str(k), ok=True)
    for _ in range(2000):
        ana.want(r"eve\S*: number \d+ ")
    ana.enter("/quit")
    ana.wait()
    seen = [int(n) for n in re.findall(rb"eve\S*: number (\d+) ", ana.seen)]
    assert sorted(seen) == list(range(2000)), (len(seen), len(set(seen)))
    eve.end()


def test_stopped_terminal_does_not_hold_the_end(root):
    ana = Term(root, "ana")
    ana.want("to nobody> ")
    ana.feed("\x13")                      # Ctrl-S
    for _ in range(8):
        ana.enter("/help")
    ana.enter("/nick still")              # it reads on, and does it
    until = time.monotonic() + PATIENCE
    while "still" not in sotto.run("id", home=os.path.join(root, "ana"))[1]:
        assert time.monotonic() < until
    assert b"/help: " not in ana.seen
    os.kill(ana.process.pid, signal.SIGTERM)
    ana.wait()


def test_who_is_meant(root):
    ana, bob, _ = met(root)
    ana.enter("hello")
    ana.want(r"\(delivered\)")
    ana.enter("/msg nobody.invalid")
    ana.want(r"^to nobody> ")
    ana.enter("for somebody else")        # not for the one before
    ana.want(r"to whom\? /msg PEER.*nothing sent")
    ana.enter("/mgs bob")
    ana.want(r"unknown: /mgs; near: .*/msg.*// sends a slash")
    ana.enter("/re")
    ana.want(r"not clear: /re; near: ")
    ana.enter("/msg bob")
    ana.want(r"^to bob> ")
    ana.enter("//etc")
    bob.want(r"ana\S*: /etc")
    ana.enter("/info")
    ana.want(r"^bob calls itself bob\r$")
    ana.want(r"compare these numbers by voice")
    ana.want(r"^(\d{5} ?)+")
    ana.enter("/verify")
    ana.want(r"verified: bob")
    ana.enter("/rename robert")
    ana.want(r"bob is called robert now")
    ana.want(r"^to robert> ")
    ana.enter("/nick anna")
    ana.want(r"you are anna now")
    ana.enter("/forget robert")
    ana.want(r"the same line again forgets robert")
    ana.enter("/who")
    ana.want(r"^robert~[0-9a-f]{4}, online, verified")
    ana.enter("/forget robert")
    ana.want(r"the same line again forgets robert")
    ana.enter("/forget robert")
    ana.want(r"robert is forgotten")
    ana.want(r"^to nobody> ")
    ana.enter("/help")
    for word in ("/msg PEER", "/trust", "/quit"):
        ana.want("^" + word)
    ana.quit()
    bob.quit()


def test_keys(root):
    ana, bob, _ = met(root)

    def says(keys, text):
        ana.enter(keys)
        ana.want(r"to bob: " + text + r" \(delivered\)")
        bob.want(r"ana\S*: " + text + r"\r$")

    says("helo\x7flo", "hello")
    says("\u4e2d\u00e9\x7f\x7fab\x08c", "ac")
    says("gone\x15stays", "stays")
    says("one two  \x17three", "one three")
    says("\x1b[3~\x1bOPx\x1b[[Ay\x1b[1;5Dz", "xyz")
    says("a\x04b", "ab")                  # no end in the middle of a line
    says("tab\there", "tab +here")
    ana.feed("cleared")
    ana.want("cleared")
    ana.feed("\x03")
    ana.want(r"^to bob> ")
    says("again\x12", "again")
    ana.feed(b"\xe9\xff bytes\r")
    ana.want(r"not UTF-8; nothing sent")
    ana.feed("\x03")
    ana.want(r"/quit or Ctrl-D ends")
    ana.want(r"^to bob> ")
    ana.feed("\x04")
    ana.wait()
    bob.quit()


def echo_off(slave):
    modes = termios.tcgetattr(slave)
    modes[3] &= ~termios.ECHO
    termios.tcsetattr(slave, termios.TCSANOW, modes)


def test_no_echo_where_there_was_none(root):
    """Emacs shows what is typed by itself."""
    ana = Term(root, "ana", before=echo_off)
    ana.want(r"to nobody> ")
    ana.enter("secret words")
    ana.want(r"to whom\?")
    ana.quit()
    assert b"secret" not in ana.seen, ana.seen


def test_dumb_terminal_chooses_it(root):
    ana = Term(root, "ana", plain=False)
    ana.want(r"to nobody> ")
    ana.quit()
    ana.assert_lines()
    ana = Term(root, "ana", plain=False, term="no-such-terminal")
    ana.want(r"no screen on a terminal of type no-such-terminal.*"
             r"sotto --plain")
    ana.wait(2)
    code, _, err = sotto.run(home=os.path.join(root, "eve"),
                             env={"TERM": "dumb"})
    assert code == 2 and "no terminal" in err, (code, err)
    code, _, err = sotto.run("--plain", "peers")
    assert code == 2 and "--plain takes no command" in err, (code, err)
    ana = Term(root, "ana", "demo", plain=False)
    ana.want(r"^to echo\S*> ")
    ana.enter("are you there?")
    ana.want(r"to echo\S*: are you there\? \(delivered\)")
    ana.want(r'answers "are you there\?": ')
    ana.quit()


def test_ends(root):
    for sig, status in ((signal.SIGTERM, 0), (signal.SIGHUP, 0),
                        (signal.SIGINT, 130), (signal.SIGQUIT, -3),
                        (signal.SIGABRT, -6), (signal.SIGSEGV, -11),
                        (signal.SIGUSR1, -10)):
        if sig == signal.SIGSEGV and sanitized():
            continue
        ana = Term(root, "ana", "--ephemeral")
        ana.want(r"to nobody> ")
        ana.feed("half")
        ana.want("half")
        now = termios.tcgetattr(ana.slave)
        assert not now[3] & (termios.ICANON | termios.ECHO)
        os.kill(ana.process.pid, sig)
        ana.wait(status)
    ana = Term(root, "ana")
    ana.want(r"to nobody> ")
    os.close(ana.slave)
    os.close(ana.master)                  # the terminal goes
    ana.over = True
    Plain.wait(ana)


def sanitized():
    with open(SOTTO, "rb") as f:
        program = f.read()
    return b"__asan_init" in program or b"__tsan_init" in program


def test_stopped_and_continued(root):
    """Under a shell with job control, which is us."""
    ana = Term(root, "ana")
    ana.want(r"to nobody> ")
    ana.feed("half a line")
    ana.want("half a line")
    os.kill(ana.process.pid, signal.SIGSTOP)
    _, status = os.waitpid(ana.process.pid, os.WUNTRACED)
    assert os.WIFSTOPPED(status)
    termios.tcsetattr(ana.slave, termios.TCSANOW, ana.modes)
    os.kill(ana.process.pid, signal.SIGCONT)
    ana.want(r"^to nobody> half a line")
    until = time.monotonic() + PATIENCE
    while termios.tcgetattr(ana.slave) == ana.modes:
        assert time.monotonic() < until
        time.sleep(0.01)
    # Ctrl-Z where no shell could wake it: nothing happens
    ana.feed("\x1a")
    ana.feed("\x15/quit\r")
    ana.wait()


def test_log_in(root):
    """A password is asked for, never shown, and nothing is kept of it."""
    home = os.path.join(root, "center")
    os.makedirs(home)
    with open(os.path.join(home, "config.ini"), "w") as f:
        f.write("accounts = open\n")
    center = subprocess.Popen(
        [SOTTO, "center", "--home", home, "--port", "0", "--bind",
         "127.0.0.1"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    ready = json.loads(center.stdout.readline())
    assert ready["nick"] == "center", ready
    ana = Term(root, "ana")
    ana.want("to nobody> ")
    ana.feed("/login 127.0.0.1:%d seas\r" % ready["port"])
    ana.want(r"password of seas \(not shown\): ")
    ana.feed("sesamX\x7fe\r")
    ana.want("Welcome, seas !")
    ana.want("to .*> ")
    ana.feed("/online\r")
    ana.want("seas")
    assert b"sesam" not in ana.seen, ana.seen
    ana.feed("/quit\r")
    ana.wait()
    center.stdin.close()
    center.terminate()
    center.wait()
    center.stdout.close()


def test_pipes(root):
    bob = Node(root, "bob")
    ana = Pipe(root, "ana")
    ana.feed("/msg 127.0.0.1:%d\nfirst\r\nsecond\nlast without an end" %
             bob.port)
    ana.process.stdin.close()
    for text in ("first", "second", "last without an end"):
        bob.want(event="message", text=text)
    ana.want(r"^lines go to bob")
    ana.want(r"to bob: last without an end \(delivered\)$")
    ana.process.wait(PATIENCE)
    assert ana.process.returncode == 0
    assert b"> " not in ana.whole(), ana.seen   # nobody sits at a prompt
    ana.process.stdout.close()
    ana = Pipe(root, "ana")
    ana.feed("/msg bob\n")
    ana.want(r"^lines go to bob")
    bob.done("send", to="ana", text="m\u00fcde?", wait="ack")
    ana.want("bob: m\u00fcde\\?$")
    ana.feed("nein\n")
    bob.want(event="message", text="nein")
    ana.feed("x\0y\n")
    ana.want(r"not UTF-8; nothing sent")
    ana.process.send_signal(signal.SIGINT)
    ana.wait(130)
    ana.process.stdin.close()
    ana.process.stdout.close()
    bob.end()
    ana.assert_lines()


def test_reader_goes(root):
    bob = Node(root, "bob")
    ana = Pipe(root, "ana")
    ana.want(r"nobody is known yet")
    ana.process.stdout.close()
    ana.feed("/peers\n")
    ana.over = True
    ana.wait()
    ana.process.stdin.close()
    bob.end()


def test_beside_a_running_engine(root):
    engine = Node(root, "ana", "--stay")
    bob = Node(root, "bob")
    ana = Term(root, "ana")
    ana.want(r"to nobody> ")
    ana.enter("/msg " + bob.at)
    ana.want(r"^to bob\S*> ")
    ana.enter("through another engine")
    ana.want(r"through another engine \(delivered\)")
    bob.want(event="message", text="through another engine")
    engine.done("send", to=bob.at, text="from over there", wait="ack")
    ana.want(r"to bob: from over there \(delivered\)")
    ana.quit()
    bob.done("send", to=engine.at, text="one", wait="ack")
    engine.want(event="message", text="one")
    ana = Term(root, "ana")
    ana.want(r"bob: 1 unread, /msg bob shows them")
    ana.want(r"to nobody> ")
    ana.enter("/msg bob")
    ana.want(r"bob: one")
    ana.want(r"^to bob> ")
    ana.enter("/who")                     # what was heard is read
    until = time.monotonic() + PATIENCE
    while engine.ask("peers")[0][0]["peer"].get("unread"):
        assert time.monotonic() < until
    engine.process.send_signal(signal.SIGTERM)
    ana.want(r"the engine was ended elsewhere")
    ana.wait()
    engine.gone(0)
    bob.end()


if __name__ == "__main__":
    sotto.main(globals())
