"""Document 002: its client, as its people run it. It writes a header and a
body apart; it reads a header with one recv and a body with one more; and its
listener is gone for good after a connection without a frame, an empty frame, a
header in two pieces, or an address that is none."""
import socket
import struct
import threading
import time


def frame(text):
    data = text.encode()
    return struct.pack(">I", len(data)) + data


class Gone(Exception):
    """The server closed where an answer was due: the program dies."""


class Person:
    def __init__(self, server, user, host="127.0.0.1", split=False, port=0):
        """server: its port. host: where we come from and listen. split: every
        byte in a segment of its own."""
        self.server = server
        self.user = user
        self.host = host
        self.split = split
        self.token = None
        self.heard = []         # texts that were pushed, in order
        self.known = {}         # whose address we have
        self.dead = None        # why the listener is
        self.beating = False
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind((host, port))
        self.socket.listen(64)
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.listen, daemon=True).start()

    # ---- its listener ----

    def listen(self):
        try:
            while True:
                sock, _ = self.socket.accept()
                with sock:
                    self.take(sock)
        except OSError:
            pass
        except Exception as why:
            self.dead = repr(why)
            self.socket.close()

    def take(self, sock):
        n = struct.unpack(">I", sock.recv(4))[0]    # dies of what is split
        text = sock.recv(n).decode() if n else None
        if text[:3] == "ADR":                       # dies of an empty one
            _, name, host, port = text.split("|")
            self.known[name] = (host, int(port))
        self.heard.append(text)

    def close(self):
        self.beating = False
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.socket.close()

    # ---- what it says ----

    def dial(self, to=None):
        s = socket.create_connection(to or ("127.0.0.1", self.server), 20,
                                     source_address=(self.host, 0))
        s.settimeout(60)
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return s

    def put(self, sock, text):
        data = frame(text)
        if self.split:
            for i in range(len(data)):
                sock.sendall(data[i:i + 1])
                time.sleep(0.001)
        else:
            sock.sendall(data[:4])
            sock.sendall(data[4:])

    def get(self, sock):
        """As recvall there: one recv for the body."""
        head = sock.recv(4)
        if len(head) < 4:
            raise Gone
        return sock.recv(struct.unpack(">I", head)[0]).decode()

    def try_login(self, *passwords, port=None):
        """Each password on one connection; what was answered to each."""
        answers = []
        with self.dial() as s:
            self.put(s, "LIN")
            for password in passwords:
                self.put(s, self.user)
                self.put(s, password)
                answers.append(self.get(s))
                if answers[-1] == "LOGIN_OKAY":
                    self.token = self.get(s)
                    self.put(s, "localhost")
                    self.put(s, str(port or self.port))
                    assert s.recv(1) == b"", "it does not close"
                    break
        return answers

    def login(self, password):
        answers = self.try_login(password)
        assert answers == ["LOGIN_OKAY"], answers
        assert len(self.token) == 10 and not self.token.strip(
            "0123456789abcdef"), self.token
        return self

    def say(self, verb, *words, token=None):
        """Its bar behind ONL, OUT and HEY; only GET has an answer."""
        words = words or ("",)
        with self.dial() as s:
            self.put(s, "|".join([verb, self.user, token or self.token,
                                  *words]))
            if verb == "GET":
                return self.get(s)
            rest = s.recv(1)
            assert rest == b"", rest
        return None

    def beat(self, seconds=20):
        """HEY, until it is told to stop."""
        self.beating = True

        def run():
            try:
                while self.beating:
                    self.say("HEY")
                    time.sleep(seconds)
            except OSError:
                pass        # the center is gone
        threading.Thread(target=run, daemon=True).start()
        return self

    def private(self, name, text):
        with self.dial(self.known[name]) as s:
            self.put(s, "<%s>: %s" % (self.user, text))

    # ---- for a test ----

    def wait(self, text, patience=20, times=1):
        until = time.monotonic() + patience
        while self.heard.count(text) < times:
            assert time.monotonic() < until, (text, self.heard, self.dead)
            time.sleep(0.005)

    def came(self):
        """What was heard since it was asked for last."""
        heard, self.heard = self.heard, []
        return heard
