#!/usr/bin/env python3
"""Killed at every named place (src/crash.h), on either side: what was accepted
arrives once and in order, is delivered at the sender, and nothing waits any
more. Needs a build with -DCRASH_POINTS=ON."""
import glob
import os
import re
import signal
import subprocess
import sys
import time

import sotto
from sotto import Lines, Node, free_port

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
# place: who is killed there, at which of the times it is reached
SEND, RECEIVE, BOTH = ["sender"], ["receiver"], ["sender", "receiver"]
POINTS = {
    "send.before": (SEND, [1, 3]),
    "send.after": (SEND, [1, 3]),
    "ack.before_mark": (SEND, [1, 3]),
    "recv.before_store": (RECEIVE, [1, 3]),
    "recv.before_ack": (RECEIVE, [1, 3]),
    "commit.before": (BOTH, [1, 2, 3, 4, 5, 6]),
    "commit.after": (BOTH, [1, 2, 3, 4, 5, 6]),
    "checkpoint.before": (BOTH, [1]),
    "checkpoint.after": (BOTH, [1]),
}


class Doomed(Lines):
    """A headless sotto that is going to be killed, maybe before it is
    ready."""

    def __init__(self, home, name, port, place):
        self.process = subprocess.Popen(
            [sotto.SOTTO, "--headless", "--home", home, "--port", str(port),
             "--nick", name, "--no-discover"], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, bufsize=0,
            env=dict(os.environ, SOTTO_CRASH=place))
        super().__init__(self.process.stdout.fileno(), self.write_some)

    def write_some(self, data):
        try:
            self.process.stdin.write(data)
        except BrokenPipeError:
            pass

    def read(self, timeout):
        """What came before the end is heard; half a line is not."""
        came = super().read(timeout)
        if self.over:
            self.buffer = b""
        return came

    def is_dead(self):
        return self.over or self.process.poll() is not None

    def dies(self, place):
        until = time.monotonic() + sotto.PATIENCE
        while self.process.poll() is None and time.monotonic() < until:
            self.read(0.05)
        while self.read(0):
            pass
        code = self.process.poll()
        assert code is not None, "%s was never reached" % place
        assert code == -signal.SIGKILL, (place, code)
        self.process.stdin.close()
        self.process.stdout.close()


def pages(node, cmd, **more):
    """All rows of a query."""
    rows, before = [], {}
    while True:
        items, result = node.ask(cmd, limit=128, **before, **more)
        assert result["ok"], result
        rows = [i["message"] for i in items] + rows
        if not result.get("more"):
            return rows
        before = {"before": result["next"]}


def accepted(lines):
    """The ids of all that was taken for sending."""
    return [e["id"] for e in lines.seen
            if e["event"] == "result" and e["ok"] and "state" in e]


def send_until_dead(sender, victim, to, text):
    """One at a time, so that each has its own commits; many enough for a
    checkpoint."""
    for i in range(400):
        ref, since = "s%d" % i, len(sender.seen)
        sender.say(cmd="send", ref=ref, to=to, wait="none",
                   text="%s %d" % (text, i))
        result = sender.find(lambda e: e.get("ref") == ref, since)
        if result is None:
            assert sender is victim and victim.is_dead(), "no result"
            return
        assert result["ok"], result
        until = time.monotonic() + sotto.PATIENCE
        while not sender.find(lambda e: e["event"] == "status" and
                              e["id"] == result["id"] and
                              e["state"] == "delivered", since, 0.1):
            if victim.is_dead():
                return
            assert time.monotonic() < until, "neither delivered nor dead"
        victim.read(0)


