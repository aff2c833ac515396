# SPDX-License-Identifier: Apache-2.0
"""summary.json of real runs, field by field: names, types, and what must agree with what."""
import csv
import json
import os
import subprocess
import xml.etree.ElementTree

from .support import check, equal
from .targets import Nginx

NUMBER = (int, float)
OPTIONAL = (int, float, type(None))
PARTS = {
    "run": {"id": str, "name": str, "started_at": str, "t0_unix_ns": str, "duration_s": NUMBER, "warmup_s": NUMBER,
            "measured_s": NUMBER, "plan_sha256": str, "version": str, "tags": dict},
    "environment": {"agents": list, "targets": list},
    "verdict": {"thresholds": str, "coverage": str, "trust": str, "exit_code": int, "ended_by": str},
    "coverage": {"agents": int, "agent_seconds_held": int, "agent_seconds_due": int, "sum_equals_total": bool,
                 "planned": int, "started": int, "dropped": int, "unknown": int, "overlap": int, "succeeded": int,
                 "failed": int, "interrupted": int, "dropped_by_reason": dict, "operations": int,
                 "failed_operations": int, "degraded": list, "rows_retired": dict},
    "timeline": {"seconds": list, "warmup": list, "degraded": list, "errors": dict, "series": dict},
}
ROWS = {
    "thresholds": {"metric": str, "expression": str, "window_s": OPTIONAL, "observed": OPTIONAL, "pass": bool},
    "errors": {"scenario": str, "step": str, "group": str, "class": str, "code": str, "text": str, "count": int,
               "first_s": int, "last_s": int},
    "groups": {"scenario": str, "step": str, "group": str, "count": int, "failed": int, "success": OPTIONAL,
               "min": OPTIONAL, "mean": OPTIONAL, "max": OPTIONAL, "slow": int, "status": str},
    "agents": {"name": str, "host": str, "seconds": int, "operations": int, "clock_offset_us": NUMBER,
               "clock_bound_us": NUMBER, "start_skew_us": NUMBER, "start_bound_us": NUMBER, "drift_ppm": NUMBER,
               "drift_bound_ppm": NUMBER, "cpu_s": NUMBER, "steal_s": NUMBER, "max_rss_kib": int,
               "joined_at_s": OPTIONAL, "lost_at_s": OPTIONAL, "left_at_s": OPTIONAL, "unknown": int, "overlap": int},
    "ledger": {"target": str, "topic": str, "acked": int, "seen": int, "lost": int, "duplicated": int,
               "reordered": int, "aborted": int, "aborted_visible": int, "unacked_visible": int, "failed": int,
               "foreign": int, "damaged": int, "unread": int, "partitions": int, "partitions_unread": int,
               "problem": str, "missing": list},
    "trust": {"check": str, "value": str, "limit": str, "ok": bool},
    "metrics": {"metric": str, "scenario": str, "step": str, "group": str, "label": str, "kind": str, "unit": str,
                "count": int, "rate_per_s": OPTIONAL, "warmup_count": int},
}
KINDS = {
    "counter": {"peak_per_s": NUMBER, "peak_second": int},
    "rate": {"hits": int, "value": OPTIONAL},
    "gauge": {name: OPTIONAL for name in ("value", "min", "avg", "max")},
    "latency": {"load": str, "saturated": int,
                **{name: OPTIONAL for name in ("min", "mean", "stddev", "p50", "p90", "p95", "p99", "p99.9", "p99.99",
                                               "max")}},
}
ENVIRONMENT = {
    "agents": {"name": str, "host": str, "cpu": str, "cores": int, "memory": int, "kernel": str, "limits": dict,
               "libraries": dict},
    "targets": {"name": str, "kind": str, "version": str, "topology": str, "idle_round_trip_ms": OPTIONAL},
}
EVERY_STEP = ("iterations", "dropped_iterations", "vus", "data_sent", "data_received", "availability",
              "iteration_duration")
OF_HTTP = ("http_reqs", "http_req_failed", "http_req_duration", "http_req_response_time", "http_req_connecting",
           "http_req_tls_handshaking", "http_req_waiting", "http_req_failed_duration")

