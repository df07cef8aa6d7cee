#!/usr/bin/env python3
"""The unit for systemd: it names a program that is there and options that it
has, and what it starts works."""
import configparser
import os
import re
import shlex
import shutil
import signal
import subprocess
import time

import sotto
from sotto import PATIENCE, SOTTO

BUILD = os.path.dirname(os.path.realpath(SOTTO))


def install(root):
    prefix = os.path.join(root, "a prefix")
    subprocess.run(["cmake", "--install", BUILD, "--prefix", prefix],
                   check=True, stdout=subprocess.DEVNULL)
    return prefix, os.path.join(prefix, "lib/systemd/user/sotto.service")


def service(path):
    unit = configparser.ConfigParser(interpolation=None, strict=True)
    unit.optionxform = str
    unit.read(path)
    return unit["Service"]


def names(topic):
    """What `sotto help TOPIC` explains."""
    _, out, _ = sotto.run("help", topic)
    return {line.split()[0].rstrip(",") for line in out.splitlines()
            if line.split()}


def test_what_it_names_is_there(root):
    prefix, path = install(root)
    unit = service(path)
    program, *options = shlex.split(unit["ExecStart"])
    assert program == os.path.join(prefix, "bin/sotto"), program
    assert os.access(program, os.X_OK), program
    assert options and not set(options) - names("options"), options
    exits = unit["RestartPreventExitStatus"].split()
    assert exits and not set(exits) - names("exit"), exits
    with open(path) as f:
        assert not re.search(r"@\w+@", f.read().replace("@system-service", ""))


def test_what_it_starts_works(root):
    _, path = install(root)
    unit = service(path)
    assert (unit["StandardInput"], unit["StandardOutput"]) == ("null", "null")
    ready = os.path.join(root, "ready")
    home = os.path.join(root, "ana")
    with open(os.devnull, "r+b") as null:
        process = subprocess.Popen(
            [*shlex.split(unit["ExecStart"]), "--home", home, "--port", "0",
             "--no-discover", "--ready-file", ready], stdin=null, stdout=null)
    until = time.monotonic() + PATIENCE
    while not os.path.exists(ready):
        assert process.poll() is None and time.monotonic() < until
        time.sleep(0.01)
    code, out, err = sotto.run("--json", "id", home=home)
    assert code == 0 and sotto.lines_of(out), err
    process.send_signal(signal.SIGTERM)       # as systemctl stop does
    assert process.wait(PATIENCE) == 0


def test_systemd_reads_it(root):
    tool = shutil.which("systemd-analyze")
    if not tool:
        print("     no systemd-analyze here")
        return
    _, path = install(root)
    words = [tool, "verify", "--user", "--man=no", path]
    env = dict(os.environ, XDG_RUNTIME_DIR=root)
    done = subprocess.run(words, env=env, capture_output=True, text=True,
                          timeout=60)
    if "sotto" not in done.stderr and done.returncode:
        print("     systemd-analyze cannot run here: %.200s" % done.stderr)
        return
    assert done.returncode == 0 and not done.stderr, done.stderr
    with open(path) as f:
        text = f.read()
    with open(path, "w") as f:                # it does look
        f.write(text.replace("/bin/sotto", "/bin/otto"))
    done = subprocess.run(words, env=env, capture_output=True, text=True,
                          timeout=60)
    assert "bin/otto" in done.stderr, done


if __name__ == "__main__":
    sotto.main(globals())
