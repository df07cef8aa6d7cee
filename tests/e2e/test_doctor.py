#!/usr/bin/env python3
"""sotto doctor: what it says of a healthy home and of broken ones, beside an
engine and without one; and that it leaves all as it is."""
import fcntl
import hashlib
import os
import pty
import re
import shutil
import signal
import socket
import sqlite3
import struct
import subprocess
import termios
import time

import sotto
from sotto import Node, SOTTO, free_port, lines_of, main

NOBODY = 65534
CLEAN = {k: v for k, v in os.environ.items()
         if not k.startswith(("SOTTO_", "XDG_")) and
         k not in ("PORT", "LC_ALL", "LC_CTYPE", "LANG", "NO_COLOR")}
CLEAN["LC_ALL"] = "C.UTF-8"


def run(*words, home=None, env=None, **more):
    command = [SOTTO] + (["--home", home] if home else []) + list(words)
    p = subprocess.run(command, stdin=subprocess.DEVNULL, timeout=90,
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                       start_new_session=True, env={**CLEAN, **(env or {})},
                       **more)
    return p.returncode, p.stdout.decode(), p.stderr.decode()


def doctor(home, *options, **more):
    """Exit status and findings; each line is one object."""
    code, out, err = run("doctor", *options, home=home, **more)
    assert not err, err
    found = lines_of(out)
    for f in found:
        assert set(f) == {"v", "check", "level", "text", "do"}, f
        assert f["v"] == 1 and f["level"] in ("ok", "note", "problem"), f
    assert code == any(f["level"] == "problem" for f in found), (code, found)
    return code, found


def want(found, check, level, words):
    for f in found:
        if f["check"] == check and f["level"] == level and words in f["text"]:
            return f
    raise AssertionError("no %s %s with %r in %s" % (
        level, check, words, "\n".join(map(str, found))))


def healthy(found):
    bad = [f for f in found if f["level"] == "problem"]
    assert not bad, bad


def traces(home):
    """All that a look could change: names, times, modes, content."""
    out = {}
    for folder, names, files in os.walk(home):
        st = os.stat(folder)
        out[folder] = (st.st_mtime_ns, st.st_mode, sorted(names + files))
        for name in files:
            path = os.path.join(folder, name)
            st = os.lstat(path)
            data = b""
            if os.path.isfile(path):
                with open(path, "rb") as f:
                    data = f.read()
            out[path] = (st.st_mtime_ns, st.st_mode, st.st_ino,
                         hashlib.sha256(data).hexdigest())
    return out


def used(root, name="ana"):
    """A home that was used once."""
    node = Node(root, name)
    node.end()
    return node.home


def until(what, condition):
    end = time.monotonic() + sotto.PATIENCE
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError("waited in vain: " + what)


# ---- where all is well ----

def test_first__finds_nothing__and_makes_nothing(root):
    home = os.path.join(root, "new")
    code, found = doctor(home)
    assert code == 0
    want(found, "identity", "ok", "nobody yet")
    want(found, "store", "ok", "first start")
    assert not os.path.exists(home)


def test_healthy__every_check__leaves_no_trace(root):
    home = used(root)
    before = traces(home)
    code, found = doctor(home)
    assert code == 0
    checks = {f["check"] for f in found}
    assert checks == {"config", "folders", "files", "identity", "engine",
                      "store", "outbox", "space", "port", "address",
                      "discovery", "peers", "clock", "terminal", "tools",
                      "build"}, checks
    want(found, "engine", "ok", "does not run")
    want(found, "store", "ok", "nothing is damaged")
    want(found, "outbox", "ok", "nothing waits")
    assert traces(home) == before


def test_text__for_people__words_first_and_a_sum_last(root):
    home = used(root)
    with open(os.path.join(home, "peers.txt"), "w") as f:
        f.write("what is that?\n")
    code, out, _ = run("doctor", "--text", home=home)
    assert code == 1
    lines = out.splitlines()
    assert any(re.match(r"ok +engine +sotto does not run", s) for s in lines)
    at = [i for i, s in enumerate(lines) if s.startswith("PROBLEM  peers")]
    assert len(at) == 1 and lines[at[0] + 1].startswith("    "), out
    assert lines[-1] == "1 PROBLEM", out


