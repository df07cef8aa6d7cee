#!/usr/bin/env python3
"""How the program starts and ends: exit statuses, one engine an identity,
folders, what is said where."""
# tsan: yes
import functools
import json
import os
import pty
import re
import select
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time

SOTTO = os.environ["SOTTO"]
ROOT = tempfile.mkdtemp(prefix="sotto-start-")
CLEAN = {k: v for k, v in os.environ.items()
         if not k.startswith(("SOTTO_", "XDG_")) and k not in ("PORT",)}
CLEAN["HOME"] = os.path.join(ROOT, "person")
CLEAN["USER"] = "tester"
WAIT = 30


def home(name):
    return os.path.join(ROOT, name)


def run(*args, env=None, stdin=b"", timeout=WAIT):
    done = subprocess.run([SOTTO, *args], input=stdin, timeout=timeout,
                          capture_output=True, env={**CLEAN, **(env or {})})
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def check(what, got, want):
    if got != want:
        sys.exit("%s: %r, not %r" % (what, got, want))


def check_in(what, part, text):
    if part not in text:
        sys.exit("%s: %r is not in %r" % (what, part, text))


def until(what, condition):
    end = time.monotonic() + WAIT
    while time.monotonic() < end:
        got = condition()
        if got:
            return got
        time.sleep(0.01)
    sys.exit("waited in vain: " + what)


class Headless:
    def __init__(self, where, *args, env=None):
        self.ready = os.path.join(ROOT, "ready-%s" % os.path.basename(where))
        if os.path.exists(self.ready):
            os.unlink(self.ready)
        self.process = subprocess.Popen(
            [SOTTO, "--headless", "--home", where, "--ready-file", self.ready,
             "--port", "0", *args], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env={**CLEAN, **(env or {})})
        until("ready file", lambda: os.path.exists(self.ready) or
              self.process.poll() is not None)
        if self.process.poll() is not None:
            sys.exit("ended: %s" % self.process.stderr.read())
        with open(self.ready) as f:
            self.event = json.loads(f.readline())

    def end(self, sig=None):
        if sig:
            self.process.send_signal(sig)
        else:
            self.process.stdin.close()
        try:
            return self.process.wait(WAIT)
        finally:
            self.process.kill()
            self.process.stdout.close()
            self.process.stderr.close()


def usage_and_help():
    code, out, err = run("--help")
    check("--help", (code, err), (0, ""))
    rows = out.splitlines()
    if len(rows) > 24 or max(map(len, rows)) > 80:
        sys.exit("--help does not fit 24 rows of 80 columns")
    check_in("--help", "sotto help options", out)
    code, out, err = run("--version")
    check("--version", (code, err), (0, ""))
    for library in ("sotto 0.1", "ncurses ", "json-c ", "libsodium ",
                    "SQLite ", "utf8proc ", "Not in this version"):
        check_in("--version", library, out)
    for args, part in (
            (["--prot", "1"], "unknown option --prot"),
            (["frobnicate"], "unknown command frobnicate"),
            (["--listen", "json=1"], "a listener as json="),
            (["--port", "80"], "a port is 0 or 1024"),
            ([], "no terminal")):
        code, out, err = run(*args)
        check("status of %s" % args, (code, out), (2, ""))
        check_in("stderr of %s" % args, part, err)
        check("lines of %s" % args, err.count("\n"), 1)
    code, _, err = run("id", env={"SOTTO_PORT": "x"})
    check("bad environment", code, 2)
    check_in("bad environment", "SOTTO_PORT", err)


def configuration():
    where = home("config")
    os.makedirs(where)
    with open(os.path.join(where, "config.ini"), "w") as f:
        f.write("# ours\nnickname = ana\nprot = 1\nbell = loud\n")
    code, _, err = run("--home", where, "id")
    check("bad value", code, 10)
    check_in("bad value", "config.ini:4: bell:", err)
    with open(os.path.join(where, "config.ini"), "w") as f:
        f.write("# ours\nnickname = ana\nprot = 1\n")
    code, out, err = run("--home", where, "--text", "id")
    check("a warning is no error", code, 0)
    check_in("warning", "config.ini:3: unknown key prot", err)
    check_in("nickname", "ana", out)
    code, _, err = run("--home", where, "-q", "id")
    check("quiet", (code, err), (0, ""))


