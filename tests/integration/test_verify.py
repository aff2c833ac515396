# SPDX-License-Identifier: Apache-2.0
"""Verifiers beside a real broker: what they saw is what it holds, whatever becomes of who reads."""
import os
import signal

from .support import check, children_of, equal, wait_for
from .targets import Kafka
from .test_resume import agents_of, kill, resume

PLAN = """
name: verified
lostAfter: 5s
onAgentLoss: redistribute
targets: { stream: { kafka: { brokers: "%s", properties: { acks: all } } } }
scenarios:
  most:
    executor: constant-arrival-rate
    rate: 1000
    duration: %s
    producers: 4
    steps: [ { produce: { target: stream, topic: %s-during, size: 200, verify: during } } ]
  some:
    executor: constant-arrival-rate
    rate: 100
    duration: %s
    producers: 2
    steps: [ { produce: { target: stream, topic: %s-after, size: 200, verify: after } } ]
thresholds: { kafka_messages_lost: [ 'count==0' ] }
"""


def broker_of(place):
    return place.tools.share("kafka", lambda folder: Kafka(folder, place.tools.kafka_libs))


def plan_for(kafka, name, duration="6s"):
    """Each of two agents gets one of the two topics to verify."""
    for kind in ("during", "after"):
        kafka.create(f"{name}-{kind}")
    return PLAN % (kafka.brokers, duration, name, duration, name)


def expect_all_seen(result, kafka, name):
    """Exactly what the broker holds was seen, once each."""
    ledger = result.summary["ledger"]
    equal([entry["topic"] for entry in ledger], [f"{name}-during", f"{name}-after"], "topics")
    for entry in ledger:
        equal(entry["seen"], kafka.messages(entry["topic"]), f"seen of {entry}")
        equal([entry[key] for key in ("lost", "unread", "duplicated", "reordered", "foreign", "damaged")], [0] * 6,
              f"account of {entry}")
        equal((entry["problem"], entry["partitions_unread"]), ("", 0), f"unread of {entry}")
    result.expect_ledger_sums()
    return ledger


def test_what_is_produced_is_read_again_beside_the_load_and_after_it(place):
    kafka = broker_of(place)
    result = place.run(plan_for(kafka, "whole", "3s"), "--agents", "2").expect(0).expect_whole(2)
    ledger = expect_all_seen(result, kafka, "whole")
    equal([entry["acked"] for entry in ledger], [3000, 300], "acknowledged")
    check("verifying what was produced to 2 topics" in result.err, f"said nothing of it: {result.err}")


def test_verifiers_move_when_their_agent_is_killed_and_nothing_is_called_lost(place):
    kafka = broker_of(place)
    run = place.start_run(plan_for(kafka, "killed"), "--agents", "2")
    place.started(run)
    wait_for(lambda: kafka.messages("killed-during") > 1500, "some load")
    os.kill(children_of(run.pid)[0], signal.SIGKILL)
    result = run.finish().expect(0)
    ledger = expect_all_seen(result, kafka, "killed")
    check(ledger[0]["acked"] >= 4000, f"acknowledged: {ledger[0]}")


def test_a_resumed_run_goes_on_verifying_where_its_journal_ends(place):
    kafka = broker_of(place)
    run = place.start_run(plan_for(kafka, "resumed"), "--agents", "2")
    place.started(run)
    agents_of(place, run)
    wait_for(lambda: kafka.messages("resumed-during") > 1500, "some load")
    kill(run)
    result = resume(place, run.folder).expect(0).expect_whole(2)
    ledger = expect_all_seen(result, kafka, "resumed")
    equal([entry["acked"] for entry in ledger], [6000, 600], "acknowledged")


def test_an_interrupted_run_is_verified_as_far_as_it_came(place):
    kafka = broker_of(place)
    run = place.start_run(plan_for(kafka, "cut", "60s"), "--agents", "2")
    place.started(run)
    wait_for(lambda: kafka.messages("cut-during") > 1000, "some load")
    run.send_signal(signal.SIGINT)
    result = run.finish().expect(105)
    expect_all_seen(result, kafka, "cut")
