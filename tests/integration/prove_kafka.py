# SPDX-License-Identifier: Apache-2.0
"""A cluster of Kafka under faults that last longer, and under more load, than the tests' do."""
from . import test_kafka_faults
from .figures import milliseconds, number, trust
from .kafka_cluster import KafkaCluster
from .kafka_faults import (delete_records, errors, failed, fill_queue, kill_agents, kill_leader, load, lose, plan,
                           produced, silence, target)
from .network import Network
from .stamps import Seen, ledger
from .support import between, check, equal
from .test_loss import account, wait_until

SESSION_S = 9  # Kafka's own default


def new_cluster(place, **options):
    return place.stack.enter_context(KafkaCluster(place.path("cluster"), place.tools.kafka_libs,
                                                  session_ms=1000 * SESSION_S, **options))


def told(found):
    """Errors, as the page words them."""
    return "; ".join(f"{number(count)} {kind} {code} ({text})" for kind, code, text, count in found) or "none"


def listed(seconds):
    return ", ".join(map(str, seconds)) or "none"


def worded(entry):
    """The ledger of a topic."""
    names = ("acked", "seen", "lost", "duplicated", "reordered", "unacked_visible", "failed")
    return ", ".join(f"{number(entry[name])} {name.replace('_', ' ')}" for name in names)


def times(result, scenario=""):
    return milliseconds(result.row("kafka_produce_response_time", scenario), "p50", "p99", "max")


def ticks(cluster, topic, rate, seconds, verify="during", **properties):
    """A plan: messages of 100 to 1,000 bytes to one topic, acknowledged by all replicas in sync."""
    step = f"target: stream, topic: {topic}, size: 100..1000" + (f", verify: {verify}" if verify else "")
    return plan([target("stream", cluster.brokers, acks="all", linger_ms=5, **properties)],
                [load("ticks", step, rate, seconds)])


def nothing_is_missing(place, result, cluster, topic, sent, silent):
    """Every message was acknowledged, and the ledger is what a dump says: none of them is gone."""
    cluster.wait_in_sync(topic, 3)
    entry, seen = ledger(result, topic), Seen(cluster.dump(topic, timeout_s=300))
    place.record(("messages acknowledged, failed", f"{number(produced(result))}, {number(failed(result))}"),
                 ("ledger", worded(entry)), ("distinct messages in a dump, copies",
                                             f"{number(seen.distinct)}, {number(seen.duplicated)}"),
                 ("seconds without an acknowledgement", listed(silent)), ("response time", times(result)),
                 ("errors", told(errors(result, "ticks"))), ("trust", trust(result)))
    equal((produced(result), failed(result)), (sent, 0), "acknowledged and failed")
    equal((seen.distinct, entry["seen"], entry["lost"]), (sent, sent, 0), "in the dump, seen, lost")
    equal((entry["duplicated"], entry["reordered"]), (seen.duplicated, seen.reordered), "copies and reordered")


def prove_a_killed_leader_loses_nothing(place):
    """A killed leader loses nothing under acks=all.

    Three brokers, replication 3, min.insync.replicas 2; 2,000 messages a second with acks=all for 40 s, and 100 a
    second whose `message.timeout.ms` of 1,500 is too short for what comes. The leader of one of three partitions is
    killed (SIGKILL) at 10 s. Those who wait for another leader (a session of 9 s) are all acknowledged, the others are
    told as timeouts within the gap, and nothing acknowledged is missing by the ledger and by a dump.
    """
    cluster = new_cluster(place)
    result = kill_leader(place, cluster, rate=2000, seconds=40, kill_at=10)
    gap = silence(result, "patient", 10, 39)
    place.record(("seconds without an acknowledgement", listed(gap)),
                 *((f"ledger of who {what}", worded(entry)) for entry in result.summary["ledger"]
                   for what in ["waits" if entry["target"] == "patient" else "doesn't"]),
                 ("response time of who waits", times(result, "patient")),
                 ("errors of who doesn't", told(errors(result, "hasty"))), ("trust", trust(result)))


