#!/usr/bin/env python3
"""2,000 messages between two real processes, and kill -9 of either at random:
none lost, none twice, and the outbox empty soon after the last of them.

"delivered" is told before it is on the sender's own disk: the last of it is
forgotten when he is killed, and learned again from the recipient. So the
sender is killed once more when all was told: what he then has in his outbox
must leave it by itself."""
import json
import os
import random
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from sotto import free_port

SOTTO = os.environ["SOTTO"]
MESSAGES = int(os.environ.get("KILL_MESSAGES", "2000"))
SEED = int(os.environ.get("KILL_SEED", str(random.randrange(1 << 30))))
WINDOW = 40


class Node:
    """One identity; its process comes and goes, its folder stays."""

    def __init__(self, root, name):
        self.home = os.path.join(root, name)
        self.name = name
        self.port = free_port()
        self.process = None
        self.buffer = b""
        self.kept = []      # what came while an answer was waited for
        self.kills = 0

    def start(self):
        self.buffer = b""
        self.process = subprocess.Popen(
            [SOTTO, "--headless", "--home", self.home, "--port",
             str(self.port), "--nick", self.name, "--no-discover"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL)
        os.set_blocking(self.process.stdout.fileno(), False)

    def say(self, **command):
        try:
            self.process.stdin.write(json.dumps(command).encode() + b"\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass

    def lines(self):
        """The whole lines that have come; half a line at a kill is dropped."""
        kept, self.kept = self.kept, []
        return kept + self.fresh()

    def fresh(self):
        try:
            data = self.process.stdout.read()
        except BlockingIOError:
            data = None
        self.buffer += data or b""
        *whole, self.buffer = self.buffer.split(b"\n")
        return [json.loads(line) for line in whole if line]

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.kills += 1

    def quit(self):
        self.process.stdin.close()
        self.process.wait(20)


def query(node, cmd, until, **more):
    """All items of a query and its result; what else comes is kept."""
    items, result = [], None
    node.say(cmd=cmd, ref="q", **more)
    while not result and time.monotonic() < until:
        select.select([node.process.stdout], [], [], 1)
        for line in node.fresh():
            if line.get("ref") != "q":
                node.kept.append(line)
            elif line["event"] == "item":
                items.append(line)
            elif line["event"] == "result":
                result = line
    return items, result or sys.exit("no result of " + cmd)


def history(node, peer, until):
    """Every stored message with a peer, newest page first."""
    rows, before = [], None
    while True:
        more = {"before": before} if before else {}
        items, result = query(node, "history", until, peer=peer, limit=128,
                              **more)
        rows = [i["message"] for i in items] + rows
        if not result.get("more"):
            return rows
        before = items[0]["message"]["id"]


def empty(node, until):
    """Waits until nothing is in its outbox; what was there at first, and at
    last."""
    first = left = query(node, "outbox", until)[0]
    while left and time.monotonic() < until:
        select.select([node.process.stdout], [], [], 0.1)
        node.lines()
        left = query(node, "outbox", until)[0]
    return first, left


def main():
    rng = random.Random(SEED)
    root = tempfile.mkdtemp(prefix="sotto-kill-")
    print("seed", SEED)
    ana, bob = Node(root, "ana"), Node(root, "bob")
    to = "127.0.0.1:%d" % bob.port
    for node in (ana, bob):
        node.start()
    accepted, refs, sent, delivered = {}, {}, 0, set()
    until = time.monotonic() + 240
    next_kill = rng.randrange(20, 120)
    while len(delivered) < MESSAGES:
        if time.monotonic() > until:
            sys.exit("only %d of %d delivered, kills %d and %d" %
                     (len(delivered), MESSAGES, ana.kills, bob.kills))
        if sent < MESSAGES and sent - len(delivered) < WINDOW:
            refs["s%d" % sent] = sent
            ana.say(cmd="send", ref="s%d" % sent, to=to,
                    text="number %d" % sent, wait="none")
            sent += 1
        else:
            select.select([ana.process.stdout, bob.process.stdout], [], [],
                          0.05)
        for line in ana.lines():
            if line["event"] == "result" and line.get("ref") in refs:
                if not line["ok"]:
                    sys.exit("refused: %s" % line)
                accepted[line["id"]] = refs.pop(line["ref"])
            elif (line["event"] == "status" and
                  line["state"] == "delivered" and line["id"] in accepted):
                delivered.add(line["id"])
        bob.lines()
        if len(delivered) >= next_kill:
            next_kill = len(delivered) + rng.randrange(20, 120)
            node = rng.choice([ana, bob])
            node.kill()
            # What the dead one had read and not answered is not known to be
            # accepted: ask its history which of them it holds.
            node.start()
            if node is ana:
                rows = history(ana, to, until)
                for m in rows:
                    n = int(m["text"].split()[1])
                    accepted[m["id"]] = n
                    if m.get("state") == "delivered":
                        delivered.add(m["id"])
                known = set(accepted.values())
                for ref, n in list(refs.items()):
                    del refs[ref]
                    if n in known:
                        continue
                    refs[ref + "x"] = n  # it never was accepted: once more
                    ana.say(cmd="send", ref=ref + "x", to=to,
                            text="number %d" % n, wait="none")
    ana.kill()
    ana.start()
    until = time.monotonic() + 60
    forgotten, left = empty(ana, until)
    states = {m["state"] for m in history(ana, to, until)}
    rows = history(bob, query(ana, "id", until)[1]["id"], until)
    got = [m["text"] for m in rows if m["dir"] == "in"]
    for node in (ana, bob):
        node.quit()
    lost = {"number %d" % n for n in range(MESSAGES)} - set(got)
    twice = len(got) - len(set(got))
    print("%d messages, %d and %d kills: %d lost, %d twice, %d in the outbox "
          "(%d at the last kill), %s"
          % (MESSAGES, ana.kills, bob.kills, len(lost), twice, len(left),
             len(forgotten), " ".join(sorted(states))))
    if (lost or twice or left or states != {"delivered"} or
            ana.kills + bob.kills < 15):
        sys.exit("what they kept is in " + root)
    shutil.rmtree(root)


main()
