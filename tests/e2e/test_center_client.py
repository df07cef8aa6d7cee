#!/usr/bin/env python3
"""Document 002, as a client: with a stand-in for its center and for other
clients, and two sottos at one center."""
import os
import socket
import time

import sotto
from sotto import Node, free_port
from fakes.center_fake import Center, Client, frame


def open_node(root, name, *options):
    port = free_port()
    node = Node(root, name, "--center-port", str(port), *options)
    node.pushes = port
    return node


def wait_for(test, patience=sotto.PATIENCE):
    until = time.monotonic() + patience
    while not test():
        assert time.monotonic() < until, "it did not come"
        time.sleep(0.01)


def login(node, center, user="seas", password="summerisover"):
    return node.done("login", center=center.at, user=user, password=password)


def fine(center, *clients):
    assert not center.problems, center.problems
    for client in clients:
        assert client.dead is None, client.dead


def test_log_in(root):
    center, ana = Center(pen=2), open_node(root, "ana")
    result = ana.refused("refused", "login", center=center.at, user="seas",
                         password="wrong")
    assert "2 more login attempts" in result["error"], result
    login(ana, center)
    assert center.where["seas"] == ("127.0.0.1", ana.pushes)
    # again: the old one is told, which is us
    token = center.tokens["seas"]
    login(ana, center)
    assert center.tokens["seas"] != token
    ana.done("online")
    for user in ("", "two words", "a|b", "x" * 65):
        ana.refused("usage", "login", center=center.at, user=user,
                    password="x")
    ana.refused("usage", "login", center=center.at, user="seas", password="")
    for _ in range(2):
        ana.refused("refused", "login", center=center.at, user="google",
                    password="wrong")
    for word in ("wait", "wait"):
        result = ana.refused("refused", "login", center=center.at,
                             user="google", password="hasglasses"
                             if center.penned else "wrong")
        assert word in result["error"], result
    # a thread of it, that waits for another try, ends with the connection
    assert all("unpack" in p for p in center.problems), center.problems
    ana.refused("unreachable", "login", center="center://127.0.0.1:%d" %
                free_port(), user="a", password="b")
    ana.end()


def test_password_stays_here(root):
    """Beyond this machine it goes by the word insecure only, and a center
    without a listener of ours is of no use."""
    ana = open_node(root, "ana")
    result = ana.refused("refused", "login", center="center://192.0.2.1:6066",
                         user="seas", password="x")
    assert "insecure" in result["error"]
    ana.end()
    bob = Node(root, "bob")
    result = bob.refused("usage", "login", center=Center().at, user="seas",
                         password="summerisover")
    assert "center-port" in result["error"]
    bob.refused("refused", "online")
    bob.end()
    # the password is nowhere to be found
    for folder, _, names in os.walk(root):
        for name in names:
            with open(os.path.join(folder, name), "rb") as f:
                assert b"summerisover" not in f.read(), name


def test_texts(root):
    center, ana = Center(), open_node(root, "ana")
    login(ana, center)
    bob = Client(center, "google")
    ana.want(event="notice", text="google has logged on.")
    user = center.at + "/google"
    result = ana.refused("no_ack", "send", to=user, text="x")
    sent = ana.done("send", to=user, text="with | bars", wait="sent")
    assert sent["peer"]["secure"] is False
    wait_for(lambda: bob.heard)
    wait_for(lambda: [t for t in bob.heard if "bars" in t])
    assert "[seas]: with \u00a6 bars" in bob.heard, bob.heard
    bob.say("MSG", "seas", "hello seas")
    got = ana.want(event="message", text="hello seas")
    assert got["peer"]["ident"] == user and got["peer"]["nick"] == "google"
    ana.done("reply", text="hello google", wait="sent")
    wait_for(lambda: "[seas]: hello google" in bob.heard)
    # to everybody, and not back to us
    ana.done("broadcast", text="to all")
    wait_for(lambda: "[seas]: to all" in bob.heard)
    bob.say("BRD", "from google to all")
    ana.want(event="message", text="from google to all")
    assert not [e for e in ana.seen if e["event"] == "message" and
                e["dir"] == "in" and e["text"] == "to all"]
    # somebody who is not there: the center keeps it
    ana.done("send", to=center.at + "/foobar", text="later", wait="sent")
    ana.want(event="notice", text="they are offline: the center keeps it "
             "for them")
    foobar = Client(center, "foobar")
    wait_for(lambda: [t for t in foobar.heard if "later" in t])
    # what cannot be a name, or does not fit
    ana.refused("unknown", "send", to=center.at + "/two words", text="x",
                wait="sent")
    ana.refused("too_long", "send", to=user, text="x" * 1400, wait="sent")
    fine(center, bob, foobar)
    ana.end()
    # after a restart nothing of it goes out by itself, nobody is logged in
    ana = Node(root, "ana", "--center-port", str(ana.pushes))
    ana.refused("refused", "send", to=user, text="x", wait="sent")
    ana.end()