def prove_losses_that_are_certain_are_counted_exactly(place):
    """Losses that are certain are counted exactly.

    1,000 messages a second to one partition with acks=1. Both followers are stopped (SIGSTOP) at 2 s for 4 s, less than
    their session of 9 s; then the leader is killed and the followers go on. What it had acknowledged meanwhile is gone.
    The ledger's number of lost messages is that of a dump by kcat, and the messages that it names are not there.
    """
    cluster = new_cluster(place)
    result, entry = lose(place, cluster, rate=1000, seconds=25, frozen_s=4)
    first = entry["missing"][0]
    place.record(("messages acknowledged", number(produced(result))), ("ledger", worded(entry)),
                 ("the first that was lost", f"of {first['agent']}'s producer {first['producer']}, number "
                  f"{number(first['sequence'])} to partition {first['partition']}, acknowledged in second "
                  f"{first['second']}"), ("lost, by the dump", number(produced(result) - entry["seen"])))


def prove_deleted_records_are_counted_exactly(place):
    """Records deleted behind its back are counted exactly.

    1,000 messages a second for 20 s to three partitions, verified afterwards. At 18 s DeleteRecords takes one partition
    up to its end and half of another. The ledger's number of lost messages is that of the offsets that were deleted.
    """
    cluster = new_cluster(place)
    _, entry, deleted = delete_records(place, cluster, rate=1000, seconds=20)
    place.record(("offsets deleted", number(deleted)), ("ledger", worded(entry)))


def prove_killed_agents_make_nothing_lost(place):
    """Killed agents that verify, consume and produce make nothing lost.

    Five agents send 2,000 messages a second to two topics for 40 s, two of them verify, all consume in one group; four
    of them are killed (SIGKILL), at 8, 14, 20 and 26 s. Whoever takes over goes on where the journal ends. For both
    topics the ledger is what a dump says, with nothing lost; what killed agents had not reported is seen and never
    acknowledged.
    """
    cluster = new_cluster(place)
    result = kill_agents(place, cluster, rate=1000, seconds=40, kills=(8, 14, 20, 26))
    coverage = result.summary["coverage"]
    place.record(*((f"ledger of {entry['topic']}", worded(entry)) for entry in result.summary["ledger"]),
                 ("planned, started, unknown", ", ".join(number(coverage[name]) for name in
                                                         ("planned", "started", "unknown"))))


def prove_what_is_refused_is_told_apart(place):
    """What a cluster refuses is told apart.

    One run: messages to a topic that does not exist (auto-creation is off), messages too large for the client and for
    the topic, a wrong password (SASL PLAIN), a certificate that the client doesn't trust, and two right logins (PLAIN,
    SCRAM-SHA-256 over TLS) beside them. Each message that is refused fails with its own class and words; no other does.
    """
    test_kafka_faults.test_messages_to_a_topic_that_does_not_exist_fail_as_such_and_the_run_ends(place)
    test_kafka_faults.test_messages_too_large_for_client_or_broker_fail_each_for_itself(place)
    test_kafka_faults.test_a_refused_login_fails_every_message_as_auth_and_a_right_one_none(place)
    _, result = test_kafka_faults.refusals(place)
    place.record(*((name, told(errors(result, name))) for name in
                   ("missing", "large", "larger", "refused", "stranger", "plain", "scram")))


def prove_a_full_queue_never_slows_the_schedule(place):
    """A full queue never slows the schedule.

    Two scenarios of 1,000 messages a second, each with `queue.buffering.max.messages: 500`; the brokers behind them are
    frozen for 8 s. What finds no room is dropped and counted by one, and waits in the other, whose times hold the wait.
    """
    cluster = new_cluster(place)
    result = fill_queue(place, cluster, rate=1000, room=500, frozen_s=8)
    coverage = result.summary["coverage"]
    place.record(("planned, started, dropped as queue_full",
                  ", ".join(number(value) for value in (coverage["planned"], coverage["started"],
                                                        coverage["dropped_by_reason"]["queue_full"]))),
                 ("response time of who drops", times(result, "drops")),
                 ("response time of who waits", times(result, "waits")),
                 ("send lateness", milliseconds(result.row("send_lateness"), "p50", "p99", "max")))


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
    silent = silence(result, "ticks", 10, 30)
    nothing_is_missing(place, result, cluster, "frozen", 80000, silent)
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
    silent = silence(result, "ticks", 10, 44)
    nothing_is_missing(place, result, cluster, "gone", 45000, silent)
    check(len(silent) >= 7, f"seconds without an acknowledgement: {silent}")


