"""Document 001: texts that end in a NUL, one request and one reply a
connection, one connection at a time. Any exception of its server's thread
closes its port for good. (It evaluates what it gets as Python; this one only
takes what evaluates to a tuple of bytes.)"""
import ast
import socket
import threading

from . import rsa


class Nul:
    def __init__(self, port=0, key=None):
        self.key = key or rsa.Private(1024)
        self.inbox = []
        self.registered = []
        self.requests = []
        self.dead = None
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(("127.0.0.1", port))
        self.listener.listen(8)
        self.port = self.listener.getsockname()[1]
        self.at = "nul://127.0.0.1:%d" % self.port
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        try:
            while True:
                sock, _ = self.listener.accept()
                with sock:
                    try:
                        self.handle(sock)
                    except ConnectionError:
                        pass    # "Socket error"
        except OSError:
            pass
        except Exception as why:
            self.dead = repr(why)
        self.listener.close()

    def recv(self, sock):
        sock.settimeout(20)
        data = b""
        while b"\0" not in data:
            chunk = sock.recv(1024)
            if not chunk:
                raise ConnectionError
            data += chunk
        return data.rstrip(b"\0").decode("utf-8")

    def handle(self, sock):
        message = self.recv(sock)
        self.requests.append(message)
        if message.lower() == "identify":
            reply = self.key.pem()
        else:
            reply = self.order(message)
        sock.sendall(reply.encode() + b"\0")

    def order(self, message):
        sealed = ast.literal_eval(message)      # eval() there
        if isinstance(sealed, tuple):
            sealed = sealed[0]
        words = self.key.unraw(sealed).decode("utf-8").split(" ")
        action = words[0].lower()
        if action == "register":
            self.registered.append((words[1], int(words[2])))
            return "register %s has been registered." % words[1]
        assert action == "deliver", "unknown action %r" % action
        text = " ".join(words[1:])
        self.inbox.append(text)
        return text + " received OK"

    # what its person does

    def ask(self, to, message):
        with socket.create_connection(to) as sock:
            sock.sendall(message.encode() + b"\0")
            return self.recv(sock)

    def identify(self, to):
        return rsa.public(self.ask(to, "identify"))

    def sealed(self, to, key, text):
        """Lower case, as its client makes all of it."""
        return self.ask(to, repr((key.raw(text.lower().encode()),)))

    def register(self, to):
        self.its = self.identify(to)
        return self.sealed(to, self.its, "register 0.0.0.0 %d" % self.port)

    def deliver(self, to, text):
        return self.sealed(to, self.its, "deliver " + text)

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)    # wakes accept
        self.listener.close()
