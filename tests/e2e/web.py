"""What the tests of the page share: a browser that is none."""
import hashlib
import http.client
import json
import os
import re
import select
import socket
import subprocess
import time

from sotto import PATIENCE, SOTTO, run

PAGE = os.path.join(os.path.dirname(SOTTO), "sotto-web")


def built():
    return os.path.exists(PAGE)


class Page:
    """sotto-web by itself, beside an engine in a folder."""

    def __init__(self, home, *options, port=0):
        self.home = home
        self.process = subprocess.Popen(
            [PAGE, "--dir", home, "--port", str(port), *options],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        line = self.process.stdout.readline().decode()
        assert line.startswith("port "), line
        self.port = int(line.split()[1])

    def end(self, expect=0):
        """When its standard input ends it does."""
        if not self.process.stdin.closed:
            self.process.stdin.close()
        code = self.process.wait(PATIENCE)
        self.process.stdout.close()
        assert code == expect, code


def hash_of(token):
    return hashlib.blake2b(token.encode(), digest_size=32).hexdigest()


def link_of(text):
    """Port and token of a link."""
    found = re.search(r"http://127\.0\.0\.1:(\d+)/#([\w-]{43})", text)
    assert found, text
    return int(found[1]), found[2]


def new_link(home):
    """What `sotto web` prints beside a page that is served."""
    code, out, err = run("web", home=home)
    assert code == 0, (code, err)
    return link_of(out)


class Browser:
    """One that is signed in keeps the cookie and says where it comes from."""

    def __init__(self, port, host="127.0.0.1"):
        self.port = port
        self.host = host
        self.name = "[::1]" if host == "::1" else host
        self.origin = "http://%s:%d" % (self.name, port)
        self.cookie = None

    def headers(self, method, more):
        headers = {"Host": "%s:%d" % (self.name, self.port)}
        if self.cookie:
            headers["Cookie"] = self.cookie
        if method == "POST":
            headers["Origin"] = self.origin
            headers["Content-Type"] = "application/json"
        headers.update(more or {})
        return {k: v for k, v in headers.items() if v is not None}

    def ask(self, method, path, body=None, headers=None):
        """Status, headers, bytes."""
        c = http.client.HTTPConnection(self.host, self.port,
                                       timeout=PATIENCE)
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        c.putrequest(method, path, skip_host=True,
                     skip_accept_encoding=True)
        for key, value in self.headers(method, headers).items():
            c.putheader(key, value)
        if body is not None:
            c.putheader("Content-Length", str(len(body)))
        c.endheaders(body)
        answer = c.getresponse()
        data = answer.read()
        c.close()
        return answer.status, answer.headers, data

    def status(self, *args, **more):
        return self.ask(*args, **more)[0]

    def json(self, *args, expect=200, **more):
        status, headers, data = self.ask(*args, **more)
        assert status == expect, (status, data)
        assert headers["Content-Type"] == "application/json", headers
        return json.loads(data)

    def get(self, path, **more):
        return self.json("GET", path, **more)

    def post(self, path, expect=200, headers=None, **fields):
        return self.json("POST", path, fields, expect=expect,
                         headers=headers)

    def sign_in(self, token):
        status, headers, data = self.ask("POST", "/api/login",
                                         {"token": token})
        assert status == 200, (status, data)
        self.cookie = headers["Set-Cookie"].split(";")[0]
        return headers["Set-Cookie"]

    def events(self, last=None):
        return Events(self, last)


class Events:
    """A stream of events, read as a browser would."""

    def __init__(self, browser, last=None):
        self.socket = socket.create_connection((browser.host, browser.port))
        lines = ["GET /api/events HTTP/1.1"]
        more = {} if last is None else {"Last-Event-ID": str(last)}
        for key, value in browser.headers("GET", more).items():
            lines.append("%s: %s" % (key, value))
        self.socket.sendall("\r\n".join(lines + ["", ""]).encode())
        self.buffer = b""
        self.seen = []
        self.last = last
        self.over = False
        head = self.until(b"\r\n\r\n")
        self.status = int(head.split()[1])
        self.chunked = b"chunked" in head
        self.text = b""

    def until(self, end):
        deadline = time.monotonic() + PATIENCE
        while end not in self.buffer:
            if not self.fill(deadline - time.monotonic()):
                raise AssertionError("%r is not there: %.500r" %
                                     (end, self.buffer))
        head, self.buffer = self.buffer.split(end, 1)
        return head

    def fill(self, timeout):
        if self.over or timeout <= 0 or \
                not select.select([self.socket], [], [], timeout)[0]:
            return False
        data = self.socket.recv(1 << 20)
        self.over = not data
        self.buffer += data
        return bool(data)

    def parse(self):
        while b"\r\n" in self.buffer:
            size, rest = self.buffer.split(b"\r\n", 1)
            n = int(size, 16)
            if not n:
                self.over = True
                return
            if len(rest) < n + 2:
                break
            self.text += rest[:n]
            self.buffer = rest[n + 2:]
        *events, self.text = self.text.split(b"\n\n")
        for event in events:
            data = None
            for line in event.decode().split("\n"):
                if line.startswith("id: "):
                    self.last = int(line[4:])
                elif line.startswith("data: "):
                    data = json.loads(line[6:])
            if data is not None:
                self.seen.append(data)

    def find(self, test, since=0, patience=PATIENCE):
        deadline = time.monotonic() + patience
        while True:
            self.parse()
            while since < len(self.seen):
                if test(self.seen[since]):
                    return self.seen[since]
                since += 1
            if not self.fill(deadline - time.monotonic()):
                return None

    def want(self, since=0, patience=PATIENCE, **fields):
        found = self.find(
            lambda e: all(e.get(k) == v for k, v in fields.items()), since,
            patience)
        assert found, "nothing like %r; the last: %.2000s" % (fields,
                                                              self.seen[-3:])
        return found

    def close(self):
        self.socket.close()