def folders():
    code, _, err = run("id")
    check("id", (code, err), (0, ""))
    data = os.path.join(CLEAN["HOME"], ".local/share/sotto")
    for path, mode in ((data, 0o700),
                       (os.path.join(data, "identity"), 0o600)):
        check(path, stat.S_IMODE(os.stat(path).st_mode), mode)
    _, first, _ = run("--json", "id")
    _, again, _ = run("--json", "id")
    _, other, _ = run("--json", "--profile", "bob", "id")
    ids = [re.search(r"[0-9a-f]{32}", s).group() for s in
           (first, again, other)]
    check("the same person", ids[0], ids[1])
    if ids[0] == ids[2]:
        sys.exit("a profile is somebody else")
    with open(os.path.join(data, "identity"), "r+") as f:
        f.truncate(40)
    code, _, err = run("id")
    check("damaged identity", code, 1)
    check_in("damaged identity", "damaged", err)


def one_engine():
    where = home("one")
    engine = Headless(where, "--stay")
    check("socket", stat.S_IMODE(os.stat(where + "/control.sock").st_mode),
          0o600)
    code, _, err = run("--headless", "--home", where, "--nick", "ana")
    check("second engine", code, 9)
    check_in("second engine", "ana is open", err)
    check_in("second engine", "(pid %d)" % engine.process.pid, err)
    check_in("second engine", "sotto --profile NAME", err)
    code, out, _ = run("--home", where, "--json", "id")
    check("beside the engine", code, 0)
    check_in("beside the engine", engine.event["id"], out)
    check("SIGTERM", engine.end(signal.SIGTERM), 0)
    if os.path.exists(where + "/control.sock"):
        sys.exit("control.sock is left behind")
    # A dead one's socket and lock hold up nobody.
    engine = Headless(where, "--stay")
    engine.process.kill()
    engine.process.wait()
    engine = Headless(where)
    check("end of input", engine.end(), 0)
    engine = Headless(where, "--stay")
    check("SIGINT", engine.end(signal.SIGINT), 130)


def long_folder():
    where = os.path.join(ROOT, "l" * 90, "m" * 60)
    engine = Headless(where, "--stay")
    code, out, err = run("--home", where, "--json", "id")
    check("long path", (code, err), (0, ""))
    check_in("long path", engine.event["id"], out)
    check("end", engine.end(signal.SIGTERM), 0)


def taken_port():
    with socket.socket(socket.AF_INET6) as s:
        s.bind(("::", 0))
        s.listen()
        port = s.getsockname()[1]
        code, _, err = run("--headless", "--home", home("port"), "--port",
                           str(port))
    check("a port that is taken", code, 1)
    check_in("a port that is taken", str(port), err)


def closed_files():
    """Descriptors 0 to 2 that came closed are not the store's."""
    done = subprocess.run(
        ["sh", "-c", 'exec "$0" --home "$1" id <&- >&- 2>&-', SOTTO,
         home("closed")], env=CLEAN, timeout=WAIT)
    check("closed files", done.returncode, 0)
    code, _, err = run("--home", home("closed"), "id")
    check("afterwards", (code, err), (0, ""))


def many_at_once():
    """Eight commands of one identity, none running: all get their turn."""
    where = home("many")
    running = [subprocess.Popen([SOTTO, "--home", where, "--json", "id"],
                                stdout=subprocess.PIPE, env=CLEAN)
               for _ in range(8)]
    ids = set()
    for process in running:
        out, _ = process.communicate(timeout=WAIT)
        check("one of many", process.returncode, 0)
        ids.add(re.search(rb"[0-9a-f]{32}", out).group())
    check("all the same", len(ids), 1)


def ephemeral():
    tmp = home("tmp")
    os.makedirs(tmp)
    code, _, err = run("--ephemeral", "id", env={"TMPDIR": tmp})
    check("ephemeral", (code, err), (0, ""))
    check("nothing is left", os.listdir(tmp), [])


