#!/usr/bin/env python3
"""The page in the browser, without one: what it answers, what it refuses, and
that nothing that is sent to it harms it."""
# asan: yes
import json
import os
import re
import select
import signal
import socket
import stat
import subprocess
import sys
import threading
import time

from sotto import (PATIENCE, SOTTO, Control, Node, assert_small, children,
                   free_port, main, run)
from web import Browser, Page, built, hash_of, link_of, new_link

if not built():
    print("sotto was built without the page")
    sys.exit(77)


def pair(root, *options):
    """Two who know each other; ana has the page and is signed in."""
    ana = Node(root, "ana")
    bob = Node(root, "bob")
    ana.done("connect", to=bob.at)
    page = Page(ana.home, *options)
    port, token = new_link(ana.home)
    assert port == page.port
    b = Browser(port)
    b.sign_in(token)
    return ana, bob, page, b


def alone(root, *options):
    ana = Node(root, "ana")
    page = Page(ana.home, *options)
    b = Browser(page.port)
    b.sign_in(new_link(ana.home)[1])
    return ana, page, b


def raw(port, data, patience=PATIENCE, host="127.0.0.1"):
    """What comes back for these bytes, until the other side closes."""
    with socket.create_connection((host, port)) as s:
        s.settimeout(patience)
        try:
            s.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass
        out = b""
        while True:
            try:
                part = s.recv(65536)
            except ConnectionResetError:
                return out
            if not part:
                return out
            out += part


# ---- signing in ----

def test_link_is_good_once(root):
    ana = Node(root, "ana")
    page = Page(ana.home)
    _, token = new_link(ana.home)
    b = Browser(page.port)
    assert b.status("GET", "/api/peers") == 401
    cookie = b.sign_in(token)
    assert re.fullmatch(r"sotto_%d=[\w-]{43}; Path=/api/; HttpOnly; "
                        r"SameSite=Strict" % page.port, cookie), cookie
    assert b.get("/api/peers")["self"]["nick"] == "ana"
    other = Browser(page.port)
    other.post("/api/login", token=token, expect=403)
    other.post("/api/login", token="x" * 43, expect=403)
    other.post("/api/login", expect=403)
    assert other.status("POST", "/api/login", b"{") == 403
    other.cookie = "sotto_%d=%s" % (page.port, "A" * 43)
    assert other.status("GET", "/api/peers") == 401
    # one of another page of this machine beside ours does no harm
    other.cookie = "sotto_%d=%s; %s" % (page.port, "A" * 43, b.cookie)
    assert other.status("GET", "/api/peers") == 200
    other.cookie = b.cookie.replace(str(page.port), "5081")
    assert other.status("GET", "/api/peers") == 401
    page.end()
    ana.end()


def test_links_are_many_and_age(root):
    ana = Node(root, "ana")
    page = Page(ana.home)
    first, second = new_link(ana.home)[1], new_link(ana.home)[1]
    b = Browser(page.port)
    b.sign_in(second)
    Browser(page.port).sign_in(first)
    links = os.path.join(ana.home, "web.links")
    with open(links, "w") as f:
        f.write("%s %d\nno line of ours\n%s\n" %
                (hash_of("o" * 43), time.time() - 1, hash_of("n" * 43)))
    b.post("/api/login", token="o" * 43, expect=403)
    b.post("/api/login", token="n" * 43, expect=403)
    with open(links, "w") as f:
        f.write("%s %d\n" % (hash_of("o" * 43), time.time() + 60))
    b.sign_in("o" * 43)
    page.end()
    ana.end()


def test_nothing_but_hashes_on_disk(root):
    ana, page, b = alone(root)
    token = new_link(ana.home)[1]
    secrets = [token.encode(), b.cookie.split("=", 1)[1].encode()]
    for name in os.listdir(ana.home):
        path = os.path.join(ana.home, name)
        if not os.path.isfile(path):
            continue
        with open(path, "rb") as f:
            data = f.read()
        assert not any(s in data for s in secrets), name
        if name.startswith("web."):
            assert stat.S_IMODE(os.stat(path).st_mode) == 0o600, name
    with open(os.path.join(ana.home, "web.sessions")) as f:
        assert f.read().split()[0] == hash_of(secrets[1].decode())
    page.end()
    ana.end()


def test_signed_in_after_a_restart(root):
    ana, page, b = alone(root)
    port = page.port
    page.end()
    page = Page(ana.home, port=port)
    assert b.get("/api/peers")["self"]["nick"] == "ana"
    b.post("/api/shutdown")
    assert page.process.wait(PATIENCE) == 0
    page.process.stdin.close()
    page.process.stdout.close()
    page = Page(ana.home, port=port)
    assert b.status("GET", "/api/peers") == 401
    page.end()
    ana.end()


