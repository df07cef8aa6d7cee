#!/usr/bin/env python3
"""Document 004 over TCP, with stand-ins for its program and with other
sottos. Whatever would stop the program fails here."""
import os
import re
import socket
import time

import sotto
from sotto import Node, free_port, run
from fakes.mesh_fake import BLOCK, Mesh


def open_node(root, name, *options):
    port = free_port()
    node = Node(root, name, "--listen", "mesh=127.0.0.1:%d" % port, *options)
    node.mesh = "mesh://127.0.0.1:%d" % port
    node.mesh_port = port
    return node


def wait_for(test, patience=sotto.PATIENCE):
    until = time.monotonic() + patience
    while True:
        value = test()
        if value:
            return value
        assert time.monotonic() < until, "it did not come"
        time.sleep(0.01)


def alive(*fakes):
    for fake in fakes:
        assert fake.dead is None, fake.dead


def our_id(node, fake):
    """The id that node has there, once it is connected."""
    return wait_for(lambda: next((p.id for p in fake.list
                                  if p.nick == node.name), None))


def test_handshake_and_texts(root):
    ana, bob = open_node(root, "ana"), Mesh("bob")
    result = ana.done("connect", to=bob.at)
    assert result["peer"]["nick"] == "bob" and not result["peer"]["secure"]
    assert result["peer"]["ident"] == "mesh:" + bob.id
    assert re.fullmatch(
        rb"@id=[0-9a-f]{32}&port=%d&version=1\.2&nickname=ana" %
        ana.mesh_port, bob.raw[0]), bob.raw[0]
    me = our_id(ana, bob)
    text = "olá + mundo & 50% = \U0001f600\nnew line"
    sent = ana.done("send", to=bob.at, text=text, wait="sent")
    assert sent["state"] == "sent"
    wait_for(lambda: bob.peer(me).texts)
    assert bob.peer(me).texts == [text]
    assert len(bob.raw[1]) == BLOCK
    assert not bob.raw[1].split(b"\0", 1)[1].strip(b"\0")
    bob.say(bob.peer(me), "a+b c ã")
    got = ana.want(event="message", text="a+b c ã")
    assert got["secure"] is False and got["peer"]["nick"] == "bob"
    ana.done("reply", text="yes", wait="sent")
    wait_for(lambda: len(bob.peer(me).texts) == 2)
    # two at once are two
    for i in range(20):
        bob.say(bob.peer(me), "n%d" % i)
    for i in range(20):
        ana.want(event="message", text="n%d" % i)
    alive(bob)
    ana.end()
    wait_for(lambda: not bob.list)
    alive(bob)


def test_no_ack(root):
    """Who asks for one is told at once, and nothing was sent."""
    ana, bob = open_node(root, "ana"), Mesh("bob")
    ana.done("connect", to=bob.at)
    began = time.monotonic()
    result = ana.refused("no_ack", "send", to=bob.at, text="x", wait="ack")
    assert time.monotonic() - began < 2 and "mesh" in result["error"]
    ana.refused("no_ack", "send", to=bob.at, text="x")
    status, _, err = run("send", bob.at, "x", home=ana.home)
    assert status == 2 and "acknowledge" in err, err
    status, _, err = run("send", bob.at, "one", "--wait", "sent",
                         home=ana.home)
    assert status == 0, err
    me = our_id(ana, bob)
    wait_for(lambda: bob.peer(me).texts)
    assert bob.peer(me).texts == ["one"]
    items, _ = ana.ask("outbox")
    wait_for(lambda: not ana.ask("outbox")[0])
    ana.end()
    # and it is not sent again
    ana = Node(root, "ana", "--listen", "mesh=127.0.0.1:%d" % ana.mesh_port)
    ana.done("connect", to=bob.at)
    two = ana.done("send", to=bob.at, text="two", wait="sent")
    ana.want(event="status", id=two["id"], state="sent")
    wait_for(lambda: bob.peer(me) and bob.peer(me).texts)
    assert bob.peer(me).texts == ["two"]
    alive(bob)
    ana.end()


def test_dialled_by_the_program(root):
    """Its first read holds the handshake and nothing else, also when a text
    waits for it."""
    ana, bob = open_node(root, "ana"), Mesh("bob")
    ana.done("connect", to=bob.at)
    me = our_id(ana, bob)
    bob.close()
    ana.want(event="peer", peer__nick="bob", peer__state="offline")
    ana.done("send", to="mesh:" + bob.id, text="waited", wait="none")
    again = Mesh("bob", peers=[ana.mesh_port], slow=0.3)
    peer = wait_for(lambda: again.peer(me))
    wait_for(lambda: peer.texts)
    assert peer.texts == ["waited"]
    first = again.raw[0]
    assert first.startswith(b"@id=" + me.encode()) and \
        b"message" not in first, first
    alive(again)
    ana.end()


