"""Runs the W3C's tests of JSON-LD expansion and compaction: jsonld.py TOOL SUITE_DIR [--verbose].

Prints a table, and each test that is not as the suite wants it. Exit status 1 where one is not in EXCEPTIONS."""

import collections
import json
import os
import re
import subprocess
import sys
import tempfile

# Tests that are known to differ; docs/conformance.md says why.
EXCEPTIONS: dict[str, str] = {}


def applies(test):
    option = test.get("option", {})
    return option.get("specVersion") != "json-ld-1.0"


def command(tool, suite, base_iri, test, action):
    option = test.get("option", {})
    base = option.get("base", base_iri + test["input"])
    line = [tool, action, os.path.join(suite, test["input"]), "--base", base, "--map", base_iri, suite]
    if action == "compact":
        line += ["--context", os.path.join(suite, test["context"])]
    if "expandContext" in option:
        line += ["--expand-context", os.path.join(suite, option["expandContext"])]
    if option.get("processingMode") == "json-ld-1.0":
        line.append("--1.0")
    if option.get("compactArrays") is False:
        line.append("--keep-arrays")
    if option.get("compactToRelative") is False:
        line.append("--keep-absolute")
    return line


def same(a, b):
    """Arrays but lists are sets (JSON-LD 1.1, 4.3)."""
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(
            a[k] == b[k] if k in ("@list", "@context") else same(a[k], b[k]) for k in a)
    if isinstance(a, list) and isinstance(b, list):
        rest = list(b)
        for item in a:
            match = next((i for i, other in enumerate(rest) if same(item, other)), None)
            if match is None:
                return False
            rest.pop(match)
        return not rest
    return type(a) is type(b) and a == b or (
        isinstance(a, (int, float)) and isinstance(b, (int, float)) and not isinstance(a, bool) and
        not isinstance(b, bool) and a == b)


def check(tool, suite, base_iri, test, action):
    """None where all is well, else what is not."""
    done = subprocess.run(command(tool, suite, base_iri, test, action), capture_output=True, text=True, timeout=60)
    if "expectErrorCode" in test:
        if done.returncode == 0:
            return f"wanted the error {test['expectErrorCode']}, got {done.stdout.strip()[:300]}"
        got = re.findall(r"\(JSON-LD: ([^)]*)\)", done.stderr)
        # The innermost code stands first, the one that counts last.
        return None if test["expectErrorCode"] in got[-1:] else f"wanted {test['expectErrorCode']}, got {done.stderr.strip()}"
    if done.returncode != 0:
        return f"refused: {done.stderr.strip()[:300]}"
    with open(os.path.join(suite, test["expect"]), encoding="utf-8") as file:
        wanted = json.load(file)
    got = json.loads(done.stdout)
    return None if same(got, wanted) else f"\n   wanted {json.dumps(wanted)}\n   got    {json.dumps(got)}"


def main():
    tool, suite = sys.argv[1], sys.argv[2]
    verbose = "--verbose" in sys.argv
    bad = 0
    for action in ("expand", "compact"):
        with open(os.path.join(suite, f"{action}-manifest.jsonld"), encoding="utf-8") as file:
            manifest = json.load(file)
        count = collections.Counter()
        for test in manifest["sequence"]:
            if not applies(test):
                count["not for 1.1"] += 1
                continue
            name = action + test["@id"]
            fault = check(tool, suite, manifest["baseIri"], test, action)
            if fault is None:
                count["passed"] += 1
            elif name in EXCEPTIONS:
                count["known to differ"] += 1
                print(f"differs  {name}: {EXCEPTIONS[name]}")
            else:
                count["failed"] += 1
                bad += 1
                print(f"FAILED   {name} {test['name']}: {fault if verbose else fault[:2000]}")
        run = count["passed"] + count["failed"] + count["known to differ"]
        print(f"{action:8} {count['passed']} of {run} passed ({100 * count['passed'] / run:.1f} %), "
              f"{count['failed']} failed, {count['known to differ']} known to differ, "
              f"{count['not for 1.1']} are for JSON-LD 1.0 alone")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
