# SPDX-License-Identifier: Apache-2.0
"""What plans promise, seen from the targets: templates, feeds, executors, classes of errors, order, precedence."""
import os
import re
import socket
import subprocess

from .support import between, check, equal
from .targets import Kafka, Nginx, Postgres

TEMPLATES = """
name: templates
targets: { web: { http: { baseUrl: "%s", timeout: 5s } } }
data:
  once: { csv: rows.csv, column: id, pick: unique }
  turn: { csv: rows.csv, column: id, pick: sequential }
scenarios:
  each:
    executor: per-vu-iterations
    vus: 10
    iterations: 10
    steps: [ { http: { target: web, get: "/each/{{vu}}/{{iteration}}/{{once}}/{{turn}}" } } ]
  all:
    executor: shared-iterations
    vus: 7
    iterations: 100
    steps: [ { http: { target: web, get: "/all/{{vu}}/{{iteration}}/{{agent}}/{{random 1 3}}/{{uuid}}" } } ]
"""


def paths(web):
    with open(web.access) as file:
        return [line.split('"')[1].split()[1].split("/")[1:] for line in file]


def templates(place, web, agents):
    open(web.access, "w").close()
    place.run(TEMPLATES % web.url, "--agents", str(agents)).expect(0).expect_whole(agents)
    lines = paths(web)
    each = [line[1:] for line in lines if line[0] == "each"]
    rows = sorted(f"id{i}" for i in range(100))
    equal(sorted((int(vu), int(iteration)) for vu, iteration, _, _ in each),
          [(vu, iteration) for vu in range(1, 11) for iteration in range(10)], "vu and iteration")
    equal(sorted(line[2] for line in each), rows, "each unique row once")
    equal(sorted(line[3] for line in each), rows, "the sequence of rows")
    shared = [line[1:] for line in lines if line[0] == "all"]
    equal(sorted({int(line[0]) for line in shared}), list(range(11, 18)), "VUs of the second scenario")
    equal({line[2] for line in shared}, {f"local-{i + 1}" for i in range(agents)}, "agents")
    equal({line[3] for line in shared}, {"1", "2", "3"}, "random numbers")
    equal(len({line[4] for line in shared}), 100, "UUIDs")


def test_templates_and_feeds_give_the_same_on_any_number_of_agents(place):
    place.write("rows.csv", "id\n" + "".join(f"id{i}\n" for i in range(100)))
    web = place.stack.enter_context(Nginx(place.path("nginx")))
    for agents in (1, 5):
        templates(place, web, agents)
    place.write("rows.csv", "id\n" + "".join(f"id{i}\n" for i in range(99)))
    short = place.run(TEMPLATES % web.url, "--agents", "5").expect(104)
    check(':5:3: data "once" is unique and has 99 rows; the plan needs 100' in short.err, short.err)


SHAPES = """
name: shapes
scenarios:
  slow: { executor: constant-arrival-rate, rate: 90, timeUnit: 1m, duration: 4s, steps: [ { "null": {} } ] }
  late: { executor: constant-arrival-rate, rate: 333, duration: 1500ms, startTime: 500ms, steps: [ { "null": {} } ] }
  random: { executor: constant-arrival-rate, rate: 200, duration: 3s, arrivals: poisson, steps: [ { "null": {} } ] }
  jump:
    executor: ramping-arrival-rate
    startRate: 100
    stages: [ { duration: 1s, target: 200 }, { duration: 0s, target: 50 }, { duration: 2s, target: 50 } ]
    steps: [ { "null": {} } ]
  full:
    { executor: constant-arrival-rate, rate: 100, duration: 2s, maxVUs: 10, gracefulStop: 0s,
      steps: [ { "null": { latency: 10s } } ] }
  queued:
    { executor: constant-arrival-rate, rate: 100, duration: 2s, maxVUs: 10, whenFull: queue,
      steps: [ { "null": { latency: 50ms } } ] }
  ramped: { executor: per-vu-iterations, vus: 7, iterations: 9, rampUp: 1s, steps: [ { "null": {} } ] }
  cut:
    { executor: shared-iterations, vus: 5, iterations: 100, maxDuration: 1s, gracefulStop: 0s,
      steps: [ { "null": { latency: 700ms } } ] }
  hill:
    { executor: ramping-vus, stages: [ { duration: 800ms, target: 4 }, { duration: 1600ms, target: 0 } ],
      steps: [ { "null": { latency: 5ms } } ] }
  after:
    { executor: shared-iterations, vus: 1, iterations: 4, startAfter: hill, startTime: 200ms,
      steps: [ { "null": {} } ] }
"""


