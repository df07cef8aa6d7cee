#!/usr/bin/env python3
"""A message center on several machines: nodes that keep everything in NATS.
People on one meet those on the other; who dies loses nothing."""
import os
import re
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import nats  # noqa: E402
from sotto import Node, free_port, main, run  # noqa: E402

MAN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..",
                   "man")
# of "twenty-two letters or more"
BCRYPT = "$2b$04$ng2e2SrWHOgrwyuYAcaIzu6pkqWmaWtrHUV..MhIPab97.sXzNW4K"


def login(node, center, user, password="sesame"):
    result = node.done("login", to=center.at, user=user, password=password)
    assert result["text"] == "Welcome, %s !" % user, result


def notice(node, text, since=0, patience=20):
    return node.want(since, patience, event="notice", text=text)


def two_nodes(root):
    server = nats.Server(root)
    where = "nats://127.0.0.1:%d?shards=2" % server.port
    ports = free_port(), free_port()
    config = "addresses = 127.0.0.1:%d, 127.0.0.1:%d\n" % ports
    one = nats.Center(root, "one", where, port=ports[0], config=config)
    two = nats.Center(root, "two", where, one, ports[1], config)
    assert one.id == two.id
    return server, one, two


def end(server, *nodes):
    for node in nodes:
        node.end()
    server.kill()


def test_people_on_both(root):
    server, one, two = two_nodes(root)
    seas, google = Node(root, "seas"), Node(root, "google")
    login(seas, one, "seas")
    login(google, two, "google")
    notice(seas, "google has logged on.")
    for node in (seas, google):
        online = node.done("online")["text"]
        assert "seas" in online and "google" in online, online
    seas.done("broadcast", text="hello everybody")
    notice(google, "seas to all: hello everybody")
    google.done("broadcast", text="hello seas")
    notice(seas, "google to all: hello seas")
    seas.done("getaddress", user="google")
    google.want(event="consent", user="seas")
    google.done("allow", user="seas")
    notice(seas, "You can now privately message google")
    google.refused("refused", "allow", user="seas")
    # the account is the same at both
    thief = Node(root, "thief")
    result = thief.refused("refused", "login", to=two.at, user="seas",
                           password="guess")
    assert "2 more" in result["error"], result
    google.done("logout")
    notice(seas, "google is offline.")
    end(server, seas, google, thief, one, two)


def test_logged_in_elsewhere(root):
    server, one, two = two_nodes(root)
    here, there = Node(root, "here"), Node(root, "there")
    login(here, one, "seas")
    login(there, two, "seas")
    notice(here, "Logged on different location!")
    here.refused("refused", "online")
    there.done("online")
    end(server, here, there, one, two)


def met(root, one, two):
    """ana at one and bob at two, who know each other but cannot reach each
    other any more: both listen somewhere else now."""
    ana, bob = Node(root, "ana"), Node(root, "bob", port=free_port())
    login(ana, one, "ana")
    login(bob, two, "bob")
    ana.done("connect", to=bob.at)
    ana.done("send", to=bob.at, text="first")
    bob.want(event="message", text="first")
    bob.done("reply", text="second")
    ana.want(event="message", text="second")
    ana.end()
    bob.end()
    ana, bob = Node(root, "ana", home=ana.home), Node(root, "bob",
                                                      home=bob.home)
    notice(ana, "Welcome, ana !")
    notice(bob, "Welcome, bob !")
    return ana, bob


def test_letters(root):
    server, one, two = two_nodes(root)
    ana, bob = met(root, one, two)
    ana.done("send", to=bob.id, text="from node to node", wait="none")
    bob.want(event="message", text="from node to node")
    ana.want(event="status", state="delivered")
    bob.done("send", to=ana.id, text="and back", wait="none")
    ana.want(event="message", text="and back")
    end(server, ana, bob, one, two)


def texts(node):
    return sorted(e["text"] for e in node.seen
                  if e["event"] == "message" and e["dir"] == "in")


def stored(node, n, patience=40):
    """Until a center has n of our letters, or he himself."""
    until = time.monotonic() + patience
    while True:
        items, _ = node.ask("outbox", limit=1000)
        waiting = [i for i in items if i["outbox"]["state"] != "stored"]
        if not waiting and len(items) == n:
            return
        assert time.monotonic() < until, (len(items), items[:3])
        node.read(0.2)


def test_node_dies(root):
    server, one, two = two_nodes(root)
    ana, bob = met(root, one, two)
    bob.end()
    for i in range(20):
        ana.done("send", to=bob.id, text="before %02d" % i, wait="none")
    stored(ana, 20)
    # hers dies: she moves, and what she writes goes there
    since = len(ana.seen)
    one.kill()
    notice(ana, "Welcome, ana !", since)
    assert ana.done("online")["text"].startswith("ana")
    for i in range(20):
        ana.done("send", to=bob.id, text="meanwhile %02d" % i, wait="none")
    stored(ana, 40)
    # the other one dies, and the first is back
    one = nats.Center(root, "one", "", port=one.port)
    since = len(ana.seen)
    two.kill()
    notice(ana, "Welcome, ana !", since)
    bob = Node(root, "bob", home=bob.home)
    notice(bob, "Welcome, bob !")
    bob.want(event="message", text="meanwhile 19")
    for i in range(20):
        bob.want(event="message", text="before %02d" % i)
        bob.want(event="message", text="meanwhile %02d" % i)
    assert len(texts(bob)) == 40, texts(bob)
    end(server, ana, bob, one)


