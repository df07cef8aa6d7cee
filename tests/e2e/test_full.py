#!/usr/bin/env python3
"""A full disk: it is said, nothing ends, nothing that was acknowledged or
accepted is lost, and all goes on when there is room again. On a small tmpfs
of our own where that can be mounted, and under a limit of the size of
files."""
import os
import resource
import subprocess
import sys
import threading
import time

import sotto
from sotto import Node, free_port

OWN = "SOTTO_TEST_MOUNTS"   # set: the mounts are ours alone
NO_LIMIT = resource.RLIM_INFINITY
BIG = 12000


class Small:
    """A file system of 6 MiB."""

    def __init__(self, root):
        self.home = os.path.join(root, "small")
        self.filler = os.path.join(self.home, "filler")
        os.mkdir(self.home)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m,mode=700",
                        "tmpfs", self.home], check=True)

    def fill(self, node, but=0):
        with open(self.filler, "wb", buffering=0) as f:
            for size in (65536, 1):
                try:
                    while f.write(b"\xaa" * size):
                        pass
                except OSError:
                    pass
            f.truncate(f.tell() - but)

    def empty(self, node):
        os.unlink(self.filler)

    def close(self):
        subprocess.run(["umount", "-l", self.home], check=True)


class Limit:
    """No file may be longer than a page."""

    def __init__(self, root):
        self.home = os.path.join(root, "limited")

    def fill(self, node):
        resource.prlimit(node.process.pid, resource.RLIMIT_FSIZE,
                         (4096, NO_LIMIT))

    def empty(self, node):
        if node.process.poll() is None:
            resource.prlimit(node.process.pid, resource.RLIMIT_FSIZE,
                             (NO_LIMIT, NO_LIMIT))

    def close(self):
        pass


def full(node, since=0):
    return [e for e in node.seen[since:] if e["event"] == "notice" and
            e["level"] == "error" and "disk is full" in e["text"]]


def again(node, since):
    assert node.find(lambda e: e["event"] == "notice" and
                     "written again" in e["text"], since, 30), \
        "it did not go on"


def messages(node, peer, direction):
    rows, before = [], {}
    while True:
        items, result = node.ask("history", peer=peer, limit=128, **before)
        assert result["ok"], result
        rows = [i["message"] for i in items] + rows
        if not result.get("more"):
            return [m for m in rows if m["dir"] == direction]
        before = {"before": result["next"]}


def delivered(node):
    return [e["id"] for e in node.seen if e["event"] == "status" and
            e["state"] == "delivered"]


def send_until_full(sender, receiver, size=BIG):
    """Big texts, one at a time, until the receiver says that it is full; their
    ids."""
    ids = []
    for i in range(600):
        ids.append(sender.done("send", to=receiver.at, wait="none",
                               text="%d %s" % (i, "z" * size))["id"])
        until = time.monotonic() + 20
        while not sender.find(lambda e: e["event"] == "status" and
                              e["id"] == ids[-1] and
                              e["state"] == "delivered", patience=0.1):
            if heard(receiver):
                return ids
            assert time.monotonic() < until, "neither delivered nor full"
    raise AssertionError("it never was full")


def heard(node):
    """Whether it has said that it is full."""
    while node.read(0):
        pass
    return bool(full(node))


def start(root, disk, *options):
    far, here = Node(root, "far", port=free_port()), \
        Node(root, "here", *options, home=disk.home, port=free_port())
    ids = [far.done("send", to=here.at, text="before")["id"]]
    here.done("send", to=far.at, text="before, too")
    return far, here, ids


def check(sender, receiver, ids, patience=60):
    """What was accepted arrived once, in order; nothing waits."""
    until = time.monotonic() + patience
    while sender.ask("outbox")[0]:
        assert time.monotonic() < until, "the outbox is not empty"
        sender.read(0.2)
    there = messages(receiver, sender.id, "in")
    assert [m["id"] for m in there] == ids, (len(there), len(ids))
    here = messages(sender, receiver.id, "out")
    assert [m["id"] for m in here] == ids, (len(here), len(ids))
    assert {m["state"] for m in here} == {"delivered"}


def end(*nodes):
    for node in nodes:
        node.end()


def receiver_full(root, disk):
    far, here, ids = start(root, disk)
    disk.fill(here)
    ids += send_until_full(far, here)
    # it lives, answers, and takes nothing that it could not keep
    assert here.done("id")["id"] == here.id
    assert here.ask("peers")[0]
    here.refused("disk_full", "send", to=far.at, text="x")
    last = far.done("send", to=here.at, text="later", wait="none")["id"]
    ids.append(last)
    assert not far.find(lambda e: e["event"] == "status" and
                        e["id"] == last and e["state"] == "delivered",
                        patience=1)
    acked = [i for i in ids if i in delivered(far)]
    assert set(acked) <= {m["id"] for m in messages(here, far.id, "in")}
    assert len(full(here)) == 1, full(here)
    since = len(here.seen)
    disk.empty(here)
    again(here, since)
    check(far, here, ids)
    assert here.done("send", to=far.at, text="thanks")
    assert not full(here, since)
    told = [e["id"] for e in here.seen
            if e["event"] == "message" and e["dir"] == "in"]
    assert sorted(told) == sorted(set(told)) == sorted(ids)
    end(far, here)


