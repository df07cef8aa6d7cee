"""The other end of interop.c, over dissononce.

usage: dissononce_peer.py noise|psk|link dial PORT
       dissononce_peer.py noise|psk|link accept       (prints its port)
"""
import json
import socket
import struct
import sys

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from dissononce.cipher.chachapoly import ChaChaPolyCipher
from dissononce.dh.x25519.x25519 import X25519DH
from dissononce.hash.blake2b import Blake2bHash
from dissononce.processing.handshakepatterns.interactive.XX import \
    XXHandshakePattern
from dissononce.processing.impl.cipherstate import CipherState
from dissononce.processing.impl.handshakestate import HandshakeState
from dissononce.processing.impl.symmetricstate import SymmetricState
from dissononce.processing.modifiers.psk import PSKPatternModifier

PSK = b"psk" + bytes(29)
SEED = bytes([7]) * 32
BUCKETS = (64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768, 65519)
WHOLE, PART, LAST, PING, PONG, BYE = 1, 2, 3, 5, 6, 7
FOREVER = struct.pack(">QQ", 0, 2**63 - 1)


class Wire:
    def __init__(self, sock):
        self.sock = sock
        self.file = sock.makefile("rb")

    def put(self, message):
        self.sock.sendall(struct.pack(">H", len(message)) + message)

    def read(self, n):
        data = self.file.read(n)
        if len(data) != n:
            raise EOFError("closed too early")
        return data

    def get(self):
        return self.read(struct.unpack(">H", self.read(2))[0])


class Channel:
    """Noise XX, and what both send after it."""

    def __init__(self, wire, mode, dialling):
        self.wire = wire
        dh = X25519DH()
        static = dh.generate_keypair()
        preface = b"SV\x01" + bytes([mode == "psk"]) + bytes(4)
        if dialling:
            wire.sock.sendall(preface)
        else:
            assert wire.read(8) == preface
        state = HandshakeState(
            SymmetricState(CipherState(ChaChaPolyCipher()), Blake2bHash()),
            dh)
        pattern = XXHandshakePattern()
        psks = None
        if mode == "psk":
            pattern = PSKPatternModifier(0).modify(pattern)
            psks = (PSK,)
        state.initialize(pattern, dialling, b"sotto/1 noise\0" + preface,
                         s=static, psks=psks)
        mine = certificate(static.public.data) if mode == "link" else None
        split = None
        for i, payload in enumerate((b"", b"answer", b"key")):
            if (i % 2 == 0) == dialling:
                out = bytearray()
                split = state.write_message(
                    mine if mine and i else payload, out)
                wire.put(bytes(out))
                continue
            got = bytearray()
            split = state.read_message(wire.get(), got)
            if mode == "link" and i:
                certificate_check(bytes(got), state.rs.data)
            else:
                assert bytes(got) == payload
        self.hash = state.symmetricstate.get_handshake_hash()
        first, second = split
        self.sender = first if dialling else second
        self.receiver = second if dialling else first

    def put(self, data):
        self.wire.put(self.sender.encrypt_with_ad(b"", data))

    def get(self):
        return self.receiver.decrypt_with_ad(b"", self.wire.get())


def certificate(x25519):
    key = ed25519.Ed25519PrivateKey.from_private_bytes(SEED)
    public = key.public_key().public_bytes(
        serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    signed = b"sotto/1 device\0" + public + x25519 + FOREVER
    return public + FOREVER + key.sign(signed)


def certificate_check(c, x25519):
    assert len(c) == 112
    key = ed25519.Ed25519PublicKey.from_public_bytes(c[:32])
    try:
        key.verify(c[48:], b"sotto/1 device\0" + c[:32] + x25519 + c[32:48])
    except InvalidSignature:
        raise AssertionError("the certificate is not signed")


def bare(channel):
    """Hashes, then its echoes, then ours."""
    theirs = channel.get()
    channel.put(channel.hash)
    assert theirs == channel.hash, "the handshake hashes differ"
    echoes, = struct.unpack(">H", channel.get())
    for _ in range(echoes):
        channel.put(channel.get())
    for i in range(echoes):
        text = bytes([i & 255]) * (i % 600)
        channel.put(text)
        assert channel.get() == text


def record_put(channel, kind, body=b""):
    plain = struct.pack(">HB", len(body), kind) + body
    size = next(b for b in BUCKETS if b >= len(plain))
    channel.put(plain.ljust(size, b"\0"))


def record_get(channel):
    plain = channel.get()
    n, kind = struct.unpack(">HB", plain[:3])
    assert len(plain) == next(b for b in BUCKETS if b >= n + 3)
    assert not any(plain[3 + n:])
    return kind, plain[3:3 + n]


def packet_put(channel, data, part=32000):
    parts = [data[i:i + part] for i in range(0, len(data), part)]
    if len(parts) == 1:
        record_put(channel, WHOLE, data)
        return
    for p in parts[:-1]:
        record_put(channel, PART, p)
    record_put(channel, LAST, parts[-1])


def packet_get(channel):
    data = b""
    while True:
        kind, body = record_get(channel)
        assert kind in (WHOLE, PART, LAST)
        data += body
        if kind != PART:
            return data


def conversation(channel):
    data = packet_get(channel)
    first = json.loads(data)
    echoes = int(first["message"])
    for _ in range(echoes):
        packet_put(channel, data)
        data = packet_get(channel)
    assert json.loads(data)["message"] == "\x01" * 16384
    packet_put(channel, data)
    for i in range(echoes):
        mine = dict(first, message="%0*d" % (1 + i % 600, i), seq=i + 1)
        packet_put(channel, json.dumps(mine).encode())
        back = json.loads(packet_get(channel))
        assert back["message"] == mine["message"] and back["seq"] == i + 1
    record_put(channel, PING)
    assert record_get(channel) == (PONG, b"")
    record_put(channel, BYE)


def meet(dialling, port):
    if dialling:
        return socket.create_connection(("127.0.0.1", port))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(listener.getsockname()[1], flush=True)
        return listener.accept()[0]


def main():
    mode, dialling = sys.argv[1], sys.argv[2] == "dial"
    with meet(dialling, int(sys.argv[3]) if dialling else 0) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        channel = Channel(Wire(sock), mode, dialling)
        if mode == "link":
            conversation(channel)
        else:
            bare(channel)


main()
