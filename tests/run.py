#!/usr/bin/env python3
"""Runs every test there is and counts them. ./test builds first and then calls this.

A test program that is no GoogleTest says how many passed in its last line, "N passed, M failed"; where it does not, it
counts as one test by its exit code.
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "dev"  # or that of a sanitizer
FUZZ_RUNS = 20_000  # of each target, always from the same seed: what fails here fails again, and is a change's fault
FUZZ_SECONDS = 20
LIMIT_SECONDS = 900  # for one program; a test that hangs has failed
BUILD_SECONDS = 2400

# Each sanitizer ends a program at its first report, and a report that nobody saw still lies in a file. Some tests have
# a server in a process of its own, forked from theirs, which by default may start no threads under that for threads.
SANITIZERS = {
    "asan": {"ASAN_OPTIONS": "detect_stack_use_after_return=1:strict_string_checks=1",
             "UBSAN_OPTIONS": "print_stacktrace=1"},
    "tsan": {"TSAN_OPTIONS": "halt_on_error=1:second_deadlock_stack=1:die_after_fork=0:"
                             f"suppressions={ROOT}/tests/tsan.supp"},
}


class Tally:
    def __init__(self):
        self.passed = self.failed = 0
        self.failures = []

    def add(self, name, passed, failed, output, seconds):
        self.passed += passed
        self.failed += failed
        mark = "ok    " if failed == 0 else "FAILED"
        print(f"{mark} {name}: {passed} passed, {failed} failed ({seconds:.1f} s)", flush=True)
        if failed:
            self.failures.append(name)
            print("\n".join("    " + line for line in output.splitlines()[-60:]), flush=True)


def run(command, limit=LIMIT_SECONDS, **options):
    """The exit code and what the program printed."""
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=limit,
                              cwd=ROOT, **options)
        return done.returncode, done.stdout.decode(errors="replace")
    except subprocess.TimeoutExpired as late:
        return 1, (late.stdout or b"").decode(errors="replace") + f"\nstill running after {limit} s"


def unit_test(program):
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        report = pathlib.Path(folder) / "report.json"
        code, output = run([str(program), "--gtest_brief=1", f"--gtest_output=json:{report}"])
        try:
            told = json.loads(report.read_text())
            failed = told["failures"] + told.get("errors", 0)
            ran = told["tests"] - told.get("disabled", 0)
        except (OSError, ValueError, KeyError):
            ran, failed = 1, 1  # it died before it could tell
        if code != 0 and failed == 0:
            ran, failed = ran + 1, 1
    return program.name, ran - failed, failed, output, time.monotonic() - begun


def counted(name, command, environment=None):
    begun = time.monotonic()
    code, output = run(command, env={**os.environ, **(environment or {})})
    for skipped in re.findall(r"^skipped: .*", output, re.MULTILINE):
        print(skipped, flush=True)
    told = re.findall(r"^(\d+) passed, (\d+) failed", output, re.MULTILINE)
    passed, failed = map(int, told[-1]) if told else (int(code == 0), int(code != 0))
    if code != 0 and failed == 0:
        failed = 1
    return name, passed, failed, output, time.monotonic() - begun


def fuzz_target(program):
    begun = time.monotonic()
    name = program.name.removeprefix("fuzz_")
    seeds = ROOT / "fuzz" / "corpus" / name
    with tempfile.TemporaryDirectory() as found:
        command = [str(program), f"-runs={FUZZ_RUNS}", "-seed=1", f"-max_total_time={FUZZ_SECONDS}", "-timeout=10", "-rss_limit_mb=2048",
                   f"-artifact_prefix={BUILD}/crash-{name}-", found]
        code, output = run(command + ([str(seeds)] if seeds.is_dir() else []))
    return "fuzz " + name, int(code == 0), int(code != 0), output, time.monotonic() - begun


def build_fuzz_targets():
    """Empty where there is no clang."""
    if not shutil.which("clang++"):
        print("skipped: fuzz targets (no clang++)")
        return []
    print("Building the fuzz targets", flush=True)
    names = re.findall(r"^madang_fuzz\((\w+)", (ROOT / "fuzz" / "CMakeLists.txt").read_text(), re.MULTILINE)
    for command in (["cmake", "--preset", "fuzz", "-Wno-dev"],
                    ["cmake", "--build", "build/fuzz", "--target", *("fuzz_" + name for name in names)]):
        code, output = run(command, BUILD_SECONDS)
        if code != 0:
            print(output)
            return None
    return sorted(ROOT / "build" / "fuzz" / "fuzz" / ("fuzz_" + name) for name in names)


def watch_for_reports(sanitizer):
    """The folder in which the sanitizer's reports will lie."""
    global BUILD
    BUILD = ROOT / "build" / sanitizer
    reports = BUILD / "reports"
    shutil.rmtree(reports, ignore_errors=True)
    reports.mkdir(parents=True)
    for variable, options in SANITIZERS[sanitizer].items():
        os.environ[variable] = f"{options}:log_path={reports}/{variable.split('_')[0].lower()}"
    os.environ["MADANG_SANITIZER"] = sanitizer  # tests that compare sizes of memory do without
    return reports