def test_shapes_of_load_are_the_same_on_any_number_of_agents(place):
    poisson = set()
    for agents in (1, 5):
        result = place.run(SHAPES, "--agents", str(agents)).expect(0).expect_whole(agents)
        counts = {row["scenario"]: row["count"] for row in result.summary["metrics"]
                  if row["metric"] == "iterations" and row["scenario"]}
        wanted = {"slow": 6, "late": 500, "jump": 250, "full": 0, "queued": 200, "ramped": 63, "cut": 5, "after": 4}
        equal({name: counts[name] for name in wanted}, wanted, f"iterations with {agents} agents")
        poisson.add(counts["random"])
        for name, reason, dropped in (("full", "no_vu", 190), ("cut", "max_duration", 90)):
            equal(result.row("dropped_iterations", name, "", "", reason)["count"], dropped, f"drops of {name}")
        equal(result.summary["coverage"]["interrupted"], 15, "interrupted")
        equal(result.row("vus", "hill")["max"], 4, "the peak of a ramp, until it is a whole VU below")
        equal(result.summary["timeline"]["series"]["iterations|after"]["count"][:3], [0, 0, 4], "startAfter, startTime")
    equal(len(poisson), 1, f"Poisson arrivals {poisson}")


CLASSES = """
name: classes
targets:
  web: { http: { baseUrl: "%s", timeout: 5s } }
  mute: { http: { baseUrl: "http://127.0.0.1:%d", timeout: 300ms } }
  nobody: { http: { baseUrl: "http://127.0.0.1:1" } }
  db: { postgres: { uri: "%s", connections: 4 } }
  stream: { kafka: { brokers: "%s" } }
scenarios:
"""
STEPS = {
    "bad": ("http: { target: web, get: /400 }", "client", "400"),
    "unauthorized": ("http: { target: web, get: /401 }", "auth", "401"),
    "forbidden": ("http: { target: web, get: /403 }", "auth", "403"),
    "missing": ("http: { target: web, get: /404 }", "client", "404"),
    "limited": ("http: { target: web, get: /429 }", "rate_limited", "429"),
    "broken": ("http: { target: web, get: /503 }", "server", "503"),
    "unchecked": ("http: { target: web, get: /, check: { status: 201 } }", "check", "200"),
    "checked-500": ("http: { target: web, get: /503, check: { status: 200 } }", "server", "503"),
    "no-value": ('http: { target: web, get: /, save: { price: "json:$.price" } }', "data", None),
    "no-answer": ("http: { target: mute, get: / }", "timeout", None),
    "refused": ("http: { target: nobody, get: / }", "connection", None),
    "syntax": ('sql: { target: db, query: "SELEC 1" }', "client", "42601"),
    "no-table": ('sql: { target: db, query: "SELECT * FROM nothing" }', "client", "42P01"),
    "division": ('sql: { target: db, query: "SELECT 1 / $1::int", params: [ "0" ] }', "data", "22012"),
    "too-long": ('sql: { target: db, query: "SELECT pg_sleep(60)", timeout: 200ms }', "timeout", "57014"),
    "too-large": ("produce: { target: stream, topic: classes, size: 2MiB, await: ack }", "client",
                  "MSG_SIZE_TOO_LARGE"),
    "expected-404": ("http: { target: web, get: /404, check: { status: 404 } }", None, None),
    "expected-list": ("http: { target: web, get: /204, check: { status: [ 200, 204 ] } }", None, None),
    "expected-kind": ("http: { target: web, get: /204, check: { status: 2xx } }", None, None),
    "redirect": ("http: { target: web, get: /302 }", None, None),
}


