# SPDX-License-Identifier: Apache-2.0
"""Reads every include and fails on one that points up the ladder, or to a library that is another folder's."""
import os
import re
import sys

LADDER = ["common/base", "common/stats", "common/plan", "common/wire", "common/link"]
DRIVERS = "agent/drivers/"
# What each driver and the report writers may include of ours.
DRIVER_ROOMS = ("common/base", "common/stats", "common/plan")
REPORT_ROOMS = ("common/base", "common/stats", "coordinator/report")
# The coordinator's own ladder: its top folder looks at all of them.
COORDINATOR = ["coordinator/journal", "coordinator/run", "coordinator/replay"]
# Libraries with one home (a header's prefix: where it may be included).
HOMES = {
    "czmq.h": ["common/link"],
    "zmq.h": ["common/link"],
    "msgpack": ["common/wire"],
    "yaml.h": ["common/plan"],
    "curl/": ["agent/drivers/http/curl_", "agent/drivers/http/transport_curl."],
    "libpq-fe.h": ["agent/drivers/postgres", "deploy/lab"],
    "librdkafka/": ["agent/drivers/kafka", "deploy/lab", "common/plan/kafka_properties.c"],
    "microhttpd.h": ["deploy/lab"],
}


def room(path):
    for name in LADDER:
        if path.startswith(name + "/"):
            return name
    return os.path.dirname(path)


def wrong(path, header, quoted):
    """Why this include is wrong, or None."""
    if not quoted:
        for prefix, homes in HOMES.items():
            if header.startswith(prefix) and not any(path.startswith(home) for home in homes):
                return f"only {' and '.join(homes)} may include {prefix}"
        return None
    if header.startswith("../") or "/" not in header:
        return "includes of ours are named from the root"
    here, there = room(path), room(header)
    if here in LADDER:
        if there not in LADDER or LADDER.index(there) > LADDER.index(here):
            return f"{here} may not look up to {there}"
    if here in COORDINATOR and there.startswith("coordinator"):
        if there == "coordinator" or there in COORDINATOR and COORDINATOR.index(there) > COORDINATOR.index(here):
            return f"{here} may not look up to {there}"
    if path.startswith("coordinator/") and header.startswith("agent/"):
        return "the coordinator never includes the agent"
    if path.startswith("agent/") and header.startswith("coordinator/"):
        return "the agent never includes the coordinator"
    if path.startswith("coordinator/report/") and there not in REPORT_ROOMS:
        return "a report writer includes the report model, stats and base alone"
    if path.startswith(DRIVERS) and os.path.dirname(path) + "/" != DRIVERS:
        own = os.path.dirname(path)
        if there not in DRIVER_ROOMS and there not in (own, "agent/drivers/kit") and header != "agent/drivers/driver.h":
            return "a driver includes its contract, base, stats and the plan's tables"
    return None


def main():
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    count, errors = 0, []
    for folder in ("common", "coordinator", "agent", "deploy"):
        for place, folders, files in os.walk(os.path.join(root, folder)):
            folders[:] = [name for name in folders if name != "node_modules"]
            for name in files:
                path = os.path.relpath(os.path.join(place, name), root)
                if not name.endswith((".c", ".h")):
                    continue
                with open(os.path.join(place, name)) as file:
                    for number, line in enumerate(file, 1):
                        match = re.match(r'\s*#\s*include\s+([<"])([^>"]+)[>"]', line)
                        if not match:
                            continue
                        count += 1
                        reason = wrong(path, match[2], match[1] == '"')
                        if reason:
                            errors.append(f"{path}:{number}: {match[2]}: {reason}")
    print("\n".join(errors) if errors else f"{count} includes follow the arrows")
    return 1 if errors or not count else 0


if __name__ == "__main__":
    sys.exit(main())
