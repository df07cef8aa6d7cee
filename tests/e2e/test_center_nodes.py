#!/usr/bin/env python3
"""A message center on several machines: nodes that keep everything in NATS.
People on one meet those on the other; who dies loses nothing."""
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import nats  # noqa: E402
from sotto import Node, free_port, main  # noqa: E402


def login(node, center, user, password="sesame"):
    result = node.done("login", to=center.at, user=user, password=password)
    assert result["text"] == "Welcome, %s !" % user, result


def notice(node, text, since=0, patience=20):
    return node.want(since, patience, event="notice", text=text)


def two_nodes(root):
    server = nats.Server(root)
    where = "nats://127.0.0.1:%d?shards=2" % server.port
    ports = free_port(), free_port()
    config = "addresses = 127.0.0.1:%d, 127.0.0.1:%d\n" % ports
    one = nats.Center(root, "one", where, port=ports[0], config=config)
    two = nats.Center(root, "two", where, one, ports[1], config)
    assert one.id == two.id
    return server, one, two


def end(server, *nodes):
    for node in nodes:
        node.end()
    server.kill()


def test_people_on_both(root):
    server, one, two = two_nodes(root)
    seas, google = Node(root, "seas"), Node(root, "google")
    login(seas, one, "seas")
    login(google, two, "google")
    notice(seas, "google has logged on.")
    for node in (seas, google):
        online = node.done("online")["text"]
        assert "seas" in online and "google" in online, online
    seas.done("broadcast", text="hello everybody")
    notice(google, "seas to all: hello everybody")
    google.done("broadcast", text="hello seas")
    notice(seas, "google to all: hello seas")
    seas.done("getaddress", user="google")
    notice(google, "seas wants your address: /allow seas gives it")
    google.done("allow", user="seas")
    notice(seas, "You can now privately message google")
    google.refused("refused", "allow", user="seas")
    # the account is the same at both
    thief = Node(root, "thief")
    result = thief.refused("refused", "login", to=two.at, user="seas",
                           password="guess")
    assert "2 more" in result["error"], result
    google.done("logout")
    notice(seas, "google is offline.")
    end(server, seas, google, thief, one, two)


def test_logged_in_elsewhere(root):
    server, one, two = two_nodes(root)
    here, there = Node(root, "here"), Node(root, "there")
    login(here, one, "seas")
    login(there, two, "seas")
    notice(here, "Logged on different location!")
    here.refused("refused", "online")
    there.done("online")
    end(server, here, there, one, two)


def met(root, one, two):
    """ana at one and bob at two, who know each other but cannot reach each
    other any more: both listen somewhere else now."""
    ana, bob = Node(root, "ana"), Node(root, "bob", port=free_port())
    login(ana, one, "ana")
    login(bob, two, "bob")
    ana.done("connect", to=bob.at)
    ana.done("send", to=bob.at, text="first")
    bob.want(event="message", text="first")
    bob.done("reply", text="second")
    ana.want(event="message", text="second")
    ana.end()
    bob.end()
    ana, bob = Node(root, "ana", home=ana.home), Node(root, "bob",
                                                      home=bob.home)
    notice(ana, "Welcome, ana !")
    notice(bob, "Welcome, bob !")
    return ana, bob


def test_letters(root):
    server, one, two = two_nodes(root)
    ana, bob = met(root, one, two)
    ana.done("send", to=bob.id, text="from node to node", wait="none")
    bob.want(event="message", text="from node to node")
    ana.want(event="status", state="delivered")
    bob.done("send", to=ana.id, text="and back", wait="none")
    ana.want(event="message", text="and back")
    end(server, ana, bob, one, two)


main_tests = globals()
nats.here_or_skip()
main(main_tests)
