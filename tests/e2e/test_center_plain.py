#!/usr/bin/env python3
"""Our center, for the clients of document 002: stand-ins for them, which die of
what those die of, and sottos that take it for a center of that kind."""
import os
import socket
import struct
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import nats  # noqa: E402
from sotto import SOTTO, Node, free_port, main, run  # noqa: E402
from fakes.person_fake import Gone, Person, frame  # noqa: E402

USERS = {"seas": "summerisover", "google": "hasglasses",
         "wikipedia": "donation", "foobar": "passpass"}
KEPT = ("The recipient is offline. Messages will be delivered when they log "
        "on again.")
REFUSED = ("Your message could not be delivered as the recipient has blocked "
           "you.")
SOME = "Your message could not be delivered to some recipients."


class Center(Node):
    def __init__(self, root, name="center", plain=None, port=0, options=()):
        self.home = os.path.join(root, name)
        self.name = name
        self.plain = plain or free_port()
        path = os.path.join(self.home, "credentials.txt")
        if not os.path.exists(self.home):
            os.makedirs(self.home, 0o700)
            with open(path, "w", opener=lambda p, f: os.open(p, f, 0o600)) as f:
                f.writelines("%s %s\n" % u for u in USERS.items())
        self.process = subprocess.Popen(
            [SOTTO, "center", "--home", self.home, "--port", str(port),
             "--bind", "127.0.0.1", "--listen",
             "center=127.0.0.1:%d" % self.plain, *options],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, bufsize=0)
        super(Node, self).__init__(self.process.stdout.fileno(),
                                   self.process.stdin.write)
        self.ready = self.want(event="ready")
        self.port = self.ready["port"]
        self.at = "127.0.0.1:%d" % self.port

    def end(self, expect=0):
        self.done("quit")
        return super().end(expect)


def person(center, user, **more):
    return Person(center.plain, user, **more).login(USERS[user])


def alive(*people):
    for p in people:
        assert p.dead is None, (p.user, p.dead)
        p.close()


def wait_for(test, patience=20):
    until = time.monotonic() + patience
    while not test():
        assert time.monotonic() < until, "it did not come"
        time.sleep(0.01)


def test_three_people(root):
    center = Center(root)
    assert "center://127.0.0.1:%d" % center.plain in str(center.ready), \
        center.ready
    center.want(event="notice", text="credentials.txt: for the plain accounts "
                "alone, of the clients of document 002")
    seas = person(center, "seas")
    google = person(center, "google", split=True, host="127.0.0.2")
    foobar = person(center, "foobar")
    center.want(event="notice", text="center: google has logged on at "
                "127.0.0.2:%d, in the clear" % google.port)
    seas.wait("foobar has logged on.")
    google.wait("foobar has logged on.")
    foobar.wait("foobar has logged on.")
    assert seas.came() == ["%s has logged on." % u for u in
                           ("seas", "google", "foobar")]
    assert google.came()[0] == "google has logged on."
    # one to one
    seas.say("MSG", "google", "Hello")
    google.wait("[seas]: Hello")
    google.say("MSG", "seas", "\u00c1rv\u00edz \u2713 a|b")
    seas.wait("[google]: \u00c1rv\u00edz \u2713 a\u00a6b")
    seas.say("MSG", "google", "x" * 3000)
    wait_for(lambda: sum(t.count("x") for t in google.heard) == 3000)
    # to all
    google.say("BRD", "hi all")
    for p in (seas, google, foobar):
        p.wait("[google]: hi all")
    seas.came()
    seas.say("ONL")
    wait_for(lambda: seas.heard)
    assert sorted(seas.heard[0].split()[2:]) == ["foobar", "google", "seas"]
    assert seas.heard[0].startswith("[CURRENTLY ONLINE]: ")
    assert seas.heard[0].endswith(" ")
    # blocking
    google.say("BLC", "1", "seas")
    google.wait("You have blocked seas")
    seas.say("MSG", "google", "blocked?")
    seas.wait(REFUSED)
    assert seas.say("GET", "google") == "FAIL"
    seas.say("BRD", "anyone")
    seas.wait(SOME)
    seas.wait("[seas]: anyone")
    foobar.wait("[seas]: anyone")
    google.say("BLC", "0", "seas")
    google.wait("You have unblocked seas")
    assert "[seas]: anyone" not in google.heard
    # addresses, with consent
    assert seas.say("GET", "nobody") == "FAIL"
    google.say("ALL", "seas")
    google.wait("Nobody asked for your address as seas")
    assert seas.say("GET", "google") == "OKAY"
    google.wait("Request: seas wants your address. [allow seas] to accept.")
    google.say("ALL", "seas")
    seas.wait("ADR|google|127.0.0.2|%d" % google.port)
    seas.private("google", "between us")
    google.wait("<seas>: between us")
    assert foobar.say("GET", "google") == "OKAY"
    foobar.say("OUT")
    google.wait("foobar is offline.")
    google.say("ALL", "foobar")
    google.wait("foobar has gone offline. Please allow access when they are "
                "online again.")
    # away and back
    seas.say("MSG", "wikipedia", "one")
    seas.say("MSG", "wikipedia", "two")
    seas.wait(KEPT, times=2)
    wikipedia = person(center, "wikipedia")
    wikipedia.wait("wikipedia has logged on.")
    assert wikipedia.came() == [
        "While you were away...\n[seas]: one\n[seas]: two\n",
        "wikipedia has logged on."]
    # at another place
    seas.came()
    other = person(center, "seas", host="127.0.0.3")
    seas.wait("Logged on different location!")
    wikipedia.say("MSG", "seas", "where?")
    other.wait("[wikipedia]: where?")
    assert seas.heard == ["Logged on different location!"], seas.heard
    alive(seas, google, foobar, wikipedia, other)
    center.end()