def test_id_taken(root):
    ana = open_node(root, "ana")
    bob = Mesh("bob", peers=[ana.mesh_port])
    ana.want(event="peer", peer__nick="bob", peer__state="online")
    false = Mesh("bob", peers=[ana.mesh_port])
    wait_for(lambda: false.errors)
    assert false.errors == ["ID_TAKEN"]
    # the first one is not disturbed
    bob.say(bob.list[0], "still here")
    ana.want(event="message", text="still here")
    # and we hear it ourselves: a carla who knows somebody by our id
    carla = Mesh("carla")
    me = bob.list[0].id
    s = socket.create_connection(("127.0.0.1", carla.port))
    s.sendall(b"@id=" + me.encode() + b"&port=7777&version=1.2")
    wait_for(lambda: carla.peer(me))
    s.recv(BLOCK)
    result = ana.refused("unreachable", "connect", to=carla.at)
    assert "taken" in result["error"], result
    s.close()
    wait_for(lambda: not carla.list)
    # it tries again by itself
    ana.want(event="peer", peer__nick="carla", peer__state="online",
             patience=40)
    alive(bob, carla, false)
    ana.end()


def test_full_mesh(root):
    """Three programs and us: each is in each one's list, under its own id."""
    a = Mesh("anna")
    b = Mesh("bela", peers=[a.port])
    wait_for(lambda: len(a.list) == 1)
    c = Mesh("csaba", peers=[a.port, b.port])
    wait_for(lambda: len(a.list) == 2 and len(b.list) == 2)
    ana = open_node(root, "ana")
    ana.done("connect", to=a.at)
    for fake in (a, b, c):
        me = our_id(ana, fake)
        ana.want(event="peer", peer__nick=fake.nick, peer__state="online")
        ana.done("send", to="mesh:" + fake.id, text="to " + fake.nick,
                 wait="sent")
        wait_for(lambda: fake.peer(me).texts)
        assert fake.peer(me).texts == ["to " + fake.nick]
        fake.say(fake.peer(me), "from " + fake.nick)
        got = ana.want(event="message", text="from " + fake.nick)
        assert got["peer"]["ident"] == "mesh:" + fake.id
        assert len(fake.list) == 3, [p.nick for p in fake.list]
    # one more, who follows our list with a name that is not its own
    d = Mesh("dora", peers=[ana.mesh_port])
    wait_for(lambda: d.peer(me))
    assert sorted(p.nick for p in d.list)[0] == "ana"
    alive(a, b, c, d)
    ana.end()


def test_a_list_is_not_obeyed_blindly(root):
    """No port below 1024, nobody of another class than who sends us, no more
    than eight a minute."""
    ana = open_node(root, "ana")
    # who is not to be dialled listens, and would see it
    doors = [Mesh("m%d" % i) for i in range(12)]
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(1)
    ana.say(cmd="connect", ref="c",
            to="mesh://127.0.0.1:%d" % listener.getsockname()[1])
    s, _ = listener.accept()
    s.recv(BLOCK)
    peers = ["127.0.0.1:80", "10.1.2.3:7000", "93.184.216.34:7000",
             "127.0.0.1:%d" % ana.mesh_port, "0.0.0.0:7000", "junk", ":"]
    peers += ["127.0.0.1:%d" % d.port for d in doors]
    s.sendall(b"@id=guide&port=6500&version=1.2&peers=" +
              ",".join(peers).encode())
    ana.want(event="result", ref="c", ok=True)
    wait_for(lambda: sum(len(d.handshakes) for d in doors) == 8)
    ana.want(event="peer", peer__nick="m0", peer__state="online")
    assert sum(len(d.handshakes) for d in doors) == 8
    alive(*doors)
    ana.end()


