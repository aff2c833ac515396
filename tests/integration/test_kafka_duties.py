# SPDX-License-Identifier: Apache-2.0
"""What one agent does for all on a real broker: topics made and deleted, lags read, messages read again."""
import os
import subprocess

from .kafka_admin import Admin
from .support import check, equal, wait_for
from .targets import Kafka

TOPICS = """
name: topics
targets:
  stream:
    kafka:
      brokers: "%s"
      topics:
        duties-kept: { partitions: 5 }
        duties-deleted: { partitions: 3, config: { retention.ms: %s }, after: delete }
scenarios:
  all:
    executor: shared-iterations
    rate: max
    iterations: 600
    producers: 2
    steps:
      - produce: { target: stream, topic: duties-kept, size: 100, verify: after, weight: 1 }
      - produce: { target: stream, topic: duties-deleted, size: 100, verify: during, weight: 1 }
"""

BEHIND = """
name: a group that falls behind
targets: { stream: { kafka: { brokers: "%s", topics: { duties-lag: { partitions: 2 } } } } }
readers: [ lag: { target: stream, groups: [ %s ], topics: [ duties-lag ], every: 200ms } ]
scenarios:
  produce: { executor: shared-iterations, rate: max, iterations: 500, steps: [ produce: { target: stream, topic: duties-lag, size: 100 } ] }
  %s
"""
CONSUME = """consume: { executor: constant-vus, vus: 1, duration: 6s,
    steps: [ consume: { target: stream, topic: duties-lag, groupId: duties-group, from: beginning, commit: poll } ] }"""
WAIT = "wait: { executor: constant-vus, vus: 1, duration: 3s, steps: [ think: 100ms ] }"


def shared(place):
    return place.tools.share("kafka", lambda folder: Kafka(folder, place.tools.kafka_libs))


def partitions(kafka):
    """How many each topic has."""
    admin = Admin(kafka.brokers)
    try:
        return {name: len(found) for name, found in admin.metadata()[1].items()}
    finally:
        admin.close()


def test_duties_of_the_driver_hold_on_a_real_broker(place):
    """What its unit tests leave out on a mock cluster."""
    for name in ("test_kafka_duties", "test_kafka_verifier"):
        path = os.path.join(place.tools.build, "tests/unit/drivers", name)
        done = subprocess.run([path], capture_output=True, text=True, timeout=120, check=False,
                              env=place.env(STAMPEDE_TEST_BROKERS=shared(place).brokers))
        check(done.returncode == 0, f"{name} failed:\n{done.stdout}{done.stderr}")


def test_topics_of_a_plan_are_there_for_its_run(place):
    kafka = shared(place)
    result = place.run(TOPICS % (kafka.brokers, 60000), "--agents", "2").expect(0).expect_whole(2)
    ledger = {entry["topic"]: entry for entry in result.summary["ledger"]}
    equal({topic: entry["partitions"] for topic, entry in ledger.items()}, {"duties-kept": 5, "duties-deleted": 3},
          "partitions that were read again")
    equal(sum(entry["seen"] for entry in ledger.values()), 600, "messages seen again")
    equal(sum(entry["lost"] for entry in ledger.values()), 0, "messages lost")
    wait_for(lambda: "duties-deleted" not in partitions(kafka), "the topic to be deleted")
    equal(partitions(kafka)["duties-kept"], 5, "partitions of the topic that is kept")
    # What was made before stays as it is; what was deleted is made again.
    place.run(TOPICS % (kafka.brokers, 60000), "--agents", "2").expect(0).expect_whole(2)
    equal(partitions(kafka)["duties-kept"], 5, "partitions of the topic that is kept")


def test_topics_that_cannot_be_made_keep_a_run_from_starting(place):
    result = place.run(TOPICS % (shared(place).brokers, "soon")).expect(96)
    check("topics of stream failed" in result.err and "duties-deleted" in result.err, f"said:\n{result.err}")


def test_lag_is_of_any_group(place):
    kafka = shared(place)
    place.run(BEHIND % (kafka.brokers, "duties-group", CONSUME)).expect(0)
    result = place.run(BEHIND % (kafka.brokers, "duties-group", WAIT)).expect(0)
    equal(result.row("kafka_consumer_lag", label="duties-group")["value"], 500, "the group's lag")
    equal(result.row("kafka_consumer_lag")["value"], 500, "the greatest lag")
    parts = [row["value"] for row in result.summary["metrics"]
             if row["metric"] == "kafka_consumer_lag" and row["label"].startswith("duties-group/duties-lag/")]
    equal((len(parts), sum(parts)), (2, 500), "the partitions' lags")


def test_lag_of_the_plan_s_own_group_is_read_unasked(place):
    kafka = shared(place)
    plan = BEHIND.replace("readers: [ lag: { target: stream, groups: [ %s ], topics: [ duties-lag ], every: 200ms } ]\n", "")
    result = place.run(plan % (kafka.brokers, CONSUME)).expect(0)
    equal(result.row("kafka_consumer_lag", label="duties-group")["value"], 0, "the lag of a group that has read all")
