# SPDX-License-Identifier: Apache-2.0
"""The container lab: 10 agents in containers, one killed and one paused in mid-run."""
import os
import subprocess
import time

from deploy.compose.cluster import Cluster, Engine

from .figures import held, number
from .support import Result, check, equal, wait_for

PLAN = """
name: container lab
onAgentLoss: redistribute
lostAfter: 6s
targets:
  stream: { kafka: { brokers: "${brokers}", properties: { acks: all, linger.ms: 5 } } }
  api: { http: { baseUrl: "${api}", timeout: 5s } }
  db: { postgres: { uri: "${db}", connections: 10, timeout: 10s } }
data: { symbol: { csv: symbols.csv, column: symbol, pick: zipf } }
scenarios:
  ticks:
    executor: constant-arrival-rate
    rate: 300
    duration: 60s
    producers: 10
    steps: [ { produce: { target: stream, topic: stock-data, key: "{{symbol}}", size: 100..1000 } } ]
  users:
    executor: per-vu-iterations
    vus: 100
    iterations: 50
    maxDuration: 60s
    steps: [ { http: { target: api, get: "/api/stocks/{{symbol}}" } }, { think: 500ms..1500ms } ]
  analysts:
    executor: constant-arrival-rate
    rate: 20
    duration: 60s
    steps: [ { sql: { target: db, query: "SELECT avg(close) FROM stock_data WHERE symbol = $1", params: [ "{{symbol}}" ] } } ]
"""


def build_images(place):
    """As `./dev image` does, with the engine that is up."""
    done = subprocess.run([os.path.join(place.tools.root, "dev"), "build-images"], capture_output=True, text=True,
                          check=False)
    equal(done.returncode, 0, "the images: " + done.stderr[-1000:])


def docker(*words):
    done = subprocess.run(["docker", *words], capture_output=True, text=True, check=False)
    check(done.returncode == 0, f"docker {' '.join(words[:3])}: {done.stderr}")
    return done.stdout


def seen(cluster):
    """What the targets themselves counted: messages, requests, queries."""
    offsets = docker("exec", cluster.container("kafka-1"), "java", "-cp", "/kafka/libs/*",
                     "org.apache.kafka.tools.GetOffsetShell", "--bootstrap-server", "kafka-1:9092", "--topic",
                     "stock-data")
    queries = docker("exec", cluster.container("postgres"), "psql", "-h", "/tmp", "-U", "stampede", "-At", "stocks", "-c",
                     "SELECT coalesce(sum(calls), 0) FROM pg_stat_statements WHERE query LIKE 'SELECT avg(close)%'")
    return {"kafka": sum(int(line.rsplit(":", 1)[1]) for line in offsets.split()),
            "http": int(docker("exec", cluster.container("nginx"), "grep", "-c", "GET /api/stocks", "/data/access.log")),
            "sql": int(queries)}


def disturb(cluster, name):
    """Kills an agent's container at 15 s and pauses another one from 25 s to 45 s."""
    wait_for(lambda: "state: running" in subprocess.run(
        ["docker", "exec", name, "cat", "/runs/run/run.log"], capture_output=True, text=True, check=False).stdout,
        "the run to start", 120)
    began = time.monotonic()
    for at, command, number_ in ((15, "kill", 3), (25, "pause", 7), (45, "unpause", 7)):
        time.sleep(max(0, began + at - time.monotonic()))  # the moments are the proof's own choice
        docker(command, cluster.container("agent", number_))


def prove_ten_containers_with_one_killed_and_one_paused(place):
    """Ten agents in containers, one killed and one paused, stay within what the targets counted.

    The container lab (three Kafka brokers, PostgreSQL, nginx, links closed by CURVE): 10 producers, 100 users and
    PostgreSQL queries over 10 agents for 60 s, under `onAgentLoss: redistribute`. One agent's container is killed at
    15 s, another one is paused from 25 s to 45 s. The brokers' end offsets, nginx's log and pg_stat_statements each lie
    between what the report knows and that plus `unknown`.
    """
    place.write("cluster.yaml", PLAN)
    place.write("symbols.csv", "symbol\n" + "".join(f"S{i:04d}\n" for i in range(3000)))
    os.chmod(place.folder, 0o755)
    with Engine():
        build_images(place)
        with Cluster(place.tools.stampede, place.folder, 10, f"stampede-{os.getpid()}") as cluster:
            docker("exec", cluster.container("kafka-1"), "java", "-cp", "/kafka/libs/*",
                   "org.apache.kafka.tools.TopicCommand", "--bootstrap-server", "kafka-1:9092", "--create", "--topic",
                   "stock-data")
            process, name = cluster.start("cluster.yaml", "-q")
            disturb(cluster, name)
            out, err = process.communicate(timeout=180)
            counted = seen(cluster)
            folder = place.path("run")
            cluster.fetch(name, folder)
    result = Result(process.returncode, out, err, folder, 0).expect(0)
    coverage = result.summary["coverage"]
    known = {"kafka": result.row("kafka_messages_produced")["count"], "http": result.row("http_reqs")["count"],
             "sql": result.row("sql_queries")["count"]}
    failed = result.row("kafka_produce_failed")["hits"]
    place.record(("planned", number(coverage["planned"])), ("started", number(coverage["started"])),
                 ("dropped", number(coverage["dropped"])), ("unknown", number(coverage["unknown"])),
                 ("overlap", number(coverage["overlap"])), ("agent-seconds held", held(result)),
                 *((f"{what}: known, counted by the target", f"{number(known[what])}, {number(counted[what])}")
                   for what in known))
    equal(coverage["planned"], coverage["started"] + coverage["dropped"] + coverage["unknown"], "planned")
    for what, count in known.items():
        most = count + coverage["unknown"] + coverage["interrupted"] + (failed if what == "kafka" else 0)
        check(count <= counted[what] <= most, f"{what}: known {count}, counted {counted[what]}, at most {most}")
