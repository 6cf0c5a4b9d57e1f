#!/usr/bin/env python3
"""All of Zürich's open data as it was published, untouched: each file is proposed as a feed, declared as proposed, and read
by a server; entities, tiles and reports of quality beside what Python's standard modules find in the same files. Latin-1,
byte order marks and years of two digits are among them; what is not read is refused for the right reason.

usage: zurich.py MADANG FOLDER
"""

import collections
import csv
import io
import json
import math
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
import xml.etree.ElementTree

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests/app"), str(ROOT / "tests/interop")]
from pinned import environment  # noqa: E402
from server import Server  # noqa: E402
from tally import expect, finish  # noqa: E402

MADANG, PACK = sys.argv[1], pathlib.Path(sys.argv[2]) / "city" / "zurich"
REFUSED = {  # with what is said
    "buildings/zurich_buildings_overture.geoparquet": "Parquet: Debian 12 has no library that reads it",
    "transit/frequenzen_hardbruecke_2024.parquet": "Parquet: Debian 12 has no library that reads it",
    "civic/ogd_meta_example.xml": 'Which element repeats? Say it by "records"',
}
TOO_LARGE = {"transit/routes.topojson"}  # one object of 588 kB, which is no list of things


def text_of(path):
    raw = path.read_bytes()
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("cp1252")


def count(path):
    """Records, and points among them as (lon, lat); rows of a table."""
    if path.suffix == ".csv":
        rows = list(csv.DictReader(io.StringIO(text_of(path), newline="")))
        return len(rows), [], rows
    if path.suffix == ".xml":
        return len(xml.etree.ElementTree.parse(path).getroot().findall("channel/item")), [], None
    document = json.loads(text_of(path))
    if isinstance(document, list):
        return len(document), [], None
    features = document.get("features") if document.get("type") == "FeatureCollection" else None
    if features is None:
        return 1, [], None
    points = [one["geometry"]["coordinates"][:2] for one in features if (one["geometry"] or {}).get("type") == "Point"]
    return len(features), points, None


def propose(path):
    done = subprocess.run([MADANG, "feed", "try", str(path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def distinct(identity, rows):
    fields = re.findall(r"\{([^}]+)\}", identity)
    return len(rows) if "@record" in fields else len({tuple(row[field] for field in fields) for row in rows})


def entities(server, kind):
    answer = server.ask("GET", f"/ngsi-ld/v1/entities?type={urllib.parse.quote(kind)}&limit=0&count=true")
    return int(answer[1]["NGSILD-Results-Count"])


ZOOM = 14
DECODE = """
import sys, mapbox_vector_tile
print(sum(len(layer["features"]) for layer in mapbox_vector_tile.decode(sys.stdin.buffer.read()).values()))
"""


def tile_of(point):
    lon, lat = point
    side = 2 ** ZOOM
    return int((lon + 180) / 360 * side), int((1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2 * side)


def on_tile(server, kind, x, y, decoder):
    """How many things another program finds on the tile; where there is no such program, whether it holds anything."""
    with urllib.request.urlopen(f"{server.url}/tiles/{urllib.parse.quote(kind)}/{ZOOM}/{x}/{y}.mvt") as answer:
        body = answer.read()
    if decoder is None:
        return len(body) > 0
    return int(subprocess.run([str(decoder / "python"), "-c", DECODE], input=body, stdout=subprocess.PIPE).stdout)


def parquet(server):
    """A server that is given what it does not read sets it aside, once, and says why."""
    for name in (name for name in REFUSED if name.endswith("parquet")):
        path = PACK / name
        feed = {"id": "parquet", "source": {"folder": str(path.parent), "pattern": path.name}, "every": 1, "type": "Thing",
                "identity": "urn:ngsi-ld:Thing:{id}", "attributes": {"name": "name"}}
        expect(f"{name}: declared", server.ask("POST", "/admin/feeds", feed)[0], 201)
        end = time.monotonic() + 60
        while not server.ask("GET", "/admin/feeds/parquet")[2]["rejected"] and time.monotonic() < end:
            time.sleep(0.1)
        letters = server.ask("GET", "/admin/feeds/parquet/deadLetters")[2]
        expect(f"{name}: set aside", [letter["reason"].startswith("This is " + REFUSED[name]) for letter in letters], [True])
        server.ask("DELETE", "/admin/feeds/parquet")


def main():
    files = sorted(path for path in PACK.rglob("*") if path.is_file() and path.suffix != ".md")
    feeds = {}
    for path in files:
        name = str(path.relative_to(PACK))
        code, out, said = propose(path)
        if name in REFUSED:
            expect(f"{name}: refused", code != 0 and not out and REFUSED[name] in said)
            continue
        if name in TOO_LARGE:
            expect(f"{name}: too large", "too large" in said)
            continue
        expect(f"{name}: proposed", code, 0)
        if code == 0:
            feed = json.loads(out)
            feed["source"] = {"file": str(path)}
            feeds[name] = feed
    expect("refused", len(REFUSED), sum(name in REFUSED for name in map(lambda path: str(path.relative_to(PACK)), files)))
    decoder = environment("tiles", ROOT / "tests/interop")
    with tempfile.TemporaryDirectory(prefix="madang-zurich-") as folder:
        placed = []
        for name, feed in feeds.items():
            placed.append(pathlib.Path(folder) / (feed["id"] + ".json"))
            placed[-1].write_text(json.dumps(feed))
        with Server(MADANG, "--set", "feeds.files=" + ",".join(map(str, placed)), "--set", f"feeds.folders={PACK}") as server:
            parquet(server)
            for name, feed in feeds.items():
                end = time.monotonic() + 120
                while True:
                    told = server.ask("GET", f"/admin/feeds/{feed['id']}")[2]
                    if told["state"] == "failing" or told.get("lastSuccess"):
                        break
                    assert time.monotonic() < end, f"{name}: not read in two minutes"
                    time.sleep(0.1)
                records, points, rows = count(PACK / name)
                expect(f"{name}: trouble", told.get("trouble"), None)
                expect(f"{name}: records, refused", [told["records"], told["rejected"]], [records, 0])
                there = entities(server, feed["type"])
                if rows is not None:
                    expect(f"{name}: entities", there, distinct(feed["identity"], rows))
                    fields = [rule["from"] for rule in feed["attributes"].values()]
                    expect(f"{name}: missing values", told["missing"],
                          sum((row[field] or "").strip() in feed["missing"] for row in rows for field in fields))
                else:
                    expect(f"{name}: entities", there, records)
                if points:
                    tiles = collections.Counter(map(tile_of, points))
                    (x, y), there = tiles.most_common(1)[0]
                    # Beyond 2,000 a tile is a sample; its rim has what lies just outside.
                    found = on_tile(server, feed["type"], x, y, decoder)
                    expect(f"{name}: on the map", there <= found <= there * 1.1 + 5 if decoder and there < 1800 else found > 0)
                status, _, quality = server.ask(
                    "GET", f"/ngsi-ld/v1/entities/urn:ngsi-ld:DataQualityAssessment:{feed['id']}?format=simplified")
                expect(f"{name}: quality", status == 200 and 0 <= quality["completeness"] <= 1 and quality["validity"] == 1)
    return finish()


if __name__ == "__main__":
    sys.exit(main())
