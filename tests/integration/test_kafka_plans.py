# SPDX-License-Identifier: Apache-2.0
"""The plans of plans/kafka, each for some seconds on a real broker: what they plan, what the broker then holds, and that
their thresholds judge it."""
import os
import re
import signal
import subprocess

from .support import check, equal
from .targets import Kafka
from .test_loss import wait_until

# What no load of this machine changes: these must hold in a short run as well.
SURE = {"kafka_messages_lost", "kafka_messages_duplicated", "kafka_messages_reordered", "kafka_produce_failed",
        "kafka_under_replicated_partitions"}


class Plan:
    """One of plans/kafka on the shared broker."""

    def __init__(self, place, name, **variables):
        self.place = place
        self.path = os.path.join(place.tools.root, "plans", "kafka", name + ".yaml")
        self.broker = place.tools.share("kafka", lambda folder: Kafka(folder, place.tools.kafka_libs))
        variables = {"brokers": self.broker.brokers, "replication": 1, "partitions": 4, **variables}
        self.options = [word for key, value in variables.items() for word in ("-e", f"{key}={value}")]

    def started(self, *topics):
        """Begins the run; what it then returns ends it and gives the result and how many messages came to each topic."""
        before = [self.broker.messages(topic) for topic in topics]
        run = self.place.start_run(self.path, *self.options)

        def finish():
            result = run.finish()
            return result, [self.broker.messages(topic) - count for topic, count in zip(topics, before)]

        return run, finish

    def run(self, *topics):
        return self.started(*topics)[1]()


def planned(place, name, *options):
    """How many iterations `stampede check` says that each scenario has."""
    path = os.path.join(place.tools.root, "plans", "kafka", name + ".yaml")
    done = subprocess.run([place.tools.stampede, "check", *options, path], capture_output=True, text=True, check=False,
                          env=place.env())
    equal((done.returncode, done.stderr), (0, ""), f"stampede check of {name}")
    return {match[1]: int(match[2].replace(",", ""))
            for match in re.finditer(r"^  (\S+): .*?([\d,]+) iterations", done.stdout.split("Shares")[0], re.M)}


def expect(result, messages, **scenarios):
    """All that was planned was acknowledged and is at the broker, by scenario and in all; thresholds said so. (A machine
    that stops the agent for a second has starts dropped: they are told and not made up for.)"""
    check(result.code in (0, 99), f"exit code {result.code}: {result.err}")
    result.expect_whole(1)
    sent = 0
    for scenario, count in scenarios.items():
        name = scenario.replace("_", "-")
        sent += result.row("kafka_messages_produced", name)["count"]
        equal(result.row("kafka_messages_produced", name)["count"] + result.row("dropped_iterations", name)["count"],
              count, f"messages of {name}, produced or dropped")
    equal(result.row("kafka_messages_produced")["count"], sent, "messages produced")
    equal(sum(messages), sent, f"the broker's end offsets, by topic {messages}")
    judged = result.summary["thresholds"]
    check(judged, "no thresholds")
    for threshold in judged:
        text = f"{threshold['metric']} {threshold['expression']}: {threshold['observed']}"
        check(not threshold["no_data"], f"no data for {text}")
        check(threshold["pass"] or threshold["metric"].split("{")[0] not in SURE, f"{text} does not hold")
    equal(result.code, 0 if all(threshold["pass"] for threshold in judged) else 99, "exit code")


def test_phase_1_plans_exactly_1800000_messages_and_sends_what_it_plans(place):
    for producers in (5, 10):
        equal(planned(place, "phase1-baseline", "-e", f"producers={producers}"), {"ticks": 1800000}, "planned")
    topics = ("stock-data", "signals", "indicators")
    result, messages = Plan(place, "phase1-baseline", duration="4s", producers=5).run(*topics)
    expect(result, messages, ticks=4000)
    check(all(count > sum(messages) / 4 for count in messages), f"messages by topic {messages}")


def test_phase_2_stress_watches_the_lag_of_bursts_and_peaks(place):
    plan = Plan(place, "phase2-stress", duration="6s", normal="2s", peak="1s", peakRate=3000, burst=500, burstEvery="2s",
                producers=2, consumers=2)
    result, messages = plan.run("stock-data")
    expect(result, messages, ticks=4 * 1700 + 2 * 3000, bursts=3 * 500)
    row = result.row("kafka_consumer_lag", label="stampede-stress")
    check(row["count"] > 0, f"{row['count']} readings of the lag")
    check(result.row("kafka_messages_consumed")["count"] > 0, "nothing was consumed")


