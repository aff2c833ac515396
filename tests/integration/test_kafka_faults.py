# SPDX-License-Identifier: Apache-2.0
"""A real cluster of Kafka that refuses, stalls or loses brokers: a clear word, a run that goes on, and exact counts."""
import re

from .kafka_cluster import PASSWORD, USER, KafkaCluster
from .kafka_faults import (delete_records, errors, failed, fill_queue, kill_leader, load, lose, plan, produced,
                           target)
from .support import Place, between, check, equal
from .test_loss import account

SESSION_MS = 4000  # how long a broker may be silent before others lead its partitions


def shared(place):
    cluster = place.tools.share("kafka-cluster", lambda folder: KafkaCluster(
        folder, place.tools.kafka_libs, session_ms=SESSION_MS, secure=True))
    cluster.heal()
    return cluster


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
            load("larger", step % ("open", "narrow", "[ { size: 500, weight: 1 }, { size: 4000, weight: 1 } ]"),
                 200, 3),
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
    equal((produced(result, "missing"), failed(result, "missing")), (0, 700), "produced and failed")
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
        equal(sum(error[3] for error in found), failed(result, scenario), f"errors of {scenario}")
    equal(failed(result, "large"), 150, "messages that the client refused")
    between(produced(result, "larger"), 200, 400, "messages that fitted")
    equal(cluster.messages("narrow"), produced(result, "larger"), "the brokers' end offsets")
    texts = {error[2] for error in errors(result, "larger")}
    check(all(re.search(r"\(broker [123]\)$", text) for text in texts), f"who said it is not in {texts}")


def test_a_refused_login_fails_every_message_as_auth_and_a_right_one_none(place):
    cluster, result = refusals(place)
    for scenario, kind, word in (("refused", "auth", "Invalid username or password"),
                                 ("stranger", "connection", "certificate verify failed")):
        found = errors(result, scenario)
        equal((sum(error[3] for error in found), {error[0] for error in found}), (150, {kind}), f"errors {found}")
        check(all(word in error[2] for error in found), f"no {word!r} in {found}")
        equal(produced(result, scenario), 0, f"messages of {scenario}")
    for scenario in ("plain", "scram"):
        equal((produced(result, scenario), errors(result, scenario)), (150, []), scenario)
    equal(cluster.messages("login"), 300, "the brokers' end offsets")


def test_a_full_queue_drops_or_makes_late_as_the_plan_says_and_never_slows_the_schedule(place):
    fill_queue(place, shared(place), rate=500, room=300, frozen_s=2)


def test_a_killed_leader_is_lived_through_and_the_gap_is_seen(place):
    kill_leader(place, shared(place), rate=2000, seconds=11, kill_at=2.5)


def test_messages_that_died_with_their_leader_are_lost_by_the_ledger_as_by_a_dump(place):
    lose(place, shared(place), rate=500, seconds=10, frozen_s=1.5)


def test_records_deleted_behind_its_back_are_lost_as_exactly_that_many(place):
    delete_records(place, shared(place), rate=500, seconds=5)
