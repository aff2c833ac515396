# SPDX-License-Identifier: Apache-2.0
"""How a real broker looks from its producers: it answers, and it holds back who is past a quota."""
from .support import check, equal
from .targets import Kafka

PLAN = """
name: brokers
targets:
  free: { kafka: { brokers: "%(brokers)s", properties: { linger.ms: 5 } } }
  bounded: { kafka: { brokers: "%(brokers)s", properties: { linger.ms: 5, client.id: bounded } } }
scenarios:
  ticks:
    executor: constant-arrival-rate
    rate: 500
    duration: 3s
    steps: [ { produce: { target: %(target)s, topic: brokers, size: 1000 } } ]
thresholds:
  'kafka_broker_rtt{label:1}': ['min>0']
  kafka_broker_queue_time: ['min>=0']
  kafka_throttle_time: ['%(throttled)s']
"""


def test_a_broker_is_seen_to_answer_and_to_hold_back_who_is_past_a_quota(place):
    kafka = place.tools.share("kafka", lambda folder: Kafka(folder, place.tools.kafka_libs))
    kafka.java("kafka.admin.ConfigCommand", "--bootstrap-server", kafka.brokers, "--alter", "--entity-type", "clients",
               "--entity-name", "bounded", "--add-config", "producer_byte_rate=138000")
    for target, throttled in (("free", "max==0"), ("bounded", "max>0")):
        result = place.run(PLAN % {"brokers": kafka.brokers, "target": target, "throttled": throttled}).expect(0)
        equal(result.row("kafka_messages_produced")["count"] + result.row("dropped_iterations")["count"], 1500, target)
        rows = {row["label"] for row in result.summary["metrics"] if row["metric"] == "kafka_broker_rtt"}
        equal(rows, {"", "1"}, f"rows of {target}")
        check(result.row("kafka_broker_rtt")["max"] < 60000, "a round trip in ms")
