#!/usr/bin/env python3
"""A message center between people: log-in and lock-out, presence, broadcast,
blocking, addresses; letters for who is away, once, whatever dies meanwhile."""
import os
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from sotto import SOTTO, Node, free_port, main  # noqa: E402


class Center(Node):
    """`sotto center`: a headless one, so its lines are like any other's."""

    def __init__(self, root, name="center", port=0, *options):
        self.home = os.path.join(root, name)
        self.name = name
        os.makedirs(self.home, exist_ok=True)
        with open(os.path.join(self.home, "config.ini"), "w") as f:
            f.write("accounts = open\n")
        self.process = subprocess.Popen(
            [SOTTO, "center", "--home", self.home, "--port", str(port),
             "--bind", "127.0.0.1", *options], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, bufsize=0)
        super(Node, self).__init__(self.process.stdout.fileno(),
                                   self.process.stdin.write)
        self.ready = self.want(event="ready")
        self.port = self.ready["port"]
        self.at = "127.0.0.1:%d" % self.port

    def end(self, expect=0):
        self.done("quit")
        return super().end(expect)


def login(node, center, user, password="sesame"):
    result = node.done("login", to=center.at, user=user, password=password)
    assert result["text"] == "Welcome, %s !" % user, result


def notice(node, text, since=0):
    return node.want(since, event="notice", text=text)


def presence(node, whose, user, state):
    def same(event):
        peer = event.get("peer") or {}
        return (event["event"] == "peer" and event["via"] == "center" and
                peer["id"] == whose.id and peer["nick"] == user and
                peer["state"] == state)
    return node.find(same)


def refused(node, words, **more):
    _, result = node.ask("login", **more)
    assert not result["ok"] and words in result["error"], result
    return result


def test_log_in(root):
    center = Center(root)
    seas, google = Node(root, "seas"), Node(root, "google")
    login(seas, center, "seas")
    login(google, center, "google")
    notice(seas, "google has logged on.")
    presence(seas, google, "google", "online")
    items, result = seas.ask("online")
    assert sorted(result["text"].split()) == ["google", "seas"], result
    assert {i["peer"]["nick"]: i["peer"]["id"] for i in items} == {
        "google": google.id, "seas": seas.id}, items
    google.done("logout")
    notice(seas, "google is offline.")
    presence(seas, google, "google", "offline")
    # an identity that is bound needs no password
    result = google.done("login", to=center.at, user="google")
    assert result["text"] == "Welcome, google !", result
    for node in (seas, google, center):
        node.end()


def test_wrong_passwords(root):
    center = Center(root)
    seas = Node(root, "seas")
    login(seas, center, "seas")
    thief = Node(root, "thief")
    guess = {"to": center.at, "user": "seas", "password": "guess"}
    for left in 2, 1:
        result = refused(thief, "%d more login attempts." % left, **guess)
        assert result["tries_left"] == left, result
    result = refused(thief, "wait 60 seconds", **guess)
    assert result["locked_s"] == 60 and "tries_left" not in result, result
    # the right one does not help him now
    result = refused(thief, "wait", to=center.at, user="seas",
                     password="sesame")
    assert 50 < result["locked_s"] <= 60, result
    # and does not lock out who is known by his key
    seas.done("logout")
    result = seas.done("login", to=center.at, user="seas")
    assert result["ok"], result
    refused(thief, "password", to=center.at, user="seas")
    for node in (seas, thief, center):
        node.end()


def test_not_a_center(root):
    """Whoever cannot let us in says so, and nothing waits for ever."""
    ana, bob = Node(root, "ana"), Node(root, "bob", port=free_port())
    refused(ana, "this is no message center", to=bob.at, user="ana")
    refused(ana, "", to="127.0.0.1:%d" % free_port(), user="ana")
    for node in (ana, bob):
        node.end()


def test_second_place(root):
    center = Center(root)
    one, two = Node(root, "one"), Node(root, "two")
    login(one, center, "seas")
    login(two, center, "seas")
    notice(one, "Logged on different location!")
    for node in (one, two, center):
        node.end()