def test_wrong_tokens(root):
    center = Center(root)
    seas, google = person(center, "seas"), person(center, "google")
    seas.wait("google has logged on.")
    google.wait("google has logged on.")
    seas.came(), google.came()
    for token in ("0123456789", google.token, "x", seas.token + "0"):
        seas.say("MSG", "google", "x", token=token)
        seas.say("BRD", "x", token=token)
        seas.say("ONL", token=token)
        seas.say("BLC", "1", "google", token=token)
        seas.say("OUT", token=token)
        seas.say("ALL", "google", token=token)
        seas.say("HEY", token=token)
        try:
            seas.say("GET", "google", token=token)
            raise AssertionError("an answer")
        except Gone:
            pass
    # a new log-in revokes the old one
    old, other = seas.token, person(center, "seas", host="127.0.0.2")
    seas.wait("Logged on different location!")
    seas.came()
    seas.say("MSG", "google", "old", token=old)
    other.say("MSG", "google", "new")
    google.wait("[seas]: new")
    assert google.came() == ["[seas]: new"]
    # logged out it is good for nothing
    other.say("OUT")
    google.wait("seas is offline.")
    other.say("MSG", "google", "x")
    other.say("HEY")
    google.say("ONL")
    google.wait("[CURRENTLY ONLINE]: google ")
    assert "[seas]: x" not in google.heard
    alive(seas, google, other)
    center.end()


def test_lock_out(root):
    center = Center(root)
    thief = Person(center.plain, "seas")
    answers = thief.try_login("a", "b", "c", "summerisover")
    assert answers[:3] == ["LOGIN_FAILED|2", "LOGIN_FAILED|1",
                           "JUST_PENNED|60"], answers
    assert answers[3].startswith("PENNED|"), answers
    assert 50 <= float(answers[3][7:]) <= 60
    answers = thief.try_login("summerisover")
    assert answers[0].startswith("PENNED|"), answers
    center.want(event="notice", text="center: seas is locked out from "
                "127.0.0.1 for 60 seconds")
    # its owner, from elsewhere; and others from there
    owner = person(center, "seas", host="127.0.0.2")
    google = person(center, "google")
    google.say("MSG", "seas", "are you there?")
    owner.wait("[google]: are you there?")
    # nobody of that name: the same words
    nobody = Person(center.plain, "nosuchuser")
    assert nobody.try_login("a", "b", "c")[:3] == [
        "LOGIN_FAILED|2", "LOGIN_FAILED|1", "JUST_PENNED|60"]
    # somebody who mistypes once gets in on the same connection
    wikipedia = Person(center.plain, "wikipedia")
    assert wikipedia.try_login("x", "donation") == ["LOGIN_FAILED|2",
                                                    "LOGIN_OKAY"]
    # a port of the system's is nobody's listener
    foobar = Person(center.plain, "foobar")
    foobar.try_login("passpass", port=80)
    google.say("ONL")
    wait_for(lambda: [t for t in google.heard if t.startswith("[CURR")])
    assert "foobar" not in google.heard[-1], google.heard
    alive(owner, google, wikipedia)
    center.end()


