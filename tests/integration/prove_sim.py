# SPDX-License-Identifier: Apache-2.0
"""Whatever dies, lags or vanishes: runs on a virtual clock, network and disk, and faults in the code that they must find."""
import os
import re
import subprocess

from tests.sim import faults

from .figures import number
from .support import Failed, check, equal

SEEDS, CLEAN = 100000, 1000


def simulate(place, *arguments):
    """The totals that the simulator prints, by name."""
    program = os.path.join(place.tools.build, "tests", "sim", "sim")
    result = subprocess.run([program, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    check(result.returncode in (0, 1), f"the simulator broke off:\n{result.stderr[-2000:]}")
    totals = {name: float(value) for name, value in re.findall(r"(\w+)=([\d.]+)", result.stdout)}
    check(totals.get("broken") == 0, f"seeds are broken:\n{result.stderr[:3000]}")
    return totals


def prove_no_seed_breaks_the_protocol(place):
    """No seed breaks the protocol.

    The simulator drives the real state machines of coordinator and agents through a run on virtual clocks (up to two
    hours apart, drifting by up to 100 ppm), a network that delays, loses, repeats, reorders and parts, and disks that
    tear records and run full. Agents are killed, stopped, told to go, put to sleep and joined by others; the coordinator
    is killed at any effect, or within a write, and resumed. Every accepted snapshot is counted once; an acknowledgement
    never leaves before its record; the shares of each epoch are disjoint and sum to the plan; planned = started +
    dropped + unknown; what was really started lies within what is known and unknown; no unique row is used twice; every
    run ends; and each journal's report equals that of an undisturbed run over the same snapshots.
    """
    totals = simulate(place, "--seeds", f"1-{SEEDS}")
    equal(totals["seeds"], SEEDS, "seeds")
    place.record(*((what, number(int(totals[name]))) for what, name in (
        ("seeds", "seeds"), ("virtual seconds", "virtual_s"), ("events", "events"), ("snapshots made", "snapshots"),
        ("resumes", "resumes"), ("agents lost", "losses"), ("agents that left", "leaves"), ("agents that joined", "joins"),
        ("runs that were complete in the end", "complete"))))


def prove_starts_lie_within_their_bound(place):
    """Starts lie within their bound, with clocks hours apart that drift.

    1,000 simulated runs of up to 6 agents, whose monotonic clocks lie up to two hours apart and drift by up to 100 ppm,
    over links of 20 us to 60 ms with jitter. The true instant at which each agent's clock shows the T0 that it is told
    lies within the bound that is journaled with it, and the report's start skew, with its bound, holds the truth.
    """
    totals = simulate(place, "--clean", "--seeds", f"1-{CLEAN}")
    equal(totals["complete"], CLEAN, "complete runs")
    place.record(("runs", number(CLEAN)), ("starts held against the truth", number(int(totals["starts"]))),
                 ("the largest error, as a part of its bound", f"{totals['skew_of_bound']:.3f}"))


def prove_faults_put_into_the_code_are_caught(place):
    """Faults put into the code on purpose are caught.

    Each is a patch in tests/sim/faults/, put into a copy of the code for itself. Seeds are run from 1 on until one is
    broken by it: `sim --seed N --verbose` of the copy shows how.
    """
    copy, missed = faults.Copy(place.folder), []
    for name in faults.names():
        try:
            seed, broken = copy.catch(name)
            place.record((faults.words(name).removesuffix("."), f"seed {seed:,}: {broken.replace('|', '/')}"))
        except faults.NotCaught as error:
            missed.append(str(error))
    if missed:
        raise Failed("\n".join(missed))
