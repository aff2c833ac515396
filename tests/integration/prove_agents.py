# SPDX-License-Identifier: Apache-2.0
"""Whatever the number of agents, and whatever becomes of them and their links, the account is exact."""
import itertools
import os
import random
import signal
import socket
import threading
import time

from .figures import held, milliseconds, number, size, trust
from .support import check, children_of, equal, free_port, wait_for
from .targets import Nginx
from .test_faults import Cutter

# Counts of operations of so many seconds each, such that each percentile is the last value of its own kind: with one value
# lost or put into a longer kind it would be the next kind's, a second away.
KINDS = (("p90", 9000, 0.01), ("p99", 900, 1), ("p99.9", 90, 2), ("p99.99", 9, 3), ("max", 1, 4))


def kinds_plan():
    return "name: kinds\nbuckets: [500ms, 1500ms, 2500ms, 3500ms]\nscenarios:\n" + "".join(
        f"  kind{index}: {{ executor: shared-iterations, vus: {min(count, 300)}, iterations: {count}, "
        f'steps: [ {{ "null": {{ latency: {seconds}s }} }} ] }}\n' for index, (_, count, seconds) in enumerate(KINDS))


def prove_merged_percentiles_are_exact_to_one_operation(place):
    """Merged percentiles are exact to one operation, with 1, 3 and 10 agents.

    10,000 operations of five lengths: 9,000 of 10 ms, 900 of 1 s, 90 of 2 s, 9 of 3 s and 1 of 4 s. So p90 is the
    very last of the first kind, p99 of the second, p99.9 of the third, p99.99 of the fourth: with one operation
    lost, or merged into a longer kind, one of them would be a second more. The buckets, which are counted apart,
    hold exactly the five counts, so nothing is doubled either.
    """
    for agents in (1, 3, 10):
        result = place.run(kinds_plan(), "--agents", str(agents)).expect(0).expect_whole(agents)
        row = result.row("null_operation_duration")
        buckets = [bucket["count"] for bucket in row["buckets"]]
        place.record((f"{agents} agents" if agents > 1 else "1 agent", milliseconds(row, *(kind[0] for kind in KINDS))),
                     ("its buckets", ", ".join(map(number, buckets))))
        equal(buckets, [count for _, count, _ in KINDS], "buckets")
        for name, _, seconds in KINDS:
            check(seconds * 1000 <= row[name] < seconds * 1000 + 900, f"{name} is {row[name]} ms, wanted {seconds} s's")


SHARES = """
name: shares
data:
  symbol: { csv: symbols.csv, column: symbol }
  once: { csv: once.csv, column: once, pick: unique }
  popular: { csv: symbols.csv, column: symbol, pick: zipf }
scenarios:
  ramp:
    executor: ramping-arrival-rate
    stages: [ { duration: 4s, target: 1000 }, { duration: 2s, target: 1000 }, { duration: 2s, target: 0 } ]
    steps: [ { "null": { latency: 2ms, group: "{{symbol}}" } } ]
  poisson:
    executor: constant-arrival-rate
    rate: 500
    duration: 8s
    arrivals: poisson
    steps: [ { "null": { group: "{{popular}}" } } ]
  each: { executor: per-vu-iterations, vus: 37, iterations: 41, steps: [ { "null": { latency: 1ms } } ] }
  shared:
    executor: shared-iterations
    vus: 29
    iterations: 3001
    steps: [ { "null": { latency: 1ms, group: "{{once}}" } } ]
"""


