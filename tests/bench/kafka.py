# SPDX-License-Identifier: Apache-2.0
"""Kafka beside librdkafka's own limit and beside Kafka's own tools, in one run.

Each round runs every program once, so that whatever else the machine does meets all of them; of the rounds' figures the
medians are told. CPU is that of the whole process, its start and end included, unless it says otherwise."""
import datetime
import json
import os
import re
import statistics
import subprocess
import sys
import time

from tests.integration.support import free_port
from tests.integration.targets import Kafka

COUNT, SIZE, PARTITIONS = 1000000, 1024, 4
ROUNDS, CONSUME_S, LATENCY_S = 5, 12, 10
# What the driver sets by itself, so that the bare loops don't differ from it in more than what they are.
DEFAULTS = ["client.id=bare", "socket.nagle.disable=true", "message.timeout.ms=30000",
            "max.in.flight.requests.per.connection=5", "reconnect.backoff.max.ms=1000", "log.connection.close=false",
            "partitioner=murmur2_random"]
CPUCLOCK_SCHED = 2  # of a process's CPU clock, by the kernel's numbering: to the ns, threads that are gone included
# What was sent is thrown away soon: a round sends some GB.
RETENTION = {"log.retention.check.interval.ms": 1000, "log.segment.bytes": 67108864,
             "log.segment.delete.delay.ms": 1000, "log.retention.bytes": 402653184}


class Cost:
    """What one run of a program took."""

    def __init__(self, count, cpu_s, rate):
        self.cpu_us, self.rate = cpu_s / count * 1e6, rate


def start(command, **options):
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                            **options)


def finish(child, name):
    """The output of a child, and its CPU seconds, of it alone."""
    out = child.stdout.read()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    child.stdout.close()
    if child.returncode != 0:
        sys.exit(f"{name} failed: {out[-3000:]}")
    return out, usage.ru_utime + usage.ru_stime


def drained(folder):
    """When the agent said that it is done, as a line of run.log, or None: all that it sent is acknowledged then."""
    path = os.path.join(folder, "run.log")
    if not os.path.exists(path):
        return None
    with open(path) as file:
        return next((line for line in file if "state: draining" in line), None)


def drained_after_s(result):
    end = datetime.datetime.fromisoformat(json.loads(drained(result.folder))["time"].replace("Z", "+00:00"))
    return end.timestamp() - int(result.summary["run"]["t0_unix_ns"]) / 1e9


def cpu_until_drained_s(run, agent):
    """What the agent took before it verifies: that is reading, which has a figure of its own."""
    while drained(run.folder) is None and run.poll() is None:
        time.sleep(0.003)
    return time.clock_gettime(~agent.pid << 3 | CPUCLOCK_SCHED)


