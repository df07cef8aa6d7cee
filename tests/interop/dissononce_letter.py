"""Letters there and back between proto/letter.c and dissononce.

usage: dissononce_letter.py LETTER-PROGRAM
"""
import hashlib
import struct
import subprocess
import sys

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from dissononce.cipher.chachapoly import ChaChaPolyCipher
from dissononce.dh.x25519.private import PrivateKey
from dissononce.dh.x25519.public import PublicKey
from dissononce.dh.x25519.x25519 import X25519DH
from dissononce.hash.blake2b import Blake2bHash
from dissononce.processing.handshakepatterns.oneway.X import XHandshakePattern
from dissononce.processing.impl.cipherstate import CipherState
from dissononce.processing.impl.handshakestate import HandshakeState
from dissononce.processing.impl.symmetricstate import SymmetricState

FIRST, PIECE, STEP = 65439, 65519, 32768
FOREVER = struct.pack(">QQ", 0, 2**63 - 1)


def derive(seed, context, number):
    """libsodium's crypto_kdf: BLAKE2b with the number as salt."""
    return hashlib.blake2b(b"", digest_size=32, key=seed,
                           salt=struct.pack("<QQ", number, 0),
                           person=context.ljust(16, b"\0")).digest()


class Person:
    def __init__(self, first):
        seed = bytes(range(first, first + 32))
        self.sign = ed25519.Ed25519PrivateKey.from_private_bytes(
            derive(seed, b"sottosig", 1))
        self.public = self.sign.public_key().public_bytes(
            serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        self.noise = X25519DH().generate_keypair(
            PrivateKey(derive(seed, b"sottonoi", 0)))

    def certificate(self):
        signed = (b"sotto/1 device\0" + self.public + self.noise.public.data +
                  FOREVER)
        return self.public + FOREVER + self.sign.sign(signed)


def handshake():
    return HandshakeState(
        SymmetricState(CipherState(ChaChaPolyCipher()), Blake2bHash()),
        X25519DH())


def padded(n):
    to = 256
    while to < n:
        to += min(to, STEP)
    return to


ANA, BOB = Person(0), Person(32)
PREKEY = X25519DH().generate_keypair(PrivateKey(bytes(range(64, 96))))
PROLOGUE = b"sotto/1 sealed\0" + BOB.public + struct.pack(">I", 5)


def seal(text):
    inner = ANA.certificate() + struct.pack(">I", len(text)) + text
    inner = inner.ljust(padded(len(inner)), b"\0")
    state, first = handshake(), bytearray()
    state.initialize(XHandshakePattern(), True, PROLOGUE, s=ANA.noise,
                     rs=PublicKey(PREKEY.public.data))
    ciphers = state.write_message(inner[:FIRST], first)
    out = struct.pack(">I", 5) + bytes(first)
    for at in range(FIRST, len(inner), PIECE):
        out += ciphers[0].encrypt_with_ad(b"", inner[at:at + PIECE])
    return out


def unseal(letter):
    assert letter[:4] == struct.pack(">I", 5)
    letter = letter[4:]
    state, inner = handshake(), bytearray()
    state.initialize(XHandshakePattern(), False, PROLOGUE, s=PREKEY)
    ciphers = state.read_message(letter[:65535], inner)
    for at in range(65535, len(letter), 65535):
        inner += ciphers[0].decrypt_with_ad(b"", letter[at:at + 65535])
    assert state.rs.data == ANA.noise.public.data
    assert bytes(inner[:32]) == ANA.public
    n = struct.unpack(">I", inner[112:116])[0]
    assert len(inner) == padded(116 + n)
    assert not any(inner[116 + n:])
    return bytes(inner[116:116 + n])


def run(word, data):
    return subprocess.run([sys.argv[1], word], input=data, check=True,
                          capture_output=True, timeout=60).stdout


for size in (0, 1, 140, 141, 16384, 65323, 65324, 131072):
    words = bytes(i * 31 >> 3 & 255 for i in range(size))
    assert unseal(run("write", words)) == words, "theirs of ours: %d" % size
    assert run("read", seal(words)) == words, "ours of theirs: %d" % size
print("letters: 8 lengths both ways")
