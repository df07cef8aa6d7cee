#!/usr/bin/env python3
"""Makes the pictures of README.md with the program itself: two people, a few
messages, and the screen as text. usage: SOTTO=build/sotto tests/pictures.py"""
import json
import os
import shutil
import subprocess
import tempfile

SOTTO = os.path.abspath(os.environ.get("SOTTO", "build/sotto"))
ROOT = tempfile.mkdtemp(prefix="sotto-pictures-")
ENV = {**os.environ, "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "HOME": ROOT}


class Peer:
    """Somebody without a screen."""

    def __init__(self, name, port, *words):
        self.run = subprocess.Popen(
            [SOTTO, *(words or ("--headless", "--stay")), "--home",
             os.path.join(ROOT, name), "--nick", name, "--port", str(port),
             "--no-discover"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=ENV)
        self.until("ready")

    def until(self, event, part=""):
        for line in self.run.stdout:
            if json.loads(line)["event"] == event and part in line:
                return json.loads(line)
        raise EOFError(event)

    def do(self, cmd, **more):
        self.run.stdin.write(json.dumps({"cmd": cmd, "ref": "r", **more}) +
                             "\n")
        self.run.stdin.flush()
        return self.until("result", '"r"')

    def end(self):
        self.run.stdin.close()
        self.run.terminate()
        self.run.wait()


def picture(size, keys):
    path = os.path.join(ROOT, "keys")
    with open(path, "w", encoding="utf-8") as f:
        f.write(keys)
    print(subprocess.run(
        [SOTTO, "--home", os.path.join(ROOT, "ana"), "--nick", "ana",
         "--screen", size, "--keys", path], env=ENV, check=True,
        capture_output=True, text=True, timeout=60).stdout)


def center():
    """Somebody is away, and his center keeps what is written to him."""
    home = os.path.join(ROOT, "center")
    os.mkdir(home)
    with open(os.path.join(home, "config.ini"), "w", encoding="utf-8") as f:
        f.write("accounts = open\n")
    here = Peer("center", 6400, "center")
    google, ana = Peer("google", 6331), Peer("ana", 6330)
    for who, name in (google, "google"), (ana, "seas"):
        who.do("login", to="127.0.0.1:6400", user=name, password="sesame")
    ana.do("send", to="google", text="are you there?", wait="none")
    google.until("message")
    google.do("reply", text="until six")
    ana.until("message")
    google.end()
    ana.do("send", to="google", text="then read this tomorrow", wait="none")
    picture("80x9", 'wait "google" : "msg google" Enter wait "⌂"')
    for who in ana, here:
        who.end()


def main():
    ana, bob = Peer("ana", 6327), Peer("bob", 6328)
    carla = Peer("carla", 6329)
    ana.do("connect", to="127.0.0.1:6328")
    ana.do("connect", to="127.0.0.1:6329")
    sent = ana.do("send", to="bob", text="hello bob, how are you?")
    bob.until("message")
    bob.do("reply", reply_to=sent["id"], text="fine, thanks")
    bob.do("send", to="ana",
           text="the disk of the build machine is full again")
    bob.do("send", to="ana", text="have you seen https://example.org/disks ?")
    carla.do("send", to="ana", text="lunch?")
    carla.end()
    ana.do("send", to="carla", text="at one", wait="none")
    picture("80x14", 'wait "carla" Tab wait "online" k k k Enter '
            'wait "example.org" "not yet"')
    picture("80x10", 'wait "carla" : "msg bob" Enter wait "example.org" Esc '
            '/ "DISK" Enter wait "Found"')
    picture("80x10", 'wait "carla" Esc o wait "Outbox"')
    bob.end()
    ana.end()
    shutil.rmtree(os.path.join(ROOT, "ana"))
    center()
    shutil.rmtree(ROOT)


main()