# ---- who may ask ----

def test_host_is_literal(root):
    ana, page, b = alone(root)
    good = "127.0.0.1:%d" % page.port
    for host in ("localhost:%d" % page.port, "127.0.0.1", "127.0.0.1:80",
                 "evil.example:%d" % page.port, "evil.example", "",
                 good + ".evil.example", "127.1:%d" % page.port,
                 "0x7f000001:%d" % page.port, "[::ffff:127.0.0.1]:%d" %
                 page.port, good + "@evil.example", "user@" + good):
        for path in ("/", "/page.js", "/api/peers", "/api/login"):
            assert b.status("GET", path, headers={"Host": host}) == 421, host
    get = "GET /api/peers HTTP/1.1\r\nCookie: %s\r\n" % b.cookie
    for head in ("", "Host: %s\r\nHost: %s\r\n" % (good, good),
                 "Host: %s\r\nHost: evil.example\r\n" % good):
        out = raw(page.port, (get + head + "Connection: close\r\n\r\n")
                  .encode())
        assert re.match(rb"HTTP/1.1 4\d\d ", out), out
        assert b"nick" not in out
    out = raw(page.port, ("GET http://evil.example/api/peers HTTP/1.1\r\n"
                          "Host: %s\r\nCookie: %s\r\nConnection: close\r\n"
                          "\r\n" % (good, b.cookie)).encode())
    assert b"nick" not in out and b" 404 " in out.split(b"\r\n")[0], out
    assert b.status("GET", "/") == 200
    page.end()
    ana.end()


def test_both_addresses_and_no_other(root):
    ana, page, b = alone(root)
    six = Browser(page.port, "::1")
    if socket.has_ipv6 and os.path.exists("/proc/net/if_inet6"):
        six.sign_in(new_link(ana.home)[1])
        assert six.get("/api/peers")["self"]["nick"] == "ana"
    name = "/proc/%d/net/tcp" % page.process.pid
    listening = []
    for name in (name, name + "6"):
        if not os.path.exists(name):
            continue
        with open(name) as f:
            listening += [line.split()[1] for line in f
                          if line.split()[3] == "0A"]
    at = [a.rsplit(":", 1)[0] for a in listening
          if int(a.rsplit(":", 1)[1], 16) == page.port]
    assert at and set(at) <= {"0100007F",
                              "00000000000000000000000001000000"}, at
    out = subprocess.run(["ip", "-o", "-4", "addr"], capture_output=True,
                         text=True).stdout
    for ip in re.findall(r"inet (\d+\.\d+\.\d+\.\d+)/", out):
        if not ip.startswith("127."):
            with socket.socket() as s:
                assert s.connect_ex((ip, page.port)) != 0, ip
    page.end()
    ana.end()


def test_writes_come_from_the_page(root):
    ana, bob, page, b = pair(root)
    text = {"to": "bob", "text": "from elsewhere"}
    other = free_port()
    for bad in ({"Origin": None}, {"Origin": "null"},
                {"Origin": "http://evil.example"},
                {"Origin": "http://127.0.0.1:%d" % other},
                {"Origin": "https://127.0.0.1:%d" % page.port},
                {"Origin": "http://localhost:%d" % page.port},
                {"Origin": b.origin, "Sec-Fetch-Site": "cross-site"},
                {"Origin": b.origin, "Sec-Fetch-Site": "same-site"},
                {"Origin": b.origin, "Sec-Fetch-Site": "none"}):
        for path in ("/api/messages", "/api/shutdown", "/api/read",
                     "/api/draft", "/api/login"):
            assert b.status("POST", path, text, headers=bad) == 403, bad
    for kind in (None, "text/plain", "application/x-www-form-urlencoded",
                 "multipart/form-data", "application/jsonp"):
        assert b.status("POST", "/api/messages", text,
                        headers={"Content-Type": kind}) == 415, kind
    # reading from elsewhere is refused, too; a link that was typed is not
    for bad in ({"Origin": "http://evil.example"},
                {"Sec-Fetch-Site": "cross-site"},
                {"Sec-Fetch-Site": "same-site"}):
        assert b.status("GET", "/api/peers", headers=bad) == 403, bad
    assert b.status("GET", "/api/peers",
                    headers={"Sec-Fetch-Site": "none"}) == 200
    status, headers, _ = b.ask("GET", "/api/peers", headers={
        "Origin": "http://evil.example"})
    assert not [h for h in headers if h.lower().startswith("access-control")]
    assert b.status("OPTIONS", "/api/messages", headers={
        "Origin": "http://evil.example",
        "Access-Control-Request-Method": "POST"}) == 405
    for method in ("PUT", "DELETE", "PATCH", "TRACE", "CONNECT", "BREW"):
        assert b.status(method, "/api/messages") in (400, 405), method
    b.cookie, kept = None, b.cookie
    b.post("/api/messages", expect=401, **text)
    b.post("/api/shutdown", expect=401)
    b.cookie = kept
    b.post("/api/messages", to="bob", text="from here")
    assert bob.want(event="message", dir="in")["text"] == "from here"
    assert len([e for e in bob.seen if e["event"] == "message"]) == 1
    page.end()
    ana.end()
    bob.end()