def test_all_and_one(root):
    center = Center(root)
    names = ["seas", "google", "columbia"]
    nodes = {n: Node(root, n) for n in names}
    for n in names:
        login(nodes[n], center, n)
    nodes["seas"].done("broadcast", text="hello everybody")
    for n in names[1:]:
        notice(nodes[n], "seas to all: hello everybody")
    nodes["seas"].refused("refused", "broadcast", text="again")
    nodes["seas"].done("getaddress", user="google")
    nodes["google"].want(event="consent", user="seas",
                         text="seas wants your address: "
                              "/allow seas gives it")
    assert "nobody" in nodes["google"].done("allow")["text"]
    nodes["google"].refused("refused", "allow", user="columbia")
    nodes["google"].done("allow", user="seas")
    assert nodes["google"].done("allow")["text"].startswith("seas 20")
    # once: it is used up
    nodes["google"].refused("refused", "allow", user="seas")
    notice(nodes["seas"], "You can now privately message google")
    # past the center, to the key and the address that it told
    nodes["seas"].find(lambda e: e["event"] == "peer" and
                       e["peer"]["id"] == nodes["google"].id and
                       e["peer"]["state"] == "online" and
                       e["peer"].get("contact"))
    sent = nodes["seas"].done("send", to="google", text="in private")
    assert sent["state"] == "delivered", sent
    nodes["google"].want(event="message", text="in private")
    nodes["seas"].refused("refused", "getaddress", user="nobody")
    for node in [*nodes.values(), center]:
        node.end()


def test_user_as_peer(root):
    """Who is only a name at our center is written to, and answers."""
    center = Center(root)
    seas, google = Node(root, "seas"), Node(root, "google")
    login(seas, center, "seas")
    login(google, center, "google")
    seas.refused("refused", "send", to="nobody", text="hello")
    seas.done("send", to="google", text="by name", wait="none")
    google.want(event="message", text="by name")
    seas.want(event="status", state="delivered")
    google.done("reply", text="and back", wait="none")
    seas.want(event="message", text="and back")
    google.want(event="status", state="delivered")
    for node in (seas, google, center):
        node.end()


def test_blocked_at_the_center(root):
    center = Center(root)
    seas, google = Node(root, "seas"), Node(root, "google")
    login(seas, center, "seas")
    login(google, center, "google")
    google.done("block", to="seas")
    seas.refused("refused", "getaddress", user="google")
    seas.done("broadcast", text="can you hear me")
    seas.done("send", to="google", text="or this", wait="none")
    google.done("unblock", to="seas")
    seas.done("getaddress", user="google")
    google.want(event="consent", user="seas")
    heard = [e for e in google.seen if "can you hear" in e.get("text", "")]
    assert not heard, heard
    assert not [e for e in google.seen if e["event"] == "message"]
    for node in (seas, google, center):
        node.end()


def test_by_itself(root):
    """`center` and `user` in config.ini."""
    port = free_port()
    center = Center(root, "center", port)
    seas, google = Node(root, "seas"), Node(root, "google")
    login(google, center, "google")
    login(seas, center, "seas")
    home = seas.home
    seas.end()
    os.remove(os.path.join(home, "sotto.db"))
    with open(os.path.join(home, "config.ini"), "a") as f:
        f.write("center = 127.0.0.1:%d\nuser = seas\n" % port)
    seas = Node(root, "seas", home=home)
    notice(seas, "Welcome, seas !")
    # and again when the center was away
    center.kill()
    center = Center(root, "center", port)
    since = seas.seen.index(notice(seas, "Welcome, seas !")) + 1
    notice(seas, "Welcome, seas !", since)
    for node in (seas, google, center):
        node.end()


def test_who_says_nothing_is_gone(root):
    """Two signs of life that did not come: offline; and there again when
    there is one. The line of who waits does not suffer."""
    center = Center(root)
    seas, google = Node(root, "seas"), Node(root, "google")
    login(seas, center, "seas")
    login(google, center, "google")
    notice(seas, "google has logged on.")
    since = len(seas.seen)
    os.kill(google.process.pid, signal.SIGSTOP)
    seas.want(since, 110, event="notice", text="google is offline.")
    since = len(seas.seen)
    os.kill(google.process.pid, signal.SIGCONT)
    seas.want(since, 60, event="notice", text="google has logged on.")
    for node in (seas, google, center):
        node.end()


