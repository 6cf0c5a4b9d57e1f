#!/usr/bin/env python3
"""Finds the translation units that take more than 8 seconds of processor time to compile, and holds them against
cmake/heavy.txt, which says of each why. Exits with 1 where one is missing there.

    cmake/heavy.py                     every unit of build/dev again, without the compiler cache: some minutes
    cmake/heavy.py net/session hub/    only those whose path contains one of these words
    cmake/heavy.py --build build/release
"""

import argparse
import json
import os
import pathlib
import resource
import shlex
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
LISTED = ROOT / "cmake" / "heavy.txt"
LIMIT_SECONDS = 8


def seconds_of(unit):
    """Processor seconds, user and system, of the compiler and what it starts."""
    command = shlex.split(unit["command"])
    command[command.index("-o") + 1] = os.devnull
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, cwd=unit["directory"], env={**os.environ, "CCACHE_DISABLE": "1"}, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def listed():
    lines = [line for line in LISTED.read_text().splitlines() if line and not line.startswith("#")]
    return {line.split()[0] for line in lines}


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--build", default="build/dev")
    options.add_argument("words", nargs="*")
    chosen = options.parse_args()
    units = json.loads((ROOT / chosen.build / "compile_commands.json").read_text())
    known, missing = listed(), []
    for unit in units:
        name = os.path.relpath(unit["file"], ROOT)
        if chosen.words and not any(word in name for word in chosen.words):
            continue
        seconds = seconds_of(unit)
        if seconds > LIMIT_SECONDS:
            print(f"{seconds:5.1f} s  {name}{'' if name in known else '  (not in cmake/heavy.txt)'}", flush=True)
            if name not in known:
                missing.append(name)
        elif name in known:
            print(f"{seconds:5.1f} s  {name}  is in cmake/heavy.txt", flush=True)
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
