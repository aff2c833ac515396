# SPDX-License-Identifier: Apache-2.0
"""At the stock pipeline's scale, the report's totals are the targets' own counts."""
import collections
import os
import subprocess
import time

from .figures import cpu, held, milliseconds, number, size, trust
from .support import between, check, equal, wait_for
from .targets import Kafka, Nginx, Postgres


def broker(place):
    return place.tools.share("kafka", lambda folder: Kafka(folder, place.tools.kafka_libs))


STREAM = """
name: ten producers
targets: { stream: { kafka: { brokers: "%s", properties: { acks: all, linger.ms: 5 } } } }
scenarios:
  ticks:
    executor: constant-arrival-rate
    rate: 5000
    duration: 60s
    producers: 10
    steps: [ { produce: { target: stream, topic: stock-data, key: "S{{random 1 3000}}", size: 100..10240 } } ]
"""


def prove_kafka_messages_equal_the_end_offsets(place):
    """Kafka messages equal the end offsets, at 5,000 a second.

    10 producers on 5 agents send 5,000 messages a second of 100 to 10,240 bytes for 60 s to a real Kafka 3.9.1
    broker (KRaft, one node, 4 partitions). The sum of the topic's end offsets, `kafka_messages_produced` and the
    plan's arithmetic are the same number.
    """
    kafka = broker(place)
    kafka.create("stock-data")
    result = place.run(STREAM % kafka.brokers, "--agents", "5", timeout_s=180).expect(0).expect_whole(5)
    produced, offsets = result.row("kafka_messages_produced")["count"], kafka.messages("stock-data")
    row = result.row("kafka_produce_response_time")
    place.record(("kafka_messages_produced", number(produced)), ("sum of the end offsets", number(offsets)),
                 ("agent-seconds held", held(result)),
                 ("bytes sent", f"{result.row('data_sent')['count'] / 2**20:,.0f} MiB"),
                 ("response time", milliseconds(row, "p50", "p95", "p99", "max")),
                 ("agents' CPU", cpu(result, produced)), ("trust", trust(result)))
    equal(produced, 300000, "messages")
    equal(offsets, produced, "the broker's end offsets")


GROUPS = """
name: three thousand symbols
targets: { stream: { kafka: { brokers: "%s", properties: { acks: all, linger.ms: 5 } } } }
data: { symbol: { csv: symbols.csv, column: symbol, pick: zipf } }
scenarios:
  ticks:
    executor: constant-arrival-rate
    rate: 2000
    duration: 40s
    producers: 10
    steps:
      - produce: { target: stream, topic: symbols, key: "{{symbol}}", size: 100..1000, group: "{{symbol}}" }
"""


def report_again(place, result):
    """How long `stampede report` takes, in s; it must write the same summary."""
    summary = os.path.join(result.folder, "summary.json")
    with open(summary, "rb") as file:
        before = file.read()
    started = time.monotonic()
    done = subprocess.run([place.tools.stampede, "report", result.folder], capture_output=True, text=True, check=False)
    seconds = time.monotonic() - started
    equal(done.returncode, 0, f"exit code of report: {done.stderr}")
    with open(summary, "rb") as file:
        check(file.read() == before, "the summary differs from the run's")
    return seconds


def prove_symbols_have_the_counts_that_the_topic_holds(place):
    """Each of 3,000 symbols has the count that the topic holds.

    80,000 messages in 40 s over 3,000 symbols, drawn by Zipf's law, from 5 agents with `group: "{{symbol}}"`. The
    topic is then read back by Kafka's own consumer and its keys are counted: every symbol's row has exactly that
    count, and the rows sum up to the total. `stampede report` writes the same bytes again.
    """
    kafka = broker(place)
    kafka.create("symbols")
    place.write("symbols.csv", "symbol\n" + "".join(f"S{i:04}\n" for i in range(3000)))
    result = place.run(GROUPS % kafka.brokers, "--agents", "5").expect(0).expect_whole(5)
    produced = result.row("kafka_messages_produced")["count"]
    keys = kafka.java("org.apache.kafka.tools.consumer.ConsoleConsumer", "--bootstrap-server", kafka.brokers, "--topic",
                      "symbols", "--from-beginning", "--max-messages", str(produced), "--timeout-ms", "20000",
                      "--property", "print.key=true", "--property", "print.value=false").split()
    read = collections.Counter(keys)
    rows = {row["group"]: row["count"] for row in result.summary["metrics"]
            if row["metric"] == "kafka_messages_produced" and row["group"]}
    report_s = report_again(place, result)
    journal = os.path.join(result.folder, "journal")
    place.record(("messages", number(produced)), ("symbols with messages", number(len(rows))),
                 ("symbols whose count differs from the topic's", number(sum(rows[key] != read[key] for key in rows))),
                 ("messages of the busiest symbol", number(max(rows.values()))),
                 ("journal", f"{size(journal)}, {os.path.getsize(journal) / 40 / 1024:,.0f} KiB a second"),
                 ("summary.json", size(os.path.join(result.folder, "summary.json"))),
                 ("report.html", size(os.path.join(result.folder, "report.html"))),
                 ("stampede report", f"{report_s:.2f} s"), ("trust", trust(result)))
    equal(produced, 80000, "messages")
    equal(kafka.messages("symbols"), produced, "the broker's end offsets")
    equal(sum(rows.values()), produced, "sum over the symbols")
    check(rows == dict(read), "the symbols' counts differ from the topic's")
    equal(result.row("kafka_produce_response_time")["count"],
          sum(row["count"] for row in result.summary["metrics"]
              if row["metric"] == "kafka_produce_response_time" and row["group"]), "latencies over the symbols")


