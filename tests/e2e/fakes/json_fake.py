"""Document 003: one JSON object a datagram, at most 1024 bytes, sent from the
socket that is listened on; every text is acknowledged where it claims to come
from. One flag for all ACKs, as in the original."""
import json
import socket
import threading
import time

STAMP = "Timestamp da mensagem"
REPLY_STAMP = "Timestamp da mensagem de resposta"
ORIGINAL_STAMP = "Timestamp da mensagem original"
ACK_KEYS = ["Ip_origem", "Ip_destino", "Porta_origem", "Porta_destino",
            ORIGINAL_STAMP, REPLY_STAMP, "ACK"]
TEXT_KEYS = ["Ip_origem", "Ip_destino", "Porta_origem", "Porta_destino",
             STAMP, "Mensagem"]
REPLY_KEYS = ["Ip_origem", "Ip_destino", "Porta_origem", "Porta_destino",
              ORIGINAL_STAMP, REPLY_STAMP, "Mensagem original",
              "Mensagem de resposta"]


class Json:
    def __init__(self, port=0, claim=None, acks=True):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", port))
        self.ip, self.port = self.socket.getsockname()
        self.claim = claim or (self.ip, self.port)
        self.acks = acks        # False: hears and says nothing
        self.dead = None
        self.inbox = []
        self.results = []       # ACKs that came
        self.waiting = 0        # texts that wait for one
        self.surplus = 0
        self.raw = []
        self.flag = threading.Event()
        threading.Thread(target=self.receive, daemon=True).start()

    def receive(self):
        try:
            while True:
                self.hear(self.socket.recv(1024))
        except OSError:
            pass
        except Exception as why:
            self.dead = repr(why)

    def hear(self, data):
        self.raw.append(data)
        message = json.loads(data.decode())
        if "ACK" in message:
            assert sorted(message) == sorted(ACK_KEYS), message
            self.results.append(message)
            self.surplus += self.waiting == 0
            self.flag.set()
            return
        to = (message["Ip_origem"], message["Porta_origem"])
        stamp = message[STAMP] if STAMP in message else message[REPLY_STAMP]
        self.inbox.append(message)
        if not self.acks:
            return
        self.put({"Ip_origem": self.ip, "Ip_destino": to[0],
                  "Porta_origem": self.port, "Porta_destino": to[1],
                  ORIGINAL_STAMP: stamp, REPLY_STAMP: time.time(),
                  "ACK": True}, to)

    def put(self, message, to):
        self.socket.sendto(json.dumps(message).encode(), to)

    def text(self, to, text):
        return {"Ip_origem": self.claim[0], "Ip_destino": to[0],
                "Porta_origem": self.claim[1], "Porta_destino": to[1],
                STAMP: time.time(), "Mensagem": text}

    def reply(self, to, text):
        """To the newest text in the inbox, as the menu does it."""
        original = self.inbox[-1]
        return {"Ip_origem": self.claim[0], "Ip_destino": to[0],
                "Porta_origem": self.claim[1], "Porta_destino": to[1],
                ORIGINAL_STAMP: original[STAMP], REPLY_STAMP: time.time(),
                "Mensagem original": original["Mensagem"],
                "Mensagem de resposta": text}

    def send(self, to, message, times=5, pause=5):
        """True: acknowledged."""
        self.waiting += 1
        try:
            for _ in range(times):
                self.flag.clear()
                self.put(message, to)
                if self.flag.wait(pause):
                    return self.results[-1]["ACK"] is True
            return False
        finally:
            self.waiting -= 1

    def close(self):
        self.socket.close()
