# SPDX-License-Identifier: Apache-2.0
"""Shows that the simulator can fail: puts each fault of tests/sim/faults/ into a copy of the code, and runs seeds until one is
broken by it. `python3 tests/sim/faults.py FOLDER [NAME...]` builds in FOLDER."""
import os
import re
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FAULTS = os.path.join(ROOT, "tests", "sim", "faults")
SEEDS_MAX = 20000


class NotCaught(AssertionError):
    """A fault that no seed found, or that doesn't fit the code any more."""


def names():
    return sorted(name.removesuffix(".patch") for name in os.listdir(FAULTS) if name.endswith(".patch"))


def path_of(name):
    return os.path.join(FAULTS, name + ".patch")


def words(name):
    """What the fault is: the patch's first line."""
    with open(path_of(name)) as file:
        return file.readline().strip()


def plan(name):
    """The simulator's options that choose the plan which the patch's second line names, if it names one."""
    with open(path_of(name)) as file:
        found = re.match(r".*\nPlan: (\w+)\n", file.read())
    return ["--plan", found[1]] if found else []


def run(command, folder, what):
    result = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if result.returncode != 0:
        raise NotCaught(f"{what}:\n" + "\n".join(result.stdout.splitlines()[-20:]))


class Copy:
    """The tree's files as they are, in a folder of their own, built with the simulator alone."""

    def __init__(self, folder):
        self.tree = os.path.join(folder, "tree")
        self.build = os.path.join(folder, "build")
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout
        for name in filter(None, listed.decode().split("\0")):
            source, target = os.path.join(ROOT, name), os.path.join(self.tree, name)
            if os.path.isfile(source):
                os.makedirs(os.path.dirname(target), exist_ok=True)
                shutil.copy2(source, target)
        web = os.path.join("coordinator", "report", "web", "node_modules")
        os.symlink(os.path.join(ROOT, web), os.path.join(self.tree, web))
        run(["meson", "setup", self.build, self.tree], folder, "meson")
        self.make("the code without a fault")

    def make(self, what):
        run(["ninja", "-C", self.build, "tests/sim/sim"], self.tree, f"{what} doesn't build")

    def patch(self, name, back=False):
        turn = ["--reverse"] if back else []
        run(["patch", "--strip=1", "--fuzz=2", "--no-backup-if-mismatch", "--input", path_of(name), *turn], self.tree,
            f"{name} doesn't fit the code any more")

    def simulate(self, *arguments):
        return subprocess.run([os.path.join(self.build, "tests", "sim", "sim"), *arguments], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True)

    def catch(self, name):
        """(seed, what it broke) of the first seed that finds the fault."""
        self.patch(name)
        try:
            self.make(name)
            result = self.simulate("--seeds", f"1-{SEEDS_MAX}", "--most-broken", "1", *plan(name))
        finally:
            self.patch(name, back=True)
        found = re.search(r"^seed (\d+) (?:is broken at [\d.]+ s: (.*)|(ends by .*))$", result.stderr, re.MULTILINE)
        if not found:
            raise NotCaught(f"{name}: no seed of {SEEDS_MAX:,} finds it")
        return int(found[1]), found[2] or found[3]


def main():
    folder, wanted = sys.argv[1], sys.argv[2:] or names()
    missed = 0
    copy = Copy(folder)
    for name in wanted:
        try:
            seed, broken = copy.catch(name)
            print(f"{name}: {words(name)} Seed {seed}: {broken}", flush=True)
        except NotCaught as error:
            print(error, flush=True)
            missed += 1
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
