#!/usr/bin/env python3
"""Real timetables in their zips, and real maps as GeoPackages and Shapefiles in other projections: by the declaration
that `feed try` proposes into entities, beside what Python's csv, json and zipfile make of the same.

usage: packed.py MADANG FOLDER
"""

import csv
import io
import json
import math
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.parse
import zipfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/app"))
from server import Server, run  # noqa: E402
from tally import expect, finish  # noqa: E402

MADANG, DATA = sys.argv[1], pathlib.Path(sys.argv[2])
TIMETABLES = {"cairns": "transit/cairns/cairns_gtfs.zip", "tampa": "transit/hart/hart.zip",
              "alegre": "transit/porto-alegre/poa_eptc.zip", "fortaleza": "transit/gtfs-features/fortaleza.zip"}
TABLES = {"stops": "stop_id", "routes": "route_id", "trips": "trip_id", "shapes": "shape_id"}
MAPS = {"gu": ("city/seoul/boundaries/seoul_gu_juso2015.geojson", "EPSG:5186"),
        "pharmacies": ("city/zurich/places/osm_pharmacy_kt_zh.geojson", "EPSG:2056"),
        "schools": ("city/zurich/places/osm_schools_stadt_zh.geojson", "EPSG:2056")}


def proposed(path, *options):
    code, out, said = run(MADANG, "feed", "try", path, *options)
    expect(f"{path} {options}: code", code, 0)
    return json.loads(out) if code == 0 else {}


def every(server, kind):
    offset, out = 0, {}
    while True:
        page = server.ask("GET", f"/ngsi-ld/v1/entities?type={kind}&limit=1000&offset={offset}&format=simplified")[2]
        out.update({entity["id"]: entity for entity in page})
        if len(page) < 1000:
            return out
        offset += 1000


def rows_of(path, table):
    with zipfile.ZipFile(path) as archive, archive.open(table + ".txt") as file:
        return [{name.strip(): (value or "").strip() for name, value in row.items() if name is not None}
                for row in csv.DictReader(io.TextIOWrapper(file, "utf-8-sig", newline=""))]


def lines(rows):
    """Points by shape, in order."""
    shapes = {}
    for row in rows:
        shapes.setdefault(row["shape_id"], []).append(
            (int(row["shape_pt_sequence"]), float(row["shape_pt_lon"]), float(row["shape_pt_lat"])))
    return {name: [[lon, lat] for _, lon, lat in sorted(points, key=lambda point: point[0])]
            for name, points in shapes.items()}


def timetable(server, kind, city, table, told):
    rows = rows_of(DATA / TIMETABLES[city], table)
    wanted = lines(rows) if table == "shapes" else {row[TABLES[table]]: row for row in rows}
    name = f"{city} {table}"
    expect(f"{name}: records, rejected", [told["records"], told["rejected"]],
          [len(wanted) if table == "shapes" else len(rows), 0])
    begin = f"urn:ngsi-ld:{kind}:"
    entities = {urllib.parse.unquote(key.removeprefix(begin)): entity for key, entity in every(server, kind).items()}
    expect(f"{name}: entities", set(entities), set(wanted))
    for key, one in wanted.items():
        entity = entities.get(key, {})
        if table == "shapes":
            expect(f"{name}: {key}", entity.get("location", {}).get("coordinates"), one)
        elif table == "stops":
            expect(f"{name}: {key}", [entity.get("name", ""), entity["location"]["coordinates"]],
                  [one["stop_name"], [float(one["stop_lon"]), float(one["stop_lat"])]])
        elif table == "routes":
            expect(f"{name}: {key}", [entity.get("shortName", ""), entity.get("name", ""), entity["routeType"]],
                  [one["route_short_name"], one["route_long_name"], int(one["route_type"])])
        else:
            route = entity["hasRoute"].removeprefix("urn:ngsi-ld:GtfsRoute:")
            expect(f"{name}: {key}", urllib.parse.unquote(route), one["route_id"])


def corners(geometry):
    """Every position of a geometry, where two programs may begin a ring elsewhere or turn it."""
    def walk(part):
        if part and isinstance(part[0], (int, float)):
            yield part[:2]
        else:
            for inner in part:
                yield from walk(inner)
    return list(walk(geometry["coordinates"]))


