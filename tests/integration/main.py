# SPDX-License-Identifier: Apache-2.0
"""Runs whole runs against real targets: `python3 -m tests.integration.main --build build [NAME...]`."""
import argparse
import importlib
import os
import pkgutil
import sys
import time
import traceback

from . import proofs, support

SKIP = "skip"


def find_tests(prefix):
    folder = os.path.dirname(os.path.abspath(__file__))
    for module in sorted(item.name for item in pkgutil.iter_modules([folder]) if item.name.startswith(prefix)):
        loaded = importlib.import_module(f"tests.integration.{module}")
        for name in [name for name in vars(loaded) if name.startswith(prefix)]:
            yield name, getattr(loaded, name)


def run_one(name, function, tools):
    """True if it passed, and what it recorded."""
    place = support.Place(tools, name)
    started = time.monotonic()
    passed = False
    try:
        function(place)
        passed = True
    except Exception:  # noqa: BLE001 - a test may fail in any way; all are reported
        traceback.print_exc()
        print(f"   its files are kept in {place.folder}", file=sys.stderr)
    try:
        place.close(keep=not passed)
    except Exception:  # noqa: BLE001
        traceback.print_exc()
        passed = False
    print(f"{'ok    ' if passed else 'FAILED'} {name} ({time.monotonic() - started:.1f} s)", file=sys.stderr, flush=True)
    return passed, place.figures


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", required=True)
    parser.add_argument("--kafka", help="the folder with Kafka's jars")
    parser.add_argument("--results", help="file for a line a test")
    parser.add_argument("--prove", action="store_true", help="run the long proofs instead")
    parser.add_argument("--proofs", help="file that keeps the proofs' figures")
    parser.add_argument("names", nargs="*", help="run only tests whose name holds one of these")
    options = parser.parse_args()
    tools = support.Tools(options.build, options.kafka)
    tests = list(find_tests("prove_" if options.prove else "test_"))
    results = []
    try:
        for name, function in tests:
            if options.names and not any(part in name for part in options.names):
                continue
            passed, figures = run_one(name, function, tools)
            results.append((name, passed))
            if options.proofs:
                proofs.write(options.proofs, tests, {name: proofs.section(name, function, figures, passed)})
    finally:
        tools.close()
    if options.results:
        with open(options.results, "w") as file:
            file.writelines(f"{'passed' if passed else 'failed'} {name}\n" for name, passed in results)
    failed = [name for name, passed in results if not passed]
    print(f"{len(results) - len(failed)} passed, {len(failed)} failed", file=sys.stderr)
    return 1 if failed or not results else 0


if __name__ == "__main__":
    sys.exit(main())
