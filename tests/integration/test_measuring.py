# SPDX-License-Identifier: Apache-2.0
"""The measuring rules, on real targets that stall and executors that are counted to the iteration."""
import os
import signal
import time

from .support import between, check, children_of, equal
from .targets import Nginx

STALL = """
name: stall
targets: { web: { http: { baseUrl: "%s", timeout: 10s } } }
scenarios:
  rate:
    executor: constant-arrival-rate
    rate: 500
    duration: 20s
    maxVUs: %d
    whenFull: drop
    steps: [ { http: { target: web, get: / } } ]
"""


def stalled_run(place, max_vus):
    web = place.stack.enter_context(Nginx(place.path("nginx")))
    run = place.start_run(STALL % (web.url, max_vus))
    place.started(run)
    time.sleep(8)  # into the middle of the load; no condition could tell it better than the clock
    web.freeze(True)
    time.sleep(2)  # the stall that the test imposes
    web.freeze(False)
    return run.finish().expect(0).expect_whole(1)


def test_a_stalled_target_shows_in_response_times_not_only_in_service_times(place):
    result = stalled_run(place, 2000)
    row = result.row("http_req_response_time")
    equal(row["load"], "open", "load")
    equal(result.row("http_reqs")["count"], 10000, "requests")
    between(row["p99"], 1700, 1900, "response time p99, ms")
    check(row["max"] >= 1950, f"response time max {row['max']} ms")


def test_a_small_pool_drops_what_it_cannot_start_and_counts_it(place):
    coverage = stalled_run(place, 50).summary["coverage"]
    equal(coverage["planned"], 10000, "planned")
    equal(coverage["started"] + coverage["dropped"], 10000, "started + dropped")
    check(coverage["dropped"] > 500, f"only {coverage['dropped']} were dropped in a stall of 2 s")


EXECUTORS = """
name: executors
scenarios:
  constant-rate: { executor: constant-arrival-rate, rate: 300, duration: 3s, steps: [ { "null": { latency: 1ms } } ] }
  ramping-rate:
    executor: ramping-arrival-rate
    startRate: 0
    stages: [ { duration: 2s, target: 400 }, { duration: 1s, target: 400 }, { duration: 1s, target: 0 } ]
    steps: [ { "null": { latency: 1ms } } ]
  vus: { executor: constant-vus, vus: 4, duration: 3s, pace: 100ms, steps: [ { "null": { latency: 1ms } } ] }
  ramping:
    executor: ramping-vus
    startVUs: 0
    stages: [ { duration: 2s, target: 6 }, { duration: 1s, target: 0 } ]
    steps: [ { "null": { latency: 2ms } }, { think: 10ms } ]
  each: { executor: per-vu-iterations, vus: 5, iterations: 7, steps: [ { "null": { latency: 1ms } } ] }
  shared: { executor: shared-iterations, vus: 4, iterations: 101, steps: [ { "null": { latency: 1ms } } ] }
  later: { executor: shared-iterations, vus: 1, iterations: 3, startAfter: shared, steps: [ { "null": {} } ] }
"""


def test_all_six_executors_start_exactly_what_they_plan(place):
    for agents in ("1", "3"):
        result = place.run(EXECUTORS, "--agents", agents).expect(0).expect_whole(int(agents))
        counts = {row["scenario"]: row["count"] for row in result.summary["metrics"]
                  if row["metric"] == "iterations" and row["scenario"]}
        for scenario, count in (("constant-rate", 900), ("ramping-rate", 1000), ("each", 35), ("shared", 101),
                                ("later", 3)):
            equal(counts[scenario], count, f"{scenario} with {agents} agents")
        between(counts["vus"], 116, 124, f"paced iterations with {agents} agents")
        check(counts["ramping"] > 300, f"ramping-vus made {counts['ramping']} iterations")


WARMUP = """
name: warm-up
warmup: 2s
scenarios:
  rate: { executor: constant-arrival-rate, rate: 100, duration: 5s, steps: [ { "null": { latency: 1ms } } ] }
thresholds: { null_operations: [ 'count==300', 'rate==100' ] }
"""


def test_warm_up_is_shown_and_left_out_of_totals_and_rates(place):
    result = place.run(WARMUP, "--agents", "2").expect(0)
    row = result.row("null_operations")
    equal((row["count"], row["warmup_count"]), (300, 200), "count and warm-up count")
    between(row["rate_per_s"], 99.99, 100.01, "rate a second")
    equal(result.summary["run"]["warmup_s"], 2, "warmup_s")
    equal(result.summary["timeline"]["warmup"][:3], [True, True, False], "timeline's warm-up")


def test_a_stopped_agent_drops_late_starts_instead_of_a_burst(place):
    plan = """
name: late
scenarios:
  rate: { executor: constant-arrival-rate, rate: 200, duration: 8s, steps: [ { "null": { latency: 1ms } } ] }
"""
    run = place.start_run(plan)
    place.started(run)
    children = children_of(run.pid)
    equal(len(children), 1, "local agents")
    time.sleep(3)  # some load before the stop
    os.kill(int(children[0]), signal.SIGSTOP)
    time.sleep(3)  # the pause that the test imposes
    os.kill(int(children[0]), signal.SIGCONT)
    result = run.finish()
    coverage = result.summary["coverage"]
    equal(coverage["planned"], 1600, "planned")
    equal(coverage["started"] + coverage["dropped"], 1600, "started + dropped")
    late = result.row("dropped_iterations", label="late")["count"]
    between(late, 300, 500, "dropped as late")
    equal(result.summary["verdict"]["trust"], "suspect", "trust")


def test_users_leave_when_their_unique_data_is_used_up(place):
    place.write("users.csv", "id\n" + "".join(f"{i}\n" for i in range(60)))
    plan = """
name: used up
data: { user: { csv: users.csv, column: id, pick: unique } }
scenarios:
  users: { executor: constant-vus, vus: 6, duration: 2s, steps: [ { "null": { latency: 1ms, group: "{{user}}" } } ] }
"""
    result = place.run(plan, "--agents", "2").expect(0).expect_whole(2)
    coverage = result.summary["coverage"]
    equal((coverage["succeeded"], coverage["failed"]), (60, 6), "succeeded and failed iterations")
    equal([(error["code"], error["count"]) for error in result.summary["errors"]], [("FEED_EXHAUSTED", 6)], "errors")


def test_steps_are_chosen_by_weight_and_failures_are_classified(place):
    plan = """
name: weights
scenarios:
  mixed:
    executor: shared-iterations
    vus: 10
    iterations: 4000
    steps:
      - "null": { name: always }
      - "null": { name: often, weight: 3 }
      - "null": { name: seldom, weight: 1, failures: 50% }
"""
    result = place.run(plan, "--agents", "2").expect(0)
    equal(result.row("null_operations", "mixed", "always")["count"], 4000, "unweighted step")
    often = result.row("null_operations", "mixed", "often")["count"]
    seldom = result.row("null_operations", "mixed", "seldom")["count"]
    equal(often + seldom, 4000, "weighted steps")
    between(seldom, 850, 1150, "the step of weight 1 of 4")
    failed = result.row("null_operation_failed", "mixed", "seldom")["hits"]
    between(failed, 0.4 * seldom, 0.6 * seldom, "failures")
    equal(result.summary["coverage"]["failed"], failed, "failed iterations")
    equal(result.row("null_operation_failed_duration")["count"], failed, "failed durations")