def prove_a_cluster_that_stays_away_fails_what_it_had_to_take(place):
    """A cluster that stays away fails what it had to take, and nothing is called lost.

    1,000 messages a second with `message.timeout.ms: 5000` for 30 s; all three brokers are killed (SIGKILL) at 10 s for
    good. Every message is acknowledged or fails as a timeout or a lost connection. What was acknowledged can't be read
    to its end, so the ledger calls none of it lost and says why, the run is incomplete, and a threshold on lost
    messages has no data.
    """
    cluster = new_cluster(place)
    cluster.create("away", partitions=3)
    run = place.start_run("thresholds: { kafka_messages_lost: ['count==0'] }\n" +
                          ticks(cluster, "away", 1000, 30, message_timeout_ms=5000))
    place.started(run)
    wait_until(run, 10)
    for broker in (1, 2, 3):
        cluster.kill(broker)
    result = run.finish(300).expect(99)
    account(result)
    found, entry = errors(result, "ticks"), ledger(result, "away")
    place.record(("messages acknowledged, failed", f"{number(produced(result))}, {number(failed(result))}"),
                 ("errors", told(found)), ("ledger", f"{worded(entry)}, {number(entry['unread'])} unread"),
                 ("why", entry["problem"]), ("duration, with the wait for the cluster", f"{result.seconds:.1f} s"))
    equal(produced(result) + failed(result), 30000, "messages")
    between(produced(result), 8000, 12000, "acknowledged")
    check({error[0] for error in found} <= {"timeout", "connection"}, told(found))
    equal((entry["lost"], entry["partitions_unread"]), (0, 3), "lost, and partitions unread")
    check(entry["problem"], "nothing is said of what couldn't be read")
    equal((result.summary["verdict"]["coverage"], result.summary["thresholds"][0]["no_data"]), ("incomplete", True),
          "coverage, no data")


def prove_transactions_outlive_killed_brokers(place):
    """Transactions outlive killed brokers.

    1,000 messages a second for 60 s in transactions of 100, of which 10 % are aborted. Each of the three brokers is
    killed (SIGKILL), at 8, 24 and 40 s, and started again 6 s later: leaders of partitions and coordinators of
    transactions. Every transaction ends as it should: no message fails, none of those committed is missing or there
    twice, and none of those aborted is seen.
    """
    cluster = new_cluster(place)
    cluster.create("committed", partitions=3)
    step = "target: stream, topic: committed, size: 100, verify: during, transactions: { every: 100, abort: 10% }"
    run = place.start_run(plan([target("stream", cluster.brokers, linger_ms=5)], [load("ticks", step, 1000, 60)]))
    place.started(run)
    for broker, moment in ((1, 8), (2, 24), (3, 40)):
        wait_until(run, moment)
        cluster.kill(broker)
        wait_until(run, moment + 6)
        cluster.start(broker)
    result = run.finish().expect(0).expect_whole(1)
    cluster.wait_in_sync("committed", 3)
    entry, seen = ledger(result, "committed"), Seen(cluster.dump("committed", uncommitted=False))
    ended = [result.row(f"kafka_transactions_{end}")["count"] for end in ("committed", "aborted")]
    place.record(("messages acknowledged, failed", f"{number(produced(result))}, {number(failed(result))}"),
                 ("transactions committed, aborted", ", ".join(map(number, ended))),
                 ("ledger", f"{worded(entry)}, {number(entry['aborted'])} aborted, "
                  f"{number(entry['aborted_visible'])} of them visible"),
                 ("distinct committed messages in a dump, copies",
                  f"{number(seen.distinct)}, {number(seen.duplicated)}"),
                 ("seconds without an acknowledgement", listed(silence(result, "ticks", 8, 59))),
                 ("errors", told(errors(result, "ticks"))))
    equal((produced(result), failed(result)), (60000, 0), "acknowledged and failed")
    equal(entry["acked"] + entry["aborted"], 60000, "committed and aborted")
    equal((seen.distinct, seen.duplicated), (entry["acked"], 0), "committed messages in the dump, copies")
    equal([entry[name] for name in ("lost", "duplicated", "aborted_visible", "unacked_visible")], [0] * 4,
          "lost, duplicated, aborted and visible, unacknowledged and visible")


def prove_a_broker_s_link_down_at_ten_thousand_a_second(place):
    """A broker's link is down at ten thousand messages a second.

    The load, the controller and three brokers, each in a network namespace of its own; 10,000 messages a second with
    acks=all for 40 s by 2 agents. The link of the leader of one of three partitions is down from 10 s to 20 s. None is
    dropped, none fails, and none that was acknowledged is missing from the topic.
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
    equal(account(result)["dropped"], 0, "dropped")
    nothing_is_missing(place, result, cluster, "linked", 400000, silence(result, "ticks", 10, 39))