def test_what_a_browser_is_told(root):
    ana, page, b = alone(root)
    for path in ("/", "/page.css", "/page.js", "/talk.js", "/icon.svg",
                 "/api/peers", "/nothing"):
        status, headers, data = b.ask("GET", path)
        assert status == (404 if path == "/nothing" else 200), path
        csp = headers["Content-Security-Policy"]
        assert csp.startswith("default-src 'none'; "), csp
        assert "unsafe" not in csp and "*" not in csp and "http" not in csp
        assert "frame-ancestors 'none'" in csp
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == "no-store"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert "Server" not in headers
        assert "Access-Control-Allow-Origin" not in headers
    _, _, html = b.ask("GET", "/")
    # nothing that the policy would stop, nothing from anywhere else
    assert not re.search(rb"<script(?![^>]*\bsrc=)|style=|\son\w+=|//", html)
    status, headers, data = b.ask("HEAD", "/")
    assert (status, data) == (200, b"")
    for path in ("/../lock", "/%2e%2e/identity", "/api/", "/api/peers/",
                 "//", "/index.html", "/" + "a" * 3000):
        assert b.status("GET", path) == 404, path
    page.end()
    ana.end()


# ---- too much, too slow, too strange ----

def test_oversized(root):
    ana, bob, page, b = pair(root)
    big = b'{"to":"bob","text":"' + b"x" * 70000 + b'"}'
    assert b.status("POST", "/api/messages", big) == 413
    head = ("POST /api/messages HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n"
            "Cookie: %s\r\nOrigin: %s\r\nContent-Type: application/json\r\n"
            "Connection: close\r\n" % (page.port, b.cookie, b.origin))
    out = raw(page.port, (head + "Content-Length: 999999999999\r\n\r\n{")
              .encode())
    assert b" 413 " in out, out
    chunk = b"2000\r\n" + b"x" * 0x2000 + b"\r\n"
    out = raw(page.port, (head + "Transfer-Encoding: chunked\r\n\r\n")
              .encode() + 9 * chunk + b"0\r\n\r\n")
    assert b" 413 " in out, out
    out = raw(page.port, (head + "Transfer-Encoding: chunked\r\n\r\n")
              .encode() + 200 * chunk + b"0\r\n\r\n")
    assert b" 200 " not in out, out[:200]
    out = raw(page.port, b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"y" * 40000 +
              b"\r\n\r\n")
    assert b" 200 " not in out, out[:200]
    out = raw(page.port, b"GET /" + b"y" * 40000 + b" HTTP/1.1\r\n\r\n")
    assert b" 200 " not in out, out[:200]
    text = "é" * 8192
    b.post("/api/messages", to="bob", text=text)
    assert bob.want(event="message", dir="in")["text"] == text
    b.post("/api/messages", to="bob", text=text + "!", expect=413)
    page.end()
    ana.end()
    bob.end()


def test_strange(root):
    ana, bob, page, b = pair(root, "--idle", "2")
    for data in (b"\0" * 100, b"GET\r\n\r\n", b"\r\n" * 1000,
                 b"GET / HTTP/9.9\r\n\r\n", b"\x16\x03\x01\x02\x00" * 20,
                 b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
                 b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
                 b"GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", page.port)) as s:
            s.sendall(data)
            s.shutdown(socket.SHUT_WR)
            s.settimeout(PATIENCE)
            try:
                out = s.recv(65536)
            except ConnectionResetError:
                out = b""
            assert b" 200 " not in out.split(b"\r\n")[0], (data, out)
    for query in ("peer=%ff", "peer=a%00b", "contact=x", "contact=-1", "",
                  "contact=99999999999999999999", "peer=bob&limit=x",
                  "peer=bob&before=x", "peer=bob&after=x"):
        assert b.status("GET", "/api/messages?" + query) == 400, query
    assert b.status("GET", "/api/messages?peer=nobody") == 404
    assert b.status("GET", "/api/messages?contact=77") == 404
    assert b.status("GET", "/api/search?text=") == 400
    assert b.status("GET", "/api/search?text=a&after=1") == 400
    for body in (b"", b"[]", b"null", b"{", b'{"to":"bob"', b"\xff",
                 b'{"to":1,"text":"x"}', b'{"to":"bob","text":7}',
                 b'{"contact":"1","text":"x"}', b'{"to":"bob"}',
                 b'{"to":"bob","text":""}', b'{"text":"x"}',
                 b'{"to":"bob","text":"a\\u0000b"}',
                 b'{"to":"bob","text":"x","reply_to":"y"}',
                 b'{"to":"bob","to":"bob","text":"x"}',
                 b'{"to":' * 100 + b"1" + b"}" * 100):
        status = b.status("POST", "/api/messages", body)
        assert status in (400, 404), (body, status)
    assert not [e for e in bob.seen if e["event"] == "message"]
    assert b.get("/api/peers")["self"]["nick"] == "ana"
    page.end()
    ana.end()
    bob.end()