def test_identity__is_the_one_that_sotto_has(root):
    node = Node(root, "ana")
    node.end()
    _, found = doctor(node.home)
    want(found, "identity", "ok", node.id)


def test_words__that_do_not_belong__usage(root):
    assert run("doctor", "me", home=root)[0] == 2
    assert run("doctor", "--ephemeral")[0] == 2
    assert run("doctor", "--frobnicate", home=root)[0] == 2


# ---- an engine ----

def test_running__beside_an_engine__all_is_told(root):
    ana = Node(root, "ana")
    bob = Node(root, "bob", "--trust-new", "accept")
    ana.done("connect", to=bob.at)
    ana.done("send", to=bob.at, text="before")
    store = os.path.join(ana.home, "sotto.db")
    before = sorted(os.listdir(ana.home))
    code, found = doctor(ana.home)
    assert code == 0
    want(found, "engine", "ok", "(pid %d)" % ana.process.pid)
    want(found, "port", "ok", str(ana.port))
    want(found, "store", "ok", "1 messages with 1 peers")
    want(found, "store", "ok", "nothing is damaged")
    assert sorted(os.listdir(ana.home)) == before and os.path.exists(store)
    ana.done("send", to=bob.at, text="after")
    bob.want(event="message", text="after")
    ana.end()
    bob.end()


def lines(*options):
    p = subprocess.run([SOTTO, "--plain", "--port", "0", "--no-discover",
                        *options], input=b"/doctor\n", env=CLEAN,
                       stdout=subprocess.PIPE, timeout=60)
    return p.stdout.decode()


def test_plain__the_same_lines__one_each(root):
    home = used(root)
    with open(os.path.join(home, "peers.txt"), "w") as f:
        f.write("what is that?\n")
    out = lines("--home", home)
    assert re.search(r"^ok engine: sotto runs .*and answers$", out, re.M), out
    assert re.search(r"^PROBLEM peers: peers.txt:1: .*; correct", out, re.M)
    assert re.search(r"^ok store: checked", lines("--ephemeral"), re.M)
    # a second one, in the process of nobody's engine
    ana = Node(root, "ana", home=home)
    out = lines("--home", home)
    assert "ok engine: sotto runs (pid %d)" % ana.process.pid in out, out
    ana.end()


def test_killed__what_is_left_behind__is_read_and_left(root):
    ana = Node(root, "ana")
    port = free_port()
    ana.ask("connect", to="127.0.0.1:%d" % port)
    for i in range(3):
        ana.done("send", to="127.0.0.1:%d" % port, text="n %d" % i,
                 wait="none")
    ana.kill()
    before = traces(ana.home)
    code, found = doctor(ana.home)
    assert code == 0
    want(found, "engine", "note", "the next one will")
    want(found, "store", "ok", "nothing is damaged")
    want(found, "outbox", "note", "3 for ")
    assert traces(ana.home) == before
    # without the index of its log nothing could be read and left alone
    os.unlink(os.path.join(ana.home, "sotto.db-shm"))
    before = traces(ana.home)
    code, found = doctor(ana.home)
    assert code == 0
    want(found, "store", "note", "lies beside")
    assert traces(ana.home) == before


def stopped(pid):
    tasks = "/proc/%d/task" % pid
    for task in os.listdir(tasks):
        with open(os.path.join(tasks, task, "stat")) as f:
            if f.read().rsplit(")", 1)[1].split()[0] != "T":
                return False
    return True


def test_stopped__an_engine_that_hangs__problem(root):
    ana = Node(root, "ana")
    ana.process.send_signal(signal.SIGSTOP)
    try:
        until("all of it stands still", lambda: stopped(ana.process.pid))
        code, found = doctor(ana.home)
        f = want(found, "engine", "problem", "no engine answers")
        assert "pid %d (sotto)" % ana.process.pid in f["text"], f
        assert "kill %d" % ana.process.pid in f["do"], f
        want(found, "store", "ok", "nothing is damaged")
    finally:
        ana.process.send_signal(signal.SIGCONT)
    ana.end()


