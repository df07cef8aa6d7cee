#!/usr/bin/env python3
"""Sub-commands: alone with an engine of their own, and beside one that runs;
and every exit status that can be provoked."""
import json
import os
import pty
import select
import signal
import subprocess
import sys
import time

import sotto
from sotto import SOTTO, Node, free_port, lines_of, run


def test_send_alone(root):
    bob = Node(root, "bob")
    home = os.path.join(root, "ana")
    status, out, err = run("send", bob.at, "build ok", home=home)
    assert status == 0, err
    result = lines_of(out)[-1]
    assert result["event"] == "result" and result["state"] == "delivered"
    message = bob.want(event="message", id=result["id"])
    assert message["text"] == "build ok"
    # and again, as somebody who is known
    status, out, err = run("send", "bob", "--text", "-", home=home,
                           stdin=b"two\nlines\n\n")
    assert status == 0, err
    assert out.startswith("delivered to bob"), out
    bob.want(event="message", text="two\nlines\n")
    status, out, err = run("send", bob.id[:8], home=home, stdin=b"bare")
    assert status == 0, err
    bob.want(event="message", text="bare")
    bob.end()


def test_send_beside_an_engine(root):
    ana, bob = Node(root, "ana"), Node(root, "bob")
    ana.done("connect", to=bob.at)
    status, out, err = run("send", "bob", "hi", home=ana.home)
    assert status == 0, err
    sent = lines_of(out)[-1]
    ana.want(event="status", id=sent["id"], state="delivered")
    bob.want(event="message", id=sent["id"])
    status, out, err = run("send", "bob", "--reply-to", sent["id"], "again",
                           home=ana.home)
    assert status == 0, err
    bob.want(event="message", text="again", reply_to=sent["id"])
    ana.done("id")
    ana.end()
    bob.end()


def test_send_exit_codes(root):
    home = os.path.join(root, "ana")
    nowhere = "127.0.0.1:%d" % free_port()

    def exits(status, *words, **more):
        got, out, err = run("send", *words, home=home, **more)
        assert got == status, (words, got, err)
        assert err.startswith("sotto: "), err
        return out, err

    out, err = exits(3, nowhere, "x", "--timeout", "1")
    assert lines_of(out)[-1]["code"] == "timeout"
    assert lines_of(out)[-1]["state"] == "queued"
    out, err = exits(8, nowhere, "y", "--timeout", "1", "--queue")
    assert lines_of(out)[-1]["code"] == "queued"
    status, out, err = run("outbox", home=home)
    rows = [e["outbox"]["text"] for e in lines_of(out)
            if e["event"] == "item"]
    assert status == 0 and rows == ["y"], out
    status, out, err = run("send", nowhere, "z", "--wait", "none", home=home)
    assert status == 0, err
    exits(6, "nobody-we-know", "x", "--timeout", "2")
    exits(2, nowhere, "")
    exits(2, nowhere, stdin=b"")
    out, err = exits(2, nowhere, "x" * 16385)
    assert "16385" in err and "16384" in err
    out, err = exits(2, nowhere, stdin=b"x" * 100000 + b"\n")
    assert "100000" in err
    exits(2, nowhere, stdin=b"a\0b")
    exits(2, nowhere, stdin=b"\xff\xfe")
    exits(2, nowhere, "x", "--wait", "long")
    exits(2, nowhere, "x", "--timeout", "soon")
    exits(2, nowhere, "x", "--reply-to", "it")
    exits(2, nowhere, "x", "--what")
    exits(2, nowhere, "x", "y")
    exits(2)


def test_send_refused(root):
    bob = Node(root, "bob", "--trust-new", "refuse")
    status, out, err = run("send", bob.at, "x", "--timeout", "15",
                           home=os.path.join(root, "ana"))
    assert status == 4, (status, err)
    assert lines_of(out)[-1]["code"] == "refused"
    bob.end()


def test_send_key_changed(root):
    home = os.path.join(root, "ana")
    bob = Node(root, "bob")
    assert run("send", bob.at, "x", home=home)[0] == 0
    bob.end()
    mallory = Node(root, "mallory", port=bob.port)
    status, out, err = run("send", "bob", "secret", home=home)
    assert status == 5, (status, out, err)
    assert not [e for e in mallory.seen if e["event"] == "message"]
    mallory.end()


def test_text_with_dashes(root):
    bob = Node(root, "bob")
    status, out, err = run("send", bob.at, "--", "--not an option",
                           home=os.path.join(root, "ana"))
    assert status == 0, err
    bob.want(event="message", text="--not an option")
    bob.end()