def test_every_failure_has_its_class_and_the_protocol_s_code(place):
    codes = "".join(f"location /{code} {{ return {code}; }}\n" for code in (204, 302, 400, 401, 403, 404, 429, 503))
    web = place.stack.enter_context(Nginx(place.path("nginx"), codes))
    db = place.tools.share("postgres", Postgres)
    broker = place.tools.share("kafka", lambda folder: Kafka(folder, place.tools.kafka_libs))
    mute = place.stack.enter_context(socket.create_server(("127.0.0.1", 0)))
    plan = CLASSES % (web.url, mute.getsockname()[1], db.uri, broker.brokers) + "".join(
        f"  {name}: {{ executor: per-vu-iterations, vus: 2, iterations: 3, steps: [ {{ {step} }} ] }}\n"
        for name, (step, _, _) in STEPS.items())
    result = place.run(plan).expect(0).expect_whole(1)
    found = {}
    for row in result.summary["errors"]:
        found.setdefault(row["scenario"], []).append((row["class"], row["code"], row["count"]))
    for name, (step, error, code) in STEPS.items():
        metric = {"h": "http_req", "s": "sql_query", "p": "kafka_produce"}[step[0]]
        failed = 6 if error else 0
        equal(result.row(f"{metric}_failed", name)["hits"], failed, f"failures of {name}")
        equal(result.row(f"{metric}_response_time", name)["count"], 6 - failed, f"response times of {name}")
        equal(result.row(f"{metric}_failed_duration", name)["count"], failed, f"failed durations of {name}")
        equal([entry[0] for entry in found.get(name, [])], [error] if error else [], f"classes of {name}")
        if code:
            equal(found[name][0], (error, code, 6), f"error of {name}")
    equal(result.row("http_req_duration", "broken")["count"], 6, "http_req_duration has every response")
    equal(result.row("http_req_duration", "no-answer")["count"], 0, "http_req_duration without a response")
    equal(result.row("data_sent", "too-large")["count"], 0, "bytes of messages that never left")


def test_each_vu_keeps_its_own_connection(place):
    folder = place.path("nginx")
    web = place.stack.enter_context(Nginx(folder, 'location /c { add_header C "$connection"; return 200; }'))
    plan = """
name: connections
targets: { web: { http: { baseUrl: "%s", headers: { X-From: "target", X-Vu: "{{vu}}" } } } }
scenarios:
  users:
    executor: per-vu-iterations
    vus: 6
    iterations: 5
    steps:
      - http: { target: web, get: /c, save: { c: "header:C" } }
      - http: { target: web, post: "/own/{{vu}}/{{c}}", headers: { X-From: step }, body: "{{c}}" }
      - think: 10ms
""" % web.url
    result = place.run(plan, "--agents", "2").expect(0).expect_whole(2)
    pairs = {tuple(line[1:]) for line in paths(web) if line[0] == "own"}
    equal(len(pairs), 6, f"pairs of VU and connection {sorted(pairs)}")
    equal(len({pair[1] for pair in pairs}), 6, "connections")
    equal(result.row("http_req_connecting")["count"], 6, "connects")


