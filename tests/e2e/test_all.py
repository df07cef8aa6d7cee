#!/usr/bin/env python3
"""`all`: a message to everybody online, a fate for each, one result."""
import os
import signal

import sotto
from sotto import Node, free_port


def people(root, *names):
    """ana, who is connected with the others."""
    ana = Node(root, "ana")
    others = [Node(root, name, port=free_port()) for name in names]
    for other in others:
        ana.done("connect", to=other.at)
        other.want(event="peer", peer__id=ana.id, peer__state="online")
    return [ana] + others


def leave(ana, node):
    node.end()
    ana.want(event="peer", peer__id=node.id, peer__state="offline")


def texts(node, peer):
    items, _ = node.ask("history", peer=peer)
    return [i["message"]["text"] for i in items]


def fates(result):
    """By id; each peer once, and the numbers are those of the list."""
    by_id = {p["id"]: p for p in result["peers"]}
    assert len(by_id) == len(result["peers"]) == result["recipients"], result
    assert result["acknowledged"] == sum(p["ok"] for p in result["peers"])
    for p in result["peers"]:
        assert ("code" in p) == (not p["ok"]), p
    return by_id


def end(*nodes):
    for node in nodes:
        node.end()


def test_two_online_one_gone_one_unknown(root):
    ana, bob, cat, dan = people(root, "bob", "cat", "dan")
    leave(ana, dan)
    # an address where nobody ever was
    ana.done("send", to="127.0.0.1:%d" % free_port(), text="hello?",
             wait="none")
    since = len(ana.seen)
    result = ana.done("all", text="lunch")
    assert [e["event"] for e in ana.seen[since:]].count("result") == 1
    assert result["recipients"] == result["acknowledged"] == 2
    by_id = fates(result)
    assert set(by_id) == {bob.id, cat.id}
    for node in (bob, cat):
        fate = by_id[node.id]
        assert fate["nick"] == node.name and fate["ok"]
        assert fate["state"] == "delivered"
        got = node.want(event="message", text="lunch")
        assert got["id"] == fate["message"]
        assert texts(node, ana.id) == ["lunch"]
    assert by_id[bob.id]["message"] != by_id[cat.id]["message"]
    # it is for whoever is online: nothing waits for the others
    waits = [i["outbox"]["text"] for i in ana.ask("outbox")[0]]
    assert waits == ["hello?"], waits
    dan = Node(root, "dan", port=dan.port)
    ana.done("send", to=dan.at, text="only you")
    assert texts(dan, ana.id) == ["only you"]
    end(ana, bob, cat, dan)


def test_partly_when_one_does_not_answer(root):
    ana, bob, cat = people(root, "bob", "cat")
    os.kill(cat.process.pid, signal.SIGSTOP)
    result = ana.refused("partly", "all", text="who is there?",
                         timeout_ms=1500)
    by_id = fates(result)
    assert set(by_id) == {bob.id, cat.id} and result["acknowledged"] == 1
    assert by_id[bob.id]["state"] == "delivered"
    late = by_id[cat.id]
    assert not late["ok"] and late["code"] == "timeout" and late["error"]
    ana.want(event="status", id=late["message"], state="cancelled")
    assert ana.ask("outbox")[0] == []
    os.kill(cat.process.pid, signal.SIGCONT)
    ana.done("send", to=cat.at, text="awake?")
    got = texts(cat, ana.id)
    assert got.count("who is there?") <= 1 and got[-1] == "awake?", got
    end(ana, bob, cat)


def test_queue_keeps_it_for_the_late(root):
    ana, bob, cat = people(root, "bob", "cat")
    os.kill(cat.process.pid, signal.SIGSTOP)
    result = ana.refused("partly", "all", text="when you can",
                         timeout_ms=1500, on_timeout="queue")
    by_id = fates(result)
    assert by_id[bob.id]["ok"]
    late = by_id[cat.id]
    assert late["code"] == "queued" and late["state"] in ("queued", "sent")
    assert [i["outbox"]["id"] for i in ana.ask("outbox")[0]] == \
        [late["message"]]
    os.kill(cat.process.pid, signal.SIGCONT)
    ana.want(event="status", id=late["message"], state="delivered",
             patience=60)
    assert texts(cat, ana.id) == ["when you can"]
    assert ana.ask("outbox")[0] == []
    end(ana, bob, cat)


def test_not_partly_when_none_answers(root):
    ana, bob, cat = people(root, "bob", "cat")
    for node in (bob, cat):
        os.kill(node.process.pid, signal.SIGSTOP)
    result = ana.refused("timeout", "all", text="x", timeout_ms=1500)
    assert result["recipients"] == 2 and result["acknowledged"] == 0
    assert {p["code"] for p in fates(result).values()} == {"timeout"}
    for node in (bob, cat):
        os.kill(node.process.pid, signal.SIGCONT)
    end(ana, bob, cat)


def test_one_refuses(root):
    ana, bob, cat = people(root, "bob", "cat")
    cat.done("block", peer="ana")
    by_id = fates(ana.refused("partly", "all", text="x", timeout_ms=15000))
    assert by_id[bob.id]["state"] == "delivered"
    assert by_id[cat.id]["state"] == "failed"
    assert by_id[cat.id]["code"] == "refused"
    end(ana, bob, cat)


def test_not_to_the_blocked(root):
    ana, bob, cat = people(root, "bob", "cat")
    ana.done("block", peer="cat")
    assert set(fates(ana.done("all", text="x"))) == {bob.id}
    ana.done("unblock", peer="cat")
    assert texts(cat, ana.id) == []
    end(ana, bob, cat)


def test_wait_for_less(root):
    ana, bob, cat = people(root, "bob", "cat")
    for wait in ("none", "sent"):
        result = ana.done("all", text=wait, wait=wait)
        assert set(fates(result)) == {bob.id, cat.id}
        for node in (bob, cat):
            got = node.want(event="message", text=wait)
            assert got["id"] == fates(result)[node.id]["message"]
    end(ana, bob, cat)


def test_nobody(root):
    ana, bob = people(root, "bob")
    leave(ana, bob)
    result = ana.refused("unreachable", "all", text="anybody?")
    assert result["recipients"] == result["acknowledged"] == 0
    assert fates(result) == {}
    assert ana.ask("outbox")[0] == []
    ana.end()


def test_what_is_no_text(root):
    ana, bob = people(root, "bob")
    ana.refused("usage", "all", text="")
    ana.refused("usage", "all")
    ana.refused("too_long", "all", text="x" * 16385)
    ana.done("all", text="x" * 16384)
    assert texts(bob, ana.id) == ["x" * 16384]
    end(ana, bob)


if __name__ == "__main__":
    sotto.main(globals())
