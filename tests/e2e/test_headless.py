#!/usr/bin/env python3
"""The line protocol on stdin and stdout, between two real processes."""
import json
import os
import signal
import sqlite3
import sys
import threading
import time

import sotto
from sotto import Node, free_port


def pair(root, *options):
    """Two that know each other; ana has dialled."""
    ana, bob = Node(root, "ana", *options), Node(root, "bob", *options)
    ana.done("connect", to=bob.at)
    bob.want(event="peer", peer__id=ana.id, peer__state="online")
    return ana, bob


def end(*nodes):
    for node in nodes:
        node.end()


def test_ready(root):
    path = os.path.join(root, "ready.json")
    ana = Node(root, "ana", "--ready-file", path)
    with open(path) as f:
        assert json.load(f) == ana.ready
    assert ana.seen[0]["event"] == "ready"
    ready = ana.ready
    assert ready["v"] == 1 and len(ready["id"]) == 32
    assert ready["nick"] == "ana" and ready["port"] > 0
    assert ready["pid"] == ana.process.pid
    assert ready["trust_new"] == "accept"
    assert ready["listen"] and str(ready["port"]) in ready["listen"][0]
    assert os.listdir(root).count("ready.json") == 1
    assert not [n for n in os.listdir(root) if n.startswith("ready.json.")]
    ana.end()
    bob = Node(root, "bob", "--trust-new", "ask")
    assert bob.ready["trust_new"] == "ask"
    bob.end()


def test_send_and_ack(root):
    ana, bob = pair(root)
    text = "are you there? \u2028 \u202e \x1b[31m \"\\/ \t\U0001f600 é"
    result = ana.done("send", to=bob.at, text=text)
    assert result["state"] == "delivered"
    assert result["peer"]["id"] == bob.id
    message = bob.want(event="message", id=result["id"])
    assert message["text"] == text
    assert message["dir"] == "in" and message["secure"] is True
    assert message["request"] is False and message["seq"] == 1
    assert message["peer"]["id"] == ana.id
    assert message["peer"]["nick"] == "ana"
    assert message["origin_port"] == ana.port
    assert message["destination_port"] == bob.port
    status = ana.want(event="status", id=result["id"], state="delivered")
    assert status["ack"] is True and status["rtt_ms"] > 0
    assert status["original_timestamp"] == message["timestamp"]
    assert status["timestamp"].endswith("Z")
    own = ana.want(event="message", id=result["id"])
    assert own["dir"] == "out" and own["timestamp"] == message["timestamp"]
    end(ana, bob)


def test_exact_bytes(root):
    """Escaped as JSON demands, and no more."""
    ana, bob = pair(root)
    ana.say(cmd="send", ref="r", to=bob.at, text="a/b \u2028 \x7f \x01 é \"")
    ana.want(event="result", ref="r", ok=True)
    bob.process.stdin.close()
    bob.gone(0)
    bob = Node(root, "bob", port=bob.port)
    bob.say(cmd="history", ref="h", peer="ana")
    buffer = b""
    until = time.monotonic() + 20
    while b'"ref":"h","ok"' not in buffer and time.monotonic() < until:
        try:
            buffer += os.read(bob.fd, 65536)
        except BlockingIOError:
            time.sleep(0.01)
    want = '"text":"a/b \u2028 \x7f \\u0001 é \\""'.encode()
    assert want in buffer, buffer
    end(ana, bob)


def test_reply(root):
    ana, bob = pair(root)
    first = ana.done("send", to=bob.at, text="are you there?")
    bob.want(event="message", id=first["id"])
    answer = bob.done("reply", reply_to=first["id"], text="yes")
    assert answer["peer"]["id"] == ana.id
    got = ana.want(event="message", id=answer["id"])
    assert got["reply_to"] == first["id"]
    assert got["original"] == "are you there?"
    sent = bob.want(event="message", id=first["id"])
    assert got["original_timestamp"] == sent["timestamp"]
    # without reply_to: to whom the last message line came from
    again = ana.done("reply", text="good")
    assert again["peer"]["id"] == bob.id
    assert bob.want(event="message", id=again["id"])["reply_to"] == \
        answer["id"]
    ana.refused("unknown", "reply", text="x",
                reply_to="01990000-0000-7000-8000-000000000000")
    end(ana, bob)


