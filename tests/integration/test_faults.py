# SPDX-License-Identifier: Apache-2.0
"""Bad input, absent targets, absent agents, broken links: a clear word, an exit code, and nothing lost."""
import os
import selectors
import signal
import socket
import subprocess
import threading
import time

from .support import check, children_of, equal, free_port, wait_for
from .targets import Nginx

NULL = """
name: load
%s
scenarios:
  rate: { executor: constant-arrival-rate, rate: 200, duration: %s, steps: [ { "null": { latency: 1ms } } ] }
"""


def test_every_error_of_a_plan_is_told_with_its_place_before_any_agent(place):
    plan = place.write("plan.yaml", """name: bad
scenarios:
  ticks:
    executor: constant-arrival-rate
    rat: 10
    duration: 30
    steps: [ { http: { target: nowhere, get: "/{{nothing}}" } } ]
thresholds: { no_such_metric: [ 'p(95)<50' ] }
""")
    result = place.run(plan).expect(104)
    name = os.path.basename(plan)
    for text in (f'{name}:5:5: unknown key "rat" in scenario "ticks" (did you mean "rate"?)', f"{name}:6:15:",
                 "nowhere", "nothing", f"{name}:8:15:"):
        check(text in result.err, f"no {text!r} in\n{result.err}")
    check(not os.path.exists(result.folder), "a run folder was made")


def test_targets_that_refuse_connections_give_a_finished_run_with_classes(place):
    port = free_port()
    plan = f"""
name: refused
targets:
  web: {{ http: {{ baseUrl: "http://127.0.0.1:{port}", timeout: 1s }} }}
  stream: {{ kafka: {{ brokers: "127.0.0.1:{port}", properties: {{ message.timeout.ms: 1000 }} }} }}
  db: {{ postgres: {{ uri: "postgresql://x@127.0.0.1:{port}/y", connections: 2, timeout: 1s }} }}
scenarios:
  web: {{ executor: constant-arrival-rate, rate: 20, duration: 2s, steps: [ {{ http: {{ target: web, get: / }} }} ] }}
  stream: {{ executor: constant-arrival-rate, rate: 20, duration: 2s, steps: [ {{ produce: {{ target: stream, topic: t, size: 10 }} }} ] }}
  db: {{ executor: constant-arrival-rate, rate: 20, duration: 2s, steps: [ {{ sql: {{ target: db, query: SELECT 1 }} }} ] }}
"""
    result = place.run(plan, "--agents", "2").expect(0)
    coverage = result.summary["coverage"]
    equal(coverage["planned"], 120, "planned")
    equal(coverage["sum_equals_total"], True, "sum_equals_total")
    for metric in ("http_req_failed", "kafka_produce_failed", "sql_query_failed"):
        row = result.row(metric)
        equal((row["hits"], row["count"]), (40, 40), metric)
    classes = {(error["scenario"], error["class"]) for error in result.summary["errors"]}
    for wanted in (("web", "connection"), ("db", "connection")):
        check(wanted in classes, f"{wanted} not in {classes}")
    check({("stream", "connection"), ("stream", "timeout")} & classes, f"no error of the stream in {classes}")
    equal(result.row("kafka_messages_produced")["count"], 0, "messages")


def test_too_few_agents_exit_96_and_those_that_came_are_named(place):
    port = free_port()
    place.start([place.tools.agent, "--connect", f"127.0.0.1:{port}", "--name", "lonely", "--once"], "agent")
    result = place.run(NULL % ("", "2s"), "--listen", f"127.0.0.1:{port}", "--expect-agents", "3", "--wait",
                       "3s").expect(96)
    check("1 of 3 agents" in result.err and "lonely" in result.err, result.err)


def test_an_address_that_is_taken_exits_106(place):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        result = place.run(NULL % ("", "2s"), "--listen", address, "--expect-agents", "1").expect(106)
        check(address in result.err, result.err)


def test_plain_text_beyond_loopback_needs_insecure(place):
    result = place.run(NULL % ("", "2s"), "--listen", "0.0.0.0:0", "--expect-agents", "1").expect(104)
    check("--insecure" in result.err, result.err)


