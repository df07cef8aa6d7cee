#!/usr/bin/env python3
"""Two who cannot reach each other, both logged in at one center: it makes one
connection of two, and what goes through is theirs alone. The last test puts
them into networks of their own, which takes root and iproute2."""
import os
import select
import shutil
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import nats  # noqa: E402
from sotto import SOTTO, Lines, Node, free_port, main  # noqa: E402


class Center(Node):
    """`sotto center`: a headless one, so its lines are like any other's."""

    def __init__(self, root, name="center", port=0, more="", prefix=(),
                 bind="127.0.0.1"):
        self.home = os.path.join(root, name)
        self.name = name
        os.makedirs(self.home, exist_ok=True)
        with open(os.path.join(self.home, "config.ini"), "w") as f:
            f.write("accounts = open\n" + more)
        self.process = subprocess.Popen(
            [*prefix, SOTTO, "center", "--home", self.home, "--port",
             str(port), "--bind", bind], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, bufsize=0)
        Lines.__init__(self, self.process.stdout.fileno(),
                       self.process.stdin.write)
        self.ready = self.want(event="ready")
        self.port = self.ready["port"]
        self.at = "127.0.0.1:%d" % self.port

    def end(self, expect=0):
        self.done("quit")
        return super().end(expect)


class Wire:
    """Stands between people and their center, and keeps all it sees: a
    connection is a list of two byte strings, there and back."""

    def __init__(self, port):
        self.to = port
        self.seen = []
        self.door = socket.create_server(("127.0.0.1", 0))
        self.port = self.door.getsockname()[1]
        self.at = "127.0.0.1:%d" % self.port
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                one, _ = self.door.accept()
            except OSError:
                return
            try:
                two = socket.create_connection(("127.0.0.1", self.to))
            except OSError:
                one.close()
                continue
            seen = [b"", b""]
            self.seen.append(seen)
            threading.Thread(target=self.carry, args=(one, two, seen),
                             daemon=True).start()

    @staticmethod
    def carry(one, two, seen):
        ends = [one, two]
        try:
            while True:
                for s in select.select(ends, [], [])[0]:
                    i = ends.index(s)
                    data = s.recv(65536)
                    if not data:
                        return
                    seen[i] += data
                    ends[1 - i].sendall(data)
        except OSError:
            pass
        finally:
            one.close()
            two.close()

    def openings(self):
        """Connections that begin with a token."""
        return [s for s in self.seen if s[0].startswith(b"SVR\x01")]

    def close(self):
        self.door.close()


def login(node, at, user):
    result = node.done("login", to=at, user=user, password="sesame")
    assert result["text"] == "Welcome, %s !" % user, result


def start(root, name, **more):
    return Node(root, name, "--bind", "127.0.0.1", **more)


def strangers_no_more(root, at, there):
    """ana and bob have met, and each has heard of the other's center."""
    ana, bob = start(root, "ana"), start(root, "bob")
    login(ana, at, "ana")
    login(bob, there, "bob")
    ana.done("connect", to=bob.at)
    ana.done("send", to=bob.at, text="first")
    bob.want(event="message", text="first")
    bob.done("reply", text="second")
    ana.want(event="message", text="second")
    # their hellos say where letters go once they know each other
    ana.end()
    bob.end()
    ana = start(root, "ana", home=ana.home, port=ana.port)
    bob = start(root, "bob", home=bob.home, port=bob.port)
    welcome(ana)
    welcome(bob)
    ana.done("connect", to=bob.at)
    ana.done("send", to=bob.at, text="third")
    bob.want(event="message", text="third")
    ana.end()
    bob.end()
    return ana, bob


def welcome(node):
    node.find(lambda e: e["event"] == "notice" and
              e["text"].startswith("Welcome"))


def apart(root, at, there=None):
    """They come back, each at a port that the other has never heard of."""
    ana, bob = strangers_no_more(root, at, there or at)
    ana = start(root, "ana", home=ana.home, port=free_port())
    bob = start(root, "bob", home=bob.home, port=free_port())
    welcome(ana)
    welcome(bob)
    return ana, bob


