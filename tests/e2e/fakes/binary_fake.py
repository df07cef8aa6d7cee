"""Document 000: a connection a transaction, one recv(1024) a frame and no
loop around it. Its screen dies of an answer it does not expect; so does this.
`drawn` is the layout of the document's diagrams, with 16-bit fields."""
import socket
import struct
import threading

from . import rsa

REGISTER, TEXT, ACK = 1, 2, 3
RECEIVED, UNREGISTERED, INVALID = 1, 2, 3


class Binary:
    def __init__(self, port=0, key=None):
        self.key = key or rsa.Private(2048)
        self.clients = {}       # by IP alone, as there
        self.inbox = []
        self.frames = []
        self.codes = []         # ACKs that came
        self.refused = 0        # texts it closed on without a word
        self.dead = None
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(("127.0.0.1", port))
        self.listener.listen(8)
        self.port = self.listener.getsockname()[1]
        self.at = "binary://127.0.0.1:%d" % self.port
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                sock, (ip, _) = self.listener.accept()
            except OSError:
                return
            try:
                self.handle(sock, ip)
            except Exception as why:
                self.dead = self.dead or repr(why)
            sock.close()

    def recv(self, sock):
        sock.settimeout(20)
        data = sock.recv(1024)
        self.frames.append(data)
        return data

    def register_frame(self):
        pem = self.key.pem().encode()
        return struct.pack(">II", REGISTER, len(pem)) + pem + \
            struct.pack(">H", self.port)

    def parse_register(self, data):
        kind, n = struct.unpack(">II", data[:8])
        if kind != REGISTER or len(data) != 8 + n + 2:
            raise NameError("sender_port")
        return rsa.public(data[8:8 + n].decode()), \
            struct.unpack(">H", data[8 + n:])[0]

    def parse_ack(self, data):
        kind, code = struct.unpack(">II", data)
        assert kind == ACK
        self.codes.append(code)
        return code

    def handle(self, sock, ip):
        data = self.recv(sock)
        kind = struct.unpack(">I", data[:4])[0]   # less ends its loop
        if kind == REGISTER:
            client = self.parse_register(data)
            sock.sendall(self.register_frame())
            if self.parse_ack(self.recv(sock)) == RECEIVED:
                self.clients[ip] = client
        elif kind == TEXT:
            self.hear_text(sock, ip, data)

    def hear_text(self, sock, ip, data):
        if len(data) != 264:
            self.refused += 1
            return
        if ip not in self.clients:
            sock.sendall(struct.pack(">II", ACK, UNREGISTERED))
            self.parse_register(self.recv(sock))
            return              # NameError: host; nobody is registered
        try:
            self.inbox.append(self.key.unoaep(data[8:]).decode())
        except ValueError:
            self.refused += 1
            return
        sock.sendall(struct.pack(">II", ACK, RECEIVED))

    # what its person does

    def register(self, ip, port):
        with socket.create_connection((ip, port)) as sock:
            sock.sendall(self.register_frame())
            try:
                self.clients[ip] = self.parse_register(self.recv(sock))
            except Exception as why:
                self.dead = repr(why)
                raise
            sock.sendall(struct.pack(">II", ACK, RECEIVED))

    def send(self, ip, text, key=None):
        """The code of the answer. An empty answer, or "unregistered", and its
        screen is gone."""
        its, port = self.clients[ip]
        with socket.create_connection((ip, port)) as sock:
            sock.sendall(struct.pack(">II", TEXT, 256) +
                         (key or its).oaep(text.encode()))
            try:
                code = self.parse_ack(self.recv(sock))
                assert code != UNREGISTERED, "NameError: client"
            except Exception as why:
                self.dead = repr(why)
                raise
            return code

    def forget(self):
        """As when it was started again."""
        self.clients.clear()
        self.key = rsa.Private(2048)

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)    # wakes accept
        self.listener.close()