def test_who_is_there(root):
    center, ana = Center(), open_node(root, "ana")
    login(ana, center)
    bob = Client(center, "google")
    result = ana.done("online")
    assert result["text"].split() == ["google", "seas"], result
    ana.want(event="peer", peer__nick="google", peer__state="online")
    bob.say("OUT")
    ana.want(event="notice", text="google is offline.")
    ana.want(event="peer", peer__nick="google", peer__state="offline")
    # the center repeats that every five seconds for ever
    for _ in range(20):
        center.push("seas", "google is offline.")
    Client(center, "google")
    ana.want(event="notice", text="google has logged on.")
    assert len([e for e in ana.seen if e["event"] == "notice" and
                e["text"] == "google is offline."]) == 1
    ana.done("logout")
    assert "seas" not in center.where
    ana.refused("refused", "online")
    fine(center, bob)
    ana.end()


def test_private(root):
    """Past the center, when the other one allows it."""
    center, ana = Center(), open_node(root, "ana")
    login(ana, center)
    bob = Client(center, "google")
    user = center.at + "/google"
    ana.refused("unreachable", "send", to=user, text="x", name="private",
                wait="sent")
    ana.done("getaddress", user="google")
    wait_for(lambda: [t for t in bob.heard if "wants your address" in t])
    bob.say("ALL", "seas")
    ana.want(event="notice", text="You can now privately message google")
    before = len(center.requests)
    ana.done("send", to=user, text="between us", name="private", wait="sent")
    wait_for(lambda: "<seas>: between us" in bob.heard)
    assert len(center.requests) == before
    # and the other way round
    bob.say("GET", "seas")
    ana.want(event="consent", text="google wants your address: /allow google "
             "gives it")
    ana.done("allow", user="google")
    wait_for(lambda: getattr(bob, "peer", None))
    bob.private("just you")
    got = ana.want(event="message", text="just you")
    assert got["peer"]["ident"] == user
    ana.refused("unknown", "getaddress", user="nobody")
    ana.refused("usage", "getaddress", user="a|b")
    fine(center, bob)
    ana.end()


def test_blocking(root):
    center, ana = Center(), open_node(root, "ana")
    login(ana, center)
    bob = Client(center, "google")
    bob.say("MSG", "seas", "one")
    ana.want(event="message", text="one")
    user = center.at + "/google"
    ana.done("block", peer=user)
    ana.want(event="notice", text="You have blocked google")
    bob.say("MSG", "seas", "two")
    wait_for(lambda: [t for t in bob.heard if "has blocked you" in t])
    ana.done("unblock", peer=user)
    ana.want(event="notice", text="You have unblocked google")
    bob.say("MSG", "seas", "three")
    ana.want(event="message", text="three")
    assert not [e for e in ana.seen if e.get("text") == "two"]
    bob.say("BLC", "1", "seas")
    ana.done("send", to=user, text="hello?", wait="sent")
    ana.want(event="notice", text="not delivered: they have blocked you")
    fine(center, bob)
    ana.end()


def test_signs_of_life(root):
    center, ana = Center(), open_node(root, "ana")
    login(ana, center)
    wait_for(lambda: [r for r in center.requests if r.startswith("HEY")], 30)
    # the center is gone, and back: it says so, and a text fails
    center.close()
    result = ana.refused("refused", "send", to=center.at + "/google",
                         text="x", wait="sent", timeout_ms=20000)
    assert "cannot be reached" in result["error"], result
    ana.end()


def test_somebody_else_logs_in(root):
    center, ana = Center(), open_node(root, "ana")
    login(ana, center)
    time.sleep(5)       # what comes sooner is taken for our own log-in
    Client(center, "seas")
    ana.want(event="notice",
             text="Logged on different location!")
    ana.refused("refused", "online")
    ana.end()


def test_the_listener(root):
    """Anybody can connect to it; what hurts nobody is all that happens."""
    center, ana = Center(), open_node(root, "ana")
    login(ana, center)

    def say(data):
        with socket.create_connection(("127.0.0.1", ana.pushes)) as s:
            try:
                s.sendall(data)
            except OSError:
                pass
    say(b"")
    say(b"\0")
    say(b"\0\0\0\0")
    say(b"\xff\xff\xff\xff" + b"x" * 100000)
    say(frame("ADR|x"))
    say(frame("ADR|google|not an address|6067"))
    say(frame("ADR|google|127.0.0.1|99999"))
    say(frame("<two words>: x"))
    say(frame("LOGIN_OKAY"))
    say(frame("some words of the center"))
    ana.want(event="message", text="some words of the center")
    center.push("seas", "[google]: in pieces")
    ana.want(event="message", text="in pieces")
    fine(center)
    ana.end()


def test_two_sottos(root):
    center = Center()
    ana, bob = open_node(root, "ana"), open_node(root, "bob")
    login(ana, center)
    login(bob, center, "google", "hasglasses")
    ana.done("send", to=center.at + "/google", text="ping", wait="sent")
    got = bob.want(event="message", text="ping")
    assert got["peer"]["ident"] == center.at + "/seas"
    bob.done("reply", text="pong", wait="sent")
    ana.want(event="message", text="pong")
    bob.done("getaddress", user="seas")
    ana.want(event="consent", text="google wants your address: /allow google "
             "gives it")
    ana.done("allow", user="google")
    bob.want(event="notice", text="You can now privately message seas")
    bob.done("send", to=center.at + "/seas", text="direct", name="private",
             wait="sent")
    ana.want(event="message", text="direct")
    fine(center)
    ana.end()
    bob.end()


if __name__ == "__main__":
    sotto.main(globals())
