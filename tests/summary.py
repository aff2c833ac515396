# SPDX-License-Identifier: Apache-2.0
"""Adds up the results of all suites and ends with the line `N passed, N failed, N skipped`.

Takes a folder of meson's testlog.json files (a line of JSON a test) and of text files with a line a test.
A cmocka program counts each of its tests; any other program counts as one."""
import json
import os
import re
import sys


def of_program(test):
    """(passed, failed, skipped) of one program under meson."""
    if test["result"] == "SKIP":
        return 0, 0, 1
    output = test.get("stdout", "") + test.get("stderr", "")
    passed = sum(int(count) for count in re.findall(r"\[  PASSED  \] (\d+) test", output))
    failed = sum(int(count) for count in re.findall(r"\[  FAILED  \] (?:tests: )?(\d+) test", output))
    skipped = sum(int(count) for count in re.findall(r"\[  SKIPPED \] (\d+) test", output))
    if test["result"] == "OK":
        return max(passed, 0 if skipped else 1), 0, skipped
    return passed, max(failed, 1), skipped


def main():
    total = [0, 0, 0]
    failures = []
    files = sorted(os.listdir(sys.argv[1]))
    for name in files:
        with open(os.path.join(sys.argv[1], name)) as file:
            for line in file:
                if name.endswith(".json"):
                    test = json.loads(line)
                    counts = of_program(test)
                    label = f"{name[:-5]}: {test['name']} ({test['result']})"
                else:
                    word, test = line.split(None, 1)
                    counts = (1, 0, 0) if word == "passed" else (0, 1, 0)
                    label = f"{name[:-4]}: {test.strip()}"
                total = [a + b for a, b in zip(total, counts)]
                if counts[1]:
                    failures.append(label)
    for label in failures:
        print(f"failed: {label}")
    if "integration.txt" not in files:
        print("failed: the whole runs left no result")
        total[1] += 1
    print(f"{total[0]} passed, {total[1]} failed, {total[2]} skipped")
    return 1 if total[1] or not total[0] or (total[2] and os.environ.get("CI") == "true") else 0


if __name__ == "__main__":
    sys.exit(main())
