"""Document 004: a connection a pair, one recv(4096) a packet, texts in blocks
of 4096 bytes with scraps behind their NUL. It stops dead where the original
does: at a connection that says nothing, at values that are too long, and it
presents the introducer's name to those it was told of."""
import os
import select
import socket
import threading
import time

BLOCK = 4096


def percent(text):
    return "".join(c if c.isalnum() and c.isascii() or c in "-_.!~*'()"
                   else "".join("%%%02X" % b for b in c.encode())
                   for c in text)


def unpercent(text):
    out, i = bytearray(), 0
    while i < len(text):
        if text[i] == 37:
            out.append(int(text[i + 1:i + 3], 16))
            i += 3
        else:
            out.append(text[i])
            i += 1
    return out.decode()


class Frozen(Exception):
    pass


class Peer:
    def __init__(self, sock, fields, ip, port):
        self.socket = sock
        self.id = fields["id"]
        self.nick = fields.get("nickname")
        self.at = (ip, port)
        self.texts = []


class Mesh:
    def __init__(self, name, peers=(), port=0, follow=True, slow=0):
        self.id = (name + "58charsOfBase")[:15] + "K"
        self.nick = name
        self.follow = follow
        self.slow = slow        # seconds before it reads a reply
        self.dead = None
        self.list = []
        self.raw = []           # all packets, as one recv gave them
        self.handshakes = []
        self.errors = []
        self.lock = threading.Lock()
        self.over = False
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(("127.0.0.1", port))
        self.listener.listen(16)
        self.port = self.listener.getsockname()[1]
        self.at = "mesh://127.0.0.1:%d" % self.port
        self.orders = list(peers)
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        try:
            while not self.over:
                while self.orders:
                    self.connect(("127.0.0.1", self.orders.pop(0)),
                                 self.id, self.port, self.nick)
                self.turn()
        except Exception as why:
            self.dead = repr(why)
        for peer in self.list:
            peer.socket.close()
        self.listener.close()

    def turn(self):
        """As select is called there: with all that are in the list."""
        with self.lock:
            socks = {p.socket: p for p in self.list}
        ready = select.select([self.listener, *socks], [], [], 0.02)[0]
        for sock in ready:
            if sock is self.listener:
                self.accept()
            else:
                self.hear(socks[sock])

    def recv(self, sock):
        """Blocks the whole program."""
        sock.settimeout(2)
        try:
            data = sock.recv(BLOCK)
        except socket.timeout:
            raise Frozen("a peer that says nothing")
        self.raw.append(data)
        return data

    def parse(self, data, longest):
        text = data.split(b"\0")[0]
        if text.startswith(b"@"):
            text = text[1:]
        fields = {}
        for pair in text.split(b"&"):
            key, _, value = pair.partition(b"=")
            value = value.split()[0] if value.split() else b"true"
            assert len(key) <= 64 and len(value) < longest, "it aborts"
            fields[key.decode("latin-1")] = value.decode("latin-1")
        return fields

    def handshake(self, my_id, port, nick):
        return "@id=%s&port=%d&version=1.2&nickname=%s" % (my_id, port, nick)

    def check(self, fields):
        assert len(fields.get("id", "")) <= 32, "strcpy into id[33]"
        assert len(fields.get("nickname", "")) <= 29, "strcpy into nick[30]"
        self.handshakes.append(fields)
        if "id" not in fields and "port" not in fields:
            return "INVALID_RESPONSE"
        if "id" not in fields:
            return "ID_NOT_FOUND"
        if "port" not in fields:
            return "PORT_NOT_FOUND"
        with self.lock:
            if any(p.id == fields["id"] for p in self.list):
                return "ID_TAKEN"
        return None

    def add(self, sock, fields, ip):
        with self.lock:
            self.list.append(Peer(sock, fields, ip, int(fields["port"])))

    def accept(self):
        sock, (ip, _) = self.listener.accept()
        data = self.recv(sock)
        assert data, "connected to and left"
        fields = self.parse(data, 1024)
        error = self.check(fields)
        if error:
            sock.sendall(b"@valid=false&error=" + error.encode())
            sock.close()
            return
        reply = self.handshake(self.id, self.port, self.nick)
        with self.lock:
            known = ["%s:%d" % p.at for p in self.list]
        if known:
            reply += "&peers=" + ",".join(known)
        self.add(sock, fields, ip)
        sock.sendall(reply.encode())

    def connect(self, to, my_id, port, nick):
        sock = socket.socket()
        try:
            sock.connect(to)
        except OSError:
            return
        sock.sendall(self.handshake(my_id, port, nick).encode())
        time.sleep(self.slow)
        fields = self.parse(self.recv(sock), 1024)
        if fields.get("valid") == "false":
            self.errors.append(fields["error"])
            sock.close()
            return
        error = self.check(fields)
        if error:
            sock.close()
            return
        self.add(sock, fields, to[0])
        if not self.follow:
            return
        for one in fields.get("peers", "").split(","):
            ip, _, its = one.partition(":")
            if its and (ip, int(its)) not in [p.at for p in self.list] and \
                    int(its) != self.port:
                self.connect((ip, int(its)), fields["id"],
                             int(fields["port"]), fields.get("nickname", ""))

    def hear(self, peer):
        data = self.recv(peer.socket)
        if not data:
            peer.socket.close()
            with self.lock:
                self.list.remove(peer)
            return
        fields = self.parse(data, 2000)
        if "message" in fields:
            peer.texts.append(unpercent(fields["message"].encode("latin-1")))

    def peer(self, my_id):
        with self.lock:
            return next((p for p in self.list if p.id == my_id), None)

    def say(self, peer, text):
        """What lies behind the NUL was said to somebody else."""
        scraps = (b"@message=an%20older%20secret\0" + os.urandom(64)) * 50
        block = b"@message=" + percent(text).encode() + b"\0"
        peer.socket.sendall((block + scraps)[:BLOCK])

    def close(self):
        self.over = True