def test_recv(root):
    ana = Node(root, "ana")
    home, port = os.path.join(root, "bob"), free_port()
    p = subprocess.Popen([SOTTO, "--home", home, "--port", str(port), "recv",
                          "--count", "2", "--timeout", "30", "--match",
                          "^wanted [0-9]+$"], stdout=subprocess.PIPE)
    to = "127.0.0.1:%d" % port
    for text in ("wanted 1", "not this", "wanted x", "wanted 22"):
        ana.done("send", to=to, text=text, timeout_ms=20000)
    out, _ = p.communicate(timeout=30)
    assert p.returncode == 0
    assert [e["text"] for e in lines_of(out.decode())] == \
        ["wanted 1", "wanted 22"]
    ana.end()


def test_recv_beside_an_engine(root):
    ana, bob, eve = (Node(root, n) for n in ("ana", "bob", "eve"))
    p = subprocess.Popen([SOTTO, "--home", bob.home, "--text", "recv",
                          "--from", "ana", "--count", "1"],
                         stdout=subprocess.PIPE)
    # until it listens, nothing it was told counts: keep sending
    until = time.monotonic() + 30
    n = 0
    while p.poll() is None and time.monotonic() < until:
        eve.done("send", to=bob.at, text="not from me")
        ana.done("send", to=bob.at, text="number %d\nand \x1b[31mmore" % n)
        n += 1
    out = p.communicate(timeout=10)[0].decode()
    assert p.returncode == 0
    first, second = out.splitlines()
    assert "] ana: number " in first and first.startswith("[20"), out
    assert second.startswith("    and ") and "\x1b" not in out, out
    for node in (ana, bob, eve):
        node.end()


def test_recv_exit_codes(root):
    home = os.path.join(root, "bob")
    status, out, err = run("recv", "--timeout", "1", "--count", "1",
                           "--port", "0", home=home)
    assert (status, out) == (3, ""), (status, err)
    assert run("recv", "--match", "(", home=home)[0] == 2
    assert run("recv", "--count", "many", home=home)[0] == 2
    assert run("recv", "bob", home=home)[0] == 2
    p = subprocess.Popen([SOTTO, "--home", home, "--port", "0", "recv"],
                         stdout=subprocess.PIPE)
    until = time.monotonic() + 20
    while not os.path.exists(os.path.join(home, "control.sock")):
        assert time.monotonic() < until
        time.sleep(0.02)
    p.send_signal(signal.SIGINT)
    assert p.wait(20) == 130


def test_tail(root):
    ana, bob = Node(root, "ana"), Node(root, "bob")
    ana.done("connect", to=bob.at)
    for i in range(140):
        ana.done("send", to="bob", text="number %d" % i, wait="none")
    ana.want(event="message", text="number 139")
    status, out, err = run("tail", home=ana.home)
    texts = [e["message"]["text"] for e in lines_of(out)]
    assert status == 0 and texts == ["number %d" % i
                                     for i in range(120, 140)], texts
    status, out, err = run("tail", "bob", "-n", "135", "--text",
                           home=ana.home)
    lines = out.splitlines()
    assert len(lines) == 135 and lines[0].endswith("ana > bob: number 5")
    status, out, err = run("tail", "nobody", home=ana.home)
    assert status == 6, (status, err)
    p = subprocess.Popen([SOTTO, "--home", ana.home, "tail", "bob", "-f",
                          "-n", "1"], stdout=subprocess.PIPE)
    first = json.loads(p.stdout.readline())
    assert first["message"]["text"] == "number 139"
    bob.done("send", to="ana", text="and this")
    follow = json.loads(p.stdout.readline())
    assert follow["text"] == "and this" and follow["dir"] == "in"
    p.terminate()
    assert p.wait(20) == 130
    ana.end()
    # alone, from the store
    status, out, err = run("tail", "bob", "-n", "2", home=ana.home)
    assert [e["message"]["text"] for e in lines_of(out)] == \
        ["number 139", "and this"], (out, err)
    bob.end()


def test_peers_id_connect(root):
    bob = Node(root, "bob")
    home = os.path.join(root, "ana")
    status, out, err = run("id", "--nick", "ana", home=home)
    me = lines_of(out)[-1]
    assert status == 0 and len(me["id"]) == 32 and me["nick"] == "ana"
    assert run("peers", home=home)[0] == 0
    status, out, err = run("connect", bob.at, home=home)
    assert status == 0, err
    assert lines_of(out)[-1]["peer"]["id"] == bob.id
    status, out, err = run("peers", home=home)
    peers = [e["peer"] for e in lines_of(out) if e["event"] == "item"]
    assert [p["id"] for p in peers] == [bob.id] and status == 0
    status, out, err = run("peers", "--text", home=home)
    assert "bob" in out and bob.id[:8] in out and "pinned" in out, out
    status, out, err = run("id", "--text", home=home)
    assert me["id"] in out
    assert run("connect", "127.0.0.1:%d" % free_port(), home=home)[0] == 6
    assert run("connect", home=home)[0] == 2
    assert run("connect", "a", "b", home=home)[0] == 2
    bob.end()


