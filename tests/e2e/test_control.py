#!/usr/bin/env python3
"""control.sock: the same lines for other processes of the same user."""
import json
import os
import select
import socket
import stat
import sys
import time

import sotto
from sotto import Control, Node, run, lines_of


def test_socket_is_ours(root):
    ana = Node(root, "ana")
    path = os.path.join(ana.home, "control.sock")
    mode = os.stat(path).st_mode
    assert stat.S_ISSOCK(mode) and stat.S_IMODE(mode) == 0o600
    ana.end()
    assert not os.path.exists(path)


def test_lines_as_on_stdin(root):
    ana, bob = Node(root, "ana"), Node(root, "bob")
    c = Control(ana.home)
    assert c.ready["id"] == ana.id and c.ready["pid"] == ana.process.pid
    c.done("connect", to=bob.at)
    sent = c.done("send", to=bob.at, text="through the socket")
    assert sent["state"] == "delivered"
    bob.want(event="message", text="through the socket")
    ana.want(event="message", id=sent["id"], dir="out")
    bob.done("reply", text="heard")
    message = c.want(event="message", text="heard")
    c.done("reply", text="good")
    bob.want(event="message", reply_to=message["id"])
    items, result = c.ask("history", peer="bob")
    assert [i["message"]["text"] for i in items] == \
        ["through the socket", "heard", "good"]
    c.refused("bad_command", "dance")
    c.close()
    ana.done("id")
    ana.end()
    bob.end()


def test_quit_ends_the_connection_only(root):
    ana = Node(root, "ana")
    c = Control(ana.home)
    c.done("quit")
    c.want(event="bye")
    ana.done("id")
    again = Control(ana.home)
    assert again.done("id")["id"] == ana.id
    ana.end()
    again.want(event="bye")


def test_end_of_input_waits_for_results(root):
    ana, bob = Node(root, "ana"), Node(root, "bob")
    c = Control(ana.home)
    c.say(cmd="send", ref="s", to=bob.at, text="x")
    c.socket.shutdown(socket.SHUT_WR)
    assert c.want(event="result", ref="s")["ok"]
    until = time.monotonic() + 20
    while not c.over and time.monotonic() < until:
        c.read(0.1)
    assert c.over
    ana.end()
    bob.end()


def test_many_connections(root):
    ana = Node(root, "ana")
    all_of_them = [Control(ana.home) for _ in range(32)]
    for c in all_of_them:
        assert c.done("id")["id"] == ana.id
    s = socket.socket(socket.AF_UNIX)
    s.connect(os.path.join(ana.home, "control.sock"))
    s.settimeout(20)
    assert json.loads(s.recv(4096))["event"] == "bye"
    s.close()
    all_of_them.pop().close()
    until = time.monotonic() + 20
    while time.monotonic() < until:
        try:
            Control(ana.home).done("id")
            break
        except AssertionError:
            pass
    else:
        raise AssertionError("no room after one has gone")
    ana.done("id")
    ana.end()


def test_slow_reader_holds_up_nobody(root):
    ana, bob = Node(root, "ana"), Node(root, "bob")
    slow = Control(bob.home)
    slow.say(cmd="id", ref="first")
    ana.done("connect", to=bob.at)
    n, text = 3000, "x" * 400
    sent = delivered = 0
    while delivered < n:
        while sent < n and sent - delivered < 100:
            ana.say(cmd="send", to=bob.at, text="%d %s" % (sent, text),
                    wait="none")
            sent += 1
        at = len(ana.seen)
        assert ana.read(20), "it stopped at %d" % delivered
        bob.read(0)
        delivered += sum(e["event"] == "status" and e["state"] == "delivered"
                         for e in ana.seen[at:])
    sotto.assert_small(bob.process.pid)
    assert slow.want(event="result", ref="first")["ok"]
    slow.want(event="lost")
    assert slow.done("id")["id"] == bob.id
    assert len([e for e in bob.seen if e["event"] == "message"]) <= n
    ana.end()
    bob.end()


def test_waiting_send_survives_lost_events(root):
    """A result comes although the status it waited for was dropped."""
    ana, bob, cat = (Node(root, n) for n in ("ana", "bob", "cat"))
    ana.done("connect", to=bob.at)
    c = Control(ana.home)
    cat_home, cat_port = cat.home, cat.port
    ana.done("connect", to=cat.at)
    cat.end()
    ana.want(event="peer", peer__id=cat.id, peer__state="offline")
    c.say(cmd="send", ref="w", to="cat", text="wait for it",
          timeout_ms=60000)
    ana.want(event="message", text="wait for it")
    # c does not read while thousands of events pass, cat's ACK among them
    cat = Node(root, "cat", port=cat_port)
    n, text = 3000, "x" * 400
    sent = delivered = 0
    while delivered < n:
        while sent < n and sent - delivered < 100:
            ana.say(cmd="send", to=bob.at, text=text, wait="none")
            sent += 1
        at = len(ana.seen)
        assert ana.read(20)
        delivered += sum(e["event"] == "status" and e["state"] == "delivered"
                         for e in ana.seen[at:])
    # at once, unless it went by itself meanwhile
    ana.say(cmd="retry",
            id=ana.want(event="message", text="wait for it")["id"])
    cat.want(event="message", text="wait for it", patience=60)
    c.want(event="lost")
    result = c.want(event="result", ref="w", patience=60)
    assert result["ok"] and result["state"] == "delivered", result
    for node in (ana, bob, cat):
        node.end()


def test_long_path(root):
    """sun_path has 108 bytes; a folder's name may have more."""
    home = os.path.join(root, "a" * 100, "b" * 100)
    ana = Node(root, "ana", home=home)
    bob = Node(root, "bob")
    ana.done("connect", to=bob.at)
    c = Control(home)
    c.done("id")
    status, out, err = run("send", bob.at, "from far away", home=home)
    assert status == 0, err
    assert lines_of(out)[-1]["state"] == "delivered"
    ana.want(event="message", text="from far away", dir="out")
    ana.end()
    bob.end()


def test_stale_socket(root):
    ana = Node(root, "ana")
    ana.kill()
    assert os.path.exists(os.path.join(ana.home, "control.sock"))
    ana = Node(root, "ana")
    assert Control(ana.home).done("id")["id"] == ana.id
    ana.end()


def test_identity_in_use(root):
    ana = Node(root, "ana")
    status, out, err = run("--headless", home=ana.home, patience=30)
    assert status == 9, (status, err)
    assert str(ana.process.pid) in err and "--profile" in err, err
    ana.end()


def test_garbage(root):
    ana = Node(root, "ana")
    c = Control(ana.home)
    c.raw(os.urandom(300000).replace(b"\n", b"x") + b"\n")
    assert c.want(event="result")["code"] == "bad_command"
    c.done("id")
    c.raw(b"half a line")
    c.close()
    ana.done("id")
    ana.end()


if __name__ == "__main__":
    sotto.main(globals())
