# SPDX-License-Identifier: Apache-2.0
"""Messages in transactions on a real broker: who reads committed ones sees those alone, and as many as the report says."""
import ctypes as c
import os
import re

from .kafka_admin import PRODUCER, load
from .stamps import Seen, expect_ledger, ledger, read
from .support import between, check, equal, wait_for
from .targets import Kafka

COUNT, EVERY = 2000, 25

PLAN = """
name: transactions
targets: { stream: { kafka: { brokers: "%s", properties: { linger.ms: 5 } } } }
scenarios:
  counted:
    executor: shared-iterations
    iterations: %d
    producers: 4
    steps:
      - produce: { target: stream, topic: counted, payload: "m {{iteration}}", verify: after,
          transactions: { every: %d, abort: 20%% } }
  timed:
    executor: constant-arrival-rate
    rate: 200
    duration: 3s
    steps: [ { produce: { target: stream, topic: timed, size: 100, verify: during, transactions: { every: 200ms } } } ]
"""


def test_transactions_show_what_they_committed(place):
    kafka = place.tools.share("kafka", lambda folder: Kafka(folder, place.tools.kafka_libs))
    for topic in ("counted", "timed"):
        kafka.create(topic)
    result = place.run(PLAN % (kafka.brokers, COUNT, EVERY), "--agents", "2").expect(0).expect_whole(2)
    equal(result.row("kafka_messages_produced", "counted")["count"], COUNT, "messages")
    committed = result.row("kafka_transactions_committed", "counted")["count"]
    aborted = result.row("kafka_transactions_aborted", "counted")["count"]
    # Each client ends its last transaction early.
    between(committed + aborted, COUNT / EVERY, COUNT / EVERY + 8, "transactions")
    between(aborted / (committed + aborted), 0.12, 0.28, "the share that was aborted")
    equal(result.row("kafka_transaction_duration", "counted")["count"], committed, "durations")
    entry = ledger(result, "counted")
    equal(entry["acked"] + entry["aborted"], COUNT, f"messages told in {entry}")
    equal(entry["aborted"], aborted * EVERY, f"messages in {aborted} aborted transactions of {entry}")
    equal([entry[key] for key in ("lost", "aborted_visible", "unacked_visible", "failed", "duplicated")], [0] * 5, f"{entry}")
    equal(len(kafka.dump("counted", uncommitted=False)), entry["acked"], "messages that a reader of committed ones sees")
    equal(len(kafka.dump("counted")), COUNT, "messages that a reader of all sees")
    check_timed(kafka, result)


def check_timed(kafka, result):
    """Every 200 ms of 3 s, of a client on each of some workers; nobody is dropped while one ends."""
    equal(result.row("kafka_messages_produced", "timed")["count"], 600, "messages by time")
    between(result.row("kafka_transactions_committed", "timed")["count"], 10, 80, "transactions by time")
    equal(result.row("kafka_transactions_aborted", "timed")["count"], 0, "aborted transactions by time")
    check(result.row("kafka_transaction_duration", "timed")["max"] > 0, "no duration")
    expect_ledger(result, "timed", Seen(kafka.dump("timed")), 600)


FENCED = """
name: fenced
targets: { stream: { kafka: { brokers: "%s", properties: { linger.ms: 5 } } } }
scenarios:
  s:
    executor: constant-arrival-rate
    rate: 200
    duration: 6s
    producers: 2
    steps: [ { produce: { target: stream, topic: fenced, size: 100, verify: after, transactions: { every: 20 } } } ]
"""


def fence(brokers, name):
    """Another client takes a transactional id over."""
    library = load()
    library.rd_kafka_init_transactions.restype = c.c_void_p
    conf = c.c_void_p(library.rd_kafka_conf_new())
    for key, value in (("bootstrap.servers", brokers), ("log_level", "0"), ("transactional.id", name)):
        equal(library.rd_kafka_conf_set(conf, key.encode(), value.encode(), None, c.c_size_t(0)), 0, key)
    client = c.c_void_p(library.rd_kafka_new(PRODUCER, conf, None, c.c_size_t(0)))
    equal(library.rd_kafka_init_transactions(client, 20000), None, f"taking {name} over")
    library.rd_kafka_destroy(client)


def test_producers_that_are_fenced_off_go_on_as_others(place):
    kafka = place.tools.share("kafka", lambda folder: Kafka(folder, place.tools.kafka_libs))
    kafka.create("fenced")
    run = place.start_run(FENCED % kafka.brokers, "--agents", "1")
    place.started(run)
    wait_for(lambda: kafka.messages("fenced") > 200, "messages")
    with open(os.path.join(run.folder, "run.log")) as file:
        run_id = re.search(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", file.read()).group()
    for client in range(2):  # the first of each worker, or those of the only one
        fence(kafka.brokers, f"stampede-{run_id}-0-stream-{client}")
    result = run.finish().expect(0).expect_whole(1)
    codes = {error["code"] for error in result.summary["errors"]}
    # What had not left yet is thrown away with its transaction, now and then before it is heard why.
    fenced = {"_FENCED", "INVALID_PRODUCER_EPOCH", "PRODUCER_FENCED"}
    check(codes & fenced and codes <= fenced | {"_PURGE_QUEUE"}, f"errors {codes}")
    entry = ledger(result, "fenced")
    equal([entry[key] for key in ("lost", "aborted", "aborted_visible", "unacked_visible", "duplicated")], [0] * 5, f"{entry}")
    equal(entry["acked"] + entry["failed"], 1200, f"{entry}")
    between(entry["failed"], 1, 200, f"messages of transactions that were cut off in {entry}")
    streams = {stamp for stamp, _ in map(read, kafka.dump("fenced", uncommitted=False))}
    between(len(streams), 3, 6, "streams: two, and those of their successors")
