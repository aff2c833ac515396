# SPDX-License-Identifier: Apache-2.0
"""The pipeline's own plans at full rate, on a real cluster, with one agent and with ten: totals, and the ledger."""
import os

from .figures import cpu, held, milliseconds, number, trust
from .kafka_cluster import KafkaCluster, OldKafka
from .support import check, equal
from .test_loss import wait_until

PLANS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "plans", "kafka")
SECONDS = 60
COUNTS = ("acked", "lost", "duplicated", "reordered", "unacked_visible", "failed", "foreign", "damaged", "unread")


def cluster_of(place):
    return place.tools.share("phases", lambda folder: KafkaCluster(folder, place.tools.kafka_libs))


def command(place, name, cluster, variables, agents):
    """A plan's file with its variables, and the options of its run."""
    pairs = {"brokers": cluster.brokers, **variables}
    return (os.path.join(PLANS, name + ".yaml"), *(word for pair in pairs.items() for word in ("-e", "=".join(pair))),
            "--agents", str(agents))


def offsets(cluster, topics):
    return {topic: cluster.messages(topic) if cluster.partitions(topic) else 0 for topic in topics}


def ledger(result):
    """Sums over the topics."""
    entries = result.summary["ledger"]
    check(entries, "the report has no ledger")
    return {name: sum(entry[name] for entry in entries) for name in COUNTS}


def with_agents(count):
    return "1 agent" if count == 1 else f"{count} agents"


def tell(place, result, label, grown):
    produced = result.row("kafka_messages_produced")
    counts = ledger(result)
    place.record(
        (f"{label}: acknowledged, offsets grown by",
         f"{number(produced['count'])}, {number(sum(grown.values()))}"),
        (f"{label}: messages a second, in the best second",
         f"{produced['rate_per_s']:,.1f}, {number(produced['peak_per_s'])}"),
        (f"{label}: response time",
         milliseconds(result.row("kafka_produce_response_time"), "p50", "p95", "p99", "max")),
        (f"{label}: ledger", ", ".join(f"{number(counts[name])} {name.replace('_', ' ')}"
                                                for name in ("acked", "lost", "duplicated", "reordered"))),
        (f"{label}: agent-seconds, CPU", f"{held(result)}, {cpu(result, produced['count'])}"),
        (f"{label}: thresholds, trust",
         f"{result.summary['verdict']['thresholds']}, {trust(result)}"))
    return produced["count"], counts


def expect_clean(produced, counts, grown):
    equal(sum(grown.values()), produced, "growth of the end offsets")
    equal(counts, {**dict.fromkeys(COUNTS, 0), "acked": produced}, "the ledger")


def on_one_and_ten(place, name, topics, planned, **variables):
    cluster = cluster_of(place)
    found = {}
    for agents in (1, 10):
        before = offsets(cluster, topics)
        result = place.run(*command(place, name, cluster, variables, agents), timeout_s=240)
        check(result.code in (0, 99), f"exit code {result.code}: {result.err}")
        result.expect_whole(agents)
        grown = {topic: count - before[topic] for topic, count in offsets(cluster, topics).items()}
        produced, counts = tell(place, result, with_agents(agents), grown)
        expect_clean(produced, counts, grown)
        equal(produced, planned, "messages")
        found[agents] = counts
    equal(found[1], found[10], "the ledgers of one agent and of ten")


def prove_phase_1_on_one_agent_and_on_ten(place):
    """Phase 1, the baseline, on one agent and on ten.

    plans/kafka/phase1-baseline.yaml for 60 s on three brokers (replication 3, min.insync.replicas 2): 1,000 messages a
    second of 100 B to 10 KiB from 10 producers to three topics. What the report counts, the growth of the topics' end
    offsets, and the ledger's acknowledged and seen messages are the plan's 60,000, both times.
    """
    on_one_and_ten(place, "phase1-baseline", ("stock-data", "signals", "indicators"), 1000 * SECONDS,
               duration=f"{SECONDS}s")


def prove_phase_2_stress_on_one_agent_and_on_ten(place):
    """Phase 2, stress, on one agent and on ten.

    plans/kafka/phase2-stress.yaml for 60 s on the same cluster: 1,700 messages a second, 20 s of them at 5,000, bursts
    of 5,000 at once every 20 s, and four consumers whose lag is watched.
    """
    on_one_and_ten(place, "phase2-stress", ("stock-data",), 1700 * 40 + 5000 * 20 + 3 * 5000, duration=f"{SECONDS}s",
               normal="40s", peak="20s", burstEvery="20s")


def prove_phase_3_on_one_agent_and_on_ten(place):
    """Phase 3, as in production, on one agent and on ten.

    plans/kafka/phase3-production.yaml for 60 s on the same cluster: 1,000 ticks a second of 3,000 symbols by Zipf's
    law, 120 signals and 5,000 indicators a minute, all verified while they are produced, and six consumers.
    """
    on_one_and_ten(place, "phase3-production", ("stock-data", "signals", "indicators"), 1000 * SECONDS + 120 + 5000,
               duration=f"{SECONDS}s")


def recover(place, agents):
    cluster = cluster_of(place)
    before = offsets(cluster, ("recovery",))
    run = place.start_run(*command(place, "phase2-recovery", cluster, {"duration": f"{SECONDS}s"}, agents))
    place.started(run)
    wait_until(run, 15)
    killed = cluster.leader("recovery")
    cluster.kill(killed)
    wait_until(run, 35)
    cluster.start(killed)
    result = run.finish(300)
    cluster.wait_brokers()
    cluster.wait_in_sync("recovery", 3)
    check(result.code in (0, 99), f"exit code {result.code}: {result.err}")
    return result.expect_whole(agents), offsets(cluster, ("recovery",))["recovery"] - before["recovery"]


def prove_phase_2_recovery_on_one_agent_and_on_ten(place):
    """Phase 2, recovery, on one agent and on ten.

    plans/kafka/phase2-recovery.yaml for 60 s: 2,000 messages a second from 10 idempotent producers; the broker that
    leads the first partition is killed (SIGKILL) after 15 s and started again 20 s later. Every acknowledged message
    is in the topic, once.
    """
    for agents in (1, 10):
        result, grown = recover(place, agents)
        produced, counts = tell(place, result, with_agents(agents), {"recovery": grown})
        equal(produced, 2000 * SECONDS, "messages")
        equal(grown, produced, "growth of the end offsets")
        equal((counts["acked"], counts["lost"], counts["duplicated"], counts["unread"]), (produced, 0, 0, 0),
              "acknowledged, lost, duplicated, unread")


def prove_the_oldest_kafka_with_its_zookeeper(place):
    """The oldest Kafka, 2.8.2 with its ZooKeeper.

    plans/kafka/phase1-baseline.yaml and phase3-production.yaml for 20 s each on one broker of Kafka 2.8.2, which is the
    oldest that the team runs.
    """
    cluster = place.stack.enter_context(OldKafka(place.path("old"), place.tools.old_kafka_libs))
    topics = ("stock-data", "signals", "indicators")
    for name, planned in (("phase1-baseline", 20000), ("phase3-production", 20000 + 40 + 1667)):
        before = offsets(cluster, topics)
        result = place.run(*command(place, name, cluster, {"duration": "20s", "replication": "1"}, 2), timeout_s=240)
        check(result.code in (0, 99), f"exit code {result.code}: {result.err}")
        result.expect_whole(2)
        grown = {topic: count - before[topic] for topic, count in offsets(cluster, topics).items()}
        produced, counts = tell(place, result, name, grown)
        expect_clean(produced, counts, grown)
        equal(produced, planned, "messages")
