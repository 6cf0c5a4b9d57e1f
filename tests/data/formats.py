"""Compares what read_formats finds in real files with what Python's standard modules find. See formats.sh."""

import csv
import io
import json
import pathlib
import subprocess
import sys
import xml.etree.ElementTree
import zlib

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "app"))
from tally import expect, finish  # noqa: E402

READ, DATA = sys.argv[1], pathlib.Path(sys.argv[2])


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
        ("services/shelters_jp", "*.json", "", ("features",)), ("services2/fhir/synthea-r4", "*.json", "entry", ("entry",)),
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


# ---- OpenStreetMap, decoded a second time ----

def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7


def message(data):
    """Field number to values: numbers and bytes."""
    found, at = {}, 0
    while at < len(data):
        key, at = varint(data, at)
        if key & 7 == 0:
            value, at = varint(data, at)
        elif key & 7 == 2:
            size, at = varint(data, at)
            value, at = data[at:at + size], at + size
        else:
            raise ValueError(key)
        found.setdefault(key >> 3, []).append(value)
    return found


def packed(found, number):
    values, at = [], 0
    for data in found.get(number, []):
        at = 0
        while at < len(data):
            value, at = varint(data, at)
            values.append(value)
    return values


def zigzag(values):
    return [(v >> 1) ^ -(v & 1) for v in values]


def sums(values):
    total, out = 0, []
    for value in values:
        total += value
        out.append(total)
    return out


def read_pbf(path):
    """Places of nodes, and (id, tags, nodes) of ways, (id, tags, members) of relations, tags of nodes; and how many
    ways and relations are told, the same one twice too."""
    data, at = path.read_bytes(), 0
    told = {3: 0, 4: 0}
    places, node_tags, ways, relations = {}, {}, {}, {}
    while at < len(data):
        size = int.from_bytes(data[at:at + 4], "big")
        header = message(data[at + 4:at + 4 + size])
        at += 4 + size
        blob = message(data[at:at + header[3][0]])
        at += header[3][0]
        if header[1][0] != b"OSMData":
            continue
        block = message(zlib.decompress(blob[3][0]) if 3 in blob else blob[1][0])
        texts = [text.decode() for text in message(block[1][0])[1]]
        scale = block.get(17, [100])[0]
        for group in map(message, block.get(2, [])):
            for node in map(message, group.get(1, [])):
                (number, lat, lon) = zigzag(node[key][0] for key in (1, 8, 9))
                places[number] = (lon * scale / 1e9, lat * scale / 1e9)
                if 2 in node:
                    node_tags[number] = {texts[k]: texts[v] for k, v in zip(packed(node, 2), packed(node, 3))}
            for dense in map(message, group.get(2, [])):
                ids = sums(zigzag(packed(dense, 1)))
                lats, lons = sums(zigzag(packed(dense, 8))), sums(zigzag(packed(dense, 9)))
                pairs = iter(packed(dense, 10))
                for i, node in enumerate(ids):
                    places[node] = (lons[i] * scale / 1e9, lats[i] * scale / 1e9)
                    tags = {}
                    for key in pairs:
                        if key == 0:
                            break
                        tags[texts[key]] = texts[next(pairs)]
                    if tags:
                        node_tags[node] = tags
            for number, into in ((3, ways), (4, relations)):
                for thing in map(message, group.get(number, [])):
                    told[number] += 1
                    tags = {texts[k]: texts[v] for k, v in zip(packed(thing, 2), packed(thing, 3))}
                    if number == 3:
                        into[thing[1][0]] = (tags, sums(zigzag(packed(thing, 8))))
                    else:
                        into[thing[1][0]] = (tags, list(zip(packed(thing, 10), sums(zigzag(packed(thing, 9))),
                                                            [texts[r] for r in packed(thing, 8)])))
    return places, node_tags, ways, relations, told


def is_place(tags):
    keys = ("amenity", "shop", "tourism", "public_transport", "office", "healthcare", "leisure")
    return (any(tags.get(key, "no") != "no" for key in keys) or tags.get("highway") == "bus_stop"
            or tags.get("railway") in ("station", "halt", "tram_stop", "subway_entrance"))


def ring_area(ring):
    return abs(sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(ring, ring[1:]))) / 2


def maps():
    files = sorted(DATA.rglob("*.osm.pbf"))
    for file in files:
        name = str(file.relative_to(DATA))
        places, node_tags, ways, relations, told = read_pbf(file)
        got, said, code = read("osm", file)
        expect(name + ": counts", said.split()[:3], [str(len(places)), str(told[3]), str(told[4])])
        by_id = {one["id"]: one for one in got}
        expect(name + ": nodes that are places", {i for i in by_id if i[0] == "n"},
               {f"n{node}" for node, tags in node_tags.items() if is_place(tags)})
        street = {w for w, (tags, _) in ways.items() if tags.get("highway", "no") not in ("no", "bus_stop")}
        lines = {f"w{w}" for w in street if sum(n in places for n in ways[w][1]) > 1 and ways[w][0].get("area") != "yes"}
        expect(name + ": streets", {i for i, one in by_id.items() if "s" in one["is"]
                                    and one["geometry"]["type"] == "LineString"} - lines, set())
        expect(name + ": all streets", lines - {i for i, one in by_id.items() if "s" in one["is"]}, set())
        houses = {f"w{w}" for w, (tags, nodes) in ways.items() if tags.get("building", "no") != "no" and len(nodes) > 3
                  and nodes[0] == nodes[-1] and all(n in places for n in nodes)}
        expect(name + ": buildings", {i for i, one in by_id.items() if "b" in one["is"] and i[0] == "w"} - houses, set())
        expect(name + ": all buildings", {i for i in houses - set(by_id) if "highway" not in ways[int(i[1:])][0]}, set())
        for one in got:  # shapes and tags
            number = int(one["id"][1:])
            if one["id"][0] != "w":
                continue
            shape = one["geometry"]["coordinates"]
            shape = shape[0] if one["geometry"]["type"] == "Polygon" else shape
            wanted = [places[n] for n in ways[number][1] if n in places]
            same = len(shape) == len(wanted) and all(abs(a[0] - b[0]) + abs(a[1] - b[1]) < 1e-9
                                                     for a, b in zip(shape, wanted))
            if one["tags"] != ways[number][0] or not same:
                expect(f"{name}: {one['id']}", one, ways[number])
        whole = 0
        for relation, (tags, members) in relations.items():
            # Where every member is a ring of its own the area is theirs: outer ones without inner ones.
            if tags.get("type") != "multipolygon" or f"r{relation}" not in by_id:
                continue
            rings = [(role, ways[way][1]) for kind, way, role in members if kind == 1]
            if any(nodes[0] != nodes[-1] for _, nodes in rings):
                continue
            wanted = sum((-1 if role == "inner" else 1) * ring_area([places[n] for n in nodes]) for role, nodes in rings)
            shape = by_id[f"r{relation}"]["geometry"]
            parts = [shape["coordinates"]] if shape["type"] == "Polygon" else shape["coordinates"]
            area = sum(ring_area(part[0]) - sum(map(ring_area, part[1:])) for part in parts)
            whole += 1
            if abs(area - wanted) > 1e-9 * max(wanted, 1e-6):
                expect(f"{name}: r{relation}", area, wanted)
        print(f"{name}: {len(places)} nodes, {len(got)} features, {whole} areas of relations compared, "
              f"{said.split()[3]} incomplete")


tables()
maps()
trees()
documents()
sys.exit(finish())
