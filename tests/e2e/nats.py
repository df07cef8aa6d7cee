"""A nats-server of the test's own: on ports of loopback, in a folder of its
own. And centers of several nodes on it."""
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time

from sotto import PATIENCE, SOTTO, Node, free_port, run


def program():
    return (shutil.which("nats-server") or
            shutil.which("nats-server", path="/usr/sbin:/usr/local/sbin"))


def here_or_skip():
    """Ends the test with a word when there is nothing to test."""
    if not program():
        print("nats-server is not installed")
        sys.exit(77)
    _, _, words = run("center", options=[
        "--ephemeral", "--backend", "nats://127.0.0.1:%d" % free_port()])
    if "without NATS" in words or "libnats" in words:
        print(words.strip())
        sys.exit(77)


class Server:
    def __init__(self, root, name="nats", more="", whole=None):
        """more: of its configuration; whole: all of it, by its port and its
        folder."""
        self.folder = os.path.join(root, name)
        self.more = more
        self.whole = whole
        self.port = free_port()
        self.process = None
        os.makedirs(self.folder)
        self.start()

    def start(self):
        path = os.path.join(self.folder, "nats.conf")
        with open(path, "w") as f:
            f.write(self.whole(self.port, self.folder) if self.whole else
                    'listen: "127.0.0.1:%d"\nlog_file: "%s/log"\n'
                    'jetstream { store_dir: "%s/store" }\n%s\n' %
                    (self.port, self.folder, self.folder, self.more))
        self.process = subprocess.Popen(
            [program(), "-c", path], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until = time.monotonic() + PATIENCE
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                assert self.process.poll() is None, "nats-server has ended"
                assert time.monotonic() < until, "nats-server does not listen"
                time.sleep(0.02)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def ask(self, subject, request=""):
        """One question in the servers' own words, and its answer; {}: none,
        as while they elect somebody who would know."""
        try:
            return self.asked(subject, request)
        except OSError:
            return {}

    def asked(self, subject, request):
        with socket.create_connection(("127.0.0.1", self.port), 2) as s:
            f = s.makefile("rwb")
            f.readline()
            f.write(("CONNECT {\"verbose\":false}\r\nSUB answer 1\r\n"
                     "PUB %s answer %d\r\n%s\r\n" %
                     (subject, len(request), request)).encode())
            f.flush()
            while True:
                line = f.readline()
                assert line, subject
                if line.startswith(b"MSG"):
                    return json.loads(f.read(int(line.split()[-1])).decode())

    def halt(self):
        """It lives, and answers nobody."""
        os.kill(self.process.pid, signal.SIGSTOP)

    def go_on(self):
        os.kill(self.process.pid, signal.SIGCONT)


def three(root):
    """Servers that each have everything; and their hosts."""
    route = [free_port() for _ in range(3)]
    servers = [Server(root, "nats%d" % i, """
server_name: n%d
cluster { name: three, listen: "127.0.0.1:%d", routes: [%s] }""" % (
        i, route[i], ", ".join('"nats://127.0.0.1:%d"' % r for r in route
                               if r != route[i]))) for i in range(3)]
    return servers, ",".join("127.0.0.1:%d" % s.port for s in servers)


class Center(Node):
    """One node of a center. Those of one center have one identity: that of
    the first, which is copied."""

    def __init__(self, root, name, backend, like=None, port=0, config="",
                 patience=PATIENCE):
        self.home = os.path.join(root, name)
        self.name = name
        if not os.path.exists(self.home):
            os.makedirs(self.home, 0o700)
            if like:
                shutil.copy(os.path.join(like.home, "identity"), self.home)
            with open(os.path.join(self.home, "config.ini"), "w") as f:
                f.write("accounts = open\nnode = %s\nbackend = %s\n%s" % (
                    name, backend, config))
        until = time.monotonic() + patience
        while not self.open(port):
            assert time.monotonic() < until, "the center does not start"
            time.sleep(0.2)
        self.port = self.ready["port"]
        self.id = self.ready["id"]
        self.at = "127.0.0.1:%d" % self.port

    def open(self, port):
        """False: it ended at once, as when the servers are not ready."""
        self.process = subprocess.Popen(
            [SOTTO, "center", "--home", self.home, "--port", str(port),
             "--bind", "127.0.0.1"], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, bufsize=0)
        super(Node, self).__init__(self.process.stdout.fileno(),
                                   self.process.stdin.write)
        self.ready = self.find(lambda e: e["event"] == "ready")
        if not self.ready:
            self.process.kill()
            self.process.wait()
            self.process.stdout.close()
        return self.ready is not None

    def end(self, expect=0):
        assert self.process.poll() is None, (self.name, self.process.poll())
        self.done("quit")
        return super().end(expect)
