# SPDX-License-Identifier: Apache-2.0
"""What whole runs share: processes ended by their id, waiting for conditions, running stampede."""
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time


class Failed(AssertionError):
    """A test's expectation does not hold."""


def check(condition, text):
    if not condition:
        raise Failed(text)


def equal(got, wanted, what):
    check(got == wanted, f"{what}: got {got!r}, wanted {wanted!r}")


def between(got, low, high, what):
    check(got is not None and low <= got <= high, f"{what}: got {got!r}, wanted {low!r}..{high!r}")


def wait_for(condition, what, timeout_s=30.0):
    """Polls `condition` until it is true; its value is returned."""
    deadline = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        check(time.monotonic() < deadline, f"waited {timeout_s:g} s in vain for {what}")
        time.sleep(0.01)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def accepts(port):
    with socket.socket() as probe:
        probe.settimeout(0.2)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def children_of(pid):
    """The ids of a process's children."""
    found = []
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            with open(f"/proc/{name}/stat") as file:
                if int(file.read().rsplit(")", 1)[1].split()[1]) == pid:
                    found.append(int(name))
    return sorted(found)


class Process:
    """A child with its output in a file; ended by its id when the test is over."""

    def __init__(self, command, log, env=None, cwd=None, user=None):
        self.log = log
        with open(log, "ab") as out:
            self.child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=env, cwd=cwd,
                                          user=user, start_new_session=True)
        self.pid = self.child.pid

    def running(self):
        return self.child.poll() is None

    def send(self, number):
        self.child.send_signal(number)

    def stop(self, number=signal.SIGTERM, timeout_s=10):
        if self.running():
            with contextlib.suppress(ProcessLookupError):
                self.child.send_signal(signal.SIGCONT)
                self.child.send_signal(number)
            try:
                self.child.wait(timeout_s)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()
        return self.child.returncode

    def output(self):
        with open(self.log, errors="replace") as file:
            return file.read()


class Result:
    """A finished `stampede run`."""

    def __init__(self, code, out, err, folder, seconds):
        self.code, self.out, self.err, self.folder, self.seconds = code, out, err, folder, seconds

    @property
    def summary(self):
        with open(os.path.join(self.folder, "summary.json")) as file:
            return json.load(file)

    def row(self, metric, scenario="", step="", group="", label=""):
        for row in self.summary["metrics"]:
            if (row["metric"], row["scenario"], row["step"], row["group"], row["label"]) == (
                    metric, scenario, step, group, label):
                return row
        raise Failed(f"no row {metric} {scenario!r} {step!r} {group!r} {label!r}")

    def expect(self, code):
        check(self.code == code, f"exit code {self.code}, wanted {code}\n{self.out}\n{self.err}")
        return self

    def expect_whole(self, agents):
        """Complete, in every way that the report can say it."""
        coverage = self.summary["coverage"]
        equal(self.summary["verdict"]["coverage"], "complete", f"coverage {coverage}")
        equal(coverage["agents"], agents, "agents that took part")
        equal(coverage["agent_seconds_held"], coverage["agent_seconds_due"], "agent-seconds")
        equal(coverage["sum_equals_total"], True, "sum_equals_total")
        equal(coverage["planned"], coverage["started"] + coverage["dropped"] + coverage["unknown"], "planned")
        equal(coverage["started"], coverage["succeeded"] + coverage["failed"] + coverage["interrupted"], "started")
        for entry in self.summary["ledger"]:
            equal((entry["problem"], entry["partitions_unread"], entry["unread"]), ("", 0, 0), f"unread in {entry}")
        return self.expect_ledger_sums()

    def expect_ledger_sums(self):
        """What was seen is what was acknowledged and not lost, and what was seen besides; rows are sums of topics."""
        ledger = self.summary["ledger"]
        for entry in ledger:
            equal(entry["seen"], entry["acked"] - entry["lost"] - entry["unread"] + entry["aborted_visible"] +
                  entry["unacked_visible"], f"seen in {entry}")
            check(entry["aborted_visible"] <= entry["aborted"] and len(entry["missing"]) == min(entry["lost"], 20), f"{entry}")
        for name in ("lost", "duplicated", "reordered", "aborted_visible", "unacked_visible") if ledger else ():
            equal(self.row(f"kafka_messages_{name}")["count"], sum(entry[name] for entry in ledger), name)
        return self


