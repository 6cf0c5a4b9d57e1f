#!/usr/bin/env python3
"""Real tables as feeds: from the file to entities, their past and the report of quality, beside what Python's csv and
json count.

usage: feeds.py MADANG FOLDER
"""

import collections
import csv
import json
import pathlib
import sys
import tempfile
import time
import zipfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/app"))
from server import Server  # noqa: E402
from tally import expect, finish  # noqa: E402

MADANG, DATA = sys.argv[1], pathlib.Path(sys.argv[2]) / "city"


NONE = {"", "NA", "N/A", "NaN", "null", "-"}


def table(path):
    with open(DATA / path, encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def instances(server, entity, attribute):
    """How many values the past has of it."""
    count, after = 0, "1900-01-01T00:00:00Z"
    while True:
        status, _, body = server.ask("GET", f"/ngsi-ld/v1/temporal/entities/{entity}?attrs={attribute}&timerel=after"
                                            f"&timeAt={after}&format=temporalValues")
        if status == 404 or attribute not in body:
            return count
        assert status in (200, 206), (status, body)
        values = body[attribute]["values"]
        count += len(values)
        if status == 200:
            return count
        after = max(moment for _, moment in values)
        count -= sum(moment == after for _, moment in values)  # they come again


def zurich(server, feed):
    rows = table(feed["source"]["file"])
    expect("Zürich: records", feed["told"]["records"], len(rows))
    expect("Zürich: rejected", feed["told"]["rejected"], 0)
    there = [row for row in rows if row["Wert"] not in NONE]
    wanted = collections.Counter((row["Standort"], row["Parameter"]) for row in there)
    names = {rule["where"]["Parameter"]: name for name, rule in feed["attributes"].items()}
    expect("Zürich: passed over", feed["told"]["passedOver"],
          sum(row["Parameter"] not in names for row in rows))
    expect("Zürich: missing", feed["told"]["missing"],
          sum(row["Parameter"] in names and row["Wert"] in NONE for row in rows))
    expect("Zürich: values", feed["told"]["values"],
          sum(count for (_, parameter), count in wanted.items() if parameter in names))
    for (station, parameter), count in wanted.items():
        if parameter in names:
            expect(f"Zürich: {parameter} of {station}",
                  instances(server, f"urn:ngsi-ld:WeatherObserved:{station.replace('ü', '%C3%BC')}", names[parameter]), count)


def seoul(server, feed):
    rows = table(feed["source"]["file"])
    told = feed["told"]
    expect("Seoul: records, rejected, late, duplicates",
          [told[name] for name in ("records", "rejected", "late", "duplicates")], [len(rows), 0, 0, 0])
    entity = "urn:ngsi-ld:BikeRental:seoul"
    expect("Seoul: hours in the past", instances(server, entity, "rentedBikes"), len(rows))
    day, month, year = rows[-1]["Date"].split("/")
    last = server.ask("GET", f"/ngsi-ld/v1/entities/{entity}")[2]
    expect("Seoul: the last hour", last["rentedBikes"]["value"], int(rows[-1]["Rented Bike Count"]))
    hour = (int(rows[-1]["Hour"]) - 9) % 24  # Seoul is nine hours ahead of UTC
    expect("Seoul: its moment", last["rentedBikes"]["observedAt"], f"{year}-{int(month):02}-{int(day):02}T{hour:02}:00:00Z")


def chicago(server, feed):
    rows = table(feed["source"]["file"])
    told = feed["told"]
    expect("Chicago: records, rejected", [told["records"], told["rejected"]], [len(rows), 0])
    expect("Chicago: entities", int(server.ask("GET", "/ngsi-ld/v1/entities?type=ServiceRequest&limit=0&count=true")[1]
                                   ["NGSILD-Results-Count"]), len({row["Service_Request_Number"] for row in rows}))
    fields = ["Status", "Creation_Date", "Completion_Date", "What_is_the_Nature_of_this_Code_Violation",
              "Street_Address", "Ward"]
    missing = sum(row[field].strip() in NONE for row in rows for field in fields)
    missing += sum(row["Latitude"].strip() in NONE for row in rows)
    expect("Chicago: missing", told["missing"], missing)
    expect("Chicago: values", told["values"], len(rows) * (len(fields) + 1) - missing)
    quality = server.ask("GET", "/ngsi-ld/v1/entities/urn:ngsi-ld:DataQualityAssessment:chicago-311?options=keyValues")[2]
    expect("Chicago: completeness", quality["completeness"], round(1 - missing / (len(rows) * (len(fields) + 1)), 4))


def timetables(folder):
    """Tables of GTFS are tables: the stops and routes of three cities, each with names of its own."""
    wmata, features = DATA.parent / "transit/wmata-avl", DATA.parent / "transit/gtfs-features"
    with zipfile.ZipFile(features / "fortaleza.zip") as archive:
        for name in ("stops.txt", "routes.txt"):
            archive.extract(name, folder / "fortaleza")
    for city, tables in {"w5a": wmata / "gtfs-5A", "w3t": wmata / "gtfs-3T", "fortaleza": folder / "fortaleza"}.items():
        common = {"licence": "see SOURCES.md", "owner": city}
        yield {"id": city + "-stops", "source": {"file": str(tables / "stops.txt")}, "type": "GtfsStop", **common,
               "identity": f"urn:ngsi-ld:GtfsStop:{city}:{{stop_id}}", "location": {"lon": "stop_lon", "lat": "stop_lat"},
               "attributes": {"name": "stop_name", "code": {"from": "stop_code", "kind": "text"}}}
        yield {"id": city + "-routes", "source": {"file": str(tables / "routes.txt")}, "type": "GtfsRoute", **common,
               "identity": f"urn:ngsi-ld:GtfsRoute:{city}:{{route_id}}",
               "attributes": {"shortName": {"from": "route_short_name", "kind": "text"}, "name": "route_long_name",
                              "operatedBy": {"from": "agency_id", "target": f"urn:ngsi-ld:GtfsAgency:{city}:{{}}"}}}


def timetable(server, feed):
    with open(feed["source"]["file"], encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    stops = feed["type"] == "GtfsStop"
    name, key = feed["id"], "stop_id" if stops else "route_id"
    expect(f"{name}: records, rejected", [feed["told"]["records"], feed["told"]["rejected"]], [len(rows), 0])
    entities = {entity["id"]: entity for entity in every(server, feed["type"], feed["identity"].split("{")[0])}
    expect(f"{name}: entities", set(entities), {feed["identity"].split("{")[0] + row[key] for row in rows})
    for row in rows:
        entity = entities[feed["identity"].split("{")[0] + row[key]]
        if stops:
            expect(f"{name}: place of {row[key]}", entity["location"]["coordinates"],
                  [float(row["stop_lon"]), float(row["stop_lat"])])
        else:
            expect(f"{name}: {row[key]}", [entity.get("shortName", ""), entity["operatedBy"].rsplit(":", 1)[1]],
                  [row["route_short_name"], row["agency_id"]])


def every(server, kind, beginning):
    """Entities of a type whose ids begin so, page after page."""
    target = f"/ngsi-ld/v1/entities?type={kind}&idPattern={beginning}.*&limit=1000&format=simplified"
    offset = 0
    while True:
        page = server.ask("GET", f"{target}&offset={offset}")[2]
        yield from page
        if len(page) < 1000:
            return
        offset += 1000


def bikes(server, feed):
    folder = DATA.parent / "transit/gbfs/lillestrom"
    stations = json.loads((folder / "station_information.json").read_text())["data"]["stations"]
    status = json.loads((folder / "station_status.json").read_text())["data"]["stations"]
    expect(feed["id"] + ": records, rejected", [feed["told"]["records"], feed["told"]["rejected"]],
          [len(stations if feed["id"] == "gbfs-stations" else status), 0])
    if feed["id"] != "gbfs-status":
        return
    now = {one["station_id"]: one for one in status}
    entities = {entity["id"]: entity for entity in every(server, "BikeHireDockingStation", "urn:ngsi-ld:BikeHireDockingStation:")}
    expect("GBFS: stations", len(entities), len({one["station_id"] for one in stations} | set(now)))
    for one in stations:
        entity = entities["urn:ngsi-ld:BikeHireDockingStation:" + one["station_id"]]
        expect("GBFS: " + one["name"], [entity["name"], entity["totalSlotNumber"], entity["availableBikeNumber"]],
              [one["name"], one["capacity"], now[one["station_id"]]["num_bikes_available"]])


def main():
    checks = {"zurich-weather": zurich, "seoul-bikes": seoul, "chicago-311": chicago, "gbfs-stations": bikes, "gbfs-status": bikes}
    with tempfile.TemporaryDirectory(prefix="madang-data-feeds-") as folder:
        feeds = {}
        for file in sorted((ROOT / "tests/data/feeds").glob("*.json")):
            feed = json.loads(file.read_text())
            feeds[feed["id"]] = feed
            placed = {**feed, "source": {"file": str(DATA / feed["source"]["file"])}}
            (pathlib.Path(folder) / file.name).write_text(json.dumps(placed))
        for feed in timetables(pathlib.Path(folder)):
            feeds[feed["id"]] = feed
            (pathlib.Path(folder) / (feed["id"] + ".json")).write_text(json.dumps(feed))
        files = ",".join(str(path) for path in sorted(pathlib.Path(folder).glob("*.json")))
        with Server(MADANG, "--set", f"feeds.files={files}") as server:
            for name, feed in feeds.items():
                end = time.monotonic() + 120
                while True:
                    feed["told"] = server.ask("GET", f"/admin/feeds/{name}")[2]
                    if feed["told"]["state"] == "failing" or feed["told"].get("lastSuccess"):
                        break
                    assert time.monotonic() < end, f"{name}: not read in two minutes"
                    time.sleep(0.1)
                expect(f"{name}: trouble", feed["told"].get("trouble"), None)
            for name, feed in feeds.items():
                checks.get(name, timetable)(server, feed)
    return finish()


if __name__ == "__main__":
    sys.exit(main())