def test_lock__somebody_else_has_it__problem_and_who(root):
    home = used(root)
    with open(os.path.join(home, "lock")) as f:
        fcntl.flock(f, fcntl.LOCK_EX)
        _, found = doctor(home)
        f = want(found, "engine", "problem", "no engine answers")
        assert "pid %d" % os.getpid() in f["text"], f
    healthy(doctor(home)[1])


def test_lock__is_not_taken__by_a_look(root):
    """A start is never refused because of a doctor beside it."""
    home = used(root)
    looks = [subprocess.Popen([SOTTO, "doctor", "--home", home],
                              stdout=subprocess.PIPE) for _ in range(4)]
    for _ in range(3):
        Node(root, "ana", home=home).end()
    for p in looks:
        out, _ = p.communicate(timeout=60)
        healthy(lines_of(out.decode()))


# ---- what is broken ----

def test_config__broken__is_told_and_the_rest_looked_at(root):
    home = used(root)
    with open(os.path.join(home, "config.ini"), "w") as f:
        f.write("frobnicate = 1\nport = many\n")
    _, found = doctor(home)
    f = want(found, "config", "problem", "config.ini:2: port")
    assert f["do"], f
    want(found, "config", "note", "frobnicate")
    want(found, "store", "ok", "nothing is damaged")
    assert run("id", home=home)[0] == 10

    os.unlink(os.path.join(home, "config.ini"))
    _, found = doctor(home, env={"SOTTO_PORT": "many"})
    want(found, "config", "problem", "SOTTO_PORT")

    with open(os.path.join(home, "config.ini"), "w") as f:
        f.write("listen = json=192.0.2.9:5000\n")
    _, found = doctor(home)
    want(found, "config", "problem", "--plain-on-network")


def test_home__read_only__problem(root):
    home = used(root)
    options = {}
    program = os.path.join(root, "sotto")
    if os.geteuid() == 0:       # whom no mode holds back
        shutil.copy(SOTTO, program)
        os.chmod(root, 0o755)
        for path in [home] + [os.path.join(home, n)
                              for n in os.listdir(home)]:
            os.chown(path, NOBODY, NOBODY)
        options = {"user": NOBODY, "group": NOBODY, "extra_groups": [],
                   "executable": program}
    os.chmod(home, 0o500)
    before = traces(home)
    _, found = doctor(home, cwd="/", **options)
    f = want(found, "folders", "problem", "cannot be written")
    assert f["do"] == "chmod 700 " + home, f
    want(found, "store", "ok", "nothing is damaged")
    assert traces(home) == before
    _, found = doctor(os.path.join(home, "below"), cwd="/", **options)
    want(found, "folders", "problem", "cannot be made")


def test_modes__too_open__told(root):
    home = used(root)
    os.chmod(home, 0o777)
    os.chmod(os.path.join(home, "identity"), 0o644)
    os.chmod(os.path.join(home, "sotto.db"), 0o644)
    _, found = doctor(home)
    f = want(found, "folders", "problem", "others may put files")
    assert f["do"] == "chmod 700 " + home, f
    want(found, "identity", "problem", "chmod 600")
    want(found, "files", "note", "sotto.db")


def test_identity__damaged__problem(root):
    home = used(root)
    with open(os.path.join(home, "identity"), "r+b") as f:
        f.seek(30)
        f.write(b"x")
    _, found = doctor(home)
    want(found, "identity", "problem", "damaged")


def store_of(home):
    """Its path, when all is in the one file."""
    path = os.path.join(home, "sotto.db")
    db = sqlite3.connect(path)
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    for end in ("-wal", "-shm"):
        if os.path.exists(path + end):
            os.unlink(path + end)
    return path


def test_store__damaged__problem_and_left_alone(root):
    home = used(root)
    path = store_of(home)
    whole = open(path, "rb").read()

    with open(path, "r+b") as f:
        f.write(b"not a database at all")
    before = traces(home)
    _, found = doctor(home)
    f = want(found, "store", "problem", "is damaged")
    assert "mv " + path in f["do"], f
    assert traces(home) == before

    # one page that nothing reads but the check
    with open(path, "wb") as f:
        f.write(whole)
    db = sqlite3.connect("file:%s?mode=ro" % path, uri=True)
    page = db.execute("SELECT rootpage FROM sqlite_schema "
                      "WHERE name = 'tombstone'").fetchone()[0]
    size = db.execute("PRAGMA page_size").fetchone()[0]
    db.close()
    with open(path, "r+b") as f:
        f.seek((page - 1) * size)
        f.write(b"\xa5" * 64)
    _, found = doctor(home)
    want(found, "store", "problem", "is damaged")

    os.truncate(path, 0)
    assert doctor(home)[0] == 0


