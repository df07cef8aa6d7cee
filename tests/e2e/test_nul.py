#!/usr/bin/env python3
"""Document 001 over TCP, with a stand-in for its program and with another
sotto. Whatever would end the program's server fails here."""
import os
import socket
import time

import sotto
from sotto import Node, free_port, run
from fakes import rsa
from fakes.nul_fake import Nul


def open_node(root, name, port=None):
    port = port or free_port()
    node = Node(root, name, "--listen", "nul=127.0.0.1:%d" % port)
    node.door = ("127.0.0.1", port)
    node.there = "nul://127.0.0.1:%d" % port
    wait_for(lambda: os.path.exists(os.path.join(node.home, "rsa-nul.pem")))
    return node


def wait_for(test, patience=sotto.PATIENCE):
    until = time.monotonic() + patience
    while not test():
        assert time.monotonic() < until, "it did not come"
        time.sleep(0.01)


def alive(fake):
    assert fake.dead is None, fake.dead


def test_text_to_the_program(root):
    ana, bob = open_node(root, "ana"), Nul()
    text = "Hello   World, olá \U0001f600"
    result = ana.done("send", to=bob.at, text=text)
    assert result["state"] == "delivered"
    assert result["peer"]["secure"] is False
    assert bob.inbox == [text]
    assert bob.requests[0] == "identify" and len(bob.requests) == 3
    assert bob.registered[0][1] == ana.door[1]
    for i in range(5):
        ana.done("send", to=bob.at, text="n%d" % i)
    assert len(bob.requests) == 8
    ana.done("connect", to=bob.at)
    alive(bob)
    ana.end()


def test_text_from_the_program(root):
    ana, bob = open_node(root, "ana"), Nul()
    assert bob.register(ana.door) == \
        "register 127.0.0.1 has been registered."
    assert bob.deliver(ana.door, "Hello   World") == \
        "hello world received OK"
    got = ana.want(event="message", text="hello   world")
    assert got["peer"]["ident"] == bob.at and got["secure"] is False
    assert bob.deliver(ana.door, "")
    ana.done("reply", text="Yes")
    assert bob.inbox == ["Yes"]
    alive(bob)
    # who never said where he listens is read, and that is all
    ana.done("forget", peer=bob.at)
    eve = Nul()
    eve.its = eve.identify(ana.door)
    eve.deliver(ana.door, "hi")
    # our key lasts: theirs would be stale for ever
    key = bob.identify(ana.door).n
    ana.end()
    ana = open_node(root, "ana", ana.door[1])
    assert bob.identify(ana.door).n == key
    ana.end()


def test_everything_is_answered(root):
    ana, bob = open_node(root, "ana"), Nul()
    bob.register(ana.door)
    for request in ["IDENTIFY", "identify\0identify", "hello",
                    "(b'abc', None)", "__import__('os').system('false')",
                    repr((bob.its.raw(b"dance now"),)),
                    repr((bob.its.raw(b"register"),)),
                    repr((os.urandom(127),)), "('text',)"]:
        assert bob.ask(ana.door, request), request
    # any way to write the literal is read
    for form in ("b'%s'", '(b"%s",)', "( b'%s' , )"):
        data = "".join("\\x%02x" % b for b in bob.its.raw(b"deliver hex"))
        assert bob.ask(ana.door, form % data) == "hex received OK"
    ana.done("block", peer=bob.at)
    assert "received OK" not in bob.deliver(ana.door, "x")
    # nothing, much, and somebody who never ends it
    for junk in (b"", b"x" * 100000, b"identify"):
        with socket.create_connection(ana.door) as s:
            try:
                s.sendall(junk)
            except ConnectionError:
                pass
    assert "BEGIN PUBLIC KEY" in bob.ask(ana.door, "identify")
    ana.end()


def test_another_key(root):
    """It was started again with another key: asked before it is written to."""
    ana, bob = open_node(root, "ana"), Nul()
    ana.done("send", to=bob.at, text="one")
    port = bob.port
    bob.close()
    ana.end()
    ana = open_node(root, "ana", ana.door[1])
    wait_for(lambda: can_listen(port))
    bob = Nul(port)
    ana.done("send", to=bob.at, text="two")
    assert bob.inbox == ["two"] and bob.requests[0] == "identify"
    alive(bob)
    ana.end()


def can_listen(port):
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def test_too_long(root):
    ana, bob = open_node(root, "ana"), Nul()
    result = ana.refused("too_long", "send", to=bob.at, text="x" * 121)
    assert "120" in result["error"]
    assert not bob.requests
    ana.done("send", to=bob.at, text="x" * 120)
    assert bob.inbox == ["x" * 120]
    alive(bob)
    ana.end()


def test_not_there_yet(root):
    port = free_port()
    ana = open_node(root, "ana")
    at = "nul://127.0.0.1:%d" % port
    ana.refused("unreachable", "connect", to=at)
    ana.done("send", to=at, text="later", wait="none")
    time.sleep(0.5)
    bob = Nul(port)
    wait_for(lambda: bob.inbox, 40)
    assert bob.inbox == ["later"]
    alive(bob)
    ana.end()


def test_sub_command(root):
    """Without a listener there is nothing to register."""
    bob = Nul()
    status, out, err = run("send", bob.at, "built",
                           home=os.path.join(root, "home"))
    assert status == 0, err
    assert bob.inbox == ["built"] and not bob.registered
    alive(bob)


def test_two_sottos(root):
    ana, bob = open_node(root, "ana"), open_node(root, "bob")
    ana.done("send", to=bob.there, text="Ping Pong")
    got = bob.want(event="message", text="Ping Pong")
    assert got["peer"]["ident"] == ana.there
    bob.done("reply", text="Pong")
    ana.want(event="message", text="Pong")
    bob.done("block", peer=ana.there)
    ana.refused("refused", "send", to=bob.there, text="x")
    ana.end()
    bob.end()


if __name__ == "__main__":
    if "without RSA" in run("--version")[1]:
        print("built without RSA")
        raise SystemExit(77)
    sotto.main(globals())
