"""Reads Robot's output.xml of each area and tells what happened.

report.py line OUTPUT_XML SECONDS                     the short progress line after an area
report.py table [--include TAGS] [--exclude TAGS] AREAS_TSV OUT_DIR
                                                      the table; writes results.tsv, failed.txt and failures.tsv

AREAS_TSV has name, suite path, result folder, seconds, note. The number of cases an area should have is taken from the
suite's sources, not from output.xml, so a run that was cut short or never began still shows its cases: as not run, which
counts as failed.
"""
import argparse
import collections
import pathlib
import sys
import xml.etree.ElementTree as ET

Case = collections.namedtuple("Case", "name status message")       # status: PASS, FAIL or NOTRUN


def cases(path):
    """The cases in an output.xml, as far as it goes: a file cut off in the middle gives those before the cut."""
    found, suites = [], []
    if not path.is_file():
        return found
    try:
        for event, e in ET.iterparse(path, events=("start", "end")):
            if event == "start":
                if e.tag == "suite":
                    suites.append(e.get("name", "?"))
                continue
            if e.tag == "suite":
                suites.pop()
                e.clear()
            elif e.tag == "test":
                status = e.find("status")
                tags = {t.text for t in e.findall("tag")}
                text = (status.text or "").strip() if status is not None else ""
                state = status.get("status") if status is not None else "FAIL"
                if state == "SKIP" or (state != "PASS" and "robot:exit" in tags):
                    state = "NOTRUN"
                found.append(Case(".".join(suites + [e.get("name", "?")]), state, text))
                e.clear()
            elif e.tag == "kw":
                e.clear()
    except ET.ParseError:
        pass
    return found


def planned(path, include, exclude):
    """Full names of the cases that the sources under path hold."""
    from robot.api import TestSuite
    from robot.model import TagPatterns
    include, exclude = TagPatterns(include), TagPatterns(exclude)
    names = []

    def walk(suite):
        for t in suite.tests:
            if (not include or include.match(t.tags)) and not exclude.match(t.tags):
                names.append(getattr(t, "full_name", None) or t.longname)
        for s in suite.suites:
            walk(s)

    walk(TestSuite.from_file_system(path))
    return names


def line(xml, seconds):
    c = collections.Counter(x.status for x in cases(pathlib.Path(xml)))
    rest = f", {c['NOTRUN']} not run" if c["NOTRUN"] else ""
    print(f"{c['PASS']} passed, {c['FAIL']} failed{rest} in {seconds} s", flush=True)


def table(a):
    out = pathlib.Path(a.out)
    rows, failures, trouble = [], [], []
    for entry in open(a.areas, encoding="utf-8"):
        area, path, folder, seconds, note = entry.rstrip("\n").split("\t")
        seen = cases(pathlib.Path(folder) / "output.xml")
        try:
            plan = planned(path, a.include.split(), a.exclude.split())
        except Exception as e:                          # sources that cannot be read: what ran is all we know
            plan = [c.name for c in seen]
            note = "; ".join(filter(None, [note, f"sources unreadable: {e}"]))
        missing = collections.Counter(plan) - collections.Counter(c.name for c in seen)
        extra = collections.Counter(c.name for c in seen) - collections.Counter(plan)
        all_cases = seen + [Case(n, "NOTRUN", "not in output.xml") for n in missing.elements()]
        passed = sum(c.status == "PASS" for c in all_cases)
        not_run = sum(c.status == "NOTRUN" for c in all_cases)
        rows.append([area, passed, len(all_cases) - passed, len(all_cases), not_run, int(seconds), note])
        failures += [(area, c) for c in all_cases if c.status != "PASS"]
        if not all_cases:
            trouble.append(f"{area}: no cases")
        if missing or extra:
            trouble.append(f"{area}: {sum(missing.values())} cases of the sources are not in output.xml, {sum(extra.values())} are only there")

    head = ["area", "passed", "failed", "total", "not run", "seconds", "note"]
    total = ["all"] + [sum(r[i] for r in rows) for i in range(1, 6)] + [""]
    with open(out / "results.tsv", "w", encoding="utf-8") as f:
        for r in [head] + rows + [total]:
            print(*r, sep="\t", file=f)
    with open(out / "failed.txt", "w", encoding="utf-8") as f:
        for area, c in failures:
            print(f"{area}\t{c.name}", file=f)
    with open(out / "failures.tsv", "w", encoding="utf-8") as f:
        for area, c in failures:
            print(area, c.name, c.status, " ".join(c.message.split())[:300], sep="\t", file=f)

    width = [max(len(str(r[i])) for r in [head] + rows + [total]) for i in range(7)]
    rule = "  ".join("-" * w for w in width)

    def show(r):
        print("  ".join(str(v).ljust(w) if i in (0, 6) else str(v).rjust(w) for i, (v, w) in enumerate(zip(r, width))).rstrip())

    print()
    show(head)
    print(rule)
    for r in rows:
        show(r)
    print(rule)
    show(total)
    if total[4]:
        print("\n\"not run\" is part of \"failed\": cut off by a time limit, a stop, or a file that Robot could not load.")
    print(f"\nfailed cases: {out / 'failed.txt'} (names), {out / 'failures.tsv'} (with reasons)")
    for t in trouble:
        print(f"note: {t}")
    return 1 if total[2] else 0 if total[3] else 2


if __name__ == "__main__":
    if sys.argv[1] == "line":
        line(*sys.argv[2:])
    else:
        p = argparse.ArgumentParser()
        p.add_argument("command")
        p.add_argument("--include", default="")
        p.add_argument("--exclude", default="")
        p.add_argument("areas")
        p.add_argument("out")
        sys.exit(table(p.parse_args()))