def far(one, other):
    """The greatest distance in metres from a corner of one to the nearest of the other."""
    def metres(a, b):
        return math.hypot((a[0] - b[0]) * 111_320 * math.cos(math.radians(a[1])), (a[1] - b[1]) * 110_574)
    near = {(round(x, 3), round(y, 3)): [] for x, y in other}
    for x, y in other:
        near[round(x, 3), round(y, 3)].append((x, y))
    worst = 0
    for x, y in one:
        around = [point for dx in (-1, 0, 1) for dy in (-1, 0, 1)
                  for point in near.get((round(x + dx / 1000, 3), round(y + dy / 1000, 3)), [])]
        worst = max(worst, min((metres((x, y), point) for point in around), default=1e9))
    return worst


def made(folder, name, driver):
    source, crs = MAPS[name]
    target = folder / (f"{name}.gpkg" if driver == "GPKG" else f"{name}.shp")
    options = [] if driver == "GPKG" else ["-lco", "ENCODING=UTF-8"]
    subprocess.run(["ogr2ogr", "-f", driver, "-s_srs", "EPSG:4326", "-t_srs", crs, target, DATA / source, *options],
                   check=True, capture_output=True)
    return target


def chart(server, kind, name, told):
    features = json.loads((DATA / MAPS[name][0]).read_text())["features"]
    there = [feature for feature in features if feature["geometry"]]
    expect(f"{kind}: records, rejected", [told["records"], told["rejected"]], [len(features), 0])
    entities = list(every(server, kind).values())
    expect(f"{kind}: entities", len(entities), len(features))
    # Each where it was, and none elsewhere: by the corners of all.
    here = [corner for entity in entities for corner in corners(entity["location"])]
    wanted = [corner for feature in there for corner in corners(feature["geometry"])]
    expect(f"{kind}: within half a metre", [far(here, wanted) < 0.5, far(wanted, here) < 0.5], [True, True])


def main():
    feeds, checks = {}, {}
    with tempfile.TemporaryDirectory(prefix="madang-data-packed-") as scratch:
        folder = pathlib.Path(scratch)

        def add(path, feed, kind, looks):
            feed.update({"id": kind.lower(), "type": kind, "source": {"file": str(path)}})
            feed["identity"] = feed["identity"].replace(feed["identity"].split(":")[2], kind)
            feeds[feed["id"]], checks[feed["id"]] = feed, looks

        for city, place in TIMETABLES.items():
            for table in TABLES:
                feed = proposed(DATA / place, "--records", table)
                expect(f"{city} {table}: type", feed["type"], "Gtfs" + table[:-1].capitalize())
                kind = feed["type"] + city.capitalize()
                add(DATA / place, feed, kind, lambda server, told, a=(kind, city, table): timetable(server, *a, told))
        if not shutil.which("ogr2ogr"):
            print("skipped: maps (no ogr2ogr; apt-get install gdal-bin)")
        for driver in ("GPKG", "ESRI Shapefile") if shutil.which("ogr2ogr") else ():
            for name in MAPS:
                path = made(folder, name, driver)
                feed = proposed(path)
                kind = name.capitalize() + driver.split()[-1].capitalize()
                if driver != "GPKG":
                    feed["identity"] = f"urn:ngsi-ld:{kind}:{{@record}}"
                add(path, feed, kind, lambda server, told, a=(kind, name): chart(server, *a, told))
        for feed in feeds.values():
            (folder / (feed["id"] + ".json")).write_text(json.dumps(feed))
        files = ",".join(str(folder / (name + ".json")) for name in feeds)
        with Server(MADANG, "--set", f"feeds.files={files}") as server:
            for name in feeds:
                end = time.monotonic() + 300
                while True:
                    told = server.ask("GET", f"/admin/feeds/{name}")[2]
                    if told["state"] == "failing" or told.get("lastSuccess"):
                        break
                    assert time.monotonic() < end, f"{name}: not read in five minutes"
                    time.sleep(0.1)
                expect(f"{name}: trouble", told.get("trouble"), None)
                if not told.get("trouble"):
                    checks[name](server, told)
    return finish()


if __name__ == "__main__":
    sys.exit(main())