def test_away_for_a_while(root):
    """Of the servers that do not answer, or are gone, nobody hears but who
    asks for something; and all goes on."""
    server, one, two = two_nodes(root)
    ana, bob = met(root, one, two)
    carl = Node(root, "carl")
    carl.done("connect", to=one.at)
    bob.end()
    seen = len(ana.seen)
    # meanwhile her session ends
    info = "$JS.API.STREAM.INFO.KV_sotto_session"
    server.ask("$JS.API.STREAM.PURGE.KV_sotto_session")
    for away, back in ((server.halt, server.go_on),
                       (server.kill, server.start)):
        said = len(one.seen)
        away()
        began = time.monotonic()
        ana.done("send", to=bob.id, text=away.__name__, wait="none")
        result = carl.refused("refused", "login", to=one.at, user="carl",
                              password="x")
        assert "out of order" in result["error"], result
        for _ in range(6):
            carl.refused("refused", "login", to=one.at, user="carl",
                         password="x")
            ana.ask("online")   # any answer; it may be too much at once
        notice(one, "what the center keeps is out of reach", said)
        # one long wait for each thing that was asked, and none after it
        assert time.monotonic() - began < 20, time.monotonic() - began
        back()
        notice(one, "what the center keeps can be reached again", said)
    stored(ana, 2)
    login(carl, one, "carl")
    until = time.monotonic() + 40
    while server.ask(info).get("state", {"messages": 0})["messages"] < 2:
        assert time.monotonic() < until, server.ask(info)
        time.sleep(0.2)
    assert not [e for e in ana.seen[seen:] if e["event"] == "notice"
                and "ocation" in e["text"]]
    bob = Node(root, "bob", home=bob.home)
    bob.want(event="message", text="halt")
    bob.want(event="message", text="kill")
    notice(bob, "Welcome, bob !")
    other = Node(root, "other")
    login(other, two, "ana")
    notice(ana, "Logged on different location!", seen)
    end(server, ana, bob, carl, other, one, two)


def certificates(folder):
    """An authority, a server that is localhost, one that is another machine,
    and a node of the center."""
    def openssl(*words):
        subprocess.run(["openssl", *words], cwd=folder, check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    os.makedirs(folder)
    new = "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes".split()
    openssl(*new, "-x509", "-subj", "/CN=ca", "-keyout", "ca.key", "-out",
            "ca.pem")
    for name, host in (("server", "localhost"), ("other", "nats.example"),
                       ("node", "node.example")):
        with open(os.path.join(folder, name + ".ext"), "w") as f:
            f.write("subjectAltName=DNS:%s\n" % host)
        openssl(*new, "-subj", "/CN=" + host, "-keyout", name + ".key", "-out",
                name + ".csr")
        openssl("x509", "-req", "-in", name + ".csr", "-CA", "ca.pem",
                "-CAkey", "ca.key", "-CAcreateserial", "-extfile",
                name + ".ext", "-out", name + ".pem")


def test_closed_off(root):
    """The configuration of the manual: who has no certificate, or not the
    password, or no reason to trust the server, stays outside."""
    if not nats.shutil.which("openssl"):
        print("     without openssl: not tried")
        return
    keys = os.path.join(root, "keys")
    certificates(keys)
    with open(os.path.join(MAN, "nats.conf")) as f:
        sample = f.read().replace("/etc/nats", keys)
    sample = re.sub(r'"\$2a\$[^"]*"', '"%s"' % BCRYPT, sample)

    def conf(text, name="server"):
        def whole(port, folder):
            return re.sub("server(.pem|.key)", name + r"\1", text).replace(
                "/var/lib/nats", folder).replace("10.0.0.1:4222",
                                                 "127.0.0.1:%d" % port)
        return whole
    path = os.path.join(root, "all.conf")
    with open(path, "w") as f:
        f.write(conf(sample)(4222, root))
    checked = subprocess.run([nats.program(), "-t", "-c", path],
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert checked.returncode == 0, checked.stdout
    # alone, or it would wait for the other two
    alone = sample[:sample.index("cluster {")]
    server = nats.Server(root, whole=conf(alone))
    other = nats.Server(root, "another", whole=conf(alone, "other"))
    want = ("ca=%s/ca.pem&cert=%s/node.pem&key=%s/node.key" %
            (keys, keys, keys))
    word = "twenty-two%20letters%20or%20more"
    good = "tls://sotto:%s@localhost:%d?%s" % (word, server.port, want)
    for bad in (good.replace(word, "guess"),
                good.replace("tls", "nats").split("?")[0],
                good.split("&")[0], good.replace("sotto:%s@" % word, ""),
                "tls" + good[3:].replace("ca=%s/ca.pem&" % keys, ""),
                good.replace(str(server.port), str(other.port)),
                good.replace("localhost", "127.0.0.1")):
        status, out, err = run("center", options=["--ephemeral", "--port", "0",
                                                  "--backend", bad])
        assert status == 1 and "NATS" in err and word not in err, (bad, err)
    center = nats.Center(root, "one", good)
    ana = Node(root, "ana")
    login(ana, center, "ana")
    end(server, ana, center)
    other.kill()


main_tests = globals()
nats.here_or_skip()
main(main_tests)