def abandoned():
    """What kill -9 leaves of an ephemeral run is removed by the next one, and
    nothing else that looks like it."""
    tmp = home("abandoned")
    os.makedirs(tmp)
    env = {"TMPDIR": tmp}
    lives = Headless(home("lives"), "--stay", "--ephemeral", "--profile",
                     "bob", env=env)
    stays = set(os.listdir(tmp))
    dies = Headless(home("dies"), "--stay", "--ephemeral", env=env)
    dead = (set(os.listdir(tmp)) - stays).pop()
    dies.end(signal.SIGKILL)
    check_in("what is left", "identity", os.listdir(os.path.join(tmp, dead)))
    copy = functools.partial(shutil.copytree, os.path.join(tmp, dead),
                             ignore=shutil.ignore_patterns("*.sock"))
    for name, mode in (("sotto-other1", 0o700), ("sotto-Open12", 0o755),
                       ("sotto-a_b-cd", 0o700), ("sotto-abcdefg", 0o700)):
        copy(os.path.join(tmp, name))
        os.chmod(os.path.join(tmp, name), mode)
        stays.add(name)
    os.unlink(os.path.join(tmp, "sotto-other1", "ephemeral"))
    copy(home("far"))
    os.chmod(home("far"), 0o700)
    os.symlink(home("far"), os.path.join(tmp, "sotto-linked"))
    os.mkdir(os.path.join(tmp, dead, "below"))
    os.symlink(home("far"), os.path.join(tmp, dead, "below", "link"))
    stays.add("sotto-linked")
    code, _, err = run("--ephemeral", "id", env=env)
    check("id", (code, err), (0, ""))
    check("what stays", set(os.listdir(tmp)), stays)
    check_in("behind a link", "identity", os.listdir(home("far")))
    check("the living one", lives.end(signal.SIGTERM), 0)
    check_in("the living one", "sotto-linked", os.listdir(tmp))
    check("the rest", len(os.listdir(tmp)), len(stays) - 1)


def ready_file():
    """What does not listen is not ready for anybody; where it cannot be
    written it is said."""
    ready = home("ready-no")
    code, _, err = run("--home", home("ready"), "--ready-file", ready, "id")
    check("id", (code, err, os.path.exists(ready)), (0, "", False))
    code, _, err = run("--home", home("ready"), "--ready-file", ready, "recv",
                       "--timeout", "0", "--port", "0")
    check("recv", (code, os.path.exists(ready)), (3, True))
    check("ready is alone", [f for f in os.listdir(ROOT)
                             if f.startswith("ready-no")], ["ready-no"])
    nowhere = os.path.join(home("nowhere"), "ready")
    code, _, err = run("--headless", "--home", home("ready"), "--port", "0",
                       "--ready-file", nowhere)
    check("no such folder", code, 0)
    check_in("no such folder", nowhere + ": No such file", err)


def screen():
    """The screen comes up on a terminal, is ready, and SIGTERM ends it."""
    where, ready = home("screen"), home("ready-screen")
    pid, fd = pty.fork()
    if pid == 0:
        os.environ.clear()
        os.environ.update(CLEAN, TERM="xterm", LANG="C.UTF-8")
        os.execv(SOTTO, [SOTTO, "--home", where, "--port", "0",
                         "--no-discover", "--ready-file", ready])
    seen = b""
    end = time.monotonic() + WAIT
    while b"tester" not in seen and time.monotonic() < end:
        if select.select([fd], [], [], 1)[0]:
            seen += os.read(fd, 65536)
    if b"tester" not in seen:
        os.kill(pid, signal.SIGKILL)
        sys.exit("no screen: %r" % seen[-500:])
    with open(ready) as f:
        event = json.loads(f.read())
    check("who is ready", (event["event"], event["pid"]), ("ready", pid))
    code, out, _ = run("--home", where, "--json", "id")
    check("beside the screen", code, 0)
    check_in("beside the screen", event["id"], out)
    check_in("beside the screen", ":%d\"" % event["port"], out)
    os.kill(pid, signal.SIGTERM)
    while True:
        try:
            if not os.read(fd, 65536):
                break
        except OSError:
            break
    _, status = os.waitpid(pid, 0)
    check("SIGTERM on the screen", os.waitstatus_to_exitcode(status), 0)


def main():
    os.makedirs(CLEAN["HOME"])
    try:
        for test in (usage_and_help, configuration, folders, one_engine,
                     long_folder, taken_port, closed_files, many_at_once,
                     ephemeral, abandoned, ready_file, screen):
            print(test.__name__, flush=True)
            test()
    finally:
        shutil.rmtree(ROOT, ignore_errors=True)


main()