def test_reply_is_ambiguous_with_two_unanswered(root):
    ana, bob = pair(root)
    eve = Node(root, "eve")
    ana.refused("unknown", "reply", text="to nobody yet")
    one = bob.done("send", to="ana", text="one")
    ana.want(event="message", id=one["id"])
    eve.done("connect", to=ana.at)
    two = eve.done("send", to=ana.at, text="two")
    ana.want(event="message", id=two["id"])
    result = ana.refused("ambiguous", "reply", text="to whom?")
    assert "bob" in result["error"] and "eve" in result["error"], result
    ana.done("reply", reply_to=one["id"], text="to bob")
    assert ana.done("reply", text="to eve")["peer"]["id"] == eve.id
    end(ana, bob, eve)


def test_wait(root):
    ana, bob = pair(root)
    assert ana.done("send", to=bob.at, text="a", wait="none")["state"] == \
        "queued"
    assert ana.done("send", to=bob.at, text="b", wait="sent")["state"] in \
        ("sent", "delivered")
    assert ana.done("send", to=bob.at, text="c", wait="ack")["state"] == \
        "delivered"
    ana.refused("bad_command", "send", to=bob.at, text="d", wait="soon")
    end(ana, bob)


def test_timeout_takes_back(root):
    ana, bob = pair(root)
    bob.end()
    ana.want(event="peer", peer__id=bob.id, peer__state="offline")
    result = ana.refused("timeout", "send", to="bob", text="x",
                         timeout_ms=300)
    assert result["state"] in ("queued", "sent")
    ana.want(event="status", id=result["id"], state="cancelled")
    assert ana.ask("outbox")[0] == []
    end(ana)


def test_timeout_may_leave_it_queued(root):
    ana, bob = pair(root)
    bob.end()
    result = ana.refused("queued", "send", to="bob", text="later",
                         timeout_ms=300, on_timeout="queue")
    items, done = ana.ask("outbox")
    assert [i["outbox"]["id"] for i in items] == [result["id"]]
    assert items[0]["outbox"]["text"] == "later"
    assert done["more"] is False
    bob = Node(root, "bob", port=bob.port)
    ana.done("retry", id=result["id"])
    bob.want(event="message", id=result["id"], text="later")
    ana.want(event="status", id=result["id"], state="delivered")
    assert ana.ask("outbox")[0] == []
    end(ana, bob)


def test_cancel(root):
    ana, bob = pair(root)
    bob.end()
    sent = ana.done("send", to="bob", text="never", wait="none")
    ana.done("cancel", id=sent["id"])
    ana.want(event="status", id=sent["id"], state="cancelled")
    assert ana.ask("outbox")[0] == []
    ana.refused("unknown", "cancel",
                id="01990000-0000-7000-8000-000000000000")
    bob = Node(root, "bob", port=bob.port)
    after = ana.done("send", to="bob", text="after")
    bob.want(event="message", id=after["id"])
    assert [e["text"] for e in bob.seen if e["event"] == "message"] == \
        ["after"]
    ana.refused("error", "cancel", id=after["id"])
    end(ana, bob)


def test_taken_back_while_waited_for(root):
    ana, bob = pair(root)
    bob.end()
    ana.say(cmd="send", ref="s", to="bob", text="x")
    message = ana.want(event="message", dir="out", text="x")
    ana.done("cancel", id=message["id"])
    result = ana.want(event="result", ref="s")
    assert not result["ok"] and result["code"] == "timeout", result
    end(ana)