def test_slow(root):
    ana, page, b = alone(root, "--idle", "2")
    began = time.monotonic()
    slow = [socket.create_connection(("127.0.0.1", page.port))
            for _ in range(3)]
    slow[1].sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n" % page.port)
    drip = b"POST /api/login HTTP/1.1\r\nA: " + b"x" * 10000
    at = 0
    while not select.select(slow, [], [], 0.1)[0]:
        assert time.monotonic() - began < PATIENCE
        # a byte now and then is not enough to stay
        slow[2].sendall(drip[at:at + 1])
        at += 1
    while slow:
        assert time.monotonic() - began < PATIENCE, len(slow)
        for s in select.select(slow, [], [], 0.1)[0]:
            try:
                assert not s.recv(1000)
            except ConnectionResetError:
                pass
            s.close()
            slow.remove(s)
        if slow and slow[-1].getpeername():
            try:
                slow[-1].sendall(b"x")
            except OSError:
                pass
    # a stream lasts
    e = b.events()
    e.want(event="ready")
    assert e.find(lambda _: False, len(e.seen), 4) is None and not e.over
    e.close()
    page.end()
    ana.end()


def test_all_connections_taken(root):
    ana, page, b = alone(root)
    taken = []
    for _ in range(100):
        s = socket.create_connection(("127.0.0.1", page.port))
        s.sendall(b"GET /api/peers HTTP/1.1\r\n")
        taken.append(s)
    began = time.monotonic()
    assert b.get("/api/peers")["self"]["nick"] == "ana"
    assert time.monotonic() - began < 5
    fds = len(os.listdir("/proc/%d/fd" % page.process.pid))
    assert fds < 60, fds
    for s in taken:
        s.close()
    page.end()
    ana.end()


def test_streams_are_bounded(root):
    ana, page, b = alone(root)
    streams = [b.events() for _ in range(16)]
    for e in streams:
        assert e.status == 200
        e.want(event="ready")
    assert b.events().status == 503
    assert b.get("/api/peers")["self"]["nick"] == "ana"
    streams.pop().close()
    until = time.monotonic() + PATIENCE
    while b.events().status != 200:
        assert time.monotonic() < until
    # it ends well with all of them open
    page.end()
    for e in streams:
        e.find(lambda _: False)
        assert e.over
        e.close()
    ana.end()


def test_slow_reader_costs_itself(root):
    """One that does not read its stream is let go; the others hear all."""
    ana, bob, page, b = pair(root)
    deaf = socket.create_connection(("127.0.0.1", page.port))
    deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    deaf.sendall(("GET /api/events HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n"
                  "Cookie: %s\r\n\r\n" % (page.port, b.cookie)).encode())
    e = b.events()
    e.want(event="ready")
    text = "x" * 16000
    for i in range(1200):
        ana.say(cmd="send", ref="f%d" % i, to="bob", text=text, wait="none")
        ana.want(event="result", ref="f%d" % i)
        e.find(lambda _: False, len(e.seen), 0.001)
        del ana.seen[:]
    e.want(event="message", n=1200)
    assert_small(page.process.pid)
    deaf.close()
    e.close()
    page.end()
    ana.end()
    bob.end()


def cpu_seconds(pid):
    with open("/proc/%d/stat" % pid) as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_slow_reader_is_waited_for_asleep(root):
    """One that missed much and does not read it now."""
    ana, bob, page, b = pair(root)
    for i in range(300):
        ana.say(cmd="send", ref="f%d" % i, to="bob", text="x" * 16000,
                wait="none")
        ana.want(event="result", ref="f%d" % i)
        del ana.seen[:]
    slow = socket.socket()
    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    slow.connect(("127.0.0.1", page.port))
    slow.sendall(("GET /api/events HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n"
                  "Last-Event-ID: 0\r\nCookie: %s\r\n\r\n" %
                  (page.port, b.cookie)).encode())
    assert slow.recv(1)
    until = time.monotonic() + PATIENCE
    busy = 1
    while busy > 0.1:   # of a second, once it has done what it can
        assert time.monotonic() < until, "it never sleeps: %.2f" % busy
        busy = cpu_seconds(page.process.pid)
        time.sleep(1)
        busy = cpu_seconds(page.process.pid) - busy
    slow.close()
    page.end()
    ana.end()
    bob.end()


