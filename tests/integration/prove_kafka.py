# SPDX-License-Identifier: Apache-2.0
"""A cluster of Kafka under faults that last longer, and under more load, than the tests' do."""
from .figures import milliseconds, number, trust
from .kafka_cluster import KafkaCluster
from .network import Network
from .support import between, check, equal
from .test_kafka_faults import errors, load, plan, target
from .test_loss import account, by_second, wait_until

SESSION_S = 9  # Kafka's own default
PRODUCED = "kafka_messages_produced|ticks"


def new_cluster(place, **options):
    return place.stack.enter_context(KafkaCluster(place.path("cluster"), place.tools.kafka_libs,
                                                  session_ms=1000 * SESSION_S, **options))


def ticks(cluster, topic, rate, seconds, **properties):
    """A plan: messages of 100 to 1,000 bytes to one topic, acknowledged by all replicas in sync."""
    return plan([target("stream", cluster.brokers, acks="all", linger_ms=5, **properties)],
                [load("ticks", f"target: stream, topic: {topic}, size: 100..1000", rate, seconds)])


def told(result):
    """The errors, as the page words them."""
    found = errors(result, "ticks")
    return "; ".join(f"{number(count)} {kind} {code} ({text})" for kind, code, text, count in found) or "none"


def quiet(result, first, last):
    """Seconds of the stretch in which nothing was acknowledged."""
    counts = by_second(result, PRODUCED)
    return [second for second in range(first, last) if counts.get(second, 0) == 0]


def record(place, result, cluster, topic, silent):
    produced, failed = result.row("kafka_messages_produced")["count"], result.row("kafka_produce_failed")["hits"]
    place.record(("messages acknowledged, failed", f"{number(produced)}, {number(failed)}"),
                 ("sum of the end offsets", number(cluster.messages(topic))),
                 ("seconds without an acknowledgement", ", ".join(map(str, silent)) or "none"),
                 ("response time", milliseconds(result.row("kafka_produce_response_time"), "p50", "p99", "max")),
                 ("errors", told(result)), ("trust", trust(result)))
    return produced, failed


def prove_a_frozen_broker_is_waited_for(place):
    """A broker frozen for ten seconds is waited for.

    Three brokers, replication 3, 2,000 messages a second with acks=all for 40 s. The leader of one of three partitions
    is stopped (SIGSTOP) from 10 s to 20 s: longer than its session of 9 s, so its partitions get other leaders
    meanwhile. No message fails, and none that was acknowledged is missing from the topic.
    """
    cluster = new_cluster(place)
    cluster.create("frozen", partitions=3)
    run = place.start_run(ticks(cluster, "frozen", 2000, 40))
    place.started(run)
    wait_until(run, 10)
    frozen = cluster.leader("frozen")
    cluster.freeze(frozen)
    wait_until(run, 20)
    cluster.thaw(frozen)
    result = run.finish().expect(0).expect_whole(1)
    cluster.wait_in_sync("frozen", 3)
    silent = quiet(result, 10, 30)
    produced, failed = record(place, result, cluster, "frozen", silent)
    equal((produced, failed), (80000, 0), "acknowledged and failed")
    check(cluster.messages("frozen") >= produced, "acknowledged messages are missing")
    between(len(silent), 5, 12, f"seconds without an acknowledgement: {silent}")


def prove_a_cluster_that_goes_and_comes_back_is_waited_for(place):
    """A cluster that goes and comes back is waited for.

    1,000 messages a second with acks=all for 45 s. All three brokers are killed (SIGKILL) at 10 s and started again at
    18 s. Messages wait in the client meanwhile; none fails, and none that was acknowledged is missing from the topic.
    """
    cluster = new_cluster(place)
    cluster.create("gone", partitions=3)
    run = place.start_run(ticks(cluster, "gone", 1000, 45))
    place.started(run)
    wait_until(run, 10)
    for broker in (1, 2, 3):
        cluster.kill(broker)
    wait_until(run, 18)
    for broker in (1, 2, 3):
        cluster.start(broker)
    result = run.finish().expect(0).expect_whole(1)
    cluster.wait_brokers()
    cluster.wait_in_sync("gone", 3)
    silent = quiet(result, 10, 44)
    produced, failed = record(place, result, cluster, "gone", silent)
    equal((produced, failed), (45000, 0), "acknowledged and failed")
    check(cluster.messages("gone") >= produced, "acknowledged messages are missing")
    check(len(silent) >= 7, f"seconds without an acknowledgement: {silent}")


def prove_a_cluster_that_stays_away_fails_what_it_had_to_take(place):
    """A cluster that stays away fails what it had to take.

    1,000 messages a second with `message.timeout.ms: 5000` for 30 s; all three brokers are killed (SIGKILL) at 10 s for
    good. Every message is acknowledged or fails as a timeout or a lost connection, and the run ends when its schedule does.
    """
    cluster = new_cluster(place)
    cluster.create("away", partitions=3)
    run = place.start_run(ticks(cluster, "away", 1000, 30, message_timeout_ms=5000))
    place.started(run)
    wait_until(run, 10)
    for broker in (1, 2, 3):
        cluster.kill(broker)
    result = run.finish().expect(0).expect_whole(1)
    produced, failed = result.row("kafka_messages_produced")["count"], result.row("kafka_produce_failed")["hits"]
    place.record(("messages acknowledged, failed", f"{number(produced)}, {number(failed)}"),
                 ("errors", told(result)), ("duration", f"{result.seconds:.1f} s"))
    equal(produced + failed, 30000, "messages")
    between(produced, 8000, 12000, "acknowledged")
    check({error[0] for error in errors(result, "ticks")} <= {"timeout", "connection"}, told(result))
    check(result.seconds < 45, f"the run took {result.seconds:.1f} s")


def prove_a_broker_s_link_down_at_ten_thousand_a_second(place):
    """A broker's link is down at ten thousand messages a second.

    The load, the controller and three brokers, each in a network namespace of its own; 10,000 messages a second with
    acks=all for 40 s by 2 agents. The link of the leader of one of three partitions is down from 10 s to 20 s. Every
    message has an outcome: none is dropped, and none that was acknowledged is missing from the topic.
    """
    hosts = ["load", "controller", "b1", "b2", "b3"]
    network = place.stack.enter_context(Network(hosts))
    cluster = new_cluster(place, hosts=[(network.address(host, "data"), network.inside(host)) for host in hosts[1:]],
                          prefix=network.inside("load"), enter=lambda: network.enter("load"))
    cluster.create("linked", partitions=3)
    run = place.start_run(ticks(cluster, "linked", 10000, 40, queue_buffering_max_messages=400000), "--agents", "2",
                          prefix=network.inside("load"))
    place.started(run)
    wait_until(run, 10)
    cut = f"b{cluster.leader('linked')}"
    network.set_link(cut, "data", False)
    wait_until(run, 20)
    network.set_link(cut, "data", True)
    result = run.finish().expect(0).expect_whole(2)
    cluster.wait_in_sync("linked", 3)
    silent = quiet(result, 10, 39)
    produced, failed = record(place, result, cluster, "linked", silent)
    equal(account(result)["dropped"], 0, "dropped")
    equal(produced + failed, 400000, "messages")
    check(cluster.messages("linked") >= produced, "acknowledged messages are missing")