def test_history(root):
    ana, bob = pair(root)
    ids = [ana.done("send", to=bob.at, text="number %d" % i,
                    wait="none")["id"] for i in range(130)]
    ana.want(event="status", id=ids[-1], state="delivered")
    for node, peer, way in ((ana, "bob", "out"), (bob, "ana", "in")):
        got, before = [], None
        for _ in range(5):
            more = {"before": before} if before else {}
            items, result = node.ask("history", peer=peer, limit=50, **more)
            got = [i["message"] for i in items] + got
            if not result["more"]:
                break
            before = result["next"]
            assert before == items[0]["message"]["id"]
        assert [m["id"] for m in got] == ids
        assert [m["text"] for m in got] == ["number %d" % i
                                            for i in range(130)]
        assert all(m["dir"] == way for m in got)
    items, _ = ana.ask("history", peer="bob")
    assert len(items) == 50
    assert items[-1]["message"]["state"] == "delivered"
    ana.refused("unknown", "history", peer="nobody")
    ana.refused("unknown", "history", peer="bob",
                before="01990000-0000-7000-8000-000000000000")
    ana.refused("bad_command", "history", peer="bob", before="yesterday")
    end(ana, bob)


def test_all_is_not_for_strangers(root):
    bob = Node(root, "bob", "--trust-new", "ask")
    ana, eve = Node(root, "ana"), Node(root, "eve")
    ana.done("connect", to=bob.at)
    ana.done("send", to=bob.at, text="hello")
    bob.done("trust", peer=ana.id)
    eve.done("connect", to=bob.at)
    bob.want(event="peer", peer__nick="eve", peer__state="online")
    result = bob.done("all", text="to those I know")
    assert result["recipients"] == 1, result
    ana.want(event="message", text="to those I know")
    peers, _ = bob.ask("peers")
    assert [p["peer"]["trust"] for p in peers
            if p["peer"]["nick"] == "eve"] in ([], ["new"])
    end(ana, bob, eve)


def test_search(root):
    ana, bob = pair(root)
    texts = ["The Fox of \u00c1rv\u00edzt\u0171r\u0151", "a fox, quick",
             "\u6f22\u5b57 here", "100% \"quoted\" fox", "nothing"]
    for text in texts:
        ana.done("send", to="bob", text=text)
    for i in range(300):
        ana.done("send", to="bob", text="filler fox %d" % i)

    def found(words, **more):
        items, result = bob.ask("search", text=words, **more)
        assert result["ok"], result
        return [i["message"]["text"] for i in items], result

    for again in range(2):
        assert found("FOX quick")[0] == [texts[1]]
        assert found("arvizturo")[0] == [texts[0]]
        assert found("\u6f22")[0] == [texts[2]]
        assert found("\u6f22\u5b57")[0] == [texts[2]]
        assert found('"quo')[0] == [texts[3]]
        assert found("0%")[0] == [texts[3]]
        assert found("absent words")[0] == []
        got, more = [], {}
        while True:
            page, result = found("fox", limit=100, peer="ana", **more)
            got += page
            if not result["more"]:
                break
            more = {"n": result["next"]}
        assert len(got) == 303 and got[0] == "filler fox 299"
        assert got[-1] == texts[0]
        # what is quiet gets an index: the same is found through it
        db = os.path.join(bob.home, "sotto.db")
        if not again:
            while indexed(db) < 250:
                time.sleep(0.05) # the whole test has a limit
    bob.refused("usage", "search", text=" ")
    bob.done("forget", peer="ana")
    assert found("quick")[0] == []
    end(ana, bob)


def indexed(db):
    with sqlite3.connect("file:%s?mode=ro" % db, uri=True) as c:
        return c.execute("SELECT upto FROM indexed").fetchone()[0]


def test_peers_and_snapshot(root):
    ana, bob = pair(root)
    for cmd in ("peers", "snapshot"):
        items, result = ana.ask(cmd)
        assert result["ok"] and result["more"] is False
        peer = items[0]["peer"]
        assert len(items) == 1 and peer["id"] == bob.id
        assert peer["nick"] == "bob" and peer["state"] == "online"
        assert peer["trust"] == "pinned" and peer["secure"] is True
        assert peer["addr"].endswith(":%d" % bob.port)
        assert peer["blocked"] is False and peer["changed"] is False
    me = ana.done("id")
    assert me["id"] == ana.id and me["nick"] == "ana"
    assert me["addr"].endswith(":%d" % ana.port)
    end(ana, bob)


