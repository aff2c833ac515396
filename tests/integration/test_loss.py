# SPDX-License-Identifier: Apache-2.0
"""Agents that die, freeze, join and leave in mid-run: what the report says lies within what the target counted."""
import os
import random
import signal
import subprocess
import time

from .support import Result, between, check, children_of, equal, free_port, wait_for
from .targets import Nginx

LOAD = """
name: load
%(head)s
targets: { web: { http: { baseUrl: "%(url)s", timeout: 5s } } }
scenarios:
  rate:
    executor: constant-arrival-rate
    rate: %(rate)d
    duration: %(seconds)ds
    steps: [ { http: { target: web, get: / } } ]
"""


def load(web, head, rate, seconds):
    return LOAD % {"head": head, "url": web.url, "rate": rate, "seconds": seconds}


def new_web(place, name="nginx"):
    return place.stack.enter_context(Nginx(place.path(name)))


def wait_until(run, seconds):
    """Waits until so many seconds after the state `running` was entered."""
    moment = getattr(run, "began", None)
    if moment is None:
        moment = run.began = time.monotonic()
    left = moment + seconds - time.monotonic()
    if left > 0:
        time.sleep(left)  # the moment of the fault is the test's own choice


def account(result):
    """The identities that hold whatever happened; gives the coverage."""
    coverage = result.summary["coverage"]
    equal(coverage["planned"], coverage["started"] + coverage["dropped"] + coverage["unknown"], f"planned of {coverage}")
    equal(coverage["started"], coverage["succeeded"] + coverage["failed"] + coverage["interrupted"],
          f"started of {coverage}")
    equal(coverage["sum_equals_total"], True, f"sum_equals_total of {coverage}")
    return coverage


def within(result, seen):
    """What the target saw lies between what is known and what may have been done besides."""
    coverage = account(result)
    known = result.row("http_reqs")["count"]
    between(seen, known, known + coverage["unknown"] + coverage["interrupted"], f"the target's count, {coverage}")
    return coverage


def degraded(result):
    timeline = result.summary["timeline"]
    return [second for second, bad in zip(timeline["seconds"], timeline["degraded"]) if bad]


def by_second(result, name="http_reqs|"):
    timeline = result.summary["timeline"]
    return dict(zip(timeline["seconds"], timeline["series"][name]["count"]))


def test_a_killed_agent_s_share_is_taken_over_and_its_gap_is_bounded(place):
    web = new_web(place)
    run = place.start_run(load(web, "onAgentLoss: redistribute", 1000, 20), "--agents", "5")
    place.started(run)
    victim = children_of(run.pid)[2]
    wait_until(run, 8)
    os.kill(victim, signal.SIGKILL)
    result = run.finish(60).expect(0)
    coverage = within(result, web.requests())
    equal(coverage["planned"], 20000, "planned")
    between(coverage["unknown"], 1, 200 * 5, "unknown")
    equal(coverage["overlap"], 0, "overlap")
    equal(result.summary["verdict"]["coverage"], "incomplete", "coverage")
    bad = degraded(result)
    check(bad and bad[0] >= 6 and bad[-1] <= 12, f"degraded seconds {bad}")
    counts = by_second(result)
    for second in range(bad[-1] + 2, 19):
        between(counts[second], 950, 1050, f"requests in second {second}: the full rate")
    check("degraded" in result.out and "local-3" in result.out, result.out)


def test_a_frozen_agent_is_taken_over_and_what_it_did_besides_is_overlap(place):
    web = new_web(place)
    run = place.start_run(load(web, "onAgentLoss: redistribute\nlostAfter: 2s", 300, 14), "--agents", "3")
    place.started(run)
    victim = children_of(run.pid)[1]
    wait_until(run, 3)
    os.kill(victim, signal.SIGSTOP)
    wait_until(run, 8)
    os.kill(victim, signal.SIGCONT)
    result = run.finish(60).expect(0)
    coverage = within(result, web.requests())
    equal(coverage["planned"], 4200, "planned")
    check(coverage["overlap"] + coverage["dropped"] > 0, f"nothing of what it did after its return: {coverage}")


def test_a_run_that_nobody_is_left_to_finish_exits_96(place):
    web = new_web(place)
    run = place.start_run(load(web, "onAgentLoss: redistribute", 300, 20), "--agents", "2")
    place.started(run)
    wait_until(run, 2)
    for pid in children_of(run.pid):
        os.kill(pid, signal.SIGKILL)
    result = run.finish(30).expect(96)
    within(result, web.requests())
    equal(result.summary["verdict"]["ended_by"], "no agent was left", "ended_by")