def check(sender, receiver, ids):
    """All of it arrived, once, in order; ids: of what must be among it."""
    until = time.monotonic() + 60
    while sender.ask("outbox")[0]:
        assert time.monotonic() < until, sender.ask("outbox")[0]
        sender.read(0.1)
    here = [m for m in pages(sender, "history", peer=receiver.at)
            if m["dir"] == "out"]
    there = [m for m in pages(receiver, "history", peer=sender.id)
             if m["dir"] == "in"]
    assert {m["state"] for m in here} == {"delivered"}, \
        [m for m in here if m["state"] != "delivered"]
    assert [m["id"] for m in here] == [m["id"] for m in there], \
        ([m["text"][:20] for m in here], [m["text"][:20] for m in there])
    assert [m["text"] for m in here] == [m["text"] for m in there]
    assert len({m["id"] for m in there}) == len(there)
    assert set(ids) <= {m["id"] for m in here}, "something was forgotten"
    told = [e["id"] for e in receiver.seen
            if e["event"] == "message" and e["dir"] == "in"]
    assert len(told) == len(set(told)), "told twice"


def crash(root, point, who, count):
    place = "%s:%d" % (point, count)
    text = "y" * (3000 if point.startswith("checkpoint") else 10)
    ana, bob = Node(root, "ana", port=free_port()), \
        Node(root, "bob", port=free_port())
    ids = [ana.done("send", to=bob.at, text="before")["id"]]
    if who == "sender":
        ana.end()
        victim = Doomed(ana.home, "ana", ana.port, place)
        send_until_dead(victim, victim, bob.at, text)
        victim.dies(place)
        ids += accepted(victim)
        ana = Node(root, "ana", port=ana.port)
    else:
        bob.end()
        victim = Doomed(bob.home, "bob", bob.port, place)
        send_until_dead(ana, victim, bob.at, text)
        victim.dies(place)
        ids += accepted(ana)
        bob = Node(root, "bob", port=bob.port)
    ids.append(ana.done("send", to=bob.at, text="after")["id"])
    check(ana, bob, ids)
    ana.end()
    bob.end()
    # and what they said is on the disk
    bob = Node(root, "bob", port=bob.port)
    ana = Node(root, "ana", port=ana.port)
    check(ana, bob, ids)
    ana.end()
    bob.end()


def first_contact(root, point, count):
    """Killed at one of its very first commits: who it is, and whom it has
    just met."""
    place = "%s:%d" % (point, count)
    port = free_port()
    ana = Node(root, "ana", port=free_port())
    victim = Doomed(os.path.join(root, "bob"), "bob", port, place)
    send_until_dead(ana, victim, "127.0.0.1:%d" % port, "hello")
    victim.dies(place)
    bob = Node(root, "bob", port=port)
    ana.done("send", to=bob.at, text="after")
    assert not [e for e in ana.seen if e["event"] == "security"]
    check(ana, bob, accepted(ana))
    ana.end()
    bob.end()


def add_test(name, test, *words):
    def body(root):
        test(root, *words)
    body.__name__ = "test_" + name
    globals()[body.__name__] = body


def test_no_place_is_forgotten(root):
    found = set()
    for path in glob.glob(os.path.join(ROOT, "src", "*.c")) + \
            glob.glob(os.path.join(ROOT, "proto", "*.c")):
        with open(path, encoding="utf-8") as f:
            found |= set(re.findall(r'crash_point\("([^"]+)"\)', f.read()))
    assert found == set(POINTS), found ^ set(POINTS)


for point, (sides, counts) in POINTS.items():
    for side in sides:
        for nth in counts:
            add_test("%s_%d_%s" % (point.replace(".", "_"), nth, side),
                     crash, point, side, nth)
for nth in range(1, 6):
    for point in ("commit.before", "commit.after"):
        add_test("first_contact_%s_%d" % (point.replace(".", "_"), nth),
                 first_contact, point, nth)


if __name__ == "__main__":
    with open(sotto.SOTTO, "rb") as program:
        if b"SOTTO_CRASH" not in program.read():
            print("skipped: built without -DCRASH_POINTS=ON")
            sys.exit(77)
    sotto.main(globals())