def test_read(root):
    ana, bob = pair(root)
    for i in range(3):
        ana.done("send", to=bob.at, text=str(i))
    items, _ = bob.ask("peers")
    assert items[0]["peer"]["unread"] == 3, items
    bob.done("read", peer="ana")
    items, _ = bob.ask("peers")
    assert items[0]["peer"]["unread"] == 0, items
    end(ana, bob)


def test_block_and_unblock(root):
    ana, bob = pair(root)
    bob.done("block", peer="ana")
    result = ana.refused("refused", "send", to=bob.at, text="let me in",
                         timeout_ms=15000)
    assert result["state"] == "failed", result
    bob.refused("refused", "send", to="ana", text="x")
    bob.done("unblock", peer="ana")
    thanks = ana.done("send", to=bob.at, text="thanks")
    bob.want(event="message", id=thanks["id"])
    assert not [e for e in bob.seen if e["event"] == "message" and
                e["text"] == "let me in"]
    end(ana, bob)


def test_request_and_trust(root):
    bob = Node(root, "bob", "--trust-new", "ask")
    ana = Node(root, "ana")
    ana.done("connect", to=bob.at)
    sent = ana.done("send", to=bob.at, text="hello, stranger")
    message = bob.want(event="message", id=sent["id"])
    assert message["request"] is True
    assert message["peer"]["trust"] == "new"
    trusted = bob.done("trust", peer=ana.id)
    assert trusted["peer"]["trust"] == "pinned"
    bob.want(event="status", id=sent["id"], state="received")
    again = ana.done("send", to=bob.at, text="thanks")
    assert bob.want(event="message", id=again["id"])["request"] is False
    bob.refused("unknown", "trust", peer="nobody")
    # What changes nothing has its result, too.
    bob.done("trust", peer=ana.id)
    bob.done("unblock", peer=ana.id)
    end(ana, bob)


def test_refuse_strangers(root):
    bob = Node(root, "bob", "--trust-new", "refuse")
    ana = Node(root, "ana")
    result = ana.refused("refused", "send", to=bob.at, text="hello",
                         timeout_ms=15000)
    assert result["state"] == "failed"
    assert not [e for e in bob.seen if e["event"] == "message"]
    end(ana, bob)


def test_rename_and_forget(root):
    ana, bob = pair(root)
    ana.done("rename", peer=bob.at, name="robert")
    assert ana.done("send", to="robert", text="x")["peer"]["name"] == \
        "robert"
    assert ana.done("send", to=bob.id[:8], text="y")["peer"]["id"] == bob.id
    assert ana.done("send", to=bob.id, text="z")["peer"]["id"] == bob.id
    ana.done("forget", peer="robert")
    ana.want(event="peer", peer__id=bob.id, peer__gone=True)
    assert ana.ask("peers")[0] == []
    ana.refused("unknown", "send", to="robert", text="x")
    end(ana, bob)


def test_verify(root):
    ana, bob = pair(root)
    here = ana.done("verify", peer="bob")
    there = bob.done("verify", peer="ana")
    assert here["text"] == there["text"] and len(here["text"]) >= 60
    assert ana.done("verify", peer="bob", yes=True)["peer"]["trust"] == \
        "verified"
    end(ana, bob)


def test_all(root):
    ana = Node(root, "ana")
    ana.refused("unreachable", "all", text="anybody?")
    others = [Node(root, name) for name in ("bob", "cat", "dan")]
    for other in others:
        ana.done("connect", to=other.at)
    result = ana.done("all", text="lunch", ref="everybody")
    assert result["recipients"] == result["acknowledged"] == 3
    assert {p["id"] for p in result["peers"]} == {o.id for o in others}
    assert all(p["state"] == "delivered" and p["ok"]
               for p in result["peers"])
    for other in others:
        other.want(event="message", text="lunch")
    others[1].done("block", peer="ana")
    result = ana.refused("partly", "all", text="again", timeout_ms=15000)
    assert result["acknowledged"] == 2
    bad = [p for p in result["peers"] if not p["ok"]]
    assert [p["id"] for p in bad] == [others[1].id]
    assert bad[0]["code"] == "refused"
    end(ana, *others)