def pair(root, center):
    """ana and bob, who know each other, logged in."""
    ana, bob = Node(root, "ana"), Node(root, "bob", port=free_port())
    login(ana, center, "ana")
    login(bob, center, "bob")
    ana.done("connect", to=bob.at)
    sent = ana.done("send", to=bob.at, text="first")
    bob.want(event="message", text="first")
    bob.done("reply", text="second")
    ana.want(event="message", text="second")
    return ana, bob, sent


def test_letter(root):
    center = Center(root)
    ana, bob, _ = pair(root, center)
    bob.end()
    since = len(ana.seen)
    ana.done("send", to=bob.id, text="while you were away", wait="none")
    ana.want(since, event="status", state="stored")
    ana.end()
    # ana is gone: it can come from nowhere but the center
    bob = Node(root, "bob", home=bob.home, port=bob.port)
    bob.want(event="message", text="while you were away")
    # and his ACK reaches her by the same way
    bob.end()
    ana = Node(root, "ana", home=ana.home)
    ana.want(event="status", state="delivered")
    ana.end()
    with open(os.path.join(center.home, "center.db"), "rb") as f:
        assert b"while you were away" not in f.read()
    center.end()


def test_once_by_two_ways(root):
    center = Center(root)
    ana, bob, _ = pair(root, center)
    bob.end()
    texts = ["letter %d" % i for i in range(20)]
    for text in texts:
        ana.done("send", to=bob.id, text=text, wait="none")
    since = 0
    for _ in texts:
        event = ana.want(since, event="status", state="stored")
        since = ana.seen.index(event) + 1
    # both ways are open now: the letters and the outbox
    bob = Node(root, "bob", home=bob.home, port=bob.port)
    for text in texts:
        bob.want(event="message", text=text)
    items, _ = bob.ask("history", peer=ana.id, limit=100)
    got = [i["message"]["text"] for i in items]
    assert sorted(t for t in got if t.startswith("letter")) == sorted(texts)
    for node in (ana, bob, center):
        node.end()


def test_another_center(root):
    """What was counted at the one says nothing of the other."""
    center = Center(root)
    ana, bob, _ = pair(root, center)
    for i in range(3):
        bob.end()
        since = len(ana.seen)
        ana.done("send", to=bob.id, text="letter %d" % i, wait="none")
        ana.want(since, event="status", state="stored")
        bob = Node(root, "bob", home=bob.home, port=bob.port)
        bob.want(event="message", text="letter %d" % i)
    center.end()
    center = Center(root, "other")
    login(ana, center, "ana")
    login(bob, center, "bob")
    ana.done("send", to=bob.id, text="between", wait="ack")
    bob.end()
    since = len(ana.seen)
    ana.done("send", to=bob.id, text="at the other", wait="none")
    ana.want(since, event="status", state="stored")
    ana.end()
    bob = Node(root, "bob", home=bob.home, port=bob.port)
    bob.want(event="message", text="at the other")
    bob.end()
    center.end()


def test_center_dies(root):
    port = free_port()
    center = Center(root, "center", port)
    ana, bob, _ = pair(root, center)
    bob.end()
    for i in range(10):
        ana.done("send", to=bob.id, text="before %d" % i, wait="none")
    ana.want(event="status", state="stored")
    center.kill()
    for i in range(10):
        ana.done("send", to=bob.id, text="meanwhile %d" % i, wait="none")
    center = Center(root, "center", port)
    notice(ana, "Welcome, ana !")
    until = time.monotonic() + 40
    states = []
    while states != ["stored"] * 20:
        assert time.monotonic() < until, states
        items, _ = ana.ask("outbox")
        states = [i["outbox"]["state"] for i in items]
        ana.read(0.2)
    ana.kill()
    bob = Node(root, "bob", home=bob.home, port=bob.port)
    for i in range(10):
        bob.want(event="message", text="before %d" % i)
        bob.want(event="message", text="meanwhile %d" % i)
    texts = [e["text"] for e in bob.seen if e["event"] == "message"]
    assert len(texts) == len(set(texts)), texts
    bob.end()
    center.end()


main(globals())