def test_id_has_an_address_while_it_listens(root):
    home = os.path.join(root, "ana")
    status, out, err = run("id", home=home)
    me = lines_of(out)[-1]
    assert status == 0 and me["addr"] is None, (out, err)
    assert me["peer"]["addr"] is None, out
    status, out, err = run("id", "--text", home=home)
    assert status == 0 and "\nno address: " in out and "[::]" not in out, out
    ana = Node(root, "ana")
    status, out, err = run("id", home=home)
    there = lines_of(out)[-1]["addr"]
    assert there.endswith(":%d" % ana.port) and "[::]" not in there, out
    status, out, err = run("id", "--text", home=home)
    assert "\naddress %s\n" % there in out, out
    bob = Node(root, "bob")
    assert bob.done("connect", to=there)["peer"]["id"] == ana.id
    bob.end()
    ana.end()


def test_block_trust(root):
    bob = Node(root, "bob")
    home = os.path.join(root, "ana")
    assert run("connect", bob.at, home=home)[0] == 0
    status, out, err = run("block", "bob", home=home)
    assert status == 0 and lines_of(out)[-1]["peer"]["blocked"], err
    assert run("send", "bob", "x", home=home)[0] == 4
    status, out, err = run("unblock", "bob", home=home)
    assert status == 0 and not lines_of(out)[-1]["peer"]["blocked"], err
    assert run("trust", "bob", home=home)[0] == 0
    assert run("send", "bob", "x", home=home)[0] == 0
    assert run("trust", "nobody", home=home)[0] == 6
    assert run("block", "nobody", home=home)[0] == 6
    bob.end()


def test_run(root):
    bob = Node(root, "bob")
    home = os.path.join(root, "ana")
    script = "echo out; echo err >&2; seq 100; exit 3"
    status, out, err = run("run", "--to", bob.at, "--", "sh", "-c", script,
                           home=home)
    assert status == 3, err
    assert out == "out\n" + "".join("%d\n" % i for i in range(1, 101))
    assert err == "err\n", err
    message = bob.find(lambda e: e["event"] == "message")
    text = message["text"]
    assert text.startswith("failed with 3 after ") and "sh -c" in text, text
    assert text.endswith("\n99\n100") and "\n81\n" in text, text
    assert "\n80\n" not in text, text
    # to the only one there is
    status, out, err = run("run", "--", "true", home=home)
    assert (status, out, err) == (0, "", "")
    bob.find(lambda e: e["event"] == "message" and
             e["text"].startswith("done after "))
    status, out, err = run("run", "--", "sh", "-c", "kill -9 $$", home=home)
    assert status == 137, status
    status, out, err = run("run", "--", "no-such-program-here", home=home)
    assert status == 127, status
    assert run("run", home=home)[0] == 2
    assert run("run", "--", home=home)[0] == 2
    bob.end()
    # what it runs counts, not whether it could be told
    status, out, err = run("run", "--to", "nobody", "--", "sh", "-c",
                           "exit 5", home=home)
    assert status == 5 and "message" in err, (status, err)


def test_run_passes_signals_on(root):
    bob = Node(root, "bob")
    # the signal may come before there is a sleep to end
    script = ("trap 'kill $! 2>/dev/null; echo told; exit 7' TERM; "
              "echo ready; sleep 60 & wait")
    p = subprocess.Popen([SOTTO, "--home", os.path.join(root, "ana"), "run",
                          "--to", bob.at, "--", "sh", "-c", script],
                         stdout=subprocess.PIPE)
    assert p.stdout.readline() == b"ready\n"
    p.terminate()
    assert p.wait(20) == 7
    assert p.stdout.readline() == b"told\n"
    message = bob.find(lambda e: e["event"] == "message")
    assert message["text"].startswith("failed with 7"), message
    assert message["text"].endswith("ready\ntold"), message
    bob.end()


def test_run_passes_binary(root):
    bob = Node(root, "bob")
    p = subprocess.run([SOTTO, "--home", os.path.join(root, "ana"), "run",
                        "--to", bob.at, "--", "sh", "-c",
                        "head -c 1000000 /dev/urandom"],
                       stdout=subprocess.PIPE, timeout=60)
    assert p.returncode == 0 and len(p.stdout) == 1000000
    bob.find(lambda e: e["event"] == "message")
    bob.end()