def test_unknown_unreachable_self(root):
    ana = Node(root, "ana")
    ana.refused("unknown", "send", to="nobody-of-this-name", text="x",
                timeout_ms=5000)
    ana.refused("unknown", "send", to="deadbeefdeadbeef", text="x",
                timeout_ms=5000)
    ana.refused("unreachable", "connect", to="127.0.0.1:%d" % free_port())
    ana.refused("self", "connect", to=ana.at)
    ana.refused("usage", "send", text="to whom?")
    ana.refused("usage", "send", to="127.0.0.1:9", text="")
    ana.refused("too_long", "send", to="127.0.0.1:9", text="x" * 16385)
    end(ana)


def test_longest_text(root):
    ana, bob = pair(root)
    for text in ("x" * 16384, "\x01" * 16384, "\U0001f600" * 4096):
        result = ana.done("send", to=bob.at, text=text)
        assert bob.want(event="message", id=result["id"])["text"] == text
    end(ana, bob)


def test_bad_lines(root):
    ana = Node(root, "ana")

    def bad(line, ref=None):
        since = len(ana.seen)
        ana.raw(line + b"\n")
        result = ana.want(since, event="result")
        assert result["code"] == "bad_command", result
        assert not result["ok"] and result.get("ref") == ref, result

    bad(b"hello")
    bad(b"[]")
    bad(b'"cmd"')
    bad(b"{}")
    bad(b'{"cmd":"dance"}')
    bad(b'{"cmd":"dance","ref":"d1"}', "d1")
    bad(b'{"cmd":"id","ref":7}')
    bad(b'{"cmd":"id","ref":"%s"}' % (b"x" * 65))
    bad(b'{"cmd":"id","ref":"cut', None)
    bad(b'{"cmd":"id","ref":"cut"', "cut")
    bad(b'{"cmd":"id","ref":"a","ref":"b"}', "a")
    bad(b'{"cmd":"id","ref":"u","x":"\xff"}', "u")
    bad(b'{"cmd":"send","ref":"z","text":"\\u0000"}', "z")
    bad(b'{"cmd":"send","ref":"t","text":5}', "t")
    bad(b'{"cmd":"send","ref":"m","timeout_ms":"soon"}', "m")
    bad(b'{"cmd":"cancel","ref":"i","id":"not an id"}', "i")
    bad(b'[' * 100000)
    bad(b'{"cmd":"id","ref":"big","x":"%s"}' % (b"x" * 262144), "big")
    bad(b'x' * (3 << 20))
    # at the limit it is a line like others, and nothing was changed
    line = b'{"cmd":"id","ref":"edge","x":"'
    line += b"x" * (262144 - len(line) - 2) + b'"}'
    ana.raw(line + b"\r\n\n  \n")
    assert ana.want(event="result", ref="edge")["ok"]
    assert ana.done("id", unknown={"field": [1, 2.5, None]})["ok"]
    end(ana)


def test_every_command_has_one_result(root):
    ana, bob = pair(root)
    words = ["id", "peers", "outbox", "snapshot", "history"]
    since = len(ana.seen)
    for i in range(200):
        ana.say(cmd=words[i % 5], ref="r%d" % i, to="bob" if i % 5 == 4
                else None)
    ana.want(since, event="result", ref="r199")
    for i in range(200):
        ana.want(since, event="result", ref="r%d" % i)
    ana.done("id")
    refs = [e["ref"] for e in ana.seen[since:] if e["event"] == "result"]
    assert sorted(refs) == sorted(set(refs))
    end(ana, bob)