def together(node, to):
    """They have a link. Who asked before the other one was logged in asks
    again; what is sent meanwhile may go as a letter."""
    until = time.monotonic() + 40
    while not node.ask("connect", to=to)[1]["ok"]:
        assert time.monotonic() < until
        time.sleep(1)  # a center takes so many questions a minute


def delivered(node, to, text, patience=60):
    """By a link, not by a letter: the other one's own ACK."""
    since = len(node.seen)
    result = node.done("send", to=to, text=text, wait="ack",
                       patience=patience)
    states = [e["state"] for e in node.seen[since:]
              if e["event"] == "status" and e["id"] == result["id"]]
    assert "stored" not in states, states
    return result


def texts_of(node):
    return [e["text"] for e in node.seen if e["event"] == "message"]


def test_both_ways(root):
    center = Center(root)
    ana, bob = apart(root, center.at)
    together(ana, bob.id)
    delivered(ana, bob.id, "through the center")
    bob.want(event="message", text="through the center")
    delivered(bob, ana.id, "and back")
    ana.want(event="message", text="and back")
    # nobody knows where the other one is
    peer = ana.want(event="peer", peer__id=bob.id, peer__state="online")
    assert peer["peer"]["addr"] is None, peer
    # the end of one is heard by the other
    since = len(ana.seen)
    bob.end()
    ana.want(since, event="peer", peer__id=bob.id, peer__state="offline")
    for node in (ana, center):
        node.end()
    # the center says how much, not who
    with open(os.path.join(center.home, "log.txt")) as f:
        said = [line for line in f if "relay: " in line]
    assert said and " 0 pairs" not in said[0], said
    assert ana.id[:8] not in "".join(said), said


def test_never_met(root):
    """Who is only a name at the center is met there, too."""
    center = Center(root)
    ana, bob = start(root, "ana"), start(root, "bob")
    login(ana, center.at, "ana")
    login(bob, center.at, "bob")
    ana.done("send", to="bob", text="one", wait="none")
    bob.want(event="message", text="one")
    bob.done("reply", text="two", wait="none")
    ana.want(event="message", text="two")
    met = ana.find(lambda e: e["event"] == "peer" and e["peer"]["contact"] and
                   e["peer"]["id"] == bob.id and e["peer"]["secure"])
    assert met and met["peer"]["addr"] is None, met
    delivered(ana, bob.id, "three")
    bob.want(event="message", text="three")
    for node in (ana, bob, center):
        node.end()


def test_many(root):
    center = Center(root)
    wire = Wire(center.port)
    ana, bob = apart(root, wire.at)
    texts = ["number %d of many, in the clear nowhere" % i
             for i in range(500)]
    for text in texts:
        ana.done("send", to=bob.id, text=text, wait="none")
    bob.done("send", to=ana.id, text="between them", wait="none")
    ana.want(event="message", text="between them")
    for text in texts:
        bob.want(event="message", text=text)
    until = time.monotonic() + 40
    while ana.ask("outbox")[0]:
        assert time.monotonic() < until
        ana.read(0.1)
    got = [t for t in texts_of(bob) if t.startswith("number")]
    assert sorted(got) == sorted(texts)
    # they did go that way
    openings = wire.openings()
    assert len(openings) >= 2, [s[0][:16] for s in wire.seen]
    assert max(len(s[0]) + len(s[1]) for s in openings) > 500 * 64
    # and nothing of them can be read: not on the wire to the center,
    for seen in wire.seen:
        for data in seen:
            assert b"in the clear" not in data and b"first" not in data
    # not in what it keeps,
    for folder, _, names in os.walk(center.home):
        for name in names:
            path = os.path.join(folder, name)
            if os.path.isfile(path):
                with open(path, "rb") as f:
                    assert b"in the clear" not in f.read(), path
    # not in what it has in mind
    assert not remembers(center.process.pid, b"in the clear")
    assert remembers(bob.process.pid, b"in the clear")
    for node in (ana, bob, center):
        node.end()
    wire.close()


