# SPDX-License-Identifier: Apache-2.0
"""Consumers on a real broker: who reads what, how often, how late, and what a group remembers."""
from .support import between, check, equal, free_port
from .targets import Kafka

HEAD = """
name: consumers
targets: { stream: { kafka: { brokers: "%s", properties: { linger.ms: 2, heartbeat.interval.ms: 300 } } } }
scenarios:
"""

READ = HEAD + """
  make:
    executor: constant-arrival-rate
    rate: 1000
    duration: 4s
    producers: 2
    steps: [ { produce: { target: stream, topic: read, size: 100..300, keys: { uniform: 5 } } } ]
  group:
    executor: constant-vus
    vus: 3
    duration: 9s
    steps: [ { consume: { target: stream, topic: read, groupId: readers, from: beginning, groupByKey: true } } ]
  assigned:
    executor: constant-vus
    vus: 3
    duration: 9s
    steps: [ { consume: { target: stream, topic: read, partitions: all, from: beginning, maxPollRecords: 7 } } ]
  nobody:
    executor: constant-vus
    vus: 1
    duration: 2s
    startAfter: make
    startTime: 2s
    steps: [ { consume: { target: stream, topic: read, partitions: [ 0, 1, 2, 3 ], from: end } } ]
thresholds:
  'kafka_end_to_end_latency{scenario:group}': ['p(50)<9000']
  'kafka_messages_consumed': ['count==8000']
  'kafka_consume_failed': ['rate==0']
"""

COMMITS = HEAD + """
  poll: { executor: constant-vus, vus: 1, duration: 2s,
    steps: [ { consume: { target: stream, topic: kept, groupId: by-poll, from: beginning, commit: poll } } ] }
  auto: { executor: constant-vus, vus: 1, duration: 2s,
    steps: [ { consume: { target: stream, topic: kept, groupId: "by-{{vu}}", from: beginning } } ] }
  none: { executor: constant-vus, vus: 1, duration: 2s,
    steps: [ { consume: { target: stream, topic: kept, groupId: by-none, from: beginning, commit: none } } ] }
"""

FILL = HEAD + """
  fill: { executor: shared-iterations, rate: max, iterations: %d, steps: [ { produce: { target: stream, topic: %s, size: 50 } } ] }
"""

ISOLATION = HEAD + """
  make:
    executor: shared-iterations
    iterations: 1000
    producers: 1
    steps: [ { produce: { target: stream, topic: isolated, size: 100, transactions: { every: 50, abort: 50%% } } } ]
  committed: { executor: constant-vus, vus: 1, duration: 6s,
    steps: [ { consume: { target: stream, topic: isolated, partitions: all, from: beginning } } ] }
  uncommitted: { executor: constant-vus, vus: 1, duration: 6s,
    steps: [ { consume: { target: stream, topic: isolated, partitions: all, from: beginning, isolation: uncommitted } } ] }
"""

SLOW = HEAD + """
  make: { executor: constant-arrival-rate, rate: 200, duration: 4s,
    steps: [ { produce: { target: stream, topic: slow, size: 50 } } ] }
  slow: { executor: constant-vus, vus: 1, duration: 5s,
    steps: [ { consume: { target: stream, topic: slow, groupId: slow, from: beginning, processing: 20ms, maxPollRecords: 10 } } ] }
  lost: { executor: constant-vus, vus: 1, duration: 3s,
    steps: [ { consume: { target: stream, topic: not-there, groupId: lost, pollTimeout: 200ms } } ] }
"""

FAR = HEAD + """
  make: { executor: constant-arrival-rate, rate: 500, duration: 6s, runOn: { role: producer },
    steps: [ { produce: { target: stream, topic: far, payload: "m {{iteration}}" } } ] }
  read: { executor: constant-vus, vus: 2, duration: 8s, runOn: { role: consumer },
    steps: [ { consume: { target: stream, topic: far, groupId: far, from: beginning } } ] }
"""


def broker(place, *topics):
    kafka = place.tools.share("kafka", lambda folder: Kafka(folder, place.tools.kafka_libs))
    for topic in topics:
        kafka.create(topic)
    return kafka


def consumed(result, scenario):
    return result.row("kafka_messages_consumed", scenario)["count"]


