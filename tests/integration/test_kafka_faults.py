# SPDX-License-Identifier: Apache-2.0
"""A real cluster of Kafka that refuses, stalls or loses brokers: a clear word, a run that goes on, and exact counts."""
import os
import re
import signal

from .kafka_cluster import PASSWORD, USER, KafkaCluster
from .stamps import Seen, expect_ledger, ledger
from .support import Place, between, check, children_of, equal
from .test_loss import account, by_second, wait_until

SESSION_MS = 4000  # how long a broker may be silent before others lead its partitions

PLAN = """
name: fault
targets:
%s
scenarios:
%s
"""


def shared(place):
    cluster = place.tools.share("kafka-cluster", lambda folder: KafkaCluster(
        folder, place.tools.kafka_libs, session_ms=SESSION_MS, secure=True))
    cluster.heal()
    return cluster


def target(name, brokers, **properties):
    """A line of targets; `_` in a property's name stands for a dot."""
    texts = ", ".join(f"{key.replace('_', '.')}: {value}" for key, value in properties.items())
    return f'  {name}: {{ kafka: {{ brokers: "{brokers}", properties: {{ {texts} }} }} }}'


def load(name, step, rate, seconds, more=""):
    """A line of scenarios: arrivals of one produce step."""
    return (f"  {name}: {{ executor: constant-arrival-rate, rate: {rate}, duration: {seconds}s, {more}"
            f"steps: [ {{ produce: {{ {step} }} }} ] }}")


def plan(targets, scenarios):
    return PLAN % ("\n".join(targets), "\n".join(scenarios))


def errors(result, scenario):
    """Class, code, text and number of a scenario's errors."""
    return [(error["class"], error["code"], error["text"], error["count"])
            for error in result.summary["errors"] if error["scenario"] == scenario]


class Refusals:
    """One run of scenarios whose messages are refused, each for a reason of its own, beside some that are not."""

    def __init__(self, place, cluster):
        self.cluster, self.own = cluster, Place(place.tools, "refusals")
        sasl = {"security_protocol": "SASL_PLAINTEXT", "sasl_mechanisms": "PLAIN", "sasl_username": USER}
        targets = [
            target("open", cluster.brokers, batch_num_messages=1),
            target("refused", cluster.sasl_brokers, **sasl, sasl_password="wrong"),
            target("plain", cluster.sasl_brokers, **sasl, sasl_password=PASSWORD),
            target("scram", cluster.sasl_tls_brokers, security_protocol="SASL_SSL", sasl_mechanisms="SCRAM-SHA-256",
                   sasl_username=USER, sasl_password=PASSWORD, ssl_ca_location=cluster.certificate),
            target("stranger", cluster.tls_brokers, security_protocol="SSL")]
        step = "target: %s, topic: %s, size: %s"
        self.plan = plan(targets, [
            load("missing", step % ("open", "no-such-topic", 100), 100, 7),
            load("large", step % ("open", "roomy", "2MB"), 50, 3),
            load("larger", step % ("open", "narrow", "[ { size: 500, weight: 1 }, { size: 4000, weight: 1 } ]"), 200, 3),
            *(load(name, step % (name, "login", 100), 50, 3) for name in ("refused", "plain", "scram", "stranger"))])

    def __enter__(self):
        self.cluster.create("roomy")
        self.cluster.create("narrow", config={"max.message.bytes": 2000})
        self.cluster.create("login")
        self.result = self.own.run(self.plan).expect(0)
        account(self.result)
        return self

    def __exit__(self, *_):
        self.own.close(keep=False)


def refusals(place):
    cluster = shared(place)
    return cluster, place.tools.share("refusals", lambda _: Refusals(place, cluster)).result


def test_messages_to_a_topic_that_does_not_exist_fail_as_such_and_the_run_ends(place):
    cluster, result = refusals(place)
    check(result.seconds < 20, f"the run took {result.seconds:.1f} s")
    equal((result.row("kafka_messages_produced", "missing")["count"],
           result.row("kafka_produce_failed", "missing")["hits"]), (0, 700), "produced and failed")
    found = errors(result, "missing")
    equal(sum(error[3] for error in found), 700, f"errors {found}")
    for kind, code, text, _ in found:
        equal(kind, "client", f"class of {code}")
        check(code in ("UNKNOWN_TOPIC_OR_PART", "_UNKNOWN_TOPIC") and "nknown topic" in text, f"{code}: {text}")
    equal(cluster.partitions("no-such-topic"), {}, "the topic's partitions")


def test_messages_too_large_for_client_or_broker_fail_each_for_itself(place):
    cluster, result = refusals(place)
    for scenario in ("large", "larger"):
        found = errors(result, scenario)
        equal({error[:2] for error in found}, {("client", "MSG_SIZE_TOO_LARGE")}, f"errors of {scenario}")
        equal(sum(error[3] for error in found), result.row("kafka_produce_failed", scenario)["hits"],
              f"errors of {scenario}")
    equal(result.row("kafka_produce_failed", "large")["hits"], 150, "messages that the client refused")
    produced = result.row("kafka_messages_produced", "larger")["count"]
    between(produced, 200, 400, "messages that fitted")
    equal(cluster.messages("narrow"), produced, "the brokers' end offsets")
    texts = {error[2] for error in errors(result, "larger")}
    check(all(re.search(r"\(broker [123]\)$", text) for text in texts), f"who said it is not in {texts}")