def tell_reports(tally, reports):
    found = sorted(reports.iterdir())
    output = "\n".join(f"{report}\n{report.read_text(errors='replace')[:4000]}" for report in found)
    tally.add("reports of the sanitizer", int(not found), len(found), output, 0)


def side_by_side(tally, work, things):
    with concurrent.futures.ThreadPoolExecutor(max(1, os.cpu_count() or 1)) as pool:
        for result in concurrent.futures.as_completed([pool.submit(work, thing) for thing in things]):
            tally.add(*result.result())


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--fast", action="store_true",
                         help="without the crash test, the fuzz targets and the minute of requests made from /openapi.json")
    options.add_argument("--sanitizer", choices=SANITIZERS, help="with the programs of that build; no fuzz targets")
    chosen = options.parse_args()
    fast = chosen.fast
    tally = Tally()
    reports = watch_for_reports(chosen.sanitizer) if chosen.sanitizer else None
    server = str(BUILD / "madang")

    tally.add(*counted("form (tests/lint.sh)", ["tests/lint.sh"]))
    side_by_side(tally, unit_test, sorted((BUILD / "tests").glob("*_tests")))
    tally.add(*counted("commands", [sys.executable, "tests/app/commands.py", server]))
    tally.add(*counted("many at once", [sys.executable, "tests/app/many.py", server]))
    tally.add(*counted("live streams", [sys.executable, "tests/app/live.py", server]))
    tally.add(*counted("downloads", [sys.executable, "tests/app/downloads.py", server]))
    tally.add(*counted("notifications", [sys.executable, "tests/app/notifications.py", server]))
    tally.add(*counted("subscribers", [sys.executable, "tests/app/subscribers.py", server]))
    tally.add(*counted("your city in an afternoon", [sys.executable, "tests/app/afternoon.py", server]))
    tally.add(*counted("feeds", [sys.executable, "tests/app/feeds.py", server]))
    tally.add(*counted("packed feeds", [sys.executable, "tests/app/packed.py", server]))
    tally.add(*counted("hostile clients", [sys.executable, "tests/app/hostile.py", server]))
    if (ROOT / "tests" / "scenarios" / "run.py").exists():
        tally.add(*counted("scenarios", [sys.executable, "tests/scenarios/run.py", "--server", server]))
    tally.add(*counted("the portal in a browser", ["tests/portal/run.sh", server, *(["--fast"] if fast else [])]))
    tally.add(*counted("a client of others", [sys.executable, "tests/interop/client.py", server]))
    tally.add(*counted("geographic tools of others", [sys.executable, "tests/interop/features.py", server]))
    tally.add(*counted("a client of sensors", [sys.executable, "tests/interop/sensorthings.py", server]))
    tally.add(*counted("vector tiles", [sys.executable, "tests/interop/tiles.py", server]))
    if fast:
        print("skipped: the interface held against its description (--fast)")
    else:
        tally.add(*counted("the interface's description", [sys.executable, "tests/interop/description.py", server]))
    data = os.environ.get("MADANG_TEST_DATA")
    for script in sorted((ROOT / "tests" / "data").glob("*.sh")):
        if data:
            tally.add(*counted(script.name, [str(script)], {"MADANG": server}))
        else:
            print(f"skipped: {script.name} ($MADANG_TEST_DATA is not set)")

    if reports:
        tell_reports(tally, reports)
        print("skipped: fuzz targets (they have sanitizers of their own)")
    elif fast:
        print("skipped: crash test and fuzz targets (--fast)")
    else:
        for program in sorted((BUILD / "tests").glob("*_crash")) + sorted((ROOT / "tests" / "crash").glob("run*")):
            tally.add(*counted("crash " + program.name, [str(program)], {"MADANG": server}))
        targets = build_fuzz_targets()
        if targets is None:
            tally.add("fuzz targets do not build", 0, 1, "", 0)
        else:
            side_by_side(tally, fuzz_target, targets)

    if tally.failures:
        print("Failed: " + ", ".join(tally.failures))
    print(f"{tally.passed} passed, {tally.failed} failed")
    return 1 if tally.failed else 0


if __name__ == "__main__":
    sys.exit(main())