def check_end_to_end(result, scenario, count, most_ms):
    row = result.row("kafka_end_to_end_latency", scenario)
    equal(row["count"], count, f"messages with a stamp that {scenario} received")
    between(row["p50"], 0.1, most_ms, f"the median of {scenario}")
    check(row["min"] >= 0 and row["clock_bound_ms"] > 0, f"{row}")


def test_consumers_read_each_message_once(place):
    kafka = broker(place, "read")
    result = place.run(READ % kafka.brokers, "--agents", "2").expect(0).expect_whole(2)
    equal(kafka.messages("read"), 4000, "the broker's end offsets")
    for scenario in ("group", "assigned"):
        equal(consumed(result, scenario), 4000, f"messages of {scenario}")
        equal(result.row("data_received", scenario)["count"], result.row("data_sent", "make")["count"], "bytes")
        check_end_to_end(result, scenario, 4000, 9000)
    equal(consumed(result, "nobody"), 0, "messages from the end on")
    between(result.row("kafka_end_to_end_negative")["count"], 0, 8, "negative latencies on one host")
    groups = {row["group"]: row["count"] for row in result.summary["metrics"]
              if row["metric"] == "kafka_messages_consumed" and row["group"]}
    equal(sorted(groups), [str(key) for key in range(1, 6)], "groups by key")
    equal(sum(groups.values()), 4000, "messages by key")
    rebalances = result.row("kafka_rebalances", "group")["count"]
    check(rebalances >= 3, f"{rebalances} rebalances of 3 consumers")
    between(result.row("kafka_rebalance_duration", "group")["count"], 3, rebalances, "rebalances that were timed")
    equal(result.row("kafka_rebalances", "assigned")["count"], 0, "rebalances without a group")


def test_a_group_goes_on_where_it_committed(place):
    kafka = broker(place, "kept")
    place.run(FILL % (kafka.brokers, 500, "kept")).expect(0)
    result = place.run(COMMITS % kafka.brokers).expect(0)
    equal([consumed(result, name) for name in ("poll", "auto", "none")], [500, 500, 500], "the first time")
    place.run(FILL % (kafka.brokers, 70, "kept")).expect(0)
    result = place.run(COMMITS % kafka.brokers).expect(0)
    equal([consumed(result, name) for name in ("poll", "auto", "none")], [70, 70, 570], "and again")


def test_isolation_is_the_readers_choice(place):
    kafka = broker(place, "isolated")
    result = place.run(ISOLATION % kafka.brokers).expect(0)
    aborted = result.row("kafka_transactions_aborted")["count"]
    check(aborted > 0, "no transaction was aborted")
    equal(consumed(result, "uncommitted"), 1000, "messages without isolation")
    equal(consumed(result, "committed"), 1000 - 50 * aborted, "committed messages")


def test_slow_consumers_fall_behind_and_missing_topics_are_told(place):
    kafka = broker(place, "slow")
    result = place.run(SLOW % kafka.brokers).expect(0)
    between(consumed(result, "slow"), 50, 270, "messages at 20 ms each in 5 s")
    check(result.row("kafka_end_to_end_latency", "slow")["max"] > 1000, "nothing waited")
    check(result.row("iteration_duration", "slow")["p50"] >= 20, "processing is not in the iterations")
    failed = result.row("kafka_consume_failed", "lost")
    check(failed["hits"] >= 3, f"polls of a missing topic: {failed}")
    errors = {(error["scenario"], error["class"], error["code"]) for error in result.summary["errors"]}
    equal(errors, {("lost", "client", "UNKNOWN_TOPIC_OR_PART")}, "errors")


def test_end_to_end_latencies_hold_between_clocks_an_hour_apart(place):
    kafka = broker(place, "far")
    port = free_port()
    for role, shift in (("producer", "0"), ("consumer", "3600")):
        place.start(["unshare", "-T", "--monotonic", shift, place.tools.agent, "--connect", f"127.0.0.1:{port}",
                     "--name", role, "--tag", f"role={role}"], f"agent-{role}")
    result = place.run(FAR % kafka.brokers, "--listen", f"127.0.0.1:{port}", "--expect-agents", "2")
    result.expect(0).expect_whole(2)
    equal(consumed(result, "read"), 3000, "messages")
    check_end_to_end(result, "read", 3000, 8000)
    check(result.row("kafka_end_to_end_negative")["count"] <= 3, "many latencies are negative")