def test_search(root):
    home = os.path.join(root, "ana")
    bob = Node(root, "bob")
    for text in ("The first f\u00f3x", "a second fox", "nothing"):
        assert run("send", bob.at, text, home=home)[0] == 0
    status, out, _ = run("search", "FOX", home=home)
    assert status == 0
    found = [line for line in lines_of(out) if line["event"] == "item"]
    assert [f["message"]["text"] for f in found] == ["a second fox",
                                                     "The first f\u00f3x"]
    assert len([1 for line in lines_of(run("search", "fox", "--count", "1",
                                           home=home)[1])
                if line["event"] == "item"]) == 1
    assert len(lines_of(run("search", "nothing", "here", home=home)[1])) == 1
    assert run("search", home=home)[0] == 2
    assert run("search", "fox", "--peer", "nobody", home=home)[0] == 6
    bob.end()


def test_help(root):
    for topic in ("options", "commands", "exit", "keys", "config"):
        status, out, err = run("help", topic)
        assert status == 0 and len(out.splitlines()) > 5, topic
    assert "130" in run("help", "exit")[1]
    assert "--reply-to" in run("help")[1]
    assert run("help", "nothing")[0] == 2
    status, out, err = run("--help")
    assert status == 0 and len(out.splitlines()) <= 24, out


def test_usage(root):
    status, out, err = run("sned", "bob", "x", home=root)
    assert status == 2 and "send" in err, (status, err)
    status, out, err = run(home=root)
    assert status == 2 and "terminal" in err, (status, err)
    assert len(err.splitlines()) == 1


def test_configuration_error(root):
    with open(os.path.join(root, "config.ini"), "w") as f:
        f.write("nickname = ana\nport = many\n")
    status, out, err = run("id", home=root)
    assert status == 10 and "config.ini:2" in err, (status, err)


def test_port_taken(root):
    ana = Node(root, "ana")
    status, out, err = run("--headless", "--port", str(ana.port),
                           home=os.path.join(root, "bob"))
    assert status == 1 and str(ana.port) in err, (status, err)
    ana.end()


def test_partial_reader(root):
    """| head -1 ends it without a word of complaint."""
    ana, bob = Node(root, "ana"), Node(root, "bob")
    ana.done("connect", to=bob.at)
    for i in range(50):
        ana.done("send", to=bob.at, text="x" * 10000, wait="none")
    p = subprocess.Popen([SOTTO, "--home", ana.home, "tail", "-n", "50"],
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    p.stdout.readline()
    p.stdout.close()
    p.wait(20)
    assert p.returncode in (1, -signal.SIGPIPE), p.returncode
    assert p.stderr.read() == b""
    ana.end()
    bob.end()


def test_demo_as_text(root):
    env = {"HOME": root, "TMPDIR": root, "XDG_DATA_HOME": root + "/data",
           "XDG_CONFIG_HOME": root + "/config"}
    began = time.monotonic()
    status, out, err = run("demo", env=env, patience=30)
    assert status == 0, (status, out, err)
    assert time.monotonic() - began < 10
    lines = out.splitlines()
    assert "encrypted" in lines[0]
    assert any("] echo: Hello!" in line for line in lines), out
    assert any("acknowledged by its disk" in line for line in lines), out
    assert any("you said: are you there?" in line for line in lines), out
    # nothing of it stays, and nothing of one's own was touched
    left = [n for n in os.listdir(root) if n.startswith("sotto-")]
    assert left == [], left
    assert not os.path.exists(root + "/data"), os.listdir(root + "/data")


def echoes(root):
    """Processes of a demo under this folder that still run."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/cmdline" % pid, "rb") as f:
                words = f.read()
            with open("/proc/%s/environ" % pid, "rb") as f:
                mine = root.encode() in f.read()
        except OSError:
            continue
        if b"--echo" in words and mine:
            found.append(int(pid))
    return found


def test_demo_ends_with_its_parent(root):
    env = dict(os.environ, HOME=root, TMPDIR=root, TERM="xterm")
    pid, fd = pty.fork()
    if not pid:
        os.execve(SOTTO, [SOTTO, "demo"], env)
    until = time.monotonic() + 20
    screen = b""
    while b"Hello" not in screen and time.monotonic() < until:
        if select.select([fd], [], [], 0.2)[0]:
            try:
                screen += os.read(fd, 65536)
            except OSError:
                break
    assert b"Hello" in screen, screen[-2000:]
    assert len(echoes(root)) == 1
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    while echoes(root) and time.monotonic() < until:
        time.sleep(0.05)
    assert echoes(root) == []
    os.close(fd)


if __name__ == "__main__":
    sotto.main(globals())