def test_a_refused_login_fails_every_message_as_auth_and_a_right_one_none(place):
    cluster, result = refusals(place)
    for scenario, kind, word in (("refused", "auth", "Invalid username or password"),
                                 ("stranger", "connection", "certificate verify failed")):
        found = errors(result, scenario)
        equal((sum(error[3] for error in found), {error[0] for error in found}), (150, {kind}), f"errors {found}")
        check(all(word in error[2] for error in found), f"no {word!r} in {found}")
        equal(result.row("kafka_messages_produced", scenario)["count"], 0, f"messages of {scenario}")
    for scenario in ("plain", "scram"):
        equal((result.row("kafka_messages_produced", scenario)["count"], errors(result, scenario)), (150, []), scenario)
    equal(cluster.messages("login"), 300, "the brokers' end offsets")


def test_a_full_queue_drops_or_makes_late_as_the_plan_says_and_never_slows_the_schedule(place):
    cluster = shared(place)
    for name in ("drops", "waits"):
        cluster.create(name, partitions=1)
    step = "target: %s, topic: %s, size: 100"
    run = place.start_run(plan(
        [target(name, cluster.brokers, queue_buffering_max_messages=300) for name in ("drops", "waits")],
        [load("drops", step % ("drops", "drops"), 500, 6),
         load("waits", step % ("waits", "waits"), 500, 6, "whenFull: queue, ")]))
    place.started(run)
    wait_until(run, 1.5)
    frozen = {cluster.leader(name) for name in ("drops", "waits")}
    for broker in frozen:
        cluster.freeze(broker)
    wait_until(run, 3.5)
    for broker in frozen:
        cluster.thaw(broker)
    result = run.finish().expect(0)
    coverage = account(result)
    equal(coverage["planned"], 6000, "planned")
    equal(coverage["dropped_by_reason"]["queue_full"], coverage["dropped"], "dropped for another reason")
    between(coverage["dropped"], 300, 1000, "dropped")
    for name, wanted in (("drops", 3000 - coverage["dropped"]), ("waits", 3000)):
        equal(result.row("kafka_messages_produced", name)["count"], wanted, f"messages of {name}")
        equal(cluster.messages(name), wanted, f"the brokers' end offsets of {name}")
        check(result.row("kafka_produce_response_time", name)["max"] > 1400, f"{name}: the wait is not in its times")
    equal(sum(by_second(result, "dropped_iterations|drops").values()), coverage["dropped"], "dropped by second")
    check(result.row("send_lateness")["p99"] < 1000, "the schedule was late")


def test_a_killed_leader_is_lived_through_and_the_gap_is_seen(place):
    cluster = shared(place)
    cluster.create("led", partitions=3)
    step = "target: %s, topic: led, size: 100..1000, verify: during"
    run = place.start_run(plan(
        [target("patient", cluster.brokers, acks="all", linger_ms=5),
         target("hasty", cluster.brokers, acks="all", linger_ms=5, message_timeout_ms=1500)],
        [load("patient", step % "patient", 2000, 12), load("hasty", step % "hasty", 100, 12)]))
    place.started(run)
    wait_until(run, 2.5)
    killed = cluster.leader("led")
    cluster.kill(killed)
    result = run.finish().expect(0).expect_whole(1)
    cluster.restart(killed)
    equal((result.row("kafka_messages_produced", "patient")["count"], errors(result, "patient")), (24000, []),
          "messages of who waits for a new leader")
    check_gap(result)
    cluster.wait_in_sync("led", 3)
    entries = {entry["target"]: entry for entry in result.summary["ledger"]}
    for name, entry in entries.items():
        equal((entry["acked"], entry["lost"]), (result.row("kafka_messages_produced", name)["count"], 0),
              f"acknowledged and lost of {name}: {entry}")
    seen = Seen(cluster.dump("led"))
    equal(sum(entry["seen"] for entry in entries.values()), seen.distinct, f"messages seen {entries}")
    equal(sum(entry["duplicated"] for entry in entries.values()), seen.duplicated, f"copies {entries}")