def test_store__of_somebody_else__problem(root):
    home = used(root)
    path = store_of(home)
    db = sqlite3.connect(path)
    db.execute("PRAGMA user_version = 99")
    db.close()
    _, found = doctor(home)
    want(found, "store", "problem", "newer sotto (version 99")
    os.unlink(path)
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE t(a)")
    db.commit()
    db.close()
    _, found = doctor(home)
    want(found, "store", "problem", "not a store of sotto")
    os.unlink(path)
    os.mkdir(path)
    _, found = doctor(home)
    want(found, "store", "problem", "not a file")


def test_outbox__whom_it_waits_for_and_why(root):
    ana = Node(root, "ana")
    bob = Node(root, "bob", "--trust-new", "accept")
    ana.done("connect", to=bob.at)
    ana.done("rename", peer=bob.at, name="bo\x1b[31mb")
    bob.end()
    ana.done("send", to=bob.id, text="later", wait="none")
    ana.end()
    _, found = doctor(ana.home)
    f = want(found, "outbox", "note", "1 for ")
    assert "\x1b" not in f["text"] and "not reached" in f["text"], f
    path = os.path.join(ana.home, "sotto.db")
    db = sqlite3.connect(path)
    db.execute("UPDATE contact SET petname = 'bob', changed = 1")
    db.commit()
    db.close()
    _, found = doctor(ana.home)
    f = want(found, "outbox", "note", "the key changed")
    assert "sotto trust bob" in f["do"], f


def test_index__behind__note(root):
    ana = Node(root, "ana")
    bob = Node(root, "bob", "--trust-new", "accept")
    ana.done("connect", to=bob.at)
    for i in range(5):
        ana.done("send", to=bob.at, text="n %d" % i)
    ana.end()
    bob.end()
    path = store_of(ana.home)
    db = sqlite3.connect(path)
    last = db.execute("SELECT max(n) FROM message").fetchone()[0]
    db.execute("UPDATE indexed SET upto = ?", (last,))
    db.commit()
    db.close()
    _, found = doctor(ana.home)
    assert not [f for f in found if "index" in f["text"]], found
    db = sqlite3.connect(path)
    db.execute("UPDATE indexed SET upto = ?", (last - 3,))
    db.commit()
    db.close()
    _, found = doctor(ana.home)
    want(found, "store", "note", "the last 3 messages")


# ---- the network ----

def test_port__taken__by_whom(root):
    home = os.path.join(root, "new")
    port = free_port()
    _, found = doctor(home, "--port", str(port))
    want(found, "port", "ok", ":%d is free" % port)
    with socket.socket() as s:
        s.bind(("127.0.0.1", port))
        s.listen()
        _, found = doctor(home, "--port", str(port))
        f = want(found, "port", "problem", "is taken by pid %d" % os.getpid())
        assert "`port`" in f["do"], f
        _, found = doctor(home, "--port", str(port), "--bind", "::1")
        want(found, "port", "ok", "is free")
    with socket.socket(socket.AF_INET6) as s:
        s.bind(("::1", port))
        s.listen()
        _, found = doctor(home, "--listen", "json=[::1]:%d" % port)
        want(found, "port", "problem", "[::1]:%d is taken" % port)
    _, found = doctor(home, "--bind", "192.0.2.77")
    want(found, "port", "problem", "no such address")


def test_address__loopback_only__note(root):
    _, found = doctor(os.path.join(root, "new"), "--bind", "127.0.0.1")
    want(found, "address", "note", "only programs on this machine")


def test_discovery__off__is_as_asked(root):
    _, found = doctor(os.path.join(root, "new"), "--no-discover")
    want(found, "discovery", "ok", "as asked")


