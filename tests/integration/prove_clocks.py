# SPDX-License-Identifier: Apache-2.0
"""What is known of agents' clocks, over many more simulated pairs of clocks than the tests have."""
import os
import re
import subprocess

from .figures import number
from .support import check, equal

PAIRS = 50000


def prove_clock_bounds_hold_the_truth(place):
    """Clock bounds hold the truth.

    Simulated pairs of clocks that are an hour apart, each drifting by up to 100 ppm and wandering about that by up to
    7 ppm, exchange 150 pings over a network that delays one way more than the other (20 us to 2 ms in all), queues (a
    quarter of them, 20 ms on average), loses a tenth, lets some overtake others and is down for 30 s now and then. The
    true offset lies within the bound every time it is asked for: now, after a rest, at T0, ten minutes ahead. In as
    many further pairs one clock jumps once by 5 ms to 10 s: each jump is told, with its size, and no other.
    """
    program = os.path.join(place.tools.build, "tests", "property", "link", "test_property_clock_offset")
    done = subprocess.run([program], capture_output=True, text=True, timeout=600, check=False,
                          env=place.env(CLOCK_RUNS=str(PAIRS)))
    equal(done.returncode, 0, done.stdout + done.stderr)
    figures = re.findall(r"^figure: (.*) = ([0-9.]+)(.*)$", done.stdout + done.stderr, re.MULTILINE)
    check(len(figures) == 8, f"figures {figures}")
    place.record(*((what, f"{value}{unit}" if unit else number(int(value))) for what, value, unit in figures))