def test_killed_and_back(root):
    port = free_port()
    center = Center(root, plain=port)
    seas = person(center, "seas")
    for i in range(20):
        seas.say("MSG", "google", "letter %d" % i)
    seas.wait(KEPT, times=20)
    center.kill()
    os.remove(os.path.join(root, "center", "credentials.txt"))
    center = Center(root, plain=port)
    # whoever was there is not any more, and has to log in
    seas.say("HEY")
    google = person(center, "google")
    google.wait("google has logged on.")
    text = "".join(google.came())
    for i in range(20):
        assert text.count("[seas]: letter %d\n" % i) == 1, text
    center.kill()
    center = Center(root, plain=port)
    google.login(USERS["google"])
    google.wait("google has logged on.")
    assert google.came() == ["google has logged on."]
    for name in os.listdir(center.home):
        if name.endswith(".db") or name == "log.txt":
            with open(os.path.join(center.home, name), "rb") as f:
                assert b"hasglasses" not in f.read(), name
    alive(seas, google)
    center.end()


def test_hostile(root):
    center = Center(root)
    seas, google = person(center, "seas"), person(center, "google")
    half = []
    stop = threading.Event()

    def garbage():
        k = 0
        while not stop.is_set():
            k += 1
            data = [b"\0", b"\0\0\0\0", b"\xff\xff\xff\xff" + b"x" * 9000,
                    frame("LIN") * 9, frame("XYZ|a|b|"), b"GET / HTTP/1.1\r\n",
                    frame("MSG|seas|%s|google|spoof" % ("0" * 10)),
                    frame("LIN") + frame("seas") + frame("x") + frame("y"),
                    os.urandom(200), struct.pack(">I", 65000) + b"x"][k % 10]
            try:
                with socket.create_connection(("127.0.0.1", center.plain),
                                              5) as s:
                    s.sendall(data)
            except OSError:
                pass
            time.sleep(0.002)
    thread = threading.Thread(target=garbage, daemon=True)
    thread.start()
    for i in range(64):     # silent, or in the middle of a frame, or typing
        s = socket.create_connection(("127.0.0.1", center.plain), 5)
        s.sendall([b"", b"\0\0", b"\0\0\0\x03LI", frame("LIN")][i % 4])
        half.append(s)
    for i in range(64):
        half.append(socket.create_connection(("127.0.0.1", center.plain), 5))
    for i in range(50):
        began = time.monotonic()
        seas.say("MSG", "google", "honest %d" % i)
        google.wait("[seas]: honest %d" % i)
        assert time.monotonic() - began < 5
    person(center, "wikipedia").close()
    assert seas.say("GET", "google") == "OKAY"
    # nor the sealed ones
    ana = Node(root, "ana")
    ana.done("connect", to=center.at)
    ana.end()
    stop.set()
    thread.join()
    for s in half:
        s.close()
    assert not [t for t in google.heard if "spoof" in t]
    alive(seas, google)
    center.end()


def test_silence(root):
    """Half a minute without HEY; said once, where the program says it every
    five seconds. A listener that died keeps nobody from living."""
    center = Center(root)
    seas, google = person(center, "seas").beat(8), person(center, "google")
    deaf = person(center, "foobar").beat(8)
    for poison in (b"", b"\0\0\0\0"):
        if not deaf.dead:
            with socket.create_connection(("127.0.0.1", deaf.port)) as s:
                s.sendall(poison)
            wait_for(lambda: deaf.dead)
    seas.say("MSG", "foobar", "can you hear me?")
    seas.wait(KEPT)
    began = time.monotonic()
    seas.wait("google is offline.", 60)
    assert 20 < time.monotonic() - began
    seas.say("MSG", "google", "later")
    seas.wait(KEPT, times=2)
    time.sleep(12)          # it would have come twice by now
    assert seas.heard.count("google is offline.") == 1, seas.heard
    assert "foobar is offline." not in seas.heard
    assert "seas is offline." not in google.heard
    # it had slept
    google.say("HEY")
    google.wait("While you were away...\n[seas]: later\n")
    seas.wait("google has logged on.", times=2)
    deaf.beating = False
    alive(seas, google)
    center.end()


def open_node(root, name):
    port = free_port()
    node = Node(root, name, "--center-port", str(port))
    node.pushes = port
    return node


