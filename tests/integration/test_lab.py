# SPDX-License-Identifier: Apache-2.0
"""The embedded lab: the demo's totals are the lab's own counts, and a new plan runs on it."""
import json
import os
import subprocess

from .support import check, equal


def in_lab(place, arguments, timeout_s=180):
    counters = place.path("counters.json")
    done = subprocess.run([place.tools.lab, "--counters", counters, "--", *arguments], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=timeout_s, env=place.env(), check=False,
                          cwd=place.folder)
    check(done.returncode == 0, f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}")
    with open(counters) as file:
        return json.load(file)


def rows(folder):
    with open(os.path.join(folder, "summary.json")) as file:
        summary = json.load(file)
    return summary, {row["metric"]: row for row in summary["metrics"]
                     if not (row["scenario"] or row["step"] or row["group"] or row["label"])}


def whole(row):
    return row["count"] + row["warmup_count"]


def test_the_demo_s_totals_are_the_lab_s_own_counts(place):
    folder = place.path("run")
    lab = in_lab(place, [place.tools.stampede, "run", "-o", folder, "--agents", "3",
                         os.path.join(place.tools.root, "plans", "demo.yaml")])
    summary, totals = rows(folder)
    coverage = summary["coverage"]
    equal(summary["verdict"]["coverage"], "complete", "coverage")
    equal(lab["kafka"]["messages"], whole(totals["kafka_messages_produced"]), "messages")
    requests, interrupted = whole(totals["http_reqs"]), coverage["interrupted"]
    check(requests <= lab["api"]["requests"] <= requests + interrupted,
          f"{lab['api']['requests']} answers, {requests} http_reqs, {interrupted} interrupted")
    queries = whole(totals["sql_queries"])
    check(queries <= lab["postgres"]["calls"] <= queries + interrupted,
          f"{lab['postgres']['calls']} calls, {queries} sql_queries, {interrupted} interrupted")


def test_a_new_plan_runs_against_the_lab(place):
    plan = place.path("first.yaml")
    done = subprocess.run([place.tools.stampede, "new", plan], capture_output=True, text=True, check=False)
    equal(done.returncode, 0, done.stderr)
    again = subprocess.run([place.tools.stampede, "new", plan], capture_output=True, text=True, check=False)
    equal(again.returncode, 104, "writing over a plan")
    folder = place.path("run")
    lab = in_lab(place, [place.tools.stampede, "run", "-o", folder, plan])
    _, totals = rows(folder)
    equal(lab["kafka"]["messages"], whole(totals["kafka_messages_produced"]), "messages")
