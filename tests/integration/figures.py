# SPDX-License-Identifier: Apache-2.0
"""A run's figures as the page of proofs words them."""
import os


def number(value):
    return f"{value:,}"


def milliseconds(row, *names):
    return ", ".join(f"{name} {row[name]:,.3f} ms" for name in names)


def cpu(result, operations):
    """CPU of all agents, in all and an operation."""
    seconds = sum(agent["cpu_s"] for agent in result.summary["agents"])
    return f"{seconds:.2f} s, {seconds / operations * 1e6:.1f} us an operation"


def trust(result):
    """The verdict on the measurement itself, with what speaks against it."""
    doubts = [f"{row['check']} {row['value']}, limit {row['limit']}" for row in result.summary["trust"] if not row["ok"]]
    return result.summary["verdict"]["trust"] + (": " + "; ".join(doubts) if doubts else "")


def size(path):
    return f"{os.path.getsize(path) / 1024:,.0f} KiB"


def held(result):
    coverage = result.summary["coverage"]
    return f"{coverage['agent_seconds_held']} of {coverage['agent_seconds_due']}"
