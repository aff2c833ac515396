# SPDX-License-Identifier: Apache-2.0
"""The report's totals are the targets' own counts, with one agent and with five."""
from .support import equal, wait_for
from .targets import Kafka, Nginx, Postgres

HTTP = """
name: http totals
targets: { web: { http: { baseUrl: "%s", timeout: 5s } } }
scenarios:
  rate:
    executor: constant-arrival-rate
    rate: 400
    duration: 4s
    steps: [ { http: { target: web, get: "/a/{{vu}}/{{iteration}}", check: { status: 200 } } } ]
  users:
    executor: constant-vus
    vus: 7
    duration: 4s
    steps:
      - http: { target: web, post: /b, body: "x={{random 1 100}}" }
      - think: 5ms..15ms
"""


def http_totals(place, agents):
    web = place.stack.enter_context(Nginx(place.path("nginx")))
    result = place.run(HTTP % web.url, "--agents", str(agents)).expect(0).expect_whole(agents)
    # An iteration that was cut off may have had its request answered: its line is in the log.
    interrupted = result.summary["coverage"]["interrupted"]
    reqs = result.row("http_reqs")["count"]
    wait_for(lambda: web.requests() >= reqs, "the access log")
    low, lines = reqs, web.requests()
    assert low <= lines <= low + interrupted, f"{lines} lines in the log, {reqs} http_reqs, {interrupted} interrupted"
    equal(result.row("http_reqs", "rate")["count"], 1600, "requests of the open loop")
    equal(result.row("http_req_failed")["hits"], 0, "failures")
    equal(result.row("checks", "rate", "http-1", "", "status is 200")["value"], 1, "checks")


def test_http_requests_equal_the_access_log_with_one_agent(place):
    http_totals(place, 1)


def test_http_requests_equal_the_access_log_with_five_agents(place):
    http_totals(place, 5)


KAFKA = """
name: kafka totals
targets: { stream: { kafka: { brokers: "%s", properties: { linger.ms: 5 } } } }
data: { symbol: { csv: symbols.csv, column: symbol, pick: zipf } }
scenarios:
  ticks:
    executor: constant-arrival-rate
    rate: 1000
    duration: 4s
    producers: 10
    steps:
      - produce: { target: stream, topic: "%s", key: "{{symbol}}", size: 100..10240, acks: all, group: "{{symbol}}" }
  awaited:
    executor: per-vu-iterations
    vus: 5
    iterations: 20
    steps:
      - produce: { target: stream, topic: "%s", payload: "{{vu}} {{uuid}}", await: ack }
"""


def kafka_totals(place, agents):
    broker = place.tools.share("kafka", lambda folder: Kafka(folder, place.tools.kafka_libs))
    topic = f"totals-{agents}"
    broker.create(topic)
    place.write("symbols.csv", "symbol\n" + "".join(f"S{i}\n" for i in range(300)))
    result = place.run(KAFKA % (broker.brokers, topic, topic), "--agents", str(agents)).expect(0).expect_whole(agents)
    produced = result.row("kafka_messages_produced")["count"]
    equal(produced, 4100, "messages")
    equal(broker.messages(topic), produced, "the broker's end offsets")
    groups = [row for row in result.summary["metrics"] if row["metric"] == "kafka_messages_produced" and row["group"]]
    equal(sum(row["count"] for row in groups), 4000, "messages by group")


def test_kafka_messages_equal_the_end_offsets_with_one_agent(place):
    kafka_totals(place, 1)


def test_kafka_messages_equal_the_end_offsets_with_five_agents(place):
    kafka_totals(place, 5)


SQL = """
name: sql totals
targets: { db: { postgres: { uri: "%s", connections: 10 } } }
scenarios:
  queries:
    executor: constant-arrival-rate
    rate: 200
    duration: 3s
    steps:
      - sql:
          target: db
          query: "SELECT symbol, close, %d AS marker FROM stock_data WHERE symbol = $1"
          params: [ "S{{random 0 99}}" ]
"""


def sql_totals(place, agents):
    db = place.tools.share("postgres", Postgres)
    db.reset_statistics()
    result = place.run(SQL % (db.uri, agents), "--agents", str(agents)).expect(0).expect_whole(agents)
    equal(result.row("sql_queries")["count"], 600, "queries")
    equal(result.row("sql_rows")["count"], 600 * 50, "rows")
    equal(db.statistics("AS marker FROM stock_data"), (600, 600 * 50), "pg_stat_statements")


def test_sql_queries_equal_pg_stat_statements_with_one_agent(place):
    sql_totals(place, 1)


def test_sql_queries_equal_pg_stat_statements_with_five_agents(place):
    sql_totals(place, 5)