def agents(place, port, names, *options):
    return {name: place.start([place.tools.agent, "--connect", f"127.0.0.1:{port}", "--name", name, "--workers", "1",
                               *options], f"agent-{name}") for name in names}


def test_an_elastic_run_takes_in_a_late_agent_and_lets_one_go(place):
    web = new_web(place)
    port = free_port()
    fleet = agents(place, port, ("a", "b"))
    run = place.start_run(load(web, "elastic: true", 600, 14), "--listen", f"127.0.0.1:{port}", "--expect-agents", "2")
    place.started(run)
    wait_until(run, 3)
    fleet |= agents(place, port, ("late",))
    wait_until(run, 8)
    fleet["a"].send(signal.SIGTERM)
    wait_for(lambda: not fleet["a"].running(), "agent a to leave", 15)
    equal(fleet["a"].child.returncode, 0, "exit code of the agent that left:" + fleet["a"].output())
    result = run.finish(60).expect(0).expect_whole(3)
    equal(result.row("http_reqs")["count"], 8400, "requests")
    equal(web.requests(), 8400, "the target's count")
    counts = {agent["name"]: agent["operations"] for agent in result.summary["agents"]}
    check(all(counts[name] > 500 for name in ("a", "b", "late")), f"operations {counts}")


def test_an_agent_that_is_told_to_end_hands_its_share_back_under_redistribute(place):
    web = new_web(place)
    run = place.start_run(load(web, "onAgentLoss: redistribute", 600, 10), "--agents", "3")
    place.started(run)
    wait_until(run, 3)
    os.kill(children_of(run.pid)[0], signal.SIGTERM)
    result = run.finish(60).expect(0).expect_whole(3)
    equal((result.row("http_reqs")["count"], web.requests()), (6000, 6000), "requests")


def test_two_clocks_an_hour_apart_make_one_schedule(place):
    web = new_web(place)
    port = free_port()
    for name, hours in (("past", "0"), ("future", "3600")):
        place.start(["unshare", "-T", "--monotonic", hours, place.tools.agent, "--connect", f"127.0.0.1:{port}",
                     "--name", name, "--workers", "1"], f"agent-{name}")
    result = place.run(load(web, "", 500, 6), "--listen", f"127.0.0.1:{port}", "--expect-agents", "2")
    result.expect(0).expect_whole(2)
    equal(web.requests(), 3000, "the target's count")
    offsets = {agent["name"]: agent["clock_offset_us"] for agent in result.summary["agents"]}
    between(offsets["future"] - offsets["past"], 3599.9e6, 3600.1e6, f"the offsets' difference {offsets}")
    for agent in result.summary["agents"]:
        check(agent["start_skew_us"] < 1e6, f"start skew of {agent}")


def resume(place, folder):
    command = [place.tools.stampede, "resume", folder]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            env=place.env(), cwd=place.folder)


def kill_round(place, web, number, seed):
    """One run with kills at random instants: of an agent, of the coordinator (and a resume), or of both."""
    chance = random.Random(seed)
    before = web.requests() if os.path.exists(web.access) else 0
    kill_agent, kill_coordinator = chance.choice(((1, 0), (0, 1), (1, 1)))
    run = place.start_run(load(web, "onAgentLoss: redistribute", 400, 5), "--agents", "3")
    place.started(run)
    children = children_of(run.pid)
    moments = sorted([(chance.uniform(0, 4.5), "agent")] * kill_agent +
                     [(chance.uniform(0, 4.5), "coordinator")] * kill_coordinator)
    process = run
    for at, what in moments:
        wait_until(run, at)
        if what == "agent":
            os.kill(chance.choice(children), signal.SIGKILL)
            continue
        run.kill()
        run.communicate()
        time.sleep(chance.uniform(0, 1.5))  # the time without a coordinator is the test's own choice
        process = resume(place, run.folder)
    out, err = process.communicate(timeout=90)
    check(process.returncode == 0, f"round {number} (seed {seed}, {moments}): exit code {process.returncode}\n{out}\n{err}")
    result = Result(process.returncode, out, err, run.folder, 0)
    try:
        coverage = within(result, web.requests() - before)
        equal(coverage["planned"], 2000, "planned")
        if not kill_agent:
            result.expect_whole(3)
    except AssertionError as error:
        raise type(error)(f"round {number} (seed {seed}, {moments}): {error}") from error
    return moments, coverage


def test_ten_rounds_of_kills_at_random_instants_stay_exact(place):
    web = new_web(place)
    for number in range(10):
        kill_round(place, web, number, 1000 + number)