def test_abrupt_end(root):
    """Streams, questions on their way, half requests: no abort at the end."""
    ana, bob, page, b = pair(root)
    e = b.events()
    e.want(event="ready")
    half = socket.create_connection(("127.0.0.1", page.port))
    half.sendall(b"POST /api/messages HTTP/1.1\r\nContent-Length: 50\r\n")
    ask = socket.create_connection(("127.0.0.1", page.port))
    os.kill(ana.process.pid, signal.SIGSTOP)
    ask.sendall(("GET /api/peers HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nCookie: "
                 "%s\r\n\r\n" % (page.port, b.cookie)).encode())
    time.sleep(0.2)     # it is asked by then, or not: both must end well
    page.process.send_signal(signal.SIGTERM)
    assert page.process.wait(PATIENCE) == 0
    os.kill(ana.process.pid, signal.SIGCONT)
    page.end()
    ana.end()
    bob.end()


# ---- what it does ----

def test_conversation(root):
    ana, bob, page, b = pair(root)
    e = b.events()
    assert e.want(event="ready")["nick"] == "ana"
    answer = b.get("/api/peers")
    assert [p["nick"] for p in answer["peers"]] == ["bob"]
    peer = answer["peers"][0]
    assert peer["state"] == "online" and peer["trust"] == "pinned"
    sent = b.post("/api/messages", contact=peer["contact"], text="ő\n<b>hi")
    assert sent["ok"] and sent["peer"]["nick"] == "bob"
    heard = bob.want(event="message", dir="in")
    assert heard["text"] == "ő\n<b>hi" and heard["id"] == sent["id"]
    e.want(event="message", id=sent["id"], dir="out")
    e.want(event="status", id=sent["id"], state="delivered")
    bob.done("reply", reply_to=heard["id"], text="fine", wait="ack")
    reply = e.want(event="message", dir="in")
    assert reply["text"] == "fine" and reply["reply_to"] == sent["id"]
    assert e.last == reply["n"]
    e.want(event="peer")
    until = time.monotonic() + PATIENCE
    while b.get("/api/peers")["peers"][0]["unread"] != 1:
        assert time.monotonic() < until
    b.post("/api/read", contact=peer["contact"], n=reply["n"])
    assert e.find(lambda x: x["event"] == "peer" and
                  x["peer"]["unread"] == 0)
    b.post("/api/messages", contact=peer["contact"], text="and you?",
           reply_to=reply["id"])
    assert bob.want(event="message", text="and you?")["reply_to"] == \
        reply["id"]
    page_of = b.get("/api/messages?contact=%d" % peer["contact"])
    assert [m["text"] for m in page_of["messages"]] == \
        ["ő\n<b>hi", "fine", "and you?"]
    assert page_of["more"] is False
    found = b.get("/api/search?text=FINE")["messages"]
    assert [m["text"] for m in found] == ["fine"]
    page.end()
    ana.end()
    bob.end()


def test_pages_of_messages(root):
    ana, bob, page, b = pair(root)
    for i in range(30):
        ana.done("send", to="bob", text="m%d" % i, wait="none")
    every, before = [], ""
    while True:
        part = b.get("/api/messages?peer=bob&limit=7" + before)
        every[:0] = [m["text"] for m in part["messages"]]
        if not part["more"]:
            break
        assert len(part["messages"]) == 7
        assert part["next"] == part["messages"][0]["id"]
        before = "&before=" + part["next"]
    assert every == ["m%d" % i for i in range(30)]
    at = part["messages"][-1]["n"]
    behind = b.get("/api/messages?peer=bob&limit=5&after=%d" % at)
    assert [m["text"] for m in behind["messages"]] == every[2:7], behind
    same = b.get("/api/messages?peer=bob&limit=3&before=%d" %
                 behind["messages"][0]["n"])
    assert [m["text"] for m in same["messages"]] == every[:2]
    page.end()
    ana.end()
    bob.end()


def test_away_waits(root):
    ana, bob, page, b = pair(root)
    bob.kill()
    e = b.events()
    e.want(event="ready")
    sent = b.post("/api/messages", to="bob", text="later")
    assert sent["ok"]
    bob = Node(root, "bob", port=bob.port)
    e.want(event="status", id=sent["id"], state="delivered", patience=60)
    assert bob.want(event="message")["text"] == "later"
    page.end()
    ana.end()
    bob.end()


