# SPDX-License-Identifier: Apache-2.0
"""A coordinator that stands still, slow links, peers that flood or are stuck: the others' load and report stay whole."""
import contextlib
import os
import re
import shlex
import signal
import time

from .support import Result, between, check, children_of, equal, free_port, wait_for
from .test_loss import account, agents, load, new_web, wait_until
from .wire import LONG, MORE, Flood, Member, Peer, SlowLink, frame

FLOODED_KIB = 400 * 1024  # of the coordinator, whatever is sent to it


def by_clock(web):
    """Requests that the target answered in each second of its clock, without the first and the last one."""
    counts = {}
    with open(web.access) as file:
        for line in file:
            stamp = line.split("[", 1)[1].split("]", 1)[0]
            counts[stamp] = counts.get(stamp, 0) + 1
    return list(counts.values())[1:-1]


def doubts(result):
    return [item["check"] for item in result.summary["trust"] if not item["ok"]]


def kib(pid, what="VmHWM"):
    with open(f"/proc/{pid}/status") as file:
        return int(re.search(what + r":\s+(\d+)", file.read()).group(1))


def listening(place, plan, port, expect, *options):
    """A run in the background that waits for agents; returns once it listens."""
    run = place.start_run(plan, "--listen", f"127.0.0.1:{port}", "--expect-agents", str(expect), *options)
    log = os.path.join(run.folder, "run.log")
    wait_for(lambda: os.path.exists(log) and "state: gathering" in open(log).read(), "the coordinator")
    return run


def run_id(run):
    with open(os.path.join(run.folder, "run.log")) as file:
        return re.search(r"run ([0-9a-f-]{36}) of", file.read()).group(1)


def test_a_coordinator_that_stands_still_slows_no_load_and_hears_everything_after(place):
    web = new_web(place)
    run = place.start_run(load(web, "lostAfter: 2s", 600, 8), "--agents", "3")
    place.started(run)
    wait_until(run, 2)
    os.kill(run.pid, signal.SIGSTOP)
    wait_until(run, 6)
    os.kill(run.pid, signal.SIGCONT)
    result = run.finish(60).expect(0).expect_whole(3)
    equal((result.row("http_reqs")["count"], web.requests()), (4800, 4800), "requests")
    for count in by_clock(web):
        between(count, 300, 900, f"requests in a second, of {by_clock(web)}")
    check(not any(agent["lost_at_s"] is not None for agent in result.summary["agents"]), "an agent was given up")
    equal([doubt for doubt in doubts(result) if "lateness" not in doubt and "CPU" not in doubt], [], "doubts")


def end(pid):
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def test_a_slow_link_that_breaks_again_and_again_loses_nothing(place):
    web = new_web(place)
    port = free_port()
    slow = SlowLink(port, 0.1, 4096)
    place.stack.callback(slow.close)
    run = listening(place, load(web, "", 400, 6), port, 2)
    agents(place, port, ("near",))
    agents(place, slow.port, ("far",))
    place.started(run)
    for second in (1, 2.3, 3.6, 4.9):
        wait_until(run, second)
        slow.cut()
    result = run.finish(60).expect(0).expect_whole(2)
    equal((result.row("http_reqs")["count"], web.requests()), (2400, 2400), "requests")


def whole_messages(peer):
    """Valid ones and not: hellos, a snapshot of no run, rubbish, the beginning of a message in parts."""
    part = b"\x85\xa1t\xa4part\xa2id\x01\xa4part\x00\xa5parts\xcd\x04\x00\xa4data\xc5\xea\x60" + bytes(60000)
    again = [peer.hello("flood"), peer.snapshot("no run", 1, 1), os.urandom(100), b"", part, peer.message("nothing"),
             b"\xdd\xff\x00\x00\x00"]
    return b"".join(map(frame, again)) * 8


def endless_large(_):
    return (bytes([MORE | LONG]) + (60000).to_bytes(8, "big") + bytes(60000)) * 16


def endless_small(_):
    return bytes([MORE, 0]) * 65536


def test_peers_that_flood_neither_fill_memory_nor_slow_the_others(place):
    web = new_web(place)
    port = free_port()
    run = listening(place, load(web, "", 600, 8), port, 3)
    agents(place, port, ("a", "b", "c"))
    place.started(run)
    floods = []
    for second, make in enumerate((whole_messages, endless_large, endless_small)):
        wait_until(run, 0.5 + 2.3 * second)
        floods.append(Flood(port, make))
        place.stack.callback(floods[-1].close)
        wait_until(run, 2.7 + 2.3 * second)
        floods[-1].close()
    most = kib(run.pid)
    result = run.finish(60).expect(0).expect_whole(3)
    equal((result.row("http_reqs")["count"], web.requests()), (4800, 4800), "requests")
    for count in by_clock(web):
        between(count, 300, 900, f"requests in a second, of {by_clock(web)}")
    check(all(flood.sent > 1 << 20 for flood in floods), "a flood that was none")
    between(most, 1, FLOODED_KIB, "KiB of the coordinator")
    between(os.path.getsize(os.path.join(result.folder, "run.log")), 1, 100000, "bytes of its log")
    check("without an end" in open(os.path.join(result.folder, "run.log")).read(), "the cut isn't told")
    check(result.seconds < 8 + 20, f"it took {result.seconds:.1f} s")


