#!/usr/bin/env python3
"""Document 003 over UDP, with a stand-in for its program and with another
sotto. Whatever would kill the program fails here."""
import json
import os
import socket
import sys
import time

import sotto
from sotto import Node, free_port, run
from fakes import json_fake
from fakes.json_fake import Json


def open_node(root, name, *options):
    """A node and its address for document 003."""
    port = free_port()
    node = Node(root, name, "--listen", "json=127.0.0.1:%d" % port, *options)
    return node, ("127.0.0.1", port)


def wait_for(test, patience=sotto.PATIENCE):
    until = time.monotonic() + patience
    while not test():
        assert time.monotonic() < until, "it did not come"
        time.sleep(0.01)


def alive(fake):
    assert fake.dead is None, fake.dead
    assert fake.surplus == 0, fake.results


def test_ready_says_where(root):
    ana, at = open_node(root, "ana")
    assert "json://127.0.0.1:%d" % at[1] in ana.ready["listen"], ana.ready
    ana.end()


def test_text_to_the_program(root):
    ana, at = open_node(root, "ana")
    bob = Json()
    peer = "json://127.0.0.1:%d" % bob.port
    text = "olá, ação ✓ \U0001f600 \"\\ \t"
    result = ana.done("send", to=peer, text=text)
    assert result["state"] == "delivered"
    assert result["peer"]["secure"] is False
    assert result["peer"]["dialect"] == "json"
    assert result["peer"]["id"] is None and result["peer"]["trust"] is None
    alive(bob)
    assert len(bob.raw) == 1
    got = bob.inbox[0]
    assert list(got) == json_fake.TEXT_KEYS
    assert json.dumps(got).encode() == bob.raw[0]
    assert got["Mensagem"] == text
    assert (got["Ip_origem"], got["Porta_origem"]) == at
    assert isinstance(got["Porta_destino"], int)
    assert isinstance(got[json_fake.STAMP], float)
    status = ana.want(event="status", id=result["id"], state="delivered")
    assert status["ack"] is True and status["tries"] == 1
    own = ana.want(event="message", id=result["id"])
    assert own["secure"] is False
    assert status["original_timestamp"] == own["timestamp"]
    # stamps are the only names: all different, and they grow
    for i in range(50):
        ana.say(cmd="send", ref="n%d" % i, to=peer, text="n%d" % i)
    for i in range(50):
        ana.want(event="result", ref="n%d" % i, ok=True)
    stamps = [m[json_fake.STAMP] for m in bob.inbox]
    assert len(stamps) == 51 and stamps == sorted(set(stamps))
    alive(bob)
    ana.end()


def test_text_from_the_program(root):
    ana, at = open_node(root, "ana")
    bob = Json()
    assert bob.send(at, bob.text(at, "bom dia"))
    message = ana.want(event="message", text="bom dia")
    assert message["secure"] is False and message["dir"] == "in"
    assert message["request"] is False
    assert message["peer"]["ident"] == "json://127.0.0.1:%d" % bob.port
    assert message["timestamp"].endswith("Z")
    ack = bob.results[0]
    assert list(ack) == json_fake.ACK_KEYS and ack["ACK"] is True
    assert (ack["Ip_origem"], ack["Porta_origem"]) == at
    # our answer quotes it
    ana.done("reply", text="bom dia!")
    assert list(bob.inbox[0]) == json_fake.REPLY_KEYS
    assert bob.inbox[0]["Mensagem original"] == "bom dia"
    alive(bob)
    # and his answer is an answer
    sent = ana.done("send", to=message["peer"]["ident"], text="que tal?")
    assert bob.send(at, bob.reply(at, "bem"))
    got = ana.want(event="message", text="bem")
    assert got["reply_to"] == sent["id"] and got["original"] == "que tal?"
    alive(bob)
    ana.end()


def test_copies(root):
    """Each is acknowledged, once; one is shown."""
    ana, at = open_node(root, "ana")
    bob = Json()
    message = bob.text(at, "again")
    for _ in range(3):
        assert bob.send(at, message)
    other = bob.text(at, "again")
    assert bob.send(at, other)
    assert len(bob.results) == 4
    alive(bob)
    items, _ = ana.ask("history", peer="json://127.0.0.1:%d" % bob.port)
    assert len(items) == 2, items
    # and after it was killed
    ana.kill()
    ana = Node(root, "ana", "--listen", "json=%s:%d" % at)
    assert bob.send(at, message)
    items, _ = ana.ask("history", peer="json://127.0.0.1:%d" % bob.port)
    assert len(items) == 2, items
    ana.end()