def test_drafts_are_shared(root):
    ana, bob, page, b = pair(root)
    screen = Control(ana.home)
    e = b.events()
    e.want(event="ready")
    contact = b.get("/api/peers")["peers"][0]["contact"]
    b.post("/api/draft", contact=contact, text="half a th", cursor=4)
    heard = screen.find(lambda x: x["event"] == "peer" and
                        x["peer"].get("draft") == "half a th")
    assert heard and heard["peer"]["cursor"] == 4
    screen.done("draft", contact=contact, text="other words")
    assert e.find(lambda x: x["event"] == "peer" and
                  x["peer"].get("draft") == "other words")
    assert b.get("/api/peers")["peers"][0]["draft"] == "other words"
    screen.close()
    page.end()
    ana.end()
    bob.end()


def test_hostile_texts_are_data(root):
    """They come as they are, in JSON that no page takes for itself."""
    ana, bob, page, b = pair(root)
    evil = "</script><img src=x onerror=alert(1)>\u202e\u2066\x1b[2J\x07"
    bob.done("nick", name="<b>bob</b>")
    bob.done("send", to=ana.at, text=evil)
    e = b.events(last=0)
    assert e.want(event="message")["text"] == evil
    status, headers, data = b.ask("GET", "/api/messages?contact=1")
    assert headers["Content-Type"] == "application/json"
    assert json.loads(data)["messages"][0]["text"] == evil
    assert data.count(b"\n") == 0 and b"\x1b" not in data
    assert b.get("/api/peers")["peers"][0]["nick"] == "<b>bob</b>"
    page.end()
    ana.end()
    bob.end()


# ---- the stream, and what it missed ----

def test_stream_resumes(root):
    ana, bob, page, b = pair(root)
    e = b.events()
    e.want(event="ready")
    bob.done("send", to=ana.at, text="one")
    e.want(event="message", text="one")
    last = e.last
    e.close()
    for text in ("two", "three"):
        bob.done("send", to=ana.at, text=text)
    e = b.events(last)
    e.want(event="ready")
    e.want(event="message", text="three")
    bob.done("send", to=ana.at, text="four")
    e.want(event="message", text="four")
    assert [x["text"] for x in e.seen if x["event"] == "message"] == \
        ["two", "three", "four"]
    # nothing of before is told to somebody new
    new = b.events()
    new.want(event="ready")
    bob.done("send", to=ana.at, text="five")
    new.want(event="message")
    assert [x["text"] for x in new.seen if x["event"] == "message"] == \
        ["five"]
    page.end()
    ana.end()
    bob.end()


def test_stream_resumes_behind_a_new_engine(root):
    ana, bob, page, b = pair(root)
    e = b.events()
    e.want(event="ready")
    bob.done("send", to=ana.at, text="one")
    e.want(event="message", text="one")
    ana.kill()
    e.want(event="bye")
    assert b.status("GET", "/api/peers") == 504
    assert b.post("/api/messages", to="bob", text="x", expect=504)
    bob.done("send", to=ana.at, text="two", wait="none")
    since = len(e.seen)
    ana = Node(root, "ana", port=ana.port)
    e.want(since, event="ready")
    e.want(event="message", text="two", patience=60)
    assert [x["text"] for x in e.seen if x["event"] == "message"] == \
        ["one", "two"]
    assert b.get("/api/peers")["self"]["nick"] == "ana"
    # and a browser that only now comes back
    other = b.events(last=e.last - 1)
    assert other.want(event="message")["text"] == "two"
    page.end()
    ana.end()
    bob.end()


def test_stream_that_missed_much(root):
    ana, bob, page, b = pair(root)
    bob.kill()
    for i in range(1500):
        ana.say(cmd="send", ref="m%d" % i, to="bob", text="m%d" % i,
                wait="none")
        ana.want(event="result", ref="m%d" % i)
        del ana.seen[:]
    e = b.events(last=1400)
    e.want(event="message", text="m1499")
    assert [x["n"] for x in e.seen if x["event"] == "message"] == \
        list(range(1401, 1501))
    assert not [x for x in e.seen if x["event"] == "lost"]
    e = b.events(last=0)
    e.want(event="lost")
    assert e.last == 1500
    e = b.events(last=99999)
    e.want(event="lost")
    assert e.last == 1500
    for last in ("x", "-1", "1" * 30, "1 2"):
        e = b.events(last=last)
        e.want(event="ready")
        assert e.last == 1500, last
    page.end()
    ana.end()


