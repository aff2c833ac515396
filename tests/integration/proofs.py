# SPDX-License-Identifier: Apache-2.0
"""The page of proofs: a section a proof, with the figures of its latest run. One that was not run keeps its section."""
import datetime
import os
import platform
import re

HEAD = """# Proofs

What takes too long for `./dev test`. Each proof holds a run against an account that Stampede does not keep: a broker's offsets, a
log, a database's statistics, arithmetic. It passes or fails on counts, and on latencies only where the proof itself imposes them.
All other times, sizes and CPU are those of the one run that the section names, on the machine that it names; targets and
agents share that machine's cores.

`./dev prove` runs all of them, `./dev prove NAME...` those whose name holds one of the words, and this page is written from what
they measured. A proof that was not run keeps its section.
"""


def title(function):
    """The first line of its docstring."""
    return function.__doc__.splitlines()[0].rstrip(".")


def machine():
    return f"{os.cpu_count()} cores, {platform.system()} {platform.release().split('-')[0]}"


def section(name, function, rows, passed):
    """A proof's Markdown. `rows` are pairs of what was measured and the figure."""
    words = " ".join(function.__doc__.split("\n", 1)[1].split())
    today = datetime.datetime.now(datetime.timezone.utc).date()
    verdict = "holds" if passed else "**FAILED**"
    lines = [f"## {title(function)}", "", words, "",
             f"`./dev prove {name.removeprefix('prove_')}` · {today} · {machine()} · {verdict}", ""]
    if rows:
        lines += ["| measured | figure |", "|---|---|", *(f"| {what} | {figure} |" for what, figure in rows), ""]
    return "\n".join(lines)


def read_sections(path):
    """The sections that the page has now, by their headings."""
    if not os.path.exists(path):
        return {}
    with open(path) as file:
        parts = re.split(r"^(?=## )", file.read(), flags=re.MULTILINE)[1:]
    return {part.splitlines()[0].removeprefix("## "): part.rstrip("\n") + "\n" for part in parts}


def write(path, proofs, new):
    """Writes the page: `new` sections by name, else those it had, in the order of `proofs`, names and functions of all."""
    sections = read_sections(path)
    kept = [new.get(name) or sections.get(title(function)) for name, function in proofs]
    with open(path, "w") as file:
        file.write("\n".join([HEAD, *filter(None, kept)]))
