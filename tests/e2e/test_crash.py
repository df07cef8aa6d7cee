#!/usr/bin/env python3
"""A named place to die at, on either side: the message is there once, and the
outbox is empty when both live again. Needs a build with CRASH_POINTS."""
import os
import signal
import sys
import time

import sotto
from sotto import Node, SOTTO

# where, and who dies there: the one who sends, or the one who receives
PLACES = [
    ("send.before", "ana"), ("send.after", "ana"), ("ack.before_mark", "ana"),
    ("commit.before", "ana"), ("commit.after", "ana"),
    ("recv.before_store", "bob"), ("recv.before_ack", "bob"),
    ("commit.before", "bob"), ("commit.after", "bob"),
]


def texts(node, peer):
    items, _ = node.ask("history", peer=peer, limit=128)
    return [i["message"]["text"] for i in items]


def say(node):
    try:
        node.say(cmd="send", ref="x", to="bob", text="meanwhile", wait="none")
    except BrokenPipeError:
        pass  # it died of something before


def die(root, place, who):
    folder = os.path.join(root, "%s-%s" % (place, who))
    os.mkdir(folder)
    ana, bob = Node(folder, "ana"), Node(folder, "bob")
    ana.done("connect", to=bob.at)
    ana.done("send", to="bob", text="before")
    ports = {"ana": ana.port, "bob": bob.port}
    node = ana if who == "ana" else bob
    node.end()
    node = Node(folder, who, port=ports[who], crash=place + ":1")
    ana, bob = (node, bob) if who == "ana" else (ana, node)
    say(ana)
    node.gone(-signal.SIGKILL)
    node = Node(folder, who, port=ports[who])
    ana, bob = (node, bob) if who == "ana" else (ana, node)
    if "meanwhile" not in texts(ana, "bob"):
        # It died before the disk had it, so nobody was told that it is safe.
        assert who == "ana" and place in ("commit.before", "send.before")
        say(ana)
    until = time.monotonic() + 40
    while ana.ask("outbox")[0]:
        assert time.monotonic() < until, "the outbox is not empty"
        time.sleep(0.05)
    ana.done("send", to="bob", text="after", timeout_ms=40000)
    assert texts(bob, "ana") == ["before", "meanwhile", "after"]
    assert texts(ana, "bob") == ["before", "meanwhile", "after"]
    ana.end()
    bob.end()


def test_every_place(root):
    for place, who in PLACES:
        die(root, place, who)
        print("     %s: %s" % (who, place))


if __name__ == "__main__":
    with open(SOTTO, "rb") as f:
        if b"SOTTO_CRASH" not in f.read():
            print("skipped: built without CRASH_POINTS")
            sys.exit(77)
    sotto.main(globals())
