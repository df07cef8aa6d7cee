"""What the tests of the built program share: processes that speak the line
protocol, each in a folder of its own, and waiting with a deadline."""
import json
import os
import random
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback

SOTTO = os.environ["SOTTO"]
PATIENCE = 20


def free_port():
    """Below those that the system gives away by itself, so that nobody takes
    it while its owner restarts."""
    while True:
        with socket.socket() as s:
            try:
                s.bind(("", random.randrange(10240, 32768)))
                return s.getsockname()[1]
            except OSError:
                pass


class Lines:
    """Something that takes commands and gives events, one a line."""

    def __init__(self, read_fd, write):
        self.fd = read_fd
        self.write = write
        self.buffer = b""
        self.seen = []      # all events, in order
        self.at = 0         # up to here `want` has looked
        self.refs = 0
        self.over = False
        os.set_blocking(read_fd, False)

    def raw(self, data):
        self.write(data)

    def say(self, **command):
        self.raw(json.dumps(command, ensure_ascii=False).encode() + b"\n")

    def read(self, timeout):
        """Whether something came."""
        if self.over or not select.select([self.fd], [], [], timeout)[0]:
            return False
        try:
            data = os.read(self.fd, 1 << 20)
        except BlockingIOError:
            return False
        if not data:
            self.over = True
            return False
        self.buffer += data
        *whole, self.buffer = self.buffer.split(b"\n")
        self.seen += [json.loads(line.decode()) for line in whole]
        return True

    def find(self, test, since=0, patience=PATIENCE):
        """The first event from `since` on that passes; None when it does not
        come in time."""
        until = time.monotonic() + patience
        while True:
            while since < len(self.seen):
                if test(self.seen[since]):
                    return self.seen[since]
                since += 1
            left = until - time.monotonic()
            if left <= 0 or (self.over and not self.read(0)):
                return None
            self.read(min(left, 1))

    def want(self, since=0, patience=PATIENCE, **fields):
        """As find, by the values of fields; a__b is field b of field a."""
        def same(event):
            for key, value in fields.items():
                v = event
                for part in key.split("__"):
                    v = v.get(part) if isinstance(v, dict) else None
                if v != value:
                    return False
            return True
        event = self.find(same, since, patience)
        if event is None:
            raise AssertionError("nothing like %r among %d events; the last: "
                                 "%.2000s" % (fields, len(self.seen),
                                              self.seen[-3:]))
        return event

    def ask(self, cmd, patience=40, **more):
        """Sends a command; its items and its result."""
        self.refs += 1
        ref = more.pop("ref", "q%d" % self.refs)
        since = len(self.seen)
        self.say(cmd=cmd, ref=ref, **more)
        result = self.want(since, patience, event="result", ref=ref)
        items = [e for e in self.seen[since:]
                 if e["event"] == "item" and e.get("ref") == ref]
        return items, result

    def done(self, cmd, **more):
        """As ask, and the result must be good; the result."""
        _, result = self.ask(cmd, **more)
        assert result["ok"], result
        return result

    def refused(self, code, cmd, **more):
        _, result = self.ask(cmd, **more)
        assert not result["ok"] and result["code"] == code, result
        return result


class Node(Lines):
    """A headless sotto. Its folder stays when it ends."""

    def __init__(self, root, name, *options, home=None, port=0, crash=None):
        environ = dict(os.environ, SOTTO_CRASH=crash) if crash else None
        self.home = home or os.path.join(root, name)
        self.name = name
        self.process = subprocess.Popen(
            [SOTTO, "--headless", "--home", self.home, "--port", str(port),
             "--nick", name, "--no-discover", *options],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0,
            env=environ)
        super().__init__(self.process.stdout.fileno(),
                         self.process.stdin.write)
        self.ready = self.want(event="ready")
        self.port = self.ready["port"]
        self.id = self.ready["id"]
        self.at = "127.0.0.1:%d" % self.port

    def end(self, expect=0):
        if not self.process.stdin.closed:
            self.process.stdin.close()
        return self.gone(expect)

    def gone(self, expect):
        until = time.monotonic() + PATIENCE
        while self.process.poll() is None and time.monotonic() < until:
            self.read(0.05)
        while self.read(0):
            pass
        code = self.process.poll()
        if code is None:
            self.process.kill()
            self.process.wait()
            raise AssertionError("%s did not end" % self.name)
        assert expect is None or code == expect, (code, expect)
        self.process.stdout.close()
        return code

    def kill(self):
        self.process.kill()
        self.gone(-signal.SIGKILL)


class Control(Lines):
    """A connection to control.sock."""

    def __init__(self, home):
        self.socket = socket.socket(socket.AF_UNIX)
        folder = os.open(home, os.O_PATH | os.O_DIRECTORY)
        self.socket.connect("/proc/self/fd/%d/control.sock" % folder)
        os.close(folder)
        super().__init__(self.socket.fileno(), self.send)
        self.ready = self.want(event="ready")

    def send(self, data):
        self.socket.setblocking(True)
        self.socket.sendall(data)
        self.socket.setblocking(False)

    def close(self):
        self.socket.close()


def assert_small(pid):
    """It holds no heap of what could not be written. A sanitizer's memory
    says nothing."""
    with open(SOTTO, "rb") as f:
        program = f.read()
    if b"__asan_init" in program or b"__tsan_init" in program:
        return
    with open("/proc/%d/status" % pid) as f:
        rss = [int(line.split()[1]) for line in f if "VmRSS" in line][0]
    assert rss < 64 << 10, rss


def run(*words, home=None, stdin=b"", patience=60, options=(), env=None):
    """A sub-command: exit status, what it wrote, what it complained."""
    command = [SOTTO, *words, *options]
    if home:
        command[1:1] = ["--home", home]
    p = subprocess.run(command, input=stdin, stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, timeout=patience,
                       env=dict(os.environ, **(env or {})))
    return p.returncode, p.stdout.decode(), p.stderr.decode()


def lines_of(text):
    return [json.loads(line) for line in text.splitlines()]


def main(tests):
    """Runs test_* functions, each with a folder of its own; words on the
    command line choose among them."""
    chosen = [t for n, t in sorted(tests.items()) if n.startswith("test_") and
              (len(sys.argv) == 1 or any(re.search(w, n)
                                         for w in sys.argv[1:]))]
    failed = 0
    for test in chosen:
        root = tempfile.mkdtemp(prefix="sotto-")
        began = time.monotonic()
        running = set(children())
        try:
            test(root)
            print("ok   %-50s %.1f s" % (test.__name__,
                                         time.monotonic() - began))
        except Exception:
            failed += 1
            print("FAIL %s" % test.__name__)
            traceback.print_exc(file=sys.stdout)
        finally:
            for pid in set(children()) - running:
                os.kill(pid, signal.SIGKILL)
            shutil.rmtree(root, ignore_errors=True)
        sys.stdout.flush()
    sys.exit(1 if failed else 0)


def children():
    """Our own child processes that still run."""
    path = "/proc/self/task/%d/children" % os.getpid()
    with open(path) as f:
        return [int(pid) for pid in f.read().split()]
