#!/usr/bin/env python3
"""Document 000 over TCP, with a stand-in for its program and with another
sotto, in both layouts. Whatever would kill the program fails here."""
import os
import socket
import struct
import time

import sotto
from sotto import Node, free_port, run
from fakes import rsa
from fakes.binary_fake import Binary


def open_node(root, name, dialect="binary", port=None):
    port = port or free_port()
    node = Node(root, name, "--listen", "%s=127.0.0.1:%d" % (dialect, port))
    node.door = port
    node.there = "%s://127.0.0.1:%d" % (dialect, port)
    wait_for(lambda: os.path.exists(os.path.join(node.home,
                                                 "rsa-binary.pem")))
    return node


def wait_for(test, patience=sotto.PATIENCE):
    until = time.monotonic() + patience
    while not test():
        assert time.monotonic() < until, "it did not come"
        time.sleep(0.01)


def alive(fake):
    assert fake.dead is None, fake.dead


def test_text_to_the_program(root):
    ana, bob = open_node(root, "ana"), Binary()
    text = "olá \U0001f600 " + "x" * 150
    result = ana.done("send", to=bob.at, text=text)
    assert result["state"] == "delivered"
    assert result["peer"]["secure"] is False
    assert bob.inbox == [text]
    alive(bob)
    # registered first; each frame in one piece
    assert [len(f) for f in bob.frames] == [460, 8, 264]
    assert bob.clients["127.0.0.1"][1] == ana.door
    for i in range(5):
        ana.done("send", to=bob.at, text="n%d" % i)
    assert bob.inbox[1:] == ["n%d" % i for i in range(5)]
    assert len(bob.frames) == 8         # and not registered again
    alive(bob)
    ana.end()


def test_text_from_the_program(root):
    ana, bob = open_node(root, "ana"), Binary()
    bob.register("127.0.0.1", ana.door)
    assert bob.send("127.0.0.1", "hello") == 1
    got = ana.want(event="message", text="hello")
    assert got["peer"]["ident"] == bob.at and got["secure"] is False
    # it can be answered without asking anything
    ana.done("reply", text="hello yourself")
    assert bob.inbox == ["hello yourself"]
    alive(bob)
    # the same words twice are two messages
    assert bob.send("127.0.0.1", "ok") == 1
    assert bob.send("127.0.0.1", "ok") == 1
    oks, _ = ana.ask("history", peer=bob.at)
    assert [e["message"]["text"] for e in oks].count("ok") == 2, oks
    alive(bob)
    ana.end()


def test_restarts(root):
    """Theirs: a new key, nobody known; ours: the key is kept."""
    ana, bob = open_node(root, "ana"), Binary()
    ana.done("send", to=bob.at, text="one")
    bob.forget()
    ana.done("send", to=bob.at, text="two")     # "unregistered"
    bob.key = rsa.Private(2048)
    ana.done("send", to=bob.at, text="three")   # closed without a word
    assert bob.inbox == ["one", "two", "three"]
    alive(bob)
    its = bob.clients["127.0.0.1"][0].n
    ana.end()
    ana = open_node(root, "ana", port=ana.door)
    assert bob.send("127.0.0.1", "still you?") == 1
    ana.want(event="message", text="still you?")
    ana.done("send", to=bob.at, text="four")
    assert bob.clients["127.0.0.1"][0].n == its
    alive(bob)
    ana.end()


def test_always_answered(root):
    """Whatever it says, it hears something that it survives."""
    ana, bob = open_node(root, "ana"), Binary()
    bob.register("127.0.0.1", ana.door)
    # for another key
    assert bob.send("127.0.0.1", "x", key=rsa.Private(2048)) == 3
    # from somebody unknown: no word of registering
    eve = Binary(key=bob.key)
    eve.clients["127.0.0.1"] = bob.clients["127.0.0.1"]
    assert eve.send("127.0.0.1", "who am I?") == 1
    ana.want(event="message", text="who am I?")
    ana.done("block", peer=bob.at)
    assert bob.send("127.0.0.1", "x") == 3
    bob.register("127.0.0.1", ana.door)
    alive(bob)

    def answer(data):
        with socket.create_connection(("127.0.0.1", ana.door)) as s:
            s.settimeout(20)
            s.sendall(data)
            s.shutdown(socket.SHUT_WR)
            return s.recv(1024)
    assert answer(b"") == answer(b"\0\0") == b""
    assert answer(b"GET / HTTP/1.0\r\n\r\n") == b""
    assert answer(struct.pack(">III", 2, 1 << 31, 0)) == b""
    assert answer(struct.pack(">II", 3, 1)) == b""
    ana.done("unblock", peer=bob.at)
    assert bob.send("127.0.0.1", "fine") == 1
    ana.want(event="message", text="fine")
    ana.end()


