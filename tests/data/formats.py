"""Compares what read_formats finds in real files with what Python's standard modules find. See formats.sh."""

import csv
import io
import json
import pathlib
import subprocess
import sys
import xml.etree.ElementTree

READ, DATA = sys.argv[1], pathlib.Path(sys.argv[2])
passed = failed = 0


def expect(name, got, wanted):
    global passed, failed
    if got == wanted:
        passed += 1
        return
    failed += 1
    print(f"FAILED {name}: got {str(got)[:300]}, wanted {str(wanted)[:300]}")


def read(*command):
    """The records, as (line, problem or None, [[column, text], ...]), and what was said."""
    done = subprocess.run([READ, *map(str, command)], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    records = [json.loads(line) for line in done.stdout.decode().splitlines()]
    return records, done.stderr.decode().strip(), done.returncode


def latin1(path):
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        return path.read_bytes().decode("cp1252")


def tables():
    """Every CSV of the cities and of some services, cell by cell."""
    files = sorted(file for folder in ("city", "services", "services2", "transit", "traffic")
                   for file in (DATA / folder).rglob("*.csv"))
    cells = 0
    for file in files:
        text = latin1(file)
        records, said, code = read("csv", file)
        encoding, delimiter, header = said.rsplit(" ", 2) if not said.endswith("\t 1") else (said[:-4], "\t", "1")
        rows = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if row]
        if header == "1":
            rows = rows[1:]
        name = str(file.relative_to(DATA))
        expect(name + ": exit", code, 0)
        expect(name + ": rows", len(records), len(rows))
        for record, row in zip(records, rows):
            if "problem" in record:
                continue
            got = [text for _, text in record["fields"]]
            cells += len(got)
            while len(row) > len(got) and row[-1] == "":
                row.pop()
            if got != row:
                expect(f"{name}: line {record['line']}", got, row)
                break
        problems = [record["problem"] for record in records if "problem" in record]
        if problems:
            print(f"{name}: {len(problems)} of {len(records)} rows with a problem, the first: {problems[0]}")
    print(f"{len(files)} tables, {cells} cells")


def elements(file, path):
    """Records by path, with Python's own parser: (column, text) as XmlReader has them; the namespaces' prefixes apart."""
    def bare(name):
        return name.rsplit("}", 1)[-1]

    def walk(element, place):
        found = [(place + "/@" + bare(k) if place else "@" + bare(k), v) for k, v in element.attrib.items()]
        for child in element:
            found += walk(child, place + "/" + bare(child.tag) if place else bare(child.tag))
        text = ((element.text or "") + "".join(child.tail or "" for child in element)).strip(" \t\r\n")
        if text or (len(element) == 0 and place):
            found.append((place or ".", text))
        return found

    root = xml.etree.ElementTree.parse(file).getroot()
    records = [root] if not path.strip("/*") else list(root) if path == "*/*" else root.iter()
    names = path.removeprefix("//")
    return [walk(one, "") for one in records if path == "*/*" or bare(one.tag) == names]


def documents():
    files = [(file, path) for folder, path in (("city/zurich/parking", "//item"), ("services/jma_xml/samples", "//Item"),
                                               ("services", "//info"), ("transit", "//StopPlace"))
             for file in sorted((DATA / folder).rglob("*.xml"))]
    records = 0
    for file, path in files:
        name = f"{file.relative_to(DATA)} {path}"
        try:
            wanted = elements(file, path)
        except xml.etree.ElementTree.ParseError:
            expect(name + ": broken", read("xml", file, path)[2], 1)
            continue
        got, said, code = read("xml", file, path)
        if "definitions of its own" in said:
            print(name + ": refused: " + said)
            continue
        expect(name + ": exit", (code, said), (0, ""))
        expect(name + ": records", len(got), len(wanted))
        for one, other in zip(got, wanted):
            fields = [("/".join(step[0] == "@" and "@" + step.rsplit(":", 1)[-1].lstrip("@") or step.rsplit(":", 1)[-1]
                                for step in column.split("/")), text)
                      for column, text in one["fields"] if not column.startswith("../")]
            records += 1
            if fields != other:
                expect(f"{name}: line {one['line']}", fields, other)
                break
    print(f"{len(files)} XML documents, {records} records")


def flat(value, place=""):
    """The members of an object as JsonReader has them: whole and member by member."""
    found = []
    for key, inner in value.items():
        key = key.replace("~", "~0").replace("/", "~1")
        here = f"{place}/{key}" if place else key
        if isinstance(inner, dict):
            found += [(here, inner), *flat(inner, here)]
        else:
            found.append((here, inner))
    return found


def trees():
    files = [(file, path, steps) for folder, pattern, path, steps in (
        ("city", "*.geojson", "features", ("features",)), ("city", "*.geojson", "", ("features",)),
        ("transit/gbfs", "station_*.json", "data/stations", ("data", "stations")),
        ("services/shelters_jp", "*.json", "", ()), ("services2/fhir/synthea-r4", "*.json", "entry", ("entry",)),
        ("services2/fhir/bulk-10-patients", "*.ndjson", "", None)) for file in sorted((DATA / folder).rglob(pattern))]
    records = 0
    for file, path, steps in files:
        name = f"{file.relative_to(DATA)} {path}"
        try:
            text = file.read_bytes().decode()
        except UnicodeDecodeError:
            continue  # JSON is UTF-8: this one is for the importer's refusals
        if steps is None:
            wanted = [json.loads(line) for line in text.splitlines()]
        else:
            wanted = json.loads(text)
            for step in steps:
                inner = wanted.get(step) if isinstance(wanted, dict) else None
                wanted = inner if inner is not None else [] if path else wanted
            wanted = wanted if isinstance(wanted, list) else [wanted]
        got, said, code = read("json", file, path)
        expect(name + ": exit", (code, said), (0, ""))
        expect(name + ": records", len(got), len(wanted))
        for one, other in zip(got, wanted):
            records += 1
            fields = [tuple(field) for field in one["fields"]]
            texts = [(key, value) for key, value in flat(other)]
            same = len(fields) == len(texts) and all(
                a[0] == b[0] and (a[1] == b[1] if isinstance(b[1], str) else a[1] == "" if b[1] is None
                                  else json.loads(a[1]) == b[1]) for a, b in zip(fields, texts))
            if not same:
                expect(f"{name}: line {one['line']}", fields, texts)
                break
    print(f"{len(files)} JSON documents, {records} records")


tables()
trees()
documents()
print(f"{passed} passed, {failed} failed")
sys.exit(1 if failed else 0)