def test_more_than_256_open_are_refused(root):
    ana, bob = pair(root)
    bob.end()
    ana.want(event="peer", peer__id=bob.id, peer__state="offline")
    since = len(ana.seen)
    for i in range(300):
        ana.say(cmd="send", ref="s%d" % i, to="bob", text="x",
                timeout_ms=2000)
    results = [ana.want(since, event="result", ref="s%d" % i)
               for i in range(300)]
    codes = [r["code"] for r in results]
    assert codes.count("queue_full") == 44, codes
    assert codes.count("timeout") == 256, codes
    end(ana)


def test_end_of_input_waits_for_results(root):
    ana, bob = pair(root)
    ana.say(cmd="send", ref="s", to="bob", text="last words")
    ana.process.stdin.close()
    ana.gone(0)
    assert [e for e in ana.seen if e["event"] == "result" and
            e.get("ref") == "s"][0]["ok"]
    assert ana.seen[-1] == {"v": 1, "event": "bye", "reason": "quit"}
    bob.want(event="message", text="last words")
    end(bob)


def test_last_line_needs_no_newline(root):
    bob = Node(root, "bob")
    bob.raw(b'{"cmd":"id","ref":"x"}')
    bob.end()
    assert [e for e in bob.seen if e.get("ref") == "x"][0]["ok"]


def test_stay(root):
    ana, bob = Node(root, "ana", "--stay"), Node(root, "bob")
    ana.process.stdin.close()
    bob.done("connect", to=ana.at)
    bob.done("send", to=ana.at, text="still there?")
    ana.want(event="message", text="still there?")
    ana.process.terminate()
    ana.gone(0)
    end(bob)


def test_quit(root):
    ana, bob = pair(root)
    bob.end()
    ana.say(cmd="send", ref="s", to="bob", text="x")
    ana.want(event="message", text="x")
    ana.say(cmd="quit", ref="q")
    ana.gone(0)
    assert [e for e in ana.seen if e.get("ref") == "q"][0]["ok"]
    waited = [e for e in ana.seen if e.get("ref") == "s"]
    assert len(waited) == 1 and waited[0]["code"] == "queued", waited
    assert ana.seen[-1]["event"] == "bye"


def test_signals(root):
    for number, status in ((signal.SIGTERM, 0), (signal.SIGINT, 130)):
        ana, bob = Node(root, "ana"), Node(root, "bob")
        ana.done("connect", to=bob.at)
        ana.done("send", to=bob.at, text="before signal %d" % number)
        ana.process.send_signal(number)
        ana.gone(status)
        assert ana.seen[-1]["event"] == "bye"
        bob.end()


def test_kill_and_restart(root):
    ana, bob = pair(root)
    ana.done("send", to=bob.at, text="one")
    bob.end()
    sent = ana.done("send", to="bob", text="two", wait="none")
    ana.kill()
    ana = Node(root, "ana")
    items, _ = ana.ask("history", peer="bob")
    assert [i["message"]["text"] for i in items] == ["one", "two"]
    assert [i["message"]["state"] for i in items][0] == "delivered"
    assert [i["outbox"]["id"] for i in ana.ask("outbox")[0]] == [sent["id"]]
    bob = Node(root, "bob", port=bob.port)
    ana.want(event="status", id=sent["id"], state="delivered", patience=60)
    bob.kill()
    bob = Node(root, "bob", port=bob.port)
    items, _ = bob.ask("history", peer="ana")
    assert [i["message"]["text"] for i in items] == ["one", "two"]
    end(ana, bob)


