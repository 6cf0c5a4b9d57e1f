#!/usr/bin/env python3
"""How long a server takes to import a map: from its start until the streets, buildings, places and ground of an OSM file
are entities that can be asked for, by four feeds. Beside it bench_osm says what reading the file takes.

usage: osm_import.py MADANG FILE.osm.pbf
"""

import json
import pathlib
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests/app"))
from server import Server  # noqa: E402

KINDS = {"streets": "RoadSegment", "buildings": "Building", "places": "PointOfInterest", "ground": "LandUse"}
ROUNDS = 5


def declare(folder, file):
    for records, kind in KINDS.items():
        path = folder / f"{records}.json"
        path.write_text(json.dumps({
            "id": records, "source": {"file": file}, "format": {"kind": "osm.pbf", "records": records}, "type": kind,
            "identity": f"urn:ngsi-ld:{kind}:{{@id}}", "location": "geometry",
            "attributes": {"name": "name", "category": "building", "roadClass": "highway", "amenity": "amenity"}}))
        yield str(path)


def once(madang, files):
    with Server(madang, "--set", "feeds.files=" + ",".join(files)) as server:
        begun = time.monotonic()  # the feeds began with the server, some milliseconds before
        while True:
            feeds = [server.ask("GET", f"/admin/feeds/{records}")[2] for records in KINDS]
            if all(feed.get("lastSuccess") or feed["state"] == "failing" for feed in feeds):
                break
            time.sleep(0.005)
        seconds = time.monotonic() - begun
        for feed in feeds:
            assert not feed.get("trouble") and feed["rejected"] == 0, feed
        target = f"/ngsi-ld/v1/entities?type={','.join(KINDS.values())}&limit=0&count=true"
        count = int(server.ask("GET", target)[1]["NGSILD-Results-Count"])
        assert count == sum(feed["records"] for feed in feeds), count
        return seconds, count


def main():
    madang, file = sys.argv[1], str(pathlib.Path(sys.argv[2]).resolve())
    with tempfile.TemporaryDirectory(prefix="madang-osm-") as folder:
        files = list(declare(pathlib.Path(folder), file))
        rounds = [once(madang, files) for _ in range(ROUNDS)]
    seconds = sorted(one for one, _ in rounds)
    print(f"{rounds[0][1]} entities: {seconds[0]:.2f} to {seconds[-1]:.2f} s, {seconds[ROUNDS // 2]:.2f} s in the middle")


if __name__ == "__main__":
    main()