class Place:
    """A test's own folder, what it may start, and what must be ended after it."""

    def __init__(self, tools, name):
        self.tools = tools
        self.folder = tempfile.mkdtemp(prefix=f"stampede-{name[:40]}-")
        os.chmod(self.folder, 0o755)
        self.stack = contextlib.ExitStack()
        self.count = 0
        self.figures = []  # of a proof: what was measured, and the figure as a text

    def record(self, *rows):
        """Keeps pairs of what was measured and its figure, for the page of proofs."""
        self.figures += rows

    def close(self, keep):
        self.stack.close()
        if not keep:
            shutil.rmtree(self.folder, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        path = self.path(name)
        with open(path, "w") as file:
            file.write(text)
        return path

    def start(self, command, name, **options):
        process = Process(command, self.path(name + ".log"), **options)
        self.stack.callback(process.stop)
        return process

    def env(self, **more):
        env = {key: value for key, value in os.environ.items() if not key.startswith("STAMPEDE_")}
        env.update(more)
        return env

    def command(self, plan, *options):
        """The command line of a run with its own folder; the plan may be a text."""
        self.count += 1
        if "\n" in plan:
            plan = self.write(f"plan{self.count}.yaml", plan)
        folder = self.path(f"run{self.count}")
        return [self.tools.stampede, "run", "-o", folder, *options, plan], folder

    def run(self, plan, *options, timeout_s=120, env=None):
        command, folder = self.command(plan, *options)
        started = time.monotonic()
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout_s,
                              env=env or self.env(), cwd=self.folder, check=False)
        return Result(done.returncode, done.stdout, done.stderr, folder, time.monotonic() - started)

    def start_run(self, plan, *options, env=None, prefix=()):
        """A run in the background: finish() waits for it and gives the Result. `prefix` runs a command elsewhere."""
        command, folder = self.command(plan, *options)
        child = subprocess.Popen([*prefix, *command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                 text=True, env=env or self.env(), cwd=self.folder)
        started = time.monotonic()

        def finish(timeout_s=120):
            out, err = child.communicate(timeout=timeout_s)
            return Result(child.returncode, out, err, folder, time.monotonic() - started)

        def end():
            if child.poll() is None:
                child.kill()
                child.communicate()

        self.stack.callback(end)
        child.finish = finish
        child.folder = folder
        return child

    def started(self, run):
        """Waits until T0 of a run in the background has been set."""
        log = os.path.join(run.folder, "run.log")

        def running():
            if run.poll() is not None:
                raise Failed("the run ended before it started: " + run.stderr.read())
            return os.path.exists(log) and "state: running" in open(log).read()

        wait_for(running, "the run to start")


class Tools:
    """Where everything lies, and targets that are started once and shared by tests."""

    def __init__(self, build, kafka_libs):
        self.build = os.path.abspath(build)
        self.stampede = os.path.join(self.build, "stampede")
        self.agent = os.path.join(self.build, "stampede-agent")
        self.lab = os.path.join(self.build, "stampede-lab")
        self.root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
        self.kafka_libs = os.path.abspath(kafka_libs) if kafka_libs else None
        self.old_kafka_libs = os.path.join(os.path.dirname(self.kafka_libs), "old-libs") if kafka_libs else None
        self.folder = tempfile.mkdtemp(prefix="stampede-targets-")
        os.chmod(self.folder, 0o755)
        self.stack = contextlib.ExitStack()
        self.shared = {}

    def share(self, name, make):
        if name not in self.shared:
            self.shared[name] = self.stack.enter_context(make(os.path.join(self.folder, name)))
        return self.shared[name]

    def close(self):
        self.stack.close()
        shutil.rmtree(self.folder, ignore_errors=True)