def remembers(pid, what, piece=1 << 24):
    """Whether those bytes are in the memory of a process, but for what a
    sanitizer has mapped and never writes to."""
    with open("/proc/%d/maps" % pid) as maps, \
            open("/proc/%d/mem" % pid, "rb", 0) as mem:
        for line in maps:
            span, rights = line.split()[:2]
            begin, end = (int(x, 16) for x in span.split("-"))
            if not rights.startswith("rw") or end - begin > 1 << 30:
                continue
            for at in range(begin, end, piece):
                try:
                    mem.seek(at)
                    if what in mem.read(min(piece + len(what), end - at)):
                        return True
                except (OSError, OverflowError):
                    break
    return False


def test_center_dies(root):
    port = free_port()
    center = Center(root, port=port)
    ana, bob = apart(root, center.at)
    together(ana, bob.id)
    delivered(ana, bob.id, "before")
    texts = ["text %d" % i for i in range(300)]
    for i, text in enumerate(texts):
        ana.done("send", to=bob.id, text=text, wait="none")
        if i == 150:
            since = len(ana.seen)
            center.kill()
    ana.want(since, event="peer", peer__id=bob.id, peer__state="offline")
    center = Center(root, port=port)
    for text in texts:
        bob.want(event="message", text=text, patience=60)
    until = time.monotonic() + 60
    while ana.ask("outbox")[0]:
        assert time.monotonic() < until
        ana.read(0.1)
    delivered(bob, ana.id, "after")
    got = [t for t in texts_of(bob) if t.startswith("text")]
    assert sorted(got) == sorted(texts), len(got)
    for node in (ana, bob, center):
        node.end()


def test_blocked(root):
    """Whom bob blocks is not let through to him."""
    center = Center(root)
    ana, bob = apart(root, center.at)
    together(ana, bob.id)
    delivered(ana, bob.id, "before")
    bob.done("block", peer=ana.id)
    since = len(ana.seen)
    bob.end()
    ana.want(since, event="peer", peer__id=bob.id, peer__state="offline")
    bob = start(root, "bob", home=bob.home, port=free_port())
    welcome(bob)
    _, result = ana.ask("connect", to=bob.id)
    assert not result["ok"], result
    for node in (ana, bob):
        assert not node.find(lambda e: e["event"] == "peer" and
                             e["peer"]["state"] == "online" and
                             e["peer"]["id"] in (ana.id, bob.id),
                             len(ana.seen) if node is ana else 0, 0)
    bob.done("unblock", peer=ana.id)
    delivered(bob, ana.id, "after")
    for node in (ana, bob, center):
        node.end()


def test_off(root):
    center = Center(root, more="relay = off\n")
    ana, bob = apart(root, center.at)
    _, result = ana.ask("connect", to=bob.id)
    assert not result["ok"] and result["code"] == "unreachable", result
    # letters go all the same
    since = len(ana.seen)
    ana.done("send", to=bob.id, text="a letter", wait="none")
    ana.want(since, event="status", state="stored")
    bob.want(event="message", text="a letter")
    for node in (ana, bob, center):
        node.end()


def test_nodes(root):
    """ana is at one node, and bob at another: he comes to hers."""
    try:
        nats.here_or_skip()
    except SystemExit:
        return
    server = nats.Server(root)
    where = "nats://127.0.0.1:%d?shards=2" % server.port
    ports = free_port(), free_port()
    ones = ["relay = 127.0.0.1:%d\n" % p for p in ports]
    one = nats.Center(root, "one", where, port=ports[0], config=ones[0])
    two = nats.Center(root, "two", where, one, ports[1], config=ones[1])
    ana, bob = apart(root, one.at, two.at)
    together(ana, bob.id)
    delivered(ana, bob.id, "from node to node")
    bob.want(event="message", text="from node to node")
    delivered(bob, ana.id, "and back")
    ana.want(event="message", text="and back")
    peer = ana.want(event="peer", peer__id=bob.id, peer__state="online")
    assert peer["peer"]["addr"] is None, peer
    for node in (ana, bob, one, two):
        node.end()
    server.kill()


# ---- two networks with a center between them ----

