# SPDX-License-Identifier: Apache-2.0
"""Kafka beside librdkafka's own limit and beside Kafka's own tools, in one run.

Each round runs every program once, so that whatever else the machine does meets all of them; of the rounds' figures the
medians are told. CPU is that of the whole process, its start and end included."""
import datetime
import json
import os
import re
import statistics
import subprocess
import sys

from tests.integration.support import free_port
from tests.integration.targets import Kafka

COUNT, SIZE, PARTITIONS = 1000000, 1024, 4
ROUNDS = 5
# What the driver sets by itself, so that the bare loops don't differ from it in more than what they are.
DEFAULTS = ["client.id=bare", "socket.nagle.disable=true", "message.timeout.ms=30000",
            "max.in.flight.requests.per.connection=5", "reconnect.backoff.max.ms=1000", "log.connection.close=false",
            "partitioner=murmur2_random"]
# What was sent is thrown away soon: a round sends some GB.
RETENTION = {"log.retention.check.interval.ms": 1000, "log.segment.bytes": 67108864,
             "log.segment.delete.delay.ms": 1000, "log.retention.bytes": 134217728}


class Cost:
    """What one run of a program took."""

    def __init__(self, count, cpu_s, seconds):
        self.cpu_us, self.rate = cpu_s / count * 1e6, count / seconds


def run_timed(command, name, **options):
    """Runs a command; its output and its CPU seconds, of it alone."""
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                             **options)
    out = child.stdout.read()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    child.stdout.close()
    if child.returncode != 0:
        sys.exit(f"{name} failed: {out[-3000:]}")
    return out, usage.ru_utime + usage.ru_stime


def drained_after_s(result):
    """From T0 to when the agent said that it is done: all that it sent is acknowledged then."""
    with open(os.path.join(result.folder, "run.log")) as file:
        line = next(line for line in map(json.loads, file) if line["text"] == "state: draining")
    end = datetime.datetime.fromisoformat(line["time"].replace("Z", "+00:00"))
    return end.timestamp() - int(result.summary["run"]["t0_unix_ns"]) / 1e9


class Bench:
    def __init__(self, place, broker):
        self.place, self.broker = place, broker

    def bare(self, program, *arguments):
        path = os.path.join(self.place.tools.build, "tests/bench", program)
        out, cpu_s = run_timed([path, self.broker.brokers, *arguments], program)
        count, seconds = out.split()
        return Cost(int(count), cpu_s, float(seconds))

    def java(self, main, *arguments):
        return run_timed(["java", "-cp", self.broker.classpath, main, *arguments], main)

    def stampede(self, plan, metric):
        """A run with one agent, which is started apart: its CPU is then known to its end."""
        address = f"127.0.0.1:{free_port()}"
        run = self.place.start_run(plan, "--listen", address, "--expect-agents", "1")
        _, cpu_s = run_timed([self.place.tools.agent, "--connect", address, "--once"], "stampede-agent",
                             cwd=self.place.folder, env=self.place.env())
        result = run.finish().expect(0)
        count = result.row(metric)["count"]
        if count != COUNT:
            sys.exit(f"{metric}: {count:,} of {COUNT:,}")
        return Cost(count, cpu_s, drained_after_s(result)), result

    def plan(self, topic, step="", properties="linger.ms: 5, acks: 1"):
        return f"""
name: kafka
targets: {{ stream: {{ kafka: {{ brokers: "{self.broker.brokers}", properties: {{ {properties} }} }} }} }}
scenarios:
  load:
    executor: shared-iterations
    rate: max
    iterations: {COUNT}
    producers: 1
    steps: [ {{ produce: {{ target: stream, topic: {topic}, size: {SIZE}{step} }} }} ]
"""

    def produce_bare(self):
        return self.bare("bare_producer", "bare", str(COUNT), str(SIZE), *DEFAULTS, "linger.ms=5", "acks=1")

    def produce(self, step=""):
        return self.stampede(self.plan("ours", step), "kafka_messages_produced")[0]

    def produce_java(self):
        out, cpu_s = self.java("org.apache.kafka.tools.ProducerPerformance", "--topic", "theirs", "--num-records",
                               str(COUNT), "--record-size", str(SIZE), "--throughput", "-1", "--producer-props",
                               f"bootstrap.servers={self.broker.brokers}", "acks=1", "linger.ms=5")
        rate = float(re.findall(r"records sent, ([\d.]+) records/sec", out)[-1])
        return Cost(COUNT, cpu_s, COUNT / rate)


def compare(title, runs, bounds):
    """`runs`: a function by name, the bare loop's first; `bounds`: (a name, of which other, the aim)."""
    costs = {name: [] for name in runs}
    for _ in range(ROUNDS):
        for name, run in runs.items():
            costs[name].append(run())
    print(f"{title}, medians of {ROUNDS} interleaved rounds:")
    for name, of in costs.items():
        print(f"  {name:32} {statistics.median(cost.cpu_us for cost in of):7.3f} us CPU a message, "
              f"{statistics.median(cost.rate for cost in of):9,.0f} a second")
    for name, other, aim in bounds:
        ratios = [ours.cpu_us / theirs.cpu_us for ours, theirs in zip(costs[name], costs[other])]
        print(f"  {name} / {other}: {statistics.median(ratios):.3f} of the CPU a message "
              f"({min(ratios):.3f} to {max(ratios):.3f}; aim {aim})")


def produce(bench):
    for topic in ("bare", "ours", "theirs"):
        bench.broker.create(topic, PARTITIONS)
    compare(f"producing {COUNT:,} x {SIZE} B, acks=1, linger.ms=5",
            {"bare loop": bench.produce_bare, "stampede": bench.produce, "kafka-producer-perf-test": bench.produce_java},
            [("stampede", "bare loop", "1.10"), ("stampede", "kafka-producer-perf-test", "0.35")])


def kafka(place):
    broker = place.stack.enter_context(Kafka(place.path("kafka"), place.tools.kafka_libs, RETENTION))
    bench = Bench(place, broker)
    produce(bench)
