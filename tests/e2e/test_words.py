#!/usr/bin/env python3
"""The screen and the plain lines in Portuguese and Hungarian, by a locale that
this machine need not have and by config.ini: the words of the catalogue stand
where they should, at every size, and no character is cut.
SHOW=1: prints the pictures, for people to look at."""
import gettext
import os
import shutil
import subprocess
import sys
import unicodedata

import sotto

LOCALES = os.path.join(os.path.dirname(os.path.abspath(sotto.SOTTO)), "locale")
SIZES = ("80x24", "40x12", "20x5")
CLEAN = {k: v for k, v in os.environ.items()
         if not k.startswith(("SOTTO_", "XDG_", "LC_", "LANG"))}


def words(language):
    """The translations themselves: this test need not know them."""
    return gettext.translation("sotto", LOCALES, [language]).gettext


def columns(text):
    return sum(0 if unicodedata.combining(c) else
               2 if unicodedata.east_asian_width(c) in "WF" else 1
               for c in text)


def picture(home, size, keys, env, *options):
    path = home + ".keys"
    with open(path, "w", encoding="utf-8") as f:
        f.write("\n".join(keys) + "\n")
    done = subprocess.run(
        [sotto.SOTTO, "--home", home, "--screen", size, "--keys", path,
         *options], capture_output=True, timeout=90, stdin=subprocess.DEVNULL,
        env=dict(CLEAN, HOME=home, TERM="dumb", **env))
    text = done.stdout.decode("utf-8")  # strict: no half a character
    if os.environ.get("SHOW"):
        print("%s %s %s\n%s" % (env, size, keys, text))
    assert done.returncode == 0, (keys, done.stderr.decode(), text)
    assert "\ufffd" not in text, text
    cols = int(size.split("x")[0])
    for row in text.split("\n"):
        assert columns(row) <= cols, (cols, row)
    return text


def has(text, *parts):
    """Words may fall into several rows."""
    flat = " ".join(text.split())
    for part in parts:
        assert " ".join(part.split()) in flat, (part, text)


def in_pt():
    return {"LC_ALL": "pt_PT.UTF-8"}


def in_hu():
    return {"LANG": "hu_HU.UTF-8"}


BOTH = (("pt", in_pt()), ("hu", in_hu()))


def start(root, env, language, *options):
    _ = words(language)
    assert _("Help") != "Help" and _("F1 help") != "F1 help"
    home = os.path.join(root, "new" + language + "".join(env))
    os.mkdir(home)
    if options:
        with open(os.path.join(home, "config.ini"), "w") as f:
            f.write("\n".join(options) + "\n")
    opts = ("--nick", "ana", "--port", "0", "--no-discover")
    wide = picture(home, "80x24", ['wait "%s"' % _("F1 help")], env, *opts)
    has(wide, _("i write"), _(" PEERS").strip(), _("q quit"))
    has(wide, _("Your key was made and stays on this machine.\n"))
    small = picture(home, "40x12", ['wait "%s"' % _("i write"), "F1",
                                    'wait "%s"' % _("Everywhere")], env, *opts)
    has(small, _("Help"), _("Esc close"))
    tiny = picture(home, "20x5", ['wait "%s"' % _("i write")], env, *opts)
    assert tiny.split("\n")[4].startswith(" " + _("i write"))


def test_start(root):
    for language, env in BOTH:
        start(root, env, language)


def test_config(root):
    """What the file says weighs more than the environment."""
    start(root, {"LANG": "C.UTF-8"}, "hu", "language = hu")
    start(root, in_hu(), "pt", "language = pt")
    home = os.path.join(root, "english")
    os.mkdir(home)
    with open(os.path.join(home, "config.ini"), "w") as f:
        f.write("language = en\n")
    text = picture(home, "80x24", ['wait "F1 help"'], in_pt(), "--nick", "ana",
                   "--port", "0", "--no-discover")
    has(text, "i write", "PEERS")


def test_locale_odd(root):
    """Names of locales as people write them; one without UTF-8 is English."""
    opts = ("--nick", "ana", "--port", "0", "--no-discover")
    for i, (env, word) in enumerate((
            ({"LANG": "pt_BR.utf8"}, words("pt")("i write")),
            ({"LC_MESSAGES": "hu_HU.UTF8", "LC_CTYPE": "C.UTF-8"},
             words("hu")("i write")),
            ({"LC_ALL": "pt_PT"}, "this locale has no UTF-8"),
            ({"LC_ALL": "C.UTF-8", "LANG": "hu_HU.UTF-8"}, "i write"),
            ({"LANG": "xx_XX.UTF-8"}, "i write"))):
        picture(os.path.join(root, "odd%d" % i), "80x24",
                ['wait "%s"' % word], env, *opts)


def plain(home, text, env):
    """Line by line, in a pipe."""
    done = subprocess.run(
        [sotto.SOTTO, "--plain", "--home", home, "--nick", "ana", "--port",
         "0", "--no-discover"], input=text.encode(), capture_output=True,
        timeout=60, env=dict(CLEAN, HOME=home, TERM="dumb", **env))
    assert done.returncode == 0, done
    text = done.stdout.decode("utf-8")
    if os.environ.get("SHOW"):
        print(env, text)
    return text