def check_gap(result):
    """Nothing is acknowledged while the dead broker counts as in sync, and everything is soon after."""
    produced = by_second(result, "kafka_messages_produced|patient")
    gap = [second for second in range(2, 11) if produced[second] == 0]
    check(2 <= len(gap) <= 8, f"seconds without an acknowledgement in {produced}")
    equal(gap, list(range(gap[0], gap[-1] + 1)), "they are not in one piece")
    check(result.row("kafka_produce_response_time", "patient")["max"] > 1000 * len(gap), "the gap is not in the times")
    found = [error for error in result.summary["errors"] if error["scenario"] == "hasty"]
    equal({error["class"] for error in found}, {"timeout"}, f"classes of {found}")
    failed = sum(error["count"] for error in found)
    between(failed, 50, 900, f"failed of who doesn't wait, {found}")
    equal(result.row("kafka_messages_produced", "hasty")["count"] + failed, 1200, "messages of who doesn't wait")
    check(all(gap[0] <= error["first_s"] and error["last_s"] <= gap[-1] + 3 for error in found), f"{found} of {gap}")


def lose(place, cluster, topic, verify):
    """A run with acks=1 whose leader dies with messages that its followers, frozen meanwhile, never got."""
    cluster.create(topic, partitions=1)
    run = place.start_run(plan(
        [target("stream", cluster.brokers, acks=1, linger_ms=5)],
        [load("ticks", f"target: stream, topic: {topic}, size: 100, verify: {verify}", 500, 10)]))
    place.started(run)
    wait_until(run, 2)
    leader = cluster.leader(topic)
    followers = [broker for broker in cluster.isr(topic) if broker != leader]
    equal(len(followers), 2, "followers in sync")
    for broker in followers:
        cluster.freeze(broker)
    wait_until(run, 3.5)
    cluster.kill(leader)
    for broker in followers:
        cluster.thaw(broker)
    result = run.finish().expect(0).expect_whole(1)
    cluster.restart(leader)
    cluster.wait_in_sync(topic)
    return result


def test_messages_that_died_with_their_leader_are_lost_by_the_ledger_as_by_a_dump(place):
    cluster = shared(place)
    result = lose(place, cluster, "doomed", "during")
    equal((result.row("kafka_messages_produced")["count"], errors(result, "ticks")), (5000, []), "messages")
    seen = Seen(cluster.dump("doomed"))
    entry = expect_ledger(result, "doomed", seen, 5000)
    check(entry["lost"] > 100, f"only {entry['lost']} were lost")
    named = {(missing["producer"] - 1, missing["sequence"]) for missing in entry["missing"]}
    equal(len(named), min(20, entry["lost"]), f"messages named in {entry['missing']}")
    check(named <= seen.missing(5000), f"some of {named} are there")
    check({missing["second"] for missing in entry["missing"]} <= {1, 2, 3}, f"seconds of {entry['missing']}")


def test_records_deleted_behind_its_back_are_lost_as_exactly_that_many(place):
    cluster = shared(place)
    cluster.create("deleted", partitions=3)
    cluster.put("deleted", ["before the run"] * 10, partition=1)
    run = place.start_run(plan(
        [target("stream", cluster.brokers, acks="all", linger_ms=5, enable_idempotence="true")],
        [load("ticks", 'target: stream, topic: deleted, size: 100, verify: after', 500, 6)]))
    place.started(run)
    wait_until(run, 4)
    ends = cluster.end_offsets("deleted")
    cluster.delete_records("deleted", {0: ends[0] // 2, 1: ends[1]})
    deleted = ends[0] // 2 + ends[1] - 10
    result = run.finish().expect(0).expect_whole(1)
    seen = Seen(cluster.dump("deleted"))
    equal(3000 - seen.distinct, deleted, "messages that the dump misses")
    check(deleted > 100, f"only {deleted} were deleted")
    entry = expect_ledger(result, "deleted", seen, 3000)
    equal(entry["lost"], deleted, "lost")


def test_killed_agents_that_verified_and_consumed_make_nothing_lost(place):
    cluster = shared(place)
    for topic in ("left", "right"):
        cluster.create(topic, partitions=3)
    text = plan([target("stream", cluster.brokers, acks="all", linger_ms=5)],
                [*(load(topic, f"target: stream, topic: {topic}, size: 100, verify: during", 500, 7)
                   for topic in ("left", "right")),
                 "  readers: { executor: constant-vus, vus: 6, duration: 7s, steps: [ { consume: "
                 "{ target: stream, topic: left, groupId: readers } } ] }"])
    run = place.start_run("onAgentLoss: redistribute\n" + text, "--agents", "3")
    place.started(run)
    for seconds in (2.5, 4):  # of three agents two verify
        wait_until(run, seconds)
        os.kill(children_of(run.pid)[0], signal.SIGKILL)
    result = run.finish().expect(0)
    coverage = account(result)
    check(coverage["unknown"] > 0, f"nothing was lost with the agents: {coverage}")
    for topic in ("left", "right"):
        seen, entry = Seen(cluster.dump(topic)), ledger(result, topic)
        wanted = {"seen": seen.distinct, "lost": 0, "unacked_visible": seen.distinct - entry["acked"], "unread": 0,
                  "partitions_unread": 0, "duplicated": seen.duplicated, "reordered": seen.reordered, "problem": ""}
        equal({key: entry[key] for key in wanted}, wanted, f"the ledger of {topic}")
        between(entry["acked"], 1800, 3499, f"acknowledged of {topic}")
