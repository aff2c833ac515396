#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""latency.hlog by HdrHistogram's own reader and log processor, against summary.json.

usage: check_hlog.py PRINT_SAMPLE
Skipped without Java or its HdrHistogram, unless CI=true: then that is a failure.
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import urllib.parse

JAR = "/usr/share/java/hdrhistogram.jar"
SKIPPED = 77


def output(*command):
    return subprocess.run(command, capture_output=True, check=True).stdout.decode("utf-8")


def read_by_java(log, folder):
    """{(metric, scenario, step): (count, min, p50, p99, max)} in us."""
    reader = pathlib.Path(__file__).parent / "HlogReader.java"
    text = output("java", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dfile.encoding=UTF-8", "-cp", JAR, str(reader), str(log))
    rows = {}
    for line in text.splitlines():
        tag, *figures = line.split("\t")
        metric, scenario, step = tag.split("|")
        rows[metric, urllib.parse.unquote(scenario), urllib.parse.unquote(step)] = tuple(map(int, figures))
    return rows


def expected_rows(summary):
    return {
        (row["metric"], row["scenario"], row["step"]): row
        for row in summary["metrics"]
        if row["kind"] == "latency" and row["count"] and not row["group"] and not row["label"]
    }


def in_us(ms):
    return round(ms * 1000)


def check_values(rows, summary):
    expected = expected_rows(summary)
    assert rows.keys() == expected.keys(), rows.keys() ^ expected.keys()
    for name, (count, least, p50, p99, most) in rows.items():
        row = expected[name]
        assert count == row["count"], (name, count)
        # HdrHistogram's log keeps buckets, so its ends are those of the outermost buckets.
        assert abs(least - in_us(row["min"])) <= 1 + row["min"], (name, least, row["min"])
        assert 0 <= most - in_us(row["max"]) <= 1 + row["max"], (name, most, row["max"])
        for java, ours in ((p50, row["p50"]), (p99, row["p99"])):
            assert java == in_us(ours) or in_us(ours) == in_us(row["max"]), (name, java, ours)


def check_processor(log, summary):
    """HistogramLogProcessor, as a user would run it for one tag."""
    tag = "http_req_response_time||"
    text = output("java", "-XX:+UseSerialGC", "-cp", JAR, "org.HdrHistogram.HistogramLogProcessor", "-i", str(log), "-tag", tag, "-outputValueUnitRatio", "1000")
    row = expected_rows(summary)["http_req_response_time", "", ""]
    assert f"Total count    = {row['count']:12d}".replace(" ", "") in text.replace(" ", ""), text[-400:]


def main():
    if not shutil.which("java") or not os.path.exists(JAR):
        print("no Java, or no", JAR)
        sys.exit(1 if os.environ.get("CI") == "true" else SKIPPED)
    with tempfile.TemporaryDirectory() as folder:
        for what in ("minutes", "hostile"):
            log = pathlib.Path(folder) / f"{what}.hlog"
            log.write_text(output(sys.argv[1], what, "latency.hlog"), encoding="utf-8")
            summary = json.loads(output(sys.argv[1], what, "summary.json"))
            check_values(read_by_java(log, folder), summary)
            if what == "minutes":
                check_processor(log, summary)


main()