def test_five_times(root):
    """t = 0, 5, 10, 15, 20; failure at 25 s."""
    ana, at = open_node(root, "ana")
    bob = Json(acks=False)
    began = time.monotonic()
    result = ana.refused("timeout", "send", timeout_ms=60000, text="hello?",
                         to="json://127.0.0.1:%d" % bob.port)
    took = time.monotonic() - began
    assert 24 < took < 30, took
    assert len(bob.inbox) == 5 and len(set(bob.raw)) == 1
    assert result["state"] == "failed"
    # the next one is not held up by it
    bob.acks = True
    ana.done("send", to="json://127.0.0.1:%d" % bob.port, text="now")
    alive(bob)
    ana.end()


def test_refused_is_final(root):
    ana, at = open_node(root, "ana")
    bob = Json(acks=False)
    ana.say(cmd="send", ref="s", to="json://127.0.0.1:%d" % bob.port,
            text="no?")
    wait_for(lambda: bob.inbox)
    bob.put({"Ip_origem": bob.ip, "Ip_destino": at[0],
             "Porta_origem": bob.port, "Porta_destino": at[1],
             json_fake.ORIGINAL_STAMP: bob.inbox[0][json_fake.STAMP],
             json_fake.REPLY_STAMP: time.time(), "ACK": False}, at)
    result = ana.want(event="result", ref="s")
    assert result["code"] == "refused", result
    # who is blocked hears the same
    ana.done("block", peer="json://127.0.0.1:%d" % bob.port)
    assert bob.send(at, bob.text(at, "hello")) is False
    assert bob.results[-1]["ACK"] is False
    ana.end()


def test_too_long(root):
    ana, at = open_node(root, "ana")
    bob = Json()
    peer = "json://127.0.0.1:%d" % bob.port
    result = ana.refused("too_long", "send", to=peer, text="x" * 900)
    assert "json" in result["error"] and "852" in result["error"], result
    ana.refused("too_long", "send", to=peer, text="é" * 200)
    ana.done("send", to=peer, text="x" * 800)
    assert len(bob.inbox) == 1
    # a quotation that would not fit is cut, the answer is not
    assert bob.send(at, bob.text(at, "é" * 100))
    ana.want(event="message", text="é" * 100)
    ana.done("reply", text="y" * 300)
    assert bob.inbox[-1]["Mensagem de resposta"] == "y" * 300
    assert "é" * 100 != bob.inbox[-1]["Mensagem original"]
    assert all(len(raw) <= 1024 for raw in bob.raw)
    alive(bob)
    ana.end()


def test_claimed_address(root):
    """The answer goes to the socket; the claim is told as one."""
    ana, at = open_node(root, "ana")
    bob, other = Json(), Json()
    bob.claim = ("127.0.0.1", other.port)
    assert bob.send(at, bob.text(at, "who am I?"))
    message = ana.want(event="message", text="who am I?")
    assert message["peer"]["ident"] == "json://127.0.0.1:%d" % bob.port
    assert message["origin_port"] == other.port
    assert message["peer"]["addr"] == "127.0.0.1:%d" % bob.port
    assert not other.raw
    # 0.0.0.0 is what the program says when it listens everywhere
    bob.claim = ("0.0.0.0", bob.port)
    assert bob.send(at, bob.text(at, "all"))
    assert ana.want(event="message", text="all")["origin_ip"] == "127.0.0.1"
    ana.end()
    # as the original does it
    with open(os.path.join(root, "ana", "config.ini"), "a") as f:
        f.write("json-ack = claimed\n")
    ana = Node(root, "ana", "--listen", "json=%s:%d" % at)
    bob.claim = ("127.0.0.1", other.port)
    bob.put(bob.text(at, "there"), at)
    ana.want(event="message", text="there")
    wait_for(lambda: other.results)
    assert other.results[0]["ACK"] is True
    ana.end()


def test_what_is_no_message(root):
    """Garbage, spoofed ACKs, floods: nothing of it hurts or is answered."""
    ana, at = open_node(root, "ana")
    eve = Json()
    for junk in [b"", b"{", b"[]", b"\xff" * 100, b"x" * 4000, b"{}",
                 b'{"Ip_origem":1}', json.dumps({"ACK": True}).encode()]:
        eve.socket.sendto(junk, at)
    eve.put({"Ip_origem": "127.0.0.1", "Ip_destino": at[0],
             "Porta_origem": eve.port, "Porta_destino": at[1],
             json_fake.ORIGINAL_STAMP: 1.5, json_fake.REPLY_STAMP: 2.5,
             "ACK": True}, at)
    assert eve.send(at, eve.text(at, "fine"))
    assert len(eve.raw) == 1
    assert len([e for e in ana.seen if e["event"] == "message"]) <= 1
    # a message that lacks its text can be named, so it is refused
    broken = eve.text(at, "x")
    del broken["Mensagem"]
    eve.send(at, broken, times=1)
    # compact JSON and raw UTF-8 are read as well
    text = eve.text(at, "ação")
    text[json_fake.STAMP] = 1790000000
    eve.socket.sendto(json.dumps(text, separators=(",", ":"),
                                 ensure_ascii=False).encode(), at)
    ana.want(event="message", text="ação")
    ana.end()