def test_lines(root):
    """What the engine answers is said in the language, too."""
    for language, env in BOTH:
        _ = words(language)
        home = os.path.join(root, "plain" + language)
        text = plain(home, "/peers\n/help\n/bob\n"
                     "/set trust-new never\n/trust\nto whom\n", env)
        has(text, _("no peer is named"),
            _("nobody yet: /connect HOST:PORT"),
            "/msg %s: %s" % (_("PEER [TEXT]"),
                             _("open a conversation, or send one text there")),
            _("%s = %s: not a value of it") % ("trust-new", "never"),
            _("to whom? /msg PEER or /connect HOST:PORT; nothing sent"))


class World:
    """ana's engine, bob who answers, carla who has gone, dora who is new."""

    def __init__(self, root):
        self.root = root
        self.ana = sotto.Node(root, "ana", "--trust-new", "ask")
        self.bob = sotto.Node(root, "bob")
        self.carla = sotto.Node(root, "carla")
        for peer in (self.bob, self.carla):
            self.ana.done("connect", to=peer.at)
            self.ana.done("trust", peer=peer.at)
        sent = self.ana.done("send", to="bob", text="hello bob")
        self.bob.want(event="message")
        self.bob.done("reply", reply_to=sent["id"], text="fine, thanks")
        self.bob.done("send", to="ana", text="see https://example.org/a")
        self.ana.want(event="message", text="see https://example.org/a")
        self.carla.done("send", to="ana", text="lunch?")
        self.carla.end()
        self.ana.want(event="peer", peer__nick="carla", peer__state="offline")
        self.ana.ask("send", to="carla", text="at one", wait="none")
        self.dora = sotto.Node(root, "dora")
        self.dora.ask("send", to=self.ana.at, text="who is there", wait="none")
        self.ana.want(event="message", text="who is there", state="request")
        self.home = self.ana.home

    def change(self):
        """Another key answers where bob was."""
        port = self.bob.port
        self.bob.end()
        self.bob = sotto.Node(self.root, "bob", port=port,
                              home=os.path.join(self.root, "other"))
        self.ana.ask("connect", to=self.bob.at)
        self.ana.want(event="security", code="key_changed")

    def end(self):
        for node in (self.ana, self.bob, self.dora):
            node.end()


def views(_, seen="fine"):
    """Keys that bring a view up, and words that must be there then."""
    bob = ['wait "dora" : "msg bob" Enter wait "%s"' % seen]
    esc = bob + ["Esc"]
    return {
        "talk": (bob + ["Esc"], [_("F1 help")]),
        "chosen": (esc + ["k k", 'wait "%s"' % _("r reply to it")],
                   [_("r reply to it")]),
        "message": (esc + ["k k d", 'wait "%s"' % _("Details")],
                    [_("Details"), _("received")]),
        "peer": (esc + ["d", 'wait "%s"' % _("Details")], []),
        "answer": (bob + ['Alt-r "yes" wait "yes" show Ctrl-C',
                          'gone "yes"'], []),
        "found": (esc + ['/ "fine" Enter',
                         'wait "%s"' % (_("Found here: %s") % "fine")], []),
        "unfound": (esc + ['/ "nowhere at all" Enter',
                           'wait "%s"' % _("nothing was found")[:16]], []),
        "outbox": (esc + ['o wait "%s"' % _("Outbox")], []),
        "peers": (['wait "dora" : "peers" Enter wait "%s"' % _("Peers")], []),
        "request": (['wait "dora" : "msg dora" Enter wait "?"', "Esc",
                     'wait "%s"' % _("a accept")], [_("a accept")]),
        "side": (esc + ["Tab"], []),
        "doctor": ([': "doctor" Enter',
                    'wait "%s"' % _("What works here, and what does not")],
                   []),
        "odd": ([': "pers" Enter', 'wait "/pers  "'], []),
        "usage": ([': "connect" Enter', 'wait "/connect "'], []),
    }


def test_views(root):
    w = World(root)
    for language, env in BOTH:
        _ = words(language)
        for name, size in ((n, s) for n in views(_) for s in SIZES):
            tiny = size == "20x5"
            if tiny and name not in ("talk", "side"):
                continue
            keys, parts = views(_, "bob>" if tiny else "fine")[name]
            text = picture(w.home, size, keys, env)
            if size == "80x24" or not tiny and name != "talk":
                has(text, *parts)
        wide = picture(w.home, "80x24", views(_)["peer"][0], env)
        has(wide, _("Now           %s%s\n").split()[0], _("pinned"))
        wide = picture(w.home, "80x24", views(_)["outbox"][0], env)
        has(wide, "carla", _("queued"), _("R retry"), '"at one"')
    w.end()


def test_change(root):
    w = World(root)
    w.change()
    for language, env in BOTH:
        _ = words(language)
        for size in SIZES[:2]:
            text = picture(w.home, size,
                           ['wait "dora" : "msg bob" Enter wait "bob~"',
                            "Esc", 'wait "%s"' % _("a accept")], env)
            has(text, _("a accept"))
        has(picture(w.home, "80x24", ['wait "%s"' % _("key changed")], env),
            _("key changed"))
    w.end()


if not os.path.isdir(LOCALES):
    print("built without translations")
    sys.exit(77)
sotto.main(globals())