def test_peers__lines_that_are_wrong(root):
    home = used(root)
    path = os.path.join(home, "peers.txt")
    with open(path, "w") as f:
        f.write("# those I know\n127.0.0.1:7001\nhost:99999\n"
                "gopher://old:70\n")
    _, found = doctor(home)
    f = want(found, "peers", "problem", "peers.txt:3: a port is")
    assert path in f["do"], f
    want(found, "peers", "problem", "peers.txt:4: gopher://")
    want(found, "peers", "ok", "1 are dialled")
    os.unlink(path)
    os.mkfifo(path)             # which would never end
    _, found = doctor(home)
    want(found, "peers", "problem", "not a file")


# ---- around it ----

def test_clock__files_of_tomorrow__problem(root):
    home = used(root)
    day = time.time() + 86400 + 900
    os.utime(os.path.join(home, "log.txt"), (day, day))
    _, found = doctor(home)
    f = want(found, "clock", "problem", "the clock is behind")
    assert "log.txt" in f["text"] and "24 h" in f["text"], f


def test_clock__set_while_it_runs__note(root):
    ana = Node(root, "ana")
    lock = os.path.join(ana.home, "lock")
    assert not [f for f in doctor(ana.home)[1] if "was set" in f["text"]]
    hours = time.time() - 3 * 3600 - 900
    os.utime(lock, (hours, hours))
    _, found = doctor(ana.home)
    want(found, "clock", "note", "set forward by 3 h")
    ana.end()


def on_terminal(home, rows, cols, **env):
    """What it says of a terminal like that."""
    pid, fd = pty.fork()
    if pid == 0:
        # no signal in between: the size is there when it starts
        os.read(0, 1)
        os.execve(SOTTO, [SOTTO, "doctor", "--home", home, "--json"],
                  {**CLEAN, **env})
    fcntl.ioctl(fd, termios.TIOCSWINSZ,
                struct.pack("HHHH", rows, cols, 0, 0))
    os.write(fd, b"\n")
    out = b""
    while True:
        try:
            data = os.read(fd, 65536)
        except OSError:
            break
        if not data:
            break
        out += data
    os.waitpid(pid, 0)
    os.close(fd)
    return lines_of("".join(s for s in out.decode().splitlines(True)
                            if s.startswith("{")))


def test_terminal__what_it_can(root):
    home = os.path.join(root, "new")
    found = on_terminal(home, 24, 80, TERM="xterm-256color")
    want(found, "terminal", "ok", "xterm-256color, 256 colours")
    want(found, "terminal", "ok", "80 columns, 24 rows")
    found = on_terminal(home, 3, 80, TERM="frobnicate")
    want(found, "terminal", "problem", "frobnicate, which is not known")
    want(found, "terminal", "problem", "80 columns, 3 rows")
    found = on_terminal(home, 24, 80, TERM="dumb")
    want(found, "terminal", "note", "line by line")
    found = on_terminal(home, 24, 80, TERM="xterm", NO_COLOR="1")
    want(found, "terminal", "ok", "without colours")


def test_locale__without_utf8__note(root):
    _, found = doctor(os.path.join(root, "new"), env={"LC_ALL": "C"})
    want(found, "terminal", "note", "no UTF-8")
    _, found = doctor(os.path.join(root, "new"),
                      env={"LC_ALL": "xx_XX.UTF-8"})
    want(found, "terminal", "note", "is not installed")


def test_tools__what_is_missing(root):
    path = os.path.join(root, "bin")
    os.mkdir(path)
    env = {"PATH": path, "EDITOR": "frob -w", "VISUAL": "",
           "BROWSER": "", "DBUS_SESSION_BUS_ADDRESS": "unix:path=/x"}
    _, found = doctor(os.path.join(root, "new"), env=env)
    want(found, "tools", "note", "there is no frob")
    want(found, "tools", "note", "there is no xdg-open")
    want(found, "tools", "note", "there is no notify-send")
    for name in ("frob", "xdg-open", "notify-send"):
        with open(os.path.join(path, name), "w") as f:
            os.fchmod(f.fileno(), 0o755)
    _, found = doctor(os.path.join(root, "new"), env=env)
    assert len([f for f in found if f["check"] == "tools" and
                f["level"] == "ok"]) == 3, found


main(globals())