def test_bad_handshakes(root):
    ana = open_node(root, "ana")

    def answer(data, close=False):
        s = socket.create_connection(("127.0.0.1", ana.mesh_port))
        s.settimeout(20)
        s.sendall(data)
        if close:
            s.close()
            return None
        return s.recv(BLOCK)

    assert answer(b"@id=x") == b"@valid=false&error=PORT_NOT_FOUND"
    assert answer(b"@port=5") == b"@valid=false&error=ID_NOT_FOUND"
    assert answer(b"@a=b") == b"@valid=false&error=INVALID_RESPONSE"
    assert answer(b"@id=" + b"x" * 40 + b"&port=7") == \
        b"@valid=false&error=INVALID_RESPONSE"
    answer(b"GET / HTTP/1.0\r\n\r\n", close=True)
    answer(b"", close=True)
    answer(os.urandom(9000), close=True)
    for name in ("../../etc", "a:b/c", "127.0.0.1:80", "%00"):
        got = answer(b"@id=" + name.encode() + b"&port=7777&nickname=" +
                     b"%1b%5b31m")
        assert got.startswith(b"@id="), (name, got)
    good = Mesh("bob", peers=[ana.mesh_port])
    ana.want(event="peer", peer__nick="bob", peer__state="online")
    assert not os.path.exists(os.path.join(root, "etc"))
    alive(good)
    ana.end()


def test_offline_and_peers_file(root):
    """Queued until it is there; peers.txt is dialled at start and again."""
    port = free_port()
    ana = open_node(root, "ana")
    ana.done("send", to="mesh://localhost:%d" % port, text="later",
             wait="none")
    time.sleep(0.5)
    bob = Mesh("bob", port=port)
    peer = wait_for(lambda: bob.list and bob.list[0])
    wait_for(lambda: peer.texts)
    assert peer.texts == ["later"]
    ana.end()
    other = Mesh("other")
    with open(os.path.join(ana.home, "peers.txt"), "w") as f:
        f.write("mesh://127.0.0.1:%d\n" % other.port)
    ana = Node(root, "ana", "--listen", "mesh=127.0.0.1:%d" % ana.mesh_port)
    ana.want(event="peer", peer__nick="other", peer__state="online")
    assert other.list[0].id == peer.id      # for ever the same
    other.close()
    ana.want(event="peer", peer__nick="other", peer__state="offline")
    third = Mesh("other", port=other.port)
    wait_for(lambda: third.list, 60)
    alive(bob, other, third)
    ana.end()


def test_three_sottos(root):
    ana, bob, eve = [open_node(root, n) for n in ("ana", "bob", "eve")]
    ana.done("connect", to=bob.mesh)
    eve.done("connect", to=bob.mesh)
    for a, b in ((ana, bob), (bob, eve), (ana, eve)):
        a.want(event="peer", peer__nick=b.name, peer__dialect="mesh",
               peer__state="online")
        b.want(event="peer", peer__nick=a.name, peer__dialect="mesh",
               peer__state="online")
    ident = [e["peer"]["ident"] for e in ana.seen if e["event"] == "peer" and
             e["peer"]["nick"] == "eve"][-1]
    ana.done("send", to=ident, text="hello eve", wait="sent")
    assert eve.want(event="message", text="hello eve")["peer"]["nick"] == "ana"
    eve.done("reply", text="hello ana", wait="sent")
    ana.want(event="message", text="hello ana")
    # a name that somebody gives himself is no way to reach him
    ana.refused("unknown", "send", to="eve", text="x", wait="none")
    # restarted, it is who it was
    eve.kill()
    ana.want(event="peer", peer__nick="eve", peer__state="offline")
    since = len(ana.seen)
    eve = Node(root, "eve", "--listen", "mesh=127.0.0.1:%d" % eve.mesh_port)
    eve.done("connect", to=ana.mesh)
    ana.want(since=since, event="peer", peer__ident=ident,
             peer__state="online")
    for node in (ana, bob, eve):
        node.end()


def test_both_dial_at_once(root):
    """One link is left, and both know it."""
    ana, bob = open_node(root, "ana"), open_node(root, "bob")
    ana.say(cmd="connect", ref="c", to=bob.mesh)
    bob.say(cmd="connect", ref="c", to=ana.mesh)
    ana.want(event="result", ref="c")
    bob.want(event="result", ref="c")
    for i in range(5):
        ana.done("send", to=bob.mesh, text="a%d" % i, wait="sent")
        bob.want(event="message", text="a%d" % i)
        bob.done("send", to=ana.mesh, text="b%d" % i, wait="sent")
        ana.want(event="message", text="b%d" % i)
    ana.end()
    bob.end()


def test_ourselves(root):
    ana = open_node(root, "ana")
    ana.refused("self", "connect", to=ana.mesh)
    ana.end()


if __name__ == "__main__":
    sotto.main(globals())
