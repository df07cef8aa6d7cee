#!/usr/bin/env python3
"""A disk that is full: it is said, nothing that was acknowledged is lost,
nothing ends, and it goes on by itself when there is room. Needs to mount a
small file system (root), else skipped."""
import os
import subprocess
import sys

import sotto
from sotto import Node

TEXT = "x" * 3000


def mount(folder, *options):
    return subprocess.run(["mount", "-t", "tmpfs", "-o", ",".join(options),
                           "tmpfs", folder],
                          stderr=subprocess.DEVNULL).returncode == 0


def history(node, peer):
    """The numbers at the end of all texts, oldest first."""
    got, more = [], {}
    while True:
        items, result = node.ask("history", peer=peer, limit=128, **more)
        got = [int(i["message"]["text"][len(TEXT):]) for i in items] + got
        if not result["more"]:
            return got
        more = {"before": result["next"]}


def test_full(root):
    small = os.path.join(root, "small")
    os.mkdir(small)
    if not mount(small, "size=600k"):
        print("skipped: no file system can be mounted here")
        sys.exit(77)
    try:
        fill_and_free(root, small)
    finally:
        subprocess.run(["umount", "-l", small])


def fill_and_free(root, small):
    bob = Node(root, "bob", home=os.path.join(small, "bob"))
    ana = Node(root, "ana")
    ana.done("connect", to=bob.at)
    acked = []
    for i in range(400):
        _, result = ana.ask("send", to=bob.at, text=TEXT + str(i),
                            timeout_ms=1500, on_timeout="queue")
        if not result["ok"]:
            assert result["code"] == "queued", result
            break
        acked.append(i)
    assert 3 < len(acked) < 399
    notice = bob.want(event="notice", level="error")
    assert "disk is full" in notice["text"]
    # it lives, answers, and refuses what it could not keep
    assert history(bob, "ana") == acked
    bob.refused("disk_full", "send", to="ana", text="no room")
    subprocess.run(["mount", "-o", "remount,size=16m", small], check=True)
    bob.want(event="notice", level="info")
    ana.want(event="status", state="delivered", n=len(acked) + 1,
             patience=60)
    assert history(bob, "ana") == acked + [len(acked)]
    bob.done("send", to="ana", text=TEXT + "9")
    ana.end()
    bob.end()


if __name__ == "__main__":
    sotto.main(globals())