USERS = """
name: a hundred users
targets: { web: { http: { baseUrl: "%s", timeout: 10s } } }
scenarios:
  users:
    executor: per-vu-iterations
    vus: 100
    iterations: 1000
    steps: [ { http: { target: web, get: "/stocks/{{vu}}/{{iteration}}", check: { status: 200 } } } ]
"""


def prove_http_requests_are_the_lines_of_the_log(place):
    """100,000 HTTP requests are 100,000 lines of the log.

    100 users make 1,000 requests each from 5 agents, as fast as they can, against nginx with an access log. Its
    lines are `http_reqs`, and every one of the 100,000 paths stands in it exactly once.
    """
    web = place.stack.enter_context(Nginx(place.path("nginx")))
    result = place.run(USERS % web.url, "--agents", "5", timeout_s=300).expect(0).expect_whole(5)
    requests = result.row("http_reqs")["count"]
    wait_for(lambda: web.requests() >= 100000, "the access log")
    with open(web.access) as file:
        paths = [line.split('"')[1].split()[1] for line in file]
    row = result.row("http_req_response_time")
    place.record(("http_reqs", number(requests)), ("lines of the log", number(len(paths))),
                 ("paths in the log", number(len(set(paths)))),
                 ("requests a second", f"{requests / result.summary['run']['duration_s']:,.0f}"),
                 ("response time (closed load)", milliseconds(row, "p50", "p95", "p99", "max")),
                 ("agents' CPU", cpu(result, requests)), ("trust", trust(result)))
    equal(requests, 100000, "http_reqs")
    equal(len(paths), requests, "lines of the log")
    check(set(paths) == {f"/stocks/{vu}/{i}" for vu in range(1, 101) for i in range(1000)}, "paths differ from the plan's")
    equal(result.row("http_req_failed")["hits"], 0, "failures")


STALL = """
name: stall
targets: { web: { http: { baseUrl: "%s", timeout: 10s } } }
scenarios:
  rate:
    executor: constant-arrival-rate
    rate: 500
    duration: 20s
    maxVUs: 2000
    steps: [ { http: { target: web, get: / } } ]
"""


def prove_a_stall_shows_in_the_response_times(place):
    """A stall of 2 s shows in the response times, five times of five.

    Five times: 500 requests a second for 20 s, with nginx stopped by SIGSTOP for 2 s in the middle. 1,000 of 10,000
    requests were due during the stall, evenly, so response time p99 is the wait of the one that was due 0.2 s into
    it: 1.8 s. A tool that only measures from sending shows a few slow requests instead.
    """
    for turn in range(1, 6):
        web = place.stack.enter_context(Nginx(place.path(f"nginx-{turn}")))
        run = place.start_run(STALL % web.url)
        place.started(run)
        time.sleep(8)  # into the middle of the load
        web.freeze(True)
        time.sleep(2)  # the stall that the proof imposes
        web.freeze(False)
        result = run.finish().expect(0).expect_whole(1)
        row = result.row("http_req_response_time")
        place.record((f"run {turn}", f"{number(row['count'])} requests, " + milliseconds(row, "p50", "p99", "max")))
        equal(row["count"], 10000, "requests")
        between(row["p99"], 1700, 1900, "response time p99, ms")
        check(row["max"] >= 1950, f"response time max {row['max']} ms")


QUERIES = """
name: queries
targets: { db: { postgres: { uri: "%s", connections: 12 } } }
scenarios:
  indicators:
    executor: constant-arrival-rate
    rate: 200
    duration: 60s
    steps:
      - sql:
          target: db
          query: "SELECT close, avg(close) OVER (ORDER BY close ROWS 19 PRECEDING) AS sma20 FROM stock_data WHERE symbol = $1"
          params: [ "S{{random 0 99}}" ]
"""


def prove_sql_queries_and_rows_equal_pg_stat_statements(place):
    """SQL queries and rows equal pg_stat_statements.

    A moving average over a symbol's rows, 200 times a second for 60 s from 3 agents with 12 connections in all.
    PostgreSQL's pg_stat_statements has the same calls and rows as `sql_queries` and `sql_rows`.
    """
    db = place.tools.share("postgres", Postgres)
    db.reset_statistics()
    result = place.run(QUERIES % db.uri, "--agents", "3").expect(0).expect_whole(3)
    queries, rows = result.row("sql_queries")["count"], result.row("sql_rows")["count"]
    calls = db.statistics("AS sma20 FROM stock_data")
    row = result.row("sql_query_response_time")
    place.record(("sql_queries", number(queries)), ("calls", number(calls[0])), ("sql_rows", number(rows)),
                 ("rows", number(calls[1])), ("response time", milliseconds(row, "p50", "p95", "p99", "max")),
                 ("agents' CPU", cpu(result, queries)), ("trust", trust(result)))
    equal(queries, 12000, "queries")
    equal(rows, 12000 * 50, "rows")
    equal(calls, (queries, rows), "pg_stat_statements")