NETS = ["sotto-relay-%d-%s" % (os.getpid(), n) for n in ("center", "1", "2")]


def ip(*words):
    return subprocess.run(["ip", *words], stderr=subprocess.DEVNULL).returncode


def inside(net, *words):
    return ["ip", "netns", "exec", net, *words]


def networks():
    """A center's namespace with a cable to each of two others, which see
    nothing but it. False: not allowed here."""
    for net in NETS:
        if ip("netns", "add", net) or ip("-n", net, "link", "set", "lo", "up"):
            return False
    for i, net in enumerate(NETS[1:], 1):
        if ip("link", "add", "r%d" % i, "netns", NETS[0], "type", "veth",
              "peer", "name", "eth", "netns", net):
            return False
        for where, dev, n in ((NETS[0], "r%d" % i, 1), (net, "eth", 2)):
            if (ip("-n", where, "addr", "add", "10.78.%d.%d/24" % (i, n),
                   "dev", dev) or
                    ip("-n", where, "link", "set", dev, "up")):
                return False
        if ip("-n", net, "route", "add", "default", "via", "10.78.%d.1" % i):
            return False
    return True


def bridge(on):
    """Whether the two networks reach each other through the one between."""
    subprocess.run(inside(NETS[0], "sh", "-c",
                          "echo %d >/proc/sys/net/ipv4/ip_forward" % on),
                   check=True)


class Behind(Node):
    def __init__(self, root, name, net, home=None):
        self.home = home or os.path.join(root, name)
        self.name = name
        self.net = net
        self.process = subprocess.Popen(
            inside(NETS[net], SOTTO, "--headless", "--home", self.home,
                   "--port", "6400", "--nick", name, "--no-discover"),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
        Lines.__init__(self, self.process.stdout.fileno(),
                       self.process.stdin.write)
        self.ready = self.want(event="ready")
        self.id = self.ready["id"]
        self.at = "10.78.%d.2:6400" % net


def test_networks(root):
    """Each knows the other's address, and no packet gets there."""
    if os.geteuid() or not shutil.which("ip"):
        print("skipped: needs root and iproute2")
        return
    try:
        if not networks():
            print("skipped: network namespaces are not allowed here")
            return
        behind(root)
    finally:
        for net in NETS:
            ip("netns", "del", net)


def behind(root):
    center = Center(root, port=6390, prefix=inside(NETS[0]), bind="0.0.0.0")
    ana, bob = Behind(root, "ana", 1), Behind(root, "bob", 2)
    bridge(True)
    login(ana, "10.78.1.1:6390", "ana")
    login(bob, "10.78.2.1:6390", "bob")
    ana.done("connect", to=bob.at)
    ana.done("send", to=bob.at, text="first")
    bob.want(event="message", text="first")
    bob.done("reply", text="second")
    ana.want(event="message", text="second")
    for i in range(2):  # known by now: hello says where letters go
        ana.end()
        bob.end()
        bridge(i == 0)
        ana = Behind(root, "ana", 1, home=ana.home)
        bob = Behind(root, "bob", 2, home=bob.home)
        welcome(ana)
        welcome(bob)
        if i == 0:
            ana.done("connect", to=bob.id)
            ana.want(event="peer", peer__id=bob.id, peer__state="online",
                     peer__addr=bob.at)
    together(ana, bob.id)
    delivered(ana, bob.id, "over there")
    bob.want(event="message", text="over there")
    delivered(bob, ana.id, "over here")
    ana.want(event="message", text="over here")
    peer = ana.find(lambda e: e["event"] == "peer" and
                    e["peer"]["id"] == bob.id and
                    e["peer"]["state"] == "online")
    assert peer["peer"]["addr"] is None, peer
    # a way of their own is found when there is one
    ana.kill()
    bob.kill()
    bridge(True)
    ana = Behind(root, "ana", 1, home=ana.home)
    bob = Behind(root, "bob", 2, home=bob.home)
    ana.done("connect", to=bob.id)
    ana.want(event="peer", peer__id=bob.id, peer__state="online",
             peer__addr=bob.at)
    for node in (ana, bob, center):
        node.end()


main(globals())
