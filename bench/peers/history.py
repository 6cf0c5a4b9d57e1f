#!/usr/bin/env python3
"""History beside DuckDB: the same points, the same questions, one core each, in one run.

    ninja -C build/release bench_history && python3 bench/peers/history.py [MILLIONS_OF_POINTS]

bench_history feeds, asks and writes its points; DuckDB (bench/peers/duckdb.txt, installed into build/interop) loads
them sorted by sensor and time, which suits it best, and is asked with one thread and prepared statements. Times are
processor time, the least of some runs; both must come to the same sums.
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(ROOT / "tests" / "interop"))
import pinned  # noqa: E402

LINE = re.compile(r"^  (\S.*?) +([\d.]+) ms  \((\S+)\)$", re.M)
SAME = 1e-6  # of a sum, relative: doubles added in another order
START = "TIMESTAMP '2023-11-14 22:13:20'"
TEN_THOUSAND = f"observed >= {START} AND observed < {START} + INTERVAL 10000 MINUTE"
LAST = "SELECT value FROM points WHERE sensor = 7 {also} ORDER BY observed DESC LIMIT 10"
BUCKETS = ("SELECT sensor, time_bucket({width}, observed, " + START + ") AS period, {methods} FROM points {where} "
           "GROUP BY sensor, period")
# What bench_history calls it begins so: the statement, the column that is summed, how often.
QUESTIONS = [
    ("last 10 of one attribute among 10,000 points", LAST.format(also="AND " + TEN_THOUSAND), 0, 50),
    ("last 10 of one attribute", LAST.format(also=""), 0, 50),
    ("daily mean", BUCKETS.format(width="INTERVAL 1 DAY", methods="avg(value), max(value), min(value)", where=""), 2, 3),
    ("hourly mean", BUCKETS.format(width="INTERVAL 1 HOUR", methods="avg(value), max(value)",
                                   where="WHERE sensor = 0 AND " + TEN_THOUSAND), 2, 50),
]


def ask(file, folder, names):
    """Runs in DuckDB's environment: milliseconds and sum of each."""
    import time

    import duckdb
    there = duckdb.connect(os.path.join(folder, "points.duckdb"))
    there.execute("SET threads = 1")
    there.execute("CREATE TABLE points AS SELECT sensor, make_timestamp(micros) AS observed, value FROM read_csv(?, header = false, "
                  "columns = {'sensor': 'INTEGER', 'micros': 'BIGINT', 'value': 'DOUBLE'}) ORDER BY sensor, observed", [file])
    there.execute("CHECKPOINT")
    count = there.execute("SELECT count(*) FROM points").fetchone()[0]
    size = os.path.getsize(os.path.join(folder, "points.duckdb"))
    print(f"bytes a point: {size / count:.2f}")
    for name in names:
        _, statement, column, runs = next(each for each in QUESTIONS if name.startswith(each[0]))
        there.execute("PREPARE question AS " + statement)
        best = float("inf")
        for _ in range(runs):
            before = time.process_time()
            rows = there.execute("EXECUTE question").fetchall()
            best = min(best, time.process_time() - before)
        print(f"  {name}  {best * 1e3:.3f} ms  ({sum(row[column] for row in rows):.9g})")


def main():
    if sys.argv[1:2] == ["--ask"]:
        return ask(sys.argv[2], sys.argv[3], sys.argv[4:])
    millions = sys.argv[1] if len(sys.argv) > 1 else "10"
    bench = ROOT / "build" / "release" / "bench" / "bench_history"
    programs = pinned.environment("duckdb", HERE)
    if programs is None or not bench.exists():
        return f"{bench} is not there: ninja -C build/release bench_history" if programs else "no DuckDB"
    with tempfile.TemporaryDirectory(prefix="madang-points.", dir="/var/tmp") as folder:
        file = os.path.join(folder, "points.csv")
        ours = subprocess.run([bench, millions, "--points", file], check=True, text=True, stdout=subprocess.PIPE).stdout
        print(ours)
        ours = [line for line in LINE.findall(ours) if not line[0].endswith(" runs")]
        theirs = subprocess.run([programs / "python", __file__, "--ask", file, folder, *[name for name, *_ in ours]],
                                check=True, text=True, stdout=subprocess.PIPE).stdout
    print("DuckDB,", theirs.splitlines()[0])
    print(f"{'processor time of one core, ms':62} {'Madang':>9} {'DuckDB':>9} {'ratio':>7}")
    wrong = 0
    for (name, mine, sum_of_mine), (_, other, sum_of_other) in zip(ours, LINE.findall(theirs), strict=True):
        same = abs(float(sum_of_mine) - float(sum_of_other)) <= SAME * abs(float(sum_of_other))
        wrong += not same
        print(f"{name:62} {mine:>9} {other:>9} {float(mine) / float(other):>7.2f}" + ("" if same else "  OTHER SUMS"))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