def test_flood_while_catching_up(root):
    """What comes while a page of what was missed is read is told once, and
    in its place."""
    ana, bob, page, b = pair(root)
    streams = []
    for i in range(500):
        ana.say(cmd="send", ref="a%d" % i, to="bob", text="a", wait="none")
        # while what was just said is on its way to the disk
        if i % 100 in (60, 70, 80):
            streams.append(b.events(last=0))
        if i % 100 == 99:
            ana.want(event="result", ref="a%d" % i, patience=60)
    for e in streams:
        e.want(event="message", n=500, patience=60)
        ns = [x["n"] for x in e.seen if x["event"] == "message"]
        assert ns == list(range(1, 501)), (len(ns), ns[:3], ns[-3:])
    page.end()
    ana.end()
    bob.end()


def test_pages_while_much_happens(root):
    """The engine drops events for us when there are too many; a page has no
    holes for that."""
    ana, bob, page, b = pair(root)
    for i in range(300):
        ana.say(cmd="send", ref="a%d" % i, to="bob", text="a", wait="none")
        if i % 100 == 99:
            ana.want(event="result", ref="a%d" % i, patience=60)
    pages = []

    def ask():
        pages.append(b.get("/api/messages?peer=bob&limit=128&before=200"))

    threads = [threading.Thread(target=ask) for _ in range(24)]
    for i in range(300, 500):
        ana.say(cmd="send", ref="a%d" % i, to="bob", text="a", wait="none")
        if i % 8 == 0 and threads:
            threads.pop().start()
    for t in threads:
        t.start()
    until = time.monotonic() + PATIENCE
    while len(pages) < 24 and time.monotonic() < until:
        ana.read(0.05)
    assert len(pages) == 24
    for answer in pages:
        assert [m["n"] for m in answer["messages"]] == \
            list(range(72, 200)), [m["n"] for m in answer["messages"]]
        assert answer["more"]
    page.end()
    ana.end()
    bob.end()


# ---- starting it ----

def test_web_option(root):
    home = os.path.join(root, "ana")
    port = free_port()
    errors = os.path.join(root, "errors")
    with open(errors, "w") as f:
        p = subprocess.Popen([SOTTO, "--headless", "--stay", "--home", home,
                              "--port", "0", "--no-discover",
                              "--web=%d" % port], stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, stderr=f)
    p.stdout.readline()
    until = time.monotonic() + PATIENCE
    while "http://" not in open(errors).read():
        assert time.monotonic() < until
        time.sleep(0.02)
    at, token = link_of(open(errors).read())
    assert at == port
    b = Browser(port)
    b.sign_in(token)
    assert "peers" in b.get("/api/peers")
    # beside it: another link to the same page
    assert new_link(home)[0] == port
    e = b.events()
    e.want(event="ready")
    p.kill()
    p.wait()
    e.find(lambda _: False, 0)
    assert e.over
    # its page ended with it, so there is room for the next
    with open(errors, "w") as f:
        p = subprocess.Popen([SOTTO, "--headless", "--stay", "--home", home,
                              "--port", "0", "--no-discover",
                              "--web=%d" % port], stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, stderr=f)
    p.stdout.readline()
    while "http://" not in open(errors).read():
        time.sleep(0.02)
    assert b.get("/api/peers")
    p.stdin.close()
    p.terminate()
    assert p.wait(PATIENCE) == 0
    with socket.socket() as s:
        assert s.connect_ex(("127.0.0.1", port)) != 0


def test_sub_command(root):
    """Alone it is an engine and a page, until it is interrupted."""
    home = os.path.join(root, "ana")
    os.mkdir(home)
    before = free_port()
    with open(os.path.join(home, "web.lock"), "w") as f:
        f.write("%d\n" % before)
    p = subprocess.Popen([SOTTO, "web", "--home", home, "--port", "0"],
                         stdout=subprocess.PIPE)
    line = json.loads(p.stdout.readline())
    port, token = link_of(line["link"])
    assert port == before
    b = Browser(port)
    b.sign_in(token)
    assert b.get("/api/peers")["peers"] == []
    assert new_link(home)[0] == port
    code, out, _ = run("web", "--text", home=home)
    assert code == 0 and link_of(out)[0] == port
    p.send_signal(signal.SIGINT)
    assert p.wait(PATIENCE) == 130
    # with the port of last time, and those who were signed in
    p = subprocess.Popen([SOTTO, "web", "--home", home, "--port", "0"],
                         stdout=subprocess.PIPE)
    assert link_of(p.stdout.readline().decode())[0] == port
    b.post("/api/shutdown")
    assert p.wait(PATIENCE) == 0
    p.stdout.close()


