# SPDX-License-Identifier: Apache-2.0
"""Cost per operation, beside other tools in one run: `./dev bench [harness|http|kafka|postgres]`.

Figures of a noisy machine: the ratios say something, the absolute numbers little."""
import argparse
import os
import re
import resource
import statistics
import subprocess
import sys
import threading
import time

from tests.bench.kafka import kafka
from tests.integration.support import Place, Tools, children_of
from tests.integration.targets import Nginx, Postgres


def cpu_of(command, **options):
    """Runs a command; its output, CPU seconds and wall seconds."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        sys.exit(f"{command[0]} failed: {done.stdout}{done.stderr}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return done.stdout, cpu, time.monotonic() - started


def agents_cpu_s(result):
    return sum(agent["cpu_s"] for agent in result.summary["agents"])


class Threads(threading.Thread):
    """CPU seconds by thread of the agents of a run, sampled until they end. The kernel's ticks of 10 ms would be too coarse
    for threads that hardly run: schedstat counts in ns."""

    def __init__(self, run):
        super().__init__(daemon=True)
        self.run_pid, self.cpu, self.before = run.pid, {}, {}

    def workers_s(self):
        return sum(cpu for (_, _, name), cpu in self.cpu.items() if name.startswith("worker"))

    def others_s(self):
        """Without what they took until the workers had work: starting is no snapshot."""
        return sum(self.cpu.values()) - sum(self.before.values()) - self.workers_s()

    def sample(self):
        if self.workers_s() < 0.005:
            self.before = {key: cpu for key, cpu in self.cpu.items() if not key[2].startswith("worker")}
        for pid in children_of(self.run_pid):
            for tid in os.listdir(f"/proc/{pid}/task"):
                with open(f"/proc/{pid}/task/{tid}/comm") as file:
                    name = file.read().strip()
                with open(f"/proc/{pid}/task/{tid}/schedstat") as file:
                    self.cpu[(pid, tid, name)] = int(file.read().split()[0]) / 1e9

    def run(self):
        while True:
            try:
                self.sample()
            except (FileNotFoundError, ProcessLookupError):
                if not os.path.exists(f"/proc/{self.run_pid}"):
                    return
            time.sleep(0.05)


def harness(place):
    plan = """
name: harness
scenarios:
  load: { executor: constant-arrival-rate, rate: %d, duration: %ds, maxVUs: 1000, steps: [ { "null": {} } ] }
"""
    run = place.start_run(plan % (200000, 10), "--agents", "1")
    threads = Threads(run)
    threads.start()
    result = run.finish().expect(0)
    iterations = result.summary["coverage"]["started"]
    others, total = threads.others_s(), threads.others_s() + threads.workers_s()
    print(f"null driver at 200,000/s: {agents_cpu_s(result) / iterations * 1e6:.2f} us CPU an iteration "
          f"({iterations:,} started, {result.summary['coverage']['dropped']:,} dropped)")
    print(f"  outside the workers (snapshots, sockets): {others / total * 100:.2f} % of the agent's CPU")
    ratios = []
    # At the same time: what else the machine does makes both late.
    for _ in range(3):
        bare = subprocess.Popen([os.path.join(place.tools.build, "tests/bench/bare_loop"), "10000", "8"],
                                stdout=subprocess.PIPE, text=True)
        result = place.run(plan % (10000, 8), "--agents", "1", env=place.env(STAMPEDE_AGENT=place.tools.agent)).expect(0)
        bare_out = bare.communicate()[0].split()
        late = result.row("send_lateness")
        ratios.append(late["p99"] * 1000 / max(1, float(bare_out[1])))
        print(f"send lateness at 10,000/s: p50 {late['p50'] * 1000:.0f} us, p99 {late['p99'] * 1000:.0f} us; "
              f"a bare epoll loop's: p50 {bare_out[0]} us, p99 {bare_out[1]} us")
    print(f"  p99 ratio, median of {len(ratios)}: {statistics.median(ratios):.2f}")


def http(place):
    web = place.stack.enter_context(Nginx(place.path("nginx"), "access_log off;"))
    seconds, users = 8, 50
    plan = f"""
name: http
targets: {{ web: {{ http: {{ baseUrl: "{web.url}" }} }} }}
scenarios:
  load: {{ executor: constant-vus, vus: {users}, duration: {seconds}s, steps: [ {{ http: {{ target: web, get: / }} }} ] }}
"""
    result = place.run(plan, "--agents", "1").expect(0)
    ours = result.row("http_reqs")["count"]
    out, cpu, _ = cpu_of(["wrk", "-t1", f"-c{users}", f"-d{seconds}s", web.url])
    theirs = int(re.search(r"(\d+) requests in", out)[1])
    report("request", ours, agents_cpu_s(result), "wrk", theirs, cpu, seconds)


def report(unit, ours, our_cpu, tool, theirs, their_cpu, seconds):
    print(f"stampede: {our_cpu / ours * 1e6:6.1f} us CPU a {unit}, {ours / seconds:9,.0f} a second")
    print(f"{tool + ':':9} {their_cpu / theirs * 1e6:6.1f} us CPU a {unit}, {theirs / seconds:9,.0f} a second")
    print(f"  ratio of CPU a {unit}: {our_cpu / ours / (their_cpu / theirs):.2f}")


def postgres(place):
    db = place.stack.enter_context(Postgres(place.path("postgres")))
    seconds, users = 8, 8
    plan = f"""
name: postgres
targets: {{ db: {{ postgres: {{ uri: "{db.uri}", connections: {users} }} }} }}
scenarios:
  load:
    executor: constant-vus
    vus: {users}
    duration: {seconds}s
    steps:
      - sql: {{ target: db, query: "SELECT close FROM stock_data WHERE symbol = $1 LIMIT 1", params: [ "S{{{{random 0 99}}}}" ] }}
"""
    result = place.run(plan, "--agents", "1").expect(0)
    ours = result.row("sql_queries")["count"]
    script = place.write("query.sql", "\\set i random(0, 99)\nSELECT close FROM stock_data WHERE symbol = 'S' || :i LIMIT 1;\n")
    out, cpu, _ = cpu_of([os.path.join(db.bin, "pgbench"), "-n", "-M", "prepared", "-f", script, "-c", str(users), "-T",
                          str(seconds), db.uri])
    theirs = int(re.search(r"actually processed: (\d+)", out)[1])
    report("query", ours, agents_cpu_s(result), "pgbench", theirs, cpu, seconds)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", required=True)
    parser.add_argument("--kafka", required=True)
    parser.add_argument("names", nargs="*", help="harness, http, kafka, postgres; all without one")
    options = parser.parse_args()
    benches = {"harness": harness, "http": http, "kafka": kafka, "postgres": postgres}
    tools = Tools(options.build, options.kafka)
    try:
        for name in options.names or benches:
            if name not in benches:
                sys.exit(f"no bench \"{name}\"; there is {', '.join(benches)}")
            print(f"== {name}")
            place = Place(tools, "bench-" + name)
            try:
                benches[name](place)
            finally:
                place.close(keep=False)
    finally:
        tools.close()


if __name__ == "__main__":
    main()
