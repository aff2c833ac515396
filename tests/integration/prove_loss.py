# SPDX-License-Identifier: Apache-2.0
"""Agents, coordinators and links that fail in mid-run, for longer and more often than the tests do it."""
import os
import signal

from .figures import held, number
from .support import Result, between, check, children_of, equal
from .test_loss import by_second, degraded, kill_round, load, new_web, resume, wait_until, within
from .test_network import link_down

ROUNDS = 100


def prove_a_killed_agent_s_gap_is_bounded(place):
    """A killed agent's gap is bounded, and its share goes on.

    1,000 arrivals a second for 20 s by 5 agents against nginx, under `onAgentLoss: redistribute`; one agent is killed
    at 8 s. nginx's own count lies between what the report knows and that plus `unknown`; after the degraded seconds
    the survivors make the full rate.
    """
    web = new_web(place)
    run = place.start_run(load(web, "onAgentLoss: redistribute", 1000, 20), "--agents", "5")
    place.started(run)
    wait_until(run, 8)
    os.kill(children_of(run.pid)[2], signal.SIGKILL)
    result = run.finish(60).expect(0)
    coverage, bad, counts = within(result, web.requests()), degraded(result), by_second(result)
    place.record(("planned", number(coverage["planned"])), ("started", number(coverage["started"])),
                 ("dropped", number(coverage["dropped"])), ("unknown", number(coverage["unknown"])),
                 ("known requests", number(result.row("http_reqs")["count"])), ("nginx's count", number(web.requests())),
                 ("degraded seconds", ", ".join(map(str, bad))), ("agent-seconds held", held(result)),
                 ("requests a second afterwards", f"{min(counts[s] for s in range(bad[-1] + 2, 19))} to "
                  f"{max(counts[s] for s in range(bad[-1] + 2, 19))}"))
    check(coverage["unknown"] > 0 and bad, "nothing was lost")


def prove_a_killed_coordinator_loses_nothing(place):
    """A killed coordinator loses nothing.

    The same load; the coordinator is killed (SIGKILL) at 8 s and resumed 4 s later by `stampede resume`. The report is
    complete, and nginx's count is the report's, to the request.
    """
    web = new_web(place)
    run = place.start_run(load(web, "onAgentLoss: redistribute", 1000, 20), "--agents", "5")
    place.started(run)
    wait_until(run, 8)
    run.kill()
    run.communicate()
    wait_until(run, 12)
    process = resume(place, run.folder)
    out, err = process.communicate(timeout=90)
    result = Result(process.returncode, out, err, run.folder, 0).expect(0).expect_whole(5)
    requests = result.row("http_reqs")["count"]
    place.record(("requests by the report", number(requests)), ("nginx's count", number(web.requests())),
                 ("agent-seconds held", held(result)))
    equal((requests, web.requests()), (20000, 20000), "requests")


def prove_a_hundred_rounds_of_kills_stay_exact(place):
    """A hundred rounds of kills stay exact.

    3 agents, 400 arrivals a second for 5 s, under `redistribute`. In each round an agent, the coordinator or both are
    killed (SIGKILL) at random instants, the coordinator resumed up to 1.5 s later. In every round planned = started +
    dropped + unknown, nginx's count lies between what is known and that plus `unknown`, and where no agent was killed
    the report is complete.
    """
    web = new_web(place)
    killed, unknown, overlap = {"agent": 0, "coordinator": 0}, [], 0
    for index in range(ROUNDS):
        moments, coverage = kill_round(place, web, index, 7000 + index)
        for _, what in moments:
            killed[what] += 1
        unknown.append(coverage["unknown"])
        overlap += coverage["overlap"]
    place.record(("rounds", number(ROUNDS)), ("agents killed", number(killed["agent"])),
                 ("coordinators killed and resumed", number(killed["coordinator"])),
                 ("unknown a round", f"{min(unknown)} to {max(unknown)} of 2,000"), ("overlap in all", number(overlap)))


def prove_a_link_down_for_thirty_seconds_loses_nothing(place):
    """A link down for thirty seconds loses nothing.

    A coordinator, two agents and nginx, each in a network namespace of its own, links closed by CURVE. 300 arrivals a
    second for 45 s under `onAgentLoss: continue`; one agent's link to the coordinator is down from 5 s to 35 s, while
    its link to the target is not. Nothing is missing at the end.
    """
    result, (reported, seen) = link_down(place, 300, 45, 5, 30)
    place.record(("requests by the report", number(reported)), ("nginx's count", number(seen)),
                 ("agent-seconds held", held(result)))
    between(reported, seen, seen, "requests")