PLAN = """
name: 스키마 "quoted"
warmup: 1s
tags: { from: plan }
targets: { web: { http: { baseUrl: "%s", timeout: 5s } } }
scenarios:
  before:
    { executor: constant-vus, vus: 1, duration: 2s, isWarmup: true,
      steps: [ { http: { target: web, get: / } }, { think: 20ms } ] }
  open:
    executor: constant-arrival-rate
    rate: 100
    duration: 3s
    steps:
      - http: { target: web, get: "/ok", name: fine, group: "g{{random 1 3}}", check: { status: 200 } }
      - http: { target: web, get: "/missing" }
      - http: { target: web, get: "/never" }
  closed:
    { executor: per-vu-iterations, vus: 5, iterations: 4, startTime: 1500ms,
      steps: [ { http: { target: web, post: "/b", body: x } } ] }
  capped:
    { executor: shared-iterations, vus: 2, iterations: 50, maxDuration: 500ms, gracefulStop: 0s, startTime: 2s,
      steps: [ { "null": { latency: 300ms } } ] }
thresholds:
  http_req_failed: [ 'rate<0.9', { threshold: 'rate<0.99', window: 2s } ]
  'http_req_response_time{scenario:closed}': [ 'p(95)<60000' ]
  'http_req_failed_duration{scenario:closed}': [ 'avg<1' ]
  'http_reqs{step:http-3}': [ 'count==0', 'rate==0' ]
"""


def has(thing, fields, where):
    for name, kind in fields.items():
        check(name in thing, f"{where} lacks {name}: {thing}")
        check(isinstance(thing[name], kind) and (kind is bool or kind == NUMBER or not isinstance(thing[name], bool)
                                                 or kind is OPTIONAL),
              f"{where}: {name} is {thing[name]!r}")


def check_fields(summary):
    equal(summary["format"], 1, "format")
    for part, fields in PARTS.items():
        has(summary[part], fields, part)
    for part, fields in ROWS.items():
        for row in summary[part]:
            has(row, fields, part)
    for row in summary["metrics"]:
        has(row, KINDS[row["kind"]], row["metric"])
        check(row["kind"] != "latency" or row["load"] in ("open", "closed", "mixed"), f"load of {row}")
    for part, fields in ENVIRONMENT.items():
        for row in summary["environment"][part]:
            has(row, fields, part)
    check(summary["run"]["t0_unix_ns"].isdigit(), "t0_unix_ns is no number")


def check_agreement(result, summary):
    """What is said twice is said alike."""
    coverage, run = summary["coverage"], summary["run"]
    equal(sum(agent["seconds"] for agent in summary["agents"]), coverage["agent_seconds_held"], "agents' seconds")
    equal(sum(agent["operations"] for agent in summary["agents"]), coverage["operations"], "agents' operations")
    equal(sum(coverage["dropped_by_reason"].values()), coverage["dropped"], "drops by reason")
    equal(run["warmup_s"] + run["measured_s"], 3.0, "the schedule's length")
    for row in summary["metrics"]:
        if row["rate_per_s"] is not None:
            check(abs(row["rate_per_s"] - row["count"] / run["measured_s"]) < 1e-5, f"rate of {row}")
        if row["kind"] == "rate":
            check(0 <= row["hits"] <= row["count"], f"hits of {row}")
        if row["kind"] == "latency" and row["count"]:
            ordered = [row[name] for name in ("min", "p50", "p90", "p95", "p99", "p99.9", "p99.99", "max")]
            equal(ordered[1:], sorted(ordered[1:]), f"order of {row['metric']}")
            check(row["min"] <= row["mean"] <= row["max"], f"mean of {row}")
    keys = [tuple(row[part] for part in ("metric", "scenario", "step", "group", "label")) for row in summary["metrics"]]
    equal(len(set(keys)), len(keys), "rows")
    for metric in ("http_reqs", "http_req_failed", "iterations", "dropped_iterations"):
        for count in ("count", "warmup_count"):
            parts = [row[count] for row in summary["metrics"] if row["metric"] == metric and row["scenario"] and not (
                row["step"] or row["group"] or row["label"])]
            equal(sum(parts), result.row(metric)[count], f"{count} of {metric} over the scenarios")


