#!/usr/bin/env python3
"""Letters wait in a center of two nodes on three NATS servers, and everything
is killed in turn, while they are left there, while they wait, and while they
are fetched: each is delivered, once. SOTTO_WAITING is how many; 1200."""
import os
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import nats  # noqa: E402
from sotto import Node, free_port, main  # noqa: E402

WAITING = int(os.environ.get("SOTTO_WAITING", "1200"))
BOX = 2500      # letters for one receiver; a center takes 5000
PAIR = 1000     # from one sender to one receiver
PATIENCE = 180


def started(node):
    """Said as it goes, when it takes long."""
    if WAITING > 1000 or "SOTTO_SAY" in os.environ:
        print("     %6.1f s  %s" % (time.monotonic() - BEGAN, node))
        sys.stdout.flush()


BEGAN = time.monotonic()


class World:
    def __init__(self, root):
        self.root = root
        self.servers, hosts = nats.three(root)
        where = "nats://%s?replicas=3&shards=4" % hosts
        ports = free_port(), free_port()
        config = "addresses = 127.0.0.1:%d, 127.0.0.1:%d\n" % ports
        one = nats.Center(root, "one", where, port=ports[0], config=config,
                          patience=PATIENCE)
        two = nats.Center(root, "two", where, one, ports[1], config,
                          patience=PATIENCE)
        self.centers = [one, two]
        n_to = max(2, -(-WAITING // BOX))
        n_from = max(2, -(-WAITING // n_to // PAIR))
        self.each = -(-WAITING // n_to // n_from)
        self.to = [self.person("to%d" % i) for i in range(n_to)]
        self.sender = [self.person("from%d" % i) for i in range(n_from)]
        started("%d to %d, %d each" % (n_from, n_to, self.each))

    def person(self, name):
        node = Node(self.root, name, port=free_port())
        center = self.centers[len(name) % 2 ^ int(name[-1]) % 2]
        # servers that have just come up may need a moment
        until = time.monotonic() + PATIENCE
        while True:
            _, result = node.ask("login", to=center.at, user=name,
                                 password="sesame")
            if result["ok"]:
                return node
            assert time.monotonic() < until, result
            node.read(1)

    def again(self, node):
        return Node(self.root, node.name, home=node.home, port=node.port)

    def kill_servers(self, pause):
        """Each in turn, with a while between: two of three always live."""
        for server in self.servers:
            server.kill()
            time.sleep(pause)
            server.start()
            self.whole()

    def whole(self):
        """Until every stream has all its copies again."""
        until = time.monotonic() + PATIENCE
        while not all(map(self.complete, self.streams())):
            assert time.monotonic() < until, "they do not come together"
            time.sleep(0.2)

    def streams(self):
        while True:
            answer = self.servers[0].ask("$JS.API.STREAM.NAMES")
            if answer.get("streams"):
                return answer["streams"]
            time.sleep(0.2)

    def complete(self, name):
        cluster = self.servers[0].ask("$JS.API.STREAM.INFO." + name).get(
            "cluster", {})
        return cluster.get("leader") and all(
            r.get("current") for r in cluster.get("replicas", []))

    def waiting(self):
        """Letters for those who fetch that are at the center."""
        n = 0
        for name in self.streams():
            if "_mail_" not in name:
                continue
            info = self.servers[0].ask("$JS.API.STREAM.INFO." + name,
                                       '{"subjects_filter":">"}')
            if "state" not in info:
                return -1
            for subject, count in info["state"].get("subjects", {}).items():
                box = subject.split(".")[-1]
                n += count * any(t.id == box for t in self.to)
        return n

    def kill_center(self, i):
        center = self.centers[i]
        center.kill()
        self.centers[i] = nats.Center(self.root, center.name, "",
                                      port=center.port, patience=PATIENCE)


def meet(world):
    """Everybody hears of everybody where his letters go."""
    for sender in world.sender:
        for to in world.to:
            sender.done("connect", to=to.at)
            sender.done("send", to=to.at, text="hello", wait="ack")
            to.want(event="message", text="hello", peer__id=sender.id)
            to.done("send", to=sender.id, text="hello you", wait="ack")


def wanted(world, to):
    return sorted("%s to %s: %d" % (s.name, to.name, i)
                  for s in world.sender for i in range(world.each))


def write(world):
    """Each sender is some answers ahead, and all of them were good."""
    for i in range(world.each):
        for sender in world.sender:
            for to in world.to:
                since = len(sender.seen)
                sender.say(cmd="send", to=to.id, wait="none", ref="%s %d" % (
                    to.name, i), text="%s to %s: %d" % (sender.name, to.name,
                                                        i))
            if i % 10 == 9 or i == world.each - 1:
                result = sender.want(since, event="result",
                                     ref="%s %d" % (to.name, i))
                assert result["ok"], result


def all_stored(world):
    """Until no sender has anything that is not at the center."""
    until = time.monotonic() + PATIENCE
    for sender in world.sender:
        while True:
            states, n, more = [], 0, True
            while more:
                items, result = sender.ask("outbox", n=n, limit=128)
                states += [i["outbox"]["state"] for i in items]
                more, n = result["more"], result.get("next_n")
            assert len(states) == world.each * len(world.to), len(states)
            if set(states) == {"stored"}:
                break
            assert time.monotonic() < until, (sender.name,
                                              states.count("stored"))
            sender.read(1)


def history(node):
    """All texts that came, as the disk has them."""
    texts, since = [], 0
    while True:
        items, result = node.ask("since", n=since, limit=500)
        for item in items:
            m = item["message"]
            since = max(since, m["n"])
            if m["dir"] == "in" and " to " in m["text"]:
                texts.append(m["text"])
        if not items:
            return sorted(texts)


def test_all_of_it_once(root):
    world = World(root)
    meet(world)
    for to in world.to:
        to.end()
    started("written")
    killer = threading.Thread(target=world.kill_servers, args=(0.5,))
    killer.start()
    write(world)
    world.kill_center(0)
    world.kill_center(1)
    killer.join()
    all_stored(world)
    started("stored")
    for sender in world.sender:
        sender.end()
    # no copies, but a hello now and then
    n, pairs = world.waiting(), len(world.to) * len(world.sender)
    assert 0 <= n - pairs * world.each <= 8 * pairs, n
    world.kill_servers(1)
    world.kill_center(0)
    started("%d wait" % n)
    for kill in (world.kill_center, lambda i: world.servers[i].kill()):
        to = [world.again(t) for t in world.to]
        to[0].find(lambda e: e["event"] == "message")
        for i in range(2):
            kill(i)
        for t in to:
            t.read(0.2)
            t.kill()
        for server in world.servers:
            if server.process.poll() is not None:
                server.start()
        world.whole()
    to = [world.again(t) for t in world.to]
    until = time.monotonic() + PATIENCE
    for t in to:
        want = wanted(world, t)
        while len(set(history(t))) < len(want):
            assert time.monotonic() < until, (
                t.name, len(history(t)), world.waiting(),
                [e["text"] for e in t.seen if e["event"] == "notice"],
                t.ask("online"))
            t.read(1)
        assert history(t) == want
    started("delivered")
    # and what was taken waits no longer
    while world.waiting():
        assert time.monotonic() < until, world.waiting()
        time.sleep(0.5)
    for node in to + world.centers:
        node.end()
    for server in world.servers:
        server.kill()


if __name__ == "__main__":
    nats.here_or_skip()
    main(globals())