def test_remote_agents_get_the_plan_and_its_data(place):
    web = place.stack.enter_context(Nginx(place.path("nginx")))
    port = free_port()
    for name in ("a", "b"):
        os.makedirs(place.path(f"elsewhere-{name}"))
        place.start([place.tools.agent, "--connect", f"127.0.0.1:{port}", "--name", name, "--workers", "1"],
                    f"agent-{name}", cwd=place.path(f"elsewhere-{name}"))
    place.write("users.csv", "id,name\n" + "".join(f"{i},이름{i}\n" for i in range(20000)))
    plan = f"""
name: remote
targets: {{ web: {{ http: {{ baseUrl: "{web.url}" }} }} }}
data: {{ user: {{ csv: users.csv, pick: unique }} }}
scenarios:
  each: {{ executor: shared-iterations, vus: 8, iterations: 20000, steps: [ {{ http: {{ target: web, get: "/u/{{{{user.id}}}}" }} }} ] }}
"""
    for _ in range(2):  # a daemon serves one run after another
        result = place.run(plan, "--listen", f"127.0.0.1:{port}", "--expect-agents", "2").expect(0).expect_whole(2)
        equal(result.row("http_reqs")["count"], 20000, "requests")
    with open(web.access) as file:
        paths = [line.split('"')[1].split()[1] for line in file]
    equal(sorted(paths), sorted([f"/u/{i}" for i in range(20000)] * 2), "each unique value exactly once a run")


def test_interrupted_runs_report_what_ran_and_exit_105(place):
    run = place.start_run(NULL % ("", "60s"), "--agents", "2")
    place.started(run)
    time.sleep(3)  # some load to report
    run.send_signal(signal.SIGINT)
    result = run.finish(20).expect(105)
    check(result.seconds < 15, f"it took {result.seconds:.1f} s")
    coverage = result.summary["coverage"]
    equal(coverage["planned"], coverage["started"] + coverage["dropped"], "planned")
    check(200 < coverage["planned"] < 2000, f"planned {coverage['planned']}")
    equal(result.summary["verdict"]["exit_code"], 105, "exit_code")


def test_a_second_interrupt_ends_at_once(place):
    plan = """
name: hanging
scenarios:
  vus: { executor: constant-vus, vus: 2, duration: 60s, gracefulStop: 60s, steps: [ { "null": { latency: 50s } } ] }
"""
    run = place.start_run(plan)
    place.started(run)
    run.send_signal(signal.SIGINT)
    run.send_signal(signal.SIGINT)
    started = time.monotonic()
    run.finish(20).expect(105)
    check(time.monotonic() - started < 8, "it did not end at once")


def test_abort_on_fail_stops_all_agents_within_two_seconds(place):
    plan = """
name: abort
scenarios:
  bad: { executor: constant-arrival-rate, rate: 100, duration: 60s, steps: [ { "null": { failures: 100% } } ] }
thresholds:
  null_operation_failed: [ { threshold: 'rate<0.5', abortOnFail: true, delayAbortEval: 2s } ]
"""
    result = place.run(plan, "--agents", "3").expect(99)
    check(result.seconds < 12, f"it took {result.seconds:.1f} s")
    summary = result.summary
    equal(summary["verdict"]["thresholds"], "fail", "thresholds")
    series = summary["timeline"]["series"]["null_operations|bad"]["count"]
    busy = [second for second, count in enumerate(series) if count]
    check(busy[-1] <= 7, f"load in second {busy[-1]} of a run aborted after second 2")


def test_a_killed_agent_under_continue_is_named_and_the_rest_goes_on(place):
    run = place.start_run(NULL % ("onAgentLoss: continue", "8s"), "--agents", "4")
    place.started(run)
    time.sleep(3)  # into the load
    children = children_of(run.pid)
    os.kill(int(children[0]), signal.SIGKILL)
    result = run.finish().expect(0)
    coverage = result.summary["coverage"]
    equal(result.summary["verdict"]["coverage"], "incomplete", "coverage")
    equal(coverage["planned"], 1600, "planned")
    equal(coverage["planned"], coverage["started"] + coverage["dropped"] + coverage["unknown"], "planned")
    check(150 <= coverage["unknown"] <= 350, f"unknown {coverage['unknown']}")
    lost = [agent for agent in result.summary["agents"] if agent["lost_at_s"] is not None]
    equal(len(lost), 1, "lost agents")


def test_a_killed_agent_under_fail_exits_96(place):
    run = place.start_run(NULL % ("onAgentLoss: fail", "30s"), "--agents", "3")
    place.started(run)
    children = children_of(run.pid)
    os.kill(int(children[0]), signal.SIGKILL)
    result = run.finish(20).expect(96)
    check("lost" in result.err, result.err)