def prove_any_number_of_agents_does_what_one_would(place):
    """1, 3 and 10 agents do what one would.

    A ramp to 1,000 arrivals a second and down again, Poisson arrivals and two kinds of counted loops, on 1, 3 and
    10 agents. All plan and start the same counts. A sequential feed of 97 symbols is dealt evenly, of a unique feed
    each of 3,001 values is used exactly once, and Zipf's draws for the Poisson arrivals give each symbol the same
    count whatever the number of agents.
    """
    place.write("symbols.csv", "symbol\n" + "".join(f"S{i}\n" for i in range(97)))
    place.write("once.csv", "once\n" + "".join(f"U{i}\n" for i in range(3001)))
    first = None
    for agents in (1, 3, 10):
        result = place.run(SHARES, "--agents", str(agents)).expect(0).expect_whole(agents)
        coverage, groups = result.summary["coverage"], {"ramp": {}, "shared": {}, "poisson": {}}
        for row in result.summary["metrics"]:
            if row["metric"] == "null_operations" and row["group"]:
                groups[row["scenario"]][row["group"]] = row["count"]
        counts = [result.row("iterations", name)["count"] for name in ("ramp", "each", "shared", "poisson")]
        place.record((f"{agents} agents" if agents > 1 else "1 agent",
                      "ramp {:,}, each {:,}, shared {:,}, poisson {:,}, of them {:,} of S0".format(
                          *counts, groups["poisson"]["S0"])))
        equal(counts[:3], [5000, 37 * 41, 3001], "iterations")
        equal((coverage["planned"], coverage["dropped"]), (coverage["started"], 0), "planned and dropped")
        equal(groups["shared"], {f"U{i}": 1 for i in range(3001)}, "unique values")
        equal(groups["ramp"], {f"S{i}": 5000 // 97 + (i < 5000 % 97) for i in range(97)}, "sequential values")
        first = first or groups["poisson"]
        equal(groups["poisson"], first, "symbols drawn by Zipf's law for Poisson arrivals")


MANY = """
name: fifty agents
scenarios:
  rate: { executor: constant-arrival-rate, rate: 5000, duration: 30s, steps: [ { "null": { latency: 5ms } } ] }
"""


def cpu_of(pid):
    """User and system time of one process alone, in s; it may have ended, but not been waited for."""
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def prove_fifty_agents_are_complete(place):
    """50 agents are complete.

    50 local agents share 5,000 arrivals a second for 30 s. All 1,500 agent-seconds are held and 150,000 iterations
    counted.
    """
    run = place.start_run(MANY, "--agents", "50")
    place.started(run)
    before = cpu_of(run.pid)
    os.waitid(os.P_PID, run.pid, os.WEXITED | os.WNOWAIT)
    seconds = cpu_of(run.pid) - before
    result = run.finish().expect(0).expect_whole(50)
    agents = result.summary["agents"]
    journal = os.path.join(result.folder, "journal")
    place.record(("iterations", number(result.row("iterations")["count"])), ("agent-seconds held", held(result)),
                 ("start skew of the worst agent", f"{max(agent['start_skew_us'] for agent in agents) / 1000:,.3f} ms"),
                 ("send lateness", milliseconds(result.row("send_lateness"), "p50", "p99", "max")),
                 ("journal", f"{size(journal)}, {os.path.getsize(journal) / 1500:,.0f} bytes an agent-second"),
                 ("coordinator's CPU from T0 to its end, the report included", f"{seconds:.2f} s"),
                 ("agents' CPU, all together", f"{sum(agent['cpu_s'] for agent in agents):.2f} s"),
                 ("memory of the largest agent", f"{max(agent['max_rss_kib'] for agent in agents) / 1024:,.1f} MiB"),
                 ("trust", trust(result)))
    equal(result.row("iterations")["count"], 150000, "iterations")
    equal(result.summary["coverage"]["agent_seconds_held"], 1500, "agent-seconds")


CUT = """
name: cut
data: { symbol: { csv: symbols.csv, column: symbol, pick: zipf } }
scenarios:
  rate: { executor: constant-arrival-rate, rate: 1000, duration: 60s, steps: [ { "null": { group: "{{symbol}}" } } ] }
"""


class Swallower(Cutter):
    """A Cutter that, once armed, lets the next data of at least so many bytes go nowhere and cuts all connections with it."""

    def __init__(self, port):
        self.least, self.swallowed = None, []
        super().__init__(port)

    def forward(self, end):
        if self.least is None or end not in self.pairs:
            super().forward(end)
            return
        try:
            waiting = len(end.recv(65536, socket.MSG_PEEK))
        except OSError:
            waiting = 0
        if waiting < max(self.least, 1):
            super().forward(end)
            return
        self.least = None
        self.swallowed.append(waiting)
        for one in list(self.pairs):
            if one in self.pairs:
                self.drop(one)


def prove_links_cut_every_two_seconds_lose_nothing(place):
    """Links cut every 2 s lose nothing.

    5 remote agents reach the coordinator through a proxy that cuts all their connections every 2 s for the 60 s of
    the run. Each cut swallows data on its way: in turn whatever comes next, and the next 1,000 bytes or more, which
    is a snapshot. The report is complete: what was lost was sent again, and nothing was counted twice.
    """
    place.write("symbols.csv", "symbol\n" + "".join(f"S{i}\n" for i in range(300)))
    port = free_port()
    proxy = Swallower(port)
    place.stack.callback(proxy.close)
    for name in "abcde":
        place.start([place.tools.agent, "--connect", f"127.0.0.1:{proxy.port}", "--name", name, "--once"], f"agent-{name}")
    run = place.start_run(CUT, "--listen", f"127.0.0.1:{port}", "--expect-agents", "5")
    place.started(run)
    over = threading.Event()

    def cut():
        for least in itertools.cycle((1, 1000)):
            if over.wait(2):
                return
            proxy.least = least

    cutting = threading.Thread(target=cut)
    cutting.start()
    try:
        result = run.finish(150)
    finally:
        over.set()
        cutting.join()
    result.expect(0).expect_whole(5)
    groups = sum(row["count"] for row in result.summary["metrics"] if row["metric"] == "null_operations" and row["group"])
    place.record(("iterations", number(result.row("iterations")["count"])), ("operations over all symbols", number(groups)),
                 ("agent-seconds held", held(result)), ("cuts of all connections", number(len(proxy.swallowed))),
                 ("of them with a snapshot swallowed", number(sum(count >= 1000 for count in proxy.swallowed))),
                 ("bytes that passed", f"{proxy.passed / 1024:,.0f} KiB"), ("the run took", f"{result.seconds:.1f} s"))
    equal(result.row("iterations")["count"], 60000, "iterations")
    equal(groups, 60000, "operations over all symbols")
    check(len(proxy.swallowed) >= 25, f"only {len(proxy.swallowed)} cuts")


KILL = """
name: kill
onAgentLoss: continue
targets: { web: { http: { baseUrl: "%s", timeout: 5s } } }
scenarios:
  rate: { executor: constant-arrival-rate, rate: 400, duration: 5s, steps: [ { http: { target: web, get: /a } } ] }
  each: { executor: per-vu-iterations, vus: 8, iterations: 200, pace: 20ms, steps: [ { http: { target: web, get: /b } } ] }
"""


def settled(count):
    """The value of `count` once it has not changed for half a second."""
    last = [count(), time.monotonic()]

    def same():
        now = count()
        if now != last[0]:
            last[:] = now, time.monotonic()
        return time.monotonic() - last[1] > 0.5

    wait_for(same, "the log to stop growing")
    return last[0]


def prove_a_killed_agent_never_bends_the_account(place):
    """A killed agent never bends the account, ten times of ten.

    Ten runs of 4 agents under `onAgentLoss: continue`, each with one agent killed by SIGKILL at a moment drawn at
    random, against nginx with an access log. Each time planned = started + dropped + unknown = 3,600, and the log
    lies between what is known and what is known and unknown.
    """
    web = place.stack.enter_context(Nginx(place.path("nginx")))
    seed = int(time.time())
    place.record(("seed of the moments", str(seed)))
    draw = random.Random(seed)
    for turn in range(1, 11):
        before = web.requests() if os.path.exists(web.access) else 0
        run = place.start_run(KILL % web.url, "--agents", "4")
        place.started(run)
        moment = draw.uniform(0, 4.5)
        time.sleep(moment)  # a random moment is the point
        os.kill(draw.choice(children_of(run.pid)), signal.SIGKILL)
        result = run.finish().expect(0)
        coverage, requests = result.summary["coverage"], result.row("http_reqs")["count"]
        lines = settled(web.requests) - before
        place.record((f"run {turn}, killed after {moment:.2f} s",
                      f"planned {coverage['planned']:,} = started {coverage['started']:,} + dropped {coverage['dropped']:,} + "
                      f"unknown {coverage['unknown']:,}; http_reqs {requests:,}, lines {lines:,}"))
        equal(coverage["planned"], 3600, "planned")
        equal(coverage["planned"], coverage["started"] + coverage["dropped"] + coverage["unknown"], "planned")
        equal(coverage["started"], coverage["succeeded"] + coverage["failed"] + coverage["interrupted"], "started")
        equal(result.summary["verdict"]["coverage"], "incomplete", "coverage")
        equal(coverage["sum_equals_total"], True, "sum_equals_total")
        most = requests + coverage["unknown"] + coverage["interrupted"]
        check(requests <= lines <= most, f"{lines} lines of the log, not within {requests}..{most}")