def test_phase_2_recovery_accounts_for_every_message(place):
    result, messages = Plan(place, "phase2-recovery", duration="3s", insync=1, producers=2).run("recovery")
    expect(result, messages, ticks=6000)
    ledger = result.summary["ledger"]
    equal([(item["topic"], item["acked"], item["seen"], item["lost"]) for item in ledger],
          [("recovery", messages[0], messages[0], 0)], "the ledger")


def test_phase_3_gives_end_to_end_latencies_and_a_status_for_each_symbol(place):
    plan = Plan(place, "phase3-production", duration="6s", producers=2, consumers=2)
    result, messages = plan.run("stock-data", "signals", "indicators")
    expect(result, messages, ticks=6000, signals=12, indicators=500)
    equal(sum(item["acked"] for item in result.summary["ledger"]), sum(messages), "acknowledged messages of the ledger")
    latency = result.row("kafka_end_to_end_latency")
    check(latency["count"] > 0 and latency["clock_bound_ms"] is not None, f"end to end {latency}")
    groups = {row["group"] for row in result.summary["metrics"]
              if row["metric"] == "kafka_produce_response_time" and row["group"]}
    check(len(groups) > 300 and "NVDA" in groups, f"{len(groups)} symbols")


def test_a_million_an_hour_is_more_than_a_million(place):
    equal(planned(place, "million-per-hour"), {"ticks": 1000800}, "planned")
    result, messages = Plan(place, "million-per-hour", duration="3s").run("stock-data")
    expect(result, messages, ticks=834)


def test_the_producer_perf_test_plans_a_million_records_of_1024_bytes(place):
    equal(planned(place, "producer-perf-test"), {"records": 1000000}, "planned")
    result, messages = Plan(place, "producer-perf-test", duration="2s").run("stock-data")
    expect(result, messages, records=20000)
    equal(result.row("data_sent")["count"], messages[0] * 1024, "bytes sent")


def test_5000_a_second_go_in_batches_of_100(place):
    equal(planned(place, "rate-5000"), {"batches": 18000000}, "planned")
    result, messages = Plan(place, "rate-5000", duration="2s", size=100).run("stock-data")
    expect(result, messages, batches=10000)


def test_a_day_of_traffic_goes_through_its_pattern(place):
    equal(planned(place, "traffic-day"), {"ticks": 3600 * (8 * 100 + 12 * 1000 + 4 * 5000)}, "planned")
    plan = Plan(place, "traffic-day", duration="4s", low="1s", normal="1s", peak="1s", peakRate=3000, producers=2,
                consumers=1)
    result, messages = plan.run("stock-data")
    expect(result, messages, ticks=100 + 1000 + 3000 + 100)


def test_stability_settings_are_compared_while_a_broker_is_frozen(place):
    plan = Plan(place, "stability-settings", duration="4s", producers=1, rate=500)
    run, finish = plan.started("stability-in-use", "stability-proposed")
    place.started(run)
    wait_until(run, 1.5)
    plan.broker.node.process.send(signal.SIGSTOP)
    try:
        wait_until(run, 2.5)
    finally:
        plan.broker.node.process.send(signal.SIGCONT)
    result, messages = finish()
    expect(result, messages, in_use=2000, proposed=2000)
    check(result.row("kafka_produce_response_time", "proposed")["max"] > 500, "nobody felt the freeze")


def test_every_example_of_coming_from_is_a_plan(place):
    with open(os.path.join(place.tools.root, "docs", "coming-from.md")) as file:
        examples = re.findall(r"```yaml\n(.*?)```", file.read(), re.DOTALL)
    check(len(examples) >= 6, f"{len(examples)} examples")
    place.write("ticks.json", '{"price": 1}\n')
    place.write("symbols.txt", "NVDA\nAAPL\n")
    for number, example in enumerate(examples):
        path = place.write(f"example{number}.yaml", example)
        done = subprocess.run([place.tools.stampede, "check", path], capture_output=True, text=True, check=False,
                              env=place.env())
        equal((done.returncode, done.stderr), (0, ""), f"stampede check of\n{example}")