def test_unknown_sender(root):
    """Read, and not to be answered before somebody says where."""
    ana, bob = open_node(root, "ana"), Binary()
    eve = Binary(key=bob.key)
    eve.register("127.0.0.1", ana.door)
    bob.clients = dict(eve.clients)
    ana.kill()
    ana = open_node(root, "nobody", port=ana.door)
    key = ana.there
    bob.register("127.0.0.1", ana.door)
    its = bob.clients["127.0.0.1"]
    ana.end()
    os.remove(os.path.join(ana.home, "sotto.db"))
    ana = open_node(root, "nobody", port=ana.door)
    bob.clients["127.0.0.1"] = its
    assert bob.send("127.0.0.1", "guess who") == 1
    got = ana.want(event="message", text="guess who")
    assert got["peer"]["ident"] == "binary://127.0.0.1:0", key
    result = ana.refused("unreachable", "reply", text="who?")
    assert "/register" in result["error"]
    alive(bob)
    ana.end()


def test_too_long(root):
    ana, bob = open_node(root, "ana"), Binary()
    result = ana.refused("too_long", "send", to=bob.at, text="x" * 215)
    assert "214" in result["error"]
    ana.refused("too_long", "send", to=bob.at, text="é" * 108)
    assert not bob.frames
    ana.done("send", to=bob.at, text="x" * 214)
    assert bob.inbox == ["x" * 214]
    alive(bob)
    ana.end()


def test_not_there_yet(root):
    port = free_port()
    ana = open_node(root, "ana")
    at = "binary://127.0.0.1:%d" % port
    ana.refused("unreachable", "connect", to=at)
    ana.done("send", to=at, text="later", wait="none")
    time.sleep(0.5)
    bob = Binary(port)
    wait_for(lambda: bob.inbox, 40)
    assert bob.inbox == ["later"]
    ana.done("connect", to=at)
    alive(bob)
    ana.end()


def test_sub_command(root):
    bob = Binary()
    status, out, err = run("send", bob.at, "built",
                           home=os.path.join(root, "home"))
    assert status == 0, err
    assert bob.inbox == ["built"]
    alive(bob)


def two_sottos(root, dialect):
    ana, bob = open_node(root, "ana", dialect), open_node(root, "bob", dialect)
    sent = ana.done("send", to=bob.there, text="ping")
    assert sent["peer"]["dialect"] == dialect
    got = bob.want(event="message", text="ping")
    assert got["peer"]["ident"] == ana.there and got["secure"] is False
    bob.done("reply", text="pong")
    ana.want(event="message", text="pong")
    # bob forgets who we are: we register again, and the text arrives
    bob.kill()
    bob = open_node(root, "bob", dialect, bob.door)
    ana.done("send", to=bob.there, text="again")
    bob.want(event="message", text="again")
    ana.end()
    bob.end()


def test_two_sottos(root):
    two_sottos(root, "binary")


def test_two_sottos_as_drawn(root):
    two_sottos(root, "binary16")


def test_half_registration_as_drawn(root):
    """TEXT of somebody unknown -> ACK 2 -> REGISTER -> ACK 1, ACK 1."""
    ana = open_node(root, "ana", "binary16")
    key = rsa.Private(2048)
    pem = key.pem().encode()
    register = struct.pack(">HHH", 1, 7777, len(pem)) + pem
    with socket.create_connection(("127.0.0.1", ana.door)) as s:
        s.sendall(register)
        data = s.recv(1024)
        kind, port, n = struct.unpack(">HHH", data[:6])
        assert (kind, port, len(data)) == (1, ana.door, 6 + n)
        its = rsa.public(data[6:].decode())
        s.sendall(struct.pack(">HH", 3, 1))
        assert s.recv(10) == b""
    ana.end()
    os.remove(os.path.join(ana.home, "sotto.db"))
    ana = open_node(root, "ana", "binary16", ana.door)
    with socket.create_connection(("127.0.0.1", ana.door)) as s:
        s.settimeout(20)
        s.sendall(struct.pack(">HH", 2, 256) + its.oaep(b"half"))
        assert s.recv(4) == struct.pack(">HH", 3, 2)
        s.sendall(register)
        assert s.recv(4, socket.MSG_WAITALL) == struct.pack(">HH", 3, 1)
        assert s.recv(4, socket.MSG_WAITALL) == struct.pack(">HH", 3, 1)
        assert s.recv(4) == b""
    got = ana.want(event="message", text="half")
    assert got["peer"]["ident"] == "binary16://127.0.0.1:7777"
    ana.end()


if __name__ == "__main__":
    if "without RSA" in run("--version")[1]:
        print("built without RSA")
        raise SystemExit(77)
    sotto.main(globals())