def check_timeline(result, timeline):
    for name, series in timeline["series"].items():
        metric, scenario = name.split("|")
        row = result.row(metric, scenario)
        for values in series.values():
            equal(len(values), len(timeline["seconds"]), f"{name}'s length")
        if row["kind"] in ("counter", "latency"):
            equal(sum(series["count"]), row["count"] + row["warmup_count"], f"sum of {name}")
        if row["kind"] == "latency":
            equal(sorted(series), ["count", "max", "p50", "p95", "p99"], f"{name}'s arrays")
    equal(timeline["warmup"][:2], [True, False], "warm-up")
    for name, counts in timeline["errors"].items():
        equal(len(counts), len(timeline["seconds"]), f"seconds of {name} errors")
        listed = sum(row["count"] for row in result.summary["errors"] if row["class"] == name)
        check(sum(counts) >= listed, f"{name} errors: {sum(counts)} by second, {listed} without warm-up")
    check(timeline["errors"], "no errors by second")


def check_files(result, summary):
    """The tables are the same figures; the report is made again from the journal, byte for byte."""
    with open(os.path.join(result.folder, "series.csv"), newline="") as file:
        rows = list(csv.DictReader(file))
    equal(len(rows), len(summary["metrics"]), "rows of series.csv")
    for row, wanted in zip(rows, summary["metrics"]):
        for name in ("metric", "scenario", "step", "group", "label", "kind"):
            equal(row[name], wanted[name], name)
        for name in ("count", "rate_per_s", "hits", "p50", "p99.9", "peak_second"):
            value = wanted.get(name)
            check((row[name] == "") == (value is None) and (value is None or abs(float(row[name]) - value) < 1e-6),
                  f"{name} of {row}")
    cases = list(xml.etree.ElementTree.parse(os.path.join(result.folder, "junit.xml")).iter("testcase"))
    equal([case.find("failure") is None for case in cases], [row["pass"] for row in summary["thresholds"]], "testcases")


def check_zero_rows(result):
    for metric in EVERY_STEP:
        result.row(metric)
    for metric in OF_HTTP:
        for scenario, step in (("", ""), ("open", ""), ("open", "fine"), ("open", "http-2"), ("open", "http-3")):
            result.row(metric, scenario, step)
    equal(result.row("http_reqs", "open", "http-3")["count"], 0, "a step that never ran")
    equal(result.row("http_req_failed", "open", "http-3")["value"], None, "a rate without observations")
    equal(result.row("dropped_iterations", "closed")["count"], 0, "drops of a scenario without any")
    groups = [row["group"] for row in result.summary["metrics"] if row["metric"] == "http_reqs" and row["group"]]
    equal(sorted(groups), ["g1", "g2", "g3"], "groups")


def test_summary_json_has_every_field_and_agrees_with_itself(place):
    web = place.stack.enter_context(Nginx(place.path("nginx"), "location /missing { return 404; }"))
    result = place.run(PLAN % web.url, "--agents", "2", "--tag", "by=test").expect(99).expect_whole(2)
    summary = result.summary
    check_fields(summary)
    check_agreement(result, summary)
    check_timeline(result, summary["timeline"])
    check_files(result, summary)
    check_zero_rows(result)
    equal(summary["run"]["tags"], {"from": "plan", "by": "test"}, "tags")
    equal([(row["expression"], row["window_s"], row["pass"]) for row in summary["thresholds"]],
          [("rate<0.9", None, True), ("rate<0.99", 2, True), ("p(95)<60000", None, True), ("avg<1", None, False),
           ("count==0", None, True), ("rate==0", None, True)], "thresholds")
    # 300 arrivals, 20 iterations; 2 VUs start at 0 and 300 ms, and the second iteration of each is cut off.
    equal(result.row("iterations", "open")["count"] + result.row("iterations", "open")["warmup_count"], 300, "open")
    equal(result.row("iterations", "closed")["count"], 20, "closed")
    equal((result.row("iterations", "capped")["count"], summary["coverage"]["interrupted"]), (2, 2), "capped")
    equal(result.row("dropped_iterations", "capped", "", "", "max_duration")["count"], 46, "dropped max_duration")
    equal([(row["class"], row["code"], row["step"], row["count"]) for row in summary["errors"]],
          [("client", "404", "http-2", result.row("http_req_failed", "open", "http-2")["hits"])], "errors")
    again = subprocess.run([place.tools.stampede, "report", result.folder, "--format", "json"], capture_output=True,
                           text=True, check=True)
    with open(os.path.join(result.folder, "summary.json")) as file:
        equal(json.loads(again.stdout), json.load(file), "the report made again")
