"""Document 002: its center, and a client of it. Both read a header with one
recv and a body with one more, whatever came of it; what is said after that is
lost. A client's listener dies of a connection without a frame."""
import hashlib
import socket
import struct
import threading
import time

USERS = {"columbia": "116bway", "seas": "summerisover",
         "google": "hasglasses", "foobar": "passpass"}


def frame(text):
    data = text.encode()
    return struct.pack(">I", len(data)) + data


def recv_frame(sock):
    """None: an empty one. As there: one recv each."""
    header = sock.recv(4)
    n = struct.unpack(">I", header)[0]      # struct.error when it is split
    data = sock.recv(n) if n else b""
    return data.decode() if data else None


def listener(port=0):
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("127.0.0.1", port))
    s.listen(16)
    return s


class Center:
    def __init__(self, pen=60):
        self.socket = listener()
        self.port = self.socket.getsockname()[1]
        self.at = "center://127.0.0.1:%d" % self.port
        self.pen = pen
        self.tokens = {}
        self.where = {}         # online: host, port
        self.beats = {}
        self.kept = {}
        self.blocked = {}
        self.failures = {}
        self.penned = {}
        self.requests = []
        self.problems = []      # of threads that died
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                sock, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.handle, args=(sock,),
                             daemon=True).start()

    def handle(self, sock):
        sock.settimeout(20)
        try:
            text = recv_frame(sock)
            if text == "LIN":
                self.login(sock)
            else:
                self.request(sock, text)
        except Exception as why:
            self.problems.append(repr(why))     # and its socket stays open
            return
        sock.close()

    def login(self, sock):
        while True:
            user, password = recv_frame(sock), recv_frame(sock)
            left = self.penned.get(user, 0) - time.monotonic()
            if left > 0:
                sock.sendall(frame("PENNED|%s" % left))
            elif USERS.get(user) == password and password:
                break
            else:
                self.failures[user] = self.failures.get(user, 0) + 1
                if self.failures[user] == 3:
                    self.failures[user] = 0
                    self.penned[user] = time.monotonic() + self.pen
                    sock.sendall(frame("JUST_PENNED|%s" % float(self.pen)))
                else:
                    sock.sendall(frame("LOGIN_FAILED|%d" %
                                       (3 - self.failures[user])))
        token = hashlib.sha1(str(time.time()).encode()).hexdigest()[:10]
        sock.sendall(frame("LOGIN_OKAY"))
        sock.sendall(frame(token))
        host, port = recv_frame(sock), int(recv_frame(sock))
        if user in self.where:
            self.push(user, "Logged on different location!")
        self.tokens[user] = token
        self.where[user] = (host, port)
        self.beats[user] = time.monotonic()
        sock.close()
        if self.kept.get(user):
            self.push(user, "While you were away...\n" +
                      "".join(self.kept.pop(user)) + "\n")
        for one in list(self.where):
            self.push(one, "%s has logged on." % user)

    def push(self, user, text):
        """Header and body apart, as there."""
        try:
            with socket.create_connection(self.where[user], 5) as s:
                data = text.encode()
                s.sendall(struct.pack(">I", len(data)))
                s.sendall(data)
        except OSError:
            self.kept.setdefault(user, []).append(text)

    def request(self, sock, text):
        self.requests.append(text)
        kind, user, token, *rest = text.split("|")
        if self.tokens.get(user) != token:
            return                  # "not real"
        if kind == "MSG":
            self.message(user, rest[0], rest[1])
        elif kind == "BRD":
            for one in list(self.where):
                self.push(one, "[%s]: %s" % (user, rest[0]))
        elif kind == "ONL":
            self.push(user, "[CURRENTLY ONLINE]: %s " %
                      " ".join(sorted(self.where)))
        elif kind == "BLC":
            one = self.blocked.setdefault(user, set())
            (one.add if rest[0] == "1" else one.discard)(rest[1])
            self.push(user, "You have %sblocked %s" %
                      ("" if rest[0] == "1" else "un", rest[1]))
        elif kind == "OUT":
            self.where.pop(user)
            for one in list(self.where):
                self.push(one, "%s is offline." % user)
        elif kind == "GET":
            who = rest[0]
            if who in self.where and user not in self.blocked.get(who, ()):
                self.push(who, "Request: %s wants your address. "
                          "[allow %s] to accept." % (user, user))
                sock.sendall(frame("OKAY"))
            else:
                sock.sendall(frame("FAIL"))
        elif kind == "ALL":
            if rest[0] in self.where:
                self.push(rest[0], "ADR|%s|%s|%d" %
                          (user, *self.where[user]))
            else:
                self.push(user, "%s has gone offline. Please allow access "
                          "when they are online again." % rest[0])
        elif kind == "HEY":
            self.beats[user] = time.monotonic()

    def message(self, user, to, text):
        if user in self.blocked.get(to, ()):
            self.push(user, "Your message could not be delivered as the "
                      "recipient has blocked you.")
        elif to in self.where:
            self.push(to, "[%s]: %s" % (user, text))
        else:
            self.kept.setdefault(to, []).append("[%s]: %s" % (user, text))
            self.push(user, "The recipient is offline. Messages will be "
                      "delivered when they log on again.")

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


class Client:
    """A person's program: logs in, hears, says."""

    def __init__(self, center, user):
        self.center = center
        self.user = user
        self.socket = listener()
        self.port = self.socket.getsockname()[1]
        self.heard = []
        self.dead = None
        threading.Thread(target=self.listen, daemon=True).start()
        with socket.create_connection(("127.0.0.1", center.port)) as s:
            s.sendall(frame("LIN") + frame(user) + frame(USERS[user]))
            assert recv_frame(s) == "LOGIN_OKAY"
            self.token = recv_frame(s)
            s.sendall(frame("127.0.0.1") + frame(str(self.port)))
            s.recv(1)

    def listen(self):
        try:
            while True:
                sock, _ = self.socket.accept()
                with sock:
                    sock.settimeout(20)
                    text = recv_frame(sock)
                    if text[:3] == "ADR":
                        _, name, host, port = text.split("|")
                        self.peer = (name, host, int(port))
                    self.heard.append(text)
        except OSError:
            pass
        except Exception as why:
            self.dead = repr(why)

    def say(self, *words):
        with socket.create_connection(("127.0.0.1", self.center.port)) as s:
            s.sendall(frame("|".join([words[0], self.user, self.token,
                                      *words[1:]])))
            try:
                return recv_frame(s)
            except struct.error:
                return None

    def private(self, text):
        with socket.create_connection(self.peer[1:]) as s:
            s.sendall(frame("<%s>: %s" % (self.user, text)))