def test_variables_and_flags_go_by_their_precedence(place):
    plan = """
name: precedence
variables: { per.second: "50", rate: "${per.second}" }
scenarios:
  a: { executor: constant-arrival-rate, rate: "${rate}", duration: 1h30m, steps: [ &once { "null": {} }, *once ] }
  b: { executor: per-vu-iterations, vus: 3, iterations: 4, steps: [ { "null": {} } ] }
"""
    for options, variables, rate, vus in (
            ((), {}, 50, 3), ((), {"STAMPEDE_VAR_PER_SECOND": "60"}, 60, 3),
            (("-e", "per.second=70", "-u", "2"), {"STAMPEDE_VAR_PER_SECOND": "60"}, 70, 2),
            ((), {"STAMPEDE_VAR_RATE": "80", "STAMPEDE_VUS": "5"}, 80, 5)):
        result = place.run(plan, "-d", "500ms", *options, env=place.env(**variables)).expect(0)
        equal(result.row("iterations", "a")["count"], rate // 2, f"arrivals with {options} {variables}")
        equal(result.row("null_operations", "a", "null-2")["count"], rate // 2, "an alias's step")
        equal(result.row("iterations", "b")["count"], vus * 4, f"iterations with {options} {variables}")
    bare = place.run(plan.replace("1h30m", "90")).expect(104)
    check(re.search(r'plan\d+\.yaml:5:\d+: "duration" in scenario "a": "90" has no unit \(did you mean "90s"\?\)',
                    bare.err), bare.err)


def test_sizes_keep_to_their_bounds_and_payloads_to_their_template(place):
    broker = place.tools.share("kafka", lambda folder: Kafka(folder, place.tools.kafka_libs))
    for topic in ("sizes", "payloads"):
        broker.create(topic)
    result = place.run(f"""
name: sizes
targets: {{ stream: {{ kafka: {{ brokers: "{broker.brokers}" }} }} }}
scenarios:
  sized:
    executor: constant-arrival-rate
    rate: 500
    duration: 2s
    producers: 3
    steps: [ {{ produce: {{ target: stream, topic: sizes, key: "k{{{{random 1 5}}}}", size: 100..103, acks: 1 }} }} ]
  filled:
    executor: per-vu-iterations
    vus: 2
    iterations: 5
    steps:
      - produce: {{ target: stream, topic: payloads, key: k, payload: "i={{{{iteration}}}} é", await: ack }}
""", "--agents", "2").expect(0).expect_whole(2)
    equal(result.row("data_sent", "filled")["count"], 10 * (len("i=0 é".encode()) + 1), "bytes of keys and values")

    def consume(topic, form):
        return subprocess.run(["kcat", "-b", broker.brokers, "-t", topic, "-C", "-e", "-q", "-f", form],
                              capture_output=True, timeout=30, check=True).stdout.decode().split("\n")[:-1]

    sizes = consume("sizes", "%k %S\n")
    equal(len(sizes), 1000, "messages")
    equal({line.split()[1] for line in sizes}, {"100", "101", "102", "103"}, "sizes")
    equal({line.split()[0] for line in sizes}, {f"k{i}" for i in range(1, 6)}, "keys")
    equal(sorted(consume("payloads", "%s\n")), sorted(f"i={i} é" for i in range(5) for _ in range(2)), "payloads")


def test_the_documented_plan_runs_against_the_lab(place):
    with open(os.path.join(place.tools.root, "docs", "plan-format.md")) as file:
        plan = re.search(r"```yaml\n(name: stock pipeline\n.*?)```", file.read(), re.DOTALL).group(1)
    for long, short in (("30m", "2s"), ("55m", "1s"), ("5m", "1s"), ("target: 100", "target: 10"), ("1s..3s", "50ms"),
                        ("http://localhost:8000", "${api}"), ("postgresql://localhost/stocks", "${db}")):
        check(long in plan, f"the documented plan has no {long}")
        plan = plan.replace(long, short)
    plan = plan.replace("csv: symbols.csv", 'csv: "${symbols}"')
    # What the first step saved, in the parameter of a later one.
    plan = plan.replace('params: ["{{symbol}}"]', 'params: ["{{symbol}}", "{{price}}"]').replace(
        "WHERE symbol = $1", "WHERE symbol = $1 AND $2::numeric > 0")
    command, folder = place.command(plan, "--agents", "3")
    done = subprocess.run([place.tools.lab, "--", *command], capture_output=True, text=True, timeout=120,
                          env=place.env(), cwd=place.folder, check=False)
    equal(done.returncode, 0, done.stdout + done.stderr)
    check(os.path.exists(os.path.join(folder, "report.html")), "no report.html")
    check("p(95)<50" in done.stdout and "users" in done.stdout, done.stdout)


def test_a_step_has_no_more_groups_than_the_plan_allows_however_many_agents(place):
    plan = """
name: groups
maxGroups: 3
scenarios:
  many: { executor: shared-iterations, vus: 6, iterations: 90, steps: [ { "null": { group: "g{{iteration}}-{{vu}}" } } ] }
  few: { executor: shared-iterations, vus: 6, iterations: 90, steps: [ { "null": { group: "h{{random 1 3}}" } } ] }
"""
    result = place.run(plan, "--agents", "3").expect(0).expect_whole(3)
    for scenario, names in (("many", 4), ("few", 3)):
        groups = {row["group"]: row["count"] for row in result.summary["metrics"]
                  if row["metric"] == "null_operations" and row["scenario"] == scenario and row["group"]}
        equal((len(groups), sum(groups.values())), (names, 90), f"groups of {scenario}: {groups}")
        equal(groups.get("(other)", 0), 90 - 3 if scenario == "many" else 0, "folded groups")
    check(any(note["text"].startswith("87 operations are counted under") for note in result.summary["notes"]),
          f"notes {result.summary['notes']}")


CHECKED = """
name: checked
onAgentLoss: redistribute
elastic: true
targets: { nowhere: { "null": {} } }
data: { id: { csv: rows.csv, column: id, pick: unique } }
setup: [ { "null": { name: log in, target: nowhere, values: { token: "{{uuid}}", second: x } } } ]
teardown: [ { "null": {} } ]
readers: [ { "null": { every: 500ms, value: 4 } } ]
scenarios:
  ticks:
    executor: constant-arrival-rate
    rate: 90
    duration: 10s
    runOn: { zone: eu, disk: a-very-fast-solid-state-storage, cooling: enough-of-it }
    minAgents: 3
    steps: [ { "null": { group: "{{id}}" } } ]
"""


def test_check_says_the_slack_of_feeds_placement_and_duties(place):
    place.write("rows.csv", "id\n" + "".join(f"id{i}\n" for i in range(1000)))
    plan = place.write("checked.yaml", CHECKED)

    def check_plan(*options):
        return subprocess.run([place.tools.stampede, "check", *options, plan], capture_output=True, text=True,
                              timeout=30, env=place.env(), check=False)
    done = check_plan()
    equal(done.returncode, 0, done.stderr)
    for text in ("Shares of 3 agents of equal weight that have every tag:\n",
                 "    on at least 3 agents with zone=eu, disk=a-very-fast-solid-state-storage,\n"
                 "        cooling=enough-of-it\n",
                 "When an agent is lost, the others take its share over.\n",
                 "Agents may join and leave while it runs.\n",
                 "  log in: null -> nowhere, sets token, second\n",
                 "  teardown-1: null\n",
                 "  reader-1: null, every 500ms\n",
                 "  900 drawn, 100 spare\n  the loss of one of 3 agents retires up to 300 rows\n"
                 "    and takes up to 300 spare ones: 200 too few\n"):
        check(text in done.stdout, f"no {text!r} in\n{done.stdout}")
    wide = check_plan("--agents", "9").stdout
    check("    and takes up to 100 spare ones\n" in wide, wide)
    check(all(len(line) <= 80 or plan in line for line in wide.splitlines()), wide)
    check('scenario "ticks" needs 3 agents' in check_plan("--agents", "2").stderr, "too few agents are said")