def test_two_sottos(root):
    ana, at = open_node(root, "ana")
    bob, to = open_node(root, "bob")
    first = ana.done("send", to="json://127.0.0.1:%d" % to[1], text="ping")
    got = bob.want(event="message", text="ping")
    assert got["peer"]["ident"] == "json://127.0.0.1:%d" % at[1]
    assert got["timestamp"] == ana.want(event="message",
                                        id=first["id"])["timestamp"]
    bob.done("reply", text="pong")
    pong = ana.want(event="message", text="pong")
    assert pong["reply_to"] == first["id"]
    # not to be had by any name but its own, and never by a nickname
    ana.refused("unknown", "send", to="bob", text="x")
    # the keyed bob is another contact
    ana.done("connect", to=bob.at)
    ana.done("send", to="bob", text="with a key")
    assert bob.want(event="message", text="with a key")["secure"] is True
    peers = [i["peer"] for i in ana.ask("peers")[0]]
    assert len(peers) == 2, peers
    # `all` is not for who has no key
    ana.done("all", text="everybody")
    assert bob.want(event="message", text="everybody")["secure"] is True
    ana.end()
    bob.end()


def test_queued_and_restarted(root):
    """What was queued is sent by the next run; nothing is lost."""
    ana, at = open_node(root, "ana")
    port = free_port()
    peer = "json://127.0.0.1:%d" % port
    sent = ana.done("send", to=peer, text="later", wait="none")
    ana.kill()
    bob = Json(port)
    ana = Node(root, "ana", "--listen", "json=%s:%d" % at)
    ana.want(event="status", id=sent["id"], state="delivered")
    assert bob.inbox[0]["Mensagem"] == "later"
    alive(bob)
    ana.end()


def test_names_and_spelling(root):
    ana, at = open_node(root, "ana")
    bob = Json()
    result = ana.done("send", to="json://localhost:%d" % bob.port, text="a")
    ana.want(event="peer", peer__addr="127.0.0.1:%d" % bob.port)
    # what comes back from there is the same peer
    assert bob.send(at, bob.text(at, "b"))
    got = ana.want(event="message", text="b")
    assert got["peer"]["contact"] == result["peer"]["contact"]
    ana.refused("usage", "send", to="json://localhost", text="x")
    ana.refused("usage", "send", to="gopher://localhost:70", text="x")
    ana.done("rename", peer="json://localhost:%d" % bob.port, name="robert")
    ana.done("send", to="robert", text="c")
    ana.refused("key", "trust", peer="robert")
    assert ana.done("connect", to="json://127.0.0.1:%d" % bob.port)
    ana.end()


def test_sub_command(root):
    """Without a listener: from a socket of its own, which hears the ACK."""
    bob = Json()
    home = os.path.join(root, "home")
    status, out, err = run("send", "json://127.0.0.1:%d" % bob.port, "built",
                           home=home)
    assert status == 0, err
    assert json.loads(out.splitlines()[-1])["peer"]["secure"] is False
    assert bob.inbox[0]["Porta_origem"] > 0
    alive(bob)


def test_doors(root):
    """Closed by default; on the network only by a word; a taken one is a
    warning."""
    home = os.path.join(root, "home")
    status, _, err = run("--headless", "--listen", "json=0.0.0.0:5000",
                         home=home)
    assert status == 2 and "--plain-on-network" in err, err
    status, _, err = run("--headless", "--listen", "json=5000", home=home)
    assert status == 2, err
    status, _, err = run("--headless", "--listen", "sotto=127.0.0.1:5000",
                         home=home)
    assert status == 2, err
    with open(os.path.join(home, "config.ini"), "w") as f:
        f.write("listen = json=0.0.0.0:5000\n")
    status, _, err = run("--headless", home=home)
    assert status == 10 and "--plain-on-network" in err, err
    ana, at = open_node(root, "ana")
    bob = Node(root, "bob", "--listen", "json=%s:%d" % at)
    notice = bob.want(event="notice", level="warn")
    assert str(at[1]) in notice["text"], notice
    assert not [l for l in bob.ready["listen"] if "json" in l]
    bob.end()
    ana.end()
    port = free_port()
    eve = Node(root, "eve", "--listen", "json=0.0.0.0:%d" % port,
               "--plain-on-network")
    fake = Json()
    assert fake.send(("127.0.0.1", port), fake.text(("127.0.0.1", port), "x"))
    # it says an address that can be answered
    assert fake.results[0]["Ip_origem"] == "127.0.0.1"
    eve.end()


if __name__ == "__main__":
    sotto.main(globals())