def test_our_own_client(root):
    """Two sottos and a person; the server's half and the client's."""
    center = Center(root)
    at = "center://127.0.0.1:%d" % center.plain
    ana, bob = open_node(root, "ana"), open_node(root, "bob")
    result = ana.refused("refused", "login", center=at, user="seas",
                         password="wrong")
    assert "2 more login attempts" in result["error"], result
    ana.done("login", center=at, user="seas", password="summerisover")
    bob.done("login", center=at, user="google", password="hasglasses")
    person_ = person(center, "foobar")
    ana.want(event="notice", text="google has logged on.")
    ana.want(event="notice", text="foobar has logged on.")
    result = ana.done("online")
    assert sorted(result["text"].split()) == ["foobar", "google", "seas"]
    # to each other, and to somebody with the old program
    ana.done("send", to=at + "/google", text="ping", wait="sent")
    got = bob.want(event="message", text="ping")
    assert got["peer"]["ident"] == at + "/seas", got
    bob.done("reply", text="pong", wait="sent")
    ana.want(event="message", text="pong")
    ana.done("send", to=at + "/foobar", text="to a person", wait="sent")
    person_.wait("[seas]: to a person")
    person_.say("MSG", "seas", "to a sotto")
    ana.want(event="message", text="to a sotto")
    bob.done("broadcast", text="to all")
    person_.wait("[google]: to all")
    ana.want(event="message", text="to all")
    # consent, both ways
    ana.done("getaddress", user="google")
    bob.want(event="consent", user="seas")
    bob.done("allow", user="seas")
    ana.want(event="notice", text="You can now privately message google")
    ana.done("send", to=at + "/google", text="direct", name="private",
             wait="sent")
    bob.want(event="message", text="direct")
    ana.refused("unknown", "getaddress", user="nobody")
    # blocking, and who is away
    ana.done("block", peer=at + "/google")
    ana.want(event="notice", text="You have blocked google")
    bob.done("send", to=at + "/seas", text="hello?", wait="sent")
    bob.want(event="notice", text="not delivered: they have blocked you")
    ana.done("unblock", peer=at + "/google")
    bob.done("logout")
    ana.want(event="notice", text="google is offline.")
    ana.done("send", to=at + "/google", text="later", wait="sent")
    ana.want(event="notice",
             text="they are offline: the center keeps it for them")
    bob.done("login", center=at, user="google", password="hasglasses")
    got = bob.find(lambda e: e["event"] == "message" and
                   "[seas]: later" in e["text"])
    assert got, "it was not kept"
    alive(person_)
    for node in (ana, bob, center):
        node.end()


def test_apart(root):
    """Its accounts open nothing that is sealed, nor the other way round."""
    center = Center(root)
    seas = person(center, "seas")
    ana = Node(root, "ana")
    result = ana.refused("refused", "login", to=center.at, user="seas",
                         password="summerisover")
    assert "Incorrect" in result["error"], result
    code, out, err = run("center", "list", home=center.home)
    assert code == 0 and "seas" not in out, (out, err)
    code, out, err = run("center", "add", "sealed", home=center.home,
                         stdin=b"sesame\n")
    assert code == 0, err
    ana.done("login", to=center.at, user="sealed", password="sesame")
    thief = Person(center.plain, "sealed")
    assert thief.try_login("sesame") == ["LOGIN_FAILED|2"]
    # each is seen by its own only
    seas.came()
    seas.say("ONL")
    seas.wait("[CURRENTLY ONLINE]: seas ")
    assert ana.done("online")["text"].split() == ["sealed"]
    alive(seas)
    for node in (ana, center):
        node.end()
    assert os.stat(os.path.join(center.home, "plain.db")).st_mode & 0o77 == 0