def test_an_incomplete_run_under_require_trust_exits_97_and_says_so_again(place):
    run = place.start_run(NULL % ("onAgentLoss: continue", "4s"), "--agents", "3", "--require-trust")
    place.started(run)
    os.kill(children_of(run.pid)[0], signal.SIGKILL)
    result = run.finish().expect(97)
    before = result.summary
    equal(before["verdict"]["exit_code"], 97, "exit_code")
    subprocess.run([place.tools.stampede, "report", result.folder], capture_output=True, check=True)
    equal(result.summary, before, "the summary made again")


class Cutter:
    """A proxy that can cut all its connections at once."""

    def __init__(self, port):
        self.target = port
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.pairs, self.cuts, self.passed, self.open = {}, 0, 0, True
        self.lock = threading.Lock()
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.listener, selectors.EVENT_READ)
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while self.open:
            for key, _ in self.selector.select(0.05):
                with self.lock:
                    self.accept() if key.fileobj is self.listener else self.forward(key.fileobj)

    def accept(self):
        here, _ = self.listener.accept()
        try:
            there = socket.create_connection(("127.0.0.1", self.target))
        except OSError:
            here.close()
            return
        for a, b in ((here, there), (there, here)):
            self.pairs[a] = b
            self.selector.register(a, selectors.EVENT_READ)

    def forward(self, end):
        if end not in self.pairs:
            return
        try:
            data = end.recv(65536)
            if data:
                self.passed += len(data)
                self.pairs[end].sendall(data)
                return
        except OSError:
            pass
        self.drop(end)

    def drop(self, end):
        other = self.pairs.pop(end)
        self.pairs.pop(other, None)
        for one in (end, other):
            self.selector.unregister(one)
            one.close()

    def cut(self):
        with self.lock:
            for end in list(self.pairs):
                if end in self.pairs:
                    self.drop(end)
            self.cuts += 1

    def close(self):
        self.open = False
        self.thread.join()
        self.cut()
        self.listener.close()


def test_snapshots_lost_on_the_wire_are_sent_again_and_nothing_is_missing(place):
    port = free_port()
    proxy = Cutter(port)
    place.stack.callback(proxy.close)
    for name in ("a", "b", "c"):
        place.start([place.tools.agent, "--connect", f"127.0.0.1:{proxy.port}", "--name", name, "--once"],
                    f"agent-{name}")
    run = place.start_run(NULL % ("", "12s"), "--listen", f"127.0.0.1:{port}", "--expect-agents", "3")
    place.started(run)
    for _ in range(6):
        passed = proxy.passed
        wait_for(lambda: proxy.passed > passed + 2000, "traffic through the proxy")
        proxy.cut()
    result = run.finish().expect(0).expect_whole(3)
    equal(proxy.cuts, 6, "cuts")
    equal(result.row("iterations")["count"], 2400, "iterations")


def test_report_writes_the_same_again_from_the_journal_alone(place):
    result = place.run(NULL % ("warmup: 1s", "3s"), "--agents", "2").expect(0)
    names = ("summary.json", "report.md", "report.html", "series.csv", "timeline.csv", "latency.hlog", "junit.xml")
    before = {}
    for name in names:
        path = os.path.join(result.folder, name)
        with open(path, "rb") as file:
            before[name] = file.read()
        check(before[name], f"{name} is empty")
        os.remove(path)
    os.remove(os.path.join(result.folder, "plan.yaml"))
    done = subprocess.run([place.tools.stampede, "report", result.folder], capture_output=True, text=True, check=False)
    equal(done.returncode, 0, f"exit code of report: {done.stderr}")
    for name in names:
        with open(os.path.join(result.folder, name), "rb") as file:
            check(file.read() == before[name], f"{name} differs")
    check(done.stdout == result.out, "the text differs")
    for line in result.out.splitlines():
        check(result.folder in line or len(line) <= 80, f"a line of {len(line)} columns: {line}")


def test_a_pipe_gets_no_progress_and_later_commands_say_so(place):
    result = place.run(NULL % ("", "2s")).expect(0)
    check("\r" not in result.err and "\033" not in result.err + result.out, "control characters in a pipe")
    for command in ("compare", "agents"):
        done = subprocess.run([place.tools.stampede, command, "x"], capture_output=True, text=True, check=False)
        equal(done.returncode, 104, command)
        check("later" in done.stderr, done.stderr)
