# SPDX-License-Identifier: Apache-2.0
"""Faults of a real cluster of Kafka, done to a run: what must hold is checked here, for tests and proofs alike."""
import os
import signal

from .stamps import Seen, expect_ledger, ledger
from .support import between, check, children_of, equal
from .test_loss import account, by_second, wait_until

PLAN = """
name: fault
targets:
%s
scenarios:
%s
"""


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


def produced(result, scenario=""):
    return result.row("kafka_messages_produced", scenario)["count"]


def failed(result, scenario=""):
    return result.row("kafka_produce_failed", scenario)["hits"]


def silence(result, scenario, first, last):
    """Seconds of the stretch in which nothing of a scenario was acknowledged."""
    counts = by_second(result, f"kafka_messages_produced|{scenario}")
    return [second for second in range(first, last) if counts.get(second, 0) == 0]


def fill_queue(place, cluster, rate, room, frozen_s):
    """Brokers freeze behind a queue with little room; one scenario drops what finds none, the other one waits."""
    for name in ("drops", "waits"):
        cluster.create(name, partitions=1)
    seconds = int(frozen_s) + 4
    step = "target: %s, topic: %s, size: 100"
    run = place.start_run(plan(
        [target(name, cluster.brokers, queue_buffering_max_messages=room) for name in ("drops", "waits")],
        [load("drops", step % ("drops", "drops"), rate, seconds),
         load("waits", step % ("waits", "waits"), rate, seconds, "whenFull: queue, ")]))
    place.started(run)
    wait_until(run, 1.5)
    frozen = {cluster.leader(name) for name in ("drops", "waits")}
    for broker in frozen:
        cluster.freeze(broker)
    wait_until(run, 1.5 + frozen_s)
    for broker in frozen:
        cluster.thaw(broker)
    result = run.finish().expect(0)
    coverage = account(result)
    planned = rate * seconds
    equal(coverage["planned"], 2 * planned, "planned")
    equal(coverage["dropped_by_reason"]["queue_full"], coverage["dropped"], "dropped as queue_full")
    between(coverage["dropped"], rate * frozen_s * 0.3, planned, "dropped")
    for name, wanted in (("drops", planned - coverage["dropped"]), ("waits", planned)):
        equal((produced(result, name), errors(result, name)), (wanted, []), f"messages of {name}")
        equal(cluster.messages(name), wanted, f"the brokers' end offsets of {name}")
        check(result.row("kafka_produce_response_time", name)["max"] > 700 * frozen_s, f"{name}: the wait isn't timed")
    equal(sum(by_second(result, "dropped_iterations|drops").values()), coverage["dropped"], "dropped by second")
    check(result.row("send_lateness")["p99"] < 1000, "the schedule was late")
    return result


def kill_leader(place, cluster, rate, seconds, kill_at):
    """The leader of a partition is killed under acks=all: who waits for another loses nothing, who doesn't is told."""
    cluster.create("led", partitions=3)
    step = "target: %s, topic: led, size: 100..1000, verify: during"
    run = place.start_run(plan(
        [target("patient", cluster.brokers, acks="all", linger_ms=5),
         target("hasty", cluster.brokers, acks="all", linger_ms=5, message_timeout_ms=1500)],
        [load("patient", step % "patient", rate, seconds), load("hasty", step % "hasty", 100, seconds)]))
    place.started(run)
    wait_until(run, kill_at)
    killed = cluster.leader("led")
    cluster.kill(killed)
    result = run.finish().expect(0).expect_whole(1)
    cluster.restart(killed)
    cluster.wait_in_sync("led", 3)
    equal((produced(result, "patient"), errors(result, "patient")), (rate * seconds, []), "messages of who waits")
    check_gap(result, int(kill_at), seconds)
    entries = {entry["target"]: entry for entry in result.summary["ledger"]}
    for name, entry in entries.items():
        equal((entry["acked"], entry["lost"]), (produced(result, name), 0), f"acknowledged and lost of {name}: {entry}")
    seen = Seen(cluster.dump("led"))
    equal(sum(entry["seen"] for entry in entries.values()), seen.distinct, f"messages seen {entries}")
    equal(sum(entry["duplicated"] for entry in entries.values()), seen.duplicated, f"copies {entries}")
    return result


def check_gap(result, first, seconds):
    """Nothing is acknowledged while the dead broker counts as in sync, and everything is soon after."""
    gap = silence(result, "patient", first, seconds - 1)
    check(2 <= len(gap) <= seconds - first - 2, f"seconds without an acknowledgement: {gap}")
    equal(gap, list(range(gap[0], gap[-1] + 1)), "they are not in one piece")
    check(result.row("kafka_produce_response_time", "patient")["max"] > 1000 * len(gap), "the gap is not in the times")
    said = f"nothing of patient succeeded in seconds {gap[0]}-{gap[-1]}, for {len(gap)} s"
    check(any(note["text"].startswith(said) for note in result.summary["notes"]), f"no {said!r} in the notes")
    found = [error for error in result.summary["errors"] if error["scenario"] == "hasty"]
    equal({error["class"] for error in found}, {"timeout"}, f"classes of {found}")
    count = sum(error["count"] for error in found)
    told = by_second(result, "kafka_produce_failed|hasty")
    within = sum(told.get(second, 0) for second in range(gap[0], gap[-1] + 4))
    check(within >= 50 and within >= count / 2, f"failed in the gap {gap} of who doesn't wait: {told}")
    equal(produced(result, "hasty") + count, 100 * seconds, "messages of who doesn't wait")