def receiver_full_and_killed(root, disk):
    """What it acknowledged is there, also after the worst."""
    far, here, ids = start(root, disk)
    disk.fill(here)
    ids += send_until_full(far, here)
    here.kill()
    while far.read(0.2):
        pass
    acked = [i for i in ids if i in delivered(far)]
    disk.empty(here)
    here = Node(root, "here", home=disk.home, port=here.port)
    have = {m["id"] for m in messages(here, far.id, "in")}
    assert set(acked) <= have, "acknowledged and lost"
    check(far, here, ids)
    end(far, here)


def burst(node, to, n):
    """So many commands at once, each with one result; the ids accepted."""
    since = len(node.seen)
    feeder = threading.Thread(target=lambda: [
        node.say(cmd="send", ref="b%d" % i, to=to, wait="none",
                 text="%d %s" % (i, "z" * BIG)) for i in range(n)])
    feeder.start()
    results = [node.want(since, event="result", ref="b%d" % i)
               for i in range(n)]
    feeder.join()
    assert [e["event"] for e in node.seen[since:]].count("result") == n
    bad = {r["code"] for r in results if not r["ok"]}
    assert bad == {"disk_full"}, bad
    return [r["id"] for r in results if r["ok"]]


def sender_full(root, disk):
    far, here, _ = start(root, disk)
    ids = [m["id"] for m in messages(here, far.id, "out")]
    disk.fill(here)
    ids += burst(here, far.at, 200)
    assert heard(here)
    here.refused("disk_full", "send", to=far.at, text="x")
    here.refused("disk_full", "rename", peer=far.at, name="y")
    # longer than it takes to look at the disk again: that says nothing new
    assert not here.find(lambda e: "written again" in e.get("text", ""),
                         patience=6)
    assert here.done("id") and len(full(here)) == 1
    since = len(here.seen)
    disk.empty(here)
    again(here, since)
    ids.append(here.done("send", to=far.at, text="after")["id"])
    check(here, far, ids)
    end(far, here)


def end_while_full(root, disk):
    """It ends when told to, and begins again with what it had."""
    far, here, ids = start(root, disk)
    disk.fill(here)
    ids += send_until_full(far, here)
    here.end()
    who = here.id
    disk.empty(here)
    here = Node(root, "here", home=disk.home, port=here.port)
    assert here.id == who
    check(far, here, ids)
    end(far, here)


def test_full_of_its_own(root):
    """Full by what it stores itself, one message at a time."""
    if OWN not in os.environ:
        print("     not without a file system of our own")
        return
    disk = Small(root)
    try:
        disk.fill(None, but=600 << 10)
        ana, bob = Node(root, "ana"), Node(root, "bob", home=disk.home)
        ana.done("connect", to=bob.at)
        ids = send_until_full(ana, bob, 3000)
        assert 3 < len(ids) < 400
        have = [m["id"] for m in messages(bob, ana.id, "in")]
        assert have == ids[:len(have)] and len(ids) - len(have) <= 1
        bob.refused("disk_full", "send", to="ana", text="no room")
        since = len(bob.seen)
        disk.empty(bob)
        again(bob, since)
        check(ana, bob, ids)
        bob.done("send", to="ana", text="room")
        end(ana, bob)
    finally:
        disk.close()


def test_start_without_room(root):
    """It says why, or it runs; it does not harm what is there."""
    if OWN not in os.environ:
        print("     not without a file system of our own")
        return
    disk = Small(root)
    try:
        far, here, ids = start(root, disk)
        here.end()
        disk.fill(None)
        code, out, err = sotto.run("--headless", home=disk.home,
                                   options=("--port", "0"),
                                   stdin=b'{"cmd":"id","ref":"i"}\n')
        if code:
            assert code == 1 and err.strip(), (code, out, err)
        else:
            assert '"bye"' in out, (out, err)
        disk.empty(None)
        again_here = Node(root, "here", home=disk.home, port=here.port)
        assert again_here.id == here.id
        check(far, again_here, ids)
        end(far, again_here)
    finally:
        disk.close()


def test_no_journal(root):
    """It is said once to whoever listens, and nothing else is wrong."""
    home = os.path.join(root, "ana")
    os.makedirs(os.path.join(home, "log.txt"), mode=0o700)
    ana, bob = Node(root, "ana", home=home), Node(root, "bob")
    ana.want(event="notice", level="warn",
             text=os.path.join(home, "log.txt") +
             " cannot be written: no journal")
    ana.done("send", to=bob.at, text="x")
    bob.done("send", to=ana.at, text="y")
    ana.want(event="message", text="y")
    end(ana, bob)
    said = [e for e in ana.seen if e["event"] == "notice"]
    assert len(said) == 1, said


def add_test(name, test, kind):
    def body(root):
        disk = kind(root)
        try:
            test(root, disk)
        finally:
            disk.close()
    body.__name__ = "test_%s_%s" % (name, kind.__name__.lower())
    globals()[body.__name__] = body


for kind in (Limit, Small) if OWN in os.environ else (Limit,):
    for case in (receiver_full, receiver_full_and_killed, sender_full,
                 end_while_full):
        add_test(case.__name__, case, kind)


def mounts_of_our_own():
    """Runs us again where mounts are ours alone; returns when that is not
    allowed."""
    for how in (["unshare", "-m"], ["unshare", "-rm"]):
        try:
            tried = subprocess.run(
                how + ["mount", "-t", "tmpfs", "tmpfs", "/tmp"],
                capture_output=True, check=False)
        except FileNotFoundError:
            continue
        if tried.returncode == 0:
            os.environ[OWN] = "1"
            os.execvp("unshare", how + [sys.executable] + sys.argv)
    print("no file system of our own can be mounted: less is tried")


if __name__ == "__main__":
    if OWN not in os.environ:
        mounts_of_our_own()
    sotto.main(globals())
