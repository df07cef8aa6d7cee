"""As much RSA as the stand-ins need: keys, SubjectPublicKeyInfo in PEM,
textbook, and OAEP with SHA-1. Slow, and safe for nothing."""
import base64
import hashlib
import os
import random

E = 65537
RSA_OID = bytes.fromhex("300d06092a864886f70d0101010500")


def prime(bits):
    while True:
        n = random.getrandbits(bits) | 3 << (bits - 2) | 1
        if all(n % p for p in (3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37)) and \
                n % E != 1 and all(pow(a, n - 1, n) == 1 for a in (2, 3, 5)):
            return n


def der(tag, body):
    n = len(body)
    size = bytes([n]) if n < 128 else \
        bytes([0x80 + (n.bit_length() + 7) // 8]) + \
        n.to_bytes((n.bit_length() + 7) // 8, "big")
    return bytes([tag]) + size + body


def integer(n):
    return der(2, n.to_bytes(n.bit_length() // 8 + 1, "big"))


def read(data):
    """Tag, body, rest."""
    n, at = data[1], 2
    if n & 0x80:
        at += n & 0x7f
        n = int.from_bytes(data[2:at], "big")
    return data[0], data[at:at + n], data[at + n:]


class Public:
    def __init__(self, n):
        self.n = n
        self.size = (n.bit_length() + 7) // 8

    def pem(self):
        key = der(0x30, integer(self.n) + integer(E))
        body = base64.b64encode(der(0x30, RSA_OID +
                                    der(3, b"\0" + key))).decode()
        lines = [body[i:i + 64] for i in range(0, len(body), 64)]
        return "-----BEGIN PUBLIC KEY-----\n%s\n-----END PUBLIC KEY-----" % \
            "\n".join(lines)

    def raw(self, text):
        m = int.from_bytes(text, "big")
        assert m < self.n, "Plaintext too large"
        c = pow(m, E, self.n)
        return c.to_bytes((c.bit_length() + 7) // 8, "big")

    def oaep(self, text):
        assert len(text) <= self.size - 42, "Plaintext is too long."
        zero = bytes(self.size - 42 - len(text))
        block = hashlib.sha1(b"").digest() + zero + b"\1" + text
        seed = os.urandom(20)
        block = xor(block, mgf(seed, len(block)))
        seed = xor(seed, mgf(block, 20))
        m = int.from_bytes(b"\0" + seed + block, "big")
        return pow(m, E, self.n).to_bytes(self.size, "big")


def public(pem):
    lines = pem.strip().split("\n")
    data = base64.b64decode("".join(lines[1:-1]))
    _, info, _ = read(data)
    _, _, bits = read(info)
    _, key, _ = read(bits)
    _, pair, _ = read(key[1:])
    _, n, _ = read(pair)
    return Public(int.from_bytes(n, "big"))


class Private(Public):
    def __init__(self, bits):
        while True:
            p, q = prime(bits // 2), prime(bits // 2)
            if p != q and (p * q).bit_length() == bits:
                break
        super().__init__(p * q)
        self.d = pow(E, -1, (p - 1) * (q - 1))

    def unraw(self, data):
        m = pow(int.from_bytes(data, "big"), self.d, self.n)
        return m.to_bytes((m.bit_length() + 7) // 8, "big")

    def unoaep(self, data):
        if len(data) != self.size:
            raise ValueError("Ciphertext with incorrect length.")
        block = pow(int.from_bytes(data, "big"), self.d,
                    self.n).to_bytes(self.size, "big")
        seed = xor(block[1:21], mgf(block[21:], 20))
        text = xor(block[21:], mgf(seed, len(block) - 21))
        head, text = text[:20], text[20:].lstrip(b"\0")
        if head != hashlib.sha1(b"").digest() or block[0] or text[:1] != b"\1":
            raise ValueError("Incorrect decryption.")
        return text[1:]


def xor(a, b):
    return bytes(x ^ y for x, y in zip(a, b))


def mgf(seed, n):
    out = b"".join(hashlib.sha1(seed + i.to_bytes(4, "big")).digest()
                   for i in range(n // 20 + 1))
    return out[:n]
