# SPDX-License-Identifier: Apache-2.0
"""What a real broker holds of messages that a plan says how to make: values, keys, headers, partitions, compression."""
import collections
import re
import subprocess

from .support import between, check, equal
from .targets import Kafka

PLAN = """
name: what messages are made of
targets: { stream: { kafka: { brokers: "%s", properties: { linger.ms: 5, compression.type: zstd } } } }
scenarios:
  most:
    executor: shared-iterations
    rate: max
    iterations: 20000
    producers: 4
    steps:
      - produce: { target: stream, topic: made, size: [ { size: 100, weight: 80 }, { size: 1KiB..10KiB, weight: 20 } ],
          compressibility: 60%%, group: all }
  bursts:
    executor: constant-arrival-rate
    burst: { size: 100, every: 1s }
    duration: 3s
    producers: 4
    steps:
      - produce: { target: stream, topic: lines, payloads: lines.txt, keys: { zipf: 20 }, headers: { trace: "t-{{random 5 5}}" } }
  day:
    executor: constant-arrival-rate
    rate: 100
    duration: 3s
    pattern: [ { name: peak, duration: 1s, factor: 2 }, { name: low, duration: 1s, rate: 10 } ]
    steps: [ { produce: { target: stream, topic: day, size: 100 } } ]
"""


def consume(kafka, topic, count, *properties):
    """Lines of what Kafka's own consumer reads: partition, headers, key and value as the properties ask."""
    options = [word for name in properties for word in ("--property", f"print.{name}=true")]
    return kafka.java("org.apache.kafka.tools.consumer.ConsoleConsumer", "--bootstrap-server", kafka.brokers, "--topic",
                      topic, "--from-beginning", "--max-messages", str(count), "--timeout-ms", "20000",
                      *options).splitlines()


def java_partitions(kafka, keys):
    """Where Java's producer puts the keys."""
    kafka.create("by-java")
    subprocess.run(["java", "-XX:TieredStopAtLevel=1", "-cp", kafka.classpath, "kafka.tools.ConsoleProducer",
                    "--bootstrap-server", kafka.brokers, "--topic", "by-java", "--property", "parse.key=true",
                    "--property", "key.separator=:"], input="".join(f"{key}:x\n" for key in keys), text=True,
                   capture_output=True, timeout=60, check=True)
    return dict(reversed(re.match(r"Partition:(\d)\t(\S+)", line).groups())
                for line in consume(kafka, "by-java", len(keys), "partition", "key"))


def test_messages_are_made_as_the_plan_says(place):
    kafka = place.tools.share("kafka", lambda folder: Kafka(folder, place.tools.kafka_libs))
    values = ['{"symbol": "AAPL", "price": 1.5}', "plain, with \"quotes\"", "삼성전자"]
    place.write("lines.txt", "\n".join(values) + "\n")
    for topic in ("made", "lines", "day"):
        kafka.create(topic)
    result = place.run(PLAN % kafka.brokers, "--agents", "2").expect(0).expect_whole(2)
    for topic, scenario, count in (("made", "most", 20000), ("lines", "bursts", 300), ("day", "day", 410)):
        equal(result.row("kafka_messages_produced", scenario)["count"], count, f"messages of {scenario}")
        equal(kafka.messages(topic), count, f"the broker's end offsets of {topic}")
    sent = result.row("data_sent", "most")["count"] / 20000
    between(sent, 0.95 * (0.8 * 100 + 0.2 * 5632), 1.05 * (0.8 * 100 + 0.2 * 5632), "mean size")
    topology = result.summary["environment"]["targets"][0]["topology"]
    share = re.search(r"messages were sent at ([\d.]+) % of their size", topology)
    check(share, f"nothing of compression in {topology!r}")
    between(float(share.group(1)), 30, 55, "share that was sent")
    equal([group["status"] for group in result.summary["groups"]].pop() in
          ("normal", "variable", "unstable", "timeouts"), True, "a status")
    check_lines(kafka, values)


def check_lines(kafka, values):
    where = {}
    taken = collections.Counter()
    for line in consume(kafka, "lines", 300, "partition", "headers", "key"):
        partition, headers, key, value = line.split("\t")
        equal(headers, "trace:t-5", "headers")
        equal(where.setdefault(key, partition), partition, f"partition of key {key}")
        taken[value] += 1
    equal(sorted(taken), sorted(values), "values")
    check(min(taken.values()) > 60, f"values are not taken at random: {taken}")
    check("1" in where and all(1 <= int(key) <= 20 for key in where), f"keys {sorted(where)}")
    by_java = java_partitions(kafka, sorted(where))
    equal({key: partition.removeprefix("Partition:") for key, partition in where.items()}, by_java, "partitions")