class Bench:
    def __init__(self, place, broker):
        self.place, self.broker = place, broker

    def bare(self, program, *arguments):
        path = os.path.join(self.place.tools.build, "tests/bench", program)
        out, cpu_s = finish(start([path, self.broker.brokers, *arguments]), program)
        count, seconds = out.split()
        return Cost(int(count), cpu_s, int(count) / float(seconds))

    def java(self, main, *arguments):
        return finish(start(["java", "-cp", self.broker.classpath, main, *arguments]), main)

    def stampede(self, plan, until_drained=False):
        """A run with one agent, which is started apart: its CPU is known apart then. The result and the CPU."""
        address = f"127.0.0.1:{free_port()}"
        run = self.place.start_run(plan, "--listen", address, "--expect-agents", "1")
        agent = start([self.place.tools.agent, "--connect", address, "--once"], cwd=self.place.folder,
                      env=self.place.env())
        before_s = cpu_until_drained_s(run, agent) if until_drained else None
        _, cpu_s = finish(agent, "stampede-agent")
        return run.finish().expect(0), before_s if until_drained else cpu_s

    def plan(self, scenario, properties):
        return f"""
name: kafka
targets: {{ stream: {{ kafka: {{ brokers: "{self.broker.brokers}", properties: {{ {properties} }} }} }} }}
scenarios:
  load: {{ {scenario} }}
"""

    # Producing.

    def produce_bare(self, kind):
        return self.bare("bare_producer", "bare", kind, str(COUNT), str(SIZE), *DEFAULTS, "linger.ms=5", "acks=1")

    def produce(self, topic, keys=""):
        plan = self.plan(f"executor: shared-iterations, rate: max, iterations: {COUNT}, producers: 1, "
                         f"steps: [ {{ produce: {{ target: stream, topic: {topic}, size: {SIZE}{keys} }} }} ]",
                         "linger.ms: 5, acks: 1")
        result, cpu_s = self.stampede(plan, until_drained="verify" in keys)
        count = result.row("kafka_messages_produced")["count"]
        if count != COUNT:
            sys.exit(f"{count:,} of {COUNT:,} were acknowledged")
        return Cost(count, cpu_s, count / drained_after_s(result))

    def produce_java(self):
        out, cpu_s = self.java("org.apache.kafka.tools.ProducerPerformance", "--topic", "theirs", "--num-records",
                               str(COUNT), "--record-size", str(SIZE), "--throughput", "-1", "--producer-props",
                               f"bootstrap.servers={self.broker.brokers}", "acks=1", "linger.ms=5")
        return Cost(COUNT, cpu_s, float(re.findall(r"records sent, ([\d.]+) records/sec", out)[-1]))

    # Consuming.

    def consume_bare(self):
        return self.bare("bare_consumer", "read", str(PARTITIONS), str(COUNT))

    def consume(self):
        plan = self.plan(f"executor: constant-vus, vus: 1, duration: {CONSUME_S}s, steps: [ {{ consume: {{ target: stream, "
                         "topic: read, partitions: all, from: beginning } } ]", "client.id: stampede")
        result, cpu_s = self.stampede(plan)
        row = result.row("kafka_messages_consumed")
        if row["count"] != COUNT:
            sys.exit(f"{row['count']:,} of {COUNT:,} were consumed")
        return Cost(COUNT, cpu_s, row["peak_per_s"])

    def consume_java(self):
        out, cpu_s = self.java("org.apache.kafka.tools.ConsumerPerformance", "--bootstrap-server", self.broker.brokers,
                               "--topic", "read", "--messages", str(COUNT), "--timeout", "30000", "--hide-header")
        return Cost(COUNT, cpu_s, float(out.strip().splitlines()[-1].split(",")[5]))

    # Latency.

    def latency(self, properties):
        plan = self.plan(f"executor: constant-arrival-rate, rate: 100, duration: {LATENCY_S}s, "
                         f"steps: [ {{ produce: {{ target: stream, topic: ours, size: {SIZE} }} }} ]", properties)
        result, _ = self.stampede(plan)
        return result.row("kafka_produce_response_time")["p50"]

    def latency_java(self, *properties):
        out, _ = self.java("org.apache.kafka.tools.ProducerPerformance", "--topic", "theirs", "--num-records",
                           str(100 * LATENCY_S), "--record-size", str(SIZE), "--throughput", "100", "--producer-props",
                           f"bootstrap.servers={self.broker.brokers}", *properties)
        return float(re.findall(r"(\d+) ms 50th", out)[-1])


def compare(title, runs, bounds):
    """`runs`: a function by name; `bounds`: (a name, of which other, the aim)."""
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
              f"({min(ratios):.3f} to {max(ratios):.3f}; aim {aim})", flush=True)


def produce(bench):
    """What carries a stamp differs from every other message. So it has two limits: the bare loop that sends the same one
    again and again, and the one that has the library copy it."""
    stamps, headers, java = "with stamps and ledger", "with stamps in headers", "kafka-producer-perf-test"
    same, copied, headed = (f"bare loop, {kind}" for kind in ("same", "copied", "headed"))
    compare(f"producing {COUNT:,} x {SIZE} B, acks=1, linger.ms=5",
            {same: lambda: bench.produce_bare("same"),
             "stampede": lambda: bench.produce("ours"),
             copied: lambda: bench.produce_bare("copied"),
             stamps: lambda: bench.produce("stamped", ", verify: after"),
             headed: lambda: bench.produce_bare("headed"),
             headers: lambda: bench.produce("headed", ", verify: after, stamp: headers"),
             java: bench.produce_java},
            [("stampede", same, "1.10"), (stamps, same, "1.10"), (stamps, copied, "1.10"), (headers, same, "1.35"),
             (headers, headed, "1.10"), (stamps, java, "0.35")])


def consume(bench):
    bench.bare("bare_producer", "read", "same", str(COUNT), str(SIZE), "linger.ms=5")
    compare(f"consuming {COUNT:,} x {SIZE} B from {PARTITIONS} assigned partitions",
            {"bare loop": bench.consume_bare, "stampede": bench.consume, "kafka-consumer-perf-test": bench.consume_java},
            [("stampede", "bare loop", "1.10"), ("stampede", "kafka-consumer-perf-test", "0.35")])


def latency(bench):
    print(f"producing 100 messages a second for {LATENCY_S} s, p50 until acknowledged:")
    for title, ours, theirs in (("each one's defaults", "client.id: stampede", []),
                                ("linger.ms=0", "linger.ms: 0", ["linger.ms=0"])):
        print(f"  {title:20} stampede {bench.latency(ours):.2f} ms, "
              f"kafka-producer-perf-test {bench.latency_java(*theirs):.0f} ms (whole ms)", flush=True)


def kafka(place):
    broker = place.stack.enter_context(Kafka(place.path("kafka"), place.tools.kafka_libs, RETENTION))
    bench = Bench(place, broker)
    for topic in ("bare", "ours", "stamped", "headed", "theirs"):
        broker.create(topic, PARTITIONS)
    broker.create("read", PARTITIONS, config={"retention.bytes": -1})
    latency(bench)
    produce(bench)
    consume(bench)
