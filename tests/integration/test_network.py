# SPDX-License-Identifier: Apache-2.0
"""Hosts of their own, in network namespaces: a link that goes down costs nothing."""
import os
import subprocess
import time

from .network import Network
from .support import Result, check, equal, wait_for
from .targets import Nginx

PLAN = """
name: far away
onAgentLoss: %(loss)s
lostAfter: %(lost_after)s
targets: { web: { http: { baseUrl: "http://%(web)s:8080", timeout: 5s } } }
scenarios:
  rate:
    executor: constant-arrival-rate
    rate: %(rate)d
    duration: %(seconds)ds
    steps: [ { http: { target: web, get: / } } ]
"""


def make_keys(place):
    folder = place.path("keys")
    done = subprocess.run([place.tools.stampede, "keys", folder], capture_output=True, text=True, check=False)
    equal(done.returncode, 0, "stampede keys: " + done.stderr)
    return folder


class Far:
    """A coordinator, two agents and a web server, each on a host of its own; links closed by keys."""

    def __init__(self, place):
        self.place = place
        self.network = place.stack.enter_context(Network(["coordinator", "a", "b", "web"]))
        self.keys = make_keys(place)
        self.web = place.stack.enter_context(
            Nginx(place.path("nginx"), listen=f"{self.network.address('web', 'data')}:8080",
                  prefix=self.network.inside("web")))
        for name in ("a", "b"):
            place.start(self.network.inside(name, place.tools.agent, "--connect",
                                            f"{self.network.address('coordinator')}:7700", "--name", name, "--workers",
                                            "1", "--key", os.path.join(self.keys, "agent.key"), "--server-key",
                                            os.path.join(self.keys, "coordinator.pub")), f"agent-{name}")

    def run(self, loss, lost_after, rate, seconds, down_at, down_for):
        plan = PLAN % {"loss": loss, "lost_after": lost_after, "web": self.network.address("web", "data"), "rate": rate,
                       "seconds": seconds}
        command, folder = self.place.command(plan, "--listen", f"{self.network.address('coordinator')}:7700",
                                             "--expect-agents", "2", "--keys", self.keys)
        process = self.place.start(self.network.inside("coordinator", *command), "coordinator", env=self.place.env(),
                                   cwd=self.place.folder)
        log = os.path.join(folder, "run.log")
        wait_for(lambda: os.path.exists(log) and "state: running" in open(log).read(), "the run to start")
        began = time.monotonic()
        time.sleep(down_at)  # the link's times are the test's own choice
        self.network.set_link("a", "control", False)
        time.sleep(down_for)
        self.network.set_link("a", "control", True)
        wait_for(lambda: not process.running(), "the run's end", seconds + down_for + 60)
        return Result(process.child.returncode, process.output(), process.output(), folder, time.monotonic() - began)


def link_down(place, rate, seconds, down_at, down_for):
    far = Far(place)
    result = far.run("continue", f"{down_for + 30}s", rate, seconds, down_at, down_for).expect(0).expect_whole(2)
    counts = (result.row("http_reqs")["count"], far.web.requests())
    equal(counts, (rate * seconds, rate * seconds), "requests, by the report and by the target")
    check(not any(result.summary["timeline"]["degraded"]), "seconds are degraded though nothing is missing")
    return result, counts


def test_a_link_that_is_down_for_a_while_loses_nothing(place):
    link_down(place, 300, 12, 3, 5)


def test_an_agent_that_was_cut_off_delivers_after_its_share_was_taken_over(place):
    far = Far(place)
    result = far.run("redistribute", "2s", 300, 14, 3, 5).expect(0)
    coverage = result.summary["coverage"]
    equal(coverage["planned"], 4200, "planned")
    equal((coverage["unknown"], coverage["started"] + coverage["dropped"]), (0, 4200), f"the account {coverage}")
    check(coverage["overlap"] > 0, "nothing was done twice though the agent went on")
    equal(result.row("http_reqs")["count"], far.web.requests(), "requests, by the report and by the target")