def lose(place, cluster, rate, seconds, frozen_s):
    """A leader dies under acks=1 with what its followers, frozen meanwhile, never got. Gives result and ledger."""
    cluster.create("doomed", partitions=1)
    run = place.start_run(plan(
        [target("stream", cluster.brokers, acks=1, linger_ms=5)],
        [load("ticks", "target: stream, topic: doomed, size: 100, verify: during", rate, seconds)]))
    place.started(run)
    wait_until(run, 2)
    leader = cluster.leader("doomed")
    followers = [broker for broker in cluster.isr("doomed") if broker != leader]
    equal(len(followers), 2, "followers in sync")
    for broker in followers:
        cluster.freeze(broker)
    wait_until(run, 2 + frozen_s)
    cluster.kill(leader)
    for broker in followers:
        cluster.thaw(broker)
    result = run.finish().expect(0).expect_whole(1)
    cluster.restart(leader)
    cluster.wait_in_sync("doomed")
    equal((produced(result), errors(result, "ticks")), (rate * seconds, []), "messages")
    seen = Seen(cluster.dump("doomed"))
    entry = expect_ledger(result, "doomed", seen, rate * seconds)
    check(entry["lost"] > rate * frozen_s / 5, f"only {entry['lost']} were lost")
    named = {(missing["producer"] - 1, missing["sequence"]) for missing in entry["missing"]}
    equal(len(named), 20, f"messages named in {entry['missing']}")
    check(named <= seen.missing(rate * seconds), f"some of {named} are there")
    check(all(1 <= missing["second"] <= 2 + frozen_s for missing in entry["missing"]), f"seconds {entry['missing']}")
    return result, entry


def delete_records(place, cluster, rate, seconds):
    """Records are deleted before they were verified. Gives the run's result, its ledger and how many were deleted."""
    cluster.create("deleted", partitions=3)
    cluster.put("deleted", ["before the run"] * 10, partition=1)
    run = place.start_run(plan(
        [target("stream", cluster.brokers, acks="all", linger_ms=5, enable_idempotence="true")],
        [load("ticks", "target: stream, topic: deleted, size: 100, verify: after", rate, seconds)]))
    place.started(run)
    wait_until(run, seconds - 2)
    ends = cluster.end_offsets("deleted")
    cluster.delete_records("deleted", {0: ends[0] // 2, 1: ends[1]})
    deleted = ends[0] // 2 + ends[1] - 10
    result = run.finish().expect(0).expect_whole(1)
    seen = Seen(cluster.dump("deleted"))
    equal(rate * seconds - seen.distinct, deleted, "messages that the dump misses")
    check(deleted > rate / 5, f"only {deleted} were deleted")
    entry = expect_ledger(result, "deleted", seen, rate * seconds)
    equal(entry["lost"], deleted, "lost")
    return result, entry, deleted


def kill_agents(place, cluster, rate, seconds, kills):
    """Agents that verify, consume and produce are killed at some moments; whoever is left goes on where they were."""
    topics = ("left", "right")
    for topic in topics:
        cluster.create(topic, partitions=3)
    text = plan([target("stream", cluster.brokers, acks="all", linger_ms=5)],
                [*(load(topic, f"target: stream, topic: {topic}, size: 100, verify: during", rate, seconds)
                   for topic in topics),
                 f"  readers: {{ executor: constant-vus, vus: 6, duration: {seconds}s, steps: [ {{ consume: "
                 "{ target: stream, topic: left, groupId: readers } } ] }"])
    run = place.start_run("onAgentLoss: redistribute\n" + text, "--agents", str(len(kills) + 1))
    place.started(run)
    for moment in kills:
        wait_until(run, moment)
        os.kill(children_of(run.pid)[0], signal.SIGKILL)
    result = run.finish().expect(0)
    coverage = account(result)
    check(coverage["unknown"] > 0, f"nothing was lost with the agents: {coverage}")
    for topic in topics:
        seen, entry = Seen(cluster.dump(topic)), ledger(result, topic)
        wanted = {"seen": seen.distinct, "lost": 0, "unacked_visible": seen.distinct - entry["acked"], "unread": 0,
                  "partitions_unread": 0, "duplicated": seen.duplicated, "reordered": seen.reordered, "problem": ""}
        equal({key: entry[key] for key in wanted}, wanted, f"the ledger of {topic}")
        check(entry["acked"] > rate * seconds / 3, f"acknowledged of {topic}: {entry['acked']}")
    return result