def test_nobody_reads_stdout(root):
    """A reader that stops does not stop the engine, and misses nothing."""
    ana, bob = pair(root)
    n, window, open_refs = 3000, 100, set()
    text = "x" * 400
    sent = delivered = 0
    since = len(ana.seen)
    while delivered < n:
        while sent < n and sent - delivered < window:
            ana.say(cmd="send", ref="s%d" % sent, to=bob.at,
                    text="%d %s" % (sent, text), wait="none")
            sent += 1
        at = len(ana.seen)
        assert ana.read(20), "bob's engine stopped at %d" % delivered
        delivered += sum(e["event"] == "status" and e["state"] == "delivered"
                         for e in ana.seen[at:])
    # bob has all of it on its disk and acknowledged; nothing was read
    bob.want(event="lost")
    got = lambda: [e for e in bob.seen if e["event"] == "message" and
                   e["dir"] == "in"]
    until = time.monotonic() + 60
    while len(got()) < n and time.monotonic() < until:
        bob.read(1)
    numbers = [int(e["text"].split()[0]) for e in got()]
    assert numbers == list(range(n)), (len(numbers), numbers[:5])
    after = ana.done("send", to=bob.at, text="%d after" % n)
    bob.want(event="message", id=after["id"])
    end(ana, bob)


def test_who_does_not_read_is_not_heard(root):
    """While nobody reads the results no further commands are taken, in
    bounded memory; then each of them has its own, and what was accepted
    arrives."""
    ana, bob = pair(root)
    n, text = 3000, "y" * 1000
    # A machine may be too busy for more than some hundred of them; then the
    # others are refused, and that alone must be more than may wait.
    ref = lambda i: "s%063d" % i
    feeder = threading.Thread(target=lambda: [
        ana.say(cmd="send", ref=ref(i), to=bob.at, wait="none",
                text="%d %s" % (i, text)) for i in range(n)])
    since = len(ana.seen)
    feeder.start()
    bob.want(event="message", text="40 " + text)
    feeder.join(1)
    assert feeder.is_alive(), "all of it was taken"
    sotto.assert_small(ana.process.pid)
    results = {}

    def count(event):
        if event["event"] == "result":
            assert event["ref"] not in results
            results[event["ref"]] = event
        return len(results) == n
    assert ana.find(count, since, 60), len(results)
    feeder.join()
    accepted = []
    for i in range(n):
        r = results[ref(i)]
        assert r["ok"] or r["code"] == "queue_full", r
        accepted += ["%d %s" % (i, text)] if r["ok"] else []
    bob.want(event="message", text=accepted[-1])
    assert [e["text"] for e in bob.seen if e["event"] == "message"] == \
        accepted
    end(ana, bob)


def test_stdout_closed(root):
    ana, bob = pair(root)
    bob.process.stdout.close()
    ana.say(cmd="send", ref="s", to=bob.at, text="x", wait="none")
    until = time.monotonic() + 20
    while bob.process.poll() is None and time.monotonic() < until:
        time.sleep(0.02)
    assert bob.process.poll() == 0, bob.process.poll()
    end(ana)


def test_key_changed(root):
    """Another identity at a known address: what is sent there waits, and the
    result says why."""
    ana, bob = pair(root)
    ana.done("rename", peer=bob.at, name="bob")
    bob.end()
    port = bob.port
    ana.want(event="peer", peer__id=bob.id, peer__state="offline")
    mallory = Node(root, "mallory", port=port)
    result = ana.refused("key", "send", to="bob", text="secret",
                         timeout_ms=30000)
    ana.want(event="security", code="key_changed")
    assert result["state"] in ("queued", "sent")
    assert not [e for e in mallory.seen if e["event"] == "message"]
    end(ana, mallory)


def test_set_writes_the_file(root):
    ana = Node(root, "ana")
    path = os.path.join(ana.home, "config.ini")
    ana.done("set", name="trust-new", text="refuse")
    assert not os.path.exists(path)
    ana.done("set", name="trust-new", text="refuse", yes=True)
    ana.done("set", name="bell", text="off", yes=True)
    ana.refused("usage", "set", name="bell", text="off")
    ana.refused("usage", "set", name="bell", text="loud", yes=True)
    ana.refused("usage", "set", name="prot", text="1", yes=True)
    ana.refused("usage", "set", yes=True)
    with open(path) as f:
        assert f.read() == "trust-new = refuse\nbell = off\n"
    os.unlink(path)
    os.mkdir(path)
    ana.refused("error", "set", name="bell", text="on", yes=True)
    ana.end()
    os.rmdir(path)



if __name__ == "__main__":
    sotto.main(globals())