def qr_text(rows, dark):
    """What a QR code of versions 2 to 5, level L, says: one block of data.
    No errors are corrected, since there are none."""
    blocks = {" ": (0, 0), "▀": (1, 0), "▄": (0, 1), "█": (1, 1)}
    grid = []
    for row in rows:
        grid.append([blocks[c][0] == dark for c in row])
        grid.append([blocks[c][1] == dark for c in row])
    grid = [row[2:-2] for row in grid[2:]]
    size = len(grid[0])
    version = (size - 17) // 4
    assert 2 <= version <= 5 and size == 17 + 4 * version, size
    mask_id = sum(grid[8][2 + i] << (2 - i) for i in range(3)) ^ 0b101
    masks = [lambda i, j: (i + j) % 2, lambda i, j: i % 2,
             lambda i, j: j % 3, lambda i, j: (i + j) % 3,
             lambda i, j: (i // 2 + j // 3) % 2,
             lambda i, j: i * j % 2 + i * j % 3,
             lambda i, j: (i * j % 2 + i * j % 3) % 2,
             lambda i, j: ((i + j) % 2 + i * j % 3) % 2]
    at = size - 9

    def data(i, j):
        corner = (i < 9 and j < 9) or (i < 9 and j >= size - 8) or \
            (i >= size - 8 and j < 9)
        align = at <= i < at + 5 and at <= j < at + 5
        return not corner and not align and i != 6 and j != 6

    bits, up = [], True
    columns = [c if c > 6 else c - 1 for c in range(size - 1, 0, -2)
               if c != 0]
    for c in columns:
        for i in range(size - 1, -1, -1) if up else range(size):
            bits += [grid[i][j] ^ (masks[mask_id](i, j) == 0)
                     for j in (c, c - 1) if data(i, j)]
        up = not up
    number = int("".join(str(int(b)) for b in bits), 2)
    n = len(bits)

    pos = 0

    def take(count):
        nonlocal pos
        pos += count
        return number >> (n - pos) & ((1 << count) - 1)

    letters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
    out = ""
    while True:
        mode = take(4)
        if mode == 4:
            out += "".join(chr(take(8)) for _ in range(take(8)))
        elif mode == 2:
            left = take(9)
            for _ in range(left // 2):
                two = take(11)
                out += letters[two // 45] + letters[two % 45]
            out += letters[take(6)] if left % 2 else ""
        elif mode == 1:
            left = take(10)
            for _ in range(left // 3):
                out += "%03d" % take(10)
            if left % 3:
                out += "%0*d" % (left % 3, take((left % 3) * 3 + 1))
        else:
            assert mode == 0, mode
            return out


def picture_in(text):
    """Its rows: those in colours of their own, or of blocks."""
    colored = re.findall(r"\x1b\[30;107m(.*)\x1b\[0m", text)
    return colored or [line for line in text.splitlines() if "██" in line]


def test_link_on_the_screen(root):
    """/web shows the link and its picture; the page ends with the screen."""
    home, keys = os.path.join(root, "ana"), os.path.join(root, "keys")
    port = free_port()
    os.mkdir(home)
    with open(os.path.join(home, "config.ini"), "w") as f:
        f.write("interface-port = %d\n" % port)
    with open(keys, "w") as f:
        f.write('":web" Enter wait "http"\n')
    code, out, err = run("--screen", "100x40", "--keys", keys, "--port", "0",
                         home=home)
    assert code == 0, (code, out, err)
    assert link_of(out)[0] == port
    link = "http://127.0.0.1:%d/#%s" % link_of(out)
    rows = [r[1:] for r in picture_in(out)]
    if rows:
        assert qr_text(rows, 0) == link
    with socket.socket() as s:
        assert s.connect_ex(("127.0.0.1", port)) != 0


def test_link_in_a_terminal(root):
    ana = Node(root, "ana")
    page = Page(ana.home)
    main_fd, fd = os.openpty()
    p = subprocess.Popen([SOTTO, "web", "--home", ana.home], stdout=fd,
                         env=dict(os.environ, TERM="xterm"))
    os.close(fd)
    out = b""
    while True:
        try:
            part = os.read(main_fd, 65536)
        except OSError:
            break
        if not part:
            break
        out += part
    os.close(main_fd)
    assert p.wait(PATIENCE) == 0
    port, token = link_of(out.decode())
    assert port == page.port
    rows = picture_in(out.decode())
    if rows:
        assert qr_text(rows, 1) == "http://127.0.0.1:%d/#%s" % (port, token)
    Browser(port).sign_in(token)
    page.end()
    ana.end()


def test_taken_port(root):
    home = os.path.join(root, "ana")
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen()
        port = s.getsockname()[1]
        code, out, err = run("web", "--web=%d" % port, "--port", "0",
                             home=home)
        assert code == 1 and "port %d is taken" % port in err, err
    os.makedirs(home, exist_ok=True)
    with open(os.path.join(home, "config.ini"), "w") as f:
        f.write("interface-port = %d\nport = 0\n" % free_port())
    assert not children()


main(globals())
