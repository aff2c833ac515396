# SPDX-License-Identifier: Apache-2.0
"""Closed links: whose key is listed takes part, and everyone else is refused, counted and logged."""
import json
import os
import stat
import subprocess

from .support import check, equal, free_port, wait_for

NULL = """
name: closed
scenarios:
  rate: { executor: constant-arrival-rate, rate: 100, duration: 3s, steps: [ { "null": { latency: 1ms } } ] }
"""


def keys(place, *arguments):
    return subprocess.run([place.tools.stampede, "keys", *arguments], capture_output=True, text=True, check=False)


def start_agent(place, port, name, *options):
    return place.start([place.tools.agent, "--connect", f"127.0.0.1:{port}", "--name", name, *options], f"agent-{name}")


def log_of(run_folder):
    path = os.path.join(run_folder, "run.log")
    if not os.path.exists(path):
        return ""
    with open(path) as file:
        return file.read()


def test_agents_with_listed_keys_run_and_others_are_refused_counted_and_logged(place):
    ours, theirs = place.path("keys"), place.path("others")
    for arguments in ((ours,), ("--agent", "rack2", ours), (theirs,)):
        done = keys(place, *arguments)
        equal(done.returncode, 0, f"keys {arguments}: {done.stderr}")
    server_key = os.path.join(ours, "coordinator.pub")
    port = free_port()
    run = place.start_run(NULL, "--listen", f"127.0.0.1:{port}", "--expect-agents", "2", "--keys", ours)
    unlisted = start_agent(place, port, "unlisted", "--key", os.path.join(theirs, "agent.key"), "--server-key", server_key)
    plain = start_agent(place, port, "plain")
    astray = start_agent(place, port, "astray", "--key", os.path.join(ours, "agent.key"),
                         "--server-key", os.path.join(theirs, "coordinator.pub"))
    wait_for(lambda: "refuses this agent's key" in unlisted.output(), "the agent that isn't listed to say so")
    wait_for(lambda: "wants keys" in plain.output(), "the agent without keys to say so")
    wait_for(lambda: "--server-key is perhaps not its key" in astray.output(), "the agent with a wrong key to say so")
    wait_for(lambda: "a peer at 127.0.0.1 is refused" in log_of(run.folder), "the refusal in the log")
    for name, key in (("one", "agent.key"), ("two", "rack2.key")):
        start_agent(place, port, name, "--key", os.path.join(ours, key), "--server-key", server_key, "--once")
    result = run.finish().expect(0).expect_whole(2)
    equal(result.row("iterations")["count"], 300, "iterations")
    equal(sorted(agent["name"] for agent in result.summary["agents"]), ["one", "two"], "agents")
    log = log_of(result.folder)
    for text in ("it speaks plain text", "it was given another coordinator's key", "refused in all: "):
        check(text in log, f"no {text!r} in\n{log}")
    texts = log + unlisted.output() + plain.output() + astray.output() + result.out + result.err
    for folder in (ours, theirs):
        for name in ("coordinator.key", "agent.key"):
            with open(os.path.join(folder, name)) as file:
                secret = file.read().split("secret-key: ")[1].strip()
            check(secret not in texts and json.dumps(secret)[1:-1] not in texts, f"the secret of {name} was told")


def test_keys_are_private_and_never_overwritten(place):
    folder = place.path("keys")
    equal(keys(place, folder).returncode, 0, "keys")
    modes = {name: stat.S_IMODE(os.stat(os.path.join(folder, name)).st_mode)
             for name in (".", "coordinator.key", "agent.key")}
    equal(modes, {".": 0o700, "coordinator.key": 0o600, "agent.key": 0o600}, "modes")
    equal(sorted(os.listdir(folder)), ["agent.key", "agents", "coordinator.key", "coordinator.pub"], "files")
    equal(os.listdir(os.path.join(folder, "agents")), ["agent.pub"], "listed agents")
    with open(os.path.join(folder, "coordinator.key")) as file:
        before = file.read()
    for arguments, text in (((folder,), "exists already"), (("--agent", "agent", folder), "exists already"),
                            (("--agent", "../x", folder), "is not a name"),
                            (("--agent", "coordinator", folder), "the coordinator's own name"),
                            (("--agent", "x", place.path("none")), "no coordinator.pub")):
        done = keys(place, *arguments)
        equal(done.returncode, 104, f"keys {arguments}")
        check(text in done.stderr, done.stderr)
    with open(os.path.join(folder, "coordinator.key")) as file:
        equal(file.read(), before, "coordinator.key")


def test_wrong_key_files_are_told_with_their_place_before_any_agent(place):
    folder = place.path("keys")
    equal(keys(place, folder).returncode, 0, "keys")
    listed = os.path.join(folder, "agents", "agent.pub")
    for content, text in (("# nothing\npublic-kee: x\n", "agent.pub:2: expected"), (None, "lists no agent")):
        os.remove(listed)
        if content:
            with open(listed, "w") as file:
                file.write(content)
        result = place.run(NULL, "--listen", "127.0.0.1:0", "--expect-agents", "1", "--keys", folder).expect(104)
        check(text in result.err, result.err)
        check(not os.path.exists(result.folder), "a run folder was made")
    for options, text in ((["--keys", folder], "--keys needs --listen"),
                          (["--listen", "127.0.0.1:0", "--expect-agents", "1", "--keys", folder, "--insecure"],
                           "give one of them"),
                          (["--listen", "0.0.0.0:0", "--expect-agents", "1"], "needs keys")):
        result = place.run(NULL, *options).expect(104)
        check(text in result.err, result.err)
    done = subprocess.run([place.tools.agent, "--connect", "127.0.0.1:1", "--key", place.path("none"), "--server-key",
                           os.path.join(folder, "coordinator.pub")], capture_output=True, text=True, check=False)
    equal((done.returncode, "cannot open" in done.stderr), (104, True), done.stderr)
