#!/usr/bin/env python3
"""Two hosts on one network, in namespaces of their own: the beacon shows each
to the other without a word typed. Needs root and iproute2, else skipped."""
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time

SOTTO = os.environ["SOTTO"]
NAMES = ["sotto-lan-%d-%d" % (os.getpid(), i) for i in (1, 2)]


def ip(*words):
    return subprocess.run(["ip", *words], stderr=subprocess.PIPE).returncode


def network():
    """Two namespaces and a cable; False: not allowed here."""
    for name in NAMES:
        if ip("netns", "add", name):
            return False
    if ip("link", "add", "lan1", "netns", NAMES[0], "type", "veth",
          "peer", "name", "lan2", "netns", NAMES[1]):
        return False
    for i, name in enumerate(NAMES, 1):
        inside = ["-n", name]
        if (ip(*inside, "addr", "add", "10.77.0.%d/24" % i, "dev",
               "lan%d" % i) or
                ip(*inside, "link", "set", "lan%d" % i, "up") or
                ip(*inside, "link", "set", "lo", "up")):
            return False
    return True


def start(name, home, nick):
    return subprocess.Popen(
        ["ip", "netns", "exec", name, SOTTO, "--headless", "--home", home,
         "--nick", nick, "--discover", "all"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def events(process, until):
    """Events as they come; the lines are cut here, so that select sees all
    that has not been read."""
    pending = b""
    while time.monotonic() < until:
        if not select.select([process.stdout], [], [], 1)[0]:
            continue
        data = os.read(process.stdout.fileno(), 65536)
        if not data:
            sys.exit("it ended")
        *lines, pending = (pending + data).split(b"\n")
        yield from (json.loads(line) for line in lines)


def await_peer(process, nick, until):
    """Reads events until that peer is online; its event."""
    for event in events(process, until):
        if (event["event"] == "peer" and event["peer"]["nick"] == nick and
                event["peer"]["state"] == "online"):
            return event
    sys.exit("%s was not seen" % nick)


def main():
    if os.geteuid() or not shutil.which("ip"):
        print("skipped: needs root and iproute2")
        sys.exit(77)
    root = tempfile.mkdtemp(prefix="sotto-lan-")
    running = []
    try:
        if not network():
            print("skipped: network namespaces are not allowed here")
            sys.exit(77)
        for i, name in enumerate(NAMES):
            running.append(start(name, os.path.join(root, str(i)),
                                 "ana" if i == 0 else "bob"))
        until = time.monotonic() + 30
        seen = await_peer(running[0], "bob", until)
        await_peer(running[1], "ana", until)
        if not seen["peer"]["addr"].startswith("10.77.0.2"):
            sys.exit("an address of another network: %s" % seen)
        print("both saw each other on the network")
    finally:
        for process in running:
            process.kill()
            process.wait()
        for name in NAMES:
            ip("netns", "del", name)
        shutil.rmtree(root, ignore_errors=True)


main()
