# SPDX-License-Identifier: Apache-2.0
"""The container lab: `engine COMMAND...` runs a command with a Docker engine up, `run PLAN` runs a plan on the lab.

`run` needs the images of `./dev image`, docker and docker-compose, and the stampede program (for its keys). It brings
the lab up, runs the plan with its agents over closed links, copies the run folder out and takes everything down."""
import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
TARGETS = ["kafka-1", "kafka-2", "kafka-3", "postgres", "nginx"]
CONTAINER_UID = 10001  # as in deploy/images/Dockerfile
ENGINE = ["dockerd", "--bip", "198.18.0.1/24", "--default-address-pool", "base=198.18.64.0/18,size=24"]
HEALTHY_S = 120


class ClusterError(Exception):
    """What the user must know."""


def wait_for(condition, what, seconds):
    """Polls a condition that no event announces."""
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            raise ClusterError(f"{what} took longer than {seconds} s")
        time.sleep(0.2)


def answers(*command):
    return subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode == 0


class Engine:
    """Docker's engine: the one that runs, or one of our own while it is needed."""

    def __enter__(self):
        self.process = None
        self.log = tempfile.TemporaryFile()
        if answers("docker", "info"):
            return self
        if not shutil.which("dockerd") or os.geteuid() != 0:
            raise ClusterError("no Docker engine answers, and starting one needs root and dockerd")
        self.process = subprocess.Popen(ENGINE, stdout=self.log, stderr=self.log, start_new_session=True)
        try:
            wait_for(lambda: answers("docker", "info") or self.process.poll() is not None, "Docker's engine", 60)
            if self.process.poll() is not None:
                self.log.seek(0)
                raise ClusterError("dockerd ended: " + self.log.read().decode()[-500:])
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.process.wait()
        self.log.close()


class Cluster:
    """The lab's containers. `plans` is the folder that the coordinator sees as /plans."""

    def __init__(self, stampede, plans, agents, project="stampede-lab"):
        self.stampede, self.agents, self.project = stampede, agents, project
        self.keys = tempfile.mkdtemp(prefix="stampede-keys-")
        self.environment = dict(os.environ, KEYS=self.keys, PLANS=os.path.abspath(plans))
        self.runs = 0

    def compose(self, *arguments, **options):
        command = ["docker-compose", "-p", self.project, "-f", os.path.join(HERE, "compose.yaml"), *arguments]
        return subprocess.run(command, env=self.environment, check=False, **options)

    def docker(self, *arguments):
        done = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise ClusterError(f"docker {arguments[0]}: {done.stderr.strip()}")
        return done.stdout

    def make_keys(self):
        folder = os.path.join(self.keys, "made")
        done = subprocess.run([self.stampede, "keys", folder], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise ClusterError("stampede keys: " + done.stderr)
        # The containers' user alone may read them.
        self.environment["KEYS"] = folder
        for path, folders, files in os.walk(self.keys):
            for name in [*folders, *files, "."]:
                os.chown(os.path.join(path, name), CONTAINER_UID, CONTAINER_UID)

    def __enter__(self):
        try:
            self.make_keys()
            done = self.compose("up", "-d", "--scale", f"agent={self.agents}", "agent", *TARGETS, capture_output=True,
                                text=True)
            if done.returncode != 0:
                raise ClusterError("docker-compose up: " + done.stderr[-800:])
            for target in TARGETS:
                wait_for(lambda: self.health(target) == "healthy", f"{target}'s start", HEALTHY_S)
        except BaseException:
            self.__exit__()
            raise
        return self

    def container(self, service, number=1):
        """The name of a service's container."""
        return f"{self.project}_{service}_{number}"

    def health(self, service):
        return self.docker("inspect", "-f", "{{.State.Health.Status}}", self.container(service)).strip()

    def start(self, plan, *options, expect=None):
        """Starts a run of a plan in /plans: a process with the report on its stdout, and the coordinator's name."""
        self.runs += 1
        name = f"{self.project}_run_{self.runs}"
        command = ["docker-compose", "-p", self.project, "-f", os.path.join(HERE, "compose.yaml"), "run", "-T",
                   "--no-deps", "--use-aliases", "--name", name, "coordinator", "stampede", "run", "--listen",
                   "tcp://0.0.0.0:7700", "--expect-agents", str(expect or self.agents), "--keys", "/keys", "-o",
                   "/runs/run", *options, f"/plans/{plan}"]
        return subprocess.Popen(command, env=self.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True), name

    def fetch(self, name, folder):
        """Copies a run's folder out."""
        self.docker("cp", f"{name}:/runs/run", folder)

    def __exit__(self, *_):
        for number in range(1, self.runs + 1):
            subprocess.run(["docker", "rm", "-f", f"{self.project}_run_{number}"], capture_output=True, check=False)
        self.compose("down", "-v", "--timeout", "5", capture_output=True)
        shutil.rmtree(self.keys, ignore_errors=True)


def run(arguments, options):
    plan = os.path.abspath(arguments.plan)
    folder = arguments.output or os.path.join("runs", time.strftime("%Y%m%d-%H%M%S-cluster"))
    if not os.path.isfile(plan):
        raise ClusterError(f"there is no plan {arguments.plan}")
    if os.path.exists(folder):
        raise ClusterError(f"{folder} is there already")
    os.makedirs(os.path.dirname(os.path.abspath(folder)), exist_ok=True)
    with Engine(), Cluster(arguments.stampede, os.path.dirname(plan), arguments.agents) as cluster:
        process, name = cluster.start(os.path.basename(plan), *options)
        out, err = process.communicate()
        sys.stdout.write(out)
        sys.stderr.write(err)
        try:
            cluster.fetch(name, folder)
            sys.stderr.write(f"the run's folder is {folder}\n")
        except ClusterError as error:
            if process.returncode in (0, 97, 99):
                raise error
        return process.returncode


def with_engine(command):
    with Engine():
        return subprocess.run(command, check=False).returncode


def parse(words):
    parser = argparse.ArgumentParser(prog="./dev lab-cluster", description="Runs a plan on the container lab. "
                                     "What follows PLAN goes to stampede run.")
    parser.add_argument("--stampede", default=os.path.join(ROOT, "build", "stampede"), help=argparse.SUPPRESS)
    parser.add_argument("--agents", type=int, default=10, help="containers that make load (default 10)")
    parser.add_argument("-o", "--output", metavar="DIR", help="where the run's folder goes (default runs/<time>-cluster)")
    parser.add_argument("plan", metavar="PLAN")
    parser.add_argument("options", nargs=argparse.REMAINDER, metavar="...", help="options of stampede run")
    return parser.parse_args(words)


def main():
    try:
        if sys.argv[1:2] == ["engine"]:
            return with_engine(sys.argv[2:])
        arguments = parse(sys.argv[2:])
        return run(arguments, arguments.options)
    except ClusterError as error:
        sys.stderr.write(f"lab-cluster: {error}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())