def test_accounts_from_the_shell(root):
    center = Center(root)

    def account(*words, stdin=b"", expect=0):
        code, out, err = run("center", *words, home=center.home, stdin=stdin)
        assert code == expect, (words, code, out, err)
        return out + err
    account("add", "hans", "--plain", stdin=b"falcon\n")
    account("add", "hans", "--plain", stdin=b"falcon\n", expect=4)
    hans = Person(center.plain, "hans").login("falcon")
    account("passwd", "--plain", "hans", stdin=b"changed\n")
    other = Person(center.plain, "hans", host="127.0.0.2")
    assert other.try_login("falcon", "changed") == ["LOGIN_FAILED|2",
                                                    "LOGIN_OKAY"]
    out = account("list", "--plain")
    assert all('"%s"' % u in out for u in (*USERS, "hans")), out
    assert "hans" not in account("list")
    account("remove", "seas", expect=6)
    for words in (["invite", "x"], ["add", "a]b"], ["add", "a>b"]):
        account(*words, "--plain", expect=2)
    account("remove", "hans", "--plain", "--yes")
    time.sleep(8)           # what a session may rest on
    other.say("HEY")
    other.wait("Your account was removed")
    other.say("MSG", "google", "x")
    assert other.try_login("changed") == ["LOGIN_FAILED|2"]
    alive(hans, other)
    center.end()


def test_two_nodes(root):
    """People at one meet those at the other; who dies loses nothing."""
    if not nats.program():
        print("nats-server is not installed")
        return
    server = nats.Server(root)
    backend = ["--backend", "nats://127.0.0.1:%d?shards=2" % server.port]
    one = Center(root, "one", options=backend)
    two = Center(root, "two", options=backend)
    for center in (one, two):
        center.find(lambda e: "there already" in e.get("text", ""))
    seas, google = person(one, "seas").beat(8), person(two, "google").beat(8)
    seas.wait("google has logged on.")
    seas.say("MSG", "google", "across")
    google.wait("[seas]: across")
    google.say("BRD", "to all")
    seas.wait("[google]: to all")
    google.wait("[google]: to all")
    seas.say("ONL")
    wait_for(lambda: [t for t in seas.heard if t.startswith("[CURR")])
    assert sorted([t for t in seas.heard if t.startswith("[CURR")][0].split(
        )[2:]) == ["google", "seas"]
    # consent
    assert google.say("GET", "seas") == "OKAY"
    seas.wait("Request: google wants your address. [allow google] to accept.")
    seas.say("ALL", "google")
    google.wait("ADR|seas|127.0.0.1|%d" % seas.port)
    # blocking is the account's
    google.say("BLC", "1", "seas")
    google.wait("You have blocked seas")
    seas.say("MSG", "google", "x")
    seas.wait(REFUSED)
    assert seas.say("GET", "google") == "FAIL"
    seas.say("BRD", "anyone")
    seas.wait(SOME)
    google.say("BLC", "0", "seas")
    google.wait("You have unblocked seas")
    # locked out at both
    thief = Person(one.plain, "foobar")
    assert thief.try_login("a", "b", "c")[2] == "JUST_PENNED|60"
    thief = Person(two.plain, "foobar")
    assert thief.try_login("passpass")[0].startswith("PENNED|")
    # at another node
    moved = person(two, "seas", host="127.0.0.2").beat(8)
    seas.wait("Logged on different location!")
    seas.beating = False
    google.say("MSG", "seas", "where?")
    moved.wait("[google]: where?")
    # kept, and a node that dies
    moved.say("MSG", "wikipedia", "kept")
    moved.wait(KEPT)
    two.kill()
    google.beating = moved.beating = False
    wikipedia = person(one, "wikipedia").beat(8)
    wikipedia.wait("While you were away...\n[seas]: kept\n")
    wikipedia.wait("google is offline.", 90)
    seas = person(one, "seas", host="127.0.0.3")
    wikipedia.say("MSG", "seas", "back?")
    seas.wait("[wikipedia]: back?")
    assert "[google]: where?" not in seas.heard
    wikipedia.beating = False
    alive(seas, google, wikipedia)
    one.end()
    server.kill()


def test_where_it_may_be(root):
    home = os.path.join(root, "home")

    def refused(*words, status=2, options=()):
        code, _, err = run(*words, home=home, options=options)
        assert code == status, (code, err)
        return err
    listen = ["--listen", "center=127.0.0.1:%d" % free_port()]
    for words in (["--headless"], ["peers"], ["recv"]):
        assert "only sotto center serves" in refused(*words, options=listen)
    assert "plain-on-network" in refused(
        "center", options=["--listen", "center=0.0.0.0:6066"])
    assert "center-port: not beside" in refused(
        "center", options=[*listen, "--center-port", "6067"])
    # in config.ini it keeps nobody else from working
    with open(os.path.join(home, "config.ini"), "w") as f:
        f.write("listen = %s\n" % listen[1])
    node = Node(root, "home")
    assert "center://" not in str(node.ready)
    node.end()


if __name__ == "__main__":
    main(globals())
