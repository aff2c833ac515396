#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The files of a sample report by Python's own parsers, and held against each other.

usage: check_files.py PRINT_SAMPLE
"""
import csv
import io
import json
import re
import subprocess
import sys
import xml.etree.ElementTree

LATENCY_FIELDS = "load min mean stddev p50 p90 p95 p99 p99.9 p99.99 max saturated few_samples buckets".split()
FIELDS = {
    "run": "id name started_at t0_unix_ns duration_s warmup_s plan_sha256 version tags",
    "verdict": "thresholds coverage trust exit_code",
    "coverage": "agents agent_seconds_held agent_seconds_due sum_equals_total planned started dropped unknown "
    "overlap succeeded failed interrupted degraded rows_retired",
    "timeline": "seconds warmup degraded errors series",
}
ITEM_FIELDS = {
    "thresholds": "metric expression window_s observed pass",
    "metrics": "metric scenario step group label kind unit count rate_per_s warmup_count",
    "errors": "scenario step group class code text count first_s last_s",
    "ledger": "target topic acked seen lost duplicated reordered aborted aborted_visible unacked_visible failed "
    "foreign damaged unread partitions partitions_unread problem missing",
    "agents": "name host seconds operations clock_offset_us clock_bound_us start_skew_us cpu_s max_rss_kib "
    "joined_at_s lost_at_s left_at_s unknown overlap start_bound_us drift_ppm drift_bound_ppm steal_s",
    "trust": "check value limit ok",
}
KIND_FIELDS = {
    "counter": "peak_per_s peak_second".split(),
    "rate": "hits value".split(),
    "gauge": "value min avg max".split(),
    "latency": LATENCY_FIELDS,
}


def output(print_sample, what, name):
    done = subprocess.run([print_sample, what, name], capture_output=True, check=True)
    return done.stdout.decode("utf-8")


def has(thing, fields, where):
    missing = [field for field in fields if field not in thing]
    assert not missing, f"{where} lacks {missing}"


def check_summary(text):
    def no_duplicates(pairs):
        assert len({key for key, _ in pairs}) == len(pairs), f"a key twice in {pairs}"
        return dict(pairs)

    summary = json.loads(text, object_pairs_hook=no_duplicates, parse_constant=lambda word: 1 / 0)
    assert summary["format"] == 1
    for part, fields in FIELDS.items():
        has(summary[part], fields.split(), part)
    for part, fields in ITEM_FIELDS.items():
        assert summary[part], f"no {part}"
        for item in summary[part]:
            has(item, fields.split(), part)
    for row in summary["metrics"]:
        has(row, KIND_FIELDS[row["kind"]], row["metric"])
    assert {"expression": "rate<0.1", "window_s": 30}.items() <= summary["thresholds"][3].items()
    assert isinstance(summary["run"]["t0_unix_ns"], str)
    environment = summary["environment"]
    has(environment["agents"][0], "name host cpu cores memory kernel limits libraries".split(), "agent")
    has(environment["targets"][0], "name kind version topology idle_round_trip_ms".split(), "target")
    assert environment["targets"][0]["idle_round_trip_ms"] is None
    lost = summary["ledger"][1]
    assert lost["missing"][0] == {"agent": "agent-1", "producer": 1, "partition": 0, "sequence": 5120, "second": 12}
    assert (len(lost["missing"]), lost["lost"], lost["unread"]) == (20, 1287, 20) and "90 s" in lost["problem"], lost
    check_conservation(summary["coverage"])
    check_timeline(summary)
    return summary


def check_conservation(coverage):
    assert coverage["planned"] == coverage["started"] + coverage["dropped"] + coverage["unknown"]
    assert coverage["started"] == coverage["succeeded"] + coverage["failed"] + coverage["interrupted"]
    assert coverage["dropped"] == sum(coverage["dropped_by_reason"].values())


def check_timeline(summary):
    timeline = summary["timeline"]
    seconds = len(timeline["seconds"])
    assert seconds == len(timeline["warmup"]) == len(timeline["degraded"]) == 120
    for name, line in timeline["series"].items():
        assert name.count("|") >= 1
        assert all(len(values) == seconds for values in line.values()), name
    for name, counts in timeline["errors"].items():
        assert sum(counts) == sum(error["count"] for error in summary["errors"] if error["class"] == name), name
        assert len(counts) == seconds
    assert len(timeline["errors"]) == len({error["class"] for error in summary["errors"]})
    measured = [i for i in range(seconds) if not timeline["warmup"][i]]
    for row in summary["metrics"]:
        line = timeline["series"].get(f"{row['metric']}|{row['scenario']}")
        if line and row["kind"] in ("counter", "latency") and not (row["step"] or row["group"] or row["label"]):
            assert sum(line["count"][i] for i in measured) == row["count"], row["metric"]


def check_statuses(rows, summary):
    statuses = {(group["scenario"], group["step"], group["group"]): group["status"] for group in summary["groups"]}
    assert len(statuses) == len(summary["groups"]) > 40 and len(set(statuses.values())) > 1, statuses
    for row in rows:
        status = row.pop("status")
        if row["group"] and row["metric"].endswith(("_response_time", "_failed")):
            assert status == statuses[row["scenario"], row["step"], row["group"]], row
        else:
            assert status == "", row


def check_series(text, summary):
    rows = list(csv.DictReader(io.StringIO(text), strict=True))
    assert len(rows) == len(summary["metrics"])
    check_statuses(rows, summary)
    for row, expected in zip(rows, summary["metrics"]):
        assert None not in row and None not in row.values(), row
        for field, value in row.items():
            known = expected.get("avg" if field == "mean" and expected["kind"] == "gauge" else field)
            if known is None:
                assert value == "", (field, value)
            elif isinstance(known, str):
                assert value == known, (field, value, known)
            else:
                assert float(value) == float(known), (field, value, known)


def check_timeline_csv(text, summary):
    rows = list(csv.DictReader(io.StringIO(text), strict=True))
    series = summary["timeline"]["series"]
    assert len(rows) == 120 * len(series)
    for row in rows:
        line = series[f"{row['metric']}|{row['scenario']}"]
        assert float(row["count"]) == line["count"][int(row["second"])]
        for field in ("p50", "p95", "p99", "max"):
            known = line.get(field, [None] * 120)[int(row["second"])]
            assert row[field] == "" if known is None else float(row[field]) == known


def check_quoting(print_sample):
    rows = list(csv.DictReader(io.StringIO(output(print_sample, "hostile", "series.csv"), newline=""), strict=True))
    names = {row["group"] for row in rows}
    assert {'a "quoted", name\r\nof two lines', "returned\rcarriage", "of two\nlines"} <= names, names


def check_junit(text, summary):
    root = xml.etree.ElementTree.fromstring(text)
    cases = root.findall(".//testcase")
    failed = [case for case in cases if case.find("failure") is not None]
    assert len(cases) == len(summary["thresholds"]) == int(root.get("tests"))
    assert len(failed) == sum(not threshold["pass"] for threshold in summary["thresholds"]) == int(root.get("failures"))
    assert all("observed" in case.find("failure").get("message") for case in failed)
    names = {case.get("name") for case in cases}
    assert "http_req_failed: rate<0.1 over 30s" in names, names
    properties = {one.get("name"): one.get("value") for one in root.findall(".//property")}
    assert properties["coverage"].startswith("INCOMPLETE") and properties["trust"].startswith("SUSPECT")


def check_markdown(text):
    lines = text.split("\n")
    tables = 0
    for before, line in zip(lines, lines[1:]):
        if re.fullmatch(r"(\|-+:?)+\|", line):
            tables += 1
            cells = line.count("|")
            at = lines.index(line, lines.index(before)) + 1
            while at < len(lines) and lines[at].startswith("|"):
                assert len(re.findall(r"(?<!\\)\|", lines[at])) == cells, lines[at]
                at += 1
    assert tables >= 4


def check_html(text):
    assert text.count("<script") == text.count("</script>") == 3
    assert "default-src 'none'" in text
    assert "Permission is hereby granted, free of charge" in text and "Leon Sorokin" in text
    # Nothing is fetched: no element names another resource.
    assert not re.search(r"<(link|img|iframe|object|embed)\b|\ssrc=|@import|url\(", text)


def main():
    print_sample = sys.argv[1]
    summary = check_summary(output(print_sample, "minutes", "summary.json"))
    check_series(output(print_sample, "minutes", "series.csv"), summary)
    check_timeline_csv(output(print_sample, "minutes", "timeline.csv"), summary)
    check_quoting(print_sample)
    check_junit(output(print_sample, "minutes", "junit.xml"), summary)
    xml.etree.ElementTree.fromstring(output(print_sample, "hostile", "junit.xml"))
    check_markdown(output(print_sample, "minutes", "report.md"))
    check_markdown(output(print_sample, "hostile", "report.md"))
    check_html(output(print_sample, "minutes", "report.html"))


main()