def test_a_flood_of_hellos_takes_no_place_of_those_who_stay(place):
    web = new_web(place)
    port = free_port()
    run = listening(place, load(web, "", 300, 2), port, 2, "--wait", "30s")
    agents(place, port, ("a",))
    stay = []
    for number in range(1500):
        peer = Peer(port)
        peer.send(peer.hello("flood", "" if number % 3 else "11111111-2222-4333-8444-555555555555"))
        stay.append(peer)
        if len(stay) > 200:
            stay.pop(0).close()
    most = kib(run.pid)
    agents(place, port, ("b",))
    result = run.finish(60).expect(0).expect_whole(2)
    equal(sorted(agent["name"] for agent in result.summary["agents"]), ["a", "b"], "agents")
    equal(web.requests(), 600, "the target's count")
    between(most, 1, 100 * 1024, "KiB of the coordinator")
    check(len(result.err) < 20000, f"{len(result.err)} bytes on the terminal")


def test_an_agent_that_tells_of_what_can_not_be_is_given_up_alone(place):
    web = new_web(place)
    port = free_port()
    run = listening(place, load(web, "", 300, 4), port, 3)
    agents(place, port, ("a", "b"))
    liar = Member(port, "liar")
    place.started(run)
    wait_for(lambda: "start" in liar.told, "the start")
    own = run_id(run)
    for other in ("11111111-2222-4333-8444-555555555555", ""):
        liar.send(liar.snapshot(other, 1, 1))
    liar.send(liar.snapshot(own, 1, 100000))
    result = run.finish(60).expect(0)
    check("agent liar is lost: its snapshot 1 is refused: it is of a second that the plan doesn't reach" in result.err,
          result.err)
    coverage = account(result)
    equal((coverage["planned"], coverage["unknown"], web.requests()), (1200, 400, 800), f"the account {coverage}")
    check(len(result.summary["timeline"]["seconds"]) < 60, "the report reaches into the future")


def test_an_agent_that_is_stuck_before_the_start_ends_the_run_in_time(place):
    port = free_port()
    with open(place.path("rows.csv"), "w") as file:
        file.writelines(f"{number},{'x' * 90}\n" if number else "id,text\n" for number in range(200000))
    plan = """
name: stuck
lostAfter: 2s
data: { row: { csv: rows.csv, pick: unique } }
scenarios:
  rate: { executor: constant-arrival-rate, rate: 100, duration: 2s, steps: [ { "null": { group: "{{row.id}}" } } ] }
"""
    slow = SlowLink(port, 0.005, 8192)
    place.stack.callback(slow.close)
    run = listening(place, plan, port, 2)
    fleet = agents(place, port, ("well",))
    fleet |= agents(place, slow.port, ("stuck",))
    wait_for(lambda: slow.passed > 1 << 20, "the data file to be under way")
    fleet["stuck"].send(signal.SIGSTOP)
    stopped = time.monotonic()
    result = run.finish(60).expect(96)
    check("stuck" in result.err and "nothing heard of it for 2s" in result.err, result.err)
    check(time.monotonic() - stopped < 12, f"it took {time.monotonic() - stopped:.1f} s")
    check(fleet["well"].running(), "the other agent is gone: " + fleet["well"].output())


def descendants(pid):
    found = children_of(pid)
    return found + [below for child in found for below in descendants(child)]


def test_a_frozen_agent_is_named_on_the_terminal_and_waited_for_no_longer_than_the_plan_s_times(place):
    web = new_web(place)
    plan = load(web, "lostAfter: 1s", 300, 2).replace("duration:", "gracefulStop: 0s\n    duration:")
    command, folder = place.command(plan, "--agents", "3")
    words = " ".join(map(shlex.quote, command))
    terminal = place.start(["script", "-qefc", f"stty cols 80; exec {words}", "/dev/null"], "terminal",
                           env=place.env(TERM="xterm"), cwd=place.folder)
    log = os.path.join(folder, "run.log")
    wait_for(lambda: os.path.exists(log) and "state: running" in open(log).read(), "the run to start")
    began = time.monotonic()
    victim = next(pid for pid in descendants(terminal.pid) if "local-2" in open(f"/proc/{pid}/cmdline").read())
    place.stack.callback(end, victim)
    os.kill(victim, signal.SIGSTOP)
    wait_for(lambda: "state: reporting" in open(log).read(), "the run's end", 40)
    between(time.monotonic() - began, 2, 2 + 1 + 10 + 4, "seconds until it was given up")
    end(victim)
    wait_for(lambda: not terminal.running(), "the report")
    equal(terminal.child.returncode, 0, "exit code: " + terminal.output())
    lines = [re.sub("\033[^A-Za-z]*[A-Za-z]", "", line) for line in re.split("[\r\n]+", terminal.output())]
    check(any(re.search("1 of 3 agents silent: local-2 [0-9]+ s .* op/s", line) for line in lines), lines)
    live = [line for line in lines if " op/s" in line]
    check(max(map(len, live)) < 80, f"a line of {max(map(len, live))} columns")
    check(any("agent local-2 is lost: nothing heard of it for 1s" in line for line in lines), lines)
    coverage = account(Result(0, "", "", folder, 0))
    between(coverage["unknown"], 100, 200, f"unknown of {coverage}")
